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
    settings: Settings,
    *,
    base_url: str,
    metrics_url: str,
    following: PendingComment | None,
    owner: str | None,
) -> str:
    """Return the lines for a newcomer.

    `following` is what a claim hands out next, if anything; `owner` the token of the link with
    which the first of the newsroom gets in, while nobody is.
    """
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

  A newspaper with comments  {base_url}/demo/
  The newsroom's dashboard   {dashboard_url(settings)}
{_first_link(settings, owner)}
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


def dashboard_url(settings: Settings) -> str:
    """Return where a person on this machine opens the dashboard.

    By name: browsers know no passkeys at an address of numbers.
    """
    return f"{settings.base_url.replace('//127.0.0.1:', '//localhost:')}/moderate/"


def invitation_link(settings: Settings, token: str) -> str:
    """Return the link to the dashboard that carries a one-time token.

    The token is behind the `#`: browsers keep that part to themselves, so it reaches no log.
    """
    return f"{dashboard_url(settings)}#invitation={token}"


def _first_link(settings: Settings, owner: str | None) -> str:
    if owner is None:
        return ""
    return f"""
Sign in for the first time with this link; it works once, within three days:

  {invitation_link(settings, owner)}
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
