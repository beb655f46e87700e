//! Notices: delivered once, bounded to the newest thousand of each person.

use rusqlite::{OptionalExtension, Row};

use super::super::codec::{bad, clean, parsed, time};
use super::super::error::StoreError;
use super::{NOTICES_MAX, UsersReader, UsersStore};
use crate::domain::UserName;
use crate::domain::notice::{Notice, NoticeLevel};

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let level: String = row.get(3)?;
    Ok(Notice {
        user: parsed(row, 0)?,
        id: row.get(1)?,
        time: time(row, 2)?,
        level: NoticeLevel::parse(&level).ok_or_else(|| bad(3, "unknown notice level"))?,
        title: clean(row, 4)?,
        text: clean(row, 5)?,
        read: row.get(6)?,
    })
}

impl UsersReader {
    /// A person's newest notices, newest first.
    pub fn notices(&self, user: UserName, limit: u32) -> Result<Vec<Notice>, StoreError> {
        self.db.read("read notices", |c| {
            let sql = "SELECT user, id, time, level, title, text, read FROM notices WHERE user = ?1 \
                       ORDER BY id DESC LIMIT ?2";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_map((user.as_str(), limit), notice)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// How many notices a person has not read.
    pub fn unread(&self, user: UserName) -> Result<u32, StoreError> {
        self.db.read("count notices", |c| {
            let sql = "SELECT count(*) FROM notices WHERE user = ?1 AND read = 0";
            c.prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0))
        })
    }
}

impl UsersStore {
    /// Stores notices in one transaction. `origin` names where one came from (such as `journal:17`): a second
    /// delivery of the same origin to the same person changes nothing. People who do not exist are passed over.
    /// Returns how many were new.
    pub fn add_notices(&mut self, notices: &[(Notice, Option<String>)]) -> Result<u32, StoreError> {
        self.db().write("store notices", |tx| {
            let mut added = 0;
            for (notice, origin) in notices {
                let user = notice.user.as_str();
                let known = "SELECT 1 FROM users WHERE name = ?1";
                if tx.prepare_cached(known)?.query_row([user], |_| Ok(())).optional()?.is_none() {
                    continue;
                }
                let sql = "INSERT OR IGNORE INTO notices (user, id, time, level, title, text, read, origin) \
                           SELECT ?1, coalesce(max(id), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM notices WHERE user = ?1";
                let (title, text) = (notice.title.as_str(), notice.text.as_str());
                let level = notice.level.as_str();
                let row = (user, notice.time.nanos(), level, title, text, notice.read, origin.as_deref());
                if tx.prepare_cached(sql)?.execute(row)? == 0 {
                    continue;
                }
                added += 1;
                let sql = "DELETE FROM notices WHERE user = ?1 AND id <= \
                           (SELECT max(id) FROM notices WHERE user = ?1) - ?2";
                tx.prepare_cached(sql)?.execute((user, NOTICES_MAX))?;
            }
            Ok::<_, rusqlite::Error>(added)
        })
    }

    /// Marks a person's notices up to `id` as read.
    pub fn mark_read(&mut self, user: UserName, id: i64) -> Result<(), StoreError> {
        self.db().write("mark notices", |tx| {
            let sql = "UPDATE notices SET read = 1 WHERE user = ?1 AND id <= ?2 AND read = 0";
            tx.execute(sql, (user.as_str(), id)).map(drop)
        })
    }
}
