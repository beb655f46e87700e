//! Folders that are good, and every way in which one is not.

use super::super::bars::BarRun;
use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::{Exchange, ImportReport};

/// A folder that can be bent.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.text("calendars/day.txt", "2024-01-02\n2024-01-03\n2024-01-04\n2024-01-06\n");
        folder
            .text("instruments/all.txt", "AAA\t2024-01-02\t2024-01-06\nBBB\t2024-01-03\t2024-01-04\textra\n");
        for symbol in ["aaa", "bbb"] {
            for field in ["open", "high", "low", "close", "volume"] {
                folder.bin(&format!("{symbol}/{field}"), 1.0, &[2.5, f32::NAN, 4.0][..]);
            }
        }
        folder
    }

    fn text(&self, path: &str, text: &str) {
        self.bytes(path, text.as_bytes());
    }

    fn bin(&self, name: &str, start: f32, values: &[f32]) {
        let bytes: Vec<u8> = [start].iter().chain(values).flat_map(|v| v.to_le_bytes()).collect();
        self.bytes(&format!("features/{name}.day.bin"), &bytes);
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn open(&self) -> Result<QlibFolder, ImportError> {
        QlibFolder::open(self.0.path())
    }

    /// What opening it is refused with.
    fn refused(&self) -> String {
        self.open().unwrap_err().to_string()
    }

    fn import(&self) -> (ImportReport, Vec<DailyBarText>) {
        let folder = self.open().unwrap();
        let mut run = BarRun::new(Calendars::bundled().unwrap().of(Exchange::Xnys).clone());
        let (mut report, mut rows) = (ImportReport::default(), Vec::new());
        run.ignore(folder.ignored());
        for symbol in folder.symbols() {
            for page in run.qlib_pages(&folder, symbol).unwrap() {
                page.count_into(&mut report);
                rows.extend(page.rows.iter().map(|r| {
                    let bar = r.value;
                    (r.line, format!("{} {} {} {:?}", bar.instrument, bar.session, bar.close, bar.vwap))
                }));
            }
        }
        run.finish(&mut report);
        (report, rows)
    }
}

/// Line and text of a bar.
type DailyBarText = (u64, String);

#[test]
fn prices_become_bars_and_days_without_any_are_gaps() {
    let folder = Folder::new();
    folder.bin("aaa/vwap", 0.0, &[9.0, 3.25, f32::NAN, f32::NAN]);
    folder.bin("aaa/turnover", 0.0, &[9.0]);
    folder.bin("bbb/close", 1.0, &[2.5, 3.0, 4.0]);
    let (report, rows) = folder.import();
    let expected = [
        (2, "AAA.XNYS 2024-01-03 2.5 Some(Price(3250000000))".to_owned()),
        (2, "BBB.XNYS 2024-01-03 2.5 None".to_owned()),
    ];
    assert_eq!(rows, expected);
    // 2024-01-06 is a Saturday; on 2024-01-04 BBB has a close and nothing else.
    let reasons: Vec<_> =
        report.quarantine.iter().map(|q| (q.symbol.as_str(), q.line, q.reason.code())).collect();
    assert_eq!(
        reasons,
        [("AAA", 4, "NOT_A_SESSION"), ("BBB", 3, "MISSING_PRICE"), ("BBB", 4, "NOT_A_SESSION")]
    );
    assert_eq!((report.read, report.gaps), (5, 3));
    assert_eq!(report.ignored_columns, [CleanText::new("turnover")]);
    assert!(report.quarantine[0].file.as_str().ends_with("features/aaa"));
}

#[test]
fn a_symbol_without_a_file_it_needs_is_one_quarantined_row() {
    let folder = Folder::new();
    folder.text("instruments/few.txt", "CCC\t2024-01-03\t2024-01-04\n");
    let (report, rows) = folder.import();
    assert_eq!(rows.len(), 2);
    let last = report.quarantine.last().unwrap();
    assert_eq!((last.symbol.as_str(), last.reason.code()), ("CCC", "MISSING_FIELD"));
}

#[test]
fn bad_values_have_their_reasons() {
    let cases: [(&str, f32, &str); 8] = [
        ("open", f32::NAN, "MISSING_PRICE"),
        ("close", f32::INFINITY, "NOT_FINITE"),
        ("open", -1.0, "NON_POSITIVE_PRICE"),
        ("high", 2.0, "BROKEN_HIGH_LOW"),
        ("close", 1e30, "OUT_OF_RANGE"),
        ("volume", f32::NAN, "MISSING_VOLUME"),
        ("volume", -1.0, "NEGATIVE_VOLUME"),
        ("volume", f32::INFINITY, "NOT_FINITE"),
    ];
    for (field, value, reason) in cases {
        let folder = Folder::new();
        folder.bin(&format!("aaa/{field}"), 1.0, &[value]);
        let (report, _) = folder.import();
        assert_eq!(report.quarantine[0].reason.code(), reason, "{field} {value}");
    }
}

#[test]
fn a_folder_that_lacks_a_part_or_has_bad_lists_is_refused_by_name() {
    let cases = [
        ("calendars/day.txt", "", "day.txt' has 0 days"),
        ("calendars/day.txt", "2024-01-02\nsoon\n", "line 2 is no date"),
        ("calendars/day.txt", "2024-01-03\n2024-01-02\n", "line 2 is not after"),
        (
            "instruments/all.txt",
            "AAA 2024-01-02 2024-01-03\n",
            "line 1: is not 'symbol, first day, last day'",
        ),
        ("instruments/all.txt", "AAA\t2024-01-02\t2024-02-30\n", "line 1: a day is no date"),
        ("instruments/all.txt", "AAA\t2024-01-03\t2024-01-02\n", "the last day is before the first"),
        ("instruments/x.txt", "../../etc\t2024-01-02\t2024-01-03\n", "x.txt' line 1: the symbol is no plain"),
        ("instruments/x.txt", "..\t2024-01-02\t2024-01-03\n", "the symbol is no plain file name"),
        ("instruments/x.txt", "A\u{202e}B\t2024-01-02\t2024-01-03\n", "may not contain"),
    ];
    for (path, text, said) in cases {
        let folder = Folder::new();
        folder.text(path, text);
        assert!(folder.refused().contains(said), "{path} {text:?}: {}", folder.refused());
    }
    for part in ["calendars/day.txt", "instruments/all.txt"] {
        let folder = Folder::new();
        fs::remove_file(folder.0.path().join(part)).unwrap();
        assert!(folder.refused().contains(part), "{}", folder.refused());
    }
    let folder = Folder::new();
    fs::remove_dir_all(folder.0.path().join("features")).unwrap();
    assert!(folder.refused().contains("features' is no folder"));
    assert!(
        QlibFolder::open(Path::new("/no/such/folder")).unwrap_err().to_string().contains("/no/such/folder")
    );
}

#[test]
fn a_file_whose_head_makes_no_sense_is_refused_by_name() {
    let cases: [(&[u8], &str); 6] = [
        (&[], "0 bytes long"),
        (&[0, 0], "2 bytes long"),
        (&[0, 0, 0, 0, 1], "5 bytes long"),
        (&f32::NAN.to_le_bytes(), "begins at day NaN"),
        (&(-1.0_f32).to_le_bytes(), "begins at day -1"),
        (&1e30_f32.to_le_bytes(), "the calendar has 4 days"),
    ];
    for (bytes, said) in cases {
        let folder = Folder::new();
        folder.bytes("features/bbb/close.day.bin", bytes);
        let refused = folder.refused();
        assert!(refused.contains(said) && refused.contains("bbb/close.day.bin"), "{refused}");
    }
    let folder = Folder::new();
    folder.bin("bbb/close", 2.0, &[1.0, 2.0, 3.0]);
    assert!(folder.refused().contains("begins at day 2 and has 3 values"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_never_waited_for() {
    for place in ["features/bbb/close.day.bin", "calendars/day.txt", "instruments/all.txt"] {
        let folder = Folder::new();
        let path = folder.0.path().join(place);
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let refused = folder.refused();
        assert!(refused.contains("is no regular file") && refused.contains(place), "{refused}");
    }
}

#[test]
fn what_is_written_reads_back_and_nothing_is_written_over() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("out");
    let day = |d: u32| NaiveDate::from_ymd_opt(2024, 1, d).unwrap();
    let write = |target: &Path, symbols: &[&str]| -> Result<(), ImportError> {
        let mut out = QlibOut::create(target, &[day(2), day(3), day(4)])?;
        let mut all = Vec::new();
        for name in symbols {
            let symbol = name.parse().unwrap();
            out.series(&QlibSeries { symbol, start: 1, fields: vec![("close", vec![1.5, f32::NAN])] })?;
            all.push(Listed { symbol, from: day(3), to: day(4) });
        }
        assert!(out.universe("core-1", &all)?);
        assert!(!out.universe("../x", &all)?);
        out.finish(&all)
    };
    write(&target, &["AAA", "NUL"]).unwrap();
    let back = QlibFolder::open(&target).unwrap();
    assert_eq!(back.calendar(), [day(2), day(3), day(4)]);
    assert_eq!(back.universes().collect::<Vec<_>>(), ["all", "core-1"]);
    let close = back.feature("NUL".parse().unwrap(), "close").unwrap().unwrap();
    assert_eq!((close.start, close.values[0]), (1, 1.5));
    assert!(close.values[1].is_nan() && target.join("features/_qlib_nul").is_dir());
    assert!(write(&target, &["AAA"]).unwrap_err().to_string().contains("is not empty"));
    for (symbols, said) in
        [(&["A/B"][..], "A/B can be no folder"), (&["Ab", "AB"], "would share the folder 'ab'")]
    {
        let error = write(&place.path().join("other"), symbols).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing half-written is left behind");
}

proptest::proptest! {
    #[test]
    fn stored_prices_and_volumes_come_back_to_the_same_bits(
        price in 0.015_625_f32..9e9,
        volume in 16_384.0_f32..9e15,
        whole in 0_u16..16_384,
    ) {
        let back = |value: f32| crate::domain::Price::from_f64(f64::from(value)).unwrap().to_f64() as f32;
        proptest::prop_assert_eq!(back(price).to_bits(), price.to_bits());
        for volume in [volume, f32::from(whole)] {
            let back = crate::domain::Volume::from_f64(f64::from(volume)).unwrap().to_f64() as f32;
            proptest::prop_assert_eq!(back.to_bits(), volume.to_bits());
        }
    }
}
