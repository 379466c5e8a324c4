-- What statements of several files have in common.

-- part: standing
-- What a comment is, as `features/transitions.py` says it: of its latest decision `d`, of what waits
-- of it in the journal `j`, and of its public row `c`; each may be missing.
SELECT w.waits,
       w.waits AND coalesce((j.payload ->> 'escalated')::boolean, false) AS escalated,
       CASE
           WHEN d.status IS NULL THEN CASE WHEN w.waits THEN 'pending' ELSE c.status END
           WHEN w.waits AND d.status = 'rejected' AND j.kind <> 'edit' THEN 'pending'
           ELSE d.status
       END AS state
FROM (
    SELECT j.comment_id IS NOT NULL AND d.status IS DISTINCT FROM 'deleted'
        AND (d.n IS NULL OR j.n >= d.n OR d.status = 'pending' OR d.action = 'escalate'
             OR (j.revision > d.revision AND d.action NOT IN ('withdraw', 'delete', 'erase')))
        AS waits
) w;
