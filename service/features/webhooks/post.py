"""The post: what is ripe goes out, signed; what is not taken goes out again, later and later."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from msgspec import Struct, field

from service.breaker import Breaker, Permit
from service.errors import Unavailable
from service.features.errands import Rest
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.features.webhooks.endpoints import PURPOSE, named, row_of
from service.features.webhooks.letters import Letters
from service.model import Site
from service.outgoing import Answer, Failure, GuardedClient, Hosts, Unreached, sign
from service.secrets import SealBroken, Secrets
from service.storage.administration import Act
from service.storage.webhook_events import WebhookEventStore
from service.storage.webhooks import DeliveryState, DeliveryStore, Due, WebhookState, WebhookStore

log = structlog.get_logger(__name__)

Result = Failure | Literal["delivered", "refused", "redirect", "gone", "secret_unreadable"]
"""What came of a try; stable, for figures and for people."""

RETRIES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
)
"""After each failed try; then it is given up (security.md 4.7)."""
JITTER = 0.2
"""At most this share is added, so that not everything comes back at once."""
RETRY_AFTER_MAX = timedelta(hours=24)
"""Longer than this no receiver makes us wait."""
GIVEN_UP_AFTER = timedelta(days=5)
"""An endpoint that took nothing for so long is sent nothing more until somebody wants it again."""
POST_SECONDS = 10.0
"""For one try, from the name's look-up to the answer."""
PAUSE_SECONDS = 0.5
CLOCK_SECONDS = 10.0
"""How often articles are looked for that closed by themselves."""
PURGE_SECONDS = 600.0
KEPT = timedelta(days=30)
"""Events, and what came of telling them."""
COUNTS_EVERY = timedelta(seconds=5)
"""An article's count is told at most so often."""
BATCH = 500
AT_ONCE = 32
AT_ONCE_EACH = 8
"""Letters on their way at once: in all, and to one endpoint."""
GONE: Final = 410


class Post(Struct, kw_only=True):
    """Let events ripen, send them, and try again. Only one process may."""

    events: WebhookEventStore
    deliveries: DeliveryStore
    webhooks: WebhookStore
    letters: Letters
    sites: SiteDirectory
    secrets: Secrets
    client: GuardedClient
    hosts: Hosts
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]
    heard: Callable[[str], None]
    """Told the result of each try."""
    retries: tuple[timedelta, ...] = RETRIES
    post_seconds: float = POST_SECONDS
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""
    _under_way: dict[tuple[UUID, UUID], asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Send without end."""
        patience = Patience("webhooks_wait")
        looked = purged = released = float("-inf")
        try:
            while True:
                with patience:
                    at = time.monotonic()
                    if at - looked >= CLOCK_SECONDS:
                        await self.events.follow_clock(now=self.clock())
                        looked = at
                    if at - purged >= PURGE_SECONDS:
                        await self.events.purge(before=self.clock() - KEPT)
                        purged = at
                    if at - released >= PAUSE_SECONDS:
                        await self.release()
                        released = at
                    await self.begin()
                await self._rest()
        finally:
            await self._drop()

    async def release(self) -> int:
        """Let go what is ripe, and return how much that was."""
        now, released = self.clock(), 0
        while True:
            many = await self.events.release(now=now, limit=BATCH, counts_ripe=now + COUNTS_EVERY)
            released += many
            if many < BATCH:
                return released

    async def begin(self) -> int:
        """Begin to send what is due, as far as there is room; return how much that was."""
        if len(self._under_way) >= AT_ONCE:
            return 0
        # What arrives while we ask is still due in the answer.
        before, begun = set(self._under_way), 0
        found = await self.deliveries.due(now=self.clock(), limit_each=2 * AT_ONCE_EACH)
        each = Counter(webhook_id for webhook_id, _ in self._under_way)
        for due in found:
            place = (due.webhook_id, due.event_id)
            if place in before or each[due.webhook_id] >= AT_ONCE_EACH:
                continue
            if len(self._under_way) >= AT_ONCE:
                break
            breaker = self.hosts.of(urlsplit(due.url).netloc)
            permit = breaker.ask(time.monotonic())
            if permit is None:
                continue  # the machine is away: it stays due
            task = asyncio.create_task(self._send_quietly(due, breaker, permit))
            self._under_way[place] = task
            task.add_done_callback(partial(self._ended, place))
            each[due.webhook_id] += 1
            begun += 1
        return begun

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values())

    def _ended(self, place: tuple[UUID, UUID], _: asyncio.Task[None]) -> None:
        del self._under_way[place]

    async def _rest(self) -> None:
        """Wait a moment, or until there is room for another letter."""
        if not self._under_way:
            await self.rest(PAUSE_SECONDS)
            return
        await asyncio.wait(
            self._under_way.values(),
            timeout=PAUSE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )

    async def _drop(self) -> None:
        """Give up what is under way: whoever leads next sends it again."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_quietly(self, due: Due, breaker: Breaker, permit: Permit) -> None:
        try:
            await self._send(due, breaker, permit)
        except Unavailable as failure:  # it stays due
            breaker.succeeded(permit, time.monotonic())
            log.warning("webhook_waits", code=failure.stable_code)
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception:
            breaker.failed(permit, time.monotonic())
            log.exception("webhook_failed", delivery=str(due.event_id))

    async def _send(self, due: Due, breaker: Breaker, permit: Permit) -> None:
        site = await self._site(due)
        if site is None:
            return
        body = await self.letters.write(site, due, now=self.clock())
        began = time.monotonic()
        result, answer = await self._post(due, body)
        ended = time.monotonic()
        if _blames_machine(result, answer):
            breaker.failed(permit, ended)
        else:
            breaker.succeeded(permit, ended)
        self.heard(result)
        now = self.clock()
        attempt = {
            "at": now.isoformat(),
            "result": result,
            "status": answer.status if answer else None,
            "milliseconds": round((ended - began) * 1_000),
        }
        state, due_at = self._next(due, result, answer, now=now)
        since = await self.deliveries.record(due, state=state, due_at=due_at, attempt=attempt)
        if result == "gone":
            await self._disable(site, due, "gone", now=now)
        elif since is not None and now - since >= GIVEN_UP_AFTER:
            await self._disable(site, due, "failing", now=now)

    async def _post(self, due: Due, body: bytes) -> tuple[Result, Answer | None]:
        now = self.clock()
        try:
            headers = sign(
                body, secrets=self._secrets(due, now), message_id=str(due.event_id), now=now
            )
        except SealBroken:
            log.exception("webhook_sealed_otherwise", webhook=str(due.webhook_id))
            return "secret_unreadable", None
        try:
            answer = await self.client.post(
                due.url, body=body, headers=headers, timeout_seconds=self.post_seconds
            )
        except Unreached as unreached:
            return unreached.kind, None
        if answer.ok:
            return "delivered", answer
        if answer.status == GONE:
            return "gone", answer
        return ("redirect" if 300 <= answer.status < 400 else "refused"), answer  # noqa: PLR2004

    def _secrets(self, due: Due, now: datetime) -> list[bytes]:
        """Return with what to sign, newest first.

        Raises:
            SealBroken: the secret was sealed with another secret key.
        """
        sealed = [due.secret]
        if due.old_secret is not None and due.old_secret_until and due.old_secret_until > now:
            sealed.append(due.old_secret)
        row = row_of(due.site_id, due.webhook_id)
        return [self.secrets.unseal(PURPOSE, each, bound_to=row) for each in sealed]

    def _next(
        self, due: Due, result: Result, answer: Answer | None, *, now: datetime
    ) -> tuple[DeliveryState, datetime]:
        """Return what becomes of a delivery, and when it is tried again."""
        if result == "delivered":
            return "delivered", now
        if result == "gone" or due.tries >= len(self.retries):
            return "failed", now
        # Not for secrets: only so that not everything comes back at once.
        spread = 1 + random.random() * JITTER  # noqa: S311
        wait = self.retries[due.tries] * spread
        asked = _asked_to_wait(answer, now=now)
        return "waiting", now + max(wait, asked)

    async def _disable(self, site: Site, due: Due, state: WebhookState, *, now: datetime) -> None:
        act = Act(
            entry_id=self.new_id(now),
            at=now,
            actor_kind="service",
            actor_id="",
            act="webhook.disabled",
            site_id=site.site_id,
            details={**named(due.webhook_id, due.url), "state": state},
        )
        if await self.webhooks.disable(site.site_id, due.webhook_id, state=state, act=act):
            log.warning("webhook_disabled", webhook=str(due.webhook_id), state=state)

    async def _site(self, due: Due) -> Site | None:
        return next(
            (each for each in await self.sites.all_sites() if each.site_id == due.site_id), None
        )


def _blames_machine(result: Result, answer: Answer | None) -> bool:
    """Tell a machine that is away, or has too much to do, from one that answers."""
    if answer is not None:
        return answer.status >= 500 or answer.status == 429  # noqa: PLR2004
    return result not in ("secret_unreadable", "address_denied")


def _asked_to_wait(answer: Answer | None, *, now: datetime) -> timedelta:
    """Return how long a receiver wants to be left alone (RFC 9110, 10.2.3)."""
    said: Any = answer.retry_after if answer else None
    if not said:
        return timedelta()
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=min(int(said[:9]), 10**8)), RETRY_AFTER_MAX)
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return timedelta()
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta()), RETRY_AFTER_MAX)
