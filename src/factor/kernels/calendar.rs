//! Summing up the rows of a calendar period so far, without looking ahead.
//!
//! At a period's last row the value is that of pandas' `resample` on the period: missing values are left out, an
//! infinity is a value. Before it, it is the value of the rows there are.

use chrono::NaiveDate;

use super::{moments, order, present};
use crate::factor::expr::registry::{Fold, Frequency};

/// One value a row: `fold` over the rows of the row's period up to it.
pub fn resample(x: &[f64], days: &[NaiveDate], frequency: Frequency, fold: Fold) -> Vec<f64> {
    let mut start = 0;
    let mut current = None;
    let mut values = Vec::with_capacity(x.len());
    for (row, day) in days.iter().enumerate().take(x.len()) {
        let period = frequency.period_of(*day);
        if current != Some(period) {
            (start, current) = (row, Some(period));
        }
        values.push(folded(x.get(start..=row).unwrap_or(&[]), fold));
    }
    values
}

fn folded(window: &[f64], fold: Fold) -> f64 {
    match fold {
        Fold::Sum => moments::sum(window),
        Fold::Mean => moments::mean(window),
        Fold::Last => present(window).last().unwrap_or(f64::NAN),
        Fold::First => present(window).next().unwrap_or(f64::NAN),
        Fold::Max => order::largest(window),
        Fold::Min => order::smallest(window),
        Fold::Median => order::median(window),
        Fold::Std => moments::deviation(window),
        Fold::Var => moments::variance(window),
        Fold::Count => moments::count(window),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_starts_anew_and_never_sees_its_rest() {
        let days: Vec<NaiveDate> = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-10"]
            .iter()
            .map(|d| d.parse().unwrap())
            .collect();
        let week = Frequency::by_name("W").unwrap();
        let x = [1.0, f64::NAN, 4.0, 6.0];
        assert_eq!(resample(&x, &days, week, Fold::Sum), [1.0, 1.0, 4.0, 10.0]);
        assert_eq!(resample(&x, &days, week, Fold::Last), [1.0, 1.0, 4.0, 6.0]);
        assert_eq!(resample(&x, &days, week, Fold::Count), [1.0, 1.0, 1.0, 2.0]);
        assert_eq!(resample(&x, &days, Frequency::Month, Fold::First), [1.0; 4]);
    }
}
