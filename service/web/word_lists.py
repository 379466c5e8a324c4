"""Word lists: read, and written."""

from __future__ import annotations

from msgspec import Struct

from service.features.dry_run import DryRuns, ListUnused, TooManyDryRuns
from service.features.rule_changes import NeverLive, NotTried, RuleChanged
from service.features.rule_changes_lists import UnknownWordList, WordLists
from service.features.screening import BadRules
from service.web.operation import MANAGEMENT_BODY_BYTES, Call, Operation, Reply
from service.web.rules import EDITING, IF_MATCH, READING, revision_read, tagged
from service.web.wire.management import whole_list
from service.web.wire.rules import (
    DryRunsOut,
    ListBackIn,
    ListLiveIn,
    ListRunIn,
    WordListIn,
    WordListOut,
    WordListsOut,
)
from service.web.wire.rules_json import dry_run_json, word_list_head_json, word_list_json

LISTS = "/v1/sites/{site}/word-lists"
LIST = f"{LISTS}/{{list}}"


class ListKeeping(Struct, frozen=True, kw_only=True):
    """What editors do to word lists."""

    lists: WordLists
    runs: DryRuns

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            READING(
                operation_id="list_word_lists",
                method="GET",
                path=LISTS,
                summary="List the word lists that rules may name",
                answers={200: WordListsOut},
                handler=self.all_lists,
            ),
            READING(
                operation_id="read_word_list",
                method="GET",
                path=LIST,
                summary="Read a word list",
                answers={200: WordListOut},
                problems=(UnknownWordList,),
                handler=self.read_list,
            ),
            EDITING(
                operation_id="save_word_list",
                method="PUT",
                path=LIST,
                summary="Keep a list's next version",
                description="In effect at once where no live rule names the list; where one does it"
                f" waits for a dry run. {IF_MATCH} Without it the site must have none of its own"
                " yet.",
                body=WordListIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: WordListOut},
                problems=(RuleChanged, BadRules),
                handler=self.save_list,
            ),
            EDITING(
                operation_id="dry_run_word_list",
                method="POST",
                path=f"{LIST}/dry-runs",
                summary="Try a version of a list on earlier comments",
                description="A dry run of each live rule that names it, held against the words in"
                " effect.",
                body=ListRunIn,
                answers={202: DryRunsOut},
                problems=(UnknownWordList, ListUnused, TooManyDryRuns),
                handler=self.try_list,
            ),
            EDITING(
                operation_id="put_word_list_live",
                method="POST",
                path=f"{LIST}/live",
                summary="Put a version of a list into effect",
                description="Each live rule that names it needs a dry run with exactly this"
                f" version, not older than 24 hours. {IF_MATCH}",
                body=ListLiveIn,
                answers={200: WordListOut},
                problems=(UnknownWordList, RuleChanged, NotTried, BadRules),
                handler=self.put_live,
            ),
            EDITING(
                operation_id="roll_word_list_back",
                method="POST",
                path=f"{LIST}/roll-back",
                summary="Put the version of a list back into effect that was before",
                description="It needs no dry run, but a comment.",
                body=ListBackIn,
                answers={200: WordListOut},
                problems=(UnknownWordList, RuleChanged, NeverLive),
                handler=self.roll_back,
            ),
        ]

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
        return Reply(content=word_list_json(found), headers=tagged(found.version))

    async def save_list(self, call: Call) -> Reply:
        """Keep a list's next version."""
        wish = call.body_as(WordListIn)
        kept = await self.lists.save(
            call.site,
            call.path["list"],
            version=revision_read(call) or 0,
            title=wish.title,
            langs=wish.langs,
            words=wish.words,
            comment=wish.comment,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content=word_list_json(kept), headers=tagged(kept.version))

    async def try_list(self, call: Call) -> Reply:
        """Begin dry runs."""
        wish = call.body_as(ListRunIn)
        runs = await self.runs.begin_list(
            call.site,
            call.path["list"],
            version=wish.version,
            days=wish.days,
            actor=call.actor,
            now=call.now,
        )
        return Reply(status=202, content=whole_list([dry_run_json(run) for run in runs]))

    async def put_live(self, call: Call) -> Reply:
        """Put a version into effect."""
        wish = call.body_as(ListLiveIn)
        kept = await self.lists.live(
            call.site,
            call.path["list"],
            version=wish.version,
            read=revision_read(call),
            comment=wish.comment,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content=word_list_json(kept), headers=tagged(kept.version))

    async def roll_back(self, call: Call) -> Reply:
        """Put the version before back into effect."""
        comment = call.body_as(ListBackIn).comment
        kept = await self.lists.roll_back(
            call.site, call.path["list"], comment=comment, actor=call.actor, now=call.now
        )
        return Reply(content=word_list_json(kept), headers=tagged(kept.version))
