//! What sources have answered for, so that an absent row is told apart from one that was never asked for; and what
//! became of the newest asks.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{clean, count, date, day, time};
use super::super::error::StoreError;
use super::instruments::{ensure_instrument, id_at};
use super::{DAILY, MarketReader, MarketStore};
use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Days that a source has answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First.
    pub from: NaiveDate,
    /// Last.
    pub to: NaiveDate,
    /// When it last answered for any of them.
    pub fetched_at: UnixNanos,
}

/// A span that was answered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// Kind of data.
    pub kind: DataKind,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// When.
    pub at: UnixNanos,
}

/// What became of an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncNote {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// Kind of data.
    pub kind: DataKind,
    /// When.
    pub at: UnixNanos,
    /// A stable code; empty when it went well.
    pub code: CleanText,
    /// In plain words.
    pub said: CleanText,
    /// Failures in a row, of different days.
    pub failures: u64,
}

impl MarketReader {
    /// What a source has answered for, by instrument, oldest first.
    pub fn coverage(
        &self,
        source: &str,
        kind: DataKind,
    ) -> Result<BTreeMap<InstrumentId, Vec<Span>>, StoreError> {
        self.db.read("read what was fetched", |c| {
            let sql = "SELECT i.symbol, i.exchange, v.from_day, v.to_day, v.fetched_at FROM coverage v \
                       JOIN instruments i ON i.id = v.instrument WHERE v.source = ?1 AND v.kind = ?2 \
                       ORDER BY v.instrument, v.from_day";
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query(params![source, kind.as_str()])?;
            let mut spans: BTreeMap<InstrumentId, Vec<Span>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let span = Span { from: date(row, 2)?, to: date(row, 3)?, fetched_at: time(row, 4)? };
                spans.entry(id_at(row, 0)?).or_default().push(span);
            }
            Ok::<_, rusqlite::Error>(spans)
        })
    }

    /// What a source has answered for of one instrument, oldest first.
    pub fn coverage_of(
        &self,
        instrument: InstrumentId,
        source: &str,
        kind: DataKind,
    ) -> Result<Vec<Span>, StoreError> {
        self.db.read("read what was fetched", |c| {
            let sql = "SELECT v.from_day, v.to_day, v.fetched_at FROM coverage v \
                       JOIN instruments i ON i.id = v.instrument \
                       WHERE i.symbol = ?1 AND i.exchange = ?2 AND v.source = ?3 AND v.kind = ?4 ORDER BY 1";
            let mut statement = c.prepare_cached(sql)?;
            let row = params![instrument.symbol.as_str(), instrument.exchange.code(), source, kind.as_str()];
            let span = |row: &rusqlite::Row<'_>| {
                Ok(Span { from: date(row, 0)?, to: date(row, 1)?, fetched_at: time(row, 2)? })
            };
            statement.query_map(row, span)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Sessions of one instrument and source that have a row, in order.
    pub fn stored_sessions(
        &self,
        instrument: InstrumentId,
        source: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<NaiveDate>, StoreError> {
        self.db.read("read stored sessions", |c| {
            let sql = "SELECT p.session FROM prices p JOIN sources s ON s.id = p.source_id \
                       JOIN instruments i ON i.id = s.instrument WHERE i.symbol = ?1 AND i.exchange = ?2 \
                       AND s.source = ?3 AND p.interval = ?4 AND p.session BETWEEN ?5 AND ?6 ORDER BY p.session";
            let mut statement = c.prepare_cached(sql)?;
            let exchange = instrument.exchange.code();
            let row = params![instrument.symbol.as_str(), exchange, source, DAILY, day(from), day(to)];
            statement.query_map(row, |row| date(row, 0))?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// What became of the newest asks, by instrument, source and kind.
    pub fn sync_notes(&self) -> Result<Vec<SyncNote>, StoreError> {
        self.db.read("read the log of fetches", |c| {
            let sql = "SELECT i.symbol, i.exchange, n.source, n.kind, n.at, n.code, n.said, n.failures \
                       FROM sync_log n JOIN instruments i ON i.id = n.instrument ORDER BY i.symbol, n.source, n.kind";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(SyncNote {
                    instrument: id_at(row, 0)?,
                    source: clean(row, 2)?,
                    kind: super::super::codec::parsed(row, 3)?,
                    at: time(row, 4)?,
                    code: clean(row, 5)?,
                    said: clean(row, 6)?,
                    failures: count(row, 7)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

/// Adds spans inside a transaction; neighbours and overlaps become one.
pub(super) fn cover(conn: &Connection, covered: &[Covered]) -> rusqlite::Result<()> {
    for span in covered {
        let (number, _) = ensure_instrument(conn, span.instrument)?;
        let (mut from, mut to) = (day(span.from), day(span.to));
        let key = params![number, span.source.as_str(), span.kind.as_str(), from, to];
        let sql = "SELECT min(from_day), max(to_day) FROM coverage WHERE instrument = ?1 AND source = ?2 \
                   AND kind = ?3 AND from_day <= ?5 + 1 AND to_day >= ?4 - 1";
        let touching: (Option<i32>, Option<i32>) =
            conn.prepare_cached(sql)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let (Some(first), Some(last)) = touching {
            (from, to) = (from.min(first), to.max(last));
        }
        let key = params![number, span.source.as_str(), span.kind.as_str(), from, to];
        let sql = "DELETE FROM coverage WHERE instrument = ?1 AND source = ?2 AND kind = ?3 \
                   AND from_day >= ?4 AND to_day <= ?5";
        conn.prepare_cached(sql)?.execute(key)?;
        let sql = "INSERT INTO coverage (instrument, source, kind, from_day, to_day, fetched_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let row = params![number, span.source.as_str(), span.kind.as_str(), from, to, span.at.nanos()];
        conn.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

impl MarketStore {
    /// Notes what a source has answered for.
    pub fn store_coverage(&mut self, covered: &[Covered]) -> Result<(), StoreError> {
        self.db().write("keep what was fetched", |tx| cover(tx, covered))
    }

    /// Forgets what a source has answered for of some kinds of data, so that it is asked again.
    pub fn forget_coverage(
        &mut self,
        instrument: InstrumentId,
        source: &str,
        kinds: &[DataKind],
    ) -> Result<(), StoreError> {
        self.db().write("forget what was fetched", |tx| {
            let sql = "DELETE FROM coverage WHERE source = ?3 AND kind = ?4 AND instrument = \
                       (SELECT id FROM instruments WHERE symbol = ?1 AND exchange = ?2)";
            for kind in kinds {
                let (symbol, exchange) = (instrument.symbol, instrument.exchange.code());
                let row = params![symbol.as_str(), exchange, source, kind.as_str()];
                tx.prepare_cached(sql)?.execute(row)?;
            }
            Ok::<_, rusqlite::Error>(())
        })
    }

    /// Forgets what was answered for after `now`: by a clock that was wrong. Returns how many spans.
    pub fn forget_coverage_after(&mut self, now: UnixNanos) -> Result<u64, StoreError> {
        self.db().write("forget what was fetched", |tx| {
            let sql = "DELETE FROM coverage WHERE fetched_at > ?1";
            tx.prepare_cached(sql)?.execute([now.nanos()]).map(|gone| gone as u64)
        })
    }

    /// Notes what became of an ask; failures of one day count once. Returns how many there are in a row.
    pub fn store_sync_note(&mut self, note: &SyncNote) -> Result<u64, StoreError> {
        self.db().write("log a fetch", |tx| {
            let (number, _) = ensure_instrument(tx, note.instrument)?;
            let key = params![number, note.source.as_str(), note.kind.as_str()];
            let sql =
                "SELECT at, code, failures FROM sync_log WHERE instrument = ?1 AND source = ?2 AND kind = ?3";
            let read = |row: &rusqlite::Row<'_>| Ok((time(row, 0)?, clean(row, 1)?, count(row, 2)?));
            let last: Option<(UnixNanos, CleanText, u64)> =
                tx.prepare_cached(sql)?.query_row(key, read).optional()?;
            let date_of = |at: UnixNanos| at.to_datetime().date_naive();
            let failures = match last {
                _ if note.code.is_empty() => 0,
                Some((at, code, before)) if code == note.code => {
                    before + u64::from(date_of(at) != date_of(note.at))
                }
                _ => 1,
            };
            let sql = "INSERT INTO sync_log (instrument, source, kind, at, code, said, failures) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET at = excluded.at, \
                       code = excluded.code, said = excluded.said, failures = excluded.failures";
            let (code, said) = (note.code.as_str(), note.said.as_str());
            let failed = i64::try_from(failures).unwrap_or(i64::MAX);
            let (source, kind) = (note.source.as_str(), note.kind.as_str());
            let row = params![number, source, kind, note.at.nanos(), code, said, failed];
            tx.prepare_cached(sql)?.execute(row)?;
            Ok::<_, rusqlite::Error>(failures)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Covered {
        Covered {
            instrument: "AAPL.XNYS".parse().unwrap(),
            source: "yahoo".into(),
            kind: DataKind::Daily,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            at: UnixNanos::ZERO,
        }
    }

    #[test]
    fn neighbouring_and_overlapping_spans_become_one() {
        let home = tempfile::tempdir().unwrap();
        let mut store = MarketStore::open(home.path()).unwrap();
        let put = |store: &mut MarketStore, from, to| store.store_coverage(&[span(from, to)]).unwrap();
        let seen = |store: &MarketStore| -> Vec<String> {
            let all = store.read().coverage("yahoo", DataKind::Daily).unwrap();
            all.values().flatten().map(|s| format!("{}..{}", s.from, s.to)).collect()
        };
        put(&mut store, "2024-01-02", "2024-01-05");
        put(&mut store, "2024-02-01", "2024-02-05");
        assert_eq!(seen(&store), ["2024-01-02..2024-01-05", "2024-02-01..2024-02-05"]);
        put(&mut store, "2024-01-06", "2024-01-20");
        assert_eq!(seen(&store), ["2024-01-02..2024-01-20", "2024-02-01..2024-02-05"]);
        put(&mut store, "2024-01-10", "2024-02-02");
        assert_eq!(seen(&store), ["2024-01-02..2024-02-05"]);
        put(&mut store, "2024-01-12", "2024-01-13");
        assert_eq!(seen(&store), ["2024-01-02..2024-02-05"]);
        assert_eq!(store.forget_coverage_after(UnixNanos::ZERO).unwrap(), 0);
        let id = "AAPL.XNYS".parse().unwrap();
        store.forget_coverage(id, "yahoo", &[DataKind::Minutes]).unwrap();
        assert!(!seen(&store).is_empty(), "another kind");
        store.forget_coverage(id, "yahoo", &[DataKind::Minutes, DataKind::Daily]).unwrap();
        assert!(seen(&store).is_empty());
        put(&mut store, "2024-01-02", "2024-01-05");
        assert_eq!(store.forget_coverage_after(UnixNanos::from_nanos(-1)).unwrap(), 1, "stamped later");
        assert!(seen(&store).is_empty());
    }

    #[test]
    fn failures_count_once_a_day_and_end_with_a_success() {
        let home = tempfile::tempdir().unwrap();
        let mut store = MarketStore::open(home.path()).unwrap();
        let mut put = |day: i64, code: &str| {
            let note = SyncNote {
                instrument: "AAPL.XNYS".parse().unwrap(),
                source: "yahoo".into(),
                kind: DataKind::Daily,
                at: UnixNanos::from_seconds(day * 86_400 + 3_600),
                code: code.into(),
                said: "words".into(),
                failures: 0,
            };
            store.store_sync_note(&note).unwrap()
        };
        let counts = [(1, "NOT_FOUND"), (1, "NOT_FOUND"), (2, "NOT_FOUND"), (3, ""), (4, "NOT_FOUND")];
        assert_eq!(counts.map(|(day, code)| put(day, code)), [1, 1, 2, 0, 1]);
    }
}
