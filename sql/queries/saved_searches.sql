-- What members want to search for again.

-- name: of_member
-- A member's searches on a site, by name.
--   $1 member_id uuid, $2 site_id integer
-- Index: saved_searches_pkey.
SELECT search_id, name, line, sort, at
FROM saved_searches
WHERE member_id = $1 AND site_id = $2
ORDER BY name, search_id;

-- name: keep
-- Another one, while there are fewer than so many; the same name is kept once.
--   $1 member_id uuid, $2 site_id integer, $3 search_id uuid, $4 name text, $5 line text,
--   $6 sort text, $7 at timestamptz, $8 most integer
-- Index: saved_searches_pkey.
WITH former AS (
    DELETE FROM saved_searches WHERE member_id = $1 AND site_id = $2 AND name = $4::text
)
INSERT INTO saved_searches (member_id, site_id, search_id, name, line, sort, at)
SELECT $1, $2, $3, $4::text, $5::text, $6::text, $7
WHERE (SELECT count(*) FROM saved_searches
       WHERE member_id = $1 AND site_id = $2 AND name <> $4::text) < $8
RETURNING search_id;

-- name: drop
-- One no longer.
--   $1 member_id uuid, $2 site_id integer, $3 search_id uuid
-- Index: saved_searches_pkey.
DELETE FROM saved_searches WHERE member_id = $1 AND site_id = $2 AND search_id = $3
RETURNING search_id;
