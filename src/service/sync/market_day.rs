//! One day of a whole market in one call, for the instruments that need it: the day's splits and dividends first, then
//! the rows, all in one transaction.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::market::{Basis, CorporateAction};
use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, Exchange, InstrumentId, Quarantined};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::vendors::{Ask, Payload, Series};
use crate::store::market as store;

use super::super::engine::lock;
use super::page::{Arrived, Kept};
use super::report::{SyncOutcome, SyncRow};
use super::run::{Fault, Run};
use super::turn;

/// What a day brings of each instrument.
type Shares = BTreeMap<InstrumentId, (Series, Vec<Quarantined>)>;

impl Run<'_> {
    /// Fetches a day and stores it.
    pub(super) async fn market_day(
        &mut self,
        fetcher: &Fetcher,
        exchange: Exchange,
        date: NaiveDate,
        wanted: &[InstrumentId],
    ) -> Result<Vec<SyncRow>, Fault> {
        let vendor = fetcher.id();
        let Some(_turn) = turn::take(self.house, vendor, &self.control.stop).await? else {
            return Err(Fault::Fetch(FetchError { vendor, why: Why::Canceled }));
        };
        let (mut needing, mut rows) = (Vec::new(), Vec::new());
        for id in wanted {
            let held = self.held(vendor, *id)?;
            if self.missing(fetcher, *id, (date, date), &held).is_empty() {
                rows.push(SyncRow::new(*id, Some(vendor), SyncOutcome::UpToDate));
            } else {
                needing.push(*id);
            }
        }
        if needing.is_empty() {
            return Ok(rows);
        }
        // The bars first: a plan without them needs no splits and dividends either.
        let mut shares = self.rows_of_day(fetcher, exchange, date, &needing).await?;
        let actions = self.actions_of_day(fetcher, exchange, date).await?;
        for action in actions.iter().flatten() {
            if let Some((series, _)) = shares.get_mut(&action.instrument) {
                series.actions.push(action.clone());
            }
        }
        rows.extend(self.keep_day(fetcher, date, shares, actions.is_some())?);
        Ok(rows)
    }

    async fn rows_of_day(
        &mut self,
        fetcher: &Fetcher,
        exchange: Exchange,
        date: NaiveDate,
        needing: &[InstrumentId],
    ) -> Result<Shares, Fault> {
        let empty = Series::plain(Basis::Raw, Vec::new(), Vec::new());
        let mut shares: Shares = needing.iter().map(|id| (*id, (empty.clone(), Vec::new()))).collect();
        let mut pages = fetcher.pages(Ask::GroupedDaily { exchange, date })?;
        while let Some(page) = self.next(fetcher, &mut pages).await? {
            let Payload::Series(series) = page.payload else { break };
            shares.values_mut().for_each(|(share, _)| share.basis = series.basis);
            for bar in series.bars {
                if let Some((share, _)) = shares.get_mut(&bar.instrument) {
                    share.bars.push(bar);
                }
            }
            for row in page.rejected {
                let symbol = row.symbol.as_str().parse().ok();
                let share = symbol.and_then(|symbol| shares.get_mut(&InstrumentId::new(symbol, exchange)));
                if let Some((_, rejected)) = share {
                    rejected.push(row);
                }
            }
        }
        Ok(shares)
    }

    /// The day's splits and dividends of everything; `None` where the vendor or the plan has none.
    async fn actions_of_day(
        &mut self,
        fetcher: &Fetcher,
        exchange: Exchange,
        date: NaiveDate,
    ) -> Result<Option<Vec<CorporateAction>>, Fault> {
        let (from, to) = (date, self.actions_upto(exchange, date, fetcher.now()));
        let mut told = Vec::new();
        for ask in [Ask::MarketSplits { exchange, from, to }, Ask::MarketDividends { exchange, from, to }] {
            match self.action_pages(fetcher, ask).await {
                Ok(actions) => told.extend(actions),
                Err(Fault::Fetch(FetchError { why: Why::NotFound, .. })) => {}
                Err(Fault::Fetch(FetchError {
                    why: Why::NotEntitled { .. } | Why::HasNoSuchData, ..
                })) => {
                    return Ok(None);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(Some(told))
    }

    /// Stores a day in one transaction.
    fn keep_day(
        &mut self,
        fetcher: &Fetcher,
        date: NaiveDate,
        shares: Shares,
        has_actions: bool,
    ) -> Result<Vec<SyncRow>, Fault> {
        let (vendor, at) = (fetcher.id(), fetcher.now());
        let basis = shares.values().next().map_or(Basis::Raw, |(series, _)| series.basis);
        let (mut day, mut quarantine) = (store::Fetched::default(), Vec::new());
        let mut rows: BTreeMap<InstrumentId, SyncRow> = BTreeMap::new();
        for (id, (series, rejected)) in &shares {
            let (asked, stored) = (Some((date, date)), &[][..]);
            let page =
                Arrived { vendor, instrument: *id, series, rejected, asked, stored, is_whole: false, at };
            let (mut fetched, kept) = self.house.sifted(&page)?;
            if has_actions {
                let of = |c: &store::Covered| store::Covered { kind: DataKind::Actions, ..c.clone() };
                fetched.covered.extend(fetched.covered.first().map(of));
            }
            let mut row = SyncRow::new(*id, Some(vendor), SyncOutcome::Done);
            (row.from, row.to) = asked.unzip();
            row.quarantined = kept.quarantine.len() as u64;
            (row.actions, row.unjudged, row.repaired) = (kept.actions, kept.unjudged, kept.repaired);
            if series.bars.is_empty() && rejected.is_empty() {
                row.said = "no row that day".into();
            }
            rows.insert(*id, row);
            quarantine.extend(kept.quarantine);
            day.add(fetched);
        }
        let mut run = store::BarRun::new(CleanText::new(vendor.as_str()), basis, at);
        let outcome = lock(self.house.market_store()).store_fetched(&mut run, &day, at);
        let outcome = outcome.map_err(super::super::error::ServiceError::from)?;
        for (bar, outcome) in day.bars.iter().zip(&outcome.rows) {
            let Some(row) = rows.get_mut(&bar.instrument) else { continue };
            match outcome {
                store::RowOutcome::Stored(_) => row.stored += 1,
                store::RowOutcome::Revised(_) => row.revised += 1,
                store::RowOutcome::Unchanged | store::RowOutcome::Duplicate | store::RowOutcome::Conflict => {
                    row.unchanged += 1
                }
            }
        }
        self.kept(&Kept { outcome, quarantine, ..Kept::default() });
        Ok(rows.into_values().collect())
    }
}
