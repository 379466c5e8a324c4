"""The page of models: what they know, how good they are, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from babel.numbers import format_decimal, format_percent
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from service.features.learning.desk import ModelDesk, ModelState, Version
from service.features.sites import SiteDirectory
from service.model import Role
from service.web.dashboard import words
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.plots.dots import Spot, against
from service.web.dashboard.plots.lines import Line, Point, lines
from service.web.dashboard.plots.svg import Caption, Source
from service.web.dashboard.sited import SiteAsked
from service.web.dashboard.view import View
from service.web.operation import Call, Operation, Reply
from service.web.pages.words import Tongue

PATH: Final = "/moderate/learning"
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
NOTHING: Final = "-"
"""Instead of a figure that there is not."""
ORDERS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Shown(Struct, frozen=True, kw_only=True):
    """One model as the page shows it."""

    kind: str
    title: str
    sentence: str
    current: Version | None
    versions: tuple[Version, ...]
    fresh: int
    approves: bool
    lacks: tuple[str, ...]
    curve: Markup | None
    """How the order gets better with decisions."""
    calibration: Markup | None
    """What was said beside what was."""
    figures: Mapping[str, Any]
    """Of the version in use, else of the latest."""


class LearningPages(Struct, frozen=True, kw_only=True):
    """The page of models."""

    desk: ModelDesk
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("learning_page", PATH, self.show, role=Role.MODERATOR)
        return [replace(whole, query=SiteAsked)]

    async def show(self, call: Call) -> Reply:
        """Show the models of one site."""
        choice = chosen_site(call.member, call.query_as(SiteAsked).site, Role.MODERATOR)
        site = await self.sites.get(choice.slug)
        tongue = words.tongue(View.of(call).lang)
        states = await self.desk.states(site)
        return page(
            call,
            "learning.html",
            title="nav_learning",
            section="learning",
            parts=["asking", "learning"],
            told={"learning": {"site": site.slug}},
            site=site.slug,
            slugs=choice.slugs,
            edits=choice.may(Role.EDITOR),
            models=[_shown(state, tongue) for state in states],
            share=lambda value: _share(value, tongue),
            decimal=lambda value: _decimal(value, tongue),
        )


def _shown(state: ModelState, tongue: Tongue) -> Shown:
    title = tongue.say(f"learning_model_{state.kind}")
    described = state.current or next(iter(state.versions), None)
    figures = described.figures if described else {}
    return Shown(
        kind=state.kind,
        title=title,
        sentence=_sentence(state, described, tongue),
        current=state.current,
        versions=state.versions,
        fresh=state.fresh,
        approves=state.approves,
        lacks=state.approval_lacks,
        curve=_curve(state.kind, title, figures, tongue),
        calibration=_calibration(state.kind, title, figures, tongue),
        figures=figures,
    )


def _sentence(state: ModelState, described: Version | None, tongue: Tongue) -> str:
    if described is None:
        return tongue.say("learning_nothing_yet", n=state.fresh)
    if state.current is None:
        return tongue.say("learning_not_used", n=described.decisions)
    return tongue.say(
        "learning_in_use",
        n=described.decisions,
        bad=tongue.number(described.violations),
        order=_share(described.figures["auc"], tongue),
    )


def _curve(kind: str, title: str, figures: Mapping[str, Any], tongue: Tongue) -> Markup | None:
    points = figures.get("curve") or []
    if not points:
        return None
    steps = [tongue.number(int(size)) for size, _ in points]
    labelled = [
        (area, f"{step}: {_decimal(area, tongue)}")
        for step, (_, area) in zip(steps, points, strict=True)
    ]
    drawn = Line(
        label="",
        points=[
            Point(step=at, value=area, source=Source(row=at, values=[area], label=label))
            for at, (area, label) in enumerate(labelled)
        ],
    )
    caption = Caption(
        key=f"curve-{kind}",
        title=f"{tongue.say('learning_curve')}, {title}",
        description=tongue.say("learning_curve_said", order=_share(points[-1][1], tongue)),
    )
    ticks = [(value, _decimal(value, tongue)) for value in ORDERS]
    return lines(caption, [drawn], steps=steps, ticks=ticks)


def _calibration(
    kind: str, title: str, figures: Mapping[str, Any], tongue: Tongue
) -> Markup | None:
    bins = figures.get("bins") or []
    if not bins:
        return None
    spots = []
    for at, (said, was, count) in enumerate(bins):
        spread = 1.96 * (was * (1 - was) / max(count, 1)) ** 0.5
        label = f"{_share(said, tongue)}: {_share(was, tongue)}"
        spots.append(
            Spot(
                expected=said,
                value=was,
                low=max(0.0, was - spread),
                high=min(1.0, was + spread),
                source=Source(row=at, values=[said, was], label=label),
            )
        )
    caption = Caption(
        key=f"calibration-{kind}",
        title=f"{tongue.say('learning_calibration')}, {title}",
        description=tongue.say("learning_calibration_said", error=_share(figures["error"], tongue)),
    )
    return against(caption, spots, ticks=[(value, _share(value, tongue)) for value in SHARES])


def _share(value: float | None, tongue: Tongue) -> str:
    return NOTHING if value is None else str(format_percent(value, locale=tongue.locale))


def _decimal(value: float | None, tongue: Tongue) -> str:
    if value is None:
        return NOTHING
    return str(format_decimal(round(value, 2), locale=tongue.locale))
