//! Who may do what, how logins end, and when two people are two.

use super::*;
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, VersionStatus, WorkingOrders};
use crate::secret::Password;
use crate::service::engine::lock;
use crate::service::permit::{Administer, Audit, ControlRisk, ManageData, TradeDesk, ViewLimits, ViewMarket};
use crate::service::{ErrorKind, ServiceError};

fn password(text: &str) -> Password {
    Password::from(secrecy::SecretString::from(text.to_string()))
}

fn draft(name: LimitName, hard: &str) -> LimitDraft {
    LimitDraft {
        name,
        scope: Scope::Firm,
        hard: Some(hard.into()),
        soft: None,
        reason: "a test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

fn denials(home: &Home) -> Vec<String> {
    let log = lock(home.house.users()).read().access_log(100).unwrap();
    log.iter().filter(|e| e.outcome.as_str() == "denied").map(|e| format!("{} {}", e.user, e.what)).collect()
}

#[test]
fn a_role_without_the_capability_is_denied_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let customer = home.login(Role::Customer);
    let trader = home.login(Role::Trader);
    let risk = home.login(Role::Risk);
    for error in [
        customer.permit::<TradeDesk>().unwrap_err(),
        customer.permit::<ViewLimits>().unwrap_err(),
        trader.permit::<ControlRisk>().unwrap_err(),
        risk.permit::<TradeDesk>().unwrap_err(),
        risk.permit::<Administer>().unwrap_err(),
        trader.permit::<Audit>().unwrap_err(),
        customer.permit::<ManageData>().unwrap_err(),
    ] {
        assert!(matches!(error, ServiceError::NotPermitted { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().starts_with("NOT_PERMITTED_ROLE"), "{error}");
    }
    assert_eq!(denials(&home).len(), 7);
    assert!(
        denials(&home).contains(&"ana change risk limits or halt trading".to_string())
            || denials(&home).contains(&"ana change limits or halt trading".to_string())
    );
    // A customer's trade permit does not reach the desk, whatever account they name.
    assert!(customer.trade_permit(Some("desk".parse().unwrap())).is_err());
    assert_eq!(customer.default_account().unwrap().as_str(), "sim-kim");
}

#[test]
fn nobody_is_made_who_could_not_have_the_account_to_practise_on() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let permit = admin.permit::<Administer>().unwrap();
    let taken = serde_json::json!({ "account": "sim-bob", "cash": "1000", "broker": "paper", "short": false, "margin": "cash", "lots": "fifo" });
    home.house.open_account(&permit, &serde_json::from_value(taken).unwrap()).unwrap();
    let too_long = "b".repeat(30);
    for person in ["bob", &too_long] {
        assert!(home.house.add_user(&permit, name(person), Role::Customer, None).is_err());
        assert!(home.house.people(&permit).unwrap().iter().all(|p| p.name != name(person)), "{person}");
    }
    assert!(
        home.house.add_user(&permit, name("bob"), Role::Trader, None).is_ok(),
        "who trades has no such account"
    );
}

#[test]
fn a_trader_sees_the_limits_of_the_desk_and_nobody_elses_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let trader = home.login(Role::Trader);
    let limits = home.house.limits(&trader.permit::<ViewLimits>().unwrap()).unwrap();
    assert!(!limits.limits.is_empty());
    assert!(limits.limits.iter().all(|l| l.account.is_none_or(|a| a.as_str() == "desk")));
}

#[test]
fn a_risk_manager_has_no_say_over_a_customers_own_practice() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let (risk, admin) = (home.login(Role::Risk), home.login(Role::Admin));
    let practice = Scope::Account("sim-kim".parse().unwrap());
    let own = LimitDraft { scope: practice, ..draft(LimitName::MaxOrderNotional, "1") };
    let permit = risk.permit::<ControlRisk>().unwrap();
    assert!(home.house.set_limit(&permit, own.clone()).is_err());
    assert!(home.house.halt(&permit, practice, HaltMode::Halted, false, "".into()).is_err());
    let permit = admin.permit::<ControlRisk>().unwrap();
    assert!(home.house.set_limit(&permit, own).is_ok());
}

#[test]
fn the_sixth_try_is_refused_unseen_until_a_minute_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    let secret = password("correct horse battery");
    drop(access::found(&home.house, name("root"), Some(&secret), Exchange::Xnys).unwrap());
    for _ in 0..access::FAILURES_ALLOWED {
        let wrong = access::login(&home.house, name("root"), Some(&password("something else"))).unwrap_err();
        assert!(matches!(wrong, ServiceError::LoginFailed));
    }
    let right = access::login(&home.house, name("root"), Some(&secret)).unwrap_err();
    let nobody = access::login(&home.house, name("nobody"), Some(&secret)).unwrap_err();
    assert_eq!(right.to_string(), nobody.to_string());
    home.clock.pass_seconds(access::THROTTLE_SECONDS + 1);
    assert!(access::login(&home.house, name("root"), Some(&secret)).is_ok());
}

#[test]
fn a_login_ends_when_role_or_password_changes() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let trader = home.login(Role::Trader);
    let before = trader.permit::<TradeDesk>().unwrap();
    let permit = admin.permit::<Administer>().unwrap();
    home.house.set_role(&permit, name("ana"), Role::Risk).unwrap();
    assert!(matches!(trader.permit::<ViewMarket>(), Err(ServiceError::SessionOver)));
    // A permit taken before the change does not reach the engine either.
    let command =
        crate::domain::Command::Cancel { account: "desk".parse().unwrap(), id: "x".parse().unwrap() };
    let stale = home.house.give(before.actor(), home.clock.now(), command);
    assert!(matches!(stale, Err(ServiceError::SessionOver)), "{stale:?}");
    let risk = home.login(Role::Risk);
    home.house.reset_password(&permit, name("raj"), &password("a new password for raj")).unwrap();
    assert!(matches!(risk.person(), Err(ServiceError::SessionOver)));
    let customer = home.login(Role::Customer);
    home.house.disable_user(&permit, name("kim")).unwrap();
    assert!(matches!(customer.person(), Err(ServiceError::SessionOver)));
    assert!(access::login(&home.house, name("kim"), None).is_err());
}

#[test]
fn the_last_administrator_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let permit = admin.permit::<Administer>().unwrap();
    assert!(home.house.set_role(&permit, name("root"), Role::Trader).is_err());
    assert!(home.house.disable_user(&permit, name("root")).is_err());
    home.house.set_role(&permit, name("ana"), Role::Admin).unwrap();
    home.house.set_role(&permit, name("root"), Role::Trader).unwrap();
}

#[test]
fn loosening_waits_for_somebody_independent() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let risk = home.login(Role::Risk);
    let control = |s: &Session| s.permit::<ControlRisk>().unwrap();
    let tighter = home.house.set_limit(&control(&risk), draft(LimitName::MaxOrderNotional, "40000")).unwrap();
    assert_eq!(tighter.status, VersionStatus::Approved);
    let looser = home.house.set_limit(&control(&risk), draft(LimitName::MaxOrderNotional, "90000")).unwrap();
    assert_eq!(looser.status, VersionStatus::Proposed);
    let own = home.house.approve_limit(&control(&risk), looser.version);
    assert!(matches!(own, Err(ServiceError::ControlRefused(_))), "{own:?}");
    // The administrator made raj's account: they are one person until raj has made the login his own.
    let tied = home.house.approve_limit(&control(&admin), looser.version);
    assert!(matches!(tied, Err(ServiceError::ControlRefused(_))), "{tied:?}");
    risk.confirm_login().unwrap();
    let approved = home.house.approve_limit(&control(&admin), looser.version).unwrap();
    assert_eq!(approved.approver, Some(name("root")));
    assert_eq!(approved.status, VersionStatus::Approved);
}

#[test]
fn a_version_comes_back_for_its_order_and_its_window_and_for_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let risk = home.login(Role::Risk);
    let permit = || risk.permit::<ControlRisk>().unwrap();
    let now = home.house.house_time().unwrap();
    let order = Some(("desk".parse().unwrap(), "big".parse().unwrap()));
    let set = Some("june".parse().unwrap());
    let expires_at = Some(now.plus_nanos(3_600_000_000_000));
    for terms in [
        LimitTerms { order, set, ..LimitTerms::default() },
        LimitTerms { expires_at, ..LimitTerms::default() },
    ] {
        let draft = LimitDraft { terms, ..draft(LimitName::MaxOrderNotional, "60000") };
        let first = home.house.set_limit(&permit(), draft).unwrap();
        let again = home.house.revert_limit(&permit(), first.version).unwrap();
        assert_eq!((&again.order, again.expires_at, again.set), (&first.order, first.expires_at, None));
        assert_eq!(again.status, VersionStatus::Proposed);
    }
}

#[test]
fn an_own_password_makes_two_people_two_and_a_reset_makes_them_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let mut risk = access::login(&home.house, name("raj"), None).unwrap();
    let ties = || lock(home.house.users()).read().ties(name("raj"), home.clock.now()).unwrap();
    assert_eq!(ties(), [name("root")]);
    risk.change_password(&password("my very own words")).unwrap();
    assert!(ties().is_empty());
    risk.person().expect("the login that changed the password goes on");
    let permit = admin.permit::<Administer>().unwrap();
    home.house.reset_password(&permit, name("raj"), &password("not raj's own words")).unwrap();
    assert_eq!(ties(), [name("root")]);
    home.clock.pass_seconds(8 * 86_400);
    assert!(ties().is_empty());
    assert!(risk.confirm_login().is_err(), "the login has ended");
}

#[test]
fn a_login_with_a_password_is_not_confirmed_without_changing_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let admin = home.login(Role::Admin);
    let permit = admin.permit::<Administer>().unwrap();
    let secret = password("given by the administrator");
    home.house.add_user(&permit, name("eve"), Role::Risk, Some(&secret)).unwrap();
    let eve = access::login(&home.house, name("eve"), Some(&secret)).unwrap();
    assert!(eve.confirm_login().is_err());
    assert_eq!(lock(home.house.users()).read().ties(name("eve"), home.clock.now()).unwrap(), [name("root")]);
}

#[test]
fn a_halt_is_lifted_by_another_person() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 2);
    let risk = home.login(Role::Risk);
    let admin = home.login(Role::Admin);
    let trader = home.login(Role::Trader);
    let control = |s: &Session| s.permit::<ControlRisk>().unwrap();
    home.house.halt(&control(&risk), Scope::Firm, HaltMode::Halted, false, "".into()).unwrap();
    let on = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let permit = trader.trade_permit(None).unwrap();
    let refused = home.house.submit(&permit, &wish("while-halted", Side::Buy, on, 1, None)).unwrap();
    assert_eq!(refused.status, crate::domain::OrderStatus::Denied);
    assert!(home.house.resume(&control(&risk), Scope::Firm).is_err());
    home.house.resume(&control(&admin), Scope::Firm).unwrap();
    let taken = home.house.submit(&permit, &wish("after-halt", Side::Buy, on, 1, None)).unwrap();
    assert_ne!(taken.status, crate::domain::OrderStatus::Denied, "{}", taken.reason);
}

#[test]
fn a_locked_session_gives_no_permit_until_it_is_unlocked() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    let trader = home.login(Role::Trader);
    trader.lock();
    assert!(matches!(trader.permit::<ViewMarket>(), Err(ServiceError::Locked)));
    assert!(trader.unlock(Some(&password("guess"))).is_err());
    trader.unlock(None).unwrap();
    assert!(trader.permit::<ViewMarket>().is_ok());
}

#[test]
fn a_list_names_known_instruments_however_they_are_spelled() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 5);
    let risk = home.login(Role::Risk);
    let held = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let set =
        |name, list: &str| home.house.set_limit(&risk.permit::<ControlRisk>().unwrap(), draft(name, list));
    let lower = held.symbol.as_str().to_ascii_lowercase();
    for name in [LimitName::RestrictedSymbols, LimitName::AllowedSymbols] {
        for list in [held.to_string(), lower.clone()] {
            let row = set(name, &list).unwrap();
            assert_eq!(row.hard.as_deref(), Some(held.symbol.as_str()), "{list}");
            let seen = home
                .house
                .preview_limit(&risk.permit::<ControlRisk>().unwrap(), &draft(name, &list))
                .unwrap();
            assert!(!seen.needs_approval, "it is the same list: {list}");
        }
        let refused = set(name, &format!("{},NOPE", held.symbol)).unwrap_err().to_string();
        assert!(refused.starts_with("symbol 'NOPE' is not known"), "{refused}");
    }
}

#[test]
fn a_name_that_stood_on_a_list_before_may_stay_on_it_known_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 5);
    let risk = home.login(Role::Risk);
    let held = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let (permit, name) = (risk.permit::<ControlRisk>().unwrap(), LimitName::RestrictedSymbols);
    // As an older release took it.
    home.house.control(&permit, crate::domain::Command::SetLimit(draft(name, "GONE"))).unwrap();
    let row = home.house.set_limit(&permit, draft(name, &format!("GONE,{held}"))).unwrap();
    assert_eq!(row.hard, Some(format!("GONE,{}", held.symbol)));
    assert!(home.house.set_limit(&permit, draft(LimitName::AllowedSymbols, "GONE")).is_err(), "another list");
    let without = home.house.set_limit(&permit, draft(name, held.symbol.as_str())).unwrap();
    assert_eq!(without.hard.as_deref(), Some(held.symbol.as_str()), "it can be taken off");
}

#[test]
fn a_list_of_ten_thousand_names_is_set_soon() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 5);
    let risk = home.login(Role::Risk);
    let (permit, name) = (risk.permit::<ControlRisk>().unwrap(), LimitName::RestrictedSymbols);
    let names: Vec<String> = (0..10_000).map(|number| format!("N{number}")).collect();
    let list = names.join(",");
    home.house.control(&permit, crate::domain::Command::SetLimit(draft(name, &list))).unwrap();
    let began = std::time::Instant::now();
    home.house.set_limit(&permit, draft(name, &list)).unwrap();
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
