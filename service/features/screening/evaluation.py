"""Signals first, all of them; then one decision.

Rules are compiled once into a `RuleSet`. A comment is read once (views, language, links,
all words of all rules) and every rule is tried on that reading. No rule stops another, and
their order means nothing. What fails or takes too long holds the comment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from msgspec.structs import replace

from service.features.screening import conditions
from service.features.screening.conditions import Reading
from service.features.screening.facts import Facts, likeness_of
from service.features.screening.language import UNTOLD, Code, language_of
from service.features.screening.links import links_in
from service.features.screening.priority import (
    RAISE_MAX,
    prioritised,
    reach_of,
    risk_of,
    size_of,
)
from service.features.screening.rules import STRENGTH, Rule
from service.features.screening.ruleset import Ready, RuleSet
from service.features.screening.verdict import Signal, Verdict
from service.features.screening.views import Span, View, Views, unread_views, views_of
from service.features.screening.wordindex import Hit
from service.model import Alert, Mode, Role, Why

SPANS_MAX = 32
"""Places of one signal that are kept."""

UNCHECKED = Why(rule="checks_unavailable", version=1, label="Not everything could be checked")


class Said(NamedTuple):
    """What rules say of a comment, before anybody rules on it."""

    signals: Sequence[Signal]
    language: Code | None


def _never() -> bool:
    """Stand in where nobody looks at a clock."""
    return False


def evaluate(facts: Facts, rules: RuleSet, *, is_late: Callable[[], bool] = _never) -> Verdict:
    """Screen one comment: try every rule, then decide.

    `is_late` tells whether the rules that are left have to be given up; without it the answer
    depends on the arguments alone. What could not be checked, a rule that fails, and rules that
    were given up hold the comment; none of them ever publishes, refuses or rejects it.
    """
    try:
        reading = _read(facts, rules)
    except Exception as error:  # noqa: BLE001 - a text nobody could read is held for a person
        return unread(error)
    return _decide(facts, reading, _signals(facts, rules, reading, is_late=is_late))


def said(facts: Facts, rules: RuleSet, *, tell_language: bool = True) -> Said:
    """Return what the rules say of a comment, as `evaluate` does, without a ruling.

    Without `tell_language` the language is told only where a rule asks for it.
    """
    try:
        reading = _read(facts, rules, tell_language=tell_language)
    except Exception as error:  # noqa: BLE001 - as above
        return Said(unread(error).signals, None)
    return Said(_signals(facts, rules, reading, is_late=_never), reading.language.code)


def _signals(
    facts: Facts, rules: RuleSet, reading: Reading, *, is_late: Callable[[], bool]
) -> Sequence[Signal]:
    """Try every rule, those that ask what the others say at the end."""
    signals = [_unanswered(name, error) for name, error in facts.unanswered.items()]
    signals += facts.outside
    signals += _spoken(_candidates(rules, reading), reading, is_late)
    if rules.asking:
        reading = _with_others(reading, signals)
        signals += _spoken(rules.asking, reading, is_late)
    return signals


def _candidates(rules: RuleSet, reading: Reading) -> Sequence[Ready]:
    """Leave out the rules that need words or patterns which are not there."""
    positions: Iterable[int] = rules.always
    if reading.found:
        needed = (rules.by_text.get(number, ()) for number in reading.found)
        positions = sorted({*rules.always, *chain.from_iterable(needed)})
    return [rules.rules[at] for at in positions]


def _spoken(
    candidates: Iterable[Ready], reading: Reading, is_late: Callable[[], bool]
) -> Iterator[Signal]:
    """Yield what rules say: one signal each, or nothing."""
    for ready in candidates:
        if is_late():
            yield _failure(ready.rule, "not tried in time", error="TimeoutError")
        elif (signal := _try(ready, reading)) is not None:
            yield signal


def _unanswered(name: str, error: str) -> Signal:
    return Signal(
        rule=f"{name}_unavailable",
        version=1,
        state="live",
        effect="hold",
        severity=0,
        raise_by=1.0,
        reason=None,
        label=f"No answer about: {name}",
        error=error,
    )


def unread(error: Exception) -> Verdict:
    """Hold a comment that could not be screened, for a person."""
    signal = Signal(
        rule="screening",
        version=1,
        state="live",
        effect="hold",
        severity=0,
        raise_by=1.0,
        reason=None,
        label="The text could not be read by the rules",
        error=type(error).__name__,
    )
    return Verdict(publish=False, ruling="hold", why=(signal.why(),), signals=(signal,))


def _read(facts: Facts, rules: RuleSet, *, tell_language: bool = True) -> Reading:
    is_read = bool(rules.texts) or not facts.likeness
    views = views_of(facts.text) if is_read else unread_views(facts.text)
    is_told = tell_language or rules.asks_language
    language = language_of(facts.text) if is_told else UNTOLD
    words: dict[int, list[Hit]] = {}
    for hit in rules.index.find(views, arabizi=language.code == "ar-latn"):
        words.setdefault(hit.group, []).append(hit)
    matched = _matched(rules, views)
    return Reading(
        facts=facts,
        views=views,
        language=language,
        found=_found(rules, words, matched, language.code),
        links=links_in(facts.text),
        likeness=facts.likeness or likeness_of(views),
    )


def _found(
    rules: RuleSet,
    words: Mapping[int, Sequence[Hit]],
    matched: Mapping[tuple[int, str], tuple[Span, ...]],
    code: Code,
) -> Mapping[int, tuple[Span, ...]]:
    """Collect the places each text condition speaks of, for those that find any."""
    if not (words or matched):
        return {}
    numbers = {number for group in words for number in rules.by_group[group]}
    numbers.update(number for pattern, _ in matched for number in rules.by_pattern[pattern])
    found: dict[int, tuple[Span, ...]] = {}
    for number in numbers:
        text = rules.texts[number]
        spans: set[Span] = set()
        if text.group is not None and (not text.langs or code in text.langs):
            spans.update(hit.span for hit in words.get(text.group, ()) if hit.via in text.via)
        if text.pattern is not None:
            for view in text.views:
                spans.update(matched.get((text.pattern, view), ()))
        if spans:
            found[number] = tuple(sorted(spans))
    return found


def _matched(rules: RuleSet, views: Views) -> dict[tuple[int, str], tuple[Span, ...]]:
    """Return where each pattern is found in each view, for those that are."""
    if not rules.patterns:
        return {}
    matched: dict[tuple[int, str], tuple[Span, ...]] = {}
    for name, batches, view in (
        ("norm", rules.folded, views.norm),
        ("skeleton", rules.folded, views.skeleton),
        ("raw", rules.raw, View(views.raw)),
    ):
        if name == "skeleton" and view is views.norm:
            continue
        for batch in batches:
            if not batch.may_match(view.text):
                continue
            for number in batch.numbers:
                if spans := rules.patterns[number].spans(view):
                    matched[number, name] = spans
    return matched


def _with_others(reading: Reading, signals: Sequence[Signal]) -> Reading:
    """Let the rules that ask know what the others said."""
    spoken = [signal for signal in signals if signal.counts and not signal.failed]
    severity = max((signal.severity for signal in spoken), default=0)
    return replace(reading, spoken=bool(spoken), severity=severity)


def _try(ready: Ready, reading: Reading) -> Signal | None:
    """Try one rule; what it raises is its own failure and stops no other."""
    try:
        if ready.scoped and not _in_scope(ready, reading):
            return None
        evidence = ready.test(reading)
    except Exception as error:  # noqa: BLE001 - whatever it trips over, the comment is held
        return _failure(ready.rule, "failed", error=type(error).__name__)
    if evidence is None:
        return None
    rule, then = ready.rule, ready.rule.then
    notes = ", ".join(dict.fromkeys(evidence.notes))
    return Signal(
        rule=rule.id,
        version=rule.version,
        state=rule.state,
        effect=then.action,
        severity=then.severity,
        raise_by=then.raise_,
        reason=then.reason,
        label=f"{rule.title} ({notes})" if notes else rule.title,
        spans=tuple(sorted(set(evidence.spans)))[:SPANS_MAX],
        notify=then.notifies,
        tell=then.tell,
    )


def _failure(rule: Rule, what: str, *, error: str) -> Signal:
    return Signal(
        rule=rule.id,
        version=rule.version,
        state=rule.state,
        effect="hold",
        severity=0,
        raise_by=1.0,
        reason=None,
        label=f"{rule.title} ({what})",
        error=error,
    )


def _in_scope(ready: Ready, reading: Reading) -> bool:
    facts, scope = reading.facts, ready.rule.scope
    if ready.sites and facts.site not in ready.sites:
        return False
    if ready.sections and facts.article.section not in ready.sections:
        return False
    if scope.langs is not None and reading.language.code not in scope.langs:
        return False
    return scope.authors is None or conditions.author_is(scope.authors, facts)


def _decide(facts: Facts, reading: Reading, signals: Sequence[Signal]) -> Verdict:
    """Weigh what the live rules said; the order of the rules plays no part."""
    counted = sorted(
        (signal for signal in signals if signal.counts),
        key=lambda one: (STRENGTH.index(one.effect), -one.severity, one.rule),
    )
    severity = max([signal.severity for signal in counted], default=0)
    ruling = counted[0].effect if counted else "none"
    if ruling == "approve" and severity >= 1:
        ruling = "none"
    decider = counted[0] if counted and ruling == counted[0].effect else None
    unsure = not facts.checks_complete or any(signal.failed for signal in counted)
    if unsure and ruling != "shadow_limit":
        ruling, decider = "hold", None
    raise_by = min(RAISE_MAX, math.prod([signal.raise_by for signal in counted]))
    risk = risk_of(severity, facts.scores)
    why = tuple(
        signal.why() for signal in sorted(counted, key=lambda one: (-one.severity, one.rule))
    )
    return Verdict(
        publish=ruling == "approve" or (ruling in _LEAVES_IT_TO_THE_MODE and _publishes(facts)),
        priority=_level(facts, risk, severity, raise_by),
        risk=risk,
        rule=decider.rule if decider else None,
        rule_version=decider.version if decider else None,
        tell=decider.tell if decider else None,
        why=why if facts.checks_complete else (UNCHECKED, *why),
        ruling=ruling,
        reason=next((signal.reason for signal in counted if signal.reason), None),
        severity=severity,
        raise_by=raise_by,
        alert=_alert(counted),
        signals=tuple(sorted(signals, key=lambda one: one.rule)),
        language=reading.language.code,
        tricks=reading.views.tricks,
        likeness=reading.likeness,
    )


def _alert(counted: Sequence[Signal]) -> Alert | None:
    """Return whom the most severe rule wants told; of several as severe, more are told."""
    asking = [
        (-signal.severity, list(Role).index(Role(signal.notify)), signal.rule, signal)
        for signal in counted
        if signal.notify is not None
    ]
    if not asking:
        return None
    signal = min(asking, key=lambda one: one[:3])[-1]
    assert signal.notify is not None
    return Alert(
        rule=signal.rule, label=signal.label, severity=signal.severity, role=Role(signal.notify)
    )


_LEAVES_IT_TO_THE_MODE: Final = frozenset({"flag", "raise", "none"})


def _publishes(facts: Facts) -> bool:
    return facts.mode is Mode.POST or (facts.mode is Mode.TRUSTED and facts.author.trusted)


def _level(facts: Facts, risk: float, severity: int, raise_by: float) -> int:
    reach = reach_of(
        views_per_hour=facts.article.views_per_hour,
        comments_per_hour=facts.article.comments_per_hour,
        position=facts.position,
        depth=facts.depth,
    )
    return prioritised(
        risk=risk,
        severity=severity,
        reach=reach,
        size=size_of(len(facts.text), facts.cluster.size if facts.cluster else 1),
        raise_by=raise_by,
    ).level
