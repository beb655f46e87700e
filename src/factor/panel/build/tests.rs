//! What a panel promises of the rows and facts it is made of.

use super::super::{Bars, Terms};
use super::*;
use crate::domain::{Price, Volume};

fn day(d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, d).unwrap()
}

fn id() -> InstrumentId {
    "A.SIM".parse().unwrap()
}

fn builder(rows: &[(u32, f32, f32)]) -> PanelBuilder {
    let mut b = PanelBuilder::new((1..=5).map(day).collect());
    for (d, close, factor) in rows {
        b.row(id(), day(*d), &[("close", *close), ("factor", *factor)]).unwrap();
    }
    b
}

fn figure(known: u32, period: u32, value: f64) -> Fundamental {
    Fundamental {
        instrument: id(),
        known_at: day(known),
        period_end: day(period),
        field: "eps".into(),
        value,
    }
}

#[test]
fn missing_rows_are_nan_and_the_span_runs_from_first_to_last() {
    let panel = builder(&[(2, 10.0, 1.0), (4, 11.0, 1.0)]).build();
    assert_eq!(panel.span(0), 1..4);
    let close = panel.column("close").unwrap().series(0);
    assert!(close[0].is_nan() && close[2].is_nan() && close[1] == 10.0 && close[3] == 11.0);
}

#[test]
fn a_figure_is_used_from_the_day_it_was_known_and_older_periods_do_not_replace_it() {
    let mut b = builder(&[(1, 1.0, 1.0), (2, 1.0, 1.0), (3, 1.0, 1.0), (4, 1.0, 1.0), (5, 1.0, 1.0)]);
    b.fundamentals(&[figure(2, 1, 3.0), figure(3, 3, 4.0), figure(4, 2, 9.0)]);
    let panel = b.build();
    let eps = panel.column("eps").unwrap().series(0);
    assert!(eps[0].is_nan());
    assert_eq!(eps[1..], [3.0, 4.0, 4.0, 4.0]);
}

fn bar(d: u32, close: &str) -> DailyBar {
    let close: Price = close.parse().unwrap();
    let volume = Volume::from_whole(300).unwrap();
    DailyBar {
        instrument: id(),
        session: day(d),
        open: close,
        high: close,
        low: close,
        close,
        volume,
        vwap: None,
    }
}

#[test]
fn a_figure_is_restated_for_splits_and_not_for_dividends() {
    let mut b = PanelBuilder::new((1..=5).map(day).collect());
    // A dividend before day 2 and a split of 2:1 before day 3.
    for (d, price, shares) in [(1, 0.45, 0.5), (2, 0.5, 0.5), (3, 1.0, 1.0)] {
        b.bar(&bar(d, "50"), price, shares).unwrap();
    }
    b.fundamentals(&[figure(1, 1, 8.0)]);
    let panel = b.build();
    assert_eq!(panel.column("eps").unwrap().series(0)[..3], [4.0, 4.0, 4.0]);
    assert_eq!(panel.periods("eps", 0)[0].value, 4.0, "by period as on each day");
    assert_eq!(panel.column("close").unwrap().series(0)[..3], [22.5, 25.0, 50.0]);
    assert_eq!(panel.column("volume").unwrap().series(0)[1..3], [600.0, 300.0]);
    let change = panel.column("change").unwrap().series(0);
    assert!(
        change[0].is_nan() && change[1..3] == [(25.0_f64 / 22.5 - 1.0) as f32, 1.0] && change[3].is_nan()
    );
}

#[test]
fn whole_instruments_and_single_bars_make_the_same_panel() {
    let days = |d: u32| (50 + d).to_string();
    let given = [1_u32, 2, 4];
    let terms = [
        Terms { from: 0, price: 0.3, factor: 0.3, shares: 0.5 },
        Terms { from: 1, price: 0.7, factor: 0.7, shares: 0.5 },
        Terms { from: 2, ..Terms::AS_STORED },
    ];
    let ids: Vec<InstrumentId> = (10..30).map(|n| format!("N{n}.SIM").parse().unwrap()).collect();
    let mut single = PanelBuilder::new((1..=5).map(day).collect());
    let mut whole = single.clone();
    for instrument in &ids {
        for (d, t) in given.iter().zip(terms) {
            single
                .bar(&DailyBar { instrument: *instrument, ..bar(*d, &days(*d)) }, t.price, t.shares)
                .unwrap();
        }
    }
    for b in [&mut single, &mut whole] {
        b.fundamentals(&[Fundamental { instrument: ids[9], ..figure(2, 1, 3.0) }]);
        b.member(Group::Sector, ids[9], day(2), "Metals");
    }
    let prices: Vec<Price> = given.iter().map(|d| days(*d).parse().unwrap()).collect();
    let volume = vec![Volume::from_whole(300).unwrap(); 3];
    let (open, vwap): (&[Price], &[Option<Price>]) = (&prices, &[]);
    let bars = Bars { open, high: open, low: open, close: open, volume: &volume, vwap };
    let made = whole
        .build_from(&ids, &BAR_FIELDS, || (), |(), _, rows| rows.bars(&[0, 1, 3], &bars, &terms))
        .unwrap();
    // NaN is not equal to itself; its text is.
    assert_eq!(format!("{made:?}"), format!("{:?}", single.build()));
}

#[test]
fn rows_out_of_order_and_panels_too_large_are_refused() {
    let build = |ids: &[InstrumentId], rows: &'static [usize]| {
        let price = ["1".parse().unwrap(); 2];
        let volume = [Volume::ZERO; 2];
        let bars =
            Bars { open: &price, high: &price, low: &price, close: &price, volume: &volume, vwap: &[] };
        let b = PanelBuilder::new((1..=5).map(day).collect());
        b.build_from(ids, &BAR_FIELDS, || (), |(), _, r| r.bars(rows, &bars, &[]))
    };
    let other: InstrumentId = "B.SIM".parse().unwrap();
    assert!(build(&[id(), other], &[0, 4]).is_ok());
    assert_eq!(build(&[other, id()], &[0, 4]), Err(PanelError::Unordered(id())));
    for rows in [&[4_usize, 0][..], &[1, 1], &[1, 5]] {
        assert_eq!(build(&[id()], rows), Err(PanelError::OutsideSessions { instrument: id() }));
    }
    let days: Vec<NaiveDate> = day(1).iter_days().take(100_000).collect();
    let many: Vec<InstrumentId> = (0..2_000).map(|n| format!("N{n:04}.SIM").parse().unwrap()).collect();
    let b = PanelBuilder::new(days);
    let refused = b.build_from(&many, &BAR_FIELDS, || (), |(), _, _| Ok::<_, PanelError>(())).unwrap_err();
    assert!(refused.to_string().contains("takes 6400 MB, more than 4294 MB"), "{refused}");
}

#[test]
fn a_headline_after_the_close_belongs_to_the_next_session() {
    let lexicon = Lexicon::parse("term,kind,weight\ngain,tone,3\n").unwrap();
    let closes: Vec<UnixNanos> = (1..=5).map(|d| UnixNanos::from_seconds(d * 100)).collect();
    let headline = |seconds: i64| Headline {
        instrument: id(),
        time: UnixNanos::from_seconds(seconds),
        headline: "gain".into(),
        source: "x".into(),
    };
    let mut b = builder(&[(1, 1.0, 1.0), (5, 1.0, 1.0)]);
    b.headlines(&[headline(200), headline(201), headline(501)], &closes, &lexicon).unwrap();
    let panel = b.build();
    let tone = panel.column("sentiment").unwrap().series(0);
    assert!(tone[0].is_nan() && tone[1] == 0.5 && tone[2] == 0.5 && tone[3].is_nan() && tone[4].is_nan());
    assert_eq!(panel.column("headlines").unwrap().series(0), [0.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn strangers_and_doubles_are_refused() {
    let mut b = builder(&[(1, 1.0, 1.0)]);
    let late = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    assert!(matches!(b.row(id(), late, &[]), Err(PanelError::UnknownSession { .. })));
    assert!(matches!(b.row(id(), day(1), &[]), Err(PanelError::Duplicate { .. })));
    assert!(matches!(b.row(id(), day(2), &[("clsoe", 1.0)]), Err(PanelError::UnknownField(_))));
}
