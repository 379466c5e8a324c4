"""The log: who decided and did what, page by page, and whether it is still what was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from service.cursors import Cursors
from service.features.administration import Acts
from service.features.audit_chain import BEGINNING, Break, Stretch, followed
from service.model import Action, Actor, Site
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore, Entry, Filters
from service.storage.audit_chain import ChainStore, Head, Kind
from service.storage.decisions import DecisionStore

__all__ = ["AuditLog", "AuditPage", "Checked", "Entry", "Filters", "Head", "Kind", "Sought"]

LAST = 2**62
"""After every position."""
STEP = 100
"""Entries of one look while everything is read out."""
STRETCH = 2_000
"""Entries that are checked in one request."""
PIECE = 1_000
"""Of them, at once: others are not kept waiting for the hashing."""
UNDOABLE = frozenset(
    {Action.APPROVE, Action.REJECT, Action.REMOVE, Action.RESTORE, Action.ESCALATE}
)
"""What colleagues decide, and may take back while it is the comment's latest."""
ACTOR_KINDS = frozenset({"member", "key", "rule", "author", "operator", "service"})

Names = Mapping[tuple[str, str], str]
"""What keys and members are called, by (kind, id)."""


class Sought(Struct, frozen=True, kw_only=True):
    """What of the log is asked for; None leaves nothing out."""

    filters: Filters
    by: str | None = None
    """A member's or a key's name, a rule's, or a kind of actor."""


class AuditPage(Struct, frozen=True, kw_only=True):
    """A page of the log, latest first."""

    entries: tuple[Entry, ...]
    names: Names
    next: str | None


class Checked(Struct, frozen=True, kw_only=True):
    """What a look at a chain has found so far."""

    position: int
    """The last entry that is good."""
    hash: bytes
    head: int
    """The chain's last position."""
    done: bool
    """The end was reached, or a break."""
    waiting: int
    """What was written and is not sealed yet."""
    broken: Break | None


class AuditLog(Struct, frozen=True, kw_only=True):
    """Read the log, and check it. Methods raise Unavailable while Postgres is away."""

    store: AuditStore
    chains: ChainStore
    decisions: DecisionStore
    acts: Acts
    administration: AdministrationStore
    cursors: Cursors

    async def page(
        self,
        site: Site,
        sought: Sought,
        *,
        cursor: str | None,
        limit: int,
        everything: bool,
        sees_escalated: bool,
    ) -> AuditPage:
        """Return a page of what was decided and done on a site, latest first.

        Without `everything` only decisions and what was done about authors; without
        `sees_escalated` nothing of the notes that go along with an escalation.

        Raises:
            Invalid: the cursor is not one of this list's (`bad_cursor`).
        """
        purpose = f"audit:{site.site_id}:{everything}:{sought!r}"
        before = LAST if cursor is None else int(self.cursors.open(purpose, cursor))
        filters = await self._named(site, sought)
        found = await self.store.page(
            site.site_id, filters, before=before, limit=limit + 1, everything=everything
        )
        entries = [_seen(each, sees_escalated=sees_escalated) for each in found[:limit]]
        following = None
        if len(found) > limit:
            following = self.cursors.sign(purpose, entries[-1].position)
        return AuditPage(entries=tuple(entries), names=await self._names(entries), next=following)

    async def begin_export(
        self, site: Site, sought: Sought, *, everything: bool, actor: Actor, now: datetime
    ) -> AsyncIterator[AuditPage]:
        """Log who takes the log away, and return all that is asked for, some at a time."""
        act = self.acts.by(actor, "log.exported", site=site, now=now)
        await self.administration.note(act)
        filters = await self._named(site, sought)
        return self._everything(site, filters, everything=everything)

    async def verify(self, site_id: int, *, after: int, limit: int = STRETCH) -> Checked:
        """Follow a site's chain from after an entry, for some entries.

        Whoever begins at 0 and goes on where this ends has checked all of it. Where the end is
        reached, also that nothing is in the log and not in the chain.
        """
        before = BEGINNING if after == 0 else await self.chains.hash_at(site_id, after)
        head = await self.chains.head(site_id) or Head(position=0, hash=BEGINNING)
        waiting = await self.chains.waiting(site_id)
        if before is None:
            broken = Break(fault="gap", position=after, entry_id=None)
            seen = Stretch(position=max(after - 1, 0), hash=BEGINNING, broken=broken)
        else:
            seen = await self._follow(site_id, position=after, before=before, limit=limit)
        done = seen.broken is not None or seen.position - after < limit
        broken_at_last = seen.broken
        if done and seen.broken is None:
            broken_at_last = await self._unlisted(site_id, seen.position)
        return Checked(
            position=seen.position,
            hash=seen.hash,
            head=head.position,
            done=done,
            waiting=waiting,
            broken=broken_at_last,
        )

    async def verify_all(
        self, site_id: int, *, pause_seconds: float = 0.0, known: Head | None = None
    ) -> Checked:
        """Follow a whole chain, and see whether it goes through a link that somebody noted."""
        seen = await self.verify(site_id, after=0)
        while not seen.done:
            await asyncio.sleep(pause_seconds)
            seen = await self.verify(site_id, after=seen.position)
        if seen.broken is None and known is not None:
            found = await self.chains.hash_at(site_id, known.position)
            if found != known.hash:
                broken = Break(fault="other_head", position=known.position, entry_id=None)
                return replace(seen, broken=broken)
        return seen

    async def _follow(self, site_id: int, *, position: int, before: bytes, limit: int) -> Stretch:
        seen = Stretch(position=position, hash=before, broken=None)
        end = position + limit
        while seen.broken is None and seen.position < end:
            size = min(PIECE, end - seen.position)
            links = await self.chains.links(site_id, after=seen.position, limit=size)
            seen = followed(links, position=seen.position, before=seen.hash)
            if len(links) < size:
                break
        return seen

    async def _unlisted(self, site_id: int, position: int) -> Break | None:
        entry_id = await self.chains.unlisted(site_id)
        if entry_id is None:
            return None
        return Break(fault="unlisted", position=position + 1, entry_id=entry_id)

    async def _everything(
        self, site: Site, filters: Filters, *, everything: bool
    ) -> AsyncIterator[AuditPage]:
        before = LAST
        while True:
            found = await self.store.page(
                site.site_id, filters, before=before, limit=STEP, everything=everything
            )
            if found:
                names = await self._names(found)
                yield AuditPage(entries=tuple(found), names=names, next=None)
            if len(found) < STEP:
                return
            before = found[-1].position

    async def _named(self, site: Site, sought: Sought) -> Filters:
        """Say whose ids a name stands for."""
        if sought.by is None:
            return sought.filters
        if sought.by in ACTOR_KINDS:
            return replace(sought.filters, actor_kind=sought.by)
        ids = await self.store.actors_called(site.site_id, sought.by.lower())
        return replace(sought.filters, actor_ids=(*ids, sought.by))

    async def _names(self, entries: Iterable[Entry]) -> Names:
        """Return what those are called who did it, and to whom it was done."""
        actors = set()
        for each in entries:
            actors.add((each.actor_kind, each.actor_id))
            if each.member_id is not None:
                actors.add(("member", str(each.member_id)))
        return await self.decisions.names(actors)


def may_reverse(entry: Entry) -> bool:
    """Tell whether a decision can be taken back, as far as the log knows."""
    return entry.kind == "decision" and entry.latest and entry.act in UNDOABLE


def _seen(entry: Entry, *, sees_escalated: bool) -> Entry:
    if sees_escalated or entry.act != Action.ESCALATE or entry.kind != "decision":
        return entry
    return replace(entry, note=None)


def head_of(said: str) -> Head:
    """Read a head as it was printed: its position, a colon, its hash in hexadecimal digits.

    Raises:
        ValueError: it is none.
    """
    position, _, written = said.partition(":")
    found = bytes.fromhex(written)
    if len(found) != len(BEGINNING):
        raise ValueError(said)
    return Head(position=int(position), hash=found)
