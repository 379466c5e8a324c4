-- The sample of decisions that somebody else judges again, without being told how they were decided.

-- name: decided
-- Decisions on comments in a stretch of time, the oldest first.
--   $1 site_id integer, $2 after timestamptz, $3 until timestamptz, $4 limit integer
-- Index: decisions_by_time.
SELECT article_id, comment_id, n, action, actor_kind, actor_id, at
FROM decisions
WHERE site_id = $1 AND at > $2 AND at <= $3 AND kind = 'new'
  AND action IN ('approve', 'reject', 'remove') AND actor_kind <> 'author'
ORDER BY at, comment_id
LIMIT $4;

-- name: count_day
-- How many decisions since a moment are in the sample.
--   $1 site_id integer, $2 since timestamptz
-- Index: checks_by_day.
SELECT count(*) AS checks FROM checks WHERE site_id = $1 AND decided_at >= $2;

-- name: add
-- A decision into the sample; a comment is in it once.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 n integer, $5 decided_by text,
--   $6 decider_id text, $7 verdict text, $8 decided_at timestamptz
INSERT INTO checks
    (site_id, article_id, comment_id, n, decided_by, decider_id, verdict, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (site_id, article_id, comment_id) DO NOTHING;

-- name: lane
-- What is to be checked by somebody who did not decide it and was not told how it was, and stands
-- as it was decided, the oldest first.
--   $1 site_id integer, $2 actor_kind text, $3 actor_id text (both null: by anybody),
--   $4 after_at timestamptz, $5 after_id uuid (both null: from the start), $6 limit integer
-- Index: checks_open, decisions_pkey.
SELECT c.comment_id, c.decided_at
FROM checks c
WHERE c.site_id = $1 AND c.checked IS NULL
  AND (c.decided_by, c.decider_id) IS DISTINCT FROM ($2::text, $3::text)
  AND ($2::text || ':' || $3::text = ANY(c.told)) IS NOT TRUE
  AND (c.decided_at, c.comment_id) > (coalesce($4::timestamptz, '-infinity'),
                                      coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))
  AND NOT EXISTS (SELECT 1 FROM decisions d
                  WHERE d.site_id = c.site_id AND d.article_id = c.article_id
                    AND d.comment_id = c.comment_id AND d.n > c.n)
ORDER BY c.decided_at, c.comment_id
LIMIT $6;

-- name: count_lane
-- How much is to be checked, by the same rules.
--   $1 site_id integer, $2 actor_kind text, $3 actor_id text (both null: by anybody),
--   $4 at_most integer
-- Index: checks_open, decisions_pkey.
SELECT count(*) AS checks FROM (
    SELECT 1 FROM checks c
    WHERE c.site_id = $1 AND c.checked IS NULL
      AND (c.decided_by, c.decider_id) IS DISTINCT FROM ($2::text, $3::text)
      AND ($2::text || ':' || $3::text = ANY(c.told)) IS NOT TRUE
      AND NOT EXISTS (SELECT 1 FROM decisions d
                      WHERE d.site_id = c.site_id AND d.article_id = c.article_id
                        AND d.comment_id = c.comment_id AND d.n > c.n)
    LIMIT $4
) open_checks;

-- name: find
-- The check of a comment.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: checks_pkey.
SELECT n, decided_by, decider_id, verdict, checked, told FROM checks
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: answer
-- What the second look says; no row when somebody was faster.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 checked text, $5 reason text,
--   $6 actor_kind text, $7 actor_id text, $8 at timestamptz
-- Index: checks_pkey.
UPDATE checks
SET checked = $4, reason = $5, actor_kind = $6, actor_id = $7, checked_at = $8
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND checked IS NULL
RETURNING n;

-- name: withdraw
-- A second look that whoever took it takes back, as it was; they are not asked again.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 actor_kind text,
--   $5 actor_id text
-- Index: checks_pkey.
WITH taken AS (
    SELECT checked, reason, checked_at FROM checks
    WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
      AND actor_kind = $4 AND actor_id = $5
    FOR UPDATE
)
UPDATE checks c
SET checked = NULL, reason = NULL, actor_kind = NULL, actor_id = NULL, checked_at = NULL,
    told = array_append(c.told, $4::text || ':' || $5::text)
FROM taken
WHERE c.site_id = $1 AND c.article_id = $2 AND c.comment_id = $3
RETURNING taken.checked, taken.reason, taken.checked_at;

-- name: agreement
-- How many second looks of a stretch of time there were, and how many said the same, by kind of
-- who had decided.
--   $1 site_id integer, $2 since timestamptz, $3 until timestamptz
-- Index: checks_answered.
SELECT decided_by, count(*) AS checks, count(*) FILTER (WHERE checked = verdict) AS agreed
FROM checks
WHERE site_id = $1 AND checked IS NOT NULL AND checked_at >= $2 AND checked_at < $3
GROUP BY decided_by
ORDER BY decided_by;

-- name: forget
-- Drop what nobody has checked in time.
--   $1 site_id integer, $2 before timestamptz
-- Index: checks_open.
DELETE FROM checks WHERE site_id = $1 AND checked IS NULL AND decided_at < $2;
