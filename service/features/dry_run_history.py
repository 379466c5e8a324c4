"""Read the history that a dry run walks, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from msgspec import Struct

from service.features.dry_run_tally import Before, Earlier
from service.features.screening import ArticleFacts
from service.model import Status, made_at
from service.storage.dry_runs import DryRunStore, Past

PAGE = 1_000
"""Comments read at once; a quarter of a second of work, for which a stop has to wait."""

_JUDGED = {Status.REJECTED: True, Status.REMOVED: True, Status.APPROVED: False}


class Page(Struct, frozen=True, kw_only=True):
    """Comments in their order, and what was decided before of authors who are new in them."""

    comments: Sequence[Earlier]
    before: Mapping[UUID, Before]
    following: UUID | None
    """Where the next page begins."""


NO_PAGE = Page(comments=(), before={}, following=None)


async def page_of(
    store: DryRunStore, site_id: int, first: UUID, end: UUID, *, met: set[UUID], limit: int
) -> Page:
    """Return the comments from `first` on, before `end`; who comes up is noted in `met`."""
    rows = await store.history(site_id, first, end, limit=limit)
    new = {row.author_id for row in rows if row.author_id is not None} - met
    before: dict[UUID, Before] = {}
    if new:
        met |= new
        for each in await store.records_before(site_id, list(new), rows[0].comment_id):
            before[each.author_id] = Before(
                approved=each.approved,
                rejected=each.rejected,
                first_seen=made_at(each.first_id),
            )
    following = None
    if len(rows) == limit:
        following = UUID(int=rows[-1].comment_id.int + 1)
    return Page(
        comments=[_earlier(row, row.text) for row in rows if row.text is not None],
        before=before,
        following=following,
    )


def _earlier(row: Past, text: str) -> Earlier:
    return Earlier(
        comment_id=row.comment_id,
        author_id=row.author_id,
        author_kind=row.author_kind,
        article=_article(
            row.article_key or "", row.section, tuple(row.tags or ()), row.published_at
        ),
        text=text,
        depth=row.depth,
        verdict=_JUDGED.get(row.state) if row.by_people else None,
        status=row.state,
        lang=row.lang,
    )


@lru_cache(maxsize=PAGE)
def _article(
    key: str, section: str | None, tags: tuple[str, ...], published_at: datetime | None
) -> ArticleFacts:
    """Return what rules may ask of an article: one object for all of its comments."""
    return ArticleFacts(key=key, section=section, tags=frozenset(tags), published_at=published_at)


def bound(at: datetime) -> UUID:
    """Return the least UUIDv7 of a moment."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
