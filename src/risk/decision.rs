//! [`evaluate`]: runs every check over a draft and says accept, hold or refuse.

use std::sync::{Arc, LazyLock};

use crate::domain::decision::{Breach, CheckOutcome, CheckRecord, DecisionRecord, Inputs};
use crate::domain::event::Refusal;
use crate::domain::limit::LimitName;
use crate::domain::{AccountId, AccountKind, OrderSpec, Quantity, RefusalCode};

use super::book::{Book, Draft};
use super::checks::{CONTROLS, Case, Control, Finding, Rule, control_of};
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

/// What the controls saw and said of one order at one state of the book. Only [`evaluate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub(super) record: Box<DecisionRecord>,
    pub(super) verdict: Verdict,
    pub(super) order: Arc<OrderSpec>,
    pub(super) kind: AccountKind,
}

impl Decision {
    /// What was seen, for the journal.
    pub fn into_record(self) -> Box<DecisionRecord> {
        self.record
    }

    /// The record, without a copy.
    pub fn seen(&self) -> &DecisionRecord {
        &self.record
    }

    /// Accept, hold or refuse.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What every control said, for people.
    pub fn checks(&self) -> Vec<CheckRecord> {
        checks(self.order.account, &self.record.inputs)
    }

    /// What the control of one limit said.
    pub fn check(&self, name: LimitName) -> Option<CheckRecord> {
        let control = control_of(name)?;
        Some(control.judge(&self.record.inputs).record(self.order.account))
    }

    /// Every control that spoke against it, soft limits included.
    pub fn breaches(&self) -> Vec<Breach> {
        let inputs = &self.record.inputs;
        let found = CONTROLS.iter().map(|control| control.judge(inputs));
        let spoke = found.filter(|f| matches!(f.outcome, CheckOutcome::Breach | CheckOutcome::SoftBreach));
        spoke.map(|f| f.breach(self.order.account)).collect()
    }

    /// The first soft limit that asks for a second person, for it or for an exit that goes out with it; of an order that
    /// waits for its parent, one that asks whatever the position and the cash are.
    pub fn asks_for(&self) -> Option<LimitName> {
        let inputs = &self.record.inputs;
        let limits = inputs.limits.iter().filter_map(|bound| control_of(bound.name).zip(Some(bound.name)));
        let mut asking = limits.filter(|(control, _)| {
            let found = may_speak(control.rule(), inputs).then(|| control.judge(inputs));
            found.is_some_and(|found| {
                found.asks() && !(inputs.waits_for_parent && is_judged_at_release(&found))
            })
        });
        asking.next().map(|(_, name)| name).or(inputs.beside.exits_ask)
    }

    /// Whether it may work.
    pub fn is_accepted(&self) -> bool {
        self.verdict == Verdict::Accept
    }
}

/// Judges an order against the book and the limits. Every control runs that may speak; the first breach in the order of
/// [`CONTROLS`] names the refusal. What was looked at is in the record, and [`replay`] gives the same verdict from it.
pub fn evaluate(book: &Book<'_>, limits: &LimitBook, draft: &Draft<'_>) -> Decision {
    let case = Case::new(book, limits, draft);
    let record = Box::new(DecisionRecord {
        limits_version: limits.version(),
        book_seq: book.seq,
        reference_time: case.reference.map(|r| r.time),
        inputs: case.inputs(),
    });
    let verdict = judge(draft.order.account, &record.inputs);
    Decision { record, verdict, order: Arc::clone(draft.order), kind: book.account.spec().kind }
}

/// The verdict of a recorded decision, made again from nothing but what it looked at.
pub fn replay(account: AccountId, record: &DecisionRecord) -> Verdict {
    judge(account, &record.inputs)
}

/// What every control says of recorded inputs, for people.
pub fn checks(account: AccountId, inputs: &Inputs) -> Vec<CheckRecord> {
    CONTROLS.iter().map(|control| control.judge(inputs).record(account)).collect()
}

/// Runs every control over what was looked at.
pub fn judge(account: AccountId, inputs: &Inputs) -> Verdict {
    let mut asks = false;
    let mut spoke: Vec<Finding<'_>> = Vec::new();
    let silent = inputs.limits.is_empty();
    let controls: &[&dyn Control] = if silent { &ALWAYS } else { CONTROLS };
    for control in controls.iter().filter(|control| silent || may_speak(control.rule(), inputs)) {
        let found = control.judge(inputs);
        asks |= found.asks();
        if found.refuses() {
            spoke.push(found);
        }
    }
    let Some(first) = spoke.first() else {
        if inputs.waits_for_parent {
            return Verdict::Hold(RefusalCode::WaitsForParent);
        }
        return if asks && !inputs.approved {
            Verdict::Hold(RefusalCode::ApprovalRequired)
        } else {
            Verdict::Accept
        };
    };
    if inputs.waits_for_parent && spoke.iter().all(is_judged_at_release) {
        return Verdict::Hold(RefusalCode::WaitsForParent);
    }
    if inputs.may_wait && spoke.iter().all(is_cured_by_sells) {
        return Verdict::Hold(RefusalCode::WaitsForSells);
    }
    let named = first.breach(account);
    let some = |text: String| (!text.is_empty()).then_some(text);
    Verdict::Refuse(Refusal {
        code: named.code,
        limit: is_limit(first).then_some(named.limit),
        observed: some(named.observed),
        threshold: some(named.threshold),
        breaches: spoke.iter().map(|found| found.breach(account)).collect(),
    })
}

/// Controls behind which no limit stands: where none is set, only they may speak.
static ALWAYS: LazyLock<Vec<&'static dyn Control>> = LazyLock::new(|| {
    CONTROLS.iter().copied().filter(|control| matches!(control.rule(), Rule::Always { .. })).collect()
});

/// Whether a control may say anything but yes: that of a limit is silent where none is set.
fn may_speak(rule: Rule, inputs: &Inputs) -> bool {
    match rule {
        Rule::Always { .. } => true,
        Rule::Limit(name) => !inputs.beside.flattens && inputs.limits.iter().any(|bound| bound.name == name),
    }
}

/// Whether what a control found is looked at again before the order works: of what waits for its parent or for sells.
pub(super) fn is_looked_at_again(found: &Finding<'_>, inputs: &Inputs) -> bool {
    (inputs.waits_for_parent && is_judged_at_release(found)) || (inputs.may_wait && is_cured_by_sells(found))
}

/// Whether the sells of an order's list may cure what a control found: they bring money, and lower gross exposure and what the
/// past says of what is held.
fn is_cured_by_sells(found: &Finding<'_>) -> bool {
    matches!(
        found.code,
        RefusalCode::InsufficientCash
            | RefusalCode::InsufficientBuyingPower
            | RefusalCode::CashNegative
            | RefusalCode::GrossExposure
            | RefusalCode::BetaLimit
            | RefusalCode::VarLimit
    ) && found.outcome == CheckOutcome::Breach
}

/// Whether what a control found depends on position and cash: for a child that is judged when it is released.
fn is_judged_at_release(found: &Finding<'_>) -> bool {
    matches!(
        found.code,
        RefusalCode::ReduceOnlyWouldIncrease
            | RefusalCode::ShortSaleRestricted
            | RefusalCode::HardToBorrow
            | RefusalCode::ExceedsShortableQuantity
            | RefusalCode::UnsettledFunds
            | RefusalCode::InsufficientCash
            | RefusalCode::InsufficientBuyingPower
            | RefusalCode::CashNegative
            | RefusalCode::MarginCall
            | RefusalCode::MaxPosition
            | RefusalCode::GrossExposure
            | RefusalCode::NetExposure
            | RefusalCode::LeverageLimit
            | RefusalCode::Concentration
            | RefusalCode::SectorLimit
            | RefusalCode::CurrencyExposure
            | RefusalCode::DaysToLiquidate
            | RefusalCode::BetaLimit
            | RefusalCode::VarLimit
    )
}

fn is_limit(found: &Finding<'_>) -> bool {
    found.name.parse::<LimitName>().is_ok()
}

/// The largest quantity, in whole lots up to the draft's own, that would not be refused; zero when none would.
/// Halving search: every check that depends on the quantity gets no easier as it grows.
pub fn largest_allowed(book: &Book<'_>, limits: &LimitBook, draft: &Draft<'_>) -> Quantity {
    let lot = book.instruments.get(&draft.order.instrument).map_or(Quantity::ONE_RAW, |i| i.lot.raw().max(1));
    let mut order = Arc::clone(draft.order);
    let mut passes = |lots: i64| {
        Arc::make_mut(&mut order).quantity = Quantity::from_raw(lots.saturating_mul(lot));
        let decision = evaluate(book, limits, &Draft { order: &order, ..*draft });
        !matches!(decision.verdict, Verdict::Refuse(_))
    };
    let (mut allowed, mut refused) = (0, draft.order.quantity.raw() / lot + 1);
    while refused - allowed > 1 {
        let middle = allowed + (refused - allowed) / 2;
        if passes(middle) { allowed = middle } else { refused = middle }
    }
    Quantity::from_raw(allowed.saturating_mul(lot))
}
