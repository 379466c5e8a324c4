-- What the rest of the world is still to be told.

-- name: untold
-- The oldest messages that nobody has been told.
--   $1 limit integer
-- Index: outbox_waiting.
SELECT site_id, article_id, event_id, kind, comment_id, payload, at
FROM outbox
WHERE relayed_at IS NULL
ORDER BY event_id
LIMIT $1;

-- name: oldest
-- When the oldest message was written that nobody has been told.
-- Index: outbox_waiting.
SELECT at FROM outbox WHERE relayed_at IS NULL ORDER BY event_id LIMIT 1;

-- name: told
-- Messages that went out: they are ticked off, and left to webhooks that may want to hear of them.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 event_ids bigint[] (side by side),
--   $4 at timestamptz, $5 wait interval (before webhooks tell of it)
-- Index: outbox_pkey; webhooks_pkey.
WITH ticked AS (
    UPDATE outbox AS o SET relayed_at = $4
    FROM unnest($1::integer[], $2::uuid[], $3::bigint[]) AS sent (site_id, article_id, event_id)
    WHERE o.site_id = sent.site_id AND o.article_id = sent.article_id
      AND o.event_id = sent.event_id AND o.relayed_at IS NULL
    RETURNING o.site_id, o.article_id, o.event_id, o.kind, o.comment_id, o.payload, o.at
)
INSERT INTO webhook_events
    (site_id, kind, article_id, comment_id, facts, decision_id, reverses, at, ripe_at)
SELECT site_id, kind, article_id, comment_id, payload - ARRAY['decision_id', 'reverses'],
       (payload ->> 'decision_id')::uuid, (payload ->> 'reverses')::uuid, at, at + $5
FROM ticked
WHERE kind <> 'article.changed'
  AND EXISTS (SELECT 1 FROM webhooks WHERE site_id = ticked.site_id AND state = 'active')
ORDER BY event_id;

-- name: purge
-- Messages that went out long ago.
--   $1 before timestamptz
-- Index: outbox_relayed.
DELETE FROM outbox WHERE relayed_at < $1;
