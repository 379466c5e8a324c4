"""Rules made ready: words in one index, patterns compiled, conditions as functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from msgspec import Struct, field

from service.errors import FieldError, Invalid
from service.features.screening import conditions
from service.features.screening.conditions import Evidence, Test
from service.features.screening.language import Code
from service.features.screening.patterns import (
    Pattern,
    PatternError,
    Together,
    compiled,
    together,
)
from service.features.screening.rules import TERMS_MAX, Condition, Rule, RuleDocument, Text
from service.features.screening.wordindex import IndexBuilder, Via, WordIndex
from service.features.screening.words import WordList, expanded, shipped_lists

INSTRUCTIONS_MAX = 30_000
"""Of all patterns of a site together."""


class BadRules(Invalid):
    """A document is well formed, but a pattern or a list in it is not."""

    code = "bad_rules"
    title = "A rule cannot be used."


class TextTest(Struct, frozen=True):
    """What one text condition looks for."""

    group: int | None
    """Its words in the index."""
    langs: frozenset[Code]
    """Languages its words are looked for in; empty for all."""
    via: frozenset[Via]
    pattern: int | None
    views: tuple[str, ...]


Needs: TypeAlias = frozenset[int] | None
"""Text conditions one of which must be met for the rule to be; None where none must."""


class Ready(Struct, frozen=True):
    """One rule, ready to be tried."""

    rule: Rule
    test: Test
    sites: frozenset[str]
    sections: frozenset[str]
    scoped: bool
    """Whether it speaks in some places, languages or of some authors only."""
    needs: Needs


class RuleSet(Struct, frozen=True):
    """Compiled rules. Made by `compile_rules`; may be shared between threads."""

    document: RuleDocument
    rules: tuple[Ready, ...]
    """Those that look at the comment alone."""
    always: tuple[int, ...]
    """Positions in `rules` of those that may match whatever words the text has."""
    by_text: Mapping[int, Sequence[int]]
    """Text condition -> positions in `rules` of those that need it."""
    by_group: Mapping[int, Sequence[int]]
    """Group of words -> text conditions that look for them."""
    by_pattern: Mapping[int, Sequence[int]]
    """Pattern -> text conditions that look for it."""
    asking: tuple[Ready, ...]
    """Rules that look at what the others said."""
    index: WordIndex
    texts: tuple[TextTest, ...]
    patterns: tuple[Pattern, ...]
    folded: tuple[Together, ...]
    """Numbers of patterns over the `norm` and skeleton views, in batches."""
    raw: tuple[Together, ...]
    asks_language: bool
    """Whether what any of the rules says depends on the language of the text."""
    kinds: frozenset[str]
    """Kinds of conditions that any of the rules has: what nothing asks need not be known."""


def compile_rules(
    document: RuleDocument, *, lists: Mapping[str, WordList] | None = None
) -> RuleSet:
    """Make a site's rules ready; drafts are left out.

    Takes 10 to 100 ms for the shipped lists: not for the event loop.

    Raises:
        BadRules: a pattern RE2 refuses, a list nobody knows, a word that stands for too many.
    """
    return _Compiler(document, shipped_lists() if lists is None else lists).compile()


class _Compiler(Struct):
    """Turns a document into a `RuleSet`, gathering what all rules look up together."""

    document: RuleDocument
    lists: Mapping[str, WordList]
    _builder: IndexBuilder = field(default_factory=IndexBuilder)
    _groups: dict[tuple[object, ...], int] = field(default_factory=dict)
    _texts: list[TextTest] = field(default_factory=list)
    _patterns: list[Pattern] = field(default_factory=list)
    _is_raw: list[bool] = field(default_factory=list)
    _errors: list[FieldError] = field(default_factory=list)

    def compile(self) -> RuleSet:
        """Compile every rule, and report everything that is wrong at once.

        Raises:
            BadRules: a pattern, a list or a word cannot be used.
        """
        ready: list[Ready] = []
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
        alone = [one for one in ready if not _asks_others(one.rule)]
        return RuleSet(
            document=self.document,
            rules=tuple(alone),
            always=tuple(at for at, one in enumerate(alone) if one.needs is None),
            by_text=_grouped(
                (number, at) for at, one in enumerate(alone) for number in one.needs or ()
            ),
            by_group=_grouped((text.group, at) for at, text in enumerate(self._texts)),
            by_pattern=_grouped((text.pattern, at) for at, text in enumerate(self._texts)),
            asking=tuple(one for one in ready if _asks_others(one.rule)),
            index=self._builder.build(),
            texts=tuple(self._texts),
            patterns=tuple(self._patterns),
            folded=tuple(
                together([one for one in numbered if not self._is_raw[one[0]]], raw=False)
            ),
            raw=tuple(together([one for one in numbered if self._is_raw[one[0]]], raw=True)),
            asks_language=any(text.langs for text in self._texts)
            or any(_asks_language(one.rule) for one in ready),
            kinds=frozenset(
                leaf.kind for one in ready for leaf in one.rule.when.leaves() if leaf.kind
            ),
        )

    def _check(self, rule: Rule, pointer: str) -> None:
        """Report what is wrong with a rule without taking it in."""
        aside = _Compiler(self.document, self.lists)
        aside._ready(rule, pointer)
        self._errors += aside._errors

    def _ready(self, rule: Rule, pointer: str) -> Ready:
        test, needs = self._test(rule.when, f"{pointer}/when")
        if models := _asked_before_approving(rule):
            test = partial(conditions.test_allowed, models, test)
        scope = rule.scope
        sites, sections = _names(scope.sites), _names(scope.sections)
        return Ready(
            rule=rule,
            test=test,
            sites=sites,
            sections=sections,
            scoped=bool(sites or sections or scope.langs is not None or scope.authors is not None),
            needs=needs,
        )

    def _test(self, condition: Condition, pointer: str) -> tuple[Test, Needs]:
        if condition.kind is not None:
            return self._leaf(condition, f"{pointer}/{condition.kind}")
        made: dict[str, list[tuple[Test, Needs]]] = {
            group: [
                self._test(member, f"{pointer}/{group}/{at}")
                for at, member in enumerate(condition.members(group))
            ]
            for group in ("all", "any", "none")
        }
        every, some, none = (tuple(test for test, _ in members) for members in made.values())
        needs = next((needs for _, needs in made["all"] if needs is not None), None)
        if needs is None and made["any"]:
            needs = _either([needs for _, needs in made["any"]])
        if not none and len(every) + len(some) == 1:
            return (every or some)[0], needs
        return partial(conditions.test_group, every, some, none), needs

    def _leaf(self, leaf: Condition, pointer: str) -> tuple[Test, Needs]:
        if leaf.text is not None:
            number = self._text(leaf.text, pointer)
            return partial(conditions.test_text, number, leaf.text.min), frozenset({number})
        if leaf.link_domain is not None:
            named = self._listed(leaf.link_domain.list_, f"{pointer}/list")
            hosts = [*named.words, *leaf.link_domain.domains] if named else leaf.link_domain.domains
            return partial(conditions.test_link_domain, frozenset(map(str.lower, hosts))), None
        if leaf.hours is not None:
            return conditions.zoned(leaf.hours), None
        assert leaf.kind is not None
        test: Callable[..., Evidence | None] = getattr(conditions, f"test_{leaf.kind}")
        return partial(test, getattr(leaf, leaf.kind)), None

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
            TextTest(
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
        except PatternError as error:
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
                detail = f"At most {TERMS_MAX} spellings in one list."
                self._wrong(pointer, "too_many_words", detail)
                break
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


def _grouped(pairs: Iterable[tuple[int | None, int]]) -> Mapping[int, Sequence[int]]:
    """Collect the second of each pair by the first, where there is one."""
    groups: dict[int, list[int]] = {}
    for key, value in pairs:
        if key is not None:
            groups.setdefault(key, []).append(value)
    return groups


def _either(options: Sequence[Needs]) -> Needs:
    """What one of several ways to match needs at least."""
    if any(needs is None for needs in options):
        return None
    return frozenset().union(*(needs for needs in options if needs is not None))


def _asked_before_approving(rule: Rule) -> frozenset[str]:
    """Return the models whose word a rule approves by."""
    if rule.then.action != "approve":
        return frozenset()
    return frozenset(leaf.score.model for leaf in rule.when.leaves() if leaf.score is not None)


def _asks_language(rule: Rule) -> bool:
    return rule.scope.langs is not None or any(
        leaf.lang is not None or (leaf.text is not None and leaf.text.arabizi)
        for leaf in rule.when.leaves()
    )


def _asks_others(rule: Rule) -> bool:
    return any(leaf.kind == "rule_hit" for leaf in rule.when.leaves())


def _names(names: Sequence[str]) -> frozenset[str]:
    """Return the names a scope is limited to; empty where `*` lifts the limit."""
    return frozenset() if "*" in names else frozenset(names)
