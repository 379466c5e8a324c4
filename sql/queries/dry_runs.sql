-- Rules tried on what was decided before: what was asked, how far it is, what it gave.

-- name: begin
-- A new trial, which waits for its turn.
--   $1 site_id integer, $2 dry_run_id uuid, $3 rule_id text, $4 version integer, $5 tried jsonb,
--   $6 since timestamptz, $7 until timestamptz, $8 actor_kind text, $9 actor_id text,
--   $10 at timestamptz, $11 lists jsonb
INSERT INTO dry_runs (site_id, dry_run_id, rule_id, version, tried, state, since, until,
                      actor_kind, actor_id, at, lists)
VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8, $9, $10, $11);

-- name: count_waiting
-- How many of a site wait or run.
--   $1 site_id integer
-- Index: dry_runs_under_way.
SELECT count(*)::integer FROM dry_runs WHERE site_id = $1 AND state IN ('waiting', 'running');

-- name: drop_old
-- Trials whose figures are of no use any more.
--   $1 site_id integer, $2 before timestamptz
-- Index: dry_runs_pkey.
DELETE FROM dry_runs WHERE site_id = $1 AND at < $2 AND ended_at IS NOT NULL;

-- name: find
-- One trial of a site.
--   $1 site_id integer, $2 dry_run_id uuid
-- Index: dry_runs_pkey.
SELECT site_id, dry_run_id, rule_id, version, tried, state, since, until, total, looked_at,
       report, trouble, actor_kind, actor_id, at, ended_at, attempts,
       lists
FROM dry_runs WHERE site_id = $1 AND dry_run_id = $2;

-- name: of_rule
-- The latest trials of a rule.
--   $1 site_id integer, $2 rule_id text, $3 limit integer
-- Index: dry_runs_of_rule.
SELECT site_id, dry_run_id, rule_id, version, tried, state, since, until, total, looked_at,
       report, trouble, actor_kind, actor_id, at, ended_at, attempts,
       lists
FROM dry_runs WHERE site_id = $1 AND rule_id = $2
ORDER BY at DESC LIMIT $3;

-- name: latest_done
-- The latest trial of exactly this version, with these lists, that came to its end.
--   $1 site_id integer, $2 rule_id text, $3 version integer, $4 lists jsonb ({}: those in effect)
-- Index: dry_runs_of_rule.
SELECT site_id, dry_run_id, rule_id, version, tried, state, since, until, total, looked_at,
       report, trouble, actor_kind, actor_id, at, ended_at, attempts,
       lists
FROM dry_runs WHERE site_id = $1 AND rule_id = $2 AND version = $3 AND lists = $4 AND state = 'done'
ORDER BY at DESC LIMIT 1;

-- name: take
-- The oldest trial that is not at its end, from its beginning; counted, unless it is excused.
--   $1 excused dry_run_ids uuid[]
-- Index: dry_runs_under_way.
UPDATE dry_runs d SET state = 'running', looked_at = 0,
    attempts = attempts + (d.dry_run_id <> ALL($1::uuid[]))::integer
FROM (
    SELECT site_id, dry_run_id FROM dry_runs WHERE state IN ('waiting', 'running')
    ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED
) next
WHERE d.site_id = next.site_id AND d.dry_run_id = next.dry_run_id
RETURNING d.site_id, d.dry_run_id, d.rule_id, d.version, d.tried, d.state, d.since, d.until,
          d.total, d.looked_at, d.report, d.trouble, d.actor_kind, d.actor_id, d.at, d.ended_at, d.attempts, d.lists;

-- name: note_progress
-- How far a trial is; no row when somebody has stopped it.
--   $1 site_id integer, $2 dry_run_id uuid, $3 total integer, $4 looked_at integer
-- Index: dry_runs_pkey.
UPDATE dry_runs SET total = $3, looked_at = $4
WHERE site_id = $1 AND dry_run_id = $2 AND state = 'running'
RETURNING dry_run_id;

-- name: finish
-- That a trial is at its end, with what it gave.
--   $1 site_id integer, $2 dry_run_id uuid, $3 state text, $4 looked_at integer, $5 report jsonb,
--   $6 trouble text, $7 ended_at timestamptz
-- Index: dry_runs_pkey.
UPDATE dry_runs SET state = $3, looked_at = $4, report = $5, trouble = $6, ended_at = $7
WHERE site_id = $1 AND dry_run_id = $2 AND state = 'running';

-- name: stop
-- Stop a trial that is not at its end; no row when it is.
--   $1 site_id integer, $2 dry_run_id uuid, $3 ended_at timestamptz
-- Index: dry_runs_pkey.
UPDATE dry_runs SET state = 'stopped', ended_at = $3
WHERE site_id = $1 AND dry_run_id = $2 AND state IN ('waiting', 'running')
RETURNING dry_run_id;

-- name: count_history
-- How many comments a trial looks at.
--   $1 site_id integer, $2 from comment_id uuid, $3 to comment_id uuid
-- Index: search_entries_newest.
SELECT count(*)::integer FROM search_entries
WHERE site_id = $1 AND comment_id >= $2 AND comment_id < $3;

-- name: read_history
-- A page of comments, oldest first, with their texts where they are kept, and what people decided.
--   $1 site_id integer, $2 after comment_id uuid, $3 to comment_id uuid, $4 limit integer
-- Index: search_entries_newest, and each table's primary key.
SELECT e.comment_id, e.author_id, a.key AS article_key, a.section, a.tags, a.published_at,
       coalesce(c.author_kind, k.payload -> 'author' ->> 'kind', j.payload -> 'author' ->> 'kind',
                'guest') AS author_kind,
       coalesce(c.text, k.payload ->> 'text', j.payload ->> 'text') AS text,
       coalesce(c.depth, 0)::integer AS depth,
       e.state, s.lang, e.actor_kind IN ('member', 'key') AS by_people
FROM search_entries e
LEFT JOIN LATERAL (
    SELECT lang FROM screenings
    WHERE site_id = e.site_id AND article_id = e.article_id AND comment_id = e.comment_id
    ORDER BY revision DESC LIMIT 1
) s ON true
LEFT JOIN articles a ON a.site_id = e.site_id AND a.article_id = e.article_id
LEFT JOIN comments c ON c.site_id = e.site_id AND c.article_id = e.article_id
    AND c.comment_id = e.comment_id
LEFT JOIN LATERAL (
    SELECT payload FROM kept_texts
    WHERE site_id = e.site_id AND article_id = e.article_id AND comment_id = e.comment_id
      AND expires_at > now()
    ORDER BY revision DESC LIMIT 1
) k ON c.text IS NULL
LEFT JOIN intake_journal j ON c.text IS NULL AND j.site_id = e.site_id
    AND j.article_id = e.article_id AND j.comment_id = e.comment_id AND j.state = 'waiting'
WHERE e.site_id = $1 AND e.comment_id >= $2 AND e.comment_id < $3
ORDER BY e.comment_id
LIMIT $4;

-- name: records_before
-- What was decided of some authors before a comment.
--   $1 site_id integer, $2 author_ids uuid[], $3 before comment_id uuid
-- Index: search_entries_by_author.
SELECT author_id, count(*) FILTER (WHERE state = 'approved')::integer AS approved,
       count(*) FILTER (WHERE state IN ('rejected', 'removed'))::integer AS rejected,
       min(comment_id::text)::uuid AS first_id
FROM search_entries
WHERE site_id = $1 AND author_id = ANY($2) AND comment_id < $3
GROUP BY author_id;

-- name: read_texts
-- The texts of some comments, where they are kept.
--   $1 site_id integer, $2 comment_ids uuid[], $3 escalated ones too boolean
-- Index: comment_places_pkey, and each table's primary key.
SELECT p.comment_id, a.key AS article_key,
       coalesce(c.text, k.payload ->> 'text', j.payload ->> 'text') AS text
FROM comment_places p
LEFT JOIN articles a ON a.site_id = p.site_id AND a.article_id = p.article_id
LEFT JOIN comments c ON c.site_id = p.site_id AND c.article_id = p.article_id
    AND c.comment_id = p.comment_id
LEFT JOIN LATERAL (
    SELECT payload FROM kept_texts
    WHERE site_id = p.site_id AND article_id = p.article_id AND comment_id = p.comment_id
      AND expires_at > now()
    ORDER BY revision DESC LIMIT 1
) k ON c.text IS NULL
LEFT JOIN intake_journal j ON j.site_id = p.site_id
    AND j.article_id = p.article_id AND j.comment_id = p.comment_id AND j.state = 'waiting'
WHERE p.site_id = $1 AND p.comment_id = ANY($2)
  AND ($3 OR NOT coalesce((j.payload ->> 'escalated')::boolean, false));
