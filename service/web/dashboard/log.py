"""The log: who decided and did what, each decision with its comment and a way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.features.audit import AuditLog, Entry, Filters, Names, Sought, may_reverse
from service.features.lookup import Lookup
from service.features.search.language import FIRST_YEAR, LAST_YEAR
from service.features.sites import SiteDirectory
from service.features.wishes import Wishes
from service.model import Action
from service.web.audit import sees_everything
from service.web.dashboard import words
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.sited import SiteAsked, cut, reasons_of, rights, slug_of, spoken
from service.web.dashboard.view import View
from service.web.finding import find_on
from service.web.operation import Call, Operation, Reply
from service.web.pages.words import Tongue
from service.web.wire.audit import entry_json
from service.web.wire.comments import found_json

ROWS = 50
GROUPS: Mapping[str, tuple[str, ...]] = {
    "decisions": tuple(action.value for action in Action),
    "authors": (
        "reader.muted",
        "reader.banned",
        "reader.readmitted",
        "reader.banned_elsewhere",
        "reader.readmitted_elsewhere",
        "reader.warned",
        "reader.noted",
        "reader.trusted",
        "reader.trust_ended",
        "reader.held",
        "reader.hold_ended",
        "reader.swept",
        "reader.exported",
        "reader.erased",
        "reader.sweep_undone",
    ),
    "comments": (
        "comment.featured",
        "comment.feature_ended",
        "comment.reports_answered",
        "comment.reports_reopened",
        "comment.appeal_denied",
        "comment.appeal_reopened",
        "comment.check_withdrawn",
        "cluster.decided",
        "cluster.decision_stopped",
        "cluster.decision_undone",
    ),
}
"""What everybody on the team may choose among."""
OF_ADMINS: Mapping[str, tuple[str, ...]] = {
    "site": (
        "member.invited",
        "member.arrived",
        "member.removed",
        "role.changed",
        "key.created",
        "key.rotated",
        "key.revoked",
        "token_key.added",
        "token_key.revoked",
        "webhook.created",
        "webhook.changed",
        "webhook.rotated",
        "webhook.disabled",
        "webhook.deleted",
        "settings.changed",
        "article.changed",
        "articles.closed",
        "rule.saved",
        "rule.tried",
        "rule.trial_stopped",
        "rule.shadowed",
        "rule.went_live",
        "rule.switched_off",
        "rule.demoted",
        "word_list.saved",
        "word_list.went_live",
        "word_list.rolled_back",
        "model.promoted",
        "model.approval",
        "model.asked_anew",
        "bridge.set",
        "bridge.ended",
        "comments.exported",
        "log.exported",
    )
}
"""What else admins may."""


class CommentAsked(BaseModel):
    """The address of one comment."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    revealed: str = ""
    """Anything: nothing is masked."""


class LogAsked(SiteAsked):
    """The address of the log."""

    kind: str = ""
    act: str = ""
    by: str = ""
    reason: str = ""
    comment: str = ""
    author: str = ""
    since: str = ""
    until: str = ""
    cursor: str = ""

    def sought(self) -> Sought:
        """Return what is asked for, without what cannot be read."""
        since, until = _day(self.since), _day(self.until)
        filters = Filters(
            kind="decision" if self.kind == "decision" else "act" if self.kind == "act" else None,
            acts=self.act.split(",") if self.act else None,
            reason=self.reason or None,
            comment_id=_id(self.comment),
            author_id=_id(self.author),
            since=datetime.combine(since, time(), UTC) if since else None,
            until=datetime.combine(until + timedelta(days=1), time(), UTC) if until else None,
        )
        return Sought(filters=filters, by=self.by.strip()[:100] or None)

    def query(self, **changed: str) -> str:
        """Write the address again, with something changed."""
        said = {**self.model_dump(), "cursor": "", **changed}
        return urlencode({name: value for name, value in said.items() if value})

    def table_query(self) -> str:
        """Write what the table of all this is asked for by."""
        days = f"{self.since}..{self.until}" if self.since or self.until else ""
        names = ("kind", "act", "by", "reason", "comment", "author")
        said = {**{name: getattr(self, name) for name in names}, "date": days}
        return urlencode({name: value for name, value in said.items() if value})


class LogPages(Struct, frozen=True, kw_only=True):
    """The log, and one comment with all that was decided about it."""

    audit: AuditLog
    wishes: Wishes
    sites: SiteDirectory
    lookup: Lookup

    def operations(self) -> list[Operation]:
        """Return both pages."""
        log = page_operation("log_page", "/moderate/log", self.show)
        comment = page_operation("comment_page", "/moderate/comments/{comment_id}", self.comment)
        return [replace(log, query=LogAsked), replace(comment, query=CommentAsked)]

    async def show(self, call: Call) -> Reply:
        """Show a page of the log."""
        asked = call.query_as(LogAsked)
        site = await self.sites.get(slug_of(call.member, asked.site))
        here = replace(call, found_site=site)
        found = await self.audit.page(
            site,
            asked.sought(),
            cursor=asked.cursor or None,
            limit=ROWS,
            everything=sees_everything(here),
            sees_escalated=call.sees_escalated(site),
        )
        lang = View.of(call).lang
        may = rights(call.member, site)
        groups = {**GROUPS, **(OF_ADMINS if may["admin"] else {})}
        return page(
            call,
            "log.html",
            title="nav_log",
            section="log",
            parts=["queue", "people"],
            site=site,
            asked=asked,
            rows=rows_of(found.entries, found.names, lang),
            older=asked.query(site=site.slug, cursor=found.next) if found.next else None,
            newest=asked.query(site=site.slug) if asked.cursor else None,
            groups=groups,
            foreign=asked.act if asked.act not in chain.from_iterable(groups.values()) else "",
            reasons=reasons_of(site),
            spoken=spoken(lang),
            told={"place": {"site": site.slug, **may}},
            may=may,
        )

    async def comment(self, call: Call) -> Reply:
        """Show one comment and its log."""
        site, found = await find_on(self.lookup, call)
        sought = Sought(filters=Filters(comment_id=found.comment_id))
        log = await self.audit.page(
            site,
            sought,
            cursor=None,
            limit=100,
            everything=False,
            sees_escalated=call.sees_escalated(site),
        )
        lang = View.of(call).lang
        comment = found_json(found)
        wish = await self.wishes.of(call.member.member_id)
        masks = wish.mask and not call.query_as(CommentAsked).revealed
        shown = cut(found, comment["text"] or "", masks=masks)
        return page(
            call,
            "comment.html",
            title="comment_title",
            parts=["queue", "people"],
            site=site,
            comment=comment,
            pieces_shown=shown,
            masked=any(kind == "mask" for kind, _ in shown),
            created=datetime.fromisoformat(comment["created_at"]),
            ref=str(found.author_id) if found.author_id and found.author_id.int else None,
            rows=rows_of(log.entries, log.names, lang),
            spoken=spoken(lang),
            told={"place": {"site": site.slug, **rights(call.member, site)}},
            may=rights(call.member, site),
        )


def rows_of(entries: Iterable[Entry], names: Names, lang: str) -> list[dict[str, Any]]:
    """Return entries as the table of the log shows them."""
    tongue, said = words.tongue(lang), spoken(lang)
    return [_row(each, names, tongue, said) for each in entries]


def act_name(act: str, tongue: Tongue) -> str:
    """Return what an act is called; what has no phrase is written as it is."""
    phrase = f"log_{act.replace('.', '_')}"
    return tongue.say(phrase) if tongue.knows(phrase) else act


def _row(entry: Entry, names: Names, tongue: Tongue, said: Mapping[str, Any]) -> dict[str, Any]:
    written = entry_json(entry, names)
    kind, name = written["by"]["kind"], written["by"]["name"]
    if kind in {"author", "operator", "service"}:
        name = tongue.say(f"log_by_{kind}")
    reason = entry.reason and said.get(f"reason_{entry.reason}", entry.reason)
    return {
        **written,
        "comment_id": written["comment_id"] or entry.details.get("comment_id"),
        "at": entry.at,
        "who": name or tongue.say("log_by_somebody"),
        "version": entry.rule_version,
        "what": act_name(entry.act, tongue),
        "why": reason,
        "more": _details(written["details"], tongue),
        "reversible": may_reverse(entry),
    }


def _details(details: Mapping[str, Any], tongue: Tongue) -> str:
    """Write what an act says beside itself; roles by their names, and no ids."""
    if set(details) == {"from", "to"}:
        return f"{_value(details['from'], tongue)} → {_value(details['to'], tongue)}"
    return " · ".join(
        _detail(name, _value(value, tongue), tongue)
        for name, value in details.items()
        if value is not None and not name.endswith("_id")
    )


def _detail(name: str, value: str, tongue: Tongue) -> str:
    phrase = f"log_detail_{name}"
    return tongue.say(phrase, value=value) if tongue.knows(phrase) else f"{name}: {value}"


def _changes(changes: Mapping[str, Any], tongue: Tongue) -> str:
    """Write which settings were changed, from what and to what; of texts only that they were."""
    if set(changes) == {"from", "to"}:
        return f"{_value(changes['from'], tongue)} → {_value(changes['to'], tongue)}"
    said = []
    for name, change in changes.items():
        phrase = f"set_{name}"
        shown = tongue.say(phrase) if tongue.knows(phrase) else name
        said.append(f"{shown}: {_value(change, tongue)}" if change else shown)
    return "; ".join(said)


def _value(value: Any, tongue: Tongue) -> str:
    if isinstance(value, list):
        return ", ".join(_value(each, tongue) for each in value)
    if isinstance(value, Mapping):
        return _changes(value, tongue)
    phrase = f"role_{value}"
    if tongue.knows(phrase):
        return tongue.say(phrase)
    try:
        return tongue.moment(datetime.fromisoformat(str(value)))
    except ValueError:
        return str(value)


def _day(said: str) -> date | None:
    """Read a day; one before or after all that is in the log is as if it were not there."""
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _id(said: str) -> UUID | None:
    try:
        return UUID(said) if said else None
    except ValueError:
        return UUID(int=0)  # names nothing, and so finds nothing
