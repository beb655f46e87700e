//! [`VenueModel`]: how the paper exchange charges and fills. Journaled when it changes, so that a fold of the
//! journal never depends on a settings file.

use serde::{Deserialize, Serialize};

use super::{Money, NumberError, Price, Quantity, Ratio};

/// Fees of one order: the larger of `min` and `per_share × filled + bps of filled notional`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeModel {
    /// Per share.
    pub per_share: Price,
    /// Least per order.
    pub min: Money,
    /// Share of the filled notional (1 bp = 0.0001).
    pub rate: Ratio,
}

impl FeeModel {
    /// The fee of an order that has filled `quantity` for `notional` so far; nothing filled costs nothing.
    pub fn total(&self, quantity: Quantity, notional: Money) -> Result<Money, NumberError> {
        if quantity.is_zero() {
            return Ok(Money::ZERO);
        }
        // Most venues charge one or the other.
        let shares =
            if self.per_share.is_zero() { Money::ZERO } else { self.per_share.notional(quantity)? };
        let share = if self.rate.is_zero() { Money::ZERO } else { notional.scale(self.rate)? };
        let sum = shares.checked_add(share).ok_or(NumberError::Overflow)?;
        Ok(sum.max(self.min))
    }
}

/// When a resting limit order fills on a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitFill {
    /// One tick beyond the limit.
    #[default]
    Through,
    /// At the limit.
    Touch,
}

/// How the paper exchange fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueModel {
    /// Fees.
    pub fee: FeeModel,
    /// Slippage of market-like fills on bars (1 bp = 0.0001).
    pub slippage: Ratio,
    /// Share of a bar's volume that our fills may take together.
    pub participation: Ratio,
    /// When limits fill on bars.
    pub limit_fill: LimitFill,
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
            participation: Ratio::from_raw(25_000_000),
            limit_fill: LimitFill::Through,
            latency_ms: 0,
            stale_after_ms: None,
            seed: 0,
            settlement_days: 0,
            borrow_rate: Ratio::ZERO,
        }
    }
}

impl VenueModel {
    /// The defaults of a new home: 1 bp slippage, 0.005 a share and at least 1.00 an order, settlement on the next
    /// business day, no fill at a quote older than 15 seconds.
    pub fn home() -> Self {
        let fee = FeeModel {
            per_share: Price::from_raw(5_000_000),
            min: Money::from_raw(Money::ONE_RAW),
            rate: Ratio::ZERO,
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
