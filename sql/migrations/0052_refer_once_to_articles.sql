-- Each row was checked again for what its transaction has made sure of. Whoever writes a comment
-- holds its article's row of article_counts, which refers to the article; whoever writes of a reader
-- or of a place was asked about a site. The service can delete neither sites nor articles
-- (rights.sql). The checks were a tenth of two hundred decisions, and all transactions of a site
-- locked its one row. docs/decisions/0044-lists-and-references.md
-- squawk-ignore ban-drop-constraint
ALTER TABLE comments DROP CONSTRAINT comments_site_id_article_id_fkey;
-- squawk-ignore ban-drop-constraint
ALTER TABLE readers DROP CONSTRAINT readers_site_id_fkey;
-- squawk-ignore ban-drop-constraint
ALTER TABLE comment_places DROP CONSTRAINT comment_places_site_id_fkey;
