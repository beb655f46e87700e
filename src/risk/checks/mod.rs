//! The checks, one file each, and the table that orders them.
//!
//! A check looks at one [`Case`] and always returns a record, also when it passes or no limit is set: the record is
//! what a limit preview judges again later. Adding a check is a file and a row in [`CHECKS`].

mod collar;
mod daily_loss;
mod drawdown;
mod gross;
mod halt;
mod losses;
mod money;
mod notional;
mod position;
mod promise;
mod quantity;
mod rate;
mod restricted;
mod shape;
mod short;
mod state;
#[cfg(test)]
mod tests;
mod weight;

pub use losses::{Loss, losses};
pub(super) use rate::in_window as orders_in_window;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::domain::facts::MarketFacts;
use crate::domain::limit::{CheckOutcome, CheckRecord, LimitName, LimitValue, Scope};
use crate::domain::{Instrument, InstrumentId, Money, OrderSpec, Price, Quantity, RefusalCode};

use super::book::{Book, Draft, Priced};
use super::exposure::{self, Sides};
use super::limits::LimitBook;

/// A check of the table.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&Case<'_>) -> CheckRecord,
}

/// All checks; the first that speaks names the refusal.
pub const CHECKS: &[Check] = &[
    Check { name: "shape", run: shape::check },
    Check { name: "promise", run: promise::check },
    Check { name: "market_halt", run: halt::check },
    Check { name: "trading_state", run: state::check },
    Check { name: "restricted_symbols", run: restricted::check },
    Check { name: "max_order_quantity", run: quantity::check },
    Check { name: "max_order_notional", run: notional::check },
    Check { name: "price_collar", run: collar::check },
    Check { name: "short_selling", run: short::check },
    Check { name: "money", run: money::check },
    Check { name: "max_position_notional", run: position::check },
    Check { name: "max_gross_exposure", run: gross::check },
    Check { name: "max_position_weight", run: weight::check },
    Check { name: "max_orders_per_minute", run: rate::check },
    Check { name: "max_daily_loss", run: daily_loss::check },
    Check { name: "max_drawdown", run: drawdown::check },
];

/// What the checks look at: the draft, the book, and what several of them need.
#[derive(Debug)]
pub struct Case<'a> {
    pub(super) book: &'a Book<'a>,
    pub(super) limits: &'a LimitBook,
    pub(super) order: &'a OrderSpec,
    pub(super) draft: Draft<'a>,
    pub(super) instrument: Option<&'a Instrument>,
    /// Reference price for the side.
    pub(super) reference: Option<Priced>,
    /// Price that values the order.
    pub(super) price: Option<Price>,
    /// What would still fill.
    pub(super) quantity: Quantity,
    /// Its value; `None` when the price is missing or it does not fit.
    pub(super) notional: Option<Money>,
    /// Open orders and position in the instrument, the order itself left out.
    pub(super) sides: Option<Sides>,
    /// The same with the order.
    pub(super) with: Option<Sides>,
    /// Whether the order only makes the position smaller.
    pub(super) reduces: bool,
    /// Equity at last prices.
    pub(super) equity: Option<Money>,
    whole: OnceCell<Option<BTreeMap<InstrumentId, Sides>>>,
}

impl<'a> Case<'a> {
    /// Gathers what the checks need.
    pub fn new(book: &'a Book<'a>, limits: &'a LimitBook, _facts: &MarketFacts, draft: &Draft<'a>) -> Self {
        let order = draft.order;
        let own = draft.amends.then(|| book.orders.get(&(order.account, order.id))).flatten();
        let filled = own.map_or(Quantity::ZERO, |o| o.filled);
        let quantity = order.quantity.checked_sub(filled).unwrap_or(Quantity::ZERO).max(Quantity::ZERO);
        let price = book.order_price(order);
        let notional = price.and_then(|p| p.notional(quantity).ok());
        let sides = exposure::sides(book, order.instrument, &draft.leaves_out());
        let with = sides.zip(notional).and_then(|(s, n)| exposure::with(book, s, order, (quantity, n)));
        Self {
            book,
            limits,
            order,
            draft: *draft,
            instrument: book.instruments.get(&order.instrument),
            reference: book.reference(order.instrument, order.side),
            price,
            quantity,
            notional,
            sides,
            with,
            reduces: sides.is_some_and(|s| s.reduces(order.side, quantity)),
            equity: book.equity(),
            whole: OnceCell::new(),
        }
    }

    /// Open orders and positions of the whole account, the order itself left out.
    pub(super) fn whole(&self) -> Option<&BTreeMap<InstrumentId, Sides>> {
        self.whole.get_or_init(|| exposure::all_sides(self.book, &self.draft.leaves_out())).as_ref()
    }

    /// Gross exposure before and with the order.
    pub(super) fn gross(&self) -> Option<(Money, Money)> {
        let all = self.whole()?;
        let before = exposure::gross(all)?;
        let here = all.get(&self.order.instrument).copied().unwrap_or_default();
        let after = before.checked_sub(here.worst()?)?.checked_add(self.with?.worst()?)?;
        Some((before, after))
    }

    /// The account's own scope: what a check without a limit reports.
    pub(super) fn own_scope(&self) -> Scope {
        Scope::Account(self.book.account.spec().account)
    }

    /// A record of a check that no limit stands behind.
    pub(super) fn plain(&self, name: &str, code: RefusalCode, breached: bool) -> CheckRecord {
        CheckRecord {
            code,
            limit: name.to_owned(),
            scope: self.own_scope(),
            now: String::new(),
            observed: String::new(),
            threshold: String::new(),
            outcome: if breached { CheckOutcome::Breach } else { CheckOutcome::Passed },
        }
    }

    /// Judges what was seen against the tightest limit of a name. `over` says whether a raw threshold is passed;
    /// without a measure the check says NOT_EVALUATED where a limit is set.
    pub(super) fn judge(&self, name: LimitName, measure: Option<Measure<'_>>) -> CheckRecord {
        let (hard, soft) = tightest(self, name);
        let mut record = self.plain(name.as_str(), name.code(), false);
        if let Some((scope, value)) = hard.or(soft) {
            record.scope = scope;
            record.threshold = value.to_string();
        }
        let Some(measure) = measure else {
            if hard.is_some() || soft.is_some() {
                record.outcome = CheckOutcome::NotEvaluated;
            }
            return record;
        };
        record.now = measure.now;
        record.observed = measure.observed;
        let passes = |bound: Option<(Scope, &LimitValue)>| {
            bound.and_then(|(_, v)| v.raw()).is_some_and(|raw| (measure.over)(raw))
        };
        if passes(hard) {
            record.outcome = CheckOutcome::Breach;
        } else if let Some((scope, value)) = soft.filter(|s| passes(Some(*s))) {
            record.outcome = CheckOutcome::SoftBreach;
            record.scope = scope;
            record.threshold = value.to_string();
        }
        record
    }
}

/// What a check saw.
pub(super) struct Measure<'f> {
    /// Before the order.
    pub now: String,
    /// With the order.
    pub observed: String,
    /// Whether a raw threshold is passed.
    pub over: &'f dyn Fn(i64) -> bool,
}

type Bound<'a> = Option<(Scope, &'a LimitValue)>;

/// The lowest hard and soft values of all scopes that bind the order.
fn tightest<'a>(case: &Case<'a>, name: LimitName) -> (Bound<'a>, Bound<'a>) {
    let spec = case.book.account.spec();
    let (mut hard, mut soft): (Bound<'a>, Bound<'a>) = (None, None);
    for (scope, value) in case.limits.binding(name, spec.account, spec.kind, case.order.instrument.symbol) {
        lower(&mut hard, scope, value.hard.as_ref());
        lower(&mut soft, scope, value.soft.as_ref());
    }
    (hard, soft)
}

fn lower<'a>(best: &mut Bound<'a>, scope: Scope, value: Option<&'a LimitValue>) {
    let Some(value) = value else { return };
    if best.is_none_or(|(_, old)| value.raw() < old.raw()) {
        *best = Some((scope, value));
    }
}

/// `part / whole` for people; empty when it cannot be said.
pub(super) fn ratio_text(part: Money, whole: Money) -> String {
    part.share_of(whole).map(|r| r.to_string()).unwrap_or_default()
}

/// Whether `part / whole` is above `threshold` (a ratio at 1e-9), exactly; any part of nothing is.
pub(super) fn share_above(part: Money, whole: Money, threshold: i64) -> bool {
    let scaled = i128::from(part.raw()) * i128::from(crate::domain::Ratio::ONE_RAW);
    if whole.is_positive() {
        scaled > i128::from(whole.raw()) * i128::from(threshold)
    } else {
        part.is_positive()
    }
}
