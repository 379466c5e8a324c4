"""Comments that wait, as Redis keeps them: every change one script (`looks` has the looks).

The scripts and their promises are in `service/scripts`; ids come and go as UUIDs, times as
milliseconds of the server's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import compress
from typing import Any, Literal, cast
from uuid import UUID

from service.model import PendingComment
from service.storage.limits import NO_DUES, Dues
from service.storage.looks import Looks, Version, batched
from service.storage.recents import KEPT_MS as RECENT_KEPT_MS
from service.storage.recents import LINES_MAX as RECENT_MAX
from service.storage.recents import recent_entry
from service.storage.redis import (
    Argument,
    Keys,
    QueueUnavailable,
    unavailable_when_down,
)
from service.storage.replies import (
    Acceptance,
    Claimed,
    EditOutcome,
    Finished,
    QueueState,
    Remembered,
    Submitted,
    finish_arguments,
    read_acceptance,
    read_claims,
    read_time,
    read_uuids,
)
from service.storage.waiting import created_ms, edit_fields, score_text, to_fields

__all__ = [
    "Acceptance",
    "Claimed",
    "EditOutcome",
    "Finished",
    "PendingStore",
    "QueueState",
    "Remembered",
    "Submitted",
]

SETTLE_GRACE_MS = 3_000
"""A request publishes within a second what a rule lets through; then the settle worker may try."""
OLDEST_EVERY = 5
"""Every fifth that is handed out is the oldest, so that nothing waits for ever (Ruling 9)."""
ANY_EVERY = 50
"""One in fifty is any: what is learnt from decisions is not learnt from the urgent alone."""
REDO_MS = 24 * 3_600_000
"""How long decided comments are kept against a Postgres that goes back in time."""

TOGETHER = 500
"""Items put back with one wait for the disk of Redis."""

FinishOutcome = Literal["DONE", "GONE", "NEWER"]
RequeueOutcome = Literal["NEW", "REPLACED", "KEPT", "EMPTY"]


def _unheard(_: str) -> None:
    """Tell nobody."""


class PendingStore(Looks, frozen=True, kw_only=True):
    """The queues of all sites. Every method raises QueueUnavailable while Redis is away."""

    replicas: int = 0
    """How many replicas must have what is acknowledged, within 0.2 s; 0 asks none."""
    heard_finish: Callable[[str], None] = _unheard
    """Told what each cleaning after a decision has met."""

    # The way in

    async def accept(
        self,
        item: PendingComment,
        *,
        auto: bool,
        pending_max: int,
        dk_ttl_ms: int,
        grace_ms: int = SETTLE_GRACE_MS,
        known_seq: int = 0,
        dues: Dues = NO_DUES,
    ) -> Acceptance:
        """Take a comment in, once a submission; it is durable when this returns OK or DUP.

        `dues` are charged in the same step, and only if it is taken in (OK).
        `auto` leaves it to the settle worker, after `grace_ms`, instead of to people. A Redis
        that is behind `known_seq` notes that it went back in time.
        """
        at, name = Keys(item.site), str(item.comment_id)
        lists = _recent_lists(at, item, name)
        answer = await self._durably(
            "accept",
            (
                at.item(name),
                at.settling if auto else at.queue,
                at.by_age,
                at.escalated_by_age,
                at.by_priority,
                at.marks,
                at.meta,
                *lists,
                *((at.submission(item.dk),) if item.dk else ()),
                *dues.keys,
            ),
            (
                name,
                score_text(item.score),
                created_ms(item),
                pending_max,
                grace_ms if auto else "",
                item.fingerprint or "",
                str(item.author.author_id),
                dk_ttl_ms,
                min(len(lists), 2),
                recent_entry(item, name),
                RECENT_KEPT_MS,
                RECENT_MAX,
                item.address_hash or "",
                known_seq,
                len(dues.keys),
                *dues.rates,
                *_flat(to_fields(item)),
            ),
        )
        return read_acceptance(answer, item)

    async def answered(self, slug: str, dk: str, status: int) -> None:
        """Note the status code a submission was first answered with."""
        await self.scripts.run(self.redis, "answer", [Keys(slug).submission(dk)], [status])

    async def edit(
        self,
        item: PendingComment,
        *,
        expected_revision: int,
        settle: Literal["publish", "reject"] | None = None,
    ) -> EditOutcome:
        """Replace the text of a waiting comment, whether or not somebody holds it.

        What may be published stays with the settle worker if it is there; what a rule rejects
        goes to it, unless somebody holds it.
        """
        at = Keys(item.site)
        outcome, revision = await self._durably(
            "edit",
            [*at.places, at.item(item.comment_id)],
            (
                str(item.comment_id),
                expected_revision,
                score_text(item.score),
                settle or "",
                *_flat(edit_fields(item)),
            ),
        )
        return EditOutcome(outcome=outcome.decode(), revision=revision)

    async def confirm(self, slug: str) -> None:
        """Make sure that replicas have everything that was written before.

        Raises:
            QueueUnavailable: they do not, or Redis came back empty.
        """
        if not await self._durably("confirm", [Keys(slug).meta], ()):
            raise QueueUnavailable

    async def _durably(self, name: str, keys: Sequence[str], arguments: Iterable[Argument]) -> Any:
        """Run a script whose outcome somebody is told."""
        if not self.replicas:
            return await self.scripts.run(self.redis, name, keys, arguments)
        return await self.scripts.run_on_replicas(
            self.redis, name, keys, arguments, replicas=self.replicas
        )

    async def rescore(self, slug: str, scores: Sequence[tuple[UUID, int, float]]) -> int:
        """Give waiting comments another place in the queue; returns how many had this revision.

        `scores` are ids, the revisions that were judged, and the new scores.
        """
        arguments = [
            value
            for comment_id, revision, score in scores
            for value in (str(comment_id), revision, score_text(score))
        ]
        ids = [comment_id for comment_id, _, _ in scores]
        return int(await self.scripts.run(self.redis, "rescore", _with_items(slug, ids), arguments))

    # Leases

    async def foresee(
        self, slug: str, *, limit: int, senior: bool, luck: float
    ) -> list[PendingComment]:
        """Return what a claim with the same luck would lease now: nothing is changed."""
        names = await self.scripts.run(
            self.redis, "next", Keys(slug).places, _choice(limit, senior=senior, luck=luck)
        )
        found = await self._written(slug, [name.decode() for name in names])
        return [each.item for each in found if each]

    async def claim(
        self,
        slug: str,
        *,
        owner: str,
        name: str,
        limit: int,
        ttl_ms: int,
        senior: bool,
        luck: float = 0.0,
    ) -> list[Claimed]:
        """Lease the next waiting comments; nobody is handed them again until the lease ends.

        `luck`, of [0, 1), says which it is where any is as good as another.
        """
        answer = await self.scripts.run(
            self.redis,
            "claim",
            Keys(slug).places,
            (*_choice(limit, senior=senior, luck=luck), owner, name, ttl_ms),
        )
        return read_claims(answer)

    async def lease(
        self, slug: str, *, owner: str, name: str, ids: Sequence[UUID], limit: int, ttl_ms: int
    ) -> list[Claimed]:
        """Lease the first free ones of these, whether they wait or are public."""
        answer = await self.scripts.run(
            self.redis,
            "lease",
            Keys(slug).places,
            (owner, name, limit, ttl_ms, *map(str, ids)),
        )
        return read_claims(answer)

    async def renew(
        self, slug: str, *, owner: str, ids: Sequence[UUID], ttl_ms: int
    ) -> tuple[list[UUID], datetime]:
        """Prolong leases from now on; returns those that were not lost, and how long they hold."""
        until, *kept = await self.scripts.run(
            self.redis, "renew", Keys(slug).places, (owner, ttl_ms, *map(str, ids))
        )
        return list(compress(ids, kept)), read_time(until)

    async def release(self, slug: str, *, owner: str, ids: Sequence[UUID]) -> list[UUID]:
        """Give leases back; those of others stay. Returns those that were given back."""
        given = await self.scripts.run(
            self.redis, "release", Keys(slug).places, (owner, *map(str, ids))
        )
        return list(compress(ids, given))

    async def expire(self, slug: str, *, limit: int) -> int:
        """End at most `limit` leases that ran out; returns how many."""
        return int(await self.scripts.run(self.redis, "expire", Keys(slug).places, [limit]))

    # After a decision

    async def finish(self, slug: str, finished: Sequence[Finished]) -> list[FinishOutcome]:
        """Clean up after committed decisions; asked twice it does nothing more."""
        if not finished:
            return []
        answer = await self.scripts.run(
            self.redis,
            "finish",
            _with_items(slug, [each.comment_id for each in finished]),
            (REDO_MS, *(value for each in finished for value in finish_arguments(each))),
        )
        outcomes: list[FinishOutcome] = [outcome.decode() for outcome in answer]
        for outcome in outcomes:
            self.heard_finish(outcome)
        return outcomes

    async def requeue(
        self, item: PendingComment, *, journaled: bool, guarded: bool, acknowledged: bool = False
    ) -> RequeueOutcome:
        """Let a comment, or an edit of a public one, wait under its own id; asked twice it stays.

        `journaled` when Postgres has it already. `guarded` refuses (EMPTY) while a Redis that
        came back empty is being refilled. `acknowledged` when somebody is told that it is durable.
        """
        keys = _with_items(item.site, [item.comment_id])
        arguments = _requeued(item, journaled=journaled, guarded=guarded)
        if acknowledged:
            outcome, _ = await self._durably("requeue", keys, arguments)
        else:
            outcome, _ = await self.scripts.run(self.redis, "requeue", keys, arguments)
        return cast("RequeueOutcome", outcome.decode())

    async def requeue_all(self, slug: str, items: Sequence[PendingComment]) -> None:
        """Put back what the journal has, also into a queue without an epoch, some at a time."""
        for few in batched(items, TOGETHER):
            await self.scripts.run_each(
                self.redis,
                "requeue",
                [
                    (
                        _with_items(slug, [item.comment_id]),
                        _requeued(item, journaled=True, guarded=False),
                    )
                    for item in few
                ],
            )

    async def settle_claim(self, slug: str, *, limit: int, ttl_ms: int) -> list[UUID]:
        """Take comments a rule has decided; what is not settled in time is handed out again."""
        due = await self.scripts.run(
            self.redis, "settle_claim", [Keys(slug).settling], (limit, ttl_ms)
        )
        return read_uuids(due)

    async def settle_release(self, slug: str, ids: Sequence[UUID]) -> None:
        """Give back what was taken and not settled; it is handed out again at once."""
        with unavailable_when_down():
            await self.redis.zadd(Keys(slug).settling, dict.fromkeys(map(str, ids), 0), xx=True)

    async def move(self, slug: str, comment_id: UUID, *, aside: bool) -> bool:
        """Set a waiting comment aside, or make it claimable; False when it does not wait."""
        moved = await self.scripts.run(
            self.redis,
            "move",
            _with_items(slug, [comment_id]),
            (str(comment_id), "aside" if aside else "queue"),
        )
        return bool(moved)

    # Repair

    async def mend(self, slug: str, ids: Sequence[UUID]) -> tuple[int, int]:
        """Make items and places agree; returns items put back and places dropped."""
        if not ids:
            return 0, 0
        returned, dropped = await self.scripts.run(
            self.redis, "mend", _with_items(slug, ids), [str(comment_id) for comment_id in ids]
        )
        return returned, dropped

    # The journal's side

    async def clear_marks(self, slug: str, copied: Sequence[Version]) -> int:
        """Take the marks off what was copied, or is gone, and has not changed since."""
        if not copied:
            return 0
        at = Keys(slug)
        cleared = await self.scripts.run(
            self.redis,
            "clear_marks",
            [at.marks, *(at.item(comment_id) for comment_id, _, _ in copied)],
            [
                value
                for comment_id, revision, n in copied
                for value in (str(comment_id), revision, n)
            ],
        )
        return int(cleared)

    async def mark(self, slug: str, ids: Sequence[UUID]) -> int:
        """Let the journal copy again what waits of these; returns how many were not marked."""
        at = Keys(slug)
        keys = [at.marks, *(at.item(comment_id) for comment_id in ids)]
        return int(await self.scripts.run(self.redis, "mark", keys, map(str, ids)))

    async def begin_epoch(
        self,
        slug: str,
        *,
        epoch: str,
        seq: int,
        fell_from: int | None = None,
        refilled: bool = False,
    ) -> str:
        """Open a site's queue where it has no epoch, or raise its `seq`. Returns the epoch.

        An empty `epoch` raises `seq` alone; `fell_from` is the fall that was put right. When it
        was `refilled` since, and Redis has forgotten that again, it stays shut and this is "".
        """
        arguments = (epoch, seq, "" if fell_from is None else fell_from, int(refilled))
        held = await self.scripts.run(self.redis, "begin_epoch", [Keys(slug).meta], arguments)
        return str(held, "utf-8")

    async def restore_submissions(self, slug: str, records: Sequence[Remembered]) -> None:
        """Put submissions' records back; those that are there stay."""
        for few in batched(records, TOGETHER):
            await self.scripts.run_each(
                self.redis,
                "restore_submission",
                [
                    (
                        [Keys(slug).submission(each.dk)],
                        (
                            str(each.comment_id),
                            each.fingerprint,
                            str(each.author_id),
                            each.status,
                            each.ttl_ms,
                        ),
                    )
                    for each in few
                ],
            )


def _with_items(slug: str, ids: Iterable[UUID]) -> list[str]:
    at = Keys(slug)
    return [*at.places, *(at.item(comment_id) for comment_id in ids)]


def _requeued(item: PendingComment, *, journaled: bool, guarded: bool) -> list[Argument]:
    return [
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
    ]


def _recent_lists(at: Keys, item: PendingComment, name: str) -> list[str]:
    """Return whose record of late comments this one enters; none for what was not screened.

    Beside an address' record stands where the address is noted, for forgetting.
    """
    if item.screened is None:
        return []
    lists = [at.recent_of_author(item.author.author_id)]
    if item.address_hash:
        lists += (at.recent_of_address(item.address_hash), at.address_of(name))
    return lists


def _flat(fields: Mapping[str, Argument]) -> list[Argument]:
    return [part for field in fields.items() for part in field]


def _choice(limit: int, *, senior: bool, luck: float) -> tuple[Argument, ...]:
    """Return the arguments of `scripts/parts/choosing.lua`."""
    return limit, int(senior), OLDEST_EVERY, ANY_EVERY, repr(luck)
