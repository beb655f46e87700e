//! Market facts for the controls that need them: average volume, beta and the history of returns, from the panel.
//!
//! Made only while a limit asks for them. What is not known stays missing, and the control says NOT_EVALUATED.

use std::collections::BTreeSet;

use crate::domain::facts::MarketFacts;
use crate::domain::limit::LimitName;
use crate::domain::{AccountId, InstrumentId, OrderSpec, UnixNanos};
use crate::execution::State;
use crate::factor::facts::market_facts;
use crate::risk::{NEED_FACTS, book_facts};

use super::error::ServiceError;
use super::house::House;

impl House {
    /// Facts for the orders of an account and all that it holds and orders, as of the last session of its market that is
    /// over. `drafted` is a limit that is not yet in force.
    pub(super) fn facts_for(
        &self,
        state: &State,
        account: AccountId,
        orders: &[OrderSpec],
        drafted: Option<LimitName>,
    ) -> MarketFacts {
        let mut asked = state.limits().in_force().map(|(name, _, _)| name).chain(drafted);
        if !asked.any(|name| NEED_FACTS.contains(&name)) {
            return MarketFacts::default();
        }
        let book = state.book(account, UnixNanos::ZERO);
        let waiting = book.iter().flat_map(|book| book.own_orders()).map(|o| o.spec.instrument);
        let held = book.iter().flat_map(|book| book.account.positions().keys().copied());
        let known: BTreeSet<InstrumentId> = held.chain(waiting).collect();
        let given = orders.iter().map(|o| o.instrument);
        let Some(exchange) = given.clone().chain(known.iter().copied()).next().map(|i| i.exchange) else {
            return MarketFacts::default();
        };
        // Without a panel there are no facts, and the controls say so.
        let Ok(panel) = self.research_panel(exchange) else { return MarketFacts::default() };
        let mut all = market_facts(&panel, panel.sessions().len().saturating_sub(1)).instruments;
        let own: BTreeSet<InstrumentId> = given.chain(known).collect();
        all.retain(|instrument, _| own.contains(instrument));
        MarketFacts { instruments: all, ..MarketFacts::default() }
    }

    /// The same, with the past figures of the account's book in this state.
    pub(super) fn facts_with_book(
        &self,
        state: &State,
        account: AccountId,
        orders: &[OrderSpec],
        drafted: Option<LimitName>,
    ) -> MarketFacts {
        let mut facts = self.facts_for(state, account, orders, drafted);
        if let Some(book) = state.book(account, UnixNanos::ZERO) {
            facts.books.insert(account, book_facts(&book, &facts));
        }
        facts
    }

    /// Tells the engine facts of what accounts hold and order, by which orders are judged again that no command brings.
    pub(super) fn tell_facts(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<(), ServiceError> {
        let state = self.state()?;
        for account in accounts {
            let facts = self.facts_for(&state, account, &[], None);
            if facts != MarketFacts::default() {
                self.engine()?.know(facts)?;
            }
        }
        Ok(())
    }
}
