"""Signing in with a password and a code, or with a passkey; sessions; what bounds attempts."""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pyotp
import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from service.errors import Invalid, RateLimited, Unauthenticated, Unavailable
from service.features.authenticators import AuthenticatorInUse, NoAuthenticator
from service.features.passkeys import Passkey, PasskeyKnown, RelyingParty, UnknownPasskey
from service.features.passwords import PasswordsBusy, is_guessable
from service.features.recall import Recall
from service.features.sessions import (
    IDLE,
    KEPT_SECONDS,
    LIFETIME,
    PROOF_LASTS,
    SESSIONS_MAX,
    ProofNeeded,
    SecondFactorNeeded,
    SignedInMember,
    UnknownSession,
    require_fresh_proof,
)
from service.features.sign_in import CodeNeeded, LastProof, WrongCode, WrongPassword
from service.model import Role
from service.storage.postgres import open_pool
from service.storage.proofs import ProofStore
from service.storage.redis import connect
from tests.features.insiders import AGENT, NETWORK, NOBODY, NOW, PARTY, PASSWORD, Insiders
from tests.passkey import SoftKey

SAM = "sam@daily.example"
ORIGIN = "http://localhost"
STEP = timedelta(seconds=30)
QUARTER = timedelta(minutes=15)


@pytest.fixture
async def insiders(emptied_database_url: str, redis_url: str) -> AsyncIterator[Insiders]:
    async with open_pool(emptied_database_url, max_size=6) as pool, connect(redis_url) as redis:
        yield Insiders.over(pool, redis)


@pytest.fixture
async def sam(insiders: Insiders) -> SignedInMember:
    """Somebody with a password."""
    site = await insiders.site("daily")
    return await insiders.arrive(await insiders.invited(site, SAM, Role.ADMIN))


async def authenticator(insiders: Insiders, sam: SignedInMember) -> tuple[pyotp.TOTP, list[str]]:
    """Set an authenticator up; return it and the recovery codes."""
    begun = await insiders.authenticators.begin(sam.member_id, sam.email, now=NOW)
    once = pyotp.TOTP(begun.secret)
    codes = await insiders.authenticators.confirm(sam.member_id, once.at(NOW), now=NOW)
    return once, codes


async def new_passkey(insiders: Insiders, sam: SignedInMember, key: SoftKey, **how: Any) -> Passkey:
    """Add a passkey."""
    purpose = str(sam.member_id)
    options = await insiders.passkeys.ask_for_new(
        PARTY, sam.member_id, email=SAM, name="Sam", purpose=purpose
    )
    passkey = await insiders.passkeys.read_new(
        how.get("party", PARTY),
        key.made({**options, **how.get("options", {})}),
        member_id=sam.member_id,
        name="Telephone",
        purpose=how.get("purpose", purpose),
        now=NOW,
    )
    await insiders.passkeys.add(passkey, now=NOW)
    return passkey


async def by_passkey(insiders: Insiders, credential: dict[str, Any]) -> SignedInMember:
    token, _ = await insiders.sign_in.by_passkey(
        PARTY, credential, network=NETWORK, agent=AGENT, now=NOW
    )
    return await insiders.sessions.find(token, now=NOW)


# Passwords


async def test_a_password_signs_in_whatever_the_case_of_the_address(
    insiders: Insiders, sam: SignedInMember
) -> None:
    again = await insiders.sign(" Sam@Daily.EXAMPLE ")
    assert again.member_id == sam.member_id
    assert again.session.session_id != sam.session.session_id
    assert (again.session.method, again.session.agent) == ("password", AGENT)


@pytest.mark.usefixtures("sam")
async def test_an_unknown_address_is_answered_like_a_wrong_password(insiders: Insiders) -> None:
    told = []
    for email, password in ((SAM, PASSWORD + "!"), ("kim@daily.example", PASSWORD), ("", "")):
        with pytest.raises(WrongPassword) as refused:
            await insiders.sign(email, password)
        told.append((refused.value.stable_code, refused.value.detail))
    assert len(set(told)) == 1


@pytest.mark.usefixtures("sam")
async def test_an_unknown_address_takes_as_long_as_a_wrong_password(insiders: Insiders) -> None:
    async def seconds(email: str) -> float:
        began = time.perf_counter()
        assert not await insiders.sign_in.passwords.fits(
            "wrong", known.password_hash if email == SAM and known else None
        )
        return time.perf_counter() - began

    known = await insiders.sign_in.store.claimant(SAM)
    assert known is not None
    await seconds("warm")
    mine, theirs = [], []
    for _ in range(8):
        mine.append(await seconds(SAM))
        theirs.append(await seconds("kim@daily.example"))
    shorter, longer = sorted((statistics.median(mine), statistics.median(theirs)))
    assert shorter > 0.5 * longer


@pytest.mark.parametrize(
    "password", ["password1234", "qwertyuiop12", "hunter2hunter2", "a" * 72, "sam@daily.example"]
)
def test_what_is_soon_guessed_is_no_password(password: str) -> None:
    assert is_guessable(password, [SAM, "sam", "daily"])


def test_words_that_have_nothing_to_do_with_each_other_are_a_password() -> None:
    assert not is_guessable(PASSWORD, [SAM])


async def test_the_same_letters_written_otherwise_are_the_same_password(
    insiders: Insiders, sam: SignedInMember
) -> None:
    await insiders.sign_in.change_password(sam, "crème brûlée au café noir", now=NOW)
    assert await insiders.sign(SAM, "cre\u0300me bru\u0302le\u0301e au cafe\u0301 noir")


async def test_a_changed_password_ends_all_other_sessions(
    insiders: Insiders, sam: SignedInMember
) -> None:
    await insiders.sign(SAM)
    await insiders.sign_in.change_password(sam, "another otter and seven clouds", now=NOW)
    (left,) = await insiders.sessions.of_member(sam.member_id, now=NOW)
    assert left.session_id == sam.session.session_id
    with pytest.raises(WrongPassword):
        await insiders.sign(SAM)
    assert "password.changed" in await insiders.acts_on(sam.member_id)


async def test_a_password_of_lesser_parameters_is_kept_anew(
    insiders: Insiders, sam: SignedInMember
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    store = insiders.sign_in.store
    await store.rehash(sam.member_id, old=await store.password(sam.member_id) or "", new=weak)
    assert await insiders.sign(SAM)
    kept = await store.password(sam.member_id)
    assert kept is not None
    assert "m=1024" in kept
    assert await insiders.sign(SAM)


async def test_more_passwords_than_can_be_compared_are_refused_at_once(
    insiders: Insiders,
) -> None:
    passwords = insiders.sign_in.passwords
    asked = [passwords.fits("wrong", None) for _ in range(24)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, PasswordsBusy) for each in outcomes) == 8
    assert outcomes.count(False) == 16


# Bounds


@pytest.mark.usefixtures("sam")
async def test_five_attempts_on_an_account_may_fail_in_a_quarter_of_an_hour(
    insiders: Insiders,
) -> None:
    for number in range(5):
        with pytest.raises(WrongPassword):
            await insiders.sign(SAM, "wrong", network=f"192.0.2.{number}")
    with pytest.raises(RateLimited) as refused:
        await insiders.sign(SAM, network="192.0.2.99")
    assert 0 < refused.value.retry_after_seconds <= 180


async def test_an_account_nobody_has_is_bounded_as_well(insiders: Insiders) -> None:
    """Else the bound would tell which addresses are members'."""
    for number in range(5):
        with pytest.raises(WrongPassword):
            await insiders.sign("kim@daily.example", "wrong", network=f"192.0.2.{number}")
    with pytest.raises(RateLimited):
        await insiders.sign("kim@daily.example", "wrong")


async def test_twenty_attempts_from_an_address_may_fail(insiders: Insiders) -> None:
    for number in range(20):
        with pytest.raises(WrongPassword):
            await insiders.sign(f"{number}@daily.example", "wrong")
    with pytest.raises(RateLimited):
        await insiders.sign("other@daily.example", "wrong")
    with pytest.raises(WrongPassword):
        await insiders.sign("other@daily.example", "wrong", network="192.0.2.200")


@pytest.mark.usefixtures("sam")
async def test_whoever_succeeds_is_not_bounded(insiders: Insiders) -> None:
    for _ in range(8):
        assert await insiders.sign(SAM)


@pytest.mark.usefixtures("sam")
async def test_an_attempt_that_could_not_be_judged_is_none(insiders: Insiders) -> None:
    other = asyncpg.create_pool(min_size=0)
    away = replace(insiders.sign_in, store=ProofStore(pool=other))
    for _ in range(6):
        with pytest.raises(Unavailable):
            await dataclasses.replace(insiders, sign_in=away).sign(SAM)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await insiders.sign(SAM, "not the password")


async def test_being_asked_for_a_code_costs_the_address_nothing(
    insiders: Insiders, sam: SignedInMember
) -> None:
    """A whole newsroom signs in from one address in the morning, each in two steps."""
    await authenticator(insiders, sam)
    for _ in range(4):
        with pytest.raises(CodeNeeded):
            await insiders.sign(SAM)
    for number in range(20):
        with pytest.raises(WrongPassword):
            await insiders.sign(f"{number}@daily.example", "wrong")


# Codes


async def test_a_code_is_asked_for_and_good_once(insiders: Insiders, sam: SignedInMember) -> None:
    once, _ = await authenticator(insiders, sam)
    with pytest.raises(CodeNeeded):
        await insiders.sign(SAM)
    with pytest.raises(WrongCode):
        await insiders.sign(SAM, code=once.at(NOW))  # it confirmed the authenticator
    now = NOW + STEP
    again = await insiders.sign(SAM, code=f" {once.at(now)[:3]} {once.at(now)[3:]}", now=now)
    assert again.session.method == "code"
    with pytest.raises(WrongCode):
        await insiders.sign(SAM, code=once.at(now), now=now)


async def test_a_code_used_many_times_at_once_is_good_once(
    insiders: Insiders, sam: SignedInMember
) -> None:
    once, _ = await authenticator(insiders, sam)
    now = NOW + STEP
    code = once.at(now)
    accepted = await asyncio.gather(
        *(insiders.authenticators.accepts(sam.member_id, code, now=now) for _ in range(6))
    )
    assert accepted.count(True) == 1


@pytest.mark.parametrize(
    ("drift", "good"), [(-90, False), (-30, True), (0, True), (30, True), (60, False)]
)
async def test_a_telephones_clock_may_be_wrong_by_half_a_minute(
    insiders: Insiders, sam: SignedInMember, drift: int, *, good: bool
) -> None:
    once, _ = await authenticator(insiders, sam)
    now = NOW + timedelta(minutes=5)
    code = once.at(now + timedelta(seconds=drift))
    assert await insiders.authenticators.accepts(sam.member_id, code, now=now) is good


async def test_a_code_does_nothing_without_the_password(
    insiders: Insiders, sam: SignedInMember
) -> None:
    once, codes = await authenticator(insiders, sam)
    for code in (once.at(NOW + STEP), codes[0]):
        with pytest.raises(WrongPassword):
            await insiders.sign(SAM, "wrong", code, now=NOW + STEP)
    assert await insiders.authenticators.accepts(sam.member_id, codes[0], now=NOW)


async def test_a_recovery_code_stands_in_once(insiders: Insiders, sam: SignedInMember) -> None:
    _, codes = await authenticator(insiders, sam)
    assert len(set(codes)) == 10
    assert await insiders.sign(SAM, code=codes[0].lower().replace("-", " "))
    with pytest.raises(WrongCode):
        await insiders.sign(SAM, code=codes[0])
    assert (await insiders.sign_in.proofs(sam)).recovery_codes == 9
    assert "recovery_code.used" in await insiders.acts_on(sam.member_id)
    fresh = await insiders.authenticators.new_recovery_codes(sam.member_id, now=NOW)
    assert not await insiders.authenticators.accepts(sam.member_id, codes[1], now=NOW)
    assert await insiders.authenticators.accepts(sam.member_id, fresh[1], now=NOW)


async def test_another_members_codes_are_good_for_nothing(
    insiders: Insiders, sam: SignedInMember
) -> None:
    site = (await insiders.team.of_site(await insiders.site("weekly"))) or None
    assert site is None
    weekly = await insiders.site("monthly")
    kim = await insiders.arrive(await insiders.invited(weekly, "kim@daily.example", Role.ADMIN))
    once, codes = await authenticator(insiders, sam)
    await authenticator(insiders, kim)
    for code in (once.at(NOW + STEP), codes[0]):
        assert not await insiders.authenticators.accepts(kim.member_id, code, now=NOW + STEP)


async def test_an_authenticator_counts_once_a_code_was_seen(
    insiders: Insiders, sam: SignedInMember
) -> None:
    begun = await insiders.authenticators.begin(sam.member_id, SAM, now=NOW)
    assert begun.picture[0].startswith("1111111")
    assert len(begun.picture) == len(begun.picture[0])
    assert await insiders.sign(SAM), "it does not count yet"
    for wrong in ("000000", "", "abcdef", "1234567"):
        with pytest.raises(Invalid):
            await insiders.authenticators.confirm(sam.member_id, wrong, now=NOW)
    late = NOW + timedelta(minutes=30)
    with pytest.raises(NoAuthenticator):
        await insiders.authenticators.confirm(
            sam.member_id, pyotp.TOTP(begun.secret).at(late), now=late
        )
    await insiders.authenticators.confirm(sam.member_id, pyotp.TOTP(begun.secret).at(NOW), now=NOW)
    with pytest.raises(AuthenticatorInUse):
        await insiders.authenticators.begin(sam.member_id, SAM, now=NOW)
    await insiders.authenticators.remove(sam.member_id, now=NOW)
    assert await insiders.sign(SAM)
    assert (await insiders.sign_in.proofs(sam)).recovery_codes == 0


async def test_neither_secret_nor_codes_are_kept_in_the_clear(
    insiders: Insiders, sam: SignedInMember
) -> None:
    once, codes = await authenticator(insiders, sam)
    async with insiders.pool.acquire() as connection:
        secret = await connection.fetchval("SELECT secret FROM authenticators")
        hashes = await connection.fetch("SELECT code_hash FROM recovery_codes")
        password = await connection.fetchval("SELECT hash FROM passwords")
        tokens = await connection.fetch("SELECT token_hash FROM sessions")
    assert once.secret.encode() not in secret
    assert all(codes[0].replace("-", "").encode() not in row["code_hash"] for row in hashes)
    assert password.startswith("$argon2id$")
    assert all(len(row["token_hash"]) == 32 for row in tokens)


# Passkeys


async def test_a_passkey_signs_in_and_counts_as_two_proofs(
    insiders: Insiders, sam: SignedInMember
) -> None:
    key = SoftKey(origin=ORIGIN)
    await new_passkey(insiders, sam, key)
    options = await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK)
    again = await by_passkey(insiders, key.used(dict(options)))
    assert again.member_id == sam.member_id
    assert again.session.method == "passkey"
    (kept,) = await insiders.passkeys.of_member(sam.member_id)
    assert (kept.name, kept.last_used_at) == ("Telephone", NOW)


async def test_an_answer_is_good_once(insiders: Insiders, sam: SignedInMember) -> None:
    key = SoftKey(origin=ORIGIN)
    await new_passkey(insiders, sam, key)
    options = await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK)
    credential = key.used(dict(options))
    outcomes = await asyncio.gather(
        *(by_passkey(insiders, credential) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, SignedInMember) for each in outcomes) == 1
    assert sum(isinstance(each, Unauthenticated) for each in outcomes) == 4


async def test_a_counter_that_does_not_go_on_tells_of_a_copy(
    insiders: Insiders, sam: SignedInMember
) -> None:
    key = SoftKey(origin=ORIGIN, counts=True, counter=7)
    await new_passkey(insiders, sam, key)
    options = await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK)
    assert await by_passkey(insiders, key.used(dict(options)))
    key.counter = 7
    options = await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK)
    with pytest.raises(Unauthenticated):
        await by_passkey(insiders, key.used(dict(options)))


@pytest.mark.parametrize(
    "wrong", ["origin", "host", "challenge", "signature", "unverified", "unknown", "registration"]
)
async def test_an_answer_that_is_not_ours_signs_nobody_in(
    insiders: Insiders, sam: SignedInMember, wrong: str
) -> None:
    key = SoftKey(origin=ORIGIN)
    await new_passkey(insiders, sam, key)
    options = dict(await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK))
    if wrong == "origin":
        key.origin = "https://localhost.evil.example"
    elif wrong == "host":
        options["rpId"] = "evil.example"
    elif wrong == "challenge":
        options["challenge"] = "AAAA"
    elif wrong == "signature":
        key.key = SoftKey(origin=ORIGIN).key
    elif wrong == "unverified":
        key.verifies = False
    elif wrong == "unknown":
        key = SoftKey(origin=ORIGIN)
    elif wrong == "registration":
        asked = await insiders.passkeys.ask_for_new(
            PARTY, sam.member_id, email=SAM, name="Sam", purpose=str(sam.member_id)
        )
        options["challenge"] = asked["challenge"]
    with pytest.raises(Unauthenticated):
        await by_passkey(insiders, key.used(options))


@pytest.mark.parametrize(
    "credential", [{}, {"response": None}, {"rawId": 7}, {"response": {"clientDataJSON": "e30"}}]
)
async def test_what_is_no_answer_signs_nobody_in(
    insiders: Insiders, credential: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await by_passkey(insiders, credential)


async def test_a_passkey_is_made_for_who_asked_and_once(
    insiders: Insiders, sam: SignedInMember
) -> None:
    key = SoftKey(origin=ORIGIN)
    for how in (
        {"purpose": str(NOBODY)},
        {"party": RelyingParty(host="evil.example", origins=PARTY.origins)},
        {"party": RelyingParty(host="localhost", origins=frozenset({"https://x.example"}))},
        {"options": {"challenge": "AAAA"}},
    ):
        with pytest.raises(Invalid):
            await new_passkey(insiders, sam, key, **how)
    await new_passkey(insiders, sam, key)
    with pytest.raises(PasskeyKnown):
        await new_passkey(insiders, sam, key)


async def test_the_last_thing_that_lets_somebody_in_is_not_taken_back(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, SAM, Role.ADMIN)
    key = SoftKey(origin=ORIGIN)
    asked = await insiders.arrivals.ask_for_passkey(
        token, email=None, name="Sam", party=PARTY, now=NOW
    )
    sam = await insiders.arrive(token, password=None, credential=key.made(dict(asked)))  # type: ignore[arg-type]
    assert sam.session.method == "passkey"
    (first,) = await insiders.passkeys.of_member(sam.member_id)
    with pytest.raises(LastProof):
        await insiders.sign_in.remove_passkey(sam, first.passkey_id, now=NOW)
    with pytest.raises(UnknownPasskey):
        await insiders.sign_in.remove_passkey(sam, NOBODY, now=NOW)
    with pytest.raises(WrongPassword):
        await insiders.sign(SAM, "")
    await new_passkey(insiders, sam, SoftKey(origin=ORIGIN))
    await insiders.sign_in.remove_passkey(sam, first.passkey_id, now=NOW)
    assert len(await insiders.passkeys.of_member(sam.member_id)) == 1


# Sessions


async def test_a_session_used_lately_is_known_for_a_minute_while_postgres_is_away(
    insiders: Insiders, sam: SignedInMember
) -> None:
    clock = [1_000.0]
    known = Recall[bytes, SignedInMember | None](kept_seconds=KEPT_SECONDS, clock=lambda: clock[0])
    sessions = replace(insiders.sessions, known=known)
    token, _ = await sessions.open(sam.member_id, method="password", agent=AGENT, now=NOW)
    assert await sessions.look(token, now=NOW)
    await insiders.pool.close()

    clock[0] += 59
    assert await sessions.look(token, now=NOW)
    clock[0] += 1
    with pytest.raises(Unavailable):
        await sessions.look(token, now=NOW)


async def test_a_session_ends_when_it_is_idle_or_old(
    insiders: Insiders, sam: SignedInMember
) -> None:
    token, _ = await insiders.sessions.open(sam.member_id, method="password", agent=AGENT, now=NOW)
    later = NOW + IDLE - timedelta(seconds=1)
    assert (timedelta(hours=12), timedelta(days=7)) == (IDLE, LIFETIME)
    assert await insiders.sessions.find(token, now=later)
    now = later
    while now + IDLE / 2 < NOW + LIFETIME:
        now += IDLE / 2
        assert await insiders.sessions.find(token, now=now), "it is in use"
    with pytest.raises(Unauthenticated):
        await insiders.sessions.find(token, now=NOW + LIFETIME)
    idle, _ = await insiders.sessions.open(sam.member_id, method="password", agent=AGENT, now=NOW)
    with pytest.raises(Unauthenticated):
        await insiders.sessions.find(idle, now=NOW + IDLE)


@pytest.mark.parametrize("token", ["", "pbs_", "pbs_" + "A" * 43, "x" * 5_000, "pbs_é"])
async def test_what_is_no_session_is_nobodys(insiders: Insiders, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await insiders.sessions.find(token, now=NOW)


async def test_sessions_are_listed_and_ended_by_their_member_alone(
    insiders: Insiders, sam: SignedInMember
) -> None:
    other = await insiders.sign(SAM)
    with pytest.raises(UnknownSession):
        await insiders.sessions.end(NOBODY, other.session.session_id)
    await insiders.sessions.end(sam.member_id, other.session.session_id)
    with pytest.raises(UnknownSession):
        await insiders.sessions.end(sam.member_id, other.session.session_id)
    (left,) = await insiders.sessions.of_member(sam.member_id, now=NOW)
    assert left.session_id == sam.session.session_id


async def test_a_member_has_a_few_sessions_at_most(insiders: Insiders, sam: SignedInMember) -> None:
    for minute in range(SESSIONS_MAX + 3):
        now = NOW + timedelta(minutes=minute)
        await insiders.sessions.open(sam.member_id, method="password", agent=AGENT, now=now)
    found = await insiders.sessions.of_member(sam.member_id, now=NOW + timedelta(hours=1))
    assert len(found) == SESSIONS_MAX
    assert sam.session.session_id not in {each.session_id for each in found}


async def test_a_proof_lasts_ten_minutes_and_an_admins_has_two_parts(
    insiders: Insiders, sam: SignedInMember
) -> None:
    require_fresh_proof(sam, strong=False, now=NOW)
    with pytest.raises(SecondFactorNeeded):
        require_fresh_proof(sam, strong=True, now=NOW)
    with pytest.raises(ProofNeeded):
        require_fresh_proof(sam, strong=False, now=NOW + PROOF_LASTS)
    once, _ = await authenticator(insiders, sam)
    later = NOW + timedelta(hours=1)
    with pytest.raises(CodeNeeded):
        await insiders.sign_in.prove_by_password(sam, PASSWORD, None, network=NETWORK, now=later)
    token = await insiders.sign_in.prove_by_password(
        sam, PASSWORD, once.at(later), network=NETWORK, now=later
    )
    proved = await insiders.sessions.find(token, now=later)
    require_fresh_proof(proved, strong=True, now=later)
    assert proved.session.session_id == sam.session.session_id


async def test_another_members_passkey_proves_nothing(
    insiders: Insiders, sam: SignedInMember
) -> None:
    kim = await insiders.arrive(
        await insiders.invited(await insiders.site("weekly"), "kim@daily.example", Role.ADMIN)
    )
    key = SoftKey(origin=ORIGIN)
    await new_passkey(insiders, kim, key)
    options = await insiders.sign_in.ask_for_passkey(PARTY, network=NETWORK)
    with pytest.raises(Unauthenticated):
        await insiders.sign_in.prove_by_passkey(
            sam, PARTY, key.used(dict(options)), network=NETWORK, now=NOW
        )


@pytest.mark.usefixtures("sam")
async def test_while_redis_is_away_people_sign_in_and_attempts_are_counted(
    insiders: Insiders,
) -> None:
    redis = insiders.sign_in.attempts.limits.redis
    await redis.aclose()
    redis.connection_pool.connection_kwargs["path"] = "/nowhere"
    assert await insiders.sign(SAM)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await insiders.sign(SAM, "not the password")
    with pytest.raises(RateLimited):
        await insiders.sign(SAM)
