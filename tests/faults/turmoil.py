"""A service, its stores and the lines between them, which all die, hang or are cut off."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import asyncpg
import psutil
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from service.settings import VERSION
from tests.faults.proxy import Line, Proxy, proxied
from tests.journeys.api import Api, Paper, within
from tests.journeys.command import Running, data_folder, free_ports, served
from tests.journeys.house import SECRET_KEY, client, now
from tests.journeys.invariants import Stores, read_stores, unsettled, violations
from tests.journeys.storm import Storm

SITE = "daily"
READERS = 28
PAUSE_SECONDS = 0.1
"""So that in calm a hundred comments or more come in a second, and there is room for the rest."""
READ_ASKS = 6
"""Connections on which each count is read in the end: some go to either worker."""
MODERATORS = ("moderate", "second") * 2
BACK_SECONDS = 25.0
"""When posting and deciding go on after a fault has ended (protocol.md Ruling 14)."""
REST_SECONDS = 120.0
"""What is to wait again while Redis is away is put back by a look at the journal, each half minute
at what is half a minute old."""
HELD_SECONDS = (0.3, 3.0, 0.6)
"""How long a store hangs, or a line is bad: at least, at most, and mostly."""
CALM_SECONDS = (0.0, 5.0)
"""Between the return of everything and the next fault."""
FULL_BYTES = 100_000
"""Left for Redis above what it uses when its memory is full."""
TOLD_ERRORS = 5
TELL_SECONDS = 1.0
COMMENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ITEM = ("n", "revision", "kind", "escalated", "seq")
DECISION = ("n", "action", "revision", "status", "actor_kind", "at")
ROW = ("n", "revision", "status", "state", "seq", "at", "edited_at", "updated_at")


@dataclass(slots=True, kw_only=True)
class Theatre:
    """A service of two workers, its stores, and the lines between them."""

    stores: EmbeddedStores
    queue_line: Proxy
    database_line: Proxy
    running: Running
    variables: Mapping[str, str] = field(repr=False)
    """What the service is told of its stores."""
    stack: AsyncExitStack
    storm: Storm
    dice: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    """From the end of a fault until comments were accepted and decided again."""

    @property
    def faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Everything that can happen here, by its name."""
        lines = {"redis": self.queue_line, "postgres": self.database_line}
        bad = {
            f"{name} line {line}": _bound(self._spoil, proxy, line)
            for name, proxy in lines.items()
            for line in (Line.SLOW, Line.SILENT, Line.ONE_WAY, Line.CUT)
        }
        return {
            "service killed": self._kill_service,
            "worker killed": self._kill_worker,
            "worker frozen": self._freeze_worker,
            "redis killed": _bound(self._kill, lambda: self.stores.redis_pid),
            "postgres killed": _bound(self._kill, lambda: self.stores.postgres_pid),
            "redis frozen": self._freeze_redis,
            "postgres frozen": self._freeze_postgres,
            "redis full": self._fill_redis,
            "everything killed": self._kill_everything,
            **bad,
        }

    async def strike(self, fault: str) -> None:
        """Let one thing happen, then wait until everybody works again."""
        await asyncio.sleep(self.dice.uniform(*CALM_SECONDS))
        await self.faults[fault]()
        self.struck[fault] += 1
        posts, decisions, ended = self.storm.posts, self.storm.decisions, monotonic()

        async def all_work() -> bool:
            return self.storm.posts > posts and self.storm.decisions > decisions

        try:
            await within(BACK_SECONDS, all_work)
        except TimeoutError:
            raise AssertionError(
                f"{BACK_SECONDS} s after {fault}: {dict(self.storm.met)}"
            ) from None
        self.longest_seconds = max(self.longest_seconds, monotonic() - ended)

    async def _kill_service(self) -> None:
        await self.running.kill()
        port = self.running.base_url.rpartition(":")[2]
        self.running = await self.stack.enter_async_context(
            served(self.running.folder, "--workers", "2", port=port, **self.variables)
        )

    async def _kill_worker(self) -> None:
        os.kill(self.dice.choice(self.running.worker_pids), signal.SIGKILL)

    async def _freeze_worker(self) -> None:
        await self._frozen([self.dice.choice(self.running.worker_pids)])

    async def _kill(self, pid: Callable[[], int | None]) -> None:
        number = pid()
        if number is not None:
            os.kill(number, signal.SIGKILL)

    async def _freeze_redis(self) -> None:
        assert self.stores.redis_pid is not None
        await self._frozen([self.stores.redis_pid])

    async def _freeze_postgres(self) -> None:
        assert self.stores.postgres_pid is not None
        postmaster = psutil.Process(self.stores.postgres_pid)
        await self._frozen([postmaster.pid, *(child.pid for child in postmaster.children())])

    async def _fill_redis(self) -> None:
        async with Redis.from_url(self.stores.endpoints.redis_url) as redis:
            used = (await redis.info("memory"))["used_memory"]
            await redis.config_set("maxmemory", used + FULL_BYTES)
            await self._hold()
            await redis.config_set("maxmemory", 0)

    async def _kill_everything(self) -> None:
        await self._kill(lambda: self.stores.redis_pid)
        await self._kill(lambda: self.stores.postgres_pid)
        await self._kill_service()

    async def _spoil(self, proxy: Proxy, line: Line) -> None:
        proxy.become(line)
        await self._hold()
        proxy.mend()

    async def _frozen(self, pids: Sequence[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        await self._hold()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    async def _hold(self) -> None:
        await asyncio.sleep(self.dice.triangular(*HELD_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one slice showed."""

    seconds: float
    struck: Counter[str]
    acknowledged: int
    """Comments, each counted once."""
    decisions: int
    changes: int
    broken: list[str]
    longest_seconds: float
    versions: tuple[str, str]

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.struck.total()} faults, {self.acknowledged:,} acknowledged"
            f" ({self.acknowledged / self.seconds:.0f} a second), {self.decisions:,} decisions,"
            f" {self.changes:,} changes, {len(self.broken)} violations;"
            f" back {self.longest_seconds:.1f} s after a fault at the latest."
        )

    def row(self, seed: int, number: int) -> dict[str, object]:
        """Return its line of the record."""
        return {
            "date": now().date().isoformat(),
            "seed": seed,
            "slice": number,
            "release": VERSION,
            "postgres": self.versions[0],
            "redis": self.versions[1],
            "seconds": round(self.seconds),
            "faults": self.struck.total(),
            "acknowledged": self.acknowledged,
            "decisions": self.decisions,
            "changes": self.changes,
            "lost": sum(each.startswith("I1 ") for each in self.broken),
            "doubled": sum(each.startswith("I6 ") for each in self.broken),
            "violations": len(self.broken),
            "longest_seconds": round(self.longest_seconds, 1),
            "struck": "; ".join(f"{name} {times}" for name, times in sorted(self.struck.items())),
        }


async def play(seed: int, *, seconds: float, tell: Callable[[int, int], None]) -> Result:
    """Strike one fault after the other for some seconds, let all come to rest, and look.

    Once a second it tells how many faults there were, and how many comments were acknowledged.

    Raises:
        AssertionError: something was answered that may not be, or did not come back.
    """
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    begun = monotonic()
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # stores end too
    async with _theatre(dice) as theatre:
        storm = theatre.storm
        async with asyncio.TaskGroup() as people:
            for number in range(READERS):
                people.create_task(storm.read(number))
            for name in MODERATORS:
                people.create_task(storm.moderate(name))
            people.create_task(_telling(theatre, tell))
            while monotonic() < begun + seconds:
                for fault in dice.sample(sorted(theatre.faults), len(theatre.faults)):
                    await theatre.strike(fault)
                    if monotonic() > begun + seconds:
                        break
            storm.over = True
        stores, versions = await _at_rest(theatre)
        broken = [_told(each, stores) for each in violations(storm.ledger, stores)]
        broken += await _misread(storm.paper, stores)
        return Result(
            seconds=monotonic() - begun,
            struck=theatre.struck,
            acknowledged=len(storm.ledger.accepted),
            decisions=storm.decisions,
            changes=storm.changes,
            broken=broken,
            longest_seconds=theatre.longest_seconds,
            versions=versions,
        )


async def _telling(theatre: Theatre, tell: Callable[[int, int], None]) -> None:
    while not theatre.storm.over:
        tell(theatre.struck.total(), len(theatre.storm.ledger.posts))
        await asyncio.sleep(TELL_SECONDS)


@asynccontextmanager
async def _theatre(dice: random.Random) -> AsyncIterator[Theatre]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(data_folder())
        pair = await stack.enter_async_context(EmbeddedStores(folder / "stores"))
        watching = asyncio.create_task(pair.watch())
        stack.callback(watching.cancel)
        sockets = folder / "stores" / "run"
        database = await stack.enter_async_context(proxied(sockets / ".s.PGSQL.5432", dice))
        queue = await stack.enter_async_context(proxied(sockets / "redis.sock", dice))
        variables = {
            "database_url": f"postgresql://postgres@127.0.0.1:{database.port}/postbag",
            "redis_url": f"redis://127.0.0.1:{queue.port}/0",
            "secret_key": SECRET_KEY,
        }
        running = await stack.enter_async_context(
            served(folder / "data", "--workers", "2", port=str(free_ports()), **variables)
        )
        keys = (await running.found(SITE)).keys
        api = Api(session=await stack.enter_async_context(client()), base_url=running.base_url)
        paper = Paper(api=api, slug=SITE, keys=keys)
        try:
            yield Theatre(
                stores=pair,
                queue_line=queue,
                database_line=database,
                running=running,
                variables=variables,
                stack=stack,
                storm=Storm(
                    paper=paper, dice=dice, pause_seconds=PAUSE_SECONDS, second_thoughts=True
                ),
                dice=dice,
            )
        except Exception as failure:
            failure.add_note(_last_errors(running.folder))
            raise


def _last_errors(folder: Path) -> str:
    """Return what the service says of itself that should not happen; never a comment's text."""
    lines = folder.with_suffix(".log").read_text(encoding="utf-8").split("\n")
    return "\n".join([line for line in lines if '"level":"error"' in line][-TOLD_ERRORS:])


async def _at_rest(theatre: Theatre) -> tuple[Stores, tuple[str, str]]:
    """Wait until nothing is left to do behind the requests; return what is there, and versions."""
    postgres = await asyncpg.connect(theatre.stores.endpoints.database_url)
    async with Redis.from_url(theatre.stores.endpoints.redis_url, decode_responses=True) as redis:

        async def is_quiet() -> bool:
            return unsettled(await read_stores(SITE, postgres, redis)) == []

        await within(REST_SECONDS, is_quiet, pause=0.5)
        stores = await read_stores(SITE, postgres, redis)
        server = await redis.info("server")
    versions = await postgres.fetchval("SHOW server_version"), str(server["redis_version"])
    await postgres.close()
    return stores, versions


def _told(broken: str, stores: Stores) -> str:
    """Add what the stores hold of a comment that breaks an invariant; never its text."""
    said = [broken]
    for comment_id in COMMENT_ID.findall(broken):
        item = stores.items.get(comment_id, {})
        said.append(f"  Redis { ({name: item[name] for name in ITEM if name in item}) }")
        places = [name for name, ids in stores.places.items() if comment_id in ids]
        said.append(f"  places {places}")
        said += [
            f"  decision { ({name: each[name] for name in DECISION}) }"
            for each in stores.decisions.get(comment_id, ())
        ]
        for name, rows in (("comment", stores.comments), ("journal", stores.journal)):
            if comment_id in rows:
                row = rows[comment_id]
                said.append(f"  {name} { ({key: row[key] for key in ROW if key in row}) }")
    return "\n".join(said)


async def _misread(paper: Paper, stores: Stores) -> list[str]:
    """Ask each worker, in the end, how many comments an article has (I16)."""
    ids = {article_id: key for key, article_id in stores.articles.items()}
    public = Counter(
        ids[row["article_id"]] for row in stores.comments.values() if row["status"] == "approved"
    )
    wrong = []
    for _ in range(READ_ASKS):
        async with client() as session:
            api = Api(session=session, base_url=paper.api.base_url)
            asked = dataclasses.replace(paper, api=api)
            for article in stores.articles:
                answer = await asked.api("GET", f"{asked.article(article)}/count")
                if answer.status == 503:
                    continue  # it says that it does not know
                said = answer.expect(200)["count"]
                if said != public[article]:
                    has = f"has {public[article]}"
                    wrong.append(f"I16 {article} is said to have {said} comments and {has}")
    return wrong


def _bound(act: Callable[..., Awaitable[None]], *words: object) -> Callable[[], Awaitable[None]]:
    async def strike() -> None:
        await act(*words)

    return strike
