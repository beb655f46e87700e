//! Watchlists and preferences.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;

use super::super::codec::{json, parsed, to_json};
use super::super::error::StoreError;
use super::{UsersReader, UsersStore, WATCHLIST_MAX};
use crate::domain::{InstrumentId, UserName};

impl UsersReader {
    /// A person's watchlists: name to instruments in their order.
    pub fn watchlists(&self, user: UserName) -> Result<BTreeMap<String, Vec<InstrumentId>>, StoreError> {
        self.db.read("read watchlists", |c| {
            let sql = "SELECT list, instrument FROM watchlists WHERE user = ?1 ORDER BY list, position";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([user.as_str()], |row| Ok((row.get(0)?, parsed(row, 1)?)))?;
            let mut lists: BTreeMap<String, Vec<InstrumentId>> = BTreeMap::new();
            for row in rows {
                let (list, instrument) = row?;
                lists.entry(list).or_default().push(instrument);
            }
            Ok::<_, rusqlite::Error>(lists)
        })
    }

    /// One preference of a person.
    pub fn preference(&self, user: UserName, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        self.db.read("read a preference", |c| {
            let sql = "SELECT value FROM preferences WHERE user = ?1 AND key = ?2";
            c.prepare_cached(sql)?.query_row((user.as_str(), key), |row| json(row, 0)).optional()
        })
    }
}

impl UsersStore {
    /// Adds instruments at the end of a watchlist, all or none; says how many were not on it. A full list takes no more.
    pub fn watch(
        &mut self,
        user: UserName,
        list: &str,
        instruments: &[InstrumentId],
    ) -> Result<usize, StoreError> {
        self.db().write("change a watchlist", |tx| {
            let sql = "INSERT OR IGNORE INTO watchlists (user, list, position, instrument) \
                       SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3 FROM watchlists \
                       WHERE user = ?1 AND list = ?2 HAVING count(*) < ?4";
            let mut insert = tx.prepare_cached(sql)?;
            let mut added = 0;
            for instrument in instruments {
                added += insert.execute((user.as_str(), list, instrument.to_string(), WATCHLIST_MAX))?;
            }
            Ok::<_, rusqlite::Error>(added)
        })
    }

    /// Takes an instrument from a watchlist; `false` when it was not on it.
    pub fn unwatch(
        &mut self,
        user: UserName,
        list: &str,
        instrument: InstrumentId,
    ) -> Result<bool, StoreError> {
        self.db().write("change a watchlist", |tx| {
            let sql = "DELETE FROM watchlists WHERE user = ?1 AND list = ?2 AND instrument = ?3";
            Ok::<_, rusqlite::Error>(tx.execute(sql, (user.as_str(), list, instrument.to_string()))? > 0)
        })
    }

    /// Puts another instrument in the place of one on every watchlist, or beside it at the list's end when the old one
    /// stays; says how many lists changed. A list that has it already keeps its place.
    pub fn follow_on_lists(
        &mut self,
        old: InstrumentId,
        new: InstrumentId,
        stays: bool,
    ) -> Result<usize, StoreError> {
        let (old, new) = (old.to_string(), new.to_string());
        self.db().write("change watchlists", |tx| {
            if stays {
                let sql = "INSERT OR IGNORE INTO watchlists (user, list, position, instrument) \
                           SELECT user, list, (SELECT max(position) + 1 FROM watchlists l \
                           WHERE l.user = w.user AND l.list = w.list), ?2 FROM watchlists w WHERE instrument = ?1";
                return tx.execute(sql, (&old, &new));
            }
            let changed = tx.execute(
                "UPDATE OR IGNORE watchlists SET instrument = ?2 WHERE instrument = ?1",
                (&old, &new),
            )?;
            Ok::<_, rusqlite::Error>(
                changed + tx.execute("DELETE FROM watchlists WHERE instrument = ?1", [&old])?,
            )
        })
    }

    /// Sets one preference of a person.
    pub fn set_preference(
        &mut self,
        user: UserName,
        key: &str,
        value: &serde_json::Value,
    ) -> Result<(), StoreError> {
        self.db().write("write a preference", |tx| {
            let sql = "INSERT INTO preferences (user, key, value) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (user, key) DO UPDATE SET value = excluded.value";
            tx.execute(sql, (user.as_str(), key, to_json(value)?)).map(drop)
        })
    }
}
