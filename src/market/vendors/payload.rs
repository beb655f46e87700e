//! What vendors' answers are turned into: the same shapes whoever answers.

use chrono::NaiveDate;

use crate::domain::id::Currency;
pub use crate::domain::market::MinuteBar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, Fundamental, Headline};
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
    /// The vendor's closes adjusted for dividends too, one a bar; empty where it gives none.
    pub adjusted: Vec<Option<f64>>,
    /// Capital gains of funds in the same answer, by ex-date, in the terms of the bars.
    pub gains: Vec<(NaiveDate, f64)>,
    /// Currency of the prices as the vendor writes it (`GBp` is pence), when it says so.
    pub currency: Option<CleanText>,
    /// Identical second rows that were left out.
    pub duplicates: u64,
}

impl Series {
    /// A series with its bars alone.
    pub const fn plain(basis: Basis, bars: Vec<DailyBar>, actions: Vec<CorporateAction>) -> Self {
        Self {
            basis,
            bars,
            partial: None,
            actions,
            adjusted: Vec::new(),
            gains: Vec::new(),
            currency: None,
            duplicates: 0,
        }
    }

    /// Adds a later page of the same series.
    pub fn extend(&mut self, later: Series) {
        if !self.adjusted.is_empty() || !later.adjusted.is_empty() {
            self.adjusted.resize(self.bars.len(), None);
            self.adjusted.extend(later.adjusted);
        }
        self.bars.extend(later.bars);
        if !self.adjusted.is_empty() {
            self.adjusted.resize(self.bars.len(), None);
        }
        self.actions.extend(later.actions);
        self.gains.extend(later.gains);
        self.partial = later.partial.or(self.partial);
    }
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
    /// Name of that scheme; empty when no sector is told.
    pub scheme: CleanText,
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

/// Splits and dividends in order, each once, with the cash dividends of one day as one: the money of all, paid on the day
/// of the largest.
pub fn one_dividend_a_day(mut actions: Vec<CorporateAction>) -> Vec<CorporateAction> {
    actions.sort_by_key(|action| (action.date, action.instrument));
    actions.dedup();
    let mut merged: Vec<CorporateAction> = Vec::with_capacity(actions.len());
    // How much the dividend that names the day of payment is.
    let mut largest = Price::ZERO;
    for action in actions {
        let ActionKind::Dividend { amount, pay_date } = action.kind else {
            merged.push(action);
            continue;
        };
        let last =
            merged.last_mut().filter(|last| (last.date, last.instrument) == (action.date, action.instrument));
        if let Some(CorporateAction { kind: ActionKind::Dividend { amount: sum, pay_date: paid }, .. }) = last
            && let Some(total) = sum.checked_add(amount)
        {
            *sum = total;
            if amount > largest {
                (*paid, largest) = (pay_date, amount);
            }
            continue;
        }
        largest = amount;
        merged.push(action);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_and_a_special_dividend_of_one_day_are_their_sum() {
        let dividend = |date: &str, amount: &str, paid: &str| CorporateAction {
            instrument: "COST.XNYS".parse().unwrap(),
            date: date.parse().unwrap(),
            kind: ActionKind::Dividend { amount: amount.parse().unwrap(), pay_date: paid.parse().unwrap() },
        };
        let told = vec![
            dividend("2023-12-27", "1.02", "2024-01-05"),
            dividend("2023-12-27", "15", "2024-01-12"),
            dividend("2024-02-01", "1.02", "2024-02-16"),
        ];
        let sum = dividend("2023-12-27", "16.02", "2024-01-12");
        assert_eq!(one_dividend_a_day(told.clone()), [sum, told[2].clone()]);
    }
}
