"""`postbag migrate`: the newest schema."""

from __future__ import annotations

import asyncio

import click

from service.cli.options import with_settings
from service.cli.show import said
from service.cli.stores import endpoints, log_for_people
from service.secrets import open_secrets
from service.settings import Settings
from service.storage.postgres import migrate as bring_up_to_date


@click.command
@with_settings("data_dir", "database_url")
def migrate(settings: Settings) -> None:
    """Bring the database's schema up to date.

    Prints the names of the files applied, one a line.
    """
    asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    log_for_people(settings)
    if settings.embedded:
        open_secrets(settings)  # an embedded database is never without its key
    async with endpoints(settings) as where:
        applied = await bring_up_to_date(where.database_url)
    for name in applied:
        click.echo(name)
    said("The schema is up to date.")
