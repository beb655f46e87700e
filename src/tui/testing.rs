//! What tests of the terminal share: screens by role, keys as text, frames as text.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::role::Reach;
use crate::domain::{Capability, Role};
use crate::service::view::Screen;

use super::draw::draw;
use super::keys::Key;
use super::panes::fixture;
use super::state::{Effect, Input, UiState};
use super::theme::Theme;
use super::update::update;

/// The full fixture as a person of this role would get it.
pub fn screen_of(role: Role) -> Screen {
    let mut screen = fixture::screen();
    screen.role = role;
    screen.user = role.demo_name().parse().unwrap();
    screen.capabilities = Capability::all().filter(|c| role.reach(*c) != Reach::None).collect();
    screen
}

/// A state right after login.
pub fn state_of(role: Role) -> UiState {
    UiState::new(Arc::new(screen_of(role)), Theme::load(Theme::DEFAULT, false, false).unwrap(), true)
}

/// Presses keys written with spaces between; a word that starts with `=` is typed letter by letter.
pub fn press(state: &mut UiState, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for word in keys.split(' ') {
        match word.strip_prefix('=').filter(|w| !w.is_empty()) {
            Some(typed) => {
                typed.chars().for_each(|c| effects.extend(update(state, Input::Key(Key::char(c)))));
            }
            None => effects.extend(update(state, Input::Key(word.parse().unwrap()))),
        }
    }
    effects
}

/// Draws and keeps what was learnt of the frame, as the loop does.
pub fn frame(state: &mut UiState, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let drawn = draw(state, &mut buffer);
    state.drawn(drawn);
    buffer
}

/// A frame as lines of text.
pub fn text(state: &mut UiState, width: u16, height: u16) -> String {
    text_of(&frame(state, width, height))
}

/// A buffer as lines of text.
pub fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let row = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|c| c.symbol()).collect::<String>();
    buffer.content.chunks(width).map(|cells| row(cells).trim_end().to_owned() + "\n").collect()
}
