use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::market::ActionKind;
use crate::domain::{InstrumentId, Price};
use crate::market::testing::flat_bars;

fn id() -> InstrumentId {
    "ABC.XNYS".parse().unwrap()
}

fn bars(closes: &[f64]) -> Vec<DailyBar> {
    flat_bars(id(), "2020-01-01".parse().unwrap(), closes)
}

fn dividend(date: NaiveDate, amount: f64) -> CorporateAction {
    let kind = ActionKind::Dividend { amount: Price::from_f64(amount).unwrap(), pay_date: date };
    CorporateAction { instrument: id(), date, kind }
}

#[test]
fn every_rule_has_a_word_of_its_own() {
    let words: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(words.len(), Rule::ALL.len());
}

#[test]
fn without_adjusted_closes_a_doubled_dividend_still_shows_in_the_price() {
    let closes = [100.0, 100.5, 100.2, 100.4, 100.3, 96.4, 96.2, 96.5, 96.3];
    let bars = bars(&closes);
    let actions = [dividend(bars[4].session, 4.0), dividend(bars[5].session, 4.0)];
    let outcome = repair(&Suspect::new(&bars, Basis::Split, &actions));
    assert_eq!(outcome.actions, actions[1..]);
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(outcome.changes[0].rule, Rule::DoubledDividend);
}

#[test]
fn the_start_of_a_series_follows_its_end() {
    let mut closes = vec![3_500.0; 20];
    closes.extend([35.2; 20]);
    let served = bars(&closes);
    let outcome = repair(&Suspect::new(&served, Basis::Split, &[]));
    assert_eq!(outcome.changes.len(), 20);
    assert!(outcome.bars.iter().all(|bar| (bar.close.to_f64() - 35.0).abs() < 0.3));
    // With rows in the store it may be the other way round: nothing is touched.
    let outcome = repair(&Suspect { known: 20, ..Suspect::new(&served, Basis::Split, &[]) });
    assert!(outcome.changes.is_empty());
    // In raw prices without actions it may be a split that nobody told.
    assert!(repair(&Suspect::new(&served, Basis::Raw, &[])).changes.is_empty());
}

#[test]
fn splits_that_nobody_told_and_crashes_are_no_units() {
    // 25 and 30 old for one, 20 for one, and a bank that failed.
    for (before, after) in [(2.0, 50.0), (2.0, 60.0), (2_200.0, 110.0), (106.0, 0.4)] {
        let mut closes: Vec<f64> = (0..20).map(|day| before * (1.0 + 0.01 * f64::from(day % 3))).collect();
        closes.extend((0..20).map(|day| after * (1.0 + 0.01 * f64::from(day % 4))));
        let served = bars(&closes);
        for basis in [Basis::Raw, Basis::Split] {
            assert!(repair(&Suspect::new(&served, basis, &[])).changes.is_empty(), "{before} {after}");
        }
    }
}

proptest! {
    /// A quiet walk is never touched, whatever dividends it pays.
    #[test]
    fn a_quiet_history_is_left_alone(
        moves in proptest::collection::vec(-0.03_f64..0.03, 30..120),
        paid in proptest::collection::vec((1_usize..29, 0.001_f64..0.02), 0..3),
    ) {
        let mut close = 50.0;
        let mut closes = Vec::new();
        for (day, step) in moves.iter().enumerate() {
            let ex: f64 = paid.iter().filter(|(on, _)| *on == day).map(|(_, share)| share).sum();
            close *= 1.0 + step - ex;
            closes.push(close);
        }
        let bars = bars(&closes);
        let actions: Vec<_> = paid.iter().enumerate()
            .map(|(n, (on, share))| dividend(bars[*on].session, share * 50.0 + n as f64 * 0.01)).collect();
        let outcome = repair(&Suspect::new(&bars, Basis::Split, &actions));
        prop_assert_eq!(outcome.changes, vec![]);
        prop_assert_eq!(outcome.bars, bars);
    }

    /// One row in another unit comes back to what it was, to the smallest step.
    #[test]
    fn one_row_in_another_unit_is_put_back(at in 2_usize..28, up in any::<bool>()) {
        let closes: Vec<f64> = (0..30).map(|day| 40.0 + f64::from(day % 7) * 0.2).collect();
        let good = bars(&closes);
        let mut served = good.clone();
        let factor = if up { 100.0 } else { 0.01 };
        let price = Price::from_f64(closes[at] * factor).unwrap();
        served[at] = DailyBar { open: price, high: price, low: price, close: price, ..served[at] };
        let outcome = repair(&Suspect::new(&served, Basis::Split, &[]));
        let off = outcome.bars.iter().zip(&good).map(|(a, b)| (a.close.raw() - b.close.raw()).abs()).max();
        prop_assert!(off.unwrap() <= 100);
        prop_assert_eq!(outcome.changes.len(), 1);
    }
}
