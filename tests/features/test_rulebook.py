"""The rules of a site, made ready."""

from __future__ import annotations

import asyncio
import time

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.screening import Facts, RuleSet, evaluate
from tests.features.rule_desk import RuleDesk
from tests.newsroom import NOON, Newsroom, without_postgres


def holds(rules: RuleSet, text: str) -> bool:
    return evaluate(Facts(text=text, now=NOON), rules).ruling == "hold"


async def test_a_new_site_has_the_rules_that_ship(newsroom: Newsroom) -> None:
    rules = await newsroom.rulebook.of(newsroom.site)

    assert holds(rules, "See https://a.example https://b.example https://c.example")
    assert not holds(rules, "I walked to the market and the bread was good.")


async def test_sites_with_the_shipped_rules_share_what_was_made_ready(newsroom: Newsroom) -> None:
    first = await newsroom.rulebook.of(newsroom.site)

    assert await newsroom.rulebook.of(newsroom.site) is first


async def test_the_rules_are_remembered_while_postgres_is_away(newsroom: Newsroom) -> None:
    """Time goes on: what is known of the version is not fresh any more."""
    rules = await newsroom.rulebook.of(newsroom.site)
    async with without_postgres(newsroom) as away:
        known = newsroom.rulebook.known
        known.clock = lambda: time.monotonic() + 60
        book = replace(newsroom.rulebook, store=away.rulebook.store, lists=away.rulebook.lists)

        assert await book.of(newsroom.site) is rules


async def test_a_process_that_never_read_the_rules_says_so(newsroom: Newsroom) -> None:
    async with without_postgres(newsroom) as away:
        with pytest.raises(Unavailable):
            await away.rulebook.of(newsroom.site)


async def test_many_who_ask_at_once_wait_for_one_making(newsroom: Newsroom) -> None:
    desk = RuleDesk.of(newsroom)
    await desk.changes.draft(newsroom.site, "many-links", desk.change(0))

    made = await asyncio.gather(*(newsroom.rulebook.of(newsroom.site) for _ in range(20)))

    assert len(set(map(id, made))) == 1
