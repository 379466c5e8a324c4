"""A moderator in front of the queue, and the comments that wait there."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from uuid_utils.compat import uuid7

from service.errors import Unavailable
from service.features.screening import queue_score
from service.features.wishes import Wish
from service.model import Author, PendingComment, Role, Screened, Why, article_id
from service.web.wishes import wish_json
from service.wiring.ground import clock
from tests.api.insiders import Insider, signed_in
from tests.browser.conftest import Newsroom, axe_source

PATIENCE_SECONDS = 5.0
ARTEFACTS = Path(__file__).resolve().parents[3] / "artefacts" / "dashboard"
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
    token: str = ""
    """Of the session."""

    # Coming and going

    def sign_in(self, role: Role | None = None) -> None:
        """Be somebody with a role on the site."""
        insider = self.insider(role or self.role)
        self.token = insider.token
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

    def wish(self, **wishes: Any) -> None:
        """Like to work in some way; what is not named is as usual."""
        wish = {**wish_json(Wish()), **wishes}
        api = self.newsroom.api
        answer = api.ask("PUT", "/v1/session/wishes", json=wish, bearer=self.token)
        assert answer.status == 200, answer.raw

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

    def marked(self, text: str, rule: str, span: tuple[int, int], *, severity: int = 2) -> None:
        """Let a comment wait of which a rule has marked a part."""
        why = Why(rule=rule, version=2, label="A hard word", spans=(span,), score=0.9)
        self.newsroom.api.aside.run(self._accepted(text, (why,), severity=severity))

    def many(self, number: int) -> None:
        """Let so many wait."""

        async def fill(first: int, last: int) -> None:
            for start in range(first, last, 8):
                texts = [f"Comment {n}." for n in range(start, min(start + 8, last))]
                await asyncio.gather(*(self._accepted_at_last(each) for each in texts))

        for first in range(0, number, 500):  # each within the patience of whoever waits
            self.newsroom.api.aside.run(fill(first, min(first + 500, number)))

    async def _accepted_at_last(self, text: str) -> None:
        """Post also while the machine is so busy that the queue cannot be reached in time."""
        while True:
            try:
                return await self._accepted(text)
            except Unavailable:
                await asyncio.sleep(0.1)

    async def _accepted(self, text: str, why: tuple[Why, ...] = (), *, severity: int = 2) -> None:
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
            screened=Screened(at=now, risk=0.95, severity=severity) if why else None,
            dk=uuid4().hex * 2,
            fingerprint=uuid4().hex * 2,
        )
        await self.newsroom.api.service.moderators.queue.pending.accept(
            item, auto=False, pending_max=200_000, dk_ttl_ms=60_000
        )


def settled(moderator: Moderator, waiting: Waiting, comment: dict[str, Any], status: str) -> None:
    """Wait until a decision has arrived."""
    moderator.wait(lambda: waiting.status(comment["id"]) == status, f"{comment['text']} {status}")
