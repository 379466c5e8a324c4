-- Where a site's own programs want to hear of what happens; a handful a site.

-- name: add
-- An endpoint.
--   $1 site_id integer, $2 webhook_id uuid, $3 url text, $4 name text, $5 events text[],
--   $6 secret bytea, $7 created_at timestamptz
INSERT INTO webhooks (site_id, webhook_id, url, name, events, state, secret, created_at)
VALUES ($1, $2, $3, $4, $5, 'active', $6, $7);

-- name: of_site
-- Every endpoint of a site, oldest first.
--   $1 site_id integer
-- Index: webhooks_pkey.
SELECT site_id, webhook_id, url, name, events, state, secret, old_secret, old_secret_until,
       failing_since, created_at
FROM webhooks
WHERE site_id = $1
ORDER BY created_at, webhook_id;

-- name: find
-- One endpoint of a site.
--   $1 site_id integer, $2 webhook_id uuid
-- Index: webhooks_pkey.
SELECT site_id, webhook_id, url, name, events, state, secret, old_secret, old_secret_until,
       failing_since, created_at
FROM webhooks
WHERE site_id = $1 AND webhook_id = $2;

-- name: change
-- What an endpoint is from now on; one that is begun anew has not failed yet.
--   $1 site_id integer, $2 webhook_id uuid, $3 url text, $4 name text, $5 events text[],
--   $6 state text
-- Index: webhooks_pkey.
UPDATE webhooks
SET url = $3, name = $4, events = $5, state = $6,
    failing_since = CASE WHEN state = $6 AND url = $3 THEN failing_since END
WHERE site_id = $1 AND webhook_id = $2;

-- name: rotate
-- A new secret; the former one signs too until a time.
--   $1 site_id integer, $2 webhook_id uuid, $3 secret bytea, $4 old_secret_until timestamptz
-- Index: webhooks_pkey.
UPDATE webhooks
SET secret = $3,
    old_secret = CASE WHEN $4::timestamptz IS NULL THEN NULL ELSE secret END,
    old_secret_until = $4
WHERE site_id = $1 AND webhook_id = $2;

-- name: remove
-- An endpoint ends, with all that was to be sent there.
--   $1 site_id integer, $2 webhook_id uuid
-- Index: webhooks_pkey.
DELETE FROM webhooks WHERE site_id = $1 AND webhook_id = $2 RETURNING webhook_id;

-- name: failed
-- An endpoint did not take something; since when it takes nothing.
--   $1 site_id integer, $2 webhook_id uuid, $3 at timestamptz
-- Index: webhooks_pkey.
UPDATE webhooks SET failing_since = coalesce(failing_since, $3)
WHERE site_id = $1 AND webhook_id = $2 AND state = 'active'
RETURNING failing_since;

-- name: recovered
-- An endpoint took something.
--   $1 site_id integer, $2 webhook_id uuid
-- Index: webhooks_pkey.
UPDATE webhooks SET failing_since = NULL
WHERE site_id = $1 AND webhook_id = $2 AND failing_since IS NOT NULL;

-- name: disable
-- Nothing more is sent to an endpoint that is gone or fails; no row when it was not active.
--   $1 site_id integer, $2 webhook_id uuid, $3 state text
-- Index: webhooks_pkey.
UPDATE webhooks SET state = $3
WHERE site_id = $1 AND webhook_id = $2 AND state = 'active'
RETURNING webhook_id;
