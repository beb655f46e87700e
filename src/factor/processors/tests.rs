//! Processors on small columns; the oracle's columns are compared where the files are read.

use super::*;

fn changed(steps: &str, mut column: Vec<f32>) -> Vec<f32> {
    let days = [0..3, 3..column.len()];
    let (rows, names) = (column.len(), ["x".to_string()]);
    for step in Step::parse_all(steps).unwrap() {
        let Step::Change(change, fields) = step else { panic!("no change: {step:?}") };
        let columns = std::slice::from_mut(&mut column);
        run(change, fields, &names, columns, &days, 0..rows).unwrap();
    }
    column
}

#[test]
fn steps_are_read_with_their_arguments_and_refused_without_sense() {
    let steps = Step::parse_all(" CSZScoreNorm(robust=true) ; Fillna(0);").unwrap();
    let robust = Step::Change(Change::CrossZScore { robust: true }, Fields::All);
    assert_eq!(steps, [robust.clone(), Step::Change(Change::Fill(0.0), Fields::All)]);
    assert_eq!(Step::parse_all("CSZScoreNorm(method='robust')").unwrap(), [robust]);
    let labels = Step::parse_all("CSZScoreNorm(fields_group=label);DropnaLabel").unwrap();
    let z = Step::Change(Change::CrossZScore { robust: false }, Fields::Labels);
    assert_eq!(labels, [z, Step::DropMissing(Fields::Labels)]);
    for bad in ["Fillna(1e400)", "Fillna(inf)", "Fillna(fill_value=nan)"] {
        assert!(matches!(Step::parse_all(bad), Err(StepError::Unknown(_))), "{bad}");
    }
    for bad in
        ["Nothing", "CSRankNorm(1)", "CSZScoreNorm(robust=maybe)", "Fillna(x)", "Fillna(1", "DropCol([a)"]
    {
        assert!(matches!(Step::parse_all(bad), Err(StepError::Unknown(_))), "{bad}");
    }
}

#[test]
fn lists_and_ranges_are_read_in_either_spelling() {
    let names = vec!["A".to_string(), "B".to_string()];
    for text in ["DropCol(A,B)", "DropCol(col_list=['A', \"B\"])", "DropCol([A,B])"] {
        assert_eq!(Step::parse_all(text).unwrap(), [Step::DropColumns(names.clone())], "{text}");
    }
    let filter = Step::KeepColumns(Fields::Features, names);
    assert_eq!(Step::parse_all("FilterCol(feature=1)").ok(), None);
    assert_eq!(Step::parse_all("FilterCol(fields_group='feature', col_list=[A,B])").unwrap(), [filter]);
    let day = |text: &str| Some(text.parse().unwrap());
    let range = Step::Reaching { from: day("2024-01-02"), to: None };
    assert_eq!(Step::parse_all("TimeRangeFlt(start_time=2024-01-02)").unwrap(), [range]);
    let range = Step::Reaching { from: day("2024-01-02"), to: day("2024-02-01") };
    assert_eq!(Step::parse_all("TimeRangeFlt('2024-01-02','2024-02-01')").unwrap(), [range]);
}

#[test]
fn cross_sections_stay_within_their_day() {
    let out = changed("CSRankNorm", vec![1.0, f32::NAN, 3.0, 5.0, 5.0]);
    assert_eq!(out[0], 0.0);
    assert!(out[1].is_nan());
    assert_eq!((out[2], out[3], out[4]), (1.73, 0.865, 0.865));
    assert_eq!(changed("CSZFillna", vec![1.0, f32::NAN, 3.0, 5.0])[1], 2.0);
    assert_eq!(changed("ProcessInf", vec![1.0, f32::INFINITY, 3.0, 5.0])[1], 2.0);
    assert!(changed("ProcessInf", vec![f32::NAN, f32::INFINITY, f32::NAN, 5.0])[1].is_nan());
}

#[test]
fn a_fitted_step_needs_rows_and_leaves_a_constant_alone() {
    assert_eq!(changed("ZScoreNorm;MinMaxNorm", vec![2.0; 4]), vec![2.0; 4]);
    assert_eq!(changed("MinMaxNorm", vec![1.0, 3.0, 2.0, 5.0]), vec![0.0, 0.5, 0.25, 1.0]);
    assert!(changed("ZScoreNorm;MinMaxNorm", vec![f32::NAN; 4]).iter().all(|v| v.is_nan()));
    let refused = run(Change::ZScore, Fields::All, &["x".into()], &mut [vec![1.0]], &[], 0..0);
    assert_eq!(refused, Err(StepError::NoFit("ZScoreNorm")));
}

#[test]
fn squares_overflow_to_infinity_and_the_column_to_zero() {
    let out = changed("ZScoreNorm", vec![1e20, 0.0, 1.0, 2.0]);
    assert_eq!(out, vec![0.0; 4]);
}

#[test]
fn labels_are_known_by_their_name() {
    assert!(
        Fields::Labels.include("LABEL0")
            && Fields::Labels.include("label")
            && !Fields::Labels.include("ROC5")
    );
    let tanh = Step::parse_all("TanhProcess").unwrap();
    assert_eq!(tanh, [Step::Change(Change::Tanh, Fields::Features)]);
    let refused = run(Change::CrossRank, Fields::Labels, &["x".into()], &mut [vec![1.0]], &[], 0..1);
    assert_eq!(refused, Err(StepError::NoLabel));
}

#[test]
fn complete_rows_have_every_column() {
    let columns = [vec![1.0, f32::NAN], vec![1.0, 2.0]];
    assert_eq!(complete_rows(columns.iter(), 2), [true, false]);
}

#[test]
fn a_sum_is_numpys_pairwise_one() {
    let values: Vec<f32> = (0..1_000).map(|k| 1.0 / (k as f32 + 1.0)).collect();
    assert_eq!(single::sum(&values), 7.485_471_7);
    assert_eq!(single::sum(&[1.0, f32::NAN, 2.0]), 3.0);
    assert_eq!(single::median(&[4.0, f32::NAN, 1.0, 3.0, 2.0]), 2.5);
}
