//! The arithmetic of the operators: slices in, slices out.
//!
//! Windows see `f64` with NaN for what is missing (infinity counts as missing, as pandas has it) and start
//! partial. Sums run oldest to newest, always; so a value never depends on the thread or platform.
//! Each file is one family; a faster kernel replaces one function here and nothing elsewhere.

pub mod beyond;
pub mod calendar;
pub mod cross;
pub mod element;
pub mod ewm;
pub mod lanes;
pub mod line;
pub mod logarithm;
pub mod moments;
pub mod order;

/// Applies `kernel` to the window that ends at each row. `window` 0 is all rows so far.
pub fn windows(x: &[f64], window: usize, kernel: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    (1..=x.len()).map(|end| kernel(x.get(start_of(end, window)..end).unwrap_or(&[]))).collect()
}

/// As [`windows`], over two series of equal length.
pub fn windows_of_two(
    x: &[f64],
    y: &[f64],
    window: usize,
    kernel: impl Fn(&[f64], &[f64]) -> f64,
) -> Vec<f64> {
    (1..=x.len())
        .map(|end| {
            let from = start_of(end, window);
            x.get(from..end).zip(y.get(from..end)).map_or(f64::NAN, |(a, b)| kernel(a, b))
        })
        .collect()
}

fn start_of(end: usize, window: usize) -> usize {
    if window == 0 { 0 } else { end.saturating_sub(window) }
}

/// The values that are there.
pub fn present(window: &[f64]) -> impl Iterator<Item = f64> + Clone + '_ {
    window.iter().copied().filter(|v| !v.is_nan())
}
