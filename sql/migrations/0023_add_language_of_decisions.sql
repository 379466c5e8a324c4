-- Why: what became of comments is counted by language, also once their texts are gone.
ALTER TABLE decisions ADD COLUMN lang text; -- of the text that was judged; null: nobody could tell
