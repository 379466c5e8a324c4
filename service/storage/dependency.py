"""When Postgres is away: which errors say so, and the one failure they become."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from service.errors import Unavailable

AWAY_CLASSES = frozenset({"08", "53", "57", "40", "25", "28", "3D"})
"""SQLSTATE classes that blame the server and not the statement (protocol.md F7, F11).

Connection, resources, operator intervention, rollback, transaction state; and login or
database refused, which a running service meets after a failover or a changed password.
"""

LOCK_NOT_AVAILABLE = "55P03"
"""A row stayed locked longer than the statement wanted to wait."""

SHUT = "55000"
"""The database takes no connections now, as while it is copied or about to be replaced."""

_SUSPECTS = (
    OSError,
    TimeoutError,
    EOFError,  # the server went away while a session was being opened
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class DatabaseUnavailable(Unavailable):
    """Postgres cannot answer right now; whether a commit took effect is unknown."""

    code = "database_unavailable"
    title = "The database cannot be reached right now."
    retry_after_seconds = 5


def says_away(error: BaseException) -> bool:
    """Tell an absent or overwhelmed server from a statement at fault."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", None) or "")
        return state[:2] in AWAY_CLASSES or state in {LOCK_NOT_AVAILABLE, SHUT}
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # a ValueError blames our own arguments
    return isinstance(error, _SUSPECTS)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn every sign of an absent Postgres into one failure; let all else pass, without values.

    Raises:
        DatabaseUnavailable: the server is away, full, starting, or gave up on the statement.
        CancelledError: so it is, and the task was told to end meanwhile.
    """
    try:
        yield
    except _SUSPECTS as error:
        _forget_values(error)
        if not says_away(error):
            raise
        if is_being_cancelled():
            raise asyncio.CancelledError from error
        raise DatabaseUnavailable from error


def _forget_values(error: BaseException) -> None:
    """Keep the rule and the place that a statement broke, not the row: it may end in a log."""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None
        if isinstance(error, asyncpg.DataError):  # its very message quotes the value
            error.args = (f"data exception {error.sqlstate}",)


def is_being_cancelled() -> bool:
    """Tell whether somebody told the current task to end.

    A client that fails while it tidies up after a cancellation replaces it with its own error;
    whoever takes that for an absent store and tries again would never end.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    return task is not None and task.cancelling() > 0
