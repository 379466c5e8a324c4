"""The page: what is asked for in its address, and what its template is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.errors import Invalid
from service.features.sessions import SignedInMember, actor_of_member, role_on
from service.features.sites import SiteDirectory
from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import Report
from service.features.statistics.ranges import CHOICES, DAY, USUAL, Range
from service.features.statistics.report import Statistics
from service.model import Role, Site
from service.web.dashboard import words
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.statistics.figures import Figures
from service.web.dashboard.statistics.shown import Tile
from service.web.dashboard.statistics.written import MARKS, Written
from service.web.dashboard.view import View
from service.web.operation import Call, Operation, Reply
from service.web.statistics import SECONDS, named

PATH: Final = "/moderate/statistics"
DATES: Final = "dates"
"""The choice of days of one's own."""
LANG_CHARS: Final = 3


class StatisticsAsked(BaseModel):
    """The address of the page: anything that means nothing is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    days: str = ""
    since: str = ""
    until: str = ""
    site: str = ""
    lang: str = ""


class Wish(Struct, frozen=True, kw_only=True):
    """What is shown."""

    days: Range
    choice: str
    """Of the list of ranges."""
    site: str
    """Empty: all of them."""
    lang: str
    """Empty: all of them."""
    wrong: bool = False
    """Whether days were asked for that cannot be."""


class StatisticsPages(Struct, frozen=True, kw_only=True):
    """The page of statistics."""

    statistics: Statistics
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("statistics_page", PATH, self.show, role=Role.VIEWER)
        return [replace(whole, query=StatisticsAsked, seconds=SECONDS)]

    async def show(self, call: Call) -> Reply:
        """Show what was decided, and how."""
        member = call.member
        wish = _wish(call.query_as(StatisticsAsked), today=call.now.date())
        own = [await self.sites.get(each.site) for each in member.memberships]
        sites = named(own, wish.site or None)
        report = await self.statistics.report(
            sites,
            wish.days,
            lang=wish.lang or None,
            actor=actor_of_member(member, tuple(sites)),
            sees_others=_sees_all(member, sites),
            now=call.now,
        )
        written = Written(tongue=words.tongue(View.of(call).lang), step=wish.days.step)
        return page(
            call,
            "statistics.html",
            title="nav_statistics",
            section="statistics",
            wish=wish,
            choices=CHOICES,
            tiles=_tiles(report, written),
            figures=Figures(report=report, written=written).all(),
            sites=[each.slug for each in own],
            languages_asked=_languages(sites, wish),
            language_name=written.name,
            table=_table_address(report, wish),
            made_at=report.made_at,
            alone=not _sees_all(member, sites),
        )


def _sees_all(member: SignedInMember, sites: Sequence[Site]) -> bool:
    return all(role_on(member, site).includes(Role.SENIOR) for site in sites)


def _wish(asked: StatisticsAsked, *, today: date) -> Wish:
    lang = asked.lang if asked.lang.isalpha() and len(asked.lang) <= LANG_CHARS else ""
    wish = Wish(days=_last(USUAL, today), choice=str(USUAL), site=asked.site, lang=lang.lower())
    if asked.days == DATES:
        try:
            days = Range.of(_day(asked.since), _day(asked.until), today=today)
        except (Invalid, ValueError):
            return replace(wish, choice=DATES, wrong=True)
        return replace(wish, days=days, choice=DATES)
    chosen = next((each for each in CHOICES if asked.days == str(each)), USUAL)
    return replace(wish, days=_last(chosen, today), choice=str(chosen))


def _last(days: int, today: date) -> Range:
    return Range(first=today - (days - 1) * DAY, last=today)


def _day(said: str) -> date | None:
    return date.fromisoformat(said) if said else None


def _languages(sites: Sequence[Site], wish: Wish) -> list[str]:
    known = {each for site in sites for each in site.settings.languages}
    return sorted(known | ({wish.lang} if wish.lang else set()))


def _table_address(report: Report, wish: Wish) -> str:
    said = {
        "site": wish.site,
        "from": report.days.first.isoformat(),
        "to": report.days.last.isoformat(),
        "lang": wish.lang,
    }
    asked = urlencode({name: value for name, value in said.items() if value})
    return f"/v1/moderation/stats.csv?{asked}"


def _tiles(report: Report, written: Written) -> list[Tile]:
    say, queue = written.tongue.say, report.queue
    tiles, before = report.tiles, report.before

    def seconds(value: float | None) -> str:
        return written.cell("seconds", value)

    def share(value: Share) -> str:
        return written.cell("share", value.value)

    def tile(key: str, value: str, earlier: str = "", *, alarming: bool = False) -> Tile:
        return Tile(
            key=key,
            label=say(f"stats_tile_{key}"),
            value=value,
            before=say("stats_before", value=earlier.join(MARKS)) if earlier else "",
            alarming=alarming,
        )

    return [
        tile("waiting", written.tongue.number(queue.waiting)),
        tile("overdue", written.tongue.number(queue.overdue), alarming=queue.overdue > 0),
        tile("oldest", seconds(queue.oldest_seconds)),
        tile("median", seconds(tiles.median_seconds), seconds(before.median_seconds)),
        tile("p90", seconds(tiles.p90_seconds), seconds(before.p90_seconds)),
        tile("auto", share(tiles.auto), share(before.auto)),
        tile("rejected", share(tiles.rejected), share(before.rejected)),
        tile("overturned", share(tiles.overturned), share(before.overturned)),
    ]
