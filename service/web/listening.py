"""The sockets a server listens on, and how it stops so that nobody is cut off."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial

from msgspec import Struct

BACKLOG = 1_024
"""Connections the kernel keeps for us; more than one turn of the loop ever lets wait."""
FIRST_WORD_SECONDS = 1.0
"""How long whoever has just connected may take to ask, when we stop; on the way a request takes
milliseconds."""
LOOK_SECONDS = 0.01
"""Between two looks at whether all of them have asked."""


class Listening(Struct, frozen=True, kw_only=True):
    """Takes connections in."""

    server: asyncio.Server
    protocol: Callable[[], asyncio.Protocol]

    @classmethod
    async def begin(
        cls,
        protocol: Callable[[], asyncio.Protocol],
        *,
        host: str,
        port: int,
        door: socket.socket | None = None,
    ) -> Listening:
        """Listen; port 0 takes a free one. A bound socket, the `door`, is used if there is one.

        Several processes may have one door: whoever comes in is taken by one that is free, and
        one that ends leaves who waits there to the others.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        create = partial(asyncio.get_running_loop().create_server, protocol, backlog=BACKLOG)
        server = await (create(sock=door) if door is not None else create(host, port))
        return cls(server=server, protocol=protocol)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def end(self, *, all_have_asked: Callable[[], bool]) -> None:
        """Listen no more; whoever is connected, be it only to the kernel, may still ask.

        Where nobody shares the door, who waits in the kernel's queue would be cut off with it.
        """
        taken = [each for listener in self.server.sockets for each in _waiting(listener.fileno())]
        self.server.close()  # at once after the last look at its queue: nothing is awaited between
        loop = asyncio.get_running_loop()
        for each in taken:
            await loop.connect_accepted_socket(self.protocol, each)
        await _within(FIRST_WORD_SECONDS, all_have_asked)


def _waiting(listener: int) -> list[socket.socket]:
    """Take in everybody who waits in a listening socket's queue."""
    taken: list[socket.socket] = []
    with socket.socket(fileno=os.dup(listener)) as door:
        door.setblocking(False)
        while len(taken) < BACKLOG:
            try:
                connection, _ = door.accept()
            except OSError:  # nobody waits, or who waited is gone
                break
            connection.setblocking(False)
            taken.append(connection)
    return taken


async def _within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until something holds, or no longer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await asyncio.sleep(0)  # what has arrived is read first
    while not holds() and loop.time() < end:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(LOOK_SECONDS)
