//! Proving that the trades store says what it said when it was written.
//!
//! Recomputes the whole hash chain, decodes every event and compares the columns beside it, looks for gaps, sums
//! the postings of every event and asset, compares cash and positions with the projected portfolios, and counts
//! rows against the events they come from. It reads all of it in one snapshot, and changes nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::super::codec::count;
use super::super::error::StoreError;
use super::TradesReader;
use super::queries::{PORTFOLIO, portfolio};
use crate::domain::journal::{self, ChainHash};
use crate::domain::posting::Ledger;
use crate::domain::{CleanText, Seq};

/// Most findings that a report lists.
pub const FINDINGS_MAX: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Events read.
    pub events: u64,
    /// Postings read.
    pub postings: u64,
    /// Executions compared with fills.
    pub executions: u64,
    /// Lines of the audit trail.
    pub audit: u64,
    /// End of the chain, recomputed.
    pub head: ChainHash,
    /// Everything that is wrong, at most 100; empty means the store is sound.
    pub findings: Vec<CleanText>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn found(&mut self, text: &str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(CleanText::new(text));
        }
    }
}

impl TradesReader {
    /// Verifies the whole store.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport {
            events: 0,
            postings: 0,
            executions: 0,
            audit: 0,
            head: ChainHash::START,
            findings: Vec::new(),
        };
        self.db.read("verify it", |c| {
            let tx = c.unchecked_transaction()?;
            let fills = chain(&tx, &mut report)?;
            let sums = postings(&tx, &mut report)?;
            balances(&tx, &sums, &mut report)?;
            report.executions = tx.query_row("SELECT count(*) FROM executions", [], |r| count(r, 0))?;
            report.audit = tx.query_row("SELECT count(*) FROM audit", [], |r| count(r, 0))?;
            if fills != report.executions {
                let executions = report.executions;
                report.found(&format!("the journal has {fills} fills, executions has {executions} rows"));
            }
            Ok::<_, rusqlite::Error>(())
        })?;
        Ok(report)
    }
}

/// Walks the chain; returns how many fills there are.
fn chain(conn: &Connection, report: &mut VerifyReport) -> rusqlite::Result<u64> {
    let sql = "SELECT seq, t, wall, by, kind, version, payload, prev_hash, hash FROM journal ORDER BY seq";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut fills = 0;
    let mut last: Seq = 0;
    while let Some(row) = rows.next()? {
        let seq = count(row, 0)?;
        if seq != last + 1 {
            report.found(&format!("event {seq} follows event {last}: events are missing"));
        }
        last = seq;
        report.events += 1;
        let payload = row.get_ref(6)?.as_bytes().unwrap_or_default();
        let expected = report.head.next(payload);
        if row.get_ref(7)?.as_blob().unwrap_or_default() != report.head.bytes() {
            report.found(&format!("event {seq} does not continue the chain"));
        }
        if row.get_ref(8)?.as_blob().unwrap_or_default() != expected.bytes() {
            report.found(&format!("event {seq} was changed: its hash does not fit"));
        }
        report.head = expected;
        if let Some(fault) = columns(row, seq, payload)? {
            report.found(&fault);
        }
        fills += u64::from(row.get_ref(4)?.as_str().unwrap_or_default() == "fill");
    }
    Ok(fills)
}

/// What is wrong with an event's text or the columns beside it.
fn columns(row: &Row<'_>, seq: Seq, payload: &[u8]) -> rusqlite::Result<Option<String>> {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    let event = match journal::decode(row.get(5)?, text) {
        Ok(event) => event,
        Err(error) => return Ok(Some(format!("event {seq} cannot be read: {error}"))),
    };
    let same = event.seq == seq
        && event.t.nanos() == row.get::<_, i64>(1)?
        && event.wall.nanos() == row.get::<_, i64>(2)?
        && Some(event.by.as_str()) == row.get_ref(3)?.as_str().ok()
        && text.contains(&format!("\"event\":\"{}\"", row.get::<_, String>(4)?));
    Ok((!same).then(|| format!("event {seq}: a column does not say what its text says")))
}

/// Ledger accounts whose balances the portfolios show.
const COMPARED: [Ledger; 4] = [Ledger::Cash, Ledger::Unsettled, Ledger::Hold, Ledger::Position];

/// (account, ledger, asset) → sum.
type Sums = BTreeMap<(String, String, String), i128>;

/// Sums the postings of every event and asset; returns the balances of cash and positions.
fn postings(conn: &Connection, report: &mut VerifyReport) -> rusqlite::Result<Sums> {
    let sql = "SELECT seq, account, ledger, asset, amount FROM postings ORDER BY seq, id";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut sums = Sums::new();
    let mut current: (Seq, BTreeMap<String, i128>) = (0, BTreeMap::new());
    while let Some(row) = rows.next()? {
        let seq = count(row, 0)?;
        if seq != current.0 {
            close_event(&current, report);
            current = (seq, BTreeMap::new());
        }
        let (account, ledger, asset): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let amount = i128::from(row.get::<_, i64>(4)?);
        *current.1.entry(asset.clone()).or_default() += amount;
        if COMPARED.iter().any(|kept| kept.as_str() == ledger) {
            *sums.entry((account, ledger, asset)).or_default() += amount;
        }
        report.postings += 1;
    }
    close_event(&current, report);
    Ok(sums)
}

fn close_event((seq, assets): &(Seq, BTreeMap<String, i128>), report: &mut VerifyReport) {
    for (asset, sum) in assets.iter().filter(|(_, sum)| **sum != 0) {
        report.found(&format!("event {seq}: postings in {asset} sum to {sum}, not 0"));
    }
}

/// Compares cash, what is unsettled or held, and positions of the portfolios with the postings.
fn balances(conn: &Connection, sums: &Sums, report: &mut VerifyReport) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("{PORTFOLIO} ORDER BY account"))?;
    let mut shown = Sums::new();
    for row in statement.query_map([], portfolio)? {
        let p = row?;
        let key = |ledger: Ledger, asset: String| (p.account.to_string(), ledger.as_str().to_owned(), asset);
        let (cash, unsettled) = (i128::from(p.cash.raw()), i128::from(p.unsettled.raw()));
        let money = [(Ledger::Cash, cash - unsettled), (Ledger::Unsettled, unsettled)];
        for (ledger, amount) in money.into_iter().chain([(Ledger::Hold, i128::from(p.held.raw()))]) {
            shown.insert(key(ledger, p.currency.to_string()), amount);
        }
        for (instrument, quantity, _) in &p.holdings {
            shown.insert(key(Ledger::Position, instrument.to_string()), i128::from(quantity.raw()));
        }
    }
    let keys: std::collections::BTreeSet<_> = sums.keys().chain(shown.keys()).collect();
    for key in keys {
        let (posted, row) = (sums.get(key).unwrap_or(&0), shown.get(key).unwrap_or(&0));
        if posted != row {
            let (account, ledger, asset) = key;
            report.found(&format!("{account}: {ledger} in {asset} is {row}, its postings sum to {posted}"));
        }
    }
    Ok(())
}
