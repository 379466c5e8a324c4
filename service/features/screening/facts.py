"""What screening is told about a comment: all it may look at, gathered by whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from msgspec import Struct, field

from service.features.screening.letters import LEET
from service.features.screening.verdict import Signal
from service.features.screening.views import LINK, Views, views_of
from service.model import AuthorKind, Mode, Status

RECENT_MAX = 100
"""Earlier comments of one author or address that are worth gathering."""

LIKENESS_BYTES = 12
"""Enough to tell the texts of a site apart: two of 10^9 are alike by chance once in 10^11."""

REGULAR_APPROVED = 10
REGULAR_REJECTED_RATE = 0.1
"""From how many approved comments, and up to which share of rejected ones, an author is a
regular."""


class Recent(Struct, frozen=True, kw_only=True):
    """An earlier comment of the same author or from the same address."""

    likeness: str
    """`likeness` of its text."""
    at: datetime
    status: Status | None = None
    """None where it is not known."""
    same_author: bool = True
    same_address: bool = False


class AuthorFacts(Struct, frozen=True, kw_only=True):
    """Who wrote it."""

    kind: AuthorKind = "guest"
    approved: int = 0
    rejected: int = 0
    first_seen: datetime | None = None
    trusted: bool = False

    @property
    def rejected_rate(self) -> float:
        """Share of decided comments that were rejected; 0 before the first decision."""
        decided = self.approved + self.rejected
        return self.rejected / decided if decided else 0.0

    @property
    def trust(self) -> int:
        """0: nothing approved yet; 1: known; 2: a regular; 3: trusted by the newsroom."""
        if self.trusted:
            return 3
        if self.approved >= REGULAR_APPROVED and self.rejected_rate <= REGULAR_REJECTED_RATE:
            return 2
        return 1 if self.approved else 0


class ArticleFacts(Struct, frozen=True, kw_only=True):
    """What it was written under."""

    key: str = ""
    section: str | None = None
    tags: frozenset[str] = frozenset()
    published_at: datetime | None = None
    views_per_hour: float | None = None
    comments_per_hour: float | None = None


class ClusterFacts(Struct, frozen=True, kw_only=True):
    """Comments that say nearly the same."""

    size: int
    """This one included."""
    authors: int
    first_at: datetime
    latest: tuple[tuple[datetime, UUID | None], ...] = ()
    """When the latest of the others came and of whom, newest first; not all of them."""
    approved: int = 0
    """By a person; so `rejected`."""
    rejected: int = 0

    def since(self, begin: datetime) -> tuple[int, int]:
        """Return how many came since a time, this one included, and of how many authors.

        Where all that are known came since, all count.
        """
        if all(at >= begin for at, _ in self.latest) and (self.latest or self.first_at >= begin):
            return self.size, self.authors
        authors = [author for at, author in self.latest if at >= begin]
        return len(authors) + 1, max(len(set(authors)), 1)


class Facts(Struct, frozen=True, kw_only=True):
    """Everything a rule may look at."""

    text: str
    """After the text policy."""
    now: datetime
    mode: Mode = Mode.PRE
    site: str = ""
    """The site's slug."""
    checks_complete: bool = True
    """False when a store was away and something could not be read: the comment is held."""
    author: AuthorFacts = field(default_factory=AuthorFacts)
    article: ArticleFacts = field(default_factory=ArticleFacts)
    depth: int = 0
    """0 for a root."""
    position: int = 0
    """Comments readers see before it."""
    replies: int = 0
    reports: int = 0
    recent: tuple[Recent, ...] = ()
    """Newest first, at most `RECENT_MAX`."""
    cluster: ClusterFacts | None = None
    approving: frozenset[str] = frozenset()
    """Models that a rule may ask and approve."""
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Calibrated probability by model name, 0 to 1."""
    outside: tuple[Signal, ...] = ()
    """What others than the rules say: a site's own service."""
    likeness: str = ""
    """Where it is known before the text is read."""
    unanswered: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Who was asked and did not answer, or failed: `scores`, `cluster`; with the kind of error.
    The comment is held for it."""


_SPELLED = str.maketrans({sign: LEET[sign] for sign in "0134578@$"})
"""Everywhere and not only between letters: the same text gives the same, which is enough."""
_READ = bytes(range(128)).decode().translate(_SPELLED).encode() + bytes(128)
_DROPPED = bytes(code for code in range(128) if not chr(_READ[code]).isalnum())


def likeness(text: str) -> str:
    """Return what two texts share that differ in case, signs, spacing and disguise only."""
    return likeness_of(views_of(text))


def likeness_of(views: Views) -> str:
    """Return `likeness` of a text that was read already."""
    text = views.norm.text
    for sign in LINK:
        text = text.replace(sign, "")
    if text.isascii():
        letters = text.encode().translate(_READ, _DROPPED)
    else:
        letters = "".join(filter(str.isalnum, text.translate(_SPELLED))).encode()
    return hashlib.blake2s(letters, digest_size=LIKENESS_BYTES).hexdigest()
