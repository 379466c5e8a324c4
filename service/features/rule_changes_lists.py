"""Change a site's word lists.

A new version of a list that live rules name goes the way of a rule: a dry run of each of them with
the new words, then live. A list that no live rule names is in effect as soon as it is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from service.errors import FieldError, Invalid, NotFound
from service.features import text
from service.features.administration import Act, Acts
from service.features.rule_changes import NeverLive, RuleChanged
from service.features.rule_changes_checks import comment_of
from service.features.rule_changes_trial import expected_share, fresh, lists_of
from service.features.rulebook import BEGINNING, Rulebook, read_rule, rules_of, with_own
from service.features.screening import BadRules, RuleDocument, compile_rules
from service.features.screening.language import CODES
from service.features.screening.rules import TERMS_MAX
from service.features.screening.words import expanded, shipped_lists
from service.model import Actor, Site
from service.storage.dry_runs import DryRun, DryRunStore
from service.storage.rules import RuleStore
from service.storage.word_lists import StoredList, WordListStore

__all__ = ["StoredList", "UnknownWordList", "WordLists"]

TITLE_MAX_CHARS = 200
TERM_MAX_CHARS = 200
_LIST_NAME = re.compile(r"[a-z0-9-]{1,64}\Z")


class UnknownWordList(NotFound):
    """Neither the site has such a list, nor does one ship."""

    code = "unknown_word_list"
    title = "There is no such list of words."


class WordLists(Struct, frozen=True, kw_only=True):
    """What editors do to word lists. Methods raise Unavailable while Postgres is away."""

    rulebook: Rulebook
    store: RuleStore
    lists: WordListStore
    dry_runs: DryRunStore
    acts: Acts

    async def all_lists(self, site: Site) -> list[StoredList]:
        """Return every list of words, the latest of the site's own and those that ship."""
        own = {each.name: each for each in await self.lists.latest(site.site_id)}
        return [own.get(name) or _shipped_list(name) for name in sorted({*own, *shipped_lists()})]

    async def used_by(self, site: Site) -> dict[str, list[str]]:
        """Return by list the rules that name it, whatever state they are in."""
        used: dict[str, list[str]] = {}
        for entry in await self.rulebook.entries(site):
            rule = read_rule(entry.rule_id, entry.latest_version, "draft", entry.latest)
            for name in sorted(lists_of(rule)):
                used.setdefault(name, []).append(entry.rule_id)
        return used

    async def find(self, site: Site, name: str) -> StoredList:
        """Return one list, its latest version; 0 is the one that ships.

        Raises:
            UnknownWordList: there is none.
        """
        own = await self.lists.find(site.site_id, name)
        if own is None and name not in shipped_lists():
            raise UnknownWordList
        return own or _shipped_list(name)

    async def live_rules(self, site: Site, name: str) -> dict[str, int]:
        """Return the live rules that name a list, with the versions that are live."""
        return {
            entry.rule_id: entry.live_version
            for entry in await self.rulebook.entries(site)
            if entry.live_version is not None
            and entry.live is not None
            and name in lists_of(read_rule(entry.rule_id, entry.live_version, "live", entry.live))
        }

    async def tried(self, site: Site, words: StoredList) -> dict[str, DryRun | None]:
        """Return by live rule its latest dry run with a version of a list, if there is one."""
        return {
            rule_id: await self.dry_runs.latest_done(
                site.site_id, rule_id, version, {words.name: words.version}
            )
            for rule_id, version in (await self.live_rules(site, words.name)).items()
        }

    async def live(
        self,
        site: Site,
        name: str,
        *,
        version: int | None = None,
        read: int | None,
        comment: str,
        actor: Actor | None,
        now: datetime,
    ) -> StoredList:
        """Put a version, the latest if none is named, into effect.

        `read` is the latest version the editor saw; None: whatever it is.

        Raises:
            UnknownWordList: there is no such list or version of the site's own.
            Invalid: there is no comment.
            NotTried: a live rule that names it was not dry-run with it within 24 hours.
            RuleChanged: it is in effect already, or there is a later version.
            BadRules: a rule that names it could not be used any more.
        """
        said = comment_of(comment, needed=True)
        wanted = await self.lists.find(site.site_id, name, version)
        if wanted is None:
            raise UnknownWordList
        shares = {
            rule_id: expected_share(fresh(run, now=now))
            for rule_id, run in (await self.tried(site, wanted)).items()
        }
        await self._usable_with(site, name, wanted.words)
        act = self._act(site, "word_list.went_live", said, actor, now)
        done = await self.lists.put_live(
            site.site_id, name, wanted.version, latest=read, shares=shares, act=act
        )
        if not done:
            raise RuleChanged
        await self.rulebook.renew(site)
        return await self.find(site, name)

    async def roll_back(
        self, site: Site, name: str, *, comment: str, actor: Actor | None, now: datetime
    ) -> StoredList:
        """Put the version back into effect that was before, without a dry run: it is the way out.

        Raises:
            UnknownWordList: the site has no such list of its own.
            Invalid: there is no comment.
            NeverLive: no other version was in effect.
            RuleChanged: somebody else was faster.
        """
        said = comment_of(comment, needed=True)
        own = await self.lists.find(site.site_id, name)
        if own is None:
            raise UnknownWordList
        version = own.previous_version
        if version is None or (version == 0 and name not in shipped_lists()):
            raise NeverLive
        act = self._act(site, "word_list.rolled_back", said, actor, now)
        done = await self.lists.put_live(
            site.site_id, name, version, latest=own.version, shares={}, act=act
        )
        if not done:
            raise RuleChanged
        await self.rulebook.renew(site)
        return await self.find(site, name)

    async def save(
        self,
        site: Site,
        name: str,
        *,
        version: int,
        title: str,
        langs: Sequence[str],
        words: Sequence[str],
        comment: str,
        actor: Actor | None,
        now: datetime,
    ) -> StoredList:
        """Keep a list's next version; in effect at once only where no live rule names it.

        `version` is what the editor read: 0 for a list that only ships, or that is new.

        Raises:
            Invalid: an entry, the name, the title or a language is not one.
            BadRules: a rule that names it cannot be used any more.
            RuleChanged: it has another version by now.
        """
        said = comment_of(comment, needed=False)
        entries = _entries(words)
        shown = text.clean_line(title or name, max_chars=TITLE_MAX_CHARS, pointer="/title")
        _check_list(name, langs)
        await self._usable_with(site, name, entries)
        saved = await self.lists.save(
            site.site_id,
            name,
            version=version,
            title=shown,
            langs=list(langs),
            words=entries,
            comment=said,
            at_once=not await self.live_rules(site, name),
            act=self.acts.by(actor, "word_list.saved", site=site, now=now),
        )
        if saved is None:
            raise RuleChanged
        await self.rulebook.renew(site)
        return await self.find(site, name)

    def _act(
        self, site: Site, act: str, said: str | None, actor: Actor | None, now: datetime
    ) -> Act:
        return self.acts.by(actor, act, site=site, now=now, details={"comment": said})

    async def _usable_with(self, site: Site, name: str, entries: Sequence[str]) -> None:
        rules = rules_of(await self.store.all_rules(site.site_id))
        lists = with_own(await self.lists.current(site.site_id))
        document = RuleDocument.model_construct(version=1, rules=rules, lists={name: list(entries)})
        await asyncio.to_thread(compile_rules, document, lists=lists)


def _entries(words: Sequence[str]) -> list[str]:
    """Clean the entries of a list; empty lines and what stands there twice fall away.

    Whoever reads the list later spells all of it out: what cannot be is refused here.
    """
    entries: dict[str, None] = {}
    spellings = 0
    for at, word in enumerate(words):
        entry = " ".join(word.split())
        if not entry or entry in entries:
            continue
        if len(entry) > TERM_MAX_CHARS:
            detail = f"At most {TERM_MAX_CHARS} characters."
            fault = FieldError(pointer=f"/words/{at}", code="too_long", detail=detail)
            raise Invalid(detail, errors=(fault,))
        try:
            spellings += sum(1 for _ in expanded(entry))
        except ValueError as error:
            fault = FieldError(
                pointer=f"/words/{at}", code="too_many_spellings", detail=f"{error}."
            )
            raise BadRules(fault.detail, errors=(fault,)) from error
        if spellings > TERMS_MAX:
            detail = f"At most {TERMS_MAX} spellings."
            fault = FieldError(pointer="/words", code="too_many_words", detail=detail)
            raise BadRules(detail, errors=(fault,))
        entries[entry] = None
    return list(entries)


def _check_list(name: str, langs: Sequence[str]) -> None:
    errors: list[FieldError] = []
    if not _LIST_NAME.match(name):
        detail = "A list is named by lower-case letters, digits and hyphens."
        errors.append(FieldError(pointer="/name", code="bad_format", detail=detail))
    if set(langs) - set(CODES):
        detail = f"Languages are {', '.join(CODES)}."
        errors.append(FieldError(pointer="/langs", code="bad_value", detail=detail))
    if errors:
        raise Invalid(errors[0].detail, errors=tuple(errors))


def _shipped_list(name: str) -> StoredList:
    shipped = shipped_lists()[name]
    return StoredList(
        name=name,
        version=0,
        title=shipped.title,
        langs=sorted(shipped.langs),
        words=list(shipped.words),
        comment=None,
        actor_kind="service",
        actor_id="",
        at=BEGINNING,
    )
