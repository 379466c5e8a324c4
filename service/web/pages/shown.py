"""A thread as templates show it: everything said in the page's language, bodies as HTML."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from markupsafe import Markup
from msgspec import Struct, field

from service.features import body
from service.features.threads import LIMIT_DEFAULT, ShownComment, Sort, Threaded, ThreadPage
from service.model import ArticleState, Site, Status
from service.web.pages.places import Places, anchor
from service.web.pages.words import Tongue
from service.web.wire.base import stamp

TILES = 6
"""Colours of the tile that stands for a face; `docs/widget-markup.md` says which is whose."""

NAMED_PARENT_DEPTH = 2
"""From here on the indent no longer shows what is answered, so the comment says it."""

DEEP = 3
"""Levels of replies that are indented."""


class Link(Struct, frozen=True, kw_only=True):
    """Words that lead somewhere."""

    href: str
    label: str
    current: bool = False


class Moment(Struct, frozen=True, kw_only=True):
    """A time for people and for programs."""

    words: str
    stamp: str


class Parent(Struct, frozen=True, kw_only=True):
    """The comment that is answered."""

    comment_id: UUID
    name: str
    href: str


class ShownOnPage(Struct, frozen=True, kw_only=True):
    """One comment with the replies that stand below it on the page."""

    comment_id: UUID
    anchor: str
    name: str
    """Empty for a tombstone."""
    badge: str | None
    tile: int
    letter: str
    gone: str | None
    """The tombstone's sentence."""
    body: Markup
    lang: str | None
    created: Moment
    edited: bool
    votes: str | None
    marks: tuple[str, ...]
    href: str
    reply: str | None
    """Where it can be replied to."""
    to: Parent | None
    focused: bool
    replies: tuple[ShownOnPage, ...]
    deep: bool
    """Whether its replies are no further indented."""
    more: Link | None


Errors: TypeAlias = dict[str, str]
"""Field -> what is wrong with it."""


class Composer(Struct, frozen=True, kw_only=True):
    """The form of a new comment, perhaps with what was typed before."""

    action: str
    back: str
    label: str
    submit: str
    parent: Parent | None = None
    body: str = ""
    name: str = ""
    email: str = ""
    trapped: bool = False
    errors: Errors = field(default_factory=dict)


class ThreadShown(Struct, frozen=True, kw_only=True):
    """A page of a thread."""

    title: str
    headline: str | None
    url: str | None
    count: int
    sorts: tuple[Link, ...]
    notice: str | None
    closed: str | None
    """Why nobody can comment now."""
    composer: Composer | None
    comments: tuple[ShownOnPage, ...]
    empty: bool
    more: Link | None
    other: Link | None = None
    """Leads back to the whole thread from a part of it."""


class Showing(Struct, frozen=True, kw_only=True):
    """How one thread is shown: in which language, with which addresses."""

    tongue: Tongue
    places: Places
    site: Site
    sort: Sort = Sort.BEST
    limit: int = LIMIT_DEFAULT

    def title(self, count: int) -> str:
        """Say how many comments there are."""
        return self.tongue.say("title", n=count)

    def sorts(self, count: int) -> tuple[Link, ...]:
        """Return the orders to choose from; none where there is nothing to order."""
        if not count:
            return ()
        return tuple(
            Link(
                href=self.places.thread(sort=sort, at="title"),
                label=self.tongue.say(f"sort_{sort}"),
                current=sort is self.sort,
            )
            for sort in Sort
        )

    def closed(self, state: ArticleState) -> str | None:
        """Say why nobody can comment, if that is so."""
        if state is ArticleState.CLOSED:
            return self.tongue.say("closed")
        if state is ArticleState.OFF:
            return self.tongue.say("off")
        return None if self.site.settings.guests_allowed else self.tongue.say("sign_in")

    def composer(self, *, back: str, parent: Parent | None = None) -> Composer:
        """Return an empty form that leads back to a page."""
        if parent is None:
            label, submit = self.tongue.say("your_comment"), self.tongue.say("post")
        else:
            label = self.tongue.say("your_reply", name=parent.name)
            submit = self.tongue.say("post_reply")
        return Composer(
            action=self.places.form(), back=back, label=label, submit=submit, parent=parent
        )

    def comments(self, page: ThreadPage, *, focus: UUID | None = None) -> tuple[ShownOnPage, ...]:
        """Return the comments of a page, replies below them."""
        can_reply = self.closed(page.article.state) is None
        return tuple(
            self._comment(each, None, depth=0, focus=focus, can_reply=can_reply)
            for each in page.comments
        )

    def more(self, page: ThreadPage, *, parent: UUID | None = None) -> Link | None:
        """Return where the page goes on, if it does."""
        if page.next is None:
            return None
        phrase = "more_comments" if parent is None else "more_replies"
        return Link(
            href=self.places.thread(
                sort=self.sort if parent is None else None,
                parent=parent,
                cursor=page.next,
                at="title",
            ),
            label=self.tongue.say(phrase, n=min(page.remaining, self.limit)),
        )

    def parent(self, comment: ShownComment) -> Parent:
        """Return a comment as the one that is answered."""
        return Parent(
            comment_id=UUID(str(comment.comment_id)),
            name=comment.author.name,
            href=self.places.comment(comment.comment_id),
        )

    def _comment(
        self,
        threaded: Threaded,
        above: ShownComment | None,
        *,
        depth: int,
        focus: UUID | None,
        can_reply: bool,
    ) -> ShownOnPage:
        comment = threaded.comment
        name = comment.author.name
        text = comment.text
        to = above if above is not None and depth >= NAMED_PARENT_DEPTH else None
        return ShownOnPage(
            comment_id=comment.comment_id,
            anchor=anchor(comment.comment_id),
            name=name,
            badge=comment.author.badge,
            tile=tile_of(name),
            letter=name[:1].upper(),
            gone=None if text is not None else self._gone(comment.status),
            body=as_html(text or ""),
            lang=comment.lang,
            created=self.moment(comment.created_at),
            edited=comment.edited_at is not None and text is not None,
            votes=self.tongue.say("votes", n=comment.up) if comment.up and text else None,
            marks=self._marks(comment),
            href=self.places.comment(comment.comment_id),
            reply=self._reply(comment) if can_reply and text is not None else None,
            to=self.parent(to) if to is not None and to.text is not None else None,
            focused=focus == comment.comment_id,
            replies=tuple(
                self._comment(each, comment, depth=depth + 1, focus=focus, can_reply=can_reply)
                for each in threaded.replies
            ),
            deep=depth >= DEEP,
            more=self._more_replies(threaded),
        )

    def moment(self, at: datetime) -> Moment:
        """Return a time in the page's language."""
        return Moment(words=self.tongue.moment(at), stamp=stamp(at))

    def _gone(self, status: str) -> str:
        return self.tongue.say("deleted" if status == Status.DELETED else "removed")

    def _marks(self, comment: ShownComment) -> tuple[str, ...]:
        said = (("pinned", comment.pinned), ("featured", comment.featured))
        return tuple(self.tongue.say(phrase) for phrase, is_so in said if is_so)

    def _reply(self, comment: ShownComment) -> str:
        return self.places.thread(reply=comment.comment_id, at="write")

    def _more_replies(self, threaded: Threaded) -> Link | None:
        comment = threaded.comment
        if threaded.more_replies is None:
            return None
        left = max(comment.shown_replies - len(threaded.replies), 1)
        return Link(
            href=self.places.thread(
                parent=comment.comment_id, cursor=threaded.more_replies, at="title"
            ),
            label=self.tongue.say("more_replies", n=left),
        )


def as_html(text: str) -> Markup:
    """Write a comment's text as HTML of the few elements a body may have."""
    return Markup(body.to_html(body.parse(text)))  # noqa: S704 - escaped, then cleaned by nh3


def tile_of(name: str) -> int:
    """Choose a colour by a name: the sum of its UTF-16 code units, as the widget counts."""
    units = name.encode("utf-16-le", "surrogatepass")
    return (sum(units[0::2]) + 256 * sum(units[1::2])) % TILES
