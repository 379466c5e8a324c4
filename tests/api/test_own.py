"""Authors and their own comments, as their widget asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.model import Site
from tests.api.conftest import Api
from tests.api.people import Person, a_guest, a_reader, ban, trust_tokens

AUTHORS_ALONE = {"reason", "editable_until", "appeal", "pending_revision"}
Someone = Callable[[], Person]


@pytest.fixture(scope="module")
def site(api: Api) -> Site:
    """A site of these tests' own that mints tokens."""
    made = api.new_site()
    trust_tokens(api, made)
    return made


@pytest.fixture(params=["guest", "reader"])
def someone(request: pytest.FixtureRequest, api: Api, site: Site) -> Someone:
    """A function that introduces a guest with a receipt, or a reader with a token."""
    return lambda: a_guest(api, site) if request.param == "guest" else a_reader(api, site)


@pytest.fixture(scope="module")
def key(api: Api, site: Site) -> str:
    return api.new_key(site, name="Sam")


def in_thread(api: Api, site: Site, article: str) -> list[dict[str, Any]]:
    answer = api.ask("GET", api.thread_of(article, site=site))
    comments: list[dict[str, Any]] = answer.json["comments"]
    return comments


def count(api: Api, site: Site, article: str) -> int:
    counted: int = api.ask("GET", api.thread_of(article, site=site)).json["article"]["count"]
    return counted


def test_an_author_sees_what_waits_at_once_and_after_every_reload_and_nobody_else_does(
    api: Api, site: Site, someone: Someone
) -> None:
    leila, omar, article = someone(), someone(), api.article()
    comment = leila.posts(article, "Hello.")
    for _ in range(2):
        own = leila.me(article)
        assert [(each["id"], each["status"], each["text"]) for each in own["comments"]] == [
            (comment["id"], "pending", "Hello.")
        ]
        assert own["comments"][0]["editable_until"] is not None
    others = omar.me(article)
    assert (others["comments"], others["votes"]) == ([], {})
    assert omar.sees(comment["id"]).status == 404
    assert api.ask("GET", f"/v1/sites/{site.slug}/comments/{comment['id']}").status == 404
    assert leila.sees(comment["id"]).json["comment"]["text"] == "Hello."
    assert in_thread(api, site, article) == []


def test_a_signed_in_reader_is_the_same_on_every_device(api: Api, site: Site) -> None:
    here, there = [a_reader(api, site, subject="leila") for _ in range(2)]
    article = api.article()
    comment = here.posts(article)
    assert there.me(article)["comments"][0]["id"] == comment["id"]
    assert there.edits(comment["id"], "From there.").status == 200
    assert here.deletes(comment["id"]).status == 204


@pytest.mark.parametrize("bearer", [None, "pbr_wrong", "not.a.token"])
def test_without_a_good_receipt_there_is_no_own(api: Api, site: Site, bearer: str | None) -> None:
    comment = a_guest(api, site).posts(api.article())
    path = f"/v1/sites/{site.slug}"
    for method, target, json in (
        ("GET", "/articles/story/me", None),
        ("PATCH", f"/comments/{comment['id']}", {"body": "Mine.", "revision": 1}),
        ("DELETE", f"/comments/{comment['id']}", None),
    ):
        assert api.ask(method, f"{path}{target}", json=json, bearer=bearer).status == 401


def test_a_receipt_is_good_on_its_own_site_only_and_a_key_is_no_author(
    api: Api, site: Site, key: str
) -> None:
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article)
    elsewhere = Person(api, api.site, leila.bearer)
    assert elsewhere.deletes(comment["id"]).status == 401
    assert a_guest(api).deletes(comment["id"]).status == 404
    for ask in (Person(api, site, key).deletes, Person(api, site, key).edits):
        said = ("Mine.",) if ask.__name__ == "edits" else ()
        assert ask(comment["id"], *said).status == 403


def test_a_rejected_comment_comes_with_its_reason_and_its_appeal(
    api: Api, key: str, someone: Someone
) -> None:
    leila, article = someone(), api.article()
    comment = leila.posts(article, "Buy now.")
    api.decide("reject", comment["id"], key=key, reason="advertising")
    (own,) = leila.me(article)["comments"]
    assert (own["status"], own["text"], own["editable_until"]) == ("rejected", "Buy now.", None)
    assert own["reason"]["code"] == "advertising"
    assert own["reason"]["text"]
    assert own["appeal"] is None
    assert leila.appeals(comment["id"]).status == 201
    for told in (leila.me(article)["comments"][0], leila.sees(comment["id"]).json["comment"]):
        assert told["appeal"]["state"] == "open"
        assert told["appeal"]["text"] == "Please look again."


def test_what_only_the_author_is_told_is_told_nobody_else(
    api: Api, site: Site, key: str, someone: Someone
) -> None:
    leila, omar, article = someone(), someone(), api.article()
    comment = leila.posts(article, "Old.")
    api.decide("approve", comment["id"], key=key)
    edited = leila.edits(comment["id"], "New.")
    assert edited.status == 200
    assert edited.headers["Cache-Control"] == "no-store"
    told = edited.json["comment"]
    assert (told["text"], told["revision"], told["pending_revision"]) == ("Old.", 1, 2)
    assert leila.sees(comment["id"]).json["comment"]["pending_revision"] == 2
    assert leila.me(article)["comments"][0]["pending_revision"] == 2
    public = api.ask("GET", f"/v1/sites/{site.slug}/comments/{comment['id']}")
    for shown in (
        omar.sees(comment["id"]).json["comment"],
        public.json["comment"],
        in_thread(api, site, article)[0],
    ):
        assert shown["text"] == "Old."
        assert not any(shown.get(name) for name in AUTHORS_ALONE)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_held_edit_is_approved_in_place_or_leaves_the_old_text(
    api: Api, site: Site, key: str, verdict: str
) -> None:
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article, "Old.")
    api.decide("approve", comment["id"], key=key)
    leila.edits(comment["id"], "New.")
    queue = api.ask("GET", f"/v1/moderation/queue?site={site.slug}", bearer=key).json["items"]
    (item,) = [each for each in queue if each["comment"]["id"] == comment["id"]]
    assert (item["comment"]["text"], item["comment"]["revision"]) == ("New.", 2)
    decision = {"comment_id": comment["id"], "revision": 2, "action": verdict, "reason": "spam"}
    api.ask("POST", "/v1/moderation/decisions", json={"decisions": [decision]}, bearer=key)
    expected = "New." if verdict == "approve" else "Old."
    assert [each["text"] for each in in_thread(api, site, article)] == [expected]
    assert count(api, site, article) == 1
    (own,) = leila.me(article)["comments"]
    assert (own["text"], own["pending_revision"], own["status"]) == (expected, None, "approved")


def test_a_moderator_who_decides_an_older_text_is_shown_the_newer(
    api: Api, site: Site, key: str
) -> None:
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article, "Old.")
    claim = {"site": site.slug, "limit": 50}
    claimed = api.ask("POST", "/v1/moderation/claims", json=claim, bearer=key).json["items"]
    assert comment["id"] in {each["comment"]["id"] for each in claimed}
    assert leila.edits(comment["id"], "New.").json["comment"]["text"] == "New."
    decision = {"comment_id": comment["id"], "revision": 1, "action": "approve"}
    answer = api.ask("POST", "/v1/moderation/decisions", json={"decisions": [decision]}, bearer=key)
    (result,) = answer.json["results"]
    assert (result["outcome"], result["decision"]) == ("stale", None)
    assert (result["comment"]["text"], result["comment"]["revision"]) == ("New.", 2)


def test_where_comments_are_published_at_once_so_are_edits(api: Api) -> None:
    site = api.new_site(mode="post")
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article, "Old.")
    assert comment["status"] == "approved"
    answer = leila.edits(comment["id"], "New.")
    assert answer.json["comment"]["text"] == "New."
    assert answer.json["comment"]["edited_at"] is not None
    assert [each["text"] for each in in_thread(api, site, article)] == ["New."]
    assert count(api, site, article) == 1


def test_edits_are_refused_with_the_reason_in_a_code(api: Api, site: Site, key: str) -> None:
    leila, omar, article = a_guest(api, site), a_guest(api, site), api.article()
    comment = leila.posts(article, "Old.")
    public = leila.posts(article, "Public.")
    api.decide("approve", public["id"], key=key)
    assert leila.edits(comment["id"], "New.", revision=2).code == "stale_revision"
    assert leila.edits(comment["id"], "").pointers == {"/body": "blank"}
    assert leila.edits(comment["id"], "New.", revision=0).status == 422
    assert (omar.edits(comment["id"], "Mine.").status, omar.deletes(comment["id"]).status) == (
        404,
        404,
    )
    assert omar.edits(public["id"], "Mine.").code == "not_your_comment"
    assert omar.deletes(public["id"]).code == "not_your_comment"
    api.decide("reject", comment["id"], key=key, reason="spam")
    assert leila.edits(comment["id"], "New.").code == "not_editable"
    late = api.new_site(edit_window_seconds=0)
    mine = a_guest(api, late)
    over = mine.posts(article)
    assert mine.edits(over["id"], "New.").code == "edit_window_over"
    assert mine.me(article)["comments"][0]["editable_until"] is None


def test_a_banned_author_reads_and_deletes_but_edits_nothing(api: Api, site: Site) -> None:
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article)
    api.eventually(lambda: _is_journaled(api, comment["id"]))
    ban(api, site, comment["id"])
    assert leila.edits(comment["id"], "New.").code == "author_banned"
    assert [each["id"] for each in leila.me(article)["comments"]] == [comment["id"]]
    assert leila.deletes(comment["id"]).status == 204


def _is_journaled(api: Api, comment_id: str) -> bool:
    query = "SELECT count(*) FROM intake_journal WHERE comment_id = $1::text::uuid"
    return bool(api.aside.run(api.service.ground.pool.fetchval(query, comment_id)))


def test_a_deleted_comment_is_gone_at_once_for_everybody(
    api: Api, site: Site, key: str, someone: Someone
) -> None:
    leila, article = someone(), api.article()
    public, waiting = leila.posts(article, "Public."), leila.posts(article, "Waiting.")
    api.decide("approve", public["id"], key=key)
    reply = a_guest(api, site).posts(article, "Reply.", parent_id=public["id"])
    api.decide("approve", reply["id"], key=key)
    where = f"/v1/sites/{site.slug}/comments/{public['id']}"
    assert api.ask("GET", where).json["comment"]["text"] == "Public."
    assert count(api, site, article) == 2
    for comment in (public, waiting):
        for _ in range(2):
            assert leila.deletes(comment["id"]).status == 204
    (tombstone,) = in_thread(api, site, article)
    assert (tombstone["status"], tombstone["text"], tombstone["body"]) == ("deleted", None, None)
    assert tombstone["author"]["name"] == ""
    assert [each["id"] for each in tombstone["replies"]] == [reply["id"]]
    assert count(api, site, article) == 1
    assert leila.me(article)["comments"] == []
    assert api.ask("GET", where).json["comment"]["text"] is None
    decision = {"comment_id": waiting["id"], "revision": 1, "action": "approve"}
    answer = api.ask("POST", "/v1/moderation/decisions", json={"decisions": [decision]}, bearer=key)
    assert answer.json["results"][0]["outcome"] == "conflict"
    queue = api.ask("GET", f"/v1/moderation/queue?site={site.slug}", bearer=key)
    assert waiting["id"] not in queue.told
    assert "Waiting." not in queue.told


def test_a_guest_goes_on_as_the_same_with_the_receipt_of_a_post(api: Api, site: Site) -> None:
    article = api.article()
    first = api.post(article, "First.", site=site)
    leila = Person(api, site, first.json["receipt"])
    second = leila.posts(article, "Second.")
    own = [each["id"] for each in leila.me(article)["comments"]]
    assert own == [second["id"], first.json["comment"]["id"]]
