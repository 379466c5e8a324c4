"""What a site sets up of bridges: secrets, keys, and where its own service is asked."""

from __future__ import annotations

import hashlib
import hmac
import secrets as chance
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec
import structlog
from msgspec import Struct

from service.errors import FieldError, Invalid, NotFound
from service.features.administration import Acts
from service.features.recall import Recall
from service.model import Actor, Site
from service.outgoing import BadUrl, check_url, new_secret, read_secret
from service.secrets import SealBroken, Secrets
from service.settings import Network
from service.storage.bridges import BridgeStore, Kind, OnFailure, StoredBridge

__all__ = ["KINDS", "Bridge", "Bridges", "Check", "Kind", "OnFailure", "UnknownBridge"]

log = structlog.get_logger(__name__)

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
KEY_PREFIX: Final = "pbp_"
"""Of the key that clients of Perspective send."""
KEY_BYTES = 32
CORAL_SECRET_MIN_CHARS = 16
CORAL_SECRET_MAX_CHARS = 200
"""Coral makes its signing secrets itself, of some 70 characters."""
PURPOSE: Final = "bridge"
"""What secrets are sealed as."""


class UnknownBridge(NotFound):
    """The site has not set this bridge up."""

    code = "unknown_bridge"
    title = "This site has no such bridge."


class Bridge(Struct, frozen=True, kw_only=True):
    """One bridge as its site may see it: without its secret."""

    kind: Kind
    enabled: bool = False
    version: int = 0
    """0: it was never set up."""
    url: str | None = None
    timeout_ms: int | None = None
    on_failure: OnFailure | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Where a site's own service is asked, ready for use."""

    version: int
    url: str
    timeout_seconds: float
    on_failure: OnFailure
    secret: bytes = field(repr=False)


class Bridges(Struct, frozen=True, kw_only=True):
    """Set bridges up. What is used of them is from memory while Postgres is away."""

    store: BridgeStore
    secrets: Secrets
    acts: Acts
    networks: tuple[Network, ...] = ()
    """Beside the internet, where a site's own service may be."""
    known: Recall[int, tuple[StoredBridge, ...]] = msgspec.field(default_factory=Recall)

    async def of_site(self, site: Site) -> list[Bridge]:
        """Return every bridge, also those that were never set up.

        Raises:
            Unavailable: Postgres is away.
        """
        stored = {each.kind: each for each in await self.store.of_site(site.site_id)}
        return [_shown(stored[kind]) if kind in stored else Bridge(kind=kind) for kind in KINDS]

    async def set_coral(self, site: Site, secret: str, *, actor: Actor, now: datetime) -> None:
        """Take the signing secret that Coral shows of the phase.

        Raises:
            Invalid: it cannot be one.
            Unavailable: Postgres is away; it may have been taken.
        """
        written = secret.strip()
        fits = CORAL_SECRET_MIN_CHARS <= len(written) <= CORAL_SECRET_MAX_CHARS
        if not fits or not written.isascii() or not written.isprintable():
            detail = f"{CORAL_SECRET_MIN_CHARS} to {CORAL_SECRET_MAX_CHARS} letters and signs."
            raise _wrong("/secret", "bad_secret", detail)
        await self._set(site, "coral", self._sealed(site, "coral", written.encode()), actor, now)

    async def new_key(self, site: Site, *, actor: Actor, now: datetime) -> str:
        """Make the key that clients of Perspective send; an older one ends at once.

        Raises:
            Unavailable: Postgres is away; an older key may have ended.
        """
        key = KEY_PREFIX + chance.token_urlsafe(KEY_BYTES)
        await self._set(site, "perspective", _digest(key), actor, now)
        return key

    async def set_check(
        self,
        site: Site,
        *,
        url: str,
        timeout_ms: int,
        on_failure: OnFailure,
        renew: bool,
        actor: Actor,
        now: datetime,
    ) -> str | None:
        """Say where the site's own service is asked; return its secret where it is a new one.

        Raises:
            Invalid: nothing is ever sent there.
            Unavailable: Postgres is away; it may have been changed.
        """
        try:
            check_url(url, networks=self.networks)
        except BadUrl as error:
            raise _wrong("/url", "bad_url", str(error)) from error
        stored = {each.kind: each for each in await self.store.of_site(site.site_id)}
        is_on = "check" in stored and stored["check"].enabled
        secret = new_secret() if renew or not is_on else None
        await self._set(
            site,
            "check",
            self._sealed(site, "check", read_secret(secret)) if secret else None,
            actor,
            now,
            url=url,
            timeout_ms=timeout_ms,
            on_failure=on_failure,
        )
        return secret

    async def end(self, site: Site, kind: Kind, *, actor: Actor, now: datetime) -> None:
        """End a bridge and forget its secret, within a second everywhere.

        Raises:
            UnknownBridge: there is none, or it ended before.
            Unavailable: Postgres is away; it may have ended.
        """
        act = self.acts.by(actor, "bridge.ended", site=site, now=now, details={"bridge": kind})
        ended = await self.store.end(site.site_id, kind, act=act, now=now)
        self.known.forget(site.site_id)
        if not ended:
            raise UnknownBridge

    async def coral_secret(self, site: Site) -> bytes | None:
        """Return what Coral signs with; None where the bridge is not set up.

        Raises:
            Unavailable: Postgres is away, and this process has not met the site's bridges.
        """
        return self._opened(site, await self._used(site, "coral"))

    async def takes_key(self, site: Site, key: str) -> bool:
        """Tell whether a key is the one that clients of Perspective have.

        Raises:
            Unavailable: Postgres is away, and this process has not met the site's bridges.
        """
        bridge = await self._used(site, "perspective")
        kept = bridge.secret if bridge is not None else None
        return hmac.compare_digest(_digest(key), kept or b"")

    async def check(self, site: Site) -> Check | None:
        """Return where the site's own service is asked; None where it has none.

        Raises:
            Unavailable: Postgres is away, and this process has not met the site's bridges.
            SealBroken: the secret key is another than when it was set up.
        """
        bridge = await self._used(site, "check")
        if bridge is None or bridge.secret is None:
            return None
        secret = self.secrets.unseal(PURPOSE, bridge.secret, bound_to=_row(site, "check"))
        assert bridge.url is not None
        assert bridge.timeout_ms is not None
        assert bridge.on_failure is not None
        return Check(
            version=bridge.version,
            url=bridge.url,
            timeout_seconds=bridge.timeout_ms / 1_000,
            on_failure=bridge.on_failure,
            secret=secret,
        )

    def surely_without(self, site: Site, kind: Kind) -> bool:
        """Tell whether it is known already that a site has no such bridge."""
        bridges = self.known.ready(site.site_id)
        return bridges is not None and not any(
            each.kind == kind and each.enabled for each in bridges
        )

    async def _set(
        self,
        site: Site,
        kind: Kind,
        secret: bytes | None,
        actor: Actor,
        now: datetime,
        **changed: Any,
    ) -> None:
        details: Mapping[str, Any] = {"bridge": kind, "new_secret": secret is not None}
        if "url" in changed:
            shown = {"host": urlsplit(changed["url"]).hostname}
            shown |= {name: changed[name] for name in ("timeout_ms", "on_failure")}
            details = {**details, **shown}
        act = self.acts.by(actor, "bridge.set", site=site, now=now, details=details)
        await self.store.set(site.site_id, kind, secret=secret, act=act, now=now, **changed)
        self.known.forget(site.site_id)

    async def _used(self, site: Site, kind: Kind) -> StoredBridge | None:
        """Return a bridge that is on, as it was less than a second ago."""
        bridges = await self.known.get(site.site_id, partial(self.store.of_site, site.site_id))
        return next((each for each in bridges if each.kind == kind and each.enabled), None)

    def _sealed(self, site: Site, kind: Kind, secret: bytes) -> bytes:
        return self.secrets.seal(PURPOSE, secret, bound_to=_row(site, kind))

    def _opened(self, site: Site, bridge: StoredBridge | None) -> bytes | None:
        if bridge is None or bridge.secret is None:
            return None
        try:
            return self.secrets.unseal(PURPOSE, bridge.secret, bound_to=_row(site, bridge.kind))
        except SealBroken:
            log.exception("bridge_sealed_otherwise", site=site.slug, bridge=bridge.kind)
            return None


def _row(site: Site, kind: Kind) -> str:
    return f"{site.site_id}:{kind}"


def _digest(key: str) -> bytes:
    """With 256 random bits in it nothing slower is needed."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _shown(stored: StoredBridge) -> Bridge:
    return Bridge(
        kind=stored.kind,
        enabled=stored.enabled,
        version=stored.version,
        url=stored.url,
        timeout_ms=stored.timeout_ms,
        on_failure=stored.on_failure,
        changed_at=stored.changed_at,
    )


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
