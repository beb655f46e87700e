//! The fast engine against the reference evaluator, on panels made to be awkward; and that rows, threads and later
//! days change nothing.

use chrono::{Days, NaiveDate};

use super::series::evaluate;
use super::*;
use crate::factor::kernels::element::Series;
use crate::factor::panel::{Column, Group, Panel, PanelBuilder};

/// A small generator of random numbers (xorshift64*), so that a seed gives the same panel everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

const ROWS: usize = 280;
const INSTRUMENTS: usize = 13;

/// What can be wrong with a series, by its number.
fn spoil(kind: u64, row: usize, value: f64, random: &mut Random) -> f64 {
    match kind {
        1 if random.below(10) == 0 => f64::NAN,
        2 if (100..190).contains(&row) => f64::NAN,
        3 => (value / 20.0).round(),
        4 if (60..160).contains(&row) => 7.7,
        5 if random.below(40) == 0 => f64::INFINITY,
        5 if random.below(60) == 0 => f64::NEG_INFINITY,
        6 if random.below(25) == 0 => 0.0,
        7 => value * 1e-6,
        8 => value * 1e9,
        9 if random.below(50) == 0 => value * 1e12,
        10 => -value,
        _ => value,
    }
}

fn panel(seed: u64, rows: usize) -> Panel {
    let first = NaiveDate::from_ymd_opt(2020, 1, 6).unwrap();
    let days: Vec<NaiveDate> = (0..ROWS).map(|d| first + Days::new(d as u64)).collect();
    let mut builder = PanelBuilder::new(days[..rows].to_vec());
    let mut random = Random(seed);
    for i in 0..INSTRUMENTS {
        let start = if i % 3 == 1 { random.below(200) as usize } else { 0 };
        let end = if i % 4 == 2 { ROWS - random.below(100) as usize } else { ROWS };
        let kinds = [random.below(12), random.below(12), 0];
        let (mut price, mut volume) = (50.0 + 50.0 * random.share(), 1000.0);
        for (row, day) in days.iter().enumerate() {
            price *= 1.0 + 0.04 * (random.share() - 0.5);
            volume = 1000.0 * random.share() + 0.2 * volume;
            let values = [price, volume, 1.0 + random.share()];
            let [close, volume, open] =
                std::array::from_fn(|k| spoil(kinds[k], row, values[k], &mut random) as f32);
            if row >= start && row < end && row < rows {
                let id = format!("S{i:02}.SIM").parse().unwrap();
                builder.row(id, *day, &[("close", close), ("volume", volume), ("open", open)]).unwrap();
                builder.member(Group::Sector, id, first, ["energy", "banks", "retail"][i % 3]);
            }
        }
    }
    builder.build()
}

/// Operators over one series and a window.
const ROLLING: &[&str] = &[
    "Mean",
    "Sum",
    "Std",
    "Var",
    "Max",
    "Min",
    "IdxMax",
    "IdxMin",
    "Med",
    "Mad",
    "Rank",
    "Count",
    "Slope",
    "Rsquare",
    "Resi",
    "EMA",
    "WMA",
    "DecayLinear",
    "Product",
    "ArgMax",
    "ArgMin",
    "TsRank",
    "Ref",
    "Delta",
];

/// Expressions with windows of their own.
const FIXED: &[&str] = &[
    "Corr($close,$volume,5)+Mean(Cov($close,$volume,5),60)",
    "Corr($close,$volume,5)+Ref(TsRegBeta($close,$volume,5),-1)",
    "Mean($close>$open,5)>=0.2",
    "Mean($close>$open,10)==0.3",
    "Rank(Mean($close>$open,5),10)",
    "IdxMax(Mean($close>$open,10),20)",
    "Mean(Sign($close-$open),5)>=0.2",
    "Skew($close,5)",
    "Kurt($close,20)",
    "Skew($volume,0)",
    "Mean($close,0.1)",
    "Std($volume,0.3)",
    "EMA($close,0.5)",
    "Ref($close,-3)",
    "Mean(Ref($close,-2),5)",
    "Ref(Mean($close,5),-4)",
    "Ref(Std($close,5),-40)",
    "If($close>$open,$close,Mean($close,5))",
    "If($close/$close,1,$volume)",
    "$close**2",
    "$close**0",
    "2**Sign($volume)",
    "Greater($close,$open)-Less($volume,Mean($volume,5))",
    "And($close>$open,$volume!=0)",
    "Or($close>3,Not($open>1.5))",
    "($close>$open)+($volume>500)",
    "($close>$open)*($volume>500)",
    "($close>$open)/($volume>500)",
    "Abs(-$close)",
    "Log($volume)",
    "Log(Mean($volume,3))",
    "Sign($close-60)",
    "$close>=Mean($close,5)",
    "$close==$close",
    "$close!=$open",
    "Sum($close<=80,20)",
    "TResample($close,'M','mean')",
    "TResample($volume,'W','sum')",
    "-$close+1e-12",
    "$volume/0",
    "0/$volume",
    "1e300*$close",
    "Count(Ref($close,70),60)",
    "Mean(Count($close,5),5)",
];

/// Every operator over one series, at many windows, and what Alpha158 makes of them.
fn expressions() -> Vec<Expression> {
    let mut texts = Vec::new();
    for window in ["1", "2", "5", "20", "60", "270", "0"] {
        for op in ROLLING {
            texts.push(format!("{op}($close,{window})"));
        }
        for op in ["Corr", "Cov", "TsRegBeta", "TsRegResi"] {
            texts.push(format!("{op}($close,$volume,{window})"));
            texts.push(format!("{op}($close/Ref($close,1),Log($volume+1),{window})"));
        }
        texts.push(format!("Quantile($close,{window},0.2)"));
        texts.push(format!("SumIf($volume,$close>Ref($close,1),{window})"));
        texts.push(format!("MeanIf($volume,$close>$open,{window})"));
        texts.push(format!("CountIf($close<Ref($close,1),{window})"));
        texts.push(format!("Mean($close>Ref($close,1),{window})-Mean(Std($volume,5),{window})"));
        texts.push(format!("Slope($volume/$open,{window})"));
        texts.push(format!("Rank(Mean($close,3),{window})"));
        texts.push(format!("Max($close-$open,{window})/IdxMin($volume*2,{window})"));
    }
    texts.extend(FIXED.iter().map(|text| (*text).to_owned()));
    texts.iter().map(|t| Expression::parse(t).unwrap_or_else(|e| panic!("{}", e.pointed(t)))).collect()
}

/// The reference's values of one instrument on `rows`.
fn reference(panel: &Panel, expression: &Expression, instrument: usize, rows: Range<usize>) -> Vec<f32> {
    let span = panel.span(instrument);
    let from = rows.start.saturating_sub(expression.lookback()).max(span.start);
    let to = (rows.end + expression.lookahead()).min(span.end);
    let mut values = vec![f32::NAN; rows.len()];
    if from < to {
        let leaf = |node: &Node| match node {
            Node::Field(name) => {
                Some(Series::Single(panel.column(name).unwrap().series(instrument)[from..to].to_vec()))
            }
            _ => None,
        };
        let days = &panel.sessions()[from..to];
        let all = evaluate(expression.node(), &leaf, days).unwrap().singles(days.len());
        for (slot, row) in values.iter_mut().zip(rows) {
            *slot = row.checked_sub(from).and_then(|k| all.get(k)).copied().unwrap_or(f32::NAN);
        }
    }
    values
}

/// How expressions begin that pick values, count or rank: nothing in them may be rounded.
const EXACT: &[&str] = &[
    "Rank($close,",
    "Rank(Mean($close>",
    "TsRank($close,",
    "IdxM",
    "ArgM",
    "Count",
    "Max($close,",
    "Min($close,",
    "Ref($close,",
    "Mean($close>$open",
    "Mean(Sign",
    "$close",
    "If",
    "And",
    "Or",
];

/// Magnitude below which a difference is rounding: what the operator's values cancel from.
fn floor(expression: &Expression, panel: &Panel, instrument: usize) -> f64 {
    let text = expression.text();
    if EXACT.iter().any(|start| text.starts_with(start)) {
        return 0.0;
    }
    if ["Corr", "Rsquare", "Skew", "Kurt"].iter().any(|op| text.contains(op)) {
        return 1e-5;
    }
    let largest = |field: &str| {
        let values = panel.column(field).unwrap().series(instrument);
        values.iter().filter(|v| v.is_finite()).fold(1e-30_f64, |most, v| most.max(f64::from(v.abs())))
    };
    let scale = largest("close").max(largest("volume"));
    if text.contains("Cov") || text.contains("Var") { scale * scale * 1e-12 } else { scale * 1e-9 }
}

#[test]
fn every_operator_agrees_with_the_reference_on_awkward_panels() {
    let expressions = expressions();
    for seed in [1, 77, 4711] {
        let panel = panel(seed, ROWS);
        for rows in [0..ROWS, 150..170] {
            let columns = compute(&panel, &expressions, rows.clone()).unwrap();
            for (expression, column) in expressions.iter().zip(&columns) {
                for i in 0..INSTRUMENTS {
                    let expected = reference(&panel, expression, i, rows.clone());
                    let floor = floor(expression, &panel, i);
                    for (k, want) in expected.iter().enumerate() {
                        let got = column.get(i, k);
                        let near = f64::from((got - want).abs()) <= 1e-5 * f64::from(want.abs()) + floor;
                        assert!(
                            got.to_bits() == want.to_bits()
                                || got == *want
                                || near
                                || (got.is_nan() && want.is_nan()),
                            "seed {seed} {} of {i} at {}: {got} instead of {want}",
                            expression.text(),
                            rows.start + k
                        );
                    }
                }
            }
        }
    }
}

fn bits(column: &Column, rows: Range<usize>) -> Vec<u32> {
    rows.flat_map(|row| (0..column.instruments()).map(move |i| (row, i)))
        .map(|(row, i)| column.get(i, row))
        .map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() })
        .collect()
}

/// Everything above, every set, and cross-sections inside windows and windows inside cross-sections.
fn everything() -> Vec<Expression> {
    let mut all = expressions();
    for text in [
        "CSRank($close)",
        "Mean(CSRank(Std($volume,10)),20)",
        "CSZScore(Mean($close,7),sector)",
        "CSNeutralize($close,sector)",
        "CSNeutralize(Mean($close,5),$volume)",
        "CSQuantile($volume,5)",
        "CSWinsorize($close,0.1)",
        "CSScale($close)",
        "Ref($close,1)/ChangeInstrument('S03',Mean($close,5))",
        "Corr(CSDemean($close),$volume,10)",
        "CSRank(CSZScore(EMA($close,5)))",
    ] {
        all.push(Expression::parse(text).unwrap());
    }
    all
}

#[test]
fn a_part_of_the_rows_and_the_latest_day_have_the_bits_of_the_whole() {
    let expressions = everything();
    let panel = panel(5, ROWS);
    let whole = compute(&panel, &expressions, 0..ROWS).unwrap();
    let part = compute(&panel, &expressions, 201..267).unwrap();
    let last = latest(&panel, &expressions, &Watch::default()).unwrap();
    for (k, expression) in expressions.iter().enumerate() {
        let text = expression.text();
        if !expression.needs_history() {
            assert_eq!(bits(&whole[k], 201..267), bits(&part[k], 0..66), "{text}");
        }
        assert_eq!(bits(&whole[k], ROWS - 1..ROWS), bits(&last[k], 0..1), "{text}");
    }
}

#[test]
fn days_that_come_later_change_nothing_before_them() {
    let expressions: Vec<Expression> = everything().into_iter().filter(|e| !e.looks_ahead()).collect();
    let full = panel(9, ROWS);
    let whole = compute(&full, &expressions, 0..ROWS).unwrap();
    for rows in [1, 2, 59, 61, 200, ROWS - 1] {
        let shorter = panel(9, rows);
        let cut = compute(&shorter, &expressions, 0..rows).unwrap();
        for (k, expression) in expressions.iter().enumerate() {
            // Instruments that list later are not in the shorter panel, so its blocks hold others.
            for (i, id) in shorter.symbols().iter().enumerate() {
                let at = full.index_of(*id).unwrap();
                let crosses = expression.text().contains("CS");
                for row in (0..rows).filter(|_| !crosses) {
                    let (a, b) = (whole[k].get(at, row), cut[k].get(i, row));
                    assert!(
                        a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
                        "{} {row}",
                        expression.text()
                    );
                }
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let expressions = everything();
    let panel = panel(31, ROWS);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compute(&panel, &expressions, 0..ROWS).unwrap())
    };
    let (one, three) = (with(1), with(3));
    for (k, expression) in expressions.iter().enumerate() {
        assert_eq!(bits(&one[k], 0..ROWS), bits(&three[k], 0..ROWS), "{}", expression.text());
    }
}

#[test]
fn a_cross_section_is_taken_over_the_instruments_of_the_day() {
    let panel = panel(3, ROWS);
    let texts =
        ["CSRank($close)", "$close", "CSNeutralize($close,sector)", "ChangeInstrument('S05.SIM',$close)"];
    let expressions: Vec<Expression> = texts.iter().map(|t| Expression::parse(t).unwrap()).collect();
    let columns = compute(&panel, &expressions, 0..ROWS).unwrap();
    let row = ROWS - 20;
    let values = columns[1].cross_section(row);
    let there: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    for (i, value) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        let below = there.iter().filter(|v| *v < value).count() as f64;
        let equal = there.iter().filter(|v| *v == value).count() as f64;
        let rank = (below + (equal + 1.0) / 2.0) / there.len() as f64;
        assert!((f64::from(columns[0].get(i, row)) - rank).abs() < 1e-6);
        assert!(columns[2].get(i, row).is_finite());
        assert_eq!(columns[3].get(i, row).to_bits(), columns[1].get(5, row).to_bits());
    }
    assert!(there.len() > 8);
}

#[test]
fn a_cross_section_leaves_out_who_is_no_member_of_the_universe_on_the_day() {
    let whole = panel(3, ROWS);
    let count = whole.symbols().len();
    let until = |i: usize| if i.is_multiple_of(2) { 0..ROWS } else { 0..ROWS - 20 };
    let seen = whole.clone().seen_by((0..count).map(|i| vec![until(i)]).collect());
    let of = |panel: &Panel, text: &str| {
        compute(panel, &[Expression::parse(text).unwrap()], 0..ROWS).unwrap().swap_remove(0)
    };
    let (before, after) = (of(&whole, "CSRank($close)"), of(&seen, "CSRank($close)"));
    let row = ROWS - 20;
    assert_eq!(bits(&before, 0..row), bits(&after, 0..row));
    let close = of(&seen, "$close").cross_section(row);
    for (i, rank) in after.cross_section(row).into_iter().enumerate() {
        let members = (0..count).step_by(2).filter(|k| close[*k].is_finite());
        let best = members.max_by(|a, b| close[*a].total_cmp(&close[*b])).unwrap();
        assert_eq!(rank.is_finite(), i % 2 == 0 && close[i].is_finite(), "{i}");
        assert!(i != best || rank == 1.0);
    }
}

#[test]
fn what_cannot_be_answered_is_refused_before_it_starts() {
    let panel = panel(3, ROWS);
    let refused = |text: &str| compute(&panel, &[Expression::parse(text).unwrap()], 0..ROWS).unwrap_err();
    assert!(matches!(refused("$high"), EvalError::MissingField { field: "high", .. }));
    assert!(matches!(refused("P($$eps)"), EvalError::MissingPeriods { .. }));
    assert!(matches!(refused("Mask($close,'NOPE')"), EvalError::UnknownSymbol { .. }));
    assert!(matches!(refused("CSNeutralize($close,industry)"), EvalError::MissingGroup { .. }));
    let many = vec![Expression::parse("$close").unwrap(); 4_000_000];
    assert!(matches!(compute(&panel, &many, 0..ROWS), Err(EvalError::TooLarge { .. })));
    let crossed = vec![Expression::parse("CSRank($close)").unwrap(); 150_000];
    assert!(matches!(compute(&panel, &crossed, 0..ROWS), Err(EvalError::TooLarge { .. })));
    let stopped = Watch::default();
    stopped.cancel();
    let one = [Expression::parse("Mean($close,5)").unwrap()];
    assert_eq!(compute_watched(&panel, &one, 0..ROWS, &stopped), Err(EvalError::Cancelled));
}

#[test]
fn parts_of_the_rows_handed_on_one_by_one_are_the_whole() {
    let expressions = everything();
    let panel = panel(12, ROWS);
    let whole = compute(&panel, &expressions, 20..ROWS).unwrap();
    let (mut next, watch) = (20, Watch::default());
    stream(&panel, &expressions, 20..ROWS, 77, &watch, |rows, columns| {
        assert_eq!(rows.start, next);
        next = rows.end;
        for (k, expression) in expressions.iter().enumerate() {
            let expected = bits(&whole[k], rows.start - 20..rows.end - 20);
            assert_eq!(bits(&columns[k], 0..rows.len()), expected, "{}", expression.text());
        }
        Ok::<(), EvalError>(())
    })
    .unwrap();
    assert_eq!(next, ROWS);
}

#[test]
fn another_instruments_series_is_its_own_before_the_reader_is_listed() {
    let panel = panel(8, ROWS);
    let late = (0..INSTRUMENTS).find(|i| panel.span(*i).start > 10).unwrap();
    let texts = [
        ["ChangeInstrument('s00',$close)/Ref(ChangeInstrument('S00',$close),5)", "$close/Ref($close,5)"],
        ["Mean(ChangeInstrument('S00',$close)>60,20)", "Mean($close>60,20)"],
        ["WMA(ChangeInstrument('S00',$close),9)", "WMA($close,9)"],
        ["ChangeInstrument('S00',EMA($close,20))", "EMA($close,20)"],
        ["Ref(ChangeInstrument('S00',$close),-7)", "Ref($close,-7)"],
    ];
    for rows in [0..ROWS, 150..190] {
        for [theirs, own] in texts {
            let pair = [theirs, own].map(|t| Expression::parse(t).unwrap());
            let columns = compute(&panel, &pair, rows.clone()).unwrap();
            for row in rows.clone().filter(|r| panel.span(late).contains(r)) {
                let (a, b) = (columns[0].get(late, row - rows.start), columns[1].get(0, row - rows.start));
                assert!(a == b || (a.is_nan() && b.is_nan()), "{theirs} at {row}: {a} {b}");
            }
        }
    }
}
