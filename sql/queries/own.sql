-- What one author wrote.

-- name: under_articles
-- Ids of an author's comments under some articles, whatever became of them, newest first.
--   $1 site_id integer, $2 article_ids uuid[], $3 author_id uuid, $4 limit integer
-- Index: comments_by_author, intake_journal_by_author, decision_subjects_by_author.
SELECT comment_id FROM (
    SELECT comment_id FROM comments
    WHERE site_id = $1 AND author_id = $3 AND article_id = ANY($2::uuid[])
    UNION
    SELECT comment_id FROM intake_journal
    WHERE site_id = $1 AND article_id = ANY($2::uuid[]) AND state = 'waiting'
      AND payload -> 'author' ->> 'id' = $3::text
    UNION
    SELECT comment_id FROM decision_subjects
    WHERE site_id = $1 AND author_id = $3 AND article_id = ANY($2::uuid[])
) own
ORDER BY comment_id DESC
LIMIT $4;

-- name: thread_ids
-- Every article that is read as one with the one a key leads to.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey, articles_merged.
SELECT coalesce(asked.merged_into, asked.article_id) AS article_id
FROM articles asked WHERE asked.site_id = $1 AND asked.article_id = $2
UNION
SELECT merged.article_id
FROM articles asked
JOIN articles merged ON merged.site_id = asked.site_id
    AND merged.merged_into = coalesce(asked.merged_into, asked.article_id)
WHERE asked.site_id = $1 AND asked.article_id = $2;
