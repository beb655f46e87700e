//! Changing a working order: new quantity, limit or trigger, what that changes, then sending.
//!
//! Only what differs from the order as it stood is asked for, so that a fill in between is never undone. The gate judges
//! the change like a new order; nothing is sent without the review.

use crate::domain::{AccountId, OrderId, OrderType, Price, Quantity};
use crate::service::desk::{Reply, Request};
use crate::service::view::OrderRow;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Tag, Tone, UiState};

use super::{cycle, fail};

/// Longest text of a number, in characters.
const NUMBER_MAX: usize = 20;

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

/// One number of the order.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name.
    pub label: &'static str,
    /// As the order has it.
    pub was: String,
    /// As it is asked for.
    pub field: Field,
}

impl Part {
    fn new(label: &'static str, was: String) -> Self {
        Self { label, field: Field::with(NUMBER_MAX, &was), was }
    }

    /// What is asked for, where it differs.
    pub fn changed(&self) -> Option<&str> {
        let text = self.field.text().trim();
        (!text.is_empty() && text != self.was).then_some(text)
    }
}

/// A change being drafted.
#[derive(Debug, Clone)]
pub struct AmendForm {
    /// Account.
    pub account: AccountId,
    /// Order.
    pub id: OrderId,
    /// What the order is, in words.
    pub what: String,
    /// Quantity first, then the prices that the kind of order has.
    pub parts: Vec<Part>,
    /// The part that has the keyboard.
    pub selected: usize,
    /// The part was just reached: what is typed replaces what it holds.
    pub fresh: bool,
    /// How far it is.
    pub stage: Stage,
    /// What stands in the way.
    pub problem: String,
}

/// Names of the parts.
const QUANTITY: &str = "Quantity";
const LIMIT: &str = "Limit";
const TRIGGER: &str = "Trigger";

/// A change as it is asked for: quantity, limit, trigger.
type Change = (Option<Quantity>, Option<Price>, Option<Price>);

impl AmendForm {
    /// A draft that starts from the order as it stands.
    pub fn new(order: &OrderRow, what: String) -> Self {
        let price = |p: Option<Price>| p.map_or_else(String::new, |p| p.to_string());
        let mut parts = vec![Part::new(QUANTITY, order.quantity.to_string())];
        if order.order_type.has_limit() {
            parts.push(Part::new(LIMIT, price(order.limit_price)));
        }
        if order.order_type.has_trigger() && order.order_type != OrderType::TrailingStop && !order.triggered {
            parts.push(Part::new(TRIGGER, price(order.trigger_price)));
        }
        Self {
            account: order.account,
            id: order.id,
            what,
            parts,
            selected: 0,
            fresh: true,
            stage: Stage::Edit,
            problem: String::new(),
        }
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        self.stage == Stage::Sending
    }

    /// It could not be queued.
    pub fn not_sent(&mut self) {
        if self.waits() {
            self.stage = Stage::Review;
        }
    }

    /// The text that has the keyboard.
    pub fn text_field(&mut self) -> Option<&mut Field> {
        if self.stage != Stage::Edit {
            return None;
        }
        self.parts.get_mut(self.selected).map(|p| &mut p.field)
    }

    fn change(&self) -> Result<Change, String> {
        let text = |label| self.parts.iter().find(|p| p.label == label).and_then(Part::changed);
        let price = |label: &str, text: Option<&str>| {
            let Some(text) = text else { return Ok(None) };
            let price: Price = text.parse().map_err(|e| format!("{label} '{text}' {e}"))?;
            if price.is_positive() { Ok(Some(price)) } else { Err(format!("{label} must be above zero")) }
        };
        let quantity =
            text(QUANTITY).map(|t| t.parse().map_err(|e| format!("{QUANTITY} '{t}' {e}"))).transpose()?;
        if quantity.is_some_and(|q: Quantity| !q.is_positive()) {
            return Err("the quantity must be above zero; c cancels an order".to_owned());
        }
        let change = (quantity, price(LIMIT, text(LIMIT))?, price(TRIGGER, text(TRIGGER))?);
        if change == (None, None, None) { Err("nothing is changed yet".to_owned()) } else { Ok(change) }
    }
}

/// Takes a key; `None` closes the draft.
pub fn key(mut form: AmendForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<AmendForm> {
    if form.waits() {
        return (key.code != Code::Esc).then_some(form);
    }
    match (key.code, form.stage) {
        (Code::Esc, Stage::Review) => form.stage = Stage::Edit,
        (Code::Esc, _) => return None,
        (Code::Enter, stage) => match form.change() {
            Ok((quantity, limit_price, trigger_price)) if stage == Stage::Review => {
                let (account, id) = (form.account, form.id);
                form.stage = Stage::Sending;
                let request = Request::Amend { account, id, quantity, limit_price, trigger_price };
                out.push(Effect::Send(Tag::Modal, request));
            }
            Ok(_) => {
                form.problem.clear();
                form.stage = Stage::Review;
            }
            Err(problem) => {
                fail(state, &problem);
                form.problem = problem;
            }
        },
        (Code::Tab | Code::Down | Code::BackTab | Code::Up, Stage::Edit) => {
            let back = matches!(key.code, Code::BackTab | Code::Up);
            form.selected = cycle(form.selected, form.parts.len(), back);
            form.fresh = true;
        }
        (Code::Char(c), _) if !key.ctrl && !c.is_ascii_digit() && c != '.' => {}
        _ => {
            let replaces = std::mem::take(&mut form.fresh) && matches!(key.code, Code::Char(_));
            if let Some(field) = form.text_field() {
                if replaces && !key.ctrl {
                    field.set("");
                }
                field.key(key);
                form.problem.clear();
            }
        }
    }
    Some(form)
}

/// Takes an answer; `None` closes the draft.
pub fn reply(mut form: AmendForm, state: &mut UiState, reply: Reply) -> Option<AmendForm> {
    match reply {
        Reply::Done(text) => {
            state.say(Tone::Good, text);
            None
        }
        Reply::Failed(text) => {
            fail(state, &text);
            form.problem = text;
            form.stage = Stage::Edit;
            Some(form)
        }
        _ => Some(form),
    }
}
