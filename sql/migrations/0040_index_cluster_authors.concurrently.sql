-- Why: a cluster's authors are counted as they come and go, not all over again.
CREATE INDEX CONCURRENTLY cluster_members_by_author
    ON cluster_members (site_id, cluster_id, author_id);
