//! Numbers as vendors write them, read exactly.
//!
//! Plain decimals (`12.50`, `.5`, `5.`) and scientific notation (`1.25e+1`) become scaled integers without passing
//! through a float. Digits beyond the scale are rounded half to even, once. NaN and infinity are told from nonsense.

use crate::domain::QuarantineReason;
use crate::domain::fixed::divide_half_even;

/// Most significant digits kept of a mantissa; later ones only decide ties.
const DIGITS_MAX: u32 = 36;
/// Exponents beyond this are out of range or zero whatever the digits.
const EXPONENT_MAX: i64 = 400;

/// Why a field is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// Empty, or a word for "none".
    Missing,
    /// NaN or infinite.
    NotFinite,
    /// Not a number.
    Nonsense,
    /// Too large.
    OutOfRange,
}

impl NumberFault {
    /// As a reason for quarantine, with `missing` for an empty field.
    pub const fn reason(self, missing: QuarantineReason) -> QuarantineReason {
        match self {
            NumberFault::Missing => missing,
            NumberFault::NotFinite => QuarantineReason::NotFinite,
            NumberFault::Nonsense => QuarantineReason::BadNumber,
            NumberFault::OutOfRange => QuarantineReason::OutOfRange,
        }
    }
}

/// Digits of a number and where its point stands: `mantissa × 10^exponent`.
struct Digits {
    mantissa: i128,
    kept: u32,
    exponent: i64,
    /// Whether digits that are not zero were left out.
    inexact: bool,
}

impl Digits {
    fn push(&mut self, digit: u8, behind_point: bool) {
        if self.kept < DIGITS_MAX {
            self.mantissa = self.mantissa * 10 + i128::from(digit);
            self.kept += u32::from(self.mantissa != 0);
            self.exponent -= i64::from(behind_point);
        } else {
            self.inexact |= digit != 0;
            self.exponent += i64::from(!behind_point);
        }
    }
}

/// Reads `text` as an integer scaled by `10^places`.
pub fn parse_scaled(text: &str, places: u32) -> Result<i64, NumberFault> {
    let text = text.trim();
    if let Some(raw) = parse_plain(text.as_bytes(), places) {
        return Ok(raw);
    }
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    if !magnitude.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(word(text, magnitude));
    }
    let digits = parse_digits(magnitude)?;
    let scaled = scale(&digits, i64::from(places)).ok_or(NumberFault::OutOfRange)?;
    i64::try_from(if negative { -scaled } else { scaled }).map_err(|_| NumberFault::OutOfRange)
}

/// The common case, `123.45` with at most 17 digits and no more of them behind the point than are kept.
fn parse_plain(text: &[u8], places: u32) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    let (mut value, mut behind, mut digits, mut point) = (0_i64, 0_u32, 0_u32, false);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + i64::from(byte - b'0');
                digits += 1;
                behind += u32::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    let power = places.checked_sub(behind).filter(|_| digits > 0)?;
    value.checked_mul(10_i64.pow(power))
}

/// What a field that does not begin with a digit means.
fn word(text: &str, magnitude: &str) -> NumberFault {
    let is_one_of = |text: &str, words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if text.is_empty() || is_one_of(text, &["null", "none", "na", "n/a", "-"]) {
        NumberFault::Missing
    } else if is_one_of(magnitude, &["nan", "inf", "infinity"]) {
        NumberFault::NotFinite
    } else {
        NumberFault::Nonsense
    }
}

fn parse_digits(text: &str) -> Result<Digits, NumberFault> {
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at + 1..)),
        None => (text, None),
    };
    let mut digits = Digits { mantissa: 0, kept: 0, exponent: 0, inexact: false };
    let (mut point, mut any) = (false, false);
    for byte in number.bytes() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                digits.push(byte - b'0', point);
            }
            b'.' if !point => point = true,
            _ => return Err(NumberFault::Nonsense),
        }
    }
    if !any {
        return Err(NumberFault::Nonsense);
    }
    if let Some(text) = exponent {
        digits.exponent += parse_exponent(text)?;
    }
    Ok(digits)
}

/// An exponent, held within ±2 × [`EXPONENT_MAX`] so that sums stay small.
fn parse_exponent(text: &str) -> Result<i64, NumberFault> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberFault::Nonsense);
    }
    let limit = 2 * EXPONENT_MAX;
    let size = digits.parse::<i64>().unwrap_or(limit).min(limit);
    Ok(if text.starts_with('-') { -size } else { size })
}

/// `mantissa × 10^(exponent + places)`, rounded half to even; `None` when it does not fit.
fn scale(digits: &Digits, places: i64) -> Option<i128> {
    if digits.mantissa == 0 {
        return Some(0);
    }
    let shift = digits.exponent.checked_add(places)?;
    let power = |n: i64| 10_i128.checked_pow(u32::try_from(n).ok()?);
    if shift >= 0 {
        return if shift > EXPONENT_MAX { None } else { digits.mantissa.checked_mul(power(shift)?) };
    }
    // A left-out digit lifts an exact half above the tie: one more digit says so.
    let (mantissa, shift) = if digits.inexact {
        (digits.mantissa.checked_mul(10)? + 1, shift - 1)
    } else {
        (digits.mantissa, shift)
    };
    // Fewer than 38 digits: dividing by 10^38 or more leaves less than a half.
    power(-shift).map_or(Some(0), |divisor| divide_half_even(mantissa, divisor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vendors_notations_are_read_exactly() {
        let cases = [
            ("45.07", 45_070_000_000),
            ("53204626.0", 53_204_626_000_000_000),
            (" 12 ", 12_000_000_000),
            ("1.2345e3", 1_234_500_000_000),
            ("1.2345E+03", 1_234_500_000_000),
            ("12345e-4", 1_234_500_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("+7", 7_000_000_000),
            ("-0.0", 0),
            ("-2.5", -2_500_000_000),
            ("0e999999999999999999999", 0),
            ("000000000000000000000001.5", 1_500_000_000),
            ("118.55999999999999", 118_560_000_000),
            ("1e-400", 0),
            ("9223372036.854775807", i64::MAX),
        ];
        for (text, raw) in cases {
            assert_eq!(parse_scaled(text, 9), Ok(raw), "{text}");
        }
    }

    #[test]
    fn more_digits_round_half_to_even() {
        let cases = [
            ("0.0000000005", 0),
            ("0.0000000015", 2),
            ("0.0000000025", 2),
            ("0.00000000250000000000000000000000000000000000000000001", 3),
            ("-0.0000000015", -2),
            ("2.5e-9", 2),
            ("4.9e-10", 0),
        ];
        for (text, raw) in cases {
            assert_eq!(parse_scaled(text, 9), Ok(raw), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_apart() {
        use NumberFault::{Missing, Nonsense, NotFinite, OutOfRange};
        let cases = [
            ("", Missing),
            ("  ", Missing),
            ("null", Missing),
            ("N/A", Missing),
            ("NaN", NotFinite),
            ("-inf", NotFinite),
            ("Infinity", NotFinite),
            ("1e300", OutOfRange),
            ("9223372036.854775808", OutOfRange),
            ("1e99999999999999999999", OutOfRange),
            ("1,234.5", Nonsense),
            ("$12", Nonsense),
            ("1.2.3", Nonsense),
            (".", Nonsense),
            ("1e", Nonsense),
            ("1e+", Nonsense),
            ("0x10", Nonsense),
            ("--1", Nonsense),
            ("12abc", Nonsense),
        ];
        for (text, fault) in cases {
            assert_eq!(parse_scaled(text, 9), Err(fault), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_price_prints_reads_back(raw in any::<i64>()) {
            let price = crate::domain::Price::from_raw(raw);
            prop_assert_eq!(parse_scaled(&price.to_string(), 9), Ok(raw));
        }

        #[test]
        fn any_float_reads_to_its_nearest_step(value in -1e9_f64..1e9) {
            let raw = parse_scaled(&format!("{value:e}"), 3).unwrap();
            prop_assert!((raw as f64 / 1e3 - value).abs() <= 0.000_501);
        }

        #[test]
        fn no_text_upsets_it(text in "\\PC{0,60}") {
            let plain = text.trim().bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            prop_assert!(plain || parse_scaled(&text, 9).is_err());
        }
    }
}
