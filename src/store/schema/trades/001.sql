-- The journal and what is derived from it. Times are nanoseconds since 1970 (UTC); t is market time, wall is wall
-- time. Money is an integer at 1e-6, prices and quantities at 1e-9.

CREATE TABLE journal (
  seq       INTEGER PRIMARY KEY,
  t         INTEGER NOT NULL,
  wall      INTEGER NOT NULL,
  by        TEXT    NOT NULL,
  kind      TEXT    NOT NULL,
  version   INTEGER NOT NULL,
  payload   TEXT    NOT NULL,
  prev_hash BLOB    NOT NULL CHECK (length(prev_hash) = 32),
  hash      BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- asset: a currency, or an instrument such as AAPL.XNYS. phase: pending (held back), posted (it happened) or void.
CREATE TABLE postings (
  id      INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL REFERENCES journal (seq),
  account TEXT    NOT NULL,
  ledger  TEXT    NOT NULL,
  asset   TEXT    NOT NULL,
  phase   TEXT    NOT NULL,
  amount  INTEGER NOT NULL
) STRICT;
CREATE INDEX postings_seq ON postings (seq);
CREATE TRIGGER postings_no_update BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_no_delete BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;

-- Projections: can be thrown away and rebuilt from the journal.

-- spec: the whole order as it was asked for (amended fields replaced); the columns beside it are for queries.
CREATE TABLE orders (
  account         TEXT    NOT NULL,
  id              TEXT    NOT NULL,
  instrument      TEXT    NOT NULL,
  side            TEXT    NOT NULL,
  type            TEXT    NOT NULL,
  quantity        INTEGER NOT NULL,
  limit_price     INTEGER,
  spec            TEXT    NOT NULL CHECK (json_valid(spec)),
  status          TEXT    NOT NULL,
  filled          INTEGER NOT NULL,
  filled_notional INTEGER NOT NULL,
  fees            INTEGER NOT NULL,
  given_at        INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  code            TEXT,
  reason          TEXT    NOT NULL,
  actor           TEXT    NOT NULL,
  PRIMARY KEY (account, id)
) STRICT;
CREATE INDEX orders_given ON orders (given_at);

CREATE TABLE executions (
  seq        INTEGER PRIMARY KEY,
  time       INTEGER NOT NULL,
  account    TEXT    NOT NULL,
  order_id   TEXT    NOT NULL,
  instrument TEXT    NOT NULL,
  side       TEXT    NOT NULL,
  quantity   INTEGER NOT NULL,
  price      INTEGER NOT NULL,
  fee        INTEGER NOT NULL,
  realized   INTEGER NOT NULL
) STRICT;
CREATE INDEX executions_account ON executions (account, time);
CREATE INDEX executions_time    ON executions (time);

CREATE TABLE risk_events (
  id        INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  time      INTEGER NOT NULL,
  account   TEXT    NOT NULL,
  code      TEXT    NOT NULL,
  order_id  TEXT,
  limit_name TEXT   NOT NULL,
  observed  TEXT    NOT NULL,
  threshold TEXT    NOT NULL
) STRICT;
CREATE INDEX risk_events_time ON risk_events (time);

-- holdings: [[instrument, quantity, cost], ...] as decimals.
CREATE TABLE portfolios (
  account   TEXT    PRIMARY KEY,
  owner     TEXT,
  kind      TEXT    NOT NULL,
  exchange  TEXT,
  currency  TEXT    NOT NULL,
  cash      INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  holdings  TEXT    NOT NULL CHECK (json_valid(holdings))
) STRICT;

CREATE TABLE limit_versions (
  version     INTEGER PRIMARY KEY,
  name        TEXT    NOT NULL,
  scope       TEXT    NOT NULL,
  draft       TEXT    NOT NULL CHECK (json_valid(draft)),
  maker       TEXT    NOT NULL,
  made_at     INTEGER NOT NULL,
  status      TEXT    NOT NULL,
  approver    TEXT,
  approved_at INTEGER
) STRICT;

-- Effects outside this file, such as notices in the users store: everything up to `delivered` has been done there.
-- Delivering an event again changes nothing, so the cursor may lag after a crash.
CREATE TABLE outbox (
  destination TEXT    PRIMARY KEY,
  delivered   INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  last_error  TEXT    NOT NULL,
  changed_at  INTEGER NOT NULL
) STRICT;

-- Log-ins and denials copied from the access log of the users store; id is the id there.
CREATE TABLE audit (
  id      INTEGER PRIMARY KEY,
  wall    INTEGER NOT NULL,
  user    TEXT    NOT NULL,
  what    TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  detail  TEXT    NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
