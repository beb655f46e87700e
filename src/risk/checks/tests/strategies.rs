//! A limit of a strategy measures what that strategy holds and orders in an account, at worst, and nothing else.

use super::*;

fn of(strategy: &str, order: OrderSpec) -> OrderSpec {
    OrderSpec { strategy: Some(strategy.parse().unwrap()), ..order }
}

fn abc() -> InstrumentId {
    "ABC.XNYS".parse().unwrap()
}

/// 10,000 of equity: 60 XYZ at 100, of which `s1` holds 40 long and `s2` 10 short, and a market in ABC at 50.
fn world() -> World {
    let mut world = World::new().holding(60, "100");
    world.account = world.account.clone();
    world.instruments.insert(abc(), Instrument::with_defaults(abc()));
    let last = Some(Priced { price: "50".parse().unwrap(), time: UnixNanos::ZERO });
    world.seen.insert(abc(), Seen { last, quote: None });
    let shares = |whole| Quantity::from_whole(whole).unwrap();
    world.attributed =
        vec![("s1".parse().unwrap(), xyz(), shares(40)), ("s2".parse().unwrap(), xyz(), shares(-10))];
    world
}

fn limited(name: &str, hard: &str) -> World {
    world().limit_for("strategy:s1", name, hard, None)
}

fn used(world: &World) -> String {
    utilisation(&world.book(), &world.limits)[0].observed.clone()
}

#[test]
fn a_position_of_a_strategy_is_what_it_holds_and_orders_itself() {
    for (name, hard, code, observed) in [
        ("max_position_quantity", "50", "MAX_POSITION", "40"),
        ("max_position_notional", "5000", "MAX_POSITION", "4000.00"),
        ("max_position_weight", "0.5", "CONCENTRATION", "0.4"),
    ] {
        let world = limited(name, hard);
        assert_eq!(used(&world), observed, "{name}");
        assert_eq!(world.code(&of("s1", order(Side::Buy, 10, None))), "", "{name}: 40 and 10");
        assert_eq!(world.code(&of("s1", order(Side::Buy, 11, None))), code, "{name}");
        assert_eq!(world.code(&of("s2", order(Side::Buy, 11, None))), "", "{name}: another strategy");
        assert_eq!(world.code(&order(Side::Buy, 11, None)), "", "{name}: no strategy");
        // Its open orders count at worst, those of others do not.
        let world = world.open(of("s2", named("a", order(Side::Buy, 9, None))));
        let world = world.open(of("s1", named("b", order(Side::Buy, 9, None))));
        assert_eq!(world.code(&of("s1", order(Side::Buy, 1, None))), "", "{name}");
        assert_eq!(world.code(&of("s1", order(Side::Buy, 2, None))), code, "{name}");
        // What makes its own holding smaller passes, whatever the value.
        let tight = limited(name, "0");
        assert_eq!(tight.code(&of("s1", order(Side::Sell, 40, None))), "", "{name}");
        assert_eq!(tight.code(&of("s1", order(Side::Sell, 41, None))), code, "{name}: short of one");
    }
}

#[test]
fn what_makes_the_accounts_position_smaller_may_make_a_strategys_larger() {
    let world = world().limit_for("strategy:s2", "max_position_quantity", "10", None);
    assert_eq!(world.code(&of("s2", order(Side::Sell, 1, None))), "MAX_POSITION", "11 short");
    assert_eq!(
        world.code(&of("s2", order(Side::Buy, 10, None))),
        "",
        "the account buys more, the strategy covers"
    );
    assert_eq!(world.code(&of("s2", order(Side::Buy, 21, None))), "MAX_POSITION", "11 long");
}

#[test]
fn exposures_of_a_strategy_are_shares_of_the_accounts_equity() {
    let buy = |shares| of("s1", OrderSpec { instrument: abc(), ..order(Side::Buy, shares, None) });
    let sell = |shares| of("s1", OrderSpec { instrument: abc(), ..order(Side::Sell, shares, None) });
    for (name, code) in [
        ("max_gross_exposure", "GROSS_EXPOSURE"),
        ("max_net_exposure", "NET_EXPOSURE"),
        ("max_leverage", "LEVERAGE_LIMIT"),
    ] {
        let world = limited(name, "0.5");
        assert_eq!(used(&world), "0.4", "{name}: 4,000 of 10,000");
        assert_eq!(world.code(&buy(20)), "", "{name}: and 20 at 50");
        assert_eq!(world.code(&buy(21)), code, "{name}");
        let world = world.open(named("b", buy(10)));
        let open = if name == "max_leverage" { "0.4" } else { "0.45" };
        assert_eq!(used(&world), open, "{name}");
        let code = if name == "max_leverage" { "" } else { code };
        assert_eq!(world.code(&buy(11)), code, "{name}: leverage is of what is held");
    }
    let shorts = |mut world: World| {
        world.account = Account::open(AccountSpec { short: true, margin: Margin::RegT, ..spec("10000") }).0;
        world
    };
    let gross = shorts(limited("max_gross_exposure", "0.5"));
    assert_eq!(gross.code(&sell(21)), "GROSS_EXPOSURE", "4,000 long and 1,050 short");
    let net = shorts(limited("max_net_exposure", "0.5"));
    assert_eq!(net.code(&sell(21)), "", "2,950 net");
    assert_eq!(net.code(&sell(181)), "NET_EXPOSURE", "5,050 net short");
}

#[test]
fn a_sector_of_a_strategy_and_its_open_orders_are_its_own() {
    let mut world = limited("max_sector_exposure", "0.5");
    let tech = |id| Instrument { sector: "tech".into(), ..Instrument::with_defaults(id) };
    world.instruments = [xyz(), abc()].into_iter().map(|id| (id, tech(id))).collect();
    let buy = |shares| of("s1", OrderSpec { instrument: abc(), ..order(Side::Buy, shares, None) });
    assert_eq!(
        (used(&world).as_str(), world.code(&buy(20)), world.code(&buy(21))),
        ("0.4", "", "SECTOR_LIMIT")
    );
    let world = limited("max_open_orders", "1").open(of("s2", named("a", order(Side::Buy, 1, Some("90")))));
    assert_eq!((used(&world).as_str(), world.code(&buy(1))), ("0", ""));
    let world = world.open(named("b", buy(1)));
    assert_eq!((used(&world).as_str(), world.code(&buy(1))), ("1", "MAX_OPEN_ORDERS"));
}

#[test]
fn a_strategy_that_lost_too_much_today_only_reduces() {
    let mut world = limited("max_daily_loss", "100");
    world.made.insert("s1".parse().unwrap(), "-100".parse().unwrap());
    assert_eq!((used(&world).as_str(), world.code(&of("s1", order(Side::Buy, 1, None)))), ("100.00", ""));
    world.made.insert("s1".parse().unwrap(), "-100.01".parse().unwrap());
    assert_eq!(world.code(&of("s1", order(Side::Buy, 1, None))), "DAILY_LOSS_LIMIT");
    assert_eq!(world.code(&of("s1", order(Side::Sell, 1, None))), "");
    assert_eq!(world.code(&of("s2", order(Side::Buy, 1, None))), "");
    world.made.clear();
    assert_eq!(world.code(&of("s1", order(Side::Buy, 1, None))), "REFERENCE_PRICE_UNAVAILABLE", "not known");
    assert_eq!(used(&world), "");
}

#[test]
fn a_preview_tells_the_orders_and_holdings_of_a_strategy_that_lie_over_a_draft() {
    let world = world().open(of("s1", named("b", order(Side::Buy, 5, None))));
    let world = world.open(of("s2", named("c", order(Side::Sell, 5, None))));
    let told = |name: &str, hard: &str| {
        let drafted = LimitDraft {
            name: name.parse().unwrap(),
            scope: "strategy:s1".parse().unwrap(),
            hard: Some(hard.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let seen = preview(&[world.book()], &world.limits, &drafted, &[]).unwrap();
        let text = |over: Vec<crate::risk::OverLimit>| {
            over.into_iter()
                .map(|o| format!("{:?} {}", o.order.map(|id| id.to_string()), o.observed))
                .collect()
        };
        let (orders, positions): (Vec<String>, Vec<String>) = (text(seen.orders), text(seen.positions));
        (orders.join("; "), positions.join("; "))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(told("max_position_quantity", "44"), pair("Some(\"b\") 45", "None 45"));
    assert_eq!(told("max_gross_exposure", "0.44"), pair("Some(\"b\") 0.45", "None 0.45"));
    assert_eq!(told("max_open_orders", "0"), pair("", "None 1"));
    assert_eq!(told("max_gross_exposure", "0.45"), pair("", ""));
}

#[test]
fn a_past_decision_says_nothing_of_a_strategy_that_nobody_had_limited_then() {
    let world = world();
    // The account gets less, the strategy goes short.
    let order = std::sync::Arc::new(of("s3", order(Side::Sell, 5, None)));
    let record = evaluate(&world.book(), &world.limits, &Draft::new(&order)).into_record();
    assert!(record.inputs.reduces);
    let past = [PastDecision { order: &order, kind: AccountKind::Paper, record: &record }];
    for name in ["max_gross_exposure", "max_net_exposure", "max_position_quantity"] {
        let drafted = LimitDraft {
            name: name.parse().unwrap(),
            scope: "strategy:s3".parse().unwrap(),
            hard: Some("0".to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let seen = preview(&[world.book()], &world.limits, &drafted, &past).unwrap();
        assert_eq!((seen.considered, seen.unrecorded_at), (1, vec![0]), "{name}");
    }
}
