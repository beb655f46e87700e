//! Orders in words: kind, prices, time in force and ties, as tickets, lists and questions show them.

use crate::domain::{OrderType, Price, TimeInForce, Trail, UnixNanos};
use crate::service::trading::OrderWish;
use crate::service::view::OrderRow;

use super::format;

/// A kind in words, such as `stop limit`.
pub fn kind(order_type: OrderType) -> String {
    order_type.as_str().replace('_', " ")
}

/// A kind in few cells, such as `STP LMT`.
pub const fn short(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Market => "MKT",
        OrderType::Limit => "LMT",
        OrderType::Stop => "STP",
        OrderType::StopLimit => "STP LMT",
        OrderType::TrailingStop => "TRAIL",
        OrderType::MarketIfTouched => "MIT",
        OrderType::LimitIfTouched => "LIT",
        OrderType::MarketOnOpen => "MOO",
        OrderType::MarketOnClose => "MOC",
        OrderType::LimitOnOpen => "LOO",
        OrderType::LimitOnClose => "LOC",
    }
}

/// Kind and prices, such as `stop limit 219.00, trigger 220.00`.
pub fn terms(
    order_type: OrderType,
    limit: Option<Price>,
    trigger: Option<Price>,
    trail: Option<Trail>,
) -> String {
    let mut text = kind(order_type);
    if let Some(limit) = limit {
        text.push_str(&format!(" {}", format::price(limit)));
    }
    if let Some(trail) = trail {
        text.push_str(&format!(" {trail} away"));
    }
    if let Some(trigger) = trigger {
        text.push_str(&format!(", trigger {}", format::price(trigger)));
    }
    text
}

/// How long, such as `gtd until 2026-12-31 21:00 UTC`.
pub fn duration(tif: TimeInForce, end: Option<UnixNanos>) -> String {
    let until = end.map(|t| format!(" until {} UTC", t.to_datetime().format("%Y-%m-%d %H:%M")));
    format!("{}{}", tif.as_str(), until.unwrap_or_default())
}

/// Kind, prices and time in force of an order that was given.
pub fn of_row(order: &OrderRow) -> String {
    let terms = terms(order.order_type, order.limit_price, order.trigger_price, order.trail);
    format!("{terms}, {}", duration(order.tif, order.expire_at))
}

/// What an order is tied to and may not do, one phrase each.
pub fn ties(order: &OrderRow) -> Vec<String> {
    let mut ties = Vec::new();
    ties.extend(order.parent.map(|id| format!("child of {id}")));
    ties.extend(order.oco.map(|group| format!("one of group {group}")));
    ties.extend(order.reduce_only.then(|| "reduce only".to_owned()));
    ties.extend(order.post_only.then(|| "post only".to_owned()));
    ties.extend(order.triggered.then(|| "triggered".to_owned()));
    ties.extend(order.strategy.map(|s| format!("strategy {s}")));
    ties
}

/// The exits and conditions of a draft, one phrase each.
pub fn conditions(order: &OrderWish) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(order.take_profit.map(|p| format!("take profit {}", format::price(p))));
    parts.extend(order.stop_loss.map(|p| format!("stop loss {}", format::price(p))));
    parts.extend(order.or_stop.map(|p| format!("or stop {}, at most one of the two", format::price(p))));
    parts.extend(order.reduce_only.then(|| "reduce only".to_owned()));
    parts.extend(order.post_only.then(|| "post only".to_owned()));
    parts
}

/// A moment as people type it: `2026-12-31`, `2026-12-31 21:00` (UTC), or so long after market time: `+2h`, `+3d`.
/// A day without a time begins, or `at_end` ends.
pub fn moment(text: &str, now: Option<UnixNanos>, at_end: bool) -> Option<UnixNanos> {
    if let Some(later) = text.strip_prefix('+') {
        let unit = later.chars().last()?;
        let count: i64 = later.strip_suffix(unit)?.parse().ok()?;
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let nanos = count.checked_mul(seconds)?.checked_mul(crate::domain::time::NANOS_PER_SECOND)?;
        return now.map(|now| now.plus_nanos(nanos));
    }
    let whole = match text.split_once([' ', 'T']) {
        _ if text.ends_with('Z') => text.to_owned(),
        Some((day, time)) => format!("{day}T{time}:00Z"),
        None if at_end => format!("{text}T23:59:59Z"),
        None => format!("{text}T00:00:00Z"),
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_a_minute_or_so_long_from_now() {
        let now = "2024-01-02T10:00:00Z".parse().ok();
        let text = |t: &str, end| moment(t, now, end).map(|m| m.to_string());
        assert_eq!(text("2026-12-31", true).as_deref(), Some("2026-12-31T23:59:59Z"));
        assert_eq!(text("2026-12-31", false).as_deref(), Some("2026-12-31T00:00:00Z"));
        assert_eq!(text("2026-12-31 21:00", false).as_deref(), Some("2026-12-31T21:00:00Z"));
        assert_eq!(text("+2h", true).as_deref(), Some("2024-01-02T12:00:00Z"));
        assert_eq!(text("+1d", true).as_deref(), Some("2024-01-03T10:00:00Z"));
        assert_eq!((text("soon", true), text("+2w", true), moment("+2h", None, true)), (None, None, None));
    }

    #[test]
    fn terms_read_as_people_say_them() {
        let price = |text: &str| Some(text.parse().unwrap());
        assert_eq!(terms(OrderType::Market, None, None, None), "market");
        assert_eq!(
            terms(OrderType::StopLimit, price("219"), price("220"), None),
            "stop limit 219.00, trigger 220.00"
        );
        let trail = Some("2%".parse().unwrap());
        assert_eq!(
            terms(OrderType::TrailingStop, None, price("98"), trail),
            "trailing stop 2% away, trigger 98.00"
        );
        assert_eq!(
            duration(TimeInForce::Gtd, Some("2026-12-31T21:00:00Z".parse().unwrap())),
            "gtd until 2026-12-31 21:00 UTC"
        );
    }
}
