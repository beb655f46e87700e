//! Limits: their names, scopes, values and versions, and the record of what a risk decision saw.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::IdError;
use super::{AccountId, CleanText, Money, Price, Quantity, Ratio, RefusalCode, Symbol, UnixNanos, UserName};

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
    /// A list of symbols.
    Symbols,
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
    MaxPositionWeight = "max_position_weight", Ratio, Concentration, "Largest share of equity in one name, open orders included.";
    MaxGrossExposure = "max_gross_exposure", Ratio, GrossExposure, "Largest sum of position values as a multiple of equity, open orders included.";
    PriceCollar = "price_collar", Ratio, PriceCollar, "Farthest a price may be on the wrong side of the reference price.";
    MaxOrdersPerMinute = "max_orders_per_minute", Count, RateLimit, "Most orders of an account in sixty seconds.";
    MaxDailyLoss = "max_daily_loss", Money, DailyLossLimit, "Largest loss since the day's opening equity.";
    MaxDrawdown = "max_drawdown", Ratio, DrawdownLimit, "Largest fall from the highest equity so far.";
    RestrictedSymbols = "restricted_symbols", Symbols, RestrictedList, "Symbols that may not be traded.";
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
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Firm => f.pad("firm"),
            Scope::Account(a) => f.pad(&format!("account:{a}")),
            Scope::Symbol(s) => f.pad(&format!("symbol:{s}")),
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
            None | Some(_) => Err(IdError::Unknown {
                kind: "scope",
                found: text.escape_default().to_string(),
                known: "firm, account:NAME, symbol:NAME",
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

/// A limit's value in its unit. Serialised as the text a person would type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitValue {
    /// Shares.
    Quantity(Quantity),
    /// Money.
    Money(Money),
    /// A fraction.
    Ratio(Ratio),
    /// A number of orders.
    Count(u32),
    /// A set of symbols.
    Symbols(BTreeSet<Symbol>),
}

impl LimitValue {
    /// Parses `text` in the unit of `name`; negative values are refused.
    pub fn parse(name: LimitName, text: &str) -> Result<Self, String> {
        let bad = |e: &dyn fmt::Display| format!("{name}: '{}' {e}", text.escape_default());
        let value = match name.unit() {
            LimitUnit::Quantity => LimitValue::Quantity(text.parse().map_err(|e| bad(&e))?),
            LimitUnit::Money => LimitValue::Money(text.parse().map_err(|e| bad(&e))?),
            LimitUnit::Ratio => LimitValue::Ratio(text.parse().map_err(|e| bad(&e))?),
            LimitUnit::Count => LimitValue::Count(text.parse().map_err(|_| bad(&"is not a whole number"))?),
            LimitUnit::Symbols => {
                let names = text.split(',').map(str::trim).filter(|s| !s.is_empty());
                LimitValue::Symbols(names.map(str::parse).collect::<Result<_, _>>().map_err(|e| bad(&e))?)
            }
        };
        if value.raw().is_some_and(|raw| raw < 0) {
            return Err(bad(&"is negative; a limit is zero or more"));
        }
        Ok(value)
    }

    /// The raw scaled integer, for comparing values of one unit; `None` for symbols.
    pub fn raw(&self) -> Option<i64> {
        match self {
            LimitValue::Quantity(v) => Some(v.raw()),
            LimitValue::Money(v) => Some(v.raw()),
            LimitValue::Ratio(v) => Some(v.raw()),
            LimitValue::Count(v) => Some(i64::from(*v)),
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
}

/// Whether a version is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// Waits for a second person.
    Proposed,
    /// In force, or was until a later version of the same limit and scope.
    Approved,
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
}

/// One limit that spoke against an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Code of the breach.
    pub code: RefusalCode,
    /// Limit that spoke, or the check's name where no limit stands behind it.
    pub limit: String,
    /// Scope of the limit.
    pub scope: Scope,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckOutcome {
    /// Within its limit, or no limit is set.
    Passed,
    /// Above the soft limit only.
    SoftBreach,
    /// Above the hard limit.
    Breach,
    /// A fact was missing: never a silent pass.
    NotEvaluated,
}

/// One check of one decision, with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Code the check would refuse with.
    pub code: RefusalCode,
    /// Limit or check name.
    pub limit: String,
    /// Scope of the limit that spoke, or that is nearest.
    pub scope: Scope,
    /// Value before the order; empty where it has no meaning.
    pub now: String,
    /// Value with the order, worst case.
    pub observed: String,
    /// Hard threshold; empty when none is set.
    pub threshold: String,
    /// How it ended.
    pub outcome: CheckOutcome,
}

/// What a decision saw and said: plain data for the journal and the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Highest limit version considered.
    pub limits_version: u32,
    /// Sequence number of the book considered.
    pub book_seq: u64,
    /// Reference price used, with its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<(Price, UnixNanos)>,
    /// Every check, in the order of the rules.
    pub checks: Vec<CheckRecord>,
}
