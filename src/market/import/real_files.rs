//! Imports of real files, with exactly the defects that are listed for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::market::{Basis, DailyBar};
use crate::domain::{Exchange, ImportReport, InstrumentId};
use crate::market::repair::{Suspect, repair};
use crate::market::testing::shared;
use crate::market::validate::{Oddity, oddities, sift};

/// What an import gave.
pub(super) struct Outcome {
    pub report: ImportReport,
    pub rows: Vec<DailyBar>,
}

impl Outcome {
    /// The bars of each instrument, oldest first.
    pub fn series(&self) -> BTreeMap<InstrumentId, Vec<DailyBar>> {
        let mut series: BTreeMap<InstrumentId, Vec<DailyBar>> = BTreeMap::new();
        for bar in &self.rows {
            series.entry(bar.instrument).or_default().push(*bar);
        }
        series.values_mut().for_each(|bars| bars.sort_by_key(|bar| bar.session));
        series
    }

    /// Odd rows as `symbol date oddity`.
    fn odd(&self) -> BTreeSet<String> {
        let series = self.series();
        let odd = series.iter().flat_map(|(id, bars)| {
            let found = oddities(bars, &[], Basis::Split).into_iter();
            found.map(|(session, oddity)| format!("{} {session} {}", id.symbol, oddity.as_str()))
        });
        odd.collect()
    }

    /// Closes over 40 % away from the one before, as `symbol date`.
    fn jumps(&self) -> BTreeSet<String> {
        let series = self.series();
        let jumps = series.values().flat_map(|bars| bars.windows(2)).filter_map(|pair| {
            let step = pair[1].close.to_f64() / pair[0].close.to_f64();
            ((step - 1.0).abs() > 0.4).then(|| format!("{} {}", pair[1].instrument.symbol, pair[1].session))
        });
        jumps.collect()
    }
}

pub(super) fn import(path: &Path, exchange: Exchange) -> Outcome {
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(exchange).clone());
    let mut outcome = Outcome { report: ImportReport::default(), rows: Vec::new() };
    let file = BarFile::open_path(path).unwrap();
    for page in run.pages(file) {
        let page = page.unwrap();
        assert!(page.read <= PAGE_LINES_MAX);
        page.count_into(&mut outcome.report);
        outcome.rows.extend(page.rows.iter().map(|row| row.value.bar));
    }
    run.finish(&mut outcome.report);
    outcome
}

/// The listed defects of a file, as `symbol date` by defect; gaps with the sessions they miss in all.
struct Listed {
    by_defect: BTreeMap<String, BTreeSet<String>>,
    missing: u64,
}

impl Listed {
    fn read(file: &str) -> Option<Self> {
        let text = std::fs::read_to_string(shared(file)?).unwrap();
        let mut listed = Self { by_defect: BTreeMap::new(), missing: 0 };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.splitn(4, ',').collect();
            let key = format!("{} {}", fields[1], fields[2]);
            listed.by_defect.entry(fields[0].to_owned()).or_default().insert(key);
            let sessions = fields[3].split_once(" sessions").filter(|_| fields[0] == "gap");
            listed.missing += sessions.map_or(0, |(count, _)| count.parse::<u64>().unwrap());
        }
        Some(listed)
    }

    fn of(&self, defect: &str) -> BTreeSet<String> {
        self.by_defect.get(defect).cloned().unwrap_or_default()
    }
}

fn reasons(report: &ImportReport) -> BTreeMap<&'static str, BTreeSet<String>> {
    report.quarantine.iter().fold(BTreeMap::new(), |mut rows, row| {
        rows.entry(row.reason.code()).or_default().insert(format!("{} {}", row.symbol, row.date));
        rows
    })
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn the_us_sample_has_exactly_its_listed_defects() {
    let Some(path) = shared("market/us_daily_2013_2018.csv.zst") else { return };
    let Some(listed) = Listed::read("market/us_daily_2013_2018.defects.csv") else { return };
    let outcome = import(&path, Exchange::Xnys);
    let report = &outcome.report;
    assert_eq!((report.read, report.quarantined, report.duplicates), (619_040, 23, 0));
    let gaps = listed.of("gap").len() as u64;
    assert_eq!((report.gaps, report.gap_runs), (51, 17));
    assert_eq!((report.gaps, report.gap_runs), (listed.missing, gaps));
    let found = reasons(report);
    assert_eq!(found["MISSING_PRICE"], listed.of("null_price"));
    assert_eq!(found["MISSING_PRICE"].len(), 11);
    let broken = &listed.of("low_above_body") | &listed.of("high_below_body");
    assert_eq!((&found["BROKEN_HIGH_LOW"], broken.len(), found.len()), (&broken, 12, 2));
    // All rows without volume have no price either.
    assert!(listed.of("zero_volume").is_subset(&found["MISSING_PRICE"]));
    assert_eq!(outcome.rows.len() as u64, report.read - report.quarantined);
    assert!(report.ignored_columns.is_empty());
    let days: BTreeSet<_> = outcome.rows.iter().map(|bar| bar.session).collect();
    assert_eq!(days.len(), 1_259);
    // LNT's halved close is quarantined as a broken row, and with it both of its jumps.
    let jumps = &listed.of("jump_over_40_pct") - &set(&["LNT 2016-05-19", "LNT 2016-05-20"]);
    assert_eq!((outcome.jumps(), jumps.len()), (jumps.clone(), 9));
    let odd = [
        "AMD 2016-04-22 jump",
        "BAX 2015-07-01 unadjusted_action",
        "DISCA 2014-08-07 unadjusted_action",
        "DISCK 2014-08-07 unadjusted_action",
        "EBAY 2015-07-20 unadjusted_action",
        "NI 2015-07-02 unadjusted_action",
        "NWL 2017-09-14 bad_print",
        "VRTX 2013-04-19 jump",
        "VRTX 2014-06-24 jump",
    ];
    assert_eq!(outcome.odd(), set(&odd));
}

#[test]
fn no_row_of_half_a_million_good_ones_is_repaired() {
    let Some(path) = shared("market/us_daily_2013_2018.csv.zst") else { return };
    for bars in import(&path, Exchange::Xnys).series().values() {
        let outcome = repair(&Suspect::new(bars, Basis::Split, &[]));
        assert_eq!(outcome.changes, vec![]);
    }
}

#[test]
fn of_what_a_list_calls_good_nothing_but_repeats_inside_a_history_is_odd_as_a_series() {
    let files = [
        ("market/us_daily_2013_2018.csv.zst", Exchange::Xnys, Basis::Split),
        ("market/us_daily_raw_2015_2017.csv.zst", Exchange::Xnys, Basis::Raw),
        ("market/asx_daily_2018_2019.csv.zst", Exchange::Xasx, Basis::Raw),
    ];
    let calendars = Calendars::bundled().unwrap();
    for (file, exchange, basis) in files {
        let Some(path) = shared(file) else { return };
        for bars in import(&path, exchange).series().values() {
            let sifted = sift(&[], &Suspect::new(bars, basis, &[]), calendars.of(exchange));
            assert_eq!(sifted.changes, vec![], "{file}");
            // 2014-08-04 is the Friday before once more for half of the names of one file: nobody will send another.
            let is_kept = |(bar, why): &&(DailyBar, crate::domain::QuarantineReason)| {
                *why == crate::domain::QuarantineReason::StaleRepeat
                    && Some(&bar.session) < bars.last().map(|b| &b.session)
            };
            assert!(sifted.quarantined.iter().all(|held| is_kept(&held)), "{file}: {:?}", sifted.quarantined);
        }
    }
}

#[test]
fn a_close_that_is_halved_a_day_early_is_a_bad_print() {
    let Some(path) = shared("market/us_daily_2013_2018.csv.zst") else { return };
    let outcome = import(&path, Exchange::Xnys);
    let row = outcome.report.quarantine.iter().find(|row| row.symbol.as_str() == "LNT").unwrap();
    assert_eq!(row.raw.as_str(), "2016-05-19,LNT,35.19,35.785,35.085,17.87,1231722");
    let mut bars = outcome.series().remove(&"LNT.XNYS".parse().unwrap()).unwrap();
    let after = bars.partition_point(|bar| bar.session < "2016-05-19".parse().unwrap());
    let close = crate::domain::Price::from_f64(17.87).unwrap();
    bars.insert(
        after,
        DailyBar { session: "2016-05-19".parse().unwrap(), low: close, close, ..bars[after - 1] },
    );
    let odd = oddities(&bars, &[], Basis::Split);
    assert_eq!(odd, [("2016-05-19".parse().unwrap(), Oddity::BadPrint)]);
}

#[test]
fn the_raw_us_sample_has_exactly_its_listed_defects() {
    let Some(path) = shared("market/us_daily_raw_2015_2017.csv.zst") else { return };
    let Some(listed) = Listed::read("market/us_daily_raw_2015_2017.defects.csv") else { return };
    let outcome = import(&path, Exchange::Xnys);
    let report = &outcome.report;
    assert_eq!((report.read, report.quarantined, report.duplicates), (253_116, 0, 0));
    assert_eq!((report.gap_runs, listed.of("gap").len()), (160, 160));
    assert_eq!(report.gaps, listed.missing);
    assert_eq!((outcome.jumps(), outcome.jumps().len()), (listed.of("jump_over_40_pct"), 35));
    let empty = outcome.rows.iter().filter(|bar| bar.volume.is_zero());
    let empty: BTreeSet<String> =
        empty.map(|bar| format!("{} {}", bar.instrument.symbol, bar.session)).collect();
    assert_eq!((&empty, empty.len()), (&listed.of("zero_volume"), 9));
}

#[test]
fn the_australian_sample_has_exactly_its_listed_defects() {
    let Some(path) = shared("market/asx_daily_2018_2019.csv.zst") else { return };
    let Some(listed) = Listed::read("market/asx_daily_2018_2019.defects.csv") else { return };
    let outcome = import(&path, Exchange::Xasx);
    let report = &outcome.report;
    assert_eq!((report.read, report.quarantined, report.duplicates), (59_181, 1, 0));
    assert_eq!((report.gap_runs, listed.of("gap").len()), (39, 39));
    assert_eq!(report.gaps, listed.missing);
    // One row without open, high and low, and with a real close: the day is not made up.
    assert_eq!(reasons(report), BTreeMap::from([("NON_POSITIVE_PRICE", set(&["TCL 2018-08-31"]))]));
    assert_eq!(outcome.jumps(), listed.of("jump_over_40_pct"));
    let calendars = Calendars::bundled().unwrap();
    let days: BTreeSet<_> = outcome.rows.iter().map(|bar| bar.session).collect();
    let sessions =
        calendars.of(Exchange::Xasx).sessions_between(*days.first().unwrap(), *days.last().unwrap());
    assert_eq!(sessions.len(), 506);
    assert!(sessions.iter().map(|session| session.date).eq(days));
    // 10:00 to 16:00 in Sydney: ten hours before Greenwich in winter, eleven in summer; in Australian dollars.
    let winter = calendars.of(Exchange::Xasx).session_on("2018-07-02".parse().unwrap()).unwrap();
    assert_eq!(
        (winter.open.to_string(), winter.close.to_string()),
        ("2018-07-02T00:00:00Z".into(), "2018-07-02T06:00:00Z".into())
    );
    let summer = calendars.of(Exchange::Xasx).session_on("2018-12-03".parse().unwrap()).unwrap();
    assert_eq!(summer.open.to_string(), "2018-12-02T23:00:00Z");
    assert_eq!(Exchange::Xasx.currency().as_str(), "AUD");
}

#[test]
fn the_bundled_sample_imports_without_a_bad_row() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/real/wiki_2000_2013.csv.gz");
    let outcome = import(&path, Exchange::Xnys);
    let report = &outcome.report;
    assert_eq!((report.read, report.quarantined, report.duplicates), (12_154, 0, 0));
    assert_eq!(report.ignored_columns.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["adj_close"]);
    let jumps = ["AAPL 2000-06-21", "AAPL 2000-09-29", "AAPL 2005-02-28", "MSFT 2003-02-18"];
    assert_eq!(outcome.jumps(), set(&jumps));
    // Three are splits that a raw series must show; the fall of September 2000 came with the volume of news.
    let odd: Vec<_> = outcome.odd().into_iter().filter(|line| !line.ends_with("zero_volume")).collect();
    assert_eq!(
        odd,
        [
            "AAPL 2000-06-21 unadjusted_action",
            "AAPL 2000-09-29 jump",
            "AAPL 2005-02-28 unadjusted_action",
            "MSFT 2003-02-18 unadjusted_action"
        ]
    );
}

#[test]
fn two_honest_sources_differ_in_a_few_closes_of_a_thousand() {
    use crate::market::compare::{Told, compare};
    let Some(one) = shared("market/us_daily_2013_2018.csv.zst") else { return };
    let Some(other) = shared("market/us_daily_raw_2015_2017.csv.zst") else { return };
    let one = import(&one, Exchange::Xnys);
    let other = import(&other, Exchange::Xnys);
    let actions = std::fs::read_to_string(shared("market/us_actions_2015_2017.csv").unwrap()).unwrap();
    let split: BTreeSet<&str> = actions
        .lines()
        .filter(|line| line.ends_with("split_or_large"))
        .filter_map(|line| line.split(',').next())
        .collect();
    let others = other.series();
    let (mut sessions, mut closes, mut opens, mut restated) = (0, 0, 0, 0);
    for (id, bars) in one.series() {
        let Some(raw) = others.get(&id).filter(|_| !split.contains(id.symbol.as_str())) else { continue };
        let told = |bars| Told { bars, basis: Basis::Raw };
        let outcome = compare(told(&bars), told(raw), &[]);
        // Restated for a split after the raw file's end: every price differs.
        if outcome.differences.len() as u64 > 2 * outcome.sessions {
            restated += 1;
            continue;
        }
        sessions += outcome.sessions;
        closes += outcome.differences.iter().filter(|d| d.field == "close").count();
        opens += outcome.differences.iter().filter(|d| d.field == "open").count();
    }
    let share = |count: usize| count as f64 / sessions as f64;
    assert!(sessions > 230_000 && restated < 10, "{sessions} {restated}");
    let (closes, opens) = (share(closes), share(opens));
    assert!((0.001..0.005).contains(&closes) && (0.002..0.006).contains(&opens), "{closes} {opens}");
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
    let bar = first.value.bar;
    assert_eq!((first.line, bar.instrument.to_string().as_str()), (1, "QRE.XASX"));
    assert_eq!((bar.session.to_string().as_str(), bar.close.to_string().as_str()), ("2024-01-29", "3.978"));
    assert_eq!(rows[8].value.bar.volume.raw(), 0);
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
