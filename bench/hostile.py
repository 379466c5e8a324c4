"""Texts and patterns made to be slow, of the greatest length that is taken in."""

from __future__ import annotations

from collections.abc import Iterator

from service.features.screening.patterns import PatternError, compiled
from service.features.screening.rules import RuleDocument

LENGTH = 10_000


def texts() -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each way of being slow that we know of."""
    for name, piece in {
        "leet digits": "01",
        "leet words": "a0",
        "leet words apart": "a0 ",
        "marks": "a\u0301",
        "vowelled Arabic": "\u0643\u064e",
        "Arabic prefixes": "\u0648\u0627\u0644\u0643\u0644\u0628 ",
        "single letters": "a ",
        "dots": "a.",
        "runs": "aaab",
        "mixed scripts": "a\u0430",
        "zero-width": "a\u200b",
        "links": "http://a.io/ ",
        "bare hosts": "a.io ",
        "subdomains": "a-b.",
        "mentions": "@a",
        "asterisks": "f*",
        "masked words": "f**k ",
        "insults": "idiot ",
        "threats": "i will kill you ",
        "threats begun": "you should be ",
        "addresses": "a@a.aa",
        "numbers": "+1 2 3 4 5 6 7 8 9",
        "hyphens": "a-",
        "emoji": "\U0001f600",
        "expansions": "\ufdfa",
        "arabizi": "7mar kelb ",
        "capitals": "AB",
    }.items():
        yield name, (piece * (LENGTH // len(piece) + 1))[:LENGTH]
    yield "ideographs", "".join(chr(0x4E00 + at) for at in range(LENGTH))
    yield "cuneiform", "".join(chr(0x12000 + at % 900) for at in range(LENGTH))
    yield "every letter", "".join(map(chr, range(0xA0, 0xA0 + LENGTH)))
    yield (
        "words of two",
        " ".join(chr(97 + at % 26) + chr(97 + at // 26 % 26) for at in range(LENGTH // 3)),
    )
    yield "many words", " ".join(f"w{at:x}" for at in range(LENGTH // 5))


PATTERNS = (
    ".{0,20}a.{0,20}b",
    "(?:.{0,12}a){3}c",
    "(a+)+$",
    "(?:a?){50}a{50}",
    ".{0,50}a.{0,50}b",
    "(?:.{0,40}a){3}c",
    "[ab]*a[ab]{12}z",
    "(.*)(.*)(.*)(.*)z",
    "(?:[^a]{0,30}b[^c]{0,30}){2}d",
    "(x+x+)+y",
)


def patterned() -> RuleDocument:
    """Return a rule for each hostile pattern that is let in."""
    return RuleDocument.model_validate(
        {
            "rules": [
                {
                    "id": f"hostile-{at}",
                    "title": pattern,
                    "state": "live",
                    "when": {"all": [{"text": {"regex": pattern}}]},
                    "then": {"action": "flag"},
                }
                for at, pattern in enumerate(PATTERNS)
                if _is_let_in(pattern)
            ]
        }
    )


def _is_let_in(pattern: str) -> bool:
    try:
        compiled(pattern)
    except PatternError:
        return False
    return True
