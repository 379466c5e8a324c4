-- The newsroom's lists of articles: which ones, in which order, and what is told of each. A key that
-- was merged into another article is not listed: what lies under it is the other's.

-- name: newest
-- Articles, those that were met last first.
--   $1 site_id integer, $2 before timestamptz, $3 before_id uuid, $4 now timestamptz,
--   $5 states text[] (null: all), $6 pattern text (null: all), $7 limit integer
-- Index: articles_newest.
SELECT article_id, created_at, 0 AS weight
FROM articles
WHERE site_id = $1 AND merged_into IS NULL AND (created_at, article_id) < ($2, $3)
  AND ($5::text[] IS NULL
       OR CASE WHEN state IN ('open', 'premoderated') AND close_at <= $4 THEN 'closed'
               ELSE state END = ANY($5))
  AND ($6::text IS NULL OR title ILIKE $6 OR key ILIKE $6)
ORDER BY created_at DESC, article_id DESC
LIMIT $7;

-- name: hottest
-- Articles with comments since a moment, those with most first.
--   $1 site_id integer, $2 since_id uuid (a UUIDv7 of the moment), $3 below integer,
--   $4 below_id uuid, $5 now timestamptz, $6 states text[] (null: all),
--   $7 pattern text (null: all), $8 limit integer
-- Index: comment_places_pkey, what came since then; articles_pkey.
WITH came AS (
    SELECT coalesce(a.merged_into, p.article_id) AS article_id, count(*)::int AS weight
    FROM comment_places AS p
    LEFT JOIN articles AS a ON a.site_id = p.site_id AND a.article_id = p.article_id
    WHERE p.site_id = $1 AND p.comment_id >= $2
    GROUP BY 1
)
SELECT c.article_id, a.created_at, c.weight
FROM came AS c
LEFT JOIN articles AS a ON a.site_id = $1 AND a.article_id = c.article_id
WHERE (c.weight, c.article_id) < ($3, $4)
  AND ($6::text[] IS NULL
       OR CASE WHEN a.state IN ('open', 'premoderated') AND a.close_at <= $5 THEN 'closed'
               ELSE coalesce(a.state, 'open') END = ANY($6))
  AND ($7::text IS NULL OR a.title ILIKE $7 OR a.key ILIKE $7)
ORDER BY c.weight DESC, c.article_id DESC
LIMIT $8;

-- name: fullest
-- Articles with waiting comments, those with most first.
--   $1 site_id integer, $2 below integer, $3 below_id uuid, $4 now timestamptz,
--   $5 states text[] (null: all), $6 pattern text (null: all), $7 limit integer
-- Index: intake_journal_waiting, all that waits on the site; articles_pkey.
WITH waits AS (
    SELECT coalesce(a.merged_into, j.article_id) AS article_id, count(*)::int AS weight
    FROM intake_journal AS j
    LEFT JOIN articles AS a ON a.site_id = j.site_id AND a.article_id = j.article_id
    WHERE j.site_id = $1 AND j.state = 'waiting'
    GROUP BY 1
)
SELECT w.article_id, a.created_at, w.weight
FROM waits AS w
LEFT JOIN articles AS a ON a.site_id = $1 AND a.article_id = w.article_id
WHERE (w.weight, w.article_id) < ($2, $3)
  AND ($5::text[] IS NULL
       OR CASE WHEN a.state IN ('open', 'premoderated') AND a.close_at <= $4 THEN 'closed'
               ELSE coalesce(a.state, 'open') END = ANY($5))
  AND ($6::text IS NULL OR a.title ILIKE $6 OR a.key ILIKE $6)
ORDER BY w.weight DESC, w.article_id DESC
LIMIT $7;

-- name: outlines
-- What is told of some articles, whatever was merged into them included. Of one that nobody
-- decided on yet the journal knows the key.
--   $1 site_id integer, $2 article_ids uuid[], $3 since_id uuid (a UUIDv7 of the moment from which
--   comments count as lately come)
-- Index: articles_pkey; articles_merged; article_counts_pkey; comment_places_pkey, what came since
-- then; intake_journal_pkey or intake_journal_waiting, whichever is less.
WITH members AS (
    SELECT w.article_id AS whole, w.article_id
    FROM unnest($2::uuid[]) AS w (article_id)
    UNION ALL
    SELECT m.merged_into, m.article_id
    FROM articles AS m
    WHERE m.site_id = $1 AND m.merged_into = ANY($2::uuid[])
), came AS MATERIALIZED (
    SELECT p.article_id, count(*) AS many
    FROM comment_places AS p
    WHERE p.site_id = $1 AND p.comment_id >= $3
    GROUP BY p.article_id
), waits AS MATERIALIZED (
    SELECT j.article_id, count(*) AS many
    FROM members AS m
    JOIN intake_journal AS j ON j.site_id = $1 AND j.article_id = m.article_id
    WHERE j.state = 'waiting'
    GROUP BY j.article_id
), sums AS (
    SELECT m.whole, coalesce(sum(c.approved), 0)::bigint AS count,
           coalesce(sum(w.many), 0)::bigint AS waiting, coalesce(sum(r.many), 0)::bigint AS lately
    FROM members AS m
    LEFT JOIN article_counts AS c ON c.site_id = $1 AND c.article_id = m.article_id
    LEFT JOIN waits AS w ON w.article_id = m.article_id
    LEFT JOIN came AS r ON r.article_id = m.article_id
    GROUP BY m.whole
)
SELECT s.whole AS article_id, coalesce(a.key, j.key, '') AS key, a.url,
       coalesce(a.title, j.title) AS title, a.lang, coalesce(a.state, 'open') AS state, a.mode,
       a.close_at, a.views_per_hour, a.created_at, s.count, s.waiting, s.lately
FROM sums AS s
LEFT JOIN articles AS a ON a.site_id = $1 AND a.article_id = s.whole
LEFT JOIN LATERAL (
    SELECT e.payload ->> 'article_key' AS key, e.payload ->> 'article_title' AS title
    FROM intake_journal AS e
    WHERE e.site_id = $1 AND e.article_id = s.whole AND e.payload IS NOT NULL
    LIMIT 1
) AS j ON a.title IS NULL;
