"""The breakers of a process's stores, and what each store's failures say to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self, TypeAlias

import asyncpg
from msgspec import Struct, field
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.breaker import Breaker, Permit, State
from service.errors import Failure, Unavailable
from service.storage.dependency import DatabaseUnavailable, says_away
from service.telemetry import spend

if TYPE_CHECKING:
    from collections.abc import Iterable

GAVE_UP_SECONDS = 0.5
"""Whoever waited so long and went away met a store that hangs, unless others were answered."""
CANNOT_WRITE = frozenset({"53100", "25006"})
"""SQLSTATEs of a server that reads and does not write: its disk is full, or it is a replica."""
ALIVE_CLASSES = frozenset({"40", "25", "55"})
"""SQLSTATE classes that are answered 503 and yet come of a server that works: deadlocks, locks."""

Heard: TypeAlias = Callable[[str, State], None]


def _unheard(_: str, __: State) -> None:
    """Tell nobody."""


class Breakers(Struct, frozen=True, kw_only=True):
    """One for each of what can fail by itself."""

    redis: Breaker = field(default_factory=Breaker)
    postgres_read: Breaker = field(default_factory=Breaker)
    """Of statements that stand alone; most of them read."""
    postgres_write: Breaker = field(default_factory=Breaker)
    """Of transactions, and of whatever is refused because nothing can be written."""

    @classmethod
    def told(cls, heard: Heard) -> Self:
        """Make three that tell their names with their states."""
        names = ("redis", "postgres_read", "postgres_write")
        for name in names:
            heard(name, "closed")
        return cls(**{name: Breaker(heard=partial(heard, name)) for name in names})

    def states(self) -> Mapping[str, State]:
        """Return how each stands, by name."""
        return {
            "redis": self.redis.state,
            "postgres_read": self.postgres_read.state,
            "postgres_write": self.postgres_write.state,
        }


class GuardedPool(asyncpg.Pool):  # type: ignore[misc]
    """A pool that is not asked while its server is away, and that keeps room for both lanes.

    A rush of reads leaves connections for what is decided, and the other way round.
    """

    __slots__ = ("breakers", "heard_wait", "lane_of_reads", "lane_of_writes")

    breakers: Breakers | None
    heard_wait: Callable[[float], None] | None
    """Told how long each has waited for a connection, in seconds."""
    lane_of_reads: asyncio.Semaphore
    lane_of_writes: asyncio.Semaphore

    def divide(self) -> None:
        """Leave a quarter of the connections to whoever else than one lane comes."""
        each = self.get_max_size() - self.get_max_size() // 4
        self.lane_of_reads = asyncio.Semaphore(each)
        self.lane_of_writes = asyncio.Semaphore(each)


def breakers_of(pool: asyncpg.Pool[asyncpg.Record]) -> Breakers | None:
    """Return the breakers that a pool was opened with."""
    return pool.breakers if isinstance(pool, GuardedPool) else None


@contextmanager
def guarded(pool: asyncpg.Pool[asyncpg.Record], *, writes: bool) -> Iterator[None]:
    """Ask Postgres inside the block, unless its breaker is open, and tell it what came of it.

    Raises:
        DatabaseUnavailable: it is open; nothing was asked.
    """
    breakers = breakers_of(pool)
    if breakers is None:
        yield
        return
    breaker = breakers.postgres_write if writes else breakers.postgres_read
    clock = asyncio.get_running_loop().time
    begun = clock()
    permit = breaker.ask(begun)
    if permit is None:
        raise DatabaseUnavailable(outcome_unknown=False)
    try:
        yield
    except BaseException as error:
        spend("postgres", clock() - begun)
        _tell(error, breaker, permit, clock())
        if not writes and _cannot_write(error):
            leave = breakers.postgres_write.ask(clock())
            if leave is not None:
                breakers.postgres_write.failed(leave, clock())
        raise
    spend("postgres", clock() - begun)
    breaker.succeeded(permit, clock())


def _tell(error: BaseException, breaker: Breaker, permit: Permit, at: float) -> None:
    if isinstance(error, asyncio.CancelledError | TimeoutError):
        is_early = isinstance(error, asyncio.CancelledError) and at - permit.at < GAVE_UP_SECONDS
        if not is_early and breaker.was_silent(permit):
            breaker.failed(permit, at)
    elif isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", None) or "")
        is_alive = not says_away(error) or state[:2] in ALIVE_CLASSES or _cannot_write(error)
        (breaker.succeeded if is_alive else breaker.failed)(permit, at)
    elif says_away(error):
        breaker.failed(permit, at)
    elif isinstance(error, Failure) and not isinstance(error, Unavailable):
        breaker.succeeded(permit, at)  # it was answered, and what it said was no


def _cannot_write(error: BaseException) -> bool:
    return isinstance(error, asyncpg.PostgresError) and (
        str(getattr(error, "sqlstate", None) or "") in CANNOT_WRITE
    )


class GuardedConnection(AbstractConnection):
    """A connection to Redis that is not opened or written to while its server is away.

    One question is one command, or one opening with its greetings; the first answer is enough.
    What blocks on purpose, a line that listens, has no question open and says nothing.
    """

    breaker: Breaker | None = None
    _permit: Permit | None = None

    async def connect(self) -> None:
        """Open it.

        Raises:
            RedisConnectionError: the breaker is open.
        """
        if self.is_connected:
            return
        with self._asking():
            await super().connect()  # type: ignore[no-untyped-call]

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - as the client's own method
    ) -> None:
        """Send a command.

        Raises:
            RedisConnectionError: the breaker is open.
        """
        with self._asking():
            await super().send_packed_command(command, check_health)

    async def read_response(self, *args: object, **named: object) -> object:
        """Read an answer."""
        try:
            answer: object = await super().read_response(*args, **named)  # type: ignore[arg-type]
        except BaseException as error:
            self._note(error)
            raise
        if self._permit is not None and self.breaker is not None:
            permit, self._permit = self._permit, None
            self.breaker.succeeded(permit, asyncio.get_running_loop().time())
        return answer

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if self.breaker is not None and self._permit is None:
            self._permit = self.breaker.ask(asyncio.get_running_loop().time())
            if self._permit is None:
                raise RedisConnectionError(REFUSED)
        try:
            yield
        except BaseException as error:
            self._note(error)
            raise

    def _note(self, error: BaseException) -> None:
        permit, self._permit = self._permit, None
        if permit is None or self.breaker is None:
            return
        at = asyncio.get_running_loop().time()
        if isinstance(error, ResponseError):
            self.breaker.succeeded(permit, at)
        elif isinstance(error, asyncio.CancelledError):
            if at - permit.at >= GAVE_UP_SECONDS and self.breaker.was_silent(permit):
                self.breaker.failed(permit, at)
        elif isinstance(error, RedisConnectionError | RedisTimeoutError | OSError | TimeoutError):
            self.breaker.failed(permit, at)


REFUSED = "not asked: it was away a moment ago"
"""What a connection says that is not used because of the breaker."""
