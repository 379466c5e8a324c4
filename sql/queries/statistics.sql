-- What the page of statistics draws. Ranges are half-open, in UTC, and begin and end with days; a
-- language is a primary subtag ('' where nobody could tell). One decision's row says all that most
-- of it needs, so nothing is joined; the rest starts from what is rare.

-- name: judged
-- Decisions by hour or day, by language, by who and how.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all),
--   $5 step interval
-- Index: decisions_by_time.
SELECT date_bin($5, d.at, 'epoch') AS start, coalesce(d.lang, '') AS lang,
       d.actor_kind = 'rule' AS automatic, d.action = 'approve' AS approved, count(*) AS decided
FROM decisions d
WHERE d.site_id = ANY($1::integer[]) AND d.at >= $2 AND d.at < $3
  AND d.action IN ('approve', 'reject')
  AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
GROUP BY 1, 2, 3, 4;

-- name: waits
-- How long comments waited until somebody decided them, and how many no longer than they should:
-- by pile and hour or day, and by pile alone (start is null). Held ones from when they came, which
-- their id says, to the first decision, if a person made it; reported ones from the first report;
-- new ones from when they were public until somebody saw them; appeals from when they were made.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all),
--   $5 step interval, $6 held_due double precision[] (seconds, a site each),
--   $7 reported_due double precision, $8 new_due double precision,
--   $9 appeals_due double precision
-- Index: decisions_by_time, decisions_pkey, reports_answered, seen_by_time, comments_pkey,
-- appeals_answered.
WITH waited AS (
    SELECT 'held' AS lane, date_bin($5, d.at, 'epoch') AS start,
           extract(epoch FROM d.at)::double precision
               - ('x0000' || left(translate(d.comment_id::text, '-', ''), 12))::bit(64)::bigint
                 / 1000.0::double precision AS seconds,
           ($6::double precision[])[array_position($1::integer[], d.site_id)] AS due
    FROM decisions d
    WHERE d.site_id = ANY($1::integer[]) AND d.at >= $2 AND d.at < $3
      AND d.action IN ('approve', 'reject') AND d.kind = 'new'
      AND d.actor_kind IN ('member', 'key')
      AND substr(d.comment_id::text, 15, 1) = '7'
      AND (d.n = 1 OR NOT EXISTS (
          SELECT FROM decisions b
          WHERE b.site_id = d.site_id AND b.article_id = d.article_id
            AND b.comment_id = d.comment_id AND b.n < d.n AND b.action IN ('approve', 'reject')))
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
    UNION ALL
    SELECT 'reported', date_bin($5, r.closed_at, 'epoch'),
           extract(epoch FROM r.closed_at - min(r.at)), $7
    FROM reports r
    JOIN comments c ON c.site_id = r.site_id AND c.article_id = r.article_id
        AND c.comment_id = r.comment_id
    WHERE r.site_id = ANY($1::integer[]) AND r.closed_at >= $2 AND r.closed_at < $3
      AND ($4::text IS NULL OR split_part(lower(c.lang), '-', 1) = $4)
    GROUP BY r.site_id, r.article_id, r.comment_id, r.closed_at
    UNION ALL
    SELECT 'new', date_bin($5, s.at, 'epoch'), extract(epoch FROM s.at - c.published_at), $8
    FROM seen s
    JOIN comments c ON c.site_id = s.site_id AND c.article_id = s.article_id
        AND c.comment_id = s.comment_id
    WHERE s.site_id = ANY($1::integer[]) AND s.at >= $2 AND s.at < $3
      AND ($4::text IS NULL OR split_part(lower(c.lang), '-', 1) = $4)
    UNION ALL
    SELECT 'appeals', date_bin($5, p.answered_at, 'epoch'),
           extract(epoch FROM p.answered_at - p.at), $9
    FROM appeals p
    JOIN decisions d ON d.site_id = p.site_id AND d.article_id = p.article_id
        AND d.comment_id = p.comment_id AND d.n = p.n
    WHERE p.site_id = ANY($1::integer[]) AND p.answered_at >= $2 AND p.answered_at < $3
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
)
SELECT lane, start, count(*) AS decided, count(*) FILTER (WHERE seconds <= due) AS in_time,
       percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY greatest(seconds, 0))
           AS quantiles
FROM waited
GROUP BY GROUPING SETS ((lane, start), (lane))
ORDER BY lane, start NULLS FIRST;

-- name: waiting
-- What waits now, by age: band 0 is younger than the first edge, the last older than all.
--   $1 site_ids integer[], $2 now timestamptz, $3 lang text (null: all),
--   $4 edges double precision[] (seconds, rising), $5 due double precision[] (seconds, a site each)
-- Index: intake_journal_waiting.
SELECT width_bucket(w.age, $4::double precision[]) AS band, count(*) AS waiting,
       count(*) FILTER (WHERE w.age > w.due) AS overdue, max(w.age) AS oldest
FROM intake_journal j
CROSS JOIN LATERAL (
    SELECT greatest(extract(epoch FROM $2 - j.created_at), 0)::double precision AS age,
           ($5::double precision[])[array_position($1::integer[], j.site_id)] AS due
) w
WHERE j.site_id = ANY($1::integer[]) AND j.state = 'waiting'
  AND ($3::text IS NULL OR split_part(lower(coalesce(
      j.payload ->> 'lang', j.payload -> 'screened' ->> 'lang')), '-', 1) = $3)
GROUP BY 1
ORDER BY 1;

-- name: queued
-- How many new comments waited at full hours, and how many of them longer than they should: from
-- when they came until they were first decided, or taken away. Hours at which nothing waited have no row.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz (both full hours),
--   $4 lang text (null: all), $5 due double precision[] (seconds, a site each)
-- Index: decisions_by_time, decisions_pkey, intake_journal_waiting.
WITH spans AS (
    SELECT to_timestamp(('x0000' || left(translate(d.comment_id::text, '-', ''), 12))::bit(64)::bigint
                        / 1000.0::double precision) AS came, d.at AS gone, d.site_id
    FROM decisions d
    WHERE d.site_id = ANY($1::integer[]) AND d.at > $2 AND d.kind = 'new' AND d.actor_kind <> 'rule'
      AND d.action IN ('approve', 'reject', 'withdraw', 'delete', 'duplicate', 'erase')
      AND substr(d.comment_id::text, 15, 1) = '7'
      AND (d.n = 1 OR NOT EXISTS (
          SELECT FROM decisions b
          WHERE b.site_id = d.site_id AND b.article_id = d.article_id
            AND b.comment_id = d.comment_id AND b.n < d.n
            AND b.action IN ('approve', 'reject', 'withdraw', 'delete', 'duplicate', 'erase')))
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
    UNION ALL
    SELECT j.created_at, 'infinity', j.site_id
    FROM intake_journal j
    WHERE j.site_id = ANY($1::integer[]) AND j.state = 'waiting' AND j.kind = 'new'
      AND NOT EXISTS (
          SELECT FROM decisions b
          WHERE b.site_id = j.site_id AND b.article_id = j.article_id
            AND b.comment_id = j.comment_id
            AND b.action IN ('approve', 'reject', 'withdraw', 'delete', 'duplicate', 'erase'))
      AND ($4::text IS NULL OR split_part(lower(coalesce(
          j.payload ->> 'lang', j.payload -> 'screened' ->> 'lang')), '-', 1) = $4)
)
SELECT hour, count(*) AS waiting,
       count(*) FILTER (WHERE extract(epoch FROM hour - came)
           > ($5::double precision[])[array_position($1::integer[], site_id)]) AS overdue
FROM spans
CROSS JOIN LATERAL generate_series(
    greatest(date_bin('1 hour', came - interval '1 microsecond', 'epoch')
             + interval '1 hour', $2),
    least(gone - interval '1 microsecond', $3), interval '1 hour') AS hour
WHERE gone > came
GROUP BY hour
ORDER BY hour;

-- name: worked
-- What people decided, of any kind, by hour or day: how much, in how many different hours, and how
-- much of it approvals and rejections.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all),
--   $5 step interval
-- Index: decisions_by_time.
SELECT actor_kind, actor_id, date_bin($5, hour, 'epoch') AS start, count(*) AS hours,
       sum(decided)::bigint AS decided, sum(judged)::bigint AS judged
FROM (
    SELECT d.actor_kind, d.actor_id, date_bin('1 hour', d.at, 'epoch') AS hour, count(*) AS decided,
           count(*) FILTER (WHERE d.action IN ('approve', 'reject')) AS judged
    FROM decisions d
    WHERE d.site_id = ANY($1::integer[]) AND d.at >= $2 AND d.at < $3
      AND d.action IN ('approve', 'reject', 'remove', 'restore', 'escalate', 'reverse')
      AND d.actor_kind IN ('member', 'key')
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
    GROUP BY 1, 2, 3
) hourly
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: overturned
-- Decisions of a time that somebody else has turned round since: undone, an approved text removed,
-- a rejected one let through. What turned them round must not have been undone itself.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all)
-- Index: decisions_later, decisions_pkey.
SELECT actor_kind, actor_id, count(*) AS overturned
FROM (
    SELECT DISTINCT d.site_id, d.article_id, d.comment_id, d.n, d.actor_kind, d.actor_id
    FROM decisions l
    JOIN decisions d ON d.site_id = l.site_id AND d.article_id = l.article_id
        AND d.comment_id = l.comment_id AND d.n < l.n
    WHERE l.site_id = ANY($1::integer[]) AND l.at >= $2 AND l.n > 1
      AND l.actor_kind IN ('member', 'key')
      AND d.at >= $2 AND d.at < $3 AND d.action IN ('approve', 'reject')
      AND (d.actor_kind, d.actor_id) <> (l.actor_kind, l.actor_id)
      AND (l.reverses = d.decision_id
           OR (l.revision = d.revision
               AND (d.action = 'approve' AND l.action = 'remove'
                    OR d.action = 'reject' AND l.action IN ('approve', 'restore'))))
      AND NOT EXISTS (
          SELECT FROM decisions u
          WHERE u.site_id = l.site_id AND u.article_id = l.article_id
            AND u.comment_id = l.comment_id AND u.n > l.n AND u.reverses = l.decision_id)
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
) turned
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: reported
-- Reports by hour or day: how many came, how many were answered, and how many of those were
-- followed by a removal that still holds; by reason alone, too (start is null).
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all),
--   $5 step interval
-- Index: reports_made, reports_answered, comments_pkey.
WITH told AS (
    SELECT r.at, r.closed_at, r.reason, c.status = 'removed' AS removed
    FROM reports r
    JOIN comments c ON c.site_id = r.site_id AND c.article_id = r.article_id
        AND c.comment_id = r.comment_id
    WHERE r.site_id = ANY($1::integer[])
      AND (r.at >= $2 AND r.at < $3 OR r.closed_at >= $2 AND r.closed_at < $3)
      AND ($4::text IS NULL OR split_part(lower(c.lang), '-', 1) = $4)
), said AS (
    SELECT date_bin($5, at, 'epoch') AS start, reason, 1 AS made, 0 AS answered, 0 AS upheld
    FROM told WHERE at >= $2 AND at < $3
    UNION ALL
    SELECT date_bin($5, closed_at, 'epoch'), reason, 0, 1, removed::integer
    FROM told WHERE closed_at >= $2 AND closed_at < $3
)
SELECT start, reason, sum(made)::bigint AS made, sum(answered)::bigint AS answered,
       sum(upheld)::bigint AS upheld
FROM said
GROUP BY GROUPING SETS ((start), (reason))
ORDER BY start, reason;

-- name: texts_judged
-- Texts that people first judged in a time, by what screening had seen in them, and how many of
-- them they turned down: their last word so far counts, and what was undone and not decided again
-- does not. By rule that had spoken (bin is null), and by risk in ten bins from 0 to 1 (rule is
-- null), with the mean of the risks.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all)
-- Index: decisions_by_time, decisions_later, decisions_pkey.
WITH later AS MATERIALIZED (
    SELECT DISTINCT ON (site_id, article_id, comment_id, revision)
           site_id, article_id, comment_id, revision, n, action
    FROM decisions
    WHERE site_id = ANY($1::integer[]) AND at >= $2 AND n > 1
      AND action IN ('approve', 'restore', 'reject', 'remove', 'reverse')
    ORDER BY site_id, article_id, comment_id, revision, n DESC
), judged AS (
    SELECT d.risk, d.rules, coalesce(l.action, d.action) AS action
    FROM decisions d
    LEFT JOIN later l ON l.site_id = d.site_id AND l.article_id = d.article_id
        AND l.comment_id = d.comment_id AND l.revision = d.revision AND l.n > d.n
    WHERE d.site_id = ANY($1::integer[]) AND d.at >= $2 AND d.at < $3
      AND d.action IN ('approve', 'reject') AND d.actor_kind IN ('member', 'key')
      AND d.risk IS NOT NULL AND l.action IS DISTINCT FROM 'reverse'
      AND (d.n = 1 OR NOT EXISTS (
          SELECT FROM decisions b
          WHERE b.site_id = d.site_id AND b.article_id = d.article_id
            AND b.comment_id = d.comment_id AND b.n < d.n AND b.revision = d.revision
            AND b.action IN ('approve', 'reject')))
      AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
)
SELECT NULL::integer AS bin, spoke.rule, count(*) AS judged,
       count(*) FILTER (WHERE action IN ('reject', 'remove')) AS turned_down,
       NULL::double precision AS predicted
FROM judged, unnest(rules) AS spoke (rule)
GROUP BY spoke.rule
UNION ALL
SELECT least(floor(risk * 10), 9)::integer AS bin, NULL, count(*),
       count(*) FILTER (WHERE action IN ('reject', 'remove')), avg(risk)::double precision
FROM judged
GROUP BY 1
ORDER BY 1, 2;

-- name: second_looks
-- Second looks of a time, and how many of them said the same, by kind of who had decided.
--   $1 site_ids integer[], $2 since timestamptz, $3 until timestamptz, $4 lang text (null: all)
-- Index: checks_answered, decisions_pkey.
SELECT c.decided_by, count(*) AS looks, count(*) FILTER (WHERE c.checked = c.verdict) AS agreed
FROM checks c
JOIN decisions d ON d.site_id = c.site_id AND d.article_id = c.article_id
    AND d.comment_id = c.comment_id AND d.n = c.n
WHERE c.site_id = ANY($1::integer[]) AND c.checked IS NOT NULL
  AND c.checked_at >= $2 AND c.checked_at < $3
  AND ($4::text IS NULL OR split_part(lower(d.lang), '-', 1) = $4)
GROUP BY c.decided_by
ORDER BY c.decided_by;
