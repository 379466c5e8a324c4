"""`postbag reconcile`: everything that repairs, once, and what it put right."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from service.app import open_service
from service.cli.options import with_settings
from service.cli.show import said, table
from service.cli.stores import endpoints, log_for_people
from service.features.repair import Repair
from service.model import Site
from service.secrets import open_secrets
from service.settings import Settings
from service.storage.postgres import migrate

COLUMNS = ("rule", "put right", "what")
"""What is said of each rule."""
WHOLE_SERVICE = (
    ("events", "events told that had not been"),
    ("purge", "what is too old was deleted"),
)
"""What is done once for all sites, after the rules for each."""


@click.command
@click.option("--site", "slug", metavar="SLUG", help="Only this site.")
@with_settings("data_dir", "database_url", "redis_url", "durability", "replicas")
def reconcile(settings: Settings, *, slug: str | None) -> None:
    """Compare Postgres and Redis, and put right what does not agree.

    A running service does the same by itself, within a minute for most of it. May be run beside
    it, and again.
    """
    asyncio.run(_reconcile(settings, slug))


async def _reconcile(settings: Settings, slug: str | None) -> None:
    log_for_people(settings)
    secrets = open_secrets(settings)
    async with endpoints(settings) as where:
        if settings.migrate:
            await migrate(where.database_url)
        async with (
            open_service(
                settings, secrets, database_url=where.database_url, redis_url=where.redis_url
            ) as service,
            service.upkeep.leadership.sought() as lock,
        ):
            if lock is None:
                said("A running service leads; the rules run beside it.")
            directory = service.core.sites
            sites = [await directory.get(slug)] if slug else await directory.all_sites()
            found = await apply_rules(service.upkeep.repair, sites)
    table(COLUMNS, found)


async def apply_rules(repair: Repair, sites: Sequence[Site]) -> list[tuple[str, str, str]]:
    """Apply every rule, and return for each its name, how much it put right, and of what."""
    put_right: Counter[str] = Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=Console(stderr=True), disable=not sys.stderr.isatty()
    ) as progress:
        steps = len(repair.rules) * len(sites) + len(WHOLE_SERVICE)
        task = progress.add_task("Comparing", total=steps)
        async for rule, site, count in repair.apply(sites):
            put_right[rule.name] += count
            progress.update(task, description=f"{rule.name} {site.slug}", advance=1)
        put_right["events"] = await repair.tell()
        progress.update(task, description="purge", advance=1)
        await repair.purge()
        progress.update(task, advance=1)
    (events, told), (purge, purged) = WHOLE_SERVICE
    return [
        *((rule.name, str(put_right[rule.name]), rule.does) for rule in repair.rules),
        (events, str(put_right[events]), told),
        (purge, "", purged),
    ]
