"""Admins set bridges to other systems up, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from selenium import webdriver

from service.model import Role
from tests.browser.conftest import Newsroom
from tests.browser.test_dashboard_admin import Admin
from tests.place import Place, standing

pytestmark = pytest.mark.browser


@pytest.fixture
def admin(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Admin]:
    who = Admin(chrome, newsroom, role=Role.ADMIN)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    who.complaints()
    yield who
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


@pytest.fixture
def place(admin: Admin) -> Iterator[Place]:
    """The site's own service, on this machine."""
    with admin.newsroom.api.aside.inside(standing()) as one:
        yield one


def state(who: Admin, bridge: str) -> dict[str, Any]:
    items = who.told("bridges")["items"]
    found: dict[str, Any] = next(each for each in items if each["bridge"] == bridge)
    return found


def test_a_check_is_set_up_tried_and_ended(admin: Admin, place: Place) -> None:
    admin.open("sites")
    admin.click("a[href^='/moderate/sites/bridges']")
    admin.says("h1", "Bridges to other systems")
    admin.write("#url", "https://10.0.0.7/")
    admin.click("#check button.primary")
    admin.says("#problem", "Nothing is sent to this address")
    assert admin.ask("return document.activeElement.id") == "url"
    assert all("422" in each for each in admin.complaints())
    admin.write("#url", place.url)
    admin.write("#timeout", "2000")
    admin.click("#check button.primary")
    secret = admin.find("dialog code").text
    assert secret.startswith("whsec_")
    admin.click("dialog button:not(.secret button)")
    admin.says("#done", "Comments are checked from now on.")
    assert secret not in admin.chrome.page_source
    place.answers(orjson.dumps({"verdict": "hold", "score": 0.9, "label": "An advert"}))
    admin.write("#text", "Buy this.")
    admin.click("#try button")
    admin.says("#tried", "It would hold it: An advert. Score 0.9.")
    place.answers(b"", "500 Oops")
    admin.click("#try button")
    admin.says("#tried", "It answered with an error or a redirect.")
    admin.click("[data-end=check]")
    admin.click("dialog .danger")
    admin.says("#done", "It is switched off.")
    assert state(admin, "check")["enabled"] is False
    assert admin.complaints() == []


def test_coral_and_clients_of_perspective_are_let_in(admin: Admin) -> None:
    admin.open("sites/bridges")
    admin.click("#coral button")
    admin.says("#problem", "The secret is needed.")
    admin.write("#secret", "a-signing-secret-that-coral-made")
    admin.click("#coral button")
    admin.says("#done", "Coral may ask from now on.")
    assert "a-signing-secret" not in admin.chrome.page_source
    assert state(admin, "coral")["enabled"] is True
    admin.click("#new-key")
    assert admin.find("dialog code").text.startswith("pbp_")
    admin.click("dialog button:not(.secret button)")
    admin.says("#done", "The key is good from now on.")
    shown = admin.find("[aria-labelledby=perspective-url]").text
    assert shown.endswith(f"/v1/sites/{admin.newsroom.site.slug}/bridges/perspective/v1alpha1")
    assert admin.complaints() == []


def test_the_page_is_for_everybody(admin: Admin) -> None:
    """No fault by axe-core, and no sideways scrolling where it is narrow, in every look."""
    admin.elsewhere("PUT", "bridges/check", url="https://checks.daily.example/comments")
    for lang, theme, width in (
        ("en", "light", 1280),
        ("ar", "dark", 1280),
        ("fr", "contrast", 360),
        ("ar", "light", 360),
    ):
        admin.window(width, 900)
        admin.prefer(lang, theme)
        admin.open("sites/bridges")
        admin.until("document.querySelector('h1')")
        assert admin.faults() == [], (lang, theme, width)
        wide = admin.ask("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (lang, theme, width)
        admin.shot(f"bridges-{lang}-{theme}-{width}")
