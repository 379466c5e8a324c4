"""A small table of operations with one of each kind, for the tests of the ground."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service.cursors import BadCursor
from service.errors import (
    Conflict,
    Failure,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from service.features.access import Guest, KeyHolder
from service.model import Scope
from service.web.operation import (
    FORM,
    HTML,
    LONG_TARGET_MAX_CHARS,
    MANAGEMENT_BODY_BYTES,
    AKey,
    AVisitor,
    Cache,
    Call,
    Operation,
    Reply,
)
from service.web.ready import Fixed

TAG = "Toys"
NOTE = "/v1/sites/demo/notes/0199f1f0-0000-7000-8000-000000000001"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


READY = Fixed(body=b"ready", etag='"ready"', forms={})


class PersonIn(Strict):
    name: Annotated[str, Field(min_length=1, max_length=5)]


class NoteIn(Strict):
    text: Annotated[str, Field(min_length=1, max_length=20)]
    author: PersonIn | None = None
    parent_id: UUID | None = None
    stars: Annotated[int, Field(ge=1, le=5)] = 1
    kind: Literal["note", "question"] = "note"
    tags: list[Annotated[str, Field(pattern=r"^[a-z]+$")]] = []


class NoteOut(Strict):
    article: str
    text: str
    who: str
    idempotency_key: str | None = None


class NotesQuery(Strict):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    sort: Literal["newest", "oldest"] = "newest"
    article: list[str] = []
    parent: UUID | None = None


class NotesOut(Strict):
    article: str
    limit: int
    articles: list[str]


class TextOut(Strict):
    text: str


class ClaimIn(Strict):
    site: str
    limit: int = 1


class ReverseIn(Strict):
    note: str


class TreeIn(Strict):
    tree: list[object]


class FormIn(Strict):
    name: str
    stars: int


class LookQuery(Strict):
    site: str | None = None


class FailQuery(Strict):
    kind: str


class NoteLocked(Conflict):
    """Of this table alone."""

    code = "note_locked"
    title = "Somebody else writes on this note."


FAILURES: dict[str, Failure] = {
    "invalid": Invalid(errors=(FieldError(pointer="/x", code="bad", detail="No."),)),
    "cursor": BadCursor(),
    "unauthenticated": Unauthenticated(),
    "forbidden": Forbidden("Not you."),
    "missing": NotFound(),
    "conflict": NoteLocked(),
    "limited": RateLimited(retry_after_seconds=7),
    "unavailable": Unavailable(code="queue_unavailable"),
}


@dataclass(slots=True)
class Toys:
    """What the operations are made of, within reach of the test."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    working: int = 0
    seen: list[Call] = field(default_factory=list)
    streams_closed: int = 0

    def operations(self) -> list[Operation]:
        site, notes = "/v1/sites/{site}", "/v1/sites/{site}/articles/{article}/notes"
        return [
            Operation(
                operation_id="write_note",
                method="POST",
                path=notes,
                summary="Write a note",
                tag=TAG,
                credential=AVisitor(key_scope=Scope.WRITE),
                body=NoteIn,
                answers={201: NoteOut},
                problems=(NoteLocked, RateLimited),
                cors=True,
                takes_idempotency_key=True,
                handler=self.write,
            ),
            Operation(
                operation_id="read_notes",
                method="GET",
                path=notes,
                summary="Read notes",
                tag=TAG,
                query=NotesQuery,
                target_limit=LONG_TARGET_MAX_CHARS,
                answers={200: NotesOut},
                public=True,
                cors=True,
                handler=self.read_many,
            ),
            Operation(
                operation_id="read_note",
                method="GET",
                path=site + "/notes/{note_id}",
                summary="Read a note",
                tag=TAG,
                credential=AVisitor(key_scope=Scope.READ),
                answers={200: TextOut},
                public=True,
                cors=True,
                handler=self.read,
            ),
            Operation(
                operation_id="delete_note",
                method="DELETE",
                path=site + "/notes/{note_id}",
                summary="Delete a note",
                tag=TAG,
                credential=AVisitor(required=True),
                answers={204: None},
                cors=True,
                handler=self.delete,
            ),
            Operation(
                operation_id="set_up",
                method="PUT",
                path=site + "/settings",
                summary="Change settings",
                tag=TAG,
                credential=AKey(scope=Scope.MANAGE),
                body=TreeIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: TextOut},
                handler=self.text,
            ),
            Operation(
                operation_id="look",
                method="GET",
                path="/v1/moderation/queue",
                summary="Look",
                tag=TAG,
                credential=AKey(scope=Scope.MODERATE),
                query=LookQuery,
                site_in_query=True,
                answers={200: TextOut},
                handler=self.name_site,
            ),
            Operation(
                operation_id="claim",
                method="POST",
                path="/v1/moderation/claims",
                summary="Claim",
                tag=TAG,
                credential=AKey(scope=Scope.MODERATE),
                body=ClaimIn,
                site_in_body=True,
                answers={200: TextOut},
                handler=self.name_site,
            ),
            Operation(
                operation_id="reverse",
                method="POST",
                path="/v1/reverse",
                summary="Reverse",
                tag=TAG,
                body=ReverseIn,
                body_optional=True,
                answers={200: TextOut},
                handler=self.text,
            ),
            Operation(
                operation_id="send_form",
                method="POST",
                path="/v1/form",
                summary="Send a form",
                tag=TAG,
                body=FormIn,
                body_media=FORM,
                answers={200: TextOut},
                handler=self.text,
            ),
            Operation(
                operation_id="fail",
                method="GET",
                path="/v1/fail",
                summary="Fail",
                tag=TAG,
                query=FailQuery,
                answers={200: None},
                handler=self.fail,
            ),
            Operation(
                operation_id="sleep",
                method="GET",
                path="/v1/sleep",
                summary="Take too long",
                tag=TAG,
                answers={200: TextOut},
                seconds=0.05,
                handler=self.wait,
            ),
            Operation(
                operation_id="work",
                method="POST",
                path="/v1/work",
                summary="Work until told to stop",
                tag=TAG,
                answers={200: TextOut},
                handler=self.wait,
            ),
            Operation(
                operation_id="stream",
                method="GET",
                path="/v1/stream",
                summary="Pour",
                tag=TAG,
                answers={200: "text/event-stream"},
                handler=self.pour,
            ),
            Operation(
                operation_id="ready",
                method="GET",
                path="/v1/ready",
                summary="Bytes that never change",
                tag=TAG,
                answers={200: HTML},
                public=True,
                hidden=True,
                handler=self.ready,
            ),
            Operation(
                operation_id="page",
                method="GET",
                path="/page",
                summary="A page",
                tag=TAG,
                answers={200: HTML},
                hidden=True,
                handler=self.page,
            ),
        ]

    async def write(self, call: Call) -> Reply:
        self.seen.append(call)
        note = call.body_as(NoteIn)
        return Reply(
            status=201,
            content=NoteOut(
                article=call.article,
                text=note.text,
                who=_who(call),
                idempotency_key=call.idempotency_key,
            ),
            headers={"Location": NOTE},
        )

    async def read_many(self, call: Call) -> Reply:
        self.seen.append(call)
        query = call.query_as(NotesQuery)
        return Reply(
            content=NotesOut(article=call.article, limit=query.limit, articles=query.article)
        )

    async def read(self, call: Call) -> Reply:
        return Reply(content={"text": _who(call)})

    async def delete(self, _: Call) -> Reply:
        return Reply(status=204)

    async def text(self, call: Call) -> Reply:
        return Reply(content={"text": "none" if call.body is None else str(call.body)})

    async def name_site(self, call: Call) -> Reply:
        return Reply(content={"text": call.site.slug})

    async def fail(self, call: Call) -> Reply:
        kind = call.query_as(FailQuery).kind
        if kind in FAILURES:
            raise FAILURES[kind]
        raise RuntimeError("a bug that knows a secret")

    async def wait(self, _: Call) -> Reply:
        self.working += 1
        try:
            await self.let_go.wait()
        finally:
            self.working -= 1
        return Reply(content={"text": "done"})

    async def pour(self, _: Call) -> Reply:
        return Reply(stream=self._pieces(), media_type="text/event-stream", cache=Cache.NEVER)

    async def ready(self, _: Call) -> Reply:
        return Reply(ready=READY.body, media_type=HTML, source=READY)

    async def page(self, _: Call) -> Reply:
        return Reply(
            ready=b"<!doctype html><title>x</title>",
            media_type=HTML,
            headers={"Content-Security-Policy": "default-src 'self'"},
        )

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            yield b"data: 2\n\n"
        finally:
            self.streams_closed += 1


def _who(call: Call) -> str:
    if call.visitor is None:
        return "nobody"
    if isinstance(call.visitor, KeyHolder):
        return f"key {call.visitor.key.name}"
    return "guest" if isinstance(call.visitor, Guest) else "reader"
