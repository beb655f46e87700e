//! The order ticket: what is asked for, what it would do, a review, then sending.
//!
//! The what-if comes from the same evaluation as the pre-trade check and is asked for after each change, one at a
//! time, the newest last. A review freezes order and basis; when things have changed since, the difference is shown
//! and asked about again. Nothing is sent without the review. Esc keeps the draft.

mod entry;

use crate::domain::{AccountId, Exchange, InstrumentId, Side, Symbol};
use crate::service::desk::{Reply, Request, Ticket};
use crate::service::trading::Size;
use crate::service::view::WhatIf;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::names;
use crate::tui::state::{Effect, Latest, Tag, Tone, UiState};

pub use entry::{Entry, Exits, Measure, TicketField};

use super::{cycle, fail};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Being written.
    Edit,
    /// Frozen, to be looked at once more.
    Review,
    /// On its way.
    Sending,
}

/// An order ticket.
#[derive(Debug, Clone)]
pub struct TicketForm {
    /// Account.
    pub account: AccountId,
    /// Where the symbol trades.
    pub exchange: Exchange,
    /// Symbols that were on the screen when it was opened.
    pub known: Vec<Symbol>,
    /// What is asked for.
    pub entry: Entry,
    /// The field that has the keyboard.
    pub field: TicketField,
    /// The field was just reached: what is typed replaces what it holds.
    pub fresh: bool,
    /// How far it is.
    pub stage: Stage,
    /// What it would do.
    pub answer: Option<Box<WhatIf>>,
    /// For which order that was asked.
    pub answer_for: Option<Ticket>,
    /// What was reviewed before things changed.
    pub before: Option<Box<WhatIf>>,
    /// Every check is shown, not only the worst.
    pub all_checks: bool,
    /// What stands in the way.
    pub problem: String,
    asking: Latest<Ticket>,
    asked_version: u64,
}

impl TicketForm {
    /// A fresh ticket.
    pub fn new(account: AccountId, instrument: InstrumentId, side: Side) -> Self {
        Self {
            account,
            exchange: instrument.exchange,
            known: vec![instrument.symbol],
            entry: Entry::new(instrument.symbol, side),
            field: TicketField::Quantity,
            fresh: true,
            stage: Stage::Edit,
            answer: None,
            answer_for: None,
            before: None,
            all_checks: false,
            problem: String::new(),
            asking: Latest::default(),
            asked_version: 0,
        }
    }

    /// The symbol that was typed.
    pub fn symbol(&self) -> Result<Symbol, String> {
        names::read(self.entry.symbol.text(), self.exchange, &self.known)
    }

    /// The order it holds, or what is still missing.
    pub fn ticket(&self) -> Result<Ticket, String> {
        let order = Box::new(self.entry.order(self.symbol()?)?);
        let instrument = InstrumentId::new(order.symbol, self.exchange);
        Ok(Ticket { account: self.account, instrument, order })
    }

    /// The what-if, when it speaks of the order as it stands.
    pub fn current_answer(&self) -> Option<&WhatIf> {
        let ticket = self.ticket().ok()?;
        self.answer.as_deref().filter(|_| self.answer_for.as_ref() == Some(&ticket))
    }

    /// The text field that has the keyboard.
    pub fn text_field(&mut self) -> Option<&mut Field> {
        if self.stage != Stage::Edit {
            return None;
        }
        self.entry.text_mut(self.field)
    }

    /// Whether it waits for the answer to a submit.
    pub fn waits(&self) -> bool {
        self.stage == Stage::Sending
    }

    /// The what-if could not be queued; it is asked for again.
    pub fn not_asked(&mut self) {
        self.asking = Latest { sent_ms: None, wanted: self.ticket().ok() };
    }

    /// The order could not be queued.
    pub fn not_sent(&mut self) {
        if self.stage == Stage::Sending {
            self.stage = Stage::Review;
        }
    }

    /// Asks what the order as it stands would do.
    pub fn ask(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.stage != Stage::Edit {
            return;
        }
        match self.ticket() {
            Err(problem) => {
                self.problem = problem;
                self.answer = None;
                self.answer_for = None;
                self.asking.wanted = None;
            }
            Ok(ticket) => {
                self.problem.clear();
                if self.answer_for.as_ref() != Some(&ticket) {
                    self.asking.wanted = Some(ticket);
                }
            }
        }
        self.send_due(now_ms, out);
    }

    /// Asks again when prices have moved since.
    pub fn refresh(&mut self, version: u64, now_ms: u64, out: &mut Vec<Effect>) {
        if self.stage == Stage::Edit && version != self.asked_version {
            self.asked_version = version;
            self.asking.wanted = self.ticket().ok();
        }
        self.send_due(now_ms, out);
    }

    fn send_due(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if let Some(ticket) = self.asking.due(now_ms) {
            out.push(Effect::Send(Tag::WhatIf, Request::WhatIf(ticket)));
        }
    }

    fn step(&mut self, back: bool) {
        let fields: Vec<TicketField> = self.entry.fields().collect();
        let at = fields.iter().position(|f| *f == self.field).unwrap_or(0);
        let next = cycle(at, fields.len(), back);
        self.field = fields.get(next).copied().unwrap_or(TicketField::Quantity);
        self.fresh = true;
    }

    fn use_largest(&mut self) {
        match self.answer.as_ref().and_then(|a| a.largest) {
            Some(largest) => {
                self.entry.measure = Measure::Shares;
                self.entry.quantity.set(&largest.to_string());
                self.field = TicketField::Quantity;
            }
            None => self.problem = "no quantity passes all checks".to_owned(),
        }
    }

    fn review(&mut self, state: &mut UiState) {
        if let Err(problem) = self.ticket() {
            self.problem = problem.clone();
            return fail(state, &problem);
        }
        let Some(answer) = self.current_answer() else {
            self.problem = "still checking; press Enter again in a moment".to_owned();
            return;
        };
        if answer.code.is_some() {
            self.problem = format!("blocked: {}", reason(answer));
            return;
        }
        self.problem.clear();
        self.before = None;
        self.stage = Stage::Review;
    }

    fn send(&mut self, out: &mut Vec<Effect>) {
        if let (Some(mut ticket), Some(answer)) = (self.answer_for.clone(), &self.answer) {
            // What was reviewed is sent: a measured size is not measured again.
            ticket.order.size = Size::Shares(answer.quantity);
            let basis = answer.basis;
            self.stage = Stage::Sending;
            out.push(Effect::Send(Tag::Modal, Request::Submit { ticket, basis }));
        }
    }
}

/// Why a what-if refuses, in a sentence.
pub fn reason(answer: &WhatIf) -> String {
    match answer.code {
        Some(code) if answer.reason.is_empty() => code.text().to_owned(),
        _ => answer.reason.clone(),
    }
}

/// Takes a key; `None` closes the ticket.
pub fn key(mut form: TicketForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<TicketForm> {
    match form.stage {
        Stage::Edit => edit_key(form, state, key, out),
        Stage::Review => {
            let sends = key.code == Code::Enter || key == Key::ctrl('s');
            if sends {
                form.send(out);
            } else if key.code == Code::Esc {
                form.stage = Stage::Edit;
                form.before = None;
                form.ask(state.now_ms, out);
            }
            Some(form)
        }
        // It is on its way; its answer is said even when the window is closed.
        Stage::Sending => (key.code != Code::Esc).then_some(form),
    }
}

fn edit_key(
    mut form: TicketForm,
    state: &mut UiState,
    key: Key,
    out: &mut Vec<Effect>,
) -> Option<TicketForm> {
    let field = form.field;
    let is_text = form.text_field().is_some();
    let numeric = field != TicketField::Symbol;
    match key.code {
        Code::Esc => {
            state.draft = Some(form);
            state.say(Tone::Good, "Draft kept: b or s opens it again, D throws it away.");
            return None;
        }
        Code::Enter => {
            form.review(state);
            return Some(form);
        }
        Code::Tab => form.step(false),
        Code::BackTab => form.step(true),
        // A number goes up with Up; a list of words goes on with Down.
        Code::Up => form.entry.turn(field, if is_text { 1 } else { -1 }),
        Code::Down => form.entry.turn(field, if is_text { -1 } else { 1 }),
        Code::Char('u') if numeric && !key.ctrl => form.use_largest(),
        Code::Char('m') if numeric => form.all_checks = !form.all_checks,
        Code::Right | Code::Char(' ') if !is_text => form.entry.turn(field, 1),
        Code::Left if !is_text => form.entry.turn(field, -1),
        Code::Char(c) if !key.ctrl && !Entry::takes(field, c) => {}
        _ => {
            let replaces = std::mem::take(&mut form.fresh) && matches!(key.code, Code::Char(_)) && !key.ctrl;
            if let Some(field) = form.text_field() {
                if replaces {
                    field.set("");
                }
                field.key(key);
            }
        }
    }
    form.ask(state.now_ms, out);
    Some(form)
}

/// Takes an answer; `None` closes the ticket.
pub fn reply(
    mut form: TicketForm,
    state: &mut UiState,
    tag: Tag,
    reply: Reply,
    out: &mut Vec<Effect>,
) -> Option<TicketForm> {
    if tag == Tag::WhatIf {
        form.asking.sent_ms = None;
    }
    match reply {
        Reply::WhatIf(ticket, answer) => {
            if form.stage == Stage::Edit && form.ticket().as_ref() == Ok(&ticket) {
                form.answer = Some(answer);
                form.answer_for = Some(ticket);
                form.problem.clear();
            }
        }
        Reply::Changed(ticket, answer) => {
            let passes = answer.code.is_none();
            form.before = form.answer.take();
            form.answer = Some(answer);
            form.answer_for = Some(ticket);
            form.stage = if passes { Stage::Review } else { Stage::Edit };
            form.problem = "not sent: things changed since the review".to_owned();
        }
        Reply::Done(text) if form.stage == Stage::Sending => {
            state.draft = None;
            state.say(Tone::Good, text);
            return None;
        }
        Reply::Failed(text) => {
            if tag == Tag::Modal {
                form.stage = Stage::Edit;
                fail(state, &text);
            }
            form.problem = text;
        }
        Reply::Done(_)
        | Reply::Found(_)
        | Reply::Preview(_)
        | Reply::SetPreview(_)
        | Reply::Route(..)
        | Reply::Basket(..)
        | Reply::Factors(..) => {}
    }
    form.send_due(state.now_ms, out);
    Some(form)
}
