//! The expression under the pen: typed, loaded, kept, made a column, a screen, a line on the chart.

use crate::service::desk::Request;
use crate::service::language;
use crate::tui::actions::ActionId;
use crate::tui::lab;
use crate::tui::modal::Modal;
use crate::tui::modal::ask::{AskForm, Choice, Deed};
use crate::tui::modal::line::LineKind;
use crate::tui::panes::PaneId;
use crate::tui::state::{Effect, Tag, Tone, UiState};
use crate::tui::update::go_to_pane;

use super::{ask, line};

/// Word that takes a column or a screen away.
const OFF: &str = "off";

/// Does an action of the research panes.
pub fn perform(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    match id {
        ActionId::SaveFactor => save(state, args, out),
        ActionId::Column => column(state, args),
        ActionId::Screen => screen(state, args),
        ActionId::Overlay => overlay(state),
        _ => formula(state, args, out),
    }
}

/// Gives the keyboard to the expression; a text that is given goes under the pen first.
pub fn formula(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    go_to_pane(state, PaneId::Expression);
    if args.trim().is_empty() {
        if state.pane() == Some(PaneId::Expression) && !state.is_typing() {
            state.modals.push(Modal::Expression);
        }
        return;
    }
    state.lab.load(args.trim(), state.now_ms);
    lab::due(state, out);
}

/// Puts a factor under the pen.
pub fn load(state: &mut UiState, family: &str, name: &str, out: &mut Vec<Effect>) {
    let found = state.lab.factors.iter().find(|f| f.family == family && f.name == name);
    let Some(text) = found.map(|f| f.expression.clone()) else { return };
    state.lab.load(&text, state.now_ms);
    lab::due(state, out);
}

/// The text that an action is about: the one given, or the one under the pen when it is right.
fn meant(state: &mut UiState, args: &str) -> Option<String> {
    let text = if args.trim().is_empty() { state.lab.text().trim() } else { args.trim() }.to_owned();
    if text.is_empty() {
        state.say(Tone::Bad, "There is no expression under the pen; press = and type one.");
        return None;
    }
    match language::check(&text) {
        Ok(_) => Some(text),
        Err(mistake) => {
            let at = mistake.character;
            state.say(
                Tone::Bad,
                format!("The expression is not right at character {at}: {}", mistake.message),
            );
            None
        }
    }
}

/// Keeps the expression as a factor; without a name it is asked for.
pub fn save(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let Some(text) = meant(state, "") else { return };
    if language::check(&text).is_ok_and(|c| c.ahead > 0) {
        return state.say(Tone::Bad, "This expression looks ahead; a factor may only use what was known.");
    }
    let name = args.trim();
    if name.is_empty() {
        return state.modals.push(line(LineKind::SaveFactor(text), ""));
    }
    self::name(state, name, text, out);
}

/// Keeps an expression under a name, after a question where an own factor of that name would be lost.
pub fn name(state: &mut UiState, name: &str, text: String, out: &mut Vec<Effect>) {
    let taken = state.lab.factors.iter().find(|f| f.own && f.name == name && f.expression != text);
    let Some(before) = taken.map(|f| f.expression.clone()) else { return keep(name, text, out) };
    let lines = vec![format!("{name} is {before} so far; it would become {text}")];
    let replace = Choice::new(format!("Replace {name}"), Deed::KeepFactor(name.to_owned(), text));
    let choices = vec![Choice::new("Leave it as it is", Deed::Nothing), replace];
    ask(state, AskForm::new("Replace an own factor?", lines, choices));
}

/// Sends a factor to be kept, and asks for the list that it is then in.
pub fn keep(name: &str, text: String, out: &mut Vec<Effect>) {
    out.push(Effect::Send(Tag::Said, Request::SaveFactor { name: name.to_owned(), text }));
    out.push(Effect::Send(Tag::Research, Request::Factors));
}

/// Makes the expression the watchlist's column, or takes the column away.
pub fn column(state: &mut UiState, args: &str) {
    let same = args.trim().is_empty() && state.lab.column.as_deref() == Some(state.lab.text().trim());
    if args.trim().eq_ignore_ascii_case(OFF) || (same && state.lab.column.is_some()) || gone(state, args) {
        let had = state.lab.column.take().is_some();
        lab::changed(state);
        return state.say(Tone::Good, if had { "The column is gone." } else { "There was no column." });
    }
    let Some(text) = meant(state, args) else { return };
    state.say(Tone::Good, format!("The watchlist has a column FX = {text}"));
    state.lab.column = Some(text);
    lab::changed(state);
}

/// Nothing is under the pen, so that the key can only mean to take the column away.
fn gone(state: &UiState, args: &str) -> bool {
    args.trim().is_empty() && state.lab.text().trim().is_empty() && state.lab.column.is_some()
}

/// Shows only names for which the expression is true, or all again. A number is to be compared with something first.
pub fn screen(state: &mut UiState, args: &str) {
    if args.trim().eq_ignore_ascii_case(OFF) || (args.trim().is_empty() && state.lab.screen.is_some()) {
        let had = state.lab.screen.take().is_some();
        lab::changed(state);
        state.settle();
        let text = if had { "All names are shown again." } else { "There was no screen." };
        return state.say(Tone::Good, text);
    }
    let Some(text) = meant(state, args) else { return };
    match language::check(&text) {
        Ok(checked) if checked.ahead > 0 => {
            state.say(Tone::Bad, "This expression looks ahead: nobody knows today for whom it is true.");
        }
        Ok(checked) if checked.truth => {
            state.say(Tone::Good, format!("Only names with {text} are shown; F lifts it."));
            state.lab.screen = Some(text);
            lab::changed(state);
        }
        Ok(_) => {
            state.say(Tone::Good, "A screen is true or false: compare the expression with a value.");
            state.modals.push(line(LineKind::Screen, &format!("{text} > ")));
        }
        Err(_) => {}
    }
}

/// Draws the expression on the chart, or stops.
pub fn overlay(state: &mut UiState) {
    state.lab.overlay = !state.lab.overlay;
    let text =
        if state.lab.overlay { "The chart shows the expression." } else { "The chart shows prices only." };
    state.say(Tone::Good, text);
}
