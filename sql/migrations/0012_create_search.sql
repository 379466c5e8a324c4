-- What search looks through: one narrow row a comment, and beside it its text.
-- Both are derived: a loop of the leader makes them of the tables that triggers say have changed.
-- docs/decisions/0016-search.md says why, and what it costs.

CREATE TABLE search_entries (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    author_id    uuid,
    lang         text, -- lower case
    state        text NOT NULL,
    waits        boolean NOT NULL, -- it, or an edit of it, waits for a decision
    escalated    boolean NOT NULL,
    reason       text, -- of the latest decision, as the next two
    actor_kind   text,
    actor_id     text,
    rules        text[], -- that spoke about it
    PRIMARY KEY (site_id, article_id, comment_id)
) WITH (fillfactor = 85); -- so that a decision changes a row in its page, and no index
-- Ids sort by time.
CREATE INDEX search_entries_newest ON search_entries (site_id, comment_id);
CREATE INDEX search_entries_by_author ON search_entries (site_id, author_id, comment_id);

-- All in lower case.
CREATE TABLE search_texts (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    author_name  text NOT NULL,
    author_email text,
    text         text NOT NULL, -- empty once it is not kept any more
    PRIMARY KEY (site_id, article_id, comment_id)
);

-- Comments whose rows above are to be made anew, in the order in which they changed. Without a
-- key: nothing is looked up in it, and every comment and decision writes a row.
CREATE TABLE search_changes (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    change_id  bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX search_changes_in_order ON search_changes (change_id);

CREATE FUNCTION note_search_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO search_changes (site_id, article_id, comment_id)
        VALUES (OLD.site_id, OLD.article_id, OLD.comment_id);
    ELSE
        INSERT INTO search_changes (site_id, article_id, comment_id)
        VALUES (NEW.site_id, NEW.article_id, NEW.comment_id);
    END IF;
    RETURN NULL;
END
$$;

-- A new comment, whichever way it comes.
CREATE TRIGGER search_new AFTER INSERT ON comment_places
    FOR EACH ROW EXECUTE FUNCTION note_search_change();
CREATE TRIGGER search_decided AFTER INSERT ON decisions
    FOR EACH ROW EXECUTE FUNCTION note_search_change();
-- An edit, or a comment that waits again.
CREATE TRIGGER search_waiting AFTER UPDATE ON intake_journal
    FOR EACH ROW
    WHEN (NEW.state = 'waiting'
          AND (NEW.revision, NEW.n, OLD.state) IS DISTINCT FROM (OLD.revision, OLD.n, NEW.state))
    EXECUTE FUNCTION note_search_change();
-- Texts whose time is over, and authors who are forgotten.
CREATE TRIGGER search_expired AFTER DELETE ON kept_texts
    FOR EACH ROW EXECUTE FUNCTION note_search_change();
CREATE TRIGGER search_renamed AFTER UPDATE OF author_id, author_name, author_email, text ON comments
    FOR EACH ROW
    WHEN ((NEW.author_id, NEW.author_name, NEW.author_email, NEW.text)
          IS DISTINCT FROM (OLD.author_id, OLD.author_name, OLD.author_email, OLD.text))
    EXECUTE FUNCTION note_search_change();

-- Parts of words are found by their trigrams where the extension may be created; where it may
-- not, the same statements read more rows.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pg_trgm cannot be created: search is slower without it.';
END
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops') THEN
        CREATE INDEX search_texts_grams ON search_texts USING gin (text gin_trgm_ops);
        CREATE INDEX search_texts_names ON search_texts
            USING gin (author_name gin_trgm_ops, author_email gin_trgm_ops);
    END IF;
END
$$;
