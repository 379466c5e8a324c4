"""The demo's articles, readers and comments, read from the packaged files."""

from __future__ import annotations

import tomllib
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Language: TypeAlias = Literal["en", "fr", "ar"]
ArticleState: TypeAlias = Literal["open", "closed"]
CommentStatus: TypeAlias = Literal["pending", "approved", "rejected"]

NEWSPAPER: Final[Mapping[Language, str]] = MappingProxyType(
    {"en": "The Harbour Daily", "fr": "Le Quotidien du Port", "ar": "يومية الميناء"},
)
"""The newspaper's name, by language."""

ARTICLES: Final = (
    "en-harbour-ferry",
    "en-library-sundays",
    "en-lighthouse-lamp",
    "fr-marche-couvert",
    "fr-piste-cyclable",
    "fr-phoque-bassin",
    "ar-fish-market",
    "ar-manara-cinema",
    "ar-sailing-school",
)
"""The files of the articles, without their ending, in the order of the front page."""


class DemoArticle(Struct, frozen=True, kw_only=True):
    """An article as the demo page prints it."""

    key: str
    lang: Language
    url: str
    """Path on this server, not percent-encoded, e.g. `/demo/en/harbour-ferry`."""
    section: str
    state: ArticleState
    published_minutes_ago: int
    """Older than every comment on it."""
    views_per_hour: int
    title: str
    standfirst: str
    dateline: str
    byline: str
    paragraphs: tuple[str, ...]


class DemoAuthor(Struct, frozen=True, kw_only=True):
    """A guest reader."""

    id: str
    name: str
    lang: Language
    """The language of the list of readers they are in; some also write in another."""


class DemoComment(Struct, frozen=True, kw_only=True):
    """A comment of revision 1."""

    id: str
    """Stable and unique in the demo: a UUID may be derived from it."""
    article: str
    """The article's key."""
    parent: str | None
    """The id of the approved comment it answers."""
    author: str
    """The id of a `DemoAuthor`."""
    lang: Language
    status: CommentStatus
    reason: str | None
    """Why it was rejected: one of the API's codes; None unless rejected."""
    minutes_ago: int
    up: int
    down: int
    text: str
    """Markdown source that the text policy leaves unchanged."""


class Demo(Struct, frozen=True, kw_only=True):
    """All that is on the demo site."""

    articles: tuple[DemoArticle, ...]
    """In the order of the front page."""
    authors: tuple[DemoAuthor, ...]
    comments: tuple[DemoComment, ...]
    """Oldest first, so a parent comes before its replies."""


def load() -> Demo:
    """Read the whole demo; the same at every call.

    Raises:
        KeyError: a packaged file lacks a field.
        OSError: a packaged file is missing.
    """
    articles: list[DemoArticle] = []
    comments: list[DemoComment] = []
    for name in ARTICLES:
        page = _read(name)
        article = _article(page["article"])
        articles.append(article)
        comments.extend(_comment(entry, article) for entry in page.get("comments", ()))
    comments.sort(key=lambda comment: -comment.minutes_ago)
    return Demo(articles=tuple(articles), authors=tuple(_authors()), comments=tuple(comments))


def _read(name: str) -> dict[str, Any]:
    source = resources.files(__package__) / "content" / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def _authors() -> Iterator[DemoAuthor]:
    readers = _read("authors")
    for lang in NEWSPAPER:
        for author_id, name in readers[lang].items():
            yield DemoAuthor(id=author_id, name=name, lang=lang)


def _article(entry: dict[str, Any]) -> DemoArticle:
    return DemoArticle(**{**entry, "paragraphs": tuple(entry["paragraphs"])})


def _comment(entry: dict[str, Any], article: DemoArticle) -> DemoComment:
    return DemoComment(
        id=entry["id"],
        article=article.key,
        parent=entry.get("parent"),
        author=entry["author"],
        lang=entry.get("lang", article.lang),
        status=entry["status"],
        reason=entry.get("reason"),
        minutes_ago=entry["minutes_ago"],
        up=entry.get("up", 0),
        down=entry.get("down", 0),
        text=entry["text"],
    )
