//! Dividends that the exchange's own site tells, beside the prices of others.
//!
//! The site has no prices, but of each company the last or next dividend with its ex-date and day of payment. A sync of
//! prices of Sydney asks it once a day for each name, whoever gave the prices; what it tells is judged by stored prices and
//! laid beside what others tell, like every other action. What it does not give fails nothing: prices stand.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::sync::Step;
use crate::market::vendors::Ask;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::report::{SyncOutcome, SyncRow};
use super::run::{Fault, Run, UNUSABLE};
use super::{Bars, turn};

/// The site.
const SITE: VendorId = VendorId::Asx;
/// Where what it lists trades.
const HERE: Exchange = Exchange::Xasx;
/// How long its answer is believed, in seconds.
const BELIEVED_SECONDS: i64 = 20 * 3_600;
/// Most names of one run, at 30 a minute; those asked longest ago come first.
const NAMES_MAX: usize = 300;
/// Days back of which a dividend is taken.
const BACK: chrono::Days = chrono::Days::new(400);

impl Run<'_> {
    /// Asks the site for dividends of the names of this run that trade there.
    pub(super) async fn site_dividends(&mut self) -> Result<(), ServiceError> {
        let is_named = self.wish.vendor == Some(SITE);
        let is_asked = is_named
            || self.wish.vendor.is_none() && self.house.vendor_order(DataKind::Actions).contains(&SITE);
        if self.wish.bars != Bars::Daily || !is_asked || !self.report.fault.is_empty() {
            return Ok(());
        }
        let names = self.names_for_site()?;
        if names.is_empty() {
            return Ok(());
        }
        // What is wrong with the site costs no price.
        let fetcher = match self.house.fetcher(SITE, Arc::clone(&self.control.pace), self.control.limits) {
            Ok(fetcher) => fetcher,
            Err(error) => {
                self.leave(SITE, UNUSABLE, &error.to_string());
                return Ok(());
            }
        };
        let total = names.len();
        for (done, id) in names.into_iter().enumerate() {
            if self.control.stop.is_set() {
                return Ok(());
            }
            let Some(place) = self.report.rows.iter().position(|row| row.instrument() == id) else {
                continue;
            };
            let Some(mut row) = self.report.rows.get(place).cloned() else { continue };
            let (from, to) = (NaiveDate::MIN, NaiveDate::MAX);
            self.begin_step(&fetcher, &Step::One { instrument: id, from, to }, (done, total));
            match self.site_dividend(&fetcher, id, &mut row).await {
                Ok(()) if is_named => {
                    (row.outcome, row.vendor) = (SyncOutcome::Done, Some(SITE));
                    row.code.clear();
                    row.said = format!("{SITE} has no prices; its dividend was asked for");
                }
                Ok(()) | Err(Fault::Fetch(FetchError { why: Why::NotFound | Why::Canceled, .. })) => {}
                Err(Fault::Service(error)) => return Err(*error),
                Err(Fault::Fetch(error)) if error.why.is_vendor_wide() => {
                    self.left(SITE, &error);
                    return Ok(());
                }
                Err(Fault::Fetch(error)) => row.said = joined(&row.said, &format!("no dividends: {error}")),
            }
            if let Some(known) = self.report.rows.get_mut(place) {
                *known = row;
            }
        }
        Ok(())
    }

    /// Names of this run whose dividends the site was not asked for lately, those asked longest ago first; all where the
    /// site is named.
    fn names_for_site(&self) -> Result<Vec<InstrumentId>, ServiceError> {
        let now = self.control.pace.now();
        let market = lock(self.house.market_store());
        let mut names: Vec<(Option<UnixNanos>, InstrumentId)> = Vec::new();
        for id in self.report.rows.iter().map(SyncRow::instrument).filter(|id| id.exchange == HERE) {
            let spans = market.read().coverage_of(id, SITE.as_str(), DataKind::Actions)?;
            let asked = spans.iter().map(|span| span.fetched_at).max();
            let is_old = |at: UnixNanos| now.since(at) >= BELIEVED_SECONDS * NANOS_PER_SECOND;
            if self.wish.vendor == Some(SITE) || asked.is_none_or(is_old) {
                names.push((asked, id));
            }
        }
        names.sort();
        Ok(names.into_iter().take(NAMES_MAX).map(|(_, id)| id).collect())
    }

    /// The last or next dividend of one name.
    async fn site_dividend(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let Some(_turn) = turn::take(self.house, SITE, &self.control.stop).await? else {
            return Err(FetchError { vendor: SITE, why: Why::Canceled }.into());
        };
        let today = self.house.calendars().of(HERE).date_at(fetcher.now());
        let from = today.checked_sub_days(BACK).unwrap_or(today);
        let to = self.actions_upto(HERE, today, fetcher.now());
        let told = self.action_pages(fetcher, Ask::Dividends { instrument, from, to }).await;
        if let Err(Fault::Fetch(FetchError { why: Why::NotFound, .. })) = &told {
            // Asked all the same: it must not take the place of others in each run.
            self.house.keep_actions(SITE, instrument, &[], Some((today, today)), fetcher.now())?;
        }
        let told = told?;
        // It tells one dividend: there was none between that and today.
        let since = told.iter().map(|action| action.date).max().map_or(today, |date| date.min(today));
        let span: Option<(NaiveDate, NaiveDate)> = Some((since, today));
        let kept = self.house.keep_actions(SITE, instrument, &told, span, fetcher.now())?;
        self.count_actions(row, &kept);
        Ok(())
    }
}

fn joined(before: &str, more: &str) -> String {
    if before.is_empty() { more.to_owned() } else { format!("{before}; {more}") }
}
