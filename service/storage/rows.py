"""Rows that several stores read, as the nouns they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service.model import Action, Author, Comment, Decision, Status

ERASED = UUID(int=0)
"""Stands for an author that was erased."""


def decision_of(row: Mapping[str, Any]) -> Decision:
    """Read one row of the decision log."""
    return Decision(
        site_id=row["site_id"],
        article_id=row["article_id"],
        comment_id=row["comment_id"],
        n=row["n"],
        decision_id=row["decision_id"],
        action=Action(row["action"]),
        revision=row["revision"],
        status=Status(row["status"]),
        reason=row["reason"],
        note=row["note"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        at=row["at"],
        reverses=row["reverses"],
    )


def public_comment(
    row: Mapping[str, Any], site_id: int, article_id: UUID, comment_id: UUID
) -> Comment:
    """Read a public row, tombstones included; its status is in `public_status`."""
    return Comment(
        site_id=site_id,
        article_id=article_id,
        article_key=row["article_key"],
        comment_id=comment_id,
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        depth=row["depth"],
        author=Author(
            author_id=row["author_id"] or ERASED,
            kind=row["author_kind"],
            name=row["author_name"],
            badge=row["author_badge"],
            avatar=row["author_avatar"],
            email=row["author_email"],
        ),
        text=row["text"],
        lang=row["lang"],
        status=Status(row["public_status"]),
        revision=row["revision"],
        created_at=row["created_at"],
        edited_at=row["edited_at"],
        up=row["up"],
        down=row["down"],
        pinned=row["pinned"],
        featured=row["featured"],
        reply_count=row["reply_count"],
        shown_replies=row["shown_replies"],
    )
