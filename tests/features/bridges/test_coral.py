from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from service.features.bridges.coral import answer_of, is_signed
from service.features.bridges.opinion import plain
from service.features.screening import Facts, RuleDocument, Verdict, compile_rules, evaluate, unread

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = b"a-signing-secret-that-coral-made"
BODY = b'{"action":"NEW"}'


def signature(secret: bytes = SECRET, body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "header",
    [
        signature(),
        signature().upper().replace("SHA256", "sha256"),
        f"{signature(b'the secret before')},{signature()}",
        f"{signature()}, {signature(b'the secret before')}",
    ],
)
def test_a_body_that_coral_signed_is_taken(header: str) -> None:
    assert is_signed(BODY, header, SECRET)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        signature(b"another secret"),
        signature(body=BODY + b" "),
        signature().removeprefix("sha256="),
        signature().replace("sha256", "sha1"),
        "sha256=é",
        ",".join(["sha256=00"] * 9 + [signature()]),
    ],
)
def test_any_other_is_not(header: str) -> None:
    assert not is_signed(BODY, header, SECRET)


def ruled(**then: Any) -> Verdict:
    """Screen a comment that one rule is about."""
    rule = {
        "id": "herring",
        "title": "Herring",
        "state": "live",
        "when": {"text": {"words": ["herring"]}},
        "then": then,
    }
    rules = compile_rules(RuleDocument.model_validate({"version": 1, "rules": [rule]}))
    return evaluate(Facts(text="Where is the herring?", now=NOON), rules)


TOXIC = {"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"}
SPAM = {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"}


@pytest.mark.parametrize(
    ("then", "answer"),
    [
        ({"action": "reject", "reason": "spam"}, {"status": "REJECTED", "actions": [SPAM]}),
        ({"action": "refuse", "reason": "hate"}, {"status": "REJECTED", "actions": [TOXIC]}),
        ({"action": "hold", "reason": "abuse"}, {"status": "SYSTEM_WITHHELD", "actions": [TOXIC]}),
        ({"action": "hold", "reason": "personal_data"}, {"status": "SYSTEM_WITHHELD"}),
        ({"action": "hold"}, {"status": "SYSTEM_WITHHELD"}),
        ({"action": "shadow_limit"}, {"status": "SYSTEM_WITHHELD"}),
        ({"action": "flag", "reason": "advertising"}, {"actions": [SPAM]}),
        ({"action": "flag", "reason": "off_topic"}, None),
        ({"action": "raise", "raise": 2.0, "reason": "abuse"}, None),
        ({"action": "approve"}, None),
        ({"action": "none"}, None),
    ],
)
def test_each_ruling_is_said_in_words_of_coral(
    then: Mapping[str, Any], answer: Mapping[str, Any] | None
) -> None:
    """Nothing of ours approves a comment there."""
    assert answer_of(ruled(**then)) == answer


def test_what_could_not_be_checked_is_withheld_and_called_nothing() -> None:
    assert answer_of(unread(ValueError())) == {"status": "SYSTEM_WITHHELD"}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Plain, 1 < 2 &amp; so on", "Plain, 1 < 2 &amp; so on"),
        ("<div>You <b>id</b>iot</div><div>R&amp;D</div>", "You idiot\n\nR&D"),
        ('See <a href="https://bit.ly/x" rel="nofollow">here</a>', "See  https://bit.ly/x here"),
        ("line<br>line", "line\nline"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_simple_html_is_read_as_what_it_says(sent: str, read: str) -> None:
    assert plain(sent) == read
