"""Which part of the comments in each language is approved. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import Approved, LanguageRate
from service.storage.statistics import Judged

LANGUAGES_SHOWN: Final = 5
"""Lines that can be told apart; further languages share one."""
OTHERS: Final = "*"


def languages(judged: Sequence[Judged]) -> list[LanguageRate]:
    """Return the most frequent languages, the most frequent first, and all others together."""
    frequent: Counter[str] = Counter()
    for each in judged:
        frequent[_primary(each.lang)] += each.decided
    own = sorted(frequent, key=lambda lang: (-frequent[lang], lang))[:LANGUAGES_SHOWN]
    cells: dict[str, dict[datetime, list[int]]] = {lang: {} for lang in own}
    for each in judged:
        lang = _primary(each.lang)
        rows = cells.setdefault(lang if lang in own else OTHERS, {})
        cell = rows.setdefault(each.start, [0, 0])
        cell[0] += each.decided if each.approved else 0
        cell[1] += each.decided
    return [_language(lang, rows) for lang, rows in cells.items()]


def _language(lang: str, rows: Mapping[datetime, Sequence[int]]) -> LanguageRate:
    approved = [
        Approved(start=start, share=Share(part=part, whole=whole))
        for start, (part, whole) in sorted(rows.items())
    ]
    parts, wholes = (sum(column) for column in zip(*rows.values(), strict=True))
    return LanguageRate(lang=lang, whole=Share(part=parts, whole=wholes), rows=approved)


def _primary(lang: str) -> str:
    return lang.partition("-")[0].lower()
