//! Exponentially weighted means, as pandas' `ewm(adjust=True, ignore_na=False).mean()`.

/// Mean with weights `(1 - alpha)^age` over the values there; a missing row ages the weights and repeats the mean.
pub fn mean(x: &[f64], alpha: f64) -> Vec<f64> {
    let (mut current, mut weight) = (f64::NAN, 1.0);
    x.iter()
        .map(|value| {
            if current.is_nan() {
                current = *value;
                return current;
            }
            weight *= 1.0 - alpha;
            if !value.is_nan() {
                if current != *value {
                    current = (weight * current + value) / (weight + 1.0);
                }
                weight += 1.0;
            }
            current
        })
        .collect()
}

/// The expanding form (`N = 0`): at row n, alpha 2/(1+n) over all rows so far; missing rows count in n and add
/// nothing to the weighted sum.
pub fn expanding_mean(window: &[f64]) -> f64 {
    let keep = 1.0 - 2.0 / (1.0 + window.len() as f64);
    let (mut weight, mut total, mut sum, mut any) = (1.0, 0.0, 0.0, false);
    for value in window.iter().rev() {
        total += weight;
        if !value.is_nan() {
            sum += weight * value;
            any = true;
        }
        weight *= keep;
    }
    if any { sum / total } else { f64::NAN }
}
