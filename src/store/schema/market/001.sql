-- Market data. Sessions are days since 1970-01-01 in the exchange's zone; times are nanoseconds since 1970 (UTC);
-- prices and quantities are integers at 1e-9, volumes at 1e-3. Prices are as their source gave them.

CREATE TABLE instruments (
  id        INTEGER PRIMARY KEY,
  symbol    TEXT    NOT NULL,
  exchange  TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  sector    TEXT    NOT NULL,
  currency  TEXT    NOT NULL,
  tick      INTEGER NOT NULL,
  lot       INTEGER NOT NULL,
  shortable INTEGER NOT NULL CHECK (shortable IN (0, 1)),
  UNIQUE (exchange, symbol)
) STRICT;

-- One source of prices of one instrument; basis belongs here.
CREATE TABLE sources (
  id         INTEGER PRIMARY KEY,
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  source     TEXT    NOT NULL,
  basis      TEXT    NOT NULL CHECK (basis IN ('raw', 'split', 'total')),
  UNIQUE (instrument, source)
) STRICT;

-- Key: (instrument, source) by its number, interval, session.
CREATE TABLE prices (
  source_id INTEGER NOT NULL REFERENCES sources (id),
  interval  TEXT    NOT NULL,
  session   INTEGER NOT NULL,
  open      INTEGER NOT NULL,
  high      INTEGER NOT NULL,
  low       INTEGER NOT NULL,
  close     INTEGER NOT NULL,
  volume    INTEGER NOT NULL,
  vwap      INTEGER,
  revision  INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (source_id, interval, session)
) STRICT, WITHOUT ROWID;

-- What a price row said before it was revised.
CREATE TABLE price_revisions (
  source_id   INTEGER NOT NULL REFERENCES sources (id),
  interval    TEXT    NOT NULL,
  session     INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  open        INTEGER NOT NULL,
  high        INTEGER NOT NULL,
  low         INTEGER NOT NULL,
  close       INTEGER NOT NULL,
  volume      INTEGER NOT NULL,
  vwap        INTEGER,
  replaced_at INTEGER NOT NULL,
  PRIMARY KEY (source_id, interval, session, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE flags (
  source_id INTEGER NOT NULL REFERENCES sources (id),
  session   INTEGER NOT NULL,
  flag      TEXT    NOT NULL CHECK (flag IN ('zero_volume', 'jump')),
  PRIMARY KEY (source_id, session, flag)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id     INTEGER PRIMARY KEY,
  job    TEXT    NOT NULL,
  file   TEXT    NOT NULL,
  line   INTEGER NOT NULL,
  symbol TEXT    NOT NULL,
  date   TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  raw    TEXT    NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

CREATE TABLE actions (
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  date       INTEGER NOT NULL,
  kind       TEXT    NOT NULL CHECK (kind IN ('split', 'dividend')),
  new        INTEGER,
  old        INTEGER,
  amount     INTEGER,
  pay_date   INTEGER,
  PRIMARY KEY (instrument, date, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE fundamentals (
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  field      TEXT    NOT NULL,
  known_at   INTEGER NOT NULL,
  period_end INTEGER NOT NULL,
  value      REAL    NOT NULL,
  PRIMARY KEY (instrument, field, known_at, period_end)
) STRICT, WITHOUT ROWID;

CREATE TABLE news (
  time       INTEGER NOT NULL,
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  headline   TEXT    NOT NULL,
  source     TEXT    NOT NULL,
  tone       REAL,
  PRIMARY KEY (time, instrument, headline)
) STRICT, WITHOUT ROWID;

CREATE TABLE universes (
  universe   TEXT    NOT NULL,
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  from_day   INTEGER NOT NULL,
  to_day     INTEGER,
  PRIMARY KEY (universe, instrument, from_day)
) STRICT, WITHOUT ROWID;

CREATE TABLE signals (
  model         TEXT    NOT NULL,
  session       INTEGER NOT NULL,
  instrument    INTEGER NOT NULL REFERENCES instruments (id),
  time          INTEGER NOT NULL,
  score         REAL    NOT NULL,
  rank          INTEGER NOT NULL,
  of            INTEGER NOT NULL,
  confidence    REAL,
  outcomes      INTEGER,
  contributions TEXT    NOT NULL CHECK (json_valid(contributions)),
  PRIMARY KEY (model, session, instrument)
) STRICT, WITHOUT ROWID;

-- Progress of a long import or sync; done = lines or rows already taken.
CREATE TABLE jobs (
  job        TEXT    PRIMARY KEY,
  done       INTEGER NOT NULL,
  finished   INTEGER NOT NULL CHECK (finished IN (0, 1)),
  changed_at INTEGER NOT NULL
) STRICT;
