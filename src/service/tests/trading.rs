//! Orders, previews, rebalances, restarts: what was shown before is what happens, and what happened is what stays.

use super::*;
use crate::domain::event::Refusal;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, WorkingOrders};
use crate::domain::{Money, OrderStatus, RefusalCode, TimeInForce};
use crate::service::advance::Until;
use crate::service::book::order_row;
use crate::service::engine::lock;
use crate::service::ordering::Size;
use crate::service::permit::{Administer, Audit, ControlRisk, ManageData, TradeDesk, ViewPortfolio};
use crate::service::research::SignalWish;
use crate::service::{ErrorKind, ServiceError};
use crate::store::trades::Period;

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

#[test]
fn a_submit_decides_what_the_what_if_showed() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let trader = home.login(Role::Trader);
    let permit = trader.trade_permit(None).unwrap();
    let held: Vec<InstrumentId> =
        home.screen(Role::Trader).positions.iter().map(|p| p.instrument).take(3).collect();
    let mut refused = 0;
    for (number, on) in held.iter().enumerate() {
        for shares in [1, 50, 700, 5_000, 1_000_000] {
            for side in [Side::Buy, Side::Sell] {
                let wish = wish(&format!("w{number}-{shares}-{}", side.as_str()), side, *on, shares, None);
                let shown = home.house.what_if(&permit, &wish).unwrap();
                let done = home.house.submit(&permit, &wish).unwrap();
                let denied = done.status == OrderStatus::Denied;
                assert_eq!(
                    home.house.submit(&permit, &wish).unwrap(),
                    done,
                    "asked again it has the same answer"
                );
                assert_eq!(shown.code.is_some(), denied, "{wish:?}: {shown:?} {done:?}");
                assert_eq!(shown.needs_approval, done.status == OrderStatus::Held, "{wish:?}");
                if denied {
                    refused += 1;
                    assert_eq!(shown.code, done.code);
                }
            }
        }
    }
    assert!(refused > 5);
}

#[test]
fn the_largest_allowed_quantity_passes_and_one_more_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let customer = home.login(Role::Customer);
    let permit = customer.trade_permit(None).unwrap();
    let on = home.screen(Role::Customer).watchlist.first().unwrap().instrument;
    let shown = home.house.what_if(&permit, &wish("a", Side::Buy, on, 1_000_000, None)).unwrap();
    assert_eq!(shown.code, Some(RefusalCode::Refused), "an own account learns no limit's name");
    assert!(shown.checks.is_empty());
    let most = shown.largest.unwrap().raw() / Quantity::ONE_RAW;
    let just = home.house.what_if(&permit, &wish("b", Side::Buy, on, most, None)).unwrap();
    assert_eq!(just.code, None);
    let more = home.house.what_if(&permit, &wish("c", Side::Buy, on, most + 1, None)).unwrap();
    assert!(more.code.is_some());
}

#[test]
fn a_preview_counts_what_a_tighter_limit_would_have_refused() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 6);
    let risk = home.login(Role::Risk);
    let permit = risk.permit::<ControlRisk>().unwrap();
    let tight = home.house.preview_limit(&permit, &draft(LimitName::MaxPositionWeight, "0.02")).unwrap();
    assert!(!tight.needs_approval);
    assert!(!tight.over.is_empty(), "positions of some five percent are over two");
    assert!(tight.would_refuse > 0 && tight.would_refuse <= tight.decisions, "{tight:?}");
    let loose = home.house.preview_limit(&permit, &draft(LimitName::MaxOrderNotional, "1000000")).unwrap();
    assert!(loose.needs_approval && loose.over.is_empty());
    assert!(loose.were_refused > 0, "one order of the past was refused by it");
    let wrong = home.house.preview_limit(&permit, &draft(LimitName::MaxOrderNotional, "plenty"));
    assert!(wrong.is_err());
}

#[test]
fn a_dry_run_says_what_the_rebalance_then_does_and_a_second_one_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    home.house.set_seed(8).unwrap();
    home.house.found_simulation(8, 30).unwrap();
    let trader = home.login(Role::Trader);
    let advance = |n| {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(n), |_| {}).unwrap()
    };
    advance(1);
    let permit = || trader.trade_permit(None).unwrap();
    let may = || trader.permit::<TradeDesk>().unwrap();
    let none = home.house.rebalance(&may(), &permit(), None, true);
    assert!(none.is_err(), "there are no signals yet");
    home.house.run_signals(&trader.permit::<TradeDesk>().unwrap(), &SignalWish::default()).unwrap();
    let version = home.house.book_version().unwrap();
    let dry = home.house.rebalance(&may(), &permit(), None, true).unwrap();
    let orders = |h: &Home| {
        h.house.orders(&trader.permit::<ViewPortfolio>().unwrap(), None, Period::ALL).unwrap().len()
    };
    assert_eq!(orders(&home), 0);
    assert!(home.house.book_version().unwrap() >= version);
    let wet = home.house.rebalance(&may(), &permit(), None, false).unwrap();
    assert_eq!(wet.rows.len(), 20);
    assert_eq!(dry.rows.len(), wet.rows.len());
    for (would, did) in dry.rows.iter().zip(&wet.rows) {
        assert_eq!(would.decision, format!("would be {}", did.decision));
        assert_eq!((would.id, would.quantity, would.code), (did.id, did.quantity, did.code));
    }
    assert!(!wet.any_refused(), "{:?}", wet.rows);
    let again = home.house.rebalance(&may(), &permit(), None, false).unwrap();
    assert!(again.rows.is_empty(), "the same signals make no second order: {:?}", again.rows);
    let report = advance(1);
    assert_eq!(report.fills, 20);
}

#[test]
fn buys_of_a_list_wait_for_its_sells_and_fill_at_the_same_open() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Sim);
    home.house.set_seed(8).unwrap();
    home.house.found_simulation(8, 60).unwrap();
    let trader = home.login(Role::Trader);
    let advance = |n| {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(n), |_| {}).unwrap()
    };
    let rebalance = || {
        home.house.run_signals(&trader.permit::<TradeDesk>().unwrap(), &SignalWish::default()).unwrap();
        let may = trader.permit::<TradeDesk>().unwrap();
        home.house.rebalance(&may, &trader.trade_permit(None).unwrap(), None, false).unwrap()
    };
    advance(1);
    rebalance();
    advance(15);
    let second = rebalance();
    let of = |side| second.rows.iter().filter(move |r| r.side == side);
    assert!(of(Side::Sell).count() > 0);
    let waiting: Vec<_> = of(Side::Buy).filter(|r| r.code == Some(RefusalCode::WaitsForSells)).collect();
    assert!(!waiting.is_empty(), "{:?}", second.rows);
    assert!(!second.any_refused(), "{:?}", second.rows);
    advance(1);
    for row in second.rows.iter() {
        let order = home.house.engine().unwrap().order(row.account, row.id).unwrap().unwrap();
        assert_eq!(order.status, OrderStatus::Filled, "{row:?} {}", order.reason);
    }
}

#[test]
fn a_restart_changes_nothing_but_standing_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 13);
    let before = home.house.state().unwrap();
    let screens = [Role::Customer, Role::Trader, Role::Risk].map(|r| home.screen(r));
    let clock = home.close();
    let home = Home::at(folder.path(), clock);
    let after = home.house.state().unwrap();
    assert_eq!(before.seq(), after.seq());
    let rows = |s: &crate::execution::State| {
        s.accounts().values().map(crate::portfolio::Account::row).collect::<Vec<_>>()
    };
    assert_eq!(rows(&before), rows(&after));
    assert_eq!(before.orders().open(), after.orders().open());
    assert_eq!(before.limits().versions(), after.limits().versions());
    for exchange in Exchange::ALL {
        assert_eq!(before.market_time(exchange), after.market_time(exchange));
    }
    for old in screens {
        let new = home.screen(old.role);
        assert_eq!(old.orders, new.orders);
        assert_eq!(old.history, new.history);
        assert_eq!(old.equity, new.equity);
        assert_eq!(old.notices, new.notices);
        assert_eq!(old.signals, new.signals);
        assert_eq!(old.news, new.news);
        assert_eq!(old.breaches, new.breaches);
        assert_eq!(old.accounts.len(), new.accounts.len());
        for (a, b) in old.positions.iter().zip(&new.positions) {
            assert_eq!((a.instrument, a.quantity, a.cost), (b.instrument, b.quantity, b.cost));
            // Prices are marked once a second, so the newest print may be missing, never more.
            let (a, b) = (a.last_price.unwrap().to_f64(), b.last_price.unwrap().to_f64());
            assert!((a / b - 1.0).abs() < 0.01);
        }
        assert_eq!(in_force(&old), in_force(&new));
    }
}

/// Limits with their versions; how much of them is used rests on prices, which are marked once a second.
fn in_force(screen: &Screen) -> Option<String> {
    let limits = screen.limits.as_ref()?;
    let mut rows: Vec<String> = limits
        .limits
        .iter()
        .map(|l| {
            format!(
                "{} {} {:?} {:?} {:?} {:?} {:?}",
                l.name, l.scope, l.account, l.soft, l.hard, l.version, l.proposed
            )
        })
        .collect();
    rows.sort();
    Some(format!("{} {rows:?} {:?} {:?}", limits.version, limits.history, limits.halts))
}

#[test]
fn a_restarted_session_plays_on_as_ticks_to_the_same_close() {
    let run = |restart: bool| {
        let folder = tempfile::tempdir().unwrap();
        let mut home = Home::demo(folder.path(), 14);
        if restart {
            let clock = home.close();
            home = Home::at(folder.path(), clock);
        }
        let trader = home.login(Role::Trader);
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(2), |_| {}).unwrap();
        let state = home.house.state().unwrap();
        state.accounts().values().map(crate::portfolio::Account::row).collect::<Vec<_>>()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_second_opener_reads_only_and_says_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 15);
    let second = Home::at(folder.path(), Arc::clone(&home.clock));
    assert!(!second.house.owns_trades());
    assert!(second.house.held_by().unwrap().contains("tester"), "{:?}", second.house.held_by());
    let old = home.screen(Role::Risk);
    let new = second.screen(Role::Risk);
    assert_eq!(old.orders, new.orders);
    assert_eq!(in_force(&old), in_force(&new));
    let trader = second.login(Role::Trader);
    let on = old.positions.first().unwrap().instrument;
    let refused =
        second.house.submit(&trader.trade_permit(None).unwrap(), &wish("x", Side::Buy, on, 1, None));
    let error = refused.unwrap_err();
    assert!(matches!(error, ServiceError::ReadOnly(_)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Failed);
    // What the owner does next is seen by the reader.
    let own = home.login(Role::Trader);
    home.house.submit(&own.trade_permit(None).unwrap(), &wish("seen", Side::Buy, on, 1, None)).unwrap();
    assert!(second.screen(Role::Trader).orders.iter().any(|o| o.id.as_str() == "seen"));
    let auditor = second.login(Role::Admin);
    assert!(second.house.verify_audit(&auditor.permit::<Audit>().unwrap(), None).unwrap().sound);
}

fn play(home: &Home, trader: &Session) {
    let permit = trader.permit::<ManageData>().unwrap();
    home.house.advance(&permit, None, Until::Sessions(1), |_| {}).unwrap();
}

#[test]
fn a_preview_counts_exactly_what_would_have_been_refused_and_held() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 6);
    let trader = home.login(Role::Trader);
    let on = home.screen(Role::Trader).watchlist.first().unwrap().instrument;
    let permit = trader.trade_permit(None).unwrap();
    let low = Some("1".parse().unwrap());
    let risk = home.login(Role::Risk);
    let controls = risk.permit::<ControlRisk>().unwrap();
    let tight = LimitDraft { soft: Some("1".into()), ..draft(LimitName::MaxOrderQuantity, "3") };
    let preview = || home.house.preview_limit(&controls, &tight).unwrap();
    let before = preview();
    for shares in 1..=4 {
        let row = home.house.submit(&permit, &wish(&format!("p{shares}"), Side::Buy, on, shares, low));
        assert!(!row.unwrap().status.is_done(), "far below the market it rests");
    }
    let more = |seen: &crate::service::view::PreviewView| {
        (
            seen.decisions - before.decisions,
            seen.would_refuse - before.would_refuse,
            seen.would_hold - before.would_hold,
            seen.not_judged - before.not_judged,
        )
    };
    let seen = preview();
    assert_eq!(more(&seen), (4, 1, 2, 0));
    let orders = (seen.orders.len() - before.orders.len(), seen.orders_soft.len() - before.orders_soft.len());
    assert_eq!(orders, (1, 2));
    // As a change set it counts each decision once.
    let again = LimitDraft { soft: Some("2".into()), ..draft(LimitName::MaxOrderQuantity, "3") };
    let set = home.house.preview_limits(&controls, &[tight.clone(), again]).unwrap();
    assert_eq!((set.would_refuse, set.would_hold, set.not_judged), (seen.would_refuse, seen.would_hold, 0));
    // What is meant for one order is held against that order alone.
    let given = |name: &str| {
        let order = Some((permit.account(), name.parse().unwrap()));
        let terms = crate::domain::limit::LimitTerms { order, ..Default::default() };
        let one = LimitDraft { terms, ..draft(LimitName::MaxOrderQuantity, "3") };
        let seen = home.house.preview_limit(&controls, &one).unwrap();
        (
            seen.needs_approval,
            seen.orders.len(),
            seen.over.len(),
            [seen.decisions, seen.would_refuse, seen.were_refused],
        )
    };
    assert_eq!([given("p3"), given("p4")], [(true, 0, 0, [1, 0, 0]), (true, 1, 0, [1, 1, 0])]);
    // A change is a decision too, and a second look reads what came since.
    home.house.amend(&permit, "p1".parse().unwrap(), Quantity::from_whole(4), (None, None)).unwrap();
    let seen = preview();
    assert_eq!(more(&seen), (5, 2, 2, 0));
    assert!(
        seen.told()
            .contains(&format!("it would have refused {}, held {} (", seen.would_refuse, seen.would_hold))
    );
}

#[test]
fn the_same_measured_wish_is_the_same_order_after_prices_moved() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 6);
    let trader = home.login(Role::Trader);
    let on = home.screen(Role::Trader).watchlist.first().unwrap().instrument;
    let permit = trader.trade_permit(None).unwrap();
    let share = |text: &str| Size::Weight(text.parse().unwrap());
    let asked = |id: &str, size| OrderWish { size, ..wish(id, Side::Buy, on, 1, None) };
    let first = home.house.submit(&permit, &asked("w1", share("0.01"))).unwrap();
    play(&home, &trader);
    let anew = home.house.what_if(&permit, &asked("w2", share("0.01"))).unwrap();
    assert_ne!(anew.quantity, first.quantity, "measured today it would be another size");
    let again = home.house.submit(&permit, &asked("w1", share("0.01"))).unwrap();
    assert_eq!((again.id, again.quantity, again.code), (first.id, first.quantity, None));
    let other = home.house.submit(&permit, &asked("w1", share("0.02")));
    let Err(ServiceError::Refused { code, .. }) = other else { panic!("{other:?}") };
    assert_eq!(code, RefusalCode::DuplicateClientOrderId);
}

#[test]
fn an_order_with_exits_is_judged_by_the_same_facts_as_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let risk = home.login(Role::Risk).permit::<ControlRisk>().unwrap();
    home.house.set_limit(&risk, draft(LimitName::MaxAdvParticipation, "0.5")).unwrap();
    let permit = home.login(Role::Trader).trade_permit(None).unwrap();
    let screen = home.screen(Role::Trader);
    let on = screen.positions.first().unwrap();
    let cent = Price::ONE_RAW / 100;
    let percent = |of: i64| Price::from_raw(on.last_price.unwrap().raw() * of / 100 / cent * cent);
    let entry = wish("e", Side::Buy, on.instrument, 1, None);
    let wish = OrderWish { take_profit: Some(percent(120)), stop_loss: Some(percent(80)), ..entry };
    let rows = home.house.give_order(&permit, &wish).unwrap();
    assert_eq!(rows.iter().map(|row| row.code).collect::<Vec<_>>()[0], None, "{rows:?}");
}

#[test]
fn a_limit_that_could_not_be_judged_is_not_told_to_who_sees_no_limits() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let customer = home.login(Role::Customer);
    let permit = customer.trade_permit(None).unwrap();
    let on = home.screen(Role::Customer).watchlist.first().unwrap().instrument;
    let row = home.house.submit(&permit, &wish("a", Side::Buy, on, 1_000_000, None)).unwrap();
    let mut order = home.house.state().unwrap().orders().get(row.account, row.id).unwrap().clone();
    order.code = Some(RefusalCode::FactMissing);
    let (limit, bound) = (Some("max_adv_participation".into()), Some("0.1".into()));
    let refusal = Refusal { limit, threshold: bound, ..Refusal::plain(RefusalCode::FactMissing) };
    let shown = order_row(&order, Some(&refusal), true);
    assert_eq!((shown.code, shown.limit, shown.threshold), (Some(RefusalCode::Refused), None, None));
    assert_eq!(shown.reason, RefusalCode::Refused.text());
    let shown = order_row(&order, Some(&refusal), false);
    assert_eq!((shown.code, shown.limit), (Some(RefusalCode::FactMissing), refusal.limit));
}

#[test]
fn the_fee_that_is_shown_knows_what_a_sale_costs_more() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::standing();
    let mut parts = parts(folder.path(), &clock);
    parts.settings.venue.fee.sell_rate = "0.01".parse().unwrap();
    let home = Home::with(parts, clock);
    super::super::demo::found(&home.house, 4, 24).unwrap();
    let permit = home.login(Role::Trader).trade_permit(None).unwrap();
    let on = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let [bought, sold] = [Side::Buy, Side::Sell].map(|side| {
        let shown = home.house.what_if(&permit, &wish("a", side, on, 700, None)).unwrap();
        let value = shown.reference.unwrap().0.notional(shown.quantity).unwrap();
        let moved = if side == Side::Buy { value.checked_neg().unwrap() } else { value };
        let left = shown.cash_before.checked_add(moved).unwrap().checked_sub(shown.fee.unwrap());
        assert_eq!(shown.cash_after, left);
        (shown.fee.unwrap(), value)
    });
    let levy = Money::from_raw(sold.1.raw() / 100);
    assert!(bought.0 < levy && sold.0 >= levy, "{bought:?} {sold:?} {levy}");
}

#[test]
fn the_fee_that_is_shown_is_that_of_the_tier_which_the_account_has_reached() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let permit = home.login(Role::Trader).trade_permit(None).unwrap();
    let on = home.screen(Role::Trader).positions.first().unwrap().instrument;
    let volume = || {
        let state = home.house.state().unwrap();
        let day = home.house.calendars().of(on.exchange).date_at(state.market_time(on.exchange).unwrap());
        state.month_volume(permit.account(), day)
    };
    let reached = volume().checked_add(Quantity::from_whole(1).unwrap()).unwrap();
    let admin = home.login(Role::Admin);
    admin.change_setting("paper.fee_min", "0").unwrap();
    admin.change_setting("paper.fee_tiers", &format!("{reached}:0.001")).unwrap();
    let bad = admin.change_setting("paper.fee_tiers", "100").unwrap_err().to_string();
    assert!(bad.contains("paper.fee_tiers: '100' will not do; give tiers by rising shares"), "{bad}");
    let shown = |id| home.house.what_if(&permit, &wish(id, Side::Sell, on, 100, None)).unwrap().fee.unwrap();
    assert_eq!(shown("a").to_string(), "0.50");
    home.house.submit(&permit, &wish("b", Side::Sell, on, 1, None)).unwrap();
    assert_eq!((volume(), shown("c").to_string().as_str()), (reached, "0.10"));
}

#[test]
fn an_order_on_another_exchange_begins_to_work_at_that_exchanges_time_when_it_is_approved() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    home.house.set_seed(8).unwrap();
    home.house.found_simulation(8, 4).unwrap();
    let (admin, trader) = (home.login(Role::Admin), home.login(Role::Trader));
    let (permit, risk) = (admin.permit::<Administer>().unwrap(), home.login(Role::Risk));
    let account = serde_json::json!({ "account": "sim", "exchange": "SIM", "cash": "1000000", "broker": "paper",
        "short": false, "margin": "cash", "lots": "fifo" });
    home.house.open_account(&permit, &serde_json::from_value(account).unwrap()).unwrap();
    let advance = || {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, Some(Exchange::Sim), Until::Sessions(1), |_| {}).unwrap();
    };
    advance();
    let control = risk.permit::<ControlRisk>().unwrap();
    let asks = LimitDraft { hard: None, soft: Some("5".into()), ..draft(LimitName::MaxOrderQuantity, "") };
    home.house.set_limit(&control, asks).unwrap();
    let on = lock(home.house.market_store()).read().instruments(Some(Exchange::Sim)).unwrap()[0].id;
    let permit = trader.trade_permit(Some("sim".parse().unwrap())).unwrap();
    let (id, tif) = ("h1".parse().unwrap(), TimeInForce::Gtc);
    let held = home.house.submit(&permit, &OrderWish { tif, ..wish("h1", Side::Buy, on, 10, None) }).unwrap();
    assert_eq!(held.status, OrderStatus::PendingApproval);
    let now = home.house.state().unwrap().market_time(Exchange::Sim).unwrap();
    assert!(
        home.house.house_time().unwrap() > now,
        "the main exchange has no market: its time is the wall's"
    );
    home.house.approve_order(&control, permit.account(), id, None).unwrap();
    let order = |h: &Home| h.house.state().unwrap().orders().get(permit.account(), id).unwrap().clone();
    assert_eq!(order(&home).changed_at, now);
    advance();
    assert_eq!(order(&home).filled, Quantity::from_whole(10).unwrap());
}
