//! Budgets of vendors: one state a vendor and key, changed by one process at a time.

use rusqlite::{OptionalExtension, params};

use super::super::codec::{clean, json, time, to_json};
use super::super::error::StoreError;
use super::{MarketReader, MarketStore};
use crate::domain::vendor::{BudgetState, VendorId};
use crate::domain::{CleanText, UnixNanos};

/// A budget as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBudget {
    /// Vendor.
    pub vendor: CleanText,
    /// Fingerprint of the key.
    pub key_id: CleanText,
    /// The state.
    pub state: BudgetState,
    /// When it last changed.
    pub changed_at: UnixNanos,
}

impl MarketReader {
    /// All budgets, by vendor and key.
    pub fn budgets(&self) -> Result<Vec<StoredBudget>, StoreError> {
        self.db.read("read the budgets of vendors", |c| {
            let sql = "SELECT vendor, key_id, state, changed_at FROM budgets ORDER BY vendor, key_id";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(StoredBudget {
                    vendor: clean(row, 0)?,
                    key_id: clean(row, 1)?,
                    state: json(row, 2)?,
                    changed_at: time(row, 3)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Reads, changes and writes a budget as one step that no other process can come between.
    pub fn change_budget(
        &mut self,
        vendor: VendorId,
        key_id: &str,
        at: UnixNanos,
        change: &mut dyn FnMut(&mut BudgetState),
    ) -> Result<(), StoreError> {
        self.db().write("keep the budget of a vendor", |tx| {
            let sql = "SELECT state FROM budgets WHERE vendor = ?1 AND key_id = ?2";
            let row = params![vendor.as_str(), key_id];
            let stored: Option<BudgetState> =
                tx.prepare_cached(sql)?.query_row(row, |row| json(row, 0)).optional()?;
            let mut state = stored.clone().unwrap_or_default();
            change(&mut state);
            if stored.as_ref() == Some(&state) {
                return Ok(());
            }
            let sql = "INSERT INTO budgets (vendor, key_id, state, changed_at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT (vendor, key_id) DO UPDATE SET state = excluded.state, \
                       changed_at = excluded.changed_at";
            let row = params![vendor.as_str(), key_id, to_json(&state)?, at.nanos()];
            tx.prepare_cached(sql)?.execute(row).map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_connections_count_in_one_budget() {
        let home = tempfile::tempdir().unwrap();
        let mut first = MarketStore::open(home.path()).unwrap();
        let mut second = MarketStore::open(home.path()).unwrap();
        for turn in 0..10 {
            let store = if turn % 2 == 0 { &mut first } else { &mut second };
            store.change_budget(VendorId::Polygon, "ab", UnixNanos::ZERO, &mut |b| b.failures += 1).unwrap();
        }
        first.change_budget(VendorId::Polygon, "cd", UnixNanos::ZERO, &mut |b| b.failures += 1).unwrap();
        drop((first, second));
        let budgets = MarketReader::open(home.path()).unwrap().budgets().unwrap();
        let seen: Vec<_> = budgets.iter().map(|b| (b.key_id.as_str(), b.state.failures)).collect();
        assert_eq!(seen, [("ab", 10), ("cd", 1)]);
    }
}
