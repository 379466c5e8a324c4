"""Readers and a moderator who go on whatever dies, and who write down what they are promised."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.journeys.api import Answer, Failed, Paper, wish
from tests.journeys.invariants import Ledger, Told

AGAIN_SECONDS = 0.02
"""Before a request that got no promise is sent again."""
ARTICLES = ("story-1", "story-2", "story-3")
ACTIONS = ("approve", "approve", "reject")
APPLIED = frozenset({"applied", "replayed"})
NOT_NOW = frozenset({"conflict", "parent_pending"})
"""What a reply is told whose parent was rejected, or waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A submission, as often as it is sent."""

    text: str
    article: str
    parent: str | None = None
    token: str | None = None
    key: str = field(default_factory=lambda: str(uuid4()))


@dataclass(slots=True, kw_only=True)
class Storm:
    """Clients of one site, and everything they were told."""

    paper: Paper
    dice: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    over: bool = False
    posts: int = 0
    """Promises that a comment is kept."""
    decisions: int = 0
    """Promises that a decision is made."""
    met: Counter[str] = field(default_factory=Counter)
    """How often each failure was met: it shows that there was a storm."""

    async def read(self, number: int) -> None:
        """Be a reader, who posts one comment after the other, each until it is accepted."""
        accepted: list[tuple[Sent, Mapping[str, Any]]] = []
        for serial in range(1_000_000):
            if self.over:
                return
            text = f"Reader {number} says {serial} of many things."
            sent = Sent(text=text, article=ARTICLES[serial % len(ARTICLES)])
            if accepted and serial % 4 == 0:
                above, answer = accepted[-1]
                sent = Sent(
                    text=text,
                    article=above.article,
                    parent=answer["comment"]["id"],
                    token=answer["receipt"],
                )
            told = await self._post(sent)
            if told is not None:
                accepted.append((sent, told))
            if serial % 5 == 0:
                again, first = self.dice.choice(accepted)
                replay = await self._post(again)
                assert replay is not None
                assert replay["receipt"] == first["receipt"]

    async def moderate(self) -> None:
        """Be a moderator, who claims and decides."""
        claims = {"site": self.paper.slug, "lane": "held", "limit": 10}
        while not self.over:
            items = (await self._surely("/v1/moderation/claims", claims)).expect(200)["items"]
            if items:
                ids = [item["comment"]["id"] for item in items]
                await self._decide([wish(self.dice.choice(ACTIONS), each) for each in ids])
            else:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _post(self, sent: Sent) -> Mapping[str, Any] | None:
        """Post until it is accepted; None when its parent was rejected meanwhile."""
        self.ledger.sent[sent.key] = sent.text
        while True:
            try:
                answer = await self.paper.send(
                    sent.text,
                    article=sent.article,
                    parent=sent.parent,
                    token=sent.token,
                    key=sent.key,
                )
            except Failed as error:
                await self._failed(type(error).__name__)
                continue
            if answer.status == 503:
                await self._failed(answer.refused(503))
                continue
            if answer.status == 409 and sent.parent is not None:
                assert answer.refused(409) == "parent_not_published"
                return None
            told: Mapping[str, Any] = answer.expect(202)
            self.ledger.posts[sent.key].add(told["comment"]["id"])
            self.posts += 1
            return told

    async def _decide(self, decisions: Sequence[Mapping[str, Any]]) -> None:
        body = {"decisions": decisions}
        answer = await self._surely("/v1/moderation/decisions", body)
        for decision, result in zip(decisions, answer.expect(200)["results"], strict=True):
            outcome = result["outcome"]
            assert outcome in APPLIED | NOT_NOW, result
            if outcome in APPLIED:
                told = Told(*(decision[name] for name in Told._fields))
                self.ledger.decisions.append(told)
                self.decisions += 1

    async def _surely(self, path: str, body: Any) -> Answer:
        """Ask the same until it is answered; that is safe for decisions with ids of their own."""
        while True:
            try:
                answer = await self.paper.api("POST", path, body, token=self.paper.keys["moderate"])
            except Failed as error:
                await self._failed(type(error).__name__)
                continue
            if answer.status != 503:
                return answer
            await self._failed(answer.refused(503))

    async def _failed(self, how: str) -> None:
        self.met[how] += 1
        await asyncio.sleep(AGAIN_SECONDS)
