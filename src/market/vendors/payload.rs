//! What vendors' answers are turned into: the same shapes whoever answers.

use chrono::NaiveDate;

use crate::domain::id::Currency;
pub use crate::domain::market::MinuteBar;
use crate::domain::market::{Basis, CorporateAction, DailyBar, Fundamental, Headline};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, Symbol, UnixNanos, Volume};

/// The good part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Daily bars.
    Series(Series),
    /// Minute bars.
    Minutes(Minutes),
    /// Last prices.
    Quotes(Quotes),
    /// Splits and dividends alone, in raw terms.
    Actions(Vec<CorporateAction>),
    /// Figures of companies.
    Facts(Facts),
    /// Headlines.
    News(News),
    /// Instruments, found or listed.
    Listings(Listings),
    /// A session: the text that goes with later calls (Yahoo's crumb). Never shown.
    Session(SessionText),
}

/// The text of a vendor's session: a credential, so it never prints itself.
#[derive(Debug, Clone)]
pub struct SessionText(pub secrecy::SecretString);

impl PartialEq for SessionText {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        self.0.expose_secret() == other.0.expose_secret()
    }
}

/// Daily bars in one basis, oldest first, one row a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In what terms.
    pub basis: Basis,
    /// Bars of finished sessions.
    pub bars: Vec<DailyBar>,
    /// The bar of a session that is not over, if the answer had one: shown, never stored as final.
    pub partial: Option<DailyBar>,
    /// Splits and dividends in the same answer, in raw terms.
    pub actions: Vec<CorporateAction>,
    /// Currency of the prices as the vendor writes it (`GBp` is pence), when it says so.
    pub currency: Option<CleanText>,
    /// Identical second rows that were left out.
    pub duplicates: u64,
}

/// Minute bars of one instrument, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Minutes {
    /// Instrument.
    pub instrument: InstrumentId,
    /// In what terms.
    pub basis: Basis,
    /// Bars.
    pub bars: Vec<MinuteBar>,
}

/// Last prices of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct VendorQuote {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Last price.
    pub last: Option<Price>,
    /// Bid and its size.
    pub bid: Option<(Price, Quantity)>,
    /// Ask and its size.
    pub ask: Option<(Price, Quantity)>,
    /// Volume of the session.
    pub volume: Option<Volume>,
    /// Close before.
    pub previous_close: Option<Price>,
    /// When the price was made, where the vendor tells it; else the time of the answer is all that is known.
    pub time: Option<UnixNanos>,
    /// By how many minutes the vendor says it is late.
    pub delayed_minutes: Option<u32>,
    /// Currency as the vendor writes it, when it says so.
    pub currency: Option<CleanText>,
}

/// Last prices.
pub type Quotes = Vec<VendorQuote>;

/// Figures with the day they became known.
pub type Facts = Vec<Fundamental>;

/// A headline and the tone its vendor gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredHeadline {
    /// The headline.
    pub headline: Headline,
    /// The vendor's tone, -1 to 1, where it has one.
    pub tone: Option<f64>,
    /// What kind of announcement, whether it moves prices; empty for news.
    pub tags: Vec<CleanText>,
}

/// Headlines.
pub type News = Vec<ScoredHeadline>;

/// An instrument as a vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Symbol in our spelling.
    pub symbol: Symbol,
    /// Exchange, when it is one of ours.
    pub exchange: Option<Exchange>,
    /// Name.
    pub name: CleanText,
    /// Sector or industry group in the vendor's scheme; empty when not told.
    pub sector: CleanText,
    /// Currency, when it is one we know.
    pub currency: Option<Currency>,
    /// First listed.
    pub listed: Option<NaiveDate>,
    /// Last day, for what is no longer listed.
    pub delisted: Option<NaiveDate>,
    /// Whether it is listed now.
    pub active: bool,
}

/// Instruments.
pub type Listings = Vec<Listing>;
