//! One instrument from one vendor: its splits and dividends where they come by themselves, then its bars, page by page.
//!
//! The fetch sees some stored sessions again: when the vendor has restated them for a split, the whole history is
//! fetched again and takes the place of the old one in one transaction, so that no series ever has two bases.

use chrono::{Days, NaiveDate};

use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::sync::{self, Held};
use crate::market::vendors::{Ask, Page, Payload, Series, one_dividend_a_day};
use crate::store::market::Covered;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::page::{Arrived, Kept};
use super::report::{SyncOutcome, SyncRow};
use super::run::{Fault, Run};
use super::turn;

/// How often a fetch begins again behind what is stored, when the vendor forgets the place in its answer.
const RESTARTS_MAX: u32 = 2;
/// Rows of an answer that is known to be cut short.
const SHORT_ROWS: usize = 100;
/// An answer that begins this many days late may be cut short.
const SHORT_DAYS: i64 = 14;

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
        let missing = self.missing(instrument, wanted, &held);
        let (Some(first), Some(last)) = (missing.first().copied(), missing.last().copied()) else {
            return Ok(SyncRow::new(instrument, Some(vendor), SyncOutcome::UpToDate));
        };
        let mut row = SyncRow::new(instrument, Some(vendor), SyncOutcome::Done);
        (row.from, row.to) = (Some(first), Some(last));
        self.actions_of(fetcher, instrument, (first, last), &mut row).await?;
        let mut from = first;
        let mut restarts = 0;
        loop {
            match self.bars(fetcher, instrument, &held, (from, last), &mut row).await {
                Ok(()) => return Ok(row),
                Err(Fault::Fetch(error)) if error.why == Why::CursorExpired && restarts < RESTARTS_MAX => {
                    restarts += 1;
                    let held = self.held(vendor, instrument)?;
                    from = self.missing(instrument, (from, last), &held).first().copied().unwrap_or(last);
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The bars of some days, each page stored as it comes.
    async fn bars(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        held: &Held,
        (first, last): (NaiveDate, NaiveDate),
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let from = held.with_overlap(first);
        let mut pages = fetcher.pages(Ask::Daily { instrument, from, to: last })?;
        let mut reached = first;
        let mut seen = false;
        loop {
            let got = self.next(fetcher, &mut pages).await?;
            let has_more = pages.has_more();
            let Some(page) = got else {
                if !seen && held.stored.is_empty() {
                    return Err(Fault::Fetch(FetchError { vendor: fetcher.id(), why: Why::NotFound }));
                }
                self.cover(fetcher, instrument, (reached, last))?;
                return Ok(());
            };
            let Some((series, page)) = series_of(page) else {
                let why = Why::Malformed("bars were asked for and something else came".into());
                return Err(Fault::Fetch(FetchError { vendor: fetcher.id(), why }));
            };
            seen |= !series.bars.is_empty() || !page.is_empty() || series.partial.is_some();
            if self.is_restated(fetcher.id(), instrument, &series, held)? {
                return self.whole(fetcher, instrument, held, last, row).await;
            }
            let begin = short_begin(fetcher.id(), &series, reached);
            let end = if has_more { series.bars.last().map(|bar| bar.session) } else { Some(last) };
            let covered =
                end.map(|end| (begin.max(reached).min(end), end)).filter(|_| seen || !held.stored.is_empty());
            let arrived = Arrived {
                vendor: fetcher.id(),
                instrument,
                series: &series,
                rejected: &page,
                covered,
                is_whole: false,
                at: fetcher.now(),
            };
            let kept = self.house.keep_page(&arrived)?;
            self.count(row, &kept, &series);
            if let Some(end) = end {
                reached = end.succ_opt().unwrap_or(end).max(reached);
            }
            if !has_more {
                let nothing = !seen && held.stored.is_empty();
                let why = Why::NotFound;
                return if nothing {
                    Err(Fault::Fetch(FetchError { vendor: fetcher.id(), why }))
                } else {
                    Ok(())
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
            covered: Some((from, last)),
            is_whole: true,
            at: fetcher.now(),
        };
        let kept = self.house.keep_page(&arrived)?;
        self.count(row, &kept, &series);
        row.from = Some(from);
        row.said = "restated for a split; the whole history was fetched again".into();
        Ok(())
    }

    /// Whether an answer shows that the vendor has restated what is stored.
    fn is_restated(
        &self,
        vendor: VendorId,
        instrument: InstrumentId,
        series: &Series,
        held: &Held,
    ) -> Result<bool, ServiceError> {
        let (Some(last), true) = (held.stored.last().copied(), series.basis != Basis::Raw) else {
            return Ok(false);
        };
        let Some(first) = series.bars.first().map(|bar| bar.session) else { return Ok(false) };
        let stored =
            lock(self.house.market_store()).read().bars(instrument, Some(vendor.as_str()), first, last)?;
        let stored: Vec<DailyBar> = stored.map(|series| series.bars).unwrap_or_default();
        if stored.is_empty() {
            let is_new = |a: &CorporateAction| a.date > last && matches!(a.kind, ActionKind::Split(_));
            return Ok(series.actions.iter().any(is_new));
        }
        Ok(sync::restated(&stored, &series.bars).is_some())
    }

    /// Splits and dividends of vendors that tell them apart from bars. A plan without them costs nothing but a remark.
    pub(super) async fn actions_of(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        (first, last): (NaiveDate, NaiveDate),
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let vendor = fetcher.id();
        let kinds = separate_actions(vendor);
        let covered = self.covered(vendor, DataKind::Actions, instrument)?;
        let is_covered = covered.iter().any(|(from, to)| *from <= first && last <= *to);
        if kinds.is_empty() || is_covered {
            return Ok(());
        }
        // Some news is late: the days before are asked for again.
        let from = first.checked_sub_days(AGAIN).unwrap_or(first);
        // Spans that were answered for meet.
        let known = covered.iter().map(|(_, to)| *to).filter(|to| *to >= from).max();
        let known = known.map_or(first, |to| to.min(first));
        let to = self.actions_upto(instrument.exchange, last, fetcher.now());
        let mut told = Vec::new();
        for kind in kinds {
            let ask = match kind {
                DataKindOfAction::Splits => Ask::Splits { instrument, from, to },
                DataKindOfAction::Dividends => Ask::Dividends { instrument, from, to },
            };
            match self.action_pages(fetcher, ask).await {
                Ok(actions) => told.extend(actions),
                Err(Fault::Fetch(FetchError { why: Why::NotFound, .. })) => {}
                Err(Fault::Fetch(error))
                    if matches!(error.why, Why::NotEntitled { .. } | Why::HasNoSuchData) =>
                {
                    row.said = format!("no splits and dividends: {error}");
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
        row.actions +=
            self.house.keep_actions(vendor, instrument, &told, Some((known, last)), fetcher.now())?;
        Ok(())
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
        row.quarantined += kept.quarantine.len() as u64;
        row.actions += kept.actions;
        row.partial |= series.partial.is_some();
        self.kept(kept);
    }

    /// Notes days that were answered for without a row.
    fn cover(
        &self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<(), ServiceError> {
        if from > to {
            return Ok(());
        }
        let source = fetcher.id().as_str().into();
        let covered = Covered { instrument, source, kind: DataKind::Daily, from, to, at: fetcher.now() };
        Ok(lock(self.house.market_store()).store_coverage(&[covered])?)
    }
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
