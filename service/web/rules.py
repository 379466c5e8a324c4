"""Rules and word lists: read, written, tried, and put into effect."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from service.errors import FieldError, Invalid
from service.features.dry_run import DryRun, DryRunEnded, DryRuns, TooManyDryRuns, UnknownDryRun
from service.features.rule_changes import (
    Change,
    NeverLive,
    NotTried,
    RuleChanged,
    RuleChanges,
    StoredRule,
    UnknownRule,
)
from service.features.rule_changes_lists import UnknownWordList, WordLists
from service.features.rulebook_trial import Trials
from service.features.screening import BadRules
from service.model import Role, Scope
from service.web.operation import MANAGEMENT_BODY_BYTES, AModerator, Call, Operation, Reply
from service.web.wire.management import whole_list
from service.web.wire.rules import (
    DryRunIn,
    DryRunOut,
    DryRunsOut,
    LiveIn,
    OffIn,
    RollBackIn,
    RuleFileOut,
    RuleIn,
    RuleOut,
    RulesOut,
    SwitchIn,
    TrialOut,
    TryIn,
    WordListIn,
    WordListOut,
    WordListsOut,
    dry_run_json,
    rule_file_json,
    rule_json,
    trial_json,
    word_list_head_json,
    word_list_json,
)

TAG = "Rules"
READ = AModerator(scope=Scope.MANAGE, role=Role.MODERATOR)
EDIT = AModerator(scope=Scope.MANAGE, role=Role.EDITOR)
RULES = "/v1/sites/{site}/rules"
RULE = f"{RULES}/{{rule}}"
DRY_RUN = "/v1/sites/{site}/dry-runs/{dry_run_id}"
LISTS = "/v1/sites/{site}/word-lists"
LIST = f"{LISTS}/{{list}}"
RULE_DEPTH = 16
"""A rule's groups may stand three deep."""
IF_MATCH = (
    "`If-Match` says what was read: the `ETag` of an earlier answer. When it is another by now the"
    " answer is `409 stale_rule`."
)

_TAG = re.compile(r'"(0|[1-9][0-9]{0,8})"\Z')


_READ = partial(Operation, tag=TAG, credential=READ)
_EDIT = partial(Operation, tag=TAG, credential=EDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What editors do to rules."""

    changes: RuleChanges
    lists: WordLists
    runs: DryRuns
    trials: Trials

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [*self._rules(), *self._effects(), *self._dry_runs(), *self._lists()]

    def _rules(self) -> list[Operation]:
        return [
            _READ(
                operation_id="list_rules",
                method="GET",
                path=RULES,
                summary="List the site's rules, with what they said in the last seven days",
                answers={200: RulesOut},
                handler=self.all,
            ),
            _READ(
                operation_id="read_rule",
                method="GET",
                path=RULE,
                summary="Read a rule with its versions and what became of it",
                answers={200: RuleFileOut},
                problems=(UnknownRule,),
                handler=self.read,
            ),
            _EDIT(
                operation_id="save_rule",
                method="PUT",
                path=RULE,
                summary="Keep a rule's next version, or a new rule; nothing takes effect by it",
                description=f"{IF_MATCH} Without it the rule must not be there yet.",
                body=RuleIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                body_depth=RULE_DEPTH,
                answers={200: RuleFileOut, 201: RuleFileOut},
                problems=(RuleChanged, BadRules),
                handler=self.save,
            ),
            _READ(
                operation_id="try_rules",
                method="POST",
                path=f"{RULES}/try",
                summary="Try what is in effect, and a rule as it is written, on a typed text",
                description="Nothing is kept.",
                body=TryIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                body_depth=RULE_DEPTH,
                answers={200: TrialOut},
                problems=(BadRules,),
                handler=self.try_text,
            ),
        ]

    def _effects(self) -> list[Operation]:
        problems = (UnknownRule, RuleChanged)
        return [
            _EDIT(
                operation_id="put_rule_in_shadow",
                method="POST",
                path=f"{RULE}/shadow",
                summary="Try and count a version without effect",
                description=f"Another version that is live stays so. {IF_MATCH}",
                body=SwitchIn,
                answers={200: RuleOut},
                problems=(*problems, BadRules),
                handler=self.shadow,
            ),
            _EDIT(
                operation_id="put_rule_live",
                method="POST",
                path=f"{RULE}/live",
                summary="Put a version into effect",
                description="It needs a dry run of exactly this version, not older than 24 hours,"
                f" and a comment. {IF_MATCH}",
                body=LiveIn,
                answers={200: RuleOut},
                problems=(*problems, NotTried, BadRules),
                handler=self.live,
            ),
            _EDIT(
                operation_id="switch_rule_off",
                method="POST",
                path=f"{RULE}/off",
                summary="Take a rule out of effect, and out of shadow",
                description=IF_MATCH,
                body=OffIn,
                answers={200: RuleOut},
                problems=problems,
                handler=self.off,
            ),
            _EDIT(
                operation_id="roll_rule_back",
                method="POST",
                path=f"{RULE}/roll-back",
                summary="Put a version into effect that was live before",
                description=f"It needs no dry run, but a comment. {IF_MATCH}",
                body=RollBackIn,
                answers={200: RuleOut},
                problems=(*problems, NeverLive, BadRules),
                handler=self.roll_back,
            ),
        ]

    def _dry_runs(self) -> list[Operation]:
        return [
            _EDIT(
                operation_id="dry_run_rule",
                method="POST",
                path=f"{RULE}/dry-runs",
                summary="Try a rule on earlier comments",
                description="It goes on behind, one after the other: ask how far it is.",
                body=DryRunIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                body_depth=RULE_DEPTH,
                answers={202: DryRunOut},
                problems=(UnknownRule, BadRules, TooManyDryRuns),
                handler=self.dry_run,
            ),
            _READ(
                operation_id="list_dry_runs",
                method="GET",
                path=f"{RULE}/dry-runs",
                summary="List the latest dry runs of a rule",
                answers={200: DryRunsOut},
                handler=self.dry_runs,
            ),
            _READ(
                operation_id="read_dry_run",
                method="GET",
                path=DRY_RUN,
                summary="Read how far a dry run is, and what it gave",
                answers={200: DryRunOut},
                problems=(UnknownDryRun,),
                handler=self.read_dry_run,
            ),
            _EDIT(
                operation_id="stop_dry_run",
                method="POST",
                path=f"{DRY_RUN}/stop",
                summary="Stop a dry run",
                answers={200: DryRunOut},
                problems=(UnknownDryRun, DryRunEnded),
                handler=self.stop_dry_run,
            ),
        ]

    def _lists(self) -> list[Operation]:
        return [
            _READ(
                operation_id="list_word_lists",
                method="GET",
                path=LISTS,
                summary="List the word lists that rules may name",
                answers={200: WordListsOut},
                handler=self.all_lists,
            ),
            _READ(
                operation_id="read_word_list",
                method="GET",
                path=LIST,
                summary="Read a word list",
                answers={200: WordListOut},
                problems=(UnknownWordList,),
                handler=self.read_list,
            ),
            _EDIT(
                operation_id="save_word_list",
                method="PUT",
                path=LIST,
                summary="Keep a list's next version, in effect at once wherever a rule names it",
                description=f"{IF_MATCH} Without it the site must have none of its own yet.",
                body=WordListIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: WordListOut},
                problems=(RuleChanged, BadRules),
                handler=self.save_list,
            ),
        ]

    async def all(self, call: Call) -> Reply:
        """Show every rule."""
        figures = await self.changes.lately(call.site, now=call.now)
        rules = await self.changes.rulebook.entries(call.site)
        return Reply(content=whole_list([rule_json(rule, figures) for rule in rules]))

    async def read(self, call: Call) -> Reply:
        """Show one rule."""
        return await self._file(call, 200)

    async def save(self, call: Call) -> Reply:
        """Keep a version."""
        wish = call.body_as(RuleIn)
        change = _change(call, wish.comment)
        rule = wish.written()
        if rule is None:
            detail = "The rule, as `rule` or as `text`."
            raise Invalid(
                detail, errors=(FieldError(pointer="/rule", code="missing", detail=detail),)
            )
        with rule.located():
            await self.changes.save(call.site, call.path["rule"], rule.wish, change)
        return await self._file(call, 201 if change.revision is None else 200)

    async def try_text(self, call: Call) -> Reply:
        """Try a text."""
        wish = call.body_as(TryIn)
        rule = wish.written()
        with rule.located() if rule else nullcontext():
            trial = await self.trials.of(
                call.site,
                wish.comment,
                wish=rule.wish if rule else None,
                author=wish.author.facts(),
                now=call.now,
            )
        return Reply(content=trial_json(trial))

    async def shadow(self, call: Call) -> Reply:
        """Put a version in shadow."""
        wish = call.body_as(SwitchIn)
        change = _change(call, wish.comment)
        return _told(await self.changes.shadow(call.site, call.path["rule"], wish.version, change))

    async def live(self, call: Call) -> Reply:
        """Put a version into effect."""
        wish = call.body_as(LiveIn)
        rule = await self.changes.live(
            call.site,
            call.path["rule"],
            wish.version,
            _change(call, wish.comment),
            precision_floor=wish.precision_floor,
        )
        return _told(rule)

    async def off(self, call: Call) -> Reply:
        """Switch a rule off."""
        change = _change(call, call.body_as(OffIn).comment)
        return _told(await self.changes.draft(call.site, call.path["rule"], change))

    async def roll_back(self, call: Call) -> Reply:
        """Put an earlier version into effect."""
        wish = call.body_as(RollBackIn)
        change = _change(call, wish.comment)
        return _told(
            await self.changes.roll_back(call.site, call.path["rule"], wish.version, change)
        )

    async def dry_run(self, call: Call) -> Reply:
        """Begin a dry run."""
        wish = call.body_as(DryRunIn)
        rule = wish.written()
        with rule.located() if rule else nullcontext():
            run = await self.runs.begin(
                call.site,
                call.path["rule"],
                version=wish.version,
                wish=rule.wish if rule else None,
                days=wish.days,
                actor=call.actor,
                now=call.now,
            )
        return Reply(status=202, content=dry_run_json(run))

    async def dry_runs(self, call: Call) -> Reply:
        """Show the latest dry runs of a rule."""
        runs = await self.runs.of_rule(call.site, call.path["rule"])
        return Reply(content=whole_list([dry_run_json(run) for run in runs]))

    async def read_dry_run(self, call: Call) -> Reply:
        """Show a dry run."""
        return await self._dry_run(call, await self.runs.find(call.site, _id(call)))

    async def stop_dry_run(self, call: Call) -> Reply:
        """Stop one."""
        run = await self.runs.stop(call.site, _id(call), actor=call.actor, now=call.now)
        return await self._dry_run(call, run)

    async def all_lists(self, call: Call) -> Reply:
        """Show every list."""
        used = await self.lists.used_by(call.site)
        lists = await self.lists.all_lists(call.site)
        return Reply(
            content=whole_list([word_list_head_json(one, used.get(one.name, ())) for one in lists])
        )

    async def read_list(self, call: Call) -> Reply:
        """Show a list."""
        found = await self.lists.find(call.site, call.path["list"])
        return Reply(content=word_list_json(found), headers=_tag(found.version))

    async def save_list(self, call: Call) -> Reply:
        """Keep a list's next version."""
        wish = call.body_as(WordListIn)
        kept = await self.lists.save(
            call.site,
            call.path["list"],
            version=_if_match(call) or 0,
            title=wish.title,
            langs=wish.langs,
            words=wish.words,
            comment=wish.comment,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content=word_list_json(kept), headers=_tag(kept.version))

    async def _file(self, call: Call, status: int) -> Reply:
        file = await self.changes.file(call.site, call.path["rule"])
        figures = await self.changes.lately(call.site, now=call.now)
        return Reply(
            status=status, content=rule_file_json(file, figures), headers=_tag(file.rule.revision)
        )

    async def _dry_run(self, call: Call, run: DryRun) -> Reply:
        report = run.report or {}
        shown = [
            await self.runs.shown(call.site, report.get(name, ()))
            for name in ("alarms", "new_ones", "lost_ones")
        ]
        return Reply(content=dry_run_json(run, *shown))


def _change(call: Call, comment: str) -> Change:
    return Change(revision=_if_match(call), comment=comment, actor=call.actor, now=call.now)


def _told(rule: StoredRule) -> Reply:
    return Reply(content=rule_json(rule), headers=_tag(rule.revision))


def _tag(revision: int) -> dict[str, str]:
    return {"ETag": f'"{revision}"'}


def _if_match(call: Call) -> int | None:
    """Return the revision that was read; None where nothing is said.

    Raises:
        Invalid: it is no tag of ours.
    """
    said = call.headers.get("If-Match")
    if said is None:
        return None
    tag = _TAG.match(said.strip())
    if tag is None:
        detail = "If-Match is the ETag of an earlier answer."
        error = FieldError(pointer="/If-Match", code="bad_format", detail=detail)
        raise Invalid(detail, errors=(error,))
    return int(tag[1])


def _id(call: Call) -> UUID:
    return UUID(call.path["dry_run_id"])
