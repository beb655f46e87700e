//! One instrument from one vendor: its splits and dividends where they come by themselves, then its bars, page by page.
//!
//! The fetch sees some stored sessions again: when the vendor has restated them for a split that is told, the whole
//! history is fetched again and takes the place of the old one in one transaction, so that no series ever has two bases.
//! Prices that are a multiple of what is stored for no split that is told are set aside, and a history that is shorter
//! than the stored one changes nothing.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, SplitRatio};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::sync::{self, Held, Restated};
use crate::market::vendors::{Ask, Page, Payload, Series, one_dividend_a_day};

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::page::{Arrived, Kept};
use super::report::{SyncOutcome, SyncRow};
use super::run::{Fault, Run};
use super::{Bars, turn};

/// How often a fetch begins again behind what is stored, when the vendor forgets the place in its answer.
const RESTARTS_MAX: u32 = 2;
/// Rows of an answer that is known to be cut short.
const SHORT_ROWS: usize = 100;
/// An answer that begins this many days late may be cut short.
const SHORT_DAYS: i64 = 14;
/// A vendor may work a split into its prices this many days late.
const TOLD_DAYS: u64 = 30;

/// Days for which announced splits and dividends are asked for.
const AHEAD: Days = Days::new(14);
/// Days of splits and dividends that are asked for again.
const AGAIN: Days = Days::new(7);

/// How a vendor tells splits and dividends.
const fn separate_actions(vendor: VendorId) -> &'static [DataKindOfAction] {
    match vendor {
        VendorId::Polygon => &[DataKindOfAction::Splits, DataKindOfAction::Dividends],
        // One answer has both.
        VendorId::AlphaVantage => &[DataKindOfAction::Splits],
        VendorId::Yahoo | VendorId::Asx => &[],
    }
}

/// The two kinds of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataKindOfAction {
    Splits,
    Dividends,
}

impl Run<'_> {
    /// Fetches what one instrument lacks.
    pub(super) async fn one(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        wanted: (NaiveDate, NaiveDate),
    ) -> Result<SyncRow, Fault> {
        let vendor = fetcher.id();
        let Some(_turn) = turn::take(self.house, vendor, &self.control.stop).await? else {
            return Err(Fault::Fetch(FetchError { vendor, why: Why::Canceled }));
        };
        // Another run may have fetched it while this one waited for its turn.
        let held = self.held(vendor, instrument)?;
        let missing = self.missing(fetcher, instrument, wanted, &held);
        let (Some(first), Some(last)) = (missing.first().copied(), missing.last().copied()) else {
            return self.owed_of(fetcher, instrument).await;
        };
        let mut row = SyncRow::new(instrument, Some(vendor), SyncOutcome::Done);
        (row.from, row.to) = (Some(first), Some(last));
        row.said = self.left_out(fetcher, instrument, wanted.0);
        if let Err(fault) = self.all_of(fetcher, instrument, (first, last), &mut row).await {
            // What was stored before the fault is told with it.
            self.partly(row);
            return Err(fault);
        }
        Ok(row)
    }

    /// The splits and dividends of days whose bars are stored, where a run that ended in between left them out.
    async fn owed_of(&mut self, fetcher: &Fetcher, instrument: InstrumentId) -> Result<SyncRow, Fault> {
        let vendor = fetcher.id();
        let mut row = SyncRow::new(instrument, Some(vendor), SyncOutcome::UpToDate);
        let bars = self.covered(vendor, DataKind::Daily, instrument)?;
        let (Some(first), Some((_, last))) = (self.owed(fetcher, instrument)?, bars.last()) else {
            return Ok(row);
        };
        row = SyncRow { outcome: SyncOutcome::Done, from: Some(first), to: Some(*last), ..row };
        let told = self.actions_of(fetcher, instrument, (first, *last), &mut row).await?;
        self.keep_told(fetcher, instrument, &told, &mut row)?;
        Ok(row)
    }

    /// The first session whose bars a vendor has answered for and whose splits and dividends it has not.
    pub(super) fn owed(
        &self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
    ) -> Result<Option<NaiveDate>, ServiceError> {
        let vendor = fetcher.id();
        if self.wish.bars != Bars::Daily || separate_actions(vendor).is_empty() {
            return Ok(None);
        }
        let bars = self.covered(vendor, DataKind::Daily, instrument)?;
        let actions = self.covered(vendor, DataKind::Actions, instrument)?;
        let calendar = self.house.calendars().of(instrument.exchange);
        Ok(sync::first_left_out(calendar, &bars, &actions))
    }

    /// Keeps the splits and dividends of days behind the newest bar, and that all were answered for.
    #[allow(clippy::result_large_err, reason = "a fault ends a vendor's part of a run")]
    fn keep_told(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        told: &Told,
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        if told.span.is_some() {
            let (vendor, at) = (fetcher.id(), fetcher.now());
            let kept = self.house.keep_actions(vendor, instrument, &told.actions, told.span, at)?;
            self.count_actions(row, &kept);
        }
        Ok(())
    }

    /// Splits, dividends and bars of some days.
    async fn all_of(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        (first, last): (NaiveDate, NaiveDate),
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let vendor = fetcher.id();
        let mut told = self.actions_of(fetcher, instrument, (first, last), row).await?;
        let mut from = first;
        let mut restarts = 0;
        loop {
            let held = self.held(vendor, instrument)?;
            let span = (from, last);
            let done = match self.wish.bars {
                Bars::Daily => self.bars(fetcher, instrument, &held, span, (&mut told.actions, row)).await,
                Bars::Minutes => self.minutes(fetcher, instrument, &held, span, row).await,
            };
            match done {
                Ok(()) => break,
                Err(Fault::Fetch(error)) if error.why == Why::CursorExpired && restarts < RESTARTS_MAX => {
                    restarts += 1;
                    let held = self.held(vendor, instrument)?;
                    from = self
                        .missing(fetcher, instrument, (from, last), &held)
                        .first()
                        .copied()
                        .unwrap_or(last);
                }
                Err(fault) => return Err(fault),
            }
        }
        self.keep_told(fetcher, instrument, &told, row)
    }

    /// The bars of some days, each page stored as it comes, with those of `told` that belong to its days.
    async fn bars(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        held: &Held,
        (first, last): (NaiveDate, NaiveDate),
        (told, row): (&mut Vec<CorporateAction>, &mut SyncRow),
    ) -> Result<(), Fault> {
        let vendor = fetcher.id();
        let fault = |why| Fault::Fetch(FetchError { vendor, why });
        let mut pages = fetcher.pages(Ask::Daily { instrument, from: held.with_overlap(first), to: last })?;
        let mut reached = first;
        let (mut seen, mut good, mut refused) = (false, false, Vec::new());
        loop {
            let got = self.next(fetcher, &mut pages).await?;
            let has_more = pages.has_more();
            let is_end = got.is_none() || !has_more;
            let (mut series, rejected) = match got.map(series_of) {
                Some(Some(got)) => got,
                Some(None) => {
                    return Err(fault(Why::Malformed("bars were asked for and something else came".into())));
                }
                None => (Series::plain(Basis::Raw, Vec::new(), Vec::new()), Vec::new()),
            };
            seen |= !series.bars.is_empty() || !rejected.is_empty() || series.partial.is_some();
            if let Some(newest) = series.bars.last().map(|bar| bar.session) {
                series.actions.extend(told.extract_if(.., |action| action.date <= newest));
            }
            match self.restated(vendor, instrument, &series, held)? {
                Restated::No => {}
                Restated::BySplit(_) => return self.whole(fetcher, instrument, held, last, row).await,
                Restated::Untold(ratio) => {
                    let kept = self.house.set_aside(vendor, &series, &held.stored, fetcher.now())?;
                    self.count(row, &kept, &series);
                    return Err(fault(Why::Restated { ratio: CleanText::new(&short(ratio)) }));
                }
            }
            let begin = short_begin(vendor, &series, reached);
            let end = if has_more { series.bars.last().map(|bar| bar.session) } else { Some(last) };
            let asked =
                end.map(|end| (begin.max(reached).min(end), end)).filter(|_| seen || !held.stored.is_empty());
            let arrived = Arrived {
                vendor,
                instrument,
                series: &series,
                rejected: &rejected,
                asked,
                stored: &held.stored,
                is_whole: false,
                at: fetcher.now(),
            };
            let kept = self.house.keep_page(&arrived)?;
            self.count(row, &kept, &series);
            good |= kept.good > 0 || series.partial.is_some();
            refused.extend(kept.quarantine.iter().map(|row| row.reason.code()));
            if let Some(end) = end {
                reached = end.succ_opt().unwrap_or(end).max(reached);
            }
            if is_end {
                return match refused.first() {
                    _ if !seen && held.stored.is_empty() => Err(fault(Why::NotFound)),
                    Some(first) if !good => Err(fault(Why::NothingGood { rows: refused.len(), first })),
                    _ => Ok(()),
                };
            }
        }
    }

    /// The whole history again, stored in the place of the old one.
    async fn whole(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        held: &Held,
        last: NaiveDate,
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let from = held.begin(last);
        // Stored rows after the days asked for belong to the history too: none may go for want of an answer.
        let last = held.stored.last().map_or(last, |stored| last.max(*stored));
        let mut pages = fetcher.pages(Ask::Daily { instrument, from, to: last })?;
        let mut whole: Option<Series> = None;
        let mut rejected = Vec::new();
        while let Some(page) = self.next(fetcher, &mut pages).await? {
            let Some((series, bad)) = series_of(page) else { continue };
            rejected.extend(bad);
            match &mut whole {
                None => whole = Some(series),
                Some(all) => all.extend(series),
            }
        }
        let series = whole.filter(|series| !series.bars.is_empty());
        let Some(series) = series else {
            let why = Why::Malformed("its history was restated and cannot be had again now".into());
            return Err(Fault::Fetch(FetchError { vendor: fetcher.id(), why }));
        };
        let arrived = Arrived {
            vendor: fetcher.id(),
            instrument,
            series: &series,
            rejected: &rejected,
            asked: Some((from, last)),
            stored: &held.stored,
            is_whole: true,
            at: fetcher.now(),
        };
        let (fetched, kept) = self.house.sifted(&arrived)?;
        if let Some(lacks) = sync::falls_short(&held.stored, &fetched.bars) {
            let why = Why::TooShort(CleanText::new(&lacks));
            return Err(Fault::Fetch(FetchError { vendor: fetcher.id(), why }));
        }
        let kept = self.house.keep(&arrived, &fetched, kept)?;
        self.count(row, &kept, &series);
        row.from = Some(from);
        row.said = "restated for a split; the whole history was fetched again".into();
        Ok(())
    }

    /// What an answer does to what is stored.
    fn restated(
        &self,
        vendor: VendorId,
        instrument: InstrumentId,
        series: &Series,
        held: &Held,
    ) -> Result<Restated, ServiceError> {
        let (Some(last), Some(first)) = (held.stored.last().copied(), series.bars.first()) else {
            return Ok(Restated::No);
        };
        let first = first.session;
        let market = lock(self.house.market_store());
        let stored = market.read().bars(instrument, Some(vendor.as_str()), first, last)?;
        let stored: Vec<DailyBar> = stored.map(|series| series.bars).unwrap_or_default();
        if stored.is_empty() {
            let is_new = |a: &CorporateAction| a.date > last && matches!(a.kind, ActionKind::Split(_));
            let is_due = series.basis != Basis::Raw && series.actions.iter().any(is_new);
            return Ok(if is_due { Restated::BySplit(1.0) } else { Restated::No });
        }
        let since = first.checked_sub_days(Days::new(TOLD_DAYS)).unwrap_or(first);
        let known = market.read().actions_of(instrument)?;
        let mut told: BTreeMap<NaiveDate, SplitRatio> = BTreeMap::new();
        for action in known.iter().map(|(action, _)| action).chain(&series.actions) {
            if let ActionKind::Split(ratio) = action.kind
                && action.date >= since
            {
                told.insert(action.date, ratio);
            }
        }
        let splits: Vec<SplitRatio> = told.into_values().collect();
        Ok(sync::restated(&stored, &series.bars, series.basis, &splits))
    }

    /// Splits and dividends of vendors that tell them apart from bars. A plan without them costs nothing but a remark.
    async fn actions_of(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        (first, last): (NaiveDate, NaiveDate),
        row: &mut SyncRow,
    ) -> Result<Told, Fault> {
        let vendor = fetcher.id();
        let kinds = match self.wish.bars {
            Bars::Daily => separate_actions(vendor),
            Bars::Minutes => &[],
        };
        let covered = self.covered(vendor, DataKind::Actions, instrument)?;
        // A run that ended between the bars and the actions of some days left the latter out: they are asked for now.
        let first = self.owed(fetcher, instrument)?.map_or(first, |owed| owed.min(first));
        let is_covered = covered.iter().any(|(from, to)| *from <= first && last <= *to);
        if kinds.is_empty() || is_covered {
            return Ok(Told::default());
        }
        // Some news is late: the days before are asked for again.
        let from = first.checked_sub_days(AGAIN).unwrap_or(first);
        // Spans that were answered for meet.
        let known = covered.iter().map(|(_, to)| *to).filter(|to| *to >= from).max();
        let known = known.map_or(first, |to| to.min(first));
        let to = self.actions_upto(instrument.exchange, last, fetcher.now());
        let mut told = Told { actions: Vec::new(), span: Some((known, last)) };
        for kind in kinds {
            let ask = match kind {
                DataKindOfAction::Splits => Ask::Splits { instrument, from, to },
                DataKindOfAction::Dividends => Ask::Dividends { instrument, from, to },
            };
            match self.action_pages(fetcher, ask).await {
                Ok(actions) => told.actions.extend(actions),
                Err(Fault::Fetch(FetchError { why: Why::NotFound, .. })) => {}
                Err(Fault::Fetch(error))
                    if matches!(error.why, Why::NotEntitled { .. } | Why::HasNoSuchData) =>
                {
                    row.said = format!("no splits and dividends: {error}");
                    return Ok(Told::default());
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(told)
    }

    /// Up to which day splits and dividends are asked for: where `last` is the newest session that is over, those that are
    /// announced belong to it, as one may be due before the next bar comes. Only days up to `last` count as answered for.
    pub(super) fn actions_upto(&self, exchange: Exchange, last: NaiveDate, now: UnixNanos) -> NaiveDate {
        let calendar = self.house.calendars().of(exchange);
        if sync::last_over(calendar, now).is_none_or(|over| last < over) {
            return last;
        }
        calendar.date_at(now).checked_add_days(AHEAD).unwrap_or(last).max(last)
    }

    pub(super) async fn action_pages(
        &mut self,
        fetcher: &Fetcher,
        ask: Ask,
    ) -> Result<Vec<CorporateAction>, Fault> {
        let mut pages = fetcher.pages(ask)?;
        let mut told = Vec::new();
        let mut count = 0;
        while let Some(page) = self.next(fetcher, &mut pages).await? {
            count += 1;
            match page.payload {
                Payload::Actions(actions) => told.extend(actions),
                Payload::Series(series) => told.extend(series.actions),
                _ => {}
            }
        }
        // The dividends of one day may be on two pages.
        Ok(if count > 1 { one_dividend_a_day(told) } else { told })
    }

    fn count(&mut self, row: &mut SyncRow, kept: &Kept, series: &Series) {
        row.stored += kept.outcome.stored;
        row.revised += kept.outcome.revised;
        row.unchanged += kept.outcome.unchanged;
        row.partial |= series.partial.is_some();
        self.count_actions(row, kept);
    }

    pub(super) fn count_actions(&mut self, row: &mut SyncRow, kept: &Kept) {
        row.quarantined += kept.quarantine.len() as u64;
        row.repaired += kept.repaired;
        row.actions += kept.actions;
        row.unjudged += kept.unjudged;
        self.kept(kept);
    }
}

/// Splits and dividends that came by themselves, and the days they answer for.
#[derive(Debug, Default)]
struct Told {
    actions: Vec<CorporateAction>,
    span: Option<(NaiveDate, NaiveDate)>,
}

/// A ratio for people.
fn short(ratio: f64) -> String {
    let text = format!("{ratio:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn series_of(page: Page) -> Option<(Series, Vec<crate::domain::Quarantined>)> {
    match page.payload {
        Payload::Series(series) => Some((series, page.rejected)),
        _ => None,
    }
}

/// From when an answer counts: one that a small plan cut short counts from its first row.
fn short_begin(vendor: VendorId, series: &Series, asked: NaiveDate) -> NaiveDate {
    let first = series.bars.first().map_or(asked, |bar| bar.session);
    let is_late = first.signed_duration_since(asked).num_days() > SHORT_DAYS;
    let is_short = vendor == VendorId::AlphaVantage && series.bars.len() <= SHORT_ROWS;
    if is_late && is_short { first } else { asked }
}
