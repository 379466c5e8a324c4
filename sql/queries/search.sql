-- The derived tables of search: made anew where something changed. What is asked of them is put
-- together in service/storage/search.py, for every combination of filters has its own plan.

-- name: take_changes
-- The next comments to be made anew, each once; they are off the list when the transaction commits.
--   $1 limit integer
-- Index: search_changes_in_order.
DELETE FROM search_changes
WHERE change_id IN (
    SELECT change_id FROM search_changes ORDER BY change_id LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING site_id, article_id, comment_id;

-- name: enlist_missing
-- Comments that have no row yet, of a stretch of all there are; returns where the stretch ends.
--   $1 after site_id integer, $2 after comment_id uuid, $3 limit integer
-- Index: comment_places_pkey, search_entries_pkey.
WITH stretch AS (
    SELECT site_id, comment_id, article_id FROM comment_places
    WHERE (site_id, comment_id) > ($1, $2)
    ORDER BY site_id, comment_id LIMIT $3
), enlisted AS (
    INSERT INTO search_changes (site_id, article_id, comment_id)
    SELECT s.site_id, s.article_id, s.comment_id FROM stretch s
    WHERE NOT EXISTS (
        SELECT FROM search_entries e
        WHERE e.site_id = s.site_id AND e.article_id = s.article_id
          AND e.comment_id = s.comment_id
    )
)
SELECT site_id, comment_id FROM stretch ORDER BY site_id DESC, comment_id DESC LIMIT 1;

-- name: renew
-- Make anew what search knows of some comments: the status as `features/transitions.py` says it,
-- and in lower case the text that is shown of it, and its author's name and address. Rules that
-- spoke while it waited stay; comments that there are no more go.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: each table's primary key.
WITH wanted AS (
    SELECT site_id, article_id, comment_id
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS changed (site_id, article_id, comment_id)
), known AS MATERIALIZED (
    SELECT wanted.site_id, wanted.article_id, wanted.comment_id,
           coalesce(c.author_id, (shown.payload -> 'author' ->> 'id')::uuid, s.author_id)
               AS author_id,
           lower(coalesce(c.lang, shown.payload ->> 'lang')) AS lang,
           w.state, w.waits, w.escalated,
           d.reason, d.actor_kind, d.actor_id,
           CASE WHEN w.waits OR spoke.rules <> '{}' THEN spoke.rules END AS rules,
           lower(coalesce(c.author_name, shown.payload -> 'author' ->> 'name', ''))
               AS author_name,
           lower(coalesce(c.author_email, shown.payload -> 'author' ->> 'email')) AS author_email,
           lower(coalesce(c.text, shown.payload ->> 'text', '')) AS text
    FROM wanted
    LEFT JOIN comments c ON c.site_id = wanted.site_id AND c.article_id = wanted.article_id
        AND c.comment_id = wanted.comment_id
    LEFT JOIN decision_subjects s ON s.site_id = wanted.site_id
        AND s.article_id = wanted.article_id AND s.comment_id = wanted.comment_id
    LEFT JOIN LATERAL (
        SELECT n, action, revision, status, reason, actor_kind, actor_id
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
          AND comment_id = wanted.comment_id AND expires_at > now()
        ORDER BY revision = CASE d.status WHEN 'removed' THEN c.revision ELSE d.revision END DESC,
                 revision DESC
        LIMIT 1
    ) k ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN w.waits THEN j.payload WHEN c.text IS NULL THEN k.payload END AS payload
    ) shown
    CROSS JOIN LATERAL (
        SELECT ARRAY(
            SELECT why ->> 'rule' FROM jsonb_array_elements(shown.payload -> 'why') AS why
        ) AS rules
    ) spoke
    WHERE d.status IS NOT NULL OR w.waits OR c.status IS NOT NULL
), entered AS (
    INSERT INTO search_entries AS e
        (site_id, article_id, comment_id, author_id, lang, state, waits, escalated, reason,
         actor_kind, actor_id, rules)
    SELECT site_id, article_id, comment_id, author_id, lang, state, waits, escalated, reason,
           actor_kind, actor_id, rules
    FROM known
    ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
        author_id = excluded.author_id, lang = excluded.lang, state = excluded.state,
        waits = excluded.waits, escalated = excluded.escalated, reason = excluded.reason,
        actor_kind = excluded.actor_kind, actor_id = excluded.actor_id,
        rules = coalesce(excluded.rules, e.rules)
), written AS (
    INSERT INTO search_texts AS t
        (site_id, article_id, comment_id, author_name, author_email, text)
    SELECT site_id, article_id, comment_id, author_name, author_email, text
    FROM known
    ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
        author_name = excluded.author_name, author_email = excluded.author_email,
        text = excluded.text
    WHERE (t.author_name, t.author_email, t.text)
        IS DISTINCT FROM (excluded.author_name, excluded.author_email, excluded.text)
), gone AS MATERIALIZED (
    SELECT site_id, article_id, comment_id FROM wanted
    EXCEPT
    SELECT site_id, article_id, comment_id FROM known
), unwritten AS (
    DELETE FROM search_texts t USING gone g
    WHERE t.site_id = g.site_id AND t.article_id = g.article_id AND t.comment_id = g.comment_id
)
DELETE FROM search_entries e USING gone g
WHERE e.site_id = g.site_id AND e.article_id = g.article_id AND e.comment_id = g.comment_id;

-- name: actors_called
-- Members and keys of a site by what they are called.
--   $1 site_id integer, $2 names text[] (lower case)
-- Index: memberships_by_site, api_keys_by_site.
SELECT m.member_id::text AS actor_id
FROM members m
WHERE (lower(m.name) = ANY($2::text[]) OR m.email = ANY($2::text[]))
  AND (m.owner OR EXISTS (
      SELECT FROM memberships s WHERE s.site_id = $1 AND s.member_id = m.member_id))
UNION
SELECT key_id FROM api_keys
WHERE site_id = $1 AND (lower(name) = ANY($2::text[]) OR lower(key_id) = ANY($2::text[]));
