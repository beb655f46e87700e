//! [`Screen`]: everything one person sees, as one immutable snapshot.

use crate::domain::role::Role;
use crate::domain::{AccountId, AccountKind, Capability, Exchange, UnixNanos, UserName};

use super::*;

/// The word in the corner of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A simulation account, or any account on the simulated exchange.
    Simulated,
    /// A paper account on real prices.
    Paper,
}

impl Mode {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Simulated => "SIM",
            Mode::Paper => "PAPER",
        }
    }

    /// Mode of an account.
    pub fn of(kind: AccountKind, exchange: Option<Exchange>) -> Self {
        let simulated = match kind {
            AccountKind::Simulation => true,
            AccountKind::Paper | AccountKind::Live => exchange == Some(Exchange::Sim),
        };
        if simulated { Mode::Simulated } else { Mode::Paper }
    }
}

/// Whether this process may change the home's trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It owns the trades store.
    Owner,
    /// Somebody else does; the text says who and since when.
    ReadOnly(String),
}

/// How fresh the data is.
#[derive(Debug, Clone, PartialEq)]
pub struct DataState {
    /// Prices come from the simulated exchange.
    pub simulated: bool,
    /// The exchange's session is open at market time.
    pub session_open: bool,
    /// Market time.
    pub market_time: Option<UnixNanos>,
    /// The same in the exchange's zone, such as `2017-12-29 16:00 New York`.
    pub market_clock: String,
    /// Live ticks arrive.
    pub live: bool,
    /// Speed of the simulated clock; 0 is paused.
    pub speed: u32,
    /// One line: sources and their state in plain words.
    pub text: String,
    /// Something needs attention (nothing stored, stale, stopped).
    pub warning: bool,
}

/// Everything one person sees. Parts their role may not see are `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    /// Counts the snapshots of this session; a larger one is newer.
    pub version: u64,
    /// Wall time at which it was made.
    pub wall: UnixNanos,
    /// Who looks.
    pub user: UserName,
    /// Their role, to be shown; rights are asked by capability.
    pub role: Role,
    /// What they may do.
    pub capabilities: Vec<Capability>,
    /// The word in the corner.
    pub mode: Mode,
    /// Whether this process may trade.
    pub ownership: Ownership,
    /// Freshness.
    pub data: DataState,
    /// The account that panes and tickets speak of.
    pub account: Option<AccountId>,
    /// All accounts the person may see, each with its totals.
    pub accounts: Vec<Account>,
    /// The person's watchlist.
    pub watchlist: Vec<WatchRow>,
    /// Chart of the focused instrument.
    pub chart: Option<Chart>,
    /// Holdings of the current account.
    pub positions: Vec<Position>,
    /// Equity of the current account at the end of each session, oldest first, at most [`Screen::EQUITY_MAX`].
    pub equity: Vec<(chrono::NaiveDate, crate::domain::Money)>,
    /// Orders of the current account: working ones, and all of today's.
    pub orders: Vec<OrderRow>,
    /// Fills of the current account, newest first, at most [`Screen::HISTORY_MAX`].
    pub history: Vec<HistoryRow>,
    /// Latest signals.
    pub signals: Option<Signals>,
    /// Limits and their use.
    pub limits: Option<LimitsView>,
    /// Breaches, newest first.
    pub breaches: Option<Vec<BreachRow>>,
    /// What differs between accounts and their brokers.
    pub differences: Option<Differences>,
    /// Halts that bind the current account (shown to everybody as a banner).
    pub halted: Vec<HaltRow>,
    /// Plain-language insights on the current account.
    pub insights: Vec<InsightRow>,
    /// Headlines of held and watched names, newest first.
    pub news: Vec<NewsRow>,
    /// Notices, newest first.
    pub notices: Vec<NoticeRow>,
    /// How many are unread.
    pub unread: u32,
    /// People.
    pub users: Option<Vec<UserRow>>,
    /// System log, newest last.
    pub log: Option<Vec<LogRow>>,
    /// Health of the system.
    pub health: Option<Vec<HealthRow>>,
    /// Settings.
    pub settings: Vec<SettingRow>,
    /// How the data of the home is; none while it is looked at for the first time, or without the right.
    pub data_health: Option<std::sync::Arc<DataHealth>>,
}

impl Screen {
    /// Most fills a screen carries.
    pub const HISTORY_MAX: usize = 500;
    /// Most sessions of equity a screen carries (five years).
    pub const EQUITY_MAX: usize = 1_300;

    /// Whether the person may use a capability.
    pub fn may(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}
