-- What happened, for those endpoints that want to hear of it.

-- name: note
-- Something happened, if anybody on the site wants to hear of anything.
--   $1 site_id integer, $2 kind text, $3 article_id uuid, $4 comment_id uuid, $5 facts jsonb,
--   $6 decision_id uuid, $7 at timestamptz, $8 ripe_at timestamptz
-- Index: webhooks_pkey.
INSERT INTO webhook_events
    (site_id, kind, article_id, comment_id, facts, decision_id, at, ripe_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = $1 AND state = 'active');

-- name: note_articles
-- The same for several articles of a site.
--   $1 site_id integer, $2 kind text, $3 article_ids uuid[], $4 keys text[] (side by side),
--   $5 wait interval
-- Index: webhooks_pkey.
INSERT INTO webhook_events (site_id, kind, article_id, facts, at, ripe_at)
SELECT $1, $2, article_id, jsonb_build_object('article', key), now(), now() + $5
FROM unnest($3::uuid[], $4::text[]) AS met (article_id, key)
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = $1 AND state = 'active');

-- name: note_counts
-- Counts that changed; none for an article of which it is about to be said anyway.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 keys text[] (side by side),
--   $4 at timestamptz, $5 ripe_at timestamptz
-- Index: webhooks_pkey; webhook_events_waiting.
INSERT INTO webhook_events (site_id, kind, article_id, facts, at, ripe_at)
SELECT changed.site_id, 'count.changed', changed.article_id,
       jsonb_build_object('article', changed.key), $4, $5
FROM unnest($1::integer[], $2::uuid[], $3::text[]) AS changed (site_id, article_id, key)
WHERE EXISTS (
    SELECT 1 FROM webhooks
    WHERE site_id = changed.site_id AND state = 'active' AND 'count.changed' = ANY(events)
) AND NOT EXISTS (
    SELECT 1 FROM webhook_events AS e
    WHERE e.state = 'waiting' AND e.kind = 'count.changed' AND e.site_id = changed.site_id
      AND e.article_id = changed.article_id
);

-- name: note_closed_meanwhile
-- Articles that closed by themselves between two moments.
--   $1 after timestamptz, $2 until timestamptz, $3 wait interval
-- Index: articles_closing; webhooks_pkey.
INSERT INTO webhook_events (site_id, kind, article_id, facts, at, ripe_at)
SELECT a.site_id, 'article.closed', a.article_id, jsonb_build_object('article', a.key),
       a.close_at, a.close_at + $3
FROM articles AS a
WHERE a.close_at > $1 AND a.close_at <= $2 AND a.close_at IS NOT NULL
  AND a.state IN ('open', 'premoderated') AND a.merged_into IS NULL
  AND EXISTS (SELECT 1 FROM webhooks WHERE site_id = a.site_id AND state = 'active')
ORDER BY a.close_at;

-- name: mark
-- How far the clock has been followed, held until the transaction ends.
--   $1 name text
-- Index: webhook_marks_pkey.
SELECT at FROM webhook_marks WHERE name = $1 FOR UPDATE;

-- name: set_mark
-- The clock was followed as far as this.
--   $1 name text, $2 at timestamptz
INSERT INTO webhook_marks (name, at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET at = excluded.at;

-- name: cancel
-- What was undone before anybody heard of it: neither is told, nor that it was undone.
-- Index: webhook_events_waiting.
WITH undone AS (
    SELECT undo.site_id, undo.comment_id, undo.decision_id AS undo_id, undo.reverses AS done_id
    FROM webhook_events AS undo
    JOIN webhook_events AS done ON done.site_id = undo.site_id
        AND done.comment_id = undo.comment_id AND done.decision_id = undo.reverses
        AND done.state = 'waiting'
    WHERE undo.state = 'waiting' AND undo.reverses IS NOT NULL
)
UPDATE webhook_events AS e SET state = 'cancelled'
FROM undone
WHERE e.state = 'waiting' AND e.site_id = undone.site_id AND e.comment_id = undone.comment_id
  AND e.decision_id IN (undone.undo_id, undone.done_id);

-- name: release
-- What is ripe goes to every endpoint that wants it, and is forgotten where none does; returns it.
--   $1 now timestamptz, $2 limit integer
-- Index: webhook_events_waiting; webhooks_pkey.
WITH ripe AS (
    SELECT e.site_id, e.event_id, EXISTS (
        SELECT 1 FROM webhooks AS w
        WHERE w.site_id = e.site_id AND w.state = 'active' AND e.kind = ANY(w.events)
    ) AS wanted
    FROM webhook_events AS e
    WHERE e.state = 'waiting' AND e.ripe_at <= $1
    ORDER BY e.ripe_at
    LIMIT $2
), released AS (
    UPDATE webhook_events AS e SET state = 'released'
    FROM ripe
    WHERE e.site_id = ripe.site_id AND e.event_id = ripe.event_id AND ripe.wanted
    RETURNING e.site_id, e.event_id, e.seq, e.kind, e.article_id, e.facts
), forgotten AS (
    DELETE FROM webhook_events AS e
    USING ripe
    WHERE e.site_id = ripe.site_id AND e.event_id = ripe.event_id AND NOT ripe.wanted
    RETURNING e.site_id, e.seq, e.kind, e.article_id, e.facts
), due AS (
    INSERT INTO webhook_deliveries
        (site_id, webhook_id, event_id, seq, kind, state, due_at, created_at)
    SELECT r.site_id, w.webhook_id, r.event_id, r.seq, r.kind, 'waiting', $1, $1
    FROM released AS r
    JOIN webhooks AS w ON w.site_id = r.site_id AND w.state = 'active' AND r.kind = ANY(w.events)
    ON CONFLICT (site_id, webhook_id, event_id) DO NOTHING
)
SELECT site_id, kind, article_id, facts
FROM (
    SELECT site_id, seq, kind, article_id, facts FROM released
    UNION ALL
    SELECT site_id, seq, kind, article_id, facts FROM forgotten
) AS ripened
ORDER BY seq;

-- name: add_released
-- An event for one endpoint alone, which does not wait.
--   $1 site_id integer, $2 event_id uuid, $3 kind text, $4 at timestamptz
INSERT INTO webhook_events (site_id, event_id, kind, at, ripe_at, state)
VALUES ($1, $2, $3, $4, $4, 'released')
RETURNING seq;

-- name: purge
-- Events of which nobody asks any more, with their deliveries.
--   $1 before timestamptz, $2 limit integer
-- Index: webhook_events_by_age; webhook_deliveries_by_event.
DELETE FROM webhook_events AS e
USING (
    SELECT site_id, event_id FROM webhook_events WHERE at < $1 ORDER BY at LIMIT $2
) AS old
WHERE e.site_id = old.site_id AND e.event_id = old.event_id;
