//! Tickets, cancels and rebalances.

use crate::domain::{Exchange, Price, Side, Symbol};
use crate::service::desk::Request;
use crate::service::view::OrderRow;
use crate::tui::actions::ActionId;
use crate::tui::format::{self, LocalClock};
use crate::tui::modal::ask::{AskForm, Choice, Deed};

use crate::tui::modal::amend::AmendForm;
use crate::tui::modal::ticket::TicketForm;
use crate::tui::modal::{Detail, Modal, changed};
use crate::tui::names;
use crate::tui::panes::RowKey;
use crate::tui::state::{Effect, Tag, Tone, UiState};
use crate::tui::words;

use super::{ask, named};

/// Opens a ticket: the kept draft, or a fresh one for the name and quantity given or selected.
pub(super) fn ticket(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    let side = if id == ActionId::Sell { Side::Sell } else { Side::Buy };
    if args.is_empty()
        && let Some(draft) = state.draft.take()
    {
        state.say(Tone::Good, "Your draft is back; Esc keeps it again.");
        state.modals.push(Modal::Ticket(Box::new(draft)));
        return changed(state, out);
    }
    let (name, rest) = named(state, args);
    let Some(instrument) = name.or_else(|| state.instrument()) else {
        return state.say(Tone::Bad, "Select a name first, or find one with f.");
    };
    let Some(account) = state.screen.account else {
        return state.say(Tone::Bad, "There is no account to trade; a chooses one.");
    };
    let mut form = TicketForm::new(account, instrument, side);
    form.known.extend(names::on_screen(state));
    if let Some(quantity) = rest.first() {
        form.entry.quantity.set(quantity);
    }
    if let Some(price) = touch(state, side, instrument) {
        form.entry.set_limit(price);
    }
    state.modals.push(Modal::Ticket(Box::new(form)));
    changed(state, out);
}

/// The price a limit starts at: the other side's quote, else the last price known.
fn touch(state: &UiState, side: Side, instrument: crate::domain::InstrumentId) -> Option<Price> {
    let screen = &state.screen;
    let watched = screen.watchlist.iter().find(|w| w.instrument == instrument);
    let quote = watched.and_then(|w| match side {
        Side::Buy => w.ask,
        Side::Sell => w.bid,
    });
    let held = || screen.positions.iter().find(|p| p.instrument == instrument).and_then(|p| p.last_price);
    let charted = || {
        let chart = screen.chart.as_ref().filter(|c| c.instrument == instrument)?;
        chart.bars.last().map(|b| b.close)
    };
    quote
        .map(|(price, _)| price)
        .or_else(|| watched.and_then(|w| w.last_price))
        .or_else(held)
        .or_else(charted)
}

/// One line about an order.
pub(super) fn order_line(order: &OrderRow) -> String {
    let side = order.side.as_str();
    format!("{side} {} {} {}", format::quantity(order.quantity), order.symbol, words::of_row(order))
}

/// Opens the change of the selected order.
pub(super) fn amend(state: &mut UiState) {
    let RowKey::Order(account, id) = state.selection() else {
        return state.say(Tone::Bad, "Select an order first (g o shows them).");
    };
    let found = state.screen.orders.iter().find(|o| o.id == id && o.account == account);
    let Some(order) = found.filter(|o| !o.status.is_done()) else {
        return state.say(Tone::Bad, format!("Order {id} is already done; there is nothing to change."));
    };
    let form = AmendForm::new(order, order_line(order));
    state.modals.push(Modal::Amend(Box::new(form)));
}

/// Asks before the selected order is cancelled.
pub(super) fn cancel(state: &mut UiState) {
    let RowKey::Order(account, id) = state.selection() else {
        return state.say(Tone::Bad, "Select an order first (g o shows them).");
    };
    let found = state.screen.orders.iter().find(|o| o.id == id && o.account == account);
    let Some(order) = found.filter(|o| !o.status.is_done()) else {
        return state.say(Tone::Bad, format!("Order {id} is already done; there is nothing to cancel."));
    };
    let filled = format!("{} of {} filled; what is left is cancelled.", order.filled, order.quantity);
    let form = AskForm::new(
        format!("Cancel order {id}"),
        vec![order_line(order), filled],
        vec![Choice::new("Cancel the order", Deed::Send(Request::Cancel { account, id }))],
    );
    ask(state, form.weighty());
}

/// Asks for the count before all working orders are cancelled.
pub(super) fn cancel_all(state: &mut UiState, args: &str) {
    let Some(account) = state.screen.account else {
        return state.say(Tone::Bad, "There is no account; a chooses one.");
    };
    let ordered: Vec<Symbol> = state.working().map(|o| o.symbol).collect();
    let exchange = state.account().and_then(|a| a.exchange).unwrap_or(Exchange::Xnys);
    let typed = names::read(args, exchange, &ordered).ok();
    let selected = match state.selection() {
        RowKey::Order(..) => state.instrument().map(|i| i.symbol),
        _ => None,
    };
    let mine = |o: &&OrderRow| o.account == account;
    let count = |symbol: Symbol| state.working().filter(mine).filter(|o| o.symbol == symbol).count();
    let all = state.working().filter(mine).count();
    let mut choices = Vec::new();
    if let Some(symbol) = typed.or(selected).filter(|s| count(*s) > 0) {
        let n = count(symbol);
        let deed = Deed::Send(Request::CancelAll { account, symbol: Some(symbol) });
        choices.push(Choice::new(format!("Cancel the {n} on {symbol}"), deed).typed(n.to_string()));
    }
    if typed.is_none() && all > 0 {
        let deed = Deed::Send(Request::CancelAll { account, symbol: None });
        choices.push(Choice::new(format!("Cancel all {all} of {account}"), deed).typed(all.to_string()));
    }
    if choices.is_empty() {
        return state.say(Tone::Bad, "No order is working there.");
    }
    let lines = vec!["Type how many orders are to be cancelled, then Enter.".to_owned()];
    ask(state, AskForm::new("Cancel orders", lines, choices).weighty());
}

/// Asks for the dry run of a rebalance.
pub(super) fn rebalance(state: &mut UiState, out: &mut Vec<Effect>) {
    if state.screen.account.is_none() {
        return state.say(Tone::Bad, "There is no account; a chooses one.");
    }
    state.modals.push(Modal::Basket(Box::default()));
    out.push(Effect::Send(Tag::Modal, Request::Rebalance { dry_run: true }));
}

/// All that is known about an order.
pub(super) fn detail(state: &UiState, order: &OrderRow) -> Detail {
    let clock = LocalClock::of(&state.screen.data);
    let mut rows = vec![
        ("order".to_owned(), order_line(order)),
        ("account".to_owned(), order.account.to_string()),
        ("status".to_owned(), order.status.as_str().replace('_', " ")),
        ("filled".to_owned(), format!("{} of {}, {} left", order.filled, order.quantity, order.leaves)),
        ("average price".to_owned(), format::price_or_missing(order.average_price)),
        (
            "fees".to_owned(),
            format!("{} {}", format::money(order.fees), order.instrument.exchange.currency()),
        ),
        ("given".to_owned(), format!("{} by {}", clock.minute(order.given_at), order.actor)),
        ("last change".to_owned(), clock.minute(order.changed_at)),
    ];
    let title = format!("Order {}", order.id);
    let ties = words::ties(order);
    if !ties.is_empty() {
        rows.push(("tied".to_owned(), ties.join(", ")));
    }
    if let Some(code) = order.code {
        rows.push(("code".to_owned(), code.as_str().to_owned()));
    }
    if !order.reason.is_empty() {
        rows.push(("why".to_owned(), order.reason.clone()));
    }
    for (label, value) in [("limit", &order.limit), ("seen", &order.observed), ("allowed", &order.threshold)]
    {
        if let Some(value) = value {
            rows.push((label.to_owned(), value.clone()));
        }
    }
    let order = Some((order.account, order.id));
    Detail { order, ..Detail::new(title, rows) }
}
