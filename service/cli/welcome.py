"""What `make run` prints: where to look, and a comment's whole life to paste."""

from __future__ import annotations

import shlex
from json import dumps
from pathlib import Path

from service.model import PendingComment
from service.settings import Settings

ARTICLE = "en-harbour-ferry"
"""The article that the examples are about when nothing waits."""
KEY_SCOPES = "--scope moderate --scope read"


def welcome(
    settings: Settings, *, base_url: str, metrics_url: str, following: PendingComment | None
) -> str:
    """Return the lines for a newcomer; `following` is what a claim hands out next, if anything."""
    article = following.article_key if following else ARTICLE
    next_id = str(following.comment_id) if following else "THE ID"
    site = f"{base_url}/v1/sites/demo"
    moderation = f"{base_url}/v1/moderation"
    json = "-H 'Content-Type: application/json'"
    bearer = '-H "Authorization: Bearer $key"'
    wish = {"comment_id": next_id, "revision": 1, "action": "approve"}
    decision = dumps({"decisions": [wish]})
    post = '{"body": "The new timetable **works** for me.", "author": {"name": "Noor"}}'
    claim = '{"site": "demo", "lane": "held", "limit": 1}'
    return f"""
Postbag is running. Ctrl-C stops it; what was there is there again next time.

  The API, for people   {base_url}/docs
  The API, for programs {base_url}/openapi.json
  Is it well?           {base_url}/readyz   or   {command(settings)} doctor
  Metrics               {metrics_url}

A comment's whole life, in a second terminal:

  # 1. A key for a moderator's program.
  key=$({command(settings)} key create --site demo {KEY_SCOPES})

  # 2. A reader posts. 202: it is on disk, and it waits.
  curl -s {site}/articles/{article}/comments {json} \\
    -d '{post}'

  # 3. A moderator takes the next comment from the queue.
  curl -s {moderation}/claims {bearer} {json} \\
    -d '{claim}'

  # 4. And approves it.
  curl -s {moderation}/decisions {bearer} {json} \\
    -d '{decision}'

  # 5. Everybody reads the thread, and the count.
  curl -s {site}/articles/{article}/comments
  curl -s {site}/articles/{article}/count
"""


def command(settings: Settings) -> str:
    """Return how `postbag` is called from here for the running service."""
    name = Path(".venv/bin/postbag")
    words = [str(name) if name.exists() else "postbag"]
    for field in ("data_dir", "database_url", "redis_url"):
        value = getattr(settings, field)
        if field == "data_dir" and value != type(settings).model_fields[field].default:
            words += ["--data-dir", str(value)]
    return shlex.join(words)
