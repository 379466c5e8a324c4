"""Authors' records: the newsroom reads them, rules on authors, warns them and notes."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from service.errors import Forbidden
from service.features.access import KeyHolder
from service.features.records import Records, UnknownReader, UnknownWarning, Wishes
from service.features.sweeps import Sweeps, SweepUndone, UnknownSweep
from service.model import Role, Scope
from service.web.operation import AModerator, AVisitor, Call, Operation, Reply
from service.web.own import author_of, other_ids
from service.web.wire.base import stamp
from service.web.wire.records import (
    RecordIn,
    RecordOut,
    SaidIn,
    SweepIn,
    SweepOut,
    record_json,
    sweep_json,
)
from service.web.wire.told import WarnedOut

TAG = "Authors"
READ = AModerator(scope=Scope.MANAGE, role=Role.VIEWER)
RULE = AModerator(scope=Scope.MANAGE, role=Role.MODERATOR)
READER = "/v1/sites/{site}/readers/{ref}"
REJECTION = "/v1/sites/{site}/rejections/{operation_id}"
REF = "`ref` is the author's id, or `reader:` and what the site itself calls its reader."


class AuthorRecords(Struct, frozen=True, kw_only=True):
    """What the newsroom does about authors."""

    records: Records
    sweeps: Sweeps

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [*self._records(), *self._warnings(), *self._rejections()]

    def _records(self) -> list[Operation]:
        return [
            Operation(
                operation_id="read_reader",
                method="GET",
                path=READER,
                summary="Read what the site knows of an author",
                description=REF,
                tag=TAG,
                credential=READ,
                answers={200: RecordOut},
                problems=(UnknownReader,),
                handler=self.read,
            ),
            Operation(
                operation_id="rule_on_reader",
                method="PUT",
                path=READER,
                summary="Ban, mute, trust or always hold an author, or end that",
                description=f"{REF} It holds with the next thing they send, by whatever way."
                " Moderators mute for up to a day; the rest needs a senior."
                " A ban may hold everywhere: on every site on which the member is a senior.",
                tag=TAG,
                credential=RULE,
                body=RecordIn,
                answers={200: RecordOut},
                problems=(UnknownReader,),
                handler=self.rule,
            ),
            Operation(
                operation_id="add_note",
                method="POST",
                path=f"{READER}/notes",
                summary="Keep a note on an author for colleagues; it is never changed",
                description=REF,
                tag=TAG,
                credential=RULE,
                body=SaidIn,
                answers={201: WarnedOut},
                problems=(UnknownReader,),
                handler=self.note,
            ),
        ]

    def _warnings(self) -> list[Operation]:
        return [
            Operation(
                operation_id="warn_reader",
                method="POST",
                path=f"{READER}/warnings",
                summary="Warn an author, who has to acknowledge it before the next comment",
                description=REF,
                tag=TAG,
                credential=RULE,
                body=SaidIn,
                answers={201: WarnedOut},
                problems=(UnknownReader,),
                handler=self.warn,
            ),
            Operation(
                operation_id="acknowledge_warning",
                method="POST",
                path="/v1/sites/{site}/warnings/{warning_id}/acknowledge",
                summary="Say that one has read the newsroom's warning",
                description="A back end's key with the scope `write` says it for its reader.",
                tag="Readers",
                credential=AVisitor(required=True, key_scope=Scope.WRITE),
                answers={204: None},
                problems=(UnknownWarning,),
                cors=True,
                handler=self.acknowledge,
            ),
        ]

    def _rejections(self) -> list[Operation]:
        return [
            Operation(
                operation_id="reject_all_waiting",
                method="POST",
                path=f"{READER}/rejections",
                summary="Reject everything an author has waiting",
                description=f"{REF} It goes on behind: ask how far it is. What colleagues hold or"
                " decide meanwhile is skipped. More than 50 comments need a senior.",
                tag=TAG,
                credential=RULE,
                body=SweepIn,
                answers={202: SweepOut},
                problems=(UnknownReader,),
                handler=self.begin,
            ),
            Operation(
                operation_id="read_rejection",
                method="GET",
                path=REJECTION,
                summary="Read how far it is",
                tag=TAG,
                credential=READ,
                answers={200: SweepOut},
                problems=(UnknownSweep,),
                handler=self.progress,
            ),
            Operation(
                operation_id="undo_rejection",
                method="POST",
                path=f"{REJECTION}/undo",
                summary="Let everything wait again that it rejected, once",
                description="But for what was decided since. More than 50 comments need a senior.",
                tag=TAG,
                credential=RULE,
                answers={202: SweepOut},
                problems=(UnknownSweep, SweepUndone),
                handler=self.undo,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Show a record."""
        person = await self.records.person(
            call.site,
            call.path["ref"],
            sees_escalated=call.sees_escalated(call.site),
            now=call.now,
        )
        return Reply(content=record_json(person))

    async def rule(self, call: Call) -> Reply:
        """Change an author's standing."""
        await self.records.rule(
            call.site,
            call.path["ref"],
            _wishes(call),
            actor=call.actor,
            is_senior=call.sees_escalated(call.site),
            now=call.now,
        )
        return await self.read(call)

    async def note(self, call: Call) -> Reply:
        """Keep a note."""
        said = call.body_as(SaidIn).text
        note = await self.records.note(
            call.site, call.path["ref"], said, actor=call.actor, now=call.now
        )
        content = {"id": str(note.note_id), "text": note.text, "at": stamp(note.at)}
        return Reply(status=201, content=content)

    async def warn(self, call: Call) -> Reply:
        """Warn an author."""
        said = call.body_as(SaidIn).text
        warning = await self.records.warn(
            call.site, call.path["ref"], said, actor=call.actor, now=call.now
        )
        content = {"id": str(warning.warning_id), "text": warning.text, "at": stamp(warning.at)}
        return Reply(status=201, content=content)

    async def acknowledge(self, call: Call) -> Reply:
        """Note that a warning was read."""
        ids = None
        if not isinstance(call.visitor, KeyHolder):
            ids = (author_of(call), *other_ids(call))
        warning_id = UUID(call.path["warning_id"])
        await self.records.acknowledge(call.site, warning_id, ids, now=call.now)
        return Reply(status=204)

    async def begin(self, call: Call) -> Reply:
        """Begin to reject."""
        wish = call.body_as(SweepIn)
        sweep = await self.sweeps.begin(
            call.site,
            call.path["ref"],
            reason=wish.reason,
            note=wish.note,
            sweep_id=wish.operation_id,
            actor=call.actor,
            is_senior=call.sees_escalated(call.site),
            now=call.now,
        )
        return Reply(status=202, content=sweep_json(sweep))

    async def progress(self, call: Call) -> Reply:
        """Tell how far it is."""
        sweep = await self.sweeps.find(call.site, UUID(call.path["operation_id"]))
        return Reply(content=sweep_json(sweep))

    async def undo(self, call: Call) -> Reply:
        """Let it all wait again."""
        sweep_id = UUID(call.path["operation_id"])
        sweep = await self.sweeps.undo(
            call.site,
            sweep_id,
            actor=call.actor,
            is_senior=call.sees_escalated(call.site),
            now=call.now,
        )
        return Reply(status=202, content=sweep_json(sweep))


def _wishes(call: Call) -> Wishes:
    """Return what is wanted, and of a ban that holds everywhere on which other sites.

    Raises:
        Forbidden: a key wants a ban everywhere, and is good for its site alone.
    """
    wish = call.body_as(RecordIn)
    if wish.ban is None or not wish.ban.everywhere:
        return wish.wishes()
    if call.found_member is None:
        raise Forbidden("A key is good for one site: members ban on several.")
    others = [
        each.site_id
        for each in call.member.memberships
        if each.role.includes(Role.SENIOR) and each.site_id != call.site.site_id
    ]
    return wish.wishes(elsewhere=others)
