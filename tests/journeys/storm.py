"""Readers and moderators who go on whatever dies, and who write down what they are promised."""

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
from tests.journeys.sentences import sentence

AGAIN_SECONDS = (0.02, 0.3)
"""Before a request that got no promise is sent again, at least and at most: who asks without a
pause takes the time that the service needs to come back."""
ARTICLES = tuple(f"story-{number}" for number in range(1, 101))
"""So many that those who decide meet on one now and then, and not always."""
CLAIMED = 50
"""What a moderator takes at once, at most."""
ACTIONS = ("approve", "approve", "reject")
WITHDRAWN = 0.3
"""Share of authors' second thoughts that take a comment back; the others change it."""
UNDONE = 0.03
"""Share of a moderator's decisions that are taken back."""
APPLIED = frozenset({"applied", "replayed"})
NOT_NOW = frozenset({"conflict", "parent_pending", "stale", "leased", "not_found"})
"""What is told of a comment whose parent was rejected or waits, and of one that its author, or
another moderator, changed meanwhile."""
RECEIPT = "receipt"


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
    pause_seconds: float = 0.0
    """Of a reader between two comments, on average: who never pauses keeps every core busy, and
    then whatever comes back comes back slowly."""
    second_thoughts: bool = False
    """Whether authors change and withdraw comments, and moderators undo decisions."""
    over: bool = False
    posts: int = 0
    """Promises that a comment is kept."""
    decisions: int = 0
    """Promises that a decision is made."""
    changes: int = 0
    """Promises that a comment is changed or gone, or a decision taken back."""
    met: Counter[str] = field(default_factory=Counter)
    """How often each failure was met: it shows that there was a storm."""

    faults: int = 0
    """Until now."""
    at_work: set[str] = field(default_factory=set)
    """Who was promised something that they asked for after the latest fault."""

    def note_fault(self) -> None:
        """Take nobody for being at work: answers are on their way that were given before."""
        self.faults += 1
        self.at_work.clear()

    async def read(self, number: int) -> None:
        """Be a reader, who posts one comment after the other, each until it is accepted."""
        accepted: list[tuple[Sent, Mapping[str, Any]]] = []
        for serial in range(1_000_000):
            if self.over:
                return
            await asyncio.sleep(self.dice.uniform(0.0, 2 * self.pause_seconds))
            text = sentence(f"Reader {number}, {serial}")
            sent = Sent(text=text, article=self.dice.choice(ARTICLES))
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
                assert replay[RECEIPT] == first[RECEIPT]
            if self.second_thoughts and serial % 7 == 6:
                await self._change_mind(*self.dice.choice(accepted))

    async def moderate(self, by: str = "moderate") -> None:
        """Be a moderator, who claims and decides."""
        claims = {"site": self.paper.slug, "lane": "held", "limit": CLAIMED}
        while not self.over:
            answer = await self._surely(
                "POST", "/v1/moderation/claims", claims, self.paper.keys[by]
            )
            items = [item["comment"] for item in answer.expect(200)["items"]]
            if items:
                await self._decide(
                    [
                        wish(self.dice.choice(ACTIONS), each["id"], revision=each["revision"])
                        for each in items
                    ],
                    by,
                )
            else:
                await self._pause()

    async def _post(self, sent: Sent) -> Mapping[str, Any] | None:
        """Post until it is accepted; None when its parent was rejected meanwhile."""
        self.ledger.sent[sent.key] = sent.text
        while True:
            faults = self.faults
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
            self._note_at_work("reader", faults)
            return told

    async def _change_mind(self, sent: Sent, told: Mapping[str, Any]) -> None:
        """Say it better, or take it back; both may be too late."""
        comment_id, token = told["comment"]["id"], told[RECEIPT]
        path = f"{self.paper.path}/comments/{comment_id}"
        if comment_id in self.ledger.taken_back:
            return
        if self.dice.random() < WITHDRAWN:
            if (await self._surely("DELETE", path, None, token)).status == 204:
                self.ledger.taken_back.add(comment_id)
                self.changes += 1
            return
        text = f"{sent.text} Said better, {len(self.ledger.edits[comment_id]) + 1}."
        self.ledger.edits[comment_id].append(text)
        body = {"body": text, "revision": 1}
        if (await self._surely("PATCH", path, body, token)).status == 200:
            self.ledger.edited[comment_id] = text
            self.changes += 1

    async def _decide(self, decisions: Sequence[Mapping[str, Any]], by: str) -> None:
        token, faults = self.paper.keys[by], self.faults
        answer = await self._surely(
            "POST", "/v1/moderation/decisions", {"decisions": decisions}, token
        )
        for decision, result in zip(decisions, answer.expect(200)["results"], strict=True):
            outcome = result["outcome"]
            assert outcome in APPLIED | NOT_NOW, result
            if outcome in APPLIED:
                told = Told(*(decision[name] for name in Told._fields))
                self.ledger.decisions.append(told)
                self.decisions += 1
                self._note_at_work("moderator", faults)
        if self.second_thoughts and self.ledger.decisions:
            regretted = sum(self.dice.random() < UNDONE for _ in decisions)
            undone = self.dice.choices(self.ledger.decisions, k=regretted)
            await asyncio.gather(*(self._undo(told, token) for told in undone))

    async def _undo(self, told: Told, token: str) -> None:
        """Take a decision back, unless the comment was decided since or its author took it."""
        path = f"/v1/moderation/decisions/{told.decision_id}/reverse"
        answer = await self._surely("POST", path, {"comment_id": told.comment_id}, token)
        if answer.status != 200:
            assert answer.status in {404, 409}, answer.raw
            return
        made = answer.json["decision"]
        undone = Told(told.comment_id, made["decision_id"], "reverse", made["revision"])
        if undone not in self.ledger.decisions:
            self.ledger.decisions.append(undone)
            self.changes += 1

    async def _surely(self, method: str, path: str, body: Any, token: str) -> Answer:
        """Ask the same until it is answered; whoever is asked makes a repetition harmless."""
        while True:
            try:
                answer = await self.paper.api(method, path, body, token=token)
            except Failed as error:
                await self._failed(type(error).__name__)
                continue
            if answer.status != 503:
                return answer
            await self._failed(answer.refused(503))

    def _note_at_work(self, who: str, faults: int) -> None:
        if faults == self.faults:
            self.at_work.add(who)

    async def _failed(self, how: str) -> None:
        self.met[how] += 1
        await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(self.dice.uniform(*AGAIN_SECONDS))
