"""What somebody sent: cleaned by the text policy, and told apart from what was sent before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
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

    def by_guest(self, guest: Guest | None, *, name: str, email: str | None) -> Submission:
        """Return it as a guest's: one who came back with a receipt, or a new one."""
        named = replace(self, kind="guest", name=name, email=email)
        if guest is None:
            return named
        return replace(named, author_id=guest.author_id, generation=guest.generation)

    def by_reader(self, reader: SignedIn) -> Submission:
        """Return it as a reader's whom the site has signed in."""
        return replace(
            self,
            kind="reader",
            author_id=reader.author_id,
            subject=reader.subject,
            issuer=reader.issuer,
            name=reader.name,
            badge=reader.badge,
            avatar=reader.avatar,
            principal=f"reader:{reader.author_id}",
        )

    def by_backend(
        self,
        key: ApiKey,
        *,
        reader_id: str,
        issuer: str | None,
        name: str,
        email: str | None,
        badge: str | None,
        avatar: str | None,
    ) -> Submission:
        """Return it as the back end's for one of its readers.

        With the issuer of the reader's tokens it is the person these tokens speak for.
        """
        return replace(
            self,
            kind="backend",
            author_id=author_id_of(self.site.site_id, issuer or BACKEND_ISSUER, reader_id),
            subject=reader_id,
            issuer=issuer or None,
            name=name,
            email=email,
            badge=badge,
            avatar=avatar,
            principal=f"key:{key.key_id}",
        )


def cleaned(submission: Submission) -> Submission:
    """Apply the text policy to every field a person typed.

    Raises:
        Invalid: with every field's error, not only the first.
    """
    errors: list[FieldError] = []

    def attempt(raw: str | None, clean: Callable[[str], str]) -> str | None:
        try:
            return None if raw is None else clean(raw)
        except Invalid as failure:
            errors.extend(failure.errors)
            return None

    max_chars = submission.site.settings.body_max_chars
    body = attempt(
        submission.body, lambda raw: text.clean_body(raw, max_chars=max_chars, pointer="/body")
    )
    who = "/on_behalf_of" if submission.kind == "backend" else "/author"
    name = attempt(submission.name, lambda raw: text.clean_name(raw, pointer=f"{who}/name"))
    email = attempt(
        submission.email, lambda raw: text.clean_line(raw, max_chars=254, pointer=f"{who}/email")
    )
    badge = attempt(
        submission.badge,
        lambda raw: text.clean_line(raw, max_chars=BADGE_MAX_CHARS, pointer=f"{who}/badge"),
    )
    title = attempt(
        submission.article_title,
        lambda raw: text.clean_line(raw, max_chars=300, pointer="/article/title"),
    )
    if errors:
        raise Invalid("Some fields cannot be accepted as they are.", errors=tuple(errors))
    return replace(
        submission,
        body=body or "",
        name=name or "",
        email=email,
        badge=badge,
        article_title=title,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
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
