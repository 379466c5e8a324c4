"""Webhooks from what happened to what a real receiver gets, over real stores."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from service.cursors import Cursors
from service.errors import Invalid, RateLimited
from service.features.administration import Acts
from service.features.authors import Authors
from service.features.records import Ban, Records, Wishes
from service.features.token_keys import TokenKeys
from service.features.webhooks import (
    KINDS,
    TEST,
    Delivery,
    Endpoint,
    EndpointStopped,
    Letters,
    Post,
    UnknownDelivery,
    UnknownWebhook,
    Webhooks,
)
from service.features.webhooks.post import RETRIES
from service.model import Action, ArticleState, PendingComment
from service.outgoing import GuardedClient, Hosts
from service.secrets import Secrets
from service.storage.limits import Limits
from service.storage.records import RecordStore
from service.storage.redis import Scripts
from service.storage.token_keys import TokenKeyStore
from service.storage.webhook_events import WebhookEventStore
from service.storage.webhooks import DeliveryStore, Due, WebhookStore
from tests.features.receiver import Receiver, receiving
from tests.features.test_promise import at_level
from tests.newsroom import KIM, SAM, Newsroom, new_id, open_newsroom, real_time

HERE = (ip_network("127.0.0.0/8"),)
SECRETS = Secrets.derive("k" * 32)
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Watch:
    """A clock that tests move."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True, kw_only=True)
class Postroom:
    """A newsroom whose leader sends webhooks, and a receiver."""

    room: Newsroom
    post: Post
    webhooks: Webhooks
    receiver: Receiver
    watch: Watch
    results: Counter[str] = field(default_factory=Counter)

    async def subscribe(self, *events: str, url: str | None = None) -> tuple[Endpoint, str]:
        act = self.post_act()
        return await self.webhooks.create(
            self.room.site,
            url=url or self.receiver.url,
            name="",
            events=events or KINDS,
            now=self.watch.now,
            act=act,
        )

    def post_act(self) -> Any:
        return Acts(new_id=new_id).by(SAM, "webhook.created", site=self.room.site, now=real_time())

    async def gather(self) -> None:
        """Let everything that was written become an event."""
        await self.room.journal.copy(self.room.site)
        while await self.room.relay.relay():
            pass

    async def send(self, *, after: timedelta = MINUTE) -> None:
        """Let some time pass, and send what is due then."""
        await self.gather()
        self.watch.now += after
        await self.post.release()
        while await self.post.begin():
            await self.post.settle()

    async def log(self, endpoint: Endpoint) -> Sequence[Delivery]:
        page = await self.webhooks.page(
            self.room.site, endpoint.webhook_id, state=None, cursor=None, limit=100
        )
        return page.deliveries

    async def endpoint(self) -> Endpoint:
        (only,) = await self.webhooks.of_site(self.room.site, now=self.watch.now)
        return only


@asynccontextmanager
async def postroom_of(room: Newsroom, receiver: Receiver) -> AsyncIterator[Postroom]:
    watch = Watch(real_time())
    room.now = watch.now
    store, deliveries = WebhookStore(pool=room.pool), DeliveryStore(pool=room.pool)
    client = GuardedClient(networks=HERE)
    results: Counter[str] = Counter()
    limits = Limits(redis=room.redis, scripts=Scripts.load(), key=SECRETS.key("limits"))
    yield Postroom(
        room=room,
        receiver=receiver,
        watch=watch,
        results=results,
        webhooks=Webhooks(
            store=store,
            deliveries=deliveries,
            secrets=SECRETS,
            limits=limits,
            cursors=Cursors(SECRETS.keys("cursors")),
            new_id=new_id,
            networks=HERE,
        ),
        post=Post(
            events=WebhookEventStore(pool=room.pool),
            deliveries=deliveries,
            webhooks=store,
            letters=Letters(lookup=room.lookup, articles=room.articles),
            sites=room.sites,
            secrets=SECRETS,
            client=client,
            hosts=Hosts(probe_seconds=0.0),
            new_id=new_id,
            clock=watch,
            heard=lambda result: results.update([result]),
        ),
    )
    await client.close()


@pytest.fixture
async def office(emptied_database_url: str, redis_url: str) -> AsyncIterator[Postroom]:
    async with (
        open_newsroom(emptied_database_url, redis_url) as room,
        receiving() as receiver,
        postroom_of(room, receiver) as office,
    ):
        yield office


async def waiting(office: Postroom, text: str = "A comment.") -> PendingComment:
    """Post a comment that everybody has heard of."""
    comment = await office.room.post(text)
    await office.send()
    office.receiver.letters.clear()
    return comment


async def test_what_was_decided_is_told_signed_and_only_after_half_a_minute(
    office: Postroom,
) -> None:
    _, secret = await office.subscribe("comment.approved")
    comment = await office.room.post("Well said.")
    await office.room.approve(comment)

    await office.send(after=timedelta(seconds=20))
    assert office.receiver.letters == []
    await office.send(after=timedelta(seconds=15))

    (letter,) = office.receiver.letters
    assert letter.is_signed_with(secret)
    assert letter.kind == "comment.approved"
    told = letter.json["data"]["comment"]
    assert told["id"] == str(comment.comment_id)
    assert (told["status"], told["text"]) == ("approved", "Well said.")
    assert letter.json["data"]["site"] == office.room.site.slug
    assert office.results == {"delivered": 1}


async def test_what_is_undone_before_it_is_told_is_never_told(office: Postroom) -> None:
    await office.subscribe()
    comment = await waiting(office)
    (result,) = await office.room.approve(comment)
    assert result.decision is not None
    await office.room.decisions.reverse(
        [office.room.site], result.decision.decision_id, actor=SAM, now=office.room.now
    )
    await office.send()
    assert set(office.receiver.kinds) <= {"article.created"}


async def test_what_is_undone_later_is_told_both_times(office: Postroom) -> None:
    await office.subscribe("comment.approved", "comment.pending")
    comment = await waiting(office)
    (result,) = await office.room.approve(comment)
    await office.send()
    assert result.decision is not None
    await office.room.decisions.reverse(
        [office.room.site], result.decision.decision_id, actor=SAM, now=office.room.now
    )
    await office.send()
    assert office.receiver.kinds == ["comment.approved", "comment.pending"]
    assert office.receiver.letters[-1].json["data"]["comment"]["status"] == "pending"


async def test_what_is_decided_again_after_an_undo_is_told_once(office: Postroom) -> None:
    await office.subscribe("comment.approved", "comment.rejected", "comment.pending")
    comment = await waiting(office)
    (result,) = await office.room.approve(comment)
    assert result.decision is not None
    await office.room.decisions.reverse(
        [office.room.site], result.decision.decision_id, actor=SAM, now=office.room.now
    )
    await office.room.decide(Action.REJECT, comment)
    await office.send()
    assert office.receiver.kinds == ["comment.rejected"]
    told = office.receiver.letters[0].json["data"]
    assert told["reason"] == "spam"
    assert told["comment"]["text"] is None


async def test_what_is_not_taken_comes_again_under_the_same_id_until_it_is_given_up(
    office: Postroom,
) -> None:
    endpoint, secret = await office.subscribe("comment.pending")
    office.receiver.status = 500
    await office.room.post()
    await office.send()
    assert len(office.receiver.letters) == 1
    await office.send(after=timedelta(seconds=4))
    assert len(office.receiver.letters) == 1, "nothing comes before five seconds are over"
    for pause in RETRIES:
        await office.send(after=pause * 1.3)
    await office.send(after=timedelta(days=2))

    assert len(office.receiver.letters) == len(RETRIES) + 1
    assert len({each.event_id for each in office.receiver.letters}) == 1
    assert len({each.headers["webhook-timestamp"] for each in office.receiver.letters}) > 1
    assert all(each.is_signed_with(secret) for each in office.receiver.letters)
    (delivery,) = await office.log(endpoint)
    assert (delivery.state, len(delivery.attempts)) == ("failed", len(RETRIES) + 1)
    assert {(each["result"], each["status"]) for each in delivery.attempts} == {("refused", 500)}


async def test_a_receiver_that_recovers_is_not_held_to_have_failed(office: Postroom) -> None:
    await office.subscribe("comment.pending")
    office.receiver.status = 503
    await office.room.post()
    await office.send()
    assert (await office.endpoint()).failing_since is not None
    office.receiver.status = 200
    await office.send()
    assert (await office.endpoint()).failing_since is None
    assert office.results == {"refused": 1, "delivered": 1}


async def test_a_receiver_may_ask_for_more_time(office: Postroom) -> None:
    await office.subscribe("comment.pending")
    office.receiver.status, office.receiver.headers = 429, {"Retry-After": "3600"}
    await office.room.post()
    await office.send()
    await office.send(after=timedelta(minutes=59))
    assert len(office.receiver.letters) == 1
    await office.send(after=timedelta(minutes=2))
    assert len(office.receiver.letters) == 2


async def test_a_receiver_that_does_not_answer_is_given_up_for_now(office: Postroom) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    office.receiver.silent = True
    office.post.post_seconds = 0.2
    await office.room.post()
    await office.send()
    (delivery,) = await office.log(endpoint)
    assert delivery.state == "waiting"
    assert [each["result"] for each in delivery.attempts] == ["timeout"]


async def test_nobody_follows_a_redirect(office: Postroom) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    office.receiver.status = 302
    office.receiver.headers = {"Location": f"{office.receiver.url}/elsewhere"}
    await office.room.post()
    await office.send()
    assert len(office.receiver.letters) == 1
    (delivery,) = await office.log(endpoint)
    assert [each["result"] for each in delivery.attempts] == ["redirect"]


async def test_a_receiver_that_says_it_is_gone_is_sent_nothing_more(office: Postroom) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    office.receiver.status = 410
    await office.room.post()
    await office.send()
    assert (await office.endpoint()).state == "gone"
    await office.room.post()
    await office.send(after=timedelta(days=1))
    assert len(office.receiver.letters) == 1
    with pytest.raises(EndpointStopped):
        await office.webhooks.test(office.room.site, endpoint.webhook_id, now=office.watch.now)
    assert await acts_of(office) == ["webhook.created", "webhook.disabled"]


async def test_a_receiver_that_fails_for_days_is_sent_nothing_more_until_somebody_says_so(
    office: Postroom,
) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    office.receiver.status = 500
    await office.room.post()
    await office.send()
    for _ in range(3):
        await office.room.post()
        await office.send(after=timedelta(days=2))
    assert (await office.endpoint()).state == "failing"
    assert {each.state for each in await office.log(endpoint)} <= {"failed", "stopped"}

    office.receiver.status = 200
    await office.webhooks.change(
        office.room.site,
        endpoint.webhook_id,
        {"active": True},
        now=office.watch.now,
        act=replace(office.post_act(), act="webhook.changed"),
    )
    office.receiver.letters.clear()
    await office.room.post()
    await office.send()
    assert office.receiver.kinds == ["comment.pending"]


async def acts_of(office: Postroom) -> list[str]:
    async with office.room.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT act FROM administrative_acts WHERE act LIKE 'webhook.%' ORDER BY at, entry_id"
        )
    return [row["act"] for row in rows]


class DiesBeforeRecording(DeliveryStore, frozen=True, kw_only=True):
    """The log of a process that ends between sending and writing that it was sent."""

    async def record(self, due: Due, **_: Any) -> datetime | None:
        raise RuntimeError(str(due.event_id))


async def test_a_crash_between_sending_and_noting_it_sends_it_again_under_the_same_id(
    office: Postroom,
) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    await office.room.post()
    whole = office.post.deliveries
    office.post.deliveries = DiesBeforeRecording(pool=office.room.pool)
    await office.gather()
    office.watch.now += MINUTE
    await office.post.release()
    await office.post.begin()
    await office.post.settle()
    office.post.deliveries = whole
    await office.send()
    first, second = office.receiver.letters
    assert first.event_id == second.event_id
    (delivery,) = await office.log(endpoint)
    assert delivery.state == "delivered"


async def test_a_name_that_stands_for_this_machine_is_not_called_where_nobody_allowed_it(
    office: Postroom,
) -> None:
    endpoint, _ = await office.subscribe("comment.pending", url="https://localhost:8443/hook")
    office.post.client = GuardedClient()
    await office.room.post()
    await office.send()
    await office.post.client.close()
    (delivery,) = await office.log(endpoint)
    assert [each["result"] for each in delivery.attempts] == ["address_denied"]


INSIDE = (
    "http://hooks.daily.example/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://sam:secret@hooks.daily.example/",
    "https://hooks.daily.example:22/",
    "https://metadata.google.internal/",
)


async def test_an_address_that_leads_inside_is_refused_when_it_is_said(office: Postroom) -> None:
    careful = dataclasses.replace(office, webhooks=replace(office.webhooks, networks=()))
    for url in INSIDE:
        with pytest.raises(Invalid) as refused:
            await careful.subscribe(url=url)
        assert [(each.pointer, each.code) for each in refused.value.errors] == [
            ("/url", "bad_url")
        ], url


async def test_both_secrets_sign_while_one_replaces_the_other(office: Postroom) -> None:
    endpoint, old = await office.subscribe("comment.pending")
    _, new = await office.webhooks.rotate(
        office.room.site,
        endpoint.webhook_id,
        overlap=timedelta(hours=1),
        now=office.watch.now,
        act=office.post_act(),
    )
    await office.room.post()
    await office.send()
    await office.room.post()
    await office.send(after=timedelta(hours=2))
    both, one = office.receiver.letters
    assert both.is_signed_with(old)
    assert both.is_signed_with(new)
    assert one.is_signed_with(new)
    assert not one.is_signed_with(old)
    assert old != new


async def test_a_secret_lies_sealed(office: Postroom) -> None:
    endpoint, secret = await office.subscribe()
    stored = await office.webhooks.store.find(office.room.site.site_id, endpoint.webhook_id)
    assert stored is not None
    assert secret.removeprefix("whsec_").encode() not in stored.secret


async def test_a_test_is_sent_at_once_and_only_so_often(office: Postroom) -> None:
    endpoint, secret = await office.subscribe("article.closed")
    site, place = office.room.site, endpoint.webhook_id
    delivery = await office.webhooks.test(site, place, now=office.watch.now)
    assert (delivery.kind, delivery.state) == (TEST, "waiting")
    await office.send(after=timedelta())
    (letter,) = office.receiver.letters
    assert letter.is_signed_with(secret)
    assert letter.event_id == str(delivery.event_id)
    for _ in range(4):
        await office.webhooks.test(site, place, now=office.watch.now)
    with pytest.raises(RateLimited):
        await office.webhooks.test(site, place, now=office.watch.now)


async def test_what_was_delivered_can_be_sent_again_under_its_id(office: Postroom) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    await office.room.post()
    await office.send()
    (delivery,) = await office.log(endpoint)
    place = (office.room.site, endpoint.webhook_id)
    again = await office.webhooks.redeliver(*place, delivery.event_id, now=office.watch.now)
    assert again.state == "waiting"
    await office.send()
    assert [each.event_id for each in office.receiver.letters] == [str(delivery.event_id)] * 2
    assert len((await office.webhooks.delivery(*place, delivery.event_id)).attempts) == 2
    with pytest.raises(UnknownDelivery):
        await office.webhooks.redeliver(*place, uuid4(), now=office.watch.now)


async def test_another_site_sees_nothing_of_a_webhook(office: Postroom) -> None:
    endpoint, _ = await office.subscribe()
    other = await office.room.sites.create("weekly", name="", settings=office.room.site.settings)
    with pytest.raises(UnknownWebhook):
        await office.webhooks.page(other, endpoint.webhook_id, state=None, cursor=None, limit=10)
    with pytest.raises(UnknownWebhook):
        await office.webhooks.remove(other, endpoint.webhook_id, act=office.post_act())
    with pytest.raises(UnknownWebhook):
        await office.webhooks.test(other, endpoint.webhook_id, now=office.watch.now)
    assert await office.webhooks.of_site(other, now=office.watch.now) == []


async def test_a_count_is_told_once_for_many_comments(office: Postroom) -> None:
    await office.subscribe("count.changed")
    comments = [await office.room.post() for _ in range(7)]
    for comment in comments:
        await office.room.approve(comment)
    await office.send()
    await office.send()
    assert [each.json["data"] for each in office.receiver.letters] == [
        {"site": "daily", "article": "story-1", "count": 7}
    ]


async def test_who_pauses_an_endpoint_is_sent_nothing_of_what_happened_meanwhile(
    office: Postroom,
) -> None:
    endpoint, _ = await office.subscribe("comment.pending")
    for active in (False, True):
        await office.room.post()
        await office.webhooks.change(
            office.room.site,
            endpoint.webhook_id,
            {"active": active},
            now=office.watch.now,
            act=office.post_act(),
        )
        await office.send()
    assert len(office.receiver.letters) == 1


async def test_an_edit_that_waits_is_told_with_its_new_text(office: Postroom) -> None:
    await office.subscribe("comment.pending", "comment.edited")
    comment = await waiting(office, "First.")
    await change_text(office.room, comment, "Second.")
    await office.send()
    (letter,) = office.receiver.letters
    assert letter.kind == "comment.edited"
    told = letter.json["data"]["comment"]
    assert (told["status"], told["text"], told["revision"]) == ("pending", "Second.", 2)


async def test_what_is_journaled_before_it_is_accepted_is_told_too(office: Postroom) -> None:
    await office.subscribe("comment.pending", "comment.edited")
    room = at_level(office.room, "journal")
    accepted = await room.submit("First.")
    await office.send()
    comment = await room.pending.get(room.site.slug, accepted.found.comment_id)
    assert comment is not None
    await change_text(room, comment, "Second.")
    await office.send()
    assert office.receiver.kinds == ["comment.pending", "comment.edited"]


async def change_text(room: Newsroom, comment: PendingComment, said: str) -> None:
    await room.own.edit(
        room.site,
        comment.comment_id,
        comment.author.author_id,
        body=said,
        revision=1,
        now=comment.created_at + MINUTE,
    )


async def test_everything_the_api_names_is_told(office: Postroom) -> None:
    """One act of each kind; the letters say which, and nothing of who writes from where."""
    await office.subscribe()
    room = office.room
    site, now = room.site, room.now
    await room.articles.put(site, "story-1", {"title": "Budget"}, now)
    public, rejected = await room.post("Public."), await room.post("Rejected.")
    removed = await room.post("Removed.")
    await room.approve(public, removed)
    await room.decide(Action.REJECT, rejected)
    await office.send()
    await room.decide(Action.REMOVE, removed)
    await office.send()
    await room.decide(Action.RESTORE, removed)
    await room.reports.report(
        site,
        public.comment_id,
        reporter_id=None,
        address_hash="somewhere",
        reason="spam",
        said="It sells pills.",
        notice=None,
        now=now,
    )
    await room.appeals.appeal(
        site, rejected.comment_id, rejected.author.author_id, said="It is none.", now=now
    )
    await office.send()
    await room.appeals.answer(site, rejected.comment_id, grant=True, note="", actor=KIM, now=now)
    await records_of(room).rule(
        site,
        str(public.author.author_id),
        Wishes(ban=Ban(until=None, reason="Enough.")),
        actor=SAM,
        is_senior=True,
        now=now,
    )
    await room.articles.put(site, "story-1", {"state": ArticleState.CLOSED}, now)
    await office.send()
    await room.decide(Action.DELETE, public, by=SAM)
    await office.send()
    await office.send()

    kinds = Counter(office.receiver.kinds)
    others = {"comment.edited", "comment.featured", "comment.alerted"}
    untold = set(KINDS) - set(kinds) - others
    assert untold == set()
    assert kinds["comment.approved"] == 3
    assert kinds["article.created"] == kinds["article.closed"] == kinds["reader.banned"] == 1
    (banned,) = (each for each in office.receiver.letters if each.kind == "reader.banned")
    whom = {"id": str(public.author.author_id)}
    assert banned.json["data"] == {"site": "daily", "reader": whom, "until": None}
    everything = b"".join(each.raw for each in office.receiver.letters)
    assert b"somewhere" not in everything
    assert b"pills" not in everything
    deleted = [each for each in office.receiver.letters if each.kind == "comment.deleted"]
    assert [each.json["data"]["comment"]["text"] for each in deleted] == [None]


def records_of(room: Newsroom) -> Records:
    return Records(
        store=RecordStore(pool=room.pool),
        authors=Authors(readers=room.readers),
        lookup=room.lookup,
        decisions=room.decisions,
        pending=room.pending,
        token_keys=TokenKeys(token_keys=TokenKeyStore(pool=room.pool), secrets=SECRETS),
        acts=Acts(new_id=new_id),
        new_id=new_id,
    )


async def test_an_article_that_closes_by_itself_is_told_of_once(office: Postroom) -> None:
    await office.subscribe("article.closed")
    room, soon = office.room, office.watch.now + MINUTE
    await room.articles.put(room.site, "story-1", {"close_at": soon}, office.watch.now)
    for _ in range(4):
        await office.post.events.follow_clock(now=office.watch.now)
        await office.send()
    (letter,) = office.receiver.letters
    assert letter.json["data"]["article"]["key"] == "story-1"


async def test_nothing_is_written_for_a_site_where_nobody_listens(office: Postroom) -> None:
    comment = await office.room.post()
    await office.room.approve(comment)
    await office.gather()
    async with office.room.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM webhook_events") == 0


async def test_the_leader_sends_by_itself(office: Postroom) -> None:
    endpoint, _ = await office.subscribe()
    leading = asyncio.create_task(office.post.run())
    await office.webhooks.test(office.room.site, endpoint.webhook_id, now=office.watch.now)
    async with asyncio.timeout(5):
        await office.receiver.came.wait()
    assert office.receiver.kinds == [TEST]
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)


async def test_the_manual_says_how_to_check_a_signature(office: Postroom) -> None:
    """The recipe of docs/webhooks.md, run as receivers run it."""
    manual = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    recipe: dict[str, Any] = {}
    exec(manual.partition("```python")[2].partition("```")[0], recipe)  # noqa: S102
    endpoint, secret = await office.subscribe()
    await office.webhooks.test(office.room.site, endpoint.webhook_id, now=office.watch.now)
    await office.send(after=timedelta())
    (letter,) = office.receiver.letters
    assert recipe["is_ours"](secret, letter.headers, letter.raw)
    assert not recipe["is_ours"](secret, letter.headers, letter.raw + b" ")
    old = {**letter.headers, "webhook-timestamp": "1614265330"}
    assert not recipe["is_ours"](secret, old, letter.raw)


async def test_the_manual_names_every_event(office: Postroom) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    assert [each for each in (*KINDS, TEST) if f"`{each}`" not in manual] == []
    with pytest.raises(Invalid) as refused:
        await office.subscribe("comment.liked")
    assert [each.code for each in refused.value.errors] == ["unknown_event"]


async def test_many_letters_leave_at_once_and_what_nobody_wants_is_not_kept(
    office: Postroom,
) -> None:
    await office.subscribe("comment.approved")
    comments = [await office.room.post() for _ in range(60)]
    await office.room.approve(*comments)
    await office.gather()
    office.watch.now += MINUTE
    leading = asyncio.create_task(office.post.run())
    async with asyncio.timeout(10):
        while len(office.receiver.letters) < len(comments):
            office.receiver.came.clear()
            await office.receiver.came.wait()
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    assert len({each.event_id for each in office.receiver.letters}) == len(comments)
    async with office.room.pool.acquire() as connection:
        rows = await connection.fetch("SELECT DISTINCT kind FROM webhook_events")
    assert [row["kind"] for row in rows] == ["comment.approved"]
