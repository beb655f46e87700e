//! The journal: appending batches, and reading events back in order.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::super::codec::{bad, count, spell};
use super::super::error::{Fault, StoreError};
use super::anchor::{Ends, head};
use super::{TradesReader, TradesStore, moments, projections};
use crate::domain::journal::{self, Batch, ChainHash, ENCODING_VERSION};
use crate::domain::posting::Posting;
use crate::domain::row::{Portfolio, Row};
use crate::domain::{AccountId, Event, Seq, UnixNanos};

/// Events that carry what a risk decision saw; written as in the index over them, which is used only so.
const DECISIONS: &str = "kind IN ('order_accepted', 'order_held', 'order_released', 'order_submitted', \
                         'order_denied', 'order_updated', 'update_requested', 'amend_rejected')";

/// Refuses a batch whose texts, postings or rows do not belong to it, or whose postings do not sum to zero.
fn check(batch: &Batch) -> Result<(), StoreError> {
    if let Some(event) = batch.events.get(batch.texts.len()) {
        return Err(StoreError::Stray { seq: event.seq });
    }
    // The events of a batch follow each other; where they do not, the gap is refused.
    let is_own = |seq: Seq| batch.events.binary_search_by_key(&seq, |e| e.seq).is_ok();
    let rows = batch.rows.iter().filter_map(projections::seq_of);
    if let Some(seq) = batch.postings.iter().map(|p| p.seq).chain(rows).find(|seq| !is_own(*seq)) {
        return Err(StoreError::Stray { seq });
    }
    let key = |p: &&Posting| (p.seq, p.asset);
    let mut sorted: Vec<&Posting> = batch.postings.iter().collect();
    sorted.sort_unstable_by_key(key);
    for equal in sorted.chunk_by(|a, b| key(a) == key(b)) {
        let sum: i128 = equal.iter().map(|p| i128::from(p.amount)).sum();
        if let Some(first) = equal.first().filter(|_| sum != 0) {
            return Err(StoreError::Unbalanced { seq: first.seq, asset: first.asset, sum });
        }
    }
    Ok(())
}

/// The statements of a group, looked up once.
struct Writer<'c> {
    event: CachedStatement<'c>,
    posting: CachedStatement<'c>,
    rows: projections::Writer<'c>,
    /// Where names of assets are spelled.
    text: String,
}

impl<'c> Writer<'c> {
    fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        let event = "INSERT INTO journal (seq, t, wall, by, kind, version, payload, prev_hash, hash) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let posting = "INSERT INTO postings (seq, account, ledger, asset, phase, amount) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        Ok(Self {
            event: conn.prepare_cached(event)?,
            posting: conn.prepare_cached(posting)?,
            rows: projections::Writer::new(conn)?,
            text: String::new(),
        })
    }

    /// Returns the new end of the chain.
    fn event(&mut self, event: &Event, encoded: &str, prev: ChainHash) -> rusqlite::Result<ChainHash> {
        let hash = prev.next(encoded.as_bytes());
        let kind = journal::kind(encoded).ok_or_else(|| bad(4, "the event has no name"))?;
        self.event.execute(params![
            event.seq.cast_signed(),
            event.t.nanos(),
            event.wall.nanos(),
            event.by.as_str(),
            kind,
            ENCODING_VERSION,
            encoded,
            prev.bytes(),
            hash.bytes(),
        ])?;
        Ok(hash)
    }

    fn posting(&mut self, p: &Posting) -> rusqlite::Result<()> {
        let (account, ledger, phase) = (p.account.as_str(), p.ledger.as_str(), p.phase.as_str());
        spell(&mut self.text, &p.asset);
        let row = params![p.seq.cast_signed(), account, ledger, self.text, phase, p.amount];
        self.posting.execute(row).map(drop)
    }
}

impl TradesStore {
    /// Writes one batch: events, postings and rows together or not at all. Returns the new end of the chain.
    pub fn append(&mut self, batch: &Batch) -> Result<ChainHash, StoreError> {
        self.append_all([batch])
    }

    /// Writes several batches in one transaction with one sync (group commit).
    pub fn append_all<'b>(
        &mut self,
        batches: impl IntoIterator<Item = &'b Batch>,
    ) -> Result<ChainHash, StoreError> {
        let path = self.inner.db.path().to_path_buf();
        self.write("append to the journal", |tx, ends| {
            let (mut last, mut hash) = ends.head;
            // A portfolio is one row an account: of a group only what it comes to is worth writing.
            let mut portfolios: BTreeMap<AccountId, Portfolio> = BTreeMap::new();
            let mut writer = Writer::new(tx)?;
            for batch in batches {
                check(batch)?;
                for (event, encoded) in batch.events.iter().zip(&batch.texts) {
                    let expected = last + 1;
                    if event.seq != expected {
                        let (path, found) = (path.clone(), event.seq);
                        return Err(Fault::Store(StoreError::Gap { path, expected, found }));
                    }
                    hash = writer.event(event, encoded, hash)?;
                    last = event.seq;
                }
                batch.postings.iter().try_for_each(|posting| writer.posting(posting))?;
                for row in &batch.rows {
                    if let Row::Portfolio(portfolio) = row {
                        projections::gather(&mut portfolios, portfolio);
                    } else {
                        writer.rows.write(row)?;
                    }
                }
            }
            portfolios.values().try_for_each(|portfolio| projections::write_portfolio(tx, portfolio))?;
            moments::note(tx, ends.head.0, last)?;
            Ok((hash, Ends { head: (last, hash), ..ends }))
        })
    }

    /// Sequence number of the last stored event, 0 before the first, and the end of the chain.
    pub const fn chain_end(&self) -> (Seq, ChainHash) {
        self.ends.head
    }
}

impl TradesReader {
    /// Sequence number of the last stored event, 0 before the first, and the end of the chain.
    pub fn head(&self) -> Result<(Seq, ChainHash), StoreError> {
        self.db.read("read the end of the journal", head)
    }

    /// The link of the chain at an event; `None` when there is no such event.
    pub fn link(&self, seq: Seq) -> Result<Option<ChainHash>, StoreError> {
        self.db.read("read the chain", |c| {
            let sql = "SELECT hash FROM journal WHERE seq = ?1";
            let link = c.query_row(sql, [seq.cast_signed()], |row| row.get::<_, Vec<u8>>(0)).optional()?;
            Ok::<_, rusqlite::Error>(link.as_deref().and_then(ChainHash::from_slice))
        })
    }

    /// Hands every event from `from_seq` on to `each`, in order; stops when it says so.
    pub fn events(
        &self,
        from_seq: Seq,
        mut each: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.stored(from_seq, |event, _, _| each(event))
    }

    /// Hands every event from `from_seq` on to `each`, in order, with the text and the link of the chain that are stored
    /// with it; stops when it says so.
    pub fn stored(
        &self,
        from_seq: Seq,
        mut each: impl FnMut(Event, &str, ChainHash) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.db.read("read the journal", |c| {
            let sql = "SELECT seq, version, payload, hash FROM journal WHERE seq >= ?1 ORDER BY seq";
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query([from_seq.cast_signed()])?;
            while let Some(row) = rows.next()? {
                let seq = count(row, 0)?;
                let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
                let event = journal::decode(row.get(1)?, text).map_err(|source| {
                    Fault::Store(StoreError::Journal { path: self.db.path().to_path_buf(), seq, source })
                })?;
                let hash = row.get_ref(3)?.as_blob().ok().and_then(ChainHash::from_slice);
                let hash = hash.ok_or_else(|| bad(3, "the hash is not 32 bytes"))?;
                if each(event, text, hash).is_break() {
                    break;
                }
            }
            Ok::<_, Fault>(())
        })
    }

    /// What to say of an event that does not fit the chain.
    pub fn broken(&self, seq: Seq) -> StoreError {
        StoreError::Broken { path: self.db.path().to_path_buf(), seq }
    }

    /// The newest `limit` events, oldest of them first.
    pub fn last_events(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        let (head, _) = self.head()?;
        let mut events = Vec::new();
        self.events(head.saturating_sub(u64::from(limit)) + 1, |event| {
            events.push(event);
            ControlFlow::Continue(())
        })?;
        Ok(events)
    }

    /// Events behind `after` that carry what a risk decision saw, from a moment of market time on: the newest `limit`,
    /// oldest of them first.
    pub fn decisions(&self, after: Seq, since: UnixNanos, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.db.read("read decisions", |c| {
            let sql = format!(
                "SELECT seq, version, payload FROM journal WHERE {DECISIONS} AND t >= ?1 AND seq > ?2 \
                 ORDER BY t DESC, seq DESC LIMIT ?3"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let mut rows = statement.query(params![since.nanos(), after.cast_signed(), limit])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                let seq = count(row, 0)?;
                let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
                let event = journal::decode(row.get(1)?, text).map_err(|source| {
                    Fault::Store(StoreError::Journal { path: self.db.path().to_path_buf(), seq, source })
                })?;
                events.push(event);
            }
            events.sort_unstable_by_key(|event| event.seq);
            Ok::<_, Fault>(events)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trades::MIGRATIONS;

    #[test]
    fn decisions_are_found_by_their_index() {
        let conn = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().for_each(|sql| conn.execute_batch(sql).unwrap());
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT seq, version, payload FROM journal WHERE {DECISIONS} AND t >= ?1 \
             AND seq > ?2 ORDER BY t DESC, seq DESC LIMIT ?3"
        );
        let plan: String = conn.query_row(&sql, [1, 2, 3], |row| row.get(3)).unwrap();
        assert!(plan.contains("USING INDEX journal_decisions"), "{plan}");
    }
}
