-- Budgets of vendors: one state a vendor and fingerprint of its key, shared by all processes.
CREATE TABLE budgets (
  vendor     TEXT    NOT NULL,
  key_id     TEXT    NOT NULL,
  state      TEXT    NOT NULL CHECK (json_valid(state)),
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (vendor, key_id)
) STRICT, WITHOUT ROWID;

-- What a source has answered for, whether it had rows or not: days from and to, both included. Spans of one key do
-- not touch.
CREATE TABLE coverage (
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  source     TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  from_day   INTEGER NOT NULL,
  to_day     INTEGER NOT NULL CHECK (to_day >= from_day),
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (instrument, source, kind, from_day)
) STRICT, WITHOUT ROWID;

-- What became of the newest asks of each instrument and source, for reports.
CREATE TABLE sync_log (
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  source     TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  code       TEXT    NOT NULL,
  said       TEXT    NOT NULL,
  failures   INTEGER NOT NULL,
  PRIMARY KEY (instrument, source, kind)
) STRICT, WITHOUT ROWID;

-- Who told of an action; empty: a file.
ALTER TABLE actions ADD COLUMN source TEXT NOT NULL DEFAULT '';
