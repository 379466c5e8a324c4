"""A comment as readers, its author and moderators receive it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from service.features.appeals import Appeal
from service.features.fragments import core, shown_core
from service.features.lookup import Found
from service.features.reasons import by_rule_text, public_text
from service.features.screen import tongue
from service.features.threads import ShownComment, Threaded, ThreadPage
from service.model import ArticleState, Author, Comment, PendingComment, Site, Status, made_at
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp

StatusName = Literal["pending", "approved", "rejected", "removed", "deleted"]

BodyTree = Annotated[
    list[dict[str, Any]],
    Field(
        description="Blocks `p`, `quote`, `list`, `item`, `code`; inlines: a string, `em`,"
        " `strong`, `del`, `code`, `link`, `br`. Never HTML.",
        examples=[[{"t": "p", "c": ["Text ", {"t": "strong", "c": ["strong"]}]}]],
    ),
]


class AuthorOut(Wire):
    """What is shown of an author; the name of a tombstone is empty."""

    name: str
    badge: str | None
    avatar: str | None


class Votes(Wire):
    """How readers voted."""

    up: int
    down: int


class ReasonOut(Wire):
    """Why a comment is not public, for its author."""

    code: str
    text: str
    """In the comment's language where there is one for it."""


class AppealOut(Wire):
    """An author's request for a second look."""

    state: Literal["open", "granted", "denied"]
    text: str
    at: Timestamp
    answered_at: Timestamp | None


class CommentOut(Wire):
    """A comment. The fields after `more_replies` are its author's alone."""

    id: UUID = Field(strict=False)
    article: str
    parent_id: UUID | None = Field(strict=False)
    status: StatusName
    revision: int
    author: AuthorOut
    body: BodyTree | None
    text: str | None
    """The Markdown source after the text policy; null for a tombstone."""
    lang: str | None
    created_at: Timestamp
    edited_at: Timestamp | None
    votes: Votes
    pinned: bool
    featured: bool
    reply_count: int
    replies: list[CommentOut]
    more_replies: str | None
    reason: ReasonOut | None = None
    editable_until: Timestamp | None = None
    appeal: AppealOut | None = None
    pending_revision: int | None = None


class ThreadArticle(Wire):
    """The article a thread belongs to."""

    key: str
    url: str | None
    title: str | None
    state: Literal["open", "premoderated", "closed", "off"]
    closed_at: Timestamp | None
    """When it closed by itself; null for one that is open, or was closed by hand."""
    count: int


class ThreadSite(Wire):
    """What a site lets its readers write."""

    body_max_chars: int
    guests_allowed: bool
    votes_allowed: bool
    usual_minutes: int | None
    """How long comments waited for a moderator, the median of a week; null for too few."""


class ThreadOut(Wire):
    """A page of a thread."""

    site: ThreadSite
    article: ThreadArticle
    comments: list[CommentOut]
    next: str | None
    remaining: int
    focus: UUID | None = Field(default=None, strict=False)


class OneCommentOut(Wire):
    """One comment and the line of comments it answers, the root first."""

    comment: CommentOut
    ancestors: list[CommentOut]


class CountOut(Wire):
    """Approved comments of one article."""

    article: str
    count: int


class CountsOut(Wire):
    """Approved comments of several articles."""

    counts: dict[str, int]


def thread_json(
    page: ThreadPage,
    site: Site,
    *,
    usual_minutes: int | None,
    now: datetime,
    asks_focus: bool = False,
) -> dict[str, Any]:
    """Write a page of a thread, with what its site lets readers write."""
    written = page_json(page, site, usual_minutes=usual_minutes, now=now, asks_focus=asks_focus)
    written["comments"] = [threaded_json(each, page.article.key) for each in page.comments]
    return written


def page_json(
    page: ThreadPage, site: Site, *, usual_minutes: int | None, now: datetime, asks_focus: bool
) -> dict[str, Any]:
    """Write a page without its comments."""
    article = page.article
    closed_at = article.close_at if article.state is ArticleState.CLOSED else None
    written = {
        "site": {
            "body_max_chars": site.settings.body_max_chars,
            "guests_allowed": site.settings.guests_allowed,
            "votes_allowed": site.settings.votes_allowed,
            "usual_minutes": usual_minutes,
        },
        "article": {
            "key": article.key,
            "url": article.url,
            "title": article.title,
            "state": article.state,
            "closed_at": stamp(closed_at) if closed_at and closed_at <= now else None,
            "count": article.count,
        },
        "comments": [],
        "next": page.next,
        "remaining": page.remaining,
    }
    if asks_focus:
        written["focus"] = str(page.focus) if page.focus else None
    return written


def threaded_json(threaded: Threaded, article_key: str) -> dict[str, Any]:
    """Write a public comment with its nested replies."""
    comment: ShownComment = threaded.comment
    return {
        **shown_core(comment),
        "author": comment.author._asdict(),
        "article": article_key,
        "votes": {"up": comment.up, "down": comment.down},
        "pinned": comment.pinned,
        "featured": comment.featured,
        "reply_count": comment.reply_count,
        "replies": [threaded_json(each, article_key) for each in threaded.replies],
        "more_replies": threaded.more_replies,
    }


def pending_json(item: PendingComment) -> dict[str, Any]:
    """Write a text that waits, as moderators and its author see it."""
    return {
        **core(
            comment_id=item.comment_id,
            parent_id=item.parent_id,
            status=Status.PENDING,
            revision=item.revision,
            text=item.text,
            lang=item.lang,
            created_at=item.created_at,
            edited_at=item.edited_at,
        ),
        "article": item.article_key,
        **_unread(item.author),
    }


def found_json(found: Found) -> dict[str, Any]:
    """Write a comment wherever it is: with its text as long as that is kept."""
    if found.public is not None and found.public.text is not None:
        return {**_public_json(found.public), "status": found.status}
    source = found.waiting or found.kept
    if source is not None:
        return {**pending_json(source), "status": found.status}
    return _gone_json(found)


def appeal_json(appeal: Appeal) -> dict[str, Any]:
    """Write an appeal for its author; the newsroom's note is not for them."""
    state = "open" if appeal.granted is None else "granted" if appeal.granted else "denied"
    return {
        "state": state,
        "text": appeal.text,
        "at": stamp(appeal.at),
        "answered_at": optional_stamp(appeal.answered_at),
    }


def author_json(
    found: Found, site: Site, *, now: datetime, appeal: Appeal | None = None
) -> dict[str, Any]:
    """Write a comment for its own author, with what only they are told."""
    decision = found.decision
    written = found_json(found)
    reason = None
    if found.status in {Status.REJECTED, Status.REMOVED} and decision and decision.reason:
        lang = written["lang"] or _read_as(found) or site.settings.languages[0]
        told = public_text(decision.reason, lang, site.settings.reason_texts)
        if decision.actor_kind == "rule":
            told = f"{told} {by_rule_text(lang)}"
        reason = {"code": decision.reason, "text": told}
    until = made_at(found.comment_id) + timedelta(seconds=site.settings.edit_window_seconds)
    editable = found.status in {Status.PENDING, Status.APPROVED} and until > now
    edit = found.waiting if found.status is Status.APPROVED else None
    return {
        **written,
        "reason": reason,
        "editable_until": stamp(until) if editable else None,
        "appeal": appeal_json(appeal) if appeal else None,
        "pending_revision": edit.revision if edit else None,
    }


def _read_as(found: Found) -> str | None:
    """Return the language a text was found to be in, if its sender did not say."""
    source = found.waiting or found.kept
    return tongue(source.screened.lang) if source and source.screened else None


def _unread(author: Author) -> dict[str, Any]:
    """Write what a comment has that no reader has seen."""
    return {
        "author": {"name": author.name, "badge": author.badge, "avatar": author.avatar},
        "votes": {"up": 0, "down": 0},
        "pinned": False,
        "featured": False,
        "reply_count": 0,
        "replies": [],
        "more_replies": None,
    }


def _public_json(comment: Comment) -> dict[str, Any]:
    return {
        **core(
            comment_id=comment.comment_id,
            parent_id=comment.parent_id,
            status=comment.status,
            revision=comment.revision,
            text=comment.text,
            lang=comment.lang,
            created_at=comment.created_at,
            edited_at=comment.edited_at,
        ),
        "article": comment.article_key,
        **_unread(comment.author),
        "votes": {"up": comment.up, "down": comment.down},
        "pinned": comment.pinned,
        "featured": comment.featured,
        "reply_count": comment.reply_count,
    }


def _gone_json(found: Found) -> dict[str, Any]:
    """Write what is left of a comment whose text is not kept any more."""
    nobody = Author(author_id=UUID(int=0), kind="guest", name="")
    return {
        **core(
            comment_id=found.comment_id,
            parent_id=found.parent_id,
            status=found.status,
            revision=found.decision.revision if found.decision else 1,
            text=None,
            lang=None,
            created_at=made_at(found.comment_id),
            edited_at=None,
        ),
        "article": found.article_key,
        **_unread(nobody),
        "reply_count": found.public.reply_count if found.public else 0,
    }
