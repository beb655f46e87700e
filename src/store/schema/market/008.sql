-- The tone that a vendor gives a headline itself, and which vendor; ours stands beside it.
ALTER TABLE news ADD COLUMN told_by TEXT;
ALTER TABLE news ADD COLUMN told_tone REAL CHECK ((told_by IS NULL) = (told_tone IS NULL));
