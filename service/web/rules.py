"""Rules and word lists: read, written, tried, and put into effect."""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from functools import partial

from msgspec import Struct

from service.errors import FieldError, Invalid
from service.features.rule_changes import (
    Change,
    NeverLive,
    NotTried,
    RuleChanged,
    RuleChanges,
    StoredRule,
    UnknownRule,
)
from service.features.rulebook_trial import Trials
from service.features.screening import BadRules
from service.model import Role, Scope
from service.web.operation import MANAGEMENT_BODY_BYTES, AModerator, Call, Operation, Reply
from service.web.wire.management import whole_list
from service.web.wire.rules import (
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
)
from service.web.wire.rules_json import rule_file_json, rule_json, trial_json

TAG = "Rules"
READ = AModerator(scope=Scope.MANAGE, role=Role.MODERATOR)
EDIT = AModerator(scope=Scope.MANAGE, role=Role.EDITOR)
RULES = "/v1/sites/{site}/rules"
RULE = f"{RULES}/{{rule}}"
RULE_DEPTH = 16
"""A rule's groups may stand three deep."""
IF_MATCH = (
    "`If-Match` says what was read: the `ETag` of an earlier answer. When it is another by now the"
    " answer is `409 stale_rule`."
)

_TAG = re.compile(r'"(0|[1-9][0-9]{0,8})"\Z')


READING = partial(Operation, tag=TAG, credential=READ)
EDITING = partial(Operation, tag=TAG, credential=EDIT)


class Rules(Struct, frozen=True, kw_only=True):
    """What editors do to rules."""

    changes: RuleChanges
    trials: Trials

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [*self._rules(), *self._effects()]

    def _rules(self) -> list[Operation]:
        return [
            READING(
                operation_id="list_rules",
                method="GET",
                path=RULES,
                summary="List the site's rules, with what they said in the last seven days",
                answers={200: RulesOut},
                handler=self.all,
            ),
            READING(
                operation_id="read_rule",
                method="GET",
                path=RULE,
                summary="Read a rule with its versions and what became of it",
                answers={200: RuleFileOut},
                problems=(UnknownRule,),
                handler=self.read,
            ),
            EDITING(
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
            READING(
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
            EDITING(
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
            EDITING(
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
            EDITING(
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
            EDITING(
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
        rule = await asyncio.to_thread(wish.written)
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
        rule = await asyncio.to_thread(wish.written)
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

    async def _file(self, call: Call, status: int) -> Reply:
        file = await self.changes.file(call.site, call.path["rule"])
        figures = await self.changes.lately(call.site, now=call.now)
        return Reply(
            status=status, content=rule_file_json(file, figures), headers=tagged(file.rule.revision)
        )


def _change(call: Call, comment: str) -> Change:
    return Change(revision=revision_read(call), comment=comment, actor=call.actor, now=call.now)


def _told(rule: StoredRule) -> Reply:
    return Reply(content=rule_json(rule), headers=tagged(rule.revision))


def tagged(revision: int) -> dict[str, str]:
    """Return the header by which a client says later what it read."""
    return {"ETag": f'"{revision}"'}


def revision_read(call: Call) -> int | None:
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
