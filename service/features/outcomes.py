"""What is asked of a decision, what becomes of it, and how undoing one can fail."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from service.errors import Conflict
from service.model import Action, Decision, PendingComment, Status


class Outcome(StrEnum):
    """What became of one decision, in the words of api.md."""

    APPLIED = "applied"
    REPLAYED = "replayed"
    CONFLICT = "conflict"
    STALE = "stale"
    LEASED = "leased"
    PARENT_PENDING = "parent_pending"
    NOT_FOUND = "not_found"


class DecidedSince(Conflict):
    """The comment was decided again after the decision that is to be undone."""

    code = "decided_since"
    title = "The comment was decided again since then."


class TextGone(Conflict):
    """What would have to come back was deleted, erased or has expired."""

    code = "text_gone"
    title = "The text of this comment is no longer kept."


class UndoRefused(Conflict):
    """Postgres does not take what the undoing would write."""

    code = "undo_refused"
    title = "This decision cannot be undone; the log of the service says why."


class AmbiguousDecision(Conflict):
    """One decision id was used for several comments."""

    code = "ambiguous_decision"
    title = "This decision concerns several comments: say which one."


class DecisionRequest(Struct, frozen=True, kw_only=True):
    """What somebody wants done with one comment."""

    comment_id: UUID
    revision: int
    """The text they have read."""
    action: Action
    decision_id: UUID
    """Makes a retry harmless."""
    reason: str | None = None
    note: str | None = None
    override: bool = False
    """Decide although a colleague holds it."""


class Result(Struct, frozen=True, kw_only=True):
    """What became of it."""

    comment_id: UUID
    outcome: Outcome
    status: Status | None = None
    """What the comment is now."""
    decision: Decision | None = None
    """The one applied or replayed, or the one that stands in the way."""
    waiting: PendingComment | None = None
    """For `stale`: the text to be read instead."""
