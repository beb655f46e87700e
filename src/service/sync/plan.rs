//! What a run knows before it asks: what is stored and answered for, what is missing, and what it tells meanwhile.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::market::budget;
use crate::market::fetch::{Fetcher, Pages};
use crate::market::sync::{self, Held, Step};
use crate::market::vendors::Page;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::page::Kept;
use super::run::{Fault, Run};
use super::{Bars, minutes};

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
        let source = vendor.as_str();
        let spans = reader.coverage_of(instrument, source, self.wish.bars.kind())?;
        let now = self.control.pace.now();
        let stored = match self.wish.bars {
            Bars::Daily => reader.stored_sessions(instrument, source, NaiveDate::MIN, NaiveDate::MAX)?,
            Bars::Minutes => self.sessions_with_minutes(reader, instrument, source)?,
        };
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

    /// Sessions to ask a vendor for.
    pub(super) fn missing(
        &self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        (from, to): (NaiveDate, NaiveDate),
        held: &Held,
    ) -> Vec<NaiveDate> {
        let from = self.first_kept(fetcher, instrument.exchange).map_or(from, |first| from.max(first));
        sync::missing(self.house.calendars().of(instrument.exchange), from, to, held)
    }

    /// The first day to ask for when none is named.
    fn begin(&self, instrument: InstrumentId, held: &Held, to: NaiveDate) -> NaiveDate {
        match self.wish.bars {
            Bars::Daily => held.begin(to),
            Bars::Minutes => minutes::begin(self.house.calendars().of(instrument.exchange), held, to),
        }
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
        let (mut needs, mut idle, mut owing) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let state = fetcher.budget()?;
        let is_refused = |kind| budget::is_refused(&state, kind, fetcher.now());
        let tells_actions = !is_refused(DataKind::Actions);
        for id in instruments {
            let held = self.held(fetcher.id(), *id)?;
            let to = self.end_of(*id, to);
            let from = self.wish.from.unwrap_or_else(|| self.begin(*id, &held, to));
            let missing = self.missing(fetcher, *id, (from, to), &held);
            let owed = if tells_actions { self.owed(fetcher, *id)? } else { None };
            if missing.is_empty() && owed.is_none() {
                idle.push((*id, !held.covered.is_empty() || !held.stored.is_empty()));
            } else if !missing.is_empty() {
                needs.insert(*id, missing);
            }
            owing.extend(owed.map(|first| (*id, (first, to))));
        }
        let kind = DataKind::GroupedDaily;
        let was_refused = self.no_grouped.contains(&(fetcher.id(), exchange));
        let is_daily = self.wish.bars == Bars::Daily;
        let has_grouped =
            is_daily && fetcher.vendor().has(kind, exchange) && !is_refused(kind) && !was_refused;
        let mut steps = sync::steps(exchange, &needs, has_grouped);
        // Who is asked alone is asked for what it owes with its bars.
        for step in &steps {
            if let Step::One { instrument, .. } = step {
                owing.remove(instrument);
            }
        }
        steps.extend(owing.into_iter().map(|(instrument, (from, to))| Step::One { instrument, from, to }));
        Ok((steps, idle))
    }

    /// The next page.
    pub(super) async fn next(
        &mut self,
        fetcher: &Fetcher,
        pages: &mut Pages<'_>,
    ) -> Result<Option<Page>, Fault> {
        Ok(self.meter.next(fetcher, pages).await?)
    }

    /// Tells that a step begins.
    pub(super) fn begin_step(&self, fetcher: &Fetcher, step: &Step, steps: (usize, usize)) {
        let doing = match step {
            Step::One { instrument, .. } if self.wish.bars == Bars::Minutes => {
                format!("minutes of {instrument}")
            }
            Step::One { instrument, .. } => instrument.to_string(),
            Step::Market { exchange, date, .. } => format!("all of {exchange} on {date}"),
        };
        self.meter.begin(fetcher, doing, steps, 1);
    }

    /// Counts what was kept.
    pub(super) fn kept(&mut self, kept: &Kept) {
        self.report.list_quarantined(&kept.quarantine);
        self.meter.stored(kept.outcome.stored + kept.outcome.revised);
    }
}
