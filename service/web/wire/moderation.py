"""What moderators ask for and receive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.features.clusters import suggested_reason
from service.features.lookup import Found, Revision
from service.features.outcomes import Result
from service.features.queue import QueueEntry, QueuePage, Spoke
from service.features.screening.priority import Priority
from service.model import Decision, Standing, Status, Why
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp
from service.web.wire.clusters import ClusterRef, cluster_ref_json
from service.web.wire.comments import (
    AppealOut,
    CommentOut,
    appeal_json,
    found_json,
    pending_json,
)

Ids = Annotated[list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
LaneName = Literal["held", "reported", "new", "appeals", "check", "all"]


class ClaimIn(Wire):
    """Which pile to take from, and how many."""

    site: Slug
    lane: LaneName = "held"
    limit: Annotated[int, Field(ge=1, le=50)] = 1
    comment_ids: Ids | None = None
    """Only these, as far as nobody holds them."""


class LeasesIn(Wire):
    """Comments somebody holds."""

    comment_ids: Ids


class DecisionIn(Wire):
    """One decision."""

    comment_id: UUID = Field(strict=False)
    revision: Annotated[int, Field(ge=1)]
    """The text that was read."""
    action: Literal["approve", "reject", "remove", "restore", "escalate"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    note: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    decision_id: UUID | None = Field(default=None, strict=False)
    override: bool = False


class DecisionsIn(Wire):
    """One decision or up to 200."""

    decisions: Annotated[list[DecisionIn], Field(min_length=1, max_length=200)]


class ReverseIn(Wire):
    """Which comment's decision, where the id names several."""

    comment_id: UUID | None = Field(default=None, strict=False)


class ByOut(Wire):
    """Who decided."""

    kind: Literal["member", "key", "rule", "author"]
    name: str


class DecisionOut(Wire):
    """One entry of the log."""

    decision_id: UUID = Field(strict=False)
    comment_id: UUID = Field(strict=False)
    n: int
    action: str
    revision: int
    reason: str | None
    note: str | None
    by: ByOut
    at: Timestamp
    reverses: UUID | None = Field(strict=False)


class ResultOut(Wire):
    """What became of one decision."""

    comment_id: UUID = Field(strict=False)
    outcome: Literal[
        "applied", "replayed", "conflict", "stale", "leased", "parent_pending", "not_found"
    ]
    status: Literal["pending", "approved", "rejected", "removed", "deleted"] | None
    decision: DecisionOut | None
    comment: CommentOut | None = None
    """For `stale`: the comment as its author has edited it."""


class ResultsOut(Wire):
    """What became of each decision, in the order of the request."""

    results: list[ResultOut]


class ReversalOut(Wire):
    """An undone decision, and the comment as it is now."""

    decision: DecisionOut
    comment: CommentOut


class QueueArticle(Wire):
    """The article a comment is on."""

    key: str
    url: str | None
    title: str | None
    views_per_hour: float | None


class QueueAuthor(Wire):
    """An author's record with the site."""

    ref: UUID | None = Field(strict=False)
    """Names them in `/v1/sites/{site}/readers/{ref}`; null once erased."""
    approved: int
    rejected: int
    first_seen: Timestamp | None
    banned_until: Timestamp | None


class WhyOut(Wire):
    """One signal that spoke about a comment."""

    rule: str
    version: int
    label: str
    spans: list[list[int]]
    score: float


class PriorityOut(Wire):
    """How urgent a comment is, and why."""

    value: float
    """Harm an hour, and what an honest comment loses by waiting, per second of work."""
    risk: float
    """Probability that a person would turn it down."""
    severity: int
    """1 an insult, 3 hate, 10 a threat."""
    reach: float
    """Readers an hour; of a held comment the few who have its link."""
    urgency: float
    """0 when it came, 1 when it is due."""


class SignalOut(WhyOut):
    """What one rule said about one text of a comment."""

    revision: int
    state: Literal["live", "shadow"]
    """A rule in shadow is recorded without any effect."""
    effect: str
    severity: int
    error: str | None
    """What kept the rule from being tried: the comment was held for it."""
    at: Timestamp


class LeaseOut(Wire):
    """Who holds a comment, and until when."""

    by: str
    until: Timestamp


class ReportsOut(Wire):
    """Open reports of one reason."""

    reason: str
    count: int


class QueueItemOut(Wire):
    """A waiting comment with what is needed to decide it."""

    comment: CommentOut
    article: QueueArticle
    parent: CommentOut | None
    author: QueueAuthor
    why: list[WhyOut]
    priority: PriorityOut
    due_at: Timestamp
    cluster: ClusterRef | None
    reports: list[ReportsOut]
    suggested_reason: str | None
    lease: LeaseOut | None
    appeal: AppealOut | None


class QueueOut(Wire):
    """A page of the queue."""

    items: list[QueueItemOut]
    next: str | None
    total: int


class ClaimOut(Wire):
    """What was leased."""

    items: list[QueueItemOut]


class RenewOut(Wire):
    """Which leases still hold."""

    renewed: list[Annotated[UUID, Field(strict=False)]]
    lost: list[Annotated[UUID, Field(strict=False)]]


class RevisionOut(Wire):
    """A former approved text."""

    revision: int
    text: str
    replaced_at: Timestamp


class WholeCommentOut(Wire):
    """One comment with everything known of it."""

    comment: CommentOut
    pending: CommentOut | None
    """The edit that waits while another text is public."""
    parent: CommentOut | None
    author: QueueAuthor
    why: list[WhyOut]
    risk: float | None
    """Probability that a person would turn its text down; null for what was never screened."""
    suggested_reason: str | None
    signals: list[SignalOut]
    """Every rule that spoke about any of its texts, also those that are only being tried."""
    decisions: list[DecisionOut]
    revisions: list[RevisionOut]
    lease: LeaseOut | None


Names = Mapping[tuple[str, str], str]
"""What keys and members are called, by (kind, id)."""


def decision_json(decision: Decision, names: Names) -> dict[str, Any]:
    """Write one entry of the log."""
    actor = (decision.actor_kind, decision.actor_id)
    return {
        "decision_id": str(decision.decision_id),
        "comment_id": str(decision.comment_id),
        "n": decision.n,
        "action": decision.action,
        "revision": decision.revision,
        "reason": decision.reason,
        "note": decision.note,
        "by": {"kind": decision.actor_kind, "name": names.get(actor, _unnamed(decision))},
        "at": stamp(decision.at),
        "reverses": str(decision.reverses) if decision.reverses else None,
    }


def results_json(results: Sequence[Result], names: Names) -> dict[str, Any]:
    """Write what became of each decision."""
    return {"results": [_result_json(result, names) for result in results]}


def queue_json(page: QueuePage) -> dict[str, Any]:
    """Write a page of the queue."""
    items = [entry_json(entry) for entry in page.entries]
    return {"items": items, "next": page.next, "total": page.total}


def entry_json(entry: QueueEntry) -> dict[str, Any]:
    """Write a comment with what is needed to decide it."""
    article, item = entry.article, entry.item
    comment = pending_json(item) if item else found_json(entry.found)
    standing = entry.standing
    if entry.blind:  # the author's record would tell what became of it
        comment |= {"status": Status.PENDING}
        standing = Standing(author_id=UUID(int=0))
    return {
        "comment": comment,
        "article": {
            "key": article.key,
            "url": article.url or (item.article_url if item else None),
            "title": article.title or (item.article_title if item else None),
            "views_per_hour": article.views_per_hour,
        },
        "parent": found_json(entry.parent) if entry.parent else None,
        "author": standing_json(standing),
        "why": [why_json(why) for why in entry.why],
        "priority": priority_json(entry.priority),
        "due_at": stamp(entry.due_at),
        "cluster": cluster_ref_json(entry.cluster) if entry.cluster else None,
        "reports": [{"reason": reason, "count": count} for reason, count in entry.reports.items()],
        "suggested_reason": _suggested(entry),
        "lease": lease_json(entry),
        "appeal": appeal_json(entry.appeal) if entry.appeal else None,
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """Write an author's record."""
    return {
        "ref": str(standing.author_id) if standing.author_id.int else None,
        "approved": standing.approved,
        "rejected": standing.rejected,
        "first_seen": optional_stamp(standing.first_seen),
        "banned_until": optional_stamp(standing.banned_until),
    }


def priority_json(priority: Priority) -> dict[str, Any]:
    """Write how urgent a comment is, and by what."""
    return {
        "value": round(priority.value, 3),
        "risk": round(priority.risk, 3),
        "severity": priority.severity,
        "reach": round(priority.reach, 1),
        "urgency": round(priority.urgency, 3),
    }


def why_json(why: Why) -> dict[str, Any]:
    """Write a signal that spoke about a comment."""
    return {
        "rule": why.rule,
        "version": why.version,
        "label": why.label,
        "spans": [list(span) for span in why.spans],
        "score": why.score,
    }


def signal_json(spoke: Spoke) -> dict[str, Any]:
    """Write what one rule said about one text, with what it did or would have done."""
    return {
        **why_json(spoke.why),
        "revision": spoke.revision,
        "state": "shadow" if spoke.shadow else "live",
        "effect": spoke.why.effect,
        "severity": spoke.why.severity,
        "error": spoke.why.error,
        "at": stamp(spoke.at),
    }


def lease_json(entry: QueueEntry) -> dict[str, Any] | None:
    """Write who holds a comment."""
    lease = entry.lease
    return {"by": lease.name, "until": stamp(lease.until)} if lease else None


def whole_json(
    found: Found,
    *,
    entry: QueueEntry | None,
    parent: Found | None,
    standing: Standing,
    decisions: Sequence[Decision],
    revisions: Sequence[Revision],
    signals: Sequence[Spoke],
    names: Names,
) -> dict[str, Any]:
    """Write one comment with everything known of it."""
    edit = found.waiting if found.status is not Status.PENDING else None
    return {
        "comment": found_json(found),
        "pending": pending_json(edit) if edit else None,
        "parent": found_json(parent) if parent else None,
        "author": standing_json(standing),
        "why": [why_json(why) for why in entry.why] if entry else [],
        "risk": round(entry.screened.risk, 3) if entry and entry.screened else None,
        "suggested_reason": _suggested(entry) if entry else None,
        "signals": [signal_json(spoke) for spoke in signals],
        "decisions": [decision_json(decision, names) for decision in decisions],
        "revisions": [
            {
                "revision": revision.revision,
                "text": revision.text,
                "replaced_at": stamp(revision.replaced_at),
            }
            for revision in revisions
        ],
        "lease": lease_json(entry) if entry else None,
    }


def _suggested(entry: QueueEntry) -> str | None:
    """Return what readers say is wrong with it, why others like it were rejected, or the rule's."""
    of_cluster = suggested_reason(entry.cluster) if entry.cluster else None
    of_rule = entry.screened.reason if entry.screened else None
    return next(iter(entry.reports), of_cluster or of_rule)


def _result_json(result: Result, names: Names) -> dict[str, Any]:
    written: dict[str, Any] = {
        "comment_id": str(result.comment_id),
        "outcome": result.outcome,
        "status": result.status,
        "decision": decision_json(result.decision, names) if result.decision else None,
    }
    if result.waiting is not None:
        written["comment"] = pending_json(result.waiting)
    return written


def _unnamed(decision: Decision) -> str:
    """Name a rule by its own name; an author is not named to anybody."""
    return decision.actor_id if decision.actor_kind == "rule" else ""
