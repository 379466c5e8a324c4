"""A page of a thread as bytes: what is written of a comment already is not written again.

The bytes are those `orjson` gives for `thread_json`; the tests hold both together.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from service.features.fragments import Fragments
from service.features.threads import Threaded, ThreadPage
from service.model import Site
from service.web.wire.comments import page_json

_BOOLS = {True: "true", False: "false"}


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
        self.about = f',"article":{orjson.dumps(page.article.key).decode()},"votes":{{"up":'
        self.fragments = fragments
        self.site_id = page.article.site_id

    def add(self, parts: list[bytes], threaded: Threaded) -> None:
        """Write a comment with its nested replies."""
        comment, replies, more = threaded
        parts.append(comment["written"] or self.fragments.write(self.site_id, comment))
        parts.append(
            f'{self.about}{comment["up"]},"down":{comment["down"]}}},'
            f'"pinned":{_BOOLS[comment["pinned"]]},"featured":{_BOOLS[comment["featured"]]},'
            f'"reply_count":{comment["reply_count"]},"replies":['.encode()
        )
        for number, reply in enumerate(replies):
            if number:
                parts.append(b",")
            self.add(parts, reply)
        parts.append(f'],"more_replies":"{more}"}}'.encode() if more else b'],"more_replies":null}')
