"""What authors are told of their own standing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from service.features.records import Ban, Told
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp


class BanOut(Wire):
    """Until when an author may not write."""

    until: Timestamp | None
    """Null: for good."""
    reason: str | None


class WarnedOut(Wire):
    """A warning as it is kept."""

    id: UUID = Field(strict=False)
    text: str
    at: Timestamp


def ban_json(ban: Ban | None) -> dict[str, Any] | None:
    """Write until when an author may not write."""
    return {"until": optional_stamp(ban.until), "reason": ban.reason} if ban else None


def told_json(told: Told) -> dict[str, Any]:
    """Write an author's ban and warnings."""
    return {
        "ban": ban_json(told.ban),
        "warnings": [
            {"id": str(each.warning_id), "text": each.text, "at": stamp(each.at)}
            for each in told.warnings
        ],
    }
