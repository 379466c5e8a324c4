from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import pytest

from service.errors import Failure, RateLimited
from service.features.events import Events, TooManyStreams
from service.model import Action, PendingComment
from service.storage.channel import EVENTS, Channel
from service.storage.comments import CommentStore
from service.storage.events import EventStore
from service.storage.outbox import Message
from service.storage.redis import Keys, connect
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, Newsroom

SOON_SECONDS = 3.0
"""Within which readers are told (api.md)."""
UNTOLD = """
    UPDATE outbox SET relayed_at = now() WHERE site_id = $1 AND relayed_at IS NULL
    RETURNING site_id, article_id, event_id, kind, comment_id, payload, at
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a browser hears it."""

    event_id: str | None
    kind: str
    data: dict[str, Any]

    @property
    def comment_id(self) -> str | None:
        return self.data.get("id")


@dataclass(frozen=True, slots=True)
class Ear:
    """A reader's open page."""

    stream: Any
    raw: list[bytes]

    async def piece(self) -> bytes:
        async with asyncio.timeout(SOON_SECONDS):
            piece: bytes = await anext(self.stream)
        self.raw.append(piece)
        return piece

    async def hear(self) -> Told:
        return read(await self.piece())

    async def hears(self, count: int) -> list[Told]:
        return [await self.hear() for _ in range(count)]

    async def hears_the_end(self) -> None:
        with pytest.raises(StopAsyncIteration):
            await self.piece()


def read(piece: bytes) -> Told:
    assert piece.endswith(b"\n\n")
    fields = dict(line.split(": ", 1) for line in piece.decode().strip().split("\n"))
    return Told(fields.get("id"), fields["event"], orjson.loads(fields["data"]))


def events_of(newsroom: Newsroom, **bounds: Any) -> Events:
    """Make the events of a process of one's own."""
    return Events(
        store=EventStore(redis=newsroom.redis),
        channel=Channel(redis=newsroom.redis, name=EVENTS),
        comments=CommentStore(pool=newsroom.pool),
        **bounds,
    )


@asynccontextmanager
async def running(newsroom: Newsroom, events: Events) -> AsyncIterator[Events]:
    """Pass on what is told until the block ends."""
    before = await listeners(newsroom)
    task = asyncio.create_task(events.run())
    async with asyncio.timeout(5):
        while await listeners(newsroom) == before:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
        # The line's own confirmation comes before anything that is said from now on.
        await events.channel.publish([b'{"id":"0-1","kind":"x","articles":"","data":""}'])
    try:
        yield events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def listeners(newsroom: Newsroom) -> int:
    ((_, count),) = await newsroom.redis.pubsub_numsub(EVENTS)
    return int(count)


@asynccontextmanager
async def opened(
    newsroom: Newsroom,
    events: Events,
    article: str = "story-1",
    *,
    after: str | None = None,
    network: str = "192.0.2.1",
) -> AsyncIterator[Ear]:
    """Open a page that knows everything so far, or up to an id, and listens already."""
    if after is None:
        after = next(reversed(await stream_ids(newsroom)), None)
    stream = await events.listen(newsroom.site, article, after=after, network=network)
    try:
        ear = Ear(stream, [])
        assert (await ear.piece()).startswith(b"retry: ")
        yield ear
    finally:
        await stream.aclose()


async def tell(newsroom: Newsroom, events: Events | None = None) -> list[Message]:
    """Do the leader's work for this site alone."""
    rows = await newsroom.pool.fetch(UNTOLD, newsroom.site.site_id)
    messages = sorted((Message(**row) for row in rows), key=lambda each: each.event_id)
    await (events or newsroom.events).publish(newsroom.site, messages)
    return messages


async def approved(newsroom: Newsroom, article: str = "story-1") -> PendingComment:
    comment = await newsroom.post(article=article)
    await newsroom.approve(comment)
    return comment


async def stream_ids(newsroom: Newsroom) -> list[str]:
    kept: Any = await newsroom.redis.xrange(Keys(newsroom.site.slug).events)
    return [name.decode() for name, _ in kept]


@pytest.fixture
async def events(newsroom: Newsroom) -> AsyncIterator[Events]:
    async with running(newsroom, newsroom.events) as running_events:
        yield running_events


async def test_an_approval_is_told_with_the_count_and_nothing_else(
    newsroom: Newsroom, events: Events
) -> None:
    parent = await approved(newsroom)
    reply = await newsroom.post("Reply.", parent=parent.comment_id)
    await tell(newsroom)
    async with opened(newsroom, events) as ear:
        await newsroom.approve(reply)
        await tell(newsroom)
        comment, count = await ear.hears(2)
    assert (comment.kind, comment.data) == (
        "comment",
        {
            "id": str(reply.comment_id),
            "article": "story-1",
            "parent_id": str(parent.comment_id),
            "count": 2,
        },
    )
    assert (count.kind, count.data) == ("count", {"article": "story-1", "count": 2})
    assert comment.event_id is not None
    assert [comment.event_id, count.event_id] == (await stream_ids(newsroom))[-2:]


async def test_everything_readers_see_is_told_in_its_order(
    newsroom: Newsroom, events: Events
) -> None:
    comment = await newsroom.post("Old.")
    author = comment.author.author_id
    async with opened(newsroom, events) as ear:

        async def heard() -> list[tuple[str, int]]:
            await tell(newsroom)
            told = await ear.hears(2)
            assert told[0].comment_id == str(comment.comment_id)
            return [(each.kind, each.data["count"]) for each in told]

        approval = (await newsroom.approve(comment))[0].decision
        assert approval is not None
        assert await heard() == [("comment", 1), ("count", 1)]
        await newsroom.own.edit(
            newsroom.site,
            comment.comment_id,
            author,
            body="New.",
            revision=1,
            now=comment.created_at,
        )
        await newsroom.decide(Action.APPROVE, comment, revision=2)
        assert await heard() == [("update", 1), ("count", 1)]
        await newsroom.decide(Action.REMOVE, comment, revision=2)
        assert await heard() == [("gone", 0), ("count", 0)]
        restored = (await newsroom.decide(Action.RESTORE, comment, revision=2))[0].decision
        assert restored is not None
        assert await heard() == [("comment", 1), ("count", 1)]
        await newsroom.decisions.reverse(
            [newsroom.site], restored.decision_id, actor=KIM, now=newsroom.now
        )
        assert await heard() == [("gone", 0), ("count", 0)]
        await newsroom.decide(Action.RESTORE, comment, revision=2)
        assert await heard() == [("comment", 1), ("count", 1)]
        await newsroom.own.delete(newsroom.site, comment.comment_id, author, now=newsroom.now)
        assert await heard() == [("gone", 0), ("count", 0)]


async def test_an_approval_that_is_undone_is_gone(newsroom: Newsroom, events: Events) -> None:
    comment = await newsroom.post()
    approval = (await newsroom.approve(comment))[0].decision
    assert approval is not None
    await tell(newsroom)
    async with opened(newsroom, events) as ear:
        await newsroom.decisions.reverse(
            [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
        )
        await tell(newsroom)
        assert [each.kind for each in await ear.hears(2)] == ["gone", "count"]


async def test_several_at_once_are_told_one_by_one_and_the_count_once(
    newsroom: Newsroom, events: Events
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(5)]
    async with opened(newsroom, events) as ear:
        await newsroom.approve(*comments)
        await tell(newsroom)
        told = await ear.hears(6)
    assert [each.comment_id for each in told[:5]] == [str(each.comment_id) for each in comments]
    assert (told[5].kind, told[5].data["count"]) == ("count", 5)


async def test_nothing_is_told_of_what_was_never_public(newsroom: Newsroom, events: Events) -> None:
    public = await approved(newsroom)
    author = public.author.author_id
    await tell(newsroom)
    async with opened(newsroom, events) as ear:
        rejected, withdrawn, escalated = [await newsroom.post() for _ in range(3)]
        rejection = (await newsroom.decide(Action.REJECT, rejected))[0].decision
        assert rejection is not None
        await newsroom.decisions.reverse(
            [newsroom.site], rejection.decision_id, actor=KIM, now=newsroom.now
        )
        await newsroom.decide(Action.REJECT, rejected)
        await newsroom.appeals.appeal(
            newsroom.site,
            rejected.comment_id,
            rejected.author.author_id,
            said="Please.",
            now=newsroom.now,
        )
        for each in (withdrawn, rejected):
            await newsroom.own.delete(
                newsroom.site, each.comment_id, each.author.author_id, now=newsroom.now
            )
        await newsroom.decide(Action.ESCALATE, escalated)
        await newsroom.own.edit(
            newsroom.site,
            public.comment_id,
            author,
            body="Worse.",
            revision=1,
            now=public.created_at,
        )
        await newsroom.decide(Action.REJECT, public, revision=2)
        await newsroom.reports.report(
            newsroom.site,
            public.comment_id,
            reporter_id=uuid4(),
            address_hash="here",
            reason="spam",
            said="",
            notice=None,
            now=newsroom.now,
        )
        messages = await tell(newsroom)
        assert {each.kind for each in messages} >= {"comment.rejected", "comment.deleted"}
        last = await approved(newsroom)
        await tell(newsroom)
        assert (await ear.hear()).comment_id == str(last.comment_id)


async def test_no_text_and_no_name_is_ever_told(newsroom: Newsroom, events: Events) -> None:
    async with opened(newsroom, events) as ear:
        accepted = await newsroom.submit("Spoken softly.", name="Ghislaine")
        await newsroom.decide(Action.APPROVE, accepted.found.comment_id)
        await newsroom.decide(Action.REMOVE, accepted.found.comment_id)
        await tell(newsroom)
        await ear.hears(3)
    said = b"".join(ear.raw)
    for secret in ("Spoken", "Ghislaine", "spam", str(accepted.author_id)):
        assert secret.encode() not in said
    assert str(accepted.found.comment_id).encode() in said


async def test_a_page_hears_of_its_own_article_only_and_of_those_merged_into_it(
    newsroom: Newsroom, events: Events
) -> None:
    async with (
        opened(newsroom, events, "story-1") as one,
        opened(newsroom, events, "story-2") as two,
    ):
        await approved(newsroom, "story-2")
        await tell(newsroom)
        assert [each.data["article"] for each in await two.hears(2)] == ["story-2", "story-2"]
        await newsroom.articles.merge(newsroom.site, "story-2", "story-1", newsroom.now)
        late = await approved(newsroom, "story-2")
        await tell(newsroom)
        for ear in (one, two):
            comment, count = await ear.hears(2)
            assert comment.comment_id == str(late.comment_id)
            assert count.data["count"] == 2


async def test_pages_of_another_site_hear_nothing(
    newsroom: Newsroom, new_site: OpenSite, events: Events
) -> None:
    other = await new_site()
    async with opened(newsroom, events) as ear, opened(other, events) as elsewhere:
        await approved(newsroom)
        await tell(newsroom)
        await ear.hears(2)
        theirs = await approved(other)
        await tell(other, events)
        assert (await elsewhere.hear()).comment_id == str(theirs.comment_id)


# Coming back


async def test_whoever_comes_back_is_told_exactly_what_they_missed_then_what_comes(
    newsroom: Newsroom, events: Events
) -> None:
    await approved(newsroom)
    await approved(newsroom, "story-2")
    await tell(newsroom)
    missed = []
    for _ in range(3):
        comment = await approved(newsroom)
        await approved(newsroom, "story-2")
        await tell(newsroom)
        missed.append(str(comment.comment_id))
    kept = await stream_ids(newsroom)
    async with opened(newsroom, events, after=kept[3]) as ear:
        past = await ear.hears(6)
        assert [each.comment_id for each in past[::2]] == missed
        assert [each.data["count"] for each in past[1::2]] == [2, 3, 4]
        live = await approved(newsroom)
        await tell(newsroom)
        assert (await ear.hear()).comment_id == str(live.comment_id)
    places = [kept.index(str(each.event_id)) for each in past]
    assert places == sorted(set(places))
    async with opened(newsroom, events, after=past[3].event_id) as again:
        assert await again.hears(2) == past[4:]


async def test_what_is_told_while_somebody_comes_back_is_told_once(
    newsroom: Newsroom, events: Events
) -> None:
    await approved(newsroom)
    await tell(newsroom)
    last = (await stream_ids(newsroom))[-1]
    told: list[bytes] = []

    class Between(Channel, frozen=True, kw_only=True):
        """A leader that is slow between writing an event down and saying it."""

        async def publish(self, messages: Any) -> None:
            told.extend(messages)

    slow = events_of(newsroom)
    slow.channel = Between(redis=newsroom.redis, name=EVENTS)
    comment = await approved(newsroom)
    await tell(newsroom, slow)
    async with opened(newsroom, events, after=last) as ear:
        assert (await ear.hear()).comment_id == str(comment.comment_id)
        await events.channel.publish(told)
        later = await approved(newsroom)
        await tell(newsroom)
        heard = await ear.hears(3)
    assert [each.kind for each in heard] == ["count", "comment", "count"]
    assert heard[1].comment_id == str(later.comment_id)


@pytest.mark.parametrize(
    "after",
    [
        "0-0",
        "1-1",
        "99999999999999-0",
        "9999999999999999999-0",
        "18446744073709551615-18446744073709551615",
        "99999999999999999999-99999999999999999999",
        "",
        "-",
        "+",
        "(5-0",
        "5",
        "0x10-1",
        "x" * 500,
    ],
)
async def test_an_id_that_is_none_of_ours_means_look_again(
    newsroom: Newsroom, events: Events, after: str
) -> None:
    async with opened(newsroom, events) as before:
        await approved(newsroom)
        await tell(newsroom)
        await before.hears(2)
    async with opened(newsroom, events, after=after) as ear:
        assert await ear.hear() == Told(None, "resync", {})
        comment = await approved(newsroom)
        await tell(newsroom)
        assert (await ear.hear()).comment_id == str(comment.comment_id)


async def test_another_sites_id_and_one_no_longer_kept_mean_look_again(
    newsroom: Newsroom, new_site: OpenSite, events: Events
) -> None:
    other = await new_site()
    await approved(other)
    await tell(other, events)
    foreign = (await stream_ids(other))[0]
    for _ in range(3):
        await approved(newsroom)
        await tell(newsroom)
    first = (await stream_ids(newsroom))[0]
    await newsroom.redis.xtrim(Keys(newsroom.site.slug).events, maxlen=2, approximate=False)
    for after in (foreign, first):
        async with opened(newsroom, events, after=after) as ear:
            assert (await ear.hear()).kind == "resync"


async def test_who_missed_too_much_looks_again(newsroom: Newsroom) -> None:
    for _ in range(3):
        await approved(newsroom)
        await tell(newsroom)
    kept = await stream_ids(newsroom)
    events = events_of(newsroom, resume_max=4)
    async with opened(newsroom, events, after=kept[1]) as ear:
        assert [each.kind for each in await ear.hears(4)] == ["comment", "count"] * 2
    async with opened(newsroom, events, after=kept[0]) as ear:
        assert (await ear.hear()).kind == "resync"


async def test_who_comes_back_while_redis_is_away_looks_again(newsroom: Newsroom) -> None:
    async with connect("redis://127.0.0.1:1") as nowhere:
        events = events_of(newsroom)
        events.store = EventStore(redis=nowhere)
        async with opened(newsroom, events, after="1-1") as ear:
            assert (await ear.hear()).kind == "resync"


async def test_after_the_line_was_lost_everybody_looks_again_and_hears_on(
    newsroom: Newsroom, events: Events
) -> None:
    async with opened(newsroom, events) as ear:
        await newsroom.redis.client_kill_filter(_type="pubsub")
        assert (await ear.hear()).kind == "resync"
        comment = await approved(newsroom)
        await tell(newsroom)
        assert (await ear.hear()).comment_id == str(comment.comment_id)


# Ends and bounds


async def test_who_does_not_keep_up_is_told_to_look_again_and_let_go(newsroom: Newsroom) -> None:
    events = events_of(newsroom, queue_max=4)
    async with running(newsroom, events), opened(newsroom, events, network="192.0.2.9") as slow:
        async with opened(newsroom, events) as quick:
            for _ in range(3):
                await approved(newsroom)
                await tell(newsroom)
                await quick.hears(2)
        assert (await slow.hear()).kind == "resync"
        await slow.hears_the_end()
        async with opened(newsroom, events) as again:
            comment = await approved(newsroom)
            await tell(newsroom)
            assert (await again.hear()).comment_id == str(comment.comment_id)


async def test_a_process_that_stops_says_bye_to_all(newsroom: Newsroom, events: Events) -> None:
    async with opened(newsroom, events) as one, opened(newsroom, events, "story-2") as two:
        events.say_degraded()
        for ear in (one, two):
            assert (await ear.hear()).kind == "degraded"
        events.say_bye()
        for ear in (one, two):
            assert await ear.hear() == Told(None, "bye", {})
            await ear.hears_the_end()


async def test_a_quiet_stream_gives_a_sign_of_life_and_ends_after_its_time(
    newsroom: Newsroom,
) -> None:
    events = events_of(newsroom, heartbeat_seconds=0.02, age_seconds=0.1)
    async with opened(newsroom, events) as ear:
        pieces = [await ear.piece()]
        while pieces[-1] == b":\n\n":
            pieces.append(await ear.piece())
        assert 2 <= len(pieces) <= 8
        assert read(pieces[-1]).kind == "bye"
        await ear.hears_the_end()


@pytest.mark.parametrize(
    ("bounds", "networks", "refusal"),
    [
        ({"streams_max": 3}, [f"192.0.2.{number}" for number in range(10)], TooManyStreams),
        ({"per_address_max": 3}, 10 * ["192.0.2.1"], RateLimited),
        ({"streams_max": 3, "limits_on": False}, 10 * ["192.0.2.1"], TooManyStreams),
    ],
)
async def test_of_ten_who_come_at_once_three_are_let_in_and_leaving_makes_room(
    newsroom: Newsroom, bounds: dict[str, Any], networks: list[str], refusal: type[Failure]
) -> None:
    events = events_of(newsroom, **bounds)

    async def come(network: str) -> Any:
        return await events.listen(newsroom.site, "story-1", after=None, network=network)

    came = await asyncio.gather(*map(come, networks), return_exceptions=True)
    streams = [each for each in came if not isinstance(each, BaseException)]
    assert len(streams) == 3
    assert {type(each) for each in came} - {type(streams[0])} == {refusal}
    with pytest.raises(refusal):
        await come(networks[0])
    for stream in streams:
        await stream.aclose()
        await (await come(networks[0])).aclose()
    again = [await come(network) for network in networks[:3]]
    with pytest.raises(refusal):
        await come(networks[0])
    for stream in again:
        await stream.aclose()


async def test_no_bound_of_an_address_holds_where_limits_are_off(newsroom: Newsroom) -> None:
    events = events_of(newsroom, per_address_max=1, limits_on=False)
    async with opened(newsroom, events) as one, opened(newsroom, events) as two:
        events.say_degraded()
        assert (await one.hear()) == (await two.hear())


async def test_two_processes_tell_each_others_readers(newsroom: Newsroom, events: Events) -> None:
    other = events_of(newsroom)
    async with (
        running(newsroom, other),
        opened(newsroom, events) as here,
        opened(newsroom, other) as there,
    ):
        for teller in (events, other):
            comment = await approved(newsroom)
            await tell(newsroom, teller)
            heard = [await ear.hears(2) for ear in (here, there)]
            assert heard[0] == heard[1]
            assert heard[0][0].comment_id == str(comment.comment_id)


async def test_who_moves_to_another_process_misses_nothing(
    newsroom: Newsroom, events: Events
) -> None:
    other = events_of(newsroom)
    async with opened(newsroom, events) as ear:
        await approved(newsroom)
        await tell(newsroom)
        last = (await ear.hears(2))[1].event_id
    missed = await approved(newsroom)
    await tell(newsroom)
    async with running(newsroom, other), opened(newsroom, other, after=last) as moved:
        assert (await moved.hears(2))[0].comment_id == str(missed.comment_id)
