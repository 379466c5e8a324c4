"""`postbag key`: the keys of a news site's back end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import click

from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.show import day, said, table
from service.cli.stores import open_stores
from service.features.access import Keyring
from service.features.administration import Acts
from service.model import ApiKey, Scope
from service.settings import Settings
from service.storage.accounts import AccountStore
from service.wiring.ground import new_id

EXPIRY_MAX_DAYS = 3_650


@click.group
def key() -> None:
    """Make, list and end keys."""


@key.command
@click.option("--site", "slug", required=True, metavar="SLUG", help="The only site it is good for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; repeatable.",
)
@click.option("--name", default="", help="What it is for; shown in lists and in the log.")
@click.option(
    "--expires-days",
    type=click.IntRange(1, EXPIRY_MAX_DAYS),
    help="Days until it ends by itself; without it, when it is revoked.",
)
@with_settings("data_dir", "database_url", "redis_url")
def create(
    settings: Settings, *, slug: str, scopes: Sequence[str], name: str, expires_days: int | None
) -> None:
    """Make a key and print it, and nothing else; it is shown this once."""
    asyncio.run(_create(settings, slug, frozenset(map(Scope, scopes)), name, expires_days))


@key.command("list")
@click.option("--site", "slug", required=True, metavar="SLUG", help="Whose keys.")
@with_settings("data_dir", "database_url", "redis_url")
def list_keys(settings: Settings, *, slug: str) -> None:
    """List a site's keys, ended ones included, without their secrets."""
    asyncio.run(_list(settings, slug))


@key.command
@click.argument("key_id")
@click.option("--site", "slug", required=True, metavar="SLUG", help="Whose key.")
@with_settings("data_dir", "database_url", "redis_url")
def revoke(settings: Settings, *, key_id: str, slug: str) -> None:
    """End a key, by its id from `postbag key list`; it stops working within a second."""
    asyncio.run(_revoke(settings, slug, key_id))


async def _create(
    settings: Settings, slug: str, scopes: frozenset[Scope], name: str, expires_days: int | None
) -> None:
    made_at = now()
    expires_at = made_at + timedelta(days=expires_days) if expires_days else None
    async with open_stores(settings) as stores:
        site = await stores.site(slug)
        act = Acts(new_id=new_id).by(None, "key.created", site=site, now=made_at)
        _, secret = await Keyring(accounts=AccountStore(pool=stores.pool)).create(
            site, name=name, scopes=scopes, expires_at=expires_at, now=made_at, act=act
        )
    click.echo(secret)


async def _list(settings: Settings, slug: str) -> None:
    async with open_stores(settings) as stores:
        site = await stores.site(slug)
        keys = await Keyring(accounts=AccountStore(pool=stores.pool)).of_site(site)
    table(
        ("id", "name", "scopes", "created", "expires", "last used", "state"),
        [
            (
                each.key_id,
                each.name,
                " ".join(sorted(each.scopes)),
                day(each.created_at),
                day(each.expires_at),
                day(each.last_used_at),
                _state(each),
            )
            for each in keys
        ],
    )


async def _revoke(settings: Settings, slug: str, key_id: str) -> None:
    async with open_stores(settings) as stores:
        site = await stores.site(slug)
        act = Acts(new_id=new_id).by(None, "key.revoked", site=site, now=now())
        await Keyring(accounts=AccountStore(pool=stores.pool)).revoke(site, key_id, act.at, act)
    said(f"{key_id} is revoked.")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now() else "good"
