-- What readers report, and what the newsroom makes of it.

-- name: hold_comment
-- A public comment, held while a report is counted.
--   $1 site_id integer, $2 comment_id uuid
-- Index: comment_places_pkey, comments_pkey.
SELECT c.article_id, c.revision
FROM comment_places p
JOIN comments c ON c.site_id = p.site_id AND c.article_id = p.article_id
    AND c.comment_id = p.comment_id
WHERE p.site_id = $1 AND p.comment_id = $2 AND c.status = 'approved'
FOR UPDATE OF c;

-- name: add
-- A report; one that was made before stays as it is.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 reporter_key text,
--   $5 report_id uuid, $6 reason text, $7 text text, $8 notice jsonb, $9 at timestamptz
INSERT INTO reports
    (site_id, article_id, comment_id, reporter_key, report_id, reason, text, notice, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (site_id, article_id, comment_id, reporter_key) DO NOTHING
RETURNING report_id;

-- name: find
-- The report somebody made of a comment.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 reporter_key text
-- Index: reports_pkey.
SELECT report_id FROM reports
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND reporter_key = $4;

-- name: open_by_reason
-- Open reports of some comments, counted by reason.
--   $1 site_id integer, $2 comment_ids uuid[]
-- Index: reports_open.
SELECT comment_id, reason, count(*) AS reports
FROM reports
WHERE site_id = $1 AND comment_id = ANY($2::uuid[]) AND closed_at IS NULL
GROUP BY comment_id, reason
ORDER BY comment_id, reports DESC, reason;

-- name: lane
-- Comments with open reports, the most reported first, then those reported longest ago.
--   $1 site_id integer, $2 after_reports bigint, $3 after_first timestamptz, $4 after_id uuid
--   (all null: from the start), $5 limit integer
-- Index: reports_open.
SELECT comment_id, reports, first_at FROM (
    SELECT comment_id, count(*) AS reports, min(at) AS first_at
    FROM reports
    WHERE site_id = $1 AND closed_at IS NULL
    GROUP BY comment_id
) reported
WHERE $2::bigint IS NULL OR reports < $2
   OR (reports = $2 AND (first_at, comment_id) > ($3::timestamptz, $4::uuid))
ORDER BY reports DESC, first_at, comment_id
LIMIT $5;

-- name: count_lane
-- How many comments have open reports.
--   $1 site_id integer
-- Index: reports_open.
SELECT count(DISTINCT comment_id) AS comments
FROM reports WHERE site_id = $1 AND closed_at IS NULL;

-- name: close
-- Somebody has answered every report of a comment.
--   $1 site_id integer, $2 comment_id uuid, $3 at timestamptz, $4 closed_kind text,
--   $5 closed_id text
-- Index: reports_open.
UPDATE reports SET closed_at = $3, closed_kind = $4, closed_id = $5
WHERE site_id = $1 AND comment_id = $2 AND closed_at IS NULL
RETURNING report_id;

-- name: reopen
-- The reports of a comment that were answered last, if this person did that.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 closed_kind text,
--   $5 closed_id text
-- Index: reports_pkey.
UPDATE reports SET closed_at = NULL, closed_kind = NULL, closed_id = NULL
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
  AND closed_kind = $4 AND closed_id = $5
  AND closed_at = (SELECT max(closed_at) FROM reports
                   WHERE site_id = $1 AND article_id = $2 AND comment_id = $3)
RETURNING report_id;
