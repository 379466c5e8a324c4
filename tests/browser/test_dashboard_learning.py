"""An editor looks at what the models know, and steps back to an older version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from service.model import Role
from tests.api.learning_examples import learn
from tests.browser.conftest import Newsroom
from tests.browser.test_dashboard_admin import Admin

pytestmark = pytest.mark.browser


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


def test_a_model_that_learnt_nothing_says_so_and_one_in_use_says_what_it_knows(
    editor: Admin,
) -> None:
    editor.open("learning")
    editor.says("[data-model=abuse] [data-sentence]", "Nothing learnt yet.")

    learn(editor.newsroom.api, editor.newsroom.site)
    editor.open("learning")
    editor.says("[data-model=abuse] [data-sentence]", "In use, learnt from 320 decisions")
    editor.says("[data-model=abuse] tr[data-version='2']", "In use")
    assert len(editor.chrome.find_elements("css selector", "[data-model=abuse] svg")) == 2

    editor.click("[data-model=abuse] tr[data-version='1'] [data-promote]")
    editor.click("dialog button.primary")
    editor.says("#done", "within seconds")
    editor.says("[data-model=abuse] tr[data-version='1']", "In use")
    assert editor.told("models")["items"][0]["current"] == 1

    editor.click("[data-model=spam] [data-refit]")
    editor.says("#done", "learn now")
    assert editor.faults() == []
    assert editor.complaints() == []


@pytest.mark.parametrize(
    ("lang", "theme", "width"),
    [("en", "light", 1280), ("fr", "dark", 1280), ("ar", "contrast", 360)],
)
def test_the_page_stands_in_every_language_theme_and_width(
    editor: Admin, lang: str, theme: str, width: int
) -> None:
    learn(editor.newsroom.api, editor.newsroom.site)
    editor.prefer(lang=lang, theme=theme)
    editor.window(width, 1_600)
    editor.open("learning")
    editor.find("[data-model=abuse] svg")
    assert editor.ask("return document.documentElement.scrollWidth <= innerWidth")
    assert editor.faults() == []
    editor.shot(f"learning-{lang}-{theme}-{width}")
