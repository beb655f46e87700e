//! JSON as CONTRACTS promises it: one document, plain decimals, nothing that could move a cursor.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::domain::CleanText;

/// Writes floats without exponent, and control or bidirectional characters as escapes.
struct Plain;

impl Formatter for Plain {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value}")
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        write!(writer, "{value}")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if CleanText::new(fragment).as_str() == fragment {
            return writer.write_all(fragment.as_bytes());
        }
        let mut bytes = [0; 4];
        for c in fragment.chars() {
            let text: &str = c.encode_utf8(&mut bytes);
            if CleanText::new(text).as_str() == text {
                writer.write_all(text.as_bytes())?;
            } else {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }
}

/// One document and a line break.
pub fn write<T: Serialize + ?Sized>(writer: &mut dyn Write, value: &T) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *writer, Plain);
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    writer.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed<T: Serialize>(value: &T) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_no_exponent_and_come_back_the_same() {
        assert_eq!(printed(&[1e-7, 0.1, -2.5e20]), "[0.0000001,0.1,-250000000000000000000]\n");
        assert_eq!(printed(&f64::NAN), "null\n");
    }

    #[test]
    fn characters_that_trick_a_terminal_are_escaped_and_kept() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}é\u{1b}";
        let shown = printed(&text);
        assert_eq!(shown, "\"a\\u009bb\\u202ec\\udb40\\udc41é\\u001b\"\n");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
