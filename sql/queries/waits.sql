-- How long comments wait for somebody to decide.

-- name: first_rulings
-- When people first ruled on comments, the newest of the latest decisions of a time. What rules
-- decide is looked through with them, so that the answer is never dear.
--   $1 site_id integer, $2 since timestamptz, $3 limit integer
-- Index: decisions_by_time, read backwards.
SELECT latest.comment_id, latest.at
FROM (
    SELECT comment_id, n, action, actor_kind, at
    FROM decisions
    WHERE site_id = $1 AND at >= $2
    ORDER BY at DESC
    LIMIT $3
) latest
WHERE latest.n = 1 AND latest.action IN ('approve', 'reject')
    AND latest.actor_kind IN ('member', 'key');
