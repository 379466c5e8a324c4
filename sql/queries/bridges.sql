-- Bridges to other systems; at most three a site.

-- name: of_site
-- Every bridge that a site ever set up.
--   $1 site_id integer
-- Index: bridges_pkey.
SELECT kind, version, enabled, secret, url, timeout_ms, on_failure, changed_at
FROM bridges
WHERE site_id = $1
ORDER BY kind;

-- name: set
-- Set a bridge up, or change it; a null secret leaves the one there is. No row where there is none.
--   $1 site_id integer, $2 kind text, $3 secret bytea, $4 url text, $5 timeout_ms integer,
--   $6 on_failure text, $7 now timestamptz
-- Index: bridges_pkey.
WITH before AS (
    SELECT secret, version FROM bridges WHERE site_id = $1 AND kind = $2 FOR UPDATE
)
INSERT INTO bridges AS bridge (site_id, kind, version, enabled, secret, url, timeout_ms, on_failure, changed_at)
SELECT $1, $2, 1, true, coalesce($3, (SELECT secret FROM before)), $4, $5, $6, $7
WHERE coalesce($3, (SELECT secret FROM before)) IS NOT NULL
ON CONFLICT (site_id, kind) DO UPDATE
SET version = bridge.version + 1, enabled = true, secret = excluded.secret, url = excluded.url,
    timeout_ms = excluded.timeout_ms, on_failure = excluded.on_failure, changed_at = excluded.changed_at
RETURNING kind, version, enabled, secret, url, timeout_ms, on_failure, changed_at;

-- name: end
-- End a bridge and forget its secret; no row when there is none or it ended before.
--   $1 site_id integer, $2 kind text, $3 now timestamptz
-- Index: bridges_pkey.
UPDATE bridges
SET version = version + 1, enabled = false, secret = NULL, changed_at = $3
WHERE site_id = $1 AND kind = $2 AND enabled
RETURNING kind;
