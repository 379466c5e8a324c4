"""Words and phrases, found in both views of a text with where they stand in the original.

A word is found whole, each of its letters may stand repeated, never fewer than written;
a trailing `*` allows any ending. Arabic words also with the prefixes that are written
together with them. All words of all rules are looked up at once, so the cost is that of
the text and not of the lists.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from itertools import chain, islice, pairwise, product
from typing import Final, Literal

from service.features.screening.arabizi import arabic_consonants, latin_consonants
from service.features.screening.language import Code
from service.features.screening.views import Span, View, Views, normalised

Via = Literal["norm", "skeleton", "masked", "arabizi"]

HITS_MAX = 64
"""Places one comment is searched for further words after; more tell a moderator nothing."""

GAP_MAX = 4
"""Code points between two words of a phrase: a space, a comma, an apostrophe."""

EXPANSIONS_MAX = 5_000
"""Spellings one entry of a list may stand for."""

MASKED_MAX = 16
"""Words with asterisks that are guessed at."""

CONSONANTS_MIN = 3
"""Fewer consonants are shared by too many words."""

_HEAD = 3
"""Letters a prefix (`motherfuck*`) must have, and by which it is looked up."""

_TOKEN = re.compile(r"[^\W_]+")
_REPEATED = re.compile(r"([^\W_])\1+")
_MASKED = re.compile(r"(?<![\w*])[^\W\d_][^\W\d_*]*\*[^\W\d_*]*(?:\*+[^\W\d_*]*)*")
_BRACES = re.compile(r"\{([^{}]*)\}")
_ARABIC_START = frozenset("وفبلكاي")
_PROCLITICS: Final = frozenset(
    {
        "و",
        "ف",
        "ب",
        "ل",
        "ك",
        "ال",
        "لل",
        "يا",
        "وال",
        "فال",
        "بال",
        "كال",
        "ولل",
        "فلل",
        "وب",
        "ول",
        "هال",
        "عال",
    }
)
"""What is written together with an Arabic word: and, so, with, for, like, the, o."""

_PROCLITIC_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """A named list of words and phrases, as shipped or as a newsroom keeps it."""

    name: str
    title: str
    words: tuple[str, ...]
    """Words and phrases, expanded; a trailing `*` allows any ending."""
    langs: frozenset[Code] = frozenset()
    """Languages of texts it is looked for in; empty for all."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where one word of a group stands."""

    group: int
    span: Span
    """In the original text."""
    via: Via


@dataclass(frozen=True, slots=True)
class _Term:
    """A word or phrase as it is compared."""

    group: int
    words: tuple[str, ...]
    """In the `norm` view's spelling."""
    anchor: int
    """Position of the word, or of the first of the two words, by which it is looked up."""
    open_ended: bool


@dataclass(frozen=True, slots=True)
class WordIndex:
    """All terms of all groups, ready to be looked up at once.

    Keys are words with doubled letters written once. Phrases are looked up by two of their
    words, because single ones (`people`, `should`) stand in most comments.
    """

    _by_key: Mapping[str, Sequence[_Term]]
    _by_pair: Mapping[tuple[str, str], Sequence[_Term]]
    _by_head: Mapping[str, Sequence[_Term]]
    _by_shape: Mapping[tuple[str, int], Sequence[_Term]]
    _by_consonants: Mapping[str, Iterable[int]]

    def find(self, views: Views, *, arabizi: bool) -> list[Hit]:
        """Return every place of every group's words, at most `HITS_MAX`.

        `arabizi` says that the text may be Arabic in Latin letters.
        """
        hits = self._find_in(views.norm, "norm")
        if views.skeleton is not views.norm:
            known = {(hit.group, hit.span) for hit in hits}
            hits += [
                hit
                for hit in self._find_in(views.skeleton, "skeleton")
                if (hit.group, hit.span) not in known
            ]
        if "*" in views.raw:
            hits += self._find_masked(views.raw)
        if arabizi and self._by_consonants:
            hits += self._find_by_consonants(views.norm)
        return hits[:HITS_MAX]

    def _find_in(self, view: View, via: Via) -> list[Hit]:
        words = _TOKEN.findall(view.text)
        found = list(islice(self._matches(view, words), HITS_MAX))
        if not found:
            return []
        places = [match.span() for match in _TOKEN.finditer(view.text)]
        return [
            Hit(
                term.group, view.span(places[first][0], places[first + len(term.words) - 1][1]), via
            )
            for term, first in found
            if _is_close(term, first, places)
        ]

    def _matches(self, view: View, words: list[str]) -> Iterator[tuple[_Term, int]]:
        """Yield each term that stands in the words, and the position of its first."""
        keys = [_key(word) for word in words]
        for at, term in chain(self._singles(view, keys, words), self._pairs(keys)):
            if _stands(term, at - term.anchor, words):
                yield term, at - term.anchor

    def _singles(
        self, view: View, keys: list[str], words: list[str]
    ) -> Iterator[tuple[int, _Term]]:
        """Yield what one word may be, and where it stands."""
        met = set(keys)
        wanted = met & self._by_key.keys()
        if self._by_head:
            wanted |= {key for key in met if key[:_HEAD] in self._by_head}
        if not view.text.isascii():
            wanted |= {key for key in met if key[0] in _ARABIC_START}
        if wanted:
            for at, key in enumerate(keys):
                if key in wanted:
                    yield from ((at, term) for term in self._terms_at(key, words[at]))

    def _pairs(self, keys: list[str]) -> Iterator[tuple[int, _Term]]:
        """Yield what two words in a row may be, and where the first stands."""
        wanted = set(pairwise(keys)) & self._by_pair.keys()
        if wanted:
            for at, pair in enumerate(pairwise(keys)):
                if pair in wanted:
                    yield from ((at, term) for term in self._by_pair[pair])

    def _terms_at(self, key: str, word: str) -> Iterator[_Term]:
        yield from self._by_key.get(key, ())
        yield from self._by_head.get(key[:_HEAD], ())
        if word[0] in _ARABIC_START:
            for cut in range(1, min(_PROCLITIC_MAX, len(word) - 1) + 1):
                if word[:cut] in _PROCLITICS:
                    yield from self._by_key.get(_key(word[cut:]), ())

    def _find_masked(self, raw: str) -> list[Hit]:
        """Find `f**k` and `sh*t`: asterisks for letters, at least two letters left."""
        hits: list[Hit] = []
        lowered = raw.lower()
        if len(lowered) != len(raw):
            return hits
        for count, match in enumerate(_MASKED.finditer(lowered)):
            mask = match.group()
            if count >= MASKED_MAX or len(hits) >= HITS_MAX:
                break
            if len(mask) - mask.count("*") < 2:  # noqa: PLR2004 - as the docstring says
                continue
            groups = {
                term.group
                for term in self._by_shape.get((mask[0], len(mask)), ())
                if all(one in ("*", other) for one, other in zip(mask, term.words[0], strict=True))
            }
            hits += [Hit(group, match.span(), "masked") for group in sorted(groups)]
        return hits

    def _find_by_consonants(self, view: View) -> list[Hit]:
        hits: list[Hit] = []
        for match in _TOKEN.finditer(view.text):
            word = match.group()
            if word.isascii() and not word.isdecimal():
                groups = self._by_consonants.get(latin_consonants(word), ())
                hits += [Hit(group, view.span(*match.span()), "arabizi") for group in groups]
            if len(hits) >= HITS_MAX:
                break
        return hits


@dataclass(slots=True)
class IndexBuilder:
    """Collects groups of words and builds the index over them."""

    _terms: list[_Term] = field(default_factory=list)
    _consonants: dict[str, dict[int, None]] = field(default_factory=dict)
    _groups: int = 0

    def add(self, words: Iterable[str], *, arabizi: bool = False) -> int:
        """Take a group of words in and return its number."""
        group = self._groups
        self._groups += 1
        for word in words:
            term = _term(group, word)
            if term is None:
                continue
            self._terms.append(term)
            if arabizi and len(term.words) == 1 and not term.open_ended:
                consonants = arabic_consonants(term.words[0])
                if len(consonants) >= CONSONANTS_MIN:
                    self._consonants.setdefault(consonants, {})[group] = None
        return group

    def build(self) -> WordIndex:
        """Return the index over all groups."""
        by_key: dict[str, list[_Term]] = {}
        by_pair: dict[tuple[str, str], list[_Term]] = {}
        by_head: dict[str, list[_Term]] = {}
        by_shape: dict[tuple[str, int], list[_Term]] = {}
        for term in self._terms:
            last = len(term.words) - 1
            anchor = _key(term.words[term.anchor])
            if last and not _starts_arabic(term.words):
                by_pair.setdefault((anchor, _key(term.words[term.anchor + 1])), []).append(term)
            elif term.open_ended and term.anchor == last:
                by_head.setdefault(anchor[:_HEAD], []).append(term)
            else:
                by_key.setdefault(anchor, []).append(term)
            if not last:
                word = term.words[0]
                by_shape.setdefault((word[0], len(word)), []).append(term)
        return WordIndex(by_key, by_pair, by_head, by_shape, self._consonants)


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
            entries = _entries(table.get("words", "")) + table.get("phrases", [])
            lists[name] = WordList(
                name=name,
                title=table["title"],
                words=tuple(dict.fromkeys(word for entry in entries for word in expanded(entry))),
                langs=frozenset(table.get("langs", ())),
            )
    return lists


def _entries(words: str) -> list[str]:
    return words.split()


def _term(group: int, word: str) -> _Term | None:
    """Prepare a term; None when it has no letter to look for."""
    words = tuple(_TOKEN.findall(normalised(word)))
    if not words:
        return None
    open_ended = len(words) == 1 and word.endswith("*") and len(_key(words[0])) >= _HEAD
    return _Term(group, words, _anchor(words), open_ended)


def _anchor(words: tuple[str, ...]) -> int:
    """Choose by which word, or by which two, a term is looked up: the longest are rarest.

    An Arabic phrase by one word that is not its first, which may carry a prefix.
    """
    if len(words) == 1:
        return 0
    if _starts_arabic(words):
        return max(range(1, len(words)), key=lambda at: len(words[at]))
    return max(range(len(words) - 1), key=lambda at: len(words[at]) + len(words[at + 1]))


def _starts_arabic(words: tuple[str, ...]) -> bool:
    return "\u0620" <= words[0][0] <= "\u06ff"


@lru_cache(maxsize=32_768)
def _key(word: str) -> str:
    """Write doubled letters once; words repeat, so it is remembered."""
    return _REPEATED.sub(r"\1", word)


def _stands(term: _Term, first: int, words: Sequence[str]) -> bool:
    """Whether a term's words are the text's from position `first` on."""
    last = first + len(term.words) - 1
    if first < 0 or last >= len(words):
        return False
    return all(
        _is_written(word, words[first + offset], open_ended=term.open_ended, prefixed=not offset)
        for offset, word in enumerate(term.words)
    )


def _is_close(term: _Term, first: int, places: Sequence[Span]) -> bool:
    """Whether the words of a phrase stand no further apart than `GAP_MAX`."""
    return all(
        places[at + 1][0] - places[at][1] <= GAP_MAX
        for at in range(first, first + len(term.words) - 1)
    )


def _is_written(word: str, written: str, *, open_ended: bool, prefixed: bool) -> bool:
    """Whether a word of the text is the term's: each letter as often as written, or more."""
    if written == word or _repeats(word, written, open_ended=open_ended):
        return True
    if not prefixed or written[0] not in _ARABIC_START:
        return False
    return any(
        written[:cut] in _PROCLITICS and _repeats(word, written[cut:], open_ended=open_ended)
        for cut in range(1, _PROCLITIC_MAX + 1)
    )


def _repeats(word: str, written: str, *, open_ended: bool) -> bool:
    at = 0
    for index, letter in enumerate(word):
        if at >= len(written) or written[at] != letter:
            return False
        at += 1
        if index + 1 == len(word) or word[index + 1] != letter:
            while at < len(written) and written[at] == letter:
                at += 1
    return open_ended or at == len(written)
