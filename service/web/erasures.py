"""What the law lets readers ask of a site: everything that is theirs, or that it is forgotten."""

from __future__ import annotations

from msgspec import Struct

from service.features.erasures import Erasures
from service.features.records import UnknownReader
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.records import READER, REF, TAG
from service.web.wire.erasures import ErasedOut, EverythingOut, everything_json

FOR_THE_LAW = AModerator(scope=Scope.MANAGE, role=Role.ADMIN, fresh=True)
"""Whole lives of readers, or their end: a session needs a fresh proof."""


class Forgetting(Struct, frozen=True, kw_only=True):
    """Hand out what is a reader's, and forget readers."""

    erasures: Erasures

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            Operation(
                operation_id="export_reader",
                method="GET",
                path=f"{READER}/export",
                summary="Everything the site holds of a reader",
                description=f"{REF} Texts that wait, are public or are kept, votes, reports,"
                " warnings and colleagues' notes. It is logged that this was asked.",
                tag=TAG,
                credential=FOR_THE_LAW,
                answers={200: EverythingOut},
                problems=(UnknownReader,),
                handler=self.export,
            ),
            Operation(
                operation_id="erase_reader",
                method="DELETE",
                path=READER,
                summary="Forget a reader for good",
                description=f"{REF} Their comments leave tombstones where there are replies, their"
                " receipts are void, and nothing of theirs comes back, not with a backup either."
                " It cannot be undone. `running`: there is much, and it goes on behind the answer.",
                tag=TAG,
                credential=FOR_THE_LAW,
                answers={200: ErasedOut},
                problems=(UnknownReader,),
                handler=self.erase,
            ),
        ]

    async def export(self, call: Call) -> Reply:
        """Hand everything out."""
        everything = await self.erasures.export(
            call.site, call.path["ref"], actor=call.actor, now=call.now
        )
        return Reply(content=everything_json(everything))

    async def erase(self, call: Call) -> Reply:
        """Forget somebody."""
        state = await self.erasures.erase(
            call.site, call.path["ref"], actor=call.actor, now=call.now
        )
        return Reply(content={"state": state})
