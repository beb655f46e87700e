//! What vendors have beside prices: figures of companies, headlines, listings.
//!
//! A run like that of prices: what was answered for lately is left out; the rest is asked of the vendors in the order of
//! the settings, one thing at a time, until one answers. An answer is remembered with its time when all of it is
//! stored, so a run that was ended goes on where it was. Figures keep the day on which they became known, headlines the
//! tone of our own lexicon beside the vendor's.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveTime;

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, UnixNanos};
use crate::market::budget;
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::vendors::{Ask, Payload};
use crate::store::market::{Covered, JobProgress};

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit};
use super::directory::Seen;
use super::meter::Meter;
use super::report::{BesideReport, BesideRow, SyncOutcome};
use super::{Control, SyncWish, turn};

/// How far back headlines are asked for at first, in days.
const NEWS_DAYS: i64 = 30;
/// Headlines that were published so many days before the last answer may have come after it.
const NEWS_LATE_DAYS: i64 = 1;
/// Milliseconds of an hour and of a day.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How old an answer may be, in milliseconds, before the same is asked again.
const fn fresh_ms(kind: DataKind) -> i64 {
    match kind {
        DataKind::News => HOUR_MS,
        DataKind::Fundamentals => 7 * DAY_MS,
        DataKind::Directory
        | DataKind::Daily
        | DataKind::GroupedDaily
        | DataKind::Minutes
        | DataKind::Quotes
        | DataKind::Actions
        | DataKind::Search
        | DataKind::Stream => DAY_MS,
    }
}

/// One thing to ask for: something of an instrument, or of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Task {
    exchange: Exchange,
    instrument: Option<InstrumentId>,
}

impl Task {
    fn of(self) -> String {
        self.instrument.map_or_else(|| self.exchange.code().to_owned(), |id| id.to_string())
    }

    /// The name under which an exchange's answer is remembered.
    fn job(self, kind: DataKind, vendor: VendorId) -> String {
        format!("sync {kind} {} {vendor}", self.exchange)
    }
}

impl House {
    /// Fetches one kind of data beside prices for the instruments of a wish, or for the exchanges they are on.
    pub fn sync_beside(
        &self,
        permit: &Permit<ManageData>,
        kind: DataKind,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<BesideReport, ServiceError> {
        self.sync_beside_now(kind, &self.with_watchlist(permit, wish)?, control)
    }

    pub(super) fn sync_beside_now(
        &self,
        kind: DataKind,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<BesideReport, ServiceError> {
        if wish.to.is_some() || (wish.from.is_some() && kind != DataKind::News) {
            let other = "a first and a last day are named for prices and minutes only, a first day for news too; leave them out";
            return Err(ServiceError::Wrong(other.into()));
        }
        let tasks: Vec<Task> = match kind {
            DataKind::Directory => {
                let exchanges = self.exchanges_of(wish)?.into_iter();
                exchanges.map(|exchange| Task { exchange, instrument: None }).collect()
            }
            DataKind::Fundamentals | DataKind::News => {
                let wished = self.wished(wish)?.into_iter();
                wished.map(|id| Task { exchange: id.exchange, instrument: Some(id) }).collect()
            }
            other => return Err(ServiceError::Invalid(format!("{other} data is not fetched by itself"))),
        };
        let mut report = BesideReport::default();
        let mut fetchers = Vec::new();
        for vendor in wish.vendor.map_or_else(|| self.vendor_order(kind), |vendor| vec![vendor]) {
            match self.fetcher(vendor, Arc::clone(&control.pace), control.limits) {
                Ok(fetcher) if !fetcher.lacks_key() => fetchers.push(fetcher),
                Ok(_) => {}
                Err(error) if wish.vendor.is_none() => report.remarks.push(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        report.remarks.extend(self.forget_ahead(control.pace.now())?);
        let unknown = if wish.again { Vec::new() } else { self.unknown_lately(kind, control.pace.now())? };
        let run = Beside {
            house: self,
            kind,
            wish,
            control,
            fetchers: &fetchers,
            unknown,
            left: Vec::new(),
            meter: Meter::new(control),
        };
        let runtime = self.network()?;
        let report = runtime.block_on(run.all(tasks, report));
        runtime.shutdown_background();
        report
    }

    /// Who has lately said that it does not know an instrument.
    fn unknown_lately(
        &self,
        kind: DataKind,
        now: UnixNanos,
    ) -> Result<Vec<(InstrumentId, CleanText)>, ServiceError> {
        let (since, latest) = (now.plus_millis(-fresh_ms(kind)), now.plus_millis(budget::AHEAD_MS));
        let mut notes = lock(self.market_store()).read().sync_notes()?;
        notes.retain(|note| {
            let is_unknown = note.kind == kind && note.code.as_str() == Why::NotFound.code();
            is_unknown && since < note.at && note.at <= latest
        });
        Ok(notes.into_iter().map(|note| (note.instrument, note.source)).collect())
    }

    /// The exchanges of a wish; those of all that was synced before, or the home's own, when it names nothing.
    fn exchanges_of(&self, wish: &SyncWish) -> Result<Vec<Exchange>, ServiceError> {
        let names_nothing = wish.instruments.is_empty() && wish.universe.is_none();
        if names_nothing && self.keepers(DataKind::Daily)?.is_empty() {
            return Ok(vec![self.main_exchange()?]);
        }
        let exchanges: BTreeSet<Exchange> = self.wished(wish)?.iter().map(|id| id.exchange).collect();
        Ok(exchanges.into_iter().collect())
    }
}

/// A run that is going.
struct Beside<'r> {
    house: &'r House,
    kind: DataKind,
    wish: &'r SyncWish,
    control: &'r Control<'r>,
    /// In their order; those without a key are left out.
    fetchers: &'r [Fetcher],
    /// Who has lately said that it does not know an instrument: it is not asked again so soon.
    unknown: Vec<(InstrumentId, CleanText)>,
    /// Who can give nothing more in this run.
    left: Vec<FetchError>,
    meter: Meter<'r>,
}

impl Beside<'_> {
    async fn all(mut self, tasks: Vec<Task>, mut report: BesideReport) -> Result<BesideReport, ServiceError> {
        let mut due = Vec::new();
        for task in tasks {
            match self.answered_lately(task)? {
                Some(vendor) => report.rows.push(self.row(task, SyncOutcome::UpToDate, Some(vendor))),
                None => due.push(task),
            }
        }
        let total = due.len();
        for (done, task) in due.into_iter().enumerate() {
            if self.control.stop.is_set() || !report.fault.is_empty() {
                report.rows.push(self.row(task, SyncOutcome::Canceled, None));
                continue;
            }
            match self.one(task, (done, total)).await {
                Ok(row) => report.rows.push(row),
                Err(error @ ServiceError::Store(_)) => {
                    report.fault = error.to_string();
                    report.rows.push(self.row(task, SyncOutcome::Canceled, None));
                }
                Err(error) => return Err(error),
            }
        }
        report.rows.sort_by(|a, b| a.of.cmp(&b.of));
        if report.fault.is_empty() {
            self.forget_failures(&report.rows)?;
        }
        report.canceled = self.control.stop.is_set();
        report.requests = self.meter.requests();
        let (kind, rows, failed) = (self.kind, report.rows.len(), report.failed());
        tracing::info!(%kind, rows, failed, requests = report.requests, "sync is over");
        Ok(report)
    }

    fn row(&self, task: Task, outcome: SyncOutcome, vendor: Option<VendorId>) -> BesideRow {
        let code = match outcome {
            SyncOutcome::Canceled => Why::Canceled.code(),
            SyncOutcome::Failed => Why::HasNoSuchData.code(),
            SyncOutcome::Done | SyncOutcome::UpToDate => "",
        };
        let (of, code, said) = (task.of(), code.to_owned(), String::new());
        BesideRow { kind: self.kind, of, vendor, outcome, stored: 0, quarantined: 0, code, said }
    }

    /// Asks one vendor after the other until one gives it.
    async fn one(&mut self, task: Task, steps: (usize, usize)) -> Result<BesideRow, ServiceError> {
        let mut row = self.row(task, SyncOutcome::Failed, None);
        row.said = "no vendor that is switched on and has a key gives it".to_owned();
        let mut failures: Vec<FetchError> = Vec::new();
        let mut without: Vec<&Fetcher> = Vec::new();
        let doing = format!("{} of {}", self.kind.word(), task.of());
        let has = |fetcher: &&Fetcher| fetcher.vendor().has(self.kind, task.exchange);
        for fetcher in self.fetchers.iter().filter(has) {
            if let Some(error) = self.not_asked(fetcher.id(), task) {
                failures.push(error);
                continue;
            }
            self.meter.begin(fetcher, doing.clone(), steps, self.requests_each(steps.0));
            let Some(_turn) = turn::take(self.house, fetcher.id(), &self.control.stop).await? else {
                return Ok(self.row(task, SyncOutcome::Canceled, None));
            };
            // Another run may have fetched it while this one waited for its turn.
            if let Some(vendor) = self.answered_lately(task)? {
                return Ok(self.row(task, SyncOutcome::UpToDate, Some(vendor)));
            }
            match self.take_pages(fetcher, task, &mut row).await? {
                // Another may have figures of it.
                Ok(false) if self.kind == DataKind::Fundamentals => without.push(fetcher),
                Ok(_) => {
                    self.remember(fetcher, task, row.stored)?;
                    (row.vendor, row.outcome) = (Some(fetcher.id()), SyncOutcome::Done);
                    (row.code, row.said) = (String::new(), all_of(&failures));
                    return Ok(row);
                }
                Err(error) if error.why == Why::Canceled => {
                    let canceled = self.row(task, SyncOutcome::Canceled, None);
                    return Ok(BesideRow { stored: row.stored, quarantined: row.quarantined, ..canceled });
                }
                Err(error) => {
                    failures.push(error.clone());
                    // What the plan has not for one name it has for none.
                    if error.why.is_vendor_wide() || matches!(error.why, Why::NotEntitled { .. }) {
                        self.left.push(error);
                    } else if let Some(id) = task.instrument {
                        self.house.note_failure(id, self.kind, fetcher.now(), &error)?;
                    }
                }
            }
        }
        // Those that may know it have nothing of it.
        let is_hopeless = |e: &FetchError| matches!(e.why, Why::NotFound | Why::NotEntitled { .. });
        if let Some(first) = without.first().filter(|_| failures.iter().all(is_hopeless)) {
            for fetcher in &without {
                self.remember(fetcher, task, 0)?;
            }
            (row.vendor, row.outcome) = (Some(first.id()), SyncOutcome::Done);
            (row.code, row.said) = (String::new(), all_of(&failures));
            return Ok(row);
        }
        if let Some(first) = failures.first() {
            (row.code, row.said) = (first.why.code().to_owned(), all_of(&failures));
        }
        Ok(row)
    }

    /// Why a vendor is not asked for something, if it is not.
    fn not_asked(&self, vendor: VendorId, task: Task) -> Option<FetchError> {
        let left = self.left.iter().find(|error| error.vendor == vendor).cloned();
        let is_unknown = |(id, source): &(InstrumentId, CleanText)| {
            task.instrument == Some(*id) && source.as_str() == vendor.as_str()
        };
        let unknown = || FetchError { vendor, why: Why::NotFound };
        left.or_else(|| self.unknown.iter().any(is_unknown).then(unknown))
    }

    /// Stores page by page, and tells whether there was any; the outer error is ours, the inner one the vendor's.
    async fn take_pages(
        &self,
        fetcher: &Fetcher,
        task: Task,
        row: &mut BesideRow,
    ) -> Result<Result<bool, FetchError>, ServiceError> {
        let mut pages = match fetcher.pages(self.ask(fetcher, task)?) {
            Ok(pages) => pages,
            Err(error) => return Ok(Err(error)),
        };
        let (mut seen, mut has_any) = (Seen::default(), false);
        loop {
            let stored = match self.meter.next(fetcher, &mut pages).await {
                Ok(None) => {
                    row.stored += self.house.store_gone(task.exchange, &seen)?;
                    return Ok(Ok(has_any));
                }
                Ok(Some(page)) => {
                    has_any |= !matches!(&page.payload, Payload::Facts(figures) if figures.is_empty());
                    row.quarantined += page.rejected.len() as u64;
                    let source = CleanText::new(fetcher.id().as_str());
                    self.house.keep_quarantine("sync", &source, &page.rejected)?;
                    self.house.store_beside(fetcher.id(), page.payload, task.exchange, &mut seen)?
                }
                Err(error) => return Ok(Err(error)),
            };
            row.stored += stored;
            self.meter.stored(stored);
        }
    }
}

impl Beside<'_> {
    /// What to ask a vendor: of headlines those since its last answer.
    fn ask(&self, fetcher: &Fetcher, task: Task) -> Result<Ask, ServiceError> {
        let Task { exchange, instrument } = task;
        let Some(id) = instrument else { return Ok(Ask::Directory { exchange, on: None }) };
        if self.kind == DataKind::Fundamentals {
            return Ok(Ask::Fundamentals(id));
        }
        let since = match self.wished_since(task) {
            Some(since) => since,
            None if self.wish.again => news_first(fetcher),
            None => self.owed_since(fetcher, task)?,
        };
        Ok(Ask::News { instruments: vec![id], since })
    }

    /// Since when headlines are wished, where a first day is named.
    fn wished_since(&self, task: Task) -> Option<UnixNanos> {
        let calendar = self.house.calendars().of(task.exchange);
        self.wish.from.and_then(|day| calendar.at_local(day, NaiveTime::MIN))
    }

    /// Since when a vendor was not asked for headlines.
    fn owed_since(&self, fetcher: &Fetcher, task: Task) -> Result<UnixNanos, ServiceError> {
        let first = news_first(fetcher);
        let last = self.answered(fetcher.id(), task)?.unwrap_or(first);
        Ok(last.plus_millis(-NEWS_LATE_DAYS * DAY_MS).max(first))
    }

    /// When a vendor last answered.
    fn answered(&self, vendor: VendorId, task: Task) -> Result<Option<UnixNanos>, ServiceError> {
        let market = lock(self.house.market_store());
        let at = match task.instrument {
            Some(id) => {
                let spans = market.read().coverage_of(id, vendor.as_str(), self.kind)?;
                spans.iter().map(|span| span.fetched_at).max()
            }
            None => market.read().job(&task.job(self.kind, vendor))?.map(|job| job.changed_at),
        };
        let latest = self.control.pace.now().plus_millis(budget::AHEAD_MS);
        Ok(at.filter(|at| *at <= latest))
    }

    /// Who has answered so lately that it is not asked for again, of those the wish is for.
    fn answered_lately(&self, task: Task) -> Result<Option<VendorId>, ServiceError> {
        if self.wish.again || self.wish.from.is_some() {
            return Ok(None);
        }
        let since = self.control.pace.now().plus_millis(-fresh_ms(self.kind));
        for vendor in VendorId::ALL.iter().copied().filter(|v| self.wish.vendor.is_none_or(|own| own == *v)) {
            if self.answered(vendor, task)?.is_some_and(|at| at > since) {
                return Ok(Some(vendor));
            }
        }
        Ok(None)
    }

    /// All of an answer is stored.
    fn remember(&self, fetcher: &Fetcher, task: Task, stored: u64) -> Result<(), ServiceError> {
        let (vendor, at) = (fetcher.id(), fetcher.now());
        if let Some(since) = self.wished_since(task)
            && since > self.owed_since(fetcher, task)?
        {
            // What is between was not asked for: the next run does.
            return Ok(());
        }
        let mut market = lock(self.house.market_store());
        let Some(instrument) = task.instrument else {
            let progress = JobProgress { done: stored, finished: true, changed_at: at };
            return Ok(market.record_job(&task.job(self.kind, vendor), progress)?);
        };
        let to = self.house.calendars().of(task.exchange).date_at(at);
        // One span, however often it is asked.
        let known = market.read().coverage_of(instrument, vendor.as_str(), self.kind)?;
        let from = known.first().map_or(to, |span| span.from.min(to));
        let source = CleanText::new(vendor.as_str());
        Ok(market.store_coverage(&[Covered { instrument, source, kind: self.kind, from, to, at }])?)
    }

    fn forget_failures(&self, rows: &[BesideRow]) -> Result<(), ServiceError> {
        let done = rows.iter().filter(|row| row.outcome == SyncOutcome::Done);
        let given = done.filter_map(|row| Some((row.of.parse().ok()?, row.vendor?.as_str())));
        self.house.forget_failures(self.kind, &given.collect())
    }

    /// Requests that one thing has taken so far, for the time that is left.
    fn requests_each(&self, done: usize) -> usize {
        let requests = usize::try_from(self.meter.requests()).unwrap_or(usize::MAX);
        requests.checked_div(done).unwrap_or(1).max(1)
    }
}

/// Since when headlines are asked for at first.
fn news_first(fetcher: &Fetcher) -> UnixNanos {
    fetcher.now().plus_millis(-NEWS_DAYS * DAY_MS)
}

/// Why vendors did not give it, in words.
fn all_of(failures: &[FetchError]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl House {
    fn store_beside(
        &self,
        vendor: VendorId,
        payload: Payload,
        exchange: Exchange,
        seen: &mut Seen,
    ) -> Result<u64, ServiceError> {
        match payload {
            Payload::Facts(figures) => Ok(lock(self.market_store()).store_fundamentals(&figures)?),
            Payload::News(news) => self.store_told(vendor, &news),
            Payload::Listings(listings) => self.store_directory(&listings, exchange, seen),
            Payload::Series(_)
            | Payload::Minutes(_)
            | Payload::Quotes(_)
            | Payload::Actions(_)
            | Payload::Session(_) => Ok(0),
        }
    }
}
