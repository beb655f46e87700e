-- What triggered, trailing and contingent orders carry beside their spec.
ALTER TABLE orders ADD COLUMN triggered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN stop INTEGER;
ALTER TABLE orders ADD COLUMN cap INTEGER;
ALTER TABLE orders ADD COLUMN remote TEXT CHECK (remote IS NULL OR json_valid(remote));
