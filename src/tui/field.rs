//! Fields that take text: [`Field`] for what may be seen, [`SecretField`] for passwords.
//!
//! What is typed or pasted is cleaned before it is kept, so nothing a paste carries can move the cursor. Both are
//! bounded. A password is wiped when its field is dropped or taken.

use secrecy::SecretString;
use tui_input::{Input, InputRequest};
use zeroize::Zeroize;

use crate::domain::CleanText;

use super::keys::{Code, Key};

/// A field that shows what is typed.
#[derive(Debug, Clone, Default)]
pub struct Field {
    input: Input,
    max: usize,
}

impl Field {
    /// An empty field of at most `max` characters.
    pub fn new(max: usize) -> Self {
        Self { input: Input::default(), max }
    }

    /// A field that already holds something.
    pub fn with(max: usize, text: &str) -> Self {
        let clean = CleanText::new(text);
        Self { input: Input::new(clean.as_str().chars().take(max).collect()), max }
    }

    /// What it holds.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Replaces what it holds.
    pub fn set(&mut self, text: &str) {
        *self = Field::with(self.max, text);
    }

    /// Cells between the start of the text and the cursor.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// The part around the cursor that fits, and the cells before the cursor in it.
    pub fn shown(&self, width: usize) -> (String, usize) {
        let hidden = self.input.visual_scroll(width);
        (self.text().chars().skip(hidden).collect(), self.cursor().saturating_sub(hidden))
    }

    /// Bytes between the start of the text and the cursor.
    pub fn cursor_byte(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.input.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Puts other text in place of some bytes, with the cursor behind it.
    pub fn replace(&mut self, place: std::ops::Range<usize>, with: &str) {
        let (Some(before), Some(after)) = (self.text().get(..place.start), self.text().get(place.end..))
        else {
            return;
        };
        let cursor = before.chars().count() + with.chars().count();
        let text = format!("{before}{with}{after}");
        if text.chars().count() <= self.max {
            self.input = Input::new(text).with_cursor(cursor);
        }
    }

    /// Takes a key; `true` when it was one for a field.
    pub fn key(&mut self, key: Key) -> bool {
        let request = match key.code {
            Code::Char(c) if !key.ctrl && !key.alt => {
                self.insert(c);
                return true;
            }
            Code::Char('a') if key.ctrl => InputRequest::GoToStart,
            Code::Char('e') if key.ctrl => InputRequest::GoToEnd,
            Code::Char('u') if key.ctrl => InputRequest::DeleteLine,
            Code::Char('w') if key.ctrl => InputRequest::DeletePrevWord,
            Code::Backspace => InputRequest::DeletePrevChar,
            Code::Delete => InputRequest::DeleteNextChar,
            Code::Left if key.ctrl => InputRequest::GoToPrevWord,
            Code::Right if key.ctrl => InputRequest::GoToNextWord,
            Code::Left => InputRequest::GoToPrevChar,
            Code::Right => InputRequest::GoToNextChar,
            Code::Home => InputRequest::GoToStart,
            Code::End => InputRequest::GoToEnd,
            _ => return false,
        };
        self.input.handle(request);
        true
    }

    /// Takes a paste.
    pub fn paste(&mut self, text: &str) {
        CleanText::new(text).as_str().chars().for_each(|c| self.insert(c));
    }

    fn insert(&mut self, c: char) {
        let clean = !CleanText::new(c.encode_utf8(&mut [0; 4])).is_empty();
        if clean && self.text().chars().count() < self.max {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }
}

/// A field for a password: shows only how long it is.
#[derive(Default)]
pub struct SecretField {
    text: String,
}

impl SecretField {
    /// Longest password, in characters.
    pub const MAX: usize = 128;

    /// How many characters it holds.
    pub fn len(&self) -> usize {
        self.text.chars().count()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether both hold the same.
    pub fn same(&self, other: &SecretField) -> bool {
        self.text == other.text
    }

    /// Takes a key; `true` when it was one for a field.
    pub fn key(&mut self, key: Key) -> bool {
        match key.code {
            Code::Char('u') if key.ctrl => self.clear(),
            Code::Char(c) if !key.ctrl && !key.alt => self.insert(c),
            Code::Backspace => {
                self.text.pop();
            }
            _ => return false,
        }
        true
    }

    /// Takes a paste, its first line only.
    pub fn paste(&mut self, text: &str) {
        text.chars().take_while(|c| !matches!(c, '\n' | '\r')).for_each(|c| self.insert(c));
    }

    /// Takes the password out and leaves the field empty.
    pub fn take(&mut self) -> SecretString {
        SecretString::from(std::mem::take(&mut self.text))
    }

    /// Wipes what was typed.
    pub fn clear(&mut self) {
        self.text.zeroize();
    }

    fn insert(&mut self, c: char) {
        if !c.is_control() && self.len() < Self::MAX {
            // Room is made once, so that growing never leaves a copy behind.
            self.text.reserve_exact(Self::MAX * 4 - self.text.len().min(Self::MAX * 4));
            self.text.push(c);
        }
    }
}

impl Drop for SecretField {
    fn drop(&mut self) {
        self.clear();
    }
}

impl std::fmt::Debug for SecretField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretField")
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_paste_cannot_carry_an_escape() {
        let mut field = Field::new(20);
        field.paste("AB\u{1b}[2J\u{202e}C\nD");
        assert_eq!(field.text(), "AB[2JC D");
    }

    #[test]
    fn a_field_is_bounded() {
        let mut field = Field::new(3);
        field.paste("12345");
        assert_eq!(field.text(), "123");
    }

    #[test]
    fn a_taken_password_leaves_nothing() {
        let mut field = SecretField::default();
        field.paste("hunter2\nls");
        assert_eq!(field.take().expose_secret(), "hunter2");
        assert!(field.is_empty());
    }
}
