"""The small program between us and a server: run by path, never imported.

It gives up root, asks the kernel to end the server when we end, and becomes the
server. It runs before anything of ours is on the path, so it knows only Python.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent ends."""

CLONE_NEWUSER = 0x10000000
"""unshare(2): a user namespace of its own."""


def main(order_text: str, command: list[str]) -> None:
    """Carry out an order of `spawn.order_for`; without a command, only try it.

    The order of the steps matters: a change of user clears the parent-death signal.
    """
    order = json.loads(order_text)
    os.umask(0o077)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if order["switch"] == "setuid":
        _become(order["uid"], order["gid"])
    elif order["switch"] == "namespace":
        _enter_namespace(order)
    if order["death_signal"] and sys.platform == "linux":
        _libc("prctl", PR_SET_PDEATHSIG, order["death_signal"], 0, 0, 0)
    if os.getppid() != order["parent_pid"]:
        sys.exit("the service ended before its server began")
    if command:
        os.execve(command[0], command, order["environment"])  # noqa: S606 - no shell is meant


def _become(uid: int, gid: int) -> None:
    """Give up root and its groups for good."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _enter_namespace(order: dict[str, int]) -> None:
    """Appear as another user while the files stay ours."""
    if os.geteuid() == 0:
        os.setgroups([])
    _libc("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{order['inner_uid']} {order['uid']} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{order['inner_gid']} {order['gid']} 1", "ascii")


def _libc(call: str, *arguments: int) -> None:
    """Make a system call Python 3.11 has no name for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
