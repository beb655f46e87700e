-- Sources disagree about splits and dividends too: what each says of a day, as money per share paid, and new shares for one
-- old; 0 and 1 where it tells none of that day.
ALTER TABLE disagreements RENAME TO price_disagreements;
CREATE TABLE disagreements (
  instrument  INTEGER NOT NULL REFERENCES instruments (id),
  session     INTEGER NOT NULL,
  field       TEXT    NOT NULL CHECK (field IN ('open', 'high', 'low', 'close', 'split', 'dividend')),
  source      TEXT    NOT NULL,
  other       TEXT    NOT NULL CHECK (other > source),
  value       REAL    NOT NULL,
  other_value REAL    NOT NULL,
  at          INTEGER NOT NULL,
  PRIMARY KEY (instrument, session, field, source, other)
) STRICT, WITHOUT ROWID;
INSERT INTO disagreements SELECT * FROM price_disagreements;
DROP TABLE price_disagreements;
