//! What people steer with: accounts, and orders that wait for a second person.

use crate::domain::command::Given;
use crate::domain::event::EventBody;
use crate::domain::{AccountKind, AccountSpec, CleanText, OrderStatus, UserName};
use crate::risk::{OrderKey, Verdict};

use super::engine::EngineError;
use super::govern::Second;
use super::step::Step;

impl Step<'_> {
    pub(super) fn reject(
        &mut self,
        actor: UserName,
        what: String,
        reason: String,
    ) -> Result<(), EngineError> {
        let (what, reason) = (CleanText::from(what), CleanText::from(reason));
        self.emit(EventBody::ControlRejected { what, actor, reason })
    }

    pub(super) fn open_account(&mut self, actor: UserName, spec: &AccountSpec) -> Result<(), EngineError> {
        let what = format!("open account {}", spec.account);
        if self.state().accounts.contains_key(&spec.account) {
            return self.reject(actor, what, "the account exists: choose another name".to_owned());
        }
        if spec.kind == AccountKind::Live {
            return self.reject(actor, what, "live accounts cannot be opened in this release".to_owned());
        }
        self.emit(EventBody::AccountOpened(spec.clone()))
    }

    /// Releases an order that a soft limit holds; hard limits and money are checked again. The only person of a home may
    /// agree to an own order, later and flagged.
    pub(super) fn approve_order(&mut self, given: &Given, key: OrderKey) -> Result<(), EngineError> {
        let actor = given.actor;
        let what = format!("approve order {} of {}", key.1, key.0);
        let Some(order) = self.state().orders.open().get(&key).cloned() else {
            return self.reject(actor, what, "no such order is open".to_owned());
        };
        if order.status != OrderStatus::PendingApproval {
            return self.reject(actor, what, "the order does not wait for approval".to_owned());
        }
        let second = self.second(given, order.actor, self.state().asked.get(&key).copied());
        let alone = match second {
            Err(reason) => return self.reject(actor, what, reason),
            Ok(second) => second == Second::Alone,
        };
        let may_wait = self.list_sells_open(&order.spec);
        let Some(decision) = self.judge_again(&key, may_wait, true) else { return Ok(()) };
        let record = Some(decision.record());
        match decision.verdict().clone() {
            Verdict::Refuse(refusal) => self.deny(&order.spec, refusal, Some(decision)),
            Verdict::Hold(code) => {
                self.emit(EventBody::OrderHeld { order: order.spec, code, decision: record, valued_at: None })
            }
            Verdict::Accept => match self.admit_held(&key, decision) {
                Err(refusal) => self.deny(&order.spec, refusal, None),
                Ok(()) => {
                    self.release(key, (Some(actor), alone), record)?;
                    self.begin_work(key)
                }
            },
        }
    }
}
