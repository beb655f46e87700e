//! What a run knows before it asks: what is stored and answered for, what is missing, and what it tells meanwhile.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::market::budget;
use crate::market::fetch::{Fetcher, Pages, Waiting, Watch};
use crate::market::sync::{self, Held, Step};
use crate::market::vendors::Page;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::page::Kept;
use super::report::Progress;
use super::run::{Fault, Run};

/// How long an answer without a late row is believed, in seconds.
const FRESH_SECONDS: i64 = 6 * 3_600;

/// The steps of a plan, and the instruments that lack nothing, with whether anything is known of them.
pub(super) type Planned = (Vec<Step>, Vec<(InstrumentId, bool)>);

impl Run<'_> {
    /// The last day to ask for: the wish's, but none whose bars are not final.
    pub(super) fn last_day(&self, exchange: Exchange, now: UnixNanos) -> Option<NaiveDate> {
        let over = sync::last_over(self.house.calendars().of(exchange), now)?;
        Some(self.wish.to.map_or(over, |to| to.min(over)))
    }

    /// What is known of one instrument and vendor.
    pub(super) fn held(&self, vendor: VendorId, instrument: InstrumentId) -> Result<Held, ServiceError> {
        let market = lock(self.house.market_store());
        let reader = market.read();
        let spans = reader.coverage_of(instrument, vendor.as_str(), DataKind::Daily)?;
        let stored = reader.stored_sessions(instrument, vendor.as_str(), NaiveDate::MIN, NaiveDate::MAX)?;
        let now = self.control.pace.now();
        let fresh = |at: UnixNanos| now.since(at) < FRESH_SECONDS * NANOS_PER_SECOND;
        Ok(Held {
            is_fresh: spans.last().is_some_and(|span| fresh(span.fetched_at)),
            covered: spans.iter().map(|span| (span.from, span.to)).collect(),
            stored,
        })
    }

    /// Days of a kind that a vendor has answered for.
    pub(super) fn covered(
        &self,
        vendor: VendorId,
        kind: DataKind,
        instrument: InstrumentId,
    ) -> Result<Vec<(NaiveDate, NaiveDate)>, ServiceError> {
        let spans = lock(self.house.market_store()).read().coverage_of(instrument, vendor.as_str(), kind)?;
        Ok(spans.iter().map(|span| (span.from, span.to)).collect())
    }

    /// Sessions to ask for.
    pub(super) fn missing(
        &self,
        instrument: InstrumentId,
        (from, to): (NaiveDate, NaiveDate),
        held: &Held,
    ) -> Vec<NaiveDate> {
        sync::missing(self.house.calendars().of(instrument.exchange), from, to, held)
    }

    /// The cheapest steps for some instruments, and those that lack nothing, with whether anything is known of them.
    #[allow(clippy::result_large_err, reason = "a fault ends a vendor's part of a run")]
    pub(super) fn plan(
        &self,
        fetcher: &Fetcher,
        exchange: Exchange,
        instruments: &[InstrumentId],
        to: NaiveDate,
    ) -> Result<Planned, Fault> {
        let (mut needs, mut idle) = (BTreeMap::new(), Vec::new());
        for id in instruments {
            let held = self.held(fetcher.id(), *id)?;
            let to = self.end_of(*id, to);
            let from = self.wish.from.unwrap_or_else(|| held.begin(to));
            let missing = self.missing(*id, (from, to), &held);
            if missing.is_empty() {
                idle.push((*id, !held.covered.is_empty() || !held.stored.is_empty()));
            } else {
                needs.insert(*id, missing);
            }
        }
        let kind = DataKind::GroupedDaily;
        let is_refused = budget::is_refused(&fetcher.budget()?, kind, fetcher.now());
        let was_refused = self.no_grouped.contains(&(fetcher.id(), exchange));
        let has_grouped = fetcher.vendor().has(kind, exchange) && !is_refused && !was_refused;
        Ok((sync::steps(exchange, &needs, has_grouped), idle))
    }

    /// The next page, with every wait told.
    pub(super) async fn next(
        &mut self,
        fetcher: &Fetcher,
        pages: &mut Pages<'_>,
    ) -> Result<Option<Page>, Fault> {
        lock(&self.progress).requests += 1;
        let waiting = |waiting: &Waiting| {
            let budget = fetcher.budget().unwrap_or_default();
            let windows = budget::usage(&budget, fetcher.allowances(), waiting.from);
            let mut progress = lock(&self.progress);
            progress.waiting = Some(waiting.clone());
            progress.windows = windows.iter().map(|u| (u.seconds, u.used, u.of)).collect();
            (self.control.progress)(&progress);
        };
        let watch = Watch { stop: &self.control.stop, waiting: &waiting };
        let got = pages.next(watch).await;
        lock(&self.progress).waiting = None;
        Ok(got?)
    }

    /// Tells that a step begins.
    pub(super) fn begin_step(&self, fetcher: &Fetcher, step: &Step, (done, total): (usize, usize)) {
        let mut progress = lock(&self.progress);
        *progress = Progress {
            vendor: Some(fetcher.id()),
            doing: match step {
                Step::One { instrument, .. } => instrument.to_string(),
                Step::Market { exchange, date, .. } => format!("all of {exchange} on {date}"),
            },
            done,
            total,
            seconds_left: budget::seconds_for(total.saturating_sub(done), fetcher.allowances()),
            ..progress.clone()
        };
        (self.control.progress)(&progress);
    }

    /// Counts what was kept.
    pub(super) fn kept(&mut self, kept: &Kept) {
        self.report.list_quarantined(&kept.quarantine);
        let mut progress = lock(&self.progress);
        progress.rows += kept.outcome.stored + kept.outcome.revised;
        (self.control.progress)(&progress);
    }
}
