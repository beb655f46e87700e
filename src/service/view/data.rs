//! Prices, charts, news, instruments.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::{Currency, InstrumentId, Price, Quantity, Ratio, Symbol, UnixNanos, Volume};

/// One line of the watchlist.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatchRow {
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name; empty when unknown.
    pub name: String,
    /// Last price (print, mid of the quote, or close).
    pub last_price: Option<Price>,
    /// Change against the previous session's close, as a share of it.
    pub change: Option<Ratio>,
    /// Bid with displayed size, live only.
    pub bid: Option<(Price, Quantity)>,
    /// Ask with displayed size, live only.
    pub ask: Option<(Price, Quantity)>,
    /// Volume of the session so far, or of the last session.
    pub volume: Option<Volume>,
    /// When the price became available.
    pub price_time: Option<UnixNanos>,
    /// Older than its exchange's market time allows.
    pub stale: bool,
    /// Where the price comes from (`SIMULATED` for the simulated exchange).
    pub source: String,
    /// How old a price is that a vendor was asked for; `None` for prices that are stored or come by themselves.
    pub asked: Option<AskedPrice>,
    /// Signal rank, where the person may see it.
    pub rank: Option<u32>,
    /// Shares held in the current account.
    pub held: Quantity,
    /// Currency.
    pub currency: Currency,
}

/// What the age of a price is told against that a vendor was asked for: it does not go with market time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AskedPrice {
    /// The present, by the wall.
    pub now: UnixNanos,
    /// Whether its vendor told when it was made; else it is older than what is known of it.
    pub is_timed: bool,
}

/// One bar of a chart or of a price table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PriceRow {
    /// Session.
    pub date: NaiveDate,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Volume.
    pub volume: Volume,
    /// The session is not over.
    pub provisional: bool,
}

/// Daily bars of one instrument, oldest first, adjusted for splits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name; empty when unknown.
    pub name: String,
    /// Sector; empty when unknown.
    pub sector: String,
    /// Why it cannot be sold short as one likes; empty when it can.
    pub short: String,
    /// Bars, at most [`Chart::BARS_MAX`].
    pub bars: Vec<PriceRow>,
    /// Own fills on these bars: date, side is buy, price.
    pub fills: Vec<(NaiveDate, bool, Price)>,
    /// Where the bars come from.
    pub source: String,
    /// Basis of the bars as shown, such as `split`.
    pub basis: String,
    /// Currency.
    pub currency: Currency,
}

impl Chart {
    /// Most bars a chart carries (five years of sessions).
    pub const BARS_MAX: usize = 1_300;
}

/// One headline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewsRow {
    /// When it was published.
    pub time: UnixNanos,
    /// Ticker.
    pub symbol: Symbol,
    /// Text.
    pub headline: String,
    /// Who published it.
    pub source: String,
    /// Tone from -1 to 1 by our lexicon.
    pub tone: Option<f64>,
    /// Which vendor gives it a tone of its own; empty when none does.
    pub told_by: String,
    /// That tone, -1 to 1.
    pub told_tone: Option<f64>,
}

/// An instrument found by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instrument {
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name.
    pub name: String,
    /// Sector.
    pub sector: String,
    /// Currency.
    pub currency: Currency,
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Quantity,
}
