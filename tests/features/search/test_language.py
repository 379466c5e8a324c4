from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.features.search.language import Field, Mistake, Term, parse


def read(line: str) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(term.field, term.values, term.negated) for term in parse(line)]


def test_bare_words_and_phrases_are_searched_for_in_the_text() -> None:
    assert read('refund "not fair" -sorry -"so sorry"') == [
        ("text", ("refund",), False),
        ("text", ("not fair",), False),
        ("text", ("sorry",), True),
        ("text", ("so sorry",), True),
    ]


def test_every_filter_has_its_name() -> None:
    line = (
        'text:"badsite" author:"omar k" email:@spam.example article:story-8731 rule:links'
        " lang:ar state:any lane:held reason:spam by:sam site:daily AUTHOR:leila"
    )
    assert read(line) == [
        ("text", ("badsite",), False),
        ("author", ("omar k",), False),
        ("email", ("@spam.example",), False),
        ("article", ("story-8731",), False),
        ("rule", ("links",), False),
        ("lang", ("ar",), False),
        ("state", ("any",), False),
        ("lane", ("held",), False),
        ("reason", ("spam",), False),
        ("by", ("sam",), False),
        ("site", ("daily",), False),
        ("author", ("leila",), False),
    ]


def test_commas_mean_one_of_several_where_there_may_be() -> None:
    assert read('state:rejected,removed -lang:en,fr reason:"a,b" article:a,b') == [
        ("state", ("rejected", "removed"), False),
        ("lang", ("en", "fr"), True),
        ("reason", ("a,b",), False),
        ("article", ("a,b",), False),
    ]


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("2026-08-01..", date(2026, 8, 1), None),
        ("..2026-08-31", None, date(2026, 8, 31)),
        ("2026-08-01..2026-08-31", date(2026, 8, 1), date(2026, 8, 31)),
        ("2026-08-01", date(2026, 8, 1), date(2026, 8, 1)),
    ],
)
def test_a_time_of_days_may_be_open_at_either_end(
    said: str, first: date | None, last: date | None
) -> None:
    (term,) = parse(f"date:{said}")
    assert (term.first, term.last, term.negated) == (first, last, False)


def test_quotes_and_backslashes_are_said_with_a_backslash() -> None:
    assert read(r'"she said \"no\" \\o/"') == [("text", (r'she said "no" \o/',), False)]


def test_an_address_is_a_word_and_a_lone_minus_too() -> None:
    assert read("https://badsite.example/x - a-b 12:30") == [
        ("text", ("https://badsite.example/x",), False),
        ("text", ("-",), False),
        ("text", ("a-b",), False),
        ("text", ("12:30",), False),
    ]


def test_nothing_means_everything() -> None:
    assert parse("") == parse("  \n\t") == ()


@pytest.mark.parametrize(
    ("line", "position", "code"),
    [
        ("colour:red", 0, "unknown_filter"),
        ("a  colour:red", 3, "unknown_filter"),
        ("-colour:red", 1, "unknown_filter"),
        ('refund "not fair', 7, "unclosed_quote"),
        ('author:"omar', 7, "unclosed_quote"),
        ('"a"b', 3, "missing_space"),
        ('""', 0, "missing"),
        ('author:" "', 7, "missing"),
        ("author:", 7, "missing"),
        ("author: omar", 7, "missing"),
        ("state:open", 6, "unknown_value"),
        ("state:pending,open", 14, "unknown_value"),
        ("state:pending,", 6, "missing"),
        ("lane:later", 5, "unknown_value"),
        ("date:yesterday", 5, "bad_format"),
        ("date:..", 5, "bad_format"),
        ("date:2026-02-30", 5, "bad_format"),
        ("date:2026-08-01..soon", 17, "bad_format"),
        ("date:2026-08-02..2026-08-01", 5, "bad_format"),
        ("date:20260801", 5, "bad_format"),
        ("date:0001-01-01..", 5, "bad_format"),
        ("x" * 501, 500, "too_long"),
        ("a " * 21, 40, "too_many"),
    ],
)
def test_a_mistake_is_told_with_its_position(line: str, position: int, code: str) -> None:
    with pytest.raises(Mistake) as mistaken:
        parse(line)
    assert mistaken.value.position == position
    (error,) = mistaken.value.errors
    assert (error.pointer, error.code) == (f"/q/{position}", code)
    assert error.detail.startswith(f"At character {position + 1}: ")


def escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"")


WORDS = st.text(min_size=1, max_size=20).filter(lambda word: bool(word.strip()))


@given(st.lists(st.tuples(st.sampled_from(["text", "author", "email"]), WORDS, st.booleans())))
def test_whatever_is_quoted_is_read_as_it_was_meant(
    meant: list[tuple[str, str, bool]],
) -> None:
    quoted = [
        ("-" if negated else "")
        + f'{field}:"'
        + word.replace("\\", r"\\").replace('"', r"\"")
        + '"'
        for field, word, negated in meant
    ]
    line = " ".join(quoted)
    if len(line) > 500 or len(meant) > 20:
        return
    assert read(line) == [(field, (word,), negated) for field, word, negated in meant]


@given(st.text(max_size=80))
def test_whatever_is_typed_is_read_or_told_where_it_is_wrong(line: str) -> None:
    try:
        terms = parse(line)
    except Mistake as mistake:
        terms = ()
        place = mistake.position
    else:
        place = len(line)
    assert 0 <= place <= len(line)
    assert all(isinstance(term, Term) and term.field in Field for term in terms)
    assert [term.position for term in terms] == sorted(term.position for term in terms)
