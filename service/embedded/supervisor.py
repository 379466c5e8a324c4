"""The pair of servers as one thing: started together, watched, stopped together."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.embedded import binaries, layout, postgres, relocate, root, valkey
from service.embedded.child import Child
from service.embedded.errors import AlreadyRunning, EmbeddedUnavailable
from service.embedded.layout import Endpoints, Layout

if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn, Self

    from service.embedded.server import Server

RUN_LOCK_TRIES = 5
RUN_LOCK_PAUSE_SECONDS = 0.03
"""`join_running` holds the lock for an instant to test it; a start looks again after this."""


class EmbeddedStores:
    """PostgreSQL and Valkey over one folder, for as long as the context lasts.

    Only the servers asked for are started. They end with this process, even when
    it is killed, so enter it in the main thread.

        async with EmbeddedStores(Path("data")) as stores:
            watching = asyncio.create_task(stores.watch())
            ... stores.endpoints.database_url ...

    Entering raises:
        AlreadyRunning: another process runs the servers of this folder.
        EmbeddedUnavailable: they cannot run here; the text says why and what helps.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        postgres: bool = True,
        redis: bool = True,
        database: str = "postbag",
    ) -> None:
        self.endpoints = Endpoints(database_url="", redis_url="")
        self._state = _absolute(data_dir)
        self._wants_postgres = postgres
        self._wants_redis = redis
        self._database = database
        self._children: dict[str, Child] = {}
        self._run_lock: int | None = None
        self._watching: asyncio.Task[Any] | None = None

    @property
    def postgres_pid(self) -> int | None:
        """The postmaster while it lives."""
        return self._pid("postgres")

    @property
    def redis_pid(self) -> int | None:
        """The Valkey server while it lives."""
        return self._pid("redis")

    async def __aenter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            # The kernel ends the servers when the thread that started them ends.
            raise EmbeddedUnavailable("The embedded servers must be started in the main thread.")
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def watch(self) -> NoReturn:
        """Restart what ends; the owner runs this as a task, which leaving the context cancels."""
        self._watching = asyncio.current_task()
        async with asyncio.TaskGroup() as watching:
            for child in self._children.values():
                watching.create_task(child.watch())
            await asyncio.Event().wait()
        raise AssertionError  # a watch ends by cancellation only

    async def _start(self) -> None:
        self._open_state()
        self._run_lock = await self._take_run_lock()
        where = await self._choose()
        starting = [asyncio.create_task(child.start()) for child in self._children.values()]
        try:
            await asyncio.gather(*starting)
        finally:
            for start in starting:
                start.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
        layout.write_endpoints(where.endpoints, self.endpoints)

    def _open_state(self) -> None:
        """Make the data folder; root's lets others through, since a server may be another."""
        try:
            if not self._state.exists():
                self._state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
            (self._state / "log").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EmbeddedUnavailable(
                f"The data folder {self._state} cannot be used ({error.strerror});"
                " set POSTBAG_DATA_DIR to a folder of yours."
            ) from error

    async def _take_run_lock(self) -> int:
        path = self._state / "run.lock"
        for _ in range(RUN_LOCK_TRIES):
            lock = layout.take_lock(path)
            if lock is not None:
                (self._state / "endpoints.json").unlink(missing_ok=True)
                os.ftruncate(lock, 0)
                os.write(lock, f"{os.getpid()}\n".encode("ascii"))
                return lock
            await asyncio.sleep(RUN_LOCK_PAUSE_SECONDS)
        raise _already_running(self._state)

    async def _choose(self) -> Layout:
        """Decide which binaries run where and as whom."""
        found_postgres, found_redis = await asyncio.gather(
            asyncio.to_thread(
                binaries.find_postgres if self._wants_postgres else _none, os.environ
            ),
            asyncio.to_thread(binaries.find_redis if self._wants_redis else _none, os.environ),
        )
        programs = [
            *([found_postgres.postgres] if found_postgres else []),
            *([found_redis.server] if found_redis else []),
        ]
        run_as = root.run_as(state=self._state, binaries=programs)
        home = relocate.server_home(self._state, run_as)
        where = Layout(state=self._state, home=home, sockets=layout.socket_folder(home))
        layout.make_private(where.sockets, uid=run_as.uid, gid=run_as.gid)
        database_url = redis_url = ""
        servers: list[Server] = []
        if found_postgres:
            chosen = relocate.reachable_postgres(found_postgres, run_as=run_as)
            server = postgres.Postgres(
                binaries=chosen, layout=where, run_as=run_as, database=self._database
            )
            database_url = server.url
            servers.append(server)
        if found_redis:
            binary = relocate.reachable_redis(found_redis, run_as=run_as)
            keeper = valkey.Valkey(binary=binary, layout=where, run_as=run_as)
            redis_url = keeper.url
            servers.append(keeper)
        self.endpoints = Endpoints(database_url=database_url, redis_url=redis_url)
        self._children = {
            server.name: Child(server=server, layout=where, run_as=run_as) for server in servers
        }
        return where

    async def _stop(self) -> None:
        """Stop watching, then the servers in parallel; then let the next start in."""
        if self._watching is not None and self._watching is not asyncio.current_task():
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await asyncio.gather(*(child.stop() for child in self._children.values()))
        if self._run_lock is not None:
            (self._state / "endpoints.json").unlink(missing_ok=True)
            os.close(self._run_lock)
            self._run_lock = None

    def _pid(self, name: str) -> int | None:
        child = self._children.get(name)
        return child.pid if child else None


def refuse_running(data_dir: Path) -> None:
    """Make sure that no process runs, starts or ends the servers of this folder.

    Raises:
        AlreadyRunning: one does.
    """
    state = _absolute(data_dir)
    if any(layout.is_locked(state / f"{name}.lock") for name in ("run", "postgres", "redis")):
        raise _already_running(state)


async def join_running(data_dir: Path) -> Endpoints | None:
    """Return the endpoints of a pair that another process runs on this folder now.

    None when nobody does, when it is still starting, or when one of its servers
    does not answer.
    """
    state = _absolute(data_dir)
    if not layout.is_locked(state / "run.lock"):
        return None
    endpoints = layout.read_endpoints(state / "endpoints.json")
    if endpoints is None:
        return None
    asked = [
        *([postgres.answers(endpoints.database_url)] if endpoints.database_url else []),
        *([valkey.answers(endpoints.redis_url)] if endpoints.redis_url else []),
    ]
    return endpoints if all(await asyncio.gather(*asked)) else None


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are named


def _already_running(state: Path) -> AlreadyRunning:
    endpoints = layout.read_endpoints(state / "endpoints.json")
    urls = (endpoints.database_url, endpoints.redis_url) if endpoints else ()
    try:
        pid = int((state / "run.lock").read_text(encoding="ascii"))
    except (OSError, ValueError):
        pid = None
    return AlreadyRunning(pid=pid, urls=tuple(url for url in urls if url))


def _none(_environ: object) -> None:
    """Find nothing, for a server nobody asked for."""
