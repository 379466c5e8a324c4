"""The filter language: one line that says which comments are meant. Pure.

Terms stand side by side and all have to hold; a minus before one turns it round:

    author:"omar k" state:rejected,removed -lang:en date:2026-08-01.. "badsite.ru" refund

A bare word, or a phrase in quotes, is searched for in the text.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from service.errors import FieldError, Invalid

QUERY_MAX_CHARS = 500
TERMS_MAX = 20
FIRST_YEAR = 1970
LAST_YEAR = 9998
"""Ids count from 1970, and the day after the last one is a date, too."""
STATES = ("pending", "approved", "rejected", "removed", "deleted")
ANY = "any"
LANES = ("held", "reported", "new", "appeals", "check", "all")


class Field(StrEnum):
    """What a term is about."""

    TEXT = "text"
    AUTHOR = "author"
    EMAIL = "email"
    ARTICLE = "article"
    RULE = "rule"
    LANG = "lang"
    STATE = "state"
    DATE = "date"
    LANE = "lane"
    REASON = "reason"
    BY = "by"
    SITE = "site"


CHOICES = {Field.STATE: (*STATES, ANY), Field.LANE: LANES}
"""Fields that take one of a few values."""
LISTS = frozenset({Field.STATE, Field.LANE, Field.LANG, Field.REASON, Field.RULE})
"""Fields whose values may be several, with commas between: one of them has to hold."""

_FIELD = re.compile(r"([A-Za-z_]+):(?!//)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


class Mistake(Invalid):
    """The line says nothing that can be searched for."""

    code: ClassVar[str] = "validation_failed"
    title: ClassVar[str] = "The filter cannot be understood."

    def __init__(self, position: int, code: str, detail: str) -> None:
        """Carry where the mistake is, counted in characters from 0."""
        said = f"At character {position + 1}: {detail}"
        super().__init__(
            said, errors=(FieldError(pointer=f"/q/{position}", code=code, detail=said),)
        )
        self.position = position


class Term(Struct, frozen=True, kw_only=True):
    """One thing that has to hold."""

    field: Field
    values: tuple[str, ...] = ()
    """One of them; of a date none."""
    negated: bool = False
    first: date | None = None
    last: date | None = None
    """Of a date, both included; None: no bound."""
    position: int = 0
    """Where it stands in the line, in characters from 0."""


def parse(line: str) -> tuple[Term, ...]:
    """Read a line; nothing but blanks means every comment.

    Raises:
        Mistake: with the position.
    """
    if len(line) > QUERY_MAX_CHARS:
        raise Mistake(QUERY_MAX_CHARS, "too_long", f"at most {QUERY_MAX_CHARS} characters.")
    terms: list[Term] = []
    place = _after(_SPACE, line, 0)
    while place < len(line):
        term, place = _term(line, place)
        if len(terms) == TERMS_MAX:
            raise Mistake(term.position, "too_many", f"at most {TERMS_MAX} filters.")
        terms.append(term)
        place = _after(_SPACE, line, place)
    return tuple(terms)


def _term(line: str, begin: int) -> tuple[Term, int]:
    """Read one term and return where it ends."""
    negated = line[begin] == "-" and begin + 1 < len(line) and not line[begin + 1].isspace()
    place = begin + 1 if negated else begin
    named = _FIELD.match(line, place)
    if named is None:
        value, _, end = _value(line, place)
        return Term(field=Field.TEXT, values=(value,), negated=negated, position=begin), end
    field = _field(named.group(1), place)
    place = named.end()
    if place == len(line) or line[place].isspace():
        raise Mistake(place, "missing", f"say what `{field}:` should be.")
    value, quoted, end = _value(line, place)
    if field is Field.DATE:
        first, last = days(value, place)
        term = Term(field=field, negated=negated, first=first, last=last, position=begin)
        return term, end
    values = _several(value, place) if field in LISTS and not quoted else (value,)
    _check_choices(field, values, place)
    return Term(field=field, values=values, negated=negated, position=begin), end


def _field(name: str, place: int) -> Field:
    try:
        return Field(name.lower())
    except ValueError:
        known = ", ".join(Field)
        detail = f"there is no filter `{name}:`; there are {known}. Quote it to search for it."
        raise Mistake(place, "unknown_filter", detail) from None


def _value(line: str, place: int) -> tuple[str, bool, int]:
    """Read a word or what stands in quotes: the value, whether it was quoted, where it ends."""
    if line[place] != '"':
        word = _WORD.match(line, place)
        assert word is not None
        return word.group(), False, word.end()
    quoted = _QUOTED.match(line, place)
    if quoted is None:
        raise Mistake(place, "unclosed_quote", "this quotation mark has no second one.")
    end = quoted.end()
    if end < len(line) and not line[end].isspace():
        raise Mistake(end, "missing_space", "a blank has to follow.")
    value = _ESCAPED.sub(r"\1", quoted.group(1))
    if not value.strip():
        raise Mistake(place, "missing", "there is nothing between the quotation marks.")
    return value, True, end


def _several(value: str, place: int) -> tuple[str, ...]:
    values = value.split(",")
    if "" in values:
        raise Mistake(place, "missing", "something is missing beside a comma.")
    return tuple(values)


def _check_choices(field: Field, values: tuple[str, ...], place: int) -> None:
    choices = CHOICES.get(field)
    if choices is None:
        return
    for value in values:
        if value not in choices:
            detail = f"`{field}:` is one of {', '.join(choices)}."
            raise Mistake(place, "unknown_value", detail)
        place += len(value) + 1


def days(value: str, place: int = 0) -> tuple[date | None, date | None]:
    """Read `2026-08-01`, `2026-08-01..`, `..2026-08-31` or both with two dots between.

    Raises:
        Mistake: it is none of them.
    """
    left, dots, right = value.partition("..")
    if not dots:
        right = left
    if not left and not right:
        raise Mistake(place, "bad_format", "a date is needed before or after the dots.")
    first = _day(left, place) if left else None
    last = _day(right, place + len(left) + len(dots) if dots else place) if right else None
    if first is not None and last is not None and last < first:
        raise Mistake(place, "bad_format", "the second date is before the first.")
    return first, last


def _day(written: str, place: int) -> date:
    try:
        day = date.fromisoformat(written) if _DAY.match(written) else None
    except ValueError:
        day = None
    if day is None or day.year < FIRST_YEAR or day.year > LAST_YEAR:
        detail = "a date is written as 2026-08-01, a time of days as 2026-08-01..2026-08-31."
        raise Mistake(place, "bad_format", detail)
    return day


def _after(pattern: re.Pattern[str], line: str, place: int) -> int:
    found = pattern.match(line, place)
    return found.end() if found else place
