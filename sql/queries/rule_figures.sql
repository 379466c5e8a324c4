-- What rules said lately, and what people decided of it.

-- name: figures
-- How often each version of each rule spoke on a site, and how people decided.
--   $1 site_id integer, $2 since timestamptz
-- Index: signals_by_rule, search_entries_pkey.
SELECT s.rule, s.version, count(*)::integer AS hits,
       count(*) FILTER (WHERE e.state IN ('rejected', 'removed'))::integer AS rejected,
       count(*) FILTER (WHERE e.state = 'approved')::integer AS approved
FROM signals s
LEFT JOIN search_entries e ON e.site_id = s.site_id AND e.article_id = s.article_id
    AND e.comment_id = s.comment_id AND e.actor_kind IN ('member', 'key')
WHERE s.site_id = $1 AND s.at >= $2 AND s.error IS NULL
GROUP BY s.rule, s.version;

-- name: count_screened
-- How many texts of a site were screened.
--   $1 site_id integer, $2 since timestamptz
-- Index: screenings_by_time.
SELECT count(*)::integer FROM screenings WHERE site_id = $1 AND at >= $2;
