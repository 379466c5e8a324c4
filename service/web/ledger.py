"""Every answer counted, and a line in the log of each that is worth one."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter, Histogram

from service.telemetry import Metrics
from service.web.asked import Asked

log = structlog.get_logger(__name__)

REFUSALS = 400
"""The first status that is no success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Counts answers by operation and status."""

    metrics: Metrics
    _counted: dict[tuple[str, int], tuple[Counter, Histogram]] = field(default_factory=dict)
    """Looked up once each: as many as there are operations and statuses."""

    def note(self, asked: Asked, status: int, seconds: float) -> None:
        """Count an answer; write a line, unless it is what a public read found."""
        counter, histogram = self._children(asked.name, status)
        counter.inc()
        histogram.observe(seconds)
        operation = asked.operation
        if operation is not None and operation.public and status < REFUSALS:
            return
        log.info(
            "answered",
            operation=asked.name,
            method=asked.method,
            status=status,
            ms=round(seconds * 1_000, 1),
            site=asked.site.slug if asked.site else None,
            code=asked.code,
        )

    def note_ready(self, name: str, status: int, times: int) -> None:
        """Count answers that took the short way; they took no time worth a bucket."""
        counter, _ = self._children(name, status)
        counter.inc(times)
        self.metrics.ready_answers.labels(name).inc(times)

    def _children(self, name: str, status: int) -> tuple[Counter, Histogram]:
        known = self._counted.get((name, status))
        if known is None:
            known = self._counted[name, status] = (
                self.metrics.http_requests.labels(name, str(status)),
                self.metrics.http_seconds.labels(name),
            )
        return known
