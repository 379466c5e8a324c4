-- The word lists of a site, in versions that never change.

-- name: current_lists
-- The latest version of every list a site has of its own.
--   $1 site_id integer
-- Index: word_lists_pkey, word_list_versions_pkey.
SELECT l.name, v.version, v.title, v.langs, v.words, v.comment, v.actor_kind, v.actor_id, v.at
FROM word_lists l
JOIN word_list_versions v ON v.site_id = l.site_id AND v.name = l.name
    AND v.version = l.latest_version
WHERE l.site_id = $1
ORDER BY l.name;

-- name: find_list
-- The latest version of one.
--   $1 site_id integer, $2 name text
-- Index: word_lists_pkey, word_list_versions_pkey.
SELECT l.name, v.version, v.title, v.langs, v.words, v.comment, v.actor_kind, v.actor_id, v.at
FROM word_lists l
JOIN word_list_versions v ON v.site_id = l.site_id AND v.name = l.name
    AND v.version = l.latest_version
WHERE l.site_id = $1 AND l.name = $2;

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
