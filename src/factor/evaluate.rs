//! How well a score foresaw a label: information coefficients by day, as Qlib's `calc_ic` has them.
//!
//! IC is Pearson's correlation over one day's instruments, rank IC that of average ranks (Spearman), both over the
//! complete pairs. ICIR is mean over sample standard deviation of the days, not annualised.

use super::kernels::moments::{deviation, mean};
use super::rank::average;

/// One day's coefficients; `None` where they are undefined (under two pairs, or nothing varies).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Information {
    /// Pearson.
    pub ic: Option<f64>,
    /// Spearman, average ranks.
    pub rank_ic: Option<f64>,
    /// Complete pairs.
    pub pairs: usize,
}

/// Mean and ratio over days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InformationSummary {
    /// Mean IC.
    pub ic: f64,
    /// Mean over standard deviation of IC.
    pub icir: f64,
    /// Mean rank IC.
    pub rank_ic: f64,
    /// Mean over standard deviation of rank IC.
    pub rank_icir: f64,
    /// Days with an IC.
    pub days: usize,
}

/// Pearson's correlation; `None` under two values or where a side does not vary.
pub fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xx += (a - mean_x) * (a - mean_x);
        xy += (a - mean_x) * (b - mean_y);
        yy += (b - mean_y) * (b - mean_y);
    }
    let scale = (xx * yy).sqrt();
    (x.len() >= 2 && scale > 0.0).then(|| (xy / scale).clamp(-1.0, 1.0))
}

/// Coefficients of one day; the two slices are in the same instrument order.
pub fn information(score: &[f64], label: &[f64]) -> Information {
    let (x, y): (Vec<f64>, Vec<f64>) =
        score.iter().zip(label).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip();
    Information { ic: correlation(&x, &y), rank_ic: correlation(&average(&x), &average(&y)), pairs: x.len() }
}

/// Over days; `None` when no day has an IC.
pub fn summarise(days: &[Information]) -> Option<InformationSummary> {
    let ics: Vec<f64> = days.iter().filter_map(|d| d.ic).collect();
    let rank_ics: Vec<f64> = days.iter().filter_map(|d| d.rank_ic).collect();
    if ics.is_empty() {
        return None;
    }
    Some(InformationSummary {
        ic: mean(&ics),
        icir: mean(&ics) / deviation(&ics),
        rank_ic: mean(&rank_ics),
        rank_icir: mean(&rank_ics) / deviation(&rank_ics),
        days: ics.len(),
    })
}
