-- What was published last, for feeds.

-- name: latest_of_article
-- The newest public comments of an article and all that are read as one with it, newest first.
--   $1 site_id integer, $2 article_ids uuid[], $3 limit integer
-- Index: comments_pkey, read backwards once an article; what is gone is passed over.
SELECT comment.article_id, comment.comment_id, comment.parent_id, comment.author_name,
       comment.text, comment.lang, comment.published_at, comment.edited_at,
       article.key AS article_key, article.url AS article_url, article.title AS article_title,
       article.managed AS article_managed
FROM unnest($2::uuid[]) AS asked (article_id)
CROSS JOIN LATERAL (
    SELECT article_id, comment_id, parent_id, author_name, text, lang, published_at, edited_at
    FROM comments
    WHERE site_id = $1 AND comments.article_id = asked.article_id AND status = 'approved'
    ORDER BY comment_id DESC
    LIMIT $3
) comment
JOIN articles article ON article.site_id = $1 AND article.article_id = comment.article_id
ORDER BY comment.comment_id DESC
LIMIT $3;

-- name: latest_of_site
-- The public comments of a site that were published last, newest first.
--   $1 site_id integer, $2 limit integer
-- Index: comments_published.
SELECT comment.article_id, comment.comment_id, comment.parent_id, comment.author_name,
       comment.text, comment.lang, comment.published_at, comment.edited_at,
       article.key AS article_key, article.url AS article_url, article.title AS article_title,
       article.managed AS article_managed
FROM (
    SELECT article_id, comment_id, parent_id, author_name, text, lang, published_at, edited_at
    FROM comments
    WHERE site_id = $1 AND status = 'approved'
    ORDER BY published_at DESC
    LIMIT $2
) comment
JOIN articles article ON article.site_id = $1 AND article.article_id = comment.article_id
ORDER BY comment.published_at DESC, comment.comment_id DESC;
