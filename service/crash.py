"""Places at which a process can be told to die, so that tests see every state a crash can leave.

`POSTBAG_CRASH_AT=decide.committed` kills the process, as SIGKILL would, the first time it comes
there; `decide.committed:3` the third time. Without it each place costs one comparison.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

VARIABLE = "POSTBAG_CRASH_AT"
EXIT_CODE = 137
"""What a shell says of a process that SIGKILL ended."""


class Point(StrEnum):
    """Between which two steps; in the order of a comment's life."""

    ACCEPT_CHECKED = "accept.checked"
    ACCEPT_STORED = "accept.stored"
    JOURNAL_READ = "journal.read"
    JOURNAL_WRITTEN = "journal.written"
    JOURNAL_CLEARED = "journal.cleared"
    CLAIM_LEASED = "claim.leased"
    EDIT_CHECKED = "edit.checked"
    EDIT_STORED = "edit.stored"
    DECIDE_OPENED = "decide.opened"
    DECIDE_WRITTEN = "decide.written"
    DECIDE_COMMITTED = "decide.committed"
    DECIDE_FINISHED = "decide.finished"
    DECIDE_REQUEUED = "decide.requeued"
    DECIDE_TOLD = "decide.told"
    SETTLE_CLAIMED = "settle.claimed"
    SETTLE_DECIDED = "settle.decided"
    RELAY_TOLD = "relay.told"
    RELAY_TICKED = "relay.ticked"
    RECONCILE_FINISHED = "reconcile.finished"
    REFILL_RESTORED = "refill.restored"


class Fuse:
    """Counts how often the chosen point was passed, and ends the process."""

    __slots__ = ("_left", "_point")

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the point out of an environment.

        Raises:
            ValueError: there is no point of that name, or its number is none.
        """
        name, _, number = environment.get(VARIABLE, "").partition(":")
        self._point = Point(name) if name else None
        self._left = int(number or 1)

    def reached(self, point: Point) -> None:
        """Die here, if this is the place and the time."""
        if point is not self._point:
            return
        self._left -= 1
        if self._left == 0:
            os._exit(EXIT_CODE)


reached = Fuse(os.environ).reached
