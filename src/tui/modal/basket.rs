//! The basket of a rebalance: first a dry run with the risk decision of each order, then a question, then orders.

use crate::service::desk::{Reply, Request};
use crate::service::view::BasketRow;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Tag, Tone, UiState};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The dry run is being computed.
    Asking,
    /// The dry run stands; Enter sends.
    Review,
    /// On its way.
    Sending,
    /// What became of the orders.
    Done,
}

/// The basket.
#[derive(Debug, Clone)]
pub struct BasketForm {
    /// How far it is.
    pub stage: Stage,
    /// Orders with their decisions.
    pub rows: Vec<BasketRow>,
    /// First row shown.
    pub scroll: usize,
}

impl BasketForm {
    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Asking | Stage::Sending)
    }

    /// The request could not be queued.
    pub fn not_sent(&mut self) {
        self.stage = if self.stage == Stage::Sending { Stage::Review } else { Stage::Done };
    }

    /// How many orders would be refused.
    pub fn refused(&self) -> usize {
        self.rows.iter().filter(|r| r.decision.ends_with("refused")).count()
    }
}

impl Default for BasketForm {
    /// A basket whose dry run has been asked for.
    fn default() -> Self {
        Self { stage: Stage::Asking, rows: Vec::new(), scroll: 0 }
    }
}

/// Takes a key; `None` closes the basket.
pub fn key(mut form: BasketForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<BasketForm> {
    let last = form.rows.len().saturating_sub(1);
    match key.code {
        Code::Esc | Code::Char('q') => return None,
        Code::Enter if form.stage == Stage::Done => return None,
        Code::Enter if form.stage == Stage::Review && !form.rows.is_empty() => {
            form.stage = Stage::Sending;
            out.push(Effect::Send(Tag::Modal, Request::Rebalance { dry_run: false }));
        }
        Code::Enter if form.stage == Stage::Review => {
            state.say(Tone::Good, "Nothing to do: the account already holds what the signals ask for.");
            return None;
        }
        Code::Down | Code::Char('j') => form.scroll = (form.scroll + 1).min(last),
        Code::Up | Code::Char('k') => form.scroll = form.scroll.saturating_sub(1),
        Code::PageDown => form.scroll = (form.scroll + 10).min(last),
        Code::PageUp => form.scroll = form.scroll.saturating_sub(10),
        _ => {}
    }
    Some(form)
}

/// Takes an answer; `None` closes the basket.
pub fn reply(mut form: BasketForm, state: &mut UiState, reply: Reply) -> Option<BasketForm> {
    match reply {
        Reply::Basket(rows, dry_run) => {
            form.scroll = 0;
            form.rows = rows;
            form.stage = if dry_run { Stage::Review } else { Stage::Done };
            if !dry_run {
                state.say(
                    Tone::Good,
                    format!("{} orders given.", form.rows.len().saturating_sub(form.refused())),
                );
            }
        }
        Reply::Failed(text) => {
            state.say(Tone::Bad, text);
            return None;
        }
        Reply::Done(text) => {
            state.say(Tone::Good, text);
            return None;
        }
        _ => {}
    }
    Some(form)
}
