//! The controls, one file each, and the table that orders them.
//!
//! A control looks at [`Inputs`] alone and always says something, also when it passes or no limit is set. Adding one
//! is a file and a row in [`CONTROLS`]; `docs/limits.md` is made from the table.

mod adv;
mod allowed;
mod approval_window;
mod beta;
mod cancels;
mod case;
mod collar;
mod collar_ticks;
mod consecutive;
mod cooldown;
mod currency;
mod daily_loss;
mod day_trades;
mod days;
mod drawdown;
mod duplicate;
mod executions;
mod exits;
mod exposure;
mod fat_fill;
mod firm;
mod grain;
mod gross;
mod halt;
mod leverage;
mod losses;
mod low_profit;
mod margin;
mod measure;
mod messages;
mod minimum;
mod money;
mod net;
mod notional;
mod open_orders;
mod order_to_trade;
mod position;
mod position_loss;
mod position_quantity;
mod promise;
mod quantity;
mod rate;
mod reference_age;
mod reject_rate;
mod restricted;
mod scoped;
mod sector;
mod self_trade;
mod shape;
mod short;
mod shortfall;
mod state;
mod static_drawdown;
mod stop_outs;
#[cfg(test)]
mod tests;
mod unsettled;
mod var;
mod weight;

pub use approval_window::approval_window;
pub use case::{Case, bound, daily_take};
pub use fat_fill::{FatFill, fat_fill};
pub use firm::firm_used;
pub use grain::Grain;
pub use losses::{Loss, losses};
pub use margin::MarginStanding;
pub(super) use measure::needs_facts;
pub use measure::{Finding, Measure, NEED_FACTS, Seen, bounded, share_above};
pub(super) use rate::{in_window as orders_in_window, in_window_of as orders_in_window_of};
pub(super) use reject_rate::refused_share;
pub(super) use scoped::{day_loss, is_apart, open_orders, strategy_loss};
pub use self_trade::{crossing, prevented};

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

/// What stands behind a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A limit that people set.
    Limit(LimitName),
    /// Nothing to set: always in force.
    Always {
        /// Its name.
        name: &'static str,
        /// What it holds, in one sentence.
        doc: &'static str,
    },
}

impl Rule {
    /// The name used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Limit(name) => name.as_str(),
            Rule::Always { name, .. } => name,
        }
    }

    /// What it bounds, in one sentence.
    pub const fn doc(self) -> &'static str {
        match self {
            Rule::Limit(name) => name.doc(),
            Rule::Always { doc, .. } => doc,
        }
    }
}

/// When a control speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before an order works.
    PreTrade,
    /// Before an order works, and after each market event without one.
    Continuous,
    /// After a fill: an order is not refused by it.
    AfterFill,
    /// While an order waits for a second person: it is not refused by it.
    WhileHeld,
}

/// One control.
pub trait Control: Sync {
    /// What stands behind it.
    fn rule(&self) -> Rule;

    /// What its figure is of, and so for what its limit may be set.
    fn grain(&self) -> Grain {
        Grain::Order
    }

    /// When it speaks.
    fn phase(&self) -> Phase {
        Phase::PreTrade
    }

    /// Whether an order that only makes a position smaller passes.
    fn spares_reductions(&self) -> bool {
        false
    }

    /// What it says of an order.
    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i>;
}

/// All controls; the first that speaks names the refusal.
pub const CONTROLS: &[&dyn Control] = &[
    &shape::Shape,
    &promise::Promise,
    &exits::Exits,
    &halt::MarketHalt,
    &state::TradingState,
    &restricted::RestrictedSymbols,
    &allowed::AllowedSymbols,
    &quantity::MaxOrderQuantity,
    &notional::MaxOrderNotional,
    &minimum::MinOrderQuantity,
    &minimum::MinOrderNotional,
    &collar::PriceCollar,
    &collar_ticks::PriceCollarTicks,
    &reference_age::MaxReferenceAge,
    &duplicate::DuplicateOrderWindow,
    &self_trade::MaxSelfTrades,
    &short::ShortSelling,
    &margin::MarginCall,
    &money::Money,
    &unsettled::MaxUnsettledUse,
    &position::MaxPositionNotional,
    &position_quantity::MaxPositionQuantity,
    &gross::MaxGrossExposure,
    &net::MaxNetExposure,
    &firm::MaxFirmGrossExposure,
    &firm::MaxFirmNetExposure,
    &leverage::MaxLeverage,
    &weight::MaxPositionWeight,
    &sector::MaxSectorExposure,
    &currency::MaxCurrencyExposure,
    &adv::MaxAdvParticipation,
    &days::MaxDaysToLiquidate,
    &beta::MaxBeta,
    &var::MaxVar95,
    &var::MaxVar99,
    &shortfall::MaxShortfall95,
    &shortfall::MaxShortfall99,
    &rate::MaxOrdersPerMinute,
    &messages::MaxMessagesPerMinute,
    &messages::MaxFirmMessagesPerMinute,
    &reject_rate::MaxRejectRate,
    &open_orders::MaxOpenOrders,
    &cancels::MaxCancelsPerDay,
    &order_to_trade::MaxOrderToTrade,
    &day_trades::MaxDayTrades,
    &executions::MaxRepeatedExecutions,
    &daily_loss::MaxDailyLoss,
    &drawdown::MaxDrawdown,
    &static_drawdown::MaxStaticDrawdown,
    &position_loss::MaxPositionLoss,
    &consecutive::MaxConsecutiveLosses,
    &cooldown::LossCooldown,
    &stop_outs::MaxStopOuts,
    &low_profit::LowProfitLock,
    &fat_fill::MaxFillDistance,
    &approval_window::ApprovalWindow,
];

/// The control of a limit.
pub fn control_of(name: LimitName) -> Option<&'static dyn Control> {
    CONTROLS.iter().copied().find(|c| c.rule() == Rule::Limit(name))
}
