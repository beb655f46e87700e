//! Every case of the import promise, file by file.

use std::io::{self, Cursor, Read, Write};

use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::market::{ActionKind, DailyBar};
use crate::domain::{Exchange, ImportReport};

const HEADER: &str = "date,symbol,open,high,low,close,volume\n";

fn open(bytes: impl Into<Vec<u8>>) -> Result<BarFile, ImportError> {
    BarFile::open(Source::from_reader("t.csv", Cursor::new(bytes.into())))
}

struct Outcome {
    report: ImportReport,
    rows: Vec<Row<DailyBar>>,
    pages: usize,
}

impl Outcome {
    /// (line, reason) of each quarantined row.
    fn reasons(&self) -> Vec<(u64, &'static str)> {
        self.report.quarantine.iter().map(|row| (row.line, row.reason.code())).collect()
    }

    fn lines(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.line).collect()
    }
}

fn import_all(files: Vec<BarFile>, exchange: Exchange) -> Outcome {
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(exchange).clone());
    let mut outcome = Outcome { report: ImportReport::default(), rows: Vec::new(), pages: 0 };
    for file in files {
        for page in run.pages(file) {
            let page = page.unwrap();
            page.count_into(&mut outcome.report);
            let bar = |row: Row<FileBar>| Row { line: row.line, value: row.value.bar };
            outcome.rows.extend(page.rows.into_iter().map(bar));
            outcome.pages += 1;
        }
    }
    run.finish(&mut outcome.report);
    let known = outcome.rows.len() as u64 + outcome.report.duplicates + outcome.report.quarantined;
    assert_eq!(outcome.report.read, known, "no row is lost");
    outcome
}

fn import(bytes: impl Into<Vec<u8>>) -> Outcome {
    import_all(vec![open(bytes).unwrap()], Exchange::Xnys)
}

/// Imports rows behind the usual header.
fn rows(lines: &[&str]) -> Outcome {
    import(format!("{HEADER}{}\n", lines.join("\n")))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A file of `count` good rows, one symbol each.
fn many(count: usize) -> String {
    let mut text = HEADER.to_owned();
    for index in 0..count {
        text.push_str(&format!(
            "2024-01-02,S{index},{}.37,900,1,{}.5,1{index}\n",
            index % 89 + 2,
            index % 97 + 2
        ));
    }
    text
}

#[test]
fn columns_come_in_any_order_and_case_and_the_rest_is_listed_once() {
    let text = "Volume,Close,adj_close,LOW,high,open,Symbol,note,date\n10,4,9,1,5,2,A,\"x, y\",2024-01-02\n";
    let outcome = import_all(vec![open(text).unwrap(), open(text).unwrap()], Exchange::Xnys);
    let bar = outcome.rows[0].value;
    assert_eq!(
        [bar.open, bar.high, bar.low, bar.close].map(|p| p.to_string()),
        ["2", "5", "1", "4"].map(str::to_owned)
    );
    assert_eq!((bar.volume.to_string().as_str(), bar.vwap), ("10", None));
    let ignored: Vec<_> = outcome.report.ignored_columns.iter().map(CleanText::as_str).collect();
    assert_eq!(ignored, ["adj_close", "note"]);
}

#[test]
fn optional_columns_are_known_and_checked() {
    let header = "date,symbol,open,high,low,close,volume,vwap,factor,change\n";
    let good = "2024-01-02,A,2,5,1,4,10,3.25,0.5,-0.01\n2024-01-03,A,2,5,1,4,10,,,\n";
    let bad = "2024-01-04,A,2,5,1,4,10,0,,\n2024-01-05,A,2,5,1,4,10,3,x,\n";
    let outcome = import(format!("{header}{good}{bad}"));
    assert!(outcome.report.ignored_columns.is_empty());
    let vwaps: Vec<_> = outcome.rows.iter().map(|row| row.value.vwap.map(|v| v.to_string())).collect();
    assert_eq!(vwaps, [Some("3.25".to_owned()), None]);
    assert_eq!(outcome.reasons(), [(4, "NON_POSITIVE_PRICE"), (5, "BAD_NUMBER")]);
}

#[test]
fn each_bad_row_has_its_reason_and_the_good_ones_beside_it_are_kept() {
    let cases = [
        ("2024-01-02,A,,5,1,4,10", "MISSING_PRICE"),
        ("2024-01-02,A,2,null,1,4,10", "MISSING_PRICE"),
        ("2024-01-02,A,2,5,1,NaN,10", "NOT_FINITE"),
        ("2024-01-02,A,2,inf,1,4,10", "NOT_FINITE"),
        ("2024-01-02,A,0,5,0,4,10", "NON_POSITIVE_PRICE"),
        ("2024-01-02,A,2,5,-1,4,10", "NON_POSITIVE_PRICE"),
        ("2024-01-02,A,2,5,2.01,4,10", "BROKEN_HIGH_LOW"),
        ("2024-01-02,A,2,3.99,1,4,10", "BROKEN_HIGH_LOW"),
        ("2024-01-02,A,2,5,1,4,", "MISSING_VOLUME"),
        ("2024-01-02,A,2,5,1,4,-1", "NEGATIVE_VOLUME"),
        ("2024-01-02,A,2,5,1,4,NaN", "NOT_FINITE"),
        ("2024-01-01,A,2,5,1,4,10", "NOT_A_SESSION"),
        ("2024-01-06,A,2,5,1,4,10", "NOT_A_SESSION"),
        ("1989-12-29,A,2,5,1,4,10", "NOT_A_SESSION"),
        ("2031-01-02,A,2,5,1,4,10", "NOT_A_SESSION"),
        ("02/01/2024,A,2,5,1,4,10", "BAD_DATE"),
        ("2024-02-30,A,2,5,1,4,10", "BAD_DATE"),
        ("2024-01-02,,2,5,1,4,10", "BAD_SYMBOL"),
        ("2024-01-02,A B,2,5,1,4,10", "BAD_SYMBOL"),
        ("2024-01-02,A,two,5,1,4,10", "BAD_NUMBER"),
        ("2024-01-02,A,2,1e30,1,4,10", "OUT_OF_RANGE"),
        ("2024-01-02,A,2,5,1,4", "FIELD_COUNT"),
        ("2024-01-02,A,2,5,1,4,1,000", "FIELD_COUNT"),
        ("2024-01-02,\"A,2,5,1,4,10", "BAD_QUOTES"),
    ];
    for (line, reason) in cases {
        let outcome = rows(&["2024-01-03,A,2,5,1,4,10", line, "2024-01-04,A,2,5,1,4,10"]);
        assert_eq!(outcome.reasons(), [(3, reason)], "{line}");
        assert_eq!(outcome.lines(), [2, 4], "{line}");
    }
}

#[test]
fn a_quarantined_row_names_file_line_symbol_and_date_cleaned() {
    let outcome = rows(&["2024-01-06,A\u{1b}[31m,2,5,1,4,10"]);
    let row = &outcome.report.quarantine[0];
    assert_eq!((row.file.as_str(), row.line), ("t.csv", 2));
    assert_eq!((row.symbol.as_str(), row.date.as_str()), ("A[31m", "2024-01-06"));
    assert_eq!(row.raw.as_str(), "2024-01-06,A[31m,2,5,1,4,10");
}

#[test]
fn zero_volume_and_scientific_notation_are_good() {
    let outcome = rows(&["2024-01-02,BRK.B,2e0,5.0E+0,1,4.000000000500,0", "2024-01-03,A,2,5,1,4,1.5e6"]);
    assert!(outcome.reasons().is_empty());
    assert_eq!(outcome.rows[0].value.close.to_string(), "4");
    assert_eq!(outcome.rows[1].value.volume.to_string(), "1500000");
}

#[test]
fn a_repeated_row_is_a_duplicate_and_a_contradiction_is_quarantined() {
    let outcome = rows(&[
        "2024-01-02,A,2,5,1,4,10",
        "2024-01-02 00:00:00,A,2.0,5,1,4,1e1",
        "2024-01-02,A,2,5,1,4,11",
        "2024-01-02,A,2,5,1,4,10",
    ]);
    assert_eq!((outcome.report.read, outcome.report.duplicates), (4, 2));
    assert_eq!(outcome.reasons(), [(4, "DUPLICATE_KEY")]);
    assert_eq!(outcome.rows[0].value.volume.to_string(), "10");
}

#[test]
fn a_good_row_after_a_bad_one_of_the_same_key_is_kept() {
    let outcome = rows(&["2024-01-02,A,,5,1,4,10", "2024-01-02,A,2,5,1,4,10", "2024-01-02,A,,5,1,4,10"]);
    assert_eq!((outcome.lines(), outcome.report.duplicates), (vec![3], 0));
    assert_eq!(outcome.reasons(), [(2, "MISSING_PRICE"), (4, "MISSING_PRICE")]);
}

#[test]
fn duplicates_and_gaps_count_over_all_files_of_a_command() {
    let first = format!("{HEADER}2024-01-02,A,2,5,1,4,10\n2024-01-03,A,2,5,1,4,10\n");
    let second =
        format!("{HEADER}2024-01-03,A,2,5,1,4,10\n2024-01-09,A,2,5,1,4,10\n2024-01-09,B,2,5,1,4,10\n");
    let outcome = import_all(vec![open(second).unwrap(), open(first).unwrap()], Exchange::Xnys);
    // 4, 5 and 8 January were sessions without a row.
    assert_eq!((outcome.report.gaps, outcome.report.gap_runs), (3, 1));
    assert_eq!((outcome.report.duplicates, outcome.rows.len()), (1, 4));
}

#[test]
fn a_quarantined_day_is_no_gap_and_bounds_the_span() {
    let outcome = rows(&[
        "2024-01-02,A,2,5,1,4,10",
        "2024-01-04,A,,5,1,4,10",
        "2024-01-08,A,2,5,1,4,10",
        "2024-01-10,A,2,5,1,4,-1",
        "2024-01-02,LONE,2,5,1,4,1",
    ]);
    assert_eq!((outcome.report.gaps, outcome.report.gap_runs), (3, 3));
    assert_eq!(outcome.report.quarantined, 2);
}

#[test]
fn gaps_are_counted_by_the_calendar_of_the_exchange() {
    let text = format!("{HEADER}2024-12-24,A,2,5,1,4,10\n2024-12-27,A,2,5,1,4,10\n");
    let gaps = |exchange| {
        let outcome = import_all(vec![open(text.clone()).unwrap()], exchange);
        assert!(outcome.rows.iter().all(|row| row.value.instrument.exchange == exchange));
        outcome.report.gaps
    };
    assert_eq!((gaps(Exchange::Xnys), gaps(Exchange::Xasx), gaps(Exchange::Sim)), (1, 0, 2));
}

#[test]
fn blank_lines_byte_order_mark_and_carriage_returns_do_no_harm() {
    let text = format!("\u{feff}{HEADER}\n2024-01-02,A,2,5,1,4,10\n\n  \n2024-01-03,A,2,5,1,4,10")
        .replace('\n', "\r\n");
    let outcome = import(text);
    assert_eq!((outcome.lines(), outcome.report.read), (vec![3, 6], 2));
}

#[test]
fn a_header_alone_is_an_import_of_nothing() {
    let outcome = import(HEADER);
    assert_eq!((outcome.report.read, outcome.report.gaps, outcome.pages), (0, 0, 0));
}

#[test]
fn bytes_that_are_no_text_only_condemn_the_fields_that_are_used() {
    let mut bytes = b"date,symbol,open,high,low,close,volume,name\n".to_vec();
    bytes.extend(b"2024-01-02,A,2,5,1,4,10,Soci\xe9t\xe9\n2024-01-02,B\xff,2,5,1,4,10,x\n");
    bytes.extend(b"2024-01-03,A,2,5,1,4,10,x\n");
    let outcome = import(bytes);
    assert_eq!((outcome.lines(), outcome.reasons()), (vec![2, 4], vec![(3, "BAD_TEXT")]));
}

#[test]
fn files_that_cannot_be_read_at_all_are_refused_before_a_row() {
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf32: Vec<u8> = HEADER.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    let cases: [(Vec<u8>, &str); 12] = [
        (Vec::new(), "is empty"),
        (b"\n\r\n".to_vec(), "is empty"),
        ("\u{feff}".into(), "is empty"),
        (gzip(b""), "is empty"),
        (marked(&[0xff, 0xfe], &utf16), "UTF-16"),
        (marked(&[0xfe, 0xff], &utf16_be), "UTF-16"),
        (utf16, "UTF-16"),
        (marked(&[0xff, 0xfe, 0, 0], &utf32), "UTF-16, UTF-32"),
        (b"date,symbol,open,high,low,volume\n".to_vec(), "missing column close; found: date, symbol"),
        (b"date;symbol;open;high;low;close;volume\n".to_vec(), "missing column date, symbol"),
        (b"date,symbol,open,high,low,close,volume,Close\n".to_vec(), "column close is there twice"),
        (vec![b'x'; 70_000], "header cannot be read"),
    ];
    for (bytes, message) in cases {
        let error = open(bytes).err().expect(message).to_string();
        assert!(error.contains(message) && error.contains("'t.csv'"), "{error}");
    }
}

#[test]
fn a_directory_and_a_missing_file_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let error = BarFile::open_path(folder.path()).err().unwrap();
    assert!(matches!(error, ImportError::Directory { .. }) && error.to_string().contains("/*.csv"));
    let error = BarFile::open_path(&folder.path().join("no\u{1b}ne.csv")).err().unwrap().to_string();
    assert!(error.contains("none.csv") && error.contains("check the path"), "{error}");
}

#[test]
fn gzip_and_zstd_are_told_by_their_first_bytes_even_in_several_members() {
    let text = many(5_000);
    let (head, tail) = text.split_at(text.len() / 3);
    let plain = import(text.clone()).rows;
    assert_eq!(plain.len(), 5_000);
    assert_eq!(import(gzip(text.as_bytes())).rows, plain);
    assert_eq!(import([gzip(head.as_bytes()), gzip(tail.as_bytes())].concat()).rows, plain);
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    assert_eq!(import([zstd(head), zstd(tail)].concat()).rows, plain);
}

#[test]
fn a_truncated_archive_gives_its_whole_rows_and_one_entry() {
    // Big enough for several compressed blocks, of which at least the first comes out whole.
    let text = many(60_000);
    for packed in [gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()] {
        let outcome = import(&packed[..packed.len() * 2 / 3]);
        assert!(outcome.rows.len() > 1_000, "{}", outcome.rows.len());
        let last = outcome.rows.last().unwrap().line;
        assert_eq!(outcome.reasons(), [(last + 1, "TRUNCATED")]);
        let whole = import(text.clone());
        assert_eq!(outcome.rows, whole.rows[..outcome.rows.len()]);
    }
}

#[test]
fn an_archive_cut_in_its_last_bytes_still_says_so() {
    let packed = gzip(many(10).as_bytes());
    let outcome = import(&packed[..packed.len() - 1]);
    assert_eq!((outcome.rows.len(), outcome.reasons()), (10, vec![(12, "TRUNCATED")]));
    assert!(matches!(open(&packed[..12]), Err(ImportError::Damaged { .. })));
}

#[test]
fn a_damaged_archive_is_told_from_a_short_one() {
    let mut packed = gzip(many(10).as_bytes());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 0xff;
    assert_eq!(import(packed).reasons().last(), Some(&(12, "DAMAGED")));
}

#[test]
fn an_over_long_line_is_skipped_and_reading_goes_on() {
    let good = "2024-01-02,A,2,5,1,4,10\n";
    let at_limit = format!("2024-01-03,A,2,5,1,4,{}\n", "0".repeat(LINE_BYTES_MAX - 21));
    let over = format!("2024-01-04,A,2,5,1,4,{}\n", "0".repeat(LINE_BYTES_MAX - 20));
    let huge = format!("{}\n", "x".repeat(1_000_000));
    let outcome = import(format!("{HEADER}{good}{at_limit}{over}{huge}2024-01-05,A,2,5,1,4,10"));
    assert_eq!(outcome.lines(), [2, 3, 6]);
    assert_eq!(outcome.reasons(), [(4, "LINE_TOO_LONG"), (5, "LINE_TOO_LONG")]);
}

#[test]
fn pages_are_bounded_whatever_the_rows_are() {
    let outcome = import(many(10_000));
    assert_eq!((outcome.pages, outcome.rows.len()), (3, 10_000));
    let bad = import(format!("{HEADER}{}", "x,y\n".repeat(9_000)));
    assert_eq!((bad.pages, bad.report.quarantined), (3, 9_000));
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let text = many(6_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    std::fs::write(&path, &text).unwrap();
    let source = Source::open(&path).unwrap();
    assert_eq!(source.bytes_total(), Some(text.len() as u64));
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(Exchange::Xnys).clone());
    let read: Vec<u64> = run.pages(BarFile::open(source).unwrap()).map(|p| p.unwrap().bytes_read).collect();
    assert!(read.windows(2).all(|w| w[0] <= w[1]));
    assert_eq!(read.last(), Some(&(text.len() as u64)));
}

/// Gives some text, then fails like a disk.
struct FailingDisk(Cursor<Vec<u8>>);

impl Read for FailingDisk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            count => Ok(count),
        }
    }
}

#[test]
fn a_failing_disk_is_an_error_and_not_a_quarantined_row() {
    for bytes in [many(5_000).into_bytes(), gzip(many(60_000).as_bytes())] {
        let cut = bytes[..bytes.len() - 10].to_vec();
        let file = BarFile::open(Source::from_reader("t.csv", FailingDisk(Cursor::new(cut)))).unwrap();
        let mut run = BarRun::new(Calendars::bundled().unwrap().of(Exchange::Xnys).clone());
        let mut pages = run.pages(file).skip_while(Result::is_ok);
        assert!(matches!(pages.next(), Some(Err(ImportError::Read { .. }))));
        assert!(pages.next().is_none());
    }
}

fn table<T: 'static>(kind: TableKind<T>, text: &str) -> Page<T> {
    let file = TableFile::open(Source::from_reader("t.csv", Cursor::new(text.to_owned())), kind).unwrap();
    let mut pages: Vec<_> = file.pages(Exchange::Xasx).map(Result::unwrap).collect();
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

fn codes<T>(page: &Page<T>) -> Vec<(u64, &'static str)> {
    page.quarantine.iter().map(|row| (row.line, row.reason.code())).collect()
}

#[test]
fn instruments_need_only_a_symbol() {
    let page = table(INSTRUMENTS, "symbol\nBHP\nBHP\nC\u{e9}\n");
    let bhp = &page.rows[0].value.instrument;
    assert_eq!((bhp.id.to_string().as_str(), bhp.currency.as_str()), ("BHP.XASX", "AUD"));
    assert_eq!((bhp.tick.to_string().as_str(), bhp.lot.to_string().as_str()), ("0.01", "1"));
    assert_eq!((page.read, page.duplicates, codes(&page)), (3, 1, vec![(4, "BAD_SYMBOL")]));
}

#[test]
fn instruments_take_what_a_row_says_and_refuse_nonsense() {
    let page = table(
        INSTRUMENTS,
        "Symbol,NAME,exchange,currency,sector,tick,lot\nAAPL,\"Apple, Inc.\",XNYS,USD,Tech,0.05,100\n\
         A,,MARS,,,,\nB,,,usd,,,\nC,,,,,0,\nD,,,,,,-1\nAAPL,Other,XNYS,USD,Tech,0.05,100\nAAPL,,,,,,\n",
    );
    let apple = &page.rows[0].value.instrument;
    assert_eq!((apple.name.as_str(), apple.sector.as_str()), ("Apple, Inc.", "Tech"));
    assert_eq!((apple.tick.to_string().as_str(), apple.lot.to_string().as_str()), ("0.05", "100"));
    let expected =
        [(3, "BAD_FIELD"), (4, "BAD_FIELD"), (5, "BAD_NUMBER"), (6, "BAD_NUMBER"), (7, "DUPLICATE_KEY")];
    assert_eq!(codes(&page), expected);
    assert_eq!(page.rows[1].value.instrument.id.to_string(), "AAPL.XASX");
}

#[test]
fn instruments_may_tell_what_borrowing_them_costs() {
    let page = table(
        INSTRUMENTS,
        "symbol,shortable,borrowable,borrow_rate\nA,,,0.255\nB,,,0\nC,no,,\nD,,,\nE,,,-0.1\nF,,,10.5\nG,,,x\nH,,,10\n",
    );
    let told: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.value.instrument.borrow_rate.map(|rate| rate.to_string()), row.value.tells_borrow))
        .collect();
    let rate = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [(rate("0.255"), true), (rate("0"), true), (None, true), (None, false), (rate("10"), true)]
    );
    assert_eq!(codes(&page), [(6, "BAD_NUMBER"), (7, "OUT_OF_RANGE"), (8, "BAD_NUMBER")]);
}

#[test]
fn a_listing_may_tell_industries_and_since_when() {
    let page = table(
        INSTRUMENTS,
        "symbol,sector,industry,from\nA,Energy,Oil,2020-01-02\nA,Energy,Gas,2023-01-03\nA,Metals,,2023-01-03\n\
         B,Metals,,\nC,Metals,,soon\n",
    );
    let told: Vec<_> = page.rows.iter().map(|r| (r.value.industry.as_str(), r.value.from)).collect();
    let day = |d: &str| Some(d.parse().unwrap());
    assert_eq!(told, [("Oil", day("2020-01-02")), ("Gas", day("2023-01-03")), ("", None)]);
    assert_eq!(codes(&page), [(4, "DUPLICATE_KEY"), (6, "BAD_DATE")]);
}

#[test]
fn actions_are_splits_or_dividends() {
    let page = table(
        ACTIONS,
        "date,symbol,kind,amount,ratio,pay_date\n2024-01-02,A,split,,2:1,\n2024-01-03,A,Dividend,0.25,,2024-02-01\n\
         2024-01-04,A,split,,1/10,\n2024-01-05,A,dividend,,,\n2024-01-05,A,merger,,,\n2024-01-08,A,split,,0,\n\
         2024-01-09,A,dividend,0.25,,2024-01-08\n2024-01-10,A,dividend,0.25,,2024-01-10\n",
    );
    let kinds: Vec<_> = page.rows.iter().map(|row| row.value.kind).collect();
    assert!(matches!(kinds[0], ActionKind::Split(r) if r.new.to_string() == "2" && r.old.to_string() == "1"));
    assert!(matches!(kinds[1], ActionKind::Dividend { amount, pay_date }
        if amount.to_string() == "0.25" && pay_date.to_string() == "2024-02-01"));
    assert!(matches!(kinds[2], ActionKind::Split(r) if r.old.to_string() == "10"));
    assert_eq!(codes(&page), [(5, "MISSING_FIELD"), (6, "BAD_FIELD"), (7, "BAD_NUMBER"), (8, "BAD_DATE")]);
}

#[test]
fn fundamentals_headlines_and_universes_are_checked() {
    let page = table(
        FUNDAMENTALS,
        "known_at,period_end,symbol,field,value\n2024-02-01,2023-12-31,A,eps,-1.5e0\n\
         2024-02-01,2023-12-31,A,eps,NaN\n2024-02-01,2023-12-31,A,,1\n2024-02-01,2023-12-31,A,eps,2\n",
    );
    assert_eq!(page.rows[0].value.value, -1.5);
    assert_eq!(codes(&page), [(3, "NOT_FINITE"), (4, "MISSING_FIELD"), (5, "DUPLICATE_KEY")]);
    // A figure is known once its period is over, and an expression can name it.
    let page = table(
        FUNDAMENTALS,
        "known_at,period_end,symbol,field,value\n2024-02-01,2024-02-01,A,pe_2,1\n2024-02-01,2024-02-02,A,eps,1\n\
         2024-02-01,2023-12-31,A,e\u{1b}ps,1\n2024-02-01,2023-12-31,A,net income,1\n",
    );
    assert_eq!(page.rows[0].value.field.as_str(), "pe_2");
    assert_eq!(codes(&page), [(3, "BAD_DATE"), (4, "BAD_NAME"), (5, "BAD_NAME")]);
    let fields: Vec<&str> = page.quarantine.iter().map(|row| row.field.as_str()).collect();
    assert_eq!(fields, ["period_end", "field", "field"]);
    let page = table(
        NEWS,
        "time,symbol,headline,source\n2024-01-02T10:00:00+10:00,A,\"Up, \u{202e}and on\",AAP\n\
         now,A,x,y\n2024-01-02,A,,y\n",
    );
    let news = &page.rows[0].value;
    assert_eq!(
        (news.time.to_string().as_str(), news.headline.as_str()),
        ("2024-01-02T00:00:00Z", "Up, and on")
    );
    assert_eq!(codes(&page), [(3, "BAD_DATE"), (4, "MISSING_FIELD")]);
    let page = table(
        UNIVERSE,
        "universe,symbol,from,to\ntop,A,2020-01-01,\ntop,B,2020-01-01,2019-01-01\n,C,2020-01-01,\nWatchlist,C,2020-01-01,\n",
    );
    assert_eq!((page.rows[0].value.universe.as_str(), page.rows[0].value.to), ("top", None));
    assert_eq!(codes(&page), [(3, "BAD_DATE"), (4, "MISSING_FIELD"), (5, "RESERVED_NAME")]);
}

#[test]
fn a_table_without_its_columns_is_refused() {
    let open = |text: &str| {
        let source = Source::from_reader("t.csv", Cursor::new(text.to_owned()));
        TableFile::open(source, ACTIONS).err().unwrap().to_string()
    };
    assert!(open("date,symbol,kind\n").contains("missing column amount, ratio"));
}
