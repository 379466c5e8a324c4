"""`comments.jsonld`: a thread for search engines."""

from __future__ import annotations

import json
from typing import Any

from tests.pages.conftest import ORIGIN, Press


async def test_the_articles_node_has_its_best_comments(press: Press) -> None:
    article = press.article()
    await press.describe(article, title="Budget vote", url=f"{ORIGIN}/8731")
    parent = await press.published(article, "A *parent* [link](https://a.example).", lang="en")
    reply = await press.published(article, "A reply.", parent=parent, name="Omar")

    node = await linked(press, article)

    assert node["@context"] == "https://schema.org"
    assert node["@type"] == "NewsArticle"
    assert node["@id"] == node["url"] == f"{ORIGIN}/8731"
    assert node["headline"] == "Budget vote"
    assert node["commentCount"] == 2
    (comment,) = node["comment"]
    (answer,) = comment.pop("comment")
    published = comment.pop("datePublished")
    assert published == (await press.daily.thread(article))["comments"][0]["created_at"]
    assert comment == {
        "@type": "Comment",
        "@id": f"{ORIGIN}/8731#comment-{parent}",
        "url": f"{ORIGIN}/8731#comment-{parent}",
        "text": "A parent link.",
        "author": {"@type": "Person", "name": "Leila"},
        "inLanguage": "en",
        "upvoteCount": 0,
    }
    assert (answer["@id"], answer["author"]["name"]) == (f"{ORIGIN}/8731#comment-{reply}", "Omar")


async def test_without_an_address_comments_are_found_on_our_page(press: Press) -> None:
    article = press.article()
    comment = await press.published(article)

    node = await linked(press, article)

    assert "@id" not in node
    assert node["comment"][0]["@id"] == (
        f"{press.own}/t/daily/{article}?lang=en&comment={comment}#comment-{comment}"
    )


async def test_only_what_is_public_is_told(press: Press) -> None:
    article = press.article()
    parent = await press.published(article, "Gone.", name="Omar")
    reply = await press.published(article, "A reply.", parent=parent)
    await press.daily.post("Waiting.", article=article)
    await press.daily.decide("remove", parent, reason="spam")

    node = await linked(press, article)

    assert node["commentCount"] == 1
    assert [comment["text"] for comment in node["comment"]] == ["A reply."]
    assert reply in node["comment"][0]["@id"]


async def test_it_may_stand_in_a_script_element(press: Press) -> None:
    article = press.article()
    await press.published(article, "</script><script>alert(1)</script> <!--")

    got = await press.get(f"{press.path(article)}/comments.jsonld")

    assert "<" not in got.text
    assert "</script>" in json.loads(got.text)["comment"][0]["text"]


async def test_an_unseen_article_has_no_comments(press: Press) -> None:
    node = await linked(press, press.article())

    assert (node["commentCount"], node["comment"]) == (0, [])


async def linked(press: Press, article: str) -> dict[str, Any]:
    """Read an article's node."""
    got = await press.get(f"{press.path(article)}/comments.jsonld")
    assert got.status == 200
    assert got.headers["Content-Type"] == "application/ld+json"
    assert got.headers["Cache-Control"].startswith("public")
    node: dict[str, Any] = json.loads(got.text)
    return node
