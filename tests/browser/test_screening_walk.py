"""An editor's and a moderator's day with screening, as issue 5 ends: on a whole service.

The demo newspaper's history, a rule from its first line to live and back, a wave decided and
taken back, and three hundred decisions that the models' page tells of.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, cast
from uuid import uuid4

import pytest
from selenium import webdriver
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from tests.browser.conftest import Newsroom
from tests.browser.desk.people import SHIFT
from tests.browser.desk.test_walk import LINK, Shift
from tests.browser.test_dashboard_admin import Admin
from tests.features.learning.test_model import texts
from tests.journeys.command import data_folder, served
from tests.journeys.conftest import tell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

__all__ = ["tell"]

RULE = """title: Ferries
when:
  all:
    - text: {words: [ferry, ferries]}
then: {action: hold, severity: 1, reason: off_topic}
"""
WAVE = "Earn nine hundred euros a day from home, write to my manager on telegram"
DECISIONS = 300
LONG_SECONDS = 90.0
"""For what goes on behind: a dry run, a lesson."""


@dataclass(slots=True)
class Day:
    """Somebody who may do everything, before a whole service."""

    shift: Shift
    token: str = ""

    @property
    def who(self) -> Admin:
        """The browser."""
        return cast("Admin", self.shift.moderator)

    def open(self, page: str) -> None:
        """Open a page of the dashboard."""
        self.who.chrome.get(f"{self.shift.base}/moderate/{page}?site=demo")
        self.who.until("document.readyState === 'complete'")

    def says(self, css: str, words: str) -> None:
        """Wait until something is said that takes its time."""
        said = "document.querySelector(arguments[0])?.innerText.includes(arguments[1])"
        self.long(lambda: self.who.ask(f"return {said}", css, words), words)

    def long(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for what goes on behind."""
        deadline = time.monotonic() + LONG_SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, what
            time.sleep(0.2)
        return value

    def tell(self, method: str, path: str, said: Any = None, *, token: str = "") -> Any:
        """Ask the API; return the answer's JSON."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        if token:  # as the browser says it: only people teach, and keys are programs
            headers |= {"Cookie": f"postbag={token}", "Origin": self.shift.base}
        deadline = time.monotonic() + LONG_SECONDS
        while True:
            status, read = self._asked(method, path, said, headers)
            if status != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.5)  # a machine that is too busy: repeated with the same key
        assert status < 300, (path, status, read[:500])
        return json.loads(read) if read else None

    def _asked(
        self, method: str, path: str, said: Any, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        line = HTTPConnection(self.shift.base.removeprefix("http://"), timeout=30)
        try:
            line.request(method, path, None if said is None else json.dumps(said), headers)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def post(self, text: str, *, article: str = "walk") -> str:
        """Post a comment as a guest nobody met before; return its id."""
        where = f"/v1/sites/demo/articles/{article}/comments"
        said = {"body": text, "author": {"name": "Omar K"}}
        return str(self.tell("POST", where, said)["comment"]["id"])


def walk(day: Day, link: str) -> None:
    """Do it all."""
    who, shift = day.who, day.shift
    shift.arrive(link)
    [day.token] = [each["value"] for each in who.chrome.get_cookies() if each["name"] == "postbag"]
    an_editor_brings_a_rule_to_life(day)
    a_moderator_sees_why(day)
    an_editor_rolls_the_rule_back(day)
    a_wave_is_decided_and_taken_back(day)
    three_hundred_decisions_are_learnt_from(day)


def an_editor_brings_a_rule_to_life(day: Day) -> None:
    """Write it, try it on a typed text, dry-run it over the demo's history, shadow, live."""
    who = day.who
    day.open("rules/new")
    who.write("#rule-id", "ferries")
    who.ask("arguments[0].value = arguments[1]", who.find("#rule-text"), RULE)
    who.write("#try-text", "The f.e.r.r.y is late")
    who.click("#try button")
    who.says("#tried mark", "f.e.r.r.y")
    who.click("#editor button.primary")
    who.says("h1", "Ferries")
    who.click("[data-act=shadow]")
    who.says("#done", "without effect")

    who.write("#run-days", "366")
    who.click("#dry-run button")
    day.says("#report .big", "comments would match")
    hits = int(who.ask("return document.querySelector('#report .big').innerText.match(/\\d+/)[0]"))
    assert hits > 0, "the demo has an article about a ferry"
    who.shot("walk-dry-run")

    who.write("#effect-comment", "Everybody writes about it.")
    who.click("[data-act=live]")
    who.says("#done", "It is live")


def a_moderator_sees_why(day: Day) -> None:
    """The rule holds a comment, and the card says so, with the words marked."""
    who = day.who
    text = "I was on the ferry myself."
    day.post(text)
    day.shift.queue("/moderate/?site=demo&sort=newest")
    who.until_current(text)
    who.until("document.querySelector('.q-current [data-slot=why]')?.innerText.includes('Ferries')")
    who.until("document.querySelector('.q-current mark')?.innerText === 'ferry'")
    who.shot("walk-why")


def an_editor_rolls_the_rule_back(day: Day) -> None:
    """A second version is live, and the first again."""
    who = day.who
    day.open("rules/ferries")
    wider = RULE.replace("[ferry, ferries]", "[ferry, ferries, boat]")
    who.ask("arguments[0].value = arguments[1]", who.find("#rule-text"), wider)
    who.click("#editor button.primary")
    who.says("#done", "Saved")
    who.click("#dry-run button")
    day.says("#report h3", "version 2")
    who.write("#effect-comment", "Boats as well.")
    who.click("[data-act=live]")
    who.says("#done", "It is live")
    who.write("#effect-comment", "Too wide.")
    who.click("[data-act='roll-back']")
    who.says("#done", "live again")
    rule = day.tell("GET", "/v1/sites/demo/rules/ferries", token=day.token)
    assert (rule["live_version"], rule["latest_version"]) == (1, 2)


def a_wave_is_decided_and_taken_back(day: Day) -> None:
    """One card for all of it, one decision, one key to take it back."""
    who = day.who
    ids = [day.post(f"{WAVE} {'!' * n}") for n in range(6)]

    def noticed() -> bool:
        where = "/v1/moderation/clusters?site=demo"
        clusters = day.tell("GET", where, token=day.token)["items"]
        return any(each["waiting"] == len(ids) for each in clusters)

    day.long(noticed, "a cluster")
    day.shift.queue("/moderate/?site=demo&sort=newest")
    who.until("document.querySelector('.q-current [data-slot=cluster] button')")
    who.press("d")
    who.until("document.querySelector('dialog[open] .q-members')")
    who.until(f"document.querySelector('dialog .primary').innerText === 'Apply to {len(ids)}'")
    who.press("s", modifiers=SHIFT)
    day.long(lambda: statuses(day, ids) == {"rejected"}, "all of it is rejected")
    day.says("body", f"Rejected: {len(ids)}")
    who.press("u")
    day.long(lambda: statuses(day, ids) == {"pending"}, "all of it waits again")


def statuses(day: Day, ids: list[str]) -> set[str]:
    """Return what has become of comments."""
    return {
        day.tell("GET", f"/v1/moderation/comments/{each}", token=day.token)["comment"]["status"]
        for each in ids
    }


def three_hundred_decisions_are_learnt_from(day: Day) -> None:
    """The page says other figures than before."""
    who = day.who
    day.open("learning")
    sentence = "[data-model=abuse] [data-sentence]"
    who.says(sentence, "Nothing learnt yet.")
    before = who.find(sentence).text

    made = texts(DECISIONS + 20)  # one in fifty is kept for examining
    with ThreadPoolExecutor(4) as several:
        ids = list(several.map(lambda each: day.post(each[0], article="lesson"), made))
    wishes = [
        {
            "comment_id": comment_id,
            "revision": 1,
            "action": "reject" if bad else "approve",
            "decision_id": str(uuid4()),
            "override": True,
            **({"reason": "abuse"} if bad else {}),
        }
        for comment_id, (_, bad) in zip(ids, made, strict=True)
    ]
    for start in range(0, len(wishes), 100):
        said = {"decisions": wishes[start : start + 100]}
        results = day.tell("POST", "/v1/moderation/decisions", said, token=day.token)["results"]
        assert {each["outcome"] for each in results} == {"applied"}
    who.click("[data-model=abuse] [data-refit]")

    def learnt() -> bool:
        day.open("learning")
        return bool(who.find(sentence).text.startswith("In use, learnt from"))

    day.long(learnt, "a model in use")
    assert who.find(sentence).text != before
    models = day.tell("GET", "/v1/sites/demo/models", token=day.token)["items"]
    [abuse] = [each for each in models if each["model"] == "abuse"]
    assert abuse["versions"][0]["decisions"] >= DECISIONS
    assert len(who.chrome.find_elements("css selector", "[data-model=abuse] svg")) == 2
    who.shot("walk-learning")


async def test_a_day_with_screening(chrome: webdriver.Chrome, tell: Callable[[str], None]) -> None:
    device = VirtualAuthenticatorOptions()
    device.transport = VirtualAuthenticatorOptions.Transport.INTERNAL.value
    device.has_resident_key = device.has_user_verification = device.is_user_verified = True
    chrome.add_virtual_authenticator(device)
    nobody = cast("Newsroom", None)  # of a service that runs apart nothing inside is known
    begun = time.monotonic()
    with data_folder() as folder:
        async with served(folder, "--demo") as running:
            link = LINK.search(running.said)
            assert link is not None
            base = running.base_url.replace("127.0.0.1", "localhost")
            who = Admin(chrome, nobody)
            day = Day(Shift(moderator=who, reader=chrome, base=base))
            who.window(1280, 900)
            who.complaints()
            try:
                await asyncio.to_thread(walk, day, link[0])
            finally:
                chrome.remove_virtual_authenticator()
                who.send("Network.clearBrowserCookies")
            assert who.complaints() == []
    tell(f"A day with screening took {time.monotonic() - begun:.0f} s.")
