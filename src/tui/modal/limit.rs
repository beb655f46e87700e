//! The limit editor: a draft, what it would break, then setting it.
//!
//! Enter asks for the preview, a second Enter sets what was previewed; any change in between asks anew. Whether a
//! second person must approve is said before, by the service.

use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, LimitUnit, LimitValue, Scope, WorkingOrders};
use crate::domain::{CleanText, UnixNanos};
use crate::service::desk::{Reply, Request};
use crate::service::view::PreviewView;
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::state::{Effect, Tag, Tone, UiState};
use crate::tui::words;

use super::{cycle, fail};

/// Longest value, in characters (a list of symbols is the longest).
const VALUE_MAX: usize = 200;
/// Longest text of a moment, in characters.
const MOMENT_MAX: usize = 24;
/// Longest reason, in characters.
const REASON_MAX: usize = 120;

/// What may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitField {
    /// Which limit.
    Name,
    /// What it covers.
    Scope,
    /// Hard value.
    Hard,
    /// Soft value.
    Soft,
    /// Keep or cancel working orders over it.
    Working,
    /// Since when it binds.
    From,
    /// Until when it binds.
    Until,
    /// Why.
    Reason,
    /// By itself or in a change set.
    Set,
}

const FIELDS: [LimitField; 9] = [
    LimitField::Name,
    LimitField::Scope,
    LimitField::Hard,
    LimitField::Soft,
    LimitField::Working,
    LimitField::From,
    LimitField::Until,
    LimitField::Reason,
    LimitField::Set,
];

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Being written.
    Edit,
    /// The preview was asked for.
    Asking,
    /// The preview stands; Enter sets the limit.
    Review,
    /// On its way.
    Sending,
}

/// A limit being drafted.
#[derive(Debug, Clone)]
pub struct LimitForm {
    /// Which limit.
    pub name: LimitName,
    /// What it covers, as text.
    pub scope: Field,
    /// Hard value; empty removes the limit.
    pub hard: Field,
    /// Soft value; empty is none.
    pub soft: Field,
    /// What happens to working orders over it.
    pub working: WorkingOrders,
    /// Since when it binds; empty is at once.
    pub from: Field,
    /// Until when it binds; empty is for good.
    pub until: Field,
    /// Why.
    pub reason: Field,
    /// Whether it goes into the change set, and is not set by itself.
    pub in_set: bool,
    /// Highest version when the draft was begun: a later change of this limit makes it stale.
    pub based_on: u32,
    /// Market time when the draft was begun.
    pub now: Option<UnixNanos>,
    /// The field that has the keyboard.
    pub field: LimitField,
    /// The field was just reached: what is typed replaces the value it holds.
    pub fresh: bool,
    /// How far it is.
    pub stage: Stage,
    /// What it would do.
    pub preview: Option<Box<PreviewView>>,
    /// What stands in the way.
    pub problem: String,
}

impl LimitForm {
    /// A draft that starts from values in force.
    pub fn new(
        name: LimitName,
        scope: Scope,
        (hard, soft): (Option<&str>, Option<&str>),
        (based_on, now): (u32, Option<UnixNanos>),
    ) -> Self {
        Self {
            name,
            scope: Field::with(VALUE_MAX, &scope.to_string()),
            hard: Field::with(VALUE_MAX, hard.unwrap_or("")),
            soft: Field::with(VALUE_MAX, soft.unwrap_or("")),
            working: WorkingOrders::Keep,
            from: Field::new(MOMENT_MAX),
            until: Field::new(MOMENT_MAX),
            reason: Field::new(REASON_MAX),
            in_set: false,
            based_on,
            now,
            field: LimitField::Hard,
            fresh: true,
            stage: Stage::Edit,
            preview: None,
            problem: String::new(),
        }
    }

    /// A draft of the change set, to be changed.
    pub fn of(draft: &LimitDraft, now: Option<UnixNanos>) -> Self {
        let values = (draft.hard.as_deref(), draft.soft.as_deref());
        let mut form = Self::new(draft.name, draft.scope, values, (draft.terms.based_on.unwrap_or(0), now));
        let moment = |at: Option<UnixNanos>| at.map(|t| t.to_datetime().format("%Y-%m-%d %H:%M").to_string());
        form.from.set(&moment(draft.terms.effective_from).unwrap_or_default());
        form.until.set(&moment(draft.terms.expires_at).unwrap_or_default());
        form.reason.set(draft.reason.as_str());
        (form.working, form.in_set) = (draft.working, true);
        form
    }

    /// The draft, or what is still missing.
    pub fn draft(&self) -> Result<LimitDraft, String> {
        let scope: Scope = self.scope.text().trim().parse().map_err(|e| format!("{e}"))?;
        let value = |field: &Field| {
            let text = field.text().trim();
            if text.is_empty() {
                return Ok(None);
            }
            LimitValue::parse(self.name, text).map(|_| Some(text.to_owned()))
        };
        let reason = CleanText::new(self.reason.text().trim());
        // A change set has a reason of its own.
        if reason.is_empty() && !self.in_set {
            return Err("type a reason: it is kept with the version".to_owned());
        }
        let (hard, soft) = (value(&self.hard)?, value(&self.soft)?);
        Ok(LimitDraft {
            name: self.name,
            scope,
            hard,
            soft,
            reason,
            working: self.working,
            terms: LimitTerms {
                effective_from: self.moment(&self.from, "from", false)?,
                expires_at: self.moment(&self.until, "until", true)?,
                based_on: Some(self.based_on),
                ..LimitTerms::default()
            },
        })
    }

    fn moment(&self, field: &Field, name: &str, at_end: bool) -> Result<Option<UnixNanos>, String> {
        let text = field.text().trim();
        if text.is_empty() {
            return Ok(None);
        }
        let found = words::moment(text, self.now, at_end);
        found.map(Some).ok_or_else(|| {
            format!("{name} '{text}' is no moment: +2h, +3d, 2026-12-31, 2026-12-31 21:00 (UTC)")
        })
    }

    /// Unit of the values, in words.
    pub fn unit(&self) -> &'static str {
        match self.name.unit() {
            LimitUnit::Quantity => "shares",
            LimitUnit::Money => "money",
            LimitUnit::Ratio => "a fraction: 0.1 is 10%",
            LimitUnit::Count if self.name == LimitName::MaxSelfTrades => {
                "a number, then cancel_oldest or _newest"
            }
            LimitUnit::Count => "a whole number",
            LimitUnit::Seconds => "seconds",
            LimitUnit::Days => "trading days",
            LimitUnit::Symbols => "symbols with commas",
        }
    }

    /// The text field that has the keyboard.
    pub fn text_field(&mut self) -> Option<&mut Field> {
        match self.field {
            LimitField::Scope => Some(&mut self.scope),
            LimitField::Hard => Some(&mut self.hard),
            LimitField::Soft => Some(&mut self.soft),
            LimitField::From => Some(&mut self.from),
            LimitField::Until => Some(&mut self.until),
            LimitField::Reason => Some(&mut self.reason),
            LimitField::Name | LimitField::Working | LimitField::Set => None,
        }
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Asking | Stage::Sending)
    }

    /// The request could not be queued.
    pub fn not_sent(&mut self) {
        self.stage = if self.stage == Stage::Sending { Stage::Review } else { Stage::Edit };
    }

    fn turn(&mut self, back: bool) {
        match self.field {
            LimitField::Name => {
                let all = LimitName::ALL;
                let at = all.iter().position(|n| *n == self.name).unwrap_or(0);
                let next = cycle(at, all.len(), back);
                self.name = all.get(next).copied().unwrap_or(self.name);
                self.hard.set("");
                self.soft.set("");
            }
            LimitField::Working => {
                let keeps = self.working == WorkingOrders::Keep;
                self.working = if keeps { WorkingOrders::Cancel } else { WorkingOrders::Keep };
            }
            LimitField::Set => self.in_set = !self.in_set,
            LimitField::Scope
            | LimitField::Hard
            | LimitField::Soft
            | LimitField::From
            | LimitField::Until
            | LimitField::Reason => {}
        }
    }

    fn step(&mut self, back: bool) {
        let at = FIELDS.iter().position(|f| *f == self.field).unwrap_or(0);
        let next = cycle(at, FIELDS.len(), back);
        self.field = FIELDS.get(next).copied().unwrap_or(LimitField::Hard);
        self.fresh = true;
    }
}

/// Takes a key; `None` closes the editor.
pub fn key(mut form: LimitForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<LimitForm> {
    if form.waits() {
        return (key.code != Code::Esc).then_some(form);
    }
    match (key.code, form.stage) {
        (Code::Enter, Stage::Review) => match form.draft() {
            Ok(draft) if form.in_set => {
                super::set::collect(state, draft);
                return None;
            }
            Ok(draft) => {
                form.stage = Stage::Sending;
                out.push(Effect::Send(Tag::Modal, Request::SetLimit(Box::new(draft))));
            }
            Err(problem) => form.problem = problem,
        },
        (Code::Enter, _) => match form.draft() {
            Ok(draft) => {
                form.problem.clear();
                form.stage = Stage::Asking;
                out.push(Effect::Send(Tag::Modal, Request::PreviewLimit(Box::new(draft))));
            }
            Err(problem) => {
                fail(state, &problem);
                form.problem = problem;
            }
        },
        (Code::Esc, Stage::Review) => form.stage = Stage::Edit,
        (Code::Esc, _) => {
            state.say(Tone::Good, "Limit draft closed; nothing was changed.");
            return None;
        }
        (Code::Tab, _) => form.step(false),
        (Code::BackTab, _) => form.step(true),
        (Code::Up | Code::Down, _) if form.text_field().is_some() => form.step(key.code == Code::Up),
        (code, _) => {
            let turns = matches!(code, Code::Up | Code::Down | Code::Left | Code::Right | Code::Char(' '));
            let is_value = matches!(form.field, LimitField::Scope | LimitField::Hard | LimitField::Soft);
            let replaces = std::mem::take(&mut form.fresh) && is_value && key.typed().is_some();
            match form.text_field() {
                Some(field) => {
                    if replaces {
                        field.set("");
                    }
                    field.key(key);
                }
                None if turns => form.turn(matches!(code, Code::Up | Code::Left)),
                None => {}
            }
            form.stage = Stage::Edit;
            form.preview = None;
        }
    }
    Some(form)
}

/// Takes an answer; `None` closes the editor.
pub fn reply(mut form: LimitForm, state: &mut UiState, reply: Reply) -> Option<LimitForm> {
    match reply {
        Reply::Preview(preview) if form.stage == Stage::Asking => {
            form.preview = Some(preview);
            form.stage = Stage::Review;
        }
        Reply::Done(text) => {
            state.say(Tone::Good, text);
            return None;
        }
        Reply::Failed(text) => {
            fail(state, &text);
            form.problem = text;
            form.stage = Stage::Edit;
        }
        _ => {}
    }
    Some(form)
}
