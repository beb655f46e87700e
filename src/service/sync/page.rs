//! From a fetched page to the store: what may be stored, what is new of splits and dividends, and one transaction.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::domain::market::{Basis, CorporateAction, DailyBar};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, InstrumentId, QuarantineReason, Quarantined, UnixNanos};
use crate::market::plausible::Evidence;
use crate::market::repair::{Change, Suspect};
use crate::market::sync::answered;
use crate::market::validate::{self, Sifted, sift};
use crate::market::vendors::Series;
use crate::store::market as store;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::judged::judged;
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
    /// Days that were asked for, where it answers for any.
    pub asked: Option<(NaiveDate, NaiveDate)>,
    /// Sessions that its source has stored already, oldest first.
    pub stored: &'p [NaiveDate],
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
    /// Rows and actions that were repaired.
    pub repaired: u64,
    /// Rows that may be stored.
    pub good: u64,
    /// Splits and dividends without prices to judge them by.
    pub unjudged: u64,
}

impl House {
    /// Sifts and stores a page.
    pub(super) fn keep_page(&self, page: &Arrived<'_>) -> Result<Kept, ServiceError> {
        let (fetched, kept) = self.sifted(page)?;
        self.keep(page, &fetched, kept)
    }

    /// Stores what was sifted of a page.
    pub(super) fn keep(
        &self,
        page: &Arrived<'_>,
        fetched: &store::Fetched,
        kept: Kept,
    ) -> Result<Kept, ServiceError> {
        let mut run = store::BarRun::new(CleanText::new(page.vendor.as_str()), page.series.basis, page.at);
        let outcome = lock(self.market_store()).store_fetched(&mut run, fetched, page.at)?;
        Ok(Kept { outcome, ..kept })
    }

    /// What is to be stored of a page, and what is held back.
    pub(super) fn sifted(&self, page: &Arrived<'_>) -> Result<(store::Fetched, Kept), ServiceError> {
        let source = CleanText::new(page.vendor.as_str());
        let known = lock(self.market_store()).read().actions_of(page.instrument)?;
        let before = self.rows_before(page)?;
        let sifted = self.sift_page(page, &before, &known);
        // Prices as they were served: a split that nobody sees must not be seen after a repair for it.
        let served: Vec<DailyBar> = before.into_iter().chain(page.series.bars.iter().copied()).collect();
        let first = page.series.bars.first().map(|bar| bar.session);
        let confirmed = page.stored.last().copied().filter(|last| first.is_some_and(|first| first <= *last));
        let evidence = Evidence {
            bars: &served,
            basis: page.series.basis,
            confirmed: confirmed.filter(|_| !page.is_whole),
        };
        let judged = judged(&sifted.actions, &known, evidence, self.calendars().of(page.instrument.exchange));
        let merged = actions::merge(&known, &judged.good, source.as_str());
        let told = (page.instrument, &source, page.at);
        let differing = actions::differing(told, &page.series.actions, &merged.differences);
        self.note_changes(page, &sifted.changes);
        let mut quarantine = page.rejected.to_vec();
        quarantine.extend(sifted.quarantine(&source));
        quarantine.extend(judged.quarantine(&source));
        let covered = page.asked.map(|asked| self.answered(page, asked, &sifted)).unwrap_or_default();
        let fetched = store::Fetched {
            quarantine: quarantine.iter().map(|row| stored_quarantine(JOB, row)).collect(),
            dropped: actions::dropped(&sifted.changes, &sifted.actions),
            actions: merged.store,
            differing: differing.into_iter().collect(),
            covered,
            whole: page.is_whole.then_some(page.instrument),
            repairs: repairs_of(page.instrument, &source, &sifted.changes, page.at),
            bars: sifted.bars,
        };
        let kept = Kept {
            outcome: store::PageOutcome::default(),
            actions: fetched.actions.len() as u64,
            quarantine,
            repaired: fetched.repairs.len() as u64,
            good: fetched.bars.len() as u64,
            unjudged: judged.unknown as u64,
        };
        Ok((fetched, kept))
    }

    /// The days that a page answers for: not those of which it has nothing but refused rows.
    fn answered(
        &self,
        page: &Arrived<'_>,
        asked: (NaiveDate, NaiveDate),
        sifted: &Sifted,
    ) -> Vec<store::Covered> {
        let partial = page.series.partial.map(|bar| bar.session);
        let good: BTreeSet<NaiveDate> = sifted.bars.iter().map(|bar| bar.session).chain(partial).collect();
        let rejected = page.rejected.iter().map(|row| row.date.as_str().parse::<NaiveDate>().ok());
        let held_back = sifted.quarantined.iter().map(|(bar, _)| Some(bar.session));
        let refused: Vec<Option<NaiveDate>> =
            rejected.chain(held_back).filter(|date| date.is_none_or(|date| !good.contains(&date))).collect();
        let calendar = self.calendars().of(page.instrument.exchange);
        let is_new = |date: NaiveDate| page.is_whole || page.stored.binary_search(&date).is_err();
        let spans = answered(calendar, asked, &good, &refused, is_new);
        spans.into_iter().map(|span| covered_of(page, span)).collect()
    }

    /// Holds back the new rows of an answer whose prices are a multiple of what is stored without a reason.
    pub(super) fn set_aside(
        &self,
        vendor: VendorId,
        series: &Series,
        stored: &[NaiveDate],
        at: UnixNanos,
    ) -> Result<Kept, ServiceError> {
        let is_new = |bar: &&DailyBar| stored.binary_search(&bar.session).is_err();
        let mut rows: Vec<DailyBar> = series.bars.iter().filter(is_new).copied().collect();
        if rows.is_empty() {
            rows.extend(series.bars.last());
        }
        let source = CleanText::new(vendor.as_str());
        let held: Vec<_> = rows.into_iter().map(|bar| (bar, QuarantineReason::Restated)).collect();
        let quarantine = validate::quarantine(&held, &source);
        let fetched = store::Fetched {
            quarantine: quarantine.iter().map(|row| stored_quarantine(JOB, row)).collect(),
            ..store::Fetched::default()
        };
        let mut run = store::BarRun::new(source, series.basis, at);
        lock(self.market_store()).store_fetched(&mut run, &fetched, at)?;
        Ok(Kept { quarantine, ..Kept::default() })
    }

    /// What may be stored of a page, judged with the rows before it and all its actions.
    fn sift_page(
        &self,
        page: &Arrived<'_>,
        before: &[DailyBar],
        known: &[(CorporateAction, CleanText)],
    ) -> Sifted {
        let bars = &page.series.bars;
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
        sift(before, &suspect, self.calendars().of(page.instrument.exchange))
    }

    /// The last stored rows before a page; none before a whole history.
    fn rows_before(&self, page: &Arrived<'_>) -> Result<Vec<DailyBar>, ServiceError> {
        let Some(first) = page.series.bars.first().map(|bar| bar.session).filter(|_| !page.is_whole) else {
            return Ok(Vec::new());
        };
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

    /// Splits and dividends that came by themselves, judged by the prices that are stored.
    pub(super) fn keep_actions(
        &self,
        vendor: VendorId,
        instrument: InstrumentId,
        told: &[CorporateAction],
        span: Option<(NaiveDate, NaiveDate)>,
        at: UnixNanos,
    ) -> Result<Kept, ServiceError> {
        let series = Series::plain(Basis::Raw, Vec::new(), Vec::new());
        let (rejected, asked, stored) = (&[][..], None, &[][..]);
        let page =
            Arrived { vendor, instrument, series: &series, rejected, asked, stored, is_whole: false, at };
        let source = CleanText::new(vendor.as_str());
        let known = lock(self.market_store()).read().actions_of(instrument)?;
        let judged = self.judged_by_stored(instrument, told, &known)?;
        let merged = actions::merge(&known, &judged.good, source.as_str());
        let differing = actions::differing((instrument, &source, at), told, &merged.differences);
        let quarantine = judged.quarantine(&source);
        let covered = span.map(|span| store::Covered { kind: DataKind::Actions, ..covered_of(&page, span) });
        let fetched = store::Fetched {
            actions: merged.store,
            differing: differing.into_iter().collect(),
            covered: covered.into_iter().collect(),
            quarantine: quarantine.iter().map(|row| stored_quarantine(JOB, row)).collect(),
            ..store::Fetched::default()
        };
        let mut run = store::BarRun::new(source, Basis::Raw, at);
        lock(self.market_store()).store_fetched(&mut run, &fetched, at)?;
        let (actions, unjudged) = (fetched.actions.len() as u64, judged.unknown as u64);
        Ok(Kept { actions, quarantine, unjudged, ..Kept::default() })
    }
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
        field: row.field.clone(),
        raw: row.raw.clone(),
    }
}
