-- What the service's role may do; applied after every migration run, so no migration grants.
--
-- The service works as `postbag_app`: no superuser, no change of schema, and what is written to
-- an append-only table can neither be changed nor deleted by it.
DO $$
DECLARE
    append_only constant text[] := ARRAY['decisions', 'administrative_acts', 'audit_entries', 'rule_versions', 'rule_states',
                                    'word_list_versions'];
    unchanging  constant text[] := ARRAY['reader_notes']; -- deleted with whom they are about
    lasting     constant text[] := ARRAY['sites', 'articles']; -- rows that refer to them rely on it
    read_only   constant text[] := ARRAY['schema_migrations'];
    relation    record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO postbag_app', current_schema());
    FOR relation IN
        SELECT c.oid::regclass AS name, c.relname::text AS short_name
        FROM pg_class AS c
        WHERE c.relnamespace = current_schema()::regnamespace
          AND c.relkind IN ('r', 'p', 'v')
          AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM postbag_app', relation.name);
        EXECUTE format(
            'GRANT %s ON %s TO postbag_app',
            CASE
                WHEN relation.short_name = ANY (read_only) THEN 'SELECT'
                WHEN relation.short_name = ANY (append_only) THEN 'SELECT, INSERT'
                WHEN relation.short_name = ANY (unchanging) THEN 'SELECT, INSERT, DELETE'
                WHEN relation.short_name = ANY (lasting) THEN 'SELECT, INSERT, UPDATE'
                ELSE 'SELECT, INSERT, UPDATE, DELETE'
            END,
            relation.name
        );
    END LOOP;
END
$$;
