"""Everything people do, in any order, beside a dictionary that says what has to come of it.

The service dies and Redis forgets everything in between. POSTBAG_TEST_EXAMPLES says how many
stories are told; a story that fails is printed as the calls it was made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    rule,
    run_state_machine_as_test,
)

from service.crash import Point
from service.storage.redis import Keys
from tests.faults.operations import WAYS
from tests.faults.sizes import LITTLE_AND_MUCH, size
from tests.faults.stage import APPLIED, SITE, Stage
from tests.journeys.api import Posted, wish, within
from tests.journeys.invariants import Told, violations

pytestmark = [pytest.mark.timeout(7_200), pytest.mark.parametrize("amount", LITTLE_AND_MUCH)]

STEPS = 15
TELL_EVERY = 20
"""Stories."""
STEP_SECONDS = 120.0
REFILL_SECONDS = 10.0
"""When a Redis that forgot everything is filled up again."""
JUMPED = "numbers are missing"
"""Where Redis forgets a number that nobody had noted yet, the next ones jump by a thousand, so that
none is given twice: gaps say nothing here (I18)."""
CRASHES = (
    Point.ACCEPT_STORED,
    Point.JOURNAL_WRITTEN,
    Point.EDIT_STORED,
    Point.DECIDE_WRITTEN,
    Point.DECIDE_COMMITTED,
    Point.DECIDE_FINISHED,
    Point.DECIDE_REQUEUED,
    Point.RELAY_TOLD,
    Point.REFILL_RESTORED,
)

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of a comment by those who did everything that was done to it."""

    posted: Posted
    text: str
    author: str
    status: str = "pending"
    revision: int = 1
    decision_id: str = ""
    """The latest, as long as it can be undone."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """Does things to comments and holds the answers beside the model."""

    stage: Stage
    loop: asyncio.AbstractEventLoop
    model: dict[str, Known]
    told: Callable[[str], None]
    steps: int = 0
    stories: int = 0

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        """Take a step in the loop of the stores.

        What fails is told at once: hypothesis tells the story again, and it may not fail then.
        """
        self.steps += 1
        try:
            return asyncio.run_coroutine_threadsafe(step, self.loop).result(STEP_SECONDS)
        except Exception as error:
            self.told(f"Step {self.steps}: {type(error).__name__} {error}")
            raise

    async def post(self, ways: int) -> str:
        """Post something, so many times at once."""
        posted = await self.stage.post(ways=ways)
        origin = await self.stage.redis.hget(Keys(SITE).item(posted.id), "origin")
        author = orjson.loads(origin or "")["author"]["author_id"]
        self.model[posted.id] = Known(posted=posted, text=posted.text, author=author)
        return posted.id

    async def again(self, comment_id: str) -> None:
        """Send what was posted once more."""
        if self.model[comment_id].status != "deleted":
            await self.stage.again(self.model[comment_id].posted)

    async def edit(self, comment_id: str) -> None:
        """Say it better while it waits."""
        known, ledger = self.model[comment_id], self.stage.ledger
        if known.status != "pending":
            return
        path, token = f"{self.stage.paper.path}/comments/{comment_id}", known.posted.receipt
        text = f"{known.posted.text} Better, {known.revision}."
        ledger.edits[comment_id].append(text)
        body = {"body": text, "revision": known.revision}
        answer = await self.stage.surely("PATCH", path, body, token=token)
        if answer.status != 200:  # the first answer was lost with the process
            assert answer.refused(409) == "stale_revision"
        ledger.edited[comment_id] = known.text = text
        known.revision += 1

    async def withdraw(self, comment_id: str) -> None:
        """Take it back as its author."""
        known = self.model[comment_id]
        path = f"{self.stage.paper.path}/comments/{comment_id}"
        answer = await self.stage.surely("DELETE", path, token=known.posted.receipt)
        assert answer.status == 204, answer.raw
        self.gone(comment_id)

    async def erase(self, comment_id: str) -> None:
        """Forget whoever wrote it."""
        known = self.model[comment_id]
        path = f"{self.stage.paper.path}/readers/{known.author}"
        answer = await self.stage.surely("DELETE", path, token=self.stage.paper.keys["manage"])
        if answer.status != 404:  # after an answer that was lost with the process
            assert answer.expect(200)["state"] in {"done", "running"}
        self.gone(comment_id)
        known.author = ""

    def gone(self, comment_id: str) -> None:
        """Expect nothing of a comment any more."""
        self.stage.ledger.taken_back.add(comment_id)
        self.model[comment_id].status, self.model[comment_id].decision_id = "deleted", ""

    async def claim(self, number: int) -> None:
        """Be handed what waits, and nothing else."""
        claims = {"site": self.stage.paper.slug, "lane": "held", "limit": number}
        token = self.stage.paper.keys["moderate"]
        answer = await self.stage.surely("POST", "/v1/moderation/claims", claims, token=token)
        for item in answer.expect(200)["items"]:
            known = self.model[item["comment"]["id"]]
            assert (known.status, known.text) == ("pending", item["comment"]["text"])

    async def decide(self, action: str, comment_id: str, *, too_old: bool) -> None:
        """Decide, also what is decided already, or on a text that is not there."""
        known = self.model[comment_id]
        revision = known.revision - too_old
        said = wish(action, comment_id, revision=max(1, revision))
        (result,) = await self.stage.decide([said])
        if known.status != "pending":
            assert result["outcome"] in {"conflict", "not_found"}, (known, result)
        elif said["revision"] != known.revision:
            assert result["outcome"] == "stale", (known, result)
        else:
            assert result["outcome"] in APPLIED, (known, result)
            known.status = {"approve": "approved", "reject": "rejected"}[action]
            known.decision_id = said["decision_id"]

    async def undo(self, comment_id: str) -> None:
        """Take the latest decision back."""
        known = self.model[comment_id]
        if not known.decision_id:
            return
        path = f"/v1/moderation/decisions/{known.decision_id}/reverse"
        body, token = {"comment_id": comment_id}, self.stage.paper.keys["moderate"]
        made = (await self.stage.surely("POST", path, body, token=token)).expect(200)["decision"]
        told = Told(comment_id, made["decision_id"], "reverse", made["revision"])
        self.stage.ledger.decisions.append(told)
        known.status, known.decision_id = "pending", ""

    async def empty(self) -> None:
        """Let Redis forget everything once the journal has all of it."""
        await self.stage.at_rest()
        await self.stage.redis.flushdb()

    async def check(self) -> None:
        """Let everything come to rest and hold it beside the model."""
        await self.stage.service.arm("")

        async def is_open() -> bool:
            return bool(await self.stage.redis.hexists(Keys(SITE).meta, "epoch"))

        await within(REFILL_SECONDS, is_open)
        stores = await self.stage.at_rest()
        broken = violations(self.stage.ledger, stores)
        assert [each for each in broken if JUMPED not in each] == []
        for comment_id, known in self.model.items():
            latest = stores.latest(comment_id)
            assert (latest["status"] if latest else "pending") == known.status, comment_id
        answer = await self.stage.surely("GET", f"{self.stage.paper.article('story-1')}/count")
        public = sum(known.status == "approved" for known in self.model.values())
        assert answer.expect(200)["count"] == public
        self.stories += 1
        if self.stories % TELL_EVERY == 0:
            self.told(f"{self.stories} stories, {self.steps} steps")


def machine(desk: Desk) -> type[RuleBasedStateMachine]:  # noqa: C901 - a rule for each thing people do
    """Return the rules by which stories are told at a desk."""

    class Story(RuleBasedStateMachine):
        comments: Bundle[str] = Bundle("comments")

        @rule(target=comments, ways=st.sampled_from((1, WAYS)))
        def post(self, ways: int) -> str:
            return desk.do(desk.post(ways))

        @rule(comment=comments)
        def again(self, comment: str) -> None:
            desk.do(desk.again(comment))

        @rule(comment=comments)
        def edit(self, comment: str) -> None:
            desk.do(desk.edit(comment))

        @rule(comment=consumes(comments))
        def withdraw(self, comment: str) -> None:
            desk.do(desk.withdraw(comment))

        @rule(comment=consumes(comments))
        def erase(self, comment: str) -> None:
            desk.do(desk.erase(comment))

        @rule(number=st.integers(1, 3))
        def claim(self, number: int) -> None:
            desk.do(desk.claim(number))

        @rule(comment=comments, too_old=st.booleans())
        def approve(self, comment: str, too_old: bool) -> None:  # noqa: FBT001 - hypothesis' way
            desk.do(desk.decide("approve", comment, too_old=too_old))

        @rule(comment=comments, too_old=st.booleans())
        def reject(self, comment: str, too_old: bool) -> None:  # noqa: FBT001 - hypothesis' way
            desk.do(desk.decide("reject", comment, too_old=too_old))

        @rule(comment=comments)
        def undo(self, comment: str) -> None:
            desk.do(desk.undo(comment))

        @rule(point=st.sampled_from(CRASHES))
        def crash(self, point: Point) -> None:
            desk.do(desk.stage.service.arm(point))

        @rule()
        def empty_redis(self) -> None:
            desk.do(desk.empty())

        def teardown(self) -> None:
            desk.do(desk.check())

    return Story


async def test_whatever_is_done_in_whatever_order_is_what_a_dictionary_says(
    stage: Stage, tell: Callable[[str], None], amount: str
) -> None:
    examples = size("EXAMPLES", amount, little=2, much=200)
    desk = Desk(stage=stage, loop=asyncio.get_running_loop(), model={}, told=tell)
    few = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=amount == "little",
        phases=[Phase.generate],  # the stores remember: a story cannot be told again, shorter
        suppress_health_check=list(HealthCheck),
    )

    await asyncio.to_thread(run_state_machine_as_test, machine(desk), settings=few)

    deaths = len(stage.service.deaths)
    tell(
        f"{examples} stories of up to {STEPS} steps, {desk.steps} steps, {len(desk.model)}"
        f" comments, {len(stage.ledger.decisions)} decisions, {deaths} crashes."
    )
    assert desk.model
