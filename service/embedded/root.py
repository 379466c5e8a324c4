"""As whom the servers run: PostgreSQL refuses root, and so do we for Valkey.

A normal user runs them as they are. For root there are three ways, tried in this
order: change to `postgres` or `nobody` where that user reaches the files; a user
namespace that shows root as nobody; copies below /var/lib for that user.
"""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING

from service.embedded.errors import EmbeddedUnavailable
from service.embedded.spawn import RunAs, try_out

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def run_as(*, state: Path, binaries: Iterable[Path]) -> RunAs:
    """Choose as whom the servers run.

    Args:
        state: the data folder; it exists.
        binaries: programs the servers need.

    Raises:
        EmbeddedUnavailable: no way is open to root, or to a user without a name.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_name(uid):
        return RunAs(switch="none", uid=uid, gid=gid, inner_uid=uid, inner_gid=gid)
    stand_in = _stand_in()
    if stand_in is None:
        raise EmbeddedUnavailable(
            "PostgreSQL needs a user that is not root, and there is neither `postgres` nor"
            " `nobody` here; set POSTBAG_DATABASE_URL and POSTBAG_REDIS_URL, or start as a user."
        )
    setuid = RunAs(
        switch="setuid",
        uid=stand_in.pw_uid,
        gid=stand_in.pw_gid,
        inner_uid=stand_in.pw_uid,
        inner_gid=stand_in.pw_gid,
    )
    reaches = all(reachable(path, uid=setuid.uid, gid=setuid.gid) for path in (state, *binaries))
    if uid == 0 and reaches:
        return setuid
    namespace = RunAs(
        switch="namespace",
        uid=uid,
        gid=gid,
        inner_uid=stand_in.pw_uid,
        inner_gid=stand_in.pw_gid,
    )
    if try_out(namespace):
        return namespace
    if uid == 0:
        return RunAs(
            switch="setuid",
            uid=setuid.uid,
            gid=setuid.gid,
            inner_uid=setuid.uid,
            inner_gid=setuid.gid,
            relocate=True,
        )
    raise EmbeddedUnavailable(
        f"PostgreSQL needs a user with a name, and uid {uid} has none in /etc/passwd;"
        " set POSTBAG_DATABASE_URL and POSTBAG_REDIS_URL, or start as another user."
    )


def reachable(path: Path, *, uid: int, gid: int) -> bool:
    """Tell whether a user may enter every folder above a path, and read and execute it.

    Permission bits only; an access list that says more is not seen.
    """
    for place in (path, *path.parents):
        found = place.stat()
        if found.st_uid == uid:
            needed = stat.S_IXUSR
        elif found.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _stand_in() -> pwd.struct_passwd | None:
    """Return the user the servers run as in root's stead."""
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    return None
