"""What a reader is handed of their own, and what is said when they are forgotten."""

from __future__ import annotations

from typing import Any, Literal

from service.features.erasures import Everything
from service.web.wire.base import Timestamp, Wire, stamp
from service.web.wire.comments import CommentOut, found_json
from service.web.wire.records import RecordOut, record_json


class VotedOut(Wire):
    """A vote that a reader gave."""

    comment_id: str
    value: Literal[1, -1]
    at: Timestamp


class ReportedOut(Wire):
    """A report that a reader made."""

    comment_id: str
    reason: str
    text: str
    at: Timestamp


class EverythingOut(Wire):
    """Everything a site holds of one reader."""

    reader: RecordOut
    comments: list[CommentOut]
    """All, oldest first, with the text wherever it is."""
    votes: list[VotedOut]
    reports: list[ReportedOut]


class ErasedOut(Wire):
    """A reader is forgotten, or about to be."""

    state: Literal["running", "done"]


def everything_json(everything: Everything) -> dict[str, Any]:
    """Write down everything."""
    return {
        "reader": record_json(everything.person),
        "comments": [found_json(found) for found in everything.comments],
        "votes": [
            {"comment_id": str(each.comment_id), "value": each.value, "at": stamp(each.at)}
            for each in everything.votes
        ],
        "reports": [
            {
                "comment_id": str(each.comment_id),
                "reason": each.reason,
                "text": each.text,
                "at": stamp(each.at),
            }
            for each in everything.reports
        ],
    }
