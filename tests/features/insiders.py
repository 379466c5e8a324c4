"""The newsroom's people with everything they sign in with, wired as the service wires it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from argon2 import PasswordHasher
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from service.cursors import Cursors
from service.features.administration import Acts, Administration
from service.features.arrivals import Arrivals, Wish
from service.features.attempts import Attempts
from service.features.authenticators import Authenticators
from service.features.passkeys import Passkeys, RelyingParty
from service.features.passwords import Passwords
from service.features.sessions import Sessions, SignedInMember
from service.features.sign_in import SignIn
from service.features.team import Team
from service.model import Role, Site, SiteSettings
from service.secrets import Secrets
from service.storage.accounts import AccountStore
from service.storage.administration import AdministrationStore
from service.storage.arrivals import ArrivalStore
from service.storage.challenges import ChallengeStore
from service.storage.limits import Limits
from service.storage.proofs import ProofStore
from service.storage.redis import Scripts
from service.storage.sessions import SessionStore
from service.storage.sites import SiteStore

LIGHT = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
"""As the service's, but for what makes it slow."""
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
PASSWORD = "plaid otter under nine clouds"
PARTY = RelyingParty(host="localhost", origins=frozenset({"http://localhost"}))
AGENT = "Firefox, Linux"
NETWORK = "192.0.2.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Insiders:
    """Everything about accounts, over real stores."""

    pool: asyncpg.Pool[asyncpg.Record]
    team: Team
    sessions: Sessions
    sign_in: SignIn
    arrivals: Arrivals
    authenticators: Authenticators
    passkeys: Passkeys
    administration: Administration

    @classmethod
    def over(cls, pool: asyncpg.Pool[asyncpg.Record], redis: Redis) -> Insiders:
        secrets = Secrets.derive("k" * 32)
        acts = Acts(new_id=lambda now: uuid7(nanoseconds=int(now.timestamp() * 1e9)))
        accounts, proofs = AccountStore(pool=pool), ProofStore(pool=pool)
        sessions, passwords = (
            Sessions(store=SessionStore(pool=pool)),
            Passwords(hasher=lambda: LIGHT),
        )
        authenticators = Authenticators(store=proofs, secrets=secrets, acts=acts)
        passkeys = Passkeys(store=proofs, challenges=ChallengeStore(redis=redis), acts=acts)
        return cls(
            pool=pool,
            team=Team(accounts=accounts, acts=acts),
            sessions=sessions,
            sign_in=SignIn(
                store=proofs,
                sessions=sessions,
                passwords=passwords,
                authenticators=authenticators,
                passkeys=passkeys,
                attempts=Attempts(
                    limits=Limits(redis=redis, scripts=Scripts.load(), key=secrets.key("limits"))
                ),
                acts=acts,
            ),
            arrivals=Arrivals(
                store=ArrivalStore(pool=pool),
                accounts=accounts,
                passwords=passwords,
                passkeys=passkeys,
                acts=acts,
            ),
            authenticators=authenticators,
            passkeys=passkeys,
            administration=Administration(
                store=AdministrationStore(pool=pool), cursors=Cursors(secrets.keys("cursors"))
            ),
        )

    async def site(self, slug: str) -> Site:
        made = await SiteStore(pool=self.pool).create(slug, "", SiteSettings())
        assert made is not None
        return made

    async def invited(self, site: Site, email: str, role: Role, **said: Any) -> str:
        """Return the token of somebody's link."""
        token = await self.team.invite(email, role, site, said.pop("now", NOW), **said)
        assert token is not None
        return token

    async def arrive(
        self, token: str, *, password: str = PASSWORD, now: datetime = NOW, **said: Any
    ) -> SignedInMember:
        """Follow a link, with a name and a password."""
        wish = Wish(name="Sam", password=password, **said)
        opened, _ = await self.arrivals.arrive(token, wish, party=PARTY, agent=AGENT, now=now)
        return await self.sessions.find(opened, now=now)

    async def sign(
        self,
        email: str,
        password: str = PASSWORD,
        code: str | None = None,
        *,
        network: str = NETWORK,
        now: datetime = NOW,
    ) -> SignedInMember:
        """Sign in with a password."""
        token, _ = await self.sign_in.by_password(
            email, password, code, network=network, agent=AGENT, now=now
        )
        return await self.sessions.find(token, now=now)

    async def acts_of(self, site: Site) -> list[str]:
        """Return what was done on a site, latest first."""
        page = await self.administration.of_site(site, cursor=None, limit=100)
        return [each.act.act for each in page.entries]

    async def acts_on(self, member_id: UUID) -> list[str]:
        """Return what was done to a member, in order."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT act FROM administrative_acts WHERE member_id = $1 ORDER BY entry_id",
                member_id,
            )
        return [row["act"] for row in rows]


NOBODY = uuid4()
