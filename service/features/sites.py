"""The sites this service works for: found by slug, made, changed."""

from __future__ import annotations

import re
import secrets
from functools import partial
from typing import Any

import structlog
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from service.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from service.features import house
from service.features.administration import Act, with_details
from service.features.recall import Recall
from service.model import Site, SiteSettings
from service.storage.pending import PendingStore
from service.storage.sites import SiteStore

log = structlog.get_logger(__name__)

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
"""How a site is named in every path and every key of Redis (api.md)."""


class UnknownSite(NotFound):
    """No site has this slug."""

    code = "unknown_site"
    title = "There is no such site."


class SiteExists(Conflict):
    """The slug is taken."""

    code = "site_exists"
    title = "There is a site of this name already."


class SettingsChanged(Conflict):
    """Somebody else changed the settings meanwhile."""

    code = "stale_settings"
    title = "The settings were changed meanwhile; read them again."


class SiteDirectory(Struct, frozen=True, kw_only=True):
    """Find, make and change sites. A change is seen by every process within a second."""

    sites: SiteStore
    pending: PendingStore | None
    """None where there is no queue to open; the leader opens it then."""
    known: Recall[str, Site | None] = field(default_factory=Recall)
    _every: Recall[None, list[Site]] = field(default_factory=lambda: Recall(kept_seconds=0))

    async def get(self, slug: str) -> Site:
        """Return a site, from memory while Postgres is away.

        Raises:
            UnknownSite: there is none.
            Unavailable: Postgres is away, and this process has not met the site.
        """
        fresh = self.known.ready(slug)
        if fresh is not None:
            return fresh
        if not SLUG.match(slug):
            raise UnknownSite
        site = await self.known.get(slug, partial(self.sites.by_slug, slug))
        if site is None:
            raise UnknownSite
        return site

    async def read_again(self, slug: str) -> Site:
        """Return a site as it is at this moment, and remember it.

        Raises:
            UnknownSite: there is none.
            Unavailable: Postgres is away.
        """
        site = await self.sites.by_slug(slug)
        if site is None:
            raise UnknownSite
        self.known.put(slug, site)
        return site

    def ready(self, slug: str) -> Site | None:
        """Return a site that was looked up less than a second ago."""
        return self.known.ready(slug)

    async def all_sites(self) -> list[Site]:
        """Return every site by slug, and remember them for when Postgres is away.

        Raises:
            Unavailable: Postgres is away.
        """
        found = await self.sites.all_sites()
        for site in found:
            self.known.put(site.slug, site)
        return found

    async def known_sites(self) -> list[Site]:
        """Return every site by slug, as all of them were less than a second ago.

        For what goes over all sites again and again: a dozen loops ask once together.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self._every.get(None, self.all_sites)

    async def create(self, slug: str, name: str, settings: SiteSettings | None = None) -> Site:
        """Make a site and open its queue, so that it takes comments at once.

        While Redis is away the site is made all the same and the leader opens its queue.

        Raises:
            Invalid: the slug or the name is not one.
            SiteExists: it is taken.
            Unavailable: Postgres is away; the site may have been made.
        """
        if not SLUG.match(slug):
            raise _not_a_slug()
        shown = house.checked_name(name) if name else slug
        site = await self.sites.create(slug, shown, settings or SiteSettings())
        if site is None:
            raise SiteExists
        self.known.put(slug, site)
        self._every.forget(None)
        await self._open_queue(site)
        return site

    async def change_settings(
        self,
        site: Site,
        settings: SiteSettings,
        version: int,
        *,
        name: str | None = None,
        act: Act | None = None,
    ) -> Site:
        """Replace a site's settings and name, if they still are the ones of this version.

        `act` is written to the log of administration with what became different.

        Raises:
            Invalid: a text among them cannot be taken.
            SettingsChanged: they have another version by now.
            Unavailable: Postgres is away; the change may have been made.
        """
        checked = house.checked(settings)
        called = None if name is None else house.checked_name(name)
        changes = _changes(site, replace(site, name=called or site.name, settings=checked))
        noted = act and with_details(act, version=version + 1, changes=changes)
        changed = await self.sites.update_settings(
            site.site_id, checked, version=version, name=called, act=noted
        )
        if changed is None:
            self.known.forget(site.slug)
            raise SettingsChanged
        self.known.put(site.slug, changed)
        self._every.forget(None)
        return changed

    async def _open_queue(self, site: Site) -> None:
        """Write the epoch in Redis first: an epoch that only Postgres knows means a loss."""
        if self.pending is None:
            return
        try:
            epoch = await self.pending.begin_epoch(site.slug, epoch=secrets.token_hex(16), seq=0)
            await self.sites.note_epoch(site.site_id, epoch)
        except Unavailable as failure:
            log.warning("queue_not_opened", site=site.slug, code=failure.stable_code)


def _changes(before: Site, after: Site) -> dict[str, Any]:
    """Return what became different, for the log: from and to; of texts that there are others."""
    changes: dict[str, Any] = {}
    if before.name != after.name:
        changes["name"] = {"from": before.name, "to": after.name}
    old, new = asdict(before.settings), asdict(after.settings)
    for each in (each for each in old if old[each] != new[each]):
        is_text = isinstance(old[each], dict)
        changes[each] = {} if is_text else {"from": old[each], "to": new[each]}
    return changes


def _not_a_slug() -> Invalid:
    detail = "1 to 40 lower-case letters, digits and hyphens, not beginning with a hyphen."
    error = FieldError(pointer="/slug", code="bad_slug", detail=detail)
    return Invalid(detail, errors=(error,))
