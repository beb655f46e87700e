//! Terminal citizenship: how the terminal is given back, what is written and what is not, sizes, colours.

use std::time::Duration;

use vt100::MouseProtocolMode;

use crate::home::Home;
use crate::terminal::{BEGIN, END, SIZES, Terminal};

/// Bound on leaving after a request to leave.
const LEAVE_MAX: Duration = Duration::from_secs(20);
/// Bound on leaving when the terminal is gone.
const UNPLUGGED_MAX: Duration = Duration::from_secs(5);
/// How long an idle terminal is listened to.
const IDLE: Duration = Duration::from_secs(4);

fn count(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|w| *w == needle).count()
}

/// Everything that was switched on was switched off, in the end.
fn is_given_back(terminal: &Terminal) {
    let bytes = terminal.bytes();
    let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(400)..]).to_string();
    for off in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l", "\x1b[?1000l", "\x1b[?1004l"] {
        assert!(tail.contains(off), "{off:?} is not in {tail:?}");
    }
    let left = tail.rfind("\x1b[?1049l").unwrap();
    assert!(!tail[left..].contains("\x1b[?2026h"), "a frame after leaving: {tail:?}");
    terminal.look(|screen| {
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
    });
    assert!(terminal.line_is_restored(), "raw mode is left");
    let frames = (count(&bytes, BEGIN), count(&bytes, END));
    assert!(frames.0 > 0 && (frames.1 == frames.0 || frames.1 == frames.0 + 1), "{frames:?}");
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let home = Home::staffed();
    for way in ["q", "Ctrl-C", "TERM", "HUP", "INT"] {
        let mut terminal = Terminal::log_in(&home, SIZES[0], "ana");
        assert!(!terminal.line_is_restored());
        terminal.look(|s| assert!(s.alternate_screen()));
        match way {
            "q" => terminal.keys("q"),
            "Ctrl-C" => {
                terminal.keys("Ctrl-C");
                terminal.shows("Press Ctrl-C again");
                terminal.keys("Ctrl-C");
            }
            signal => terminal.signal(signal),
        }
        assert_eq!(terminal.ended(LEAVE_MAX), Ok(0), "{way}");
        is_given_back(&terminal);
    }
}

#[test]
fn the_login_screen_gives_the_terminal_back_too() {
    let home = Home::staffed();
    for way in ["Esc", "TERM"] {
        let mut terminal = Terminal::start(&home, SIZES[1], &[], &[]);
        terminal.shows("Log in");
        match way {
            "Esc" => terminal.keys("Esc"),
            signal => terminal.signal(signal),
        }
        assert_eq!(terminal.ended(LEAVE_MAX), Ok(0), "{way}");
        is_given_back(&terminal);
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_process() {
    let home = Home::staffed();
    let mut terminal = Terminal::log_in(&home, SIZES[0], "ana");
    terminal.unplug();
    terminal.ended(UNPLUGGED_MAX).unwrap();
    // The home is free again: another workstation owns it.
    let next = Terminal::log_in(&home, SIZES[0], "ana");
    assert!(!next.text().contains("READ ONLY"));
    next.quit();
}

#[test]
fn an_idle_terminal_is_sent_nothing() {
    let home = Home::staffed();
    let mut terminal = Terminal::log_in(&home, SIZES[0], "ana");
    terminal.command("workspace orders");
    terminal.shows(">3 Orders<");
    // A line of the status row or a first screen may still be on its way: quiet must come within a few looks.
    let quiet = (0..5).any(|_| terminal.bytes_within(IDLE) == 0);
    assert!(quiet, "bytes keep coming");
    assert_eq!(terminal.bytes_within(IDLE), 0);
    terminal.quit();
}

#[test]
fn leaving_with_a_draft_asks() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.command("buy S03 7");
        terminal.shows("New order");
        terminal.keys("Esc");
        terminal.hides("New order");
        terminal.shows("draft kept");
        terminal.keys("q");
        terminal.row(&["Leave"]);
        terminal.keys("Esc");
        terminal.hides("Leave?");
        terminal.command("discard");
        terminal.hides("draft kept");
        terminal.quit();
    }
}

/// Parameters of all SGR sequences.
fn looks(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).to_string();
    text.split("\x1b[")
        .filter_map(|p| p.split_once('m'))
        .map(|(p, _)| p.to_string())
        .filter(|p| p.chars().all(|c| c.is_ascii_digit() || c == ';'))
        .collect()
}

#[test]
fn no_color_means_none_and_the_selection_still_shows() {
    let home = Home::staffed();
    let mut terminal = Terminal::start(&home, SIZES[0], &["--user", "ana"], &[("NO_COLOR", "1")]);
    terminal.shows("Log in");
    terminal.types(crate::home::PASSWORD);
    terminal.keys("Enter");
    terminal.shows(">1 Desk<");
    terminal.keys("0");
    terminal.shows(">0 Set");
    terminal.keys("Down");
    terminal.wait("a selected row", |s| {
        let rows = 2..s.size().0 - 2;
        rows.clone().any(|y| (2..20).all(|x| s.cell(y, x).is_some_and(vt100::Cell::inverse)))
    });
    for look in looks(&terminal.bytes()) {
        let parts: Vec<u16> = look.split(';').filter_map(|p| p.parse().ok()).collect();
        let coloured = parts.iter().any(|p| matches!(p, 30..=38 | 40..=48 | 90..=97 | 100..=107));
        assert!(!coloured, "colour without leave: {look}");
    }
    terminal.quit();
}

#[test]
fn a_window_too_small_says_so_and_works_again_when_enlarged() {
    let home = Home::staffed();
    let mut terminal = Terminal::log_in(&home, SIZES[0], "ana");
    terminal.resize((50, 10));
    let text = terminal.shows("needs 60x16, this is 50x10");
    assert!(!text.contains("Watchlist"));
    terminal.resize((80, 24));
    terminal.shows("[Watchlist]");
    terminal.keys("4");
    terminal.shows(">4 Portfolio<");
    terminal.resize((120, 36));
    // Side by side only in the large window: a key that comes with the resize itself would wait for the next one.
    terminal.row(&["Positions desk", "Account desk"]);
    terminal.quit();
}
