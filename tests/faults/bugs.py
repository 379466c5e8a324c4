"""Faults that are planted into a service on purpose: the checker has to find each of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from types import MappingProxyType
from typing import Any

import pytest
from msgspec.structs import replace

from service.features.decisions import Decisions
from service.features.flights import loaded_in_time
from service.features.redo import Redoing
from service.features.rounds import Motion
from service.features.shelf import Kept, Key, Shelf
from service.features.sitting import Sitting
from service.features.subjects import Subject, subject_of
from service.features.submission import Keys, Submission
from service.model import PendingComment
from service.storage.decisions import Case
from service.storage.pending import PendingStore
from service.storage.redis import Script, Scripts

BUILD_SECONDS = 1.0
"""How long a slow process holds what it has read before it keeps it."""

_changed = pytest.MonkeyPatch()
"""Never undone: the process ends with it."""


def _finish_before_commit() -> None:
    """Clean Redis of a decision while its transaction is still open."""
    rule = Decisions._rule  # noqa: SLF001 - what is made wrong

    async def rule_and_clean(
        self: Decisions, deciding: Any, motions: Sequence[Motion], refused: Any
    ) -> list[tuple[Sitting, Any]]:
        ruled = await rule(self, deciding, motions, refused)
        sites = {key: site for motion in motions for key, site in motion.sites.items()}
        for sitting, _ in ruled:
            await self.clean(sites, sitting)
        return ruled

    _changed.setattr(Decisions, "_rule", rule_and_clean)


def _no_idempotency() -> None:
    """Take each submission for one that never came before."""
    derive = Keys.of

    def of(submission: Submission) -> Keys:
        return replace(derive(submission), dk=token_hex(32))

    _changed.setattr(Keys, "of", of)


def _lease_as_the_lock() -> None:
    """Believe Redis, and whoever holds the lease, that a comment waits; never ask the log."""

    def waiting_subject(case: Case, item: PendingComment | None) -> Subject:
        subject = subject_of(case, item)
        subject.waiting = subject.waiting or item
        return subject

    _changed.setattr("service.features.sitting.subject_of", waiting_subject)


def _dedupe_index_dropped() -> None:
    """Bring comments back into an emptied Redis, but not what they were submitted as."""

    async def forget(_: PendingStore, __: str, ___: Sequence[Any]) -> None:
        """Put no record back."""

    _changed.setattr(PendingStore, "restore_submissions", forget)


def _slow_builds() -> None:
    """Be slow between reading and keeping: no bug, but what makes the next one visible."""

    async def load_slowly(*arguments: Any, **named: Any) -> Mapping[Key, Kept]:
        loaded = await loaded_in_time(*arguments, **named)
        await asyncio.sleep(BUILD_SECONDS)
        return loaded

    _changed.setattr("service.features.cache.loaded_in_time", load_slowly)


def _cache_stored_after_invalidation() -> None:
    """Keep what was read before an invalidation as if it had been read after it."""
    _slow_builds()
    put = Shelf.put

    def put_anyway(self: Shelf, key: Key, kept: Kept, *, begun: int, now: float) -> bool:
        return put(self, key, kept, begun=max(begun, self.changes), now=now)

    _changed.setattr(Shelf, "put", put_anyway)


def _redo_missing() -> None:
    """Never compare the log with what Redis remembers."""

    async def rest(_: Redoing) -> None:
        await asyncio.Event().wait()

    _changed.setattr(Redoing, "run", rest)


def _refused_when_full() -> None:
    """Let Redis refuse also what makes room."""
    _rewrite(dict.fromkeys(("finish", "claim", "release", "clear_marks"), (" flags=allow-oom", "")))


def _no_write_before_wait() -> None:
    """Answer a duplicate after a WAIT that speaks of nothing."""
    _rewrite(
        {
            "accept": ("redis.call('HINCRBY', submission, 'replays', 1)", ""),
            "confirm": ("redis.call('HINCRBY', KEYS[1], 'confirmed', 1)", "1"),
        }
    )


def _rewrite(changes: Mapping[str, tuple[str, str]]) -> None:
    """Run other scripts than the service's own: name -> (what is there, what is put instead)."""
    right = Scripts.load()
    wrong = dict(right.named)
    for name, (there, instead) in changes.items():
        source = right.named[name].source.replace(there, instead)
        digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        wrong[name] = Script(source, digest)
    scripts = Scripts(MappingProxyType(wrong))
    _changed.setattr(Scripts, "load", lambda: scripts)


BUGS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "finish before commit": _finish_before_commit,
        "no idempotency": _no_idempotency,
        "lease as the lock": _lease_as_the_lock,
        "dedupe index dropped": _dedupe_index_dropped,
        "slow builds": _slow_builds,
        "cache stored after invalidation": _cache_stored_after_invalidation,
        "redo missing": _redo_missing,
        "refused when full": _refused_when_full,
        "no write before WAIT": _no_write_before_wait,
    }
)
"""What is wrong -> what makes it so, in the process that calls it."""


def plant(name: str) -> None:
    """Make this process's service wrong; an empty name leaves it as it is.

    Raises:
        KeyError: no bug is called that.
    """
    if name:
        BUGS[name]()
