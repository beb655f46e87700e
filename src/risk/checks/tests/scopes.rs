//! What a limit measures follows its scope; and the limits that look at the whole firm, at a list, and at the capital.

use std::sync::Arc;

use super::*;
use crate::domain::decision::DecisionRecord;
use crate::risk::{LimitChange, LimitError};

/// 10,000 in cash of which 4,000 are in `ABC`; `XYZ` is flat.
fn with_abc() -> World {
    let abc: InstrumentId = "ABC.XNYS".parse().unwrap();
    let mut world = World::new().holding(40, "100");
    let position = world.account.clone();
    world.account = Account::open(spec("10000")).0;
    let fill = Fill {
        account: "A".parse().unwrap(),
        id: "H".parse().unwrap(),
        instrument: abc,
        side: Side::Buy,
        quantity: position.quantity(xyz()),
        price: "100".parse().unwrap(),
        fee: Money::ZERO,
        cum: Quantity::ZERO,
        leaves: Quantity::ZERO,
        against: (Price::ZERO, Quantity::ZERO),
        venue: None,
    };
    world.account.fill(&fill, crate::portfolio::Booking::default()).unwrap();
    world.instruments.insert(abc, Instrument::with_defaults(abc));
    let last = Some(Priced { price: "100".parse().unwrap(), time: UnixNanos::ZERO });
    world.seen.insert(abc, Seen { last, quote: None });
    world
}

fn draft(name: &str, scope: &str, hard: Option<&str>) -> LimitDraft {
    LimitDraft {
        name: name.parse().unwrap(),
        scope: scope.parse().unwrap(),
        hard: hard.map(str::to_owned),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

#[test]
fn an_exposure_of_a_symbol_is_that_symbols_alone() {
    for (name, code) in [
        ("max_gross_exposure", "GROSS_EXPOSURE"),
        ("max_net_exposure", "NET_EXPOSURE"),
        ("max_leverage", "LEVERAGE_LIMIT"),
    ] {
        let firm = with_abc().limit(name, "0.5", None);
        assert_eq!(firm.code(&order(Side::Buy, 10, None)), "", "{name}");
        assert_eq!(firm.code(&order(Side::Buy, 11, None)), code, "{name}");
        let own = with_abc().limit_for("symbol:XYZ", name, "0.5", None);
        assert_eq!(own.code(&order(Side::Buy, 50, None)), "", "{name}");
        assert_eq!(own.code(&order(Side::Buy, 51, None)), code, "{name}");
        let both = own.limit(name, "0.6", None);
        assert_eq!(both.code(&order(Side::Buy, 20, None)), "", "{name}");
        assert_eq!(both.code(&order(Side::Buy, 21, None)), code, "{name}: the account's own binds too");
    }
    let used = |world: &World| {
        let uses = utilisation(&world.book(), &world.limits);
        uses.into_iter().map(|u| u.observed).collect::<Vec<_>>()
    };
    let own = with_abc().limit_for("symbol:XYZ", "max_gross_exposure", "0.5", None);
    assert_eq!(used(&own), ["0"]);
    assert_eq!(used(&with_abc().limit_for("symbol:ABC", "max_gross_exposure", "0.5", None)), ["0.4"]);
}

#[test]
fn orders_count_by_symbol_and_by_strategy() {
    let of = |strategy: &str, id: &str| OrderSpec {
        strategy: Some(strategy.parse().unwrap()),
        ..named(id, order(Side::Buy, 1, Some("90")))
    };
    let world = with_abc().open(of("s1", "a")).open(of("s2", "b"));
    let world = world.limit_for("strategy:s1", "max_open_orders", "1", None);
    assert_eq!(world.code(&of("s1", "n")), "MAX_OPEN_ORDERS");
    assert_eq!(world.code(&of("s2", "n")), "");
    let other = OrderSpec { instrument: "ABC.XNYS".parse().unwrap(), ..of("s3", "n") };
    let mut world = world.limit_for("symbol:XYZ", "max_open_orders", "2", None);
    assert_eq!(world.code(&of("s3", "n")), "MAX_OPEN_ORDERS");
    assert_eq!(world.code(&other), "");
    world.limits = LimitBook::default();
    world.recent.push_back(Recent::of(&other, world.now));
    let world = world.limit_for("symbol:XYZ", "max_orders_per_minute", "1", None);
    assert_eq!(world.code(&of("s3", "n")), "", "the other order was of another name");
}

#[test]
fn a_days_loss_of_a_symbol_is_not_that_of_another() {
    let mut world = with_abc();
    let last = Some(Priced { price: "90".parse().unwrap(), time: UnixNanos::ZERO });
    world.seen.insert("ABC.XNYS".parse().unwrap(), Seen { last, quote: None });
    let xyz_only = World { limits: LimitBook::default(), ..world }.limit_for(
        "symbol:XYZ",
        "max_daily_loss",
        "100",
        None,
    );
    let more = OrderSpec { instrument: "ABC.XNYS".parse().unwrap(), ..order(Side::Buy, 1, None) };
    assert_eq!((xyz_only.code(&order(Side::Buy, 1, None)), xyz_only.code(&more)), ("", ""));
    let abc = xyz_only.limit_for("symbol:ABC", "max_daily_loss", "399", None);
    assert_eq!((abc.code(&order(Side::Buy, 1, None)), abc.code(&more)), ("", "DAILY_LOSS_LIMIT"));
    let uses = utilisation(&abc.book(), &abc.limits);
    assert_eq!(uses.iter().map(|u| u.observed.as_str()).collect::<Vec<_>>(), ["400.00", "0.00"]);
}

#[test]
fn a_scope_that_cannot_be_told_apart_is_refused_when_it_is_set_and_never_when_it_is_taken_away() {
    let book = LimitBook::default();
    for (name, scope) in [
        ("max_position_loss", "strategy:s1"),
        ("max_currency_exposure", "strategy:s1"),
        ("max_sector_exposure", "symbol:XYZ"),
        ("max_drawdown", "strategy:s1"),
        ("max_drawdown", "symbol:XYZ"),
        ("max_beta", "symbol:XYZ"),
        ("max_firm_gross_exposure", "account:A"),
    ] {
        let asked = draft(name, scope, Some("0.1"));
        let told = book.judge(&asked, UnixNanos::ZERO);
        assert!(matches!(told, Err(LimitError::ForeignScope { .. })), "{name} {scope}: {told:?}");
        assert!(matches!(book.with(&asked), Err(LimitError::ForeignScope { .. })), "{name}");
        assert_eq!(book.judge(&draft(name, scope, None), UnixNanos::ZERO), Ok(LimitChange::AtOnce));
    }
    let told = book.judge(&draft("max_drawdown", "strategy:s1", Some("0.1")), UnixNanos::ZERO).unwrap_err();
    assert_eq!(
        told.to_string(),
        "max_drawdown cannot be set for strategy:s1: it measures each account as a whole; set it for one of: firm, \
         account"
    );
    for (name, scope) in [
        ("max_order_notional", "strategy:s1"),
        ("max_gross_exposure", "strategy:s1"),
        ("max_daily_loss", "symbol:XYZ"),
    ] {
        assert!(book.judge(&draft(name, scope, Some("10")), UnixNanos::ZERO).is_ok(), "{name} {scope}");
    }
}

#[test]
fn a_record_of_a_time_when_scopes_measured_the_account_gives_the_verdict_of_then() {
    let world = with_abc().limit_for("symbol:XYZ", "max_gross_exposure", "0.3", None);
    let draft = Arc::new(order(Side::Buy, 10, None));
    let decision = evaluate(&world.book(), &world.limits, &Draft::new(&draft));
    let mut record: DecisionRecord = decision.seen().clone();
    assert_eq!(replay(draft.account, &record), Verdict::Accept);
    record.inputs.limits[0].own = None;
    assert!(matches!(replay(draft.account, &record), Verdict::Refuse(_)), "the account stands at 0.4");
    // A preview does not pass the account's figure off as the symbol's.
    let past = [PastDecision { order: &draft, kind: AccountKind::Paper, record: &record }];
    let drafted = super::scopes::draft("max_gross_exposure", "symbol:XYZ", Some("0.3"));
    let seen = preview(&[world.book()], &LimitBook::default(), &drafted, &past).unwrap();
    assert_eq!(seen.not_evaluated_at, [0]);
    let drafted = super::scopes::draft("max_gross_exposure", "symbol:ABC", Some("0.3"));
    let seen = preview(&[world.book()], &LimitBook::default(), &drafted, &[]).unwrap();
    assert_eq!(seen.positions.iter().map(|p| p.observed.as_str()).collect::<Vec<_>>(), ["0.4"]);
}

#[test]
fn the_firms_exposure_is_that_of_all_its_accounts_over_their_equity() {
    let peered = |side| {
        let mut world = World::new();
        let peer = AccountSpec { account: "B".parse().unwrap(), ..spec("10000") };
        world.accounts.insert(peer.account, Account::open(peer.clone()).0);
        let other =
            AccountSpec { account: "C".parse().unwrap(), currency: "AUD".parse().unwrap(), ..spec("10000") };
        world.accounts.insert(other.account, Account::open(other.clone()).0);
        world.open(OrderSpec { account: peer.account, ..named("P", order(side, 40, Some("100"))) })
    };
    let world = peered(Side::Buy).limit("max_firm_gross_exposure", "0.5", None);
    assert_eq!(world.code(&order(Side::Buy, 60, None)), "", "100 of 200 hundreds");
    assert_eq!(world.code(&order(Side::Buy, 61, None)), "GROSS_EXPOSURE");
    let seen = |world: &World| utilisation(&world.book(), &world.limits)[0].observed.clone();
    assert_eq!(seen(&world), "0.2");
    let world = peered(Side::Buy).limit("max_firm_net_exposure", "0.5", None);
    assert_eq!(world.code(&order(Side::Buy, 60, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 61, None)), "NET_EXPOSURE");
    let world = peered(Side::Sell).limit("max_firm_net_exposure", "0.3", None);
    assert_eq!(world.code(&order(Side::Buy, 60, None)), "", "open sells of others are no longs");
    assert_eq!(world.code(&order(Side::Buy, 61, None)), "NET_EXPOSURE");
    assert_eq!(seen(&world), "0.2", "the larger side");
}

#[test]
fn only_what_every_allow_list_names_is_traded() {
    let world = World::new().limit("allowed_symbols", "ABC,XYZ", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    let world = world.limit_for("account:A", "allowed_symbols", "ABC", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "NOT_ALLOWED");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "NOT_ALLOWED");
    let soft = World::new().limit("allowed_symbols", "XYZ", Some("ABC"));
    assert_eq!(soft.code(&order(Side::Buy, 1, None)), "APPROVAL_REQUIRED");
    let none = World::new().limit("allowed_symbols", "", None);
    assert_eq!(none.code(&order(Side::Buy, 1, None)), "NOT_ALLOWED");
    let book = none.limit("allowed_symbols", "ABC,XYZ", None).limits;
    let judge = |list: Option<&str>| book.judge(&draft("allowed_symbols", "firm", list), UnixNanos::ZERO);
    assert_eq!(judge(Some("XYZ")), Ok(LimitChange::AtOnce));
    assert_eq!(judge(Some("ABC,QQQ,XYZ")), Ok(LimitChange::Waits), "one name more is looser");
    assert_eq!(judge(None), Ok(LimitChange::Waits));
    let held = World::new().holding(5, "100");
    let drafted = draft("allowed_symbols", "firm", Some("ABC"));
    let seen = preview(&[held.book()], &held.limits, &drafted, &[]).unwrap();
    assert_eq!(seen.positions.iter().map(|p| p.observed.as_str()).collect::<Vec<_>>(), ["XYZ"]);
}

#[test]
fn a_static_drawdown_is_measured_from_the_capital_and_speaks_until_it_is_lifted() {
    let mut world = World::new().holding(50, "100").limit("max_static_drawdown", "0.05", None);
    let at = |world: &mut World, price: &str| {
        let last = Some(Priced { price: price.parse().unwrap(), time: UnixNanos::ZERO });
        world.seen.insert(xyz(), Seen { last, quote: None });
    };
    // A peak of 15,000 and a fall from there are not looked at.
    at(&mut world, "90");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "", "exactly 5 %");
    at(&mut world, "89");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "STATIC_DRAWDOWN_LIMIT");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "");
    let told = losses(&world.book(), &world.limits);
    assert_eq!(
        told.iter().map(|l| (l.code, l.observed.as_str())).collect::<Vec<_>>(),
        [(RefusalCode::StaticDrawdownLimit, "0.055")]
    );
    at(&mut world, "100");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    world.latched.insert(("A".parse().unwrap(), RefusalCode::StaticDrawdownLimit));
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "STATIC_DRAWDOWN_LIMIT");
    world.limits = LimitBook::default();
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
}
