-- Keys of the sites' own sign-in; a handful a site, found by (site, kid).

-- name: add
-- A key under a kid that the site never used; no row otherwise.
--   $1 site_id integer, $2 kid text, $3 issuer text, $4 algorithm text, $5 key bytea,
--   $6 created_at timestamptz
INSERT INTO token_keys (site_id, kid, issuer, algorithm, key, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, kid) DO NOTHING
RETURNING kid, issuer, algorithm, key, created_at, revoked_at;

-- name: find
-- One key that was not revoked.
--   $1 site_id integer, $2 kid text
-- Index: token_keys_pkey.
SELECT kid, issuer, algorithm, key, created_at, revoked_at
FROM token_keys
WHERE site_id = $1 AND kid = $2 AND revoked_at IS NULL;

-- name: of_site
-- Every key of a site, oldest first.
--   $1 site_id integer
-- Index: token_keys_pkey.
SELECT kid, issuer, algorithm, key, created_at, revoked_at
FROM token_keys
WHERE site_id = $1
ORDER BY created_at, kid;

-- name: revoke
-- End a key; no row when there is none or it ended before.
--   $1 site_id integer, $2 kid text, $3 now timestamptz
-- Index: token_keys_pkey.
UPDATE token_keys
SET revoked_at = $3
WHERE site_id = $1 AND kid = $2 AND revoked_at IS NULL
RETURNING kid;
