//! Orders from target weights: what to sell, then what to buy, so that a portfolio comes to its targets.
//!
//! A pure function in integers. It nets against positions and open orders, trades whole lots toward zero (only a
//! full exit may sell an odd lot), splits a change of sign into a close and an open, leaves changes inside the
//! no-trade band alone, and never plans to spend more than cash and the list's own sells give. A name without a
//! price is skipped and said. Ids are hashes of strategy, session, account, instrument and leg, so that a second
//! run makes no second order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::domain::Order;
use crate::domain::fixed::divide_half_even;
use crate::domain::order::{OrderType, TimeInForce};
use crate::domain::{AccountId, InstrumentId, Money, OrderId, OrderSpec, Price, Quantity, Ratio, Side};
use crate::portfolio::construct::Target;

/// Raw price × raw quantity units in one raw unit of money (1e-9 × 1e-9 to 1e-6).
const PRODUCT_TO_MONEY: i128 = 1_000_000_000_000;
/// Bytes of a hash that go into an order id.
const ID_BYTES: usize = 12;

/// All that order generation reads.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// Strategy (part of every id).
    pub strategy: &'a str,
    /// Session the orders are for (part of every id).
    pub session: NaiveDate,
    /// Account that trades.
    pub account: AccountId,
    /// What to hold; names held but not named here are sold.
    pub targets: &'a [Target],
    /// Shares held; negative is short.
    pub positions: &'a BTreeMap<InstrumentId, Quantity>,
    /// Orders of the account; done ones count for nothing.
    pub open_orders: &'a [Order],
    /// Last prices.
    pub prices: &'a BTreeMap<InstrumentId, Price>,
    /// Smallest quantity steps; a name without one trades single shares.
    pub lots: &'a BTreeMap<InstrumentId, Quantity>,
    /// Value of the account.
    pub equity: Money,
    /// Money at hand.
    pub cash: Money,
    /// Share kept back of every trade for fees and slippage.
    pub headroom: Ratio,
    /// Changes under this share of the equity are not traded.
    pub no_trade_band: Ratio,
    /// Kind of order.
    pub order_type: OrderType,
    /// How long orders work.
    pub tif: TimeInForce,
    /// Ids given before; orders of the same id are not made again.
    pub known: &'a BTreeSet<OrderId>,
}

/// Why a name got no order, or a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// No last price, or one that is not positive.
    MissingPrice,
    /// The change is inside the no-trade band.
    InsideBand,
    /// The change is under one lot.
    UnderOneLot,
    /// Cash and sells do not pay for one lot.
    NoCash,
    /// Cash and sells pay for less than the target.
    CutToCash,
    /// Only an open order could give what would have to be traded away.
    WorkingOrder,
    /// The order was given in an earlier run.
    AlreadyGiven,
    /// The amounts are too large to be counted.
    Overflow,
}

impl SkipReason {
    /// The reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::MissingPrice => "has no last price",
            SkipReason::InsideBand => "is near enough to its target",
            SkipReason::UnderOneLot => "would change by less than one lot",
            SkipReason::NoCash => "is not affordable: cash and sells do not pay for one lot",
            SkipReason::CutToCash => "was cut to what cash and sells pay for",
            SkipReason::WorkingOrder => "waits for an open order that is not filled yet",
            SkipReason::AlreadyGiven => "has its order from an earlier run",
            SkipReason::Overflow => "has amounts too large to be counted",
        }
    }
}

/// A name that got no order, or a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Why.
    pub reason: SkipReason,
}

/// Orders in the order in which they are to be given, and what was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderList {
    /// Id that all orders carry as their list.
    pub id: Option<OrderId>,
    /// Sells, then buys by priority.
    pub orders: Vec<OrderSpec>,
    /// Names without an order or with a smaller one.
    pub skipped: Vec<Skip>,
}

/// Which part of a change an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leg {
    Close,
    Open,
}

/// One order before it has its id.
struct Planned {
    instrument: InstrumentId,
    priority: u32,
    side: Side,
    leg: Leg,
    quantity: Quantity,
    price: Price,
}

/// Makes the orders.
pub fn generate(inputs: &Inputs<'_>) -> OrderList {
    let mut list = OrderList { id: id_of(inputs, "list"), ..OrderList::default() };
    let mut planned = Vec::new();
    for (instrument, target) in wanted(inputs) {
        match plan(inputs, instrument, target) {
            Ok(legs) => planned.extend(legs),
            Err(Some(reason)) => list.skipped.push(Skip { instrument, reason }),
            Err(None) => {}
        }
    }
    planned.sort_by_key(|p| (p.side == Side::Buy, p.priority, p.instrument, p.leg));
    let mut budget = Budget::new(inputs);
    for order in planned {
        let instrument = order.instrument;
        match place(inputs, &mut budget, order, list.id) {
            Ok((spec, cut)) => {
                list.orders.push(spec);
                if cut {
                    list.skipped.push(Skip { instrument, reason: SkipReason::CutToCash });
                }
            }
            Err(reason) => list.skipped.push(Skip { instrument, reason }),
        }
    }
    list.skipped.sort_by_key(|s| (s.instrument, s.reason));
    list
}

/// Every name with a target, a position or an open order; `None` is a target of nothing.
fn wanted(inputs: &Inputs<'_>) -> BTreeMap<InstrumentId, Option<Target>> {
    let held = inputs.positions.iter().filter(|(_, q)| !q.is_zero()).map(|(i, _)| *i);
    let working = inputs.open_orders.iter().filter(|o| !o.leaves().is_zero()).map(|o| o.spec.instrument);
    let mut all: BTreeMap<InstrumentId, Option<Target>> = held.chain(working).map(|i| (i, None)).collect();
    all.extend(inputs.targets.iter().map(|t| (t.instrument, Some(*t))));
    all
}

/// Shares held and on the way, signed.
fn expected_quantity(inputs: &Inputs<'_>, instrument: InstrumentId) -> Option<i64> {
    let held = inputs.positions.get(&instrument).map_or(0, |q| q.raw());
    let orders = inputs.open_orders.iter().filter(|o| o.spec.instrument == instrument);
    orders.map(|o| o.spec.side.signed(o.leaves()).raw()).try_fold(held, i64::checked_add)
}

/// The legs of one name; `Err(None)` when there is nothing to do or say.
fn plan(
    inputs: &Inputs<'_>,
    instrument: InstrumentId,
    target: Option<Target>,
) -> Result<Vec<Planned>, Option<SkipReason>> {
    let now = expected_quantity(inputs, instrument).ok_or(SkipReason::Overflow)?;
    let weight = target.map_or(Ratio::ZERO, |t| t.weight);
    if now == 0 && weight.is_zero() {
        return Err(None);
    }
    let price = inputs.prices.get(&instrument).copied().filter(|p| p.is_positive());
    let price = price.ok_or(SkipReason::MissingPrice)?;
    let lot = inputs.lots.get(&instrument).copied().filter(|l| l.is_positive());
    let lot = lot.unwrap_or(Quantity::from_raw(Quantity::ONE_RAW));
    let change = if weight.is_zero() {
        now.checked_neg().ok_or(SkipReason::Overflow)?
    } else {
        change_toward(inputs, now, weight, price, lot)?
    };
    let change = within_holding(inputs, instrument, weight, change)?;
    let priority = target.map_or(0, |t| t.priority);
    let legs = split_at_zero(now, change, lot);
    let make = |(leg, raw): (Leg, i64)| Planned {
        instrument,
        priority,
        side: if raw < 0 { Side::Sell } else { Side::Buy },
        leg,
        quantity: Quantity::from_raw(raw.saturating_abs()),
        price,
    };
    Ok(legs.into_iter().filter(|(_, raw)| *raw != 0).map(make).collect())
}

/// Bounds a change so that shares which only an open order would bring are never traded away: a sell toward a long
/// or empty target stays within the shares held, a buy toward a short or empty one within the shares owed.
fn within_holding(
    inputs: &Inputs<'_>,
    instrument: InstrumentId,
    weight: Ratio,
    change: i64,
) -> Result<i64, SkipReason> {
    let held = inputs.positions.get(&instrument).map_or(0, |q| q.raw());
    let side = if change < 0 { Side::Sell } else { Side::Buy };
    let same_side =
        inputs.open_orders.iter().filter(|o| o.spec.instrument == instrument && o.spec.side == side);
    let free = same_side.map(|o| side.signed(o.leaves()).raw()).try_fold(held, i64::checked_add);
    let free = free.ok_or(SkipReason::Overflow)?;
    let bounded = match side {
        Side::Sell if !weight.is_negative() => change.max(-free.max(0)),
        Side::Buy if !weight.is_positive() => change.min(-free.min(0)),
        Side::Sell | Side::Buy => change,
    };
    if bounded == 0 { Err(SkipReason::WorkingOrder) } else { Ok(bounded) }
}

/// Signed change in whole lots toward the target weight.
fn change_toward(
    inputs: &Inputs<'_>,
    now: i64,
    weight: Ratio,
    price: Price,
    lot: Quantity,
) -> Result<i64, SkipReason> {
    let target = inputs.equity.scale(weight).map_err(|_| SkipReason::Overflow)?;
    let held = price.notional(Quantity::from_raw(now)).map_err(|_| SkipReason::Overflow)?;
    let gap = target.checked_sub(held).ok_or(SkipReason::Overflow)?;
    let band = inputs.equity.scale(inputs.no_trade_band).map_err(|_| SkipReason::Overflow)?;
    let size = gap.checked_abs().ok_or(SkipReason::Overflow)?;
    if size < band || size.is_zero() {
        return Err(SkipReason::InsideBand);
    }
    let headroom = if gap.is_positive() { inputs.headroom } else { Ratio::ZERO };
    let shares = affordable(size, price, headroom).ok_or(SkipReason::Overflow)?.round_to_lot(lot);
    if shares.is_zero() {
        return Err(SkipReason::UnderOneLot);
    }
    Ok(if gap.is_positive() { shares.raw() } else { -shares.raw() })
}

/// Shares that an amount pays for at a price and its headroom, rounded down.
fn affordable(amount: Money, price: Price, headroom: Ratio) -> Option<Quantity> {
    let loaded = i128::from(Ratio::ONE_RAW) + i128::from(headroom.raw());
    let cost = i128::from(price.raw()).checked_mul(loaded)?;
    let scaled = i128::from(amount.raw()).checked_mul(PRODUCT_TO_MONEY)?;
    let shares = scaled.checked_mul(i128::from(Ratio::ONE_RAW))?.checked_div(cost)?;
    Quantity::from_raw_wide(shares.max(0)).ok()
}

/// A change that crosses zero is a full close and, in whole lots, an opening on the other side.
fn split_at_zero(now: i64, change: i64, lot: Quantity) -> Vec<(Leg, i64)> {
    let crosses = now != 0 && (now < 0) != (change < 0) && change.unsigned_abs() > now.unsigned_abs();
    if !crosses {
        let leg = if now != 0 && (now < 0) != (change < 0) { Leg::Close } else { Leg::Open };
        return vec![(leg, change)];
    }
    let rest = Quantity::from_raw(change.saturating_add(now)).round_to_lot(lot);
    vec![(Leg::Close, now.saturating_neg()), (Leg::Open, rest.raw())]
}

/// Money that buys may still use.
struct Budget {
    left: i128,
}

impl Budget {
    /// Cash less what open buys will take.
    fn new(inputs: &Inputs<'_>) -> Self {
        let mut left = i128::from(inputs.cash.raw());
        for order in inputs.open_orders.iter().filter(|o| o.spec.side == Side::Buy) {
            let price = order.spec.limit_price.or_else(|| inputs.prices.get(&order.spec.instrument).copied());
            let cost = price.and_then(|p| loaded_cost(p, order.leaves(), inputs.headroom));
            left -= cost.unwrap_or(0);
        }
        Self { left }
    }
}

/// Raw money that a quantity costs with its headroom, rounded up by at most one unit.
fn loaded_cost(price: Price, quantity: Quantity, headroom: Ratio) -> Option<i128> {
    let value = i128::from(price.notional(quantity).ok()?.raw());
    let extra = value.checked_mul(i128::from(headroom.raw()))?;
    Some(value + divide_half_even(extra, i128::from(Ratio::ONE_RAW))? + 1)
}

/// Gives an order its id and, for a buy, what the budget pays for; whether it was cut.
fn place(
    inputs: &Inputs<'_>,
    budget: &mut Budget,
    order: Planned,
    list: Option<OrderId>,
) -> Result<(OrderSpec, bool), SkipReason> {
    let leg = match order.leg {
        Leg::Close => "close",
        Leg::Open => "open",
    };
    let id = id_of(inputs, &format!("{}|{leg}", order.instrument)).ok_or(SkipReason::Overflow)?;
    if inputs.known.contains(&id) {
        return Err(SkipReason::AlreadyGiven);
    }
    let (mut quantity, mut cut) = (order.quantity, false);
    match order.side {
        Side::Sell => {
            let value = order.price.notional(quantity).map_err(|_| SkipReason::Overflow)?;
            let kept = value.scale(inputs.headroom).map_err(|_| SkipReason::Overflow)?;
            budget.left += i128::from(value.raw()) - i128::from(kept.raw());
        }
        Side::Buy => {
            let left = Money::from_raw_wide(budget.left.max(0)).map_err(|_| SkipReason::Overflow)?;
            let lot =
                inputs.lots.get(&order.instrument).copied().unwrap_or(Quantity::from_raw(Quantity::ONE_RAW));
            let most = affordable(left, order.price, inputs.headroom).ok_or(SkipReason::Overflow)?;
            if quantity > most {
                quantity = most.round_to_lot(lot);
                cut = true;
            }
            if quantity.is_zero() {
                return Err(SkipReason::NoCash);
            }
            budget.left -= loaded_cost(order.price, quantity, inputs.headroom).ok_or(SkipReason::Overflow)?;
        }
    }
    let spec = OrderSpec {
        order_type: inputs.order_type,
        tif: inputs.tif,
        list,
        ..OrderSpec::plain(inputs.account, id, order.instrument, (order.side, quantity), None)
    };
    Ok((spec, cut))
}

/// `rb-` and a hash of strategy, session, account and `part`.
fn id_of(inputs: &Inputs<'_>, part: &str) -> Option<OrderId> {
    let text = format!("{}\u{1f}{}\u{1f}{}\u{1f}{part}", inputs.strategy, inputs.session, inputs.account);
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().take(ID_BYTES).map(|b| format!("{b:02x}")).collect();
    format!("rb-{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OrderStatus, UnixNanos};
    use proptest::prelude::*;

    fn id(symbol: &str) -> InstrumentId {
        format!("{symbol}.SIM").parse().unwrap()
    }

    /// A small account that owns what it needs.
    struct Case {
        targets: Vec<Target>,
        positions: BTreeMap<InstrumentId, Quantity>,
        open: Vec<Order>,
        prices: BTreeMap<InstrumentId, Price>,
        lots: BTreeMap<InstrumentId, Quantity>,
        known: BTreeSet<OrderId>,
        equity: Money,
        cash: Money,
    }

    impl Case {
        fn new(cash: &str, names: &[(&str, &str, i64, &str)]) -> Self {
            let cash: Money = cash.parse().unwrap();
            let mut case = Case {
                targets: Vec::new(),
                positions: BTreeMap::new(),
                open: Vec::new(),
                prices: BTreeMap::new(),
                lots: BTreeMap::new(),
                known: BTreeSet::new(),
                equity: cash,
                cash,
            };
            for (rank, (symbol, price, held, weight)) in names.iter().enumerate() {
                let price: Price = price.parse().unwrap();
                let quantity = Quantity::from_whole(*held).unwrap();
                case.prices.insert(id(symbol), price);
                case.positions.insert(id(symbol), quantity);
                case.equity = case.equity.checked_add(price.notional(quantity).unwrap()).unwrap();
                let weight: Ratio = weight.parse().unwrap();
                if !weight.is_zero() {
                    case.targets.push(Target { instrument: id(symbol), weight, priority: rank as u32 + 1 });
                }
            }
            case
        }

        fn run(&self) -> OrderList {
            generate(&Inputs {
                strategy: "four-families",
                session: NaiveDate::from_ymd_opt(2024, 1, 2).unwrap(),
                account: "desk".parse().unwrap(),
                targets: &self.targets,
                positions: &self.positions,
                open_orders: &self.open,
                prices: &self.prices,
                lots: &self.lots,
                equity: self.equity,
                cash: self.cash,
                headroom: "0.005".parse().unwrap(),
                no_trade_band: "0.005".parse().unwrap(),
                order_type: OrderType::Market,
                tif: TimeInForce::Day,
                known: &self.known,
            })
        }

        fn with_open(mut self, symbol: &str, side: Side, quantity: i64) -> Self {
            let spec = OrderSpec::plain(
                "desk".parse().unwrap(),
                format!("open-{symbol}").parse().unwrap(),
                id(symbol),
                (side, Quantity::from_whole(quantity).unwrap()),
                None,
            );
            self.open.push(Order {
                spec: spec.into(),
                status: OrderStatus::Accepted,
                filled: Quantity::ZERO,
                filled_notional: Money::ZERO,
                fees: Money::ZERO,
                volume_before: Quantity::ZERO,
                hold: Money::ZERO,
                valued_at: None,
                triggered: false,
                stop: None,
                cap: None,
                remote: None,
                given_at: UnixNanos::ZERO,
                changed_at: UnixNanos::ZERO,
                code: None,
                reason: String::new(),
                actor: "kim".parse().unwrap(),
                changed_by: Vec::new(),
            });
            self
        }
    }

    fn shown(list: &OrderList) -> Vec<String> {
        let line = |o: &OrderSpec| format!("{} {} {}", o.side.as_str(), o.quantity, o.instrument.symbol);
        list.orders.iter().map(line).collect()
    }

    #[test]
    fn sells_come_first_then_buys_by_priority() {
        let case =
            Case::new("10000", &[("Z", "50", 0, "0.4"), ("B", "20", 0, "0.4"), ("A", "10", 1000, "0")]);
        assert_eq!(shown(&case.run()), ["sell 1000 A", "buy 159 Z", "buy 398 B"]);
    }

    #[test]
    fn a_full_exit_sells_the_odd_lot_and_a_reduction_does_not() {
        let mut case = Case::new("0", &[("A", "10", 150, "0"), ("B", "10", 1000, "0.4")]);
        case.lots =
            [(id("A"), Quantity::from_whole(100).unwrap()), (id("B"), Quantity::from_whole(100).unwrap())]
                .into();
        assert_eq!(shown(&case.run()), ["sell 150 A", "sell 500 B"]);
    }

    #[test]
    fn open_orders_count_and_are_never_sold_before_they_fill() {
        let half_way = Case::new("10000", &[("A", "10", 0, "0.5")]).with_open("A", Side::Buy, 300);
        assert_eq!(shown(&half_way.run()), ["buy 199 A"]);
        let unwanted = Case::new("10000", &[("A", "10", 0, "0")]).with_open("A", Side::Buy, 300);
        assert_eq!(unwanted.run().orders, []);
        assert_eq!(unwanted.run().skipped, [Skip { instrument: id("A"), reason: SkipReason::WorkingOrder }]);
        let leaving = Case::new("0", &[("A", "10", 300, "0")]).with_open("A", Side::Sell, 300);
        assert_eq!(leaving.run().orders, []);
    }

    #[test]
    fn a_missing_price_and_a_small_gap_are_said_not_guessed() {
        let mut case = Case::new("5000", &[("A", "10", 500, "0.5"), ("B", "10", 0, "0.2")]);
        case.prices.remove(&id("B"));
        let list = case.run();
        assert!(list.orders.is_empty());
        let reasons: Vec<SkipReason> = list.skipped.iter().map(|s| s.reason).collect();
        assert_eq!(reasons, [SkipReason::InsideBand, SkipReason::MissingPrice]);
    }

    #[test]
    fn a_second_run_makes_no_second_order() {
        let mut case = Case::new("10000", &[("A", "10", 0, "0.5")]);
        let first = case.run();
        assert_eq!(first, case.run());
        case.known = first.orders.iter().map(|o| o.id).collect();
        let second = case.run();
        assert_eq!(second.orders, []);
        assert_eq!(second.skipped[0].reason, SkipReason::AlreadyGiven);
    }

    #[test]
    fn a_short_is_closed_before_the_other_side_opens() {
        let list = Case::new("20000", &[("A", "10", -100, "0.5")]).run();
        assert_eq!(shown(&list), ["buy 100 A", "buy 944 A"]);
        assert_ne!(list.orders[0].id, list.orders[1].id);
    }

    proptest! {
        #[test]
        fn buys_never_cost_more_than_cash_and_sells(
            cash in 0_i64..100_000,
            names in proptest::collection::vec((1_i64..500, 0_i64..500, 0_i64..40), 1..12),
        ) {
            let texts: Vec<(String, String, i64, String)> = names.iter().enumerate()
                .map(|(k, (p, h, w))| (format!("S{k}"), p.to_string(), *h, format!("0.{w:02}"))).collect();
            let rows: Vec<(&str, &str, i64, &str)> =
                texts.iter().map(|(s, p, h, w)| (s.as_str(), p.as_str(), *h, w.as_str())).collect();
            let case = Case::new(&cash.to_string(), &rows);
            let mut left = case.cash.raw();
            for order in case.run().orders {
                let value = case.prices[&order.instrument].notional(order.quantity).unwrap().raw();
                let held = case.positions[&order.instrument];
                prop_assert!(order.quantity.is_positive());
                match order.side {
                    Side::Sell => { prop_assert!(order.quantity <= held); left += value; }
                    Side::Buy => { left -= value; prop_assert!(left >= 0); }
                }
            }
        }
    }
}
