"""The newsroom's people come in: their first link, passkeys, codes, and proofs asked for again."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    JavascriptException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.remote.webelement import WebElement

from service.features.recall import FRESH_SECONDS
from service.model import Role
from service.wiring.ground import clock
from tests.api.aside import Aside
from tests.api.conftest import Api, log_to, opened
from tests.browser.conftest import axe_source

pytestmark = pytest.mark.browser

PATIENCE_SECONDS = 10.0
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "dashboard"
PASSWORD = "plaid otter under nine clouds"
OWNER = "owner@daily.example"


@dataclass(slots=True)
class Newcomer:
    """Somebody with a browser and a device that knows passkeys."""

    chrome: webdriver.Chrome
    api: Api = field(repr=False)

    @property
    def base(self) -> str:
        """Where the service is; by name, since numbers know no passkeys."""
        return f"http://localhost:{self.api.caller.port}"

    def link(self, email: str, role: Role = Role.MODERATOR) -> str:
        """Return the link of somebody who is invited."""
        work = self.api.service.members.team.invite(email, role, self.api.site, clock())
        return f"{self.base}/moderate/#invitation={self.api.aside.run(work)}"

    def open(self, path: str) -> None:
        """Open a page."""
        self.chrome.get(path if path.startswith("http") else self.base + path)

    def at(self, path: str) -> None:
        """Wait until a page is there, its modules at work."""
        self.until(
            lambda: (
                self.chrome.current_url == self.base + path
                and self.chrome.execute_script("return document.readyState") == "complete"
            ),
            path,
        )

    def find(self, css: str) -> WebElement:
        """Wait until something is visible, and return it."""

        def seen() -> WebElement | None:
            found = self.chrome.find_element(By.CSS_SELECTOR, css)
            return found if found.is_displayed() else None

        found: WebElement = self.until(seen, css)
        return found

    def says(self, css: str, words: str) -> None:
        """Wait until something says these words."""
        self.until(lambda: words in self.find(css).text, f"{css}: {words}")

    def press(self, css: str) -> None:
        """Press a button."""
        self.find(css).click()

    def write(self, css: str, words: str) -> None:
        """Fill a field in."""
        into = self.find(css)
        into.clear()
        into.send_keys(words)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                value = condition()
            except (
                JavascriptException,
                NoSuchElementException,
                StaleElementReferenceException,
            ):
                value = None
            if value:
                return value
            time.sleep(0.02)
        body = self.chrome.find_element(By.TAG_NAME, "body").text
        raise AssertionError(f"Never: {what}\n{self.chrome.current_url}\n{body}")

    def forgotten(self) -> None:
        """Wait until the service remembers no session that it has not read again."""
        known = self.api.service.members.sessions.known
        since = known.clock()
        self.until(lambda: known.clock() - since > FRESH_SECONDS, "a memory that is too old")

    def sign_out(self) -> None:
        """Go out by the menu."""
        self.press(".menu summary")
        self.press("[data-sign-out]")
        self.at("/moderate/sign-in")

    def arrive(self, email: str, role: Role = Role.MODERATOR) -> None:
        """Follow a link, with a password."""
        self.open(self.link(email, role))
        self.write("#name", "Kim")
        self.write("#password", PASSWORD)
        self.press("#arrival button:not([type])")
        self.at("/moderate/")

    def prefer(self, lang: str, theme: str) -> None:
        """Choose language and theme; a page of ours is open."""
        self.chrome.execute_cdp_cmd(
            "Network.setCookie",
            {"name": "postbag-view", "value": f"{lang}.{theme}", "url": f"{self.base}/moderate/"},
        )

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong."""
        self.chrome.execute_script(axe_source())
        found: list[str] = self.chrome.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice'], resultTypes: ['violations']})"
            ".then(({violations}) => done(violations.flatMap((each) => each.nodes.map((node) =>"
            " `${each.id}: ${node.html} ${node.failureSummary}`))))"
        )
        return found

    def complaints(self) -> list[str]:
        """Return what the browser complained of, but that the service refused something."""
        log: list[dict[str, Any]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        return [each["message"] for each in log if "the server responded" not in each["message"]]

    def shot(self, name: str) -> None:
        """Keep a picture among the artefacts of the run."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.chrome.save_screenshot(str(ARTEFACTS / f"{name}.png"))


@pytest.fixture
def house(elsewhere: Aside, database_url: str, redis_url: str) -> Iterator[Api]:
    """A service that nobody has signed in to yet."""
    with opened(elsewhere, database_url, redis_url, rate_limits=False, loops=False) as running:
        running.site = running.new_site()
        yield running


@pytest.fixture
def newcomer(chrome: webdriver.Chrome, house: Api) -> Iterator[Newcomer]:
    """Somebody whose device asks for a finger, and gets it."""
    device = VirtualAuthenticatorOptions()
    device.transport = VirtualAuthenticatorOptions.Transport.INTERNAL.value
    device.has_resident_key = device.has_user_verification = device.is_user_verified = True
    chrome.add_virtual_authenticator(device)
    chrome.set_window_size(1200, 900)
    someone = Newcomer(chrome, house)
    someone.complaints()
    yield someone
    chrome.remove_virtual_authenticator()
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chrome.get("about:blank")


@pytest.mark.smoke
def test_the_owner_comes_in_by_the_first_link_and_again_by_passkey(newcomer: Newcomer) -> None:
    api = newcomer.api
    with log_to(io.StringIO()) as log:
        token = api.aside.run(api.service.members.team.owner_link(clock()))
        assert token is not None
        newcomer.open(f"{newcomer.base}/moderate/#invitation={token}")
        newcomer.says("#whom", "owner")
        newcomer.shot("arrival")
        newcomer.write("#email", OWNER)
        newcomer.write("#name", "Nadia")
        newcomer.press("#passkey")
        newcomer.at("/moderate/")
        newcomer.open("/moderate/me")
        newcomer.says("main", OWNER)
        newcomer.shot("me")
        newcomer.sign_out()
        newcomer.shot("sign-in")
        newcomer.press("#passkey")
        newcomer.at("/moderate/")
        newcomer.open(f"{newcomer.base}/moderate/#invitation={token}")
        newcomer.says("#void", "was used")
    assert token not in log.getvalue()
    assert newcomer.complaints() == []


def test_an_invited_colleague_sets_up_a_password_and_an_authenticator(
    newcomer: Newcomer,
) -> None:
    newcomer.open(newcomer.link("kim@daily.example"))
    newcomer.says("#whom", "kim@daily.example")
    newcomer.write("#name", "Kim")
    newcomer.write("#password", "password1234")
    newcomer.press("#arrival button:not([type])")
    newcomer.says("#problem", "soon be guessed")
    assert newcomer.chrome.switch_to.active_element.get_attribute("id") == "password"
    newcomer.write("#password", PASSWORD)
    newcomer.press("#arrival button:not([type])")
    newcomer.at("/moderate/")
    newcomer.open("/moderate/me")
    newcomer.press("#begin-authenticator")
    assert newcomer.find("#picture svg").size["width"] > 150
    once = pyotp.TOTP(newcomer.find("#secret").text.replace(" ", ""))
    newcomer.write("#first-code", once.at(clock()))
    newcomer.press("#authenticator button")
    codes = newcomer.find("#code-list").text.split()
    assert len(codes) == 10
    newcomer.shot("recovery-codes")
    newcomer.sign_out()
    newcomer.open("/moderate/sign-in?next=/moderate/me")
    newcomer.write("#email", "kim@daily.example")
    newcomer.write("#password", "wrong" + Keys.ENTER)
    newcomer.says("#problem", "Wrong e-mail address or password.")
    newcomer.write("#password", PASSWORD + Keys.ENTER)
    newcomer.says("#problem", "code of your authenticator")
    newcomer.write("#code", codes[0] + Keys.ENTER)
    newcomer.at("/moderate/me")
    newcomer.says("#authenticator-title ~ p", "9 recovery codes are left")
    assert newcomer.complaints() == []


def test_what_is_dangerous_asks_for_a_proof_when_the_last_is_old(newcomer: Newcomer) -> None:
    api = newcomer.api
    newcomer.arrive("kim@daily.example")
    newcomer.open("/moderate/me")
    ageing = "UPDATE sessions SET proved_at = proved_at - interval '11 minutes'"
    api.aside.run(api.service.ground.pool.execute(ageing))
    newcomer.forgotten()
    newcomer.write("#password-field", "another otter and seven clouds")
    newcomer.press("#new-password button")
    newcomer.says("dialog", "prove that it is you")
    assert newcomer.faults() == []
    newcomer.shot("proof")
    newcomer.write("#proof-password", "wrong")
    newcomer.press("dialog form .primary")
    newcomer.says("dialog [role=alert]", "Wrong password.")
    newcomer.write("#proof-password", PASSWORD)
    newcomer.press("dialog form .primary")
    newcomer.says("#done", "The password was changed.")
    assert newcomer.complaints() == []


def test_a_session_that_was_ended_leads_to_the_entrance_and_back(newcomer: Newcomer) -> None:
    api = newcomer.api
    newcomer.arrive("kim@daily.example")
    newcomer.open("/moderate/me")
    api.aside.run(api.service.ground.pool.execute("DELETE FROM sessions"))
    newcomer.forgotten()
    newcomer.press("#begin-authenticator")
    newcomer.at("/moderate/sign-in?next=%2Fmoderate%2Fme")
    newcomer.write("#email", "kim@daily.example")
    newcomer.write("#password", PASSWORD + Keys.ENTER)
    newcomer.at("/moderate/me")


def test_a_passkey_is_added_named_and_removed(newcomer: Newcomer) -> None:
    newcomer.arrive("kim@daily.example")
    newcomer.open("/moderate/me")
    newcomer.write("#passkey-name", "Laptop")
    newcomer.press("#new-passkey button")
    newcomer.says("table", "Laptop")
    newcomer.press("[data-remove-passkey]")
    newcomer.says("#passkeys-title ~ p:nth-of-type(2)", "You have none yet.")
    assert newcomer.complaints() == []


def test_the_page_cannot_be_made_to_run_anything(newcomer: Newcomer) -> None:
    newcomer.open("/moderate/sign-in")
    for attack in (
        "document.body.innerHTML = '<b>x</b>'",
        "document.write('x')",
        "document.createElement('script').text = 'window.ran = 1'",
        "trustedTypes.createPolicy('mine', {createHTML: (x) => x})",
    ):
        with pytest.raises(JavascriptException):
            newcomer.chrome.execute_script(attack)
    assert newcomer.chrome.execute_script("return window.ran ?? null") is None


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
@pytest.mark.parametrize("lang", ["en", "fr", "ar"])
def test_every_page_of_the_entrance_is_for_everybody(
    newcomer: Newcomer, lang: str, theme: str
) -> None:
    newcomer.open("/moderate/sign-in")
    newcomer.prefer(lang, theme)
    newcomer.chrome.set_window_size(360, 740)
    look(newcomer, "/moderate/sign-in", f"sign-in-{lang}-{theme}")
    newcomer.open(newcomer.link("kim@daily.example"))
    newcomer.find("#name")
    look(newcomer, None, f"arrival-{lang}-{theme}")
    newcomer.write("#name", "Kim")
    newcomer.write("#password", PASSWORD)
    newcomer.press("#arrival button:not([type])")
    newcomer.at("/moderate/")
    look(newcomer, "/moderate/me", f"me-{lang}-{theme}")
    newcomer.press(".menu summary")
    assert newcomer.faults() == []
    assert newcomer.complaints() == []


def look(newcomer: Newcomer, path: str | None, name: str) -> None:
    """Find nothing wrong with a page on a small telephone."""
    if path is not None:
        newcomer.open(path)
        newcomer.at(path)
    newcomer.shot(name)
    assert newcomer.faults() == [], name
    width = newcomer.chrome.execute_script(
        "return document.documentElement.scrollWidth - innerWidth"
    )
    assert width <= 0, name


def test_the_keyboard_gets_everywhere(newcomer: Newcomer) -> None:
    newcomer.open("/moderate/sign-in")
    newcomer.at("/moderate/sign-in")
    seen = []
    for _ in range(9):
        newcomer.chrome.switch_to.active_element.send_keys(Keys.TAB)
        active = newcomer.chrome.switch_to.active_element
        seen.append(active.get_attribute("id") or active.get_attribute("class") or active.tag_name)
    assert seen[0] == "skip"
    assert [each for each in seen if each in {"passkey", "email", "password"}] == [
        "passkey",
        "email",
        "password",
    ]
