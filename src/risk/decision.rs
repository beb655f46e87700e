//! [`evaluate`]: runs every check over a draft and says accept, hold or refuse.

use crate::domain::event::Refusal;
use crate::domain::facts::MarketFacts;
use crate::domain::limit::{Breach, CheckOutcome, CheckRecord, DecisionRecord};
use crate::domain::{AccountKind, OrderSpec, Quantity, RefusalCode};

use super::book::{Book, Draft};
use super::checks::{CHECKS, Case};
use super::limits::LimitBook;

/// What becomes of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may work.
    Accept,
    /// It waits: for a second person, or for its list's sells.
    Hold(RefusalCode),
    /// It may not.
    Refuse(Refusal),
}

/// What the checks saw and said of one order at one state of the book. Only [`evaluate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub(super) record: DecisionRecord,
    pub(super) verdict: Verdict,
    pub(super) order: OrderSpec,
    pub(super) kind: AccountKind,
}

impl Decision {
    /// What was seen, for the journal and the screen.
    pub fn record(&self) -> DecisionRecord {
        self.record.clone()
    }

    /// The record, without a copy.
    pub const fn seen(&self) -> &DecisionRecord {
        &self.record
    }

    /// Accept, hold or refuse.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Every check that spoke against it, soft limits included.
    pub fn breaches(&self) -> Vec<Breach> {
        let spoke =
            |c: &&CheckRecord| c.outcome == CheckOutcome::Breach || c.outcome == CheckOutcome::SoftBreach;
        self.record.checks.iter().filter(spoke).map(breach).collect()
    }

    /// Whether it may work.
    pub fn is_accepted(&self) -> bool {
        self.verdict == Verdict::Accept
    }
}

/// Judges an order against the book and the limits. Every check runs; the first breach in the order of
/// [`CHECKS`] names the refusal. `facts` are recorded by the caller beside the decision.
pub fn evaluate(book: &Book<'_>, limits: &LimitBook, facts: &MarketFacts, draft: &Draft<'_>) -> Decision {
    let case = Case::new(book, limits, facts, draft);
    let checks: Vec<CheckRecord> = CHECKS.iter().map(|check| (check.run)(&case)).collect();
    let verdict = verdict(&checks, draft);
    let record = DecisionRecord {
        limits_version: limits.version(),
        book_seq: book.seq,
        reference: case.reference.map(|r| (r.price, r.time)),
        checks,
    };
    Decision { record, verdict, order: draft.order.clone(), kind: book.account.spec().kind }
}

fn verdict(checks: &[CheckRecord], draft: &Draft<'_>) -> Verdict {
    let hard =
        |c: &&CheckRecord| c.outcome == CheckOutcome::Breach || c.outcome == CheckOutcome::NotEvaluated;
    let mut spoke = checks.iter().filter(hard);
    let Some(first) = spoke.next() else {
        if draft.waits_for_parent {
            return Verdict::Hold(RefusalCode::WaitsForParent);
        }
        let soft = checks.iter().any(|c| c.outcome == CheckOutcome::SoftBreach);
        return if soft && !draft.approved {
            Verdict::Hold(RefusalCode::ApprovalRequired)
        } else {
            Verdict::Accept
        };
    };
    if draft.waits_for_parent && judged_at_release(first) && spoke.clone().all(judged_at_release) {
        return Verdict::Hold(RefusalCode::WaitsForParent);
    }
    let sells_may_cure = is_cured_by_sells(first) && spoke.all(is_cured_by_sells);
    if draft.may_wait && sells_may_cure {
        return Verdict::Hold(RefusalCode::WaitsForSells);
    }
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let breaches = checks.iter().filter(hard).map(breach).collect();
    Verdict::Refuse(Refusal {
        code: code(first),
        limit: is_limit(first).then(|| first.limit.clone()),
        observed: some(&first.observed),
        threshold: some(&first.threshold),
        breaches,
    })
}

/// Whether the sells of an order's list may cure what a check found: they bring money and lower gross exposure.
fn is_cured_by_sells(check: &CheckRecord) -> bool {
    matches!(
        check.code,
        RefusalCode::InsufficientCash
            | RefusalCode::InsufficientBuyingPower
            | RefusalCode::CashNegative
            | RefusalCode::GrossExposure
    ) && check.outcome == CheckOutcome::Breach
}

/// Whether what a check found depends on position and cash: for a child that is judged when it is released.
fn judged_at_release(check: &CheckRecord) -> bool {
    matches!(
        check.code,
        RefusalCode::ReduceOnlyWouldIncrease
            | RefusalCode::ShortSaleRestricted
            | RefusalCode::HardToBorrow
            | RefusalCode::InsufficientCash
            | RefusalCode::InsufficientBuyingPower
            | RefusalCode::CashNegative
            | RefusalCode::MaxPosition
            | RefusalCode::GrossExposure
            | RefusalCode::Concentration
    )
}

fn is_limit(check: &CheckRecord) -> bool {
    check.limit.parse::<crate::domain::limit::LimitName>().is_ok()
}

/// A check that could not run refuses as a missing reference price.
fn code(check: &CheckRecord) -> RefusalCode {
    match check.outcome {
        CheckOutcome::NotEvaluated => RefusalCode::ReferencePriceUnavailable,
        CheckOutcome::Passed | CheckOutcome::SoftBreach | CheckOutcome::Breach => check.code,
    }
}

fn breach(check: &CheckRecord) -> Breach {
    Breach {
        code: code(check),
        limit: check.limit.clone(),
        scope: check.scope,
        observed: check.observed.clone(),
        threshold: check.threshold.clone(),
    }
}

/// The largest quantity, in whole lots up to the draft's own, that would not be refused; zero when none would.
/// Halving search: every check that depends on the quantity gets no easier as it grows.
pub fn largest_allowed(
    book: &Book<'_>,
    limits: &LimitBook,
    facts: &MarketFacts,
    draft: &Draft<'_>,
) -> Quantity {
    let lot = book.instruments.get(&draft.order.instrument).map_or(Quantity::ONE_RAW, |i| i.lot.raw().max(1));
    let mut order = draft.order.clone();
    let mut passes = |lots: i64| {
        order.quantity = Quantity::from_raw(lots.saturating_mul(lot));
        let decision = evaluate(book, limits, facts, &Draft { order: &order, ..*draft });
        !matches!(decision.verdict, Verdict::Refuse(_))
    };
    let (mut allowed, mut refused) = (0, draft.order.quantity.raw() / lot + 1);
    while refused - allowed > 1 {
        let middle = allowed + (refused - allowed) / 2;
        if passes(middle) { allowed = middle } else { refused = middle }
    }
    Quantity::from_raw(allowed.saturating_mul(lot))
}
