//! Imports of real files, with the counts known for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::{Exchange, ImportReport};
use crate::market::testing::shared;

struct Outcome {
    report: ImportReport,
    rows: Vec<crate::domain::market::DailyBar>,
}

fn import(path: &Path, exchange: Exchange) -> Outcome {
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(exchange).clone());
    let mut outcome = Outcome { report: ImportReport::default(), rows: Vec::new() };
    let file = BarFile::open_path(path).unwrap();
    for page in run.pages(file) {
        let page = page.unwrap();
        assert!(page.read <= PAGE_LINES_MAX);
        page.count_into(&mut outcome.report);
        outcome.rows.extend(page.rows.iter().map(|row| row.value));
    }
    run.finish(&mut outcome.report);
    outcome
}

fn reasons(report: &ImportReport) -> BTreeMap<&'static str, u64> {
    report.quarantine.iter().fold(BTreeMap::new(), |mut counts, row| {
        *counts.entry(row.reason.code()).or_default() += 1;
        counts
    })
}

#[test]
fn the_us_sample_has_23_bad_rows_and_51_gaps() {
    let Some(path) = shared("market/us_daily_2013_2018.csv.zst") else { return };
    let Outcome { report, rows } = import(&path, Exchange::Xnys);
    assert_eq!((report.read, report.quarantined, report.duplicates), (619_040, 23, 0));
    assert_eq!((report.gaps, report.gap_runs), (51, 17));
    assert_eq!(reasons(&report), BTreeMap::from([("BROKEN_HIGH_LOW", 12), ("MISSING_PRICE", 11)]));
    assert_eq!(rows.len() as u64, report.read - report.quarantined);
    assert!(report.ignored_columns.is_empty());
    let days: BTreeSet<_> = rows.iter().map(|bar| bar.session).collect();
    assert_eq!(days.len(), 1_259);
    let aos = report.quarantine.iter().find(|row| row.symbol.as_str() == "AOS").unwrap();
    assert_eq!(aos.date.as_str(), "2014-05-19");
}

#[test]
fn the_australian_sample_trades_on_all_506_sessions() {
    let Some(path) = shared("market/asx_daily_2018_2019.csv.zst") else { return };
    let Outcome { report, rows } = import(&path, Exchange::Xasx);
    assert_eq!((report.read, report.duplicates), (59_181, 0));
    assert!(!reasons(&report).contains_key("NOT_A_SESSION"), "{:?}", reasons(&report));
    assert!(reasons(&report).contains_key("NON_POSITIVE_PRICE"));
    let days: BTreeSet<_> = rows.iter().map(|bar| bar.session).collect();
    let calendars = Calendars::bundled().unwrap();
    let sessions =
        calendars.of(Exchange::Xasx).sessions_between(*days.first().unwrap(), *days.last().unwrap());
    assert_eq!(sessions.len(), 506);
    assert!(sessions.iter().map(|session| session.date).eq(days));
}

#[test]
fn the_bundled_sample_imports_without_a_bad_row() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/real/wiki_2000_2013.csv.gz");
    let Outcome { report, rows } = import(&path, Exchange::Xnys);
    assert_eq!((report.read, report.quarantined, report.duplicates), (12_154, 0, 0));
    assert_eq!(report.ignored_columns.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["adj_close"]);
    let mut jumps = Vec::new();
    let mut closes = BTreeMap::new();
    for bar in &rows {
        let close = bar.close.to_f64();
        let before = closes.insert(bar.instrument, close);
        if before.is_some_and(|before: f64| (close / before - 1.0).abs() > 0.40) {
            jumps.push(format!("{} {}", bar.instrument.symbol, bar.session));
        }
    }
    assert_eq!(jumps, ["AAPL 2000-06-21", "AAPL 2000-09-29", "MSFT 2003-02-18", "AAPL 2005-02-28"]);
}

#[test]
fn the_sector_list_imports_as_instruments() {
    let Some(path) = shared("market/us_sectors_2018_04_02.csv") else { return };
    let file = TableFile::open_path(&path, INSTRUMENTS).unwrap();
    assert_eq!(file.ignored_columns().len(), 5);
    let pages: Vec<_> = file.pages(Exchange::Xnys).map(Result::unwrap).collect();
    let rows: Vec<_> = pages.iter().flat_map(|page| &page.rows).map(|row| &row.value.instrument).collect();
    assert_eq!((rows.len(), pages.iter().map(|p| p.quarantine.len()).sum::<usize>()), (512, 0));
    let a = rows.iter().find(|i| i.id.symbol.as_str() == "A").unwrap();
    assert_eq!((a.name.as_str(), a.sector.as_str()), ("Agilent Technologies Inc", "Health Care"));
}

#[test]
fn end_of_day_files_without_a_header_import_as_they_are() {
    let Some(folder) = shared("vendors/asx/handmade/eod") else { return };
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(Exchange::Xasx).clone());
    let mut rows = Vec::new();
    for name in ["20240129.txt", "20240130.txt", "20240131.txt"] {
        for page in run.pages(BarFile::open_path(&folder.join(name)).unwrap()) {
            let page = page.unwrap();
            assert!(page.quarantine.is_empty(), "{:?}", page.quarantine);
            rows.extend(page.rows);
        }
    }
    let mut report = ImportReport::default();
    run.finish(&mut report);
    assert_eq!((rows.len(), report.gaps), (9, 0));
    let first = &rows[0];
    let bar = first.value;
    assert_eq!((first.line, bar.instrument.to_string().as_str()), (1, "QRE.XASX"));
    assert_eq!((bar.session.to_string().as_str(), bar.close.to_string().as_str()), ("2024-01-29", "3.978"));
    assert_eq!(rows[8].value.volume.raw(), 0);
}

#[test]
fn a_file_without_a_header_is_taken_only_when_its_first_line_is_all_right() {
    let open = |text: &'static str| BarFile::open(Source::from_reader("x.txt", text.as_bytes()));
    assert!(open("\u{feff}QRE,20240129,1,1,1,1,5\n").is_ok());
    for other in [
        "QRE,20240129,1,1,1,1\n",
        "QRE,2024-01-29,1,1,1,1,5\n",
        "QRE,20240129,1,x,1,1,5\n",
        "QRE,20241329,1,1,1,1,5\n",
    ] {
        assert!(matches!(open(other), Err(ImportError::MissingColumns { .. })), "{other}");
    }
}
