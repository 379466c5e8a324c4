"""The requests of readers who post and of moderators who decide."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import orjson

from bench.speed.seeding import SEED
from bench.speed.stage import Stage

_numbers = itertools.count()
_chance = random.Random(SEED)


def post_requests(
    stage: Stage, site: str, count: int, *, articles: Sequence[str] = ()
) -> list[bytes]:
    """Write posts of guests from addresses of their own, no two texts the same."""
    made = []
    for _ in range(count):
        number = next(_numbers)
        article = articles[number % len(articles)] if articles else f"story-{number % 50}"
        text = f"{_chance.choice(stage.room.texts)} {number:,}"
        body = orjson.dumps({"body": text, "author": {"name": f"Reader {number}"}})
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        head = (
            f"POST /v1/sites/{site}/articles/{article}/comments HTTP/1.1\r\n"
            "Host: localhost\r\nContent-Type: application/json\r\n"
            f"X-Forwarded-For: {address}\r\nIdempotency-Key: bench-{SEED}-{number}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def posts(stage: Stage, site: str, count: int, *, articles: Sequence[str] = ()) -> list[str]:
    """Post comments and return their ids."""
    run = stage.ask(post_requests(stage, site, count, articles=articles), connections=16, keep=True)
    if set(run.statuses) != {202}:
        raise RuntimeError(f"posts were answered with {run.statuses}: {run.wrong}")
    return [orjson.loads(body)["comment"]["id"] for body in run.bodies]


def approvals(stage: Stage, site: str, ids: Sequence[str], *, at_once: int) -> list[bytes]:
    """Write decisions that approve these comments, so many in a request."""
    return [
        asked(
            stage,
            site,
            "/v1/moderation/decisions",
            {
                "decisions": [
                    {"comment_id": each, "revision": 1, "action": "approve"}
                    for each in ids[first : first + at_once]
                ]
            },
        )
        for first in range(0, len(ids), at_once)
    ]


def asked(stage: Stage, site: str, path: str, said: object) -> bytes:
    """Write what a back end asks with the site's key."""
    body = orjson.dumps(said)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {stage.room.keys[site]}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
