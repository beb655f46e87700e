//! One run: vendors in their order, for each the cheapest steps, for each step its pages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::domain::market::Delisting;
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, Exchange, InstrumentId};
use crate::market::budget::{self, clock_words};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::sync::Step;
use crate::store::StoreError;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::meter::Meter;
use super::report::{SyncOutcome, SyncReport, SyncRow, VendorLine};
use super::{Bars, CLOCK_OFF, Control, NO_KEY, SyncWish};

/// How the reason of a removal begins when the symbol was given up for another.
const RENAMED: &str = "renamed to ";
/// The code of a vendor that cannot be asked as it is set.
pub(super) const UNUSABLE: &str = "UNUSABLE";
/// The code of an instrument for which there was nothing to ask.
const NO_SESSION: &str = "NO_SESSION";

/// Why a step did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The vendor.
    Fetch(FetchError),
    /// We.
    Service(Box<ServiceError>),
}

impl Fault {
    /// What one instrument's stored rows do not go with is a failure of that instrument, not of the run.
    pub(super) fn of_one(self, vendor: VendorId) -> Self {
        match self {
            Fault::Service(error) => match *error {
                ServiceError::Store(store @ StoreError::BasisConflict { .. }) => {
                    let why = Why::OtherTerms(CleanText::new(&store.to_string()));
                    Fault::Fetch(FetchError { vendor, why })
                }
                other => Fault::from(other),
            },
            fetch @ Fault::Fetch(_) => fetch,
        }
    }
}

impl From<FetchError> for Fault {
    fn from(error: FetchError) -> Self {
        Fault::Fetch(error)
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Fault::Service(Box::new(error))
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
    /// What was stored of instruments before a vendor failed.
    partly: BTreeMap<InstrumentId, SyncRow>,
    /// Last days of instruments that are no longer listed.
    ends: BTreeMap<InstrumentId, NaiveDate>,
    pub meter: Meter<'r>,
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
            partly: BTreeMap::new(),
            ends: BTreeMap::new(),
            meter: Meter::new(control),
            no_grouped: Vec::new(),
        }
    }

    /// Runs to the end, or to where our own store fails.
    pub(super) async fn all(mut self, instruments: Vec<InstrumentId>) -> Result<SyncReport, ServiceError> {
        // Before anything is forgotten: a name keeps its vendor.
        let mut keepers = self.house.keepers(self.wish.bars.kind())?;
        keepers.retain(|_, vendor| self.keeps_first_day(*vendor));
        self.forget(&instruments)?;
        let mut open = self.listed(instruments)?;
        let done = match self.wish.vendor {
            Some(vendor) => self.vendor(vendor, &mut open).await,
            None => self.by_order(&mut open, &keepers).await,
        };
        self.ended(done)?;
        for id in open {
            let row = self.not_given(id);
            self.report.rows.push(row);
        }
        let done = self.site_dividends().await;
        self.ended(done)?;
        self.report.canceled = self.control.stop.is_set();
        self.report.rows.iter_mut().for_each(SyncRow::tell_unjudged);
        self.report.rows.sort_by_key(SyncRow::instrument);
        if self.report.fault.is_empty() {
            self.settle()?;
            self.forget_failures()?;
        }
        self.report.requests = self.meter.requests();
        let (failed, rows) = (self.report.failed(), self.report.rows.len());
        tracing::info!(rows, failed, requests = self.report.requests, "sync is over");
        Ok(self.report)
    }

    /// What went wrong in our own store ends the run but not its report.
    fn ended(&mut self, done: Result<(), ServiceError>) -> Result<(), ServiceError> {
        match done {
            Err(error @ ServiceError::Store(_)) => self.report.fault = error.to_string(),
            other => return other,
        }
        Ok(())
    }

    /// No vendor is named: each name is asked of the vendor that it has been synced from, so that its series goes on; then
    /// what has none, or was not given, of the vendors in their order.
    async fn by_order(
        &mut self,
        open: &mut Vec<InstrumentId>,
        keepers: &BTreeMap<InstrumentId, VendorId>,
    ) -> Result<(), ServiceError> {
        let mut vendors = self.house.vendor_order(self.wish.bars.kind());
        // Who keeps the first day that is wished goes before who does not.
        vendors.sort_by_key(|vendor| !self.keeps_first_day(*vendor));
        for is_own in [true, false] {
            for vendor in &vendors {
                let is_left = self.report.vendors.iter().any(|line| line.vendor == *vendor);
                if is_left || self.control.stop.is_set() {
                    continue;
                }
                let is_asked = |id: &InstrumentId| (keepers.get(id) == Some(vendor)) == is_own;
                let (mut asked, rest): (Vec<_>, Vec<_>) = open.drain(..).partition(is_asked);
                let done = if asked.is_empty() { Ok(()) } else { self.vendor(*vendor, &mut asked).await };
                *open = rest;
                open.append(&mut asked);
                done?;
            }
        }
        Ok(())
    }

    /// What follows from new rows: those of old symbols go to the new ones, and prices are looked over.
    fn settle(&self) -> Result<(), ServiceError> {
        if self.wish.bars == Bars::Minutes {
            return Ok(lock(self.house.market_store()).settle_refetched().map(drop)?);
        }
        let given = self.report.rows.iter().filter(|row| row.has_some());
        let touched: BTreeSet<InstrumentId> = given.map(SyncRow::instrument).collect();
        let exchanges: BTreeSet<Exchange> = touched.iter().map(|id| id.exchange).collect();
        for exchange in exchanges {
            lock(self.house.market_store()).follow_renames(exchange)?;
        }
        self.house.look_over(&touched)
    }

    /// Forgets what was answered for at a time that is still to come, and what is to be asked for again.
    fn forget(&mut self, instruments: &[InstrumentId]) -> Result<(), ServiceError> {
        let kind = self.wish.bars.kind();
        let vendors = self.wish.vendor.map_or_else(|| self.house.vendor_order(kind), |vendor| vec![vendor]);
        self.report.remarks.extend(self.house.forget_ahead(self.control.pace.now())?);
        if self.wish.again {
            let mut market = lock(self.house.market_store());
            for (vendor, id) in vendors.iter().flat_map(|v| instruments.iter().map(move |id| (v, id))) {
                market.forget_coverage(*id, vendor.as_str(), self.wish.bars.kinds())?;
            }
        }
        Ok(())
    }

    /// Those that are still listed: of the others the history stays, and nothing is fetched unless a first day is named;
    /// then only up to their last day.
    fn listed(&mut self, instruments: Vec<InstrumentId>) -> Result<Vec<InstrumentId>, ServiceError> {
        let mut gone = BTreeMap::new();
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let delistings = lock(self.house.market_store()).read().delistings(exchange)?;
            let today = self.house.calendars().of(exchange).date_at(self.control.pace.now());
            for Delisting { instrument, day, reason } in delistings {
                // From the day of a rename on the symbol is somebody else's.
                let is_renamed = reason.as_str().starts_with(RENAMED);
                let end = if is_renamed { day.pred_opt().unwrap_or(day) } else { day };
                self.ends.insert(instrument, end);
                if day <= today {
                    gone.insert(instrument, day);
                }
            }
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

    /// The last day to ask for of an instrument.
    pub(super) fn end_of(&self, id: InstrumentId, to: NaiveDate) -> NaiveDate {
        self.ends.get(&id).map_or(to, |end| to.min(*end))
    }

    /// Keeps the counts of a step that did not come to its end.
    pub(super) fn partly(&mut self, row: SyncRow) {
        let id = row.instrument();
        match self.partly.get_mut(&id) {
            Some(known) => known.add_counts(&row),
            None if row.has_some() => drop(self.partly.insert(id, row)),
            None => {}
        }
    }

    /// All that one vendor can give; what it gave is no longer open.
    async fn vendor(&mut self, vendor: VendorId, open: &mut Vec<InstrumentId>) -> Result<(), ServiceError> {
        let fetcher = match self.house.fetcher(vendor, self.control.pace.clone(), self.control.limits) {
            Ok(fetcher) => fetcher,
            Err(error) if self.wish.vendor.is_none() => {
                self.leave(vendor, UNUSABLE, &error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if fetcher.budget().is_ok_and(|state| budget::is_ahead(&state, fetcher.now())) {
            let said =
                format!("{vendor}: its pauses were noted by a clock that was wrong; they do not count");
            tracing::warn!(said);
            self.report.remarks.push(said);
        }
        let done = self.exchanges(&fetcher, open).await;
        if let Some(said) = fetcher.budget().ok().as_ref().and_then(clock_words) {
            self.report.vendors.push(VendorLine { vendor, code: CLOCK_OFF.to_owned(), said });
        }
        done
    }

    async fn exchanges(
        &mut self,
        fetcher: &Fetcher,
        open: &mut Vec<InstrumentId>,
    ) -> Result<(), ServiceError> {
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let has = fetcher.vendor().has(self.wish.bars.kind(), exchange);
            let here: Vec<InstrumentId> =
                open.iter().copied().filter(|id| has && id.exchange == exchange).collect();
            if here.is_empty() {
                continue;
            }
            if fetcher.lacks_key() {
                self.leave(fetcher.id(), NO_KEY, &Why::NoKey(fetcher.id()).to_string());
                return Ok(());
            }
            let is_over = self.exchange(fetcher, exchange, &here, open).await?;
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
        if let Some(why) = self.too_old(fetcher, exchange, wanted_to) {
            for id in here {
                self.note_failure(*id, FetchError { vendor: fetcher.id(), why: why.clone() })?;
            }
            return Ok(false);
        }
        let mut pending: Vec<InstrumentId> = here.to_vec();
        loop {
            let (steps, idle) = match self.plan(fetcher, exchange, &pending, wanted_to) {
                Ok(plan) => plan,
                Err(Fault::Service(error)) => return Err(*error),
                Err(Fault::Fetch(error)) => return Ok(self.left(fetcher.id(), &error)),
            };
            for (id, is_known) in idle {
                let row = self.idle(fetcher.id(), id, wanted_to, is_known);
                self.finish(row, open, &mut pending);
            }
            let total = steps.len();
            let mut again = false;
            for (done, step) in steps.into_iter().enumerate() {
                self.begin_step(fetcher, &step, (done, total));
                let outcome = match &step {
                    Step::One { instrument, from, .. } => {
                        let from = self.wish.from.unwrap_or(*from);
                        let to = self.end_of(*instrument, wanted_to);
                        let got = self.one(fetcher, *instrument, (from, to)).await;
                        got.map(|row| vec![row])
                    }
                    Step::Market { date, instruments, .. } => {
                        self.market_day(fetcher, exchange, *date, instruments).await
                    }
                };
                match outcome.map_err(|fault| fault.of_one(fetcher.id())) {
                    Ok(rows) => rows.into_iter().for_each(|row| self.finish(row, open, &mut pending)),
                    Err(Fault::Service(error)) => return Err(*error),
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
    /// An instrument that lacks nothing; one that nobody was ever asked for has no session in the days of the wish.
    fn idle(&self, vendor: VendorId, id: InstrumentId, to: NaiveDate, is_known: bool) -> SyncRow {
        if is_known {
            return SyncRow::new(id, Some(vendor), SyncOutcome::UpToDate);
        }
        let mut row = SyncRow::new(id, None, SyncOutcome::Failed);
        let to = self.end_of(id, to);
        let from = self.wish.from.map_or_else(String::new, |from| format!("from {from} "));
        row.code = NO_SESSION.to_owned();
        row.said = format!("{} has no finished session {from}to {to}; name other days", id.exchange);
        row
    }

    /// An instrument is done with.
    fn finish(&mut self, mut row: SyncRow, open: &mut Vec<InstrumentId>, pending: &mut Vec<InstrumentId>) {
        let id = row.instrument();
        if let Some(before) = self.partly.remove(&id) {
            row.add_counts(&before);
        }
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
    pub(super) fn leave(&mut self, vendor: VendorId, code: &str, said: &str) {
        tracing::warn!(%vendor, code, said, "a vendor is left alone for the rest of this sync");
        self.report.vendors.push(VendorLine { vendor, code: code.to_owned(), said: said.to_owned() });
    }

    pub(super) fn left(&mut self, vendor: VendorId, error: &FetchError) -> bool {
        if error.why != Why::Canceled {
            self.leave(vendor, error.why.code(), &error.why.to_string());
        }
        true
    }

    /// One vendor did not give one instrument.
    fn note_failure(&mut self, id: InstrumentId, error: FetchError) -> Result<(), ServiceError> {
        self.house.note_failure(id, self.wish.bars.kind(), self.control.pace.now(), &error)?;
        self.failures.entry(id).or_default().push(error);
        Ok(())
    }

    /// What a vendor did not give before and has given now is no failure any more.
    fn forget_failures(&self) -> Result<(), ServiceError> {
        let given = self.report.rows.iter().filter(|row| row.outcome == SyncOutcome::Done);
        let given: BTreeSet<_> =
            given.filter_map(|row| Some((row.instrument(), row.vendor?.as_str()))).collect();
        self.house.forget_failures(self.wish.bars.kind(), &given)
    }

    /// The row of an instrument that nobody gave.
    fn not_given(&mut self, id: InstrumentId) -> SyncRow {
        let errors = self.failures.remove(&id).unwrap_or_default();
        let broken = !self.report.fault.is_empty();
        let canceled = (self.control.stop.is_set() || broken) && errors.is_empty();
        let outcome = if canceled { SyncOutcome::Canceled } else { SyncOutcome::Failed };
        let mut row = SyncRow::new(id, errors.last().map(|e| e.vendor), outcome);
        if let Some(before) = self.partly.remove(&id) {
            row.vendor = row.vendor.or(before.vendor);
            row.add_counts(&before);
        }
        let own = errors.iter().map(|e| (e.why.code().to_owned(), e.to_string()));
        let wide = self
            .report
            .vendors
            .iter()
            .filter(|line| line.code != CLOCK_OFF)
            .map(|line| (line.code.clone(), format!("{}: {}", line.vendor, line.said)));
        let all: Vec<(String, String)> = own.chain(wide).collect();
        row.code = match (canceled, all.first()) {
            (true, _) => Why::Canceled.code().to_owned(),
            (false, Some((code, _))) => code.clone(),
            (false, None) => Why::HasNoSuchData.code().to_owned(),
        };
        row.said = all.into_iter().map(|(_, said)| said).collect::<Vec<_>>().join("; ");
        if row.said.is_empty() && !canceled {
            row.said =
                format!("no vendor that is switched on has {} of {}", self.wish.bars.words(), id.exchange);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::market::Basis;

    #[test]
    fn rows_in_other_terms_fail_one_instrument_and_not_the_run() {
        let conflict = || StoreError::BasisConflict {
            instrument: "AAPL.XNYS".parse().unwrap(),
            source_name: "yahoo".into(),
            stored: Basis::Split,
            given: Basis::Raw,
        };
        let fault = Fault::from(ServiceError::from(conflict())).of_one(VendorId::Yahoo);
        let Fault::Fetch(error) = fault else { panic!("{fault:?}") };
        assert_eq!((error.vendor, error.why.code()), (VendorId::Yahoo, "BASIS_CONFLICT"));
        assert!(!error.why.is_vendor_wide());
        assert!(error.to_string().contains("AAPL.XNYS"), "{error}");
        let other = Fault::from(ServiceError::Invalid("no".into())).of_one(VendorId::Yahoo);
        assert!(matches!(other, Fault::Service(_)), "{other:?}");
    }
}
