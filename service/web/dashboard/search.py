"""Search: one line over all states, and what to do with what is found."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from service.features.reasons import texts_with
from service.features.search.find import Hits, Search, Sort
from service.features.search.language import QUERY_MAX_CHARS, Mistake
from service.features.search.saved import NAME_MAX_CHARS, SavedSearches
from service.features.sites import SiteDirectory
from service.features.wishes import Wishes
from service.model import Site
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.sited import SiteAsked, cut, reasons_of, rights, slug_of, spoken
from service.web.dashboard.view import View
from service.web.operation import Call, Operation, Reply
from service.web.wire.search import hits_json

ROWS = 100
EXCERPT_CHARS = 300
"""Of a text, in a row: three lines."""
SORTS: Final[tuple[Sort, ...]] = ("newest", "oldest")
KEYS: Final = (
    ("next", "j"),
    ("previous", "k"),
    ("select", "x"),
    ("extend_down", "Shift+J"),
    ("extend_up", "Shift+K"),
    ("approve_all", "Shift+A"),
    ("reject_all", "Shift+R"),
    ("spam_all", "Shift+S"),
    ("undo", "u"),
    ("filter", "/"),
    ("go_queue", "g q"),
    ("go_log", "g l"),
    ("go_account", "g m"),
)
"""Actions and their keys, as in the queue."""


class SearchAsked(SiteAsked):
    """The address of a search."""

    q: str = ""
    sort: str = ""
    cursor: str = ""


class SearchPages(Struct, frozen=True, kw_only=True):
    """The page of search."""

    search: Search
    searches: SavedSearches
    wishes: Wishes
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("search_page", "/moderate/search", self.show)
        return [replace(whole, query=SearchAsked)]

    async def show(self, call: Call) -> Reply:
        """Show what is found, or where the line cannot be understood."""
        asked = call.query_as(SearchAsked)
        site = await self.sites.get(slug_of(call.member, asked.site))
        line = " ".join(asked.q[:QUERY_MAX_CHARS].split(" "))
        sort: Sort = "oldest" if asked.sort == "oldest" else "newest"
        hits, mistake = Hits(hits=(), names={}, next=None), None
        try:
            hits = await self._hits(call, site, line, sort, asked.cursor)
        except Mistake as found:
            mistake = _mistake(found, line)
        lang = View.of(call).lang
        wish = await self.wishes.of(call.member.member_id)
        keys = {action: wish.keys.get(action, key) for action, key in KEYS}
        base = {"site": site.slug, "q": line, "sort": sort}
        return page(
            call,
            "search.html",
            title="nav_search",
            section="search",
            parts=["queue", "people"],
            site=site,
            line=line,
            sort=sort,
            sorts=SORTS,
            rows=hit_rows(hits, masks=wish.mask),
            mistake=mistake,
            further=urlencode({**base, "cursor": hits.next}) if hits.next else None,
            begun=urlencode(base) if asked.cursor else None,
            table=urlencode(base),
            kept=await self.searches.of_member(call.member.member_id, site),
            name_max=NAME_MAX_CHARS,
            line_max=QUERY_MAX_CHARS,
            face=keys if wish.keyboard != "off" else None,
            spoken=spoken(lang),
            told={"place": {**told(site, call), "keys": keys, "keyboard": wish.keyboard}},
            may=rights(call.member, site),
        )

    async def _hits(self, call: Call, site: Site, line: str, sort: Sort, cursor: str) -> Hits:
        return await self.search.page(
            site,
            line,
            sort=sort,
            limit=ROWS,
            cursor=cursor or None,
            sees_escalated=call.sees_escalated(site),
            now=call.now,
        )


def hit_rows(hits: Hits, *, masks: bool) -> list[dict[str, Any]]:
    """Return what is found as rows show it."""
    rows = []
    for hit, each in zip(hits.hits, hits_json(hits)["items"], strict=True):
        comment, decision = each["comment"], each["decision"]
        text = comment["text"] or ""
        excerpt = text[:EXCERPT_CHARS] + ("…" if len(text) > EXCERPT_CHARS else "")
        rows.append(
            {
                "id": comment["id"],
                "revision": comment["revision"],
                "status": comment["status"],
                "at": datetime.fromisoformat(comment["created_at"]),
                "name": comment["author"]["name"],
                "ref": each["ref"],
                "lang": comment["lang"],
                "article": each["article"]["title"] or each["article"]["key"],
                "pieces": cut(hit.found, excerpt, masks=masks),
                "by": decision and (decision["by"]["name"] or None),
                "by_kind": decision and decision["by"]["kind"],
                "reason": decision and decision["reason"],
            }
        )
    return rows


def told(site: Site, call: Call) -> dict[str, Any]:
    """Tell the modules of a page what they need to decide and to reject."""
    return {
        "site": site.slug,
        "reasons": reasons_of(site),
        "texts": texts_with(site.settings.reason_texts),
        "languages": site.settings.languages,
        **rights(call.member, site),
    }


def _mistake(mistake: Mistake, line: str) -> dict[str, Any]:
    """Return what is said of a mistake, and the line with the place that it is at."""
    at = min(mistake.position, len(line))
    rest = line[at:]
    word = rest.split(" ", 1)[0] or " "
    return {
        "code": mistake.errors[0].code,
        "number": at + 1,
        "before": line[:at],
        "word": word,
        "after": rest[len(word) :],
    }
