//! Prices as they happen, for a home: from a stream to the quote board, to the engine and to the stored minutes.
//!
//! It runs on a thread of its own while the workstation is open and the setting `live.vendor` names somebody. What is
//! watched, held or ordered is subscribed. Ticks are conflated ten times a second before anybody sees them, so neither
//! the terminal nor the engine's queue can be flooded; every trade counts into the minutes. Between two connections
//! nothing is heard: the minutes missed are fetched from the vendor's other side, and everything is marked as stale
//! once nothing came for [`STALE_SECONDS`].

mod backfill;
mod day;
mod missed;
mod run;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde::Serialize;

use crate::config::{LiveSetting, LiveVendor};
use crate::domain::vendor::{STREAM_HOSTS, VendorId};
use crate::domain::{Address, CleanText, Exchange, UnixNanos};
use crate::market::live::polygon::{PolygonStream, Timing};
use crate::market::live::ticks::TickReplay;
use crate::market::live::{LiveCounts, Stream};
use crate::market::vendors::registry;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::view::FeedLine;

/// Prices are stale when nothing came for this long, in seconds.
pub const STALE_SECONDS: i64 = 5;

/// How a feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// It tries to connect.
    #[default]
    Connecting,
    /// It is connected and has subscribed.
    Live,
    /// It was connected and tries again.
    Lost,
    /// It has ended and does not try again: a recording is through, or it failed.
    Over,
}

impl FeedState {
    /// In a word, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            FeedState::Connecting => "connecting",
            FeedState::Live => "live",
            FeedState::Lost => "lost",
            FeedState::Over => "over",
        }
    }
}

/// A feed, for screens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedStatus {
    /// Who sends.
    pub vendor: CleanText,
    /// Whose market time it moves; `None` once it has ended.
    pub exchange: Option<Exchange>,
    /// How it stands.
    pub state: FeedState,
    /// When it last came to that, by the wall.
    pub since: UnixNanos,
    /// When something last came, by the wall.
    pub last_message: Option<UnixNanos>,
    /// When a quote or print last came, by the wall: a plan may have bars of minutes alone.
    pub last_tick: Option<UnixNanos>,
    /// Whether what is shown may be old: nothing came for [`STALE_SECONDS`], or it is not connected.
    pub is_stale: bool,
    /// Instruments that are subscribed.
    pub symbols: usize,
    /// What came in, went out and was wrong.
    pub counts: LiveCounts,
    /// Connections lost so far.
    pub gaps: u64,
    /// Minutes that were fetched after gaps.
    pub fetched_minutes: u64,
    /// Minutes that were stored.
    pub stored_minutes: u64,
    /// The time its prices are held against, and the wall's then; it goes on with the wall.
    pub(super) clock: Option<(Exchange, UnixNanos, UnixNanos)>,
    /// What went wrong last, and when.
    pub last_error: Option<(UnixNanos, CleanText)>,
}

impl FeedStatus {
    fn in_words(&self) -> String {
        let silent = if self.is_stale && self.state == FeedState::Live { ", silent" } else { "" };
        format!("{}: {}{silent}, {} symbols", self.vendor, self.state.as_str(), self.symbols)
    }
}

/// Where a home's feed is shown.
#[derive(Debug, Default)]
pub(super) struct FeedBoard(Mutex<Option<FeedStatus>>);

impl FeedBoard {
    fn change(&self, change: impl FnOnce(&mut FeedStatus)) {
        change(lock(&self.0).get_or_insert_default());
    }
}

/// Keeps a feed going until it is dropped.
#[derive(Debug)]
pub struct FeedGuard {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for FeedGuard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the feed ended badly; prices are as they were stored");
        }
    }
}

impl House {
    /// How the feed stands; `None` while there was none.
    pub fn feed_status(&self) -> Option<FeedStatus> {
        lock(&self.feed_board().0).clone()
    }

    /// What time it is now on an exchange whose prices come live.
    pub(super) fn live_time(&self, exchange: Exchange) -> Option<UnixNanos> {
        let (of, time, wall) = self.feed_status()?.clock?;
        let passed = self.clock().now().since(wall).max(0);
        (of == exchange).then(|| time.plus_nanos(passed))
    }

    /// Why prices of an exchange may be old, in words; `None` while its feed is well or there is none.
    pub(super) fn feed_trouble(&self, exchange: Exchange) -> Option<String> {
        let status = self.feed_status().filter(|s| s.is_stale)?;
        let (of, ..) = status.clock?;
        let state = if status.state == FeedState::Live { "silent" } else { status.state.as_str() };
        let last =
            status.last_message.map_or(String::new(), |last| format!("; its last message came at {last}"));
        (of == exchange).then(|| format!("the live feed of {} is {state}{last}", status.vendor))
    }

    /// The feed and the rounds beside it in words, for screens.
    pub(super) fn feed_line(&self) -> Option<FeedLine> {
        let lines = self.stream_line().into_iter().chain(self.rounds_line());
        lines.reduce(|stream, rounds| FeedLine {
            state: format!("{}; {}", stream.state, rounds.state),
            is_fresh: stream.is_fresh && rounds.is_fresh,
            counts: format!("{}; {}", stream.counts, rounds.counts),
            trouble: stream.trouble.into_iter().chain(rounds.trouble).max(),
        })
    }

    fn stream_line(&self) -> Option<FeedLine> {
        let status = self.feed_status()?;
        let counts = &status.counts;
        let wrong = counts.broken + counts.unknown + counts.ahead + counts.dropped + counts.bad_minutes;
        Some(FeedLine {
            state: status.in_words(),
            is_fresh: !status.is_stale,
            counts: format!(
                "{} ticks in, {} out, {wrong} not usable; lost {}x, {} minutes fetched, {} stored",
                counts.ticks, counts.given, status.gaps, status.fetched_minutes, status.stored_minutes
            ),
            trouble: status.last_error.map(|(at, words)| (at, words.to_string())),
        })
    }

    /// How the feed of an exchange stands, in words, and whether its prices are fresh; `None` without one.
    pub(super) fn feed_of(&self, exchange: Exchange) -> Option<(String, bool)> {
        let status = self.feed_status().filter(|s| s.exchange == Some(exchange))?;
        Some((status.in_words(), !status.is_stale))
    }

    /// Starts the feed of the settings, where this process owns the trades; `None` without one. Why it did not start is
    /// shown where it would be.
    pub fn start_feed(self: &Arc<Self>) -> Result<Option<FeedGuard>, ServiceError> {
        let live = lock(self.settings()).live.clone();
        if matches!(live.vendor, LiveVendor::None | LiveVendor::Polled) || !self.owns_trades() {
            return Ok(None);
        }
        self.start_feed_set(&live).map(Some).inspect_err(|error| {
            let now = self.clock().now();
            self.feed_board().change(|status| {
                status.vendor = CleanText::new(live.vendor.as_str());
                (status.state, status.since, status.is_stale) = (FeedState::Over, now, true);
                status.last_error = Some((now, CleanText::from(error.to_string())));
            });
        })
    }

    fn start_feed_set(self: &Arc<Self>, live: &LiveSetting) -> Result<FeedGuard, ServiceError> {
        let (stream, exchange) = match live.vendor {
            LiveVendor::Polygon => (self.polygon_stream(live)?, Exchange::Xnys),
            LiveVendor::Ticks | LiveVendor::None | LiveVendor::Polled => {
                (self.tick_stream(live)?, live.exchange)
            }
        };
        self.start_feed_of(stream, exchange)
    }

    /// The same with a stream of the caller's choice, whose instruments trade on `exchange`.
    pub fn start_feed_of(
        self: &Arc<Self>,
        stream: Box<dyn Stream>,
        exchange: Exchange,
    ) -> Result<FeedGuard, ServiceError> {
        let failed = |source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "the feed could not be started; close other programs",
            source,
        };
        // Orders fill as the settings say, also where the home is older than a setting.
        self.configure(None)?;
        let stop = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let running = run::Running::new(Arc::clone(self), stream, exchange, Arc::clone(&stop))?;
        let thread = thread::Builder::new().name("feed".into()).spawn(move || {
            runtime.block_on(running.run());
            // A name that is still being looked up must not keep the home open.
            runtime.shutdown_background();
        });
        Ok(FeedGuard { stop, thread: Some(thread.map_err(failed)?) })
    }

    fn polygon_stream(self: &Arc<Self>, live: &LiveSetting) -> Result<Box<dyn Stream>, ServiceError> {
        let house = Arc::clone(self);
        // Where keys are may have to be waited for: the feed's own thread does.
        let key = move || {
            let none = || {
                "the live feed needs a key: 'qlib-pro key set polygon', or set live.vendor to none".to_owned()
            };
            house.vendor_key(VendorId::Polygon).map_err(|e| e.to_string())?.ok_or_else(none)
        };
        let address = self.stream_address(live)?;
        Ok(Box::new(PolygonStream::new(address, Box::new(key), Timing::default())))
    }

    /// Where Polygon's stream is.
    pub(super) fn stream_address(&self, live: &LiveSetting) -> Result<Address, ServiceError> {
        // A test server on this machine has both sides of the vendor.
        let rest = self.vendor_address(registry::vendor(VendorId::Polygon, self.calendars()).as_ref())?;
        if rest.is_this_machine() {
            return Ok(rest);
        }
        Address::parse(&live.url, STREAM_HOSTS).map_err(|e| ServiceError::Invalid(format!("live.url: {e}")))
    }

    /// The recorded file, moved so that it begins with the first session that opens behind the home's market time.
    fn tick_stream(&self, live: &LiveSetting) -> Result<Box<dyn Stream>, ServiceError> {
        if live.file.is_empty() {
            return Err(ServiceError::Invalid(
                "live.vendor is ticks: set live.file to the recorded file".into(),
            ));
        }
        let calendar = self.calendars().of(live.exchange);
        let market_time = self.state()?.market_time(live.exchange);
        let begin = |first: UnixNanos| {
            let after = market_time.map_or(first, |now| now.max(first));
            let today = calendar.session_on(calendar.date_at(after)).filter(|s| s.open >= after);
            let next = today.or_else(|| calendar.next_session(calendar.date_at(after)));
            next.map_or(first, |session| session.open)
        };
        let path = std::path::Path::new(&live.file);
        Ok(Box::new(TickReplay::open(path, live.exchange, live.speed, begin)?))
    }
}
