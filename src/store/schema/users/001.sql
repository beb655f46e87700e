-- People, their credentials and what belongs to them. Times are wall time in nanoseconds since 1970 (UTC).

CREATE TABLE users (
  name              TEXT    PRIMARY KEY,
  role              TEXT    NOT NULL,
  email             TEXT    NOT NULL,
  risk_tolerance    TEXT    NOT NULL,
  subscription_tier TEXT    NOT NULL,
  disabled          INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_at        INTEGER NOT NULL,
  last_login        INTEGER,
  epoch             INTEGER NOT NULL DEFAULT 1
) STRICT;

-- hash: PHC string; NULL lets a demo person in without a password.
CREATE TABLE credentials (
  user       TEXT    PRIMARY KEY REFERENCES users (name),
  hash       TEXT,
  changed_by TEXT    NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

-- Who made an account or set a password (act: made, set): decides who is independent of whom.
CREATE TABLE credential_acts (
  id    INTEGER PRIMARY KEY,
  user  TEXT    NOT NULL REFERENCES users (name),
  actor TEXT    NOT NULL,
  act   TEXT    NOT NULL CHECK (act IN ('made', 'set')),
  at    INTEGER NOT NULL
) STRICT;
CREATE INDEX credential_acts_user  ON credential_acts (user, at);
CREATE INDEX credential_acts_actor ON credential_acts (actor, at);

CREATE TABLE sessions (
  id        TEXT    PRIMARY KEY,
  user      TEXT    NOT NULL REFERENCES users (name),
  started   INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  ended     INTEGER
) STRICT;
CREATE INDEX sessions_user ON sessions (user, started);

-- By name, not by user: a name that does not exist is throttled as well.
CREATE TABLE login_failures (
  id   INTEGER PRIMARY KEY,
  name TEXT    NOT NULL,
  at   INTEGER NOT NULL
) STRICT;
CREATE INDEX login_failures_name ON login_failures (name, at);

CREATE TABLE preferences (
  user  TEXT NOT NULL REFERENCES users (name),
  key   TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  PRIMARY KEY (user, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_log (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  wall    INTEGER NOT NULL,
  user    TEXT    NOT NULL,
  what    TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  detail  TEXT    NOT NULL
) STRICT;

CREATE TABLE watchlists (
  user       TEXT    NOT NULL REFERENCES users (name),
  list       TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  instrument TEXT    NOT NULL,
  PRIMARY KEY (user, list, instrument)
) STRICT, WITHOUT ROWID;

-- origin: where the notice came from, so that a second delivery of the same notice changes nothing.
CREATE TABLE notices (
  user   TEXT    NOT NULL REFERENCES users (name),
  id     INTEGER NOT NULL,
  time   INTEGER NOT NULL,
  level  TEXT    NOT NULL,
  title  TEXT    NOT NULL,
  text   TEXT    NOT NULL,
  read   INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1)),
  origin TEXT,
  PRIMARY KEY (user, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX notices_origin ON notices (user, origin) WHERE origin IS NOT NULL;
