//! The past of a home: every day's end, seen later, is what was seen then.

use crate::domain::Side;
use crate::domain::role::Role;
use crate::service::advance::Until;
use crate::service::as_of::Moment;
use crate::service::house;
use crate::service::permit::{ManageData, ViewLimits, ViewPortfolio};
use crate::store::trades::Period;

use super::*;

/// What the book says, without what the market store adds of its own time.
fn seen(portfolios: Vec<crate::service::view::Portfolio>) -> Vec<String> {
    let rows = portfolios.into_iter().map(|p| {
        // Rows are sorted by value, which the prices since the last mark may change.
        let held: std::collections::BTreeMap<_, _> =
            p.positions.iter().map(|h| (h.instrument, (h.quantity, h.cost))).collect();
        format!("{} {} {} {held:?}", p.totals.account, p.totals.cash, p.totals.realized)
    });
    rows.collect()
}

/// The orders of this test. An order that ends with its session is open until market time moves on, and seen later it
/// had ended with the session's last instant; so those of the demo are left out.
fn own(orders: Vec<crate::service::view::OrderRow>) -> Vec<String> {
    let own = orders.into_iter().filter(|o| o.id.as_str().starts_with("day"));
    own.map(|o| format!("{} {:?} {}", o.id, o.status, o.filled)).collect()
}

#[test]
fn every_day_seen_later_is_what_was_seen_then_whoever_holds_the_home() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 33);
    let trader = home.login(Role::Trader);
    let view = trader.permit::<ViewPortfolio>().unwrap();
    let permit = trader.trade_permit(None).unwrap();
    let instrument = *home.house.state().unwrap().instruments().keys().next().unwrap();
    let mut then = Vec::new();
    for day in 0..6 {
        let play = trader.permit::<ManageData>().unwrap();
        home.house.advance(&play, None, Until::Sessions(1), |_| {}).unwrap();
        // What is given between two sessions belongs to the instant at which market time stands.
        let order = wish(&format!("day{day}"), Side::Buy, instrument, 10 + day, None);
        home.house.submit(&permit, &order).unwrap();
        let time = home.house.house_time().unwrap();
        let orders = home.house.orders(&view, None, Period::ALL).unwrap();
        let statuses = own(orders);
        then.push((time, seen(home.house.portfolios(&view, None).unwrap()), statuses));
    }
    let mut beside = parts(folder.path(), &home.clock);
    beside.own = false;
    let (reader, engine) = house::open(beside).unwrap();
    assert!(engine.is_none());
    for (time, portfolios, statuses) in then {
        for house in [&home.house, &reader] {
            let at = house.past(&view, None, Moment::Instant(time)).unwrap();
            let told = house.told_of(&at).unwrap();
            let clock = house.calendars().of(Exchange::Sim).local_clock(time);
            assert_eq!(told, format!("as of {clock}"), "of one exchange nothing is left out");
            assert_eq!(seen(house.portfolios_at(&view, None, &at).unwrap()), portfolios);
            let orders = house.orders_at(&view, None, Period::ALL, &at).unwrap();
            let found = own(orders);
            assert_eq!(found, statuses);
        }
    }
    let limits = trader.permit::<ViewLimits>().unwrap();
    let now = home.house.limits(&limits).unwrap();
    let time = home.house.house_time().unwrap();
    let then = |moment| home.house.limits_at(&limits, &home.house.past_of_home(moment).unwrap()).unwrap();
    assert_eq!(then(Moment::Day(time.date())).version, now.version, "a day that is not over");
    let overnight = Moment::Instant(time.plus_nanos(1));
    assert_eq!(then(overnight).version, now.version, "no session is between");
    let next = home.house.calendars().of(Exchange::Sim).next_session(time.date()).unwrap();
    for ahead in [Moment::Day(next.date), Moment::Instant(next.open.plus_nanos(1))] {
        let refused = home.house.past_of_home(ahead).unwrap_err().to_string();
        assert!(refused.contains("is ahead of market time, which has come to"), "{refused}");
        assert!(home.house.past(&view, None, ahead).is_err());
    }
    let before = Moment::Day(chrono::NaiveDate::from_ymd_opt(1970, 1, 2).unwrap());
    let past = home.house.past(&view, None, before).unwrap();
    assert!(home.house.portfolios_at(&view, None, &past).unwrap().is_empty());
    assert_eq!(then(before).version, 0);
}
