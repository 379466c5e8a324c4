"""Rules, dry runs and word lists written as JSON: what `rules.py` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.features.dry_run import DryRun, Shown
from service.features.rule_changes import (
    Figures,
    RuleFile,
    RuleState,
    RuleVersion,
    StoredRule,
    state_of,
)
from service.features.rule_changes_lists import StoredList
from service.features.rulebook import shipped_rule
from service.features.rulebook_trial import Spoken, Trial
from service.web.wire.base import optional_stamp, stamp

NO_FIGURES = Figures()


def rule_json(
    rule: StoredRule, figures: Mapping[tuple[str, int], Figures] | None = None
) -> dict[str, Any]:
    """Write a rule."""
    return {
        "id": rule.rule_id,
        "title": rule.latest["title"],
        "state": state_of(rule),
        "shipped": shipped_rule(rule.rule_id) is not None,
        "revision": rule.revision,
        "latest_version": rule.latest_version,
        "live_version": rule.live_version,
        "shadow_version": rule.shadow_version,
        "went_live_at": optional_stamp(rule.went_live_at),
        "expected_share": rule.expected_share,
        "precision_floor": rule.precision_floor,
        "demoted": _demoted_json(rule),
        "changed_at": stamp(rule.changed_at),
        "rule": dict(rule.latest),
        "live": _lately_json(rule.rule_id, rule.live_version, figures or {}),
        "shadow": _lately_json(rule.rule_id, rule.shadow_version, figures or {}),
    }


def rule_file_json(
    file: RuleFile, figures: Mapping[tuple[str, int], Figures] | None = None
) -> dict[str, Any]:
    """Write a rule with its history."""
    return {
        **rule_json(file.rule, figures),
        "versions": [
            {
                "version": one.version,
                "rule": dict(one.rule),
                "comment": one.comment,
                "by": _by_json(one),
                "at": stamp(one.at),
            }
            for one in file.versions
        ],
        "states": [
            {
                "version": one.version,
                "state": one.state,
                "comment": one.comment,
                "by": _by_json(one),
                "at": stamp(one.at),
            }
            for one in file.states
        ],
    }


def trial_json(trial: Trial) -> dict[str, Any]:
    """Write what became of a text."""
    verdict = trial.verdict
    return {
        "ruling": verdict.ruling,
        "publish": verdict.publish,
        "language": verdict.language or "other",
        "tricks": list(verdict.tricks),
        "norm": trial.norm,
        "skeleton": trial.skeleton,
        "signals": [_spoken_json(one) for one in trial.spoken],
    }


def dry_run_json(
    run: DryRun,
    alarms: Sequence[Shown] = (),
    newly: Sequence[Shown] = (),
    no_longer: Sequence[Shown] = (),
) -> dict[str, Any]:
    """Write a dry run, with the comments that its report names."""
    named = {"alarms", "new_ones", "lost_ones"}
    report = run.report
    return {
        "id": str(run.dry_run_id),
        "rule": run.rule_id,
        "version": run.version,
        "lists": dict(run.lists),
        "state": run.state,
        "since": stamp(run.since),
        "until": stamp(run.until),
        "total": run.total,
        "looked_at": run.looked_at,
        "trouble": run.trouble,
        "at": stamp(run.at),
        "ended_at": optional_stamp(run.ended_at),
        "report": report and {name: said for name, said in report.items() if name not in named},
        "alarms": [_shown_json(one) for one in alarms],
        "newly": [_shown_json(one) for one in newly],
        "no_longer": [_shown_json(one) for one in no_longer],
    }


def word_list_json(words: StoredList) -> dict[str, Any]:
    """Write a list."""
    return {
        "name": words.name,
        "version": words.version,
        "title": words.title,
        "langs": words.langs,
        "words": words.words,
        "comment": words.comment,
        "at": stamp(words.at),
        "live_version": words.live_version,
        "previous_version": words.previous_version,
        "waits": words.waits,
    }


def word_list_head_json(words: StoredList, used_by: Sequence[str]) -> dict[str, Any]:
    """Write a list without its words."""
    return {
        "name": words.name,
        "version": words.version,
        "title": words.title,
        "langs": words.langs,
        "size": len(words.words),
        "waits": words.waits,
        "used_by": list(used_by),
    }


def _demoted_json(rule: StoredRule) -> dict[str, Any] | None:
    if rule.demoted_at is None or rule.demoted_for is None:
        return None
    figures = {name: said for name, said in rule.demoted_for.items() if name != "because"}
    return {
        "at": stamp(rule.demoted_at),
        "because": rule.demoted_for["because"],
        "figures": figures,
    }


def _lately_json(
    rule: str, version: int | None, figures: Mapping[tuple[str, int], Figures]
) -> dict[str, int] | None:
    if version is None:
        return None
    found = figures.get((rule, version), NO_FIGURES)
    return {"hits": found.hits, "rejected": found.rejected, "approved": found.approved}


def _by_json(one: RuleVersion | RuleState) -> dict[str, str]:
    return {"kind": one.actor_kind, "name": one.actor_name}


def _spoken_json(spoken: Spoken) -> dict[str, Any]:
    signal = spoken.signal
    return {
        "rule": signal.rule,
        "version": signal.version,
        "state": signal.state,
        "tried": spoken.is_tried,
        "action": signal.effect,
        "severity": signal.severity,
        "label": signal.label,
        "places": [
            {"span": list(place.span), "text": place.text, "via": list(place.via)}
            for place in spoken.places
        ],
    }


def _shown_json(shown: Shown) -> dict[str, Any]:
    return {
        "comment_id": str(shown.comment_id),
        "article": shown.article_key,
        "text": shown.text,
        "spans": [list(span) for span in shown.spans],
        "lang": shown.lang,
    }
