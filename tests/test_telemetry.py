from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry import (
    FORBIDDEN_KEYS,
    METRICS_TYPE,
    SECURITY_EVENTS,
    Metrics,
    begin_request,
    request_id,
    set_up_logging,
    spend,
    spent,
)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Give the other tests back the logging they had."""
    before, lines, level = structlog.get_config(), logging.root.handlers, logging.root.level
    yield
    structlog.configure(**before)
    logging.root.handlers = lines
    logging.root.setLevel(level)


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def logged(event: str = "it_happened", **fields: Any) -> dict[str, Any]:
    out = io.StringIO()
    set_up_logging(stream=out)
    structlog.get_logger().info(event, **fields)
    (line,) = lines_of(out)
    return line


def test_a_line_is_one_json_object_that_begins_with_when_and_what() -> None:
    line = logged(comment="018f3a5e", outcome="applied", seconds=0.25)
    assert list(line)[:3] == ["at", "level", "event"]
    assert line["at"].endswith("Z")
    assert line | {"level": "info", "event": "it_happened", "seconds": 0.25} == line


def test_forbidden_fields_are_dropped_however_they_are_spelled_and_named_instead() -> None:
    fields = {name.upper().replace("_", "-"): "canary" for name in FORBIDDEN_KEYS}
    line = logged(**fields, inner={"token": "canary", "kept": [{"email": "canary"}, 1]})
    assert "canary" not in json.dumps(line)
    assert set(line["dropped"]) == {*fields, "token", "email"}
    assert line["inner"] == {"kept": [{}, 1]}


@pytest.mark.parametrize(
    "canary",
    [
        "leila@daily.example",
        "192.0.2.17",
        "2001:db8::17",
        "2001:db8:0:1:2:3:4:5",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "pbk_4fZ9aaaa" + "s" * 49,
        "pbr_" + "r" * 48,
        "pbi_" + "i" * 43,
        "whsec_" + "c2VjcmV0" * 4,
        "Bearer abc.def",
        "redis://postbag:hunter2@store/0",
    ],
)
@pytest.mark.parametrize("where", ["{}", "refused {}, twice", "({})", "of={}"])
def test_what_looks_like_a_person_or_a_secret_is_masked(canary: str, where: str) -> None:
    out = io.StringIO()
    set_up_logging(stream=out)
    said = where.format(canary)
    structlog.get_logger().warning(said, detail=said, deep=[said], error=ValueError(said))
    try:
        int(said)
    except ValueError:
        structlog.get_logger().exception("failed")
    logging.getLogger("library").error("about %s", said)
    assert len(lines_of(out)) == 3
    assert canary not in out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-23T15:29:57.113Z",
        "018f3a5e-0000-7000-8000-000000000001",
        "http://127.0.0.1:8080",
        "listening on 0.0.0.0",
        "Redis 7.0.15",
        "asyncpg::pool",
        "/v1/sites/daily/articles/story-1/comments",
    ],
)
def test_what_an_operator_needs_stays(harmless: str) -> None:
    assert logged(what=harmless)["what"] == harmless


@pytest.mark.parametrize("unit", ["a", "a@", "eyJ", "1.", ":", "bearer ", "://a:", "pbk_"])
def test_no_text_keeps_the_masks_busy(unit: str) -> None:
    # A pattern that looks back again and again would take seconds.
    started = time.perf_counter()
    logged(what=unit * 10_000 + "@")
    assert time.perf_counter() - started < 0.5


def test_no_value_can_begin_a_line_or_turn_its_direction() -> None:
    out = io.StringIO()
    set_up_logging(stream=out, form="text")
    forged = "fine\n[info     ] paid \u202edrow\x1b[2J\x85\u2028"
    structlog.get_logger().info(forged, name=forged)
    assert len(out.getvalue().splitlines()) == 1
    assert not set(out.getvalue()) & set("\u202e\x1b\x85\u2028")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_is_kept_whole(form: Literal["json", "text"]) -> None:
    out = io.StringIO()
    set_up_logging(stream=out, form=form)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")
    said = lines_of(out)[0]["exception"] if form == "json" else out.getvalue()
    assert "test_telemetry.py" in said
    assert len(said.splitlines()) >= 3


def test_less_serious_lines_than_asked_for_are_left_out() -> None:
    out = io.StringIO()
    set_up_logging(stream=out, level="warning")
    structlog.get_logger().info("unimportant")
    logging.getLogger("library").info("unimportant")
    structlog.get_logger().warning("important")
    assert [line["event"] for line in lines_of(out)] == ["important"]


def test_libraries_never_show_their_debugging() -> None:
    out = io.StringIO()
    set_up_logging(stream=out, level="debug")
    logging.getLogger("library").debug("what was sent")
    structlog.get_logger().debug("ours")
    assert [line["event"] for line in lines_of(out)] == ["ours"]


@pytest.mark.parametrize("said", [None, "", "short", "x" * 65, "has blank", "line\nend", "ü" * 10])
def test_a_request_gets_an_id_of_ours_unless_the_clients_is_well_formed(said: str | None) -> None:
    given = begin_request(said)
    assert given == request_id() != said
    assert len(given) == 36
    assert begin_request("client-4711") == request_id() == "client-4711"


async def test_each_task_has_the_id_of_its_own_request() -> None:
    out = io.StringIO()
    set_up_logging(stream=out)

    async def serve(name: str, gate: asyncio.Barrier) -> None:
        begin_request(name)
        await gate.wait()
        structlog.get_logger().info("served", expected=name)

    gate = asyncio.Barrier(3)
    await asyncio.gather(*(serve(f"request-{n}", gate) for n in range(3)))
    assert {line["request_id"] for line in lines_of(out)} == {f"request-{n}" for n in range(3)}
    assert all(line["request_id"] == line["expected"] for line in lines_of(out))


def test_metrics_are_rendered_as_prometheus_reads_them() -> None:
    metrics = Metrics(version="1.2.3", worker=4)
    metrics.http_requests.labels("post_comment", "202").inc()
    metrics.http_seconds.labels("post_comment").observe(0.02)
    metrics.accepts.labels("OK").inc(2)
    metrics.pending.labels("daily").set(17)
    families = {
        family.name: family for family in text_string_to_metric_families(metrics.render().decode())
    }
    assert METRICS_TYPE.startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["postbag_http_requests_total", "202", "post_comment"] == 1
    assert samples["postbag_http_duration_seconds_count", "post_comment"] == 1
    assert samples["postbag_posts_total", "OK"] == 2
    assert samples["postbag_pending", "daily"] == 17
    assert samples["postbag_build_info", "1.2.3", "4"] == 1
    assert all(family.documentation for family in families.values())


def test_two_services_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.decisions.labels("approve", "key", "applied").inc()
    assert b"postbag_decisions_total{" in first.render()
    assert b"postbag_decisions_total{" not in second.render()


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", "a" * 32),
        (f"42-{'a' * 32}-{'b' * 16}-01-later", "a" * 32),
        (f"00-{'0' * 32}-{'b' * 16}-01", None),
        (f"00-{'a' * 32}-{'0' * 16}-01", None),
        (f"ff-{'a' * 32}-{'b' * 16}-01", None),
        (f"00-{'A' * 32}-{'b' * 16}-01", None),
        (f"00-{'a' * 32}-{'b' * 16}-01\n", None),
        ("", None),
        (None, None),
    ],
)
async def test_lines_name_the_trace_of_a_well_formed_traceparent(
    traceparent: str | None, trace_id: str | None
) -> None:
    begin_request(None, traceparent)
    assert logged().get("trace_id") == trace_id


async def test_what_a_request_spends_is_added_up_also_of_its_tasks() -> None:
    begin_request(None)
    spend("redis", 0.25)

    async def ask() -> None:
        spend("redis", 0.5)
        spend("postgres", 1.0)

    await asyncio.gather(ask(), ask())
    assert spent() == {"redis": 1.25, "postgres": 2.0}
    begin_request(None)
    assert spent() == {}


@pytest.mark.parametrize("event", sorted(SECURITY_EVENTS))
def test_events_of_security_have_a_stream_of_their_own(event: str) -> None:
    assert logged(event)["stream"] == "security"
    assert "stream" not in logged(f"{event}.other")
