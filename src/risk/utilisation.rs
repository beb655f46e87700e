//! How much of each limit in force an account uses now.

use crate::domain::limit::{LimitName, LimitValue, Scope};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountId, AccountSpec, Exchange, InstrumentId, Margin, Money, Quantity, Ratio, Side, Symbol,
};

use super::book::Book;
use super::checks::{
    day_loss, firm_used, is_apart, open_orders, orders_in_window, orders_in_window_of, refused_share,
    strategy_loss,
};
use super::exposure::Sides;
use super::limits::{InForce, LimitBook, Target};
use super::sums::Sums;

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
    for (name, scope, value) in limits.in_force().filter(|(_, scope, _)| covers(*scope, spec)) {
        let used = observed(book, name, scope);
        let text = |v: Option<&LimitValue>| v.map(ToString::to_string).unwrap_or_default();
        uses.push(LimitUse {
            name,
            scope,
            account: spec.account,
            observed: text(used.as_ref()),
            soft: text(value.soft.as_ref()),
            hard: text(value.hard.as_ref()),
            share: share(used.as_ref(), value),
        });
    }
    uses.sort_by_key(|u| (u.name, u.scope));
    uses
}

/// Used share of the hard value, else of the soft one.
pub(super) fn share(used: Option<&LimitValue>, value: &InForce) -> Option<Ratio> {
    let bound = value.hard.as_ref().or(value.soft.as_ref()).and_then(LimitValue::raw)?;
    Money::from_raw(used?.raw()?).share_of(Money::from_raw(bound))
}

/// Whether a scope says anything about an account (symbols and strategies do for every paper account).
pub(super) fn covers(scope: Scope, account: &AccountSpec) -> bool {
    let target = match scope {
        Scope::Symbol(symbol) => Target::symbol(account, symbol),
        Scope::Strategy(strategy) => Target { strategy: Some(strategy), ..Target::account(account) },
        Scope::Firm | Scope::Account(_) => Target::account(account),
    };
    target.is_bound_by(scope)
}

/// Limits on each name of an account.
pub(super) const fn is_of_one_name(name: LimitName) -> bool {
    matches!(
        name,
        LimitName::MaxPositionNotional
            | LimitName::MaxPositionQuantity
            | LimitName::MaxPositionWeight
            | LimitName::MaxPositionLoss
    )
}

/// Limits on an account as a whole.
pub(super) const fn is_of_account(name: LimitName) -> bool {
    matches!(
        name,
        LimitName::MaxGrossExposure
            | LimitName::MaxNetExposure
            | LimitName::MaxLeverage
            | LimitName::MaxSectorExposure
            | LimitName::MaxDailyLoss
            | LimitName::MaxDrawdown
            | LimitName::MaxStaticDrawdown
            | LimitName::MaxFirmGrossExposure
            | LimitName::MaxFirmNetExposure
            | LimitName::MaxConsecutiveLosses
            | LimitName::MaxCurrencyExposure
            | LimitName::MaxUnsettledUse
            | LimitName::MaxRejectRate
            | LimitName::MaxStopOuts
            | LimitName::LowProfitLock
    )
}

/// What an account uses of a limit now.
pub(super) fn observed(book: &Book<'_>, name: LimitName, scope: Scope) -> Option<LimitValue> {
    let fits = |symbol: Symbol| match scope {
        Scope::Symbol(own) => own == symbol,
        Scope::Firm | Scope::Account(_) | Scope::Strategy(_) => true,
    };
    if is_of_one_name(name) {
        let own = by_name(book, name, scope).filter(|(instrument, _)| fits(instrument.symbol));
        let none = LimitValue::parse(name, "0").ok();
        return own.map(|(_, seen)| seen).try_fold(none, |top, seen| {
            let seen = seen?;
            Some(if top.as_ref().and_then(LimitValue::raw) < seen.raw() { Some(seen) } else { top })
        })?;
    }
    let orders = || book.own_orders().filter(|o| fits(o.spec.instrument.symbol));
    let count = |n: u32| Some(LimitValue::Count(n));
    match name {
        LimitName::MaxOrderQuantity => {
            Some(LimitValue::Quantity(orders().map(|o| o.spec.quantity).max().unwrap_or(Quantity::ZERO)))
        }
        LimitName::MaxOrderNotional => {
            let values = orders().map(|o| book.order_price(&o.spec)?.notional(o.spec.quantity).ok());
            let all = values.collect::<Option<Vec<Money>>>()?;
            Some(LimitValue::Money(all.into_iter().max().unwrap_or(Money::ZERO)))
        }
        LimitName::MaxGrossExposure
        | LimitName::MaxNetExposure
        | LimitName::MaxLeverage
        | LimitName::MaxSectorExposure => {
            part_of_equity(book, name, scope)?.share_of(book.equity()?).map(LimitValue::Ratio)
        }
        LimitName::MaxOrdersPerMinute => match scope {
            Scope::Symbol(symbol) => count(orders_in_window_of(book, symbol)),
            Scope::Firm | Scope::Account(_) | Scope::Strategy(_) => count(orders_in_window(book)),
        },
        LimitName::MaxOpenOrders => count(open_orders(book, scope)),
        LimitName::MaxCancelsPerDay => count(book.activity.cancels),
        LimitName::MaxConsecutiveLosses => count(book.activity.losses),
        LimitName::MaxDayTrades => count(book.restricted_day_trades()?),
        LimitName::MaxOrderToTrade => {
            let messages = Money::from_raw(i64::from(book.activity.messages));
            let fills = Money::from_raw(i64::from(book.activity.fills) + 1);
            messages.share_of(fills).map(LimitValue::Ratio)
        }
        LimitName::MaxRepeatedExecutions => match scope {
            Scope::Strategy(strategy) => count(book.executions_by(strategy)),
            Scope::Firm | Scope::Account(_) | Scope::Symbol(_) => count(book.most_executions()),
        },
        LimitName::MaxDailyLoss => {
            match scope {
                Scope::Symbol(symbol) => return day_loss_in(book, symbol).map(LimitValue::Money),
                Scope::Strategy(strategy) => return strategy_loss(book, strategy).map(LimitValue::Money),
                Scope::Firm | Scope::Account(_) => {}
            }
            let lost = book.account.day_profit(book.equity()?)?.checked_neg()?;
            Some(LimitValue::Money(lost.max(Money::ZERO)))
        }
        LimitName::MaxDrawdown => fall(book, book.peak)?.share_of(book.peak).map(LimitValue::Ratio),
        LimitName::MaxStaticDrawdown => {
            let capital = book.account.capital()?;
            fall(book, capital)?.share_of(capital).map(LimitValue::Ratio)
        }
        LimitName::MaxFirmGrossExposure | LimitName::MaxFirmNetExposure => firm_used(book, name),
        _ => of_past(book, name, &fits),
    }
}

/// The same of what was done before, and over all accounts; nothing of limits whose use has no meaning.
fn of_past(book: &Book<'_>, name: LimitName, fits: &dyn Fn(Symbol) -> bool) -> Option<LimitValue> {
    let count = |n: u32| Some(LimitValue::Count(n));
    match name {
        LimitName::MaxMessagesPerMinute => count(book.past.pace.within(book.now).0),
        LimitName::MaxFirmMessagesPerMinute => count(book.firm_pace.within(book.wall).0),
        LimitName::MaxRejectRate => {
            let (messages, refused) = book.past.pace.within(book.now);
            let share = refused_share(refused, messages).map(|(part, whole)| part.share_of(whole));
            share.unwrap_or(Some(Ratio::ZERO)).map(LimitValue::Ratio)
        }
        LimitName::MaxStopOuts => count(book.past.stop_outs()),
        LimitName::LowProfitLock => {
            let lost = book.past.lost().into_iter().filter(|(instrument, _)| fits(instrument.symbol));
            Some(LimitValue::Money(lost.map(|(_, lost)| lost).max().unwrap_or(Money::ZERO)))
        }
        LimitName::MaxCurrencyExposure => Some(LimitValue::Money(
            book.sums
                .whole(book.account.spec().account, |i| book.prices(i))?
                .gross
                .checked_add(book.peers_gross()?)?,
        )),
        LimitName::MaxUnsettledUse => unsettled_use(book).map(LimitValue::Money),
        LimitName::LossCooldown => {
            let since = book.activity.lost_at.map(|at| book.now.since(at).max(0) / NANOS_PER_SECOND)?;
            count(u32::try_from(since).unwrap_or(u32::MAX))
        }
        _ => None,
    }
}

/// What of a cash account's open buys is not paid by settled cash.
fn unsettled_use(book: &Book<'_>) -> Option<Money> {
    let (spec, unsettled) = (book.account.spec(), book.account.unsettled_total());
    if spec.margin != Margin::Cash {
        return Some(Money::ZERO);
    }
    let held = book.sums.whole(spec.account, |i| book.prices(i))?.cash;
    let beyond = held.checked_sub(book.account.cash().checked_sub(unsettled)?)?;
    Some(beyond.max(Money::ZERO).min(unsettled))
}

/// What an account lost today in the instruments of a symbol.
fn day_loss_in(book: &Book<'_>, symbol: Symbol) -> Option<Money> {
    let everywhere = Exchange::ALL.into_iter().map(|exchange| InstrumentId::new(symbol, exchange));
    let mut own = everywhere.filter(|instrument| book.instruments.contains_key(instrument));
    own.try_fold(Money::ZERO, |sum, instrument| sum.checked_add(day_loss(book, instrument)?))
}

/// How far equity lies below a figure; never below zero.
fn fall(book: &Book<'_>, from: Money) -> Option<Money> {
    from.checked_sub(book.equity()?).map(|fall| fall.max(Money::ZERO))
}

/// The sums that a limit of a scope looks at: those of its strategy, where it measures one.
fn sums_of<'b>(book: &'b Book<'b>, name: LimitName, scope: Scope) -> &'b Sums {
    match scope {
        Scope::Strategy(strategy) if is_apart(name, scope) => book.by_strategy.sums(strategy),
        Scope::Firm | Scope::Account(_) | Scope::Symbol(_) | Scope::Strategy(_) => book.sums,
    }
}

/// What of a book a limit measures as a share of equity.
fn part_of_equity(book: &Book<'_>, name: LimitName, scope: Scope) -> Option<Money> {
    let account = book.account.spec().account;
    if let Scope::Symbol(symbol) = scope
        && is_apart(name, scope)
    {
        let names = book.sums.names(account, |i| book.prices(i));
        let mut own = names.filter(|(instrument, _)| instrument.symbol == symbol);
        return own.try_fold(Money::ZERO, |sum, (_, sides)| sum.checked_add(part_of_name(&sides?, name)?));
    }
    let sums = sums_of(book, name, scope);
    let whole = || sums.whole(account, |i| book.prices(i));
    match name {
        LimitName::MaxSectorExposure => sums.largest_sector(account, |i| book.prices(i)),
        LimitName::MaxLeverage => Some(whole()?.held),
        LimitName::MaxNetExposure => {
            let whole = whole()?;
            let long = whole.position.checked_add(whole.buys)?.checked_abs()?;
            Some(long.max(whole.position.checked_sub(whole.sells)?.checked_abs()?))
        }
        _ => Some(whole()?.gross),
    }
}

/// The same of one name.
fn part_of_name(sides: &Sides, name: LimitName) -> Option<Money> {
    match name {
        LimitName::MaxLeverage => sides.value.checked_abs(),
        LimitName::MaxNetExposure => Some(sides.net(Side::Buy)?.max(sides.net(Side::Sell)?)),
        _ => sides.worst(),
    }
}

/// What every name of an account (of a strategy in it, where the scope says so) uses of a limit on one name; `None` where
/// a price is missing.
pub(super) fn by_name<'b>(
    book: &'b Book<'b>,
    name: LimitName,
    scope: Scope,
) -> impl Iterator<Item = (InstrumentId, Option<LimitValue>)> + 'b {
    let equity = book.equity();
    let names = sums_of(book, name, scope).names(book.account.spec().account, |i| book.prices(i));
    names.map(move |(instrument, sides)| {
        let seen = sides.and_then(|sides| match name {
            LimitName::MaxPositionQuantity => {
                let (buys, sells) = (sides.side_quantity(Side::Buy)?, sides.side_quantity(Side::Sell)?);
                Some(LimitValue::Quantity(buys.max(sells)))
            }
            LimitName::MaxPositionWeight => sides.worst()?.share_of(equity?).map(LimitValue::Ratio),
            LimitName::MaxPositionLoss => {
                let cost = book.account.positions().get(&instrument).map_or(Money::ZERO, |p| p.cost());
                Some(LimitValue::Money(cost.checked_sub(sides.value)?.max(Money::ZERO)))
            }
            _ => sides.worst().map(LimitValue::Money),
        });
        (instrument, seen)
    })
}
