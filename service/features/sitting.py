"""One transaction's decisions: each comment judged in its state, the changes collected.

Everything a decision depends on is read under the lock of its article, so nothing here can
be overtaken; what is written goes out together, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from service.errors import Conflict
from service.features.branches import Branches
from service.features.outcomes import DecidedSince, DecisionRequest, Outcome, Result, TextGone
from service.features.screening import queue_score
from service.features.transitions import (
    DROPS_NEWER,
    JUDGES_WAITING,
    is_edit,
    status_of,
    waiting_of,
)
from service.model import (
    Action,
    Actor,
    Comment,
    Decision,
    ItemKind,
    Lease,
    PendingComment,
    Site,
    Status,
)
from service.storage.changes import Branch, Changes, Place, Seen
from service.storage.decisions import Case, Deciding, Entry, Question
from service.storage.pending import Finished
from service.storage.redo import said_of

DUPLICATE_REASON = "duplicate"


@dataclass(slots=True, kw_only=True)
class _Subject:
    """One comment as this transaction sees it; changes as it is decided."""

    case: Case
    waiting: PendingComment | None
    author_id: UUID | None
    """Whose it is, also when nothing of it waits any more."""
    seen: Seen
    """What was known of its text, likewise."""
    ruling: _Ruling | None = None
    """What is decided of it now."""

    @property
    def latest(self) -> Decision | None:
        return self.case.latest.decision if self.case.latest else None

    @property
    def next_n(self) -> int:
        return self.latest.n + 1 if self.latest else 1

    @property
    def status(self) -> Status | None:
        return status_of(self.case.public, self.waiting, self.latest)

    @property
    def judges_edit(self) -> bool:
        return self.waiting is not None and is_edit(self.waiting, self.case.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """The decision that is being made, as far as messages name it."""

    decision_id: UUID
    reverses: UUID | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Sitting:
    """The decisions of one transaction."""

    deciding: Deciding
    sites: Mapping[int, Site]
    subjects: dict[UUID, _Subject]
    parents: dict[UUID, _Subject]
    """Parents that are not approved and not decided here."""
    branches: Branches
    leases: Mapping[UUID, Lease]
    changes: Changes
    actor: Actor
    """Whose decision is being made."""
    finished: dict[int, list[Finished]] = field(default_factory=dict)
    """By site: what Redis is to clean once this is committed."""
    requeued: list[PendingComment] = field(default_factory=list)
    """What waits again once this is committed."""
    forgotten: list[tuple[int, UUID, UUID | None]] = field(default_factory=list)
    """Site, comment and author of what is deleted, once this is committed."""
    took_down: bool = False
    """True when something public is public no longer."""

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
            comment_id: _subject(case, items.get(comment_id)) for comment_id, case in cases.items()
        }
        above = {
            place.comment_id: place
            for place in (_parent_place(subject) for subject in subjects.values())
            if place is not None
        }
        rows = await deciding.branches(
            [*(subject.case.place for subject in subjects.values()), *above.values()]
        )
        unsettled = [
            Question(place)
            for place in above.values()
            if place.comment_id not in subjects and not _approved(rows.get(place.comment_id))
        ]
        parents = await deciding.cases(unsettled) if unsettled else {}
        return cls(
            deciding=deciding,
            sites=sites,
            subjects=subjects,
            parents={comment_id: _subject(case, None) for comment_id, case in parents.items()},
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
        subject.ruling = _Ruling(decision_id=new_id, reverses=undone.decision_id)
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
        self._finish(subject, decision, waits=subject.waiting is not None)
        return decision, True

    # What stands in the way

    def _stands_in_the_way(
        self, subject: _Subject, request: DecisionRequest
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
        self, subject: _Subject, request: DecisionRequest
    ) -> tuple[Outcome | None, Decision | None]:
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

    def _judged_revision(self, subject: _Subject, action: Action) -> int | None:
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

    def _parent_in_the_way(self, subject: _Subject) -> tuple[Outcome | None, Decision | None]:
        """Let a reply become public only under what is, or was, public itself."""
        place = _parent_place(subject)
        if place is None:
            return None, None
        row = self.branches.rows.get(place.comment_id)
        if _approved(row):
            return None, None
        parent = self.subjects.get(place.comment_id) or self.parents.get(place.comment_id)
        status = parent.status if parent else None
        if status is Status.REJECTED:
            return Outcome.CONFLICT, parent.latest if parent else None
        if status in (Status.REMOVED, Status.DELETED) and row is not None:
            return None, None  # it will stand under the tombstone
        return Outcome.PARENT_PENDING, None

    # What an action does

    def _apply(self, subject: _Subject, request: DecisionRequest) -> Decision:
        waiting = subject.waiting
        kind: ItemKind = "edit" if subject.judges_edit else "new"
        subject.ruling = _Ruling(decision_id=request.decision_id, reason=request.reason)
        match request.action:
            case Action.APPROVE:
                assert waiting is not None
                status, text = self._approve(subject, waiting, note=request.note)
            case Action.REJECT:
                assert waiting is not None
                status, text = self._reject(subject, waiting)
            case Action.ESCALATE:
                assert waiting is not None
                status, text = self._escalate(subject, waiting)
            case Action.WITHDRAW:
                assert waiting is not None
                status, text = self._withdraw(subject, waiting)
            case Action.REMOVE:
                status, text = self._take_down(subject, Status.REMOVED)
                kind = "new"
            case Action.DELETE:
                status, text = self._delete(subject)
                kind = "new"
            case Action.RESTORE:
                status, text = self._restore(subject, note=request.note)
                kind = "new"
            case _:
                raise Conflict(f"{request.action} is no decision of a moderator.")
        decision = self._append(
            subject,
            action=request.action,
            decision_id=request.decision_id,
            revision=request.revision,
            status=status,
            text=text,
            kind=kind,
            reason=request.reason,
            note=request.note,
        )
        self._finish(subject, decision, waits=request.action is Action.ESCALATE)
        return decision

    def _approve(
        self, subject: _Subject, waiting: PendingComment, *, note: str | None
    ) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        replaces = public is not None and public.status is Status.APPROVED
        if public is not None and replaces:
            self.changes.keep_revision(public, place)
        branch = self.branches.appear(place, waiting.parent_id)
        # A pending edit of an approved comment keeps its votes and its place.
        self.changes.publish(waiting, branch, unseen=self.actor.kind == "rule")
        self.changes.settle(waiting, place, n=subject.next_n)
        if not replaces:
            self.changes.drop_kept(place)
            if subject.latest is not None:
                self._grant_appeal(subject, note=note)
            self.changes.count_for_author(place.site_id, waiting.author, approved=1)
        self._tell(subject, "comment.edited" if replaces else "comment.approved", waiting)
        subject.waiting = None
        return Status.APPROVED, waiting.text

    def _reject(self, subject: _Subject, waiting: PendingComment) -> tuple[Status, str]:
        place = subject.case.place
        self.changes.settle(waiting, place, n=subject.next_n)
        self._keep(place, waiting)
        self._tell(subject, "comment.rejected", waiting, shown=False)
        status = Status.REJECTED
        if subject.judges_edit and subject.status is not None:
            status = subject.status  # the public text stays
        else:
            self.changes.count_for_author(place.site_id, waiting.author, rejected=1)
        subject.waiting = None
        return status, waiting.text

    def _escalate(self, subject: _Subject, waiting: PendingComment) -> tuple[Status, str]:
        status = subject.status or Status.PENDING
        subject.waiting = replace(waiting, escalated=True, n=subject.next_n)
        self.changes.wait(subject.waiting, subject.case.place)
        return status, waiting.text

    def _withdraw(self, subject: _Subject, waiting: PendingComment) -> tuple[Status, str]:
        place, only_edit = subject.case.place, subject.judges_edit
        self.changes.settle(waiting, place, n=subject.next_n)
        subject.waiting = None
        if only_edit:
            return Status.APPROVED, waiting.text
        self._leave_nothing(subject)
        self._tell(subject, "comment.deleted", waiting, shown=False)
        return Status.DELETED, waiting.text

    def _delete(self, subject: _Subject) -> tuple[Status, str]:
        """Take every text of a comment away, whether it is public or only kept."""
        place, public = subject.case.place, subject.case.public
        source = subject.waiting or subject.case.kept
        text = ""
        if public is not None and public.text is not None:
            _, text = self._take_down(subject, Status.DELETED)
        elif source is not None:
            self._tell(subject, "comment.deleted", source, shown=False)
        self._leave_nothing(subject)
        if subject.waiting is not None:
            self.changes.settle(subject.waiting, place, n=subject.next_n)
            subject.waiting = None
        return Status.DELETED, text

    def _leave_nothing(self, subject: _Subject) -> None:
        """Forget every text that is not public, and leave nothing for the newsroom to answer."""
        place, public = subject.case.place, subject.case.public
        self.changes.forget_texts(place)
        self.changes.close_reports(place)
        self.forgotten.append((place.site_id, place.comment_id, subject.author_id))
        if public is not None and public.text is None:  # its tombstone now says who took it away
            self.changes.take_down(place, Status.DELETED)
            self.changes.shift_counts(place)

    def _take_down(self, subject: _Subject, status: Status) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        assert public is not None
        assert public.text is not None
        self.branches.disappear(place, status)
        self.changes.take_down(place, status)
        self.took_down = True
        item = self._as_waiting(public, n=subject.next_n)
        if status is Status.REMOVED:
            self._keep(place, item)
        if self.actor.kind != "rule":
            self.changes.close_reports(place)  # a rule only hides until somebody has looked
        self._tell(subject, f"comment.{status}", item)
        return status, public.text

    def _restore(self, subject: _Subject, *, note: str | None = None) -> tuple[Status, str]:
        place, kept = subject.case.place, subject.case.kept
        if kept is None:
            raise TextGone
        branch = self.branches.appear(place, kept.parent_id)
        self.changes.publish(kept, branch, unseen=False)
        self.changes.drop_kept(place)
        self.changes.close_reports(place)
        self._grant_appeal(subject, note=note)
        self._tell(subject, "comment.restored", kept)
        return Status.APPROVED, kept.text

    # Undoing

    async def _undo(self, subject: _Subject, entry: Entry) -> tuple[Status, str]:
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

    def _undo_approval(self, subject: _Subject) -> tuple[Status, str]:
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

    async def _undo_edit(self, subject: _Subject) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        former = await self.deciding.former_text(place, below=public.revision if public else 0)
        if public is None or public.text is None or former is None:
            raise TextGone
        self._keep(place, self._as_waiting(public, n=subject.next_n))
        self.changes.put_back_text(place, revision=former[0], text=former[1])
        self.changes.shift_counts(place)
        self._tell(subject, "comment.edited", self._as_waiting(public, n=subject.next_n))
        return Status.APPROVED, public.text

    async def _undo_rejection(self, subject: _Subject, entry: Entry) -> tuple[Status, str]:
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

    # What every change has in common

    def _append(
        self,
        subject: _Subject,
        *,
        action: Action,
        decision_id: UUID,
        revision: int,
        status: Status,
        text: str,
        kind: ItemKind,
        reason: str | None = None,
        note: str | None = None,
        reverses: UUID | None = None,
        duplicate_of: UUID | None = None,
    ) -> Decision:
        place = subject.case.place
        decision = Decision(
            site_id=place.site_id,
            article_id=place.article_id,
            comment_id=place.comment_id,
            n=subject.next_n,
            decision_id=decision_id,
            action=action,
            revision=revision,
            status=status,
            reason=reason,
            note=note,
            actor_kind=self.actor.kind,
            actor_id=self.actor.actor_id,
            at=self.changes.at,
            reverses=reverses,
        )
        self.changes.append(
            decision,
            kind=kind,
            text=text,
            author_id=subject.author_id,
            seen=subject.seen,
            duplicate_of=duplicate_of,
            rule_version=self.actor.rule_version,
        )
        subject.case = replace(subject.case, latest=Entry(decision=decision, kind=kind))
        return decision

    def _settle_duplicate(self, subject: _Subject, original: UUID | None) -> Decision:
        """Close a comment whose submission already became another one (Ruling 2)."""
        waiting = subject.waiting
        assert waiting is not None
        subject.waiting = None
        self.changes.settle(waiting, subject.case.place, n=subject.next_n)
        decision = self._append(
            subject,
            action=Action.DUPLICATE,
            decision_id=subject.case.place.comment_id,
            revision=waiting.revision,
            status=Status.REJECTED,
            text=waiting.text,
            kind="new",
            reason=DUPLICATE_REASON,
            duplicate_of=original,
        )
        self._finish(subject, decision, waits=False)
        return decision

    def _finish(self, subject: _Subject, decision: Decision, *, waits: bool) -> None:
        self.finished.setdefault(subject.case.place.site_id, []).append(
            Finished(
                comment_id=decision.comment_id,
                n=decision.n,
                revision=decision.revision,
                action=decision.action,
                decision_id=decision.decision_id,
                waits=waits,
                said=said_of(decision, rule_version=self.actor.rule_version),
            )
        )

    def _wait_again(self, subject: _Subject, item: PendingComment) -> None:
        subject.waiting = item
        self.changes.wait(item, subject.case.place)
        self.requeued.append(item)

    def _keep(self, place: Place, item: PendingComment) -> None:
        days = self.sites[place.site_id].settings.rejected_text_days
        self.changes.keep_text(item, place, until=self.changes.at + timedelta(days=days))

    def _grant_appeal(self, subject: _Subject, *, note: str | None) -> None:
        """Answer an open appeal, if there is one, by what is decided now."""
        assert subject.ruling is not None
        self.changes.grant_appeal(
            subject.case.place, self.actor, note=note, decision_id=subject.ruling.decision_id
        )

    def _tell(
        self, subject: _Subject, kind: str, item: PendingComment, *, shown: bool = True
    ) -> None:
        """Leave a message; `shown` says that readers see the change."""
        ruling = subject.ruling
        assert ruling is not None
        payload = {
            "article": subject.case.article_key or item.article_key,
            "parent_id": str(item.parent_id) if item.parent_id else None,
            "revision": item.revision,
            "shown": shown,
            "reason": ruling.reason,
            "decision_id": str(ruling.decision_id),
            "reverses": str(ruling.reverses) if ruling.reverses else None,
        }
        self.changes.tell(subject.case.place, kind, payload)

    def _as_waiting(self, public: Comment, *, n: int) -> PendingComment:
        """Write a public comment in the form of one that waits."""
        return PendingComment(
            site_id=public.site_id,
            site=self.sites[public.site_id].slug,
            article_id=public.article_id,
            article_key=public.article_key,
            comment_id=public.comment_id,
            parent_id=public.parent_id,
            author=public.author,
            text=public.text or "",
            lang=public.lang,
            created_at=public.created_at,
            revision=public.revision,
            n=n,
            score=queue_score(0, public.created_at),
            edited_at=public.edited_at,
        )


def _subject(case: Case, item: PendingComment | None) -> _Subject:
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
    return _Subject(case=case, waiting=waiting, author_id=author_id, seen=seen)


def _parent_place(subject: _Subject) -> Place | None:
    source = subject.waiting or subject.case.public or subject.case.kept
    if source is None or source.parent_id is None:
        return None
    place = subject.case.place
    return Place(place.site_id, place.article_id, source.parent_id)


def _approved(row: Branch | None) -> bool:
    return row is not None and row.status is Status.APPROVED
