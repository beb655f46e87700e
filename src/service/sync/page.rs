//! From a fetched page to the store: what may be stored, what is new of splits and dividends, and one transaction.

use chrono::NaiveDate;

use crate::domain::market::{Basis, CorporateAction, DailyBar};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, InstrumentId, Quarantined, UnixNanos};
use crate::market::repair::{Change, Suspect};
use crate::market::validate::{Sifted, sift};
use crate::market::vendors::Series;
use crate::store::market as store;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::quality::repairs_of;
use super::actions;

/// Stored rows that a new page is judged against.
const BEFORE_ROWS: usize = 20;
/// Days that hold that many sessions.
const BEFORE_DAYS: u64 = 45;
/// The job under which rows are quarantined.
const JOB: &str = "sync";
/// Currencies that are hundredths of another, as vendors write them.
const MINOR_UNITS: [&str; 3] = ["GBp", "ZAc", "ILA"];

/// A page of one instrument on its way to the store.
#[derive(Debug)]
pub(super) struct Arrived<'p> {
    /// Who gave it.
    pub vendor: VendorId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// The rows.
    pub series: &'p Series,
    /// Rows that were bad in themselves.
    pub rejected: &'p [Quarantined],
    /// Days that it answers for.
    pub covered: Option<(NaiveDate, NaiveDate)>,
    /// Whether it is the instrument's whole history, in the place of what was stored.
    pub is_whole: bool,
    /// When it came.
    pub at: UnixNanos,
}

/// What became of a page.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub outcome: store::PageOutcome,
    pub actions: u64,
    pub quarantine: Vec<Quarantined>,
}

impl House {
    /// Sifts and stores a page.
    pub(super) fn keep_page(&self, page: &Arrived<'_>) -> Result<Kept, ServiceError> {
        let (fetched, quarantine) = self.sifted(page)?;
        let mut run = store::BarRun::new(CleanText::new(page.vendor.as_str()), page.series.basis, page.at);
        let outcome = lock(self.market_store()).store_fetched(&mut run, &fetched, page.at)?;
        Ok(Kept { outcome, actions: fetched.actions.len() as u64, quarantine })
    }

    /// What is to be stored of a page, and what is held back.
    pub(super) fn sifted(
        &self,
        page: &Arrived<'_>,
    ) -> Result<(store::Fetched, Vec<Quarantined>), ServiceError> {
        let source = CleanText::new(page.vendor.as_str());
        let known = lock(self.market_store()).read().actions_of(page.instrument)?;
        let sifted = self.sift_page(page, &known)?;
        let merged = actions::merge(&known, &sifted.actions, source.as_str());
        let told = (page.instrument, &source, page.at);
        let differing = actions::differing(told, &page.series.actions, &merged.differences);
        self.note_changes(page, &sifted.changes);
        let mut quarantine = page.rejected.to_vec();
        quarantine.extend(sifted.quarantine(&source));
        let fetched = store::Fetched {
            quarantine: quarantine.iter().map(|row| stored_quarantine(JOB, row)).collect(),
            dropped: actions::dropped(&sifted.changes, &sifted.actions),
            actions: merged.store,
            differing: differing.into_iter().collect(),
            covered: page.covered.map(|span| covered(page, span)).into_iter().collect(),
            whole: page.is_whole.then_some(page.instrument),
            repairs: repairs_of(page.instrument, &source, &sifted.changes, page.at),
            bars: sifted.bars,
        };
        Ok((fetched, quarantine))
    }

    /// What may be stored of a page, judged with the rows before it and all its actions.
    fn sift_page(
        &self,
        page: &Arrived<'_>,
        known: &[(CorporateAction, CleanText)],
    ) -> Result<Sifted, ServiceError> {
        let bars = &page.series.bars;
        let before = match bars.first() {
            Some(first) if !page.is_whole => self.rows_before(page, first.session)?,
            _ => Vec::new(),
        };
        let mut all = page.series.actions.clone();
        let is_told = |k: &CorporateAction| page.series.actions.iter().any(|a| a.date == k.date);
        // What is only announced is not in the prices yet.
        let last = bars.last().map_or(NaiveDate::MAX, |bar| bar.session);
        all.extend(known.iter().map(|(k, _)| k).filter(|k| !is_told(k) && k.date <= last).cloned());
        let minor = page.series.currency.as_ref().is_some_and(|c| MINOR_UNITS.contains(&c.as_str()));
        let suspect = Suspect {
            minor_unit: minor,
            adjusted: &page.series.adjusted,
            gains: &page.series.gains,
            ..Suspect::new(bars, page.series.basis, &all)
        };
        Ok(sift(&before, &suspect, self.calendars().of(page.instrument.exchange)))
    }

    fn rows_before(&self, page: &Arrived<'_>, first: NaiveDate) -> Result<Vec<DailyBar>, ServiceError> {
        let from = first.checked_sub_days(chrono::Days::new(BEFORE_DAYS)).unwrap_or(first);
        let to = first.pred_opt().unwrap_or(first);
        let source = Some(page.vendor.as_str());
        let stored = lock(self.market_store()).read().bars(page.instrument, source, from, to)?;
        let mut rows = stored.map(|series| series.bars).unwrap_or_default();
        Ok(rows.split_off(rows.len().saturating_sub(BEFORE_ROWS)))
    }

    fn note_changes(&self, page: &Arrived<'_>, changes: &[Change]) {
        if !changes.is_empty() {
            tracing::info!(instrument = %page.instrument, vendor = %page.vendor, rows = changes.len(), "rows were repaired");
        }
    }

    /// Splits and dividends that came by themselves.
    pub(super) fn keep_actions(
        &self,
        vendor: VendorId,
        instrument: InstrumentId,
        told: &[CorporateAction],
        span: Option<(NaiveDate, NaiveDate)>,
        at: UnixNanos,
    ) -> Result<u64, ServiceError> {
        let series = Series::plain(Basis::Raw, Vec::new(), told.to_vec());
        let (rejected, covered) = (&[][..], None);
        let page = Arrived { vendor, instrument, series: &series, rejected, covered, is_whole: false, at };
        let source = CleanText::new(vendor.as_str());
        let known = lock(self.market_store()).read().actions_of(instrument)?;
        let merged = actions::merge(&known, told, source.as_str());
        let differing = actions::differing((instrument, &source, at), told, &merged.differences);
        let covered = span.map(|span| store::Covered { kind: DataKind::Actions, ..covered_of(&page, span) });
        let fetched = store::Fetched {
            actions: merged.store,
            differing: differing.into_iter().collect(),
            covered: covered.into_iter().collect(),
            ..store::Fetched::default()
        };
        let mut run = store::BarRun::new(source, Basis::Raw, at);
        lock(self.market_store()).store_fetched(&mut run, &fetched, at)?;
        Ok(fetched.actions.len() as u64)
    }
}

fn covered(page: &Arrived<'_>, span: (NaiveDate, NaiveDate)) -> store::Covered {
    covered_of(page, span)
}

fn covered_of(page: &Arrived<'_>, (from, to): (NaiveDate, NaiveDate)) -> store::Covered {
    store::Covered {
        instrument: page.instrument,
        source: CleanText::new(page.vendor.as_str()),
        kind: DataKind::Daily,
        from,
        to,
        at: page.at,
    }
}

/// A row that is held back, as it is stored under the job that found it.
pub(in crate::service) fn stored_quarantine(job: &str, row: &Quarantined) -> store::Quarantined {
    store::Quarantined {
        job: CleanText::new(job),
        file: row.file.clone(),
        line: row.line,
        symbol: row.symbol.clone(),
        date: row.date.clone(),
        reason: CleanText::new(row.reason.code()),
        raw: row.raw.clone(),
    }
}
