//! Market facts for the controls that need them: average volume, beta and the history of returns, from the panel.
//!
//! Made only while a limit asks for them. What is not known stays missing, and the control says NOT_EVALUATED.

use std::collections::BTreeMap;

use crate::domain::facts::{BookFacts, InstrumentFacts, MarketFacts};
use crate::domain::limit::LimitName;
use crate::domain::{AccountId, InstrumentId, OrderSpec, UnixNanos};
use crate::execution::State;
use crate::factor::facts::market_facts;
use crate::risk::NEED_FACTS;

use super::house::House;

impl House {
    /// Facts for the orders of an account, as of the last session of its market that is over. `drafted` is a limit
    /// that is not yet in force.
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
        let Some(exchange) = orders.first().map(|o| o.instrument.exchange) else {
            return MarketFacts::default();
        };
        // Without a panel there are no facts, and the controls say so.
        let Ok(panel) = self.research_panel(exchange) else { return MarketFacts::default() };
        let all = market_facts(&panel, panel.sessions().len().saturating_sub(1)).instruments;
        let book = book_facts(state, account, &all);
        let own = orders.iter().filter_map(|o| Some((o.instrument, all.get(&o.instrument)?.clone())));
        MarketFacts { instruments: own.collect(), books: BTreeMap::from([(account, book)]) }
    }
}

/// What the account's positions and open orders together would have made on each day, and their beta.
fn book_facts(
    state: &State,
    account: AccountId,
    facts: &BTreeMap<InstrumentId, InstrumentFacts>,
) -> BookFacts {
    let Some(book) = state.book(account, UnixNanos::ZERO) else { return BookFacts::default() };
    let days = facts.values().filter_map(|f| f.returns.as_ref()).map(|r| r.len()).max().unwrap_or(0);
    let (mut beta, mut outcomes) = (Some(0.0), Some(vec![0.0; days]));
    for (instrument, sides) in book.sums.names(account, |i| book.prices(i)) {
        let worth = sides.map(|s| s.value.to_f64() + s.buy_value.to_f64() - s.sell_value.to_f64());
        let own = facts.get(&instrument);
        beta = beta
            .zip(worth)
            .zip(own.and_then(|f| f.beta))
            .map(|((sum, worth), beta): ((f64, f64), f64)| sum + worth * beta);
        let returns = own.and_then(|f| f.returns.as_deref());
        outcomes = outcomes.zip(worth.zip(returns)).map(|(sum, (worth, returns)): (Vec<f64>, _)| {
            sum.iter().zip(returns).map(|(sum, r)| sum + worth * r).collect()
        });
    }
    BookFacts { beta_value: beta, outcomes: outcomes.map(Into::into) }
}
