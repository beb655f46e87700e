use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::*;
use crate::factor::panel::{Panel, PanelBuilder};

#[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
fn shared_data() -> Option<PathBuf> {
    let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if !root.join("oracle/qlib").is_dir() {
        println!("skipped: no shared data");
        return None;
    }
    Some(root.join("oracle/qlib"))
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

fn number(cell: &str) -> f32 {
    if cell.is_empty() { f32::NAN } else { cell.parse::<f64>().unwrap() as f32 }
}

fn oracle_panel(folder: &Path) -> Panel {
    let sessions =
        read(&folder.join("calendar.csv")).lines().filter_map(|l| l.parse::<NaiveDate>().ok()).collect();
    let mut builder = PanelBuilder::new(sessions);
    let text = read(&folder.join("input.csv"));
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let values: Vec<(&str, f32)> =
            header.iter().zip(&cells).skip(2).map(|(h, c)| (*h, number(c))).collect();
        let id = format!("{}.SIM", cells[1]).parse().unwrap();
        builder.row(id, cells[0].parse().unwrap(), &values).unwrap();
    }
    builder.build()
}

/// Compares all cells of an oracle file over its own range of sessions; gives the largest relative difference.
fn agree(folder: &Path, expressions: &str, values: &str, tolerance: f64) -> (usize, f64) {
    let panel = oracle_panel(folder);
    let named: BTreeMap<String, String> = serde_json::from_str(expressions).unwrap();
    let text = read(&folder.join(values));
    let header: Vec<&str> = text.lines().next().unwrap().split(',').skip(2).collect();
    let parsed: Vec<Expression> = header.iter().map(|n| Expression::parse(&named[*n]).unwrap()).collect();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let day = |r: &Vec<&str>| panel.row_of(r[0].parse().unwrap()).unwrap();
    let (from, to) = (rows.iter().map(day).min().unwrap(), rows.iter().map(day).max().unwrap());
    let columns = compute(&panel, &parsed, from..to + 1).unwrap();
    let (mut cells, mut worst, mut wrong) = (0, 0.0_f64, Vec::new());
    for row in &rows {
        let symbol = panel.index_of(format!("{}.SIM", row[1]).parse().unwrap()).unwrap();
        for (k, cell) in row.iter().skip(2).enumerate() {
            let (ours, theirs) = (columns[k].get(symbol, day(row) - from), number(cell));
            cells += 1;
            let same = ours == theirs || (ours.is_nan() && theirs.is_nan());
            let difference = f64::from(ours - theirs).abs() / f64::from(theirs).abs().max(1e-3);
            if !same && (difference.is_nan() || difference > tolerance) {
                wrong.push(format!("{} {} {}: {ours} for {theirs}", header[k], row[0], row[1]));
            } else if !same {
                worst = worst.max(difference);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cells} cells differ, first: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(12)]
    );
    (cells, worst)
}

#[test]
fn forty_expressions_agree_with_the_oracle() {
    let Some(folder) = shared_data() else { return };
    let (cells, worst) = agree(&folder, &read(&folder.join("expressions.json")), "expressions.csv.gz", 1e-5);
    println!("{cells} cells, largest relative difference {worst:e}");
    assert!(cells > 160_000);
}

#[test]
fn alpha158_agrees_with_the_oracle() {
    let Some(folder) = shared_data() else { return };
    let (cells, worst) =
        agree(&folder, &read(&folder.join("alpha158_expressions.json")), "alpha158.csv.gz", 1e-5);
    println!("{cells} cells, largest relative difference {worst:e}");
    assert!(cells > 600_000);
}

#[test]
fn a_sub_range_reaches_back_as_the_oracle_does() {
    let Some(folder) = shared_data() else { return };
    let summary: serde_json::Value = serde_json::from_str(&read(&folder.join("summary.json"))).unwrap();
    println!("{}", summary["subrange"]);
    let named = summary["subrange"]
        .as_object()
        .and_then(|s| s.values().find(|v| v.is_object()).map(|v| v.to_string()));
    let own = r#"{"mean60":"Mean($close,60)","fwd5":"Ref($close,-5)/$close-1","ema26":"EMA($close,26)",
        "slope30":"Slope($close,30)","corr20":"Corr($close,$volume,20)","expsum":"Sum($volume,0)"}"#;
    agree(&folder, &named.unwrap_or_else(|| own.to_owned()), "subrange.csv.gz", 1e-5);
}

fn said(text: &str) -> String {
    Expression::parse(text).unwrap_err().to_string()
}

#[test]
fn errors_say_where_and_what_would_do() {
    assert_eq!(said("Meen($close, 5)"), "at character 1: there is no operator Meen; did you mean Mean?");
    assert_eq!(said("$clsoe"), "at character 1: there is no field $clsoe; did you mean $close?");
    assert_eq!(said("close/5"), "at character 1: fields are written with '$': did you mean $close?");
    assert_eq!(said("Mean($close)"), "at character 1: Mean takes 2 arguments, found 1");
    assert_eq!(said("($close"), "at character 1: this '(' is never closed");
    assert_eq!(
        said("$close $open"),
        "at character 8: expected an operator or the end, found the field $open"
    );
    assert_eq!(said(""), "at character 1: expected a number, a $field or an operator, found the end");
    assert_eq!(said("$close;"), "at character 7: ';' has no meaning here");
    assert!(said("Mean($close, -1)").contains("needs a number of rows here"));
    assert!(said("Mean($close, $open)").contains("needs a number of rows here"));
    assert!(said("And($close, $open)").contains("needs a comparison here"));
    assert!(said("$low < $open < $high").contains("comparisons do not chain"));
    let pointed = Expression::parse("1 + $vwop").unwrap_err().pointed("1 + $vwop");
    assert_eq!(pointed, "1 + $vwop\n    ^^^^^ there is no field $vwop; did you mean $vwap?");
}

#[test]
fn depth_and_length_are_bounded() {
    assert!(said(&"(".repeat(3_000)).contains("64 deep"));
    assert!(said(&"-".repeat(3_000)).contains("64 deep"));
    assert!(said(&format!("$close{}", "+1".repeat(1_000))).contains("64 deep"));
    assert!(said(&"$close+".repeat(1_000)).contains("4096 bytes"));
}

#[test]
fn look_back_adds_up_and_looking_ahead_is_marked() {
    let reads = |text: &str| {
        let e = Expression::parse(text).unwrap();
        (e.lookback(), e.lookahead())
    };
    assert_eq!(reads("$close"), (0, 0));
    assert_eq!(reads("Mean(Ref($close,5),20)/Std($close,60)"), (59, 0));
    assert_eq!(reads("Ref(Mean($close,20),5)"), (24, 0));
    assert_eq!(reads("Ref($close,-2)/Ref($close,-1)-1"), (0, 2));
    assert_eq!(reads("Corr($close,$volume,10)"), (9, 0));
    assert!(Expression::parse("Ref($close,-1)").unwrap().looks_ahead());
}

#[test]
fn python_precedence_holds() {
    let same = |a: &str, b: &str| {
        assert_eq!(Expression::parse(a).unwrap().node(), Expression::parse(b).unwrap().node(), "{a} and {b}");
    };
    same("-$close**2", "Neg(Power($close,2))");
    same("$open+$close*2", "Add($open,Mul($close,2))");
    same("($open>1)&($close>1)", "And(Gt($open,1),Gt($close,1))");
    same("$open-$close-$low", "Sub(Sub($open,$close),$low)");
    same("$close*(2*3)", "$close*6");
    same("Ref($close,-2)", "Ref($close, 1-3)");
}

#[test]
fn a_field_the_panel_lacks_is_named() {
    let day = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap();
    let mut builder = PanelBuilder::new(vec![day]);
    builder.row("A.SIM".parse().unwrap(), day, &[("close", 1.0)]).unwrap();
    let expression = Expression::parse("$eps/$close").unwrap();
    let error = compute(&builder.build(), &[expression], 0..1).unwrap_err();
    assert!(matches!(error, EvalError::MissingField { field: "eps", .. }));
}
