//! How well a score foresaw a label: information coefficients by day, as Qlib's `calc_ic` has them.
//!
//! IC is Pearson's correlation over one day's instruments, rank IC that of average ranks (Spearman), both over the
//! complete pairs. ICIR is mean over sample standard deviation of the days, not annualised.

mod judgement;

pub use judgement::{
    ColumnSections, DAYS_PER_YEAR, DayQuality, Decay, Judgement, Members, Returns, Sections, decay, judge,
    judge_columns,
};

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::*;

    #[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
    fn shared(name: &str) -> Option<String> {
        let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
        let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
        let text = std::fs::read_to_string(root.join("oracle/qlib").join(name)).ok();
        if text.is_none() {
            println!("skipped: no shared data");
        }
        text
    }

    #[test]
    fn coefficients_agree_with_the_oracle() {
        let (Some(signal), Some(expected)) = (shared("signal.csv"), shared("ic.csv")) else { return };
        let mut days: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        for cells in signal.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()) {
            let day = days.entry(cells[0]).or_default();
            day.0.push(cells[2].parse().unwrap_or(f64::NAN));
            day.1.push(cells[3].parse::<f64>().map_or(f64::NAN, |v| f64::from(v as f32)));
        }
        let mut compared = 0;
        for cells in expected.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()) {
            let ours = days.get(cells[0]).map(|(s, l)| information(s, l)).unwrap_or_default();
            for (value, cell) in [(ours.ic, cells[1]), (ours.rank_ic, cells[2])] {
                match cell.parse::<f64>() {
                    Ok(theirs) => {
                        assert!((value.unwrap() - theirs).abs() <= 1e-9, "{}: {value:?} {theirs}", cells[0])
                    }
                    Err(_) => assert_eq!(value, None, "{}", cells[0]),
                }
                compared += 1;
            }
        }
        assert!(compared > 700);
    }

    #[test]
    fn what_does_not_vary_has_no_coefficient() {
        assert_eq!(information(&[1.0, 1.0], &[1.0, 2.0]), Information { ic: None, rank_ic: None, pairs: 2 });
        assert_eq!(information(&[1.0, f64::NAN], &[1.0, 2.0]).pairs, 1);
    }

    #[test]
    fn the_ratio_is_mean_over_sample_deviation() {
        let day = |ic| Information { ic: Some(ic), rank_ic: Some(ic), pairs: 9 };
        let summary = summarise(&[day(0.1), day(0.3), Information::default()]).unwrap();
        assert!((summary.icir - 0.2 / 0.02_f64.sqrt()).abs() < 1e-12);
        assert_eq!(summary.days, 2);
    }
}
