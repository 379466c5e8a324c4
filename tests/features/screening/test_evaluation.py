"""What rules make of a comment: conditions, the decision, and failures."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.features.screening import (
    ArticleFacts,
    AuthorFacts,
    ClusterFacts,
    Facts,
    RuleSet,
    evaluate,
    likeness,
)
from service.features.screening.links import links_in
from service.features.screening.rules import STRENGTH
from service.model import Mode, Status
from tests.features.screening.make import (
    KNOWN,
    NOON,
    SHIPPED,
    earlier,
    facts,
    is_met,
    marked,
    rule,
    rules,
    verdict,
)
from tests.features.test_text import curious_texts

NEW = AuthorFacts()
REPEATED = {"repeat": {"within_minutes": 60}}
SHORT = {"length": {"max": 1_000}}
"""Met by every text here."""


def lately(*minutes: int) -> ClusterFacts:
    """A cluster of long ago, with some that came so many minutes ago, each of somebody else."""
    return ClusterFacts(
        size=50,
        authors=40,
        first_at=NOON - timedelta(days=3),
        latest=(
            *((NOON - timedelta(minutes=each), UUID(int=each)) for each in minutes),
            (NOON - timedelta(days=3), UUID(int=0)),
        ),
    )


def at(hour: int, minute: int = 0, days: int = 0) -> Facts:
    return facts(now=NOON.replace(hour=hour, minute=minute) + timedelta(days=days))


@pytest.mark.parametrize(
    ("when", "about", "met"),
    [
        ({"text": {"regex": r"buy +pills"}}, facts("BUY  pills"), True),
        ({"text": {"regex": "été"}}, facts("En ETE"), True),
        ({"text": {"regex": "été", "view": "raw"}}, facts("En ete"), False),
        ({"text": {"regex": "idiot", "view": "norm"}}, facts("1d10t"), False),
        ({"text": {"regex": "idiot", "view": "skeleton"}}, facts("1d10t"), True),
        ({"text": {"words": ["idiot"], "view": "norm"}}, facts("1d10t"), False),
        ({"text": {"words": ["idiot"], "min": 2}}, facts("idiot"), False),
        ({"text": {"words": ["idiot"], "min": 2}}, facts("idiot, idiot"), True),
        ({"links": {"min": 1}}, facts("see www.a.example and b.org/x"), True),
        ({"links": {"max": 0}}, facts("see http://a.example"), False),
        ({"link_domain": {"domains": ["bit.ly"]}}, facts("http://BIT.ly/x"), True),
        ({"link_domain": {"domains": ["example.org"]}}, facts("http://a.b.example.org/"), True),
        ({"link_domain": {"domains": ["ple.org"]}}, facts("http://example.org/"), False),
        ({"length": {"min": 10}}, facts("short"), False),
        ({"caps_ratio": {"above": 0.7, "letters_min": 5}}, facts("LOUD words"), False),
        ({"caps_ratio": {"above": 0.7, "letters_min": 5}}, facts("LOUD WORDs"), True),
        ({"caps_ratio": {"above": 0.7}}, facts("LOUD"), False),
        ({"lang": {"among": ["fr"]}}, facts("Je ne suis pas d'accord avec vous"), True),
        ({"lang": {"among": ["en"]}}, facts("Je ne suis pas d'accord avec vous"), False),
        ({"author": {"approved_max": 2}}, facts(author=NEW), True),
        ({"author": {"approved_max": 2}}, facts(author=KNOWN), False),
        (
            {"author": {"rejected_rate_min": 0.5}},
            facts(author=AuthorFacts(approved=1, rejected=1)),
            True,
        ),
        ({"author": {"age_hours_max": 24}}, facts(author=NEW), True),
        ({"author": {"age_hours_min": 24}}, facts(author=KNOWN), True),
        ({"author": {"kind": "guest"}}, facts(author=KNOWN), False),
        ({"author": {"trust_below": 1}}, facts(author=NEW), True),
        ({"author": {"trust_min": 2}}, facts(author=KNOWN), True),
        ({"author": {"trust_min": 3}}, facts(author=replace(KNOWN, trusted=True)), True),
        ({"article": {"sections": ["Town"]}}, facts(article=ArticleFacts(section="Town")), True),
        ({"article": {"sections": ["Town"]}}, facts(), False),
        (
            {"article": {"tags": ["war"]}},
            facts(article=ArticleFacts(tags=frozenset({"war"}))),
            True,
        ),
        ({"article": {"age_hours_min": 24}}, facts(), False),
        (
            {"article": {"age_hours_min": 24}},
            facts(article=ArticleFacts(published_at=NOON - timedelta(hours=25))),
            True,
        ),
        ({"thread": {"depth_min": 2}}, facts(depth=3), True),
        ({"thread": {"replies_min": 2}}, facts(replies=1), False),
        ({"reports": {"min": 3}}, facts(reports=3), True),
        (
            {"cluster": {"size_min": 5, "authors_min": 3, "within_minutes": 60}},
            facts(cluster=ClusterFacts(size=5, authors=3, first_at=NOON - timedelta(minutes=59))),
            True,
        ),
        (
            {"cluster": {"size_min": 5, "authors_min": 3, "within_minutes": 60}},
            facts(cluster=ClusterFacts(size=5, authors=3, first_at=NOON - timedelta(minutes=61))),
            False,
        ),
        (
            {"cluster": {"size_min": 3, "authors_min": 2, "within_minutes": 60}},
            facts(cluster=lately(10, 50)),
            True,
        ),
        (
            {"cluster": {"size_min": 3, "authors_min": 2, "within_minutes": 60}},
            facts(cluster=lately(10, 70)),
            False,
        ),
        (
            {"cluster": {"size_min": 2, "rejected_min": 3}},
            facts(cluster=ClusterFacts(size=9, authors=1, first_at=NOON, rejected=2)),
            False,
        ),
        (
            {"cluster": {"size_min": 2, "rejected_min": 3, "approved_max": 0}},
            facts(cluster=ClusterFacts(size=9, authors=1, first_at=NOON, rejected=3)),
            True,
        ),
        (
            {"cluster": {"size_min": 2, "rejected_min": 3, "approved_max": 0}},
            facts(cluster=ClusterFacts(size=9, authors=1, first_at=NOON, rejected=3, approved=1)),
            False,
        ),
        ({"score": {"model": "abuse", "above": 0.5}}, facts(scores={"abuse": 0.6}), True),
        ({"score": {"model": "abuse", "below": 0.5}}, facts(), False),
        (
            {"rate": {"min": 3, "within_minutes": 5}},
            facts(recent=(earlier("a", 1), earlier("b", 4))),
            True,
        ),
        (
            {"rate": {"min": 3, "within_minutes": 5}},
            facts(recent=(earlier("a", 1), earlier("b", 6))),
            False,
        ),
        (
            {"rate": {"by": "address", "min": 2, "within_minutes": 5}},
            facts(recent=(earlier("a", 1, same_author=False, same_address=True),)),
            True,
        ),
        (
            REPEATED,
            facts("Buy my book today!", recent=(earlier("buy  MY b00k, today", 30),)),
            True,
        ),
        (
            REPEATED,
            facts("Buy my book today!", recent=(earlier("Buy my book today!", 61),)),
            False,
        ),
        (
            REPEATED,
            facts("Thanks!", recent=(earlier("Thanks!", 3),)),
            False,
        ),
        (
            {"history": {"rejected_min": 2, "rejected_rate_min": 0.5}},
            facts(recent=(earlier("a", 9, Status.REJECTED), earlier("b", 9, Status.REMOVED))),
            True,
        ),
        (
            {"history": {"rejected_min": 1, "rejected_rate_min": 0.5}},
            facts(
                recent=(
                    earlier("a", 9, Status.REJECTED),
                    earlier("b", 9, Status.APPROVED),
                    earlier("c", 9, Status.APPROVED),
                )
            ),
            False,
        ),
        ({"hours": {"from": "11:00", "to": "13:00"}}, at(12), True),
        ({"hours": {"from": "13:00", "to": "11:00"}}, at(12), False),
        ({"hours": {"from": "23:00", "to": "07:00"}}, at(6, 59), True),
        ({"hours": {"from": "23:00", "to": "07:00"}}, at(7), False),
        ({"hours": {"from": "12:30", "to": "13:30", "zone": "Europe/Paris"}}, at(12), True),
        ({"hours": {"from": "23:00", "to": "07:00", "days": ["wed"]}}, at(3, days=1), True),
        ({"hours": {"from": "23:00", "to": "07:00", "days": ["wed"]}}, at(3), False),
    ],
)
def test_a_condition_is_met_as_it_is_written(
    when: dict[str, Any], about: Facts, *, met: bool
) -> None:
    assert is_met(when, about) is met


@pytest.mark.parametrize(
    ("when", "met"),
    [
        ({"all": [SHORT, {"links": {"min": 1}}]}, False),
        ({"any": [SHORT, {"links": {"min": 1}}]}, True),
        ({"any": [{"links": {"min": 1}}, {"reports": {"min": 1}}]}, False),
        ({"all": [SHORT], "none": [SHORT]}, False),
        ({"none": [{"links": {"min": 1}}]}, True),
        ({"all": [{"any": [{"none": [{"links": {"min": 1}}]}]}]}, True),
    ],
)
def test_groups_join_conditions(when: dict[str, Any], *, met: bool) -> None:
    assert is_met(when, facts()) is met


@pytest.mark.parametrize(
    ("scope", "speaks"),
    [
        ({"sites": ["daily"]}, True),
        ({"sites": ["weekly"]}, False),
        ({"sections": ["Town"]}, True),
        ({"sections": ["Sport"]}, False),
        ({"langs": ["en"]}, True),
        ({"langs": ["fr"]}, False),
        ({"authors": {"trust_below": 2}}, False),
    ],
)
def test_a_rule_speaks_within_its_scope(scope: dict[str, Any], *, speaks: bool) -> None:
    about = facts(article=ArticleFacts(section="Town"))
    assert bool(verdict(about, rule(SHORT, scope=scope)).why) is speaks


@pytest.mark.parametrize("effect", STRENGTH)
def test_without_others_a_rules_effect_is_the_ruling(effect: str) -> None:
    answer = verdict(facts(), rule({"text": {"words": ["ferry"]}}, effect))
    assert answer.ruling == effect
    assert answer.publish is (effect in ("flag", "approve", "raise", "none"))


def test_the_order_of_rules_means_nothing() -> None:
    written = [
        rule(SHORT, action, id=f"rule-{action}", then={"severity": severity, "reason": action})
        for action, severity in (("hold", 0), ("flag", 3), ("none", 1))
    ]
    answers = {repr(verdict(facts(), *order)) for order in permutations(written)}
    assert len(answers) == 1
    answer = verdict(facts(), *written)
    assert (answer.ruling, answer.reason, answer.severity) == ("hold", "hold", 3)
    assert [why.rule for why in answer.why] == ["rule-flag", "rule-none", "rule-hold"]


def test_no_rule_stops_another() -> None:
    text = "idiot http://a.example"
    answer = verdict(
        facts(text),
        rule({"text": {"words": ["idiot"]}}, "refuse", id="words"),
        rule({"links": {"min": 1}}, "flag", id="links"),
    )
    assert {why.rule for why in answer.why} == {"words", "links"}
    assert marked(text, answer) == ["http://a.example", "idiot"]


def test_approval_never_overrides_a_rule_that_saw_harm() -> None:
    approve = rule(SHORT, "approve", id="approve")
    harm = rule(SHORT, "none", id="harm", then={"severity": 1})
    assert verdict(facts(mode=Mode.PRE), approve).publish
    assert not verdict(facts(mode=Mode.PRE), approve, harm).publish


@pytest.mark.parametrize(
    "when",
    [
        {"all": [{"score": {"model": "abuse", "below": 0.2}}]},
        {"none": [{"score": {"model": "abuse", "above": 0.2}}]},
    ],
)
def test_a_model_approves_nothing_until_it_may_be_asked(when: dict[str, Any]) -> None:
    approves = rule(when, "approve")
    asked = facts(mode=Mode.PRE, scores={"abuse": 0.1})
    assert not verdict(asked, approves).publish
    allowed = facts(mode=Mode.PRE, scores={"abuse": 0.1}, approving=frozenset({"abuse"}))
    assert verdict(allowed, approves).publish


def test_a_shadow_rule_is_recorded_and_changes_nothing() -> None:
    answer = verdict(facts(), rule({"text": {"words": ["ferry"]}}, "refuse", state="shadow"))
    assert answer.publish
    assert answer.why == ()
    assert [(signal.rule, signal.counts) for signal in answer.signals] == [("the-rule", False)]


def test_a_draft_is_not_tried() -> None:
    assert verdict(facts(), rule(SHORT, state="draft")).signals == ()


def test_a_signal_says_rule_version_places_and_severity() -> None:
    answer = verdict(
        facts("What an idiot"),
        rule({"text": {"words": ["idiot"]}}, version=7, title="Insults", then={"severity": 3}),
    )
    (why,) = answer.why
    assert (why.rule, why.version, why.label, why.spans, why.score) == (
        "the-rule",
        7,
        "Insults",
        ((8, 13),),
        0.3,
    )


def test_a_label_says_what_was_counted() -> None:
    answer = verdict(
        facts("http://a.example http://b.example", author=NEW),
        rule({"all": [{"links": {"min": 2}}, {"author": {"approved_max": 0}}]}, title="Links"),
    )
    assert answer.why[0].label == "Links (2 links, 0 approved, 0 rejected)"


def test_a_rule_may_ask_what_others_said() -> None:
    asks = rule({"none": [{"rule_hit": {"severity_min": 1}}]}, "approve", id="asks")
    harm = rule({"text": {"words": ["idiot"]}}, "hold", id="harm", then={"severity": 1})
    assert verdict(facts("fine", mode=Mode.PRE), asks, harm).ruling == "approve"
    assert verdict(facts("idiot", mode=Mode.PRE), asks, harm).ruling == "hold"


def test_a_shadow_rule_is_not_heard_by_others() -> None:
    asks = rule({"none": [{"rule_hit": {"severity_min": 1}}]}, "approve", id="asks")
    harm = rule(SHORT, "hold", id="harm", state="shadow", then={"severity": 1})
    assert verdict(facts(mode=Mode.PRE), asks, harm).ruling == "approve"


def broken(*names: str) -> RuleSet:
    """Rules of which the named ones fail when they are tried."""

    def trip(_: object) -> None:
        raise ZeroDivisionError

    made = rules(
        rule(SHORT, "approve", id="good"),
        rule(SHORT, "none", id="bad"),
        rule(SHORT, "none", id="shy", state="shadow"),
    )
    ready = tuple(replace(one, test=trip) if one.rule.id in names else one for one in made.rules)
    return replace(made, rules=ready)


def test_a_rule_that_fails_holds_the_comment_and_the_others_still_speak() -> None:
    answer = evaluate(facts(), broken("bad"))
    assert not answer.publish
    assert answer.ruling == "hold"
    assert {why.rule: why.label for why in answer.why} == {
        "bad": "The rule (failed)",
        "good": "The rule (34 characters)",
    }
    assert [signal.error for signal in answer.signals] == ["ZeroDivisionError", None, None]


def test_a_shadow_rule_that_fails_holds_nothing() -> None:
    assert evaluate(facts(), broken("shy")).publish


def test_rules_that_are_not_tried_in_time_hold_the_comment() -> None:
    answer = evaluate(facts(), broken(), is_late=partial(next, iter([False, True, True])))
    assert not answer.publish
    assert [signal.rule for signal in answer.signals if signal.failed] == ["bad", "shy"]


def test_a_text_that_cannot_be_read_is_held() -> None:
    answer = evaluate(facts(), replace(broken(), index=None))
    assert not answer.publish
    assert answer.signals[0].error == "AttributeError"


@pytest.mark.parametrize("action", ["approve", "refuse", "none"])
def test_what_could_not_be_checked_is_held_whatever_the_rules_say(action: str) -> None:
    answer = verdict(facts(checks_complete=False), rule({"text": {"words": ["ferry"]}}, action))
    assert not answer.publish
    assert answer.ruling == "hold"
    assert answer.why[0].rule == "checks_unavailable"


@pytest.mark.parametrize(
    ("mode", "trusted", "published"),
    [
        (Mode.PRE, True, False),
        (Mode.TRUSTED, False, False),
        (Mode.TRUSTED, True, True),
        (Mode.POST, False, True),
    ],
)
@pytest.mark.parametrize("complete", [False, True])
def test_without_rules_the_mode_decides(
    mode: Mode, *, trusted: bool, published: bool, complete: bool
) -> None:
    about = facts(mode=mode, author=replace(KNOWN, trusted=trusted), checks_complete=complete)
    assert evaluate(about, rules()).publish is (published and complete)


def test_who_does_not_answer_holds_the_comment_and_is_recorded() -> None:
    answer = verdict(
        facts(unanswered={"scores": "TimeoutError"}), rule({"links": {"max": 9}}, "approve")
    )
    assert (answer.publish, answer.ruling, answer.rule) == (False, "hold", None)
    assert [(each.rule, each.error) for each in answer.signals] == [
        ("scores_unavailable", "TimeoutError"),
        ("the-rule", None),
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        curious_texts,
        st.lists(
            st.sampled_from(
                ["idiot", "1d10t", "kill you ", "\u200b", "كـلب", "f**k", "a.io/", " "]
            ),
            max_size=30,
        ).map("".join),
    )
)
def test_no_text_makes_a_shipped_rule_fail_and_every_place_is_in_the_text(text: str) -> None:
    answer = evaluate(facts(text), SHIPPED)
    assert not any(signal.failed for signal in answer.signals)
    assert all(
        0 <= start < end <= len(text) for signal in answer.signals for start, end in signal.spans
    )


def test_the_same_facts_have_the_same_verdict() -> None:
    about = facts("You 1d10t, see http://bit.ly/x", author=NEW)
    assert evaluate(about, SHIPPED) == evaluate(about, SHIPPED)


def test_raises_multiply_and_are_bounded() -> None:
    strong = [rule(SHORT, "raise", id=f"rule-{at}", then={"raise": 5.0}) for at in range(3)]
    assert verdict(facts(), *strong[:1]).raise_by == 5.0
    assert verdict(facts(), *strong).raise_by == 10.0
    assert verdict(facts(), *strong).priority > verdict(facts()).priority


def test_texts_alike_but_for_disguise_have_the_same_likeness() -> None:
    assert likeness("Buy MY book!") == likeness("b.u.y  my\u200b b00k")
    assert likeness("Buy my book!") != likeness("Buy my boat!")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("http://a.example/x?y", ["a.example"]),
        ("(https://www.Example.org/a).", ["example.org"]),
        ("[text](http://a.example)", ["a.example"]),
        ("visit example.com today", ["example.com"]),
        ("http://user@evil.example/", ["evil.example"]),
        ("mail bob@example.com", []),
        ("Hello.World and 3.5 and e.g. this", []),
        ("the end.It was", []),
    ],
)
def test_links_are_found_with_their_hosts(text: str, hosts: list[str]) -> None:
    assert [host for _, host in links_in(text)] == hosts
