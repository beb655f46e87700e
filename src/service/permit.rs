//! Permits: proof that a person may do a thing, made by a session for one request.
//!
//! A method that reads or changes a home takes a `&Permit<C>`, so forgetting the check does not compile. A permit has
//! private fields and cannot be cloned, serialised or made outside this file:
//!
//! ```compile_fail
//! use qlib_pro::service::permit::{Actor, Permit, Scope, TradeDesk};
//! fn forged(actor: Actor, scope: Scope) -> Permit<TradeDesk> {
//!     Permit { actor, scope, capability: std::marker::PhantomData }
//! }
//! ```
//!
//! ```compile_fail
//! fn twice(permit: qlib_pro::service::permit::Permit<qlib_pro::service::permit::TradeDesk>) {
//!     let copy = permit.clone();
//! }
//! ```

use std::marker::PhantomData;

use crate::domain::role::{Reach, Role};
use crate::domain::{AccountKind, Capability, UserName};

/// Who acts, under which login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Name.
    pub user: UserName,
    /// Session the wish came from.
    pub session: String,
    /// Counts changes of role, password and standing; an older one no longer holds.
    pub epoch: u64,
}

/// Which accounts a permit speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Accounts that this person owns.
    Own(UserName),
    /// The desk's accounts; with `simulations`, other people's simulations too.
    Desk {
        /// Whose own simulation accounts are included.
        user: UserName,
        /// Whether other people's simulations are included.
        simulations: bool,
    },
}

impl Scope {
    /// Whether an account of this kind and owner lies inside.
    pub fn covers(&self, kind: AccountKind, owner: Option<UserName>) -> bool {
        match *self {
            Scope::Own(user) => owner == Some(user),
            Scope::Desk { user, simulations } => match kind {
                AccountKind::Simulation => simulations || owner == Some(user),
                AccountKind::Paper | AccountKind::Live => true,
            },
        }
    }

    /// Whether refusals must not name limits (a scope of own accounts).
    pub const fn hides_limits(&self) -> bool {
        match self {
            Scope::Own(_) => true,
            Scope::Desk { .. } => false,
        }
    }
}

/// A capability as a type.
pub trait Grant {
    /// The capability it stands for.
    const CAPABILITY: Capability;
}

macro_rules! grants {
    ($($name:ident, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[derive(Debug)]
            pub enum $name {}
            impl Grant for $name {
                const CAPABILITY: Capability = Capability::$name;
            }
        )*
    };
}

grants! {
    ViewPortfolio, "Portfolio and trade history.";
    ViewInsights, "Plain-language insights.";
    Simulate, "Simulation accounts.";
    ViewSignals, "Raw signals.";
    TradeDesk, "Desk orders, signal runs, rebalance.";
    ViewLimits, "Limits and their use.";
    ControlRisk, "Edit and approve limits, halt, resume.";
    ManageData, "Import, sync, advance.";
    ViewMarket, "Prices, news, own watchlists, notices, settings.";
    Audit, "Verify and export the audit trail.";
    Administer, "Accounts, users, logs, backup.";
}

/// Proof that `actor` may use `C` within `scope`. Made by [`super::access::Session::permit`] only.
#[derive(Debug)]
#[must_use]
pub struct Permit<C: Grant> {
    actor: Actor,
    scope: Scope,
    capability: PhantomData<C>,
}

impl<C: Grant> Permit<C> {
    /// A permit, when the role reaches that far. `oversees` lets a desk scope see other people's simulations.
    pub(super) fn issue(actor: Actor, role: Role) -> Option<Self> {
        let scope = match role.reach(C::CAPABILITY) {
            Reach::None => return None,
            // Who trades for the desk has its accounts for their own.
            Reach::Own if role.reach(Capability::TradeDesk) == Reach::Desk => {
                Scope::Desk { user: actor.user, simulations: false }
            }
            Reach::Own => Scope::Own(actor.user),
            Reach::Desk => {
                let simulations = role.reach(Capability::Administer) != Reach::None;
                Scope::Desk { user: actor.user, simulations }
            }
        };
        Some(Self { actor, scope, capability: PhantomData })
    }

    /// Who acts.
    pub fn user(&self) -> UserName {
        self.actor.user
    }

    /// Who acts, with the login it rests on.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// For a long job: the actor, to be checked again before it publishes.
    pub fn into_actor(self) -> Actor {
        self.actor
    }

    /// Which accounts it speaks of.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
