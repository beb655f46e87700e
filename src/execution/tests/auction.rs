//! Orders for an auction at the very close: a market fed by bars stands there, a quoted one is past its cut-off.

use super::*;
use crate::domain::Quote;
use crate::domain::order::OrderType;

fn close() -> UnixNanos {
    "2024-03-05T21:00:00Z".parse().unwrap()
}

fn at_close(id: &str) -> OrderSpec {
    OrderSpec { order_type: OrderType::MarketOnClose, ..Desk::order(id, "AAA", Side::Buy, 10, None) }
}

#[test]
fn at_a_standing_close_an_auction_order_is_for_the_next_session_and_at_a_quoted_one_it_is_too_late() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", false);
    desk.bar("AAA", 390, [1000, 1010, 990, 1000], 100_000);
    assert_eq!(desk.now, close());
    desk.submit(at_close("a"));
    assert_eq!(desk.status("a"), OrderStatus::Accepted, "the next session's close");
    desk.now = "2024-03-06T14:30:00Z".parse().unwrap();
    desk.bar("AAA", 390, [1000, 1060, 990, 1050], 100_000);
    assert_eq!(desk.status("a"), OrderStatus::Filled);

    let mut desk = Desk::new(&calendars, "100000", false);
    desk.bar("AAA", 389, [1000, 1010, 990, 1000], 100_000);
    let size = Quantity::from_whole(100).unwrap();
    let time = close();
    let quote = Quote {
        instrument: instrument("AAA"),
        time,
        bid: cents(999),
        ask: cents(1001),
        bid_size: size,
        ask_size: size,
    };
    desk.market(&MarketEvent::Quote(quote));
    let events = desk.submit(at_close("b"));
    assert_eq!(desk.status("b"), OrderStatus::Denied);
    assert!(
        matches!(&events[..], [EventBody::OrderDenied { refusal, .. }]
        if refusal.code == crate::domain::RefusalCode::TooLateToEnter),
        "{events:?}"
    );
    let evening = "2024-03-06T00:00:00Z".parse().unwrap();
    desk.now = evening;
    desk.submit(at_close("c"));
    assert_eq!(desk.status("c"), OrderStatus::Accepted, "from 19:00 in New York on");
}
