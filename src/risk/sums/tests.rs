//! Sums kept through any flow of orders, prices and positions are those made from scratch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::facts::InstrumentFacts;
use crate::domain::{Exchange, OrderId, OrderSpec, OrderStatus, OrderType, Side, TimeInForce, UnixNanos};

/// Beta and daily returns of an instrument, in parts of 128.
type Past = (Option<i8>, Vec<Option<i8>>);

/// Outcomes of five books, and which days are whole.
type Books = ([Vec<f64>; 5], Vec<bool>);

/// What may happen to one of a few orders, prices and positions.
#[derive(Debug, Clone)]
enum Happens {
    Add { at: usize, side: bool, quantity: i64, price: Option<i64>, group: Option<u8>, reduces: bool },
    Fill { at: usize, quantity: i64 },
    Amend { at: usize, price: i64 },
    Hold { at: usize, held: bool },
    End { at: usize },
    Price { name: usize, price: i64 },
    Position { name: usize, quantity: i64 },
    Know { told: [Option<Past>; 3] },
}

fn told() -> impl Strategy<Value = Happens> {
    let days = prop::collection::vec(prop::option::weighted(0.9, any::<i8>()), 0..5);
    let own = prop::option::weighted(0.8, (prop::option::weighted(0.8, any::<i8>()), days));
    prop::array::uniform3(own).prop_map(|told| Happens::Know { told })
}

fn happens() -> impl Strategy<Value = Happens> {
    let at = 0..12_usize;
    let add = (at.clone(), any::<bool>(), 1..50_i64, prop::option::of(1..200_i64));
    let more = (prop::option::weighted(0.3, 0..3_u8), prop::bool::weighted(0.2));
    prop_oneof![
        4 => (add, more).prop_map(|((at, side, quantity, price), (group, reduces))| {
            Happens::Add { at, side, quantity, price, group, reduces }
        }),
        2 => (at.clone(), 1..50_i64).prop_map(|(at, quantity)| Happens::Fill { at, quantity }),
        1 => (at.clone(), 1..200_i64).prop_map(|(at, price)| Happens::Amend { at, price }),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, held)| Happens::Hold { at, held }),
        1 => at.prop_map(|at| Happens::End { at }),
        2 => (0..3_usize, 1..200_i64).prop_map(|(name, price)| Happens::Price { name, price }),
        2 => (0..3_usize, -60..60_i64).prop_map(|(name, quantity)| Happens::Position { name, quantity }),
        1 => told(),
    ]
}

fn instrument(at: usize) -> InstrumentId {
    ["AAA.XNYS", "BBB.XNYS", "CCC.XNYS"][at % 3].parse().unwrap()
}

fn account(at: usize) -> AccountId {
    ["one", "two"][at % 2].parse().unwrap()
}

fn price(whole: i64) -> Price {
    Price::from_raw(whole * Price::ONE_RAW)
}

fn quantity(whole: i64) -> Quantity {
    Quantity::from_whole(whole).unwrap()
}

fn order(at: usize, side: bool, shares: i64, own: Option<i64>, group: Option<u8>, reduces: bool) -> Order {
    let spec = OrderSpec {
        account: account(at),
        id: format!("o{at}").parse().unwrap(),
        instrument: instrument(at),
        side: if side { Side::Buy } else { Side::Sell },
        order_type: if own.is_some() { OrderType::Limit } else { OrderType::Market },
        quantity: quantity(shares),
        limit_price: own.map(price),
        trigger_price: None,
        trail: None,
        tif: TimeInForce::Gtc,
        expire_at: None,
        reduce_only: reduces,
        post_only: false,
        parent: None,
        oco: group.map(|g| format!("g{g}").parse().unwrap()),
        list: None,
        strategy: None,
        lot: None,
        sized_by: None,
    };
    Order::new(spec, OrderStatus::Accepted, UnixNanos::ZERO, "ann".parse().unwrap())
}

#[derive(Default)]
struct Model {
    sums: Sums,
    orders: BTreeMap<(AccountId, OrderId), Order>,
    lasts: BTreeMap<InstrumentId, Price>,
    held: BTreeMap<(AccountId, InstrumentId), Quantity>,
    known: Vec<Instrument>,
    facts: MarketFacts,
}

impl Model {
    fn change(&mut self, at: usize, change: impl FnOnce(&mut Order)) {
        let key = (account(at), format!("o{at}").parse().unwrap());
        let Some(order) = self.orders.get_mut(&key) else { return };
        let counted = Counted::of(order);
        change(order);
        let held = order.filled.is_positive().then_some(order.filled);
        let name = (order.spec.account, order.spec.instrument);
        if let Some(held) = held {
            self.held.insert(name, held);
        }
        self.sums.replace(counted, order, held);
        if order.status.is_done() {
            self.orders.remove(&key);
        }
    }

    fn take(&mut self, what: Happens) {
        match what {
            Happens::Add { at, side, quantity, price, group, reduces } => {
                let order = order(at, side, quantity, price, group, reduces);
                if self.orders.insert((order.spec.account, order.spec.id), order.clone()).is_some() {
                    self.orders.remove(&(order.spec.account, order.spec.id));
                    self.sums = self.scratch();
                    self.orders.insert((order.spec.account, order.spec.id), order.clone());
                }
                self.sums.add(&order);
            }
            Happens::Fill { at, quantity: shares } => self.change(at, |order| {
                order.filled = order.filled.checked_add(quantity(shares)).unwrap().min(order.spec.quantity);
                let done = order.filled == order.spec.quantity;
                order.status = if done { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
                order.fees = crate::domain::Money::from_raw(1_000_000);
            }),
            Happens::Amend { at, price: whole } => self.change(at, |order| {
                let limit = order.spec.limit_price.map(|_| price(whole));
                std::sync::Arc::make_mut(&mut order.spec).limit_price = limit;
            }),
            Happens::Hold { at, held } => self.change(at, |order| {
                order.status = if held { OrderStatus::Held } else { OrderStatus::Accepted };
            }),
            Happens::End { at } => self.change(at, |order| order.status = OrderStatus::Canceled),
            Happens::Price { name, price: whole } => {
                self.lasts.insert(instrument(name), price(whole));
                self.sums.set_last(instrument(name), price(whole));
            }
            Happens::Position { name, quantity: shares } => {
                self.held.insert((account(name), instrument(name)), quantity(shares));
                self.sums.set_position(account(name), instrument(name), quantity(shares));
            }
            Happens::Know { told } => {
                let told = told.into_iter().enumerate().filter_map(|(at, own)| Some((instrument(at), own?)));
                let share = |parts: i8| f64::from(parts) / 128.0;
                let facts = told.map(|(instrument, (beta, days))| {
                    let returns: Vec<f64> = days.iter().map(|day| day.map_or(f64::NAN, share)).collect();
                    let beta = beta.map(share);
                    (
                        instrument,
                        InstrumentFacts { beta, returns: Some(returns.into()), ..Default::default() },
                    )
                });
                self.facts.tell(Exchange::Xnys, &Arc::new(facts.collect()));
                self.sums.know(&self.facts);
            }
        }
    }

    fn scratch(&self) -> Sums {
        let lasts = self.lasts.iter().map(|(i, p)| (*i, *p));
        let held = self.held.iter().map(|((a, i), q)| (*a, *i, *q));
        let mut sums = Sums::of(self.sums.fee, self.known.iter(), lasts, held, self.orders.values());
        sums.know(&self.facts);
        sums
    }

    /// Beta with what adds and what takes, and outcomes of what is held, with all orders filled and with those that lose,
    /// the oldest day first; of an account's names one by one, in floats.
    fn past(&self, account: AccountId) -> (Option<[f64; 3]>, Option<Books>) {
        let days = self.facts.iter().filter_map(|(_, own)| own.returns.as_ref()).map(|r| r.len()).max();
        let days = days.unwrap_or(0);
        let none = ([(); 5].map(|()| vec![0.0; days]), vec![true; days]);
        let (mut beta, mut outcomes) = (Some([0.0; 3]), Some(none));
        let prices = |i: InstrumentId| Prices::all(self.lasts.get(&i).copied());
        for (instrument, sides) in self.sums.names(account, prices) {
            let worth = sides.map(|s| [s.value, s.buy_value, s.sell_value].map(|worth| worth.to_f64()));
            let own = self.facts.of(instrument);
            beta = beta.zip(worth).zip(own.and_then(|own| own.beta)).map(|((sum, worth), beta)| {
                let [held, buys, sells] = worth.map(|worth| worth * beta);
                let (adds, takes) = (buys.max(0.0) + (-sells).max(0.0), buys.min(0.0) + (-sells).min(0.0));
                [sum[0] + held, sum[1] + held + adds, sum[2] + held + takes]
            });
            let returns = own.and_then(|own| own.returns.as_deref());
            outcomes =
                outcomes.zip(worth.zip(returns)).map(|((mut books, mut are_whole), (worth, returns))| {
                    let gaps = std::iter::repeat_n(f64::NAN, days - returns.len());
                    for (day, r) in gaps.chain(returns.iter().copied()).enumerate() {
                        let [held, buys, sells] = worth.map(|worth| if r.is_nan() { 0.0 } else { worth * r });
                        let lost = buys.min(0.0) + (-sells).min(0.0);
                        let orders = [0.0, buys, -sells, buys - sells, lost];
                        books.iter_mut().zip(orders).for_each(|(book, more)| book[day] += held + more);
                        are_whole[day] &= !r.is_nan();
                    }
                    (books, are_whole)
                });
        }
        (beta, outcomes)
    }

    fn check_past(&self, account: AccountId) {
        let prices = |i: InstrumentId| Prices::all(self.lasts.get(&i).copied());
        let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
        let (beta, outcomes) = self.past(account);
        let kept = self.sums.beta(account, prices);
        assert_eq!(beta.is_some(), kept.is_some());
        for (own, kept) in beta.into_iter().flatten().zip(kept.into_iter().flatten()) {
            assert!(near(own, kept.to_f64()), "{own} {kept}");
        }
        let kept = self.sums.outcomes(account, prices);
        assert_eq!(outcomes.is_some(), kept.is_some());
        for ((books, mut are_whole), kept) in outcomes.into_iter().zip(kept) {
            are_whole.reverse();
            assert_eq!(are_whole, kept.whole);
            for (own, kept) in books.iter().zip(&kept.books) {
                assert_eq!(own.len(), kept.len());
                let mut both = own.iter().zip(kept.iter().rev());
                assert!(both.all(|(own, kept)| near(*own, *kept)), "{own:?} {kept:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn sums_do_not_depend_on_the_way_to_them(flow in prop::collection::vec(happens(), 1..60)) {
        let mut model = Model::default();
        let per_share = Price::from_raw(Price::ONE_RAW / 200);
        model.sums.fee =
            FeeModel { per_share, min: crate::domain::Money::from_raw(1_000_000), ..FeeModel::default() };
        for at in 0..3 {
            let sector = if at < 2 { "tech" } else { "" };
            let known = Instrument { sector: sector.into(), ..Instrument::with_defaults(instrument(at)) };
            model.sums.define(&known);
            model.known.push(known);
        }
        for what in flow {
            model.take(what);
            prop_assert_eq!(&model.sums, &model.scratch());
            (0..2).for_each(|at| model.check_past(account(at)));
        }
    }
}

#[test]
fn a_group_counts_its_largest_order_and_what_only_reduces_no_more_than_the_position() {
    let mut sums = Sums::default();
    let (one, name) = (account(0), instrument(0));
    sums.set_last(name, price(100));
    sums.set_position(one, name, quantity(10));
    sums.add(&order(0, false, 10, Some(110), Some(1), false));
    sums.add(&order(6, false, 8, Some(90), Some(1), false));
    let prices = Prices::all(Some(price(100)));
    let sides = |sums: &Sums| sums.names(one, |_| prices).next().unwrap().1.unwrap();
    assert_eq!(sides(&sums).sells, quantity(10));
    assert_eq!(sides(&sums).sell_value, "1100".parse().unwrap());
    let mut sums = Sums::default();
    sums.set_position(one, name, quantity(10));
    sums.add(&order(0, false, 25, Some(110), None, true));
    assert_eq!(sides(&sums).sells, quantity(10));
    sums.set_position(one, name, quantity(3));
    assert_eq!(sides(&sums).sells, quantity(3));
}
