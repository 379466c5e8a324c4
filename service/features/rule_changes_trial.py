"""What a dry run allows: which version may go live after it, and what it lets expect."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.errors import Conflict
from service.features.dry_run_tally import wilson
from service.features.screening import Rule
from service.storage.dry_runs import DryRun

TRIED_WITHIN = timedelta(hours=24)
"""How old the dry run may be by which a version goes live."""

FLOOR = 0.5
"""Share of a live rule's hits that people must turn down, unless somebody chose another. Only of
rules that accuse: a rule of severity 0 holds what is mostly right."""


class NotTried(Conflict):
    """A version goes live only after a dry run of exactly it."""

    code = "dry_run_needed"
    title = "This version has not been tried on earlier comments within a day."


def fresh(tried: DryRun | None, *, now: datetime) -> DryRun:
    """Return a dry run that is no older than a day.

    Raises:
        NotTried: there is none, or it is older.
    """
    if tried is None or tried.ended_at is None or now - tried.ended_at > TRIED_WITHIN:
        raise NotTried
    return tried


def lists_of(rule: Rule) -> set[str]:
    """Return the names of the lists that a rule looks up."""
    leaves = list(rule.when.leaves())
    names = [leaf.text.list_ for leaf in leaves if leaf.text]
    names += [leaf.link_domain.list_ for leaf in leaves if leaf.link_domain]
    return {name for name in names if name is not None}


def expected_share(tried: DryRun | None) -> float | None:
    """Return the most that a dry run lets expect: the upper end of the interval of 95 %.

    A rule that never matched before may match now; after few comments nobody knows.
    """
    interval = wilson(tried.hits, tried.looked_at) if tried else None
    return interval[1] if interval else None


def floor_of(rule: Rule) -> float | None:
    """Return the share of hits that people must turn down; None where a rule accuses nobody."""
    return FLOOR if rule.then.severity >= 1 else None
