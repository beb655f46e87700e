//! Import as CONTRACTS promises it: counts, reasons, flags, gaps, and files that are refused whole.

use std::io::Write;

use crate::bench::{Bench, bars};

const HEADER: &str = "date,symbol,open,high,low,close,volume\n";

fn import(bench: &Bench, code: i32, files: &[&str]) -> serde_json::Value {
    bench.run("root", &[&["--format", "json", "import", "bars"], files].concat()).json(code)
}

#[test]
fn a_second_import_is_unchanged_and_a_correction_is_a_revision() {
    let bench = Bench::founded();
    let file = bench.file("a.csv", bars(3, 5));
    let first = import(&bench, 0, &[&file]);
    assert_eq!((&first["read"], &first["stored"]), (&15.into(), &15.into()));
    let again = import(&bench, 0, &[&file]);
    assert_eq!((&again["unchanged"], &again["stored"]), (&15.into(), &0.into()));
    let corrected = bars(3, 5).replacen("900000", "900001", 1);
    let file = bench.file("b.csv", corrected);
    let revised = import(&bench, 0, &[&file]);
    assert_eq!((&revised["revised"], &revised["unchanged"]), (&1.into(), &14.into()));
}

#[test]
fn a_newer_bar_of_another_source_is_told_to_take_the_history_over() {
    let bench = Bench::founded();
    let import = |days: usize, source: &str| {
        let file = bench.file("a.csv", bars(2, days));
        bench.run("root", &["--format", "json", "import", "bars", &file, "--source", source])
    };
    let quiet = [import(5, "vendor"), import(6, "vendor"), import(4, "other")];
    assert!(quiet.iter().all(|ran| ran.err.is_empty()));
    let switched = import(7, "other");
    assert!(
        switched.err.contains("2 of the instruments are now read from the source imported"),
        "{}",
        switched.err
    );
    assert_eq!(switched.json(0)["switched"], 2);
    assert_eq!(import(7, "other").json(0)["switched"], 0);
}

/// Four days of a split-restated series, as its vendor tells it, with the split that came later.
const RESTATED: &str = "2017-01-03,AAA,50,51,49,50,200\n2017-01-04,AAA,51,52,50,51,200\n\
                        2017-01-05,AAA,51,52,50,51.5,200\n2017-01-06,AAA,52,53,51,52,200\n";
const SPLIT: &str = "date,symbol,kind,amount,ratio\n2017-01-05,AAA,split,,2:1\n";

#[test]
fn exported_prices_come_back_under_their_sources_and_in_their_terms() {
    let bench = Bench::founded();
    let split = bench.file("split.csv", SPLIT);
    let restated = bench.file("restated.csv", format!("{HEADER}{RESTATED}"));
    let raw = bench.file("raw.csv", RESTATED.replace("AAA", "BBB").replacen("", HEADER, 1));
    let export = |bench: &Bench| bench.run("root", &["export", "prices", "--symbols", "AAA,BBB"]).ended(0);
    bench.run("root", &["import", "bars", &restated, "--basis", "split", "--source", "yahoo"]).ended(0);
    bench.run("root", &["import", "actions", &split]).ended(0);
    import(&bench, 0, &[&raw]);
    let told = export(&bench);
    assert!(told.contains(",AAA,50,51,49,50,200,yahoo,split\n"), "{told}");
    let file = bench.file("told.csv", &told);
    assert_eq!(import(&bench, 0, &[&file])["unchanged"], 8);
    let other = Bench::founded();
    other.run("root", &["import", "actions", &split]).ended(0);
    let report = import(&other, 0, &[&file]);
    assert_eq!((&report["stored"], &report["ignored_columns"]), (&8.into(), &serde_json::json!([])));
    assert_eq!(export(&other), told);
    // Out of a pipe, too.
    let piped = Bench::founded();
    let bad = told.replacen(",51.5,", ",,", 1);
    piped.feed("root", &["import", "bars", "-"], &bad).ended(5);
    piped.run("root", &["import", "actions", &split]).ended(0);
    let first = "2017-01-03,AAA,50,51,49,50,200,yahoo,split";
    assert!(export(&piped).contains(first));
}

#[test]
fn a_file_whose_basis_is_another_or_changes_is_refused_whole_with_its_line() {
    let bench = Bench::founded();
    let told = |basis: [&str; 4]| -> String {
        let rows = RESTATED.lines().zip(basis).map(|(row, basis)| format!("{row},yahoo,{basis}\n"));
        format!("{},source,basis\n{}", HEADER.trim_end(), rows.collect::<String>())
    };
    let split = bench.file("split.csv", told(["split"; 4]));
    let mixed = bench.file("mixed.csv", told(["split", "split", "raw", "split"]));
    let sources = bench.file("sources.csv", told(["split"; 4]).replacen("49,50,200,yahoo", "49,50,200,", 1));
    let cases = [
        (vec![&split, "--basis", "raw"], "line 2, column basis: the prices are 'split', not 'raw'"),
        (vec![&split, "--basis", "raw"], "import them with --basis split"),
        (vec![&mixed], "line 4, column basis: AAA is 'raw' here and 'split' before"),
        (vec![&sources], "line 3, column source: AAA is 'yahoo' here and 'file' before"),
    ];
    for (args, words) in &cases {
        let ran = bench.run("root", &[&["import", "bars"], args.as_slice()].concat());
        assert!(ran.code == 1 && ran.err.contains(words), "{args:?}: {ran:?}");
        let piped = [&["import", "bars", "-"], args.get(1..).unwrap_or(&[])].concat();
        let piped = bench.feed("root", &piped, &std::fs::read_to_string(args[0]).unwrap());
        assert!(piped.code == 1 && piped.err.contains(words), "{args:?}: {piped:?}");
    }
    assert_eq!(bench.run("root", &["export", "quarantine"]).ended(0).lines().count(), 1);
    bench.run("root", &["export", "prices", "--symbols", "AAA"]).ended(1);
    let unknown = bench.file("unknown.csv", told(["split", "split", "half", "split"]));
    let report = import(&bench, 5, &[&unknown]);
    assert_eq!((&report["stored"], &report["quarantine"][0]["reason"]), (&3.into(), &"BAD_FIELD".into()));
    let named = import(&bench, 0, &[&sources, "--source", "mine"]);
    assert_eq!(named["stored"], 4);
}

#[test]
fn a_symbol_is_one_instrument_however_it_is_written() {
    let bench = Bench::founded();
    let day = |symbol: &str| format!("2017-01-03,{symbol},1,1,1,1,1\n");
    let rows: String = ["AAPL", "aapl", "Aapl", "brk-b", "BRK.B"].map(day).concat();
    let report = import(&bench, 0, &[&bench.file("lower.csv", format!("{HEADER}{rows}"))]);
    assert_eq!((&report["stored"], &report["duplicates"]), (&2.into(), &3.into()));
    let known = bench.run("root", &["export", "instruments"]).ended(0);
    let known: Vec<&str> = known.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(known, ["AAPL", "BRK.B"]);
    let universe = bench.file("u.csv", "universe,symbol,from,to\nmy,aapl,2016-10-01,\n");
    bench.run("root", &["import", "universe", &universe]).ended(0);
    assert_eq!(bench.run("root", &["export", "instruments"]).ended(0).lines().count(), 3);
    let rates = bench.file("i.csv", "symbol,borrow_rate\naapl,0.255\nBRK.B,\n");
    bench.run("root", &["import", "instruments", &rates]).ended(0);
    let known = bench.run("root", &["export", "instruments"]).ended(0);
    let last: Vec<&str> = known.lines().filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(last, ["borrow_rate", "0.255", ""]);
    let typed = ["aapl,brk-b", "AAPL.XNYS,BRK.B", "Aapl,brk.b"];
    let prices = typed.map(|names| bench.run("root", &["export", "prices", "--symbols", names]).ended(0));
    assert!(prices.iter().all(|table| *table == prices[0] && table.lines().count() == 3), "{prices:?}");
    let compute = ["factor", "compute", "--expr", "x=$close", "--symbols", "brk-b"];
    let home = bench.run("root", &compute).ended(0);
    assert_eq!(home, "date,symbol,x\n2017-01-03,BRK.B,1\n");
    let single = bench.file("single.csv", format!("{HEADER}{}", day("brk-b")));
    assert_eq!(bench.run("root", &[&compute[..], &["--bars", &single]].concat()).ended(0), home);
}

#[test]
fn bad_rows_are_kept_out_with_a_reason_and_good_ones_stay() {
    let bench = Bench::founded();
    let rows = [
        "2017-01-03,GOOD,10,11,9,10,100",
        "2017-01-03,NOPRICE,,11,9,10,100",
        "2017-01-03,ZERO,0,11,0,10,100",
        "2017-01-03,BROKEN,10,11,10.5,10,100",
        "2017-01-03,NOVOL,10,11,9,10,",
        "2017-01-03,NEGVOL,10,11,9,10,-5",
        "2017-01-07,SATURDAY,10,11,9,10,100",
        "2017-01-03,WORDS,ten,11,9,10,100",
        "2017-01-03,GOOD,10,11,9,10.5,100",
        "2017-01-03,GOOD,10,11,9,10,100",
        "2017-01-04,GOOD,10,16,9,15,0",
    ];
    let file = bench.file("bad.csv", format!("{HEADER}{}\n", rows.join("\n")));
    let report = import(&bench, 5, &[&file]);
    assert_eq!(report["read"], 11);
    assert_eq!((&report["stored"], &report["duplicates"]), (&2.into(), &1.into()));
    assert_eq!((&report["quarantined"], &report["flagged"]), (&8.into(), &1.into()));
    let listed = report["quarantine"].as_array().unwrap();
    let reasons: Vec<&str> = listed.iter().map(|q| q["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "MISSING_PRICE",
            "NON_POSITIVE_PRICE",
            "BROKEN_HIGH_LOW",
            "MISSING_VOLUME",
            "NEGATIVE_VOLUME",
            "NOT_A_SESSION",
            "BAD_NUMBER",
            "DUPLICATE_KEY"
        ]
    );
    let fields: Vec<&str> = listed.iter().map(|q| q["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["open", "open", "low", "volume", "volume", "date", "open", ""]);
    let kept = bench.run("root", &["export", "quarantine", "--format", "csv"]).ended(0);
    let columns = kept.lines().next().unwrap().split(',').position(|name| name == "field").unwrap();
    assert!(kept.lines().any(|row| row.contains("NOVOL") && row.split(',').nth(columns) == Some("volume")));
    assert_eq!((&listed[0]["line"], &listed[0]["symbol"]), (&3.into(), &"NOPRICE".into()));
    let kept = bench.run("root", &["export", "prices", "--symbols", "GOOD"]).ended(0);
    assert_eq!(kept.lines().count(), 3);
}

#[test]
fn gaps_count_over_all_files_and_other_columns_are_named() {
    let bench = Bench::founded();
    let one =
        bench.file("1.csv", format!("{HEADER}2017-01-03,A,10,11,9,10,100\n2017-01-06,A,10,11,9,10,100\n"));
    let two =
        bench.file("2.csv", "volume,note,close,low,high,open,symbol,date\n100,x,10,9,11,10,A,2017-01-11\n");
    let report = import(&bench, 0, &[&one, &two]);
    assert_eq!((&report["gaps"], &report["gap_runs"]), (&4.into(), &2.into()));
    assert_eq!(report["ignored_columns"], serde_json::json!(["note"]));
}

#[test]
fn a_wrong_file_stores_nothing_at_all() {
    let bench = Bench::founded();
    let good = bench.file("good.csv", bars(1, 2));
    let folder = bench.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let utf16: Vec<u8> =
        format!("\u{feff}{}", bars(1, 2)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wrong = [
        folder.to_str().unwrap().to_string(),
        bench.file("empty.csv", ""),
        bench.file("short.csv", "date,symbol,open,high,low,close\n2017-01-03,A,1,1,1,1\n"),
        bench.file("utf16.csv", utf16),
        bench.path("not there.csv").to_str().unwrap().to_string(),
    ];
    for file in &wrong {
        let ran = bench.run("root", &["import", "bars", &good, file]);
        assert!(ran.err.starts_with("error: "), "{file}: {}", ran.err);
        ran.ended(1);
    }
    assert_eq!(import(&bench, 0, &[&good])["stored"], 2);
}

#[test]
fn a_truncated_archive_and_an_endless_line_keep_what_was_good() {
    let bench = Bench::founded();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(bars(20, 60).as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    let file = bench.file("cut.csv.gz", &whole[..whole.len() / 2]);
    let report = import(&bench, 5, &[&file]);
    assert!(report["stored"].as_u64().unwrap() > 100);
    let listed = report["quarantine"].as_array().unwrap();
    assert_eq!(listed.last().unwrap()["reason"], "TRUNCATED");
    let long = format!("{HEADER}2017-01-03,A,10,11,9,10,100\n{}\n", "x".repeat(70_000));
    let report = import(&bench, 5, &[&bench.file("long.csv", long)]);
    assert_eq!((&report["stored"], &report["quarantine"][0]["reason"]), (&1.into(), &"LINE_TOO_LONG".into()));
}

#[test]
fn bars_come_from_standard_input_too() {
    let bench = Bench::founded();
    let ran = bench.feed("root", &["--format", "json", "import", "bars", "-"], &bars(2, 3));
    assert_eq!(ran.json(0)["stored"], 6);
}

#[test]
fn two_sources_that_differ_are_listed() {
    let bench = Bench::founded();
    let file = bench.file("a.csv", format!("{HEADER}2017-01-03,A,10,11,9,10,100\n"));
    import(&bench, 0, &[&file, "--source", "a"]);
    let file = bench.file("b.csv", format!("{HEADER}2017-01-03,A,10,11,9,10.5,100\n"));
    import(&bench, 0, &[&file, "--source", "b"]);
    let listed = bench.run("root", &["export", "disagreements"]).ended(0);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[0], "date,symbol,exchange,field,source,value,other,other_value");
    assert_eq!(lines[1..], ["2017-01-03,A,XNYS,close,a,10,b,10.5"]);
    let repairs = bench.run("root", &["export", "repairs"]).ended(0);
    assert_eq!(repairs.lines().count(), 1);
}

/// A file of the shared data, as text for the command line.
fn shared(name: &str) -> Option<String> {
    let path = crate::support::shared_data()?.join(name);
    Some(path.to_str().unwrap().to_string())
}

#[test]
fn the_australian_sample_imports_with_its_defects_and_its_renames_are_followed() {
    let Some(file) = shared("market/asx_daily_2018_2019.csv.zst") else { return };
    let bench = Bench::founded();
    let report = import(&bench, 5, &[&file, "--exchange", "XASX"]);
    assert_eq!((&report["read"], &report["stored"]), (&59_181.into(), &59_180.into()));
    assert_eq!((&report["gap_runs"], &report["quarantined"]), (&39.into(), &1.into()));
    let row = &report["quarantine"][0];
    assert_eq!((&row["symbol"], &row["date"]), (&"TCL".into(), &"2018-08-31".into()));
    assert_eq!(row["reason"], "NON_POSITIVE_PRICE");
    let kept = bench.run("root", &["--format", "json", "export", "quarantine"]).json(0);
    let gaps = bench.run("root", &["export", "gaps"]).ended(0);
    assert_eq!(gaps.lines().count() - 1, 39, "the quarantined day lengthens one of them");
    assert_eq!((&kept[0]["symbol"], &kept[0]["state"]), (&"TCL".into(), &"open".into()));
    // The list of renames as the exchange publishes it, rewritten to our columns.
    let list = std::fs::read_to_string(shared("market/asx_changed_name_2019.csv").unwrap()).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let day: Vec<u32> = fields[0].split('/').map(|part| part.parse().unwrap()).collect();
        format!("{}-{:02}-{:02},{},{},XASX\n", day[2], day[1], day[0], fields[1], fields[3])
    };
    let plain = list.lines().skip(1).filter(|line| !line.contains('"'));
    let renames: String = plain.map(row).collect();
    let file = bench.file("renames.csv", format!("from,old,new,exchange\n{renames}"));
    let followed = bench.run("root", &["--format", "json", "import", "renames", &file]).json(0);
    assert_eq!(followed["quarantined"], 0);
    let rows = |symbol: &str| {
        let ran = bench.run("root", &["export", "prices", "--exchange", "XASX", "--symbols", symbol]);
        if ran.code == 0 { ran.out.lines().count() - 1 } else { 0 }
    };
    assert_eq!((rows("VUK"), rows("CYB")), (475, 0), "CYB has been VUK since 2019-11-15");
    let gone = bench.file("gone.csv", "date,symbol,reason\n2018-09-24,SRX,taken over\n");
    let stored =
        bench.run("root", &["--format", "json", "import", "delistings", &gone, "--exchange", "XASX"]);
    assert_eq!(stored.json(0)["stored"], 1);
    assert_eq!(rows("SRX"), 177);
}

#[test]
fn end_of_day_files_without_a_header_and_minutes_come_in_and_longer_bars_come_out() {
    let bench = Bench::founded();
    let days = ["QRE,20240129,3.9,4,3.9,4,7\n", "QRE,20240130,4,4,4,4,0\n"];
    let files: Vec<String> =
        days.iter().map(|day| bench.file(&format!("{}.txt", &day[4..12]), day)).collect();
    let report = import(&bench, 0, &[&files[0], &files[1], "--exchange", "XASX"]);
    assert_eq!((&report["stored"], &report["flagged"]), (&2.into(), &1.into()));
    let named = bench.run("root", &["export", "prices", "--symbols", "QRE.AX,qre.xasx"]).ended(0);
    assert_eq!(named.matches("2024-01-30,QRE,").count(), 2, "{named}");
    let american = bench.file("american.csv", format!("{HEADER}2024-01-30,QRE,1,1,1,1,1\n"));
    import(&bench, 0, &[&american]);
    let both = bench.run("root", &["export", "prices", "--symbols", "QRE,QRE.AX"]);
    let why =
        "QRE.XNYS and QRE.XASX are of two exchanges, and a table of prices is of one; export those of each";
    assert!(both.code == 2 && both.out.is_empty() && both.err.contains(why), "{both:?}");
    let minutes = "ts,symbol,open,high,low,close,volume\n2024-03-08 09:30:00,A,10,12,10,11,5\n\
                   2024-03-08 09:31:00,A,11,11,9,9.5,7.25\n2024-03-08 09:35:00,A,9,9,9,9,1\n\
                   2024-03-08 16:05:00,A,1,1,1,1,1\n2024-03-08 16:06:00,A,1,0,1,1,1\n";
    let file = bench.file("m.csv", minutes);
    let report = bench.run("root", &["--format", "json", "import", "minutes", &file]).json(5);
    assert_eq!((&report["stored"], &report["quarantined"]), (&4.into(), &1.into()));
    let bars = |interval: &str| {
        bench.run("root", &["export", "minutes", "A", "--exchange", "XNYS", "--interval", interval]).ended(0)
    };
    let header = "ts,symbol,open,high,low,close,volume\n";
    let five = "2024-03-08T14:30:00Z,A,10,12,9,9.5,12.25\n2024-03-08T14:35:00Z,A,9,9,9,9,1\n\
                2024-03-08T21:05:00Z,A,1,1,1,1,1\n";
    assert_eq!(bars("5m"), format!("{header}{five}"));
    let named = bench.run("root", &["export", "minutes", "a.xnys", "--interval", "5m"]).ended(0);
    assert_eq!(named, bars("5m"), "with its exchange, as sync takes it");
    let sydney = bench.run("root", &["export", "minutes", "A.AX"]);
    assert!(sydney.err.contains("A.XASX from file"), "{}", sydney.err);
    assert_eq!(bars("session"), format!("{header}2024-03-08T14:30:00Z,A,10,12,9,9,13.25\n"));
    let sides = "ts,symbol,open_bid,high_bid,low_bid,close_bid,open_ask,high_ask,low_ask,close_ask\n\
                 2024-03-10 02:30:00,J,1,2,1,2,1,2,1,1\n";
    let file = bench.file("j.csv", sides);
    let wish = ["--format", "json", "import", "minutes", &file, "--round-the-clock", "--source", "fx"];
    let report = bench.run("root", &wish).json(0);
    assert_eq!((&report["stored"], &report["flagged"]), (&1.into(), &1.into()));
    bench.run("root", &["export", "minutes", "J", "--exchange", "XNYS"]).ended(1);
}
