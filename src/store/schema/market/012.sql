-- What borrowed shares of an instrument cost a year, of their value, at 1e-9; empty is what the paper exchange takes for all.
ALTER TABLE instruments ADD COLUMN borrow_rate INTEGER CHECK (borrow_rate >= 0);
