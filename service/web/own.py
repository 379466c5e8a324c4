"""Authors and their own comments."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from service.errors import RateLimited, Unauthenticated
from service.features.access import Guest, SignedIn
from service.features.appeals import Appeals
from service.features.intake import AuthorBanned, NotDurable, QueueEmptied, RefusedByRule
from service.features.own import (
    EditWindowOver,
    NotEditable,
    NotYours,
    Own,
    StaleRevision,
    UnknownComment,
)
from service.features.records import Records
from service.features.votes import Votes
from service.web.operation import AVisitor, Cache, Call, Operation, Reply
from service.web.wire.base import Timestamp, Wire, stamp
from service.web.wire.comments import CommentOut, author_json
from service.web.wire.told import BanOut, WarnedOut, told_json

TAG = "Readers"
AUTHOR = AVisitor(required=True)
COMMENT = "/v1/sites/{site}/comments/{comment_id}"


class EditIn(Wire):
    """A comment's new text."""

    body: str
    """Markdown subset."""
    revision: Annotated[int, Field(ge=1)]
    """The one that was read: of the edit that waits, if one does."""
    editor: str | None = None
    """What opening the editor in time answered."""


class EditorOut(Wire):
    """An editor that may stay open for a while."""

    editor: str
    """To be sent with the edit."""
    editable_until: Timestamp


class EditedOut(Wire):
    """The comment as it is now."""

    comment: CommentOut


class OwnOut(Wire):
    """What one author has under an article, and their standing with the site."""

    comments: list[CommentOut]
    votes: dict[str, Literal[1, -1]]
    """By comment."""
    ban: BanOut | None
    warnings: list[WarnedOut]
    """To be acknowledged before the next comment."""


class OwnComments(Struct, frozen=True, kw_only=True):
    """What authors ask about what they wrote."""

    own: Own
    votes: Votes
    appeals: Appeals
    records: Records

    def operations(self) -> list[Operation]:
        """Return the table of what authors can ask."""
        return [
            Operation(
                operation_id="read_own",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/me",
                summary="Read one's own comments and votes under an article",
                tag=TAG,
                credential=AUTHOR,
                answers={200: OwnOut},
                cors=True,
                handler=self.me,
            ),
            Operation(
                operation_id="edit_comment",
                method="PATCH",
                path=COMMENT,
                summary="Edit one's own comment",
                description="While the new text waits, the last approved one stays public.",
                tag=TAG,
                credential=AUTHOR,
                body=EditIn,
                answers={200: EditedOut},
                problems=(
                    UnknownComment,
                    NotYours,
                    AuthorBanned,
                    EditWindowOver,
                    NotEditable,
                    StaleRevision,
                    RefusedByRule,
                    QueueEmptied,
                    NotDurable,
                    RateLimited,
                ),
                cors=True,
                handler=self.edit,
            ),
            Operation(
                operation_id="open_editor",
                method="POST",
                path=f"{COMMENT}/editor",
                summary="Begin to edit one's own comment",
                description="Inside the site's window: whoever begins in time has ten minutes to"
                " finish.",
                tag=TAG,
                credential=AUTHOR,
                answers={200: EditorOut},
                problems=(UnknownComment, NotYours, EditWindowOver, NotEditable),
                cors=True,
                handler=self.open_editor,
            ),
            Operation(
                operation_id="delete_comment",
                method="DELETE",
                path=COMMENT,
                summary="Delete one's own comment",
                description="Its text is gone at once.",
                tag=TAG,
                credential=AUTHOR,
                answers={204: None},
                problems=(UnknownComment, NotYours, StaleRevision),
                cors=True,
                handler=self.delete,
            ),
        ]

    async def me(self, call: Call) -> Reply:
        """Show authors their own."""
        author_id = author_of(call)
        found = await self.own.under(call.site, call.article, author_id)
        votes = await self.votes.of(call.site, call.article, author_id)
        appeals = await self.appeals.of(call.site, found)
        comments = [
            author_json(each, call.site, now=call.now, appeal=appeals.get(each.comment_id))
            for each in found
        ]
        told = await self.records.told(call.site, author_id, also=other_ids(call), now=call.now)
        content = {
            "comments": comments,
            "votes": {str(key): value for key, value in votes.items()},
            **told_json(told),
        }
        return Reply(content=content, cache=Cache.NEVER)

    async def open_editor(self, call: Call) -> Reply:
        """Give an author time."""
        opened = await self.own.open_editor(
            call.site, call.comment_id, author_of(call), now=call.now
        )
        content = {"editor": opened.proof, "editable_until": stamp(opened.until)}
        return Reply(content=content, cache=Cache.NEVER)

    async def edit(self, call: Call) -> Reply:
        """Replace a text."""
        wish = call.body_as(EditIn)
        found = await self.own.edit(
            call.site,
            call.comment_id,
            author_of(call),
            also=other_ids(call),
            body=wish.body,
            revision=wish.revision,
            editor=wish.editor,
            now=call.now,
        )
        appeal = (await self.appeals.of(call.site, [found])).get(found.comment_id)
        written = author_json(found, call.site, now=call.now, appeal=appeal)
        return Reply(content={"comment": written})

    async def delete(self, call: Call) -> Reply:
        """Take a comment away."""
        await self.own.delete(call.site, call.comment_id, author_of(call), now=call.now)
        return Reply(status=204)


def other_ids(call: Call) -> tuple[UUID, ...]:
    """Return how else the site may know who asks."""
    return call.visitor.also if isinstance(call.visitor, SignedIn) else ()


def author_of(call: Call) -> UUID:
    """Return who asks: a guest with a receipt or a signed-in reader.

    Raises:
        Unauthenticated: nobody in particular.
    """
    visitor = call.visitor
    if not isinstance(visitor, Guest | SignedIn):
        raise Unauthenticated
    return visitor.author_id
