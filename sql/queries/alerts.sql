-- Alerts: comments of which a rule wants somebody told at once.

-- name: untold
-- Tick off what open pages were not told of yet, the oldest first, and return it.
--   $1 now timestamptz, $2 limit integer
-- Index: alerts_untold, alerts_pkey.
WITH fresh AS (
    SELECT site_id, article_id, comment_id, rule FROM alerts
    WHERE told_at IS NULL ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE alerts AS a SET told_at = $1
FROM fresh
WHERE a.site_id = fresh.site_id AND a.article_id = fresh.article_id
  AND a.comment_id = fresh.comment_id AND a.rule = fresh.rule
RETURNING a.site_id, a.article_id, a.comment_id, a.rule, a.label, a.severity, a.role, a.at;

-- name: ring
-- Note that webhooks are told of a rule by one of its alerts; no row when they were told lately.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 rule text, $5 now timestamptz,
--   $6 since timestamptz
-- Index: alerts_pkey, alerts_rung.
UPDATE alerts SET rang_at = $5
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND rule = $4
  AND NOT EXISTS (
      SELECT 1 FROM alerts AS earlier
      WHERE earlier.site_id = $1 AND earlier.rule = $4 AND earlier.rang_at > $6
        AND earlier.rang_at IS NOT NULL
  )
RETURNING rule;

-- name: tell_webhooks
-- Tell them without waiting for half a minute: nothing was decided that could be undone.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 facts jsonb, $5 at timestamptz,
--   $6 now timestamptz
-- Index: webhooks_pkey.
INSERT INTO webhook_events (site_id, kind, article_id, comment_id, facts, at, ripe_at)
SELECT $1, 'comment.alerted', $2, $3, $4, $5, $6
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = $1 AND state = 'active');

-- name: unseen
-- What nobody has seen yet and no person has decided, a row a rule, the worst first.
--   $1 site_id integer, $2 since timestamptz, $3 roles text[], $4 limit integer
-- Index: alerts_unseen, decisions_pkey.
WITH latest AS (
    SELECT article_id, comment_id, rule, label, severity, at FROM alerts
    WHERE site_id = $1 AND seen_at IS NULL AND at >= $2 AND role = ANY($3)
    ORDER BY at DESC LIMIT $4
)
SELECT rule, (array_agg(label ORDER BY at DESC))[1] AS label, max(severity)::int AS severity,
       count(*)::int AS comments, min(at) AS first_at, max(at) AS latest_at,
       (array_agg(comment_id ORDER BY at DESC))[1] AS comment_id
FROM latest AS a
WHERE NOT EXISTS (
    SELECT 1 FROM decisions AS d
    WHERE d.site_id = $1 AND d.article_id = a.article_id AND d.comment_id = a.comment_id
      AND d.actor_kind IN ('member', 'key')
)
GROUP BY rule
ORDER BY max(severity) DESC, max(at) DESC, rule;

-- name: see
-- Note that somebody has seen what a rule alerted of up to a time; returns how many.
--   $1 site_id integer, $2 rule text, $3 upto timestamptz, $4 roles text[], $5 now timestamptz,
--   $6 seen_by text
-- Index: alerts_unseen.
WITH seen AS (
    UPDATE alerts SET seen_at = $5, seen_by = $6
    WHERE site_id = $1 AND rule = $2 AND seen_at IS NULL AND at <= $3 AND role = ANY($4)
    RETURNING rule
)
SELECT count(*)::int FROM seen;

-- name: purge
-- What is too old to matter, some at a time.
--   $1 before timestamptz, $2 limit integer
-- Index: alerts_by_time.
DELETE FROM alerts
WHERE ctid = ANY(ARRAY(SELECT ctid FROM alerts WHERE at < $1 ORDER BY at LIMIT $2));
