//! What a drafted limit would break: today's open orders and positions, and the decisions of the past.

use std::cell::OnceCell;

use crate::domain::decision::{Bound, CheckOutcome, DecisionRecord, Inputs, Own};
use crate::domain::limit::{LimitDraft, LimitName, LimitValue, Scope};
use crate::domain::{AccountId, AccountKind, InstrumentId, Order, OrderId, OrderSpec};

use super::book::{Book, Draft, OrderKey};
use super::checks::{Case, Control, Rule, bound, control_of, daily_take, is_apart};
use super::decision::is_looked_at_again;
use super::kept::{Kept, kept, passes_anyway};
use super::limits::{InForce, LimitBook, LimitError, Target, symbols};
use super::utilisation;

/// A stored decision and its order.
#[derive(Debug, Clone, Copy)]
pub struct PastDecision<'a> {
    /// The order that was judged.
    pub order: &'a OrderSpec,
    /// Kind of its account.
    pub kind: AccountKind,
    /// What was seen then.
    pub record: &'a DecisionRecord,
}

/// Something of today that lies over the drafted limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverLimit {
    /// Account.
    pub account: AccountId,
    /// Instrument, where one is concerned.
    pub instrument: Option<InstrumentId>,
    /// Open order; `None` for a position or the whole account.
    pub order: Option<OrderId>,
    /// What was seen.
    pub observed: String,
    /// What would be allowed.
    pub threshold: String,
    /// Only the soft value is passed: it would wait for a second person.
    pub soft: bool,
}

/// What a draft would break.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Open orders over the limit.
    pub orders: Vec<OverLimit>,
    /// Positions and accounts over the limit.
    pub positions: Vec<OverLimit>,
    /// Decisions of the past that the limit covers.
    pub considered: usize,
    /// Places, among all decisions that were handed in, of those that would have been refused.
    pub refused_at: Vec<usize>,
    /// Places of those that would have waited for a second person.
    pub held_at: Vec<usize>,
    /// Places of those that cannot be judged.
    pub not_evaluated_at: Vec<usize>,
    /// Places of those among them whose record has no figure for it, since no such limit stood then; for the others a price
    /// or a fact was missing.
    pub unrecorded_at: Vec<usize>,
}

/// Evaluates books and past decisions against a draft. `books` are the accounts to look at, one each.
pub fn preview(
    books: &[Book<'_>],
    limits: &LimitBook,
    draft: &LimitDraft,
    history: &[PastDecision<'_>],
) -> Result<Preview, LimitError> {
    let drafted = limits.with(draft)?;
    let mut preview = Preview::default();
    let (Some(bound), Some(control)) = (drafted.get(draft.name, draft.scope), control_of(draft.name)) else {
        // A limit that is taken away breaks nothing.
        let covered = history.iter().filter(|p| p.is_covered_by(draft));
        preview.considered = covered.count();
        return Ok(preview);
    };
    let (scope, order, today) = (draft.scope, draft.terms.order, books.first());
    let look = Look { drafted: &drafted, scope, order, bound, control, today };
    for book in books {
        look.open_orders(book, &mut preview.orders);
        // What is meant for one order says nothing of what stands.
        if order.is_none() {
            look.standing(book, draft.name, &mut preview.positions);
        }
    }
    for (at, past) in history.iter().enumerate().filter(|(_, p)| p.is_covered_by(draft)) {
        preview.considered += 1;
        look.judge_past(at, past, &mut preview);
    }
    Ok(preview)
}

impl PastDecision<'_> {
    /// Whether a draft says anything of it: its scope binds the order, which is the one it is meant for where it is meant
    /// for one alone.
    pub fn is_covered_by(&self, draft: &LimitDraft) -> bool {
        let Self { order, kind, .. } = *self;
        let symbol = Some(order.instrument.symbol);
        let target = Target { account: order.account, kind, symbol, strategy: order.strategy };
        let is_meant = draft.terms.order.is_none_or(|key| key == (order.account, order.id));
        is_meant && target.is_bound_by(draft.scope)
    }
}

/// One drafted limit and its control.
struct Look<'l> {
    drafted: &'l LimitBook,
    scope: Scope,
    /// The one order that is looked at, where the draft is meant for one.
    order: Option<OrderKey>,
    bound: &'l InForce,
    control: &'static dyn Control,
    /// Any book of today.
    today: Option<&'l Book<'l>>,
}

impl Look<'_> {
    fn open_orders(&self, book: &Book<'_>, over: &mut Vec<OverLimit>) {
        let spec = book.account.spec();
        let Rule::Limit(name) = self.control.rule() else { return };
        let past = OnceCell::new();
        let is_meant =
            |order: &Order| self.order.is_none_or(|key| key == (order.spec.account, order.spec.id));
        for order in book.own_orders().filter(|order| is_meant(order)) {
            if !Target::of(spec, &order.spec).is_bound_by(self.scope) {
                continue;
            }
            let Some(bound) = bound(name, self.scope, self.bound, order.spec.instrument.symbol) else {
                continue;
            };
            let draft = Draft::amended(&order.spec);
            let inputs = Case::new(book, self.drafted, &draft).sharing(&past).inputs_for(bound);
            let found = self.control.judge(&inputs);
            if matches!(found.outcome, CheckOutcome::Breach | CheckOutcome::SoftBreach) {
                let seen = found.record(spec.account);
                over.push(OverLimit {
                    account: spec.account,
                    instrument: Some(order.spec.instrument),
                    order: Some(order.spec.id),
                    observed: seen.observed,
                    threshold: seen.threshold,
                    soft: found.outcome == CheckOutcome::SoftBreach,
                });
            }
        }
    }

    /// Positions and accounts that lie over the draft without any order.
    fn standing(&self, book: &Book<'_>, name: LimitName, over: &mut Vec<OverLimit>) {
        let spec = book.account.spec();
        if let Some(listed) = self.bound.hard.as_ref().and_then(symbols) {
            let held = book.account.positions().keys();
            let allows = name == LimitName::AllowedSymbols;
            for instrument in held.filter(|i| listed.contains(&i.symbol) != allows) {
                if Target::symbol(spec, instrument.symbol).is_bound_by(self.scope) {
                    over.push(self.over(
                        spec.account,
                        Some(*instrument),
                        instrument.symbol.to_string(),
                        false,
                    ));
                }
            }
            return;
        }
        if utilisation::is_of_one_name(name) {
            let of_strategy = is_apart(name, self.scope) && utilisation::covers(self.scope, spec);
            for (instrument, seen) in utilisation::by_name(book, name, self.scope) {
                if of_strategy || Target::symbol(spec, instrument.symbol).is_bound_by(self.scope) {
                    self.push(spec.account, Some(instrument), seen.as_ref(), over);
                }
            }
            return;
        }
        let is_own = utilisation::is_of_account(name) && Target::account(spec).is_bound_by(self.scope);
        if is_own || (is_apart(name, self.scope) && utilisation::covers(self.scope, spec)) {
            self.push(spec.account, None, utilisation::observed(book, name, self.scope).as_ref(), over);
        }
    }

    fn push(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        seen: Option<&LimitValue>,
        over: &mut Vec<OverLimit>,
    ) {
        let Some(seen) = seen else { return };
        let passes = |v: Option<&LimitValue>| v.is_some_and(|v| seen.raw() > v.raw());
        let hard = passes(self.bound.hard.as_ref());
        if hard || passes(self.bound.soft.as_ref()) {
            over.push(self.over(account, instrument, seen.to_string(), !hard));
        }
    }

    fn over(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        observed: String,
        soft: bool,
    ) -> OverLimit {
        let value = if soft { self.bound.soft.as_ref() } else { self.bound.hard.as_ref() };
        let threshold = value.map(ToString::to_string).unwrap_or_default();
        OverLimit { account, instrument, order: None, observed, threshold, soft }
    }

    /// Puts in what nobody had asked for then and is not of that moment: the tick, and what a day lets an account trade.
    fn complete(&self, past: &PastDecision<'_>, inputs: &mut Inputs) {
        let Some(book) = self.today else { return };
        let beside = &mut inputs.beside;
        let tick = || book.instruments.get(&past.order.instrument).map(|i| i.tick);
        beside.tick = beside.tick.or_else(tick);
        let take = || daily_take(inputs.volume?, book.venue);
        beside.daily_take = beside.daily_take.or_else(take);
    }

    /// Judges a past decision again from what it kept, with the draft in the place of the limit of then.
    fn judge_past(&self, at: usize, past: &PastDecision<'_>, preview: &mut Preview) {
        let Rule::Limit(name) = self.control.rule() else { return };
        let mut inputs = past.record.inputs.clone();
        // Limits do not speak against what a person closes.
        if inputs.beside.flattens {
            return;
        }
        let Some(bound) = bound(name, self.scope, self.bound, inputs.symbol) else { return };
        let kept = kept(&inputs, &bound);
        let own = is_apart(name, self.scope).then(|| match kept {
            Kept::Looked => {
                let stood = inputs.limits.iter().find(|b| (b.name, b.scope) == (name, self.scope));
                stood.and_then(|b| b.own).unwrap_or_default()
            }
            Kept::Follows(own) | Kept::Part(own) => own,
            Kept::Nothing | Kept::Silence => Own::default(),
        });
        inputs.limits = vec![Bound { own, ..bound }];
        self.complete(past, &mut inputs);
        let found = self.control.judge(&inputs);
        // It was, or will be, looked at again in a decision of its own.
        if found.outcome != CheckOutcome::Passed && is_looked_at_again(&found, &inputs) {
            return;
        }
        let outcome = match (kept, found.outcome) {
            (Kept::Looked | Kept::Follows(_), outcome) => outcome,
            (Kept::Part(_), CheckOutcome::Breach) => CheckOutcome::Breach,
            (Kept::Nothing, said) if said != CheckOutcome::NotEvaluated => said,
            _ if passes_anyway(self.control, &inputs, name, self.scope) => CheckOutcome::Passed,
            (Kept::Part(_) | Kept::Nothing | Kept::Silence, _) => {
                preview.unrecorded_at.push(at);
                CheckOutcome::NotEvaluated
            }
        };
        match outcome {
            CheckOutcome::Passed => {}
            // A second person had agreed to it then.
            CheckOutcome::SoftBreach if inputs.approved => {}
            CheckOutcome::SoftBreach => preview.held_at.push(at),
            CheckOutcome::Breach => preview.refused_at.push(at),
            CheckOutcome::NotEvaluated => preview.not_evaluated_at.push(at),
        }
    }
}
