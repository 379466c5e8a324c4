"""Where the servers' own files lie when root's folders are closed to them."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from service.embedded.errors import EmbeddedUnavailable
from service.embedded.root import reachable

if TYPE_CHECKING:
    from service.embedded.binaries import PostgresBinaries, RedisBinary
    from service.embedded.spawn import RunAs

log = logging.getLogger(__name__)

ELSEWHERE = Path("/var/lib/postbag")


def server_home(state: Path, run_as: RunAs) -> Path:
    """Return the folder of the servers' own files, made if need be.

    That is `state` itself unless `run_as.relocate`; then it lies below /var/lib,
    and `state/servers` is a link to it.

    Raises:
        EmbeddedUnavailable: the files lie elsewhere than they can be used.
    """
    link = state / "servers"
    home = ELSEWHERE / hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    if not run_as.relocate:
        if link.is_symlink() and any(home.glob("pg-*")):
            raise EmbeddedUnavailable(
                f"The servers' files of {state} lie in {home}: move pg-* and redis from there to"
                f" {state} and remove {link}, or start as before."
            )
        return state
    if any(state.glob("pg-*")) or (state / "redis").exists():
        raise EmbeddedUnavailable(
            f"Root may not run PostgreSQL, and another user cannot reach {state}: open the folders"
            " above it (chmod o+x), start as a normal user, or set POSTBAG_DATABASE_URL and"
            " POSTBAG_REDIS_URL."
        )
    try:
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedUnavailable(
            f"Root may not run PostgreSQL, and {ELSEWHERE} cannot be made ({error.strerror}):"
            " start as a normal user, or set POSTBAG_DATABASE_URL and POSTBAG_REDIS_URL."
        ) from error
    for folder in (ELSEWHERE, home):
        folder.chmod(0o711)
    link.unlink(missing_ok=True)
    link.symlink_to(home)
    log.warning("the embedded servers' files lie elsewhere", extra={"folder": str(home)})
    return home


def reachable_postgres(found: PostgresBinaries, *, run_as: RunAs) -> PostgresBinaries:
    """Return binaries the servers' user can run: the same, or copies of them."""
    if not run_as.relocate or reachable(found.postgres, uid=run_as.uid, gid=run_as.gid):
        return found
    copies = _copy(found.parts, f"postgresql-{found.version}")
    folder = copies / found.folder.relative_to(_shared_parent(found.parts))
    return structs.replace(found, folder=folder)


def reachable_redis(found: RedisBinary, *, run_as: RunAs) -> RedisBinary:
    """Return a binary the servers' user can run: the same, or a copy of it."""
    if not run_as.relocate or reachable(found.server, uid=run_as.uid, gid=run_as.gid):
        return found
    copies = _copy(found.parts, found.flavor.replace(" ", "-"))
    return structs.replace(found, server=copies / found.server.name)


def _copy(parts: tuple[Path, ...], name: str) -> Path:
    """Copy folders and files side by side as they are, once; return where their parent is now."""
    if not parts:
        raise EmbeddedUnavailable(
            "The server programs lie where only root reaches them; move them, or start as a user."
        )
    target = ELSEWHERE / "bin" / name
    if target.exists():
        return target
    draft = target.with_name(f"{name}.{os.getpid()}")
    parent = _shared_parent(parts)
    for part in parts:
        copy = draft / part.relative_to(parent)
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if part.is_dir():
            shutil.copytree(part, copy, symlinks=True)
        else:
            shutil.copy2(part, copy)
    for folder in (target.parent, draft):
        folder.chmod(0o755)
    draft.rename(target)
    return target


def _shared_parent(parts: tuple[Path, ...]) -> Path:
    return Path(os.path.commonpath([part.parent for part in parts]))
