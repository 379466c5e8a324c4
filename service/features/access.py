"""Who is asking: back ends by key, guests by receipt, readers by their site's token."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.errors import FieldError, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from service.features import credentials, reader_tokens, text
from service.features.administration import Act, with_details
from service.features.reader_tokens import SignedIn
from service.features.recall import Recall
from service.features.sites import UnknownSite
from service.features.token_keys import TokenKeys
from service.model import ApiKey, Scope, Site
from service.storage.accounts import AccountStore, KeyIdTaken, StoredKey
from service.storage.readers import ReaderStore

KEPT_SECONDS = 60.0
"""How old a key may be that is believed while Postgres is away (protocol.md 3.3)."""

AUTHORIZATION_MAX_CHARS = 4_096
"""Tokens have a few hundred; a longer one is not worth looking at."""

TOUCHES_MAX = 100
"""Notes of a key's use under way at once; beyond it the hour is noted by a later request."""


class UnknownKey(NotFound):
    """The site has no such key that is still good."""

    title = "This site has no such key."


class Guest(Struct, frozen=True, kw_only=True):
    """Whoever bears a receipt: acts for all comments of this guest on the site."""

    author_id: UUID
    generation: int


class KeyHolder(Struct, frozen=True, kw_only=True):
    """The site's back end."""

    key: ApiKey


Visitor: TypeAlias = Guest | SignedIn | KeyHolder

__all__ = [
    "Access",
    "Guest",
    "KeyHolder",
    "Keyring",
    "SignedIn",
    "UnknownKey",
    "Visitor",
    "require",
    "require_site",
]


Elsewhere = Callable[[Site, str, Iterable[str]], Awaitable[Sequence[UUID]]]
"""From a site, a subject and issuers to ids on other sites."""


async def _nowhere(_site: Site, _subject: str, _issuers: Iterable[str]) -> Sequence[UUID]:
    """Stand in where no site bans anybody from another."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Tell who is asking, also while Postgres is away."""

    accounts: AccountStore
    readers: ReaderStore
    token_keys: TokenKeys
    receipt_keys: Sequence[bytes] = field(repr=False)
    """Newest first: the first signs, all are believed."""
    elsewhere: Elsewhere = _nowhere
    """Tells who a reader is on sites whose bans reach this one."""
    known_keys: Recall[str, StoredKey | None] = field(
        default_factory=lambda: Recall(kept_seconds=KEPT_SECONDS)
    )
    known_generations: Recall[tuple[int, UUID], int] = field(default_factory=Recall)
    touches: set[asyncio.Task[None]] = field(default_factory=set)
    touched: dict[str, datetime] = field(default_factory=dict)
    """The hour in which this process last noted that a key was used."""

    async def visitor(
        self, site: Site, authorization: str | None, *, now: datetime
    ) -> Visitor | None:
        """Return whom the `Authorization` header of a request to a site speaks for.

        None: there is no header, so whoever asks is nobody in particular.

        Raises:
            Unauthenticated: the header is no credential for this site, or no longer one.
            UnknownSite: it is a key of another site.
            Unavailable: Postgres is away, and the key was not used here lately.
        """
        if authorization is None:
            return None
        token = _bearer(authorization)
        if token.startswith("pbk_"):
            key = await self._key(token, now)
            require_site(key, site)
            return KeyHolder(key=key)
        if token.startswith("pbr_"):
            return await self._guest(site, token)
        reader = await reader_tokens.signed_in(self.token_keys, site, token, now)
        elsewhere = await self.elsewhere(site, reader.subject, (reader.issuer,))
        return replace(reader, also=(*reader.also, *elsewhere)) if elsewhere else reader

    async def key(self, authorization: str | None, *, now: datetime) -> ApiKey:
        """Return the key that an `Authorization` header carries.

        Raises:
            Unauthenticated: there is none, or it is wrong, has expired or was revoked.
            Unavailable: Postgres is away, and the key was not used here lately.
        """
        if authorization is None:
            raise Unauthenticated
        return await self._key(_bearer(authorization), now)

    def receipt(self, site: Site, author_id: UUID, generation: int) -> str:
        """Make the token with which a guest comes back."""
        return credentials.receipt(self.receipt_keys, site.slug, author_id, generation)

    async def _key(self, token: str, now: datetime) -> ApiKey:
        parts = credentials.key_parts(token)
        if parts is None:
            raise Unauthenticated
        stored = await self.known_keys.get(
            parts.key_id, partial(self.accounts.find_key, parts.key_id)
        )
        if stored is None or not hmac.compare_digest(stored.secret_hash, parts.secret_hash):
            raise Unauthenticated
        if stored.key.expires_at is not None and stored.key.expires_at <= now:
            raise Unauthenticated
        self._touch(stored.key, now)
        return stored.key

    async def _guest(self, site: Site, token: str) -> Guest:
        said = credentials.opened_receipt(self.receipt_keys, site.slug, token)
        if said is None:
            raise Unauthenticated
        author_id, generation = said
        if await self._generation(site, author_id) > generation:
            raise Unauthenticated
        return Guest(author_id=author_id, generation=generation)

    async def _generation(self, site: Site, author_id: UUID) -> int:
        """Return the lowest generation whose receipts are good; 0 when nobody can say."""

        async def ask() -> int:
            return (await self.readers.standing(site.site_id, author_id)).generation

        try:
            return await self.known_generations.get((site.site_id, author_id), ask)
        except Unavailable:
            return 0

    def _touch(self, key: ApiKey, now: datetime) -> None:
        """Note the hour of a key's use, once an hour, while the request goes on."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        last = max(filter(None, (key.last_used_at, self.touched.get(key.key_id))), default=None)
        if (last is not None and last >= hour) or len(self.touches) >= TOUCHES_MAX:
            return
        self.touched[key.key_id] = hour
        task = asyncio.create_task(self._note_use(key.key_id, hour))
        self.touches.add(task)
        task.add_done_callback(self.touches.discard)

    async def _note_use(self, key_id: str, hour: datetime) -> None:
        try:
            await self.accounts.touch_key(key_id, hour=hour)
        except Unavailable:
            self.touched.pop(key_id, None)


class Keyring(Struct, frozen=True, kw_only=True):
    """A site's keys: made, listed, ended."""

    accounts: AccountStore

    async def create(
        self,
        site: Site,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None,
        now: datetime,
        act: Act | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the secret part's only appearance.

        `act` is written to the log of administration with the key's id.

        Raises:
            Invalid: the name is not one, or the key would have expired already.
            Unavailable: Postgres is away; a key nobody knows may have been made.
        """
        if expires_at is not None and expires_at <= now:
            detail = "A time to come."
            error = FieldError(pointer="/expires_at", code="past", detail=detail)
            raise Invalid(detail, errors=(error,))
        shown = text.clean_line(name, max_chars=80, pointer="/name") if name else ""
        token, parts = credentials.new_key()
        key = ApiKey(
            key_id=parts.key_id,
            site_id=site.site_id,
            site=site.slug,
            name=shown,
            scopes=frozenset(scopes),
            created_at=now,
            expires_at=expires_at,
        )
        made = await self.accounts.create_key(
            site.site_id,
            key_id=key.key_id,
            name=shown,
            secret_hash=parts.secret_hash,
            scopes=key.scopes,
            created_at=now,
            expires_at=expires_at,
            act=act and with_details(act, key=key.key_id, scopes=sorted(key.scopes)),
        )
        if not made:  # once in 10^14: somebody else's key has this id
            return await self.create(
                site, name=name, scopes=scopes, expires_at=expires_at, now=now, act=act
            )
        return key, token

    async def rotate(
        self, site: Site, key_id: str, *, overlap: timedelta, now: datetime, act: Act
    ) -> tuple[ApiKey, str]:
        """Make a key that may what another may; both are good until the overlap is over.

        The new one lasts as long as the other was made for. The second value is the secret part's
        only appearance. `act` is written to the log of administration with both keys' ids.

        Raises:
            UnknownKey: the site has none of this id that is good.
            Unavailable: Postgres is away; a key nobody knows may have been made.
        """
        token, parts = credentials.new_key()
        try:
            made = await self.accounts.replace_key(
                site.site_id,
                key_id,
                new_id=parts.key_id,
                secret_hash=parts.secret_hash,
                old_expires_at=now + overlap,
                now=now,
                act=with_details(
                    act, key=key_id, new=parts.key_id, overlap_hours=overlap / timedelta(hours=1)
                ),
            )
        except KeyIdTaken:
            return await self.rotate(site, key_id, overlap=overlap, now=now, act=act)
        if made is None:
            raise UnknownKey
        key = ApiKey(
            key_id=parts.key_id,
            site_id=site.site_id,
            site=site.slug,
            name=made.name,
            scopes=made.scopes,
            created_at=now,
            expires_at=made.expires_at,
        )
        return key, token

    async def revoke(self, site: Site, key_id: str, now: datetime, act: Act | None = None) -> None:
        """End a key; it is refused everywhere within a second.

        Raises:
            UnknownKey: the site has none of this id, or it ended before.
            Unavailable: Postgres is away; the key may have ended.
        """
        noted = act and with_details(act, key=key_id)
        if not await self.accounts.revoke_key(site.site_id, key_id, now=now, act=noted):
            raise UnknownKey

    async def of_site(self, site: Site) -> list[ApiKey]:
        """Return every key of a site, oldest first, ended ones included.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.accounts.keys_of_site(site.site_id)


def require(key: ApiKey, scope: Scope) -> None:
    """Let a key pass that may do something.

    Raises:
        Forbidden: it may not.
    """
    if scope not in key.scopes:
        raise Forbidden(f"This key lacks the scope `{scope}`.")


def require_site(key: ApiKey, site: Site) -> None:
    """Let a key pass that belongs to a site; for any other the site does not exist.

    Raises:
        UnknownSite: it belongs to another.
    """
    if key.site_id != site.site_id:
        raise UnknownSite


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or len(authorization) > AUTHORIZATION_MAX_CHARS:
        raise Unauthenticated
    if not token.isascii():
        raise Unauthenticated
    return token
