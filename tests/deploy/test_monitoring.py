"""What `deploy/` watches exists: every metric, every label, every page of the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from service.telemetry import RULES_OF_REPAIR, Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "postbag.json"
MANUAL = ROOT / "docs" / "operating.md"

NAME = re.compile(r"\b(?:postbag|process)[a-z0-9_:]*")
SELECTOR = re.compile(r"\b((?:postbag|process)[a-z0-9_:]*)\{([^}]*)\}")
LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
RECORDED = re.compile(r"postbag:(reads|posts):error_ratio_(5m|30m|1h|6h)")
SCRAPED = frozenset({"instance", "job"})
"""Labels that Prometheus itself adds."""
SAMPLES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
PROMISED = [
    "postbag_http_requests_total",
    "postbag_http_duration_seconds",
    "postbag_posts_total",
    "postbag_ack_durability_seconds",
    "postbag_wait_short_total",
    "postbag_pending",
    "postbag_oldest_pending_seconds",
    "postbag_leases",
    "postbag_decisions_total",
    "postbag_decide_conflicts_total",
    "postbag_finish_result_total",
    "postbag_reconcile_fixed_total",
    "postbag_redis_rollback_lost_total",
    "postbag_pg_rollback_replayed_total",
    "postbag_quarantine",
    "postbag_outbox_lag_seconds",
    "postbag_cache_hits_total",
    "postbag_cache_misses_total",
    "postbag_cache_stale_total",
    "postbag_cache_inval_total",
    "postbag_pubsub_reconnects_total",
    "postbag_sse_clients",
    "postbag_sse_dropped_total",
    "postbag_pool_size",
    "postbag_pool_in_use",
    "postbag_pool_wait_seconds",
    "postbag_breaker_state",
    "postbag_loop_lag_seconds",
    "postbag_shed_total",
    "postbag_rate_limited_total",
    "postbag_rule_seconds",
    "postbag_auth_failures_total",
    "postbag_webhook_attempts_total",
    "postbag_durability_ok",
    "postbag_build_info",
]
"""The list of security.md 6.1."""


def metrics() -> Iterator[MetricWrapperBase]:
    made = Metrics()
    for room in (made, made.edge, made.stores):
        yield from (each for each in vars(room).values() if isinstance(each, MetricWrapperBase))


def labels_of_samples() -> dict[str, set[str]]:
    """Return the labels of each name that a process exports."""
    found: dict[str, set[str]] = {"process_resident_memory_bytes": set()}
    for metric in metrics():
        kind, name = metric._type, metric._name  # noqa: SLF001 - nothing public tells of labels
        for suffix in SAMPLES[str(kind)]:
            labels = set(metric._labelnames)  # noqa: SLF001 - the same
            if suffix == "_bucket":
                labels.add("le")
            found[name + suffix] = labels
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [
        {"group": group["name"], **rule} for group in document["groups"] for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> dict[str, str]:
    """Return every expression of both files, by where it stands."""
    found = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def headings() -> set[str]:
    """Return the anchors of the manual's headings."""
    lines = re.findall(r"^#+ (.+)$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("where", expressions())
def test_every_metric_that_is_watched_exists_with_its_labels(where: str) -> None:
    expression, known = expressions()[where], labels_of_samples()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named = set(NAME.findall(re.sub(r"\{[^}]*\}|\bby \([^)]*\)", "", expression)))
    assert named, expression
    assert named <= set(known) | recorded
    for name, selector in SELECTOR.findall(expression):
        assert set(LABEL.findall(re.sub(r'"[^"]*"', '""', selector))) <= known[name] | SCRAPED
    for grouped in GROUPED.findall(expression):
        wanted = {each.strip() for each in grouped.split(",")}
        assert all(wanted <= known.get(name, set()) | SCRAPED for name in named), expression


@pytest.mark.parametrize("where", expressions())
def test_every_expression_closes_what_it_opens(where: str) -> None:
    expression = re.sub(r'"[^"]*"', "", expressions()[where])
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_how_urgent_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Postbag[A-Z][A-Za-z]+", alert["alert"])
    assert set(alert) <= {"group", "alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", alert.get("for", "0s"))
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"].endswith(".")
    page, _, heading = alert["annotations"]["runbook"].partition("#")
    assert page == "docs/operating.md"
    assert heading in headings()


def test_every_alert_has_a_name_of_its_own() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names))
    assert {alert["labels"]["severity"] for alert in alerts()} == {"page", "ticket"}


@pytest.mark.parametrize(("kind", "budget"), [("reads", 0.0005), ("posts", 0.001)])
def test_budgets_are_watched_over_a_long_and_a_short_time_each(kind: str, budget: float) -> None:
    """Burn rates of 14.4 over 1 h and 5 min, of 6 over 6 h and 30 min (security.md 6.4)."""
    burning = [each["expr"] for each in alerts() if f"postbag:{kind}:" in each["expr"]]
    for factor, long, short in ((14.4, "1h", "5m"), (6, "6h", "30m")):
        assert (
            f"postbag:{kind}:error_ratio_{long} > {factor} * {budget}\n"
            f"and postbag:{kind}:error_ratio_{short} > {factor} * {budget}"
        ) in burning
    assert len(burning) == 2


def test_recorded_ratios_look_as_far_back_as_they_are_called() -> None:
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    assert len(recorded) == 8
    for name, expression in recorded.items():
        found = RECORDED.fullmatch(name)
        assert found is not None
        assert re.findall(r"\[(\w+)\]", expression) == [found[2]] * 2


def test_repairs_that_wake_somebody_are_called_as_the_reconciler_calls_them() -> None:
    watched = {rule for each in alerts() for rule in re.findall(r'rule="(\w+)"', each["expr"])}
    assert watched
    assert watched <= set(RULES_OF_REPAIR)
    source = (ROOT / "service" / "features" / "reconcile.py").read_text(encoding="utf-8")
    assert set(re.findall(r'self\.mended\("(\w+)"', source)) == set(RULES_OF_REPAIR)


def test_the_dashboard_has_a_row_for_each_part_and_its_panels_do_not_overlap() -> None:
    titles = [panel["title"] for panel in panels() if panel["type"] == "row"]
    assert titles == ["Reads", "Posts", "Moderation", "Stores", "Process"]
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", PROMISED)
def test_every_metric_that_is_promised_exists(name: str) -> None:
    known = {metric._name for metric in metrics()}  # noqa: SLF001 - as above
    assert name in labels_of_samples() or name in known


def test_every_metric_says_what_it_counts() -> None:
    for metric in metrics():
        assert metric._documentation.endswith(".") or metric._documentation.endswith("…")  # noqa: SLF001 - as above
