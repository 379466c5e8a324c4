-- Decisions on clusters: what waits in one is decided piece by piece, and undone once.

-- name: begin
-- A new operation; no row when there is one of this id.
--   $1 site_id integer, $2 operation_id uuid, $3 cluster_id uuid, $4 action text, $5 reason text,
--   $6 note text, $7 actor_kind text, $8 actor_id text, $9 sees_escalated boolean,
--   $10 at timestamptz
INSERT INTO cluster_decisions (site_id, operation_id, cluster_id, state, action, reason, note,
                               actor_kind, actor_id, sees_escalated, at)
VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (site_id, operation_id) DO NOTHING
RETURNING operation_id;

-- name: add_items
-- The comments of an operation, each with the id its decision will have.
--   $1 site_id integer, $2 operation_id uuid, $3 comment_ids uuid[], $4 revisions integer[],
--   $5 decision_ids uuid[] (side by side)
INSERT INTO cluster_decision_items (site_id, operation_id, comment_id, revision, decision_id)
SELECT $1, $2, comment_id, revision, decision_id
FROM unnest($3::uuid[], $4::integer[], $5::uuid[]) AS item (comment_id, revision, decision_id);

-- name: to_decide
-- What waits in a cluster now and was ticked, the oldest first.
--   $1 site_id integer, $2 cluster_id uuid, $3 see_escalated boolean, $4 with_outliers boolean,
--   $5 only uuid[] (null: all), $6 without uuid[], $7 limit integer
-- Index: cluster_members_in_order.
SELECT comment_id, revision
FROM cluster_members
WHERE site_id = $1 AND cluster_id = $2 AND waits AND ($3 OR NOT escalated)
  AND CASE WHEN $5::uuid[] IS NULL THEN $4 OR NOT outlier ELSE comment_id = ANY($5) END
  AND comment_id <> ALL($6::uuid[])
ORDER BY comment_id
LIMIT $7;

-- name: find
-- An operation and how far it is.
--   $1 site_id integer, $2 operation_id uuid
-- Index: cluster_decisions_pkey, cluster_decision_items_pkey.
SELECT o.operation_id, o.cluster_id, o.state, o.action, o.reason, o.note, o.actor_kind,
       o.actor_id, o.sees_escalated, o.undone_kind, o.undone_by, o.at, o.ended_at,
       i.total, i.decided, i.skipped, i.restored
FROM cluster_decisions o
CROSS JOIN LATERAL (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE outcome IN ('applied', 'replayed')) AS decided,
           count(*) FILTER (WHERE outcome NOT IN ('applied', 'replayed')) AS skipped,
           count(*) FILTER (WHERE undone = 'undone') AS restored
    FROM cluster_decision_items WHERE site_id = o.site_id AND operation_id = o.operation_id
) i
WHERE o.site_id = $1 AND o.operation_id = $2;

-- name: under_way
-- The oldest operation of each site that is not at its end.
-- Index: cluster_decisions_under_way.
SELECT DISTINCT ON (site_id) site_id, operation_id
FROM cluster_decisions
WHERE state IN ('running', 'undoing')
ORDER BY site_id, at;

-- name: untried
-- What is still to be decided.
--   $1 site_id integer, $2 operation_id uuid, $3 limit integer
-- Index: cluster_decision_items_pkey.
SELECT comment_id, revision, decision_id
FROM cluster_decision_items
WHERE site_id = $1 AND operation_id = $2 AND outcome IS NULL
ORDER BY comment_id
LIMIT $3;

-- name: note_outcomes
-- What became of some decisions.
--   $1 site_id integer, $2 operation_id uuid, $3 comment_ids uuid[], $4 outcomes text[] (side by
--   side)
-- Index: cluster_decision_items_pkey.
UPDATE cluster_decision_items i SET outcome = said.outcome
FROM unnest($3::uuid[], $4::text[]) AS said (comment_id, outcome)
WHERE i.site_id = $1 AND i.operation_id = $2 AND i.comment_id = said.comment_id;

-- name: to_undo
-- What is still to be undone: also what nobody noted the outcome of, where it may have been tried.
--   $1 site_id integer, $2 operation_id uuid, $3 limit integer
-- Index: cluster_decision_items_pkey.
SELECT comment_id, revision, decision_id
FROM cluster_decision_items
WHERE site_id = $1 AND operation_id = $2 AND undone IS NULL
  AND (outcome IS NULL OR outcome IN ('applied', 'replayed'))
ORDER BY comment_id
LIMIT $3;

-- name: note_undone
-- What became of undoing some.
--   $1 site_id integer, $2 operation_id uuid, $3 comment_ids uuid[], $4 undone text[] (side by side)
-- Index: cluster_decision_items_pkey.
UPDATE cluster_decision_items i SET undone = said.undone
FROM unnest($3::uuid[], $4::text[]) AS said (comment_id, undone)
WHERE i.site_id = $1 AND i.operation_id = $2 AND i.comment_id = said.comment_id;

-- name: end
-- An operation is at its end, unless somebody asked meanwhile for something else.
--   $1 site_id integer, $2 operation_id uuid, $3 from text, $4 to text, $5 at timestamptz
-- Index: cluster_decisions_pkey.
UPDATE cluster_decisions SET state = $4, ended_at = $5
WHERE site_id = $1 AND operation_id = $2 AND state = $3
RETURNING operation_id;

-- name: undo
-- An operation is to be undone; no row when that was asked before.
--   $1 site_id integer, $2 operation_id uuid, $3 actor_kind text, $4 actor_id text
-- Index: cluster_decisions_pkey.
UPDATE cluster_decisions
SET state = 'undoing', undone_kind = $3, undone_by = $4, ended_at = NULL
WHERE site_id = $1 AND operation_id = $2 AND state IN ('running', 'done', 'stopped')
RETURNING operation_id;
