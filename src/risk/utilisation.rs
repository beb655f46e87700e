//! How much of each limit in force an account uses now.

use crate::domain::limit::{LimitName, LimitValue, Scope};
use crate::domain::{AccountId, Money, Quantity, Ratio};

use super::book::{Book, LeftOut};
use super::checks::orders_in_window;
use super::exposure;
use super::limits::LimitBook;

/// One limit and its use by one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    /// Limit.
    pub name: LimitName,
    /// Scope of the limit.
    pub scope: Scope,
    /// Account.
    pub account: AccountId,
    /// What is used now, as text in the limit's unit; empty where a use has no meaning or a price is missing.
    pub observed: String,
    /// Soft value, empty when none.
    pub soft: String,
    /// Hard value, empty when none.
    pub hard: String,
    /// Used share of the hard value (else of the soft one).
    pub share: Option<Ratio>,
}

/// Every limit in force that binds the book's account, in the order of names and scopes.
pub fn utilisation(book: &Book<'_>, limits: &LimitBook) -> Vec<LimitUse> {
    let spec = book.account.spec();
    let mut uses = Vec::new();
    for (name, scope, value) in limits.in_force() {
        if !covers(scope, spec.account, spec.kind) {
            continue;
        }
        let used = observed(book, name, scope);
        let bound = value.hard.as_ref().or(value.soft.as_ref()).and_then(LimitValue::raw);
        let share = used
            .as_ref()
            .and_then(LimitValue::raw)
            .zip(bound)
            .and_then(|(part, whole)| Money::from_raw(part).share_of(Money::from_raw(whole)));
        let text = |v: Option<&LimitValue>| v.map(ToString::to_string).unwrap_or_default();
        uses.push(LimitUse {
            name,
            scope,
            account: spec.account,
            observed: text(used.as_ref()),
            soft: text(value.soft.as_ref()),
            hard: text(value.hard.as_ref()),
            share,
        });
    }
    uses
}

/// Whether a scope says anything about an account (a symbol scope does for every paper account).
fn covers(scope: Scope, account: AccountId, kind: crate::domain::AccountKind) -> bool {
    match scope {
        Scope::Symbol(symbol) => super::limits::binds(scope, account, kind, symbol),
        Scope::Firm | Scope::Account(_) => {
            // Any symbol will do: these scopes do not look at it.
            "X".parse().is_ok_and(|any| super::limits::binds(scope, account, kind, any))
        }
    }
}

/// What an account uses of a limit now.
pub(super) fn observed(book: &Book<'_>, name: LimitName, scope: Scope) -> Option<LimitValue> {
    let fits = |symbol| match scope {
        Scope::Symbol(own) => own == symbol,
        Scope::Firm | Scope::Account(_) => true,
    };
    let orders = || book.own_orders().filter(|o| fits(o.spec.instrument.symbol));
    match name {
        LimitName::MaxOrderQuantity => {
            Some(LimitValue::Quantity(orders().map(|o| o.spec.quantity).max().unwrap_or(Quantity::ZERO)))
        }
        LimitName::MaxOrderNotional => {
            let values = orders().map(|o| book.order_price(&o.spec)?.notional(o.spec.quantity).ok());
            let all = values.collect::<Option<Vec<Money>>>()?;
            Some(LimitValue::Money(all.into_iter().max().unwrap_or(Money::ZERO)))
        }
        LimitName::MaxPositionNotional => largest(book, fits).map(LimitValue::Money),
        LimitName::MaxPositionWeight => largest(book, fits)?.share_of(book.equity()?).map(LimitValue::Ratio),
        LimitName::MaxGrossExposure => {
            let gross = exposure::gross(&exposure::all_sides(book, &LeftOut::nothing(book))?)?;
            gross.share_of(book.equity()?).map(LimitValue::Ratio)
        }
        LimitName::MaxOrdersPerMinute => u32::try_from(orders_in_window(book)).ok().map(LimitValue::Count),
        LimitName::MaxDailyLoss => {
            let loss = book.account.day_open().checked_sub(book.equity()?)?;
            Some(LimitValue::Money(loss.max(Money::ZERO)))
        }
        LimitName::MaxDrawdown => {
            let fall = book.peak.checked_sub(book.equity()?)?.max(Money::ZERO);
            fall.share_of(book.peak).map(LimitValue::Ratio)
        }
        LimitName::PriceCollar | LimitName::RestrictedSymbols => None,
    }
}

/// The largest worst case of one name.
fn largest(book: &Book<'_>, fits: impl Fn(crate::domain::Symbol) -> bool) -> Option<Money> {
    let all = exposure::all_sides(book, &LeftOut::nothing(book))?;
    let own = all.iter().filter(|(i, _)| fits(i.symbol));
    own.map(|(_, sides)| sides.worst()).try_fold(Money::ZERO, |top, worst| Some(top.max(worst?)))
}
