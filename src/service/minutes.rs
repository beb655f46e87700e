//! Stored minutes for people: as they are, or joined exactly to longer bars.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::domain::{Exchange, InstrumentId, Price, Symbol, UnixNanos, Volume};
use crate::market::intraday;
use crate::store::market::MinuteSide;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewMarket};

/// Length of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarLength {
    /// So many minutes, from multiples of them in UTC.
    Minutes(u32),
    /// A session of the exchange.
    Session,
}

/// What the prices are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceSide {
    /// Trades.
    Trade,
    /// Best bids.
    Bid,
    /// Best asks.
    Ask,
}

/// A wish for bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinutesWish {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: String,
    /// What the prices are of.
    pub side: PriceSide,
    /// Length of the bars.
    pub length: BarLength,
    /// First and last day, in the exchange's zone.
    pub days: (Option<NaiveDate>, Option<NaiveDate>),
}

/// One exported bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedBar {
    /// When it begins, in UTC.
    pub ts: UnixNanos,
    /// Ticker.
    pub symbol: Symbol,
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
}

impl House {
    /// Bars from stored minutes.
    pub fn export_minutes(
        &self,
        _: &Permit<ViewMarket>,
        wish: &MinutesWish,
    ) -> Result<Vec<ExportedBar>, ServiceError> {
        let id = wish.instrument;
        let span = (self.midnight(id.exchange, wish.days.0), self.end_of(id.exchange, wish.days.1));
        let span = (span.0.unwrap_or(UnixNanos::ZERO), span.1.unwrap_or(UnixNanos::from_nanos(i64::MAX)));
        let side = match wish.side {
            PriceSide::Trade => MinuteSide::Trade,
            PriceSide::Bid => MinuteSide::Bid,
            PriceSide::Ask => MinuteSide::Ask,
        };
        let minutes = lock(self.market_store()).read().minutes(id, &wish.source, side, span)?;
        if minutes.is_empty() {
            return Err(ServiceError::Unknown {
                kind: "minutes",
                name: format!("{id} from {}", wish.source).into(),
                remedy: "import them first, or give another --source; see 'qlib-pro import minutes --help'",
            });
        }
        let bars = match wish.length {
            BarLength::Minutes(length) => intraday::every(&minutes, length),
            BarLength::Session => {
                let calendar = self.calendars().of(id.exchange);
                intraday::sessions(&minutes, calendar).into_iter().map(|(_, bar)| bar).collect()
            }
        };
        let exported = bars.iter().map(|bar| ExportedBar {
            ts: bar.from,
            symbol: id.symbol,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            volume: bar.volume,
        });
        Ok(exported.collect())
    }

    fn midnight(&self, exchange: Exchange, day: Option<NaiveDate>) -> Option<UnixNanos> {
        self.calendars().of(exchange).at_local(day?, chrono::NaiveTime::MIN)
    }

    fn end_of(&self, exchange: Exchange, day: Option<NaiveDate>) -> Option<UnixNanos> {
        self.midnight(exchange, day?.checked_add_days(Days::new(1)))
    }
}
