"""Near-duplicates: moderators look at them, and decide those that wait in one go."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from service.cursors import BadCursor
from service.features.cluster_decisions import (
    ClusterDecision,
    ClusterDecisions,
    DecisionEnded,
    DecisionUndone,
    NothingWaits,
    UnknownOperation,
)
from service.features.clusters import Clusters, ClusterWhole, UnknownCluster
from service.features.sites import UnknownSite
from service.model import Role, Scope, Site
from service.web.operation import DECISIONS_BODY_BYTES, AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.clusters import (
    ClusterDecisionIn,
    ClusterDecisionOut,
    ClustersOut,
    ClusterWholeOut,
    cluster_decision_json,
    cluster_whole_json,
    clusters_json,
)

TAG = "Moderators"
LOOK = AModerator(scope=Scope.MODERATE, role=Role.VIEWER)
MODERATE = AModerator(scope=Scope.MODERATE, role=Role.MODERATOR)
CLUSTERS = "/v1/moderation/clusters"
CLUSTER = f"{CLUSTERS}/{{cluster_id}}"
DECISION = f"{CLUSTER}/decisions/{{operation_id}}"

KINDS = {"all": (None, None), "waiting": (True, None), "outliers": (True, True)}
"""For each kind of members: whether they wait, and whether they are outliers."""


class ClustersQuery(Wire):
    """Whose clusters."""

    site: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None


class ClusterQuery(Wire):
    """Which of its comments to show."""

    kind: Literal["all", "waiting", "outliers"] = "all"
    """`outliers`: those of them that wait."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None


class Clustering(Struct, frozen=True, kw_only=True):
    """What the newsroom does with waves of the same."""

    clusters: Clusters
    decisions: ClusterDecisions

    def operations(self) -> list[Operation]:
        """Return the table of what moderators can ask about clusters."""
        return [
            Operation(
                operation_id="list_clusters",
                method="GET",
                path=CLUSTERS,
                summary="List comments that say nearly the same, where some wait",
                description="The largest first. What has nothing like it is no cluster.",
                tag=TAG,
                credential=LOOK,
                query=ClustersQuery,
                site_in_query=True,
                answers={200: ClustersOut},
                problems=(BadCursor, UnknownSite),
                handler=self.look,
            ),
            Operation(
                operation_id="read_cluster",
                method="GET",
                path=CLUSTER,
                summary="Read a cluster, with a page of its comments",
                tag=TAG,
                credential=LOOK,
                query=ClusterQuery,
                answers={200: ClusterWholeOut},
                problems=(BadCursor, UnknownCluster),
                handler=self.read,
            ),
            Operation(
                operation_id="decide_cluster",
                method="POST",
                path=f"{CLUSTER}/decisions",
                summary="Decide what waits in a cluster, or a part of it",
                description="It goes on behind, in pieces of 200: ask how far it is. What"
                " colleagues hold or decide meanwhile is skipped. More than 50 comments need a"
                " senior; of more than 20,000 the oldest are decided.",
                tag=TAG,
                credential=MODERATE,
                body=ClusterDecisionIn,
                body_limit=DECISIONS_BODY_BYTES,
                answers={202: ClusterDecisionOut},
                problems=(UnknownCluster, NothingWaits),
                handler=self.decide,
            ),
            Operation(
                operation_id="read_cluster_decision",
                method="GET",
                path=DECISION,
                summary="Read how far it is",
                tag=TAG,
                credential=LOOK,
                answers={200: ClusterDecisionOut},
                problems=(UnknownOperation,),
                handler=self.progress,
            ),
            Operation(
                operation_id="stop_cluster_decision",
                method="POST",
                path=f"{DECISION}/stop",
                summary="Leave undecided what was not decided so far",
                description="More than 50 comments need a senior.",
                tag=TAG,
                credential=MODERATE,
                answers={200: ClusterDecisionOut},
                problems=(UnknownOperation, DecisionEnded),
                handler=self.stop,
            ),
            Operation(
                operation_id="undo_cluster_decision",
                method="POST",
                path=f"{DECISION}/undo",
                summary="Let everything wait again that it decided, once",
                description="But for what was decided since. More than 50 comments need a senior.",
                tag=TAG,
                credential=MODERATE,
                answers={202: ClusterDecisionOut},
                problems=(UnknownOperation, DecisionUndone),
                handler=self.undo,
            ),
        ]

    async def look(self, call: Call) -> Reply:
        """Show a page of clusters."""
        query = call.query_as(ClustersQuery)
        page = await self.clusters.page(
            call.site, cursor=query.cursor, limit=query.limit, actor=call.actor
        )
        return Reply(content=clusters_json(page, call.site.slug))

    async def read(self, call: Call) -> Reply:
        """Show one cluster and some of its comments."""
        query = call.query_as(ClusterQuery)
        site, whole = await self._find(call)
        waits, outlier = KINDS[query.kind]
        members, following = await self.clusters.members(
            site,
            whole.cluster.cluster_id,
            waits=waits,
            outlier=outlier,
            cursor=query.cursor,
            limit=query.limit,
            actor=call.actor,
        )
        articles = await self.clusters.articles_of(site, whole.cluster.cluster_id)
        return Reply(
            content=cluster_whole_json(
                whole, site.slug, articles=articles, members=members, following=following
            )
        )

    async def decide(self, call: Call) -> Reply:
        """Begin to decide."""
        wish = call.body_as(ClusterDecisionIn)
        site, whole = await self._find(call)
        operation = await self.decisions.begin(
            site,
            whole.cluster.cluster_id,
            action=wish.action,
            reason=wish.reason,
            note=wish.note,
            ticked=wish.ticked(),
            operation_id=wish.operation_id,
            actor=call.actor,
            is_senior=call.sees_escalated(site),
            now=call.now,
        )
        return Reply(status=202, content=cluster_decision_json(operation))

    async def progress(self, call: Call) -> Reply:
        """Tell how far it is."""
        _, operation = await self._operation(call)
        return Reply(content=cluster_decision_json(operation))

    async def stop(self, call: Call) -> Reply:
        """Stop it."""
        site, operation = await self._operation(call)
        stopped = await self.decisions.stop(
            site,
            operation.operation_id,
            actor=call.actor,
            is_senior=call.sees_escalated(site),
            now=call.now,
        )
        return Reply(content=cluster_decision_json(stopped))

    async def undo(self, call: Call) -> Reply:
        """Let it all wait again."""
        site, operation = await self._operation(call)
        undone = await self.decisions.undo(
            site,
            operation.operation_id,
            actor=call.actor,
            is_senior=call.sees_escalated(site),
            now=call.now,
        )
        return Reply(status=202, content=cluster_decision_json(undone))

    async def _find(self, call: Call) -> tuple[Site, ClusterWhole]:
        """Return the cluster of the path, and on which of the caller's sites it is."""
        cluster_id = UUID(call.path["cluster_id"])
        for site in call.sites:
            whole = await self.clusters.find(site, cluster_id, actor=call.actor)
            if whole is not None:
                return site, whole
        raise UnknownCluster

    async def _operation(self, call: Call) -> tuple[Site, ClusterDecision]:
        """Return the operation of the path, also when its cluster is forgotten by now."""
        operation_id, cluster_id = UUID(call.path["operation_id"]), UUID(call.path["cluster_id"])
        for site in call.sites:
            try:
                operation = await self.decisions.find(site, operation_id)
            except UnknownOperation:
                continue
            if operation.cluster_id == cluster_id:
                return site, operation
        raise UnknownOperation
