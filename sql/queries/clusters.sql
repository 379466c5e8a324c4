-- Clusters of comments that say nearly the same: kept up to date, and read.

-- name: take_changes
-- The next comments to be looked at, and which are in a cluster; off the list when the transaction
-- commits.
--   $1 limit integer
-- Index: cluster_changes_in_order; cluster_members_pkey.
WITH taken AS (
    DELETE FROM cluster_changes
    WHERE change_id IN (
        SELECT change_id FROM cluster_changes ORDER BY change_id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    RETURNING site_id, article_id, comment_id
)
SELECT taken.site_id, taken.article_id, taken.comment_id, m.comment_id IS NOT NULL AS is_member
FROM taken
LEFT JOIN cluster_members m ON m.site_id = taken.site_id AND m.article_id = taken.article_id
    AND m.comment_id = taken.comment_id;

-- part: known
-- What comments are, by the log and the journal (as features/transitions.py says it), with the
-- text that waits, is public or is kept; where they belong so far, and as what.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: each table's primary key.
SELECT wanted.site_id, wanted.article_id, wanted.comment_id,
       coalesce(c.author_id, (shown.payload -> 'author' ->> 'id')::uuid, s.author_id) AS author_id,
       coalesce((shown.payload ->> 'revision')::integer, c.revision, d.revision, 1) AS revision,
       coalesce(CASE WHEN NOT w.waits THEN c.text END, shown.payload ->> 'text') AS text,
       w.state, w.waits, w.escalated,
       coalesce(d.actor_kind IN ('member', 'key') AND d.action <> 'reverse', false) AS judged,
       d.reason,
       m.cluster_id, m.revision AS signed_revision, m.author_id AS had_author_id, m.outlier,
       m.state AS had_state, m.waits AS had_waits, m.escalated AS had_escalated,
       m.judged AS had_judged
FROM unnest($1::integer[], $2::uuid[], $3::uuid[])
    AS wanted (site_id, article_id, comment_id)
LEFT JOIN comments c ON c.site_id = wanted.site_id AND c.article_id = wanted.article_id
    AND c.comment_id = wanted.comment_id
LEFT JOIN decision_subjects s ON s.site_id = wanted.site_id
    AND s.article_id = wanted.article_id AND s.comment_id = wanted.comment_id
LEFT JOIN cluster_members m ON m.site_id = wanted.site_id
    AND m.article_id = wanted.article_id AND m.comment_id = wanted.comment_id
LEFT JOIN LATERAL (
    SELECT n, action, revision, status, reason, actor_kind
    FROM decisions
    WHERE site_id = wanted.site_id AND article_id = wanted.article_id
      AND comment_id = wanted.comment_id
    ORDER BY n DESC LIMIT 1
) d ON true
LEFT JOIN intake_journal j ON j.site_id = wanted.site_id AND j.article_id = wanted.article_id
    AND j.comment_id = wanted.comment_id AND j.state = 'waiting'
CROSS JOIN LATERAL (
{standing}
) w
LEFT JOIN LATERAL (
    SELECT payload FROM kept_texts
    WHERE site_id = wanted.site_id AND article_id = wanted.article_id
      AND comment_id = wanted.comment_id
    ORDER BY revision DESC LIMIT 1
) k ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN w.waits THEN j.payload WHEN c.text IS NULL THEN k.payload END AS payload
) shown;

-- name: read_changed
-- What comments are, with their texts, and where they belong so far.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: each table's primary key.
SELECT site_id, article_id, comment_id, author_id, revision, text, state, waits, escalated, judged,
       reason, cluster_id, signed_revision
FROM (
{known}
) known
ORDER BY site_id, comment_id;

-- name: stay
-- Leave those comments where they are whose texts are what they were, with what became of them, and
-- count on; returns which these are, and what is to be looked at in their clusters: why comments
-- of it were rejected, and by how many authors it is.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: each table's primary key.
WITH known AS MATERIALIZED (
{known}
), stayed AS (
    UPDATE cluster_members m
    SET author_id = known.author_id, state = known.state, waits = known.waits,
        escalated = known.escalated, judged = known.judged, reason = known.reason
    FROM known
    WHERE m.site_id = known.site_id AND m.article_id = known.article_id
      AND m.comment_id = known.comment_id AND known.signed_revision = known.revision
      AND known.state <> 'deleted' AND known.text <> ''
    RETURNING m.site_id, m.article_id, m.comment_id, m.cluster_id,
        m.waits::integer - known.had_waits::integer AS waiting,
        (m.waits AND m.escalated)::integer
            - (known.had_waits AND known.had_escalated)::integer AS escalated,
        (m.waits AND m.outlier)::integer - (known.had_waits AND m.outlier)::integer AS outliers,
        (m.state = 'approved')::integer - (known.had_state = 'approved')::integer AS public,
        (m.judged AND m.state = 'approved')::integer
            - (known.had_judged AND known.had_state = 'approved')::integer AS approved,
        (m.judged AND m.state IN ('rejected', 'removed'))::integer AS rejected,
        (known.had_judged AND known.had_state IN ('rejected', 'removed'))::integer AS had_rejected,
        m.author_id IS DISTINCT FROM known.had_author_id AS renamed
), counted AS (
    UPDATE clusters c
    SET waiting = c.waiting + more.waiting, escalated = c.escalated + more.escalated,
        outliers = c.outliers + more.outliers, public = c.public + more.public,
        approved = c.approved + more.approved, rejected = c.rejected + more.rejected
    FROM (
        SELECT site_id, cluster_id, sum(waiting) AS waiting, sum(escalated) AS escalated,
               sum(outliers) AS outliers, sum(public) AS public, sum(approved) AS approved,
               sum(rejected - had_rejected) AS rejected
        FROM stayed
        GROUP BY site_id, cluster_id
    ) more
    WHERE c.site_id = more.site_id AND c.cluster_id = more.cluster_id
)
SELECT site_id, article_id, comment_id, cluster_id, rejected + had_rejected > 0 AS rejected, renamed
FROM stayed;

-- name: look_again
-- When the comments of clusters came, and what the latest 200 that people rejected were mostly
-- rejected for, where that may have changed: it is read, not counted.
--   $1 site_ids integer[], $2 cluster_ids uuid[] (side by side)
-- Index: clusters_pkey, cluster_members_in_order, cluster_members_rejected.
UPDATE clusters c
SET reason = said.reason, first_at = coalesce(oldest.at, c.first_at),
    last_at = coalesce(newest.at, c.last_at)
FROM unnest($1::integer[], $2::uuid[]) AS touched (site_id, cluster_id)
LEFT JOIN LATERAL (
    SELECT at FROM cluster_members
    WHERE site_id = touched.site_id AND cluster_id = touched.cluster_id
    ORDER BY at, comment_id LIMIT 1
) oldest ON true
LEFT JOIN LATERAL (
    SELECT at FROM cluster_members
    WHERE site_id = touched.site_id AND cluster_id = touched.cluster_id
    ORDER BY at DESC, comment_id DESC LIMIT 1
) newest ON true
CROSS JOIN LATERAL (
    SELECT mode() WITHIN GROUP (ORDER BY reason) AS reason FROM (
        SELECT reason FROM cluster_members
        WHERE site_id = touched.site_id AND cluster_id = touched.cluster_id
          AND judged AND state IN ('rejected', 'removed')
        ORDER BY at DESC LIMIT 200
    ) latest
) said
WHERE c.site_id = touched.site_id AND c.cluster_id = touched.cluster_id;

-- name: count_authors
-- By how many authors clusters are of whose comments some have another author, or none, which is
-- rare: only here they are read whole.
--   $1 site_ids integer[], $2 cluster_ids uuid[] (side by side)
-- Index: clusters_pkey, cluster_members_by_author.
UPDATE clusters c
SET authors = (
    SELECT count(DISTINCT m.author_id) FROM cluster_members m
    WHERE m.site_id = renamed.site_id AND m.cluster_id = renamed.cluster_id
)
FROM unnest($1::integer[], $2::uuid[]) AS renamed (site_id, cluster_id)
WHERE c.site_id = renamed.site_id AND c.cluster_id = renamed.cluster_id;

-- name: alike
-- Signatures of every cluster that has one with a band in common.
--   $1 bands integer[]
-- Index: cluster_signatures_bands, cluster_signatures_pkey.
SELECT s.site_id, s.cluster_id, s.comment_id, s.numbers, s.bands
FROM clusters_near($1::integer[]) near
JOIN cluster_signatures s ON s.site_id = near.site_id AND s.cluster_id = near.cluster_id;

-- part: tally
-- What comments add to the counts of their cluster.
SELECT site_id, cluster_id, count(*) AS size,
       count(*) FILTER (WHERE waits) AS waiting,
       count(*) FILTER (WHERE waits AND escalated) AS escalated,
       count(*) FILTER (WHERE waits AND outlier) AS outliers,
       count(*) FILTER (WHERE state = 'approved') AS public,
       count(*) FILTER (WHERE judged AND state = 'approved') AS approved,
       count(*) FILTER (WHERE judged AND state IN ('rejected', 'removed')) AS rejected,
       min(at) AS first_at, max(at) AS last_at, array_agg(comment_id) AS comment_ids,
       array_agg(DISTINCT author_id) FILTER (WHERE author_id IS NOT NULL) AS author_ids
FROM moved
GROUP BY site_id, cluster_id;

-- part: strangers
-- How many of their authors have no other comment there; what is written meanwhile is not seen.
SELECT count(*)
FROM unnest(more.author_ids) AS one (author_id)
LEFT JOIN LATERAL (
    -- One look in the index for each: as NOT EXISTS it would read the cluster whole.
    SELECT other.comment_id FROM cluster_members other
    WHERE other.site_id = more.site_id AND other.cluster_id = more.cluster_id
      AND other.author_id = one.author_id AND other.comment_id <> ALL (more.comment_ids)
    LIMIT 1
) met ON true
WHERE met.comment_id IS NULL;

-- name: leave
-- Take comments out that were taken away, or that say something else now, with what was compared
-- with them, and count on; returns in which clusters they were.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: cluster_members_pkey, cluster_signatures_pkey, clusters_pkey, cluster_members_by_author.
WITH moved AS (
    DELETE FROM cluster_members m
    USING unnest($1::integer[], $2::uuid[], $3::uuid[]) AS gone (site_id, article_id, comment_id)
    WHERE m.site_id = gone.site_id AND m.article_id = gone.article_id
      AND m.comment_id = gone.comment_id
    RETURNING m.site_id, m.cluster_id, m.comment_id, m.author_id, m.outlier, m.state, m.waits,
        m.escalated, m.judged, m.at
), unsigned AS (
    DELETE FROM cluster_signatures s
    USING moved
    WHERE s.site_id = moved.site_id AND s.cluster_id = moved.cluster_id
      AND s.comment_id = moved.comment_id
)
UPDATE clusters c
SET size = c.size - more.size, waiting = c.waiting - more.waiting,
    escalated = c.escalated - more.escalated, outliers = c.outliers - more.outliers,
    public = c.public - more.public, approved = c.approved - more.approved,
    rejected = c.rejected - more.rejected,
    authors = c.authors - ({strangers})
FROM ({tally}) more
WHERE c.site_id = more.site_id AND c.cluster_id = more.cluster_id
RETURNING c.site_id, c.cluster_id;

-- name: join
-- Put comments into clusters, of a document with lists of rows: the comments, and what later ones
-- are compared with. Clusters begin with their first comments, and are counted on.
--   $1 document jsonb
-- Index: each table's primary key; cluster_members_by_author.
WITH told AS MATERIALIZED (
    SELECT $1::jsonb AS document
), signed AS (
    INSERT INTO cluster_signatures (site_id, cluster_id, comment_id, numbers, bands)
    SELECT site_id, cluster_id, comment_id, numbers, bands
    FROM told, jsonb_to_recordset(document -> 'signed') AS new (
        site_id integer, cluster_id uuid, comment_id uuid, numbers bytea, bands integer[])
    ON CONFLICT (site_id, cluster_id, comment_id) DO UPDATE SET
        numbers = excluded.numbers, bands = excluded.bands
), moved AS (
    INSERT INTO cluster_members
        (site_id, article_id, comment_id, cluster_id, author_id, revision, likeness, outlier,
         state, waits, escalated, judged, reason, at)
    SELECT site_id, article_id, comment_id, cluster_id, author_id, revision, likeness, outlier,
           state, waits, escalated, judged, reason, at
    FROM told, jsonb_to_recordset(document -> 'members') AS new (
        site_id integer, article_id uuid, comment_id uuid, cluster_id uuid, author_id uuid,
        revision integer, likeness real, outlier boolean, state text, waits boolean,
        escalated boolean, judged boolean, reason text, at timestamptz)
    RETURNING site_id, cluster_id, comment_id, author_id, outlier, state, waits, escalated, judged,
        at
)
INSERT INTO clusters AS c
    (site_id, cluster_id, size, waiting, escalated, outliers, public, approved, rejected, authors,
     first_at, last_at)
SELECT site_id, cluster_id, size, waiting, escalated, outliers, public, approved, rejected,
       ({strangers}), first_at, last_at
FROM ({tally}) more
ON CONFLICT (site_id, cluster_id) DO UPDATE SET
    size = c.size + excluded.size, waiting = c.waiting + excluded.waiting,
    escalated = c.escalated + excluded.escalated, outliers = c.outliers + excluded.outliers,
    public = c.public + excluded.public, approved = c.approved + excluded.approved,
    rejected = c.rejected + excluded.rejected, authors = c.authors + excluded.authors,
    first_at = least(c.first_at, excluded.first_at),
    last_at = greatest(c.last_at, excluded.last_at);

-- name: drop_empty
-- Clusters that nothing belongs to any more.
--   $1 site_ids integer[], $2 cluster_ids uuid[] (side by side)
-- Index: clusters_pkey.
DELETE FROM clusters c
USING unnest($1::integer[], $2::uuid[]) AS touched (site_id, cluster_id)
WHERE c.site_id = touched.site_id AND c.cluster_id = touched.cluster_id AND c.size = 0;

-- name: forget
-- Some clusters that nobody has added to for long, and where nothing waits.
--   $1 before timestamptz, $2 limit integer
-- Index: clusters_idle.
DELETE FROM clusters
WHERE (site_id, cluster_id) IN (
    SELECT site_id, cluster_id FROM clusters WHERE waiting = 0 AND last_at < $1 LIMIT $2
);

-- name: page
-- Clusters of a site in which something waits, the largest first.
--   $1 site_id integer, $2 see_escalated boolean, $3 after waiting integer,
--   $4 after cluster_id uuid, $5 limit integer
-- Index: clusters_waiting.
SELECT cluster_id, size, authors, waiting, escalated, outliers, public, approved, rejected,
       reason, first_at, last_at
FROM clusters
WHERE site_id = $1 AND size > 1 AND waiting > 0 AND ($2 OR waiting > escalated)
  AND (waiting, cluster_id) < ($3, $4)
ORDER BY waiting DESC, cluster_id DESC
LIMIT $5;

-- name: find
-- One cluster.
--   $1 site_id integer, $2 cluster_id uuid
-- Index: clusters_pkey.
SELECT cluster_id, size, authors, waiting, escalated, outliers, public, approved, rejected,
       reason, first_at, last_at
FROM clusters
WHERE site_id = $1 AND cluster_id = $2;

-- name: articles_of
-- On how many articles a cluster is.
--   $1 site_id integer, $2 cluster_id uuid
-- Index: cluster_members_in_order.
SELECT count(DISTINCT article_id) FROM cluster_members WHERE site_id = $1 AND cluster_id = $2;

-- name: members
-- Comments of a cluster, the newest first; of one kind, or all.
--   $1 site_id integer, $2 cluster_id uuid, $3 see_escalated boolean, $4 waits boolean,
--   $5 outlier boolean (null: either), $6 before at timestamptz, $7 before comment_id uuid,
--   $8 limit integer
-- Index: cluster_members_in_order.
SELECT comment_id, revision, likeness, outlier, state, waits, at
FROM cluster_members
WHERE site_id = $1 AND cluster_id = $2 AND ($3 OR NOT escalated)
  AND ($4::boolean IS NULL OR waits = $4) AND ($5::boolean IS NULL OR outlier = $5)
  AND (at, comment_id) < ($6, $7)
ORDER BY at DESC, comment_id DESC
LIMIT $8;

-- name: of_comments
-- The clusters of comments that have others in theirs.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: cluster_members_pkey, clusters_pkey.
SELECT m.comment_id AS member_id, c.cluster_id, c.size, c.authors, c.waiting, c.escalated,
       c.outliers, c.public, c.approved, c.rejected, c.reason, c.first_at, c.last_at
FROM unnest($2::uuid[], $3::uuid[]) AS wanted (article_id, comment_id)
JOIN cluster_members m ON m.site_id = $1 AND m.article_id = wanted.article_id
    AND m.comment_id = wanted.comment_id
JOIN clusters c ON c.site_id = m.site_id AND c.cluster_id = m.cluster_id
WHERE c.size > 1;

-- name: lately
-- Clusters, with when their latest comments came, and of whom, the newest first.
--   $1 site_ids integer[], $2 cluster_ids uuid[] (side by side), $3 since timestamptz,
--   $4 limit integer
-- Index: clusters_pkey, cluster_members_in_order.
SELECT c.site_id, c.cluster_id, c.size, c.authors, c.waiting, c.escalated, c.outliers, c.public,
       c.approved, c.rejected, c.reason, c.first_at, c.last_at, latest.times, latest.author_ids
FROM unnest($1::integer[], $2::uuid[]) AS asked (site_id, cluster_id)
JOIN clusters c ON c.site_id = asked.site_id AND c.cluster_id = asked.cluster_id
CROSS JOIN LATERAL (
    SELECT array_agg(at) AS times, array_agg(author_id) AS author_ids
    FROM (
        SELECT at, author_id
        FROM cluster_members
        WHERE site_id = asked.site_id AND cluster_id = asked.cluster_id AND at >= $3
        ORDER BY at DESC, comment_id DESC
        LIMIT $4
    ) newest
) latest;
