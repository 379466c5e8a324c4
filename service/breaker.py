"""When something we depend on is away: ask it no longer, but for one question a second.

A breaker knows no clock and no client: whoever asks says when, and how it ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct, field

State: TypeAlias = Literal["closed", "half_open", "open"]
"""Everything is let through; one question is; nothing is."""

CONSECUTIVE_MAX = 5
"""So many failures in a row open it (protocol.md 3.3)."""
LATEST = 20
"""Of so many of the latest outcomes …"""
LATEST_SECONDS = 10.0
"""… that are not older than this …"""
FAILED_SHARE = 0.5
"""… this share of failures opens it as well."""
PROBE_SECONDS = 1.0
"""Between two questions while it is open."""


class Permit(NamedTuple):
    """The leave to ask once; it comes back with the outcome."""

    at: float
    """When it was given, in seconds of the asker's clock."""
    turn: int
    """How often the breaker had changed by then."""


def _unheard(_: State) -> None:
    """Tell nobody."""


class Breaker(Struct, kw_only=True):
    """One dependency of one process. Every time is in seconds of a clock that never goes back."""

    heard: Callable[[State], None] = _unheard
    """Told each new state."""
    consecutive_max: int = CONSECUTIVE_MAX
    latest_seconds: float = LATEST_SECONDS
    probe_seconds: float = PROBE_SECONDS
    state: State = "closed"
    _turn: int = 0
    _in_a_row: int = 0
    _outcomes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=LATEST))
    """When, and whether it went well."""
    _succeeded_at: float = float("-inf")
    _probe_at: float = float("-inf")
    """When the last question was let through while it was not closed, or when it opened."""

    def ask(self, at: float) -> Permit | None:
        """Give leave to ask; None: refuse at once."""
        if self.state != "closed":
            if at - self._probe_at < self.probe_seconds:
                return None
            self._probe_at = at
            self._become("half_open")
        return Permit(at, self._turn)

    def succeeded(self, permit: Permit, at: float) -> None:
        """Hear that it answered, be it with an error that blames the question."""
        self._succeeded_at = max(self._succeeded_at, at)
        if permit.turn != self._turn:
            return  # asked before it opened: that says nothing of now
        if self.state == "half_open":
            self._change("closed")
        self._in_a_row = 0
        self._outcomes.append((at, True))

    def failed(self, permit: Permit, at: float) -> None:
        """Hear that it is away, or does not answer in time."""
        if permit.turn != self._turn:
            return
        if self.state == "half_open":
            self._probe_at = max(self._probe_at, at)
            self._change("open")
            return
        self._in_a_row += 1
        self._outcomes.append((at, False))
        if self._in_a_row >= self.consecutive_max or self._fails_often(at):
            self._probe_at = at
            self._change("open")

    def was_silent(self, permit: Permit) -> bool:
        """Tell whether nobody was answered since: then also who gave up waiting has met a failure.

        With a dependency that answers others, giving up says only that there is much to do.
        """
        return self._succeeded_at < permit.at

    def _fails_often(self, at: float) -> bool:
        if len(self._outcomes) < LATEST or at - self._outcomes[0][0] > self.latest_seconds:
            return False
        return sum(not well for _, well in self._outcomes) >= FAILED_SHARE * LATEST

    def _change(self, state: State) -> None:
        self._turn += 1
        self._in_a_row = 0
        self._outcomes.clear()
        self._become(state)

    def _become(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.heard(state)
