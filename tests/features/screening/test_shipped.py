"""The rules every site begins with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.features.screening import AuthorFacts, evaluate, shipped_rules
from service.features.screening.words import shipped_lists
from service.model import REASONS, Mode
from tests.features.screening.make import SHIPPED, earlier, facts, marked

MANUAL = Path(__file__).parents[3] / "docs" / "screening.md"


def test_live_rules_only_hold_flag_or_raise() -> None:
    live = [rule for rule in shipped_rules().rules if rule.state == "live"]
    assert {rule.then.action for rule in live} == {"hold", "flag", "raise"}


def test_every_reason_is_one_a_site_has() -> None:
    reasons = {rule.then.reason for rule in shipped_rules().rules} - {None}
    assert reasons <= set(REASONS)


def test_the_manual_tells_every_rule_with_its_state_and_every_list() -> None:
    manual = MANUAL.read_text()
    for rule in shipped_rules().rules:
        assert re.search(rf"\| `{rule.id}` \| {rule.state} \|", manual), rule.id
    for name in shipped_lists():
        assert f"`{name}`" in manual, name


def test_every_list_is_used_by_a_rule() -> None:
    used = {
        leaf.text.list_ if leaf.text else leaf.link_domain.list_ if leaf.link_domain else None
        for rule in shipped_rules().rules
        for leaf in rule.when.leaves()
    }
    assert set(shipped_lists()) <= used


@pytest.mark.parametrize(
    ("text", "rule", "shown"),
    [
        ("You idiot", "insults", "idiot"),
        ("Espèce de c0nnard", "insults", "c0nnard"),
        ("يا حمار", "insults", "يا حمار"),
        ("wach nta 7mar wla chno, ma fhemti walo", "insults", "7mar"),
        ("sale arabe", "hate", "sale arabe"),
        ("I'm going to kill you", "threats", "I'm going to kill you"),
        ("je vais te buter", "threats", "je vais te buter"),
        ("والله غادي نقتلك", "threats", "غادي نقتلك"),
        ("Check out my channel", "spam-words", "Check out my channel"),
        ("http://bit.ly/abc", "hidden-link", "http://bit.ly/abc"),
        ("write to bob@example.org", "personal-data", "bob@example.org"),
    ],
)
def test_a_shipped_rule_finds_what_it_is_for(text: str, rule: str, shown: str) -> None:
    answer = evaluate(facts(text), SHIPPED)
    assert not answer.publish
    assert rule in {why.rule for why in answer.why}
    assert shown in marked(text, answer)


def test_a_threat_goes_before_everything() -> None:
    answer = evaluate(facts("I will kill you"), SHIPPED)
    assert answer.priority == 900
    assert answer.alert is not None
    assert answer.alert.role == "senior"


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for this article, the ferry matters to all of us.",
        "Merci pour cet article, la verrière mérite mieux.",
        "شكرًا على هذا المقال الجميل",
        "chokran bezzaf 3la had l'article",
        "See my comment of 12 March 2024, at 10:30.",
    ],
)
def test_an_ordinary_comment_by_somebody_new_is_published_where_the_site_publishes(
    text: str,
) -> None:
    answer = evaluate(facts(text, author=AuthorFacts()), SHIPPED)
    assert answer.publish
    assert answer.why == ()


def test_a_link_by_somebody_new_is_held_and_by_a_regular_is_not() -> None:
    text = "The report is at https://harbour.example/report"
    assert not evaluate(facts(text, author=AuthorFacts()), SHIPPED).publish
    assert evaluate(facts(text), SHIPPED).publish


def test_the_same_text_again_is_held() -> None:
    text = "The ferry must stay, and everybody knows it."
    answer = evaluate(facts(text, recent=(earlier(text.upper(), 30),)), SHIPPED)
    assert [why.label for why in answer.why] == ["Sent before (sent 2 times)"]
    assert not answer.publish


def test_shouting_is_published_and_flagged() -> None:
    answer = evaluate(facts("WHY DOES NOBODY LISTEN TO THE PEOPLE OF THE ISLAND"), SHIPPED)
    assert answer.publish
    assert answer.ruling == "flag"


def test_where_comments_are_read_first_the_rules_still_say_why() -> None:
    answer = evaluate(facts("You idiot", mode=Mode.PRE), SHIPPED)
    assert [why.rule for why in answer.why] == ["insults"]
