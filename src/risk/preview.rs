//! What a drafted limit would break: today's open orders and positions, and the decisions of the past.

use crate::domain::facts::MarketFacts;
use crate::domain::limit::{
    CheckOutcome, CheckRecord, DecisionRecord, LimitDraft, LimitName, LimitValue, Scope,
};
use crate::domain::{AccountId, AccountKind, InstrumentId, OrderId, OrderSpec};

use super::book::{Book, Draft};
use super::decision::evaluate;
use super::limits::{LimitBook, LimitError, binds, symbols};
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
    /// Of those, would have been refused.
    pub refused: usize,
    /// Of those, would have waited for a second person.
    pub held: usize,
    /// Of those, recorded without the figure this limit needs.
    pub not_evaluated: usize,
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
    for book in books {
        open_orders(book, &drafted, draft, &mut preview.orders);
        standing(book, &drafted, draft, &mut preview.positions);
    }
    for past in history {
        judge_past(past, &drafted, draft, &mut preview);
    }
    Ok(preview)
}

fn open_orders(book: &Book<'_>, limits: &LimitBook, draft: &LimitDraft, over: &mut Vec<OverLimit>) {
    let spec = book.account.spec();
    for order in book.own_orders() {
        if !binds(draft.scope, spec.account, spec.kind, order.spec.instrument.symbol) {
            continue;
        }
        let decision = evaluate(book, limits, &MarketFacts::default(), &Draft::amended(&order.spec));
        let spoke = decision.seen().checks.iter().find(|c| c.limit == draft.name.as_str());
        if let Some(check) = spoke.filter(|c| is_over(c)) {
            over.push(OverLimit {
                account: spec.account,
                instrument: Some(order.spec.instrument),
                order: Some(order.spec.id),
                observed: check.observed.clone(),
                threshold: check.threshold.clone(),
                soft: check.outcome == CheckOutcome::SoftBreach,
            });
        }
    }
}

fn is_over(check: &CheckRecord) -> bool {
    check.outcome == CheckOutcome::Breach || check.outcome == CheckOutcome::SoftBreach
}

fn standing(book: &Book<'_>, limits: &LimitBook, draft: &LimitDraft, over: &mut Vec<OverLimit>) {
    let spec = book.account.spec();
    let Some(bound) = limits.get(draft.name, draft.scope) else { return };
    let mut push = |instrument: Option<InstrumentId>, seen: &LimitValue| {
        let passes =
            |v: Option<&LimitValue>| v.and_then(LimitValue::raw).is_some_and(|raw| seen.raw() > Some(raw));
        let (hard, soft) = (passes(bound.hard.as_ref()), passes(bound.soft.as_ref()));
        if hard || soft {
            let threshold = if hard { bound.hard.as_ref() } else { bound.soft.as_ref() };
            over.push(OverLimit {
                account: spec.account,
                instrument,
                order: None,
                observed: seen.to_string(),
                threshold: threshold.map(ToString::to_string).unwrap_or_default(),
                soft: !hard,
            });
        }
    };
    match draft.name {
        LimitName::MaxPositionNotional | LimitName::MaxPositionWeight => {
            for instrument in book.account.positions().keys() {
                if binds(draft.scope, spec.account, spec.kind, instrument.symbol) {
                    let scope = Scope::Symbol(instrument.symbol);
                    if let Some(seen) = utilisation::observed(book, draft.name, scope) {
                        push(Some(*instrument), &seen);
                    }
                }
            }
        }
        LimitName::MaxGrossExposure | LimitName::MaxDailyLoss | LimitName::MaxDrawdown => {
            let first = book.account.positions().keys().next().map(|i| i.symbol).or_else(|| "X".parse().ok());
            let bound = first.is_some_and(|symbol| binds(draft.scope, spec.account, spec.kind, symbol));
            if let Some(seen) = bound.then(|| utilisation::observed(book, draft.name, Scope::Firm)).flatten()
            {
                push(None, &seen);
            }
        }
        LimitName::RestrictedSymbols => restricted_positions(book, draft, bound.hard.as_ref(), over),
        LimitName::MaxOrderQuantity
        | LimitName::MaxOrderNotional
        | LimitName::PriceCollar
        | LimitName::MaxOrdersPerMinute => {}
    }
}

fn restricted_positions(
    book: &Book<'_>,
    draft: &LimitDraft,
    hard: Option<&LimitValue>,
    over: &mut Vec<OverLimit>,
) {
    let spec = book.account.spec();
    let Some(listed) = hard.and_then(symbols) else { return };
    for instrument in book.account.positions().keys() {
        let bound = binds(draft.scope, spec.account, spec.kind, instrument.symbol);
        if bound && listed.contains(&instrument.symbol) {
            over.push(OverLimit {
                account: spec.account,
                instrument: Some(*instrument),
                order: None,
                observed: instrument.symbol.to_string(),
                threshold: hard.map(ToString::to_string).unwrap_or_default(),
                soft: false,
            });
        }
    }
}

/// Counts what the recorded figure of a past decision would mean under the draft.
fn judge_past(past: &PastDecision<'_>, limits: &LimitBook, draft: &LimitDraft, preview: &mut Preview) {
    let symbol = past.order.instrument.symbol;
    if !binds(draft.scope, past.order.account, past.kind, symbol) {
        return;
    }
    preview.considered += 1;
    let Some(bound) = limits.get(draft.name, draft.scope) else { return };
    if let Some(listed) = bound.hard.as_ref().and_then(symbols) {
        preview.refused += usize::from(listed.contains(&symbol));
        return;
    }
    let check = past.record.checks.iter().find(|c| c.limit == draft.name.as_str());
    let seen = check
        .filter(|c| !c.observed.is_empty())
        .and_then(|c| LimitValue::parse(draft.name, &c.observed).ok());
    let Some(seen) = seen.as_ref().and_then(LimitValue::raw) else {
        preview.not_evaluated += 1;
        return;
    };
    if spares_reductions(draft.name) && reduced(past.record) {
        return;
    }
    let passes = |v: Option<&LimitValue>| v.and_then(LimitValue::raw).is_some_and(|raw| seen > raw);
    if passes(bound.hard.as_ref()) {
        preview.refused += 1;
    } else if passes(bound.soft.as_ref()) {
        preview.held += 1;
    }
}

/// Limits that an order passes which only makes a position smaller.
const fn spares_reductions(name: LimitName) -> bool {
    match name {
        LimitName::MaxPositionNotional
        | LimitName::MaxPositionWeight
        | LimitName::MaxGrossExposure
        | LimitName::MaxDailyLoss
        | LimitName::MaxDrawdown => true,
        LimitName::MaxOrderQuantity
        | LimitName::MaxOrderNotional
        | LimitName::PriceCollar
        | LimitName::MaxOrdersPerMinute
        | LimitName::RestrictedSymbols => false,
    }
}

/// Whether the recorded order added nothing to the position's worst case on its side.
fn reduced(record: &DecisionRecord) -> bool {
    let name = LimitName::MaxPositionNotional;
    let Some(check) = record.checks.iter().find(|c| c.limit == name.as_str()) else { return false };
    let raw = |text: &str| LimitValue::parse(name, text).ok().and_then(|v| v.raw());
    raw(&check.now).zip(raw(&check.observed)).is_some_and(|(now, with)| with <= now)
}
