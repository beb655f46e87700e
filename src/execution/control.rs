//! What people steer with: accounts, limits, approvals, halts.

use crate::domain::command::Given;
use crate::domain::event::{EndReason, EventBody, HaltMode};
use crate::domain::limit::{CheckOutcome, LimitDraft, Scope, WorkingOrders};
use crate::domain::{AccountKind, AccountSpec, CleanText, OrderStatus, UserName};
use crate::risk::{LimitChange, OrderKey, Verdict, binds};

use super::engine::EngineError;
use super::step::Step;

impl Step<'_> {
    fn reject(&mut self, actor: UserName, what: String, reason: String) -> Result<(), EngineError> {
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

    pub(super) fn set_limit(&mut self, actor: UserName, draft: &LimitDraft) -> Result<(), EngineError> {
        let version = self.state().limits.version().saturating_add(1);
        match self.state().limits.judge(draft) {
            Err(error) => {
                self.reject(actor, format!("set {} for {}", draft.name, draft.scope), error.to_string())
            }
            Ok(LimitChange::Waits) => {
                self.emit(EventBody::LimitProposed { version, draft: draft.clone(), actor })
            }
            Ok(LimitChange::AtOnce) => {
                let draft = draft.clone();
                self.emit(EventBody::LimitApproved { version, draft: draft.clone(), maker: actor, actor })?;
                self.cancel_over(&draft)
            }
        }
    }

    pub(super) fn approve_limit(&mut self, given: &Given, version: u32) -> Result<(), EngineError> {
        let actor = given.actor;
        let what = format!("approve limit version {version}");
        let (draft, maker) = match self.state().limits.waiting(version) {
            Err(error) => return self.reject(actor, what, error.to_string()),
            Ok(waiting) => (waiting.draft.clone(), waiting.maker),
        };
        if !given.independent_of.allows(actor, maker) {
            let reason = format!("{maker} proposed it: somebody else, not tied to {maker}, must approve");
            return self.reject(actor, what, reason);
        }
        self.emit(EventBody::LimitApproved { version, draft: draft.clone(), maker, actor })?;
        self.cancel_over(&draft)
    }

    /// Cancels working orders that a limit no longer allows, the newest first, when the draft says so.
    fn cancel_over(&mut self, draft: &LimitDraft) -> Result<(), EngineError> {
        if draft.working == WorkingOrders::Keep {
            return Ok(());
        }
        let orders = self.state().orders();
        let queues = orders.instruments().flat_map(|i| orders.queue(i).iter().copied());
        let mut working: Vec<_> = queues.collect();
        working.sort_unstable_by_key(|w| std::cmp::Reverse(w.place));
        for key in working.into_iter().map(|w| w.key) {
            if self.is_over(&key, draft) {
                self.end(key, EndReason::LimitTightened)?;
            }
        }
        Ok(())
    }

    fn is_over(&self, key: &OrderKey, draft: &LimitDraft) -> bool {
        let state = self.state();
        let bound =
            state.orders.open().get(key).zip(state.accounts.get(&key.0)).is_some_and(|(order, account)| {
                binds(draft.scope, key.0, account.spec().kind, order.spec.instrument.symbol)
            });
        let Some(decision) = bound.then(|| self.judge_again(key, false, true)).flatten() else {
            return false;
        };
        let check = decision.seen().checks.iter().find(|c| c.limit == draft.name.as_str());
        check.is_some_and(|c| c.outcome == CheckOutcome::Breach)
    }

    /// Releases an order that a soft limit holds; hard limits and money are checked again.
    pub(super) fn approve_order(&mut self, given: &Given, key: OrderKey) -> Result<(), EngineError> {
        let actor = given.actor;
        let what = format!("approve order {} of {}", key.1, key.0);
        let Some(order) = self.state().orders.open().get(&key).cloned() else {
            return self.reject(actor, what, "no such order is open".to_owned());
        };
        if order.status != OrderStatus::PendingApproval {
            return self.reject(actor, what, "the order does not wait for approval".to_owned());
        }
        if !given.independent_of.allows(actor, order.actor) {
            let reason = format!("{} gave the order: somebody else must approve it", order.actor);
            return self.reject(actor, what, reason);
        }
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
                    self.release(key, Some(actor))?;
                    self.begin_work(key)
                }
            },
        }
    }

    pub(super) fn halt(&mut self, actor: UserName, scope: Scope, mode: HaltMode) -> Result<(), EngineError> {
        let harder = self.state().halts.get(&scope).is_some_and(|now| now.mode > mode);
        if harder {
            let reason = "the scope is halted altogether: resume it first".to_owned();
            return self.reject(actor, format!("set {scope} to reducing"), reason);
        }
        self.emit(EventBody::Halted { scope, mode, actor })
    }

    pub(super) fn resume(&mut self, given: &Given, scope: Scope) -> Result<(), EngineError> {
        let actor = given.actor;
        let Some(halt) = self.state().halts.get(&scope).copied() else {
            return self.reject(actor, format!("resume {scope}"), "the scope is not halted".to_owned());
        };
        if !given.independent_of.allows(actor, halt.actor) {
            let reason = format!("{} halted it: somebody else, not tied to them, must resume", halt.actor);
            return self.reject(actor, format!("resume {scope}"), reason);
        }
        self.emit(EventBody::Resumed { scope, actor })
    }
}
