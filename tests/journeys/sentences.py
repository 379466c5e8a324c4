"""Comments that are like none before: what repeats itself is held as a campaign."""

from __future__ import annotations

import random

WORDS = (
    "harbour",
    "bridge",
    "market",
    "school",
    "river",
    "council",
    "winter",
    "ferry",
    "library",
    "garden",
    "station",
    "budget",
    "teacher",
    "bakery",
    "lantern",
    "orchestra",
    "museum",
    "clinic",
    "tramway",
    "orchard",
    "parliament",
    "weather",
)


def sentence(who: str) -> str:
    """Say something; whoever says it says the same each time."""
    dice = random.Random(who)  # noqa: S311 - words, no secret
    return f"{who}: {' '.join(dice.sample(WORDS, 12))}."
