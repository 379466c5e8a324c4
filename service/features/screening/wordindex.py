"""Words and phrases, found in both views of a text with where they stand in the original.

A word is found whole, each of its letters may stand repeated, never fewer than written; a
trailing `*` allows any ending. Arabic words also with the prefixes that are written together
with them. All words of all rules are looked up at once, by hashing what stands in the text:
the cost is that of the text and not of the lists.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum
from functools import lru_cache
from itertools import chain, pairwise
from sys import intern
from typing import Literal

from msgspec import Struct, field

from service.features.screening.arabizi import arabic_consonants, latin_consonants
from service.features.screening.spelling import ARABIC_LETTERS, key_of, repeats, unprefixed
from service.features.screening.views import WORD, Span, View, Views, normalised, words_in

Via = Literal["norm", "skeleton", "masked", "arabizi"]

HITS_MAX = 16
"""Places of one group that are told; further ones say nothing new."""

GAP_MAX = 4
"""Code points between two words of a phrase: a space, a comma, an apostrophe."""

MASKED_MAX = 16
"""Words with asterisks that are guessed at."""

GUESSES_MAX = 200
"""Words of a list that one of them is compared with."""

ALIKE_MAX = 32
"""Words of a group that differ in doubled letters only; the rest of them are left out."""

SOUNDED_MAX = 500
"""Words at the beginning of a text that are compared by their consonants."""

CONSONANTS_MIN = 3
"""Fewer consonants are shared by too many words."""

KNOWN_MAX = 32_768
"""Words of texts that one index remembers; 4 MB."""

_SINGLE, _OF_PAIR = 1, 2
"""What a word may be: a term of its own, or the rarer of two by which a phrase is looked up."""

_HEAD = 3
"""Letters a prefix (`motherfuck*`) must have at least."""

_MASKED = re.compile(r"(?<![\w*])[^\W\d_][^\W\d_*]*\*[^\W\d_]*(?:\*+[^\W\d_]*)*")
_VISIBLE_MIN = 2
"""Letters that must be left of a masked word."""

Pair = tuple[str, str]
Shape = tuple[int, int]
"""Which word of a phrase is the first of the two it is looked up by, and how many words it has."""


class Part(IntEnum):
    """What a word may be at most of what is looked for."""

    NOTHING = 0
    OF_PHRASE = 1
    RARE_OF_PHRASE = 2
    """Of every phrase one of two words beside each other is."""
    TERM = 3


class Hit(Struct, frozen=True):
    """One place where one word of a group stands."""

    group: int
    span: Span
    """In the original text."""
    via: Via


class _Term(Struct, frozen=True):
    """A word or phrase as it is compared."""

    group: int
    words: tuple[str, ...]
    """In the `norm` view's spelling."""
    open_ended: bool = False


class _Known(dict[str, int]):
    """Of what terms a word may be part, as it is written in texts; remembered for many.

    Most words of most texts are of nothing that is looked for, and are told so in one look.
    """

    def __init__(
        self, singles: AbstractSet[str], heads: AbstractSet[str], pairs: Iterable[Pair]
    ) -> None:
        self._singles = singles
        self._heads = heads
        self._rare = {_rarer(pair) for pair in pairs}

    def __missing__(self, word: str) -> int:
        key = key_of(word)
        part = _SINGLE if key[:_HEAD] in self._heads else 0
        for each in (key, *map(key_of, unprefixed(word))):
            part |= _SINGLE * (each in self._singles) | _OF_PAIR * (each in self._rare)
        if len(self) >= KNOWN_MAX:
            self.clear()
        self[word] = part
        return part


class WordIndex(Struct, frozen=True):
    """All terms of all groups, ready to be looked up at once.

    Keys are words with doubled letters written once. Phrases are looked up by two of their
    words, because single ones (`people`, `should`) stand in most comments.
    """

    _known: _Known
    _by_key: Mapping[str, Sequence[_Term]]
    _by_prefix: Mapping[str, Sequence[_Term]]
    _prefix_lengths: Sequence[int]
    _heads: frozenset[str]
    _by_pair: Mapping[Pair, Sequence[Shape]]
    """Which shapes phrases have that are looked up by two words."""
    _phrases: Mapping[tuple[str, ...], Sequence[_Term]]
    """By the keys of all of their words."""
    _by_shape: Mapping[tuple[str, int], Sequence[_Term]]
    _by_consonants: Mapping[str, Iterable[int]]
    _keys: frozenset[str]
    """Of all words but those with any ending, also of phrases."""
    _phrase_words: frozenset[str]

    def part_of(self, word: str) -> Part:
        """Tell what a word of either view may be, before anybody asks where it stands."""
        key = key_of(word)
        keys = {key, *map(key_of, unprefixed(word))} if word[0] in ARABIC_LETTERS else {key}
        if self._by_consonants and latin_consonants(word) in self._by_consonants:
            return Part.TERM
        if self._keys.isdisjoint(keys) and key[:_HEAD] not in self._heads:
            return Part.NOTHING
        if any(self._terms_of(word, key)):
            return Part.TERM
        if self._known[word] & _OF_PAIR:
            return Part.RARE_OF_PHRASE
        return Part.NOTHING if self._phrase_words.isdisjoint(keys) else Part.OF_PHRASE

    def may_pair(self, first: str, second: str) -> bool:
        """Whether two words beside each other may be of one phrase."""
        after = key_of(second)
        return any((key_of(one), after) in self._by_pair for one in (first, *unprefixed(first)))

    def find(self, views: Views, *, arabizi: bool) -> list[Hit]:
        """Return where words of each group stand: at most `HITS_MAX` places for each reading.

        `arabizi` says that the text may be Arabic in Latin letters.
        """
        if not (self._by_key or self._by_prefix or self._by_pair):
            return []
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
        return hits

    def _find_in(self, view: View, via: Via) -> list[Hit]:
        words = view.words
        parts = map(self._known.__getitem__, words)
        telling = [(at, part) for at, part in enumerate(parts) if part]
        if not telling:
            return []
        single = [at for at, part in telling if part & _SINGLE]
        rare = [at for at, part in telling if part & _OF_PAIR]
        pairs = sorted(
            {at for at in chain(rare, (at - 1 for at in rare)) if 0 <= at < len(words) - 1}
        )
        found = [
            *self._words_at(single, words),
            *self._phrases_from(pairs, words),
            *self._prefixed_phrases_from(pairs, words),
        ]
        if not found:
            return []
        spans = [match.span() for match in WORD.finditer(view.text)]
        hits: list[Hit] = []
        told: Counter[int] = Counter()
        for term, first in found:
            last = first + len(term.words) - 1
            if told[term.group] < HITS_MAX and _is_close(spans[first : last + 1]):
                told[term.group] += 1
                hits.append(Hit(term.group, view.span(spans[first][0], spans[last][1]), via))
        return hits

    def _words_at(self, places: list[int], words: list[str]) -> Iterator[tuple[_Term, int]]:
        """Yield each single word that stands there, and where."""
        said: dict[str, list[_Term]] = {}
        for at in places:
            word = words[at]
            if word not in said:
                said[word] = list(self._terms_of(word, key_of(word)))
            yield from ((term, at) for term in said[word])

    def _terms_of(self, word: str, key: str) -> Iterator[_Term]:
        """Yield what a word of the text is, with and without what is written together with it."""
        for written in (word, *unprefixed(word)):
            for term in self._by_key.get(key_of(written), ()):
                if repeats(term.words[0], written):
                    yield term
        if key[:_HEAD] in self._heads:
            for length in self._prefix_lengths:
                for term in self._by_prefix.get(key[:length], ()):
                    if repeats(term.words[0], word, open_ended=True):
                        yield term

    def _phrases_from(self, places: list[int], words: list[str]) -> Iterator[tuple[_Term, int]]:
        """Yield each phrase that stands there, and the position of its first word."""
        keys: list[str] = []
        for at in places:
            if (key_of(words[at]), key_of(words[at + 1])) in self._by_pair:
                keys = keys or list(map(key_of, words))
                yield from self._phrases_at(at, (keys[at], keys[at + 1]), words, keys)

    def _prefixed_phrases_from(
        self, places: list[int], words: list[str]
    ) -> Iterator[tuple[_Term, int]]:
        """Yield each Arabic phrase whose first word has a prefix, and that word's position."""
        for at in places:
            for bare in unprefixed(words[at]):
                pair = (key_of(bare), key_of(words[at + 1]))
                if pair in self._by_pair:
                    written = [bare, *words[at + 1 : at + PHRASE_MAX]]
                    keys = list(map(key_of, written))
                    for term, _ in self._phrases_at(0, pair, written, keys):
                        yield term, at

    def _phrases_at(
        self, at: int, pair: Pair, words: list[str], keys: list[str]
    ) -> Iterator[tuple[_Term, int]]:
        for shape in self._by_pair[pair]:
            anchor, length = shape
            first = at - anchor
            if first < 0:
                continue
            found = tuple(keys[first : first + length])
            if found not in self._phrases or _shape_of(found) != shape:
                continue
            for term in self._phrases[found]:
                if all(map(repeats, term.words, words[first : first + length])):
                    yield term, first

    def _find_masked(self, raw: str) -> list[Hit]:
        """Find `f**k` and `sh*t`: asterisks for letters, some letters left."""
        lowered = raw.lower()
        if len(lowered) != len(raw):
            return []
        hits: list[Hit] = []
        for _, match in zip(range(MASKED_MAX), _MASKED.finditer(lowered), strict=False):
            mask = match.group()
            if len(mask) - mask.count("*") < _VISIBLE_MIN:
                continue
            guesses = self._by_shape.get((mask[0], len(mask)), ())[:GUESSES_MAX]
            groups = {term.group for term in guesses if _fits(mask, term.words[0])}
            hits += [Hit(group, match.span(), "masked") for group in sorted(groups)]
        return hits

    def _find_by_consonants(self, view: View) -> list[Hit]:
        hits: list[Hit] = []
        for _, match in zip(range(SOUNDED_MAX), WORD.finditer(view.text), strict=False):
            word = match.group()
            if len(word) > CONSONANTS_MIN and word.isascii() and not word.isdecimal():
                groups = self._by_consonants.get(latin_consonants(word), ())
                hits += [Hit(group, view.span(*match.span()), "arabizi") for group in groups]
            if len(hits) >= HITS_MAX:
                break
        return hits


PHRASE_MAX = 12
"""Words of a phrase; what follows in a longer one is not looked for."""


class IndexBuilder(Struct):
    """Collects groups of words and builds the index over them."""

    _terms: dict[_Term, None] = field(default_factory=dict)
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
            self._terms[term] = None
            if arabizi and len(term.words) == 1 and not term.open_ended:
                consonants = arabic_consonants(term.words[0])
                if len(consonants) >= CONSONANTS_MIN:
                    self._consonants.setdefault(consonants, {})[group] = None
        return group

    def build(self) -> WordIndex:
        """Return the index over all groups."""
        by_key: dict[str, list[_Term]] = {}
        by_prefix: dict[str, list[_Term]] = {}
        shapes: dict[Pair, dict[Shape, None]] = {}
        phrases: dict[tuple[str, ...], list[_Term]] = {}
        by_shape: dict[tuple[str, int], list[_Term]] = {}
        for term in self._terms:
            keys = tuple(map(key_of, term.words))
            if len(keys) > 1:
                shape = _shape_of(keys)
                pair = keys[shape[0]], keys[shape[0] + 1]
                shapes.setdefault(pair, {})[shape] = None
                _append(phrases.setdefault(term.words if keys == term.words else keys, []), term)
                continue
            word = term.words[0]
            _append((by_prefix if term.open_ended else by_key).setdefault(keys[0], []), term)
            by_shape.setdefault((word[0], len(word)), []).append(term)
        heads = frozenset(prefix[:_HEAD] for prefix in by_prefix)
        by_pair = {pair: _shared(tuple(found)) for pair, found in shapes.items()}
        return WordIndex(
            _Known(by_key.keys(), heads, by_pair),
            by_key,
            by_prefix,
            sorted({len(prefix) for prefix in by_prefix}),
            heads,
            by_pair,
            {keys: tuple(found) for keys, found in phrases.items()},
            by_shape,
            self._consonants,
            frozenset(chain(by_key, *by_pair)),
            frozenset(chain.from_iterable(by_pair)),
        )


def _term(group: int, word: str) -> _Term | None:
    """Prepare a term; None when it has no letter to look for."""
    words = tuple(map(intern, words_in(normalised(word))))[:PHRASE_MAX]
    if not words:
        return None
    open_ended = len(words) == 1 and word.endswith("*") and len(key_of(words[0])) >= _HEAD
    return _Term(group, words, open_ended)


@lru_cache
def _shared(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return one object for all that are equal: most pairs are of one phrase."""
    return shapes


def _append(terms: list[_Term], term: _Term) -> None:
    if sum(one.group == term.group for one in terms) < ALIKE_MAX:
        terms.append(term)


def _shape_of(keys: Sequence[str]) -> Shape:
    """Choose by which two words a phrase is looked up: the longest are rarest.

    An Arabic one by its first two, the first of which may carry a prefix.
    """
    if keys[0][0] in ARABIC_LETTERS:
        return 0, len(keys)
    anchor = max(range(len(keys) - 1), key=lambda at: len(keys[at]) + len(keys[at + 1]))
    return anchor, len(keys)


def _rarer(pair: Pair) -> str:
    """Return the word by which a pair is noticed: the longer is rarer.

    Of an Arabic one the second, because the first may carry a prefix.
    """
    first, second = pair
    return first if len(first) > len(second) and first[0] not in ARABIC_LETTERS else second


def _is_close(places: Sequence[Span]) -> bool:
    """Whether the words of a phrase stand no further apart than `GAP_MAX`."""
    return all(after[0] - before[1] <= GAP_MAX for before, after in pairwise(places))


def _fits(mask: str, word: str) -> bool:
    return all(one in ("*", letter) for one, letter in zip(mask, word, strict=True))
