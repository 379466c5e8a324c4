"""Screening at the way in: facts are gathered, every rule is tried, and the ruling is carried on.

The rules themselves are pure (`features/screening`). Here are the questions they need answered,
each with a time limit; who does not answer holds the comment for a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypedDict, TypeVar
from uuid import UUID

import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Invalid, Unavailable
from service.features.in_time import in_time
from service.features.lookup import Found
from service.features.reasons import OTHER_REASON, public_text
from service.features.rulebook import Rulebook
from service.features.screening import (
    UNCHECKED,
    ArticleFacts,
    AuthorFacts,
    ClusterFacts,
    Facts,
    Recent,
    RuleSet,
    Signal,
    Verdict,
    unread,
)
from service.features.screening.facts import RECENT_MAX
from service.features.trying import tried_here
from service.model import (
    Article,
    ArticleState,
    AuthorKind,
    Mode,
    PendingComment,
    Screened,
    Site,
    Standing,
    Status,
    Why,
)
from service.storage.decisions import DecisionStore
from service.storage.recents import Lately, RecentStore, Sent
from service.storage.reports import ReportStore

log = structlog.get_logger(__name__)

T = TypeVar("T")

SHORT_CHARS = 800
"""Up to here the rules take under 2 ms; a longer text is read where it keeps nobody waiting."""
READ_SECONDS = 1.0
"""How long a text may wait for its turn and be read; then a person has to."""
ANSWER_SECONDS = 0.25
"""How long a model, or the look for texts alike, may take."""
OUTSIDE_SECONDS = 3.5
"""How long a site's own service may keep us, whatever it does: 2 s, and what knows where it is."""


class RefusedByRule(Invalid):
    """A rule of the site refuses the text; nothing is stored."""

    code = "refused_by_rule"
    title = "This comment cannot be accepted."


class Piece(Struct, frozen=True, kw_only=True):
    """A text that is to be screened, with what is known of it already."""

    text: str
    lang: str | None
    author_kind: AuthorKind
    author_id: UUID | None
    """None for a guest who is met for the first time."""
    standing: Standing | None
    """None when it could not be looked up."""
    article: Article | None
    """None when it could not be looked up."""
    address_hash: str | None = None
    lately: Lately | None = None
    """What was sent lately, where it was asked already."""
    parent: Found | None = None
    depth: int | None = None
    """Where it is known better than by its parent."""
    comment_id: UUID | None = None
    """Of an edit."""
    replies: int = 0


Told: TypeAlias = T | Awaitable[T]
"""What is known at once, or what tells it: waiting with a limit costs more than many an answer."""

ScoresOf = Callable[[Site, Piece], Told[Mapping[str, float]]]
"""Returns calibrated probabilities by model; a model that is not ready is left out."""

ClusterOf = Callable[[Site, Piece, datetime], Told[ClusterFacts | None]]
"""Returns what is alike, if anything is."""

OutsideOf = Callable[[Site, Piece, datetime], Told[Signal | None]]
"""Returns what the site's own service says, also that it failed; keeps its time itself."""


def _no_scores(_site: Site, _piece: Piece) -> Mapping[str, float]:
    """Stand in where no model is."""
    return {}


def _no_cluster(_site: Site, _piece: Piece, _now: datetime) -> None:
    """Stand in where nobody looks for texts alike."""


def _no_outside(_site: Site, _piece: Piece, _now: datetime) -> None:
    """Stand in where sites have no services of their own."""


def _none_approves(_site: Site) -> frozenset[str]:
    """Stand in where no model is."""
    return frozenset()


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="screening")


class Marks(TypedDict):
    """What a comment that waits carries of its screening."""

    why: tuple[Why, ...]
    screened: Screened
    score: float


class Screening(Struct, frozen=True, kw_only=True):
    """What screening made of a text."""

    verdict: Verdict
    screened: Screened

    @property
    def publish(self) -> bool:
        """Whether it may appear at once."""
        return self.verdict.publish

    @property
    def reject(self) -> bool:
        """Whether a rule turns it down; its author may appeal."""
        return self.verdict.ruling == "reject"

    def on(self, item: PendingComment, *, since: datetime | None = None) -> PendingComment:
        """Return the comment with what was seen, and its place in the queue.

        `since` is when it began to wait, where that is not its birth.
        """
        return replace(item, **self.marks(since or item.created_at))

    def marks(self, since: datetime) -> Marks:
        """Return what a comment that waits since then carries of this."""
        return {
            "why": self.verdict.why,
            "screened": self.screened,
            "score": self.verdict.score(since),
        }


def _unheard(_: float) -> None:
    """Tell nobody."""


class Screen(Struct, frozen=True, kw_only=True):
    """Screen what is about to be accepted."""

    rulebook: Rulebook
    recents: RecentStore
    decisions: DecisionStore
    reports: ReportStore
    scores_of: ScoresOf = _no_scores
    cluster_of: ClusterOf = _no_cluster
    outside_of: OutsideOf = _no_outside
    approving: Callable[[Site], frozenset[str]] = _none_approves
    """Returns the models that a rule may ask and approve."""
    heard_seconds: Callable[[float], None] = _unheard
    """Told how long each text was looked at."""
    _thread: ThreadPoolExecutor = field(default_factory=_one_thread)
    """One, so that long texts wait for each other and not everybody for them."""

    async def look(self, site: Site, piece: Piece, *, now: datetime) -> Screening:
        """Try every rule on a text and return the ruling.

        Raises:
            RefusedByRule: with the rule's words; the same text is refused again.
            Unavailable: Redis is away; nothing could be accepted either.
        """
        begun = time.monotonic()
        try:
            rules = await self.rulebook.of(site)
        except Unavailable:
            facts = await self._facts(site, piece, frozenset(), now=now)
            verdict = Verdict(publish=False, ruling="hold", why=(UNCHECKED,))
        else:
            facts = await self._facts(site, piece, rules.kinds, now=now)
            verdict = _held_back(await self._evaluate(facts, rules), piece)
        self.heard_seconds(time.monotonic() - begun)
        for signal in verdict.signals:
            if signal.failed:
                log.warning(
                    "signal_failed", site=site.slug, rule=signal.rule, error_kind=signal.error
                )
        if verdict.ruling == "refuse":
            raise RefusedByRule(_told(site, piece, verdict))
        return Screening(verdict=verdict, screened=_screened(facts, verdict))

    async def _facts(
        self, site: Site, piece: Piece, asked: Collection[str], *, now: datetime
    ) -> Facts:
        """Gather what is known of a text; what is alike only where rules ask for it (`asked`).

        The queue counts what is alike once a minute in any case.
        """
        article, standing = piece.article, piece.standing
        failures: dict[str, str] = {}
        home = article.article_id if article else None
        told = article.views_per_hour if article else None
        lately = piece.lately or await self.recents.of(
            site.slug, piece.author_id, piece.address_hash, home
        )
        reports = await self._open_reports(site, piece.comment_id) if piece.comment_id else 0
        # One after the other: mostly none has to wait, and three tasks cost more than they do.
        scores = await _answer("scores", partial(self.scores_of, site, piece), failures)
        cluster = None
        if "cluster" in asked:
            asking = partial(self.cluster_of, site, piece, now)
            cluster = await _answer("cluster", asking, failures)
        outside = await _answer(
            "check", partial(self.outside_of, site, piece, now), failures, seconds=OUTSIDE_SECONDS
        )
        own = str(piece.comment_id)
        sent = [one for one in lately.sent if one.name != own][:RECENT_MAX]
        recent = await self._recent(site, sent, standing) if sent else ()
        return Facts(
            text=piece.text,
            now=now,
            mode=mode_of(site, article, standing),
            site=site.slug,
            checks_complete=None not in (standing, article, recent, reports),
            author=_author(piece.author_kind, standing),
            article=ArticleFacts(
                key=article.key if article else "",
                section=article.section if article else None,
                tags=article.tags if article else frozenset(),
                published_at=article.published_at if article else None,
                views_per_hour=lately.views_per_hour if told is None else told,
            ),
            depth=_depth(piece),
            position=article.count if article else 0,
            replies=piece.replies,
            reports=reports or 0,
            recent=recent or (),
            cluster=cluster,
            scores=scores or {},
            approving=self.approving(site),
            outside=() if outside is None else (outside,),
            unanswered=failures,
        )

    async def _recent(
        self, site: Site, sent: list[Sent], standing: Standing | None
    ) -> tuple[Recent, ...] | None:
        """Return what was sent lately, with what became of the author's own if any was rejected.

        None when Postgres cannot say.
        """
        statuses: dict[UUID, Status] = {}
        rejected = standing is not None and standing.rejected
        own = [one.comment_id for one in sent if one.same_author] if rejected else []
        if own:
            try:
                latest = await in_time(self.decisions.latest(site.site_id, own))
            except Unavailable:
                return None
            statuses = {each: decision.status for each, decision in latest.items()}
        return tuple(
            Recent(
                likeness=one.likeness,
                at=one.at,
                status=statuses.get(one.comment_id) if statuses else None,
                same_author=one.same_author,
                same_address=one.same_address,
            )
            for one in sent
        )

    async def _open_reports(self, site: Site, comment_id: UUID) -> int | None:
        """Count the reports of a comment that is edited; None when Postgres cannot say."""
        try:
            found = await in_time(self.reports.by_reason(site.site_id, [comment_id]))
        except Unavailable:
            return None
        return sum(found.get(comment_id, {}).values())

    async def _evaluate(self, facts: Facts, rules: RuleSet) -> Verdict:
        """Try the rules: a short text here, a long one where it keeps nobody waiting."""
        if len(facts.text) <= SHORT_CHARS:
            return tried_here(facts, rules)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await loop.run_in_executor(self._thread, tried_here, facts, rules)
        except TimeoutError as error:
            return unread(error)


def mode_of(site: Site, article: Article | None, standing: Standing | None) -> Mode:
    """When a comment becomes public: the author's lot, the article's word, else the site's.

    An article that could not be looked up is held (protocol.md Ruling 11).
    """
    if standing is not None and standing.always_hold:
        return Mode.PRE
    if article is None or article.state is ArticleState.PREMODERATED:
        return Mode.PRE
    return article.mode or site.settings.mode


def _held_back(verdict: Verdict, piece: Piece) -> Verdict:
    """Let no rule approve where people decided that they read everything first.

    That is of an author who is always held, and under an article that is premoderated.
    """
    author, article = piece.standing, piece.article
    held = author is not None and author.always_hold
    held = held or (article is not None and article.state is ArticleState.PREMODERATED)
    if not held or verdict.ruling != "approve":
        return verdict
    return replace(verdict, publish=False, ruling="none", rule=None, rule_version=None)


async def _answer(
    name: str,
    ask: Callable[[], Told[T]],
    failures: dict[str, str],
    *,
    seconds: float = ANSWER_SECONDS,
) -> T | None:
    """Return an answer that the rules can do without; why there is none goes to `failures`."""
    try:
        told = ask()
        if not isinstance(told, Awaitable):
            return told
        async with asyncio.timeout(seconds):
            return await told
    except Exception as error:  # noqa: BLE001 - whatever it trips over, the comment is held
        failures[name] = type(error).__name__
        return None


def _author(kind: AuthorKind, standing: Standing | None) -> AuthorFacts:
    if standing is None:
        return AuthorFacts(kind=kind)
    return AuthorFacts(
        kind=kind,
        approved=standing.approved,
        rejected=standing.rejected,
        first_seen=standing.first_seen,
        trusted=standing.trusted,
    )


def _depth(piece: Piece) -> int:
    if piece.depth is not None:
        return piece.depth
    if piece.parent is None:
        return 0
    return piece.parent.public.depth + 1 if piece.parent.public else 1


def _screened(facts: Facts, verdict: Verdict) -> Screened:
    return Screened(
        at=facts.now,
        ruling=verdict.ruling,
        rule=verdict.rule,
        rule_version=verdict.rule_version,
        reason=verdict.reason,
        severity=verdict.severity,
        risk=verdict.risk,
        raise_by=verdict.raise_by,
        scores=facts.scores,
        lang=verdict.language,
        tricks=verdict.tricks,
        likeness=verdict.likeness,
        position=facts.position,
        depth=facts.depth,
        shadow=tuple(signal.why() for signal in verdict.signals if not signal.counts),
        alert=verdict.alert,
    )


def _told(site: Site, piece: Piece, verdict: Verdict) -> str:
    """Return the rule's own words, or its reason's, in the language of the comment."""
    lang = piece.lang or tongue(verdict.language) or site.settings.languages[0]
    reason = verdict.reason or OTHER_REASON
    return verdict.tell or public_text(reason, lang, site.settings.reason_texts)


def tongue(code: str | None) -> str | None:
    """Return the language to answer in, where the language of a text was told."""
    if code is None or code == OTHER_REASON:
        return None
    return code.partition("-")[0]
