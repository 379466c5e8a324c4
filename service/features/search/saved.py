"""Searches that members keep for themselves, with a name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid, NotFound
from service.features import text
from service.features.search.language import parse
from service.model import Site
from service.storage.saved_searches import SavedSearch, SavedSearchStore
from service.storage.search import Sort

__all__ = ["SavedSearch", "SavedSearches", "TooManySearches", "UnknownSearch"]

NAME_MAX_CHARS = 60
MOST = 50
"""Of one member on one site: more are a list nobody finds anything in."""


class UnknownSearch(NotFound):
    """The member keeps no such search here."""

    code = "unknown_search"
    title = "There is no such search."


class TooManySearches(Conflict):
    """The member keeps as many as there may be."""

    code = "too_many_searches"
    title = f"You keep {MOST} searches; forget one first."


class SavedSearches(Struct, frozen=True, kw_only=True):
    """Keep them, list them, forget them. Methods raise Unavailable while Postgres is away."""

    store: SavedSearchStore
    new_id: Callable[[datetime], UUID]

    async def of_member(self, member_id: UUID, site: Site) -> list[SavedSearch]:
        """Return a member's searches on a site, by name."""
        return await self.store.of_member(member_id, site.site_id)

    async def keep(
        self, member_id: UUID, site: Site, *, name: str, line: str, sort: Sort, now: datetime
    ) -> SavedSearch:
        """Keep one; it takes the place of another of the same name.

        Raises:
            Mistake: the line cannot be understood.
            Invalid: the name.
            TooManySearches: as many are kept already.
        """
        parse(line)
        clean = text.clean_note(name, max_chars=NAME_MAX_CHARS, pointer="/name").strip()
        if not clean:
            detail = "Give it a name."
            error = FieldError(pointer="/name", code="missing", detail=detail)
            raise Invalid(detail, errors=(error,))
        saved = SavedSearch(search_id=self.new_id(now), name=clean, line=line, sort=sort, at=now)
        if not await self.store.keep(member_id, site.site_id, saved, most=MOST):
            raise TooManySearches
        return saved

    async def forget(self, member_id: UUID, site: Site, search_id: UUID) -> None:
        """Forget one.

        Raises:
            UnknownSearch: there is none.
        """
        if not await self.store.drop(member_id, site.site_id, search_id):
            raise UnknownSearch
