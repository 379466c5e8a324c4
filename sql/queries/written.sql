-- Comments as readers are told of them.

-- name: keep
-- What was written of comments, each with what it was written from. One that another transaction
-- is changing is left to it, so that nobody waits for this.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 author_names text[],
--   $5 author_badges text[], $6 author_avatars text[], $7 texts text[], $8 langs text[],
--   $9 statuses text[], $10 revisions integer[], $11 edited_ats timestamptz[],
--   $12 written bytea[] (side by side)
-- Index: comments_pkey.
WITH free AS MATERIALIZED (
    SELECT c.site_id, c.article_id, c.comment_id, new.written
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::integer[], $11::timestamptz[],
                $12::bytea[])
        AS new (site_id, article_id, comment_id, author_name, author_badge, author_avatar, text,
                lang, status, revision, edited_at, written)
    JOIN comments c ON c.site_id = new.site_id AND c.article_id = new.article_id
        AND c.comment_id = new.comment_id
    WHERE c.written IS NULL
      AND (c.author_name, c.author_badge, c.author_avatar, c.text, c.lang, c.status, c.revision,
           c.edited_at)
          IS NOT DISTINCT FROM
          (new.author_name, new.author_badge, new.author_avatar, new.text, new.lang, new.status,
           new.revision, new.edited_at)
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE comments c SET written = free.written
FROM free
WHERE c.site_id = free.site_id AND c.article_id = free.article_id
  AND c.comment_id = free.comment_id;
