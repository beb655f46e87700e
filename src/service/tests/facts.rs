//! When facts of the market are told: before a limit on them comes into force, before each session, and again after a
//! failed step.

use std::ops::ControlFlow;

use chrono::{Days, NaiveDate};

use super::data::import;
use super::*;
use crate::domain::event::EventBody;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, WorkingOrders};
use crate::domain::{Bar, ChangeSetId, MarketEvent, OrderStatus, TimeInForce};
use crate::service::advance::Until;
use crate::service::engine::{Feed, lock};
use crate::service::permit::{ControlRisk, ManageData};

/// A home with sixty sessions of one name, whose volume grows, and market time at the thirtieth.
fn desk(folder: &Path) -> Home {
    let home = Home::open(folder);
    home.people(Exchange::Xnys);
    let calendar = home.house.calendars().of(Exchange::Xnys);
    let first = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap();
    let days = (0..120).map(|n| first + Days::new(n)).filter(|day| calendar.session_on(*day).is_some());
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for (n, day) in days.take(60).enumerate() {
        // It falls from the fortieth session on.
        let close = 100 - n.saturating_sub(38).min(10);
        let (high, volume) = (close + 1, 1_000_000 + 10_000 * n);
        text += &format!("{day},AAA,{close},{high},{close},{close},{volume}\n");
    }
    assert_eq!(import(&home, &text).stored, 60);
    play(&home, 30);
    home
}

fn on() -> InstrumentId {
    "AAA.XNYS".parse().unwrap()
}

fn play(home: &Home, sessions: u32) {
    let permit = home.login(Role::Trader).permit::<ManageData>().unwrap();
    let played = home.house.advance(&permit, None, Until::Sessions(sessions), |_| {}).unwrap();
    assert_eq!(played.sessions, sessions);
}

/// A buy of ten at a price that stays until somebody ends it.
fn submit(home: &Home, id: &str, price: i64, parent: Option<&str>) -> OrderStatus {
    let permit = home.login(Role::Trader).trade_permit(None).unwrap();
    let price = Price::from_raw(price * Price::ONE_RAW);
    let tif = TimeInForce::Gtc;
    let parent = parent.map(|id| id.parse().unwrap());
    home.house
        .submit(&permit, &OrderWish { tif, parent, ..wish(id, Side::Buy, on(), 10, Some(price)) })
        .unwrap()
        .status
}

fn status(home: &Home, id: &str) -> OrderStatus {
    let account = home.login(Role::Trader).trade_permit(None).unwrap().account();
    home.house.state().unwrap().orders().get(account, id.parse().unwrap()).unwrap().status
}

/// A share of the average volume, under which working orders end.
fn share(hard: &str, terms: LimitTerms) -> LimitDraft {
    LimitDraft {
        name: LimitName::MaxAdvParticipation,
        scope: Scope::Firm,
        hard: Some(hard.into()),
        soft: None,
        reason: "a test".into(),
        working: WorkingOrders::Cancel,
        terms,
    }
}

fn set(home: &Home, draft: LimitDraft) -> u32 {
    let permit = home.login(Role::Risk).permit::<ControlRisk>().unwrap();
    home.house.set_limit(&permit, draft).unwrap().version
}

#[test]
fn the_first_limit_on_facts_ends_working_orders_when_it_is_set_approved_or_begins() {
    let folder = tempfile::tempdir().unwrap();
    let home = desk(folder.path());
    assert_eq!(submit(&home, "a", 96, None), OrderStatus::Accepted);
    set(&home, share("0.000001", LimitTerms::default()));
    assert_eq!(status(&home, "a"), OrderStatus::Canceled, "set");

    let folder = tempfile::tempdir().unwrap();
    let home = desk(folder.path());
    submit(&home, "b", 96, None);
    let of_a_set: ChangeSetId = "s".parse().unwrap();
    let terms = LimitTerms { set: Some(of_a_set), ..LimitTerms::default() };
    let version = set(&home, share("0.000001", terms));
    assert_eq!(status(&home, "b"), OrderStatus::Accepted);
    home.login(Role::Risk).confirm_login().unwrap();
    let permit = home.login(Role::Admin).permit::<ControlRisk>().unwrap();
    home.house.approve_limits(&permit, of_a_set, Some(version)).unwrap();
    assert_eq!(status(&home, "b"), OrderStatus::Canceled, "approved");

    let folder = tempfile::tempdir().unwrap();
    let home = desk(folder.path());
    submit(&home, "c", 80, None);
    let time = home.house.state().unwrap().market_time(Exchange::Xnys).unwrap();
    let effective_from = Some(time.plus_nanos(5 * 24 * 3_600 * 1_000_000_000));
    set(&home, share("0.000001", LimitTerms { effective_from, ..LimitTerms::default() }));
    play(&home, 1);
    assert_eq!(status(&home, "c"), OrderStatus::Accepted);
    play(&home, 10);
    assert_eq!(status(&home, "c"), OrderStatus::Canceled, "begun");
}

#[test]
fn many_sessions_at_once_are_judged_like_as_many_one_by_one() {
    let journal = |steps: &[u32]| {
        let folder = tempfile::tempdir().unwrap();
        let home = desk(folder.path());
        set(&home, share("0.5", LimitTerms::default()));
        assert_eq!(submit(&home, "p", 98, None), OrderStatus::Accepted);
        assert_eq!(submit(&home, "c", 96, Some("p")), OrderStatus::Held);
        steps.iter().for_each(|n| play(&home, *n));
        assert_eq!(["p", "c"].map(|id| status(&home, id)), [OrderStatus::Filled; 2]);
        let mut events = Vec::new();
        let each = |event: crate::domain::Event| {
            events.push((event.t, event.body));
            ControlFlow::Continue(())
        };
        lock(home.house.ledger()).events(1, each).unwrap();
        events
    };
    let once = journal(&[30]);
    assert_eq!(once, journal(&[1; 30]));
    let released = once.iter().find_map(|(_, body)| match body {
        EventBody::OrderReleased { decision, .. } => decision.as_ref()?.inputs.volume,
        _ => None,
    });
    // The mean of the twenty sessions before the 42nd, which trades through the parent's price, not of those before the first.
    assert_eq!(released, Quantity::from_whole(1_305_000));
}

#[test]
fn facts_outlive_a_step_that_was_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let home = desk(folder.path());
    submit(&home, "a", 80, None);
    set(&home, share("0.5", LimitTerms::default()));
    let knows = || home.house.state().unwrap().facts().of(on()).is_some();
    assert!(knows());
    let price = Price::from_raw(100 * Price::ONE_RAW);
    let (from, to) = (UnixNanos::from_nanos(1), UnixNanos::from_nanos(2));
    let volume = crate::domain::Volume::default();
    let old = Bar { instrument: on(), from, to, open: price, high: price, low: price, close: price, volume };
    let events = vec![MarketEvent::Bars(vec![old])];
    let answer = home.house.engine().unwrap().market_later(events, &Feed::default()).unwrap();
    assert!(answer.recv().unwrap().is_err(), "time does not go back");
    assert!(knows());
}
