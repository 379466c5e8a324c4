"""`postbag site`: the news sites."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import click

from service.cli.options import with_settings
from service.cli.show import said, table
from service.cli.stores import OpenStores, open_stores
from service.features.sites import SiteDirectory
from service.model import SiteSettings
from service.settings import Settings
from service.storage.pending import PendingStore
from service.storage.sites import SiteStore


def an_origin(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Accept exact origins only, as a browser sends them."""
    for origin in given:
        parts = urlsplit(origin)
        exact = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"http", "https"} or not parts.netloc or origin != exact:
            raise click.BadParameter(f"{origin} is no origin: write https://host, without a path.")
        if origin != origin.lower() or "@" in parts.netloc or "*" in parts.netloc:
            raise click.BadParameter(f"{origin} is no origin: lower case, no user, no star.")
    return given


@click.group
def site() -> None:
    """Make and list news sites."""


@site.command
@click.argument("slug")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    required=True,
    callback=an_origin,
    metavar="URL",
    help="Origin whose pages carry comments, e.g. https://daily.example; repeatable.",
)
@click.option("--name", default="", help="What people call the site; else the slug.")
@with_settings("data_dir", "database_url", "redis_url")
def create(settings: Settings, *, slug: str, origins: tuple[str, ...], name: str) -> None:
    """Make a new site, which takes comments at once; prints its slug."""
    asyncio.run(_create(settings, slug, origins, name))


@site.command("list")
@with_settings("data_dir", "database_url", "redis_url")
def list_sites(settings: Settings) -> None:
    """List the sites."""
    asyncio.run(_list(settings))


async def _create(settings: Settings, slug: str, origins: tuple[str, ...], name: str) -> None:
    async with open_stores(settings) as stores:
        made = await _directory(stores).create(
            slug, name or slug, SiteSettings(origins=tuple(dict.fromkeys(origins)))
        )
    click.echo(made.slug)
    said(f"Its pages may now post and read. A key: postbag key create --site {slug} --scope manage")


async def _list(settings: Settings) -> None:
    async with open_stores(settings) as stores:
        found = await _directory(stores).all_sites()
    table(
        ("site", "name", "mode", "origins"),
        [
            (each.slug, each.name, each.settings.mode, " ".join(each.settings.origins))
            for each in found
        ],
    )


def _directory(stores: OpenStores) -> SiteDirectory:
    return SiteDirectory(
        sites=SiteStore(pool=stores.pool),
        pending=PendingStore(redis=stores.redis, scripts=stores.scripts),
    )
