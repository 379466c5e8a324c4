"""Redis: the connection, the list of every key, and the scripts."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any
from uuid import UUID

from msgspec import Struct
from redis.asyncio.client import Redis
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from service.breaker import Breaker
from service.errors import Unavailable
from service.storage.breakers import REFUSED, GuardedConnection
from service.storage.dependency import is_being_cancelled
from service.storage.line import Line, LineRedis
from service.telemetry import spend

POOL_SIZE = 32
"""Connections a service process opens at most (protocol.md 3.1)."""
ACQUIRE_SECONDS = 0.1
"""Longer than this for a free connection means overload: refuse instead of queueing."""
OPERATION_SECONDS = 1.5
"""A script takes well under a millisecond; this is for a slow disk under fsync."""
CONNECT_SECONDS = 1.0
"""A server on the same network answers in milliseconds."""

NOT_NOW = (
    "OOM",
    "MISCONF",
    "READONLY",
    "LOADING",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "UNKILLABLE",
)
"""Error replies that speak of the server's state, not of our command."""

Argument = str | bytes | int | float


WAIT_MS = 200
"""How long replicas may take to confirm; on one network they take a millisecond."""


class QueueUnavailable(Unavailable):
    """Redis cannot be reached, is too slow, or refuses writes. The outcome is unknown."""

    code = "queue_unavailable"
    title = "The queue cannot be reached at the moment."
    retry_after_seconds = 5


class NotReplicated(QueueUnavailable):
    """Too few replicas confirmed in time. The outcome is unknown: repeating it is safe."""


class Keys(Struct, frozen=True):
    """Every key of one site; its slug is the hash tag that keeps them on one node."""

    site: str

    def _named(self, name: str) -> str:
        return f"pb:{{{self.site}}}:{name}"

    @property
    def queue(self) -> str:
        """ZSET: what every moderator may claim, the most urgent lowest."""
        return self._named("q")

    @property
    def escalated(self) -> str:
        """ZSET: what only seniors may claim."""
        return self._named("e")

    @property
    def settling(self) -> str:
        """ZSET: what a rule has decided, by when it may next be taken (ms)."""
        return self._named("a")

    @property
    def quarantine(self) -> str:
        """ZSET: what Postgres refuses for good, by when it was set aside (ms)."""
        return self._named("x")

    @property
    def leases(self) -> str:
        """ZSET: who is held until when (ms of the server's clock)."""
        return self._named("l")

    @property
    def holders(self) -> str:
        """HASH: comment to JSON of owner, name and fence."""
        return self._named("lm")

    @property
    def by_age(self) -> str:
        """ZSET: everything that waits and is not escalated, held or not, by creation (ms)."""
        return self._named("t")

    @property
    def by_priority(self) -> str:
        """ZSET: the same members by score."""
        return self._named("p")

    @property
    def escalated_by_age(self) -> str:
        """ZSET: everything escalated, by creation (ms)."""
        return self._named("te")

    @property
    def escalated_by_priority(self) -> str:
        """ZSET: the same members by score."""
        return self._named("pe")

    @property
    def marks(self) -> str:
        """ZSET: what the journal has yet to copy, by when it was marked (ms)."""
        return self._named("j")

    @property
    def meta(self) -> str:
        """HASH: epoch, seq (the last given), fence (the last given), claims (counted)."""
        return self._named("meta")

    @property
    def redo(self) -> str:
        """STREAM: the last day's decisions with the comments they were about."""
        return self._named("redo")

    @property
    def erased(self) -> str:
        """SET: keyed hashes of authors who are forgotten."""
        return self._named("gone")

    @property
    def events(self) -> str:
        """STREAM: the last events told to readers."""
        return self._named("ev")

    @property
    def view_rates(self) -> str:
        """HASH with a time to live: article to views per hour."""
        return self._named("vr")

    def views(self, hour: datetime) -> str:
        """HASH with a time to live: article to its views in an hour (UTC)."""
        return self._named(f"v:{hour:%Y%m%d%H}")

    def item(self, comment_id: UUID | str) -> str:
        """HASH: a waiting comment (`service.storage.waiting`)."""
        return self._named(f"c:{comment_id}")

    def submission(self, dk: str) -> str:
        """HASH with a time to live: the comment a submission became."""
        return self._named(f"i:{dk}")

    def recent_of_author(self, author_id: UUID) -> str:
        """LIST with a time to live: what an author sent lately, newest first."""
        return self._named(f"n:a:{author_id.hex}")

    def recent_of_address(self, address_hash: str) -> str:
        """LIST with a time to live: what came from an address lately, newest first."""
        return self._named(f"n:n:{address_hash}")

    def address_of(self, comment_id: UUID | str) -> str:
        """STRING with a time to live: in which address' list a comment stands."""
        return self._named(f"n:c:{comment_id}")

    def limit(self, scope: str, subject: str) -> str:
        """STRING with a time to live: when a limit is next due (microseconds)."""
        return self._named(f"rl:{scope}:{subject}")

    @property
    def places(self) -> tuple[str, ...]:
        """The thirteen keys in the order of `scripts/parts/places.lua`."""
        return _places(self)


@lru_cache(maxsize=1_000)
def _places(of: Keys) -> tuple[str, ...]:
    """Most scripts take them: they are written once for a site, not for each call."""
    return (
        of.queue,
        of.escalated,
        of.settling,
        of.quarantine,
        of.leases,
        of.holders,
        of.by_age,
        of.by_priority,
        of.escalated_by_age,
        of.escalated_by_priority,
        of.marks,
        of.meta,
        of.redo,
    )


def connect(url: str, *, pool_size: int = POOL_SIZE, breaker: Breaker | None = None) -> Redis:
    """Make a client for a `unix://`, `redis://` or `rediss://` URL; it connects when used.

    Answers are bytes. Nothing is retried inside: a caller that timed out cannot know the
    outcome and must ask again with the same key. With a `breaker` a server that is away is not
    asked.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=pool_size,
        timeout=ACQUIRE_SECONDS,
        socket_timeout=OPERATION_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="postbag",
        driver_info=None,
    )
    spoken = pool.connection_class
    pool.connection_class = type(spoken.__name__, (_Cancellable, spoken), {"breaker": breaker})
    return LineRedis.on(pool, Line(opens=pool, seconds=OPERATION_SECONDS, breaker=breaker))


def connection_figures(redis: Redis) -> dict[str, Callable[[], int]]:
    """Return what tells how many connections are open, and how many are lent.

    Calls that share the line are none of them.
    """
    pool = redis.connection_pool
    return {
        "size": lambda: len(pool._available_connections) + len(pool._in_use_connections),  # noqa: SLF001
        "in_use": lambda: len(pool._in_use_connections),  # noqa: SLF001
    }


class _Cancellable(GuardedConnection):
    """A connection on which no cancellation is lost.

    The client sends with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation
    that comes when what it waits for has just ended. A loop that asks Redis again and again would
    go on although it was told to end.
    """

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - as the client's own method
    ) -> None:
        """Send a command, and end when told to."""
        task = asyncio.current_task()
        told_before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task is not None and task.cancelling() > told_before:
            await self.disconnect(nowait=True)  # its answer will not be read
            raise asyncio.CancelledError


def unavailable_when_down() -> AbstractContextManager[None]:
    """Turn what a broken, slow or full Redis raises into the one failure callers know.

    Raises:
        QueueUnavailable: instead of the client's own errors. A wrong command stays a bug.
        CancelledError: so it is, and the task was told to end meanwhile.
    """
    return _Asking()


class _Asking:
    """A class, as a generator takes three times as long: there are two in each post."""

    __slots__ = ("_begun",)

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        spend("redis", time.monotonic() - self._begun)
        if error is None:
            return
        if isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError)):
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            raise QueueUnavailable(outcome_unknown=str(error) != REFUSED) from error
        if isinstance(error, ResponseError) and speaks_of_the_server(error):
            raise QueueUnavailable from error


def speaks_of_the_server(error: RedisError) -> bool:
    """Tell a server that cannot serve from a command that is wrong."""
    return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(NOT_NOW)


class Script(Struct, frozen=True):
    """One Lua script and the name the server caches it under."""

    source: str
    sha: str


class Scripts(Struct, frozen=True):
    """The Lua scripts of `service/scripts`, by name."""

    named: MappingProxyType[str, Script]

    @classmethod
    def load(cls) -> Scripts:
        """Read every script and put the parts it uses in their places."""
        folder = resources.files("service") / "scripts"
        parts = {
            entry.name.removesuffix(".lua"): entry.read_text(encoding="utf-8")
            for entry in (folder / "parts").iterdir()
        }
        return cls(
            MappingProxyType(
                {
                    entry.name.removesuffix(".lua"): _script(entry.read_text("utf-8"), parts)
                    for entry in folder.iterdir()
                    if entry.name.endswith(".lua")
                }
            )
        )

    async def run(
        self, redis: Redis, name: str, keys: Sequence[str], arguments: Iterable[Argument] = ()
    ) -> Any:
        """Run a script in one command; a server that has not met it is sent the source.

        Raises:
            QueueUnavailable: Redis is away or refuses.
        """
        script = self.named[name]
        rest = (len(keys), *keys, *arguments)
        ask: Callable[..., Awaitable[Any]] = redis.execute_command
        with unavailable_when_down():
            try:
                return await ask("EVALSHA", script.sha, *rest)
            except NoScriptError:
                return await ask("EVAL", script.source, *rest)

    async def run_each(
        self,
        redis: Redis,
        name: str,
        calls: Sequence[tuple[Sequence[str], Sequence[Argument]]],
    ) -> list[Any]:
        """Run a script with each of several keys and arguments, in one round trip.

        Raises:
            QueueUnavailable: Redis is away or refuses; some may have run.
        """
        script = self.named[name]
        with unavailable_when_down():
            async with redis.pipeline(transaction=False) as pipe:
                pipe.script_load(script.source)
                for keys, arguments in calls:
                    pipe.evalsha(script.sha, len(keys), *keys, *arguments)
                _, *answers = await pipe.execute()
        return answers

    async def run_on_replicas(
        self,
        redis: Redis,
        name: str,
        keys: Sequence[str],
        arguments: Iterable[Argument] = (),
        *,
        replicas: int,
    ) -> Any:
        """Run a script, and wait until that many replicas have what it wrote.

        WAIT speaks of the writes of its own connection, so both go out on one (protocol.md F4);
        a script that has nothing to write must write something.

        Raises:
            NotReplicated: it was written, and too few replicas confirmed it within 0.2 s.
            QueueUnavailable: Redis is away or refuses.
        """
        script = self.named[name]
        rest = (*keys, *arguments)
        with unavailable_when_down():
            answer, confirmed = await _with_wait(
                redis, ("EVALSHA", script.sha, len(keys), *rest), replicas
            )
            if isinstance(answer, NoScriptError):
                answer, confirmed = await _with_wait(
                    redis, ("EVAL", script.source, len(keys), *rest), replicas
                )
            if isinstance(answer, Exception):
                raise answer
            if isinstance(confirmed, Exception):
                raise confirmed
        if confirmed < replicas:
            raise NotReplicated
        return answer


async def _with_wait(
    redis: Redis, command: Sequence[Argument], replicas: int
) -> tuple[Any, int | Exception]:
    async with redis.pipeline(transaction=False) as pipe:
        pipe.execute_command(*command)
        pipe.execute_command("WAIT", replicas, WAIT_MS)
        answer, confirmed = await pipe.execute(raise_on_error=False)
    return answer, confirmed


def _script(text: str, parts: dict[str, str]) -> Script:
    source = re.sub(r"^--- use (\w+)$", lambda use: parts[use[1]], text, flags=re.MULTILINE)
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())
