-- Articles as the back end describes them. An article nobody described has no row. A key that was
-- merged into another article leads there; aliases never lead to aliases.

-- name: find
-- Articles by their own ids, or those they were merged into; their counts are the sums over all
-- articles merged into them.
--   $1 site_ids integer[], $2 article_ids uuid[] (side by side)
-- Index: articles_pkey; articles_merged; article_counts_pkey.
SELECT asked.article_id AS asked_id, a.site_id, a.article_id, a.key, a.url, a.title, a.lang,
       a.state, a.mode, a.close_at, a.views_per_hour, a.section, a.tags, a.published_at,
       a.merged_into, a.managed,
       (SELECT coalesce(sum(c.approved), 0)::bigint
        FROM article_counts AS c
        WHERE c.site_id = a.site_id
          -- An array, and not OR: that would read the counts of the whole site.
          AND c.article_id = ANY (a.article_id || ARRAY(SELECT m.article_id FROM articles AS m
                                                        WHERE m.site_id = a.site_id
                                                          AND m.merged_into = a.article_id)))
           AS count
FROM unnest($1::integer[], $2::uuid[]) AS wanted (site_id, article_id)
JOIN articles AS asked ON asked.site_id = wanted.site_id AND asked.article_id = wanted.article_id
JOIN articles AS a
    ON a.site_id = asked.site_id AND a.article_id = coalesce(asked.merged_into, asked.article_id);

-- name: hold_site
-- Make whoever changes what leads where on a site wait for one another; nobody else waits.
--   $1 site_id integer
-- Index: sites_pkey.
SELECT site_id
FROM sites
WHERE site_id = $1
FOR NO KEY UPDATE;

-- name: leads_to
-- The article an id stands for: itself, or what it was merged into; no row for one unseen.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey.
SELECT target.article_id, target.key
FROM articles AS asked
JOIN articles AS target
    ON target.site_id = asked.site_id
    AND target.article_id = coalesce(asked.merged_into, asked.article_id)
WHERE asked.site_id = $1 AND asked.article_id = $2;

-- name: put
-- Describe an article: what is named is set, a null included, the rest stays. Readers' hints fill in
-- the rest until its address, title or language was named, or nothing but that it is there.
--   $1 site_id integer, $2 article_id uuid, $3 key text, $4 url text, $5 title text,
--   $6 lang text, $7 state text, $8 mode text, $9 close_at timestamptz,
--   $10 views_per_hour float8, $11 section text, $12 tags text[], $13 published_at timestamptz,
--   $14 named text[]
-- Index: articles_pkey.
INSERT INTO articles AS a
    (site_id, article_id, key, url, title, lang, state, mode, close_at, views_per_hour, section,
     tags, published_at, managed)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, 'open'), $8, $9, $10, $11,
        coalesce($12::text[], '{}'), $13,
        $14::text[] && ARRAY['url', 'title', 'lang'] OR $14::text[] = '{}')
ON CONFLICT (site_id, article_id) DO UPDATE SET
    url = CASE WHEN 'url' = ANY($14::text[]) THEN excluded.url ELSE a.url END,
    title = CASE WHEN 'title' = ANY($14::text[]) THEN excluded.title ELSE a.title END,
    lang = CASE WHEN 'lang' = ANY($14::text[]) THEN excluded.lang ELSE a.lang END,
    state = CASE WHEN 'state' = ANY($14::text[]) THEN excluded.state ELSE a.state END,
    mode = CASE WHEN 'mode' = ANY($14::text[]) THEN excluded.mode ELSE a.mode END,
    close_at = CASE WHEN 'close_at' = ANY($14::text[]) THEN excluded.close_at
                    ELSE a.close_at END,
    views_per_hour = CASE WHEN 'views_per_hour' = ANY($14::text[]) THEN excluded.views_per_hour
                          ELSE a.views_per_hour END,
    section = CASE WHEN 'section' = ANY($14::text[]) THEN excluded.section ELSE a.section END,
    tags = CASE WHEN 'tags' = ANY($14::text[]) THEN excluded.tags ELSE a.tags END,
    published_at = CASE WHEN 'published_at' = ANY($14::text[]) THEN excluded.published_at
                        ELSE a.published_at END,
    managed = a.managed OR excluded.managed
RETURNING state IN ('open', 'premoderated') AND (close_at IS NULL OR close_at > now());

-- name: takes_comments
-- Whether an article takes comments; no row for one that nobody has described or decided on.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey.
SELECT state IN ('open', 'premoderated') AND (close_at IS NULL OR close_at > now())
FROM articles
WHERE site_id = $1 AND article_id = $2;

-- name: aliases
-- The other keys of an article.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_merged.
SELECT key
FROM articles
WHERE site_id = $1 AND merged_into = $2
ORDER BY key;

-- name: make_sure
-- Rows for keys that nobody described yet; returns them.
--   $1 site_id integer, $2 article_ids uuid[], $3 keys text[] (side by side)
INSERT INTO articles (site_id, article_id, key)
SELECT $1, article_id, key
FROM unnest($2::uuid[], $3::text[]) AS named (article_id, key)
ORDER BY article_id
ON CONFLICT (site_id, article_id) DO NOTHING
RETURNING article_id, key;

-- name: merge
-- Make articles, and whatever was merged into them, aliases of another; returns those that were
-- none of its aliases before.
--   $1 site_id integer, $2 article_ids uuid[], $3 into uuid
-- Index: articles_pkey; articles_merged.
UPDATE articles
SET merged_into = $3
WHERE site_id = $1 AND (article_id = ANY($2::uuid[]) OR merged_into = ANY($2::uuid[]))
  AND article_id <> $3 AND merged_into IS DISTINCT FROM $3
RETURNING article_id, key;

-- name: part
-- Give keys that are no longer aliases of an article their own life back; returns them.
--   $1 site_id integer, $2 article_id uuid, $3 kept uuid[]
-- Index: articles_merged.
UPDATE articles
SET merged_into = NULL
WHERE site_id = $1 AND merged_into = $2 AND article_id <> ALL($3::uuid[])
RETURNING article_id, key;

-- name: close_older
-- Close articles that were met before a moment and still take comments; returns them.
--   $1 site_id integer, $2 before timestamptz, $3 now timestamptz, $4 limit integer
-- Index: articles_newest.
UPDATE articles AS a
SET state = 'closed'
FROM (
    SELECT article_id
    FROM articles
    WHERE site_id = $1 AND merged_into IS NULL AND created_at < $2
      AND state IN ('open', 'premoderated') AND (close_at IS NULL OR close_at > $3)
    ORDER BY created_at DESC, article_id DESC
    LIMIT $4
) AS old
WHERE a.site_id = $1 AND a.article_id = old.article_id
RETURNING a.article_id, a.key;

-- name: count_older
-- How many articles there are that `close_older` would close, up to a bound.
--   $1 site_id integer, $2 before timestamptz, $3 now timestamptz, $4 limit integer
-- Index: articles_newest.
SELECT count(*)
FROM (
    SELECT 1
    FROM articles
    WHERE site_id = $1 AND merged_into IS NULL AND created_at < $2
      AND state IN ('open', 'premoderated') AND (close_at IS NULL OR close_at > $3)
    LIMIT $4
) AS old;

-- name: tell
-- Let caches and whoever listens know that articles are described otherwise or lead elsewhere.
--   $1 site_id integer, $2 article_ids uuid[], $3 keys text[] (side by side)
INSERT INTO outbox (site_id, article_id, kind, payload)
SELECT $1, article_id, 'article.changed', jsonb_build_object('article', key)
FROM unnest($2::uuid[], $3::text[]) AS changed (article_id, key);
