"""Every answer counted, and a line in the log of each that is worth one."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from types import MappingProxyType

import structlog
from msgspec import Struct, field
from prometheus_client import Counter, Histogram

from service.errors import Unauthenticated
from service.telemetry import Metrics, spent
from service.web.asked import Asked

log = structlog.get_logger(__name__)

security = structlog.get_logger("security")

REFUSALS = 400
"""The first status that is no success."""
TOO_MANY_STREAMS = "too_many_streams"
"""Code of a 503 that somebody was given who wanted to listen."""
FROM_ELSEWHERE = frozenset({"foreign_page", "origin_not_allowed"})
"""Codes of a 403 that a page of another origin was given."""
DONE = MappingProxyType(
    {
        **dict.fromkeys(
            ("create_key", "rotate_key", "add_token_key", "make_perspective_key"), "key.created"
        ),
        **dict.fromkeys(("change_member", "invite_member", "remove_member"), "role.changed"),
        **dict.fromkeys(("export_comments", "export_log", "export_statistics"), "export"),
        **dict.fromkeys(
            (
                *("save_rule", "put_rule_live", "put_rule_in_shadow", "roll_rule_back"),
                *("switch_rule_off", "save_word_list", "put_word_list_live"),
                *("roll_word_list_back", "change_settings", "allow_model_approval"),
            ),
            "rule.changed",
        ),
    }
)
"""What is also told in the stream of security when it was done, by operation."""


class Ledger(Struct, frozen=True, kw_only=True):
    """Counts answers by operation and status."""

    metrics: Metrics
    _counted: dict[tuple[str, int], tuple[Counter, Histogram]] = field(default_factory=dict)
    """Looked up once each: as many as there are operations and statuses."""

    def note(self, asked: Asked, status: int, seconds: float) -> None:
        """Count an answer; write a line, unless it is what a public read found."""
        counter, histogram = self._children(asked.name, status)
        counter.inc()
        histogram.observe(seconds)
        self._note_security(asked, status)
        operation = asked.operation
        if operation is not None and operation.public and status < REFUSALS:
            return
        log.info(
            "answered",
            operation=asked.name,
            route=operation.path if operation is not None else None,
            method=asked.method,
            status=status,
            ms=round(seconds * 1_000, 1),
            **{f"{store}_ms": round(took * 1_000, 1) for store, took in spent().items()},
            site=asked.site.slug if asked.site else None,
            principal=hash_of(asked.principal) if asked.principal else None,
            outcome=asked.code or "ok",
        )

    def _note_security(self, asked: Asked, status: int) -> None:
        """Write a line in the stream of security where one belongs there, and count refusals."""
        edge, event = self.metrics.edge, None
        if status < REFUSALS:
            event = DONE.get(asked.name)
        elif status == HTTPStatus.UNAUTHORIZED:
            if asked.code != Unauthenticated.code or asked.presents_something:
                edge.auth_failures.labels(asked.code or "none").inc()
                event = "authn.fail"
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            edge.rate_limited.labels(asked.name).inc()
            event = "rate.block"
        elif status == HTTPStatus.FORBIDDEN:
            event = "csrf.block" if asked.code in FROM_ELSEWHERE else "authz.deny"
        elif asked.code == TOO_MANY_STREAMS:
            self.metrics.shed.labels("streams").inc()
        if event is not None:
            security.warning(
                event,
                operation=asked.name,
                site=asked.site.slug if asked.site else None,
                principal=hash_of(asked.principal) if asked.principal else None,
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


def hash_of(principal: tuple[str, str]) -> str:
    """Return what stands for somebody in the log: the same for all they do."""
    return hashlib.blake2b(":".join(principal).encode(), digest_size=8).hexdigest()
