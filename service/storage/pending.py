"""What waits: each short script of the queue behind one method.

Scripts are atomic on the server, so a caller that dies leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis

from service.model import Action, Lease, PendingComment
from service.storage.redis import Argument, Keys, Scripts, unavailable_when_down
from service.storage.waiting import (
    FieldValue,
    created_ms,
    edit_fields,
    from_fields,
    score_text,
    to_fields,
)

SETTLE_GRACE_MS = 2_000
"""How long a request has a comment to itself that it publishes; then the settle worker takes it."""
OLDEST_EVERY = 5
"""Every fifth claim takes the oldest instead of the most urgent (protocol.md Ruling 9)."""
REDO_AGE_MS = 24 * 3_600_000
"""How long a decided comment is kept against a Postgres that goes back in time."""
PUBLISHED = 201
"""Status of a first answer that said the comment was public."""
SCAN_COUNT = 500
"""Keys that one SCAN looks at."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Order: TypeAlias = Literal["priority", "oldest", "newest"]
Position: TypeAlias = list[float | str]
"""Score and id of the last comment seen; a small JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The comment a submission became."""

    comment_id: UUID
    fingerprint: str
    author_id: UUID
    published: bool
    """True when the first answer said it was public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What became of a submission."""

    outcome: Literal["OK", "DUP", "MISMATCH", "FULL", "EMPTY", "CLASH"]
    comment_id: UUID
    author_id: UUID
    seq: int = 0
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A comment leased to whoever claimed it."""

    comment_id: UUID
    fence: int
    """No earlier lease of the site had it or a higher one."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What became of an edit."""

    outcome: Literal["OK", "STALE", "GONE"]
    revision: int
    """The one that waits now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A decision that Postgres has committed."""

    comment_id: UUID
    n: int
    revision: int
    """The text that was judged."""
    action: Action
    decision_id: UUID
    waits: bool
    """True when the comment still waits afterwards."""


Finish: TypeAlias = Literal["DONE", "GONE", "NEWER"]
Requeued: TypeAlias = Literal["NEW", "REPLACED", "KEPT", "EMPTY"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingStore:
    """The queue in Redis. Every method raises QueueUnavailable while Redis is away or full."""

    redis: Redis
    scripts: Scripts

    # On the way in

    async def find_submission(self, slug: str, dk: str) -> Submitted | None:
        """Return the comment that a submission became, while it is remembered."""
        with unavailable_when_down():
            found = await _of(
                self.redis.hmget(
                    Keys(slug).submission(dk), ["id", "fingerprint", "author", "status"]
                )
            )
        if found[0] is None:
            return None
        return Submitted(
            comment_id=_uuid(found[0]),
            fingerprint=found[1].decode(),
            author_id=_uuid(found[2]),
            published=int(found[3]) == PUBLISHED,
        )

    async def accept(
        self, item: PendingComment, *, auto: bool, pending_max: int, dk_ttl_ms: int
    ) -> Acceptance:
        """Take a comment in, once a submission; it is on disk when this returns.

        `auto` places it with the settle worker: a rule has decided to publish it.
        """
        keys = Keys(item.site)
        used = [
            keys.item(item.comment_id),
            keys.settling if auto else keys.queue,
            keys.by_age,
            keys.escalated_by_age,
            keys.by_priority,
            keys.marks,
            keys.meta,
            *([keys.submission(item.dk)] if item.dk else []),
        ]
        answer = await self._run(
            "accept",
            used,
            [
                str(item.comment_id),
                score_text(item.score),
                created_ms(item),
                pending_max,
                SETTLE_GRACE_MS if auto else "",
                item.fingerprint or "",
                str(item.author.author_id),
                dk_ttl_ms,
                *_flat({k: v for k, v in to_fields(item).items() if k != "seq"}),
            ],
        )
        outcome = answer[0].decode()
        if len(answer) == 1:
            return Acceptance(
                outcome=outcome, comment_id=item.comment_id, author_id=item.author.author_id
            )
        return Acceptance(
            outcome=outcome,
            comment_id=_uuid(answer[1]),
            seq=int(answer[2]),
            author_id=_uuid(answer[3]),
            published=int(answer[4]) == PUBLISHED,
        )

    async def answered(self, slug: str, dk: str, status: int) -> None:
        """Remember the status a submission was first answered with."""
        await self._run("answer", [Keys(slug).submission(dk)], [status])

    async def edit(
        self, item: PendingComment, *, expected_revision: int, settling: bool = False
    ) -> Edited:
        """Replace the text of a waiting comment; a lease never blocks it.

        `settling` leaves it with the settle worker where it is there.
        """
        answer = await self._run(
            "edit",
            self._places(item.site, [item.comment_id]),
            [
                str(item.comment_id),
                expected_revision,
                score_text(item.score),
                int(settling),
                *_flat(edit_fields(item)),
            ],
        )
        return Edited(outcome=answer[0].decode(), revision=int(answer[1]))

    # Looking

    async def get(self, slug: str, comment_id: UUID) -> PendingComment | None:
        """Return one waiting comment."""
        return (await self.items(slug, [comment_id])).get(comment_id)

    async def items(self, slug: str, ids: Sequence[UUID]) -> dict[UUID, PendingComment]:
        """Return those of the comments that wait, in one round trip."""
        if not ids:
            return {}
        keys = Keys(slug)
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                for comment_id in ids:
                    pipe.hgetall(keys.item(comment_id))
                found = await pipe.execute()
        return {
            comment_id: from_fields(fields)
            for comment_id, fields in zip(ids, found, strict=True)
            if fields
        }

    async def leases(self, slug: str, ids: Sequence[UUID]) -> dict[UUID, Lease]:
        """Return who holds which of the comments now."""
        if not ids:
            return {}
        keys = Keys(slug)
        held = await self._run("leases", [keys.leases, keys.holders], _texts(ids))
        leases = {}
        for comment_id, deadline, holder in _triples(held):
            if holder is not None:
                owner, name, _ = orjson.loads(holder)
                leases[_uuid(comment_id)] = Lease(owner=owner, name=name, until=_time(deadline))
        return leases

    async def peek(
        self,
        slug: str,
        *,
        order: Order,
        limit: int,
        after: Position | None,
        include_escalated: bool,
    ) -> tuple[list[UUID], Position | None]:
        """Return a page of ids in an order, and where the next page begins, if anywhere."""
        keys = Keys(slug)
        by_priority = order == "priority"
        lists = [keys.by_priority if by_priority else keys.by_age]
        if include_escalated:
            lists.append(keys.escalated_by_priority if by_priority else keys.escalated_by_age)
        descending = order == "newest"
        score, last_id = after or ("", "")
        pages = await self._run(
            "peek",
            lists,
            [limit + 1, int(descending), score if score == "" else repr(float(score)), last_id],
        )
        found = [
            (float(score), comment_id.decode())
            for page in pages
            for comment_id, score in _pairs(page)
        ]
        found.sort(reverse=descending)
        page = found[:limit]
        following: Position | None = list(page[-1]) if len(found) > limit else None
        return [UUID(comment_id) for _, comment_id in page], following

    async def total(self, slug: str, *, include_escalated: bool) -> int:
        """Return how many comments wait."""
        keys = Keys(slug)
        with unavailable_when_down():
            waiting = await _of(self.redis.zcard(keys.by_age))
            if include_escalated:
                waiting += await _of(self.redis.zcard(keys.escalated_by_age))
        return int(waiting)

    # Leases

    async def claim(
        self, slug: str, *, owner: str, name: str, limit: int, ttl_ms: int, senior: bool
    ) -> list[Claimed]:
        """Lease the next comments to one holder; nobody else is handed them meanwhile."""
        answer = await self._run(
            "claim",
            self._places(slug),
            [owner, name, limit, ttl_ms, int(senior), OLDEST_EVERY],
        )
        return [
            Claimed(comment_id=_uuid(comment_id), fence=int(fence), until=_time(deadline))
            for comment_id, fence, deadline in _triples(answer)
        ]

    async def lease(
        self, slug: str, ids: Sequence[UUID], *, owner: str, name: str, limit: int, ttl_ms: int
    ) -> list[Claimed]:
        """Lease the first free ones of some comments, public ones too."""
        answer = await self._run(
            "lease", self._places(slug), [owner, name, limit, ttl_ms, *_texts(ids)]
        )
        return [
            Claimed(comment_id=_uuid(comment_id), fence=int(fence), until=_time(deadline))
            for comment_id, fence, deadline in _triples(answer)
        ]

    async def renew(
        self, slug: str, *, owner: str, ids: Sequence[UUID], ttl_ms: int
    ) -> tuple[list[UUID], list[UUID]]:
        """Prolong an owner's leases; return those prolonged and those lost."""
        kept = await self._run("renew", self._places(slug), [owner, ttl_ms, *_texts(ids)])
        renewed = [each for each, held in zip(ids, kept, strict=True) if held]
        return renewed, [each for each, held in zip(ids, kept, strict=True) if not held]

    async def release(self, slug: str, *, owner: str, ids: Sequence[UUID]) -> None:
        """Give an owner's leases back."""
        await self._run("release", self._places(slug), [owner, *_texts(ids)])

    async def expire(self, slug: str, *, limit: int) -> int:
        """End at most `limit` leases that ran out; return how many."""
        return int(await self._run("expire", self._places(slug), [limit]))

    # After a decision

    async def finish(self, slug: str, finished: Sequence[Finished]) -> list[Finish]:
        """Clean up after committed decisions; asked twice it does nothing more."""
        if not finished:
            return []
        arguments: list[Argument] = [REDO_AGE_MS]
        for each in finished:
            arguments += [
                str(each.comment_id),
                each.n,
                each.revision,
                each.action.value,
                str(each.decision_id),
                int(each.waits),
            ]
        keys = self._places(slug, [each.comment_id for each in finished])
        return [outcome.decode() for outcome in await self._run("finish", keys, arguments)]

    async def requeue(self, item: PendingComment, *, journaled: bool, guarded: bool) -> Requeued:
        """Put a comment among the waiting under its own id; asked twice it does nothing more.

        `journaled`: the journal has it. `guarded`: refuse while the queue is being refilled.
        """
        answer = await self._run(
            "requeue",
            self._places(item.site, [item.comment_id]),
            [
                str(item.comment_id),
                item.n,
                item.revision,
                item.kind,
                item.seq,
                score_text(item.score),
                created_ms(item),
                int(item.escalated),
                int(journaled),
                int(guarded),
                *_flat(to_fields(item)),
            ],
        )
        return cast("Requeued", answer[0].decode())

    async def settle_claim(self, slug: str, *, limit: int, ttl_ms: int) -> list[UUID]:
        """Take comments that a rule has decided; untouched ones come again after `ttl_ms`."""
        due = await self._run("settle_claim", [Keys(slug).settling], [limit, ttl_ms])
        return [_uuid(comment_id) for comment_id in due]

    async def move(self, slug: str, comment_id: UUID, *, aside: bool) -> bool:
        """Set a comment aside (quarantine), or let it be claimed; False when it does not wait."""
        where = "aside" if aside else "queue"
        keys = self._places(slug, [comment_id])
        return bool(await self._run("move", keys, [str(comment_id), where]))

    # Repair

    async def mend(self, slug: str, ids: Sequence[UUID]) -> tuple[int, int]:
        """Make items and places agree; return how many came back and how many were dropped."""
        if not ids:
            return 0, 0
        returned, dropped = await self._run("mend", self._places(slug, ids), _texts(ids))
        return int(returned), int(dropped)

    async def waiting_ids(self, slug: str, *, batch: int = SCAN_COUNT) -> AsyncIterator[list[UUID]]:
        """Yield the ids in every place of the queue, in batches; one may come twice."""
        keys = Keys(slug)
        for place in (
            keys.by_age,
            keys.escalated_by_age,
            keys.queue,
            keys.escalated,
            keys.settling,
            keys.quarantine,
        ):
            cursor = 0
            while True:
                with unavailable_when_down():
                    cursor, members = await _of(self.redis.zscan(place, cursor=cursor, count=batch))
                if members:
                    yield [_uuid(member) for member, _ in members]
                if cursor == 0:
                    break

    async def stray_ids(self, slug: str, *, batch: int = SCAN_COUNT) -> AsyncIterator[list[UUID]]:
        """Yield the ids of all items, in batches, found by their keys."""
        prefix = Keys(slug).item("")
        pattern = prefix.replace("[", "\\[").replace("{", "\\{") + "*"
        cursor = 0
        while True:
            with unavailable_when_down():
                cursor, found = await _of(
                    self.redis.scan(cursor=cursor, match=pattern, count=batch)
                )
            ids = [UUID(key.decode().removeprefix(prefix)) for key in found]
            for start in range(0, len(ids), batch):
                yield ids[start : start + batch]
            if cursor == 0:
                return

    # The journal's marks, and the site's epoch

    async def unjournaled(self, slug: str, *, limit: int) -> list[UUID]:
        """Return what the journal has yet to copy, the oldest first."""
        with unavailable_when_down():
            marked = await _of(self.redis.zrange(Keys(slug).marks, 0, limit - 1))
        return [_uuid(comment_id) for comment_id in marked]

    async def clear_marks(self, slug: str, written: Sequence[tuple[UUID, int, int]]) -> int:
        """Take off the marks of what was written as (id, revision, n) and has not changed."""
        if not written:
            return 0
        keys = Keys(slug)
        arguments: list[Argument] = []
        for comment_id, revision, n in written:
            arguments += [str(comment_id), revision, n]
        used = [keys.marks, *(keys.item(comment_id) for comment_id, _, _ in written)]
        return int(await self._run("clear_marks", used, arguments))

    async def begin_epoch(self, slug: str, *, epoch: str, seq: int) -> str:
        """Open a site's queue; return the epoch that holds."""
        answer: bytes = await self._run("begin_epoch", [Keys(slug).meta], [epoch, seq])
        return answer.decode()

    async def epoch(self, slug: str) -> str | None:
        """Return the epoch of a site's queue; None when it was lost or never opened."""
        with unavailable_when_down():
            epoch = await _of(self.redis.hget(Keys(slug).meta, "epoch"))
        return epoch.decode() if epoch is not None else None

    async def sequence(self, slug: str) -> int:
        """Return the last sequence number given to a comment of a site."""
        with unavailable_when_down():
            seq = await _of(self.redis.hget(Keys(slug).meta, "seq"))
        return int(seq or 0)

    async def restore_submission(
        self,
        slug: str,
        dk: str,
        *,
        comment_id: UUID,
        fingerprint: str,
        author_id: UUID,
        status: int,
        ttl_ms: int,
    ) -> bool:
        """Remember a submission again after Redis came back empty; one that is there stays."""
        arguments: list[Argument] = [
            str(comment_id),
            fingerprint,
            str(author_id),
            status,
            ttl_ms,
        ]
        keys = [Keys(slug).submission(dk)]
        return bool(await self._run("restore_submission", keys, arguments))

    async def _run(self, name: str, keys: Sequence[str], arguments: Iterable[Argument] = ()) -> Any:
        return await self.scripts.run(self.redis, name, keys, arguments)

    def _places(self, slug: str, ids: Sequence[UUID] = ()) -> list[str]:
        keys = Keys(slug)
        return [*keys.places, *(keys.item(comment_id) for comment_id in ids)]


async def _of(answer: Awaitable[Any] | Any) -> Any:
    """Await a command whose stub says that it may be synchronous."""
    return await answer


def _flat(fields: dict[str, FieldValue]) -> list[Argument]:
    return [part for field in fields.items() for part in field]


def _texts(ids: Iterable[UUID]) -> list[str]:
    return [str(comment_id) for comment_id in ids]


def _uuid(text: bytes) -> UUID:
    return UUID(text.decode())


def _time(milliseconds: bytes | float) -> datetime:
    return EPOCH + timedelta(milliseconds=float(milliseconds))


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _triples(flat: Sequence[Any]) -> Iterator[tuple[Any, Any, Any]]:
    return zip(flat[::3], flat[1::3], flat[2::3], strict=True)
