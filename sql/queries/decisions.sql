-- The decision log and everything one decision changes, in one transaction under the locks of
-- the articles it touches.

-- name: places
-- Where comments are, within the sites somebody may decide for.
--   $1 site_ids integer[], $2 comment_ids uuid[]
-- Index: comment_places_pkey.
SELECT site_id, comment_id, article_id
FROM comment_places
WHERE site_id = ANY($1::integer[]) AND comment_id = ANY($2::uuid[]);

-- name: places_of_decision
-- The comments that one decision id was used for, within the sites somebody may decide for.
--   $1 site_ids integer[], $2 decision_id uuid
-- Index: decisions_by_id.
SELECT site_id, article_id, comment_id, n
FROM decisions
WHERE site_id = ANY($1::integer[]) AND decision_id = $2;

-- name: lock_articles
-- Hold articles against every other decision on them, always in the same order.
--   $1 articles jsonb (a list of {site_id, article_id})
-- Index: article_counts_pkey.
SELECT counts.site_id, counts.article_id
FROM article_counts counts
JOIN jsonb_to_recordset($1::jsonb) AS wanted (site_id integer, article_id uuid)
    ON counts.site_id = wanted.site_id AND counts.article_id = wanted.article_id
ORDER BY counts.site_id, counts.article_id
FOR UPDATE OF counts;

-- name: lock_free_articles
-- Of articles those that nobody holds, held from now on; those without a row are left out, too.
--   $1 articles jsonb (a list of {site_id, article_id})
-- Index: article_counts_pkey.
SELECT counts.site_id, counts.article_id
FROM article_counts counts
JOIN jsonb_to_recordset($1::jsonb) AS wanted (site_id integer, article_id uuid)
    ON counts.site_id = wanted.site_id AND counts.article_id = wanted.article_id
FOR UPDATE OF counts SKIP LOCKED;

-- name: open_articles
-- Rows for articles that are decided on for the first time. Where nobody knows the key, as while
-- Redis is away, the journal does.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 keys text[] (side by side; null: not known),
--   $4 wait interval (before webhooks tell of it)
-- Index: intake_journal_pkey; webhooks_pkey.
WITH opened AS (
    INSERT INTO articles (site_id, article_id, key)
    SELECT seen.site_id, seen.article_id, coalesce(seen.key, journaled.key)
    FROM unnest($1::integer[], $2::uuid[], $3::text[]) AS seen (site_id, article_id, key)
    LEFT JOIN LATERAL (
        SELECT payload ->> 'article_key' AS key
        FROM intake_journal
        WHERE site_id = seen.site_id AND article_id = seen.article_id AND payload IS NOT NULL
        LIMIT 1
    ) journaled ON seen.key IS NULL
    WHERE coalesce(seen.key, journaled.key) IS NOT NULL
    ORDER BY seen.site_id, seen.article_id
    ON CONFLICT (site_id, article_id) DO NOTHING
    RETURNING site_id, article_id, key
)
INSERT INTO webhook_events (site_id, kind, article_id, facts, at, ripe_at)
SELECT site_id, 'article.created', article_id, jsonb_build_object('article', key),
       now(), now() + $4
FROM opened
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = opened.site_id AND state = 'active');

-- name: open_counts
-- Counts for articles that are decided on for the first time.
--   $1 site_ids integer[], $2 article_ids uuid[] (side by side)
INSERT INTO article_counts (site_id, article_id)
SELECT site_id, article_id
FROM unnest($1::integer[], $2::uuid[]) AS seen (site_id, article_id)
ORDER BY site_id, article_id
ON CONFLICT (site_id, article_id) DO NOTHING;

-- name: cases
-- What is known of comments that are to be decided: the public row, the latest decision, the one
-- already made under the same id, the revision that waits in the journal, with its text where a
-- newer one is not known, the text kept of it, and another comment that the same submission became.
--   $1 questions jsonb (a list of {site_id, article_id, comment_id, decision_id; dk, null for
--   submissions without a key; revision and n of what is known to wait, null for nothing})
-- Index: each table's primary key.
SELECT wanted.site_id, wanted.article_id, wanted.comment_id, a.key AS article_key,
       c.parent_id, c.root_id, c.depth, c.author_id, c.author_kind, c.author_name, c.author_badge,
       c.author_avatar, c.author_email, c.text, c.lang, c.status AS public_status, c.revision,
       c.created_at, c.edited_at, c.up, c.down, c.pinned, c.featured, c.reply_count,
       c.shown_replies,
       to_jsonb(latest) AS latest,
       to_jsonb(same) AS same,
       j.revision AS journaled_revision,
       CASE WHEN wanted.revision IS NULL OR j.revision > wanted.revision OR j.n > wanted.n
            THEN j.payload END AS journaled,
       k.payload AS kept,
       s.comment_id AS submitted_as
FROM jsonb_to_recordset($1::jsonb) AS wanted (
    site_id integer, article_id uuid, comment_id uuid, decision_id uuid, dk bytea,
    revision integer, n integer)
LEFT JOIN articles a ON a.site_id = wanted.site_id AND a.article_id = wanted.article_id
LEFT JOIN comments c ON c.site_id = wanted.site_id AND c.article_id = wanted.article_id
    AND c.comment_id = wanted.comment_id
LEFT JOIN LATERAL (
    SELECT site_id, article_id, comment_id, n, decision_id, action, revision, kind, status,
           reason, note, actor_kind, actor_id, at, reverses
    FROM decisions
    WHERE site_id = wanted.site_id AND article_id = wanted.article_id
      AND comment_id = wanted.comment_id
    ORDER BY n DESC LIMIT 1
) latest ON true
LEFT JOIN LATERAL (
    SELECT site_id, article_id, comment_id, n, decision_id, action, revision, kind, status,
           reason, note, actor_kind, actor_id, at, reverses
    FROM decisions
    WHERE site_id = wanted.site_id AND article_id = wanted.article_id
      AND comment_id = wanted.comment_id AND decision_id = wanted.decision_id
) same ON true
LEFT JOIN intake_journal j ON j.site_id = wanted.site_id AND j.article_id = wanted.article_id
    AND j.comment_id = wanted.comment_id AND j.state = 'waiting'
LEFT JOIN LATERAL (
    SELECT payload FROM kept_texts
    WHERE site_id = wanted.site_id AND article_id = wanted.article_id
      AND comment_id = wanted.comment_id AND expires_at > now()
    -- Of a removed comment what was public, not an edit that was rejected.
    ORDER BY revision = CASE latest.status WHEN 'removed' THEN c.revision ELSE latest.revision END
             DESC, revision DESC
    LIMIT 1
) k ON true
LEFT JOIN submissions s ON s.site_id = wanted.site_id AND s.article_id = wanted.article_id
    AND s.dk = wanted.dk;

-- name: branches
-- Public rows from given comments upwards, as far as the first approved one above each: what a
-- change of a comment can make appear or disappear.
--   $1 places jsonb (a list of {site_id, article_id, comment_id})
-- Index: comments_pkey.
WITH RECURSIVE branch AS (
    SELECT c.site_id, c.article_id, c.comment_id, c.parent_id, c.root_id, c.depth, c.status,
           c.reply_count, c.shown_replies, true AS given
    FROM jsonb_to_recordset($1::jsonb)
        AS wanted (site_id integer, article_id uuid, comment_id uuid)
    JOIN comments c ON c.site_id = wanted.site_id AND c.article_id = wanted.article_id
        AND c.comment_id = wanted.comment_id
    UNION
    SELECT above.site_id, above.article_id, above.comment_id, above.parent_id, above.root_id,
           above.depth, above.status, above.reply_count, above.shown_replies, false
    FROM branch
    JOIN comments above ON above.site_id = branch.site_id AND above.article_id = branch.article_id
        AND above.comment_id = branch.parent_id
    WHERE branch.given OR branch.status <> 'approved'
)
SELECT site_id, article_id, comment_id, parent_id, root_id, depth, status, reply_count,
       shown_replies
FROM branch;

-- name: former_text
-- The approved text that an edit replaced.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 below revision integer
-- Index: comment_revisions_pkey.
SELECT revision, text
FROM comment_revisions
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND revision < $4
ORDER BY revision DESC LIMIT 1;

-- name: kept_text
-- One revision that is kept and not public.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer
-- Index: kept_texts_pkey.
SELECT payload FROM kept_texts
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND revision = $4
  AND expires_at > now();

-- name: place
-- Where comments are. Rows come in the order of the key, so that two transactions never deadlock.
--   $1 site_ids integer[], $2 comment_ids uuid[], $3 article_ids uuid[] (side by side)
INSERT INTO comment_places (site_id, comment_id, article_id)
SELECT site_id, comment_id, article_id
FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS new (site_id, comment_id, article_id)
ON CONFLICT (site_id, comment_id) DO NOTHING;

-- name: keep_revision
-- Texts that approved edits replace.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 revisions integer[],
--   $5 texts text[], $6 replaced_ats timestamptz[] (side by side)
INSERT INTO comment_revisions (site_id, article_id, comment_id, revision, text, replaced_at)
SELECT site_id, article_id, comment_id, revision, text, replaced_at
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::timestamptz[])
    AS new (site_id, article_id, comment_id, revision, text, replaced_at)
ON CONFLICT (site_id, article_id, comment_id, revision) DO UPDATE SET
    text = excluded.text, replaced_at = excluded.replaced_at;

-- name: put_back_text
-- Former texts of comments whose edits were undone.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 revisions integer[],
--   $5 texts text[] (side by side)
-- Index: comments_pkey.
UPDATE comments c SET text = new.text, revision = new.revision
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[])
    AS new (site_id, article_id, comment_id, revision, text)
WHERE c.site_id = new.site_id AND c.article_id = new.article_id AND c.comment_id = new.comment_id;

-- name: take_down
-- Public comments become tombstones.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 statuses text[]
--   (side by side)
-- Index: comments_pkey.
UPDATE comments c SET status = new.status, text = NULL, unseen = false
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[])
    AS new (site_id, article_id, comment_id, status)
WHERE c.site_id = new.site_id AND c.article_id = new.article_id AND c.comment_id = new.comment_id;

-- name: forget_revisions
-- Former texts of comments that their authors or the law took away.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: comment_revisions_pkey.
DELETE FROM comment_revisions old
USING unnest($1::integer[], $2::uuid[], $3::uuid[]) AS gone (site_id, article_id, comment_id)
WHERE old.site_id = gone.site_id AND old.article_id = gone.article_id
  AND old.comment_id = gone.comment_id;

-- name: describe_article
-- What pages said of articles that the back end has not described; the first of several stays.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 urls text[], $4 titles text[] (side by side)
-- Index: articles_pkey.
UPDATE articles a
SET url = coalesce(a.url, told.url), title = coalesce(a.title, told.title)
FROM (
    SELECT site_id, article_id,
           (array_agg(url ORDER BY place) FILTER (WHERE url IS NOT NULL))[1] AS url,
           (array_agg(title ORDER BY place) FILTER (WHERE title IS NOT NULL))[1] AS title
    FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[])
        WITH ORDINALITY AS new (site_id, article_id, url, title, place)
    GROUP BY site_id, article_id
) told
WHERE a.site_id = told.site_id AND a.article_id = told.article_id AND NOT a.managed
  AND (a.url IS NULL AND told.url IS NOT NULL OR a.title IS NULL AND told.title IS NOT NULL);

-- name: close_reports
-- Reports of comments, answered by what was decided.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 ats timestamptz[]
--   (side by side)
-- Index: reports_pkey.
UPDATE reports r SET closed_at = new.at
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::timestamptz[])
    AS new (site_id, article_id, comment_id, at)
WHERE r.site_id = new.site_id AND r.article_id = new.article_id AND r.comment_id = new.comment_id
  AND r.closed_at IS NULL;

-- name: reopen_reports
-- Reports that decisions had answered which are undone.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[],
--   $4 closed_ats timestamptz[] (side by side)
-- Index: reports_pkey.
UPDATE reports r SET closed_at = NULL
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::timestamptz[])
    AS new (site_id, article_id, comment_id, closed_at)
WHERE r.site_id = new.site_id AND r.article_id = new.article_id AND r.comment_id = new.comment_id
  AND r.closed_at = new.closed_at AND r.closed_kind IS NULL;

-- name: grant_appeal
-- Open appeals, answered by the decisions that make their comments public.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 notes text[],
--   $5 actor_kinds text[], $6 actor_ids text[], $7 ats timestamptz[], $8 decision_ids uuid[],
--   $9 waits interval[] (side by side; before webhooks tell of it)
-- Index: appeals_pkey; webhooks_pkey.
WITH granted AS (
    UPDATE appeals a
    SET granted = true, note = new.note, actor_kind = new.actor_kind, actor_id = new.actor_id,
        answered_at = new.at
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                $7::timestamptz[], $8::uuid[], $9::interval[])
        AS new (site_id, article_id, comment_id, note, actor_kind, actor_id, at, decision_id, wait)
    WHERE a.site_id = new.site_id AND a.article_id = new.article_id
      AND a.comment_id = new.comment_id AND a.answered_at IS NULL
    RETURNING a.site_id, a.article_id, a.comment_id, new.decision_id, new.at, new.wait
)
INSERT INTO webhook_events
    (site_id, kind, article_id, comment_id, facts, decision_id, at, ripe_at)
SELECT site_id, 'appeal.decided', article_id, comment_id, '{"granted": true}', decision_id, at,
       at + wait
FROM granted
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = granted.site_id AND state = 'active');

-- name: reopen_appeal
-- Appeals whose grants are undone.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[],
--   $4 answered_ats timestamptz[] (side by side)
-- Index: appeals_pkey.
UPDATE appeals a
SET granted = NULL, note = '', actor_kind = NULL, actor_id = NULL, answered_at = NULL
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::timestamptz[])
    AS new (site_id, article_id, comment_id, answered_at)
WHERE a.site_id = new.site_id AND a.article_id = new.article_id AND a.comment_id = new.comment_id
  AND a.granted AND a.answered_at = new.answered_at;

-- name: forget_appeal
-- Appeals for comments that their authors took away.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: appeals_pkey.
DELETE FROM appeals old
USING unnest($1::integer[], $2::uuid[], $3::uuid[]) AS gone (site_id, article_id, comment_id)
WHERE old.site_id = gone.site_id AND old.article_id = gone.article_id
  AND old.comment_id = gone.comment_id;

-- name: drop_kept
-- Kept texts of comments that are public or waiting again, or gone for good.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: kept_texts_pkey.
DELETE FROM kept_texts old
USING unnest($1::integer[], $2::uuid[], $3::uuid[]) AS gone (site_id, article_id, comment_id)
WHERE old.site_id = gone.site_id AND old.article_id = gone.article_id
  AND old.comment_id = gone.comment_id;

-- name: answer_published
-- The first answer to a submission said that it was published.
--   $1 site_id integer, $2 article_id uuid, $3 dk bytea
-- Index: submissions_pkey.
UPDATE submissions SET status = 201 WHERE site_id = $1 AND article_id = $2 AND dk = $3;

-- name: uncount_for_author
-- What authors' records with their sites lose by decisions that are undone.
--   $1 site_ids integer[], $2 author_ids uuid[], $3 approved integer[], $4 rejected integer[]
--   (side by side; each author once)
-- Index: readers_pkey.
UPDATE readers r
SET approved = greatest(r.approved - lost.approved, 0),
    rejected = greatest(r.rejected - lost.rejected, 0)
FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::integer[])
    AS lost (site_id, author_id, approved, rejected)
WHERE r.site_id = lost.site_id AND r.author_id = lost.author_id;

-- name: names
-- What colleagues call those who decided.
--   $1 key_ids text[], $2 member_ids uuid[]
-- Index: api_keys_pkey, members_pkey.
SELECT 'key' AS kind, key_id AS id, name FROM api_keys WHERE key_id = ANY($1::text[])
UNION ALL
SELECT 'member', member_id::text, coalesce(nullif(name, ''), email)
FROM members WHERE member_id = ANY($2::uuid[]);

-- name: latest
-- The latest decision of each of several comments of a site.
--   $1 site_id integer, $2 comment_ids uuid[]
-- Index: comment_places_pkey, decisions_pkey.
SELECT d.site_id, d.article_id, d.comment_id, d.n, d.decision_id, d.action, d.revision, d.status,
       d.reason, d.note, d.actor_kind, d.actor_id, d.at, d.reverses
FROM comment_places p
CROSS JOIN LATERAL (
    SELECT site_id, article_id, comment_id, n, decision_id, action, revision, status, reason,
           note, actor_kind, actor_id, at, reverses
    FROM decisions
    WHERE site_id = p.site_id AND article_id = p.article_id AND comment_id = p.comment_id
    ORDER BY n DESC LIMIT 1
) d
WHERE p.site_id = $1 AND p.comment_id = ANY($2::uuid[]);

-- name: lately
-- What was decided on some sites since a time, each comment once.
--   $1 site_ids integer[], $2 since timestamptz
-- Index: decisions_by_time.
SELECT DISTINCT site_id, comment_id
FROM decisions
WHERE site_id = ANY($1::integer[]) AND at >= $2;
