//! The session that is not over yet as a provisional row of a panel: what has been printed so far, restated to the
//! terms of the panel. Only values of the moment rest on it, never signals or evidence.

use std::collections::BTreeMap;

use crate::domain::{Exchange, Price};
use crate::factor::panel::{Panel, RunningRow};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

/// The panel with the running session so far, from its prints; none while no session runs or nothing was printed.
/// Names that split or pay today are left out: their earlier prices are restated only when the session is over.
pub(super) fn running_panel(
    house: &House,
    exchange: Exchange,
    panel: &Panel,
) -> Result<Option<Panel>, ServiceError> {
    let Some(time) = house.state()?.market_time(exchange) else { return Ok(None) };
    let calendar = house.calendars().of(exchange);
    let today = calendar.date_at(time);
    let begun = calendar.session_on(today).is_some_and(|s| s.open <= time);
    let Some(before) = panel.sessions().len().checked_sub(1) else { return Ok(None) };
    if !begun || panel.sessions().last().is_none_or(|last| *last >= today) {
        return Ok(None);
    }
    let actions = lock(house.market_store()).read().actions_between(exchange, today, today)?;
    let mut rows = BTreeMap::new();
    for (at, id) in panel.symbols().iter().enumerate() {
        let Some(live) = house.quotes().get(*id).filter(|_| !actions.iter().any(|a| a.instrument == *id))
        else {
            continue;
        };
        let (Some(open), Some(high), Some(low), Some((last, _))) =
            (live.open, live.high, live.low, live.last)
        else {
            continue;
        };
        let known = panel.value("factor", at, before);
        let factor = if known > 0.0 { known } else { 1.0 };
        let price = |p: Price| (p.to_f64() * factor) as f32;
        let row: RunningRow = vec![
            ("open", price(open)),
            ("high", price(high)),
            ("low", price(low)),
            ("close", price(last)),
            ("volume", (live.bar_volume().to_f64() / factor) as f32),
            ("factor", factor as f32),
        ];
        rows.insert(*id, row);
    }
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(panel.continued(today, &rows)?))
}
