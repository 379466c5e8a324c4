"""What editors do: rules, their trials, and word lists."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.dry_run import DryRuns
from service.features.rule_changes import RuleChanges
from service.features.rule_changes_lists import WordLists
from service.features.rulebook_trial import Trials
from service.features.rulebook_watch import RuleWatch
from service.storage.dry_runs import DryRunStore
from service.storage.rule_figures import RuleFigureStore
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock, new_id


class Editors(Struct, frozen=True, kw_only=True):
    """Rules as people change them."""

    changes: RuleChanges
    lists: WordLists
    runs: DryRuns
    trials: Trials
    watch: RuleWatch

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        runs, figures = DryRunStore(pool=ground.pool), RuleFigureStore(pool=ground.pool)
        book = core.rulebook
        return cls(
            changes=RuleChanges(
                rulebook=book,
                store=book.store,
                lists=book.lists,
                dry_runs=runs,
                figures=figures,
                acts=core.acts,
            ),
            lists=WordLists(
                rulebook=book, store=book.store, lists=book.lists, dry_runs=runs, acts=core.acts
            ),
            runs=DryRuns(
                store=runs,
                rules=book.store,
                rulebook=book,
                sites=core.sites,
                acts=core.acts,
                new_id=new_id,
                clock=clock,
                rest=core.errands.rest_until("dry_runs"),
            ),
            trials=Trials(rulebook=book),
            watch=RuleWatch(
                rules=book.store,
                figures=figures,
                rulebook=book,
                sites=core.sites,
                new_id=new_id,
                clock=clock,
            ),
        )

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.runs.run, self.watch.run]
