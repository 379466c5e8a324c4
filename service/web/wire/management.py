"""What a site's back end and its operators ask for and receive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec.structs import asdict
from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from service.features.articles import ArticleChanges
from service.features.token_keys import TokenKey
from service.model import (
    ApiKey,
    Article,
    ArticleState,
    Mode,
    Scope,
    Site,
    SiteSettings,
)
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp
from service.web.wire.submissions import HttpAddress, Language

StateName = Literal["open", "premoderated", "closed", "off"]
ModeName = Literal["pre", "post", "trusted"]
ScopeName = Literal["read", "write", "moderate", "manage"]
RoleName = Literal["viewer", "moderator", "senior", "editor", "admin"]

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT", re.ASCII)


def _written_out(value: object) -> object:
    """Refuse what pydantic would take for seconds since 1970."""
    if not isinstance(value, str) or not _RFC3339.match(value):
        raise ValueError("A time is written as RFC 3339, e.g. 2026-11-23T15:29:57Z.")
    return value


Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
ArticleKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Origin = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", max_length=255, to_lower=True
    ),
]
Sentence = Annotated[str, StringConstraints(max_length=1_000)]
OwnReason = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]


Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ArticleChangesIn(Wire):
    """What to change of an article: what is left out stays, null clears."""

    url: HttpAddress | None = None
    title: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    lang: Language | None = None
    state: StateName | None = None
    mode: ModeName | None = None
    """Overrides the site's mode."""
    close_at: Time | None = None
    aliases: Annotated[list[ArticleKey], Field(max_length=50)] | None = None
    """All other keys that lead to this article from now on."""
    views_per_hour: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    section: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """Rules may ask it, as the next two."""
    tags: Annotated[list[Label], Field(max_length=50)] | None = None
    published_at: Time | None = None

    def changes(self) -> ArticleChanges:
        """Return what was said, and nothing of what was left out."""
        said: ArticleChanges = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if name == "state" and value is not None:
                value = ArticleState(value)
            if name == "mode" and value is not None:
                value = Mode(value)
            said[name] = value  # type: ignore[literal-required]
        return said


class MergeIn(Wire):
    """The article that takes another's comments."""

    into: ArticleKey


class ArticleOut(Wire):
    """An article as the back end described it, or as readers found it."""

    key: str
    url: str | None
    title: str | None
    lang: str | None
    state: StateName
    mode: ModeName | None
    close_at: Timestamp | None
    aliases: list[str]
    views_per_hour: float | None
    section: str | None
    tags: list[str]
    published_at: Timestamp | None
    count: int


class SettingsIn(Wire):
    """How a site wants its comments: what is left out stays as it is."""

    version: int | None = None
    """The version that was read: given, a change by somebody else meanwhile is a 409."""
    mode: ModeName | None = None
    guests_allowed: bool | None = None
    body_max_chars: Annotated[int, Field(ge=1, le=10_000)] | None = None
    edit_window_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    origins: Annotated[list[Origin], Field(max_length=100)] | None = None
    languages: Annotated[list[Language], Field(min_length=1, max_length=50)] | None = None
    reasons: Annotated[list[OwnReason], Field(max_length=50)] | None = None
    pending_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    rejected_text_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    reports_threshold: Annotated[int, Field(ge=1, le=1_000)] | None = None
    reports_hide: bool | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """What the site is called."""
    due_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    """How soon after it came somebody should have looked at a comment."""
    votes_allowed: bool | None = None
    house_rules: dict[Language, Annotated[str, StringConstraints(max_length=10_000)]] | None = None
    """By language, a rule a line; replaces all there were."""
    reason_texts: dict[Language, dict[OwnReason, Sentence]] | None = None
    """What authors are told, by language and reason; replaces all there were."""

    def applied_to(self, settings: SiteSettings) -> SiteSettings:
        """Return settings with what was said changed."""
        changed = asdict(settings)
        for name, value in self.model_dump(exclude={"version", "name"}, exclude_none=True).items():
            changed[name] = tuple(dict.fromkeys(value)) if isinstance(value, list) else value
        changed["mode"] = Mode(changed["mode"])
        return SiteSettings(**changed)


class SettingsOut(Wire):
    """How a site wants its comments."""

    version: int
    mode: ModeName
    guests_allowed: bool
    body_max_chars: int
    edit_window_seconds: int
    origins: list[str]
    languages: list[str]
    reasons: list[str]
    pending_max: int
    rejected_text_days: int
    reports_threshold: int
    reports_hide: bool
    name: str
    due_minutes: int
    votes_allowed: bool
    house_rules: dict[str, str]
    reason_texts: dict[str, dict[str, str]]


class KeyIn(Wire):
    """A key to be made."""

    name: Annotated[str, StringConstraints(max_length=80)] = ""
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=4)]
    expires_at: Time | None = None


class RotateIn(Wire):
    """How a key is replaced."""

    overlap_hours: Annotated[int, Field(ge=0, le=720)] = 24
    """How long both are good."""


class KeyOut(Wire):
    """A key without its secret."""

    key_id: str
    name: str
    scopes: list[ScopeName]
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None


class NewKeyOut(KeyOut):
    """A new key: the one time that its secret is told."""

    key: str


class KeysOut(Wire):
    """All keys of a site."""

    items: list[KeyOut]
    next: None


class TokenKeyIn(Wire):
    """A key with which the site signs its readers in."""

    kid: str
    issuer: str
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]
    key: Annotated[str, StringConstraints(max_length=8_192)]
    """The secret (HS256), or the public key in PEM."""


class TokenKeyOut(Wire):
    """Such a key, without a secret."""

    kid: str
    issuer: str
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]
    public_key: str | None
    created_at: Timestamp
    revoked_at: Timestamp | None


class TokenKeysOut(Wire):
    """All of them."""

    items: list[TokenKeyOut]
    next: None


def article_json(article: Article, aliases: Sequence[str]) -> dict[str, Any]:
    """Write an article."""
    return {
        "key": article.key,
        "url": article.url,
        "title": article.title,
        "lang": article.lang,
        "state": article.state,
        "mode": article.mode,
        "close_at": optional_stamp(article.close_at),
        "aliases": list(aliases),
        "views_per_hour": article.views_per_hour,
        "section": article.section,
        "tags": sorted(article.tags),
        "published_at": optional_stamp(article.published_at),
        "count": article.count,
    }


def settings_json(site: Site) -> dict[str, Any]:
    """Write a site's settings."""
    return {"version": site.settings_version, "name": site.name, **asdict(site.settings)}


def key_json(key: ApiKey) -> dict[str, Any]:
    """Write a key without its secret."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": [scope for scope in Scope if scope in key.scopes],
        "created_at": stamp(key.created_at),
        "expires_at": optional_stamp(key.expires_at),
        "revoked_at": optional_stamp(key.revoked_at),
        "last_used_at": optional_stamp(key.last_used_at),
    }


def token_key_json(key: TokenKey) -> dict[str, Any]:
    """Write a key of a site's own sign-in."""
    return {
        "kid": key.kid,
        "issuer": key.issuer,
        "algorithm": key.algorithm,
        "public_key": key.public_key,
        "created_at": stamp(key.created_at),
        "revoked_at": optional_stamp(key.revoked_at),
    }


def whole_list(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a list that has one page."""
    return {"items": items, "next": None}


def later(at: datetime | None, now: datetime) -> bool:
    """Tell whether a time, if any, is still to come."""
    return at is None or at > now
