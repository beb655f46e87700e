//! Questions: what will happen, one or more answers, for the weighty ones a word that must be typed, and for some a
//! reason that may be.

use crate::domain::CleanText;
use crate::service::desk::Request;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Tag, UiState};

use super::cycle;

/// Longest typed word, in characters.
const TYPED_MAX: usize = 32;
/// Longest reason, in characters.
const REASON_MAX: usize = 120;

/// What an answer does.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Ask the service; its answer is said.
    Send(Request),
    /// Leave.
    Quit,
    /// End the session.
    SignOut,
    /// Keep an expression under a name that had another one.
    KeepFactor(String, String),
    /// Nothing.
    Nothing,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What it says.
    pub text: String,
    /// What it does.
    pub deed: Deed,
    /// What must be typed first.
    pub typed: Option<String>,
}

impl Choice {
    /// An answer that Enter is enough for.
    pub fn new(text: impl Into<String>, deed: Deed) -> Self {
        Self { text: text.into(), deed, typed: None }
    }

    /// With a word that must be typed first.
    pub fn typed(self, word: impl Into<String>) -> Self {
        Self { typed: Some(word.into()), ..self }
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct AskForm {
    /// Title.
    pub title: String,
    /// What will happen.
    pub lines: Vec<String>,
    /// Answers.
    pub choices: Vec<Choice>,
    /// The answer that Enter takes.
    pub selected: usize,
    /// What was typed.
    pub field: Field,
    /// Whether a reason may be typed, which goes along with what is sent.
    pub reason: bool,
    /// It changes money or limits.
    pub weighty: bool,
    /// What stands in the way.
    pub problem: String,
}

impl AskForm {
    /// A question.
    pub fn new(title: impl Into<String>, lines: Vec<String>, choices: Vec<Choice>) -> Self {
        Self {
            title: title.into(),
            lines,
            choices,
            selected: 0,
            field: Field::new(TYPED_MAX),
            reason: false,
            weighty: false,
            problem: String::new(),
        }
    }

    /// A question about money or limits.
    pub fn weighty(self) -> Self {
        Self { weighty: true, ..self }
    }

    /// A question whose answer may carry a reason.
    pub fn with_reason(self) -> Self {
        Self { reason: true, field: Field::new(REASON_MAX), ..self }
    }

    /// What is asked for beside the answer.
    pub fn prompt(&self) -> Option<&'static str> {
        let needed = self.choices.iter().any(|choice| needs_words(&choice.deed));
        self.reason.then_some(if needed { "What was found and done: " } else { "Reason, if you like: " })
    }

    /// The word the selected answer wants typed.
    pub fn wanted(&self) -> Option<&str> {
        self.choices.get(self.selected).and_then(|c| c.typed.as_deref())
    }
}

/// Takes a key; `None` closes the question.
pub fn key(mut form: AskForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<AskForm> {
    let count = form.choices.len();
    match key.code {
        Code::Esc => return None,
        Code::Down | Code::Tab => form.selected = cycle(form.selected, count, false),
        Code::Up | Code::BackTab => form.selected = cycle(form.selected, count, true),
        Code::Enter => return take(form, state, out),
        _ if form.reason || form.wanted().is_some() => {
            form.field.key(key);
        }
        Code::Char('j') => form.selected = cycle(form.selected, count, false),
        Code::Char('k') => form.selected = cycle(form.selected, count, true),
        Code::Char('q') => return None,
        _ => {}
    }
    form.problem.clear();
    Some(form)
}

/// Whether a deed is nothing without what is typed beside it.
const fn needs_words(deed: &Deed) -> bool {
    matches!(deed, Deed::Send(Request::Acknowledge { .. }))
}

fn take(mut form: AskForm, state: &mut UiState, out: &mut Vec<Effect>) -> Option<AskForm> {
    let choice = form.choices.get(form.selected)?.clone();
    if let Some(word) = choice.typed.as_deref().filter(|w| form.field.text().trim() != *w) {
        form.problem = format!("type {word} to go on, or Esc to leave it");
        out.push(Effect::Bell);
        return Some(form);
    }
    if needs_words(&choice.deed) && form.field.text().trim().is_empty() {
        form.problem = "type what was found and done: it is kept with the event".to_owned();
        out.push(Effect::Bell);
        return Some(form);
    }
    match choice.deed {
        Deed::Send(mut request) => {
            if let Request::Halt { reason, .. }
            | Request::RejectLimit { reason, .. }
            | Request::Acknowledge { reason, .. } = &mut request
            {
                *reason = CleanText::new(form.field.text().trim());
            }
            out.push(Effect::Send(Tag::Said, request));
        }
        Deed::Quit => {
            state.draft = None;
            out.push(Effect::Quit);
        }
        Deed::SignOut => out.push(Effect::SignOut),
        Deed::KeepFactor(name, text) => crate::tui::update::perform::keep_factor(&name, text, out),
        Deed::Nothing => {}
    }
    None
}
