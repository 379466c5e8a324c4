"""The catalogues: the same phrases in every language, with the CLDR's plural forms."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from service.web.pages.words import LANGUAGES, Tongue, tongue_of

TEMPLATES = Path(__file__).resolve().parents[2] / "service" / "templates"
PAGES = TEMPLATES.parent / "web" / "pages"
TONGUES = [tongue_of(code) for code in LANGUAGES]
AT = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)


def values_of(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def forms(tongue: Tongue, phrase: str) -> list[str]:
    said = tongue.phrases[phrase]
    return [said] if isinstance(said, str) else list(said.values())


@pytest.mark.parametrize("tongue", TONGUES, ids=LANGUAGES)
def test_every_phrase_is_there_in_every_language(tongue: Tongue) -> None:
    assert set(tongue.phrases) == set(TONGUES[0].phrases)
    assert all(form.strip() for phrase in tongue.phrases for form in forms(tongue, phrase))


@pytest.mark.parametrize("tongue", TONGUES, ids=LANGUAGES)
def test_plurals_have_the_languages_own_forms(tongue: Tongue) -> None:
    wanted = {*tongue.locale.plural_form.tags, "other"}
    plurals = [said for said in tongue.phrases.values() if not isinstance(said, str)]
    assert plurals
    assert [set(said) for said in plurals] == [wanted] * len(plurals)


@pytest.mark.parametrize("phrase", TONGUES[0].phrases)
def test_a_phrase_takes_the_same_values_in_every_language(phrase: str) -> None:
    wanted = {name for form in forms(TONGUES[0], phrase) for name in values_of(form)}
    for tongue in TONGUES[1:]:
        assert {name for form in forms(tongue, phrase) for name in values_of(form)} == wanted


def test_every_phrase_is_used_and_every_phrase_used_is_there() -> None:
    templates = [file for file in TEMPLATES.rglob("*.*ml") if "dashboard" not in file.parts]
    sources = [*templates, *PAGES.glob("*.py")]
    written = "\n".join(file.read_text("utf-8") for file in sources)
    asked = set(re.findall(r"""(?:say|knows)\(["']([a-z_]+)["']""", written))
    made = {"sort_", "error_", "refused_"}  # by their endings, e.g. of a failure's code
    told = {*asked, "held", "published", "pinned", "featured", "deleted", "removed"}
    told |= {"more_comments", "more_replies"}
    known = set(TONGUES[0].phrases)
    assert told <= known
    assert {phrase for phrase in known - told if not phrase.startswith(tuple(made))} == set()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", {0: "0 comments", 1: "1 comment", 2: "2 comments", 12_345: "12,345 comments"}),
        (
            "fr",
            {
                0: "0 commentaire",
                1: "1 commentaire",
                2: "2 commentaires",
                1_000_000: "1\u202f000\u202f000 de commentaires",
            },
        ),
        (
            "ar",
            {
                0: "لا تعليقات",
                1: "تعليق واحد",
                2: "تعليقان",
                3: "3 تعليقات",
                11: "11 تعليقًا",
                100: "100 تعليق",
                103: "103 تعليقات",
            },
        ),
    ],
)
def test_counting(code: str, said: dict[int, str]) -> None:
    assert {number: tongue_of(code).say("title", n=number) for number in said} == said


def test_moments_and_days() -> None:
    told = {code: (tongue_of(code).moment(AT), tongue_of(code).day(AT)) for code in LANGUAGES}
    assert told == {
        "en": ("3 November 2026, 09:05 UTC", "Tuesday 3 November 2026"),
        "fr": ("3 novembre 2026, 09:05 UTC", "mardi 3 novembre 2026"),
        "ar": ("3 نوفمبر 2026, 09:05 UTC", "الثلاثاء 3 نوفمبر 2026"),
    }


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (("fr-CA",), "fr"),
        (("AR-u-nu-latn",), "ar"),
        (("de", None, "ar"), "ar"),
        ((None, ""), "en"),
        (("",), "en"),
        (("frx",), "en"),
    ],
)
def test_the_first_language_we_know_is_taken(tags: tuple[str | None, ...], code: str) -> None:
    assert tongue_of(*tags).code == code


def test_no_value_of_a_phrase_can_reach_further_than_itself() -> None:
    hostile = ("{n.__class__}", "{0}", "%s", "<b>")
    for tongue, name in product(TONGUES, hostile):
        assert name in tongue.say("your_reply", name=name)
