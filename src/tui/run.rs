//! The loop: keys first, then what the service says, then one frame when something changed.
//!
//! One thread reads the keyboard, one waits for signals, and passwords are checked on short-lived threads; all speak
//! to this one by channels. There is no tick beyond one a second, which draws only when it changed something. The
//! loop leaves at once when the terminal is gone.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;

use crate::domain::UserName;
use crate::service::desk::{Desk, Wake};

use super::draw::{draw, entry::draw_entry};
use super::entry::{Ask, Entry, EntryForm, Gate};
use super::keys::Key;
use super::state::{Effect, Input, Tag, UiState};
use super::terminal::{self, Canvas, TerminalGuard};
use super::theme::{Theme, ThemeError};
use super::update::update;

/// Least time between frames that data asked for.
const DATA_FRAME: Duration = Duration::from_millis(33);
/// Least time between frames that keys asked for.
const KEY_FRAME: Duration = Duration::from_millis(10);
/// How often waiting things are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Keyboard events that may wait; reading pauses when there are more.
const EVENTS_MAX: usize = 256;
/// Rows that one step of the wheel scrolls.
const WHEEL_ROWS: i16 = 3;

/// How the terminal is to look.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the theme.
    pub theme: String,
    /// No colours.
    pub no_color: bool,
    /// ASCII glyphs only.
    pub ascii: bool,
    /// Who wants in, where they said so before.
    pub user: Option<UserName>,
}

impl Default for Options {
    fn default() -> Self {
        Self { theme: Theme::DEFAULT.to_owned(), no_color: false, ascii: false, user: None }
    }
}

/// Why the terminal could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Input or output is no terminal.
    #[error("this needs a terminal for input and output; use the other commands in scripts")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The theme could not be loaded.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The home could not be entered.
    #[error("{0}")]
    Entry(String),
}

/// Why a part of the loop ended.
enum End {
    /// The person leaves.
    Quit,
    /// The session is over; the login says why.
    SignedOut(String),
}

/// What the helping threads say.
enum Outside {
    /// Something from the keyboard or the mouse.
    Event(Event),
    /// A login was tried.
    Entered(Result<Desk, String>),
    /// The lock screen's password was checked.
    Unlocked(Result<(), String>),
    /// The process is asked to end, or the terminal is gone.
    Hangup,
}

/// Shows the terminal until the person leaves.
pub fn run<G: Gate>(gate: G, options: &Options) -> Result<(), TuiError> {
    if !terminal::is_alive() {
        return Err(TuiError::NoTerminal);
    }
    let theme = Theme::load(&options.theme, options.no_color, options.ascii)?;
    let entry = gate.entry().map_err(TuiError::Entry)?;
    terminal::install_panic_hook();
    let (sender, outside) = bounded(EVENTS_MAX);
    watch_signals(sender.clone())?;
    let guard = TerminalGuard::take()?;
    read_keyboard(sender.clone());
    let (width, height) = crossterm::terminal::size()?;
    let mut shell = Shell {
        gate,
        theme,
        options: options.clone(),
        canvas: Canvas::new(width, height),
        outside,
        sender,
        started: Instant::now(),
        drawn_at: None,
    };
    let ended = shell.run(entry);
    drop(guard);
    shell.gate.sign_out();
    match ended {
        // A terminal that is gone is a way to leave, not a failure to report to nobody.
        Err(TuiError::Terminal(_)) if !terminal::is_alive() => Ok(()),
        other => other,
    }
}

fn watch_signals(sender: Sender<Outside>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let spawn = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            if sender.send(Outside::Hangup).is_err() {
                return;
            }
        }
    });
    spawn.map(drop)
}

fn read_keyboard(sender: Sender<Outside>) {
    thread::spawn(move || {
        loop {
            let next = match crossterm::event::read() {
                Ok(event) => Outside::Event(event),
                Err(_) => Outside::Hangup,
            };
            let ends = matches!(next, Outside::Hangup);
            if sender.send(next).is_err() || ends {
                return;
            }
        }
    });
}

/// Everything the loop holds.
struct Shell<G: Gate> {
    gate: G,
    theme: Theme,
    options: Options,
    canvas: Canvas,
    outside: Receiver<Outside>,
    sender: Sender<Outside>,
    started: Instant,
    drawn_at: Option<Instant>,
}

/// What one turn of a session leads to.
struct Turn {
    dirty: bool,
    urgent: bool,
    end: Option<End>,
}

impl<G: Gate> Shell<G> {
    fn run(&mut self, first: Entry) -> Result<(), TuiError> {
        let (mut entry, mut message) = (first, String::new());
        loop {
            let has_password = !matches!(entry, Entry::Picker(_));
            let mut form = EntryForm::new(entry, message);
            if let Some(user) = self.options.user.take()
                && form.named(user)
            {
                self.try_entry(move |g: &G| g.sign_in(user, None));
            }
            let Some(desk) = self.enter(form)? else { return Ok(()) };
            match self.session(desk, has_password)? {
                End::Quit => return Ok(()),
                End::SignedOut(why) => message = why,
            }
            self.gate.sign_out();
            entry = self.gate.entry().map_err(TuiError::Entry)?;
        }
    }

    /// The form before the panes; `None` when the person leaves.
    fn enter(&mut self, mut form: EntryForm) -> Result<Option<Desk>, TuiError> {
        self.canvas.repaint();
        loop {
            let mut next = Buffer::empty(self.canvas.area());
            let drawn = draw_entry(&form, &self.theme, &mut next);
            self.canvas.show(next, drawn.cursor)?;
            let Some(outside) = self.wait()? else { continue };
            match outside {
                Outside::Hangup => return Ok(None),
                Outside::Entered(Ok(desk)) => return Ok(Some(desk)),
                Outside::Entered(Err(why)) => form.failed(why),
                Outside::Unlocked(_) => {}
                Outside::Event(Event::Resize(width, height)) => self.canvas.resize(width, height),
                Outside::Event(Event::Paste(text)) => form.paste(&text),
                Outside::Event(Event::Key(event)) => match Key::from_event(event).map(|key| form.key(key)) {
                    Some(Ask::Quit) => return Ok(None),
                    Some(Ask::Found(name, password)) => self.try_entry(move |g: &G| g.found(name, password)),
                    Some(Ask::SignIn(name, password)) => {
                        self.try_entry(move |g: &G| g.sign_in(name, password))
                    }
                    Some(Ask::Nothing) | None => {}
                },
                Outside::Event(_) => {}
            }
        }
    }

    /// Waits for something from outside, at most a tick; an error when the terminal is gone.
    fn wait(&self) -> Result<Option<Outside>, TuiError> {
        match self.outside.recv_timeout(TICK) {
            Ok(outside) => Ok(Some(outside)),
            Err(_) if terminal::is_alive() => Ok(None),
            Err(_) => Ok(Some(Outside::Hangup)),
        }
    }

    /// Checks a login on a thread of its own, for it takes a while.
    fn try_entry(&self, check: impl FnOnce(&G) -> Result<Desk, String> + Send + 'static) {
        let (gate, sender) = (self.gate.clone(), self.sender.clone());
        thread::spawn(move || drop(sender.send(Outside::Entered(check(&gate)))));
    }

    fn session(&mut self, mut desk: Desk, has_password: bool) -> Result<End, TuiError> {
        let mut state = UiState::new(desk.screen(), self.theme.clone(), has_password);
        self.apply_theme(&mut state);
        let mut tags: std::collections::BTreeMap<u64, Tag> = std::collections::BTreeMap::new();
        let wakes = desk.wakes().clone();
        let mut last_key = Instant::now();
        self.canvas.repaint();
        let (mut dirty, mut urgent) = (true, true);
        let mut ticked = Instant::now();
        loop {
            let pause = self.pause(dirty, urgent).min(TICK.saturating_sub(ticked.elapsed()));
            let pause = pause.min(self.until(state.due_ms()));
            if dirty && self.pause(dirty, urgent).is_zero() {
                self.show(&mut state)?;
                (dirty, urgent) = (false, false);
                continue;
            }
            let (mut inputs, end) = self.next_inputs(&wakes, pause, &desk, &mut tags, &mut last_key)?;
            if let Some(end) = end {
                return Ok(end);
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                if !terminal::is_alive() {
                    return Ok(End::Quit);
                }
                let idle = self.gate.idle_lock().is_some_and(|after| last_key.elapsed() >= after);
                inputs.extend((idle && state.lock.is_none()).then_some(Input::Lock));
                inputs.push(Input::Tick);
            }
            state.now_ms = self.now_ms();
            if state.due_ms().is_some_and(|due| due <= state.now_ms) {
                inputs.push(Input::Tick);
            }
            for input in inputs {
                let turn = self.turn(&mut state, &mut desk, &mut tags, input)?;
                dirty |= turn.dirty;
                urgent |= turn.urgent;
                if let Some(end) = turn.end {
                    return Ok(end);
                }
            }
        }
    }

    /// Milliseconds since the terminal was opened.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long to wait for what is due at a time; a tick when nothing is.
    fn until(&self, due_ms: Option<u64>) -> Duration {
        due_ms.map_or(TICK, |due| Duration::from_millis(due.saturating_sub(self.now_ms())))
    }

    /// How long to wait before the next frame or tick.
    fn pause(&self, dirty: bool, urgent: bool) -> Duration {
        let floor = if urgent { KEY_FRAME } else { DATA_FRAME };
        let since = self.drawn_at.map_or(floor, |at| at.elapsed());
        if dirty { floor.saturating_sub(since) } else { TICK }
    }

    fn show(&mut self, state: &mut UiState) -> Result<(), TuiError> {
        let mut next = Buffer::empty(self.canvas.area());
        let mut drawn = draw(state, &mut next);
        let cursor = drawn.cursor.take();
        state.drawn(drawn);
        self.canvas.show(next, cursor)?;
        self.drawn_at = Some(Instant::now());
        Ok(())
    }

    /// Waits for keys first, then wakes, at most `pause`.
    fn next_inputs(
        &mut self,
        wakes: &Receiver<Wake>,
        pause: Duration,
        desk: &Desk,
        tags: &mut std::collections::BTreeMap<u64, Tag>,
        last_key: &mut Instant,
    ) -> Result<(Vec<Input>, Option<End>), TuiError> {
        let closed = || Some(End::SignedOut("The service has stopped.".to_owned()));
        let mut inputs = Vec::new();
        select_biased! {
            recv(self.outside) -> outside => match outside {
                Err(_) | Ok(Outside::Hangup) => return Ok((inputs, Some(End::Quit))),
                Ok(Outside::Event(event)) => {
                    *last_key = Instant::now();
                    inputs.extend(self.input_of(event));
                }
                Ok(Outside::Unlocked(answer)) => inputs.push(Input::Unlocked(answer)),
                Ok(Outside::Entered(_)) => {}
            },
            recv(wakes) -> wake => match wake {
                Err(_) => return Ok((inputs, closed())),
                Ok(Wake::Screen) => {
                    inputs.push(Input::Screen(desk.screen()));
                    // Its own wake may not have found room in the queue.
                    inputs.extend(desk.research().map(Input::Research));
                }
                Ok(Wake::Research) => inputs.extend(desk.research().map(Input::Research)),
                Ok(Wake::Reply(number, reply)) => {
                    let tag = tags.remove(&number).unwrap_or(Tag::Quiet);
                    inputs.push(Input::Reply(tag, reply));
                }
                Ok(Wake::Ended(why)) => return Ok((inputs, Some(End::SignedOut(why)))),
            },
            default(pause) => {}
        }
        Ok((inputs, None))
    }

    fn input_of(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Key(event) => Key::from_event(event).map(Input::Key),
            Event::Paste(text) => Some(Input::Paste(text)),
            Event::Resize(width, height) => {
                self.canvas.resize(width, height);
                Some(Input::Resized)
            }
            Event::Mouse(mouse) if mouse.modifiers == KeyModifiers::NONE => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Some(Input::Click(mouse.column, mouse.row)),
                MouseEventKind::ScrollDown => Some(Input::Wheel(WHEEL_ROWS, mouse.column, mouse.row)),
                MouseEventKind::ScrollUp => Some(Input::Wheel(-WHEEL_ROWS, mouse.column, mouse.row)),
                _ => None,
            },
            Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
        }
    }

    /// One input through the update, and what it asks for outside.
    fn turn(
        &mut self,
        state: &mut UiState,
        desk: &mut Desk,
        tags: &mut std::collections::BTreeMap<u64, Tag>,
        input: Input,
    ) -> Result<Turn, TuiError> {
        let urgent = matches!(input, Input::Key(_) | Input::Click(..) | Input::Wheel(..) | Input::Paste(_));
        let theme_may_change = matches!(input, Input::Screen(_));
        let (is_tick, said) = (matches!(input, Input::Tick), state.toast.is_some());
        let mut effects = std::collections::VecDeque::from(update(state, input));
        if theme_may_change {
            self.apply_theme(state);
        }
        let dirty = !is_tick || !effects.is_empty() || said != state.toast.is_some();
        let mut turn = Turn { dirty, urgent, end: None };
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Send(tag, request) => match desk.send(request.clone()) {
                    Ok(number) => drop(tags.insert(number, tag)),
                    Err(_) => effects.extend(update(state, Input::Busy(tag, request))),
                },
                Effect::Copy(text) => terminal::copy(&text)?,
                Effect::Lock => self.gate.lock(),
                Effect::Unlock(password) => {
                    let (gate, sender, name) = (self.gate.clone(), self.sender.clone(), state.screen.user);
                    thread::spawn(move || drop(sender.send(Outside::Unlocked(gate.unlock(name, password)))));
                }
                Effect::Repaint => self.canvas.repaint(),
                Effect::Bell => terminal::bell()?,
                Effect::SignOut => turn.end = Some(End::SignedOut("You have signed out.".to_owned())),
                Effect::Quit => turn.end = Some(End::Quit),
            }
        }
        Ok(turn)
    }

    /// The theme is a setting: it is taken from the snapshot when it names one.
    fn apply_theme(&mut self, state: &mut UiState) {
        let setting = state.screen.settings.iter().find(|s| s.key == "theme");
        let Some(name) = setting.map(|s| s.value.clone()).filter(|n| n != state.theme.name) else { return };
        if let Ok(theme) = Theme::load(&name, self.options.no_color, self.options.ascii) {
            self.theme = theme.clone();
            state.theme = theme;
        }
    }
}
