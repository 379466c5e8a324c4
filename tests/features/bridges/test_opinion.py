"""What is made of a text of another system when something of ours is away, or too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from service.features.bridges import opinion
from service.features.bridges.coral import answer_of
from service.features.bridges.opinion import Opinions
from service.features.bridges.perspective import Perspective, Question, Refused, Wanted
from service.features.rulebook import Rulebook
from service.model import Site
from tests.newsroom import Newsroom, without_postgres

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
WITHHELD = {"status": "SYSTEM_WITHHELD"}


async def nothing(_site: Site, _text: str) -> Mapping[str, float]:
    return {}


async def broken(_site: Site, _text: str) -> Mapping[str, float]:
    raise ValueError


async def hanging(_site: Site, _text: str) -> Mapping[str, float]:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a model a hundredth of a second, so that the test does not."""
    monkeypatch.setattr(opinion, "SCORES_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scores_of", [broken, hanging])
async def test_a_model_that_fails_or_hangs_withholds_a_comment_of_coral(
    shared_site: tuple[Site, Rulebook], scores_of: Any
) -> None:
    site, rulebook = shared_site
    opinions = Opinions(rulebook=rulebook, scores_of=scores_of)
    found = await opinions.of(site, "Good morning.", now=NOON)
    assert answer_of(found.verdict) == WITHHELD


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scores_of", [broken, hanging])
async def test_a_client_of_perspective_is_told_nothing_that_looks_like_a_low_score(
    shared_site: tuple[Site, Rulebook], scores_of: Any
) -> None:
    site, rulebook = shared_site
    perspective = Perspective(opinions=Opinions(rulebook=rulebook, scores_of=scores_of))
    question = Question(text="Good morning.", wanted=(Wanted(name="TOXICITY"),), languages=("en",))
    with pytest.raises(Refused) as refused:
        await perspective.answer(site, question, now=NOON)
    assert refused.value.document == {
        "error": {
            "code": 503,
            "message": "The service is currently unavailable.",
            "status": "UNAVAILABLE",
        }
    }


async def test_without_the_rules_of_the_site_a_comment_is_withheld(newsroom: Newsroom) -> None:
    async with without_postgres(newsroom) as away:
        found = await Opinions(rulebook=away.rulebook, scores_of=nothing).of(
            newsroom.site, "Good morning.", now=NOON
        )
    assert answer_of(found.verdict) == WITHHELD


async def test_authors_of_others_count_as_regulars_and_staff_as_trusted(
    shared_site: tuple[Site, Rulebook],
) -> None:
    """A link by a newcomer is held here; Coral's own authors are not known to be any."""
    site, rulebook = shared_site
    opinions = Opinions(rulebook=rulebook, scores_of=nothing)
    text = "See https://daily.example/2026/11/budget-vote for more."
    for is_staff in (False, True):
        found = await opinions.of(site, text, is_staff=is_staff, now=NOON)
        assert answer_of(found.verdict) is None
    long = "A long and friendly comment. " * 60
    assert answer_of((await opinions.of(site, long, now=NOON)).verdict) is None
