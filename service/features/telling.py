"""What happens on the newsroom's desk, on its way to whoever has the dashboard open.

Nothing here waits: what happened is put down, and a loop of `Desk` passes it on. Never a text.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from service.model import Action, Actor, Decision, Role, Site

UNSAID_MAX = 10_000
"""Messages kept while nobody passes them on; then the oldest are forgotten."""


class Happening(Struct, frozen=True, kw_only=True):
    """One thing that happened on a site."""

    site_id: int
    kind: str
    payload: dict[str, Any]
    role: Role | None = None
    """Who has less is not told."""


class Telling(Struct, kw_only=True):
    """Put down what happens, until it is taken."""

    _unsaid: deque[Happening] = field(default_factory=lambda: deque(maxlen=UNSAID_MAX))
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def claimed(self, site: Site, comment_ids: Sequence[UUID], *, by: str, until: datetime) -> None:
        """Somebody holds comments until a time, or holds on to them."""
        if comment_ids:
            payload = {"comment_ids": _texts(comment_ids), "by": by, "until": _stamp(until)}
            self._put(site, "claimed", payload)

    def released(self, site: Site, comment_ids: Sequence[UUID]) -> None:
        """Nobody holds these comments any more."""
        if comment_ids:
            self._put(site, "released", {"comment_ids": _texts(comment_ids)})

    def decided(self, site: Site, decisions: Sequence[Decision], actor: Actor) -> None:
        """Comments were decided; what a rule let through was on nobody's desk."""
        told = [
            {
                "comment_id": str(each.comment_id),
                "decision_id": str(each.decision_id),
                "action": each.action,
                "status": each.status,
                "revision": each.revision,
            }
            for each in decisions
            if actor.kind != "rule" or each.action is not Action.APPROVE
        ]
        if told:
            by = {"kind": actor.kind, "name": "" if actor.kind == "author" else actor.name}
            self._put(site, "decided", {"decisions": told, "by": by})

    def edited(self, site: Site, comment_id: UUID, revision: int) -> None:
        """An author changed a text: whoever reads the former one reads what is stale."""
        self._put(site, "edited", {"comment_id": str(comment_id), "revision": revision})

    def reported(self, site: Site, comment_id: UUID, reason: str) -> None:
        """Readers told the newsroom of a comment."""
        self._put(site, "reported", {"comment_id": str(comment_id), "reason": reason})

    def appealed(self, site: Site, comment_id: UUID, state: str) -> None:
        """An author asks for a second look, or was answered: `open`, `granted` or `denied`."""
        self._put(site, "appeal", {"comment_id": str(comment_id), "state": state})

    def alerted(
        self,
        site: Site,
        *,
        rule: str,
        label: str,
        severity: int,
        comment_ids: Sequence[UUID],
        role: Role,
    ) -> None:
        """A rule wants somebody told of comments, the latest last."""
        payload = {
            "rule": rule,
            "label": label,
            "severity": severity,
            "comments": len(comment_ids),
            "comment_id": str(comment_ids[-1]),
        }
        self._put(site, "alert", payload, role=role)

    def alerts_seen(self, site: Site, rule: str) -> None:
        """Somebody has seen what a rule alerted of."""
        self._put(site, "alerts_seen", {"rule": rule})

    async def take(self) -> list[Happening]:
        """Wait until there is something, and hand it over."""
        await self._some.wait()
        self._some.clear()
        taken = list(self._unsaid)
        self._unsaid.clear()
        return taken

    def _put(
        self, site: Site, kind: str, payload: dict[str, Any], *, role: Role | None = None
    ) -> None:
        self._unsaid.append(Happening(site_id=site.site_id, kind=kind, payload=payload, role=role))
        self._some.set()


def _texts(ids: Iterable[UUID]) -> list[str]:
    return [str(each) for each in ids]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
