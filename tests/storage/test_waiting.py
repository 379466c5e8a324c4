"""Comments as hash fields, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.asyncio import Redis

from service.model import Alert, Author, PendingComment, Role, Screened, Why
from service.payload import from_payload, to_payload
from service.storage.redis import connect
from service.storage.waiting import created_ms, from_fields, to_fields, written_of
from tests.storage.queues import DAY, make_item

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
OPTIONAL = TEXTS | st.none()
NUMBERS = st.integers(0, 2**53 - 1)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
FIRST, LAST = datetime(1970, 1, 1), datetime(9999, 12, 30)  # noqa: DTZ001 - the strategy adds UTC
TIMES = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
AUTHORS = st.builds(
    Author,
    author_id=st.uuids(),
    kind=st.sampled_from(["guest", "reader", "backend"]),
    name=TEXTS,
    badge=OPTIONAL,
    avatar=OPTIONAL,
    email=OPTIONAL,
)
SIGNALS = st.builds(
    Why,
    rule=TEXTS,
    version=NUMBERS,
    label=TEXTS,
    spans=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
    score=SCORES,
    effect=TEXTS,
    severity=NUMBERS,
    error=OPTIONAL,
)
SCREENED = st.builds(
    Screened,
    at=TIMES,
    ruling=TEXTS,
    rule=OPTIONAL,
    rule_version=NUMBERS | st.none(),
    reason=OPTIONAL,
    severity=NUMBERS,
    risk=SCORES,
    raise_by=SCORES,
    scores=st.dictionaries(TEXTS, SCORES, max_size=2),
    lang=OPTIONAL,
    tricks=st.lists(TEXTS, max_size=2).map(tuple),
    likeness=TEXTS,
    position=NUMBERS,
    depth=NUMBERS,
    shadow=st.lists(SIGNALS, max_size=2).map(tuple),
    alert=st.none()
    | st.builds(Alert, rule=TEXTS, label=TEXTS, severity=NUMBERS, role=st.sampled_from(Role)),
)
ITEMS = st.builds(
    PendingComment,
    site_id=NUMBERS,
    site=TEXTS,
    article_id=st.uuids(),
    article_key=TEXTS,
    comment_id=st.uuids(),
    parent_id=st.uuids() | st.none(),
    author=AUTHORS,
    text=TEXTS,
    lang=OPTIONAL,
    created_at=TIMES,
    revision=NUMBERS,
    kind=st.sampled_from(["new", "edit"]),
    n=NUMBERS,
    seq=NUMBERS,
    score=SCORES,
    escalated=st.booleans(),
    article_url=OPTIONAL,
    article_title=OPTIONAL,
    why=st.lists(SIGNALS, max_size=3).map(tuple),
    screened=SCREENED | st.none(),
    dk=OPTIONAL,
    fingerprint=OPTIONAL,
    keyed=st.booleans(),
    address_hash=OPTIONAL,
    edited_at=TIMES | st.none(),
)


def as_read(item: PendingComment) -> dict[bytes, bytes]:
    """Return the fields as the client reads them back."""
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in to_fields(item).items()
    }


@given(ITEMS)
def test_a_comment_reads_back_as_it_was_written(item: PendingComment) -> None:
    assert from_fields(as_read(item)) == item


@given(ITEMS)
def test_a_comment_reads_as_the_journal_has_it(item: PendingComment) -> None:
    written = orjson.loads(written_of(as_read(item)).payload)

    assert from_payload(written) == item
    assert written.keys() == to_payload(item).keys()


async def test_redis_gives_back_what_it_was_given(redis_url: str) -> None:
    item = make_item(
        text="Sch\u00f6n \U0001f600 \u0645\u0631\u062d\u0628\u0627\n",
        score=9_007_199_254_740_991.0,
        why=(Why(rule="links", version=2, label="Links", spans=((0, 4),), score=0.1),),
        edited_at=DAY,
    )
    redis: Redis
    async with connect(redis_url) as redis:
        await redis.hset("item", mapping=cast("dict[Any, Any]", to_fields(item)))
        assert from_fields(cast("dict[bytes, bytes]", await redis.hgetall("item"))) == item


@pytest.mark.parametrize("hours", [-11, 0, 5])
def test_age_is_the_same_in_every_time_zone(hours: int) -> None:
    noon = datetime(2026, 11, 25, 12, 0, 0, 123_999, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=hours)))
    assert created_ms(replace(make_item(), created_at=there)) == 1_795_608_000_123


@given(ITEMS)
def test_the_journal_reads_what_it_wrote(item: PendingComment) -> None:
    written = json.loads(json.dumps(to_payload(item)))

    assert from_payload(written) == item


def test_what_the_release_before_wrote_is_read() -> None:
    item = replace(make_item(), why=(Why(rule="links", version=7, label="2 links", score=0.3),))
    written = to_payload(item)
    del written["screened"]
    for name in ("effect", "severity", "error"):
        del written["why"][0][name]

    assert from_payload(written) == item
