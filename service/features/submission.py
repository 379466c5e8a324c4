"""What somebody sent: cleaned by the text policy, and told apart from what was sent before."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, TypedDict
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.errors import FieldError, Invalid
from service.features import text
from service.features.access import Guest
from service.features.reader_tokens import (
    BACKEND_ISSUER,
    BADGE_MAX_CHARS,
    SignedIn,
    author_id_of,
)
from service.features.text.policy import NAME_MAX_CHARS
from service.model import ApiKey, Site

EMAIL_MAX_CHARS = 254
"""As RFC 5321 has it."""

TITLE_MAX_CHARS = 300
"""Of an article, as the back end may say it."""

DOORS = (
    ("body", text.clean_body, None, "/body"),
    ("name", text.clean_name, NAME_MAX_CHARS, "name"),
    ("email", text.clean_line, EMAIL_MAX_CHARS, "email"),
    ("badge", text.clean_line, BADGE_MAX_CHARS, "badge"),
    ("article_title", text.clean_line, TITLE_MAX_CHARS, "/article/title"),
)
"""What each field that a person typed has to pass, its characters (None: the site says how many),
and where it stands: without a slash below whoever writes."""


class Submission(Struct, frozen=True, kw_only=True):
    """What somebody sent, before the text policy."""

    site: Site
    article_key: str
    body: str
    parent_id: UUID | None = None
    kind: Literal["guest", "reader", "backend"] = "guest"
    author_id: UUID | None = None
    """A signed-in reader's or a receipt's guest; None for a new guest."""
    generation: int = 0
    subject: str | None = None
    """What the site calls its reader; None for guests."""
    issuer: str | None = None
    """Who signed the reader in, if that was said."""
    name: str = ""
    email: str | None = None
    badge: str | None = None
    avatar: str | None = None
    article_url: str | None = None
    article_title: str | None = None
    lang: str | None = None
    principal: str = "guest"
    """Who vouches for the idempotency key: `guest`, `reader:<id>` or `key:<id>` (Ruling 2)."""
    idempotency_key: str | None = None
    address_hash: str = ""
    """Keyed hash of the sender's network; never the address."""


class Sender(TypedDict, total=False):
    """Who sends: the fields of a submission that say so."""

    kind: Literal["guest", "reader", "backend"]
    author_id: UUID | None
    generation: int
    subject: str | None
    issuer: str | None
    name: str
    email: str | None
    badge: str | None
    avatar: str | None
    principal: str


def sent_by_guest(guest: Guest | None, *, name: str, email: str | None) -> Sender:
    """Say that a guest sends it: one who came back with a receipt, or a new one."""
    if guest is None:
        return {"name": name, "email": email}
    return {
        "author_id": guest.author_id,
        "generation": guest.generation,
        "name": name,
        "email": email,
    }


def sent_by_reader(reader: SignedIn) -> Sender:
    """Say that a reader sends it whom the site has signed in."""
    return {
        "kind": "reader",
        "author_id": reader.author_id,
        "subject": reader.subject,
        "issuer": reader.issuer,
        "name": reader.name,
        "badge": reader.badge,
        "avatar": reader.avatar,
        "principal": f"reader:{reader.author_id}",
    }


def sent_by_backend(
    site: Site,
    key: ApiKey,
    *,
    reader_id: str,
    issuer: str | None,
    name: str,
    email: str | None,
    badge: str | None,
    avatar: str | None,
) -> Sender:
    """Say that a site's back end sends it for one of its readers.

    With the issuer of the reader's tokens it is the person these tokens speak for.
    """
    return {
        "kind": "backend",
        "author_id": author_id_of(site.site_id, issuer or BACKEND_ISSUER, reader_id),
        "subject": reader_id,
        "issuer": issuer or None,
        "name": name,
        "email": email,
        "badge": badge,
        "avatar": avatar,
        "principal": f"key:{key.key_id}",
    }


def cleaned(submission: Submission) -> Submission:
    """Apply the text policy to every field a person typed.

    Raises:
        Invalid: with every field's error, not only the first.
    """
    errors: list[FieldError] = []
    changed: dict[str, Any] = {}
    who = "/on_behalf_of" if submission.kind == "backend" else "/author"
    for name, door, max_chars, place in DOORS:
        raw = getattr(submission, name)
        if raw is None:
            continue
        pointer = place if place.startswith("/") else f"{who}/{place}"
        try:
            clean = door(
                raw, max_chars=max_chars or submission.site.settings.body_max_chars, pointer=pointer
            )
        except Invalid as failure:
            errors.extend(failure.errors)
            continue
        if clean != raw:
            changed[name] = clean
    if errors:
        raise Invalid("Some fields cannot be accepted as they are.", errors=tuple(errors))
    return replace(submission, **changed) if changed else submission


class Keys(Struct, frozen=True, kw_only=True):
    """What tells a submission from every other."""

    dk: str
    """Hex SHA-256 of (site, article, principal, key), or of the submission itself without one."""
    fingerprint: str
    """Hex SHA-256 over body, parent, name and e-mail after the text policy (Ruling 2)."""

    @classmethod
    def of(cls, submission: Submission) -> Keys:
        """Derive both from a cleaned submission."""
        fingerprint = _digest(
            submission.body,
            str(submission.parent_id or ""),
            submission.name,
            submission.email or "",
        )
        place = (str(submission.site.site_id), submission.article_key)
        if submission.idempotency_key is not None:
            dk = _digest(*place, submission.principal, "key", submission.idempotency_key)
        else:
            author = submission.author_id.hex if submission.author_id else submission.address_hash
            dk = _digest(*place, submission.principal, "text", author, fingerprint)
        return cls(dk=dk, fingerprint=fingerprint)


def _digest(*parts: str) -> str:
    """Hash parts so that no two lists of parts share a digest by running together."""
    said = bytearray()
    for part in parts:
        raw = part.encode()
        said += len(raw).to_bytes(4, "big")
        said += raw
    return hashlib.sha256(said).hexdigest()
