//! Windows over the panes. The top one gets every key first; what it does not use goes no further.
//!
//! Each kind keeps its own small state and answers a key with itself (it stays) or with nothing (it closes). A
//! window that can change money or limits always ends in a review or a typed word; none of them sends by itself.

pub mod amend;
pub mod ask;
pub mod basket;
pub mod limit;
pub mod line;
pub mod pick;
pub mod set;
pub mod ticket;

use crate::domain::{AccountId, OrderId};
use crate::service::desk::{Reply, Request};

use super::field::SecretField;
use super::keys::{Code, Key};
use super::state::{Effect, Tag, Tone, UiState};

/// A window.
#[derive(Debug)]
pub enum Modal {
    /// Order ticket.
    Ticket(Box<ticket::TicketForm>),
    /// Change of a working order.
    Amend(Box<amend::AmendForm>),
    /// Limit editor.
    Limit(Box<limit::LimitForm>),
    /// A change set of limits.
    Set(Box<set::SetForm>),
    /// A question.
    Ask(Box<ask::AskForm>),
    /// A list to choose from: palette, help, names, notices.
    Pick(Box<pick::PickForm>),
    /// The orders a rebalance would make.
    Basket(Box<basket::BasketForm>),
    /// A line of text at the bottom.
    Line(Box<line::LineForm>),
    /// Text to read.
    Detail(Detail),
    /// The expression is typed; it stands in its pane.
    Expression,
    /// The vault's passphrase, typed unseen at the bottom.
    Passphrase(SecretField),
}

/// Text to read.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Title.
    pub title: String,
    /// Labels and values.
    pub rows: Vec<(String, String)>,
    /// First line shown.
    pub scroll: usize,
    /// The order of which more is asked.
    pub order: Option<(AccountId, OrderId)>,
}

impl Detail {
    /// Lines that one page key moves.
    const PAGE: usize = 10;

    /// Text that is all there.
    pub fn new(title: impl Into<String>, rows: Vec<(String, String)>) -> Self {
        Self { title: title.into(), rows, scroll: 0, order: None }
    }

    /// Takes a key; `None` closes it.
    fn key(mut self, key: Key) -> Option<Self> {
        let to = match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return None,
            Code::Down | Code::Char('j') => self.scroll + 1,
            Code::Up | Code::Char('k') => self.scroll.saturating_sub(1),
            Code::PageDown => self.scroll + Self::PAGE,
            Code::PageUp => self.scroll.saturating_sub(Self::PAGE),
            _ => self.scroll,
        };
        // Drawing knows how the text wraps, and keeps it on the page.
        self.scroll = to;
        Some(self)
    }
}

/// Gives a key to the top window.
pub fn key(state: &mut UiState, key: Key, out: &mut Vec<Effect>) {
    let stays = match state.modals.pop() {
        None => None,
        Some(Modal::Ticket(form)) => ticket::key(*form, state, key, out).map(|f| Modal::Ticket(Box::new(f))),
        Some(Modal::Amend(form)) => amend::key(*form, state, key, out).map(|f| Modal::Amend(Box::new(f))),
        Some(Modal::Limit(form)) => limit::key(*form, state, key, out).map(|f| Modal::Limit(Box::new(f))),
        Some(Modal::Set(form)) => set::key(*form, state, key, out).map(|f| Modal::Set(Box::new(f))),
        Some(Modal::Ask(form)) => ask::key(*form, state, key, out).map(|f| Modal::Ask(Box::new(f))),
        Some(Modal::Pick(form)) => pick::key(*form, state, key, out).map(|f| Modal::Pick(Box::new(f))),
        Some(Modal::Basket(form)) => basket::key(*form, state, key, out).map(|f| Modal::Basket(Box::new(f))),
        Some(Modal::Line(form)) => line::key(*form, state, key, out).map(|f| Modal::Line(Box::new(f))),
        Some(Modal::Expression) => {
            // What typing leads to may put a window of its own on top.
            let below = state.modals.len();
            if crate::tui::lab::key(state, key, out) {
                state.modals.insert(below.min(state.modals.len()), Modal::Expression);
            }
            None
        }
        Some(Modal::Passphrase(field)) => passphrase_key(field, key, out),
        Some(Modal::Detail(detail)) => detail.key(key).map(Modal::Detail),
    };
    state.modals.extend(stays);
}

fn passphrase_key(mut field: SecretField, key: Key, out: &mut Vec<Effect>) -> Option<Modal> {
    match key.code {
        Code::Esc => return None,
        Code::Enter => {
            if !field.is_empty() {
                out.push(Effect::Send(Tag::Said, Request::OpenVault(field.take().into())));
            }
            return None;
        }
        _ => field.key(key),
    };
    Some(Modal::Passphrase(field))
}

/// Gives pasted text to the top window.
pub fn paste(state: &mut UiState, text: &str, out: &mut Vec<Effect>) {
    let field = match state.modals.last_mut() {
        Some(Modal::Ticket(form)) => form.text_field(),
        Some(Modal::Amend(form)) => form.text_field(),
        Some(Modal::Limit(form)) => form.text_field(),
        Some(Modal::Set(form)) => form.text_field(),
        Some(Modal::Ask(form)) => Some(&mut form.field),
        Some(Modal::Pick(form)) => Some(&mut form.field),
        Some(Modal::Line(form)) => Some(&mut form.field),
        Some(Modal::Expression) => return crate::tui::lab::paste(state, text),
        Some(Modal::Passphrase(field)) => return field.paste(text),
        Some(Modal::Basket(_) | Modal::Detail(_)) | None => None,
    };
    if let Some(field) = field {
        field.paste(text);
    }
    changed(state, out);
}

/// Lets the top window ask for what its content now needs.
pub fn changed(state: &mut UiState, out: &mut Vec<Effect>) {
    let now_ms = state.now_ms;
    match state.modals.last_mut() {
        Some(Modal::Ticket(form)) => form.ask(now_ms, out),
        Some(Modal::Pick(form)) => form.ask(now_ms, out),
        _ => {}
    }
}

/// Time has passed: figures in an open ticket are asked for again when prices have moved.
pub fn tick(state: &mut UiState, out: &mut Vec<Effect>) {
    let (now_ms, version) = (state.now_ms, state.screen.version);
    for modal in &mut state.modals {
        match modal {
            Modal::Ticket(form) => form.refresh(version, now_ms, out),
            Modal::Pick(form) => form.send_due(now_ms, out),
            _ => {}
        }
    }
}

/// Hands an answer to the window that waits for it; `Some` gives it back when no window does.
pub fn reply(state: &mut UiState, tag: Tag, reply: Reply, out: &mut Vec<Effect>) -> Option<Reply> {
    let waits = |m: &Modal| match (&reply, m) {
        (Reply::WhatIf(..) | Reply::Changed(..), Modal::Ticket(_)) => true,
        (Reply::Found(_), Modal::Pick(form)) => form.is_find(),
        (Reply::Route(account, id, _), Modal::Detail(detail)) => detail.order == Some((*account, *id)),
        (Reply::Preview(_), Modal::Limit(_))
        | (Reply::SetPreview(_), Modal::Set(_))
        | (Reply::Basket(..), Modal::Basket(_)) => true,
        (Reply::Done(_) | Reply::Failed(_), Modal::Ticket(form)) => {
            tag == Tag::WhatIf || (tag == Tag::Modal && form.waits())
        }
        (Reply::Done(_) | Reply::Failed(_), Modal::Amend(form)) => tag == Tag::Modal && form.waits(),
        (Reply::Done(_) | Reply::Failed(_), Modal::Limit(form)) => tag == Tag::Modal && form.waits(),
        (Reply::Done(_) | Reply::Failed(_), Modal::Set(form)) => tag == Tag::Modal && form.waits(),
        (Reply::Done(_) | Reply::Failed(_), Modal::Basket(form)) => tag == Tag::Modal && form.waits(),
        _ => false,
    };
    let Some(at) = state.modals.iter().rposition(waits) else {
        let late = matches!(
            reply,
            Reply::WhatIf(..) | Reply::Found(_) | Reply::Preview(_) | Reply::SetPreview(_) | Reply::Route(..)
        ) || tag == Tag::WhatIf;
        return (!late).then_some(reply);
    };
    let stays = match state.modals.remove(at) {
        Modal::Ticket(form) => {
            ticket::reply(*form, state, tag, reply, out).map(|f| Modal::Ticket(Box::new(f)))
        }
        Modal::Amend(form) => amend::reply(*form, state, reply).map(|f| Modal::Amend(Box::new(f))),
        Modal::Limit(form) => limit::reply(*form, state, reply).map(|f| Modal::Limit(Box::new(f))),
        Modal::Set(form) => set::reply(*form, state, reply, out).map(|f| Modal::Set(Box::new(f))),
        Modal::Basket(form) => basket::reply(*form, state, reply).map(|f| Modal::Basket(Box::new(f))),
        Modal::Pick(mut form) => {
            form.found(reply, state.now_ms, out);
            Some(Modal::Pick(form))
        }
        Modal::Detail(mut detail) => {
            if let Reply::Route(_, _, text) = reply
                && !text.is_empty()
            {
                detail.rows.push(("route".to_owned(), text.to_string()));
            }
            Some(Modal::Detail(detail))
        }
        other @ (Modal::Ask(_) | Modal::Line(_) | Modal::Expression | Modal::Passphrase(_)) => Some(other),
    };
    if let Some(modal) = stays {
        state.modals.insert(at.min(state.modals.len()), modal);
    }
    None
}

/// The request could not be queued: windows that wait may try again.
pub fn busy(state: &mut UiState, tag: Tag) {
    for modal in &mut state.modals {
        match (tag, modal) {
            (Tag::WhatIf, Modal::Ticket(form)) => form.not_asked(),
            (Tag::Modal, Modal::Ticket(form)) => form.not_sent(),
            (Tag::Modal, Modal::Amend(form)) => form.not_sent(),
            (Tag::Modal, Modal::Limit(form)) => form.not_sent(),
            (Tag::Modal, Modal::Set(form)) => form.not_sent(),
            (Tag::Modal, Modal::Basket(form)) => form.not_sent(),
            (Tag::Modal, Modal::Pick(form)) => form.not_asked(),
            _ => {}
        }
    }
}

/// Says a failure in the tone of one.
fn fail(state: &mut UiState, text: &str) {
    state.say(Tone::Bad, text);
}

/// The next place among `count`, around the end.
fn cycle(at: usize, count: usize, back: bool) -> usize {
    let next = if back { at + count.max(1) - 1 } else { at + 1 };
    next % count.max(1)
}
