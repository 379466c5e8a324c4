"""The rules of a site, made ready."""

from __future__ import annotations

from service.features.screening import Facts, RuleSet, evaluate
from tests.newsroom import NOON, Newsroom


def holds(rules: RuleSet, text: str) -> bool:
    return evaluate(Facts(text=text, now=NOON), rules).ruling == "hold"


async def test_a_new_site_has_the_rules_that_ship(newsroom: Newsroom) -> None:
    rules = await newsroom.rulebook.of(newsroom.site)

    assert holds(rules, "See https://a.example https://b.example https://c.example")
    assert not holds(rules, "I walked to the market and the bread was good.")


async def test_sites_with_the_shipped_rules_share_what_was_made_ready(newsroom: Newsroom) -> None:
    first = await newsroom.rulebook.of(newsroom.site)

    assert await newsroom.rulebook.of(newsroom.site) is first
