"""What a sieve lets go by, no rule would have matched: in any disguise the rules look through."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench import hostile
from service.features.screening import Facts, Rule, compile_rules, evaluate, shipped_rules
from service.features.screening.glance import Glance
from service.features.screening.rules import RuleDocument
from service.features.screening.sieve import Sieve, bare_likeness
from service.features.screening.views import views_of
from service.features.screening.wordindex import IndexBuilder
from service.features.screening.words import expanded, shipped_lists
from tests.features.screening.make import NOON

LISTS = shipped_lists()
SENTENCES = (
    "You are such a {} and always were.",
    "{}",
    "Bread, {}; and more",
    "قال لي {} أمس",
    "Quel {} !",
)


def disguised(word: str, chance: random.Random) -> str:
    """Write a word as people do who want it to be read and not found."""
    leet = str.maketrans("oieastbl", "013457|1")
    alike = str.maketrans("aceopxi", "асеорхі")  # noqa: RUF001 - that is the disguise
    return chance.choice(
        (
            word,
            word.upper(),
            word.translate(leet),
            word.translate(alike),
            "".join(letter * chance.randint(1, 4) for letter in word),
            " ".join(word),
            ".".join(word),
            "\u200b".join(word),
            "".join(letter + "\u0301" for letter in word),
            word[:1] + "*" * (len(word) - 2) + word[-1:],
            f"وال{word}",
            word.replace("l", "!").replace("s", "$"),
        )
    )


def ruled(rules: list[Rule]) -> RuleDocument:
    return RuleDocument.model_construct(version=1, rules=rules, lists={})


def sieved_rules() -> list[Rule]:
    """Return the shipped rules that can be sieved, as if all were live."""
    live = [rule.model_copy(update={"state": "live"}) for rule in shipped_rules().rules]
    return [rule for rule in live if Sieve.of([rule], LISTS) is not None]


RULES = sieved_rules()


def test_most_rules_of_words_and_links_are_sieved() -> None:
    known = {rule.id for rule in RULES}
    assert {"insults", "hate", "sexual", "spam-words", "many-links", "hidden-link"} <= known
    assert "capitals" not in known


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_whatever_a_rule_finds_its_sieve_lets_pass(rule: Rule) -> None:
    chance = random.Random(rule.id)  # noqa: S311 - chance that repeats itself is the point
    ready = compile_rules(ruled([rule]), lists=LISTS)
    sieve = Sieve.of([rule], LISTS)
    assert sieve is not None
    words = [
        word
        for leaf in rule.when.leaves()
        if leaf.text is not None
        for entry in (*leaf.text.words, *leaf.text.phrases, *_listed(leaf.text.list_))
        for word in expanded(entry)
    ] or ["see a.example.com and www.b.example, also http://c.example/x or t.me"]
    found = 0
    for word in chance.sample(words, min(len(words), 60)):
        for sentence in SENTENCES:
            text = sentence.format(disguised(word.rstrip("*"), chance))
            spoke = bool(evaluate(Facts(text=text, now=NOON), ready).signals)
            found += spoke
            assert not spoke or sieve.may_match(text), text
    assert found > 0


PIECES = (
    *("idiot", "1d10t", "IDI", "ot", "you", "suck", "as", "s", "shut", "up", "i", "d", "o", "t"),
    *("كلب", "وال", "يا", "لل", "а", "idіot", "é", "Ｓ", "ß", "ŀ"),  # noqa: RUF001
    *(" ", "  ", "\n", "\u2800", "\u200b", "\u0301", ".", "-", "_", "'", "*", "@", "!", "$", "·"),
    *("http://", "www.", "“", "؟", "\U0001f600", "x", "5"),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("IDIwww..")
def test_where_a_glance_sees_nothing_no_reading_finds_anything(text: str) -> None:
    builder = IndexBuilder()
    builder.add(["idiot", "asss", "mother*", "كلب", "idi", "otto", "5x"])
    builder.add(["you suck", "shut up you idiot", "يا كلب", "u s as", "x up"])
    index = builder.build()
    assert Glance(index).may_find(text) or not index.find(views_of(text), arabizi=False), text


def test_no_hostile_text_gets_by_a_sieve_that_a_rule_would_match() -> None:
    ready = compile_rules(ruled(RULES), lists=LISTS)
    sieve = Sieve.of(RULES, LISTS)
    assert sieve is not None
    for name, text in hostile.texts():
        if not sieve.may_match(text[:2_000]):
            assert not evaluate(Facts(text=text[:2_000], now=NOON), ready).signals, name


@pytest.mark.parametrize(
    "other",
    ["WHERE is   the ferry?!", "Whеre is the fеrry", "where.is.the.f3rry"],  # noqa: RUF001
)
def test_the_same_letters_in_disguise_are_alike(other: str) -> None:
    assert bare_likeness(other) == bare_likeness("Where is the ferry?")
    assert bare_likeness(other) != bare_likeness("Where is the bus?")


def _listed(name: str | None) -> tuple[str, ...]:
    return LISTS[name].words if name else ()
