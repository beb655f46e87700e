//! Its numbers: single-precision floats written as if they were doubles.
//!
//! 34.099998474121094 is the float nearest to 34.1, and 34.1 was meant: of all decimals that are that float, the
//! shortest is taken. This keeps what a price hint of two digits would cut off: prices restated for splits, such as
//! 13.237, need more digits than prices that were traded. Numbers that are no such float are left as they are.

use std::borrow::Cow;

/// Digits from which a text may be such a float; shorter texts say what they mean.
const DIGITS_MIN: usize = 9;
/// Below this, floats hold every whole number.
const WHOLE_MAX: f64 = 9e15;

/// The text of the number that was meant.
pub(super) fn meant(text: &str) -> Cow<'_, str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < DIGITS_MIN || !text.contains('.') {
        return Cow::Borrowed(text);
    }
    let Ok(wide) = text.parse::<f64>() else { return Cow::Borrowed(text) };
    let narrow = wide as f32;
    if f64::from(narrow).to_bits() != wide.to_bits() || !narrow.is_finite() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(few_digits(wide, narrow).unwrap_or_else(|| narrow.to_string()))
}

/// The float as a decimal with as few digits behind the point as it takes, where six are enough: the usual case, and
/// quicker than the general way.
fn few_digits(wide: f64, narrow: f32) -> Option<String> {
    let units = [(0, 1.0), (1, 10.0), (2, 1e2), (3, 1e3), (4, 1e4), (5, 1e5), (6, 1e6)];
    let fits = |unit: f64| {
        let scaled = libm::round(wide * unit);
        ((scaled / unit) as f32 == narrow && (0.0..WHOLE_MAX).contains(&scaled)).then_some(scaled as u64)
    };
    let (places, mut scaled) = units.iter().find_map(|(places, unit)| Some((*places, fits(*unit)?)))?;
    let mut backwards = Vec::with_capacity(20);
    for place in 0.. {
        if place > places && scaled == 0 {
            break;
        }
        if place == places && places > 0 {
            backwards.push('.');
        }
        backwards.push(char::from(b'0' + (scaled % 10) as u8));
        scaled /= 10;
    }
    Some(backwards.iter().rev().collect())
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
            ("0.14550000429153442", "0.1455"),
            ("0.0024999999441206455", "0.0025"),
            ("0.00000123456789012", "0.00000123456789012"),
            ("-34.099998474121094", "-34.1"),
            ("0.00000011920928955078125", "0.00000011920929"),
        ];
        for (text, wanted) in cases {
            assert_eq!(meant(text), wanted);
        }
    }

    #[test]
    fn the_quick_way_and_the_general_way_are_one() {
        let mut state = 7;
        for _ in 0..20_000 {
            let bits = crate::domain::testing::split_mix(&mut state);
            // Prices from a hundredth of a cent to a million, each a float of its own.
            let price = (bits % 1_000_000_007) as f32 / [1e4, 1e3, 1e2, 7.0, 13.0][(bits >> 40) as usize % 5];
            assert_eq!(meant(&format!("{:.25}", f64::from(price))).parse::<f32>(), Ok(price));
            let text = format!("{}", f64::from(price));
            let long = text.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN && text.contains('.');
            assert!(!long || meant(&text) == price.to_string(), "{text}: {} {price}", meant(&text));
        }
    }
}
