"""The queue as moderators meet it: look, claim, renew, release."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from random import random
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from service import crash
from service.cursors import Cursors
from service.errors import Unavailable
from service.features.authors import Authors
from service.features.entries import Entries, QueueEntry
from service.features.lanes import (
    BESIDE,
    BLIND,
    EMPTY,
    WAITING_LANES,
    Lane,
    LanePage,
    Lanes,
    counted,
)
from service.features.lookup import Found
from service.features.telling import Telling
from service.model import (
    Actor,
    Lease,
    PendingComment,
    Site,
    Standing,
)
from service.storage.lookups import BEGINNING, LookupStore
from service.storage.pending import Claimed, PendingStore
from service.storage.screenings import ScreeningStore, Spoke, spoken

__all__ = ["Lane", "Queue", "QueueEntry", "QueuePage", "Sort", "Spoke"]

LOOK_BEYOND = 100
"""How many held comments of a pile are passed over at most to find free ones."""
ROOM_BESIDE = 4
"""Of a page of `all`, a fourth is for each pile that is no waiting one."""
LEASE_MS = 90_000
"""How long a claimed comment stays with its holder (api.md)."""

NOTHING_FORESEEN: Final[Mapping[UUID, QueueEntry]] = MappingProxyType({})

Sort = Literal["priority", "oldest", "newest"]


class QueuePage(Struct, frozen=True, kw_only=True):
    """A page of the queue, looked at without claiming."""

    entries: tuple[QueueEntry, ...]
    next: str | None
    total: int


class Queue(Struct, frozen=True, kw_only=True):
    """Hand out waiting comments, one holder each."""

    pending: PendingStore
    lookups: LookupStore
    entries: Entries
    lanes: Lanes
    authors: Authors
    screenings: ScreeningStore
    cursors: Cursors
    telling: Telling = field(default_factory=Telling)

    async def look(
        self,
        site: Site,
        *,
        lane: Lane,
        sort: Sort,
        phrase: str | None,
        limit: int,
        cursor: str | None,
        actor: Actor,
        now: datetime,
    ) -> QueuePage:
        """Show what waits, leased or not, without claiming anything.

        Raises:
            Invalid: the cursor is not one of this list's (`bad_cursor`).
            Unavailable: Redis is away; with a phrase also when Postgres is.
        """
        purpose = f"queue:{site.site_id}:{lane}:{sort}:{phrase or ''}"
        after = None if cursor is None else self.cursors.open(purpose, cursor)
        if lane not in WAITING_LANES:
            return await self._look_at_lane(
                site, lane, actor=actor, after=after, limit=limit, purpose=purpose, now=now
            )
        beside: tuple[QueueEntry, ...] = ()
        more = 0
        if lane is Lane.ALL and not phrase:
            more = await self._total_beside(site, actor)
            if after is None and limit >= ROOM_BESIDE:
                beside = await self._beside(site, actor=actor, limit=limit // ROOM_BESIDE, now=now)
                limit -= len(beside)
        total, (ids, following) = await asyncio.gather(
            self.pending.total(site.slug, include_escalated=actor.sees_escalated),
            self._waiting(site, phrase, sort=sort, limit=limit, after=after, actor=actor),
        )
        entries = await self.entries.of(site, ids, now=now)
        if beside:
            entries = _ranked(entries, beside, sort)
        following_cursor = self.cursors.sign(purpose, following) if following else None
        return QueuePage(entries=entries, next=following_cursor, total=total + more)

    async def totals(self, site: Site, *, actor: Actor) -> dict[Lane, int]:
        """Count what lies in each lane for an actor; lanes that cannot be counted are left out."""
        totals: dict[Lane, int] = {}
        with suppress(Unavailable):
            waiting = await self.pending.total(site.slug, include_escalated=actor.sees_escalated)
            totals[Lane.HELD] = waiting
        with suppress(Unavailable):  # one after the other: a page is no reason to hurry a database
            for lane in Lane:
                if lane not in WAITING_LANES:
                    totals[lane] = await self.lanes.total(site, lane, actor=actor)
        return counted(totals)

    async def claim(
        self,
        site: Site,
        *,
        lane: Lane,
        limit: int,
        only: Sequence[UUID] | None = None,
        actor: Actor,
        now: datetime,
    ) -> tuple[QueueEntry, ...]:
        """Lease the next comments, or only these; nobody is handed them until the lease ends.

        Raises:
            Unavailable: Redis is away.
        """
        if only is not None:
            shown = BLIND if lane is Lane.CHECK else EMPTY
            return await self._claim_only(site, only, limit, actor, shown, now=now)
        if lane not in WAITING_LANES:
            return await self._claim_of_lane(site, lane, limit, actor, now=now)
        return await self._claim_next(site, limit, actor, now=now)

    async def renew(
        self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor
    ) -> tuple[list[UUID], list[UUID]]:
        """Hold on to leases: those renewed, and those lost meanwhile."""
        renewed, until = await self.pending.renew(
            site.slug, owner=owner(actor), ids=comment_ids, ttl_ms=LEASE_MS
        )
        self.telling.claimed(site, renewed, by=actor.name, until=until)
        held = set(renewed)
        return renewed, [each for each in comment_ids if each not in held]

    async def release(self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor) -> None:
        """Give leases back; those of others stay."""
        released = await self.pending.release(site.slug, owner=owner(actor), ids=comment_ids)
        self.telling.released(site, released)

    async def entry(self, site: Site, comment_id: UUID, *, now: datetime) -> QueueEntry | None:
        """One waiting comment with its surroundings, or None."""
        entries = await self.entries.of(site, [comment_id], now=now)
        return entries[0] if entries else None

    async def standing(self, site: Site, found: Found) -> Standing:
        """An author's record; zeros for one that was erased or never met."""
        author_id = found.author_id or UUID(int=0)
        standings = await self.authors.standings(site, [author_id])
        return standings.get(author_id, Standing(author_id=author_id))

    async def signals(self, site: Site, found: Found) -> tuple[Spoke, ...]:
        """Return what every rule said about each text of a comment, the latest text first.

        Raises:
            Unavailable: Postgres is away.
        """
        kept = await self.screenings.signals(site.site_id, found.article_id, found.comment_id)
        item = found.waiting
        if item is None or any(spoke.revision == item.revision for spoke in kept):
            return kept
        return (*spoken(item), *kept)  # the journal is half a second behind

    async def _claim_next(
        self, site: Site, limit: int, actor: Actor, *, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Lease what is next, and gather meanwhile what surrounds that which will most likely be.

        The disk of Redis, for which a lease waits, and Postgres are the slow ones.
        """
        senior, luck = actor.sees_escalated, random()  # noqa: S311 - it guards nothing
        foreseen = await self.pending.foresee(site.slug, limit=limit, senior=senior, luck=luck)
        claimed, entries = await asyncio.gather(
            self.pending.claim(
                site.slug,
                owner=owner(actor),
                name=actor.name,
                limit=limit,
                ttl_ms=LEASE_MS,
                senior=senior,
                luck=luck,
            ),
            self._foreseen(site, foreseen, now=now),
        )
        crash.reached(crash.Point.CLAIM_LEASED)
        return await self._claimed(site, claimed, actor, EMPTY, now=now, foreseen=entries)

    async def _foreseen(
        self, site: Site, items: Sequence[PendingComment], *, now: datetime
    ) -> dict[UUID, QueueEntry]:
        """Return entries of what will most likely be leased, by id."""
        found = await self.entries.waiting(site, items)
        entries = await self.entries.surrounded(site, found, now=now)
        return {each.found.comment_id: each for each in entries}

    async def _claimed(
        self,
        site: Site,
        claimed: Sequence[Claimed],
        actor: Actor,
        of_lane: LanePage,
        *,
        now: datetime,
        foreseen: Mapping[UUID, QueueEntry] = NOTHING_FORESEEN,
    ) -> tuple[QueueEntry, ...]:
        """Show what was leased at once just now, and let colleagues see who has it open."""
        if not claimed:
            return ()
        ids, until = [each.comment_id for each in claimed], claimed[0].until
        self.telling.claimed(site, ids, by=actor.name, until=until)
        lease = Lease(owner=owner(actor), name=actor.name, until=until)
        entries = [entry for each in ids if (entry := foreseen.get(each))]
        if len(entries) == len(ids):
            return tuple(replace(each, lease=lease) for each in entries)
        leases = dict.fromkeys(ids, lease)  # others were quicker, or something more urgent came
        return await self.entries.of(site, ids, now=now, of_lane=of_lane, leases=leases)

    async def _waiting(
        self, site: Site, phrase: str | None, *, sort: Sort, limit: int, after: Any, actor: Actor
    ) -> tuple[list[UUID], list[Any] | None]:
        """Return a page of what waits, or of that whose text holds a phrase, and how it goes on."""
        if not phrase:
            return await self.pending.peek(
                site.slug,
                order=sort,
                limit=limit,
                after=after,
                include_escalated=actor.sees_escalated,
            )
        rows = await self.lookups.search_waiting(
            site.site_id,
            phrase,
            sort=sort,
            escalated=actor.sees_escalated,
            after=(after[0], UUID(after[1])) if after else BEGINNING,
            limit=limit + 1,
        )
        page = rows[:limit]
        following = [page[-1][1], str(page[-1][0])] if len(rows) > limit else None
        return [comment_id for comment_id, _ in page], following

    async def _look_at_lane(
        self,
        site: Site,
        lane: Lane,
        *,
        actor: Actor,
        after: Any,
        limit: int,
        purpose: str,
        now: datetime,
    ) -> QueuePage:
        page = await self.lanes.page(site, lane, actor=actor, after=after, limit=limit)
        entries = await self.entries.of(site, page.ids, now=now, of_lane=page)
        following = self.cursors.sign(purpose, page.following) if page.following else None
        total = await self.lanes.total(site, lane, actor=actor)
        return QueuePage(entries=entries, next=following, total=total)

    async def _beside(
        self, site: Site, *, actor: Actor, limit: int, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Return the first of what lies in `all` and waits for something else than a decision."""
        entries: list[QueueEntry] = []
        with suppress(Unavailable):
            for lane in BESIDE:
                page = await self.lanes.page(site, lane, actor=actor, after=None, limit=limit)
                entries += await self.entries.of(site, page.ids, now=now, of_lane=page)
        return tuple(entries)

    async def _total_beside(self, site: Site, actor: Actor) -> int:
        with suppress(Unavailable):
            return sum([await self.lanes.total(site, lane, actor=actor) for lane in BESIDE])
        return 0

    async def _claim_only(
        self,
        site: Site,
        ids: Sequence[UUID],
        limit: int,
        actor: Actor,
        shown: LanePage,
        *,
        now: datetime,
    ) -> tuple[QueueEntry, ...]:
        """Lease the free ones of those that are there and that the actor may see."""
        there = [
            each.comment_id
            for each in await self.entries.there(site, ids)
            if actor.sees_escalated or each.waiting is None or not each.waiting.escalated
        ]
        claimed = await self.pending.lease(
            site.slug,
            owner=owner(actor),
            name=actor.name,
            ids=there,
            limit=limit,
            ttl_ms=LEASE_MS,
        )
        return await self._claimed(site, claimed, actor, shown, now=now)

    async def _claim_of_lane(
        self, site: Site, lane: Lane, limit: int, actor: Actor, *, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Lease the first of a pile that nobody holds, looking a little further than needed."""
        page = await self.lanes.page(site, lane, actor=actor, after=None, limit=limit + LOOK_BEYOND)
        if not page.ids:
            return ()
        claimed = await self.pending.lease(
            site.slug,
            owner=owner(actor),
            name=actor.name,
            ids=page.ids,
            limit=limit,
            ttl_ms=LEASE_MS,
        )
        return await self._claimed(site, claimed, actor, page, now=now)


def owner(actor: Actor) -> str:
    """Name the holder of a lease: the member or the key."""
    return f"{actor.kind}:{actor.actor_id}"


def _ranked(
    waiting: Sequence[QueueEntry], beside: Sequence[QueueEntry], sort: Sort
) -> tuple[QueueEntry, ...]:
    """Bring two lists into one order; whatever waits for a decision is there once, as that."""
    known = {each.found.comment_id for each in waiting}
    entries = [*waiting, *(each for each in beside if each.found.comment_id not in known)]
    if sort == "priority":
        entries.sort(key=lambda each: each.priority.level, reverse=True)
    else:
        entries.sort(key=lambda each: each.since, reverse=sort == "newest")
    return tuple(entries)
