-- What rules said lately, and what people decided of it.

-- name: figures
-- How often each version of each rule spoke on a site, and how people decided on the latest of
-- those comments: a busy site's are too many to look at all.
--   $1 site_id integer, $2 since timestamptz, $3 looked_at integer (comments a version)
-- Index: signals_by_rule, search_entries_pkey.
WITH counted AS (
    SELECT rule, version, count(*)::integer AS hits
    FROM signals
    WHERE site_id = $1 AND at >= $2 AND error IS NULL
    GROUP BY rule, version
)
SELECT c.rule, c.version, c.hits, d.rejected, d.approved
FROM counted c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.state IN ('rejected', 'removed'))::integer AS rejected,
           count(*) FILTER (WHERE e.state = 'approved')::integer AS approved
    FROM (
        SELECT article_id, comment_id FROM signals
        WHERE site_id = $1 AND rule = c.rule AND version = c.version AND at >= $2 AND error IS NULL
        ORDER BY at DESC
        LIMIT $3
    ) s
    JOIN search_entries e ON e.site_id = $1 AND e.article_id = s.article_id
        AND e.comment_id = s.comment_id AND e.actor_kind IN ('member', 'key')
) d;

-- name: count_screened
-- How many texts of a site were screened.
--   $1 site_id integer, $2 since timestamptz
-- Index: screenings_by_time.
SELECT count(*)::integer FROM screenings WHERE site_id = $1 AND at >= $2;
