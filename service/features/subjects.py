"""A comment as the transaction that decides on it sees it."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from service.features.transitions import is_edit, status_of, waiting_of
from service.model import Decision, PendingComment, Status
from service.storage.changes import Branch, Place, Seen
from service.storage.decisions import Case


class Subject(Struct, kw_only=True):
    """One comment as this transaction sees it; changes as it is decided."""

    case: Case
    waiting: PendingComment | None
    author_id: UUID | None
    """Whose it is, also when nothing of it waits any more."""
    seen: Seen
    """What was known of its text, likewise."""
    latest: Decision | None
    """The latest decision."""
    ruling: Ruling | None = None
    """What is decided of it now."""

    @property
    def next_n(self) -> int:
        """The number of the next decision."""
        return self.latest.n + 1 if self.latest else 1

    @property
    def status(self) -> Status | None:
        """What it is, by what is decided so far."""
        return status_of(self.case.public, self.waiting, self.latest)

    @property
    def is_copied(self) -> bool:
        """Whether the journal has what waits, with all that came with it."""
        revision = self.case.journaled_revision
        return (
            revision is not None
            and self.waiting is not None
            and (revision >= self.waiting.revision)
        )

    @property
    def judges_edit(self) -> bool:
        """Whether what waits is an edit of a public comment."""
        return self.waiting is not None and is_edit(self.waiting, self.case.public)


class Ruling(Struct, frozen=True, kw_only=True):
    """The decision that is being made, as far as messages name it."""

    decision_id: UUID
    reverses: UUID | None = None
    reason: str | None = None


def subject_of(case: Case, item: PendingComment | None) -> Subject:
    """Put together what both stores know of a comment."""
    latest = case.latest.decision if case.latest else None
    waiting = waiting_of((item, case.journaled), latest)
    source = waiting or case.public or case.kept
    author_id = source.author.author_id if source else None
    seen = Seen(lang=source.lang if source else None)
    if waiting is not None and waiting.screened is not None:
        screened = waiting.screened
        seen = Seen(
            lang=waiting.lang or (None if screened.lang == "other" else screened.lang),
            risk=screened.risk,
            rules=tuple({each.rule: None for each in waiting.why if each.error is None}),
        )
    return Subject(case=case, waiting=waiting, author_id=author_id, seen=seen, latest=latest)


def parent_place(subject: Subject) -> Place | None:
    """Return where the comment is that this one answers, if it answers one."""
    source = subject.waiting or subject.case.public or subject.case.kept
    if source is None or source.parent_id is None:
        return None
    place = subject.case.place
    return Place(place.site_id, place.article_id, source.parent_id)


def is_approved(row: Branch | None) -> bool:
    """Tell whether there is a public row, and it is no tombstone."""
    return row is not None and row.status is Status.APPROVED
