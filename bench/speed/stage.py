"""The stores, the service as a process of its own, and the clients: what every figure needs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from rich.progress import Progress

from bench.speed import client
from bench.speed.client import Clients
from bench.speed.machine import CLIENT_CPUS, SERVER_CPUS, Meter, started_on
from bench.speed.peers import Peer, end, free_port
from bench.speed.seeding import SECRET_KEY, Newsroom, fill_queue, seed
from service.embedded import EmbeddedStores, Endpoints
from service.storage.postgres import migrate

READY_SECONDS = 60.0
ROOT = Path(__file__).parents[2]


class OutOfTimeError(RuntimeError):
    """All of it was to take no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The service as a process."""

    port: int
    pid: int
    seconds: float
    """From its start to its first 200."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Where figures are taken."""

    folder: Path
    progress: Progress
    clients: Clients
    runner: asyncio.Runner
    stores: EmbeddedStores
    room: Newsroom
    service: Running
    nginx: Peer | None = None
    isso: Peer | None = None
    skipped: list[str] = field(default_factory=list)
    deadline: float
    """On the clock `time.monotonic`: what is not measured by then is left out."""

    @property
    def where(self) -> Endpoints:
        """Where the stores answer."""
        return self.stores.endpoints

    def meter(self) -> Meter:
        """Return what counts the time of the service, of Postgres and of Redis."""
        assert self.stores.postgres_pid is not None
        assert self.stores.redis_pid is not None
        return Meter(
            {
                "service": self.service.pid,
                "postgres": self.stores.postgres_pid,
                "redis": self.stores.redis_pid,
            }
        )

    def fetch(self, target: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of an answer, which must be 200."""
        asking = HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        asking.request("GET", target, headers={"Host": "localhost", **(headers or {})})
        answer = asking.getresponse()
        body = answer.read()
        asking.close()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {body[:200]!r}")
        return body

    def encoding_of(self, target: str, accepted: str) -> tuple[bytes, str | None]:
        """Return a body as a browser gets it, and what it is encoded in."""
        asking = HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        asking.request("GET", target, headers={"Host": "localhost", "Accept-Encoding": accepted})
        answer = asking.getresponse()
        found = answer.read(), answer.headers.get("Content-Encoding")
        asking.close()
        return found

    def fill_queue(self, name: str, count: int) -> None:
        """Let comments wait on a site."""
        site = self.room.sites[name]
        self.runner.run(fill_queue(self.where, site, count, self.room.texts, self.progress))

    def ask(self, requests: list[bytes], *, connections: int = 1, keep: bool = False) -> client.Run:
        """Ask each of these once.

        Raises:
            OutOfTimeError: there is none left for all of them.
        """
        left = max(self.left(), 0.1)
        run = self.clients.now(client.each, self.service.port, requests, connections, left, keep)
        if run.requests < len(requests):
            if self.left() <= 0:
                raise OutOfTimeError("there was no time left for it")
            raise RuntimeError(f"{len(requests) - run.requests} requests were not answered")
        return run

    def left(self) -> float:
        """Return how many seconds are left."""
        return self.deadline - time.monotonic()

    def settle(self, seconds: float = 0.5) -> None:
        """Let what was begun behind the requests come to its end."""
        time.sleep(seconds)


@contextmanager
def stores(folder: Path, runner: asyncio.Runner) -> Iterator[EmbeddedStores]:
    """Run Postgres and Valkey until the block ends."""
    folder.chmod(0o711)  # the servers of root run as somebody else
    pair = EmbeddedStores(folder / "data")
    with started_on(CLIENT_CPUS):
        runner.run(pair.__aenter__())
    try:
        runner.run(migrate(pair.endpoints.database_url))
        yield pair
    finally:
        runner.run(pair.__aexit__(None, None, None))


def seeded(pair: EmbeddedStores, runner: asyncio.Runner, progress: Progress) -> Newsroom:
    """Fill empty stores."""
    return runner.run(seed(pair.endpoints, progress))


@contextmanager
def service(where: Endpoints, folder: Path, **more: str) -> Iterator[Running]:
    """Run the service alone over these stores until the block ends."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not _ours(name)},
        "POSTBAG_DATABASE_URL": where.database_url,
        "POSTBAG_REDIS_URL": where.redis_url,
        "POSTBAG_SECRET_KEY": SECRET_KEY,
        "POSTBAG_PORT": str(port),
        "POSTBAG_METRICS_PORT": str(free_port()),
        "POSTBAG_RATE_LIMITS": "off",
        "POSTBAG_TRUSTED_PROXIES": f"{client.SOURCE}/32",
        "POSTBAG_LOG_LEVEL": "warning",
        **more,
    }
    log = (folder / "service.log").open("ab")
    begun = time.perf_counter()
    with started_on(SERVER_CPUS):
        running = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        seconds = first_answer(port, running, begun)
        yield Running(port=port, pid=running.pid, seconds=seconds)
    finally:
        end(running, 20)
        log.close()


def _ours(variable: str) -> bool:
    """Tell what the service is not to inherit; as `run.py` does, it keeps what it compiled."""
    return variable.startswith("POSTBAG_") or variable == "PYTHONDONTWRITEBYTECODE"


def first_answer(port: int, running: subprocess.Popen[bytes], begun: float) -> float:
    """Return how many seconds after `begun` a service first answered 200.

    Raises:
        RuntimeError: it ended, or does not answer in time.
    """
    while time.perf_counter() - begun < READY_SECONDS and running.poll() is None:
        asking = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            asking.request("GET", "/readyz")
            if asking.getresponse().status == 200:
                return time.perf_counter() - begun
        except OSError:
            pass
        finally:
            asking.close()
        time.sleep(0.01)
    raise RuntimeError("The service does not answer")
