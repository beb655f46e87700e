//! When a price was last seen: marks keep it, so that a state folded from the journal knows it as the live one does.

use super::*;

/// Prints of a held name at the same price, with another name's print behind, which makes the mark.
fn history() -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.bar("AAA", 1, [1_000; 4], 100_000);
    desk.submit(Desk::order("b", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, [1_000; 4], 100_000);
    for (symbol, seconds) in [("AAA", 90), ("BBB", 3), ("BBB", 200)] {
        let (time, price) = (desk.now.plus_millis(seconds * 1_000), cents(1_000));
        let size = Quantity::from_whole(1).unwrap();
        desk.market(&MarketEvent::Trade(Trade { instrument: instrument(symbol), time, price, size }));
    }
    desk
}

fn last_seen(engine: &Engine) -> UnixNanos {
    engine.state().view().last(instrument("AAA")).unwrap().time
}

#[test]
fn a_price_that_did_not_change_was_seen_when_it_was_seen_live_and_folded() {
    let desk = history();
    let print = start().plus_millis(210_000);
    assert_eq!((last_seen(&desk.engine), desk.now), (print, start().plus_millis(413_000)));
    let folded = Engine::recover(Calendars::bundled().unwrap(), &desk.events).unwrap();
    assert_eq!(last_seen(&folded), print, "neither its first time nor that of the last mark");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_mark_of_an_earlier_release_folds_as_it_did_and_keeps_its_bytes() {
    let mut desk = history();
    for event in &mut desk.events {
        if let EventBody::Marked { ages, .. } = &mut event.body {
            *ages = None;
        }
    }
    assert!(desk.events.iter().all(|event| !encode(event).unwrap().contains("\"ages\"")));
    let folded = Engine::recover(Calendars::bundled().unwrap(), &desk.events).unwrap();
    assert_eq!(last_seen(&folded), start().plus_millis(120_000), "since when the price is what it is");
}
