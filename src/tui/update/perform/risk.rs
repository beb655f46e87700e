//! Limits, approvals and halts.

use crate::domain::command::ShownOrder;
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitName, Scope, VersionStatus, WorkingOrders};
use crate::domain::{ChangeSetId, CleanText, OrderStatus, Seq};
use crate::service::desk::Request;
use crate::service::view::{DifferenceRow, LimitVersionRow, OrderRow, Screen};
use crate::tui::actions::ActionId;
use crate::tui::format;
use crate::tui::modal::ask::{AskForm, Choice, Deed};
use crate::tui::modal::limit::LimitForm;
use crate::tui::modal::{Modal, set};
use crate::tui::panes::RowKey;
use crate::tui::panes::limits::{shown, words};
use crate::tui::state::{Effect, Tone, UiState};

use super::trade::order_line;
use super::{ask, begin};

/// The word that lets trading go on.
const RESUME_WORD: &str = "resume";
/// The word that takes shares over from a broker.
const ADOPT_WORD: &str = "adopt";
/// What must be typed to close positions.
const FLATTEN_WORD: &str = "flatten";

/// What waits for a second person: one item, or a change set.
pub(super) fn decide(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    if id == ActionId::ChangeSet { change_set(state, args, out) } else { approve(state, out) }
}

/// Asks before the selected held order or waiting limit is approved.
fn approve(state: &mut UiState, out: &mut Vec<Effect>) {
    let screen = &state.screen;
    let waiting = |version: u32| {
        let history = screen.limits.as_ref().map(|l| &l.history)?;
        history.iter().find(|v| v.version == version && v.status == VersionStatus::Proposed)
    };
    let version = match state.selection() {
        RowKey::Order(account, id) => {
            let found = screen.orders.iter().find(|o| o.id == id && o.account == account);
            let Some(order) = found.filter(|o| o.status == OrderStatus::PendingApproval) else {
                return state.say(Tone::Bad, format!("Order {id} does not wait for a second person."));
            };
            let released = format!("Order {id} of {account} is released and goes to the market.");
            let lines = vec![order_line(order), released];
            let OrderRow { quantity, limit_price, trigger_price, .. } = *order;
            let seen = ShownOrder { quantity, limit_price, trigger_price };
            let deed = Deed::Send(Request::ApproveOrder { account, id, seen });
            let choice = Choice::new("Approve the order", deed);
            return ask(state, AskForm::new("Approve an order", lines, vec![choice]).weighty());
        }
        RowKey::Set(set) => return change_set(state, set.as_str(), out),
        RowKey::Difference(..) => return adopt(state, ""),
        RowKey::Breach(event) => return acknowledge(state, event),
        RowKey::Version(version) => Some(version),
        RowKey::Limit(name, scope) => {
            let limits = screen.limits.as_ref().map(|l| l.limits.as_slice()).unwrap_or_default();
            limits
                .iter()
                .find(|l| l.name == name && l.scope == scope)
                .and_then(|l| l.proposed.as_ref())
                .map(|p| p.0)
        }
        _ => None,
    };
    let Some(row) = version.and_then(waiting) else {
        return state
            .say(Tone::Bad, "Select a held order, a waiting limit, a take-over or a risk event first.");
    };
    if let Some(set) = row.set {
        let maker = row.maker;
        return set::open_waiting(state, set, maker, out);
    }
    let mut lines = vec![becomes(screen, row), format!("Asked by {}: {}", row.maker, row.reason)];
    let cancels = row.working == WorkingOrders::Cancel;
    lines.extend(cancels.then(|| "It cancels working orders over it.".to_owned()));
    let version = row.version;
    let approve = Deed::Send(Request::ApproveLimit(version));
    let reject = Deed::Send(Request::RejectLimit { version, reason: CleanText::default() });
    let choices = vec![
        Choice::new(format!("Approve version {version}"), approve),
        Choice::new(format!("Turn version {version} down (its maker takes it back)"), reject),
    ];
    ask(state, AskForm::new("Approve a limit", lines, choices).weighty().with_reason());
}

/// Asks what came of the selected risk event before it is noted that somebody looked at it.
fn acknowledge(state: &mut UiState, event: Seq) {
    let Some(row) = state.screen.breaches.iter().flatten().find(|b| b.event == event) else { return };
    if let Some(by) = row.ack_by {
        return state.say(Tone::Bad, format!("{by} looked at it already."));
    }
    let lines = vec![format!("{} of {}: {}.", row.code, row.account, row.text)];
    let deed = Deed::Send(Request::Acknowledge { event, reason: CleanText::default() });
    let choices = vec![Choice::new("Acknowledge the risk event", deed)];
    ask(state, AskForm::new("Acknowledge a risk event", lines, choices).with_reason());
}

/// What an approval makes of a limit, with what is in force.
fn becomes(screen: &Screen, row: &LimitVersionRow) -> String {
    let limits = screen.limits.as_ref().map(|l| l.limits.as_slice()).unwrap_or_default();
    let now =
        limits.iter().find(|l| l.name == row.name && l.scope == row.scope).and_then(|l| l.hard.as_ref());
    let order = row.order.as_ref().map_or_else(String::new, |order| format!(" for order {order} alone"));
    let soft = row.soft.as_ref().map(|soft| format!("; a second person from {} on", value(row, Some(soft))));
    format!(
        "{} for {} is {} and becomes {}{}{order}.",
        words(row.name),
        row.scope,
        value(row, now),
        value(row, row.hard.as_ref()),
        soft.unwrap_or_default(),
    )
}

/// A value of a version's limit as people read it.
fn value(row: &LimitVersionRow, text: Option<&String>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| shown(row.name, text))
}

/// Opens the change set that is named or selected, else the draft, else the one that waits.
fn change_set(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let history = state.screen.limits.as_ref().map(|l| l.history.as_slice()).unwrap_or_default();
    let waits = |name: Option<&str>| {
        let mut own = history.iter().filter(|v| v.status == VersionStatus::Proposed);
        own.find_map(|v| v.set.filter(|set| name.is_none_or(|n| n == set.as_str())).map(|set| (set, v.maker)))
    };
    let selected = match state.selection() {
        RowKey::Set(set) => Some(set.to_string()),
        _ => None,
    };
    let name = Some(args.trim().to_owned()).filter(|n| !n.is_empty()).or(selected);
    let found = waits(name.as_deref());
    match (name, found) {
        (Some(_), Some((set, maker))) => set::open_waiting(state, set, maker, out),
        (Some(name), None) => {
            state.say(Tone::Bad, format!("No change set '{name}' waits; Limit history lists those that do."));
        }
        (None, _) if !state.change_set.is_empty() => set::open_draft(state, out),
        (None, Some((set, maker))) => set::open_waiting(state, set, maker, out),
        (None, None) => {
            state.say(
                Tone::Good,
                "The change set is empty: draft a limit with e and choose 'in the change set'.",
            );
        }
    }
}

/// Opens the limit editor on the limit named or selected.
pub(super) fn edit_limit(state: &mut UiState, args: &str) {
    let mut words = args.split_whitespace();
    let typed = words.next().map(str::parse::<LimitName>);
    if let Some(Err(problem)) = &typed {
        return state.say(Tone::Bad, problem.to_string());
    }
    let scope_typed = words.next().and_then(|w| w.parse::<Scope>().ok());
    let selected = match state.selection() {
        RowKey::Limit(name, scope) => Some((name, scope)),
        _ => None,
    };
    let (name, scope) = match typed {
        Some(Ok(name)) => (name, scope_typed.unwrap_or(Scope::Firm)),
        _ => selected.unwrap_or((LimitName::MaxPositionWeight, Scope::Firm)),
    };
    let limits = state.screen.limits.as_ref().map(|l| l.limits.as_slice()).unwrap_or_default();
    let now = limits.iter().find(|l| l.name == name && l.scope == scope);
    let hard = now.and_then(|l| l.hard.as_deref());
    let soft = now.and_then(|l| l.soft.as_deref());
    let seen = state.screen.limits.as_ref().map_or(0, |l| l.version);
    let mut form = LimitForm::new(name, scope, (hard, soft), (seen, state.screen.data.market_time));
    form.in_set = !state.change_set.is_empty();
    state.modals.push(Modal::Limit(Box::new(form)));
}

/// Asks before an earlier version's values come back.
pub(super) fn revert(state: &mut UiState, args: &str) {
    let (selected, missing) = match state.selection() {
        RowKey::Version(version) => (Some(version), "That version is not known."),
        RowKey::Limit(name, scope) => (earlier(state, name, scope), "This limit has no earlier version."),
        _ => (None, "Select a limit first, or a version in Limit history."),
    };
    let (version, missing) = match args.trim() {
        "" => (selected, missing),
        typed => (typed.parse().ok(), "No such version or change set: Limit history lists them."),
    };
    let history = state.screen.limits.as_ref().map(|l| l.history.as_slice()).unwrap_or_default();
    let in_force = |v: &&LimitVersionRow| v.status == VersionStatus::Approved;
    let named = |v: &&LimitVersionRow| v.set.is_some_and(|set| set.as_str() == args.trim());
    if let Some(set) = history.iter().filter(in_force).find(named).and_then(|v| v.set) {
        let choice = take_back(history, set);
        return ask(state, AskForm::new("Revert a change set", take_back_lines(), vec![choice]).weighty());
    }
    let Some(row) = version.and_then(|v| history.iter().find(|h| h.version == v)) else {
        return state.say(Tone::Bad, missing);
    };
    let hard = value(row, row.hard.as_ref());
    let mut lines = vec![
        format!("{} for {} goes back to {hard} as in version {}.", words(row.name), row.scope, row.version),
        "If that loosens the limit, a second person must approve it.".to_owned(),
    ];
    lines.extend(
        row.order.as_ref().map(|order| format!("It is meant for the order {order} alone, as it was.")),
    );
    lines.extend(row.expires_at.map(|_| "It ends by itself, when that version ends.".to_owned()));
    let deed = Deed::Send(Request::RevertLimit(row.version));
    let mut choices = vec![Choice::new(format!("Go back to version {}", row.version), deed)];
    choices.extend(row.set.filter(|_| in_force(&row)).map(|set| take_back(history, set)));
    ask(state, AskForm::new("Revert a limit", lines, choices).weighty());
}

/// The version of a limit that stood for good before the one in force.
fn earlier(state: &UiState, name: LimitName, scope: Scope) -> Option<u32> {
    let screen = state.screen.limits.as_ref()?;
    let now = screen.limits.iter().find(|l| l.name == name && l.scope == scope)?.version?;
    let of_it = screen.history.iter().filter(|v| v.name == name && v.scope == scope && v.version < now);
    let for_good = |v: &&LimitVersionRow| v.expires_at.is_none() && v.order.is_none();
    of_it.filter(|v| v.status == VersionStatus::Approved).filter(for_good).map(|v| v.version).max()
}

fn take_back(history: &[LimitVersionRow], set: ChangeSetId) -> Choice {
    let count = history.iter().filter(|v| v.set == Some(set)).count();
    Choice::new(
        format!("Take back the whole change set {set} ({count} limits)"),
        Deed::Send(Request::RevertSet(set)),
    )
}

fn take_back_lines() -> Vec<String> {
    vec![
        "What stood before it becomes a new change set.".to_owned(),
        "A second person must approve all of it.".to_owned(),
    ]
}

/// Asks for scope and mode of a halt: one key and Enter stop the firm.
pub(super) fn halt(state: &mut UiState, args: &str) {
    let scopes = scopes(state, args);
    let working = |scope: Scope| {
        let in_scope = |o: &&OrderRow| match scope {
            Scope::Account(account) => o.account == account,
            Scope::Symbol(symbol) => o.symbol == symbol,
            Scope::Strategy(strategy) => o.strategy == Some(strategy),
            Scope::Firm => true,
        };
        state.working().filter(in_scope).count()
    };
    let mut choices = Vec::new();
    for scope in scopes {
        let halt =
            |mode, cancel| Deed::Send(Request::Halt { scope, mode, cancel, reason: CleanText::default() });
        let open = match working(scope) {
            0 => String::new(),
            n => format!(" ({n} here)"),
        };
        choices.push(Choice::new(format!("{scope}: no new orders"), halt(HaltMode::Halted, false)));
        choices.push(Choice::new(
            format!("{scope}: no new orders, and cancel open ones{open}"),
            halt(HaltMode::Halted, true),
        ));
        choices.push(Choice::new(
            format!("{scope}: only orders that reduce a position"),
            halt(HaltMode::Reducing, false),
        ));
    }
    let lines = vec![
        "Enter halts at once. Up and Down choose what stops.".to_owned(),
        "Everybody it binds sees a banner; another person resumes.".to_owned(),
    ];
    ask(state, AskForm::new("Halt trading", lines, choices).weighty().with_reason());
}

/// Asks whose positions are closed; the word must be typed.
pub(super) fn flatten(state: &mut UiState, args: &str) {
    let mut choices = Vec::new();
    for scope in scopes(state, args) {
        let deed = Deed::Send(Request::Flatten { scope, reason: CleanText::default() });
        choices.push(Choice::new(format!("{scope}: close all positions"), deed).typed(FLATTEN_WORD));
    }
    let lines = vec![
        "Open orders end; each position is closed by a market order.".to_owned(),
        "Limits and halts let it pass. Halt first: else trading goes on.".to_owned(),
        format!("Type {FLATTEN_WORD}, then Enter."),
    ];
    ask(state, AskForm::new("Close positions", lines, choices).weighty());
}

/// Tries a halt; of the firm where nothing else is named.
pub(super) fn drill(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let scope = scopes(state, args).first().copied().unwrap_or(Scope::Firm);
    begin(state, "Trying a halt on a copy of the book...", Request::Drill(scope), out);
}

/// The scope that was typed, else those that are near.
fn scopes(state: &UiState, args: &str) -> Vec<Scope> {
    if let Ok(typed) = args.trim().parse() {
        return vec![typed];
    }
    let near = state.screen.account.map(Scope::Account);
    let name = state.instrument().map(|i| Scope::Symbol(i.symbol));
    [Scope::Firm].into_iter().chain(near).chain(name).collect()
}

/// Asks before what a broker holds more is taken over, or agreed to; the word must be typed.
pub(super) fn adopt(state: &mut UiState, args: &str) {
    let selected = state.selection();
    let words: Vec<&str> = args.split_whitespace().collect();
    let is_meant = |row: &&DifferenceRow| match (words.as_slice(), &selected) {
        ([account, symbol], _) => {
            let own = row.instrument.is_some_and(|i| i.symbol.as_str().eq_ignore_ascii_case(symbol));
            row.account.as_str() == *account && own
        }
        ([], RowKey::Difference(account, text)) => row.account == *account && row.difference == *text,
        _ => false,
    };
    let rows = state.screen.differences.as_ref().map(|d| d.rows.as_slice()).unwrap_or_default();
    let Some(row) = rows.iter().find(is_meant).cloned() else {
        let text = "Select a difference of shares first, in the pane Broker differences (:RECO).";
        return state.say(Tone::Bad, text);
    };
    let Some((instrument, quantity)) = row.instrument.zip(row.quantity) else {
        return state.say(Tone::Bad, format!("This cannot be taken over: {}.", row.remedy));
    };
    let (account, symbol) = (row.account, instrument.symbol);
    let shares = format!("{} {symbol}", format::quantity(quantity));
    let mut lines = vec![format!("{account}: {}", row.difference)];
    let answer = match row.asked() {
        Some(asked) => {
            let cost = format::money(asked.cost);
            let who = if asked.by == state.screen.user { "You".to_owned() } else { asked.by.to_string() };
            lines.push(format!(
                "{who} asked to take over {shares} for {cost} {}.",
                instrument.exchange.currency()
            ));
            lines.push("Agreeing books a lot at that cost: money brought in, no profit.".to_owned());
            lines.push("Who asked cannot be who agrees.".to_owned());
            format!("Agree: book {shares} into {account}")
        }
        None => {
            lines.push("They come into the book at the broker's average entry price.".to_owned());
            lines.push("Nothing is booked before a second person agrees.".to_owned());
            format!("Ask to take over {shares} into {account}")
        }
    };
    lines.push(format!("Type {ADOPT_WORD}, then Enter."));
    let choice = Choice::new(answer, Deed::Send(Request::TakeOver { account, symbol, shown: row.asked() }))
        .typed(ADOPT_WORD);
    ask(state, AskForm::new("Take over from a broker", lines, vec![choice]).weighty());
}

/// Asks which halt is lifted; the word must be typed.
pub(super) fn resume(state: &mut UiState, args: &str) {
    let typed: Option<Scope> = args.trim().parse().ok();
    let selected = match state.selection() {
        RowKey::Halt(scope) => Some(scope),
        _ => None,
    };
    let known = state.screen.limits.as_ref().map(|l| l.halts.as_slice()).unwrap_or(&state.screen.halted);
    let wanted = typed.or(selected);
    let halts: Vec<_> = known.iter().filter(|h| wanted.is_none_or(|w| w == h.scope)).collect();
    if halts.is_empty() {
        return state.say(Tone::Good, "Nothing is halted.");
    }
    let choice = |h: &&crate::service::view::HaltRow| {
        Choice::new(
            format!("Lift the halt of {} (by {})", h.scope, h.actor),
            Deed::Send(Request::Resume(h.scope)),
        )
        .typed(RESUME_WORD)
    };
    let lines = vec![
        "New orders are taken again at once.".to_owned(),
        "Who halted cannot be who resumes.".to_owned(),
        format!("Type {RESUME_WORD}, then Enter."),
    ];
    let form = AskForm::new("Resume trading", lines, halts.iter().map(choice).collect());
    ask(state, form.weighty());
}
