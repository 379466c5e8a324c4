"""What pages say, in each language we know: phrases, plurals, numbers, dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import babel.dates
import babel.numbers
from msgspec import Struct

LANGUAGES: Final = ("en", "fr", "ar")
"""Those with a catalogue, `templates/words/<language>.toml`; the first stands in for others."""

DAY = "EEEE d MMMM y"
MOMENT = "d MMMM y, HH:mm"


class Tongue(Struct, frozen=True, kw_only=True):
    """One language: its phrases and the CLDR's rules for it."""

    code: str
    locale: babel.Locale
    phrases: Mapping[str, str | Mapping[str, str]]

    @property
    def direction(self) -> str:
        """Return `ltr` or `rtl`."""
        return self.locale.text_direction

    def say(self, phrase: str, **values: object) -> str:
        """Return a phrase with its values; `n` chooses among the forms of a plural.

        Raises:
            KeyError: the catalogue has no such phrase, or a value is missing.
        """
        said = self.phrases[phrase]
        number = values.get("n")
        if not isinstance(said, str):
            assert isinstance(number, int)
            said = said[self.locale.plural_form(number)]
        if isinstance(number, int):
            values["n"] = self.number(number)
        return said.format_map(values)

    def knows(self, phrase: str) -> bool:
        """Tell whether the catalogue has a phrase."""
        return phrase in self.phrases

    def number(self, number: int) -> str:
        """Write a whole number with the language's separators."""
        return str(babel.numbers.format_decimal(number, locale=self.locale))

    def moment(self, at: datetime) -> str:
        """Write a day and a time, which are UTC's: nobody told us the reader's clock."""
        words = babel.dates.format_datetime(at.astimezone(UTC), MOMENT, locale=self.locale)
        return f"{words} UTC"

    def day(self, at: datetime) -> str:
        """Write a day, its weekday first."""
        return str(babel.dates.format_date(at.astimezone(UTC), DAY, locale=self.locale))


def tongue_of(*tags: str | None) -> Tongue:
    """Return the language of the first tag (BCP 47) whose language we know, else English."""
    for tag in tags:
        code = (tag or "").partition("-")[0].lower()
        if code in LANGUAGES:
            return _tongue(code)
    return _tongue(LANGUAGES[0])


@cache
def _tongue(code: str) -> Tongue:
    source = resources.files("service") / "templates" / "words" / f"{code}.toml"
    phrases: dict[str, Any] = tomllib.loads(source.read_text(encoding="utf-8"))
    return Tongue(code=code, locale=babel.Locale(code), phrases=phrases)
