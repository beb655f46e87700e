//! A Qlib folder in and out of a home.

use std::fs;

use chrono::NaiveDate;

use super::*;
use crate::market::import::QlibFolder;
use crate::service::permit::{ManageData, ViewMarket, ViewSignals};
use crate::service::qlib::QlibExport;

const DAYS: [&str; 5] = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"];

/// Two names: one whose factor doubles on the third day and who pauses on the fourth, one that comes late.
fn folder(root: &Path) {
    let put = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("calendars/day.txt", DAYS.join("\n").as_bytes());
    put(
        "instruments/all.txt",
        b"AAA\t2024-01-02\t2024-01-03\nAAA\t2024-01-05\t2024-01-08\nBBB\t2024-01-04\t2024-01-08\n",
    );
    put("instruments/csi.txt", b"BBB\t2024-01-05\t2024-01-05\n");
    let nan = f32::NAN;
    for (name, start, close, factor) in [
        ("aaa", 0.0, vec![0.1_f32, 0.2, 0.3, nan, 33.3], vec![0.25_f32, 0.25, 0.5, nan, 0.5]),
        ("bbb", 2.0, vec![7.7, 8.8, 9.9], vec![0.3, 0.3, 0.3]),
    ] {
        for field in ["open", "high", "low", "close", "vwap", "volume", "factor"] {
            let values: Vec<f32> = match field {
                "factor" => factor.clone(),
                "volume" => close.iter().map(|c| c * 1e7).collect(),
                _ => close.clone(),
            };
            let bytes: Vec<u8> = [start].iter().chain(&values).flat_map(|v| v.to_le_bytes()).collect();
            put(&format!("features/{name}/{field}.day.bin"), &bytes);
        }
    }
}

fn stocked(place: &Path) -> Home {
    let home = Home::open(&place.join("home"));
    home.people(Exchange::Xnys);
    folder(&place.join("in"));
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ManageData>().unwrap();
    let import = || home.house.import_qlib(&permit, &place.join("in"), Exchange::Xnys, |_| {}).unwrap();
    let report = import();
    assert_eq!((report.read, report.stored, report.gaps, report.is_clean()), (7, 7, 1, true), "{report:?}");
    assert_eq!(import().unchanged, 7);
    home
}

fn export(
    home: &Home,
    wish: &QlibExport,
) -> Result<crate::service::qlib::QlibExported, crate::service::ServiceError> {
    let trader = home.login(Role::Trader);
    home.house.export_qlib(&trader.permit::<ViewMarket>().unwrap(), wish)
}

fn whole(target: std::path::PathBuf) -> QlibExport {
    QlibExport {
        folder: target,
        exchange: Exchange::Xnys,
        instruments: Vec::new(),
        period: (NaiveDate::MIN, NaiveDate::MAX),
    }
}

#[test]
fn a_folder_comes_out_as_it_went_in() {
    let place = tempfile::tempdir().unwrap();
    let home = stocked(place.path());
    let target = place.path().join("out");
    let done = export(&home, &whole(target.clone())).unwrap();
    assert_eq!((done.sessions, done.instruments, done.universes), (5, 2, 1));
    let (first, second) =
        (QlibFolder::open(&place.path().join("in")).unwrap(), QlibFolder::open(&target).unwrap());
    assert_eq!(first.calendar(), second.calendar());
    for list in ["all", "csi"] {
        assert_eq!(first.listed(list), second.listed(list), "{list}");
    }
    for symbol in first.symbols() {
        for field in ["open", "high", "low", "close", "vwap", "volume", "factor"] {
            let bits = |folder: &QlibFolder| {
                let feature = folder.feature(symbol, field).unwrap().unwrap();
                (
                    feature.start,
                    feature
                        .values
                        .iter()
                        .map(|v| (v.is_nan(), v.to_bits() & 0x7fff_ffff))
                        .collect::<Vec<_>>(),
                )
            };
            let (mut a, mut b) = (bits(&first), bits(&second));
            [&mut a, &mut b].into_iter().flat_map(|f| &mut f.1).filter(|v| v.0).for_each(|v| v.1 = 0);
            assert_eq!(a, b, "{symbol} {field}");
        }
    }
    let change = second.feature("AAA".parse().unwrap(), "change").unwrap().unwrap();
    assert!(change.values[0].is_nan() && change.values[3].is_nan());
    assert_eq!(change.values[1], 1.0);
    assert!((change.values[4] - 110.0).abs() < 1e-4, "over the last close there was");
}

#[test]
fn a_name_that_left_a_list_is_no_member_after_the_next_import() {
    let place = tempfile::tempdir().unwrap();
    let home = stocked(place.path());
    fs::write(place.path().join("in/instruments/csi.txt"), "AAA\t2024-01-03\t2024-01-05\n").unwrap();
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ManageData>().unwrap();
    home.house.import_qlib(&permit, &place.path().join("in"), Exchange::Xnys, |_| {}).unwrap();
    let target = place.path().join("out");
    export(&home, &whole(target.clone())).unwrap();
    let listed = QlibFolder::open(&target).unwrap();
    let names: Vec<&str> = listed.listed("csi").unwrap().iter().map(|l| l.symbol.as_str()).collect();
    assert_eq!(names, ["AAA"]);
}

#[test]
fn a_part_of_it_comes_out_on_its_own_calendar() {
    let place = tempfile::tempdir().unwrap();
    let home = stocked(place.path());
    let target = place.path().join("out");
    let wish = QlibExport {
        instruments: vec!["BBB.XNYS".parse().unwrap()],
        period: ("2024-01-03".parse().unwrap(), "2024-01-05".parse().unwrap()),
        ..whole(target.clone())
    };
    export(&home, &wish).unwrap();
    let back = QlibFolder::open(&target).unwrap();
    assert_eq!(back.calendar().len(), 3);
    assert_eq!(back.feature("BBB".parse().unwrap(), "close").unwrap().unwrap().days(), 1..3);
    assert_eq!(back.symbols().len(), 1);
    let refused = |wish: QlibExport| export(&home, &wish).unwrap_err().to_string();
    assert!(refused(wish.clone()).contains("is not empty"));
    let other = || place.path().join("other");
    assert!(
        refused(QlibExport { instruments: vec!["ZZ.XNYS".parse().unwrap()], ..whole(other()) })
            .contains("'ZZ.XNYS'")
    );
    let nothing = ("2030-01-01".parse().unwrap(), "2030-02-01".parse().unwrap());
    assert!(refused(QlibExport { period: nothing, ..whole(other()) }).contains("no stored session"));
    assert!(!other().exists());
}

#[test]
fn factors_are_computed_on_the_home_for_who_may_see_signals() {
    let place = tempfile::tempdir().unwrap();
    let home = stocked(place.path());
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ViewSignals>().unwrap();
    let sheet = home.house.factor_sheet(&permit, None, None).unwrap();
    assert_eq!((sheet.panel.sessions().len(), sheet.panel.symbols().len()), (5, 2));
    assert_eq!([0, 2, 4].map(|row| sheet.panel.value("factor", 0, row)), [0.25, 0.5, 0.5]);
    assert_eq!(sheet.panel.value("close", 0, 4), f64::from(33.3_f32));
    let csi = home.house.factor_sheet(&permit, None, Some("csi")).unwrap();
    assert_eq!([2, 3, 4].map(|row| csi.shows(1, row)), [false, true, false]);
    let watched = || home.house.factor_sheet(&permit, None, Some("watchlist"));
    assert!(watched().unwrap_err().to_string().contains("what you watch"), "nothing yet");
    home.house.watch(&trader.permit().unwrap(), &[sheet.panel.symbols()[1]]).unwrap();
    let own = watched().unwrap();
    assert_eq!([0, 1].map(|symbol| own.shows(symbol, 3)), [false, true]);
    let none = home.house.factor_sheet(&permit, None, Some("none"));
    assert!(none.unwrap_err().to_string().contains("'none'"));
    let all = home.house.factor_sheet(&permit, None, Some("all")).unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|row| all.shows(0, row)), [true, true, false, true, true]);
    assert!(home.login(Role::Customer).permit::<ViewSignals>().is_err());
}
