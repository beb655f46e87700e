//! One run: vendors in their order, for each the cheapest steps, for each step its pages.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chrono::NaiveDate;

use crate::domain::market::DailyBar;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, Quarantined};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::sync::Step;
use crate::market::vendors::{Ask, Payload, Series};
use crate::store::market::SyncNote;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::page::Arrived;
use super::report::{Progress, SyncOutcome, SyncReport, SyncRow, VendorLine};
use super::{Control, SyncWish, turn};

/// A close farther from the last one than this share of it may be a split that is not known yet.
const STEP_SHARE: f64 = 0.15;
/// Days before a session in which its last stored close is looked for.
const BEFORE_DAYS: u64 = 14;

/// Why a step did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The vendor.
    Fetch(FetchError),
    /// We.
    Service(ServiceError),
}

impl From<FetchError> for Fault {
    fn from(error: FetchError) -> Self {
        Fault::Fetch(error)
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Fault::Service(error)
    }
}

/// A run that is going.
pub(super) struct Run<'r> {
    pub house: &'r House,
    pub control: &'r Control<'r>,
    pub wish: &'r SyncWish,
    pub report: SyncReport,
    /// Why each instrument was not given by the vendors asked so far.
    failures: BTreeMap<InstrumentId, Vec<FetchError>>,
    pub progress: Mutex<Progress>,
    /// Where a day of a whole market turned out not to be had.
    pub no_grouped: Vec<(VendorId, Exchange)>,
}

impl<'r> Run<'r> {
    pub(super) fn new(house: &'r House, wish: &'r SyncWish, control: &'r Control<'r>) -> Self {
        Self {
            house,
            control,
            wish,
            report: SyncReport::default(),
            failures: BTreeMap::new(),
            progress: Mutex::default(),
            no_grouped: Vec::new(),
        }
    }

    /// Runs to the end.
    pub(super) async fn all(mut self, instruments: Vec<InstrumentId>) -> Result<SyncReport, ServiceError> {
        let vendors = self.wish.vendor.map_or_else(|| self.house.vendor_order(), |vendor| vec![vendor]);
        let mut open = self.listed(instruments)?;
        for vendor in vendors {
            if open.is_empty() || self.control.stop.is_set() {
                break;
            }
            self.vendor(vendor, &mut open).await?;
        }
        self.report.canceled = self.control.stop.is_set();
        for id in open {
            let row = self.not_given(id);
            self.report.rows.push(row);
        }
        self.report.rows.sort_by_key(SyncRow::instrument);
        let given = self.report.rows.iter().filter(|row| row.outcome == SyncOutcome::Done);
        let touched = given.map(SyncRow::instrument).collect();
        self.house.look_over(&touched)?;
        self.report.requests = lock(&self.progress).requests;
        let (failed, rows) = (self.report.failed(), self.report.rows.len());
        tracing::info!(rows, failed, requests = self.report.requests, "sync is over");
        Ok(self.report)
    }

    /// Those that are still listed: of the others the history stays and nothing is fetched, unless a first day is named.
    fn listed(&mut self, instruments: Vec<InstrumentId>) -> Result<Vec<InstrumentId>, ServiceError> {
        let mut gone = BTreeMap::new();
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let delistings = lock(self.house.market_store()).read().delistings(exchange)?;
            gone.extend(delistings.into_iter().map(|d| (d.instrument, d.day)));
        }
        let (gone_now, open): (Vec<_>, Vec<_>) =
            instruments.into_iter().partition(|id| gone.contains_key(id) && self.wish.from.is_none());
        for id in gone_now {
            let mut row = SyncRow::new(id, None, SyncOutcome::UpToDate);
            let day = gone.get(&id).map(ToString::to_string).unwrap_or_default();
            row.said = format!("no longer listed since {day}; name a first day to fetch its past");
            self.report.rows.push(row);
        }
        Ok(open)
    }

    /// All that one vendor can give; what it gave is no longer open.
    async fn vendor(&mut self, vendor: VendorId, open: &mut Vec<InstrumentId>) -> Result<(), ServiceError> {
        let fetcher = match self.house.fetcher(vendor, self.control.pace.clone(), self.control.limits) {
            Ok(fetcher) => fetcher,
            Err(error) if self.wish.vendor.is_none() => {
                self.leave(vendor, "UNUSABLE", &error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let has = fetcher.vendor().has(DataKind::Daily, exchange);
            let here: Vec<InstrumentId> =
                open.iter().copied().filter(|id| has && id.exchange == exchange).collect();
            if here.is_empty() {
                continue;
            }
            if fetcher.lacks_key() {
                self.leave(vendor, Why::NoKey.code(), &Why::NoKey.to_string());
                return Ok(());
            }
            let is_over = self.exchange(&fetcher, exchange, &here, open).await?;
            if is_over {
                return Ok(());
            }
        }
        Ok(())
    }

    /// All that one vendor can give of one exchange; `true` when it can give nothing more now.
    async fn exchange(
        &mut self,
        fetcher: &Fetcher,
        exchange: Exchange,
        here: &[InstrumentId],
        open: &mut Vec<InstrumentId>,
    ) -> Result<bool, ServiceError> {
        let Some(wanted_to) = self.last_day(exchange, fetcher.now()) else { return Ok(false) };
        let mut pending: Vec<InstrumentId> = here.to_vec();
        loop {
            let (steps, idle) = match self.plan(fetcher, exchange, &pending, wanted_to) {
                Ok(plan) => plan,
                Err(Fault::Service(error)) => return Err(error),
                Err(Fault::Fetch(error)) => return Ok(self.left(fetcher.id(), &error)),
            };
            for id in idle {
                self.finish(SyncRow::new(id, Some(fetcher.id()), SyncOutcome::UpToDate), open, &mut pending);
            }
            let total = steps.len();
            let mut again = false;
            for (done, step) in steps.into_iter().enumerate() {
                self.begin_step(fetcher, &step, (done, total));
                let outcome = match &step {
                    Step::One { instrument, from, .. } => {
                        let from = self.wish.from.unwrap_or(*from);
                        let got = self.one(fetcher, *instrument, (from, wanted_to)).await;
                        got.map(|row| vec![row])
                    }
                    Step::Market { date, instruments, .. } => {
                        self.market_day(fetcher, exchange, *date, instruments).await
                    }
                };
                match outcome {
                    Ok(rows) => rows.into_iter().for_each(|row| self.finish(row, open, &mut pending)),
                    Err(Fault::Service(error)) => return Err(error),
                    Err(Fault::Fetch(error)) if error.why.is_vendor_wide() => {
                        return Ok(self.left(fetcher.id(), &error));
                    }
                    // Without grouped days the same is asked one by one.
                    Err(Fault::Fetch(error)) if matches!(step, Step::Market { .. }) => {
                        tracing::info!(vendor = %fetcher.id(), %error, "a day of the whole market cannot be had");
                        again = true;
                        break;
                    }
                    Err(Fault::Fetch(error)) => {
                        if let Step::One { instrument, .. } = step {
                            pending.retain(|id| *id != instrument);
                            self.note_failure(instrument, error)?;
                        }
                    }
                }
            }
            if !again {
                return Ok(false);
            }
            self.no_grouped.push((fetcher.id(), exchange));
        }
    }
}

impl Run<'_> {
    /// One day of a whole market, for the instruments that need it: one transaction an instrument, the page at once in
    /// the sense that a kill in its midst leaves instruments without the day, which the next run asks for.
    async fn market_day(
        &mut self,
        fetcher: &Fetcher,
        exchange: Exchange,
        date: NaiveDate,
        wanted: &[InstrumentId],
    ) -> Result<Vec<SyncRow>, Fault> {
        let vendor = fetcher.id();
        let Some(turn) = turn::take(self.house, vendor, &self.control.stop).await? else {
            return Err(Fault::Fetch(FetchError { vendor, why: Why::Canceled }));
        };
        let mut needing = Vec::new();
        for id in wanted {
            let held = self.held(vendor, *id)?;
            if !self.missing(*id, (date, date), &held).is_empty() {
                needing.push(*id);
            }
        }
        let mut pages = fetcher.pages(Ask::GroupedDaily { exchange, date })?;
        let mut found: BTreeMap<InstrumentId, (Series, Vec<Quarantined>)> = BTreeMap::new();
        let mut rows = Vec::new();
        while !needing.is_empty() {
            let Some(page) = self.next(fetcher, &mut pages).await? else { break };
            let Payload::Series(series) = page.payload else { break };
            split_page(&needing, &series, &page.rejected, &mut found);
            if !pages.has_more() {
                break;
            }
        }
        for id in &needing {
            let empty = || (series_like(None), Vec::new());
            let (series, rejected) = found.remove(id).unwrap_or_else(empty);
            rows.push(self.keep_day(fetcher, *id, date, &series, &rejected).await?);
        }
        let done = |id: &&InstrumentId| !needing.contains(id);
        let there = wanted.iter().filter(done);
        rows.extend(there.map(|id| SyncRow::new(*id, Some(vendor), SyncOutcome::UpToDate)));
        drop(turn);
        Ok(rows)
    }

    /// One instrument's share of a day. A large step is looked at as a possible split first.
    async fn keep_day(
        &mut self,
        fetcher: &Fetcher,
        id: InstrumentId,
        date: NaiveDate,
        series: &Series,
        rejected: &[Quarantined],
    ) -> Result<SyncRow, Fault> {
        let mut row = SyncRow::new(id, Some(fetcher.id()), SyncOutcome::Done);
        (row.from, row.to) = (Some(date), Some(date));
        if let Some(bar) = series.bars.first()
            && self.is_step(fetcher.id(), bar)?
        {
            self.actions_of(fetcher, id, (date, date), &mut row).await?;
        }
        let (vendor, covered, at) = (fetcher.id(), Some((date, date)), fetcher.now());
        let page = Arrived { vendor, instrument: id, series, rejected, covered, is_whole: false, at };
        let kept = self.house.keep_page(&page)?;
        row.stored = kept.outcome.stored;
        row.revised = kept.outcome.revised;
        row.unchanged = kept.outcome.unchanged;
        row.quarantined = kept.quarantine.len() as u64;
        if series.bars.is_empty() && rejected.is_empty() {
            row.said = "no row that day".into();
        }
        self.kept(&kept);
        Ok(row)
    }

    fn is_step(&self, vendor: VendorId, bar: &DailyBar) -> Result<bool, ServiceError> {
        let from = bar.session.checked_sub_days(chrono::Days::new(BEFORE_DAYS)).unwrap_or(bar.session);
        let to = bar.session.pred_opt().unwrap_or(bar.session);
        let stored =
            lock(self.house.market_store()).read().bars(bar.instrument, Some(vendor.as_str()), from, to)?;
        let last = stored.and_then(|series| series.bars.last().map(|last| last.close.to_f64()));
        Ok(last.is_some_and(|last| (bar.close.to_f64() / last - 1.0).abs() > STEP_SHARE))
    }

    /// An instrument is done with.
    fn finish(&mut self, mut row: SyncRow, open: &mut Vec<InstrumentId>, pending: &mut Vec<InstrumentId>) {
        let id = row.instrument();
        open.retain(|other| *other != id);
        pending.retain(|other| *other != id);
        if let Some(before) = self.failures.remove(&id).filter(|_| row.said.is_empty()) {
            row.said = before.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        }
        if let Some(known) = self.report.rows.iter_mut().find(|known| known.instrument() == id) {
            known.add(row);
            return;
        }
        self.report.rows.push(row);
    }

    /// A vendor can give nothing more now.
    fn leave(&mut self, vendor: VendorId, code: &str, said: &str) {
        tracing::warn!(%vendor, code, said, "a vendor is left alone for the rest of this sync");
        self.report.vendors.push(VendorLine { vendor, code: code.to_owned(), said: said.to_owned() });
    }

    fn left(&mut self, vendor: VendorId, error: &FetchError) -> bool {
        if error.why != Why::Canceled {
            self.leave(vendor, error.why.code(), &error.why.to_string());
        }
        true
    }

    /// One vendor did not give one instrument.
    fn note_failure(&mut self, id: InstrumentId, error: FetchError) -> Result<(), ServiceError> {
        let note = SyncNote {
            instrument: id,
            source: CleanText::new(error.vendor.as_str()),
            kind: DataKind::Daily,
            at: self.control.pace.now(),
            code: error.why.code().into(),
            said: CleanText::new(&error.why.to_string()),
            failures: 0,
        };
        lock(self.house.market_store()).store_sync_note(&note)?;
        self.failures.entry(id).or_default().push(error);
        Ok(())
    }

    /// The row of an instrument that nobody gave.
    fn not_given(&mut self, id: InstrumentId) -> SyncRow {
        let errors = self.failures.remove(&id).unwrap_or_default();
        let canceled = self.control.stop.is_set() && errors.is_empty();
        let outcome = if canceled { SyncOutcome::Canceled } else { SyncOutcome::Failed };
        let mut row = SyncRow::new(id, errors.last().map(|e| e.vendor), outcome);
        let own = errors.iter().map(|e| (e.why.code().to_owned(), e.to_string()));
        let wide = self
            .report
            .vendors
            .iter()
            .map(|line| (line.code.clone(), format!("{}: {}", line.vendor, line.said)));
        let all: Vec<(String, String)> = own.chain(wide).collect();
        row.code = match (canceled, all.first()) {
            (true, _) => Why::Canceled.code().to_owned(),
            (false, Some((code, _))) => code.clone(),
            (false, None) => Why::HasNoSuchData.code().to_owned(),
        };
        row.said = all.into_iter().map(|(_, said)| said).collect::<Vec<_>>().join("; ");
        if row.said.is_empty() && !canceled {
            row.said = format!("no vendor that is switched on has prices of {}", id.exchange);
        }
        row
    }
}

fn series_like(of: Option<&Series>) -> Series {
    let basis = of.map_or(crate::domain::market::Basis::Raw, |series| series.basis);
    let currency = of.and_then(|series| series.currency.clone());
    Series { basis, bars: Vec::new(), partial: None, actions: Vec::new(), currency, duplicates: 0 }
}

/// The rows of the instruments that are wanted, each with its own.
fn split_page(
    wanted: &[InstrumentId],
    series: &Series,
    rejected: &[Quarantined],
    found: &mut BTreeMap<InstrumentId, (Series, Vec<Quarantined>)>,
) {
    for bar in &series.bars {
        if wanted.binary_search(&bar.instrument).is_ok() {
            let entry =
                found.entry(bar.instrument).or_insert_with(|| (series_like(Some(series)), Vec::new()));
            entry.0.bars.push(*bar);
        }
    }
    for row in rejected {
        if let Some(id) = wanted.iter().find(|id| id.symbol.as_str() == row.symbol.as_str()) {
            let entry = found.entry(*id).or_insert_with(|| (series_like(Some(series)), Vec::new()));
            entry.1.push(row.clone());
        }
    }
}
