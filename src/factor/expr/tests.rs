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
    let lines = Expression::parse("1 +\n$vwop").unwrap_err().pointed("1 +\n$vwop");
    assert!(lines.starts_with("1 + $vwop\n    ^^^^^ "), "{lines}");
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
    same("$CLOSE", "$close");
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

#[test]
fn the_words_of_the_language_are_read_and_refused_by_name() {
    for text in [
        "Mask($close, 'SPY.XNYS')",
        "ChangeInstrument(\"SH000300\", Ref($close, 1))",
        "TResample($close, 'W-FRI', 'last')",
        "P(Mean($$roewa_q, 4))",
        "PRef($$eps_a, 2019)",
        "CSRank($close)",
        "CSRank($close, sector)",
        "CSZScore(Mean($close, 5), 'industry')",
        "CSNeutralize($close, Log($volume))",
        "CSScale($close, 2)",
        "Skew($close, 0)",
        "Corr($close, $volume, 0)",
        "SumIf($volume, $close > $open, 20)",
    ] {
        assert!(Expression::parse(text).is_ok(), "{text}: {:?}", Expression::parse(text));
    }
    assert_eq!(
        said("Mask($close, SPY)"),
        "at character 14: there is no operator SPY; did you mean Sign?"
            .replace("did you mean Sign?", "see `factor list` for the operators")
    );
    assert_eq!(
        said("CSRank($close, sectr)"),
        "at character 16: there is no group sectr; did you mean sector?"
    );
    assert_eq!(said("CSRank($close, 5)"), "at character 16: CSRank needs a group here: sector or industry");
    assert_eq!(said("CSRank()"), "at character 1: CSRank takes 1 to 2 arguments, found 0");
    assert_eq!(said("Mask($close, 'SPY"), "at character 14: this quote is never closed");
    assert!(
        said("TResample($close, '2W', 'sum')").starts_with("at character 19: TResample needs a calendar")
    );
    assert!(said("TResample($close, 'W', 'avg')").contains("one of sum, mean, last"));
    assert!(said("$$eps").contains("take the newest with P(...)"));
    assert!(said("P($$eps) + $$eps").contains("this counts in rows"));
    assert!(said("P($close)").contains("point-in-time figures here"));
    assert!(said("P(Ref($$eps, -1))").contains("cannot look ahead"));
    assert!(said("P(CSRank($$eps))").contains("works on rows"));
    assert!(said("PRef($$eps, 201905)").contains("a period here"));
    assert!(said("'SPY'").contains("found the text 'SPY'"));
    assert!(said("$close + sector").contains("needs a number or a series here"));
    assert!(said("Skew($close, 2)").contains("3 to 10000, or 0 for all"));
    assert!(said("Mean($close, 1e-300)").contains("an alpha from 0.0001 to under 1"));
    assert!(said("Mean($close, 0.0001)").contains("this reads 138"));
    assert!(Expression::parse("Mean($close, 0.0003)").is_ok());
    assert!(said("CSWinsorize($close, 0.5)").contains("under 0.5"));
}

#[test]
fn a_place_is_counted_in_characters() {
    assert!(said("Mask($close, 'é')").starts_with("at character 14: Mask needs a quoted symbol"));
    assert!(said("$close + 'é' + é").starts_with("at character 16: "), "{}", said("$close + 'é' + é"));
}

#[test]
fn truths_add_and_multiply_as_numpy_has_it() {
    let same = |a: &str, b: &str| {
        assert_eq!(Expression::parse(a).unwrap().node(), Expression::parse(b).unwrap().node(), "{a} and {b}");
    };
    let (up, big) = ("($close>$open)", "($volume>5)");
    same(&format!("{up}+{big}"), &format!("{up}|{big}"));
    same(&format!("{up}*{big}"), &format!("{up}&{big}"));
    same(&format!("Greater({up},{big})"), &format!("Or({up},{big})"));
    same(&format!("Less({up},{big})"), &format!("And({up},{big})"));
    assert!(Expression::parse(&format!("And(If({up},{big},{up}),{up})")).is_ok());
    assert!(said(&format!("{up}-{big}")).contains("numpy refuses it"));
    assert!(said(&format!("-{up}")).contains("this is a truth value"));
    assert!(Expression::parse(&format!("{up}/{big}")).is_ok());
}

#[test]
fn what_depends_on_the_first_row_is_known() {
    let needs = |text: &str| Expression::parse(text).unwrap().needs_history();
    for text in [
        "Sum($close,0)",
        "EMA($close,5)",
        "Mean($close,0.1)",
        "Ref($close,0)",
        "TResample($close,'M','last')",
        "Slope($close/$open,5)",
        "CSRank(Max($close,0))",
    ] {
        assert!(needs(text), "{text}");
    }
    for text in
        ["Mean($close,5)", "Slope($close,5)", "P(Sum($$eps,0))", "CSRank($close)", "CSQuantile($close,5)"]
    {
        assert!(!needs(text), "{text}");
    }
}

#[test]
fn look_back_is_bounded_and_passes_through_the_new_operators() {
    let back = |text: &str| Expression::parse(text).unwrap().lookback();
    assert_eq!(back("CSRank(Mean($close,5),sector)"), 4);
    assert_eq!(back("P(Mean($$eps,5))"), 0);
    assert_eq!(back("TsRegBeta($close,Mask(Ref($close,2),'SPY'),60)"), 61);
    assert_eq!(back("CountIf($close>$open,20)"), 19);
    assert_eq!(back("TResample(Mean($close,5),'Q','last')"), 96);
    let deep = (0..6).fold("$close".to_owned(), |inner, _| format!("Ref({inner},10000)"));
    assert!(said(&deep).contains("the most is 50000"));
}

#[test]
fn an_infinity_poisons_a_line_fit_from_its_row_on() {
    let days: Vec<NaiveDate> = (1..=6).map(|d| NaiveDate::from_ymd_opt(2024, 1, d).unwrap()).collect();
    let x = [1.0, 2.0, f32::INFINITY, 4.0, 5.0, 6.0];
    for (text, finite) in [("Slope($close,2)", 1), ("Mean($close,2)", 6)] {
        let expression = Expression::parse(text).unwrap();
        let leaf = |node: &Node| {
            matches!(node, Node::Field(_))
                .then(|| crate::factor::kernels::element::Series::Single(x.to_vec()))
        };
        let values = series::evaluate(expression.node(), &leaf, &days).unwrap().doubles(days.len());
        assert_eq!(values.iter().filter(|v| !v.is_nan()).count(), finite, "{text}: {values:?}");
    }
}

#[test]
fn an_operator_of_the_whole_panel_is_refused_for_one_series() {
    let expression = Expression::parse("Mean(CSRank($close), 5)").unwrap();
    let error = series::evaluate(expression.node(), &|_| None, &[]).unwrap_err();
    assert_eq!(error, EvalError::WholePanel { operator: "CSRank" });
}
