"""Near-duplicates as moderators see and decide them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.features.cluster_decisions import ClusterDecision, Ticked
from service.features.clusters import (
    Cluster,
    ClusterPage,
    ClusterWhole,
    MemberEntry,
    suggested_reason,
)
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp
from service.web.wire.comments import CommentOut, found_json

TICKED_MAX = 5_000
"""Comments that one request can name: as many as fit into its body."""

CommentIds = Annotated[list[Annotated[UUID, Field(strict=False)]], Field(max_length=TICKED_MAX)]


class ClusterRef(Wire):
    """The cluster a comment belongs to."""

    id: UUID = Field(strict=False)
    size: int
    """All that say nearly the same, this one included."""
    waiting: int
    """Of them."""


class PriorOut(Wire):
    """What people have made of comments like it."""

    approved: int
    rejected: int


class ClusterOut(Wire):
    """Comments that say nearly the same."""

    id: UUID = Field(strict=False)
    site: str
    representative: CommentOut | None
    """The first of them, or another while that is not known any more."""
    size: int
    waiting: int
    outliers: int
    """Of those that wait: alike to others of the cluster, and not to the first."""
    public: int
    authors: int
    first_at: Timestamp
    last_at: Timestamp
    prior: PriorOut
    suggested_reason: str | None


class ClustersOut(Wire):
    """A page of clusters in which something waits, the largest first."""

    items: list[ClusterOut]
    next: str | None


class MemberOut(Wire):
    """One comment of a cluster."""

    comment: CommentOut
    likeness: float
    """To the first, 0 to 1."""
    outlier: bool
    waits: bool


class ClusterWholeOut(Wire):
    """A cluster, and a page of its comments, the newest first."""

    cluster: ClusterOut
    articles: int
    """On how many it is."""
    items: list[MemberOut]
    next: str | None


class ClusterDecisionIn(Wire):
    """What is decided of a cluster, and which of its comments are meant."""

    action: Literal["approve", "reject"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    note: Annotated[str, StringConstraints(max_length=2_000)] = ""
    comment_ids: CommentIds | None = None
    """Only these, of those that wait; null: all that wait, but for outliers."""
    without: CommentIds = Field(default_factory=list)
    """But for these."""
    with_outliers: bool = False
    operation_id: UUID | None = Field(default=None, strict=False)
    """Makes a retry harmless."""

    def ticked(self) -> Ticked:
        """Return which comments are meant."""
        return Ticked(only=self.comment_ids, without=self.without, with_outliers=self.with_outliers)


class ClusterDecisionOut(Wire):
    """How far it is that a cluster is decided, or waits again."""

    id: UUID = Field(strict=False)
    cluster_id: UUID = Field(strict=False)
    state: Literal["running", "done", "stopped", "undoing", "undone"]
    action: Literal["approve", "reject"]
    reason: str | None
    total: int
    decided: int
    skipped: int
    """Decided meanwhile, edited, or held by a colleague."""
    restored: int
    at: Timestamp
    ended_at: Timestamp | None


def cluster_ref_json(cluster: Cluster) -> dict[str, Any]:
    """Write which cluster a comment belongs to."""
    return {"id": str(cluster.cluster_id), "size": cluster.size, "waiting": cluster.waiting}


def cluster_json(whole: ClusterWhole, site: str) -> dict[str, Any]:
    """Write one cluster."""
    cluster = whole.cluster
    return {
        "id": str(cluster.cluster_id),
        "site": site,
        "representative": found_json(whole.representative) if whole.representative else None,
        "size": cluster.size,
        "waiting": whole.waiting,
        "outliers": cluster.outliers,
        "public": cluster.public,
        "authors": cluster.authors,
        "first_at": stamp(cluster.first_at),
        "last_at": stamp(cluster.last_at),
        "prior": {"approved": cluster.approved, "rejected": cluster.rejected},
        "suggested_reason": suggested_reason(cluster),
    }


def clusters_json(page: ClusterPage, site: str) -> dict[str, Any]:
    """Write a page of clusters."""
    return {"items": [cluster_json(each, site) for each in page.clusters], "next": page.next}


def cluster_whole_json(
    whole: ClusterWhole,
    site: str,
    *,
    articles: int,
    members: Sequence[MemberEntry],
    following: str | None,
) -> dict[str, Any]:
    """Write a cluster with a page of its comments."""
    return {
        "cluster": cluster_json(whole, site),
        "articles": articles,
        "items": [
            {
                "comment": found_json(each.found),
                "likeness": round(each.member.likeness, 3),
                "outlier": each.member.outlier,
                "waits": each.member.waits,
            }
            for each in members
        ],
        "next": following,
    }


def cluster_decision_json(operation: ClusterDecision) -> dict[str, Any]:
    """Write how far a decision on a cluster is."""
    return {
        "id": str(operation.operation_id),
        "cluster_id": str(operation.cluster_id),
        "state": operation.state,
        "action": operation.action,
        "reason": operation.reason,
        "total": operation.total,
        "decided": operation.decided,
        "skipped": operation.skipped,
        "restored": operation.restored,
        "at": stamp(operation.at),
        "ended_at": optional_stamp(operation.ended_at),
    }
