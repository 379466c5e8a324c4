"""A page of a thread as bytes: what was written before is not written again.

The bytes are those `orjson` gives for `thread_json`; the tests hold both together.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from service.features import body
from service.features.fragments import Fragments, Written
from service.features.threads import ShownComment, Threaded, ThreadPage
from service.model import Site
from service.web.wire.base import optional_stamp, stamp
from service.web.wire.comments import page_json

_BOOLS = {True: "true", False: "false"}


def thread_bytes(
    page: ThreadPage,
    site: Site,
    *,
    usual_minutes: int | None,
    now: datetime,
    fragments: Fragments,
    begun: int,
    asks_focus: bool = False,
) -> bytes:
    """Write a page of a thread, with what its site lets readers write.

    `begun` is what `fragments.drops` was before the page was read.
    """
    around = orjson.dumps(
        page_json(page, site, usual_minutes=usual_minutes, now=now, asks_focus=asks_focus)
    )
    writing = _Writing(page.article.key, fragments)
    for number, each in enumerate(page.comments):
        if number:
            writing.parts.append(b",")
        writing.add(each)
    writing.keep(begun)
    before, comments, after = around.partition(b'"comments":[')
    return b"".join((before, comments, *writing.parts, after))


class _Writing:
    """One page as it is written."""

    __slots__ = ("article_key", "fragments", "known", "new", "parts")

    def __init__(self, article_key: str, fragments: Fragments) -> None:
        self.article_key = article_key
        self.fragments = fragments
        self.parts: list[bytes] = []
        self.known: dict[UUID, Written] = {}
        self.new: defaultdict[UUID, Written] = defaultdict(dict)

    def add(self, threaded: Threaded) -> None:
        """Write a comment with its nested replies."""
        comment, replies, more = threaded
        parts = self.parts
        parts.append(self._fragment(comment))
        parts.append(
            f',"votes":{{"up":{comment["up"]},"down":{comment["down"]}}},'
            f'"pinned":{_BOOLS[comment["pinned"]]},"featured":{_BOOLS[comment["featured"]]},'
            f'"reply_count":{comment["reply_count"]},"replies":['.encode()
        )
        for number, reply in enumerate(replies):
            if number:
                parts.append(b",")
            self.add(reply)
        parts.append(f'],"more_replies":"{more}"}}'.encode() if more else b'],"more_replies":null}')

    def keep(self, begun: int) -> None:
        """Keep what had to be written."""
        for article_id, written in self.new.items():
            self.fragments.keep(article_id, written, begun=begun)

    def _fragment(self, comment: ShownComment) -> bytes:
        """Return what stays the same of a comment, up to its author."""
        article_id = comment["article_id"]
        known = self.known.get(article_id)
        if known is None:
            known = self.known[article_id] = self.fragments.of(article_id)
        text = comment["text"]
        # An author who is forgotten keeps the revision of the text and loses the name.
        key = (
            comment["comment_id"],
            comment["revision"],
            comment["status"],
            hash(text),
            comment["author_name"],
            comment["author_badge"],
            comment["author_avatar"],
            self.article_key,
        )
        found = known.get(key)
        if found is None:
            found = self.new[article_id][key] = _written(comment, self.article_key)
        return found


def _written(comment: ShownComment, article_key: str) -> bytes:
    text = comment.text
    written: dict[str, Any] = {
        "id": str(comment.comment_id),
        "article": article_key,
        "parent_id": str(comment.parent_id) if comment.parent_id else None,
        "status": comment.status,
        "revision": comment.revision,
        "body": None if text is None else body.parse(text),
        "text": text,
        "lang": comment.lang,
        "created_at": stamp(comment.created_at),
        "edited_at": optional_stamp(comment.edited_at),
        "author": comment.author._asdict(),
    }
    return orjson.dumps(written)[:-1]
