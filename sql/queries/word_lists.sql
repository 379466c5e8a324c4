-- The word lists of a site, in versions that never change.

-- name: lists_in_effect
-- What is in effect of every list a site has of its own.
--   $1 site_id integer
-- Index: word_lists_pkey, word_list_versions_pkey.
SELECT l.name, v.version, v.title, v.langs, v.words, v.comment, v.actor_kind, v.actor_id, v.at,
       l.live_version, l.previous_version, l.live_at
FROM word_lists l
JOIN word_list_versions v ON v.site_id = l.site_id AND v.name = l.name
    AND v.version = l.live_version
WHERE l.site_id = $1
ORDER BY l.name;

-- name: latest_lists
-- The latest version of every list a site has of its own, in effect or not.
--   $1 site_id integer
-- Index: word_lists_pkey, word_list_versions_pkey.
SELECT l.name, v.version, v.title, v.langs, v.words, v.comment, v.actor_kind, v.actor_id, v.at,
       l.live_version, l.previous_version, l.live_at
FROM word_lists l
JOIN word_list_versions v ON v.site_id = l.site_id AND v.name = l.name
    AND v.version = l.latest_version
WHERE l.site_id = $1
ORDER BY l.name;

-- name: find_list
-- One version of a list.
--   $1 site_id integer, $2 name text, $3 version integer (null: the latest)
-- Index: word_lists_pkey, word_list_versions_pkey.
SELECT l.name, v.version, v.title, v.langs, v.words, v.comment, v.actor_kind, v.actor_id, v.at,
       l.live_version, l.previous_version, l.live_at
FROM word_lists l
JOIN word_list_versions v ON v.site_id = l.site_id AND v.name = l.name
    AND v.version = coalesce($3, l.latest_version)
WHERE l.site_id = $1 AND l.name = $2;

-- name: put_list_live
-- Another version takes effect; no row when it is in effect, or the latest is not what was read.
--   $1 site_id integer, $2 name text, $3 version integer (0: what ships), $4 at timestamptz,
--   $5 latest_version integer (null: whatever it is)
-- Index: word_lists_pkey.
UPDATE word_lists
SET previous_version = coalesce(live_version, 0), live_version = nullif($3, 0), live_at = $4
WHERE site_id = $1 AND name = $2 AND coalesce(live_version, 0) <> $3
  AND latest_version = coalesce($5, latest_version)
RETURNING latest_version;

-- name: expect_share
-- What a list's dry run lets expect of a live rule that names it.
--   $1 site_id integer, $2 rule_id text, $3 expected_share double precision
-- Index: rules_pkey.
UPDATE rules SET expected_share = $3
WHERE site_id = $1 AND rule_id = $2 AND live_version IS NOT NULL;

-- name: add_list
-- A list whose first version follows; no row when there is one of this name.
--   $1 site_id integer, $2 name text
INSERT INTO word_lists (site_id, name, latest_version) VALUES ($1, $2, 1)
ON CONFLICT (site_id, name) DO NOTHING
RETURNING latest_version;

-- name: raise_list
-- The next version of a list; no row when the latest is another than was read.
--   $1 site_id integer, $2 name text, $3 version integer
-- Index: word_lists_pkey.
UPDATE word_lists SET latest_version = latest_version + 1
WHERE site_id = $1 AND name = $2 AND latest_version = $3
RETURNING latest_version;

-- name: add_list_version
-- A version of a list.
--   $1 site_id integer, $2 name text, $3 version integer, $4 title text, $5 langs text[],
--   $6 words text[], $7 comment text, $8 actor_kind text, $9 actor_id text, $10 at timestamptz
INSERT INTO word_list_versions (site_id, name, version, title, langs, words, comment, actor_kind,
                                actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
