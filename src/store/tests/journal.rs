//! The trades store: appending, refusing, proving, owning.

use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::trades::{Accounts, Period};
use super::super::{StoreError, TRADES_FILE, TradesReader, TradesStore, holder};
use super::{at, id, name, owner, price, who};
use crate::domain::event::{EventBody, Fill, RiskAck};
use crate::domain::limit::{
    LimitDraft, LimitName, LimitTerms, LimitVersion, Scope, VersionStatus, WorkingOrders,
};
use crate::domain::order_state::{Order, Remote};
use crate::domain::posting::{Asset, Ledger, Phase, Posting};
use crate::domain::row::{Execution, Portfolio, RiskAckRow, RiskEventRow, Row};
use crate::domain::{
    AccountId, AccountKind, AccountSpec, Batch, BrokerId, CleanText, Currency, Event, Exchange, InstrumentId,
    Margin, Money, OrderId, OrderSpec, OrderStatus, Quantity, RefusalCode, Side, TimeInForce,
};

fn account() -> AccountId {
    "desk".parse().unwrap()
}

fn order_id() -> OrderId {
    "o-1".parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn event(seq: u64, body: EventBody) -> Event {
    Event { seq, t: at(100), wall: at(200), by: name("ana"), body }
}

fn posting(seq: u64, ledger: Ledger, asset: Asset, amount: i64) -> Posting {
    Posting { seq, account: account(), ledger, asset, phase: Phase::Posted, amount }
}

fn portfolio(cash: &str, shares: i64) -> Row {
    let holding = (id("AAPL.XNYS"), Quantity::from_whole(shares).unwrap(), money("1000"));
    Row::Portfolio(Portfolio {
        account: account(),
        owner: None,
        kind: AccountKind::Paper,
        exchange: Some(Exchange::Xnys),
        currency: Currency::USD,
        cash: money(cash),
        unsettled: Money::ZERO,
        holdings: if shares == 0 { Vec::new() } else { vec![holding] },
    })
}

/// An event that moves nothing.
pub(super) fn another(seq: u64) -> Batch {
    let resumed = EventBody::Resumed { scope: Scope::Firm, actor: name("ana"), alone: false };
    Batch::new(vec![event(seq, resumed)], Vec::new(), Vec::new()).unwrap()
}

pub(super) fn opening() -> Batch {
    let spec = AccountSpec {
        account: account(),
        kind: AccountKind::Paper,
        owner: None,
        exchange: Some(Exchange::Xnys),
        currency: Currency::USD,
        cash: money("5000"),
        short: false,
        margin: Margin::Cash,
        broker: crate::domain::BrokerId::Paper,
        lots: crate::domain::LotMethod::Fifo,
        trigger: crate::domain::TriggerType::Last,
    };
    let usd = Asset::Money(Currency::USD);
    let cash = money("5000").raw();
    Batch::new(
        vec![event(1, EventBody::AccountOpened(spec))],
        vec![posting(1, Ledger::Cash, usd, cash), posting(1, Ledger::Deposit, usd, -cash)],
        vec![portfolio("5000", 0)],
    )
    .unwrap()
}

fn order() -> Order {
    let spec = OrderSpec {
        tif: TimeInForce::Gtc,
        ..OrderSpec::plain(
            account(),
            order_id(),
            id("AAPL.XNYS"),
            (Side::Buy, Quantity::from_whole(10).unwrap()),
            Some(price("100")),
        )
    };
    Order {
        spec: spec.into(),
        status: OrderStatus::Filled,
        filled: Quantity::from_whole(10).unwrap(),
        filled_notional: money("1000"),
        fees: money("1"),
        volume_before: Quantity::ZERO,
        hold: Money::ZERO,
        valued_at: None,
        triggered: false,
        stop: None,
        cap: None,
        remote: None,
        given_at: at(90),
        changed_at: at(100),
        code: Some(RefusalCode::WaitsForSells),
        reason: "because".to_owned(),
        actor: name("ana"),
        changed_by: Vec::new(),
    }
}

fn execution() -> Execution {
    Execution {
        seq: 2,
        time: at(100),
        account: account(),
        id: order_id(),
        instrument: id("AAPL.XNYS"),
        side: Side::Buy,
        quantity: Quantity::from_whole(10).unwrap(),
        price: price("100"),
        fee: money("1"),
        realized: Money::ZERO,
    }
}

fn risk_event() -> RiskEventRow {
    RiskEventRow {
        seq: 2,
        time: at(100),
        account: account(),
        code: RefusalCode::DailyLossLimit,
        order: Some(order_id()),
        limit: "max_daily_loss".to_owned(),
        observed: "2".to_owned(),
        threshold: "1".to_owned(),
    }
}

fn looked_at() -> RiskAckRow {
    let ack = RiskAck {
        of: 2,
        account: account(),
        actor: "rita".parse().unwrap(),
        resolution: "a typing error, told the trader".into(),
    };
    RiskAckRow { seq: 2, time: at(101), ack }
}

fn limit() -> LimitVersion {
    LimitVersion {
        version: 1,
        draft: LimitDraft {
            name: LimitName::MaxOrderNotional,
            scope: Scope::Firm,
            hard: Some("50000".to_owned()),
            soft: None,
            reason: CleanText::new("opening"),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        },
        maker: name("root"),
        made_at: at(1),
        status: VersionStatus::Approved,
        approver: None,
        approved_at: Some(at(1)),
        alone: false,
        closed: None,
    }
}

fn filling() -> Batch {
    let fill = Fill {
        account: account(),
        id: order_id(),
        instrument: id("AAPL.XNYS"),
        side: Side::Buy,
        quantity: Quantity::from_whole(10).unwrap(),
        price: price("100"),
        fee: money("1"),
        cum: Quantity::from_whole(10).unwrap(),
        leaves: Quantity::ZERO,
        against: (price("100"), Quantity::from_whole(10).unwrap()),
        venue: None,
    };
    let (usd, shares) = (Asset::Money(Currency::USD), Asset::Shares(id("AAPL.XNYS")));
    let ten = Quantity::from_whole(10).unwrap().raw();
    Batch::new(
        vec![event(2, EventBody::Fill(fill))],
        vec![
            posting(2, Ledger::Cash, usd, -money("1001").raw()),
            posting(2, Ledger::Cost, usd, money("1000").raw()),
            posting(2, Ledger::Fee, usd, money("1").raw()),
            posting(2, Ledger::Position, shares, ten),
            posting(2, Ledger::Clearing, shares, -ten),
        ],
        vec![
            Row::Order(Arc::new(order())),
            Row::Execution(execution()),
            Row::RiskEvent(risk_event()),
            Row::RiskAck(looked_at()),
            Row::Limit(Box::new(limit())),
            portfolio("3999", 10),
        ],
    )
    .unwrap()
}

fn filled() -> (tempfile::TempDir, TradesStore) {
    let home = tempfile::tempdir().unwrap();
    let mut store = owner(home.path());
    store.append_all(&[opening(), filling()]).unwrap();
    (home, store)
}

#[test]
fn what_was_appended_is_read_back_and_proves_sound() {
    let (home, store) = filled();
    let reader = TradesReader::open(home.path()).unwrap();
    let mut events = Vec::new();
    let collect = |event| {
        events.push(event);
        ControlFlow::Continue(())
    };
    reader.events(1, collect).unwrap();
    assert_eq!(events, [opening().events, filling().events].concat());
    assert_eq!(reader.last_events(1).unwrap(), filling().events);
    let report = reader.verify().unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.events, report.postings, report.executions), (2, 7, 1));
    assert_eq!((2, report.head), store.chain_end());
}

#[test]
fn what_was_written_after_the_market_of_any_exchange_had_passed_a_moment_was_not_known_at_it() {
    let home = tempfile::tempdir().unwrap();
    let mut store = owner(home.path());
    // A home is set up on the wall; then two exchanges tell, one behind the other.
    let times =
        [(1, "ana", 1_000), (2, "engine", 10), (3, "engine", 100), (4, "engine", 20), (5, "engine", 110)];
    for (seq, by, seconds) in times {
        let mut batch = another(seq);
        for event in &mut batch.events {
            (event.t, event.by) = (at(seconds), name(by));
        }
        store.append(&batch).unwrap();
    }
    let known = |seconds| store.read().known_at(at(seconds), "engine").unwrap();
    assert_eq!([9, 10, 19, 20, 99, 100, 109, 110, 2_000].map(known), [0, 2, 2, 2, 2, 4, 4, 5, 5]);
}

#[test]
fn projections_give_back_what_was_written_to_whom_may_see_it() {
    let (_home, store) = filled();
    let read = store.read();
    let mine = [account()];
    assert_eq!(read.order(account(), order_id()).unwrap(), Some(order()));
    assert_eq!(read.orders(Accounts::Only(&mine), Period::ALL, 10).unwrap(), [order()]);
    assert_eq!(read.executions(Accounts::All, Period::ALL, 10).unwrap(), [execution()]);
    assert_eq!(read.risk_events(Accounts::All, Period::ALL, 10).unwrap(), [risk_event()]);
    assert_eq!((read.risk_event(2).unwrap(), read.risk_event(1).unwrap()), (Some(risk_event()), None));
    assert_eq!((read.risk_acks(2).unwrap(), read.risk_acks(3).unwrap()), (vec![looked_at()], vec![]));
    assert_eq!(read.limit_versions().unwrap(), [limit()]);
    assert_eq!(read.portfolios(Accounts::Only(&mine)).unwrap().len(), 1);
    assert_eq!(read.portfolios(Accounts::Only(&[])).unwrap(), []);
    assert_eq!(read.executions(Accounts::Only(&["sim-kim".parse().unwrap()]), Period::ALL, 10).unwrap(), []);
    let before = Period { from: at(0), to: at(100) };
    assert_eq!(read.executions(Accounts::All, before, 10).unwrap(), []);
}

#[test]
fn a_portfolio_row_changes_the_holdings_it_names_in_a_group_and_later() {
    let home = tempfile::tempdir().unwrap();
    let mut store = owner(home.path());
    let holding = |name: &str, shares: i64| (id(name), Quantity::from_whole(shares).unwrap(), money("1"));
    let naming = |seq, holdings: &[(InstrumentId, Quantity, Money)]| {
        let Row::Portfolio(mut row) = portfolio("5000", 0) else { unreachable!() };
        row.holdings = holdings.to_vec();
        Batch { rows: vec![Row::Portfolio(row)], ..another(seq) }
    };
    let held = |store: &TradesStore| store.read().portfolios(Accounts::All).unwrap().remove(0).holdings;
    let first = naming(2, &[holding("MSFT.XNYS", 1)]);
    let second = naming(3, &[holding("AAPL.XNYS", 2), holding("MSFT.XNYS", 3)]);
    store.append_all(&[opening(), first, second]).unwrap();
    assert_eq!(held(&store), [holding("AAPL.XNYS", 2), holding("MSFT.XNYS", 3)]);
    store.append(&naming(4, &[holding("AAPL.XNYS", 0), holding("IBM.XNYS", 4)])).unwrap();
    assert_eq!(held(&store), [holding("IBM.XNYS", 4), holding("MSFT.XNYS", 3)]);
}

#[test]
fn events_without_their_texts_are_not_stored() {
    let home = tempfile::tempdir().unwrap();
    let bare = Batch { texts: Vec::new(), ..opening() };
    assert!(matches!(owner(home.path()).append(&bare), Err(StoreError::Stray { seq: 1 })));
}

#[test]
fn a_gap_a_stray_or_an_unbalanced_batch_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut store = owner(home.path());
    assert!(matches!(store.append(&filling()), Err(StoreError::Gap { expected: 1, found: 2, .. })));
    let mut unbalanced = opening();
    unbalanced.postings[0].amount += 1;
    assert!(matches!(store.append(&unbalanced), Err(StoreError::Unbalanced { seq: 1, sum: 1, .. })));
    let mut stray = filling();
    stray.events.clear();
    let error = store.append_all(&[opening(), stray]).unwrap_err();
    assert!(matches!(error, StoreError::Stray { seq: 2 }), "{error}");
    assert_eq!(store.read().head().unwrap().0, 0);
    store.append(&opening()).unwrap();
}

#[test]
fn a_restart_continues_the_chain() {
    let home = tempfile::tempdir().unwrap();
    owner(home.path()).append(&opening()).unwrap();
    let mut store = owner(home.path());
    store.append(&filling()).unwrap();
    assert!(store.read().verify().unwrap().is_sound());
}

#[test]
fn the_journal_refuses_update_and_delete() {
    let (home, _store) = filled();
    let raw = Connection::open(home.path().join(TRADES_FILE)).unwrap();
    for sql in [
        "UPDATE journal SET by = 'eve'",
        "DELETE FROM journal",
        "DELETE FROM postings",
        "UPDATE postings SET amount = 0",
    ] {
        assert!(raw.execute(sql, []).unwrap_err().to_string().contains("append-only"), "{sql}");
    }
}

#[test]
fn one_changed_byte_is_found() {
    let (home, store) = filled();
    let raw = Connection::open(home.path().join(TRADES_FILE)).unwrap();
    raw.execute_batch(
        "DROP TRIGGER journal_no_update;
         UPDATE journal SET payload = replace(payload, '5000.00', '6000.00') WHERE seq = 1;",
    )
    .unwrap();
    let report = store.read().verify().unwrap();
    let said: Vec<&str> = report.findings.iter().map(CleanText::as_str).collect();
    assert_eq!(
        said,
        [
            "event 1 was changed: its hash does not fit",
            "event 2 does not continue the chain",
            "event 2 was changed: its hash does not fit"
        ]
    );
}

#[test]
fn a_changed_balance_posting_or_missing_event_is_found() {
    for (sql, finding) in [
        ("UPDATE portfolios SET cash = cash + 1", "desk: cash in USD is 3999000001"),
        (
            "DROP TRIGGER postings_no_update; UPDATE postings SET amount = amount + 1 WHERE id = 1",
            "event 1: postings in USD sum to 1",
        ),
        ("DELETE FROM executions", "the journal has 1 fills, executions has 0 rows"),
        (
            "DROP TRIGGER journal_no_update; UPDATE journal SET by = 'eve' WHERE seq = 2",
            "event 2: a column does not say",
        ),
        (
            "PRAGMA foreign_keys = OFF; DROP TRIGGER journal_no_delete; DELETE FROM journal WHERE seq = 1",
            "event 2 follows event 0",
        ),
    ] {
        let (home, store) = filled();
        let raw = Connection::open(home.path().join(TRADES_FILE)).unwrap();
        raw.execute_batch(sql).unwrap();
        let findings = store.read().verify().unwrap().findings;
        assert!(findings.iter().any(|f| f.as_str().starts_with(finding)), "{sql}: {findings:?}");
    }
}

#[test]
fn tables_that_tell_how_things_stand_can_be_thrown_away_and_rebuilt() {
    let (_home, mut store) = filled();
    assert!(store.is_of_earlier().unwrap());
    let stands = |row: &Row| matches!(row, Row::Order(_) | Row::Portfolio(_) | Row::Limit(_));
    let rows: Vec<Row> = opening().rows.into_iter().chain(filling().rows).filter(stands).collect();
    assert_eq!(store.rebuild(rows).unwrap(), 4);
    assert!(!store.is_of_earlier().unwrap());
    assert_eq!(store.read().executions(Accounts::All, Period::ALL, 10).unwrap(), [execution()]);
    assert!(store.read().verify().unwrap().is_sound());
}

#[test]
fn a_row_of_an_order_at_a_broker_is_what_it_was_before_its_route_was_noted() {
    let (home, mut store) = filled();
    let remote = Remote { route: "alpaca takes limit day".into(), ..Remote::new(BrokerId::Alpaca) };
    let order = Order { remote: Some(Box::new(remote)), ..order() };
    store.rebuild([Row::Order(Arc::new(order))]).unwrap();
    let raw = Connection::open(home.path().join(TRADES_FILE)).unwrap();
    let kept: String = raw.query_row("SELECT remote FROM orders", [], |row| row.get(0)).unwrap();
    assert!(kept.contains("\"changes\":0") && !kept.contains("route"), "{kept}");
}

#[test]
fn there_is_one_owner_and_others_learn_who_it_is() {
    let home = tempfile::tempdir().unwrap();
    let store = owner(home.path());
    assert_eq!(holder(home.path()).unwrap(), Some(who()));
    let Err(StoreError::Held { by, .. }) = TradesStore::open_owner(home.path(), &who()) else {
        panic!("a second owner was let in");
    };
    assert_eq!(by, who());
    TradesReader::open(home.path()).unwrap();
    drop(store);
    assert_eq!(holder(home.path()).unwrap(), None);
    owner(home.path());
}

#[test]
fn the_outbox_moves_forward_only_and_counts_failures() {
    let (_home, mut store) = filled();
    assert_eq!(store.read().delivery("notices").unwrap().delivered, 0);
    assert_eq!(store.delivery_failed("notices", &CleanText::new("busy"), at(1)).unwrap(), 1);
    assert_eq!(store.delivery_failed("notices", &CleanText::new("busy"), at(2)).unwrap(), 2);
    store.delivered("notices", 2, at(3)).unwrap();
    store.delivered("notices", 1, at(4)).unwrap();
    let state = store.read().delivery("notices").unwrap();
    assert_eq!((state.delivered, state.attempts), (2, 0));
}
