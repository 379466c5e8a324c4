"""`postbag rules`: documents of rules, checked, tried on earlier comments, and applied."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import click
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.show import said, table
from service.cli.stores import OpenStores, open_stores
from service.errors import Unavailable
from service.features.administration import Acts
from service.features.dry_run import DAYS, DAYS_MAX, DryRun, DryRuns
from service.features.rule_changes import Change, RuleChanges
from service.features.rule_changes_lists import WordLists
from service.features.rulebook import Rulebook, written
from service.features.rulebook_document import BadDocument, Document, read_rules
from service.features.rulebook_text import form_of
from service.features.screening import Rule
from service.features.screening.words import WordList, shipped_lists
from service.features.sites import SiteDirectory
from service.model import Site
from service.settings import Settings
from service.storage.dry_runs import DryRunStore
from service.storage.leadership import Leadership
from service.storage.rule_figures import RuleFigureStore
from service.storage.rules import RuleStore
from service.storage.sites import SiteStore
from service.storage.word_lists import StoredList, WordListStore
from service.wiring.ground import new_id

POLL_SECONDS = 0.2
ENDED = frozenset({"done", "stopped", "failed"})

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
SITE = click.option("--site", "slug", required=True, metavar="SLUG", help="Whose rules they are.")
PERIOD = click.option(
    "--days",
    type=click.IntRange(1, DAYS_MAX),
    default=DAYS,
    show_default=True,
    help="How far back comments are looked at.",
)


@click.group
def rules() -> None:
    """Check, try and apply documents of rules (YAML, TOML or JSON)."""


@rules.command
@FILE
def check(file: Path) -> None:
    """Check a document; what is wrong is printed with its line. No store is needed."""
    document = _read(file, shipped_lists())
    count = len(document.rules.rules)
    said(f"{count} rules can be used." if count != 1 else "1 rule can be used.")


@rules.command("dry-run")
@FILE
@SITE
@PERIOD
@click.option("--rule", "only", metavar="ID", help="Only this rule of the document.")
@with_settings("data_dir", "database_url", "redis_url")
def dry_run(settings: Settings, *, file: Path, slug: str, days: int, only: str | None) -> None:
    """Try each rule of a document on earlier comments; nothing is changed."""
    asyncio.run(_dry_run(settings, file, slug, days, only))


@rules.command
@FILE
@SITE
@PERIOD
@click.option("--comment", default="", help="Why; needed where a rule or a list goes live.")
@with_settings("data_dir", "database_url", "redis_url")
def apply(settings: Settings, *, file: Path, slug: str, days: int, comment: str) -> None:
    """Keep a document's rules and lists, and put each rule into the state it names.

    A rule goes live after a dry run, and so does a list that live rules name. What the document
    does not name stays as it is.
    """
    asyncio.run(_apply(settings, file, slug, days, comment))


async def _dry_run(settings: Settings, file: Path, slug: str, days: int, only: str | None) -> None:
    async with open_stores(settings) as stores:
        bench = await Bench.open(stores, slug)
        document = _read(file, await bench.book.word_lists(bench.site))
        chosen = [rule for rule in document.rules.rules if only in {None, rule.id}]
        if not chosen:
            raise click.UsageError(f"{file} has no rule {only!r}." if only else f"{file} has none.")
        runs = [await bench.tried(rule.id, days, wish=written(rule)) for rule in chosen]
    table(COLUMNS, [_row(run) for run in runs])


async def _apply(settings: Settings, file: Path, slug: str, days: int, comment: str) -> None:
    async with open_stores(settings) as stores:
        bench = await Bench.open(stores, slug)
        document = _read(file, await bench.book.word_lists(bench.site))
        for name, words in document.rules.lists.items():
            await bench.keep_list(name, words, days, comment)
        rows = [await bench.apply(rule, days, comment) for rule in document.rules.rules]
    table(("rule", "version", "state", "done"), rows)


class Bench(Struct, frozen=True, kw_only=True):
    """What a command does to one site's rules."""

    site: Site
    book: Rulebook
    changes: RuleChanges
    lists: WordLists
    runs: DryRuns
    leadership: Leadership

    @classmethod
    async def open(cls, stores: OpenStores, slug: str) -> Self:
        """Wire it.

        Raises:
            UnknownSite: there is none of this slug.
        """
        pool, acts = stores.pool, Acts(new_id=new_id)
        store, lists, runs = (
            RuleStore(pool=pool),
            WordListStore(pool=pool),
            DryRunStore(pool=pool),
        )
        book = Rulebook(store=store, lists=lists)
        return cls(
            site=await stores.site(slug),
            book=book,
            changes=RuleChanges(
                rulebook=book,
                store=store,
                lists=lists,
                dry_runs=runs,
                figures=RuleFigureStore(pool=pool),
                acts=acts,
            ),
            lists=WordLists(rulebook=book, store=store, lists=lists, dry_runs=runs, acts=acts),
            runs=DryRuns(
                store=runs,
                rules=store,
                rulebook=book,
                sites=SiteDirectory(sites=SiteStore(pool=pool), pending=None),
                acts=acts,
                new_id=new_id,
                clock=now,
            ),
            leadership=Leadership(pool=pool),
        )

    async def tried(self, rule_id: str, days: int, **asked: Any) -> DryRun:
        """Ask for a dry run and wait for its end; without a service that runs it is done here."""
        run = await self.runs.begin(self.site, rule_id, days=days, actor=None, now=now(), **asked)
        return (await self._ended([run]))[0]

    async def _ended(self, runs: Sequence[DryRun]) -> list[DryRun]:
        async with self.leadership.sought() as leads:
            here = asyncio.create_task(self.runs.run()) if leads is not None else None
            try:
                return [await self._watched(run) for run in runs]
            finally:
                if here is not None:
                    here.cancel()
                    await asyncio.wait([here])

    async def _watched(self, run: DryRun) -> DryRun:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(
            *columns, console=Console(stderr=True), disable=not sys.stderr.isatty()
        ) as progress:
            task = progress.add_task(run.rule_id, total=None)
            while run.state not in ENDED:
                await asyncio.sleep(POLL_SECONDS)
                with suppress(Unavailable):
                    run = await self.runs.find(self.site, run.dry_run_id)
                progress.update(task, total=run.total or None, completed=run.looked_at)
        return run

    async def keep_list(self, name: str, words: list[str], days: int, comment: str) -> None:
        """Keep a list, if it is another than the site has, and put it into effect.

        Where live rules name it, each of them is dry-run with it first.
        """
        own = await self.lists.lists.find(self.site.site_id, name)
        if own is not None and own.words == words and not own.waits:
            return
        kept = own if own is not None and own.words == words else None
        kept = kept or await self._save_list(name, words, own, comment)
        said(f"List {name}: version {kept.version}, {len(kept.words)} entries.")
        if not kept.waits:
            return
        runs = await self.runs.begin_list(self.site, name, days=days, actor=None, now=now())
        for run in await self._ended(runs):
            if run.state != "done":
                raise click.ClickException(f"The dry run of {run.rule_id} with it {run.state}.")
            report = run.report or {}
            said(
                f"  Dry run of {run.rule_id} with it: {run.hits} hits, {report.get('newly', 0)}"
                f" newly, {report.get('no_longer', 0)} no longer."
            )
        await self.lists.live(
            self.site, name, read=kept.version, comment=comment, actor=None, now=now()
        )
        said(f"  In effect, in {', '.join(run.rule_id for run in runs)}.")

    async def _save_list(
        self, name: str, words: list[str], own: StoredList | None, comment: str
    ) -> StoredList:
        return await self.lists.save(
            self.site,
            name,
            version=own.version if own else 0,
            title=own.title if own else "",
            langs=own.langs
            if own
            else sorted(shipped_lists()[name].langs)
            if name in shipped_lists()
            else [],
            words=words,
            comment=comment,
            actor=None,
            now=now(),
        )

    async def apply(self, rule: Rule, days: int, comment: str) -> tuple[str, str, str, str]:
        """Keep a rule and put it into the state it names."""
        entry = await self.book.entry(self.site, rule.id)
        version, done = entry.latest_version if entry else 1, []
        if entry is None or dict(entry.latest) != written(rule):
            change = _change(entry.revision if entry else None, comment)
            version = await self.changes.save(self.site, rule.id, written(rule), change)
            done.append("saved")
        now_live = entry.live_version if entry else None
        now_shadow = entry.shadow_version if entry else None
        change = _change(None, comment)
        match rule.state:
            case "live" if now_live != version:
                run = await self.tried(rule.id, days, version=version)
                if run.state != "done":
                    raise click.ClickException(f"The dry run of {rule.id} {run.state}.")
                await self.changes.live(self.site, rule.id, version, change)
                done.append(f"live after a dry run with {run.hits} hits")
            case "shadow" if now_shadow != version:
                await self.changes.shadow(self.site, rule.id, version, change)
                done.append("in shadow")
            case "draft" if now_live is not None or now_shadow is not None:
                await self.changes.draft(self.site, rule.id, change)
                done.append("switched off")
        return rule.id, str(version), rule.state, ", ".join(done) or "nothing"


COLUMNS = (
    "rule", "looked at", "hits", "rejected", "approved", "precision", "recall", "newly",
    "no longer", "more to read an hour", "not known of the past",
)  # fmt: skip

TROUBLES = {
    "given_up": "given up: the service went down twice while it ran",
    "interrupted": "the process that counted ended early",
}


def _row(run: DryRun) -> tuple[str, ...]:
    report = run.report
    if report is None:
        trouble = TROUBLES.get(run.trouble or "", run.trouble or run.state)
        return (run.rule_id, str(run.looked_at), trouble, *[""] * 8)
    decided = report["hits_decided"]
    return (
        run.rule_id,
        str(run.looked_at),
        str(run.hits),
        str(decided["rejected"]),
        str(decided["approved"]),
        _share(report["precision"]),
        _share(report["recall"]),
        str(report["newly"]),
        str(report["no_longer"]),
        str(report["added_per_hour"]),
        ", ".join(report["blind"]),
    )


def _share(share: Mapping[str, float] | None) -> str:
    if share is None:
        return "-"
    return f"{share['value']:.0%} ({share['low']:.0%}-{share['high']:.0%})"


def _change(revision: int | None, comment: str) -> Change:
    return Change(revision=revision, comment=comment, actor=None, now=now())


def _read(file: Path, lists: Mapping[str, WordList]) -> Document:
    """Read a document, or end with everything that is wrong with it."""
    try:
        return read_rules(file.read_text("utf-8"), form_of(file.name), lists)
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8.") from error
    except BadDocument as bad:
        for trouble in bad.troubles:
            click.echo(f"{file}:{trouble.line}:{trouble.column}: {trouble.detail}")
        raise click.exceptions.Exit(1) from bad
