-- What colleagues look up of an author beside the record: reports, and whom they resemble.

-- name: reports
-- Reports on an author's comments and those the author made, the newest first.
--   $1 site_id integer, $2 author_id uuid, $3 reporter_key text, $4 limit integer
-- Index: comments_by_author, reports_pkey, reports_by_reporter.
SELECT said.made, said.comment_id, said.reason, said.text, said.at, said.closed_at, said.upheld
FROM (
    SELECT true AS made, r.comment_id, r.reason, r.text, r.at, r.closed_at,
           c.status = 'removed' AND r.closed_at IS NOT NULL AS upheld
    FROM reports r
    JOIN comments c ON c.site_id = r.site_id AND c.article_id = r.article_id
        AND c.comment_id = r.comment_id
    WHERE r.site_id = $1 AND r.reporter_key = $3
    UNION ALL
    SELECT false, r.comment_id, r.reason, r.text, r.at, r.closed_at,
           c.status = 'removed' AND r.closed_at IS NOT NULL
    FROM comments c
    JOIN reports r ON r.site_id = c.site_id AND r.article_id = c.article_id
        AND r.comment_id = c.comment_id
    WHERE c.site_id = $1 AND c.author_id = $2
) said
ORDER BY said.at DESC, said.comment_id
LIMIT $4;

-- name: traits
-- The names and addresses an author has used lately, in lower case, and hashes of the network
-- addresses that they have something waiting from.
--   $1 site_id integer, $2 author_id uuid, $3 limit integer
-- Index: search_entries_by_author, search_texts_pkey, intake_journal_waiting_by_author.
SELECT 'name' AS kind, t.author_name AS value
FROM (SELECT site_id, article_id, comment_id FROM search_entries
      WHERE site_id = $1 AND author_id = $2 ORDER BY comment_id DESC LIMIT $3) own
JOIN search_texts t ON t.site_id = own.site_id AND t.article_id = own.article_id
    AND t.comment_id = own.comment_id
WHERE t.author_name <> ''
UNION
SELECT 'email', t.author_email
FROM (SELECT site_id, article_id, comment_id FROM search_entries
      WHERE site_id = $1 AND author_id = $2 ORDER BY comment_id DESC LIMIT $3) own
JOIN search_texts t ON t.site_id = own.site_id AND t.article_id = own.article_id
    AND t.comment_id = own.comment_id
WHERE t.author_email <> ''
UNION
SELECT 'address', payload ->> 'address_hash'
FROM intake_journal
WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = $2::uuid::text
  AND payload ->> 'address_hash' IS NOT NULL;

-- name: alike
-- Other authors of the same names or addresses, or with something waiting from the same network
-- address among the newest; how they stand, and what is the same.
--   $1 site_id integer, $2 author_id uuid, $3 names text[], $4 emails text[], $5 addresses text[],
--   $6 newest waiting integer, $7 looked at integer, $8 limit integer
-- Index: search_texts_names, search_texts_pkey, intake_journal_waiting, readers_pkey.
WITH texts AS MATERIALIZED (
    SELECT t.site_id, t.article_id, t.comment_id, t.author_name, t.author_email
    FROM search_texts t
    WHERE t.site_id = $1
      AND (t.author_name LIKE ANY($3::text[]) OR t.author_email LIKE ANY($4::text[]))
    LIMIT $7
), waiting AS MATERIALIZED (
    SELECT payload FROM intake_journal
    WHERE site_id = $1 AND state = 'waiting'
    ORDER BY seq DESC LIMIT $6
), found AS (
    SELECT e.author_id, t.author_name AS name,
           CASE WHEN t.author_email LIKE ANY($4::text[]) THEN 'email' ELSE 'name' END AS same
    FROM texts t
    JOIN search_entries e ON e.site_id = t.site_id AND e.article_id = t.article_id
        AND e.comment_id = t.comment_id
    UNION
    SELECT (payload -> 'author' ->> 'id')::uuid, lower(payload -> 'author' ->> 'name'), 'address'
    FROM waiting
    WHERE payload ->> 'address_hash' = ANY($5::text[])
)
SELECT f.author_id, coalesce(nullif(max(r.name), ''), max(f.name)) AS name,
       array_agg(DISTINCT f.same ORDER BY f.same) AS same,
       coalesce(max(r.approved), 0) AS approved, coalesce(max(r.rejected), 0) AS rejected,
       max(r.banned_until) AS banned_until
FROM found f
LEFT JOIN readers r ON r.site_id = $1 AND r.author_id = f.author_id
WHERE f.author_id IS NOT NULL AND f.author_id <> $2
GROUP BY f.author_id
ORDER BY count(DISTINCT f.same) DESC, f.author_id DESC
LIMIT $8;
