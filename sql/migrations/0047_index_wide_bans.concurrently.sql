-- Why: whoever comes to a site is looked for among those whom others have banned from it.
CREATE INDEX CONCURRENTLY readers_banned_elsewhere ON readers (author_id)
    WHERE ban_sites IS NOT NULL;
