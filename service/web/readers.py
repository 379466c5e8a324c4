"""Readers: they post, and they read threads and counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated
from uuid import UUID

import orjson
from msgspec import Struct
from pydantic import Field, StringConstraints

from service.cursors import BadCursor
from service.errors import FieldError, Forbidden, Invalid, RateLimited
from service.features.access import Access, KeyHolder, SignedIn, Visitor
from service.features.appeals import Appeals
from service.features.cache import Built, Cache
from service.features.counts import KEYS_MAX, Counts
from service.features.fragments import Fragments
from service.features.guests import Guests
from service.features.intake import (
    ArticleClosed,
    AuthorBanned,
    GuestsNotAllowed,
    Intake,
    KeyReused,
    NotDurable,
    ParentNotPublished,
    QueueEmptied,
    QueueFull,
    RefusedByRule,
    WarningUnacknowledged,
)
from service.features.lookup import Found, Lookup
from service.features.own import UnknownComment
from service.features.submission import (
    Sender,
    Submission,
    sent_by_backend,
    sent_by_guest,
    sent_by_reader,
)
from service.features.threads import LIMIT_DEFAULT, LIMIT_MAX, Sort, Threads, UnknownParent
from service.features.waits import Waits
from service.model import ApiKey, Scope, Site
from service.web.operation import Anyone, AVisitor, Call, Operation, Reply
from service.web.operation import Cache as Keep
from service.web.ready import Kept
from service.web.wire.base import Wire
from service.web.wire.comments import (
    CountOut,
    CountsOut,
    OneCommentOut,
    ThreadOut,
    author_json,
    threaded_json,
)
from service.web.wire.pages import thread_bytes
from service.web.wire.submissions import (
    AcceptedOut,
    ReceiptOut,
    SubmissionIn,
    accepted_json,
    location,
)

TAG = "Readers"

ArticleKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ThreadQuery(Wire):
    """Which page of a thread."""

    sort: Sort = Sort.BEST
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: str | None = None
    parent: UUID | None = None
    """Only the replies of this comment."""
    focus: UUID | None = None
    """The page that holds this comment, with its ancestors open."""


class CountsQuery(Wire):
    """Which articles."""

    article: Annotated[list[ArticleKey], Field(min_length=1, max_length=KEYS_MAX)]


class Readers(Struct, frozen=True, kw_only=True):
    """What the widget under an article asks."""

    intake: Intake
    guests: Guests
    threads: Threads
    counts: Counts
    lookup: Lookup
    appeals: Appeals
    cache: Cache
    fragments: Fragments
    waits: Waits
    access: Access
    hash_address: Callable[[str], str]

    def operations(self) -> list[Operation]:
        """Return the table of what readers can ask."""
        return [
            Operation(
                operation_id="post_comment",
                method="POST",
                path="/v1/sites/{site}/articles/{article}/comments",
                summary="Post a comment",
                description="202: it waits for moderation; 201: it was published at once. Either"
                " way it is durable. Repeating it with the same Idempotency-Key is harmless.",
                tag=TAG,
                credential=AVisitor(key_scope=Scope.WRITE),
                body=SubmissionIn,
                answers={201: AcceptedOut, 202: AcceptedOut},
                problems=(
                    ArticleClosed,
                    AuthorBanned,
                    WarningUnacknowledged,
                    GuestsNotAllowed,
                    UnknownParent,
                    ParentNotPublished,
                    KeyReused,
                    RefusedByRule,
                    RateLimited,
                    NotDurable,
                    QueueEmptied,
                    QueueFull,
                ),
                cors=True,
                takes_idempotency_key=True,
                handler=self.post,
            ),
            Operation(
                operation_id="read_thread",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/comments",
                summary="Read a page of an article's thread",
                tag=TAG,
                credential=Anyone(),
                query=ThreadQuery,
                answers={200: ThreadOut},
                problems=(BadCursor, UnknownParent),
                public=True,
                cors=True,
                handler=self.thread,
            ),
            Operation(
                operation_id="read_count",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/count",
                summary="Count an article's approved comments",
                tag=TAG,
                answers={200: CountOut},
                public=True,
                cors=True,
                handler=self.count,
            ),
            Operation(
                operation_id="read_counts",
                method="GET",
                path="/v1/sites/{site}/counts",
                summary="Count the approved comments of up to 200 articles",
                tag=TAG,
                query=CountsQuery,
                target_limit=48 * 1024,
                answers={200: CountsOut},
                public=True,
                cors=True,
                handler=self.many_counts,
            ),
            Operation(
                operation_id="read_comment",
                method="GET",
                path="/v1/sites/{site}/comments/{comment_id}",
                summary="Read one comment with its ancestors",
                description="With a receipt or token also one's own pending or rejected comment.",
                tag=TAG,
                credential=AVisitor(key_scope=Scope.READ),
                answers={200: OneCommentOut},
                problems=(UnknownComment,),
                public=True,
                cors=True,
                handler=self.comment,
            ),
            Operation(
                operation_id="become_guest",
                method="POST",
                path="/v1/sites/{site}/guests",
                summary="Get a receipt without a comment",
                tag=TAG,
                answers={201: ReceiptOut},
                problems=(GuestsNotAllowed, RateLimited),
                cors=True,
                handler=self.become_guest,
            ),
        ]

    async def post(self, call: Call) -> Reply:
        """Take a comment in."""
        submission = self._submission(call, call.body_as(SubmissionIn))
        accepted = await self.intake.accept(submission, now=call.now)
        receipt = None
        if submission.kind == "guest":
            receipt = self.access.receipt(call.site, accepted.author_id, accepted.generation)
        headers = {"Location": location(call.site, accepted.found.comment_id)}
        if accepted.replayed:
            headers["Idempotency-Replayed"] = "true"
        comment = author_json(accepted.found, call.site, now=call.now)
        return Reply(
            status=201 if accepted.at_once else 202,
            content=accepted_json(accepted, comment, receipt),
            headers=headers,
        )

    async def thread(self, call: Call) -> Reply:
        """Answer with ready bytes; whoever asks first builds them for all."""
        query = call.query_as(ThreadQuery)
        site, article = call.site, call.article

        async def build() -> Built:
            page = await self.threads.page(
                site,
                article,
                sort=query.sort,
                limit=query.limit,
                cursor=query.cursor,
                parent=query.parent,
                focus=query.focus,
                whole=False,
            )
            usual = await self.waits.usual_minutes(site, now=call.now)
            written = thread_bytes(
                page,
                site,
                usual_minutes=usual,
                now=call.now,
                fragments=self.fragments,
                asks_focus=query.focus is not None,
            )
            return Built(body=written, article_ids=page.article_ids, version=page.version)

        about = (site.site_id, site.settings_version, self.waits.turn(call.now))
        key = ("thread", about, article, *query.__dict__.values())
        return await self._kept(key, build)

    async def count(self, call: Call) -> Reply:
        """Count one article's comments."""
        site, article = call.site, call.article

        async def build() -> Built:
            tally = await self.counts.one(site, article)
            written = {"article": article, "count": tally.approved}
            return _built(written, tally.article_ids, 0)

        return await self._kept(("count", site.site_id, article), build)

    async def many_counts(self, call: Call) -> Reply:
        """Count several articles' comments; the order of the keys makes no difference."""
        site, keys = call.site, sorted(set(call.query_as(CountsQuery).article))

        async def build() -> Built:
            tallies = await self.counts.many(site, keys)
            counts = {key: tallies[key].approved for key in keys}
            about = {each for tally in tallies.values() for each in tally.article_ids}
            return _built({"counts": counts}, tuple(about), 0)

        return await self._kept(("counts", site.site_id, *keys), build, cache=Keep.COUNTS)

    async def comment(self, call: Call) -> Reply:
        """Show a public comment to everybody, and their own to its author."""
        if call.visitor is not None:
            found = await self.lookup.find(call.site, call.comment_id)
            if found is not None and _is_theirs(found, call.visitor):
                return await self._own_comment(call, found)
        site, comment_id = call.site, call.comment_id

        async def build() -> Built:
            one = await self.threads.one(site, comment_id)
            if one is None:
                raise UnknownComment
            key = one.article.key
            written = {
                "comment": threaded_json(one.comment, key),
                "ancestors": [threaded_json(each, key) for each in one.ancestors],
            }
            return _built(written, one.article_ids, one.version)

        return await self._kept(("comment", site.site_id, comment_id), build)

    async def _kept(
        self,
        key: tuple[Hashable, ...],
        build: Callable[[], Awaitable[Built]],
        *,
        cache: Keep | None = None,
    ) -> Reply:
        entry = await self.cache.get(key, build)
        return Reply(source=Kept(cache=self.cache, key=key, entry=entry), cache=cache)

    async def become_guest(self, call: Call) -> Reply:
        """Let somebody in who has not written yet."""
        address = self.hash_address(call.network)
        guest = await self.guests.admit(call.site, address_hash=address)
        return Reply(status=201, content={"receipt": self.access.receipt(call.site, guest, 0)})

    async def _own_comment(self, call: Call, found: Found) -> Reply:
        ancestors = []
        appeals = await self.appeals.of(call.site, [found])
        if found.parent_id is not None:
            above = await self.threads.one(call.site, found.parent_id)
            if above is not None:
                path = [*above.ancestors, above.comment]
                ancestors = [threaded_json(each, above.article.key) for each in path]
        return Reply(
            content={
                "comment": author_json(
                    found, call.site, now=call.now, appeal=appeals.get(found.comment_id)
                ),
                "ancestors": ancestors,
            },
            cache=Keep.PRIVATE,
        )

    def _submission(self, call: Call, sent: SubmissionIn) -> Submission:
        """Say what was sent, and who writes."""
        article = sent.article
        return Submission(
            site=call.site,
            article_key=call.article,
            body=sent.body,
            parent_id=sent.parent_id,
            article_url=article.url if article else None,
            article_title=article.title if article else None,
            lang=sent.lang,
            idempotency_key=call.idempotency_key,
            address_hash=self.hash_address(call.network),
            **_sender(call, sent),
        )


def _sender(call: Call, sent: SubmissionIn) -> Sender:
    """Say who writes: a guest, a reader of the site, or the back end for one."""
    visitor = call.visitor
    if isinstance(visitor, KeyHolder):
        return _represented(call.site, visitor.key, sent)
    if sent.on_behalf_of is not None:
        raise Forbidden("Only a back end's key may post on behalf of a reader.")
    if isinstance(visitor, SignedIn):
        return sent_by_reader(visitor)
    if sent.author is None:
        raise _missing("/author", "Guests give a name.")
    return sent_by_guest(visitor, name=sent.author.name, email=sent.author.email)


def _represented(site: Site, key: ApiKey, sent: SubmissionIn) -> Sender:
    reader = sent.on_behalf_of
    if reader is None:
        raise _missing("/on_behalf_of", "A key posts for a reader: say for whom.")
    return sent_by_backend(
        site,
        key,
        reader_id=reader.id,
        issuer=reader.issuer,
        name=reader.name,
        email=reader.email,
        badge=reader.badge,
        avatar=reader.avatar,
    )


def _is_theirs(found: Found, visitor: Visitor) -> bool:
    """Tell whether somebody is told more than the public: authors of their own, keys of all."""
    return isinstance(visitor, KeyHolder) or found.author_id == visitor.author_id


def _built(written: object, article_ids: tuple[UUID, ...], version: int) -> Built:
    return Built(body=orjson.dumps(written), article_ids=article_ids, version=version)


def _missing(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code="missing", detail=detail),))
