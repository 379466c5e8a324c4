"""Ready answers: one build for all, and no answer that an invalidation has overtaken."""

from __future__ import annotations

import asyncio
import bisect
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.errors import NotFound, Unavailable
from service.features.cache import Built, Cache, Counted, Entry, Tally, new_shelf
from service.features.cache_figures import Outcome, hear
from service.features.invalidation import Change
from service.features.pressure import Busy, Level
from service.features.rhythm import AT_ONCE, Rhythm
from service.features.shelf import LINGER_SECONDS
from service.telemetry import Metrics

STORY, OTHER = UUID(int=1), UUID(int=2)


@dataclass(slots=True)
class Clock:
    """Time that passes when a test says so."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(slots=True, kw_only=True)
class Press:
    """Builds pages of what is true when a build begins; a test may hold it up or break it."""

    truth: str = "first"
    article_ids: tuple[UUID, ...] = (STORY,)
    begun: int = 0
    failure: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def build(self) -> Built:
        self.begun += 1
        read = self.truth
        self.started.set()
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return Built(body=read.encode(), article_ids=self.article_ids, version=self.begun)

    def hold(self) -> None:
        """Let no build end, until `gate` is set."""
        self.gate.clear()
        self.started.clear()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outcomes() -> Counter[Outcome]:
    return Counter()


@pytest.fixture
def cache(clock: Clock, outcomes: Counter[Outcome]) -> Cache:
    def heard(outcome: Outcome) -> None:
        outcomes[outcome] += 1

    return Cache(clock=clock, heard=heard)


async def test_a_page_is_built_once_and_then_ready(
    cache: Cache, outcomes: Counter[Outcome]
) -> None:
    press = Press()
    assert cache.ready("page") is None

    built = await cache.get("page", press.build)

    assert built.body == b"first"
    assert built.article_ids == (STORY,)
    assert built.version == 1
    assert cache.ready("page") is built
    assert await cache.get("page", press.build) is built
    assert press.begun == 1
    assert outcomes == {"miss": 1, "built": 1, "hit": 2}


async def test_the_tag_is_strong_and_of_the_bytes_alone(cache: Cache) -> None:
    first = await cache.get("a", Press().build)
    same = await cache.get("b", Press(article_ids=(OTHER,)).build)
    other = await cache.get("c", Press(truth="second").build)

    assert first.etag == same.etag != other.etag
    assert first.etag[0] == first.etag[-1] == '"'


async def test_everybody_who_asks_meanwhile_waits_for_the_same_build(
    cache: Cache, outcomes: Counter[Outcome]
) -> None:
    press = Press()
    press.hold()
    asking = [asyncio.create_task(cache.get("page", press.build)) for _ in range(50)]
    await press.started.wait()
    press.gate.set()

    answers = await asyncio.gather(*asking)

    assert {answer.body for answer in answers} == {b"first"}
    assert press.begun == 1
    assert outcomes["joined"] == 49


async def test_a_build_goes_on_when_whoever_asked_has_left(cache: Cache) -> None:
    press = Press()
    press.hold()
    leaving = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    staying = asyncio.create_task(cache.get("page", press.build))
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    press.gate.set()

    assert (await staying).body == b"first"
    assert cache.ready("page") is not None
    assert press.begun == 1


async def test_a_build_that_began_before_an_invalidation_is_not_kept(cache: Cache) -> None:
    press = Press()
    press.hold()
    early = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    press.truth = "second"
    cache.invalidate([STORY], drop=False)
    late = asyncio.create_task(cache.get("page", press.build))
    await asyncio.sleep(0)
    press.gate.set()

    assert (await early).body == b"first"
    assert (await late).body == b"second"
    ready = cache.ready("page")
    assert ready is not None
    assert ready.body == b"second"
    assert press.begun == 2


async def test_an_invalidation_between_the_question_and_the_build_is_not_missed(
    cache: Cache,
) -> None:
    press = Press()
    asking = asyncio.create_task(cache.get("page", press.build))
    await asyncio.sleep(0)  # the build is begun, but has not run yet
    cache.invalidate([STORY], drop=False)
    await asking

    assert cache.ready("page") is None


async def test_an_invalidation_of_another_article_does_not_matter(cache: Cache) -> None:
    press = Press()
    press.hold()
    asking = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    cache.invalidate([OTHER], drop=True)
    press.gate.set()

    built = await asking
    assert cache.ready("page") is built


async def test_a_flush_during_a_build_wins(cache: Cache) -> None:
    press = Press()
    press.hold()
    asking = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    cache.flush()
    press.gate.set()
    await asking

    assert cache.ready("page") is None


@pytest.mark.parametrize("drop", [False, True])
async def test_an_invalidated_page_is_built_again(cache: Cache, drop: bool) -> None:  # noqa: FBT001
    press = Press(article_ids=(STORY, OTHER))
    await cache.get("page", press.build)
    press.truth = "second"
    cache.invalidate([OTHER], drop=drop)

    assert cache.ready("page") is None
    assert (await cache.get("page", press.build)).body == b"second"


async def test_a_page_is_believed_for_half_a_minute(cache: Cache, clock: Clock) -> None:
    press = Press()
    await cache.get("page", press.build)
    clock.seconds += 3.9
    assert cache.ready("page") is not None
    clock.seconds += 0.1
    assert cache.ready("page") is None
    await cache.get("page", press.build)
    assert press.begun == 2


async def test_stale_bytes_are_served_while_postgres_is_away(
    cache: Cache, clock: Clock, outcomes: Counter[Outcome]
) -> None:
    press = Press()
    built = await cache.get("page", press.build)
    press.failure = Unavailable()
    cache.invalidate([STORY], drop=False)

    assert await cache.get("page", press.build) is built
    assert await cache.get("page", press.build) is built
    assert press.begun == 2  # the next attempt is a second away
    assert outcomes["stale"] == 2
    clock.seconds += 1
    assert await cache.get("page", press.build) is built
    assert press.begun == 3

    press.failure, press.truth = None, "second"
    clock.seconds += 1
    assert (await cache.get("page", press.build)).body == b"second"


async def test_stale_bytes_are_served_for_ten_minutes(cache: Cache, clock: Clock) -> None:
    press = Press()
    built = await cache.get("page", press.build)
    press.failure = Unavailable()
    clock.seconds += 600
    assert await cache.get("page", press.build) is built
    clock.seconds += 1
    with pytest.raises(Unavailable):
        await cache.get("page", press.build)


async def test_under_pressure_nothing_is_built_and_stale_bytes_are_served(
    cache: Cache, outcomes: Counter[Outcome]
) -> None:
    press = Press()
    built = await cache.get("page", press.build)
    cache.pressure.level = Level.NO_BUILDS
    assert await cache.get("page", press.build) is built
    cache.invalidate([STORY], drop=False)

    assert await cache.get("page", press.build) is built
    with pytest.raises(Busy):
        await cache.get("another", press.build)
    assert press.begun == 1
    assert outcomes == {"miss": 1, "built": 1, "hit": 1, "inval": 1, "stale": 1}

    cache.pressure.level = Level.NO_WRITES
    press.truth = "second"
    assert (await cache.get("page", press.build)).body == b"second"


async def test_nothing_is_served_of_a_text_that_was_taken_away(cache: Cache) -> None:
    press = Press()
    await cache.get("page", press.build)
    press.failure = Unavailable()
    cache.invalidate([STORY], drop=False)
    await cache.get("page", press.build)
    cache.invalidate([STORY], drop=True)

    for _ in range(2):
        with pytest.raises(Unavailable):
            await cache.get("page", press.build)


async def test_stale_bytes_are_served_when_a_rebuild_takes_long(
    clock: Clock, outcomes: Counter[Outcome]
) -> None:
    cache = Cache(clock=clock, heard=lambda outcome: outcomes.update([outcome]))
    press = Press()
    built = await cache.get("page", press.build)
    cache.invalidate([STORY], drop=False)
    press.hold()
    press.truth = "second"
    first = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    clock.seconds += 1  # whoever asks now need not wait at all
    assert await cache.get("page", press.build) is built
    press.gate.set()

    assert (await first).body == b"second"
    ready = cache.ready("page")
    assert ready is not None
    assert ready.body == b"second"


async def test_patience_ends_while_a_rebuild_takes_long(clock: Clock) -> None:
    cache = Cache(clock=clock, patience_seconds=0.02)
    press = Press()
    built = await cache.get("page", press.build)
    cache.invalidate([STORY], drop=False)
    press.hold()
    assert await cache.get("page", press.build) is built
    press.gate.set()


async def test_bytes_dropped_during_a_long_rebuild_are_not_served(clock: Clock) -> None:
    cache = Cache(clock=clock, patience_seconds=0.02)
    press = Press()
    await cache.get("page", press.build)
    cache.invalidate([STORY], drop=False)
    press.hold()
    asking = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    press.truth = "without the text"
    cache.invalidate([STORY], drop=True)
    late = asyncio.create_task(cache.get("page", press.build))
    done, _ = await asyncio.wait((asking, late), timeout=0.1)
    assert done == set()
    press.gate.set()

    assert (await late).body == b"without the text"


async def test_a_build_has_a_time_limit(clock: Clock) -> None:
    cache = Cache(clock=clock, build_seconds=0.02)
    press = Press()
    press.hold()
    with pytest.raises(Unavailable) as refused:
        await cache.get("page", press.build)
    assert refused.value.stable_code == "too_slow"

    press.gate.set()
    assert (await cache.get("page", press.build)).body == b"first"


async def test_a_failure_that_is_no_absence_is_told_and_not_remembered(cache: Cache) -> None:
    press = Press()
    await cache.get("page", press.build)
    cache.invalidate([STORY], drop=False)
    press.failure = NotFound()
    with pytest.raises(NotFound):
        await cache.get("page", press.build)
    press.failure = None
    assert (await cache.get("page", press.build)).body == b"first"
    assert press.begun == 3


async def test_whoever_waits_is_told_when_the_process_ends(cache: Cache) -> None:
    press = Press()
    press.hold()
    asking = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    await cache.close()

    with pytest.raises(Unavailable):
        await asking


async def test_the_least_recently_used_bytes_make_room(clock: Clock) -> None:
    page = Press(truth="x" * 10_000)
    cache = Cache(clock=clock, shelf=new_shelf(max_bytes=40_000))
    for number in range(3):
        await cache.get(number, page.build)
    assert cache.ready(0) is not None
    await cache.get(3, page.build)

    assert [number for number in range(4) if cache.ready(number)] == [0, 2, 3]
    assert cache.shelf.used_bytes <= 40_000


async def test_one_page_never_takes_more_than_its_part(clock: Clock) -> None:
    cache = Cache(clock=clock, shelf=new_shelf(entry_max_bytes=5_000))
    press = Press(truth="x" * 5_000)
    assert len((await cache.get("page", press.build)).body) == 5_000
    assert cache.ready("page") is None
    assert len(cache.shelf) == 0


async def test_what_is_kept_is_accounted_for_to_the_last_byte(clock: Clock) -> None:
    chance = random.Random(3)  # noqa: S311 - a test may be repeated
    cache = Cache(clock=clock, shelf=new_shelf(max_bytes=30_000))
    articles = [UUID(int=number) for number in range(8)]
    for _ in range(2_000):
        clock.seconds += chance.random()
        ids = tuple(chance.sample(articles, chance.randrange(1, 4)))
        match chance.randrange(8):
            case 0:
                cache.invalidate(ids, drop=True)
            case 1:
                cache.invalidate(ids, drop=False)
            case 2 if chance.random() < 0.1:
                cache.flush()
            case _:
                press = Press(truth="x" * chance.randrange(4_000), article_ids=ids)
                await cache.get(chance.randrange(12), press.build)
        kept = cache.shelf._kept  # noqa: SLF001 - the books are what is examined
        assert cache.shelf.used_bytes == sum(entry.size for entry in kept.values()) <= 30_000
        assert cache.shelf._keys_of == {  # noqa: SLF001
            article: keys
            for article in articles
            if (keys := {key for key, entry in kept.items() if article in entry.article_ids})
        }
        assert cache.shelf._doomed <= set(cache.shelf._stale) <= set(kept)  # noqa: SLF001


async def test_many_invalidations_do_not_pile_up(cache: Cache) -> None:
    press = Press()
    press.hold()
    asking = asyncio.create_task(cache.get("page", press.build))
    await press.started.wait()
    cache.invalidate([STORY], drop=False)
    for number in range(60):
        cache.invalidate([UUID(int=1_000 * number + each) for each in range(1_000)], drop=False)
    press.gate.set()
    await asking

    assert len(cache.shelf._changed) <= 52_000  # noqa: SLF001 - its bound is what is examined
    assert cache.ready("page") is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    article_ids: tuple[UUID, ...]
    approved: int


@dataclass(slots=True, kw_only=True)
class Register:
    """Counts by article, with a list of what was asked."""

    truth: dict[UUID, int]
    asked: list[list[UUID]] = field(default_factory=list)
    failure: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, ids: Sequence[UUID]) -> Mapping[UUID, Counted]:
        self.asked.append(list(ids))
        read = dict(self.truth)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return {
            each: Count(article_ids=(each,), approved=read[each]) for each in ids if each in read
        }


@pytest.fixture
def register() -> Register:
    register = Register(truth={UUID(int=number): number for number in range(1, 6)})
    register.gate.set()
    return register


def approved(tallies: Mapping[UUID, Tally]) -> dict[int, int]:
    return {article.int: tally.approved for article, tally in tallies.items()}


def ids(numbers: Iterable[int]) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


async def _turns_of_the_loop() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_load_answers_for_all_counts_that_are_not_ready(
    cache: Cache, register: Register
) -> None:
    assert approved(await cache.counts(ids([1, 2, 9]), register.load)) == {1: 1, 2: 2, 9: 0}
    assert approved(await cache.counts(ids([3, 2, 2, 9, 4]), register.load)) == {
        3: 3,
        2: 2,
        9: 0,
        4: 4,
    }
    assert await cache.counts([], register.load) == {}
    assert register.asked == [ids([1, 2, 9]), ids([3, 4])]


async def test_counts_asked_for_at_once_are_loaded_once(cache: Cache, register: Register) -> None:
    register.gate.clear()
    asking = [
        asyncio.create_task(cache.counts(ids(numbers), register.load))
        for numbers in ([1, 2], [2, 3], [1, 3])
    ]
    await _turns_of_the_loop()
    assert len(register.asked) == 2
    register.gate.set()

    answers = await asyncio.gather(*asking)

    assert [approved(each) for each in answers] == [{1: 1, 2: 2}, {2: 2, 3: 3}, {1: 1, 3: 3}]
    assert register.asked == [ids([1, 2]), ids([3])]


async def test_a_count_that_changed_meanwhile_is_asked_for_again(
    cache: Cache, register: Register
) -> None:
    register.gate.clear()
    early = asyncio.create_task(cache.counts(ids([1, 2]), register.load))
    await _turns_of_the_loop()
    register.truth[UUID(int=1)] = 11
    cache.invalidate(ids([1]), drop=True)
    late = asyncio.create_task(cache.counts(ids([1, 2]), register.load))
    await asyncio.sleep(0)
    register.gate.set()

    assert approved(await early) == {1: 1, 2: 2}
    assert approved(await late) == {1: 11, 2: 2}
    assert register.asked == [ids([1, 2]), ids([1])]


async def test_counts_from_before_are_told_while_postgres_is_away(
    cache: Cache, register: Register, clock: Clock
) -> None:
    await cache.counts(ids([1, 2]), register.load)
    register.failure = Unavailable()
    cache.invalidate(ids([1]), drop=True)  # a count tells no text
    assert approved(await cache.counts(ids([1, 2]), register.load)) == {1: 1, 2: 2}
    with pytest.raises(Unavailable):
        await cache.counts(ids([1, 3]), register.load)
    clock.seconds += 601
    with pytest.raises(Unavailable):
        await cache.counts(ids([1]), register.load)


async def test_outcomes_are_counted_in_the_metrics(clock: Clock) -> None:
    metrics = Metrics()
    cache = Cache(clock=clock, heard=hear(metrics))
    press = Press()
    await cache.get("page", press.build)
    await cache.get("page", press.build)
    press.failure = Unavailable()
    cache.invalidate([STORY], drop=False)
    await cache.get("page", press.build)

    value: Callable[..., float | None] = metrics.registry.get_sample_value
    for name, expected in (("hits", 1.0), ("misses", 2.0), ("stale", 1.0), ("inval", 1.0)):
        assert value(f"postbag_cache_{name}_total") == expected
    for outcome in ("built", "failed"):
        assert value("postbag_cache_builds_total", {"outcome": outcome}) == 1.0


@pytest.mark.parametrize("at_once", [AT_ONCE, 1_000_000])
async def test_readers_never_see_less_than_was_invalidated_before_they_asked(
    clock: Clock, at_once: int
) -> None:
    """Random askers, builds that end in any order, truths that only grow.

    A page that changes all the time may lag by less than a second, and never goes back.
    """
    cache = Cache(clock=clock, rhythm=Rhythm(at_once=at_once))
    chance = random.Random(17)  # noqa: S311 - a test may be repeated
    truths = [clock.seconds]
    lagging = 0

    def told_for_sure() -> int:
        oldest = clock.seconds - (LINGER_SECONDS if at_once == AT_ONCE else 0)
        return bisect.bisect_right(truths, oldest) - 1

    async def build() -> Built:
        read = len(truths) - 1
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        return Built(body=str(read).encode(), article_ids=(STORY,))

    async def ask() -> None:
        nonlocal lagging
        told, latest = told_for_sure(), len(truths) - 1
        ready = cache.current("page")
        entry = ready or await cache.get("page", build)
        assert int(entry.body) >= told
        lagging += int(entry.body) < latest

    asking: set[asyncio.Task[None]] = set()
    for _ in range(3_000):
        clock.seconds += chance.random() * 0.02
        if chance.random() < 0.3:
            truths.append(clock.seconds)
            cache.invalidate([STORY], drop=chance.random() < 0.5)
        if chance.random() < 0.6:
            asking.add(asyncio.create_task(ask()))
        await asyncio.sleep(0)
    await asyncio.gather(*asking)
    assert (lagging > 0) is (at_once == AT_ONCE)
    clock.seconds += LINGER_SECONDS
    ready = await cache.get("page", build)
    assert int(ready.body) == len(truths) - 1


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - a thread compresses
            await asyncio.sleep(0.001)


async def decide_often(cache: Cache, press: Press) -> Entry:
    """Let a page be built as often as decisions are followed at once; return the last of them."""
    for number in range(AT_ONCE):
        press.truth = f"build {number}"
        cache.invalidate([STORY], drop=True)
        assert (await cache.get("page", press.build)).body == press.truth.encode()
    cache.invalidate([STORY], drop=False)
    press.truth = "stands"
    return await cache.get("page", press.build)


async def test_a_page_that_changes_all_the_time_is_built_four_times_a_second(
    cache: Cache, clock: Clock
) -> None:
    press = Press()
    await decide_often(cache, press)
    begun = press.begun
    for _ in range(100):
        clock.seconds += 0.02
        cache.invalidate([STORY], drop=True)
        await cache.get("page", press.build)
        await _turns_of_the_loop()
    assert 6 <= press.begun - begun <= 8

    clock.seconds += 10
    press.truth = "seen at once"
    cache.invalidate([STORY], drop=False)
    assert (await cache.get("page", press.build)).body == b"seen at once"


async def test_what_stands_is_served_until_its_successor_is_there(
    cache: Cache, clock: Clock
) -> None:
    press = Press()
    standing = await decide_often(cache, press)
    press.hold()
    press.truth = "next"
    cache.invalidate([STORY], drop=True)
    clock.seconds += 0.24
    assert cache.current("page") is standing
    clock.seconds += 0.02
    assert cache.current("page") is None  # so that somebody has it built
    assert cache.current("page") is standing  # one is enough
    assert await cache.get("page", press.build) is standing
    await press.started.wait()
    assert cache.current("page") is standing
    press.gate.set()
    await _turns_of_the_loop()
    successor = cache.current("page")
    assert successor is not None
    assert successor.body == b"next"


async def test_a_text_that_was_taken_away_is_gone_within_a_second_however_slow_a_build_is(
    cache: Cache, clock: Clock
) -> None:
    press = Press()
    standing = await decide_often(cache, press)
    press.hold()
    press.truth = "without the text"
    cache.invalidate([STORY], drop=True)
    clock.seconds += 0.3
    assert await cache.get("page", press.build) is standing
    await press.started.wait()
    clock.seconds += 0.5
    assert cache.current("page") is None
    late = asyncio.create_task(cache.get("page", press.build))
    await asyncio.sleep(0)
    assert not late.done()  # neither what stood nor stale bytes
    press.gate.set()
    assert (await late).body == b"without the text"
    cache.invalidate([OTHER], drop=False)
    assert cache.shelf.any_since("page", 0.0) is not standing


async def test_a_page_whose_successor_nobody_came_to_build_is_gone_as_soon(
    cache: Cache, clock: Clock
) -> None:
    press = Press()
    for truth in ("next", "last"):
        standing = await decide_often(cache, press)
        press.truth = truth
        cache.invalidate([STORY], drop=True)
        clock.seconds += 0.3
        assert cache.current("page") is None  # whoever was called has left
        assert cache.current("page") is standing
        clock.seconds += 0.5
        assert cache.current("page") is None
        assert (await cache.get("page", press.build)).body == truth.encode()
        clock.seconds += 10


async def test_what_lingers_is_no_help_in_need_once_a_text_was_taken_away(
    cache: Cache, clock: Clock
) -> None:
    press = Press()
    standing = await decide_often(cache, press)
    cache.invalidate([STORY], drop=True)
    press.failure = Unavailable()
    clock.seconds += 0.3
    assert await cache.get("page", press.build) is standing
    await _turns_of_the_loop()
    clock.seconds += 0.5
    with pytest.raises(Unavailable):
        await cache.get("page", press.build)


async def test_a_build_that_began_earlier_never_takes_the_place_of_a_later_one(
    cache: Cache, clock: Clock
) -> None:
    newer = await cache.get("page", Press(truth="newer").build)
    older = replace(newer, body=b"older", built_at=newer.built_at - 0.1)
    now = clock.seconds
    assert not cache.shelf.put("page", older, begun=cache.shelf.changes, now=now)
    assert cache.ready("page") is newer


async def test_a_page_whose_forms_are_wanted_follows_with_its_forms(clock: Clock) -> None:
    cache = Cache(clock=clock, press=lambda body: {"br": body[::-1]})
    press = Press()
    cache.compress("page", await decide_often(cache, press))
    await until(lambda: bool(current(cache).forms))
    press.truth = "next"
    cache.invalidate([STORY], drop=False)
    clock.seconds += 0.26
    await cache.get("page", press.build)
    await until(lambda: current(cache).body == b"next")
    assert current(cache).forms == {"br": b"txen"}


def current(cache: Cache) -> Entry:
    entry = cache.current("page")
    assert entry is not None
    return entry


def test_a_change_survives_the_channel() -> None:
    told = ("a-comment:a-decision",)
    change = Change(origin="a1", site_id=3, article_ids=(STORY, OTHER), drop=True, decided=told)

    assert Change.decode(change.encode()) == change


def test_a_change_of_the_release_before_names_no_decisions() -> None:
    written = b'{"from":"a1","site":3,"articles":[],"drop":false}'

    assert Change.decode(written) == Change(origin="a1", site_id=3, article_ids=(), drop=False)


@pytest.mark.parametrize(
    "message", [b"", b"\xff", b"[]", b"null", b"{}", b'{"from":"a","site":1,"articles":["x"]}']
)
def test_a_message_of_another_release_is_not_understood(message: bytes) -> None:
    assert Change.decode(message) is None
