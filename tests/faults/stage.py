"""A site whose service may die, its people, and everything that they were promised."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import asyncpg
from redis.asyncio import Redis

from service.app import open_service
from service.secrets import open_secrets
from tests.faults.doomed import Doomed, doomed
from tests.journeys.api import Answer, Api, Failed, Paper, Posted, within
from tests.journeys.house import House, client
from tests.journeys.invariants import Ledger, Stores, Told, read_stores, unsettled
from tests.journeys.sentences import sentence

SITE = "daily"
AGAIN_SECONDS = 0.02
ANSWER_SECONDS = 25.0
"""Posting and deciding are back after any crash (protocol.md Ruling 14)."""
REST_SECONDS = 90.0
"""When everything is done that goes on behind the requests: the settle worker that died holds its
comments for thirty seconds."""
APPLIED = frozenset({"applied", "replayed"})

_serials = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A site, its service, and everything that was promised so far."""

    service: Doomed
    paper: Paper
    redis: Redis
    postgres: asyncpg.Connection
    ledger: Ledger = field(default_factory=Ledger)

    async def at_rest(self) -> Stores:
        """Wait until nothing is left to do behind the requests, and return what is there.

        Raises:
            TimeoutError: it does not come to rest.
        """

        async def is_quiet() -> bool:
            return unsettled(await read_stores(SITE, self.postgres, self.redis)) == []

        await within(REST_SECONDS, is_quiet, pause=0.05)
        return await read_stores(SITE, self.postgres, self.redis)

    async def surely(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, key: str = ""
    ) -> Answer:
        """Ask the same until it is answered."""
        headers = {"X-Forwarded-For": _address(key)} | ({"Idempotency-Key": key} if key else {})
        met: Counter[str] = Counter()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    try:
                        answer = await self.paper.api(
                            method, path, body, token=token, headers=headers
                        )
                    except Failed as failure:
                        met[type(failure).__name__] += 1
                    else:
                        if answer.status != 503:
                            return answer
                        met[answer.refused(503)] += 1
                    await asyncio.sleep(AGAIN_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{method} {path} was not answered but {dict(met)}.") from None

    async def post(self, *, article: str = "story-1", ways: int = 1) -> Posted:
        """Post a comment that nobody has posted before, `ways` times at once."""
        key, text = str(uuid4()), sentence(f"{next(_serials)}")
        self.ledger.sent[key] = text
        body = {"body": text, "author": {"name": "Leila"}}
        path = f"{self.paper.article(article)}/comments"
        answers = await asyncio.gather(
            *(self.surely("POST", path, body, key=key) for _ in range(ways))
        )
        for answer in answers:
            assert answer.status in {201, 202}, answer.raw
            self.ledger.posts[key].add(answer.json["comment"]["id"])
        written = answers[0].json
        return Posted(
            id=written["comment"]["id"],
            receipt=written["receipt"],
            status=written["comment"]["status"],
            text=text,
        )

    async def again(self, posted: Posted) -> None:
        """Send what was posted once more, under the same key."""
        key = next(key for key, text in self.ledger.sent.items() if text == posted.text)
        body = {"body": posted.text, "author": {"name": "Leila"}}
        path = f"{self.paper.article('story-1')}/comments"
        answer = await self.surely("POST", path, body, key=key)
        assert answer.status == 202, answer.raw
        self.ledger.posts[key].add(answer.json["comment"]["id"])

    async def decide(
        self, wishes: Sequence[Mapping[str, Any]], *, by: str = "moderate"
    ) -> list[dict[str, Any]]:
        """Decide, and write down what was applied."""
        answer = await self.surely(
            "POST",
            "/v1/moderation/decisions",
            {"decisions": wishes},
            token=self.paper.keys[by],
        )
        results: list[dict[str, Any]] = answer.expect(200)["results"]
        for asked, result in zip(wishes, results, strict=True):
            if result["outcome"] in APPLIED:
                self.ledger.decisions.append(Told(*(asked[name] for name in Told._fields)))
        return results


def _address(key: str) -> str:
    """Come from where nobody else does: who posts much from one address is looked at longer."""
    return f"10.{'.'.join(map(str, hashlib.sha256(key.encode()).digest()[:3]))}"


@asynccontextmanager
async def staged(
    database_url: str, redis_url: str, *, bug: str = "", **more: object
) -> AsyncIterator[Stage]:
    """Found a site over empty stores, and keep its service alive until the block ends.

    `more` are settings of the service.
    """
    async with (
        doomed(database_url, redis_url, bug=bug, **more) as service,
        client() as session,
        Redis.from_url(redis_url, decode_responses=True) as redis,
    ):
        api = Api(session=session, base_url=service.base_url)
        settings = service.settings
        async with open_service(
            settings, open_secrets(settings), database_url=database_url, redis_url=redis_url
        ) as wired:
            paper = await House(service=wired, api=api).found(SITE)
        postgres = await asyncpg.connect(database_url)
        yield Stage(service=service, paper=paper, redis=redis, postgres=postgres)
        await postgres.close()
