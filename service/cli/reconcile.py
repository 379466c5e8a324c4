"""`postbag reconcile`: everything that repairs, once, and what it put right."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from service.app import Service, open_service
from service.cli.options import with_settings
from service.cli.show import said, table
from service.cli.stores import endpoints, log_for_people
from service.errors import Conflict
from service.features.homecoming import Homecoming
from service.features.repair import Repair
from service.model import Site
from service.secrets import open_secrets
from service.settings import Settings
from service.storage.journal import JournalStore
from service.storage.postgres import migrate
from service.storage.redo import RedoStore

COLUMNS = ("rule", "put right", "what")
"""What is said of each rule."""
WHOLE_SERVICE = (
    ("events", "events told that had not been"),
    ("purge", "what is too old was deleted"),
)
"""What is done once for all sites, after the rules for each."""


@click.command
@click.option("--site", "slug", metavar="SLUG", help="Only this site.")
@click.option(
    "--redis-is-older",
    is_flag=True,
    help="Redis was restored from a copy that is older than Postgres; no service runs.",
)
@with_settings("data_dir", "database_url", "redis_url", "durability", "replicas")
def reconcile(settings: Settings, *, slug: str | None, redis_is_older: bool) -> None:
    """Compare Postgres and Redis, and put right what does not agree.

    A running service does the same by itself, within a minute for most of it. May be run beside
    it, and again.
    """
    asyncio.run(_reconcile(settings, slug, redis_is_older=redis_is_older))


async def _reconcile(settings: Settings, slug: str | None, *, redis_is_older: bool) -> None:
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
            if lock is None and redis_is_older:
                raise Conflict("A service runs on these stores: stop it first.")
            if lock is None:
                said("A running service leads; the rules run beside it.")
            directory = service.core.sites
            sites = [await directory.get(slug)] if slug else await directory.all_sites()
            found = await put_in_step(
                service, sites, redis_is_older=redis_is_older, alone=lock is not None
            )
    table(COLUMNS, found)


async def put_in_step(
    service: Service, sites: Sequence[Site], *, redis_is_older: bool, alone: bool
) -> list[tuple[str, str, str]]:
    """Apply every rule; return for each its name, how much it put right, and of what.

    `alone`: nobody leads meanwhile; whoever does forgets people by itself.
    """
    homecoming = Homecoming(
        journal=JournalStore(pool=service.ground.pool),
        redo=RedoStore(redis=service.ground.redis, pool=service.ground.pool),
        erasures=service.moderators.erasures,
    )
    if redis_is_older:
        await homecoming.begin(sites)
    forgotten = await homecoming.forget_again(sites) if alone else 0
    rows = await _apply(service.upkeep.repair, sites)
    if alone:  # what the rules put back of theirs goes as well
        forgotten += await homecoming.forget_again(sites)
    return [("erasures", str(forgotten), "readers forgotten again"), *rows]


async def _apply(repair: Repair, sites: Sequence[Site]) -> list[tuple[str, str, str]]:
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
