"""Near-duplicates: comments that say nearly the same stand together and are decided together.

A loop of the leader follows the journal and the log, so no comment waits for it. A new comment
is compared with the first comment of each cluster, and with a few others of it that differ
more; it joins the most alike one, or begins a cluster of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from msgspec import Struct

from service.cursors import Cursors
from service.errors import NotFound
from service.features.errands import Rest
from service.features.lookup import Found, Lookup
from service.features.neighbours import Near, Nearest, Neighbours
from service.features.patience import Patience
from service.features.screening.facts import ClusterFacts
from service.features.screening.minhash import (
    ALIKE,
    Signature,
    signatures_of,
)
from service.model import Actor, PendingComment, Site, made_at, uuid_of_digest
from service.storage.clusters import (
    Changed,
    Cluster,
    ClusterPlace,
    ClusterStore,
    Member,
    SignatureRow,
    Turn,
)

__all__ = ["Cluster", "ClusterPage", "ClusterWhole", "Clusters", "MemberEntry", "UnknownCluster"]

BATCH = 500
PAUSE_SECONDS = 0.8
"""Between looks: a comment is in its cluster within a second (docs/api.md)."""
WINDOW = timedelta(days=7)
"""How long a cluster is kept that nothing is added to: the length of a campaign."""
FORGET_BATCH = 500
FORGET_EVERY = timedelta(minutes=10)
SIGNATURES_MAX = 8
"""Comments of one cluster that others are compared with."""
DIFFERS_BELOW = 0.8
"""A member less alike than this to each of those becomes one of them."""
LATEST_MAX = 200
"""Comments of a cluster that a rule can count in its window; from there on they are all recent."""
FARTHEST = (2**31 - 1, UUID(int=2**128 - 1))
NEWEST = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


class UnknownCluster(NotFound):
    """No cluster of this id, here or for them."""

    code = "unknown_cluster"
    title = "There is no such cluster here."


class MemberEntry(Struct, frozen=True, kw_only=True):
    """A comment of a cluster, with its text."""

    member: Member
    found: Found


class ClusterWhole(Struct, frozen=True, kw_only=True):
    """A cluster with the comment that speaks for it."""

    cluster: Cluster
    representative: Found | None
    """The first of it that is still known."""
    waiting: int
    """Of what the reader may see."""


class ClusterPage(Struct, frozen=True, kw_only=True):
    """A page of clusters, the largest first."""

    clusters: tuple[ClusterWhole, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Keep clusters, and show them. Methods raise Unavailable while Postgres is away."""

    store: ClusterStore
    lookup: Lookup
    cursors: Cursors
    clock: Callable[[], datetime]
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""
    neighbours: Neighbours = field(init=False)

    def __post_init__(self) -> None:
        """Ask about comments that come together in two statements."""
        object.__setattr__(
            self,
            "neighbours",
            Neighbours(self.store.alike, partial(self.store.lately, limit=LATEST_MAX)),
        )

    async def run(self) -> None:
        """Follow what comes and what becomes of it, without end. Only one process may."""
        patience = Patience("clusters_wait")
        forgotten: datetime | None = None
        while True:
            done = 0
            with patience:
                done = await self.follow()
                now = self.clock()
                if forgotten is None or now - forgotten >= FORGET_EVERY:
                    await self.forget()
                    forgotten = now
            if done < BATCH:
                await self.rest(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Look at everything that is known to have changed."""
        while await self.follow():
            pass

    async def follow(self) -> int:
        """Look at one batch of comments that came or changed; returns how many."""
        oldest = self.clock() - WINDOW
        async with self.store.turn(limit=BATCH) as turn:
            unsigned = []
            for each in turn.changed:
                if each.state is None or each.state == "deleted" or not each.text:
                    turn.leave(each)
                elif each.waits or made_at(each.comment_id) >= oldest:
                    unsigned.append(each)
            if unsigned:
                await self._place(turn, unsigned)
        return turn.taken

    async def forget(self) -> None:
        """Forget clusters whose campaign is over."""
        before = self.clock() - WINDOW
        while await self.store.forget(before=before, limit=FORGET_BATCH) == FORGET_BATCH:
            pass

    async def _place(self, turn: Turn, comments: Sequence[Changed]) -> None:
        """Put comments where they belong by what they say now."""
        signatures = await asyncio.to_thread(_sign, comments)
        near = Near({band: set() for each in signatures.values() for band in each.bands})
        for row in await turn.alike(near.of_band) if near.of_band else ():
            near.add(row)
        for comment in comments:
            if comment.cluster_id is not None:
                turn.leave(comment)
                near.drop(comment)
            signature = signatures.get(comment.comment_id)
            if signature is not None:
                _settle(turn, near, comment, signature)

    async def facts(self, site: Site, text: str, *, now: datetime) -> ClusterFacts | None:
        """Return what a rule may know of comments like this one; None where there is none."""
        found = await self.neighbours.cluster_of(site, text, since=now - WINDOW)
        if found is None:
            return None
        cluster, latest = found
        return ClusterFacts(
            size=cluster.size + 1,
            authors=cluster.authors,
            first_at=cluster.first_at,
            latest=latest,
            approved=cluster.approved,
            rejected=cluster.rejected,
        )

    async def page(
        self, site: Site, *, cursor: str | None, limit: int, actor: Actor
    ) -> ClusterPage:
        """Show clusters in which something waits, the largest first.

        Raises:
            Invalid: the cursor is not one of this list's.
        """
        purpose = f"clusters:{site.site_id}"
        after = FARTHEST
        if cursor is not None:
            waiting, cluster_id = self.cursors.open(purpose, cursor)
            after = (int(waiting), UUID(cluster_id))
        sees = actor.sees_escalated_on(site.site_id)
        rows = await self.store.page(site.site_id, see_escalated=sees, after=after, limit=limit + 1)
        shown = rows[:limit]
        following = None
        if len(rows) > limit:
            following = self.cursors.sign(purpose, [shown[-1].waiting, str(shown[-1].cluster_id)])
        speaking = await self._representatives(site, shown, sees_escalated=sees)
        return ClusterPage(
            clusters=tuple(
                _whole(each, speaking.get(each.cluster_id), sees_escalated=sees) for each in shown
            ),
            next=following,
        )

    async def find(self, site: Site, cluster_id: UUID, *, actor: Actor) -> ClusterWhole | None:
        """Show one cluster, or None."""
        cluster = await self.store.find(site.site_id, cluster_id)
        if cluster is None:
            return None
        sees = actor.sees_escalated_on(site.site_id)
        speaking = await self._representatives(site, [cluster], sees_escalated=sees)
        return _whole(cluster, speaking.get(cluster_id), sees_escalated=sees)

    async def members(
        self,
        site: Site,
        cluster_id: UUID,
        *,
        waits: bool | None,
        outlier: bool | None,
        cursor: str | None,
        limit: int,
        actor: Actor,
    ) -> tuple[tuple[MemberEntry, ...], str | None]:
        """Show comments of a cluster, the newest first, and where the next page begins.

        Raises:
            Invalid: the cursor is not one of this list's.
        """
        purpose = f"cluster:{site.site_id}:{cluster_id}:{waits}:{outlier}"
        before = NEWEST
        if cursor is not None:
            at, comment_id = self.cursors.open(purpose, cursor)
            before = (datetime.fromisoformat(at), UUID(comment_id))
        rows = await self.store.members(
            site.site_id,
            cluster_id,
            see_escalated=actor.sees_escalated_on(site.site_id),
            waits=waits,
            outlier=outlier,
            before=before,
            limit=limit + 1,
        )
        shown = rows[:limit]
        following = None
        if len(rows) > limit:
            last = shown[-1]
            following = self.cursors.sign(purpose, [last.at.isoformat(), str(last.comment_id)])
        found = await self.lookup.find_many(site, [each.comment_id for each in shown])
        entries = tuple(
            MemberEntry(member=each, found=found[each.comment_id])
            for each in shown
            if each.comment_id in found
        )
        return entries, following

    async def articles_of(self, site: Site, cluster_id: UUID) -> int:
        """Count the articles a cluster is on."""
        return await self.store.articles_of(site.site_id, cluster_id)

    async def sizes(self, site: Site, items: Sequence[PendingComment]) -> dict[UUID, int]:
        """Return how many say nearly the same as each, for those that are not alone."""
        places = [(item.article_id, item.comment_id) for item in items]
        clusters = await self.store.of_comments(site.site_id, places)
        return {comment_id: cluster.size for comment_id, cluster in clusters.items()}

    async def _representatives(
        self, site: Site, clusters: Collection[Cluster], *, sees_escalated: bool
    ) -> Mapping[UUID, Found]:
        """Return the comment that speaks for each cluster: the first, or else one that is known."""
        ids = [each.cluster_id for each in clusters]
        found = {
            comment_id: each
            for comment_id, each in (await self.lookup.find_many(site, ids)).items()
            if sees_escalated or each.waiting is None or not each.waiting.escalated
        }
        for cluster_id in ids:
            if cluster_id in found:
                continue
            others = await self.store.members(
                site.site_id,
                cluster_id,
                see_escalated=sees_escalated,
                waits=None,
                outlier=False,
                before=NEWEST,
                limit=1,
            )
            known = await self.lookup.find_many(site, [each.comment_id for each in others])
            for each in known.values():
                found[cluster_id] = each
        return found


def suggested_reason(cluster: Cluster) -> str | None:
    """Return why a comment of a cluster will probably be rejected, by what people decided."""
    return cluster.reason if cluster.rejected > cluster.approved else None


def _sign(comments: Sequence[Changed]) -> dict[UUID, Signature]:
    signatures = signatures_of([(each.text or "", each.site_id) for each in comments])
    return {
        each.comment_id: signature
        for each, signature in zip(comments, signatures, strict=True)
        if signature is not None
    }


def _settle(turn: Turn, near: Near, comment: Changed, signature: Signature) -> None:
    """Let a comment join the most alike cluster, or begin its own."""
    at = made_at(comment.comment_id)
    nearest = near.nearest(comment.site_id, signature)
    if nearest is None:
        nearest = Nearest(_own_place(comment), 0.0, 1.0)
    place = nearest.place
    if nearest.likeness < DIFFERS_BELOW and len(near.of_cluster[place]) < SIGNATURES_MAX:
        row = SignatureRow(
            place=place,
            comment_id=comment.comment_id,
            numbers=signature.numbers,
            bands=signature.bands,
        )
        turn.sign(row)
        near.add(row)
    turn.join(place, comment, at=at, likeness=nearest.to_first, outlier=nearest.to_first < ALIKE)


def _own_place(comment: Changed) -> ClusterPlace:
    """Name the cluster a comment begins: by itself, unless its former text named one before."""
    if comment.signed_revision is None:
        return ClusterPlace(comment.site_id, comment.comment_id)
    name = f"{comment.comment_id} {comment.revision}".encode()
    return ClusterPlace(comment.site_id, uuid_of_digest(hashlib.sha256(name).digest()))


def _whole(cluster: Cluster, found: Found | None, *, sees_escalated: bool) -> ClusterWhole:
    hidden = 0 if sees_escalated else cluster.escalated
    return ClusterWhole(cluster=cluster, representative=found, waiting=cluster.waiting - hidden)
