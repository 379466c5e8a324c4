"""How a waiting comment lies in its Redis hash, and how it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec.structs import asdict

from service.model import JsonObject, PendingComment
from service.payload import from_payload, screened_json, why_json

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
    return from_payload(payload_of(fields))


def payload_of(fields: Mapping[bytes, bytes]) -> JsonObject:
    """Read the same as `payload.to_payload` writes it."""
    origin = orjson.loads(fields[b"origin"])
    author = origin["author"]
    author["id"] = author.pop("author_id")
    return {
        **origin,
        **orjson.loads(fields[b"draft"]),
        "text": fields[b"text"].decode(),
        "revision": int(fields[b"revision"]),
        "kind": "edit" if fields[b"kind"] == b"edit" else "new",
        "n": int(fields[b"n"]),
        "seq": int(fields[b"seq"]),
        "score": float(fields[b"score"]),
        "escalated": fields[b"escalated"] == b"1",
    }


def _origin(item: PendingComment) -> dict[str, Any]:
    return {
        "site_id": item.site_id,
        "site": item.site,
        "article_id": item.article_id,
        "article_key": item.article_key,
        "comment_id": item.comment_id,
        "parent_id": item.parent_id,
        "author": asdict(item.author),
        "created_at": item.created_at,
        "article_url": item.article_url,
        "article_title": item.article_title,
        "dk": item.dk,
        "fingerprint": item.fingerprint,
        "keyed": item.keyed,
        "address_hash": item.address_hash,
    }
