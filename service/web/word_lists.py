"""Word lists: read, and written."""

from __future__ import annotations

from dataclasses import dataclass

from service.features.rule_changes import RuleChanged
from service.features.rule_changes_lists import UnknownWordList, WordLists
from service.features.screening import BadRules
from service.web.operation import MANAGEMENT_BODY_BYTES, Call, Operation, Reply
from service.web.rules import EDITING, IF_MATCH, READING, revision_read, tagged
from service.web.wire.management import whole_list
from service.web.wire.rules import WordListIn, WordListOut, WordListsOut
from service.web.wire.rules_json import word_list_head_json, word_list_json

LISTS = "/v1/sites/{site}/word-lists"
LIST = f"{LISTS}/{{list}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKeeping:
    """What editors do to word lists."""

    lists: WordLists

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
                summary="Keep a list's next version, in effect at once wherever a rule names it",
                description=f"{IF_MATCH} Without it the site must have none of its own yet.",
                body=WordListIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: WordListOut},
                problems=(RuleChanged, BadRules),
                handler=self.save_list,
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
