//! A session told by minutes as well: orders match on them, and the auctions, the close and the volume are the day's.

use super::*;
use crate::domain::event::Fill;
use crate::domain::{OrderType, RefusalCode};

const OPEN: &str = "2024-03-06T14:30:00Z";
const CLOSE: &str = "2024-03-06T21:00:00Z";

/// Symbol, prices and volume.
type Told<'t> = (&'t str, [i64; 4], i64);

/// A desk after a session at 100 and 50 that holds shares of AAA.
fn desk(cash: &str, shares: i64) -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), cash, false);
    let flat = [("AAA", [10_000; 4], 1_000_000), ("BBB", [5_000; 4], 1_000_000)];
    desk.bars(&flat, 1);
    desk.submit(Desk::order("held", "AAA", Side::Buy, shares, None));
    desk.bars(&flat, 389);
    assert_eq!(desk.status("held"), OrderStatus::Filled);
    desk
}

fn bar(from: UnixNanos, to: UnixNanos, (symbol, prices, volume): &Told<'_>) -> Bar {
    let [open, high, low, close] = prices.map(cents);
    let volume = Volume::from_whole(*volume).unwrap();
    Bar { instrument: instrument(symbol), from, to, open, high, low, close, volume }
}

/// The minute that begins so many minutes after the open.
fn minute(at: i64) -> UnixNanos {
    OPEN.parse::<UnixNanos>().unwrap().plus_nanos(at * 60_000_000_000)
}

impl Desk {
    /// Plays the session after, with minutes of it.
    fn session(&mut self, days: &[Told<'_>], minutes: &[(i64, Told<'_>)]) -> Vec<EventBody> {
        let (open, close) = (OPEN.parse().unwrap(), CLOSE.parse().unwrap());
        let bars = days.iter().map(|day| bar(open, close, day)).collect();
        let finer = minutes.iter().map(|(at, told)| bar(minute(*at), minute(at + 1), told)).collect();
        self.market(&MarketEvent::Day { bars, finer })
    }

    fn time_of(&self, wanted: impl Fn(&EventBody) -> bool) -> UnixNanos {
        self.events.iter().rfind(|event| wanted(&event.body)).unwrap().t
    }
}

fn exit(id: &str, kind: OrderType, price: i64) -> OrderSpec {
    let price = Some(cents(price));
    let (limit_price, trigger_price) = if kind == OrderType::Limit { (price, None) } else { (None, price) };
    OrderSpec {
        order_type: kind,
        limit_price,
        trigger_price,
        oco: Some("g".parse().unwrap()),
        ..Desk::order(id, "AAA", Side::Sell, 100, None)
    }
}

fn fills(bodies: &[EventBody]) -> Vec<(String, i64, Price)> {
    let fill = |body: &EventBody| if let EventBody::Fill(fill) = body { Some(told(fill)) } else { None };
    bodies.iter().filter_map(fill).collect()
}

fn told(fill: &Fill) -> (String, i64, Price) {
    (fill.id.to_string(), fill.quantity.raw() / Quantity::ONE_RAW, fill.price)
}

const WIDE: Told<'_> = ("AAA", [10_000, 10_600, 9_400, 10_100], 1_000_000);

#[test]
fn minutes_tell_which_of_a_stop_and_a_target_came_first() {
    let up = (3, ("AAA", [10_000, 10_600, 10_000, 10_500], 10_000));
    let down = (200, ("AAA", [10_400, 10_400, 9_400, 9_500], 10_000));
    let back = (201, ("AAA", [9_500, 10_100, 9_500, 10_100], 10_000));
    let swapped = [(200, up.1), (3, ("AAA", [10_000, 10_000, 9_400, 9_500], 10_000))];
    for (minutes, id, price, at) in [
        (&[up, down, back][..], "target", 10_500, 4),
        (&swapped[..], "stop", 9_500, 4),
        (&[][..], "stop", 9_500, 390),
    ] {
        let mut desk = desk("1000000", 100);
        desk.submit(exit("target", OrderType::Limit, 10_500));
        desk.submit(exit("stop", OrderType::Stop, 9_500));
        let filled = fills(&desk.session(&[WIDE], minutes));
        assert_eq!(filled, [(id.to_owned(), 100, cents(price))]);
        assert_eq!(desk.time_of(|body| matches!(body, EventBody::Fill(_))), minute(at));
        assert_eq!(desk.engine.state().view().last(instrument("AAA")).unwrap().price, cents(10_100));
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn auctions_and_the_mark_are_the_days() {
    let mut desk = desk("1000000", 100);
    for (id, kind) in [("open", OrderType::MarketOnOpen), ("close", OrderType::MarketOnClose)] {
        desk.submit(OrderSpec { order_type: kind, ..Desk::order(id, "AAA", Side::Buy, 500, None) });
    }
    let limited = |id: &str, kind, limit| OrderSpec {
        order_type: kind,
        ..Desk::order(id, "AAA", Side::Buy, 10, Some(limit))
    };
    desk.submit(limited("loo", OrderType::LimitOnOpen, 9_990));
    desk.submit(limited("loc", OrderType::LimitOnClose, 10_110));
    // Minutes that begin and end elsewhere, with less volume than the auctions ask for.
    let minutes = [(0, ("AAA", [9_900, 10_600, 9_400, 9_900], 1_000)), (389, ("AAA", [9_950; 4], 1_000))];
    let bodies = desk.session(&[WIDE], &minutes);
    let auctions = [("open", 500, 10_000), ("close", 500, 10_100), ("loc", 10, 10_100)];
    assert_eq!(fills(&bodies), auctions.map(|(id, n, price)| (id.to_owned(), n, cents(price))));
    assert_eq!(desk.status("loo"), OrderStatus::Expired);
    let times: Vec<UnixNanos> =
        desk.events.iter().filter(|e| matches!(e.body, EventBody::Fill(_))).map(|e| e.t).skip(1).collect();
    let close = CLOSE.parse().unwrap();
    assert_eq!(times, [OPEN.parse().unwrap(), close, close]);
    // The day begins with a mark at its open, and ends with one.
    let marks = bodies.iter().filter(|body| matches!(body, EventBody::Marked { .. })).count();
    assert_eq!((marks, desk.time_of(|body| matches!(body, EventBody::Marked { .. }))), (2, close));
    assert_eq!(desk.engine.state().market_time(instrument("AAA").exchange), Some(close));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_minute_gives_its_share_and_all_of_them_no_more_than_the_days() {
    let mut desk = desk("1000000", 100);
    desk.submit(Desk::order("big", "AAA", Side::Buy, 5_000, None));
    let minutes: Vec<(i64, Told<'_>)> = [40_000, 0, 60_000, 40_000]
        .into_iter()
        .enumerate()
        .map(|(n, volume)| (n as i64, ("AAA", [10_000; 4], volume)))
        .collect();
    // 2.5 % of 80,000 is 2,000: 1,000 of the first minute, the rest of the third.
    let filled = fills(&desk.session(&[("AAA", [10_000; 4], 80_000)], &minutes));
    assert_eq!(filled.iter().map(|(_, shares, _)| *shares).collect::<Vec<_>>(), [1_000, 1_000]);
    assert_eq!(desk.time_of(|body| matches!(body, EventBody::Fill(_))), minute(3));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn names_without_minutes_are_played_by_the_day_and_lists_go_over_both() {
    let days = [
        ("AAA", [10_000, 10_100, 9_900, 10_000], 1_000_000),
        ("BBB", [5_000, 5_100, 4_900, 5_050], 1_000_000),
    ];
    let minutes = |symbol, prices| [(0, (symbol, prices, 500_000)), (5, (symbol, prices, 500_000))];
    for minutes in [
        vec![],
        minutes("BBB", [5_010, 5_100, 4_900, 5_050]).to_vec(),
        minutes("AAA", [10_000, 10_100, 9_900, 10_000]).to_vec(),
    ] {
        let mut desk = desk("10000", 100);
        desk.submit_list(vec![
            Desk::order("B1", "BBB", Side::Buy, 100, None),
            Desk::order("S1", "AAA", Side::Sell, 60, None),
        ]);
        assert!(
            desk.engine.state().orders().open().values().any(|o| o.code == Some(RefusalCode::WaitsForSells))
        );
        let filled = fills(&desk.session(&days, &minutes));
        // What waited for a sell that only the day's bar tells fills where it would have without minutes.
        let wanted =
            [("S1", 60, 10_000), ("B1", 100, 5_000)].map(|(id, n, price)| (id.to_owned(), n, cents(price)));
        assert_eq!(filled, wanted, "{minutes:?}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

/// A sell of AAA and a buy of BBB that it is to pay for, played with minutes; what filled, at which minute's end.
fn paid_for(sell: OrderSpec, buy: OrderSpec, minutes: &[(i64, Told<'_>)]) -> Vec<(String, Price, UnixNanos)> {
    let mut desk = desk("10000", 100);
    desk.submit_list(vec![buy, sell]);
    assert_eq!(desk.status("B1"), OrderStatus::Held);
    let days = [
        ("AAA", [10_000, 10_200, 9_900, 10_050], 1_000_000),
        ("BBB", [5_000, 5_100, 4_900, 5_050], 1_000_000),
    ];
    desk.session(&days, minutes);
    desk.check(&Calendars::bundled().unwrap());
    let filled = desk.events.iter().filter_map(|event| match &event.body {
        EventBody::Fill(fill) => Some((fill.id.to_string(), fill.price, event.t)),
        _ => None,
    });
    filled.skip(1).collect()
}

const AAA_MINUTES: [(i64, Told<'_>); 2] =
    [(5, ("AAA", [10_000, 10_200, 9_900, 10_000], 500_000)), (200, ("AAA", [10_000; 4], 500_000))];
const BBB_MINUTES: [(i64, Told<'_>); 2] =
    [(5, ("BBB", [5_010, 5_100, 4_900, 5_020], 500_000)), (200, ("BBB", [5_030; 4], 500_000))];

#[test]
fn a_buy_that_waits_for_a_sell_at_the_close_fills_no_sooner() {
    let sell = || OrderSpec {
        order_type: OrderType::MarketOnClose,
        ..Desk::order("S1", "AAA", Side::Sell, 60, None)
    };
    let buy = |kind| OrderSpec { order_type: kind, ..Desk::order("B1", "BBB", Side::Buy, 100, None) };
    let limited = |limit| Desk::order("B1", "BBB", Side::Buy, 100, Some(limit));
    let close: UnixNanos = CLOSE.parse().unwrap();
    let sold = ("S1".to_owned(), cents(10_050), close);
    for minutes in [&[][..], &AAA_MINUTES, &BBB_MINUTES, &[AAA_MINUTES, BBB_MINUTES].concat()] {
        let bought = vec![sold.clone(), ("B1".to_owned(), cents(5_050), close)];
        assert_eq!(paid_for(sell(), buy(OrderType::Market), minutes), bought, "{minutes:?}");
        assert_eq!(paid_for(sell(), buy(OrderType::MarketOnClose), minutes), bought);
        assert_eq!(paid_for(sell(), limited(5_060), minutes), bought, "the close is through its limit");
        assert_eq!(paid_for(sell(), limited(5_000), minutes), bought[..1], "the low was before");
        assert_eq!(paid_for(sell(), buy(OrderType::MarketOnOpen), minutes), bought[..1]);
    }
}

#[test]
fn a_buy_that_waits_for_a_sell_within_a_bar_fills_after_it() {
    let sell = Desk::order("S1", "AAA", Side::Sell, 60, Some(10_100));
    let buy = Desk::order("B1", "BBB", Side::Buy, 100, None);
    let (sixth, close) = (minute(6), CLOSE.parse().unwrap());
    for (minutes, sold, price, bought) in [
        // Of two days nobody knows which came where first: only the close is surely after.
        (vec![], close, 5_050, close),
        (BBB_MINUTES.to_vec(), close, 5_050, close),
        (AAA_MINUTES.to_vec(), sixth, 5_050, close),
        // The same of two minutes.
        ([AAA_MINUTES, BBB_MINUTES].concat(), sixth, 5_020, sixth),
        ([&AAA_MINUTES[..], &BBB_MINUTES[1..]].concat(), sixth, 5_030, minute(201)),
    ] {
        let wanted = [("S1".to_owned(), cents(10_100), sold), ("B1".to_owned(), cents(price), bought)];
        assert_eq!(paid_for(sell.clone(), buy.clone(), &minutes), wanted, "{minutes:?}");
    }
}

#[test]
fn time_passes_between_minutes() {
    let mut desk = desk("1000000", 100);
    let noon: UnixNanos = "2024-03-06T17:00:00Z".parse().unwrap();
    let until = OrderSpec {
        tif: TimeInForce::Gtd,
        expire_at: Some(noon),
        ..Desk::order("until", "AAA", Side::Buy, 10, Some(9_500))
    };
    desk.submit(until);
    let entry = Desk::order("entry", "AAA", Side::Buy, 10, Some(9_900));
    let target = OrderSpec {
        parent: Some("entry".parse().unwrap()),
        ..Desk::order("target", "AAA", Side::Sell, 10, Some(10_300))
    };
    desk.submit_list(vec![entry, target]);
    let minutes = [
        (10, ("AAA", [10_000, 10_600, 9_800, 10_000], 100_000)),
        (20, ("AAA", [10_000, 10_400, 10_000, 10_200], 100_000)),
        (300, ("AAA", [10_000, 10_000, 9_400, 10_100], 100_000)),
    ];
    let filled = fills(&desk.session(&[WIDE], &minutes));
    // The target works from the minute after its entry's on; the order until noon is over when its price comes.
    assert_eq!(filled, [("entry".to_owned(), 10, cents(9_900)), ("target".to_owned(), 10, cents(10_300))]);
    assert_eq!(desk.status("until"), OrderStatus::Expired);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_bar_is_played_once() {
    let mut desk = desk("1000000", 100);
    let told = ("AAA", [10_000; 4], 10_000);
    let first = bar(minute(0), minute(1), &told);
    desk.submit(Desk::order("first", "AAA", Side::Buy, 1_000, None));
    let got = fills(&desk.market(&MarketEvent::Bars(vec![first])));
    assert_eq!(got.len(), 1, "a part of it");
    assert_eq!(fills(&desk.market(&MarketEvent::Bars(vec![first]))), [], "the same bar again");
    let over = bar(minute(0), minute(2), &told);
    assert_eq!(
        fills(&desk.market(&MarketEvent::Bars(vec![over]))),
        [],
        "it begins before the last one ended"
    );
    let next = bar(minute(2), minute(3), &told);
    assert_eq!(fills(&desk.market(&MarketEvent::Bars(vec![next]))), got, "the next has its own budget");
}

#[test]
fn a_bar_that_comes_twice_at_once_is_played_once() {
    let mut desk = desk("1000000", 100);
    let told = ("AAA", [10_000; 4], 10_000);
    let first = bar(minute(0), minute(1), &told);
    let within = Bar { from: minute(0).plus_nanos(30_000_000_000), ..first };
    desk.submit(Desk::order("first", "AAA", Side::Buy, 1_000, None));
    let got = fills(&desk.market(&MarketEvent::Bars(vec![first, first, within])));
    assert_eq!(got, [("first".to_owned(), 250, cents(10_000))]);
    let other = bar(minute(1), minute(2), &("BBB", [5_000; 4], 10_000));
    let next = bar(minute(1), minute(2), &told);
    assert_eq!(
        fills(&desk.market(&MarketEvent::Bars(vec![next, other, next]))),
        got,
        "whatever lies between"
    );
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_session_or_a_minute_of_it_that_comes_twice_is_played_once() {
    for minutes in [vec![], vec![(0, ("AAA", [10_000; 4], 40_000))]] {
        let play = |times: usize| {
            let mut desk = desk("1000000", 100);
            desk.submit(Desk::order("big", "AAA", Side::Buy, 5_000, None));
            for (id, kind) in [("open", OrderType::MarketOnOpen), ("close", OrderType::MarketOnClose)] {
                desk.submit(OrderSpec { order_type: kind, ..Desk::order(id, "AAA", Side::Buy, 700, None) });
            }
            let days = [("AAA", [10_000; 4], 80_000)].repeat(times);
            let filled = fills(&desk.session(&days, &minutes.repeat(times)));
            desk.check(&Calendars::bundled().unwrap());
            filled
        };
        let once = play(1);
        assert_eq!(once.iter().map(|(_, shares, _)| shares).sum::<i64>(), 2_000, "{once:?}");
        assert_eq!(play(2), once);
    }
}
