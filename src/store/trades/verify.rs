//! Proving that the trades store says what it said when it was written.
//!
//! One walk over the journal in one snapshot: the whole hash chain is recomputed, every event decoded and compared
//! with the columns beside it, gaps are looked for, and the postings of every event summed by asset. Given a
//! [`Refold`], each event is worked out anew beside it: its stored postings must be those it makes, and the projected
//! tables, columns for queries included, must be what a fresh store would hold. Balances and holds are compared with
//! the portfolios, the file's own structure is checked, and an exported [`Head`] must still be on the chain. It
//! changes nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Rows};

use super::super::codec::count;
use super::super::error::StoreError;
use super::TradesReader;
use super::anew::Anew;
use super::head::{Head, acts};
use super::moments::{BLOCK_EVENTS, wrong_block};
use super::queries::{PORTFOLIO, portfolio};
use crate::domain::journal::{self, ChainHash};
use crate::domain::posting::{Ledger, Posting};
use crate::domain::row::Row as Projected;
use crate::domain::{CleanText, Event, Seq};

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

    pub(super) fn found(&mut self, text: &str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(CleanText::new(text));
        }
    }
}

/// Works out anew what the journal says; lives where the fold does.
pub trait Refold {
    /// The next event: its postings, and the rows that name it. An error ends the working out.
    fn event(&mut self, event: &Event) -> Result<(Vec<Posting>, Vec<Projected>), String>;
    /// After the last event: orders, portfolios and limit versions as they stand.
    fn rows(&mut self) -> Vec<Projected>;
}

impl TradesReader {
    /// Verifies the store by itself.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.check(None, None)
    }

    /// Verifies the store against the journal worked out anew, and against an exported head where one is given.
    pub fn prove(&self, refold: &mut dyn Refold, against: Option<&Head>) -> Result<VerifyReport, StoreError> {
        self.check(Some(refold), against)
    }

    fn check(
        &self,
        refold: Option<&mut dyn Refold>,
        against: Option<&Head>,
    ) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport {
            events: 0,
            postings: 0,
            executions: 0,
            audit: 0,
            head: ChainHash::START,
            findings: Vec::new(),
        };
        match self.check_anchor() {
            Err(error) if error.is_damage() => report.found(&error.to_string()),
            checked => checked?,
        }
        if let Some(found) = self.anchor_finding()? {
            report.found(&found);
        }
        self.db.read("verify it", |c| {
            let tx = c.unchecked_transaction()?;
            structure(&tx, &mut report)?;
            let anew = match refold {
                Some(refold) => Some(Anew::new(refold)?),
                None => None,
            };
            let mut walk = Walk { report: &mut report, anew, against, sums: Sums::new(), fills: 0 };
            walk.journal(&tx)?;
            walk.finish(&tx)?;
            Ok::<_, rusqlite::Error>(())
        })?;
        Ok(report)
    }
}

/// Lets SQLite look for pages, indexes and values that do not fit each other.
fn structure(conn: &Connection, report: &mut VerifyReport) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("PRAGMA integrity_check(10)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            report.found(&format!("the file is damaged: {said}"));
        }
    }
    Ok(())
}

/// (account, ledger, asset) → sum.
type Sums = BTreeMap<(String, String, String), i128>;

/// Ledger accounts whose balances the portfolios show.
const COMPARED: [Ledger; 4] = [Ledger::Cash, Ledger::Unsettled, Ledger::Hold, Ledger::Position];

struct Walk<'w> {
    report: &'w mut VerifyReport,
    anew: Option<Anew<'w>>,
    against: Option<&'w Head>,
    sums: Sums,
    fills: u64,
}

impl Walk<'_> {
    /// Walks the chain and the postings beside it.
    fn journal(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let sql =
            "SELECT seq, t, wall, by, kind, version, payload, prev_hash, hash FROM journal ORDER BY seq";
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        let sql = "SELECT seq, account, ledger, asset, phase, amount FROM postings ORDER BY id";
        let mut statement = conn.prepare(sql)?;
        let mut postings = Postings::new(statement.query([])?)?;
        let mut last: Seq = 0;
        while let Some(row) = rows.next()? {
            let seq = count(row, 0)?;
            if seq != last + 1 {
                self.report.found(&format!("event {seq} follows event {last}: events are missing"));
            }
            last = seq;
            let event = self.link(row, seq)?;
            let stored = postings.take(seq)?;
            self.postings(seq, &stored);
            self.anew(conn, event.as_ref(), &stored)?;
            self.compare_head(seq);
        }
        while let Some(line) = postings.next()? {
            self.report.postings += 1;
            self.report.found(&format!("a posting names event {}, out of place", line.seq));
        }
        if let Some(head) = self.against.filter(|head| head.seq > last) {
            let text = format!("the journal ends at event {last}; the exported head is at {}", head.seq);
            self.report.found(&format!("{text}: it was cut off"));
        }
        Ok(())
    }

    /// One link of the chain; the event, where it can be read.
    fn link(&mut self, row: &Row<'_>, seq: Seq) -> rusqlite::Result<Option<Event>> {
        let report = &mut *self.report;
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
        self.fills += u64::from(row.get_ref(4)?.as_str().unwrap_or_default() == "fill");
        match decoded(row, seq, payload)? {
            Ok((event, fits)) => {
                if !fits {
                    report.found(&format!("event {seq}: a column does not say what its text says"));
                }
                Ok(Some(event))
            }
            Err(fault) => {
                report.found(&fault);
                Ok(None)
            }
        }
    }

    /// Sums an event's postings by asset, and adds them to the balances.
    fn postings(&mut self, seq: Seq, stored: &[Line]) {
        let mut assets: BTreeMap<&str, i128> = BTreeMap::new();
        for line in stored {
            *assets.entry(&line.asset).or_default() += i128::from(line.amount);
            if COMPARED.iter().any(|kept| kept.as_str() == line.ledger) {
                let key = (line.account.clone(), line.ledger.clone(), line.asset.clone());
                *self.sums.entry(key).or_default() += i128::from(line.amount);
            }
            self.report.postings += 1;
        }
        for (asset, sum) in assets.iter().filter(|(_, sum)| **sum != 0) {
            self.report.found(&format!("event {seq}: postings in {asset} sum to {sum}, not 0"));
        }
    }

    /// Works the event out anew and compares its postings; an event that cannot be read ends the working out.
    fn anew(&mut self, conn: &Connection, read: Option<&Event>, stored: &[Line]) -> rusqlite::Result<()> {
        let Some((mut anew, event)) = self.anew.take().zip(read) else { return Ok(()) };
        match anew.event(event)? {
            Ok(postings) => {
                let same = postings.len() == stored.len()
                    && postings.iter().zip(stored).all(|(made, line)| line.is(made));
                if !same {
                    let seq = event.seq;
                    self.report.found(&format!("event {seq}: its postings are not those it makes"));
                }
                anew.compare_page(conn, self.report)?;
                self.anew = Some(anew);
            }
            Err(why) => self.report.found(&format!("event {} cannot be worked out anew: {why}", event.seq)),
        }
        Ok(())
    }

    fn compare_head(&mut self, seq: Seq) {
        if self.against.is_some_and(|head| head.seq == seq && head.hash != self.report.head.to_string()) {
            self.report.found(&format!("event {seq} or one before it is not what the exported head proves"));
        }
    }

    /// What is compared after the last event.
    fn finish(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let report = &mut *self.report;
        balances(conn, &self.sums, report)?;
        report.executions = conn.query_row("SELECT count(*) FROM executions", [], |r| count(r, 0))?;
        if self.fills != report.executions {
            let (fills, executions) = (self.fills, report.executions);
            report.found(&format!("the journal has {fills} fills, executions has {executions} rows"));
        }
        let trail = acts(conn, self.against.map_or(i64::MAX, |head| head.act))?;
        report.audit = conn.query_row("SELECT count(*) FROM audit", [], |r| count(r, 0))?;
        if self.against.is_some_and(|head| (head.act, head.acts_hash.as_str()) != (trail.0, &trail.1)) {
            report.found("acts of the audit trail are not those that the exported head proves");
        }
        if let Some(block) = wrong_block(conn)? {
            let first = block.saturating_mul(BLOCK_EVENTS.cast_signed()).saturating_add(1);
            report.found(&format!("times kept of the events from {first} on are not those of the journal"));
        }
        match self.anew.take() {
            Some(anew) => anew.finish(conn, report),
            None => Ok(()),
        }
    }
}

/// An event's text, and whether the columns beside it say the same; or what is wrong with the text.
fn decoded(row: &Row<'_>, seq: Seq, payload: &[u8]) -> rusqlite::Result<Result<(Event, bool), String>> {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    let event = match journal::decode(row.get(5)?, text) {
        Ok(event) => event,
        Err(error) => return Ok(Err(format!("event {seq} cannot be read: {error}"))),
    };
    let same = event.seq == seq
        && event.t.nanos() == row.get::<_, i64>(1)?
        && event.wall.nanos() == row.get::<_, i64>(2)?
        && Some(event.by.as_str()) == row.get_ref(3)?.as_str().ok()
        && text.contains(&format!("\"event\":\"{}\"", row.get::<_, String>(4)?));
    Ok(Ok((event, same)))
}

/// A stored posting.
struct Line {
    seq: Seq,
    account: String,
    ledger: String,
    asset: String,
    phase: String,
    amount: i64,
}

impl Line {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: count(row, 0)?,
            account: row.get(1)?,
            ledger: row.get(2)?,
            asset: row.get(3)?,
            phase: row.get(4)?,
            amount: row.get(5)?,
        })
    }

    fn is(&self, made: &Posting) -> bool {
        self.amount == made.amount
            && self.seq == made.seq
            && self.account == made.account.as_str()
            && self.ledger == made.ledger.as_str()
            && self.phase == made.phase.as_str()
            && self.asset == made.asset.to_string()
    }
}

/// Stored postings in the order in which they were written, with the next one at hand.
struct Postings<'r> {
    rows: Rows<'r>,
    next: Option<Line>,
}

impl<'r> Postings<'r> {
    fn new(mut rows: Rows<'r>) -> rusqlite::Result<Self> {
        let next = rows.next()?.map(Line::read).transpose()?;
        Ok(Self { rows, next })
    }

    fn next(&mut self) -> rusqlite::Result<Option<Line>> {
        let following = self.rows.next()?.map(Line::read).transpose()?;
        Ok(std::mem::replace(&mut self.next, following))
    }

    /// The lines of one event that come next.
    fn take(&mut self, seq: Seq) -> rusqlite::Result<Vec<Line>> {
        let mut lines = Vec::new();
        while self.next.as_ref().is_some_and(|line| line.seq == seq) {
            lines.extend(self.next()?);
        }
        Ok(lines)
    }
}

/// Compares cash, what is unsettled, and positions of the portfolios with the postings, and holds with open orders.
fn balances(conn: &Connection, sums: &Sums, report: &mut VerifyReport) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("{PORTFOLIO} ORDER BY account"))?;
    let mut held = conn.prepare(
        "SELECT account, currency, sum(hold) FROM orders JOIN portfolios USING (account) GROUP BY account",
    )?;
    let mut shown = Sums::new();
    for row in statement.query_map([], portfolio)? {
        let p = row?;
        let key = |ledger: Ledger, asset: String| (p.account.to_string(), ledger.as_str().to_owned(), asset);
        let (cash, unsettled) = (i128::from(p.cash.raw()), i128::from(p.unsettled.raw()));
        for (ledger, amount) in [(Ledger::Cash, cash - unsettled), (Ledger::Unsettled, unsettled)] {
            shown.insert(key(ledger, p.currency.to_string()), amount);
        }
        for (instrument, quantity, _) in &p.holdings {
            shown.insert(key(Ledger::Position, instrument.to_string()), i128::from(quantity.raw()));
        }
    }
    for row in held.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, i64>(2)?)))? {
        let (account, currency, hold): (String, String, i64) = row?;
        shown.insert((account, Ledger::Hold.as_str().to_owned(), currency), i128::from(hold));
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
