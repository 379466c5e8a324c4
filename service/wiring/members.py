"""Who may do what: members, their sign-in, API keys, readers' token keys, the log of acts."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.access import Access, Keyring
from service.features.administration import Administration
from service.features.arrivals import Arrivals
from service.features.attempts import Attempts
from service.features.authenticators import Authenticators
from service.features.passkeys import Passkeys
from service.features.passwords import Passwords
from service.features.sessions import Sessions
from service.features.sign_in import SignIn
from service.features.team import Team
from service.storage.accounts import AccountStore
from service.storage.administration import AdministrationStore
from service.storage.arrivals import ArrivalStore
from service.storage.challenges import ChallengeStore
from service.storage.proofs import ProofStore
from service.storage.readers import ReaderStore
from service.storage.sessions import SessionStore
from service.wiring.core import Core
from service.wiring.ground import Ground


class Members(Struct, frozen=True, kw_only=True):
    """Keys, members and their sessions."""

    access: Access
    keyring: Keyring
    team: Team
    sessions: Sessions
    sign_in: SignIn
    authenticators: Authenticators
    passkeys: Passkeys
    arrivals: Arrivals
    administration: Administration

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        pool, acts = ground.pool, core.acts
        accounts, proofs = AccountStore(pool=pool), ProofStore(pool=pool)
        sessions, passwords = Sessions(store=SessionStore(pool=pool)), Passwords()
        authenticators = Authenticators(store=proofs, secrets=ground.secrets, acts=acts)
        challenges = ChallengeStore(redis=ground.redis)
        passkeys = Passkeys(store=proofs, challenges=challenges, acts=acts)
        return cls(
            access=Access(
                accounts=accounts,
                readers=ReaderStore(pool=pool),
                token_keys=core.token_keys,
                receipt_keys=ground.secrets.keys("receipts"),
                elsewhere=core.authors.ids_elsewhere,
            ),
            keyring=Keyring(accounts=accounts),
            team=Team(accounts=accounts, acts=acts),
            sessions=sessions,
            sign_in=SignIn(
                store=proofs,
                sessions=sessions,
                passwords=passwords,
                authenticators=authenticators,
                passkeys=passkeys,
                attempts=Attempts(limits=core.limits),
                acts=acts,
                limits_on=ground.settings.rate_limits,
            ),
            authenticators=authenticators,
            passkeys=passkeys,
            arrivals=Arrivals(
                store=ArrivalStore(pool=pool),
                accounts=accounts,
                passwords=passwords,
                passkeys=passkeys,
                acts=acts,
            ),
            administration=Administration(
                store=AdministrationStore(pool=pool), cursors=core.cursors
            ),
        )
