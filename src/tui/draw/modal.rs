//! Windows: questions, lists, baskets, text. Ticket and limit editor have files of their own.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::format;
use crate::tui::modal::ask::AskForm;
use crate::tui::modal::basket::{self, BasketForm};
use crate::tui::modal::pick::{PickForm, PickKind};
use crate::tui::modal::{Detail, Modal, amend, limit, set, ticket};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;

use super::Drawn;
use super::chrome::mode;
use super::frame::{Edge, Frame, window};

/// Width of most windows.
pub const WINDOW_WIDTH: u16 = 80;

/// Draws a window over the body.
pub fn draw(state: &UiState, modal: &Modal, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    match modal {
        Modal::Ticket(form) => super::ticket::draw(state, form, body, buf, drawn),
        Modal::Amend(form) => super::amend::draw(state, form, body, buf, drawn),
        Modal::Limit(form) => super::limit::draw(state, form, body, buf, drawn),
        Modal::Set(form) => super::set::draw(state, form, body, buf, drawn),
        Modal::Ask(form) => draw_ask(state, form, body, buf, drawn),
        Modal::Pick(form) => draw_pick(state, form, body, buf, drawn),
        Modal::Basket(form) => draw_basket(state, form, body, buf, drawn),
        Modal::Detail(detail) => draw_detail(state, detail, body, buf, drawn),
        Modal::Expression => super::expression::draw_popup(state, buf, drawn),
        Modal::Line(_) | Modal::Passphrase(_) => {}
    }
}

/// Keys that work in a window.
pub fn hints(modal: &Modal) -> &'static [(&'static str, &'static str)] {
    match modal {
        Modal::Ticket(form) => match form.stage {
            ticket::Stage::Edit => &[
                ("Tab", "field"),
                ("Up/Down", "value"),
                ("Enter", "review"),
                ("u", "use largest"),
                ("m", "all checks"),
                ("Esc", "close, draft kept"),
            ],
            ticket::Stage::Review => &[("Enter", "send"), ("Esc", "back to the draft")],
            ticket::Stage::Sending => &[("", "sending..."), ("Esc", "close; the answer is still said")],
        },
        Modal::Amend(form) => match form.stage {
            amend::Stage::Edit => &[("Tab", "field"), ("Enter", "review"), ("Esc", "close")],
            amend::Stage::Review => &[("Enter", "send the change"), ("Esc", "back")],
            amend::Stage::Sending => &[("", "sending..."), ("Esc", "close; the answer is still said")],
        },
        Modal::Limit(form) => limit_hints(form),
        Modal::Set(form) => set_hints(form),
        Modal::Ask(form) if form.wanted().is_some() => {
            &[("Up/Down", "choose"), ("type", "the word"), ("Enter", "do it"), ("Esc", "leave it")]
        }
        Modal::Ask(_) => &[("Up/Down", "choose"), ("Enter", "take"), ("Esc", "leave it")],
        Modal::Pick(form) => match form.kind {
            PickKind::Palette | PickKind::Help => {
                &[("type", "to search"), ("Enter", "run"), ("Esc", "close")]
            }
            PickKind::Find(true) => {
                &[("type", "ticker or name"), ("Enter", "add to watchlist"), ("Esc", "close")]
            }
            PickKind::Find(false) => &[("type", "ticker or name"), ("Enter", "show"), ("Esc", "close")],
            PickKind::Notices => &[("type", "to search"), ("Up/Down", "scroll"), ("Esc", "close")],
        },
        Modal::Basket(form) => match form.stage {
            basket::Stage::Review => {
                &[("Enter", "send these orders"), ("Up/Down", "scroll"), ("Esc", "send nothing")]
            }
            basket::Stage::Done => &[("Up/Down", "scroll"), ("Esc", "close")],
            basket::Stage::Asking | basket::Stage::Sending => &[("", "one moment..."), ("Esc", "close")],
        },
        Modal::Detail(_) => &[("Up/Down", "scroll"), ("Esc", "close")],
        Modal::Expression => &[
            ("Tab", "complete"),
            ("Enter", "done"),
            ("Ctrl-S", "save as factor"),
            ("Up/Down", "earlier ones"),
            ("Ctrl-U", "clear"),
            ("Esc", "leave"),
        ],
        Modal::Line(_) | Modal::Passphrase(_) => &[],
    }
}

fn limit_hints(form: &limit::LimitForm) -> &'static [(&'static str, &'static str)] {
    match form.stage {
        limit::Stage::Edit => {
            &[("Tab", "field"), ("Up/Down", "choice"), ("Enter", "preview"), ("Esc", "close")]
        }
        limit::Stage::Review if form.in_set => {
            &[("Enter", "put it into the change set"), ("Esc", "back to the draft")]
        }
        limit::Stage::Review if form.preview.as_ref().is_some_and(|p| p.needs_approval) => {
            &[("Enter", "ask a second person"), ("Esc", "back to the draft")]
        }
        limit::Stage::Review => &[("Enter", "set this limit"), ("Esc", "back to the draft")],
        limit::Stage::Asking | limit::Stage::Sending => &[("", "one moment..."), ("Esc", "close")],
    }
}

fn set_hints(form: &set::SetForm) -> &'static [(&'static str, &'static str)] {
    match (form.stage, form.shown) {
        (set::Stage::Sending, _) => &[("", "one moment..."), ("Esc", "close; the answer is still said")],
        (_, set::Shown::Draft) => &[
            ("Tab", "field"),
            ("Up/Down", "limit"),
            ("e", "edit"),
            ("d", "take out"),
            ("Enter", "submit all"),
            ("Esc", "close, draft kept"),
        ],
        (_, set::Shown::Waiting(..)) => {
            &[("Tab", "field"), ("Up/Down", "answer"), ("Enter", "give it"), ("Esc", "leave it")]
        }
    }
}

/// The word of the mode on the edge of windows that change money or limits.
pub fn weighty<'a>(state: &UiState, title: &'a str, foot: &'a str) -> Frame<'a> {
    Frame { edge: Edge::Weighty, title, note: "", right: mode(state).0, foot }
}

/// Puts the cursor behind what a field holds.
pub fn cursor(inner: Rect, x: u16, y: u16, cells: usize, drawn: &mut Drawn) {
    let x = inner.x.saturating_add(x).saturating_add(u16::try_from(cells).unwrap_or(0));
    let last = inner.right().saturating_sub(1);
    drawn.cursor =
        Some(Position { x: x.min(last), y: inner.y.saturating_add(y).min(inner.bottom().saturating_sub(1)) });
}

fn rows(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn draw_ask(state: &UiState, form: &AskForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let width = body.width.min(WINDOW_WIDTH - 8);
    let inside = usize::from(width.saturating_sub(4));
    let lines: Vec<String> = form.lines.iter().flat_map(|line| wrap(line, inside)).collect();
    let line = form.wanted().map(|word| format!("Type {word}: "));
    let line = line.or_else(|| form.prompt().map(str::to_owned));
    let extra = if line.is_some() { 2 } else { 0 } + u16::from(!form.problem.is_empty());
    let height = rows(lines.len() + form.choices.len()).saturating_add(4).saturating_add(extra);
    let area = window(body, width, height, theme, buf);
    let frame = match form.weighty {
        true => weighty(state, &form.title, ""),
        false => Frame { edge: Edge::Focus, title: &form.title, note: "", right: "", foot: "" },
    };
    let inner = frame.draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let mut y = 0;
    for line in &lines {
        pen.put(1, y, line, theme.style(Meaning::Text));
        y += 1;
    }
    y += 1;
    let room = inner.height.saturating_sub(y + extra).max(1);
    let first = form.selected.saturating_sub(usize::from(room) - 1);
    for (i, choice) in form.choices.iter().enumerate().skip(first).take(usize::from(room)) {
        let front = i == form.selected;
        let mark = if front { "> " } else { "  " };
        let text = format!("{mark}{}", choice.text);
        pen.put(1, y, &format::truncate(&text, inside, theme.ascii), theme.style(Meaning::Text));
        if front {
            pen.paint(0, y, inner.width, theme.style(Meaning::Selection));
        }
        drawn.hits.push((Rect { y: inner.y + y, height: 1, ..inner }, Target::ModalRow(i)));
        y += 1;
    }
    if let Some(line) = line {
        y += 1;
        let at = pen.put(1, y, &line, theme.style(Meaning::Muted));
        let wide = if form.wanted().is_some() { 20 } else { inside.saturating_sub(line.len()) };
        let (text, before) = form.field.shown(wide);
        pen.put(at, y, &format::pad_right(&text, wide, theme.ascii), theme.style(Meaning::Input));
        cursor(inner, at, y, before, drawn);
        y += 1;
    }
    pen.put(1, y, &form.problem, theme.style(Meaning::Breach));
}

fn draw_pick(state: &UiState, form: &PickForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let items = form.items(state);
    let (title, narrow) = match form.kind {
        PickKind::Palette => ("Command palette", true),
        PickKind::Help => ("Keys and commands", false),
        PickKind::Find(true) => ("Add a name to the watchlist", true),
        PickKind::Find(false) => ("Find a name", true),
        PickKind::Notices => ("Notices", false),
    };
    let width = if narrow { body.width.min(WINDOW_WIDTH + 16) } else { body.width };
    let height = if narrow { body.height.min(18) } else { body.height };
    let area = window(body, width, height, theme, buf);
    let note = format!("{} shown", items.len());
    let inner = Frame { edge: Edge::Focus, title, note: &note, right: "", foot: "" }.draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let at = pen.put(1, 0, "> ", theme.style(Meaning::Key));
    pen.put(at, 0, form.field.text(), theme.style(Meaning::Text));
    cursor(inner, at, 0, form.field.cursor(), drawn);
    if items.is_empty() {
        let waiting = form.is_find() && !form.answered;
        let text = if waiting { "Type a ticker or a company name." } else { "Nothing matches." };
        pen.put(1, 2, text, theme.style(Meaning::Muted));
    }
    let room = usize::from(inner.height.saturating_sub(2)).max(1);
    let first = form.selected.saturating_sub(room - 1);
    let name_width = if form.kind == PickKind::Notices { 34 } else { 30 }.min(usize::from(inner.width) / 3);
    for (y, (i, item)) in (2..).zip(items.iter().enumerate().skip(first).take(room)) {
        let right = format::truncate(&item.right, 26, theme.ascii);
        let text_at = rows(name_width) + 2;
        let text_room = usize::from(inner.width).saturating_sub(name_width + 4 + format::width(&right));
        let style = theme.style(item.meaning);
        pen.put(1, y, &format::pad_right(&item.name, name_width, theme.ascii), style);
        pen.put(
            text_at,
            y,
            &format::truncate(&item.text, text_room, theme.ascii),
            theme.style(Meaning::Muted),
        );
        pen.put_right(y, &format!("{right} "), theme.style(Meaning::Key));
        if i == form.selected {
            pen.paint(0, y, inner.width, theme.style(Meaning::Selection));
        }
        drawn.hits.push((Rect { y: inner.y + y, height: 1, ..inner }, Target::ModalRow(i)));
    }
}

fn draw_basket(state: &UiState, form: &BasketForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let area = window(body, body.width.min(WINDOW_WIDTH + 20), body.height, theme, buf);
    let title = match form.stage {
        basket::Stage::Asking => "Basket: computing...",
        basket::Stage::Review => "Basket: what would be ordered (dry run, nothing is sent)",
        basket::Stage::Sending => "Basket: sending...",
        basket::Stage::Done => "Basket: what became of it",
    };
    let foot = format!("{} orders, {} refused", form.rows.len(), form.refused());
    let inner = weighty(state, title, &foot).draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let head = format!(
        "{:<5}{:<10}{:>10}{:>12}{:>15}{:>9}  DECISION",
        "SIDE", "SYM", "QTY", "PRICE", "VALUE", "TARGET"
    );
    pen.put(1, 0, &head, theme.style(Meaning::Header));
    if form.rows.is_empty() && !form.waits() {
        pen.put(
            1,
            2,
            "No orders: the account already holds what the signals ask for.",
            theme.style(Meaning::Muted),
        );
    }
    let room = usize::from(inner.height.saturating_sub(3));
    for (y, row) in (1..).zip(form.rows.iter().skip(form.scroll).take(room)) {
        let price = row.price.map_or_else(|| format::MISSING.to_owned(), format::price);
        let value = row.notional.map_or_else(|| format::MISSING.to_owned(), format::money);
        let line = format!(
            "{:<5}{:<10}{:>10}{:>12}{:>15}{:>9}  ",
            row.side.as_str(),
            row.symbol,
            format::quantity(row.quantity),
            price,
            value,
            format::percent(row.target_weight)
        );
        let at = pen.put(1, y, &line, theme.style(Meaning::Text));
        let refused = row.decision.ends_with("refused");
        let meaning = match (refused, row.code) {
            (true, _) => Meaning::Breach,
            (false, Some(_)) => Meaning::Warn,
            (false, None) => Meaning::Good,
        };
        let why = row.code.map_or_else(String::new, |code| format!(": {}", code.text()));
        let seen = match (&row.observed, &row.threshold) {
            (Some(seen), Some(allowed)) => format!(" ({seen} > {allowed})"),
            _ => String::new(),
        };
        let room = usize::from(inner.width.saturating_sub(at));
        let text = format!(
            "{}{}{why}{seen}",
            if refused { "X " } else { "" },
            row.decision.trim_start_matches("would be ")
        );
        pen.put(at, y, &format::truncate(&text, room, theme.ascii), theme.style(meaning));
    }
    let total: i64 =
        form.rows.iter().filter_map(|r| r.notional).fold(0, |sum, m| sum.saturating_add(m.raw()));
    let currency =
        form.rows.first().map(|r| r.instrument.exchange.currency().to_string()).unwrap_or_default();
    let total = format::money(crate::domain::Money::from_raw(total));
    let text = format!("total {total} {currency}   sells go first; buys may wait for them");
    pen.put(1, inner.height.saturating_sub(1), &text, theme.style(Meaning::Muted));
}

fn draw_detail(state: &UiState, detail: &Detail, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let width = body.width.min(WINDOW_WIDTH);
    let label = detail.rows.iter().map(|(l, _)| format::width(l)).max().unwrap_or(0).min(24);
    let inside = usize::from(width.saturating_sub(5)).saturating_sub(label);
    let lines: Vec<(String, String)> = detail
        .rows
        .iter()
        .flat_map(|(l, text)| {
            let first = std::iter::once(l.clone()).chain(std::iter::repeat(String::new()));
            first.zip(wrap(text, inside)).collect::<Vec<_>>()
        })
        .collect();
    let area = window(body, width, rows(lines.len()).saturating_add(2), theme, buf);
    let first = detail.scroll.min(lines.len().saturating_sub(usize::from(area.height.saturating_sub(2))));
    let below = lines.len().saturating_sub(first + usize::from(area.height.saturating_sub(2)));
    let foot =
        if below > 0 { format!("{below} lines more below  Esc close") } else { "Esc close".to_owned() };
    let inner = Frame { edge: Edge::Focus, title: &detail.title, note: "", right: "", foot: &foot }
        .draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    drawn.detail = Some(first);
    let mut pen = Pen::new(buf, inner);
    for (y, (name, text)) in (0..inner.height).zip(lines.iter().skip(first)) {
        pen.put(1, y, &format::pad_right(name, label, theme.ascii), theme.style(Meaning::Muted));
        pen.put(rows(label) + 2, y, text, theme.style(Meaning::Text));
    }
}
