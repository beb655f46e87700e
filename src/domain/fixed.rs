//! Scaled-integer numbers: [`Price`], [`Quantity`] and [`Ratio`] at 1e-9, [`Money`] at 1e-6, [`Volume`] at 1e-3.
//!
//! Every operation is checked; products go through `i128` and round half to even once.
//! `rust_decimal` is used only to parse; printing is exact and plain (no exponent, no trailing zeros).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::serial::Short;

/// Why a number could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a plain decimal such as `-12.50`.
    #[error("is not a plain decimal number")]
    NotDecimal,
    /// More digits behind the point than the type holds.
    #[error("has more digits behind the point than can be kept exactly")]
    TooPrecise,
    /// Outside the range of the type.
    #[error("is too large to be kept exactly")]
    Overflow,
}

/// `numerator / denominator`, rounded half to even. `None` on a zero denominator.
#[inline]
pub fn divide_half_even(numerator: i128, denominator: i128) -> Option<i128> {
    let (whole, part) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    // Without the twos of the divisor nearly all amounts fit a machine word, which divides many times faster.
    let twos = part.trailing_zeros();
    let words = u64::try_from(whole.checked_shr(twos)?).ok().zip(u64::try_from(part >> twos).ok());
    let quotient = match words {
        Some((whole, part)) => u128::from(whole / part),
        None => whole / part,
    };
    let rest = whole - quotient * part;
    let away = match rest.cmp(&(part - rest)) {
        Ordering::Less => false,
        Ordering::Equal => quotient % 2 != 0,
        Ordering::Greater => true,
    };
    let rounded = quotient + u128::from(away);
    if (numerator < 0) == (denominator < 0) {
        0_i128.checked_add_unsigned(rounded)
    } else {
        0_i128.checked_sub_unsigned(rounded)
    }
}

/// Parses a plain decimal (`-?digits[.digits]`) into an integer scaled by `10^places`.
fn parse_scaled(text: &str, places: u32) -> Result<i64, NumberError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let bounded =
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.ends_with(|c: char| c.is_ascii_digit());
    if !plain || !bounded {
        return Err(NumberError::NotDecimal);
    }
    if digits.split('.').nth(1).is_some_and(|f| f.trim_end_matches('0').len() > places as usize) {
        return Err(NumberError::TooPrecise);
    }
    let decimal = Decimal::from_str(text).map_err(|_| NumberError::NotDecimal)?;
    let normal = decimal.normalize();
    let power = 10_i128.checked_pow(places - normal.scale().min(places));
    let scaled = power.and_then(|p| normal.mantissa().checked_mul(p));
    scaled.and_then(|v| i64::try_from(v).ok()).ok_or(NumberError::Overflow)
}

/// Writes `raw / 10^places` with at least `keep` digits behind the point.
fn write_scaled(f: &mut fmt::Formatter<'_>, raw: i64, places: usize, keep: usize) -> fmt::Result {
    let unit = 10_u64.pow(places as u32);
    let magnitude = raw.unsigned_abs();
    let (mut fraction, mut shown) = (magnitude % unit, places);
    while shown > keep && fraction.is_multiple_of(10) {
        fraction /= 10;
        shown -= 1;
    }
    let mut text = Short::new();
    if raw < 0 {
        text.push(b'-');
    }
    text.number(magnitude / unit, 1);
    if shown > 0 {
        text.push(b'.');
        text.number(fraction, shown);
    }
    f.pad(text.as_str())
}

macro_rules! scaled {
    ($(#[$doc:meta])* $name:ident, places $places:literal, keep $keep:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The raw integer of one whole unit.
            pub const ONE_RAW: i64 = 10_i64.pow($places);
            /// From the raw scaled integer.
            pub const fn from_raw(raw: i64) -> Self { Self(raw) }
            /// The raw scaled integer.
            pub const fn raw(self) -> i64 { self.0 }
            /// From whole units; `None` when out of range.
            pub fn from_whole(units: i64) -> Option<Self> {
                units.checked_mul(Self::ONE_RAW).map(Self)
            }
            /// Sum, or `None` out of range.
            pub fn checked_add(self, other: Self) -> Option<Self> { self.0.checked_add(other.0).map(Self) }
            /// Difference, or `None` out of range.
            pub fn checked_sub(self, other: Self) -> Option<Self> { self.0.checked_sub(other.0).map(Self) }
            /// Negated, or `None` out of range.
            pub fn checked_neg(self) -> Option<Self> { self.0.checked_neg().map(Self) }
            /// Magnitude, or `None` out of range.
            pub fn checked_abs(self) -> Option<Self> { self.0.checked_abs().map(Self) }
            /// Exactly zero.
            pub const fn is_zero(self) -> bool { self.0 == 0 }
            /// Above zero.
            pub const fn is_positive(self) -> bool { self.0 > 0 }
            /// Below zero.
            pub const fn is_negative(self) -> bool { self.0 < 0 }
            /// The value as a float, for statistics and drawing only.
            pub fn to_f64(self) -> f64 { self.0 as f64 / Self::ONE_RAW as f64 }
            /// The nearest value to a finite float; `None` when not finite or out of range.
            pub fn from_f64(value: f64) -> Option<Self> {
                let scaled = libm::rint(value * Self::ONE_RAW as f64);
                (scaled.is_finite() && scaled.abs() < 9.2e18).then_some(Self(scaled as i64))
            }
            /// From an `i128` of raw units.
            pub fn from_raw_wide(raw: i128) -> Result<Self, NumberError> {
                i64::try_from(raw).map(Self).map_err(|_| NumberError::Overflow)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> { parse_scaled(text, $places).map(Self) }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write_scaled(f, self.0, $places, $keep) }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                super::serial::from_text(d)
            }
        }
    };
}

scaled!(
    /// A price per unit in the instrument's currency, at 1e-9.
    Price, places 9, keep 0
);
scaled!(
    /// A signed number of shares, at 1e-9.
    Quantity, places 9, keep 0
);
scaled!(
    /// A plain fraction (weight, share, rate), at 1e-9: `0.05` is five per cent.
    Ratio, places 9, keep 0
);
scaled!(
    /// An amount of money at 1e-6 in its account's currency, shown with at least two digits.
    Money, places 6, keep 2
);
scaled!(
    /// Traded volume of a bar, at 1e-3.
    Volume, places 3, keep 0
);

const PRICE_QUANTITY_TO_MONEY: i128 = 1_000_000_000_000;

impl Price {
    /// Money over shares, rounded half to even at 1e-9; `None` for no shares, or where it does not fit.
    pub fn per_share(cost: Money, quantity: Quantity) -> Option<Price> {
        let wide = i128::from(cost.0).checked_mul(PRICE_QUANTITY_TO_MONEY)?;
        Price::from_raw_wide(divide_half_even(wide, i128::from(quantity.0))?).ok()
    }

    /// `price × quantity`, rounded half to even at 1e-6. Signed like the quantity.
    pub fn notional(self, quantity: Quantity) -> Result<Money, NumberError> {
        let product = i128::from(self.0).checked_mul(i128::from(quantity.0)).ok_or(NumberError::Overflow)?;
        let money = divide_half_even(product, PRICE_QUANTITY_TO_MONEY).ok_or(NumberError::Overflow)?;
        Money::from_raw_wide(money)
    }

    /// Half-way to another, rounded towards zero at 1e-9.
    pub const fn midpoint(self, other: Price) -> Price {
        Price(self.0.midpoint(other.0))
    }

    /// `price × ratio`, rounded half to even at 1e-9.
    pub fn scale(self, ratio: Ratio) -> Result<Price, NumberError> {
        scale_raw(self.0, ratio).and_then(Price::from_raw_wide)
    }

    /// Whether the price is a whole number of ticks.
    pub fn is_on_tick(self, tick: Price) -> bool {
        tick.0 > 0 && self.0 % tick.0 == 0
    }

    /// The nearest price on the tick that is no higher; without a tick, the price itself.
    pub fn down_to_tick(self, tick: Price) -> Price {
        if tick.0 <= 0 { self } else { Price(self.0.saturating_sub(self.0.rem_euclid(tick.0))) }
    }

    /// The nearest price on the tick that is no lower; without a tick, the price itself.
    pub fn up_to_tick(self, tick: Price) -> Price {
        if tick.0 <= 0 { self } else { Price(self.0.saturating_add(tick.0 - 1)).down_to_tick(tick) }
    }
}

impl Money {
    /// `money × ratio`, rounded half to even at 1e-6.
    pub fn scale(self, ratio: Ratio) -> Result<Money, NumberError> {
        scale_raw(self.0, ratio).and_then(Money::from_raw_wide)
    }

    /// `self / whole` as a ratio, rounded half to even; `None` when `whole` is zero or it does not fit.
    pub fn share_of(self, whole: Money) -> Option<Ratio> {
        let wide = i128::from(self.0).checked_mul(i128::from(Ratio::ONE_RAW))?;
        divide_half_even(wide, i128::from(whole.0)).and_then(|r| Ratio::from_raw_wide(r).ok())
    }
}

impl Quantity {
    /// Rounded toward zero to a multiple of `lot`; a lot of zero or less leaves it unchanged.
    pub fn round_to_lot(self, lot: Quantity) -> Quantity {
        if lot.0 <= 0 { self } else { Quantity(self.0 - self.0 % lot.0) }
    }

    /// Whether the quantity is a whole number of lots.
    pub fn is_on_lot(self, lot: Quantity) -> bool {
        lot.0 > 0 && self.0 % lot.0 == 0
    }

    /// What share of a volume it is, rounded half to even; of no volume none.
    pub fn share_of(self, volume: Volume) -> Option<Ratio> {
        if volume.is_zero() {
            return Some(Ratio::ZERO);
        }
        let wide = i128::from(self.0) * i128::from(Volume::ONE_RAW);
        divide_half_even(wide, i128::from(volume.0)).and_then(|r| Ratio::from_raw_wide(r).ok())
    }

    /// The smaller of two quantities.
    pub fn min(self, other: Quantity) -> Quantity {
        Ord::min(self, other)
    }
}

impl Ratio {
    /// `ratio × ratio`, rounded half to even.
    pub fn scale(self, ratio: Ratio) -> Result<Ratio, NumberError> {
        scale_raw(self.0, ratio).and_then(Ratio::from_raw_wide)
    }
}

impl Volume {
    /// `volume × ratio` as a quantity, rounded toward zero.
    pub fn share(self, ratio: Ratio) -> Quantity {
        let wide = i128::from(self.0) * i128::from(ratio.0) / i128::from(Volume::ONE_RAW);
        Quantity(i64::try_from(wide).unwrap_or(i64::MAX))
    }
}

fn scale_raw(raw: i64, ratio: Ratio) -> Result<i128, NumberError> {
    let product = i128::from(raw) * i128::from(ratio.0);
    divide_half_even(product, i128::from(Ratio::ONE_RAW)).ok_or(NumberError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn parses_and_prints_plain_decimals() {
        assert_eq!(price("231.40").to_string(), "231.4");
        assert_eq!("100000".parse::<Money>().unwrap().to_string(), "100000.00");
        assert_eq!("-0.005".parse::<Money>().unwrap().to_string(), "-0.005");
        assert_eq!(Quantity::from_whole(-3).unwrap().to_string(), "-3");
    }

    #[test]
    fn refuses_what_is_not_a_plain_decimal() {
        for bad in ["", "-", ".5", "5.", "1,5", "1e3", "+1", " 1", "1..2", "NaN", "0x1", "1_000"] {
            assert_eq!(bad.parse::<Price>(), Err(NumberError::NotDecimal), "{bad:?}");
        }
        assert_eq!("0.0000000001".parse::<Price>(), Err(NumberError::TooPrecise));
        assert_eq!("9999999999999".parse::<Price>(), Err(NumberError::Overflow));
    }

    #[test]
    fn rounds_half_to_even() {
        assert_eq!(divide_half_even(5, 2), Some(2));
        assert_eq!(divide_half_even(7, 2), Some(4));
        assert_eq!(divide_half_even(-5, 2), Some(-2));
        assert_eq!(divide_half_even(-7, 2), Some(-4));
        assert_eq!(divide_half_even(1, 0), None);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(raw in any::<i64>()) {
            prop_assert_eq!(Price::from_raw(raw).to_string().parse::<Price>(), Ok(Price::from_raw(raw)));
            prop_assert_eq!(Money::from_raw(raw).to_string().parse::<Money>(), Ok(Money::from_raw(raw)));
        }

        #[test]
        fn rounding_is_never_off_by_more_than_a_half(n in -1_000_000_i128..1_000_000, d in 1_i128..10_000) {
            let q = divide_half_even(n, d).unwrap();
            prop_assert!((n - q * d).abs() * 2 <= d);
        }

        #[test]
        fn a_division_by_words_is_the_division_of_the_whole(
            n in any::<i128>(), down in 0_u32..127, d in any::<i64>(), twos in 0_u32..62
        ) {
            let (n, d) = (n >> down, i128::from(d) << twos);
            prop_assume!(d != 0);
            let (quotient, rest) = (n / d, n % d);
            let (twice, divisor) = (2 * (rest.unsigned_abs()), d.unsigned_abs());
            let away = twice > divisor || (twice == divisor && quotient % 2 != 0);
            let step = if (n < 0) == (d < 0) { 1 } else { -1 };
            prop_assert_eq!(divide_half_even(n, d), Some(if away { quotient + step } else { quotient }));
        }
    }
}
