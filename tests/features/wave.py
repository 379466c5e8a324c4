"""A wave: one advertisement, sent thousands of times in disguise, among what readers wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEED = 20_261_125
SPAM = (
    "Dear friends, I made {sum} euros in {days} days with the crypto plan of Mrs Adler, she trades"
    " for you and pays every friday, write to her on telegram {link} and start today"
)
GREETINGS = (
    "Hello everyone,",
    "God bless,",
    "Hi all!",
    "Great article.",
    "Good morning from Lille,",
)
ENDINGS = ("", "!!!", " 🙏🙏", " thank me later", " (it works)", " …")
OPENINGS = (
    "The council",
    "My neighbour",
    "This paper",
    "The minister",
    "Every farmer",
    "A teacher",
)
VERBS = ("never explained", "should look at", "has forgotten", "keeps talking about", "did pay for")
THINGS = (
    "the bus that does not come on sundays",
    "what the bridge will cost the village",
    "the old trees in front of the school",
    "how the water got into the cellars",
    "the nurses who work through the night",
    "why the library closes at five",
    "the noise of the new ring road",
)
CLOSINGS = (
    "and that is why I stopped going there.",
    "as anybody can read in the minutes.",
    "so let us wait for the next election.",
    "while we pay more each year.",
    "which my father would not have believed.",
)


def ordinary(count: int) -> Iterator[str]:
    """Yield what readers write, each something else."""
    chance = random.Random(SEED)  # noqa: S311 - chance that repeats itself is the point
    for number in range(count):
        parts = [chance.choice(each) for each in (OPENINGS, VERBS, THINGS, CLOSINGS)]
        more = " ".join(
            "".join(chance.choices("abdeilmnorstu", k=chance.randint(3, 9))) for _ in range(12)
        )
        yield f"{' '.join(parts)} {more.capitalize()}, {number}."


def disguised(count: int) -> Iterator[str]:
    """Yield the advertisement again and again, disguised one way or two."""
    chance = random.Random(SEED)  # noqa: S311 - as above
    for _ in range(count):
        text = SPAM.format(
            sum=chance.randint(200, 9_000),
            days=chance.randint(2, 30),
            link=f"t.me/{''.join(chance.choices('abcdefgh', k=6))}",
        )
        for disguise in chance.sample(DISGUISES, k=chance.randint(1, 2)):
            text = disguise(text, chance)
        yield text


def _greeted(text: str, chance: random.Random) -> str:
    return f"{chance.choice(GREETINGS)} {text}"


def _ended(text: str, chance: random.Random) -> str:
    return text + chance.choice(ENDINGS)


def _shouted(text: str, _: random.Random) -> str:
    return text.upper()


def _hidden(text: str, chance: random.Random) -> str:
    return "".join(each + ("\u200b" if chance.random() < 0.1 else "") for each in text)


def _look_alike(text: str, chance: random.Random) -> str:
    table = str.maketrans("aeopc", "\u0430\u0435\u043e\u0440\u0441")
    return "".join(each.translate(table) if chance.random() < 0.3 else each for each in text)


def _leet(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    table = str.maketrans("oeas", "0345")
    return " ".join(each.translate(table) if chance.random() < 0.2 else each for each in words)


def _spaced(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at = chance.randrange(len(words))
    return " ".join([*words[:at], " ".join(words[at]), *words[at + 1 :]])


def _stretched(text: str, chance: random.Random) -> str:
    return "".join(each * (4 if each.isalpha() and chance.random() < 0.05 else 1) for each in text)


DISGUISES = (_greeted, _ended, _shouted, _hidden, _look_alike, _leet, _spaced, _stretched)
