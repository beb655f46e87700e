//! The window of a change set: limits that are asked for together and approved or turned down together.
//!
//! A draft collects edits from the limit editor and is submitted with one reason; a set that waits is shown to a
//! second person as one item. Both show first what the set would do as a whole; nothing is set before Enter.

use crate::domain::limit::LimitDraft;
use crate::domain::{ChangeSetId, CleanText, UserName};
use crate::service::desk::{Reply, Request};
use crate::service::view::SetPreviewView;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Tag, Tone, UiState};

use super::limit::LimitForm;
use super::{Modal, cycle, fail};

/// Longest reason, in characters.
const REASON_MAX: usize = 120;

/// Which set the window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The draft of this window.
    Draft,
    /// One that waits, and who asked for it.
    Waiting(ChangeSetId, UserName),
}

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetField {
    /// The limits of the set.
    List,
    /// Approve or turn down.
    Answer,
    /// Why.
    Reason,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The preview was asked for.
    Asking,
    /// The preview stands, or why there is none.
    Review,
    /// On its way.
    Sending,
}

/// A change set being looked at.
#[derive(Debug, Clone)]
pub struct SetForm {
    /// Which set.
    pub shown: Shown,
    /// What has the keyboard.
    pub field: SetField,
    /// The limit that is selected.
    pub selected: usize,
    /// Whether the answer is to turn it down.
    pub rejects: bool,
    /// Why it is submitted, or turned down.
    pub reason: Field,
    /// How far it is.
    pub stage: Stage,
    /// What it would do.
    pub preview: Option<Box<SetPreviewView>>,
    /// Newest version that was shown when an approval was refused, until the set is shown again.
    pub refused: Option<u32>,
    /// What stands in the way.
    pub problem: String,
}

impl SetForm {
    /// The window of a set; its preview is asked for.
    fn new(shown: Shown) -> Self {
        let field = if shown == Shown::Draft { SetField::Reason } else { SetField::Answer };
        Self {
            shown,
            field,
            selected: 0,
            rejects: false,
            reason: Field::new(REASON_MAX),
            stage: Stage::Asking,
            preview: None,
            refused: None,
            problem: String::new(),
        }
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Asking | Stage::Sending)
    }

    /// The request could not be queued.
    pub fn not_sent(&mut self) {
        self.stage = Stage::Review;
    }

    /// The text field that has the keyboard.
    pub fn text_field(&mut self) -> Option<&mut Field> {
        (self.field == SetField::Reason).then_some(&mut self.reason)
    }

    fn fields(&self) -> &'static [SetField] {
        match self.shown {
            Shown::Draft => &[SetField::List, SetField::Reason],
            Shown::Waiting(..) => &[SetField::Answer, SetField::Reason, SetField::List],
        }
    }

    fn step(&mut self, back: bool) {
        let fields = self.fields();
        let at = fields.iter().position(|f| *f == self.field).unwrap_or(0);
        self.field = fields.get(cycle(at, fields.len(), back)).copied().unwrap_or(SetField::List);
    }

    /// What Enter sends; what is missing otherwise.
    fn request(&self, drafts: &[LimitDraft]) -> Result<Request, &'static str> {
        let reason = CleanText::new(self.reason.text().trim());
        let given = |request| if reason.is_empty() { Err(MISSING_REASON) } else { Ok(request) };
        match self.shown {
            Shown::Draft => given(Request::SetLimits(drafts.to_vec(), reason.clone())),
            Shown::Waiting(set, _) if self.rejects => given(Request::RejectSet(set, reason.clone())),
            Shown::Waiting(set, _) => {
                Ok(Request::ApproveSet(set, self.preview.as_ref().and_then(|seen| seen.newest)))
            }
        }
    }
}

/// Said where a reason must be typed.
const MISSING_REASON: &str = "type a reason: it is kept with every version of the set";

/// Opens the draft.
pub fn open_draft(state: &mut UiState, out: &mut Vec<Effect>) {
    ask(state, SetForm::new(Shown::Draft), out);
}

/// Opens a set that waits.
pub fn open_waiting(state: &mut UiState, set: ChangeSetId, maker: UserName, out: &mut Vec<Effect>) {
    ask(state, SetForm::new(Shown::Waiting(set, maker)), out);
}

fn ask(state: &mut UiState, form: SetForm, out: &mut Vec<Effect>) {
    out.push(Effect::Send(Tag::Modal, preview_of(&form, state)));
    state.modals.push(Modal::Set(Box::new(form)));
}

fn preview_of(form: &SetForm, state: &UiState) -> Request {
    match form.shown {
        Shown::Draft => Request::PreviewLimits(state.change_set.clone()),
        Shown::Waiting(set, _) => Request::PreviewSet(set),
    }
}

/// Puts a draft into the change set, in the place of an earlier one of the same limit.
pub fn collect(state: &mut UiState, draft: LimitDraft) {
    state.change_set.retain(|d| (d.name, d.scope) != (draft.name, draft.scope));
    let name = draft.name;
    state.change_set.push(draft);
    let count = state.change_set.len();
    let limits = if count == 1 { "1 limit".to_owned() } else { format!("{count} limits") };
    state.say(Tone::Good, format!("{name} is in the change set ({limits}); B shows and submits it."));
}

/// Takes a key; `None` closes the window.
pub fn key(mut form: SetForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<SetForm> {
    let count = match form.shown {
        Shown::Draft => state.change_set.len(),
        Shown::Waiting(..) => form.preview.as_ref().map_or(0, |p| p.parts.len()),
    };
    match (key.code, form.field) {
        (Code::Esc, _) => {
            let kept = form.shown == Shown::Draft && count > 0;
            state.say(
                Tone::Good,
                if kept { "The change set is kept as a draft." } else { "Nothing was changed." },
            );
            return None;
        }
        _ if form.stage == Stage::Sending => {}
        (Code::Enter, _) if form.stage == Stage::Asking => {}
        (Code::Enter, _) if form.preview.is_none() => {
            form.problem.clear();
            form.stage = Stage::Asking;
            out.push(Effect::Send(Tag::Modal, preview_of(&form, state)));
        }
        (Code::Enter, _) => match form.request(&state.change_set) {
            Ok(request) => {
                form.problem.clear();
                form.stage = Stage::Sending;
                out.push(Effect::Send(Tag::Modal, request));
            }
            Err(problem) => {
                form.field = SetField::Reason;
                fail(state, problem);
                problem.clone_into(&mut form.problem);
            }
        },
        (Code::Tab, _) => form.step(false),
        (Code::BackTab, _) => form.step(true),
        (Code::Up | Code::Down, SetField::Reason) => form.step(key.code == Code::Up),
        (_, SetField::Reason) => {
            form.reason.key(key);
        }
        (Code::Up | Code::Down | Code::Left | Code::Right | Code::Char(' '), SetField::Answer) => {
            form.rejects = !form.rejects;
        }
        (Code::Up | Code::Char('k'), SetField::List) => form.selected = cycle(form.selected, count, true),
        (Code::Down | Code::Char('j'), SetField::List) => form.selected = cycle(form.selected, count, false),
        (Code::Delete | Code::Char('d'), SetField::List) if form.shown == Shown::Draft => {
            return take_out(form, state, out);
        }
        (Code::Char('e'), SetField::List) if form.shown == Shown::Draft => {
            let draft = state.change_set.get(form.selected)?;
            let editor = LimitForm::of(draft, state.screen.data.market_time);
            state.modals.push(Modal::Limit(Box::new(editor)));
            return None;
        }
        _ => {}
    }
    Some(form)
}

/// Takes the selected limit out of the draft, and looks again at what is left.
fn take_out(mut form: SetForm, state: &mut UiState, out: &mut Vec<Effect>) -> Option<SetForm> {
    if form.selected < state.change_set.len() {
        state.change_set.remove(form.selected);
    }
    if state.change_set.is_empty() {
        state.say(Tone::Good, "The change set is empty now.");
        return None;
    }
    form.selected = form.selected.min(state.change_set.len() - 1);
    form.preview = None;
    form.stage = Stage::Asking;
    out.push(Effect::Send(Tag::Modal, preview_of(&form, state)));
    Some(form)
}

/// Said where an approval was refused and the set holds more than was shown.
const JOINED: &str = "Others joined since you looked: above is all of it now. Enter approves it.";

/// Takes an answer; `None` closes the window. A set whose approval was refused is looked at again.
pub fn reply(mut form: SetForm, state: &mut UiState, reply: Reply, out: &mut Vec<Effect>) -> Option<SetForm> {
    match reply {
        Reply::SetPreview(preview) if form.stage == Stage::Asking => {
            form.selected = form.selected.min(preview.parts.len().saturating_sub(1));
            if form.refused.take().is_some_and(|shown| preview.newest.is_some_and(|newest| newest > shown)) {
                fail(state, JOINED);
                JOINED.clone_into(&mut form.problem);
            }
            form.preview = Some(preview);
            form.stage = Stage::Review;
        }
        Reply::Done(text) => {
            if form.shown == Shown::Draft {
                state.change_set.clear();
            }
            state.say(Tone::Good, text);
            return None;
        }
        Reply::Failed(text) => {
            fail(state, &text);
            form.problem = text;
            let approved = form.stage == Stage::Sending && !form.rejects;
            let shown = form.preview.as_ref().and_then(|preview| preview.newest).filter(|_| approved);
            form.refused = shown;
            form.stage = if shown.is_some() { Stage::Asking } else { Stage::Review };
            if shown.is_some() {
                form.preview = None;
                out.push(Effect::Send(Tag::Modal, preview_of(&form, state)));
            }
        }
        _ => {}
    }
    Some(form)
}
