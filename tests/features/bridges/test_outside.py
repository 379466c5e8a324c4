"""A site's own service, asked about each comment: what is sent, and what each answer means."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from msgspec.structs import replace

from service.errors import Invalid
from service.features.administration import Acts
from service.features.bridges.desk import Bridges, OnFailure, UnknownBridge
from service.features.bridges.outside import LABEL, RULE, OutsideCheck
from service.features.screen import Piece, Screening
from service.model import Actor, Mode, SiteSettings, Standing
from service.outgoing import GuardedClient, read_secret
from service.secrets import Secrets
from service.storage.bridges import BridgeStore
from tests.features.conftest import OpenSite
from tests.newsroom import NOON, Newsroom, new_id, without_postgres
from tests.place import Place, standing

SAM = Actor(kind="key", actor_id="samskey1", name="Sam")
HOLD = orjson.dumps({"verdict": "hold", "score": 0.83, "label": "An advert", "extra": 1})
NONE = orjson.dumps({"verdict": "none"})


@dataclass(slots=True, kw_only=True)
class Checked:
    """A site where comments appear at once, and its own service."""

    newsroom: Newsroom
    bridges: Bridges
    check: OutsideCheck
    place: Place
    outcomes: list[str]
    secret: str = ""

    async def set(
        self,
        *,
        url: str = "",
        timeout_ms: int = 2_000,
        on_failure: OnFailure = "hold",
        renew: bool = False,
    ) -> str | None:
        """Name the service."""
        return await self.bridges.set_check(
            self.newsroom.site,
            url=url or self.place.url,
            timeout_ms=timeout_ms,
            on_failure=on_failure,
            renew=renew,
            actor=SAM,
            now=NOON,
        )

    async def look(self, text: str = "Good morning.", **known: Any) -> Screening:
        """Screen a comment of somebody who is known."""
        author = uuid4()
        piece = Piece(
            text=text,
            lang="en",
            author_kind="reader",
            author_id=author,
            standing=Standing(author_id=author, approved=7, rejected=1),
            article=await self.newsroom.articles.describe(self.newsroom.site, "story-1", now=NOON),
        )
        screen = replace(self.newsroom.screen, outside_of=self.check.signal)
        return await screen.look(self.newsroom.site, replace(piece, **known), now=NOON)


@pytest.fixture
async def checked(new_site: OpenSite) -> AsyncIterator[Checked]:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    outcomes: list[str] = []
    bridges = Bridges(
        store=BridgeStore(pool=newsroom.pool),
        secrets=Secrets.derive("k" * 32),
        acts=Acts(new_id=new_id),
        networks=(ip_network("127.0.0.0/8"),),
    )
    client = GuardedClient(networks=bridges.networks)
    async with standing() as place:
        site = Checked(
            newsroom=newsroom,
            bridges=bridges,
            check=OutsideCheck(
                bridges=bridges, client=client, new_id=new_id, heard=outcomes.append
            ),
            place=place,
            outcomes=outcomes,
        )
        site.secret = await site.set() or ""
        yield site
    await client.close()


async def test_the_service_is_told_the_comment_and_nothing_personal(checked: Checked) -> None:
    checked.place.answers(NONE)
    author = UUID("0199f1f0-0000-7000-8000-00000000000c")
    await checked.look(author_id=author, address_hash="c0ffee")
    assert orjson.loads(checked.place.body()) == {
        "type": "comment.check",
        "timestamp": "2026-11-25T12:00:00.000+00:00",
        "trial": False,
        "site": checked.newsroom.site.slug,
        "comment": {"id": None, "text": "Good morning.", "lang": "en", "is_reply": False},
        "article": {"key": "story-1", "url": None},
        "author": {
            "kind": "reader",
            "id": str(author),
            "approved": 7,
            "rejected": 1,
            "trusted": False,
        },
    }


async def test_the_request_is_signed_as_standard_webhooks_has_it(checked: Checked) -> None:
    checked.place.answers(NONE)
    await checked.look()
    await checked.look()
    sent, body = checked.place.headers(), checked.place.body()
    assert sent["webhook-timestamp"] == str(int(NOON.timestamp()))
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    mac = hmac.new(read_secret(checked.secret), signed, hashlib.sha256).digest()
    assert sent["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert checked.place.headers(0)["webhook-id"] != sent["webhook-id"]


async def test_what_it_holds_is_held_with_its_words_its_score_and_the_version(
    checked: Checked,
) -> None:
    checked.place.answers(HOLD)
    await checked.set(timeout_ms=1_000)
    seen = await checked.look()
    assert (seen.publish, seen.reject, seen.screened.ruling, seen.screened.rule) == (
        False,
        False,
        "hold",
        RULE,
    )
    (why,) = seen.verdict.why
    assert (why.rule, why.version, why.effect, why.error) == (RULE, 2, "hold", None)
    assert (why.label, why.score) == (f"{LABEL}: An advert", 0.83)
    assert seen.screened.at == NOON


async def test_what_it_does_not_hold_appears_with_what_it_said(checked: Checked) -> None:
    checked.place.answers(orjson.dumps({"verdict": "none", "score": 0, "label": "Fine\n\u202e"}))
    seen = await checked.look()
    assert seen.publish
    assert [(why.rule, why.label, why.score, why.effect) for why in seen.verdict.why] == [
        (RULE, f"{LABEL}: Fine", 0.0, "none")
    ]
    checked.place.answers(NONE)
    assert (await checked.look()).verdict.why == ()
    checked.place.says = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert (await checked.look()).publish


@pytest.mark.parametrize("said", ["publish", "approve", "reject", "refuse", "HOLD", None])
async def test_it_can_neither_publish_nor_reject(checked: Checked, said: str | None) -> None:
    checked.place.answers(orjson.dumps({"verdict": said, "score": 0.1}))
    seen = await checked.look()
    assert (seen.publish, seen.reject, seen.screened.ruling) == (False, False, "hold")
    assert [why.error for why in seen.verdict.why] == ["bad_answer"]


FAILURES = {
    "an error": (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "refused"),
    "a redirect": (b"HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "refused"),
    "no JSON": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "bad_answer"),
    "no verdict": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "bad_answer"),
    "too much": (b"HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n" + b" " * 4_097, "too_large"),
    "nothing": (b"", "broken"),
}


@pytest.mark.parametrize(("says", "outcome"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_holds_the_comment_and_says_so(
    checked: Checked, says: bytes, outcome: str
) -> None:
    checked.place.says = says
    seen = await checked.look()
    assert (seen.publish, seen.screened.ruling, seen.screened.rule) == (False, "hold", None)
    (why,) = seen.verdict.why
    assert (why.rule, why.error, why.version) == (RULE, outcome, 1)
    assert why.label.startswith(f"{LABEL} (")
    assert checked.outcomes == [outcome]


async def test_one_that_does_not_answer_in_time_holds_the_comment(checked: Checked) -> None:
    checked.place.waits = True
    await checked.set(timeout_ms=100)
    seen = await checked.look()
    assert (seen.publish, [why.error for why in seen.verdict.why]) == (False, ["timeout"])


async def test_where_a_site_wants_it_a_failure_is_only_written_down(checked: Checked) -> None:
    checked.place.says = b""
    await checked.set(on_failure="none")
    seen = await checked.look()
    assert (seen.publish, seen.verdict.why) == (True, ())
    assert [(why.rule, why.error) for why in seen.screened.shadow] == [(RULE, "broken")]


async def test_one_that_keeps_failing_is_not_asked_for_a_while(checked: Checked) -> None:
    """Five readers wait for it, nobody after them, and one tries again ten seconds later."""
    times = [0.0]
    check = replace(checked.check, stopwatch=lambda: times[0])
    checked.check = check
    checked.place.answers(b"", "503 Away")
    for _ in range(5):
        await checked.look()
    assert check.rests(checked.newsroom.site)
    asked = len(checked.place.asked)
    seen = await checked.look()
    assert (seen.publish, [why.error for why in seen.verdict.why]) == (False, ["resting"])
    assert len(checked.place.asked) == asked
    checked.place.answers(NONE)
    times[0] = 10.0
    assert (await checked.look()).publish
    assert (await checked.look()).publish
    assert not check.rests(checked.newsroom.site)
    assert checked.outcomes == ["refused"] * 5 + ["resting", "answered", "answered"]


async def test_a_site_without_a_service_asks_nobody(checked: Checked) -> None:
    await checked.bridges.end(checked.newsroom.site, "check", actor=SAM, now=NOON)
    assert (await checked.look()).publish
    assert checked.place.connections == 0
    assert await checked.check.trial(checked.newsroom.site, "Hello.", NOON) is None
    with pytest.raises(UnknownBridge):
        await checked.bridges.end(checked.newsroom.site, "check", actor=SAM, now=NOON)


async def test_another_secret_is_made_when_it_is_wished_or_the_check_is_set_up_again(
    checked: Checked,
) -> None:
    assert await checked.set(timeout_ms=300) is None
    renewed = await checked.set(renew=True)
    assert renewed not in {None, checked.secret}
    await checked.bridges.end(checked.newsroom.site, "check", actor=SAM, now=NOON)
    again = await checked.set()
    assert again not in {None, renewed}
    (_, _, shown) = await checked.bridges.of_site(checked.newsroom.site)
    assert (shown.kind, shown.enabled, shown.version) == ("check", True, 5)


async def test_a_site_that_cannot_be_known_to_have_none_holds_its_comments(
    checked: Checked,
) -> None:
    async with without_postgres(checked.newsroom) as away:
        bridges = replace(checked.bridges, store=BridgeStore(pool=away.pool))
        bridges = Bridges(store=bridges.store, secrets=bridges.secrets, acts=bridges.acts)
        signal = await replace(checked.check, bridges=bridges).signal(
            checked.newsroom.site, _piece(), NOON
        )
    assert signal is not None
    assert (signal.effect, signal.counts, signal.failed) == ("hold", True, True)


async def test_an_address_inside_is_refused_when_it_is_saved(checked: Checked) -> None:
    for url in ("http://10.0.0.7/", "https://169.254.169.254/", "https://user@daily.example/"):
        with pytest.raises(Invalid) as refused:
            await checked.set(url=url)
        assert refused.value.errors[0].pointer == "/url"


async def test_a_secret_opens_only_for_its_own_site(checked: Checked, new_site: OpenSite) -> None:
    other = await new_site()
    await checked.newsroom.pool.execute(
        "INSERT INTO bridges SELECT $1, kind, version, enabled, secret, url, timeout_ms,"
        " on_failure, changed_at FROM bridges WHERE site_id = $2",
        other.site.site_id,
        checked.newsroom.site.site_id,
    )
    signal = await checked.check.signal(other.site, _piece(), NOON)
    assert signal is not None
    assert (signal.failed, checked.place.connections) == (True, 0)


async def test_many_at_once_wait_no_longer_than_one(checked: Checked) -> None:
    """Of a service that hangs: all give up together, and then nobody asks."""
    checked.place.waits = True
    await checked.set(timeout_ms=200)
    seen = await asyncio.gather(*(checked.look() for _ in range(12)))
    assert {each.publish for each in seen} == {False}
    assert checked.check.rests(checked.newsroom.site)


def _piece() -> Piece:
    return Piece(
        text="Hello.", lang=None, author_kind="guest", author_id=None, standing=None, article=None
    )
