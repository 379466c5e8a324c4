"""The pages of rules and word lists: what is in effect, how good it is, and how it is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.errors import NotFound
from service.features.dry_run import DAYS, DryRun, DryRuns, Shown
from service.features.dry_run_tally import wilson
from service.features.rule_changes import Figures, RuleChanges, RuleFile, StoredRule, state_of
from service.features.rule_changes_lists import StoredList, WordLists
from service.features.rulebook_text import write_rule
from service.features.screening.language import CODES
from service.features.sites import SiteDirectory
from service.model import Role, Site
from service.web.dashboard.choice import SiteChoice, chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.operation import Call, Operation, Reply

PATH: Final = "/moderate/rules"
LISTS: Final = "/moderate/word-lists"
PARTS: Final = ("asking", "rules")
NO_FIGURES: Final = Figures()
BEGUN: Final = """title: What this rule finds
when:
  all:
    - {links: {min: 2}}
    - {author: {approved_max: 3}}
then: {action: hold, severity: 1, reason: spam}
"""
"""What a new rule begins with."""


class RulesAsked(BaseModel):
    """The address of a page: anything that means nothing is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""
    run: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A rule in the list."""

    rule: StoredRule
    state: str
    live: Figures | None
    shadow: Figures | None

    @property
    def title(self) -> str:
        """Of its latest version."""
        return str(self.rule.latest["title"])

    @property
    def action(self) -> str:
        """Of its latest version."""
        return str(self.rule.latest["then"]["action"])


class Stretch(Struct, frozen=True, kw_only=True):
    """A piece of a text, marked or not."""

    text: str
    is_marked: bool


class Named(Struct, frozen=True, kw_only=True):
    """A comment that a report names, cut at its marks."""

    shown: Shown
    pieces: Sequence[Stretch]


class RulePages(Struct, frozen=True, kw_only=True):
    """The pages of rules."""

    changes: RuleChanges
    lists: WordLists
    runs: DryRuns
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the pages."""
        pages = (
            ("rules_page", PATH, self.all),
            ("new_rule_page", f"{PATH}/new", self.new),
            ("rule_page", f"{PATH}/{{rule}}", self.one),
            ("word_list_page", f"{LISTS}/{{list}}", self.word_list),
        )
        return [
            replace(page_operation(name, path, handler, role=Role.MODERATOR), query=RulesAsked)
            for name, path, handler in pages
        ]

    async def all(self, call: Call) -> Reply:
        """Show every rule and every list."""
        choice, site = await self._site(call)
        figures = await self.changes.lately(site, now=call.now)
        lines = [_line(rule, figures) for rule in await self.changes.rulebook.entries(site)]
        used = await self.lists.used_by(site)
        return page(
            call,
            "rules.html",
            title="nav_rules",
            section="rules",
            parts=PARTS,
            site=site,
            slugs=choice.slugs,
            edits=choice.may(Role.EDITOR),
            lines=lines,
            demoted=[line for line in lines if line.rule.demoted_at is not None],
            lists=await self.lists.all_lists(site),
            used=used,
            share=share,
        )

    async def new(self, call: Call) -> Reply:
        """Show an empty editor."""
        choice, site = await self._site(call)
        return self._rule_page(call, choice, site, file=None, runs=(), run=None, named={})

    async def one(self, call: Call) -> Reply:
        """Show a rule, and what a dry run gave."""
        choice, site = await self._site(call)
        file = await self.changes.file(site, call.path["rule"])
        runs = await self.runs.of_rule(site, file.rule.rule_id)
        run = await self._run(site, call.query_as(RulesAsked).run, runs)
        sees = call.sees_escalated(site)
        named = {} if run is None else await self._named(site, run, sees_escalated=sees)
        figures = await self.changes.lately(site, now=call.now)
        return self._rule_page(
            call, choice, site, file=file, runs=runs, run=run, named=named, figures=figures
        )

    async def word_list(self, call: Call) -> Reply:
        """Show a list's form."""
        choice, site = await self._site(call)
        name = call.path["list"]
        words = await self.lists.find(site, name)
        tried = await self.lists.tried(site, words) if words.waits else {}
        return page(
            call,
            "word-list.html",
            title="word_list",
            section="rules",
            parts=PARTS,
            site=site,
            slugs=(),
            edits=choice.may(Role.EDITOR),
            words=words,
            tried=[*tried.items()],
            days=DAYS,
            share=share,
            used=(await self.lists.used_by(site)).get(name, []),
            langs=CODES,
            told={
                "words_of": {
                    "site": site.slug,
                    "name": words.name,
                    "version": words.version,
                    "going": await self._going(site, words, tried),
                }
            },
        )

    async def _going(self, site: Site, words: StoredList, rules: Iterable[str]) -> str | None:
        """Return the last dry run of a list's version that is under way."""
        runs = [run for rule in rules for run in await self.runs.of_rule(site, rule)]
        going = [
            run
            for run in runs
            if run.state in {"waiting", "running"} and run.lists == {words.name: words.version}
        ]
        return str(max(going, key=lambda run: run.at).dry_run_id) if going else None

    async def _site(self, call: Call) -> tuple[SiteChoice, Site]:
        choice = chosen_site(call.member, call.query_as(RulesAsked).site, Role.MODERATOR)
        return choice, await self.sites.get(choice.slug)

    async def _run(self, site: Site, asked: str, runs: Sequence[DryRun]) -> DryRun | None:
        """Return the dry run that is asked for, or else the latest that is done."""
        if asked:
            try:
                return await self.runs.find(site, UUID(asked))
            except ValueError:
                raise NotFound from None
        return next((run for run in runs if run.state == "done"), None)

    async def _named(
        self, site: Site, run: DryRun, *, sees_escalated: bool
    ) -> dict[str, list[Named]]:
        report = run.report or {}
        return {
            name: [
                Named(shown=one, pieces=pieces_of(one.text or "", one.spans))
                for one in await self.runs.shown(
                    site, report.get(name, ()), sees_escalated=sees_escalated
                )
            ]
            for name in ("alarms", "new_ones", "lost_ones")
        }

    def _rule_page(
        self,
        call: Call,
        choice: SiteChoice,
        site: Site,
        *,
        file: RuleFile | None,
        runs: Sequence[DryRun],
        run: DryRun | None,
        named: Mapping[str, Sequence[Named]],
        figures: Mapping[tuple[str, int], Figures] | None = None,
    ) -> Reply:
        going = next((each for each in runs if each.state in {"waiting", "running"}), None)
        return page(
            call,
            "rule.html",
            title="new_rule" if file is None else "rule",
            section="rules",
            parts=PARTS,
            site=site,
            slugs=(),
            edits=choice.may(Role.EDITOR),
            file=file,
            line=_line(file.rule, figures or {}) if file else None,
            text=write_rule(file.rule.latest) if file else BEGUN,
            versions=[(each, write_rule(each.rule)) for each in file.versions] if file else [],
            runs=runs,
            run=run,
            named=named,
            days=DAYS,
            share=share,
            told={
                "rule": {
                    "site": site.slug,
                    "id": file.rule.rule_id if file else None,
                    "revision": file.rule.revision if file else None,
                    "latest": file.rule.latest_version if file else None,
                    "going": str(going.dry_run_id) if going else None,
                }
            },
        )


def share(part: int, whole: int) -> str:
    """Write a share with its interval of 95 %, in digits that every language reads."""
    interval = wilson(part, whole)
    if interval is None:
        return "\u2013"
    low, high = interval
    return f"{part / whole:.0%} ({low:.0%}\u2013{high:.0%})"


def pieces_of(text: str, spans: Sequence[tuple[int, int]]) -> list[Stretch]:
    """Cut a text at its marks."""
    pieces: list[Stretch] = []
    at = 0
    for start, end in sorted(spans):
        if start < at or end <= start:
            continue
        pieces += [
            Stretch(text=text[at:start], is_marked=False),
            Stretch(text=text[start:end], is_marked=True),
        ]
        at = end
    pieces.append(Stretch(text=text[at:], is_marked=False))
    return [each for each in pieces if each.text]


def _line(rule: StoredRule, figures: Mapping[tuple[str, int], Figures]) -> Line:
    def of(version: int | None) -> Figures | None:
        return None if version is None else figures.get((rule.rule_id, version), NO_FIGURES)

    return Line(
        rule=rule, state=state_of(rule), live=of(rule.live_version), shadow=of(rule.shadow_version)
    )
