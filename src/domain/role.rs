//! Roles and what they may do: the only place that names a role beside tests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::IdError;
use super::{Money, Ratio};

/// What a person is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees holdings and plain-language insights; paper-trades on an own simulation account.
    Customer,
    /// Ranks, trades the desk's paper account.
    Trader,
    /// Sets limits, watches exposure, halts.
    Risk,
    /// Runs the system.
    Admin,
}

/// One thing a role may or may not do: the rows of the permission matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Portfolio, trade history.
    ViewPortfolio,
    /// Plain-language insights.
    ViewInsights,
    /// Simulation accounts.
    Simulate,
    /// Raw signals, factor values, model names.
    ViewSignals,
    /// Desk orders, signal runs, rebalance, backtest on the home.
    TradeDesk,
    /// Limits and their use.
    ViewLimits,
    /// Edit and approve limits, approve held orders, halt, resume.
    ControlRisk,
    /// Import, sync, advance.
    ManageData,
    /// Prices, charts, news, own watchlists, notices, settings.
    ViewMarket,
    /// Verify and export the audit trail.
    Audit,
    /// Open accounts, system logs, users, keys, backup.
    Administer,
}

/// How far a capability reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Not at all.
    None,
    /// The person's own accounts only.
    Own,
    /// The desk.
    Desk,
}

use Reach::{Desk as D, None as N, Own as O};

/// The permission matrix: one row a capability; customer, trader, risk, admin.
const MATRIX: [(Capability, [Reach; 4]); 11] = [
    (Capability::ViewPortfolio, [O, D, D, D]),
    (Capability::ViewInsights, [O, D, D, D]),
    (Capability::Simulate, [O, D, D, D]),
    (Capability::ViewSignals, [N, D, D, D]),
    (Capability::TradeDesk, [N, D, N, D]),
    (Capability::ViewLimits, [N, O, D, D]),
    (Capability::ControlRisk, [N, N, D, D]),
    (Capability::ManageData, [N, D, N, D]),
    (Capability::ViewMarket, [D, D, D, D]),
    (Capability::Audit, [N, N, D, D]),
    (Capability::Administer, [N, N, N, D]),
];

impl Capability {
    /// All capabilities, in the order of the matrix.
    pub fn all() -> impl Iterator<Item = Capability> {
        MATRIX.iter().map(|(c, _)| *c)
    }

    /// What it lets a person do, to follow "may not".
    pub const fn text(self) -> &'static str {
        match self {
            Capability::ViewPortfolio => "see portfolios and trades",
            Capability::ViewInsights => "read insights",
            Capability::Simulate => "use simulation accounts",
            Capability::ViewSignals => "see raw signals",
            Capability::TradeDesk => "trade for the desk",
            Capability::ViewLimits => "see limits",
            Capability::ControlRisk => "change limits or halt trading",
            Capability::ManageData => "import, sync or advance market data",
            Capability::ViewMarket => "see prices and news",
            Capability::Audit => "verify or export the audit trail",
            Capability::Administer => "administer the system",
        }
    }

    /// Names of the roles that have it, for messages such as "needs role trader or admin".
    pub fn roles(self) -> String {
        let names: Vec<&str> =
            Role::ALL.iter().filter(|r| r.reach(self) != Reach::None).map(|r| r.as_str()).collect();
        names.join(" or ")
    }
}

impl Role {
    /// All roles, in the order of the matrix's columns.
    pub const ALL: [Role; 4] = [Role::Customer, Role::Trader, Role::Risk, Role::Admin];

    /// The word used on the command line, in stores and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Trader => "trader",
            Role::Risk => "risk",
            Role::Admin => "admin",
        }
    }

    /// How far this role reaches with a capability.
    pub fn reach(self, capability: Capability) -> Reach {
        let row = MATRIX.iter().find(|(c, _)| *c == capability);
        let [customer, trader, risk, admin] = row.map_or([N; 4], |(_, reach)| *reach);
        match self {
            Role::Customer => customer,
            Role::Trader => trader,
            Role::Risk => risk,
            Role::Admin => admin,
        }
    }

    /// Whether a new person of this role gets a simulation account of their own.
    pub const fn gets_simulation_account(self) -> bool {
        match self {
            Role::Customer => true,
            Role::Trader | Role::Risk | Role::Admin => false,
        }
    }

    /// The first person of a home must have this role.
    pub const fn is_founder(self) -> bool {
        match self {
            Role::Admin => true,
            Role::Customer | Role::Trader | Role::Risk => false,
        }
    }

    /// The role of the first person of a home.
    pub const FOUNDER: Role = Role::Admin;

    /// Workspace the terminal opens for this role.
    pub const fn default_workspace(self) -> &'static str {
        match self {
            Role::Customer => "home",
            Role::Trader => "desk",
            Role::Risk => "risk",
            Role::Admin => "system",
        }
    }

    /// Name of the demo person with this role.
    pub const fn demo_name(self) -> &'static str {
        match self {
            Role::Customer => "kim",
            Role::Trader => "ana",
            Role::Risk => "raj",
            Role::Admin => "root",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Role::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| IdError::Unknown {
            kind: "role",
            found: text.escape_default().to_string(),
            known: "customer, trader, risk, admin",
        })
    }
}

/// How much risk a customer wants to take; sets the limits of their simulation account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskTolerance {
    /// Small positions, small losses.
    Conservative,
    /// In between.
    #[default]
    Moderate,
    /// Larger positions, larger losses.
    Aggressive,
}

/// Limits that a risk tolerance puts on a simulation account, as shares of its opening cash or equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToleranceLimits {
    /// Largest position as a share of equity.
    pub max_position_weight: Ratio,
    /// Largest gross exposure as a multiple of equity.
    pub max_gross_exposure: Ratio,
    /// Largest value of one order as a share of the opening cash.
    pub order_share: Ratio,
    /// Largest loss of a day as a share of the opening cash.
    pub daily_loss_share: Ratio,
}

const fn percent(n: i64) -> Ratio {
    Ratio::from_raw(n * 10_000_000)
}

impl RiskTolerance {
    /// All, from careful to bold.
    pub const ALL: [RiskTolerance; 3] =
        [RiskTolerance::Conservative, RiskTolerance::Moderate, RiskTolerance::Aggressive];

    /// The word used in stores and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            RiskTolerance::Conservative => "conservative",
            RiskTolerance::Moderate => "moderate",
            RiskTolerance::Aggressive => "aggressive",
        }
    }

    /// From the word used in stores.
    pub fn parse(text: &str) -> Option<Self> {
        RiskTolerance::ALL.into_iter().find(|t| t.as_str() == text)
    }

    /// The limits it stands for.
    pub const fn limits(self) -> ToleranceLimits {
        let (weight, gross, order, loss) = match self {
            RiskTolerance::Conservative => (10, 80, 10, 2),
            RiskTolerance::Moderate => (20, 100, 20, 5),
            RiskTolerance::Aggressive => (35, 100, 35, 10),
        };
        ToleranceLimits {
            max_position_weight: percent(weight),
            max_gross_exposure: percent(gross),
            order_share: percent(order),
            daily_loss_share: percent(loss),
        }
    }
}

/// Defaults of the firm's limits in a new home.
#[derive(Debug, Clone, Copy)]
pub struct FirmDefaults {
    /// Largest value of one order.
    pub max_order_notional: Money,
    /// Largest position as a share of equity.
    pub max_position_weight: Ratio,
    /// Largest gross exposure as a multiple of equity.
    pub max_gross_exposure: Ratio,
    /// Price collar.
    pub price_collar: Ratio,
    /// Largest loss of a day.
    pub max_daily_loss: Money,
}

/// What CONTRACTS promises for a new home.
pub const FIRM_DEFAULTS: FirmDefaults = FirmDefaults {
    max_order_notional: Money::from_raw(50_000 * Money::ONE_RAW),
    max_position_weight: percent(10),
    max_gross_exposure: percent(100),
    price_collar: percent(5),
    max_daily_loss: Money::from_raw(20_000 * Money::ONE_RAW),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_reaches_no_signal_limit_or_log() {
        for capability in
            [Capability::ViewSignals, Capability::ViewLimits, Capability::Administer, Capability::Audit]
        {
            assert_eq!(Role::Customer.reach(capability), Reach::None);
        }
    }

    #[test]
    fn messages_name_the_roles_that_may() {
        assert_eq!(Capability::TradeDesk.roles(), "trader or admin");
        assert_eq!(Capability::ControlRisk.roles(), "risk or admin");
    }
}
