"""The way in: a submission is checked, made durable, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service import crash
from service.errors import Failure, Invalid, RateLimited, Unavailable
from service.features.authors import AuthorBanned, WarningUnacknowledged
from service.features.journal import Acknowledged
from service.features.lookup import Found, Lookup
from service.features.permits import (
    ArticleClosed,
    GuestsNotAllowed,
    ParentNotPublished,
    Permit,
    Permits,
    charges_of,
)
from service.features.promise import Promise
from service.features.screen import Piece, RefusedByRule, Screen, Screening
from service.features.settle import Settle
from service.features.submission import Keys, Submission, cleaned
from service.model import (
    Author,
    PendingComment,
    article_id,
)
from service.storage.limits import Dues, Limits, limited
from service.storage.pending import SETTLE_GRACE_MS, Acceptance
from service.storage.recents import Lately
from service.storage.reception import Reception
from service.storage.redis import QueueUnavailable

__all__ = [
    "Accepted",
    "ArticleClosed",
    "AuthorBanned",
    "GuestsNotAllowed",
    "Intake",
    "KeyReused",
    "NotDurable",
    "ParentNotPublished",
    "QueueEmptied",
    "QueueFull",
    "RefusedByRule",
    "WarningUnacknowledged",
]

DEDUPE_WINDOW_MS = 60_000
"""How long the same text by the same author counts as the same submission (api.md)."""
IDEMPOTENCY_MS = 48 * 3_600_000
"""How long an Idempotency-Key is remembered (api.md)."""


class KeyReused(Invalid):
    """The same Idempotency-Key came with another submission."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another comment."


class QueueFull(Unavailable):
    """As many comments wait as the site may hold."""

    code = "queue_full"
    title = "Too many comments are waiting for moderation. Please try again later."
    retry_after_seconds = 60
    outcome_unknown = False


class QueueEmptied(Unavailable):
    """Redis came back empty and is being refilled (protocol.md Ruling 4)."""

    code = "queue_unavailable"
    title = "Comments cannot be accepted for a moment. Please try again."
    outcome_unknown = False


class NotDurable(Unavailable):
    """Redis would not keep what it acknowledges; nothing is accepted (protocol.md I20)."""

    code = "not_durable"
    title = "Comments cannot be accepted at the moment: they would not be kept safely."
    retry_after_seconds = 30
    outcome_unknown = False


def _unheard(_: str) -> None:
    """Count nothing."""


def verified() -> bool:
    """Stand in where nobody watches the durability of Redis."""
    return True


class Accepted(Struct, frozen=True, kw_only=True):
    """The promise: this comment is durable."""

    found: Found
    author_id: UUID
    generation: int
    at_once: bool
    """True when the first answer published it (201), else it was held (202)."""
    seq: int = 0
    """The comment's position in the site's intake; 0 for a replay."""
    replayed: bool = False
    keyed: bool = True
    """False for a replay that was recognised without a key: it hands out no receipt."""


class Intake(Struct, frozen=True, kw_only=True):
    """Accept submissions, each once."""

    promise: Promise
    reception: Reception
    limits: Limits
    permits: Permits
    lookup: Lookup
    screen: Screen
    settle: Settle
    acknowledged: Acknowledged
    new_id: Callable[[datetime], UUID]
    new_guest: Callable[[], UUID]
    limits_on: bool = True
    durable: Callable[[], bool] = verified
    """Tells whether Redis was seen to keep what it acknowledges."""
    heard: Callable[[str], None] = _unheard
    """Told what became of each submission."""

    async def accept(self, submission: Submission, *, now: datetime) -> Accepted:
        """Take a comment in.

        It is as durable as the level promises when this returns; where the site publishes at once
        and the commit is certain within a second, it is also public.

        Raises:
            Invalid: the text policy, a length, a reused Idempotency-Key, or a rule that refuses.
            Forbidden: closed article, guests not allowed, banned or warned author.
            NotFound, Conflict: the parent is unknown or not public.
            RateLimited: too many from one place, author, article or site.
            Unavailable: not durable now, or the queue is full; nothing was promised.
        """
        try:
            accepted = await self._accept(submission, now=now)
        except Failure as failure:
            self.heard(failure.stable_code)
            raise
        self.heard(_outcome(accepted))
        return accepted

    async def _accept(self, submission: Submission, *, now: datetime) -> Accepted:
        if not self.durable():
            raise NotDurable
        clean = cleaned(submission)
        keys = Keys.of(clean)
        charges = charges_of(clean) if self.limits_on else ()
        dues = self.limits.dues(clean.site.slug, charges)
        lately = await self.reception.meet(
            clean.site.slug,
            dk=keys.dk,
            author_id=clean.author_id,
            address_hash=clean.address_hash or None,
            article_id=article_id(clean.site.site_id, clean.article_key),
            dues=dues,
        )
        earlier = lately.submitted
        if earlier is not None:
            if earlier.fingerprint != keys.fingerprint:
                raise KeyReused
            await self.promise.confirm(clean.site.slug)
            return await self._replay(
                clean, earlier.comment_id, earlier.author_id, at_once=earlier.published
            )
        try:
            item, screening = await self._examine(clean, keys, lately, now=now)
            stored = await self._store(clean, item, screening, dues)
        except (QueueUnavailable, RateLimited):
            raise  # Redis cannot be asked, or has said that nothing is left
        except Failure:
            await self.limits.collect(dues)  # refused attempts count as well
            raise
        return await self._answer(clean, item, screening, stored, now=now)

    async def _examine(
        self, clean: Submission, keys: Keys, lately: Lately, *, now: datetime
    ) -> tuple[PendingComment, Screening]:
        """Return the comment that a submission may become, screened, or refuse it."""
        author_id = clean.author_id or self.new_guest()
        permit = await self.permits.grant(clean, author_id, now=now)
        screening = await self.screen.look(
            clean.site,
            Piece(
                text=clean.body,
                lang=clean.lang,
                author_kind=clean.kind,
                author_id=clean.author_id,
                standing=permit.standing,
                article=permit.article,
                address_hash=clean.address_hash or None,
                lately=lately,
                parent=permit.parent,
            ),
            now=now,
        )
        return self._item(clean, keys, permit, author_id, screening, now=now), screening

    def _item(
        self,
        submission: Submission,
        keys: Keys,
        permit: Permit,
        author_id: UUID,
        screening: Screening,
        *,
        now: datetime,
    ) -> PendingComment:
        article, key = permit.home(submission)
        return PendingComment(
            site_id=submission.site.site_id,
            site=submission.site.slug,
            article_id=article,
            article_key=key,
            comment_id=self.new_id(now),
            parent_id=submission.parent_id,
            author=Author(
                author_id=author_id,
                kind=submission.kind,
                name=submission.name,
                badge=submission.badge,
                avatar=submission.avatar,
                email=submission.email,
            ),
            text=submission.body,
            lang=submission.lang,
            created_at=now,
            article_url=submission.article_url,
            article_title=submission.article_title,
            dk=keys.dk,
            fingerprint=keys.fingerprint,
            keyed=submission.idempotency_key is not None,
            address_hash=submission.address_hash or None,
            **screening.marks(now),
        )

    async def _store(
        self, submission: Submission, item: PendingComment, screening: Screening, dues: Dues
    ) -> Acceptance:
        """Take it in, unless it was taken in before.

        Raises:
            RateLimited: others used up a limit meanwhile.
            QueueFull, QueueEmptied: it cannot be taken in now.
            QueueUnavailable: Redis is away; it may have been taken in.
        """
        crash.reached(crash.Point.ACCEPT_CHECKED)
        stored = await self.promise.accept(
            item,
            auto=screening.publish or screening.reject,
            grace_ms=SETTLE_GRACE_MS if screening.publish else 0,
            pending_max=submission.site.settings.pending_max,
            dk_ttl_ms=IDEMPOTENCY_MS if item.keyed else DEDUPE_WINDOW_MS,
            known_seq=self.acknowledged.known(item.site_id),
            dues=dues,
        )
        crash.reached(crash.Point.ACCEPT_STORED)
        match stored.outcome:
            case "LIMITED":
                raise limited(stored.wait_ms)
            case "FULL":
                raise QueueFull
            case "EMPTY" | "CLASH":
                raise QueueEmptied
        return stored

    async def _answer(
        self,
        submission: Submission,
        item: PendingComment,
        screening: Screening,
        stored: Acceptance,
        *,
        now: datetime,
    ) -> Accepted:
        match stored.outcome:
            case "DUP":
                return await self._replay(
                    submission, stored.comment_id, stored.author_id, at_once=stored.published
                )
            case "MISMATCH":
                raise KeyReused
        self.acknowledged.note(item.site_id, stored.seq)
        published = screening.publish and await self.settle.settle_now(
            submission.site, item, now=now
        )
        found = await self.lookup.find(submission.site, item.comment_id) if published else None
        return Accepted(
            found=found or Found.of_pending(item),
            author_id=item.author.author_id,
            generation=submission.generation,
            at_once=bool(published),
            seq=stored.seq,
        )

    async def _replay(
        self, submission: Submission, comment_id: UUID, author_id: UUID, *, at_once: bool
    ) -> Accepted:
        """Answer as the first time, with the comment as it is now."""
        found = await self.lookup.find(submission.site, comment_id)
        if found is None:
            raise QueueEmptied
        return Accepted(
            found=found,
            author_id=author_id,
            generation=submission.generation,
            at_once=at_once,
            replayed=True,
            keyed=submission.idempotency_key is not None,
        )


def _outcome(accepted: Accepted) -> str:
    if accepted.replayed:
        return "replayed"
    return "published" if accepted.at_once else "accepted"
