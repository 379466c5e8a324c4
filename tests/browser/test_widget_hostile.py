"""Texts that want to become more than text, in the widget's own hands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.features import body
from tests.browser.conftest import Newsroom, Reader, both

pytestmark = pytest.mark.browser

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
ALLOWED = {"p", "a", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "br"}
AT_ONCE = 400
"""Comments of one page."""

TRAPS = """<script>
window.fired = []
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => fired.push(name)
addEventListener('error', (event) => fired.push(event.message))
</script>"""
"""What a script that got in would call."""

TREES: tuple[list[Any], ...] = (
    [{"t": "script", "c": ["alert(1)"]}],
    [{"t": "img", "src": "x", "onerror": "alert(1)", "c": []}],
    [{"t": "p", "c": [{"t": "iframe", "c": ["x"]}]}],
    [{"t": "p", "c": [{"t": "link", "href": "javascript:alert(1)", "c": ["x"]}]}],
    [{"t": "p", "c": [{"t": "link", "href": " JaVaScript:alert(1)", "c": ["x"]}]}],
    [{"t": "p", "c": [{"t": "link", "href": "data:text/html,x", "c": ["x"]}]}],
    [{"t": "constructor", "c": ["x"]}],
    [{"t": "__proto__", "c": ["x"]}],
    [{"t": "p", "onclick": "alert(1)", "style": "position:fixed", "c": ["x"]}],
)
"""Bodies that our service would never send."""


def thread(bodies: Sequence[list[Any]], names: Sequence[str]) -> str:
    """Return a thread as the service would answer it."""
    comments = [
        {
            "id": f"00000000-0000-7000-8000-{n:012x}",
            "article": "story",
            "parent_id": None,
            "status": "approved",
            "revision": 1,
            "author": {"name": name, "badge": name[:40], "avatar": None},
            "body": tree,
            "text": "",
            "lang": "en",
            "created_at": "2026-01-01T12:00:00.000Z",
            "edited_at": None,
            "votes": {"up": 0, "down": 0},
            "pinned": False,
            "featured": False,
            "reply_count": 0,
            "replies": [],
            "more_replies": None,
        }
        for n, (tree, name) in enumerate(zip(bodies, names, strict=True))
    ]
    article = {"key": "story", "url": None, "title": None, "state": "open", "closed_at": None}
    site = {"body_max_chars": 5000, "guests_allowed": True, "votes_allowed": True}
    page = {
        "site": {**site, "usual_minutes": None},
        "article": {**article, "count": len(comments)},
        "comments": comments,
        "next": None,
        "remaining": 0,
    }
    return json.dumps(page)


def show(reader: Reader, bodies: Sequence[list[Any]], names: Sequence[str]) -> None:
    """Let the widget show a thread that no service checked."""
    site = reader.news_site
    folder = f"/v1/sites/{reader.newsroom.site.slug}/articles/{reader.newsroom.article}"
    site.write(f"{folder}/comments", thread(bodies, names))
    site.write(f"{folder}/view", "counted")
    reader.visit(attributes=f'loading="eager" api="{site.origin}"', head=TRAPS)


def assert_harmless(reader: Reader, many: int) -> None:
    """Nothing ran, nothing was asked of strangers, no element is there that may not be."""
    assert reader.ask("return root.querySelectorAll('.comment').length") == many
    inside = reader.ask(
        "return [...new Set([...root.querySelectorAll('.body *')].map((each) => each.localName))]"
    )
    assert set(inside) <= ALLOWED | {"span"}
    attributes = reader.ask(
        "return [...new Set([...root.querySelectorAll('.body *')]"
        ".flatMap((each) => each.getAttributeNames()))]"
    )
    assert set(attributes) <= {"dir", "href", "rel"}
    links = reader.ask("return [...root.querySelectorAll('.body a')].map((each) => each.protocol)")
    assert set(links) <= {"http:", "https:"}
    assert reader.ask("return root.querySelectorAll('bdi *, .badge *').length") == 0
    assert reader.ask("return window.fired") == []
    known = (reader.news_site.origin, reader.newsroom.api.caller.origin)
    assert [each["url"] for each in reader.requests() if not each["url"].startswith(known)] == []
    assert reader.complaints() == []


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield texts[start : start + AT_ONCE]


@both
def test_a_body_that_our_service_never_sent_is_words_at_most(reader: Reader) -> None:
    show(reader, TREES, ["<b onclick=alert(1)>x"] * len(TREES))
    assert_harmless(reader, len(TREES))


@pytest.mark.skipif(not CORPORA.is_dir(), reason="no corpora: ../shared/corpora is not there")
def test_no_text_of_the_corpora_becomes_more_than_text(reader: Reader) -> None:
    files = sorted(CORPORA.glob("xss-payloads/**/*.txt"))
    texts = [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]
    texts += json.loads((CORPORA / "blns" / "blns.json").read_text("utf-8"))
    texts = [text[:5000] for text in dict.fromkeys(texts) if text.strip()]
    assert len(texts) > 2_000
    for batch in batches(texts):
        show(reader, [body.parse(text) for text in batch], [text[:80] for text in batch])
        assert_harmless(reader, len(batch))


@both
def test_marks_of_direction_turn_nothing_around_them(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("\u202efirst\u2066 line\n\nof two", name="Leila\u202e\u2066")
    newsroom.post("ab\u200b\u200bc \u200f\u200edef", name="O\u200bmar")
    reader.visit(attributes='loading="eager" sort="oldest"')
    assert reader.texts(".author") == ["Leila", "Omar"]
    assert reader.bodies[1].startswith("abc")
    # What follows the name and the text stands where it always stands.
    order = (
        "return [...root.querySelectorAll('.comment')].map((each) => ["
        "each.querySelector('.author'), each.querySelector('.time')]"
        ".map((part) => part.getBoundingClientRect().left)).map(([name, time]) => name < time)"
    )
    assert reader.ask(order) == [reader.lang == "en"] * 2
    isolated = "return [...root.querySelectorAll('.body > *')].every((each) => each.dir === 'auto')"
    assert reader.ask(isolated)
