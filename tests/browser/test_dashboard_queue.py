"""Moderators decide in a real browser, by keys alone, as they do all day."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from uuid_utils.compat import uuid7

from service.features.screening import queue_score
from service.model import Author, PendingComment, Role, Why, article_id
from service.web.dashboard.keys import KEYS
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.insiders import Insider, signed_in
from tests.browser.conftest import Newsroom, axe_source

pytestmark = pytest.mark.browser

PATIENCE_SECONDS = 5.0
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "dashboard"
SHIFT = 8
ALT = 1
UNSEEN_SECONDS = 0.26
"""Keys that decide do nothing for 250 ms after a comment became current."""

US = {key: (key, f"Key{key.upper()}") for key in "abcdefghijklmnopqrstuvwxyz"}
US |= {str(n): (str(n), f"Digit{n}") for n in range(1, 10)}
US |= {"/": ("/", "Slash"), "?": ("?", "Slash"), "[": ("[", "BracketLeft")}
US |= {"]": ("]", "BracketRight"), "Enter": ("Enter", "Enter"), "Escape": ("Escape", "Escape")}
FRENCH = US | {
    "a": ("a", "KeyQ"),
    "q": ("q", "KeyA"),
    "z": ("z", "KeyW"),
    "w": ("w", "KeyZ"),
    "1": ("&", "Digit1"),
    "2": ("é", "Digit2"),
    "?": ("?", "KeyM"),
}
ARABIC = US | {
    "a": ("ش", "KeyA"),
    "r": ("ق", "KeyR"),
    "s": ("س", "KeyS"),
    "u": ("ع", "KeyU"),
    "j": ("ت", "KeyJ"),
    "k": ("ن", "KeyK"),
    "x": ("ء", "KeyX"),
    "1": ("\u0661", "Digit1"),
    "2": ("\u0662", "Digit2"),
    "?": ("؟", "Slash"),
}
LAYOUTS = {"us": US, "french": FRENCH, "arabic": ARABIC}


@dataclass(slots=True)
class Moderator:
    """Somebody of the newsroom with a browser."""

    chrome: webdriver.Chrome
    newsroom: Newsroom = field(repr=False)
    role: Role = Role.MODERATOR
    layout: dict[str, tuple[str, str]] = field(default_factory=lambda: US)

    # Coming and going

    def sign_in(self, role: Role | None = None) -> None:
        """Be somebody with a role on the site."""
        insider = self.insider(role or self.role)
        self.send("Network.enable")
        self.send(
            "Network.setCookie",
            name="postbag",
            value=insider.token,
            url=self.newsroom.api.caller.origin,
            httpOnly=True,
            sameSite="Strict",
        )

    def insider(self, role: Role, name: str = "Nadia Haddad") -> Insider:
        """Return somebody with a session and a work name."""
        api = self.newsroom.api
        insider = signed_in(api, role, self.newsroom.site)
        naming = "UPDATE members SET name = $2 WHERE member_id = $1"
        api.aside.run(api.service.ground.pool.execute(naming, insider.member_id, name))
        return insider

    def prefer(self, lang: str = "en", theme: str = "light") -> None:
        """Choose language and theme."""
        where = f"{self.newsroom.api.caller.origin}/moderate/"
        self.send("Network.setCookie", name="postbag-view", value=f"{lang}.{theme}", url=where)

    def visit(self, **asked: str) -> None:
        """Open the queue and wait until it can be worked with."""
        slug = self.newsroom.site.slug
        origin = self.newsroom.api.caller.origin
        self.chrome.get(f"{origin}/moderate/?{urlencode({'site': slug, **asked})}")
        self.until_ready()

    def until_ready(self) -> None:
        """Wait until the modules are at work."""
        self.until("document.getElementById('queue')?.dataset.ready")

    # Looking

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script."""
        return self.chrome.execute_script(script, *arguments)

    def until(self, script: str, *arguments: Any) -> Any:
        """Wait until a script's value is true, and return it."""
        return self.wait(lambda: self.ask(f"return {script}", *arguments), script)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if value := condition():
                    return value
            except JavascriptException:
                pass
            time.sleep(0.02)
        seen = self.ask("return [document.activeElement?.outerHTML, document.body.innerText]")
        raise AssertionError(f"Never: {what}\n{seen}\n{self.complaints()}")

    @property
    def current(self) -> str:
        """The text of the current card."""
        return str(self.ask("return document.querySelector('.q-current .q-text')?.innerText ?? ''"))

    @property
    def cards(self) -> list[str]:
        """The texts of all cards that are shown."""
        found: list[str] = self.ask(
            "return [...document.querySelectorAll('#cards > li')]"
            ".filter((each) => each.checkVisibility())"
            ".map((each) => each.querySelector('.q-text').innerText)"
        )
        return found

    def until_current(self, text: str) -> None:
        """Wait until a card is current, and may be decided."""
        self.until("document.querySelector('.q-current .q-text')?.innerText === arguments[0]", text)

    def until_said(self, text: str) -> None:
        """Wait until the foot says something."""
        self.until("document.getElementById('last').innerText.includes(arguments[0])", text)

    def complaints(self) -> list[str]:
        """Return what the console says since this was called last."""
        lines: list[dict[str, Any]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        return [each["message"] for each in lines if "favicon" not in each["message"]]

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong."""
        if not self.ask("return 'axe' in window"):
            self.chrome.execute_script(axe_source())
        found = self.chrome.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice'], resultTypes: ['violations']})"
            ".then(({violations}) => done(violations.flatMap((each) => each.nodes.map((node) =>"
            " `${each.id}: ${node.html} ${node.failureSummary}`))))"
        )
        return list(found)

    def shot(self, name: str) -> None:
        """Keep a picture among the artefacts of the run."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=False)
        (ARTEFACTS / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))

    # Acting

    def send(self, command: str, **parameters: Any) -> Any:
        """Send a command to the browser's developer tools."""
        return self.chrome.execute_cdp_cmd(command, parameters)

    def press(self, name: str, *, modifiers: int = 0) -> None:
        """Press the key that this layout has for it, once."""
        key, code = self.layout[name]
        if modifiers & SHIFT and key.isascii():
            key = key.upper()
        number = {"Enter": 13, "Escape": 27}.get(name, 0)
        said = {"key": key, "code": code, "modifiers": modifiers}
        said["windowsVirtualKeyCode"] = number
        text = key if len(key) == 1 and not modifiers & ALT else "\r" if key == "Enter" else ""
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **said)
        self.send("Input.dispatchKeyEvent", type="keyUp", **said)

    def decide(self, *names: str, modifiers: int = 0) -> None:
        """Press keys on a card that was seen for long enough."""
        time.sleep(UNSEEN_SECONDS)  # the rule itself is about time
        for name in names:
            self.press(name, modifiers=modifiers)

    def window(self, width: int, height: int = 900) -> None:
        """Be a window of that size, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )


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


@dataclass(frozen=True, slots=True)
class Waiting:
    """Comments that wait, in their order."""

    newsroom: Newsroom

    def post(self, *texts: str, **more: Any) -> list[dict[str, Any]]:
        """Post comments of guests."""
        newsroom = self.newsroom
        article = {"url": "https://daily.example/vote", "title": "Budget vote"}
        return [
            newsroom.api.posted(newsroom.article, text, site=newsroom.site, article=article, **more)
            for text in texts
        ]

    def numbered(self, many: int) -> list[dict[str, Any]]:
        """Post so many, each with its number."""
        return self.post(*(f"Comment {n}." for n in range(many)))

    def status(self, comment_id: str) -> str:
        """Ask what became of one."""
        whole = self.whole(comment_id)
        return str(whole["comment"]["status"])

    def whole(self, comment_id: str) -> Any:
        """Ask for everything known of one."""
        newsroom = self.newsroom
        where = f"/v1/moderation/comments/{comment_id}"
        return newsroom.api.ask("GET", where, bearer=newsroom.key).json

    def marked(self, text: str, rule: str, span: tuple[int, int]) -> None:
        """Let a comment wait of which a rule has marked a part."""
        why = Why(rule=rule, version=2, label="A hard word", spans=(span,), score=0.9)
        self.newsroom.api.aside.run(self._accepted(text, (why,)))

    def many(self, number: int) -> None:
        """Let so many wait."""

        async def fill() -> None:
            for start in range(0, number, 16):
                texts = [f"Comment {n}." for n in range(start, min(start + 16, number))]
                await asyncio.gather(*(self._accepted(each) for each in texts))

        self.newsroom.api.aside.run(fill())

    async def _accepted(self, text: str, why: tuple[Why, ...] = ()) -> None:
        site, now = self.newsroom.site, clock()
        item = PendingComment(
            site_id=site.site_id,
            site=site.slug,
            article_id=article_id(site.site_id, self.newsroom.article),
            article_key=self.newsroom.article,
            comment_id=uuid7(),
            parent_id=None,
            author=Author(author_id=uuid4(), kind="guest", name="Omar"),
            text=text,
            lang="en",
            created_at=now,
            score=queue_score(0, now),
            why=why,
            dk=uuid4().hex * 2,
            fingerprint=uuid4().hex * 2,
        )
        await self.newsroom.api.service.moderators.queue.pending.accept(
            item, auto=False, pending_max=20_000, dk_ttl_ms=60_000
        )


@pytest.fixture
def waiting(newsroom: Newsroom) -> Waiting:
    """The comments of the site."""
    return Waiting(newsroom)


def settled(moderator: Moderator, waiting: Waiting, comment: dict[str, Any], status: str) -> None:
    """Wait until a decision has arrived."""
    moderator.wait(lambda: waiting.status(comment["id"]) == status, f"{comment['text']} {status}")


@pytest.mark.parametrize(
    "layout", [pytest.param("us", marks=pytest.mark.smoke), "french", "arabic"]
)
def test_twenty_comments_are_decided_by_keys_alone(
    moderator: Moderator, waiting: Waiting, layout: str
) -> None:
    moderator.layout = LAYOUTS[layout]
    comments = waiting.numbered(20)
    moderator.visit(sort="oldest")
    expected = []
    for n in range(20):
        moderator.until_current(f"Comment {n}.")
        if n % 3 == 0:
            moderator.decide("a")
            expected.append("approved")
        elif n % 3 == 1:
            moderator.decide("s")
            expected.append("rejected")
        else:
            moderator.decide("r")
            moderator.until("document.querySelector('dialog[open] #q-find')")
            moderator.press("2")
            expected.append("rejected")
    moderator.until("!document.getElementById('empty').hidden")
    for comment, status in zip(comments, expected, strict=True):
        settled(moderator, waiting, comment, status)
    assert waiting.whole(comments[1]["id"])["decisions"][0]["reason"] == "spam"
    assert moderator.complaints() == []


def test_a_double_press_decides_nothing_that_nobody_read(
    moderator: Moderator, waiting: Waiting
) -> None:
    first, second = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.decide("a", "a")
    moderator.until_current("Comment 1.")
    moderator.until("document.querySelector('.q-pulse')")
    settled(moderator, waiting, first, "approved")
    assert waiting.status(second["id"]) == "pending"
    moderator.decide("a")
    settled(moderator, waiting, second, "approved")


def test_the_next_card_is_there_before_the_answer(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.ask(
        "window.took = 0; document.addEventListener('keydown', () => {"
        "const at = performance.now();"
        "requestAnimationFrame(() => { window.took = performance.now() - at;"
        "window.shown = document.querySelector('.q-current .q-text').innerText })}, true)"
    )
    moderator.decide("a")
    moderator.until("window.took")
    assert moderator.ask("return window.shown") == "Comment 1."
    assert moderator.ask("return window.took") < 50


def test_the_last_three_decisions_are_taken_back_one_after_the_other(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(4)
    moderator.visit(sort="oldest")
    for n in range(3):
        moderator.until_current(f"Comment {n}.")
        moderator.decide("as"[n % 2])
    settled(moderator, waiting, comments[2], "approved")
    for n in (2, 1, 0):
        moderator.press("u")
        moderator.until_current(f"Comment {n}.")
        settled(moderator, waiting, comments[n], "pending")
    assert moderator.cards == [f"Comment {n}." for n in range(4)]
    moderator.press("u")
    moderator.until_said("nothing to take back")


def test_a_decision_is_taken_back_also_after_a_reload(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.decide("a")
    settled(moderator, waiting, comment, "approved")
    moderator.visit(sort="oldest")
    moderator.until_current("Comment 1.")
    moderator.press("u")
    moderator.until_current("Comment 0.")
    settled(moderator, waiting, comment, "pending")


def deaf(moderator: Moderator) -> None:
    """Hear nothing of what others do, as if the stream were late."""
    moderator.send("Network.setBlockedURLs", urls=["*/v1/moderation/events*"])


@contextmanager
def not_hearing(moderator: Moderator) -> Iterator[None]:
    deaf(moderator)
    yield
    moderator.send("Network.setBlockedURLs", urls=[])


def by_colleague(moderator: Moderator, **decision: Any) -> Answer:
    """Let somebody else decide."""
    newsroom = moderator.newsroom
    token = moderator.insider(Role.MODERATOR, "Mina").token
    json = {"decisions": [{"revision": 1, **decision}]}
    return newsroom.api.ask("POST", "/v1/moderation/decisions", json=json, bearer=token)


def test_two_decide_the_same_and_the_second_is_told_who_was_first(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    with not_hearing(moderator):
        moderator.visit(sort="oldest")
        by_colleague(moderator, comment_id=comment["id"], action="approve", override=True)
        moderator.decide("s")
        moderator.until_said("Mina approved this")
        moderator.until("document.querySelector('#cards > li .q-notice').checkVisibility()")
        assert "Comment 0." in moderator.cards[0], "it is on top again"
        moderator.shot("conflict")
        moderator.ask("document.querySelectorAll('#cards > li .q-notice button')[1].click()")
        settled(moderator, waiting, comment, "rejected")


def test_what_the_author_edited_is_shown_and_read_again(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Before.", site=newsroom.site)
    comment = answer.json["comment"]
    waiting.numbered(1)
    with not_hearing(moderator):
        moderator.visit(sort="oldest")
        moderator.until_current("Before.")
        where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}"
        edit = {"body": "After.", "revision": 1}
        edited = newsroom.api.ask("PATCH", where, json=edit, bearer=answer.json["receipt"])
        assert edited.status == 200
        moderator.decide("a")
        moderator.until_said("The author edited this")
        moderator.press("k")
        moderator.until_current("After.")
        assert (
            moderator.ask("return document.querySelector('.q-notice del').innerText") == "Before."
        )
        assert waiting.status(comment["id"]) == "pending"
        moderator.decide("a")
        settled(moderator, waiting, comment, "approved")


def test_what_a_colleague_holds_is_decided_only_on_purpose(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.press("j")
    newsroom = moderator.newsroom
    claim = {"site": newsroom.site.slug, "comment_ids": [comment["id"]]}
    token = moderator.insider(Role.MODERATOR, "Sam").token
    moderator.wait(
        lambda: newsroom.api.ask("POST", "/v1/moderation/claims", json=claim, bearer=token).json[
            "items"
        ],
        "the colleague's claim",
    )
    moderator.until("document.querySelector('#cards .q-lease').innerText.includes('Sam')")
    moderator.press("k")
    moderator.decide("a")
    moderator.until("document.querySelector('.q-current .q-notice').innerText.includes('Sam has')")
    assert waiting.status(comment["id"]) == "pending"
    moderator.ask("document.querySelector('.q-current .q-notice button').click()")
    settled(moderator, waiting, comment, "approved")


def test_what_one_looks_at_is_held_and_given_back(moderator: Moderator, waiting: Waiting) -> None:
    first, second = waiting.numbered(2)
    moderator.visit(sort="oldest")

    def held(comment: dict[str, Any]) -> str | None:
        lease = waiting.whole(comment["id"])["lease"]
        return lease["by"] if lease else None

    moderator.wait(lambda: held(first) == "Nadia Haddad", "the claim")
    moderator.press("j")
    moderator.wait(lambda: held(first) is None, "the release")
    moderator.wait(lambda: held(second) == "Nadia Haddad", "the next claim")
    moderator.chrome.get(f"{moderator.newsroom.api.caller.origin}/moderate/me")
    moderator.wait(lambda: held(second) is None, "the release when leaving")


def test_the_reason_reaches_the_author_in_their_language(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Quel âne.", site=newsroom.site, lang="fr")
    moderator.visit()
    moderator.decide("r")
    shown = "document.querySelector('dialog[open] .q-told')"
    assert moderator.until(f"{shown}?.innerText") == "Il insulte quelqu’un."
    for letter in "hate":
        moderator.press(letter)
    assert moderator.until(f"{shown}?.innerText.startsWith('Il s’en prend')")
    moderator.shot("reject")
    moderator.press("Enter")
    settled(moderator, waiting, answer.json["comment"], "rejected")
    me = f"/v1/sites/{newsroom.site.slug}/articles/{newsroom.article}/me"
    own = newsroom.api.ask("GET", me, bearer=answer.json["receipt"]).json["comments"][0]
    assert own["reason"]["code"] == "hate"
    assert own["reason"]["text"].startswith("Il s’en prend")


def test_r_twice_takes_the_suggested_reason(moderator: Moderator, waiting: Waiting) -> None:
    waiting.marked("You utter fool.", "hate", (10, 14))
    moderator.visit()
    moderator.decide("r")
    moderator.until("document.querySelector('dialog[open] #q-find')")
    moderator.press("r")
    moderator.until_said("Hate against a group")


def test_several_are_rejected_at_once_with_shift(moderator: Moderator, waiting: Waiting) -> None:
    comments = waiting.numbered(5)
    moderator.visit(sort="oldest")
    for _ in range(3):
        moderator.press("j", modifiers=SHIFT)
    moderator.shot("selection")
    moderator.decide("s", modifiers=SHIFT)
    moderator.until_said("Rejected: 4")
    for comment in comments[:4]:
        settled(moderator, waiting, comment, "rejected")
    assert waiting.status(comments[4]["id"]) == "pending"
    moderator.press("u")
    moderator.until_said("Taken back: 4")
    for comment in comments[:4]:
        settled(moderator, waiting, comment, "pending")


def test_without_network_decisions_are_kept_and_sent_later(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.send("Network.setBlockedURLs", urls=["*/v1/*"])
    for n in range(2):
        moderator.until_current(f"Comment {n}.")
        moderator.decide("a")
    moderator.until("document.getElementById('kept').innerText.includes('2')")
    moderator.until("document.getElementById('live').dataset.state === 'offline'")
    moderator.shot("offline")
    moderator.press("u")
    moderator.until_current("Comment 1.")
    moderator.send("Network.setBlockedURLs", urls=[])
    moderator.ask("dispatchEvent(new Event('online'))")
    settled(moderator, waiting, comments[0], "approved")
    moderator.until("document.getElementById('kept').innerText === ''")
    assert waiting.status(comments[1]["id"]) == "pending"


def test_keys_are_switched_off_need_alt_or_are_others(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(3)
    moderator.visit(sort="oldest")
    set_to = "localStorage.setItem('postbag-queue', JSON.stringify(arguments[0]))"
    moderator.ask(set_to, {"keyboard": "off"})
    moderator.visit(sort="oldest")
    moderator.decide("a")
    assert moderator.current == "Comment 0."
    assert not moderator.ask("return document.querySelector('.q-current kbd').checkVisibility()")
    moderator.ask(set_to, {"keyboard": "alt"})
    moderator.visit(sort="oldest")
    moderator.decide("a")
    assert moderator.current == "Comment 0."
    moderator.decide("a", modifiers=ALT)
    settled(moderator, waiting, comments[0], "approved")
    moderator.ask(set_to, {})
    moderator.visit(sort="oldest")
    moderator.ask("document.querySelector('[data-act=settings]').click()")
    moderator.until("document.querySelector('dialog[open] details')")
    moderator.ask(
        "document.querySelector('dialog details').open = true;"
        "document.querySelector('dialog [aria-label*=\"Approve;\"]').focus()"
    )
    moderator.press("j")
    moderator.until("document.querySelector('dialog [role=alert]').innerText.includes('Next')")
    moderator.press("y")
    moderator.shot("settings")
    moderator.press("Escape")
    moderator.decide("a")
    assert moderator.current == "Comment 1."
    moderator.decide("y")
    settled(moderator, waiting, comments[1], "approved")


def test_keys_mean_nothing_in_fields(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit()
    moderator.press("/")
    moderator.decide("a")
    assert moderator.ask("return document.activeElement.value") == "a"
    assert moderator.cards == ["Comment 0."]
    moderator.press("Escape")
    moderator.until("document.activeElement.matches('.q-card')")


def test_hard_words_are_masked_until_a_key_shows_them(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.marked("You utter fool.", "insults", (10, 14))
    waiting.numbered(1)
    moderator.visit()
    moderator.until_current("You utter f•••.")
    source = "return fetch(location.href).then((answer) => answer.text())"
    painted = moderator.ask(source).partition("<ol")[2]
    assert "f•••" in painted
    assert "fool" not in painted
    moderator.shot("masked")
    assert moderator.ask("return document.querySelector('.q-current .q-reveal').checkVisibility()")
    moderator.press("v")
    moderator.until_current("You utter fool.")
    assert moderator.ask("return document.querySelector('.q-current mark')?.innerText ?? ''")
    moderator.press("j")
    moderator.press("k")
    moderator.until_current("You utter f•••.")


def test_chips_filter_and_stand_in_the_address(moderator: Moderator, waiting: Waiting) -> None:
    waiting.marked("You utter fool.", "insults", (10, 14))
    waiting.numbered(2)
    moderator.visit()
    moderator.ask("document.querySelector('[data-condition=\"rule:insults\"]').click()")
    moderator.until("location.search.includes('rule')")
    assert moderator.cards == ["You utter f•••."]
    moderator.chrome.refresh()
    moderator.until_ready()
    assert moderator.cards == ["You utter f•••."]


def test_what_comes_in_and_what_others_decide_is_seen_at_once(
    moderator: Moderator, waiting: Waiting
) -> None:
    _, second = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.until("document.getElementById('live').dataset.state === 'live'")
    waiting.post("Another one.")
    moderator.until("document.getElementById('cards').innerText.includes('Another one.')")
    by_colleague(moderator, comment_id=second["id"], action="approve")
    moderator.until("!document.getElementById('cards').innerText.includes('Comment 1.')")
    moderator.until("document.querySelector('.q-lanes [aria-current] .q-count').innerText === '2'")


def test_a_reported_comment_is_kept_or_removed(moderator: Moderator, waiting: Waiting) -> None:
    newsroom = moderator.newsroom
    for text in ("Harmless.", "Harmful."):
        comment = newsroom.post(text)
        where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}/reports"
        assert newsroom.api.ask("POST", where, json={"reason": "abuse"}).status == 202
    moderator.visit(lane="reported")
    moderator.until_current("Harmless.")
    label = "return document.querySelector('.q-current .q-approve .q-label').innerText"
    assert moderator.ask(label) == "Keep"
    moderator.decide("a")
    moderator.until_current("Harmful.")
    moderator.decide("r")
    moderator.until("document.querySelector('dialog[open] #q-find')")
    moderator.press("r")
    moderator.until("!document.getElementById('empty').hidden")
    settled(moderator, waiting, comment, "removed")


def test_an_appeal_is_granted_by_a_senior(moderator: Moderator, waiting: Waiting) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Harmless.", site=newsroom.site)
    comment, receipt = answer.json["comment"], answer.json["receipt"]
    newsroom.decide("reject", comment["id"], reason="spam")
    where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}/appeal"
    appealed = newsroom.api.ask("POST", where, json={"text": "Look again."}, bearer=receipt)
    assert appealed.status == 201
    moderator.sign_in(Role.SENIOR)
    moderator.visit(lane="appeals")
    moderator.until_current("Harmless.")
    said = "return document.querySelector('.q-current .q-appeal').innerText"
    assert "Look again." in moderator.ask(said)
    moderator.decide("a")
    settled(moderator, waiting, comment, "approved")


def test_a_note_on_the_author_is_seen_by_colleagues(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit()
    moderator.press("n")
    moderator.until("document.querySelector('dialog[open] textarea')")
    for letter in "kind":
        moderator.press(letter)
    moderator.ask("document.querySelector('dialog[open] .primary').click()")
    moderator.until("document.querySelector('#context .q-note')?.innerText.includes('kind')")


def test_a_viewer_looks_and_decides_nothing(moderator: Moderator, waiting: Waiting) -> None:
    comment, _ = waiting.numbered(2)
    moderator.sign_in(Role.VIEWER)
    moderator.visit(sort="oldest")
    assert not moderator.ask("return document.querySelector('.q-acts')")
    moderator.decide("a")
    moderator.until("document.getElementById('status').innerText.includes('not decide')")
    assert waiting.status(comment["id"]) == "pending"


def test_everything_is_found_in_the_palette_and_the_help(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.press("?")
    rows = moderator.until("document.querySelectorAll('dialog[open] tr').length")
    assert rows == len(KEYS)
    moderator.shot("help")
    moderator.press("Escape")
    moderator.until("!document.querySelector('dialog')")
    ctrl = 2
    moderator.press("k", modifiers=ctrl)
    moderator.until("document.querySelector('dialog[open] #q-command')")
    for letter in "spam":
        moderator.press(letter)
    moderator.shot("palette")
    moderator.press("Enter")
    settled(moderator, waiting, comment, "rejected")


def test_one_at_a_time_shows_nothing_else(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.press("z")
    assert moderator.cards == ["Comment 0."]
    moderator.shot("focus")
    moderator.decide("a")
    moderator.until_current("Comment 1.")
    assert moderator.cards == ["Comment 1."]
    moderator.press("Escape")
    assert moderator.cards == ["Comment 1.", "Comment 2."]


def test_arabic_stands_from_right_to_left(moderator: Moderator, waiting: Waiting) -> None:
    waiting.post("Left to right.", "من اليمين إلى اليسار.")
    moderator.prefer("ar", "dark")
    moderator.visit(sort="oldest")
    sides = "const box = (css) => document.querySelector(css).getBoundingClientRect();"
    cards, context, approve, reject = moderator.ask(
        sides + "return ['#cards', '#context', '.q-current .q-approve', '.q-current .q-reject']"
        ".map((css) => box(css).left)"
    )
    assert cards > context
    assert approve > reject
    directions = moderator.ask(
        "return [...document.querySelectorAll('#cards .q-text')]"
        ".map((each) => getComputedStyle(each).direction)"
    )
    assert directions == ["ltr", "rtl"]
    moderator.shot("arabic")


def test_a_narrow_screen_has_its_buttons_at_the_bottom(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, *_ = waiting.post("Comment 0. " + "word " * 40, "Comment 1.", "w" * 200)
    moderator.window(360, 740)
    moderator.visit(sort="oldest")
    moderator.shot("narrow")
    assert moderator.ask("return document.documentElement.scrollWidth") <= 360
    heights = moderator.ask(
        "return [...document.querySelectorAll('#bottom button')]"
        ".map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) == 4
    assert min(heights) >= 56
    moderator.ask("document.querySelector('#bottom [data-act=context]').click()")
    moderator.until("document.getElementById('context-body').checkVisibility()")
    moderator.shot("narrow-context")
    moderator.press("Escape")
    moderator.until("!document.getElementById('context-body').checkVisibility()")
    moderator.ask("document.querySelector('#bottom .q-approve').click()")
    settled(moderator, waiting, comment, "approved")
    moderator.until_current("Comment 1.")
    assert moderator.faults() == []


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_nothing_wrong(moderator: Moderator, waiting: Waiting, theme: str) -> None:
    waiting.marked("You utter fool.", "profanity-light", (10, 14))
    waiting.numbered(3)
    newsroom = moderator.newsroom
    parent = newsroom.post("The vote was close.")
    waiting.post("Agreed.", parent_id=parent["id"])
    moderator.prefer("en", theme)
    moderator.visit()
    moderator.press("x")
    moderator.until("document.getElementById('context-body').innerText.includes('decided yet')")
    moderator.shot(f"list-{theme}")
    assert moderator.faults() == []
    for opening, name in (("r", "reject"), ("?", "help"), ("b", "author")):
        moderator.decide(opening)
        moderator.until("document.querySelector('dialog[open]')")
        moderator.shot(f"{name}-{theme}")
        assert moderator.faults() == [], name
        moderator.press("Escape")
        moderator.until("!document.querySelector('dialog')")
    moderator.press("z")
    assert moderator.faults() == []


def test_the_first_card_is_there_within_a_second_with_ten_thousand_waiting(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.many(10_000)
    moderator.visit(sort="oldest")
    took = []
    for _ in range(3):
        moderator.visit(sort="oldest")
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        took.append(moderator.until(paint))
    assert len(moderator.cards) >= 20
    count = "document.querySelector('.q-lanes [aria-current] .q-count').innerText"
    assert moderator.ask(f"return {count}") == "10,000"
    assert sorted(took)[1] < 1_000


def test_memory_does_not_grow_with_the_work(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(220)
    moderator.visit(sort="oldest")
    decide = (
        "const done = arguments[1]; let left = arguments[0];"
        "const step = () => { const button = document.querySelector('.q-current .q-approve');"
        "if (button) { button.click(); left-- }"
        "left ? setTimeout(step, 12) : setTimeout(done, 500) }; step()"
    )

    def measured() -> tuple[float, float]:
        moderator.send("HeapProfiler.collectGarbage")
        moderator.send("Performance.enable")
        metrics = moderator.send("Performance.getMetrics")["metrics"]
        by_name = {each["name"]: each["value"] for each in metrics}
        return by_name["JSHeapUsedSize"], by_name["Nodes"]

    moderator.chrome.execute_async_script(decide, 40)
    heap, nodes = measured()
    moderator.chrome.execute_async_script(decide, 160)
    heap_after, nodes_after = measured()
    assert heap_after < heap + 2_000_000
    assert nodes_after < nodes + 1_000
