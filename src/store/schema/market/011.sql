-- The column that a quarantined row was set aside for; empty where it is the row as a whole.
ALTER TABLE quarantine ADD COLUMN field TEXT NOT NULL DEFAULT '';
