-- Why: statistics set what people decide beside what was predicted. Joined from what screening
-- wrote down, a million decisions would take many seconds; and it goes before the log does.
ALTER TABLE decisions ADD COLUMN risk real; -- of the text that was judged; null: not known
ALTER TABLE decisions ADD COLUMN rules text[]; -- that had spoken about it, and counted
