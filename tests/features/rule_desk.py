"""What editors do to rules, wired over a newsroom's stores, for tests of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from service.features.administration import Acts
from service.features.dry_run import DryRuns
from service.features.rule_changes import Change, RuleChanges
from service.features.rule_changes_lists import WordLists
from service.features.rulebook import Rulebook
from service.features.search.index import SearchIndex
from service.model import Action, Actor
from service.storage.administration import AdministrationStore
from service.storage.dry_runs import DryRun, DryRunStore
from service.storage.rule_figures import RuleFigureStore
from service.storage.rules import RuleStore
from service.storage.search import SearchStore
from service.storage.word_lists import WordListStore
from tests.newsroom import NOON, SAM, Newsroom, new_id

BADWORD: Mapping[str, Any] = {
    "title": "A bad word",
    "when": {"all": [{"text": {"words": ["grunzel"]}}]},
    "then": {"action": "hold", "severity": 1},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDesk:
    """An editor of one site."""

    newsroom: Newsroom
    changes: RuleChanges
    lists: WordLists
    runs: DryRuns
    rulebook: Rulebook

    @classmethod
    def of(cls, newsroom: Newsroom) -> Self:
        """Wire it; called again it is another process over the same stores."""
        pool, acts = newsroom.pool, Acts(new_id=new_id)
        rules, lists, runs = (
            RuleStore(pool=pool),
            WordListStore(pool=pool),
            DryRunStore(pool=pool),
        )
        book = Rulebook(store=rules, lists=lists)
        return cls(
            newsroom=newsroom,
            changes=RuleChanges(
                rulebook=book,
                store=rules,
                lists=lists,
                dry_runs=runs,
                figures=RuleFigureStore(pool=pool),
                acts=acts,
            ),
            lists=WordLists(rulebook=book, store=rules, lists=lists, dry_runs=runs, acts=acts),
            runs=DryRuns(
                store=runs,
                rules=rules,
                rulebook=book,
                sites=newsroom.sites,
                acts=acts,
                new_id=new_id,
                clock=lambda: newsroom.now,
                page=7,
            ),
            rulebook=book,
        )

    def change(self, revision: int | None, comment: str = "Because.", actor: Actor = SAM) -> Change:
        """Change something, a second after the change before."""
        self.newsroom.now += timedelta(seconds=1)
        return Change(revision=revision, comment=comment, actor=actor, now=self.newsroom.now)

    async def save(
        self, rule_id: str = "bad-word", rule: Mapping[str, Any] = BADWORD, **more: Any
    ) -> int:
        """Save the next version of a rule, whatever revision it has."""
        entry = await self.rulebook.entry(self.newsroom.site, rule_id)
        change = self.change(entry.revision if entry else None)
        return await self.changes.save(self.newsroom.site, rule_id, {**rule, **more}, change)

    async def tried(self, rule_id: str = "bad-word", **asked: Any) -> DryRun:
        """Ask for a dry run, and work it off."""
        site = self.newsroom.site
        run = await self.runs.begin(site, rule_id, actor=SAM, now=self.newsroom.now, **asked)
        await self.work_off()
        return await self.runs.find(site, run.dry_run_id)

    async def work_off(self) -> None:
        while await self.runs.go_on():
            pass

    async def go_live(self, rule_id: str = "bad-word", version: int = 1) -> None:
        await self.tried(rule_id, version=version)
        entry = await self.rulebook.entry(self.newsroom.site, rule_id)
        assert entry is not None
        change = self.change(entry.revision)
        await self.changes.live(self.newsroom.site, rule_id, version, change)

    async def past(self, *texts: str, action: Action | None = None, **sent: Any) -> None:
        """Let comments have been sent and decided, and search know of them."""
        for text in texts:
            comment = await self.newsroom.post(text, **sent)
            await self.newsroom.journal_all()
            if action is not None:
                await self.newsroom.decide(action, comment)
        index = SearchIndex(store=SearchStore(pool=self.newsroom.pool))
        await index.catch_up()

    async def acts(self) -> list[str]:
        """Return what the administrative log says of the site, the latest first."""
        log = AdministrationStore(pool=self.newsroom.pool)
        last = new_id(NOON.replace(year=2100))
        return [
            each.act.act
            for each in await log.of_site(self.newsroom.site.site_id, before=last, limit=100)
        ]
