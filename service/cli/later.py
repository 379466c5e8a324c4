"""Modules that are not loaded before something of theirs is needed.

A process that answers readers needs none of these. They stay ordinary imports where they are used,
of a module and never of a name in it (`import numpy as np`): asking a module for the first name
loads it. Without `install`, as in tests, everything is loaded where it is imported.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Final

WITH_THREADS: Final = frozenset(
    {
        # What compares and learns: 70 ms, 18 MiB.
        *("numpy", "numpy.typing"),
    }
)
"""Those that start threads, which no copy of a process has."""

LATER: Final = WITH_THREADS | frozenset(
    {
        # Passkeys: 60 ms, 6 MiB.
        *("webauthn", "webauthn.helpers", "webauthn.helpers.exceptions"),
        "webauthn.helpers.structs",
        # Tokens of readers whom their site signs in, and with them certificates: 40 ms, 1.5 MiB.
        "jwt",
        # What locks secrets, and public keys: 20 ms, 4 MiB of a library in machine code.
        *("service.sealing", "service.features.public_keys"),
        # Rules as a text: 40 ms, 4 MiB.
        "service.features.rulebook_yaml",
        # Comments that hold Markdown: 40 ms.
        "service.features.body.subset",
        # What newsrooms ask: 70 ms, 4 MiB. Their pages: 60 ms, 2 MiB, and templates.
        *("service.wiring.newsroom", "service.wiring.dashboard", "jinja2"),
        # How languages write numbers and days, for pages: 6 ms, 0.6 MiB.
        *("babel", "babel.dates", "babel.numbers"),
        # What signing in takes: hashes of passwords, codes of an authenticator and their picture.
        *("argon2", "argon2.exceptions", "pyotp", "segno"),
        # What looks through HTML that was made of a comment.
        "nh3",
        # What makes processes, of a service that is one; medians.
        *("service.workers", "statistics"),
        # The client's packages, which name its clusters and sentinels: 10 ms, 1.3 MiB.
        *("redis", "redis.asyncio"),
    }
)


def install(names: frozenset[str] = LATER) -> None:
    """Let imports of these modules wait until a name in them is asked for."""
    sys.meta_path.insert(0, _Finder(names))


def load_plain_log() -> None:
    """Load what writes the log without what it would draw tracebacks with: 80 ms, 4 MiB.

    A line of ours has its traceback as a text, without the values of variables.
    """
    sys.modules["rich"] = None  # type: ignore[assignment] # as if it were not installed
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]


def load_redis() -> None:
    """Load the client of Redis and not all that its packages name.

    Two of its modules ask a package for a module of itself, which is to be there then.
    """
    for name in ("redis._himport_exec", "redis.asyncio._himport_exec", "redis.asyncio.client"):
        import_module(name)


def load_web() -> None:
    """Load aiohttp without the certificates that it reads, twice, for its clients: 45 ms, 2 MiB.

    Who asks other machines reads them then (`service/outgoing`).
    """
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment, method-assign]
    try:
        import_module("aiohttp")
    finally:
        del ssl.SSLContext.set_default_verify_paths


def load() -> None:
    """Load now what was imported and waits, except what starts threads."""
    for name in LATER - WITH_THREADS:
        module = sys.modules.get(name)
        if isinstance(module, _Waiting):
            _load(module)


class _Finder(MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Makes a module as another does, but runs nothing of it."""

    def __init__(self, real: Loader) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.real
        module.__class__ = _Waiting


_ONE_AT_A_TIME = RLock()
_LOADING: set[str] = set()


class _Waiting(ModuleType):
    """A module that runs when it is first asked for a name. Threads that ask meanwhile wait."""

    def __getattr__(self, name: str) -> object:
        with _ONE_AT_A_TIME:
            if self.__name__ in _LOADING:  # asked by itself: it has no such name yet
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
            if type(self) is _Waiting:
                _load(self)
        return getattr(self, name)


def _load(module: ModuleType) -> None:
    """Run a module that waits, and before it, as always, the package it is in."""
    package = sys.modules.get(module.__name__.rpartition(".")[0])
    if isinstance(package, _Waiting) and package.__name__ not in _LOADING:
        _load(package)
        if not isinstance(module, _Waiting):
            return  # the package has asked for it
    assert module.__spec__ is not None
    assert module.__spec__.loader is not None
    _LOADING.add(module.__name__)
    try:
        module.__spec__.loader.exec_module(module)
    finally:
        _LOADING.discard(module.__name__)
    object.__setattr__(module, "__class__", ModuleType)  # an ordinary one from now on
