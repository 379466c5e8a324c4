"""Queues for tests: comments with boring defaults, a look at everything, servers of one's own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

from msgspec.structs import replace
from redis.asyncio import Redis

from service.embedded.binaries import find_redis
from service.embedded.server import Answer
from service.embedded.valkey import ping
from service.features.screening import queue_score
from service.model import Author, PendingComment, article_id
from service.storage.redis import Keys

DAY = datetime(2026, 11, 25, tzinfo=UTC)
EPOCH = "first"
DEADLINE_SECONDS = 5.0


def make_item(
    minute: int = 0,
    *,
    site: str = "daily",
    priority: int = 0,
    text: str = "A comment.",
    dk: str | None = "",
    **changes: Any,
) -> PendingComment:
    """Make a comment that was written that minute of the day; every one is a new submission."""
    created = DAY + timedelta(minutes=minute)
    item = PendingComment(
        site_id=1,
        site=site,
        article_id=article_id(1, "story"),
        article_key="story",
        comment_id=uuid4(),
        parent_id=None,
        author=Author(author_id=uuid4(), kind="guest", name="Leila"),
        text=text,
        lang="en",
        created_at=created,
        score=queue_score(priority, created),
        dk=uuid4().hex if dk == "" else dk,
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )
    return replace(item, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Which ids are where on one site."""

    lists: dict[str, set[str]]
    items: dict[str, dict[bytes, bytes]]

    @classmethod
    async def of(cls, redis: Redis, slug: str = "daily") -> Places:
        """Read everything."""
        at = Keys(slug)
        named = {
            "q": at.queue,
            "e": at.escalated,
            "a": at.settling,
            "x": at.quarantine,
            "l": at.leases,
            "t": at.by_age,
            "p": at.by_priority,
            "te": at.escalated_by_age,
            "pe": at.escalated_by_priority,
            "j": at.marks,
        }
        lists = {
            name: {
                member.decode() for member in cast("list[bytes]", await redis.zrange(key, 0, -1))
            }
            for name, key in named.items()
        }
        lists["lm"] = _texts(await redis.hkeys(at.holders))
        prefix = at.item("")
        items = {
            key.decode().removeprefix(prefix): cast("dict[bytes, bytes]", await redis.hgetall(key))
            for key in cast("list[bytes]", await redis.keys(f"{prefix}*"))
        }
        return cls(lists=lists, items=items)

    def of_id(self, comment_id: UUID) -> set[str]:
        """Name the places of one comment."""
        return {name for name, ids in self.lists.items() if str(comment_id) in ids}

    def assert_sound(self) -> None:
        """I5: an item is in exactly one place and in the lists for looking, and nothing else is."""
        for comment_id, fields in self.items.items():
            places = [name for name in "qeaxl" if comment_id in self.lists[name]]
            assert len(places) == 1, (comment_id, places)
            escalated = fields[b"escalated"] == b"1"
            listed = {name for name in ("t", "p", "te", "pe") if comment_id in self.lists[name]}
            assert listed == ({"te", "pe"} if escalated else {"t", "p"}), (comment_id, listed)
            assert places[0] not in ("q" if escalated else "e")
        for name in ("q", "e", "a", "x", "t", "p", "te", "pe"):
            assert self.lists[name] <= self.items.keys(), name
        assert self.lists["l"] == self.lists["lm"]


def _texts(names: Any) -> set[str]:
    return {name.decode() for name in names}


async def eventually(true: Callable[[], Awaitable[object]]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@dataclass(slots=True, kw_only=True)
class OwnServer:
    """A Redis or Valkey for one test, to be stopped, starved or set up wrongly."""

    folder: Path
    options: tuple[str, ...]
    running: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder / 'socket'}"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(find_redis(os.environ).server), "--port", "0", "--save", ""]
        places = ["--dir", str(self.folder), "--unixsocket", str(self.folder / "socket")]
        self.running = await asyncio.create_subprocess_exec(
            *command, *places, *self.options, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        await eventually(self._answers)

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.running is not None:
            self.running.kill()
            await self.running.wait()
            self.running = None

    async def lose_files(self) -> None:
        """Forget everything; another server begins in its place."""
        for entry in self.folder.iterdir():
            await asyncio.to_thread(shutil.rmtree if entry.is_dir() else Path.unlink, entry)

    async def _answers(self) -> bool:
        return await ping(self.folder / "socket") is Answer.READY


@asynccontextmanager
async def own_server(*options: str) -> AsyncIterator[OwnServer]:
    """Lend a server that is not running yet."""
    with tempfile.TemporaryDirectory(prefix="postbag-own-") as folder:
        server = OwnServer(folder=Path(folder), options=options)
        try:
            yield server
        finally:
            await server.kill()
