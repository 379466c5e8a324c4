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
--   $1 site_ids integer[], $2 article_ids uuid[] (side by side)
-- Index: article_counts_pkey.
SELECT counts.site_id, counts.article_id
FROM article_counts counts
JOIN unnest($1::integer[], $2::uuid[]) AS wanted (site_id, article_id)
    ON counts.site_id = wanted.site_id AND counts.article_id = wanted.article_id
ORDER BY counts.site_id, counts.article_id
FOR UPDATE OF counts;

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
-- already made under the same id, what waits in the journal, the text kept of it, and another
-- comment that the same submission became.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 decision_ids uuid[],
--   $5 dks bytea[] (side by side; null dk for submissions without a key)
-- Index: each table's primary key.
SELECT wanted.site_id, wanted.article_id, wanted.comment_id, a.key AS article_key,
       c.parent_id, c.root_id, c.depth, c.author_id, c.author_kind, c.author_name, c.author_badge,
       c.author_avatar, c.author_email, c.text, c.lang, c.status AS public_status, c.revision,
       c.created_at, c.edited_at, c.up, c.down, c.pinned, c.featured, c.reply_count,
       c.shown_replies,
       to_jsonb(latest) AS latest,
       to_jsonb(same) AS same,
       j.payload AS journaled,
       k.payload AS kept,
       s.comment_id AS submitted_as
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[])
    AS wanted (site_id, article_id, comment_id, decision_id, dk)
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
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: comments_pkey.
WITH RECURSIVE branch AS (
    SELECT c.site_id, c.article_id, c.comment_id, c.parent_id, c.root_id, c.depth, c.status,
           c.reply_count, c.shown_replies, true AS given
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS wanted (site_id, article_id, comment_id)
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

-- name: append
-- One entry of the log; no row when the comment's n-th decision is somebody else's.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 n integer, $5 decision_id uuid,
--   $6 action text, $7 revision integer, $8 kind text, $9 status text, $10 reason text,
--   $11 note text, $12 actor_kind text, $13 actor_id text, $14 reverses uuid,
--   $15 duplicate_of uuid, $16 content_hash bytea, $17 at timestamptz, $18 request_id text,
--   $19 lang text, $20 rule_version integer, $21 risk real, $22 rules text[]
INSERT INTO decisions (site_id, article_id, comment_id, n, decision_id, action, revision, kind,
                       status, reason, note, actor_kind, actor_id, reverses, duplicate_of,
                       content_hash, at, request_id, lang, rule_version, risk, rules)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22);

-- name: name_subject
-- Whose comment a decision is about.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 author_id uuid
INSERT INTO decision_subjects (site_id, article_id, comment_id, author_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, article_id, comment_id) DO NOTHING;

-- name: place
-- Where a comment is.
--   $1 site_id integer, $2 comment_id uuid, $3 article_id uuid
INSERT INTO comment_places (site_id, comment_id, article_id)
VALUES ($1, $2, $3)
ON CONFLICT (site_id, comment_id) DO NOTHING;

-- name: publish
-- A comment in public, new or again.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 parent_id uuid,
--   $5 root_id uuid, $6 depth smallint, $7 author_id uuid, $8 author_kind text,
--   $9 author_name text, $10 author_badge text, $11 author_avatar text, $12 author_email text,
--   $13 text text, $14 lang text, $15 revision integer, $16 created_at timestamptz,
--   $17 published_at timestamptz, $18 edited_at timestamptz, $19 best double precision,
--   $20 unseen boolean
INSERT INTO comments AS c
    (site_id, article_id, comment_id, parent_id, root_id, depth, author_id, author_kind,
     author_name, author_badge, author_avatar, author_email, text, lang, status, revision,
     created_at, published_at, edited_at, best, unseen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'approved', $15, $16, $17,
        $18, $19, $20)
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    author_name = excluded.author_name, author_badge = excluded.author_badge,
    author_avatar = excluded.author_avatar, text = excluded.text, lang = excluded.lang,
    status = 'approved', revision = excluded.revision, edited_at = excluded.edited_at,
    unseen = excluded.unseen;

-- name: keep_revision
-- The text that an approved edit replaces.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 text text,
--   $6 replaced_at timestamptz
INSERT INTO comment_revisions (site_id, article_id, comment_id, revision, text, replaced_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, article_id, comment_id, revision) DO UPDATE SET
    text = excluded.text, replaced_at = excluded.replaced_at;

-- name: put_back_text
-- The former text of a comment whose edit was undone.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 text text
-- Index: comments_pkey.
UPDATE comments SET text = $5, revision = $4
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: take_down
-- A public comment becomes a tombstone.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 status text
-- Index: comments_pkey.
UPDATE comments SET status = $4, text = NULL, unseen = false
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: forget_revisions
-- Former texts of a comment that its author or the law took away.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: comment_revisions_pkey.
DELETE FROM comment_revisions WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: shift_replies
-- How many replies a comment has, of each sort.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 replies integer,
--   $5 shown integer (both as differences)
-- Index: comments_pkey.
UPDATE comments SET reply_count = reply_count + $4, shown_replies = shown_replies + $5
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: shift_counts
-- An article's counts, and the version of its thread.
--   $1 site_id integer, $2 article_id uuid, $3 approved integer, $4 shown_roots integer
--   (as differences), $5 version integer
-- Index: article_counts_pkey.
UPDATE article_counts
SET approved = approved + $3, shown_roots = shown_roots + $4, version = version + $5
WHERE site_id = $1 AND article_id = $2;

-- name: describe_article
-- What the page said of an article that the back end has not described.
--   $1 site_id integer, $2 article_id uuid, $3 url text, $4 title text
-- Index: articles_pkey.
UPDATE articles SET url = coalesce(url, $3), title = coalesce(title, $4)
WHERE site_id = $1 AND article_id = $2 AND NOT managed
  AND (url IS NULL AND $3::text IS NOT NULL OR title IS NULL AND $4::text IS NOT NULL);

-- name: keep_text
-- What was sent and is not public.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer,
--   $5 payload jsonb, $6 expires_at timestamptz
INSERT INTO kept_texts (site_id, article_id, comment_id, revision, payload, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, article_id, comment_id, revision) DO UPDATE SET
    payload = excluded.payload, expires_at = excluded.expires_at;

-- name: close_reports
-- Reports of a comment, answered by what was decided.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 at timestamptz
-- Index: reports_pkey.
UPDATE reports SET closed_at = $4
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND closed_at IS NULL;

-- name: reopen_reports
-- Reports that a decision had answered which is undone.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 closed_at timestamptz
-- Index: reports_pkey.
UPDATE reports SET closed_at = NULL
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND closed_at = $4
  AND closed_kind IS NULL;

-- name: grant_appeal
-- An open appeal, answered by the decision that makes its comment public.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 note text, $5 actor_kind text,
--   $6 actor_id text, $7 at timestamptz, $8 decision_id uuid,
--   $9 wait interval (before webhooks tell of it)
-- Index: appeals_pkey; webhooks_pkey.
WITH granted AS (
    UPDATE appeals
    SET granted = true, note = $4, actor_kind = $5, actor_id = $6, answered_at = $7
    WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND answered_at IS NULL
    RETURNING site_id, article_id, comment_id
)
INSERT INTO webhook_events
    (site_id, kind, article_id, comment_id, facts, decision_id, at, ripe_at)
SELECT site_id, 'appeal.decided', article_id, comment_id, '{"granted": true}', $8::uuid,
       $7::timestamptz, $7::timestamptz + $9::interval
FROM granted
WHERE EXISTS (SELECT 1 FROM webhooks WHERE site_id = granted.site_id AND state = 'active');

-- name: reopen_appeal
-- An appeal whose grant is undone.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 answered_at timestamptz
-- Index: appeals_pkey.
UPDATE appeals
SET granted = NULL, note = '', actor_kind = NULL, actor_id = NULL, answered_at = NULL
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND granted AND answered_at = $4;

-- name: forget_appeal
-- The appeal for a comment that its author took away.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: appeals_pkey.
DELETE FROM appeals WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: drop_kept
-- Kept texts of a comment that is public or waiting again, or gone for good.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: kept_texts_pkey.
DELETE FROM kept_texts WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: settle_journal
-- The journal's word that a revision was decided.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 n integer,
--   $6 kind text, $7 seq bigint, $8 dk bytea, $9 fingerprint bytea, $10 created_at timestamptz
INSERT INTO intake_journal AS j
    (site_id, article_id, comment_id, revision, n, kind, seq, state, payload, dk, fingerprint,
     created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'decided', NULL, $8, $9, $10)
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    revision = excluded.revision, n = excluded.n, kind = excluded.kind,
    seq = greatest(j.seq, excluded.seq), state = 'decided', payload = NULL, journaled_at = now()
WHERE j.revision <= excluded.revision OR j.state = 'decided';

-- name: journal
-- What waits; a later text or a later decision wins, what was decided meanwhile stays decided.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 n integer,
--   $6 kind text, $7 seq bigint, $8 payload jsonb, $9 dk bytea, $10 fingerprint bytea,
--   $11 created_at timestamptz
INSERT INTO intake_journal AS j
    (site_id, article_id, comment_id, revision, n, kind, seq, state, payload, dk, fingerprint,
     created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10, $11)
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    revision = excluded.revision, n = excluded.n, kind = excluded.kind,
    seq = greatest(j.seq, excluded.seq), state = 'waiting', payload = excluded.payload,
    journaled_at = now()
WHERE excluded.n > j.n OR excluded.revision > j.revision
   OR (excluded.n = j.n AND excluded.revision = j.revision);

-- name: submit
-- What an idempotency key stands for; the first one stays.
--   $1 site_id integer, $2 article_id uuid, $3 dk bytea, $4 comment_id uuid,
--   $5 fingerprint bytea, $6 author_id uuid
INSERT INTO submissions (site_id, article_id, dk, comment_id, fingerprint, author_id, status)
VALUES ($1, $2, $3, $4, $5, $6, 202)
ON CONFLICT (site_id, article_id, dk) DO NOTHING;

-- name: answer_published
-- The first answer to a submission said that it was published.
--   $1 site_id integer, $2 article_id uuid, $3 dk bytea
-- Index: submissions_pkey.
UPDATE submissions SET status = 201 WHERE site_id = $1 AND article_id = $2 AND dk = $3;

-- name: count_for_author
-- An author's record with the site.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 name text, $5 approved integer,
--   $6 rejected integer (as differences), $7 first_seen timestamptz
INSERT INTO readers AS r (site_id, author_id, kind, name, approved, rejected, first_seen)
VALUES ($1, $2, $3, $4, greatest($5, 0), greatest($6, 0), $7)
ON CONFLICT (site_id, author_id) DO UPDATE SET
    name = excluded.name, approved = greatest(r.approved + $5, 0),
    rejected = greatest(r.rejected + $6, 0), first_seen = least(r.first_seen, excluded.first_seen);

-- name: tell
-- What the rest of the world is still to be told.
--   $1 site_id integer, $2 article_id uuid, $3 kind text, $4 comment_id uuid, $5 payload jsonb
INSERT INTO outbox (site_id, article_id, kind, comment_id, payload)
VALUES ($1, $2, $3, $4, $5);

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
