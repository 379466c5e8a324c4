"""What the widget says, read from its own catalogues."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from babel import Locale

from service.web.assets import STATIC

LINE = re.compile(r"^  (\w+): (.*),$", re.MULTILINE)
FORM = re.compile(r"(\w+): '([^']*)'")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return both parts of a language's catalogue; values as they are written."""
    folder = STATIC / "widget"
    files = (folder / "words" / f"{lang}.js", folder / f"act.{lang}.js")
    return dict(LINE.findall("".join(file.read_text("utf-8") for file in files)))


@dataclass(frozen=True, slots=True)
class Words:
    """One language of the widget."""

    lang: str

    def say(self, key: str, n: int | None = None, **values: str) -> str:
        """Return a sentence, as the widget forms it for a number and for names."""
        written = catalogue(self.lang)[key]
        forms: dict[str, str] = dict(FORM.findall(written))
        text = str(written).strip("'")
        if forms and n is not None:
            text = forms.get(Locale(self.lang).plural_form(n), forms["other"])
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", f"\u2068{value}\u2069")
        return text.replace("{n}", f"{n:,}" if n is not None else "")
