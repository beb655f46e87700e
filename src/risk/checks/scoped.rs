//! Figures of a limit's own scope: what an account holds and orders in one symbol, and the orders of one strategy.
//!
//! They are gathered only for limits of such a scope, and kept with the limit in the record of the decision. A record
//! of a limit without one was made when every scope measured the account, and gives the verdict of then.

use crate::domain::decision::{Bound, CheckOutcome, Inputs, Own, Span};
use crate::domain::limit::{LimitName, Scope};
use crate::domain::{InstrumentId, Money};
use crate::risk::book::Book;
use crate::risk::exposure::Sides;

use super::measure::{Threshold, held_against};
use super::{Case, Finding, Measure, rate};

/// Whether a limit measures something of its scope that is not the account's figure.
pub(in crate::risk) const fn is_apart(name: LimitName, scope: Scope) -> bool {
    match scope {
        Scope::Firm | Scope::Account(_) => false,
        Scope::Strategy(_) => matches!(name, LimitName::MaxOpenOrders),
        Scope::Symbol(_) => matches!(
            name,
            LimitName::MaxGrossExposure
                | LimitName::MaxNetExposure
                | LimitName::MaxLeverage
                | LimitName::MaxOpenOrders
                | LimitName::MaxOrdersPerMinute
                | LimitName::MaxDailyLoss
        ),
    }
}

/// Open orders of an account, or those of them in a symbol or of a strategy.
pub(in crate::risk) fn open_orders(book: &Book<'_>, scope: Scope) -> u32 {
    let own = match scope {
        Scope::Firm | Scope::Account(_) => return book.sums.open(book.account.spec().account),
        Scope::Symbol(symbol) => book.own_orders().filter(|o| o.spec.instrument.symbol == symbol).count(),
        Scope::Strategy(strategy) => book.own_orders().filter(|o| o.spec.strategy == Some(strategy)).count(),
    };
    u32::try_from(own).unwrap_or(u32::MAX)
}

/// What an account lost in an instrument today; never below zero.
pub(in crate::risk) fn day_loss(book: &Book<'_>, instrument: InstrumentId) -> Option<Money> {
    let last = book.last(instrument).map(|p| p.price);
    let profit = book.days.of_today(book.account.spec().account, instrument, last)?;
    profit.checked_neg().map(|loss| loss.max(Money::ZERO))
}

impl Case<'_> {
    /// The figure of a limit's own scope, where it has one.
    pub(super) fn own(&self, name: LimitName, scope: Scope) -> Option<Own> {
        is_apart(name, scope).then(|| Own { span: self.own_span(name, scope) })
    }

    fn own_span(&self, name: LimitName, scope: Scope) -> Option<Span<i64>> {
        let raw = |span: Span<Money>| Span { now: span.now.raw(), with: span.with.raw() };
        let counted = |now: u32| {
            let now = i64::from(now);
            Span { now, with: now + i64::from(!self.draft.amends) }
        };
        match name {
            LimitName::MaxGrossExposure => self.span(Sides::worst).map(raw),
            LimitName::MaxNetExposure => self.span(|sides| sides.net(self.order.side)).map(raw),
            LimitName::MaxLeverage => self.held_here().map(raw),
            LimitName::MaxDailyLoss => {
                let loss = day_loss(self.book, self.order.instrument)?.raw();
                Some(Span { now: loss, with: loss })
            }
            LimitName::MaxOpenOrders => Some(counted(open_orders(self.book, scope))),
            LimitName::MaxOrdersPerMinute => {
                Some(counted(rate::in_window_of(self.book, self.order.instrument.symbol)))
            }
            _ => None,
        }
    }
}

/// Holds an account's measure against the limits that bind it as a whole, and what `own` makes of a scope's figure
/// against the limit of that scope; the hardest finding speaks.
pub(super) fn scoped<'i>(
    inputs: &'i Inputs,
    name: LimitName,
    whole: Option<Measure>,
    own: impl Fn(Span<i64>) -> Option<Measure>,
) -> Finding<'i> {
    let of_name = || inputs.limits.iter().filter(|b| b.name == name);
    let wide = held_against(of_name().filter(|b| b.own.is_none()), name, whole);
    let apart = |bound: &'i Bound| {
        let figure = bound.own?;
        Some(held_against(std::iter::once(bound), name, figure.span.and_then(&own)))
    };
    of_name().filter_map(apart).fold(wide, hardest)
}

/// An exposure as a share of equity; what only reduces passes.
pub(super) fn exposure(inputs: &Inputs, name: LimitName, whole: Option<Span<Money>>) -> Finding<'_> {
    let share = |span: Span<Money>| Some(Measure::share(span, inputs.equity?).unless(inputs.reduces));
    let money = |raw: Span<i64>| Span { now: Money::from_raw(raw.now), with: Money::from_raw(raw.with) };
    scoped(inputs, name, whole.and_then(share), |own| share(money(own)))
}

/// The harder of two findings of a limit, the first where they are alike.
pub(super) fn hardest<'i>(first: Finding<'i>, next: Finding<'i>) -> Finding<'i> {
    if weight(&next) > weight(&first) { next } else { first }
}

/// How much a finding matters beside another of the same limit.
fn weight(found: &Finding<'_>) -> u8 {
    match found.outcome {
        CheckOutcome::Breach => 4,
        CheckOutcome::NotEvaluated if !found.soft_only => 3,
        CheckOutcome::NotEvaluated | CheckOutcome::SoftBreach => 2,
        CheckOutcome::Passed => u8::from(found.threshold != Threshold::None),
    }
}
