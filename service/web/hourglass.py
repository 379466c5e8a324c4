"""How long work may take: one timer of the loop for all that is under way."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct, field


class Work(Struct, eq=False):
    """Something under way."""

    task: asyncio.Task[Any]
    until: float
    """On the loop's clock."""
    cancelling: int
    """How often its task had been told to end before it began."""
    is_over: bool = False
    """It took too long, and was told to end."""

    @property
    def took_too_long(self) -> bool:
        """Whether it was told to end for that, and by nobody else."""
        return self.is_over and self.task.cancelling() == self.cancelling + 1


class Hourglass(Struct, kw_only=True):
    """Ends what takes longer than so many seconds, as `asyncio.timeout` does for one."""

    seconds: float
    _under_way: dict[Work, None] = field(default_factory=dict)
    """In the order in which their time ends: all may take equally long."""
    _timer: asyncio.TimerHandle | None = None

    def begin(self) -> Work:
        """Begin to count for the current task; whoever begins also ends it."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        work = Work(task, loop.time() + self.seconds, task.cancelling())
        self._under_way[work] = None
        if self._timer is None:
            self._timer = loop.call_at(work.until, self._look, loop)
        return work

    def end(self, work: Work) -> None:
        """Count no longer."""
        del self._under_way[work]
        if work.is_over:
            work.task.uncancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for work in self._under_way:
            if work.until > now:
                self._timer = loop.call_at(work.until, self._look, loop)
                return
            if not work.is_over:
                work.is_over = True
                work.task.cancel()
