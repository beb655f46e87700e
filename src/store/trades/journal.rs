//! The journal: appending batches, and reading events back in order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{bad, count};
use super::super::error::{Fault, StoreError};
use super::anchor::{Ends, head};
use super::{TradesReader, TradesStore, projections};
use crate::domain::journal::{self, Batch, ChainHash, ENCODING_VERSION};
use crate::domain::posting::Asset;
use crate::domain::row::Row;
use crate::domain::{AccountId, Event, Seq, UnixNanos};

/// Refuses a batch whose texts, postings or rows do not belong to it, or whose postings do not sum to zero.
fn check(batch: &Batch) -> Result<(), StoreError> {
    if let Some(event) = batch.events.get(batch.texts.len()) {
        return Err(StoreError::Stray { seq: event.seq });
    }
    let events: BTreeSet<Seq> = batch.events.iter().map(|e| e.seq).collect();
    let stray = |seq: Seq| Err(StoreError::Stray { seq });
    let mut sums: BTreeMap<(Seq, Asset), i128> = BTreeMap::new();
    for posting in &batch.postings {
        if !events.contains(&posting.seq) {
            return stray(posting.seq);
        }
        *sums.entry((posting.seq, posting.asset)).or_default() += i128::from(posting.amount);
    }
    if let Some(seq) = batch.rows.iter().filter_map(projections::seq_of).find(|seq| !events.contains(seq)) {
        return stray(seq);
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some(((seq, asset), sum)) => Err(StoreError::Unbalanced { seq, asset, sum }),
        None => Ok(()),
    }
}

fn insert_event(
    conn: &Connection,
    event: &Event,
    encoded: &str,
    prev: ChainHash,
) -> rusqlite::Result<ChainHash> {
    let hash = prev.next(encoded.as_bytes());
    let kind = journal::kind(encoded).ok_or_else(|| bad(4, "the event has no name"))?;
    let sql = "INSERT INTO journal (seq, t, wall, by, kind, version, payload, prev_hash, hash) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    conn.prepare_cached(sql)?.execute(params![
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
            // A portfolio is one whole row an account: of a group only the last is worth writing.
            let mut portfolios: BTreeMap<AccountId, &Row> = BTreeMap::new();
            for batch in batches {
                check(batch)?;
                for (event, encoded) in batch.events.iter().zip(&batch.texts) {
                    let expected = last + 1;
                    if event.seq != expected {
                        let (path, found) = (path.clone(), event.seq);
                        return Err(Fault::Store(StoreError::Gap { path, expected, found }));
                    }
                    hash = insert_event(tx, event, encoded, hash)?;
                    last = event.seq;
                }
                insert_postings(tx, batch)?;
                for row in &batch.rows {
                    if let Row::Portfolio(portfolio) = row {
                        portfolios.insert(portfolio.account, row);
                    } else {
                        projections::write(tx, row)?;
                    }
                }
            }
            portfolios.into_values().try_for_each(|row| projections::write(tx, row))?;
            Ok((hash, Ends { head: (last, hash), ..ends }))
        })
    }

    /// Sequence number of the last stored event, 0 before the first, and the end of the chain.
    pub const fn chain_end(&self) -> (Seq, ChainHash) {
        self.ends.head
    }
}

fn insert_postings(conn: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let sql = "INSERT INTO postings (seq, account, ledger, asset, phase, amount) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = conn.prepare_cached(sql)?;
    for p in &batch.postings {
        let (ledger, asset, phase) = (p.ledger.as_str(), p.asset.to_string(), p.phase.as_str());
        statement.execute(params![
            p.seq.cast_signed(),
            p.account.as_str(),
            ledger,
            asset,
            phase,
            p.amount
        ])?;
    }
    Ok(())
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

    /// The last event at or before a moment of market time, 0 when there is none: whatever stands behind it in the
    /// journal happened later.
    pub fn last_at(&self, time: UnixNanos) -> Result<Seq, StoreError> {
        self.db.read("look for a moment", |c| {
            let sql = "SELECT seq FROM journal WHERE t <= ?1 ORDER BY seq DESC LIMIT 1";
            let last = c.query_row(sql, [time.nanos()], |row| count(row, 0)).optional()?;
            Ok::<_, rusqlite::Error>(last.unwrap_or(0))
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
}
