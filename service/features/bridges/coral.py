"""Coral's external moderation phases: what Coral asks, how it signs, and what it understands.

Written after coralproject/talk: `EXTERNAL_MODERATION_PHASES.md` (commit 844eaee), `WEBHOOKS.md`
(2492c18), `services/comments/pipeline/phases/external.ts` (155181c). The body is signed with
HMAC-SHA256 under the phase's secret, hex, as `X-Coral-Signature: sha256=…`, several separated by
commas while the secret is replaced. An answer may have `status`, which ends Coral's own
moderation, and `actions`; 204 leaves the comment to Coral.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from service.features.screening import Signal, Verdict

STAFF: Final = frozenset({"STAFF", "MODERATOR", "ADMIN"})
"""Coral's roles of people of the newsroom."""
SIGNATURES_MAX = 4
"""Looked at in one header; Coral sends two while a secret is replaced."""

_STATUS: Final = {
    "reject": "REJECTED",
    "refuse": "REJECTED",
    "hold": "SYSTEM_WITHHELD",
    "shadow_limit": "SYSTEM_WITHHELD",
}
"""`approve` is not among them: Coral's own moderation goes on."""
_FLAGS: Final = frozenset({"reject", "refuse", "hold", "shadow_limit", "flag"})
_DETECTED: Final = {
    "abuse": "COMMENT_DETECTED_TOXIC",
    "hate": "COMMENT_DETECTED_TOXIC",
    "harassment": "COMMENT_DETECTED_TOXIC",
    "spam": "COMMENT_DETECTED_SPAM",
    "advertising": "COMMENT_DETECTED_SPAM",
    "duplicate": "COMMENT_DETECTED_SPAM",
}
"""By our reason: of whatever else Coral has no word."""


def is_signed(raw: bytes, header: str, secret: bytes) -> bool:
    """Tell whether Coral signed a body: one of the header's signatures is the secret's."""
    expected = hmac.digest(secret, raw, "sha256").hex().encode()
    given = [part.strip().partition("=") for part in header.split(",")[:SIGNATURES_MAX]]
    fits = [
        hmac.compare_digest(signature.lower().encode("utf-8", "replace"), expected)
        for name, _, signature in given
        if name == "sha256"
    ]
    return any(fits)


def answer_of(verdict: Verdict) -> dict[str, Any] | None:
    """Return what Coral is told; None: it goes on by itself.

    Held comments are withheld until a moderator of Coral looks. What could not be checked is held
    as well, and says of nothing that it was detected.
    """
    answer: dict[str, Any] = {}
    status = _STATUS.get(verdict.ruling)
    if status is not None:
        answer["status"] = status
    detected = [_DETECTED.get(signal.reason or "") for signal in verdict.signals if _flags(signal)]
    reasons = dict.fromkeys(each for each in detected if each is not None)
    if reasons:
        answer["actions"] = [{"actionType": "FLAG", "reason": reason} for reason in reasons]
    return answer or None


def _flags(signal: Signal) -> bool:
    return signal.counts and not signal.failed and signal.effect in _FLAGS
