//! What can be traded.

use serde::{Deserialize, Serialize};

use super::{CleanText, InstrumentId, Price, Quantity, Ratio, id::Currency};

/// An instrument and the steps its orders must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Symbol and exchange.
    pub id: InstrumentId,
    /// Company or fund name; empty when unknown.
    pub name: CleanText,
    /// Sector in the source's own scheme; empty when unknown.
    pub sector: CleanText,
    /// Quote currency.
    pub currency: Currency,
    /// Smallest price step.
    pub tick: Price,
    /// Smallest quantity step.
    pub lot: Quantity,
    /// Whether the instrument may be sold short.
    pub shortable: bool,
    /// How many shares can be borrowed to be sold short, over all accounts; `None` is as many as are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowable: Option<Quantity>,
    /// What its borrowed shares cost a year, of their market value; `None` is what the paper exchange takes for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrow_rate: Option<Ratio>,
}

impl Instrument {
    /// The largest yearly rate that is believed: ten times the value. Names that are hard to borrow have cost several
    /// times their value.
    pub const BORROW_RATE_MAX: Ratio = Ratio::from_raw(10 * Ratio::ONE_RAW);

    /// What bounds a short sale of it or has a price of its own, in words; empty when nothing does.
    pub fn short_told(&self) -> String {
        if !self.shortable {
            return "cannot be sold short".to_owned();
        }
        let cost = self.borrow_rate.map(|rate| format!("{} % a year", percent(rate)));
        match (self.borrowable, cost) {
            (Some(shares), Some(cost)) => format!("{shares} shares can be borrowed, at {cost}"),
            (Some(shares), None) => format!("{shares} shares can be borrowed"),
            (None, Some(cost)) => format!("borrowed at {cost}"),
            (None, None) => String::new(),
        }
    }

    /// An instrument with the defaults of CONTRACTS: currency of the exchange, tick 0.01, lot 1, shortable.
    pub fn with_defaults(id: InstrumentId) -> Self {
        Self {
            id,
            name: CleanText::default(),
            sector: CleanText::default(),
            currency: id.exchange.currency(),
            tick: Price::from_raw(Price::ONE_RAW / 100),
            lot: Quantity::from_raw(Quantity::ONE_RAW),
            shortable: true,
            borrowable: None,
            borrow_rate: None,
        }
    }
}

fn percent(ratio: Ratio) -> Ratio {
    Ratio::from_raw(ratio.raw().saturating_mul(100))
}

#[cfg(test)]
mod tests {
    use super::Instrument;

    #[test]
    fn what_bounds_a_short_sale_is_said_in_words() {
        let plain = Instrument::with_defaults("AAA.XNYS".parse().unwrap());
        assert_eq!(plain.short_told(), "");
        let some = Instrument { borrowable: Some("500".parse().unwrap()), ..plain };
        assert_eq!(some.short_told(), "500 shares can be borrowed");
        let dear = Instrument { borrow_rate: Some("0.255".parse().unwrap()), ..some.clone() };
        assert_eq!(dear.short_told(), "500 shares can be borrowed, at 25.5 % a year");
        assert_eq!(Instrument { borrowable: None, ..dear }.short_told(), "borrowed at 25.5 % a year");
        assert_eq!(Instrument { shortable: false, ..some }.short_told(), "cannot be sold short");
    }
}
