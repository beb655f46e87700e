//! Market facts for the controls that need them: average volume, beta and the history of returns, from the panel.
//!
//! Made only while a limit asks for them, or will, and anew only with the panel: time that moves is told them before each
//! session. What is not known stays missing, and the control says NOT_EVALUATED.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::command::Command;
use crate::domain::facts::ExchangeFacts;
use crate::domain::limit::{LimitName, VersionStatus};
use crate::domain::{AccountId, Exchange, UnixNanos};
use crate::execution::State;
use crate::factor::facts::market_facts;
use crate::factor::panel::Panel;
use crate::risk::NEED_FACTS;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

/// Facts of exchanges, with the panel that they were made from.
pub(super) type FactsCache = BTreeMap<Exchange, (Arc<Panel>, Arc<ExchangeFacts>)>;

impl House {
    /// Whether a limit that stands, or will, looks at facts.
    pub(super) fn asks_for_facts(&self) -> Result<bool, ServiceError> {
        Ok(asks_for_facts(&*self.state()?, &[]))
    }

    /// Tells the engine facts of what accounts with working orders hold and order, where a limit that stands, or will,
    /// looks at them.
    pub(super) fn tell_facts_of_working(&self) -> Result<(), ServiceError> {
        let state = self.state()?;
        let working: BTreeSet<AccountId> = state.orders().open().values().map(|o| o.spec.account).collect();
        self.tell_facts(&state, &Vec::from_iter(working), std::iter::empty(), &[])
    }

    /// The same for what a command may bring to work, and for all accounts where it may put a limit in force.
    pub(super) fn tell_facts_for(&self, command: &Command) -> Result<(), ServiceError> {
        let (account, orders) = match command {
            Command::Submit(order) => (Some(order.account), std::slice::from_ref(order)),
            Command::SubmitList(orders) => (orders.first().map(|order| order.account), orders.as_slice()),
            Command::Amend { account, .. } | Command::ApproveOrder { account, .. } => {
                (Some(*account), &[][..])
            }
            _ => return self.tell_facts_for_limits(command),
        };
        let traded = orders.iter().map(|order| order.instrument.exchange);
        self.tell_facts(&*self.state()?, account.as_slice(), traded, &[])
    }

    fn tell_facts_for_limits(&self, command: &Command) -> Result<(), ServiceError> {
        let drafts = match command {
            Command::SetLimit(draft) => std::slice::from_ref(draft),
            Command::SetLimits(drafts) => drafts.as_slice(),
            Command::ApproveLimit { .. } | Command::ApproveLimits { .. } => &[],
            _ => return Ok(()),
        };
        let state = self.state()?;
        let waiting = state.limits().versions().iter().filter(|v| v.status == VersionStatus::Proposed);
        let names: Vec<LimitName> = drafts.iter().chain(waiting.map(|v| &v.draft)).map(|d| d.name).collect();
        let accounts: Vec<AccountId> = state.accounts().keys().copied().collect();
        self.tell_facts(&state, &accounts, std::iter::empty(), &names)
    }

    /// Tells the engine facts of what accounts hold and order, and of what is traded on further exchanges.
    fn tell_facts(
        &self,
        state: &State,
        accounts: &[AccountId],
        traded: impl Iterator<Item = Exchange>,
        drafted: &[LimitName],
    ) -> Result<(), ServiceError> {
        if asks_for_facts(state, drafted) {
            for exchange in exchanges_of(state, accounts).into_iter().chain(traded).collect::<BTreeSet<_>>() {
                if let Some(facts) = self.exchange_facts(exchange) {
                    self.engine()?.know(exchange, facts)?;
                }
            }
        }
        Ok(())
    }

    /// A state with the facts that limits in force, or a drafted one, look at, of what accounts hold and order and of
    /// what is traded on a further exchange.
    pub(super) fn with_facts(
        &self,
        mut state: Arc<State>,
        accounts: &[AccountId],
        traded: Option<Exchange>,
        drafted: &[LimitName],
    ) -> Arc<State> {
        if asks_for_facts(&state, drafted) {
            for exchange in exchanges_of(&state, accounts).into_iter().chain(traded).collect::<BTreeSet<_>>()
            {
                if let Some(facts) = self.exchange_facts(exchange).filter(|f| !state.knows(exchange, f)) {
                    Arc::make_mut(&mut state).tell(exchange, &facts);
                }
            }
        }
        state
    }

    /// Facts of an exchange as of its last session that is over; none without a panel.
    fn exchange_facts(&self, exchange: Exchange) -> Option<Arc<ExchangeFacts>> {
        let panel = self.research_panel(exchange).ok()?;
        let mut kept = lock(self.facts());
        if let Some((_, facts)) = kept.get(&exchange).filter(|(of, _)| Arc::ptr_eq(of, &panel)) {
            return Some(Arc::clone(facts));
        }
        let facts = Arc::new(market_facts(&panel, panel.sessions().len().saturating_sub(1)));
        kept.insert(exchange, (panel, Arc::clone(&facts)));
        Some(facts)
    }
}

/// Whether a limit that binds or will, or a drafted one, looks at facts.
fn asks_for_facts(state: &State, drafted: &[LimitName]) -> bool {
    state.limits().live().chain(drafted.iter().copied()).any(|name| NEED_FACTS.contains(&name))
}

/// Exchanges of what accounts hold and order.
fn exchanges_of(state: &State, accounts: &[AccountId]) -> BTreeSet<Exchange> {
    let books = accounts.iter().filter_map(|account| state.book(*account, UnixNanos::ZERO));
    let of = |book: crate::risk::Book<'_>| {
        let ordered = book.own_orders().map(|order| order.spec.instrument);
        let held = book.account.positions().keys().copied();
        ordered.chain(held).map(|instrument| instrument.exchange).collect::<BTreeSet<_>>()
    };
    books.flat_map(of).collect()
}
