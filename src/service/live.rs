//! Last quotes and prints of the session, one per instrument: what the watchlist shows between bars.
//!
//! Conflated by construction: a newer quote replaces an older one. Orders never pass here. What a vendor was asked for
//! stands beside what feeds say, and is shown where no feed has said anything since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::VendorId;
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

/// The last price of an instrument that a vendor was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polled {
    /// Who told it.
    pub vendor: VendorId,
    /// Last price.
    pub last: Price,
    /// Bid, with its size where that is told.
    pub bid: Option<(Price, Quantity)>,
    /// Ask, with its size where that is told.
    pub ask: Option<(Price, Quantity)>,
    /// Shares of the session.
    pub volume: Option<Volume>,
    /// The close before.
    pub previous_close: Option<Price>,
    /// When the price was made, where that is told.
    pub time: Option<UnixNanos>,
    /// By how many minutes its vendor says that it is late.
    pub delayed_minutes: Option<u32>,
    /// When it was told, by the wall.
    pub told_at: UnixNanos,
    /// Until when it is not stale, by the wall.
    pub fresh_until: UnixNanos,
}

/// The newest of everything; read by screens, written by feeds and by who asks in rounds.
#[derive(Debug, Default)]
pub struct QuoteBoard {
    board: RwLock<BTreeMap<InstrumentId, Live>>,
    polled: RwLock<BTreeMap<InstrumentId, Polled>>,
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
            | MarketEvent::Day { .. }
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

    /// Notes a price that was asked for, unless one that was made later is known.
    pub fn poll(&self, instrument: InstrumentId, polled: Polled) {
        let mut board = self.polled.write().unwrap_or_else(PoisonError::into_inner);
        let known = board.get(&instrument).and_then(|known| known.time);
        if known.zip(polled.time).is_none_or(|(known, new)| known <= new) {
            board.insert(instrument, polled);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The price that was asked for of an instrument, unless a feed has said something since.
    pub fn polled(&self, instrument: InstrumentId) -> Option<Polled> {
        let polled = self.polled.read().unwrap_or_else(PoisonError::into_inner).get(&instrument).copied()?;
        let said = self.get(instrument);
        said.is_none_or(|live| live.heard.is_some_and(|heard| heard < polled.told_at)).then_some(polled)
    }

    /// How many prices of an exchange were asked for, and how many of them are not stale at a time of the wall.
    pub fn polled_of(&self, exchange: Exchange, wall: UnixNanos) -> (usize, usize) {
        let board = self.polled.read().unwrap_or_else(PoisonError::into_inner);
        let of = board.iter().filter(|(instrument, _)| instrument.exchange == exchange);
        of.fold((0, 0), |(all, fresh), (_, one)| (all + 1, fresh + usize::from(one.fresh_until >= wall)))
    }

    /// Forgets what was asked for of an exchange, but for some instruments.
    pub fn forget_polled(&self, exchange: Exchange, but: &BTreeSet<InstrumentId>) {
        let mut board = self.polled.write().unwrap_or_else(PoisonError::into_inner);
        let before = board.len();
        board.retain(|instrument, _| instrument.exchange != exchange || but.contains(instrument));
        if board.len() != before {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
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
