//! Cross sections: one day's values made comparable and blended.
//!
//! Values are in instrument order, NaN is missing and stays missing. Statistics are those of the values there;
//! the order of sums is the instrument order.

/// Turns the median absolute deviation into a standard deviation under normality.
pub const MAD_TO_DEVIATION: f64 = 1.4826;
/// Largest magnitude of a robust z-score.
pub const Z_MAX: f64 = 3.0;
/// Share of a day's values pulled in at each end before they are scored.
pub const WINSOR_TAIL: f64 = 0.01;

/// The finite values, ascending.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut kept: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    kept.sort_unstable_by(f64::total_cmp);
    kept
}

/// Linear interpolation at `q (n - 1)`; NaN when empty.
fn quantile(ascending: &[f64], q: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let below = at as usize;
    let value = |k: usize| ascending.get(k.min(last)).copied().unwrap_or(f64::NAN);
    value(below) + (value(below + 1) - value(below)) * (at - below as f64)
}

/// The median of the finite values; NaN when there are none.
pub fn median(values: &[f64]) -> f64 {
    quantile(&sorted(values), 0.5)
}

/// Pulls values beyond the `tail` and `1 - tail` quantiles in to them; infinite ones too.
pub fn winsorise(values: &mut [f64], tail: f64) {
    let ascending = sorted(values);
    let (low, high) = (quantile(&ascending, tail), quantile(&ascending, 1.0 - tail));
    if low.is_nan() {
        values.fill(f64::NAN);
        return;
    }
    values.iter_mut().filter(|v| !v.is_nan()).for_each(|v| *v = v.clamp(low, high));
}

/// `(x - median) / (1.4826 × MAD)`, clipped to ±3. All missing where the MAD is zero: such a day says nothing.
pub fn robust_z(values: &[f64]) -> Vec<f64> {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    let scale = median(&distances) * MAD_TO_DEVIATION;
    if scale.is_nan() || scale <= 0.0 {
        return vec![f64::NAN; values.len()];
    }
    values.iter().map(|v| ((v - middle) / scale).clamp(-Z_MAX, Z_MAX)).collect()
}

/// Mean, per instrument, of the lists' values where at least half of the lists have one.
pub fn mean_of_half(lists: &[Vec<f64>], instruments: usize) -> Vec<f64> {
    let mut sums = vec![(0.0_f64, 0_usize); instruments];
    for list in lists {
        for (slot, value) in sums.iter_mut().zip(list).filter(|(_, v)| !v.is_nan()) {
            slot.0 += value;
            slot.1 += 1;
        }
    }
    let enough = |n: usize| n > 0 && 2 * n >= lists.len();
    sums.into_iter().map(|(sum, n)| if enough(n) { sum / n as f64 } else { f64::NAN }).collect()
}

/// A weighted sum of z-scores and what went into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Blend {
    /// Score per instrument; NaN where under half of the weight has a value.
    pub scores: Vec<f64>,
    /// Weight of each list after leaving some out; `None` for a list left out.
    pub weights: Vec<Option<f64>>,
}

/// Blends lists of z-scores. A list with a value for under half of the `eligible` instruments is left out and the
/// weights of the others are scaled up to the same total. An instrument's missing value adds nothing.
pub fn blend(lists: &[Vec<f64>], weights: &[f64], eligible: &[bool]) -> Blend {
    let names = eligible.iter().filter(|e| **e).count();
    let covered = |list: &[f64]| list.iter().zip(eligible).filter(|(v, e)| **e && !v.is_nan()).count();
    let kept: Vec<bool> = lists.iter().map(|l| names > 0 && 2 * covered(l) >= names).collect();
    let total: f64 = weights.iter().sum();
    let kept_total: f64 = weights.iter().zip(&kept).filter(|(_, k)| **k).map(|(w, _)| w).sum();
    let scaled: Vec<Option<f64>> = weights
        .iter()
        .zip(&kept)
        .map(|(w, k)| (*k && kept_total > 0.0).then(|| w / kept_total * total))
        .collect();
    let mut scores = Vec::with_capacity(eligible.len());
    for (i, is_eligible) in eligible.iter().enumerate() {
        let (mut score, mut weight) = (0.0, 0.0);
        for (list, scale) in lists.iter().zip(&scaled) {
            if let (Some(z), Some(w)) = (list.get(i).filter(|z| !z.is_nan()), scale) {
                score += w * z;
                weight += w;
            }
        }
        let enough = *is_eligible && weight > 0.0 && 2.0 * weight >= total;
        scores.push(if enough { score } else { f64::NAN });
    }
    Blend { scores, weights: scaled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robust_z_is_clipped_and_keeps_missing_missing() {
        let z = robust_z(&[1.0, 2.0, 3.0, 4.0, 100.0, f64::NAN]);
        assert_eq!(z[2], 0.0);
        assert!((z[3] - 1.0 / MAD_TO_DEVIATION).abs() < 1e-12);
        assert_eq!(z[4], 3.0);
        assert!(z[5].is_nan());
    }

    #[test]
    fn a_day_of_equal_values_says_nothing() {
        assert!(robust_z(&[2.0, 2.0, 2.0, 9.0]).iter().all(|z| z.is_nan()));
    }

    #[test]
    fn winsorising_pulls_infinity_in() {
        let mut values = vec![1.0, 2.0, 3.0, f64::INFINITY, f64::NAN];
        winsorise(&mut values, 0.0);
        assert_eq!(values[3], 3.0);
        assert!(values[4].is_nan());
    }

    #[test]
    fn a_list_for_under_half_is_left_out_and_the_weights_grow() {
        let full = vec![1.0, -1.0, 0.5, 0.0];
        let thin = vec![3.0, f64::NAN, f64::NAN, f64::NAN];
        let out = blend(&[full, thin], &[0.5, 0.5], &[true; 4]);
        assert_eq!(out.weights, vec![Some(1.0), None]);
        assert_eq!(out.scores, vec![1.0, -1.0, 0.5, 0.0]);
    }

    #[test]
    fn a_name_with_under_half_of_the_weight_has_no_score() {
        let a = vec![1.0, f64::NAN, 1.0];
        let b = vec![1.0, 1.0, f64::NAN];
        let out = blend(&[a, b], &[0.7, 0.3], &[true, true, true]);
        assert!((out.scores[0] - 1.0).abs() < 1e-12);
        assert!(out.scores[1].is_nan());
        assert!((out.scores[2] - 0.7).abs() < 1e-12);
    }
}
