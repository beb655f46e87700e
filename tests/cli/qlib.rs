//! Qlib folders in and out, and factors on a folder, on a home and on a file.

use std::path::Path;

use crate::bench::{Bench, bars, sessions};

/// A folder of two names over five sessions and a Saturday; the second name comes late and lacks a day.
fn folder(bench: &Bench, name: &str) -> String {
    let root = bench.path(name);
    let put = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let days: Vec<String> =
        sessions(4).iter().map(ToString::to_string).chain(["2017-01-07".into()]).collect();
    put("calendars/day.txt", (days.join("\n") + "\n").as_bytes());
    put("instruments/all.txt", b"AAA\t2017-01-03\t2017-01-07\nBBB\t2017-01-04\t2017-01-06\n");
    put("instruments/late.txt", b"BBB\t2017-01-06\t2017-01-07\n");
    for (symbol, start, values) in
        [("aaa", 0.0_f32, vec![0.1_f32, 0.2, 0.3, 0.4, 0.5]), ("bbb", 1.0, vec![7.7, f32::NAN, 9.9])]
    {
        for field in ["open", "high", "low", "close", "volume", "adj"] {
            let scale = if field == "volume" { 1e6 } else { 1.0 };
            let values = [start].into_iter().chain(values.iter().map(|v| v * scale));
            let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
            put(&format!("features/{symbol}/{field}.day.bin"), &bytes);
        }
    }
    root.to_str().unwrap().to_string()
}

#[test]
fn a_folder_is_imported_as_bars_are_and_comes_out_again() {
    let bench = Bench::founded();
    let folder = folder(&bench, "in");
    let import = |code| bench.run("root", &["--format", "json", "import", "qlib", &folder]).json(code);
    let report = import(5);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(["read", "stored", "quarantined", "gaps"].map(count), [7, 6, 1, 1]);
    assert_eq!(report["quarantine"][0]["reason"], "NOT_A_SESSION");
    assert_eq!(report["quarantine"][0]["line"], 5);
    assert_eq!(report["ignored_columns"], serde_json::json!(["adj"]));
    assert_eq!(import(5)["unchanged"], 6);
    let prices = bench.run("root", &["export", "prices", "--symbols", "BBB"]).ended(0);
    assert!(prices.contains("2017-01-04,BBB,7.699999809,") && prices.contains(",qlib,total"), "{prices}");
    let out = bench.path("out");
    let done = bench.json("root", &["export", "qlib", out.to_str().unwrap()]);
    assert_eq!(
        (&done["sessions"], &done["instruments"], &done["universes"]),
        (&4.into(), &2.into(), &1.into())
    );
    let bytes = |root: &Path| std::fs::read(root.join("features/bbb/close.day.bin")).unwrap();
    assert_eq!(bytes(&out), bytes(Path::new(&folder)));
    let again = bench.run("root", &["export", "qlib", out.to_str().unwrap()]);
    assert!(again.code == 1 && again.err.contains("is not empty"), "{again:?}");
}

#[test]
fn a_folder_with_a_bad_file_stores_nothing_and_names_it() {
    let bench = Bench::founded();
    let folder = folder(&bench, "in");
    std::fs::write(Path::new(&folder).join("features/bbb/high.day.bin"), [0, 0, 128, 63, 0]).unwrap();
    let refused = bench.run("root", &["import", "qlib", &folder]);
    assert!(refused.code == 1 && refused.err.contains("bbb/high.day.bin' is 5 bytes long"), "{refused:?}");
    assert_eq!(bench.run("root", &["export", "prices", "--symbols", "AAA"]).code, 1);
}

#[test]
fn factors_are_the_same_on_a_folder_and_on_the_home_it_was_imported_into() {
    let bench = Bench::staffed();
    let folder = folder(&bench, "in");
    bench.run("root", &["import", "qlib", &folder]).ended(5);
    let compute = |user: &str, words: &[&str]| {
        bench.run(
            user,
            &[&["factor", "compute", "--expr", "m=Mean($close,2)", "--to", "2017-01-06"], words].concat(),
        )
    };
    let on_folder = compute("nobody", &["--qlib", &folder]).ended(0);
    assert_eq!(on_folder.lines().count(), 8);
    assert!(on_folder.contains("2017-01-05,BBB,7.7\n"), "{on_folder}");
    assert_eq!(compute("ana", &["--universe", "all"]).ended(0), on_folder);
    assert_eq!(compute("ana", &[]).ended(0), on_folder);
    let late = compute("nobody", &["--qlib", &folder, "--universe", "late"]).ended(0);
    assert_eq!(late, "date,symbol,m\n2017-01-06,BBB,9.9\n");
    assert_eq!(compute("ana", &["--universe", "late"]).ended(0), late);
    assert_eq!(compute("kim", &[]).code, 3, "raw values are not for customers");
    assert_eq!(compute("ana", &["--universe", "none"]).code, 1);
    assert_eq!(compute("ana", &["--qlib", &folder, "--bars", "x.csv"]).code, 2);
}

#[test]
fn a_home_gives_the_factors_of_the_file_it_was_filled_from() {
    let bench = Bench::founded();
    let file = bench.file("bars.csv", bars(9, 40));
    bench.run("root", &["import", "bars", &file]).ended(0);
    let compute = |words: &[&str]| {
        bench.run(
            "root",
            &[&["factor", "compute", "--set", "families", "--from", "2017-02-10"], words].concat(),
        )
    };
    let set = |words: &[&str]| {
        let said =
            [&["factor", "compute", "--expr", "m=Std($close,5)/$volume", "--from", "2017-02-10"], words];
        bench.run("root", &said.concat()).ended(0)
    };
    assert_eq!(set(&["--bars", &file]), set(&[]));
    assert_eq!(compute(&[]).code, 1, "the home has no figures per share");
}
