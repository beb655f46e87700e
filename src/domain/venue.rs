//! [`VenueModel`]: how the paper exchange charges and fills. Journaled when it changes, so that a fold of the
//! journal never depends on a settings file.

mod fee;

pub use fee::{FEE_TIERS_MAX, FeeModel, FeeTier, FeeTiers, FeeTiersError};

use serde::{Deserialize, Serialize};

use super::{Money, OrderSpec, Price, Quantity, Ratio, UnixNanos, Volume};

/// When a resting limit order fills on a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitFill {
    /// One tick beyond the limit.
    #[default]
    Through,
    /// At the limit.
    Touch,
    /// One tick beyond the limit, or at it with the model's chance: how far ahead in the queue the order stood.
    Chance,
}

/// How the paper exchange fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueModel {
    /// Fees.
    pub fee: FeeModel,
    /// Slippage of market-like fills on bars (1 bp = 0.0001).
    pub slippage: Ratio,
    /// Ticks of slippage on top of that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub slippage_ticks: u32,
    /// How far taking all of a bar's volume would move its price, as a share of the price; a part of the volume moves
    /// it by the square of that part.
    #[serde(default, skip_serializing_if = "is_default")]
    pub volume_impact: Ratio,
    /// Share of a bar's volume that our fills may take together.
    pub participation: Ratio,
    /// When limits fill on bars.
    pub limit_fill: LimitFill,
    /// Chance of a fill at the limit, where chance decides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limit_chance: Ratio,
    /// Time between giving an order and its reaching the market, in milliseconds.
    pub latency_ms: u32,
    /// Age from which a quote no longer fills, in milliseconds; `None` is never.
    pub stale_after_ms: Option<u32>,
    /// Seed of whatever chance a model uses.
    pub seed: u64,
    /// Sessions after which the proceeds of a sale settle; 0 is at once.
    #[serde(default)]
    pub settlement_days: u32,
    /// What borrowed shares cost a year, of their market value; charged by the day, 360 to the year.
    #[serde(default)]
    pub borrow_rate: Ratio,
}

impl Default for VenueModel {
    /// The defaults of `replay`: no fees, no slippage, 2.5 % participation.
    fn default() -> Self {
        Self {
            fee: FeeModel::default(),
            slippage: Ratio::ZERO,
            slippage_ticks: 0,
            volume_impact: Ratio::ZERO,
            participation: Ratio::from_raw(25_000_000),
            limit_fill: LimitFill::Through,
            limit_chance: Ratio::ZERO,
            latency_ms: 0,
            stale_after_ms: None,
            seed: 0,
            settlement_days: 0,
            borrow_rate: Ratio::ZERO,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl VenueModel {
    /// What a fill of so many shares slips on a bar, ticks apart, as a share of its price: the fixed part, and what
    /// its share of the bar's volume moves. At most the participation is taken.
    pub fn slippage_of(&self, shares: Quantity, volume: Volume) -> Option<Ratio> {
        if self.volume_impact.is_zero() {
            return Some(self.slippage);
        }
        let share = shares.min(volume.share(self.participation)).share_of(volume)?;
        let moved = self.volume_impact.scale(share).and_then(|r| r.scale(share)).ok()?;
        self.slippage.checked_add(moved)
    }

    /// How an order's limit fills on what the market did at a time. Where chance decides, the model's seed, the order
    /// and the time do: the same run is the same again.
    pub fn limit_rule(&self, order: &OrderSpec, time: UnixNanos) -> LimitFill {
        if self.limit_fill != LimitFill::Chance {
            return self.limit_fill;
        }
        let names = order.account.as_str().bytes().chain([0]).chain(order.id.as_str().bytes());
        let numbers = self.seed.to_be_bytes().into_iter().chain(time.nanos().to_be_bytes());
        let drawn = i128::from(mixed(numbers.chain(names)));
        let lucky = drawn * i128::from(Ratio::ONE_RAW) < i128::from(self.limit_chance.raw()) << u64::BITS;
        if lucky { LimitFill::Touch } else { LimitFill::Through }
    }

    /// The defaults of a new home: 1 bp slippage, 0.005 a share and at least 1.00 an order, settlement on the next
    /// business day, no fill at a quote older than 15 seconds.
    pub fn home() -> Self {
        let fee = FeeModel {
            per_share: Price::from_raw(5_000_000),
            min: Money::from_raw(Money::ONE_RAW),
            ..FeeModel::default()
        };
        Self {
            fee,
            slippage: Ratio::from_raw(100_000),
            settlement_days: 1,
            stale_after_ms: Some(15_000),
            ..Self::default()
        }
    }
}

/// A number that any change of the bytes changes altogether (FNV-1a, then the last steps of SplitMix64).
fn mixed(bytes: impl Iterator<Item = u8>) -> u64 {
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let once = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Side;

    fn order(id: usize) -> OrderSpec {
        let size = (Side::Buy, Quantity::from_raw(Quantity::ONE_RAW));
        OrderSpec::plain(
            "A".parse().unwrap(),
            format!("o{id}").parse().unwrap(),
            "X.XNYS".parse().unwrap(),
            size,
            None,
        )
    }

    #[test]
    fn chance_fills_its_share_of_orders_and_the_same_ones_again() {
        let time: UnixNanos = "2024-03-05T15:00:00Z".parse().unwrap();
        let venue = |chance: &str, seed| VenueModel {
            limit_fill: LimitFill::Chance,
            limit_chance: chance.parse().unwrap(),
            seed,
            ..VenueModel::default()
        };
        let lucky = |venue: &VenueModel| -> Vec<usize> {
            (0..10_000).filter(|id| venue.limit_rule(&order(*id), time) == LimitFill::Touch).collect()
        };
        let third = lucky(&venue("0.3", 1));
        assert!((2_800..3_200).contains(&third.len()), "{}", third.len());
        assert_eq!(third, lucky(&venue("0.3", 1)));
        assert_ne!(third, lucky(&venue("0.3", 2)));
        assert_eq!((lucky(&venue("0", 1)).len(), lucky(&venue("1", 1)).len()), (0, 10_000));
    }
}
