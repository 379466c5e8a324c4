-- What changed is noted once a statement that decides or enters comments, and not once a row:
-- two hundred calls of each of three triggers were a tenth of two hundred decisions. The function
-- note_unsealed_decision is called by nothing any more.

CREATE FUNCTION note_search_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_changes (site_id, article_id, comment_id)
    SELECT site_id, article_id, comment_id FROM added;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_new AFTER INSERT ON comment_places
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_search_changes();
CREATE OR REPLACE TRIGGER search_decided AFTER INSERT ON decisions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_search_changes();

CREATE FUNCTION note_cluster_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cluster_changes (site_id, article_id, comment_id)
    SELECT site_id, article_id, comment_id FROM added;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER cluster_new AFTER INSERT ON comment_places
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_cluster_changes();
CREATE OR REPLACE TRIGGER cluster_decided AFTER INSERT ON decisions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_cluster_changes();

CREATE FUNCTION note_unsealed_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (site_id, article_id, comment_id, n)
    SELECT site_id, article_id, comment_id, n FROM added;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER audit_decided AFTER INSERT ON decisions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_unsealed_decisions();
