//! Its numbers: single-precision floats written as if they were doubles.
//!
//! 34.099998474121094 is the float nearest to 34.1, and 34.1 was meant: of all decimals that are that float, the
//! shortest is taken. This keeps what a price hint of two digits would cut off: prices restated for splits, such as
//! 13.237, need more digits than prices that were traded. Numbers that are no such float are left as they are.

use std::borrow::Cow;

/// Digits from which a text may be such a float; shorter texts say what they mean.
const DIGITS_MIN: usize = 9;

/// The text of the number that was meant.
pub(super) fn meant(text: &str) -> Cow<'_, str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < DIGITS_MIN || !text.contains('.') {
        return Cow::Borrowed(text);
    }
    let Ok(wide) = text.parse::<f64>() else { return Cow::Borrowed(text) };
    let narrow = wide as f32;
    let same = f64::from(narrow).to_bits() == wide.to_bits() && narrow.is_finite();
    if same { Cow::Owned(narrow.to_string()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_become_what_was_meant() {
        let cases = [
            ("34.099998474121094", "34.1"),
            ("13.237000465393066", "13.237"),
            ("13.556750297546387", "13.55675"),
            ("75.0875015258789", "75.0875"),
            ("7200.17431640625", "7200.1743"),
            ("46.5", "46.5"),
            ("48.832", "48.832"),
            ("40.730000000000004", "40.730000000000004"),
            ("135480400", "135480400"),
            ("112", "112"),
            ("NaN", "NaN"),
            ("", ""),
        ];
        for (text, wanted) in cases {
            assert_eq!(meant(text), wanted);
        }
    }
}
