"""Dry runs: rules tried on earlier comments."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from uuid import UUID

from msgspec import Struct

from service.features.dry_run import (
    DryRun,
    DryRunEnded,
    DryRuns,
    TooManyDryRuns,
    UnknownDryRun,
)
from service.features.rule_changes import UnknownRule
from service.features.screening import BadRules
from service.web.operation import MANAGEMENT_BODY_BYTES, Call, Operation, Reply
from service.web.rules import EDITING, READING, RULE, RULE_DEPTH
from service.web.wire.management import whole_list
from service.web.wire.rules import DryRunIn, DryRunOut, DryRunsOut
from service.web.wire.rules_json import dry_run_json

DRY_RUN = "/v1/sites/{site}/dry-runs/{dry_run_id}"


class DryRunning(Struct, frozen=True, kw_only=True):
    """What editors ask about dry runs."""

    runs: DryRuns

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            EDITING(
                operation_id="dry_run_rule",
                method="POST",
                path=f"{RULE}/dry-runs",
                summary="Try a rule on earlier comments",
                description="It goes on behind, one after the other: ask how far it is.",
                body=DryRunIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                body_depth=RULE_DEPTH,
                answers={202: DryRunOut},
                problems=(UnknownRule, BadRules, TooManyDryRuns),
                handler=self.dry_run,
            ),
            READING(
                operation_id="list_dry_runs",
                method="GET",
                path=f"{RULE}/dry-runs",
                summary="List the latest dry runs of a rule",
                answers={200: DryRunsOut},
                handler=self.dry_runs,
            ),
            READING(
                operation_id="read_dry_run",
                method="GET",
                path=DRY_RUN,
                summary="Read how far a dry run is, and what it gave",
                description="Comments that are escalated now are shown to seniors only.",
                answers={200: DryRunOut},
                problems=(UnknownDryRun,),
                handler=self.read_dry_run,
            ),
            EDITING(
                operation_id="stop_dry_run",
                method="POST",
                path=f"{DRY_RUN}/stop",
                summary="Stop a dry run",
                answers={200: DryRunOut},
                problems=(UnknownDryRun, DryRunEnded),
                handler=self.stop_dry_run,
            ),
        ]

    async def dry_run(self, call: Call) -> Reply:
        """Begin a dry run."""
        wish = call.body_as(DryRunIn)
        rule = await asyncio.to_thread(wish.written)
        with rule.located() if rule else nullcontext():
            run = await self.runs.begin(
                call.site,
                call.path["rule"],
                version=wish.version,
                wish=rule.wish if rule else None,
                days=wish.days,
                actor=call.actor,
                now=call.now,
            )
        return Reply(status=202, content=dry_run_json(run))

    async def dry_runs(self, call: Call) -> Reply:
        """Show the latest dry runs of a rule."""
        runs = await self.runs.of_rule(call.site, call.path["rule"])
        return Reply(content=whole_list([dry_run_json(run) for run in runs]))

    async def read_dry_run(self, call: Call) -> Reply:
        """Show a dry run."""
        return await self._dry_run(call, await self.runs.find(call.site, _id(call)))

    async def stop_dry_run(self, call: Call) -> Reply:
        """Stop one."""
        run = await self.runs.stop(call.site, _id(call), actor=call.actor, now=call.now)
        return await self._dry_run(call, run)

    async def _dry_run(self, call: Call, run: DryRun) -> Reply:
        report, sees = run.report or {}, call.sees_escalated(call.site)
        shown = [
            await self.runs.shown(call.site, report.get(name, ()), sees_escalated=sees)
            for name in ("alarms", "new_ones", "lost_ones")
        ]
        return Reply(content=dry_run_json(run, *shown))


def _id(call: Call) -> UUID:
    return UUID(call.path["dry_run_id"])
