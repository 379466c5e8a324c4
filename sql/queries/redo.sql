-- What Redis remembers of decisions, compared with the log.

-- name: identity
-- Which Postgres this is, and on which of its timelines.
-- Index: none; no table is read.
SELECT s.system_identifier, c.timeline_id
FROM pg_control_system() s, pg_control_checkpoint() c;

-- name: known
-- Which of several decisions the log has.
--   $1 site_id integer, $2 comment_ids uuid[], $3 decision_ids uuid[] (side by side)
-- Index: decisions_by_id.
SELECT d.comment_id, d.decision_id
FROM unnest($2::uuid[], $3::uuid[]) AS wanted (comment_id, decision_id)
JOIN decisions d ON d.site_id = $1 AND d.decision_id = wanted.decision_id
    AND d.comment_id = wanted.comment_id;

-- name: is_erased
-- Whether an author was forgotten.
--   $1 site_id integer, $2 subject bytea
-- Index: erasures_pkey.
SELECT EXISTS (SELECT FROM erasures WHERE site_id = $1 AND subject = $2);
