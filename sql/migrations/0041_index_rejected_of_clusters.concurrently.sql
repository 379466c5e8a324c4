-- Why: what a cluster was rejected for is asked of the latest that people rejected.
CREATE INDEX CONCURRENTLY cluster_members_rejected
    ON cluster_members (site_id, cluster_id, at DESC)
    WHERE judged AND state IN ('rejected', 'removed');
