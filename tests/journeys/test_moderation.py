"""A comment's whole life: posted, waiting, decided, read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.journeys.api import Paper, Posted, wish, within

FRESH_SECONDS = 1.0
"""How soon an approved comment is to be read (api.md)."""
JOURNAL_SECONDS = 2.0
"""When what waits can be searched: the journal is half a second behind, on an idle machine."""
WON_AND_LOST = ({"applied", "conflict"}, {"replayed", "conflict"})
"""What two who decide the same comment are told; a request sent again is told `replayed`."""


async def test_a_comment_is_public_once_it_is_approved_and_not_before(daily: Paper) -> None:
    path = f"{daily.article('story-1')}/comments"
    sent = await daily.send("It **was** [late](https://ferry.example).", lang="en")
    comment = sent.expect(202)["comment"]
    before = await daily.api("GET", path)
    etag = before.headers["ETag"]

    assert comment["status"] == "pending"
    assert sent.headers["Location"] == f"{daily.path}/comments/{comment['id']}"
    assert UUID(comment["id"]).version == 7
    assert before.expect(200)["comments"] == []
    assert before.json["article"]["count"] == 0
    assert await daily.count() == 0
    unchanged = await daily.api("GET", path, headers={"If-None-Match": etag})
    assert unchanged.status == 304
    assert unchanged.headers["ETag"] == etag
    assert unchanged.raw == b""
    assert (await daily.comment(comment["id"])).refused(404) == "unknown_comment"

    (item,) = await daily.claim()
    assert item["comment"]["id"] == comment["id"]
    assert item["comment"]["text"] == comment["text"]
    assert item["lease"]["by"] == "moderate"
    (result,) = await daily.approve(comment["id"])

    assert result["status"] == "approved"
    assert result["decision"]["by"] == {"kind": "key", "name": "moderate"}
    assert (result["decision"]["n"], result["decision"]["revision"]) == (1, 1)

    async def is_read() -> bool:
        answer = await daily.api("GET", path, headers={"If-None-Match": etag})
        return answer.status == 200

    assert await within(FRESH_SECONDS, is_read) < FRESH_SECONDS
    after = await daily.api("GET", path)
    (shown,) = after.expect(200)["comments"]
    assert after.headers["ETag"] != etag
    assert after.headers["Cache-Control"].startswith("public, max-age=2")
    assert shown["id"] == comment["id"]
    assert shown["author"] == {"name": "Leila", "badge": None, "avatar": None}
    assert shown["text"] == "It **was** [late](https://ferry.example)."
    link = {"t": "link", "href": "https://ferry.example", "c": ["late"]}
    strong = {"t": "strong", "c": ["was"]}
    assert shown["body"] == [{"t": "p", "c": ["It ", strong, " ", link, "."]}]
    assert after.json["article"]["count"] == 1
    assert await daily.count() == 1
    batched = await daily.api("GET", f"{daily.path}/counts?article=story-1&article=unheard-of")
    assert batched.expect(200) == {"counts": {"story-1": 1, "unheard-of": 0}}
    assert (await daily.comment(comment["id"])).expect(200)["comment"]["id"] == comment["id"]
    assert (await daily.queue())["total"] == 0


async def test_a_rejected_comment_is_never_public_and_its_author_is_told_why(daily: Paper) -> None:
    posted = await daily.post("Buy a bridge!")
    other = await daily.post("Somebody else.")
    await daily.decide("reject", posted, reason="advertising")

    assert await daily.ids_in_thread() == set()
    assert await daily.count() == 0
    own = (await daily.comment(posted.id, token=posted.receipt)).expect(200)["comment"]
    assert own["status"] == "rejected"
    assert own["reason"]["code"] == "advertising"
    assert own["reason"]["text"]
    assert own["text"] == "Buy a bridge!"
    assert (await daily.comment(posted.id)).refused(404) == "unknown_comment"
    assert (await daily.comment(posted.id, token=other.receipt)).refused(404) == "unknown_comment"


async def test_an_author_replies_to_what_waits_and_both_are_approved_in_one_request(
    daily: Paper,
) -> None:
    parent = await daily.post("First.")
    stranger = await daily.send("Me too.", parent=parent.id)
    reply = await daily.post("And another thing.", parent=parent.id, token=parent.receipt)

    assert stranger.refused(404) == "unknown_parent"
    (alone,) = await daily.decide("approve", reply)
    assert (alone["outcome"], alone["decision"]) == ("parent_pending", None)

    # The reply stands first: the order of a request is not the order of what it does.
    await daily.approve(reply, parent)

    (root,) = (await daily.thread())["comments"]
    assert root["id"] == parent.id
    assert root["reply_count"] == 1
    assert [(each["id"], each["parent_id"]) for each in root["replies"]] == [(reply.id, parent.id)]
    assert await daily.count() == 2
    one = (await daily.comment(reply.id)).expect(200)
    assert [each["id"] for each in one["ancestors"]] == [parent.id]


async def test_a_reply_to_a_rejected_comment_is_refused(daily: Paper) -> None:
    parent = await daily.post()
    await daily.decide("reject", parent)

    answer = await daily.send("Why?", parent=parent.id, token=parent.receipt)

    assert answer.refused(409) == "parent_not_published"


@pytest.mark.long
async def test_of_two_who_decide_three_hundred_comments_at_once_one_wins_each(
    daily: Paper,
) -> None:
    articles = ("story-1", "story-2", "story-3")
    posted = await _post_many(daily, 300, articles=articles)
    dice = random.Random(20261125)  # noqa: S311 - the same race each time

    async def decide(action: str, ids: list[str], by: str) -> list[dict[str, Any]]:
        return await _decide_surely(daily, action, ids, by)

    approvals: list[dict[str, Any]] = []
    rejections: list[dict[str, Any]] = []
    ids = [each.id for each in posted]
    others = dice.sample(ids, len(ids))
    for start in range(0, 300, 50):  # in turns, or whoever comes first is first everywhere
        asked = [("approve", ids, "moderate"), ("reject", others, "second")]
        dice.shuffle(asked)
        groups = [
            decide(action, whose[first : first + 25], by)
            for action, whose, by in asked
            for first in (start, start + 25)
        ]
        answers = await asyncio.gather(*groups)
        for place, (action, _, _) in enumerate(asked):
            into = approvals if action == "approve" else rejections
            into += [*answers[place * 2], *answers[place * 2 + 1]]

    of_approver = {result["comment_id"]: result for result in approvals}
    of_rejecter = {result["comment_id"]: result for result in rejections}
    winners = {"approve": "moderate", "reject": "second"}
    for comment in posted:
        outcomes = (of_approver[comment.id], of_rejecter[comment.id])
        assert {each["outcome"] for each in outcomes} in WON_AND_LOST
        lost, won = sorted(outcomes, key=lambda each: each["outcome"] != "conflict")
        assert lost["decision"] == won["decision"]
        assert lost["decision"]["by"]["name"] == winners[lost["decision"]["action"]]
        assert lost["status"] == won["status"]
    approved = {each for each, result in of_approver.items() if result["outcome"] != "conflict"}
    assert 0 < len(approved) < 300, "One of the two was never first: no race was run."
    shown = [await daily.ids_in_thread(article) for article in articles]
    assert set().union(*shown) == approved
    assert [await daily.count(article) for article in articles] == [len(each) for each in shown]
    assert (await daily.queue())["total"] == 0


async def test_a_decision_is_made_once_however_often_it_is_sent(daily: Paper) -> None:
    posted = await daily.post()
    decision = wish("approve", posted.id)

    answers = await asyncio.gather(*(daily.send_decisions([decision]) for _ in range(20)))

    results = [answer.expect(200)["results"][0] for answer in answers]
    assert sorted({result["outcome"] for result in results}) == ["applied", "replayed"]
    assert [result["outcome"] for result in results].count("applied") == 1
    assert {result["decision"]["n"] for result in results} == {1}
    other = await daily.send_decisions([{**decision, "action": "reject", "reason": "spam"}])
    assert other.expect(200)["results"][0]["outcome"] == "conflict"
    assert await daily.count() == 1


async def test_an_undone_approval_waits_again_and_can_be_approved_again(daily: Paper) -> None:
    parent, lonely = await daily.post("Parent."), await daily.post("Lonely.")
    await daily.approve(parent, lonely)
    reply = await daily.post("Reply.", parent=parent.id)
    await daily.approve(reply)
    page = await daily.thread()
    assert page["article"]["count"] == 3
    decisions = (await _whole(daily, parent))["decisions"]

    undone = (await daily.reverse(decisions[0]["decision_id"])).expect(200)

    assert undone["comment"]["status"] == "pending"
    assert undone["decision"]["action"] == "reverse"
    assert undone["decision"]["reverses"] == decisions[0]["decision_id"]
    assert undone["decision"]["n"] == 2
    assert await daily.count() == 2
    by_id = {each["id"]: each for each in (await daily.thread())["comments"]}
    tombstone = by_id[parent.id]
    assert (tombstone["text"], tombstone["body"]) == (None, None)
    assert tombstone["status"] == "removed"
    assert tombstone["author"]["name"] == ""
    assert [each["id"] for each in tombstone["replies"]] == [reply.id]
    assert [item["comment"]["id"] for item in (await daily.queue())["items"]] == [parent.id]
    again = (await daily.reverse(decisions[0]["decision_id"])).expect(200)
    assert again["decision"] == undone["decision"]

    await daily.approve(parent)

    assert await daily.count() == 3
    assert (await daily.comment(parent.id)).expect(200)["comment"]["text"] == "Parent."
    late = await daily.reverse(decisions[0]["decision_id"])
    assert late.refused(409) == "decided_since"
    assert (await daily.reverse(str(uuid4()))).refused(404) == "not_found"


async def test_a_removed_comment_is_gone_for_readers_and_comes_back_when_restored(
    daily: Paper,
) -> None:
    posted = await daily.post("Now you see me.")
    await daily.approve(posted)
    assert await daily.count() == 1

    (removed,) = await daily.decide("remove", posted, reason="harassment")

    assert (removed["outcome"], removed["status"]) == ("applied", "removed")
    assert await daily.count() == 0
    assert await daily.ids_in_thread() == set()
    own = (await daily.comment(posted.id, token=posted.receipt)).expect(200)["comment"]
    assert own["reason"]["code"] == "harassment"

    (restored,) = await daily.decide("restore", posted)

    assert (restored["outcome"], restored["status"]) == ("applied", "approved")
    assert await daily.count() == 1
    assert (await daily.comment(posted.id)).expect(200)["comment"]["text"] == "Now you see me."


async def test_nobody_is_handed_what_somebody_holds(daily: Paper) -> None:
    posted = await _post_many(daily, 30)

    batches = await asyncio.gather(
        *(daily.claim(3, by=by) for by in ("moderate", "second") for _ in range(6))
    )

    handed = [item["comment"]["id"] for batch in batches for item in batch]
    assert len(handed) == 30
    assert set(handed) == {each.id for each in posted}
    assert await daily.claim(by="moderate") == []
    held = next(item["comment"]["id"] for batch in batches[:6] for item in batch)
    (leased,) = await daily.decide("approve", held, by="second")
    assert (leased["outcome"], leased["decision"]) == ("leased", None)
    (forced,) = await daily.decide("approve", held, by="second", override=True)
    assert forced["outcome"] == "applied"


async def test_a_lease_is_renewed_and_given_back(daily: Paper) -> None:
    posted = await daily.post()
    wishes = {"comment_ids": [posted.id]}
    await daily.claim()

    async def ask(what: str, by: str) -> Any:
        path = f"/v1/moderation/claims/{what}"
        answer = await daily.api("POST", path, wishes, token=daily.keys[by])
        assert answer.status in {200, 204}
        return answer.json

    assert await ask("renew", "moderate") == {"renewed": [posted.id], "lost": []}
    assert await ask("renew", "second") == {"renewed": [], "lost": [posted.id]}
    await ask("release", "second")
    assert await daily.claim(by="second") == []
    await ask("release", "moderate")
    assert [item["comment"]["id"] for item in await daily.claim(by="second")] == [posted.id]


async def test_an_escalated_comment_still_waits(daily: Paper) -> None:
    posted = await daily.post()

    (result,) = await daily.decide("escalate", posted)

    assert (result["outcome"], result["status"]) == ("applied", "pending")
    assert await daily.count() == 0
    assert (await daily.queue())["total"] == 1
    (approved,) = await daily.approve(posted)
    assert approved["decision"]["n"] == 2
    assert await daily.count() == 1


async def test_what_nobody_knows_is_not_found_and_does_not_stop_the_others(daily: Paper) -> None:
    posted, unknown = await daily.post(), str(uuid4())

    lost, decided = await daily.decide("approve", unknown, posted)

    assert (lost["comment_id"], lost["outcome"]) == (unknown, "not_found")
    assert (lost["status"], lost["decision"]) == (None, None)
    assert (decided["comment_id"], decided["outcome"]) == (posted.id, "applied")


async def test_the_queue_is_looked_at_in_each_order_page_by_page(daily: Paper) -> None:
    posted = [(await daily.post(f"Comment {number}.")).id for number in range(7)]

    async def all_pages(sort: str) -> list[str]:
        ids: list[str] = []
        cursor = ""
        while True:
            page = await daily.queue(f"&sort={sort}&limit=3{cursor}")
            assert page["total"] == 7
            ids += [item["comment"]["id"] for item in page["items"]]
            if page["next"] is None:
                return ids
            cursor = f"&cursor={page['next']}"

    assert await all_pages("oldest") == posted
    assert await all_pages("newest") == posted[::-1]
    assert sorted(await all_pages("priority")) == sorted(posted)

    async def is_found() -> bool:
        found = await daily.queue("&q=Comment%203")
        return [item["comment"]["id"] for item in found["items"]] == [posted[3]]

    await within(JOURNAL_SECONDS, is_found)


async def _post_many(
    paper: Paper, number: int, *, articles: Sequence[str] = ("story-1",)
) -> list[Posted]:
    few = asyncio.Semaphore(24)

    async def post(index: int) -> Posted:
        async with few:
            article = articles[index % len(articles)]
            return await paper.post(f"Comment {index}.", article=article)

    return await asyncio.gather(*(post(index) for index in range(number)))


async def _decide_surely(
    paper: Paper, action: str, ids: Sequence[str], by: str
) -> list[dict[str, Any]]:
    """Decide comments, and send the same request again as long as the service is too busy."""
    decisions = [wish(action, comment_id, override=True) for comment_id in ids]
    while True:
        answer = await paper.send_decisions(decisions, by=by)
        if answer.status != 503:
            results: list[dict[str, Any]] = answer.expect(200)["results"]
            return results


async def _whole(paper: Paper, posted: Posted) -> dict[str, Any]:
    path = f"/v1/moderation/comments/{posted.id}"
    answer = await paper.api("GET", path, token=paper.keys["moderate"])
    whole: dict[str, Any] = answer.expect(200)
    return whole
