"""The log: one list of decisions and acts, and a chain that shows what was done to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog.testing

from service.cursors import BadCursor, Cursors
from service.embedded import EmbeddedStores
from service.features.administration import Acts
from service.features.audit import AuditLog, AuditPage, Filters, Sought, may_reverse
from service.features.audit_chain import BEGINNING, hash_of, said
from service.features.audit_seal import AuditSeal
from service.features.outcomes import DecisionRequest
from service.model import Action
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore
from service.storage.audit_chain import ChainStore, Head, Written
from service.storage.decisions import DecisionStore
from service.storage.postgres import DatabaseUnavailable, open_pool
from service.storage.redis import connect
from service.telemetry import begin_request
from tests.conftest import FreshDatabase, redis_of
from tests.newsroom import KIM, NOON, Newsroom, new_id, open_site

ALL = Sought(filters=Filters())


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A site, its log, and somebody who may do anything to the database."""

    newsroom: Newsroom
    audit: AuditLog
    seal: AuditSeal
    acts: Acts
    root: asyncpg.Connection

    @property
    def site_id(self) -> int:
        return self.newsroom.site.site_id

    async def act(self, act: str, **details: Any) -> UUID:
        """Do something to the site."""
        entry = self.acts.by(KIM, act, site=self.newsroom.site, now=NOON, details=details)
        await AdministrationStore(pool=self.newsroom.pool).note(entry)
        return entry.entry_id

    async def seal_all(self) -> None:
        while await self.seal.seal():
            pass

    async def read(self, sought: Sought = ALL, **said: Any) -> AuditPage:
        wishes = {"cursor": None, "limit": 50, "everything": True, "sees_escalated": True, **said}
        return await self.audit.page(self.newsroom.site, sought, **wishes)

    async def acts_read(self, sought: Sought = ALL, **said: Any) -> list[str]:
        return [each.act for each in (await self.read(sought, **said)).entries]

    async def fault(self, known: Head | None = None) -> tuple[str, int] | None:
        """Return where the chain breaks, and how."""
        broken = (await self.audit.verify_all(self.site_id, known=known)).broken
        return (broken.fault, broken.position) if broken else None

    async def tamper(self, statement: str, *values: Any) -> None:
        """Change the database as only its owner can."""
        done = await self.root.execute(statement, self.site_id, *values)
        assert not done.endswith(" 0"), "nothing was changed"


@pytest.fixture(scope="module")
async def grounds(
    stores: EmbeddedStores, fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[tuple[asyncpg.Pool, Any, asyncpg.Connection]]:
    """A database of these tests alone: what is sealed is sealed for all sites."""
    url = await fresh_database(template_database)
    root = await asyncpg.connect(url)
    redis_url = redis_of("features", beside=stores.endpoints.redis_url)
    async with open_pool(url) as pool, connect(redis_url) as redis:
        yield pool, redis, root
    await root.close()


@pytest.fixture
async def archive(grounds: tuple[asyncpg.Pool, Any, asyncpg.Connection]) -> Archive:
    pool, redis, root = grounds
    newsroom = await open_site(pool, redis)
    chains, acts = ChainStore(pool=pool), Acts(new_id=new_id)
    audit = AuditLog(
        store=AuditStore(pool=pool),
        chains=chains,
        decisions=DecisionStore(pool=pool),
        acts=acts,
        administration=AdministrationStore(pool=pool),
        cursors=Cursors([b"c" * 32]),
    )
    seal = AuditSeal(store=chains, audit=audit, sites=newsroom.sites, clock=lambda: NOON)
    return Archive(newsroom=newsroom, audit=audit, seal=seal, acts=acts, root=root)


@pytest.fixture
async def long(archive: Archive) -> Archive:
    """A site with five sealed decisions and an act after them."""
    for number in range(5):
        comment = await archive.newsroom.post(f"A comment, {number}.")
        await archive.newsroom.decide(Action.REJECT, comment)
    await archive.act("key.created", scope="read")
    await archive.seal_all()
    assert await archive.fault() is None
    return archive


async def test_decisions_and_acts_are_one_list_with_what_was_before_and_after(
    archive: Archive,
) -> None:
    comment = await archive.newsroom.post("Hello.")
    await archive.newsroom.approve(comment)
    await archive.act("role.changed", **{"from": "viewer", "to": "senior"})
    await archive.newsroom.decide(Action.REMOVE, comment, by=KIM)
    await archive.seal_all()

    removed, changed, approved = (await archive.read()).entries

    assert (removed.act, removed.reason) == ("remove", "spam")
    assert (removed.status_before, removed.status) == ("approved", "removed")
    assert (removed.actor_kind, removed.actor_id) == ("key", KIM.actor_id)
    assert (removed.comment_id, removed.author_id) == (
        comment.comment_id,
        comment.author.author_id,
    )
    assert (changed.kind, changed.act) == ("act", "role.changed")
    assert changed.details == {"from": "viewer", "to": "senior"}
    assert (approved.status_before, approved.status) == ("pending", "approved")
    assert [each.position for each in (removed, changed, approved)] == [3, 2, 1]
    assert [may_reverse(each) for each in (removed, changed, approved)] == [True, False, False]


async def test_an_entry_carries_the_request_it_came_with(archive: Archive) -> None:
    async def ask() -> str:
        said = begin_request("a-request-of-ours")
        await archive.newsroom.decide(Action.REJECT, await archive.newsroom.post("Buy."))
        return said

    said = await asyncio.create_task(ask())
    await archive.seal_all()
    assert (await archive.read()).entries[0].request_id == said


async def test_pages_go_on_where_the_one_before_ended(long: Archive) -> None:
    first = await long.read(limit=4)
    rest = await long.read(limit=4, cursor=first.next)
    positions = [each.position for page in (first, rest) for each in page.entries]
    assert positions == [6, 5, 4, 3, 2, 1]
    assert rest.next is None
    with pytest.raises(BadCursor):
        await long.read(Sought(filters=Filters(kind="act")), limit=4, cursor=first.next)


async def test_every_filter_leaves_out_what_does_not_fit(archive: Archive) -> None:
    newsroom = archive.newsroom
    kept, taken = await newsroom.post("One."), await newsroom.post("Two.")
    await newsroom.approve(kept)
    await newsroom.decide(Action.REJECT, taken, by=KIM)
    await archive.act("reader.warned")
    await archive.act("key.created")
    await archive.seal_all()

    async def found(by: str | None = None, **filters: Any) -> list[str]:
        return await archive.acts_read(Sought(filters=Filters(**filters), by=by))

    assert await found(kind="act") == ["key.created", "reader.warned"]
    assert await found(acts=["approve", "key.created"]) == ["key.created", "approve"]
    assert await found(by=KIM.actor_id) == ["key.created", "reader.warned", "reject"]
    assert await found(by="key", kind="decision") == ["reject", "approve"]
    assert await found(by="rule") == []
    assert await found(reason="spam") == ["reject"]
    assert await found(comment_id=kept.comment_id) == ["approve"]
    assert await found(author_id=taken.author.author_id) == ["reject"]
    assert await found(since=NOON) == ["key.created", "reader.warned", "reject", "approve"]
    assert await found(until=NOON) == []
    assert await archive.acts_read(everything=False) == ["reader.warned", "reject", "approve"]


async def test_what_goes_along_with_an_escalation_is_for_seniors(archive: Archive) -> None:
    comment = await archive.newsroom.post("Hard.")
    request = DecisionRequest(
        comment_id=comment.comment_id,
        revision=1,
        action=Action.ESCALATE,
        decision_id=uuid4(),
        note="Is this a threat?",
    )
    await archive.newsroom.decisions.decide([archive.newsroom.site], [request], actor=KIM, now=NOON)
    await archive.seal_all()
    for is_senior, note in ((True, "Is this a threat?"), (False, None)):
        seen = (await archive.read(sees_escalated=is_senior)).entries[0]
        assert (seen.act, seen.note) == ("escalate", note)


async def test_another_sites_log_is_another_log(long: Archive, archive: Archive) -> None:
    other = await open_site(archive.newsroom.pool, archive.newsroom.redis)
    page = await archive.audit.page(
        other.site, ALL, cursor=None, limit=10, everything=True, sees_escalated=True
    )
    assert page.entries == ()
    assert len((await long.read()).entries) == 6


async def test_taking_the_log_away_is_in_the_log(long: Archive) -> None:
    pages = await long.audit.begin_export(
        long.newsroom.site, ALL, everything=True, actor=KIM, now=NOON
    )
    taken = [each.act async for page in pages for each in page.entries]
    await long.seal_all()
    assert taken == ["key.created", *["reject"] * 5]
    assert (await long.acts_read())[0] == "log.exported"


async def test_a_chain_of_several_stretches_is_followed_to_its_end(long: Archive) -> None:
    first = await long.audit.verify(long.site_id, after=0, limit=4)
    rest = await long.audit.verify(long.site_id, after=first.position, limit=4)
    assert (first.position, first.head, first.done) == (4, 6, False)
    assert (rest.position, rest.done, rest.broken) == (6, True, None)
    written = (await long.audit.chains.links(long.site_id, after=0, limit=1))[0]
    assert written.written is not None
    assert written.hash == hash_of(BEGINNING, 1, written.written)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE decisions SET note = 'No.' WHERE site_id = $1 AND decision_id = $2",
         ("changed", 3)),
        ("UPDATE decisions SET actor_id = 'me' WHERE site_id = $1 AND decision_id = $2",
         ("changed", 3)),
        ("DELETE FROM decisions WHERE site_id = $1 AND decision_id = $2", ("gone", 3)),
        (
            "UPDATE administrative_acts SET details = '{}' WHERE site_id = $1",
            ("changed", 6),
        ),
        ("UPDATE audit_entries SET act = 'approve' WHERE site_id = $1 AND position = 5",
         ("changed", 5)),
        ("UPDATE audit_entries SET hash = sha256('') WHERE site_id = $1 AND position = 1",
         ("changed", 1)),
        ("DELETE FROM audit_entries WHERE site_id = $1 AND position = 3", ("gap", 3)),
        ("DELETE FROM audit_entries WHERE site_id = $1 AND position = 1", ("gap", 1)),
        ("DELETE FROM audit_entries WHERE site_id = $1 AND position >= 5", ("unlisted", 5)),
    ],
)  # fmt: skip
async def test_whatever_is_done_to_a_row_is_found_where_it_was_done(
    long: Archive, statement: str, fault: tuple[str, int]
) -> None:
    third = next(each for each in (await long.read()).entries if each.position == 3)
    await long.tamper(statement, *([third.entry_id] if "$2" in statement else []))
    assert await long.fault() == fault


async def test_a_decision_that_was_slipped_in_is_found(long: Archive) -> None:
    async with long.root.transaction():
        await long.root.execute("SET LOCAL session_replication_role = replica")  # no triggers
        await long.tamper(
            "INSERT INTO decisions (site_id, article_id, comment_id, n, decision_id, action,"
            " revision, status, actor_kind, actor_id, content_hash)"
            " SELECT site_id, article_id, comment_id, n + 1, $2, 'approve', revision,"
            " 'approved', actor_kind, actor_id, content_hash FROM decisions WHERE site_id = $1"
            " LIMIT 1",
            uuid4(),
        )
    assert await long.fault() == ("unlisted", 7)


async def test_a_chain_that_was_made_anew_does_not_go_through_a_head_that_was_noted(
    long: Archive,
) -> None:
    """Whoever owns the database can do this; only what is kept elsewhere tells."""
    seen = await long.audit.verify_all(long.site_id)
    noted = Head(position=seen.position, hash=seen.hash)
    await long.tamper("UPDATE decisions SET note = 'Nothing to see' WHERE site_id = $1")
    await long.tamper("DELETE FROM audit_entries WHERE site_id = $1")
    await long.tamper(
        "INSERT INTO audit_unsealed (site_id, article_id, comment_id, n)"
        " SELECT site_id, article_id, comment_id, n FROM decisions WHERE site_id = $1"
    )
    await long.tamper(
        "INSERT INTO audit_unsealed (site_id, entry_id)"
        " SELECT site_id, entry_id FROM administrative_acts WHERE site_id = $1"
    )
    await long.seal_all()
    assert await long.fault() is None
    assert await long.fault(noted) == ("other_head", 6)


async def test_the_services_own_role_can_neither_change_nor_delete_what_is_sealed(
    long: Archive,
) -> None:
    for statement in (
        "UPDATE audit_entries SET act = 'approve' WHERE site_id = $1",
        "DELETE FROM audit_entries WHERE site_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await long.newsroom.pool.execute(statement, long.site_id)


async def test_two_processes_that_seal_at_once_seal_everything_once(archive: Archive) -> None:
    for number in range(12):
        await archive.act("key.created", number=number)
    assert sum(await asyncio.gather(*(archive.seal.seal() for _ in range(4)))) == 12
    entries = (await archive.read()).entries
    assert sorted(each.details["number"] for each in entries) == list(range(12))
    assert await archive.fault() is None


async def test_what_is_not_sealed_yet_is_said_to_wait(archive: Archive) -> None:
    await archive.act("key.created")
    seen = await archive.audit.verify(archive.site_id, after=0)
    assert (seen.waiting, seen.head, seen.broken) == (1, 0, None)


async def test_the_daily_look_logs_each_head_and_what_is_broken(long: Archive) -> None:
    slug = long.newsroom.site.slug
    with structlog.testing.capture_logs() as lines:
        await long.seal.check()
    (line,) = [each for each in lines if each.get("site") == slug]
    seen = await long.audit.verify_all(long.site_id)
    assert (line["event"], line["head"]) == ("audit_verified", seen.hash.hex())

    await long.tamper("DELETE FROM audit_entries WHERE site_id = $1 AND position = 2")
    with structlog.testing.capture_logs() as lines:
        assert not await long.seal.check()
    (line,) = [each for each in lines if each.get("site") == slug]
    assert (line["event"], line["fault"], line["position"]) == ("audit_broken", "gap", 1)


async def test_checks_are_made_when_they_are_due(long: Archive) -> None:
    times: list[datetime] = [NOON, NOON, NOON + timedelta(days=2)]
    seal = AuditSeal(
        store=long.audit.chains,
        audit=long.audit,
        sites=long.newsroom.sites,
        clock=lambda: times.pop(0) if times else NOON,
    )
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(seal.run_checks())
        async with asyncio.timeout(5):
            while not any(  # noqa: ASYNC110 - a log has no event to wait for
                each.get("site") == long.newsroom.site.slug for each in lines
            ):
                await asyncio.sleep(0.01)
        task.cancel()


async def test_without_postgres_nothing_is_read(archive: Archive) -> None:
    nowhere = "postgresql://postbag@/postbag?host=/nonexistent"
    async with asyncpg.create_pool(nowhere, min_size=0, max_size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            await ChainStore(pool=pool).head(archive.site_id)


async def test_every_column_that_decisions_and_acts_have_is_sealed(archive: Archive) -> None:
    """A migration that adds one has to say how older entries are still followed (decision 18)."""
    sealed = {
        "decisions": (
            "site_id article_id comment_id n decision_id at actor_kind actor_id action reason"
            " revision kind status note rule_version reverses duplicate_of content_hash request_id"
            " lang risk rules"
        ),
        "administrative_acts": (
            "entry_id at actor_kind actor_id act site_id member_id details request_id"
        ),
    }
    for table, names in sealed.items():
        rows = await archive.root.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0",
            table,
        )
        assert {row["attname"] for row in rows} == set(names.split())


def test_what_is_hashed_of_an_entry_has_the_form_it_always_had() -> None:
    """Whatever was sealed by an earlier release must still be found whole."""
    entry = Written(
        site_id=7,
        kind="decision",
        article_id=UUID(int=1),
        comment_id=asyncpg.pgproto.pgproto.UUID(UUID(int=2).hex),
        n=3,
        entry_id=UUID(int=4),
        at=datetime(2026, 11, 26, 9, tzinfo=timezone(timedelta(hours=1))),
        actor_kind="member",
        actor_id="kim",
        act="reject",
        reason="spam",
        rest=(2, None, {"b": "é", "a": [1.5, True]}, ["links"]),
    )
    assert said(entry).decode() == (
        '[7,"decision","00000000-0000-0000-0000-000000000001",'
        '"00000000-0000-0000-0000-000000000002",3,"00000000-0000-0000-0000-000000000004",'
        '"2026-11-26T08:00:00.000000+00:00","member","kim","reject","spam",'
        '2,null,{"a":[1.5,true],"b":"é"},["links"]]'
    )
