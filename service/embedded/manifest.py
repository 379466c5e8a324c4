"""What a folder must hold to be a backup: a list of every file, written last.

A backup without its list was cut short. Sums show what a disk or a copy has spoiled; they
are no seal against whoever may write there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from msgspec import Struct, to_builtins

from service.embedded.errors import BackupFailed
from service.embedded.layout import sync_folder

NAME = "manifest.json"
FORMAT = 1
CHUNK_BYTES = 1 << 20

Tell = Callable[[int], None]
"""Told how many bytes more are done."""


class Summed(Struct, frozen=True, kw_only=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup is of, and all that is in it."""

    format: int
    release: str
    schema: str
    """The newest migration."""
    postgres: str
    redis: str
    """Family and version."""
    secret: str
    """Tells whether a secret key is the one of then, and nothing else about it."""
    secret_key_inside: bool
    began_at: str
    """UTC, ISO 8601: everything promised before is in the backup."""
    redis_at: str
    """When the queue's files were as they are here."""
    ended_at: str
    folders: tuple[str, ...]
    """Relative; PostgreSQL needs empty ones too."""
    files: dict[str, Summed]
    """By relative path."""

    @property
    def bytes(self) -> int:
        """How much it is."""
        return sum(each.bytes for each in self.files.values())

    @property
    def postgres_major(self) -> str:
        """The server that can read it."""
        return self.postgres.partition(".")[0]

    def write(self, folder: Path) -> None:
        """Make a folder a backup: on disk when this returns, and never half there."""
        draft = folder / f"{NAME}.new"
        write_private(draft, json.dumps(to_builtins(self), indent=1).encode() + b"\n")
        draft.rename(folder / NAME)
        sync_folder(folder)

    def check_sizes(self, folder: Path) -> None:
        """Look whether every file is there and as long as it was.

        Raises:
            BackupFailed: one is not.
        """
        for name, said in self.files.items():
            try:
                found = (folder / name).stat().st_size
            except OSError as error:
                raise BackupFailed(f"{folder} lacks {name}: the backup is not whole.") from error
            if found != said.bytes:
                raise BackupFailed(
                    f"{folder / name} has {found} bytes, and had {said.bytes} when it was made:"
                    " the backup is not whole."
                )

    def copy(self, name: str, folder: Path, to: Path, tell: Tell) -> None:
        """Copy one file of a backup, readable by us alone, and compare its sum on the way.

        The caller sees that it is on disk: all at the end is quicker by far.

        Raises:
            BackupFailed: it is not what it was when the backup was made.
        """
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with (folder / name).open("rb") as source, open_private(to) as copy:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
                tell(len(chunk))
        if digest.hexdigest() != self.files[name].sha256:
            raise BackupFailed(
                f"{folder / name} has changed since the backup was made (another SHA-256);"
                " restore another backup."
            )


def read_manifest(folder: Path) -> Manifest:
    """Return what a backup says of itself.

    Raises:
        BackupFailed: the folder is no backup, or was made by a release that is not understood.
    """
    path = folder / NAME
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BackupFailed(_no_backup(folder)) from error
    except (OSError, ValueError) as error:
        raise BackupFailed(f"{path} cannot be read: the backup is not whole.") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BackupFailed(f"{path} was written by another release, which has to restore it.")
    try:
        return _parsed(said)
    except (KeyError, TypeError, AttributeError) as error:
        raise BackupFailed(f"{path} is no list of a backup.") from error


def backups(folder: Path) -> list[Path]:
    """Return the complete backups in a folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path.parent for path in folder.glob(f"*/{NAME}"))


def sum_up(folder: Path, tell: Tell) -> tuple[tuple[str, ...], dict[str, Summed]]:
    """Return every folder and every file below a folder, with their sums."""
    folders: list[str] = []
    files: dict[str, Summed] = {}
    for where, names, plain in os.walk(folder):
        here = Path(where)
        names.sort()
        folders += [(here / name).relative_to(folder).as_posix() for name in names]
        for name in sorted(plain):
            path = here / name
            files[path.relative_to(folder).as_posix()] = _summed(path, tell)
    return tuple(folders), files


def open_private(path: Path) -> BinaryIO:
    """Open a new file for writing bytes that only we may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only we may read; it is on disk when this returns."""
    with open_private(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _summed(path: Path, tell: Tell) -> Summed:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            tell(len(chunk))
    return Summed(bytes=size, sha256=digest.hexdigest())


def _parsed(said: dict[str, Any]) -> Manifest:
    values = {name: said[name] for name in Manifest.__struct_fields__}
    files = {name: Summed(**each) for name, each in values["files"].items()}
    for name in (*files, *values["folders"]):
        if name != PurePosixPath(name).as_posix() or _leads_out(PurePosixPath(name)):
            raise KeyError(name)
    return Manifest(**values | {"files": files, "folders": tuple(values["folders"])})


def _leads_out(path: PurePosixPath) -> bool:
    return path.is_absolute() or ".." in path.parts


def _no_backup(folder: Path) -> str:
    if not folder.is_dir():
        return f"There is no {folder}."
    inside = backups(folder)
    if inside:
        return f"{folder} holds backups; the newest is {inside[-1]}: name that one."
    return f"{folder} has no {NAME}: it is no backup, or one that was cut short."
