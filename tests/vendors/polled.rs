//! Prices that are asked for in rounds: who is asked, how often, within which budget, and what the watchlist shows of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qlib_pro::config::LiveVendor;
use qlib_pro::domain::key::{KeyOwner, KeySlot};
use qlib_pro::domain::vendor::{STREAM_HOSTS, VendorId};
use qlib_pro::domain::{Address, Exchange, UnixNanos};
use qlib_pro::market::live::polygon::PolygonStream;
use qlib_pro::service::access::Password;
use qlib_pro::service::feed::FeedStatus;
use qlib_pro::service::permit::{Administer, ViewMarket};
use qlib_pro::service::polled::Poller;
use qlib_pro::service::sync::stopper;
use qlib_pro::service::view::WatchRow;
use serde_json::json;

use super::live::timing;
use super::rig::{KEY, Rig, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault};

const YAHOO: VendorId = VendorId::Yahoo;
/// Half an hour after New York has opened.
const OPEN: &str = "2024-07-08T14:00:00Z";
const NAMES: [&str; 2] = ["QAAA.XNYS", "QBBB.XNYS"];

struct Rounds {
    rig: Rig,
    poller: Poller,
}

impl Rounds {
    /// Rounds of a minute for some names that are watched, from one vendor or from all.
    fn of(mut rig: Rig, vendor: Option<(VendorId, u32, u32)>, names: &[&str]) -> Self {
        rig.settings.live.vendor = LiveVendor::Polled;
        match vendor {
            Some((vendor, per_minute, per_day)) => rig.only(vendor, per_minute, per_day),
            None => rig.restart(),
        }
        let permit = rig.session().permit::<ViewMarket>().unwrap();
        let names: Vec<_> = names.iter().map(|name| id(name)).collect();
        rig.house().watch(&permit, &names).unwrap();
        let poller = rig.house().poller(rig.pace(), rig.limits).unwrap();
        Self { rig, poller }
    }

    fn beat(&mut self) {
        let (_stopper, stop) = stopper();
        self.poller.beat(&stop);
    }

    fn pass(&mut self, seconds: i64) {
        self.rig.pass(seconds);
        self.beat();
    }

    fn row(&self, name: &str) -> WatchRow {
        let permit = self.rig.session().permit::<ViewMarket>().unwrap();
        let rows = self.rig.house().watchlist(&permit, None).unwrap();
        rows.into_iter().find(|row| row.instrument == id(name)).unwrap()
    }

    fn last(&self, name: &str) -> Option<String> {
        self.row(name).last_price.map(|price| format!("{:.2}", price.to_f64()))
    }

    /// The price of the moment.
    fn made(&self, name: &str) -> Option<String> {
        self.rig.market.newest(name).map(|(day, _)| format!("{:.2}", day.close))
    }

    fn requests(&self, path: &str) -> usize {
        self.rig.server.seen(path).len()
    }

    fn trouble(&self, exchange: Exchange) -> String {
        let status = self.rig.house().round_status(exchange).unwrap_or_default();
        status.trouble.map(|(_, words)| words.to_string()).unwrap_or_default()
    }
}

#[test]
fn a_watchlist_moves_in_rounds_of_one_request_and_says_whose_prices_and_how_old_they_are() {
    let mut rounds = Rounds::of(Rig::at(OPEN), Some((YAHOO, 0, 0)), &NAMES);
    rounds.beat();
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "both names in one");
    let (first, row) = (rounds.made("QAAA"), rounds.row(NAMES[0]));
    assert_eq!(rounds.last(NAMES[0]), first);
    assert_eq!(row.source, "yahoo, polled, real time");
    assert!(!row.stale && row.asked.is_some_and(|asked| asked.is_timed), "{row:?}");
    assert!(row.change.is_some(), "against the vendor's own close before");
    // The waits of the first round took a second.
    rounds.pass(55);
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "not before the next round");
    rounds.pass(5);
    assert_eq!(rounds.requests("/v7/finance/quote"), 2);
    assert_ne!(rounds.made("QAAA"), first);
    assert_eq!(rounds.last(NAMES[0]), rounds.made("QAAA"));
    assert_eq!(rounds.requests("/getcrumb"), 1, "the session is kept");
    // A new name does not wait for the next round.
    let permit = rounds.rig.session().permit::<ViewMarket>().unwrap();
    rounds.rig.house().watch(&permit, &[id("QCCC.XNYS")]).unwrap();
    rounds.pass(1);
    assert_eq!(rounds.last("QCCC.XNYS"), rounds.made("QCCC"));
    rounds.pass(1);
    assert_eq!(rounds.requests("/v7/finance/quote"), 3);
    // Whoever is no longer asked is stale after three rounds.
    rounds.rig.pass(181);
    assert!(rounds.row(NAMES[0]).stale);
    rounds.rig.session().change_setting("live.vendor", "none").unwrap();
    rounds.beat();
    assert!(rounds.row(NAMES[0]).asked.is_none(), "off is off");
}

#[test]
fn nothing_is_asked_outside_the_session_but_one_last_round_after_the_close() {
    let mut rounds = Rounds::of(Rig::at("2024-07-08T19:59:30Z"), Some((YAHOO, 0, 0)), &NAMES);
    rounds.beat();
    for _ in 0..19 {
        rounds.pass(60);
    }
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "the market is closed");
    assert!(!rounds.row(NAMES[0]).stale, "the last round is still to come");
    for _ in 0..30 {
        rounds.pass(60);
    }
    assert_eq!(rounds.requests("/v7/finance/quote"), 2, "one more");
    let close = rounds.made("QAAA");
    assert_eq!(rounds.last(NAMES[0]), close);
    rounds.rig.set_now("2024-07-09T13:29:00Z");
    rounds.beat();
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (close, false), "the next morning");
    rounds.pass(60);
    assert_eq!(rounds.requests("/v7/finance/quote"), 3, "the next session");

    let mut evening = Rounds::of(Rig::at("2024-07-08T21:00:00Z"), Some((YAHOO, 0, 0)), &NAMES);
    evening.beat();
    assert!(evening.rig.server.log().is_empty(), "opened in the evening");
}

#[test]
fn rounds_take_half_of_a_budget_and_leave_the_rest_to_others() {
    // A request a name, and no more than three of five a minute.
    let names = ["QAAA.XNYS", "QBBB.XNYS", "QCCC.XNYS", "QDDD.XNYS"];
    let mut rounds = Rounds::of(Rig::at(OPEN), Some((VendorId::AlphaVantage, 5, 0)), &names);
    rounds.beat();
    assert_eq!(rounds.requests("/query"), 3);
    assert!(rounds.row("QDDD.XNYS").asked.is_none());
    assert!(rounds.row("QAAA.XNYS").asked.is_some_and(|asked| !asked.is_timed), "no time is told");
    assert_eq!(rounds.row("QAAA.XNYS").source, "alpha_vantage, polled, delay not told");
    let why = rounds.trouble(Exchange::Xnys);
    assert_eq!(why, "alpha_vantage: this minute's share of 3 requests is used up");
    rounds.pass(61);
    assert_eq!(rounds.requests("/query"), 6);
    assert!(rounds.row("QDDD.XNYS").asked.is_some(), "who was not told is asked first");

    // Of a day as much as of the session is over: half an hour of six and a half.
    let mut rounds = Rounds::of(Rig::at(OPEN), Some((VendorId::AlphaVantage, 0, 25)), &names);
    for _ in 0..10 {
        rounds.pass(60);
    }
    assert_eq!(rounds.requests("/query"), 1);
    rounds.rig.set_now("2024-07-08T16:45:00Z");
    for _ in 0..10 {
        rounds.pass(60);
    }
    assert_eq!(rounds.requests("/query"), 6);
}

#[test]
fn each_session_has_a_share_of_its_own_day_whatever_the_day_before_used() {
    let names = ["QAAA.XNYS", "QBBB.XNYS"];
    let mut rounds =
        Rounds::of(Rig::at("2024-07-08T13:29:30Z"), Some((VendorId::AlphaVantage, 0, 25)), &names);
    for day in ["2024-07-08", "2024-07-09", "2024-07-10"] {
        rounds.rig.set_now(&format!("{day}T13:29:30Z"));
        let before = rounds.requests("/query");
        let mut asked = Vec::new();
        for _hour in 0..5 {
            (0..60).for_each(|_| rounds.pass(60));
            asked.push(rounds.requests("/query") - before);
        }
        assert_eq!(asked, [1, 3, 5, 7, 9], "{day}");
    }
}

#[test]
fn a_name_that_nobody_knows_does_not_stand_before_the_others() {
    let rig = Rig::at("2024-07-08T13:29:30Z");
    rig.market.forget("QZZZ");
    let names = ["QZZZ.XNYS", "QAAA.XNYS", "QBBB.XNYS"];
    let mut rounds = Rounds::of(rig, Some((VendorId::AlphaVantage, 0, 25)), &names);
    let mut told = [0; 2];
    let mut before = [None, None];
    for _minute in 0..360 {
        rounds.pass(60);
        let now = ["QAAA.XNYS", "QBBB.XNYS"].map(|name| rounds.row(name).price_time);
        (0..2).for_each(|one| told[one] += u32::from(now[one] != before[one]));
        before = now;
    }
    assert_eq!(rounds.requests("/query"), 11);
    assert!(told.iter().all(|times| *times >= 3), "{told:?}");
}

#[test]
fn a_machine_that_wakes_before_the_open_of_another_day_asks_nothing_and_shows_nothing_as_fresh() {
    let mut rounds = Rounds::of(Rig::at("2024-07-05T19:00:00Z"), Some((YAHOO, 0, 0)), &NAMES);
    rounds.beat();
    assert!(!rounds.row(NAMES[0]).stale);
    rounds.rig.set_now("2024-07-08T12:00:00Z");
    for _ in 0..89 {
        rounds.pass(60);
    }
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "the market is closed");
    assert!(rounds.row(NAMES[0]).stale, "Friday's");
    rounds.pass(61);
    assert_eq!(rounds.requests("/v7/finance/quote"), 2, "at the open");
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (rounds.made("QAAA"), false));
}

#[test]
fn a_new_name_does_not_wait_for_the_rest_of_a_vendor_that_knew_no_other_nor_for_a_key() {
    let rig = Rig::at(OPEN);
    rig.market.forget("QZZZ");
    let mut rounds = Rounds::of(rig, Some((YAHOO, 0, 0)), &["QZZZ.XNYS"]);
    rounds.beat();
    rounds.pass(60);
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "it rests, and so does its vendor");
    let permit = rounds.rig.session().permit::<ViewMarket>().unwrap();
    rounds.rig.house().watch(&permit, &[id("QAAA.XNYS")]).unwrap();
    rounds.pass(1);
    assert_eq!(rounds.last("QAAA.XNYS"), rounds.made("QAAA"));

    // Who has no key yet is asked as soon as there is one.
    let mut rounds = Rounds::of(Rig::at(OPEN), Some((VendorId::AlphaVantage, 0, 0)), &["QAAA.XNYS"]);
    let (house, slot) = (Arc::clone(rounds.rig.house()), KeySlot::AlphaVantage);
    let admin = rounds.rig.session().permit::<Administer>().unwrap();
    house.remove_keys(&admin, KeyOwner::Vendor(VendorId::AlphaVantage)).unwrap();
    rounds.beat();
    assert_eq!(rounds.requests("/query"), 0, "no key");
    house.set_key(&admin, slot, &Password::new(KEY.to_owned())).unwrap();
    rounds.pass(60);
    assert_eq!(rounds.last("QAAA.XNYS"), rounds.made("QAAA"));
}

#[test]
fn who_fails_is_left_alone_by_its_circuit_and_who_comes_back_is_heard() {
    let mut rounds = Rounds::of(Rig::at(OPEN), Some((YAHOO, 0, 0)), &NAMES);
    rounds.beat();
    let before = rounds.last(NAMES[0]);
    rounds.rig.arm("500", "/v7/finance/quote", 99);
    for _ in 0..10 {
        rounds.pass(60);
    }
    let tries = rounds.requests("/v7/finance/quote");
    assert!(tries < 20, "{tries} tries in ten minutes");
    let why = rounds.trouble(Exchange::Xnys);
    assert!(why.starts_with("yahoo: "), "{why}");
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (before, true));
    rounds.rig.server.disarm();
    for _ in 0..16 {
        rounds.pass(60);
    }
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (rounds.made("QAAA"), false));
    // A short fault: the circuit opens, and its first good probe brings prices again.
    rounds.rig.arm("500", "/v7/finance/quote", 6);
    for _ in 0..4 {
        rounds.pass(60);
    }
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (rounds.made("QAAA"), false));
    // Whoever opens the workstation meanwhile has no session yet: making it is part of the probe.
    rounds.rig.arm("500", "/v7/finance/quote", 5);
    for _ in 0..2 {
        rounds.pass(60);
    }
    rounds.poller = rounds.rig.house().poller(rounds.rig.pace(), rounds.rig.limits).unwrap();
    rounds.pass(60);
    assert_eq!((rounds.last(NAMES[0]), rounds.row(NAMES[0]).stale), (rounds.made("QAAA"), false));
}

#[test]
fn the_next_vendor_is_asked_for_what_one_does_not_have_and_yesterdays_price_is_none() {
    // A plan with yesterday's close alone, one name: nothing of today, so the next is asked.
    let rig = Rig::at(OPEN);
    let refusal = json!({ "status": "NOT_AUTHORIZED", "message": "You are not entitled to this data." });
    for path in ["/snapshot/", "/v2/last/trade/"] {
        let refusal = Fault::Instead(Canned::text(403, "application/json", &refusal.to_string()));
        rig.server.arm(Armed::next(refusal, path, 99));
    }
    let mut rounds = Rounds::of(rig, None, &["QAAA.XNYS", "BHP.XASX"]);
    rounds.beat();
    assert_eq!(rounds.row("QAAA.XNYS").source, "yahoo, polled, real time");
    assert_eq!(rounds.last("QAAA.XNYS"), rounds.made("QAAA"));
    assert!(rounds.row("BHP.XASX").asked.is_none(), "Sydney sleeps");
    let asked = rounds.requests("/snapshot/");
    rounds.pass(60);
    assert_eq!(rounds.requests("/snapshot/"), asked, "who told nothing is left alone for a while");
    rounds.rig.set_now("2024-07-09T00:30:00Z");
    rounds.beat();
    assert_eq!(rounds.last("BHP.XASX"), rounds.made("BHP.AX"));

    let rig = Rig::at(OPEN);
    rig.market.forget("QZZZ");
    let mut rounds = Rounds::of(rig, Some((YAHOO, 0, 0)), &["QZZZ.XNYS"]);
    rounds.beat();
    rounds.pass(60);
    assert_eq!(rounds.requests("/v7/finance/quote"), 1, "nobody knows it");
    assert!(rounds.row("QZZZ.XNYS").last_price.is_none());
}

#[test]
fn what_a_stream_of_minutes_alone_does_not_tell_is_asked_for_until_it_tells_prices() {
    let rig = Rig::at(OPEN);
    // Settings that are changed are those of the file.
    for vendor in ["polygon", "yahoo", "alpha_vantage", "asx"] {
        let url = format!("{}/{vendor}", rig.server.address);
        rig.session().change_setting(&format!("vendors.{vendor}.url"), &url).unwrap();
    }
    rig.session().change_setting("live.vendor", "polygon").unwrap();
    rig.live(20);
    rig.server.stream().deny(Some(("error".to_owned(), "not authorized".to_owned())));
    let permit = rig.session().permit::<ViewMarket>().unwrap();
    rig.house().watch(&permit, &[id("QAAA.XNYS")]).unwrap();
    let address = Address::parse(&format!("{}/polygon", rig.server.address), STREAM_HOSTS).unwrap();
    let stream = PolygonStream::new(address, Box::new(|| Ok(KEY.into())), timing());
    let poller = rig.house().poller(rig.pace(), rig.limits).unwrap();
    let mut rounds = Rounds { rig, poller };
    let guard = rounds.rig.house().start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    let until = |rounds: &Rounds, what: &str, done: &dyn Fn(FeedStatus) -> bool| {
        let began = Instant::now();
        while !done(rounds.rig.house().feed_status().unwrap_or_default()) {
            assert!(began.elapsed().as_secs() < 60, "{what}: {:?}", rounds.rig.house().feed_status());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let denied = |s: FeedStatus| s.last_error.is_some_and(|(_, why)| why.as_str().contains("not authorized"));
    until(&rounds, "denied", &denied);
    rounds.beat();
    assert!(rounds.row("QAAA.XNYS").asked.is_none(), "the stream has only begun");
    rounds.rig.set_now("2024-07-08T14:01:05Z");
    let told: UnixNanos = "2024-07-08T14:01:00Z".parse().unwrap();
    until(&rounds, "a bar", &|s| s.last_message.is_some_and(|at| at >= told) && s.last_tick.is_none());
    rounds.beat();
    assert_eq!(rounds.row("QAAA.XNYS").source, "polygon, polled, delay not told");
    assert_eq!(rounds.last("QAAA.XNYS"), rounds.made("QAAA"));
    drop(guard);
}
