"""A reader's browser, Debian's Chromium, in front of a running service.

Pages of a news site come from an origin of their own, so everything crosses origins as it does
in life.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import jwt
import pytest
from selenium import webdriver
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from service.embedded import EmbeddedStores
from service.model import Site
from service.wiring.ground import clock
from tests.api.aside import Aside, aside
from tests.api.conftest import Api, opened
from tests.browser.words import Words
from tests.conftest import FreshDatabase, emptied, redis_of

both = pytest.mark.parametrize("reader", ["en", "ar"], indirect=True)
"""Tests that are done on an English page and on an Arabic one."""

PATIENCE_SECONDS = 10.0
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "widget"

RESERVE = (
    "postbag-comments:not(:defined){display:block;min-height:100svh}"
    'postbag-comments[count="0"]:not(:defined){min-height:26rem}'
)
"""The line that docs/widget.md asks sites to have."""

STYLE = "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:1rem auto;padding:0 1rem}"

SHIFTS = """
new PerformanceObserver((seen) => {
  for (const shift of seen.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value
}).observe({ type: 'layout-shift', buffered: true })
window.shifted = 0
addEventListener('postbag:ready', () =>
  requestAnimationFrame(() => (window.shownAt = performance.now())))
"""


KINDS = {".js": "text/javascript", ".css": "text/css"}

HELD = "/*held*/"
"""What follows it in a page is sent when somebody has asked for `/go-on`."""


@dataclass(slots=True)
class NewsSite:
    """A web server with pages that a test writes."""

    origin: str
    pages: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    going_on: Event = field(default_factory=Event)

    def write(self, path: str, page: str, headers: Mapping[str, str] | None = None) -> str:
        """Put a page there; return its address."""
        self.pages[path] = (page, headers or {})
        return self.origin + path


@pytest.fixture(scope="session")
def news_site() -> Iterator[NewsSite]:
    """The news site's own origin."""

    class Answerer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page, headers = site.pages.get(self.path.partition("?")[0], ("", {}))
            if self.path == "/go-on":
                site.going_on.set()
            self.send_response(200 if page else 404)
            kind = KINDS.get(Path(self.path).suffix, "text/html")
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            first, held, rest = page.partition(HELD)
            self.wfile.write(first.encode())
            if held:
                site.going_on.wait(PATIENCE_SECONDS)
                self.wfile.write(rest.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answerer)
    site = NewsSite(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Aside]:
    """Where the services of these tests run."""
    with aside() as other:
        yield other


@pytest.fixture(scope="session")
async def reader_database(fresh_database: FreshDatabase, template_database: str) -> str:
    """One database for all of these tests."""
    return await fresh_database(template_database)


@pytest.fixture(scope="session")
def api(elsewhere: Aside, stores: EmbeddedStores, reader_database: str) -> Iterator[Api]:
    """The service, with its request limits off."""
    redis_url = emptied(redis_of("browser", beside=stores.endpoints.redis_url))
    with opened(elsewhere, reader_database, redis_url, rate_limits=False, loops=True) as running:
        yield running


@pytest.fixture(scope="session")
def limited(
    elsewhere: Aside, stores: EmbeddedStores, reader_database: str, api: Api
) -> Iterator[Api]:
    """Another process over the same stores, with its request limits on."""
    redis_url = redis_of("browser", beside=stores.endpoints.redis_url)
    with opened(elsewhere, reader_database, redis_url, rate_limits=True, loops=False) as running:
        running.numbers = api.numbers
        yield running


@dataclass(slots=True, kw_only=True)
class Newsroom:
    """One article of one site, and what its newsroom does."""

    api: Api = field(repr=False)
    site: Site
    key: str
    article: str

    def post(self, body: str = "A comment.", **more: Any) -> dict[str, Any]:
        """Post as somebody else, approved at once."""
        comment = self.api.posted(self.article, body, site=self.site, **more)
        self.api.decide("approve", comment["id"], key=self.key)
        return comment

    def posts(self, many: int) -> list[dict[str, Any]]:
        """Post several."""
        sent = [self.api.posted(self.article, f"Comment {n}.", site=self.site) for n in range(many)]
        self.api.decide("approve", *(each["id"] for each in sent), key=self.key)
        return sent

    def decide(self, action: str, comment_id: str, reason: str | None = None) -> None:
        """Decide a comment."""
        self.api.decide(action, comment_id, key=self.key, reason=reason)

    def change(self, **fields: Any) -> None:
        """Change the article."""
        target = self.api.thread_of(self.article, site=self.site).removesuffix("/comments")
        answer = self.api.ask("PUT", target, json=fields, bearer=self.key)
        assert answer.status in {200, 201}, answer.raw

    def settle(self, **settings: Any) -> None:
        """Change the site's settings."""
        target = f"/v1/sites/{self.site.slug}/settings"
        answer = self.api.ask("PUT", target, json=settings, bearer=self.key)
        assert answer.status == 200, answer.raw

    def token_for(self, name: str) -> str:
        """Sign a reader in: return a token as the news site makes it."""
        secret, now = b"s" * 32, clock()
        work = self.api.service.core.token_keys.add(
            self.site, kid="one", issuer="daily", algorithm="HS256", key=secret, now=now
        )
        self.api.aside.run(work)
        claims = {
            "iss": "daily",
            "sub": "reader-1",
            "aud": self.site.slug,
            "iat": now,
            "exp": now + timedelta(minutes=10),
            "name": name,
        }
        return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "one"})

    def waiting(self) -> list[dict[str, Any]]:
        """Return what waits."""
        answer = self.api.ask(
            "GET", f"/v1/moderation/queue?site={self.site.slug}&lane=held", bearer=self.key
        )
        return [item["comment"] for item in answer.json["items"]]


@pytest.fixture
def newsroom(api: Api, news_site: NewsSite) -> Newsroom:
    """A site of its own, with an article that nobody has commented on."""
    site = api.new_site(origins=(news_site.origin,))
    return Newsroom(api=api, site=site, key=api.new_key(site), article=api.article())


@pytest.fixture(scope="session")
def chrome() -> Iterator[webdriver.Chrome]:
    """The browser; skipped where Debian's Chromium is not installed."""
    with a_browser() as browser:
        yield browser


@contextmanager
def a_browser() -> Iterator[webdriver.Chrome]:
    """Open a browser without a window, with nothing stored."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("No Chromium here: apt-get install chromium chromium-driver fonts-noto-core")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--lang=en",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Driver(driver))
    browser.set_script_timeout(30)
    try:
        yield browser
    finally:
        browser.quit()


@dataclass(slots=True)
class Reader:
    """Somebody with a browser, in front of a page with comments."""

    chrome: webdriver.Chrome
    news_site: NewsSite
    newsroom: Newsroom = field(repr=False)
    lang: str = "en"

    def page(self, *, attributes: str = "", head: str = "", body: str = "", **how: Any) -> str:
        """Return the source of an article's page, as docs/widget.md tells sites to write it."""
        base = how.get("base", self.newsroom.api.caller.origin)
        lang = how.get("lang", self.lang)
        script = f'<script type="module" async src="{base}/embed/v1.js"></script>'
        return (
            f'<!doctype html><html lang="{lang}"{" dir=rtl" if lang == "ar" else ""}><head>'
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Budget vote</title><style>{STYLE}{RESERVE}{how.get('style', '')}</style>"
            f"<script>{SHIFTS}</script>{head}{script}</head><body><main><h1>Budget vote</h1>"
            f"{self.element(attributes)}{body}</main></body></html>"
        )

    def element(self, attributes: str = "", article: str | None = None) -> str:
        """Return the element as sites write it."""
        room = self.newsroom
        return (
            f'<postbag-comments site="{room.site.slug}" article="{escape(article or room.article)}"'
            f' {attributes}><a href="/t">Read the comments</a></postbag-comments>'
        )

    def open(self, source: str | None = None, *, path: str = "/story", **how: Any) -> None:
        """Open the article."""
        headers = how.pop("headers", None)
        fragment = how.pop("fragment", "")
        address = self.news_site.write(path, source or self.page(**how), headers)
        self.chrome.get(address + fragment)

    def visit(self, **how: Any) -> None:
        """Open the article and wait until its comments are there."""
        self.open(**how)
        self.until_state("ready", "empty", "closed")

    def reload(self) -> None:
        """Open the same page again."""
        self.chrome.refresh()
        self.until_state("ready", "empty", "closed")

    # Looking

    def say(self, key: str, n: int | None = None, **values: str) -> str:
        """Return what the widget says in the page's language."""
        return Words(self.lang).say(key, n, **values)

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script with `el`, the element, and `root`, what is inside."""
        prelude = "const el = document.querySelector('postbag-comments'), root = el?.shadowRoot;"
        return self.chrome.execute_script(prelude + script, *arguments)

    def until(self, script: str, *arguments: Any, what: str = "") -> Any:
        """Wait until a script's value is true, and return it."""
        return self.wait(lambda: self.ask(f"return {script}", *arguments), what or script)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                value = condition()
            except (JavascriptException, StaleElementReferenceException):
                value = None
            if value:
                return value
            time.sleep(0.02)
        state = self.ask("return [el?.state, root?.querySelector('.postbag')?.innerText]")
        raise AssertionError(f"Never: {what}\n{state}\n{self.complaints()}")

    def until_state(self, *states: str) -> None:
        """Wait until the element is in one of these states."""
        self.until("arguments[0].includes(el?.state)", states, what=f"state {states}")

    def until_said(self, words: str) -> None:
        """Wait until the status node says something."""
        self.until("root.querySelector('.status').textContent === arguments[0]", words, what=words)

    def until_shown(self, css: str, words: str = "") -> None:
        """Wait until something inside is visible and holds these words."""
        self.until(
            "[...root.querySelectorAll(arguments[0])].some((each) => each.checkVisibility() &&"
            " each.textContent.includes(arguments[1]))",
            css,
            words,
            what=f"{css}: {words}",
        )

    def text(self, css: str) -> str:
        """Return the text of the first."""
        return str(self.ask("return root.querySelector(arguments[0]).innerText", css))

    def texts(self, css: str) -> list[str]:
        """Return the texts of all that are visible."""
        found: list[str] = self.ask(
            "return [...root.querySelectorAll(arguments[0])]"
            ".filter((each) => each.checkVisibility()).map((each) => each.innerText.trim())",
            css,
        )
        return found

    @property
    def bodies(self) -> list[str]:
        """The texts of the comments, from top to bottom."""
        return self.texts(".body")

    @property
    def focused(self) -> str:
        """What has the focus: its classes, or its name in lower case."""
        return str(
            self.ask(
                "const at = root.activeElement ?? document.activeElement;"
                "return at.className || at.localName"
            )
        )

    # Acting

    def find(self, css: str) -> WebElement:
        """Return the first visible element inside."""
        element: WebElement = self.until(
            "[...root.querySelectorAll(arguments[0])].find((each) => each.checkVisibility())", css
        )
        return element

    def click(self, css: str) -> None:
        """Press something."""
        element = self.find(css)
        self.ask("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type(self, css: str, text: str) -> None:
        """Write into a field."""
        self.find(css).send_keys(text)

    def rewrite(self, text: str) -> None:
        """Write something else into the field that has the focus."""
        self.ask("root.activeElement.select()")
        self.press(text)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.chrome).send_keys(*keys).perform()

    def tab_to(self, condition: str, *, most: int = 60) -> None:
        """Go on with the Tab key until the focused element inside meets a condition."""
        for _ in range(most):
            if self.ask(f"const at = root.activeElement; return at && ({condition})"):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"Not reached by Tab: {condition}")

    def post(self, text: str, name: str = "Nadia") -> None:
        """Write a comment and send it."""
        self.type(".composer textarea", text)
        if not self.ask("return root.querySelector('.composer [name=name]').value"):
            self.type(".composer [name=name]", name)
        self.click(".composer .submit")

    def posted(self, text: str) -> str:
        """Post, and return the comment's id."""
        self.post(text)
        self.until("root.activeElement?.matches('.own')")
        return str(self.ask("return root.querySelector('.own').id.slice(8)"))

    def look_back(self) -> None:
        """Come back to the window."""
        self.ask("window.dispatchEvent(new Event('focus'))")

    # The machine

    def emulate(self, command: str, **parameters: Any) -> Any:
        """Send a command to the browser's developer tools."""
        return self.chrome.execute_cdp_cmd(command, parameters)

    def window(self, width: int, height: int = 900) -> None:
        """Be a window of that size, in CSS pixels."""
        self.emulate(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, **features: str) -> None:
        """Prefer something: `prefers_color_scheme="dark"`."""
        wanted = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.emulate("Emulation.setEmulatedMedia", features=wanted)

    def online(self, *, online: bool) -> None:
        """Lose the network, or find it again."""
        self.emulate("Network.enable")
        self.emulate(
            "Network.emulateNetworkConditions",
            offline=not online,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def block(self, *patterns: str) -> None:
        """Let requests to these addresses fail, and no others."""
        self.emulate("Network.enable")
        self.emulate("Network.setBlockedURLs", urls=list(patterns))

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked since this was called last: method, url, headers."""
        seen = []
        for line in self._log("performance"):
            event = json.loads(line["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                seen.append(event["params"]["request"])
        return [each for each in seen if not each["url"].endswith("/favicon.ico")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.chrome.get_log(kind)  # type: ignore[no-untyped-call]
        return lines

    def complaints(self) -> list[str]:
        """Return what the console says since this was called last."""
        return [
            entry["message"]
            for entry in self._log("browser")
            if "favicon.ico" not in entry["message"]
        ]

    def shot(self, name: str) -> None:
        """Keep a picture among the artefacts of the run."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        picture = self.emulate("Page.captureScreenshot", captureBeyondViewport=False)
        (ARTEFACTS / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong, shadow roots included."""
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

    @contextmanager
    def another_device(self) -> Iterator[None]:
        """Be somebody else for a while, who has nothing stored."""
        kept = self.ask("return JSON.stringify({...localStorage})")
        self.ask("localStorage.clear()")
        yield
        self.ask("Object.assign(localStorage, JSON.parse(arguments[0]))", kept)


def axe_source() -> str:
    """Return the accessibility checker's script, which a package ships."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text("utf-8")


@pytest.fixture
def reader(
    request: pytest.FixtureRequest,
    chrome: webdriver.Chrome,
    news_site: NewsSite,
    newsroom: Newsroom,
) -> Iterator[Reader]:
    """A reader whom nobody has seen before; of an English page, where a test says no other."""
    news_site.pages.clear()
    news_site.going_on.clear()
    someone = Reader(chrome, news_site, newsroom, lang=getattr(request, "param", "en"))
    someone.window(900)
    someone.requests()
    someone.complaints()
    yield someone
    someone.block()
    someone.online(online=True)
    someone.media()
    someone.emulate("Storage.clearDataForOrigin", origin=news_site.origin, storageTypes="all")
    chrome.get("about:blank")
