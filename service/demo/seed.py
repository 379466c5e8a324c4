"""Filling the demo site, once, through the doors every comment comes in by.

It may stop at any moment: the ids come from the texts' names and from the birth of the first
article, so the next start repeats the same steps and finds what is done already.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from msgspec import Struct

from service.demo.content import NEWSPAPER, Demo, DemoArticle, DemoComment, load
from service.errors import Unavailable
from service.features.articles import ArticleDirectory
from service.features.decisions import DECISIONS_MAX, Decisions
from service.features.outcomes import DecisionRequest, Outcome
from service.features.screening import queue_score
from service.features.sites import SiteDirectory, SiteExists, UnknownSite
from service.model import (
    Action,
    Actor,
    ArticleState,
    Author,
    PendingComment,
    Site,
    article_id,
    best_order,
    uuid_of_digest,
)
from service.storage.demo import DemoVotes, Votes
from service.storage.pending import PendingStore

log = structlog.get_logger(__name__)

DEMO_SITE = "demo"
NEWSROOM = Actor(kind="rule", actor_id="demo", name="demo")
"""Who approved and rejected what is decided already."""

REMEMBERED_MS = 48 * 3_600_000
"""How long Redis recognises a comment of the demo; later its id does."""

ATTEMPTS = 5
PAUSE_SECONDS = 0.5
"""A start right after a crash, or on a machine that is busy with starting, may find a row still
locked or every connection taken."""

_ACTIONS = {"approved": Action.APPROVE, "rejected": Action.REJECT}
_HELD = frozenset({Outcome.APPLIED, Outcome.REPLAYED})


class _Seeding(Struct, frozen=True, kw_only=True):
    """The demo on its site, with `began` as the moment its ages are told from."""

    site: Site
    began: datetime
    demo: Demo
    names: Mapping[str, str]
    """Author's id in the demo -> name."""

    def item(self, comment: DemoComment, ids: Mapping[str, UUID]) -> PendingComment:
        """Write a comment as if it had been sent in its minute."""
        created = self.created_at(comment)
        return PendingComment(
            site_id=self.site.site_id,
            site=self.site.slug,
            article_id=article_id(self.site.site_id, comment.article),
            article_key=comment.article,
            comment_id=_uuid7(created, _digest("comment", comment.id)),
            parent_id=ids[comment.parent] if comment.parent else None,
            author=Author(
                author_id=uuid_of_digest(_digest("author", comment.author)),
                kind="guest",
                name=self.names[comment.author],
            ),
            text=comment.text,
            lang=comment.lang,
            created_at=created,
            score=queue_score(0, created),
            dk=_digest("comment", comment.id).hex(),
            fingerprint=hashlib.sha256(comment.text.encode()).hexdigest(),
        )

    def created_at(self, comment: DemoComment) -> datetime:
        """When it was sent; UTC, whole milliseconds as Redis keeps them."""
        created = self.began.astimezone(UTC) - timedelta(minutes=comment.minutes_ago)
        return created.replace(microsecond=created.microsecond // 1_000 * 1_000)


async def seed(
    *,
    sites: SiteDirectory,
    articles: ArticleDirectory,
    pending: PendingStore,
    decisions: Decisions,
    votes: DemoVotes,
    now: datetime,
    base_url: str = "",
) -> bool:
    """Fill the site `demo`, unless that is done; return whether it is.

    It is done once the back end has described all its articles. `base_url` is where their pages
    are, e.g. `http://127.0.0.1:8080`; without it they have no address. False says that the
    site's queue took no comments: the next start tries again.

    Raises:
        Unavailable: a store stays away; the next call goes on.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            return await _fill(
                sites=sites,
                articles=articles,
                pending=pending,
                decisions=decisions,
                votes=votes,
                now=now,
                base_url=base_url,
            )
        except Unavailable as failure:
            if not left:
                raise
            log.warning("demo_waits", code=failure.stable_code)
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError  # the last attempt returns or raises


async def _fill(
    *,
    sites: SiteDirectory,
    articles: ArticleDirectory,
    pending: PendingStore,
    decisions: Decisions,
    votes: DemoVotes,
    now: datetime,
    base_url: str,
) -> bool:
    demo = load()
    site = await _site(sites)
    if await _is_done(articles, site, demo.articles, now=now):
        await _move(articles, site, demo.articles, base_url=base_url, now=now)
        return True
    first = demo.articles[0]
    await _describe(articles, site, [first], base_url=base_url, now=now)
    began = await votes.began(site.site_id, article_id(site.site_id, first.key))
    seeding = _Seeding(
        site=site,
        began=began or now,
        demo=demo,
        names={author.id: author.name for author in demo.authors},
    )
    ids = await _send(seeding, pending)
    if ids is None:
        return False
    await _decide(seeding, ids, decisions, now=now)
    await _vote(seeding, ids, votes)
    await _describe(articles, site, demo.articles, base_url=base_url, now=now)
    log.info("demo_seeded", site=site.slug, comments=len(ids))
    return True


async def _site(sites: SiteDirectory) -> Site:
    try:
        return await sites.get(DEMO_SITE)
    except UnknownSite:
        pass
    try:
        return await sites.create(DEMO_SITE, NEWSPAPER["en"])
    except SiteExists:  # another process was faster
        return await sites.get(DEMO_SITE)


async def _is_done(
    articles: ArticleDirectory, site: Site, described: Iterable[DemoArticle], *, now: datetime
) -> bool:
    for article in described:
        if not (await articles.describe(site, article.key, now=now)).managed:
            return False
    return True


async def _move(
    articles: ArticleDirectory,
    site: Site,
    described: Iterable[DemoArticle],
    *,
    base_url: str,
    now: datetime,
) -> None:
    """Let links lead to where the pages are today: the first start may have had another port."""
    if not base_url:
        return
    for article in described:
        url = base_url + article.url
        if (await articles.describe(site, article.key, now=now)).url != url:
            await articles.put(site, article.key, {"url": url}, now)


async def _describe(
    articles: ArticleDirectory,
    site: Site,
    described: Iterable[DemoArticle],
    *,
    base_url: str,
    now: datetime,
) -> None:
    for article in described:
        await articles.put(
            site,
            article.key,
            {
                "url": base_url + article.url if base_url else None,
                "title": article.title,
                "lang": article.lang,
                "state": ArticleState(article.state),
                "views_per_hour": article.views_per_hour,
            },
            now,
        )


async def _send(seeding: _Seeding, pending: PendingStore) -> dict[str, UUID] | None:
    """Send every comment; return demo id -> comment id, or None if the queue takes none."""
    ids: dict[str, UUID] = {}
    for comment in seeding.demo.comments:
        item = seeding.item(comment, ids)
        stored = await pending.accept(
            item,
            auto=False,
            pending_max=seeding.site.settings.pending_max,
            dk_ttl_ms=REMEMBERED_MS,
        )
        if stored.outcome in ("EMPTY", "FULL"):
            log.warning("demo_not_seeded", site=seeding.site.slug, outcome=stored.outcome)
            return None
        ids[comment.id] = stored.comment_id
    return ids


async def _decide(
    seeding: _Seeding, ids: Mapping[str, UUID], decisions: Decisions, *, now: datetime
) -> None:
    """Approve and reject what the demo says, parents first; what somebody else decided stays."""
    requests = [
        DecisionRequest(
            comment_id=ids[comment.id],
            revision=1,
            action=_ACTIONS[comment.status],
            reason=comment.reason,
            decision_id=uuid_of_digest(_digest("decision", comment.id)),
            override=True,
        )
        for comment in seeding.demo.comments
        if comment.status in _ACTIONS
    ]
    left = 0
    for bulk in _bulks(requests):
        results = await decisions.decide((seeding.site,), bulk, actor=NEWSROOM, now=now)
        left += sum(result.outcome not in _HELD for result in results)
    if left:
        log.warning("demo_decided_otherwise", site=seeding.site.slug, comments=left)


async def _vote(seeding: _Seeding, ids: Mapping[str, UUID], votes: DemoVotes) -> None:
    site_id = seeding.site.site_id
    await votes.cast(
        site_id,
        [
            Votes(
                article_id=article_id(site_id, comment.article),
                comment_id=ids[comment.id],
                up=comment.up,
                down=comment.down,
                best=best_order(comment.up, comment.down, seeding.created_at(comment)),
            )
            for comment in seeding.demo.comments
            if comment.status == "approved"
        ],
    )


def _bulks(requests: Sequence[DecisionRequest]) -> Iterable[Sequence[DecisionRequest]]:
    for start in range(0, len(requests), DECISIONS_MAX):
        yield requests[start : start + DECISIONS_MAX]


def _digest(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"postbag demo\n{kind}\n{name}".encode()).digest()


def _uuid7(at: datetime, digest: bytes) -> UUID:
    """Make a UUIDv7 of a moment's milliseconds and, in place of chance, a digest."""
    milliseconds = int(at.timestamp() * 1_000)
    bits = milliseconds << 80 | int.from_bytes(digest[:10], "big")
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(0b11 << 62) | 0b10 << 62
    return UUID(int=bits)
