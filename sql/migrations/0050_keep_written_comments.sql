-- What readers are told of a comment, written once, up to its votes: the beginning of a JSON
-- object without the article's key (service/features/fragments.py). Null: whoever shows it next
-- writes it. A release that writes comments otherwise adds a column of its own, and leaves this one.
ALTER TABLE comments ADD COLUMN written bytea;

-- Whatever changes a comment and does not write it anew leaves nothing of the former one.
CREATE FUNCTION forget_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER written_before
    BEFORE UPDATE OF parent_id, status, revision, text, lang, created_at, edited_at,
        author_name, author_badge, author_avatar
    ON comments FOR EACH ROW
    WHEN (NEW.written = OLD.written
          AND (NEW.parent_id, NEW.status, NEW.revision, NEW.text, NEW.lang, NEW.created_at,
               NEW.edited_at, NEW.author_name, NEW.author_badge, NEW.author_avatar)
              IS DISTINCT FROM
              (OLD.parent_id, OLD.status, OLD.revision, OLD.text, OLD.lang, OLD.created_at,
               OLD.edited_at, OLD.author_name, OLD.author_badge, OLD.author_avatar))
    EXECUTE FUNCTION forget_written();
