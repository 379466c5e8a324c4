"""Texts that want to become more than text, in every page, fragment and feed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.features.threads import LIMIT_MAX
from tests.pages.conftest import ORIGIN, Press
from tests.pages.parsed import BODY_TAGS, Parsed
from tests.pages.test_feeds import Feed
from tests.pages.test_fragment import payload

pytestmark = pytest.mark.long

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "xss-payloads"

OWN = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</template></postbag-comments><script>alert(1)</script>",
    "</title><svg/onload=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    '[x](https://a.example/"onmouseover="alert(1))',
    "![x](https://a.example/x.png)",
    "<https://a.example/%22onclick=alert(1)>",
    "```html\n<script>alert(1)</script>\n```",
    "> <iframe src=//evil.example>",
    "{{ 7*7 }} {% raw %} {{ config }}",
    "<!-- --!><base href=//evil.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3C;script&#x3E;",
    "]]><script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
    "\u202ereversed <b>",
    "<a href=https://ok.example onclick=alert(1)>x</a>",
    "[a](https://ok.example 'title\" onload=alert(1)')",
)
"""Written for what these pages are made of."""

AT_ONCE = 100
"""Comments of one thread: a page of them is parsed as a whole."""


def payloads() -> Iterator[str]:
    """Yield the corpus's texts that a comment may be, a sample of the long lists."""
    for file in sorted(CORPUS.glob("*.txt")):
        lines = [line for line in file.read_text("utf-8", "replace").splitlines() if line.strip()]
        yield from lines[:: max(len(lines) // 40, 1)]


async def test_our_own_canaries_stay_text(press: Press) -> None:
    article = press.article()
    await press.describe(article, title=OWN[4], lang="en", url=f"{ORIGIN}/1")
    for text in OWN:
        await press.published(article, text, name=text[:80].replace("\t", " ").replace("\n", " "))

    await hold_all_pages(press, article, len(OWN))


async def test_the_canaries_of_others_stay_text(press: Press) -> None:
    texts = [text for text in dict.fromkeys(payloads()) if len(text) <= 5_000]
    if not texts:
        pytest.skip("The corpus of payloads is not here.")
    for start in range(0, len(texts), AT_ONCE):
        article = press.article()
        taken = []
        for text in texts[start : start + AT_ONCE]:
            answer = await press.daily.send(text, article=article, name=text[:80])
            if answer.status == 202:
                taken.append(answer.json["comment"]["id"])
            else:
                answer.expect(422)
        await press.daily.approve(*taken)

        await hold_all_pages(press, article, len(taken))


async def test_a_hostile_form_comes_back_as_text(press: Press) -> None:
    for text in OWN:
        got = await press.send(
            press.article(),
            {
                "body": text + "x" * 5_001,
                "name": text,
                "email": text,
                "website": text,
                "parent_id": text,
                "lang": text,
                "back": text,
            },
        )

        assert got.status == 422
        page = got.page
        assert page.all("main script, main img, main svg, main iframe") == []
        assert page.one("textarea").to_text() == (text + "x" * 5_001)
        assert page.one('[name="name"]').attrs["value"] == text
        assert page.one('[name="back"]').attrs["value"] == text


async def test_a_hostile_site_name_and_query_stay_text(press: Press) -> None:
    await press.house.service.core.sites.create("odd", "<script>\"&'")
    got = await press.get("/t/odd/%3Cscript%3E?lang=%22%3E%3Cscript%3E&sort=%22&cursor=")

    assert got.status in {200, 400}
    assert got.page.all("script") == []
    feed = Feed.read(await press.get("/v1/sites/odd/comments.atom"))
    assert "<script>" in (feed.root.findtext("{http://www.w3.org/2005/Atom}title") or "")


async def hold_all_pages(press: Press, article: str, comments: int) -> None:
    """Hold every way a thread is shown against what it may consist of."""
    pages = -(-comments // 20)
    shown = 0
    path = f"/t/daily/{article}?sort=oldest"
    for _ in range(pages):
        page = (await press.get(path)).page
        shown += hold(page)
        path = next(iter(page.hrefs("a.more-roots")), path).partition("#")[0]
    assert shown == comments
    fragment = (await press.get(f"{press.path(article)}/comments.html")).fragment
    assert hold(fragment) == min(comments, 20)
    thread = await press.daily.thread(article, f"?sort=best&limit={min(20, LIMIT_MAX)}")
    assert payload(fragment) == thread
    Feed.read(await press.get(f"{press.path(article)}/comments.atom"))


def hold(page: Parsed) -> int:
    """Check bodies, names and links of a page; return how many bodies there are."""
    bodies = page.all(".body")
    for body in bodies:
        for element in body.query("*"):
            _hold(element)
    for name in page.all(".author, bdi"):
        assert {each.name for each in name.query("*")} <= {"bdi", "h3"}
    return len(bodies)


def _hold(element: Any) -> None:
    said = element.to_html(pretty=False)
    assert element.name in BODY_TAGS | {"div"}, said
    allowed = {"href", "rel"} if element.name == "a" else {"class", "part", "dir", "lang"}
    if element.name != "div":
        allowed -= {"class", "part", "dir", "lang"}
    assert set(element.attrs) <= allowed, said
    if element.name == "a":
        assert element.attrs["href"].startswith(("https://", "http://")), said
        assert "nofollow" in element.attrs["rel"], said
        assert "noopener" in element.attrs["rel"], said
