"""Puts the way in together from plain values: one gate for the API, one for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from service.features.access import Access
from service.features.pressure import Pressure
from service.features.sessions import Sessions
from service.features.sites import SiteDirectory
from service.settings import Network
from service.telemetry import Metrics
from service.web.addresses import Addresses, NotesForwarders
from service.web.admission import Admission
from service.web.answers import Answers
from service.web.asking import Doorkeeper
from service.web.bodies import BODY_SECONDS, Bodies
from service.web.docs import with_documentation
from service.web.draining import Draining
from service.web.gate import Gate
from service.web.ledger import Ledger
from service.web.operation import Operation
from service.web.operations import Health, Readiness, metrics_operation
from service.web.paths import Routes
from service.web.pulse import LAG_MAX_SECONDS, Pulse
from service.web.ready import ReadyLine

Later = Callable[[], Iterable[Operation]]
"""Puts operations together when somebody asks for one of them."""

API, DASHBOARD = "v1", "moderate"
"""How paths of newsrooms' programs and of their pages begin."""


def api_gate(
    operations: Iterable[Operation],
    *,
    newsroom: Later = tuple,
    dashboard: Later = tuple,
    access: Access,
    sites: SiteDirectory,
    readiness: Readiness,
    draining: Draining,
    metrics: Metrics,
    now: Callable[[], datetime],
    sessions: Sessions | None = None,
    forwarders: NotesForwarders | None = None,
    trusted_proxies: tuple[Network, ...] = (),
    public_url: str | None = None,
    body_seconds: float = BODY_SECONDS,
    lag_max_seconds: float = LAG_MAX_SECONDS,
    pressure: Pressure | None = None,
) -> Gate:
    """Return the gate to these operations, the probes, `/openapi.json` and `/docs`.

    What comes later, to `newsroom` and `dashboard`, may share no path with these: it is looked
    for where nothing else is found. The dashboard's stands in no documentation.

    Raises:
        ValueError: two operations share a name, or a method and a path.
    """
    pulse = Pulse(metrics=metrics, pressure=pressure or Pressure(), lag_max_seconds=lag_max_seconds)
    health = Health(pulse=pulse, draining=draining, readiness=readiness)
    admission = Admission(pulse=pulse)
    return Gate(
        routes=Routes(
            with_documentation(operations, newsroom, health.operations()),
            later={API: newsroom, DASHBOARD: dashboard},
        ),
        now=now,
        admission=admission,
        bodies=Bodies(admission=admission, seconds=body_seconds),
        answers=Answers(
            draining=draining,
            secure=public_url is not None and public_url.startswith("https://"),
        ),
        ledger=Ledger(metrics=metrics),
        ready=ReadyLine(sites=sites, draining=draining),
        doorkeeper=Doorkeeper(access=access, sites=sites, sessions=sessions),
        addresses=Addresses(trusted_proxies),
        forwarders=forwarders,
        public_url=public_url,
    )


def metrics_gate(metrics: Metrics, *, now: Callable[[], datetime]) -> Gate:
    """Return the gate of the server on the metrics' own port."""
    admission = Admission(pulse=Pulse())
    return Gate(
        routes=Routes([metrics_operation(metrics)]),
        now=now,
        admission=admission,
        bodies=Bodies(admission=admission),
        answers=Answers(),
        ledger=Ledger(metrics=Metrics()),
        ready=ReadyLine(sites=None, draining=Draining()),
    )
