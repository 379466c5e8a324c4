"""The rules a site's comments are looked at with: found, made ready once, kept for an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from itertools import islice
from typing import Any

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.recall import Recall
from service.features.screening import (
    BadRules,
    Facts,
    Rule,
    RuleDocument,
    RuleSet,
    compile_rules,
    evaluate,
    shipped_rules,
)
from service.features.screening.rules import TERMS_MAX
from service.features.screening.words import WordList, expanded, shipped_lists
from service.model import Site
from service.storage.rules import UNTOUCHED, RuleStore, State, StoredRule
from service.storage.word_lists import StoredList, WordListStore

log = structlog.get_logger(__name__)

SITES_MAX = 256
"""Sites whose own rules are kept ready, each a few megabytes; those with the shipped rules
share one set."""

WAIT_SECONDS = 5.0
"""How long the first who asks waits for rules to be made ready: a fraction of a second, unless
the machine is very busy. What they ask about would be held otherwise."""

RENEW_SECONDS = 3.0
"""How long whoever changes rules waits for them to be ready; after that it goes on behind."""

STALE_AFTER_SECONDS = 1.0
"""How long others wait for a change, before they go on with what was in effect before. Compiling
takes a tenth of that, unless the machine is very busy."""

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When a shipped rule was last changed, for a site that never did."""


class RulesUnusable(Unavailable):
    """What is stored cannot be made ready; comments are held meanwhile."""

    code = "rules_unusable"
    title = "The site's rules cannot be used as they are."


class Page(Struct, frozen=True, kw_only=True):
    """What a site has in effect at one version of its rulebook."""

    version: int
    """0: the rules that ship."""
    rules: RuleSet


class Rulebook(Struct, frozen=True, kw_only=True):
    """Return rules ready to be tried. A change is seen by every process within a second."""

    store: RuleStore
    lists: WordListStore
    known: Recall[int, int] = field(default_factory=Recall[int, int])
    """Which version of its rulebook a site has."""
    ready: dict[int, Page] = field(default_factory=dict)
    """The page each site was last seen at."""
    in_work: dict[int, asyncio.Task[Page]] = field(default_factory=dict)
    """Pages being made ready: once for all who wait."""

    async def of(self, site: Site) -> RuleSet:
        """Return the site's live and shadow rules, from memory while Postgres is away.

        Raises:
            Unavailable: Postgres is away, and this process has never read the site's rules.
        """
        version = await self.known.get(site.site_id, partial(self.store.version_of, site.site_id))
        page = self.ready.get(site.site_id)
        if page is not None and page.version == version:
            return page.rules
        work = self.in_work.get(site.site_id) or self._begin(site.site_id, version)
        try:
            async with asyncio.timeout(WAIT_SECONDS if page is None else STALE_AFTER_SECONDS):
                return (await asyncio.shield(work)).rules
        except TimeoutError as error:
            if page is None:
                raise RulesUnusable from error
        except Unavailable:
            if page is None:
                raise
        return page.rules

    async def warm(self) -> None:
        """Make ready what ships, before somebody waits for it: the first text takes longest."""
        await asyncio.to_thread(_warmed)

    async def entries(self, site: Site) -> list[StoredRule]:
        """Return every rule of a site, its own and those that ship, in the order they ship.

        Raises:
            Unavailable: Postgres is away.
        """
        own = {rule.rule_id: rule for rule in await self.store.all_rules(site.site_id)}
        shipped = [
            own.pop(each.id) if each.id in own else as_stored(each)
            for each in shipped_rules().rules
        ]
        return [*shipped, *own.values()]

    async def entry(self, site: Site, rule_id: str) -> StoredRule | None:
        """Return one rule of a site, or None.

        Raises:
            Unavailable: Postgres is away.
        """
        own = await self.store.find(site.site_id, rule_id)
        if own is not None:
            return own
        shipped = shipped_rule(rule_id)
        return as_stored(shipped) if shipped else None

    async def word_lists(self, site: Site) -> dict[str, WordList]:
        """Return every list of words a site's rules may name, its own before those that ship.

        Raises:
            Unavailable: Postgres is away.
        """
        return with_own(await self.lists.current(site.site_id))

    async def renew(self, site: Site) -> None:
        """Make ready what this process has just changed, so that the next comment meets it."""
        self.known.forget(site.site_id)
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(RENEW_SECONDS):
                version = await self.store.version_of(site.site_id)
                while (page := self.ready.get(site.site_id)) is None or page.version < version:
                    work = self.in_work.get(site.site_id) or self._begin(site.site_id, version)
                    await asyncio.shield(work)
                    await asyncio.sleep(0)

    def _begin(self, site_id: int, version: int) -> asyncio.Task[Page]:
        work = asyncio.create_task(self._make(site_id, version))
        self.in_work[site_id] = work
        work.add_done_callback(partial(self._end, site_id))
        return work

    def _end(self, site_id: int, work: asyncio.Task[Page]) -> None:
        del self.in_work[site_id]
        if not work.cancelled() and work.exception() is None:
            self._keep(site_id, work.result())

    async def _make(self, site_id: int, version: int) -> Page:
        """Read and compile what a site has at a version, or at a later one."""
        if version == 0:
            return await asyncio.to_thread(_first_page)
        own, lists = await self.store.all_rules(site_id), await self.lists.current(site_id)
        try:
            rules = await asyncio.to_thread(make_ready, rules_of(own), with_own(lists))
        except RulesUnusable:
            raise
        except Exception as error:  # whatever it trips over, comments are held and not refused
            log.exception("rules_unusable", site_id=site_id)
            raise RulesUnusable from error
        return Page(version=version, rules=rules)

    def _keep(self, site_id: int, page: Page) -> None:
        self.ready.pop(site_id, None)
        self.ready[site_id] = page
        while len(self.ready) > SITES_MAX:
            del self.ready[next(iter(self.ready))]


def rules_of(own: Sequence[StoredRule]) -> list[Rule]:
    """Return what is in effect: a site's own rules, and those that ship beside them.

    A rule may stand there twice: live, and in a later version in shadow.
    """
    taken = {rule.rule_id for rule in own}
    rules = [
        rule for rule in shipped_rules().rules if rule.state != "draft" and rule.id not in taken
    ]
    for each in own:
        if each.live_version is not None and each.live is not None:
            rules.append(read_rule(each.rule_id, each.live_version, "live", each.live))
        if each.shadow_version is not None and each.shadow is not None:
            rules.append(read_rule(each.rule_id, each.shadow_version, "shadow", each.shadow))
    return rules


def make_ready(rules: Sequence[Rule], lists: Mapping[str, WordList]) -> RuleSet:
    """Compile rules that were checked when they were kept; one that fails now is left out.

    Takes 10 to 100 ms: not for the event loop.

    Raises:
        RulesUnusable: without those that fail it fails as well.
    """
    try:
        return compile_rules(_document(rules), lists=lists)
    except BadRules as error:
        bad = {_number(each.pointer) for each in error.errors}
    usable = [rule for at, rule in enumerate(rules) if at not in bad]
    log.error("rules_left_out", rules=sorted(rules[at].id for at in bad if at is not None))
    try:
        return compile_rules(_document(usable), lists=lists)
    except BadRules as error:
        raise RulesUnusable from error


def with_own(own: Iterable[StoredList]) -> dict[str, WordList]:
    """Return the shipped lists with a site's own in the places of those with their names."""
    return {**shipped_lists(), **{each.name: word_list(each) for each in own}}


def word_list(stored: StoredList) -> WordList:
    """Expand a list as it was written."""
    return WordList(
        name=stored.name,
        title=stored.title,
        words=tuple(islice(_spellings(stored.words), TERMS_MAX)),
        langs=frozenset(stored.langs),  # type: ignore[arg-type]  # checked when it was kept
    )


def _spellings(entries: Iterable[str]) -> Iterator[str]:
    """Spell entries out; one that was kept before there was a bound is left out."""
    for entry in entries:
        with suppress(ValueError):
            yield from expanded(entry)


def read_rule(rule_id: str, version: int, state: State, written: Mapping[str, Any]) -> Rule:
    """Read a rule from its JSON, which is without id, version and state."""
    return Rule.model_validate({**written, "id": rule_id, "version": version, "state": state})


def written(rule: Rule) -> dict[str, Any]:
    """Write a rule as JSON: what was said of it, without id, version and state."""
    return rule.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude={"id", "version", "state"}
    )


def as_stored(rule: Rule) -> StoredRule:
    """Return a shipped rule as a site has it that never touched it."""
    text = written(rule)
    return StoredRule(
        rule_id=rule.id,
        revision=UNTOUCHED,
        latest_version=rule.version,
        live_version=rule.version if rule.state == "live" else None,
        shadow_version=rule.version if rule.state == "shadow" else None,
        went_live_at=BEGINNING if rule.state == "live" else None,
        expected_share=None,
        precision_floor=None,
        demoted_at=None,
        demoted_for=None,
        changed_at=BEGINNING,
        latest=text,
        live=text if rule.state == "live" else None,
        shadow=text if rule.state == "shadow" else None,
    )


def shipped_rule(rule_id: str) -> Rule | None:
    """Return a rule that comes with Postbag, or None."""
    return next((rule for rule in shipped_rules().rules if rule.id == rule_id), None)


@cache
def _first_page() -> Page:
    return Page(version=0, rules=compile_rules(shipped_rules()))


def _warmed() -> None:
    evaluate(Facts(text="Good morning.", now=BEGINNING), _first_page().rules)


def _document(rules: Sequence[Rule]) -> RuleDocument:
    """Hold rules that are checked already, a live version and one in shadow side by side."""
    return RuleDocument.model_construct(version=1, rules=list(rules), lists={})


def _number(pointer: str) -> int | None:
    """Return which rule a pointer as `/rules/3/when` is about."""
    parts = pointer.split("/")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else None  # noqa: PLR2004 - "", "rules", number
