//! The order ticket: what is asked for, what it would do, a review, then sending.
//!
//! The what-if comes from the same evaluation as the pre-trade check and is asked for after each change, one at a
//! time, the newest last. A review freezes order and basis; when things have changed since, the difference is shown
//! and asked about again. Nothing is sent without the review. Esc keeps the draft.

use crate::domain::{
    AccountId, Exchange, InstrumentId, OrderType, Price, Quantity, Side, Symbol, TimeInForce,
};
use crate::service::desk::{Reply, Request, Ticket};
use crate::service::view::WhatIf;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Latest, Tag, Tone, UiState};

use super::{cycle, fail};

/// Longest text of a number, in characters.
const NUMBER_MAX: usize = 20;

/// What may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketField {
    /// Buy or sell.
    Side,
    /// What is traded.
    Symbol,
    /// Market or limit.
    Type,
    /// How much.
    Quantity,
    /// Worst acceptable price.
    Limit,
    /// How long it works.
    Tif,
}

/// Fields in the order of Tab.
const FIELDS: [TicketField; 6] = [
    TicketField::Side,
    TicketField::Symbol,
    TicketField::Quantity,
    TicketField::Type,
    TicketField::Limit,
    TicketField::Tif,
];

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
    /// Buy or sell.
    pub side: Side,
    /// Ticker.
    pub symbol: Field,
    /// Market or limit.
    pub order_type: OrderType,
    /// How much.
    pub quantity: Field,
    /// Worst acceptable price.
    pub limit: Field,
    /// How long it works.
    pub tif: TimeInForce,
    /// The field that has the keyboard.
    pub field: TicketField,
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
            side,
            symbol: Field::with(Symbol::MAX_LEN, instrument.symbol.as_str()),
            order_type: OrderType::Limit,
            quantity: Field::new(NUMBER_MAX),
            limit: Field::new(NUMBER_MAX),
            tif: TimeInForce::Day,
            field: TicketField::Quantity,
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

    /// Puts a price into the limit field.
    pub fn set_limit(&mut self, price: Price) {
        let cent = Price::ONE_RAW / 100;
        let whole = if price.raw() >= Price::ONE_RAW { price.raw() / cent * cent } else { price.raw() };
        self.limit.set(&Price::from_raw(whole).to_string());
    }

    /// The order it holds, or what is still missing.
    pub fn ticket(&self) -> Result<Ticket, String> {
        let symbol: Symbol =
            self.symbol.text().trim().to_ascii_uppercase().parse().map_err(|e| format!("{e}"))?;
        let text = self.quantity.text().trim();
        if text.is_empty() {
            return Err("type a quantity".to_owned());
        }
        let quantity: Quantity = text.parse().map_err(|e| format!("quantity '{text}' {e}"))?;
        if !quantity.is_positive() {
            return Err("the quantity must be above zero".to_owned());
        }
        let limit_price = match self.order_type {
            kind if !kind.has_limit() => None,
            _ => {
                let text = self.limit.text().trim();
                if text.is_empty() {
                    return Err("type a limit price, or choose a market order".to_owned());
                }
                let price: Price = text.parse().map_err(|e| format!("limit '{text}' {e}"))?;
                if !price.is_positive() {
                    return Err("the limit price must be above zero".to_owned());
                }
                Some(price)
            }
        };
        let instrument = InstrumentId::new(symbol, self.exchange);
        let (account, side, order_type, tif) = (self.account, self.side, self.order_type, self.tif);
        Ok(Ticket { account, instrument, side, order_type, quantity, limit_price, tif })
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
        match self.field {
            TicketField::Symbol => Some(&mut self.symbol),
            TicketField::Quantity => Some(&mut self.quantity),
            TicketField::Limit => Some(&mut self.limit),
            TicketField::Side | TicketField::Type | TicketField::Tif => None,
        }
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

    fn turn(&mut self, by: i64) {
        match self.field {
            TicketField::Side => self.side = if self.side == Side::Buy { Side::Sell } else { Side::Buy },
            TicketField::Type => {
                let other =
                    if self.order_type == OrderType::Market { OrderType::Limit } else { OrderType::Market };
                self.order_type = other;
            }
            TicketField::Tif => {
                self.tif = if self.tif == TimeInForce::Day { TimeInForce::Gtc } else { TimeInForce::Day };
            }
            TicketField::Quantity => {
                let now = self.quantity.text().parse().unwrap_or(Quantity::ZERO);
                let next = Quantity::from_raw(now.raw().saturating_add(by.saturating_mul(Quantity::ONE_RAW)));
                self.quantity.set(&if next.is_negative() { Quantity::ZERO } else { next }.to_string());
            }
            TicketField::Limit => {
                let now = self.limit.text().parse().unwrap_or(Price::ZERO);
                let next = Price::from_raw(now.raw().saturating_add(by.saturating_mul(Price::ONE_RAW / 100)));
                self.limit.set(&if next.is_negative() { Price::ZERO } else { next }.to_string());
            }
            TicketField::Symbol => {}
        }
    }

    fn step(&mut self, back: bool) {
        let skip = |f: &&TicketField| **f != TicketField::Limit || self.order_type == OrderType::Limit;
        let fields: Vec<TicketField> = FIELDS.iter().filter(skip).copied().collect();
        let at = fields.iter().position(|f| *f == self.field).unwrap_or(0);
        let next = cycle(at, fields.len(), back);
        self.field = fields.get(next).copied().unwrap_or(TicketField::Quantity);
    }

    fn use_largest(&mut self) {
        match self.answer.as_ref().and_then(|a| a.largest) {
            Some(largest) => self.quantity.set(&largest.to_string()),
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
        let basis = self.answer.as_ref().map(|a| a.basis);
        if let (Some(ticket), Some(basis)) = (self.answer_for.clone(), basis) {
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
    let numeric = form.field != TicketField::Symbol;
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
        Code::Up => form.turn(1),
        Code::Down => form.turn(-1),
        Code::Char('u') if numeric && !key.ctrl => form.use_largest(),
        Code::Char('m') if numeric => form.all_checks = !form.all_checks,
        Code::Left | Code::Right | Code::Char(' ') if form.text_field().is_none() => form.turn(1),
        Code::Char(c) if numeric && !key.ctrl && !c.is_ascii_digit() && c != '.' => {}
        _ => {
            if let Some(field) = form.text_field() {
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
        Reply::Done(_) | Reply::Found(_) | Reply::Preview(_) | Reply::Basket(..) | Reply::Factors(..) => {}
    }
    form.send_due(state.now_ms, out);
    Some(form)
}
