//! Imported bars on their way to the store, judged as series like the rows of a vendor.
//!
//! Rows wait until there are enough of them, or no more; then the rules of [`sift`] see each instrument's rows with what
//! is stored before them. What is held back goes into quarantine with its file and line, what is repaired is kept as it
//! was, and the rest is stored. A row that repeats the one before is held back only at the end of a series, where the day
//! is not there yet; others are stored and counted as odd. Rows of a file in the order of days are judged like those of a file in the order of
//! symbols, as long as both fit into one lot of [`ROWS_MAX`].

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::quality::repairs_of;
use super::super::sync::stored_quarantine;
use crate::domain::import::ImportReport;
use crate::domain::market::{CorporateAction, DailyBar};
use crate::domain::{CleanText, InstrumentId, QuarantineReason, Quarantined, UnixNanos};
use crate::market::import::{FileBar, Row, Terms};
use crate::market::repair::{Change, Changed, Suspect};
use crate::market::validate::{line_of, sift};
use crate::store::market as store;

/// Most rows that wait, 120 bytes each: 31 MB.
const ROWS_MAX: usize = 262_144;
/// Rows of one transaction, and a few more: an instrument is never torn.
const PAGE_ROWS: usize = 4_096;
/// Days that hold the stored rows by which new ones are judged.
const BEFORE_DAYS: u64 = 45;
/// Rows that tell whether volumes differ from day to day, and how few do.
const USUAL_ROWS: usize = 20;
const USUAL_ROWS_MIN: usize = 5;
/// The job under which rows are quarantined, before their source.
const JOB: &str = "import bars:";

/// What rows that an import of a source sets aside are filed under.
pub(super) fn job_of(source: &str) -> String {
    format!("{JOB}{source}")
}

/// The source of rows that an import set aside; `None` when something else did.
pub(super) fn source_of(job: &CleanText) -> Option<CleanText> {
    job.as_str().strip_prefix(JOB).map(CleanText::new)
}

/// A row and where it stood.
struct Waiting {
    bar: DailyBar,
    terms: Arc<Terms>,
    file: u32,
    line: u64,
}

/// The rows of one command.
pub(super) struct Lot<'h> {
    house: &'h House,
    /// One for each source and basis.
    runs: Vec<store::BarRun>,
    at: UnixNanos,
    files: Vec<CleanText>,
    rows: Vec<Waiting>,
    /// Instruments with rows that were taken.
    pub touched: BTreeSet<InstrumentId>,
}

impl<'h> Lot<'h> {
    pub(super) fn new(house: &'h House) -> Self {
        let at = house.clock().now();
        Self { house, runs: Vec::new(), at, files: Vec::new(), rows: Vec::new(), touched: BTreeSet::new() }
    }

    /// The rows that follow are of this file.
    pub(super) fn begin(&mut self, file: CleanText) {
        self.files.push(file);
    }

    /// Takes the good rows of a page.
    pub(super) fn take(
        &mut self,
        rows: &[Row<FileBar>],
        report: &mut ImportReport,
    ) -> Result<(), ServiceError> {
        let file = u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let waiting = |Row { line, value }: &Row<FileBar>| Waiting {
            bar: value.bar,
            terms: Arc::clone(&value.terms),
            file,
            line: *line,
        };
        self.rows.extend(rows.iter().map(waiting));
        if self.rows.len() >= ROWS_MAX { self.store(report) } else { Ok(()) }
    }

    /// Judges and stores all rows that wait.
    pub(super) fn store(&mut self, report: &mut ImportReport) -> Result<(), ServiceError> {
        let mut rows = std::mem::take(&mut self.rows);
        let order = |row: &Waiting| (row.bar.instrument, row.bar.session);
        rows.sort_by(|a, b| a.terms.cmp(&b.terms).then_with(|| order(a).cmp(&order(b))));
        for of_terms in rows.chunk_by(|a, b| a.terms == b.terms) {
            let Some(Waiting { terms, .. }) = of_terms.first() else { continue };
            let mut page = store::Fetched::default();
            for group in of_terms.chunk_by(|a, b| a.bar.instrument == b.bar.instrument) {
                self.judge(group, &mut page, report)?;
                if page.bars.len() >= PAGE_ROWS {
                    self.put(terms, &mut page, report)?;
                }
            }
            self.put(terms, &mut page, report)?;
        }
        Ok(())
    }

    /// Judges the rows of one instrument, oldest first.
    fn judge(
        &mut self,
        rows: &[Waiting],
        page: &mut store::Fetched,
        report: &mut ImportReport,
    ) -> Result<(), ServiceError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let (instrument, terms) = (first.bar.instrument, first.terms.as_ref());
        self.touched.insert(instrument);
        let before = self.stored_before(instrument, terms, first.bar.session)?;
        let bars_given: Vec<DailyBar> = rows.iter().map(|row| row.bar).collect();
        let actions: Vec<CorporateAction> = {
            let market = lock(self.house.market_store());
            let known = market.read().actions_of(instrument)?.into_iter().map(|(action, _)| action);
            // What is only announced is not in the prices yet.
            known.filter(|action| action.date <= last.bar.session).collect()
        };
        let suspect = Suspect::new(&bars_given, terms.basis, &actions);
        let sifted = sift(&before, &suspect, self.house.calendars().of(instrument.exchange));
        let is_bar = |change: &&Change| matches!(change.what, Changed::Bar { .. });
        let changes: Vec<Change> = sifted.changes.iter().filter(is_bar).cloned().collect();
        let mut bars = sifted.bars;
        let mut held = Vec::new();
        for (bar, reason) in &sifted.quarantined {
            if *reason == QuarantineReason::StaleRepeat && !self.is_stale_end(bar, &bars_given) {
                bars.push(*bar);
                report.flagged += 1;
            } else if self.is_stored(bar, terms)? {
                // Somebody looked at it and took it.
                report.unchanged += 1;
            } else {
                held.push(self.held(bar, *reason, rows, &changes));
            }
        }
        bars.sort_by_key(|bar| bar.session);
        page.bars.append(&mut bars);
        report.quarantined += held.len() as u64;
        report.repaired += changes.len() as u64;
        report.list_quarantined(&held);
        let job = job_of(terms.source.as_str());
        page.quarantine.extend(held.iter().map(|row| stored_quarantine(&job, row)));
        page.repairs.extend(repairs_of(instrument, &terms.source, &changes, self.at));
        Ok(())
    }

    /// Whether a row is the last of its series and the session before it once more. Inside a finished history nobody will
    /// send another, and where volumes repeat anyway an equal one says nothing.
    fn is_stale_end(&self, bar: &DailyBar, series: &[DailyBar]) -> bool {
        let [earlier @ .., before, last] = series else { return false };
        let calendar = self.house.calendars().of(bar.instrument.exchange);
        let follows = calendar.next_session(before.session).is_some_and(|next| next.date == bar.session);
        let usual = earlier.iter().rev().take(USUAL_ROWS);
        let moves = earlier.len() >= USUAL_ROWS_MIN && usual.clone().all(|row| row.volume != bar.volume);
        last == bar && follows && moves
    }

    /// The last stored rows before a day.
    fn stored_before(
        &self,
        of: InstrumentId,
        terms: &Terms,
        first: NaiveDate,
    ) -> Result<Vec<DailyBar>, ServiceError> {
        let from = first.checked_sub_days(chrono::Days::new(BEFORE_DAYS)).unwrap_or(first);
        let to = first.pred_opt().unwrap_or(first);
        self.stored(of, terms, from, to)
    }

    fn is_stored(&self, bar: &DailyBar, terms: &Terms) -> Result<bool, ServiceError> {
        let known = self.stored(bar.instrument, terms, bar.session, bar.session)?;
        Ok(known.first().is_some_and(|known| known == bar))
    }

    fn stored(
        &self,
        of: InstrumentId,
        terms: &Terms,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<DailyBar>, ServiceError> {
        let market = lock(self.house.market_store());
        let series = market.read().bars(of, Some(terms.source.as_str()), from, to)?;
        Ok(series.map(|series| series.bars).unwrap_or_default())
    }

    /// A row as it is set aside: with the line it stood on, whatever a repair has moved.
    fn held(
        &self,
        bar: &DailyBar,
        reason: QuarantineReason,
        rows: &[Waiting],
        changes: &[Change],
    ) -> Quarantined {
        let moved = changes.iter().find_map(|change| match &change.what {
            Changed::Bar { before, after } if **after == *bar => Some(before.session),
            _ => None,
        });
        let session = moved.unwrap_or(bar.session);
        let row = rows.iter().find(|row| row.bar.session == session);
        let file = row.and_then(|row| self.files.get(usize::try_from(row.file).unwrap_or(usize::MAX)));
        Quarantined {
            file: file.cloned().unwrap_or_default(),
            line: row.map_or(0, |row| row.line),
            symbol: CleanText::new(bar.instrument.symbol.as_str()),
            date: CleanText::new(&bar.session.to_string()),
            raw: CleanText::new(&line_of(bar)),
            ..Quarantined::because(reason)
        }
    }

    /// One transaction.
    fn put(
        &mut self,
        terms: &Terms,
        page: &mut store::Fetched,
        report: &mut ImportReport,
    ) -> Result<(), ServiceError> {
        let page = std::mem::take(page);
        let known =
            self.runs.iter().position(|run| (run.source(), run.basis()) == (&terms.source, terms.basis));
        let place = known.unwrap_or_else(|| {
            self.runs.push(store::BarRun::new(terms.source.clone(), terms.basis, self.at));
            self.runs.len() - 1
        });
        let Some(run) = self.runs.get_mut(place) else { return Ok(()) };
        let mut market = lock(self.house.market_store());
        let outcome = market.store_fetched(run, &page, self.at)?;
        report.stored += outcome.stored;
        report.revised += outcome.revised;
        report.unchanged += outcome.unchanged;
        report.flagged += outcome.flagged;
        Ok(())
    }
}
