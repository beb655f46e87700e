//! The quality of stored prices: sources compared, splits told twice, decisions about quarantined rows.

use super::*;
use crate::domain::market::Basis;
use crate::domain::{CleanText, Instrument};
use crate::service::engine::lock;
use crate::service::import::{BarImport, MinuteImport, TableFileKind, Wanted};
use crate::service::listing::ExportedInstrument;
use crate::service::permit::{ManageData, Permit, ViewMarket};
use crate::service::quality::Decision;
use crate::store::market::{MinuteSide, QuarantineState, Quarantined};

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn bars(home: &Home, source: &str, text: &str) {
    let file = file(&format!("date,symbol,open,high,low,close,volume\n{text}"));
    let wish = BarImport {
        files: vec![file.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some(CleanText::new(source)), basis: Some(Basis::Raw) },
    };
    home.house.import_bars(&permit(home), &wish, |_| {}).unwrap();
}

fn table(home: &Home, kind: TableFileKind, text: &str) {
    let file = file(text);
    home.house.import_table(&permit(home), kind, file.path(), Exchange::Xnys).unwrap();
}

fn permit(home: &Home) -> Permit<ManageData> {
    home.login(Role::Trader).permit::<ManageData>().unwrap()
}

fn aapl() -> InstrumentId {
    "AAPL.XNYS".parse().unwrap()
}

const DAYS: [&str; 6] = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"];

fn rows(closes: &[u32]) -> String {
    let row = |(day, close): (&&str, &u32)| format!("{day},AAPL,{close},{close},{close},{close},10\n");
    DAYS.iter().zip(closes).map(row).collect()
}

#[test]
fn sources_that_differ_are_listed_until_they_agree() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    bars(&home, "a", &rows(&[100, 101, 102, 103, 104, 105]));
    bars(&home, "b", &rows(&[100, 101, 102, 113, 104, 105]));
    let (found, count) = home.house.disagreements(&permit(&home), 10).unwrap();
    assert_eq!((found.len(), count), (4, 4), "open, high, low and close of one session");
    let close = found.iter().find(|one| one.field.as_str() == "close").unwrap();
    assert_eq!((close.instrument, close.session.to_string().as_str()), (aapl(), DAYS[3]));
    assert_eq!((close.sources[0].as_str(), close.values), ("a", [103.0, 113.0]));
    bars(&home, "b", &rows(&[100, 101, 102, 103, 104, 105]));
    assert_eq!(home.house.disagreements(&permit(&home), 10).unwrap(), (vec![], 0));
}

#[test]
fn a_split_that_is_told_twice_counts_once_whatever_comes_first() {
    let actions = "date,symbol,kind,amount,ratio\n2024-01-04,AAPL,split,,7:1\n2024-01-05,AAPL,split,,7:1\n";
    let prices = rows(&[700, 707, 714, 103, 104, 105]);
    for actions_first in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path());
        home.people(Exchange::Xnys);
        if actions_first {
            table(&home, TableFileKind::Actions, actions);
            bars(&home, "a", &prices);
        } else {
            bars(&home, "a", &prices);
            table(&home, TableFileKind::Actions, actions);
        }
        let repairs = home.house.repairs(&permit(&home), Some(aapl()), 10).unwrap();
        assert_eq!(repairs.len(), 1);
        assert_eq!((repairs[0].rule.as_str(), repairs[0].after.as_str()), ("doubled_split", "none"));
        assert_eq!(repairs[0].before.as_str(), "split 2024-01-04 7:1");
        let (from, to) = (DAYS[0].parse().unwrap(), DAYS[5].parse().unwrap());
        let left = lock(home.house.market_store()).read().actions_between(Exchange::Xnys, from, to).unwrap();
        assert_eq!((left.len(), left[0].date.to_string().as_str()), (1, DAYS[3]));
    }
}

#[test]
fn a_row_that_is_set_aside_belongs_to_the_source_its_file_tells() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    bars(&home, "file", &rows(&[100, 101, 102]));
    let text = format!(
        "date,symbol,open,high,low,close,volume,source\n{},aapl,100,101,99,100,5,yahoo\n{},aapl,100,,99,100,5,yahoo\n",
        DAYS[0], DAYS[1]
    );
    let file = file(&text);
    let wish = |source| BarImport {
        files: vec![file.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source, basis: None },
    };
    let import = |wish| home.house.import_bars(&permit(&home), &wish, |_| {}).unwrap();
    assert_eq!(import(wish(None)).quarantined, 1);
    import(wish(Some("mine".into())));
    let cases = home.house.quarantine_cases(&permit(&home), None, 10).unwrap();
    let jobs: Vec<&str> = cases.iter().map(|case| case.row.job.as_str()).collect();
    assert_eq!(jobs, ["import bars:mine", "import bars:yahoo"]);
    assert!(cases.iter().all(|case| case.row.field.as_str() == "high"));
    // Its series is found though the file writes the symbol in small letters.
    let refused = home.house.decide_quarantined(&permit(&home), cases[1].id, Decision::Accept).unwrap_err();
    assert!(refused.to_string().contains("no prices that can be stored"), "{refused}");
    home.house.decide_quarantined(&permit(&home), cases[1].id, Decision::Refetch).unwrap();
}

#[test]
fn quarantined_rows_are_accepted_fetched_again_or_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    bars(&home, "yahoo", &rows(&[100, 101, 102]));
    let row = |day: &str, raw: &str| Quarantined {
        job: "sync".into(),
        file: "yahoo".into(),
        line: 1,
        symbol: "AAPL".into(),
        date: day.into(),
        reason: "STALE_REPEAT".into(),
        field: "".into(),
        raw: raw.into(),
    };
    let raw = format!("{},AAPL,103,104,102,103,55", DAYS[3]);
    let kept = [row(DAYS[3], &raw), row(DAYS[4], "null"), row(DAYS[5], "null")];
    lock(home.house.market_store()).store_quarantine(&kept, home.house.clock().now()).unwrap();
    let cases = home.house.quarantine_cases(&permit(&home), Some(QuarantineState::Open), 10).unwrap();
    let id = |day: &str| cases.iter().find(|case| case.row.date.as_str() == day).unwrap().id;
    let decide = |day: &str, what| home.house.decide_quarantined(&permit(&home), id(day), what);
    decide(DAYS[3], Decision::Accept).unwrap();
    let refused = decide(DAYS[4], Decision::Accept).unwrap_err().to_string();
    assert!(refused.contains("no prices that can be stored as they are"), "{refused}");
    decide(DAYS[4], Decision::Refetch).unwrap();
    decide(DAYS[5], Decision::Ignore).unwrap();
    let unknown = home.house.decide_quarantined(&permit(&home), 999, Decision::Ignore).unwrap_err();
    assert!(unknown.to_string().contains("not in quarantine any more"));
    let all = home.house.quarantine_cases(&permit(&home), None, 10).unwrap();
    let states: Vec<_> = all.iter().rev().map(|case| case.state).collect();
    assert_eq!(states, [QuarantineState::Accepted, QuarantineState::Refetch, QuarantineState::Ignored]);
    let stored = lock(home.house.market_store()).read().sessions_of(aapl(), "yahoo").unwrap();
    assert_eq!(stored.len(), 4);
    // What was to be fetched again closes when its price has come.
    bars(&home, "yahoo", &rows(&[100, 101, 102, 103, 104]));
    let open = home.house.quarantine_cases(&permit(&home), Some(QuarantineState::Refetch), 10).unwrap();
    assert!(open.is_empty());
}

#[test]
fn a_minute_of_a_file_that_was_set_aside_is_accepted_under_its_own_source() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    // A vendor has the symbol, too, so the file's name does not tell where its rows belong.
    bars(&home, "yahoo", &rows(&[100, 101, 102]));
    let header = "ts,symbol,open,high,low,close,volume\n";
    let trades = "2024-03-08 09:30:00,AAPL,10,12,10,11,5\n2024-03-08 09:30:00,AAPL,10,13,10,12,6\n\
                  2024-03-08 09:31:00,AAPL,10,9,10,11,5\n";
    let sides = "ts,symbol,open_bid,high_bid,low_bid,close_bid,open_ask,high_ask,low_ask,close_ask\n\
                 2024-03-09 09:30:00,AAPL,1,1,1,1,2,2,2,2\n2024-03-09 09:30:00,AAPL,3,3,3,3,4,4,4,4\n";
    for (source, text, never_closes) in
        [("desk", format!("{header}{trades}"), false), ("fx", sides.into(), true)]
    {
        let file = folder.path().join(format!("{source}.csv"));
        std::fs::write(&file, text).unwrap();
        let source = CleanText::new(source);
        let wish = MinuteImport { files: vec![file], exchange: Exchange::Xnys, never_closes, source };
        home.house.import_minutes(&permit(&home), &wish, |_| {}).unwrap();
    }
    let cases = home.house.quarantine_cases(&permit(&home), Some(QuarantineState::Open), 10).unwrap();
    let of = |raw: &str| cases.iter().find(|case| case.row.raw.as_str().contains(raw)).unwrap().id;
    let decide = |raw: &str, what| home.house.decide_quarantined(&permit(&home), of(raw), what);
    let broken = decide("10,9,10,11", Decision::Accept).unwrap_err().to_string();
    assert!(broken.contains("no prices that can be stored as they are"), "{broken}");
    decide("10,13,10,12", Decision::Accept).unwrap();
    decide("3,3,3,3,4", Decision::Accept).unwrap();
    let all = (UnixNanos::ZERO, UnixNanos::from_nanos(i64::MAX));
    let stored = |source: &str, side| {
        let minutes = lock(home.house.market_store()).read().minutes(aapl(), source, side, all).unwrap();
        minutes.iter().map(|m| format!("{} {}", m.from, m.close)).collect::<Vec<_>>()
    };
    assert_eq!(stored("desk", MinuteSide::Trade), ["2024-03-08T14:30:00Z 12"]);
    assert_eq!(
        stored("fx", MinuteSide::Bid),
        ["2024-03-09T09:30:00Z 3"],
        "of a market that never closes in UTC"
    );
    assert_eq!(stored("fx", MinuteSide::Ask), ["2024-03-09T09:30:00Z 4"]);
}

fn close_on(home: &Home, id: InstrumentId, on: &str) -> Option<f64> {
    let on = on.parse().unwrap();
    let series = lock(home.house.market_store()).read().bars(id, None, on, on).unwrap();
    series.and_then(|series| series.bars.first().map(|bar| bar.close.to_f64()))
}

/// Sets a whole row of a vendor's aside and has a person accept it.
fn accepted(home: &Home, symbol: &str, raw: &str) {
    let row = Quarantined {
        job: "sync".into(),
        file: "polygon".into(),
        line: 1,
        symbol: symbol.into(),
        date: raw.split(',').next().unwrap().into(),
        reason: "STALE_REPEAT".into(),
        field: "".into(),
        raw: raw.into(),
    };
    lock(home.house.market_store()).store_quarantine(&[row], home.house.clock().now()).unwrap();
    let case = home.house.quarantine_cases(&permit(home), Some(QuarantineState::Open), 10).unwrap().remove(0);
    assert_eq!(case.row.symbol.as_str(), symbol);
    home.house.decide_quarantined(&permit(home), case.id, Decision::Accept).unwrap();
}

#[test]
fn a_small_letter_that_is_a_sign_keeps_two_companies_apart() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    // Both of one day, and the preferred share alone of another.
    let days = [
        "2024-01-02,TPC,9",
        "2024-01-02,TpC,20",
        "2024-01-03,TPC,9",
        "2024-01-04,TpC,21",
        "2024-01-05,TPC,9",
    ];
    let row = |day: &&str| {
        let price = day.rsplit(',').next().unwrap();
        format!("{day},{price},{price},{price},10\n")
    };
    let text: String = days.iter().map(row).collect();
    bars(&home, "polygon", &text);
    let [company, preferred]: [InstrumentId; 2] = ["TPC.XNYS", "TpC.XNYS"].map(|id| id.parse().unwrap());
    let both = |on: &str| (close_on(&home, company, on), close_on(&home, preferred, on));
    assert_eq!(both("2024-01-02"), (Some(9.0), Some(20.0)));
    assert_eq!(both("2024-01-04"), (None, Some(21.0)));
    accepted(&home, "TpC", "2024-01-05,TpC,22,22,22,22,10");
    assert_eq!(both("2024-01-05"), (Some(9.0), Some(22.0)));
    for (typed, meant) in [("TpC", preferred), ("TPC", company), ("tpc", company)] {
        assert_eq!(home.house.instrument_named(typed).unwrap(), meant, "{typed}");
    }
}

#[test]
fn a_home_from_before_symbols_were_capitals_keeps_its_series() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let old: InstrumentId = "aapl.XNYS".parse().unwrap();
    lock(home.house.market_store()).store_instruments(&[Instrument::with_defaults(old)]).unwrap();
    bars(&home, "polygon", "2024-01-02,aapl,9,9,9,9,10\n2024-01-02,msft,5,5,5,5,10\n");
    table(&home, TableFileKind::Actions, "date,symbol,kind,amount,ratio\n2024-01-02,aapl,dividend,1,\n");
    let known = || -> Vec<String> {
        let known = lock(home.house.market_store()).read().instruments(None).unwrap();
        known.iter().map(|known| known.id.to_string()).collect()
    };
    assert_eq!(known(), ["MSFT.XNYS", "aapl.XNYS"]);
    // The same company from another file: one does not become the other.
    bars(&home, "polygon", "2024-01-02,AAPL,100,100,100,100,10\n");
    assert_eq!(known(), ["AAPL.XNYS", "MSFT.XNYS", "aapl.XNYS"]);
    accepted(&home, "aapl", "2024-01-03,aapl,8,8,8,8,10");
    assert_eq!(
        (close_on(&home, old, "2024-01-03"), close_on(&home, aapl(), "2024-01-03")),
        (Some(8.0), None)
    );
    for (typed, meant) in [("aapl", old), ("aapl.xnys", old), ("AAPL", aapl()), ("Aapl", aapl())] {
        assert_eq!(home.house.instrument_named(typed).unwrap(), meant, "{typed}");
    }
}

#[test]
fn gaps_of_a_source_are_runs_of_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let all = rows(&[100, 101, 102, 103, 104, 105]);
    let kept: String = all
        .lines()
        .enumerate()
        .filter(|(n, _)| [0, 3, 5].contains(n))
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    bars(&home, "a", &kept);
    let gaps = home.house.gaps(&permit(&home), aapl(), "a").unwrap();
    let gaps: Vec<_> = gaps.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
    let run = |from: usize, to: usize| (DAYS[from].to_owned(), DAYS[to].to_owned());
    assert_eq!(gaps, [run(1, 2), run(4, 4)]);
    assert!(home.house.gaps(&permit(&home), aapl(), "b").unwrap().is_empty());
}

#[test]
fn a_day_whose_row_is_set_aside_is_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let good = rows(&[100, 101, 102, 103, 104, 105]);
    let broken = good.replace("2024-01-04,AAPL,102,102,102,102,10", "2024-01-04,AAPL,102,1,2,102,10");
    let lines: Vec<&str> = broken.lines().filter(|line| !line.starts_with("2024-01-08")).collect();
    bars(&home, "a", &format!("{}\n", lines.join("\n")));
    let gaps = home.house.export_gaps(&permit(&home)).unwrap();
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap.from.to_string(), gap.to.to_string())).collect();
    assert_eq!(gaps, [("2024-01-08".to_owned(), "2024-01-08".to_owned())]);
}

#[test]
fn actions_of_a_file_that_stored_prices_refute_are_set_aside_until_a_person_accepts_them() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    bars(&home, "a", &rows(&[100, 101, 102, 103, 104, 105]));
    let text = file(
        "date,symbol,kind,amount,ratio\n2024-01-04,AAPL,split,,1000:1\n2024-01-05,AAPL,dividend,500,\n\
         2024-01-06,AAPL,dividend,0.1,\n2024-01-08,AAPL,dividend,0.2,\n2024-01-09,MSFT,split,,2:1\n\
         2024-01-09,AAPL,dividend,60,\n",
    );
    let import = || {
        let kind = TableFileKind::Actions;
        home.house.import_table(&permit(&home), kind, text.path(), Exchange::Xnys).unwrap()
    };
    let report = import();
    let held: Vec<_> = report.quarantine.iter().map(|row| (row.line, row.reason.code())).collect();
    assert_eq!(
        held,
        [(2, "SPLIT_NOT_SEEN"), (3, "DIVIDEND_TOO_LARGE"), (4, "NOT_A_SESSION"), (7, "DIVIDEND_NOT_SEEN")]
    );
    assert_eq!((report.read, report.stored, report.quarantined, report.unjudged), (6, 2, 4, 1));
    let cases = home.house.quarantine_cases(&permit(&home), Some(QuarantineState::Open), 10).unwrap();
    let split = cases.iter().find(|case| case.row.reason.as_str() == "SPLIT_NOT_SEEN").unwrap();
    home.house.decide_quarantined(&permit(&home), split.id, Decision::Accept).unwrap();
    let known = lock(home.house.market_store()).read().actions_of(aapl()).unwrap();
    assert_eq!(known.len(), 2);
    assert_eq!(import().quarantined, 3, "what was accepted is known");
}

#[test]
fn a_file_is_judged_as_a_series_in_whatever_order_its_rows_are() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let days: Vec<String> = (2..=31)
        .filter(|day| {
            !["06", "07", "13", "14", "15", "20", "21", "27", "28"].contains(&format!("{day:02}").as_str())
        })
        .map(|day| format!("2024-01-{day:02}"))
        .collect();
    let mut rows = vec!["date,symbol,open,high,low,close,volume".to_owned()];
    for (at, day) in days.iter().enumerate() {
        for (symbol, price) in [("AAPL", 180.0), ("MSFT", 400.0)] {
            // One day of MSFT is in cents; the newest of AAPL is the one before once more.
            let wave = if symbol == "AAPL" && at + 1 == days.len() { at - 1 } else { at };
            let price = price + [0.0, 1.5, -0.7, 2.2, 0.4][wave % 5] + wave as f64 * 0.1;
            let unit = if symbol == "MSFT" && at == 8 { 100.0 } else { 1.0 };
            let [low, mid, high] = [price - 1.0, price, price + 1.0].map(|p| format!("{:.2}", p * unit));
            rows.push(format!("{day},{symbol},{mid},{high},{low},{mid},{}", 1_000_000 + wave * 10));
        }
    }
    let text = file(&(rows.join("\n") + "\n"));
    let wish = BarImport {
        files: vec![text.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some(CleanText::new("a")), basis: Some(Basis::Raw) },
    };
    let import = || home.house.import_bars(&permit(&home), &wish, |_| {}).unwrap();
    let report = import();
    assert_eq!((report.read, report.stored, report.quarantined, report.repaired), (42, 41, 1, 1));
    let held: Vec<_> = report.quarantine.iter().map(|row| (row.line, row.reason.code())).collect();
    assert_eq!(held, [(42, "STALE_REPEAT")]);
    let repairs = home.house.repairs(&permit(&home), None, 10).unwrap();
    assert_eq!((repairs.len(), repairs[0].rule.as_str()), (1, "unit_100x"));
    assert!(repairs[0].before.as_str().starts_with("2024-01-12,MSFT,40300,"), "{:?}", repairs[0]);
    let again = import();
    assert_eq!((again.stored, again.revised, again.unchanged), (0, 0, 41));
    let cases = || home.house.quarantine_cases(&permit(&home), None, 10).unwrap();
    assert_eq!(cases().len(), 1, "it is listed once");
    // What a person takes goes to the source it was imported for, whoever else has the symbol, and stays taken.
    bars(&home, "yahoo", "2024-01-02,AAPL,180,180,180,180,10\n");
    home.house.decide_quarantined(&permit(&home), cases()[0].id, Decision::Accept).unwrap();
    let last = import();
    assert_eq!((last.unchanged, last.quarantined, cases().len()), (42, 0, 1));
}

#[test]
fn refused_rows_of_tables_are_kept_and_the_same_file_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let import = |kind, text: &tempfile::NamedTempFile| {
        home.house.import_table(&permit(&home), kind, text.path(), Exchange::Xnys).unwrap()
    };
    let instruments = file("symbol,name,currency,sector\nAAPL,Apple,USD,Tech\nEU,Euro Inc,EUR,Tech\n");
    let universe = file("universe,symbol,from,to\nbig,AAPL,2020-01-01,\nbig,???,2020-01-01,\n");
    let news = file("time,symbol,headline,source\n2099-01-01T10:00:00Z,AAPL,Tomorrow,x\n");
    let figures = file("known_at,period_end,symbol,field,value\n2099-01-01,2020-12-31,AAPL,eps,1\n");
    let files = [
        (TableFileKind::Instruments, &instruments, 1, "OTHER_CURRENCY"),
        (TableFileKind::Universe, &universe, 1, "BAD_SYMBOL"),
        (TableFileKind::News, &news, 0, "FUTURE_DATE"),
        (TableFileKind::Fundamentals, &figures, 0, "FUTURE_DATE"),
    ];
    for (index, (kind, text, good, reason)) in files.into_iter().enumerate() {
        let first = import(kind, text);
        assert_eq!((first.stored, first.quarantined), (good, 1), "{kind:?}");
        let cases = home.house.quarantine_cases(&permit(&home), None, 10).unwrap();
        assert_eq!((cases.len(), cases[0].row.reason.as_str()), (index + 1, reason), "{kind:?}");
        assert!(cases[0].row.line > 1 && !cases[0].row.raw.is_empty(), "{:?}", cases[0].row);
        let again = import(kind, text);
        assert_eq!((again.stored, again.unchanged, again.quarantined), (0, good, 1), "{kind:?}");
        assert_eq!(home.house.quarantine_cases(&permit(&home), None, 10).unwrap().len(), index + 1);
    }
}

#[test]
fn a_sector_has_its_scheme_and_the_day_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    table(&home, TableFileKind::Instruments, "symbol,name,sector\nAAPL,Apple,Tech\n");
    let exported = || {
        let permit = home.login(Role::Trader).permit::<ViewMarket>().unwrap();
        home.house.export_instruments(&permit, None).unwrap()
    };
    let today = home.clock.now().to_datetime().date_naive();
    assert_eq!(
        (exported()[0].scheme.as_str(), exported()[0].from, exported()[0].told_on),
        ("", None, Some(today))
    );
    // The same sector told again, now with whose it is.
    table(&home, TableFileKind::Instruments, "symbol,name,sector,scheme\nAAPL,Apple,Tech,GICS 2023\n");
    assert_eq!((exported().len(), exported()[0].scheme.as_str()), (1, "GICS 2023"));
    let text = "symbol,sector,scheme,from\nAAPL,Hardware,GICS 2023,2024-03-01\n";
    table(&home, TableFileKind::Instruments, text);
    let sectors: Vec<_> =
        exported().iter().map(|row| (row.sector.clone(), row.from.map(|d| d.to_string()))).collect();
    let told = |sector: &str, from: &str| (sector.to_owned(), Some(from.to_owned()));
    assert_eq!(sectors, [told("Tech", "0001-01-01"), told("Hardware", "2024-03-01")]);
    // What is exported is read back as it was, also where newer prices are stored.
    bars(&home, "a", &rows(&[100, 101]));
    let before = exported();
    let line = |row: &ExportedInstrument| {
        let from = row.from.map(|from| from.to_string()).unwrap_or_default();
        format!("{},{},{},{},{from}\n", row.symbol, row.name, row.sector, row.scheme)
    };
    let text: String = before.iter().map(line).collect();
    table(&home, TableFileKind::Instruments, &format!("symbol,name,sector,scheme,from\n{text}"));
    assert_eq!(exported(), before);
}

#[test]
fn prices_of_a_day_without_trading_can_only_be_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    bars(&home, "a", "2024-01-05,AAPL,100,101,99,100,10\n2024-01-06,AAPL,100,101,99,100,11\n");
    let cases = home.house.quarantine_cases(&permit(&home), None, 10).unwrap();
    assert_eq!(cases[0].row.reason.as_str(), "NOT_A_SESSION");
    let decide = |decision| home.house.decide_quarantined(&permit(&home), cases[0].id, decision);
    for decision in [Decision::Accept, Decision::Refetch] {
        let said = decide(decision).unwrap_err().to_string();
        assert!(said.contains("2024-01-06 is no trading day of XNYS"), "{said}");
    }
    decide(Decision::Ignore).unwrap();
}
