//! Last quotes and prints of the session, one per instrument: what the watchlist shows between bars.
//!
//! Conflated by construction: a newer quote replaces an older one. Orders never pass here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{Exchange, InstrumentId, MarketEvent, Price, Quantity, Quote, Trade, UnixNanos, Volume};

/// What is known of an instrument's running session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Live {
    /// Best bid and ask with sizes.
    pub quote: Option<Quote>,
    /// Last print.
    pub last: Option<(Price, UnixNanos)>,
    /// First print of the session.
    pub open: Option<Price>,
    /// Highest print of the session.
    pub high: Option<Price>,
    /// Lowest print of the session.
    pub low: Option<Price>,
    /// Shares printed so far.
    pub volume: Quantity,
    /// When a live feed last said something of it, by the wall; `None` where no feed does.
    pub heard: Option<UnixNanos>,
}

impl Live {
    /// Whether its feed has said nothing of it for [`super::feed::STALE_SECONDS`], whatever it says of others.
    pub fn is_silent(&self, wall: UnixNanos) -> bool {
        self.heard.is_some_and(|heard| wall.since(heard) > super::feed::STALE_SECONDS * NANOS_PER_SECOND)
    }

    fn print(&mut self, trade: &Trade) {
        self.last = Some((trade.price, trade.time));
        self.open = self.open.or(Some(trade.price));
        self.high = Some(self.high.map_or(trade.price, |h| h.max(trade.price)));
        self.low = Some(self.low.map_or(trade.price, |l| l.min(trade.price)));
        self.volume = self.volume.checked_add(trade.size).unwrap_or(self.volume);
    }

    /// Volume so far in the unit of bars.
    pub fn bar_volume(&self) -> Volume {
        Volume::from_raw(self.volume.raw() / (Quantity::ONE_RAW / Volume::ONE_RAW))
    }
}

/// The newest of everything; read by screens, written by feeds.
#[derive(Debug, Default)]
pub struct QuoteBoard {
    board: RwLock<BTreeMap<InstrumentId, Live>>,
    version: AtomicU64,
    stale: AtomicBool,
}

impl QuoteBoard {
    /// Notes a quote or print; other events change nothing.
    pub fn note(&self, event: &MarketEvent) {
        self.version.fetch_add(1, Ordering::AcqRel);
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            MarketEvent::Quote(quote) => board.entry(quote.instrument).or_default().quote = Some(*quote),
            MarketEvent::Trade(trade) => board.entry(trade.instrument).or_default().print(trade),
            MarketEvent::Bars(_)
            | MarketEvent::Split { .. }
            | MarketEvent::Dividend { .. }
            | MarketEvent::SymbolChange { .. }
            | MarketEvent::Status { .. }
            | MarketEvent::Session { .. }
            | MarketEvent::Tick(_) => {}
        }
    }

    /// Notes what a live feed said at a moment of the wall.
    pub fn hear(&self, event: &MarketEvent, wall: UnixNanos) {
        self.note(event);
        let instrument = match event {
            MarketEvent::Quote(quote) => quote.instrument,
            MarketEvent::Trade(trade) => trade.instrument,
            _ => return,
        };
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.entry(instrument).or_default().heard = Some(wall);
    }

    /// Forgets the session: a new one begins, or its bars are stored.
    pub fn clear(&self) {
        self.board.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets what is known of one exchange's session: its next day begins.
    pub fn forget(&self, exchange: Exchange) {
        self.version.fetch_add(1, Ordering::AcqRel);
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.retain(|instrument, _| instrument.exchange != exchange);
    }

    /// Notes whether everything here may be old: its feed is silent or away.
    pub fn mark_stale(&self, is_stale: bool) {
        if self.stale.swap(is_stale, Ordering::AcqRel) != is_stale {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether everything here may be old.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// Counts what was noted.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is known of one instrument.
    pub fn get(&self, instrument: InstrumentId) -> Option<Live> {
        self.board.read().unwrap_or_else(PoisonError::into_inner).get(&instrument).copied()
    }
}
