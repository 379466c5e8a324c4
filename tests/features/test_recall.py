"""Answers remembered: asked once, fresh for a moment, kept for an outage."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from service.errors import Unavailable
from service.features.recall import ALONG_SECONDS, FRESH_SECONDS, PAUSE_SECONDS, Recall


@dataclass
class Oracle:
    """Answers questions, slowly or not at all when told so."""

    answer: str | None = "one"
    failing: bool = False
    slow: asyncio.Event | None = None
    asked: Counter[str] = field(default_factory=Counter)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 1_000.0

    async def ask(self, key: str = "k") -> str | None:
        self.asked[key] += 1
        self.begun.set()
        answer = self.answer
        if self.slow is not None:
            await self.slow.wait()
        if self.failing:
            raise Unavailable
        return answer

    def clock(self) -> float:
        return self.now


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def recall(oracle: Oracle) -> Recall[str, str | None]:
    return Recall(kept_seconds=60.0, entries_max=3, clock=oracle.clock)


async def test_all_who_ask_at_once_share_one_look_up(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    answers = await asyncio.gather(*(recall.get("k", oracle.ask) for _ in range(50)))

    assert answers == ["one"] * 50
    assert oracle.asked["k"] == 1


async def test_an_answer_is_believed_while_it_is_fresh(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.answer = "two"

    oracle.now += FRESH_SECONDS - 0.01
    assert await recall.get("k", oracle.ask) == "one"
    oracle.now += 0.01
    assert await recall.get("k", oracle.ask) == "two"
    assert oracle.asked["k"] == 2


async def test_an_older_answer_is_kept_for_an_outage_and_no_longer(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.failing = True

    oracle.now += 59.9
    assert await recall.get("k", oracle.ask) == "one"
    oracle.now += 0.1
    with pytest.raises(Unavailable):
        await recall.get("k", oracle.ask)


async def test_a_failed_look_up_is_not_repeated_at_once(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.failing = True
    oracle.now += 10

    for _ in range(5):
        assert await recall.get("k", oracle.ask) == "one"
    assert oracle.asked["k"] == 2

    oracle.failing = False
    oracle.answer = "two"
    oracle.now += PAUSE_SECONDS
    assert await recall.get("k", oracle.ask) == "two"


async def test_nothing_is_an_answer_that_no_outage_keeps(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    oracle.answer = None
    assert await recall.get("k", oracle.ask) is None
    assert await recall.get("k", oracle.ask) is None
    assert oracle.asked["k"] == 1

    oracle.failing = True
    oracle.now += FRESH_SECONDS
    with pytest.raises(Unavailable):
        await recall.get("k", oracle.ask)


async def test_nobody_waits_long_for_a_look_up_that_hangs(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.slow = asyncio.Event()
    oracle.now += FRESH_SECONDS

    async with asyncio.timeout(0.9):
        assert await recall.get("k", oracle.ask) == "one"
    async with asyncio.timeout(3):
        with pytest.raises(Unavailable):
            await recall.get("new", oracle.ask)

    oracle.slow.set()


async def test_an_answer_that_came_too_late_is_there_for_the_next(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.answer, oracle.slow = "two", asyncio.Event()
    oracle.now += FRESH_SECONDS
    assert await recall.get("k", oracle.ask) == "one"

    oracle.slow.set()
    async with asyncio.timeout(5):
        while True:
            if await recall.get("k", oracle.ask) == "two":
                break
            await asyncio.sleep(0)
    assert oracle.asked["k"] == 2


async def test_what_is_known_first_hand_outlives_a_look_up_under_way(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    oracle.slow = asyncio.Event()
    waiting = asyncio.create_task(recall.get("k", oracle.ask))
    await oracle.begun.wait()

    recall.put("k", "newer")
    oracle.slow.set()
    await waiting

    assert await recall.get("k", oracle.ask) == "newer"
    assert oracle.asked["k"] == 1


async def test_what_was_forgotten_is_asked_for_again(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    await recall.get("k", oracle.ask)
    oracle.answer = "two"
    recall.forget("k")

    assert await recall.get("k", oracle.ask) == "two"


async def test_who_gives_up_does_not_end_the_look_up_of_others(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    oracle.slow = asyncio.Event()
    first = asyncio.create_task(recall.get("k", oracle.ask))
    second = asyncio.create_task(recall.get("k", oracle.ask))
    await oracle.begun.wait()

    first.cancel()
    oracle.slow.set()

    assert await second == "one"
    assert oracle.asked["k"] == 1


async def test_made_up_names_push_out_only_what_nobody_asks_for(
    recall: Recall[str, str | None], oracle: Oracle
) -> None:
    for key in ("used", "a", "b", "used", "c", "used", "d", "used"):
        await recall.get(key, lambda key=key: oracle.ask(key))  # type: ignore[misc]

    assert oracle.asked["used"] == 1
    await recall.get("a", lambda: oracle.ask("a"))
    assert oracle.asked["a"] == 2


async def test_a_bug_is_told_to_whoever_asked(recall: Recall[str, str | None]) -> None:
    async def broken() -> str | None:
        raise LookupError

    with pytest.raises(LookupError):
        await recall.get("k", broken)


@dataclass
class Register:
    """Answers questions about many keys, and remembers which came together."""

    edition: int = 1
    asked: list[set[str]] = field(default_factory=list)
    slow: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, keys: Sequence[str]) -> dict[str, str | None]:
        self.asked.append(set(keys))
        answers: dict[str, str | None] = {key: f"{key}{self.edition}" for key in keys}
        if self.slow is not None:
            self.begun.set()
            await self.slow.wait()
        return answers


async def test_what_is_in_use_and_soon_too_old_is_asked_for_together(oracle: Oracle) -> None:
    recall: Recall[str, str | None] = Recall(clock=oracle.clock)
    register = Register()
    for key in "abc":
        await recall.get_along(key, register.ask)
    oracle.now += ALONG_SECONDS
    for key in "ab":
        await recall.get_along(key, register.ask)
    register.edition = 2
    oracle.now += FRESH_SECONDS - ALONG_SECONDS

    assert await recall.get_along("a", register.ask) == "a2"
    assert await recall.get_along("b", register.ask) == "b2"
    assert register.asked == [{"a"}, {"b"}, {"c"}, {"a", "b"}]


async def test_of_what_is_asked_for_along_a_look_up_from_before_a_change_is_not_believed(
    oracle: Oracle,
) -> None:
    recall: Recall[str, str | None] = Recall(clock=oracle.clock)
    register = Register()
    for key in "aabb":
        await recall.get_along(key, register.ask)
    oracle.now += FRESH_SECONDS
    register.slow = asyncio.Event()
    asking = asyncio.create_task(recall.get_along("a", register.ask))
    await register.begun.wait()

    recall.put("b", "changed")
    register.slow.set()

    assert await asking == "a1"
    assert register.asked[-1] == {"a", "b"}
    assert await recall.get_along("b", register.ask) == "changed"
