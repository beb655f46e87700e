use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::market::SplitRatio;
use crate::domain::{Exchange, Quantity};
use crate::market::repair::Rule;

fn id() -> InstrumentId {
    "ABC.XNYS".parse().unwrap()
}

fn bar(session: NaiveDate, close: f64, volume: i64) -> DailyBar {
    let price = |times: f64| Price::from_f64((close * times * 100.0).round() / 100.0).unwrap();
    DailyBar {
        instrument: id(),
        session,
        open: price(0.999),
        high: price(1.01),
        low: price(0.99),
        close: price(1.0),
        volume: Volume::from_whole(volume).unwrap(),
        vwap: None,
    }
}

fn new_york() -> Calendar {
    Calendars::bundled().unwrap().of(Exchange::Xnys).clone()
}

/// Bars of the first sessions of 2024, moving by 1 % up and down.
fn series(count: usize) -> Vec<DailyBar> {
    let first: NaiveDate = "2024-01-02".parse().unwrap();
    let sessions = new_york().sessions_between(first, first + chrono::Days::new(400));
    let close = |index: usize| 50.0 + [0.0, 0.4, -0.3, 0.6, 0.1][index % 5];
    let days = sessions.iter().take(count).enumerate();
    days.map(|(index, session)| bar(session.date, close(index), 1_000 + index as i64)).collect()
}

fn times(bar: &DailyBar, factor: f64) -> DailyBar {
    let price = |price: Price| Price::from_f64(price.to_f64() * factor).unwrap();
    let (open, high, low, close) = (price(bar.open), price(bar.high), price(bar.low), price(bar.close));
    DailyBar { open, high, low, close, ..*bar }
}

fn split(session: NaiveDate, new: i64, old: i64) -> CorporateAction {
    let whole = |n| Quantity::from_whole(n).unwrap();
    let kind = ActionKind::Split(SplitRatio { new: whole(new), old: whole(old) });
    CorporateAction { instrument: id(), date: session, kind }
}

fn sifted(stored: &[DailyBar], bars: &[DailyBar], basis: Basis, actions: &[CorporateAction]) -> Sifted {
    sift(stored, &Suspect::new(bars, basis, actions), &new_york())
}

#[test]
fn a_good_series_passes_as_it_is() {
    let bars = series(60);
    let outcome = sifted(&[], &bars, Basis::Split, &[]);
    assert_eq!(outcome.bars, bars);
    assert!(outcome.changes.is_empty() && outcome.quarantined.is_empty() && outcome.odd.is_empty());
    let outcome = sifted(&bars[..40], &bars[40..], Basis::Split, &[]);
    assert_eq!(outcome.bars, bars[40..]);
}

#[test]
fn rows_in_another_unit_are_repaired_between_good_ones_and_held_back_at_the_end() {
    let good = series(60);
    let mut bars = good.clone();
    bars[20] = times(&bars[20], 100.0);
    bars[21] = times(&bars[21], 100.0);
    bars[40] = times(&bars[40], 0.01);
    let outcome = sifted(&[], &bars, Basis::Raw, &[]);
    assert_eq!(outcome.changes.iter().map(|c| c.rule).collect::<Vec<_>>(), [Rule::Unit100; 3]);
    let off = |(a, b): (&DailyBar, &DailyBar)| (a.close.to_f64() / b.close.to_f64() - 1.0).abs();
    assert!(outcome.bars.iter().zip(&good).map(off).fold(0.0, f64::max) < 1e-9);
    let mut bars = good.clone();
    bars[59] = times(&bars[59], 100.0);
    for stored in [0, 30] {
        let outcome = sifted(&bars[..stored], &bars[stored..], Basis::Raw, &[]);
        assert_eq!(outcome.quarantined, [(bars[59], Reason::Unit100x)]);
        assert_eq!(outcome.bars, good[stored..59]);
    }
}

#[test]
fn the_unit_that_most_rows_are_in_stands_and_a_crash_is_stored_at_once() {
    for (all, others) in [(60, 4), (60, 20), (60, 29), (250, 4), (250, 20), (250, 124)] {
        let good = series(all);
        let mut bars = good.clone();
        for bar in &mut bars[all - others..] {
            *bar = times(bar, 100.0);
        }
        for basis in [Basis::Raw, Basis::Split] {
            let outcome = sifted(&[], &bars, basis, &[]);
            assert_eq!(outcome.bars, good[..all - others], "{all} {others} {basis:?}");
            assert_eq!(outcome.changes, [], "{all} {others}");
            assert!(outcome.quarantined.iter().all(|(_, reason)| *reason == Reason::Unit100x));
            assert_eq!(outcome.quarantined.len(), others);
        }
        // Stored rows count as the level.
        let (stored, new) = bars.split_at(all - others);
        let stored = stored.split_at(stored.len().saturating_sub(20)).1;
        let outcome = sifted(stored, new, Basis::Raw, &[]);
        assert_eq!((outcome.bars.len(), outcome.quarantined.len()), (0, others));
    }
    // Where most rows are in the newer unit, that one stands.
    let mut bars = series(60);
    for bar in &mut bars[..25] {
        *bar = times(bar, 100.0);
    }
    let outcome = sifted(&[], &bars, Basis::Split, &[]);
    assert_eq!((outcome.changes.len(), outcome.quarantined.len()), (25, 0));
    // A few rows between good ones are repaired, near the end as well.
    let good = series(250);
    let mut bars = good.clone();
    for bar in &mut bars[230..240] {
        *bar = times(bar, 100.0);
    }
    let outcome = sifted(&[], &bars, Basis::Split, &[]);
    assert_eq!((outcome.changes.len(), outcome.quarantined.len(), outcome.bars.len()), (10, 0, 250));
    let crash = [times(&good[20], 0.000_04)];
    assert_eq!(sifted(&good[..20], &crash, Basis::Raw, &[]).bars, crash);
}

#[test]
fn a_stale_repeat_a_doubled_live_row_and_a_holiday_row_are_held_back() {
    let mut bars = series(10);
    let (live, holiday) = (bars[9], bar("2024-01-15".parse().unwrap(), 50.0, 7));
    bars[9] = times(&live, 1.01);
    bars.insert(9, live);
    bars.push(holiday);
    bars[4] = DailyBar { session: bars[4].session, ..bars[3] };
    bars.push(bars[0]);
    let outcome = sifted(&[], &bars, Basis::Raw, &[]);
    assert_eq!(outcome.duplicates, 1);
    let kept = outcome.quarantine(&CleanText::new("yahoo"));
    for (row, (bar, _)) in kept.iter().zip(&outcome.quarantined) {
        assert_eq!(read_line(row.raw.as_str(), bar.instrument), Some(*bar));
    }
    let reasons: Vec<_> = outcome.quarantined.iter().map(|(bar, reason)| (bar.session, *reason)).collect();
    assert_eq!(
        reasons,
        [
            (live.session, Reason::DuplicateKey),
            (bars[4].session, Reason::StaleRepeat),
            (holiday.session, Reason::NotASession)
        ]
    );
    assert_eq!(outcome.bars.last().unwrap().close, times(&live, 1.01).close);
    assert_eq!(outcome.bars.len(), 9);
}

#[test]
fn weeks_dated_a_day_early_are_moved_and_others_are_not() {
    let good = series(30);
    let sunday = |bar: &DailyBar| DailyBar { session: bar.session.pred_opt().unwrap(), ..*bar };
    let week: Vec<usize> = (0..30)
        .filter(|i| {
            let day = good[*i].session;
            (NaiveDate::from_ymd_opt(2024, 1, 21).unwrap()..NaiveDate::from_ymd_opt(2024, 1, 27).unwrap())
                .contains(&day)
        })
        .collect();
    assert_eq!(week.len(), 5);
    let mut bars = good.clone();
    for index in &week {
        bars[*index] = sunday(&bars[*index]);
    }
    let outcome = sifted(&[], &bars, Basis::Raw, &[]);
    assert_eq!(outcome.bars, good);
    assert_eq!(outcome.changes.iter().map(|c| c.rule).collect::<Vec<_>>(), [Rule::DateShift; 5]);
    // Beside a full week a Sunday is nothing that can be moved.
    let mut bars = good.clone();
    bars.push(sunday(&good[week[0]]));
    let outcome = sifted(&[], &bars, Basis::Raw, &[]);
    assert_eq!((outcome.bars, outcome.quarantined.len()), (good, 1));
}

#[test]
fn rows_that_miss_a_split_are_repaired_in_restated_series_only() {
    let good = series(60);
    let mut bars = good.clone();
    let actions = [split(bars[30].session, 4, 1)];
    bars[27] = times(&bars[27], 4.0);
    let outcome = sifted(&[], &bars, Basis::Split, &actions);
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(outcome.changes[0].rule, Rule::SplitGlitch);
    assert_eq!(outcome.bars[27].close, good[27].close);
    // A raw series steps on the day of the split, and is odd when it does not.
    let raw: Vec<DailyBar> =
        good.iter().enumerate().map(|(i, b)| times(b, if i < 30 { 4.0 } else { 1.0 })).collect();
    let outcome = sifted(&[], &raw, Basis::Raw, &actions);
    assert_eq!((outcome.bars, outcome.odd.len(), outcome.changes.len()), (raw, 0, 0));
    let outcome = sifted(&[], &good, Basis::Raw, &actions);
    assert_eq!(outcome.odd, [(good[30].session, Oddity::SplitNotSeen)]);
}

#[test]
fn jumps_are_told_apart_by_what_comes_next_and_by_volume() {
    let good = series(60);
    let from = |at: usize, factor: f64, volume: i64| -> Vec<DailyBar> {
        let mut bars = good.clone();
        bars.iter_mut().skip(at).for_each(|bar| *bar = times(bar, factor));
        bars[at].volume = Volume::from_whole(volume).unwrap();
        bars
    };
    let odd = |bars: &[DailyBar]| sifted(&[], bars, Basis::Split, &[]).odd;
    assert_eq!(odd(&from(40, 0.5, 1_500)), [(good[40].session, Oddity::UnadjustedAction)]);
    assert_eq!(odd(&from(40, 0.5, 15_000)), [(good[40].session, Oddity::Jump)]);
    assert_eq!(odd(&from(40, 1.6, 15_000)), [(good[40].session, Oddity::Jump)]);
    let mut bars = good.clone();
    bars[40] = times(&bars[40], 0.5);
    assert_eq!(odd(&bars), [(good[40].session, Oddity::BadPrint)]);
    let mut bars = good.clone();
    bars[40].volume = Volume::from_whole(0).unwrap();
    assert_eq!(odd(&bars), [(good[40].session, Oddity::ZeroVolume)]);
}

#[test]
fn a_line_that_is_no_whole_bar_is_not_read() {
    for line in
        ["", "2024-01-02,A,1,1,1", "2024-01-02,A,0,1,1,1,5", "2024-01-02,A,1,1,2,1,5", "x,A,1,1,1,1,5"]
    {
        assert_eq!(read_line(line, "A.XNYS".parse().unwrap()), None, "{line}");
    }
}
