-- What is sent to whom, and what came of it.

-- name: add
-- An event for one endpoint, to be sent at once.
--   $1 site_id integer, $2 webhook_id uuid, $3 event_id uuid, $4 seq bigint, $5 kind text,
--   $6 at timestamptz
INSERT INTO webhook_deliveries
    (site_id, webhook_id, event_id, seq, kind, state, due_at, created_at)
VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6);

-- name: due
-- What is to be sent now: a few of each endpoint, so that none keeps the others waiting.
--   $1 now timestamptz, $2 limit integer (of each endpoint)
-- Index: webhook_deliveries_due; webhook_events_pkey; reader_acts_by_entry.
SELECT w.site_id, w.webhook_id, w.url, w.secret, w.old_secret, w.old_secret_until,
       d.event_id, d.tries, e.kind, e.article_id, e.comment_id, e.facts, e.at, r.author_id
FROM webhooks AS w
CROSS JOIN LATERAL (
    SELECT event_id, tries, due_at, seq
    FROM webhook_deliveries
    WHERE site_id = w.site_id AND webhook_id = w.webhook_id AND state = 'waiting'
      AND due_at <= $1
    ORDER BY due_at, seq
    LIMIT $2
) AS d
JOIN webhook_events AS e ON e.site_id = w.site_id AND e.event_id = d.event_id
LEFT JOIN reader_acts AS r ON r.site_id = e.site_id AND r.entry_id = (e.facts ->> 'act')::uuid
WHERE w.state = 'active'
ORDER BY d.due_at, d.seq;

-- name: record
-- What came of a try; the latest are kept.
--   $1 site_id integer, $2 webhook_id uuid, $3 event_id uuid, $4 state text, $5 due_at timestamptz,
--   $6 attempt jsonb, $7 kept integer
-- Index: webhook_deliveries_pkey.
UPDATE webhook_deliveries
SET state = $4, due_at = $5, tries = tries + 1,
    attempts = CASE WHEN jsonb_array_length(attempts) >= $7 THEN attempts - 0 ELSE attempts END
               || $6::jsonb
WHERE site_id = $1 AND webhook_id = $2 AND event_id = $3;

-- name: stop
-- Nothing that waits for an endpoint is sent any more.
--   $1 site_id integer, $2 webhook_id uuid
-- Index: webhook_deliveries_due.
UPDATE webhook_deliveries SET state = 'stopped'
WHERE site_id = $1 AND webhook_id = $2 AND state = 'waiting';

-- name: again
-- Send something once more, under its former id; no row when there is no such delivery.
--   $1 site_id integer, $2 webhook_id uuid, $3 event_id uuid, $4 now timestamptz
-- Index: webhook_deliveries_pkey.
UPDATE webhook_deliveries SET state = 'waiting', due_at = $4, tries = 0
WHERE site_id = $1 AND webhook_id = $2 AND event_id = $3
RETURNING event_id;

-- name: find
-- One delivery.
--   $1 site_id integer, $2 webhook_id uuid, $3 event_id uuid
-- Index: webhook_deliveries_pkey.
SELECT d.webhook_id, d.event_id, d.seq, d.kind, d.state, d.due_at, d.tries, d.attempts,
       d.created_at, e.comment_id, e.facts ->> 'article' AS article
FROM webhook_deliveries AS d
JOIN webhook_events AS e ON e.site_id = d.site_id AND e.event_id = d.event_id
WHERE d.site_id = $1 AND d.webhook_id = $2 AND d.event_id = $3;

-- name: page
-- A page of an endpoint's deliveries, latest first, of one state or all.
--   $1 site_id integer, $2 webhook_id uuid, $3 state text (null: any), $4 before bigint,
--   $5 limit integer
-- Index: webhook_deliveries_by_seq.
SELECT d.webhook_id, d.event_id, d.seq, d.kind, d.state, d.due_at, d.tries, d.attempts,
       d.created_at, e.comment_id, e.facts ->> 'article' AS article
FROM webhook_deliveries AS d
JOIN webhook_events AS e ON e.site_id = d.site_id AND e.event_id = d.event_id
WHERE d.site_id = $1 AND d.webhook_id = $2 AND d.seq < $4
  AND ($3::text IS NULL OR d.state = $3)
ORDER BY d.seq DESC
LIMIT $5;

-- name: latest
-- The latest delivery of each endpoint of a site that was tried or waits.
--   $1 site_id integer
-- Index: webhook_deliveries_by_seq; webhook_events_pkey.
SELECT d.webhook_id, d.event_id, d.seq, d.kind, d.state, d.due_at, d.tries, d.attempts,
       d.created_at, e.comment_id, e.facts ->> 'article' AS article
FROM webhooks AS w
CROSS JOIN LATERAL (
    SELECT webhook_id, event_id, seq, kind, state, due_at, tries, attempts, created_at
    FROM webhook_deliveries
    WHERE site_id = w.site_id AND webhook_id = w.webhook_id
    ORDER BY seq DESC
    LIMIT 1
) AS d
JOIN webhook_events AS e ON e.site_id = w.site_id AND e.event_id = d.event_id
WHERE w.site_id = $1;
