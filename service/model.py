"""The nouns of the service, shared by every floor. No I/O, no clock, no chance.

Everything here is a frozen value. What a reader may see of it is decided by the
wire models of the web floor, never here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct, field


class Discreet(Struct, frozen=True):
    """A value some of whose fields are not for logs and tracebacks: secrets, bodies, people."""

    unshown: ClassVar[frozenset[str]] = frozenset()
    """Names of those fields."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Tell the others, for whoever prints it."""
        names = [name for name in self.__struct_fields__ if name not in self.unshown]
        return [(name, getattr(self, name)) for name in names]

    def __repr__(self) -> str:
        """Tell the others."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"


class Status(StrEnum):
    """What a comment is, as readers and moderators speak of it."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REMOVED = "removed"
    DELETED = "deleted"


class Action(StrEnum):
    """One entry of the decision log."""

    APPROVE = "approve"
    REJECT = "reject"
    REMOVE = "remove"
    RESTORE = "restore"
    ESCALATE = "escalate"
    REVERSE = "reverse"
    WITHDRAW = "withdraw"
    DELETE = "delete"
    DUPLICATE = "duplicate"
    ERASE = "erase"


class ArticleState(StrEnum):
    """What readers may do under an article."""

    OPEN = "open"
    PREMODERATED = "premoderated"
    CLOSED = "closed"
    OFF = "off"


class Mode(StrEnum):
    """When a comment becomes public: after a look, at once, or at once for the trusted."""

    PRE = "pre"
    POST = "post"
    TRUSTED = "trusted"


class Scope(StrEnum):
    """What an API key may do."""

    READ = "read"
    WRITE = "write"
    MODERATE = "moderate"
    MANAGE = "manage"


class Role(StrEnum):
    """What a member of the newsroom may do, from least to most."""

    VIEWER = "viewer"
    MODERATOR = "moderator"
    SENIOR = "senior"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Tell whether whoever has this role may do all that another may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


class Membership(Struct, frozen=True, kw_only=True):
    """What a member may do on one site."""

    site_id: int
    site: str
    """The site's slug."""
    role: Role


REASONS: tuple[str, ...] = (
    "spam",
    "advertising",
    "abuse",
    "hate",
    "harassment",
    "off_topic",
    "false_information",
    "personal_data",
    "illegal",
    "duplicate",
    "other",
)
"""The reasons every site has; a site may add its own."""


class SiteSettings(Struct, frozen=True, kw_only=True):
    """How one site wants its comments. Stored as JSON; a missing field has its default."""

    mode: Mode = Mode.PRE
    guests_allowed: bool = True
    body_max_chars: int = 5_000
    """Code points, 1 to 10,000."""
    edit_window_seconds: int = 300
    origins: tuple[str, ...] = ()
    """Exact origins (`https://daily.example`) whose pages may call the reader endpoints."""
    languages: tuple[str, ...] = ("en", "fr", "ar")
    reasons: tuple[str, ...] = ()
    """The site's own reasons, beside `REASONS`."""
    pending_max: int = 100_000
    """Comments that may wait at once (protocol.md 2.3)."""
    rejected_text_days: int = 180
    """How long the text of a rejected or removed comment is kept (protocol.md 2.10)."""
    reports_threshold: int = 3
    reports_hide: bool = False
    due_minutes: int = 60
    """How soon after it came somebody should have looked at a comment."""
    votes_allowed: bool = True
    house_rules: Mapping[str, str] = field(default_factory=dict)
    """By language; a rule a line."""
    reason_texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By language and reason: what authors are told instead of what the service would say."""


class Site(Struct, frozen=True, kw_only=True):
    """One news site."""

    site_id: int
    slug: str
    name: str
    settings: SiteSettings = field(default_factory=SiteSettings)
    settings_version: int = 1


def uuid_of_digest(digest: bytes) -> UUID:
    """Make a UUIDv8 of a digest's first 16 bytes; `UUID` itself knows version 8 from 3.14 on."""
    bits = int.from_bytes(digest[:16], "big")
    bits = (bits & ~(0xF << 76)) | (8 << 76)
    bits = (bits & ~(0b11 << 62)) | (0b10 << 62)
    return UUID(int=bits)


def article_id(site_id: int, key: str) -> UUID:
    """Name an article by its site and key alone.

    The id is the first 128 bits of SHA-256 over both, so a comment on an article that
    nobody has seen before can be accepted while Postgres is away, and no table that maps
    keys to ids stands between a reader and a thread.
    """
    digest = hashlib.sha256(f"{site_id}\n{key}".encode()).digest()
    return uuid_of_digest(digest)


UUID7 = 7


def made_at(comment_id: UUID) -> datetime:
    """Return the time in a UUIDv7 (RFC 9562, 5.7): when the comment was accepted.

    Any other id says nothing: the beginning of 1970, long ago.
    """
    milliseconds = comment_id.int >> 80 if comment_id.version == UUID7 else 0
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


class Article(Struct, frozen=True, kw_only=True):
    """One article of a site, as the back end described it or as first seen."""

    site_id: int
    article_id: UUID
    key: str
    url: str | None = None
    title: str | None = None
    lang: str | None = None
    state: ArticleState = ArticleState.OPEN
    mode: Mode | None = None
    """Overrides the site's mode when set."""
    close_at: datetime | None = None
    views_per_hour: float | None = None
    section: str | None = None
    """What rules may ask, as the next two."""
    tags: frozenset[str] = frozenset()
    published_at: datetime | None = None
    merged_into: UUID | None = None
    """The article that took this key over, if any."""
    managed: bool = False
    """True once the back end has described it; readers' hints no longer fill it in."""
    count: int = 0
    """Approved comments."""


AuthorKind = Literal["guest", "reader", "backend"]


class Author(Struct, frozen=True, kw_only=True):
    """Who wrote a comment, with what is shown of them and what is never shown."""

    author_id: UUID
    kind: AuthorKind
    name: str
    badge: str | None = None
    avatar: str | None = None
    email: str | None = None
    """Never shown; for the newsroom only."""


class Why(Struct, frozen=True, kw_only=True):
    """One signal that spoke about a comment, as moderators see it."""

    rule: str
    version: int
    label: str
    spans: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of code points in the text."""
    score: float = 0.0
    """Severity from 0 to 1, or how sure a site's own service said it is."""
    effect: str = "hold"
    """What its rule does (`screening.rules.Effect`)."""
    severity: int = 0
    """0 to 10: 1 an insult, 3 hate, 10 a threat."""
    error: str | None = None
    """Kind of exception where it could not be tried, or not in time: the comment is held for it."""


class Alert(Struct, frozen=True, kw_only=True):
    """A rule wants somebody of the newsroom told of a comment at once."""

    rule: str
    label: str
    """What it said, as its signal has it."""
    severity: int
    role: Role
    """Whoever has it, or a higher one, is told."""


class Screened(Struct, frozen=True, kw_only=True):
    """What screening made of a text, as it travels with it."""

    at: datetime
    ruling: str = "none"
    """The strongest effect among the rules that counted."""
    rule: str | None = None
    """The rule that gave the ruling; None where the mode alone did."""
    rule_version: int | None = None
    reason: str | None = None
    """Of the rule that decided, else of the most severe one: what a moderator is offered."""
    severity: int = 0
    risk: float = 0.0
    """Probability that a person would turn it down."""
    raise_by: float = 1.0
    """Times more urgent."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Calibrated probability by model."""
    lang: str | None = None
    """As the text was read: `en`, `fr`, `ar`, `ar-latn` or `other`."""
    tricks: tuple[str, ...] = ()
    """How the text hides its words."""
    likeness: str = ""
    """What it shares with the same text in other spelling."""
    position: int = 0
    """Comments readers see before it."""
    depth: int = 0
    """0 for a root."""
    shadow: tuple[Why, ...] = ()
    """What rules said that are only being tried; what counted is the comment's `why`."""
    alert: Alert | None = None
    """Of the most severe rule that asks for one."""


ItemKind = Literal["new", "edit"]


class PendingComment(Struct, frozen=True, kw_only=True):
    """A comment, or an edit of a public one, that waits for a decision.

    Lives in Redis as a hash and, behind it, in the intake journal; both speak of it by
    (comment_id, n, revision).
    """

    site_id: int
    site: str
    """The site's slug: it is the hash tag of every Redis key."""
    article_id: UUID
    article_key: str
    comment_id: UUID
    parent_id: UUID | None
    author: Author
    text: str
    """After the text policy; what the author was answered, byte for byte."""
    lang: str | None
    created_at: datetime
    revision: int = 1
    kind: ItemKind = "new"
    n: int = 0
    """Decisions so far on this comment when it began to wait."""
    seq: int = 0
    """Position in the site's intake, given by Redis; a gap is a loss (I18)."""
    score: float = 0.0
    """Order in the queue, smallest first (protocol.md Ruling 9)."""
    escalated: bool = False
    article_url: str | None = None
    article_title: str | None = None
    why: tuple[Why, ...] = ()
    """The signals that counted, the most severe first."""
    screened: Screened | None = None
    """None for what was never screened, as an approval that was undone."""
    dk: str | None = None
    """Hex digest that tells this submission from every other (Ruling 2)."""
    fingerprint: str | None = None
    """Hex of the submission's digest (Ruling 2)."""
    keyed: bool = False
    """True when its author sent an Idempotency-Key: it is remembered 48 h, in Postgres too."""
    address_hash: str | None = None
    """Keyed hash of the sender's address; never the address."""
    edited_at: datetime | None = None


class Comment(Struct, frozen=True, kw_only=True):
    """A comment that is or was public, as Postgres has it."""

    site_id: int
    article_id: UUID
    article_key: str
    comment_id: UUID
    parent_id: UUID | None
    root_id: UUID
    depth: int
    """0 for a root."""
    author: Author
    text: str | None
    """None for a tombstone."""
    lang: str | None
    status: Status
    revision: int
    created_at: datetime
    edited_at: datetime | None
    up: int = 0
    down: int = 0
    pinned: bool = False
    featured: bool = False
    reply_count: int = 0
    """Approved direct replies."""
    shown_replies: int = 0
    """Direct replies readers see, tombstones with visible replies included."""


WILSON_Z = 1.96
"""95 %: how sure the lower bound of a share of votes is."""

BEST_SPAN_SECONDS = 3_888_000
"""45 days: how much older a comment that everybody likes is than a new one it stands beside."""


def best_order(up: int, down: int, created_at: datetime) -> float:
    """Return where a comment stands in the order `best`, largest first.

    The lower bound of Wilson's interval for the share of votes that are up (0 without votes,
    below 1) plus a term that grows with the time of birth: age costs a comment its place
    although nothing is ever recomputed for it.
    """
    return _wilson(up, up + down) + created_at.timestamp() / BEST_SPAN_SECONDS


def _wilson(up: int, votes: int) -> float:
    if votes == 0:
        return 0.0
    share, z2 = up / votes, WILSON_Z**2
    spread = WILSON_Z * math.sqrt((share * (1 - share) + z2 / (4 * votes)) / votes)
    return max((share + z2 / (2 * votes) - spread) / (1 + z2 / votes), 0.0)


ActorKind = Literal["member", "key", "rule", "author"]


class Actor(Struct, frozen=True, kw_only=True):
    """Who decides: a member, a key, a rule, or the author of the comment."""

    kind: ActorKind
    actor_id: str
    """The member's UUID, the key's id, the rule's name, or the author's UUID."""
    name: str
    """As shown to colleagues; stored nowhere beside the decision."""
    rule_version: int | None = None
    """Of a newsroom's rule."""
    sees_escalated: bool = True
    """False for members who are below `senior` on any of the sites that it is about."""
    senior_on: frozenset[int] = frozenset()
    """Sites on which a member sees them nevertheless."""

    def sees_escalated_on(self, site_id: int) -> bool:
        """Tell whether escalated comments of one site are shown to them."""
        return self.sees_escalated or site_id in self.senior_on


class Decision(Struct, frozen=True, kw_only=True):
    """One row of the decision log, never changed, only followed by another."""

    site_id: int
    article_id: UUID
    comment_id: UUID
    n: int
    decision_id: UUID
    action: Action
    revision: int
    """The text that was judged."""
    status: Status
    """What the comment was after this decision."""
    reason: str | None
    note: str | None
    actor_kind: ActorKind
    actor_id: str
    at: datetime
    reverses: UUID | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """Who holds a waiting comment, and until when."""

    owner: str
    """`member:<id>` or `key:<id>`."""
    name: str
    until: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """An author's record with one site."""

    author_id: UUID
    approved: int = 0
    rejected: int = 0
    first_seen: datetime | None = None
    banned_until: datetime | None = None
    ban_reason: str | None = None
    """What the author is told."""
    ban_sites: tuple[int, ...] = ()
    """Other sites on which the ban holds, too."""
    trusted: bool = False
    always_hold: bool = False
    """What they write waits for a look, whatever the site's or the article's mode."""
    warning: str | None = None
    """The oldest warning that the author has not acknowledged."""
    generation: int = 0
    """Raised by erasure only; an older receipt is void."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key of the news site's back end, without its secret."""

    key_id: str
    site_id: int
    site: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


JsonObject = Mapping[str, Any]
