"""A Redis and replicas of it, each a server of its own, to be cut off, killed and promoted."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.storage.redis import connect
from tests.storage.queues import OwnServer, eventually, own_server

CAREFUL = ("--appendonly", "yes", "--appendfsync", "always")
AT_ONCE = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicated:
    """Servers that run, one after the other of whom follows the first."""

    first: OwnServer
    port: int
    """Where the first listens for replicas, on this machine."""
    replicas: list[OwnServer]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def replicated(replicas: int = 1, *, through: int | None = None) -> AsyncIterator[Replicated]:
    """Lend a server and replicas that follow it, as soon as they do.

    `through` is the port by which replicas reach it, where that is not its own.
    """
    async with AsyncExitStack() as running:
        port = free_port()
        first = await running.enter_async_context(
            own_server(*CAREFUL, *AT_ONCE, "--port", str(port))
        )
        await first.start()
        followers = []
        for _ in range(replicas):
            options = (*CAREFUL, "--replicaof", f"127.0.0.1 {through or port}")
            follower = await running.enter_async_context(own_server(*options))
            await follower.start()
            followers.append(follower)
        await eventually(lambda: follow(first, replicas))
        yield Replicated(first=first, port=port, replicas=followers)


async def follow(server: OwnServer, wanted: int) -> bool:
    """Tell whether that many replicas have what was written just now."""
    async with connect(server.url) as redis, redis.pipeline(transaction=False) as pipe:
        pipe.incr("followed")
        pipe.execute_command("WAIT", wanted, 100)
        _, confirmed = await pipe.execute()
    return bool(confirmed == wanted)
