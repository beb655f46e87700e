-- Minute bars: one series per instrument, source and side (trades, bids or asks).
CREATE TABLE minute_series (
  id         INTEGER PRIMARY KEY,
  instrument INTEGER NOT NULL REFERENCES instruments (id),
  source     TEXT NOT NULL,
  side       TEXT NOT NULL CHECK (side IN ('trade', 'bid', 'ask')),
  UNIQUE (instrument, source, side)
) STRICT;

-- `minute` counts minutes since 1970 in UTC.
CREATE TABLE minutes (
  series_id INTEGER NOT NULL REFERENCES minute_series (id),
  minute    INTEGER NOT NULL,
  open      INTEGER NOT NULL,
  high      INTEGER NOT NULL,
  low       INTEGER NOT NULL,
  close     INTEGER NOT NULL,
  volume    INTEGER NOT NULL,
  trades    INTEGER,
  revision  INTEGER NOT NULL DEFAULT 0,
  stored_at INTEGER NOT NULL,
  PRIMARY KEY (series_id, minute)
) STRICT, WITHOUT ROWID;
