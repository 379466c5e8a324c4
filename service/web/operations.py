"""Is it alive, is it ready, what does it measure?"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Mapping
from typing import Literal, Protocol

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict

from service.breaker import State
from service.telemetry import METRICS_TYPE, Metrics
from service.web.draining import Draining
from service.web.operation import Call, Operation, Reply
from service.web.pulse import Pulse

TAG = "Operations"
RETRY = {"Retry-After": "1"}


class ReadyState(Struct, frozen=True, kw_only=True):
    """What readiness is made of, as last seen."""

    schema_ok: bool
    """The schema is the one this release works with."""
    durable: bool
    """Redis keeps what it acknowledges."""
    dependencies: Mapping[str, bool]
    """Which stores answer, by name. Told, but not asked for: reads go on without either."""
    breakers: Mapping[str, State] = field(default_factory=dict)
    """How the breaker of each dependency stands. Told as well."""


class Readiness(Protocol):
    """Knows the state of what the service depends on; must answer within a second or so."""

    def state(self) -> ReadyState | Awaitable[ReadyState]:
        """Return the state as last seen."""


class Shown(BaseModel):
    """A message of this module."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HealthOut(Shown):
    """Whether the process is alive."""

    status: Literal["ok", "stalled"]
    loop_lag_seconds: float


class ChecksOut(Shown):
    """What must hold for the process to be ready."""

    not_draining: bool
    schema_ok: bool
    durable: bool


class ReadyOut(Shown):
    """Whether the process wants requests."""

    status: Literal["ready", "not_ready"]
    checks: ChecksOut
    dependencies: dict[str, Literal["up", "down"]]
    breakers: dict[str, State]
    """`closed`: asked; `half_open`, `open`: away a moment ago, asked once a second."""


class Health(Struct, frozen=True, kw_only=True):
    """Answers the probes of balancers and supervisors."""

    pulse: Pulse
    draining: Draining
    readiness: Readiness

    def operations(self) -> list[Operation]:
        """Return both probes."""
        return [
            Operation(
                operation_id="healthz",
                method="GET",
                path="/healthz",
                summary="Is the process alive",
                description="503 when its event loop has not turned for 2 seconds. No store"
                " is asked.",
                tag=TAG,
                answers={200: HealthOut, 503: HealthOut},
                any_host=True,
                handler=self.alive,
            ),
            Operation(
                operation_id="readyz",
                method="GET",
                path="/readyz",
                summary="Does the process want requests",
                description="503 while it stops, while the schema is another, and while it could"
                " not be verified that Redis keeps what it acknowledges. Postgres being down does"
                " not make it unready: reads and posts go on.",
                tag=TAG,
                answers={200: ReadyOut, 503: ReadyOut},
                any_host=True,
                handler=self.ready,
            ),
        ]

    async def alive(self, _: Call) -> Reply:
        """Say whether the loop turns."""
        alive = self.pulse.is_alive(at=asyncio.get_running_loop().time())
        return Reply(
            status=200 if alive else 503,
            content=HealthOut(
                status="ok" if alive else "stalled",
                loop_lag_seconds=round(self.pulse.lag_seconds, 3),
            ),
            headers={} if alive else RETRY,
        )

    async def ready(self, _: Call) -> Reply:
        """Say whether requests are welcome, and how the stores are."""
        found = self.readiness.state()
        state = await found if inspect.isawaitable(found) else found
        checks = ChecksOut(
            not_draining=not self.draining.begun,
            schema_ok=state.schema_ok,
            durable=state.durable,
        )
        ready = checks.not_draining and checks.schema_ok and checks.durable
        return Reply(
            status=200 if ready else 503,
            content=ReadyOut(
                status="ready" if ready else "not_ready",
                checks=checks,
                dependencies={
                    name: "up" if up else "down" for name, up in state.dependencies.items()
                },
                breakers=dict(state.breakers),
            ),
            headers={} if ready else RETRY,
        )


def metrics_operation(metrics: Metrics) -> Operation:
    """Return what the small server on the metrics' own port answers."""

    async def show(_: Call) -> Reply:
        return Reply(ready=metrics.render(), media_type=METRICS_TYPE)

    return Operation(
        operation_id="metrics",
        method="GET",
        path="/metrics",
        summary="What this process measures, for Prometheus",
        tag=TAG,
        answers={200: METRICS_TYPE},
        hidden=True,
        handler=show,
    )
