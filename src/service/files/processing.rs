//! Qlib's processors on a factor file, one after the other, each on the output of the one before.
//!
//! Values are single precision, as Qlib's frames are, and change in place. A step that drops rows or columns drops
//! them for the steps after it, and from what fitted steps learn from.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::factors::FactorFileError;
use super::table::FactorTable;
use crate::domain::Symbol;
use crate::factor::processors::{Fields, Step, StepError, complete_rows, run};

/// Runs the steps of a text. Fitted ones learn from the days from `fit.0` to `fit.1`.
pub fn process(
    table: &mut FactorTable,
    steps: &str,
    fit: Option<(NaiveDate, NaiveDate)>,
) -> Result<(), FactorFileError> {
    for step in Step::parse_all(steps)? {
        match step {
            Step::Change(change, fields) => {
                let days: Vec<_> = table.days().into_iter().map(|(_, rows)| rows).collect();
                let learn = fit.map_or(0..0, |(from, to)| {
                    table.keys.partition_point(|k| k.0 < from)..table.keys.partition_point(|k| k.0 <= to)
                });
                run(change, fields, &table.columns, &mut table.values, &days, learn)?;
            }
            Step::DropMissing(fields) => drop_missing(table, fields)?,
            Step::DropColumns(names) => keep_columns(table, |column| !names.iter().any(|n| n == column)),
            Step::KeepColumns(fields, names) => {
                keep_columns(table, |column| !fields.include(column) || names.iter().any(|n| n == column));
            }
            Step::Reaching { from, to } => keep_reaching(table, from, to)?,
            Step::Storage => {}
        }
    }
    Ok(())
}

fn drop_missing(table: &mut FactorTable, fields: Fields) -> Result<(), StepError> {
    let meant = |name: &String| fields.include(name);
    if fields == Fields::Labels && !table.columns.iter().any(meant) {
        return Err(StepError::NoLabel);
    }
    let columns = table.columns.iter().zip(&table.values).filter(|(name, _)| meant(name));
    let kept = complete_rows(columns.map(|(_, column)| column), table.keys.len());
    keep_rows(table, &kept);
    Ok(())
}

fn keep_rows(table: &mut FactorTable, kept: &[bool]) {
    keep(&mut table.keys, kept);
    table.values.iter_mut().for_each(|column| keep(column, kept));
}

fn keep_columns(table: &mut FactorTable, stays: impl Fn(&str) -> bool) {
    let kept: Vec<bool> = table.columns.iter().map(|column| stays(column)).collect();
    keep(&mut table.columns, &kept);
    keep(&mut table.values, &kept);
}

/// Drops the instruments whose rows do not reach over the range; its ends move inwards to days of the file.
fn keep_reaching(
    table: &mut FactorTable,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<(), StepError> {
    let days = || table.keys.iter().map(|key| key.0);
    let inside = |day: &NaiveDate| from.is_none_or(|from| *day >= from) && to.is_none_or(|to| *day <= to);
    let first = days().find(inside).ok_or(StepError::NoDays)?;
    let last = days().rfind(inside).ok_or(StepError::NoDays)?;
    let mut spans: BTreeMap<Symbol, (NaiveDate, NaiveDate)> = BTreeMap::new();
    for (day, symbol) in &table.keys {
        spans.entry(*symbol).and_modify(|span| span.1 = *day).or_insert((*day, *day));
    }
    let reaches = |(start, end): &(NaiveDate, NaiveDate)| {
        (from.is_none() || *start <= first) && (to.is_none() || *end >= last)
    };
    let kept: Vec<bool> = table.keys.iter().map(|key| spans.get(&key.1).is_some_and(reaches)).collect();
    keep_rows(table, &kept);
    Ok(())
}

fn keep<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut flags = kept.iter();
    list.retain(|_| flags.next().is_some_and(|flag| *flag));
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::service::files::factors::{ComputeRequest, collected, of_definition};
    use crate::service::files::sheet::{Input, read};
    use crate::service::files::table::Wanted;
    use crate::service::files::testing::oracle;

    fn table(text: &str) -> FactorTable {
        FactorTable::parse(text.as_bytes(), &"t.csv".into(), Wanted::default()).unwrap().0
    }

    fn processed(text: &str, steps: &str) -> Result<String, FactorFileError> {
        let mut table = table(text);
        process(&mut table, steps, None)?;
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        Ok(String::from_utf8(out).unwrap())
    }

    const TABLE: &str = "date,symbol,x,LABEL0\n2024-01-02,A,1,5\n2024-01-03,A,,\n2024-01-03,B,2,6\n";

    #[test]
    fn rows_and_columns_are_selected_as_qlib_selects_them() {
        let out = processed(TABLE, "DropnaLabel").unwrap();
        assert_eq!(out, "date,symbol,x,LABEL0\n2024-01-02,A,1,5\n2024-01-03,B,2,6\n");
        let out = processed(TABLE, "DropnaProcessor;DropCol(LABEL0);HashStockFormat").unwrap();
        assert_eq!(out, "date,symbol,x\n2024-01-02,A,1\n2024-01-03,B,2\n");
        let out = processed(TABLE, "FilterCol(col_list=[])").unwrap();
        assert_eq!(out, "date,symbol,LABEL0\n2024-01-02,A,5\n2024-01-03,A,\n2024-01-03,B,6\n");
        assert!(processed("date,symbol,x\n2024-01-02,A,1\n", "DropnaLabel").is_err());
    }

    #[test]
    fn a_range_keeps_the_instruments_that_reach_over_it() {
        let out = processed(TABLE, "TimeRangeFlt(start_time=2024-01-01,end_time=2024-01-09)").unwrap();
        assert_eq!(out, "date,symbol,x,LABEL0\n2024-01-02,A,1,5\n2024-01-03,A,,\n");
        let late = processed(TABLE, "TimeRangeFlt(start_time=2024-01-03)").unwrap();
        assert_eq!(late.lines().count(), 4);
        assert!(processed(TABLE, "TimeRangeFlt(start_time=2025-01-01)").is_err());
    }

    #[test]
    fn a_step_may_be_about_labels_only() {
        let out = processed(TABLE, "Fillna(fields_group=label);TanhProcess").unwrap();
        let tanh = (2.0_f64 - 1.0).tanh() as f32;
        assert_eq!(
            out,
            format!("date,symbol,x,LABEL0\n2024-01-02,A,0,5\n2024-01-03,A,,0\n2024-01-03,B,{tanh},6\n")
        );
    }

    /// The oracle's prefix of a column, the step that makes it, and how far a cell made from the oracle's own factors
    /// may be off (in units of the cell, at least 1e-3): nothing, except where pandas keeps more than single
    /// precision on the way.
    const MADE_BY: [(&str, &str, f64); 8] = [
        ("cszscore", "CSZScoreNorm", 1e-6),
        ("cszscore_robust", "CSZScoreNorm(robust=true)", 1e-6),
        ("csrank", "CSRankNorm", 1e-6),
        ("zscore", "ZScoreNorm", 0.0),
        ("robust", "RobustZScoreNorm", 0.0),
        ("minmax", "MinMaxNorm", 0.0),
        ("cszfill", "CSZFillna", 0.0),
        ("fillna", "Fillna", 0.0),
    ];

    /// The six factors of the oracle's processors from its own bars.
    fn computed(bars: PathBuf, calendar: PathBuf) -> FactorTable {
        let definitions = [
            "ROC5=Ref($close, 5)/$close",
            "STD20=Std($close, 20)/$close",
            "CORR10=Corr($close, Log($volume+1), 10)",
            "VSTD5=Std($volume, 5)/($volume+1e-12)",
            "KSFT2=(2*$close-$high-$low)/($high-$low+1e-12)",
            "RSV20=($close-Min($low, 20))/(Max($high, 20)-Min($low, 20)+1e-12)",
        ];
        let factors = definitions.map(|d| of_definition(d).unwrap()).to_vec();
        let sheet = read(&Input::Bars { file: bars, calendar: Some(calendar) }).unwrap();
        let request = ComputeRequest { factors, symbols: Vec::new(), from: None, to: None };
        collected(&sheet, &request).unwrap()
    }

    /// How one processed column differs from the oracle's.
    struct Difference {
        column: String,
        /// Largest, in units of the cell, at least 1e-3.
        worst: f64,
        /// Largest absolute difference beyond 1e-5 of the cell.
        beyond: f64,
        /// Cells that differ by more than 1e-5 of such units.
        over: usize,
        allowed: f64,
    }

    /// Of every column; masks must be equal.
    fn differences(raw: &FactorTable, expected: &FactorTable) -> Vec<Difference> {
        assert_eq!(raw.keys, expected.keys);
        let fit = Some(("2019-03-27".parse().unwrap(), "2019-11-06".parse().unwrap()));
        let mut found = Vec::new();
        for (prefix, step, tolerance) in MADE_BY {
            let mut ours = raw.clone();
            process(&mut ours, step, fit).unwrap();
            for (name, column) in ours.columns.iter().zip(&ours.values) {
                let theirs = expected.column(&format!("{prefix}__{name}")).unwrap();
                let (mut worst, mut beyond, mut over) = (0.0_f64, 0.0_f64, 0);
                for (row, (a, b)) in column.iter().zip(theirs).enumerate() {
                    assert_eq!(a.is_nan(), b.is_nan(), "{prefix}__{name} {:?}", expected.keys[row]);
                    if !a.is_nan() {
                        let (apart, size) = (f64::from((a - b).abs()), f64::from(b.abs()));
                        worst = worst.max(apart / size.max(1e-3));
                        beyond = beyond.max(apart - 1e-5 * size);
                        over += usize::from(apart > 1e-5 * size.max(1e-3));
                    }
                }
                let column = format!("{prefix}__{name}");
                found.push(Difference { column, worst, beyond, over, allowed: tolerance });
            }
        }
        found
    }

    #[test]
    fn every_processor_agrees_with_the_oracle_on_its_factors() {
        let (Some(factors), Some(expected)) = (oracle("alpha158.csv.gz"), oracle("processors.csv.gz")) else {
            return;
        };
        let names = ["ROC5", "STD20", "CORR10", "VSTD5", "KSFT2", "RSV20"];
        let wanted = Wanted { values: Some(&names), group: None };
        let (factors, _) = FactorTable::<f32>::read_wanted(&factors, wanted).unwrap();
        for found in differences(&factors, &FactorTable::read(&expected).unwrap()) {
            assert!(found.worst <= found.allowed, "{}: {}", found.column, found.worst);
        }
    }

    /// From the bars on, the deviation and the correlation of a window are not to the last bit those of pandas, whose
    /// running sums drift after a fall of the price to a thousandth; what is divided by a day's spread shows that.
    #[test]
    fn every_processor_agrees_with_the_oracle_from_the_bars_on() {
        let (Some(bars), Some(calendar)) = (oracle("input.csv"), oracle("calendar.csv")) else { return };
        let Some(expected) = oracle("processors.csv.gz") else { return };
        let expected = FactorTable::read(&expected).unwrap();
        let mut over = 0;
        for found in differences(&computed(bars, calendar), &expected) {
            assert!(found.beyond <= 1e-6, "{}: {}", found.column, found.beyond);
            over += found.over;
        }
        let cells = expected.keys.len() * expected.columns.len();
        assert!(over * 2_000 < cells, "{over} of {cells} cells are more than 1e-5 of themselves off");
    }
}
