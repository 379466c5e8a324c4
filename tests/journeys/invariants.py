"""The invariants of protocol.md 2.8, read out of both stores once everything is quiet."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson
from redis.asyncio import Redis

PLACES = ("q", "e", "a", "l", "x")
LISTS = ("t", "te")
READ_AT_ONCE = 500
TAKEN_BACK = frozenset({"withdraw", "delete", "erase"})
"""What judges no text."""


class Told(NamedTuple):
    """A decision that somebody was told has been made."""

    comment_id: str
    decision_id: str
    action: str
    revision: int


@dataclass(slots=True)
class Ledger:
    """What the service has promised, written down by those who were promised it."""

    sent: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> text, of everything that was ever sent."""
    posts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Idempotency key -> the ids it was answered with."""
    decisions: list[Told] = field(default_factory=list)
    edits: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Comment's id -> every text its author asked for afterwards."""
    edited: dict[str, str] = field(default_factory=dict)
    """Comment's id -> the last of them that was acknowledged."""
    taken_back: set[str] = field(default_factory=set)
    """The comments whose authors were told that they are gone."""
    accepted_since: int = 0
    """Comments that were accepted after this was written down, and may be missing."""

    @property
    def accepted(self) -> dict[str, str]:
        """Comment's id -> text."""
        return {each: self.sent[key] for key, ids in self.posts.items() for each in ids}

    def texts(self) -> dict[str, set[str]]:
        """Comment's id -> every text that it may have."""
        return {each: {text, *self.edits[each]} for each, text in self.accepted.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything of one site that both stores hold, by the comments' ids."""

    items: Mapping[str, Mapping[str, str]]
    places: Mapping[str, frozenset[str]]
    """Name of a place -> the ids in it."""
    marks: frozenset[str]
    decisions: Mapping[str, list[asyncpg.Record]]
    """In the order of n."""
    comments: Mapping[str, asyncpg.Record]
    journal: Mapping[str, asyncpg.Record]
    kept: Mapping[str, str]
    """The texts that are kept of what is not public."""
    counts: Mapping[UUID, asyncpg.Record]
    """By article."""
    articles: Mapping[str, UUID]
    """By key."""
    outbox: Mapping[str, list[asyncpg.Record]]
    """Messages to the world, by the comments' ids."""
    pending_max: int

    def latest(self, comment_id: str) -> asyncpg.Record | None:
        """Return a comment's latest decision."""
        decisions = self.decisions.get(comment_id)
        return decisions[-1] if decisions else None

    def waits(self, comment_id: str) -> bool:
        """Tell whether the log leaves a comment waiting."""
        latest = self.latest(comment_id)
        return latest is None or latest["status"] == "pending"

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text with its comment's id, from wherever it lies."""
        for comment_id, item in self.items.items():
            yield comment_id, item["text"]
        for comment_id, row in self.comments.items():
            if row["text"] is not None:
                yield comment_id, row["text"]
        for comment_id, row in self.journal.items():
            if row["payload"] is not None:
                yield comment_id, orjson.loads(row["payload"])["text"]
        yield from self.kept.items()


async def read_stores(slug: str, connection: asyncpg.Connection, redis: Redis) -> Stores:
    """Read everything of a site; `redis` answers with text.

    Redis comes first: what moves on meanwhile is seen twice, not missed.
    """
    queue = await _queue(redis, f"pb:{{{slug}}}:")
    return Stores(**queue, **await _log(connection, slug))


def violations(ledger: Ledger, stores: Stores) -> list[str]:
    """Return every broken invariant, by its name and what breaks it; nothing when all hold."""
    checks = (
        _accepted_is_somewhere,
        _waiting_or_decided,
        _approved_is_public,
        _one_place,
        _one_id,
        _decisions_stand,
        _one_decision_a_text,
        _counts,
        _told_to_the_world,
        _bytes,
        _parents,
        _edits_stay,
        _gone_is_gone,
        _bounded,
        _numbered,
        _nothing_else,
    )
    return [broken for check in checks for broken in check(ledger, stores)]


def unsettled(stores: Stores) -> list[str]:
    """Return what the service still has to do by itself before it is quiet."""
    left = [f"unjournaled {each}" for each in stores.marks]
    for comment_id, item in stores.items.items():
        latest = stores.latest(comment_id)
        if latest is not None and int(item["n"]) < latest["n"]:
            left.append(f"unfinished {comment_id}")
    left += [f"settling {each}" for each in stores.places["a"]]
    left += [
        f"not put back {comment_id}"
        for comment_id, row in stores.journal.items()
        if row["state"] == "waiting" and comment_id not in stores.items
    ]
    left += [
        f"untold {comment_id}"
        for comment_id, messages in stores.outbox.items()
        if any(message["relayed_at"] is None for message in messages)
    ]
    return left


def _accepted_is_somewhere(ledger: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id in ledger.accepted:
        if comment_id not in stores.items and comment_id not in stores.decisions:
            yield f"I1 {comment_id} was accepted and is nowhere"
        elif stores.waits(comment_id) and comment_id not in stores.items:
            yield f"I1 {comment_id} should wait and does not"


def _waiting_or_decided(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id, item in stores.items.items():
        latest = stores.latest(comment_id)
        if latest is None or stores.waits(comment_id):
            continue
        edited = latest["status"] == "approved" and item["kind"] == "edit"
        judged_anew = latest["action"] == "reject" and int(item["revision"]) > latest["revision"]
        if not (edited or judged_anew) or int(item["n"]) < latest["n"]:
            yield f"I2 {comment_id} is decided and still waits"


def _approved_is_public(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id in stores.decisions.keys() | stores.comments.keys():
        latest, row = stores.latest(comment_id), stores.comments.get(comment_id)
        is_public = row is not None and row["status"] == "approved"
        approved = latest is not None and latest["status"] == "approved"
        if approved and not (row is not None and is_public and row["revision"] >= _judged(latest)):
            yield f"I3 {comment_id} is approved and not public"
        if is_public and not approved:
            yield f"I3 {comment_id} is public and not approved"
        actions = {each["action"] for each in stores.decisions.get(comment_id, ())}
        if row is not None and "approve" not in actions:
            yield f"I4 {comment_id} has a row that nobody approved"


def _one_place(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id, item in stores.items.items():
        places = [name for name in PLACES if comment_id in stores.places[name]]
        if len(places) != 1:
            yield f"I5 {comment_id} is in {places}"
        listed = "te" if item["escalated"] == "1" else "t"
        lists = [name for name in LISTS if comment_id in stores.places[name]]
        if lists != [listed]:
            yield f"I5 {comment_id} is listed in {lists}"
    for name in (*PLACES, *LISTS):
        for comment_id in stores.places[name] - stores.items.keys():
            if name != "l" or comment_id not in stores.comments:  # public ones are leased too
                yield f"I5 {comment_id} is in {name} and has no item"


def _one_id(ledger: Ledger, stores: Stores) -> Iterator[str]:
    for key, ids in ledger.posts.items():
        if len(ids) > 1:
            yield f"I6 the key {key} was answered with {sorted(ids)}"
    ids_of = defaultdict(set)
    for comment_id, text in stores.texts():
        ids_of[text].add(comment_id)
    for text in ledger.sent.values():
        if len(ids_of[text]) > 1:
            yield f"I6 {text!r} is there as {sorted(ids_of[text])}"


def _decisions_stand(ledger: Ledger, stores: Stores) -> Iterator[str]:
    for told in ledger.decisions:
        found = [
            (each["action"], each["revision"])
            for each in stores.decisions.get(told.comment_id, ())
            if str(each["decision_id"]) == told.decision_id
        ]
        if found != [(told.action, told.revision)]:
            yield f"I7 {told} is {found} in the log"


def _one_decision_a_text(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id, decisions in stores.decisions.items():
        if [each["n"] for each in decisions] != list(range(1, len(decisions) + 1)):
            yield f"I8 the log of {comment_id} has a gap"
        ended = Counter(
            each["revision"]
            for each in decisions
            if each["action"] in {"approve", "reject", "withdraw", "duplicate"}
        )
        undone = sum(each["action"] == "reverse" for each in decisions)
        for revision, number in ended.items():
            if number > 1 + undone:
                yield f"I8 {comment_id} was decided {number} times at revision {revision}"


def _counts(_: Ledger, stores: Stores) -> Iterator[str]:
    public = [row for row in stores.comments.values() if row["status"] == "approved"]
    approved = Counter(row["article_id"] for row in public)
    roots = Counter(
        row["article_id"]
        for row in stores.comments.values()
        if row["parent_id"] is None and row["shown"]
    )
    for article, row in stores.counts.items():
        said = (row["approved"], row["shown_roots"])
        if said != (approved[article], roots[article]):
            yield f"I9 {article} counts {said}, has {approved[article], roots[article]}"
    for article in approved.keys() - stores.counts.keys():
        yield f"I9 {article} is not counted"
    replies = Counter(row["parent_id"] for row in public if row["parent_id"] is not None)
    for comment_id, row in stores.comments.items():
        if row["reply_count"] != replies[row["comment_id"]]:
            yield f"I9 {comment_id} counts {row['reply_count']} replies"


def _told_to_the_world(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id in stores.comments.keys() - stores.outbox.keys():
        yield f"I10 the world was never told of {comment_id}"


def _bytes(ledger: Ledger, stores: Stores) -> Iterator[str]:
    accepted = ledger.texts()
    for comment_id, text in stores.texts():
        if text not in accepted.get(comment_id, {text}):
            yield f"I11 {comment_id} has another text than was accepted"
    for comment_id, decisions in stores.decisions.items():
        if comment_id in accepted:
            digests = {_digest(text) for text in accepted[comment_id]}
            for each in decisions:
                if each["action"] not in TAKEN_BACK and each["content_hash"] not in digests:
                    yield f"I11 {comment_id} has another text judged than accepted at {each['n']}"


def _parents(_: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id, row in stores.comments.items():
        if row["parent_id"] is None or row["status"] != "approved":
            continue
        parent = stores.comments.get(str(row["parent_id"]))
        if parent is None or parent["article_id"] != row["article_id"] or not parent["shown"]:
            yield f"I12 {comment_id} is public below nothing"


def _edits_stay(ledger: Ledger, stores: Stores) -> Iterator[str]:
    """The last text that was promised waits or was judged, unless its author took it back."""
    there: dict[str, set[str]] = defaultdict(set)
    for comment_id, text in stores.texts():
        there[comment_id].add(text)
    for comment_id, text in ledger.edited.items():
        decisions = stores.decisions.get(comment_id, ())
        judged = any(each["content_hash"] == _digest(text) for each in decisions)
        if comment_id not in ledger.taken_back and not judged and text not in there[comment_id]:
            yield f"I13 an edit of {comment_id} was acknowledged and is nowhere"


def _gone_is_gone(ledger: Ledger, stores: Stores) -> Iterator[str]:
    for comment_id, _ in stores.texts():
        if comment_id in ledger.taken_back:
            yield f"I14 {comment_id} was taken back by its author and has a text"


def _bounded(_: Ledger, stores: Stores) -> Iterator[str]:
    waiting = sum(len(stores.places[name]) for name in LISTS)
    if waiting > stores.pending_max:
        yield f"I17 {waiting} wait where {stores.pending_max} may"


def _numbered(ledger: Ledger, stores: Stores) -> Iterator[str]:
    """A number that is missing would be a comment that was acknowledged and lost.

    What begins to wait again, undone or edited, is given a new one. A decision writes its comment's
    number at once, before an earlier comment is copied.
    """
    numbers = sorted(row["seq"] for row in stores.journal.values())
    if len({*numbers}) < len(numbers):
        yield f"I18 {len(numbers) - len({*numbers})} numbers were given twice"
    again = sum(map(len, ledger.edits.values())) + sum(
        each["action"] == "reverse" for each in chain(*stores.decisions.values())
    )
    missing = len({*range(1, max(numbers, default=0) + 1)} - {*numbers})
    if missing > again + ledger.accepted_since:
        yield f"I18 {missing} numbers are missing where {again + ledger.accepted_since} may be"


def _nothing_else(ledger: Ledger, stores: Stores) -> Iterator[str]:
    """Every key was tried until it was accepted: nothing else may have come of it."""
    texts, accepted = set(ledger.sent.values()), ledger.accepted
    for comment_id, text in stores.texts():
        if text in texts and comment_id not in accepted:
            yield f"I19 {comment_id} was never acknowledged, and its key was for another"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _judged(decision: asyncpg.Record) -> int:
    # An edit that was turned down leaves the text before it public, and so does an undoing.
    return int(decision["revision"]) if decision["action"] == "approve" else 1


async def _queue(redis: Redis, prefix: str) -> dict[str, Any]:
    keys = [key async for key in redis.scan_iter(f"{prefix}c:*", count=1_000)]
    items: dict[str, dict[str, str]] = {}
    for start in range(0, len(keys), READ_AT_ONCE):
        some = keys[start : start + READ_AT_ONCE]
        async with redis.pipeline(transaction=False) as reads:
            for key in some:
                reads.hgetall(key)
            found = zip(some, await reads.execute(), strict=True)
        items |= {key.removeprefix(f"{prefix}c:"): item for key, item in found if item}
    places = {
        name: frozenset(await redis.zrange(prefix + name, 0, -1)) for name in (*PLACES, *LISTS)
    }
    marks = frozenset(await redis.zrange(f"{prefix}j", 0, -1))
    return {"items": items, "places": places, "marks": marks}


async def _log(connection: asyncpg.Connection, slug: str) -> dict[str, Any]:
    site_id, pending_max = await connection.fetchrow(
        "SELECT site_id, coalesce((settings ->> 'pending_max')::int, 100000)"
        " FROM sites WHERE slug = $1",
        slug,
    )

    async def rows(statement: str) -> list[asyncpg.Record]:
        return list(await connection.fetch(statement, site_id))

    decisions = defaultdict(list)
    for row in await rows("SELECT * FROM decisions WHERE site_id = $1 ORDER BY n"):
        decisions[str(row["comment_id"])].append(row)
    comments = await rows("SELECT * FROM comments WHERE site_id = $1")
    journal = await rows("SELECT * FROM intake_journal WHERE site_id = $1")
    kept = await rows(
        "SELECT comment_id, payload ->> 'text' AS text FROM kept_texts WHERE site_id = $1"
    )
    counts = await rows("SELECT * FROM article_counts WHERE site_id = $1")
    articles = await rows("SELECT key, article_id FROM articles WHERE site_id = $1")
    outbox = defaultdict(list)
    for row in await rows("SELECT comment_id, kind, relayed_at FROM outbox WHERE site_id = $1"):
        outbox[str(row["comment_id"])].append(row)
    return {
        "decisions": dict(decisions),
        "comments": {str(row["comment_id"]): row for row in comments},
        "journal": {str(row["comment_id"]): row for row in journal},
        "kept": {str(row["comment_id"]): row["text"] for row in kept},
        "counts": {row["article_id"]: row for row in counts},
        "articles": {row["key"]: row["article_id"] for row in articles},
        "outbox": dict(outbox),
        "pending_max": pending_max,
    }
