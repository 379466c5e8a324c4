"""Signals first, all of them; then one decision.

Rules are compiled once into a `RuleSet`. A comment is read once (views, language, links,
all words of all rules) and every rule is tried on that reading. No rule stops another, and
their order means nothing. What fails or takes too long holds the comment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from service.errors import FieldError, Invalid
from service.features.screening import conditions
from service.features.screening.conditions import Evidence, Reading, Test, links_in
from service.features.screening.facts import Facts, likeness_of
from service.features.screening.language import Code, language_of
from service.features.screening.patterns import (
    BadPattern,
    Pattern,
    Together,
    compiled,
    together,
)
from service.features.screening.priority import (
    RAISE_MAX,
    prioritised,
    reach_of,
    risk_of,
    size_of,
)
from service.features.screening.rules import (
    STRENGTH,
    TERMS_MAX,
    Condition,
    Rule,
    RuleDocument,
    Text,
)
from service.features.screening.verdict import Signal, Verdict
from service.features.screening.views import Span, View, Views, views_of
from service.features.screening.words import (
    Hit,
    IndexBuilder,
    Via,
    WordIndex,
    WordList,
    expanded,
    shipped_lists,
)
from service.model import Mode, Why

BUDGET_SECONDS = 0.02
"""Time after which rules not yet tried are given up and the comment is held. All bounds
together keep hostile texts below half of it."""

SPANS_MAX = 32
"""Places of one signal that are kept."""

INSTRUCTIONS_MAX = 30_000
"""Of all patterns of a site together."""

UNCHECKED = Why(rule="checks_unavailable", version=1, label="Not everything could be checked")

Stopwatch = Callable[[], float]
"""Returns seconds from some moment on; only differences count."""


class BadRules(Invalid):
    """A document is well formed, but a pattern or a list in it is not."""

    code = "bad_rules"
    title = "A rule cannot be used."


@dataclass(frozen=True, slots=True)
class _TextTest:
    """What one text condition looks for."""

    group: int | None
    """Its words in the index."""
    langs: frozenset[Code]
    """Languages its words are looked for in; empty for all."""
    via: frozenset[Via]
    pattern: int | None
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    """One rule, ready to be tried."""

    rule: Rule
    test: Test
    sites: frozenset[str]
    sections: frozenset[str]
    asks_others: bool
    """Whether it looks at what other rules said."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Compiled rules. Made by `compile_rules`; may be shared between threads."""

    document: RuleDocument
    _rules: tuple[_Ready, ...]
    _index: WordIndex
    _texts: tuple[_TextTest, ...]
    _patterns: tuple[Pattern, ...]
    _folded: tuple[Together, ...]
    """Numbers of patterns over the `norm` and skeleton views, in batches."""
    _raw: tuple[Together, ...]


def compile_rules(
    document: RuleDocument, *, lists: Mapping[str, WordList] | None = None
) -> RuleSet:
    """Make a site's rules ready; drafts are left out.

    Takes 10 to 100 ms for the shipped lists: not for the event loop.

    Raises:
        BadRules: a pattern RE2 refuses, a list nobody knows, a word that stands for too many.
    """
    return _Compiler(document, shipped_lists() if lists is None else lists).compile()


def evaluate(
    facts: Facts,
    rules: RuleSet,
    *,
    stopwatch: Stopwatch = lambda: 0.0,
    budget_seconds: float = BUDGET_SECONDS,
) -> Verdict:
    """Screen one comment: try every rule, then decide.

    Without a stopwatch the answer depends on the arguments alone. What could not be checked,
    a rule that fails, and rules the budget did not reach hold the comment; none of them
    ever publishes, refuses or rejects it.
    """
    deadline = stopwatch() + budget_seconds
    reading = _read(facts, rules)
    signals: list[Signal] = []
    for asks_others in (False, True):
        reading = _with_others(reading, signals) if asks_others else reading
        for ready in rules._rules:
            if ready.asks_others is not asks_others:
                continue
            if stopwatch() > deadline:
                signals.append(_failure(ready.rule, "not tried in time"))
                continue
            signal = _try(ready, reading)
            if signal is not None:
                signals.append(signal)
    return _decide(facts, reading, signals)


def _read(facts: Facts, rules: RuleSet) -> Reading:
    views = views_of(facts.text)
    language = language_of(facts.text)
    words: dict[int, list[Hit]] = {}
    for hit in rules._index.find(views, arabizi=language.code == "ar-latn"):
        words.setdefault(hit.group, []).append(hit)
    matched = _matched(rules, views)
    return Reading(
        facts=facts,
        views=views,
        language=language,
        found=tuple(_found(text, words, matched, language.code) for text in rules._texts),
        links=links_in(facts.text),
        likeness=likeness_of(views),
    )


def _found(
    text: _TextTest,
    words: Mapping[int, Sequence[Hit]],
    matched: Mapping[tuple[int, str], tuple[Span, ...]],
    code: Code,
) -> tuple[Span, ...]:
    """Collect the places one text condition speaks of, each once, in order."""
    spans: dict[Span, None] = {}
    if text.group is not None and (not text.langs or code in text.langs):
        spans.update((hit.span, None) for hit in words.get(text.group, ()) if hit.via in text.via)
    if text.pattern is not None:
        for view in text.views:
            spans.update(dict.fromkeys(matched.get((text.pattern, view), ())))
    return tuple(sorted(spans))


def _matched(rules: RuleSet, views: Views) -> dict[tuple[int, str], tuple[Span, ...]]:
    """Return where each pattern is found in each view, for those that are."""
    matched: dict[tuple[int, str], tuple[Span, ...]] = {}
    for name, batches, view in (
        ("norm", rules._folded, views.norm),
        ("skeleton", rules._folded, views.skeleton),
        ("raw", rules._raw, View(views.raw, None)),
    ):
        if name == "skeleton" and view is views.norm:
            continue
        for batch in batches:
            if not batch.may_match(view.text):
                continue
            for number in batch.numbers:
                if spans := rules._patterns[number].spans(view):
                    matched[number, name] = spans
    return matched


def _with_others(reading: Reading, signals: Sequence[Signal]) -> Reading:
    """Let the rules that ask know what the others said."""
    spoken = [signal for signal in signals if signal.counts and not signal.failed]
    severity = max((signal.severity for signal in spoken), default=0)
    return replace(reading, spoken=bool(spoken), severity=severity)


def _try(ready: _Ready, reading: Reading) -> Signal | None:
    """Try one rule; what it raises is its own failure and stops no other."""
    try:
        if not _in_scope(ready, reading):
            return None
        evidence = ready.test(reading)
    except Exception:  # noqa: BLE001 - whatever a rule trips over, the comment is held for it
        return _failure(ready.rule, "failed")
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
        notify=then.notify,
    )


def _failure(rule: Rule, what: str) -> Signal:
    return Signal(
        rule=rule.id,
        version=rule.version,
        state=rule.state,
        effect="hold",
        severity=0,
        raise_by=1.0,
        reason=None,
        label=f"{rule.title} ({what})",
        failed=True,
    )


def _in_scope(ready: _Ready, reading: Reading) -> bool:
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
    severity = max((signal.severity for signal in counted), default=0)
    ruling = counted[0].effect if counted else "none"
    if ruling == "approve" and severity >= 1:
        ruling = "none"
    unsure = not facts.checks_complete or any(signal.failed for signal in counted)
    if unsure and ruling != "shadow_limit":
        ruling = "hold"
    raise_by = min(RAISE_MAX, math.prod(signal.raise_by for signal in counted))
    why = tuple(signal.why() for signal in sorted(counted, key=lambda one: (-one.severity, one.rule)))
    return Verdict(
        publish=ruling == "approve" or (ruling in _LEAVES_IT_TO_THE_MODE and _publishes(facts)),
        priority=_level(facts, severity, raise_by),
        why=why if facts.checks_complete else (UNCHECKED, *why),
        ruling=ruling,
        reason=next((signal.reason for signal in counted if signal.reason), None),
        severity=severity,
        raise_by=raise_by,
        notify=any(signal.notify for signal in counted),
        signals=tuple(sorted(signals, key=lambda one: one.rule)),
        language=reading.language.code,
        tricks=reading.views.tricks,
        likeness=reading.likeness,
    )


_LEAVES_IT_TO_THE_MODE: Final = frozenset({"flag", "raise", "none"})


def _publishes(facts: Facts) -> bool:
    return facts.mode is Mode.POST or (facts.mode is Mode.TRUSTED and facts.author.trusted)


def _level(facts: Facts, severity: int, raise_by: float) -> int:
    reach = reach_of(
        views_per_hour=facts.article.views_per_hour,
        comments_per_hour=facts.article.comments_per_hour,
        position=facts.position,
        depth=facts.depth,
    )
    return prioritised(
        risk=risk_of(severity, facts.scores),
        severity=severity,
        reach=reach,
        size=size_of(len(facts.text), facts.cluster.size if facts.cluster else 1),
        raise_by=raise_by,
    ).level


@dataclass(slots=True)
class _Compiler:
    """Turns a document into a `RuleSet`, gathering what all rules look up together."""

    document: RuleDocument
    lists: Mapping[str, WordList]
    _builder: IndexBuilder = field(default_factory=IndexBuilder)
    _groups: dict[tuple[object, ...], int] = field(default_factory=dict)
    _texts: list[_TextTest] = field(default_factory=list)
    _patterns: list[Pattern] = field(default_factory=list)
    _is_raw: list[bool] = field(default_factory=list)
    _errors: list[FieldError] = field(default_factory=list)

    def compile(self) -> RuleSet:
        """Compile every rule, and report everything that is wrong at once.

        Raises:
            BadRules: a pattern, a list or a word cannot be used.
        """
        ready: list[_Ready] = []
        for at, rule in enumerate(self.document.rules):
            if rule.state == "draft":
                self._check(rule, f"/rules/{at}")
            else:
                ready.append(self._ready(rule, f"/rules/{at}"))
        if sum(pattern.instructions for pattern in self._patterns) > INSTRUCTIONS_MAX:
            self._wrong("/rules", "patterns_too_large", "All patterns together are too large.")
        if self._errors:
            raise BadRules(self._errors[0].detail, errors=tuple(self._errors))
        numbered = list(enumerate(self._patterns))
        return RuleSet(
            document=self.document,
            _rules=tuple(ready),
            _index=self._builder.build(),
            _texts=tuple(self._texts),
            _patterns=tuple(self._patterns),
            _folded=tuple(together([one for one in numbered if not self._is_raw[one[0]]], raw=False)),
            _raw=tuple(together([one for one in numbered if self._is_raw[one[0]]], raw=True)),
        )

    def _check(self, rule: Rule, pointer: str) -> None:
        """Report what is wrong with a rule without taking it in."""
        aside = _Compiler(self.document, self.lists)
        aside._ready(rule, pointer)
        self._errors += aside._errors

    def _ready(self, rule: Rule, pointer: str) -> _Ready:
        return _Ready(
            rule=rule,
            test=self._test(rule.when, f"{pointer}/when"),
            sites=_names(rule.scope.sites),
            sections=_names(rule.scope.sections),
            asks_others=any(leaf.kind == "rule_hit" for leaf in rule.when.leaves()),
        )

    def _test(self, condition: Condition, pointer: str) -> Test:
        if condition.kind is None:
            every, some, none = (
                tuple(
                    self._test(member, f"{pointer}/{group}/{at}")
                    for at, member in enumerate(condition.members(group))
                )
                for group in ("all", "any", "none")
            )
            return partial(conditions.test_group, every, some, none)
        return self._leaf(condition, f"{pointer}/{condition.kind}")

    def _leaf(self, leaf: Condition, pointer: str) -> Test:
        if leaf.text is not None:
            return partial(conditions.test_text, self._text(leaf.text, pointer), leaf.text.min)
        if leaf.link_domain is not None:
            named = self._listed(leaf.link_domain.list_, f"{pointer}/list")
            hosts = [*named.words, *leaf.link_domain.domains] if named else leaf.link_domain.domains
            return partial(conditions.test_link_domain, frozenset(map(str.lower, hosts)))
        if leaf.hours is not None:
            return conditions.zoned(leaf.hours)
        assert leaf.kind is not None
        test: Callable[..., Evidence | None] = getattr(conditions, f"test_{leaf.kind}")
        return partial(test, getattr(leaf, leaf.kind))

    def _text(self, text: Text, pointer: str) -> int:
        """Take in what a text condition looks for, and return its number."""
        named = self._listed(text.list_, f"{pointer}/list")
        group = None
        if named is not None or text.words or text.phrases:
            own = self._spellings([*text.words, *text.phrases], f"{pointer}/words")
            key = (named.name if named else None, tuple(own), text.arabizi)
            if key not in self._groups:
                words = [*named.words, *own] if named else own
                self._groups[key] = self._builder.add(words, arabizi=text.arabizi)
            group = self._groups[key]
        self._texts.append(
            _TextTest(
                group=group,
                langs=named.langs if named else frozenset(),
                via=_VIA[text.view],
                pattern=self._pattern(text, f"{pointer}/regex"),
                views=_VIEWS[text.view],
            )
        )
        return len(self._texts) - 1

    def _pattern(self, text: Text, pointer: str) -> int | None:
        if text.regex is None:
            return None
        try:
            pattern = compiled(text.regex, raw=text.view == "raw")
        except BadPattern as error:
            self._wrong(pointer, "bad_pattern", f"The pattern cannot be used: {error}.")
            return None
        self._patterns.append(pattern)
        self._is_raw.append(text.view == "raw")
        return len(self._patterns) - 1

    def _listed(self, name: str | None, pointer: str) -> WordList | None:
        """Return a list by name, the site's own before a shipped one."""
        if name is None:
            return None
        if name in self.document.lists:
            words = self._spellings(self.document.lists[name], pointer)
            return WordList(name=name, title=name, words=tuple(words))
        if name not in self.lists:
            self._wrong(pointer, "unknown_list", f"There is no list named {name!r}.")
            return None
        return self.lists[name]

    def _spellings(self, entries: Sequence[str], pointer: str) -> list[str]:
        spellings: list[str] = []
        for entry in entries:
            try:
                spellings += expanded(entry)
            except ValueError as error:
                self._wrong(pointer, "too_many_spellings", f"{error}.")
        if len(spellings) > TERMS_MAX:
            self._wrong(pointer, "too_many_words", f"At most {TERMS_MAX} spellings in one list.")
        return spellings

    def _wrong(self, pointer: str, code: str, detail: str) -> None:
        self._errors.append(FieldError(pointer=pointer, code=code, detail=detail))


_VIA: Final[Mapping[str, frozenset[Via]]] = {
    "raw": frozenset(),
    "norm": frozenset({"norm", "masked", "arabizi"}),
    "skeleton": frozenset({"norm", "skeleton"}),
    "both": frozenset({"norm", "skeleton", "masked", "arabizi"}),
}
"""By which readings the words of a text condition may be found."""

_VIEWS: Final[Mapping[str, tuple[str, ...]]] = {
    "raw": ("raw",),
    "norm": ("norm",),
    "skeleton": ("norm", "skeleton"),
    "both": ("norm", "skeleton"),
}
"""In which readings its pattern is tried."""


def _names(names: Sequence[str]) -> frozenset[str]:
    """Return the names a scope is limited to; empty where `*` lifts the limit."""
    return frozenset() if "*" in names else frozenset(names)
