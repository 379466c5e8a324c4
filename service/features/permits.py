"""Who may write here: what the article, the site, the author and the parent have to say to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.errors import Conflict, Forbidden
from service.features.articles import ArticleDirectory
from service.features.authors import Authors, WarningUnacknowledged
from service.features.lookup import Found, Lookup
from service.features.reader_tokens import BACKEND_ISSUER, author_id_of
from service.features.submission import Submission
from service.features.threads import UnknownParent
from service.model import Article, ArticleState, Site, Standing, Status, article_id
from service.storage.limits import Charge

NOBODY = ""
SITE = Charge.of("site", NOBODY, per_second=50, burst=50)
ADDRESS = Charge.of("post_address", NOBODY, per_minute=6, burst=5)
ARTICLE = Charge.of("post_article", NOBODY, per_minute=120, burst=60)
AUTHOR = Charge.of("post_author", NOBODY, per_minute=10, burst=5)
"""What a post is charged (protocol.md 3.2), yet to be told of whom."""


class ArticleClosed(Forbidden):
    """The article takes no comments now."""

    code = "comments_closed"
    title = "Comments are closed on this article."


class GuestsNotAllowed(Forbidden):
    """The site wants its readers signed in."""

    code = "guests_not_allowed"
    title = "Please sign in to comment."


class ParentNotPublished(Conflict):
    """The comment replied to was rejected or removed."""

    code = "parent_not_published"
    title = "The comment you reply to is not public any more."


async def _no_issuers(_: Site) -> Sequence[str]:
    """Stand in where no site signs its readers in."""
    return ()


class Permit(Struct, frozen=True, kw_only=True):
    """What was met on the way in by a comment that may be written."""

    article: Article | None
    """None when it could not be looked up."""
    standing: Standing | None
    """None when it could not be looked up: the comment is held."""
    parent: Found | None

    def home(self, submission: Submission) -> tuple[UUID, str]:
        """Return the id and key of the article a comment stands under.

        A reply stays with its parent, also once its article was merged into another.
        """
        if self.parent is not None:
            return self.parent.article_id, self.parent.article_key
        if self.article is not None:
            return self.article.article_id, self.article.key
        return article_id(submission.site.site_id, submission.article_key), submission.article_key


class Permits(Struct, frozen=True, kw_only=True):
    """Give leave to write."""

    articles: ArticleDirectory
    authors: Authors
    lookup: Lookup
    issuers: Callable[[Site], Awaitable[Sequence[str]]] = _no_issuers
    """Returns who signs a site's readers in."""

    async def grant(self, submission: Submission, author_id: UUID, *, now: datetime) -> Permit:
        """Return what was met on the way in.

        Raises:
            Forbidden: closed article, guests not allowed, banned or warned author.
            NotFound, Conflict: the parent is unknown or not public.
            Unavailable: neither store can say what the parent is.
        """
        article = await self.articles.get(submission.site, submission.article_key, now=now)
        standing = await self._check_rights(submission, article, now=now)
        parent = await self._find_parent(submission, article, author_id, now=now)
        return Permit(article=article, standing=standing, parent=parent)

    async def _check_rights(
        self, submission: Submission, article: Article | None, *, now: datetime
    ) -> Standing | None:
        """Refuse what the article's state or the author's standing forbids.

        None means the standing could not be looked up: the comment is held.
        """
        if article is not None and article.state in (ArticleState.CLOSED, ArticleState.OFF):
            raise ArticleClosed
        if submission.kind == "guest" and not submission.site.settings.guests_allowed:
            raise GuestsNotAllowed
        if submission.author_id is None:
            return Standing(author_id=UUID(int=0))
        also = await self._other_ids(submission)
        standing = await self.authors.admitted(
            submission.site, submission.author_id, also=also, now=now
        )
        if standing is not None and standing.warning is not None:
            raise WarningUnacknowledged(standing.warning)
        return standing

    async def _other_ids(self, submission: Submission) -> list[UUID]:
        """Return how else the same reader may be known: by a token, or as the back end calls them.

        A back end that names no issuer may mean a reader of any.
        """
        site, subject = submission.site, submission.subject
        if subject is None:
            return []
        issuers = [BACKEND_ISSUER]
        if submission.issuer is None:
            issuers += await self.issuers(site)
        ids = {author_id_of(site.site_id, each, subject) for each in issuers}
        # Elsewhere a back end that names no issuer may mean somebody else.
        named = {submission.issuer, *issuers} - {None, BACKEND_ISSUER}
        ids |= {*await self.authors.ids_elsewhere(site, subject, (each for each in named if each))}
        return [each for each in ids if each != submission.author_id]

    async def _find_parent(
        self, submission: Submission, article: Article | None, author_id: UUID, *, now: datetime
    ) -> Found | None:
        """Let a reply hang only on what its author can see."""
        if submission.parent_id is None:
            return None
        parent = await self.lookup.find(submission.site, submission.parent_id)
        if parent is None or not await self._same_thread(submission, article, parent, now=now):
            raise UnknownParent
        if parent.status is Status.PENDING:
            own = submission.author_id is not None and parent.author_id == author_id
            if not own and submission.kind != "backend":
                raise UnknownParent
        elif parent.status is not Status.APPROVED:
            raise ParentNotPublished
        return parent

    async def _same_thread(
        self, submission: Submission, article: Article | None, parent: Found, *, now: datetime
    ) -> bool:
        """Tell whether a parent stands under the article that is commented on, or one merged in."""
        home = article_id(submission.site.site_id, submission.article_key)
        if parent.article_id in {home, article.article_id if article else home}:
            return True
        elsewhere = await self.articles.get(submission.site, parent.article_key, now=now)
        return (
            article is not None
            and elsewhere is not None
            and (elsewhere.article_id == article.article_id)
        )


def charges_of(submission: Submission) -> list[Charge]:
    """Return the limits of protocol.md 3.2 that a submission counts against."""
    charges = [SITE.on(submission.site.slug)]
    if submission.kind == "backend":
        return charges
    charges += (ADDRESS.on(submission.address_hash), ARTICLE.on(submission.article_key))
    if submission.author_id is not None:
        charges.append(AUTHOR.on(submission.author_id.hex))
    return charges
