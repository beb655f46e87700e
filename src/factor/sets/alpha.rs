//! Qlib's two published sets, generated: Alpha158 (candle shapes, prices, 29 rolling families over five windows)
//! and Alpha360 (sixty days of prices and volume over today's).
//!
//! Names, order and strings are those of Qlib's `contrib/data/loader.py`, so that columns can be laid beside each
//! other; a test compares them with Qlib's own list.

use super::{Definition, SetError};
use crate::factor::expr::Expression;

/// The set of 158.
pub const ALPHA158: &str = "alpha158";
/// The set of 360.
pub const ALPHA360: &str = "alpha360";

/// Windows of Alpha158's rolling families, in rows.
const WINDOWS: [u32; 5] = [5, 10, 20, 30, 60];
/// Days of Alpha360.
const DAYS: u32 = 60;

/// Name, family, expression, description.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Alpha158's factors of one day.
const TODAY: [Row; 13] = [
    ("KMID", "candle", "($close-$open)/$open", "body of the candle over the open"),
    ("KLEN", "candle", "($high-$low)/$open", "length of the candle over the open"),
    ("KMID2", "candle", "($close-$open)/($high-$low+1e-12)", "body over length"),
    ("KUP", "candle", "($high-Greater($open, $close))/$open", "upper shadow over the open"),
    ("KUP2", "candle", "($high-Greater($open, $close))/($high-$low+1e-12)", "upper shadow over length"),
    ("KLOW", "candle", "(Less($open, $close)-$low)/$open", "lower shadow over the open"),
    ("KLOW2", "candle", "(Less($open, $close)-$low)/($high-$low+1e-12)", "lower shadow over length"),
    (
        "KSFT",
        "candle",
        "(2*$close-$high-$low)/$open",
        "close against the middle of the candle, over the open",
    ),
    ("KSFT2", "candle", "(2*$close-$high-$low)/($high-$low+1e-12)", "close against the middle, over length"),
    ("OPEN0", "price", "$open/$close", "open over close"),
    ("HIGH0", "price", "$high/$close", "high over close"),
    ("LOW0", "price", "$low/$close", "low over close"),
    ("VWAP0", "price", "$vwap/$close", "average price over close"),
];

/// Alpha158's rolling families; `{n}` is the window.
const ROLLING: [Row; 29] = [
    ("ROC", "trend", "Ref($close, {n})/$close", "close {n} days ago over close"),
    ("MA", "trend", "Mean($close, {n})/$close", "mean close of {n} days over close"),
    ("STD", "spread", "Std($close, {n})/$close", "deviation of the close over {n} days, over close"),
    ("BETA", "trend", "Slope($close, {n})/$close", "slope of the close over {n} days, over close"),
    ("RSQR", "trend", "Rsquare($close, {n})", "how well a line fits the close of {n} days"),
    ("RESI", "trend", "Resi($close, {n})/$close", "close against the line through {n} days, over close"),
    ("MAX", "range", "Max($high, {n})/$close", "highest high of {n} days over close"),
    ("MIN", "range", "Min($low, {n})/$close", "lowest low of {n} days over close"),
    ("QTLU", "range", "Quantile($close, {n}, 0.8)/$close", "upper fifth of the close of {n} days over close"),
    ("QTLD", "range", "Quantile($close, {n}, 0.2)/$close", "lower fifth of the close of {n} days over close"),
    ("RANK", "range", "Rank($close, {n})", "rank of the close among {n} days"),
    (
        "RSV",
        "range",
        "($close-Min($low, {n}))/(Max($high, {n})-Min($low, {n})+1e-12)",
        "where the close stands between low and high of {n} days",
    ),
    ("IMAX", "age", "IdxMax($high, {n})/{n}", "place of the highest high among {n} days (Aroon)"),
    ("IMIN", "age", "IdxMin($low, {n})/{n}", "place of the lowest low among {n} days (Aroon)"),
    ("IMXD", "age", "(IdxMax($high, {n})-IdxMin($low, {n}))/{n}", "place of the high less that of the low"),
    ("CORR", "volume", "Corr($close, Log($volume+1), {n})", "correlation of close and volume over {n} days"),
    (
        "CORD",
        "volume",
        "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {n})",
        "correlation of the changes of close and volume over {n} days",
    ),
    ("CNTP", "share", "Mean($close>Ref($close, 1), {n})", "share of days that rose among {n}"),
    ("CNTN", "share", "Mean($close<Ref($close, 1), {n})", "share of days that fell among {n}"),
    (
        "CNTD",
        "share",
        "Mean($close>Ref($close, 1), {n})-Mean($close<Ref($close, 1), {n})",
        "share that rose less share that fell",
    ),
    (
        "SUMP",
        "share",
        "Sum(Greater($close-Ref($close, 1), 0), {n})/(Sum(Abs($close-Ref($close, 1)), {n})+1e-12)",
        "gains over all moves of {n} days (RSI)",
    ),
    (
        "SUMN",
        "share",
        "Sum(Greater(Ref($close, 1)-$close, 0), {n})/(Sum(Abs($close-Ref($close, 1)), {n})+1e-12)",
        "losses over all moves of {n} days",
    ),
    (
        "SUMD",
        "share",
        "(Sum(Greater($close-Ref($close, 1), 0), {n})-Sum(Greater(Ref($close, 1)-$close, 0), {n}))\
         /(Sum(Abs($close-Ref($close, 1)), {n})+1e-12)",
        "gains less losses over all moves of {n} days",
    ),
    ("VMA", "volume", "Mean($volume, {n})/($volume+1e-12)", "mean volume of {n} days over volume"),
    (
        "VSTD",
        "volume",
        "Std($volume, {n})/($volume+1e-12)",
        "deviation of the volume over {n} days, over volume",
    ),
    (
        "WVMA",
        "volume",
        "Std(Abs($close/Ref($close, 1)-1)*$volume, {n})/(Mean(Abs($close/Ref($close, 1)-1)*$volume, {n})+1e-12)",
        "deviation over mean of the moves weighted by volume, {n} days",
    ),
    (
        "VSUMP",
        "volume",
        "Sum(Greater($volume-Ref($volume, 1), 0), {n})/(Sum(Abs($volume-Ref($volume, 1)), {n})+1e-12)",
        "rises over all changes of the volume of {n} days",
    ),
    (
        "VSUMN",
        "volume",
        "Sum(Greater(Ref($volume, 1)-$volume, 0), {n})/(Sum(Abs($volume-Ref($volume, 1)), {n})+1e-12)",
        "falls over all changes of the volume of {n} days",
    ),
    (
        "VSUMD",
        "volume",
        "(Sum(Greater($volume-Ref($volume, 1), 0), {n})-Sum(Greater(Ref($volume, 1)-$volume, 0), {n}))\
         /(Sum(Abs($volume-Ref($volume, 1)), {n})+1e-12)",
        "rises less falls over all changes of the volume of {n} days",
    ),
];

/// Alpha360's fields: name, field, what today's value divides by.
const LAGGED: [(&str, &str, &str); 6] = [
    ("CLOSE", "$close", "$close"),
    ("OPEN", "$open", "$close"),
    ("HIGH", "$high", "$close"),
    ("LOW", "$low", "$close"),
    ("VWAP", "$vwap", "$close"),
    ("VOLUME", "$volume", "($volume+1e-12)"),
];

fn defined(set: &str, name: String, family: &str, text: &str, doc: String) -> Result<Definition, SetError> {
    let expression = Expression::parse(text).map_err(|error| SetError::Expression {
        line: 0,
        name: name.clone(),
        error,
    })?;
    Ok(Definition { set: set.to_owned(), family: family.to_owned(), name, sign: None, expression, doc })
}

/// The 158 factors, in Qlib's order.
pub fn alpha158() -> Result<Vec<Definition>, SetError> {
    let today = TODAY.iter().map(|(name, family, text, doc)| {
        defined(ALPHA158, (*name).to_owned(), family, text, (*doc).to_owned())
    });
    let rolling = ROLLING.iter().flat_map(|(stem, family, text, doc)| {
        WINDOWS.iter().map(move |n| {
            let fill = |template: &str| template.replace("{n}", &n.to_string());
            defined(ALPHA158, format!("{stem}{n}"), family, &fill(text), fill(doc))
        })
    });
    today.chain(rolling).collect()
}

/// The 360 factors, in Qlib's order: each field from 59 days ago to today.
pub fn alpha360() -> Result<Vec<Definition>, SetError> {
    let lagged = LAGGED.iter().flat_map(|(stem, field, base)| {
        (0..DAYS).rev().map(move |k| {
            let text = if k == 0 { format!("{field}/{base}") } else { format!("Ref({field}, {k})/{base}") };
            let what = stem.to_ascii_lowercase();
            let of = if *stem == "VOLUME" { "volume" } else { "close" };
            let when = match k {
                0 => "today".to_owned(),
                1 => "a day ago".to_owned(),
                _ => format!("{k} days ago"),
            };
            let doc = format!("{what} {when} over today's {of}");
            defined(ALPHA360, format!("{stem}{k}"), &what, &text, doc)
        })
    });
    lagged.collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
    fn published() -> Option<String> {
        let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
        let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
        let text = std::fs::read_to_string(root.join("oracle/qlib/alpha158_expressions.json")).ok();
        if text.is_none() {
            println!("skipped: no shared data");
        }
        text
    }

    #[test]
    fn alpha158_is_qlibs_list_name_by_name() {
        let ours = alpha158().unwrap();
        assert_eq!(ours.len(), 158);
        let Some(text) = published() else { return };
        // One pair a line keeps the order that a map would lose.
        let pair = |d: &Definition| format!("\"{}\": \"{}\"", d.name, d.expression.text());
        let lines: Vec<&str> = text.lines().map(|l| l.trim().trim_end_matches(',')).collect();
        let theirs: Vec<&str> = lines.into_iter().filter(|l| l.starts_with('"')).collect();
        assert_eq!(ours.iter().map(pair).collect::<Vec<_>>(), theirs);
    }

    #[test]
    fn alpha360_runs_from_59_days_ago_to_today_in_six_fields() {
        let ours = alpha360().unwrap();
        let at = |k: usize| (ours[k].name.as_str(), ours[k].expression.text().to_owned());
        assert_eq!(ours.len(), 360);
        assert_eq!(at(0), ("CLOSE59", "Ref($close, 59)/$close".to_owned()));
        assert_eq!(at(59), ("CLOSE0", "$close/$close".to_owned()));
        assert_eq!(at(60).0, "OPEN59");
        assert_eq!(at(358), ("VOLUME1", "Ref($volume, 1)/($volume+1e-12)".to_owned()));
        assert_eq!(at(359), ("VOLUME0", "$volume/($volume+1e-12)".to_owned()));
        assert_eq!(ours.iter().map(|d| d.expression.lookback()).max(), Some(59));
    }

    #[test]
    fn nothing_is_odd_about_a_published_factor() {
        for factor in [alpha158().unwrap(), alpha360().unwrap()].concat() {
            let notes = factor.expression.notes();
            assert!(notes.is_empty() && !factor.doc.is_empty(), "{}: {notes:?}", factor.name);
        }
    }
}
