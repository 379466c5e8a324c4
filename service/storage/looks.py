"""Looks at comments that wait: each one round trip, none changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, cast
from uuid import UUID

from msgspec import Struct
from redis.asyncio.client import Redis

from service.model import Lease, PendingComment
from service.storage.line import ask_each
from service.storage.redis import Keys, Scripts, unavailable_when_down
from service.storage.replies import QueueState, read_lease, read_time, read_uuids
from service.storage.waiting import Written, from_fields, score_text
from service.storage.walks import walk_amiss, walk_places, walk_unlisted

T = TypeVar("T")
Order = Literal["priority", "oldest", "newest"]

STATE = ("epoch", "seq", "fell_to", "fell_from")
"""Fields of a queue's state."""
SITES_TOGETHER = 200
"""Sites that are asked of at once."""
STEP = 500
"""Comments of one step of a walk, about."""


Version: TypeAlias = tuple[UUID | str, int | bytes, int | bytes]
"""A comment's id, revision and n: whether it has changed."""


class ToCopy(NamedTuple):
    """What the journal has yet to copy."""

    comment_id: str
    written: Written | None
    """None where it is gone."""

    @property
    def version(self) -> Version:
        """What it is recognised by."""
        revision, n = (self.written.revision, self.written.n) if self.written else (0, 0)
        return self.comment_id, revision, n


class Looks(Struct, frozen=True, kw_only=True):
    """Look at the queues of all sites. Methods raise QueueUnavailable while Redis is away."""

    redis: Redis
    scripts: Scripts

    async def get(self, slug: str, comment_id: UUID) -> PendingComment | None:
        """Return a waiting comment."""
        with unavailable_when_down():
            fields = await self.redis.hgetall(Keys(slug).item(comment_id))
        return from_fields(cast("dict[bytes, bytes]", fields)) if fields else None

    async def items(self, slug: str, ids: Sequence[UUID]) -> dict[UUID, PendingComment]:
        """Return those that wait, in one round trip."""
        return _items(ids, await self._written(slug, ids))

    async def revisions(self, slug: str, ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return (revision, n) of those that wait, in one round trip."""
        keys = [Keys(slug).item(each) for each in ids]
        found = await self.scripts.run(self.redis, "revisions", keys)
        return {
            comment_id: (int(revision), int(n))
            for comment_id, revision, n in zip(ids, found[::2], found[1::2], strict=True)
            if revision is not None
        }

    async def listed(self, slug: str, ids: Sequence[UUID]) -> list[UUID]:
        """Return those that are listed among what waits: far cheaper than to read them."""
        if not ids:
            return []
        at, names = Keys(slug), [str(each) for each in ids]
        with unavailable_when_down():
            ages = await ask_each(
                self.redis,
                [("ZMSCORE", listed, *names) for listed in (at.by_age, at.escalated_by_age)],
            )
        return [each for each, *known in zip(ids, *ages, strict=True) if known != [None, None]]

    async def leases(self, slug: str, ids: Sequence[UUID]) -> dict[UUID, Lease]:
        """Return who holds which of these now, in one round trip."""
        if not ids:
            return {}
        at = Keys(slug)
        keys = [at.leases, at.holders]
        return _leases(ids, *await self.scripts.run(self.redis, "held", keys, map(str, ids)))

    async def judged(
        self, slug: str, ids: Sequence[UUID]
    ) -> tuple[dict[UUID, PendingComment], dict[UUID, Lease]]:
        """Return those that wait and who holds which, in one round trip: what is decided on."""
        if not ids:
            return {}, {}
        at = Keys(slug)
        keys = [at.leases, at.holders, *(at.item(each) for each in ids)]
        found, held = await self.scripts.run(self.redis, "judged", keys, map(str, ids))
        return _items(ids, _read_written(found)), _leases(ids, *held)

    async def peek(
        self,
        slug: str,
        *,
        order: Order,
        limit: int,
        after: Sequence[Any] | None,
        include_escalated: bool,
    ) -> tuple[list[UUID], list[Any] | None]:
        """Return a page of what waits, held or not, and `after` for the next page, if any.

        `after` is the score and the id of the last one on the page before.
        """
        at, newest_first = Keys(slug), order == "newest"
        if order == "priority":
            lists = [at.by_priority, at.escalated_by_priority]
        else:
            lists = [at.by_age, at.escalated_by_age]
        score, last = (score_text(after[0]), after[1]) if after else ("", "")
        pages = await self.scripts.run(
            self.redis,
            "peek",
            lists if include_escalated else lists[:1],
            (limit + 1, int(newest_first), score, last),
        )
        entries = [(float(score), name) for page in pages for name, score in _pairs(page)]
        entries.sort(reverse=newest_first)
        page = entries[:limit]
        following = [page[-1][0], page[-1][1].decode()] if len(entries) > limit else None
        return read_uuids(name for _, name in page), following

    async def total(self, slug: str, *, include_escalated: bool) -> int:
        """Count what waits, held or not."""
        at = Keys(slug)
        lists = [at.by_age, at.escalated_by_age] if include_escalated else [at.by_age]
        with unavailable_when_down():
            return sum(await ask_each(self.redis, [("ZCARD", each) for each in lists]))

    async def set_apart(self, slug: str) -> tuple[int, int]:
        """Count what moderators hold, and what is quarantined."""
        at = Keys(slug)
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.zcard(at.leases)
                pipe.zcard(at.quarantine)
                held, aside = await pipe.execute()
        return int(held), int(aside)

    async def oldest(self, slug: str) -> datetime | None:
        """Return when the comment was made that waits longest; None when nothing waits."""
        keys = Keys(slug)
        return await self._lowest(keys.by_age, keys.escalated_by_age)

    async def oldest_mark(self, slug: str) -> datetime | None:
        """Return since when the oldest comment waits to be journaled, if any does."""
        return await self._lowest(Keys(slug).marks)

    async def _lowest(self, *lists: str) -> datetime | None:
        """Return the lowest score of some lists, as the time it stands for."""
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                for each in lists:
                    pipe.zrange(each, 0, 0, withscores=True)
                firsts = await pipe.execute()
        scores = [first[0][1] for first in firsts if first]
        return read_time(min(scores)) if scores else None

    async def ranked(self, slug: str, *, first: int, count: int) -> list[UUID]:
        """Return a stretch of what waits by urgency, escalated ones behind, from a rank on."""
        at, last = Keys(slug), first + count - 1
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.zrange(at.by_priority, first, last)
                pipe.zrange(at.escalated_by_priority, first, last)
                waiting, escalated = await pipe.execute()
        return read_uuids([*waiting, *escalated][:count])

    async def waiting_ids(self, slug: str, *, batch: int = STEP) -> AsyncIterator[list[UUID]]:
        """Walk the ids in any place, each about once, about `batch` at a time."""
        async for names in walk_places(self.redis, self.scripts, Keys(slug), batch=batch):
            if names:
                yield read_uuids(names)

    async def amiss_ids(self, slug: str, *, batch: int = STEP) -> AsyncIterator[list[UUID]]:
        """Walk all places; yield at each step, of about `batch`, what `mend` would put right."""
        async for names in walk_amiss(self.redis, self.scripts, Keys(slug), batch=batch):
            yield read_uuids(names)

    async def unlisted_ids(
        self, slugs: Collection[str], *, batch: int = STEP
    ) -> AsyncIterator[dict[str, list[UUID]]]:
        """Walk all items of some sites; yield at each step those that are listed nowhere."""
        async for names in walk_unlisted(self.redis, slugs, batch=batch):
            yield {slug: read_uuids(of_site) for slug, of_site in names.items() if of_site}

    async def unjournaled(self, slug: str, *, limit: int) -> list[UUID]:
        """Return what the journal has yet to copy, the oldest first."""
        return read_uuids(await self._marked(slug, limit))

    async def to_copy(self, slug: str, *, limit: int) -> list[ToCopy]:
        """Return the same with what it copies: neither an id nor a comment is made of it."""
        ids = [name.decode() for name in await self._marked(slug, limit)]
        return list(map(ToCopy, ids, await self._written(slug, ids)))

    async def _written(self, slug: str, ids: Sequence[UUID | str]) -> list[Written | None]:
        """Return what is kept of each, None where nothing is."""
        if not ids:
            return []
        at = Keys(slug)
        found = await self.scripts.run(self.redis, "written", [at.item(each) for each in ids])
        return _read_written(found)

    async def _marked(self, slug: str, limit: int) -> list[bytes]:
        with unavailable_when_down():
            names = await self.redis.zrange(Keys(slug).marks, 0, limit - 1)
        return cast("list[bytes]", names)

    async def state(self, slug: str) -> QueueState:
        """Return how far a queue is, and whether it went back in time."""
        with unavailable_when_down():
            found = await self.redis.hmget(Keys(slug).meta, list(STATE))
        return _state(cast("list[bytes | None]", found))

    async def states(self, slugs: Sequence[str]) -> list[tuple[QueueState, int]]:
        """Return the states of several queues, and how much of each is not in the journal yet."""
        states: list[tuple[QueueState, int]] = []
        for few in batched(slugs, SITES_TOGETHER):
            commands: list[tuple[Any, ...]] = []
            for slug in few:
                at = Keys(slug)
                commands += [("HMGET", at.meta, *STATE), ("ZCARD", at.marks)]
            with unavailable_when_down():
                answers = await ask_each(self.redis, commands)
            found = zip(answers[::2], answers[1::2], strict=True)
            states += [(_state(fields), int(marked)) for fields, marked in found]
        return states

    async def with_leases(self, slugs: Sequence[str]) -> set[str]:
        """Return those of some sites on which somebody holds something."""
        return await self._occupied({slug: Keys(slug).leases for slug in slugs})

    async def with_settling(self, slugs: Sequence[str]) -> set[str]:
        """Return those of some sites on which something waits that a rule has decided."""
        return await self._occupied({slug: Keys(slug).settling for slug in slugs})

    async def _occupied(self, places: Mapping[str, str]) -> set[str]:
        occupied: set[str] = set()
        for few in batched([*places.items()], SITES_TOGETHER):
            with unavailable_when_down():
                counts = await ask_each(self.redis, [("ZCARD", place) for _, place in few])
            occupied |= {slug for (slug, _), count in zip(few, counts, strict=True) if count}
        return occupied

    async def epoch(self, slug: str) -> str | None:
        """Return the name of this life of the queue; None when Redis came back empty."""
        return (await self.state(slug)).epoch

    async def sequence(self, slug: str) -> int:
        """Return the last position given to a comment, 0 before the first."""
        return (await self.state(slug)).seq


def batched(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield so many at a time, in order."""
    for first in range(0, len(things), size):
        yield things[first : first + size]


def _read_written(found: Iterable[Sequence[bytes] | None]) -> list[Written | None]:
    return [Written(*fields) if fields else None for fields in found]


def _items(ids: Sequence[UUID], found: Iterable[Written | None]) -> dict[UUID, PendingComment]:
    return {
        comment_id: written.item for comment_id, written in zip(ids, found, strict=True) if written
    }


def _leases(
    ids: Sequence[UUID], now_ms: int, deadlines: Iterable[Any], holders: Iterable[bytes | None]
) -> dict[UUID, Lease]:
    """Return the leases that hold now."""
    now = read_time(now_ms)
    leases = {
        comment_id: read_lease(float(deadline), holder)
        for comment_id, deadline, holder in zip(ids, deadlines, holders, strict=True)
        if deadline is not None and holder is not None
    }
    return {comment_id: lease for comment_id, lease in leases.items() if lease.until > now}


def _state(found: Sequence[bytes | None]) -> QueueState:
    epoch, seq, fell_to, fell_from = found
    return QueueState(
        epoch=epoch.decode() if epoch is not None else None,
        seq=int(seq or 0),
        fell_to=int(fell_to) if fell_to is not None else None,
        fell_from=int(fell_from) if fell_from is not None else None,
    )


def _pairs(flat: Sequence[bytes]) -> zip[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
