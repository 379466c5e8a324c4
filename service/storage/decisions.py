"""The decision log in Postgres: what is decided, and everything that changes with it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from service import telemetry
from service.model import (
    Actor,
    Author,
    Comment,
    Decision,
    ItemKind,
    PendingComment,
    Status,
    best_order,
)
from service.payload import from_payload, to_payload
from service.storage.postgres import (
    TURN_SECONDS,
    Connection,
    connected,
    in_transaction,
    load_queries,
)
from service.storage.rows import decision_of, public_comment
from service.storage.screenings import SQL as SCREENINGS
from service.storage.screenings import screening_rows
from service.storage.webhook_events import WAIT

SQL = load_queries("decisions")


class Refused(Exception):  # noqa: N818 - told to the code that decides, never to a person
    """Postgres does not take what was written: the data is at fault, not the server."""

    def __init__(self, sqlstate: str) -> None:
        """Carry the SQLSTATE, of class 22 or 23."""
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Place(NamedTuple):
    """Where a comment is: every table is keyed by it."""

    site_id: int
    article_id: UUID
    comment_id: UUID


class ArticlePlace(NamedTuple):
    """An article's key in every table."""

    site_id: int
    article_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision with what only the log cares for."""

    decision: Decision
    kind: ItemKind
    """Whether a comment or the edit of a public one was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was known of a text when it was judged: what statistics count by."""

    lang: str | None
    risk: float | None = None
    """None: it was not screened."""
    rules: tuple[str, ...] | None = None
    """Those that had spoken about it, and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What Postgres knows of a comment that is to be decided."""

    place: Place
    article_key: str | None
    public: Comment | None
    """Its row among the public ones, tombstones included."""
    latest: Entry | None
    same: Entry | None
    """The decision made earlier under the id that is now sent."""
    journaled: PendingComment | None
    kept: PendingComment | None
    """The text kept of it while it is not public."""
    submitted_as: UUID | None
    """The comment that its idempotency key stands for."""


@dataclass(slots=True, kw_only=True)
class Branch:
    """A public row as far as tombstones depend on it; changes with the transaction."""

    place: Place
    parent_id: UUID | None
    root_id: UUID
    depth: int
    status: Status
    reply_count: int = 0
    shown_replies: int = 0

    @property
    def shown(self) -> bool:
        """Readers see it: approved, or a tombstone over replies they see."""
        return self.status is Status.APPROVED or self.shown_replies > 0


class Question(NamedTuple):
    """A comment to be decided, and the id its decision will have."""

    place: Place
    decision_id: UUID | None = None
    dk: str | None = None


@dataclass(slots=True, kw_only=True)
class Changes:
    """All that one transaction will write, collected while it decides."""

    at: datetime
    _rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    _replies: dict[Place, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    _counts: dict[ArticlePlace, list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0])
    )

    ORDER = (
        "place",
        "describe_article",
        "publish",
        "keep_revision",
        "put_back_text",
        "take_down",
        "forget_revisions",
        "shift_replies",
        "shift_counts",
        "close_reports",
        "reopen_reports",
        "forget_appeal",
        "grant_appeal",
        "reopen_appeal",
        "drop_kept",
        "keep_text",
        "settle_journal",
        "journal",
        "submit",
        "record_screening",
        "record_signal",
        "forget_screening",
        "count_for_author",
        "append",
        "name_subject",
        "tell",
    )
    """Statements in the order they run: a reply's row needs its parent's."""

    def append(
        self,
        decision: Decision,
        *,
        kind: ItemKind,
        text: str,
        author_id: UUID | None,
        seen: Seen,
        duplicate_of: UUID | None = None,
        rule_version: int | None = None,
    ) -> None:
        """Add an entry to the log, with the SHA-256 of the text that was judged."""
        place = (decision.site_id, decision.article_id, decision.comment_id)
        self._rows["append"].append(
            (
                *place,
                decision.n,
                decision.decision_id,
                decision.action,
                decision.revision,
                kind,
                decision.status,
                decision.reason,
                decision.note,
                decision.actor_kind,
                decision.actor_id,
                decision.reverses,
                duplicate_of,
                hashlib.sha256(text.encode()).digest(),
                decision.at,
                telemetry.request_id(),
                seen.lang,
                rule_version,
                seen.risk,
                None if seen.rules is None else list(seen.rules),
            )
        )
        self._rows["place"].append((place[0], place[2], place[1]))
        if author_id is not None:
            self._rows["name_subject"].append((*place, author_id))

    def publish(self, item: PendingComment, branch: Branch, *, unseen: bool) -> None:
        """Make a text public, for the first time, again, or in place of a former one."""
        author = item.author
        self._rows["publish"].append(
            (
                *branch.place,
                branch.parent_id,
                branch.root_id,
                branch.depth,
                author.author_id,
                author.kind,
                author.name,
                author.badge,
                author.avatar,
                author.email,
                item.text,
                item.lang,
                item.revision,
                item.created_at,
                self.at,
                item.edited_at,
                best_order(0, 0, item.created_at),
                unseen,
            )
        )
        if item.article_url or item.article_title:
            self._rows["describe_article"].append(
                (item.site_id, branch.place.article_id, item.article_url, item.article_title)
            )

    def keep_revision(self, public: Comment, place: Place) -> None:
        """Keep the text that an edit replaces."""
        self._rows["keep_revision"].append((*place, public.revision, public.text, self.at))

    def put_back_text(self, place: Place, *, revision: int, text: str) -> None:
        """Undo an edit."""
        self._rows["put_back_text"].append((*place, revision, text))

    def take_down(self, place: Place, status: Status) -> None:
        """Turn a public row into a tombstone without text; `status` is removed or deleted."""
        self._rows["take_down"].append((*place, status))

    def close_reports(self, place: Place) -> None:
        """Note that what readers reported was answered."""
        self._rows["close_reports"].append((*place, self.at))

    def reopen_reports(self, place: Place, *, closed_at: datetime) -> None:
        """Let reports wait again that a decision at that time had answered."""
        self._rows["reopen_reports"].append((*place, closed_at))

    def grant_appeal(
        self, place: Place, actor: Actor, *, note: str | None, decision_id: UUID
    ) -> None:
        """Answer an open appeal, if there is one: the comment is public."""
        answer = (note or "", actor.kind, actor.actor_id, self.at)
        self._rows["grant_appeal"].append((*place, *answer, decision_id, WAIT))

    def reopen_appeal(self, place: Place, *, answered_at: datetime) -> None:
        """Let an appeal wait again whose grant at that time is undone."""
        self._rows["reopen_appeal"].append((*place, answered_at))

    def forget_texts(self, place: Place) -> None:
        """Drop everything an author wrote of a comment they took away, the appeal too."""
        self._rows["forget_revisions"].append(tuple(place))
        self._rows["forget_appeal"].append(tuple(place))
        self._rows["drop_kept"].append(tuple(place))
        self._rows["forget_screening"].append(tuple(place))

    def shift_replies(self, place: Place, *, replies: int = 0, shown: int = 0) -> None:
        """Change how many replies a comment has."""
        shift = self._replies[place]
        shift[0] += replies
        shift[1] += shown

    def shift_counts(self, place: Place, *, approved: int = 0, shown_roots: int = 0) -> None:
        """Change an article's counts; its thread has a new version in any case."""
        shift = self._counts[ArticlePlace(place.site_id, place.article_id)]
        shift[0] += approved
        shift[1] += shown_roots
        shift[2] = 1

    def keep_text(self, item: PendingComment, place: Place, *, until: datetime) -> None:
        """Keep what was sent and is not public."""
        self._rows["keep_text"].append((*place, item.revision, to_payload(item), until))

    def drop_kept(self, place: Place) -> None:
        """Forget what was kept: it is public or waits again."""
        self._rows["drop_kept"].append(tuple(place))

    def settle(self, item: PendingComment, place: Place, *, n: int) -> None:
        """Mark a waiting text as decided in the journal, which may never have seen it."""
        self._rows["settle_journal"].append(
            (
                *place,
                item.revision,
                n,
                item.kind,
                item.seq,
                _digest(item.dk),
                _digest(item.fingerprint),
                item.created_at,
            )
        )
        if item.keyed and item.dk and item.fingerprint:
            self._rows["submit"].append(submission_row(item, place))
        for name, rows in screening_rows([(item, place)]).items():
            self._rows[name] += rows

    def wait(self, item: PendingComment, place: Place) -> None:
        """Write a text to the journal as waiting."""
        self._rows["journal"].append(journal_row(item, place))

    def count_for_author(
        self, site_id: int, author: Author, *, approved: int = 0, rejected: int = 0
    ) -> None:
        """Change an author's record with a site."""
        self._rows["count_for_author"].append(
            (site_id, author.author_id, author.kind, author.name, approved, rejected, self.at)
        )

    def tell(self, place: Place, kind: str, payload: Mapping[str, Any]) -> None:
        """Leave a message for the rest of the world."""
        self._rows["tell"].append(
            (place.site_id, place.article_id, kind, place.comment_id, dict(payload))
        )

    @property
    def touched(self) -> frozenset[ArticlePlace]:
        """Articles whose public thread changes."""
        return frozenset(self._counts)

    def rows(self) -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
        """Yield each statement's rows, in the order they have to run."""
        self._rows["shift_replies"] = [(*place, *shift) for place, shift in self._replies.items()]
        self._rows["shift_counts"] = [(*place, *shift) for place, shift in self._counts.items()]
        # In one order, so that two transactions over the same rows never deadlock: neither two
        # decisions over the same people, nor a decision and the journal's copy.
        self._rows["count_for_author"].sort(key=itemgetter(0, 1))
        for name in ("place", "settle_journal", "journal", "submit", *SCREENINGS):
            self._rows[name].sort(key=itemgetter(0, 1, 2))
        for name in self.ORDER:
            if self._rows[name]:
                yield name, self._rows[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """An open transaction that holds the locks of the articles it is about."""

    connection: Connection

    async def cases(self, questions: Sequence[Question]) -> dict[UUID, Case]:
        """Return what Postgres knows of each comment."""
        rows = await self.connection.fetch(
            SQL["cases"],
            [question.place.site_id for question in questions],
            [question.place.article_id for question in questions],
            [question.place.comment_id for question in questions],
            [question.decision_id for question in questions],
            [_digest(question.dk) for question in questions],
        )
        return {row["comment_id"]: _case(row) for row in rows}

    async def branches(self, places: Sequence[Place]) -> dict[UUID, Branch]:
        """Return the public rows of comments and of what stands above them."""
        rows = await self.connection.fetch(
            SQL["branches"],
            [place.site_id for place in places],
            [place.article_id for place in places],
            [place.comment_id for place in places],
        )
        return {row["comment_id"]: _branch(row) for row in rows}

    async def former_text(self, place: Place, *, below: int) -> tuple[int, str] | None:
        """Return the revision and text that an edit replaced."""
        row = await self.connection.fetchrow(SQL["former_text"], *place, below)
        return (row["revision"], row["text"]) if row else None

    async def kept_text(self, place: Place, *, revision: int) -> PendingComment | None:
        """Return one revision that is kept and not public."""
        payload = await self.connection.fetchval(SQL["kept_text"], *place, revision)
        return from_payload(payload) if payload else None

    async def write(self, changes: Changes) -> None:
        """Write everything; the transaction commits when its block ends."""
        for name, rows in changes.rows():
            await self.connection.executemany(SQL.get(name) or SCREENINGS[name], rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStore:
    """The log, its locks and its names."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def places(
        self, site_ids: Sequence[int], comment_ids: Sequence[UUID]
    ) -> dict[UUID, Place]:
        """Find where comments are, within these sites.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool, wait_seconds=TURN_SECONDS) as connection:
            rows = await connection.fetch(SQL["places"], list(site_ids), list(comment_ids))
        return {row["comment_id"]: Place(row[0], row[2], row[1]) for row in rows}

    async def places_of_decision(
        self, site_ids: Sequence[int], decision_id: UUID
    ) -> list[tuple[Place, int]]:
        """Find which comments a decision id was used for, and as which n."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["places_of_decision"], list(site_ids), decision_id)
        return [(Place(row[0], row[1], row[2]), row["n"]) for row in rows]

    async def latest(self, site_id: int, comment_ids: Sequence[UUID]) -> dict[UUID, Decision]:
        """Return the latest decision of each comment that has one."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["latest"], site_id, list(comment_ids))
        return {row["comment_id"]: decision_of(row) for row in rows}

    @asynccontextmanager
    async def deciding(
        self, articles: Mapping[ArticlePlace, str | None]
    ) -> AsyncIterator[Deciding]:
        """Open a transaction that holds these articles; the value is an article's key, if known.

        Raises:
            DatabaseUnavailable: Postgres is away, or an article stayed locked too long.
            Refused: what was written cannot be stored; nothing was.
        """
        try:
            async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
                await _lock(connection, articles)
                yield Deciding(connection=connection)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise Refused(str(error.sqlstate)) from error

    async def answered_published(self, place: Place, dk: str) -> None:
        """Note that the first answer to a submission said it was published."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["answer_published"], place.site_id, place.article_id, bytes.fromhex(dk)
            )

    async def names(self, actors: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return what keys and members are called; `actors` are (kind, id)."""
        wanted = set(actors)
        keys = [actor_id for kind, actor_id in wanted if kind == "key"]
        members = [UUID(actor_id) for kind, actor_id in wanted if kind == "member"]
        if not keys and not members:
            return {}
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["names"], keys, members)
        return {(row["kind"], row["id"]): row["name"] for row in rows}


async def _lock(connection: Connection, articles: Mapping[ArticlePlace, str | None]) -> None:
    """Lock every article, making rows for those decided on for the first time."""
    places = sorted(articles)
    columns = [place.site_id for place in places], [place.article_id for place in places]
    held = await connection.fetch(SQL["lock_articles"], *columns)
    if len(held) == len(places):
        return
    keys = [articles[place] for place in places]
    await connection.execute(SQL["open_articles"], *columns, keys, WAIT)
    await connection.execute(SQL["open_counts"], *columns)
    await connection.fetch(SQL["lock_articles"], *columns)


def journal_row(item: PendingComment, place: Place) -> tuple[Any, ...]:
    """Return the arguments of `journal`."""
    return (
        *place,
        item.revision,
        item.n,
        item.kind,
        item.seq,
        to_payload(item),
        _digest(item.dk),
        _digest(item.fingerprint),
        item.created_at,
    )


def submission_row(item: PendingComment, place: Place) -> tuple[Any, ...]:
    """Return the arguments of `submit`; only for a submission with a key."""
    return (
        place.site_id,
        place.article_id,
        _digest(item.dk),
        place.comment_id,
        _digest(item.fingerprint),
        item.author.author_id,
    )


def _digest(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text else None


def _case(row: asyncpg.Record) -> Case:
    place = Place(row["site_id"], row["article_id"], row["comment_id"])
    return Case(
        place=place,
        article_key=row["article_key"],
        public=public_comment(row, *place) if row["public_status"] else None,
        latest=_entry(row["latest"]),
        same=_entry(row["same"]),
        journaled=from_payload(row["journaled"]) if row["journaled"] else None,
        kept=from_payload(row["kept"]) if row["kept"] else None,
        submitted_as=row["submitted_as"],
    )


def _entry(row: Mapping[str, Any] | None) -> Entry | None:
    if row is None:
        return None
    decision = decision_of(
        {
            **row,
            "article_id": UUID(row["article_id"]),
            "comment_id": UUID(row["comment_id"]),
            "decision_id": UUID(row["decision_id"]),
            "at": datetime.fromisoformat(row["at"]),
            "reverses": UUID(row["reverses"]) if row["reverses"] else None,
        }
    )
    return Entry(decision=decision, kind=row["kind"])


def _branch(row: asyncpg.Record) -> Branch:
    return Branch(
        place=Place(row["site_id"], row["article_id"], row["comment_id"]),
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        depth=row["depth"],
        status=Status(row["status"]),
        reply_count=row["reply_count"],
        shown_replies=row["shown_replies"],
    )
