//! Ranks: 1 is best, ties go to the earlier instrument, missing scores have no rank.

/// Ranks scores in instrument order, highest first. Equal scores keep the instrument order.
pub fn descending(scores: &[f64]) -> Vec<Option<u32>> {
    let mut order: Vec<usize> =
        (0..scores.len()).filter(|i| scores.get(*i).is_some_and(|s| !s.is_nan())).collect();
    let score = |i: &usize| scores.get(*i).copied().unwrap_or(f64::NAN) + 0.0;
    order.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.cmp(b)));
    let mut ranks = vec![None; scores.len()];
    for (place, i) in order.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(i) {
            *slot = u32::try_from(place + 1).ok();
        }
    }
    ranks
}

/// Fifth of a ranking, 0 (best) to 4.
pub fn fifth(rank: u32, of: u32) -> usize {
    let place = u64::from(rank.saturating_sub(1)) * 5 / u64::from(of.max(1));
    place.min(4) as usize
}

/// Average ranks from 1, lowest first; ties share the mean of their places. No value may be NaN.
pub fn average(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().enumerate().map(|(i, v)| (*v + 0.0, i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let shared = before as f64 + (tie.len() + 1) as f64 / 2.0;
        for (_, i) in tie {
            if let Some(slot) = ranks.get_mut(*i) {
                *slot = shared;
            }
        }
        before += tie.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_earlier_instrument_and_missing_has_no_rank() {
        let ranks = descending(&[1.0, f64::NAN, 2.0, 1.0, -0.0, 0.0]);
        assert_eq!(ranks, vec![Some(2), None, Some(1), Some(3), Some(4), Some(5)]);
    }

    #[test]
    fn fifths_split_evenly() {
        let counts = (1..=100).fold([0; 5], |mut c, r| {
            c[fifth(r, 100)] += 1;
            c
        });
        assert_eq!(counts, [20; 5]);
        assert_eq!((fifth(1, 3), fifth(3, 3), fifth(1, 0)), (0, 3, 0));
    }

    #[test]
    fn tied_values_share_their_mean_rank() {
        assert_eq!(average(&[3.0, 1.0, 3.0, 2.0]), vec![3.5, 1.0, 3.5, 2.0]);
    }
}
