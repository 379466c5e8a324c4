"""Faults that are planted into a service on purpose: the checker has to find each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

BUGS: Mapping[str, Callable[[], None]] = {}
"""What is wrong -> what makes it so, in the process that calls it."""


def plant(name: str) -> None:
    """Make this process's service wrong; an empty name leaves it as it is.

    Raises:
        KeyError: no bug is called that.
    """
    if name:
        BUGS[name]()
