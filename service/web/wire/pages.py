"""A page of a thread as bytes: what is written of a comment already is not written again.

The bytes are those `orjson` gives for `thread_json`; the tests hold both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import orjson

from service.features.fragments import Fragments
from service.features.threads import Threaded, ThreadPage
from service.model import Site
from service.web.wire.comments import page_json

_BOOLS = {True: "true", False: "false"}
_NO_MORE = b'],"more_replies":null},'
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
    parts = [before, comments]
    _Writing(page, fragments).add(parts, page.comments)
    parts.append(after)
    return b"".join(parts)


class _Writing:
    """One page as it is written."""

    __slots__ = ("about", "fragments", "site_id")

    def __init__(self, page: ThreadPage, fragments: Fragments) -> None:
        self.about = b',"article":%b,"votes":{"up":' % orjson.dumps(page.article.key)
        self.fragments = fragments
        self.site_id = page.article.site_id

    def add(self, parts: list[bytes], listed: Sequence[Threaded]) -> None:
        """Write comments, each with its nested replies."""
        about = self.about
        for each in listed:
            it = each.comment
            live, whole = _live(it.up, it.down, it.pinned, it.featured, it.reply_count)
            written = it.written or self.fragments.write(self.site_id, it)
            more = each.more_replies
            if more is None and not each.replies:
                parts += (written, about, whole)
                continue
            parts += (written, about, live)
            self.add(parts, each.replies)
            parts.append(f'],"more_replies":"{more}"}},'.encode() if more else _NO_MORE)
        if listed:
            parts[-1] = parts[-1][:-1]  # no comma behind the last one


@lru_cache(LIVE_MAX)
def _live(
    up: int,
    down: int,
    pinned: bool,  # noqa: FBT001 - as the row has them
    featured: bool,  # noqa: FBT001
    reply_count: int,
) -> tuple[bytes, bytes]:
    """Write what changes without the comment, from the number of votes to its replies.

    And all that follows, with a comma, where it carries none.
    """
    live = (
        f'{up},"down":{down}}},"pinned":{_BOOLS[pinned]},"featured":{_BOOLS[featured]},'
        f'"reply_count":{reply_count},"replies":['
    ).encode()
    return live, live + _NO_MORE
