"""What is sent: what happened, and what it happened to as it is when the letter leaves.

No text is kept for a letter: it is looked up when the letter is written, and only while the
comment waits or is public. An e-mail address, or where somebody writes from, is never in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from msgspec import Struct

from service.features.articles import ArticleDirectory
from service.features.lookup import Found, Lookup
from service.features.webhooks.kinds import TEST
from service.model import Comment, PendingComment, Site, Status
from service.storage.webhooks import Due

TOLD: Final = ("reason", "edit", "rule", "severity", "alerted")
"""What a letter says of what happened to a comment, beside the comment itself."""


class Letters(Struct, frozen=True, kw_only=True):
    """Write letters. Methods raise Unavailable while what they tell of cannot be looked up."""

    lookup: Lookup
    articles: ArticleDirectory

    async def write(self, site: Site, due: Due, *, now: datetime) -> bytes:
        """Return the body of a letter: `type`, `timestamp` of what happened, `data`."""
        letter = {
            "type": due.kind,
            "timestamp": _stamp(due.at),
            "data": {"site": site.slug, **await self._content(site, due, now=now)},
        }
        return orjson.dumps(letter)

    async def _content(self, site: Site, due: Due, *, now: datetime) -> dict[str, Any]:
        thing = due.kind.partition(".")[0]
        if due.kind == TEST:
            return {"webhook": str(due.webhook_id)}
        if due.kind == "count.changed":
            article = await self.articles.describe(site, str(due.facts["article"]), now=now)
            return {"article": article.key, "count": article.count}
        if thing == "article":
            return {"article": await self._article(site, str(due.facts["article"]), now=now)}
        if thing == "reader":
            whom = str(due.author_id) if due.author_id else None
            return {"reader": {"id": whom}, "until": due.facts["until"]}
        assert due.comment_id is not None
        found = await self.lookup.find(site, due.comment_id)
        content: dict[str, Any] = {"comment": _comment(due, due.comment_id, found)}
        if thing == "appeal":
            return {**content, "appeal": {"granted": due.facts.get("granted")}}
        content |= {name: due.facts[name] for name in TOLD if name in due.facts}
        return content

    async def _article(self, site: Site, key: str, *, now: datetime) -> dict[str, Any]:
        article = await self.articles.describe(site, key, now=now)
        return {
            "key": article.key,
            "url": article.url,
            "title": article.title,
            "lang": article.lang,
            "state": article.state,
            "count": article.count,
        }


def _comment(due: Due, comment_id: UUID, found: Found | None) -> dict[str, Any]:
    source = _source(due, found)
    if found is None or source is None:
        # Erased, or so old that nobody knows any more.
        return {
            "id": str(comment_id),
            "article": due.facts.get("article"),
            "parent_id": None,
            "status": found.status if found else Status.DELETED,
            "revision": None,
            "author": None,
            "text": None,
            "lang": None,
            "created_at": None,
            "edited_at": None,
        }
    gone = found.status is Status.DELETED
    author = None if gone else {"id": str(source.author.author_id), "name": source.author.name}
    return {
        "id": str(comment_id),
        "article": found.article_key,
        "parent_id": str(source.parent_id) if source.parent_id else None,
        "status": found.status,
        "revision": source.revision,
        "author": author,
        "text": source.text if found.status in (Status.PENDING, Status.APPROVED) else None,
        "lang": source.lang,
        "created_at": _stamp(source.created_at),
        "edited_at": _stamp(source.edited_at) if source.edited_at else None,
    }


def _source(due: Due, found: Found | None) -> Comment | PendingComment | None:
    """Return the text in question: of an edit that waits the new one, else what is public."""
    if found is None:
        return None
    if due.facts.get("edit") and found.waiting is not None:
        return found.waiting
    if found.status is Status.PENDING:
        return found.waiting
    return found.public or found.kept or found.waiting


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
