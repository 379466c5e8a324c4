"""The port the service listens on: free, or one clear line."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager


class PortTaken(Exception):  # noqa: N818 - it is said to a person
    """Somebody else listens there, or the address is not this machine's."""


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """Hold a port for processes that share it, and say which it is (0 takes a free one).

    The port is first bound alone, so that two services never share one by mistake; then
    shared, without listening, so that it stays ours while workers come and go.

    Raises:
        PortTaken: it cannot be had.
    """
    family = _family(host)
    with _bound(family, host, port, shared=False) as alone:
        number: int = alone.getsockname()[1]
    with _bound(family, host, number, shared=True):
        yield number


def _bound(family: socket.AddressFamily, host: str, port: int, *, shared: bool) -> socket.socket:
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise PortTaken(_sentence(host, port, error)) from error
    return held


def _family(host: str) -> socket.AddressFamily:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PortTaken(f"{host} is no address of this machine; set POSTBAG_HOST.") from error
    return found[0][0]


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken; stop what listens there, or set POSTBAG_PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights; set POSTBAG_PORT to one above 1023."
    return f"{host}:{port} cannot be listened on ({error.strerror}); set POSTBAG_HOST."
