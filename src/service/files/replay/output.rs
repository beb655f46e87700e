//! The lines of the output: events in the words of the command line's contract, then the state.

use std::collections::BTreeMap;
use std::io::{Result, Write};

use serde_json::{Value, json};

use crate::domain::event::{CashKind, EndReason, Event, EventBody, Fill, HaltMode, Refusal};
use crate::domain::journal::ChainHash;
use crate::domain::limit::{LimitDraft, Turn};
use crate::domain::posting::Asset;
use crate::domain::{AccountId, InstrumentId, Money, OrderId, OrderSpec};
use crate::execution::State;
use crate::portfolio::Account;

/// An object with its keys in the order in which they are put.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&format!("{}:{}", Value::from(key), value.into()));
        self
    }

    /// A value that prints itself, as a string.
    fn text(self, key: &str, value: impl std::fmt::Display) -> Self {
        self.put(key, value.to_string())
    }

    fn text_if(self, key: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    fn raw(mut self, key: &str, object: &Object) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&format!("{}:{}}}", Value::from(key), object.0));
        self
    }

    fn write(self, writer: &mut impl Write) -> Result<()> {
        writeln!(writer, "{}}}", self.0)
    }
}

/// Writes an event; false when it is not one that is printed.
pub(super) fn event(writer: &mut impl Write, seq: u64, event: &Event) -> Result<bool> {
    let head = |name: &str| Object::new().put("seq", seq).text("t", event.t).put("event", name);
    match body(head, &event.body) {
        Some(object) => object.write(writer).map(|()| true),
        None => Ok(false),
    }
}

fn body(head: impl Fn(&str) -> Object, body: &EventBody) -> Option<Object> {
    match body {
        EventBody::ControlRejected { .. }
        | EventBody::LimitProposed { .. }
        | EventBody::LimitApproved { .. }
        | EventBody::LimitRejected { .. }
        | EventBody::Halted { .. }
        | EventBody::Resumed { .. }
        | EventBody::LimitTurned { .. }
        | EventBody::LimitUsed { .. }
        | EventBody::Flattened { .. }
        | EventBody::HaltDrilled { .. }
        | EventBody::MarginEased { .. }
        | EventBody::RiskEased { .. }
        | EventBody::RiskAcknowledged(_)
        | EventBody::RiskEvent { .. } => control_body(head, body),
        EventBody::CorporateAction { .. }
        | EventBody::SymbolChanged { .. }
        | EventBody::DividendAnnounced { .. }
        | EventBody::Cash { .. }
        | EventBody::Settled { .. } => outside_body(head, body),
        EventBody::AccountOpened(_)
        | EventBody::InstrumentDefined(_)
        | EventBody::Configured(_)
        | EventBody::SymbolStatus { .. }
        | EventBody::ExDateReached { .. }
        | EventBody::DividendDue { .. }
        | EventBody::OrderTrailed { .. }
        | EventBody::PositionClaimed(_)
        | EventBody::PositionTakenOver(_)
        | EventBody::Marked { .. }
        | EventBody::Session { .. } => None,
        EventBody::OrderAccepted { .. }
        | EventBody::OrderHeld { .. }
        | EventBody::OrderReleased { .. }
        | EventBody::OrderUpdated { .. }
        | EventBody::OrderSubmitted { .. }
        | EventBody::OrderAdopted { .. }
        | EventBody::OrderAcknowledged { .. }
        | EventBody::OrderSuspended { .. }
        | EventBody::UpdateRequested { .. }
        | EventBody::CancelRequested { .. }
        | EventBody::ReconciliationBegan { .. }
        | EventBody::ReconciliationEnded { .. }
        | EventBody::OrderReduced { .. }
        | EventBody::OrderTriggered { .. }
        | EventBody::OrderCanceled { .. }
        | EventBody::OrderExpired { .. }
        | EventBody::OrderRejected { .. }
        | EventBody::OrderDenied { .. }
        | EventBody::AmendRejected { .. }
        | EventBody::CancelRejected { .. }
        | EventBody::Fill(_) => order_body(head, body),
    }
}

/// What happened to orders.
fn order_body(head: impl Fn(&str) -> Object, body: &EventBody) -> Option<Object> {
    Some(match body {
        EventBody::OrderAccepted { order, .. } => spec(head("order_accepted"), order),
        EventBody::OrderHeld { order, code, .. } => {
            spec(named(head("order_held"), order.account, order.id).text("code", code), order)
        }
        EventBody::OrderReleased { account, id, approver, .. } => {
            named(head("order_accepted"), *account, *id).text_if("approver", approver.as_ref())
        }
        EventBody::OrderUpdated { account, id, quantity, limit_price, trigger_price, .. } => {
            let object = named(head("order_updated"), *account, *id).text("quantity", quantity);
            let object = object.text_if("limit_price", limit_price.as_ref());
            object.text_if("trigger_price", trigger_price.as_ref())
        }
        EventBody::OrderSubmitted { order, broker, route, .. } => {
            spec(head("order_submitted"), order).text("broker", broker).text("route", route)
        }
        EventBody::OrderAdopted { order, broker, venue_id, .. } => {
            spec(head("order_adopted"), order).text("broker", broker).text("venue_id", venue_id)
        }
        EventBody::OrderAcknowledged { account, id, venue_id } => {
            named(head("order_accepted"), *account, *id).text("venue_id", venue_id)
        }
        EventBody::OrderSuspended { account, id } => named(head("order_suspended"), *account, *id),
        EventBody::UpdateRequested { account, id, quantity, .. } => {
            named(head("update_requested"), *account, *id).text("quantity", quantity)
        }
        EventBody::CancelRequested { account, id, reason } => {
            named(head("cancel_requested"), *account, *id).put("reason", reason_word(*reason))
        }
        EventBody::ReconciliationBegan { account } => head("reconciliation_began").text("account", account),
        EventBody::ReconciliationEnded { account, breaks } => {
            head("reconciliation_ended").text("account", account).put("breaks", breaks.len())
        }
        EventBody::OrderReduced { account, id, by, group } => {
            let object = named(head("order_updated"), *account, *id).text("reduced_by", by);
            object.put("reason", if *group { "group_filled" } else { "parent_ended" })
        }
        EventBody::OrderTriggered { account, id } => named(head("order_triggered"), *account, *id),
        EventBody::OrderCanceled { account, id, reason } => {
            named(head("order_canceled"), *account, *id).put("reason", reason_word(*reason))
        }
        EventBody::OrderExpired { account, id, reason } => {
            named(head("order_expired"), *account, *id).put("reason", reason_word(*reason))
        }
        EventBody::OrderRejected { order, refusal } => {
            refused(head("order_rejected"), order.account, order.id, refusal)
        }
        EventBody::OrderDenied { order, refusal, .. } => {
            refused(head("order_denied"), order.account, order.id, refusal)
        }
        EventBody::AmendRejected { account, id, refusal, .. } => {
            refused(head("amend_rejected"), *account, *id, refusal)
        }
        EventBody::CancelRejected { account, id, refusal } => {
            refused(head("cancel_rejected"), *account, *id, refusal)
        }
        EventBody::Fill(fill) => filled(head("fill"), fill),
        _ => return None,
    })
}

/// What people set, and what a control said.
fn control_body(head: impl Fn(&str) -> Object, body: &EventBody) -> Option<Object> {
    Some(match body {
        EventBody::ControlRejected { what, actor, reason } => {
            head("control_rejected").text("what", what).text("actor", actor).text("reason", reason)
        }
        EventBody::LimitProposed { version, draft, actor } => {
            limit(head("limit_proposed"), *version, draft).text("actor", actor)
        }
        EventBody::LimitApproved { version, draft, maker, actor, .. } => {
            limit(head("limit_approved"), *version, draft).text("maker", maker).text("actor", actor)
        }
        EventBody::LimitRejected { version, actor, reason } => {
            head("limit_rejected").put("version", *version).text("actor", actor).text("reason", reason)
        }
        EventBody::Halted { scope, mode, actor, .. } => {
            head("halted").text("scope", scope).put("mode", mode_word(*mode)).text("actor", actor)
        }
        EventBody::Resumed { scope, actor, .. } => head("resumed").text("scope", scope).text("actor", actor),
        EventBody::MarginEased { account, code, equity, required } => head("margin_eased")
            .text("account", account)
            .text("code", code)
            .text("equity", equity)
            .text("required", required),
        EventBody::LimitTurned { version, turn } => {
            let word = match turn {
                Turn::Begins => "limit_begun",
                Turn::Ends => "limit_ended",
                Turn::Overtaken => "limit_overtaken",
            };
            head(word).put("version", *version)
        }
        EventBody::LimitUsed { account, limit, scope, level, observed, threshold } => {
            let object =
                head("limit_used").text("account", account).text("limit", limit).text("scope", scope);
            object.put("level", *level).text("observed", observed).text("threshold", threshold)
        }
        EventBody::RiskEvent { code, account, limit, observed, threshold, scope } => {
            let object = head("risk_event").text("code", code).text("account", account).text("limit", limit);
            object.text("observed", observed).text("threshold", threshold).text_if("scope", *scope)
        }
        EventBody::Flattened { scope, actor, positions, .. } => {
            head("flattened").text("scope", scope).text("actor", actor).put("positions", *positions)
        }
        EventBody::HaltDrilled { scope, actor, orders, .. } => {
            head("halt_drilled").text("scope", scope).text("actor", actor).put("orders", *orders)
        }
        EventBody::RiskAcknowledged(ack) => {
            let object = head("risk_acknowledged").put("of", ack.of).text("account", ack.account);
            object.text("actor", ack.actor).text("resolution", &ack.resolution)
        }
        EventBody::RiskEased { account, code } => {
            head("risk_eased").text("code", code).text("account", account)
        }
        _ => return None,
    })
}

/// What came from outside.
fn outside_body(head: impl Fn(&str) -> Object, body: &EventBody) -> Option<Object> {
    Some(match body {
        EventBody::CorporateAction { instrument, ratio, .. } => {
            let object = symbol(head("corporate_action"), *instrument).put("kind", "split");
            object.text("ratio", format_args!("{}:{}", ratio.new, ratio.old))
        }
        EventBody::SymbolChanged { instrument, to, day } => {
            let object = symbol(head("corporate_action"), *instrument).put("kind", "symbol_change");
            object.text("to", to.symbol).text("day", day)
        }
        EventBody::DividendAnnounced { instrument, amount, ex_date, pay_date } => {
            let object = symbol(head("corporate_action"), *instrument).put("kind", "dividend");
            object.text("amount", amount).text("ex_date", ex_date).text("pay_date", pay_date)
        }
        EventBody::Cash { account, amount, kind, instrument } => {
            let object = head("cash").text("account", account).text("amount", amount);
            object.put("kind", kind_word(*kind)).text_if("symbol", instrument.map(|i| i.symbol))
        }
        EventBody::Settled { account, amount, day } => {
            head("settled").text("account", account).text("amount", amount).text("day", day)
        }
        _ => return None,
    })
}

fn named(object: Object, account: AccountId, id: OrderId) -> Object {
    object.text("account", account).text("id", id)
}

fn symbol(object: Object, instrument: InstrumentId) -> Object {
    object.text("symbol", instrument.symbol)
}

fn spec(object: Object, order: &OrderSpec) -> Object {
    let started = object.0.contains("\"account\":");
    let object = if started { object } else { named(object, order.account, order.id) };
    symbol(object, order.instrument)
        .put("side", order.side.as_str())
        .put("type", order.order_type.as_str())
        .text("quantity", order.quantity)
        .text_if("limit_price", order.limit_price)
        .text_if("trigger_price", order.trigger_price)
        .text_if("trail", order.trail)
        .put("tif", order.tif.as_str())
        .text_if("expire_at", order.expire_at)
        .text_if("parent", order.parent)
        .text_if("oco", order.oco)
}

fn refused(object: Object, account: AccountId, id: OrderId, refusal: &Refusal) -> Object {
    let object = named(object, account, id)
        .text("code", refusal.code)
        .text_if("limit", refusal.limit.as_ref())
        .text_if("observed", refusal.observed.as_ref())
        .text_if("threshold", refusal.threshold.as_ref());
    if refusal.breaches.is_empty() {
        return object;
    }
    let spoke = refusal.breaches.iter().map(|b| {
        json!({
            "code": b.code.as_str(),
            "limit": b.limit,
            "scope": b.scope.to_string(),
            "observed": b.observed,
            "threshold": b.threshold,
        })
    });
    object.put("breaches", spoke.collect::<Vec<Value>>())
}

fn filled(object: Object, fill: &Fill) -> Object {
    symbol(named(object, fill.account, fill.id), fill.instrument)
        .put("side", fill.side.as_str())
        .text("quantity", fill.quantity)
        .text("price", fill.price)
        .text("fee", fill.fee)
        .text("cum", fill.cum)
        .text("leaves", fill.leaves)
}

fn limit(object: Object, version: u32, draft: &LimitDraft) -> Object {
    object
        .put("version", version)
        .text("name", draft.name)
        .text("scope", draft.scope)
        .text_if("hard", draft.hard.as_ref())
        .text_if("soft", draft.soft.as_ref())
        .text("reason", &draft.reason)
}

const fn mode_word(mode: HaltMode) -> &'static str {
    match mode {
        HaltMode::Reducing => "reducing",
        HaltMode::Halted => "halted",
    }
}

const fn kind_word(kind: CashKind) -> &'static str {
    match kind {
        CashKind::Deposit => "deposit",
        CashKind::Dividend => "dividend",
        CashKind::CashInLieu => "cash_in_lieu",
        CashKind::Borrow => "borrow",
    }
}

const fn reason_word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Requested => "requested",
        EndReason::LimitTightened => "limit_tightened",
        EndReason::Halted => "halted",
        EndReason::Flattened => "flattened",
        EndReason::CorporateAction => "corporate_action",
        EndReason::Amended => "amended",
        EndReason::ListEnded => "list_ended",
        EndReason::ApprovalExpired => "approval_expired",
        EndReason::SessionClose => "session_close",
        EndReason::OutOfRange => "out_of_range",
        EndReason::Immediate => "immediate",
        EndReason::ExpireTime => "expire_time",
        EndReason::AuctionOver => "auction_over",
        EndReason::GroupFilled => "group_filled",
        EndReason::ParentEnded => "parent_ended",
        EndReason::PositionFlat => "position_flat",
        EndReason::Venue => "venue",
        EndReason::SelfTrade => "self_trade",
    }
}

/// Writes the last line.
pub(super) fn state(
    writer: &mut impl Write,
    state: &State,
    balance: &BTreeMap<Asset, i128>,
    chain: ChainHash,
) -> Result<()> {
    let mut accounts = Object::new();
    for (name, account) in state.accounts() {
        accounts = accounts.raw(name.as_str(), &account_object(state, account));
    }
    let off: u128 = balance.values().map(|sum| sum.unsigned_abs()).sum();
    Object::new()
        .put("event", "state")
        .raw("accounts", &accounts)
        .text("postings_balance", off)
        .text("journal_hash", chain)
        .write(writer)
}

fn account_object(state: &State, account: &Account) -> Object {
    let mut positions = Object::new();
    for (instrument, position) in account.positions() {
        let object = Object::new().text("quantity", position.quantity()).text("cost", position.cost());
        positions = positions.raw(instrument.symbol.as_str(), &object);
    }
    let name = account.spec().account;
    let open = state.orders().open().values().filter(|o| o.spec.account == name);
    let open: Vec<Value> = open
        .map(|o| {
            json!({
                "id": o.spec.id.as_str(),
                "symbol": o.spec.instrument.symbol.as_str(),
                "side": o.spec.side.as_str(),
                "type": o.spec.order_type.as_str(),
                "quantity": o.spec.quantity.to_string(),
                "filled": o.filled.to_string(),
                "limit_price": o.spec.limit_price.map(|p| p.to_string()),
                "trigger_price": o.trigger().map(|p| p.to_string()),
                "tif": o.spec.tif.as_str(),
                "status": o.status.as_str(),
            })
        })
        .collect();
    let equity = state.equity(account).map(|e: Money| e.to_string());
    Object::new()
        .text("cash", account.cash())
        .put("equity", equity)
        .raw("positions", &positions)
        .put("open_orders", open)
}
