//! [`FeeModel`]: what an order costs at the paper exchange, and [`FeeTiers`]: how the price of its fee changes with the
//! month's volume.
//!
//! An order pays one price from its first share to its last: that of the tier which its account had reached before the
//! order's first fill. So the fee so far depends on what the order has filled alone and never falls while it fills:
//! what a fill is charged is the fee so far less what was charged before.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::is_default;
use crate::domain::{Money, NumberError, Price, Quantity, Ratio, Side};

/// Most tiers of a fee.
pub const FEE_TIERS_MAX: usize = 4;

/// The price of a fee from so many shares on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeTier {
    /// Shares that the account had filled in the calendar month.
    pub from: Quantity,
    /// Per share.
    pub per_share: Price,
    /// Share of the filled notional (1 bp = 0.0001).
    pub rate: Ratio,
}

/// Tiers that do not rise, or too many, or a price below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "fee tiers are at most {FEE_TIERS_MAX}, each from more shares on than the one before, at prices of zero or more"
)]
pub struct FeeTiersError;

/// A fee's tiers above its first price, by rising volume; empty is one price for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FeeTier>", into = "Vec<FeeTier>")]
pub struct FeeTiers([FeeTier; FEE_TIERS_MAX]);

impl FeeTiers {
    /// These tiers.
    pub fn of(given: &[FeeTier]) -> Result<Self, FeeTiersError> {
        let starts = std::iter::once(Quantity::ZERO).chain(given.iter().map(|tier| tier.from));
        let rising = starts.is_sorted_by(|before, from| before < from);
        let priced = given.iter().all(|tier| !tier.per_share.is_negative() && !tier.rate.is_negative());
        let mut tiers = Self::default();
        let places = tiers.0.get_mut(..given.len()).filter(|_| rising && priced);
        places.ok_or(FeeTiersError)?.copy_from_slice(given);
        Ok(tiers)
    }

    /// None.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The tiers, the lowest volume first.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &FeeTier> {
        // What is not used begins at no share.
        self.0.iter().take_while(|tier| tier.from.is_positive())
    }
}

impl TryFrom<Vec<FeeTier>> for FeeTiers {
    type Error = FeeTiersError;

    fn try_from(given: Vec<FeeTier>) -> Result<Self, FeeTiersError> {
        Self::of(&given)
    }
}

impl From<FeeTiers> for Vec<FeeTier> {
    fn from(tiers: FeeTiers) -> Self {
        tiers.iter().copied().collect()
    }
}

/// Fees of one order: the larger of `min` and `per_share × filled + rate × filled notional`, at most `max_rate` of the
/// filled notional; on top of that, for a sale, what regulators levy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeModel {
    /// Per share.
    pub per_share: Price,
    /// Least per order.
    pub min: Money,
    /// Share of the filled notional (1 bp = 0.0001).
    pub rate: Ratio,
    /// Levied per share sold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sell_per_share: Price,
    /// Levied on what is sold, as a share of its value (1 bp = 0.0001).
    #[serde(default, skip_serializing_if = "is_default")]
    pub sell_rate: Ratio,
    /// Most per order before levies, as a share of the filled notional, also where that is less than `min`; zero is no
    /// bound.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_rate: Ratio,
    /// What takes the place of `per_share` and `rate` from so many shares of the month on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tiers: FeeTiers,
}

impl FeeModel {
    /// The fee of an order that has filled `quantity` for `notional` so far, and whose account had filled `volume` shares
    /// of the month before it; nothing filled costs nothing.
    #[inline]
    pub fn total(
        &self,
        side: Side,
        quantity: Quantity,
        notional: Money,
        volume: Quantity,
    ) -> Result<Money, NumberError> {
        let reached = self.tiers.iter().take_while(|tier| tier.from <= volume).last();
        let price = reached.map_or((self.per_share, self.rate), |tier| (tier.per_share, tier.rate));
        self.charged(price, side, quantity, notional)
    }

    /// The largest fee that an order may come to, whatever its account has filled in the month: what is held for it.
    #[inline]
    pub fn most(&self, side: Side, quantity: Quantity, notional: Money) -> Result<Money, NumberError> {
        let first = self.charged((self.per_share, self.rate), side, quantity, notional)?;
        self.tiers.iter().try_fold(first, |most, tier| {
            Ok(most.max(self.charged((tier.per_share, tier.rate), side, quantity, notional)?))
        })
    }

    #[inline]
    fn charged(
        &self,
        (per_share, rate): (Price, Ratio),
        side: Side,
        quantity: Quantity,
        notional: Money,
    ) -> Result<Money, NumberError> {
        if quantity.is_zero() {
            return Ok(Money::ZERO);
        }
        let mut commission = part(per_share, rate, quantity, notional)?.max(self.min);
        if !self.max_rate.is_zero() {
            commission = commission.min(notional.scale(self.max_rate)?);
        }
        match side {
            Side::Buy => Ok(commission),
            Side::Sell => {
                let levied = part(self.sell_per_share, self.sell_rate, quantity, notional)?;
                commission.checked_add(levied).ok_or(NumberError::Overflow)
            }
        }
    }
}

/// So much a share and such a share of the value; most venues charge one or the other.
#[inline]
fn part(per_share: Price, rate: Ratio, quantity: Quantity, notional: Money) -> Result<Money, NumberError> {
    let shares = if per_share.is_zero() { Money::ZERO } else { per_share.notional(quantity)? };
    let share = if rate.is_zero() { Money::ZERO } else { notional.scale(rate)? };
    shares.checked_add(share).ok_or(NumberError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(from: &str, per_share: &str, rate: &str) -> FeeTier {
        FeeTier {
            from: from.parse().unwrap(),
            per_share: per_share.parse().unwrap(),
            rate: rate.parse().unwrap(),
        }
    }

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    /// A published schedule of the field: 0.0035 a share, from 300,000 shares a month 0.0020, from 3,000,000 0.0015, from 20,000,000
    /// 0.0010, from 100,000,000 0.0005; at least 0.35 an order and at most 1 % of its value.
    fn tiered() -> FeeModel {
        let tiers = [
            tier("300000", "0.002", "0"),
            tier("3000000", "0.0015", "0"),
            tier("20000000", "0.001", "0"),
            tier("100000000", "0.0005", "0"),
        ];
        FeeModel {
            per_share: "0.0035".parse().unwrap(),
            min: money("0.35"),
            max_rate: "0.01".parse().unwrap(),
            tiers: FeeTiers::of(&tiers).unwrap(),
            ..FeeModel::default()
        }
    }

    #[test]
    fn a_levy_is_charged_on_sales_alone_and_on_top_of_the_least_fee() {
        let fee = FeeModel {
            min: money("1"),
            sell_per_share: "0.000166".parse().unwrap(),
            sell_rate: "0.0000278".parse().unwrap(),
            ..FeeModel::default()
        };
        let total =
            |side| fee.total(side, "100".parse().unwrap(), "5000".parse().unwrap(), Quantity::ZERO).unwrap();
        assert_eq!(total(Side::Buy), money("1"));
        // 1 + 100 × 0.000166 + 5000 × 0.0000278
        assert_eq!(total(Side::Sell), money("1.1556"));
    }

    #[test]
    fn an_order_pays_the_price_of_the_tier_that_its_account_has_reached() {
        let fee = tiered();
        let cost = |volume: &str| {
            let (shares, value) = ("10000".parse().unwrap(), money("500000"));
            fee.total(Side::Buy, shares, value, volume.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!((cost("0"), cost("299999")), ("35.00".into(), "35.00".into()));
        assert_eq!((cost("300000"), cost("2999999.5")), ("20.00".into(), "20.00".into()));
        assert_eq!((cost("3000000"), cost("20000000")), ("15.00".into(), "10.00".into()));
        assert_eq!((cost("100000000"), cost("5000000000")), ("5.00".into(), "5.00".into()));
    }

    #[test]
    fn the_largest_fee_is_a_share_of_the_value_even_below_the_least() {
        let fee = tiered();
        let cost = |shares: &str, value: &str| {
            fee.total(Side::Buy, shares.parse().unwrap(), money(value), Quantity::ZERO).unwrap().to_string()
        };
        // 1,000 × 0.0035 is more than a hundredth of 250; ten shares for 2 cost no 0.35.
        assert_eq!((cost("1000", "250"), cost("10", "2")), ("2.50".into(), "0.02".into()));
        assert_eq!((cost("10", "200"), cost("1000", "50000")), ("0.35".into(), "3.50".into()));
    }

    #[test]
    fn no_tier_costs_more_than_what_is_held_and_a_fee_never_falls_while_its_order_fills() {
        let dearer = FeeModel {
            min: money("1"),
            tiers: FeeTiers::of(&[tier("100", "0.01", "0"), tier("200", "0", "0.0005")]).unwrap(),
            max_rate: "0.002".parse().unwrap(),
            sell_rate: "0.0001".parse().unwrap(),
            ..FeeModel::default()
        };
        for fee in [tiered(), dearer] {
            for volume in ["0", "100", "200", "300000", "3000000", "20000000", "100000000"] {
                for side in [Side::Buy, Side::Sell] {
                    let mut before = Money::ZERO;
                    for shares in 1..2_000_i64 {
                        let quantity = Quantity::from_whole(shares).unwrap();
                        let notional = Money::from_raw(shares * 1_337_777);
                        let due = fee.total(side, quantity, notional, volume.parse().unwrap()).unwrap();
                        let most = fee.most(side, quantity, notional).unwrap();
                        assert!(due >= before && due <= most, "{shares} {due} {before} {most}");
                        before = due;
                    }
                }
            }
        }
    }

    #[test]
    fn tiers_rise_and_are_few_and_a_model_without_any_is_written_as_it_was() {
        let bad: [&[FeeTier]; 5] = [
            &[tier("0", "1", "0")],
            &[tier("5", "1", "0"), tier("5", "1", "0")],
            &[tier("5", "-1", "0")],
            &[tier("5", "1", "-0.1")],
            &[1, 2, 3, 4, 5]
                .map(|from: i64| FeeTier { from: Quantity::from_raw(from), ..FeeTier::default() }),
        ];
        assert!(bad.iter().all(|tiers| FeeTiers::of(tiers) == Err(FeeTiersError)));
        let plain = serde_json::to_string(&FeeModel::default()).unwrap();
        assert_eq!(plain, r#"{"per_share":"0","min":"0.00","rate":"0"}"#);
        assert_eq!(serde_json::from_str::<FeeModel>(&plain).unwrap(), FeeModel::default());
        let text = serde_json::to_string(&tiered()).unwrap();
        assert_eq!(serde_json::from_str::<FeeModel>(&text).unwrap(), tiered());
        let falling = r#"[{"from":"2","per_share":"0","rate":"0"},{"from":"1","per_share":"0","rate":"0"}]"#;
        assert!(serde_json::from_str::<FeeTiers>(falling).unwrap_err().to_string().contains("at most 4"));
    }
}
