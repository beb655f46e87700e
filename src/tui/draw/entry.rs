//! The screens before the panes: first run, login, demo picker, lock.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::entry::{Entry, EntryForm, LockForm};
use crate::tui::field::SecretField;
use crate::tui::format;
use crate::tui::state::UiState;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;

use super::frame::{Edge, Frame, window};
use super::modal::cursor;
use super::{Drawn, too_small};

const FIRST_RUN: [&str; 6] = [
    "This home is new: nobody can log in yet.",
    "The first person runs the system: adds people, imports data, sees every screen.",
    "",
    "Choose a name and a password of at least 8 characters. There is no way to read a lost password back.",
    "",
    "Nothing here can send a real order: accounts are simulations or paper.",
];

/// Cells of a field.
const FIELD_WIDTH: usize = 32;

/// Draws the form before the panes.
pub fn draw_entry(form: &EntryForm, theme: &Theme, buf: &mut Buffer) -> Drawn {
    let mut drawn = Drawn::default();
    buf.set_style(buf.area, theme.style(Meaning::Text));
    if too_small(theme, buf) {
        return drawn;
    }
    match &form.entry {
        Entry::FirstRun => draw_fields(form, "First run", &FIRST_RUN, theme, buf, &mut drawn),
        Entry::SignIn => {
            draw_fields(form, "Log in", &["Name and password of this home."], theme, buf, &mut drawn)
        }
        Entry::Picker(_) => draw_picker(form, theme, buf),
    }
    let keys = match form.entry {
        Entry::Picker(_) => " Up/Down choose   Enter log in   q leave",
        Entry::FirstRun | Entry::SignIn => " Tab field   Enter go on   Esc leave",
    };
    let area = buf.area;
    let mut pen = Pen::new(buf, area);
    pen.put(1, 0, "QLIB PRO", theme.style(Meaning::Title));
    pen.put(0, area.height - 1, keys, theme.style(Meaning::Muted));
    drawn
}

/// As many dots as characters.
pub fn masked(field: &SecretField, theme: &Theme) -> String {
    let dot = if theme.ascii { "*" } else { "•" };
    dot.repeat(field.len().min(FIELD_WIDTH - 1))
}

fn draw_fields(
    form: &EntryForm,
    title: &str,
    intro: &[&str],
    theme: &Theme,
    buf: &mut Buffer,
    drawn: &mut Drawn,
) {
    let width = buf.area.width.min(72);
    let inside = usize::from(width.saturating_sub(4));
    let break_line = |line: &&str| if line.is_empty() { vec![String::new()] } else { wrap(line, inside) };
    let lines: Vec<String> = intro.iter().flat_map(break_line).collect();
    let message = wrap(&form.message, inside);
    let height = u16::try_from(lines.len() + form.places() + message.len() + 5).unwrap_or(u16::MAX);
    let body = Rect { y: 1, height: buf.area.height - 2, ..buf.area };
    let area = window(body, width, height, theme, buf);
    let inner = Frame { edge: Edge::Focus, title, note: "", right: "", foot: "" }.draw(theme, area, buf);
    let mut pen = Pen::new(buf, inner);
    let mut y = 0;
    for line in &lines {
        pen.put(1, y, line, theme.style(Meaning::Text));
        y += 1;
    }
    y += 1;
    let texts = [form.name.text().to_owned(), masked(&form.password, theme), masked(&form.again, theme)];
    let labels = ["Name", "Password", "Again"];
    for (i, (label, text)) in labels.iter().zip(&texts).take(form.places()).enumerate() {
        let front = i == form.at;
        let mark = if front { ">" } else { " " };
        let at = pen.put(1, y, &format!("{mark} {label:<10}"), theme.style(Meaning::Muted));
        pen.put(at, y, &format::pad_right(text, FIELD_WIDTH, theme.ascii), theme.style(Meaning::Input));
        if front && !form.checking {
            let cells = if i == 0 { form.name.cursor() } else { format::width(text) };
            cursor(inner, at, y, cells, drawn);
        }
        y += 1;
    }
    y += 1;
    let meaning = if form.checking { Meaning::Muted } else { Meaning::Warn };
    for line in &message {
        pen.put(1, y, line, theme.style(meaning));
        y += 1;
    }
}

fn draw_picker(form: &EntryForm, theme: &Theme, buf: &mut Buffer) {
    let Entry::Picker(people) = &form.entry else { return };
    let body = Rect { y: 1, height: buf.area.height - 2, ..buf.area };
    let height = u16::try_from(people.len() + 7).unwrap_or(u16::MAX);
    let area = window(body, 64, height, theme, buf);
    let frame = Frame { edge: Edge::Focus, title: "Demo", note: "SIMULATED market", right: "", foot: "" };
    let inner = frame.draw(theme, area, buf);
    let mut pen = Pen::new(buf, inner);
    pen.put(1, 0, "A throw-away home with a simulated market. Who are you?", theme.style(Meaning::Text));
    for (i, (y, (name, role))) in (2..).zip(people).enumerate() {
        let mark = if i == form.at { ">" } else { " " };
        pen.put(1, y, &format!("{mark} {}  {name:<12}{role}", i + 1), theme.style(Meaning::Text));
        if i == form.at {
            pen.paint(0, y, inner.width, theme.style(Meaning::Selection));
        }
    }
    pen.put(1, inner.height.saturating_sub(2), &form.message, theme.style(Meaning::Warn));
}

/// Draws the lock screen; nothing else is seen.
pub fn draw_lock(form: &LockForm, state: &UiState, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let area = window(buf.area, 60, 8, theme, buf);
    let inner =
        Frame { edge: Edge::Focus, title: "Locked", note: "", right: "", foot: "" }.draw(theme, area, buf);
    let mut pen = Pen::new(buf, inner);
    pen.put(1, 1, &format!("{} is still logged in.", state.screen.user), theme.style(Meaning::Text));
    if state.has_password {
        let at = pen.put(1, 3, "Password  ", theme.style(Meaning::Muted));
        let text = masked(&form.password, theme);
        pen.put(at, 3, &format::pad_right(&text, FIELD_WIDTH, theme.ascii), theme.style(Meaning::Input));
        if !form.checking {
            cursor(inner, at, 3, format::width(&text), drawn);
        }
    } else {
        pen.put(1, 3, "Enter opens it.", theme.style(Meaning::Muted));
    }
    let text = format::truncate(&form.message, usize::from(inner.width.saturating_sub(2)), theme.ascii);
    pen.put(1, 5, &text, theme.style(if form.checking { Meaning::Muted } else { Meaning::Warn }));
}
