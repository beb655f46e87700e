//! Files in, empty homes, and the courier.

use super::*;
use crate::domain::command::{Given, Independence};
use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::domain::market::{ActionKind, Basis, CorporateAction, SplitRatio};
use crate::domain::{CleanText, Command};
use crate::service::advance::Until;
use crate::service::audit::AuditLine;
use crate::service::engine::lock;
use crate::service::import::{BarImport, Wanted};
use crate::service::permit::{Audit, ManageData, ViewPortfolio};
use crate::store::HeldBy;
use crate::store::trades::TradesStore;

const BARS: &str = "date,symbol,open,high,low,close,volume
2024-01-02,AAPL,100,102,99,101,1000000
2024-01-02,MSFT,300,303,299,301,1000000
2024-01-03,AAPL,101,103,100,102,1000000
2024-01-03,MSFT,301,299,304,302,1000000
2024-01-04,AAPL,102,105,101,104,1000000
2024-01-04,MSFT,302,306,301,305,1000000
";

pub(super) fn import(home: &Home, text: &str) -> crate::domain::import::ImportReport {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let trader = home.login(Role::Trader);
    let wish = BarImport {
        files: vec![file.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some(CleanText::new("file")), basis: Some(Basis::Raw) },
    };
    home.house.import_bars(&trader.permit::<ManageData>().unwrap(), &wish, |_| {}).unwrap()
}

/// Split-adjusted prices as a vendor tells them.
pub(super) fn import_split(home: &Home, text: &str) {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), format!("date,symbol,open,high,low,close,volume\n{text}")).unwrap();
    let trader = home.login(Role::Trader);
    let wish = BarImport {
        files: vec![file.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some(CleanText::new("yahoo")), basis: Some(Basis::Split) },
    };
    let report = home.house.import_bars(&trader.permit::<ManageData>().unwrap(), &wish, |_| {}).unwrap();
    assert!(report.is_clean());
}

#[test]
fn a_split_that_the_vendor_worked_into_its_history_reaches_what_was_bought_before() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    import_split(
        &home,
        "2024-01-02,AAA,1200,1210,1190,1200,100000\n2024-01-03,AAA,1200,1215,1195,1205,100000\n",
    );
    let trader = home.login(Role::Trader);
    let advance = || {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(1), |_| {}).unwrap()
    };
    let on: InstrumentId = "AAA.XNYS".parse().unwrap();
    let held = || {
        let permit = trader.permit::<ViewPortfolio>().unwrap();
        let desk = home.house.portfolios(&permit, Some("desk".parse().unwrap())).unwrap().remove(0);
        (desk.positions[0].quantity.to_string(), desk.positions[0].market_value.unwrap().to_string())
    };
    advance();
    home.house.submit(&trader.trade_permit(None).unwrap(), &wish("one", Side::Buy, on, 10, None)).unwrap();
    assert_eq!(advance().fills, 1);
    assert_eq!(held().0, "10");
    let split = CorporateAction {
        instrument: on,
        date: "2024-01-04".parse().unwrap(),
        kind: ActionKind::Split(SplitRatio { new: "10".parse().unwrap(), old: "1".parse().unwrap() }),
    };
    lock(home.house.market_store()).store_actions(&[split]).unwrap();
    import_split(
        &home,
        "2024-01-02,AAA,120,121,119,120,1000000\n2024-01-03,AAA,120,121.5,119.5,120.5,1000000\n\
         2024-01-04,AAA,121,122,120,121,1000000\n2024-01-05,AAA,121,123,120,122,1000000\n",
    );
    advance();
    assert_eq!(held(), ("100".to_owned(), "12100.00".to_owned()));
    advance();
    assert_eq!(held(), ("100".to_owned(), "12200.00".to_owned()), "once");
}

#[test]
fn imported_bars_fill_orders_once_time_advances_over_them() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let report = import(&home, BARS);
    assert_eq!((report.stored, report.quarantine.len()), (5, 1));
    let trader = home.login(Role::Trader);
    let advance = |n| {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(n), |_| {}).unwrap()
    };
    assert!(home.house.state().unwrap().market_time(Exchange::Xnys).is_none(), "importing moves no time");
    assert_eq!((advance(1).sessions, advance(1).bars), (1, 1));
    let on: InstrumentId = "AAPL.XNYS".parse().unwrap();
    let permit = trader.trade_permit(None).unwrap();
    home.house.submit(&permit, &wish("one", Side::Buy, on, 10, None)).unwrap();
    let report = advance(5);
    assert_eq!((report.sessions, report.fills), (1, 1));
    assert_eq!(advance(5).sessions, 0, "every session is fed once");
    let fills = home
        .house
        .history(&trader.permit::<ViewPortfolio>().unwrap(), None, crate::store::trades::Period::ALL, 10)
        .unwrap();
    // The open of 102 and one basis point of slippage, against the buyer.
    assert_eq!(fills.first().unwrap().price, "102.0102".parse().unwrap());
    for role in Role::ALL {
        let screen = home.screen(role);
        assert!(!screen.data.simulated);
    }
    assert_eq!(import(&home, BARS).unchanged, 5);
}

#[test]
fn screens_of_an_empty_home_and_of_one_with_people_only_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    assert!(!home.house.has_users().unwrap());
    drop(access::found(&home.house, name("root"), None, Exchange::Xnys).unwrap());
    let alone = home.screen(Role::Admin);
    assert!(alone.limits.as_ref().is_some_and(|l| l.single_person));
    assert!(alone.data.warning && alone.positions.is_empty());
    assert!(access::found(&home.house, name("eve"), None, Exchange::Xnys).is_err());
    let admin = home.login(Role::Admin);
    for role in [Role::Customer, Role::Trader, Role::Risk] {
        let permit = admin.permit::<crate::service::permit::Administer>().unwrap();
        home.house.add_user(&permit, name(role.demo_name()), role, None).unwrap();
    }
    for role in Role::ALL {
        let screen = home.screen(role);
        assert_eq!(screen.role, role);
        assert!(screen.account.is_some(), "{role}");
        assert!(screen.signals.is_none_or(|s| s.rows.is_empty()));
    }
}

/// Writes a halt to the journal as a process would that dies before its courier runs.
fn halt_and_die(folder: &Path, clock: &TestClock) {
    let who = HeldBy::this_process("test", "tester", clock.now());
    let mut store = TradesStore::open_owner(folder, &who).unwrap();
    let calendars = crate::domain::calendar::Calendars::bundled().unwrap();
    let mut engine = crate::service::engine::resume(&calendars, store.read(), None, None).unwrap().engine;
    let given = Given {
        actor: name("raj"),
        independent_of: Independence::Everyone,
        command: Command::Halt {
            scope: Scope::Firm,
            mode: HaltMode::Halted,
            cancel: false,
            reason: "".into(),
        },
    };
    let batch = engine.command(&given, clock.now(), clock.now()).unwrap();
    store.append(&batch.with_texts().unwrap()).unwrap();
}

#[test]
fn notices_left_undelivered_by_a_crash_are_delivered_once() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 21);
    let halts = |home: &Home| {
        // An answer of the engine: what it did before, it has delivered.
        home.house.state().unwrap();
        home.house.engine().unwrap().prime(Vec::new()).unwrap();
        home.house.state().unwrap();
        let users = lock(home.house.users());
        Role::ALL.map(|r| {
            let notices = users.read().notices(name(r.demo_name()), 1_000).unwrap();
            notices.iter().filter(|n| n.title.as_str() == "Trading halted").count()
        })
    };
    assert_eq!(halts(&home), [0; 4]);
    let mut clock = home.close();
    halt_and_die(folder.path(), &clock);
    for _ in 0..3 {
        let home = Home::at(folder.path(), clock);
        assert_eq!(halts(&home), [1; 4]);
        clock = home.close();
    }
}

#[test]
fn denials_reach_the_audit_trail() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 22);
    let customer = home.login(Role::Customer);
    assert!(customer.permit::<ManageData>().is_err());
    let admin = home.login(Role::Admin);
    let trader = home.login(Role::Trader);
    let on = home.screen(Role::Trader).positions.first().unwrap().instrument;
    home.house.submit(&trader.trade_permit(None).unwrap(), &wish("any", Side::Buy, on, 1, None)).unwrap();
    home.house.state().unwrap();
    home.house.submit(&trader.trade_permit(None).unwrap(), &wish("next", Side::Buy, on, 1, None)).unwrap();
    let mut acts = Vec::new();
    let permit = admin.permit::<Audit>().unwrap();
    home.house
        .audit_trail(&permit, |line| {
            if let AuditLine::Act { user, what, outcome, .. } = line {
                acts.push(format!("{user} {what} {outcome}"));
            }
        })
        .unwrap();
    assert!(acts.contains(&"kim import, sync or advance market data denied".to_string()), "{acts:?}");
}
