"""A Postgres that went back in time is given the decisions it has lost, as Redis remembers them.

The last day's decisions are in Redis with the comments they were about. After a restore or a
failover those that the log does not know are made again: under the same id, by the same person,
at the same time, in order (protocol.md 2.9, R7).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal
from uuid import UUID

import structlog
from msgspec import Struct

from service.errors import Conflict
from service.features.decisions import Decisions
from service.features.outcomes import DecisionRequest, Outcome
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.features.sitting import Sitting
from service.model import Action, Actor, Decision, PendingComment, Site
from service.storage.changes import ArticlePlace, Changes, Place
from service.storage.decisions import Deciding, DecisionStore, Question, Refused
from service.storage.pending import PendingStore
from service.storage.redo import Identity, Redo, RedoStore, is_erased

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
"""How often the latest decisions are looked for in the log."""
NEWEST = 100
"""Decisions looked for then: a Postgres that went back lacks the latest before all others."""
TOGETHER = 10_000
"""Missing decisions made again before the next are read; about 20 MB."""

_Read = tuple[Decision, int | None, PendingComment | None]
_Fate = Literal["made", "refused", "later"]


class Redoing(Struct, frozen=True, kw_only=True):
    """Make missing decisions again."""

    store: RedoStore
    decisions: Decisions
    log_store: DecisionStore
    pending: PendingStore
    sites: SiteDirectory
    subject_of: Callable[[int, UUID], bytes]
    """Names an author as erasures do."""
    made_again: Callable[[int], None]
    """Told how many decisions were."""

    async def run(self) -> None:
        """Compare without end. Only one process may; it looks at everything when it begins."""
        patience = Patience("redo_waits")
        looked = False
        known: Identity | None = None
        while True:
            with patience:
                identity = await self.store.identity()
                if looked and identity != known:
                    log.warning("postgres_changed")
                for site in await self.sites.known_sites():
                    await self.compare(site, wholly=not looked or identity != known)
                looked, known = True, identity
            await asyncio.sleep(LOOK_SECONDS)

    async def compare(self, site: Site, *, wholly: bool) -> int:
        """Make again what the log of a site lacks, and return how many decisions that was.

        Unless `wholly`, only the latest are looked at first.

        Raises:
            Unavailable: a store is away; what was made again stays.
        """
        if not wholly:
            newest = await self.store.newest(site.slug, limit=NEWEST)
            if not await self.store.missing(site.site_id, newest):
                return 0
        missing: list[Redo] = []
        gone: set[UUID] = set()
        made = 0
        async for entries in self.store.all(site.slug):
            gone |= {each.comment_id for each in entries if each.deleted}
            missing += await self.store.missing(site.site_id, entries)
        for at in range(0, len(missing), TOGETHER):
            made += await self._make_again(site, missing[at : at + TOGETHER], gone)
        if made:
            # What waits was copied to the journal, and the copies may be gone as well.
            async for ids in self.pending.waiting_ids(site.slug):
                await self.pending.mark(site.slug, ids)
        return made

    async def _make_again(self, site: Site, missing: Sequence[Redo], gone: set[UUID]) -> int:
        """Make decisions in the order they were made, each comment's by their number."""
        waiting = _in_order(missing)
        made = refused = 0
        before = -1
        while waiting and made > before:  # a reply may have come before what it answers
            before, later = made, list[Redo]()
            for entry in waiting:
                fate = await self._make_one(site, entry, gone)
                made += fate == "made"
                refused += fate == "refused"
                if fate == "later":
                    later.append(entry)
            waiting = later
        refused += len(waiting)
        if made:
            self.made_again(made)
            log.error("postgres.rollback_detected", site=site.slug, made_again=made)
        if refused:
            log.warning("decisions_not_made_again", site=site.slug, decisions=refused)
        return made

    async def _make_one(self, site: Site, entry: Redo, gone: set[UUID]) -> _Fate:
        if entry.comment_id in gone and not entry.deleted:
            return "refused"  # nothing comes back that its author or the law took away (Ruling 6)
        read = entry.read()
        decision, _, item = read
        place = Place(site.site_id, decision.article_id, decision.comment_id)
        key = item.article_key if item else None
        try:
            async with self.log_store.deciding({ArticlePlace(*place[:2]): key}) as deciding:
                sitting = await self._sit(deciding, site, place, read)
                if sitting is None:
                    return "refused"
                fate = await _judge(sitting, place, decision)
                if fate == "made":
                    await deciding.write(sitting.changes)
        except Refused as refusal:
            log.warning(
                "decision_refused", comment=str(place.comment_id), sqlstate=refusal.sqlstate
            )
            return "refused"
        if fate == "made":
            await self.decisions.clean({site.site_id: site}, sitting)
        return fate

    async def _sit(
        self, deciding: Deciding, site: Site, place: Place, read: _Read
    ) -> Sitting | None:
        """Read what the decision depends on; None where its author was erased."""
        decision, rule_version, item = read
        if item is not None:
            subject = self.subject_of(site.site_id, item.author.author_id)
            if await is_erased(deciding.connection, site.site_id, subject):
                return None
        return await Sitting.open(
            deciding,
            sites={site.site_id: site},
            questions=[Question(place, decision.decision_id, item)],
            items={place.comment_id: item} if item else {},
            leases={},
            changes=Changes(at=decision.at),
            actor=Actor(
                kind=decision.actor_kind,
                actor_id=decision.actor_id,
                name="",
                rule_version=rule_version,
            ),
        )


async def _judge(sitting: Sitting, place: Place, decision: Decision) -> _Fate:
    """Decide as it was decided, where the comment is as it was then."""
    if sitting.decided(place.comment_id) >= decision.n:
        return "refused"  # somebody has decided since
    if decision.action is Action.REVERSE:
        assert decision.reverses is not None
        try:
            await sitting.reverse(place, decision.reverses, decision.decision_id)
        except Conflict:
            return "refused"
        return "made"
    result = sitting.decide(
        place,
        DecisionRequest(
            comment_id=place.comment_id,
            revision=decision.revision,
            # A duplicate that is known as one is settled as one, whatever is asked.
            action=Action.REJECT if decision.action is Action.DUPLICATE else decision.action,
            decision_id=decision.decision_id,
            reason=decision.reason,
            note=decision.note,
            override=True,
        ),
    )
    if result.outcome is Outcome.PARENT_PENDING:
        return "later"
    return "made" if sitting.finished else "refused"


def _in_order(entries: Sequence[Redo]) -> list[Redo]:
    """Keep the order in which comments were decided; of each comment, that of its decisions."""
    by_comment: dict[UUID, dict[UUID, Redo]] = defaultdict(dict)
    for entry in entries:
        by_comment[entry.comment_id].setdefault(entry.decision_id, entry)
    queues = {
        comment_id: iter(sorted(own.values(), key=lambda each: each.n))
        for comment_id, own in by_comment.items()
    }
    nexts = (next(queues[entry.comment_id], None) for entry in entries)
    return [entry for entry in nexts if entry is not None]
