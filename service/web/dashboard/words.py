"""What the newsroom's pages and their modules say, in each language we know.

`templates/dashboard/words/<language>/<part>.toml` holds the phrases of one part of the dashboard:
those of templates at the top, those of modules in its table `script`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from babel import Locale

from service.web.pages.words import Tongue

LANGUAGES: Final = ("en", "fr", "ar")
"""Those with catalogues; the first stands in for others."""
FRAME = "frame"
"""The part that every page has."""
SCRIPT = "script"


def parts() -> list[str]:
    """Return the names of all parts."""
    folder = resources.files("service") / "templates" / "dashboard" / "words" / LANGUAGES[0]
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir())


@cache
def tongue(code: str) -> Tongue:
    """Return a language with the phrases of all templates."""
    phrases: dict[str, Any] = {}
    for part in parts():
        phrases |= {name: said for name, said in _part(code, part).items() if name != SCRIPT}
    return Tongue(code=code, locale=Locale(code), phrases=phrases)


def script_words(code: str, chosen: Sequence[str]) -> Mapping[str, Any]:
    """Return the phrases of the modules of some parts, and of the frame's."""
    words: dict[str, Any] = {}
    for part in (FRAME, *chosen):
        words |= _part(code, part).get(SCRIPT, {})
    return words


def language_of(accepted: str) -> str:
    """Return the first language we know of those that `Accept-Language` prefers."""
    wishes = []
    for place, wish in enumerate(accepted.split(",")[:20]):
        tag, _, quality = wish.strip().partition(";q=")
        code = tag.partition("-")[0].strip().lower()
        if code in LANGUAGES:
            wishes.append((-_number(quality), place, code))
    return min(wishes)[2] if wishes else LANGUAGES[0]


@cache
def _part(code: str, part: str) -> Mapping[str, Any]:
    folder = resources.files("service") / "templates" / "dashboard" / "words" / code
    return tomllib.loads((folder / f"{part}.toml").read_text(encoding="utf-8"))


def _number(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0
