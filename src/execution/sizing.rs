//! How many shares to trade: by the risk to a stop, by weight of the equity, or by volatility.
//!
//! Pure and in integers: one product in 128 bits, one division toward zero, then whole lots toward zero, so a size
//! never risks, spends or swings more than was asked for. What cannot be sized is said, with what to give; nothing
//! is assumed for a missing price, stop or volatility. The gate judges the order afterwards like any other.

use crate::domain::{Money, Price, Quantity, Ratio, Side};

/// Raw money × this = raw price × raw quantity (1e-9 × 1e-9 against 1e-6).
const MONEY_TO_PRODUCT: i128 = 1_000_000_000_000;

/// What a size is measured by. Shares of the equity: `0.01` is one per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeBy {
    /// Lose this share of the equity when the stop is hit: `equity × share / |entry − stop|`.
    Risk(Ratio),
    /// An order worth this share of the equity: `equity × share / entry`.
    Weight(Ratio),
    /// A position that swings by this share of the equity a year: `equity × share / volatility / entry`, never
    /// worth more than the equity.
    Volatility(Ratio),
}

/// What a size is worked out from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeBasis {
    /// Value of the account.
    pub equity: Money,
    /// Buy or sell.
    pub side: Side,
    /// Price at which the order is expected to fill: its limit, trigger, or the last price.
    pub entry: Price,
    /// Price at which the position would be given up; needed by [`SizeBy::Risk`].
    pub stop: Option<Price>,
    /// Standard deviation of a year's return; needed by [`SizeBy::Volatility`].
    pub volatility: Option<Ratio>,
    /// Smallest quantity step.
    pub lot: Quantity,
}

/// Why an order could not be sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// The share is not above zero.
    #[error("the share of the equity must be above zero")]
    NoShare,
    /// The account is worth nothing.
    #[error("the account has no equity to take a share of")]
    NoEquity,
    /// No entry price.
    #[error("there is no entry price: give a limit, or wait for a price")]
    NoEntry,
    /// No stop.
    #[error("sizing by risk needs the price of the stop")]
    NoStop,
    /// The stop is at the entry or on the side of the profit.
    #[error("the stop must be below the entry of a buy and above the entry of a sell")]
    StopBeyondEntry,
    /// No volatility.
    #[error("sizing by volatility needs the instrument's volatility: it has too little history")]
    NoVolatility,
    /// Less than one lot.
    #[error("the size comes to less than one lot")]
    UnderOneLot,
    /// Too large to be counted.
    #[error("the size is too large to be counted")]
    OutOfRange,
}

/// The quantity in whole lots, rounded toward zero.
pub fn size(by: SizeBy, basis: &SizeBasis) -> Result<Quantity, SizeError> {
    let (SizeBy::Risk(share) | SizeBy::Weight(share) | SizeBy::Volatility(share)) = by;
    if !share.is_positive() {
        return Err(SizeError::NoShare);
    }
    if !basis.equity.is_positive() {
        return Err(SizeError::NoEquity);
    }
    if !basis.entry.is_positive() {
        return Err(SizeError::NoEntry);
    }
    let one = Ratio::from_raw(Ratio::ONE_RAW);
    let shares = match by {
        SizeBy::Risk(share) => shares(basis.equity, share, distance(basis)?, one)?,
        SizeBy::Weight(share) => shares(basis.equity, share, basis.entry, one)?,
        SizeBy::Volatility(share) => {
            let swing = basis.volatility.filter(|v| v.is_positive()).ok_or(SizeError::NoVolatility)?;
            // More than the equity is worth is leverage, which is not asked for here.
            let share = share.min(swing);
            shares(basis.equity, share, basis.entry, swing)?
        }
    };
    let whole = shares.round_to_lot(basis.lot);
    if whole.is_positive() { Ok(whole) } else { Err(SizeError::UnderOneLot) }
}

/// How far the stop is from the entry.
fn distance(basis: &SizeBasis) -> Result<Price, SizeError> {
    let stop = basis.stop.filter(|s| s.is_positive()).ok_or(SizeError::NoStop)?;
    let loss = match basis.side {
        Side::Buy => basis.entry.checked_sub(stop),
        Side::Sell => stop.checked_sub(basis.entry),
    };
    loss.filter(|l| l.is_positive()).ok_or(SizeError::StopBeyondEntry)
}

/// `equity × share / (price × scale)`, rounded toward zero.
fn shares(equity: Money, share: Ratio, price: Price, scale: Ratio) -> Result<Quantity, SizeError> {
    let money = i128::from(equity.raw()).checked_mul(share.raw().into()).ok_or(SizeError::OutOfRange)?;
    let per_share = i128::from(price.raw()).checked_mul(scale.raw().into()).ok_or(SizeError::OutOfRange)?;
    let wide = money.checked_mul(MONEY_TO_PRODUCT).and_then(|product| product.checked_div(per_share));
    Quantity::from_raw_wide(wide.ok_or(SizeError::OutOfRange)?).map_err(|_| SizeError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn basis() -> SizeBasis {
        SizeBasis {
            equity: "100000".parse().unwrap(),
            side: Side::Buy,
            entry: "50".parse().unwrap(),
            stop: Some("48".parse().unwrap()),
            volatility: Some("0.3".parse().unwrap()),
            lot: Quantity::from_whole(1).unwrap(),
        }
    }

    fn share(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    fn whole(n: i64) -> Result<Quantity, SizeError> {
        Ok(Quantity::from_whole(n).unwrap())
    }

    #[test]
    fn sizes_are_those_worked_out_by_hand() {
        // 1 % of 100,000 is 1,000; each share risks 2.
        assert_eq!(size(SizeBy::Risk(share("0.01")), &basis()), whole(500));
        // 5 % of 100,000 is 5,000; each share costs 50.
        assert_eq!(size(SizeBy::Weight(share("0.05")), &basis()), whole(100));
        // 10 % a year against 30 %: a third of the equity, 33,333.33, in shares of 50.
        assert_eq!(size(SizeBy::Volatility(share("0.1")), &basis()), whole(666));
    }

    #[test]
    fn lots_are_rounded_toward_zero() {
        let hundreds = SizeBasis { lot: Quantity::from_whole(100).unwrap(), ..basis() };
        assert_eq!(size(SizeBy::Volatility(share("0.1")), &hundreds), whole(600));
        assert_eq!(size(SizeBy::Weight(share("0.01")), &hundreds), Err(SizeError::UnderOneLot));
    }

    #[test]
    fn a_calm_name_is_bought_for_the_equity_at_most() {
        let calm = SizeBasis { volatility: Some(share("0.05")), ..basis() };
        assert_eq!(size(SizeBy::Volatility(share("0.1")), &calm), whole(2_000));
    }

    #[test]
    fn a_sell_has_its_stop_above() {
        let sell = SizeBasis { side: Side::Sell, ..basis() };
        assert_eq!(size(SizeBy::Risk(share("0.01")), &sell), Err(SizeError::StopBeyondEntry));
        let above = SizeBasis { stop: Some("54".parse().unwrap()), ..sell };
        assert_eq!(size(SizeBy::Risk(share("0.01")), &above), whole(250));
    }

    #[test]
    fn what_is_missing_is_named() {
        let by = SizeBy::Risk(share("0.01"));
        let with = |basis: SizeBasis| size(by, &basis).unwrap_err();
        assert_eq!(with(SizeBasis { stop: None, ..basis() }), SizeError::NoStop);
        assert_eq!(with(SizeBasis { entry: Price::ZERO, ..basis() }), SizeError::NoEntry);
        assert_eq!(with(SizeBasis { equity: Money::ZERO, ..basis() }), SizeError::NoEquity);
        assert_eq!(size(SizeBy::Weight(Ratio::ZERO), &basis()), Err(SizeError::NoShare));
        let unknown = SizeBasis { volatility: None, ..basis() };
        assert_eq!(size(SizeBy::Volatility(share("0.1")), &unknown), Err(SizeError::NoVolatility));
    }

    proptest! {
        #[test]
        fn a_size_never_costs_or_risks_more_than_was_asked_for(
            equity in 1_i64..1_000_000_000_000_000, raw in 1_i64..2_000_000_000, entry in 1_i64..5_000_000_000_000_000,
            below in 1_i64..5_000_000_000_000_000, lot in 1_i64..1_000_000_000_000
        ) {
            let stop = Price::from_raw((entry - below).max(1));
            let basis = SizeBasis {
                equity: Money::from_raw(equity), entry: Price::from_raw(entry), stop: Some(stop),
                lot: Quantity::from_raw(lot), ..basis()
            };
            let most = i128::from(equity) * i128::from(raw);
            // Raw money × raw ratio against raw price × raw quantity.
            let fits = |price: i64, quantity: Quantity| {
                i128::from(price) * i128::from(quantity.raw()) / 1_000 <= most
            };
            if let Ok(quantity) = size(SizeBy::Weight(Ratio::from_raw(raw)), &basis) {
                prop_assert!(fits(entry, quantity) && quantity.is_on_lot(basis.lot));
            }
            if let Ok(quantity) = size(SizeBy::Risk(Ratio::from_raw(raw)), &basis) {
                prop_assert!(fits(entry - stop.raw(), quantity) && quantity.is_on_lot(basis.lot));
            }
        }
    }
}
