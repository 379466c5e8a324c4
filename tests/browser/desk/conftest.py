"""A moderator in front of the queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Moderator, Waiting


@pytest.fixture
def moderator(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Moderator]:
    """A moderator of a new site, signed in, whose browser has nothing stored."""
    who = Moderator(chrome, newsroom)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    chrome.get(f"{newsroom.api.caller.origin}/moderate/sign-in")
    who.ask("localStorage.clear(); sessionStorage.clear()")
    who.complaints()
    yield who
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


@pytest.fixture
def waiting(newsroom: Newsroom) -> Waiting:
    """The comments of the site."""
    return Waiting(newsroom)
