"""What moderators are answered: the queue, leases, decisions, undoing, one comment whole."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from service.model import REASONS, Site
from tests.api.calls import Answer, query
from tests.api.conftest import Api
from tests.api.table import NOBODY

QUEUE = "/v1/moderation/queue"
CLAIMS = "/v1/moderation/claims"
DECISIONS = "/v1/moderation/decisions"


class Desk:
    """Where one moderator, or a colleague, works on the comments of one site."""

    def __init__(self, api: Api, site: Site, sam: str, kim: str) -> None:
        self.api, self.site, self.sam, self.kim = api, site, sam, kim

    def post(self, text: str, **said: Any) -> Answer:
        answer = self.api.post("story", text, site=self.site, **said)
        assert answer.status == 202
        return answer

    def posted(self, text: str, **said: Any) -> str:
        return str(self.post(text, **said).json["comment"]["id"])

    def look(self, *, key: str | None = None, **asked: Any) -> Answer:
        return self.api.ask("GET", QUEUE + query(**asked), bearer=key or self.sam)

    def texts(self, **asked: Any) -> list[str]:
        return [item["comment"]["text"] for item in self.look(**asked).json["items"]]

    def claim(self, limit: int = 1, *, key: str | None = None, lane: str = "held") -> list[str]:
        json = {"site": self.site.slug, "lane": lane, "limit": limit}
        answer = self.api.ask("POST", CLAIMS, json=json, bearer=key or self.sam)
        assert answer.status == 200, answer.raw
        return [item["comment"]["id"] for item in answer.json["items"]]

    def send(self, *decisions: dict[str, Any], key: str | None = None) -> Answer:
        json = {"decisions": [{"revision": 1, **each} for each in decisions]}
        return self.api.ask("POST", DECISIONS, json=json, bearer=key or self.sam)

    def decide(self, comment_id: str, action: str, *, key: str | None = None, **more: Any) -> Any:
        answer = self.send({"comment_id": comment_id, "action": action, **more}, key=key)
        assert answer.status == 200, answer.raw
        return answer.json["results"][0]

    def reverse(self, decision_id: str, json: Any = None, *, key: str | None = None) -> Answer:
        where = f"{DECISIONS}/{decision_id}/reverse"
        return self.api.ask("POST", where, json=json, bearer=key or self.sam)

    def whole(self, comment_id: str) -> Any:
        where = f"/v1/moderation/comments/{comment_id}"
        answer = self.api.ask("GET", where, bearer=self.sam)
        assert answer.status == 200, answer.raw
        return answer.json


@pytest.fixture
def desk(api: Api) -> Desk:
    """A site of its own, with two moderators."""
    site = api.new_site(reasons=("house_rules",))
    return Desk(api, site, api.new_key(site, name="Sam"), api.new_key(site, name="Kim"))


# The queue.


def test_the_queue_is_looked_at_in_three_orders_and_pages(desk: Desk) -> None:
    sent = [f"Number {number}." for number in range(5)]
    for text in sent:
        desk.posted(text)
    assert desk.texts(sort="oldest") == sent
    assert desk.texts(sort="newest") == sent[::-1]
    assert sorted(desk.texts()) == sorted(sent)
    for sort in ("oldest", "newest", "priority"):
        found, cursor = [], None
        for _ in range(3):
            page = desk.look(sort=sort, limit=2, cursor=cursor).json
            assert page["total"] == 5
            found += [item["comment"]["text"] for item in page["items"]]
            cursor = page["next"]
        assert (sorted(found), cursor) == (sorted(sent), None)


def test_a_waiting_comment_comes_with_what_is_needed_to_decide_it(desk: Desk) -> None:
    parent = desk.posted("A root.")
    desk.decide(parent, "approve")
    desk.posted(
        "A reply.",
        parent_id=parent,
        article={"url": "https://daily.example/1", "title": "Budget vote"},
    )
    (item,) = desk.look().json["items"]
    assert item["comment"]["text"] == "A reply."
    assert item["article"]["key"] == "story"
    assert item["parent"]["text"] == "A root."
    assert item["lease"] is None
    assert item["author"] == {
        "ref": item["author"]["ref"],
        "approved": 0,
        "rejected": 0,
        "first_seen": item["author"]["first_seen"],
        "banned_until": None,
    }


def test_leased_comments_stay_in_sight(desk: Desk) -> None:
    comment_id = desk.posted("It waits.")
    assert desk.claim() == [comment_id]
    (item,) = desk.look(key=desk.kim).json["items"]
    assert item["lease"]["by"] == "Sam"


@pytest.mark.parametrize(
    ("phrase", "found"),
    {
        "needle": ["A needle here."],
        "NEEDLE": ["A needle here."],
        "hay": ["Some hay."],
        "100%": ["100% of it."],
        "%": ["100% of it."],
        "_": ["snake_case"],
        "\\": ["back\\slash"],
        "كتاب": ["هذا كتاب"],
        "🎉": ["party 🎉"],
        "nothing of it": [],
    }.items(),
)
def test_the_queue_is_searched_for_a_phrase(searched: Desk, phrase: str, found: list[str]) -> None:
    assert searched.texts(q=phrase) == found


@pytest.fixture(scope="module")
def searched(api: Api) -> Desk:
    """A queue whose comments the journal knows."""
    site = api.new_site()
    desk = Desk(api, site, api.new_key(site), api.new_key(site))
    texts = [
        "A needle here.",
        "Some hay.",
        "100% of it.",
        "snake_case",
        "back\\slash",
        "هذا كتاب",
        "party 🎉",
    ]
    for text in texts:
        desk.posted(text)
    api.eventually(lambda: desk.texts(q="🎉") == ["party 🎉"])
    return desk


def test_what_is_asked_of_the_queue_is_checked(desk: Desk) -> None:
    for asked, pointer, code in (
        ({"lane": "nowhere"}, "/lane", "unknown_value"),
        ({"sort": "best"}, "/sort", "unknown_value"),
        ({"q": ""}, "/q", "too_short"),
        ({"q": "x" * 201}, "/q", "too_long"),
        ({"page": 2}, "/page", "unknown_field"),
    ):
        answer = desk.look(**asked)
        assert (answer.status, answer.pointers) == (422, {pointer: code})
    for lane in ("held", "reported", "new", "appeals", "check", "all"):
        assert desk.look(lane=lane).status == 200
    assert desk.look(q="é" * 200).status == 200


def test_without_a_site_the_queue_is_the_keys_own(api: Api, desk: Desk) -> None:
    desk.posted("It waits.")
    assert desk.texts() == desk.texts(site=desk.site.slug) == ["It waits."]
    answer = desk.look(site=api.site.slug)
    assert (answer.status, answer.code) == (404, "unknown_site")
    assert desk.look(site="").code == "unknown_site"


# Leases.


def test_a_claimed_comment_is_handed_to_nobody_until_it_is_given_back(desk: Desk) -> None:
    first, second = desk.posted("First."), desk.posted("Second.")
    assert desk.claim() == [first]
    assert desk.claim(50, key=desk.kim) == [second]
    assert desk.claim(50) == []
    json = {"comment_ids": [first, second, NOBODY]}
    renewed = desk.api.ask("POST", f"{CLAIMS}/renew", json=json, bearer=desk.sam).json
    assert renewed == {"renewed": [first], "lost": [second, NOBODY]}
    answer = desk.api.ask("POST", f"{CLAIMS}/release", json=json, bearer=desk.sam)
    assert answer.status == 204
    assert desk.claim(50, key=desk.kim) == [first]


def test_claims_are_checked_field_by_field(desk: Desk) -> None:
    for wrong, pointer, code in (
        ({}, "/site", "missing"),
        ({"site": desk.site.slug, "limit": 0}, "/limit", "out_of_range"),
        ({"site": desk.site.slug, "limit": 51}, "/limit", "out_of_range"),
        ({"site": desk.site.slug, "limit": "1"}, "/limit", "wrong_type"),
        ({"site": desk.site.slug, "limit": 1.0}, "/limit", "wrong_type"),
        ({"site": desk.site.slug, "limit": True}, "/limit", "wrong_type"),
        ({"site": desk.site.slug, "lane": "x"}, "/lane", "unknown_value"),
        ({"site": "No Slug"}, "/site", "bad_format"),
        ({"site": desk.site.slug + "\n"}, "/site", "bad_format"),
    ):
        answer = desk.api.ask("POST", CLAIMS, json=wrong, bearer=desk.sam)
        assert (answer.status, answer.pointers) == (422, {pointer: code}), wrong
    for what in ("renew", "release"):
        for ids, pointer, code in (
            ([], "/comment_ids", "too_short"),
            ([NOBODY] * 201, "/comment_ids", "too_long"),
            (["x"], "/comment_ids/0", "bad_format"),
            ([1], "/comment_ids/0", "bad_format"),
            ("x", "/comment_ids", "wrong_type"),
        ):
            json = {"comment_ids": ids}
            answer = desk.api.ask("POST", f"{CLAIMS}/{what}", json=json, bearer=desk.sam)
            assert (answer.status, answer.pointers) == (422, {pointer: code}), ids
        many = {"comment_ids": [str(uuid4()) for _ in range(200)]}
        answer = desk.api.ask("POST", f"{CLAIMS}/{what}", json=many, bearer=desk.sam)
        assert answer.status in {200, 204}


def test_a_colleagues_lease_is_respected_unless_overridden(desk: Desk) -> None:
    comment_id = desk.posted("Mine.")
    desk.claim()
    result = desk.decide(comment_id, "approve", key=desk.kim)
    assert (result["outcome"], result["status"], result["decision"]) == ("leased", "pending", None)
    result = desk.decide(comment_id, "approve", key=desk.kim, override=True)
    assert (result["outcome"], result["decision"]["by"]["name"]) == ("applied", "Kim")


# Decisions.


def test_a_decision_says_who_what_and_when(desk: Desk) -> None:
    comment_id, decision_id = desk.posted("Buy pills."), str(uuid4())
    result = desk.decide(
        comment_id, "reject", reason="spam", note="Third time.", decision_id=decision_id
    )
    assert (result["comment_id"], result["outcome"]) == (comment_id, "applied")
    assert result["status"] == "rejected"
    assert result["decision"] | {"at": ""} == {
        "decision_id": decision_id,
        "comment_id": comment_id,
        "n": 1,
        "action": "reject",
        "revision": 1,
        "reason": "spam",
        "note": "Third time.",
        "by": {"kind": "key", "name": "Sam"},
        "at": "",
        "reverses": None,
    }


def test_every_action_leads_where_it_should_and_conflicts_elsewhere(desk: Desk) -> None:
    actions = ("approve", "reject", "remove", "restore", "escalate")
    reason = {"reject": "spam", "remove": "spam"}

    def state(*path: str) -> str:
        comment_id = desk.posted(f"A comment, {uuid4()}.")
        for action in path:
            result = desk.decide(comment_id, action, reason=reason.get(action))
            assert result["outcome"] == "applied", (path, action)
        return comment_id

    allowed = {
        (): {"approve": "approved", "reject": "rejected", "escalate": "pending"},
        ("approve",): {"remove": "removed"},
        ("reject",): {},
        ("approve", "remove"): {"restore": "approved"},
    }
    for path, good in allowed.items():
        for action in actions:
            result = desk.decide(state(*path), action, reason=reason.get(action))
            if action in good:
                assert (result["outcome"], result["status"]) == ("applied", good[action])
            else:
                assert result["outcome"] == "conflict", (path, action)
                if path:
                    assert result["decision"]["action"] == path[-1]


def test_repeating_a_decision_is_harmless(desk: Desk) -> None:
    comment_id, decision_id = desk.posted("Once."), str(uuid4())
    first = desk.decide(comment_id, "approve", decision_id=decision_id)
    again = desk.decide(comment_id, "approve", decision_id=decision_id)
    assert (first["outcome"], again["outcome"]) == ("applied", "replayed")
    assert again["decision"] == first["decision"]
    other = desk.decide(comment_id, "reject", decision_id=decision_id, reason="spam")
    assert other["outcome"] == "conflict"
    late = desk.decide(comment_id, "approve", key=desk.kim)
    assert (late["outcome"], late["decision"]["by"]["name"]) == ("conflict", "Sam")


def test_an_edit_makes_a_decision_stale_and_shows_the_new_text(desk: Desk) -> None:
    answer = desk.post("As it was.")
    comment_id, receipt = answer.json["comment"]["id"], answer.json["receipt"]
    edit = {"body": "As it is.", "revision": 1}
    assert (
        desk.api.ask("PATCH", answer.headers["Location"], json=edit, bearer=receipt).status == 200
    )
    result = desk.decide(comment_id, "approve")
    assert (result["outcome"], result["decision"]) == ("stale", None)
    assert (result["comment"]["text"], result["comment"]["revision"]) == ("As it is.", 2)
    assert desk.decide(comment_id, "approve", revision=2)["outcome"] == "applied"


def test_a_reply_waits_for_its_parent_or_comes_with_it(desk: Desk) -> None:
    parent = desk.post("A root.")
    parent_id, receipt = parent.json["comment"]["id"], parent.json["receipt"]
    reply = desk.posted("A reply.", parent_id=parent_id, bearer=receipt)
    assert desk.decide(reply, "approve")["outcome"] == "parent_pending"
    both = desk.send(
        {"comment_id": reply, "action": "approve"}, {"comment_id": parent_id, "action": "approve"}
    )
    results = both.json["results"]
    assert [each["comment_id"] for each in results] == [reply, parent_id]
    assert {each["outcome"] for each in results} == {"applied"}


def test_results_come_in_the_order_of_the_request_up_to_200(desk: Desk) -> None:
    known = [desk.posted(f"Number {number}.") for number in range(100)]
    unknown = [str(uuid4()) for _ in range(100)]
    mixed = [each for pair in zip(known, unknown, strict=True) for each in pair]
    answer = desk.send(*({"comment_id": each, "action": "approve"} for each in mixed))
    results = answer.json["results"]
    assert [each["comment_id"] for each in results] == mixed
    assert [each["outcome"] for each in results] == ["applied", "not_found"] * 100
    count = desk.api.ask("GET", f"/v1/sites/{desk.site.slug}/articles/story/count")
    assert count.json["count"] == 100


def test_a_foreign_sites_comment_is_not_found(api: Api, desk: Desk) -> None:
    foreign = api.posted(api.article())["id"]
    result = desk.decide(foreign, "approve")
    assert (result["outcome"], result["status"], result["decision"]) == ("not_found", None, None)
    assert api.ask("GET", f"/v1/sites/{api.site.slug}/comments/{foreign}").status == 404


def test_decisions_are_checked_field_by_field(desk: Desk) -> None:
    comment_id = desk.posted("Still here.")
    good = {"comment_id": comment_id, "action": "approve"}
    for wrong, pointer, code in (
        ({"comment_id": "x"}, "comment_id", "bad_format"),
        ({"revision": 0}, "revision", "out_of_range"),
        ({"revision": "1"}, "revision", "wrong_type"),
        ({"revision": None}, "revision", "wrong_type"),
        ({"action": "delete"}, "action", "unknown_value"),
        ({"action": "reject"}, "reason", "missing"),
        ({"action": "remove", "reason": "because"}, "reason", "unknown_reason"),
        ({"action": "reject", "reason": ""}, "reason", "too_short"),
        ({"action": "reject", "reason": "x" * 65}, "reason", "too_long"),
        ({"note": "é" * 2_001}, "note", "too_long"),
        ({"note": "\x1b"}, "note", "forbidden_character"),
        ({"decision_id": "x"}, "decision_id", "bad_format"),
        ({"override": "true"}, "override", "wrong_type"),
        ({"by": "Sam"}, "by", "unknown_field"),
    ):
        answer = desk.send({**good, **wrong})
        assert (answer.status, answer.pointers) == (422, {f"/decisions/0/{pointer}": code}), wrong
    answer = desk.send(good, good)
    assert answer.pointers == {"/decisions/1/comment_id": "repeated"}
    assert desk.send().pointers == {"/decisions": "too_short"}
    many = [{"comment_id": str(uuid4()), "action": "approve"} for _ in range(201)]
    assert desk.send(*many).pointers == {"/decisions": "too_long"}
    assert desk.look().json["total"] == 1, "nothing was decided"


def test_every_reason_of_the_service_and_the_sites_own_is_taken(desk: Desk) -> None:
    for reason in (*REASONS, "house_rules"):
        result = desk.decide(
            desk.posted(f"For {reason}."), "reject", reason=reason, note="é" * 2_000
        )
        assert (result["outcome"], result["decision"]["reason"]) == ("applied", reason)


# Undoing.


def test_an_undone_decision_is_a_new_entry(desk: Desk) -> None:
    comment_id = desk.posted("Undecided.")
    decision = desk.decide(comment_id, "reject", reason="spam")["decision"]
    answer = desk.reverse(decision["decision_id"], key=desk.kim)
    assert answer.status == 200
    reversal = answer.json["decision"]
    assert (reversal["action"], reversal["n"], reversal["reverses"]) == (
        "reverse",
        2,
        decision["decision_id"],
    )
    assert reversal["by"] == {"kind": "key", "name": "Kim"}
    assert answer.json["comment"]["status"] == "pending"
    again = desk.reverse(decision["decision_id"])
    assert (again.status, again.json["decision"]) == (200, reversal)
    actions = [each["action"] for each in desk.whole(comment_id)["decisions"]]
    assert actions == ["reject", "reverse"]
    desk.decide(comment_id, "approve")
    late = desk.reverse(decision["decision_id"])
    assert (late.status, late.code) == (409, "decided_since")


def test_an_undone_approval_takes_the_comment_back(desk: Desk) -> None:
    comment_id = desk.posted("Too early.")
    decision = desk.decide(comment_id, "approve")["decision"]
    assert desk.reverse(decision["decision_id"], {}).json["comment"]["status"] == "pending"
    where = f"/v1/sites/{desk.site.slug}/comments/{comment_id}"
    assert desk.api.ask("GET", where).status == 404
    assert desk.texts() == ["Too early."]


def test_what_cannot_be_undone_says_why(desk: Desk) -> None:
    assert desk.reverse(NOBODY).status == 404
    shared = str(uuid4())
    first, second = desk.posted("First."), desk.posted("Second.")
    desk.send(
        *(
            {"comment_id": each, "action": "reject", "reason": "spam", "decision_id": shared}
            for each in (first, second)
        )
    )
    answer = desk.reverse(shared)
    assert (answer.status, answer.code) == (409, "ambiguous_decision")
    assert desk.reverse(shared, {"comment_id": NOBODY}).status == 404
    assert desk.reverse(shared, {"comment_id": second}).json["comment"]["id"] == second
    answer = desk.reverse(shared, {"comment_id": "x"})
    assert (answer.status, answer.pointers) == (422, {"/comment_id": "bad_format"})
    mine = desk.post("Mine.")
    decision = desk.decide(mine.json["comment"]["id"], "reject", reason="spam")["decision"]
    where = mine.headers["Location"]
    assert desk.api.ask("DELETE", where, bearer=mine.json["receipt"]).status == 204
    gone = desk.reverse(decision["decision_id"])
    assert (gone.status, gone.code) == (409, "text_gone")


# One comment whole.


def test_one_comment_whole_tells_all_that_happened(desk: Desk) -> None:
    answer = desk.post("As it was.")
    comment_id = answer.json["comment"]["id"]
    whole = desk.whole(comment_id)
    assert (whole["comment"]["status"], whole["decisions"], whole["lease"]) == ("pending", [], None)
    desk.decide(comment_id, "approve", note="Fine.")
    edit = {"body": "As it will be.", "revision": 1}
    desk.api.ask("PATCH", answer.headers["Location"], json=edit, bearer=answer.json["receipt"])
    whole = desk.whole(comment_id)
    assert whole["comment"]["text"] == "As it was."
    assert whole["pending"]["text"] == "As it will be."
    desk.decide(comment_id, "approve", revision=2)
    whole = desk.whole(comment_id)
    assert (whole["comment"]["text"], whole["pending"]) == ("As it will be.", None)
    assert [each["text"] for each in whole["revisions"]] == ["As it was."]
    assert [each["note"] for each in whole["decisions"]] == ["Fine.", None]
    assert whole["author"]["approved"] >= 1
