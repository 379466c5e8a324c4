"""What there is to hear of."""

from __future__ import annotations

from typing import Final

KINDS: Final = (
    "comment.pending",
    "comment.approved",
    "comment.rejected",
    "comment.removed",
    "comment.restored",
    "comment.edited",
    "comment.deleted",
    "comment.reported",
    "comment.alerted",
    "comment.featured",
    "article.created",
    "article.closed",
    "reader.banned",
    "appeal.opened",
    "appeal.decided",
    "count.changed",
)
"""What there is to hear of (api.md)."""
TEST: Final = "webhook.test"
"""What is sent to try an endpoint; nobody chooses it."""
