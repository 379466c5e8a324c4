"""What somebody sent: cleaned by the text policy, and told apart from what was sent before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
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
from service.model import ApiKey, Site

EMAIL_MAX_CHARS = 254
"""As RFC 5321 has it."""

TITLE_MAX_CHARS = 300
"""Of an article, as the back end may say it."""


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
    for name, door in _doors(submission).items():
        raw = getattr(submission, name)
        if raw is None:
            continue
        try:
            clean = door(raw)
        except Invalid as failure:
            errors.extend(failure.errors)
            continue
        if clean != raw:
            changed[name] = clean
    if errors:
        raise Invalid("Some fields cannot be accepted as they are.", errors=tuple(errors))
    return replace(submission, **changed) if changed else submission


def _doors(submission: Submission) -> dict[str, Callable[[str], str]]:
    """Return what each field that a person typed has to pass."""
    settings = submission.site.settings
    who = "/on_behalf_of" if submission.kind == "backend" else "/author"
    line = text.clean_line
    return {
        "body": partial(text.clean_body, max_chars=settings.body_max_chars, pointer="/body"),
        "name": partial(text.clean_name, pointer=f"{who}/name"),
        "email": partial(line, max_chars=EMAIL_MAX_CHARS, pointer=f"{who}/email"),
        "badge": partial(line, max_chars=BADGE_MAX_CHARS, pointer=f"{who}/badge"),
        "article_title": partial(line, max_chars=TITLE_MAX_CHARS, pointer="/article/title"),
    }


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
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.hexdigest()
