"""A quick look never says that nothing is there where the slow look finds something."""

# ruff: noqa: RUF001, SLF001 - look-alikes are among the texts, and the slow looks are private

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from service.features.screening import evaluate, said, views
from service.features.screening.links import _LINK, may_link
from service.features.screening.ruleset import compile_rules
from service.features.screening.shipped import shipped_rules
from service.features.screening.signs import Sign, signs_in
from service.features.screening.views import normalised
from tests.features.screening.make import facts
from tests.features.test_text import curious_texts

TEXTS = st.one_of(curious_texts, st.text(alphabet="aAéо1@!|. -*\n\u200bكَـ'w.:/İio…", max_size=60))
RULES = compile_rules(shipped_rules())


@settings(max_examples=120, deadline=None)
@given(TEXTS)
def test_what_takes_a_text_apart_has_its_sign(text: str) -> None:
    norm = normalised(text)
    signs = signs_in(norm)
    for sign, pattern in (
        (Sign.RUN, views._LONG_RUN),
        (Sign.TRICKY, views._TRICKY),
        (Sign.SPACED, views._SPACED),
        (Sign.SEPARATED, views._SEPARATED),
    ):
        assert sign in signs or pattern.search(norm) is None
    assert Sign.SPELLED in signs or views._LEET_WORD.sub(views._spelled, norm) == norm


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_where_a_link_is_one_may_be(text: str) -> None:
    assert "." not in text or may_link(text) or _LINK.search(text) is None


@settings(max_examples=25, deadline=None)
@given(TEXTS)
def test_what_rules_say_without_a_ruling_is_what_they_say_with_one(text: str) -> None:
    known = facts(text=text)
    signals = sorted(said(known, RULES, tell_language=False).signals, key=lambda one: one.rule)
    assert tuple(signals) == evaluate(known, RULES).signals
