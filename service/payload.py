"""A waiting comment as JSON: one form for the intake journal, kept texts and the redo log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec.structs import asdict

from service.model import Alert, Author, JsonObject, PendingComment, Role, Screened, Why


def stamp(at: datetime) -> str:
    """Write a time as the API does: RFC 3339, UTC, milliseconds."""
    # orjson writes times six times as fast as `isoformat`; all it lacks is the milliseconds.
    written = orjson.dumps(at.astimezone(UTC), option=orjson.OPT_OMIT_MICROSECONDS)
    return f"{written[1:20].decode()}.{at.microsecond // 1_000:03}Z"


def optional_stamp(at: datetime | None) -> str | None:
    """Write a time that may be missing."""
    return stamp(at) if at else None


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
        "why": [why_json(why) for why in item.why],
        "screened": screened_json(item.screened) if item.screened else None,
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
        why=tuple(read_why(why) for why in payload["why"]),
        screened=read_screened(payload.get("screened")),
        dk=payload["dk"],
        fingerprint=payload["fingerprint"],
        keyed=payload["keyed"],
        address_hash=payload["address_hash"],
        edited_at=datetime.fromisoformat(edited) if edited else None,
    )


def why_json(why: Why) -> dict[str, Any]:
    """Write a signal as plain JSON values; `read_why` is its inverse."""
    return {
        "rule": why.rule,
        "version": why.version,
        "label": why.label,
        "spans": [list(span) for span in why.spans],
        "score": why.score,
        "effect": why.effect,
        "severity": why.severity,
        "error": why.error,
    }


def read_why(written: JsonObject) -> Why:
    """Read what `why_json` wrote, or the release before it."""
    return Why(
        rule=written["rule"],
        version=written["version"],
        label=written["label"],
        spans=tuple((span[0], span[1]) for span in written["spans"]),
        score=written["score"],
        effect=written.get("effect", "hold"),
        severity=written.get("severity", 0),
        error=written.get("error"),
    )


def screened_json(screened: Screened) -> dict[str, Any]:
    """Write what screening saw as plain JSON values; `read_screened` is its inverse."""
    return {
        "at": screened.at.isoformat(),
        "ruling": screened.ruling,
        "rule": screened.rule,
        "rule_version": screened.rule_version,
        "reason": screened.reason,
        "severity": screened.severity,
        "risk": screened.risk,
        "raise_by": screened.raise_by,
        "scores": dict(screened.scores),
        "lang": screened.lang,
        "tricks": list(screened.tricks),
        "likeness": screened.likeness,
        "position": screened.position,
        "depth": screened.depth,
        "shadow": [why_json(why) for why in screened.shadow],
        "alert": asdict(screened.alert) if screened.alert else None,
    }


def read_screened(written: JsonObject | None) -> Screened | None:
    """Read what `screened_json` wrote; None where nothing was."""
    if written is None:
        return None
    return Screened(
        at=datetime.fromisoformat(written["at"]),
        ruling=written["ruling"],
        rule=written["rule"],
        rule_version=written["rule_version"],
        reason=written["reason"],
        severity=written["severity"],
        risk=written["risk"],
        raise_by=written["raise_by"],
        scores=written["scores"],
        lang=written["lang"],
        tricks=tuple(written["tricks"]),
        likeness=written["likeness"],
        position=written["position"],
        depth=written["depth"],
        shadow=tuple(read_why(why) for why in written["shadow"]),
        alert=_read_alert(written.get("alert")),
    )


def _read_alert(written: JsonObject | None) -> Alert | None:
    """Read an alert; the release before wrote none."""
    if written is None:
        return None
    return Alert(
        rule=written["rule"],
        label=written["label"],
        severity=written["severity"],
        role=Role(written["role"]),
    )
