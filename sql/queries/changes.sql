-- What every decision of a transaction writes.

-- name: write
-- Everything in one round trip, of a list of rows for each table: entries of the log in their order,
-- with whose comments they are about (23505 when a comment's n-th decision is somebody else's);
-- comments in public, new or again; texts that were sent and are not public; the journal's word that
-- revisions were decided; what authors' records gain; articles' counts, as differences, whose
-- threads have a new version; and what the rest of the world is still to be told, in its order. Rows
-- of the journal and of records are written in the order of their keys, so that two transactions
-- never deadlock: neither two decisions over the same people, nor a decision and the journal's copy.
--   $1 decisions json, $2 comments json, $3 their texts text[], $4 what readers are told of them
--   bytea[] (both side by side with them), $5 kept json, $6 journal json, $7 readers json,
--   $8 counts json, $9 outbox json (each a list of objects, named as the columns are)
-- Index: article_counts_pkey.
WITH decided AS MATERIALIZED (
    SELECT new.site_id, new.article_id, new.comment_id, new.n, new.decision_id, new.action,
           new.revision, new.kind, new.status, new.reason, new.note, new.actor_kind, new.actor_id,
           new.reverses, new.duplicate_of, new.content_hash, new.at, new.request_id, new.lang,
           new.rule_version, new.risk, new.rules, new.author_id, new.place
    FROM ROWS FROM (
        json_to_recordset($1::json) AS (
            site_id integer, article_id uuid, comment_id uuid, n integer, decision_id uuid,
            action text, revision integer, kind text, status text, reason text, note text,
            actor_kind text, actor_id text, reverses uuid, duplicate_of uuid, content_hash bytea,
            at timestamptz, request_id text, lang text, rule_version integer, risk real,
            rules text[], author_id uuid)
    ) WITH ORDINALITY AS new (
        site_id, article_id, comment_id, n, decision_id, action, revision, kind, status, reason,
        note, actor_kind, actor_id, reverses, duplicate_of, content_hash, at, request_id, lang,
        rule_version, risk, rules, author_id, place)
), logged AS (
    INSERT INTO decisions (site_id, article_id, comment_id, n, decision_id, action, revision, kind,
                           status, reason, note, actor_kind, actor_id, reverses, duplicate_of,
                           content_hash, at, request_id, lang, rule_version, risk, rules)
    SELECT site_id, article_id, comment_id, n, decision_id, action, revision, kind, status, reason,
           note, actor_kind, actor_id, reverses, duplicate_of, content_hash, at, request_id, lang,
           rule_version, risk, rules
    FROM decided
    ORDER BY place
), named AS (
    INSERT INTO decision_subjects (site_id, article_id, comment_id, author_id)
    SELECT site_id, article_id, comment_id, author_id
    FROM decided
    WHERE author_id IS NOT NULL
    ON CONFLICT (site_id, article_id, comment_id) DO NOTHING
), published AS (
    INSERT INTO comments AS c
        (site_id, article_id, comment_id, parent_id, root_id, depth, author_id, author_kind,
         author_name, author_badge, author_avatar, author_email, text, lang, status, revision,
         created_at, published_at, edited_at, best, unseen, written)
    SELECT site_id, article_id, comment_id, parent_id, root_id, depth, author_id, author_kind,
           author_name, author_badge, author_avatar, author_email, text, lang, 'approved', revision,
           created_at, published_at, edited_at, best, unseen, written
    FROM ROWS FROM (
        json_to_recordset($2::json) AS (
            site_id integer, article_id uuid, comment_id uuid, parent_id uuid, root_id uuid,
            depth smallint, author_id uuid, author_kind text, author_name text, author_badge text,
            author_avatar text, author_email text, lang text, revision integer,
            created_at timestamptz, published_at timestamptz, edited_at timestamptz,
            best double precision, unseen boolean),
        unnest($3::text[]),
        unnest($4::bytea[])
    ) AS new (
        site_id, article_id, comment_id, parent_id, root_id, depth, author_id, author_kind,
        author_name, author_badge, author_avatar, author_email, lang, revision, created_at,
        published_at, edited_at, best, unseen, text, written)
    ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
        author_name = excluded.author_name, author_badge = excluded.author_badge,
        author_avatar = excluded.author_avatar, text = excluded.text, lang = excluded.lang,
        status = 'approved', revision = excluded.revision, edited_at = excluded.edited_at,
        unseen = excluded.unseen,
        written = CASE WHEN c.created_at = excluded.created_at THEN excluded.written END
), kept AS (
    INSERT INTO kept_texts (site_id, article_id, comment_id, revision, payload, expires_at)
    SELECT site_id, article_id, comment_id, revision, payload, expires_at
    FROM json_to_recordset($5::json) AS new (
        site_id integer, article_id uuid, comment_id uuid, revision integer, payload jsonb,
        expires_at timestamptz)
    ON CONFLICT (site_id, article_id, comment_id, revision) DO UPDATE SET
        payload = excluded.payload, expires_at = excluded.expires_at
), settled AS (
    INSERT INTO intake_journal AS j
        (site_id, article_id, comment_id, revision, n, kind, seq, state, payload, dk, fingerprint,
         created_at)
    SELECT site_id, article_id, comment_id, revision, n, kind, seq, 'decided', NULL, dk,
           fingerprint, created_at
    FROM json_to_recordset($6::json) AS new (
        site_id integer, article_id uuid, comment_id uuid, revision integer, n integer, kind text,
        seq bigint, dk bytea, fingerprint bytea, created_at timestamptz)
    ORDER BY site_id, article_id, comment_id
    ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
        revision = excluded.revision, n = excluded.n, kind = excluded.kind,
        seq = greatest(j.seq, excluded.seq), state = 'decided', payload = NULL,
        journaled_at = now()
    WHERE j.revision <= excluded.revision OR j.state = 'decided'
), recorded AS (
    INSERT INTO readers AS r (site_id, author_id, kind, name, approved, rejected, first_seen)
    SELECT site_id, author_id, kind, name, approved, rejected, first_seen
    FROM json_to_recordset($7::json) AS new (
        site_id integer, author_id uuid, kind text, name text, approved integer, rejected integer,
        first_seen timestamptz)
    ORDER BY site_id, author_id
    ON CONFLICT (site_id, author_id) DO UPDATE SET
        name = excluded.name, approved = r.approved + excluded.approved,
        rejected = r.rejected + excluded.rejected,
        first_seen = least(r.first_seen, excluded.first_seen)
), counted AS (
    UPDATE article_counts c
    SET approved = c.approved + new.approved, shown_roots = c.shown_roots + new.shown_roots,
        version = c.version + 1
    FROM json_to_recordset($8::json) AS new (
        site_id integer, article_id uuid, approved integer, shown_roots integer)
    WHERE c.site_id = new.site_id AND c.article_id = new.article_id
)
INSERT INTO outbox (site_id, article_id, kind, comment_id, payload)
SELECT new.site_id, new.article_id, new.kind, new.comment_id, new.payload
FROM ROWS FROM (
    json_to_recordset($9::json) AS (
        site_id integer, article_id uuid, comment_id uuid, kind text, payload jsonb)
) WITH ORDINALITY AS new (site_id, article_id, comment_id, kind, payload, place)
ORDER BY new.place;

-- name: shift_replies
-- How many replies comments have, of each sort: apart, because rows that one statement writes are
-- not there for its other parts.
--   $1 shifts jsonb (a list of {site_id, article_id, comment_id, replies, shown}; both as
--   differences, each comment once)
-- Index: comments_pkey.
UPDATE comments c
SET reply_count = reply_count + new.replies, shown_replies = shown_replies + new.shown
FROM jsonb_to_recordset($1::jsonb) AS new (
    site_id integer, article_id uuid, comment_id uuid, replies integer, shown integer)
WHERE c.site_id = new.site_id AND c.article_id = new.article_id AND c.comment_id = new.comment_id;
