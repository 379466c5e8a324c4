"""How a loop meets a store that is away: it says so once, waits, and goes on."""

from __future__ import annotations

from types import TracebackType

import structlog
from msgspec import Struct

from service.errors import Unavailable

log = structlog.get_logger(__name__)


class Patience(Struct):
    """Let one turn of a loop fail for an absent store.

    `with patience:` around each turn. What is away is logged when it goes, not at every turn.
    """

    event: str
    """What is logged, e.g. `journal_waits`."""
    missed: str | None = None
    """The code of what was away at the last turn."""

    def __enter__(self) -> None:
        """Begin a turn."""

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        failure: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        """End a turn; only `Unavailable` is forgiven."""
        if failure is None:
            self.missed = None
            return False
        if not isinstance(failure, Unavailable):
            return False
        if failure.stable_code != self.missed:
            log.warning(self.event, code=failure.stable_code)
        self.missed = failure.stable_code
        return True
