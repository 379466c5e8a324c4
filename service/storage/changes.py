"""All that one transaction of decisions writes: collected row by row, written in few statements.

What every decision writes goes into one statement (`write`), as a list in JSON for each table: a
round trip costs as much as ten of its rows, and JSON is encoded in a third of the time that columns
side by side take. Row by row, so that a thousand dicts need not live until all are decided. Long
texts go beside it as they are. What is rare has a statement of its own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct, field

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
from service.storage.postgres import as_json, json_bytes, load_queries
from service.storage.webhook_events import WAIT

SQL = load_queries("changes")


class Place(NamedTuple):
    """Where a comment is: every table is keyed by it."""

    site_id: int
    article_id: UUID
    comment_id: UUID


class ArticlePlace(NamedTuple):
    """An article's key in every table."""

    site_id: int
    article_id: UUID


class Seen(Struct, frozen=True, kw_only=True):
    """What was known of a text when it was judged: what statistics count by."""

    lang: str | None
    risk: float | None = None
    """None: it was not screened."""
    rules: tuple[str, ...] | None = None
    """Those that had spoken about it, and counted."""


class Branch(Struct, kw_only=True):
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


class _Tally(Struct):
    """What an author's record gains."""

    kind: str = "guest"
    name: str = ""
    approved: int = 0
    rejected: int = 0


class _Shift(Struct):
    """By how much an article's counts change."""

    approved: int = 0
    shown_roots: int = 0


class Changes(Struct, kw_only=True):
    """All that one transaction will write, collected while it decides."""

    at: datetime
    copied: set[Place] = field(default_factory=set)
    """Of what waits whatever the journal has: so where it is, and what came with it, is written."""
    _parts: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """Rows that `write` takes, as JSON, by table."""
    _told: list[tuple[int, UUID, UUID]] = field(default_factory=list)
    """Site, comment and decision of what is in the outbox."""
    _texts: list[str] = field(default_factory=list)
    """Of the comments among them, as the next one."""
    _written: list[bytes] = field(default_factory=list)
    _rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    _replies: dict[Place, dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: {"replies": 0, "shown": 0})
    )
    _counts: dict[ArticlePlace, _Shift] = field(default_factory=lambda: defaultdict(_Shift))
    _tallies: dict[tuple[int, UUID], _Tally] = field(default_factory=lambda: defaultdict(_Tally))

    FIRST = ("place", "drop_kept", "describe_article")
    """Statements that run before `write`, in their order."""
    AFTER = (
        "keep_revision",
        "put_back_text",
        "take_down",
        "forget_revisions",
        "close_reports",
        "reopen_reports",
        "forget_appeal",
        "grant_appeal",
        "reopen_appeal",
        "wait",
        "remember",
        "forget_screening",
        "uncount_for_author",
    )
    """Statements that run after it, in their order: they need the rows of what is public."""

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
        place = Place(decision.site_id, decision.article_id, decision.comment_id)
        self._add(
            "decisions",
            {
                "site_id": decision.site_id,
                "article_id": decision.article_id,
                "comment_id": decision.comment_id,
                "n": decision.n,
                "decision_id": decision.decision_id,
                "action": decision.action,
                "revision": decision.revision,
                "kind": kind,
                "status": decision.status,
                "reason": decision.reason,
                "note": decision.note,
                "actor_kind": decision.actor_kind,
                "actor_id": decision.actor_id,
                "reverses": decision.reverses,
                "duplicate_of": duplicate_of,
                "content_hash": bytea(hashlib.sha256(text.encode()).hexdigest()),
                "at": decision.at,
                "request_id": telemetry.request_id(),
                "lang": seen.lang,
                "rule_version": rule_version,
                "risk": seen.risk,
                "rules": seen.rules,
                "author_id": author_id,
            },
        )
        if decision.n == 1 and place not in self.copied:
            self._rows["place"].append((place.site_id, place.comment_id, place.article_id))

    def publish(
        self, item: PendingComment, branch: Branch, *, written: bytes, unseen: bool
    ) -> None:
        """Make a text public, for the first time, again, or in place of a former one.

        `written` is what readers are told of it (`features/fragments`).
        """
        author = item.author
        self._add(
            "comments",
            {
                **_named(branch.place),
                "parent_id": branch.parent_id,
                "root_id": branch.root_id,
                "depth": branch.depth,
                "author_id": author.author_id,
                "author_kind": author.kind,
                "author_name": author.name,
                "author_badge": author.badge,
                "author_avatar": author.avatar,
                "author_email": author.email,
                "lang": item.lang,
                "revision": item.revision,
                "created_at": item.created_at,
                "published_at": self.at,
                "edited_at": item.edited_at,
                "best": best_order(0, 0, item.created_at),
                "unseen": unseen,
            },
        )
        self._texts.append(item.text)
        self._written.append(written)
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
        shift["replies"] += replies
        shift["shown"] += shown

    def shift_counts(self, place: Place, *, approved: int = 0, shown_roots: int = 0) -> None:
        """Change an article's counts; its thread has a new version in any case."""
        shift = self._counts[ArticlePlace(place.site_id, place.article_id)]
        shift.approved += approved
        shift.shown_roots += shown_roots

    def keep_text(self, item: PendingComment, place: Place, *, until: datetime) -> None:
        """Keep what was sent and is not public."""
        self._add(
            "kept",
            {
                **_named(place),
                "revision": item.revision,
                "payload": to_payload(item),
                "expires_at": until,
            },
        )

    def drop_kept(self, place: Place) -> None:
        """Forget what was kept: it is public or waits again."""
        self._rows["drop_kept"].append(tuple(place))

    def settle(self, item: PendingComment, place: Place, *, n: int) -> None:
        """Mark a waiting text as decided in the journal, which may never have seen it."""
        self._add(
            "journal",
            {
                **_named(place),
                "revision": item.revision,
                "n": n,
                "kind": item.kind,
                "seq": item.seq,
                "dk": bytea(item.dk),
                "fingerprint": bytea(item.fingerprint),
                "created_at": item.created_at,
            },
        )
        self._remember(item, place)

    def wait(self, item: PendingComment, place: Place) -> None:
        """Write a text to the journal as waiting."""
        self._rows["wait"].append((to_payload(item),))
        self._remember(item, place)

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

    def tell(self, place: Place, kind: str, decision_id: UUID, payload: Mapping[str, Any]) -> None:
        """Leave a message for the rest of the world, of what is decided by a decision."""
        said = {**payload, "decision_id": decision_id}
        self._add("outbox", {**_named(place), "kind": kind, "payload": said})
        self._told.append((place.site_id, place.comment_id, decision_id))

    def told_on(self, site_id: int) -> list[tuple[UUID, UUID]]:
        """Return the comments and decisions that the world will be told of, of one site."""
        return [(told[1], told[2]) for told in self._told if told[0] == site_id]

    @property
    def touched(self) -> frozenset[ArticlePlace]:
        """Articles whose public thread changes."""
        return frozenset(self._counts)

    def __bool__(self) -> bool:
        """Whether anything is decided: nothing changes otherwise."""
        return bool(self._parts["decisions"])

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What `write` takes."""
        parts = self._parts
        return (
            _listed(parts["decisions"]),
            _listed(parts["comments"]),
            self._texts,
            self._written,
            _listed(parts["kept"]),
            _listed(parts["journal"]),
            as_json(self._gains()),
            as_json(self.counts),
            _listed(parts["outbox"]),
        )

    @property
    def counts(self) -> list[dict[str, Any]]:
        """By how much articles' counts change."""
        return [
            {
                "site_id": article.site_id,
                "article_id": article.article_id,
                "approved": shift.approved,
                "shown_roots": shift.shown_roots,
            }
            for article, shift in self._counts.items()
        ]

    @property
    def replies(self) -> Sequence[Mapping[str, Any]]:
        """What `shift_replies` writes, once the comments themselves are there."""
        return [{**_named(place), **shift} for place, shift in self._replies.items()]

    def rows(self, names: Iterable[str]) -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
        """Yield the rows of statements that have any: of `FIRST`, or of `AFTER`."""
        for name in ("place", "forget_screening"):
            self._rows[name].sort(key=itemgetter(0, 1, 2))
        for name in names:
            if self._rows[name]:
                yield name, self._rows[name]

    def _gains(self) -> list[dict[str, Any]]:
        return [
            {
                "site_id": site_id,
                "author_id": author_id,
                "kind": tally.kind,
                "name": tally.name,
                "approved": tally.approved,
                "rejected": tally.rejected,
                "first_seen": self.at,
            }
            for (site_id, author_id), tally in self._tallies.items()
        ]

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        self._parts[table].append(json_bytes(row))

    def _remember(self, item: PendingComment, place: Place) -> None:
        """Keep what a text was submitted as, and what screening saw, unless it is kept already."""
        if place in self.copied:
            return
        self._rows["remember"].append((to_payload(item),))


def _named(place: Place) -> dict[str, Any]:
    """Write a key by its columns: `_asdict` takes as long as all the rest of a row."""
    return {
        "site_id": place.site_id,
        "article_id": place.article_id,
        "comment_id": place.comment_id,
    }


def _listed(rows: Sequence[bytes]) -> str:
    """Write rows, each JSON already, as what a parameter of type json takes."""
    return f"[{b','.join(rows).decode()}]"


def bytea(digest_hex: str | None) -> str | None:
    """Write bytes in JSON as Postgres reads them."""
    return None if digest_hex is None else rf"\x{digest_hex}"
