"""Try rules on a text that somebody types: what speaks, where, and by which reading of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from service.errors import FieldError, Invalid
from service.features.rule_changes_checks import checked, compiled_alone
from service.features.rulebook import Rulebook
from service.features.screening import AuthorFacts, Facts, RuleSet, Signal, Verdict, evaluate
from service.features.screening.language import language_of
from service.features.screening.views import Span, View, views_of
from service.model import Site

TEXT_MAX_CHARS = 10_000

TRIED = "tried-rule"
"""What a rule without an id is called."""


class Place(Struct, frozen=True, kw_only=True):
    """Where in a text a rule saw something."""

    span: Span
    text: str
    via: tuple[str, ...]
    """By which readings: as written (`raw`), in plain spelling (`norm`), through dots, spaces
    and leet (`skeleton`), `masked`, `arabizi`; empty for what is not read: a link."""


class Spoken(Struct, frozen=True, kw_only=True):
    """What one rule said about a text."""

    signal: Signal
    places: Sequence[Place]
    is_tried: bool


class Trial(Struct, frozen=True, kw_only=True):
    """What became of a text that was tried."""

    verdict: Verdict
    """Of what is in effect."""
    spoken: Sequence[Spoken]
    """The rule that was tried first, if it spoke."""
    norm: str
    skeleton: str


class Trials(Struct, frozen=True, kw_only=True):
    """Try texts. Nothing is kept."""

    rulebook: Rulebook

    async def of(
        self,
        site: Site,
        text: str,
        *,
        wish: Mapping[str, Any] | None,
        rule_id: str = TRIED,
        author: AuthorFacts,
        now: datetime,
    ) -> Trial:
        """Try what is in effect on a text, and a rule as somebody wrote it.

        Raises:
            Invalid: the text is too long, or what was written is no rule.
            BadRules: a pattern or a list in it cannot be used.
            Unavailable: the site's rules cannot be read.
        """
        if len(text) > TEXT_MAX_CHARS:
            detail = f"At most {TEXT_MAX_CHARS} characters."
            error = FieldError(pointer="/comment", code="too_long", detail=detail)
            raise Invalid(detail, errors=(error,))
        tried = None
        if wish is not None:
            rule = checked(rule_id, wish)
            lists = await self.rulebook.word_lists(site)
            tried = await asyncio.to_thread(compiled_alone, rule, lists)
        facts = Facts(text=text, now=now, mode=site.settings.mode, site=site.slug, author=author)
        rules = await self.rulebook.of(site)
        return await asyncio.to_thread(_look, facts, rules, tried, rule_id)


def _look(facts: Facts, rules: RuleSet, tried: RuleSet | None, rule_id: str) -> Trial:
    verdict = evaluate(facts, rules)
    spoken = []
    if tried is not None:
        spoken = [_spoken(one, facts.text, tried) for one in evaluate(facts, tried).signals]
    spoken += [
        _spoken(one, facts.text, rules, is_tried=False)
        for one in verdict.signals
        if tried is None or one.rule != rule_id
    ]
    views = views_of(facts.text)
    return Trial(verdict=verdict, spoken=spoken, norm=views.norm.text, skeleton=views.skeleton.text)


def _spoken(signal: Signal, text: str, rules: RuleSet, *, is_tried: bool = True) -> Spoken:
    ways = _ways(text, rules)
    places = [
        Place(span=span, text=text[slice(*span)], via=tuple(sorted(ways.get(span, ()))))
        for span in signal.spans
    ]
    return Spoken(signal=signal, places=places, is_tried=is_tried)


def _ways(text: str, rules: RuleSet) -> dict[Span, set[str]]:
    """Return by which readings each place was found."""
    views = views_of(text)
    ways: dict[Span, set[str]] = {}
    for hit in rules.index.find(views, arabizi=language_of(text).code == "ar-latn"):
        ways.setdefault(hit.span, set()).add(hit.via)
    readings = (("norm", views.norm), ("skeleton", views.skeleton), ("raw", View(text)))
    for number, pattern in enumerate(rules.patterns):
        is_raw = any(number in batch.numbers for batch in rules.raw)
        for name, view in readings:
            if (name == "raw") is is_raw:
                for span in pattern.spans(view):
                    ways.setdefault(span, set()).add(name)
    return ways
