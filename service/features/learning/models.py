"""Models in use: every process has its own copies, seconds behind what is kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

import structlog
from msgspec import Struct, field

from service.features.learning.model import BrokenModel, Model
from service.features.learning.reading import read
from service.features.learning.report import approval_lacks
from service.features.patience import Patience
from service.features.screening.views import Span
from service.model import Site
from service.storage.learning import Kind, LearningStore

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 3.0
SHORT_CHARS: Final = 800
"""Up to here a text is read in well under a millisecond."""


class Explanation(Struct, frozen=True):
    """What one model makes of a text."""

    kind: Kind
    version: int
    probability: float
    words: tuple[tuple[Span, float], ...]
    """The words that speak most against it, with what each adds."""


class Models(Struct, frozen=True, kw_only=True):
    """Say how probable it is that a person would turn a comment down."""

    store: LearningStore
    loaded: dict[tuple[int, Kind], tuple[int, Model]] = field(default_factory=dict)
    """By site and model: the version, and what it has learnt."""
    approvers: dict[int, frozenset[str]] = field(default_factory=dict)
    """By site: the models that a rule may ask and approve."""

    async def run(self) -> None:
        """Follow what is put to use, without end. Every process does."""
        patience = Patience("models_wait")
        while True:
            with patience:
                await self.refresh()
            await asyncio.sleep(LOOK_SECONDS)

    async def refresh(self) -> None:
        """Load what was put to use since, and drop what is not in use any more."""
        await self._refresh_approvers()
        currents = await self.store.currents()
        for key in [key for key in self.loaded if key not in currents]:
            del self.loaded[key]
        for key, version in currents.items():
            if key in self.loaded and self.loaded[key][0] == version:
                continue
            kept = await self.store.weights(*key, version)
            if kept is None:
                continue
            try:
                self.loaded[key] = (version, Model.restored(kept[0], sha256=kept[1]))
            except BrokenModel:
                self.loaded.pop(key, None)
                log.exception("model_broken", site=key[0], model=key[1], version=version)

    async def scores_of(self, site: Site, text: str) -> dict[str, float]:
        """Return `scores`; a long text is read where it keeps nobody waiting."""
        if len(text) <= SHORT_CHARS or not self._of(site):
            return self.scores(site, text)
        return await asyncio.to_thread(self.scores, site, text)

    def silent(self, site: Site) -> bool:
        """Tell whether no model is in use, so that nobody need be asked."""
        return not self._of(site)

    def approving(self, site: Site) -> frozenset[str]:
        """Return the models that a rule may ask and approve."""
        return self.approvers.get(site.site_id, frozenset())

    def scores(self, site: Site, text: str) -> dict[str, float]:
        """Return the calibrated probability by model; a model that is not in use says nothing."""
        in_use = self._of(site)
        if not in_use:
            return {}
        reading = read(text)
        return {kind: model.probability(reading) for kind, (_, model) in in_use.items()}

    def explain(self, site: Site, text: str) -> list[Explanation]:
        """Return what each model makes of a text, and which words speak most against it."""
        reading = read(text)
        return [
            Explanation(kind, version, model.probability(reading), model.explain(text))
            for kind, (version, model) in self._of(site).items()
        ]

    async def _refresh_approvers(self) -> None:
        """Look which models may be asked before approving: wanted by an editor, and good enough."""
        wanted = {(wish.site_id, wish.kind) for wish in await self.store.wishes() if wish.approves}
        approvers: dict[int, set[str]] = defaultdict(set)
        for site_id in {site_id for site_id, _ in wanted}:
            for version in await self.store.versions(site_id):
                if version.state != "current" or (site_id, version.kind) not in wanted:
                    continue
                if not approval_lacks(
                    version.figures, decisions=version.decisions, moderators=version.moderators
                ):
                    approvers[site_id].add(version.kind)
        self.approvers.clear()
        self.approvers.update({each: frozenset(kinds) for each, kinds in approvers.items()})

    def _of(self, site: Site) -> dict[Kind, tuple[int, Model]]:
        return {
            kind: found for (site_id, kind), found in self.loaded.items() if site_id == site.site_id
        }
