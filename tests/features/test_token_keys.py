"""The keys with which sites sign their readers in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from service.errors import Invalid
from service.features.token_keys import (
    ACTIVE_MAX,
    Algorithm,
    KidTaken,
    TokenKey,
    TokenKeys,
    TooManyTokenKeys,
    UnknownTokenKey,
)
from service.model import Site, SiteSettings
from service.secrets import Secrets
from service.storage.postgres import open_pool
from service.storage.sites import SiteStore
from service.storage.token_keys import TokenKeyStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SECRET = b"a secret of the site, 32 bytes or more"
P256 = ec.generate_private_key(ec.SECP256R1())


def _pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    made = await SiteStore(pool=pool).create(f"s{uuid4().hex[:8]}", "", SiteSettings())
    assert made is not None
    return made


@pytest.fixture
def keys(pool: asyncpg.Pool[asyncpg.Record]) -> TokenKeys:
    return _keys(pool, "s")


def _keys(pool: asyncpg.Pool[asyncpg.Record], secret: str, old: str | None = None) -> TokenKeys:
    return TokenKeys(
        token_keys=TokenKeyStore(pool=pool),
        secrets=Secrets.derive(secret * 32, old * 32 if old else None),
    )


async def _add(
    keys: TokenKeys,
    site: Site,
    kid: str = "k",
    *,
    algorithm: Algorithm = "HS256",
    key: bytes = SECRET,
    issuer: str = "https://id.daily.example",
) -> TokenKey:
    return await keys.add(site, kid=kid, issuer=issuer, algorithm=algorithm, key=key, now=NOW)


async def test_a_secret_lies_sealed_and_is_never_shown(keys: TokenKeys, site: Site) -> None:
    shown = await _add(keys, site)

    stored = await keys.token_keys.find(site.site_id, "k")
    found = await keys.find(site, "k")

    assert stored is not None
    assert SECRET not in stored.key
    assert shown.public_key is None
    assert found is not None
    assert found.key == SECRET
    assert "secret of the site" not in repr(found)


async def test_a_public_key_is_shown_as_it_is_used(keys: TokenKeys, site: Site) -> None:
    shown = await _add(keys, site, algorithm="ES256", key=_pem(P256))

    assert shown.public_key == _pem(P256).decode()
    assert await keys.of_site(site) == [shown]


async def test_a_sealed_secret_opens_with_the_former_key_while_keys_are_changed(
    pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    await _add(_keys(pool, "o"), site)

    during = await _keys(pool, "n", "o").find(site, "k")
    after = await _keys(pool, "n").find(site, "k")

    assert during is not None
    assert during.key == SECRET
    assert after is None


async def test_a_sealed_secret_opens_in_its_own_row_alone(
    keys: TokenKeys, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    await _add(keys, site, "one")
    stored = await keys.token_keys.find(site.site_id, "one")
    assert stored is not None
    await keys.token_keys.add(
        site.site_id, kid="two", issuer="i", algorithm="HS256", key=stored.key, now=NOW
    )

    assert await _keys(pool, "s").find(site, "two") is None
    assert await _keys(pool, "s").find(site, "one") is not None


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", b"short"),
        ("HS256", b"s" * 31),
        ("HS256", b"s" * 1_025),
        ("HS256", _pem(P256)),
        ("RS256", _pem(P256)),
        ("ES256", b""),
        ("ES256", b"\xff" * 64),
        ("ES256", _pem(ec.generate_private_key(ec.SECP384R1()))),
        ("ES256", _pem(ed25519.Ed25519PrivateKey.generate())),
        ("EdDSA", _pem(ed448.Ed448PrivateKey.generate())),
        ("EdDSA", _pem(P256)),
        ("RS256", _pem(rsa.generate_private_key(65_537, 1_024))),  # noqa: S505 - refused for it
        ("RS256", _pem(dsa.generate_private_key(1_024))),  # noqa: S505 - made sooner
        (
            "ES256",
            P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ),
    ],
)
async def test_a_key_that_is_not_good_for_its_algorithm_is_refused(
    keys: TokenKeys, site: Site, algorithm: Algorithm, key: bytes
) -> None:
    with pytest.raises(Invalid) as refused:
        await _add(keys, site, algorithm=algorithm, key=key)
    assert [error.pointer for error in refused.value.errors] == ["/key"]
    assert await keys.of_site(site) == []


async def test_names_that_cannot_be_are_refused_together(keys: TokenKeys, site: Site) -> None:
    with pytest.raises(Invalid) as refused:
        await _add(keys, site, "k" * 129, issuer="")
    assert [error.pointer for error in refused.value.errors] == ["/kid", "/issuer"]


async def test_a_kid_is_never_used_twice(keys: TokenKeys, site: Site) -> None:
    await _add(keys, site)
    with pytest.raises(KidTaken):
        await _add(keys, site)

    await keys.revoke(site, "k", NOW)
    with pytest.raises(KidTaken):
        await _add(keys, site)


async def test_a_revoked_key_is_listed_and_no_longer_used(keys: TokenKeys, site: Site) -> None:
    await _add(keys, site)
    assert await keys.find(site, "k") is not None

    await keys.revoke(site, "k", NOW)

    assert await keys.find(site, "k") is None
    assert [(key.kid, key.revoked_at) for key in await keys.of_site(site)] == [("k", NOW)]
    for kid in ("k", "never"):
        with pytest.raises(UnknownTokenKey):
            await keys.revoke(site, kid, NOW)


async def test_a_site_has_a_bounded_number_of_good_keys(keys: TokenKeys, site: Site) -> None:
    for number in range(ACTIVE_MAX):
        await _add(keys, site, f"k{number}")
    with pytest.raises(TooManyTokenKeys):
        await _add(keys, site, "more")

    await keys.revoke(site, "k0", NOW)
    assert (await _add(keys, site, "more")).kid == "more"
