"""Comments that say nearly the same, over real stores."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from service.embedded import EmbeddedStores
from service.errors import Forbidden
from service.features.cluster_decisions import FEW, ClusterDecision, NothingWaits, Ticked
from service.features.clusters import ClusterWhole, suggested_reason
from service.features.outcomes import UndoRefused
from service.features.queue import Lane
from service.model import Action, Actor, PendingComment
from tests.conftest import database_called
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, NOON, SAM, Newsroom

SPAM = "Earn 900 euros a day from home, just write to my manager on telegram now"
DISGUISED = (
    "EARN 900 euros a day from home, just write to my manager on telegram now!!!",
    "\u0415\u0430rn 900 \u0435uros a day from home, just write to my manager on telegram now",
    "Ea\u200brn 900 eu\u200bros a day from home, just wri\u200bte to my manager on telegram now",
    "Hello everybody: Earn 900 euros a day from home, just write to my manager on telegram now",
    "E a r n 900 euros a day from home, just write to my m.a.n.a.g.e.r on telegram now",
    "Earnnnn 900 euros a day from hooome, just write to my manager on telegram nowww",
)
ORDINARY = (
    "The council should have asked the people who live in this street before it began.",
    "I have driven there for ten years and never saw so many lorries as this spring.",
    "Thank you for the clear figures, the table in the middle answered my question.",
)
ANYBODY = Actor(kind="key", actor_id="anykey01", name="Any", sees_escalated=False)


async def kept(newsroom: Newsroom) -> None:
    """Let the journal and the clusters catch up."""
    while await newsroom.journal_all():
        pass
    await newsroom.clusters.catch_up()


async def posted(newsroom: Newsroom, *texts: str) -> list[PendingComment]:
    items = [await newsroom.post(text, article=f"story-{at % 3}") for at, text in enumerate(texts)]
    await kept(newsroom)
    return items


async def listed(newsroom: Newsroom, actor: Actor = SAM) -> list[ClusterWhole]:
    page = await newsroom.clusters.page(newsroom.site, cursor=None, limit=50, actor=actor)
    return list(page.clusters)


async def carried_out(newsroom: Newsroom, operation: ClusterDecision) -> ClusterDecision:
    """Let an operation come to its end."""
    while await newsroom.cluster_decisions.go_on():
        pass
    await kept(newsroom)
    return await newsroom.cluster_decisions.find(newsroom.site, operation.operation_id)


async def rejected(newsroom: Newsroom, cluster_id: UUID, **ticked: object) -> ClusterDecision:
    operation = await newsroom.cluster_decisions.begin(
        newsroom.site,
        cluster_id,
        action="reject",
        reason="spam",
        note="",
        ticked=Ticked(**ticked),  # type: ignore[arg-type]
        operation_id=None,
        actor=SAM,
        is_senior=True,
        now=NOON,
    )
    return await carried_out(newsroom, operation)


async def taken_back(
    newsroom: Newsroom, operation: ClusterDecision, by: Actor = SAM
) -> ClusterDecision:
    await newsroom.cluster_decisions.undo(
        newsroom.site, operation.operation_id, actor=by, is_senior=True, now=NOON
    )
    return await carried_out(newsroom, operation)


async def test_disguised_copies_of_a_text_are_one_cluster_and_ordinary_comments_none(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM, *ORDINARY, *DISGUISED)

    [whole] = await listed(newsroom)
    assert whole.cluster.cluster_id == items[0].comment_id
    assert whole.representative is not None
    assert whole.representative.comment_id == items[0].comment_id
    assert (whole.waiting, whole.cluster.size) == (7, 7)
    assert whole.cluster.authors == 7


async def test_the_queue_says_of_each_comment_which_cluster_it_is_in(newsroom: Newsroom) -> None:
    await posted(newsroom, SPAM, DISGUISED[0], ORDINARY[0])
    claimed = await newsroom.queue.claim(
        newsroom.site, lane=Lane.HELD, limit=10, actor=SAM, now=newsroom.now
    )
    clusters = {entry.found.waiting.text: entry.cluster for entry in claimed if entry.found.waiting}
    assert clusters[ORDINARY[0]] is None
    of_spam = clusters[SPAM]
    assert of_spam is not None
    assert of_spam.size == 2
    assert clusters[DISGUISED[0]] == of_spam


async def test_one_decision_clears_a_cluster_and_one_undo_brings_it_back(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED, *ORDINARY)
    alike = items[: 1 + len(DISGUISED)]

    done = await rejected(newsroom, items[0].comment_id)

    assert (done.state, done.total, done.decided, done.skipped) == ("done", 7, 7, 0)
    assert {await newsroom.status(each) for each in alike} == {"rejected"}
    assert {await newsroom.status(each) for each in items[7:]} == {"pending"}
    assert await listed(newsroom) == []

    undone = await taken_back(newsroom, done, by=KIM)

    assert (undone.state, undone.restored) == ("undone", 7)
    assert {await newsroom.status(each) for each in alike} == {"pending"}
    [whole] = await listed(newsroom)
    assert whole.waiting == 7


async def test_undoing_leaves_alone_what_was_decided_since(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    done = await rejected(newsroom, items[0].comment_id)
    found = await newsroom.find(items[1])
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=KIM, now=NOON
    )
    await newsroom.decide(Action.APPROVE, items[1], by=KIM)

    undone = await taken_back(newsroom, done)

    assert undone.restored == 3
    assert await newsroom.status(items[1]) == "approved"


async def test_an_undo_that_postgres_refuses_stops_no_other(
    newsroom: Newsroom, stores: EmbeddedStores
) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    done = await rejected(newsroom, items[0].comment_id)

    async with refused_undo(newsroom, stores, items[1].comment_id):
        undone = await taken_back(newsroom, done)
        found = await newsroom.find(items[1])
        assert found is not None
        assert found.decision is not None
        with pytest.raises(UndoRefused):
            await newsroom.decisions.reverse(
                [newsroom.site], found.decision.decision_id, actor=KIM, now=NOON
            )

    assert (undone.state, undone.restored) == ("undone", 3)
    assert await newsroom.status(items[1]) == "rejected"


async def test_what_only_a_senior_may_decide_only_a_senior_takes_back_or_stops(
    newsroom: Newsroom,
) -> None:
    copies = [f"{SPAM} {'!' * n}" for n in range(FEW + 1)]
    items = await posted(newsroom, *copies)
    begun = await newsroom.cluster_decisions.begin(
        newsroom.site,
        items[0].comment_id,
        action="approve",
        reason=None,
        note="",
        ticked=Ticked(),
        operation_id=None,
        actor=SAM,
        is_senior=True,
        now=NOON,
    )
    assert begun.total == FEW + 1
    for ask in (newsroom.cluster_decisions.stop, newsroom.cluster_decisions.undo):
        with pytest.raises(Forbidden):
            await ask(newsroom.site, begun.operation_id, actor=KIM, is_senior=False, now=NOON)

    assert (await carried_out(newsroom, begun)).state == "done"


@asynccontextmanager
async def refused_undo(
    newsroom: Newsroom, stores: EmbeddedStores, comment_id: UUID
) -> AsyncIterator[None]:
    """Let Postgres have one comment's decision back under no circumstances."""
    name = await newsroom.pool.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(database_called(name, beside=stores.endpoints.database_url))
    await owner.execute(
        "ALTER TABLE decisions ADD CONSTRAINT no_way_back CHECK"
        f" (NOT (action = 'reverse' AND comment_id = '{comment_id}')) NOT VALID"
    )
    yield
    await owner.execute("ALTER TABLE decisions DROP CONSTRAINT no_way_back")
    await owner.close()


async def test_counts_that_are_kept_up_are_what_counting_anew_gives(newsroom: Newsroom) -> None:
    author = uuid4()
    items = [await newsroom.post(text, author=author) for text in (SPAM, *DISGUISED[:2])]
    items += [await newsroom.post(text) for text in DISGUISED[2:]]
    await kept(newsroom)
    await newsroom.decide(Action.REJECT, items[0], items[3])
    await newsroom.decide(Action.APPROVE, items[1])
    await newsroom.decide(Action.ESCALATE, items[4])
    await kept(newsroom)
    found = await newsroom.find(items[3])
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=KIM, now=NOON
    )
    await newsroom.own.delete(newsroom.site, items[2].comment_id, author, now=NOON)
    await newsroom.own.delete(
        newsroom.site, items[5].comment_id, items[5].author.author_id, now=NOON
    )
    await kept(newsroom)

    cluster = await newsroom.clusters.store.find(newsroom.site.site_id, items[0].comment_id)

    counted = await newsroom.pool.fetchrow(
        "SELECT count(*) AS size, count(DISTINCT author_id) AS authors,"
        " count(*) FILTER (WHERE waits) AS waiting,"
        " count(*) FILTER (WHERE waits AND escalated) AS escalated,"
        " count(*) FILTER (WHERE waits AND outlier) AS outliers,"
        " count(*) FILTER (WHERE state = 'approved') AS public,"
        " count(*) FILTER (WHERE judged AND state = 'approved') AS approved,"
        " count(*) FILTER (WHERE judged AND state = 'rejected') AS rejected,"
        " min(at) AS first_at, max(at) AS last_at"
        " FROM cluster_members WHERE site_id = $1 AND cluster_id = $2",
        newsroom.site.site_id,
        items[0].comment_id,
    )
    assert cluster is not None
    assert counted is not None
    assert {name: getattr(cluster, name) for name in counted.keys()} == dict(counted)  # noqa: SIM118 - a row
    assert (cluster.size, cluster.authors, cluster.rejected) == (5, 4, 1)


async def test_of_a_very_large_cluster_the_oldest_are_decided(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED)
    few = dataclasses.replace(
        newsroom, cluster_decisions=replace(newsroom.cluster_decisions, at_once_max=3)
    )

    done = await rejected(few, items[0].comment_id)

    assert (done.total, done.decided) == (3, 3)
    assert [await newsroom.status(each) for each in items] == ["rejected"] * 3 + ["pending"] * 4


async def test_only_what_was_ticked_is_decided(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED)
    ids = [each.comment_id for each in items]

    done = await rejected(newsroom, ids[0], only=ids[:4], without=ids[3:4])

    assert done.total == 3
    assert [await newsroom.status(each) for each in ids] == ["rejected"] * 3 + ["pending"] * 4


async def test_what_a_colleague_holds_or_has_decided_is_skipped(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    operation = await newsroom.cluster_decisions.begin(
        newsroom.site,
        items[0].comment_id,
        action="reject",
        reason="spam",
        note="",
        ticked=Ticked(),
        operation_id=uuid4(),
        actor=SAM,
        is_senior=False,
        now=NOON,
    )
    await newsroom.decide(Action.APPROVE, items[1], by=KIM)
    await newsroom.pending.lease(
        newsroom.site.slug,
        owner="key:kimskey1",
        name="Kim",
        ids=[items[2].comment_id],
        limit=1,
        ttl_ms=60_000,
    )

    done = await carried_out(newsroom, operation)

    assert (done.decided, done.skipped) == (2, 2)
    assert await newsroom.status(items[1]) == "approved"
    assert await newsroom.status(items[2]) == "pending"


async def test_a_stopped_decision_leaves_the_rest_waiting(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    operation = await newsroom.cluster_decisions.begin(
        newsroom.site,
        items[0].comment_id,
        action="reject",
        reason="spam",
        note="",
        ticked=Ticked(),
        operation_id=None,
        actor=SAM,
        is_senior=True,
        now=NOON,
    )
    await newsroom.cluster_decisions.stop(
        newsroom.site, operation.operation_id, actor=SAM, is_senior=True, now=NOON
    )

    stopped = await carried_out(newsroom, operation)

    assert (stopped.state, stopped.decided) == ("stopped", 0)
    assert {await newsroom.status(each) for each in items} == {"pending"}


async def test_what_comes_after_a_decision_is_suggested_the_same(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    await rejected(newsroom, items[0].comment_id)

    [late] = await posted(newsroom, DISGUISED[4])

    places = [(late.article_id, late.comment_id)]
    clusters = await newsroom.clusters.store.of_comments(newsroom.site.site_id, places)
    cluster = clusters[late.comment_id]
    assert (cluster.size, cluster.waiting, cluster.rejected) == (5, 1, 4)
    assert suggested_reason(cluster) == "spam"


async def test_a_rule_is_told_how_many_are_alike_before_the_next_is_accepted(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:3])
    await rejected(newsroom, items[0].comment_id)

    facts = await newsroom.clusters.facts(newsroom.site, DISGUISED[4], now=NOON)

    assert facts is not None
    assert (facts.size, facts.authors, facts.rejected, facts.approved) == (5, 4, 4, 0)
    assert facts.since(NOON - timedelta(minutes=1)) == (1, 1)
    assert await newsroom.clusters.facts(newsroom.site, ORDINARY[0], now=NOON) is None


async def test_a_comment_alike_to_others_but_not_to_the_first_is_left_unticked(
    newsroom: Newsroom,
) -> None:
    opening = "The bridge over the river closes on monday for repairs of its northern arch now. "
    ferry = "Drivers are asked to use the ferry at the old mill until further notice, at two. "
    children = (
        "Children travel free and nobody has to bring change for the machine any more this week."
    )
    items = await posted(
        newsroom,
        opening + ferry,
        opening[-40:] + ferry + children[:40],
        ferry[20:] + children[:80],
    )

    [whole] = await listed(newsroom)
    members, _ = await newsroom.clusters.members(
        newsroom.site,
        whole.cluster.cluster_id,
        waits=True,
        outlier=True,
        cursor=None,
        limit=10,
        actor=SAM,
    )
    assert (whole.waiting, whole.cluster.outliers) == (3, 1)
    assert [each.found.comment_id for each in members] == [items[2].comment_id]
    assert (await rejected(newsroom, items[0].comment_id)).decided == 2
    assert await newsroom.status(items[2]) == "pending"


async def test_an_edited_comment_moves_to_where_its_new_text_belongs(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, DISGUISED[0], ORDINARY[0])
    await newsroom.approve(items[2])
    await newsroom.pool.execute(
        "UPDATE comments SET text = $1, revision = 2 WHERE comment_id = $2",
        DISGUISED[3],
        items[2].comment_id,
    )
    await newsroom.clusters.catch_up()

    [whole] = await listed(newsroom)
    assert (whole.cluster.size, whole.waiting, whole.cluster.public) == (3, 2, 1)


async def test_escalated_comments_of_a_cluster_are_hidden_from_who_may_not_see_them(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM, DISGUISED[0], DISGUISED[1])
    await newsroom.decide(Action.ESCALATE, items[0])
    await kept(newsroom)

    [whole] = await listed(newsroom, ANYBODY)
    assert whole.waiting == 2
    assert whole.representative is not None
    assert whole.representative.comment_id != items[0].comment_id
    [whole] = await listed(newsroom)
    assert whole.waiting == 3


async def test_clusters_of_other_sites_and_old_campaigns_are_not_there(
    new_site: OpenSite,
) -> None:
    here, elsewhere = await new_site(), await new_site()
    await posted(elsewhere, SPAM)
    await posted(here, DISGUISED[0])
    assert await listed(here) == []

    await here.pool.execute(
        "UPDATE clusters SET last_at = $1, waiting = 0 WHERE site_id = $2",
        NOON - timedelta(days=8),
        here.site.site_id,
    )
    await here.clusters.forget()
    assert await here.clusters.facts(here.site, SPAM, now=NOON) is None
    assert await elsewhere.clusters.facts(elsewhere.site, DISGUISED[0], now=NOON) is not None


async def test_what_is_decided_already_leaves_nothing_to_decide(newsroom: Newsroom) -> None:
    items = await posted(newsroom, SPAM, DISGUISED[0])
    await rejected(newsroom, items[0].comment_id)
    with pytest.raises(NothingWaits):
        await rejected(newsroom, items[0].comment_id)


async def test_screening_is_told_of_the_cluster_a_new_comment_would_join(
    newsroom: Newsroom,
) -> None:
    for at, text in enumerate((SPAM, *DISGUISED)):
        accepted = await newsroom.submit(text, address_hash=f"here-{at}")
        await kept(newsroom)

    waiting = accepted.found.waiting
    assert waiting is not None
    assert waiting.screened is not None
    [campaign] = [why for why in waiting.screened.shadow if why.rule == "campaign"]
    assert campaign.label == "Many have sent nearly the same (7 alike by 6 authors)"


async def test_what_is_erased_leaves_its_cluster_and_nothing_is_compared_with_it_any_more(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM)
    await newsroom.approve(*items)
    await kept(newsroom)
    assert await newsroom.clusters.facts(newsroom.site, DISGUISED[0], now=NOON) is not None

    await newsroom.pool.execute(
        "UPDATE comments SET author_id = NULL, text = NULL, status = 'deleted'"
        " WHERE comment_id = $1",
        items[0].comment_id,
    )
    await kept(newsroom)

    assert await newsroom.clusters.facts(newsroom.site, DISGUISED[0], now=NOON) is None
    for table in ("clusters", "cluster_members", "cluster_signatures"):
        left = await newsroom.pool.fetchval(
            f"SELECT count(*) FROM {table} WHERE site_id = $1",  # noqa: S608 - of this list
            newsroom.site.site_id,
        )
        assert left == 0, table


async def test_a_cluster_follows_who_its_authors_are_and_why_it_was_rejected(
    newsroom: Newsroom,
) -> None:
    items = await posted(newsroom, SPAM, *DISGUISED[:2])
    site_id, cluster_id = newsroom.site.site_id, items[0].comment_id
    await newsroom.approve(items[0], items[1])
    await newsroom.decide(Action.REJECT, items[2])
    await kept(newsroom)
    before = await newsroom.clusters.store.find(site_id, cluster_id)
    assert before is not None
    assert (before.authors, before.rejected) == (3, 1)
    assert before.reason is not None

    await newsroom.pool.execute(
        "UPDATE comments SET author_id = $1 WHERE comment_id = $2",
        items[0].author.author_id,
        items[1].comment_id,
    )
    found = await newsroom.find(items[2])
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=KIM, now=NOON
    )
    await kept(newsroom)

    after = await newsroom.clusters.store.find(site_id, cluster_id)
    assert after is not None
    assert (after.authors, after.rejected, after.reason) == (2, 0, None)
