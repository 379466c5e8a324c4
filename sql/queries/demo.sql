-- The demo site: only what nobody else needs.

-- name: began
-- When an article was first heard of. One row, or none.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey.
SELECT created_at FROM articles WHERE site_id = $1 AND article_id = $2;

-- name: cast_votes
-- Sets the votes of public comments, and with them their place in the order `best`.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[], $4 up integer[],
--   $5 down integer[], $6 best double_precision[] (side by side)
-- Index: comments_pkey.
UPDATE comments SET up = vote.up, down = vote.down, best = vote.best
FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::double precision[])
     AS vote (article_id, comment_id, up, down, best)
WHERE comments.site_id = $1 AND comments.article_id = vote.article_id
  AND comments.comment_id = vote.comment_id;
