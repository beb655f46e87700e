//! What can be traded.

use serde::{Deserialize, Serialize};

use super::{CleanText, InstrumentId, Price, Quantity, id::Currency};

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
}

impl Instrument {
    /// Why it cannot be sold short as one likes, in words; empty when it can.
    pub fn short_told(&self) -> String {
        match (self.shortable, self.borrowable) {
            (false, _) => "cannot be sold short".to_owned(),
            (true, Some(shares)) => format!("{shares} shares can be borrowed"),
            (true, None) => String::new(),
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
        }
    }
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
        assert_eq!(Instrument { shortable: false, ..some }.short_told(), "cannot be sold short");
    }
}
