"""An editor writes a rule, tries it, looks at what it would have done, and puts it into effect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from service.model import Role
from tests.browser.conftest import Newsroom
from tests.browser.test_dashboard_admin import Admin

pytestmark = pytest.mark.browser

FAULTY = """title: Grunzel
when:
  any:
    - text: {regex: 'grun(?=zel)'}
then: {action: hold, severity: 1}
"""
GOOD = """title: Grunzel
when:
  any:
    - text: {words: [grunzel]}
then: {action: hold, severity: 1}
"""
SELECTED = "document.activeElement.value.slice({0}.selectionStart, {0}.selectionEnd)".format(
    "document.activeElement"
)


@pytest.fixture
def editor(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Admin]:
    who = Admin(chrome, newsroom, role=Role.EDITOR)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    who.complaints()
    yield who
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


def written(who: Admin, text: str) -> None:
    who.ask("arguments[0].value = arguments[1]", who.find("#rule-text"), text)


def test_a_rule_is_written_tried_and_put_into_effect(editor: Admin) -> None:
    api, site = editor.newsroom.api, editor.newsroom.site
    comment = api.posted(api.article(), "A grunzel is a 🐦 grunzel.", site=site)
    api.decide("approve", comment["id"], key=editor.newsroom.key)
    found = f"/v1/moderation/comments?site={site.slug}&q=grunzel"
    key = editor.newsroom.key
    api.eventually(lambda: "approved" in api.ask("GET", found, bearer=key).raw.decode())
    editor.open("rules/new")

    editor.write("#rule-id", "grunzel-rule")
    written(editor, FAULTY)
    editor.click("#editor button.primary")
    editor.says("#faults", "Line 4, character 14:")
    editor.until(f'{SELECTED}.startsWith("regex: \'grun")')

    written(editor, GOOD)
    editor.write("#try-text", "You 🐦 g.r.u.n.z.e.l!")
    editor.click("#try button")
    editor.says("#tried mark", "g.r.u.n.z.e.l")
    editor.says("#tried", "seen through dots")

    editor.click("#editor button.primary")
    editor.says("h1", "Grunzel")
    editor.write("#effect-comment", "It is right.")
    editor.click("[data-act=live]")
    editor.says("#problem", "needs a dry run")

    editor.click("#dry-run button")
    editor.says("#report .big", "1 of 1 comments would match")
    editor.says("#report .said mark", "grunzel")
    editor.write("#effect-comment", "It is right.")
    editor.click("[data-act=live]")
    editor.says("#done", "It is live")
    assert editor.told("rules/grunzel-rule")["live_version"] == 1

    editor.click("[data-act=off]")
    editor.says("#done", "switched off")
    editor.write("#effect-comment", "After all.")
    editor.click("[data-act='roll-back']")
    editor.says("#done", "live again")


def test_what_a_colleague_changed_meanwhile_is_not_overwritten(editor: Admin) -> None:
    rule = {"title": "One", "when": {"links": {"min": 2}}, "then": {"action": "flag"}}
    editor.elsewhere("PUT", "rules/shared-rule", rule=rule)
    editor.open("rules/shared-rule")
    editor.find("#editor button.primary")
    slug, key = editor.newsroom.site.slug, editor.newsroom.key
    editor.newsroom.api.ask(
        "PUT",
        f"/v1/sites/{slug}/rules/shared-rule",
        json={"rule": {**rule, "title": "Two"}},
        bearer=key,
        headers={"If-Match": '"1"'},
    )

    written(editor, GOOD)
    editor.click("#editor button.primary")

    editor.says("#problem", "Somebody else changed it")
    assert editor.told("rules/shared-rule")["title"] == "Two"


def test_a_word_list_is_tried_put_into_effect_and_rolled_back(editor: Admin) -> None:
    editor.open("word-lists/insults-en")

    editor.write("#words-text", "grunzel\nknurz*\n")
    editor.click("#words-form button.primary")

    editor.says("#done", "2 entries. Live rules name this list")
    kept = editor.told("word-lists/insults-en")
    assert (kept["words"], kept["waits"]) == (["grunzel", "knurz*"], True)
    editor.write("#effect-comment", "It hurts.")
    editor.click("[data-act=live]")
    editor.says("#problem", "needs a dry run")
    assert len(editor.complaints()) == 1, "of the refusal alone"

    editor.click("#words-run button")
    editor.says("[aria-labelledby=runs-title] li", "comments would match")
    assert editor.faults() == []
    editor.shot("word-list")
    editor.write("#effect-comment", "It hurts.")
    editor.click("[data-act=live]")
    editor.says("#done", "The words are live")
    assert not editor.told("word-lists/insults-en")["waits"]

    editor.write("#effect-comment", "Too much.")
    editor.click("[data-act='roll-back']")
    editor.says("#done", "The words before are live again")
    assert editor.told("word-lists/insults-en")["live_version"] is None
    assert editor.complaints() == []


@pytest.mark.parametrize(("lang", "theme"), [("fr", "dark"), ("ar", "contrast")])
def test_the_page_of_a_list_that_waits_stands_in_every_language(
    editor: Admin, lang: str, theme: str
) -> None:
    editor.elsewhere("PUT", "word-lists/insults-en", langs=["en"], words=["grunzel"])
    editor.prefer(lang=lang, theme=theme)
    editor.window(360, 1_400)
    editor.open("word-lists/insults-en")
    editor.find("#words-run button")
    assert editor.ask("return document.documentElement.scrollWidth <= innerWidth")
    assert editor.faults() == []
    editor.shot(f"word-list-{lang}-{theme}")


def test_a_moderator_reads_rules_and_changes_none(
    chrome: webdriver.Chrome, newsroom: Newsroom
) -> None:
    who = Admin(chrome, newsroom, role=Role.MODERATOR)
    who.window(360, 800)
    who.sign_in()
    who.open("rules/insults")

    who.says("h1", "Insults")
    assert who.ask("return document.querySelector('#editor button, [data-act]')") is None
    assert who.ask("return document.documentElement.scrollWidth") <= 360
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


@pytest.mark.parametrize("page", ["rules", "rules/insults", "word-lists/insults-ar"])
def test_a_page_of_rules_is_for_everybody(editor: Admin, page: str) -> None:
    """No fault by axe-core, and no sideways scrolling where it is narrow."""
    for lang, theme, width in (("en", "dark", 1280), ("ar", "light", 360), ("fr", "contrast", 360)):
        editor.window(width, 900)
        editor.prefer(lang, theme)
        editor.open(page)
        editor.until("document.querySelector('h1')")
        assert editor.faults() == [], (lang, theme, width)
        wide = editor.ask("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (lang, theme, width)
