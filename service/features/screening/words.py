"""Lists of words: those that come with Postbag, and how an entry is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import product

from msgspec import Struct

from service.features.screening.language import Code

EXPANSIONS_MAX = 5_000
"""Spellings one entry of a list may stand for."""

_BRACES = re.compile(r"\{([^{}]*)\}")


class WordList(Struct, frozen=True, kw_only=True):
    """A named list of words and phrases, as shipped or as a newsroom keeps it."""

    name: str
    title: str
    words: tuple[str, ...]
    """Words and phrases, expanded; a trailing `*` allows any ending."""
    langs: frozenset[Code] = frozenset()
    """Languages of texts it is looked for in; empty for all."""


def expanded(entry: str) -> Iterator[str]:
    """Yield every spelling of an entry: `idiot{,s}` is idiot and idiots.

    Raises:
        ValueError: it stands for more than `EXPANSIONS_MAX`.
    """
    pieces = _BRACES.split(entry)
    choices = [piece.split(",") if at % 2 else [piece] for at, piece in enumerate(pieces)]
    spellings = 1
    for choice in choices:
        spellings *= len(choice)
    if spellings > EXPANSIONS_MAX:
        raise ValueError(f"{entry[:40]!r} stands for {spellings} spellings")
    for chosen in product(*choices):
        yield " ".join("".join(chosen).split())


@cache
def shipped_lists() -> Mapping[str, WordList]:
    """Return the lists that come with Postbag, by name."""
    lists: dict[str, WordList] = {}
    folder = resources.files(__package__).joinpath("lists")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".toml"):
            continue
        for name, table in tomllib.loads(file.read_text("utf-8")).items():
            entries = table.get("words", "").split() + table.get("phrases", [])
            lists[name] = WordList(
                name=name,
                title=table["title"],
                words=tuple(dict.fromkeys(word for entry in entries for word in expanded(entry))),
                langs=frozenset(table.get("langs", ())),
            )
    return lists
