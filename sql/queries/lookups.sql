-- name: find_comments
-- Everything that says what comments are now: the public row, the latest decision, the journal
-- row, the text kept, and whose it is. One row each, none for those Postgres does not know.
--   $1 site_id integer, $2 comment_ids uuid[]
-- Index: comment_places_pkey, then each table's primary key.
SELECT p.article_id, p.comment_id,
       a.key AS article_key,
       c.parent_id, c.root_id, c.depth, c.author_id, c.author_kind, c.author_name, c.author_badge,
       c.author_avatar, c.author_email, c.text, c.lang, c.status AS public_status, c.revision,
       c.created_at, c.edited_at, c.up, c.down, c.pinned, c.featured, c.reply_count,
       c.shown_replies,
       d.n, d.decision_id, d.action, d.revision AS judged_revision, d.status AS decided_status,
       d.reason, d.note, d.actor_kind, d.actor_id, d.at, d.reverses,
       j.payload AS waiting,
       k.payload AS kept,
       coalesce(c.author_id, s.author_id) AS subject_id
FROM comment_places p
LEFT JOIN articles a ON a.site_id = p.site_id AND a.article_id = p.article_id
LEFT JOIN comments c
    ON c.site_id = p.site_id AND c.article_id = p.article_id AND c.comment_id = p.comment_id
LEFT JOIN LATERAL (
    SELECT n, decision_id, action, revision, status, reason, note, actor_kind, actor_id, at,
           reverses
    FROM decisions
    WHERE site_id = p.site_id AND article_id = p.article_id AND comment_id = p.comment_id
    ORDER BY n DESC LIMIT 1
) d ON true
LEFT JOIN intake_journal j
    ON j.site_id = p.site_id AND j.article_id = p.article_id AND j.comment_id = p.comment_id
    AND j.state = 'waiting'
LEFT JOIN LATERAL (
    SELECT payload FROM kept_texts
    WHERE site_id = p.site_id AND article_id = p.article_id AND comment_id = p.comment_id
      AND expires_at > now()
    -- Of a removed comment what was public, not an edit that was rejected.
    ORDER BY revision = CASE d.status WHEN 'removed' THEN c.revision ELSE d.revision END DESC,
             revision DESC
    LIMIT 1
) k ON true
LEFT JOIN decision_subjects s
    ON s.site_id = p.site_id AND s.article_id = p.article_id AND s.comment_id = p.comment_id
WHERE p.site_id = $1 AND p.comment_id = ANY($2::uuid[]);

-- name: find_history
-- Every decision on one comment, oldest first.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: decisions_pkey.
SELECT site_id, article_id, comment_id, n, decision_id, action, revision, status, reason, note,
       actor_kind, actor_id, at, reverses
FROM decisions
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
ORDER BY n;

-- name: find_revisions
-- Former approved texts of one comment, oldest first.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: comment_revisions_pkey.
SELECT revision, text, replaced_at
FROM comment_revisions
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
ORDER BY revision;

-- name: search_waiting
-- Ids and ranks of waiting comments whose text holds a phrase, for the queue's `q`. The smallest
-- rank comes first: by score, by age, or by age backwards.
--   $1 site_id integer, $2 phrase text (already escaped for ILIKE), $3 sort text (`priority`,
--   `oldest` or `newest`), $4 escalated ones too boolean, $5 after rank double precision,
--   $6 after comment_id uuid, $7 limit integer
-- Index: intake_journal_waiting; every text that waits may have to be read.
SELECT comment_id, rank
FROM (
    SELECT comment_id,
           CASE $3::text
               WHEN 'priority' THEN (payload ->> 'score')::double precision
               WHEN 'oldest' THEN extract(epoch FROM created_at)::double precision
               ELSE -extract(epoch FROM created_at)::double precision
           END AS rank
    FROM intake_journal
    WHERE site_id = $1 AND state = 'waiting'
      AND payload ->> 'text' ILIKE '%' || $2 || '%'
      AND ($4::boolean OR NOT (payload ->> 'escalated')::boolean)
) found
WHERE rank > $5 OR (rank = $5 AND comment_id > $6)
ORDER BY rank, comment_id
LIMIT $7;
