use std::collections::BTreeMap;

use super::*;
use crate::domain::market::SplitRatio;
use crate::domain::{InstrumentId, Price, Quantity, Volume};
use crate::market::testing::shared;

fn bar(id: InstrumentId, day: &str, close: &str) -> DailyBar {
    let close: Price = close.parse().unwrap();
    let session = day.parse().unwrap();
    let volume = Volume::from_whole(100).unwrap();
    DailyBar { instrument: id, session, open: close, high: close, low: close, close, volume, vwap: None }
}

fn dividend(id: InstrumentId, day: &str, amount: &str) -> CorporateAction {
    let (date, amount) = (day.parse().unwrap(), amount.parse().unwrap());
    CorporateAction { instrument: id, date, kind: ActionKind::Dividend { amount, pay_date: date } }
}

fn split(id: InstrumentId, day: &str, new: i64, old: i64) -> CorporateAction {
    let whole = |n| Quantity::from_whole(n).unwrap();
    let kind = ActionKind::Split(SplitRatio { new: whole(new), old: whole(old) });
    CorporateAction { instrument: id, date: day.parse().unwrap(), kind }
}

fn abc() -> InstrumentId {
    "ABC.XNYS".parse().unwrap()
}

fn prices(bars: &[DailyBar], actions: &[CorporateAction], basis: Basis, target: Adjust) -> Vec<f64> {
    let factors = factors(bars, actions, basis, target).unwrap();
    factors.iter().zip(bars).map(|(f, b)| f.price * b.close.to_f64()).collect()
}

#[test]
fn a_split_leaves_no_step_in_restated_prices() {
    let bars =
        [bar(abc(), "2024-01-02", "100"), bar(abc(), "2024-01-03", "50"), bar(abc(), "2024-01-04", "51")];
    let actions = [split(abc(), "2024-01-03", 2, 1)];
    assert_eq!(prices(&bars, &actions, Basis::Raw, Adjust::Split), [50.0, 50.0, 51.0]);
    let restated = factors(&bars, &actions, Basis::Raw, Adjust::Split).unwrap();
    assert_eq!(restated.iter().map(|f| f.volume).collect::<Vec<_>>(), [2.0, 1.0, 1.0]);
    assert_eq!(prices(&bars, &actions, Basis::Raw, Adjust::Stored), [100.0, 50.0, 51.0]);
}

#[test]
fn raw_and_split_bars_give_the_same_total_prices() {
    let days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"];
    let actions = [split(abc(), "2024-01-04", 2, 1), dividend(abc(), "2024-01-03", "1")];
    let make = |closes: [&str; 4]| days.iter().zip(closes).map(|(d, c)| bar(abc(), d, c)).collect::<Vec<_>>();
    let raw = prices(&make(["100", "99", "50", "51"]), &actions, Basis::Raw, Adjust::Total);
    let split = prices(&make(["50", "49.5", "50", "51"]), &actions, Basis::Split, Adjust::Total);
    assert!(raw.iter().zip(&split).all(|(a, b)| (a - b).abs() < 1e-12), "{raw:?} {split:?}");
    assert!((raw[0] - 100.0 / 2.0 / (1.0 + 1.0 / 99.0)).abs() < 1e-12);
}

#[test]
fn an_action_between_bars_counts_on_the_next_and_one_after_the_last_does_not() {
    let bars = [bar(abc(), "2024-01-02", "100"), bar(abc(), "2024-01-05", "50")];
    let actions = [split(abc(), "2024-01-03", 2, 1), split(abc(), "2024-02-01", 10, 1)];
    assert_eq!(prices(&bars, &actions, Basis::Raw, Adjust::Split), [50.0, 50.0]);
    assert!(factors(&[], &actions, Basis::Raw, Adjust::Total).unwrap().is_empty());
}

#[test]
fn total_prices_cannot_be_taken_back_to_split() {
    let bars = [bar(abc(), "2024-01-02", "100")];
    assert_eq!(factors(&bars, &[], Basis::Total, Adjust::Split), Err(AdjustError));
}

/// One symbol's bars, actions and published adjusted closes.
type History = (Vec<DailyBar>, Vec<CorporateAction>, Vec<f64>);

#[test]
fn the_formula_gives_the_adjusted_closes_of_the_sample() {
    let Some(path) = shared("market/wiki_with_actions_2015_2017.csv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut histories: BTreeMap<String, History> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        let number = |text: &str| text.parse::<f64>().unwrap();
        let id: InstrumentId = format!("{}.XNYS", f[1]).parse().unwrap();
        let history = histories.entry(f[1].to_owned()).or_default();
        history.0.push(bar(id, f[0], f[5]));
        if number(f[7]) != 0.0 {
            history.1.push(dividend(id, f[0], f[7]));
        }
        assert_eq!(number(f[8]), 1.0, "the sample holds no split");
        history.2.push(number(f[12]));
    }
    let mut rows = 0;
    for (symbol, (bars, actions, published)) in histories {
        let restated = prices(&bars, &actions, Basis::Raw, Adjust::Total);
        // The published series carries actions after the file's end: scale to its last row.
        let scale = published.last().unwrap() / restated.last().unwrap();
        for ((ours, theirs), bar) in restated.iter().zip(&published).zip(&bars) {
            let error = (ours * scale / theirs - 1.0).abs();
            assert!(error < 1e-12, "{symbol} {}: {error:e}", bar.session);
            rows += 1;
        }
    }
    assert_eq!(rows, 3_634);
}

/// The closes of some symbols in a shared file of bars.
fn closes(file: &str, symbols: &[&str]) -> Option<BTreeMap<String, Vec<DailyBar>>> {
    let packed = std::fs::read(shared(file)?).unwrap();
    let text = String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    let mut bars: BTreeMap<String, Vec<DailyBar>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if symbols.contains(&fields[1]) && !fields[5].is_empty() {
            let id = format!("{}.XNYS", fields[1]).parse().unwrap();
            bars.entry(fields[1].to_owned()).or_default().push(bar(id, fields[0], fields[5]));
        }
    }
    Some(bars)
}

#[test]
fn raw_prices_restated_for_real_splits_agree_with_another_source() {
    let splits = [("NFLX", "2015-07-15", 7), ("ICE", "2016-11-04", 5), ("MNST", "2016-11-10", 3)];
    let symbols = splits.map(|(symbol, ..)| symbol);
    let Some(raw) = closes("market/us_daily_raw_2015_2017.csv.zst", &symbols) else { return };
    let Some(restated) = closes("market/us_daily_2013_2018.csv.zst", &symbols) else { return };
    for (symbol, day, ratio) in splits {
        let bars = &raw[symbol];
        let theirs: BTreeMap<_, _> = restated[symbol].iter().map(|b| (b.session, b.close.to_f64())).collect();
        let actions = [split(bars[0].instrument, day, ratio, 1)];
        let ours = prices(bars, &actions, Basis::Raw, Adjust::Split);
        let pairs = ours.iter().zip(bars).filter_map(|(ours, b)| Some((*ours, *theirs.get(&b.session)?)));
        let (near, all) =
            pairs.fold((0, 0), |(near, all), (a, b)| (near + i32::from((a - b).abs() < 0.011), all + 1));
        assert!(all > 450 && f64::from(near) > 0.99 * f64::from(all), "{symbol}: {near} of {all}");
    }
}
