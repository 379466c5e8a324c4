"""`postbag backup`: both embedded stores into a folder, while they run."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.show import said
from service.cli.stores import OpenStores, open_stores
from service.embedded import BackupFailed
from service.embedded.copies import copy_postgres, copy_redis
from service.embedded.layout import sync_folder
from service.embedded.manifest import FORMAT, NAME, Manifest, backups, sum_up, write_private
from service.settings import VERSION, Settings
from service.storage.migrations import newest_applied

STAMP = "%Y%m%dT%H%M%SZ"
"""A folder's name: its time, UTC, in an order that sorts."""
PURPOSE = "backup"
"""The derived key by which a restore knows the secret again."""


@click.command
@click.argument(
    "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path, resolve_path=True)
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Afterwards remove complete backups in DIR but for the newest N.",
)
@with_settings("data_dir")
def backup(settings: Settings, *, folder: Path, keep: int | None) -> None:
    """Copy the embedded stores, the secret key and the list of erasures into DIR/<UTC time>.

    The service may run meanwhile. Prints the new folder, which holds comments and secrets:
    nobody else can read it. Bring it back with `postbag restore`.
    """
    click.echo(asyncio.run(_backup(settings, folder)))
    if keep is not None:
        for old in backups(folder)[:-keep]:
            (old / NAME).unlink()  # first, so that what is half removed is no backup
            shutil.rmtree(old)
            said(f"Removed {old}")


async def _backup(settings: Settings, folder: Path) -> Path:
    _refuse_foreign(settings, folder)
    began = now()
    async with open_stores(settings) as stores:
        place = _place(folder, began)
        with bars() as progress:
            try:
                await _copy(stores, place, began, progress)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
    return place


async def _copy(stores: OpenStores, place: Path, began: datetime, progress: Progress) -> None:
    """Copy Redis first: whatever it lacks then, Postgres has (docs/decisions/0036-backups.md)."""
    urls = stores.urls
    redis_at = now()
    queue = progress.add_task("Redis", total=None)
    await copy_redis(urls.redis_url, place / "redis", lambda more: progress.advance(queue, more))
    _fill(progress, queue)
    base = progress.add_task("Postgres", total=None)
    version = await copy_postgres(
        urls.database_url,
        place / "postgres",
        lambda done, total: progress.update(base, completed=done, total=total),
    )
    _fill(progress, base)
    # Last, so that an erasure that one of the stores has not heard of is in it.
    inside = [
        name for name in ("secret.key", "erasures.log") if _keep(stores.settings, place, name)
    ]
    sums = progress.add_task("Sums", total=None)
    folders, files = await asyncio.to_thread(
        sum_up, place, lambda more: progress.advance(sums, more)
    )
    _fill(progress, sums)
    manifest = Manifest(
        format=FORMAT,
        release=VERSION,
        schema=await newest_applied(stores.pool),
        postgres=version,
        redis=(place / "redis" / "FLAVOR").read_text(encoding="ascii").strip(),
        secret=stores.secrets.key(PURPOSE).hex(),
        secret_key_inside="secret.key" in inside,
        began_at=began.isoformat(),
        redis_at=redis_at.isoformat(),
        ended_at=now().isoformat(),
        folders=folders,
        files=files,
    )
    sync_folder(place)
    manifest.write(place)
    sync_folder(place.parent)


def _fill(progress: Progress, task: TaskID) -> None:
    """Show a bar as done: how much it is was not known before, or only nearly."""
    shown = next(each for each in progress.tasks if each.id == task)
    total = max(shown.total or 0, shown.completed)
    progress.update(task, completed=total, total=total)


@contextmanager
def bars() -> Iterator[Progress]:
    """Draw bars of bytes on a terminal."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, console=Console(stderr=True), disable=not sys.stderr.isatty()
    ) as progress:
        yield progress


def _refuse_foreign(settings: Settings, folder: Path) -> None:
    """Make sure that there is something here to copy, and that the copy will not be in it."""
    refuse_outside(settings)
    state = settings.data_dir
    if not (state / "run.lock").exists():
        raise BackupFailed(f"There is nothing in {state} yet: no service has run there.")
    if settings.secret_key is None and not (state / "secret.key").exists():
        raise BackupFailed(
            f"{state} has no secret.key: give this command the POSTBAG_SECRET_KEY of the service."
        )
    if folder.is_relative_to(state.resolve()):
        raise BackupFailed(f"{folder} lies in the data folder, and would be lost with it.")


def refuse_outside(settings: Settings) -> None:
    """Make sure that both stores are the embedded ones.

    Raises:
        BackupFailed: one is not.
    """
    if not settings.embedded:
        raise BackupFailed(
            "This is for the embedded stores. How to back up and restore your own Postgres and"
            " Redis is in docs/operating.md."
        )


def _place(folder: Path, began: datetime) -> Path:
    place = folder / began.strftime(STAMP)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
    except OSError as error:
        raise BackupFailed(f"{place} cannot be made ({error.strerror}).") from error
    return place


def _keep(settings: Settings, place: Path, name: str) -> bool:
    """Copy a small file of the data folder, if it is there and is used."""
    if name == "secret.key" and settings.secret_key is not None:
        return False  # whoever keeps the secret apart wants it apart
    source = settings.data_dir / name
    if not source.exists():
        return False
    write_private(place / name, source.read_bytes())
    return True
