use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use super::composite::Everything;
use super::*;
use crate::domain::UnixNanos;
use crate::factor::panel::{Panel, PanelBuilder};
use crate::factor::sets;

const ROWS: usize = 560;

/// Forty names; name k drifts up by its number, so that momentum is right about it.
fn drifting(rows: usize, last_close_scale: f32) -> Panel {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let days: Vec<NaiveDate> = (0..rows as u64).map(|d| first + Days::new(d)).collect();
    let mut builder = PanelBuilder::new(days.clone());
    for name in 0..40_u32 {
        let id = format!("N{name:02}.SIM").parse().unwrap();
        for (row, day) in days.iter().enumerate() {
            let wave = 1.0 + 0.01 * ((row as u32 * 7 + name * 13) % 11) as f32 / 11.0;
            let drift = 1.0 + row as f32 * (name as f32 - 19.5) * 4e-5;
            let scale = if row + 1 == rows { last_close_scale } else { 1.0 };
            let close = 100.0 * wave * drift * scale;
            let values = [("close", close), ("high", close * 1.01), ("low", close * 0.99), ("volume", 1e6)];
            builder.row(id, *day, &values).unwrap();
        }
    }
    builder.build()
}

fn scored(panel: &Panel, rows: std::ops::Range<usize>) -> Scored {
    let families = sets::builtin().unwrap();
    let strategy = Strategy::builtin(&families).unwrap();
    score(panel, &families, &strategy, &Everything, rows).unwrap()
}

#[test]
fn contributions_sum_to_the_score_and_missing_families_are_said() {
    let panel = drifting(ROWS, 1.0);
    let result = scored(&panel, ROWS - 1..ROWS);
    assert_eq!(result.left_out(ROWS - 1), ["value", "sentiment"]);
    let signals = result.signals(ROWS - 1, UnixNanos::ZERO).unwrap();
    assert_eq!(signals.len(), 40);
    assert!(signals.windows(2).all(|w| w[0].score >= w[1].score && w[0].rank + 1 == w[1].rank));
    for s in &signals {
        let sum: f64 = s.contributions.iter().filter_map(|(_, c)| *c).sum();
        assert!((sum - s.score).abs() < 1e-12);
        let missing: Vec<&str> =
            s.contributions.iter().filter(|(_, c)| c.is_none()).map(|(f, _)| f.as_str()).collect();
        assert_eq!(missing, ["value", "sentiment"]);
    }
}

#[test]
fn confidence_counts_every_known_outcome_of_its_fifth_and_none_under_sixty() {
    let panel = drifting(ROWS, 1.0);
    let result = scored(&panel, ROWS - 1..ROWS);
    let confidence = result.confidence(ROWS - 1);
    let sessions = (composite::RECORD_SESSIONS - composite::OUTCOME_SESSIONS + 1) as u32;
    for fifth in confidence {
        let fifth = fifth.unwrap();
        assert_eq!(fifth.outcomes, 8 * sessions);
        assert!((0.0..=1.0).contains(&fifth.share));
    }
    let early = scored(&panel, 20..21);
    assert_eq!(early.signals(20, UnixNanos::ZERO).unwrap().len(), 40);
    assert!(early.confidence(20).iter().all(Option::is_none));
}

#[test]
fn nothing_later_changes_a_signal() {
    let at = ROWS - 20;
    let short = scored(&drifting(at + 1, 1.0), at..at + 1).signals(at, UnixNanos::ZERO).unwrap();
    let long = scored(&drifting(ROWS, 3.0), at..ROWS).signals(at, UnixNanos::ZERO).unwrap();
    assert_eq!(short, long);
}

#[test]
fn too_little_history_is_an_error_that_says_so() {
    let panel = drifting(5, 1.0);
    let error = scored(&panel, 0..1).signals(0, UnixNanos::ZERO).unwrap_err();
    assert!(error.to_string().contains("import more history"));
}

#[test]
fn an_outlook_is_a_fifth() {
    let words: Vec<Outlook> = [1, 20, 21, 80, 81, 100].iter().map(|r| outlook(*r, 100)).collect();
    use Outlook::{Favourable, Neutral, Unfavourable};
    assert_eq!(words, [Favourable, Favourable, Neutral, Neutral, Unfavourable, Unfavourable]);
}

#[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
fn real_history(names: usize) -> Option<Panel> {
    let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let Ok(file) = std::fs::File::open(root.join("market/us_daily_2013_2018.csv.zst")) else {
        println!("skipped: no shared data");
        return None;
    };
    let mut reader = csv::Reader::from_reader(zstd::Decoder::new(file).unwrap());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (date, symbol) = (column("date"), column("symbol"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let mut symbols: Vec<&str> = rows.iter().map(|r| &r[symbol]).collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols.truncate(names);
    let mut builder = PanelBuilder::new(rows.iter().map(|r| r[date].parse().unwrap()).collect());
    for row in rows.iter().filter(|r| symbols.binary_search(&&r[symbol]).is_ok()) {
        let values = ["open", "high", "low", "close", "volume"]
            .map(|f| (f, row[column(f)].parse().unwrap_or(f32::NAN)));
        let id = format!("{}.XNYS", &row[symbol]).parse().unwrap();
        builder.row(id, row[date].parse().unwrap(), &values).unwrap();
    }
    Some(builder.build())
}

#[test]
fn real_history_is_scored_with_gaps_and_late_listings() {
    let Some(panel) = real_history(60) else { return };
    let last = panel.sessions().len() - 1;
    let result = scored(&panel, last..last + 1);
    let signals = result.signals(last, UnixNanos::ZERO).unwrap();
    assert!(signals.iter().all(|s| s.score.is_finite() && s.confidence.is_some_and(|c| c.outcomes > 1_000)));
    assert!(signals.len() * 10 >= panel.symbols().len() * 9);
}
