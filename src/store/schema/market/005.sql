-- What was changed before it was stored, by which rule, with what it was.
CREATE TABLE repairs (
  id         INTEGER PRIMARY KEY,
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  source     TEXT    NOT NULL,
  session    INTEGER NOT NULL,
  rule       TEXT    NOT NULL,
  before     TEXT    NOT NULL,
  after      TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  UNIQUE (instrument, source, session, rule, before, after)
) STRICT;

-- Two sources that say different things of one session, in prices restated for splits.
CREATE TABLE disagreements (
  instrument  INTEGER NOT NULL REFERENCES instruments (id),
  session     INTEGER NOT NULL,
  field       TEXT    NOT NULL CHECK (field IN ('open', 'high', 'low', 'close')),
  source      TEXT    NOT NULL,
  other       TEXT    NOT NULL CHECK (other > source),
  value       REAL    NOT NULL,
  other_value REAL    NOT NULL,
  at          INTEGER NOT NULL,
  PRIMARY KEY (instrument, session, field, source, other)
) STRICT, WITHOUT ROWID;

-- What a person has decided about a quarantined row.
ALTER TABLE quarantine ADD COLUMN state TEXT NOT NULL DEFAULT 'open'
  CHECK (state IN ('open', 'accepted', 'refetch', 'ignored'));
ALTER TABLE quarantine ADD COLUMN decided_at INTEGER;

-- From a day on, an instrument has another symbol; moved: its history is under the new one.
CREATE TABLE renames (
  exchange TEXT    NOT NULL,
  old      TEXT    NOT NULL,
  new      TEXT    NOT NULL,
  from_day INTEGER NOT NULL,
  moved    INTEGER NOT NULL DEFAULT 0 CHECK (moved IN (0, 1)),
  PRIMARY KEY (exchange, old, from_day)
) STRICT, WITHOUT ROWID;

-- Instruments that are no longer listed after a day: their history stays, nothing more is fetched.
CREATE TABLE delistings (
  instrument INTEGER PRIMARY KEY REFERENCES instruments (id),
  day        INTEGER NOT NULL,
  reason     TEXT    NOT NULL
) STRICT;

-- In whose scheme sector and industry are named; empty when not told.
ALTER TABLE group_history ADD COLUMN scheme TEXT NOT NULL DEFAULT '';
