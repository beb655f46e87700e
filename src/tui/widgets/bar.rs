//! Horizontal bars: how much of something is used, or how far something is from zero.

use crate::tui::format;
use crate::tui::theme::Meaning;

/// Use from which a limit is worth a look.
pub const USE_NOTED: f64 = 0.50;
/// Use from which a limit is approached.
pub const USE_NEAR: f64 = 0.75;
/// Use from which a limit is nearly reached.
pub const USE_CLOSE: f64 = 0.90;
/// Use from which a limit is broken when it is passed.
pub const USE_FULL: f64 = 1.0;

/// What a used share of a limit means, with the mark that goes with it.
pub fn use_meaning(used: f64) -> (Meaning, &'static str) {
    match used {
        u if u.is_nan() => (Meaning::Stale, "?"),
        u if u > USE_FULL => (Meaning::Breach, "X"),
        u if u >= USE_CLOSE => (Meaning::Warn, "!"),
        u if u >= USE_NEAR => (Meaning::Warn, "+"),
        u if u >= USE_NOTED => (Meaning::Text, " "),
        _ => (Meaning::Good, " "),
    }
}

/// A bar of `cells` filled to `share` (0 to 1), with eighths of a cell where unicode is allowed.
pub fn filled(share: f64, cells: usize, ascii: bool) -> (String, String) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    let (full, rest) = match (ascii, eighths / 8, eighths % 8) {
        (true, full, rest) => (full + usize::from(rest >= 4), 0),
        (false, full, rest) => (full, rest),
    };
    let mut head = if ascii { "#" } else { "█" }.repeat(full);
    head.push_str(EIGHTHS.get(rest).unwrap_or(&""));
    let left = cells.saturating_sub(format::width(&head));
    (head, if ascii { "." } else { "·" }.repeat(left))
}

/// A bar of `cells` around a middle: negative to the left, positive to the right; `value` from -1 to 1.
///
/// Returns the empty left part, the filled part and the empty right part.
pub fn signed(value: f64, cells: usize, ascii: bool) -> (String, String, String) {
    let half = cells / 2;
    let value = if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 };
    let length = ((value.abs() * half as f64).round() as usize).max(usize::from(value != 0.0)).min(half);
    let body = if ascii { "#" } else { "■" }.repeat(length);
    let blank = |n: usize| " ".repeat(n);
    let axis = if ascii { "|" } else { "│" };
    if cells == 0 {
        return (String::new(), String::new(), String::new());
    }
    let right = cells - half - 1;
    if value < 0.0 {
        (blank(half - length), body, format!("{axis}{}", blank(right)))
    } else {
        let length = length.min(right);
        let body: String = body.chars().take(length).collect();
        (format!("{}{axis}", blank(half)), body, blank(right - length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_width_at_any_share() {
        for ascii in [false, true] {
            for cells in 0..20 {
                for share in [-1.0, 0.0, 0.01, 0.5, 0.93, 1.0, 7.0, f64::NAN, f64::INFINITY] {
                    let (head, tail) = filled(share, cells, ascii);
                    assert_eq!(format::width(&head) + format::width(&tail), cells, "{share} {cells}");
                    let (a, b, c) = signed(share, cells, ascii);
                    assert_eq!(
                        format::width(&a) + format::width(&b) + format::width(&c),
                        cells,
                        "{share} {cells}"
                    );
                }
            }
        }
    }

    #[test]
    fn use_is_told_by_a_mark_too() {
        let marks = [0.2, 0.6, 0.8, 0.95, 1.0, 1.01, f64::NAN].map(|u| use_meaning(u).1);
        assert_eq!(marks, [" ", " ", "+", "!", "!", "X", "?"]);
    }

    #[test]
    fn halves_are_drawn() {
        assert_eq!(filled(0.55, 10, false), ("█████▌".to_owned(), "····".to_owned()));
        assert_eq!(filled(0.55, 10, true), ("######".to_owned(), "....".to_owned()));
        assert_eq!(signed(-0.5, 9, true), ("  ".to_owned(), "##".to_owned(), "|    ".to_owned()));
    }
}
