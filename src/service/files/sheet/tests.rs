//! Bars files and Qlib folders as panels.

use std::fs;

use super::*;
use crate::factor::panel::NO_GROUP;

fn bars(text: &str) -> Result<Sheet, FactorFileError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bars.csv");
    fs::write(&file, text).unwrap();
    read(&Input::Bars { file, calendar: None })
}

#[test]
fn rows_come_in_any_order_and_sectors_are_those_of_the_day() {
    let sheet = bars(
        "symbol,date,close,sector\nB,2024-01-04,5,Metals\nA,2024-01-05,3,Energy\nA,2024-01-02,1,Metals\n\
         A,2024-01-03,2,Metals\nB,2024-01-02,4,\n",
    )
    .unwrap();
    let panel = &sheet.panel;
    assert_eq!(panel.column("close").unwrap().series(0)[..2], [1.0, 2.0]);
    assert_eq!((panel.span(0), panel.span(1)), (0..4, 0..3));
    let names = panel.group_names(Group::Sector);
    let sector = |row: usize| -> Vec<&str> {
        let codes = panel.group_codes(Group::Sector, row).unwrap();
        codes.iter().map(|c| if *c == NO_GROUP { "" } else { names[usize::from(*c)].as_str() }).collect()
    };
    assert_eq!(
        [sector(0), sector(2), sector(3)],
        [vec!["Metals", ""], vec!["Metals", "Metals"], vec!["Energy", "Metals"]]
    );
    assert!(panel.group_codes(Group::Industry, 0).is_none());
}

#[test]
fn a_second_row_of_a_day_is_refused() {
    let error = bars("symbol,date,close\nA,2024-01-02,1\nB,2024-01-02,1\nA,2024-01-02,2\n").unwrap_err();
    assert!(error.to_string().contains("A.XNYS has two rows on 2024-01-02"), "{error}");
}

#[test]
fn a_row_without_values_belongs_to_the_span() {
    let sheet = bars("symbol,date,note\nA,2024-01-02,x\nA,2024-01-03,\n").unwrap();
    assert_eq!(sheet.panel.span(0), 0..2);
    assert!(sheet.shows(0, 1) && !sheet.shows(0, 2));
}

fn qlib(root: &Path, lists: &[(&str, &str)], bins: &[(&str, f32, &[f32])]) {
    for part in ["calendars", "instruments", "features"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    fs::write(root.join("calendars/day.txt"), "2024-01-02\n2024-01-03\n2024-01-04\n2024-01-05\n").unwrap();
    for (name, text) in lists {
        fs::write(root.join("instruments").join(name), text).unwrap();
    }
    for (path, start, values) in bins {
        let path = root.join("features").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = [*start].iter().chain(*values).flat_map(|v| v.to_le_bytes()).collect();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_qlib_folder_is_read_bit_by_bit_and_its_lists_say_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let odd = f32::from_bits(0x3dcc_cccd);
    qlib(
        folder.path(),
        &[
            (
                "all.txt",
                "AAA\t2024-01-02\t2024-01-03\nAAA\t2024-01-05\t2024-01-05\nCON\t2024-01-01\t2025-01-01\n",
            ),
            ("few.txt", "CON\t2024-01-04\t2024-01-04\n"),
        ],
        &[
            ("aaa/close.day.bin", 0.0, &[odd, 2.0, f32::NAN, f32::INFINITY]),
            ("_qlib_con/close.day.bin", 1.0, &[7.0, 8.0]),
            ("_qlib_con/factor.day.bin", 1.0, &[0.5, 0.5]),
        ],
    );
    let open = |universe: Option<&str>| {
        let universe = universe.map(str::to_owned);
        read(&Input::Qlib { folder: folder.path().to_path_buf(), universe })
    };
    let all = open(None).unwrap();
    let close = all.panel.column("close").unwrap();
    assert_eq!(close.get(0, 0).to_bits(), odd.to_bits());
    assert!(close.get(0, 3).is_infinite() && close.get(0, 2).is_nan());
    assert_eq!((all.panel.span(0), all.panel.span(1)), (0..4, 1..3));
    let shown = |sheet: &Sheet, at: usize| (0..4).filter(|row| sheet.shows(at, *row)).collect::<Vec<_>>();
    assert_eq!((shown(&all, 0), shown(&all, 1)), (vec![0, 1, 3], vec![1, 2]));
    let few = open(Some("FEW")).unwrap();
    assert_eq!((shown(&few, 0), shown(&few, 1)), (vec![], vec![2]));
    assert_eq!(few.panel.value("factor", 1, 2), 0.5);
    assert!(open(Some("none")).unwrap_err().to_string().contains("all, few"));
}
