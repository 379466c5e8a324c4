-- Articles as the back end describes them. An article nobody described has no row.

-- name: find
-- One article by its own id, or the one it was merged into; its count is the sum over all
-- articles merged into it.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey; articles_merged; article_counts_pkey.
SELECT a.site_id, a.article_id, a.key, a.url, a.title, a.lang, a.state, a.mode, a.close_at,
       a.views_per_hour, a.merged_into, a.managed,
       (SELECT coalesce(sum(c.approved), 0)::bigint
        FROM article_counts AS c
        WHERE c.site_id = a.site_id
          AND (c.article_id = a.article_id
               OR c.article_id IN (SELECT m.article_id FROM articles AS m
                                   WHERE m.site_id = a.site_id
                                     AND m.merged_into = a.article_id))) AS count
FROM articles AS asked
JOIN articles AS a
    ON a.site_id = asked.site_id AND a.article_id = coalesce(asked.merged_into, asked.article_id)
WHERE asked.site_id = $1 AND asked.article_id = $2;

-- name: put
-- Describe an article; a null leaves what is there. State keeps its default when never said.
--   $1 site_id integer, $2 article_id uuid, $3 key text, $4 url text, $5 title text,
--   $6 lang text, $7 state text, $8 mode text, $9 close_at timestamptz,
--   $10 views_per_hour float8, $11 cleared text[]
-- Index: articles_pkey.
INSERT INTO articles AS a
    (site_id, article_id, key, url, title, lang, state, mode, close_at, views_per_hour, managed)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, 'open'), $8, $9, $10, true)
ON CONFLICT (site_id, article_id) DO UPDATE SET
    url = CASE WHEN 'url' = ANY($11::text[]) THEN NULL ELSE coalesce($4, a.url) END,
    title = CASE WHEN 'title' = ANY($11::text[]) THEN NULL ELSE coalesce($5, a.title) END,
    lang = CASE WHEN 'lang' = ANY($11::text[]) THEN NULL ELSE coalesce($6, a.lang) END,
    state = coalesce($7, a.state),
    mode = CASE WHEN 'mode' = ANY($11::text[]) THEN NULL ELSE coalesce($8, a.mode) END,
    close_at = CASE WHEN 'close_at' = ANY($11::text[]) THEN NULL ELSE coalesce($9, a.close_at) END,
    views_per_hour = CASE WHEN 'views_per_hour' = ANY($11::text[]) THEN NULL
                          ELSE coalesce($10, a.views_per_hour) END,
    managed = true;

-- name: aliases
-- The other keys of an article.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_merged.
SELECT key
FROM articles
WHERE site_id = $1 AND merged_into = $2
ORDER BY key;

-- name: member_ids
-- The ids under which an article's comments lie, besides its own.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_merged.
SELECT article_id
FROM articles
WHERE site_id = $1 AND merged_into = $2;

-- name: make_sure
-- A row for a key that nobody described yet.
--   $1 site_id integer, $2 article_id uuid, $3 key text
INSERT INTO articles (site_id, article_id, key)
VALUES ($1, $2, $3)
ON CONFLICT (site_id, article_id) DO NOTHING;

-- name: lock
-- Hold the rows that a merge is about, in one order, so that two merges never deadlock.
--   $1 site_id integer, $2 article_ids uuid[]
-- Index: articles_pkey.
SELECT article_id, merged_into
FROM articles
WHERE site_id = $1 AND article_id = ANY($2)
ORDER BY article_id
FOR UPDATE;

-- name: merge
-- Make an article, and whatever was merged into it, an alias of another.
--   $1 site_id integer, $2 article_id uuid, $3 into uuid
-- Index: articles_pkey; articles_merged.
UPDATE articles
SET merged_into = $3
WHERE site_id = $1 AND (article_id = $2 OR merged_into = $2);

-- name: part
-- Give keys that are no longer aliases of an article their own life back.
--   $1 site_id integer, $2 article_id uuid, $3 kept uuid[]
-- Index: articles_merged.
UPDATE articles
SET merged_into = NULL
WHERE site_id = $1 AND merged_into = $2 AND article_id <> ALL($3);
