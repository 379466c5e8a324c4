"""Sessions of the newsroom's people: opened, found again, listed, ended."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from msgspec import Struct, field

from service.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from service.features.recall import Recall
from service.features.sites import UnknownSite
from service.model import Actor, Role, Site
from service.storage.sessions import Method, Session, SessionStore, SignedInMember

__all__ = [
    "Method",
    "ProofNeeded",
    "SecondFactorNeeded",
    "Session",
    "Sessions",
    "SignedInMember",
    "UnknownSession",
    "actor_of_member",
    "new_session",
    "require_everywhere",
    "require_fresh_proof",
    "role_on",
]

IDLE = timedelta(hours=12)
"""A shift and its breaks: whoever has not asked for so long has gone home."""
LIFETIME = timedelta(days=7)
"""However busy: once a week everybody proves who they are."""
PROOF_LASTS = timedelta(minutes=10)
"""What is dangerous needs a proof no older than this (security.md, ASVS 7.5.3)."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly we know when a session was used."""
STRONG: frozenset[Method] = frozenset({"code", "passkey"})
"""How whoever signs in proves two things: what they know or are, and what they have."""
SESSIONS_MAX = 20
"""Of one member; a new one ends the oldest."""
KEPT_SECONDS = 60.0
"""How old a session may be that is believed while Postgres is away, as with keys."""
TOUCHES_MAX = 100
"""Notes of a session's use under way at once; beyond it a later request notes it."""
TOUCHED_MAX = 10_000
"""Sessions whose use this process remembers; forgetting them costs a note each."""

TOKEN = re.compile(r"pbs_[\w-]{43}\Z", re.ASCII)
"""What a session's cookie holds: 256 random bits."""


class UnknownSession(NotFound):
    """The member has no such session."""

    title = "You are not signed in there."


class ProofNeeded(Forbidden):
    """The session is good, but this needs a proof from the last ten minutes."""

    code = "proof_needed"
    title = "Please prove once more that it is you."


class SecondFactorNeeded(Forbidden):
    """Whoever looks after people and keys signs in with more than a password."""

    code = "second_factor_needed"
    title = "Add a passkey or an authenticator to your account first, and sign in with it."


class Sessions(Struct, frozen=True, kw_only=True):
    """Tell whose session a token is."""

    store: SessionStore
    new_id: Callable[[], UUID] = uuid4
    known: Recall[bytes, SignedInMember | None] = field(
        default_factory=lambda: Recall(kept_seconds=KEPT_SECONDS)
    )
    touches: set[asyncio.Task[None]] = field(default_factory=set)
    touched: dict[UUID, datetime] = field(default_factory=dict)
    """When this process last noted a session's use."""

    async def find(self, token: str, *, now: datetime) -> SignedInMember:
        """Return whose session this is.

        Raises:
            Unauthenticated: it is over, was ended, or never was one.
            Unavailable: Postgres is away, and the session was not used here lately.
        """
        signed_in = await self.look(token, now=now)
        self._touch(signed_in.session, now)
        return signed_in

    async def look(self, token: str, *, now: datetime) -> SignedInMember:
        """Do as `find` without using the session: what goes on by itself keeps nobody signed in.

        Raises:
            Unauthenticated, Unavailable: as `find`.
        """
        if not TOKEN.match(token):
            raise Unauthenticated
        token_hash = hash_of(token)
        signed_in = await self.known.get(token_hash, partial(self.store.find, token_hash))
        if signed_in is None or self._is_over(signed_in.session, now):
            raise Unauthenticated
        return signed_in

    async def open(
        self, member_id: UUID, *, method: Method, agent: str, now: datetime
    ) -> tuple[str, Session]:
        """Sign a member in; return the token, which is told once, and the session.

        Raises:
            Unavailable: Postgres is away.
        """
        token, session = new_session(
            member_id, method=method, agent=agent, now=now, session_id=self.new_id()
        )
        await self.store.open(hash_of(token), session, kept=SESSIONS_MAX, seen_before=now - IDLE)
        return token, session

    async def renew(self, session: Session, *, method: Method, now: datetime) -> str:
        """Give a session another token after its member proved who they are.

        Raises:
            Unavailable: Postgres is away; the former token may work no more.
        """
        token = new_token()
        await self.store.renew(session.session_id, hash_of(token), method=method, now=now)
        return token

    async def of_member(self, member_id: UUID, *, now: datetime) -> list[Session]:
        """Return where a member is signed in, latest use first.

        Raises:
            Unavailable: Postgres is away.
        """
        sessions = await self.store.of_member(member_id)
        return [each for each in sessions if not self._is_over(each, now)]

    async def end(self, member_id: UUID, session_id: UUID) -> None:
        """Sign a member out of one session; everywhere within a second.

        Raises:
            UnknownSession: it is not theirs, or ended before.
            Unavailable: Postgres is away; the session may have ended.
        """
        if not await self.store.end(member_id, session_id):
            raise UnknownSession

    async def end_others(self, member_id: UUID, *, spared: UUID | None) -> int:
        """Sign a member out everywhere but in one session; return of how many."""
        return await self.store.end_others(member_id, spared=spared)

    def forget(self, token: str) -> None:
        """Ask Postgres the next time: this process knows that the session changed."""
        self.known.forget(hash_of(token))

    def _is_over(self, session: Session, now: datetime) -> bool:
        seen = max(session.seen_at, self.touched.get(session.session_id, session.seen_at))
        return session.expires_at <= now or seen + IDLE <= now

    def _touch(self, session: Session, now: datetime) -> None:
        """Note a session's use, once a minute, while the request goes on."""
        last = max(session.seen_at, self.touched.get(session.session_id, session.seen_at))
        if last + SEEN_EVERY > now or len(self.touches) >= TOUCHES_MAX:
            return
        if len(self.touched) >= TOUCHED_MAX:
            self.touched.clear()
        self.touched[session.session_id] = now
        task = asyncio.create_task(self._note_use(session.session_id, now))
        self.touches.add(task)
        task.add_done_callback(self.touches.discard)

    async def _note_use(self, session_id: UUID, now: datetime) -> None:
        try:
            await self.store.touch(session_id, now=now)
        except Unavailable:
            self.touched.pop(session_id, None)


def new_token() -> str:
    """Make a session's token of 256 random bits."""
    return "pbs_" + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """Return the SHA-256 under which a session is kept: with 256 random bits nothing slower."""
    return hashlib.sha256(token.encode()).digest()


def new_session(
    member_id: UUID, *, method: Method, agent: str, now: datetime, session_id: UUID
) -> tuple[str, Session]:
    """Make a session that begins now, and its token."""
    session = Session(
        session_id=session_id,
        member_id=member_id,
        method=method,
        agent=agent,
        created_at=now,
        seen_at=now,
        proved_at=now,
        expires_at=now + LIFETIME,
    )
    return new_token(), session


def role_on(signed_in: SignedInMember, site: Site) -> Role:
    """Return what a member may do on a site; for who has no role there it does not exist.

    Raises:
        UnknownSite: they have none.
    """
    for membership in signed_in.memberships:
        if membership.site_id == site.site_id:
            return membership.role
    raise UnknownSite


def require_fresh_proof(signed_in: SignedInMember, *, strong: bool, now: datetime) -> None:
    """Let a member pass who proved who they are in the last ten minutes.

    `strong`: with more than a password.

    Raises:
        SecondFactorNeeded: they did with a password alone.
        ProofNeeded: they did not.
    """
    if strong and signed_in.session.method not in STRONG:
        raise SecondFactorNeeded
    if signed_in.session.proved_at + PROOF_LASTS <= now:
        raise ProofNeeded


def require_everywhere(signed_in: SignedInMember, sites: tuple[Site, ...], role: Role) -> None:
    """Let a member pass whose role on each of these sites includes another.

    Raises:
        Forbidden: on one it does not.
    """
    if not all(role_on(signed_in, site).includes(role) for site in sites):
        raise Forbidden(f"This needs the role `{role}`.")


def actor_of_member(signed_in: SignedInMember, sites: tuple[Site, ...]) -> Actor:
    """Say who decides on these sites: a member, who sees what was escalated where senior."""
    senior_on = {site.site_id for site in sites if role_on(signed_in, site).includes(Role.SENIOR)}
    return Actor(
        kind="member",
        actor_id=str(signed_in.member_id),
        name=signed_in.name,
        sees_escalated=len(senior_on) == len(sites),
        senior_on=frozenset(senior_on),
    )
