"""Votes: one a reader, exact at once in Postgres, seconds old on pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from service.errors import Forbidden
from service.features.access import Guest, SignedIn
from service.features.authors import Authors
from service.features.own import UnknownComment
from service.model import Site, article_id
from service.storage.limits import Charge, Limits
from service.storage.own import OwnStore
from service.storage.votes import Ballot, VoteStore

PER_MINUTE = 30
"""Votes of one reader (protocol.md 3.2)."""
ADDRESS_MAX = 3
"""Guests' votes of one address that count for a comment in a day (api.md)."""
DAY = timedelta(days=1)
OWN_MAX = 500
"""Votes told at once, those for the newest comments."""


class OwnComment(Forbidden):
    """Nobody votes for what they wrote themselves."""

    code = "own_comment"
    title = "You cannot vote for your own comment."


class VotesOff(Forbidden):
    """The site has no votes."""

    code = "votes_off"
    title = "This site has no votes."


class Counted(Struct, frozen=True, kw_only=True):
    """A comment's votes after one of them."""

    up: int
    down: int
    mine: int
    """1, -1 or 0."""


class Votes(Struct, frozen=True, kw_only=True):
    """Count readers' votes."""

    store: VoteStore
    own: OwnStore
    authors: Authors
    limits: Limits
    limits_on: bool = True

    async def cast(
        self,
        site: Site,
        comment_id: UUID,
        voter: Guest | SignedIn,
        *,
        value: int,
        address_hash: str,
        now: datetime,
    ) -> Counted:
        """Count a vote in place of an earlier one; 0 takes it back. Repeating changes nothing.

        Raises:
            UnknownComment: readers see no such comment.
            VotesOff, OwnComment, AuthorBanned.
            RateLimited: too many votes.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        if not site.settings.votes_allowed:
            raise VotesOff
        also = voter.also if isinstance(voter, SignedIn) else ()
        await self.authors.admitted(site, voter.author_id, also=also, now=now)
        if self.limits_on:
            charge = Charge.of("vote", voter.author_id.hex, per_minute=PER_MINUTE, burst=PER_MINUTE)
            await self.limits.charge(site.slug, [charge])
        bounded = isinstance(voter, Guest) and self.limits_on
        cast = await self.store.cast(
            Ballot(
                site_id=site.site_id,
                comment_id=comment_id,
                voter_id=voter.author_id,
                value=value,
                address_hash=address_hash if bounded else None,
                address_max=ADDRESS_MAX,
                since=now - DAY,
                at=now,
            )
        )
        if cast is None:
            raise UnknownComment
        if cast.author_id == voter.author_id:
            raise OwnComment
        return Counted(up=cast.up, down=cast.down, mine=value)

    async def of(self, site: Site, article_key: str, voter_id: UUID) -> dict[UUID, int]:
        """Return a reader's votes under an article, by comment.

        Raises:
            Unavailable: Postgres is away.
        """
        asked = article_id(site.site_id, article_key)
        articles = await self.own.thread_ids(site.site_id, asked)
        return await self.store.of_voter(site.site_id, articles, voter_id, limit=OWN_MAX)
