"""`postbag restore`: the embedded stores from a backup, made one again before they serve."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from service.app import open_service
from service.cli.backup import PURPOSE, STAMP, bars, refuse_outside
from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.reconcile import COLUMNS, put_in_step
from service.cli.show import progress, said, table
from service.cli.stores import log_for_people
from service.embedded import BackupFailed, EmbeddedStores, Endpoints, refuse_running
from service.embedded.layout import sync_all, sync_folder
from service.embedded.manifest import Manifest, read_manifest, write_private
from service.secrets import Secrets, open_secrets
from service.settings import VERSION, Settings
from service.storage.migrations import migrate, migrations

LEDGER = "erasures.log"
PLACES = {"redis": "redis", "secret.key": "secret.key"}
"""Where the parts of a backup go; PostgreSQL's folder bears its version."""

Rows = list[tuple[str, str, str]]


@click.command
@click.argument(
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
)
@click.option(
    "--force",
    is_flag=True,
    help="Move a data folder that is not empty aside, to <folder>.before-<UTC time>.",
)
@click.option(
    "--erasures",
    "ledgers",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Another erasures.log to obey; repeatable. The one of the data folder always is.",
)
@with_settings("data_dir")
def restore(settings: Settings, *, folder: Path, force: bool, ledgers: tuple[Path, ...]) -> None:
    """Make the data folder anew from the backup in DIR.

    Whoever was forgotten since is forgotten again, and Redis and Postgres are compared, before
    the data folder is there at all. Prints what each rule put right. The service must not run.
    """
    refuse_outside(settings)
    log_for_people(settings)
    manifest = _readable(folder)
    target = settings.data_dir.resolve()  # a link to another disk stays one
    _refuse_taken(target, force=force)
    stamp = now().strftime(STAMP)
    draft = target.with_name(f"{target.name}.restoring-{stamp}")
    try:
        _lay_out(manifest, folder, draft)
        _gather(draft / LEDGER, [folder / LEDGER, target / LEDGER, *ledgers])
        ours = settings.model_copy(update={"data_dir": draft})
        rows = asyncio.run(_make_one(ours, _secrets(ours, manifest)))
        moved = _put_in_place(draft, target, stamp)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    table(COLUMNS, rows)
    if moved:
        said(f"What was there before is in {moved}")
    said(f"{target} is as it was at {manifest.ended_at}. Start the service.")


def _readable(folder: Path) -> Manifest:
    """Return the list of a whole backup that this release can read."""
    manifest = read_manifest(folder)
    if manifest.schema not in {each.name for each in migrations()}:
        raise BackupFailed(
            f"{folder} was made by release {manifest.release}, which is newer than this one"
            f" ({VERSION}): restore it with that."
        )
    manifest.check_sizes(folder)
    return manifest


def _refuse_taken(target: Path, *, force: bool) -> None:
    refuse_running(target)
    if target.is_mount():
        raise BackupFailed(f"{target} is a mount: set POSTBAG_DATA_DIR to a folder inside it.")
    if not force and target.exists() and any(target.iterdir()):
        raise BackupFailed(f"{target} is not empty; with --force it is moved aside.")


def _lay_out(manifest: Manifest, folder: Path, draft: Path) -> None:
    """Copy a backup's files to where the servers look for them, comparing their sums."""
    try:
        # Root's servers are somebody else, who has to get through.
        draft.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
    except OSError as error:
        raise BackupFailed(f"{draft} cannot be made ({error.strerror}).") from error
    places = PLACES | {"postgres": f"pg-{manifest.postgres_major}"}
    with bars() as shown:
        task = shown.add_task("Copying", total=manifest.bytes)
        for name in (*manifest.folders, *manifest.files):
            part, _, rest = name.partition("/")
            if part not in places:
                continue
            to = draft / places[part] / rest
            if name in manifest.files:
                manifest.copy(name, folder, to, lambda more: shown.advance(task, more))
            else:
                to.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_all(draft)


def _gather(ledger: Path, sources: Sequence[Path]) -> None:
    """Write one list of whoever was forgotten, from all that there are."""
    lines: dict[bytes, None] = {}
    for source in sources:
        if source.exists():
            # A last line that was cut short was never promised to anybody.
            lines |= dict.fromkeys(source.read_bytes().split(b"\n")[:-1])
    write_private(ledger, b"".join(line + b"\n" for line in lines if line))


def _secrets(settings: Settings, manifest: Manifest) -> Secrets:
    """Return the secrets the backup was made with: with others it is half unreadable."""
    if settings.secret_key is None and not manifest.secret_key_inside:
        raise BackupFailed(
            "This backup was made without its secret key: give it as POSTBAG_SECRET_KEY."
        )
    secrets = open_secrets(settings)
    if manifest.secret not in {key.hex() for key in secrets.keys(PURPOSE)}:
        raise BackupFailed(
            "POSTBAG_SECRET_KEY is not the one that this backup was made with; the former one"
            " may be given as POSTBAG_SECRET_KEY_OLD."
        )
    return secrets


async def _make_one(settings: Settings, secrets: Secrets) -> Rows:
    """Start the stores, bring them up to date and in step, and stop them."""
    async with EmbeddedStores(settings.data_dir) as stores:
        where = stores.endpoints
        with progress("Bringing the schema up to date"):
            await migrate(where.database_url)
        return await _in_step(settings, secrets, where)


async def _in_step(settings: Settings, secrets: Secrets, where: Endpoints) -> Rows:
    async with (
        open_service(
            settings, secrets, database_url=where.database_url, redis_url=where.redis_url
        ) as service,
        service.upkeep.leadership.sought() as lock,
    ):
        assert lock is not None  # nobody else knows of this folder
        sites = await service.core.sites.all_sites()
        return await put_in_step(service, sites, redis_is_older=True, alone=True)


def _put_in_place(draft: Path, target: Path, stamp: str) -> Path | None:
    """Give the new data folder its name; return where the old one went, if it held anything."""
    refuse_running(target)
    moved = None
    try:
        if target.exists():
            if any(target.iterdir()):
                moved = target.with_name(f"{target.name}.before-{stamp}")
                target.rename(moved)
            else:
                target.rmdir()
        draft.rename(target)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be replaced ({error.strerror}).") from error
    sync_folder(target.parent)
    return moved
