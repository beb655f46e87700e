//! Every request a terminal can send, sent by a customer: what the matrix does not give is refused, whatever the screen
//! offered. A new request without a row here does not compile.

use super::*;
use crate::config::SETTINGS;
use crate::domain::event::{EventBody, HaltMode};
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, WorkingOrders};
use crate::domain::vendor::DataKind;
use crate::domain::{InstrumentId, Side};
use crate::service::access::Password;
use crate::service::desk::{Reply, Request, ResearchWish, Table, Ticket, Wake};
use crate::service::desk_worker;
use crate::service::engine::lock;
use crate::service::quality::Decision;
use crate::store::trades::TradesReader;

/// Whether a customer may send it. Exhaustive on purpose.
fn allowed(request: &Request) -> bool {
    match request {
        Request::Focus(_)
        | Request::SelectAccount(_)
        | Request::Find(_)
        | Request::Watch(_)
        | Request::Unwatch(_)
        // Accounts of others do not exist for who asks.
        | Request::Route(..)
        | Request::ReadNotices => true,
        Request::Setting { key, .. } => ["theme", "ascii", "colors"].contains(&key.as_str()),
        Request::WhatIf(t) | Request::Submit { ticket: t, .. } => t.account.as_str() != "desk",
        Request::Amend { account, .. }
        | Request::Cancel { account, .. }
        | Request::CancelAll { account, .. } => account.as_str() != "desk",
        Request::Export { table, .. } => {
            matches!(table, Table::Orders | Table::Fills | Table::Positions | Table::News)
        }
        Request::PreviewLimit(_)
        | Request::SetLimit(_)
        | Request::ApproveLimit(_)
        | Request::RejectLimit { .. }
        | Request::Acknowledge { .. }
        | Request::RevertLimit(_)
        | Request::PreviewLimits(_)
        | Request::PreviewSet(_)
        | Request::SetLimits(..)
        | Request::ApproveSet(..)
        | Request::RejectSet(..)
        | Request::RevertSet(_)
        | Request::ApproveOrder { .. }
        | Request::Halt { .. }
        | Request::Resume(_)
        | Request::Flatten { .. }
        | Request::Drill(_)
        | Request::TakeOver { .. }
        | Request::RunSignals
        | Request::Rebalance { .. }
        | Request::Advance(_)
        | Request::Speed(_)
        | Request::Sync(..)
        | Request::StopSync
        | Request::FindSetAside(_)
        | Request::Decide(..)
        | Request::OpenVault(_)
        | Request::OpenKeyring
        | Request::DisableUser(_)
        | Request::VerifyAudit
        | Request::Research(_)
        | Request::Factors
        | Request::SaveFactor { .. } => false,
    }
}

/// Requests that set limits, alone and in change sets.
fn set_requests(draft: LimitDraft) -> [Request; 11] {
    let set: crate::domain::ChangeSetId = "none".parse().unwrap();
    [
        Request::PreviewLimits(vec![draft.clone()]),
        Request::SetLimits(vec![draft.clone()], "a test".into()),
        Request::SetLimit(Box::new(draft)),
        Request::PreviewSet(set),
        Request::ApproveSet(set, None),
        Request::RejectSet(set, "a test".into()),
        Request::RevertSet(set),
        Request::RejectLimit { version: 1, reason: "no".into() },
        Request::Acknowledge { event: 1, reason: "seen".into() },
        Request::ApproveLimit(1),
        Request::RevertLimit(1),
    ]
}

fn draft() -> LimitDraft {
    LimitDraft {
        name: LimitName::MaxOrderNotional,
        scope: Scope::Firm,
        hard: Some("1".into()),
        soft: None,
        reason: "a test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

fn requests(instrument: InstrumentId) -> Vec<Request> {
    let desk: crate::domain::AccountId = "desk".parse().unwrap();
    let own: crate::domain::AccountId = "sim-kim".parse().unwrap();
    let draft = draft();
    let ticket = |account| Ticket {
        account,
        instrument,
        order: Box::new(super::wish("none", Side::Buy, instrument, 1, None)),
    };
    let id: crate::domain::OrderId = "nothing".parse().unwrap();
    let quantity = crate::domain::Quantity::ZERO;
    let seen = crate::domain::command::ShownOrder { quantity, limit_price: None, trigger_price: None };
    let mut all = vec![
        Request::Focus(instrument),
        Request::SelectAccount(desk),
        Request::Find("a".into()),
        Request::Watch(instrument),
        Request::Unwatch(instrument),
        Request::ReadNotices,
        Request::PreviewLimit(Box::new(draft.clone())),
        Request::ApproveOrder { account: desk, id, seen },
        Request::Halt { scope: Scope::Firm, mode: HaltMode::Halted, cancel: true, reason: "".into() },
        Request::Resume(Scope::Firm),
        Request::Flatten { scope: Scope::Firm, reason: "".into() },
        Request::Drill(Scope::Firm),
        Request::TakeOver { account: desk, symbol: instrument.symbol, shown: None },
        Request::RunSignals,
        Request::Rebalance { dry_run: true },
        Request::Rebalance { dry_run: false },
        Request::Advance(1),
        Request::Speed(1),
        Request::Sync(DataKind::Daily, vec!["AAPL".into()]),
        Request::StopSync,
        Request::FindSetAside("a".into()),
        Request::Decide(1, Decision::Ignore),
        Request::OpenVault(Password::new("open sesame".to_owned())),
        Request::OpenKeyring,
        Request::DisableUser("ana".parse().unwrap()),
        Request::VerifyAudit,
        Request::Research(ResearchWish {
            generation: 1,
            formula: "$close".into(),
            instrument: Some(instrument),
            column: Some("$close".into()),
            screen: Some("$close > 0".into()),
        }),
        Request::Factors,
        Request::SaveFactor { name: "mine".into(), text: "$close".into() },
    ];
    all.extend(SETTINGS.iter().map(|setting| {
        let (key, value) = (setting.key.into(), setting.default_value());
        Request::Setting { key, value }
    }));
    all.extend(set_requests(draft));
    for account in [desk, own] {
        all.push(Request::WhatIf(ticket(account)));
        all.push(Request::Submit { ticket: ticket(account), basis: (0, 0) });
        let (quantity, limit_price, trigger_price) = (None, None, None);
        all.push(Request::Amend { account, id, quantity, limit_price, trigger_price });
        all.push(Request::Cancel { account, id });
        all.push(Request::Route(account, id));
        all.push(Request::CancelAll { account, symbol: None });
    }
    let tables = [Table::Orders, Table::Fills, Table::Positions, Table::News];
    for table in tables.into_iter().chain([Table::Signals, Table::Limits, Table::Audit]) {
        all.push(Request::Export { table, json: true });
    }
    all
}

#[test]
fn a_customer_reaches_no_signal_limit_or_log_by_any_request() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    let customer = home.login(Role::Customer);
    let mut desk = desk_worker::start(&customer).unwrap();
    let instrument = desk.screen().watchlist.first().unwrap().instrument;
    for request in requests(instrument) {
        let (may, shown) = (allowed(&request), format!("{request:?}"));
        let number = desk.send(request).unwrap();
        let reply = loop {
            match desk.wakes().recv().unwrap() {
                Wake::Reply(answered, reply) if answered == number => break reply,
                Wake::Reply(..) | Wake::Screen => {}
                Wake::Research => panic!("values of an expression came to a customer"),
                Wake::Ended(why) => panic!("{why}"),
            }
        };
        let denied = matches!(&reply, Reply::Failed(why) if why.contains("NOT_PERMITTED_ROLE"));
        assert_eq!(denied, !may, "{shown}: {reply:?}");
        let said = format!("{reply:?}");
        assert!(!said.contains("max_order_notional") || denied, "{shown}: {said}");
    }
    assert!(desk.research().is_none(), "no value of an expression");
    let screen = desk.screen();
    let settings: Vec<&str> = screen.settings.iter().map(|s| s.key.as_str()).collect();
    assert_eq!(settings, ["theme", "ascii", "colors"]);
    assert!(
        screen.positions.iter().all(|p| p.account.as_str() == "sim-kim"),
        "the desk's account stays unseen"
    );
    assert!(screen.signals.is_none() && screen.limits.is_none() && screen.breaches.is_none());
    assert!(screen.log.is_none() && screen.users.is_none() && screen.health.is_none());
}

#[test]
fn who_changes_how_the_paper_exchange_fills_stands_in_journal_and_log() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    home.login(Role::Trader).change_setting("paper.fee_bps", "0").unwrap_err();
    let admin = home.login(Role::Admin);
    admin.change_setting("paper.fee_bps", "7").unwrap();
    let events = TradesReader::open(home.house.home()).unwrap().last_events(5).unwrap();
    let configured = events.iter().rev().find(|e| matches!(e.body, EventBody::Configured(_))).unwrap();
    assert_eq!(configured.by, admin.user());
    let log = lock(home.house.users()).read().access_log(10).unwrap();
    let said = log.iter().find(|row| row.what.as_str() == "change a setting").unwrap();
    assert_eq!((said.user.as_str(), said.detail.as_str()), (admin.user().as_str(), "paper.fee_bps = 7"));
}
