//! The order ticket: fields, what the order would do with the worst check first, and the review.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::limit::{CheckOutcome, CheckRecord, LimitName, LimitUnit};
use crate::domain::{Money, OrderType, Ratio, Side, TimeInForce};
use crate::service::trading::OrderWish;
use crate::service::view::WhatIf;
use crate::tui::format;
use crate::tui::modal::ticket::{Exits, Measure, Stage, TicketField, TicketForm, reason};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;
use crate::tui::words;

use super::Drawn;
use super::frame::window;
use super::modal::{WINDOW_WIDTH, cursor, weighty};

/// Checks shown before `m` asks for all.
const CHECKS_SHORT: usize = 5;
/// Rows of the window when there is room.
const HEIGHT: u16 = 22;
/// Rows of a whole answer with its foot.
const ANSWER_ROWS: u16 = 13;
/// Rows at the bottom: why it is refused, the largest quantity, what Enter does.
const FOOT_ROWS: u16 = 4;
/// Where the right column of fields begins.
const RIGHT_COLUMN: u16 = 40;
/// Share of a limit from which it is marked as near.
const NEAR: f64 = 0.9;

/// Draws the ticket over the body.
pub fn draw(state: &UiState, form: &TicketForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let area =
        window(body, WINDOW_WIDTH, HEIGHT.max(if form.all_checks { body.height } else { 0 }), theme, buf);
    let title = match form.stage {
        Stage::Edit => "New order",
        Stage::Review => "Review: nothing is sent before Enter",
        Stage::Sending => "Sending...",
    };
    let foot = format!("account {}", form.account);
    let inner = weighty(state, title, &foot).draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let mut y = match form.stage {
        Stage::Edit => draw_fields(state, form, inner, &mut pen, drawn),
        Stage::Review | Stage::Sending => draw_frozen(state, form, &mut pen),
    };
    if pen.height() > y + ANSWER_ROWS {
        y += 1;
    }
    let stale = form.stage == Stage::Edit && form.current_answer().is_none();
    match &form.answer {
        Some(answer) => draw_answer(state, form, answer, stale, y, &mut pen),
        None => {
            let text = if form.problem.is_empty() {
                "Checking what it would do..."
            } else {
                "What it would do is shown here."
            };
            pen.put(1, y, text, theme.style(Meaning::Muted));
        }
    }
    draw_foot(state, form, &mut pen);
}

fn choice(pen: &mut Pen<'_>, x: u16, y: u16, words: &[(&str, bool)], front: bool, theme: &Theme) -> u16 {
    let mut at = x;
    for (word, chosen) in words {
        let text = if *chosen { format!("[{}]", word.to_uppercase()) } else { format!(" {word} ") };
        let meaning = match (chosen, front) {
            (true, true) => Meaning::Selection,
            (true, false) => Meaning::Accent,
            (false, _) => Meaning::Muted,
        };
        at = pen.put(at, y, &text, theme.style(meaning));
    }
    at
}

/// Label of a field, at most as wide as its column.
fn label(form: &TicketForm, field: TicketField) -> &'static str {
    match field {
        TicketField::Side => "Side",
        TicketField::Symbol => "Symbol",
        TicketField::Measure => "Size by",
        TicketField::Type => "Type",
        TicketField::Quantity => match form.entry.measure {
            Measure::Shares => "Qty",
            Measure::Risk => "Risk %",
            Measure::Weight => "Weight%",
            Measure::Volatility => "Vol %",
        },
        TicketField::Tif => "TIF",
        TicketField::Limit => "Limit",
        TicketField::Trigger => "Trigger",
        TicketField::Trail => "Trail",
        TicketField::Until => "Until",
        TicketField::Stop => "Stop",
        TicketField::Post => "Post",
        TicketField::Reduce => "Reduce",
        TicketField::Exits => "Exits",
        TicketField::Profit => "Profit",
        TicketField::Loss => "Loss",
        TicketField::OrStop => "Or stop",
    }
}

fn draw_choice(form: &TicketForm, field: TicketField, (x, y): (u16, u16), theme: &Theme, pen: &mut Pen<'_>) {
    let (entry, front) = (&form.entry, form.field == field);
    let words: Vec<(&str, bool)> = match field {
        TicketField::Side => vec![("buy", entry.side == Side::Buy), ("sell", entry.side == Side::Sell)],
        TicketField::Measure => Measure::ALL.iter().map(|m| (m.as_str(), *m == entry.measure)).collect(),
        TicketField::Tif => TimeInForce::ALL.iter().map(|t| (t.as_str(), *t == entry.tif)).collect(),
        TicketField::Post => vec![("no", !entry.post_only), ("only", entry.post_only)],
        TicketField::Reduce => vec![("no", !entry.reduce_only), ("only", entry.reduce_only)],
        TicketField::Exits => Exits::ALL.iter().map(|e| (e.as_str(), *e == entry.exits)).collect(),
        _ => {
            // Too many kinds for one row: the one chosen, and where it stands among them.
            let kind = words::kind(entry.order_type);
            let at = OrderType::ALL.iter().position(|t| *t == entry.order_type).unwrap_or(0) + 1;
            let end = choice(pen, x, y, &[(kind.as_str(), true)], front, theme);
            pen.put(end + 1, y, &format!("{at}/{}", OrderType::ALL.len()), theme.style(Meaning::Muted));
            return;
        }
    };
    choice(pen, x, y, &words, front, theme);
}

fn draw_fields(state: &UiState, form: &TicketForm, inner: Rect, pen: &mut Pen<'_>, drawn: &mut Drawn) -> u16 {
    let theme = &state.theme;
    let muted = theme.style(Meaning::Muted);
    let mut rows = 0;
    for (place, field) in (0_u16..).zip(form.entry.fields()) {
        let (x, y) = (place % 2 * RIGHT_COLUMN, place / 2);
        rows = y + 1;
        let front = form.field == field;
        let mark = if front { ">" } else { " " };
        let at = pen.put(x, y, &format!("{mark}{:<8}", label(form, field)), muted);
        let Some(text) = form.entry.text(field) else {
            draw_choice(form, field, (at, y), theme, pen);
            continue;
        };
        let wide = if matches!(field, TicketField::Symbol | TicketField::Until) { 20 } else { 12 };
        let end =
            pen.put(at, y, &format::pad_right(text.text(), wide, theme.ascii), theme.style(Meaning::Input));
        if front {
            cursor(inner, at, y, text.cursor(), drawn);
        }
        let measured = form.entry.measure != Measure::Shares && field == TicketField::Quantity;
        if let Some(answer) = form.current_answer().filter(|_| measured) {
            pen.put(
                end + 1,
                y,
                &format!("= {} sh", format::quantity(answer.quantity)),
                theme.style(Meaning::Accent),
            );
        } else if let Some(hint) = hint(field, text.text()) {
            pen.put(end + 1, y, hint, muted);
        }
    }
    let symbol = form.symbol().ok();
    if let Some(row) = state.screen.watchlist.iter().find(|w| Some(w.symbol) == symbol) {
        let part = |label: &str, price: Option<crate::domain::Price>| {
            price.map_or_else(String::new, |p| format!("{label} {}", format::price(p)))
        };
        let (bid, ask) = (part("bid", row.bid.map(|b| b.0)), part("ask", row.ask.map(|a| a.0)));
        let last = part("last", row.last_price);
        let stale = if row.stale { "? stale" } else { "" };
        let parts = [row.name.as_str(), &bid, &ask, &last, row.source.as_str(), stale];
        let known: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        let line = known.join("  ");
        let meaning = if row.stale { Meaning::Stale } else { Meaning::Muted };
        pen.put(1, rows, &line, theme.style(meaning));
    }
    rows + 1
}

/// What an empty field wants.
fn hint(field: TicketField, text: &str) -> Option<&'static str> {
    let hint = match field {
        TicketField::Trail => "0.50 or 2%",
        TicketField::Until => "UTC",
        TicketField::Stop => "gives up here",
        TicketField::Profit => "exit, a limit",
        TicketField::Loss => "exit, a stop",
        TicketField::OrStop => "the other exit",
        _ => return None,
    };
    (text.is_empty() || field == TicketField::Until).then_some(hint)
}

fn draw_frozen(state: &UiState, form: &TicketForm, pen: &mut Pen<'_>) -> u16 {
    let theme = &state.theme;
    let (Some(ticket), Some(answer)) = (&form.answer_for, &form.answer) else { return 0 };
    let order = &ticket.order;
    let side = order.side.as_str().to_uppercase();
    let line = format!(
        "{side} {} {}  {}  {}",
        format::quantity(answer.quantity),
        ticket.instrument,
        words::terms(order.order_type, order.limit_price, order.trigger_price, order.trail),
        words::duration(order.tif, order.expire_at)
    );
    let width = usize::from(pen.width().saturating_sub(2));
    let mut y = 0;
    for line in wrap(&line, width).iter().take(2) {
        pen.put(1, y, line, theme.style(Meaning::Accent));
        y += 1;
    }
    let mut parts = vec![format!("for account {}", ticket.account)];
    parts.extend(words::conditions(order));
    for line in wrap(&parts.join(", "), width).iter().take(2) {
        pen.put(1, y, line, theme.style(Meaning::Text));
        y += 1;
    }
    if let (Some(before), Some(now)) = (&form.before, &form.answer) {
        for line in differences(before, now) {
            pen.put(1, y, &line, theme.style(Meaning::Warn));
            y += 1;
        }
    }
    y
}

/// What changed between the review and the attempt to send, in words.
fn differences(before: &WhatIf, now: &WhatIf) -> Vec<String> {
    let mut lines = Vec::new();
    let price = |w: &WhatIf| w.reference.map(|(p, _)| p);
    if price(before) != price(now) {
        let (was, is) = (format::price_or_missing(price(before)), format::price_or_missing(price(now)));
        lines.push(format!("! reference price was {was}, is {is}"));
    }
    if before.basis.0 != now.basis.0 {
        lines.push(format!("! limits version was {}, is {}", before.basis.0, now.basis.0));
    }
    if before.cash_before != now.cash_before {
        let (was, is) = (format::money(before.cash_before), format::money(now.cash_before));
        lines.push(format!("! cash was {was}, is {is} {}", now.currency));
    }
    if before.position_before != now.position_before {
        lines.push(format!("! position was {}, is {}", before.position_before, now.position_before));
    }
    if lines.is_empty() {
        lines.push("! the account's book changed since the review".to_owned());
    }
    lines
}

fn draw_answer(
    state: &UiState,
    form: &TicketForm,
    answer: &WhatIf,
    stale: bool,
    top: u16,
    pen: &mut Pen<'_>,
) {
    let theme = &state.theme;
    let mut y = top;
    // A check that passed and has no figure to pass says nothing; all are there with m.
    let says =
        |c: &&CheckRecord| form.all_checks || c.outcome != CheckOutcome::Passed || !c.threshold.is_empty();
    let checks: Vec<&CheckRecord> = answer.checks.iter().filter(says).collect();
    let shown = if form.all_checks { checks.len() } else { CHECKS_SHORT };
    let pair = form.answer_for.as_ref().and_then(|ticket| other_exit(&ticket.order, answer));
    // Below stand the head, four or five lines of figures, and the foot.
    let bottom = pen.height().saturating_sub(FOOT_ROWS);
    let room = usize::from(bottom.saturating_sub(top + 5 + u16::from(pair.is_some())));
    let count = shown.min(checks.len()).min(room.max(1));
    let all = answer.checks.len();
    let of = if all > count { format!(" {count} of {all} (m all)") } else { String::new() };
    let head = format!("{:<26}{:>12}{:>12}{:>11}", format!("WHAT-IF{of}"), "NOW", "AFTER", "LIMIT");
    let meaning = if stale { Meaning::Stale } else { Meaning::Header };
    pen.put(1, y, &head, theme.style(meaning));
    y += 1;
    for check in checks.into_iter().take(count) {
        draw_check(check, y, theme, pen);
        y += 1;
    }
    let cell = |value: Option<Money>| value.map_or_else(|| format::MISSING.to_owned(), format::money);
    let currency = answer.currency;
    let mut lines: Vec<(String, Meaning)> = pair.into_iter().collect();
    lines.extend([
        (
            format!(
                "Position    {} -> {} sh",
                format::quantity(answer.position_before),
                format::quantity(answer.position_after)
            ),
            Meaning::Text,
        ),
        (
            format!(
                "Cash        {} -> {} {currency}",
                format::money(answer.cash_before),
                cell(answer.cash_after)
            ),
            Meaning::Text,
        ),
        (
            format!("Order value {} {currency}   fee {} {currency}", cell(answer.notional), cell(answer.fee)),
            Meaning::Text,
        ),
    ]);
    if let Some((price, time)) = answer.reference {
        let at = format::LocalClock::of(&state.screen.data).short(time, state.screen.data.market_time);
        let text =
            format!("Reference   {} as of {at}, limits version {}", format::price(price), answer.basis.0);
        lines.push((text, Meaning::Muted));
    }
    for (y, (text, meaning)) in (y..bottom).zip(&lines) {
        pen.put(1, y, text, theme.style(*meaning));
    }
}

/// What the second exit of a pair does, or that there is less to leave than the two of them ask for.
fn other_exit(order: &OrderWish, answer: &WhatIf) -> Option<(String, Meaning)> {
    let stop = order.or_stop?;
    let held = match order.side {
        Side::Sell => answer.position_before,
        Side::Buy => answer.position_before.checked_neg().unwrap_or_default(),
    };
    Some(if held >= answer.quantity {
        (format!("Or stop     {}; of the two exits at most one is done", format::price(stop)), Meaning::Text)
    } else {
        let held = if held.is_positive() { format::quantity(held) } else { "nothing".to_owned() };
        let way = if order.side == Side::Sell { "sell" } else { "buy back" };
        (format!("! an exit needs a position: {held} is held to {way}"), Meaning::Warn)
    })
}

fn draw_check(check: &CheckRecord, y: u16, theme: &Theme, pen: &mut Pen<'_>) {
    let used = share(&check.observed, &check.threshold);
    let near = used.is_some_and(|u| u >= NEAR);
    let (mark, meaning) = match check.outcome {
        CheckOutcome::Breach => ("X", Meaning::Breach),
        CheckOutcome::SoftBreach => ("! approval", Meaning::Warn),
        CheckOutcome::NotEvaluated => ("? unknown", Meaning::Stale),
        CheckOutcome::Passed if near => ("!", Meaning::Warn),
        CheckOutcome::Passed => ("", Meaning::Text),
    };
    let percent = used.map_or_else(String::new, |u| format!("{:.0}%", u * 100.0));
    let name = match check.limit.as_str() {
        // The check's own name says too little.
        "money" => "cash or buying power".to_owned(),
        name => name.replace('_', " "),
    };
    let name = format::pad_right(&name, 26, theme.ascii);
    let value = |text: &str| format::truncate(&human(&check.limit, text), 11, theme.ascii);
    let line = format!(
        "{name}{:>12}{:>12}{:>11}",
        value(&check.now),
        value(&check.observed),
        value(&check.threshold)
    );
    let at = pen.put(1, y, &line, theme.style(Meaning::Text));
    pen.put(at, y, &format!("{percent:>6} {mark}"), theme.style(meaning));
}

/// A value of a check as people read it, by the unit of its limit.
pub fn human(limit: &str, text: &str) -> String {
    let unit = limit.parse::<LimitName>().ok().map(LimitName::unit);
    let shown = match unit {
        Some(LimitUnit::Ratio) => text.parse::<Ratio>().ok().map(format::percent),
        Some(LimitUnit::Money) => text.parse::<Money>().ok().map(format::money_whole),
        Some(LimitUnit::Quantity) => text.parse().ok().map(format::quantity),
        Some(LimitUnit::Count | LimitUnit::Seconds | LimitUnit::Days | LimitUnit::Symbols) => None,
        // Checks without a limit behind them, such as cash, speak of money.
        None => text.parse::<Money>().ok().map(format::money_whole),
    };
    match shown {
        Some(shown) => shown,
        None if text.is_empty() => format::MISSING.to_owned(),
        None => text.to_owned(),
    }
}

fn share(observed: &str, threshold: &str) -> Option<f64> {
    let (seen, allowed) = (observed.parse::<f64>().ok()?, threshold.parse::<f64>().ok()?);
    (allowed > 0.0 && seen.is_finite()).then_some(seen / allowed)
}

fn draw_foot(state: &UiState, form: &TicketForm, pen: &mut Pen<'_>) {
    let theme = &state.theme;
    let bottom = pen.height().saturating_sub(1);
    let mut y = bottom.saturating_sub(3);
    let width = usize::from(pen.width().saturating_sub(2));
    let answer = form.answer.as_deref();
    let refused = answer.filter(|a| a.code.is_some());
    let (text, meaning) = match (refused, answer) {
        (Some(answer), _) => (format!("X {}", reason(answer)), Meaning::Breach),
        (None, Some(answer)) if answer.needs_approval => {
            ("! passes, but a second person must approve it".to_owned(), Meaning::Warn)
        }
        (None, Some(_)) => ("passes all checks".to_owned(), Meaning::Good),
        (None, None) => (String::new(), Meaning::Muted),
    };
    for line in wrap(&text, width).iter().take(2) {
        pen.put(1, y, line, theme.style(meaning));
        y += 1;
    }
    if let Some(largest) = refused.map(|a| a.largest) {
        let text = match largest {
            Some(n) => {
                format!("Largest allowed: {} sh   [u use {}]", format::quantity(n), format::quantity(n))
            }
            None => "No quantity of this order would pass.".to_owned(),
        };
        pen.put(1, y.min(bottom), &text, theme.style(Meaning::Warn));
    }
    let (button, meaning) = match form.stage {
        Stage::Edit if refused.is_some() => ("[ Review ] blocked: fix X first".to_owned(), Meaning::Muted),
        Stage::Edit if !form.problem.is_empty() => (format!("[ Review ] {}", form.problem), Meaning::Warn),
        Stage::Edit => ("[ Review ] Enter".to_owned(), Meaning::Key),
        Stage::Review if form.problem.is_empty() => {
            ("[ Send ] Enter   [ Back ] Esc".to_owned(), Meaning::Key)
        }
        Stage::Review => (format!("[ Send ] Enter   {}", form.problem), Meaning::Warn),
        Stage::Sending => ("sending...".to_owned(), Meaning::Muted),
    };
    pen.put(1, bottom, &format::truncate(&button, width, theme.ascii), theme.style(meaning));
}
