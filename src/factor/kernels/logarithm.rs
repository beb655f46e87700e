//! The natural logarithm of an `f32`, to the last bit as numpy computes it on vector hardware.
//!
//! numpy's single-precision logarithm is up to four units off the correctly rounded one, and windows over nearly
//! flat series make that visible; agreeing with Qlib therefore needs the same approximation. It writes x as
//! `m 2^k` with m in (√½, √2] and takes `k ln 2 + P(m-1)/Q(m-1)`; the coefficients are those of numpy's
//! `npy_simd_data.h`. Each step rounds once, like a fused multiply-add.

/// Numerator, from the fifth power down.
const P: [f32; 6] = [0.025_899_792, 0.380_883_77, 1.480_000_6, 2.112_677_6, 1.0, 0.0];
/// Denominator, from the fifth power down.
const Q: [f32; 6] = [0.005_875_095_4, 0.154_647_64, 0.986_494_3, 2.453_006, 2.612_677_6, 1.0];
/// 2^24, which makes a subnormal number normal.
const SUBNORMAL_SCALE: f32 = 16_777_216.0;
/// Bits behind the exponent of an `f32`.
const FRACTION_BITS: u32 = 23;
/// Exponent field of a number in [½, 1).
const HALF_EXPONENT: u32 = 126;

/// `a × b + c`, rounded to `f32` at the end: the product of two `f32` is exact in `f64`.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

/// A polynomial by Horner's rule.
#[inline(always)]
fn value(coefficients: &[f32; 6], at: f32) -> f32 {
    let [a, b, c, d, e, f] = *coefficients;
    fused(fused(fused(fused(fused(a, at, b), at, c), at, d), at, e), at, f)
}

/// `ln x`: minus infinity at 0, NaN below. Free of branches, so that it runs on many values at once.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * SUBNORMAL_SCALE } else { x };
    let shift = if tiny { 24.0 } else { 0.0 };
    let bits = scaled.to_bits();
    let power = (bits >> FRACTION_BITS) as i32 as f32 - HALF_EXPONENT as f32 - shift;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let half = f32::from_bits(HALF_EXPONENT << FRACTION_BITS | fraction);
    let low = half <= std::f32::consts::FRAC_1_SQRT_2;
    let m = if low { half + half } else { half };
    let power = if low { power - 1.0 } else { power };
    let at = m - 1.0;
    let usual = fused(power, std::f32::consts::LN_2, value(&P, at) / value(&Q, at));
    let ended = if x == 0.0 { f32::NEG_INFINITY } else { usual };
    let ended = if x == f32::INFINITY { x } else { ended };
    if x >= 0.0 { ended } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_those_of_the_logarithm() {
        assert_eq!((ln(1.0), ln(0.0), ln(f32::INFINITY)), (0.0, f32::NEG_INFINITY, f32::INFINITY));
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
    }

    #[test]
    fn the_last_bit_is_numpys() {
        let numpy = [(6_097_147.0, 15.623_332), (46.324_005, 3.835_660_5), (1.398_113_3, 0.335_123_63)];
        for (x, expected) in numpy {
            assert_eq!(ln(x), expected, "{x}");
        }
    }

    #[test]
    fn it_is_within_four_units_of_the_exact_value() {
        for k in 1..4_000_u32 {
            for x in [k as f32 * 0.37, 1.0 / k as f32, f32::from_bits(k * 500_000), f32::from_bits(k)] {
                let exact = libm::log(f64::from(x));
                assert!((f64::from(ln(x)) - exact).abs() <= 4.8e-7 * exact.abs().max(1e-30), "{x}");
            }
        }
    }
}
