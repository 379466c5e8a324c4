"""One transaction's decisions: each comment judged in its state, the changes collected.

Everything a decision depends on is read under the lock of its article, so nothing here can
be overtaken; what is written goes out together, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from msgspec.structs import replace

from service.features.acts import Acts
from service.features.branches import Branches
from service.features.outcomes import DecidedSince, DecisionRequest, Outcome, Result, TextGone
from service.features.subjects import Ruling, Subject, is_approved, parent_place, subject_of
from service.features.transitions import (
    DROPS_NEWER,
    JUDGES_WAITING,
)
from service.model import (
    Action,
    Actor,
    Decision,
    Lease,
    PendingComment,
    Site,
    Status,
)
from service.storage.changes import Changes, Place
from service.storage.decisions import Deciding, Entry, Question


class Sitting(Acts, kw_only=True):
    """The decisions of one transaction."""

    @classmethod
    async def open(
        cls,
        deciding: Deciding,
        *,
        sites: Mapping[int, Site],
        questions: Sequence[Question],
        items: Mapping[UUID, PendingComment],
        leases: Mapping[UUID, Lease],
        changes: Changes,
        actor: Actor,
    ) -> Self:
        """Read, under the locks, everything the decisions depend on."""
        cases = await deciding.cases(questions)
        subjects = {
            comment_id: subject_of(case, items.get(comment_id))
            for comment_id, case in cases.items()
        }
        changes.copied.update(
            subject.case.place for subject in subjects.values() if subject.is_copied
        )
        above = {
            place.comment_id: place
            for place in (parent_place(subject) for subject in subjects.values())
            if place is not None
        }
        public = [case.place for case in cases.values() if case.public is not None]
        rows = await deciding.branches([*public, *above.values()])
        unsettled = [
            Question(place)
            for place in above.values()
            if place.comment_id not in subjects and not is_approved(rows.get(place.comment_id))
        ]
        parents = await deciding.cases(unsettled) if unsettled else {}
        return cls(
            deciding=deciding,
            sites=sites,
            subjects=subjects,
            parents={comment_id: subject_of(case, None) for comment_id, case in parents.items()},
            branches=Branches(rows=rows, changes=changes),
            leases=leases,
            changes=changes,
            actor=actor,
        )

    def decided(self, comment_id: UUID) -> int:
        """Return how many decisions there are on a comment."""
        return self.subjects[comment_id].next_n - 1

    def age(self, comment_id: UUID) -> tuple[datetime, UUID]:
        """Order comments so that a parent comes before its replies."""
        subject = self.subjects[comment_id]
        source = subject.waiting or subject.case.public or subject.case.kept
        return (source.created_at if source else self.changes.at, comment_id)

    def decide(self, place: Place, request: DecisionRequest, *, by: Actor | None = None) -> Result:
        """Apply one decision, or say why it does not apply; `by` is who decides from now on."""
        self.actor = by or self.actor
        subject = self.subjects[place.comment_id]
        outcome, decision = self._stands_in_the_way(subject, request)
        if outcome is Outcome.REPLAYED and decision is not None and decision == subject.latest:
            # Whoever repeats it may not have lived to clean Redis the first time.
            self._finish(subject, decision, waits=subject.waiting is not None)
        if outcome is None:
            decision = self._apply(subject, request)
            outcome = Outcome.APPLIED
        return Result(
            comment_id=place.comment_id,
            outcome=outcome,
            status=subject.status,
            decision=decision,
            waiting=subject.waiting if outcome is Outcome.STALE else None,
        )

    async def reverse(self, place: Place, decision_id: UUID, new_id: UUID) -> tuple[Decision, bool]:
        """Undo a comment's latest decision; False beside the decision when it was undone before.

        Raises:
            DecidedSince: the comment was decided again.
            TextGone: what would come back is not there any more.
        """
        subject = self.subjects[place.comment_id]
        entry = subject.case.latest
        if entry is None:
            raise DecidedSince
        undone = entry.decision
        if undone.action is Action.REVERSE and undone.reverses == decision_id:
            return undone, False
        if undone.decision_id != decision_id or undone.action is Action.REVERSE:
            raise TextGone if undone.action in DROPS_NEWER else DecidedSince
        subject.ruling = Ruling(decision_id=new_id, reverses=undone.decision_id)
        status, text = await self._undo(subject, entry)
        decision = self._append(
            subject,
            action=Action.REVERSE,
            decision_id=new_id,
            revision=undone.revision,
            status=status,
            text=text,
            kind=entry.kind,
            reverses=undone.decision_id,
        )
        self._finish(subject, decision, waits=False, only_kept=True)
        return decision, True

    # What stands in the way

    def _stands_in_the_way(
        self, subject: Subject, request: DecisionRequest
    ) -> tuple[Outcome | None, Decision | None]:
        case = subject.case
        if case.same is not None:
            same = case.same.decision
            again = same.action is request.action and same.revision == request.revision
            return (Outcome.REPLAYED if again else Outcome.CONFLICT), same
        if subject.status is None:
            return Outcome.NOT_FOUND, None
        if case.submitted_as not in (None, case.place.comment_id) and subject.waiting is not None:
            return Outcome.CONFLICT, self._settle_duplicate(subject, case.submitted_as)
        return self._state_in_the_way(subject, request)

    def _state_in_the_way(
        self, subject: Subject, request: DecisionRequest
    ) -> tuple[Outcome | None, Decision | None]:
        if request.action is Action.ERASE:  # whatever it is, whoever holds it
            return (Outcome.CONFLICT, subject.latest) if _is_erased(subject) else (None, None)
        revision = self._judged_revision(subject, request.action)
        hidden = subject.waiting is not None and subject.waiting.escalated
        sees_it = self.actor.sees_escalated_on(subject.case.place.site_id)
        if revision is None or (hidden and not sees_it):
            return Outcome.CONFLICT, subject.latest
        if revision != request.revision:
            return Outcome.STALE, None
        lease = self.leases.get(subject.case.place.comment_id)
        own = f"{self.actor.kind}:{self.actor.actor_id}"
        if lease is not None and lease.owner != own and not request.override:
            return Outcome.LEASED, None
        if request.action is Action.APPROVE:
            return self._parent_in_the_way(subject)
        return None, None

    def _judged_revision(self, subject: Subject, action: Action) -> int | None:
        """Return the revision an action would judge now, or None where it does not apply."""
        public, kept = subject.case.public, subject.case.kept
        if action is Action.APPROVE and subject.status in {Status.REMOVED, Status.DELETED}:
            return None  # an edit waits for its comment to be restored
        if action in JUDGES_WAITING or action is Action.WITHDRAW:
            return subject.waiting.revision if subject.waiting else None
        is_public = public is not None and public.status is Status.APPROVED
        if action in {Action.REMOVE, Action.DELETE} and public is not None and is_public:
            return public.revision
        if action is Action.DELETE and subject.status in {Status.REJECTED, Status.REMOVED}:
            return subject.latest.revision if subject.latest else None
        if action is Action.RESTORE and subject.status is Status.REMOVED:
            return kept.revision if kept else None
        return None

    def _parent_in_the_way(self, subject: Subject) -> tuple[Outcome | None, Decision | None]:
        """Let a reply become public only under what is, or was, public itself."""
        place = parent_place(subject)
        if place is None:
            return None, None
        row = self.branches.rows.get(place.comment_id)
        if is_approved(row):
            return None, None
        parent = self.subjects.get(place.comment_id) or self.parents.get(place.comment_id)
        status = parent.status if parent else None
        if status is Status.REJECTED:
            return Outcome.CONFLICT, parent.latest if parent else None
        if status in (Status.REMOVED, Status.DELETED) and row is not None:
            return None, None  # it will stand under the tombstone
        return Outcome.PARENT_PENDING, None

    # Undoing

    async def _undo(self, subject: Subject, entry: Entry) -> tuple[Status, str]:
        """Return the status the comment goes back to, and the text it is about."""
        match entry.decision.action:
            case Action.APPROVE if entry.kind == "edit":
                return await self._undo_edit(subject)
            case Action.APPROVE:
                self.changes.reopen_appeal(subject.case.place, answered_at=entry.decision.at)
                return self._undo_approval(subject)
            case Action.REJECT:
                return await self._undo_rejection(subject, entry)
            case Action.ESCALATE if subject.waiting is not None:
                item = replace(subject.waiting, escalated=False, n=subject.next_n)
                self._wait_again(subject, item)
                return entry.decision.status, item.text
            case Action.REMOVE:
                if entry.decision.actor_kind != "rule":
                    self.changes.reopen_reports(subject.case.place, closed_at=entry.decision.at)
                return self._restore(subject)
            case Action.RESTORE:
                self.changes.reopen_appeal(subject.case.place, answered_at=entry.decision.at)
                return self._take_down(subject, Status.REMOVED)
            case _:
                raise TextGone

    def _undo_approval(self, subject: Subject) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        if public is None or public.text is None:
            raise TextGone
        self.branches.disappear(place, Status.REMOVED)
        self.changes.take_down(place, Status.REMOVED)
        self.took_down = True
        item = self._as_waiting(public, n=subject.next_n)
        if subject.waiting is not None:  # an edit came since: its text is the newer one
            item = replace(subject.waiting, kind="new", n=subject.next_n)
        self.changes.count_for_author(place.site_id, public.author, approved=-1)
        self._wait_again(subject, item)
        self._tell(subject, "comment.pending", item)
        return Status.PENDING, public.text

    async def _undo_edit(self, subject: Subject) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        former = await self.deciding.former_text(place, below=public.revision if public else 0)
        if public is None or public.text is None or former is None:
            raise TextGone
        self._keep(place, self._as_waiting(public, n=subject.next_n))
        self.changes.put_back_text(place, revision=former[0], text=former[1])
        self.changes.shift_counts(place)
        self._tell(subject, "comment.edited", self._as_waiting(public, n=subject.next_n))
        return Status.APPROVED, public.text

    async def _undo_rejection(self, subject: Subject, entry: Entry) -> tuple[Status, str]:
        place, kept = subject.case.place, subject.case.kept
        if kept is None or kept.revision != entry.decision.revision:
            # Of a removed comment the text that was public is kept, too.
            kept = await self.deciding.kept_text(place, revision=entry.decision.revision)
        if kept is None:
            raise TextGone
        item = subject.waiting or kept
        item = replace(item, kind=entry.kind, n=subject.next_n, escalated=False)
        status = entry.decision.status
        if entry.kind == "new":
            status = Status.PENDING
            self.changes.drop_kept(place)
            self.changes.count_for_author(place.site_id, kept.author, rejected=-1)
        self._wait_again(subject, item)
        self._tell(subject, "comment.pending", item, shown=False)
        return status, kept.text


def _is_erased(subject: Subject) -> bool:
    latest = subject.latest
    return subject.waiting is None and latest is not None and latest.action is Action.ERASE
