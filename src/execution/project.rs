//! Projections: the rows that people query, made from events and the state after them.

use std::sync::Arc;

use crate::domain::event::{Event, EventBody};
use crate::domain::limit::Turn;
use crate::domain::row::{Execution, RiskAckRow, RiskEventRow, Row};
use crate::domain::{AccountId, InstrumentId, Money, RefusalCode};
use crate::risk::OrderKey;

use super::few::Few;
use super::fold::Effects;
use super::state::State;

/// What a step changed; each row is written once, as it stands after the step.
#[derive(Debug, Default)]
pub(super) struct Touched {
    orders: Few<OrderKey>,
    /// Accounts, and what changed of their holdings.
    accounts: Few<(AccountId, Option<InstrumentId>)>,
    limits: Vec<u32>,
}

/// Rows that belong to one event, and a note of those that follow at the end of the step.
pub(super) fn note(rows: &mut Vec<Row>, touched: &mut Touched, event: &Event, effects: &Effects) {
    effects.orders.iter().for_each(|key| touched.orders.push_other(*key));
    for (account, movement) in effects.movements.iter().filter(|(_, movement)| !movement.is_hold()) {
        touched.accounts.push((*account, movement.shares.map(|(instrument, _, _)| instrument)));
    }
    match &event.body {
        EventBody::Fill(fill) => rows.push(Row::Execution(Execution {
            seq: event.seq,
            time: event.t,
            account: fill.account,
            id: fill.id,
            instrument: fill.instrument,
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            realized: effects.movements.first().map_or(Money::ZERO, |(_, m)| m.realized),
        })),
        EventBody::LimitProposed { version, .. }
        | EventBody::LimitApproved { version, .. }
        | EventBody::LimitRejected { version, .. }
        | EventBody::LimitTurned { version, turn: Turn::Overtaken } => {
            touched.limits.push(*version);
        }
        EventBody::RiskAcknowledged(ack) => {
            rows.push(Row::RiskAck(RiskAckRow { seq: event.seq, time: event.t, ack: ack.clone() }));
        }
        body => rows.extend(risk_row(event, body)),
    }
}

/// The `risk_events` row of a control that spoke or a refusal behind which a limit stands.
fn risk_row(event: &Event, body: &EventBody) -> Option<Row> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let row = match body {
        EventBody::RiskEvent { code, account, limit, observed, threshold, scope } => RiskEventRow {
            seq: event.seq,
            time: event.t,
            account: *account,
            code: *code,
            order: None,
            limit: scope.map_or_else(|| limit.clone(), |scope| format!("{limit} {scope}")),
            observed: observed.clone(),
            threshold: threshold.clone(),
        },
        EventBody::LimitUsed { account, limit, level, observed, threshold, .. } if *level > 0 => {
            RiskEventRow {
                seq: event.seq,
                time: event.t,
                account: *account,
                code: if *level >= 100 { RefusalCode::PassiveBreach } else { RefusalCode::LimitUtilisation },
                order: None,
                limit: limit.to_string(),
                observed: observed.clone(),
                threshold: threshold.clone(),
            }
        }
        EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal } => {
            RiskEventRow {
                seq: event.seq,
                time: event.t,
                account: order.account,
                code: refusal.code,
                order: Some(order.id),
                limit: text(&refusal.limit),
                observed: text(&refusal.observed),
                threshold: text(&refusal.threshold),
            }
        }
        EventBody::AmendRejected { account, id, refusal, .. } => RiskEventRow {
            seq: event.seq,
            time: event.t,
            account: *account,
            code: refusal.code,
            order: Some(*id),
            limit: text(&refusal.limit),
            observed: text(&refusal.observed),
            threshold: text(&refusal.threshold),
        },
        _ => return None,
    };
    Some(Row::RiskEvent(row))
}

/// The rows of everything a step changed.
pub(super) fn rows(rows: &mut Vec<Row>, touched: &mut Touched, state: &State) {
    touched.orders.sort();
    touched.accounts.sort();
    let orders = touched.orders.iter().filter_map(|key| state.orders.shared(key));
    rows.extend(orders.map(|order| Row::Order(Arc::clone(order))));
    let mut written = None;
    for (name, _) in touched.accounts.iter().filter(|(name, _)| written.replace(*name) != Some(*name)) {
        let own = touched.accounts.iter().filter(|(account, _)| account == name);
        let holdings = own.filter_map(|(_, instrument)| *instrument);
        rows.extend(state.accounts.get(name).map(|account| Row::Portfolio(account.row_of(holdings))));
    }
    if touched.limits.is_empty() {
        return;
    }
    let versions = state.limits.versions().iter().filter(|v| touched.limits.contains(&v.version));
    rows.extend(versions.map(|version| Row::Limit(Box::new(version.clone()))));
}

/// Rows of everything there is.
pub(super) fn standing(state: &State) -> Vec<Row> {
    let orders = state.orders.open().all_shared().chain(state.orders.done_shared());
    let mut rows: Vec<Row> = orders.map(|order| Row::Order(Arc::clone(order))).collect();
    rows.extend(state.accounts.values().map(|account| Row::Portfolio(account.row())));
    rows.extend(state.limits.versions().iter().map(|version| Row::Limit(Box::new(version.clone()))));
    rows
}
