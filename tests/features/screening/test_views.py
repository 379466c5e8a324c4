"""How texts are read, and that every reading knows its way back."""

# ruff: noqa: RUF001 - look-alike letters are what this file is about

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.features.screening.views import View, normalised, views_of
from tests.features.test_text import curious_texts


@pytest.mark.parametrize(
    ("text", "norm"),
    [
        ("You are an IDIOT", "you are an idiot"),
        ("Évêque, œuvre, garçon", "eveque, oeuvre, garcon"),
        ("c’est l`été", "c'est l'ete"),
        ("مُحَمَّد", "محمد"),
        ("كـــلب", "كلب"),
        ("أ إ آ ٱ ا ى ي ی ك ک ة ه", "ا ا ا ا ا ي ي ي ك ك ه ه"),
        ("٣ ۳", "3 3"),
        ("ﻛﻠﺐ", "كلب"),
        ("ｉｄｉｏｔ 𝕚𝕕𝕚𝕠𝕥 🅘🅓🅘🅞🅣", "idiot idiot idiot"),
        ("id\u200bi\u00ado\ufe0ft", "idiot"),
        ("looooool!!!!!", "lool!!"),
        ("a  b\n\n\nc\td", "a  b  c d"),
        ("see https://x.example/ass @bob", "see ‹› ‹@›"),
        ("ɪᴅɪᴏᴛ", "idiot"),
        ("कि क", "कि क"),
    ],
)
def test_one_spelling_is_read_for_many(text: str, norm: str) -> None:
    assert normalised(text) == norm


@pytest.mark.parametrize(
    ("text", "norm"),
    [
        ("іdіоt", "idiot"),
        ("you are аѕѕ", "you are ass"),
        ("ты не прав", "ты не прав"),
        ("мы и сосо", "мы и сосо"),
        ("η γνώμη σας", "η γνωμη σασ"),
    ],
)
def test_look_alikes_are_unmasked_and_other_alphabets_are_left_alone(text: str, norm: str) -> None:
    assert normalised(text) == norm


@pytest.mark.parametrize(
    ("text", "skeleton"),
    [
        ("1d10t", "idiot"),
        ("b!tch!", "bitch!"),
        ("c0nn@rd", "connard"),
        ("f.l.u.f.f", "fluff"),
        ("ki11", "kill"),
        ("con-nard", "connard"),
        ("c.0.n.n.@.r.d", "connard"),
        ("f l u f f !", "fluff !"),
        ("so f l u f f", "so fluff"),
        ("enough...fine", "enough..fine"),
        ("in 2026 and 10 500", "in 2026 and 10 500"),
        ("l'été d'avant", "l'ete d'avant"),
    ],
)
def test_the_skeleton_looks_through_leet_dots_and_spaces(text: str, skeleton: str) -> None:
    assert views_of(text).skeleton.text == skeleton


def test_single_letters_in_a_row_are_also_read_without_words_of_one_letter() -> None:
    assert "moron" in views_of("you are a m o r o n").skeleton.text.split()


@pytest.mark.parametrize(
    ("text", "tricks"),
    [
        ("plain words", ()),
        ("id\u200biot", ("zero_width",)),
        ("іdiot", ("look_alike",)),
        ("1d10t", ("leet",)),
        ("i d i o t", ("spacing",)),
        ("idioooooot", ("repeats",)),
        ("مُحَمَّد", ()),
        ("👨\u200d👩\u200d👧", ()),
    ],
)
def test_what_hides_words_is_named_and_honest_spelling_is_not(
    text: str, tricks: tuple[str, ...]
) -> None:
    assert views_of(text).tricks == tricks


@pytest.mark.parametrize(
    ("text", "word", "shown"),
    [
        ("يا كَـلْـبُ.", "كلب", "كَـلْـبُ"),
        ("Il est c.0.n.n.@.r.d là", "connard", "c.0.n.n.@.r.d"),
        ("an id\u200bi\u200bot\u200b here", "idiot", "id\u200bi\u200bot\u200b"),
        ("so shiiiiiiiit", "shiit", "shiiiiiiiit"),
        ("an œuvre", "oeuvre", "œuvre"),
        ("ein ﬂuﬀ", "fluff", "ﬂuﬀ"),
    ],
)
def test_what_is_found_is_shown_as_it_was_written(text: str, word: str, shown: str) -> None:
    skeleton = views_of(text).skeleton
    match = re.search(word, skeleton.text)
    assert match is not None
    start, end = skeleton.span(*match.span())
    assert text[start:end] == shown


def assert_leads_back(view: View, text: str) -> None:
    for at in range(len(view.text)):
        start, end = view.span(at, at + 1)
        assert 0 <= start < end <= len(text)


@settings(max_examples=150, deadline=None)
@given(st.one_of(curious_texts, st.text(alphabet="aAéо1@!. -*\n\u200bكَـ'w.:/", max_size=60)))
def test_every_character_of_a_view_leads_back_into_the_text(text: str) -> None:
    views = views_of(text)
    assert_leads_back(views.norm, text)
    assert_leads_back(views.skeleton, text)


@settings(max_examples=100, deadline=None)
@given(curious_texts)
def test_reading_a_text_again_finds_the_same(text: str) -> None:
    assert views_of(text) == views_of(text)
