"""Which language a text is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import public
from service.features.screening.language import READ_MAX, language_of

TRY = Path(__file__).parents[3] / "bench" / "language" / "try.txt"
SAMPLE = 400
SINGLE_LANGUAGE = [
    (name, lang) for name, lang in public.LANGUAGE_SETS.items() if name != "stated-upstream/yt_spam"
]
"""That one has bare addresses and other languages among its rows, and stays below: 0.94."""


def unseen() -> list[tuple[str, str]]:
    lines = [line for line in TRY.read_text().splitlines() if line and not line.startswith("#")]
    return [(line.split("|", 1)[0], line.split("|", 1)[1]) for line in lines]


@pytest.mark.parametrize(("lang", "text"), unseen())
def test_sentences_the_model_never_read_are_told_apart(lang: str, text: str) -> None:
    assert language_of(text).code == lang


@pytest.mark.parametrize("text", ["", "12 34", "👍👍", "!!!"])
def test_without_words_every_language_is_possible(text: str) -> None:
    language = language_of(text)
    assert language.code == "other"
    assert "fr" in language.possible
    assert "ar" in language.possible


def test_a_short_text_may_be_in_more_than_one_language() -> None:
    assert {"en", "fr"} <= language_of("Super !").possible


def test_a_long_text_in_one_language_is_in_that_one_alone() -> None:
    text = "Il faudrait que la mairie écoute enfin les habitants de ce quartier."
    assert language_of(text).possible == {"fr"}


def test_names_and_addresses_say_nothing() -> None:
    assert (
        language_of("@leparisien @lefigaro https://www.lemonde.fr/une it is so true").code == "en"
    )


def test_only_the_beginning_is_read() -> None:
    english = "the people of this town have been told and they will not forget it " * 8
    assert len(english) > READ_MAX
    assert language_of(english + "mais les gens ne sont pas contents " * 200).code == "en"


@pytest.mark.parametrize(("name", "lang"), SINGLE_LANGUAGE)
@pytest.mark.long
def test_public_comments_are_told_right_as_often_as_promised(name: str, lang: str) -> None:
    if not public.present():
        pytest.skip("the public sets are not beside the checkout")
    least = public.LANGUAGE_TARGETS[lang]
    texts = [row.text for row in public.rows(name)[:SAMPLE]]
    if lang == "ar":  # some rows of one set are Arabic in Latin letters
        texts = [text for text in texts if any("\u0620" <= one <= "\u064a" for one in text)]
    right = sum(language_of(text).code == lang for text in texts)
    assert right >= least * len(texts)
