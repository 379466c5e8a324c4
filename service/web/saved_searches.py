"""Searches that members keep for themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.features.search.language import QUERY_MAX_CHARS
from service.features.search.saved import (
    NAME_MAX_CHARS,
    SavedSearch,
    SavedSearches,
    TooManySearches,
    UnknownSearch,
)
from service.model import Role
from service.web.operation import AMember, Call, Operation, Reply
from service.web.wire.base import Timestamp, Wire, stamp

TAG = "Moderators"
PLACE = "/v1/sites/{site}/searches"
SortName = Literal["newest", "oldest"]


class SearchIn(Wire):
    """What to keep."""

    name: Annotated[str, StringConstraints(max_length=NAME_MAX_CHARS)]
    q: Annotated[str, StringConstraints(max_length=QUERY_MAX_CHARS)]
    """In the filter language."""
    sort: SortName = "newest"


class SavedSearchOut(Wire):
    """A search that is kept."""

    search_id: UUID = Field(strict=False)
    name: str
    q: str
    sort: SortName
    at: Timestamp


class SavedSearchesOut(Wire):
    """All that a member keeps on a site, by name."""

    items: list[SavedSearchOut]
    next: None


class KeepingSearches(Struct, frozen=True, kw_only=True):
    """What members keep."""

    searches: SavedSearches

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            Operation(
                operation_id="list_searches",
                method="GET",
                path=PLACE,
                summary="List the searches one keeps on a site",
                tag=TAG,
                credential=AMember(role=Role.VIEWER),
                answers={200: SavedSearchesOut},
                handler=self.show,
            ),
            Operation(
                operation_id="keep_search",
                method="POST",
                path=PLACE,
                summary="Keep a search, in place of another of the same name",
                tag=TAG,
                credential=AMember(role=Role.VIEWER),
                body=SearchIn,
                answers={201: SavedSearchOut},
                problems=(TooManySearches,),
                handler=self.keep,
            ),
            Operation(
                operation_id="forget_search",
                method="DELETE",
                path=f"{PLACE}/{{search_id}}",
                summary="Forget a search",
                tag=TAG,
                credential=AMember(role=Role.VIEWER),
                answers={204: None},
                problems=(UnknownSearch,),
                handler=self.forget,
            ),
        ]

    async def show(self, call: Call) -> Reply:
        """List what is kept."""
        kept = await self.searches.of_member(call.member.member_id, call.site)
        return Reply(content={"items": [saved_json(each) for each in kept], "next": None})

    async def keep(self, call: Call) -> Reply:
        """Keep one."""
        wish = call.body_as(SearchIn)
        saved = await self.searches.keep(
            call.member.member_id,
            call.site,
            name=wish.name,
            line=wish.q,
            sort=wish.sort,
            now=call.now,
        )
        return Reply(status=201, content=saved_json(saved))

    async def forget(self, call: Call) -> Reply:
        """Forget one."""
        search_id = UUID(call.path["search_id"])
        await self.searches.forget(call.member.member_id, call.site, search_id)
        return Reply(status=204)


def saved_json(saved: SavedSearch) -> dict[str, Any]:
    """Write a search that is kept."""
    return {
        "search_id": str(saved.search_id),
        "name": saved.name,
        "q": saved.line,
        "sort": saved.sort,
        "at": stamp(saved.at),
    }
