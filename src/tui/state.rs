//! [`UiState`]: what the terminal knows beside the service's snapshot: where one stands, what is selected, what is
//! being typed.
//!
//! It changes only in [`super::update`], which takes an [`Input`] and gives [`Effect`]s; nothing here reads a
//! clock, a file or a channel. Everything in it may be thrown away, except a draft, which is asked about first.

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::layout::Rect;
use secrecy::SecretString;

use crate::domain::limit::LimitDraft;
use crate::domain::{AccountKind, Capability, InstrumentId};
use crate::service::desk::{Reply, Request};
use crate::service::view::{Account, OrderRow, Ownership, Research, Screen};

use super::actions::{ActionId, Right};
use super::entry::LockForm;
use super::keys::Key;
use super::lab::Lab;
use super::modal::Modal;
use super::modal::ticket::TicketForm;
use super::panes::{PaneDef, PaneId, RowKey, View};
use super::theme::Theme;
use super::workspace::{Workspace, workspaces_of};

/// How long a toast stays, in milliseconds.
pub const TOAST_MS: u64 = 5_000;
/// How long the second Ctrl-C may wait, in milliseconds.
pub const QUIT_WINDOW_MS: u64 = 2_000;
/// Rows of a page before anything has been drawn.
const PAGE_ROWS: usize = 10;

/// What reaches the terminal.
#[derive(Debug, Clone)]
pub enum Input {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// A click, in cells.
    Click(u16, u16),
    /// The wheel: rows down (negative is up), at a cell.
    Wheel(i16, u16, u16),
    /// A newer snapshot.
    Screen(Arc<Screen>),
    /// Newer values of expressions.
    Research(Arc<Research>),
    /// An answer.
    Reply(Tag, Reply),
    /// The request could not be queued.
    Busy(Tag, Request),
    /// The password typed on the lock screen was right, or why not.
    Unlocked(Result<(), String>),
    /// Lock the screen (nobody was there for a while).
    Lock,
    /// Time has passed: toasts end, waiting requests are tried again.
    Tick,
    /// The terminal has another size.
    Resized,
}

/// What asked for something, so that its answer finds the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Only a failure is worth a word.
    Quiet,
    /// Done and failed are both said.
    Said,
    /// The ticket's what-if.
    WhatIf,
    /// The window on top waits for it.
    Modal,
    /// Expressions and factors.
    Research,
}

/// What is to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the service.
    Send(Tag, Request),
    /// Copy to the terminal's clipboard.
    Copy(String),
    /// Lock the session.
    Lock,
    /// Ask for the lock to be opened.
    Unlock(Option<SecretString>),
    /// Draw everything again.
    Repaint,
    /// Ring.
    Bell,
    /// End the session and show the login.
    SignOut,
    /// Leave.
    Quit,
}

/// Where one stands in a pane.
#[derive(Debug, Clone)]
pub struct PaneState {
    /// Selected row, among those that pass the filter.
    pub selected: usize,
    /// What that row stood for, so that it stays selected when rows move.
    pub key: RowKey,
    /// First row of the window, or bars scrolled back.
    pub scroll: usize,
    /// Text that shown rows contain.
    pub filter: String,
}

impl Default for PaneState {
    fn default() -> Self {
        Self { selected: 0, key: RowKey::None, scroll: 0, filter: String::new() }
    }
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It worked, or is good to know.
    Good,
    /// It did not work.
    Bad,
}

/// A message that stands for a few seconds.
#[derive(Debug, Clone)]
pub struct Toast {
    /// What happened and what to do.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// When it ends.
    pub until_ms: u64,
}

/// What a click on a part of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Go to this workspace.
    Workspace(usize),
    /// Give the keyboard to this pane.
    Pane(PaneId),
    /// Select this row of this pane.
    Row(PaneId, usize),
    /// Do this.
    Action(ActionId),
    /// Select this row of the window on top; clicked twice it is taken.
    ModalRow(usize),
    /// Somewhere in the window on top.
    Modal,
}

/// A request of which only the newest matters and only one is under way.
#[derive(Debug, Clone)]
pub struct Latest<T> {
    /// When the one under way was sent.
    pub sent_ms: Option<u64>,
    /// What is to be sent next.
    pub wanted: Option<T>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { sent_ms: None, wanted: None }
    }
}

impl<T> Latest<T> {
    /// An answer that has not come by then will not come, in milliseconds.
    const LOST_MS: u64 = 3_000;

    /// Takes what may be sent now, if anything.
    pub fn due(&mut self, now_ms: u64) -> Option<T> {
        let free = self.sent_ms.is_none_or(|sent| now_ms.saturating_sub(sent) >= Self::LOST_MS);
        let next = if free { self.wanted.take() } else { None };
        if next.is_some() {
            self.sent_ms = Some(now_ms);
        }
        next
    }
}

/// Everything the terminal keeps.
#[derive(Debug)]
pub struct UiState {
    /// The newest snapshot.
    pub screen: Arc<Screen>,
    /// How things look.
    pub theme: Theme,
    /// Milliseconds on a clock that only goes forward; set from outside before each update.
    pub now_ms: u64,
    /// Workspaces of this person.
    pub workspaces: Vec<Workspace>,
    /// The one in front.
    pub workspace: usize,
    /// Which pane has the keyboard, by workspace.
    pub focus: BTreeMap<&'static str, usize>,
    /// The pane has the whole body.
    pub zoom: bool,
    /// Selection, scroll and filter of panes.
    pub panes: BTreeMap<PaneId, PaneState>,
    /// Windows, the top one last.
    pub modals: Vec<Modal>,
    /// The order draft that was kept when its ticket was closed.
    pub draft: Option<TicketForm>,
    /// Limits that are to be asked for together.
    pub change_set: Vec<LimitDraft>,
    /// `g` was pressed.
    pub prefix: bool,
    /// Message that stands for a few seconds.
    pub toast: Option<Toast>,
    /// Last answer, kept for the status row.
    pub last: Option<(String, Tone)>,
    /// When Ctrl-C was pressed once.
    pub quit_armed_ms: Option<u64>,
    /// The screen is locked.
    pub lock: Option<LockForm>,
    /// Whether this person has a password.
    pub has_password: bool,
    /// The instrument asked for with `Focus`.
    pub focusing: Latest<InstrumentId>,
    /// The focused instrument as far as the terminal knows.
    pub focused: Option<InstrumentId>,
    /// Clickable parts of what is drawn, topmost last.
    pub hits: Vec<(Rect, Target)>,
    /// Rows of a page in the pane in front.
    pub page: usize,
    /// One pane is shown at a time.
    pub single: bool,
    /// Speed to go back to after a pause.
    pub speed: u32,
    /// The expression under the pen.
    pub lab: Lab,
    /// The passphrase of the vault was asked for.
    pub passphrase_asked: bool,
    /// What rows set aside must contain, as it was told last; `None` when that was lost.
    pub aside_told: Option<String>,
}

impl UiState {
    /// The state right after login.
    pub fn new(screen: Arc<Screen>, theme: Theme, has_password: bool) -> Self {
        let workspaces = workspaces_of(&screen);
        let start = screen.role.default_workspace();
        let workspace = workspaces.iter().position(|w| w.def.name == start).unwrap_or(0);
        let focused = screen.chart.as_ref().map(|c| c.instrument);
        let speed = screen.data.speed.max(1);
        let mut state = Self {
            screen,
            theme,
            now_ms: 0,
            workspaces,
            workspace,
            focus: BTreeMap::new(),
            zoom: false,
            panes: BTreeMap::new(),
            modals: Vec::new(),
            draft: None,
            change_set: Vec::new(),
            prefix: false,
            toast: None,
            last: None,
            quit_armed_ms: None,
            lock: None,
            has_password,
            focusing: Latest::default(),
            focused,
            hits: Vec::new(),
            page: PAGE_ROWS,
            single: false,
            speed,
            lab: Lab::default(),
            passphrase_asked: false,
            aside_told: Some(String::new()),
        };
        state.settle();
        state
    }

    /// The workspace in front.
    pub fn current(&self) -> Option<&Workspace> {
        self.workspaces.get(self.workspace)
    }

    /// The pane that has the keyboard.
    pub fn pane(&self) -> Option<PaneId> {
        let workspace = self.current()?;
        let at = self.focus.get(workspace.def.name).copied().unwrap_or(0);
        workspace.panes.get(at).or(workspace.panes.first()).copied()
    }

    /// What a pane is drawn from.
    pub fn view(&self, pane: PaneId) -> View<'_> {
        let state = self.panes.get(&pane);
        View {
            screen: &self.screen,
            lab: &self.lab,
            theme: &self.theme,
            ascii: self.theme.ascii,
            focused: self.pane() == Some(pane) && self.modals.is_empty(),
            typing: self.is_typing(),
            selected: state.map_or(0, |s| s.selected),
            scroll: state.map_or(0, |s| s.scroll),
            filter: state.map_or("", |s| &s.filter),
        }
    }

    /// When something waits to be asked, in milliseconds of [`UiState::now_ms`].
    pub const fn due_ms(&self) -> Option<u64> {
        self.lab.due_ms()
    }

    /// Whether keys go into the expression.
    pub fn is_typing(&self) -> bool {
        self.modals.iter().any(|m| matches!(m, Modal::Expression))
    }

    /// Row of the pane that has the keyboard.
    pub fn pane_def(&self) -> Option<&'static PaneDef> {
        self.pane().map(PaneId::def)
    }

    /// State of a pane.
    pub fn pane_state(&mut self, pane: PaneId) -> &mut PaneState {
        self.panes.entry(pane).or_default()
    }

    /// What the selected row of the pane in front stands for.
    pub fn selection(&self) -> RowKey {
        self.pane().map_or(RowKey::None, |id| id.def().selected_key(&self.view(id)))
    }

    /// The instrument that the selection speaks of, else the focused one.
    pub fn instrument(&self) -> Option<InstrumentId> {
        let of_order = |id| self.screen.orders.iter().find(|o| o.id == id).map(|o| o.instrument);
        let selected = match self.selection() {
            RowKey::Instrument(instrument) | RowKey::Source(instrument, _) => Some(instrument),
            RowKey::Order(_, id) => of_order(id),
            _ => None,
        };
        selected.or(self.focused).or(self.screen.chart.as_ref().map(|c| c.instrument))
    }

    /// The current account with its totals.
    pub fn account(&self) -> Option<&Account> {
        let id = self.screen.account?;
        self.screen.accounts.iter().find(|a| a.account == id)
    }

    /// Orders of the current account that may still fill.
    pub fn working(&self) -> impl Iterator<Item = &OrderRow> {
        self.screen.orders.iter().filter(|o| !o.status.is_done())
    }

    /// Why this person may not do something; `None` when they may.
    pub fn forbidden(&self, right: Right) -> Option<String> {
        let capability = match right {
            Right::Anyone => return None,
            Right::Needs(capability) => capability,
            Right::Trade => match self.account().map(|a| a.kind) {
                Some(AccountKind::Simulation) => Capability::Simulate,
                Some(AccountKind::Paper | AccountKind::Live) => Capability::TradeDesk,
                None => return Some("there is no account to trade; ask the admin to open one".to_owned()),
            },
        };
        (!self.screen.may(capability)).then(|| format!("needs role {}", capability.roles()))
    }

    /// Who owns the trades when this process may only read.
    pub fn read_only(&self) -> Option<&str> {
        match &self.screen.ownership {
            Ownership::Owner => None,
            Ownership::ReadOnly(holder) => Some(holder),
        }
    }

    /// Says something for a few seconds and keeps it in the status row.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        let text = crate::domain::CleanText::new(&text.into()).to_string();
        self.toast = Some(Toast { text: text.clone(), tone, until_ms: self.now_ms + TOAST_MS });
        self.last = Some((text, tone));
    }

    /// Keeps selections on what they stood for after rows have moved or gone.
    pub fn settle(&mut self) {
        let Some(panes) = self.current().map(|w| w.panes.clone()) else { return };
        for id in panes {
            let Some(table) = id.def().rows(&self.view(id)) else { continue };
            let state = self.pane_state(id);
            let moved = match &state.key {
                RowKey::None => None,
                key if table.key(state.selected) == *key => None,
                key => table.rows.iter().position(|row| row.key == *key),
            };
            let last = table.rows.len().saturating_sub(1);
            state.selected = moved.unwrap_or(state.selected).min(last);
            state.key = table.key(state.selected);
        }
    }

    /// Keeps what was learnt of a frame: what clicks mean, where tables stand.
    pub fn drawn(&mut self, drawn: super::draw::Drawn) {
        self.hits = drawn.hits;
        self.page = drawn.page;
        self.single = drawn.single;
        for (pane, first) in drawn.scrolls {
            self.pane_state(pane).scroll = first;
        }
        if let (Some(first), Some(Modal::Detail(detail))) = (drawn.detail, self.modals.last_mut()) {
            detail.scroll = first;
        }
    }

    /// Whether something would be lost by leaving.
    pub fn has_draft(&self) -> bool {
        let writes = |m: &Modal| matches!(m, Modal::Ticket(_) | Modal::Limit(_));
        self.draft.is_some() || !self.change_set.is_empty() || self.modals.iter().any(writes)
    }
}
