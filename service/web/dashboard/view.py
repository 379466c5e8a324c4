"""How somebody likes the newsroom's pages: language and theme, kept in their browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct

from service.web.dashboard.words import LANGUAGES, language_of
from service.web.operation import Call

COOKIE: Final = "postbag-view"
"""Says nothing about who somebody is, and is not looked at by anything but pages."""
COOKIE_SECONDS = 365 * 24 * 3_600
THEMES: Final = ("system", "light", "dark", "contrast")

_COOKIE = re.compile(rf"(?:^|;\s*){COOKIE}=([a-z]+)\.([a-z]+)(?:;|\Z)")
_OWN_PATH = re.compile(r"/moderate/[\w./?&=%:+-]*\Z", re.ASCII)


class View(Struct, frozen=True, kw_only=True):
    """One browser's wishes."""

    lang: str
    theme: str

    @classmethod
    def of(cls, call: Call) -> Self:
        """Return what the browser's cookie says, or else its language."""
        found = _COOKIE.search(call.headers.get("Cookie", ""))
        lang, theme = (found[1], found[2]) if found else ("", "")
        return cls(
            lang=lang
            if lang in LANGUAGES
            else language_of(call.headers.get("Accept-Language", "")),
            theme=theme if theme in THEMES else THEMES[0],
        )

    def changed(self, wishes: Mapping[str, str]) -> Self:
        """Return them with what was chosen and exists."""
        lang, theme = wishes.get("lang", ""), wishes.get("theme", "")
        return type(self)(
            lang=lang if lang in LANGUAGES else self.lang,
            theme=theme if theme in THEMES else self.theme,
        )

    @property
    def cookie(self) -> str:
        """The value of `Set-Cookie`."""
        said = f"{COOKIE}={self.lang}.{self.theme}"
        return f"{said}; Max-Age={COOKIE_SECONDS}; Path=/moderate; HttpOnly; SameSite=Lax"


def own_path(said: str) -> str:
    """Return a page of the dashboard to go on to, whatever was asked for."""
    return said if _OWN_PATH.match(said) and "//" not in said else "/moderate/"
