"""What the newsroom asks of its own work, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from service.features.sites import UnknownSite
from service.features.statistics.figures import Report
from service.features.statistics.ranges import Range
from service.features.statistics.report import Statistics
from service.model import Role, Scope, Site
from service.web.operation import AModerator, Cache, Call, Operation, Reply
from service.web.wire.figures import stats_json, stats_lines
from service.web.wire.statistics import StatsOut, StatsQuery

CSV = "text/csv; charset=utf-8"
SECONDS = 40.0
"""A year of a large newsroom, after somebody else's."""
ABOUT = (
    "Figures of some days as of now, with those of as many days before; decisions are approvals"
    " and rejections. Without `site` those of all sites of whoever asks, together."
)


class Counting(Struct, frozen=True, kw_only=True):
    """What the page of statistics draws."""

    statistics: Statistics

    def operations(self) -> list[Operation]:
        """Return both operations."""
        return [
            Operation(
                operation_id="read_statistics",
                method="GET",
                path="/v1/moderation/stats",
                summary="What the page of statistics draws",
                description=ABOUT,
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=StatsQuery,
                answers={200: StatsOut},
                problems=(UnknownSite,),
                seconds=SECONDS,
                handler=self.read,
            ),
            Operation(
                operation_id="export_statistics",
                method="GET",
                path="/v1/moderation/stats.csv",
                summary="Take every figure of the statistics away as a table",
                description=f"A line a figure. {ABOUT}",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=StatsQuery,
                answers={200: CSV},
                problems=(UnknownSite,),
                seconds=SECONDS,
                handler=self.export,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Count."""
        return Reply(content=stats_json(await self._report(call)))

    async def export(self, call: Call) -> Reply:
        """Count, and write it as a table."""
        report = await self._report(call)
        name = f"statistics-{report.days.first}-{report.days.last}.csv"
        return Reply(
            ready=stats_lines(report),
            media_type=CSV,
            cache=Cache.NEVER,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def _report(self, call: Call) -> Report:
        query = call.query_as(StatsQuery)
        sites = named(call.sites, query.site)
        return await self.statistics.report(
            sites,
            Range.of(query.since, query.until, today=call.now.date()),
            lang=query.lang,
            actor=call.actor,
            sees_others=all(call.sees_escalated(site) for site in sites),
            now=call.now,
        )


def named(sites: Sequence[Site], slug: str | None) -> Sequence[Site]:
    """Return those of a caller's sites that they ask for.

    Raises:
        UnknownSite: it is none of theirs.
    """
    chosen = [each for each in sites if slug in {None, each.slug}]
    if not chosen:
        raise UnknownSite
    return chosen
