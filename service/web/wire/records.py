"""Authors' records as the newsroom reads and changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.features.records import Ban, Person, Wishes
from service.features.sweeps import Sweep
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp
from service.web.wire.comments import CommentOut, found_json
from service.web.wire.management import Time
from service.web.wire.moderation import ByOut, DecisionOut, decision_json
from service.web.wire.told import BanOut, ban_json

Said = Annotated[str, StringConstraints(max_length=4_000)]


class BanIn(Wire):
    """From now on the author may not write, vote or report."""

    until: Time | None = None
    """Null: for good."""
    reason: Said | None = None
    """The author is told this."""
    everywhere: bool = False
    """Also on every other site on which the member who asks may ban; of a signed-in reader."""


class RecordIn(Wire):
    """What to change of an author's standing: what is left out stays."""

    ban: BanIn | None = None
    """Null ends it."""
    trusted: bool | None = None
    """What they write is published at once where the site trusts the trusted."""
    always_hold: bool | None = None
    """What they write waits for a look, whatever the mode."""

    def wishes(self, *, elsewhere: Sequence[int] = ()) -> Wishes:
        """Return what was said, and nothing of what was left out.

        `elsewhere` are the sites that everywhere means besides.
        """
        ban = None
        if self.ban:
            sites = tuple(elsewhere) if self.ban.everywhere else ()
            ban = Ban(until=self.ban.until, reason=self.ban.reason, sites=sites)
        return Wishes(
            ban=ban,
            lift_ban=ban is None and "ban" in self.model_fields_set,
            trusted=self.trusted,
            always_hold=self.always_hold,
        )


class SaidIn(Wire):
    """A warning for an author, or a note for colleagues."""

    text: Said


class SweepIn(Wire):
    """Why everything an author has waiting is rejected."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    note: Said = ""
    """For colleagues."""
    operation_id: UUID | None = Field(default=None, strict=False)
    """Makes repeating it harmless."""


class RecordBanOut(BanOut):
    """A ban as the newsroom sees it."""

    everywhere: bool
    """It holds on other sites, too."""


class NoteOut(Wire):
    """Something colleagues should know."""

    id: UUID = Field(strict=False)
    text: str
    by: ByOut
    at: Timestamp


class WarningOut(NoteOut):
    """A warning."""

    acknowledged_at: Timestamp | None


class DoneOut(Wire):
    """An entry of the administrative log."""

    id: UUID = Field(strict=False)
    act: str
    by: ByOut
    at: Timestamp
    details: dict[str, Any]


class ReadersReportsOut(Wire):
    """Reports an author made and got; upheld are those followed by a removal."""

    made: int
    made_upheld: int
    received: int
    received_upheld: int


class RecordOut(Wire):
    """What a site knows of an author."""

    ref: UUID = Field(strict=False)
    kind: Literal["guest", "reader", "backend"]
    name: str
    approved: int
    rejected: int
    waiting: int
    first_seen: Timestamp | None
    ban: RecordBanOut | None
    trusted: bool
    always_hold: bool
    reports: ReadersReportsOut
    comments: list[CommentOut]
    """The newest 20, whatever became of them."""
    decisions: list[DecisionOut]
    """On their comments; the newest 50."""
    notes: list[NoteOut]
    warnings: list[WarningOut]
    log: list[DoneOut]
    """What the newsroom did about them."""


class SweepOut(Wire):
    """How far it is that everything an author had waiting is rejected, or waits again."""

    id: UUID = Field(strict=False)
    ref: UUID = Field(strict=False)
    state: Literal["running", "done", "undoing", "undone"]
    reason: str
    total: int
    rejected: int
    skipped: int
    """Decided meanwhile, edited, or held by a colleague."""
    restored: int
    at: Timestamp
    ended_at: Timestamp | None


Names = Mapping[tuple[str, str], str]


def record_json(person: Person) -> dict[str, Any]:
    """Write an author's record."""
    standing, reports, names = person.standing, person.reports, person.names
    return {
        "ref": str(person.author_id),
        "kind": person.kind,
        "name": person.name,
        "approved": standing.approved,
        "rejected": standing.rejected,
        "waiting": person.waiting,
        "first_seen": optional_stamp(standing.first_seen),
        "ban": _ban_json(person.ban),
        "trusted": standing.trusted,
        "always_hold": standing.always_hold,
        "reports": {
            "made": reports.made,
            "made_upheld": reports.made_upheld,
            "received": reports.received,
            "received_upheld": reports.received_upheld,
        },
        "comments": [found_json(each) for each in person.comments],
        "decisions": [decision_json(each, names) for each in person.decisions],
        "notes": [
            _said(each.note_id, each.text, (each.actor_kind, each.actor_id), each.at, names)
            for each in person.notes
        ],
        "warnings": [
            {
                **_said(
                    each.warning_id, each.text, (each.actor_kind, each.actor_id), each.at, names
                ),
                "acknowledged_at": optional_stamp(each.acknowledged_at),
            }
            for each in person.warnings
        ],
        "log": [
            {
                "id": str(each.entry_id),
                "act": each.act,
                "by": _by((each.actor_kind, each.actor_id), names),
                "at": stamp(each.at),
                "details": dict(each.details),
            }
            for each in person.acts
        ],
    }


def _ban_json(ban: Ban | None) -> dict[str, Any] | None:
    """Write it for the newsroom: it is not said which other sites there are."""
    written = ban_json(ban)
    return written and {**written, "everywhere": bool(ban and ban.sites)}


def sweep_json(sweep: Sweep) -> dict[str, Any]:
    """Write how far a sweep is."""
    return {
        "id": str(sweep.sweep_id),
        "ref": str(sweep.author_id),
        "state": sweep.state,
        "reason": sweep.reason,
        "total": sweep.total,
        "rejected": sweep.rejected,
        "skipped": sweep.skipped,
        "restored": sweep.restored,
        "at": stamp(sweep.at),
        "ended_at": optional_stamp(sweep.ended_at),
    }


def _said(
    said_id: UUID, said: str, actor: tuple[str, str], at: datetime, names: Names
) -> dict[str, Any]:
    return {"id": str(said_id), "text": said, "by": _by(actor, names), "at": stamp(at)}


def _by(actor: tuple[str, str], names: Names) -> dict[str, str]:
    return {"kind": actor[0], "name": names.get(actor) or actor[1]}
