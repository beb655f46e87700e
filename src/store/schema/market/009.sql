-- How many shares of an instrument can be borrowed to be sold short; empty is as many as are wanted.
ALTER TABLE instruments ADD COLUMN borrowable INTEGER CHECK (borrowable >= 0);
