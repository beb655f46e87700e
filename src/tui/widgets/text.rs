//! Text broken into lines by display width.

use crate::tui::format::width;

/// Breaks `text` at spaces into lines of at most `cells`; a word that is too long is broken inside.
///
/// No cells, no lines. An empty text gives no line.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if cells == 0 {
        return lines;
    }
    let mut line = String::new();
    for word in text.split_whitespace() {
        let joined = width(&line) + usize::from(!line.is_empty()) + width(word);
        if joined <= cells {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line = break_word(word, cells, &mut lines);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Puts all full lines of a long word into `lines` and returns its rest.
fn break_word(word: &str, cells: usize, lines: &mut Vec<String>) -> String {
    let mut rest = String::new();
    for c in word.chars() {
        let with = width(&rest) + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if with > cells && !rest.is_empty() {
            lines.push(std::mem::take(&mut rest));
        }
        rest.push(c);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn breaks_at_spaces_and_inside_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("東京電力 の", 4), ["東京", "電力", "の"]);
        assert!(wrap("x", 0).is_empty());
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_and_no_word_is_lost(text in "[a-z東 ]{0,60}", cells in 2_usize..20) {
            let lines = wrap(&text, cells);
            prop_assert!(lines.iter().all(|l| width(l) <= cells && !l.is_empty()));
            let squeezed = |t: &str| t.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&text));
        }
    }
}
