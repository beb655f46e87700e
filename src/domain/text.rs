//! [`CleanText`]: the only string type for text from outside.
//!
//! Control characters, bidirectional overrides, zero-width characters and line separators are removed when it
//! is made, so nothing a file, vendor or person supplies can move the cursor or hide text on a terminal.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Text without control, bidirectional or zero-width characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct CleanText(String);

/// Whether a character is taken out of text from outside.
fn is_removed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl CleanText {
    /// Cleans `text`; tabs and line breaks become one space each.
    pub fn new(text: &str) -> Self {
        let spaced = text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c });
        Self(spaced.filter(|c| !is_removed(*c)).collect())
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for CleanText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for CleanText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for CleanText {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl<'de> Deserialize<'de> for CleanText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(d).map(|t| Self::new(&t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_can_trick_a_terminal() {
        let text = CleanText::new("Ac\u{1b}[31mme\u{202e}\u{200b} Ltd\u{7}\r\nB\u{9b}2J\u{2028}\u{e0041}");
        assert_eq!(text.as_str(), "Ac[31mme Ltd  B2J");
    }

    #[test]
    fn reading_from_a_store_cleans_again() {
        let text: CleanText = serde_json::from_str("\"a\\u001bb\"").unwrap();
        assert_eq!(text.as_str(), "ab");
    }
}
