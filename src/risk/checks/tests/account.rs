//! Controls over the whole account, over facts of the market, and over what was done before.

use super::*;

#[test]
fn limits_on_the_whole_account_look_at_what_the_order_adds() {
    for (name, hard, most, code) in [
        ("max_position_quantity", "50", 10, "MAX_POSITION"),
        ("max_net_exposure", "0.5", 10, "NET_EXPOSURE"),
        // Open orders are not yet held.
        ("max_leverage", "0.5", 20, "LEVERAGE_LIMIT"),
    ] {
        let world = World::new().limit(name, hard, None).holding(30, "100");
        let world = world.open(named("B0", order(Side::Buy, 10, Some("100"))));
        assert_eq!(world.code(&order(Side::Buy, most, None)), "", "{name}");
        assert_eq!(world.code(&order(Side::Buy, most + 1, None)), code, "{name}");
        let over = World::new().limit(name, hard, None).holding(90, "100");
        assert_eq!(over.code(&order(Side::Sell, 10, None)), "", "{name}");
    }
}

#[test]
fn a_sector_counts_all_its_names_and_an_unknown_one_is_never_passed() {
    let mut world = World::new().limit("max_sector_exposure", "0.5", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "FACT_MISSING");
    let (other, tech): (InstrumentId, crate::domain::CleanText) =
        ("QQQ.XNYS".parse().unwrap(), "tech".into());
    for id in [xyz(), other] {
        world.instruments.insert(id, Instrument { sector: tech.clone(), ..Instrument::with_defaults(id) });
        world.seen.insert(id, *world.seen.get(&xyz()).unwrap());
    }
    let resting = OrderSpec { instrument: other, ..named("B0", order(Side::Buy, 40, Some("100"))) };
    let world = world.open(resting);
    assert_eq!(world.code(&order(Side::Buy, 10, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 11, None)), "SECTOR_LIMIT");
}

#[test]
fn a_sector_counts_what_only_a_quote_values() {
    for scope in ["firm", "strategy:alpha"] {
        let mut world = World::new().limit_for(scope, "max_sector_exposure", "0.5", None);
        let other: InstrumentId = "QQQ.XNYS".parse().unwrap();
        for id in [xyz(), other] {
            let known = Instrument { sector: "tech".into(), ..Instrument::with_defaults(id) };
            world.instruments.insert(id, known);
            let shares = Quantity::from_whole(100).unwrap();
            let (bid, ask) = ("99".parse().unwrap(), "100".parse().unwrap());
            let time = UnixNanos::ZERO;
            let quote = Quote { instrument: id, time, bid, bid_size: shares, ask, ask_size: shares };
            let standing = Standing { quote, bid_left: shares, ask_left: shares };
            world.seen.insert(id, Seen { last: None, quote: Some(standing) });
        }
        let mine = |order| OrderSpec { strategy: Some("alpha".parse().unwrap()), ..order };
        let world = world.open(mine(named("B0", order(Side::Buy, 20, None))));
        let world =
            world.open(mine(OrderSpec { instrument: other, ..named("B1", order(Side::Buy, 20, None)) }));
        assert_eq!(world.code(&mine(order(Side::Buy, 10, None))), "", "{scope}");
        assert_eq!(world.code(&mine(order(Side::Buy, 11, None))), "SECTOR_LIMIT", "{scope}");
        let used = utilisation(&world.book(), &world.limits);
        assert_eq!(used[0].observed, "0.4", "{scope}");
    }
}

#[test]
fn what_needs_facts_says_so_without_them_and_judges_with_them() {
    let names = ["max_adv_participation", "max_beta", "max_var_95", "max_expected_shortfall_99"];
    for name in names {
        assert_eq!(
            World::new().limit(name, "0.5", None).code(&order(Side::Buy, 1, None)),
            "FACT_MISSING",
            "{name}"
        );
    }
    let days: Vec<f64> = (0..252).map(|day| if day % 20 == 0 { -0.05 } else { 0.001 }).collect();
    for (name, hard, most, code) in [
        ("max_adv_participation", "0.01", 10, "ADV_PARTICIPATION"),
        ("max_beta", "0.2", 10, "BETA_LIMIT"),
        ("max_expected_shortfall_99", "0.01", 19, "VAR_LIMIT"),
    ] {
        let mut world = World::new().limit(name, hard, None);
        let facts = InstrumentFacts {
            average_daily_volume: Some(1_000.0),
            beta: Some(2.0),
            returns: Some(days.clone().into()),
            ..InstrumentFacts::default()
        };
        world.tell(facts);
        assert_eq!(world.code(&order(Side::Buy, most, None)), "", "{name}");
        assert_eq!(world.code(&order(Side::Buy, most + 2, None)), code, "{name}");
    }
}

#[test]
fn the_same_order_again_and_an_own_order_across_are_refused() {
    let mut world = World::new().limit("duplicate_order_window", "10", None);
    world.recent = [991].map(taken_at).into();
    assert_eq!(world.code(&order(Side::Buy, 7, None)), "DUPLICATE_ORDER_WINDOW");
    assert_eq!(world.code(&order(Side::Buy, 8, None)), "");
    world.recent = [990].map(taken_at).into();
    assert_eq!(world.code(&order(Side::Buy, 7, None)), "");
    let world = World::new().limit("max_self_trades", "0", None).holding(10, "100");
    let world = world.open(named("S0", order(Side::Sell, 5, Some("105"))));
    assert_eq!(world.code(&order(Side::Buy, 1, Some("104"))), "");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("105"))), "SELF_TRADE");
}

#[test]
fn what_an_account_did_today_is_bounded() {
    let mut world =
        World::new().limit("max_cancels_per_day", "3", None).limit("max_order_to_trade", "4", None);
    world.activity = Activity { messages: 7, cancels: 3, fills: 1, ..Activity::default() };
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    world.activity.messages = 8;
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "ORDER_TO_TRADE");
    world.activity.cancels = 4;
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "CANCEL_LIMIT");
    let mut world = World::new().limit("max_consecutive_losses", "2", None).holding(5, "100");
    world.activity.losses = 3;
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "CONSECUTIVE_LOSSES");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "");
    let mut world = World::new().limit("loss_cooldown", "60", None).holding(5, "100");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    world.activity.lost_at = Some(UnixNanos::from_seconds(941));
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "LOSS_COOLDOWN");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "");
    world.activity.lost_at = Some(UnixNanos::from_seconds(940));
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    let world = World::new().limit("max_open_orders", "1", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    let world = world.open(named("B0", order(Side::Buy, 1, Some("90"))));
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "MAX_OPEN_ORDERS");
}

#[test]
fn a_strategy_that_filled_too_often_takes_no_more_risk() {
    let alpha: StrategyId = "alpha".parse().unwrap();
    let mut world = World::new().limit("max_repeated_executions", "3", None);
    world.executions.insert((None, alpha), 4);
    let asked = OrderSpec { strategy: Some(alpha), ..order(Side::Buy, 1, None) };
    assert_eq!(world.code(&asked), "REPEATED_EXECUTION");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
}

#[test]
fn an_old_reference_and_a_losing_position_are_refused() {
    let world = World::new().limit("max_reference_age", "999", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "STALE_MARKET_DATA");
    let world = World::new().limit("max_reference_age", "1000", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    let world = World::new().limit("max_position_loss", "100", None).holding(20, "106");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "POSITION_LOSS");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "");
}

#[test]
fn a_missing_fact_under_a_soft_limit_alone_waits_for_a_second_person() {
    let mut world = World::new();
    let draft = LimitDraft {
        name: "max_beta".parse().unwrap(),
        scope: Scope::Firm,
        hard: None,
        soft: Some("1".into()),
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    };
    let rita = "rita".parse().unwrap();
    world.limits.approve(1, &draft, (rita, rita), false, UnixNanos::ZERO).unwrap();
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "APPROVAL_REQUIRED");
}

#[test]
fn self_trades_are_counted_over_the_owners_accounts_and_what_waits_is_left_out() {
    let elsewhere = |name: &str, id: &str, limit: &str| OrderSpec {
        account: name.parse().unwrap(),
        ..named(id, order(Side::Sell, 5, Some(limit)))
    };
    let account = |name: &str, owner: Option<&str>| {
        let owner = owner.map(|o| o.parse().unwrap());
        let spec = AccountSpec { account: name.parse().unwrap(), owner, ..spec("10000") };
        (spec.account, Account::open(spec).0)
    };
    let mut world = World::new().limit("max_self_trades", "1", None).holding(10, "100");
    world.accounts = BTreeMap::from([account("B", None), account("C", Some("kim"))]);
    let world = world.open(named("S0", order(Side::Sell, 5, Some("105"))));
    let world = world.open(elsewhere("C", "S2", "105"));
    assert_eq!(world.code(&order(Side::Buy, 1, Some("105"))), "", "one of its own, one of somebody else");
    let world = world.open(elsewhere("B", "S1", "105"));
    assert_eq!(world.code(&order(Side::Buy, 1, Some("105"))), "SELF_TRADE", "two of the same owner");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("104"))), "");

    // A bracket: the entry works, its exits wait for their triggers or their parent.
    let stop = |id: &str, side| OrderSpec {
        order_type: crate::domain::OrderType::Stop,
        trigger_price: Some("95".parse().unwrap()),
        ..named(id, order(side, 5, None))
    };
    let world = World::new().limit("max_self_trades", "0", None).holding(10, "100");
    let world = world.open(named("E", order(Side::Buy, 5, Some("99"))));
    assert_eq!(world.code(&stop("SL", Side::Sell)), "", "a stop that has not triggered trades with nothing");
    assert_eq!(world.code(&order(Side::Sell, 5, Some("99"))), "SELF_TRADE");
    let world =
        World::new().limit("max_self_trades", "0", None).holding(10, "100").open(stop("SL", Side::Sell));
    assert_eq!(world.code(&order(Side::Buy, 1, Some("101"))), "", "nor does anything trade with it");
}
