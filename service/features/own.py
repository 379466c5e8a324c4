"""An author and their own comments: they see them, change them, and take them away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from service import crash
from service.cursors import BadCursor, Cursors
from service.errors import Conflict, Forbidden, NotFound, Unavailable
from service.features import text
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.decisions import Decisions
from service.features.intake import NotDurable, QueueEmptied, verified
from service.features.lookup import Found, Lookup
from service.features.outcomes import DecisionRequest, Outcome
from service.features.promise import Promise
from service.features.screen import Piece, Screen, Screening
from service.features.settle import Settle
from service.features.telling import Telling
from service.model import (
    Action,
    Actor,
    Comment,
    Decision,
    PendingComment,
    Site,
    Standing,
    Status,
    article_id,
    made_at,
)
from service.storage.limits import Charge, Limits
from service.storage.own import OwnStore
from service.storage.pending import PendingStore

RECENT_MAX = 200
"""Comments the journal has yet to copy that are looked through: half a second's, in a rush."""
OWN_MAX = 50
"""Comments of one's own that are told at once, the newest."""
EDITS_PER_MINUTE = 10
EDITOR = timedelta(minutes=10)
"""How long an editor that was opened in time may stay open (ux.md 3.9, WCAG 2.2.1)."""
TRIES = 3
"""Looks at a comment that is decided just while its author deletes it."""


class UnknownComment(NotFound):
    """No such comment here, or not for whoever asks."""

    code = "unknown_comment"
    title = "There is no such comment here."


class NotYours(Forbidden):
    """Only its author may change a comment."""

    code = "not_your_comment"
    title = "Only its author may do this."


class EditWindowOver(Forbidden):
    """The time in which a comment may be edited is over."""

    code = "edit_window_over"
    title = "This comment can no longer be edited. You can still delete it."


class NotEditable(Conflict):
    """A rejected, removed or deleted comment is not edited but written anew."""

    code = "not_editable"
    title = "This comment cannot be edited any more."


class StaleRevision(Conflict):
    """The comment changed after its author had read it."""

    code = "stale_revision"
    title = "This comment changed meanwhile. Look at it again."


class Editor(Struct, frozen=True, kw_only=True):
    """An editor that was opened in time."""

    until: datetime
    """When the new text has to be here."""
    proof: str
    """What the edit carries to be believed."""


class Own(Struct, frozen=True, kw_only=True):
    """What authors do with what they wrote."""

    store: OwnStore
    pending: PendingStore
    promise: Promise
    lookup: Lookup
    decisions: Decisions
    screen: Screen
    settle: Settle
    articles: ArticleDirectory
    authors: Authors
    limits: Limits
    cursors: Cursors
    new_id: Callable[[datetime], UUID]
    limits_on: bool = True
    durable: Callable[[], bool] = verified
    """Tells whether the stores were seen to keep what is acknowledged."""
    telling: Telling = field(default_factory=Telling)

    async def under(self, site: Site, article_key: str, author_id: UUID) -> list[Found]:
        """Return an author's newest comments under an article, but for those they deleted.

        Public ones are among them, so that a page can mark them as one's own.

        Raises:
            Unavailable: Postgres is away.
        """
        asked = article_id(site.site_id, article_key)
        articles = await self.store.thread_ids(site.site_id, asked)
        ids = await self.store.under_articles(site.site_id, articles, author_id, limit=OWN_MAX)
        ids = await self._just_accepted(site, articles, author_id) + ids
        found = await self.lookup.find_many(site, ids)
        return [each for each in found.values() if each.status is not Status.DELETED]

    async def _just_accepted(
        self, site: Site, articles: Sequence[UUID], author_id: UUID
    ) -> list[UUID]:
        """Return what Postgres has not heard of yet: authors see their own at once."""
        try:
            ids = await self.pending.unjournaled(site.slug, limit=RECENT_MAX)
            items = await self.pending.items(site.slug, ids)
        except Unavailable:
            return []
        return [
            item.comment_id
            for item in reversed(items.values())
            if item.author.author_id == author_id and item.article_id in articles
        ]

    async def open_editor(
        self, site: Site, comment_id: UUID, author_id: UUID, *, now: datetime
    ) -> Editor:
        """Give an author who begins to edit in time the time to finish. Nothing is stored.

        Raises:
            UnknownComment, NotYours, EditWindowOver, NotEditable.
            Unavailable: Postgres is away.
        """
        found = await self._own(site, comment_id, author_id)
        if found.status not in {Status.PENDING, Status.APPROVED}:
            raise NotEditable
        closes = _window_end(site, comment_id)
        if closes <= now:
            raise EditWindowOver
        until = max(closes, now + EDITOR)
        proof = self.cursors.sign(_editor_of(site, comment_id, author_id), until.isoformat())
        return Editor(until=until, proof=proof)

    async def edit(
        self,
        site: Site,
        comment_id: UUID,
        author_id: UUID,
        *,
        also: Sequence[UUID] = (),
        body: str,
        revision: int,
        editor: str | None = None,
        now: datetime,
    ) -> Found:
        """Replace a comment's text; what is public stays so until the new text is approved.

        `also` are other ids of the same author, `editor` the proof of one opened in time.

        Raises:
            Invalid: the text policy, the site's length, or a rule that refuses: the old text stays.
            UnknownComment, NotYours, AuthorBanned, EditWindowOver, NotEditable, StaleRevision.
            RateLimited: too many edits.
            Unavailable: it is not durable now; the outcome is unknown, and repeating is safe.
        """
        if not self.durable():
            raise NotDurable
        clean = text.clean_body(body, max_chars=site.settings.body_max_chars, pointer="/body")
        found = await self._own(site, comment_id, author_id)
        newest = found.waiting or found.public
        if newest is None or found.status not in {Status.PENDING, Status.APPROVED}:
            raise NotEditable
        if newest.revision > revision and newest.text == clean:
            await self.promise.confirm(site.slug)
            return found  # it is repeated: the answer to the first time was lost
        if max(_window_end(site, comment_id), self._extended(site, found, editor)) <= now:
            raise EditWindowOver
        standing = await self.authors.admitted(site, author_id, also=also, now=now)
        if newest.revision != revision:
            raise StaleRevision
        if self.limits_on:
            charge = Charge.of("edit", author_id.hex, per_minute=EDITS_PER_MINUTE, burst=5)
            await self.limits.charge(site.slug, [charge])
        screening = await self._screened(site, found, clean, standing, now=now)
        if found.waiting is not None:
            await self._edit_waiting(site, found.waiting, clean, screening, now=now)
        else:
            await self._edit_public(site, found, clean, screening, now=now)
        changed = await self.lookup.find(site, comment_id)
        if changed is None or clean not in _texts(changed):
            # Decided or edited between our look and our change: what waits now is another text.
            raise StaleRevision
        newest = changed.waiting or changed.public
        if newest is not None:
            self.telling.edited(site, comment_id, newest.revision)
        return changed

    async def delete(self, site: Site, comment_id: UUID, author_id: UUID, *, now: datetime) -> None:
        """Take a comment away: its text is gone at once. Repeating it changes nothing.

        Raises:
            UnknownComment, NotYours.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        actor = Actor(kind="author", actor_id=str(author_id), name="")
        for _ in range(TRIES):
            found = await self._own(site, comment_id, author_id)
            if found.status is Status.DELETED:
                return
            request = _taking_away(found, self.new_id(now))
            result = (await self.decisions.decide([site], [request], actor=actor, now=now))[0]
            if result.outcome is Outcome.APPLIED and result.status is Status.DELETED:
                return
            # Somebody decided between our look and our lock, so that nothing was taken away, or
            # only the edit of what is public now: the next look meets the new state.
        raise StaleRevision("This comment was decided just now. Try again.")

    def _extended(self, site: Site, found: Found, editor: str | None) -> datetime:
        """Return until when an open editor is waited for; long ago where none is proven."""
        if editor is None or found.author_id is None:
            return made_at(found.comment_id)
        purpose = _editor_of(site, found.comment_id, found.author_id)
        try:
            return datetime.fromisoformat(self.cursors.open(purpose, editor))
        except BadCursor:
            return made_at(found.comment_id)

    async def _own(self, site: Site, comment_id: UUID, author_id: UUID) -> Found:
        """Return a comment to its author, and to nobody else."""
        found = await self.lookup.find(site, comment_id)
        if found is None:
            raise UnknownComment
        if found.author_id != author_id:
            raise NotYours if found.status is Status.APPROVED else UnknownComment
        return found

    async def _screened(
        self, site: Site, found: Found, clean: str, standing: Standing | None, *, now: datetime
    ) -> Screening:
        """Screen a new text as if it were a new comment."""
        source = found.waiting or found.public
        assert source is not None
        return await self.screen.look(
            site,
            Piece(
                text=clean,
                lang=source.lang,
                author_kind=source.author.kind,
                author_id=source.author.author_id,
                standing=standing,
                article=await self.articles.get(site, found.article_key, now=now),
                address_hash=found.waiting.address_hash if found.waiting else None,
                depth=_depth(found),
                comment_id=found.comment_id,
                replies=found.public.reply_count if found.public else 0,
            ),
            now=now,
        )

    async def _edit_waiting(
        self,
        site: Site,
        waiting: PendingComment,
        clean: str,
        screening: Screening,
        *,
        now: datetime,
    ) -> None:
        item = screening.on(replace(waiting, text=clean, edited_at=now))
        crash.reached(crash.Point.EDIT_CHECKED)
        change = await self.promise.edit(
            item,
            expected_revision=waiting.revision,
            settle="reject" if screening.reject else "publish" if screening.publish else None,
        )
        crash.reached(crash.Point.EDIT_STORED)
        if change.outcome == "GONE" and await self._still_waits(site, waiting):
            raise QueueEmptied  # Redis has lost it, and gets it back from the journal
        if change.outcome != "OK":
            raise StaleRevision

    async def _still_waits(self, site: Site, waiting: PendingComment) -> bool:
        found = await self.lookup.find(site, waiting.comment_id)
        return found is not None and found.waiting is not None

    async def _edit_public(
        self, site: Site, found: Found, clean: str, screening: Screening, *, now: datetime
    ) -> None:
        """Let an edit wait, or publish it where the site publishes at once."""
        public, decision = found.public, found.decision
        assert public is not None
        assert decision is not None
        item = PendingComment(
            site_id=public.site_id,
            site=site.slug,
            article_id=public.article_id,
            article_key=public.article_key,
            comment_id=public.comment_id,
            parent_id=public.parent_id,
            author=public.author,
            text=clean,
            lang=public.lang,
            created_at=public.created_at,
            # A number that no text has had: moderators name by it what they have read.
            revision=max(public.revision, decision.revision) + 1,
            kind="edit",
            n=decision.n,
            edited_at=now,
        )
        item = screening.on(item, since=now)
        outcome = await self.promise.edit_public(item)
        if outcome == "EMPTY":
            raise QueueEmptied
        if outcome == "KEPT":
            raise StaleRevision
        if screening.publish or screening.reject:
            await self.settle.settle_now(site, item, now=now)


def _window_end(site: Site, comment_id: UUID) -> datetime:
    return made_at(comment_id) + timedelta(seconds=site.settings.edit_window_seconds)


def _editor_of(site: Site, comment_id: UUID, author_id: UUID) -> str:
    return f"editor:{site.site_id}:{comment_id}:{author_id}"


def _depth(found: Found) -> int | None:
    """Return where a comment stands, as far as that is known."""
    if found.public is not None:
        return found.public.depth
    screened = found.waiting.screened if found.waiting else None
    return screened.depth if screened else None


def _texts(found: Found) -> set[str | None]:
    return {each.text for each in (found.waiting, found.public, found.kept) if each is not None}


def _taking_away(found: Found, decision_id: UUID) -> DecisionRequest:
    """Say which text of a comment goes: what waits, what is public, or what was judged last."""
    action = Action.WITHDRAW if found.status is Status.PENDING else Action.DELETE
    if action is Action.WITHDRAW:
        source: PendingComment | Comment | Decision | None = found.waiting
    elif found.status is Status.APPROVED:
        source = found.public
    else:
        source = found.decision
    assert source is not None
    return DecisionRequest(
        comment_id=found.comment_id,
        revision=source.revision,
        action=action,
        decision_id=decision_id,
        override=True,
    )
