"""Where everything of one pair of servers lies."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
from pathlib import Path

from msgspec import Struct

from service.embedded.errors import EmbeddedUnavailable

SOCKET_FOLDER_MAX_BYTES = 88
"""Longest folder a socket may lie in: macOS allows 103 bytes, PostgreSQL adds 14."""

LOG_MAX_BYTES = 10 * 1024 * 1024
"""A server's log longer than this is cut when the server starts."""

LOG_KEEP_BYTES = 1024 * 1024
"""What stays of a log that is cut: its end."""

PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
"""Paths that pass through URLs and option lists unchanged."""


class Endpoints(Struct, frozen=True, kw_only=True):
    """Where the two stores answer; "" for a store that was not asked for."""

    database_url: str
    redis_url: str


class Layout(Struct, frozen=True, kw_only=True):
    """The files and folders of one pair of servers."""

    state: Path
    """The data folder as configured, absolute; locks and logs lie here."""
    home: Path
    """Where the servers' own files lie: `state`, or a folder outside it for root."""
    sockets: Path

    @property
    def run_lock(self) -> Path:
        """Locked by the one process that runs the servers."""
        return self.state / "run.lock"

    @property
    def endpoints(self) -> Path:
        """The URLs, for psql, redis-cli and our own command line."""
        return self.state / "endpoints.json"

    @property
    def redis_home(self) -> Path:
        """The append-only files."""
        return self.home / "redis"

    @property
    def redis_socket(self) -> Path:
        """Where Valkey listens."""
        return self.sockets / "redis.sock"

    def lock_of(self, server: str) -> Path:
        """Locked as long as any process of that server lives: the server inherits the lock."""
        return self.state / f"{server}.lock"

    def log_of(self, server: str) -> Path:
        """What the server prints."""
        return self.state / "log" / f"{server}.log"

    def postgres_home(self, major: int) -> Path:
        """The database folder, one for each major version."""
        return self.home / f"pg-{major}"


def socket_folder(home: Path) -> Path:
    """Return where the sockets go: beside the servers' files, or below /tmp.

    A long path or an odd character would keep PostgreSQL from starting or change
    its meaning inside a URL.
    """
    folder = home / "run"
    name = str(folder)
    if len(os.fsencode(name)) <= SOCKET_FOLDER_MAX_BYTES and PLAIN_PATH.fullmatch(name):
        return folder
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    return Path("/tmp") / f"postbag-{os.geteuid()}-{digest}"  # noqa: S108 - checked by make_private


def make_private(folder: Path, *, uid: int, gid: int) -> None:
    """Make a folder only `uid` may enter, or make sure that it is one.

    Raises:
        EmbeddedUnavailable: it is a link, or somebody else's.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    own(folder, uid=uid, gid=gid)
    folder.chmod(0o700)


def own(folder: Path, *, uid: int, gid: int) -> None:
    """Make sure that a folder is `uid`'s; root hands it over with all that is in it.

    Raises:
        EmbeddedUnavailable: it is a link, or somebody else's.
    """
    found = folder.lstat()
    if found.st_uid == uid and stat.S_ISDIR(found.st_mode):
        return
    # In a folder everybody may write to, somebody else's folder may be a trap.
    trap = folder.parent.stat().st_mode & stat.S_IWOTH and found.st_uid != os.geteuid()
    if os.geteuid() != 0 or trap or not stat.S_ISDIR(found.st_mode):
        raise EmbeddedUnavailable(f"{folder} belongs to somebody else; remove it and start again.")
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(where) / name, uid, gid)
    os.lchown(folder, uid, gid)


def sync_folder(folder: Path) -> None:
    """Make the names inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Make a folder and all that is in it survive a power cut."""
    for where, _, plain in os.walk(folder):
        for name in (*plain, "."):
            sync_folder(Path(where) / name)


def take_lock(path: Path) -> int | None:
    """Lock a file without waiting; None when somebody holds it, else the descriptor.

    Closing the descriptor, and every copy a child inherited, gives the lock back.

    Raises:
        EmbeddedUnavailable: the file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise EmbeddedUnavailable(
            f"{path.parent} lies on a file system without locks ({error.strerror});"
            " set POSTBAG_DATA_DIR to a folder on a local disk."
        ) from error
    return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether somebody holds the lock, without disturbing a start for long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_endpoints(path: Path, endpoints: Endpoints) -> None:
    """Leave the URLs where tools find them, readable by us alone."""
    text = json.dumps(
        {
            "database_url": endpoints.database_url,
            "redis_url": endpoints.redis_url,
            "pid": os.getpid(),
        },
        indent=2,
    )
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)


def read_endpoints(path: Path) -> Endpoints | None:
    """Return what `write_endpoints` left, or None when there is nothing sound."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Endpoints(database_url=str(said["database_url"]), redis_url=str(said["redis_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def open_log(path: Path) -> int:
    """Open a server's log for appending, cut to its end when it grew too long."""
    if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
        with path.open("rb") as log:
            log.seek(-LOG_KEEP_BYTES, os.SEEK_END)
            kept = log.read()
        path.write_bytes(kept.partition(b"\n")[2])
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
