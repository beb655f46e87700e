//! The end of the trail as something to keep elsewhere: whoever has it can later prove that nothing before it was
//! changed or cut off.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::super::error::StoreError;
use super::TradesReader;
use crate::domain::Seq;
use crate::domain::journal::ChainHash;

/// Where journal and audit trail ended, and the hashes that bind all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Last event.
    pub seq: Seq,
    /// The chain's link at it, in hexadecimal digits.
    pub hash: String,
    /// Last line of the audit trail, 0 when there is none.
    pub act: i64,
    /// Hash of its lines up to there.
    pub acts_hash: String,
}

impl TradesReader {
    /// The end of the trail now.
    pub fn trail_head(&self) -> Result<Head, StoreError> {
        self.db.read("read the end of its trail", |c| {
            let tx = c.unchecked_transaction()?;
            let sql = "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1";
            let last = tx.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
            let (seq, hash) = last.optional()?.unwrap_or((0, ChainHash::START.bytes().to_vec()));
            let (act, acts_hash) = acts(&tx, i64::MAX)?;
            let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok::<_, rusqlite::Error>(Head { seq: seq.cast_unsigned(), hash, act, acts_hash })
        })
    }
}

/// The last line of the audit trail up to `most`, and the hash of all lines up to it.
pub(super) fn acts(conn: &Connection, most: i64) -> rusqlite::Result<(i64, String)> {
    let sql = "SELECT id, wall, user, what, outcome, detail FROM audit WHERE id <= ?1 ORDER BY id";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([most])?;
    let (mut last, mut hash) = (0, ChainHash::START);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let texts = (2..6).map(|at| row.get::<_, String>(at)).collect::<rusqlite::Result<Vec<_>>>()?;
        let line = serde_json::to_vec(&(last, row.get::<_, i64>(1)?, texts));
        hash = hash.next(&line.map_err(|e| super::super::codec::bad(2, e))?);
    }
    Ok((last, hash.to_string()))
}
