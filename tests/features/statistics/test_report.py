"""Every table of the statistics equals what other SQL says of the same log.

The other SQL takes its own way: it goes through the whole log with windows, knows when comments
came from the journal, and counts each thing for itself.
"""

# ruff: noqa: S608 - every piece that is put together is this file's own
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from service.features.statistics.figures import BANDS, Report
from service.features.statistics.ranges import HOUR, Range
from service.features.statistics.tables import Table, tables
from service.model import Action
from tests.features.conftest import OpenSite
from tests.features.statistics.conftest import LANGS, NOW, WEEK, Past, decide, member, wired

DAY_BEFORE = Range(first=date(2026, 11, 24), last=date(2026, 11, 25))
LONG = Range(first=date(2026, 11, 1), last=date(2026, 11, 25))
RANGES = pytest.mark.parametrize("days", [WEEK, LONG, DAY_BEFORE], ids=["week", "long", "hours"])
SPOKEN = pytest.mark.parametrize("lang", [None, "ar", "fr"], ids=["all", "ar", "fr"])

SPOKEN_IN = "coalesce(d.lang, j.payload ->> 'lang', j.payload #>> '{screened,lang}')"
NEVER = datetime.max.replace(tzinfo=UTC)
FIRSTS = """
    SELECT DISTINCT ON (comment_id) comment_id, action, kind, actor_kind, at, lang
    FROM decisions WHERE site_id = $1 AND action ~ '^(approve|reject)$'
    ORDER BY comment_id, n
"""
JUDGED = """
    ruled AS (
        SELECT DISTINCT ON (comment_id, revision) comment_id, revision, actor_kind, at, lang
        FROM decisions WHERE site_id = $1 AND action ~ '^(approve|reject)$'
        ORDER BY comment_id, revision, n
    ),
    words AS (
        SELECT DISTINCT ON (comment_id, revision) comment_id, revision, action AS word
        FROM decisions WHERE site_id = $1 AND action NOT IN ('escalate', 'withdraw', 'delete')
        ORDER BY comment_id, revision, n DESC
    ),
    judged AS (
        SELECT * FROM ruled NATURAL JOIN words
        WHERE word <> 'reverse' AND actor_kind = 'member' AND at >= $2 AND at < $3
    )
"""
SPEAKS = "($4::text IS NULL OR coalesce({0}, '') ~* ('^' || $4 || '(-|$)'))"


def table(report: Report, name: str) -> Table:
    return next(each for each in tables(report) if each.name == name)


def rows(report: Report, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table."""
    found = table(report, name)
    places = [[each.name for each in found.columns].index(column) for column in columns]
    return [tuple(row[place] for place in places) for row in found.rows]


def asked(days: Range, lang: str | None) -> tuple[Any, ...]:
    return days.since, days.until, lang


def unit(days: Range) -> str:
    return "hour" if days.step == HOUR else "day"


def filled(said: Iterator[tuple[Any, ...]] | list[tuple[Any, ...]], days: Range) -> list[Any]:
    """Add a row of noughts for each step that has none."""
    known = {row[0]: row for row in said}
    width = len(next(iter(known.values())))
    return [known.get(start, (start, *[0] * (width - 1))) for start in days.starts(now=NOW)]


@RANGES
@SPOKEN
async def test_volume_is_what_the_log_says(past: Past, days: Range, lang: str | None) -> None:
    report = await past.report(days, lang=lang)
    said = await past.rows(
        f"""SELECT date_trunc('{unit(days)}', at) AS start,
               sum((actor_kind = 'rule' AND action = 'approve')::int),
               sum((actor_kind = 'rule' AND action = 'reject')::int),
               sum((actor_kind <> 'rule' AND action = 'approve')::int),
               sum((actor_kind <> 'rule' AND action = 'reject')::int)
            FROM decisions WHERE site_id = $1 AND at BETWEEN $2 AND $3 AND at <> $3
              AND action = ANY ('{{approve,reject}}') AND {SPEAKS.format("lang")}
            GROUP BY start""",
        *asked(days, lang),
    )
    assert said
    assert table(report, "volume").rows == filled(said, days)


@RANGES
@SPOKEN
async def test_waits_of_held_comments_are_those_of_first_decisions(
    past: Past, days: Range, lang: str | None
) -> None:
    report = await past.report(days, lang=lang)
    said = await past.rows(
        f"""WITH firsts AS ({FIRSTS}),
            waited AS (
                SELECT date_trunc('{unit(days)}', f.at) AS start,
                       extract(epoch FROM f.at - j.created_at)::float8 AS s
                FROM firsts f JOIN intake_journal j ON j.comment_id = f.comment_id
                WHERE f.kind = 'new' AND f.actor_kind <> 'rule' AND f.at >= $2 AND f.at < $3
                  AND {SPEAKS.format("f.lang")}
            ),
            starts AS (SELECT DISTINCT start FROM waited UNION ALL SELECT NULL)
            SELECT start, count(*), count(*) FILTER (WHERE s / 60 <= 60),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY s),
                   percentile_cont(0.9) WITHIN GROUP (ORDER BY s),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY s)
            FROM starts JOIN waited USING (start) GROUP BY start
            UNION ALL
            SELECT NULL, count(*), count(*) FILTER (WHERE s / 60 <= 60),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY s),
                   percentile_cont(0.9) WITHIN GROUP (ORDER BY s),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY s)
            FROM waited HAVING count(*) > 0
            ORDER BY 1 NULLS FIRST""",
        *asked(days, lang),
    )
    shown = [row[1:] for row in table(report, "waits").rows if row[0] == "held"]
    assert said
    assert [row[:3] for row in shown] == [row[:3] for row in said]
    for ours, theirs in zip(shown, said, strict=True):
        assert ours[3:] == pytest.approx(theirs[3:], abs=1e-3)


@SPOKEN
async def test_waits_of_reported_comments_begin_with_the_first_report(
    past: Past, lang: str | None
) -> None:
    report = await past.report(LONG, lang=lang)
    said = await past.rows(
        f"""SELECT extract(epoch FROM max(r.closed_at) - min(r.at))::float8
            FROM reports r JOIN comments c USING (site_id, article_id, comment_id)
            WHERE r.site_id = $1 AND r.closed_at >= $2 AND r.closed_at < $3
              AND {SPEAKS.format("c.lang")}
            GROUP BY r.comment_id, r.closed_at ORDER BY 1""",
        *asked(LONG, lang),
    )
    waits = [seconds for (seconds,) in said]
    whole = next(each for each in report.waits if each.lane == "reported").whole
    assert waits or lang is not None
    if not waits:
        assert whole is None
        return
    assert whole is not None
    assert (whole.decided, whole.in_time) == (len(waits), sum(each <= 900 for each in waits))
    assert whole.p50 == pytest.approx(median(waits), abs=1e-3)


@SPOKEN
async def test_the_queue_is_what_the_journal_says(past: Past, lang: str | None) -> None:
    report = await past.report(lang=lang)
    said = await past.rows(
        """SELECT extract(epoch FROM $2 - created_at)::float8 FROM intake_journal
           WHERE site_id = $1 AND payload IS NOT NULL
             AND ($3::text IS NULL OR coalesce(payload ->> 'lang', payload #>> '{screened,lang}')
                  IN ($3, $3 || '-EG', $3 || '-MA', $3 || '-latn'))""",
        NOW,
        lang,
    )
    ages = [seconds for (seconds,) in said]
    assert ages
    edges = [0.0, *(each.total_seconds() for each in BANDS), float("inf")]
    counted = [sum(low <= age < high for age in ages) for low, high in pairwise(edges)]
    assert [row[2] for row in table(report, "ages").rows] == counted
    assert report.queue.waiting == len(ages)
    assert report.queue.overdue == sum(age > 3_600 for age in ages)
    assert report.queue.oldest_seconds == pytest.approx(max(ages), abs=1e-3)


@SPOKEN
async def test_the_queue_of_each_hour_is_what_had_come_and_was_not_gone(
    past: Past, lang: str | None
) -> None:
    report = await past.report(lang=lang)
    said = await past.rows(
        f"""SELECT j.created_at, min(d.at) FROM intake_journal j
            LEFT JOIN decisions d ON d.comment_id = j.comment_id
                AND d.action NOT IN ('escalate', 'reverse', 'remove', 'restore')
            WHERE j.site_id = $1 AND $2::timestamptz <= $3::timestamptz
              AND {SPEAKS.format(SPOKEN_IN)}
            GROUP BY j.comment_id, j.created_at
            HAVING coalesce((array_agg(d.actor_kind ORDER BY d.n))[1], '') <> 'rule'""",
        *asked(WEEK, lang),
    )
    spans = [(came, gone or NEVER) for came, gone in said]
    first = NOW.replace(minute=0) - timedelta(hours=167)
    hours = [first + number * HOUR for number in range(168)]
    counted = [
        (
            hour,
            sum(came <= hour < gone for came, gone in spans),
            sum(came + HOUR < hour < gone for came, gone in spans),
        )
        for hour in hours
    ]
    assert table(report, "hours").rows == counted
    assert any(overdue for _, _, overdue in counted)


@RANGES
async def test_languages_add_up_to_the_log(past: Past, days: Range) -> None:
    report = await past.report(days)
    said = await past.rows(
        f"""SELECT coalesce(substring(lang FROM '^[a-z]+'), '') AS spoken,
                   date_trunc('{unit(days)}', at), count(*) FILTER (WHERE action = 'approve'),
                   count(*)
            FROM decisions WHERE site_id = $1 AND at >= $2 AND at < $3
              AND action IN ('approve', 'reject')
            GROUP BY ROLLUP (1, 2) HAVING coalesce(substring(lang FROM '^[a-z]+'), '') IS NOT NULL
            ORDER BY 1, 2 NULLS FIRST""",
        days.since,
        days.until,
    )
    shown = {
        (lang, start): (part, whole)
        for lang, start, part, whole in rows(
            report, "languages", "language", "start", "approved", "decided"
        )
    }
    named = {lang for lang, _ in shown} - {"*"}
    expected: dict[tuple[str, Any], tuple[int, int]] = {}
    for spoken, start, part, whole in said:
        key = (spoken if spoken in named else "*", start)
        before = expected.get(key, (0, 0))
        expected[key] = (before[0] + part, before[1] + whole)
    assert shown == expected
    assert "ar" in named
    assert named <= {(lang or "").partition("-")[0] for lang in LANGS}


@SPOKEN
async def test_rules_are_judged_by_peoples_last_word(past: Past, lang: str | None) -> None:
    report = await past.report(LONG, lang=lang)
    said = await past.rows(
        f"""WITH {JUDGED}
            SELECT rule, sum((word = 'reject' OR word = 'remove')::int), count(*)
            FROM judged NATURAL JOIN (
                SELECT comment_id, revision, rule FROM signals
                WHERE site_id = $1 AND shadow IS FALSE AND error IS NULL
            ) spoke
            WHERE {SPEAKS.format("lang")}
            GROUP BY rule""",
        *asked(LONG, lang),
    )
    shown = rows(report, "rules", "rule", "turned_down", "judged")
    assert len(said) == 3
    assert sorted(shown) == sorted(said)
    costs = [whole - part for _, part, whole in shown]
    assert costs == sorted(costs, reverse=True)
    assert [cost for (cost,) in rows(report, "rules", "let_through")] == costs


@SPOKEN
async def test_the_load_of_people_is_what_they_did(past: Past, lang: str | None) -> None:
    report = await past.report(LONG, lang=lang)
    said = await past.rows(
        f"""SELECT m.name, count(*), count(DISTINCT to_char(at, 'YYYY-MM-DD HH24')),
                   count(nullif(d.action ~ '^(approve|reject)$', false)),
                   count(*) FILTER (WHERE d.action IN ('approve', 'reject') AND EXISTS (
                       SELECT FROM decisions o
                       WHERE o.comment_id = d.comment_id AND o.n > d.n
                         AND o.actor_id <> d.actor_id AND o.actor_kind = 'member'
                         AND (o.reverses = d.decision_id
                              OR d.action = 'approve' AND o.action = 'remove'
                              OR d.action = 'reject' AND o.action ~ '^(approve|restore)$')
                         AND o.decision_id NOT IN (
                             SELECT reverses FROM decisions u
                             WHERE u.site_id = $1 AND u.comment_id = d.comment_id
                               AND reverses IS NOT NULL)))
            FROM decisions d JOIN members m ON m.member_id::text = d.actor_id
            WHERE d.site_id = $1 AND at >= $2 AND at < $3 AND d.action NOT IN ('delete', 'withdraw')
              AND {SPEAKS.format("d.lang")}
            GROUP BY m.name""",
        *asked(LONG, lang),
    )
    columns = ("person", "decisions", "hours", "judged", "overturned")
    assert len(said) == 3
    assert sorted(rows(report, "loads", *columns)) == sorted(said)
    if lang is None:
        assert sum(row[4] for row in said) > 3


async def test_the_steps_of_people_add_up_to_what_they_did(past: Past) -> None:
    report = await past.report(LONG)
    said = await past.rows(
        """SELECT m.name, at::date, count(*) FROM decisions d
           JOIN members m ON m.member_id = d.actor_id::uuid
           WHERE d.site_id = $1 AND d.actor_kind = 'member' AND at >= $2 AND at < $3
           GROUP BY m.name, at::date ORDER BY 1, 2""",
        LONG.since,
        LONG.until,
    )
    shown = rows(report, "load_steps", "person", "start", "decisions")
    assert sorted((who, start.date(), n) for who, start, n in shown if n) == said


@RANGES
@SPOKEN
async def test_reports_are_what_readers_made_and_people_answered(
    past: Past, days: Range, lang: str | None
) -> None:
    report = await past.report(days, lang=lang)
    told = """SELECT r.at, r.closed_at, c.status = 'removed' AS gone, r.reason FROM reports r
              JOIN comments c USING (site_id, article_id, comment_id)
              WHERE r.site_id = $1
                AND ($2::text IS NULL OR c.lang = $2 OR c.lang LIKE $2 || '-%')"""
    kept = await past.rows(told, lang)
    steps = [
        (
            start,
            sum(start <= at < start + days.step for at, *_ in kept),
            sum(start <= (closed or NEVER) < start + days.step for _, closed, *_ in kept),
            sum(
                gone and start <= (closed or NEVER) < start + days.step
                for _, closed, gone, _ in kept
            ),
        )
        for start in days.starts(now=NOW)
    ]
    assert rows(report, "reports", "start", "made", "answered", "upheld") == steps
    reasons = [
        (
            reason,
            sum(days.since <= at < days.until for at, _, _, of in kept if of == reason),
            sum(
                gone and closed is not None and days.since <= closed < days.until
                for _, closed, gone, of in kept
                if of == reason
            ),
            sum(
                closed is not None and days.since <= closed < days.until
                for _, closed, _, of in kept
                if of == reason
            ),
        )
        for reason in {of for *_, of in kept}
    ]
    shown = rows(report, "reasons", "reason", "made", "upheld", "answered")
    assert sorted(shown) == sorted(each for each in reasons if any(each[1:]))
    for _, made, approved, per_thousand in rows(
        report, "reports", "start", "made", "approved", "per_thousand"
    ):
        assert per_thousand == (pytest.approx(1_000 * made / approved) if approved else None)


@SPOKEN
async def test_calibration_sets_risks_beside_peoples_last_word(
    past: Past, lang: str | None
) -> None:
    report = await past.report(LONG, lang=lang)
    said = await past.rows(
        f"""WITH {JUDGED}
            SELECT least((risk::numeric * 100)::int / 10, 9), avg(risk::float8),
                   sum((word ~ '^re(ject|move)$')::int), count(*)
            FROM judged JOIN screenings s USING (comment_id, revision)
            WHERE s.site_id = $1 AND {SPEAKS.format("judged.lang")}
            GROUP BY 1 ORDER BY 1""",
        *asked(LONG, lang),
    )
    shown = rows(report, "calibration", "from", "predicted", "turned_down", "judged")
    assert len(shown) == 10
    seen = [row for row in shown if row[3]]
    assert [(round(row[0] * 10), *row[2:]) for row in seen] == [(row[0], *row[2:]) for row in said]
    assert [row[1] for row in seen] == pytest.approx([row[1] for row in said])
    assert {0, 9} <= {row[0] for row in said}


@RANGES
@SPOKEN
async def test_second_looks_are_counted_by_who_had_decided(
    past: Past, days: Range, lang: str | None
) -> None:
    report = await past.report(days, lang=lang)
    said = await past.rows(
        f"""SELECT kind, sum(same::int), count(*) FROM (
                SELECT (SELECT actor_kind FROM decisions d
                        WHERE d.comment_id = c.comment_id ORDER BY n LIMIT 1) AS kind,
                       (SELECT lang FROM decisions d
                        WHERE d.comment_id = c.comment_id ORDER BY n LIMIT 1) AS lang,
                       c.checked = (SELECT action FROM decisions d
                                    WHERE d.comment_id = c.comment_id ORDER BY n LIMIT 1) AS same
                FROM checks c
                WHERE c.site_id = $1 AND c.checked_at >= $2 AND c.checked_at < $3
            ) looks WHERE {SPEAKS.format("lang")} GROUP BY kind ORDER BY kind""",
        *asked(days, lang),
    )
    assert rows(report, "agreement", "decided_by", "agreed", "looks") == said
    assert {kind for kind, *_ in said} == {"member", "rule"} or lang is not None or days != LONG


async def test_tiles_are_of_the_range_and_of_as_many_days_before(past: Past) -> None:
    report = await past.report(WEEK)
    before = await past.report(WEEK.before)
    assert report.before == before.tiles
    assert report.tiles.decided == sum(each.all for each in report.volume)
    assert report.tiles.rejected.part == sum(each.rejected for each in report.volume)
    assert report.tiles.auto.part == sum(each.auto for each in report.volume)
    held = report.waits[0].whole
    assert held is not None
    assert (report.tiles.median_seconds, report.tiles.p90_seconds) == (held.p50, held.p90)


async def test_of_colleagues_only_seniors_are_told(past: Past) -> None:
    nour = past.people[0]
    report = await past.report(LONG, actor=nour, sees_others=False)
    assert [(each.name, each.own) for each in report.loads] == [("Nour", True)]
    assert report.people == 3
    everybody = await past.report(LONG, actor=nour)
    assert [(each.name, each.own) for each in everybody.loads] == [
        ("Nour", True),
        ("Kim", False),
        ("Sam", False),
    ]


async def test_sites_are_counted_together_and_no_other_one(past: Past, new_site: OpenSite) -> None:
    other = wired(await new_site())
    nour = await member(other.room, "Nour")
    other.people = [nour]
    item = await other.room.post()
    await decide(other, Action.APPROVE, [item], by=nour, at=NOW)
    one, two = past.room.site, other.room.site
    alone, both = (
        await past.report(),
        await past.statistics.report(
            [one, two], WEEK, lang=None, actor=nour, sees_others=True, now=NOW
        ),
    )
    assert both.tiles.decided == alone.tiles.decided + 1
    assert both.queue.waiting == alone.queue.waiting
    assert both.sites == [one.slug, two.slug]
    assert (await other.report()).tiles.decided == 1


async def test_many_days_are_counted_once_a_minute(empty: Past) -> None:
    nour, item = empty.people[0], await empty.room.post()
    await empty.report(LONG)
    await decide(empty, Action.APPROVE, [item], by=nour, at=NOW)
    again = await empty.report(LONG, now=NOW + timedelta(seconds=59))
    later = await empty.report(LONG, now=NOW + timedelta(seconds=60))
    assert (again.tiles.decided, again.made_at) == (0, NOW)
    assert (later.tiles.decided, later.made_at) == (1, NOW + timedelta(seconds=60))
    assert (await empty.report(WEEK)).tiles.decided == 1


async def test_of_nothing_every_table_is_there_and_says_nothing(empty: Past) -> None:
    report = await empty.report()
    assert report.tiles.decided == 0
    assert report.tiles.median_seconds is None
    assert len(table(report, "volume").rows) == 7
    assert {cell for row in table(report, "volume").rows for cell in row[1:]} == {0}
    for name in ("waits", "languages", "rules", "loads", "load_steps", "reasons"):
        assert table(report, name).rows == []
    assert len(table(report, "hours").rows) == 168


async def test_rows_are_as_wide_as_their_tables(past: Past) -> None:
    for each in tables(await past.report(LONG)):
        assert {len(row) for row in each.rows} == {len(each.columns)}, each.name


def median(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    middle, odd = divmod(len(ordered), 2)
    return ordered[middle] if odd else (ordered[middle - 1] + ordered[middle]) / 2
