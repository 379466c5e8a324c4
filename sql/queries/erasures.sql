-- Forgetting an author: whom, all that is theirs, and what stays without them.

-- name: begin
-- An author is to be forgotten, again if they came back since.
--   $1 site_id integer, $2 subject bytea, $3 author_id uuid, $4 at timestamptz
INSERT INTO erasures (site_id, subject, author_id, at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, subject) DO UPDATE SET author_id = excluded.author_id, at = excluded.at,
    done_at = NULL;

-- name: remember
-- Somebody forgotten of whom nothing is there.
--   $1 site_id integer, $2 subject bytea, $3 at timestamptz
INSERT INTO erasures (site_id, subject, at, done_at)
VALUES ($1, $2, $3, $3)
ON CONFLICT (site_id, subject) DO NOTHING;

-- name: known
-- Whom some sites have forgotten or are to forget, the oldest first; the author only where that is
-- not done.
--   $1 site_ids integer[]
-- Index: erasures_pkey.
SELECT site_id, subject, CASE WHEN done_at IS NULL THEN author_id END AS author_id
FROM erasures
WHERE site_id = ANY($1::integer[])
ORDER BY at;

-- name: authors
-- Ids of everybody of whom a site knows something.
--   $1 site_id integer
-- Index: none; a site's erasures are few, and one process carries them out.
SELECT author_id FROM readers WHERE site_id = $1
UNION SELECT author_id FROM decision_subjects WHERE site_id = $1
UNION SELECT author_id FROM comments WHERE site_id = $1 AND author_id IS NOT NULL
UNION SELECT (payload -> 'author' ->> 'id')::uuid FROM intake_journal
      WHERE site_id = $1 AND state = 'waiting';

-- name: comments
-- An author's comments, whatever became of them, in the order of their ids.
--   $1 site_id integer, $2 author_id uuid, $3 after uuid, $4 limit integer
-- Index: comments_by_author, intake_journal_waiting_by_author, decision_subjects_by_author.
SELECT comment_id FROM (
    SELECT comment_id FROM comments WHERE site_id = $1 AND author_id = $2
    UNION
    SELECT comment_id FROM intake_journal
    WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = $2::text
    UNION
    SELECT comment_id FROM decision_subjects WHERE site_id = $1 AND author_id = $2
) own
WHERE comment_id > $3
ORDER BY comment_id
LIMIT $4;

-- name: submissions
-- Under which keys Redis may know what an author sent.
--   $1 site_id integer, $2 author_id uuid
-- Index: none; a site's erasures are few, and one process carries them out.
SELECT dk FROM submissions WHERE site_id = $1 AND author_id = $2
UNION
SELECT j.dk
FROM decision_subjects s
JOIN intake_journal j ON j.site_id = s.site_id AND j.article_id = s.article_id
    AND j.comment_id = s.comment_id
WHERE s.site_id = $1 AND s.author_id = $2 AND j.dk IS NOT NULL
UNION
SELECT dk FROM intake_journal
WHERE site_id = $1 AND state = 'waiting' AND payload -> 'author' ->> 'id' = ($2::uuid)::text
  AND dk IS NOT NULL;

-- name: forget_comments
-- Tombstones lose their author's name.
--   $1 site_id integer, $2 author_id uuid
-- Index: comments_by_author.
UPDATE comments SET author_id = NULL, author_name = '', author_badge = NULL, author_avatar = NULL,
    author_email = NULL
WHERE site_id = $1 AND author_id = $2;

-- name: forget_kept
-- Texts that were kept of what was turned down.
--   $1 site_id integer, $2 author_id uuid
-- Index: none; a site's erasures are few, and one process carries them out.
DELETE FROM kept_texts WHERE site_id = $1 AND payload -> 'author' ->> 'id' = ($2::uuid)::text;

-- name: forget_members
-- What an author's comments are alike to.
--   $1 site_id integer, $2 author_id uuid
-- Index: none; a site's erasures are few, and one process carries them out.
UPDATE cluster_members SET author_id = NULL WHERE site_id = $1 AND author_id = $2;

-- name: forget_subjects
-- Whose comments the log is about; the log itself stays.
--   $1 site_id integer, $2 author_id uuid
-- Index: decision_subjects_by_author.
DELETE FROM decision_subjects WHERE site_id = $1 AND author_id = $2;

-- name: forget_submissions
-- A repeated submission still finds its comment, and not who sent it.
--   $1 site_id integer, $2 author_id uuid, $3 nobody uuid
-- Index: none; a site's erasures are few, and one process carries them out.
UPDATE submissions SET author_id = $3 WHERE site_id = $1 AND author_id = $2;

-- name: search_anew
-- What search looks through is made anew of what is left.
--   $1 site_id integer, $2 author_id uuid
INSERT INTO search_changes (site_id, article_id, comment_id)
SELECT site_id, article_id, comment_id FROM search_entries WHERE site_id = $1 AND author_id = $2;

-- name: forget_votes
-- Votes count on, and nobody gave them.
--   $1 site_id integer, $2 author_id uuid
-- Index: none; a site's erasures are few, and one process carries them out.
UPDATE votes SET voter_id = gen_random_uuid(), address_hash = NULL
WHERE site_id = $1 AND voter_id = $2;

-- name: forget_reports
-- Reports stay with their reasons, and nobody made them.
--   $1 site_id integer, $2 reporter_key text
-- Index: reports_by_reporter.
UPDATE reports SET reporter_key = gen_random_uuid()::text, text = '', notice = NULL
WHERE site_id = $1 AND reporter_key = $2;

-- name: forget_warnings
-- What the newsroom said to an author.
--   $1 site_id integer, $2 author_id uuid
-- Index: reader_warnings_pkey.
DELETE FROM reader_warnings WHERE site_id = $1 AND author_id = $2;

-- name: forget_notes
-- What colleagues said of an author.
--   $1 site_id integer, $2 author_id uuid
-- Index: reader_notes_pkey.
DELETE FROM reader_notes WHERE site_id = $1 AND author_id = $2;

-- name: forget_acts
-- Which entries of the log are about an author; the entries stay.
--   $1 site_id integer, $2 author_id uuid
-- Index: reader_acts_pkey.
DELETE FROM reader_acts WHERE site_id = $1 AND author_id = $2;

-- name: forget_sweeps
-- Whose comments were swept away.
--   $1 site_id integer, $2 author_id uuid, $3 nobody uuid
-- Index: none; a site's erasures are few, and one process carries them out.
UPDATE sweeps SET author_id = $3 WHERE site_id = $1 AND author_id = $2;

-- name: forget_reader
-- An author's record; a ban holds on without a name, and receipts stay void.
--   $1 site_id integer, $2 author_id uuid
-- Index: readers_pkey.
UPDATE readers SET name = '', approved = 0, rejected = 0, trusted = false, always_hold = false
WHERE site_id = $1 AND author_id = $2;

-- name: forget_record
-- Nothing is left of somebody who is not banned, and has no receipt that must stay void.
--   $1 site_id integer, $2 author_id uuid
-- Index: readers_pkey.
DELETE FROM readers
WHERE site_id = $1 AND author_id = $2 AND kind <> 'guest' AND banned_until IS NULL;

-- name: done
-- An author is forgotten; only their keyed hash stays.
--   $1 site_id integer, $2 subject bytea, $3 comments integer, $4 at timestamptz
-- Index: erasures_pkey.
UPDATE erasures SET author_id = NULL, comments = $3, done_at = $4
WHERE site_id = $1 AND subject = $2;

-- name: votes
-- What somebody voted.
--   $1 site_id integer, $2 voter_id uuid
-- Index: none; a site's erasures are few, and one process carries them out.
SELECT comment_id, value, at FROM votes WHERE site_id = $1 AND voter_id = $2 ORDER BY at;

-- name: reports
-- What somebody reported.
--   $1 site_id integer, $2 reporter_key text
-- Index: reports_by_reporter.
SELECT comment_id, reason, text, at FROM reports
WHERE site_id = $1 AND reporter_key = $2
ORDER BY at;
