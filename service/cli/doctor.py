"""`postbag doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import click

from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.show import said
from service.cli.stores import endpoints, log_for_people
from service.embedded import AlreadyRunning, EmbeddedUnavailable, Endpoints
from service.features.checkup import CHECKS, Finding, examine, look, look_at_secret, never_started
from service.secrets import open_secrets
from service.settings import Settings
from service.storage.postgres import migrate
from service.storage.probes import Down


@click.command
@with_settings(
    "data_dir",
    "database_url",
    "redis_url",
    "durability",
    "replicas",
    "assume_durable",
    "trusted_proxies",
    "disk_free_min_mb",
)
@click.pass_context
def doctor(ctx: click.Context, settings: Settings) -> None:
    """Check stores, durability, memory, schema, clocks, disk, secret key and proxies.

    Changes nothing, but makes the embedded stores where there are none yet. Exits with 1 when
    something is wrong.
    """
    findings = asyncio.run(_examine(settings))
    for check in CHECKS:
        seen = [finding for finding in findings if finding.check == check]
        if all(finding.minor for finding in seen):
            click.echo(f"ok     {check}")
        for finding in seen:
            word = "NOTE " if finding.minor else "WRONG"
            click.echo(f"{word}  {check}: {finding.what} {finding.advice}")
    wrong = sum(not finding.minor for finding in findings)
    if wrong:
        said(f"{wrong} to mend.")
        ctx.exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    log_for_people(settings)
    secret = look_at_secret(settings)
    fresh = never_started(settings)
    if fresh:
        open_secrets(settings)
    async with AsyncExitStack() as opened:
        database_url: str | Down
        redis_url: str | Down
        try:
            where: Endpoints = await opened.enter_async_context(endpoints(settings))
            database_url, redis_url = where.database_url, where.redis_url
            if fresh:
                await migrate(database_url)
        except (AlreadyRunning, EmbeddedUnavailable) as error:
            down = Down(reason=str(error).rstrip("."))
            database_url = settings.database_url or down
            redis_url = settings.redis_url or down
        seen = await look(
            settings,
            database_url=database_url,
            redis_url=redis_url,
            secret=secret,
            clock=now,
        )
    return examine(seen)
