//! What people steer with: accounts, and orders that wait for a second person.

use crate::domain::command::{Given, ShownOrder};
use crate::domain::event::{EndReason, EventBody};
use crate::domain::limit::LimitName;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountKind, AccountSpec, CleanText, OrderStatus, Quantity, RefusalCode, UnixNanos, UserName,
};
use crate::risk::checks::approval_window;
use crate::risk::{OrderKey, Target, Verdict};

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

    /// Ends orders that waited for a second person longer than their window is, on the wall clock.
    pub(super) fn expire_approvals(&mut self) -> Result<(), EngineError> {
        let state = self.state();
        if state.asked.is_empty() || !state.limits().has(LimitName::ApprovalWindow) {
            return Ok(());
        }
        let is_over = |key: &OrderKey, asked: UnixNanos| {
            let order = state.orders.open().get(key);
            let known =
                order.filter(|o| o.status == OrderStatus::PendingApproval).zip(state.accounts.get(&key.0));
            let window = known.and_then(|(order, account)| {
                approval_window(state.limits(), &Target::of(account.spec(), &order.spec))
            });
            window.is_some_and(|window| self.wall.since(asked) > window.saturating_mul(NANOS_PER_SECOND))
        };
        let over: Vec<OrderKey> =
            state.asked.iter().filter(|(key, asked)| is_over(key, **asked)).map(|(key, _)| *key).collect();
        over.into_iter().try_for_each(|(account, id)| {
            self.emit(EventBody::OrderExpired { account, id, reason: EndReason::ApprovalExpired })?;
            self.follow((account, id), Quantity::ZERO)
        })
    }

    /// Releases an order that a soft limit holds; hard limits and money are checked again. Who gave or changed it may not,
    /// but the only person of a home later and flagged.
    pub(super) fn approve_order(
        &mut self,
        given: &Given,
        key: OrderKey,
        seen: Option<ShownOrder>,
    ) -> Result<(), EngineError> {
        let actor = given.actor;
        let what = format!("approve order {} of {}", key.1, key.0);
        let Some(order) = self.state().orders.open().get(&key).cloned() else {
            let ended = self.state().orders.get(key.0, key.1).and_then(|order| order.code);
            let late = ended == Some(RefusalCode::ApprovalExpired);
            let reason = if late { RefusalCode::ApprovalExpired.text() } else { "no such order is open" };
            return self.reject(actor, what, reason.to_owned());
        };
        if order.status != OrderStatus::PendingApproval {
            return self.reject(actor, what, "the order does not wait for approval".to_owned());
        }
        if seen.is_some_and(|seen| seen != order.shown()) {
            let reason = "the order was changed since it was shown: look at it again".to_owned();
            return self.reject(actor, what, reason);
        }
        // Of a broker's pair both are one wish: who agrees to one agrees to both.
        let order = self.waiting_lead(&order).unwrap_or(order);
        let key = (key.0, order.spec.id);
        let makers = self.makers(&order);
        let second = self.second_of_all(given, &makers, self.state().asked.get(&key).copied());
        let alone = match second {
            Err(reason) => return self.reject(actor, what, reason),
            Ok(second) => second == Second::Alone,
        };
        let may_wait = self.list_sells_open(&order.spec);
        let Some(decision) = self.judge_again(&key, may_wait, true) else { return Ok(()) };
        match decision.verdict() {
            Verdict::Refuse(refusal) => self.deny(&order.spec, refusal.clone(), Some(decision)),
            Verdict::Hold(code) => {
                let (order, code, decision) = (order.spec, *code, Some(decision.into_record()));
                self.emit(EventBody::OrderHeld { order, code, decision, valued_at: None })
            }
            // Who agrees to it agrees to all that goes with it.
            Verdict::Accept if self.refuse_legs(&order.spec)? => Ok(()),
            Verdict::Accept => match self.admit_held(&key, decision) {
                Err(refusal) => self.deny(&order.spec, refusal, None),
                Ok(record) => {
                    self.release(key, (Some(actor), alone), Some(record))?;
                    self.begin_work(key, (order.spec.order_type, order.spec.tif))
                }
            },
        }
    }
}
