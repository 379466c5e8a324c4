"""Atom feeds of an article and of a site, as a feed reader understands them (RFC 4287)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, fromstring

import pytest

from service.features.latest import LATEST_MAX
from tests.pages.conftest import ORIGIN, Got, Press
from tests.pages.parsed import BODY_TAGS, Parsed

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
IRI = re.compile(r"(urn:uuid:[0-9a-f-]{36}|tag:[a-z0-9.-]+,\d{4}:\S+)\Z")
THREADING = "{http://purl.org/syndication/thread/1.0}in-reply-to"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that has what Atom asks of every one."""

    root: Element

    @classmethod
    def read(cls, got: Got) -> Feed:
        """Parse and validate."""
        assert got.status == 200
        assert got.headers["Content-Type"] == "application/atom+xml"
        feed = cls(fromstring(got.text.encode()))  # noqa: S314 - our own
        assert feed.root.tag == f"{ATOM}feed"
        _inspect(feed.root)
        assert _one(feed.root, "link[@rel='self']").attrib["href"].startswith("http")
        has_authors = feed.root.find(f"{ATOM}author") is not None
        entries = feed.entries
        assert len({_text(entry, "id") for entry in entries}) == len(entries)
        for entry in entries:
            _inspect(entry)
            assert has_authors or _text(entry, "author/name")
            assert _one(entry, "link[@rel='alternate']").attrib["href"].startswith("http")
            content = _one(entry, "content")
            assert content.attrib["type"] == "html"
            assert len(content) == 0
            body = Parsed.piece(content.text or "")
            assert {each.name for each in body.all("*")} <= BODY_TAGS
        return feed

    @property
    def entries(self) -> list[Element]:
        """The entries, in their order."""
        return self.root.findall(f"{ATOM}entry")

    @property
    def ids(self) -> list[str]:
        """The comments' ids, in their order."""
        return [_text(entry, "id").removeprefix("urn:uuid:") for entry in self.entries]


def _inspect(element: Element) -> None:
    """What a feed and an entry both need: an id, a title and when it changed, each once."""
    assert IRI.match(_text(element, "id"))
    assert _text(element, "title")
    assert datetime.fromisoformat(_text(element, "updated")).tzinfo is not None


def _one(element: Element, path: str) -> Element:
    found = element.findall("/".join(f"{ATOM}{part}" for part in path.split("/")))
    assert len(found) == 1, path
    return found[0]


def _text(element: Element, path: str) -> str:
    return _one(element, path).text or ""


async def test_an_articles_feed_has_its_newest_comments_first_replies_too(press: Press) -> None:
    article = press.article()
    await press.describe(article, title="Budget & <vote>", url=f"{ORIGIN}/8731", lang="en")
    parent = await press.published(article, "A **parent** <b>.", name="Leila & Co", lang="en")
    reply = await press.published(article, "Une réponse.", parent=parent, lang="fr", name="Omar")

    feed = Feed.read(await press.get(f"{press.path(article)}/comments.atom"))

    assert feed.ids == [reply, parent]
    assert _text(feed.root, "title") == "Comments on “Budget & <vote>”"
    assert _one(feed.root, "link[@rel='alternate']").attrib["href"] == f"{ORIGIN}/8731"
    assert _one(feed.root, "link[@rel='self']").attrib["href"] == (
        f"{press.own}{press.path(article)}/comments.atom"
    )
    newest, oldest = feed.entries
    assert _text(oldest, "title") == "Leila & Co on “Budget & <vote>”"
    assert _text(newest, "title") == "Omar sur « Budget & <vote> »"
    assert newest.attrib[LANG] == "fr"
    assert _text(oldest, "author/name") == "Leila & Co"
    assert _text(oldest, "content") == "<p>A <strong>parent</strong> &lt;b&gt;.</p>"
    assert _one(oldest, "link").attrib["href"] == f"{ORIGIN}/8731#comment-{parent}"
    assert newest.find(THREADING) is not None
    assert newest.find(THREADING).attrib["ref"] == f"urn:uuid:{parent}"  # type: ignore[union-attr]
    assert oldest.find(THREADING) is None
    assert _text(feed.root, "updated") == _text(newest, "updated")


async def test_a_feed_of_nothing_is_valid(press: Press) -> None:
    feed = Feed.read(await press.get(f"{press.path(press.article())}/comments.atom"))

    assert feed.entries == []


async def test_a_feed_is_bounded(press: Press) -> None:
    article = press.article()
    ids = await press.all_published(article, [f"No. {number}." for number in range(LATEST_MAX + 1)])

    feed = Feed.read(await press.get(f"{press.path(article)}/comments.atom"))

    assert feed.ids == ids[:0:-1]


async def test_a_merged_articles_comments_are_in_the_feed(press: Press) -> None:
    old, new = press.article(), press.article()
    (first,) = await press.all_published(old, ["Under the old key."])
    (second,) = await press.all_published(new, ["Under the new key."])
    path = f"{press.path(old)}/merge"
    answer = await press.house.api("POST", path, {"into": new}, token=press.daily.keys["manage"])
    answer.expect(200)

    feed = Feed.read(await press.get(f"{press.path(new)}/comments.atom"))

    assert feed.ids == [second, first]


async def test_what_is_taken_away_leaves_both_feeds_at_once(press: Press) -> None:
    paper = await press.house.found("weekly")
    posted = await paper.post("Soon gone.", article="a")
    await paper.approve(posted)
    paths = ("/v1/sites/weekly/articles/a/comments.atom", "/v1/sites/weekly/comments.atom")
    before = [Feed.read(await press.get(path)).ids for path in paths]

    await paper.decide("remove", posted, reason="spam")

    assert before == [[posted.id], [posted.id]]
    assert [Feed.read(await press.get(path)).ids for path in paths] == [[], []]


async def test_a_sites_feed_has_what_was_published_last_under_all_its_articles(
    press: Press,
) -> None:
    paper = await press.house.found("evening")
    late = await paper.post("Posted first.", article="a")
    early = await paper.post("Posted second.", article="b/c")
    await paper.approve(early)
    await paper.approve(late)

    got = await press.get("/v1/sites/evening/comments.atom")

    feed = Feed.read(got)
    assert feed.ids == [late.id, early.id]
    assert _text(feed.root, "title") == "Comments: Evening"
    assert got.headers["Cache-Control"].startswith("public, max-age=30")
    assert _one(feed.entries[1], "link").attrib["href"] == (
        f"{press.own}/t/evening/b%2Fc?lang=en&comment={early.id}#comment-{early.id}"
    )


async def test_feeds_are_asked_about_again(press: Press) -> None:
    for path in (f"{press.path(press.article())}/comments.atom", "/v1/sites/daily/comments.atom"):
        first = await press.get(path)

        again = await press.get(path, **{"If-None-Match": first.headers["ETag"]})

        assert again.status == 304


@pytest.mark.parametrize("text", ["\ufffe", "]]>", "&#0;", "<![CDATA[x]]>", "a\tb"])
async def test_what_xml_cannot_say_or_might_mistake_does_no_harm(press: Press, text: str) -> None:
    article = press.article()
    sent = await press.daily.send(f"x {text} y", article=article, name=f"n {text}")
    if sent.status != 202:
        assert sent.refused(422) == "validation_failed"
        return
    await press.daily.approve(sent.json["comment"]["id"])

    feed = Feed.read(await press.get(f"{press.path(article)}/comments.atom"))

    assert len(feed.entries) == 1
