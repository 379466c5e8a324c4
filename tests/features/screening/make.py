"""Facts and rules with boring defaults: a test mentions only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from service.features.screening import (
    AuthorFacts,
    Facts,
    Recent,
    RuleDocument,
    RuleSet,
    Verdict,
    compile_rules,
    evaluate,
    likeness,
    shipped_rules,
)
from service.model import Mode, Status

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""A Wednesday."""

SHIPPED = compile_rules(shipped_rules())

KNOWN = AuthorFacts(kind="reader", approved=30, first_seen=NOON - timedelta(days=90))


def facts(text: str = "A harmless remark about the ferry.", **given: Any) -> Facts:
    """A comment by a known reader where comments are published at once."""
    usual: dict[str, Any] = {"now": NOON, "mode": Mode.POST, "author": KNOWN, "site": "daily"}
    return Facts(text=text, **usual | given)


def rule(when: dict[str, Any], action: str = "hold", **given: Any) -> dict[str, Any]:
    """One live rule as an editor writes it."""
    then = {"action": action} | given.pop("then", {})
    written = {"id": "the-rule", "title": "The rule", "state": "live", "when": when, "then": then}
    return written | given


def rules(*written: dict[str, Any], **document: Any) -> RuleSet:
    """Rules, ready."""
    return compile_rules(RuleDocument.model_validate({"rules": list(written)} | document))


def verdict(about: Facts, *written: dict[str, Any], **document: Any) -> Verdict:
    """What some rules make of a comment."""
    return evaluate(about, rules(*written, **document))


def is_met(when: dict[str, Any], about: Facts) -> bool:
    """Whether a condition is met."""
    return bool(verdict(about, rule(when)).why)


def earlier(text: str, minutes: int, status: Status | None = None, **given: Any) -> Recent:
    """A comment of the same author some minutes ago."""
    at = NOON - timedelta(minutes=minutes)
    return Recent(likeness=likeness(text), at=at, status=status, **given)


def marked(text: str, answer: Verdict) -> list[str]:
    """The parts of the text that are shown to a moderator."""
    return [text[start:end] for why in answer.why for start, end in why.spans]
