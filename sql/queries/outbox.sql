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
-- Messages that went out.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 event_ids bigint[] (side by side),
--   $4 at timestamptz
-- Index: outbox_pkey.
UPDATE outbox SET relayed_at = $4
FROM unnest($1::integer[], $2::uuid[], $3::bigint[]) AS sent (site_id, article_id, event_id)
WHERE outbox.site_id = sent.site_id AND outbox.article_id = sent.article_id
  AND outbox.event_id = sent.event_id;

-- name: purge
-- Messages that went out long ago.
--   $1 before timestamptz
-- Index: outbox_relayed.
DELETE FROM outbox WHERE relayed_at < $1;
