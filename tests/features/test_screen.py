"""Screening at the way in: what rules say is carried out, kept, and never lost."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.features.articles import ArticleChanges
from service.features.intake import Accepted, RefusedByRule
from service.features.own import StaleRevision
from service.features.queue import Lane, QueueEntry
from service.features.recall import Recall
from service.features.rulebook import Page
from service.features.screen import SHORT_CHARS, Piece
from service.features.screening import ClusterFacts, RuleSet, priority_of
from service.features.screening.conditions import NOTHING, Evidence, Reading
from service.model import Action, ArticleState, Mode, PendingComment, Site, SiteSettings
from tests.features.conftest import OpenSite
from tests.features.screening.make import rule, rules
from tests.newsroom import NOON, SAM, Newsroom, without_postgres

POST = SiteSettings(mode=Mode.POST)
FERRY = {"text": {"words": ["ferry"]}}
HERRING = {"text": {"words": ["herring"]}}


def by(newsroom: Newsroom, ready: RuleSet, **answers: Any) -> Newsroom:
    """The same newsroom with other rules, or with somebody else to ask."""
    site_id = newsroom.site.site_id
    known = Recall[int, int](clock=lambda: 0.0)
    known.put(site_id, 1)
    rulebook = replace(
        newsroom.rulebook, known=known, ready={site_id: Page(version=1, rules=ready)}
    )
    screen = replace(newsroom.screen, rulebook=rulebook, **answers)
    return dataclasses.replace(
        newsroom,
        screen=screen,
        intake=replace(newsroom.intake, screen=screen),
        own=replace(newsroom.own, screen=screen),
    )


def waiting(accepted: Accepted) -> PendingComment:
    assert accepted.found.waiting is not None
    return accepted.found.waiting


def signed_in(author: UUID) -> dict[str, Any]:
    return {"kind": "reader", "author_id": author, "principal": f"reader:{author}"}


async def redis_keys(newsroom: Newsroom) -> set[bytes]:
    pattern = f"pb:{{{newsroom.site.slug}}}:*"
    return {key async for key in newsroom.redis.scan_iter(pattern)}


async def entry_of(newsroom: Newsroom, comment_id: UUID) -> QueueEntry:
    entry = await newsroom.queue.entry(newsroom.site, comment_id, now=newsroom.now)
    assert entry is not None
    return entry


# What a ruling does


async def test_a_refused_comment_leaves_nothing_and_is_refused_again(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY, "refuse", then={"reason": "spam"})))
    before = await redis_keys(room)
    for _ in range(2):
        with pytest.raises(RefusedByRule) as refused:
            await room.submit("The ferry again.", key="key-refused", lang="fr")
        assert refused.value.detail == "Il ressemble à du pourriel."
        assert "ferry" not in refused.value.detail
    assert await redis_keys(room) == before
    assert (
        await room.pool.fetchval(
            "SELECT count(*) FROM screenings WHERE site_id = $1", room.site.site_id
        )
        == 0
    )


async def test_a_rule_may_refuse_in_its_own_words(newsroom: Newsroom) -> None:
    told = "Timetables are not discussed here."
    room = by(newsroom, rules(rule(FERRY, "refuse", then={"tell": told})))
    with pytest.raises(RefusedByRule, match=told):
        await room.submit("The ferry again.")


async def test_a_key_whose_text_was_refused_may_be_used_for_another(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY, "refuse")))
    with pytest.raises(RefusedByRule):
        await room.submit("The ferry again.", key="key-mended")
    assert (await room.submit("The bridge again.", key="key-mended")).found.status == "pending"


async def test_a_rejected_comment_is_accepted_and_then_settled_by_the_rule(
    newsroom: Newsroom,
) -> None:
    room = by(newsroom, rules(rule(FERRY, "reject", version=7, then={"reason": "spam"})))
    accepted = await room.submit("The ferry again.", key="key-rejected")
    assert (accepted.found.status, accepted.at_once) == ("pending", False)
    assert (
        await room.queue.claim(room.site, lane=Lane.HELD, limit=9, actor=SAM, now=room.now) == ()
    ), "people need not look"
    assert await room.settle.settle(room.site) == 1
    found = await room.find(accepted.found.comment_id)
    assert found is not None
    assert found.decision is not None
    decision = found.decision
    assert (found.status, decision.action, decision.reason) == ("rejected", "reject", "spam")
    assert (decision.actor_kind, decision.actor_id) == ("rule", "the-rule")
    kept = await room.pool.fetchval(
        "SELECT rule_version FROM decisions WHERE decision_id = $1", decision.decision_id
    )
    assert kept == 7
    await room.appeals.appeal(
        room.site, found.comment_id, accepted.author_id, said="Please look.", now=room.now
    )
    again = await room.submit("The ferry again.", key="key-rejected")
    assert (again.replayed, again.found.status) == (True, "rejected")
    assert again.found.comment_id == found.comment_id


async def test_a_reason_the_site_has_given_up_does_not_stop_a_rule(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY, "reject", then={"reason": "timetables"})))
    accepted = await room.submit("The ferry again.")
    await room.settle.settle(room.site)
    found = await room.find(accepted.found.comment_id)
    assert found is not None
    assert found.decision is not None
    assert found.decision.reason == "other"


@pytest.mark.parametrize("ruling", ["hold", "shadow_limit"])
async def test_what_a_rule_holds_waits_where_others_appear_at_once(
    new_site: OpenSite, ruling: str
) -> None:
    room = by(await new_site(POST), rules(rule(FERRY, ruling, then={"reason": "off_topic"})))
    held = await room.submit("The ferry again.")
    assert (held.found.status, held.at_once) == ("pending", False)
    assert (await room.submit("The bridge again.")).at_once
    entry = await entry_of(room, held.found.comment_id)
    assert [each.rule for each in entry.why] == ["the-rule"]
    assert entry.why[0].spans == ((4, 9),)
    assert entry.screened is not None
    assert (entry.screened.ruling, entry.screened.reason) == (ruling, "off_topic")


async def test_what_a_rule_flags_appears_and_is_marked_for_those_who_look_later(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(rule(FERRY, "flag", then={"severity": 1})))
    shown = await room.submit("The ferry again.")
    assert shown.at_once
    page = await room.queue.look(
        room.site,
        lane=Lane.NEW,
        sort="priority",
        phrase=None,
        limit=5,
        cursor=None,
        actor=SAM,
        now=room.now,
    )
    assert [each.rule for each in page.entries[0].why] == ["the-rule"]
    assert page.entries[0].priority.reach > 0


async def test_a_rule_may_publish_where_people_look_first(newsroom: Newsroom) -> None:
    room = by(
        newsroom,
        rules(
            rule(FERRY, "approve", id="timetable"),
            rule(HERRING, "flag", id="fish", then={"severity": 1}),
        ),
    )
    published = await room.submit("The ferry again.")
    assert published.at_once
    assert published.found.decision is not None
    assert published.found.decision.actor_id == "timetable"
    assert not (await room.submit("Herring on the ferry.")).at_once


async def test_no_rule_approves_where_people_read_everything_first(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY, "approve", id="timetable")))
    await room.articles.put(room.site, "quiet", {"state": ArticleState.PREMODERATED}, NOON)
    suspect = (await room.submit("Nothing of note.")).author_id
    await room.pool.execute(
        "INSERT INTO readers (site_id, author_id, kind, always_hold)"
        " VALUES ($1, $2, 'guest', true)",
        room.site.site_id,
        suspect,
    )

    assert (await room.submit("The ferry again.")).at_once
    for held in (
        await room.submit("The ferry, late.", article="quiet"),
        await room.submit("The ferry, early.", author_id=suspect),
    ):
        assert not held.at_once
        assert [why.rule for why in waiting(held).why] == ["timetable"]


async def test_rules_ask_what_the_back_end_told_of_an_article(new_site: OpenSite) -> None:
    under = {"article": {"sections": ["Sport"], "tags": ["cup"], "age_hours_max": 48}}
    room = by(await new_site(POST), rules(rule(under)))
    told: ArticleChanges = {"section": " Sport ", "tags": ["cup", "cup"], "published_at": NOON}
    await room.articles.put(room.site, "match", told, NOON)
    await room.articles.put(room.site, "old", {**told, "published_at": None}, NOON)

    at_once = {
        article: (await room.submit("Well played.", article=article)).at_once
        for article in ("match", "old", "budget")
    }

    assert at_once == {"match": False, "old": True, "budget": True}


async def test_trusted_authors_appear_at_once_and_are_held_by_a_rule(new_site: OpenSite) -> None:
    room = by(await new_site(SiteSettings(mode=Mode.TRUSTED)), rules(rule(FERRY)))
    author = uuid4()
    await room.readers.trust(room.site.site_id, author, kind="reader", trusted=True)
    signed: dict[str, Any] = {
        "kind": "reader",
        "author_id": author,
        "principal": f"reader:{author}",
    }
    assert (await room.submit("The bridge again.", **signed)).at_once
    assert not (await room.submit("The ferry again.", **signed)).at_once
    assert not (await room.submit("The bridge again, says a guest.")).at_once


async def test_how_many_read_the_article_is_known_when_a_comment_comes(newsroom: Newsroom) -> None:
    room = by(newsroom, rules())
    calm = await room.submit("A remark.", article="calm")
    for _ in range(60):
        room.views.note(room.site, "busy")
    await room.views.flush()
    await room.views.update(room.site)
    busy = await room.submit("A remark.", article="busy")
    await room.articles.put(room.site, "told", {"views_per_hour": 9_000.0}, room.now)
    told = await room.submit("A remark.", article="told")
    levels = [priority_of(waiting(each).score) for each in (calm, busy, told)]
    assert levels == sorted(set(levels))


# Who does not answer


async def test_whoever_fails_or_hangs_holds_the_comment_and_is_recorded(
    new_site: OpenSite,
) -> None:
    async def fail(_site: Site, _piece: Piece) -> Mapping[str, float]:
        raise ZeroDivisionError

    async def hang(_site: Site, _piece: Piece, _now: object) -> ClusterFacts | None:
        await asyncio.Event().wait()
        return None

    campaign = rule({"cluster": {"size_min": 5}})
    room = by(await new_site(POST), rules(campaign), scores_of=fail, cluster_of=hang)
    held = await room.submit("A harmless remark.")
    assert held.found.status == "pending"
    assert [(each.rule, each.error) for each in waiting(held).why] == [
        ("cluster_unavailable", "TimeoutError"),
        ("scores_unavailable", "ZeroDivisionError"),
    ]


async def test_what_is_alike_is_looked_for_only_where_a_rule_asks(new_site: OpenSite) -> None:
    async def fail(_site: Site, _piece: Piece, _now: object) -> ClusterFacts | None:
        raise ZeroDivisionError

    room = by(await new_site(POST), rules(rule(FERRY)), cluster_of=fail)
    assert (await room.submit("A harmless remark.")).at_once


async def test_a_rule_that_fails_holds_the_comment_and_stops_no_other(new_site: OpenSite) -> None:
    def fail(_: Reading) -> Evidence | None:
        raise ZeroDivisionError

    (written,) = rules(rule(FERRY, "flag")).rules
    crashing = replace(written, test=fail, needs=None)
    other = rules(rule(FERRY, "flag", id="other"))
    both = replace(other, rules=(*other.rules, crashing), always=(*other.always, 1))
    room = by(await new_site(POST), both)
    held = await room.submit("The ferry again.")
    assert held.found.status == "pending"
    assert {(each.rule, each.error) for each in waiting(held).why} == {
        ("other", None),
        ("the-rule", "ZeroDivisionError"),
    }


async def test_without_postgres_a_process_that_knows_no_rules_holds_everything(
    new_site: OpenSite,
) -> None:
    room = await new_site(POST)
    async with without_postgres(room) as lonely:
        held = await lonely.submit("A harmless remark.")
    assert held.found.status == "pending"
    assert [each.rule for each in waiting(held).why] == ["checks_unavailable"]


async def test_a_long_text_is_read_where_it_keeps_nobody_waiting(newsroom: Newsroom) -> None:
    read_by: list[int] = []

    def note(_: Reading) -> Evidence | None:
        read_by.append(threading.get_ident())
        return NOTHING

    (ready,) = rules(rule(FERRY)).rules
    noting = replace(rules(), rules=(replace(ready, test=note, needs=None),), always=(0,))
    room = by(newsroom, noting)
    await room.submit("Short.")
    await room.submit("long " * (SHORT_CHARS // 4))
    here = threading.get_ident()
    assert [ident == here for ident in read_by] == [True, False]


# What is looked back on


async def test_the_same_text_again_is_held_also_in_disguise_and_elsewhere(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(rule({"repeat": {"within_minutes": 60}})))
    first = await room.submit("Buy your herring at Ahmed's!", article="one", address_hash="a")
    assert first.at_once
    again = await room.submit("buy YOUR h3rring at ahmeds", article="two", address_hash="a")
    assert waiting(again).why[0].label == "The rule (sent 2 times)"
    elsewhere: dict[str, Any] = {"article": "three", "address_hash": "b"}
    assert (await room.submit("Buy your herring at Ahmed's!", **elsewhere)).at_once
    later = dataclasses.replace(room, now=room.now + timedelta(hours=2))
    assert (
        await later.submit("Buy your herring at Ahmed's!", article="four", address_hash="a")
    ).at_once


async def test_an_author_is_known_again_at_another_address(new_site: OpenSite) -> None:
    room = by(await new_site(POST), rules(rule({"repeat": {"within_minutes": 60}})))
    author = uuid4()
    signed: dict[str, Any] = {
        "kind": "reader",
        "author_id": author,
        "principal": f"reader:{author}",
    }
    assert (await room.submit("Where is the ferry?", address_hash="a", **signed)).at_once
    sent: dict[str, Any] = {"article": "two", "address_hash": "b", **signed}
    assert not (await room.submit("Where is the ferry?", **sent)).at_once


async def test_a_repeated_request_is_no_repeated_text(new_site: OpenSite) -> None:
    room = by(await new_site(POST), rules(rule({"repeat": {"within_minutes": 60}})))
    first = await room.submit("Where is the ferry?", key="key-again")
    again = await room.submit("Where is the ferry?", key="key-again")
    assert (again.replayed, again.found.comment_id) == (True, first.found.comment_id)
    record = await room.screen.recents.of(room.site.slug, first.author_id, "here")
    assert [(one.same_author, one.same_address) for one in record.sent] == [(True, True)]


@pytest.mark.parametrize("approved", [True, False])
async def test_nothing_is_remembered_of_what_its_author_deletes(
    new_site: OpenSite, *, approved: bool
) -> None:
    room = await new_site()
    author = uuid4()
    gone = waiting(await room.submit("Where is the ferry?", **signed_in(author)))
    stays = waiting(await room.submit("There it is, late as ever.", **signed_in(author)))
    if approved:
        await room.approve(gone)

    await room.own.delete(room.site, gone.comment_id, author, now=NOON)

    kept = b"".join(
        [await everything_in(room, key) for key in await redis_keys(room) if b":n:" in key]
    )
    assert str(stays.comment_id).encode() in kept
    assert str(gone.comment_id).encode() not in kept
    record = await room.screen.recents.of(room.site.slug, author, "here")
    assert [each.comment_id for each in record.sent] == [stays.comment_id]


async def everything_in(room: Newsroom, key: bytes) -> bytes:
    """Return a record of late comments, or what is noted beside it, with its name."""
    if await room.redis.type(key) != b"list":
        return key
    lines = cast("list[bytes]", await room.redis.lrange(key.decode(), 0, -1))
    return key + b"".join(lines)


async def test_who_writes_too_fast_is_held(new_site: OpenSite) -> None:
    often = rule({"rate": {"by": "address", "min": 3, "within_minutes": 5}})
    room = by(await new_site(POST), rules(often))
    at_once = [(await room.submit(f"Remark {n}.")).at_once for n in range(4)]
    assert at_once == [True, True, False, False]


async def test_who_was_turned_down_lately_is_held(new_site: OpenSite) -> None:
    room = by(await new_site(POST), rules(rule({"history": {"rejected_min": 1}})))
    author = uuid4()
    signed: dict[str, Any] = {
        "kind": "reader",
        "author_id": author,
        "principal": f"reader:{author}",
    }
    first = await room.submit("The first one.", **signed)
    assert first.at_once
    assert (await room.submit("The second one.", **signed)).at_once
    assert first.found.public is not None
    await room.decide(Action.REMOVE, first.found.comment_id)
    await room.pool.execute(
        "UPDATE readers SET rejected = 1 WHERE site_id = $1 AND author_id = $2",
        room.site.site_id,
        author,
    )
    third = await room.submit("The third one.", **signed)
    assert waiting(third).why[0].label == "The rule (1 of 2 turned down lately)"


# What is kept of it


async def test_what_was_seen_is_in_postgres_with_the_journal_and_travels_through_a_loss(
    newsroom: Newsroom,
) -> None:
    tried = rule(HERRING, "reject", id="tried", state="shadow")
    room = by(newsroom, rules(rule(FERRY, then={"severity": 2}), tried))
    held = await room.submit("Herring on the ferry.")
    item = waiting(held)
    assert item.screened is not None
    assert [each.rule for each in item.screened.shadow] == ["tried"]
    await room.journal_all()
    rows = await room.pool.fetch(
        "SELECT rule, shadow, severity, spans FROM signals WHERE comment_id = $1 ORDER BY rule",
        item.comment_id,
    )
    assert [tuple(row) for row in rows] == [
        ("the-rule", False, 2, [[15, 20]]),
        ("tried", True, 0, [[0, 7]]),
    ]
    await room.lose_redis()
    await room.journal.open_queue(room.site)
    again = await room.pending.get(room.site.slug, item.comment_id)
    assert again == replace(item, seq=held.seq)


async def test_what_appeared_at_once_is_kept_too_and_forgotten_with_its_text(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(rule(FERRY, "flag")))
    shown = await room.submit("The ferry again.")
    found = shown.found
    spoke = await room.queue.signals(room.site, found)
    assert [(each.why.rule, each.shadow, each.revision) for each in spoke] == [
        ("the-rule", False, 1)
    ]
    await room.own.delete(room.site, found.comment_id, shown.author_id, now=room.now)
    for table in ("screenings", "signals"):
        left = await room.pool.fetchval(
            f"SELECT count(*) FROM {table} WHERE comment_id = $1",  # noqa: S608 - a name above
            found.comment_id,
        )
        assert left == 0


async def test_what_is_too_old_to_count_is_purged(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY)))
    held = await room.submit("The ferry again.")
    await room.journal_all()
    store = room.queue.screenings
    await store.purge(before=room.now)
    assert await room.queue.signals(room.site, held.found) != ()
    await store.purge(before=room.now + timedelta(seconds=1))
    assert await store.signals(room.site.site_id, *_place(held)) == ()


def _place(accepted: Accepted) -> tuple[UUID, UUID]:
    return accepted.found.article_id, accepted.found.comment_id


# Edits


async def edit(room: Newsroom, accepted: Accepted, text: str) -> None:
    await room.own.edit(
        room.site,
        accepted.found.comment_id,
        accepted.author_id,
        body=text,
        revision=1,
        now=room.now,
    )


async def test_an_edit_that_is_refused_leaves_the_old_text(newsroom: Newsroom) -> None:
    room = by(newsroom, rules(rule(FERRY, "refuse")))
    sent = await room.submit("The bridge again.")
    with pytest.raises(RefusedByRule):
        await edit(room, sent, "The ferry again.")
    found = await room.find(sent.found.comment_id)
    assert found is not None
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.revision) == ("The bridge again.", 1)


async def test_an_edit_is_no_repeat_of_its_own_comment(new_site: OpenSite) -> None:
    room = by(await new_site(POST), rules(rule({"repeat": {"within_minutes": 60}})))
    sent = await room.submit("Where is the ferry?")
    await edit(room, sent, "Where is the ferry!")
    found = await room.find(sent.found.comment_id)
    assert found is not None
    assert found.public is not None
    assert found.public.text == "Where is the ferry!"


async def test_a_waiting_comment_edited_into_something_forbidden_is_settled_by_the_rule(
    newsroom: Newsroom,
) -> None:
    room = by(newsroom, rules(rule(FERRY, "reject", then={"reason": "spam"})))
    sent = await room.submit("The bridge again.")
    await edit(room, sent, "The ferry again.")
    assert await room.settle.settle(room.site) == 1
    assert await room.status(sent.found.comment_id) == "rejected"


async def test_a_public_comment_keeps_its_text_when_a_rule_rejects_the_edit(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(rule(FERRY, "reject", then={"reason": "spam"})))
    sent = await room.submit("The bridge again.")
    await edit(room, sent, "The ferry again.")
    found = await room.find(sent.found.comment_id)
    assert found is not None
    assert found.public is not None
    assert (found.status, found.public.text, found.waiting) == (
        "approved",
        "The bridge again.",
        None,
    )
    assert found.decision is not None
    assert (found.decision.action, found.decision.actor_id) == ("reject", "the-rule")


async def test_a_public_comment_edited_into_something_doubtful_waits_with_its_reasons(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(rule(FERRY, then={"severity": 3})))
    sent = await room.submit("The bridge again.")
    await edit(room, sent, "The ferry again.")
    entry = await entry_of(room, sent.found.comment_id)
    assert [each.rule for each in entry.why] == ["the-rule"]
    assert entry.priority.severity == 3


# Races


def all_at_once(count: int) -> Any:
    """Somebody to ask who answers only once so many have asked."""
    here = asyncio.Barrier(count)

    async def answer(_site: Site, _piece: Piece) -> Mapping[str, float]:
        await here.wait()
        return {}

    return answer


async def test_the_same_submission_screened_twice_at_once_is_taken_in_once(
    new_site: OpenSite,
) -> None:
    room = by(await new_site(POST), rules(), scores_of=all_at_once(3))
    sent = await asyncio.gather(*(room.submit("A remark.", key="key-raced") for _ in range(3)))
    assert len({each.found.comment_id for each in sent}) == 1
    assert sorted(each.replayed for each in sent) == [False, True, True]
    assert await room.count() == 1
    (author_id,) = {each.author_id for each in sent}
    assert len((await room.screen.recents.of(room.site.slug, author_id, "here")).sent) == 1


async def test_of_two_edits_screened_at_once_one_wins_with_its_own_reasons(
    newsroom: Newsroom,
) -> None:
    plain = by(newsroom, rules(rule(FERRY, id="one-rule"), rule(HERRING, id="two-rule")))
    sent = await plain.submit("The bridge again.")
    screen = replace(plain.screen, scores_of=all_at_once(2))
    room = dataclasses.replace(plain, own=replace(plain.own, screen=screen))
    texts = {"The ferry again.": "one-rule", "The herring again.": "two-rule"}
    results = await asyncio.gather(
        *(edit(room, sent, text) for text in texts), return_exceptions=True
    )
    assert [type(each) for each in results].count(StaleRevision) == 1
    found = await room.find(sent.found.comment_id)
    assert found is not None
    assert found.waiting is not None
    assert [each.rule for each in found.waiting.why] == [texts[found.waiting.text]]


async def test_a_comment_edited_while_a_rule_rejects_it_is_judged_by_its_new_text(
    newsroom: Newsroom,
) -> None:
    room = by(newsroom, rules(rule(FERRY, "reject", then={"reason": "spam"})))
    sent = await room.submit("The ferry again.")
    await edit(room, sent, "The bridge again.")
    await room.settle.settle(room.site)
    assert await room.status(sent.found.comment_id) == "pending"
    claimed = await room.queue.claim(room.site, lane=Lane.HELD, limit=1, actor=SAM, now=room.now)
    assert [each.found.comment_id for each in claimed] == [sent.found.comment_id]
