"""The widget takes over what the news site's server wrote, whatever comes first."""

from __future__ import annotations

import pytest

from service.web.assets import Assets
from tests.browser.conftest import HELD, Newsroom, Reader, both

pytestmark = pytest.mark.browser

GO_ON = (
    "<script>customElements.whenDefined('postbag-comments').then(() => fetch('/go-on'))</script>"
)
"""What is held comes when the widget is known."""

FOOTER = '<footer style="padding:2rem">The footer.</footer>'


def included(reader: Reader, newsroom: Newsroom, head: str = "") -> str:
    """Return a page with the thread in it, as a server includes it."""
    target = newsroom.api.thread_of(newsroom.article, site=newsroom.site)
    fragment = newsroom.api.ask("GET", f"{target}.html?lang={reader.lang}").raw.decode()
    return reader.page(head=head, body=FOOTER).replace(reader.element(), fragment)


def assert_taken_over(reader: Reader) -> None:
    """What stands there is the widget's, at once and for good."""
    reader.until_state("ready")
    reader.until("performance.getEntriesByType('resource').some((r) => r.name.endsWith('/view'))")
    assert not [each["url"] for each in reader.requests() if "/comments?" in each["url"]]
    assert reader.bodies == [f"Comment {n}." for n in (2, 1, 0)]
    assert reader.ask("return root.querySelectorAll('.postbag').length") == 1
    assert reader.texts(".sort select")
    assert reader.ask("return window.shifted") < 0.01


@both
def test_a_fragment_is_taken_over_without_a_request_or_a_shift(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.posts(3)
    reader.open(included(reader, newsroom))
    assert_taken_over(reader)


def test_the_style_sheet_of_a_fragment_may_come_after_the_widget(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.posts(3)
    reader.news_site.write("/v1.css", HELD + Assets.load().files["v1.css"].body.decode())
    sheet = f"{newsroom.api.caller.origin}/embed/v1.css"
    reader.open(included(reader, newsroom, GO_ON).replace(sheet, "/v1.css"))
    assert_taken_over(reader)


@pytest.mark.parametrize(
    "mark", ['<template shadowrootmode="open">', '<ol class="list">', "</postbag-comments>"]
)
def test_a_fragment_may_come_in_pieces_after_the_widget(
    reader: Reader, newsroom: Newsroom, mark: str
) -> None:
    newsroom.posts(3)
    page = included(reader, newsroom, GO_ON)
    assert mark in page
    reader.open(page.replace(mark, HELD + mark))
    assert_taken_over(reader)


def test_a_fragment_keeps_its_room_while_a_known_reader_is_asked_for(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes='loading="eager" count="0"')
    reader.posted("Mine, under another article.")
    newsroom.article = newsroom.api.article()
    newsroom.posts(3)
    reader.requests()
    reader.open(included(reader, newsroom), path="/other-story")
    assert_taken_over(reader)


def test_an_own_comment_that_waits_moves_nothing_a_server_has_painted(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.posts(3)
    reader.visit(attributes='loading="eager" count="3"')
    reader.posted("Mine, which waits.")
    reader.requests()
    reader.open(included(reader, newsroom), path="/story-again")
    reader.until_state("ready")
    reader.until("root.textContent.includes('Mine, which waits.')")
    assert reader.bodies == ["Comment 2.", "Comment 1.", "Comment 0.", "Mine, which waits."]
    assert reader.ask("return window.shifted") < 0.01
