//! What every broker promises, run on each of them.

use futures_util::future::BoxFuture;
use qlib_pro::broker::{AmendOutcome, Amendment, CancelOutcome, CancelScope, Cursor, SubmitOutcome};
use qlib_pro::domain::broker::{BrokerReport, FillReport, VenueStatus};
use qlib_pro::domain::{Quantity, RefusalCode, Side, UnixNanos};

use super::stage::{
    Stage, apple, await_report, bracket, connected, dispatch, dispatch_group, exits, known, named, order,
};

async fn on_each(suite: impl for<'s> Fn(&'s Stage) -> BoxFuture<'s, ()>) {
    for stage in Stage::all().await {
        suite(&stage).await;
    }
}

fn fill_of(report: &BrokerReport) -> Option<FillReport> {
    match report {
        BrokerReport::Fill(fill) => Some(fill.clone()),
        _ => None,
    }
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_order_is_acknowledged_found_by_both_names_and_open() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let wish = order("q-1", Side::Buy, "10", Some("150.25"));
            let SubmitOutcome::Acked(report) = broker.submit(&dispatch(&wish)).await else {
                panic!("not acknowledged")
            };
            assert_eq!((report.id, report.quantity, report.side), (Some(wish.id), wish.quantity, Side::Buy));
            assert_eq!((report.limit_price, report.filled), (wish.limit_price, Quantity::ZERO));
            assert_eq!(report.status, VenueStatus::Working);
            let by_ours = broker.order_by_client_id(wish.id, 0).await.unwrap().unwrap();
            let by_theirs = broker.order_by_venue_id(report.venue_id).await.unwrap().unwrap();
            assert_eq!((&by_ours, &by_theirs), (&report, &report));
            assert_eq!(broker.open_orders().await.unwrap().items, [report]);
        })
    })
    .await;
}

#[tokio::test]
async fn the_same_order_twice_is_one_order() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let wish = order("q-1", Side::Buy, "10", Some("150"));
            let first = broker.submit(&dispatch(&wish)).await;
            assert!(matches!(first, SubmitOutcome::Acked(_)));
            assert_eq!(broker.submit(&dispatch(&wish)).await, first);
            assert_eq!(broker.open_orders().await.unwrap().items.len(), 1);
        })
    })
    .await;
}

#[tokio::test]
async fn another_order_under_a_used_id_is_refused() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
            let other = order("q-1", Side::Sell, "10", Some("150"));
            let SubmitOutcome::Refused(refusal) = broker.submit(&dispatch(&other)).await else {
                panic!("not refused")
            };
            assert_eq!(refusal.code, RefusalCode::DuplicateClientOrderId);
        })
    })
    .await;
}

#[tokio::test]
async fn an_order_beyond_the_money_is_refused_with_words_and_not_open() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let wish = order("q-big", Side::Buy, "900000", Some("150"));
            let SubmitOutcome::Refused(refusal) = broker.submit(&dispatch(&wish)).await else {
                panic!("not refused")
            };
            let money = [RefusalCode::InsufficientBuyingPower, RefusalCode::InsufficientCash];
            assert!(money.contains(&refusal.code), "{refusal:?}");
            assert!(!refusal.text.is_empty());
            assert_eq!(broker.open_orders().await.unwrap().items, []);
        })
    })
    .await;
}

#[tokio::test]
async fn fills_are_reported_once_with_their_cumulative_quantity_and_make_the_position() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let mut reports = connected(broker).await;
            broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
            stage.fill("q-1", "4", "149.9");
            let first = await_report(&mut reports, fill_of).await;
            stage.fill("q-1", "6", "150");
            let second = await_report(&mut reports, fill_of).await;
            assert_eq!((first.quantity, first.cum), (quantity("4"), quantity("4")));
            assert_eq!((second.quantity, second.cum), (quantity("6"), quantity("10")));
            assert_eq!(first.price, "149.9".parse().unwrap());
            assert_ne!(first.trade, second.trade);
            let done = |r: &BrokerReport| match r {
                BrokerReport::Order(o) if o.status == VenueStatus::Filled => Some(o.filled),
                _ => None,
            };
            assert_eq!(await_report(&mut reports, done).await, quantity("10"));
            let positions = broker.positions().await.unwrap().items;
            assert_eq!(
                positions.iter().map(|p| (p.instrument, p.quantity)).collect::<Vec<_>>(),
                [(apple(), quantity("10"))]
            );
            let page = broker.fills_since(&Cursor::Since(UnixNanos::ZERO)).await.unwrap();
            assert_eq!(page.items.iter().map(|f| f.cum).collect::<Vec<_>>(), [quantity("4"), quantity("10")]);
            assert_eq!(page.next, None);
            assert_eq!(broker.open_orders().await.unwrap().items, []);
        })
    })
    .await;
}

#[tokio::test]
async fn pages_of_fills_hold_each_fill_once() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            broker.submit(&dispatch(&order("q-1", Side::Buy, "250", Some("150")))).await;
            for _ in 0..230 {
                stage.fill("q-1", "1", "150");
            }
            let mut cursor = Some(Cursor::Since(UnixNanos::ZERO));
            let (mut cums, mut pages) = (Vec::new(), 0);
            while let Some(from) = cursor {
                let page = broker.fills_since(&from).await.unwrap();
                cums.extend(page.items.iter().map(|f| f.cum));
                (cursor, pages) = (page.next, pages + 1);
            }
            let expected: Vec<Quantity> = (1..=230).map(|n| Quantity::from_whole(n).unwrap()).collect();
            assert_eq!((cums, pages), (expected, 3));
        })
    })
    .await;
}

#[tokio::test]
async fn a_partly_filled_order_is_cancelled_and_keeps_its_fill() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let mut reports = connected(broker).await;
            let wish = order("q-1", Side::Buy, "10", Some("150"));
            broker.submit(&dispatch(&wish)).await;
            stage.fill("q-1", "4", "150");
            assert_eq!(broker.cancel(&named("q-1")).await, CancelOutcome::Requested);
            let ended = |r: &BrokerReport| match r {
                BrokerReport::Order(o) if o.status == VenueStatus::Canceled => Some(o.clone()),
                _ => None,
            };
            let report = await_report(&mut reports, ended).await;
            assert_eq!((report.filled, report.quantity), (quantity("4"), quantity("10")));
            assert!(matches!(broker.cancel(&known(&report)).await, CancelOutcome::TooLate(_)));
            assert_eq!(broker.open_orders().await.unwrap().items, []);
        })
    })
    .await;
}

#[tokio::test]
async fn what_the_venue_does_not_know_is_not_found() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            assert_eq!(broker.cancel(&named("never-given")).await, CancelOutcome::NotFound);
            assert_eq!(broker.order_by_client_id("never-given".parse().unwrap(), 0).await.unwrap(), None);
            let change = Amendment { quantity: Some(quantity("5")), ..Amendment::default() };
            let AmendOutcome::Refused(refusal) = broker.amend(&named("never-given"), &change).await else {
                panic!("not refused")
            };
            assert_eq!(refusal.code, RefusalCode::UnknownOrder);
        })
    })
    .await;
}

#[tokio::test]
async fn a_change_keeps_our_name_and_has_the_new_terms() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let wish = order("q-1", Side::Buy, "10", Some("150"));
            let SubmitOutcome::Acked(before) = broker.submit(&dispatch(&wish)).await else {
                panic!("not acknowledged")
            };
            let change = Amendment {
                quantity: Some(quantity("12")),
                limit_price: Some("151.5".parse().unwrap()),
                trigger_price: None,
            };
            let after = match broker.amend(&known(&before), &change).await {
                AmendOutcome::InPlace(report) => {
                    assert_eq!(report.venue_id, before.venue_id);
                    report
                }
                AmendOutcome::Replaced(report) => {
                    assert_eq!((report.replaces, report.amend_seq), (Some(before.venue_id), 1));
                    report
                }
                other => panic!("{other:?}"),
            };
            assert_eq!((after.id, after.quantity), (Some(wish.id), quantity("12")));
            assert_eq!(after.limit_price, change.limit_price);
            let open = broker.open_orders().await.unwrap().items;
            assert_eq!(open.iter().map(|o| o.venue_id).collect::<Vec<_>>(), [after.venue_id]);
        })
    })
    .await;
}

#[tokio::test]
async fn all_orders_or_those_of_one_instrument_are_cancelled_together() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            for id in ["q-1", "q-2", "q-3"] {
                broker.submit(&dispatch(&order(id, Side::Buy, "10", Some("150")))).await;
            }
            let none = CancelScope::Instrument("MSFT.XNYS".parse().unwrap());
            assert_eq!(broker.cancel_all(none).await.unwrap(), []);
            let done = broker.cancel_all(CancelScope::All).await.unwrap();
            assert_eq!(done.len(), 3);
            assert!(done.iter().all(|(_, outcome)| *outcome == CancelOutcome::Requested));
            assert_eq!(broker.open_orders().await.unwrap().items, []);
        })
    })
    .await;
}

#[tokio::test]
async fn the_account_and_the_clock_are_told() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let account = broker.account().await.unwrap();
            assert!(account.can_trade);
            assert_eq!(account.currency.as_str(), "USD");
            let clock = broker.clock().await.unwrap();
            assert!(clock.is_open);
            assert_eq!(clock.next_close, "2024-05-06T20:00:00Z".parse().unwrap());
            assert_eq!(clock.next_open, "2024-05-07T13:30:00Z".parse().unwrap());
        })
    })
    .await;
}

fn ended(report: &BrokerReport) -> Option<(Side, bool)> {
    match report {
        BrokerReport::Order(o) if o.status == VenueStatus::Canceled => {
            Some((o.side, o.trigger_price.is_some()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_bracket_is_taken_in_one_go_once_and_one_exit_ends_the_other() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            let mut reports = connected(broker).await;
            let group = dispatch_group(&bracket("q-1"));
            let SubmitOutcome::Acked(report) = broker.submit(&group).await else { panic!("not acknowledged") };
            assert_eq!((report.id, report.side), ("q-1".parse().ok(), Side::Buy));
            let kinds: Vec<_> =
                report.legs.iter().map(|l| (l.side, l.limit_price.is_some(), l.trigger_price.is_some())).collect();
            assert_eq!(kinds.len(), 2, "{kinds:?}");
            assert!(kinds.contains(&(Side::Sell, true, false)) && kinds.contains(&(Side::Sell, false, true)));
            assert!(matches!(broker.submit(&group).await, SubmitOutcome::Acked(again) if again.venue_id == report.venue_id));
            assert_eq!(broker.open_orders().await.unwrap().items.len(), 3);
            let found = broker.order_by_client_id("q-1".parse().unwrap(), 0).await.unwrap().unwrap();
            assert_eq!(found.legs.len(), 2, "asked for later, it still tells its exits");
            stage.fill("q-1", "10", "150");
            stage.fill_profit("q-1", "10");
            assert_eq!(await_report(&mut reports, ended).await, (Side::Sell, true), "the stop is ended");
            assert_eq!((broker.open_orders().await.unwrap().items, broker.positions().await.unwrap().items), (vec![], vec![]));
        })
    })
    .await;
}

#[tokio::test]
async fn the_exits_of_a_bracket_wait_for_its_entry_and_end_with_it() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            broker.submit(&dispatch_group(&bracket("q-1"))).await;
            assert_eq!(broker.cancel(&named("q-1")).await, CancelOutcome::Requested);
            assert_eq!(broker.open_orders().await.unwrap().items, []);
        })
    })
    .await;
}

#[tokio::test]
async fn of_two_exits_of_a_position_one_is_done_at_most() {
    on_each(|stage| {
        Box::pin(async move {
            let broker = stage.broker();
            broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
            stage.fill("q-1", "10", "150");
            let mut reports = connected(broker).await;
            let SubmitOutcome::Acked(report) = broker.submit(&dispatch_group(&exits("q-2"))).await else {
                panic!("not acknowledged")
            };
            assert_eq!((report.limit_price, report.legs.len()), ("160".parse().ok(), 1));
            stage.fill_profit("q-2-tp", "10");
            assert_eq!(await_report(&mut reports, ended).await, (Side::Sell, true));
            assert_eq!(
                (broker.open_orders().await.unwrap().items, broker.positions().await.unwrap().items),
                (vec![], vec![])
            );
        })
    })
    .await;
}
