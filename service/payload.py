"""A waiting comment as JSON: one form for the intake journal, kept texts and the redo log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from service.model import Author, JsonObject, PendingComment, Why


def to_payload(item: PendingComment) -> dict[str, Any]:
    """Write a waiting comment as plain JSON values; `from_payload` is its inverse."""
    author = item.author
    return {
        "site_id": item.site_id,
        "site": item.site,
        "article_id": str(item.article_id),
        "article_key": item.article_key,
        "comment_id": str(item.comment_id),
        "parent_id": str(item.parent_id) if item.parent_id else None,
        "author": {
            "id": str(author.author_id),
            "kind": author.kind,
            "name": author.name,
            "badge": author.badge,
            "avatar": author.avatar,
            "email": author.email,
        },
        "text": item.text,
        "lang": item.lang,
        "created_at": item.created_at.isoformat(),
        "revision": item.revision,
        "kind": item.kind,
        "n": item.n,
        "seq": item.seq,
        "score": item.score,
        "escalated": item.escalated,
        "article_url": item.article_url,
        "article_title": item.article_title,
        "why": [
            {
                "rule": why.rule,
                "version": why.version,
                "label": why.label,
                "spans": [list(span) for span in why.spans],
                "score": why.score,
            }
            for why in item.why
        ],
        "dk": item.dk,
        "fingerprint": item.fingerprint,
        "keyed": item.keyed,
        "address_hash": item.address_hash,
        "edited_at": item.edited_at.isoformat() if item.edited_at else None,
    }


def from_payload(payload: JsonObject) -> PendingComment:
    """Read what `to_payload` wrote.

    Raises:
        KeyError, ValueError: the object was not written by `to_payload`.
    """
    author = payload["author"]
    parent, edited = payload["parent_id"], payload["edited_at"]
    return PendingComment(
        site_id=payload["site_id"],
        site=payload["site"],
        article_id=UUID(payload["article_id"]),
        article_key=payload["article_key"],
        comment_id=UUID(payload["comment_id"]),
        parent_id=UUID(parent) if parent else None,
        author=Author(
            author_id=UUID(author["id"]),
            kind=author["kind"],
            name=author["name"],
            badge=author["badge"],
            avatar=author["avatar"],
            email=author["email"],
        ),
        text=payload["text"],
        lang=payload["lang"],
        created_at=datetime.fromisoformat(payload["created_at"]),
        revision=payload["revision"],
        kind=payload["kind"],
        n=payload["n"],
        seq=payload["seq"],
        score=payload["score"],
        escalated=payload["escalated"],
        article_url=payload["article_url"],
        article_title=payload["article_title"],
        why=tuple(
            Why(
                rule=why["rule"],
                version=why["version"],
                label=why["label"],
                spans=tuple((span[0], span[1]) for span in why["spans"]),
                score=why["score"],
            )
            for why in payload["why"]
        ),
        dk=payload["dk"],
        fingerprint=payload["fingerprint"],
        keyed=payload["keyed"],
        address_hash=payload["address_hash"],
        edited_at=datetime.fromisoformat(edited) if edited else None,
    )
