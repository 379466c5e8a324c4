"""The links of a text, with or without a scheme before them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import re2

from service.features.screening.views import Span

LINKS_MAX = 100
"""Links of one comment that are counted."""

_HOST_ENDS = (
    "com|net|org|info|biz|ru|cn|xyz|top|shop|site|online|club|live|icu|io|co|me|ly|gl|gd|cc|tk"
    "|fr|ma|dz|tn|uk|de|be|ch|ca|us|eu|in"
)
"""By which a host is known that has no scheme before it."""
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')\]]+"
    rf"|(?<![\w@.-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_HOST_ENDS})(?![\w@-])(?:/[^\s<>\"')\]]*)?",
    re.IGNORECASE,
)
_HOST = re.compile(r"^(?:https?://)?(?:[^/@\s]*@)?([^/:?#]+)", re.IGNORECASE)


def links_in(text: str) -> tuple[tuple[Span, str], ...]:
    """Return each link of a text, with or without scheme: its place, its host."""
    if not may_link(text):
        return ()
    found: list[tuple[Span, str]] = []
    for match in _LINK.finditer(text):
        host = _HOST.match(match.group())
        if host:
            found.append((match.span(), host.group(1).lower().removeprefix("www.").rstrip(".")))
        if len(found) >= LINKS_MAX:
            break
    return tuple(found)


def may_link(text: str) -> bool:
    """Whether a link may stand in a text: True wherever one begins, and now and then elsewhere."""
    if "." not in text:
        return False
    return _beginning().search(text.encode(errors="replace")) is not None


@cache
def _beginning() -> Any:
    """Return a pattern that is found wherever a link is.

    `re` takes a dotted and a dotless i of Turkish for an i, too.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    ends = _HOST_ENDS.replace("i", r"[i\x{130}\x{131}]")
    letters = r"a-z0-9\x{130}\x{131}"
    return re2.compile(rf"https?://|www\.|[{letters}-]\.(?:{ends})(?:[^{letters}]|$)", options)
