"""Who is asking: keys, receipts and readers' tokens, good ones and every kind of bad one."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from service.features import credentials
from service.features.access import (
    Access,
    Guest,
    KeyHolder,
    Keyring,
    SignedIn,
    UnknownKey,
    require,
)
from service.features.recall import Recall
from service.features.sites import UnknownSite
from service.features.token_keys import Algorithm, TokenKeys
from service.model import ApiKey, Scope, Site, SiteSettings
from service.secrets import Secrets
from service.storage.accounts import AccountStore
from service.storage.postgres import open_pool
from service.storage.readers import ReaderStore
from service.storage.sites import SiteStore
from service.storage.token_keys import TokenKeyStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, 29, 57, tzinfo=UTC)
GUEST = UUID("0193591a-6e5b-7000-8000-0123456789ab")
ISSUER = "https://id.daily.example"
SECRET = b"a secret of the site, 32 bytes or more"
OLD, NEW = b"o" * 32, b"n" * 32
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Clock:
    """The seconds by which answers grow old."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True, kw_only=True)
class Door:
    """A site with everything that tells who is asking."""

    site: Site
    other: Site
    access: Access
    keyring: Keyring
    clock: Clock

    async def key(self, *scopes: Scope, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
        return await self.keyring.create(
            self.site, name="CMS", scopes=scopes, expires_at=expires_at, now=NOW
        )

    async def ask(self, token: str, *, site: Site | None = None, now: datetime = NOW) -> object:
        return await self.access.visitor(site or self.site, f"Bearer {token}", now=now)

    async def refuses(self, token: str, *, site: Site | None = None, now: datetime = NOW) -> None:
        with pytest.raises(Unauthenticated) as refused:
            await self.ask(token, site=site, now=now)
        assert refused.value.stable_code == "unauthenticated"

    async def add(self, kid: str, algorithm: Algorithm, key: bytes) -> None:
        await self.access.token_keys.add(
            self.site, kid=kid, issuer=ISSUER, algorithm=algorithm, key=key, now=NOW
        )


async def _door(pool: asyncpg.Pool[asyncpg.Record]) -> Door:
    sites, clock = SiteStore(pool=pool), Clock()
    made = [await sites.create(f"s{uuid4().hex[:8]}", "", SiteSettings()) for _ in range(2)]
    site, other = (each for each in made if each is not None)
    accounts = AccountStore(pool=pool)
    return Door(
        site=site,
        other=other,
        access=Access(
            accounts=accounts,
            readers=ReaderStore(pool=pool),
            token_keys=TokenKeys(
                token_keys=TokenKeyStore(pool=pool),
                secrets=Secrets.derive("s" * 32),
                known=Recall(kept_seconds=3_600, clock=clock),
            ),
            receipt_keys=[NEW, OLD],
            known_keys=Recall(kept_seconds=60, clock=clock),
            known_generations=Recall(clock=clock),
        ),
        keyring=Keyring(accounts=accounts),
        clock=clock,
    )


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=4) as opened:
        yield opened


@pytest.fixture
async def door(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Door]:
    opened = await _door(pool)
    yield opened
    await asyncio.gather(*opened.access.touches)


@asynccontextmanager
async def _before_the_outage(url: str) -> AsyncIterator[Door]:
    """Lend a door whose Postgres is away after the block."""
    async with open_pool(url, min_size=1, max_size=2) as pool:
        door = await _door(pool)
        yield door
        await asyncio.gather(*door.access.touches)


# Nobody, and nobody's credentials


async def test_without_a_header_nobody_in_particular_asks(door: Door) -> None:
    assert await door.access.visitor(door.site, None, now=NOW) is None
    with pytest.raises(Unauthenticated):
        await door.access.key(None, now=NOW)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic cGJrXzppZA==",
        "pbk_0123",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer pbk_",
        "Bearer pbr_",
        "Bearer pbr_é",
        "Bearer " + "a" * 5_000,
        "Bearer " + "a." * 2_000,
    ],
)
async def test_what_is_no_credential_is_refused(door: Door, authorization: str) -> None:
    with pytest.raises(Unauthenticated):
        await door.access.visitor(door.site, authorization, now=NOW)
    with pytest.raises(Unauthenticated):
        await door.access.key(authorization, now=NOW)


# Keys


async def test_a_key_opens_its_site_with_its_scopes(door: Door) -> None:
    key, token = await door.key(Scope.READ, Scope.MODERATE)

    visitor = await door.ask(token)

    assert isinstance(visitor, KeyHolder)
    assert visitor.key == key
    assert await door.access.key(f"bearer {token}", now=NOW) == key
    assert (key.site, key.name, key.created_at) == (door.site.slug, "CMS", NOW)
    require(key, Scope.MODERATE)
    with pytest.raises(Forbidden):
        require(key, Scope.MANAGE)


async def test_for_a_key_of_another_site_the_site_does_not_exist(door: Door) -> None:
    _, token = await door.key(Scope.READ)

    with pytest.raises(UnknownSite):
        await door.ask(token, site=door.other)


async def test_a_key_has_one_form_that_secret_scanners_can_match(door: Door) -> None:
    tokens = {(await door.key())[1] for _ in range(20)}

    assert len(tokens) == 20
    for token in tokens:
        assert token.startswith("pbk_")
        assert len(token) == 61
        assert token[4:].isalnum()
        assert token.isascii()


async def test_a_key_changed_in_any_character_is_refused(door: Door) -> None:
    _, token = await door.key(Scope.READ)

    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        await door.refuses(token[:place] + other + token[place + 1 :])


async def test_a_key_cut_or_lengthened_is_refused(door: Door) -> None:
    _, token = await door.key(Scope.READ)

    for wrong in (token[:-1], token[:20], token + "0", token + "=", token + "\n", " " + token):
        await door.refuses(wrong)
    for wrong in (token.upper(), token.replace("pbk_", "pbK_"), f"{token},{token}"):
        await door.refuses(wrong)


async def test_a_key_with_a_wrong_checksum_asks_nobody(database_url: str) -> None:
    async with _before_the_outage(database_url) as door:
        _, token = await door.key(Scope.READ)
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")

    await door.refuses(wrong)
    with pytest.raises(Unavailable):
        await door.ask(token)


async def test_a_made_up_secret_under_a_real_id_is_refused(door: Door) -> None:
    key, _ = await door.key(Scope.READ)
    secret = "x" * 43
    forged = f"pbk_{key.key_id}{secret}{credentials.checksum(key.key_id + secret)}"

    assert credentials.key_parts(forged) is not None
    await door.refuses(forged)


async def test_a_key_ends_at_its_hour(door: Door) -> None:
    _, token = await door.key(Scope.READ, expires_at=NOW + timedelta(hours=1))

    await door.ask(token, now=NOW + timedelta(minutes=59))
    await door.refuses(token, now=NOW + timedelta(hours=1))


async def test_no_key_is_made_that_has_ended(door: Door) -> None:
    with pytest.raises(Invalid):
        await door.key(Scope.READ, expires_at=NOW)
    assert await door.keyring.of_site(door.site) == []


async def test_a_revoked_key_is_refused_within_a_second(door: Door) -> None:
    key, token = await door.key(Scope.READ)
    await door.ask(token)

    await door.keyring.revoke(door.site, key.key_id, NOW)
    door.clock.seconds += 1.0

    await door.refuses(token)
    with pytest.raises(UnknownKey):
        await door.keyring.revoke(door.site, key.key_id, NOW)


async def test_only_its_own_site_ends_and_lists_a_key(door: Door) -> None:
    key, token = await door.key(Scope.READ)

    with pytest.raises(UnknownKey):
        await door.keyring.revoke(door.other, key.key_id, NOW)

    await door.ask(token)
    assert [each.key_id for each in await door.keyring.of_site(door.site)] == [key.key_id]
    assert await door.keyring.of_site(door.other) == []


async def test_the_hour_of_a_keys_use_is_noted_once(door: Door) -> None:
    _, token = await door.key(Scope.READ)

    await door.ask(token)
    await door.ask(token, now=NOW + timedelta(seconds=1))
    assert len(door.access.touches) == 1
    await asyncio.gather(*door.access.touches)

    (listed,) = await door.keyring.of_site(door.site)
    assert listed.last_used_at == NOW.replace(minute=0, second=0)

    await door.ask(token, now=NOW + timedelta(hours=1))
    await asyncio.gather(*door.access.touches)
    (listed,) = await door.keyring.of_site(door.site)
    assert listed.last_used_at == NOW.replace(hour=16, minute=0, second=0)


async def test_a_key_used_lately_opens_for_a_minute_while_postgres_is_away(
    database_url: str,
) -> None:
    async with _before_the_outage(database_url) as door:
        key, token = await door.key(Scope.READ)
        _, unused = await door.key(Scope.READ)
        await door.ask(token)

    door.clock.seconds += 59
    assert await door.ask(token) == KeyHolder(key=key)
    with pytest.raises(Unavailable):
        await door.ask(unused)
    with pytest.raises(Unavailable):
        await door.key(Scope.READ)

    door.clock.seconds += 1
    with pytest.raises(Unavailable):
        await door.ask(token)


# Receipts


async def test_a_receipt_makes_its_bearer_the_same_guest(door: Door) -> None:
    receipt = door.access.receipt(door.site, GUEST, 0)

    assert await door.ask(receipt) == Guest(author_id=GUEST, generation=0)
    assert len(receipt) == 52
    await door.refuses(receipt, site=door.other)
    with pytest.raises(Unauthenticated):
        await door.access.key(f"Bearer {receipt}", now=NOW)


async def test_a_receipt_changed_in_any_character_is_refused(door: Door) -> None:
    receipt = door.access.receipt(door.site, GUEST, 0)

    for place in range(len(receipt)):
        other = "A" if receipt[place] != "A" else "B"
        await door.refuses(receipt[:place] + other + receipt[place + 1 :])


async def test_a_receipt_cut_lengthened_or_written_otherwise_is_refused(door: Door) -> None:
    receipt = door.access.receipt(door.site, UUID(int=2**128 - 1), 0)
    body = receipt.removeprefix("pbr_")
    raw = base64.urlsafe_b64decode(body)
    standard = base64.b64encode(raw).decode()
    assert standard != body

    for wrong in (
        receipt[:-1],
        receipt[:-4],
        receipt + "=",
        receipt + "A",
        receipt + "\n",
        receipt[:30] + " " + receipt[30:],
        receipt[:30] + "!" + receipt[30:],
        "pbr_" + standard,
        "pbr_" + raw.hex(),
        "PBR_" + body,
        body,
    ):
        await door.refuses(wrong)


async def test_a_receipt_forged_without_the_key_is_refused(door: Door) -> None:
    said = GUEST.bytes + (0).to_bytes(4, "big")
    slug = door.site.slug.encode()

    def signed(mac: bytes) -> str:
        return "pbr_" + base64.urlsafe_b64encode(said + mac[:16]).decode()

    await door.refuses(signed(hmac.digest(b"", slug + b"\0" + said, "sha256")))
    await door.refuses(signed(hmac.digest(b"x" * 32, slug + b"\0" + said, "sha256")))
    await door.refuses(signed(hmac.digest(NEW, said, "sha256")))
    await door.refuses(signed(b"\0" * 16))


async def test_receipts_of_the_former_key_are_good_until_it_goes(door: Door) -> None:
    former = dataclasses.replace(door.access, receipt_keys=[OLD]).receipt(door.site, GUEST, 0)

    assert await door.ask(former) == Guest(author_id=GUEST, generation=0)
    assert door.access.receipt(door.site, GUEST, 0) != former
    rotated = dataclasses.replace(door, access=dataclasses.replace(door.access, receipt_keys=[NEW]))
    await rotated.refuses(former)


async def test_erasure_voids_the_receipts_given_before_it(door: Door) -> None:
    before = door.access.receipt(door.site, GUEST, 0)
    await door.ask(before)

    erased = await door.access.readers.void_receipts(door.site.site_id, GUEST)
    door.clock.seconds += 1.0

    await door.refuses(before)
    after = door.access.receipt(door.site, GUEST, erased.generation)
    assert await door.ask(after) == Guest(author_id=GUEST, generation=1)


async def test_a_banned_guests_receipt_stays_valid(door: Door) -> None:
    await door.access.readers.ban(
        door.site.site_id, GUEST, kind="guest", until=NOW + timedelta(days=1)
    )

    receipt = door.access.receipt(door.site, GUEST, 0)

    assert await door.ask(receipt) == Guest(author_id=GUEST, generation=0)


async def test_while_postgres_is_away_a_receipt_is_believed_for_its_signature(
    database_url: str,
) -> None:
    async with _before_the_outage(database_url) as door:
        void = UUID(int=7)
        await door.access.readers.void_receipts(door.site.site_id, void)
        await door.refuses(door.access.receipt(door.site, void, 0))

    receipt = door.access.receipt(door.site, GUEST, 0)
    assert await door.ask(receipt) == Guest(author_id=GUEST, generation=0)
    await door.refuses(receipt, site=door.other)
    door.clock.seconds += 3_600
    await door.refuses(door.access.receipt(door.site, void, 0))


# Readers' tokens


def _claims(door: Door, **changed: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "sub": "reader-7",
        "aud": door.site.slug,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3_600,
        "name": "Leila",
    }
    return {name: value for name, value in {**claims, **changed}.items() if value is not ...}


def _mint(claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None) -> str:
    return jwt.encode(dict(claims), SECRET, "HS256", headers={"kid": "hs", **(header or {})})


def _by_hand(
    header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    parts = [_segment(json.dumps(part).encode()) for part in (header, claims)]
    said = ".".join(parts)
    return f"{said}.{_segment(sign(said.encode()))}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
async def hs(door: Door) -> Door:
    await door.add("hs", "HS256", SECRET)
    return door


async def test_a_reader_is_whom_the_site_says(hs: Door) -> None:
    claims = _claims(hs, avatar="https://img.daily.example/7.png", badge="Subscriber")

    reader = await hs.ask(_mint(claims))

    assert isinstance(reader, SignedIn)
    assert (reader.issuer, reader.subject) == (ISSUER, "reader-7")
    assert (reader.name, reader.badge) == ("Leila", "Subscriber")
    assert reader.avatar == "https://img.daily.example/7.png"
    assert reader.author_id.version == 8


async def test_a_reader_is_the_same_by_every_token_and_another_for_every_subject(
    hs: Door,
) -> None:
    async def author(**changed: Any) -> UUID:
        reader = await hs.ask(_mint(_claims(hs, **changed)))
        assert isinstance(reader, SignedIn)
        return reader.author_id

    first = await author()

    assert await author(name="Renamed", exp=int(NOW.timestamp()) + 60) == first
    assert await author(sub="reader-8") != first


@pytest.mark.parametrize(
    ("algorithm", "key"), [("ES256", EC_KEY), ("EdDSA", ED_KEY), ("RS256", RSA_KEY)]
)
async def test_a_site_may_sign_with_a_key_that_we_cannot_sign_with(
    door: Door, algorithm: Algorithm, key: Any
) -> None:
    await door.add("k", algorithm, _pem(key))

    token = jwt.encode(_claims(door), key, algorithm, headers={"kid": "k"})

    assert isinstance(await door.ask(token), SignedIn)
    await door.refuses(token[:-8] + "AAAAAAAA")


async def test_two_keys_at_once_let_a_site_change_keys(hs: Door) -> None:
    await hs.add("next", "EdDSA", _pem(ED_KEY))
    latter_token = jwt.encode(_claims(hs), ED_KEY, "EdDSA", headers={"kid": "next"})

    former = await hs.ask(_mint(_claims(hs)))
    latter = await hs.ask(latter_token)

    assert isinstance(former, SignedIn)
    assert former == latter


async def test_a_revoked_key_signs_nobody_in_within_a_second(hs: Door) -> None:
    token = _mint(_claims(hs))
    await hs.ask(token)

    await TokenKeys(
        token_keys=hs.access.token_keys.token_keys, secrets=Secrets.derive("s" * 32)
    ).revoke(hs.site, "hs", NOW)
    hs.clock.seconds += 1.0

    await hs.refuses(token)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS384", "ES256", 1])
async def test_a_token_of_another_algorithm_than_its_keys_is_refused(
    hs: Door, algorithm: object
) -> None:
    header = {"alg": algorithm, "kid": "hs", "typ": "JWT"}

    await hs.refuses(_by_hand(header, _claims(hs), lambda _: b"") + "AA")
    await hs.refuses(_by_hand(header, _claims(hs), lambda _: b""))
    await hs.refuses(
        _by_hand(header, _claims(hs), lambda said: hmac.digest(SECRET, said, "sha256"))
    )


@pytest.mark.parametrize(
    ("algorithm", "key"), [("ES256", EC_KEY), ("EdDSA", ED_KEY), ("RS256", RSA_KEY)]
)
async def test_a_public_key_is_no_secret_to_sign_with(
    door: Door, algorithm: Algorithm, key: Any
) -> None:
    await door.add("k", algorithm, _pem(key))
    header = {"alg": "HS256", "kid": "k", "typ": "JWT"}

    for secret in (_pem(key), _pem(key).strip(), _pem(key).replace(b"\n", b""), b""):
        await door.refuses(
            _by_hand(header, _claims(door), lambda said, by=secret: hmac.digest(by, said, "sha256"))  # type: ignore[misc]
        )


async def test_a_token_that_brings_its_own_key_is_refused(hs: Door) -> None:
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True)

    for brought in ({"jwk": jwk}, {"jku": "https://evil.example/keys"}, {"x5u": "https://e.x"}):
        for kid in ("hs", "unknown"):
            header = {"kid": kid, **brought}
            await hs.refuses(jwt.encode(_claims(hs), EC_KEY, "ES256", headers=header))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "unknown"},
        {"kid": ""},
        {"kid": "hs\0"},
        {"kid": "k" * 129},
        {"kid": "../hs"},
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
    ],
)
async def test_a_token_with_a_header_we_do_not_know_is_refused(
    hs: Door, header: dict[str, Any]
) -> None:
    whole = {"alg": "HS256", "kid": "hs", "typ": "JWT", **header}

    await hs.refuses(_by_hand(whole, _claims(hs), lambda said: hmac.digest(SECRET, said, "sha256")))


async def test_a_token_without_a_kid_or_with_one_that_is_no_text_is_refused(hs: Door) -> None:
    for header in ({"alg": "HS256"}, {"alg": "HS256", "kid": 7}, {"alg": "HS256", "kid": ["hs"]}):
        await hs.refuses(
            _by_hand(header, _claims(hs), lambda said: hmac.digest(SECRET, said, "sha256"))
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": -61},
        {"exp": -3_600, "iat": -7_200},
        {"iat": 61},
        {"iat": 3_600, "exp": 7_200},
        {"nbf": 61},
        {"exp": 24 * 3_600 + 1},
        {"iat": -3_600 * 24, "exp": 1},
    ],
)
async def test_a_token_outside_its_time_is_refused(hs: Door, changed: dict[str, int]) -> None:
    now = int(NOW.timestamp())
    times = {name: now + seconds for name, seconds in changed.items()}

    await hs.refuses(_mint(_claims(hs, **times)))


async def test_clocks_may_differ_by_a_minute(hs: Door) -> None:
    now = int(NOW.timestamp())

    for times in ({"exp": now - 59, "iat": now - 600}, {"iat": now + 60}, {"nbf": now + 60}):
        assert isinstance(await hs.ask(_mint(_claims(hs, **times))), SignedIn)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-site"},
        {"aud": ""},
        {"aud": ["another-site"]},
        {"aud": {"$ne": ""}},
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"sub": ""},
        {"sub": "s" * 129},
        {"sub": "\ud800"},
        {"sub": 7},
        {"sub": None},
        {"exp": "2026-12-01"},
        {"exp": True},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"iat": "now"},
        {"iat": float("nan")},
        {"nbf": "now"},
        {"iss": ...},
        {"sub": ...},
        {"aud": ...},
        {"exp": ...},
        {"iat": ...},
    ],
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(
    hs: Door, changed: dict[str, Any]
) -> None:
    header = {"alg": "HS256", "kid": "hs", "typ": "JWT"}

    def sign(said: bytes) -> bytes:
        return hmac.digest(SECRET, said, "sha256")

    assert isinstance(await hs.ask(_by_hand(header, _claims(hs), sign)), SignedIn)
    await hs.refuses(_by_hand(header, _claims(hs, **changed), sign))


async def test_a_token_of_one_site_opens_no_other(hs: Door) -> None:
    token = _mint(_claims(hs, aud=hs.other.slug))

    await hs.refuses(token)
    await hs.refuses(token, site=hs.other)
    await hs.refuses(_mint(_claims(hs)), site=hs.other)


async def test_a_token_changed_cut_or_written_otherwise_is_refused(hs: Door) -> None:
    token = _mint(_claims(hs))
    header, claims, signature = token.split(".")
    other = _segment(json.dumps(_claims(hs, sub="somebody-else")).encode())

    for wrong in (
        f"{header}.{other}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}..{signature}",
        f"{header}.{claims}.{signature[:-2]}",
        f"{token}=",
        f"{token}.{signature}",
        f"{header}.{claims}.{signature[:9]}!{signature[9:]}",
        f" {token}",
        f"{_segment(b'[' * 2_000)}.{claims}.{signature}",
        f"{_segment(b'[]')}.{claims}.{signature}",
    ):
        await hs.refuses(wrong)


async def test_what_a_token_says_of_a_reader_is_cleaned_like_what_people_type(hs: Door) -> None:
    async def shown(**claims: Any) -> tuple[str, str | None, str | None]:
        reader = await hs.ask(_mint(_claims(hs, **claims)))
        assert isinstance(reader, SignedIn)
        return reader.name, reader.avatar, reader.badge

    assert await shown(name="  Le\u202eila\n ", badge="Top\tfan") == ("Leila", None, "Top fan")
    unnamed, _, _ = await shown(name=...)
    assert unnamed.startswith("Reader ")
    for name in ("", "\u200b", "a\0b", "n" * 81, 7, None, ["Leila"]):
        assert (await shown(name=name))[0] == unnamed
    for badge in ("", "b" * 41, 7, {"a": 1}):
        assert (await shown(badge=badge))[2] is None


@pytest.mark.parametrize(
    "avatar",
    [
        "http://img.example/7.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//img.example/7.png",
        "https://",
        "https:///7.png",
        "https://user:secret@img.example/7.png",
        "https://img.example/ 7.png",
        "https://img.example/\n7.png",
        "https://[img.example/7.png",
        "https://img.example/" + "a" * 2_048,
        7,
    ],
)
async def test_an_avatar_is_a_plain_https_address_or_none(hs: Door, avatar: object) -> None:
    reader = await hs.ask(_mint(_claims(hs, avatar=avatar)))

    assert isinstance(reader, SignedIn)
    assert reader.avatar is None


async def test_while_postgres_is_away_readers_sign_in_with_keys_used_lately(
    database_url: str,
) -> None:
    async with _before_the_outage(database_url) as door:
        await door.add("hs", "HS256", SECRET)
        before = await door.ask(_mint(_claims(door)))

    door.clock.seconds += 600
    assert await door.ask(_mint(_claims(door))) == before
    with pytest.raises(Unavailable):
        await door.ask(_mint(_claims(door), header={"kid": "unused"}))
    await door.refuses(_mint(_claims(door, exp=1)))
