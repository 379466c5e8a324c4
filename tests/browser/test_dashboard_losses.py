"""What was lost with Redis stands above every page of an editor's until somebody knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from service.model import Role
from tests.api.loss_examples import lost
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Moderator

pytestmark = pytest.mark.browser

PAGES = ("me", "statistics", "team")


@pytest.fixture
def admin(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Moderator]:
    who = Moderator(chrome, newsroom, role=Role.ADMIN)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    who.complaints()
    yield who
    who.send("Network.clearBrowserCookies")


def test_a_loss_stands_above_every_page_until_somebody_has_taken_note(admin: Moderator) -> None:
    newsroom = admin.newsroom
    lost(newsroom.api, newsroom.site)
    for page in PAGES:
        admin.chrome.get(f"{newsroom.api.caller.origin}/moderate/{page}?site={newsroom.site.slug}")
        admin.until("document.querySelector('.loss')")
    told = admin.ask("return document.querySelector('.loss').innerText")
    assert "at most 2 accepted comments" in told
    assert f"\u2068{newsroom.site.slug}\u2069" in told
    admin.ask("document.querySelector('.loss button').focus()")
    admin.chrome.switch_to.active_element.send_keys(Keys.ENTER)
    admin.until("!document.querySelector('.loss')")
    assert admin.ask("return document.activeElement.id") == "content"
    admin.chrome.refresh()
    admin.until("document.readyState === 'complete'")
    answer = newsroom.api.ask(
        "GET", f"/v1/sites/{newsroom.site.slug}/administration", bearer=newsroom.key
    )
    assert [each["act"] for each in answer.json["items"]].count("loss.acknowledged") == 1
    assert admin.complaints() == []
