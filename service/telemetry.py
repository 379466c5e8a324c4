"""Logs, the id of a request, and metrics.

A line of log is an event and fields: never a comment's text, an address or a token.
Callers keep to that; the processors here are the net below them.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from structlog.typing import EventDict, Processor
from uuid_utils import uuid7

from service.breaker import State
from service.metrics import EdgeMetrics, StoreMetrics

METRICS_TYPE = CONTENT_TYPE_LATEST
"""The content type of what `Metrics.render` returns."""

FORBIDDEN_KEYS = frozenset(
    {
        "address",
        "api_key",
        "author_name",
        "authorization",
        "body",
        "client",
        "cookie",
        "cursor",
        "database_url",
        "display_name",
        "email",
        "forwarded",
        "ip",
        "jwt",
        "mail",
        "note",
        "password",
        "payload",
        "peer",
        "receipt",
        "redis_url",
        "remote",
        "secret",
        "secret_key",
        "set_cookie",
        "text",
        "token",
        "user_agent",
        "x_forwarded_for",
    }
)
"""Fields that are never written, whatever they hold."""

SECURITY_EVENTS = frozenset(
    {
        "authn.fail",
        "authz.deny",
        "csrf.block",
        "rate.block",
        "key.created",
        "role.changed",
        "export",
        "erase",
        "rule.changed",
        "rollback.detected",
        "postgres.rollback_detected",
        "audit_broken",
    }
)
"""Lines that also carry `stream: security`; their names do not change (security.md 6.2)."""

MASK = "[masked]"
NAMES_MAX = 512
"""Names of fields whose harmlessness is remembered; there are fewer."""
DEPTH_MAX = 4
"""Deeper fields of a line are not written: nobody reads them, and they may hide something."""
VALUE_MAX_CHARS = 8_192
"""Longer values are cut: a traceback fits."""

RULES_OF_REPAIR = ("finish_decided", "mend_structure", "put_back_missing", "count_again")
"""What the reconciler calls what it puts right."""

STATES: tuple[State, ...] = ("closed", "half_open", "open")
"""Of breakers, by their number in the metric."""

LEVELS = {"warn": "warning", "exception": "error"}
"""What methods of a logger are called otherwise in its lines."""
OF_SEVERAL_LINES = frozenset({"exception", "stack"})
"""Fields whose line ends are kept; elsewhere one could begin a false line."""

DOTS_OF_V4 = 3
COLONS_OF_V6 = 2

_with_stack = structlog.processors.StackInfoRenderer()
_CLIENT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_AROUND_AT = re.compile(
    r"""
      [\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+                    # an e-mail address
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)                      # user and password in a URL
    """,
    re.VERBOSE,
)
_CREDENTIAL = re.compile(
    r"""
      (?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*                  # a JWT
    | (?:pbk|pbr|pbi|pbs|whsec)_[\w+/=-]+                  # keys, receipts, links, sessions
    | (?i:\b(?:bearer|basic)\s+[\w.~+/=-]+)                # a credential of a header
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(
    r"(?<![\w.:-])(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:-])"
)
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control and direction characters, with which a line could pretend to be another."""

_TRACE = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
"""`traceparent` of W3C Trace Context; versions to come may say more behind."""

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)


def begin_request(said: str | None, traceparent: str | None = None) -> str:
    """Give the current task a request id and return it; the client's own if it is well formed.

    From now on its lines also name the trace it belongs to, and what it spends is added up.
    """
    chosen = said if said is not None and _CLIENT_ID.fullmatch(said) else str(uuid7())
    _request_id.set(chosen)
    found = _TRACE.fullmatch(traceparent) if traceparent else None
    _trace_id.set(found[1] if found else None)
    _spent.set({})
    return chosen


def spend(on: str, seconds: float) -> None:
    """Add up how long the current request has waited for something."""
    spent = _spent.get()
    if spent is not None:
        spent[on] = spent.get(on, 0.0) + seconds


def spent() -> Mapping[str, float]:
    """Return how long the current request has waited for what, in seconds.

    Together it may be more than the request took: it asks several things at once.
    """
    return _spent.get() or {}


def request_id() -> str | None:
    """Return the id of the request this task works for."""
    return _request_id.get()


def set_up_logging(
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["json", "text"] = "json",
    stream: TextIO | None = None,
    for_good: bool = False,
) -> None:
    """Send every line, ours and that of libraries, to standard error (or `stream`).

    Call it once, before anything is logged. `for_good`: nobody will call it again, so that loggers
    need not look at each line how they are set up.
    """
    out = stream or sys.stderr
    render: Processor = (
        _to_json
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=24)
    )
    pen = structlog.WriteLogger(out)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[_written, render],
        wrapper_class=_line_writer(number),
        logger_factory=lambda *_: pen,
        cache_logger_on_first_use=for_good,
    )
    lines = logging.StreamHandler(out)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _written],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.root.handlers = [lines]
    logging.root.setLevel(max(number, logging.INFO))  # libraries' debugging shows what they send


class Metrics:
    """What this process measures; one a process, given to whoever counts."""

    def __init__(self, *, version: str = "", worker: int = 0) -> None:
        self.registry = CollectorRegistry()
        self.edge = EdgeMetrics(self.registry)
        self.stores = StoreMetrics(self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.build = Info("postbag_build", "Release and worker.", registry=self.registry)
        self.build.info({"version": version, "worker": str(worker)})
        self.http_requests = Counter(
            "postbag_http_requests",
            "Answers by operation and status.",
            ("operation", "status"),
            registry=self.registry,
        )
        self.http_seconds = Histogram(
            "postbag_http_duration_seconds",
            "From the request's first byte read to the answer's last byte written.",
            ("operation",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.accepts = Counter(
            "postbag_posts",
            "Submissions by outcome: accepted, published, replayed, or the code of the refusal.",
            ("outcome",),
            registry=self.registry,
        )
        self.decisions = Counter(
            "postbag_decisions",
            "Decisions asked for, by what was to be done, by whom, and the outcome.",
            ("action", "actor_kind", "outcome"),
            registry=self.registry,
        )
        self.pending = Gauge(
            "postbag_pending",
            "Comments that wait, by site.",
            ("site",),
            registry=self.registry,
        )
        self.oldest_pending_seconds = Gauge(
            "postbag_oldest_pending_seconds",
            "Age of the comment that waits longest, by site.",
            ("site",),
            registry=self.registry,
        )
        self.journal_lag_seconds = Gauge(
            "postbag_journal_lag_seconds",
            "Age of the oldest accepted comment that is not yet in the journal.",
            registry=self.registry,
        )
        self.outbox_lag_seconds = Gauge(
            "postbag_outbox_lag_seconds",
            "Age of the oldest event that was not yet relayed.",
            registry=self.registry,
        )
        self.outside_checks = Counter(
            "postbag_outside_checks",
            "Comments that sites' own services were asked about, by what came of it.",
            ("outcome",),
            registry=self.registry,
        )
        self.ready_answers = Counter(
            "postbag_ready_answers",
            "Public reads answered with ready bytes before a request was made of them.",
            ["operation"],
            registry=self.registry,
        )
        self.cache_builds = Counter(
            "postbag_cache_builds",
            "Pages built: built, failed, joined (waited for another's build).",
            ("outcome",),
            registry=self.registry,
        )
        self.leads = Gauge(
            "postbag_leads",
            "1 while this process does the background work.",
            registry=self.registry,
        )
        self.durability_ok = Gauge(
            "postbag_durability_ok",
            "1 while Redis keeps what it acknowledges.",
            registry=self.registry,
        )
        self.ack_seconds = Histogram(
            "postbag_ack_durability_seconds",
            "From a comment that may be taken to one that is as durable as its level promises.",
            ("level",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.wait_short = Counter(
            "postbag_wait_short",
            "Writes that too few replicas confirmed in time; each was answered 503.",
            registry=self.registry,
        )
        self.rollback_lost = Counter(
            "postbag_redis_rollback_lost",
            "Acknowledged comments that went with a Redis that came back empty, or as it had been"
            " before: at most so many.",
            registry=self.registry,
        )
        self.losses_open = Gauge(
            "postbag_losses_open",
            "Losses of accepted comments that nobody in the newsroom has taken note of.",
            registry=self.registry,
        )
        self.redone = Counter(
            "postbag_pg_rollback_replayed",
            "Decisions that a Postgres that went back in time was given again.",
            registry=self.registry,
        )
        self.store_up = Gauge(
            "postbag_store_up",
            "1 while a store answers: postgres, redis.",
            ("store",),
            registry=self.registry,
        )
        self.shed = Counter(
            "postbag_shed",
            "What was refused or cut off for the sake of the rest, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.breaker_state = Gauge(
            "postbag_breaker_state",
            "Of each dependency: 0 closed, 1 half open, 2 open and not asked.",
            ("dep",),
            registry=self.registry,
        )
        self.reconciled = Counter(
            "postbag_reconcile_fixed",
            "Repairs by rule.",
            ("rule",),
            registry=self.registry,
        )
        for rule in RULES_OF_REPAIR:  # seen at 0 before the first repair: else nobody sees it
            self.reconciled.labels(rule)
        self.untrusted_forwarders = Counter(
            "postbag_untrusted_forwarded",
            "Requests whose forwarded address was not believed.",
            registry=self.registry,
        )
        self.webhook_attempts = Counter(
            "postbag_webhook_attempts",
            "Tries to send a webhook, by result: delivered, refused, redirect, gone, timeout, …",
            ("result",),
            registry=self.registry,
        )
        self.loop_lag_seconds = Gauge(
            "postbag_loop_lag_seconds",
            "How late the event loop woke up, at its last look.",
            registry=self.registry,
        )

    def note_breaker(self, dependency: str, state: State) -> None:
        """Take in how a breaker stands."""
        self.breaker_state.labels(dependency).set(STATES.index(state))

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _line_writer(number: int) -> type[structlog.typing.FilteringBoundLogger]:
    """Return structlog's logger of a level, with a shorter way from a call to its line."""
    usual: Any = structlog.make_filtering_bound_logger(number)

    class LineWriter(usual):  # type: ignore[misc]
        def _proxy_to_logger(self, method_name: str, event: str, **fields: Any) -> None:
            line: Any = {**self._context, **fields, "event": event}
            with suppress(structlog.DropEvent):
                for process in self._processors:
                    line = process(self._logger, method_name, line)
                self._logger.msg(line)

    return cast("type[structlog.typing.FilteringBoundLogger]", LineWriter)


def _written(logger: object, method: str, event: EventDict) -> EventDict:
    """Return a line: when, how serious, what; its fields, clean; whose request it was.

    Forbidden fields are dropped and named in `dropped`; what looks like a secret is masked.
    """
    if "exc_info" in event or "stack_info" in event:
        event = structlog.processors.format_exc_info(
            logger, method, _with_stack(logger, method, event)
        )
    line: dict[str, Any] = {"at": _now(), "level": LEVELS.get(method, method), "event": ""}
    dropped: list[str] = []
    line |= _clean_fields(event, dropped, DEPTH_MAX)
    if dropped:
        line["dropped"] = sorted(set(dropped))
    if line["event"] in SECURITY_EVENTS:
        line["stream"] = "security"
    request, trace = _request_id.get(), _trace_id.get()
    if request is not None:
        line.setdefault("request_id", request)
    if trace is not None:
        line.setdefault("trace_id", trace)
    return line


def _now() -> str:
    second, microsecond = divmod(time.time_ns() // 1_000, 1_000_000)
    return f"{_to_the_second(second)}.{microsecond:06}Z"


@lru_cache(1)
def _to_the_second(second: int) -> str:
    """Write a time; many lines share theirs."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def _clean_fields(
    fields: Mapping[str, Any], dropped: list[str], depth: int
) -> MutableMapping[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if _is_forbidden(name):
            dropped.append(str(name))
        elif value is None or isinstance(value, (int, float)):
            kept[name] = value
        elif isinstance(value, str) and name not in OF_SEVERAL_LINES:
            kept[name] = _clean_text(value).replace("\n", "\\n")
        else:
            kept[name] = _clean(value, dropped, depth - 1)
    return kept


@lru_cache(NAMES_MAX)
def _is_forbidden(name: object) -> bool:
    return str(name).lower().replace("-", "_") in FORBIDDEN_KEYS


def _clean(value: Any, dropped: list[str], depth: int) -> Any:
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if depth <= 0:
        return MASK
    if isinstance(value, Mapping):
        return _clean_fields(value, dropped, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(each, dropped, depth - 1) for each in value]
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    """Mask and escape; what cannot hold something is not searched: a line takes 12 µs, not 42."""
    text = text[:VALUE_MAX_CHARS]
    if text.isalnum() and text.isascii():
        return text  # letters and digits alone are neither an address nor a credential
    if "@" in text:
        text = _AROUND_AT.sub(MASK, text)
    if " " in text or "eyJ" in text or ("_" in text and ("pb" in text or "whsec" in text)):
        text = _CREDENTIAL.sub(MASK, text)
    if text.count(".") >= DOTS_OF_V4 or text.count(":") >= COLONS_OF_V6:
        text = _ADDRESS.sub(_mask_address, text)
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def _mask_address(found: re.Match[str]) -> str:
    """Mask somebody's address; this machine's own is nobody's."""
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_loopback or address.is_unspecified else MASK


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}"


def _to_json(_: object, __: str, event: EventDict) -> str:
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
