"""A site's rules in Postgres: versions that never change, and which of them are in effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from service.storage.administration import Act, note_act
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("rules")

State = Literal["draft", "shadow", "live"]

UNTOUCHED = 0
"""Revision of a shipped rule that a site has not changed."""


class StoredRule(Struct, frozen=True, kw_only=True):
    """A rule as a site has it. A rule's JSON is without its id, version and state."""

    rule_id: str
    revision: int
    """Of everything about it: tells two editors apart."""
    latest_version: int
    live_version: int | None
    shadow_version: int | None
    went_live_at: datetime | None
    expected_share: float | None
    """Of comments, at most: what its dry run let expect."""
    precision_floor: float | None
    demoted_at: datetime | None
    """When the service itself took it out of effect; None once somebody has seen to it."""
    demoted_for: Mapping[str, Any] | None
    changed_at: datetime
    latest: Mapping[str, Any]
    live: Mapping[str, Any] | None
    shadow: Mapping[str, Any] | None


class ShippedRule(Struct, frozen=True, kw_only=True):
    """A rule that comes with Postbag, to be copied to a site that changes it."""

    rule_id: str
    version: int
    rule: Mapping[str, Any]
    state: State
    entry_id: UUID
    """Of the note that it was in effect from the beginning."""


class RuleVersion(Struct, frozen=True, kw_only=True):
    """One version of a rule, never changed."""

    version: int
    rule: Mapping[str, Any]
    comment: str | None
    actor_kind: str
    actor_id: str
    actor_name: str
    at: datetime


class RuleState(Struct, frozen=True, kw_only=True):
    """What became of a rule, one entry."""

    version: int
    state: State
    comment: str | None
    actor_kind: str
    actor_id: str
    actor_name: str
    at: datetime


class Watched(Struct, frozen=True, kw_only=True):
    """A live rule and what is expected of it."""

    site_id: int
    rule_id: str
    live_version: int
    went_live_at: datetime
    expected_share: float | None
    precision_floor: float | None


class Effect(Struct, frozen=True, kw_only=True):
    """A state that a version of a rule is put into."""

    version: int
    state: State
    comment: str | None = None
    expected_share: float | None = None
    precision_floor: float | None = None
    """None leaves it as it is."""
    demoted_for: Mapping[str, Any] | None = None
    """Why the service itself does it."""


class RuleStore(Struct, frozen=True, kw_only=True):
    """Keep rules. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def version_of(self, site_id: int) -> int:
        """Which state of rules and lists a site has; 0: those that come with Postbag."""
        async with connected(self.pool) as connection:
            return await connection.fetchval(SQL["version_of"], site_id) or 0

    async def all_rules(self, site_id: int) -> list[StoredRule]:
        """Every rule a site has of its own, by id."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["all_rules"], site_id)
        return [StoredRule(**row) for row in rows]

    async def find(self, site_id: int, rule_id: str) -> StoredRule | None:
        """One rule of a site's own, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_rule"], site_id, rule_id)
        return StoredRule(**row) if row else None

    async def versions(self, site_id: int, rule_id: str, *, limit: int) -> list[RuleVersion]:
        """Versions of a rule, latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["versions_of"], site_id, rule_id, limit)
        return [RuleVersion(**row) for row in rows]

    async def version(self, site_id: int, rule_id: str, version: int) -> Mapping[str, Any] | None:
        """One version's JSON, or None."""
        async with connected(self.pool) as connection:
            rule: Mapping[str, Any] | None = await connection.fetchval(
                SQL["find_version"], site_id, rule_id, version
            )
        return rule

    async def states(self, site_id: int, rule_id: str, *, limit: int) -> list[RuleState]:
        """What became of a rule, latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["states_of"], site_id, rule_id, limit)
        return [RuleState(**row) for row in rows]

    async def watched(self) -> list[Watched]:
        """Every live rule of all sites that somebody has touched."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["watched"])
        return [Watched(**row) for row in rows]

    async def save(
        self,
        site_id: int,
        rule_id: str,
        rule: Mapping[str, Any],
        *,
        revision: int | None,
        shipped: ShippedRule | None,
        comment: str | None,
        act: Act,
    ) -> int | None:
        """Keep a new version and return its number; it is not in effect yet.

        `revision` is what was read, None for a rule that should not be there. None is returned
        when that is not so any more.
        """
        async with in_transaction(self.pool) as connection:
            known = await _locked(connection, site_id, rule_id, shipped, act.at)
            if (known["revision"] if known else None) != revision:
                return None
            version = known["latest_version"] + 1 if known else 1
            if known is None and not await connection.fetchval(
                SQL["add_rule"], site_id, rule_id, UNTOUCHED + 1, version, None, None, act.at
            ):
                return None
            await _add_version(
                connection, site_id, rule_id, version=version, rule=rule, comment=comment, act=act
            )
            if known is not None:
                await connection.execute(SQL["note_version"], site_id, rule_id, version, act.at)
            await _log(connection, act, rule=rule_id, version=version)
        return version

    async def put_into_effect(
        self,
        site_id: int,
        rule_id: str,
        effect: Effect,
        *,
        revision: int | None,
        shipped: ShippedRule | None,
        act: Act,
    ) -> bool:
        """Put a version into a state; False when it is not the one that was read any more.

        A version that goes live takes the live one's place. One that goes to shadow leaves
        another that is live where it is. `draft` takes the rule out altogether.
        """
        async with in_transaction(self.pool) as connection:
            known = await _locked(connection, site_id, rule_id, shipped, act.at)
            if known is None or (revision is not None and known["revision"] != revision):
                return False
            if effect.demoted_for is not None and known["live_version"] != effect.version:
                return False
            live, shadow = _after(effect, known)
            await connection.execute(
                SQL["set_effect"],
                site_id,
                rule_id,
                live,
                shadow,
                act.at if effect.state == "live" else None,
                _expected(effect, known) if live is not None else None,
                effect.precision_floor,
                act.at if effect.demoted_for is not None else None,
                effect.demoted_for,
                act.at,
            )
            await _note_state(connection, site_id, rule_id, effect, act)
            await connection.execute(SQL["turn_page"], site_id, act.at)
            said = {"rule": rule_id, "version": effect.version, "state": effect.state}
            if effect.comment:
                said["comment"] = effect.comment
            if effect.demoted_for is not None:
                said["for"] = dict(effect.demoted_for)
            await _log(connection, act, **said)
        return True


def _after(effect: Effect, known: asyncpg.Record) -> tuple[int | None, int | None]:
    """Return which versions are live and in shadow once a version was put into a state."""
    live, shadow, version = known["live_version"], known["shadow_version"], effect.version
    match effect.state:
        case "live":
            return version, None if shadow == version else shadow
        case "shadow":
            return None if live == version else live, version
        case _:
            return None, None


def _expected(effect: Effect, known: asyncpg.Record) -> float | None:
    """Return what is expected of the version that is live."""
    return effect.expected_share if effect.state == "live" else known["expected_share"]


async def _locked(
    connection: Connection, site_id: int, rule_id: str, shipped: ShippedRule | None, at: datetime
) -> asyncpg.Record | None:
    """Lock a rule's row, which a shipped rule gets first if it has none yet."""
    known = await connection.fetchrow(SQL["lock_rule"], site_id, rule_id)
    if known is None and shipped is not None:
        await _adopt(connection, site_id, shipped, at)
        known = await connection.fetchrow(SQL["lock_rule"], site_id, rule_id)
    return known


async def _adopt(connection: Connection, site_id: int, shipped: ShippedRule, at: datetime) -> None:
    """Copy a shipped rule to a site as it ships: from now on it is the site's own."""
    service = Act(
        entry_id=shipped.entry_id, at=at, actor_kind="service", actor_id="", act="rule.shipped"
    )
    added = await connection.fetchval(
        SQL["add_rule"],
        site_id,
        shipped.rule_id,
        UNTOUCHED,
        shipped.version,
        shipped.version if shipped.state == "live" else None,
        shipped.version if shipped.state == "shadow" else None,
        at,
    )
    if added is None:
        return
    await _add_version(
        connection,
        site_id,
        shipped.rule_id,
        version=shipped.version,
        rule=shipped.rule,
        comment=None,
        act=service,
    )
    effect = Effect(version=shipped.version, state=shipped.state)
    await _note_state(connection, site_id, shipped.rule_id, effect, service)


async def _add_version(
    connection: Connection,
    site_id: int,
    rule_id: str,
    *,
    version: int,
    rule: Mapping[str, Any],
    comment: str | None,
    act: Act,
) -> None:
    await connection.execute(
        SQL["add_version"],
        site_id,
        rule_id,
        version,
        dict(rule),
        comment,
        act.actor_kind,
        act.actor_id,
        act.at,
    )


async def _note_state(
    connection: Connection, site_id: int, rule_id: str, effect: Effect, act: Act
) -> None:
    await connection.execute(
        SQL["note_state"],
        site_id,
        rule_id,
        act.entry_id,
        effect.version,
        effect.state,
        effect.comment,
        act.actor_kind,
        act.actor_id,
        act.at,
    )


async def _log(connection: Connection, act: Act, **details: Any) -> None:
    await note_act(connection, replace(act, details={**act.details, **details}))
