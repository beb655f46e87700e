-- What triggered, trailing and contingent orders carry beside their spec.
ALTER TABLE orders ADD COLUMN triggered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN stop INTEGER;
ALTER TABLE orders ADD COLUMN cap INTEGER;
ALTER TABLE orders ADD COLUMN remote TEXT CHECK (remote IS NULL OR json_valid(remote));
-- What an order holds of its account's money, and the price at which it does where it names none itself.
ALTER TABLE orders ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN valued_at INTEGER;
