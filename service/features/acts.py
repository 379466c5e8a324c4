"""What an action does to a comment: the changes it brings, collected for one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Conflict
from service.features.branches import Branches
from service.features.fragments import write_published
from service.features.outcomes import DecisionRequest, TextGone
from service.features.screening import queue_score
from service.features.subjects import Ruling, Subject
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
from service.storage.changes import Changes, Place
from service.storage.decisions import Deciding
from service.storage.pending import Finished
from service.storage.redo import said_of

DUPLICATE_REASON = "duplicate"


class Acts(Struct, kw_only=True):
    """Carry out decisions on subjects."""

    deciding: Deciding
    sites: Mapping[int, Site]
    subjects: dict[UUID, Subject]
    parents: dict[UUID, Subject]
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

    # What an action does

    def _apply(self, subject: Subject, request: DecisionRequest) -> Decision:
        waiting = subject.waiting
        kind: ItemKind = "edit" if subject.judges_edit else "new"
        subject.ruling = Ruling(decision_id=request.decision_id, reason=request.reason)
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
            case Action.DELETE | Action.ERASE:
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
        self, subject: Subject, waiting: PendingComment, *, note: str | None
    ) -> tuple[Status, str]:
        place, public = subject.case.place, subject.case.public
        replaces = public is not None and public.status is Status.APPROVED
        if public is not None and replaces:
            self.changes.keep_revision(public, place)
        branch = self.branches.appear(place, waiting.parent_id)
        # A pending edit of an approved comment keeps its votes and its place.
        written = write_published(waiting, branch.parent_id)
        unseen = self.actor.kind == "rule"
        self.changes.publish(waiting, branch, written=written, unseen=unseen)
        self.changes.settle(waiting, place, n=subject.next_n)
        if not replaces:
            if subject.latest is not None:
                self.changes.drop_kept(place)
                self._grant_appeal(subject, note=note)
            self.changes.count_for_author(place.site_id, waiting.author, approved=1)
        self._tell(subject, "comment.edited" if replaces else "comment.approved", waiting)
        subject.waiting = None
        return Status.APPROVED, waiting.text

    def _reject(self, subject: Subject, waiting: PendingComment) -> tuple[Status, str]:
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

    def _escalate(self, subject: Subject, waiting: PendingComment) -> tuple[Status, str]:
        status = subject.status or Status.PENDING
        subject.waiting = replace(waiting, escalated=True, n=subject.next_n)
        self.changes.wait(subject.waiting, subject.case.place)
        return status, waiting.text

    def _withdraw(self, subject: Subject, waiting: PendingComment) -> tuple[Status, str]:
        place, only_edit = subject.case.place, subject.judges_edit
        self.changes.settle(waiting, place, n=subject.next_n)
        subject.waiting = None
        if only_edit:
            return Status.APPROVED, waiting.text
        self._leave_nothing(subject)
        self._tell(subject, "comment.deleted", waiting, shown=False)
        return Status.DELETED, waiting.text

    def _delete(self, subject: Subject) -> tuple[Status, str]:
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

    def _leave_nothing(self, subject: Subject) -> None:
        """Forget every text that is not public, and leave nothing for the newsroom to answer."""
        place, public = subject.case.place, subject.case.public
        self.changes.forget_texts(place)
        self.changes.close_reports(place)
        self.forgotten.append((place.site_id, place.comment_id, subject.author_id))
        if public is not None and public.text is None:  # its tombstone now says who took it away
            self.changes.take_down(place, Status.DELETED)
            self.changes.shift_counts(place)

    def _take_down(self, subject: Subject, status: Status) -> tuple[Status, str]:
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

    def _restore(self, subject: Subject, *, note: str | None = None) -> tuple[Status, str]:
        place, kept = subject.case.place, subject.case.kept
        if kept is None:
            raise TextGone
        branch = self.branches.appear(place, kept.parent_id)
        written = write_published(kept, branch.parent_id)
        self.changes.publish(kept, branch, written=written, unseen=False)
        self.changes.drop_kept(place)
        self.changes.close_reports(place)
        self._grant_appeal(subject, note=note)
        self._tell(subject, "comment.restored", kept)
        return Status.APPROVED, kept.text

    # What every change has in common

    def _append(
        self,
        subject: Subject,
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
        subject.latest = decision
        return decision

    def _settle_duplicate(self, subject: Subject, original: UUID | None) -> Decision:
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

    def _finish(
        self, subject: Subject, decision: Decision, *, waits: bool, only_kept: bool = False
    ) -> None:
        self.finished.setdefault(subject.case.place.site_id, []).append(
            Finished(
                comment_id=decision.comment_id,
                n=decision.n,
                revision=decision.revision,
                action=decision.action,
                decision_id=decision.decision_id,
                waits=waits,
                only_kept=only_kept,
                said=said_of(decision, rule_version=self.actor.rule_version),
            )
        )

    def _wait_again(self, subject: Subject, item: PendingComment) -> None:
        subject.waiting = item
        self.changes.wait(item, subject.case.place)
        self.requeued.append(item)

    def _keep(self, place: Place, item: PendingComment) -> None:
        days = self.sites[place.site_id].settings.rejected_text_days
        self.changes.keep_text(item, place, until=self.changes.at + timedelta(days=days))

    def _grant_appeal(self, subject: Subject, *, note: str | None) -> None:
        """Answer an open appeal, if there is one, by what is decided now."""
        assert subject.ruling is not None
        self.changes.grant_appeal(
            subject.case.place, self.actor, note=note, decision_id=subject.ruling.decision_id
        )

    def _tell(
        self, subject: Subject, kind: str, item: PendingComment, *, shown: bool = True
    ) -> None:
        """Leave a message; `shown` says that readers see the change."""
        ruling = subject.ruling
        assert ruling is not None
        payload = {
            "article": subject.case.article_key or item.article_key,
            "parent_id": item.parent_id,
            "revision": item.revision,
            "shown": shown,
            "reason": ruling.reason,
            "reverses": ruling.reverses,
        }
        self.changes.tell(subject.case.place, kind, ruling.decision_id, payload)

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
