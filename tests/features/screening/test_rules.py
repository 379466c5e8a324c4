"""What an editor may write, and what is refused with a sentence that helps."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from service.features.screening import BadRules, RuleDocument
from service.features.screening.patterns import PatternError, compiled
from service.features.screening.rules import DEPTH_MAX, JUDGED_MIN, LEAVES_MAX, RULES_MAX
from tests.features.screening.make import facts, rule, rules, verdict

WORD = {"text": {"words": ["spam"]}}


def refused(*written: dict[str, Any], **document: Any) -> str:
    """The sentences with which a document is refused."""
    with pytest.raises(ValidationError) as failure:
        RuleDocument.model_validate({"rules": list(written)} | document)
    return str(failure.value)


def nested(depth: int) -> dict[str, Any]:
    return {"all": [nested(depth - 1)]} if depth else WORD


def test_the_documents_own_example_is_accepted() -> None:
    RuleDocument.model_validate(
        {
            "version": 1,
            "rules": [
                rule(
                    {
                        "all": [{"text": {"words": ["كلب"], "view": "both", "arabizi": True}}],
                        "none": [{"text": {"phrases": ["كلب البحر"]}}],
                    },
                    id="insult-ar-core",
                    scope={
                        "sites": ["*"],
                        "langs": ["ar", "ar-latn"],
                        "authors": {"trust_below": 3},
                    },
                    then={"severity": 2, "reason": "harassment", "note": "Core list"},
                ),
                rule(
                    {
                        "all": [
                            {"links": {"min": 1}},
                            {"author": {"approved_max": 2}},
                            {"any": [{"link_domain": {"list": "shorteners"}}, WORD]},
                        ]
                    },
                    id="link-new-author",
                ),
                rule(
                    {
                        "all": [{"score": {"model": "abuse", "below": 0.2}}],
                        "none": [{"rule_hit": {"severity_min": 1}}],
                    },
                    "approve",
                    id="trusted-author",
                    state="shadow",
                ),
            ],
        }
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (rule({"all": []}), "an empty group says nothing"),
        (rule({}), "exactly one kind"),
        (rule({"text": {"words": ["a"]}, "links": {"min": 1}}), "exactly one kind"),
        (rule({"all": [WORD], "links": {"min": 1}}), "exactly one kind"),
        (rule({"all": [{"text": {}}]}), "needs words, phrases, list or regex"),
        (rule({"all": [{"links": {}}]}), "needs at least one of its fields"),
        (rule({"all": [{"score": {"model": "abuse"}}]}), "needs above or below"),
        (rule({"all": [{"sentiment": {"below": 0}}]}), "Extra inputs are not permitted"),
        (rule({"all": [{"text": {"words": ["a"], "view": "raw"}}]}), "never raw"),
        (rule({"all": [{"text": {"regex": "a" * 513}}]}), "at most 512 characters"),
        (rule(nested(DEPTH_MAX + 1)), "at most 3 deep"),
        (rule({"all": [WORD] * (LEAVES_MAX + 1)}), "has 33 conditions"),
        (rule(WORD, id="No Spaces"), "String should match pattern"),
        (rule(WORD, "delete"), "Input should be"),
        (rule(WORD, then={"raise": 11.0}), "less than or equal to 10"),
        (rule(WORD, then={"severity": 11}), "less than or equal to 10"),
        (rule({"hours": {"from": "23:00", "to": "07:00", "zone": "Mars/Olympus"}}), "unknown zone"),
        (rule({"hours": {"from": "07:00", "to": "07:00"}}), "must differ"),
    ],
)
def test_what_means_nothing_is_refused_with_a_reason(written: dict[str, Any], said: str) -> None:
    assert said in refused(written)


@pytest.mark.parametrize("depth", [0, 1, DEPTH_MAX])
def test_groups_may_stand_in_groups(depth: int) -> None:
    RuleDocument.model_validate({"rules": [rule(nested(depth))]})


def test_an_id_is_used_once() -> None:
    assert "used twice" in refused(rule(WORD), rule(WORD))


def test_a_site_has_a_bounded_number_of_rules() -> None:
    many = [rule(WORD, id=f"rule-{at}") for at in range(RULES_MAX + 1)]
    assert "at most 500" in refused(*many)


@pytest.mark.parametrize("action", ["refuse", "reject"])
@pytest.mark.parametrize(
    "when",
    [
        {"all": [{"score": {"model": "spam", "above": 0.99}}, WORD]},
        {"all": [{"cluster": {"size_min": 5}}, WORD]},
        {"all": [{"reports": {"min": 3}}, WORD]},
        {"all": [{"lang": {"among": ["other"]}}, WORD]},
        {"all": [{"rule_hit": {"severity_min": 1}}, WORD]},
        {"all": [{"text": {"words": ["كلب"], "arabizi": True}}]},
        {"none": [{"score": {"model": "abuse", "below": 0.5}}], "all": [WORD]},
    ],
)
def test_only_what_is_seen_without_guessing_refuses_or_rejects(
    action: str, when: dict[str, Any]
) -> None:
    assert "only what can be seen without guessing" in refused(rule(when, action))


@pytest.mark.parametrize("count", [2, 3])
def test_what_people_rejected_three_times_is_ground_to_reject_more_of_it(count: int) -> None:
    when = {"all": [{"cluster": {"size_min": 4, "rejected_min": count}}]}
    if count < JUDGED_MIN:
        assert "only what can be seen without guessing" in refused(rule(when, "reject"))
    else:
        RuleDocument.model_validate({"rules": [rule(when, "reject")]})
    assert "only what can be seen without guessing" in refused(rule(when, "refuse"))


@pytest.mark.parametrize("action", ["refuse", "reject"])
@pytest.mark.parametrize(
    "when",
    [
        {"all": [{"author": {"approved_max": 0}}]},
        {"any": [WORD, {"author": {"approved_max": 0}}]},
        {"none": [WORD]},
        {"all": [{"hours": {"from": "23:00", "to": "07:00"}}]},
    ],
)
def test_who_writes_and_when_is_no_ground_to_refuse(action: str, when: dict[str, Any]) -> None:
    assert "every way to match" in refused(rule(when, action))


@pytest.mark.parametrize(
    "when",
    [
        WORD,
        {"all": [{"author": {"approved_max": 0}}, {"links": {"min": 1}}]},
        {"any": [WORD, {"all": [{"rate": {"min": 5, "within_minutes": 1}}]}]},
        {"all": [{"repeat": {"within_minutes": 5}}], "none": [{"author": {"trust_min": 3}}]},
    ],
)
def test_words_links_and_rates_may_refuse(when: dict[str, Any]) -> None:
    RuleDocument.model_validate({"rules": [rule(when, "refuse")]})


@pytest.mark.parametrize(
    "pattern",
    [r"(a)\1", "(?=a)b", "(?<!a)b", "(", "a{1001}", "(?:..{1,50}){1,50}", r"\pL{1,100}x", "*"],
)
def test_patterns_that_could_take_long_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


def test_everything_that_is_wrong_is_told_at_once_and_where() -> None:
    with pytest.raises(BadRules) as failure:
        rules(
            rule({"all": [{"text": {"regex": "("}}]}, id="one"),
            rule({"any": [WORD, {"text": {"list": "no-such-list"}}]}, id="two", state="draft"),
            rule({"all": [{"text": {"words": ["{a,b,c,d,e,f,g,h,i,j}" * 5]}}]}, id="three"),
        )
    assert [(error.pointer, error.code) for error in failure.value.errors] == [
        ("/rules/0/when/all/0/text/regex", "bad_pattern"),
        ("/rules/1/when/any/1/text/list", "unknown_list"),
        ("/rules/2/when/all/0/text/words", "too_many_spellings"),
    ]


def test_patterns_of_a_site_are_bounded_together() -> None:
    large = [
        rule(
            {"all": [{"text": {"regex": f"{one}.{{0,40}}a.{{0,40}}{two}"}}]}, id=f"rule-{one}{two}"
        )
        for one in "abcdefgh"
        for two in "abcdefgh"
    ]
    with pytest.raises(BadRules, match="too large"):
        rules(*large)


def test_a_list_of_the_site_takes_the_place_of_a_shipped_one() -> None:
    written = rule({"all": [{"text": {"list": "insults-en"}}]})
    own = {"insults-en": ["landlubber{,s}"]}
    assert verdict(facts("idiot"), written).why
    assert not verdict(facts("idiot"), written, lists=own).why
    assert verdict(facts("You landlubbers"), written, lists=own).why


def test_a_document_that_was_read_is_written_as_it_was() -> None:
    written = {
        "rules": [
            rule({"hours": {"from": "23:00:00", "to": "07:00:00"}}, "raise", then={"raise": 2.0}),
        ],
        "lists": {"own": ["landlubber"]},
    }
    document = RuleDocument.model_validate(written)
    assert document.model_dump(mode="json", by_alias=True, exclude_unset=True) == written
