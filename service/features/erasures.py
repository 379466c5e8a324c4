"""Forgetting an author: every text, name and trace of theirs, in both stores and in backups.

What stays is the log of decisions, which names nobody, and a keyed hash that keeps them forgotten
when a store comes back from a backup (protocol.md Rulings 6 and 12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog
from msgspec import Struct

from service.errors import Unavailable
from service.features.administration import Acts
from service.features.decisions import Decisions
from service.features.lookup import Found
from service.features.outcomes import DecisionRequest
from service.features.patience import Patience
from service.features.records import Person, Records
from service.features.sites import SiteDirectory
from service.model import Action, Actor, Site
from service.storage.erasures import (
    ErasureFile,
    ErasureStore,
    Known,
    Ledgered,
    Reported,
    Voted,
)

log = structlog.get_logger(__name__)

BATCH = 200
"""Comments of one transaction."""
PAUSE_SECONDS = 5.0
"""Before what was cut short is looked for again."""
WITHIN_SECONDS = 3.0
"""How long whoever asks waits for the end."""
LAW = Actor(kind="rule", actor_id="erasure", name="erasure", sees_escalated=True)
"""Who decides: nobody's opinion is asked."""


class Everything(Struct, frozen=True, kw_only=True):
    """What a site holds of one author (GDPR Art. 15 and 20)."""

    person: Person
    comments: tuple[Found, ...]
    """Oldest first, wherever they are."""
    votes: tuple[Voted, ...]
    reports: tuple[Reported, ...]


State = Literal["running", "done"]


class Erasures(Struct, frozen=True, kw_only=True):
    """Forget authors, once and for good. Methods raise Unavailable while Postgres is away."""

    store: ErasureStore
    ledger: ErasureFile
    records: Records
    decisions: Decisions
    sites: SiteDirectory
    acts: Acts
    subject: Callable[[int, UUID], bytes]
    """Names an author by a keyed hash."""
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]
    pause: float = PAUSE_SECONDS

    async def erase(self, site: Site, ref: str, *, actor: Actor | None, now: datetime) -> State:
        """Forget an author; `running` when there is so much that it goes on behind the answer.

        From the answer on their receipts are void, and nothing of theirs can come back.

        Raises:
            UnknownReader: the site never met them.
        """
        author_id, kind, _ = await self.records.find(site, ref)
        subject = self.subject(site.site_id, author_id)
        act = self.acts.by(actor, "reader.erased", site=site, now=now)
        await self.store.begin(
            site.site_id, author_id, subject, act=act, has_receipt=kind == "guest"
        )
        await self._note(site, subject)
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                await self._carry_out(site, author_id, subject)
        except (TimeoutError, Unavailable):
            return "running"
        return "done"

    async def export(
        self, site: Site, ref: str, *, actor: Actor | None, now: datetime
    ) -> Everything:
        """Return everything a site holds of an author, and log that somebody asked.

        Raises:
            UnknownReader: the site never met them.
        """
        person = await self.records.person(site, ref, sees_escalated=True, now=now)
        site_id, author_id = site.site_id, person.author_id
        ids = await self._comments(site, author_id)
        found: dict[UUID, Found] = {}
        for start in range(0, len(ids), BATCH):
            found |= await self.records.lookup.find_many(site, ids[start : start + BATCH])
        act = self.acts.by(actor, "reader.exported", site=site, now=now)
        await self.store.note_export(author_id, act=act)
        return Everything(
            person=person,
            comments=tuple(found[comment_id] for comment_id in sorted(found)),
            votes=tuple(await self.store.votes(site_id, author_id)),
            reports=tuple(await self.store.reports(site_id, author_id)),
        )

    async def run(self) -> None:
        """Carry out what was cut short, without end. Only one process may."""
        patience = Patience("erasures_wait")
        while True:
            with patience:
                await self.go_on(*await self.sites.known_sites())
            await asyncio.sleep(self.pause)

    async def go_on(self, *sites: Site) -> int:
        """Carry out the erasures of sites that are not done; returns how many those were.

        Before that, whoever Redis or the file calls forgotten and Postgres does not, because it
        came back from a backup, is forgotten again.
        """
        # Postgres is asked last, as it is told first: whoever is noted elsewhere is known there.
        lines = await asyncio.to_thread(self.ledger.read)
        noted = {site.slug: await self._noted(site, lines) for site in sites}
        known = await self.store.known([site.site_id for site in sites])
        carried_out = 0
        for site in sites:
            here = known.get(site.site_id, Known())
            if missing := noted[site.slug] - here.subjects:
                await self._again(site, missing)
                here = (await self.store.known([site.site_id]))[site.site_id]
            for author_id, subject in here.under_way:
                await self._carry_out(site, author_id, subject)
            carried_out += len(here.under_way)
        return carried_out

    async def _noted(self, site: Site, lines: Sequence[Ledgered]) -> set[bytes]:
        """Return whom a site has forgotten by the file and by Redis."""
        noted = {line.subject for line in lines if line.site == site.slug}
        try:
            return noted | await self.store.noted(site.slug)
        except Unavailable:
            log.warning("erasures_not_read", site=site.slug)
            return noted

    async def _again(self, site: Site, missing: set[bytes]) -> None:
        """Begin to forget again whom Postgres does not know."""
        now = self.clock()
        for author_id in await self.store.authors(site.site_id):
            subject = self.subject(site.site_id, author_id)
            if subject in missing:
                act = self.acts.by(None, "reader.erased", site=site, now=now)
                await self.store.begin(site.site_id, author_id, subject, act=act, has_receipt=False)
                missing.discard(subject)
                log.warning("erased_again", site=site.slug)
        for subject in missing:  # nothing of theirs came back
            await self.store.remember(site.site_id, subject, at=now)

    async def _note(self, site: Site, subject: bytes) -> None:
        """Write it where a Postgres that goes back in time does not reach."""
        try:
            await asyncio.to_thread(self.ledger.add, site.slug, subject)
        except OSError as error:
            log.warning("erasure_not_on_file", error_kind=type(error).__name__)
        try:
            await self.store.note(site.slug, subject)
        except Unavailable:
            log.warning("erasure_not_in_redis", site=site.slug)

    async def _carry_out(self, site: Site, author_id: UUID, subject: bytes) -> None:
        """Take every comment away, then everything that names the author. Repeating is safe."""
        now = self.clock()
        dks = await self.store.submissions(site.site_id, author_id)
        ids = await self._comments(site, author_id)
        for start in range(0, len(ids), BATCH):
            requests = [self._request(each, now) for each in ids[start : start + BATCH]]
            await self.decisions.decide([site], requests, actor=LAW, now=now)
        await self.decisions.cleanups.ended()  # Redis has no text any more when it is compacted
        await self.store.forget(site.slug, author_id, ids, dks)
        await self.store.finish(site.site_id, author_id, subject, comments=len(ids), at=now)
        await self.store.compact()
        log.info("erase", site=site.slug, comments=len(ids))

    async def _comments(self, site: Site, author_id: UUID) -> list[UUID]:
        """Return ids of all comments of an author, each once, also of what came just now."""
        ids = [each.comment_id for each in await self.records.just_sent(site, author_id)]
        after = UUID(int=0)
        while more := await self.store.comments(site.site_id, author_id, after=after, limit=BATCH):
            ids += more
            after = more[-1]
        return list(dict.fromkeys(ids))

    def _request(self, comment_id: UUID, now: datetime) -> DecisionRequest:
        return DecisionRequest(
            comment_id=comment_id,
            revision=1,
            action=Action.ERASE,
            decision_id=self.new_id(now),
            override=True,
        )
