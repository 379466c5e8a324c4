"""Runs the servers of a folder until its standard input ends, or until it is killed.

    python -m tests.embedded.keeper FOLDER [orphan]

With `orphan` it runs Valkey alone and does not ask the kernel to end it with us, as on
systems that cannot be asked.
"""

# ruff: noqa: ASYNC240 - these files are on a local disk, and nobody else waits for this loop

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import ClassVar

from service.embedded import EmbeddedStores, layout, root
from service.embedded.binaries import find_redis
from service.embedded.child import Child
from service.embedded.layout import Layout
from service.embedded.valkey import Valkey


class Orphan(Valkey, frozen=True):
    """A Valkey that outlives whoever started it."""

    death_signal: ClassVar[int] = 0


async def keep_pair(folder: Path) -> None:
    async with EmbeddedStores(folder) as stores:
        tell(postgres=stores.postgres_pid, redis=stores.redis_pid)
        await asyncio.to_thread(sys.stdin.read)


async def keep_orphan(folder: Path) -> None:
    (folder / "log").mkdir(mode=0o711, parents=True)
    folder.chmod(0o711)
    binary = find_redis(os.environ)
    run_as = root.run_as(state=folder, binaries=[binary.server])
    where = Layout(state=folder, home=folder, sockets=layout.socket_folder(folder))
    layout.make_private(where.sockets, uid=run_as.uid, gid=run_as.gid)
    server = Orphan(binary=binary, layout=where, run_as=run_as)
    child = Child(server=server, layout=where, run_as=run_as)
    await child.start()
    tell(redis=child.pid)
    await asyncio.to_thread(sys.stdin.read)


def tell(**pids: int | None) -> None:
    sys.stdout.write(json.dumps(pids) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    keep = keep_orphan if sys.argv[2:] == ["orphan"] else keep_pair
    asyncio.run(keep(Path(sys.argv[1])))
