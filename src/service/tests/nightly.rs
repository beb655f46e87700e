//! The nightly verification, with a clock that moves only when told.

use std::io::Write;

use rusqlite::Connection;

use super::*;
use crate::domain::OrderStatus;
use crate::service::ServiceError;
use crate::service::advance::Until;
use crate::service::audit::AuditHead;
use crate::service::nightly::{Rounds, Stop};
use crate::service::permit::{Administer, Audit, ManageData, ViewMarket};
use crate::service::view::HealthRow;

const DAY_SECONDS: i64 = 24 * 3_600;
const PAUSE_SECONDS: i64 = 600;

fn last_verify(home: &Home) -> HealthRow {
    let admin = home.login(Role::Admin);
    let rows = home.house.health(&admin.permit::<Administer>().unwrap()).unwrap();
    rows.into_iter().find(|row| row.name == "last verify").unwrap()
}

fn unread(home: &Home, role: Role) -> Vec<String> {
    let session = home.login(role);
    let (rows, _) = home.house.notices(&session.permit::<ViewMarket>().unwrap(), 100).unwrap();
    rows.into_iter().filter(|row| !row.read).map(|row| row.title).collect()
}

fn play_a_session(home: &Home) {
    let trader = home.login(Role::Trader);
    home.house.advance(&trader.permit::<ManageData>().unwrap(), None, Until::Sessions(1), |_| ()).unwrap();
}

#[test]
fn it_runs_after_a_session_and_once_a_day_and_says_so_in_the_health() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let (mut rounds, stop) = (Rounds::new(&home.house).unwrap(), Stop::default());
    home.clock.pass_seconds(DAY_SECONDS - 1);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), None, "no session is over, and no day has passed");
    assert_eq!(last_verify(&home).value, "not yet");
    home.clock.pass_seconds(1);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), Some(true));
    let first = last_verify(&home);
    assert!(first.ok && first.value.starts_with("sound at "), "{}", first.value);
    play_a_session(&home);
    play_a_session(&home);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), None, "sessions in a hurry share one");
    home.clock.pass_seconds(PAUSE_SECONDS);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), Some(true));
    assert_ne!(last_verify(&home).value, first.value);
    home.clock.pass_seconds(PAUSE_SECONDS);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), None);
    // The next process goes on from there.
    let mut next = Rounds::new(&home.house).unwrap();
    home.clock.pass_seconds(DAY_SECONDS - PAUSE_SECONDS);
    assert_eq!(next.look(&home.house, &stop).unwrap(), Some(true));
}

#[test]
fn what_is_not_sound_is_told_to_those_who_may_audit() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let (mut rounds, stop) = (Rounds::new(&home.house).unwrap(), Stop::default());
    let trades = Connection::open(folder.path().join("trades.db")).unwrap();
    trades.execute_batch("UPDATE portfolios SET cash = cash + 1").unwrap();
    home.clock.pass_seconds(DAY_SECONDS);
    assert_eq!(rounds.look(&home.house, &stop).unwrap(), Some(false));
    let health = last_verify(&home);
    assert!(!health.ok && health.value.starts_with("unsound at "), "{}", health.value);
    let title = "The audit trail is not sound".to_string();
    for role in Role::ALL {
        let may_audit = matches!(role, Role::Risk | Role::Admin);
        assert_eq!(unread(&home, role).contains(&title), may_audit, "{role}");
    }
}

#[test]
fn a_home_found_unsound_takes_no_new_risk_until_it_is_found_sound() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let trader = home.login(Role::Trader);
    let permit = trader.trade_permit(None).unwrap();
    let held = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let low = Some("1.00".parse().unwrap());
    let resting = home.house.submit(&permit, &wish("rests", Side::Buy, held, 1, low)).unwrap();
    let trades = Connection::open(folder.path().join("trades.db")).unwrap();
    trades.execute_batch("UPDATE portfolios SET cash = cash + 1 WHERE account <> 'desk'").unwrap();
    let auditor = home.login(Role::Risk);
    let audit = auditor.permit::<Audit>().unwrap();
    let head = home.house.audit_head(&audit).unwrap();
    let report = home.house.verify_audit(&audit, Some(&head)).unwrap();
    assert!(!report.sound, "a head that is right hides nothing");
    let refused = home.house.submit(&permit, &wish("new", Side::Buy, held, 1, low)).unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, ServiceError::Unsound(_)) && said.contains("'restore' a backup"), "{said}");
    let more = Some(Quantity::from_whole(2).unwrap());
    let amended = home.house.amend(&permit, resting.id, more, (None, None));
    assert!(matches!(amended, Err(ServiceError::Unsound(_))), "{amended:?}");
    let closing = OrderWish { reduce_only: true, ..wish("closes", Side::Sell, held, 1, None) };
    assert!(home.house.submit(&permit, &closing).is_ok(), "what only reduces goes on");
    home.house.cancel(&permit, resting.id).unwrap();
    let admin = home.login(Role::Admin);
    let health = home.house.health(&admin.permit::<Administer>().unwrap()).unwrap();
    assert!(health.iter().any(|row| row.name == "unsound" && !row.ok));
    trades.execute_batch("UPDATE portfolios SET cash = cash - 1 WHERE account <> 'desk'").unwrap();
    let report = home.house.verify_audit(&audit, None).unwrap();
    assert!(report.sound, "{:?}", report.findings);
    home.house.submit(&permit, &wish("new", Side::Buy, held, 1, low)).unwrap();
    let foreign = AuditHead { acts_hash: "0".repeat(64), ..head };
    assert!(!home.house.verify_audit(&audit, Some(&foreign)).unwrap().sound);
    assert!(crate::store::unsound(folder.path()).is_none(), "a head may be of another home");
}

#[test]
fn trades_that_cannot_be_opened_any_more_are_unsound_too() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let trader = home.login(Role::Trader);
    let permit = trader.trade_permit(None).unwrap();
    let held = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let buy =
        |id: &str| home.house.submit(&permit, &wish(id, Side::Buy, held, 1, Some("1.00".parse().unwrap())));
    let auditor = home.login(Role::Risk);
    let verify = || home.house.verify_audit(&auditor.permit::<Audit>().unwrap(), None).unwrap();
    let trades = folder.path().join("trades.db");
    // All of it into the file, where the damage is.
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let in_the_way: i64 =
        Connection::open(&trades).unwrap().query_row(checkpoint, [], |row| row.get(0)).unwrap();
    assert_eq!(in_the_way, 0);
    let good = std::fs::read(&trades).unwrap();
    std::fs::OpenOptions::new().write(true).open(&trades).unwrap().write_all(&[0xa5; 100]).unwrap();
    let report = verify();
    assert!(!report.sound && report.findings[0].contains("is not a database"), "{:?}", report.findings);
    assert!(last_verify(&home).value.starts_with("unsound at "), "it is on record");
    assert!(matches!(buy("damaged"), Err(ServiceError::Unsound(_))));
    // So that another process which only looks marks it as well.
    crate::store::lift_unsound(folder.path()).unwrap();
    let looking = house::open(Parts { own: false, ..parts(folder.path(), &home.clock) });
    assert!(looking.is_err() && matches!(buy("seen"), Err(ServiceError::Unsound(_))));
    std::fs::OpenOptions::new().write(true).open(&trades).unwrap().write_all(&good[..100]).unwrap();
    assert!(verify().sound && buy("mended").is_ok());
    let aside = folder.path().join("aside");
    std::fs::rename(&trades, &aside).unwrap();
    assert!(
        !verify().sound && matches!(buy("gone"), Err(ServiceError::Unsound(_))),
        "written to no file of the home"
    );
    std::fs::rename(&aside, &trades).unwrap();
    assert!(verify().sound && buy("back").is_ok());
}

#[test]
fn it_runs_on_a_thread_of_its_own_and_ends_with_the_workstation() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let nightly = home.house.start_nightly().unwrap().unwrap();
    drop(nightly);
    assert_eq!(last_verify(&home).value, "not yet");
    // More than a day after the home was opened the first look is due.
    home.clock.pass_seconds(DAY_SECONDS);
    let nightly = home.house.start_nightly().unwrap().unwrap();
    let begin = std::time::Instant::now();
    while last_verify(&home).value == "not yet" {
        assert!(begin.elapsed().as_secs() < 60, "it never ran");
        std::thread::yield_now();
    }
    drop(nightly);
    assert!(last_verify(&home).ok);
    home.close();
}

#[test]
fn tables_in_the_words_of_an_earlier_release_are_no_damage_and_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 7);
    let held = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let permit = home.login(Role::Trader).trade_permit(None).unwrap();
    let resting = wish("rests", Side::Buy, held, 1, Some("1.00".parse().unwrap()));
    assert_eq!(home.house.submit(&permit, &resting).unwrap().status, OrderStatus::Accepted);
    let clock = home.close();
    let trades = Connection::open(folder.path().join("trades.db")).unwrap();
    trades.execute_batch("UPDATE orders SET status = 'triggered' WHERE id = 'rests'").unwrap();
    let is_sound = |home: &Home| {
        let auditor = home.login(Role::Risk);
        home.house.verify_audit(&auditor.permit::<Audit>().unwrap(), None).unwrap().sound
    };
    let reader = || Home::with(Parts { own: false, ..parts(folder.path(), &clock) }, clock.clone());
    assert!(!is_sound(&reader()), "in a table of this release it is damage");
    trades.execute_batch("DELETE FROM standing").unwrap();
    assert!(is_sound(&reader()));
    let home = Home::at(folder.path(), clock.clone());
    let sql = "SELECT status FROM orders WHERE id = 'rests'";
    let status: String = trades.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(status, "accepted");
    assert!(is_sound(&home));
}
