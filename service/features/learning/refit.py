"""Learning anew: every night, when there is much to learn, and when somebody asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.learning.apart import study_apart
from service.features.learning.lesson import KINDS, Lesson, lesson_of
from service.features.learning.report import Learnt, can_learn
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.model import Site
from service.storage.learning import Kind, LearningStore, Version

log = structlog.get_logger(__name__)

DECISIONS_MAX: Final = 20_000
"""The latest decisions of a site that are learnt from: older ones are about other times."""
VERSIONS_KEPT: Final = 10
LOOK_SECONDS: Final = 20.0
NIGHT_HOUR: Final = 3
"""UTC."""
GROWTH: Final = 0.2
GROWTH_MIN: Final = 50
"""So many more decisions, and this share more, are learnt from without waiting for the night."""
BEGINNING: Final = timedelta(days=180)
"""How far back it is looked where nothing was learnt yet: rejected texts are kept no longer."""

Study = Callable[..., Awaitable[Learnt]]


class Refit(Struct, frozen=True, kw_only=True):
    """Make new versions of models. Only one process may."""

    store: LearningStore
    sites: SiteDirectory
    clock: Callable[[], datetime]
    study: Study = study_apart
    tried: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    """By site: when its decisions were last learnt from, and how many there were."""

    async def run(self) -> None:
        """Look what there is to learn, without end."""
        patience = Patience("learning_waits")
        while True:
            with patience:
                for site in await self.sites.all_sites():
                    if await self.is_due(site):
                        await self.learn(site)
            await asyncio.sleep(LOOK_SECONDS)

    async def is_due(self, site: Site) -> bool:
        """Whether a site's decisions are to be learnt from now."""
        now = self.clock()
        last, before = self.tried.get(site.site_id) or await self._last(site)
        wishes = await self.store.wishes(site.site_id)
        if any(wish.asked_at is not None and wish.asked_at > last for wish in wishes):
            return True
        fresh = await self.store.count_labelled(site.site_id, since=last)
        if fresh >= max(GROWTH_MIN, GROWTH * before):
            return True
        night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
        return fresh > 0 and last < night <= now

    async def learn(self, site: Site) -> None:
        """Make a new version of each model, and put it to use if it passes its gates."""
        now = self.clock()
        decided = await self.store.labelled(site.site_id, limit=DECISIONS_MAX)
        versions = await self.store.versions(site.site_id)
        for kind in KINDS:
            lesson = lesson_of(kind, decided)
            if can_learn(lesson):
                current = next(
                    (each for each in versions if (each.kind, each.state) == (kind, "current")),
                    None,
                )
                try:
                    await self._study(site, lesson, current, now=now)
                except Unavailable:
                    raise
                except Exception:  # whatever it trips over: the leader has more to do
                    log.exception("model_not_learnt", site=site.slug, model=kind)
        self.tried[site.site_id] = (now, len(decided))

    async def _study(
        self, site: Site, lesson: Lesson, current: Version | None, *, now: datetime
    ) -> None:
        weights = None
        before: Mapping[str, Any] | None = None
        if current is not None:
            weights = await self.store.weights(site.site_id, lesson.kind, current.version)
            before = current.figures
        learnt = await self.study(lesson, before=before, current=weights)
        version = Version(
            kind=lesson.kind,
            version=0,
            state="refused" if learnt.refused else "current",
            trained_at=now,
            decisions=len(lesson.taught),
            violations=lesson.violations,
            moderators=lesson.moderators,
            figures={**learnt.figures, "refused": list(learnt.refused)},
            stated_at=now,
        )
        number = await self.store.keep(
            site.site_id,
            version,
            weights=learnt.weights,
            sha256=learnt.sha256,
            kept=VERSIONS_KEPT,
        )
        log.info(
            "model_learnt",
            site=site.slug,
            model=lesson.kind,
            version=number,
            refused=list(learnt.refused),
        )
        if alarms := learnt.figures["alarms"]:
            log.warning("model_drifts", site=site.slug, model=lesson.kind, alarms=alarms)

    async def _last(self, site: Site) -> tuple[datetime, int]:
        """Return when a site's decisions were last learnt from, by what is kept."""
        versions = await self.store.versions(site.site_id)
        latest: dict[Kind, Version] = {}
        for each in versions:
            latest.setdefault(each.kind, each)
        if not latest:
            return self.clock() - BEGINNING, 0
        return (
            max(each.trained_at for each in latest.values()),
            max(each.decisions for each in latest.values()),
        )
