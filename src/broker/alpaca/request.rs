//! Our orders in Alpaca's words. What the venue does not take is never bent into something near it: it is refused
//! here with a code, in case routing let it pass.

use serde_json::{Map, Value, json};

use super::super::Amendment;
use super::wire::client_order_id;
use crate::domain::broker::{OrderClass, VenueRefusal};
use crate::domain::order::Trail;
use crate::domain::{
    BrokerId, CleanText, Exchange, OrderId, OrderSpec, OrderType, Price, Ratio, RefusalCode, TimeInForce,
};
use crate::execution::native::fitting;
use crate::execution::venues::capabilities;

/// Longest client order id that is sent, in characters.
const CLIENT_ORDER_ID_CHARS_MAX: usize = 48;
/// Hundredths in a whole.
const PERCENT_IN_ONE: i64 = 100;

fn refusal(code: RefusalCode, text: &str) -> VenueRefusal {
    VenueRefusal { code, text: CleanText::new(text) }
}

/// The body of a new order, with the others of its group.
pub(super) fn submit(order: &OrderSpec, legs: &[OrderSpec]) -> Result<Value, VenueRefusal> {
    check(order)?;
    let (kind, tif) = words(order)?;
    let mut body = Map::new();
    let mut put = |key: &str, value: String| drop(body.insert(key.to_owned(), Value::String(value)));
    put("symbol", order.instrument.symbol.to_string());
    put("qty", order.quantity.to_string());
    put("side", order.side.as_str().to_owned());
    put("type", kind.to_owned());
    put("time_in_force", tif.to_owned());
    put("client_order_id", client_order_id(order.id, 0));
    if let Some(limit) = order.limit_price.filter(|_| order.order_type.has_limit()) {
        put("limit_price", limit.to_string());
    }
    if let Some(trigger) = order.trigger_price.filter(|_| order.order_type.has_trigger()) {
        put("stop_price", trigger.to_string());
    }
    match order.trail {
        Some(Trail::Amount(amount)) => put("trail_price", amount.to_string()),
        Some(Trail::Percent(share)) => {
            let percent = Ratio::from_raw(share.raw().saturating_mul(PERCENT_IN_ONE));
            put("trail_percent", percent.to_string());
        }
        None => {}
    }
    body.insert("extended_hours".to_owned(), json!(false));
    if !legs.is_empty() {
        group(&mut body, order, legs)?;
    }
    Ok(Value::Object(body))
}

/// The exits of a group, in the one order that carries it.
fn group(body: &mut Map<String, Value>, order: &OrderSpec, legs: &[OrderSpec]) -> Result<(), VenueRefusal> {
    let class = fitting(order, legs, capabilities(BrokerId::Alpaca));
    let class = class.map_err(|(code, why)| refusal(code, &format!("alpaca: {why}")))?;
    body.insert("order_class".to_owned(), json!(class.as_str()));
    let lead = (class == OrderClass::Oco).then_some(order);
    if lead.is_some() {
        body.remove("limit_price");
    }
    for exit in legs.iter().chain(lead) {
        let price = |price: Option<Price>| price.map(|p| p.to_string());
        let (name, terms) = match (price(exit.trigger_price), price(exit.limit_price)) {
            (Some(stop), Some(limit)) => ("stop_loss", json!({ "stop_price": stop, "limit_price": limit })),
            (Some(stop), None) => ("stop_loss", json!({ "stop_price": stop })),
            (None, limit) => ("take_profit", json!({ "limit_price": limit })),
        };
        body.insert(name.to_owned(), terms);
    }
    Ok(())
}

/// The body of a change.
pub(super) fn amend(id: OrderId, amend_seq: u32, change: &Amendment) -> Result<Value, VenueRefusal> {
    let name = client_order_id(id, amend_seq);
    if name.len() > CLIENT_ORDER_ID_CHARS_MAX {
        let text = "the order's id is too long to be amended at this venue; cancel it and give a new one";
        return Err(refusal(RefusalCode::VenueReject, text));
    }
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), Value::String(value));
        }
    };
    put("qty", change.quantity.map(|q| q.to_string()));
    put("limit_price", change.limit_price.map(|p| p.to_string()));
    put("stop_price", change.trigger_price.map(|p| p.to_string()));
    put("client_order_id", Some(name));
    Ok(Value::Object(body))
}

fn check(order: &OrderSpec) -> Result<(), VenueRefusal> {
    let offered = capabilities(BrokerId::Alpaca).offers.iter().any(|o| o.order_type == order.order_type);
    let timed = capabilities(BrokerId::Alpaca)
        .offers
        .iter()
        .any(|o| o.order_type == order.order_type && o.tifs.contains(&order.tif));
    if order.instrument.exchange != Exchange::Xnys {
        return Err(refusal(RefusalCode::InstrumentNotTradable, "alpaca trades US shares only"));
    }
    if !offered || order.reduce_only || order.post_only {
        return Err(refusal(RefusalCode::UnsupportedOrderType, "alpaca does not take this kind of order"));
    }
    if !timed {
        return Err(refusal(RefusalCode::UnsupportedTimeInForce, "alpaca does not take this time in force"));
    }
    Ok(())
}

fn words(order: &OrderSpec) -> Result<(&'static str, &'static str), VenueRefusal> {
    let tif = match order.tif {
        TimeInForce::Day => "day",
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
        TimeInForce::Gtd => {
            return Err(refusal(RefusalCode::UnsupportedTimeInForce, "alpaca has no good-till-date orders"));
        }
    };
    Ok(match order.order_type {
        OrderType::Market => ("market", tif),
        OrderType::Limit => ("limit", tif),
        OrderType::Stop => ("stop", tif),
        OrderType::StopLimit => ("stop_limit", tif),
        OrderType::TrailingStop => ("trailing_stop", tif),
        OrderType::MarketOnOpen => ("market", "opg"),
        OrderType::LimitOnOpen => ("limit", "opg"),
        OrderType::MarketOnClose => ("market", "cls"),
        OrderType::LimitOnClose => ("limit", "cls"),
        OrderType::MarketIfTouched | OrderType::LimitIfTouched => {
            return Err(refusal(RefusalCode::UnsupportedOrderType, "alpaca has no touched orders"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Side;

    fn order(order_type: OrderType, tif: TimeInForce) -> OrderSpec {
        let (account, id) = ("desk".parse().unwrap(), "q-1".parse().unwrap());
        let plain = OrderSpec::plain(
            account,
            id,
            "AAPL.XNYS".parse().unwrap(),
            (Side::Sell, "10".parse().unwrap()),
            Some("187.20".parse().unwrap()),
        );
        let trigger_price = order_type.has_trigger().then(|| "180.5".parse().unwrap());
        let trail = (order_type == OrderType::TrailingStop).then(|| "2%".parse().unwrap());
        OrderSpec { order_type, tif, trigger_price, trail, ..plain }
    }

    #[test]
    fn every_number_travels_as_exact_text() {
        let body = submit(&order(OrderType::StopLimit, TimeInForce::Gtc), &[]).unwrap();
        let expected = json!({
            "symbol": "AAPL", "qty": "10", "side": "sell", "type": "stop_limit", "time_in_force": "gtc",
            "client_order_id": "q-1", "limit_price": "187.2", "stop_price": "180.5", "extended_hours": false,
        });
        assert_eq!(body, expected);
        let trailing = submit(&order(OrderType::TrailingStop, TimeInForce::Day), &[]).unwrap();
        assert_eq!((&trailing["trail_percent"], trailing.get("limit_price")), (&json!("2"), None));
    }

    #[test]
    fn every_offer_has_words_and_nothing_else_does() {
        for order_type in OrderType::ALL {
            for tif in TimeInForce::ALL {
                let offered = capabilities(BrokerId::Alpaca)
                    .offers
                    .iter()
                    .any(|o| o.order_type == *order_type && o.tifs.contains(tif));
                let body = submit(&order(*order_type, *tif), &[]);
                assert_eq!(body.is_ok(), offered, "{order_type} {tif}");
            }
        }
    }

    #[test]
    fn an_id_without_room_for_its_amendment_is_refused_before_it_is_sent() {
        let long: OrderId = "x".repeat(48).parse().unwrap();
        assert_eq!(amend(long, 1, &Amendment::default()).unwrap_err().code, RefusalCode::VenueReject);
        let body = amend("q-1".parse().unwrap(), 2, &Amendment::default()).unwrap();
        assert_eq!(body, json!({ "client_order_id": "q-1~2" }));
    }
}
