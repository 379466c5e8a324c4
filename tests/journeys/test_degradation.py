"""The table of protocol.md 3.3, cell by cell: what goes on without a store, and that it comes back.

A store that was killed refuses at once, one that is frozen keeps everybody waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
import pytest

from service.web.problems import NOT_DONE, PERHAPS_DONE
from tests.journeys.api import Answer, Api, Paper, Posted, wish, within
from tests.journeys.command import data_folder
from tests.journeys.theatre import How, Listener, Theatre, listening, open_theatre

pytestmark = pytest.mark.long

PASSWORD = "plaid otter under nine clouds"
BACK_SECONDS = 25.0
"""When everything works again after a store has (protocol.md Ruling 14; 5 s is the aim)."""
JOURNAL_SECONDS = 5.0
HOW = ("killed", pytest.param("frozen", marks=pytest.mark.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A site in the middle of its day."""

    paper: Paper
    member: Api
    """A browser in which a moderator is signed in."""
    public: Posted
    """Under an article that was read a moment ago."""
    unread: Posted
    """Under one that nobody has read."""
    removed: Posted
    waiting: Posted
    """Known to the journal."""
    email: str

    async def read(self, article: str) -> tuple[Answer, Answer]:
        """Read a thread and its count."""
        path = self.paper.article(article)
        thread, count = await asyncio.gather(
            self.paper.api("GET", f"{path}/comments"), self.paper.api("GET", f"{path}/count")
        )
        return thread, count

    async def look(self) -> Answer:
        """Look at what waits."""
        path = f"/v1/moderation/queue?site={self.paper.slug}"
        return await self.paper.api("GET", path, token=self.paper.keys["moderate"])

    async def claim(self) -> Answer:
        """Lease what waits."""
        body = {"site": self.paper.slug, "lane": "held", "limit": 1}
        path = "/v1/moderation/claims"
        return await self.paper.api("POST", path, body, token=self.paper.keys["moderate"])

    async def decide(self, action: str, comment_id: str) -> Answer:
        """Decide one comment."""
        return await self.paper.send_decisions([wish(action, comment_id)])

    async def delete(self, comment: Posted) -> Answer:
        """Delete a comment as its author."""
        path = f"{self.paper.path}/comments/{comment.id}"
        return await self.paper.api("DELETE", path, token=comment.receipt)

    async def session(self) -> Answer:
        """Ask who is signed in."""
        return await self.member("GET", "/v1/session")

    async def sign_in(self) -> Answer:
        """Sign in anew."""
        return await signed_in(self.member, self.email)


@pytest.fixture(scope="module")
async def theatre() -> AsyncIterator[Theatre]:
    with data_folder() as folder:
        async with open_theatre(folder) as opened:
            yield opened


@pytest.fixture
async def scene(theatre: Theatre) -> AsyncIterator[Scene]:
    paper = await theatre.house.found(f"daily-{uuid4().hex[:8]}")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        member = Api(session=browser, base_url=paper.api.base_url)
        email = f"kim@{paper.slug}.example"
        await invite(paper, member, email)
        public, unread, removed, waiting = await asyncio.gather(
            *(paper.post(f"A comment, {name}.", article=name) for name in ARTICLES)
        )
        await paper.approve(public, unread, removed)
        (gone,) = await paper.decide("remove", removed)
        assert gone["outcome"] == "applied"
        scene = Scene(
            paper=paper,
            member=member,
            public=public,
            unread=unread,
            removed=removed,
            waiting=waiting,
            email=email,
        )

        async def is_journaled() -> bool:
            path = f"/v1/moderation/queue?site={paper.slug}&q=waiting"
            found = await paper.api("GET", path, token=paper.keys["moderate"])
            return bool(found.expect(200)["items"])

        async def is_told() -> bool:
            untold = "SELECT count(*) FROM outbox WHERE relayed_at IS NULL"
            return bool(await theatre.house.service.ground.pool.fetchval(untold) == 0)

        await within(JOURNAL_SECONDS, is_journaled, pause=0.05)
        await within(JOURNAL_SECONDS, is_told, pause=0.05)  # so that what is read now is kept
        for answer in (*await scene.read("read"), await scene.session()):
            assert answer.status == 200
        yield scene


ARTICLES = ("read", "unread", "removed", "waiting")
RESYNC = b"event: resync"
"""Told once what is said is heard again: what came before that may have been missed."""


@pytest.mark.parametrize("how", HOW)
async def test_without_redis_threads_are_read_and_what_is_public_is_decided(
    theatre: Theatre, scene: Scene, how: How, tell: Callable[[str], None]
) -> None:
    async with listening(scene.paper.api, f"{scene.paper.article('read')}/events") as stream:
        async with theatre.without("redis", how=how):
            await stream.hears(b"event: degraded")
            await is_read(scene, "read", {scene.public.id})
            await is_read(scene, "unread", {scene.unread.id})

            unsaid = await scene.paper.send("Not now.", key=str(uuid4()))
            assert refused(unsaid) == "queue_unavailable"
            assert unsaid.headers["Retry-After"] == "5"
            assert refused(await scene.look(), writes=False) == "queue_unavailable"
            assert refused(await scene.claim()) == "queue_unavailable"
            assert refused(await scene.decide("approve", str(uuid4()))) == "queue_unavailable"

            await applies(scene, "approve", scene.waiting.id)
            await applies(scene, "remove", scene.public.id)
            await applies(scene, "restore", scene.removed.id)
            assert (await scene.delete(scene.unread)).status in {200, 204}
            await is_read(scene, "read", set())
            await is_read(scene, "unread", set())
            await is_read(scene, "removed", {scene.removed.id})
            await is_read(scene, "waiting", {scene.waiting.id})

            assert (await scene.session()).status == 200
            assert (await scene.sign_in()).status == 200
            assert stream.is_open
        await is_back(scene, f"Redis {how}", tell)

        async def is_clean() -> bool:
            return bool((await scene.paper.queue())["total"] == 0)

        await within(BACK_SECONDS, is_clean, pause=0.1)
        await stream.hears(RESYNC)
        await is_told(scene, stream)


@pytest.mark.parametrize("how", HOW)
async def test_without_postgres_comments_are_taken_and_nothing_is_decided(
    theatre: Theatre, scene: Scene, how: How, tell: Callable[[str], None]
) -> None:
    async with listening(scene.paper.api, f"{scene.paper.article('read')}/events") as stream:
        async with theatre.without("postgres", how=how):
            key = str(uuid4())
            taken = (await scene.paper.send("Meanwhile.", key=key)).expect(202)["comment"]
            again = (await scene.paper.send("Meanwhile.", key=key)).expect(202)["comment"]
            assert again["id"] == taken["id"]

            await is_read(scene, "read", {scene.public.id})
            for answer in await scene.read("unread"):
                refused(answer, writes=False)
            for answer in await scene.read("removed"):
                refused(answer, writes=False)

            shown = {item["comment"]["id"] for item in (await scene.look()).expect(200)["items"]}
            assert shown == {scene.waiting.id, taken["id"]}
            assert len((await scene.claim()).expect(200)["items"]) == 1
            for answer in await asyncio.gather(
                scene.decide("approve", scene.waiting.id),
                scene.decide("reject", scene.waiting.id),
                scene.decide("remove", scene.public.id),
                scene.decide("restore", scene.removed.id),
                scene.delete(scene.unread),
            ):
                refused(answer)

            assert (await scene.session()).status == 200, "it was used a moment ago"
            assert refused(await scene.sign_in())
            assert stream.is_open
        await is_back(scene, f"Postgres {how}", tell)
        await is_told(scene, stream)
        assert await scene.paper.ids_in_thread("read") >= {scene.public.id}
        assert await scene.paper.ids_in_thread("unread") == {scene.unread.id}
        assert await scene.paper.ids_in_thread("removed") == set()


@pytest.mark.parametrize("how", HOW)
async def test_without_both_what_was_read_lately_is_read_on(
    theatre: Theatre, scene: Scene, how: How, tell: Callable[[str], None]
) -> None:
    async with listening(scene.paper.api, f"{scene.paper.article('read')}/events") as stream:
        async with theatre.without("redis", "postgres", how=how):
            await stream.hears(b"event: degraded")
            await is_read(scene, "read", {scene.public.id})
            for answer in (*await scene.read("unread"), await scene.look()):
                refused(answer, writes=False)
            for answer in await asyncio.gather(
                scene.paper.send("Not now.", key=str(uuid4())),
                scene.claim(),
                scene.decide("approve", scene.waiting.id),
                scene.decide("remove", scene.public.id),
                scene.decide("restore", scene.removed.id),
                scene.delete(scene.unread),
                scene.sign_in(),
            ):
                refused(answer)
            assert (await scene.session()).status == 200, "it was used a moment ago"
            assert stream.is_open
        await is_back(scene, f"both {how}", tell)
        await stream.hears(RESYNC)
        await is_told(scene, stream)


def refused(answer: Answer, *, writes: bool = True) -> str:
    """Return the code of a 503, which says when to come back and whether anything was done."""
    code = answer.refused(503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["detail"].endswith((NOT_DONE, PERHAPS_DONE)) == writes, answer.json
    return code


async def is_read(scene: Scene, article: str, ids: set[str]) -> None:
    """Read a thread and its count, which have to be these."""
    thread, count = await scene.read(article)
    shown = [comment for comment in thread.expect(200)["comments"] if comment["text"] is not None]
    assert {comment["id"] for comment in shown} == ids
    assert count.expect(200)["count"] == len(ids)


async def applies(scene: Scene, action: str, comment_id: str) -> None:
    """Decide, which has to work."""
    (result,) = (await scene.decide(action, comment_id)).expect(200)["results"]
    assert result["outcome"] == "applied", result


async def is_back(scene: Scene, what: str, tell: Callable[[str], None]) -> None:
    """Wait until comments are taken, looked at and decided again."""

    async def all_works() -> bool:
        sent = await scene.paper.send("Back.", article="back", key=str(uuid4()))
        if sent.status != 202:
            assert refused(sent)
            return False
        decided = await scene.decide("approve", sent.json["comment"]["id"])
        if decided.status != 200:
            assert refused(decided)
            return False
        return (await scene.look()).status == 200

    async def signs_in() -> bool:
        return (await scene.sign_in()).status == 200

    tell(f"{what}: all works again after {await within(BACK_SECONDS, all_works, pause=0.05):.1f} s")
    await within(BACK_SECONDS, signs_in, pause=0.2)


async def is_told(scene: Scene, stream: Listener) -> None:
    """Wait until the stream that was open all the time tells of something new."""
    late = await scene.paper.post("After all that.", article="read")
    await scene.paper.approve(late)
    await stream.hears(late.id.encode())
    assert stream.is_open


async def invite(paper: Paper, member: Api, email: str) -> None:
    """Let somebody become a moderator with a password, signed in in their browser."""
    body = {"email": email, "role": "moderator"}
    invited = await paper.api("POST", "/v1/members", body, token=paper.keys["manage"])
    token = invited.expect(201)["token"]
    wanted = {"token": token, "name": "Kim", "password": PASSWORD}
    (await member("POST", "/v1/invitations", wanted, headers=OWN)).expect(201)


async def signed_in(member: Api, email: str) -> Answer:
    """Sign in with a password."""
    body = {"email": email, "password": PASSWORD}
    return await member("POST", "/v1/session", body, headers=OWN)


OWN = {"Sec-Fetch-Site": "same-origin"}
