"""What the service asks of machines that sites name: guarded against being led elsewhere, signed.

`GuardedClient` posts, `check_url` judges an address when it is saved, `sign` makes the headers of
Standard Webhooks, `Hosts` keeps a breaker for each machine.
"""

from __future__ import annotations

from service.outgoing.addresses import BadUrl, check_url
from service.outgoing.client import Answer, Failure, GuardedClient, Unreached
from service.outgoing.hosts import Hosts
from service.outgoing.signing import BadSecret, new_secret, read_secret, sign

__all__ = [
    "Answer",
    "BadSecret",
    "BadUrl",
    "Failure",
    "GuardedClient",
    "Hosts",
    "Unreached",
    "check_url",
    "new_secret",
    "read_secret",
    "sign",
]
