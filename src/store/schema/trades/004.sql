-- Who looked at a risk event, and what came of it. seq is the event that says so, risk_event the one looked at.
CREATE TABLE risk_acks (
  seq        INTEGER PRIMARY KEY,
  time       INTEGER NOT NULL,
  risk_event INTEGER NOT NULL,
  account    TEXT    NOT NULL,
  actor      TEXT    NOT NULL,
  resolution TEXT    NOT NULL
) STRICT;
CREATE INDEX risk_acks_event ON risk_acks (risk_event);
