"""The queue: where moderators spend their day."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from babel.dates import format_timedelta
from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.errors import NotFound
from service.features.checks import Checks
from service.features.lanes import WAITING_LANES
from service.features.queue import Lane, Queue, QueuePage, Sort
from service.features.reasons import texts_with
from service.features.screening.priority import FIRST_SEVERITY
from service.features.sessions import SignedInMember, actor_of_member, role_on
from service.features.sites import SiteDirectory
from service.features.wishes import Wish, Wishes
from service.model import REASONS, Actor, Membership, Role, Site
from service.web.dashboard import words
from service.web.dashboard.frame import page, page_operation, shown_sections
from service.web.dashboard.keys import face, keys_json
from service.web.dashboard.view import View
from service.web.operation import Call, Operation, Reply
from service.web.wire.moderation import queue_json
from service.web.wishes import wish_json

LANES: Final = (Lane.HELD, Lane.REPORTED, Lane.NEW, Lane.APPEALS, Lane.CHECK, Lane.ALL)
"""In the order of their tabs and number keys."""
SORTS: Final[tuple[Sort, ...]] = ("priority", "oldest", "newest")
FIRST_PAGE = 20
"""Cards of the first paint: more than anybody reads before the next page is there."""
FILTER_MAX = 300
"""Characters of the filter line."""
PHRASE_MAX = 200
"""Of them, what is searched for in texts."""
MASKED: Final = frozenset(
    {"insults", "hate", "threats", "sexual", "profanity", "coarse-words", "insults-by-consonants"}
)
"""Rules whose matches may hurt: they stand behind a mask until somebody wants to see them."""
AGREEMENT_SPAN = timedelta(days=30)
HARD_RISK = 0.9
"""From here on a text is masked whole, for whoever wants that (comfort.js)."""
NAMED = re.compile(r"(site|lane):\S+\Z")
TERM = re.compile(r'-?[a-z]+:(?:"[^"]*"|\S+)|"[^"]*"|\S+')
"""One word of a filter, a quoted phrase, or a condition with its value."""
CONDITION = re.compile(r"-?(rule|lang|author|risk|age|article|reason|lane|site):(?!//)(\S.*)\Z")
"""What the page's modules choose by (filters.js); the rest is searched for in the texts."""


class QueueAsked(BaseModel):
    """The address of the page: anything that means nothing is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""
    lane: str = ""
    sort: str = ""
    filter: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """Which part of which queue is shown."""

    site: Site
    lane: Lane
    sort: Sort
    filter: str

    @property
    def phrase(self) -> str | None:
        """What of the filter is searched for in the texts; its conditions are the page's own."""
        said = [each for each in TERM.findall(self.filter) if not CONDITION.match(each)]
        return " ".join(each.strip('"') for each in said)[:PHRASE_MAX] or None


class QueuePages(Struct, frozen=True, kw_only=True):
    """The page of the queue."""

    queue: Queue
    sites: SiteDirectory
    wishes: Wishes
    checks: Checks

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("queue_page", "/moderate/", self.show)
        return [replace(whole, query=QueueAsked)]

    async def show(self, call: Call) -> Reply:
        """Show the first cards, and tell the page's modules what they need to go on."""
        member = call.member
        if not member.memberships:
            return page(call, "home.html", title="your_roles", section="queue")
        asked = call.query_as(QueueAsked)
        asked = asked.model_copy(update=_meant(asked.filter))
        membership = _membership(member, asked.site)
        site = await self.sites.get(membership.site)
        place = _place(site, asked)
        actor = actor_of_member(member, (site,))
        shown, totals, wish = await asyncio.gather(
            self._look(place, actor, limit=FIRST_PAGE, now=call.now),
            self.queue.totals(site, actor=actor),
            self.wishes.of(member.member_id),
        )
        first = queue_json(shown)
        lang = View.of(call).lang
        return page(
            call,
            "queue.html",
            title="nav_queue",
            section="queue",
            parts=["queue", "alerts"],
            place=place,
            lanes=[(lane, totals.get(lane, 0)) for lane in LANES],
            wish=wish,
            agreement=await self._agreement(place, now=call.now),
            sorts=SORTS,
            cards=[_card(item, lang, wish, now=call.now) for item in first["items"]],
            decides=role_on(member, site).includes(Role.MODERATOR),
            face=face,
            total=shown.total,
            told={"queue": _told(member, place, first, wish)},
        )

    async def _agreement(self, place: Place, *, now: datetime) -> tuple[int, int] | None:
        """Return how many second looks there were of late, and how many agreed; None elsewhere."""
        if place.lane is not Lane.CHECK:
            return None
        counted = await self.checks.agreement(place.site, since=now - AGREEMENT_SPAN, until=now)
        return sum(each.checks for each in counted), sum(each.agreed for each in counted)

    async def _look(self, place: Place, actor: Actor, *, limit: int, now: datetime) -> QueuePage:
        return await self.queue.look(
            place.site,
            lane=place.lane,
            sort=place.sort,
            phrase=place.phrase if place.lane in WAITING_LANES else None,
            limit=limit,
            cursor=None,
            actor=actor,
            now=now,
        )


def _membership(member: SignedInMember, slug: str) -> Membership:
    """Return the one on a site, or the first if none is named.

    Raises:
        NotFound: they have none there.
    """
    for each in member.memberships:
        if slug in {"", each.site}:
            return each
    raise NotFound


def _place(site: Site, asked: QueueAsked) -> Place:
    return Place(
        site=site,
        lane=next((each for each in LANES if each == asked.lane), LANES[0]),
        sort=next((each for each in SORTS if each == asked.sort), SORTS[0]),
        filter=" ".join(asked.filter[:FILTER_MAX].split()),
    )


def _meant(line: str) -> dict[str, str]:
    """Return the site and the lane that a filter names, and the rest of it."""
    named = dict(each.split(":", 1) for each in TERM.findall(line) if NAMED.match(each))
    if not named:
        return {}
    rest = [each for each in TERM.findall(line) if not NAMED.match(each)]
    return {**named, "filter": " ".join(rest)}


def _told(
    member: SignedInMember, place: Place, first: dict[str, Any], wish: Wish
) -> dict[str, Any]:
    role = role_on(member, place.site)
    return {
        "site": place.site.slug,
        "lane": place.lane,
        "sort": place.sort,
        "filter": place.filter,
        "lanes": LANES,
        "decides": role.includes(Role.MODERATOR),
        "senior": role.includes(Role.SENIOR),
        "page": first,
        "reasons": [*REASONS, *place.site.settings.reasons],
        "texts": texts_with(place.site.settings.reason_texts),
        "languages": place.site.settings.languages,
        "masked": sorted(MASKED),
        "hardest": FIRST_SEVERITY,
        "keys": keys_json({each.key: each.path for each in shown_sections(member)}),
        "wishes": wish_json(wish),
    }


def _card(item: dict[str, Any], lang: str, wish: Wish, *, now: datetime) -> dict[str, Any]:
    """Return what the first paint shows of a waiting comment; the modules add the rest."""
    comment = item["comment"]
    return {
        "id": comment["id"],
        "name": comment["author"]["name"],
        "lang": comment["lang"],
        "article": item["article"]["title"] or item["article"]["key"],
        "url": item["article"]["url"],
        "since": _ago(datetime.fromisoformat(comment["created_at"]) - now, lang),
        "due": _ago(datetime.fromisoformat(item["due_at"]) - now, lang),
        "pieces": [("whole", "")]
        if (wish.mask_all and item["priority"]["risk"] >= HARD_RISK)
        or item["priority"]["severity"] >= FIRST_SEVERITY
        else pieces(comment["text"] or "", item["why"], masks=wish.mask),
        "why": [each["label"] for each in item["why"]],
    }


def pieces(said: str, why: Sequence[dict[str, Any]], *, masks: bool) -> list[tuple[str, str]]:
    """Cut a text where signals marked it: each piece with "", `mark` or `mask`.

    Masked pieces are their first letter and dots, so what may hurt is not in the page.
    """
    kinds = [""] * len(said)
    for each in why:
        for start, end in each["spans"]:
            kind = "mask" if masks and each["rule"] in MASKED else "mark"
            for position in range(start, min(end, len(said))):
                kinds[position] = "mask" if kinds[position] == "mask" else kind
    cut: list[tuple[str, str]] = []
    start = 0
    for end in range(1, len(said) + 1):
        if end == len(said) or kinds[end] != kinds[start]:
            piece = said[start:end]
            cut.append((kinds[start], f"{piece[0]}•••" if kinds[start] == "mask" else piece))
            start = end
    return cut


def _ago(span: timedelta, lang: str) -> str:
    locale = words.tongue(lang).locale
    return format_timedelta(span, add_direction=True, locale=locale, threshold=1.2)
