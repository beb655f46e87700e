//! The demo home is populated in every role, sound, and the same for the same seed.

use super::*;
use crate::domain::limit::{LimitName, VersionStatus};
use crate::domain::{OrderStatus, RefusalCode};
use crate::service::audit::AuditLine;
use crate::service::permit::Audit;

fn status(screen: &Screen, wanted: OrderStatus) -> usize {
    screen.orders.iter().filter(|o| o.status == wanted).count()
}

/// Panes that every role has.
fn common_parts_are_filled(screen: &Screen) {
    let role = screen.role;
    assert!(screen.data.simulated && screen.data.session_open, "{role}");
    assert!(!screen.watchlist.is_empty(), "{role}");
    assert!(screen.watchlist.iter().all(|r| r.bid.is_some() && r.last_price.is_some()), "{role}");
    assert!(screen.chart.as_ref().is_some_and(|c| c.bars.len() > 1_000), "{role}");
    assert!(!screen.positions.is_empty(), "{role}");
    assert!(screen.positions.iter().all(|p| p.market_value.is_some()), "{role}");
    assert!(screen.equity.len() > 5, "{role}");
    assert!(!screen.history.is_empty(), "{role}");
    assert!(!screen.insights.is_empty(), "{role}");
    assert!(!screen.news.is_empty(), "{role}");
    assert!(screen.unread > 0, "{role}");
    assert!(status(screen, OrderStatus::Accepted) > 0, "{role}");
}

fn desk_parts_are_filled(screen: &Screen) {
    let role = screen.role;
    assert!(screen.signals.as_ref().is_some_and(|s| !s.rows.is_empty()), "{role}");
    assert!(status(screen, OrderStatus::Filled) > 0, "{role}");
    assert!(status(screen, OrderStatus::PartiallyFilled) > 0, "{role}");
    assert!(screen.orders.iter().any(|o| o.code == Some(RefusalCode::ApprovalRequired)), "{role}");
    let limits = screen.limits.as_ref().unwrap();
    assert!(limits.limits.iter().any(|l| l.used.is_some_and(|u| u > 0.3)), "{role}: {:?}", limits.limits);
    assert!(limits.limits.iter().any(|l| l.proposed.is_some()), "{role}");
    let approved = |v: &crate::service::view::LimitVersionRow| v.approver.is_some();
    assert!(limits.history.iter().any(approved), "{role}");
    assert!(limits.history.iter().any(|v| v.status == VersionStatus::Proposed), "{role}");
    let breaches = screen.breaches.as_ref().unwrap();
    assert!(breaches.iter().any(|b| b.code == RefusalCode::MaxOrderNotional), "{role}: {breaches:?}");
}

#[test]
fn a_demo_is_populated_in_every_role() {
    for seed in [7, 1] {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path());
        crate::service::demo::found(&home.house, seed, 60).unwrap();
        for role in [Role::Trader, Role::Risk, Role::Admin] {
            let screen = home.screen(role);
            common_parts_are_filled(&screen);
            desk_parts_are_filled(&screen);
            assert_eq!(screen.users.is_some(), role == Role::Admin);
            assert_eq!(screen.health.is_some(), role == Role::Admin);
        }
        let own = home.screen(Role::Customer);
        common_parts_are_filled(&own);
        assert!(status(&own, OrderStatus::Denied) > 0);
        home.close();
    }
}

#[test]
fn the_desk_holds_what_the_rebalances_meant_it_to_hold() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    crate::service::demo::found(&home.house, 7, 60).unwrap();
    let screen = home.screen(Role::Trader);
    let desk = screen.accounts.iter().find(|a| a.account.as_str() == "desk").unwrap();
    // The second rebalance sells first and then buys with it, so that the desk stays invested.
    assert!(desk.gross_exposure.unwrap().to_f64() > 0.8, "{:?}", desk.gross_exposure);
    assert!(screen.breaches.unwrap().iter().all(|b| b.code != RefusalCode::InsufficientCash));
}

#[test]
fn a_customer_sees_no_signal_limit_or_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    let screen = home.screen(Role::Customer);
    assert!(screen.signals.is_none() && screen.limits.is_none() && screen.breaches.is_none());
    assert!(screen.users.is_none() && screen.log.is_none() && screen.health.is_none());
    assert!(screen.accounts.iter().all(|a| a.owner == Some(screen.user)));
    assert!(screen.watchlist.iter().all(|r| r.rank.is_none()));
    let mut texts: Vec<String> = screen.notices.iter().map(|n| format!("{} {}", n.title, n.text)).collect();
    texts.extend(screen.insights.iter().map(|i| format!("{i:?}")));
    for order in &screen.orders {
        assert!(order.limit.is_none() && order.observed.is_none() && order.threshold.is_none());
        texts.push(format!("{:?} {}", order.code, order.reason));
    }
    for text in &texts {
        for name in LimitName::ALL {
            assert!(!text.contains(name.as_str()) && !text.contains(name.code().as_str()), "{text}");
        }
        for secret in ["20000", "version", "threshold", "momentum", "score"] {
            assert!(!text.contains(secret), "'{secret}' in {text}");
        }
    }
    assert!(screen.orders.iter().any(|o| o.code == Some(RefusalCode::Refused)));
}

/// Everything the journal says, in order.
fn journal(seed: u64) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), seed);
    let session = home.login(Role::Admin);
    let mut events = Vec::new();
    let permit = session.permit::<Audit>().unwrap();
    home.house
        .audit_trail(&permit, |line| {
            if let AuditLine::Event(event) = line {
                events.push(serde_json::to_string(&event).unwrap());
            }
        })
        .unwrap();
    events
}

#[test]
fn the_same_seed_lives_the_same_past() {
    let first = journal(11);
    assert!(first.len() > 100);
    assert_eq!(first, journal(11));
    assert_ne!(first, journal(12));
}

#[test]
fn the_journal_of_a_demo_is_sound() {
    for seed in [5, 9] {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::demo(folder.path(), seed);
        let session = home.login(Role::Admin);
        let report = home.house.verify_audit(&session.permit::<Audit>().unwrap(), None).unwrap();
        assert!(report.sound, "{:?}", report.findings);
        assert!(report.executions > 10 && report.postings > 20);
        let again = crate::service::demo::found(&home.house, seed, 24);
        assert!(again.is_err(), "a demo never moves into a home where people live");
    }
}
