//! An expression on screen: broken into lines where it reads well, each kind of word in its look, carets below what
//! is wrong.
//!
//! Lines are bytes of the text and leave nothing out, so that every byte has one place and the cursor is where it is.

use std::ops::Range;

use ratatui::layout::Position;
use unicode_width::UnicodeWidthChar;

use crate::tui::format;
use crate::tui::theme::{Meaning, Theme};

use super::pen::Pen;

/// Bytes of each line of `text` when a line has `cells`; there is always one.
pub fn lines(text: &str, cells: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut used, mut good) = (0, 0, None);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > cells.max(1) && at > start {
            // A break after a comma, an operator or a space reads better, unless it leaves half of the line empty.
            let end =
                good.filter(|g| format::width(text.get(start..*g).unwrap_or("")) * 2 > cells).unwrap_or(at);
            out.push(start..end);
            used = format::width(text.get(end..at).unwrap_or(""));
            (start, good) = (end, None);
        }
        used += wide;
        if matches!(c, ' ' | ',' | '(' | '/' | '*' | '+' | '&' | '|') {
            good = Some(at + c.len_utf8());
        }
    }
    out.push(start..text.len());
    out
}

/// Where a byte of the text stands: line and cell.
pub fn place(text: &str, lines: &[Range<usize>], byte: usize) -> (usize, usize) {
    let line = lines.iter().rposition(|l| l.start <= byte).unwrap_or(0);
    let start = lines.get(line).map_or(0, |l| l.start);
    (line, format::width(text.get(start..byte).unwrap_or("")))
}

/// An expression to be drawn.
#[derive(Debug, Clone)]
pub struct Code<'a> {
    /// Its text.
    pub text: &'a str,
    /// Byte of the cursor.
    pub cursor: usize,
    /// Bytes that are wrong; empty at the end when something is missing.
    pub wrong: Option<Range<usize>>,
    /// How what is wrong looks.
    pub mark: Meaning,
}

impl Code<'_> {
    /// Rows it wants at a width: its lines, and one for carets.
    pub fn rows(&self, width: u16) -> usize {
        lines(self.text, cells(width)).len() + 1
    }

    /// Draws it into the rows of the pen, the cursor's line always among them; returns where the cursor stands.
    pub fn draw(&self, theme: &Theme, pen: &mut Pen<'_>) -> Position {
        let lines = lines(self.text, cells(pen.width()));
        let (cursor_line, cursor_cell) = place(self.text, &lines, self.cursor);
        let marked = self.wrong.as_ref().map(|w| place(self.text, &lines, w.start).0);
        let room = usize::from(pen.height()).saturating_sub(1).max(1);
        let first = (cursor_line + 1).saturating_sub(room);
        let mut at = Position { x: 0, y: 0 };
        let mut y = 0;
        for (i, line) in lines.iter().enumerate().skip(first).take(room) {
            self.draw_line(theme, line, y, pen);
            if i == cursor_line {
                at = Position { x: u16::try_from(cursor_cell).unwrap_or(0), y };
            }
            y += 1;
            if marked == Some(i) {
                self.draw_carets(theme, line, y, pen);
                y += 1;
            }
        }
        at
    }

    fn draw_line(&self, theme: &Theme, line: &Range<usize>, y: u16, pen: &mut Pen<'_>) {
        let mut x = 0;
        for (place, meaning) in words(self.text, line) {
            let text = self.text.get(place.clone()).unwrap_or("");
            let bad = self.wrong.as_ref().is_some_and(|w| place.start < w.end && w.start < place.end);
            x = pen.put(x, y, text, theme.style(if bad { self.mark } else { meaning }));
        }
    }

    fn draw_carets(&self, theme: &Theme, line: &Range<usize>, y: u16, pen: &mut Pen<'_>) {
        let Some(wrong) = &self.wrong else { return };
        let from = wrong.start.max(line.start);
        let to = wrong.end.min(line.end).max(from);
        let before = format::width(self.text.get(line.start..from).unwrap_or(""));
        let wide = format::width(self.text.get(from..to).unwrap_or("")).max(1);
        let style = theme.style(self.mark);
        pen.put(u16::try_from(before).unwrap_or(u16::MAX), y, &"^".repeat(wide), style);
    }
}

/// Cells of a line: one is left for a cursor behind the last character.
fn cells(width: u16) -> usize {
    usize::from(width.saturating_sub(1)).max(1)
}

/// The words of a line with their looks.
fn words(text: &str, line: &Range<usize>) -> Vec<(Range<usize>, Meaning)> {
    let mut out: Vec<(Range<usize>, Meaning)> = Vec::new();
    let inside = text.get(line.clone()).unwrap_or("");
    let mut rest = inside.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let mut end = at + c.len_utf8();
        let meaning = match c {
            '$' => Meaning::Accent,
            c if c.is_ascii_alphabetic() => Meaning::Key,
            c if c.is_ascii_digit() => Meaning::Text,
            _ => Meaning::Muted,
        };
        if meaning != Meaning::Muted {
            while let Some((next, c)) = rest.next_if(|(_, c)| part(*c)) {
                end = next + c.len_utf8();
            }
        }
        out.push((line.start + at..line.start + end, meaning));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::widgets::testing;

    fn shown(text: &str, wrong: Option<Range<usize>>, size: (u16, u16)) -> String {
        let theme = Theme::plain(false);
        testing::framed(size.0, size.1, |area, buf| {
            let code = Code { text, cursor: text.len(), wrong, mark: Meaning::Breach };
            code.draw(&theme, &mut Pen::new(buf, area));
        })
    }

    #[test]
    fn carets_stand_under_what_is_wrong_on_its_own_line() {
        insta::assert_snapshot!(shown("$close/Maen($close,5)", Some(7..11), (30, 2)), @r"
        |$close/Maen($close,5)
        |       ^^^^
        ");
        insta::assert_snapshot!(shown("Mean($close,5)/Maen($close,60)-1", Some(15..19), (20, 4)), @r"
        |Mean($close,5)/
        |Maen($close,60)-1
        |^^^^
        |
        ");
    }

    #[test]
    fn a_long_text_shows_the_line_of_the_cursor() {
        let text = "Mean($close,5)/".repeat(12);
        let drawn = shown(&text, None, (32, 3));
        assert_eq!(drawn.lines().count(), 3);
        let code = Code { text: &text, cursor: text.len(), wrong: None, mark: Meaning::Breach };
        assert_eq!(code.rows(32), 7);
    }

    proptest! {
        #[test]
        fn lines_leave_nothing_out_and_fit(text in "[$a-z0-9(),/東 ]{0,80}", cells in 2_usize..30) {
            let lines = lines(&text, cells);
            prop_assert_eq!(lines.iter().map(|l| &text[l.clone()]).collect::<String>(), text.clone());
            for line in &lines {
                prop_assert!(format::width(&text[line.clone()]) <= cells.max(2));
            }
            for (byte, _) in text.char_indices() {
                let (line, _) = place(&text, &lines, byte);
                prop_assert!(lines[line].contains(&byte));
            }
        }
    }
}
