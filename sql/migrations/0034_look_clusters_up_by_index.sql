-- Which clusters have a signature with one of these bands. Postgres knows nothing of how rare a
-- band is and takes 16 of them for a twelfth of the table; told so, it would rather read all of it.
CREATE FUNCTION clusters_near(wanted integer[])
RETURNS TABLE (site_id integer, cluster_id uuid)
LANGUAGE sql STABLE ROWS 4
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT DISTINCT s.site_id, s.cluster_id FROM cluster_signatures AS s WHERE s.bands && wanted
$$;
