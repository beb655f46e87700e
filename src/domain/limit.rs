//! Limits: their names, scopes, values and versions, and the record of what a risk decision saw.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::IdError;
use super::{
    AccountId, ChangeSetId, CleanText, Money, OrderId, Quantity, Ratio, RefusalCode, StrategyId, Symbol,
    UnixNanos, UserName,
};

pub use super::decision::{Breach, CheckOutcome, CheckRecord, DecisionRecord};

/// What unit a limit's value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// Shares.
    Quantity,
    /// Money in the account's currency.
    Money,
    /// A fraction of equity or price.
    Ratio,
    /// Orders.
    Count,
    /// Seconds.
    Seconds,
    /// Trading days, and parts of one.
    Days,
    /// A list of symbols.
    Symbols,
}

impl LimitUnit {
    /// The unit in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            LimitUnit::Quantity => "shares",
            LimitUnit::Money => "money",
            LimitUnit::Ratio => "fraction",
            LimitUnit::Count => "count",
            LimitUnit::Seconds => "seconds",
            LimitUnit::Days => "days",
            LimitUnit::Symbols => "symbols",
        }
    }
}

macro_rules! limit_names {
    ($($name:ident = $text:literal, $unit:ident, $code:ident, $doc:literal;)*) => {
        /// A limit this release checks. One row a limit: name, unit, code, meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum LimitName {
            $(
                #[doc = $doc]
                #[serde(rename = $text)]
                $name,
            )*
        }

        impl LimitName {
            /// All limits, in the order of their codes.
            pub const ALL: &'static [LimitName] = &[$(LimitName::$name),*];
            /// The name used everywhere.
            pub const fn as_str(self) -> &'static str { match self { $(LimitName::$name => $text,)* } }
            /// The unit of its value.
            pub const fn unit(self) -> LimitUnit { match self { $(LimitName::$name => LimitUnit::$unit,)* } }
            /// The code of its breach.
            pub const fn code(self) -> RefusalCode { match self { $(LimitName::$name => RefusalCode::$code,)* } }
            /// What it bounds, in one sentence.
            pub const fn doc(self) -> &'static str { match self { $(LimitName::$name => $doc,)* } }
        }

        impl FromStr for LimitName {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                LimitName::ALL.iter().copied().find(|n| n.as_str() == text).ok_or_else(|| IdError::Unknown {
                    kind: "limit",
                    found: text.escape_default().to_string(),
                    known: concat!($($text, " "),*),
                })
            }
        }
    };
}

limit_names! {
    MaxOrderQuantity = "max_order_quantity", Quantity, MaxOrderQty, "Largest quantity of one order.";
    MaxOrderNotional = "max_order_notional", Money, MaxOrderNotional, "Largest value of one order.";
    MaxPositionNotional = "max_position_notional", Money, MaxPosition, "Largest value of one position, open orders included.";
    MaxPositionQuantity = "max_position_quantity", Quantity, MaxPosition, "Largest quantity of one position, open orders included.";
    MaxPositionWeight = "max_position_weight", Ratio, Concentration, "Largest share of equity in one name, open orders included.";
    MaxGrossExposure = "max_gross_exposure", Ratio, GrossExposure, "Largest sum of position values as a multiple of equity, open orders included.";
    MaxNetExposure = "max_net_exposure", Ratio, NetExposure, "Largest difference of long and short values as a multiple of equity, open orders of the order's side included.";
    MaxLeverage = "max_leverage", Ratio, LeverageLimit, "Largest value of what is held, long and short alike, with this order, as a multiple of equity.";
    MaxSectorExposure = "max_sector_exposure", Ratio, SectorLimit, "Largest share of equity in one sector, open orders included.";
    MaxAdvParticipation = "max_adv_participation", Ratio, AdvParticipation, "Largest order as a share of the average daily volume of 20 sessions.";
    MaxBeta = "max_beta", Ratio, BetaLimit, "Largest exposure to the market (value times beta over 252 sessions) as a multiple of equity, whichever open orders fill.";
    MaxVar95 = "max_var_95", Ratio, VarLimit, "Largest one-day value at risk at 95 %, as a share of equity: the larger of history and formula, of what is held, with all open buys, sells or orders filled, and with each order on those days alone on which it would have lost.";
    MaxVar99 = "max_var_99", Ratio, VarLimit, "Largest one-day value at risk at 99 %, as a share of equity: the larger of history and formula, of what is held, with all open buys, sells or orders filled, and with each order on those days alone on which it would have lost.";
    MaxShortfall95 = "max_expected_shortfall_95", Ratio, VarLimit, "Largest mean loss of the worst 5 % of days, as a share of equity: the larger of history and formula, of what is held, with all open buys, sells or orders filled, and with each order on those days alone on which it would have lost.";
    MaxShortfall99 = "max_expected_shortfall_99", Ratio, VarLimit, "Largest mean loss of the worst 1 % of days, as a share of equity: the larger of history and formula, of what is held, with all open buys, sells or orders filled, and with each order on those days alone on which it would have lost.";
    PriceCollar = "price_collar", Ratio, PriceCollar, "Farthest a price may be on the wrong side of the reference price.";
    MaxReferenceAge = "max_reference_age", Seconds, StaleMarketData, "Oldest reference price an order may be judged against.";
    DuplicateOrderWindow = "duplicate_order_window", Seconds, DuplicateOrderWindow, "Time in which the same account may not ask again for the same side, quantity and price of an instrument; at most 60.";
    MaxSelfTrades = "max_self_trades", Count, SelfTrade, "Most working orders of the same owner on the other side, in any of their accounts, that an order may trade with; 0 prevents self-trades. Beyond it the order is refused; with `0 cancel_oldest` those orders end instead, the oldest first, with `0 cancel_newest` a new order is taken and ends at once. At a broker it is always refused.";
    MaxOrdersPerMinute = "max_orders_per_minute", Count, RateLimit, "Most orders of an account in sixty seconds.";
    MaxOpenOrders = "max_open_orders", Count, MaxOpenOrders, "Most open orders of an account.";
    MaxCancelsPerDay = "max_cancels_per_day", Count, CancelLimit, "Most cancels of an account in a day; more orders are refused, cancels never.";
    MaxOrderToTrade = "max_order_to_trade", Ratio, OrderToTrade, "Most orders, changes and cancels of an account in a day for each fill and one more.";
    MaxRepeatedExecutions = "max_repeated_executions", Count, RepeatedExecution, "Most fills of a strategy before a person must look: then it is halted until somebody resumes it.";
    MaxDailyLoss = "max_daily_loss", Money, DailyLossLimit, "Largest loss since the day's opening equity; for a symbol or a strategy, of what it held and traded today, fees apart.";
    MaxDrawdown = "max_drawdown", Ratio, DrawdownLimit, "Largest fall from the highest equity so far.";
    MaxPositionLoss = "max_position_loss", Money, PositionLoss, "Largest unrealised loss of one position; more of it may not be added.";
    MaxConsecutiveLosses = "max_consecutive_losses", Count, ConsecutiveLosses, "Most closes at a loss in a row, until the next day.";
    LossCooldown = "loss_cooldown", Seconds, LossCooldown, "Time after a close at a loss in which the account takes no new risk, within the day.";
    MaxDayTrades = "max_day_trades", Count, DayTradeLimit, "Most day trades of a Regulation T account in five sessions while its equity at the day's start is below 25,000.";
    RestrictedSymbols = "restricted_symbols", Symbols, RestrictedList, "Symbols that may not be traded.";
    MinOrderQuantity = "min_order_quantity", Quantity, QuantityBelowMinimum, "Smallest quantity of one order; what closes a position passes.";
    MinOrderNotional = "min_order_notional", Money, NotionalBelowMinimum, "Smallest value of one order; what closes a position passes.";
    PriceCollarTicks = "price_collar_ticks", Count, PriceCollar, "Most ticks a price may be on the wrong side of the reference price.";
    MaxUnsettledUse = "max_unsettled_use", Money, UnsettledFunds, "Most proceeds not yet settled that the open buys of a cash account may use; 0 lets settled cash alone buy, so that nothing is sold before it was paid.";
    MaxCurrencyExposure = "max_currency_exposure", Money, CurrencyExposure, "Largest value in the order's currency over all paper accounts together, open orders included.";
    MaxDaysToLiquidate = "max_days_to_liquidate", Days, DaysToLiquidate, "Most days that closing the position takes at the paper exchange's participation in the average daily volume, open orders included.";
    MaxMessagesPerMinute = "max_messages_per_minute", Count, RateLimit, "Most orders and changes of an account in sixty seconds, refused ones included.";
    MaxFirmMessagesPerMinute = "max_firm_messages_per_minute", Count, RateLimit, "Most orders and changes of all paper accounts together in sixty seconds, refused ones included.";
    MaxRejectRate = "max_reject_rate", Ratio, RejectRate, "Largest refused share of the orders and changes of an account in sixty seconds, from ten of them on.";
    MaxStopOuts = "max_stop_outs", Count, StopCount, "Most fills of stop orders that closed what an account held, in five sessions.";
    LowProfitLock = "low_profit_lock", Money, LowProfit, "Largest loss realised in one name over five sessions; more of it may not be added.";
    MaxFillDistance = "max_fill_distance", Ratio, FatFill, "Farthest a fill may be on the wrong side of the reference price before it; beyond the hard value the limit's scope is halted too.";
    ApprovalWindow = "approval_window", Seconds, ApprovalExpired, "Longest time on the wall clock that an order waits for a second person; then it ends.";
    MaxFirmGrossExposure = "max_firm_gross_exposure", Ratio, GrossExposure, "Largest sum of position values of all paper accounts in the account's currency together, as a multiple of their equity, open orders included.";
    MaxFirmNetExposure = "max_firm_net_exposure", Ratio, NetExposure, "Largest difference of long and short values of all paper accounts in the account's currency together, as a multiple of their equity, open orders of the order's side included.";
    AllowedSymbols = "allowed_symbols", Symbols, NotAllowed, "The only symbols that may be traded; an empty list allows none.";
    MaxStaticDrawdown = "max_static_drawdown", Ratio, StaticDrawdownLimit, "Largest fall of equity below the capital that was put in, as a share of it.";
}

/// Longest window in which orders alike are remembered, in seconds.
pub const LIKE_WINDOW_SECONDS_MAX: u32 = 60;

impl LimitName {
    /// Whether a higher value allows more. Of a time in which something is forbidden, and of a minimum, it allows less.
    pub const fn higher_is_looser(self) -> bool {
        !matches!(
            self,
            LimitName::DuplicateOrderWindow
                | LimitName::LossCooldown
                | LimitName::MinOrderQuantity
                | LimitName::MinOrderNotional
        )
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a limit or a halt covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every paper account.
    Firm,
    /// One account.
    Account(AccountId),
    /// One symbol, in every paper account.
    Symbol(Symbol),
    /// One strategy, in every paper account.
    Strategy(StrategyId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Firm => f.pad("firm"),
            Scope::Account(a) => f.pad(&format!("account:{a}")),
            Scope::Symbol(s) => f.pad(&format!("symbol:{s}")),
            Scope::Strategy(s) => f.pad(&format!("strategy:{s}")),
        }
    }
}

impl FromStr for Scope {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once(':') {
            None if text == "firm" => Ok(Scope::Firm),
            Some(("account", name)) => name.parse().map(Scope::Account),
            Some(("symbol", name)) => name.parse().map(Scope::Symbol),
            Some(("strategy", name)) => name.parse().map(Scope::Strategy),
            None | Some(_) => Err(IdError::Unknown {
                kind: "scope",
                found: text.escape_default().to_string(),
                known: "firm, account:NAME, symbol:NAME, strategy:NAME",
            }),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        super::serial::from_text(d)
    }
}

/// What becomes of an order that would trade with open ones of the same owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTrade {
    /// The open ones end, the oldest first, and it works.
    CancelOldest,
    /// It is taken and ends at once; a change is refused.
    CancelNewest,
}

impl SelfTrade {
    const ALL: [SelfTrade; 2] = [SelfTrade::CancelOldest, SelfTrade::CancelNewest];

    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            SelfTrade::CancelOldest => "cancel_oldest",
            SelfTrade::CancelNewest => "cancel_newest",
        }
    }
}

/// A limit's value in its unit. Serialised as the text a person would type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitValue {
    /// Shares.
    Quantity(Quantity),
    /// Money.
    Money(Money),
    /// A fraction.
    Ratio(Ratio),
    /// A number of orders, or seconds.
    Count(u32),
    /// A set of symbols.
    Symbols(BTreeSet<Symbol>),
    /// A number of own orders, and what ends beyond it; without that the order is refused, as by a plain number.
    SelfTrades(u32, SelfTrade),
}

impl LimitValue {
    /// Parses `text` in the unit of `name`; negative values are refused.
    pub fn parse(name: LimitName, text: &str) -> Result<Self, String> {
        let bad = |e: &dyn fmt::Display| format!("{name}: '{}' {e}", text.escape_default());
        let value = match text.trim().split_once(' ').filter(|_| name == LimitName::MaxSelfTrades) {
            Some((count, mode)) => Self::read_self_trades(count, mode.trim()).map_err(|e| bad(&e))?,
            None => Self::read(name.unit(), text).map_err(|e| bad(&e))?,
        };
        let most = i64::from(LIKE_WINDOW_SECONDS_MAX);
        if name == LimitName::DuplicateOrderWindow && value.raw().is_some_and(|raw| raw > most) {
            return Err(bad(&"is longer than orders are remembered: give at most 60"));
        }
        if value.raw().is_some_and(|raw| raw < 0) {
            return Err(bad(&"is negative; a limit is zero or more"));
        }
        Ok(value)
    }

    fn read_self_trades(count: &str, mode: &str) -> Result<Self, String> {
        let LimitValue::Count(count) = Self::read(LimitUnit::Count, count)? else {
            return Err(String::new());
        };
        if mode == "deny" {
            return Ok(LimitValue::Count(count));
        }
        let known = SelfTrade::ALL.into_iter().find(|m| m.as_str() == mode);
        known.map(|mode| LimitValue::SelfTrades(count, mode)).ok_or_else(|| {
            "names no way to prevent self-trades: give a number alone (or with deny), with cancel_oldest or with \
             cancel_newest"
                .to_owned()
        })
    }

    /// The mode of a self-trade limit that does not refuse.
    pub const fn self_trade(&self) -> Option<(u32, SelfTrade)> {
        match self {
            LimitValue::SelfTrades(count, mode) => Some((*count, *mode)),
            LimitValue::Quantity(_)
            | LimitValue::Money(_)
            | LimitValue::Ratio(_)
            | LimitValue::Count(_)
            | LimitValue::Symbols(_) => None,
        }
    }

    fn read(unit: LimitUnit, text: &str) -> Result<Self, String> {
        let said = |e: &dyn fmt::Display| e.to_string();
        Ok(match unit {
            LimitUnit::Quantity => LimitValue::Quantity(text.parse().map_err(|e| said(&e))?),
            LimitUnit::Money => LimitValue::Money(text.parse().map_err(|e| said(&e))?),
            LimitUnit::Ratio | LimitUnit::Days => LimitValue::Ratio(text.parse().map_err(|e| said(&e))?),
            LimitUnit::Count | LimitUnit::Seconds => {
                LimitValue::Count(text.parse().map_err(|_| "is not a whole number".to_owned())?)
            }
            LimitUnit::Symbols => {
                let names = text.split(',').map(str::trim).filter(|s| !s.is_empty());
                LimitValue::Symbols(names.map(str::parse).collect::<Result<_, _>>().map_err(|e| said(&e))?)
            }
        })
    }

    /// The raw scaled integer, for comparing values of one unit; `None` for symbols.
    pub fn raw(&self) -> Option<i64> {
        match self {
            LimitValue::Quantity(v) => Some(v.raw()),
            LimitValue::Money(v) => Some(v.raw()),
            LimitValue::Ratio(v) => Some(v.raw()),
            LimitValue::Count(v) | LimitValue::SelfTrades(v, _) => Some(i64::from(*v)),
            LimitValue::Symbols(_) => None,
        }
    }
}

impl fmt::Display for LimitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitValue::Quantity(v) => v.fmt(f),
            LimitValue::Money(v) => v.fmt(f),
            LimitValue::Ratio(v) => v.fmt(f),
            LimitValue::Count(v) => v.fmt(f),
            LimitValue::SelfTrades(v, mode) => f.pad(&format!("{v} {}", mode.as_str())),
            LimitValue::Symbols(set) => {
                let names: Vec<&str> = set.iter().map(Symbol::as_str).collect();
                f.pad(&names.join(","))
            }
        }
    }
}

/// What to do with working orders that a tightened limit no longer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkingOrders {
    /// They stay.
    #[default]
    Keep,
    /// They are cancelled.
    Cancel,
}

/// A wish to set a limit. Values travel as text, so that one shape serves every unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitDraft {
    /// Which limit.
    pub name: LimitName,
    /// What it covers.
    pub scope: Scope,
    /// The bound nothing may pass; `None` removes the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard: Option<String>,
    /// Above this an order waits for a second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<String>,
    /// Why.
    pub reason: CleanText,
    /// What happens to working orders over it.
    #[serde(default)]
    pub working: WorkingOrders,
    /// For how long, for what, and beside what else it is meant.
    #[serde(flatten)]
    pub terms: LimitTerms,
}

/// The terms of a draft; without any it holds from its approval on, for everything in its scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitTerms {
    /// Market time at which it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<UnixNanos>,
    /// Market time at which it ends and what stood before is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixNanos>,
    /// The one order it is meant for; it ends when that order was taken or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<(AccountId, OrderId)>,
    /// Version its author saw: a later one of the same limit makes it stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<u32>,
    /// Change set: all of its versions are approved together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<ChangeSetId>,
}

impl LimitDraft {
    /// Whether a symbol is its scope or on its list.
    pub fn names(&self, symbol: Symbol) -> bool {
        self.scope == Scope::Symbol(symbol)
            || self.lists(self.hard.as_ref(), symbol)
            || self.lists(self.soft.as_ref(), symbol)
    }

    fn lists(&self, value: Option<&String>, symbol: Symbol) -> bool {
        let parsed = value.map(|text| LimitValue::parse(self.name, text));
        matches!(parsed, Some(Ok(LimitValue::Symbols(set))) if set.contains(&symbol))
    }

    /// The same for the symbol that another one became: in its scope, or beside it on the list.
    #[must_use]
    pub fn following(&self, old: Symbol, new: Symbol) -> Self {
        let with = |value: Option<&String>| {
            value.map(|text| if self.lists(value, old) { format!("{text},{new}") } else { text.clone() })
        };
        Self {
            name: self.name,
            scope: if self.scope == Scope::Symbol(old) { Scope::Symbol(new) } else { self.scope },
            hard: with(self.hard.as_ref()),
            soft: with(self.soft.as_ref()),
            reason: CleanText::from(format!("{old} is {new} now")),
            working: WorkingOrders::Keep,
            terms: LimitTerms { based_on: None, set: None, ..self.terms.clone() },
        }
    }
}

/// Where a version changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It begins.
    Begins,
    /// It ends.
    Ends,
    /// It was to begin, and a later version had taken its place: it never binds.
    Overtaken,
}

/// Whether a version is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// Waits for a second person.
    Proposed,
    /// In force, or was until a later version of the same limit and scope.
    Approved,
    /// Somebody else turned it down.
    Rejected,
    /// Its maker took it back.
    Withdrawn,
    /// It was to begin later, and a later version had taken its place by then.
    Overtaken,
}

/// Who turned a waiting version down or took it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Who.
    pub actor: UserName,
    /// When, in market time.
    pub at: UnixNanos,
    /// Why.
    pub reason: CleanText,
}

/// One version of one limit: what, who, why, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitVersion {
    /// Counts over all limits of a home, from 1.
    pub version: u32,
    /// What was asked.
    pub draft: LimitDraft,
    /// Who asked.
    pub maker: UserName,
    /// When, in market time.
    pub made_at: UnixNanos,
    /// Waiting or in force.
    pub status: VersionStatus,
    /// Who approved, where a second person was needed.
    pub approver: Option<UserName>,
    /// Since when it is in force.
    pub approved_at: Option<UnixNanos>,
    /// Whether the only person of the home agreed to it, after waiting.
    #[serde(default)]
    pub alone: bool,
    /// Who turned it down or took it back.
    #[serde(default)]
    pub closed: Option<Closed>,
}
