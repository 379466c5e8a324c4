"""Start a program the way the servers need it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")

TRIAL_SECONDS = 10.0
"""How long the trial of a user namespace may take; usually 40 ms."""

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/",
    "TZ": "UTC",
    # macOS has no C.UTF-8.
    "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
}
"""All that a server sees: PGPORT would move its socket, LANG could break initdb."""


class RunAs(Struct, frozen=True, kw_only=True):
    """As whom a server runs."""

    switch: Literal["none", "setuid", "namespace"]
    uid: int
    """Who owns the server's files."""
    gid: int
    inner_uid: int
    """Who the server believes to be; differs from `uid` only in a namespace."""
    inner_gid: int
    relocate: bool = False
    """The files must lie where this user reaches them."""


async def spawn(
    command: Sequence[str | Path], *, run_as: RunAs, log: int, lock: int, death_signal: int
) -> Process:
    """Start a program that ends with us, out of the terminal's reach.

    Args:
        command: the program and its arguments; paths are absolute.
        run_as: as whom.
        log: descriptor its output goes to.
        lock: descriptor of a locked file that it and its children keep open.
        death_signal: what it receives when this thread ends.
    """
    return await asyncio.create_subprocess_exec(
        *_launch(command, run_as=run_as, death_signal=death_signal),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(lock,),
        start_new_session=True,
    )


def try_out(run_as: RunAs) -> bool:
    """Tell whether this machine lets us run a program this way."""
    ran = subprocess.run(  # noqa: S603 - our own program
        _launch((), run_as=run_as, death_signal=0),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=TRIAL_SECONDS,
    )
    return ran.returncode == 0


def _launch(command: Sequence[str | Path], *, run_as: RunAs, death_signal: int) -> list[str | Path]:
    """Return the launcher's command line; numbers and ASCII only, besides the paths."""
    order = {
        "switch": run_as.switch,
        "uid": run_as.uid,
        "gid": run_as.gid,
        "inner_uid": run_as.inner_uid,
        "inner_gid": run_as.inner_gid,
        "death_signal": int(death_signal),
        "parent_pid": os.getpid(),
        "environment": ENVIRONMENT,
    }
    return [sys.executable, "-I", "-S", LAUNCHER, json.dumps(order), *command]
