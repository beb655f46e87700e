//! Where two sources of one instrument disagree.
//!
//! Both are restated for splits, to the terms of the last session that both have, so that a raw and a restated series can
//! be compared; one that is restated for dividends too cannot. Two honest sources differ in about 0.3 % of their closes:
//! a difference is something to look at, not a fault of either.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::adjust::{Adjust, factors};
use crate::domain::Price;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};

/// Closes may differ by this share of the price.
const CLOSE_SHARE: f64 = 0.000_5;
/// Opens, highs and lows may differ by this share: sources count different venues.
const OTHER_SHARE: f64 = 0.005;
/// All may differ by this much money: a cent, and half the smallest step that is kept.
const MONEY: f64 = 0.010_5;

/// One series to compare.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Bars, oldest first.
    pub bars: &'a [DailyBar],
    /// In what terms.
    pub basis: Basis,
}

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Session.
    pub session: NaiveDate,
    /// `open`, `high`, `low` or `close`.
    pub field: &'static str,
    /// What each says, restated for splits.
    pub values: [f64; 2],
}

/// What was compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// Sessions that both have.
    pub sessions: u64,
    /// Where they differ, oldest first.
    pub differences: Vec<Difference>,
}

/// Compares two series of one instrument; nothing when one of them is restated for dividends. `actions` in raw terms.
pub fn compare(a: Told<'_>, b: Told<'_>, actions: &[CorporateAction]) -> Comparison {
    let last = a.bars.last().map(|bar| bar.session).min(b.bars.last().map(|bar| bar.session));
    let (Some(last), true) = (last, a.basis != Basis::Total && b.basis != Basis::Total) else {
        return Comparison::default();
    };
    let (a, b) = (restated(a, actions, last), restated(b, actions, last));
    let mut outcome = Comparison::default();
    for (session, one) in &a {
        let Some(other) = b.get(session) else { continue };
        outcome.sessions += 1;
        for (field, (x, y)) in ["open", "high", "low", "close"].into_iter().zip(one.iter().zip(other)) {
            let share = if field == "close" { CLOSE_SHARE } else { OTHER_SHARE };
            if (x - y).abs() > MONEY.max(share * x.abs()) {
                outcome.differences.push(Difference { session: *session, field, values: [*x, *y] });
            }
        }
    }
    outcome
}

/// Prices up to a session, in the shares of that session.
fn restated(told: Told<'_>, actions: &[CorporateAction], last: NaiveDate) -> BTreeMap<NaiveDate, [f64; 4]> {
    let end = told.bars.partition_point(|bar| bar.session <= last);
    let (bars, rest) = told.bars.split_at(end);
    let newest = rest.last().map_or(last, |bar| bar.session);
    let later = actions.iter().filter(|action| action.date > last && action.date <= newest);
    let later: f64 = later.map(ratio).product();
    let later = if told.basis == Basis::Split { later } else { 1.0 };
    let factors = factors(bars, actions, told.basis, Adjust::Split).unwrap_or_default();
    let prices = |bar: &DailyBar| [bar.open, bar.high, bar.low, bar.close].map(Price::to_f64);
    let rows = bars.iter().zip(factors);
    rows.map(|(bar, factor)| (bar.session, prices(bar).map(|price| price * factor.price * later))).collect()
}

fn ratio(action: &CorporateAction) -> f64 {
    match action.kind {
        ActionKind::Split(ratio) => ratio.new.to_f64() / ratio.old.to_f64(),
        ActionKind::Dividend { .. } => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Quantity;
    use crate::domain::market::SplitRatio;
    use crate::market::testing::flat_bars;

    fn bars(closes: &[f64]) -> Vec<DailyBar> {
        flat_bars("ABC.XNYS".parse().unwrap(), "2024-01-02".parse().unwrap(), closes)
    }

    #[test]
    fn a_raw_and_a_restated_series_of_one_truth_agree() {
        let raw = bars(&[100.0, 50.0, 51.0]);
        let restated = bars(&[12.5, 12.5, 12.75, 13.0]);
        let split = |day: usize, new: i64| CorporateAction {
            instrument: raw[0].instrument,
            date: restated[day].session,
            kind: ActionKind::Split(SplitRatio {
                new: Quantity::from_whole(new).unwrap(),
                old: Quantity::from_whole(1).unwrap(),
            }),
        };
        let actions = [split(1, 2), split(3, 4)];
        let told = |bars, basis| Told { bars, basis };
        let (a, b) = (told(&raw[..], Basis::Raw), told(&restated[..], Basis::Split));
        assert_eq!(compare(a, b, &actions), Comparison { sessions: 3, differences: vec![] });
        assert_eq!(compare(a, told(&restated, Basis::Total), &actions), Comparison::default());
        assert_eq!(compare(a, b, &actions[..1]).differences.len(), 12);
    }

    #[test]
    fn a_cent_is_no_difference_and_two_are() {
        let (a, b) = (bars(&[10.0, 10.0, 100.0]), bars(&[10.01, 10.02, 100.04]));
        let told = |bars| Told { bars, basis: Basis::Raw };
        let found = compare(told(&a), told(&b), &[]).differences;
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].session, found[0].field, found[0].values),
            (a[1].session, "close", [10.0, 10.02])
        );
    }
}
