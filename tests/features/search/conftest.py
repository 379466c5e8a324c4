"""A site with a thousand comments in every state, made by chance and always the same."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from service.cursors import Cursors
from service.features.lookup import Found
from service.features.outcomes import DecisionRequest
from service.features.screening import queue_score
from service.features.search.find import Hits, Search, Sort
from service.features.search.index import SearchIndex
from service.model import Action, Actor, Author, PendingComment, Why, article_id
from service.storage.search import SearchStore
from tests.features.conftest import SharedStores
from tests.newsroom import NOON, Newsroom, open_site

WORDS = [
    "refund",
    "harbour",
    "ferry",
    "Budget",
    "vote",
    "mayor",
    "Phare",
    "marché",
    "école",
    "naïve",
    "badsite.ru/xyz",
    "100%",
    "a_b",
    "مرحبا",
    "شكرا",
    "ليلى",
    "Привет",
    "Ωραία",
    "straße",
    "谢谢",
    "x",
    "y",
    "ok",
    ":)",
    "\\o/",
]
NAMES = ["Omar K", "omar", "Leila", "Ben", "Zoé", "ليلى", "Dr. 100%", "Al_i"]
LANGS = ["en", "fr", "ar", "ar-EG", None]
RULES = ["links", "profanity", "flood"]
REASONS = ["spam", "abuse", "off_topic"]
SIZE = 600
FIRST_DAY = datetime(2026, 8, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Archive:
    """A newsroom with a past, and its search."""

    room: Newsroom
    search: Search
    index: SearchIndex
    members: list[Actor] = field(default_factory=list)

    async def page(
        self,
        line: str,
        *,
        sort: Sort = "newest",
        limit: int = 100,
        cursor: str | None = None,
        sees_escalated: bool = True,
    ) -> Hits:
        return await self.search.page(
            self.room.site,
            line,
            sort=sort,
            limit=limit,
            cursor=cursor,
            sees_escalated=sees_escalated,
            now=self.room.now,
        )

    async def found(self, line: str, **said: object) -> list[Found]:
        """Return everything, page by page."""
        found: list[Found] = []
        cursor = None
        while True:
            page = await self.page(line, cursor=cursor, **said)  # type: ignore[arg-type]
            found += [each.found for each in page.hits]
            cursor = page.next
            if cursor is None:
                return found

    async def ids(self, line: str, **said: object) -> list[UUID]:
        return [each.comment_id for each in await self.found(line, **said)]


def wired(room: Newsroom) -> Archive:
    store = SearchStore(pool=room.pool)
    search = Search(
        store=store,
        lookup=room.lookup,
        decisions=room.decisions,
        articles=room.articles,
        cursors=Cursors([b"c" * 32]),
    )
    return Archive(room=room, search=search, index=SearchIndex(store=store))


@pytest.fixture
async def small(newsroom: Newsroom) -> Archive:
    """A new site with its search."""
    return wired(newsroom)


async def member(room: Newsroom, name: str) -> Actor:
    member_id = uuid4()
    await room.pool.execute(
        "INSERT INTO members (member_id, email, name) VALUES ($1, $2, $3)",
        member_id,
        f"{member_id}@daily.example",
        name,
    )
    await room.pool.execute(
        "INSERT INTO memberships (member_id, site_id, role) VALUES ($1, $2, 'senior')",
        member_id,
        room.site.site_id,
    )
    return Actor(kind="member", actor_id=str(member_id), name=name)


@pytest.fixture(scope="package")
async def archive(shared_stores: SharedStores) -> Archive:
    """Many comments, decided in every way."""
    made = wired(await open_site(shared_stores.pool, shared_stores.redis))
    await _fill(made, random.Random(17))  # noqa: S311 - always the same comments, not a secret
    await made.index.catch_up()
    return made


async def _fill(made: Archive, chance: random.Random) -> None:
    room = made.room
    made.members = [await member(room, name) for name in ("Sam Oak", "Kim", "Nour")]
    authors = {name: UUID(int=chance.getrandbits(128), version=4) for name in NAMES}
    items = []
    for number in range(SIZE):
        created = FIRST_DAY + timedelta(minutes=number * 97)
        name = chance.choice(NAMES)
        key = f"story-{chance.randrange(6)}"
        items.append(
            PendingComment(
                site_id=room.site.site_id,
                site=room.site.slug,
                article_id=article_id(room.site.site_id, key),
                article_key=key,
                comment_id=uuid7(nanoseconds=int(created.timestamp()) * 10**9),
                parent_id=None,
                author=Author(
                    author_id=authors[name],
                    kind="guest",
                    name=name,
                    email=chance.choice([None, "omar@spam.example", "leila@daily.example"]),
                ),
                text=" ".join(chance.choices(WORDS, k=chance.randrange(1, 12))),
                lang=chance.choice(LANGS),
                created_at=created,
                score=queue_score(0, created),
                why=tuple(
                    Why(rule=rule, version=1, label=rule)
                    for rule in chance.sample(RULES, chance.randrange(3))
                ),
            )
        )
    for item in items:
        await room.pending.accept(item, auto=False, pending_max=10_000, dk_ttl_ms=60_000)
    while await room.journal_all():
        pass
    await made.index.catch_up()
    await _decide(made, items, chance)


async def _decide(made: Archive, items: list[PendingComment], chance: random.Random) -> None:
    """Leave some waiting, and decide the others once or twice."""
    room = made.room
    plans: dict[str, list[PendingComment]] = {}
    fates = ["wait", "approve", "reject", "remove", "delete", "escalate", "withdraw"]
    for item in items:
        plans.setdefault(chance.choices(fates, [3, 8, 5, 3, 1, 1, 1])[0], []).append(item)
    await _do(made, Action.APPROVE, [*plans["approve"], *plans["remove"], *plans["delete"]], chance)
    await _do(made, Action.REJECT, plans["reject"], chance)
    await _do(made, Action.REMOVE, plans["remove"], chance)
    await _do(made, Action.ESCALATE, plans["escalate"], chance)
    for item in (*plans["delete"], *plans["withdraw"]):
        await room.own.delete(room.site, item.comment_id, item.author.author_id, now=room.now)
    for item in chance.sample(plans["approve"], 20):
        await room.reports.report(
            room.site,
            item.comment_id,
            reporter_id=uuid4(),
            address_hash="here",
            reason="spam",
            said="",
            notice=None,
            now=NOON,
        )


async def _do(
    made: Archive, action: Action, items: list[PendingComment], chance: random.Random
) -> None:
    room = made.room
    for begin in range(0, len(items), 25):
        reason = chance.choice(REASONS) if action in {Action.REJECT, Action.REMOVE} else None
        requests = [
            DecisionRequest(
                comment_id=item.comment_id,
                revision=1,
                action=action,
                decision_id=uuid4(),
                reason=reason,
            )
            for item in items[begin : begin + 25]
        ]
        actor = chance.choice(made.members)
        results = await room.decisions.decide([room.site], requests, actor=actor, now=room.now)
        assert {each.outcome for each in results} == {"applied"}, results
