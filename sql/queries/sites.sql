-- Sites: one row a news site; small, read through the process's memory.

-- name: create
-- A new site; no row when the slug is taken.
--   $1 slug text, $2 name text, $3 settings jsonb
INSERT INTO sites (slug, name, settings)
VALUES ($1, $2, $3)
ON CONFLICT (slug) DO NOTHING
RETURNING site_id, slug, name, settings, settings_version;

-- name: by_slug
-- One site.
--   $1 slug text
-- Index: sites_slug_key.
SELECT site_id, slug, name, settings, settings_version
FROM sites
WHERE slug = $1;

-- name: all_sites
-- Every site, by slug.
-- Index: sites_slug_key.
SELECT site_id, slug, name, settings, settings_version
FROM sites
ORDER BY slug;

-- name: update_settings
-- New settings, if nobody changed them since they were read; no row otherwise.
--   $1 site_id integer, $2 settings jsonb, $3 version read integer, $4 name text (null: stays)
-- Index: sites_pkey.
UPDATE sites
SET settings = $2, name = coalesce($4, name), settings_version = settings_version + 1
WHERE site_id = $1 AND settings_version = $3
RETURNING site_id, slug, name, settings, settings_version;

-- name: note_epoch
-- The epoch with which a new site's queue began; one that is known already stays.
--   $1 site_id integer, $2 epoch text
INSERT INTO watermarks (site_id, epoch)
VALUES ($1, $2)
ON CONFLICT (site_id) DO NOTHING;
