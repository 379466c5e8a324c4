"""The demo newspaper and the pages without JavaScript, in a browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from service.demo.content import Demo, load
from service.demo.seed import DEMO_SITE, seed
from service.model import Site
from service.storage.demo import DemoVotes
from service.wiring.ground import clock
from tests.api.conftest import Api
from tests.browser.conftest import Newsroom, NewsSite, Reader

pytestmark = pytest.mark.browser

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "demo"
SIZES = (1280, 360)
FRONTS = ("/demo/", "/demo/fr/", "/demo/ar/")
ARTICLES = ("/demo/en/harbour-ferry", "/demo/fr/2026/marche-couvert", "/demo/ar/fish-market")
THREADS = (
    "/t/demo/en-harbour-ferry",
    "/t/demo/fr%2F2026%2Fmarche-couvert",
    "/t/demo/ar-fish-market",
)


@pytest.fixture(scope="module")
def demo(api: Api) -> Demo:
    """The demo site, filled as `make run` fills it."""
    service = api.service
    filling = seed(
        sites=service.core.sites,
        articles=service.core.articles,
        pending=service.core.pending,
        decisions=service.core.decisions,
        votes=DemoVotes(pool=service.ground.pool),
        now=clock(),
        base_url=api.caller.origin,
    )
    assert api.aside.run(filling)
    return load()


@pytest.fixture
def visitor(
    chrome: webdriver.Chrome, api: Api, demo: Demo, news_site: NewsSite
) -> Iterator[Reader]:
    """Somebody who reads the demo newspaper."""
    assert demo.articles
    site: Site = api.aside.run(api.service.core.sites.get(DEMO_SITE))
    room = Newsroom(api=api, site=site, key=api.new_key(site), article="en-harbour-ferry")
    someone = Reader(chrome, news_site, room)
    someone.window(1280)
    someone.media(prefers_color_scheme="light")
    someone.requests()
    someone.complaints()
    yield someone
    someone.emulate("Emulation.setScriptExecutionDisabled", value=False)
    someone.emulate("Storage.clearDataForOrigin", origin=api.caller.origin, storageTypes="all")
    someone.media()
    chrome.get("about:blank")


def go(visitor: Reader, path: str) -> None:
    """Open a page of the service's own."""
    visitor.chrome.get(f"{visitor.newsroom.api.caller.origin}{path}")


def counter(visitor: Reader, key: str) -> str:
    """Return what the counter of an article says."""
    place = f'a[data-postbag-count="{key}"]'
    return visitor.chrome.find_element(By.CSS_SELECTOR, place).text


@pytest.mark.smoke
def test_the_front_page_counts_what_is_approved(visitor: Reader) -> None:
    go(visitor, "/demo/")
    assert visitor.chrome.title == "The Harbour Daily"
    assert counter(visitor, "fr-phoque-bassin") == "Commentaires (0)"
    before = counter(visitor, "en-library-sundays")
    visitor.newsroom.article = "en-library-sundays"
    comment = visitor.newsroom.api.posted(
        "en-library-sundays", "Me too.", site=visitor.newsroom.site
    )
    go(visitor, "/demo/")
    assert counter(visitor, "en-library-sundays") == before

    visitor.newsroom.decide("approve", comment["id"])
    go(visitor, "/demo/")

    number = int(before.removeprefix("Comments (").removesuffix(")"))
    assert counter(visitor, "en-library-sundays") == f"Comments ({number + 1})"


@pytest.mark.smoke
def test_an_article_shows_its_comments_under_the_strict_policy(visitor: Reader) -> None:
    go(visitor, ARTICLES[0])
    visitor.ask("el.scrollIntoView()")
    visitor.until_state("ready")
    assert visitor.text(".title") == visitor.ask("return el.getAttribute('count')") + " comments"
    assert len(visitor.bodies) >= 20
    assert visitor.complaints() == []
    origin = visitor.newsroom.api.caller.origin
    assert [each["url"] for each in visitor.requests() if not each["url"].startswith(origin)] == []
    assert visitor.ask("return document.cookie") == ""


@pytest.mark.parametrize("path", [*FRONTS, *ARTICLES, *THREADS])
def test_every_page_is_accessible_and_free_of_complaints(visitor: Reader, path: str) -> None:
    for scheme in ("light", "dark"):
        visitor.media(prefers_color_scheme=scheme)
        go(visitor, path)
        if path in ARTICLES:
            visitor.ask("el.scrollIntoView()")
            visitor.until_state("ready")
        assert visitor.complaints() == []
        assert visitor.faults() == [], scheme
        visitor.complaints()


@pytest.mark.parametrize("path", [*FRONTS, *ARTICLES, *THREADS])
def test_no_page_scrolls_sideways(visitor: Reader, path: str) -> None:
    for width in (1280, 768, 320):
        visitor.window(width)
        go(visitor, path)
        assert visitor.ask("return document.documentElement.scrollWidth <= innerWidth"), width
    visitor.ask("document.documentElement.style.fontSize = '200%'")
    assert visitor.ask("return document.documentElement.scrollWidth <= innerWidth")


def test_arabic_pages_run_from_right_to_left(visitor: Reader) -> None:
    go(visitor, "/demo/ar/")
    lead, rail = (
        visitor.chrome.find_element(By.CSS_SELECTOR, css).rect for css in (".lead", ".rail")
    )
    assert lead["x"] > rail["x"]
    go(visitor, THREADS[2])
    edge = visitor.ask(
        "return getComputedStyle(document.querySelector('.replies')).borderRightWidth"
    )
    assert edge == "2px"


def test_the_reader_chooses_light_or_dark_and_the_page_remembers(visitor: Reader) -> None:
    go(visitor, ARTICLES[0])
    paper = "return getComputedStyle(document.documentElement).backgroundColor"
    light = visitor.ask(paper)
    switch = visitor.chrome.find_element(By.CSS_SELECTOR, "[data-theme-switch]")
    assert switch.get_attribute("aria-pressed") == "false"

    switch.click()

    dark = visitor.ask(paper)
    assert dark != light
    assert switch.get_attribute("aria-pressed") == "true"
    assert visitor.ask("return el.getAttribute('theme')") == "dark"
    go(visitor, "/demo/fr/")
    assert visitor.ask(paper) == dark
    visitor.media(prefers_color_scheme="dark")
    visitor.ask("localStorage.clear()")
    go(visitor, "/demo/fr/")
    assert visitor.ask(paper) == dark


def test_the_widget_takes_the_fragment_over_without_asking(visitor: Reader) -> None:
    go(visitor, f"{ARTICLES[0]}?embed=fragment")
    visitor.ask("el.scrollIntoView()")
    visitor.until_state("ready")
    assert visitor.ask("return root.querySelectorAll('nav.sort').length") == 0
    assert len(visitor.bodies) >= 20
    asked = [each["url"] for each in visitor.requests()]
    assert not [url for url in asked if "/comments" in url]
    assert visitor.complaints() == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "/demo/en/library-sundays",
            "Thank you. Your comment was sent. It will appear after moderation.",
        ),
        ("/demo/ar/fish-market", "شكرًا لك. وصلنا تعليقك وسيظهر بعد مراجعته."),
    ],
)
def test_without_a_script_a_fragment_is_read_and_its_form_posts(
    visitor: Reader, path: str, told: str
) -> None:
    visitor.emulate("Emulation.setScriptExecutionDisabled", value=True)
    chrome = visitor.chrome
    go(visitor, f"{path}?embed=fragment")
    root = chrome.find_element(By.CSS_SELECTOR, "postbag-comments").shadow_root
    assert root.find_element(By.CSS_SELECTOR, ".body").is_displayed()
    assert root.find_element(By.CSS_SELECTOR, "nav.sort a").is_displayed()
    assert not root.find_element(By.CSS_SELECTOR, "[name=website]").is_displayed()

    text = f"Written without a script on {path}."
    root.find_element(By.CSS_SELECTOR, "[name=body]").send_keys(text)
    root.find_element(By.CSS_SELECTOR, "[name=name]").send_keys("Nadia")
    root.find_element(By.CSS_SELECTOR, ".submit").click()

    visitor.wait(lambda: "postbag=held" in chrome.current_url, "the page that it leads back to")
    assert f"{path}?" in chrome.current_url
    notice = chrome.find_element(By.CSS_SELECTOR, ".talk > .notice")
    assert notice.text == told
    room = visitor.newsroom
    query = f"/v1/moderation/queue?site={DEMO_SITE}&lane=held&q=without+a+script"

    def found() -> bool:
        waiting = room.api.ask("GET", query, bearer=room.key).json["items"]
        return text in [item["comment"]["text"] for item in waiting]

    visitor.wait(found, "the comment, which search knows within a second")


def test_without_a_script_a_link_leads_to_its_comment(visitor: Reader) -> None:
    visitor.emulate("Emulation.setScriptExecutionDisabled", value=True)
    chrome = visitor.chrome
    go(visitor, "/t/demo/en-harbour-ferry?sort=oldest")
    link = chrome.find_elements(By.CSS_SELECTOR, ".list .time")[-1]
    address = link.get_attribute("href") or ""

    chrome.get(address)

    target = chrome.find_element(By.CSS_SELECTOR, ".focused")
    assert target.get_attribute("id") == address.partition("#")[2]
    top = chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssVisualViewport"]["pageY"]
    assert top < target.rect["y"] < top + 900
    assert chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssVisualViewport"]["pageY"] > 0


def test_pictures_of_every_page_are_kept(visitor: Reader) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for width in SIZES:
        for scheme in ("light", "dark"):
            visitor.window(width, 1000)
            visitor.media(prefers_color_scheme=scheme)
            for path in (*FRONTS, *ARTICLES, *THREADS):
                go(visitor, path)
                picture = visitor.emulate("Page.captureScreenshot", captureBeyondViewport=True)
                name = quote(path.strip("/"), safe="").replace("%", "_")
                file = ARTEFACTS / f"{name}-{width}-{scheme}.png"
                file.write_bytes(base64.b64decode(picture["data"]))
                assert file.stat().st_size > 10_000
