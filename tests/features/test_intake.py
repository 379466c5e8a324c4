from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Invalid, RateLimited, Unavailable
from service.features import settle
from service.features.intake import (
    Accepted,
    ArticleClosed,
    AuthorBanned,
    GuestsNotAllowed,
    KeyReused,
    NotDurable,
    ParentNotPublished,
    QueueEmptied,
    QueueFull,
)
from service.features.threads import UnknownParent
from service.model import Action, ArticleState, Mode, PendingComment, SiteSettings, article_id
from service.storage.migrations import APP_ROLE
from service.storage.redis import Keys
from tests.features.conftest import OpenSite
from tests.newsroom import NOON, Newsroom, staff, without_postgres, without_redis

LEILA = UUID(int=7)


async def describe(newsroom: Newsroom, article: str = "story-1", **changes: Any) -> None:
    """Describe an article as the back end does."""
    await newsroom.articles.put(newsroom.site, article, changes, NOON)  # type: ignore[arg-type]


async def waiting(newsroom: Newsroom) -> int:
    return await newsroom.pending.total(newsroom.site.slug, include_escalated=True)


def id_of(accepted: Accepted) -> UUID:
    return accepted.found.comment_id


# What is let in


async def test_an_accepted_comment_waits_whole_under_the_id_it_was_acknowledged_with(
    newsroom: Newsroom,
) -> None:
    accepted = await newsroom.submit(
        "Hello.",
        email="leila@example.org",
        article_title="Budget",
        article_url="https://d.example/1",
    )
    item = await newsroom.pending.get(newsroom.site.slug, id_of(accepted))
    assert item is not None
    assert replace(item, seq=0) == accepted.found.waiting
    assert item.seq == accepted.seq == 1
    assert (item.text, item.author.name, item.author.email) == (
        "Hello.",
        "Leila",
        "leila@example.org",
    )
    assert (item.article_title, item.address_hash, item.created_at) == ("Budget", "here", NOON)
    assert (item.seq, item.revision, item.n) == (1, 1, 0)
    assert accepted.author_id == item.author.author_id
    assert (accepted.at_once, accepted.replayed, accepted.keyed) == (False, False, True)


async def test_what_the_text_policy_refuses_is_not_stored(newsroom: Newsroom) -> None:
    with pytest.raises(Invalid) as refusal:
        await newsroom.submit("", name="")
    assert [error.pointer for error in refusal.value.errors] == ["/body", "/author/name"]
    assert await waiting(newsroom) == 0


@pytest.mark.parametrize("state", [ArticleState.CLOSED, ArticleState.OFF])
async def test_an_article_that_takes_no_comments_takes_none(
    newsroom: Newsroom, state: ArticleState
) -> None:
    await describe(newsroom, state=state)
    with pytest.raises(ArticleClosed):
        await newsroom.submit()
    assert await waiting(newsroom) == 0


async def test_an_article_closes_at_its_time(newsroom: Newsroom) -> None:
    await describe(newsroom, close_at=NOON)
    with pytest.raises(ArticleClosed):
        await newsroom.submit()
    newsroom.now = NOON - timedelta(seconds=1)
    await newsroom.submit()


async def test_a_site_without_guests_takes_its_readers_and_its_back_end_only(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(SiteSettings(guests_allowed=False))
    with pytest.raises(GuestsNotAllowed):
        await newsroom.submit()
    await newsroom.submit(kind="reader", author_id=LEILA, principal=f"reader:{LEILA}")
    await newsroom.submit(kind="backend", author_id=LEILA, principal="key:sitekey1")
    assert await waiting(newsroom) == 2


async def test_a_banned_author_is_refused_until_the_ban_ends(newsroom: Newsroom) -> None:
    until = NOON + timedelta(days=1)
    await newsroom.readers.ban(newsroom.site.site_id, LEILA, kind="guest", until=until)
    with pytest.raises(AuthorBanned):
        await newsroom.submit(author_id=LEILA)
    await newsroom.submit(author_id=uuid4())
    newsroom.now = until
    await newsroom.submit(author_id=LEILA)


async def test_the_queue_takes_no_more_than_the_site_may_hold(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(pending_max=2))
    first = await newsroom.submit("One.", key="key-number-one")
    await newsroom.submit("Two.")
    with pytest.raises(QueueFull):
        await newsroom.submit("Three.")
    again = await newsroom.submit("One.", key="key-number-one")
    assert (id_of(again), again.replayed) == (id_of(first), True)


async def test_nothing_is_accepted_while_redis_was_not_seen_to_keep_it(newsroom: Newsroom) -> None:
    careless = replace(newsroom.intake, durable=lambda: False)
    newsroom.intake = careless
    with pytest.raises(NotDurable):
        await newsroom.submit()
    assert await waiting(newsroom) == 0


async def test_nothing_is_accepted_by_a_redis_that_came_back_empty(newsroom: Newsroom) -> None:
    await newsroom.lose_redis()
    with pytest.raises(QueueEmptied) as refusal:
        await newsroom.submit()
    assert refusal.value.stable_code == "queue_unavailable"
    await newsroom.journal.open_queue(newsroom.site)
    await newsroom.submit()


async def test_nothing_is_accepted_while_redis_is_away(newsroom: Newsroom) -> None:
    async with without_redis(newsroom) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.submit()


# Parents


async def reply(newsroom: Newsroom, parent: PendingComment | UUID, **sent: Any) -> Accepted:
    parent_id = parent if isinstance(parent, UUID) else parent.comment_id
    return await newsroom.submit("A reply.", parent_id=parent_id, **sent)


async def test_anybody_may_answer_what_is_public(newsroom: Newsroom) -> None:
    parent = await newsroom.post()
    await newsroom.approve(parent)
    accepted = await reply(newsroom, parent)
    assert accepted.found.parent_id == parent.comment_id


async def test_what_nobody_knows_cannot_be_answered(newsroom: Newsroom) -> None:
    with pytest.raises(UnknownParent):
        await reply(newsroom, uuid4())


async def test_a_comment_of_another_article_cannot_be_answered_here(newsroom: Newsroom) -> None:
    parent = await newsroom.post(article="story-2")
    await newsroom.approve(parent)
    with pytest.raises(UnknownParent):
        await reply(newsroom, parent)
    await reply(newsroom, parent, article="story-2")


async def test_what_waits_is_answered_by_its_author_and_the_back_end_alone(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post(author=LEILA)
    for stranger in (None, uuid4()):
        with pytest.raises(UnknownParent):
            await reply(newsroom, parent, author_id=stranger)
    await reply(newsroom, parent, author_id=LEILA)
    await reply(newsroom, parent, kind="backend", author_id=uuid4(), principal="key:sitekey1")
    assert await waiting(newsroom) == 3


@pytest.mark.parametrize("author", [LEILA, UUID(int=8)])
async def test_what_was_rejected_or_taken_down_is_answered_by_nobody(
    newsroom: Newsroom, author: UUID
) -> None:
    rejected, removed, withdrawn, deleted = [await newsroom.post(author=LEILA) for _ in range(4)]
    await newsroom.decide(Action.REJECT, rejected)
    await newsroom.approve(removed, deleted)
    await newsroom.decide(Action.REMOVE, removed)
    await newsroom.decide(Action.DELETE, deleted)
    await newsroom.decide(Action.WITHDRAW, withdrawn)
    for parent in (rejected, removed, withdrawn, deleted):
        with pytest.raises(ParentNotPublished):
            await reply(newsroom, parent, author_id=author)


async def test_a_reply_under_a_merged_article_stays_with_its_parent(newsroom: Newsroom) -> None:
    parent = await newsroom.post(article="old-key")
    await newsroom.approve(parent)
    await newsroom.articles.merge(newsroom.site, "old-key", "new-key", NOON)
    for article in ("old-key", "new-key"):
        answer = await reply(newsroom, parent, article=article, name=article)
        assert (answer.found.article_id, answer.found.article_key) == (
            parent.article_id,
            "old-key",
        )
        results = await newsroom.decide(Action.APPROVE, id_of(answer))
        assert results[0].outcome == "applied"
    root = await newsroom.submit("A new one.", article="old-key")
    assert root.found.article_key == "new-key"
    assert root.found.article_id == article_id(newsroom.site.site_id, "new-key")


# Idempotency


async def test_the_same_key_and_text_again_is_the_same_comment_as_it_is_now(
    newsroom: Newsroom,
) -> None:
    first = await newsroom.submit("Hello.", key="key-number-one")
    await newsroom.decide(Action.REJECT, id_of(first))
    again = await newsroom.submit("Hello.", key="key-number-one")
    assert (id_of(again), again.author_id) == (id_of(first), first.author_id)
    assert (again.replayed, again.keyed, again.at_once) == (True, True, False)
    assert (first.found.status, again.found.status) == ("pending", "rejected")


async def test_the_same_key_with_another_text_is_refused(newsroom: Newsroom) -> None:
    await newsroom.submit("Hello.", key="key-number-one")
    with pytest.raises(KeyReused):
        await newsroom.submit("Goodbye.", key="key-number-one")
    await newsroom.submit("Goodbye.", key="key-number-two")
    await newsroom.submit("Goodbye.", key="key-number-one", article="story-2")
    assert await waiting(newsroom) == 3


async def test_the_same_text_by_the_same_author_within_a_minute_is_the_same_comment(
    newsroom: Newsroom,
) -> None:
    first = await newsroom.submit("Hello.")
    again = await newsroom.submit("Hello.")
    assert (id_of(again), again.replayed, again.keyed) == (id_of(first), True, False)
    await newsroom.submit("Hello.", address_hash="elsewhere")
    await newsroom.submit("Hello.", name="Karim")
    await newsroom.submit("Hello.", author_id=LEILA)
    assert await waiting(newsroom) == 4


async def test_a_key_is_remembered_for_two_days_and_a_text_for_a_minute(
    newsroom: Newsroom,
) -> None:
    at = Keys(newsroom.site.slug)
    plain = (await newsroom.submit("Hello.")).found.waiting
    keyed = (await newsroom.submit("Hello.", key="key-number-one")).found.waiting
    for item, seconds in ((plain, 60), (keyed, 48 * 3600)):
        assert item is not None
        assert item.dk is not None
        left = await newsroom.redis.ttl(at.submission(item.dk))
        assert seconds - 10 <= left <= seconds
        await newsroom.redis.delete(at.submission(item.dk))  # as when that time is over
    assert (await newsroom.submit("Hello.")).replayed is False


@pytest.mark.parametrize("key", [None, "key-number-one"])
async def test_fifty_at_once_are_one_comment(newsroom: Newsroom, key: str | None) -> None:
    accepted = await asyncio.gather(*(newsroom.submit("Hello.", key=key) for _ in range(50)))
    assert len({id_of(each) for each in accepted}) == 1
    assert len({each.author_id for each in accepted}) == 1
    assert sorted(each.replayed for each in accepted) == [False] + [True] * 49
    assert await waiting(newsroom) == 1


@pytest.mark.parametrize("mode", [Mode.PRE, Mode.POST])
async def test_after_the_loss_of_redis_the_same_key_is_the_same_comment_and_answer(
    new_site: OpenSite, mode: Mode
) -> None:
    newsroom = await new_site(SiteSettings(mode=mode))
    first = await newsroom.submit("Hello.", key="key-number-one")
    await newsroom.journal_all()
    await newsroom.lose_redis()
    with pytest.raises(Unavailable):
        await newsroom.submit("Hello.", key="key-number-one")
    await newsroom.journal.open_queue(newsroom.site)
    again = await newsroom.submit("Hello.", key="key-number-one")
    assert (id_of(again), again.author_id, again.replayed) == (id_of(first), first.author_id, True)
    assert again.at_once is first.at_once is (mode is Mode.POST)
    assert again.found.status == first.found.status
    with pytest.raises(KeyReused):
        await newsroom.submit("Goodbye.", key="key-number-one")


async def test_a_comment_whose_key_already_stands_for_another_is_settled_as_its_duplicate(
    newsroom: Newsroom,
) -> None:
    first = await newsroom.submit("Hello.", key="key-number-one")
    await newsroom.journal_all()
    item = first.found.waiting
    assert item is not None
    assert item.dk is not None
    await newsroom.redis.delete(Keys(newsroom.site.slug).submission(item.dk))
    second = await newsroom.submit("Hello.", key="key-number-one")
    assert id_of(second) != id_of(first)
    results = await newsroom.decide(Action.APPROVE, id_of(second))
    assert (results[0].outcome, results[0].status) == ("conflict", "rejected")
    assert results[0].decision is not None
    assert (results[0].decision.action, results[0].decision.reason) == ("duplicate", "duplicate")
    assert await newsroom.status(id_of(first)) == "pending"


# Limits


async def test_a_place_that_writes_too_much_has_to_wait_and_repeats_are_not_counted(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(limits_on=True)
    first = await newsroom.submit("Number 0.", key="key-number-0")
    for _ in range(20):
        again = await newsroom.submit("Number 0.", key="key-number-0")
        assert id_of(again) == id_of(first)
    for number in range(1, 5):
        await newsroom.submit(f"Number {number}.")
    with pytest.raises(RateLimited) as refusal:
        await newsroom.submit("Number 5.")
    assert 1 <= refusal.value.retry_after_seconds <= 10
    await newsroom.submit("Number 5.", address_hash="elsewhere")
    assert (await newsroom.submit("Number 0.", key="key-number-0")).replayed
    assert await waiting(newsroom) == 6


async def test_an_author_is_limited_wherever_they_write_from(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    for number in range(5):
        await newsroom.submit(f"Number {number}.", author_id=LEILA, address_hash=f"place-{number}")
    with pytest.raises(RateLimited):
        await newsroom.submit("Number 5.", author_id=LEILA, address_hash="place-5")


async def test_a_back_end_is_limited_by_its_site_alone(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    for number in range(8):
        await newsroom.submit(
            f"Number {number}.", kind="backend", author_id=LEILA, principal="key:sitekey1"
        )
    assert await waiting(newsroom) == 8


async def test_of_more_at_once_than_the_limit_allows_those_let_in_are_one_comment(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(limits_on=True)
    answers = await asyncio.gather(
        *(newsroom.submit("Hello.", key="key-number-one") for _ in range(20)),
        return_exceptions=True,
    )
    accepted = [each for each in answers if isinstance(each, Accepted)]
    refused = [each for each in answers if isinstance(each, RateLimited)]
    assert len(accepted) + len(refused) == 20
    assert len({id_of(each) for each in accepted}) == 1
    assert await waiting(newsroom) == 1


async def test_refused_attempts_count_as_well(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    await describe(newsroom, state=ArticleState.CLOSED)
    for number in range(5):
        with pytest.raises(ArticleClosed):
            await newsroom.submit(f"Number {number}.")
    with pytest.raises(RateLimited):
        await newsroom.submit("Number 5.")
    with pytest.raises(RateLimited):
        await newsroom.submit("Number 6.", article="story-2")


async def test_attempts_that_meet_a_full_queue_count_as_well(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(pending_max=1), limits_on=True)
    await newsroom.submit("Number 0.")
    for number in range(1, 5):
        with pytest.raises(QueueFull):
            await newsroom.submit(f"Number {number}.")
    with pytest.raises(RateLimited):
        await newsroom.submit("Number 5.")


async def test_no_more_are_let_in_at_once_than_the_limit_allows(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    answers = await asyncio.gather(
        *(newsroom.submit(f"Number {number}.") for number in range(12)), return_exceptions=True
    )
    assert sum(isinstance(each, Accepted) for each in answers) == 5
    assert sum(isinstance(each, RateLimited) for each in answers) == 7
    assert await waiting(newsroom) == 5


# Publishing at once


async def test_a_site_that_moderates_afterwards_publishes_at_once(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    accepted = await newsroom.submit("Hello.", key="key-number-one")
    assert (accepted.at_once, accepted.found.status) == (True, "approved")
    assert accepted.found.decision is not None
    assert (accepted.found.decision.actor_kind, accepted.found.decision.actor_id) == (
        "rule",
        "screening",
    )
    assert (await newsroom.count(), await waiting(newsroom)) == (1, 0)
    again = await newsroom.submit("Hello.", key="key-number-one")
    assert (again.at_once, again.replayed, id_of(again)) == (True, True, id_of(accepted))


async def test_only_the_trusted_are_published_at_once_where_the_site_says_so(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.TRUSTED))
    await newsroom.readers.trust(newsroom.site.site_id, LEILA, kind="guest", trusted=True)
    trusted = await newsroom.submit("Hello.", author_id=LEILA)
    other = await newsroom.submit("Hello.", author_id=uuid4())
    new = await newsroom.submit("Hello.")
    assert [each.at_once for each in (trusted, other, new)] == [True, False, False]
    assert await newsroom.count() == 1


async def test_a_premoderated_article_holds_what_its_site_would_publish(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    await describe(newsroom, state=ArticleState.PREMODERATED)
    assert (await newsroom.submit()).at_once is False


async def test_an_articles_own_mode_counts_before_the_sites(newsroom: Newsroom) -> None:
    await describe(newsroom, mode=Mode.POST)
    assert (await newsroom.submit()).at_once
    assert (await newsroom.submit(article="story-2")).at_once is False


async def test_a_reply_to_ones_own_waiting_comment_waits_for_people_too(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post(author=LEILA)
    await describe(newsroom, mode=Mode.POST)
    accepted = await reply(newsroom, parent, author_id=LEILA)
    assert (accepted.at_once, accepted.found.status) == (False, "pending")
    score = await newsroom.redis.zscore(Keys(newsroom.site.slug).queue, str(id_of(accepted)))
    assert score is not None


@asynccontextmanager
async def refusing_commits(newsroom: Newsroom) -> AsyncIterator[None]:
    """Let Postgres take every decision of this site, and fail to commit it: its disk is full."""
    name = f"full_disk_{newsroom.site.site_id}"
    async with newsroom.pool.acquire() as connection:
        await connection.execute("SET ROLE NONE")
        await connection.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
            CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON decisions
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (new.site_id = {newsroom.site.site_id}) EXECUTE FUNCTION {name}()
            """
        )
        try:
            yield
        finally:
            await connection.execute(f"DROP TRIGGER {name} ON decisions; DROP FUNCTION {name}()")
            await connection.execute(f"SET ROLE {APP_ROLE}")


async def assert_settled_later(newsroom: Newsroom, accepted: Accepted) -> None:
    """The answer was 202, and the settle worker publishes."""
    assert (accepted.at_once, accepted.found.status) == (False, "pending")
    assert (await newsroom.count(), await waiting(newsroom)) == (0, 1)
    at = Keys(newsroom.site.slug)
    assert await newsroom.redis.zscore(at.settling, str(id_of(accepted))) is not None
    assert await newsroom.settle.settle(newsroom.site) == 0  # the request has its own time first
    await newsroom.redis.zadd(at.settling, {str(id_of(accepted)): 0})
    assert await newsroom.settle.settle(newsroom.site) == 1
    assert (await newsroom.count(), await waiting(newsroom)) == (1, 0)
    await assert_known_as_published_later(newsroom, accepted)


async def assert_known_as_published_later(newsroom: Newsroom, accepted: Accepted) -> None:
    again = await newsroom.submit("Hello.", key="key-number-one")
    assert (id_of(again), again.at_once) == (id_of(accepted), False)
    assert again.found.status == "approved"


async def test_a_commit_that_fails_leaves_it_to_the_settle_worker(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    async with refusing_commits(newsroom):
        accepted = await newsroom.submit("Hello.", key="key-number-one")
    await assert_settled_later(newsroom, accepted)


async def test_a_commit_that_takes_long_leaves_it_to_the_settle_worker(
    new_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    first = await newsroom.post()
    await newsroom.decide(Action.REJECT, first)  # its article has a row to lock from now on
    monkeypatch.setattr(settle, "COMMIT_WITHIN_SECONDS", 0.1)
    async with newsroom.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM article_counts WHERE site_id = $1 FOR UPDATE", newsroom.site.site_id
        )
        accepted = await newsroom.submit("Hello.", key="key-number-one")
        assert (accepted.at_once, accepted.found.status) == (False, "pending")
        assert (await newsroom.count(), await waiting(newsroom)) == (0, 1)
    # The round that waited goes on, or the worker takes it up: whoever is first.
    async with asyncio.timeout(10):
        while (await newsroom.count(), await waiting(newsroom)) != (1, 0):
            await newsroom.settle.settle(newsroom.site)
            await asyncio.sleep(0.01)
    await assert_known_as_published_later(newsroom, accepted)


# Postgres away


@pytest.mark.parametrize("author", [None, LEILA])
async def test_while_postgres_is_away_comments_are_held_and_say_why(
    new_site: OpenSite, author: UUID | None
) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    async with without_postgres(newsroom) as cut_off:
        accepted = await cut_off.submit("Hello.", author_id=author, key="key-number-one")
        assert (accepted.at_once, accepted.found.status) == (False, "pending")
        again = await cut_off.submit("Hello.", author_id=author, key="key-number-one")
        assert (id_of(again), again.replayed) == (id_of(accepted), True)
    item = await newsroom.pending.get(newsroom.site.slug, id_of(accepted))
    assert item is not None
    assert [why.rule for why in item.why] == ["checks_unavailable"]
    score = await newsroom.redis.zscore(Keys(newsroom.site.slug).queue, str(item.comment_id))
    assert score is not None


async def test_a_standing_that_cannot_be_read_holds_the_comment_on_a_known_article(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site(SiteSettings(mode=Mode.POST))
    async with without_postgres(newsroom) as cut_off:
        knowing = staff(cut_off.pool, cut_off.redis, newsroom.site, articles=newsroom.articles)
        await newsroom.articles.get(newsroom.site, "story-1", now=NOON)
        accepted = await knowing.submit("Hello.", author_id=LEILA)
    assert accepted.found.waiting is not None
    assert [why.rule for why in accepted.found.waiting.why] == ["checks_unavailable"]


async def test_while_postgres_is_away_a_waiting_parent_is_known_and_another_is_not(
    newsroom: Newsroom,
) -> None:
    parent, public = await newsroom.post(author=LEILA), await newsroom.post()
    await newsroom.approve(public)
    async with without_postgres(newsroom) as cut_off:
        assert (await reply(cut_off, parent, author_id=LEILA)).found.parent_id == parent.comment_id
        with pytest.raises(Unavailable):
            await reply(cut_off, public, author_id=LEILA)


async def test_what_was_acknowledged_is_noted_for_the_watermark(newsroom: Newsroom) -> None:
    await newsroom.submit("One.")
    await newsroom.submit("Two.")
    assert newsroom.intake.acknowledged.take() == {newsroom.site.site_id: 2}
    assert newsroom.intake.acknowledged.take() == {}
