"""What a comment is, from the log and the text that waits. Pure.

Redis, the journal and the log each carry (n, revision): decisions so far, and the text. What
is older than the log is cleaned, never obeyed (protocol.md Rulings 1 and 3).
"""

from __future__ import annotations

from service.model import Action, Comment, Decision, PendingComment, Status

DROPS_NEWER = frozenset({Action.WITHDRAW, Action.DELETE, Action.ERASE})
"""After these an edit that came meanwhile is dropped: the author or the law took it away."""

JUDGES_WAITING = frozenset({Action.APPROVE, Action.REJECT, Action.ESCALATE})
"""Actions on a comment, or the edit of a public one, that waits."""

NEEDS_REASON = frozenset({Action.REJECT, Action.REMOVE})


def still_waits(item: PendingComment, latest: Decision | None) -> bool:
    """Tell whether a text in Redis or the journal is still to be decided."""
    if latest is not None and latest.status is Status.DELETED:
        return False  # nothing comes back that its author or the law took away (Ruling 6)
    if latest is None or item.n >= latest.n:
        return True
    if latest.status is Status.PENDING or latest.action is Action.ESCALATE:
        return True
    return item.revision > latest.revision and latest.action not in DROPS_NEWER


def waiting_of(
    copies: tuple[PendingComment | None, ...], latest: Decision | None
) -> PendingComment | None:
    """Return the newest of several copies of what waits, if it still does."""
    present = [item for item in copies if item is not None and still_waits(item, latest)]
    return max(present, key=lambda item: (item.revision, item.n), default=None)


def status_of(
    public: Comment | None, waiting: PendingComment | None, latest: Decision | None
) -> Status | None:
    """Return what a comment is now; None when nobody knows of it."""
    if latest is None:
        return Status.PENDING if waiting else None
    if waiting is not None and latest.status is Status.REJECTED and not is_edit(waiting, public):
        return Status.PENDING  # edited before the rejection was known: judged anew
    return latest.status


def is_edit(waiting: PendingComment, public: Comment | None) -> bool:
    """Tell whether what waits would replace a public text."""
    return (public is not None and public.status is Status.APPROVED) or waiting.kind == "edit"
