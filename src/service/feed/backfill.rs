//! What was missed while the stream was away: the vendor's own minutes of that time, asked for in the background.
//!
//! One at a time, on a thread of its own, within the vendor's budget; the feed goes on meanwhile. A gap that ends
//! while one is being filled is filled after it. A symbol that cannot be had is left out; what concerns the whole vendor
//! ends the filling.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::domain::market::MinuteBar;
use crate::domain::vendor::VendorId;
use crate::domain::{InstrumentId, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Stopper, Watch, stopper};
use crate::market::http::Limits;
use crate::market::vendors::{Ask, Payload};
use crate::store::market::MinuteSide;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::vendors::WallPace;

/// What fills gaps.
#[derive(Debug, Default)]
pub(super) struct Backfill {
    running: Option<(Stopper, JoinHandle<()>)>,
    fetched: Arc<AtomicU64>,
    /// The gap that waits to be filled: the start of the oldest one, and the end of the newest.
    waiting: Option<(UnixNanos, UnixNanos)>,
}

impl Backfill {
    /// Minutes fetched so far.
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Acquire)
    }

    /// Fills the gap from `lost` to now.
    pub(super) fn start(
        &mut self,
        house: &Arc<House>,
        wanted: &BTreeSet<InstrumentId>,
        lost: UnixNanos,
        now: UnixNanos,
    ) {
        let since = self.waiting.map_or(lost, |(since, _)| since.min(lost));
        self.waiting = Some((since, now));
        self.go_on(house, wanted);
    }

    /// Begins with the gap that waits, unless one is being filled.
    pub(super) fn go_on(&mut self, house: &Arc<House>, wanted: &BTreeSet<InstrumentId>) {
        let Some(span) = self.waiting else { return };
        if self.running.as_ref().is_some_and(|(_, thread)| !thread.is_finished()) || wanted.is_empty() {
            return;
        }
        let (stopper, stop) = stopper();
        let (house, wanted, fetched) = (Arc::clone(house), wanted.clone(), Arc::clone(&self.fetched));
        let thread = thread::Builder::new().name("backfill".into()).spawn(move || {
            let watch = Watch { stop: &stop, waiting: &|_| {} };
            if let Err(error) = fill(&house, &wanted, span, &fetched, watch) {
                tracing::warn!(%error, "what was missed by the live feed could not be fetched");
            }
        });
        match thread {
            Ok(thread) => {
                self.running = Some((stopper, thread));
                self.waiting = None;
            }
            Err(error) => tracing::warn!(%error, "what was missed by the live feed could not be fetched"),
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        if let Some((stopper, thread)) = self.running.take() {
            stopper.set();
            if thread.join().is_err() {
                tracing::error!("fetching what the live feed missed ended badly");
            }
        }
    }
}

fn fill(
    house: &House,
    wanted: &BTreeSet<InstrumentId>,
    (since, now): (UnixNanos, UnixNanos),
    fetched: &AtomicU64,
    watch: Watch<'_>,
) -> Result<(), ServiceError> {
    let fetcher =
        house.fetcher(VendorId::Polygon, Arc::new(WallPace::new(house.clock_arc())), Limits::default())?;
    let failed = |source| ServiceError::File {
        path: house.home().to_path_buf(),
        doing: "a thread could not be started; close other programs",
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    for instrument in wanted {
        let calendar = house.calendars().of(instrument.exchange);
        let ask = Ask::Minutes {
            instrument: *instrument,
            from: calendar.date_at(since),
            to: calendar.date_at(now),
        };
        let mut keep = |missed: &[MinuteBar]| -> Result<(), ServiceError> {
            let missed: Vec<(InstrumentId, MinuteBar)> =
                missed.iter().map(|bar| (*instrument, *bar)).collect();
            let (wall, source) = (house.clock().now(), VendorId::Polygon.as_str());
            let outcome =
                lock(house.market_store()).store_minutes(source, MinuteSide::Trade, &missed, wall)?;
            fetched.fetch_add(outcome.stored + outcome.revised, Ordering::AcqRel);
            Ok(())
        };
        match runtime.block_on(fetch(&fetcher, ask, watch, &mut keep))? {
            None => {}
            Some(error) if error.why.is_vendor_wide() => return Err(ServiceError::Data(error.to_string())),
            Some(error) => {
                tracing::warn!(%instrument, %error, "what was missed of an instrument could not be fetched");
            }
        }
    }
    Ok(())
}

/// All pages of an answer; why the vendor did not give them, if it did not.
async fn fetch(
    fetcher: &Fetcher,
    ask: Ask,
    watch: Watch<'_>,
    keep: &mut impl FnMut(&[MinuteBar]) -> Result<(), ServiceError>,
) -> Result<Option<FetchError>, ServiceError> {
    let mut pages = match fetcher.pages(ask) {
        Ok(pages) => pages,
        Err(error) => return Ok(Some(error)),
    };
    loop {
        match pages.next(watch).await {
            Ok(Some(page)) => {
                if let Payload::Minutes(minutes) = page.payload {
                    keep(&minutes.bars)?;
                }
            }
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}
