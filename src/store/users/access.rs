//! Log-ins, failed ones, sessions, and the access log.

use rusqlite::{OptionalExtension, Row, Transaction};

use super::super::codec::{clean, parsed, time, time_opt};
use super::super::error::StoreError;
use super::{
    ACCESS_LOG_MAX, FAILURES_MAX, FAILURES_PER_NAME_MAX, SESSIONS_PER_USER_MAX, UsersReader, UsersStore,
};
use crate::domain::{CleanText, UnixNanos, UserName};

/// Lines of the access log among which an act is looked for.
const LINES_SEARCHED: i64 = 10_000;

/// One line of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// Position, rising; 0 before it is stored.
    pub id: i64,
    /// Wall time.
    pub wall: UnixNanos,
    /// Name given, known or not.
    pub user: CleanText,
    /// What was asked for, such as `login` or a capability.
    pub what: CleanText,
    /// How it ended, such as `allowed` or `denied`.
    pub outcome: CleanText,
    /// Why, in words.
    pub detail: CleanText,
}

/// Failed log-ins of a name since some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// The last one.
    pub last: Option<UnixNanos>,
}

/// One login of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Random id.
    pub id: String,
    /// Whose it is.
    pub user: UserName,
    /// When it began.
    pub started: UnixNanos,
    /// When it was last used.
    pub last_seen: UnixNanos,
    /// When it ended.
    pub ended: Option<UnixNanos>,
}

pub(in crate::store) fn access_entry(row: &Row<'_>) -> rusqlite::Result<AccessEntry> {
    Ok(AccessEntry {
        id: row.get(0)?,
        wall: time(row, 1)?,
        user: clean(row, 2)?,
        what: clean(row, 3)?,
        outcome: clean(row, 4)?,
        detail: clean(row, 5)?,
    })
}

impl UsersReader {
    /// Failed log-ins of `name` after `since` and after its last good one.
    pub fn failures_since(&self, name: UserName, since: UnixNanos) -> Result<Failures, StoreError> {
        self.db.read("read failed log-ins", |c| {
            let sql = "SELECT count(*), max(at) FROM login_failures WHERE name = ?1 AND at > ?2";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_row((name.as_str(), since.nanos()), |row| {
                Ok(Failures { count: row.get(0)?, last: time_opt(row, 1)? })
            })
        })
    }

    /// The newest `limit` entries of the access log, newest first.
    pub fn access_log(&self, limit: u32) -> Result<Vec<AccessEntry>, StoreError> {
        self.db.read("read the access log", |c| {
            let sql =
                "SELECT id, wall, user, what, outcome, detail FROM access_log ORDER BY id DESC LIMIT ?1";
            c.prepare_cached(sql)?.query_map([limit], access_entry)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// The newest line about an act, looked for among the newest 10,000 lines.
    pub fn last_act(&self, what: &str) -> Result<Option<AccessEntry>, StoreError> {
        self.db.read("read the access log", |c| {
            let sql = "SELECT id, wall, user, what, outcome, detail FROM access_log \
                       WHERE what = ?1 AND id > (SELECT max(id) FROM access_log) - ?2 ORDER BY id DESC LIMIT 1";
            c.prepare_cached(sql)?.query_row((what, LINES_SEARCHED), access_entry).optional()
        })
    }

    /// Entries after `id`, oldest first, at most `limit`: for copying them into the audit trail.
    pub fn access_log_after(&self, id: i64, limit: u32) -> Result<Vec<AccessEntry>, StoreError> {
        self.db.read("read the access log", |c| {
            let sql = "SELECT id, wall, user, what, outcome, detail FROM access_log WHERE id > ?1 \
                       ORDER BY id LIMIT ?2";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_map((id, limit), access_entry)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// One session.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, StoreError> {
        self.db.read("read a session", |c| {
            let sql = "SELECT id, user, started, last_seen, ended FROM sessions WHERE id = ?1";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_row([id], session_row).optional()
        })
    }

    /// Sessions that have not ended, oldest first.
    pub fn open_sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        self.db.read("read the sessions", |c| {
            let sql = "SELECT id, user, started, last_seen, ended FROM sessions WHERE ended IS NULL \
                       ORDER BY started, id";
            c.prepare_cached(sql)?.query_map([], session_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        user: parsed(row, 1)?,
        started: time(row, 2)?,
        last_seen: time(row, 3)?,
        ended: time_opt(row, 4)?,
    })
}

fn log(tx: &Transaction<'_>, entry: &AccessEntry) -> rusqlite::Result<()> {
    let sql = "INSERT INTO access_log (wall, user, what, outcome, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (user, what) = (entry.user.as_str(), entry.what.as_str());
    tx.execute(sql, (entry.wall.nanos(), user, what, entry.outcome.as_str(), entry.detail.as_str()))?;
    let last = tx.last_insert_rowid();
    tx.execute("DELETE FROM access_log WHERE id <= ?1", [last - i64::from(ACCESS_LOG_MAX)]).map(drop)
}

impl UsersStore {
    /// Records a good login: the session begins, the failures of the name are forgotten, the log says so.
    pub fn record_login(&mut self, user: UserName, session: &str, now: UnixNanos) -> Result<(), StoreError> {
        self.db().write("record a login", |tx| {
            tx.execute("UPDATE users SET last_login = ?2 WHERE name = ?1", (user.as_str(), now.nanos()))?;
            tx.execute("DELETE FROM login_failures WHERE name = ?1", [user.as_str()])?;
            let sql = "INSERT INTO sessions (id, user, started, last_seen) VALUES (?1, ?2, ?3, ?3)";
            tx.execute(sql, (session, user.as_str(), now.nanos()))?;
            let sql = "DELETE FROM sessions WHERE user = ?1 AND ended IS NOT NULL AND id NOT IN \
                       (SELECT id FROM sessions WHERE user = ?1 ORDER BY started DESC LIMIT ?2)";
            tx.execute(sql, (user.as_str(), SESSIONS_PER_USER_MAX))?;
            log(tx, &login_entry(user, now, "allowed"))
        })
    }

    /// Records a failed login of a name, known or not; the log says so.
    pub fn record_failure(&mut self, name: UserName, now: UnixNanos) -> Result<(), StoreError> {
        self.db().write("record a failed login", |tx| {
            let sql = "INSERT INTO login_failures (name, at) VALUES (?1, ?2)";
            tx.execute(sql, (name.as_str(), now.nanos()))?;
            let last = tx.last_insert_rowid();
            tx.execute("DELETE FROM login_failures WHERE id <= ?1", [last - i64::from(FAILURES_MAX)])?;
            let sql = "DELETE FROM login_failures WHERE name = ?1 AND id NOT IN \
                       (SELECT id FROM login_failures WHERE name = ?1 ORDER BY id DESC LIMIT ?2)";
            tx.execute(sql, (name.as_str(), FAILURES_PER_NAME_MAX))?;
            log(tx, &login_entry(name, now, "denied"))
        })
    }

    /// Adds one line to the access log.
    pub fn log_access(&mut self, entry: &AccessEntry) -> Result<(), StoreError> {
        self.db().write("write the access log", |tx| log(tx, entry))
    }

    /// A session was used.
    pub fn touch_session(&mut self, id: &str, now: UnixNanos) -> Result<(), StoreError> {
        self.db().write("record a session's use", |tx| {
            let sql = "UPDATE sessions SET last_seen = ?2 WHERE id = ?1 AND ended IS NULL";
            tx.execute(sql, (id, now.nanos())).map(drop)
        })
    }

    /// A session ended.
    pub fn end_session(&mut self, id: &str, now: UnixNanos) -> Result<(), StoreError> {
        self.db().write("end a session", |tx| {
            let sql = "UPDATE sessions SET ended = ?2 WHERE id = ?1 AND ended IS NULL";
            tx.execute(sql, (id, now.nanos())).map(drop)
        })
    }
}

fn login_entry(user: UserName, wall: UnixNanos, outcome: &str) -> AccessEntry {
    AccessEntry {
        id: 0,
        wall,
        user: CleanText::new(user.as_str()),
        what: CleanText::new("login"),
        outcome: CleanText::new(outcome),
        detail: CleanText::default(),
    }
}
