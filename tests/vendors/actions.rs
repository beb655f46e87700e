//! Splits and dividends from a vendor's words to the book: told ahead, told late, told by two, told for a day without a
//! session; each is applied once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use crossbeam_channel::{Receiver, Sender, unbounded};
use qlib_pro::domain::event::EventBody;
use qlib_pro::domain::market::Quote;
use qlib_pro::domain::role::Role;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::domain::{Event, Exchange, Money, Price, Quantity, Side, UnixNanos};
use qlib_pro::market::live::{LiveEvent, Stream};
use qlib_pro::service::access::{self, Session};
use qlib_pro::service::advance::Until;
use qlib_pro::service::feed::FeedGuard;
use qlib_pro::service::permit::{Administer, ManageData, ViewPortfolio};
use qlib_pro::service::quality::Decision;
use qlib_pro::service::sync::SyncOutcome;
use qlib_pro::service::trading::OrderWish;
use qlib_pro::store::market::MarketReader;
use qlib_pro::store::trades::TradesReader;
use serde_json::json;

use super::rig::{FROM, Rig, day, id};
use super::server::Canned;

const A: &str = "QAAA.XNYS";
const POLYGON: VendorId = VendorId::Polygon;
const YAHOO: VendorId = VendorId::Yahoo;
/// Longest wait for the feed's thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// A trader of the home.
pub fn trader(rig: &Rig) -> Session {
    let name = "tina".parse().unwrap();
    let admin = rig.session().permit::<Administer>().unwrap();
    rig.house().add_user(&admin, name, Role::Trader, None).unwrap();
    access::login(rig.house(), name, None).unwrap()
}

/// Ten shares.
pub fn ten(limit: Option<&str>) -> OrderWish {
    let limit: Option<Price> = limit.map(|text| text.parse().unwrap());
    OrderWish::plain(id(A).symbol, Side::Buy, Quantity::from_whole(10).unwrap(), limit)
}

fn advance(rig: &Rig, trader: &Session, to: &str) {
    let permit = trader.permit::<ManageData>().unwrap();
    rig.house().advance(&permit, None, Until::Date(day(to)), |_: NaiveDate| {}).unwrap();
}

/// What is held of the name, and the dividends that are owed or paid.
fn held(rig: &Rig, trader: &Session) -> (String, String) {
    let view = trader.permit::<ViewPortfolio>().unwrap();
    let desk = rig.house().portfolios(&view, Some("desk".parse().unwrap())).unwrap().remove(0);
    let quantity = desk.positions.first().map_or(String::new(), |p| p.quantity.to_string());
    (quantity, owed(rig))
}

/// The dividends that the journal owes the desk.
fn owed(rig: &Rig) -> String {
    let mut owed = Money::ZERO;
    let add = |event: Event| {
        if let EventBody::DividendDue { amount, .. } = event.body {
            owed = owed.checked_add(amount).unwrap();
        }
        ControlFlow::Continue(())
    };
    TradesReader::open(rig.home()).unwrap().events(1, add).unwrap();
    owed.to_string()
}

/// A home that holds ten shares since the session of a day.
fn holding(rig: &Rig, given_on: &str, filled_on: &str) -> Session {
    let trader = trader(rig);
    advance(rig, &trader, given_on);
    rig.house().submit(&trader.trade_permit(None).unwrap(), &ten(None)).unwrap();
    advance(rig, &trader, filled_on);
    assert_eq!(held(rig, &trader).0, "10");
    trader
}

/// Says what it is told to, on the wall's time.
#[derive(Debug)]
struct Told(Receiver<LiveEvent>);

#[async_trait::async_trait]
impl Stream for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    async fn subscribe(&mut self, _: &std::collections::BTreeSet<qlib_pro::domain::InstrumentId>) {}

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        tokio::time::sleep(Duration::from_millis(1)).await;
        out.extend(self.0.try_iter());
        true
    }
}

pub fn feed(rig: &Rig) -> (FeedGuard, Sender<LiveEvent>) {
    let (say, heard) = unbounded();
    let guard = rig.house().start_feed_of(Box::new(Told(heard)), Exchange::Xnys).unwrap();
    say.send(LiveEvent::Connected).unwrap();
    (guard, say)
}

pub fn quote(bid: &str, ask: &str, time: UnixNanos) -> LiveEvent {
    let size = Quantity::from_whole(1_000).unwrap();
    let (bid, ask) = (bid.parse().unwrap(), ask.parse().unwrap());
    LiveEvent::Quote(Quote { instrument: id(A), time, bid, ask, bid_size: size, ask_size: size }, None)
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The first quote of a live day, waited for.
fn live_day(rig: &Rig, now: &str) -> FeedGuard {
    rig.set_now(now);
    let (guard, say) = feed(rig);
    let time: UnixNanos = now.parse().unwrap();
    say.send(quote("210.00", "210.10", time)).unwrap();
    until("the quote is there", || rig.house().feed_status().is_some_and(|s| s.counts.given > 0));
    // The engine answers in order: what was fed before is done.
    rig.house().feed_status().unwrap();
    guard
}

#[test]
fn a_split_that_a_sync_was_told_ahead_is_in_the_book_on_the_morning_of_its_day_and_once() {
    let rig = Rig::at("2024-07-03T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-02").failed(), 0);
    let trader = holding(&rig, "2024-06-27", "2024-06-28");
    rig.market.split("QAAA", "2024-07-05", 2);
    rig.set_now("2024-07-04T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-03").failed(), 0);
    advance(&rig, &trader, "2024-07-03");
    assert_eq!(held(&rig, &trader).0, "10", "it is only announced");
    let guard = live_day(&rig, "2024-07-05T13:31:00Z");
    until("the split is in the book", || held(&rig, &trader).0 == "20");
    drop(guard);
    rig.set_now("2024-07-09T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-08").failed(), 0);
    advance(&rig, &trader, "2024-07-08");
    assert_eq!(held(&rig, &trader).0, "20", "once");
}

#[test]
fn a_split_and_a_dividend_that_became_known_the_evening_after_reach_those_who_held_and_once() {
    let rig = Rig::at("2024-07-04T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-03").failed(), 0);
    let trader = holding(&rig, "2024-06-27", "2024-07-03");
    drop(live_day(&rig, "2024-07-05T13:31:00Z"));
    assert_eq!(held(&rig, &trader), ("10".into(), "0.00".into()), "nobody knew");
    rig.market.dividend("QAAA", "2024-07-03", 0.5);
    rig.market.split("QAAA", "2024-07-05", 2);
    rig.set_now("2024-07-06T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-05").failed(), 0);
    let guard = live_day(&rig, "2024-07-08T13:31:00Z");
    until("both are in the book", || held(&rig, &trader) == ("20".into(), "5.00".into()));
    drop(guard);
    rig.set_now("2024-07-09T01:00:00Z");
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-08").failed(), 0);
    drop(live_day(&rig, "2024-07-09T13:31:00Z"));
    assert_eq!(held(&rig, &trader), ("20".into(), "5.00".into()), "once");
}

#[test]
fn an_action_of_a_day_without_a_session_comes_with_the_next_session() {
    let rig = Rig::new();
    rig.market.split("QAAA", "2024-06-22", 2);
    rig.market.dividend("QAAA", "2024-06-19", 0.5);
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-05").failed(), 0);
    // They are set aside until a person says that they are right.
    let cases = MarketReader::open(rig.house().home()).unwrap().quarantine_cases(None, 9).unwrap();
    assert_eq!(cases.len(), 2, "{cases:?}");
    for case in cases {
        let permit = rig.session().permit().unwrap();
        rig.house().decide_quarantined(&permit, case.id, Decision::Accept).unwrap();
    }
    let trader = holding(&rig, "2024-06-13", "2024-06-14");
    advance(&rig, &trader, "2024-06-20");
    assert_eq!(held(&rig, &trader), ("10".into(), "5.00".into()), "a holiday's dividend");
    advance(&rig, &trader, "2024-06-21");
    assert_eq!(held(&rig, &trader).0, "10");
    advance(&rig, &trader, "2024-06-24");
    assert_eq!(held(&rig, &trader).0, "20", "a Saturday's split");
    advance(&rig, &trader, "2024-07-05");
    assert_eq!(held(&rig, &trader), ("20".into(), "5.00".into()));
}

#[test]
fn prices_of_one_source_and_splits_in_the_terms_of_another_never_double_a_position() {
    let rig = Rig::new();
    rig.market.split("QAAA", "2024-06-26", 4);
    // The raw source comes first by name; the one with the newest bar, restated for the split, stands for the name.
    assert_eq!(rig.sync_between(Some(POLYGON), &[A], FROM, "2024-07-02").failed(), 0);
    assert_eq!(rig.sync_between(Some(YAHOO), &[A], FROM, "2024-07-05").failed(), 0);
    let trader = holding(&rig, "2024-06-20", "2024-06-21");
    advance(&rig, &trader, "2024-07-05");
    assert_eq!(held(&rig, &trader).0, "10", "what was bought was in the terms of the restated prices");
}

/// Minutes of the vendor that a test writes itself: begin, open, high, low, close.
fn serve_minutes(rig: &Rig, minutes: &[(&str, [f64; 4])]) {
    let row = |(from, [o, h, l, c]): &(&str, [f64; 4])| {
        let at: UnixNanos = from.parse().unwrap();
        json!({ "v": 1_000_000, "vw": o, "o": o, "h": h, "l": l, "c": c, "t": at.nanos() / 1_000_000, "n": 9 })
    };
    let rows: Vec<_> = minutes.iter().map(row).collect();
    let market = Arc::clone(&rig.market);
    rig.server.set_maker(Arc::new(move |seen| {
        let is_minutes = seen.path.contains("/range/1/minute/");
        let page = || {
            Canned::json(&json!({ "ticker": "QAAA", "queryCount": rows.len(), "resultsCount": rows.len(),
                "adjusted": false, "status": "OK", "request_id": "r", "results": rows }))
        };
        if is_minutes { Some(page()) } else { market.answer(seen) }
    }));
}

/// When and at what price an order filled, and what of it.
fn fills(rig: &Rig) -> Vec<String> {
    let mut fills = Vec::new();
    let add = |event: Event| {
        if let EventBody::Fill(fill) = event.body {
            fills.push(format!("{} {} {} at {}", fill.id, fill.quantity, fill.price, event.t));
        }
        ControlFlow::Continue(())
    };
    TradesReader::open(rig.home()).unwrap().events(1, add).unwrap();
    fills
}

#[test]
fn what_was_missed_while_a_feed_was_away_reaches_resting_orders_before_anything_newer() {
    let rig = Rig::at("2024-07-08T15:00:30Z");
    let trader = trader(&rig);
    let permit = trader.trade_permit(None).unwrap();
    let (guard, say) = feed(&rig);
    let now = || UnixNanos::from_nanos(rig.clock.load(std::sync::atomic::Ordering::SeqCst));
    let given = || rig.house().feed_status().map_or(0, |status| status.counts.given);
    say.send(quote("400.00", "400.10", now())).unwrap();
    until("the first quote is there", || given() == 1);
    let order = |name: &str, limit: &str| {
        let wish = OrderWish { id: Some(name.parse().unwrap()), ..ten(Some(limit)) };
        rig.house().submit(&permit, &wish).unwrap()
    };
    order("low", "395");
    order("lower", "390");
    serve_minutes(
        &rig,
        &[
            ("2024-07-08T14:58:00Z", [389.0, 389.0, 380.0, 389.0]),
            ("2024-07-08T15:01:00Z", [399.0, 399.5, 394.0, 396.0]),
            ("2024-07-08T15:02:00Z", [396.0, 395.0, 399.0, 396.0]),
            ("2024-07-08T15:03:00Z", [396.0, 396.0, 380.0, 381.0]),
        ],
    );
    say.send(LiveEvent::Gap { reason: "cut".into() }).unwrap();
    until("the loss is told", || rig.house().feed_status().unwrap().gaps == 1);
    rig.pass(160);
    order("young", "395");
    say.send(LiveEvent::Connected).unwrap();
    say.send(quote("401.00", "401.10", now())).unwrap();
    until("the new quote is there", || given() == 2);
    until("what was missed is in the book", || !fills(&rig).is_empty());
    // The minute that was not over is not whole, one was no minute at all, one was seen live; the young order came after.
    assert_eq!(fills(&rig), ["low 10 395 at 2024-07-08T15:02:00Z"]);
    let quarantined = MarketReader::open(rig.home()).unwrap().quarantine(10).unwrap();
    let kept: Vec<_> = quarantined.iter().map(|q| (q.job.as_str(), q.reason.as_str())).collect();
    assert_eq!(kept, [("backfill", "BROKEN_HIGH_LOW")]);
    drop(guard);

    // The workstation is closed for two minutes in mid-session: the same case.
    serve_minutes(&rig, &[("2024-07-08T15:04:00Z", [396.0, 396.0, 389.0, 391.0])]);
    rig.pass(120);
    let (guard, say) = feed(&rig);
    say.send(quote("402.00", "402.10", now())).unwrap();
    until("what was missed is in the book", || fills(&rig).len() >= 3);
    drop(guard);
    let told = fills(&rig);
    assert_eq!(told[1..], ["young 10 395 at 2024-07-08T15:05:00Z", "lower 10 390 at 2024-07-08T15:05:00Z"]);
}

#[test]
fn what_a_kill_left_out_behind_the_last_page_is_asked_for_though_no_bar_is_missing() {
    let rig = Rig::new();
    rig.market.list(&["QAAA", "QBBB"]);
    // Announced: it comes behind the newest bar, and so after the last page.
    rig.market.dividend("QAAA", "2024-07-12", 0.5);
    let symbols = [A, "QBBB.XNYS"];
    assert_eq!(rig.sync_rest(POLYGON, &symbols).failed(), 0);
    let known = || MarketReader::open(rig.home()).unwrap().actions_of(A.parse().unwrap()).unwrap().len();
    assert_eq!(known(), 1);
    // As a kill between the last page and the rest leaves it.
    let db = rusqlite::Connection::open(rig.home().join("market.db")).unwrap();
    let name = "instrument = (SELECT id FROM instruments WHERE symbol = 'QAAA')";
    db.execute(&format!("DELETE FROM coverage WHERE kind = 'actions' AND {name}"), []).unwrap();
    db.execute(&format!("DELETE FROM actions WHERE {name}"), []).unwrap();
    rig.server.forget();
    let report = rig.sync_rest(POLYGON, &symbols);
    let outcomes: Vec<_> = report.rows.iter().map(|row| (row.outcome, row.stored, row.actions)).collect();
    assert_eq!(outcomes, [(SyncOutcome::Done, 0, 1), (SyncOutcome::UpToDate, 0, 0)], "{report:#?}");
    let asked: Vec<String> = rig.server.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked, ["/v3/reference/splits", "/v3/reference/dividends"], "no bars");
    assert_eq!(known(), 1);
    rig.server.forget();
    assert_eq!(rig.sync_rest(POLYGON, &symbols).rows[0].outcome, SyncOutcome::UpToDate);
    assert!(rig.server.log().is_empty(), "once");
}
