"""All that one transaction of decisions writes: collected row by row, written table by table."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

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
from service.payload import to_payload
from service.storage.postgres import listed
from service.storage.screenings import SQL as SCREENINGS
from service.storage.screenings import screening_rows
from service.storage.webhook_events import WAIT


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
class Seen:
    """What was known of a text when it was judged: what statistics count by."""

    lang: str | None
    risk: float | None = None
    """None: it was not screened."""
    rules: tuple[str, ...] | None = None
    """Those that had spoken about it, and counted."""


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


@dataclass(slots=True)
class _Tally:
    """What an author's record gains."""

    kind: str = "guest"
    name: str = ""
    approved: int = 0
    rejected: int = 0


@dataclass(slots=True, kw_only=True)
class Changes:
    """All that one transaction will write, collected while it decides."""

    at: datetime
    _rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    _replies: dict[Place, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    _counts: dict[ArticlePlace, list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0])
    )
    _tallies: dict[tuple[int, UUID], _Tally] = field(default_factory=lambda: defaultdict(_Tally))

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
        "uncount_for_author",
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
                None if seen.rules is None else listed(seen.rules),
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
                digest(item.dk),
                digest(item.fingerprint),
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
        if approved < 0 or rejected < 0:
            self._rows["uncount_for_author"].append(
                (site_id, author.author_id, -approved, -rejected)
            )
            return
        tally = self._tallies[site_id, author.author_id]
        tally.kind, tally.name = author.kind, author.name
        tally.approved += approved
        tally.rejected += rejected

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
        self._rows["count_for_author"] = [
            (*whose, tally.kind, tally.name, tally.approved, tally.rejected, self.at)
            for whose, tally in sorted(self._tallies.items())
        ]
        for name in ("place", "settle_journal", "journal", "submit", *SCREENINGS):
            self._rows[name].sort(key=itemgetter(0, 1, 2))
        for name in self.ORDER:
            if self._rows[name]:
                yield name, self._rows[name]


def journal_row(item: PendingComment, place: Place) -> tuple[Any, ...]:
    """Return the arguments of `journal`."""
    return (
        *place,
        item.revision,
        item.n,
        item.kind,
        item.seq,
        to_payload(item),
        digest(item.dk),
        digest(item.fingerprint),
        item.created_at,
    )


def submission_row(item: PendingComment, place: Place) -> tuple[Any, ...]:
    """Return the arguments of `submit`; only for a submission with a key."""
    return (
        place.site_id,
        place.article_id,
        digest(item.dk),
        place.comment_id,
        digest(item.fingerprint),
        item.author.author_id,
    )


def digest(text: str | None) -> bytes | None:
    """Return the bytes of a digest in hex."""
    return bytes.fromhex(text) if text else None
