"""Find comments of a site over all states, by the filter language, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from service.cursors import Cursors
from service.features.articles import ArticleDirectory
from service.features.decisions import Decisions
from service.features.lookup import Found, Lookup
from service.features.search.language import ANY, Field, Mistake, Term, parse
from service.model import Article, Site, article_id
from service.storage.search import Criterion, Question, SearchStore, Sort

__all__ = ["Hit", "Hits", "Search", "Sort"]

ACTOR_KINDS = frozenset({"member", "key", "rule", "author"})
STEP = 100
"""Comments of one look while everything is read out."""

Names = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A comment that was searched for."""

    found: Found
    article: Article | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """A page of them, and what those are called who decided them."""

    hits: tuple[Hit, ...]
    names: Names
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Search. Methods raise Unavailable while Postgres is away, or a search takes too long."""

    store: SearchStore
    lookup: Lookup
    decisions: Decisions
    articles: ArticleDirectory
    cursors: Cursors

    async def page(
        self,
        site: Site,
        line: str,
        *,
        sort: Sort,
        limit: int,
        cursor: str | None,
        sees_escalated: bool,
        now: datetime,
    ) -> Hits:
        """Return a page of what a line of the filter language asks for.

        Raises:
            Mistake: the line cannot be understood.
            Invalid: the cursor is not one of this search's (`bad_cursor`).
        """
        criteria = await self._criteria(site, parse(line), sees_escalated=sees_escalated)
        purpose = f"search:{site.site_id}:{sort}:{sees_escalated}:{line}"
        after = None if cursor is None else UUID(self.cursors.open(purpose, cursor))
        question = Question(
            site_id=site.site_id, criteria=criteria, sort=sort, after=after, limit=limit + 1
        )
        ids = await self.store.ids(question)
        following = self.cursors.sign(purpose, str(ids[limit - 1])) if len(ids) > limit else None
        return await self._shown(site, ids[:limit], following, now=now)

    async def everything(
        self, site: Site, line: str, *, sort: Sort, sees_escalated: bool, now: datetime
    ) -> AsyncIterator[Hits]:
        """Yield all that a line asks for, some at a time.

        Raises:
            Mistake: the line cannot be understood.
        """
        criteria = await self._criteria(site, parse(line), sees_escalated=sees_escalated)
        after: UUID | None = None
        while True:
            question = Question(
                site_id=site.site_id, criteria=criteria, sort=sort, after=after, limit=STEP
            )
            ids = await self.store.ids(question)
            if ids:
                yield await self._shown(site, ids, None, now=now)
            if len(ids) < STEP:
                return
            after = ids[-1]

    async def _shown(
        self, site: Site, ids: Sequence[UUID], following: str | None, *, now: datetime
    ) -> Hits:
        known = await self.lookup.find_many(site, ids)
        found = [known[each] for each in ids if each in known]
        keys = {each.article_key for each in found}
        articles = {key: await self.articles.get(site, key, now=now) for key in keys}
        return Hits(
            hits=tuple(Hit(found=each, article=articles[each.article_key]) for each in found),
            names=await self.decisions.names(each.decision for each in found),
            next=following,
        )

    async def _criteria(
        self, site: Site, terms: Sequence[Term], *, sees_escalated: bool
    ) -> tuple[Criterion, ...]:
        criteria = [] if sees_escalated else [_one("escalated", value=False)]
        for term in terms:
            if term.field is Field.BY:
                names = [value.lower() for value in term.values]
                actors = await self.store.actors_called(site.site_id, names)
                actors += [*term.values, *names]
                criteria.append(_one("actors", value=actors, negated=term.negated))
            elif term.field is Field.SITE:
                _check_site(site, term)
            else:
                criteria.append(_criterion(site, term))
        return tuple(criteria)


def _criterion(site: Site, term: Term) -> Criterion:
    """Say in the store's words what a term asks."""
    match term.field:
        case Field.TEXT | Field.EMAIL:
            return _part(term)
        case Field.AUTHOR:
            return _author(term.values[0], negated=term.negated)
        case Field.DATE:
            return _dates(term)
        case Field.LANE:
            lanes = [_LANES[value] for value in term.values]
            pieces = tuple((name, site.site_id if ask is None else ask) for name, ask in lanes)
            return Criterion(any_of=pieces, negated=term.negated)
        case _:
            return _of_several(site, term)


_LANES: dict[str, tuple[str, bool | None]] = {
    "held": ("waits", True),
    "reported": ("reported", None),
    "new": ("unseen", None),
    "appeals": ("appealed", None),
    "check": ("constant", False),
    "all": ("constant", True),
}
"""Pieces by lane; without a value it is the site's."""


def _part(term: Term) -> Criterion:
    """Ask for a part of a text or an address; a comment without one holds no part of it."""
    name = "text" if term.field is Field.TEXT else "author_email"
    return _one(f"no_{name}" if term.negated else name, value=_holding(term.values[0].lower()))


def _of_several(site: Site, term: Term) -> Criterion:
    """Ask for one of several values."""
    values = list(term.values)
    name, value = {
        Field.ARTICLE: ("article_id", article_id(site.site_id, values[0])),
        Field.RULE: ("rules", values),
        Field.LANG: ("langs", [each.lower() for each in values]),
        Field.REASON: ("reasons", values),
        Field.STATE: ("constant", True) if ANY in values else ("states", values),
    }[term.field]
    return _one(name, value=value, negated=term.negated)


def _check_site(site: Site, term: Term) -> None:
    if (term.values[0] == site.slug) is term.negated:
        raise Mistake(term.position, "another_site", f"this is a search on `{site.slug}`.")


def _one(name: str, *, value: Any, negated: bool = False) -> Criterion:
    return Criterion(any_of=((name, value),), negated=negated)


def _author(value: str, *, negated: bool) -> Criterion:
    """Ask for a part of a name, or for the id the service gave an author."""
    try:
        return _one("author_id", value=UUID(value), negated=negated)
    except ValueError:
        name = "no_author_name" if negated else "author_name"
        return _one(name, value=_holding(value.lower()))


def _dates(term: Term) -> Criterion:
    """Ask for a time of days; ids begin with the time at which they were given."""
    bounds = []
    if term.first is not None:
        bounds.append(_one("before_id", value=_first_id(term.first)))
    if term.last is not None:
        bounds.append(_one("from_id", value=_first_id(term.last + timedelta(days=1))))
    outside = tuple(piece for each in bounds for piece in each.any_of)
    return Criterion(any_of=outside, negated=not term.negated)


def _first_id(day: date) -> UUID:
    """Return what no id of an earlier day reaches."""
    begins = datetime.combine(day, time(), UTC)
    return UUID(int=int(begins.timestamp() * 1_000) << 80)


def _holding(part: str) -> str:
    """Write a pattern for what holds a part."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
