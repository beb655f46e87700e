//! Minutes against trades, and longer bars against sums made in another way.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::*;
use crate::domain::Exchange;
use crate::domain::calendar::Calendars;
use crate::market::import::{Source, parse_scaled};
use crate::market::testing::shared;

fn at(text: &str) -> UnixNanos {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn shares(n: i64) -> Quantity {
    Quantity::from_whole(n).unwrap()
}

/// The rows of a file of minutes; times are those of `calendar`'s exchange.
fn minutes(file: &str, exchange: Exchange) -> Option<Vec<MinuteBar>> {
    let path = shared(&format!("market/intraday/{file}"))?;
    let mut text = String::new();
    Source::open(&path).unwrap().into_reader().unwrap().read_to_string(&mut text).unwrap();
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(exchange);
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let wall = chrono::NaiveDateTime::parse_from_str(fields[0], "%Y-%m-%d %H:%M:%S").unwrap();
        let p = |n: usize| Price::from_raw(parse_scaled(fields[n], 9).unwrap());
        MinuteBar {
            from: calendar.at_local(wall.date(), wall.time()).unwrap(),
            open: p(2),
            high: p(3),
            low: p(4),
            close: p(5),
            volume: Volume::from_raw(parse_scaled(fields[6], 3).unwrap()),
            trades: None,
        }
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// Bars by another way: a map of lists, each looked through as a whole.
fn by_hand(bars: &[MinuteBar], key: impl Fn(&MinuteBar) -> i64) -> Vec<(i64, [i64; 5])> {
    let mut lists: BTreeMap<i64, Vec<&MinuteBar>> = BTreeMap::new();
    for bar in bars {
        lists.entry(key(bar)).or_default().push(bar);
    }
    let whole = |list: &Vec<&MinuteBar>| {
        let high = list.iter().map(|b| b.high.raw()).max().unwrap();
        let low = list.iter().map(|b| b.low.raw()).min().unwrap();
        let volume = list.iter().map(|b| b.volume.raw()).sum();
        [list[0].open.raw(), high, low, list[list.len() - 1].close.raw(), volume]
    };
    lists.iter().map(|(key, list)| (*key, whole(list))).collect()
}

fn values(bars: &[MinuteBar], unit: i64) -> Vec<(i64, [i64; 5])> {
    let one = |b: &MinuteBar| [b.open.raw(), b.high.raw(), b.low.raw(), b.close.raw(), b.volume.raw()];
    bars.iter().map(|b| (b.from.nanos() / unit, one(b))).collect()
}

#[test]
fn a_month_of_minutes_makes_exact_hours_and_days() {
    let Some(bars) = minutes("btc_perp_1m_2022_01.csv.zst", Exchange::Sim) else { return };
    assert_eq!(bars.len(), 45_031);
    assert!(bars.windows(2).all(|pair| pair[1].from.since(pair[0].from) == MINUTE_NANOS));
    for (length, count) in [(5, 9_007), (15, 3_003), (60, 751), (1_440, 33)] {
        let unit = length * MINUTE_NANOS;
        let made = every(&bars, u32::try_from(length).unwrap());
        assert_eq!(made.len(), count, "{length}");
        assert_eq!(values(&made, unit), by_hand(&bars, |bar| bar.from.nanos() / unit), "{length}");
        assert!(made.iter().all(|bar| bar.from.nanos() % unit == 0));
    }
    // Hours of hours of minutes are the days of minutes.
    assert_eq!(every(&every(&bars, 60), 1_440), every(&bars, 1_440));
}

#[test]
fn four_sessions_of_an_index_are_four_bars() {
    let Some(bars) = minutes("spx_1m_2019_11_05_08.csv", Exchange::Xnys) else { return };
    assert_eq!(bars.len(), 1_563);
    let calendars = Calendars::bundled().unwrap();
    let made = sessions(&bars, calendars.of(Exchange::Xnys));
    let days: Vec<String> = made.iter().map(|(day, _)| day.to_string()).collect();
    assert_eq!(days, ["2019-11-05", "2019-11-06", "2019-11-07", "2019-11-08"]);
    let calendar = calendars.of(Exchange::Xnys);
    let day = |bar: &MinuteBar| i64::from(chrono::Datelike::num_days_from_ce(&calendar.date_at(bar.from)));
    let wanted: Vec<[i64; 5]> = by_hand(&bars, day).into_iter().map(|(_, values)| values).collect();
    let bars: Vec<MinuteBar> = made.into_iter().map(|(_, bar)| bar).collect();
    assert_eq!(values(&bars, 1).into_iter().map(|(_, values)| values).collect::<Vec<_>>(), wanted);
}

#[test]
fn minutes_before_the_open_and_after_the_close_are_no_part_of_a_session() {
    let calendars = Calendars::bundled().unwrap();
    let bar = |time: &str, p: &str| MinuteBar {
        from: at(time),
        open: price(p),
        high: price(p),
        low: price(p),
        close: price(p),
        volume: Volume::from_whole(1).unwrap(),
        trades: Some(1),
    };
    let day = [
        bar("2024-03-08T14:29:00Z", "99"),
        bar("2024-03-08T14:30:00Z", "10"),
        bar("2024-03-08T21:00:00Z", "11"),
        bar("2024-03-08T21:01:00Z", "1"),
        bar("2024-03-09T15:00:00Z", "1"),
    ];
    let made = sessions(&day, calendars.of(Exchange::Xnys));
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].1.open, made[0].1.close, made[0].1.trades), (price("10"), price("11"), Some(2)));
}

#[test]
fn the_sale_conditions_say_what_a_trade_has_a_say_in() {
    let start = at("2024-04-25T18:00:00Z");
    let mut maker = MinuteMaker::default();
    let mut give = |seconds: i64, p: &str, size: i64, conditions: &[i64]| {
        let counts = Counts::of_conditions(conditions.iter().copied());
        maker.take(start.plus_millis(seconds * 1_000), price(p), shares(size), counts)
    };
    // An odd lot and an average price: shares only. Out of sequence: high and low only. Official close: nothing.
    for (second, p, size, conditions) in [
        (1, "50", 10, &[37][..]),
        (2, "10", 100, &[0, 14]),
        (3, "12.5", 100, &[33]),
        (4, "1", 300, &[2]),
        (5, "99", 9_999, &[15]),
        (6, "11", 200, &[14, 41]),
    ] {
        assert_eq!(give(second, p, size, conditions), Taken::In);
    }
    let Taken::Began(Some(bar)) = give(60, "11", 1, &[]) else { panic!() };
    let told = [bar.open, bar.high, bar.low, bar.close].map(|p| p.to_string());
    assert_eq!(told, ["10", "12.5", "10", "11"]);
    assert_eq!((bar.volume.to_string().as_str(), bar.trades, bar.from), ("710", Some(6), start));
    assert_eq!(give(59, "11", 1, &[]), Taken::Late);
    // A minute of odd lots only sets no price and has no bar.
    assert_eq!(
        give(125, "50", 10, &[37]),
        Taken::Began(Some(MinuteBar {
            from: start.plus_millis(60_000),
            open: price("11"),
            high: price("11"),
            low: price("11"),
            close: price("11"),
            volume: Volume::from_whole(1).unwrap(),
            trades: Some(1),
        }))
    );
    assert_eq!(give(185, "11", 1, &[]), Taken::Began(None));
    assert_eq!(maker.pass(start.plus_millis(239_999)), None);
    assert!(maker.pass(start.plus_millis(240_000)).is_some());
}

#[test]
fn restated_minutes_are_put_back_into_the_terms_of_their_day() {
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(Exchange::Xnys);
    let split = |date: &str, new: i64, old: i64| {
        (date.parse().unwrap(), SplitRatio { new: shares(new), old: shares(old) })
    };
    let bar = |from: &str, close: &str, volume: i64| MinuteBar {
        from: at(from),
        open: price(close),
        high: price(close),
        low: price(close),
        close: price(close),
        volume: Volume::from_whole(volume).unwrap(),
        trades: Some(3),
    };
    let splits = [split("2024-07-03", 10, 1), split("2024-07-05", 2, 3)];
    let told = vec![
        bar("2024-07-02T19:59:00Z", "12.34", 600),
        // The ex-date itself is in the new terms already.
        bar("2024-07-03T13:30:00Z", "12.34", 600),
        bar("2024-07-05T13:30:00Z", "12.34", 600),
    ];
    let traded = as_traded(told.clone(), calendar, &splits);
    let third = |close: &str, volume: i64, of: MinuteBar| MinuteBar {
        from: of.from,
        ..bar("2024-07-05T13:30:00Z", close, volume)
    };
    assert_eq!(traded[0], third("82.266666667", 90, told[0]));
    assert_eq!(traded[1], third("8.226666667", 900, told[1]));
    assert_eq!(traded[2], told[2]);
    assert_eq!(as_traded(told.clone(), calendar, &[]), told);
    let huge = MinuteBar { high: Price::from_raw(i64::MAX), ..told[0] };
    assert!(as_traded(vec![huge], calendar, &splits).is_empty(), "no price any more");
}

#[test]
fn minutes_tell_a_day_whose_range_they_reach_and_most_of_whose_volume_they_have() {
    let minute = |high: &str, low: &str, volume: i64| MinuteBar {
        from: at("2024-03-05T14:30:00Z"),
        open: price(low),
        high: price(high),
        low: price(low),
        close: price(high),
        volume: Volume::from_whole(volume).unwrap(),
        trades: None,
    };
    let day = Bar {
        instrument: "AAA.XNYS".parse().unwrap(),
        from: at("2024-03-05T14:30:00Z"),
        to: at("2024-03-05T21:00:00Z"),
        open: price("100"),
        high: price("106"),
        low: price("94"),
        close: price("101"),
        volume: Volume::from_whole(1_000).unwrap(),
    };
    let told = |minutes: &[MinuteBar]| tells(&day, minutes, price("0.01"));
    let whole = [minute("106", "100", 250), minute("104", "94", 250)];
    assert!(told(&whole));
    assert!(!told(&[]) && !told(&whole[..1]) && !told(&whole[1..]), "a part of it");
    assert!(!told(&[whole[0], minute("104", "94", 249)]), "less than half of the volume");
    assert!(told(&[minute("106.009", "94.0001", 500)]), "what no tick can tell apart");
    assert!(!told(&[minute("106.01", "94", 500)]), "further than the day");
    assert!(!told(&[minute("106", "94.01", 500)]), "short of it");
    assert!(!told(&[minute("53", "47", 2_000)]), "in other terms");
}
