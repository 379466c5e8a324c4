"""Find comments of a site over all states, by the filter language, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

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


class Hit(Struct, frozen=True, kw_only=True):
    """A comment that was searched for."""

    found: Found
    article: Article | None


class Hits(Struct, frozen=True, kw_only=True):
    """A page of them, and what those are called who decided them."""

    hits: tuple[Hit, ...]
    names: Names
    next: str | None


class Search(Struct, frozen=True, kw_only=True):
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
        question = await self._question(site, line, sort, sees_escalated=sees_escalated)
        purpose = f"search:{site.site_id}:{sort}:{sees_escalated}:{line}"
        after = None if cursor is None else UUID(self.cursors.open(purpose, cursor))
        ids = await self.store.ids(replace(question, after=after, limit=limit + 1))
        following = self.cursors.sign(purpose, str(ids[limit - 1])) if len(ids) > limit else None
        return await self._shown(site, ids[:limit], following, now=now)

    async def everything(
        self, site: Site, line: str, *, sort: Sort, sees_escalated: bool, now: datetime
    ) -> AsyncIterator[Hits]:
        """Yield all that a line asks for, some at a time.

        Raises:
            Mistake: the line cannot be understood.
        """
        question = await self._question(site, line, sort, sees_escalated=sees_escalated)
        while True:
            ids = await self.store.ids(question)
            if ids:
                yield await self._shown(site, ids, None, now=now)
            if len(ids) < question.limit:
                return
            question = replace(question, after=ids[-1])

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

    async def _question(
        self, site: Site, line: str, sort: Sort, *, sees_escalated: bool
    ) -> Question:
        terms = parse(line)
        criteria = [] if sees_escalated else [_one("escalated", value=False)]
        since, before = [], []
        for term in terms:
            if term.field is Field.BY:
                criteria.append(await self._by(site, term))
            elif term.field is Field.SITE:
                _check_site(site, term)
            elif term.field is Field.DATE and not term.negated:
                since += [_first_id(term.first)] if term.first else []
                before += [_end_id(term.last)] if term.last else []
            else:
                criteria.append(_criterion(site, term))
        return Question(
            site_id=site.site_id,
            criteria=tuple(criteria),
            sort=sort,
            after=None,
            limit=STEP,
            since=max(since, default=None),
            before=min(before, default=None),
        )

    async def _by(self, site: Site, term: Term) -> Criterion:
        """Ask who made the latest decision: a member or a key by name, a rule, or a kind."""
        names = [value.lower() for value in term.values]
        actors = await self.store.actors_called(site.site_id, names)
        pieces: list[tuple[str, Any]] = [("actors", [*actors, *term.values])]
        kinds = [name for name in names if name in ACTOR_KINDS]
        if kinds:
            pieces.append(("actor_kinds", kinds))
        return Criterion(any_of=tuple(pieces), negated=term.negated)


def _criterion(site: Site, term: Term) -> Criterion:
    """Say in the store's words what a term asks."""
    match term.field:
        case Field.TEXT | Field.EMAIL:
            return _part(term)
        case Field.AUTHOR:
            return _author(term.values[0], negated=term.negated)
        case Field.DATE:
            return _outside(term)
        case Field.LANG:
            langs = [value.lower() for value in term.values]
            regional = [_escaped(each) + "-%" for each in langs]
            pieces = (("langs", langs), ("regional", regional))
            return Criterion(any_of=pieces, negated=term.negated)
        case Field.LANE:
            lanes = [_LANES[value] for value in term.values]
            of_lanes = tuple((name, site.site_id if ask is None else ask) for name, ask in lanes)
            return Criterion(any_of=of_lanes, negated=term.negated)
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


def _outside(term: Term) -> Criterion:
    """Ask for what is not of some days; ids begin with the time at which they were given."""
    pieces: list[tuple[str, Any]] = []
    if term.first is not None:
        pieces.append(("before_id", _first_id(term.first)))
    if term.last is not None:
        pieces.append(("from_id", _end_id(term.last)))
    return Criterion(any_of=tuple(pieces))


def _first_id(day: date) -> UUID:
    """Return what no id of an earlier day reaches."""
    begins = datetime.combine(day, time(), UTC)
    return UUID(int=int(begins.timestamp() * 1_000) << 80)


def _end_id(day: date) -> UUID:
    """Return what no id of this day reaches."""
    return _first_id(day + timedelta(days=1))


def _holding(part: str) -> str:
    """Write a pattern for what holds a part."""
    return f"%{_escaped(part)}%"


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
