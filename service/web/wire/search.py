"""What a search finds, as JSON and as lines of a table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from service.features.search.find import Hit, Hits, Names
from service.web.wire.base import Wire, stamp
from service.web.wire.comments import CommentOut, found_json
from service.web.wire.moderation import DecisionOut, decision_json
from service.web.wire.tables import lines_of


class HitArticle(Wire):
    """The article a comment is on."""

    key: str
    title: str | None
    url: str | None


class HitOut(Wire):
    """A comment that was searched for."""

    comment: CommentOut
    article: HitArticle
    ref: UUID | None = Field(strict=False)
    """Its author, as in `/v1/sites/{site}/readers/{ref}`; null once erased."""
    email: str | None
    decision: DecisionOut | None
    """The latest."""


class HitsOut(Wire):
    """A page of what was searched for."""

    items: list[HitOut]
    next: str | None


COLUMNS = (
    "id",
    "created_at",
    "state",
    "article",
    "title",
    "author",
    "author_ref",
    "email",
    "lang",
    "text",
    "reason",
    "decided_by",
    "decided_at",
)


def hits_json(page: Hits) -> dict[str, Any]:
    """Write a page of what was searched for."""
    return {"items": [_hit_json(each, page.names) for each in page.hits], "next": page.next}


def header_line() -> bytes:
    """Write the names of the columns; the mark before them says that this is UTF-8."""
    return lines_of([COLUMNS], first=True)


def hit_lines(page: Hits) -> bytes:
    """Write what was searched for as lines of a table, no cell of which is a formula."""
    return lines_of(_cells(each, page.names) for each in page.hits)


def _hit_json(hit: Hit, names: Names) -> dict[str, Any]:
    found, article = hit.found, hit.article
    source = found.public or found.waiting or found.kept
    return {
        "comment": found_json(found),
        "article": {
            "key": found.article_key,
            "title": article.title if article else None,
            "url": article.url if article else None,
        },
        "ref": str(found.author_id) if found.author_id and found.author_id.int else None,
        "email": source.author.email if source else None,
        "decision": decision_json(found.decision, names) if found.decision else None,
    }


def _cells(hit: Hit, names: Names) -> tuple[str | None, ...]:
    written = _hit_json(hit, names)
    comment, decision = written["comment"], written["decision"]
    return (
        comment["id"],
        comment["created_at"],
        comment["status"],
        comment["article"],
        written["article"]["title"],
        comment["author"]["name"],
        written["ref"],
        written["email"],
        comment["lang"],
        comment["text"],
        decision["reason"] if decision else None,
        decision["by"]["name"] or decision["by"]["kind"] if decision else None,
        stamp(hit.found.decision.at) if hit.found.decision else None,
    )
