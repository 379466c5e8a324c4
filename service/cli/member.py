"""`postbag member`: the newsroom's people."""

from __future__ import annotations

import asyncio

import asyncpg
import click

from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.show import day, said, table
from service.cli.stores import open_stores
from service.cli.welcome import invitation_link
from service.features.administration import Acts
from service.features.team import Team
from service.model import Role
from service.settings import Settings
from service.storage.accounts import AccountStore
from service.wiring.ground import new_id


@click.group
def member() -> None:
    """Invite and list moderators."""


@member.command
@click.argument("email")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do.",
)
@click.option("--site", "slug", required=True, metavar="SLUG", help="Where they may do it.")
@with_settings("data_dir", "database_url", "redis_url", "public_url")
def add(settings: Settings, *, email: str, role: str, slug: str) -> None:
    """Invite somebody and print a one-time link for them, and nothing else."""
    asyncio.run(_add(settings, email, Role(role), slug))


@member.command("list")
@click.option("--site", "slug", required=True, metavar="SLUG", help="Whose team.")
@with_settings("data_dir", "database_url", "redis_url")
def list_members(settings: Settings, *, slug: str) -> None:
    """List a site's team."""
    asyncio.run(_list(settings, slug))


def team(pool: asyncpg.Pool[asyncpg.Record]) -> Team:
    """Return the newsroom's people."""
    return Team(accounts=AccountStore(pool=pool), acts=Acts(new_id=new_id))


async def _add(settings: Settings, email: str, role: Role, slug: str) -> None:
    async with open_stores(settings) as stores:
        site = await stores.site(slug)
        token = await team(stores.pool).invite(email, role, site, now(), resets=True)
    assert token is not None
    click.echo(invitation_link(settings, token))
    said("Give them this link; it works once.")


async def _list(settings: Settings, slug: str) -> None:
    async with open_stores(settings) as stores:
        site = await stores.site(slug)
        members = await team(stores.pool).of_site(site)
    table(
        ("e-mail", "name", "role", "since"),
        [(each.email, each.name, each.role, day(each.since)) for each in members],
    )
