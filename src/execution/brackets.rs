//! Lists whose orders hang together: none of a bracket is given when one of its exits would be refused, none of a group
//! when one of it would, and what is tied to orders that are not there is not given either.
//!
//! Whether an exit would be refused, or would wait for a second person, is tried on a copy of the book, so that nothing
//! is guessed.

use std::sync::Arc;

use crate::domain::event::{EventBody, Refusal};
use crate::domain::limit::DecisionRecord;
use crate::domain::{OrderId, OrderSpec, OrderStatus, RefusalCode};

use super::engine::EngineError;
use super::step::Step;

/// An order that is refused with its list, why, and what risk saw.
pub(super) type Denied = (Arc<OrderSpec>, Refusal, Option<Box<DecisionRecord>>);

impl Step<'_> {
    /// The orders of a list that are refused for the sake of others of it. What waits because another of its
    /// group would is noted.
    pub(super) fn denied_brackets(&mut self, orders: &[OrderSpec]) -> Result<Vec<Denied>, EngineError> {
        let is_new = |o: &OrderSpec| self.state().orders.asked(&(o.account, o.id)).is_none();
        let lost = |o: &&OrderSpec| is_new(o) && self.is_incomplete(o, orders);
        let alone =
            |o: &OrderSpec| (Arc::new(o.clone()), Refusal::plain(RefusalCode::OrderListIncomplete), None);
        let mut denied: Vec<Denied> = orders.iter().filter(lost).map(alone).collect();
        let tied = |o: &OrderSpec| orders.iter().any(|p| Some(p.id) == o.parent);
        if !orders.iter().any(|o| (tied(o) || o.oco.is_some()) && is_new(o)) {
            return Ok(denied);
        }
        let mut copy = self.engine.clone();
        let mut trial = Step::new(&mut copy, self.now, self.wall, self.by);
        let rest: Vec<&OrderSpec> =
            orders.iter().filter(|o| !denied.iter().any(|(gone, _, _)| gone.id == o.id)).collect();
        trial.give_list(&rest)?;
        let asking = std::mem::take(&mut trial.asking);
        let tried = trial.into_events();
        let said = |o: &OrderSpec| {
            let said = tried.iter().find_map(|event| match &event.body {
                EventBody::OrderDenied { order, refusal, decision } if order.id == o.id => {
                    Some((refusal.clone(), decision.clone()))
                }
                _ => None,
            });
            // Its group filled before its turn came: the group did what it is for.
            said.filter(|(refusal, _)| refusal.code != RefusalCode::ContingentAlreadyClosed)
        };
        let stands = |o: &OrderSpec| {
            let order = copy.state().orders().get(o.account, o.id);
            order.is_some_and(|o| o.status != OrderStatus::Denied)
        };
        for entry in rest.iter().filter(|o| !tied(o) && is_new(o)) {
            let beside = |o: &OrderSpec| o.id == entry.id || (entry.oco.is_some() && o.oco == entry.oco);
            let roots: Vec<OrderId> = rest.iter().filter(|o| !tied(o) && beside(o)).map(|o| o.id).collect();
            let unit: Vec<&&OrderSpec> =
                rest.iter().filter(|o| is_new(o) && roots.contains(&root(o, orders))).collect();
            let begins = unit.iter().any(|o| roots.contains(&o.id) && stands(o));
            let seen = denied.iter().any(|(gone, ..)| gone.id == entry.id);
            if seen || !begins || !unit.iter().any(|o| said(o).is_some()) {
                continue;
            }
            for order in unit {
                let (refusal, decision) =
                    said(order).unwrap_or_else(|| (Refusal::plain(RefusalCode::OrderListDenied), None));
                denied.push((Arc::new(OrderSpec::clone(order)), refusal, decision));
            }
        }
        self.asking = asking;
        Ok(denied)
    }

    /// Whether an order of a list names a parent that is not there, or is the only exit of a group.
    fn is_incomplete(&self, order: &OrderSpec, orders: &[OrderSpec]) -> bool {
        let known = self.state().orders();
        let parent = order.parent.filter(|parent| {
            known.get(order.account, *parent).is_none() && !orders.iter().any(|o| o.id == *parent)
        });
        let group = order.oco.filter(|_| order.parent.is_some()).filter(|group| {
            let beside = orders.iter().any(|o| o.oco == Some(*group) && o.id != order.id);
            !beside
                && !known.is_group_filled(&(order.account, *group))
                && known.siblings(order).next().is_none()
        });
        parent.is_some() || group.is_some()
    }
}

/// The order of a list on which another one hangs in the end.
fn root(order: &OrderSpec, orders: &[OrderSpec]) -> OrderId {
    let mut at = order;
    // No chain is longer than the list.
    for _ in orders {
        let Some(parent) = orders.iter().find(|o| Some(o.id) == at.parent) else { break };
        at = parent;
    }
    at.id
}
