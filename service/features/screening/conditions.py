"""Each kind of condition as a function of what was read: evidence, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from service.features.screening.facts import AuthorFacts, Facts, Recent
from service.features.screening.language import Language
from service.features.screening.letters import beyond_latin_1
from service.features.screening.rules import (
    DAYS,
    ArticleIs,
    AuthorIs,
    CapsRatio,
    Cluster,
    History,
    Hours,
    Lang,
    Length,
    Links,
    Rate,
    Repeat,
    Reports,
    RuleHit,
    Score,
    ThreadIs,
)
from service.features.screening.views import Span, Views
from service.model import Status

_CAPITALS = bytes(code for code in range(256) if chr(code).isupper())
_SMALL_LETTERS = bytes(code for code in range(256) if chr(code).islower())


class Evidence(Struct, frozen=True):
    """Why a condition is met."""

    spans: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()
    """Short and for people: `2 links`."""

    def __add__(self, other: Evidence) -> Evidence:
        """Join what two conditions saw."""
        return Evidence(self.spans + other.spans, self.notes + other.notes)


NOTHING = Evidence()


class Reading(Struct, frozen=True):
    """A comment as it was read, once for all rules."""

    facts: Facts
    views: Views
    language: Language
    found: Mapping[int, tuple[Span, ...]]
    """For each text condition that is met: where its words and patterns stand."""
    links: tuple[tuple[Span, str], ...]
    """Each link's place and host."""
    severity: int = 0
    """Of the other rules that spoke; for `rule_hit` only."""
    spoken: bool = field(default=False)
    """Whether one did."""
    likeness: str = ""


Test: TypeAlias = Callable[[Reading], Evidence | None]


def test_text(number: int, least: int, reading: Reading) -> Evidence | None:
    """Met where the words or patterns of text condition `number` stand often enough."""
    spans = reading.found.get(number, ())
    return Evidence(spans) if len(spans) >= least else None


def test_links(links: Links, reading: Reading) -> Evidence | None:
    """Met by the number of links."""
    count = len(reading.links)
    if not _within(count, links.min, links.max):
        return None
    return Evidence(tuple(span for span, _ in reading.links), (_plural(count, "link"),))


def test_link_domain(hosts: frozenset[str], reading: Reading) -> Evidence | None:
    """Met by a link to one of the hosts, or below one."""
    if not reading.links:
        return None
    spans = tuple(span for span, host in reading.links if _is_below(host, hosts))
    return Evidence(spans) if spans else None


def test_length(length: Length, reading: Reading) -> Evidence | None:
    """Met by the length."""
    chars = len(reading.facts.text)
    return (
        Evidence(notes=(f"{chars} characters",)) if _within(chars, length.min, length.max) else None
    )


def test_caps_ratio(caps: CapsRatio, reading: Reading) -> Evidence | None:
    """Met by too many capitals."""
    capitals, cased = _cased(reading.facts.text)
    if cased < caps.letters_min or capitals <= caps.above * cased:
        return None
    return Evidence(notes=(f"{100 * capitals // cased} % capitals",))


def _cased(text: str) -> tuple[int, int]:
    """Count a text's capitals, and its letters that have a case."""
    letters = text.encode("latin-1", errors="ignore")
    others = beyond_latin_1(text)
    capitals = len(letters) - len(letters.translate(None, _CAPITALS))
    capitals += sum(map(str.isupper, others))
    small = len(letters) - len(letters.translate(None, _SMALL_LETTERS))
    return capitals, capitals + small + sum(map(str.islower, others))


def test_lang(lang: Lang, reading: Reading) -> Evidence | None:
    """Met by the most likely language."""
    return NOTHING if reading.language.code in lang.among else None


def test_author(author: AuthorIs, reading: Reading) -> Evidence | None:
    """Met by the author's record."""
    return _author_note(reading.facts.author) if author_is(author, reading.facts) else None


def author_is(author: AuthorIs, facts: Facts) -> bool:
    """Whether the author is as described."""
    who = facts.author
    return (
        (author.kind is None or author.kind == who.kind)
        and _within(who.approved, author.approved_min, author.approved_max)
        and _within(who.rejected, author.rejected_min, None)
        and _within(who.rejected_rate, author.rejected_rate_min, author.rejected_rate_max)
        and _within(
            _hours_since(who.first_seen, facts.now), author.age_hours_min, author.age_hours_max
        )
        and (author.trust_below is None or who.trust < author.trust_below)
        and (author.trust_min is None or who.trust >= author.trust_min)
    )


def test_article(article: ArticleIs, reading: Reading) -> Evidence | None:
    """Met by the article."""
    under, now = reading.facts.article, reading.facts.now
    dated = under.published_at is not None
    aged = (article.age_hours_min, article.age_hours_max)
    met = (
        (article.keys is None or under.key in article.keys)
        and (article.sections is None or under.section in article.sections)
        and (article.tags is None or not under.tags.isdisjoint(article.tags))
        and (
            aged == (None, None)
            or (dated and _within(_hours_since(under.published_at, now), *aged))
        )
    )
    return NOTHING if met else None


def test_thread(thread: ThreadIs, reading: Reading) -> Evidence | None:
    """Met by the place in the thread."""
    facts = reading.facts
    met = _within(facts.depth, thread.depth_min, None) and _within(
        facts.replies, thread.replies_min, None
    )
    return NOTHING if met else None


def test_reports(reports: Reports, reading: Reading) -> Evidence | None:
    """Met by readers' reports."""
    count = reading.facts.reports
    return Evidence(notes=(_plural(count, "report"),)) if count >= reports.min else None


def test_cluster(cluster: Cluster, reading: Reading) -> Evidence | None:
    """Met by many alike in a short time."""
    alike = reading.facts.cluster
    if alike is None or alike.rejected < cluster.rejected_min:
        return None
    if cluster.approved_max is not None and alike.approved > cluster.approved_max:
        return None
    size, authors = alike.since(reading.facts.now - timedelta(minutes=cluster.within_minutes))
    if size < cluster.size_min or authors < cluster.authors_min:
        return None
    turned_down = f", {alike.rejected} rejected" if alike.rejected else ""
    return Evidence(notes=(f"{size} alike by {_plural(authors, 'author')}{turned_down}",))


def test_score(score: Score, reading: Reading) -> Evidence | None:
    """Met by a model's probability; a model that said nothing meets none."""
    probability = reading.facts.scores.get(score.model)
    if probability is None:
        return None
    if score.above is not None and probability <= score.above:
        return None
    if score.below is not None and probability >= score.below:
        return None
    return Evidence(notes=(f"{score.model} {probability:.0%}",))


def test_allowed(models: frozenset[str], test: Test, reading: Reading) -> Evidence | None:
    """Met as the test is, where all models may be asked before approving."""
    return test(reading) if models <= reading.facts.approving else None


def test_rate(rate: Rate, reading: Reading) -> Evidence | None:
    """Met by too many comments in a short time, this one included."""
    count = 1 + sum(
        one.same_author if rate.by == "author" else one.same_address
        for one in _lately(reading.facts, rate.within_minutes)
    )
    if count < rate.min:
        return None
    return Evidence(notes=(f"{count} in {rate.within_minutes} min",))


def test_repeat(repeat: Repeat, reading: Reading) -> Evidence | None:
    """Met by the same text before."""
    if len(reading.facts.text) < repeat.length_min:
        return None
    same = sum(
        one.likeness == reading.likeness for one in _lately(reading.facts, repeat.within_minutes)
    )
    return Evidence(notes=(f"sent {same + 1} times",)) if same >= repeat.min else None


def test_history(history: History, reading: Reading) -> Evidence | None:
    """Met by recent comments that were turned down."""
    decided = [
        one.status
        for one in _lately(reading.facts, history.within_minutes)
        if one.same_author and one.status not in (None, Status.PENDING, Status.DELETED)
    ]
    rejected = sum(status in (Status.REJECTED, Status.REMOVED) for status in decided)
    if rejected < history.rejected_min or rejected < history.rejected_rate_min * len(decided):
        return None
    return Evidence(notes=(f"{rejected} of {len(decided)} turned down lately",))


def test_hours(hours: Hours, zone: ZoneInfo, reading: Reading) -> Evidence | None:
    """Met by the time of day; a span over midnight belongs to the day it begins on."""
    local = reading.facts.now.astimezone(zone)
    clock = local.time()
    day = local.weekday()
    if hours.from_ < hours.to:
        met = hours.from_ <= clock < hours.to
    else:
        met = clock >= hours.from_ or clock < hours.to
        if clock < hours.to:
            day = (day - 1) % len(DAYS)
    return Evidence(notes=(f"{clock:%H:%M}",)) if met and DAYS[day] in hours.days else None


def test_rule_hit(hit: RuleHit, reading: Reading) -> Evidence | None:
    """Met by another rule that spoke."""
    return NOTHING if reading.spoken and reading.severity >= hit.severity_min else None


def test_group(
    every: Sequence[Test], some: Sequence[Test], none: Sequence[Test], reading: Reading
) -> Evidence | None:
    """Met where all of `every`, one of `some` (if there are any) and none of `none` are."""
    evidence = NOTHING
    for test in every:
        met = test(reading)
        if met is None:
            return None
        evidence += met
    if any(test(reading) is not None for test in none):
        return None
    if not some:
        return evidence
    options = [met for test in some if (met := test(reading)) is not None]
    for met in options:
        evidence += met
    return evidence if options else None


def zoned(hours: Hours) -> Test:
    """Prepare a condition on hours: the zone is read once, not for each comment."""
    return partial(test_hours, hours, ZoneInfo(hours.zone))


def _lately(facts: Facts, minutes: int) -> Sequence[Recent]:
    if not facts.recent:
        return ()
    since = facts.now - timedelta(minutes=minutes)
    return [one for one in facts.recent if since <= one.at <= facts.now]


def _hours_since(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds() / 3600) if at else 0.0


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _is_below(host: str, hosts: frozenset[str]) -> bool:
    labels = host.split(".")
    return any(".".join(labels[at:]) in hosts for at in range(len(labels)))


def _author_note(author: AuthorFacts) -> Evidence:
    return Evidence(notes=(f"{author.approved} approved, {author.rejected} rejected",))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
