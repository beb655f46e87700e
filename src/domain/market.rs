//! Facts of the market as the engine and the stores see them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, CleanText, Exchange, Instrument, InstrumentId, Price, Quantity, Symbol, UnixNanos, Volume,
};

/// One bar: prices over `from..to`, raw as its source gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Start of the bar.
    pub from: UnixNanos,
    /// End of the bar; the moment it became available.
    pub to: UnixNanos,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded volume.
    pub volume: Volume,
}

/// Best bid and ask with displayed sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Instrument.
    pub instrument: InstrumentId,
    /// When it was seen.
    pub time: UnixNanos,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Displayed at the bid.
    pub bid_size: Quantity,
    /// Displayed at the ask.
    pub ask_size: Quantity,
}

impl Quote {
    /// Bid at or above ask: nothing may fill against it.
    pub fn is_crossed(&self) -> bool {
        self.bid >= self.ask
    }
}

/// A print on the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Instrument.
    pub instrument: InstrumentId,
    /// When it happened.
    pub time: UnixNanos,
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Quantity,
}

/// `new:old`, as in `2:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRatio {
    /// Shares after.
    pub new: Quantity,
    /// Shares before.
    pub old: Quantity,
}

/// Open or closed, halted or trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The session began.
    Open,
    /// The session ended.
    Close,
}

/// What happens outside, in time order. Nothing of this is journaled as such: its consequences are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketEvent {
    /// All bars that end at one instant, in instrument order.
    Bars(Vec<Bar>),
    /// A session of one exchange: all its bars, which end at its close, in instrument order; and bars inside it of names
    /// whose orders match on those.
    Day {
        /// Bars of the session.
        bars: Vec<Bar>,
        /// Bars inside it, in any order; none of a name without a bar of the session.
        finer: Vec<Bar>,
    },
    /// A quote.
    Quote(Quote),
    /// A print.
    Trade(Trade),
    /// A split takes effect.
    Split {
        /// Instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// New to old shares.
        ratio: SplitRatio,
        /// Its day, where that is not the day of `time`.
        ex_date: Option<NaiveDate>,
        /// Whether prices are in the new terms already: it became known after its day had begun.
        is_late: bool,
    },
    /// A cash dividend becomes known; it is owed from the start of `ex_date`, paid at the start of `pay_date`.
    Dividend {
        /// Instrument.
        instrument: InstrumentId,
        /// When it became known.
        time: UnixNanos,
        /// Money per share, as a price.
        amount: Price,
        /// First day without the right, in the exchange's zone.
        ex_date: NaiveDate,
        /// Day of payment, in the exchange's zone.
        pay_date: NaiveDate,
        /// Who held how much when `ex_date` began, where it became known later; `None`: who holds now.
        held: Option<Vec<(AccountId, Quantity)>>,
    },
    /// An instrument gets another symbol on its exchange.
    SymbolChange {
        /// Under its symbol before.
        instrument: InstrumentId,
        /// When it is followed.
        time: UnixNanos,
        /// Under its symbol from then on.
        to: InstrumentId,
        /// First day of the new symbol, in the exchange's zone.
        day: NaiveDate,
    },
    /// One symbol stops or resumes trading.
    Status {
        /// Instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// Whether it is halted from now on.
        halted: bool,
    },
    /// An exchange opens or closes by word rather than by calendar.
    Session {
        /// Exchange.
        exchange: Exchange,
        /// When.
        time: UnixNanos,
        /// Open or close.
        state: SessionState,
    },
    /// Time passes with nothing else to say (ends orders that are due).
    Tick(UnixNanos),
}

impl MarketEvent {
    /// A split or dividend that takes effect on its day, which `time` is in.
    pub fn of_action(action: &CorporateAction, time: UnixNanos) -> Self {
        let instrument = action.instrument;
        match action.kind {
            ActionKind::Split(ratio) => {
                MarketEvent::Split { instrument, time, ratio, ex_date: None, is_late: false }
            }
            ActionKind::Dividend { amount, pay_date } => {
                let ex_date = action.date;
                MarketEvent::Dividend { instrument, time, amount, ex_date, pay_date, held: None }
            }
        }
    }

    /// When the event became available; `None` for an empty set of bars.
    pub fn time(&self) -> Option<UnixNanos> {
        match self {
            MarketEvent::Bars(bars) | MarketEvent::Day { bars, .. } => bars.first().map(|b| b.to),
            MarketEvent::Quote(q) => Some(q.time),
            MarketEvent::Trade(t) => Some(t.time),
            MarketEvent::Split { time, .. }
            | MarketEvent::Dividend { time, .. }
            | MarketEvent::SymbolChange { time, .. }
            | MarketEvent::Status { time, .. }
            | MarketEvent::Session { time, .. } => Some(*time),
            MarketEvent::Tick(time) => Some(*time),
        }
    }
}

/// In what terms a source states its prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As traded.
    Raw,
    /// Restated for splits.
    Split,
    /// Restated for splits and dividends.
    Total,
}

impl Basis {
    /// The word used on the command line and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Raw => "raw",
            Basis::Split => "split",
            Basis::Total => "total",
        }
    }

    /// From the word used on the command line and in stores.
    pub fn parse(text: &str) -> Option<Self> {
        [Basis::Raw, Basis::Split, Basis::Total].into_iter().find(|b| b.as_str() == text)
    }
}

/// One daily price row as a source gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyBar {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Trading day in the exchange's zone.
    pub session: NaiveDate,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded volume.
    pub volume: Volume,
    /// Volume-weighted average price, where the source has one.
    pub vwap: Option<Price>,
}

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteBar {
    /// Start of the minute.
    pub from: UnixNanos,
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
    /// Number of trades, where the source tells it.
    pub trades: Option<u32>,
}

/// A split or dividend as a source gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorporateAction {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Ex-date in the exchange's zone.
    pub date: NaiveDate,
    /// What happens.
    pub kind: ActionKind,
}

/// What a corporate action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// New to old shares.
    Split(SplitRatio),
    /// Money per share, paid on the date given (the ex-date when the source has no pay date).
    Dividend {
        /// Money per share.
        amount: Price,
        /// Day of payment.
        pay_date: NaiveDate,
    },
}

/// One fundamental figure and the day from which it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Fundamental {
    /// Instrument.
    pub instrument: InstrumentId,
    /// First day on which the figure could be used.
    pub known_at: NaiveDate,
    /// Period it describes.
    pub period_end: NaiveDate,
    /// Field, such as `eps` or `book_value`.
    pub field: CleanText,
    /// Value in the instrument's currency (per share where the field says so).
    pub value: f64,
}

/// A headline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// Instrument it is about.
    pub instrument: InstrumentId,
    /// When it was published.
    pub time: UnixNanos,
    /// Text.
    pub headline: CleanText,
    /// Who published it.
    pub source: CleanText,
}

/// Whether a universe's name is that of each person's own watchlist, which no stored universe may have.
pub fn is_watchlist(universe: &str) -> bool {
    universe.eq_ignore_ascii_case("watchlist")
}

/// An instrument's place in a universe over a span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Name of the universe.
    pub universe: CleanText,
    /// Member.
    pub instrument: InstrumentId,
    /// First day.
    pub from: NaiveDate,
    /// Last day; `None` while it is still a member.
    pub to: Option<NaiveDate>,
}

/// An instrument as a file lists it, with what it belongs to and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The instrument; its sector is the one told.
    pub instrument: Instrument,
    /// Industry within the sector; empty when not told.
    pub industry: CleanText,
    /// First day of sector and industry; `None` when not told.
    pub from: Option<NaiveDate>,
    /// In whose scheme they are named; empty when not told.
    pub scheme: CleanText,
    /// Whether it tells if the instrument can be sold short, how much of it and at what cost; else that stays as it is
    /// known.
    pub tells_borrow: bool,
    /// Whether its groups give way to those that are known in another scheme, as a vendor's directory does.
    pub gives_way: bool,
    /// On which day all this was told; `None` when not known.
    pub told_on: Option<NaiveDate>,
}

impl Listing {
    /// A listing that tells no industry and no day, and gives way.
    pub fn of(instrument: Instrument) -> Self {
        Self {
            instrument,
            industry: CleanText::default(),
            from: None,
            scheme: CleanText::default(),
            tells_borrow: false,
            gives_way: true,
            told_on: None,
        }
    }
}

/// From a day on, an instrument has another symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Exchange.
    pub exchange: Exchange,
    /// Symbol before.
    pub old: Symbol,
    /// Symbol from the day on; the same where only the name changes.
    pub new: Symbol,
    /// First day of the new symbol.
    pub from: NaiveDate,
    /// Name from then on; empty when not told.
    pub name: CleanText,
}

/// An instrument is no longer listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delisting {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Last day on which it was listed, or the day of its removal, as the source tells it.
    pub day: NaiveDate,
    /// Why; empty when not told.
    pub reason: CleanText,
}
