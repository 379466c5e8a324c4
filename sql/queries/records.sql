-- What a site knows of one author, what the newsroom says to them, and says of them.

-- name: who
-- What an author is called and how they come, if the site ever met them.
--   $1 site_id integer, $2 author_id uuid
-- Index: readers_pkey, intake_journal_waiting_by_author.
SELECT kind, name
FROM (
    SELECT kind, name, CASE name WHEN '' THEN 2 ELSE 0 END AS rank
    FROM readers WHERE site_id = $1 AND author_id = $2
    UNION ALL
    (SELECT payload -> 'author' ->> 'kind', payload -> 'author' ->> 'name', 1
     FROM intake_journal
     WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = $2::text
     LIMIT 1)
) known
ORDER BY rank
LIMIT 1;

-- name: waiting
-- What an author has waiting, oldest first.
--   $1 site_id integer, $2 author_id text, $3 limit integer
-- Index: intake_journal_waiting_by_author.
SELECT comment_id, revision
FROM intake_journal
WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = $2
ORDER BY comment_id
LIMIT $3;

-- name: reports
-- How many reports an author made and got, and how many of each were followed by a removal.
--   $1 site_id integer, $2 author_id uuid, $3 reporter_key text
-- Index: reports_by_reporter, comments_by_author, reports_pkey.
SELECT count(*) FILTER (WHERE made) AS made,
       count(*) FILTER (WHERE made AND upheld) AS made_upheld,
       count(*) FILTER (WHERE NOT made) AS received,
       count(*) FILTER (WHERE NOT made AND upheld) AS received_upheld
FROM (
    SELECT true AS made, c.status = 'removed' AND r.closed_at IS NOT NULL AS upheld
    FROM reports r
    JOIN comments c ON c.site_id = r.site_id AND c.article_id = r.article_id
        AND c.comment_id = r.comment_id
    WHERE r.site_id = $1 AND r.reporter_key = $3
    UNION ALL
    SELECT false, c.status = 'removed' AND r.closed_at IS NOT NULL
    FROM comments c
    JOIN reports r ON r.site_id = c.site_id AND r.article_id = c.article_id
        AND r.comment_id = c.comment_id
    WHERE c.site_id = $1 AND c.author_id = $2
) said;

-- name: recent
-- Ids of an author's newest comments under all articles, whatever became of them.
--   $1 site_id integer, $2 author_id uuid, $3 limit integer
-- Index: comments_by_author, intake_journal_waiting_by_author, decision_subjects_by_author.
SELECT comment_id FROM (
    (SELECT comment_id FROM comments
     WHERE site_id = $1 AND author_id = $2
     ORDER BY created_at DESC LIMIT $3)
    UNION
    SELECT comment_id FROM intake_journal
    WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = $2::text
    UNION
    SELECT comment_id FROM decision_subjects
    WHERE site_id = $1 AND author_id = $2
) own
ORDER BY comment_id DESC
LIMIT $3;

-- name: decisions
-- The latest decisions on an author's comments, the newest first.
--   $1 site_id integer, $2 author_id uuid, $3 limit integer
-- Index: decision_subjects_by_author, decisions_pkey.
SELECT d.site_id, d.article_id, d.comment_id, d.n, d.decision_id, d.action, d.revision, d.status,
       d.reason, d.note, d.actor_kind, d.actor_id, d.at, d.reverses
FROM decision_subjects s
JOIN decisions d ON d.site_id = s.site_id AND d.article_id = s.article_id
    AND d.comment_id = s.comment_id
WHERE s.site_id = $1 AND s.author_id = $2
ORDER BY d.at DESC, d.comment_id, d.n DESC
LIMIT $3;

-- name: meet
-- A record of an author with whom the site has had nothing to do yet.
--   $1 site_id integer, $2 author_id uuid, $3 kind text
INSERT INTO readers (site_id, author_id, kind)
VALUES ($1, $2, $3)
ON CONFLICT (site_id, author_id) DO NOTHING;

-- name: warn
-- A warning, to be acknowledged.
--   $1 site_id integer, $2 author_id uuid, $3 warning_id uuid, $4 text text, $5 actor_kind text,
--   $6 actor_id text, $7 at timestamptz
INSERT INTO reader_warnings (site_id, author_id, warning_id, text, actor_kind, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: acknowledge
-- An author has read a warning; the first time counts. Without ids, whoever's it is.
--   $1 site_id integer, $2 warning_id uuid, $3 author_ids uuid[], $4 at timestamptz
-- Index: reader_warnings_by_id.
UPDATE reader_warnings
SET acknowledged_at = coalesce(acknowledged_at, $4)
WHERE site_id = $1 AND warning_id = $2 AND ($3::uuid[] IS NULL OR author_id = ANY($3::uuid[]))
RETURNING warning_id;

-- name: warnings
-- Warnings of some authors, the oldest first.
--   $1 site_id integer, $2 author_ids uuid[], $3 limit integer
-- Index: reader_warnings_pkey.
SELECT warning_id, text, actor_kind, actor_id, at, acknowledged_at
FROM reader_warnings
WHERE site_id = $1 AND author_id = ANY($2::uuid[])
ORDER BY (acknowledged_at IS NULL) DESC, warning_id
LIMIT $3;

-- name: add_note
-- Something colleagues should know.
--   $1 site_id integer, $2 author_id uuid, $3 note_id uuid, $4 text text, $5 actor_kind text,
--   $6 actor_id text, $7 at timestamptz
INSERT INTO reader_notes (site_id, author_id, note_id, text, actor_kind, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: notes
-- What colleagues said of an author, the newest first.
--   $1 site_id integer, $2 author_id uuid, $3 limit integer
-- Index: reader_notes_pkey.
SELECT note_id, text, actor_kind, actor_id, at
FROM reader_notes
WHERE site_id = $1 AND author_id = $2
ORDER BY note_id DESC
LIMIT $3;

-- name: name_act
-- Whom an entry of the administrative log is about.
--   $1 site_id integer, $2 author_id uuid, $3 entry_id uuid
INSERT INTO reader_acts (site_id, author_id, entry_id)
VALUES ($1, $2, $3);

-- name: acts
-- What was done about an author, the newest first.
--   $1 site_id integer, $2 author_id uuid, $3 limit integer
-- Index: reader_acts_pkey, administrative_acts_pkey.
SELECT l.entry_id, l.at, l.actor_kind, l.actor_id, l.act, l.details
FROM reader_acts a
JOIN administrative_acts l ON l.entry_id = a.entry_id
WHERE a.site_id = $1 AND a.author_id = $2
ORDER BY a.entry_id DESC
LIMIT $3;
