"""`postbag audit`: whether the log is still what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click

from service.cli.options import with_settings
from service.cli.show import progress, said, table
from service.cli.stores import OpenStores, open_stores
from service.cursors import Cursors
from service.features.administration import Acts
from service.features.audit import AuditLog, Checked, Head, head_of
from service.features.sites import SiteDirectory
from service.settings import Settings
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore
from service.storage.audit_chain import WHOLE_SERVICE, ChainStore
from service.storage.decisions import DecisionStore
from service.storage.sites import SiteStore
from service.wiring.ground import new_id

SERVICE = "-"
"""Stands for the chain of what was done on no site in particular."""
FAULTS = {
    "changed": "does not say what was sealed",
    "gone": "is gone",
    "gap": "is missing from the chain",
    "unlisted": "is in the log, and not in the chain",
    "other_head": "is not the one that was noted: the chain was made anew, or cut",
}


class HeadChoice(click.ParamType[tuple[str, Head]]):
    """A chain's head as it was printed: SITE:POSITION:HASH."""

    name = "head"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Head]:
        """Read one."""
        slug, _, rest = value.partition(":")
        try:
            return slug, head_of(rest)
        except ValueError:
            self.fail(f"{value} is no head. It is written SITE:POSITION:HASH.", param, ctx)


@click.group
def audit() -> None:
    """Check the log of decisions and administrative acts."""


@audit.command
@click.option("--site", "slug", metavar="SLUG", help="Only this site's chain.")
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=HeadChoice(),
    metavar="SITE:POSITION:HASH",
    help="The chain has to go through this, as it was printed earlier; repeatable.",
)
@with_settings("data_dir", "database_url", "redis_url")
def verify(settings: Settings, *, slug: str | None, heads: tuple[tuple[str, Head], ...]) -> None:
    """Follow the chains of hashes over the log, and print each chain's head.

    Keep what it prints elsewhere: with --head a later call tells whether somebody who may change
    the whole database made a chain anew. Ends with 1 where a chain does not hold.
    """
    if not asyncio.run(_verify(settings, slug, dict(heads))):
        raise click.exceptions.Exit(1)


async def _verify(settings: Settings, slug: str | None, heads: Mapping[str, Head]) -> bool:
    async with open_stores(settings) as stores:
        log = _log(stores)
        chains = await _chains(stores, slug)
        found: dict[str, Checked] = {}
        with progress("Following the chains"):
            for name, site_id in chains.items():
                found[name] = await log.verify_all(site_id, known=heads.get(name))
    table(
        ("site", "entries", "head", "not sealed yet", "state"),
        [
            (
                name,
                str(each.head),
                f"{name}:{each.position}:{each.hash.hex()}" if each.position else "",
                str(each.waiting),
                each.broken.fault if each.broken else "good",
            )
            for name, each in found.items()
        ],
    )
    for name in sorted(set(heads) - set(chains)):
        said(f"{name}: there is no such chain.")
    for name, each in found.items():
        if each.broken is not None:
            said(f"{name}: entry {each.broken.position} {FAULTS[each.broken.fault]}.")
    return set(heads) <= set(chains) and all(each.broken is None for each in found.values())


async def _chains(stores: OpenStores, slug: str | None) -> dict[str, int]:
    if slug is not None:
        return {slug: (await stores.site(slug)).site_id}
    sites = await SiteDirectory(sites=SiteStore(pool=stores.pool), pending=None).all_sites()
    return {SERVICE: WHOLE_SERVICE, **{site.slug: site.site_id for site in sites}}


def _log(stores: OpenStores) -> AuditLog:
    return AuditLog(
        store=AuditStore(pool=stores.pool),
        chains=ChainStore(pool=stores.pool),
        decisions=DecisionStore(pool=stores.pool),
        acts=Acts(new_id=new_id),
        administration=AdministrationStore(pool=stores.pool),
        cursors=Cursors(stores.secrets.keys("cursors")),
    )
