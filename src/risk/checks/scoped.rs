//! Figures of a limit's own scope: what an account holds and orders in one symbol, and what one strategy does in it.
//!
//! They are gathered only for limits of such a scope, and kept with the limit in the record of the decision. A record
//! of a limit without one was made when every scope measured the account, and gives the verdict of then.

use crate::domain::decision::{Bound, CheckOutcome, Inputs, Own, Span};
use crate::domain::limit::{LimitName, Scope};
use crate::domain::{InstrumentId, Money, StrategyId};
use crate::risk::book::Book;
use crate::risk::exposure::Sides;
use crate::risk::sums::Whole;

use super::exposure::Exposure;
use super::measure::{Threshold, held_against};
use super::{Case, Finding, Measure, rate};

/// Whether a limit measures something of its scope that is not the account's figure.
pub(in crate::risk) const fn is_apart(name: LimitName, scope: Scope) -> bool {
    match scope {
        Scope::Firm | Scope::Account(_) => false,
        Scope::Strategy(_) => matches!(
            name,
            LimitName::MaxPositionNotional
                | LimitName::MaxPositionQuantity
                | LimitName::MaxPositionWeight
                | LimitName::MaxGrossExposure
                | LimitName::MaxNetExposure
                | LimitName::MaxLeverage
                | LimitName::MaxSectorExposure
                | LimitName::MaxOpenOrders
                | LimitName::MaxDailyLoss
        ),
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

/// What a strategy in an account holds and orders around a draft of its.
#[derive(Debug)]
pub(super) struct Mine {
    /// In the draft's instrument.
    pub exposure: Exposure,
    /// All of it together.
    pub whole: Option<Whole>,
    /// Whether the draft only makes smaller what the strategy holds.
    pub reduces: bool,
}

/// Open orders of an account, or those of them in a symbol or of a strategy.
pub(in crate::risk) fn open_orders(book: &Book<'_>, scope: Scope) -> u32 {
    let account = book.account.spec().account;
    match scope {
        Scope::Firm | Scope::Account(_) => book.sums.open(account),
        Scope::Strategy(strategy) => book.by_strategy.sums(strategy).open(account),
        Scope::Symbol(symbol) => {
            let own = book.own_orders().filter(|o| o.spec.instrument.symbol == symbol);
            u32::try_from(own.count()).unwrap_or(u32::MAX)
        }
    }
}

/// What an account lost in an instrument today; never below zero.
pub(in crate::risk) fn day_loss(book: &Book<'_>, instrument: InstrumentId) -> Option<Money> {
    let last = book.last(instrument).map(|p| p.price);
    loss(book.days.of_today(book.account.spec().account, instrument, last)?)
}

/// What a strategy lost in an account today; never below zero.
pub(in crate::risk) fn strategy_loss(book: &Book<'_>, strategy: StrategyId) -> Option<Money> {
    loss(book.days.of_strategy(book.account.spec().account, strategy)?)
}

fn loss(profit: Money) -> Option<Money> {
    profit.checked_neg().map(|loss| loss.max(Money::ZERO))
}

fn raw(span: Span<Money>) -> Span<i64> {
    Span { now: span.now.raw(), with: span.with.raw() }
}

impl Case<'_> {
    /// The figure of a limit's own scope, where it has one.
    pub(super) fn own(&self, name: LimitName, scope: Scope) -> Option<Own> {
        is_apart(name, scope).then(|| match scope {
            Scope::Strategy(strategy) => {
                let span = self.strategy_span(name, strategy);
                Own { span, reduces: Some(self.mine(strategy).reduces) }
            }
            Scope::Firm | Scope::Account(_) | Scope::Symbol(_) => {
                Own { span: self.symbol_span(name, scope), reduces: None }
            }
        })
    }

    fn symbol_span(&self, name: LimitName, scope: Scope) -> Option<Span<i64>> {
        match name {
            LimitName::MaxGrossExposure => self.exposure.span(Sides::worst).map(raw),
            LimitName::MaxNetExposure => self.exposure.span(|sides| sides.net(self.order.side)).map(raw),
            LimitName::MaxLeverage => self.exposure.held_here().map(raw),
            LimitName::MaxDailyLoss => {
                let loss = day_loss(self.book, self.order.instrument)?.raw();
                Some(Span { now: loss, with: loss })
            }
            LimitName::MaxOpenOrders => Some(self.counted(open_orders(self.book, scope))),
            LimitName::MaxOrdersPerMinute => {
                Some(self.counted(rate::in_window_of(self.book, self.order.instrument.symbol)))
            }
            _ => None,
        }
    }

    fn strategy_span(&self, name: LimitName, strategy: StrategyId) -> Option<Span<i64>> {
        let Mine { exposure, whole, .. } = self.mine(strategy);
        let whole = whole.as_ref();
        match name {
            LimitName::MaxPositionNotional | LimitName::MaxPositionWeight => exposure.position().map(raw),
            LimitName::MaxPositionQuantity => {
                exposure.quantity().map(|span| Span { now: span.now.raw(), with: span.with.raw() })
            }
            LimitName::MaxGrossExposure => exposure.gross(whole).map(raw),
            LimitName::MaxNetExposure => exposure.net(whole).map(raw),
            LimitName::MaxLeverage => exposure.held(whole).map(raw),
            LimitName::MaxSectorExposure => {
                let sums = self.book.by_strategy.sums(strategy);
                let (account, prices) = (self.order.account, |i| self.book.prices(i));
                exposure.within(sums.sector(account, self.sector_name()?, prices)?).map(raw)
            }
            LimitName::MaxDailyLoss => {
                let loss = strategy_loss(self.book, strategy)?.raw();
                Some(Span { now: loss, with: loss })
            }
            LimitName::MaxOpenOrders => Some(self.counted(open_orders(self.book, Scope::Strategy(strategy)))),
            _ => None,
        }
    }

    fn counted(&self, now: u32) -> Span<i64> {
        let now = i64::from(now);
        Span { now, with: now + i64::from(!self.draft.amends) }
    }
}

/// Holds an account's measure against the limits that bind it as a whole, and what `own` makes of a scope's figure (and
/// of whether the order only makes it smaller) against the limit of that scope; the hardest finding speaks.
pub(super) fn scoped<'i>(
    inputs: &'i Inputs,
    name: LimitName,
    whole: Option<Measure>,
    own: impl Fn(Span<i64>, bool) -> Option<Measure>,
) -> Finding<'i> {
    let of_name = || inputs.limits.iter().filter(|b| b.name == name);
    let wide = held_against(of_name().filter(|b| b.own.is_none()), name, whole);
    let apart = |bound: &'i Bound| {
        let figure = bound.own?;
        let reduces = figure.reduces.unwrap_or(inputs.reduces);
        Some(held_against(std::iter::once(bound), name, figure.span.and_then(|span| own(span, reduces))))
    };
    of_name().filter_map(apart).fold(wide, hardest)
}

/// A share of equity; what only reduces passes.
pub(super) fn exposure(inputs: &Inputs, name: LimitName, whole: Option<Span<Money>>) -> Finding<'_> {
    let share = |span: Span<Money>, reduces: bool| Some(Measure::share(span, inputs.equity?).unless(reduces));
    let money = |raw: Span<i64>| Span { now: Money::from_raw(raw.now), with: Money::from_raw(raw.with) };
    let all = whole.and_then(|whole| share(whole, inputs.reduces));
    scoped(inputs, name, all, |own, reduces| share(money(own), reduces))
}

/// A raw figure of a position; what only reduces passes.
pub(super) fn position(inputs: &Inputs, name: LimitName, whole: Option<Span<i64>>) -> Finding<'_> {
    let measure = |span: Span<i64>, reduces| Some(Measure::span(span.now, span.with).unless(reduces));
    scoped(inputs, name, whole.and_then(|whole| measure(whole, inputs.reduces)), measure)
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
