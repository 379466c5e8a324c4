"""What readers are answered: posting, threads, counts, single comments, pages of other origins."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import uuid4

import jwt
import pytest

from service.model import Mode, Scope
from service.web.operation import Operation
from service.wiring.ground import clock
from tests.api.calls import Answer, query, segment
from tests.api.conftest import ORIGIN, Api
from tests.api.table import (
    NOBODY,
    body,
    broken_body,
    each,
    is_of_readers,
    is_of_the_newsroom,
    target,
)

KEYS: dict[str, str] = {
    "plain": "story-8731",
    "a slash": "2026/11/23/budget",
    "slashes around": "/a/",
    "percent": "100%25 %2F%",
    "a space": "a story",
    "spaces around": " story ",
    "of a URL": "https://daily.example/fr/8731?a=b&c=d;e#f",
    "a plus": "a+b",
    "Arabic": "قصة-الميزانية",
    "vowelled": "كِتَاب",
    "emoji": "🎉",
    "a family": "👨\u200d👩\u200d👧",
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "no-break space": "a\u00a0b",
    "a dot": ".",
    "two dots": "..",
    "a path upwards": "../../etc/passwd",
    "a name of ours": "comments",
    "200 letters": "x" * 200,
    "200 emoji": "🎉" * 200,
    "quotes": "\"'`<b>&amp;",
    "backslash": "a\\b",
    "braces": "{site}",
    "right to left": "\u202eabc",
}

NO_KEYS = {"a line end": "a\nb", "NUL": "a\0b", "escape": "\x1b[0m", "201 letters": "x" * 201}


def one(api: Api, comment: dict[str, Any], **said: Any) -> Answer:
    return api.ask("GET", f"/v1/sites/{api.site.slug}/comments/{comment['id']}", **said)


def thread(api: Api, article: str, **asked: Any) -> dict[str, Any]:
    answer = api.ask("GET", api.thread_of(article, **asked))
    assert answer.status == 200, answer.raw
    page: dict[str, Any] = answer.json
    return page


def texts(page: dict[str, Any]) -> list[str]:
    return [comment["text"] for comment in page["comments"]]


# Posting.


def test_a_comment_is_held_and_its_author_told_everything_but_others_nothing(api: Api) -> None:
    article = api.article()
    answer = api.post(
        article,
        "Hello *there*.",
        lang="fr",
        article={"url": "https://daily.example/1", "title": "Budget vote"},
    )
    assert answer.status == 202
    comment = answer.json["comment"]
    assert answer.headers["Location"] == f"/v1/sites/{api.site.slug}/comments/{comment['id']}"
    assert answer.headers["Idempotency-Replayed"] is None
    assert comment | {"id": "", "created_at": "", "editable_until": ""} == {
        "id": "",
        "article": article,
        "parent_id": None,
        "status": "pending",
        "revision": 1,
        "author": {"name": "Leila", "badge": None, "avatar": None},
        "body": [{"t": "p", "c": ["Hello ", {"t": "em", "c": ["there"]}, "."]}],
        "text": "Hello *there*.",
        "lang": "fr",
        "created_at": "",
        "edited_at": None,
        "votes": {"up": 0, "down": 0},
        "pinned": False,
        "featured": False,
        "reply_count": 0,
        "replies": [],
        "more_replies": None,
        "reason": None,
        "editable_until": "",
        "appeal": None,
        "pending_revision": None,
    }
    assert one(api, comment).status == 404
    assert one(api, comment, bearer=api.receipt).status == 404
    assert one(api, comment, bearer=answer.json["receipt"]).json["comment"] == comment
    assert one(api, comment, bearer=api.keys["read"]).json["comment"]["id"] == comment["id"]
    page = thread(api, article)
    assert (page["comments"], page["article"]["count"]) == ([], 0)


def test_an_approved_comment_is_public_at_once(api: Api) -> None:
    article = api.article()
    before = api.ask("GET", api.thread_of(article))
    api.approved(article, "Now you see it.", article={"url": "https://daily.example/1"})
    after = api.ask("GET", api.thread_of(article))
    assert texts(after.json) == ["Now you see it."]
    assert after.json["article"]["count"] == 1
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_site_may_publish_at_once_and_say_so(api: Api) -> None:
    site = api.new_site(mode=Mode.POST)
    answer = api.post("story", "At once.", site=site)
    assert (answer.status, answer.json["comment"]["status"]) == (201, "approved")
    assert texts(api.ask("GET", api.thread_of("story", site=site)).json) == ["At once."]


@pytest.mark.parametrize("state", ["closed", "off"])
def test_an_article_that_takes_no_comments_says_so(api: Api, state: str) -> None:
    article = api.article()
    where = f"/v1/sites/{api.site.slug}/articles/{article}"
    api.ask("PUT", where, json={"state": state}, bearer=api.keys["manage"])
    answer = api.post(article)
    assert (answer.status, answer.code) == (403, "comments_closed")
    assert thread(api, article)["article"]["state"] == state


def test_guests_are_refused_where_the_site_wants_its_readers_signed_in(api: Api) -> None:
    site = api.new_site(guests_allowed=False)
    assert api.post("story", site=site).code == "guests_not_allowed"
    answer = api.ask("POST", f"/v1/sites/{site.slug}/guests")
    assert (answer.status, answer.code) == (403, "guests_not_allowed")


def test_a_full_queue_takes_no_more(api: Api) -> None:
    site = api.new_site(pending_max=1)
    assert api.post("story", "First.", site=site).status == 202
    answer = api.post("story", "Second.", site=site)
    assert (answer.status, answer.code) == (503, "queue_full")


def test_a_guest_needs_a_name_and_a_signed_in_reader_none(api: Api) -> None:
    where = api.thread_of(api.article())
    answer = api.ask("POST", where, json={"body": "Nameless."})
    assert (answer.status, answer.pointers) == (422, {"/author": "missing"})
    answer = api.ask("POST", where, json={"body": "Nameless.", "author": {}})
    assert (answer.status, answer.pointers) == (422, {"/author/name": "missing"})
    answer = api.ask("POST", where, json={"body": "By token."}, bearer=token(api))
    assert (answer.status, answer.json["receipt"]) == (202, None)
    assert answer.json["comment"]["author"] == {
        "name": "Nour",
        "badge": "Subscriber",
        "avatar": "https://daily.example/nour.png",
    }
    mine = one(api, answer.json["comment"], bearer=token(api))
    assert mine.json["comment"] == answer.json["comment"]
    assert one(api, answer.json["comment"], bearer=token(api, sub="8")).status == 404


def token(api: Api, sub: str = "7") -> str:
    """Return a token of a reader, signed with a key that the site has added."""
    secret = "the secret of the site's sign-in"
    where = f"/v1/sites/{api.site.slug}/token-keys"
    key = {"kid": "main", "issuer": "https://daily.example", "algorithm": "HS256", "key": secret}
    added = api.ask("POST", where, json=key, bearer=api.keys["manage"])
    assert added.status in {201, 409}
    now = int(clock().timestamp())
    claims = {
        "iss": "https://daily.example",
        "sub": sub,
        "aud": api.site.slug,
        "iat": now,
        "exp": now + 60,
        "name": "Nour",
        "badge": "Subscriber",
        "avatar": "https://daily.example/nour.png",
    }
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "main"})


def test_a_receipt_makes_its_bearer_the_same_guest(api: Api) -> None:
    article = api.article()
    first = api.post(article, "First.")
    second = api.post(article, "Second.", bearer=first.json["receipt"])
    assert second.json["receipt"] == first.json["receipt"]
    for answer in (first, second):
        shown = one(api, answer.json["comment"], bearer=first.json["receipt"])
        assert shown.json["comment"]["text"] == answer.json["comment"]["text"]


def test_the_back_end_posts_for_a_reader(api: Api) -> None:
    where, key = api.thread_of(api.article()), api.keys["write"]
    reader = {"id": "7", "name": "Nour", "badge": "Subscriber", "email": "nour@daily.example"}
    answer = api.ask("POST", where, json={"body": "For Nour.", "on_behalf_of": reader}, bearer=key)
    assert (answer.status, answer.json["receipt"]) == (202, None)
    assert answer.json["comment"]["author"]["name"] == "Nour"
    answer = api.ask("POST", where, json={"body": "For whom?"}, bearer=key)
    assert (answer.status, answer.pointers) == (422, {"/on_behalf_of": "missing"})
    answer = api.ask("POST", where, json={"body": "As Nour.", "on_behalf_of": reader})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_reply_hangs_only_on_what_its_author_can_see(api: Api) -> None:
    article = api.article()
    public = api.approved(article, "Public.")
    rejected, removed = api.posted(article, "Rejected."), api.approved(article, "Removed.")
    api.decide("reject", rejected["id"], reason="spam")
    api.decide("remove", removed["id"], reason="spam")
    waiting = api.post(article, "Waiting.")
    waiting_id = waiting.json["comment"]["id"]
    elsewhere = api.approved(api.article(), "Elsewhere.")
    foreign = api.posted(article, "Foreign.", site=api.other)

    def reply(parent_id: str, **said: Any) -> tuple[int, str | None]:
        answer = api.post(article, f"A reply, {uuid4()}.", parent_id=parent_id, **said)
        return answer.status, answer.code

    assert reply(public["id"]) == (202, None)
    assert reply(public["id"].upper()) == (202, None)
    assert reply(waiting_id, bearer=waiting.json["receipt"]) == (202, None)
    assert reply(rejected["id"]) == (409, "parent_not_published")
    assert reply(removed["id"]) == (409, "parent_not_published")
    for unknown in (waiting_id, elsewhere["id"], foreign["id"], NOBODY):
        assert reply(unknown) == (404, "unknown_parent")
    assert reply(waiting_id, bearer=api.receipt) == (404, "unknown_parent")
    assert reply("x")[0] == 422
    on_behalf = {"on_behalf_of": {"id": "7", "name": "Nour"}, "parent_id": waiting_id}
    answer = api.post(article, "By the back end.", bearer=api.keys["write"], **on_behalf)
    assert answer.status == 202


# Posting twice.


@pytest.mark.parametrize(
    ("key", "is_one"),
    {
        "1234567": False,
        "12345678": True,
        "k" * 128: True,
        "k" * 129: False,
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~": True,
        "with space": False,
        "with\ttab": False,
        "clé-clé-clé": False,
        "مفتاح-مفتاح": False,
        "": False,
    }.items(),
    ids=["7", "8", "128", "129", "signs", "a space", "a tab", "French", "Arabic", "empty"],
)
def test_an_idempotency_key_is_8_to_128_visible_ascii(api: Api, key: str, *, is_one: bool) -> None:
    article = api.article()
    answers = [
        api.ask(
            "POST",
            api.thread_of(article),
            json={"body": "Once.", "author": {"name": "Leila"}},
            headers=[("Idempotency-Key", key.encode())],
        )
        for _ in range(2)
    ]
    if not is_one:
        for answer in answers:
            assert (answer.status, answer.pointers) == (422, {"/Idempotency-Key": "bad_format"})
        return
    assert [answer.status for answer in answers] == [202, 202]
    assert [answer.headers["Idempotency-Replayed"] for answer in answers] == [None, "true"]
    assert answers[0].json == answers[1].json


def test_two_idempotency_keys_are_none(api: Api) -> None:
    answer = api.ask(
        "POST",
        api.thread_of(api.article()),
        json={"body": "Once.", "author": {"name": "Leila"}},
        headers=[("Idempotency-Key", "12345678"), ("Idempotency-Key", "87654321")],
    )
    assert (answer.status, answer.pointers) == (422, {"/Idempotency-Key": "bad_format"})


def test_a_repetition_tells_what_became_of_the_comment(api: Api) -> None:
    article, key = api.article(), str(uuid4())
    first = api.post(article, "Once.", key=key)
    comment_id = first.json["comment"]["id"]
    api.decide("approve", comment_id)
    again = api.post(article, "Once.", key=key)
    assert again.status == first.status
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json["receipt"] == first.json["receipt"]
    assert again.json["comment"]["id"] == comment_id
    assert again.json["comment"]["status"] == "approved"
    api.decide("remove", comment_id, reason="abuse")
    assert api.post(article, "Once.", key=key).json["comment"]["status"] == "removed"


def test_a_key_is_bound_to_what_was_sent_with_it(api: Api) -> None:
    article, key = api.article(), str(uuid4())
    parent = api.approved(article, "A root.")
    assert api.post(article, "Once.", key=key).status == 202
    for other in (
        api.post(article, "Twice.", key=key),
        api.post(article, "Once.", key=key, name="Sam"),
        api.post(article, "Once.", key=key, parent_id=parent["id"]),
    ):
        assert (other.status, other.code) == (422, "idempotency_key_reused")
    elsewhere = api.post(api.article(), "Once.", key=key)
    assert (elsewhere.status, elsewhere.headers["Idempotency-Replayed"]) == (202, None)


def test_without_a_key_the_same_again_within_a_minute_is_a_repetition(api: Api) -> None:
    article = api.article()
    first = api.post(article, "Once.")
    again = api.post(article, "Once.")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == {**first.json, "receipt": None}
    for other in (
        api.post(article, "Once!"),
        api.post(article, "Once.", name="Sam"),
        api.post(article, "Once.", sender="203.0.113.7"),
        api.post(article, "Once.", author={"name": "Leila", "email": "leila@daily.example"}),
        api.post(api.article(), "Once."),
    ):
        assert other.headers["Idempotency-Replayed"] is None
        assert other.json["comment"]["id"] != first.json["comment"]["id"]


# Keys of articles.


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_an_articles_key_is_any_printable_text(api: Api, key: str) -> None:
    site = api.site.slug
    key += "" if len(key) in {1, 2, 200} else api.article()
    comment = api.approved(key, f"Under {key!r}, {uuid4()}.")
    assert comment["article"] == key
    page = thread(api, key, sort="newest")
    assert (page["article"]["key"], page["comments"][0]["article"]) == (key, key)
    count = api.ask("GET", f"/v1/sites/{site}/articles/{segment(key)}/count")
    assert count.json == {"article": key, "count": page["article"]["count"]}
    counts = api.ask("GET", f"/v1/sites/{site}/counts{query(article=key)}")
    assert counts.json == {"counts": {key: page["article"]["count"]}}
    where = f"/v1/sites/{site}/articles/{segment(key)}"
    told = api.ask("PUT", where, json={"title": "Told"}, bearer=api.keys["manage"])
    assert told.json["key"] == key
    assert thread(api, key)["article"]["title"] == "Told"


@pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS)
def test_what_cannot_be_an_articles_key_is_refused_everywhere(api: Api, key: str) -> None:
    site = f"/v1/sites/{api.site.slug}/articles/{segment(key)}"
    for answer in (
        api.post(key),
        api.ask("GET", f"{site}/comments"),
        api.ask("GET", f"{site}/count"),
        api.ask("GET", site, bearer=api.keys["read"]),
        api.ask("PUT", site, json={}, bearer=api.keys["manage"]),
    ):
        assert (answer.status, set(answer.pointers)) == (422, {"/article"})


def test_what_is_no_utf_8_or_empty_is_no_path(api: Api) -> None:
    for wrong in ("", "%FF", "%C0%AF", "%ED%A0%80", "%", "%2", "%zz"):
        where = f"/v1/sites/{api.site.slug}/articles/{wrong}/comments"
        answer = api.ask("GET", where)
        assert (answer.status, answer.code) == (404, "not_found"), wrong


# Threads.


def test_an_article_nobody_has_commented_on_is_empty(api: Api) -> None:
    article = api.article()
    unseen = {"url": None, "title": None, "state": "open", "closed_at": None, "count": 0}
    assert thread(api, article) == {
        "site": {
            "body_max_chars": 5_000,
            "guests_allowed": True,
            "votes_allowed": True,
            "usual_minutes": None,
        },
        "article": {"key": article, **unseen},
        "comments": [],
        "next": None,
        "remaining": 0,
    }


def test_what_is_asked_of_a_thread_is_checked_field_by_field(api: Api) -> None:
    article = api.article()
    for asked, pointer in (
        ({"sort": "worst"}, "/sort"),
        ({"sort": ""}, "/sort"),
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"parent": "x"}, "/parent"),
        ({"focus": "x"}, "/focus"),
        ({"page": 1}, "/page"),
        ({"sort": ["best", "newest"]}, "/sort"),
    ):
        answer = api.ask("GET", api.thread_of(article, **asked))
        assert (answer.status, set(answer.pointers)) == (422, {pointer})
    for raw in ("?focus=%00", "?sort=%FF", "?%FF=1"):
        answer = api.ask("GET", api.thread_of(article) + raw)
        assert answer.status == 422
    assert api.ask("GET", api.thread_of(article) + "?").status == 200


def test_pages_of_a_thread_tell_every_comment_once(api: Api) -> None:
    article = api.article()
    sent = [f"Number {number}." for number in range(7)]
    for text in sent:
        api.approved(article, text)
    for sort in ("newest", "oldest", "best"):
        found, cursor = [], None
        for remaining in (5, 3, 1, 0):
            page = thread(api, article, sort=sort, limit=2, cursor=cursor)
            assert page["remaining"] == remaining
            found += texts(page)
            cursor = page["next"]
        assert cursor is None
        assert sorted(found) == sorted(sent)
        if sort != "best":
            assert found == (sent if sort == "oldest" else sent[::-1])


def test_replies_are_nested_and_go_on_behind_a_cursor(api: Api) -> None:
    article = api.article()
    root = api.approved(article, "A root.")
    for number in range(5):
        api.approved(article, f"Reply {number}.", parent_id=root["id"])
    page = thread(api, article)
    top = page["comments"][0]
    assert (page["article"]["count"], top["reply_count"]) == (6, 5)
    assert [reply["text"] for reply in top["replies"]] == ["Reply 0.", "Reply 1."]
    rest = thread(api, article, parent=root["id"], cursor=top["more_replies"])
    assert texts(rest) == ["Reply 2.", "Reply 3.", "Reply 4."]
    whole = thread(api, article, parent=root["id"], limit=100)
    assert texts(whole) == [f"Reply {number}." for number in range(5)]
    for wrong in (NOBODY, api.posted(article, "Waiting.")["id"]):
        answer = api.ask("GET", api.thread_of(article, parent=wrong))
        assert (answer.status, answer.code) == (404, "unknown_parent")
    answer = api.ask("GET", api.thread_of(article, cursor=top["more_replies"]))
    assert (answer.status, answer.code) == (400, "bad_cursor")


def test_focus_returns_the_page_that_holds_a_comment(api: Api) -> None:
    article = api.article()
    comments = [api.approved(article, f"Number {number}.") for number in range(5)]
    page = thread(api, article, sort="oldest", limit=2, focus=comments[3]["id"])
    assert page["focus"] == comments[3]["id"]
    assert texts(page) == ["Number 2.", "Number 3."]
    for elsewhere in (NOBODY, api.posted(article, "Waiting.")["id"]):
        page = thread(api, article, sort="oldest", limit=2, focus=elsewhere)
        assert page["focus"] is None
        assert texts(page) == ["Number 0.", "Number 1."]
    assert "focus" not in thread(api, article)


def test_a_removed_comment_with_replies_stays_as_a_tombstone(api: Api) -> None:
    article = api.article()
    root = api.approved(article, "Taken down.")
    api.approved(article, "A reply.", parent_id=root["id"])
    api.decide("remove", root["id"], reason="abuse")
    page = thread(api, article)
    (shown,) = page["comments"]
    assert (shown["status"], shown["text"], shown["body"]) == ("removed", None, None)
    assert shown["author"]["name"] == ""
    assert [reply["text"] for reply in shown["replies"]] == ["A reply."]
    assert page["article"]["count"] == 1
    single = one(api, root)
    assert single.json["comment"]["text"] is None
    assert one(api, root, bearer=api.receipt).json == single.json, "as everybody sees it"


# Counts.


def test_counts_of_1_to_200_articles(api: Api) -> None:
    keys = [f"story-{number}" for number in range(1_000, 1_200)]
    where = f"/v1/sites/{api.site.slug}/counts"
    assert api.ask("GET", where + query(article=keys[:1])).json == {"counts": {keys[0]: 0}}
    assert len(api.ask("GET", where + query(article=keys)).json["counts"]) == 200
    answer = api.ask("GET", where + query(article=[*keys, "one-more"]))
    assert (answer.status, answer.pointers) == (422, {"/article": "too_long"})
    answer = api.ask("GET", where)
    assert (answer.status, answer.pointers) == (422, {"/article": "missing"})
    answer = api.ask("GET", where + query(article=["", "x" * 201]))
    assert answer.pointers == {"/article/0": "too_short", "/article/1": "too_long"}
    long = [f"{number:03d}" + "é" * 30 for number in range(200)]
    assert len(api.ask("GET", where + query(article=long)).json["counts"]) == 200


def test_counts_do_not_depend_on_the_order_of_the_keys(api: Api) -> None:
    articles = [api.article() for _ in range(3)]
    for number, article in enumerate(articles):
        for each_one in range(number):
            api.approved(article, f"Comment {each_one}.")
    expected = {"counts": {article: number for number, article in enumerate(articles)}}
    answers = [
        api.ask("GET", f"/v1/sites/{api.site.slug}/counts{query(article=keys)}")
        for keys in [*map(list, itertools.permutations(articles)), articles * 3]
    ]
    assert all(answer.json == expected for answer in answers)
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert len({answer.raw for answer in answers}) == 1


def test_a_count_changes_with_the_decision(api: Api) -> None:
    article = api.article()
    where = f"/v1/sites/{api.site.slug}/articles/{article}/count"
    comment = api.posted(article)
    for action, reason, count in (
        ("approve", None, 1),
        ("remove", "spam", 0),
        ("restore", None, 1),
    ):
        api.decide(action, comment["id"], reason=reason)
        assert api.ask("GET", where).json["count"] == count


# Single comments.


def test_a_single_comment_is_private_to_whoever_shows_a_credential(api: Api) -> None:
    article = api.article()
    answer = api.post(article, "Mine.")
    comment = answer.json["comment"]
    api.decide("approve", comment["id"])
    public = one(api, comment)
    assert public.headers["Vary"] == "Accept-Encoding, Origin, Authorization"
    assert public.headers["Cache-Control"].startswith("public")
    for bearer in (answer.json["receipt"], api.receipt, api.keys["read"]):
        private = one(api, comment, bearer=bearer)
        assert private.headers["Vary"] == public.headers["Vary"]
        assert private.headers["Cache-Control"] == "private, no-store"
        assert private.headers["ETag"] is None
    wrong = one(api, comment, bearer="pbr_wrong")
    assert wrong.status == 401
    assert wrong.headers["Vary"] == public.headers["Vary"]


def test_an_edit_that_waits_is_told_to_its_author_alone(api: Api) -> None:
    answer = api.post(api.article(), "As it was.")
    comment, receipt = answer.json["comment"], answer.json["receipt"]
    api.decide("approve", comment["id"])
    where = answer.headers["Location"]
    edit = {"body": "As it will be.", "revision": 1}
    assert api.ask("PATCH", where, json=edit, bearer=receipt).status == 200
    mine = one(api, comment, bearer=receipt).json["comment"]
    assert (mine["text"], mine["pending_revision"]) == ("As it was.", 2)
    for others in (one(api, comment), one(api, comment, bearer=api.receipt)):
        shown = others.json["comment"]
        assert shown["text"] == "As it was."
        assert not {"pending_revision", "editable_until", "reason"} & shown.keys()
        assert "As it will be." not in others.told


def test_an_author_is_told_why_a_comment_is_not_public(api: Api) -> None:
    for action, status in (("reject", "rejected"), ("remove", "removed")):
        answer = api.post(api.article(), "Why not?", lang="fr")
        comment = answer.json["comment"]
        if action == "remove":
            api.decide("approve", comment["id"])
        api.decide(action, comment["id"], reason="off_topic")
        assert one(api, comment).status == 404
        assert one(api, comment, bearer=api.receipt).status == 404
        mine = one(api, comment, bearer=answer.json["receipt"]).json["comment"]
        assert (mine["status"], mine["text"]) == (status, "Why not?")
        assert mine["reason"] == {"code": "off_topic", "text": "Il ne porte pas sur l’article."}
        assert mine["editable_until"] is None


def test_a_single_comment_comes_with_its_ancestors(api: Api) -> None:
    article = api.article()
    line = [api.approved(article, "A root.")]
    for depth in range(3):
        line.append(api.approved(article, f"Depth {depth}.", parent_id=line[-1]["id"]))
    found = one(api, line[-1]).json
    assert found["comment"]["id"] == line[-1]["id"]
    assert [each_one["id"] for each_one in found["ancestors"]] == [
        each_one["id"] for each_one in line[:-1]
    ]
    waiting = api.post(article, "Mine.", parent_id=line[-1]["id"])
    mine = one(api, waiting.json["comment"], bearer=waiting.json["receipt"]).json
    assert [each_one["id"] for each_one in mine["ancestors"]] == [
        each_one["id"] for each_one in line
    ]


def test_a_vote_is_one_of_three_numbers(api: Api) -> None:
    comment = api.approved(api.article())
    where = f"/v1/sites/{api.site.slug}/comments/{comment['id']}/vote"
    for value, votes in ((1, (1, 0)), (1, (1, 0)), (-1, (0, 1)), (0, (0, 0))):
        answer = api.ask("PUT", where, json={"value": value}, bearer=api.receipt)
        assert answer.json == {"votes": {"up": votes[0], "down": votes[1]}, "mine": value}
    for wrong in (2, -2, True, False, 1.0, "1", None, [1]):
        answer = api.ask("PUT", where, json={"value": wrong}, bearer=api.receipt)
        assert (answer.status, set(answer.pointers)) == (422, {"/value"}), wrong


# Pages of other origins.


@each(is_of_readers)
def test_pages_of_the_site_and_our_own_may_read_every_answer(
    api: Api, operation: Operation
) -> None:
    """Also refusals: the widget shows them."""
    where = target(operation, api.site.slug)
    for origin in (ORIGIN, api.caller.origin, api.caller.origin.replace("http:", "https:")):
        answer = api.ask(
            operation.method, where, headers={"Origin": origin}, body=broken_body(operation)
        )
        assert answer.code != "origin_not_allowed"
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert set(exposed) == {
            "ETag",
            "Location",
            "Retry-After",
            "Idempotency-Replayed",
            "X-Request-Id",
        }


FOREIGN = (
    "https://evil.example",
    "http://daily.example",
    "https://daily.example:8443",
    "https://daily.example/",
    "https://daily.example.evil.example",
    "https://evildaily.example",
    "https://www.daily.example",
    "HTTPS://DAILY.EXAMPLE",
    "null",
    "",
    "*",
    "https://daily.example, https://evil.example",
)


@each(is_of_readers)
def test_pages_of_other_origins_may_not_write_nor_read_what_is_answered(
    api: Api, operation: Operation
) -> None:
    where = target(operation, api.site.slug)
    plain = api.ask(operation.method, where, json=body(operation))
    for origin in FOREIGN:
        answer = api.ask(operation.method, where, headers={"Origin": origin}, json=body(operation))
        assert answer.headers["Access-Control-Allow-Origin"] is None
        if not operation.writes:
            assert answer.status == plain.status
        elif plain.status != 401:
            assert (answer.status, answer.code) == (403, "origin_not_allowed")


@each(is_of_readers)
def test_without_an_origin_nothing_is_said_of_origins(api: Api, operation: Operation) -> None:
    answer = api.ask(operation.method, target(operation, api.site.slug), json=body(operation))
    assert answer.headers["Access-Control-Allow-Origin"] is None
    assert answer.code != "origin_not_allowed"


@each(is_of_readers)
def test_a_preflight_is_answered_for_the_sites_pages_alone(api: Api, operation: Operation) -> None:
    where = target(operation, api.site.slug)
    asked = {
        "Access-Control-Request-Method": operation.method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    answer = api.ask("OPTIONS", where, headers={"Origin": ORIGIN, **asked})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    methods = answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "Last-Event-ID",
    }
    for origin in FOREIGN:
        answer = api.ask("OPTIONS", where, headers={"Origin": origin, **asked})
        assert (answer.status, answer.code) == (403, "origin_not_allowed")
        assert answer.headers["Access-Control-Allow-Origin"] is None
    nowhere = target(operation, "nowhere")
    answer = api.ask("OPTIONS", nowhere, headers={"Origin": ORIGIN, **asked})
    assert (answer.status, answer.code) == (404, "unknown_site")


@each(is_of_the_newsroom)
def test_no_page_of_another_origin_may_call_what_is_not_for_readers(
    api: Api, operation: Operation
) -> None:
    where = target(operation, api.site.slug)
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": operation.method}
    for answer in (
        api.ask("OPTIONS", where, headers=asked),
        api.ask(
            operation.method, where, headers=asked, bearer=api.keys["read"], json=body(operation)
        ),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_a_registered_origin_counts_for_its_site_alone(api: Api) -> None:
    site = api.new_site(origins=("https://other.example",))
    where = f"/v1/sites/{site.slug}/guests"
    assert api.ask("POST", where, headers={"Origin": "https://other.example"}).status == 201
    answer = api.ask("POST", where, headers={"Origin": ORIGIN})
    assert (answer.status, answer.code) == (403, "origin_not_allowed")


def test_a_key_with_write_alone_reads_only_what_is_public(api: Api) -> None:
    comment = api.posted(api.article())
    key = api.new_key(api.site, frozenset({Scope.WRITE}))
    assert one(api, comment, bearer=key).code == "forbidden"
