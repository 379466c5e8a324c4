-- Who did what to whose account, key or site.

-- name: note_act
-- One entry of the log, which is never changed.
--   $1 entry_id uuid, $2 at timestamptz, $3 actor_kind text, $4 actor_id text, $5 act text,
--   $6 site_id integer, $7 member_id uuid, $8 details jsonb, $9 request_id text
INSERT INTO administrative_acts
    (entry_id, at, actor_kind, actor_id, act, site_id, member_id, details, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: acts_of_site
-- A page of what was done on one site, latest first, with what people are called by now.
--   $1 site_id integer, $2 before uuid, $3 limit integer
-- Index: administrative_acts_by_site; members_pkey.
SELECT l.entry_id, l.at, l.actor_kind, l.actor_id, l.act, l.site_id, l.member_id, l.details,
       coalesce(a.name, k.name, '') AS actor_name, coalesce(m.name, '') AS member_name
FROM administrative_acts AS l
LEFT JOIN members AS a ON l.actor_kind = 'member' AND a.member_id::text = l.actor_id
LEFT JOIN api_keys AS k ON l.actor_kind = 'key' AND k.key_id = l.actor_id
LEFT JOIN members AS m ON m.member_id = l.member_id
WHERE l.site_id = $1 AND l.entry_id < $2
ORDER BY l.entry_id DESC
LIMIT $3;
