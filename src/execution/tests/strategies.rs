//! What strategies hold of an account: hand figures, and random flow against a model that goes share by share.

use super::*;
use crate::domain::RefusalCode;
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, LimitTerms, Scope, WorkingOrders};
use crate::risk::{DayProfits, utilisation};

const FLAT: [i64; 4] = [10_000; 4];

fn whole(shares: i64) -> Quantity {
    Quantity::from_whole(shares).unwrap()
}

fn desk() -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", true);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk
}

impl Desk {
    /// An order of a strategy (of none, where it is empty) at the market; filled by the next bar.
    fn order_of(&mut self, strategy: &str, side: Side, shares: i64) -> Vec<EventBody> {
        let id = format!("o{}", self.events.len());
        let order = Desk::order(&id, "AAA", side, shares, None);
        self.submit(OrderSpec { strategy: strategy.parse().ok(), ..order })
    }

    /// The same, filled at 100.
    fn trade(&mut self, strategy: &str, side: Side, shares: i64) {
        self.order_of(strategy, side, shares);
        self.bar("AAA", 1, FLAT, 1_000_000);
    }

    fn holds(&self, strategy: &str, symbol: &str) -> String {
        let state = self.engine.state();
        let (account, strategy) = ("A".parse().unwrap(), strategy.parse().unwrap());
        state.strategies().quantity(account, strategy, instrument(symbol)).to_string()
    }

    /// What `s1` and `s2` hold of AAA, and the account.
    fn all(&self) -> [String; 3] {
        let account = &self.engine.state().accounts()[&"A".parse().unwrap()];
        [self.holds("s1", "AAA"), self.holds("s2", "AAA"), account.quantity(instrument("AAA")).to_string()]
    }

    fn made(&self, strategy: &str) -> String {
        let made = self.engine.state().of_strategy("A".parse().unwrap(), strategy.parse().unwrap());
        made.map_or("unknown".into(), |made| made.to_string())
    }

    fn limit_strategy(&mut self, name: &str, hard: &str) {
        let told = self.give(Command::SetLimit(LimitDraft {
            name: name.parse().unwrap(),
            scope: "strategy:s1".parse().unwrap(),
            hard: Some(hard.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
        assert!(matches!(told[..], [EventBody::LimitApproved { .. }]), "{told:?}");
    }
}

fn refused(told: &[EventBody]) -> Option<(RefusalCode, String, String)> {
    told.iter().find_map(|t| match t {
        EventBody::OrderDenied { refusal, .. } => {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            Some((refusal.code, text(&refusal.observed), text(&refusal.threshold)))
        }
        _ => None,
    })
}

#[test]
fn an_order_beyond_what_its_strategy_may_hold_is_refused_and_another_strategys_is_not() {
    let mut desk = desk();
    desk.limit_strategy("max_gross_exposure", "0.5");
    desk.trade("s2", Side::Buy, 300);
    desk.trade("s1", Side::Buy, 400);
    let more = desk.order_of("s1", Side::Buy, 101);
    assert_eq!(refused(&more), Some((RefusalCode::GrossExposure, "0.501".into(), "0.5".into())));
    assert_eq!(refused(&desk.order_of("s1", Side::Buy, 100)), None);
    assert!(refused(&desk.order_of("s1", Side::Buy, 1)).is_some(), "what is ordered counts as what is held");
    assert_eq!(refused(&desk.order_of("s2", Side::Buy, 101)), None);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let state = desk.engine.state();
    let uses = utilisation(&state.book("A".parse().unwrap(), desk.now).unwrap(), state.limits());
    assert_eq!(uses[0].observed, "0.5");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_order_without_a_strategy_closes_what_is_unattributed_first_and_leaves_nothing_where_it_closes_all() {
    let mut desk = desk();
    desk.trade("", Side::Buy, 20);
    desk.trade("s2", Side::Buy, 30);
    desk.trade("s1", Side::Buy, 40);
    assert_eq!(desk.all(), ["40", "30", "90"]);
    desk.trade("", Side::Sell, 25);
    assert_eq!(desk.all(), ["35", "30", "65"], "20 of nobody's, 5 of the first by name");
    desk.trade("", Side::Sell, 40);
    assert_eq!(desk.all(), ["0", "25", "25"]);
    desk.trade("s1", Side::Sell, 60);
    assert_eq!(desk.all(), ["-60", "25", "-35"], "its own fills are its own, whatever the account holds");
    desk.trade("", Side::Buy, 10);
    assert_eq!(desk.all(), ["-50", "25", "-25"], "what closes a short takes it from who is short");
    desk.trade("", Side::Buy, 35);
    assert_eq!(desk.all(), ["0", "0", "10"], "all of it is closed, and the rest opens");
    desk.check(&Calendars::bundled().unwrap());

    desk.trade("s1", Side::Buy, 40);
    desk.give(Command::Flatten { scope: Scope::Firm, reason: "out".into() });
    desk.bar("AAA", 1, FLAT, 1_000_000);
    assert_eq!(desk.all(), ["0", "0", "0"]);
    let halt = Command::Flatten { scope: "strategy:s1".parse().unwrap(), reason: "out".into() };
    let told = desk.give(halt);
    assert!(matches!(&told[..], [EventBody::ControlRejected { .. }]), "{told:?}");
    assert!(desk.engine.state().halts().values().all(|halt| halt.mode != HaltMode::Halted));
}

#[test]
fn a_split_changes_each_holding_and_a_fraction_leaves_those_that_hold_one() {
    let mut desk = desk();
    desk.trade("s1", Side::Buy, 5);
    desk.trade("s2", Side::Buy, 5);
    desk.split(1, 2);
    assert_eq!(desk.all(), ["2.5", "2.5", "5"], "together they have no fraction");
    let made = [desk.made("s1"), desk.made("s2")];
    assert_eq!(made, ["0.00", "0.00"]);
    desk.bar("AAA", 1, [20_000; 4], 1_000_000);
    desk.order_of("s1", Side::Buy, 2);
    desk.bar("AAA", 1, [20_000; 4], 1_000_000);
    desk.split(1, 3);
    // A third of 7 is 2.333333333: the first by name that holds a fraction gives what the account is paid for.
    assert_eq!(desk.all(), ["1.166666667", "0.833333333", "2"]);
    assert_eq!([desk.made("s1"), desk.made("s2")], ["0.00", "0.00"]);
    desk.rebuilds(&Calendars::bundled().unwrap());
}

#[test]
fn a_new_symbol_takes_over_what_strategies_hold_and_made() {
    let mut desk = desk();
    desk.bar("BBB", 1, FLAT, 1_000_000);
    desk.trade("s1", Side::Buy, 10);
    desk.submit(OrderSpec { strategy: "s1".parse().ok(), ..Desk::order("b", "BBB", Side::Buy, 4, None) });
    desk.bars(&[("BBB", FLAT, 1_000_000), ("AAA", [10_100; 4], 1_000_000)], 1);
    assert_eq!((desk.holds("s1", "BBB"), desk.made("s1")), ("4".into(), "10.00".into()));
    let (from, to, day) = (instrument("BBB"), instrument("AAA"), desk.now.to_datetime().date_naive());
    desk.market(&MarketEvent::SymbolChange { instrument: from, time: desk.now.plus_nanos(1), to, day });
    assert_eq!((desk.holds("s1", "AAA"), desk.holds("s1", "BBB")), ("14".into(), "0".into()));
    assert_eq!(desk.made("s1"), "14.00", "4 more that are at 101 now");
    desk.rebuilds(&Calendars::bundled().unwrap());
}

#[test]
fn a_days_loss_of_a_strategy_is_that_of_what_it_held_and_traded_today() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = desk();
    desk.limit_strategy("max_daily_loss", "149.99");
    desk.trade("s1", Side::Buy, 100);
    desk.trade("", Side::Buy, 50);
    desk.bar("AAA", 1, [9_900; 4], 1_000_000);
    assert_eq!([desk.made("s1"), desk.made("s2")], ["-100.00", "0.00"]);
    assert_eq!(refused(&desk.order_of("s1", Side::Buy, 1)), None, "it ends with the day");
    desk.next_day();
    desk.bar("AAA", 1, [9_800; 4], 1_000_000);
    assert_eq!(desk.made("s1"), "-100.00", "100 from 99 to 98; yesterday is over");
    desk.order_of("s1", Side::Sell, 60);
    desk.bar("AAA", 1, [9_750; 4], 1_000_000);
    assert_eq!(desk.made("s1"), "-150.00", "60 sold at 97.50, 40 are there");
    let more = desk.order_of("s1", Side::Buy, 1);
    assert_eq!(refused(&more), Some((RefusalCode::DailyLossLimit, "150.00".into(), "149.99".into())));
    assert_eq!(refused(&desk.order_of("s1", Side::Sell, 1)), None);
    // A dividend of the day, learned at noon, is for what was held when the day began.
    let held = Some(vec![("A".parse().unwrap(), whole(150))]);
    desk.market(&MarketEvent::Dividend {
        instrument: instrument("AAA"),
        time: desk.now,
        amount: "1".parse().unwrap(),
        ex_date: "2024-03-06".parse().unwrap(),
        pay_date: "2024-03-20".parse().unwrap(),
        held,
    });
    assert_eq!(desk.made("s1"), "-50.00", "a dollar for each of a hundred");
    desk.next_day();
    desk.bar("AAA", 1, [9_750; 4], 1_000_000);
    assert_eq!(desk.made("s1"), "0.00");
    desk.check(&calendars);
}

#[test]
fn what_strategies_hold_against_each_other_is_known_the_next_day() {
    let mut desk = desk();
    desk.trade("s1", Side::Buy, 10);
    desk.trade("s2", Side::Sell, 10);
    assert_eq!(desk.all(), ["10", "-10", "0"]);
    desk.bar("AAA", 1, [10_100; 4], 1_000_000);
    assert_eq!([desk.made("s1"), desk.made("s2")], ["10.00", "-10.00"]);
    desk.next_day();
    desk.bar("AAA", 1, [10_300; 4], 1_000_000);
    assert_eq!([desk.made("s1"), desk.made("s2")], ["20.00", "-20.00"]);
    desk.check(&Calendars::bundled().unwrap());
}

/// What may happen to a name in which two strategies and nobody trade.
#[derive(Debug, Clone)]
enum Happens {
    Order { strategy: usize, buys: bool, shares: i64 },
    Bar { price: i64, volume: i64 },
    Split,
    Dividend,
    Day,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        5 => (0..3_usize, any::<bool>(), 1..40_i64)
            .prop_map(|(strategy, buys, shares)| Happens::Order { strategy, buys, shares }),
        5 => (9_000..11_000_i64, 100..3_000_i64).prop_map(|(price, volume)| Happens::Bar { price, volume }),
        1 => Just(Happens::Split),
        1 => Just(Happens::Dividend),
        1 => Just(Happens::Day),
    ]
}

/// Shares of `s1`, `s2` and nobody, moved one by one.
#[derive(Debug, Default)]
struct Model {
    shares: [i64; 3],
}

impl Model {
    fn one(&mut self, strategy: usize, step: i64) {
        let position: i64 = self.shares.iter().sum();
        let against = |held: i64| held * step < 0;
        if strategy < 2 || !against(position) {
            self.shares[strategy] += step;
        } else {
            let closed = [2, 0, 1].into_iter().find(|at| against(self.shares[*at])).unwrap();
            self.shares[closed] += step;
            if position + step == 0 {
                self.shares = [0; 3];
            }
        }
    }
}

fn act_on(desk: &mut Desk, model: &mut Model, named: bool, what: Happens) {
    let before = desk.events.len();
    match what {
        Happens::Order { strategy, buys, shares } => {
            let side = if buys { Side::Buy } else { Side::Sell };
            desk.order_of(["s1", "s2", ""][if named { strategy % 2 } else { strategy }], side, shares);
        }
        Happens::Bar { price, volume } => drop(desk.bar("AAA", 1, [price; 4], volume)),
        Happens::Split if model.shares.iter().all(|held| held.abs() < 1_000) => {
            desk.split(2, 1);
            model.shares.iter_mut().for_each(|held| *held *= 2);
        }
        Happens::Split => {}
        Happens::Dividend => drop(desk.market(&MarketEvent::Dividend {
            instrument: instrument("AAA"),
            time: desk.now,
            amount: "1".parse().unwrap(),
            ex_date: desk.now.to_datetime().date_naive().succ_opt().unwrap(),
            pay_date: "2024-06-20".parse().unwrap(),
            held: None,
        })),
        Happens::Day => desk.next_day(),
    }
    let fills = desk.events[before..].iter().filter_map(|event| match &event.body {
        EventBody::Fill(fill) => Some(fill.clone()),
        _ => None,
    });
    for fill in fills {
        let order = desk.engine.state().orders().get(fill.account, fill.id).unwrap();
        let strategy = order.spec.strategy.map_or(2, |s| usize::from(s.as_str() == "s2"));
        let step = if fill.side == Side::Buy { 1 } else { -1 };
        (0..fill.quantity.raw() / Quantity::ONE_RAW).for_each(|_| model.one(strategy, step));
    }
}

/// Strategies and nobody hold together what the account holds; where each share is a strategy's, they made together what
/// the account's holdings made.
fn agrees(desk: &Desk, model: &Model, named: bool) {
    let own = model.shares.map(|held| whole(held).to_string());
    let position = whole(model.shares.iter().sum()).to_string();
    assert_eq!(desk.all(), [own[0].clone(), own[1].clone(), position]);
    let (name, state) = ("A".parse().unwrap(), desk.engine.state());
    let last = state.view().last(instrument("AAA")).map(|p| p.price);
    let made = |strategy: &str| state.of_strategy(name, strategy.parse().unwrap()).unwrap().raw();
    if named {
        let all = state.of_today(name, instrument("AAA"), last).unwrap().raw();
        assert_eq!(made("s1") + made("s2"), all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn strategies_and_nobody_hold_together_what_the_account_holds(
        flow in prop::collection::vec(happens(), 1..50),
        named in any::<bool>(),
    ) {
        let calendars = Calendars::bundled().unwrap();
        let mut desk = Desk::new(&calendars, "10000000", true);
        desk.give(Command::Configure(crate::domain::venue::VenueModel::home()));
        desk.bar("AAA", 1, FLAT, 1_000_000);
        let mut model = Model::default();
        for what in flow {
            act_on(&mut desk, &mut model, named, what);
            agrees(&desk, &model, named);
        }
        desk.rebuilds(&calendars);
    }
}
