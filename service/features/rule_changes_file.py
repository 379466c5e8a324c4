"""What became of one rule: its versions, and the states they were in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from service.storage.rules import RuleState, RuleVersion, State, StoredRule


class RuleFile(Struct, frozen=True, kw_only=True):
    """Everything about one rule."""

    rule: StoredRule
    versions: Sequence[RuleVersion]
    """Latest first."""
    states: Sequence[RuleState]
    """Latest first."""


def as_shipped(rule: StoredRule) -> RuleFile:
    """Return the file of a rule that nobody has touched."""
    version = RuleVersion(
        version=rule.latest_version,
        rule=rule.latest,
        comment=None,
        actor_kind="service",
        actor_id="",
        actor_name="",
        at=rule.changed_at,
    )
    entry = RuleState(
        version=rule.latest_version,
        state=state_of(rule),
        comment=None,
        actor_kind="service",
        actor_id="",
        actor_name="",
        at=rule.changed_at,
    )
    return RuleFile(rule=rule, versions=[version], states=[entry])


def state_of(rule: StoredRule) -> State:
    """Return the strongest state that a version of a rule is in."""
    if rule.live_version is not None:
        return "live"
    return "draft" if rule.shadow_version is None else "shadow"
