"""A senior moderator reads the statistics in a browser: plots, their tables, and by keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from service.model import Role
from tests.browser.conftest import Newsroom
from tests.browser.test_dashboard_admin import Admin

pytestmark = pytest.mark.browser

ROWS_AS_THE_PLOT_SAYS = """
return [...document.querySelectorAll('[data-of]')].flatMap((pictures) => {
  const table = pictures.closest('figure').querySelector(`[data-table="${pictures.dataset.of}"]`)
  return [...pictures.querySelectorAll('[data-row]')].map((mark) => {
    const cells = [...table.tBodies[0].rows[mark.dataset.row].querySelectorAll('td')]
    return mark.dataset.values === cells.map((cell) => cell.dataset.value).join('|')
  })
})
"""
WIDE_BEYOND_THEIR_PLACE = """
return [...document.querySelectorAll('svg.plot text')].filter((text) => {
  const { left, right } = text.getBoundingClientRect()
  return left < 0 || right > innerWidth
}).map((text) => text.textContent)
"""


@pytest.fixture
def senior(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Admin]:
    who = Admin(chrome, newsroom, role=Role.SENIOR)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    who.complaints()
    yield who
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


def decided(newsroom: Newsroom) -> None:
    """Let a key decide two dozen comments in two languages, and leave some."""
    api, site, key = newsroom.api, newsroom.site, newsroom.key
    ids = [
        api.posted("story", f"Comment {number}.", site=site, lang=["en", "ar"][number % 2])["id"]
        for number in range(48)
    ]
    api.decide("approve", *ids[:36], key=key)
    api.decide("reject", *ids[36:45], key=key, reason="spam")


def test_a_plot_is_walked_through_by_keys_and_is_its_table(senior: Admin) -> None:
    decided(senior.newsroom)
    senior.open("statistics")
    senior.says("[data-figure=volume] figcaption", "45 decisions")
    rows = senior.ask(ROWS_AS_THE_PLOT_SAYS)
    assert len(rows) > 170
    assert all(rows)

    plot = senior.find("[data-figure=volume] svg[tabindex]")
    senior.ask("arguments[0].focus()", plot)
    for _ in range(20):
        senior.chrome.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    senior.says("[data-figure=volume] .st-said", "Approved by people: 36")
    assert senior.ask("return document.querySelectorAll('.hit.at').length") == 1

    senior.click("[data-figure=volume] summary")
    senior.says("[data-figure=volume] table", "36")
    senior.choose("select[name=days]", "1")
    senior.choose("select[name=lang]", "ar")
    senior.click("form.st-form button.primary")
    senior.until("location.search.includes('lang=ar') && document.readyState === 'complete'")
    senior.says("[data-figure=volume] figcaption", "decisions")
    assert "days=1" in senior.ask("return location.search")
    assert senior.complaints() == []


@pytest.mark.parametrize(
    ("lang", "theme", "width"),
    [("en", "light", 1280), ("fr", "dark", 1280), ("ar", "contrast", 1280), ("ar", "light", 360)],
)
def test_the_page_stands_in_every_language_theme_and_width(
    senior: Admin, lang: str, theme: str, width: int
) -> None:
    decided(senior.newsroom)
    senior.prefer(lang=lang, theme=theme)
    senior.window(width, 2_400)
    senior.open("statistics")
    senior.find("[data-figure=volume] svg")
    assert senior.ask("return document.documentElement.scrollWidth <= innerWidth")
    assert senior.ask(WIDE_BEYOND_THEIR_PLACE) == []
    left_to_right = senior.ask(
        "const [first, last] = [0, 6].map((row) => document.querySelector("
        "`[data-figure=volume] [data-row='${row}']`).getBoundingClientRect().left);"
        "return first < last"
    )
    assert left_to_right
    assert senior.faults() == []
    assert senior.complaints() == []
    senior.shot(f"statistics-{lang}-{theme}-{width}")
