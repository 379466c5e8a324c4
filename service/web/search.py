"""Moderators search, over all states, and take what they find away as a table."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.cursors import BadCursor
from service.features.search.export import Export
from service.features.search.find import Hits, Search, Sort
from service.features.search.language import QUERY_MAX_CHARS
from service.features.sites import UnknownSite
from service.model import Role, Scope
from service.web.operation import AModerator, Cache, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.search import HitsOut, header_line, hit_lines, hits_json

CSV = "text/csv; charset=utf-8"
LANGUAGE = (
    'All of these have to hold, a minus turns one round: bare words and "phrases" of the text,'
    " `text:`, `author:` (part of a name, or a ref), `email:`, `article:` (key), `rule:`, `lang:`,"
    " `state:` (pending, approved, rejected, removed, deleted, any), `lane:`, `reason:`, `by:`"
    " (a name, or member, key, rule, author), `date:2026-08-01..2026-08-31` (UTC, both included)."
    " Where commas are read (state, lane, lang, reason, rule) one of the values has to hold."
)

Line = Annotated[str, StringConstraints(max_length=QUERY_MAX_CHARS)]


class SearchQuery(Wire):
    """What to search for."""

    site: str | None = None
    q: Line = ""
    """In the filter language."""
    sort: Sort = "newest"
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class ExportQuery(Wire):
    """What to take away."""

    site: str | None = None
    q: Line = ""
    sort: Sort = "newest"


class Searching(Struct, frozen=True, kw_only=True):
    """What moderators ask to find."""

    search: Search
    exports: Export

    def operations(self) -> list[Operation]:
        """Return both operations."""
        return [
            Operation(
                operation_id="search_comments",
                method="GET",
                path="/v1/moderation/comments",
                summary="Search comments over all states",
                description=LANGUAGE,
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=SearchQuery,
                site_in_query=True,
                answers={200: HitsOut},
                problems=(BadCursor, UnknownSite),
                handler=self.find,
            ),
            Operation(
                operation_id="export_comments",
                method="GET",
                path="/v1/moderation/comments.csv",
                summary="Take everything a search finds away as a table",
                description=f"It is logged. {LANGUAGE}",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.SENIOR, fresh=True),
                query=ExportQuery,
                site_in_query=True,
                answers={200: CSV},
                problems=(UnknownSite,),
                handler=self.export,
            ),
        ]

    async def find(self, call: Call) -> Reply:
        """Show a page of what is searched for."""
        query = call.query_as(SearchQuery)
        page = await self.search.page(
            call.site,
            query.q,
            sort=query.sort,
            limit=query.limit,
            cursor=query.cursor,
            sees_escalated=call.sees_escalated(call.site),
            now=call.now,
        )
        return Reply(content=hits_json(page))

    async def export(self, call: Call) -> Reply:
        """Log who takes what kind of thing away, and send it as it is found."""
        query = call.query_as(ExportQuery)
        pages = await self.exports.begin(
            call.site,
            query.q,
            sort=query.sort,
            actor=call.actor,
            sees_escalated=call.sees_escalated(call.site),
            now=call.now,
        )
        return Reply(
            stream=_table(pages),
            media_type=CSV,
            cache=Cache.NEVER,
            headers={"Content-Disposition": 'attachment; filename="comments.csv"'},
        )


async def _table(pages: AsyncIterator[Hits]) -> AsyncGenerator[bytes, None]:
    yield header_line()
    async for page in pages:
        yield hit_lines(page)
