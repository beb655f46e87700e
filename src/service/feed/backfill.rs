//! What was missed while the stream was away: the vendor's own minutes of that time, asked for in the background.
//!
//! One at a time, on a thread of its own, within the vendor's budget; the feed goes on meanwhile. A gap that ends
//! while one is being filled is filled after it. A symbol that cannot be had is left out; what concerns the whole vendor
//! ends the filling. Names with resting orders come first, and their minutes are handed back: the engine must see them
//! before it sees anything newer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use crate::domain::market::MinuteBar;
use crate::domain::vendor::VendorId;
use crate::domain::{InstrumentId, Quarantined, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Stopper, Watch, stopper};
use crate::market::http::Limits;
use crate::market::vendors::{Ask, Payload};

use super::super::error::ServiceError;
use super::super::house::House;
use super::super::sync::MinutesPage;
use super::super::vendors::WallPace;

/// The job under which rows are quarantined.
const JOB: &str = "backfill";

/// Nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disconnected;

/// What fills gaps.
#[derive(Debug, Default)]
pub(super) struct Backfill {
    running: Option<(Stopper, JoinHandle<()>)>,
    fetched: Arc<AtomicU64>,
    /// The gap that waits to be filled: the start of the oldest one, and the end of the newest.
    waiting: Option<(UnixNanos, UnixNanos)>,
    /// Names whose minutes are handed back, and where they come.
    first: BTreeSet<InstrumentId>,
    missed: Option<Receiver<Missed>>,
}

/// The minutes of a name that were missed: none where they cannot be had.
pub(super) type Missed = (InstrumentId, Vec<MinuteBar>);

impl Backfill {
    /// Minutes fetched so far.
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Acquire)
    }

    /// Fills the gap from `lost` to now, and hands back what was missed of the names that come `first`.
    pub(super) fn start(
        &mut self,
        house: &Arc<House>,
        wanted: &BTreeSet<InstrumentId>,
        (lost, now): (UnixNanos, UnixNanos),
        first: BTreeSet<InstrumentId>,
    ) {
        let since = self.waiting.map_or(lost, |(since, _)| since.min(lost));
        self.waiting = Some((since, now));
        self.first = first;
        self.go_on(house, wanted);
    }

    /// What was missed of a name, if something came; `Err` when nothing will come any more.
    pub(super) fn missed(&self) -> Result<Option<Missed>, Disconnected> {
        let Some(missed) = &self.missed else {
            return if self.waiting.is_some() { Ok(None) } else { Err(Disconnected) };
        };
        match missed.try_recv() {
            Ok(missed) => Ok(Some(missed)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) if self.waiting.is_some() => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Disconnected),
        }
    }

    /// Begins with the gap that waits, unless one is being filled.
    pub(super) fn go_on(&mut self, house: &Arc<House>, wanted: &BTreeSet<InstrumentId>) {
        let Some(span) = self.waiting else { return };
        if self.running.as_ref().is_some_and(|(_, thread)| !thread.is_finished()) || wanted.is_empty() {
            return;
        }
        let (stopper, stop) = stopper();
        let first = std::mem::take(&mut self.first);
        let (give, missed) = bounded(first.len());
        let rest = wanted.difference(&first).copied();
        let wanted: Vec<InstrumentId> = first.iter().copied().chain(rest).collect();
        let told = move |instrument, minutes| {
            if first.contains(&instrument) {
                // The feed may not wait for it any more.
                give.try_send((instrument, minutes)).unwrap_or_default();
            }
        };
        let (house, fetched) = (Arc::clone(house), Arc::clone(&self.fetched));
        let thread = thread::Builder::new().name("backfill".into()).spawn(move || {
            let watch = Watch { stop: &stop, waiting: &|_| {} };
            if let Err(error) = fill(&house, &wanted, span, (&fetched, &told), watch) {
                tracing::warn!(%error, "what was missed by the live feed could not be fetched");
            }
        });
        match thread {
            Ok(thread) => {
                self.running = Some((stopper, thread));
                self.missed = Some(missed);
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
    wanted: &[InstrumentId],
    (since, now): (UnixNanos, UnixNanos),
    (fetched, told): (&AtomicU64, &dyn Fn(InstrumentId, Vec<MinuteBar>)),
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
        let mut all = Vec::new();
        let mut keep = |missed: &[MinuteBar], rejected: &[Quarantined]| -> Result<(), ServiceError> {
            all.extend_from_slice(missed);
            let outcome = house.keep_minutes(&MinutesPage {
                vendor: VendorId::Polygon,
                instrument: *instrument,
                bars: missed,
                rejected,
                // The day is not over: it is not answered for.
                covered: &[],
                job: JOB,
                at: house.clock().now(),
            })?;
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
        told(*instrument, all);
    }
    Ok(())
}

/// All pages of an answer; why the vendor did not give them, if it did not.
async fn fetch(
    fetcher: &Fetcher,
    ask: Ask,
    watch: Watch<'_>,
    keep: &mut impl FnMut(&[MinuteBar], &[Quarantined]) -> Result<(), ServiceError>,
) -> Result<Option<FetchError>, ServiceError> {
    let mut pages = match fetcher.pages(ask) {
        Ok(pages) => pages,
        Err(error) => return Ok(Some(error)),
    };
    loop {
        match pages.next(watch).await {
            Ok(Some(page)) => {
                if let Payload::Minutes(minutes) = page.payload {
                    keep(&minutes.bars, &page.rejected)?;
                }
            }
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}
