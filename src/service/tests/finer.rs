//! Stored minutes are played in the place of a day's bar, where they tell the whole of it.

use super::data::{import, import_split};
use super::*;
use crate::domain::market::{ActionKind, CorporateAction, MinuteBar, SplitRatio};
use crate::domain::{OrderType, TimeInForce, Volume};
use crate::service::advance::{AdvanceReport, Until};
use crate::service::engine::lock;
use crate::service::permit::ManageData;
use crate::store::market::MinuteSide;

const DAYS: &str = "2024-01-02,AAA,100,100,100,100,1000000\n2024-01-03,AAA,100,100,100,100,1000000\n\
                    2024-01-04,AAA,100,106,94,101,1000000\n2024-01-05,AAA,101,101,101,101,1000000\n";
/// Minutes after the open, open, high, low and close: up, then down.
const UP_FIRST: [(i64, [i64; 4]); 3] =
    [(1, [100, 106, 100, 104]), (200, [104, 104, 94, 95]), (389, [95, 100, 95, 100])];

fn name() -> InstrumentId {
    "AAA.XNYS".parse().unwrap()
}

fn advance(home: &Home) -> AdvanceReport {
    let trader = home.login(Role::Trader);
    home.house.advance(&trader.permit::<ManageData>().unwrap(), None, Until::Sessions(1), |_| {}).unwrap()
}

fn keep_minutes(home: &Home, source: &str, minutes: &[(i64, [i64; 4])]) {
    let open: UnixNanos = "2024-01-04T14:30:00Z".parse().unwrap();
    let row = |(at, prices): &(i64, [i64; 4])| {
        let [open_price, high, low, close] = prices.map(|price| Price::from_whole(price).unwrap());
        let from = open.plus_nanos(at * 60_000_000_000);
        let volume = Volume::from_whole(300_000).unwrap();
        (name(), MinuteBar { from, open: open_price, high, low, close, volume, trades: None })
    };
    let rows: Vec<_> = minutes.iter().map(row).collect();
    lock(home.house.market_store()).store_minutes(source, MinuteSide::Trade, &rows, open).unwrap();
}

/// Ten shares, a target at 105 and a stop at 95: what the day of the minutes does to them.
fn exits(home: &Home, minutes: &[(i64, [i64; 4])]) -> (u64, OrderType) {
    advance(home);
    let trader = home.login(Role::Trader);
    let give = |wish: &OrderWish| home.house.give_order(&trader.trade_permit(None).unwrap(), wish).unwrap();
    give(&wish("in", Side::Buy, name(), 10, None));
    assert_eq!(advance(home).fills, 1);
    let price = |whole| Some(Price::from_whole(whole).unwrap());
    let out = wish("out", Side::Sell, name(), 10, price(105));
    give(&OrderWish { or_stop: price(95), tif: TimeInForce::Gtc, ..out });
    keep_minutes(home, "ticks", minutes);
    let played = advance(home);
    assert_eq!((played.sessions, played.bars, played.fills), (1, 1, 1));
    let state = home.house.state().unwrap();
    assert_eq!(state.view().last(name()).unwrap().price, Price::from_whole(101).unwrap(), "the day's close");
    let done = state.orders().done().find(|o| o.spec.side == Side::Sell && o.filled.is_positive());
    (played.minutes, done.unwrap().spec.order_type)
}

#[test]
fn minutes_tell_what_came_first_and_a_part_of_them_does_not() {
    let down_first = UP_FIRST.map(|(at, prices)| (390 - at, prices));
    let cut = &UP_FIRST[..2];
    let too_far = [(0, [100, 107, 100, 100]), cut[1]];
    for (minutes, expected) in [
        (&UP_FIRST[..], (3, OrderType::Limit)),
        (&down_first[..], (3, OrderType::Stop)),
        (cut, (2, OrderType::Limit)),
        // Before and after the session there is nothing to match.
        (&[(-1, [100, 100, 94, 95]), cut[0], cut[1]][..], (2, OrderType::Limit)),
        (&[cut[0], (390, cut[1].1)][..], (0, OrderType::Stop)),
        (&cut[..1], (0, OrderType::Stop)),
        (&too_far[..], (0, OrderType::Stop)),
        (&[][..], (0, OrderType::Stop)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path());
        home.people(Exchange::Xnys);
        assert!(import(&home, &format!("date,symbol,open,high,low,close,volume\n{DAYS}")).is_clean());
        assert_eq!(exits(&home, minutes), expected, "{minutes:?}");
    }
}

#[test]
fn minutes_in_other_terms_than_the_days_are_left_alone() {
    for (date, played) in [("2024-01-05", 0), ("2024-01-04", 3), ("2024-01-08", 3)] {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path());
        home.people(Exchange::Xnys);
        import_split(&home, DAYS);
        // A split of one for one: prices alone do not tell it, and the rule is not asked for luck.
        let one: Quantity = "1".parse().unwrap();
        let kind = ActionKind::Split(SplitRatio { new: one, old: one });
        let split = CorporateAction { instrument: name(), date: date.parse().unwrap(), kind };
        lock(home.house.market_store()).store_actions(&[split]).unwrap();
        let fired = if played > 0 { OrderType::Limit } else { OrderType::Stop };
        assert_eq!(exits(&home, &UP_FIRST), (played, fired), "{date}");
    }
}

#[test]
fn of_several_sources_the_first_that_tells_the_day_is_played_and_names_without_orders_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    import(&home, &format!("date,symbol,open,high,low,close,volume\n{DAYS}"));
    keep_minutes(&home, "a", &UP_FIRST[..1]);
    keep_minutes(&home, "z", &UP_FIRST.map(|(at, prices)| (390 - at, prices)));
    assert_eq!(exits(&home, &UP_FIRST), (3, OrderType::Limit), "the one between");
    assert_eq!(advance(&home).minutes, 0);
}
