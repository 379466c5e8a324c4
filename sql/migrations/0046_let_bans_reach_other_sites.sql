-- A ban may hold on other sites of the newsroom, too, for whoever comes there with the same issuer
-- and subject: their ids there are reckoned when they come, and stand beside each other nowhere.
ALTER TABLE readers ADD COLUMN ban_sites integer[]; -- other sites; null: here alone
