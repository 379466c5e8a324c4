"""How a waiting comment lies in its Redis hash, and how it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from service.model import Author, PendingComment
from service.payload import read_screened, read_why, screened_json, why_json

FieldValue = str | bytes | int


def created_ms(item: PendingComment) -> int:
    """When a comment was made, in whole milliseconds since 1970."""
    return int(item.created_at.timestamp() * 1000)


def to_fields(item: PendingComment) -> dict[str, FieldValue]:
    """Write a comment as hash fields; `from_fields` is the inverse.

    What scripts read or change has a field of its own; `origin` holds what never changes,
    `draft` what an edit replaces beside the text.
    """
    return {
        **edit_fields(item),
        # asyncpg has UUIDs of its own, which orjson does not know.
        "origin": orjson.dumps(_origin(item), default=str),
        "created": created_ms(item),
        "revision": item.revision,
        "kind": item.kind,
        "n": item.n,
        "seq": item.seq,
        "score": score_text(item.score),
        "escalated": int(item.escalated),
    }


def edit_fields(item: PendingComment) -> dict[str, FieldValue]:
    """Write only what an edit replaces."""
    return {
        "text": item.text,
        "draft": orjson.dumps(
            {
                "lang": item.lang,
                "edited_at": item.edited_at,
                "why": [why_json(why) for why in item.why],
                "screened": screened_json(item.screened) if item.screened else None,
            },
        ),
    }


def score_text(score: float) -> str:
    """Write a score so that Redis reads the very same number."""
    return repr(float(score))


def from_fields(fields: Mapping[bytes, bytes]) -> PendingComment:
    """Read what `to_fields` wrote, after whatever the scripts did to it."""
    origin = orjson.loads(fields[b"origin"])
    draft = orjson.loads(fields[b"draft"])
    author = origin["author"]
    return PendingComment(
        site_id=origin["site_id"],
        site=origin["site"],
        article_id=UUID(origin["article_id"]),
        article_key=origin["article_key"],
        comment_id=UUID(origin["comment_id"]),
        parent_id=_optional_uuid(origin["parent_id"]),
        author=Author(
            author_id=UUID(author["author_id"]),
            kind=author["kind"],
            name=author["name"],
            badge=author["badge"],
            avatar=author["avatar"],
            email=author["email"],
        ),
        text=fields[b"text"].decode(),
        lang=draft["lang"],
        created_at=datetime.fromisoformat(origin["created_at"]),
        revision=int(fields[b"revision"]),
        kind="edit" if fields[b"kind"] == b"edit" else "new",
        n=int(fields[b"n"]),
        seq=int(fields[b"seq"]),
        score=float(fields[b"score"]),
        escalated=fields[b"escalated"] == b"1",
        article_url=origin["article_url"],
        article_title=origin["article_title"],
        why=tuple(read_why(why) for why in draft["why"]),
        screened=read_screened(draft.get("screened")),
        dk=origin["dk"],
        fingerprint=origin["fingerprint"],
        keyed=origin["keyed"],
        address_hash=origin["address_hash"],
        edited_at=_optional_time(draft["edited_at"]),
    )


def _origin(item: PendingComment) -> dict[str, Any]:
    return {
        "site_id": item.site_id,
        "site": item.site,
        "article_id": item.article_id,
        "article_key": item.article_key,
        "comment_id": item.comment_id,
        "parent_id": item.parent_id,
        "author": item.author,
        "created_at": item.created_at,
        "article_url": item.article_url,
        "article_title": item.article_title,
        "dk": item.dk,
        "fingerprint": item.fingerprint,
        "keyed": item.keyed,
        "address_hash": item.address_hash,
    }


def _optional_uuid(text: str | None) -> UUID | None:
    return UUID(text) if text is not None else None


def _optional_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
