//! Lists to choose from by typing: the palette, the help, names found by the service, notices.
//!
//! Palette and help come from the registry of actions, so nothing can be left out of them; what a role may not do is
//! shown with the role it needs. Matching is fuzzy over names, aliases and help.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::domain::{Exchange, InstrumentId, Symbol};
use crate::service::desk::{Reply, Request};
use crate::service::view::Instrument;
use crate::tui::actions::{ACTIONS, ActionDef, ActionId};
use crate::tui::field::Field;
use crate::tui::format::LocalClock;
use crate::tui::keys::{Code, Key};
use crate::tui::names;
use crate::tui::state::{Effect, Latest, Tag, UiState};
use crate::tui::theme::Meaning;

use super::cycle;

/// Longest search text, in characters.
const SEARCH_MAX: usize = 60;

/// Shorter words are like too many others.
const WORD_MIN: usize = 4;
/// One slip in so many letters is forgiven.
const LETTERS_A_SLIP: usize = 3;
/// Most commands that a word may have meant.
const LIKE_MAX: usize = 4;

/// What is chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickKind {
    /// Actions and workspaces, to be run.
    Palette,
    /// Every action with its key and what it does.
    Help,
    /// Names; `true` adds the chosen one to the watchlist, `false` shows its chart.
    Find(bool),
    /// Notices.
    Notices,
}

/// What choosing a row does.
#[derive(Debug, Clone)]
pub enum Take {
    /// Run an action with what follows its name.
    Run(ActionId, String),
    /// Add to the watchlist, or show.
    Name(InstrumentId),
    /// Nothing: it is there to be read.
    Nothing,
}

/// One row.
#[derive(Debug, Clone)]
pub struct PickItem {
    /// First column.
    pub name: String,
    /// Second column.
    pub text: String,
    /// Key or role, on the right.
    pub right: String,
    /// How the row looks.
    pub meaning: Meaning,
    /// What choosing it does.
    pub take: Take,
}

/// A list to choose from.
#[derive(Debug, Clone)]
pub struct PickForm {
    /// What is chosen from.
    pub kind: PickKind,
    /// What is searched for.
    pub field: Field,
    /// Selected row.
    pub selected: usize,
    /// Names the service found.
    pub names: Vec<Instrument>,
    /// The text the names were found for has been answered.
    pub answered: bool,
    asking: Latest<String>,
}

impl PickForm {
    /// A list.
    pub fn new(kind: PickKind) -> Self {
        let field = Field::new(SEARCH_MAX);
        Self { kind, field, selected: 0, names: Vec::new(), answered: false, asking: Latest::default() }
    }

    /// Whether it shows names that the service finds.
    pub fn is_find(&self) -> bool {
        matches!(self.kind, PickKind::Find(_))
    }

    /// Asks the service for names like the text.
    pub fn ask(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.is_find() {
            self.asking.wanted = Some(self.field.text().trim().to_owned()).filter(|t| !t.is_empty());
            self.send_due(now_ms, out);
        }
    }

    /// Sends what waits to be asked.
    pub fn send_due(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if let Some(text) = self.asking.due(now_ms) {
            out.push(Effect::Send(Tag::Modal, Request::Find(text)));
        }
    }

    /// The question could not be queued; it is asked again.
    pub fn not_asked(&mut self) {
        self.asking.sent_ms = None;
        self.asking.wanted = Some(self.field.text().trim().to_owned()).filter(|t| !t.is_empty());
    }

    /// Takes the names found.
    pub fn found(&mut self, reply: Reply, now_ms: u64, out: &mut Vec<Effect>) {
        self.asking.sent_ms = None;
        if let Reply::Found(names) = reply {
            self.names = names;
            self.answered = true;
            self.selected = 0;
        }
        self.send_due(now_ms, out);
    }

    /// Its rows for what is typed.
    pub fn items(&self, state: &UiState) -> Vec<PickItem> {
        match self.kind {
            PickKind::Palette | PickKind::Help => {
                let found = ranked(actions(state), self.field.text());
                if found.is_empty() { like(state, self.field.text()) } else { found }
            }
            PickKind::Find(_) => {
                let known = self.names.iter().map(|n| name_item(state, n));
                let meant = if self.names.is_empty() { like(state, self.field.text()) } else { Vec::new() };
                known.chain(meant).chain(self.unknown(state)).collect()
            }
            PickKind::Notices => ranked(notices(state), self.field.text()),
        }
    }
}

impl PickForm {
    /// A symbol that is not known here can be fetched, by those who may.
    fn unknown(&self, state: &UiState) -> Option<PickItem> {
        let typed = self.field.text().trim();
        let (code, exchange) = match names::suffixed(typed) {
            Some((code, exchange)) => (code, Some(exchange)),
            None => (typed, None),
        };
        let known: Vec<Symbol> = self.names.iter().map(|n| n.symbol).collect();
        let symbol = names::read(code, exchange.unwrap_or(Exchange::Xnys), &known).ok()?;
        let end = typed.strip_prefix(code).unwrap_or_default().to_ascii_uppercase();
        let text = format!("{symbol}{end}");
        let is_known = self
            .names
            .iter()
            .any(|n| n.symbol == symbol && exchange.is_none_or(|exchange| n.instrument.exchange == exchange));
        let fetch = ACTIONS.iter().find(|a| a.id == ActionId::Sync)?;
        let offered = self.answered && !is_known && state.forbidden(fetch.right).is_none();
        offered.then(|| PickItem {
            name: text.clone(),
            text: "not known here: fetch its prices from the vendors".to_owned(),
            right: "fetch".to_owned(),
            meaning: Meaning::Text,
            take: Take::Run(ActionId::Sync, text),
        })
    }
}

fn action_item(state: &UiState, action: &ActionDef) -> PickItem {
    let forbidden = state.forbidden(action.right);
    let aliases = action.aliases.first().map(|a| format!(" ({a})")).unwrap_or_default();
    let args = if action.args.is_empty() { String::new() } else { format!(" {}", action.args) };
    PickItem {
        name: format!("{}{aliases}{args}", action.name),
        text: action.help.to_owned(),
        meaning: if forbidden.is_some() { Meaning::Muted } else { Meaning::Text },
        right: forbidden.unwrap_or_else(|| action.keys.join(" ")),
        take: Take::Run(action.id, String::new()),
    }
}

fn actions(state: &UiState) -> Vec<PickItem> {
    let mut items: Vec<PickItem> = ACTIONS.iter().map(|a| action_item(state, a)).collect();
    items.extend(state.workspaces.iter().enumerate().map(|(i, w)| PickItem {
        name: format!("go {}", w.def.name),
        text: format!("Go to the workspace {}.", w.def.title),
        right: format!("{} or g {}", (i + 1) % 10, w.def.key),
        meaning: Meaning::Text,
        take: Take::Run(ActionId::Workspace, w.def.name.to_owned()),
    }));
    items
}

fn notices(state: &UiState) -> Vec<PickItem> {
    let clock = LocalClock::of(&state.screen.data);
    let item = |n: &crate::service::view::NoticeRow| PickItem {
        name: format!("{} {}", clock.short(n.time, state.screen.data.market_time), n.title),
        text: n.text.clone(),
        right: n.level.as_str().to_owned(),
        meaning: if n.read { Meaning::Muted } else { Meaning::Text },
        take: Take::Nothing,
    };
    state.screen.notices.iter().map(item).collect()
}

fn name_item(state: &UiState, name: &Instrument) -> PickItem {
    let watched = state.screen.watchlist.iter().any(|w| w.instrument == name.instrument);
    PickItem {
        name: name.instrument.to_string(),
        text: format!("{}  {}", name.name, name.sector),
        right: if watched { "watched".to_owned() } else { name.currency.to_string() },
        meaning: Meaning::Text,
        take: Take::Name(name.instrument),
    }
}

/// The items that match, best first; all of them in their order when nothing is typed.
fn ranked(items: Vec<PickItem>, text: &str) -> Vec<PickItem> {
    if text.trim().is_empty() {
        return items;
    }
    let letters = Pattern::parse(text.trim(), CaseMatching::Ignore, Normalization::Smart);
    // A sentence holds the letters of nearly any word in their order: it is searched for whole words.
    let words = Pattern::new(text.trim(), CaseMatching::Ignore, Normalization::Smart, AtomKind::Substring);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, PickItem)> = Vec::new();
    for item in items {
        // A hit in the name weighs more than one in the explanation.
        let name = letters.score(Utf32Str::new(&item.name, &mut buffer), &mut matcher);
        let help = words.score(Utf32Str::new(&item.text, &mut buffer), &mut matcher);
        if let Some(score) = name.map(|s| s.saturating_mul(3)).max(help) {
            scored.push((score, item));
        }
    }
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}

/// Commands and workspaces that the first word was probably meant to be, the likeliest first.
fn like(state: &UiState, text: &str) -> Vec<PickItem> {
    let mut words = text.split_whitespace();
    let word = words.next().unwrap_or_default().to_ascii_lowercase();
    if word.len() < WORD_MIN {
        return Vec::new();
    }
    let slips_max = word.len() / LETTERS_A_SLIP;
    let rest = words.collect::<Vec<_>>().join(" ");
    let names = ACTIONS.iter().map(|a| (a.id, a.name, a.aliases, rest.as_str(), a.help));
    let spaces = state.workspaces.iter();
    let spaces =
        spaces.map(|w| (ActionId::Workspace, w.def.name, &[][..], w.def.name, "Go to this workspace."));
    let mut found: Vec<(usize, PickItem)> = Vec::new();
    for (id, name, aliases, args, help) in names.chain(spaces) {
        let all = std::iter::once(name).chain(aliases.iter().copied());
        let Some(slips) = all.map(|known| slips(&word, known)).min().filter(|n| *n <= slips_max) else {
            continue;
        };
        let item = PickItem {
            name: name.to_owned(),
            text: format!("did you mean this? {help}"),
            right: "command".to_owned(),
            meaning: Meaning::Text,
            take: Take::Run(id, args.to_owned()),
        };
        found.push((slips, item));
    }
    found.sort_by_key(|(slips, _)| *slips);
    found.into_iter().map(|(_, item)| item).take(LIKE_MAX).collect()
}

/// How many letters must be put in, left out or changed to make one word the other (Levenshtein).
fn slips(word: &str, known: &str) -> usize {
    let mut row: Vec<usize> = (0..=known.chars().count()).collect();
    for (i, a) in word.chars().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (b, cell) in known.chars().zip(row.iter_mut().skip(1)) {
            let changed = before + usize::from(a != b);
            before = *cell;
            left = changed.min(before + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Takes a key; `None` closes the list.
pub fn key(mut form: PickForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<PickForm> {
    let count = form.items(state).len();
    match key.code {
        Code::Esc => return None,
        Code::Enter => return take(form, state, out),
        Code::Down | Code::Tab => form.selected = cycle(form.selected, count, false),
        Code::Up | Code::BackTab => form.selected = cycle(form.selected, count, true),
        Code::PageDown => form.selected = (form.selected + state.page).min(count.saturating_sub(1)),
        Code::PageUp => form.selected = form.selected.saturating_sub(state.page),
        _ => {
            let before = form.field.text().to_owned();
            form.field.key(key);
            if form.field.text() != before {
                form.selected = 0;
                form.ask(state.now_ms, out);
            }
        }
    }
    Some(form)
}

fn take(form: PickForm, state: &mut UiState, out: &mut Vec<Effect>) -> Option<PickForm> {
    let Some(item) = form.items(state).into_iter().nth(form.selected) else { return Some(form) };
    match item.take {
        Take::Run(id, args) => crate::tui::update::perform::perform(state, id, &args, out),
        Take::Name(instrument) if form.kind == PickKind::Find(true) => {
            out.push(Effect::Send(Tag::Said, Request::Watch(instrument)));
        }
        Take::Name(instrument) => crate::tui::update::focus_on(state, instrument, out),
        Take::Nothing => {}
    }
    None
}
