"""Counters on a page that lists articles."""

from __future__ import annotations

from html import escape

import pytest

from tests.browser.conftest import Newsroom, Reader

pytestmark = pytest.mark.browser


def listing(reader: Reader, places: str, *, lang: str = "en", base: str | None = None) -> str:
    """Return the source of a front page."""
    room = reader.newsroom
    origin = base or room.api.caller.origin
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>News</title>'
        f'<script async src="{origin}/embed/count.js" data-site="{room.site.slug}"></script>'
        f"</head><body>{places}</body></html>"
    )


def texts(reader: Reader) -> list[str]:
    """Return what the places say."""
    found: list[str] = reader.ask(
        "return [...document.querySelectorAll('body > *')].map((each) => each.textContent)"
    )
    return found


@pytest.mark.smoke
def test_one_request_counts_every_article_of_a_page(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(3)
    others = [f"other-{n}" for n in range(199)]
    places = "".join(
        f'<a href="/x" data-postbag-count="{key}">Comments (?)</a>'
        for key in [*others, newsroom.article, newsroom.article]
    )
    reader.open(listing(reader, places), path="/front")
    reader.until("document.body.lastChild.textContent === 'Comments (3)'")
    assert texts(reader) == ["Comments (0)"] * 199 + ["Comments (3)"] * 2
    asked = [each["url"] for each in reader.requests() if "/counts?" in each["url"]]
    assert len(asked) == 1
    keys = asked[0].partition("?")[2].replace("article=", "").split("&")
    assert keys == sorted(keys)
    assert len(keys) == 200


def test_labels_take_the_form_that_a_language_needs(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    key = newsroom.article
    own = 'data-postbag-one="One comment" data-postbag-other="{n} comments"'
    places = (
        f'<a data-postbag-count="{key}" {own}>?</a><a data-postbag-count="none" {own}>?</a>'
        f'<a lang="fr" data-postbag-count="{key}">?</a>'
        f'<a lang="ar" data-postbag-count="{key}">?</a>'
    )
    reader.open(listing(reader, places), path="/front")
    reader.until("document.body.lastChild.textContent !== '?'")
    assert texts(reader) == ["One comment", "0 comments", "Commentaires (1)", "التعليقات (1)"]


def test_the_places_of_other_systems_are_filled_too(reader: Reader, newsroom: Newsroom) -> None:
    key = newsroom.article = f"https://daily.example/{newsroom.article}?a=1&b=2"
    newsroom.posts(2)
    said = escape(key)
    places = (
        f'<a href="{said}#disqus_thread">?</a>'
        f'<a href="/x#disqus_thread" data-disqus-identifier="{said}">?</a>'
        f'<span class="disqus-comment-count" data-disqus-identifier="{said}">?</span>'
        f'<span class="coral-count" data-coral-id="{said}">?</span>'
        f'<span class="coral-count" data-coral-id="{said}" data-coral-notext="true">?</span>'
        f'<span class="remark42__counter" data-url="{said}">?</span>'
        f'<a href="/x#isso-thread" data-isso-id="{said}">?</a>'
        f'<span class="artalk-comment-count" data-page-key="{said}">?</span>'
    )
    reader.open(listing(reader, places), path="/front")
    reader.until("document.body.lastChild.textContent !== '?'")
    worded, bare = "Comments (2)", "2"
    assert texts(reader) == [worded, worded, worded, worded, bare, bare, worded, bare]


def test_what_the_server_printed_stays_when_nobody_answers(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.posts(2)
    place = f'<a data-postbag-count="{newsroom.article}">Comments (1)</a>'
    reader.block("*/counts?*")
    reader.open(listing(reader, place), path="/front")
    reader.wait(
        lambda: [each for each in reader.requests() if "/counts?" in each["url"]], "a request"
    )
    reader.until("document.readyState === 'complete'")
    assert texts(reader) == ["Comments (1)"]
