//! Statistics as numpy and pandas work them out in single precision.
//!
//! A sum is pairwise in `f32`, missing values counting as zero in their places: its rounding, and the point where it
//! overflows, are part of what Qlib's processors give. Slices are one column's rows in the order of the file.

/// Up to so many values numpy adds with eight running sums and no recursion.
const BLOCK: usize = 128;
/// Running sums of one block.
const SUMS: usize = 8;

/// numpy's pairwise sum; NaN counts as zero.
pub fn sum(values: &[f32]) -> f32 {
    if values.len() > BLOCK {
        let half = values.len() / 2;
        let (left, right) = values.split_at(half - half % SUMS);
        return sum(left) + sum(right);
    }
    let filled = |value: &f32| if value.is_nan() { 0.0 } else { *value };
    let mut eights = values.chunks_exact(SUMS);
    let mut sums: Option<[f32; SUMS]> = None;
    for eight in &mut eights {
        match &mut sums {
            Some(sums) => sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += filled(value)),
            None => {
                let mut first = [0.0; SUMS];
                first.iter_mut().zip(eight).for_each(|(sum, value)| *sum = filled(value));
                sums = Some(first);
            }
        }
    }
    let start = sums.map_or(0.0, |[a, b, c, d, e, f, g, h]| ((a + b) + (c + d)) + ((e + f) + (g + h)));
    eights.remainder().iter().fold(start, |sum, value| sum + filled(value))
}

/// How many values are there.
pub fn count(values: &[f32]) -> usize {
    values.iter().filter(|value| !value.is_nan()).count()
}

/// Mean: the sum over the count, in `f32`; NaN without values.
pub fn mean(values: &[f32]) -> f32 {
    sum(values) / count(values) as f32
}

/// pandas' sample deviation: `f64` inside, an `f32` variance, its `f32` root; NaN under two values.
pub fn sample_deviation(values: &[f32]) -> f32 {
    let n = count(values) as f64;
    if n < 2.0 {
        return f32::NAN;
    }
    let there = || values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value));
    let middle = there().sum::<f64>() / n;
    let squares: f64 = there().map(|value| (middle - value) * (middle - value)).sum();
    ((squares / (n - 1.0)) as f32).sqrt()
}

/// numpy's `nanstd`: everything in `f32`, so squares overflow to infinity as they do there.
pub fn population_deviation(values: &[f32]) -> f32 {
    let middle = mean(values);
    let squares: Vec<f32> = values.iter().map(|value| (value - middle) * (value - middle)).collect();
    // A missing value's square is missing too and counts as zero; one of an overflow (inf - inf) is a real NaN.
    let spoiled = values.iter().zip(&squares).any(|(value, square)| square.is_nan() && !value.is_nan());
    if spoiled { f32::NAN } else { (sum(&squares) / count(values) as f32).sqrt() }
}

/// The median; of an even number the mean of the two in the middle. NaN without values.
pub fn median(values: &[f32]) -> f64 {
    let mut there: Vec<f32> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let half = there.len() / 2;
    if there.is_empty() {
        return f64::NAN;
    }
    let even = there.len().is_multiple_of(2);
    let (below, middle, _) = there.select_nth_unstable_by(half, f32::total_cmp);
    let upper = f64::from(*middle);
    let lower = below.iter().copied().max_by(f32::total_cmp).filter(|_| even);
    lower.map_or(upper, |lower| (f64::from(lower) + upper) / 2.0)
}
