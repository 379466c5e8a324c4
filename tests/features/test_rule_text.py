"""Rules as text: read with their places, and written as people read them."""

from __future__ import annotations

import pytest

from service.features.rulebook import written
from service.features.rulebook_document import BadDocument, read_rules
from service.features.rulebook_text import Form, Unreadable, form_of, read_document, write_rule
from service.features.screening import shipped_rules
from service.features.screening.words import shipped_lists

YAML = """version: 1
rules:
  - id: one-rule
    title: One
    when: {links: {min: 2}}
    then: {action: hold}
  - id: two-rule
    title: Two
    when:
      any:
        - text: {regex: 'a(?=b)'}
        - text: {list: nobody-knows}
    then: {action: hold}
"""
TOML = """version = 1

[[rules]]
id = "one-rule"
title = "One"
when.links.min = 2
then = { action = "shout" }
"""
JSON = """{
  "version": 1,
  "rules": [
    {"id": "one-rule", "title": "One",
     "when": {"linx": {"min": 2}}, "then": {"action": "hold"}}
  ]
}
"""


def places(text: str, form: Form) -> list[tuple[int, str]]:
    with pytest.raises(BadDocument) as bad:
        read_rules(text, form, shipped_lists())
    return [(trouble.line, trouble.code) for trouble in bad.value.troubles]


def test_every_fault_of_a_document_is_told_at_its_line() -> None:
    assert places(YAML, "yaml") == [(11, "bad_pattern"), (12, "unknown_list")]


def test_faults_in_toml_are_told_at_the_line_of_their_part() -> None:
    assert places(TOML, "toml") == [(7, "bad_value")]


def test_faults_in_json_are_told_at_their_line() -> None:
    assert places(JSON, "json")[0] == (5, "unknown_field")


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        ("a: [1", "yaml", 1),
        ("a: 1\nb: 2\na: 3", "yaml", 3),
        ("a: &x [1]\nb: *x", "yaml", 2),
        ("a = 1\nb = ", "toml", 2),
        ("[" * 5_000, "yaml", 1),
        ("a: \x01", "yaml", 1),
        ("a: 1\nb: !!timestamp soon", "yaml", 2),
        ("a: !!bool perhaps", "yaml", 1),
        ("a: 1\nb: " + "1" * 5_000, "yaml", 2),
        ('a: "\\UFFFFFFFF"', "yaml", 1),
        ('a: 1\nb: "\\ud800"', "yaml", 2),
        ('a: 1\n"b\\0": 1', "yaml", 2),
        ("a = " + "1" * 5_000, "toml", 1),
        ("a = " + "[" * 50_000, "toml", 1),
    ],
)
def test_what_is_no_document_is_refused_with_its_line(text: str, form: Form, line: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read_document(text, form)

    assert refused.value.trouble.line == line


def test_times_of_day_and_words_like_yes_stay_text() -> None:
    read = read_document("from: 23:00\nword: yes\nsure: true\nmany: 12", "yaml")

    assert read.value == {"from": "23:00", "word": "yes", "sure": True, "many": 12}


@pytest.mark.parametrize("rule", shipped_rules().rules, ids=lambda rule: rule.id)
def test_a_rule_that_is_written_reads_the_same(rule: object) -> None:
    said = written(rule)  # type: ignore[arg-type]
    shuffled = dict(reversed(said.items()))

    text = write_rule(shuffled)

    assert read_document(text, "yaml").value == said
    assert text.startswith("title: ")


def test_the_name_says_the_form() -> None:
    assert [form_of(name) for name in ("a.yaml", "A.TOML", "a.json", "rules")] == [
        "yaml",
        "toml",
        "json",
        "yaml",
    ]
