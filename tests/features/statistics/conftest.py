"""A site with three weeks of decisions of every kind, made by chance and always the same."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from service.features.outcomes import DecisionRequest
from service.features.screening import queue_score
from service.features.settle import SCREENING
from service.features.statistics.figures import Report
from service.features.statistics.ranges import Range
from service.features.statistics.report import Statistics
from service.model import Action, Actor, Author, PendingComment, Screened, Why, article_id
from service.storage.decisions import DecisionStore
from service.storage.statistics import StatisticsStore
from tests.features.conftest import SharedStores
from tests.newsroom import Newsroom, open_site

NOW = datetime(2026, 11, 25, 12, 20, tzinfo=UTC)
FIRST = NOW - timedelta(days=20)
WEEK = Range(first=date(2026, 11, 19), last=date(2026, 11, 25))
SIZE = 300
LANGS = ["en", "en", "en", "fr", "fr", "ar", "ar-EG", "ar-MA", "es", "it", "pt", None]
RULES = ["links", "insults", "shouting"]
REASONS = ["spam", "abuse", "off_topic"]


@dataclass(slots=True, kw_only=True)
class Past:
    """A newsroom with a past, and its statistics."""

    room: Newsroom
    statistics: Statistics
    people: list[Actor] = field(default_factory=list)
    items: list[PendingComment] = field(default_factory=list)

    async def report(self, days: Range = WEEK, **asked: Any) -> Report:
        """Return the figures as a key sees them."""
        wanted: dict[str, Any] = {
            "lang": None,
            "actor": self.people[0],
            "sees_others": True,
            "now": NOW,
            **asked,
        }
        return await self.statistics.report([self.room.site], days, **wanted)

    async def rows(self, sql: str, *more: Any) -> list[tuple[Any, ...]]:
        """Ask Postgres something of this site ($1)."""
        async with self.room.pool.acquire() as connection:
            found = await connection.fetch(sql, self.room.site.site_id, *more)
        return [tuple(row) for row in found]


def wired(room: Newsroom) -> Past:
    statistics = Statistics(
        store=StatisticsStore(pool=room.pool), decisions=DecisionStore(pool=room.pool)
    )
    return Past(room=room, statistics=statistics)


@pytest.fixture
async def empty(newsroom: Newsroom) -> Past:
    """A new site, where nobody decided anything."""
    made = wired(newsroom)
    made.people = [await member(newsroom, "Nour")]
    return made


@pytest.fixture(scope="package")
async def past(shared_stores: SharedStores) -> Past:
    """Many comments, decided in every way, with reports, appeals and what screening saw."""
    made = wired(await open_site(shared_stores.pool, shared_stores.redis))
    made.people = [await member(made.room, name) for name in ("Nour", "Sam", "Kim")]
    chance = random.Random(11)  # noqa: S311 - always the same comments, not a secret
    made.items = [_item(made.room, number, chance) for number in range(SIZE)]
    for item in made.items:
        await made.room.pending.accept(item, auto=False, pending_max=10_000, dk_ttl_ms=60_000)
    while await made.room.journal_all():
        pass
    await _decide_all(made, chance)
    await _look_again(made)
    return made


async def member(room: Newsroom, name: str) -> Actor:
    member_id = uuid4()
    await room.pool.execute(
        "INSERT INTO members (member_id, email, name) VALUES ($1, $2, $3)",
        member_id,
        f"{member_id}@daily.example",
        name,
    )
    return Actor(kind="member", actor_id=str(member_id), name=name)


def _item(room: Newsroom, number: int, chance: random.Random) -> PendingComment:
    """Make a comment; the later ones come closer together, and some just now."""
    created = NOW - (NOW - FIRST) * (1 - number / SIZE) ** 1.5 - timedelta(seconds=number % 7)
    created = created.replace(microsecond=created.microsecond // 1000 * 1000)
    spoken = chance.sample(RULES, chance.randrange(3))
    key = f"story-{chance.randrange(5)}"
    return PendingComment(
        site_id=room.site.site_id,
        site=room.site.slug,
        article_id=article_id(room.site.site_id, key),
        article_key=key,
        comment_id=uuid7(nanoseconds=int(created.timestamp() * 1_000) * 1_000_000),
        parent_id=None,
        author=Author(
            author_id=UUID(int=chance.getrandbits(128), version=4), kind="guest", name="L"
        ),
        text=f"Comment {number}.",
        lang=chance.choice(LANGS),
        created_at=created,
        score=queue_score(0, created),
        why=tuple(
            Why(rule=rule, version=1, label=rule, error=chance.choice([None] * 9 + ["Timeout"]))
            for rule in spoken
        ),
        screened=Screened(
            at=created,
            ruling="hold",
            risk=chance.choice([0.0, 0.35, 0.6, 1.0]),
            lang=chance.choice(["en", "ar-latn", "other"]),
            shadow=(Why(rule="tried", version=1, label="tried"),),
        )
        if number % 9
        else None,
    )


async def _decide_all(made: Past, chance: random.Random) -> None:
    """Decide nine of ten in groups, some after somebody else, and turn some decisions round."""
    waiting = [item for item in made.items if chance.random() < 0.9]
    for begin in range(0, len(waiting), 6):
        group = waiting[begin : begin + 6]
        at = min(group[-1].created_at + timedelta(minutes=chance.expovariate(1 / 50)), NOW)
        kind = chance.choices(["rule", "people", "escalated", "withdrawn"], [3, 8, 1, 1])[0]
        if kind == "withdrawn":
            for item in group:
                made.room.now = at
                await made.room.own.delete(
                    made.room.site, item.comment_id, item.author.author_id, now=at
                )
            continue
        if kind == "escalated":
            await decide(made, Action.ESCALATE, group, by=chance.choice(made.people), at=at)
            at = min(at + timedelta(hours=2), NOW)
        actor = SCREENING if kind == "rule" else chance.choice(made.people)
        cut = chance.randrange(7) if chance.random() < 0.7 else 6
        await decide(made, Action.APPROVE, group[:cut], by=actor, at=at)
        await decide(made, Action.REJECT, group[cut:], by=actor, at=at)
        await _turn_round(made, group[:cut], group[cut:], chance, at=at)


async def _turn_round(
    made: Past,
    approved: list[PendingComment],
    rejected: list[PendingComment],
    chance: random.Random,
    *,
    at: datetime,
) -> None:
    """Report and remove some, undo others, and undo some of that."""
    later = min(at + timedelta(hours=chance.randrange(1, 30)), NOW)
    fate, by = chance.randrange(8), chance.choice(made.people)
    if approved and fate in {0, 1, 2}:
        await _report(made, approved[0], at=at + (later - at) / 2)
    if approved and fate in {0, 3}:
        await decide(made, Action.REMOVE, approved[:1], by=by, at=later)
    if approved and fate == 3 and chance.random() < 0.5:
        await decide(made, Action.RESTORE, approved[:1], by=chance.choice(made.people), at=later)
    elif approved and fate in {0, 3} and chance.random() < 0.5:
        await _undo(made, approved[0], by=chance.choice(made.people), at=later)
    if fate in {1, 4}:
        for item in [*approved[:1], *rejected[:1]]:
            await _undo(made, item, by=by, at=later)
            if chance.random() < 0.7:
                await decide(made, Action.REJECT, [item], by=by, at=later)


async def _undo(made: Past, item: PendingComment, *, by: Actor, at: datetime) -> None:
    found = await made.room.find(item)
    assert found is not None
    assert found.decision is not None
    await made.room.decisions.reverse(
        [made.room.site], found.decision.decision_id, actor=by, now=at
    )


async def _report(made: Past, item: PendingComment, *, at: datetime) -> None:
    for reason in REASONS[: 1 + item.comment_id.int % 3]:
        await made.room.reports.report(
            made.room.site,
            item.comment_id,
            reporter_id=uuid4(),
            address_hash="here",
            reason=reason,
            said="",
            notice=None,
            now=at,
        )


async def _look_again(made: Past) -> None:
    """Take a second look at every third first decision; every fourth look disagrees."""
    await made.rows(
        """INSERT INTO checks (site_id, article_id, comment_id, n, decided_by, decider_id, verdict,
                               decided_at, checked, actor_kind, actor_id, checked_at)
           SELECT site_id, article_id, comment_id, n, actor_kind, actor_id, action, at,
                  CASE WHEN number % 4 = 0 THEN 'reject' ELSE action END, 'member', $2,
                  least(at + interval '1 day', $3)
           FROM (SELECT *, row_number() OVER (ORDER BY at, comment_id) AS number FROM decisions
                 WHERE site_id = $1 AND action IN ('approve', 'reject') AND n = 1) first
           WHERE number % 3 = 0 RETURNING n""",
        made.people[0].actor_id,
        NOW,
    )


async def decide(
    made: Past, action: Action, items: list[PendingComment], *, by: Actor, at: datetime
) -> None:
    """Decide, which must work."""
    requests = [
        DecisionRequest(
            comment_id=item.comment_id,
            revision=1,
            action=action,
            decision_id=uuid4(),
            reason="spam" if action in {Action.REJECT, Action.REMOVE} else None,
        )
        for item in items
    ]
    if requests:
        results = await made.room.decisions.decide([made.room.site], requests, actor=by, now=at)
        assert {each.outcome for each in results} == {"applied"}, results
