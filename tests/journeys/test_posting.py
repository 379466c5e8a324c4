"""Posting: once however often it is sent, by guests, readers and back ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from service.model import Mode, SiteSettings
from tests.journeys.api import Paper
from tests.journeys.house import House, now

ISSUER = "https://id.daily.example"
SECRET = "a secret of the site, 32 bytes or more"
P256 = ec.generate_private_key(ec.SECP256R1())
PRIVATE_PEM = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = (
    P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
)


async def test_fifty_times_the_same_post_at_once_is_one_comment(daily: Paper) -> None:
    key = str(uuid4())

    answers = await asyncio.gather(*(daily.send("Only once.", key=key) for _ in range(50)))

    bodies = [answer.expect(202) for answer in answers]
    assert len({body["comment"]["id"] for body in bodies}) == 1
    assert len({body["receipt"] for body in bodies}) == 1
    assert bodies[0]["receipt"].startswith("pbr_")
    replays = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert sorted(replays, key=str) == [None] + ["true"] * 49
    assert (await daily.queue())["total"] == 1


async def test_a_replay_tells_what_became_of_the_comment(daily: Paper) -> None:
    key = str(uuid4())
    first = (await daily.send("Decided since.", key=key)).expect(202)
    await daily.approve(first["comment"]["id"])

    again = await daily.send("Decided since.", key=key)

    assert again.expect(202)["comment"]["status"] == "approved"
    assert again.json["comment"]["id"] == first["comment"]["id"]
    assert again.json["receipt"] == first["receipt"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await daily.count() == 1


async def test_a_key_used_for_another_text_is_refused(daily: Paper) -> None:
    key = str(uuid4())
    await daily.post("One text.", key=key)

    other = await daily.send("Another text.", key=key)

    assert other.refused(422) == "idempotency_key_reused"
    assert (await daily.queue())["total"] == 1


async def test_without_a_key_the_same_words_by_the_same_guest_are_one_comment(
    daily: Paper,
) -> None:
    first = await daily.send("Said twice.")
    again = await daily.send("Said twice.")
    by_another = await daily.send("Said twice.", name="Noor")

    assert again.expect(202)["comment"]["id"] == first.expect(202)["comment"]["id"]
    assert first.json["receipt"] is not None
    assert again.json["receipt"] is None, "Nobody proves to be the same guest by the same words."
    assert by_another.expect(202)["comment"]["id"] != first.json["comment"]["id"]


async def test_a_guest_who_comes_back_with_a_receipt_is_the_same_guest(daily: Paper) -> None:
    guests = await daily.api("POST", f"{daily.path}/guests")
    receipt = guests.expect(201)["receipt"]
    first = await daily.post("First.", token=receipt)
    second = await daily.post("Second.", token=first.receipt)

    for posted in (first, second):
        own = (await daily.comment(posted.id, token=receipt)).expect(200)["comment"]
        assert (own["status"], own["text"]) == ("pending", posted.text)
        assert own["editable_until"] is not None
    answer = await daily.comment(first.id, token=receipt)
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_a_site_that_looks_afterwards_publishes_at_once(house: House) -> None:
    daily = await house.found("hasty", SiteSettings(mode=Mode.POST))
    key = str(uuid4())

    sent = await daily.send("Seen at once.", key=key)

    assert sent.expect(201)["comment"]["status"] == "approved"
    assert await daily.count() == 1
    assert await daily.ids_in_thread() == {sent.json["comment"]["id"]}
    again = await daily.send("Seen at once.", key=key)
    assert again.expect(201)["comment"]["id"] == sent.json["comment"]["id"]
    assert await daily.count() == 1
    reply = await daily.post("So is this.", parent=sent.json["comment"]["id"], status=201)
    assert reply.status == "approved"
    assert await daily.count() == 2


async def test_readers_of_either_kind_of_token_post_and_see_what_waits(daily: Paper) -> None:
    await _add_token_key(daily, kid="shared", algorithm="HS256", key=SECRET)
    await _add_token_key(daily, kid="curve", algorithm="ES256", key=PUBLIC_PEM)
    listed = (await daily.manage("GET", "/token-keys")).expect(200)["items"]
    shown = {key["kid"]: key["public_key"] for key in listed}
    assert shown == {"shared": None, "curve": PUBLIC_PEM}
    claims = _claims(daily, sub="reader-7", name="Amina", badge="subscriber")
    shared = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "shared"})
    curved = jwt.encode(claims, PRIVATE_PEM, algorithm="ES256", headers={"kid": "curve"})
    other = jwt.encode(
        _claims(daily, sub="reader-8", name="Noor"),
        SECRET,
        algorithm="HS256",
        headers={"kid": "shared"},
    )

    posted = await daily.post("By a reader.", token=shared, name=None)

    assert posted.receipt is None
    # The same person, whichever key signed for them.
    for token in (shared, curved):
        own = (await daily.comment(posted.id, token=token)).expect(200)["comment"]
        assert own["status"] == "pending"
        assert own["author"] == {"name": "Amina", "badge": "subscriber", "avatar": None}
    assert (await daily.comment(posted.id, token=other)).refused(404) == "unknown_comment"
    reply = await daily.post("And a reply.", token=curved, name=None, parent=posted.id)
    await daily.approve(posted, reply)
    assert await daily.count() == 2
    wrong = jwt.encode(claims, f"{SECRET}!", algorithm="HS256", headers={"kid": "shared"})
    assert (await daily.send("No.", token=wrong, name=None)).refused(401) == "unauthenticated"
    await daily.manage("DELETE", "/token-keys/shared")


async def test_the_back_end_posts_for_a_reader_who_then_sees_it(daily: Paper) -> None:
    await _add_token_key(daily, kid="shared", algorithm="HS256", key=SECRET)
    for_reader = {"id": "reader-7", "name": "Amina", "issuer": ISSUER}
    write = daily.keys["write"]

    posted = await daily.post("For her.", token=write, name=None, on_behalf_of=for_reader)

    assert posted.receipt is None
    claims = _claims(daily, sub="reader-7", name="Amina")
    token = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "shared"})
    own = (await daily.comment(posted.id, token=token)).expect(200)["comment"]
    assert own["author"]["name"] == "Amina"
    # A back end may answer what waits, for anybody.
    await daily.post("Hers too.", token=write, name=None, on_behalf_of=for_reader, parent=posted.id)
    by_nobody = await daily.send("For whom?", token=write, name=None)
    assert by_nobody.refused(422) == "validation_failed"
    assert by_nobody.json["errors"][0]["pointer"] == "/on_behalf_of"
    by_guest = await daily.send("As her.", on_behalf_of=for_reader)
    assert by_guest.refused(403) == "forbidden"
    by_reading_key = await daily.send(
        "As her.", token=daily.keys["read"], name=None, on_behalf_of=for_reader
    )
    assert by_reading_key.refused(403) == "forbidden"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"body": ""}, "/body"),
        ({"body": "x" * 5_001}, "/body"),
        ({"body": "\u200b\u3164"}, "/body"),
        ({"body": "Hi.", "author": {"name": "x" * 81}}, "/author/name"),
        ({"body": "Hi.", "parent_id": "nobody"}, "/parent_id"),
        ({"body": "Hi.", "colour": "red"}, "/colour"),
    ],
)
async def test_what_no_comment_can_be_is_said_field_by_field(
    daily: Paper, body: dict[str, Any], pointer: str
) -> None:
    wish = {"author": {"name": "Leila"}, **body}

    answer = await daily.api("POST", f"{daily.article('story-1')}/comments", wish)

    assert answer.refused(422) == "validation_failed"
    assert pointer in {error["pointer"] for error in answer.json["errors"]}
    assert (await daily.queue())["total"] == 0


async def test_a_guest_in_a_hurry_is_told_when_to_come_back_but_a_retry_is_free(
    limited_house: House,
) -> None:
    daily = await limited_house.found("daily")
    key = str(uuid4())
    posted = await daily.post("First.", key=key)
    for number in range(2, 6):
        await daily.post(f"Number {number}.")

    refused = await daily.send("One too many.")

    assert refused.refused(429) == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    again = await daily.send("First.", key=key)
    assert again.expect(202)["comment"]["id"] == posted.id
    assert (await daily.queue())["total"] == 5


def _claims(paper: Paper, **said: Any) -> dict[str, Any]:
    at = now()
    return {
        "iss": ISSUER,
        "aud": paper.slug,
        "iat": int(at.timestamp()),
        "exp": int((at + timedelta(hours=1)).timestamp()),
        **said,
    }


async def _add_token_key(paper: Paper, **key: str) -> None:
    (await paper.manage("POST", "/token-keys", {"issuer": ISSUER, **key})).expect(201)
