"""What an editor sees of the models and may do with them."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from service.errors import Conflict, NotFound
from service.features.administration import Acts
from service.features.learning.lesson import KINDS
from service.features.learning.report import approval_lacks
from service.model import Actor, Site
from service.storage.learning import Kind, LearningStore, Version

__all__ = ["KINDS", "GateNotMet", "Kind", "ModelDesk", "ModelState", "UnknownModel", "Version"]

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before every decision."""


class UnknownModel(NotFound):
    """The site has no such version of a model."""

    code = "unknown_model"
    title = "There is no such version of a model here."


class GateNotMet(Conflict):
    """The model is not good enough for what was asked."""

    code = "gate_not_met"
    title = "This model may not be asked before approving yet."


class ModelState(Struct, frozen=True, kw_only=True):
    """One model of a site: what is in use, what came before, and what it may do."""

    kind: Kind
    current: Version | None
    versions: tuple[Version, ...]
    """The latest first."""
    fresh: int
    """Decisions of people that no version has learnt from yet."""
    approves: bool
    """A rule may ask it and approve."""
    approval_lacks: tuple[str, ...]
    """What it still lacks for that; empty when an editor may allow it."""


class ModelDesk(Struct, frozen=True, kw_only=True):
    """Show and steer models. Methods raise Unavailable while Postgres is away."""

    store: LearningStore
    acts: Acts

    async def states(self, site: Site) -> tuple[ModelState, ...]:
        """Show each model of a site, also one that has learnt nothing yet."""
        versions = await self.store.versions(site.site_id)
        wishes = {wish.kind: wish for wish in await self.store.wishes(site.site_id)}
        states = []
        for kind in KINDS:
            own = tuple(each for each in versions if each.kind == kind)
            current = next((each for each in own if each.state == "current"), None)
            since = own[0].trained_at if own else BEGINNING
            lacks = _lacks(current)
            wanted = kind in wishes and wishes[kind].approves
            states.append(
                ModelState(
                    kind=kind,
                    current=current,
                    versions=own,
                    fresh=await self.store.count_labelled(site.site_id, since=since),
                    approves=wanted and not lacks,
                    approval_lacks=lacks,
                )
            )
        return tuple(states)

    async def promote(
        self, site: Site, kind: Kind, version: int, *, actor: Actor, now: datetime
    ) -> None:
        """Put a version to use, whatever its gates say: an older one is a step back.

        Raises:
            UnknownModel: there is no such version.
        """
        details = {"model": kind, "version": version}
        act = self.acts.by(actor, "model.promoted", site=site, now=now, details=details)
        if not await self.store.promote(site.site_id, kind, version, act=act):
            raise UnknownModel

    async def allow_approval(
        self, site: Site, kind: Kind, *, approves: bool, actor: Actor, now: datetime
    ) -> None:
        """Let rules ask a model and approve, or let them not.

        Raises:
            GateNotMet: it is not audited enough, or was not good enough.
        """
        if approves:
            states = {state.kind: state for state in await self.states(site)}
            if states[kind].approval_lacks:
                raise GateNotMet
        details = {"model": kind, "approves": approves}
        act = self.acts.by(actor, "model.approval", site=site, now=now, details=details)
        await self.store.wish_approval(site.site_id, kind, approves=approves, act=act)

    async def ask_anew(self, site: Site, kind: Kind, *, actor: Actor, now: datetime) -> None:
        """Let a model learn now and not in the night."""
        details = {"model": kind}
        act = self.acts.by(actor, "model.asked_anew", site=site, now=now, details=details)
        await self.store.ask_anew(site.site_id, kind, act=act)


def _lacks(current: Version | None) -> tuple[str, ...]:
    if current is None:
        return ("decisions", "moderators", "audited", "misses")
    return approval_lacks(
        current.figures, decisions=current.decisions, moderators=current.moderators
    )
