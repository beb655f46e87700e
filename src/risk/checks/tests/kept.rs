//! Limits drafted today against decisions of a time when nobody had set them.

use super::*;
use crate::domain::decision::DecisionRecord;
use crate::domain::limit::{LimitName, LimitUnit};
use crate::risk::Preview;

/// A record of an order in a world.
fn judged(world: &World, draft: &Draft<'_>) -> Box<DecisionRecord> {
    evaluate(&world.book(), &world.limits, draft).into_record()
}

fn drafted(name: LimitName, scope: &str, hard: &str) -> LimitDraft {
    LimitDraft {
        name,
        scope: scope.parse().unwrap(),
        hard: Some(hard.to_owned()),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

/// What a draft would have done to one past decision.
fn looked_back(
    world: &World,
    draft: &LimitDraft,
    order: &Arc<OrderSpec>,
    record: &DecisionRecord,
) -> Preview {
    let past = [PastDecision { order, kind: AccountKind::Paper, record }];
    preview(&[world.book()], &LimitBook::default(), draft, &past).unwrap()
}

fn named(name: &str) -> LimitName {
    name.parse().unwrap()
}

/// A value that is allowed for a limit.
fn low(name: LimitName) -> &'static str {
    match name.unit() {
        LimitUnit::Quantity | LimitUnit::Money | LimitUnit::Count | LimitUnit::Days => "1",
        LimitUnit::Ratio => "0.01",
        LimitUnit::Seconds => "60",
        LimitUnit::Symbols => "XYZ",
    }
}

#[test]
fn a_figure_that_is_kept_only_while_its_limit_stands_is_told_as_not_kept_and_never_passes() {
    let world = World::new();
    let order = Arc::new(order(Side::Buy, 10, None));
    let record = judged(&world, &Draft::new(&order));
    let unkept = |name: &LimitName| {
        let seen = looked_back(&world, &drafted(*name, "firm", low(*name)), &order, &record);
        assert!(seen.unrecorded_at.iter().all(|at| seen.not_evaluated_at.contains(at)), "{name}");
        !seen.unrecorded_at.is_empty()
    };
    let found: Vec<&str> =
        LimitName::ALL.iter().filter(|name| unkept(name)).map(|name| name.as_str()).collect();
    let mut expected = vec![
        "duplicate_order_window",
        "max_self_trades",
        "max_unsettled_use",
        "max_firm_gross_exposure",
        "max_firm_net_exposure",
        "max_currency_exposure",
        "max_adv_participation",
        "max_days_to_liquidate",
        "max_beta",
        "max_var_95",
        "max_var_99",
        "max_expected_shortfall_95",
        "max_expected_shortfall_99",
        "max_messages_per_minute",
        "max_firm_messages_per_minute",
        "max_reject_rate",
        "max_static_drawdown",
        "max_stop_outs",
        "low_profit_lock",
    ];
    expected.sort_by_key(|name| LimitName::ALL.iter().position(|n| n.as_str() == *name));
    assert_eq!(found, expected);
}

#[test]
fn what_was_looked_for_and_not_found_is_told_as_missing() {
    let world = World::new().limit("max_beta", "1", None);
    let order = Arc::new(order(Side::Buy, 10, None));
    let record = judged(&world, &Draft::new(&order));
    for name in ["max_beta", "max_sector_exposure", "max_adv_participation"] {
        let seen = looked_back(&world, &drafted(named(name), "firm", "1"), &order, &record);
        assert_eq!((seen.not_evaluated_at, seen.unrecorded_at), (vec![0], vec![]), "{name}");
    }
}

#[test]
fn what_only_reduces_passes_figures_of_the_book_that_were_not_kept() {
    let world = World::new().holding(20, "100");
    let order = Arc::new(order(Side::Sell, 10, None));
    let record = judged(&world, &Draft::new(&order));
    for (name, passes) in [
        ("max_currency_exposure", true),
        ("max_messages_per_minute", true),
        ("max_stop_outs", true),
        ("max_firm_gross_exposure", true),
        ("max_self_trades", false),
        // A fact may have been missing, and then it would have been refused.
        ("max_beta", false),
        ("max_var_95", false),
    ] {
        let seen = looked_back(&world, &drafted(named(name), "firm", low(named(name))), &order, &record);
        assert_eq!(seen.unrecorded_at.is_empty(), passes, "{name}");
        assert_eq!((seen.refused_at.len(), seen.held_at.len()), (0, 0), "{name}");
    }
    let seen = looked_back(&world, &drafted(named("max_leverage"), "symbol:XYZ", "0.01"), &order, &record);
    assert_eq!((seen.unrecorded_at, seen.refused_at), (vec![], vec![]));
}

#[test]
fn a_symbols_net_exposure_follows_from_its_position_and_its_gross_exposure_is_never_less() {
    let world = World::new();
    let order = Arc::new(order(Side::Buy, 10, None));
    let record = judged(&world, &Draft::new(&order));
    // 1,000 of 10,000.
    let at = |name: &str, hard: &str| {
        let seen = looked_back(&world, &drafted(named(name), "symbol:XYZ", hard), &order, &record);
        (seen.refused_at.len(), seen.unrecorded_at.len())
    };
    assert_eq!([at("max_net_exposure", "0.09"), at("max_net_exposure", "0.1")], [(1, 0), (0, 0)]);
    assert_eq!([at("max_gross_exposure", "0.09"), at("max_gross_exposure", "0.1")], [(1, 0), (0, 1)]);
    assert_eq!(at("max_leverage", "0.09"), (0, 1));
}

#[test]
fn a_duplicate_is_told_only_within_the_window_that_was_looked_at() {
    let mut world = World::new().limit("duplicate_order_window", "30", None);
    let order = Arc::new(order(Side::Buy, 10, None));
    let at = |world: &World, record: &DecisionRecord, seconds: &str| {
        let draft = drafted(LimitName::DuplicateOrderWindow, "firm", seconds);
        let seen = looked_back(world, &draft, &order, record);
        (seen.refused_at.len(), seen.unrecorded_at.len())
    };
    let first = judged(&world, &Draft::new(&order));
    assert_eq!([at(&world, &first, "20"), at(&world, &first, "60")], [(0, 0), (0, 1)]);
    let changed = judged(&world, &Draft::amended(&order));
    assert_eq!(at(&world, &changed, "60"), (0, 0), "a change is no duplicate");
    world.recent.push_back(Recent::of(&order, world.now.plus_millis(-25_000)));
    let again = judged(&world, &Draft::new(&order));
    assert_eq!(["20", "28", "60"].map(|s| at(&world, &again, s)), [(0, 0), (1, 0), (1, 0)]);
}

#[test]
fn what_closes_by_hand_or_is_looked_at_again_is_not_counted_as_refused() {
    let world = World::new().holding(20, "100");
    let order = Arc::new(order(Side::Buy, 10, None));
    let draft = |name: &str| drafted(named(name), "firm", "1");
    let flattens = judged(&world, &Draft { flattens: true, ..Draft::new(&order) });
    let closed = looked_back(&world, &draft("max_order_notional"), &order, &flattens);
    assert!(closed.refused_at.is_empty());
    let waits = judged(&world, &Draft { waits_for_parent: true, ..Draft::new(&order) });
    let refused = |name: &str| looked_back(&world, &draft(name), &order, &waits).refused_at.len();
    assert_eq!((refused("max_order_notional"), refused("max_position_notional")), (1, 0));
}

#[test]
fn a_draft_for_one_order_is_held_against_that_order_alone() {
    let of = |id: &str, shares| super::named(id, order(Side::Buy, shares, Some("100")));
    let world = World::new().holding(50, "100").open(of("a", 20)).open(of("b", 30));
    let orders = [Arc::new(of("a", 20)), Arc::new(of("b", 30))];
    let records = orders.each_ref().map(|order| judged(&world, &Draft::new(order)));
    let past =
        |at: usize| PastDecision { order: &orders[at], kind: AccountKind::Paper, record: &records[at] };
    let seen = |name: &str, one: Option<&str>| {
        let order = one.map(|id| ("A".parse().unwrap(), id.parse().unwrap()));
        let draft = drafted(named(name), "firm", "10");
        let draft = LimitDraft { terms: LimitTerms { order, ..LimitTerms::default() }, ..draft };
        let found = preview(&[world.book()], &LimitBook::default(), &draft, &[past(0), past(1)]).unwrap();
        (found.orders.len(), found.positions.len(), found.considered, found.refused_at)
    };
    assert_eq!(seen("max_order_quantity", None), (2, 0, 2, vec![0, 1]));
    assert_eq!(seen("max_order_quantity", Some("b")), (1, 0, 1, vec![1]));
    assert_eq!(seen("max_order_quantity", Some("other")), (0, 0, 0, vec![]));
    assert_eq!(seen("max_position_quantity", None).1, 1, "what is held lies over it");
    assert_eq!(seen("max_position_quantity", Some("b")).1, 0, "and is not what one order may do");
}
