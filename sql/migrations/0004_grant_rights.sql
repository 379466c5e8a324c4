-- The service works as `postbag_app`: no superuser, no change of schema, and a decision, once
-- written, can neither be changed nor deleted by it.

DO $$
BEGIN
    CREATE ROLE postbag_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the whole server; another database's migration made it
END
$$;
GRANT postbag_app TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO postbag_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    sites, watermarks, api_keys, token_keys, members, memberships, invitations, readers,
    articles, article_counts, comments, comment_revisions, comment_places,
    decision_subjects, kept_texts, intake_journal, submissions, outbox, erasures
    TO postbag_app;
GRANT SELECT, INSERT ON decisions TO postbag_app;
