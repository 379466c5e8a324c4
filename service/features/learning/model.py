"""A model: a weight for each bucket, and how its sums read as probabilities."""

from __future__ import annotations

import hashlib
import io
import math
from typing import Final

import numpy as np
from msgspec import Struct

from service.features.learning.reading import BUCKETS, Reading, placed, read
from service.features.learning.tones import Values, loudness, tone_names, toned
from service.features.screening.views import Span

FORMAT: Final = 2
TONELESS: Final = 1
"""The format before models heard tones: they are still read."""
SHOWN_MAX: Final = 3
"""Words that an explanation shows (screening.md B7)."""
WORD_MIN: Final = 0.05
"""What a word has to add to be shown."""
BESIDE_MIN: Final = 0.5
"""And as a share of what the strongest adds: weak ones beside it are mostly not what is meant."""


class BrokenModel(ValueError):  # noqa: N818 - it says what is wrong, as Refused does
    """What is stored is not a model, or not the one that was stored."""


class Calibration(Struct, frozen=True):
    """How sums read as probabilities: Platt's logistic curve."""

    slope: float = 1.0
    offset: float = 0.0

    def probability(self, score: float) -> float:
        """Return the probability that a person would turn it down."""
        return _logistic(self.slope * score + self.offset)


class Model(Struct, frozen=True):
    """Weights over hashed groups of letters and words, and over tones."""

    weights: Values
    idf: Values
    """How rare each bucket is: what stands in every comment says nothing."""
    leanings: Values
    """What each tone weighs, in the order of `tone_names`."""
    bias: float
    calibration: Calibration = Calibration()

    def score(self, reading: Reading) -> float:
        """Return the sum of a text, not calibrated."""
        weights = self.weights.take(reading.buckets)
        said = vector_of(reading, self.idf) @ weights + reading.tones @ self.leanings
        return float(said) + self.bias

    def probability(self, reading: Reading) -> float:
        """Return the calibrated probability that a person would turn a text down."""
        return self.calibration.probability(self.score(reading))

    def explain(self, text: str) -> tuple[tuple[Span, float], ...]:
        """Return the words that speak most against a text, with what each adds.

        Half-open ranges of code points in the text, in their order.
        """
        whole = read(text)
        norm = _length(whole.counts * self.idf[whole.buckets])
        view, shown, groups = placed(text)
        added = np.zeros(len(shown) + 2, dtype=np.float32)
        for buckets, length in groups:
            worth = self.weights[buckets] * self.idf[buckets] / (norm * length)
            for at in range(length):
                added[at : at + len(worth)] += worth
        spans = _words(shown)
        heard = self._heard([shown[slice(*span)] for span in spans])
        words = [
            (float(added[start + 1 : end + 1].sum()) + heard[at], (start, end))
            for at, (start, end) in enumerate(spans)
        ]
        words.sort(reverse=True)
        least = max(WORD_MIN, BESIDE_MIN * words[0][0]) if words else WORD_MIN
        best = [each for each in words[:SHOWN_MAX] if each[0] >= least]
        return tuple(sorted((view.span(*span), round(worth, 3)) for worth, span in best))

    def _heard(self, words: list[str]) -> list[float]:
        """Return what the tones of each word add."""
        added = [0.0] * len(words)
        for at, tone in toned(words):
            added[at] += loudness(len(words)) * float(self.leanings[tone])
        return added

    def stored(self) -> bytes:
        """Return the model as it is kept: arrays alone, nothing that could run."""
        kept = io.BytesIO()
        np.savez_compressed(
            kept,
            format=np.array(FORMAT),
            weights=self.weights.astype(np.float16),
            idf=self.idf.astype(np.float16),
            tones=np.array(tone_names()),
            leanings=self.leanings,
            line=np.array([self.bias, self.calibration.slope, self.calibration.offset]),
        )
        return kept.getvalue()

    @classmethod
    def restored(cls, kept: bytes, *, sha256: bytes) -> Model:
        """Return the model that was kept.

        Raises:
            BrokenModel: the bytes are others than were kept, or no model of this format.
        """
        if hashlib.sha256(kept).digest() != sha256:
            raise BrokenModel("The stored model is not the one that was stored.")
        with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
            known = int(arrays["format"]) in {FORMAT, TONELESS}
            if not known or arrays["weights"].shape != (BUCKETS,):
                raise BrokenModel("The stored model is of another format.")
            bias, slope, offset = (float(value) for value in arrays["line"])
            named = (
                dict(zip(arrays["tones"].tolist(), arrays["leanings"].tolist(), strict=True))
                if "tones" in arrays
                else {}
            )
            return cls(
                weights=arrays["weights"].astype(np.float32),
                idf=arrays["idf"].astype(np.float32),
                leanings=np.array([named.get(name, 0.0) for name in tone_names()], np.float32),
                bias=bias,
                calibration=Calibration(slope, offset),
            )


def vector_of(reading: Reading, idf: Values) -> Values:
    """Return what a text weighs in each of its buckets; the whole has length 1."""
    values: Values = reading.counts * idf.take(reading.buckets)
    return values / _length(values)


def _length(values: Values) -> float:
    return max(float(np.sqrt(values @ values)), 1e-6)


def _words(text: str) -> list[tuple[int, int]]:
    spans, start = [], None
    for at, character in enumerate(f"{text} "):
        if character.isalnum():
            start = at if start is None else start
        elif start is not None:
            spans.append((start, at))
            start = None
    return spans


def _logistic(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-min(value, 500)))
    power = math.exp(max(value, -500))
    return power / (1 + power)
