"""Try a rule on earlier comments: asked for here, worked off by the leader, one after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Conflict, NotFound, Unavailable
from service.features.administration import Acts
from service.features.dry_run_apart import Job, apart
from service.features.dry_run_history import NO_PAGE, PAGE, Page, bound, page_of
from service.features.dry_run_tally import Tally, report_of
from service.features.errands import Rest
from service.features.patience import Patience
from service.features.rule_changes import UnknownRule
from service.features.rule_changes_checks import checked, compiled_alone
from service.features.rule_changes_lists import UnknownWordList
from service.features.rule_changes_trial import lists_of
from service.features.rulebook import Rulebook, read_rule, rules_of, word_list, written
from service.features.screening import BadRules
from service.features.screening.views import Span
from service.features.sites import SiteDirectory
from service.model import Actor, Site
from service.storage.dry_runs import DryRun, DryRunStore
from service.storage.rules import RuleStore

__all__ = [
    "DAYS",
    "DAYS_MAX",
    "DryRun",
    "DryRunEnded",
    "DryRuns",
    "ListUnused",
    "Shown",
    "TooManyDryRuns",
    "UnknownDryRun",
]

log = structlog.get_logger(__name__)

DAYS = 30
DAYS_MAX = 366
WAITING_MAX = 8
"""Trials of one site that may wait: each takes minutes on a large history."""
KEPT = timedelta(days=90)
"""How long the figures of a trial are kept."""
PROCESSES_MAX = 8
COMMENTS_EACH = 5_000
"""Comments from which on another process is worth its start."""
ATTEMPTS_MAX = 2
"""A trial that was cut short so often will be the next time, and may be what cuts it short."""
PAUSE_SECONDS = 0.5
RUNS_SHOWN = 10

_NONE: Mapping[str, int] = MappingProxyType({})


class UnknownDryRun(NotFound):
    """The site has no such trial."""

    code = "unknown_dry_run"
    title = "There is no such dry run."


class TooManyDryRuns(Conflict):
    """Others wait already."""

    code = "too_many_dry_runs"
    title = "Other dry runs of this site wait already; stop one, or wait."


class ListUnused(Conflict):
    """No live rule names the list: there is nothing to try."""

    code = "list_unused"
    title = "No live rule names this list: it is in effect as it is."


class DryRunEnded(Conflict):
    """It is at its end."""

    code = "dry_run_ended"
    title = "This dry run is at its end."


class Shown(Struct, frozen=True, kw_only=True):
    """A comment that a report names, with its text as far as it is kept."""

    comment_id: UUID
    article_key: str | None
    text: str | None
    spans: tuple[Span, ...]
    lang: str


class DryRuns(Struct, frozen=True, kw_only=True):
    """Ask for trials, and work them off. Methods raise Unavailable while Postgres is away."""

    store: DryRunStore
    rules: RuleStore
    rulebook: Rulebook
    sites: SiteDirectory
    acts: Acts
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]
    page: int = PAGE
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""
    _excused: set[UUID] = field(default_factory=set)
    """Trials that wait because Postgres was away: no fault of theirs."""

    async def begin(
        self,
        site: Site,
        rule_id: str,
        *,
        version: int | None = None,
        wish: Mapping[str, Any] | None = None,
        days: int = DAYS,
        actor: Actor | None,
        now: datetime,
    ) -> DryRun:
        """Ask for a trial of a version (the latest, if none is named), or of a rule as written.

        Raises:
            UnknownRule: there is no such rule or version.
            Invalid: what was written is no rule.
            BadRules: a pattern or a list in it cannot be used.
            TooManyDryRuns: others of the site wait already.
        """
        if wish is not None:
            rule, version = checked(rule_id, wish), None
            lists = await self.rulebook.word_lists(site)
            await asyncio.to_thread(compiled_alone, rule, lists)
            tried: Mapping[str, Any] = written(rule)
        else:
            version, tried = await self._version(site, rule_id, version)
        return await self._ask(site, rule_id, version, tried, days=days, actor=actor, now=now)

    async def begin_list(
        self,
        site: Site,
        name: str,
        *,
        version: int | None = None,
        days: int = DAYS,
        actor: Actor | None,
        now: datetime,
    ) -> list[DryRun]:
        """Ask for a trial of each live rule that names a list, with a version of its words.

        Raises:
            UnknownWordList: the site has no such list or version of its own.
            ListUnused: no live rule names it.
            TooManyDryRuns: others of the site wait already.
        """
        words = await self.rulebook.lists.find(site.site_id, name, version)
        if words is None:
            raise UnknownWordList
        runs = []
        for entry in await self.rulebook.entries(site):
            live, written_so = entry.live_version, entry.live
            if live is None or written_so is None:
                continue
            if name in lists_of(read_rule(entry.rule_id, live, "live", written_so)):
                lists = {name: words.version}
                asked = self._ask(
                    site, entry.rule_id, live, written_so, lists, days=days, actor=actor, now=now
                )
                runs.append(await asked)
        if not runs:
            raise ListUnused
        return runs

    async def _ask(
        self,
        site: Site,
        rule_id: str,
        version: int | None,
        tried: Mapping[str, Any],
        lists: Mapping[str, int] = _NONE,
        *,
        days: int,
        actor: Actor | None,
        now: datetime,
    ) -> DryRun:
        run = DryRun(
            site_id=site.site_id,
            dry_run_id=self.new_id(now),
            rule_id=rule_id,
            version=version,
            tried=tried,
            state="waiting",
            since=now - timedelta(days=days),
            until=now,
            total=0,
            looked_at=0,
            report=None,
            trouble=None,
            actor_kind=_kind_of(actor),
            actor_id=actor.actor_id if actor else "",
            at=now,
            ended_at=None,
            lists=lists,
        )
        details: dict[str, Any] = {"rule": rule_id, "version": version}
        details |= {"dry_run": str(run.dry_run_id)} | ({"lists": dict(lists)} if lists else {})
        act = self.acts.by(actor, "rule.tried", site=site, now=now, details=details)
        begun = await self.store.begin(run, waiting_max=WAITING_MAX, kept_since=now - KEPT, act=act)
        if not begun:
            raise TooManyDryRuns
        return run

    async def find(self, site: Site, dry_run_id: UUID) -> DryRun:
        """Tell how far a trial is, and what it gave.

        Raises:
            UnknownDryRun: there is none.
        """
        run = await self.store.find(site.site_id, dry_run_id)
        if run is None:
            raise UnknownDryRun
        return run

    async def of_rule(self, site: Site, rule_id: str) -> list[DryRun]:
        """Return the latest trials of a rule, latest first."""
        return await self.store.of_rule(site.site_id, rule_id, limit=RUNS_SHOWN)

    async def stop(
        self, site: Site, dry_run_id: UUID, *, actor: Actor | None, now: datetime
    ) -> DryRun:
        """Stop a trial.

        Raises:
            UnknownDryRun: there is none.
            DryRunEnded: it is at its end.
        """
        run = await self.find(site, dry_run_id)
        details = {"rule": run.rule_id, "dry_run": str(dry_run_id)}
        act = self.acts.by(actor, "rule.trial_stopped", site=site, now=now, details=details)
        if not await self.store.stop(site.site_id, dry_run_id, act=act):
            raise DryRunEnded
        return await self.find(site, dry_run_id)

    async def shown(
        self, site: Site, samples: Sequence[Mapping[str, Any]], *, sees_escalated: bool
    ) -> list[Shown]:
        """Return the comments of a list in a report, with their texts as they are now.

        Without `sees_escalated` those that are escalated now are left out.
        """
        ids = [UUID(each["comment_id"]) for each in samples]
        texts = await self.store.texts(site.site_id, ids, see_escalated=sees_escalated)
        shown = []
        for each, comment_id in zip(samples, ids, strict=True):
            if comment_id not in texts:
                continue
            article_key, text = texts[comment_id]
            spans = tuple((start, end) for start, end in each["spans"] if end <= len(text or ""))
            shown.append(
                Shown(
                    comment_id=comment_id,
                    article_key=article_key,
                    text=text,
                    spans=spans,
                    lang=each["lang"],
                )
            )
        return shown

    async def run(self) -> None:
        """Work trials off, without end. Only one process may."""
        patience = Patience("dry_runs_wait")
        while True:
            worked = False
            with patience:
                worked = await self.go_on()
            if not worked:
                await self.rest(PAUSE_SECONDS)

    async def go_on(self) -> bool:
        """Work the oldest trial off, from its beginning; False when there is none.

        One that was cut short `ATTEMPTS_MAX` times is given up.
        """
        run = await self.store.take(excused=self._excused)
        if run is None:
            return False
        self._excused.clear()
        if run.attempts > ATTEMPTS_MAX:
            log.error("dry_run_given_up", rule=run.rule_id, dry_run=str(run.dry_run_id))
            await self._finish(run, "failed", 0, None, "given_up")
            return True
        try:
            site = await self._site(run)
            tally, job = await self._work(site, run)
        except Unavailable:
            self._excused.add(run.dry_run_id)
            raise
        except Exception as failure:  # whatever it trips over: the leader has more to do
            trouble = _trouble(failure)
            log.exception("dry_run_failed", rule=run.rule_id, trouble=trouble)
            await self._finish(run, "failed", 0, None, trouble)
            return True
        if tally is not None:
            rule = next(one for one in job.rules if one.id == run.rule_id)
            hours = (run.until - run.since) / timedelta(hours=1)
            report = {**report_of(tally, rule, hours=hours), "mode": site.settings.mode}
            await self._finish(run, "done", tally.looked_at, report, None)
        return True

    async def _site(self, run: DryRun) -> Site:
        sites = {each.site_id: each for each in await self.sites.all_sites()}
        return sites[run.site_id]  # a trial refers to its site

    async def _finish(
        self,
        run: DryRun,
        state: Any,
        looked_at: int,
        report: Mapping[str, Any] | None,
        trouble: str | None,
    ) -> None:
        await self.store.finish(
            run, state=state, looked_at=looked_at, report=report, trouble=trouble, at=self.clock()
        )

    async def _work(self, site: Site, run: DryRun) -> tuple[Tally | None, Job]:
        """Walk the whole stretch; no tally is returned when somebody has stopped it."""
        job = await self._job(site, run)
        first, end = bound(run.since), bound(run.until)
        total = await self.store.count_history(site.site_id, first, end)
        tally, met = Tally(), set[UUID]()
        async with apart(job, processes=_processes(total)) as go:
            page = await self._page(site, first, end, met)
            while page.comments or page.following is not None:
                work = asyncio.ensure_future(go(page.before, page.comments))
                if page.following is None:
                    page = NO_PAGE
                else:
                    page = await self._page(site, page.following, end, met)
                tally.add(await work)
                if not await self.store.note_progress(run, total=total, looked_at=tally.looked_at):
                    return None, job
        return tally, job

    async def _job(self, site: Site, run: DryRun) -> Job:
        own = await self.rules.all_rules(site.site_id)
        entry = await self.rulebook.entry(site, run.rule_id)
        live = entry.live_version if entry else None
        version = None if run.lists else run.version
        version = version or (entry.latest_version + 1 if entry else 1)
        lists, tried = await self.rulebook.word_lists(site), run.tried
        for at, (name, number) in enumerate(run.lists.items()):
            words = await self.rulebook.lists.find(site.site_id, name, number)
            assert words is not None  # versions are never deleted
            # The live version beside it goes on with the words that are in effect.
            other = next(each for each in _names(at) if each not in lists)
            lists[other] = word_list(replace(words, name=other))
            tried = renamed(tried, name, other)
        rules = [rule for rule in rules_of(own) if rule.id != run.rule_id]
        rules.insert(0, read_rule(run.rule_id, version, "live", tried))
        if live == version:
            live = None
        if live is not None and entry is not None and entry.live is not None:
            rules.append(read_rule(run.rule_id, live, "shadow", entry.live))
        return Job(
            rules=rules,
            lists=lists,
            tried=run.rule_id,
            version=version,
            live=live,
            site=site.slug,
            mode=site.settings.mode,
        )

    async def _page(self, site: Site, first: UUID, end: UUID, met: set[UUID]) -> Page:
        return await page_of(self.store, site.site_id, first, end, met=met, limit=self.page)

    async def _version(
        self, site: Site, rule_id: str, version: int | None
    ) -> tuple[int, Mapping[str, Any]]:
        entry = await self.rulebook.entry(site, rule_id)
        if entry is None:
            raise UnknownRule
        if version is None or version == entry.latest_version:
            return entry.latest_version, entry.latest
        found = await self.rules.version(site.site_id, rule_id, version)
        if found is None:
            raise UnknownRule
        return version, found


def renamed(rule: Any, name: str, other: str) -> Any:
    """Return a rule's JSON that names another list in a list's place."""
    if isinstance(rule, Mapping):
        return {
            key: other if key == "list" and said == name else renamed(said, name, other)
            for key, said in rule.items()
        }
    return [renamed(each, name, other) for each in rule] if isinstance(rule, list) else rule


def _names(at: int) -> Iterator[str]:
    """Return names for a list that is tried; a site may have some of them."""
    return (f"tried-{at}-{number}" for number in count())


def _trouble(failure: Exception) -> str:
    """Say what kept a trial from its end, without anything of a text."""
    if isinstance(failure, BadRules):
        return failure.detail
    return "interrupted" if isinstance(failure, BrokenExecutor) else type(failure).__name__


def _processes(total: int) -> int:
    """Return how many processes are worth their start: half a second each."""
    cores = os.cpu_count() or 1
    return max(1, min(cores, PROCESSES_MAX, total // COMMENTS_EACH))


def _kind_of(actor: Actor | None) -> str:
    if actor is None:
        return "operator"
    return "member" if actor.kind == "member" else "key"
