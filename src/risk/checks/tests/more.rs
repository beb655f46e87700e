//! Controls over money that is not settled, what can be borrowed, minimums, and what was done in the last minute and
//! sessions.

use std::sync::Arc;

use super::*;
use crate::portfolio::Booking;
use crate::risk::checks::fat_fill;
use crate::risk::limits::Target;
use crate::risk::monitor::watched;

fn money(whole: i64) -> Money {
    Money::from_whole(whole).unwrap()
}

/// Sold for 4,000 today; 6,000 are settled.
fn with_proceeds() -> World {
    let mut world = World::new().holding(40, "100");
    let fill = Fill {
        account: "A".parse().unwrap(),
        id: "S".parse().unwrap(),
        instrument: xyz(),
        side: Side::Sell,
        quantity: Quantity::from_whole(40).unwrap(),
        price: "100".parse().unwrap(),
        fee: Money::ZERO,
        cum: Quantity::ZERO,
        leaves: Quantity::ZERO,
        against: (Price::ZERO, Quantity::ZERO),
        venue: None,
    };
    let settles = Some("2024-03-06".parse().unwrap());
    world.account.fill(&fill, Booking { settles, ..Booking::default() }).unwrap();
    world
}

#[test]
fn proceeds_that_are_not_settled_buy_no_more_than_the_limit_allows() {
    assert_eq!(with_proceeds().code(&order(Side::Buy, 100, None)), "", "nobody set the limit");
    let world = with_proceeds().limit("max_unsettled_use", "0", None);
    assert_eq!(world.code(&order(Side::Buy, 60, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 61, None)), "UNSETTLED_FUNDS");
    let world = world.open(named("B0", order(Side::Buy, 50, Some("100"))));
    assert_eq!(world.code(&order(Side::Buy, 11, None)), "UNSETTLED_FUNDS", "open buys count");
    let world = with_proceeds().limit("max_unsettled_use", "1000", Some("500"));
    assert_eq!(world.code(&order(Side::Buy, 65, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 70, None)), "APPROVAL_REQUIRED");
    assert_eq!(world.code(&order(Side::Buy, 71, None)), "UNSETTLED_FUNDS");
    assert_eq!(world.code(&order(Side::Buy, 101, None)), "INSUFFICIENT_CASH", "there must be money at all");
}

#[test]
fn a_stop_that_the_market_has_passed_is_refused_when_it_is_given_and_not_when_it_is_judged_again() {
    let stop = |side, trigger: &str| OrderSpec {
        order_type: crate::domain::OrderType::Stop,
        trigger_price: Some(trigger.parse().unwrap()),
        ..order(side, 5, None)
    };
    let world = World::new().holding(10, "100");
    assert_eq!(world.code(&stop(Side::Buy, "100.01")), "");
    assert_eq!(world.code(&stop(Side::Buy, "100")), "STOP_IN_MARKET");
    assert_eq!(world.code(&stop(Side::Sell, "99.99")), "");
    assert_eq!(world.code(&stop(Side::Sell, "100")), "STOP_IN_MARKET");
    let given = stop(Side::Sell, "101");
    let world = world.open(given.clone());
    let judged = |order: &OrderSpec| {
        evaluate(&world.book(), &world.limits, &Draft::amended(&Arc::new(order.clone()))).is_accepted()
    };
    assert!(judged(&given), "as it stands");
    assert!(!judged(&stop(Side::Sell, "102")), "a change is a new wish");
}

#[test]
fn what_can_be_borrowed_bounds_what_is_short_in_all_accounts() {
    let mut world = World::new();
    let short = |name: &str| AccountSpec { short: true, account: name.parse().unwrap(), ..spec("100000") };
    world.account = Account::open(short("A")).0;
    let borrowable = Some(Quantity::from_whole(30).unwrap());
    world.instruments.insert(xyz(), Instrument { borrowable, ..Instrument::with_defaults(xyz()) });
    let mut world = world.holding(5, "100");
    assert_eq!(world.code(&order(Side::Sell, 35, None)), "");
    assert_eq!(world.code(&order(Side::Sell, 36, None)), "EXCEEDS_SHORTABLE_QUANTITY");
    let mut other = World::new();
    other.account = Account::open(short("B")).0;
    let other = other.holding(-20, "100");
    world.accounts.insert("B".parse().unwrap(), other.account);
    assert_eq!(world.code(&order(Side::Sell, 15, None)), "");
    assert_eq!(world.code(&order(Side::Sell, 16, None)), "EXCEEDS_SHORTABLE_QUANTITY");
    assert_eq!(world.code(&order(Side::Sell, 5, None)), "", "what is held is not borrowed");
    let world = world.open(OrderSpec { account: "B".parse().unwrap(), ..order(Side::Sell, 6, Some("100")) });
    assert_eq!(world.code(&order(Side::Sell, 9, None)), "");
    assert_eq!(
        world.code(&order(Side::Sell, 10, None)),
        "EXCEEDS_SHORTABLE_QUANTITY",
        "its open sells count"
    );
}

#[test]
fn a_minimum_is_not_undercut_but_a_small_rest_can_be_closed() {
    for (name, hard, code) in [
        ("min_order_quantity", "10", "QUANTITY_BELOW_MINIMUM"),
        ("min_order_notional", "1000", "NOTIONAL_BELOW_MINIMUM"),
    ] {
        let world = World::new().limit(name, hard, None).holding(3, "100");
        assert_eq!(world.code(&order(Side::Buy, 9, None)), code, "{name}");
        assert_eq!(world.code(&order(Side::Buy, 10, None)), "", "{name}");
        assert_eq!(world.code(&order(Side::Sell, 3, None)), "", "{name}");
    }
}

#[test]
fn the_collar_counts_ticks_too() {
    let world = World::new().limit("price_collar_ticks", "50", None);
    assert_eq!(world.code(&order(Side::Buy, 1, Some("100.50"))), "");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("100.51"))), "PRICE_COLLAR");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("90"))), "");
}

#[test]
fn days_to_liquidate_are_those_at_the_venues_participation() {
    let mut world = World::new().limit("max_days_to_liquidate", "2", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "FACT_MISSING");
    let facts = InstrumentFacts { average_daily_volume: Some(1_000.0), ..InstrumentFacts::default() };
    world.tell(facts);
    // 25 of 1,000 shares a day.
    assert_eq!(world.code(&order(Side::Buy, 50, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 51, None)), "DAYS_TO_LIQUIDATE");
    let facts = world.facts.clone();
    let over = World { facts, ..World::new().limit("max_days_to_liquidate", "2", None).holding(90, "100") };
    assert_eq!(over.code(&order(Side::Sell, 10, None)), "");
}

#[test]
fn a_currency_counts_once_over_all_paper_accounts() {
    let mut world = World::new().limit("max_currency_exposure", "5000", None);
    assert_eq!(world.code(&order(Side::Buy, 50, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 51, None)), "CURRENCY_EXPOSURE");
    let peer = AccountSpec { account: "B".parse().unwrap(), ..spec("10000") };
    world.accounts.insert(peer.account, Account::open(peer.clone()).0);
    let resting = OrderSpec { account: peer.account, ..named("P", order(Side::Buy, 20, Some("100"))) };
    let world = world.open(resting);
    assert_eq!(world.code(&order(Side::Buy, 30, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 31, None)), "CURRENCY_EXPOSURE");
}

#[test]
fn messages_count_with_changes_and_refusals_for_the_account_and_for_the_firm() {
    let mut world = World::new().limit("max_messages_per_minute", "3", None);
    world.past.pace.note(world.now, 2, 1);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
    world.past.pace.note(world.now, 1, 1);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "RATE_LIMIT");
    let open = world.open(order(Side::Buy, 1, None));
    let judged = |order: &OrderSpec| {
        let decision = evaluate(&open.book(), &open.limits, &Draft::amended(&Arc::new(order.clone())));
        decision.is_accepted()
    };
    assert!(judged(&order(Side::Buy, 1, None)), "judged again in its place");
    assert!(!judged(&order(Side::Buy, 2, None)), "a change is a message");
    let mut firm = World::new().limit("max_firm_messages_per_minute", "3", None);
    firm.firm_pace.note(firm.now, 3, 0);
    assert_eq!(firm.code(&order(Side::Buy, 1, None)), "RATE_LIMIT");
    firm.now = firm.now.plus_millis(60_000);
    assert_eq!(firm.code(&order(Side::Buy, 1, None)), "");
}

#[test]
fn what_is_watched_speaks_before_an_order_and_between_orders() {
    let spoken = |world: &World| -> Vec<&'static str> {
        let found = watched(&world.book(), &world.limits);
        found.into_iter().filter_map(|(code, loss)| loss.map(|_| code.as_str())).collect()
    };
    let mut rejects = World::new().limit("max_reject_rate", "0.5", None);
    rejects.past.pace.note(rejects.now, 9, 9);
    assert_eq!((rejects.code(&order(Side::Buy, 1, None)), spoken(&rejects)), ("", vec![]));
    rejects.past.pace.note(rejects.now, 1, 0);
    assert_eq!(rejects.code(&order(Side::Buy, 1, None)), "REJECT_RATE");
    assert_eq!(spoken(&rejects), ["REJECT_RATE"]);

    let mut stops = World::new().limit("max_stop_outs", "1", None).holding(5, "100");
    stops.past.note_close(7, xyz(), money(-1), true);
    assert_eq!((stops.code(&order(Side::Buy, 1, None)), spoken(&stops)), ("", vec![]));
    stops.past.note_close(8, xyz(), money(-1), true);
    assert_eq!((stops.code(&order(Side::Buy, 1, None)), spoken(&stops)), ("STOP_COUNT", vec!["STOP_COUNT"]));
    assert_eq!(stops.code(&order(Side::Sell, 5, None)), "");

    let mut lost = World::new().limit("low_profit_lock", "100", None);
    lost.past.note_close(7, xyz(), money(-100), false);
    assert_eq!((lost.code(&order(Side::Buy, 1, None)), spoken(&lost)), ("", vec![]));
    lost.past.note_close(7, xyz(), money(-1), false);
    assert_eq!((lost.code(&order(Side::Buy, 1, None)), spoken(&lost)), ("LOW_PROFIT", vec!["LOW_PROFIT"]));

    let position = World::new().limit("max_position_loss", "500", None).holding(90, "106.70");
    assert_eq!(spoken(&position), ["POSITION_LOSS"]);
    let mut row = World::new().limit("max_consecutive_losses", "1", None).limit("loss_cooldown", "60", None);
    row.activity = Activity { losses: 2, lost_at: Some(UnixNanos::from_seconds(941)), ..Activity::default() };
    assert_eq!(spoken(&row), ["CONSECUTIVE_LOSSES", "LOSS_COOLDOWN"]);
    row.activity.lost_at = Some(UnixNanos::from_seconds(940));
    assert_eq!(spoken(&row), ["CONSECUTIVE_LOSSES"]);
}

#[test]
fn a_fat_fill_is_told_from_the_soft_value_on_and_halts_the_scopes_of_the_hard_one() {
    let world = World::new().limit("max_fill_distance", "0.05", Some("0.02"));
    let target = Target::account(world.account.spec());
    let fill = |side, price: &str| {
        fat_fill(&world.limits, &target, (side, price.parse().unwrap()), "100".parse().unwrap())
            .map(|fat| (fat.observed, fat.threshold, fat.halts))
    };
    assert_eq!(fill(Side::Buy, "102"), None);
    assert_eq!(fill(Side::Buy, "103"), Some(("0.03".into(), "0.02".into(), vec![])));
    assert_eq!(fill(Side::Sell, "90"), Some(("0.1".into(), "0.02".into(), vec![Scope::Firm])));
    assert_eq!(fill(Side::Buy, "50"), None, "cheaper is better");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "", "an order is never refused by it");
}

#[test]
fn a_flatten_passes_limits_and_a_halt_but_only_reduces() {
    let mut world = World::new().limit("max_order_quantity", "5", None).holding(30, "100");
    let halt = Halt {
        mode: HaltMode::Halted,
        by: vec!["rita".parse().unwrap()],
        since: UnixNanos::ZERO,
        wall: UnixNanos::ZERO,
    };
    world.halts.insert(Scope::Firm, halt);
    let judged = |order: &OrderSpec, flattens| {
        let order = Arc::new(order.clone());
        let draft = Draft { flattens, ..Draft::new(&order) };
        evaluate(&world.book(), &world.limits, &draft).is_accepted()
    };
    let closing = |side| OrderSpec { reduce_only: true, ..order(side, 30, None) };
    assert!(judged(&closing(Side::Sell), true));
    assert!(!judged(&closing(Side::Sell), false), "anybody's order is refused");
    assert!(!judged(&order(Side::Sell, 31, None), true), "it must only reduce");
    assert!(!judged(&closing(Side::Buy), true), "there is nothing to buy back");
}

#[test]
fn a_past_decision_is_judged_by_a_limit_nobody_had_set_then_where_its_figure_is_not_of_that_moment() {
    let mut world = World::new();
    let volume =
        crate::domain::facts::InstrumentFacts { average_daily_volume: Some(1_000.0), ..Default::default() };
    world.tell(volume);
    let judge = |order: &OrderSpec| {
        evaluate(&world.book(), &LimitBook::default(), &Draft::new(&Arc::new(order.clone()))).into_record()
    };
    // A fortieth of the volume is traded in a day: 25 shares.
    let (near, far) = (order(Side::Buy, 10, Some("100.01")), order(Side::Buy, 90, Some("100.05")));
    let (kind, records) = (AccountKind::Paper, [judge(&near), judge(&far)]);
    let history = [
        PastDecision { order: &near, kind, record: &records[0] },
        PastDecision { order: &far, kind, record: &records[1] },
    ];
    for (name, hard) in [("price_collar_ticks", "3"), ("max_days_to_liquidate", "0.5")] {
        let draft = LimitDraft {
            name: name.parse().unwrap(),
            scope: Scope::Firm,
            hard: Some(hard.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let seen = preview(&[world.book()], &LimitBook::default(), &draft, &history).unwrap();
        assert_eq!((seen.refused_at, seen.not_evaluated_at), (vec![1], vec![]), "{name}");
    }
}

#[test]
fn a_price_that_the_type_has_no_use_for_is_refused_and_values_nothing() {
    let world = World::new().limit("max_order_notional", "5000", None);
    let plain = || order(Side::Buy, 60, None);
    assert_eq!(world.code(&plain()), "MAX_ORDER_NOTIONAL");
    let penny = Some("0.01".parse().unwrap());
    assert_eq!(world.code(&OrderSpec { limit_price: penny, ..plain() }), "FIELD_NOT_OF_TYPE");
    assert_eq!(world.code(&OrderSpec { trigger_price: penny, ..plain() }), "FIELD_NOT_OF_TYPE");
    let limit = || order(Side::Buy, 10, Some("100"));
    assert_eq!(world.code(&OrderSpec { trigger_price: penny, ..limit() }), "FIELD_NOT_OF_TYPE");
    let trail = Some(crate::domain::Trail::Amount("1".parse().unwrap()));
    assert_eq!(world.code(&OrderSpec { trail, ..limit() }), "FIELD_NOT_OF_TYPE");
    assert_eq!(world.code(&OrderSpec { expire_at: Some(UnixNanos::ZERO), ..limit() }), "FIELD_NOT_OF_TYPE");
}

#[test]
fn what_the_market_has_touched_already_is_judged_at_the_market() {
    let world = World::new().holding(90, "100").limit("max_order_notional", "5000", None).limit(
        "price_collar",
        "0.05",
        None,
    );
    let touch = |side, shares, limit: Option<&str>, trigger: &str| OrderSpec {
        order_type: if limit.is_some() {
            crate::domain::OrderType::LimitIfTouched
        } else {
            crate::domain::OrderType::MarketIfTouched
        },
        trigger_price: Some(trigger.parse().unwrap()),
        ..order(side, shares, limit)
    };
    // The last price is 100: a sell at a penny that is touched sells 60 shares for 6,000.
    assert_eq!(world.code(&touch(Side::Sell, 60, None, "0.01")), "MAX_ORDER_NOTIONAL");
    assert_eq!(world.code(&touch(Side::Sell, 60, Some("0.01"), "0.01")), "MAX_ORDER_NOTIONAL");
    assert_eq!(world.code(&touch(Side::Sell, 10, Some("0.01"), "0.01")), "PRICE_COLLAR");
    assert_eq!(world.code(&touch(Side::Buy, 10, Some("200"), "200")), "PRICE_COLLAR");
    // What waits is priced where it waits.
    assert_eq!(world.code(&touch(Side::Sell, 10, Some("119"), "120")), "");
    assert_eq!(world.code(&touch(Side::Buy, 10, Some("81"), "80")), "");
}

#[test]
fn a_touch_is_not_moved_to_where_the_market_is_and_an_older_order_goes_on_with_what_it_names() {
    let touch = |trigger: &str| OrderSpec {
        order_type: crate::domain::OrderType::MarketIfTouched,
        trigger_price: Some(trigger.parse().unwrap()),
        ..order(Side::Sell, 10, None)
    };
    let world = World::new().holding(90, "100").open(touch("101"));
    let code = |order: OrderSpec| {
        let draft = Arc::new(order);
        let decision = evaluate(&world.book(), &world.limits, &Draft::amended(&draft));
        match decision.verdict() {
            Verdict::Refuse(refusal) => refusal.code.as_str(),
            _ => "",
        }
    };
    assert_eq!(code(touch("102")), "");
    assert_eq!(code(touch("0.01")), "STOP_IN_MARKET");
    // It was let in before such prices were refused, and is judged again.
    let penny = Some("0.01".parse().unwrap());
    let world = World::new().holding(90, "100");
    let older = OrderSpec { limit_price: penny, ..order(Side::Sell, 10, None) };
    let world = world.open(older.clone());
    let again = Arc::new(older);
    let judged = evaluate(&world.book(), &world.limits, &Draft::amended(&again));
    assert!(judged.is_accepted(), "{:?}", judged.verdict());
}
