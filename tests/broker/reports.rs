//! What a remote venue does wrong on the report stream: frames of both kinds, repeats, wrong order, losses, nonsense.

use qlib_pro::broker::{Amendment, Broker, CancelOutcome, Cursor, SubmitOutcome};
use qlib_pro::domain::broker::{BrokerReport, FillReport, VenueStatus};
use qlib_pro::domain::{Side, UnixNanos};

use super::fake::{Fake, KEY, SECRET};
use super::stage::{adapter, await_report, connected, dispatch, known, order};

async fn venue() -> Option<(qlib_pro::broker::alpaca::AlpacaBroker, Fake)> {
    let shared = super::support::shared_data()?;
    let fake = Fake::start(&shared).await;
    Some((adapter(&fake, KEY, SECRET), fake))
}

fn fill_of(report: &BrokerReport) -> Option<FillReport> {
    match report {
        BrokerReport::Fill(fill) => Some(fill.clone()),
        _ => None,
    }
}

fn gap_of(report: &BrokerReport) -> Option<String> {
    match report {
        BrokerReport::Gap { reason } => Some(reason.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn frames_of_text_and_of_bytes_say_the_same() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("187.2")))).await;
    fake.set_binary(true);
    fake.fill("q-1", "4", "187.2");
    let bytes = await_report(&mut reports, fill_of).await;
    fake.set_binary(false);
    fake.fill("q-1", "6", "187.19");
    let text = await_report(&mut reports, fill_of).await;
    assert_eq!((bytes.id, text.id), (text.id, Some("q-1".parse().unwrap())));
    assert_eq!(text.price, "187.19".parse().unwrap());
}

#[tokio::test]
async fn a_repeat_carries_the_same_trade_and_the_same_cumulative_quantity() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
    let told = fake.fill("q-1", "4", "150");
    fake.tell_raw(&told);
    let first = await_report(&mut reports, fill_of).await;
    assert_eq!(await_report(&mut reports, fill_of).await, first);
}

#[tokio::test]
async fn the_stream_and_the_record_of_executions_agree_on_cumulative_quantities() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
    let mut told = Vec::new();
    for (quantity, price) in [("4", "150"), ("1", "149.5"), ("5", "149")] {
        fake.fill("q-1", quantity, price);
        told.push(await_report(&mut reports, fill_of).await);
    }
    let recorded = broker.fills_since(&Cursor::Since(UnixNanos::ZERO)).await.unwrap().items;
    let facts = |f: &FillReport| (f.venue_id, f.cum, f.quantity, f.price, f.side);
    assert_eq!(told.iter().map(facts).collect::<Vec<_>>(), recorded.iter().map(facts).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lost_stream_is_a_gap_then_connected_and_what_was_missed_is_on_record() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
    fake.set_deaf(true);
    fake.drop_streams();
    fake.fill("q-1", "10", "150");
    await_report(&mut reports, gap_of).await;
    await_report(&mut reports, |r| (*r == BrokerReport::Connected).then_some(())).await;
    fake.set_deaf(false);
    let missed = broker.fills_since(&Cursor::Since(UnixNanos::ZERO)).await.unwrap().items;
    assert_eq!(missed.len(), 1);
    broker.submit(&dispatch(&order("q-2", Side::Buy, "1", Some("150")))).await;
    fake.fill("q-2", "1", "150");
    assert_eq!(await_report(&mut reports, fill_of).await.id, Some("q-2".parse().unwrap()));
}

#[tokio::test]
async fn nonsense_is_a_gap_and_the_connection_lives_on() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    for nonsense in [
        "{\"stream\":\"trade_updates\",\"data\":{\"event\":\"fill\"}}",
        "{\"stream\":\"trade_upda",
        "[]",
        "\u{7}",
    ] {
        fake.tell_raw(nonsense);
        await_report(&mut reports, gap_of).await;
    }
    fake.tell_raw("{\"stream\":\"weather\",\"data\":{}}");
    broker.submit(&dispatch(&order("q-1", Side::Buy, "1", Some("150")))).await;
    let next = await_report(&mut reports, |r| Some(r.clone())).await;
    assert!(matches!(next, BrokerReport::Order(_)), "{next:?}");
    assert_eq!(fake.listeners(), 1);
}

#[tokio::test]
async fn a_fill_after_a_cancel_is_told_as_it_is() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    let SubmitOutcome::Acked(report) =
        broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await
    else {
        panic!("not taken")
    };
    assert_eq!(broker.cancel(&known(&report)).await, CancelOutcome::Requested);
    fake.fill("q-1", "3", "150");
    let fill = await_report(&mut reports, fill_of).await;
    assert_eq!(fill.cum, "3".parse().unwrap());
    let after = |r: &BrokerReport| match r {
        BrokerReport::Order(o) if o.status == VenueStatus::Canceled && o.filled == fill.cum => Some(()),
        _ => None,
    };
    await_report(&mut reports, after).await;
}

#[tokio::test]
async fn a_replacement_tells_both_names_and_a_refused_one_is_told_apart() {
    let Some((broker, fake)) = venue().await else { return };
    let mut reports = connected(&broker).await;
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    let SubmitOutcome::Acked(before) = broker.submit(&dispatch(&wish)).await else { panic!("not taken") };
    let change = Amendment { limit_price: Some("151".parse().unwrap()), ..Amendment::default() };
    broker.amend(&known(&before), &change).await;
    let replaced = |r: &BrokerReport| match r {
        BrokerReport::Order(o) if o.status == VenueStatus::Replaced => Some(o.clone()),
        _ => None,
    };
    let old = await_report(&mut reports, replaced).await;
    let new = await_report(&mut reports, |r| match r {
        BrokerReport::Order(o) if o.replaces == Some(old.venue_id) => Some(o.clone()),
        _ => None,
    })
    .await;
    assert_eq!((old.venue_id, old.replaced_by), (before.venue_id, Some(new.venue_id)));
    assert_eq!((new.id, new.amend_seq, new.limit_price), (Some(wish.id), 1, change.limit_price));
    let raw = fake.end("q-1", "new");
    fake.tell_raw(&raw.replace("\"event\":\"new\"", "\"event\":\"order_replace_rejected\""));
    let refused =
        await_report(&mut reports, |r| matches!(r, BrokerReport::AmendRejected(_)).then_some(())).await;
    assert_eq!(refused, ());
}

#[tokio::test]
async fn a_wrong_key_never_connects_and_never_shows() {
    let Some((_, fake)) = venue().await else { return };
    let wrong = adapter(&fake, "PK-WRONG-CANARY", "wrong-canary-secret");
    let mut reports = wrong.reports();
    for _ in 0..3 {
        let said = await_report(&mut reports, |r| match r {
            BrokerReport::Gap { reason } => Some(reason.to_string()),
            other => panic!("{other:?}"),
        })
        .await;
        assert!(said.contains("key") && !said.contains("CANARY") && !said.contains("canary"), "{said}");
    }
}
