"""Authors' standing with a site: what they have had approved, whether they may write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Forbidden, Unavailable
from service.features.in_time import in_time
from service.features.reader_tokens import author_id_of
from service.features.recall import Recall
from service.model import Site, Standing
from service.storage.readers import ReaderStore


class AuthorBanned(Forbidden):
    """The newsroom has suspended this author; its reason, if it gave one, is the detail."""

    code = "author_banned"
    title = "This author cannot comment here at the moment."


class WarningUnacknowledged(Forbidden):
    """The newsroom has warned this author, and they have not said that they read it."""

    code = "warning_unacknowledged"
    title = "The newsroom has warned you. Please read it before you write again."


class Authors(Struct, frozen=True, kw_only=True):
    """Look up standings; a site that never met an author knows nothing against them."""

    readers: ReaderStore
    known_reaching: Recall[int, tuple[int, ...]] = field(default_factory=Recall)

    async def ids_elsewhere(
        self, site: Site, subject: str, issuers: Iterable[str]
    ) -> tuple[UUID, ...]:
        """Return who a reader is on the sites whose bans reach this one; nobody if none does.

        Only an issuer and a subject say that two are the same person. The ids are reckoned and
        forgotten again. Nobody also while Postgres is away: then nothing is admitted unchecked.
        """
        ask = partial(self.readers.reaching, site.site_id)
        try:
            sites = await self.known_reaching.get(site.site_id, ask)
        except Unavailable:
            return ()
        named = list(issuers)
        return tuple(author_id_of(each, issuer, subject) for each in sites for issuer in named)

    async def admitted(
        self, site: Site, author_id: UUID, *, also: Sequence[UUID] = (), now: datetime
    ) -> Standing | None:
        """Return the standing of an author who may write, vote and report.

        None when Postgres cannot say: what they write is held (protocol.md Ruling 11).
        `also` are other ids of the same person: what is held against one holds for all, and
        of those on other sites a ban that reaches this one.

        Raises:
            AuthorBanned: they may not, until a time or for good.
        """
        try:
            own, *others = await in_time(self.readers.standings(site.site_id, [author_id, *also]))
        except Unavailable:
            return None
        for each in (own, *others):
            if each.banned_until is not None and each.banned_until > now:
                raise AuthorBanned(each.ban_reason or "")
        warnings = (each.warning for each in (own, *others) if each.warning is not None)
        return replace(
            own,
            always_hold=any(each.always_hold for each in (own, *others)),
            warning=next(warnings, None),
        )

    async def standings(self, site: Site, author_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Standings of several authors; empty while Postgres is away, so that looking goes on."""
        try:
            found = await self.readers.standings(site.site_id, list(set(author_ids)))
        except Unavailable:
            return {}
        return {standing.author_id: standing for standing in found}
