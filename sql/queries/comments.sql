-- What readers see of a thread. Every page goes on by key, never by offset, and every
-- statement reads only what it returns: its cost does not grow with the thread.
--
-- A comment comes as it was written for readers (`written`), or whole where that was asked for or
-- nobody has written it yet. Its time comes as eight bytes (`born`), read when somebody asks:
-- as a time it would be a tenth of what a page of 200 costs.

-- name: find_thread
-- The article a key leads to, an alias's target included; all articles that are read as one with
-- it; their counts and the version of what is public. One row, or none for an article unseen.
--   $1 site_id integer, $2 article_id uuid
-- Index: articles_pkey, articles_merged, article_counts_pkey.
SELECT target.article_id, target.key, target.url, target.title, target.lang,
       CASE WHEN target.close_at <= now() AND target.state IN ('open', 'premoderated')
            THEN 'closed' ELSE target.state END AS state,
       target.mode, target.close_at, target.views_per_hour, target.managed,
       whole.article_ids, whole.approved, whole.shown_roots, whole.version
FROM articles asked
JOIN articles target ON target.site_id = asked.site_id
    AND target.article_id = COALESCE(asked.merged_into, asked.article_id)
CROSS JOIN LATERAL (
    SELECT array_agg(member.article_id) AS article_ids,
           COALESCE(sum(counts.approved), 0)::bigint AS approved,
           COALESCE(sum(counts.shown_roots), 0)::bigint AS shown_roots,
           COALESCE(sum(counts.version), 0)::bigint AS version
    FROM (
        SELECT target.article_id
        UNION ALL
        SELECT merged.article_id FROM articles merged
        WHERE merged.site_id = target.site_id AND merged.merged_into = target.article_id
    ) member
    LEFT JOIN article_counts counts
        ON counts.site_id = target.site_id AND counts.article_id = member.article_id
) whole
WHERE asked.site_id = $1 AND asked.article_id = $2;

-- name: find_counts
-- Approved comments of at most 200 articles, each with the articles that are read as one with it.
-- An article unseen has no row.
--   $1 site_id integer, $2 article_ids uuid[]
-- Index: articles_pkey, articles_merged, article_counts_pkey.
WITH asked AS (
    SELECT article_id, COALESCE(merged_into, article_id) AS target
    FROM articles WHERE site_id = $1 AND article_id = ANY($2::uuid[])
), member AS (
    SELECT target, target AS article_id FROM asked
    UNION
    SELECT merged_into, article_id FROM articles
    WHERE site_id = $1 AND merged_into = ANY(ARRAY(SELECT target FROM asked))
)
SELECT asked.article_id, array_agg(member.article_id) AS article_ids,
       COALESCE(sum(counts.approved), 0)::bigint AS approved
FROM asked
JOIN member ON member.target = asked.target
LEFT JOIN article_counts counts ON counts.site_id = $1 AND counts.article_id = member.article_id
GROUP BY asked.article_id;

-- name: roots_newest
-- Roots, newest first.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_created_at timestamptz, $5 after_id uuid (both null: from the start),
--   $6 whole boolean (rather than as it was written)
-- Index: comments_roots_newest.
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $6 THEN written END AS written,
       CASE WHEN $6 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole,
       best
FROM comments
WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
  AND (created_at, comment_id)
      < (COALESCE($4::timestamptz, 'infinity'),
         COALESCE($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, comment_id DESC
LIMIT $3;

-- name: roots_oldest
-- Roots, oldest first.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_created_at timestamptz, $5 after_id uuid (both null: from the start),
--   $6 whole boolean (rather than as it was written)
-- Index: comments_roots_newest, read backwards.
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $6 THEN written END AS written,
       CASE WHEN $6 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole,
       best
FROM comments
WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
  AND (created_at, comment_id)
      > (COALESCE($4::timestamptz, '-infinity'),
         COALESCE($5::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY created_at, comment_id
LIMIT $3;

-- name: roots_best
-- Roots, pinned ones first and then the best.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_pinned boolean, $5 after_best double, $6 after_id uuid (all null: from the start),
--   $7 whole boolean (rather than as it was written)
-- Index: comments_roots_best.
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $7 THEN written END AS written,
       CASE WHEN $7 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole,
       best
FROM comments
WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
  AND (pinned, best, comment_id)
      < (COALESCE($4::boolean, true), COALESCE($5::double precision, 'infinity'),
         COALESCE($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY pinned DESC, best DESC, comment_id DESC
LIMIT $3;

-- name: roots_worst
-- Roots in the opposite order of roots_best: the ones before a root, nearest first.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_pinned boolean, $5 after_best double, $6 after_id uuid (none is null),
--   $7 whole boolean (rather than as it was written)
-- Index: comments_roots_best, read backwards.
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $7 THEN written END AS written,
       CASE WHEN $7 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole,
       best
FROM comments
WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
  AND (pinned, best, comment_id) > ($4::boolean, $5::double precision, $6::uuid)
ORDER BY pinned, best, comment_id
LIMIT $3;

-- name: rank_newest
-- How many roots stand before one, newest first; counts no further than the limit.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 created_at timestamptz, $5 comment_id uuid
-- Index: comments_roots_newest.
SELECT count(*) AS before FROM (
    SELECT 1 FROM comments
    WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
      AND (created_at, comment_id) > ($4::timestamptz, $5::uuid)
    ORDER BY created_at DESC, comment_id DESC
    LIMIT $3
) counted;

-- name: rank_oldest
-- How many roots stand before one, oldest first; counts no further than the limit.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 created_at timestamptz, $5 comment_id uuid
-- Index: comments_roots_newest.
SELECT count(*) AS before FROM (
    SELECT 1 FROM comments
    WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
      AND (created_at, comment_id) < ($4::timestamptz, $5::uuid)
    ORDER BY created_at, comment_id
    LIMIT $3
) counted;

-- name: rank_best
-- How many roots stand before one, best first; counts no further than the limit.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 pinned boolean, $5 best double, $6 comment_id uuid
-- Index: comments_roots_best.
SELECT count(*) AS before FROM (
    SELECT 1 FROM comments
    WHERE site_id = $1 AND article_id = $2 AND parent_id IS NULL AND shown
      AND (pinned, best, comment_id) > ($4::boolean, $5::double precision, $6::uuid)
    ORDER BY pinned DESC, best DESC, comment_id DESC
    LIMIT $3
) counted;

-- name: replies
-- Direct replies of one comment, oldest first.
--   $1 site_id integer, $2 article_id uuid, $3 parent_id uuid, $4 limit integer,
--   $5 after_created_at timestamptz, $6 after_id uuid (both null: from the start),
--   $7 whole boolean (rather than as it was written)
-- Index: comments_replies.
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $7 THEN written END AS written,
       CASE WHEN $7 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole
FROM comments
WHERE site_id = $1 AND article_id = $2 AND parent_id = $3 AND shown
  AND (created_at, comment_id)
      > (COALESCE($5::timestamptz, '-infinity'),
         COALESCE($6::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY created_at, comment_id
LIMIT $4;

-- part: below
-- The first replies of every comment below each `root`, as far as the root's earliest descendants
-- hold them, with the root's number (at) and which of its parent's a reply is (place). `look` says
-- how many descendants are looked at for a root (earliest), how many replies of one comment are
-- wanted, and whether whole.
--   $1 site_id integer
-- Index: comments_below_root.
SELECT nth.article_id, nth.comment_id, nth.parent_id,
       timestamptz_send(nth.created_at) AS born, nth.up, nth.down, nth.pinned, nth.featured,
       nth.reply_count, nth.shown_replies,
       CASE WHEN NOT look.whole THEN nth.written END AS written,
       CASE WHEN look.whole OR nth.written IS NULL
            THEN ROW(nth.author_name, nth.author_badge, nth.author_avatar, nth.text,
                     nth.lang, nth.status, nth.revision, nth.edited_at) END AS whole,
       root.at, nth.place
FROM look CROSS JOIN root
CROSS JOIN LATERAL (
    SELECT article_id, comment_id, parent_id, author_name, author_badge, author_avatar, text,
           lang, status, revision, created_at, edited_at, up, down, pinned, featured,
           reply_count, shown_replies, written,
           row_number() OVER (PARTITION BY parent_id ORDER BY created_at, comment_id) AS place
    FROM (
        SELECT article_id, comment_id, parent_id, author_name, author_badge, author_avatar, text,
               lang, status, revision, created_at, edited_at, up, down, pinned, featured,
               reply_count, shown_replies, written
        FROM comments
        WHERE site_id = $1 AND article_id = root.article_id AND root_id = root.comment_id
          AND parent_id IS NOT NULL AND shown
        ORDER BY created_at, comment_id
        LIMIT look.earliest
    ) earliest
) nth
WHERE nth.place <= look.replies;

-- name: below_roots
-- The first replies of every comment below some roots, each with its root's number.
--   $1 site_id integer, $2 article_ids uuid[], $3 root_ids uuid[] (side by side),
--   $4 earliest integer (descendants looked at for a root), $5 replies integer (of one comment),
--   $6 whole boolean (rather than as it was written)
-- Index: comments_below_root.
WITH root AS (
    SELECT given.article_id, given.comment_id, given.at
    FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS given (article_id, comment_id, at)
), look AS (
    SELECT $4::integer AS earliest, $5::integer AS replies, $6::boolean AS whole
)
SELECT at, article_id, comment_id, parent_id, born, up, down, pinned, featured, reply_count,
       shown_replies, written, whole
FROM ({below}) below
ORDER BY place;

-- part: one_look
-- An article's `thread` and its roots (`top`), each followed by what is `below` it, side by side in
-- one row that comes in one piece. Only as they were written: null where nobody has written one yet.
-- Index: that of the roots, comments_below_root.
SELECT thread.article_id, thread.key, thread.url, thread.title, thread.lang, thread.state,
       thread.mode, thread.close_at, thread.views_per_hour, thread.managed, thread.article_ids,
       thread.approved, thread.shown_roots, thread.version,
       listed.comment_id, listed.parent_id, listed.born, listed.up, listed.down, listed.pinned,
       listed.featured, listed.reply_count, listed.shown_replies, listed.written, listed.best
FROM thread CROSS JOIN (
    SELECT array_agg(each.comment_id) AS comment_id, array_agg(each.parent_id) AS parent_id,
           array_agg(each.born) AS born, array_agg(each.up) AS up, array_agg(each.down) AS down,
           array_agg(each.pinned) AS pinned, array_agg(each.featured) AS featured,
           array_agg(each.reply_count) AS reply_count,
           array_agg(each.shown_replies) AS shown_replies,
           array_agg(each.written) AS written, array_agg(each.best) AS best
    FROM (
        WITH placed AS (
            SELECT article_id, comment_id, parent_id, born, up, down, pinned, featured,
                   reply_count, shown_replies, written, best, row_number() OVER () AS at
            FROM top
        ), root AS (SELECT article_id, comment_id, at FROM placed WHERE shown_replies > 0)
        SELECT comment_id, parent_id, born, up, down, pinned, featured, reply_count,
               shown_replies, written, best, at, 0 AS place
        FROM placed
        UNION ALL
        SELECT comment_id, parent_id, born, up, down, pinned, featured, reply_count,
               shown_replies, written, NULL, at, place
        FROM ({below}) below
        ORDER BY at, place
    ) each
) listed;

-- name: look_newest
-- An article's thread with its first roots (newest first) and what is below them, in one row; none
-- for an article unseen. Of one that is read as one with others, only what is its own.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_created_at timestamptz, $5 after_id uuid (both null: from the start),
--   $6 whole boolean (false), $7 earliest integer, $8 replies integer
-- Index: articles_pkey, articles_merged, article_counts_pkey, comments_roots_newest,
-- Index: comments_below_root.
WITH thread AS ({find_thread}), top AS ({roots_newest}), look AS (
    SELECT $7::integer AS earliest, $8::integer AS replies, $6::boolean AS whole
)
{one_look};

-- name: look_oldest
-- An article's thread with its first roots (oldest first) and what is below them, in one row; none
-- for an article unseen. Of one that is read as one with others, only what is its own.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_created_at timestamptz, $5 after_id uuid (both null: from the start),
--   $6 whole boolean (false), $7 earliest integer, $8 replies integer
-- Index: articles_pkey, articles_merged, article_counts_pkey, comments_roots_newest,
-- Index: comments_below_root.
WITH thread AS ({find_thread}), top AS ({roots_oldest}), look AS (
    SELECT $7::integer AS earliest, $8::integer AS replies, $6::boolean AS whole
)
{one_look};

-- name: look_best
-- An article's thread with its first roots (best first) and what is below them, in one row; none
-- for an article unseen. Of one that is read as one with others, only what is its own.
--   $1 site_id integer, $2 article_id uuid, $3 limit integer,
--   $4 after_pinned boolean, $5 after_best double, $6 after_id uuid (all null: from the start),
--   $7 whole boolean (false), $8 earliest integer, $9 replies integer
-- Index: articles_pkey, articles_merged, article_counts_pkey, comments_roots_best,
-- Index: comments_below_root.
WITH thread AS ({find_thread}), top AS ({roots_best}), look AS (
    SELECT $8::integer AS earliest, $9::integer AS replies, $7::boolean AS whole
)
{one_look};

-- name: first_replies
-- The first direct replies of each of several comments, oldest first within a parent.
--   $1 site_id integer, $2 article_ids uuid[], $3 parent_ids uuid[] (side by side),
--   $4 replies integer (of one comment),
--   $5 whole boolean (rather than as it was written)
-- Index: comments_replies.
SELECT reply.article_id, reply.comment_id, reply.parent_id,
       timestamptz_send(reply.created_at) AS born, reply.up, reply.down, reply.pinned,
       reply.featured, reply.reply_count, reply.shown_replies,
       CASE WHEN NOT $5 THEN reply.written END AS written,
       CASE WHEN $5 OR reply.written IS NULL
            THEN ROW(reply.author_name, reply.author_badge, reply.author_avatar,
                     reply.text, reply.lang, reply.status, reply.revision,
                     reply.edited_at) END AS whole
FROM unnest($2::uuid[], $3::uuid[]) AS parent (article_id, comment_id)
CROSS JOIN LATERAL (
    SELECT article_id, comment_id, parent_id, author_name, author_badge, author_avatar, text,
           lang, status, revision, created_at, edited_at, up, down, pinned, featured,
           reply_count, shown_replies, written
    FROM comments
    WHERE site_id = $1 AND article_id = parent.article_id AND parent_id = parent.comment_id
      AND shown
    ORDER BY created_at, comment_id
    LIMIT $4
) reply
ORDER BY reply.created_at, reply.comment_id;

-- name: path_to
-- One comment and its ancestors, the comment first, then its parent, and so on.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_id uuid, $4 limit integer (ancestors),
--   $5 whole boolean (rather than as it was written)
-- Index: comments_pkey.
WITH RECURSIVE path AS (
    SELECT article_id, comment_id, parent_id, author_name, author_badge, author_avatar, text,
           lang, status, revision, created_at, edited_at, up, down, pinned, featured,
           reply_count, shown_replies, best, written, 0 AS step
    FROM comments
    WHERE site_id = $1 AND article_id = ANY($2::uuid[]) AND comment_id = $3 AND shown
    UNION ALL
    SELECT above.article_id, above.comment_id, above.parent_id, above.author_name,
           above.author_badge, above.author_avatar, above.text, above.lang, above.status,
           above.revision, above.created_at, above.edited_at, above.up, above.down,
           above.pinned, above.featured, above.reply_count, above.shown_replies, above.best,
           above.written, path.step + 1
    FROM path
    JOIN comments above ON above.site_id = $1 AND above.article_id = path.article_id
        AND above.comment_id = path.parent_id
    WHERE path.step < $4
)
SELECT article_id, comment_id, parent_id, timestamptz_send(created_at) AS born,
       up, down, pinned, featured, reply_count, shown_replies,
       CASE WHEN NOT $5 THEN written END AS written,
       CASE WHEN $5 OR written IS NULL
            THEN ROW(author_name, author_badge, author_avatar, text, lang, status,
                     revision, edited_at) END AS whole,
       best
FROM path
ORDER BY step;

-- name: find_place
-- The article a comment stands under.
--   $1 site_id integer, $2 comment_id uuid
-- Index: comment_places_pkey.
SELECT article_id FROM comment_places WHERE site_id = $1 AND comment_id = $2;
