"""A page of a thread as bytes: what is written of a comment already is not written again.

The bytes are those `orjson` gives for `thread_json`; the tests hold both together.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from operator import attrgetter

import orjson

from service.features.fragments import Fragments
from service.features.threads import Threaded, ThreadPage
from service.model import Site
from service.web.wire.comments import page_json

_BOOLS = {True: "true", False: "false"}
_LIVE = attrgetter("up", "down", "pinned", "featured", "reply_count")
LIVE_MAX = 4_096
"""Different votes, marks and counts remembered as they were written: most comments have few."""


def thread_bytes(
    page: ThreadPage,
    site: Site,
    *,
    usual_minutes: int | None,
    now: datetime,
    fragments: Fragments,
    asks_focus: bool = False,
) -> bytes:
    """Write a page of a thread, with what its site lets readers write."""
    around = orjson.dumps(
        page_json(page, site, usual_minutes=usual_minutes, now=now, asks_focus=asks_focus)
    )
    before, comments, after = around.partition(b'"comments":[')
    writing = _Writing(page, fragments)
    parts = [before, comments]
    for number, each in enumerate(page.comments):
        if number:
            parts.append(b",")
        writing.add(parts, each)
    parts.append(after)
    return b"".join(parts)


class _Writing:
    """One page as it is written."""

    __slots__ = ("about", "fragments", "site_id")

    def __init__(self, page: ThreadPage, fragments: Fragments) -> None:
        self.about = b',"article":%b,"votes":{"up":' % orjson.dumps(page.article.key)
        self.fragments = fragments
        self.site_id = page.article.site_id

    def add(self, parts: list[bytes], threaded: Threaded) -> None:
        """Write a comment with its nested replies."""
        comment, replies, more = threaded.comment, threaded.replies, threaded.more_replies
        parts += (
            comment.written or self.fragments.write(self.site_id, comment),
            self.about,
            _live(*_LIVE(comment)),
        )
        for number, reply in enumerate(replies):
            if number:
                parts.append(b",")
            self.add(parts, reply)
        parts.append(f'],"more_replies":"{more}"}}'.encode() if more else b'],"more_replies":null}')


@lru_cache(LIVE_MAX)
def _live(up: int, down: int, pinned: bool, featured: bool, reply_count: int) -> bytes:  # noqa: FBT001 - as the row has them
    """Write what changes without the comment, from the number of votes to its replies."""
    return (
        f'{up},"down":{down}}},"pinned":{_BOOLS[pinned]},"featured":{_BOOLS[featured]},'
        f'"reply_count":{reply_count},"replies":['
    ).encode()
