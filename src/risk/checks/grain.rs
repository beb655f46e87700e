//! [`Grain`]: what the figure of a control is of, and so for what its limit may be set.
//!
//! A limit is never held against something else than its scope names: where an account's figure cannot be told apart
//! by symbol or strategy, a limit of that scope is refused when it is defined.

use crate::domain::limit::Scope;

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One order, or orders one by one: they can be told apart by symbol and by strategy.
    Order,
    /// What an account holds or does in one name.
    Name,
    /// What an account, or a strategy in it, holds and orders; of an account also in one name.
    Holding,
    /// What an account, or a strategy in it, holds and orders as a whole.
    Book,
    /// An account as a whole.
    Account,
    /// One strategy, in all accounts.
    Strategy,
    /// All paper accounts together.
    Firm,
}

impl Grain {
    /// Whether a scope names what is measured.
    pub const fn allows(self, scope: Scope) -> bool {
        match scope {
            Scope::Firm => true,
            Scope::Account(_) => !matches!(self, Grain::Firm),
            Scope::Symbol(_) => matches!(self, Grain::Order | Grain::Name | Grain::Holding),
            Scope::Strategy(_) => {
                matches!(self, Grain::Order | Grain::Holding | Grain::Book | Grain::Strategy)
            }
        }
    }

    /// The scopes that it allows.
    pub const fn scopes(self) -> &'static str {
        match self {
            Grain::Order | Grain::Holding => "firm, account, symbol, strategy",
            Grain::Name => "firm, account, symbol",
            Grain::Account => "firm, account",
            Grain::Book | Grain::Strategy => "firm, account, strategy",
            Grain::Firm => "firm",
        }
    }

    /// What is measured, in words.
    pub const fn measured(self) -> &'static str {
        match self {
            Grain::Order => "each order",
            Grain::Name => "each account's book in one name",
            Grain::Holding => "what each account holds, in one name or of one strategy",
            Grain::Book => "what each account holds, or one strategy in it",
            Grain::Account => "each account as a whole",
            Grain::Strategy => "each strategy in all accounts",
            Grain::Firm => "all paper accounts together",
        }
    }
}
