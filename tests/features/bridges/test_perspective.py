from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.features.bridges.opinion import Opinions
from service.features.bridges.perspective import Perspective, Refused
from service.features.rulebook import Rulebook
from service.model import Site
from service.web.wire.bridges import AnalyzeIn

RECORDED = Path(__file__).parent / "recorded"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EN: dict[str, Any] = {"languages": ["en"]}


async def analyze(
    shared: tuple[Site, Rulebook], scores: Mapping[str, float] | None = None, **asked: Any
) -> dict[str, Any]:
    """Ask as a client of Perspective does."""
    site, rulebook = shared

    async def scores_of(_site: Site, _text: str) -> Mapping[str, float]:
        return scores or {}

    perspective = Perspective(opinions=Opinions(rulebook=rulebook, scores_of=scores_of))
    question = AnalyzeIn.model_validate(asked).question()
    return await perspective.answer(site, question, now=NOON)


async def values(
    shared: tuple[Site, Rulebook], text: str, *names: str, **more: Any
) -> dict[str, float]:
    """Return the summary scores of a text."""
    answer = await analyze(
        shared,
        comment={"text": text},
        requestedAttributes={name: {} for name in names},
        **{**EN, **more},
    )
    return {name: each["summaryScore"]["value"] for name, each in answer["attributeScores"].items()}


async def refusal(shared: tuple[Site, Rulebook], **asked: Any) -> dict[str, Any]:
    with pytest.raises(Refused) as refused:
        await analyze(shared, **asked)
    error: dict[str, Any] = refused.value.document["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    return error


async def test_a_recorded_request_is_answered_exactly(
    shared_site: tuple[Site, Rulebook],
) -> None:
    asked = orjson.loads((RECORDED / "perspective.json").read_bytes())
    insult = {"value": 0.35, "type": "PROBABILITY"}
    nothing = {"summaryScore": {"value": 0.0, "type": "PROBABILITY"}}
    spans = [{"begin": 16, "end": 21, "score": insult}]
    assert await analyze(shared_site, **asked) == {
        "attributeScores": {
            "TOXICITY": {"summaryScore": insult, "spanScores": spans},
            "SEVERE_TOXICITY": nothing,
            "INSULT": {"summaryScore": insult, "spanScores": spans},
            "PROFANITY": nothing,
            "SPAM": {"summaryScore": {"value": 0.08, "type": "PROBABILITY"}},
        },
        "languages": ["en"],
        "detectedLanguages": ["en"],
        "clientToken": "comment-17",
    }


async def test_a_model_speaks_where_it_is_surer_than_a_word(
    shared_site: tuple[Site, Rulebook],
) -> None:
    asked = {
        "comment": {"text": "What a complete idiot."},
        "requestedAttributes": {"TOXICITY": {}, "SPAM": {}, "INSULT": {}, "LIKELY_TO_REJECT": {}},
        **EN,
    }
    answer = await analyze(shared_site, {"abuse": 0.91, "spam": 0.02}, **asked)
    found = {
        name: each["summaryScore"]["value"] for name, each in answer["attributeScores"].items()
    }
    assert found == {"TOXICITY": 0.91, "SPAM": 0.02, "INSULT": 0.35, "LIKELY_TO_REJECT": 0.91}
    quiet = await analyze(shared_site, {"abuse": 0.01}, **asked)
    assert quiet["attributeScores"]["TOXICITY"]["summaryScore"]["value"] == 0.35


async def test_threats_and_slurs_are_severe_and_each_list_has_its_attribute(
    shared_site: tuple[Site, Rulebook],
) -> None:
    names = ("THREAT", "SEVERE_TOXICITY", "TOXICITY", "INSULT")
    found = await values(shared_site, "I will kill you tomorrow.", *names)
    assert found == {"THREAT": 0.8, "SEVERE_TOXICITY": 0.8, "TOXICITY": 0.8, "INSULT": 0.0}
    assert await values(shared_site, "Well, fuck.", "PROFANITY") == {"PROFANITY": 0.35}
    links = "https://bit.ly/x and https://a.example and https://b.example"
    assert (await values(shared_site, links, "SPAM"))["SPAM"] == 0.45


async def test_an_attribute_that_nobody_here_can_say_is_refused_or_dropped(
    shared_site: tuple[Site, Rulebook],
) -> None:
    asked: dict[str, Any] = {"comment": {"text": "Good morning."}, **EN}
    wanted: dict[str, Any] = {"requestedAttributes": {"FLIRTATION": {}, "TOXICITY": {}}}
    error = await refusal(shared_site, **asked, **wanted)
    assert error["message"] == "Unknown requested attribute: FLIRTATION"
    answer = await analyze(shared_site, **asked, **wanted, dropUnsupportedAttributes=True)
    assert set(answer["attributeScores"]) == {"TOXICITY"}
    likely: dict[str, Any] = {"requestedAttributes": {"LIKELY_TO_REJECT": {}}}
    assert "no model" in (await refusal(shared_site, **asked, **likely))["message"]
    answer = await analyze(shared_site, **asked, **likely, dropUnsupportedAttributes=True)
    assert answer["attributeScores"] == {}


async def test_languages_are_looked_for_and_others_are_refused_as_perspective_does(
    shared_site: tuple[Site, Rulebook],
) -> None:
    asked: dict[str, Any] = {"requestedAttributes": {"TOXICITY": {}}}
    french = "Le maire a présenté hier soir son budget devant le conseil municipal."
    answer = await analyze(shared_site, comment={"text": french}, **asked)
    assert (answer["languages"], answer["detectedLanguages"]) == (["fr"], ["fr"])
    error = await refusal(shared_site, comment={"text": french}, languages=["de", "en"], **asked)
    assert error == {
        "code": 400,
        "message": "Attribute TOXICITY does not support request languages: de",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error",
                "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
                "languageNotSupportedByAttributeError": {
                    "detectedLanguages": ["de", "en"],
                    "attribute": "TOXICITY",
                },
            }
        ],
    }
    arabic = {"comment": {"text": "صباح الخير"}, "requestedAttributes": {"PROFANITY": {}}}
    assert "does not support" in (await refusal(shared_site, **arabic))["message"]
    assert (await refusal(shared_site, comment={"text": "12345"}, **asked))["message"] == (
        "Unable to detect language."
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"comment": {"text": " "}}, "Comment must be non-empty."),
        ({}, "Comment must be non-empty."),
        ({"comment": {"text": "x" * 20_481}}, "Comment text too long."),
        ({"requestedAttributes": {}}, "Missing requested_attributes"),
        (
            {"requestedAttributes": {"TOXICITY": {"scoreType": "ODDS"}}},
            "Requested score type ODDS is not supported by attribute TOXICITY",
        ),
        (
            {"comment": {"text": "x", "type": "HTML"}},
            "Currently, only 'PLAIN_TEXT' comments are supported",
        ),
        ({"comment": {"text": 7}}, "Invalid value at 'comment.text'"),
        ({"comment": "text"}, "Invalid value at 'comment'"),
        ({"requestedAttributes": ["TOXICITY"]}, "Invalid value at 'requestedAttributes'"),
        (
            {"requestedAttributes": {f"A{n}": {} for n in range(33)}},
            "At most 32 requested attributes are allowed.",
        ),
    ],
)
async def test_what_perspective_refuses_is_refused_in_its_words(
    shared_site: tuple[Site, Rulebook], asked: Mapping[str, Any], message: str
) -> None:
    whole = {"comment": {"text": "x"}, "requestedAttributes": {"TOXICITY": {}}, **EN, **asked}
    if not asked:
        del whole["comment"]
    assert (await refusal(shared_site, **whole))["message"] == message


async def test_a_score_below_what_is_wanted_is_left_out_but_the_answer_is_not(
    shared_site: tuple[Site, Rulebook],
) -> None:
    answer = await analyze(
        shared_site,
        comment={"text": "Good morning."},
        requestedAttributes={"TOXICITY": {"scoreThreshold": 0.5}},
        **EN,
    )
    assert answer["attributeScores"] == {}
