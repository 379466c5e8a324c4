"""The port the service listens on: free, or one clear line."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager


class PortTaken(Exception):  # noqa: N818 - it is said to a person
    """Somebody else listens there, or the address is not this machine's."""


@contextmanager
def reserved(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a port until its time comes (0 takes a free one): a bound socket, not listening yet.

    All workers listen on this one socket: one that ends takes nobody with it who has just come.

    Raises:
        PortTaken: it cannot be had.
    """
    with socket.socket(_family(host), socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
        except OSError as error:
            raise PortTaken(_sentence(host, port, error)) from error
        yield held


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
