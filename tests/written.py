"""Whatever tests do to comments: what is written of one is what would be written now."""

from __future__ import annotations

import asyncpg

from service.features.fragments import write_shown
from service.storage.comments import ShownComment

ALL = """
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born, up, down, pinned,
       featured, reply_count, shown_replies, written,
       ROW(author_name, author_badge, author_avatar, text, lang, status, revision, edited_at)
           AS whole
FROM comments WHERE written IS NOT NULL
"""


async def look_at_written(connection: asyncpg.Connection | asyncpg.Pool) -> int:
    """Hold all that is written of comments against their rows; return how many there are."""
    rows = [ShownComment(*row) for row in await connection.fetch(ALL)]
    assert [row.written for row in rows] == [write_shown(row) for row in rows]
    return len(rows)
