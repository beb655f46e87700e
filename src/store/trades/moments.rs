//! Where past moments lie in the journal.
//!
//! Market times are in no order there: each exchange has its own, and people write things down at theirs. So of each whole
//! block of [`BLOCK_EVENTS`] the first and last time are kept by name, written with the block's last event; a search reads
//! those, then one block. The answer is that of a walk through the whole journal.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::super::codec::count;
use super::super::error::StoreError;
use super::TradesReader;
use super::anchor::head;
use crate::domain::{Seq, UnixNanos};

/// Events of a block; the schema counts by it too.
pub(super) const BLOCK_EVENTS: Seq = 1_024;

/// The times of all blocks between two events, the first exclusive, by the journal.
const SPANS: &str = "SELECT (seq - 1) / 1024, by, min(t), max(t) FROM journal \
                     WHERE seq > ?1 AND seq <= ?2 GROUP BY 1, 2";

/// The last event of the last whole block up to an event.
const fn whole(seq: Seq) -> Seq {
    seq / BLOCK_EVENTS * BLOCK_EVENTS
}

/// Keeps the times of the blocks that became whole with the events behind `before` up to `last`.
pub(super) fn note(tx: &Transaction<'_>, before: Seq, last: Seq) -> rusqlite::Result<()> {
    let (from, to) = (whole(before), whole(last));
    if from == to {
        return Ok(());
    }
    let sql = format!("INSERT INTO journal_spans {SPANS}");
    tx.prepare_cached(&sql)?.execute(params![from.cast_signed(), to.cast_signed()]).map(drop)
}

/// The first block whose kept times are not those of the journal.
pub(super) fn wrong_block(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    let last = whole(head(conn)?.0);
    let (made, kept) = (SPANS, "SELECT block, by, least, most FROM journal_spans");
    let sql = format!(
        "SELECT * FROM (SELECT * FROM ({made}) EXCEPT {kept}) UNION ALL \
         SELECT * FROM ({kept} EXCEPT SELECT * FROM ({made})) ORDER BY 1 LIMIT 1"
    );
    conn.query_row(&sql, params![0, last.cast_signed()], |row| row.get(0)).optional()
}

impl TradesReader {
    /// The last event at or before a moment of market time, 0 when there is none: whatever stands behind it in the
    /// journal happened later.
    pub fn last_at(&self, time: UnixNanos) -> Result<Seq, StoreError> {
        self.db.read("look for a moment", |c| {
            let tx = c.unchecked_transaction()?;
            let (end, _) = head(&tx)?;
            last_until(&tx, time, end)
        })
    }

    /// The last event that was known at a moment: at or before it in market time, and older than the first with which the
    /// market of any exchange had passed it. `market` is the name in which what the market brings is written down.
    pub fn known_at(&self, time: UnixNanos, market: &str) -> Result<Seq, StoreError> {
        self.db.read("look for what was known at a moment", |c| {
            let tx = c.unchecked_transaction()?;
            let end = match first_beyond(&tx, time, market)? {
                Some(passed) => passed.saturating_sub(1),
                None => head(&tx)?.0,
            };
            last_until(&tx, time, end)
        })
    }
}

/// The first event of a name behind a moment.
fn first_beyond(conn: &Connection, time: UnixNanos, by: &str) -> rusqlite::Result<Option<Seq>> {
    let sql = "SELECT block FROM journal_spans WHERE by = ?2 AND most > ?1 ORDER BY block LIMIT 1";
    let block = conn.query_row(sql, params![time.nanos(), by], |row| count(row, 0)).optional()?;
    let (after, upto) = match block {
        Some(block) => (block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS),
        None => (whole(head(conn)?.0), i64::MAX.cast_unsigned()),
    };
    let sql =
        "SELECT seq FROM journal WHERE seq > ?1 AND seq <= ?2 AND t > ?3 AND by = ?4 ORDER BY seq LIMIT 1";
    let found = params![after.cast_signed(), upto.cast_signed(), time.nanos(), by];
    conn.query_row(sql, found, |row| count(row, 0)).optional()
}

/// The last event at or before a moment, of those up to `end`.
fn last_until(conn: &Connection, time: UnixNanos, end: Seq) -> rusqlite::Result<Seq> {
    let last_in = |after: Seq, upto: Seq| {
        let sql =
            "SELECT seq FROM journal WHERE seq > ?1 AND seq <= ?2 AND t <= ?3 ORDER BY seq DESC LIMIT 1";
        let within = params![after.cast_signed(), upto.cast_signed(), time.nanos()];
        conn.query_row(sql, within, |row| count(row, 0)).optional()
    };
    let begun = whole(end);
    if let Some(found) = last_in(begun, end)? {
        return Ok(found);
    }
    let sql = "SELECT block FROM journal_spans WHERE block < ?2 AND least <= ?1 ORDER BY block DESC LIMIT 1";
    let block = params![time.nanos(), (begun / BLOCK_EVENTS).cast_signed()];
    let Some(block) = conn.query_row(sql, block, |row| count(row, 0)).optional()? else { return Ok(0) };
    Ok(last_in(block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS)?.unwrap_or(0))
}
