"""Readers vote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field

from service.errors import RateLimited, Unauthenticated
from service.features.access import Guest, SignedIn
from service.features.intake import AuthorBanned
from service.features.own import UnknownComment
from service.features.votes import OwnComment, Votes, VotesOff
from service.web.operation import AVisitor, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.comments import Votes as VotesOut

TAG = "Readers"


class VoteIn(Wire):
    """A vote: for, against, or taken back."""

    value: Annotated[int, Field(ge=-1, le=1)]  # as a Literal it would take true for 1


class VotedOut(Wire):
    """A comment's votes after it."""

    votes: VotesOut
    mine: Literal[1, 0, -1]


class Voting(Struct, frozen=True, kw_only=True):
    """What readers ask to vote."""

    votes: Votes
    hash_address: Callable[[str], str]

    def operations(self) -> list[Operation]:
        """Return the one operation."""
        return [
            Operation(
                operation_id="vote",
                method="PUT",
                path="/v1/sites/{site}/comments/{comment_id}/vote",
                summary="Vote for a comment, against it, or take the vote back",
                description="One vote a reader, counted once however often it is sent. Of guests"
                " with one address at most 3 a day count for a comment.",
                tag=TAG,
                credential=AVisitor(required=True),
                body=VoteIn,
                answers={200: VotedOut},
                problems=(UnknownComment, VotesOff, OwnComment, AuthorBanned, RateLimited),
                cors=True,
                handler=self.vote,
            )
        ]

    async def vote(self, call: Call) -> Reply:
        """Count a vote."""
        if not isinstance(call.visitor, Guest | SignedIn):
            raise Unauthenticated
        counted = await self.votes.cast(
            call.site,
            call.comment_id,
            call.visitor,
            value=call.body_as(VoteIn).value,
            address_hash=self.hash_address(call.network),
            now=call.now,
        )
        votes = {"up": counted.up, "down": counted.down}
        return Reply(content={"votes": votes, "mine": counted.mine})
