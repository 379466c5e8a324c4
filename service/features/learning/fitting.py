"""How a model learns: logistic regression, its weights pulled to zero, then calibration.

One example after the other is given what it deserves (stochastic dual coordinate ascent), which
ends where the loss and the pull balance, whatever the number of examples. Plain descent, which
stops after so many passes, ordered English news worse by .01 (docs/decisions/0022-learning.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from service.features.learning.model import Calibration, Model, vector_of
from service.features.learning.reading import BUCKETS, Reading
from service.features.learning.tones import Values
from service.storage.learning import Kind

PASSES: Final = 6
STEPS_MIN: Final = 6_000
"""Passes over so many examples, and over few ones more: where few are bad they weigh much, and
are given it slowly."""
PULL: Final[Mapping[Kind, float]] = {"abuse": 0.5, "spam": 0.1}
"""How strongly weights are pulled to zero, against one example: spam repeats itself, abuse does
not. Chosen by chance splits of ten public sets; half or twice as much orders them worse by .002."""
HEARD: Final[Mapping[Kind, float]] = {"abuse": 1.0, "spam": 0.5}
"""How loud tones are to a model: where weights are hardly pulled, loud ones drown the words."""
FOLDS: Final = 5
"""Parts of what is learnt from; each is judged by what the others taught."""
SEED: Final = 20_261_125
NEWTON_STEPS: Final = 50
CLOSE_ENOUGH: Final = 1e-6
SLOPE_PULL: Final = 1e-3
"""Keeps the slope finite where so few examples are told apart without a fault."""
MOVE_MAX: Final = 1.0
"""Of one step: longer ones ran away, and every comment was said to be certain."""
STEP_MAX: Final = 10.0
"""What one example may weigh, where few are of its kind."""

Labels: TypeAlias = "npt.NDArray[np.bool_]"
Scores: TypeAlias = "npt.NDArray[np.float64]"


class Examples(Struct, frozen=True, kw_only=True):
    """What is learnt from."""

    readings: Sequence[Reading]
    labels: Labels
    """True for what was turned down."""
    weights: Scores
    """What each counts; 1 unless something caps it."""

    def part(self, chosen: npt.NDArray[np.int64]) -> Examples:
        """Return some of them."""
        return Examples(
            readings=[self.readings[int(at)] for at in chosen],
            labels=self.labels[chosen],
            weights=self.weights[chosen],
        )


class Fitted(Struct, frozen=True, kw_only=True):
    """A model and the scores of its examples by models that had not seen them."""

    model: Model
    scores: Scores
    """Calibrated, in the order of the examples."""


def fit(examples: Examples, kind: Kind) -> Fitted:
    """Learn a model of examples that have both kinds."""
    folds = np.arange(len(examples.labels)) % FOLDS
    np.random.default_rng(SEED).shuffle(folds)
    unseen = np.zeros(len(folds))
    for fold in range(FOLDS):
        learnt, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not 0 < examples.labels[learnt].sum() < len(learnt):
            continue
        model = learn(examples.part(learnt), kind)
        unseen[judged] = [model.score(examples.readings[int(at)]) for at in judged]
    calibration = calibrate(unseen, examples.labels, examples.weights)
    whole = learn(examples, kind)
    model = replace(whole, calibration=calibration)
    scores = np.array([calibration.probability(float(score)) for score in unseen])
    return Fitted(model=model, scores=scores)


def learn(examples: Examples, kind: Kind) -> Model:
    """Learn weights, not calibrated; both kinds weigh the same in all."""
    idf = idf_of(examples.readings)
    heard = np.float32(HEARD[kind])
    toned = BUCKETS + np.arange(len(examples.readings[0].tones))  # tones have their weights behind
    places = [np.concatenate([reading.buckets, toned]) for reading in examples.readings]
    vectors = [
        np.concatenate([vector_of(reading, idf), reading.tones * heard])
        for reading in examples.readings
    ]
    labels, weights = examples.labels, examples.weights
    bad, good = float(weights[labels].sum()), float(weights[~labels].sum())
    half = (bad + good) / 2
    balanced = np.where(labels, half / max(bad, 1e-6), half / max(good, 1e-6))
    steps = np.minimum(weights * balanced, STEP_MAX)
    learnt = np.zeros(BUCKETS + len(toned), dtype=np.float32)
    bias = 0.0
    given = np.zeros(len(vectors))  # to each example, as a share of what it may weigh
    pull = PULL[kind]
    lengths = np.array([1 + float(vector @ vector) for vector in vectors])  # squared; 1 of the bias
    slower = np.maximum(1.0, 0.25 + lengths * steps / (4 * pull))
    signs = np.where(labels, 1.0, -1.0)
    order = np.arange(len(vectors))
    chance = np.random.default_rng(SEED)
    for _ in range(max(PASSES, STEPS_MIN // len(vectors))):
        chance.shuffle(order)
        for at in order:
            place, vector = places[int(at)], vectors[int(at)]
            score = float(vector @ learnt[place]) + bias
            deserved = 1 / (1 + np.exp(np.clip(signs[at] * score, -30, 30)))
            more = (deserved - given[at]) / slower[at]
            given[at] += more
            step = signs[at] * steps[at] * more / pull
            learnt[place] += np.float32(step) * vector
            bias += step
    return Model(learnt[:BUCKETS], idf, learnt[BUCKETS:] * heard, bias)


def idf_of(readings: Sequence[Reading]) -> Values:
    """Return how rare each bucket is among some texts."""
    having = np.zeros(BUCKETS, dtype=np.float32)
    for reading in readings:
        having[reading.buckets] += 1
    idf: Values = np.log((1 + len(readings)) / (1 + having)) + np.float32(1)
    return idf.astype(np.float32)


def calibrate(scores: Scores, labels: Labels, weights: Scores) -> Calibration:
    """Fit Platt's curve to scores of texts that the model had not seen.

    The targets keep off 0 and 1 by what so few examples leave open.
    """
    bad, good = float(weights[labels].sum()), float(weights[~labels].sum())
    wanted = np.where(labels, (bad + 1) / (bad + 2), 1 / (good + 2))
    slope, offset = 1.0, float(np.log((bad + 1) / (good + 1)))
    for _ in range(NEWTON_STEPS):
        probable = 1 / (1 + np.exp(-np.clip(slope * scores + offset, -30, 30)))
        error = weights * (probable - wanted)
        curve = np.maximum(weights * probable * (1 - probable), 1e-9)
        gradient = np.array([error @ scores + SLOPE_PULL * slope, error.sum()])
        cross = float(curve @ scores)
        bend = np.array(
            [[curve @ (scores * scores) + SLOPE_PULL, cross], [cross, curve.sum() + 1e-6]]
        )
        move = np.linalg.solve(bend, gradient)
        move *= min(1.0, MOVE_MAX / float(np.abs(move).max() or 1.0))
        slope, offset = slope - float(move[0]), offset - float(move[1])
        if float(np.abs(move).max()) < CLOSE_ENOUGH:
            break
    return Calibration(max(slope, 0.0), offset)
