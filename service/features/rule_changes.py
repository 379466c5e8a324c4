"""Change a site's rules: new versions, what is in effect, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from service.errors import Conflict, NotFound
from service.features.administration import Act, Acts
from service.features.rule_changes_checks import checked, comment_of, compiled_alone
from service.features.rule_changes_file import RuleFile, as_shipped, state_of
from service.features.rule_changes_trial import (
    NotTried,
    expected_share,
    floor_of,
    fresh,
    lists_of,
)
from service.features.rulebook import (
    Rulebook,
    read_rule,
    rules_of,
    shipped_rule,
    with_own,
    written,
)
from service.features.screening import Rule, RuleDocument, compile_rules
from service.features.screening.words import WordList
from service.model import Actor, Site
from service.storage.dry_runs import DryRunStore
from service.storage.rule_figures import Figures, RuleFigureStore
from service.storage.rules import (
    Effect,
    RuleState,
    RuleStore,
    RuleVersion,
    ShippedRule,
    State,
    StoredRule,
)
from service.storage.word_lists import WordListStore

__all__ = [
    "Change",
    "Figures",
    "NeverLive",
    "NotTried",
    "RuleChanged",
    "RuleChanges",
    "RuleFile",
    "RuleState",
    "RuleVersion",
    "StoredRule",
    "UnknownRule",
    "state_of",
]

LATELY = timedelta(days=7)
HISTORY_MAX = 100
"""Versions and states of a rule that are shown."""


class UnknownRule(NotFound):
    """The site has no such rule, or not that version of it."""

    code = "unknown_rule"
    title = "There is no such rule, or not that version of it."


class RuleChanged(Conflict):
    """Somebody else changed the rule or the list meanwhile."""

    code = "stale_rule"
    title = "It was changed meanwhile; read it again."


class NeverLive(Conflict):
    """Only a version that was live before is rolled back to."""

    code = "never_live"
    title = "That version was never live."


class Change(Struct, frozen=True, kw_only=True):
    """Who changes a rule, on what ground."""

    revision: int | None
    """What was read; None for a rule that should not be there yet."""
    comment: str
    actor: Actor | None
    """None for whoever may use the command line."""
    now: datetime


class RuleChanges(Struct, frozen=True, kw_only=True):
    """What editors do to rules. Methods raise Unavailable while Postgres is away."""

    rulebook: Rulebook
    store: RuleStore
    lists: WordListStore
    dry_runs: DryRunStore
    figures: RuleFigureStore
    acts: Acts

    async def lately(self, site: Site, *, now: datetime) -> dict[tuple[str, int], Figures]:
        """Return by rule and version what they said in the last seven days."""
        return await self.figures.of_site(site.site_id, since=now - LATELY)

    async def file(self, site: Site, rule_id: str) -> RuleFile:
        """Return a rule with its versions and what became of it.

        Raises:
            UnknownRule: there is none.
        """
        rule = await self._rule(site, rule_id)
        versions = await self.store.versions(site.site_id, rule_id, limit=HISTORY_MAX)
        if not versions:
            return as_shipped(rule)
        states = await self.store.states(site.site_id, rule_id, limit=HISTORY_MAX)
        return RuleFile(rule=rule, versions=versions, states=states)

    async def save(
        self,
        site: Site,
        rule_id: str,
        wish: Mapping[str, Any],
        change: Change,
    ) -> int:
        """Keep a new version, or a new rule, and return the version's number; nothing takes effect.

        Raises:
            Invalid: the rule is not one, or the comment is too long.
            BadRules: a pattern or a list in it cannot be used.
            RuleChanged: there is another revision by now.
        """
        said = comment_of(change.comment, needed=False)
        rule = checked(rule_id, wish)
        await self.compilable(site, rule)
        act = self._act(site, "rule.saved", change)
        version = await self.store.save(
            site.site_id,
            rule_id,
            written(rule),
            revision=change.revision,
            shipped=self._shipped(rule_id, change.now),
            comment=said,
            act=act,
        )
        if version is None:
            raise RuleChanged
        return version

    async def draft(
        self,
        site: Site,
        rule_id: str,
        change: Change,
    ) -> StoredRule:
        """Take a rule out of effect.

        Raises:
            UnknownRule: there is none.
            RuleChanged: there is another revision by now.
        """
        rule = await self._rule(site, rule_id)
        version = rule.live_version or rule.shadow_version or rule.latest_version
        effect = Effect(
            version=version, state="draft", comment=comment_of(change.comment, needed=False)
        )
        return await self._put(site, rule_id, effect, change)

    async def shadow(
        self,
        site: Site,
        rule_id: str,
        version: int,
        change: Change,
    ) -> StoredRule:
        """Try and count a version without effect. A live version stays, unless it is this one.

        Raises:
            UnknownRule: there is no such rule or version.
            RuleChanged: there is another revision by now.
            BadRules: beside all others it cannot be used.
        """
        said = comment_of(change.comment, needed=False)
        await self._usable(site, rule_id, version, "shadow")
        effect = Effect(version=version, state="shadow", comment=said)
        return await self._put(site, rule_id, effect, change)

    async def live(
        self,
        site: Site,
        rule_id: str,
        version: int,
        change: Change,
        *,
        precision_floor: float | None = None,
    ) -> StoredRule:
        """Put a version into effect.

        Raises:
            UnknownRule: there is no such rule or version.
            Invalid: there is no comment.
            NotTried: it was not dry-run within 24 hours, with the words that are in effect.
            RuleChanged: there is another revision by now.
            BadRules: beside all others it cannot be used.
        """
        said = comment_of(change.comment, needed=True)
        rule = await self._usable(site, rule_id, version, "live")
        tried = fresh(
            await self.dry_runs.latest_done(site.site_id, rule_id, version), now=change.now
        )
        names = lists_of(rule)
        for each in await self.lists.current(site.site_id):
            if each.name in names and each.live_at is not None and each.live_at > tried.at:
                raise NotTried  # it was tried with other words
        effect = Effect(
            version=version,
            state="live",
            comment=said,
            expected_share=expected_share(tried),
            precision_floor=floor_of(rule) if precision_floor is None else precision_floor,
        )
        return await self._put(site, rule_id, effect, change)

    async def roll_back(
        self,
        site: Site,
        rule_id: str,
        version: int | None,
        change: Change,
    ) -> StoredRule:
        """Put a version into effect that was before: the last other one, unless it is named.

        Raises:
            UnknownRule: there is no such rule.
            Invalid: there is no comment.
            NeverLive: it was not live, or none was.
            RuleChanged: there is another revision by now.
        """
        said = comment_of(change.comment, needed=True)
        file = await self.file(site, rule_id)
        before = [one.version for one in file.states if one.state == "live"]
        if version is None:
            version = next((one for one in before if one != file.rule.live_version), None)
        if version is None or version not in before:
            raise NeverLive
        await self._usable(site, rule_id, version, "live")
        tried = await self.dry_runs.latest_done(site.site_id, rule_id, version)
        effect = Effect(
            version=version, state="live", comment=said, expected_share=expected_share(tried)
        )
        return await self._put(site, rule_id, effect, change)

    async def compilable(self, site: Site, rule: Rule) -> None:
        """Check a rule with the lists as they are.

        Raises:
            BadRules: a pattern or a list in it cannot be used; pointers are below `/rule`.
        """
        lists = await self.rulebook.word_lists(site)
        await asyncio.to_thread(compiled_alone, rule, lists)

    async def _usable(self, site: Site, rule_id: str, version: int, state: State) -> Rule:
        """Compile what would be in effect: all rules together have their bounds, too."""
        shipped = shipped_rule(rule_id)
        found = await self.store.version(site.site_id, rule_id, version)
        if found is None and shipped is not None and shipped.version == version:
            found = written(shipped)
        if found is None:
            raise UnknownRule
        own = [each for each in await self.store.all_rules(site.site_id) if each.rule_id != rule_id]
        rules = [rule for rule in rules_of(own) if rule.id != rule_id]
        rule = read_rule(rule_id, version, state, found)
        rules.append(rule)
        lists = with_own(await self.lists.current(site.site_id))
        await asyncio.to_thread(_compile, rules, lists)
        return rule

    async def _put(
        self,
        site: Site,
        rule_id: str,
        effect: Effect,
        change: Change,
    ) -> StoredRule:
        done = await self.store.put_into_effect(
            site.site_id,
            rule_id,
            effect,
            revision=change.revision,
            shipped=self._shipped(rule_id, change.now),
            act=self._act(site, f"rule.{_VERBS[effect.state]}", change),
        )
        if not done:
            raise RuleChanged
        await self.rulebook.renew(site)
        return await self._rule(site, rule_id)

    async def _rule(self, site: Site, rule_id: str) -> StoredRule:
        rule = await self.rulebook.entry(site, rule_id)
        if rule is None:
            raise UnknownRule
        return rule

    def _act(self, site: Site, act: str, change: Change) -> Act:
        return self.acts.by(change.actor, act, site=site, now=change.now)

    def _shipped(self, rule_id: str, now: datetime) -> ShippedRule | None:
        rule = shipped_rule(rule_id)
        if rule is None:
            return None
        return ShippedRule(
            rule_id=rule.id,
            version=rule.version,
            rule=written(rule),
            state=rule.state,
            entry_id=self.acts.new_id(now - timedelta(milliseconds=1)),
        )


_VERBS: Mapping[State, str] = {"live": "went_live", "shadow": "shadowed", "draft": "switched_off"}


def _compile(rules: Sequence[Rule], lists: Mapping[str, WordList]) -> None:
    document = RuleDocument.model_construct(version=1, rules=list(rules), lists={})
    compile_rules(document, lists=lists)
