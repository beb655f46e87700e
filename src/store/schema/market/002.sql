-- Revisions of what panels are made of: one row a change, in the transaction that makes it; the newest count. The mark
-- tells histories of equal length apart, as after a restored backup.
CREATE TABLE revisions (
  what   TEXT    NOT NULL CHECK (what IN ('prices', 'facts')),
  number INTEGER NOT NULL,
  mark   INTEGER NOT NULL,
  PRIMARY KEY (what, number)
) STRICT, WITHOUT ROWID;

INSERT INTO revisions VALUES ('prices', 1, random()), ('facts', 1, random());

-- Revision of prices in which the series last changed other than by newer rows.
ALTER TABLE sources ADD COLUMN rewritten INTEGER NOT NULL DEFAULT 1;

-- Which sector and industry an instrument was known to belong to, from a day on (-719162, year 1: always).
CREATE TABLE group_history (
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  from_day   INTEGER NOT NULL,
  sector     TEXT    NOT NULL,
  industry   TEXT    NOT NULL,
  PRIMARY KEY (instrument, from_day)
) STRICT, WITHOUT ROWID;

INSERT INTO group_history SELECT id, -719162, sector, '' FROM instruments WHERE sector <> '';
