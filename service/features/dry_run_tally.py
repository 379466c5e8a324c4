"""What a rule would have done to earlier comments, counted. Pure; worked off in a process apart.

Facts are gathered as history is walked: what was decided of an author before, and what they sent
lately. What history does not tell (`BLIND`) is not there for the rule either, and said.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import Struct, field

from service.features.screening import (
    ArticleFacts,
    AuthorFacts,
    Facts,
    Recent,
    Rule,
    RuleSet,
    Signal,
    said,
)
from service.features.screening.facts import RECENT_MAX
from service.features.screening.language import language_of
from service.features.screening.rules import MINUTES_MAX
from service.features.screening.sieve import Sieve, bare_likeness
from service.model import WILSON_Z, AuthorKind, Mode, Status, made_at

BLIND: Final = frozenset({"reports", "cluster", "score"})
"""Conditions that are never met in a dry run: what they ask was not kept as it was then."""

SAMPLES_MAX = 50
"""Comments of one kind that are named in a report."""

AUTHORS_MAX = 200_000
"""Authors whose recent comments are remembered at once; about 1 kB each."""

_HOLDING: Final = frozenset({"refuse", "reject", "hold", "shadow_limit"})
_WEEK = timedelta(minutes=MINUTES_MAX)


class Earlier(NamedTuple):
    """A comment of earlier, as it goes to the process that tries rules on it: thousands at once."""

    comment_id: UUID
    author_id: UUID | None
    author_kind: AuthorKind
    article: ArticleFacts
    """As it is now."""
    text: str
    depth: int
    verdict: bool | None
    """True where people turned it down, False where they approved it, None where nobody decided."""
    status: Status
    lang: str | None = None
    """As it was told when the comment came; None where that is not known."""


class Before(Struct, frozen=True, kw_only=True):
    """What was decided of an author before the stretch that is walked."""

    approved: int
    rejected: int
    first_seen: datetime | None


class Sample(Struct):
    """A comment that is named in a report: never its text."""

    comment_id: str
    spans: list[tuple[int, int]]
    lang: str


class Tally(Struct):
    """Counts of some comments; two of them add up."""

    looked_at: int = 0
    hits: int = 0
    rejected: int = 0
    """People turned them down, hit or not."""
    approved: int = 0
    hits_rejected: int = 0
    hits_approved: int = 0
    live_hits: int = 0
    newly: int = 0
    no_longer: int = 0
    added: int = 0
    """Hits that nothing else holds, on a site that would publish them."""
    failures: int = 0
    """Comments on which the rule could not be tried."""
    langs: dict[str, Counter[str]] = field(default_factory=dict)
    overlap: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    """Hits by hours since 1970."""
    alarms: list[Sample] = field(default_factory=list)
    """Hits that people approved, the latest first."""
    new_ones: list[Sample] = field(default_factory=list)
    lost_ones: list[Sample] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in the counts of other comments."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for lang, counts in other.langs.items():
            self.langs.setdefault(lang, Counter()).update(counts)
        self.overlap.update(other.overlap)
        self.hours.update(other.hours)
        for name in _SAMPLES:
            both = [*getattr(other, name), *getattr(self, name)]
            both.sort(key=lambda sample: sample.comment_id, reverse=True)
            setattr(self, name, both[:SAMPLES_MAX])


_NUMBERS: Final = (
    "looked_at", "hits", "rejected", "approved", "hits_rejected", "hits_approved", "live_hits",
    "newly", "no_longer", "added", "failures",
)  # fmt: skip
_SAMPLES: Final = ("alarms", "new_ones", "lost_ones")


class _Known(Struct):
    """What is known of an author at the moment that is walked."""

    approved: int
    rejected: int
    first_seen: datetime | None
    recent: deque[Recent] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))


class Walk(Struct, kw_only=True):
    """Walk history with a rule, oldest comment first."""

    rules: RuleSet
    """The rule that is tried, as if it were live, and its live version."""
    others: RuleSet | None
    """All else that is in effect, for what the rule hits; None where `rules` has that too,
    because the rule asks what the others say."""
    tried: str
    version: int
    """Of the rule that is tried."""
    live: int | None
    """The version that is live, which stands in `rules` as a shadow; None where none is."""
    site: str
    mode: Mode
    sieve: Sieve | None = None
    """What `rules` need; None where one of them may match whatever is written."""
    authors: dict[UUID, _Known] = field(default_factory=dict)

    def meet(self, before: Mapping[UUID, Before]) -> None:
        """Learn of authors who come up for the first time."""
        for author_id, record in before.items():
            self.authors[author_id] = _Known(record.approved, record.rejected, record.first_seen)
        while len(self.authors) > AUTHORS_MAX:
            del self.authors[next(iter(self.authors))]

    def go(self, comments: Iterable[Earlier]) -> Tally:
        """Try the rules on a stretch."""
        tally = Tally()
        for comment in comments:
            self._try(comment, tally)
        return tally

    def _try(self, comment: Earlier, tally: Tally) -> None:
        at = made_at(comment.comment_id)
        author = self._author(comment, at)
        likeness = bare_likeness(comment.text)
        if self.sieve is not None and not self.sieve.may_match(comment.text):
            tally.looked_at += 1
            _count(tally, comment, comment.lang or language_of(comment.text).code, hit=False)
            _learn(author, comment, at, likeness)
            return
        facts = self._facts(comment, author, at, likeness)
        signals, language = said(facts, self.rules, tell_language=comment.lang is None)
        mine = _said(signals, self.tried, self.version)
        theirs = _said(signals, self.tried, self.live)
        lang = comment.lang or language or "other"
        tally.looked_at += 1
        tally.failures += mine is not None and mine.failed
        hit = mine is not None and not mine.failed
        _count(tally, comment, lang, hit=hit)
        if hit and mine is not None:
            if self.others is not None:
                signals = said(facts, self.others, tell_language=False).signals
            others = [one for one in signals if one.rule != self.tried and not one.failed]
            tally.overlap.update({one.rule for one in others})
            tally.hours[int(at.timestamp() // 3600)] += 1
            tally.added += self._adds(mine, others)
            sample = Sample(str(comment.comment_id), list(mine.spans), lang)
            if comment.verdict is False:
                _keep(tally.alarms, sample)
            if theirs is None and self.live is not None:
                tally.newly += 1
                _keep(tally.new_ones, sample)
        if theirs is not None:
            tally.live_hits += 1
            if not hit:
                tally.no_longer += 1
                _keep(tally.lost_ones, Sample(str(comment.comment_id), list(theirs.spans), lang))
        _learn(author, comment, at, likeness)

    def _author(self, comment: Earlier, at: datetime) -> _Known:
        """Return what is known of the author; nothing of one who was erased."""
        if comment.author_id is None:
            return _Known(0, 0, at)
        known = self.authors.get(comment.author_id)
        if known is None:
            known = self.authors[comment.author_id] = _Known(0, 0, None)
        return known

    def _facts(self, comment: Earlier, author: _Known, at: datetime, likeness: str) -> Facts:
        recent = author.recent
        while recent and at - recent[-1].at > _WEEK:
            recent.pop()
        return Facts(
            text=comment.text,
            now=at,
            mode=self.mode,
            site=self.site,
            author=AuthorFacts(
                kind=comment.author_kind,
                approved=author.approved,
                rejected=author.rejected,
                first_seen=author.first_seen,
            ),
            article=comment.article,
            depth=comment.depth,
            recent=tuple(recent),
            likeness=likeness,
        )

    def _adds(self, mine: Signal, others: Sequence[Signal]) -> bool:
        """Whether a comment would wait that otherwise would not."""
        held = any(one.counts and one.effect in _HOLDING for one in others)
        return self.mode is Mode.POST and mine.effect in _HOLDING and not held


def _said(signals: Iterable[Signal], rule: str, version: int | None) -> Signal | None:
    return next((one for one in signals if one.rule == rule and one.version == version), None)


def _count(tally: Tally, comment: Earlier, lang: str, *, hit: bool) -> None:
    counts = tally.langs.get(lang)
    if counts is None:
        counts = tally.langs[lang] = Counter()
    counts["looked_at"] += 1
    tally.hits += hit
    counts["hits"] += hit
    if comment.verdict is None:
        return
    name = "rejected" if comment.verdict else "approved"
    setattr(tally, name, getattr(tally, name) + 1)
    counts[name] += 1
    if hit:
        setattr(tally, f"hits_{name}", getattr(tally, f"hits_{name}") + 1)
        counts[f"hits_{name}"] += 1


def _keep(samples: list[Sample], sample: Sample) -> None:
    samples.insert(0, sample)
    del samples[SAMPLES_MAX:]


def _learn(author: _Known, comment: Earlier, at: datetime, likeness: str) -> None:
    author.first_seen = author.first_seen or at
    author.approved += comment.status is Status.APPROVED
    author.rejected += comment.status in (Status.REJECTED, Status.REMOVED)
    author.recent.appendleft(Recent(likeness=likeness, at=at, status=comment.status))


def report_of(tally: Tally, rule: Rule, *, hours: float) -> dict[str, Any]:
    """Return a tally as it is kept and shown: figures with their intervals, ids of comments.

    `hours` is how long a time was looked at.
    """
    return {
        "looked_at": tally.looked_at,
        "hits": tally.hits,
        "share": _share(tally.hits, tally.looked_at),
        "decided": {"rejected": tally.rejected, "approved": tally.approved},
        "hits_decided": {"rejected": tally.hits_rejected, "approved": tally.hits_approved},
        "precision": _share(tally.hits_rejected, tally.hits_rejected + tally.hits_approved),
        "recall": _share(tally.hits_rejected, tally.rejected),
        "by_language": {
            lang: {
                "looked_at": counts["looked_at"],
                "hits": counts["hits"],
                "precision": _share(
                    counts["hits_rejected"], counts["hits_rejected"] + counts["hits_approved"]
                ),
                "recall": _share(counts["hits_rejected"], counts["rejected"]),
            }
            for lang, counts in sorted(tally.langs.items(), key=lambda one: -one[1]["looked_at"])
        },
        "live_hits": tally.live_hits,
        "newly": tally.newly,
        "no_longer": tally.no_longer,
        "overlap": dict(tally.overlap.most_common(20)),
        "added": tally.added,
        "added_per_hour": round(tally.added / hours, 3) if hours else 0.0,
        "hits_per_hour": round(tally.hits / hours, 3) if hours else 0.0,
        "busiest_hour": max(tally.hours.values(), default=0),
        "failures": tally.failures,
        "blind": sorted(_blind(rule)),
        "alarms": [_sample(one) for one in tally.alarms],
        "new_ones": [_sample(one) for one in tally.new_ones],
        "lost_ones": [_sample(one) for one in tally.lost_ones],
    }


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share after Wilson; None of nothing."""
    if whole == 0:
        return None
    share, z2 = part / whole, WILSON_Z**2
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    spread = WILSON_Z * math.sqrt((share * (1 - share) + z2 / (4 * whole)) / whole)
    spread /= 1 + z2 / whole
    return max(0.0, middle - spread), min(1.0, middle + spread)


def _share(part: int, whole: int) -> dict[str, Any] | None:
    interval = wilson(part, whole)
    if interval is None:
        return None
    low, high = interval
    return {
        "of": whole,
        "value": round(part / whole, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _blind(rule: Rule) -> set[str]:
    """Return the kinds of conditions in a rule that history cannot answer."""
    kinds = {leaf.kind for leaf in rule.when.leaves() if leaf.kind in BLIND}
    blind = {kind for kind in kinds if kind is not None}
    if any(leaf.rate and leaf.rate.by == "address" for leaf in rule.when.leaves()):
        blind.add("rate_by_address")
    return blind


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "comment_id": sample.comment_id,
        "spans": [list(span) for span in sample.spans],
        "lang": sample.lang,
    }
