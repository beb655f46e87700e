//! [`Lab`]: the expression under the pen, what is known of it, and what it is used for (chart, column, screen).
//!
//! A key is checked at once, here; values are asked for a moment after the last key, and come later as a
//! [`Research`]. Values of an older text stay on screen, marked, until newer ones come. Nothing here waits.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::InstrumentId;
use crate::service::desk::{Reply, Request, ResearchWish};
use crate::service::language::{self, Checked, Mistake, Suggestion, TEXT_MAX};
use crate::service::view::{FactorRow, Formula, FormulaColumn, FormulaScreen, Research};

use super::field::Field;
use super::keys::{Code, Key};
use super::panes::{PaneId, RowKey};
use super::state::{Effect, Tag, Tone, UiState};

/// How long after the last key values are asked for, in milliseconds.
pub const PAUSE_MS: u64 = 150;
/// Most earlier expressions that Up brings back.
const HISTORY_MAX: usize = 50;

/// Words that may stand at the cursor.
#[derive(Debug, Clone, Default)]
pub struct Popup {
    /// Bytes of the word they replace.
    pub word: Range<usize>,
    /// Best first; nothing is shown when there are none.
    pub items: Vec<Suggestion>,
    /// The one that Tab takes.
    pub selected: usize,
    /// Up or Down was pressed: Enter takes it too.
    pub moved: bool,
}

/// The expression under the pen and what it is used for.
#[derive(Debug, Clone)]
pub struct Lab {
    /// What is typed.
    pub field: Field,
    /// What the text is, or what is wrong with it; nothing while it is empty.
    pub checked: Option<Result<Checked, Mistake>>,
    /// Words that may stand at the cursor.
    pub popup: Popup,
    /// The expression is drawn on the chart.
    pub overlay: bool,
    /// The watchlist's column.
    pub column: Option<String>,
    /// The screen in force.
    pub screen: Option<String>,
    /// Factors that can be looked up.
    pub factors: Vec<FactorRow>,
    /// They have been asked for, and have come.
    pub factors_known: bool,
    /// The newest values.
    pub research: Option<Arc<Research>>,
    /// Why the service refused; empty when it did not.
    pub problem: String,
    /// The last text that was right: values are those of it.
    good: String,
    history: Vec<String>,
    recalled: Option<usize>,
    sent: ResearchWish,
    due_ms: Option<u64>,
    shown: bool,
}

impl Default for Lab {
    fn default() -> Self {
        Self {
            field: Field::new(TEXT_MAX),
            checked: None,
            popup: Popup::default(),
            overlay: true,
            column: None,
            screen: None,
            factors: Vec::new(),
            factors_known: false,
            research: None,
            problem: String::new(),
            good: String::new(),
            history: Vec::new(),
            recalled: None,
            sent: ResearchWish::default(),
            due_ms: None,
            shown: false,
        }
    }
}

impl Lab {
    /// The text under the pen.
    pub fn text(&self) -> &str {
        self.field.text()
    }

    /// What is wrong with the text, if anything.
    pub fn mistake(&self) -> Option<&Mistake> {
        self.checked.as_ref().and_then(|c| c.as_ref().err())
    }

    /// Whether what is wrong is only that the text is not yet whole: its end is missing, or the word at the cursor
    /// can still become a name.
    pub fn is_unfinished(&self) -> bool {
        let cursor = self.field.cursor_byte();
        let growing = !self.popup.items.is_empty() && !self.popup.word.is_empty();
        self.mistake().is_some_and(|m| {
            let at_end = cursor == self.text().len();
            (at_end && (m.place.start >= cursor || m.message.contains("never closed")))
                || (growing && m.place.start >= self.popup.word.start && m.place.end <= self.popup.word.end)
        })
    }

    /// The text, when it is right.
    pub fn right(&self) -> Option<(&str, Checked)> {
        let checked = self.checked.as_ref()?.as_ref().ok()?;
        Some((self.text(), *checked))
    }

    /// The newest values, of whatever text.
    pub fn formula(&self) -> Option<&Formula> {
        self.research.as_ref()?.formula.as_ref()
    }

    /// Whether the values are those of the text under the pen.
    pub fn is_fresh(&self) -> bool {
        self.formula().is_some_and(|f| f.text == self.text().trim())
    }

    /// The watchlist's column, once its values are there.
    pub fn column_values(&self) -> Option<&FormulaColumn> {
        let wanted = self.column.as_ref()?;
        self.research.as_ref()?.column.as_ref().filter(|c| c.text == *wanted)
    }

    /// The screen in force, once it is known who passes it.
    pub fn screened(&self) -> Option<&FormulaScreen> {
        let wanted = self.screen.as_ref()?;
        self.research.as_ref()?.screen.as_ref().filter(|s| s.text == *wanted && s.problem.is_empty())
    }

    /// Why nothing can be computed, or this expression cannot.
    pub fn trouble(&self) -> Option<&str> {
        let research = self.research.as_ref();
        let of_formula = self.formula().map(|f| f.problem.as_str());
        let all = [Some(self.problem.as_str()), research.map(|r| r.problem.as_str()), of_formula];
        all.into_iter().flatten().find(|p| !p.is_empty())
    }

    /// When something is to be asked, if anything waits.
    pub const fn due_ms(&self) -> Option<u64> {
        self.due_ms
    }

    /// Puts a text under the pen.
    pub fn load(&mut self, text: &str, now_ms: u64) {
        self.field.set(text);
        self.remember();
        self.typed(now_ms);
        self.popup = Popup::default();
    }

    /// Keeps the text for Up to bring back.
    fn remember(&mut self) {
        let text = self.text().trim().to_owned();
        self.recalled = None;
        if !text.is_empty() && self.history.last() != Some(&text) {
            self.history.push(text);
            let over = self.history.len().saturating_sub(HISTORY_MAX);
            self.history.drain(..over);
        }
    }

    /// The text has changed: it is checked, and values are asked for after a pause.
    fn typed(&mut self, now_ms: u64) {
        let text = self.text().trim().to_owned();
        self.checked = (!text.is_empty()).then(|| language::check(self.field.text()));
        // A text that is cleared to be typed anew leaves its values on screen for so long.
        if matches!(self.checked, Some(Ok(_))) {
            self.good = text;
        }
        self.due_ms = Some(now_ms + PAUSE_MS);
    }

    fn suggest(&mut self) {
        let (word, items) = language::suggest(self.text(), self.field.cursor_byte());
        self.popup = Popup { word, items, selected: 0, moved: false };
    }

    /// Puts the selected word in.
    pub fn complete(&mut self, now_ms: u64) {
        let Some(item) = self.popup.items.get(self.popup.selected) else { return };
        self.field.replace(self.popup.word.clone(), &item.insert);
        self.popup = Popup::default();
        self.typed(now_ms);
    }

    fn recall(&mut self, older: bool, now_ms: u64) {
        let last = self.history.len();
        let at = self.recalled.unwrap_or(last);
        let next = if older { at.saturating_sub(1) } else { (at + 1).min(last) };
        let Some(text) = self.history.get(next).cloned() else { return };
        self.recalled = Some(next);
        self.field.set(&text);
        self.typed(now_ms);
    }

    /// As if everything had been asked and answered.
    #[cfg(test)]
    pub fn asked(&mut self) {
        self.due_ms = None;
    }

    /// What is to be computed now.
    fn wish(&self, instrument: Option<InstrumentId>) -> ResearchWish {
        ResearchWish {
            generation: self.sent.generation,
            formula: self.good.clone(),
            instrument,
            column: self.column.clone(),
            screen: self.screen.clone(),
        }
    }
}

/// Typing has ended: an empty text means that there is no expression any more.
pub fn ended(state: &mut UiState) {
    state.lab.popup = Popup::default();
    state.lab.remember();
    if state.lab.text().trim().is_empty() {
        state.lab.good.clear();
        changed(state);
    }
}

/// Takes a key while the expression is typed; `false` ends it.
pub fn key(state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> bool {
    let now_ms = state.now_ms;
    let lab = &mut state.lab;
    let open = !lab.popup.items.is_empty();
    match key.code {
        Code::Esc if open => lab.popup = Popup::default(),
        Code::Esc => {
            ended(state);
            return false;
        }
        Code::Enter if open && lab.popup.moved => lab.complete(now_ms),
        Code::Enter => {
            ended(state);
            state.lab.due_ms = Some(now_ms);
            due(state, out);
            return false;
        }
        Code::Tab if open => lab.complete(now_ms),
        Code::Tab => {
            let at = lab.field.cursor_byte();
            let behind = lab.text().get(..at).and_then(|before| before.chars().next_back());
            if behind.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ')')) {
                // A term is whole here: a sign must come first.
                return true;
            }
            lab.popup = Popup { word: at..at, items: language::vocabulary(), selected: 0, moved: true };
        }
        Code::Down | Code::Up if open => {
            let count = lab.popup.items.len();
            let step = if key.code == Code::Down { 1 } else { count - 1 };
            lab.popup.selected = if lab.popup.moved || key.code == Code::Up {
                (lab.popup.selected + step) % count
            } else {
                1 % count
            };
            lab.popup.moved = true;
        }
        Code::Up => lab.recall(true, now_ms),
        Code::Down => lab.recall(false, now_ms),
        Code::Char('s') if key.ctrl => {
            super::update::perform::perform(state, super::actions::ActionId::SaveFactor, "", out);
            return !matches!(state.modals.last(), Some(super::modal::Modal::Line(_)));
        }
        _ => {
            let before = lab.text().to_owned();
            lab.field.key(key);
            if lab.text() != before {
                lab.recalled = None;
                lab.typed(now_ms);
                lab.suggest();
            } else {
                lab.popup = Popup::default();
            }
        }
    }
    true
}

/// Takes pasted text into the expression.
pub fn paste(state: &mut UiState, text: &str) {
    state.lab.field.paste(text);
    state.lab.popup = Popup::default();
    state.lab.typed(state.now_ms);
}

/// Column, screen or instrument have changed.
pub fn changed(state: &mut UiState) {
    let soon = state.now_ms + PAUSE_MS;
    state.lab.due_ms = Some(state.lab.due_ms.map_or(soon, |due| due.min(soon)));
}

/// Sends what is due: the wish, when it is another one, and the question for factors when their pane is shown.
pub fn due(state: &mut UiState, out: &mut Vec<Effect>) {
    let shown = state.current().is_some_and(|w| w.panes.contains(&PaneId::Factors));
    if shown && !state.lab.shown {
        out.push(Effect::Send(Tag::Research, Request::Factors));
    }
    state.lab.shown = shown;
    if state.lab.due_ms.is_none_or(|due| state.now_ms < due) {
        return;
    }
    let mut wish = state.lab.wish(state.focused);
    let lab = &mut state.lab;
    lab.due_ms = None;
    if wish != lab.sent {
        wish.generation += 1;
        lab.sent = wish.clone();
        lab.problem.clear();
        out.push(Effect::Send(Tag::Research, Request::Research(wish)));
    }
}

/// The request could not be queued: it is tried again.
pub fn busy(state: &mut UiState, request: &Request) {
    match request {
        Request::Research(_) => {
            // What was sent last is not known to anybody, so that the next wish differs from it.
            state.lab.sent.formula.push(' ');
            state.lab.due_ms = Some(state.now_ms + PAUSE_MS);
        }
        _ => state.lab.shown = false,
    }
}

/// Takes an answer to a question of the lab; gives back what it is not for.
pub fn reply(state: &mut UiState, reply: Reply) {
    match reply {
        Reply::Factors(rows, problem) => {
            if let Some(why) = problem {
                state.say(Tone::Bad, why);
            }
            state.lab.factors = rows;
            // One's own stand first.
            state.lab.factors.sort_by_key(|f| !f.own);
            state.lab.factors_known = true;
            state.settle();
        }
        Reply::Failed(why) => {
            state.lab.problem.clone_from(&why);
            state.lab.factors_known = true;
            state.say(Tone::Bad, why);
        }
        _ => {}
    }
}

/// Takes newer values; those of an older wish are dropped.
pub fn take(state: &mut UiState, research: Arc<Research>) {
    let known = state.lab.research.as_ref().is_some_and(|known| Arc::ptr_eq(known, &research));
    if known || research.generation < state.lab.sent.generation {
        return;
    }
    let before = state.lab.formula().map(|f| f.text.clone());
    // What cannot be answered is no column and no screen.
    let (column, screen) = (research.column.as_ref(), research.screen.as_ref());
    if let Some(failed) =
        column.filter(|c| !c.problem.is_empty() && state.lab.column.as_ref() == Some(&c.text))
    {
        state.say(Tone::Bad, format!("No column: {}", failed.problem));
        state.lab.column = None;
        changed(state);
    }
    if let Some(failed) =
        screen.filter(|s| !s.problem.is_empty() && state.lab.screen.as_ref() == Some(&s.text))
    {
        state.say(Tone::Bad, format!("No screen: {}", failed.problem));
        state.lab.screen = None;
        changed(state);
    }
    state.lab.research = Some(research);
    if before != state.lab.formula().map(|f| f.text.clone()) {
        // Another expression: its best names come into view.
        let place = state.pane_state(PaneId::Values);
        (place.selected, place.scroll, place.key) = (0, 0, RowKey::None);
    }
    state.settle();
}
