-- Sweeps: everything an author has waiting is rejected, batch by batch, and undone once.

-- name: begin
-- A new sweep; no row when there is one of this id.
--   $1 site_id integer, $2 sweep_id uuid, $3 author_id uuid, $4 reason text, $5 note text,
--   $6 actor_kind text, $7 actor_id text, $8 sees_escalated boolean, $9 at timestamptz
INSERT INTO sweeps (site_id, sweep_id, author_id, state, reason, note, actor_kind, actor_id,
                    sees_escalated, at)
VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9)
ON CONFLICT (site_id, sweep_id) DO NOTHING
RETURNING sweep_id;

-- name: add_items
-- The comments of a sweep, each with the id its decision will have.
--   $1 site_id integer, $2 sweep_id uuid, $3 comment_ids uuid[], $4 revisions integer[],
--   $5 decision_ids uuid[] (side by side)
INSERT INTO sweep_items (site_id, sweep_id, comment_id, revision, decision_id)
SELECT $1, $2, comment_id, revision, decision_id
FROM unnest($3::uuid[], $4::integer[], $5::uuid[]) AS item (comment_id, revision, decision_id);

-- name: find
-- A sweep and how far it is.
--   $1 site_id integer, $2 sweep_id uuid
-- Index: sweeps_pkey, sweep_items_pkey.
SELECT s.sweep_id, s.author_id, s.state, s.reason, s.note, s.actor_kind, s.actor_id,
       s.sees_escalated, s.undone_kind, s.undone_by, s.at, s.ended_at,
       i.total, i.rejected, i.skipped, i.restored
FROM sweeps s
CROSS JOIN LATERAL (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE outcome IN ('applied', 'replayed')) AS rejected,
           count(*) FILTER (WHERE outcome NOT IN ('applied', 'replayed')) AS skipped,
           count(*) FILTER (WHERE undone = 'undone') AS restored
    FROM sweep_items WHERE site_id = s.site_id AND sweep_id = s.sweep_id
) i
WHERE s.site_id = $1 AND s.sweep_id = $2;

-- name: under_way
-- The oldest sweep of each site that is not at its end.
-- Index: sweeps_under_way.
SELECT DISTINCT ON (site_id) site_id, sweep_id
FROM sweeps
WHERE state IN ('running', 'undoing')
ORDER BY site_id, at;

-- name: untried
-- What is still to be rejected.
--   $1 site_id integer, $2 sweep_id uuid, $3 limit integer
-- Index: sweep_items_pkey.
SELECT comment_id, revision, decision_id
FROM sweep_items
WHERE site_id = $1 AND sweep_id = $2 AND outcome IS NULL
ORDER BY comment_id
LIMIT $3;

-- name: note_outcomes
-- What became of some decisions.
--   $1 site_id integer, $2 sweep_id uuid, $3 comment_ids uuid[], $4 outcomes text[] (side by side)
-- Index: sweep_items_pkey.
UPDATE sweep_items i SET outcome = said.outcome
FROM unnest($3::uuid[], $4::text[]) AS said (comment_id, outcome)
WHERE i.site_id = $1 AND i.sweep_id = $2 AND i.comment_id = said.comment_id;

-- name: to_undo
-- What is still to be undone: also what nobody noted the outcome of.
--   $1 site_id integer, $2 sweep_id uuid, $3 limit integer
-- Index: sweep_items_pkey.
SELECT comment_id, revision, decision_id
FROM sweep_items
WHERE site_id = $1 AND sweep_id = $2 AND undone IS NULL
  AND (outcome IS NULL OR outcome IN ('applied', 'replayed'))
ORDER BY comment_id
LIMIT $3;

-- name: note_undone
-- What became of undoing some.
--   $1 site_id integer, $2 sweep_id uuid, $3 comment_ids uuid[], $4 undone text[] (side by side)
-- Index: sweep_items_pkey.
UPDATE sweep_items i SET undone = said.undone
FROM unnest($3::uuid[], $4::text[]) AS said (comment_id, undone)
WHERE i.site_id = $1 AND i.sweep_id = $2 AND i.comment_id = said.comment_id;

-- name: end
-- A sweep is at its end, unless somebody asked meanwhile for it to be undone.
--   $1 site_id integer, $2 sweep_id uuid, $3 from text, $4 to text, $5 at timestamptz
-- Index: sweeps_pkey.
UPDATE sweeps SET state = $4, ended_at = $5 WHERE site_id = $1 AND sweep_id = $2 AND state = $3;

-- name: undo
-- A sweep is to be undone; no row when it was asked before.
--   $1 site_id integer, $2 sweep_id uuid, $3 actor_kind text, $4 actor_id text
-- Index: sweeps_pkey.
UPDATE sweeps SET state = 'undoing', undone_kind = $3, undone_by = $4, ended_at = NULL
WHERE site_id = $1 AND sweep_id = $2 AND state IN ('running', 'done')
RETURNING sweep_id;
