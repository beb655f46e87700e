//! By which price an account's stops, touches and trailing stops go.

use super::*;
use crate::domain::event::Fill;
use crate::domain::{Order, OrderType, Trail};

const ALL: [TriggerType; 4] =
    [TriggerType::Last, TriggerType::BidAsk, TriggerType::Mid, TriggerType::DoubleLast];

/// A desk whose triggers go by `by`, and a last price of 100.
fn desk(by: TriggerType) -> Desk {
    let mut desk = Desk::triggered_by(&Calendars::bundled().unwrap(), "100000", true, by);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk
}

fn waits(id: &str, side: Side, order_type: OrderType, level: i64) -> OrderSpec {
    let plain = Desk::order(id, "AAA", side, 10, None);
    OrderSpec { order_type, trigger_price: Some(cents(level)), tif: TimeInForce::Gtc, ..plain }
}

fn trails(id: &str, side: Side, by: i64) -> OrderSpec {
    let trail = Some(Trail::Amount(cents(by)));
    OrderSpec { trail, trigger_price: None, ..waits(id, side, OrderType::TrailingStop, 1) }
}

impl Desk {
    fn quoted(&mut self, bid: i64, ask: i64) -> Vec<EventBody> {
        self.shown(bid, ask, 1_000)
    }

    fn shown(&mut self, bid: i64, ask: i64, shares: i64) -> Vec<EventBody> {
        let size = Quantity::from_whole(shares).unwrap();
        let (instrument, time) = (instrument("AAA"), self.now.plus_millis(700));
        let (bid, ask) = (cents(bid), cents(ask));
        self.market(&MarketEvent::Quote(Quote { instrument, time, bid, ask, bid_size: size, ask_size: size }))
    }

    fn printed(&mut self, price: i64) -> Vec<EventBody> {
        let (instrument, time) = (instrument("AAA"), self.now.plus_millis(700));
        let (price, size) = (cents(price), Quantity::from_whole(100).unwrap());
        self.market(&MarketEvent::Trade(Trade { instrument, time, price, size }))
    }

    fn of(&self, id: &str) -> &Order {
        self.engine.state().orders().get("A".parse().unwrap(), id.parse().unwrap()).unwrap()
    }
}

fn fills(bodies: Vec<EventBody>) -> Vec<Fill> {
    let fill = |body| if let EventBody::Fill(fill) = body { Some(fill) } else { None };
    bodies.into_iter().filter_map(fill).collect()
}

/// What sets off an order: a market of quotes (bid, ask) and prints (one price), and at which of them it was.
fn set_off_at(by: TriggerType, order: &OrderSpec, market: &[&[i64]]) -> Option<usize> {
    let mut desk = desk(by);
    desk.quoted(9_990, 10_010);
    desk.submit(order.clone());
    assert_eq!(desk.of(order.id.as_str()).status, OrderStatus::Accepted, "{by:?}");
    let found = market.iter().position(|told| {
        match told {
            [bid, ask] => drop(desk.quoted(*bid, *ask)),
            [price] => drop(desk.printed(*price)),
            other => panic!("{other:?}"),
        }
        desk.of(order.id.as_str()).triggered
    });
    desk.check(&Calendars::bundled().unwrap());
    found
}

#[test]
fn each_source_is_heard_and_no_other() {
    use OrderType::{MarketIfTouched, Stop};
    // A spread of 40 cents that moves up past 101, then prints there.
    let up: [&[i64]; 6] =
        [&[10_060, 10_100], &[10_080, 10_120], &[10_100, 10_140], &[10_110], &[10_090], &[10_120]];
    let down: [&[i64]; 6] = [&[9_900, 9_940], &[9_880, 9_920], &[9_860, 9_900], &[9_890], &[9_910], &[9_880]];
    for (side, kind, level, market, by_side) in [
        (Side::Buy, Stop, 10_100, &up, 0),
        (Side::Sell, Stop, 9_900, &down, 0),
        (Side::Buy, MarketIfTouched, 9_900, &down, 2),
        (Side::Sell, MarketIfTouched, 10_100, &up, 2),
    ] {
        let order = waits("o", side, kind, level);
        let found = ALL.map(|by| set_off_at(by, &order, market));
        // The print before the last one is short of the level: two in a row never come.
        assert_eq!(found, [Some(3), Some(by_side), Some(1), None], "{side:?} {kind}");
        let twice: Vec<&[i64]> = market.iter().copied().chain([market[3]]).collect();
        assert_eq!(set_off_at(TriggerType::DoubleLast, &order, &twice), Some(6), "{side:?} {kind}");
    }
}

#[test]
fn what_it_is_set_off_by_it_takes_at_the_quote_and_once() {
    let mut desk = desk(TriggerType::BidAsk);
    desk.quoted(9_990, 10_010);
    desk.submit(waits("s", Side::Buy, OrderType::Stop, 10_100));
    let filled = fills(desk.quoted(10_080, 10_105));
    assert_eq!(
        filled.iter().map(|f| (f.price, f.quantity)).collect::<Vec<_>>(),
        [(cents(10_105), filled[0].quantity)]
    );
    assert_eq!(desk.of("s").status, OrderStatus::Filled);
    assert!(fills(desk.quoted(10_090, 10_120)).is_empty());
    // One with a limit rests from there on.
    let limited =
        OrderSpec { limit_price: Some(cents(10_150)), ..waits("l", Side::Buy, OrderType::StopLimit, 10_200) };
    desk.submit(limited);
    assert!(fills(desk.quoted(10_190, 10_210)).is_empty());
    assert_eq!(desk.of("l").status, OrderStatus::Triggered);
    assert_eq!(fills(desk.quoted(10_120, 10_140))[0].price, cents(10_140));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn what_has_no_limit_goes_on_as_a_market_order_and_is_never_triggered() {
    let orders = [
        waits("s", Side::Buy, OrderType::Stop, 10_100),
        waits("s", Side::Buy, OrderType::MarketIfTouched, 9_900),
        trails("s", Side::Buy, 50),
    ];
    for (order, print) in orders.into_iter().zip([10_110, 9_890, 10_110]) {
        let mut desk = desk(TriggerType::Last);
        let whole = |shares| Quantity::from_whole(shares).unwrap();
        desk.submit(OrderSpec { quantity: whole(150), ..order });
        // No quote stands: it is set off, and waits for one.
        let told = desk.printed(print);
        assert!(matches!(told[..], [EventBody::OrderTriggered { .. }]), "{told:?}");
        assert_eq!((desk.of("s").status, desk.of("s").triggered), (OrderStatus::Accepted, true));
        desk.printed(10_000);
        desk.rebuilds(&Calendars::bundled().unwrap());
        // It takes what is there, wherever that is by now, and the rest as it comes.
        assert_eq!(fills(desk.shown(9_990, 10_010, 100)).len(), 1);
        assert_eq!((desk.of("s").status, desk.of("s").filled), (OrderStatus::PartiallyFilled, whole(100)));
        assert_eq!(fills(desk.shown(9_990, 10_020, 100))[0].quantity, whole(50));
        assert_eq!(desk.of("s").status, OrderStatus::Filled);
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn a_crossed_an_empty_and_a_stale_quote_set_nothing_off() {
    let order = waits("s", Side::Sell, OrderType::Stop, 9_900);
    for by in [TriggerType::BidAsk, TriggerType::Mid] {
        let market: [&[i64]; 3] = [&[9_800, 9_800], &[9_850, 9_800], &[0, 9_800]];
        assert_eq!(set_off_at(by, &order, &market), None, "{by:?}");
        assert_eq!(set_off_at(by, &order, &[&[9_800, 9_810]]), Some(0), "{by:?}");
    }
    let mut desk = desk(TriggerType::BidAsk);
    let venue = crate::domain::venue::VenueModel { stale_after_ms: Some(15_000), ..Default::default() };
    desk.give(Command::Configure(venue));
    desk.quoted(9_800, 9_810);
    desk.now = desk.now.plus_millis(15_001);
    // The last price is 100, and that is what is known.
    desk.submit(order);
    assert_eq!(desk.of("s").status, OrderStatus::Accepted);
    assert!(!desk.of("s").triggered);
}

#[test]
fn a_stop_is_refused_where_the_price_it_goes_by_has_passed_it() {
    for (by, status) in ALL.into_iter().zip([
        OrderStatus::Accepted,
        OrderStatus::Denied,
        OrderStatus::Accepted,
        OrderStatus::Accepted,
    ]) {
        let mut desk = desk(by);
        desk.quoted(9_960, 10_030);
        desk.submit(waits("s", Side::Buy, OrderType::Stop, 10_020));
        assert_eq!(desk.of("s").status, status, "{by:?}");
    }
}

#[test]
fn a_touched_order_takes_a_quote_that_stands_at_its_level_when_it_is_given() {
    let mut desk = desk(TriggerType::BidAsk);
    desk.quoted(9_850, 9_880);
    let filled = fills(desk.submit(waits("m", Side::Buy, OrderType::MarketIfTouched, 9_900)));
    assert_eq!(filled.iter().map(|f| f.price).collect::<Vec<_>>(), [cents(9_880)]);
}

#[test]
fn a_trailing_stop_follows_the_price_it_goes_by() {
    let stops = |by| {
        let mut desk = desk(by);
        desk.quoted(9_990, 10_010);
        desk.submit(trails("t", Side::Sell, 100));
        let mut stops = vec![desk.of("t").stop.unwrap()];
        let market: [&[i64]; 6] =
            [&[10_040, 10_060], &[10_100], &[10_080], &[10_020, 10_040], &[9_960, 9_980], &[9_970]];
        for told in market {
            match told {
                [bid, ask] => drop(desk.quoted(*bid, *ask)),
                [price] => drop(desk.printed(*price)),
                _ => unreachable!(),
            }
            if desk.of("t").triggered {
                break;
            }
            stops.push(desk.of("t").stop.unwrap());
        }
        desk.check(&Calendars::bundled().unwrap());
        stops
    };
    let all = |levels: &[i64]| levels.iter().map(|level| cents(*level)).collect::<Vec<_>>();
    // From 100: a print at 101 moves it to 100, and one at 99.70 sets it off.
    assert_eq!(stops(TriggerType::Last), all(&[9_900, 9_900, 10_000, 10_000, 10_000, 10_000]));
    // From a bid of 99.90, up with the one of 100.40; the last bid stands above it.
    assert_eq!(stops(TriggerType::BidAsk), all(&[9_890, 9_940, 9_940, 9_940, 9_940, 9_940, 9_940]));
    assert_eq!(stops(TriggerType::Mid), all(&[9_900, 9_950, 9_950, 9_950, 9_950, 9_950, 9_950]));
    // What two prints agree on: 100.80.
    assert_eq!(stops(TriggerType::DoubleLast), all(&[9_900, 9_900, 9_900, 9_980, 9_980, 9_980, 9_980]));
}

#[test]
fn two_prints_in_a_row_are_both_since_the_order_works() {
    let mut desk = desk(TriggerType::DoubleLast);
    desk.quoted(9_990, 10_010);
    desk.printed(10_010);
    desk.now = desk.now.plus_millis(10);
    desk.submit(waits("s", Side::Buy, OrderType::Stop, 10_020));
    desk.printed(10_030);
    assert!(!desk.of("s").triggered, "the first");
    // Changed, it begins anew.
    desk.now = desk.now.plus_millis(10);
    let (account, id) = ("A".parse().unwrap(), "s".parse().unwrap());
    let trigger_price = Some(cents(10_040));
    desk.give(Command::Amend { account, id, quantity: None, limit_price: None, trigger_price });
    desk.printed(10_050);
    assert!(!desk.of("s").triggered, "the first of the new level");
    assert_eq!(fills(desk.printed(10_040)).len(), 1);
}

#[test]
fn on_bars_all_go_by_the_path() {
    let outcomes = ALL.map(|by| {
        let mut desk = desk(by);
        desk.submit(waits("s", Side::Buy, OrderType::Stop, 10_100));
        desk.submit(waits("m", Side::Buy, OrderType::MarketIfTouched, 9_900));
        desk.submit(trails("t", Side::Sell, 150));
        let filled = fills(desk.bar("AAA", 1, [10_000, 10_120, 9_890, 9_950], 1_000_000));
        filled.into_iter().map(|fill| (fill.id, fill.price)).collect::<Vec<_>>()
    });
    assert_eq!(outcomes[0].len(), 3);
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
}

#[test]
fn an_account_that_goes_by_the_last_print_is_written_as_before() {
    for by in ALL {
        let opened = encode(&desk(by).events[0]).unwrap();
        let written = format!("\"trigger\":\"{}\"", by.as_str());
        assert_eq!(opened.contains(&written), by != TriggerType::Last, "{opened}");
        assert!(by != TriggerType::Last || !opened.contains("trigger"), "{opened}");
    }
}
