"""A newcomer's first shift, as it is lived: from the owner's link to an empty queue, by keys.

A whole service with the demo newspaper, a moderator's browser, and a reader's beside it that
follows without being loaded anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, cast

import pytest
from selenium import webdriver
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from tests.browser.conftest import Newsroom, a_browser
from tests.browser.desk.people import Moderator
from tests.journeys.command import data_folder, served
from tests.journeys.conftest import tell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

__all__ = ["tell"]

LINK = re.compile(r"http://\S+/moderate/#invitation=pbi_[\w-]{43}")
ARTICLE = "en-harbour-ferry"
PAGE = "/demo/en/harbour-ferry"
SHARE_REJECTED = 4
"""Every so many-th comment is rejected, in turns with a digit, by the same key twice, as spam."""
READER_SECONDS = 15.0


@pytest.fixture
def reader() -> Iterator[webdriver.Chrome]:
    """Another browser: a reader's."""
    with a_browser() as browser:
        yield browser


@dataclass(slots=True)
class Shift:
    """What somebody does in their first hour, and how often they press a key for it."""

    moderator: Moderator
    reader: webdriver.Chrome
    base: str
    presses: int = 0
    decisions: int = 0
    seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)

    # The moderator

    def arrive(self, link: str) -> None:
        """Come in by the owner's link, with a passkey."""
        who = self.moderator
        who.chrome.get(link)
        self.fill("#email", "owner@daily.example")
        self.fill("#name", "Nadia")
        who.shot("walk-arrival")
        self.click("#passkey")
        who.until("location.pathname === '/moderate/'")
        who.until_ready()

    def key(self, name: str) -> None:
        """Press a key, and count it."""
        self.moderator.press(name)
        self.presses += 1

    def decide(self, kind: str, digit: str = "") -> str:
        """Decide the current comment by keys alone; return its text."""
        who, begun, text = self.moderator, time.monotonic(), self.moderator.current
        before = who.ask("return document.querySelector('.q-current').dataset.id")
        time.sleep(0.26)  # whoever reads takes longer than the guard against double presses
        self.key(kind)
        if kind == "r":
            who.until("document.querySelector('dialog[open] #q-find')")
            self.key(digit)
        who.until("document.querySelector('.q-current')?.dataset.id !== arguments[0]", before)
        self.decisions += 1
        self.seconds += time.monotonic() - begun
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return text

    def click(self, css: str) -> None:
        """Press something that is there."""
        self.moderator.until("document.querySelector(arguments[0])?.checkVisibility()", css)
        self.moderator.ask("document.querySelector(arguments[0]).click()", css)

    def fill(self, css: str, words: str) -> None:
        """Write into a field."""
        self.moderator.until("document.querySelector(arguments[0])", css)
        self.moderator.chrome.find_element("css selector", css).send_keys(words)

    def until_done(self, words: str) -> None:
        """Wait until the author's page says what was done."""
        said = "document.getElementById('done-words')?.innerText.includes(arguments[0])"
        self.moderator.until(said, words)

    def queue(self, path: str = "/moderate/?site=demo&sort=oldest") -> None:
        """Open the queue."""
        self.moderator.chrome.get(self.base + path)
        self.moderator.until_ready()

    def decide_all(self) -> None:
        """Empty the queue, as a moderator would who approves most."""
        who, n = self.moderator, 0
        while who.until("document.querySelector('.q-current, #empty:not([hidden])')") and (
            who.ask("return document.querySelector('.q-current') !== null")
        ):
            n += 1
            if n % SHARE_REJECTED:
                self.decide("a")
            else:
                kind, digit = (("r", "3"), ("r", "r"), ("s", ""))[n // SHARE_REJECTED % 3]
                self.decide(kind, digit)

    # The reader

    def sees(self, text: str, *, expected: bool = True) -> None:
        """Wait until the reader's page has a comment, or has it no more; new ones are let in."""
        has = (
            "const root = document.querySelector('postbag-comments').shadowRoot;"
            "root.querySelector('.pill')?.click();"
            "return [...root.querySelectorAll('.body')].map((each) => each.textContent.trim())"
        )
        deadline = time.monotonic() + READER_SECONDS
        while (text in (bodies := self.reader.execute_script(has))) is not expected:
            assert time.monotonic() < deadline, (text, bodies)
            time.sleep(0.05)

    def read(self) -> None:
        """Open the article, once, and mark the page: who loads it anew loses the mark."""
        self.reader.get(self.base.replace("localhost", "127.0.0.1") + PAGE)
        ready = (
            "const el = document.querySelector('postbag-comments'); el.scrollIntoView();"
            "return el.state === 'ready'"
        )
        self.moderator.wait(lambda: self.reader.execute_script(ready), "the thread")
        self.reader.execute_script(  # whoever touches a thread is told at once what happens in it
            "window.first = true;"
            "const el = document.querySelector('postbag-comments');"
            "el.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));"
            "const sort = el.shadowRoot.querySelector('.sort select'); sort.value = 'newest';"
            "sort.dispatchEvent(new Event('change', { bubbles: true }))"
        )

    # A guest who writes

    def written(self, *texts: str) -> str:
        """Post comments of one guest to the article; return their receipt."""
        receipt = ""
        for text in texts:
            status, told = self.post(text, receipt)
            assert status == 202, told
            receipt = receipt or str(told["receipt"])
        return receipt

    def post(self, text: str, receipt: str) -> tuple[int, Any]:
        """Post one comment; return the answer."""
        said = {"body": text, "author": {"name": "Omar K"}}
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {receipt}"} if receipt else {}
        line = HTTPConnection(self.base.removeprefix("http://"), timeout=10)
        try:
            where = f"/v1/sites/demo/articles/{ARTICLE}/comments"
            line.request("POST", where, json.dumps(said), headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()


def walk(shift: Shift, link: str) -> None:
    """Do it all, in the order of a first hour."""
    who = shift.moderator
    shift.arrive(link)
    shift.read()
    receipt = shift.written("The ferry is never late.", "The pier needs a lamp.", "And a bench.")
    one_is_undone(shift)
    the_author_is_banned_and_readmitted(shift, receipt)
    everything_that_waits_is_rejected_and_put_back(shift)
    shift.queue()
    who.shot("walk-queue")
    shift.decide_all()
    who.until("!document.getElementById('empty').hidden")
    who.shot("walk-empty")
    assert shift.reader.execute_script("return window.first"), (
        "the reader's page was never reloaded"
    )


def one_is_undone(shift: Shift) -> None:
    """Approve what the reader then sees, and take it back."""
    who = shift.moderator
    shift.queue("/moderate/?site=demo&sort=newest&filter=author:omar")
    who.until_current("And a bench.")
    assert shift.decide("a") == "And a bench."
    shift.sees("And a bench.")
    shift.key("u")
    who.until_said("Taken back: 1.")
    who.until_current("And a bench.")
    shift.sees("And a bench.", expected=False)


def the_author_is_banned_and_readmitted(shift: Shift, receipt: str) -> None:
    """From the card to the author, who may not write for a day, and may again."""
    who = shift.moderator
    shift.click("#context-body a[href*='/moderate/authors/']")
    who.until("location.pathname.startsWith('/moderate/authors/')")
    shift.click("[data-do=ban]")
    shift.fill("#p-told", "Keep to the subject.")
    who.shot("walk-ban")
    shift.click("dialog button.primary")
    shift.until_done("Banned.")
    status, told = shift.post("I am still here.", receipt)
    assert (status, told["code"]) == (403, "author_banned")
    who.chrome.refresh()
    shift.click("[data-do=lift]")
    shift.until_done("The ban is lifted.")
    assert shift.post("I am here again.", receipt)[0] == 202


def everything_that_waits_is_rejected_and_put_back(shift: Shift) -> None:
    """All that one author wrote at once, and back."""
    who = shift.moderator
    shift.click("[data-do=sweep]")
    shift.click("dialog button.primary")
    shift.until_done("Rejected: 4 of 4")
    shift.click("#done-undo")
    shift.until_done("again: 4 of 4")
    who.shot("walk-swept")


async def test_a_newcomers_first_shift(
    chrome: webdriver.Chrome, reader: webdriver.Chrome, tell: Callable[[str], None]
) -> None:
    device = VirtualAuthenticatorOptions()
    device.transport = VirtualAuthenticatorOptions.Transport.INTERNAL.value
    device.has_resident_key = device.has_user_verification = device.is_user_verified = True
    chrome.add_virtual_authenticator(device)
    nobody = cast("Newsroom", None)  # of a service that runs apart nothing inside is known
    with data_folder() as folder:
        async with served(folder, "--demo") as running:
            link = LINK.search(running.said)
            assert link is not None
            base = running.base_url.replace("127.0.0.1", "localhost")
            shift = Shift(moderator=Moderator(chrome, nobody), reader=reader, base=base)
            shift.moderator.window(1280, 900)
            shift.moderator.complaints()
            try:
                await asyncio.to_thread(walk, shift, link[0])
            finally:
                chrome.remove_virtual_authenticator()
                shift.moderator.send("Network.clearBrowserCookies")
            assert shift.moderator.complaints() == []
    each = f"{shift.presses / shift.decisions:.2f} keys and {shift.seconds / shift.decisions:.2f} s"
    tell(f"{shift.decisions} decisions: {each} each {shift.kinds}.")
    assert shift.presses <= 1.5 * shift.decisions
