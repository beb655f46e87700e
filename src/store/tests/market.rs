//! Market data: what becomes of rows, preferred sources, streaming, facts known by a day.

use std::ops::ControlFlow;

use super::super::market::{BarRun, JobProgress, Quarantined, RowFlags, RowOutcome, StoredHeadline};
use super::super::{MarketReader, MarketStore, StoreError};
use super::{at, bar, date, id, price};
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, Fundamental, Headline};
use crate::domain::signal::{Confidence, Signal};
use crate::domain::{CleanText, Exchange};

const PLAIN: RowFlags = RowFlags { zero_volume: false, jump: false };

fn run(source: &str, basis: Basis) -> BarRun {
    BarRun::new(CleanText::new(source), basis, at(1_000))
}

fn store() -> (tempfile::TempDir, MarketStore) {
    let home = tempfile::tempdir().unwrap();
    let store = MarketStore::open(home.path()).unwrap();
    (home, store)
}

fn outcomes(store: &mut MarketStore, run: &mut BarRun, page: &[DailyBar]) -> Vec<RowOutcome> {
    store.store_bars(run, page).unwrap().rows
}

#[test]
fn every_row_is_stored_revised_unchanged_duplicate_or_in_conflict() {
    use RowOutcome::{Conflict, Duplicate, Revised, Stored, Unchanged};
    let (_home, mut store) = store();
    let (first, second) =
        (bar("AAPL.XNYS", "2024-01-02", "100", 10), bar("AAPL.XNYS", "2024-01-03", "101", 10));
    let other = bar("AAPL.XNYS", "2024-01-03", "102", 10);
    let mut one = run("file", Basis::Raw);
    let page = [first, second, second, other];
    assert_eq!(outcomes(&mut store, &mut one, &page), [Stored(PLAIN), Stored(PLAIN), Duplicate, Conflict]);
    assert_eq!(outcomes(&mut store, &mut one, &[first]), [Duplicate], "over pages of one run too");
    let mut two = run("file", Basis::Raw);
    let earlier = bar("AAPL.XNYS", "2023-12-29", "99", 10);
    let page = [first, other, earlier, first];
    assert_eq!(outcomes(&mut store, &mut two, &page), [Unchanged, Revised(PLAIN), Stored(PLAIN), Duplicate]);
    let series = store.read().bars(id("AAPL.XNYS"), None, date("2023-01-01"), date("2025-01-01")).unwrap();
    assert_eq!(series.unwrap().bars, [earlier, first, other]);
}

#[test]
fn odd_rows_are_stored_and_flagged_against_the_row_before_them() {
    let (_home, mut store) = store();
    let page = [
        bar("A.XNYS", "2024-01-02", "100", 0),
        bar("A.XNYS", "2024-01-03", "140", 1),
        bar("A.XNYS", "2024-01-04", "196.01", 1),
        bar("A.XNYS", "2024-01-05", "117.6", 1),
        bar("B.XNYS", "2024-01-05", "1", 1),
    ];
    let outcome = store.store_bars(&mut run("file", Basis::Raw), &page).unwrap();
    let jump = RowFlags { zero_volume: false, jump: true };
    let zero = RowFlags { zero_volume: true, jump: false };
    let expected = [zero, PLAIN, jump, jump, PLAIN].map(RowOutcome::Stored);
    assert_eq!(outcome.rows, expected);
    assert_eq!((outcome.stored, outcome.flagged, outcome.created), (5, 3, 2));
}

#[test]
fn a_source_has_one_basis_and_a_refused_page_leaves_nothing() {
    let (_home, mut store) = store();
    store.store_bars(&mut run("file", Basis::Raw), &[bar("A.XNYS", "2024-01-02", "100", 1)]).unwrap();
    let mut split = run("file", Basis::Split);
    let page = [bar("NEW.XNYS", "2024-01-02", "5", 1), bar("A.XNYS", "2024-01-03", "50", 1)];
    let error = store.store_bars(&mut split, &page).unwrap_err();
    assert!(matches!(error, StoreError::BasisConflict { given: Basis::Split, .. }), "{error}");
    assert_eq!(store.read().instrument(id("NEW.XNYS")).unwrap(), None);
    let mut later = run("file", Basis::Raw);
    let again = store.store_bars(&mut later, &page).unwrap();
    assert_eq!(again.stored, 2, "the series cache forgot the refused page");
}

#[test]
fn another_writer_is_noticed() {
    let (home, mut store) = store();
    let mut other = MarketStore::open(home.path()).unwrap();
    let mut one = run("file", Basis::Raw);
    store.store_bars(&mut one, &[bar("A.XNYS", "2024-01-02", "100", 1)]).unwrap();
    let row = bar("A.XNYS", "2024-01-03", "101", 1);
    other.store_bars(&mut run("file", Basis::Raw), &[row]).unwrap();
    assert_eq!(outcomes(&mut store, &mut one, &[row]), [RowOutcome::Unchanged]);
}

#[test]
fn the_source_with_the_newest_bar_is_preferred_and_ties_go_by_name() {
    let (home, mut store) = store();
    let days = |d: &str| bar("A.XNYS", d, "100", 1);
    store.store_bars(&mut run("zeta", Basis::Raw), &[days("2024-01-02")]).unwrap();
    store.store_bars(&mut run("beta", Basis::Split), &[days("2024-01-02")]).unwrap();
    let reader = MarketReader::open(home.path()).unwrap();
    let read =
        |source| reader.bars(id("A.XNYS"), source, date("2024-01-01"), date("2024-02-01")).unwrap().unwrap();
    assert_eq!(read(None).source.as_str(), "beta");
    store.store_bars(&mut run("zeta", Basis::Raw), &[days("2024-01-03")]).unwrap();
    assert_eq!((read(None).source.as_str(), read(None).bars.len()), ("zeta", 2));
    assert_eq!(read(Some("beta")).basis, Basis::Split);
    assert_eq!(reader.sources(Some(id("A.XNYS"))).unwrap()[1].last, Some(date("2024-01-03")));
}

#[test]
fn sessions_stream_in_order_with_instruments_in_order() {
    let (_home, mut store) = store();
    let page = [
        bar("B.XNYS", "2024-01-02", "1", 1),
        bar("A.XNYS", "2024-01-02", "2", 1),
        bar("B.XNYS", "2024-03-28", "3", 1),
        bar("C.XASX", "2024-01-02", "4", 1),
        bar("A.XNYS", "2024-06-03", "5", 1),
    ];
    store.store_bars(&mut run("file", Basis::Raw), &page).unwrap();
    let mut seen = Vec::new();
    let walk = |session: chrono::NaiveDate, bars: &[DailyBar]| {
        seen.push((session, bars.iter().map(|b| b.close).collect::<Vec<_>>()));
        if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.read().daily_bars_between(Exchange::Xnys, date("2024-01-01"), date("2030-01-01"), walk).unwrap();
    let first = (date("2024-01-02"), vec![price("2"), price("1")]);
    assert_eq!(seen, [first, (date("2024-03-28"), vec![price("3")])]);
    let read = store.read();
    assert_eq!(read.next_session(Exchange::Xnys, date("2024-03-28")).unwrap(), Some(date("2024-06-03")));
    assert_eq!(read.last_session(Exchange::Xasx).unwrap(), Some(date("2024-01-02")));
    let closes = read.last_closes(Exchange::Xnys, date("2024-05-01")).unwrap();
    assert_eq!(closes[0], (id("A.XNYS"), date("2024-01-02"), price("2")));
}

#[test]
fn figures_and_members_are_those_of_the_day() {
    let (_home, mut store) = store();
    let figure = |known: &str, value| Fundamental {
        instrument: id("A.XNYS"),
        known_at: date(known),
        period_end: date("2023-12-31"),
        field: CleanText::new("eps"),
        value,
    };
    store.store_fundamentals(&[figure("2024-02-10", 1.0), figure("2024-03-10", 2.0)]).unwrap();
    let known = store.read().fundamentals_known_by(Exchange::Xnys, date("2024-03-09")).unwrap();
    assert_eq!(known, [figure("2024-02-10", 1.0)]);
    let members = [
        (id("A.XNYS"), date("2024-01-01"), Some(date("2024-01-31"))),
        (id("B.XNYS"), date("2024-01-15"), None),
    ];
    store.store_universe("core", &members).unwrap();
    assert_eq!(store.read().universe_spans("core").unwrap(), members);
    assert_eq!(store.read().universe_spans("other").unwrap(), []);
    let abroad = (id("A.XASX"), date("2024-01-01"), None);
    store.store_universe("core", &[abroad]).unwrap();
    let left = (id("B.XNYS"), date("2024-02-01"), None);
    store.replace_universe("core", Exchange::Xnys, &[left]).unwrap();
    assert_eq!(store.read().universe_spans("core").unwrap(), [abroad, left]);
}

#[test]
fn actions_and_news_are_stored_once() {
    let (_home, mut store) = store();
    let kind = ActionKind::Dividend { amount: price("0.24"), pay_date: date("2024-02-20") };
    let action = CorporateAction { instrument: id("A.XNYS"), date: date("2024-02-10"), kind };
    assert_eq!(store.store_actions(std::slice::from_ref(&action)).unwrap(), 1);
    assert_eq!(store.store_actions(std::slice::from_ref(&action)).unwrap(), 0);
    let read = store.read().actions_between(Exchange::Xnys, date("2024-01-01"), date("2024-12-31")).unwrap();
    assert_eq!(read, [action]);
    let headline = Headline {
        instrument: id("A.XNYS"),
        time: at(50),
        headline: CleanText::new("Profit rises"),
        source: CleanText::new("wire"),
    };
    let news = [StoredHeadline { headline, tone: Some(0.5), told: None }];
    assert_eq!((store.store_news(&news).unwrap(), store.store_news(&news).unwrap()), (1, 0));
    assert_eq!(store.read().news_between(at(50), at(51), 10).unwrap(), news);
    let told = [StoredHeadline { told: Some(("polygon".into(), -1.0)), ..news[0].clone() }];
    assert_eq!((store.store_news(&told).unwrap(), store.store_news(&told).unwrap()), (1, 0));
    assert_eq!(store.store_news(&news).unwrap(), 0, "who tells no tone takes none away");
    assert_eq!(store.read().news_between(at(50), at(51), 10).unwrap(), told);
}

#[test]
fn a_new_run_of_a_model_replaces_the_session_as_a_whole() {
    let (_home, mut store) = store();
    let signal = |symbol: &str, rank, score| Signal {
        model: CleanText::new("families"),
        instrument: id(symbol),
        session: date("2024-01-03"),
        time: at(9),
        score,
        rank,
        of: 2,
        confidence: Some(Confidence { share: 0.6, outcomes: 80 }),
        contributions: vec![("momentum".to_owned(), Some(0.4)), ("value".to_owned(), None)],
    };
    store.store_signals(&[signal("A.XNYS", 1, 0.9), signal("B.XNYS", 2, 0.1)]).unwrap();
    store.store_signals(&[signal("B.XNYS", 1, 0.7)]).unwrap();
    let read = store.read();
    let session = read.signal_session(None, Exchange::Xnys, date("2024-06-01")).unwrap().unwrap();
    assert_eq!(read.signals(Some("families"), Exchange::Xnys, session).unwrap(), [signal("B.XNYS", 1, 0.7)]);
    assert_eq!(read.signals_history(date("2024-01-04"), None).unwrap(), []);
}

#[test]
fn instruments_are_found_by_symbol_first() {
    let (_home, mut store) = store();
    let mut named = crate::domain::Instrument::with_defaults(id("XYZ.XNYS"));
    named.name = CleanText::new("Abc Holdings");
    let plain = crate::domain::Instrument::with_defaults(id("ABCD.XNYS"));
    store.store_instruments(&[named.clone(), plain.clone()]).unwrap();
    assert_eq!(store.read().find_instruments("abc", 5).unwrap(), [plain, named]);
}

#[test]
fn jobs_and_quarantine_are_remembered() {
    let (_home, mut store) = store();
    let progress = JobProgress { done: 5_000, finished: false, changed_at: at(3) };
    store.record_job("sha", progress).unwrap();
    assert_eq!(store.read().job("sha").unwrap(), Some(progress));
    let text = CleanText::new;
    let row = Quarantined {
        job: text("sha"),
        file: text("a.csv"),
        line: 7,
        symbol: text("A"),
        date: text("2024-01-06"),
        reason: text("NOT_A_SESSION"),
        field: text("date"),
        raw: text("2024-01-06,A,1"),
    };
    store.store_quarantine(std::slice::from_ref(&row), at(4)).unwrap();
    assert_eq!(store.read().quarantine(10).unwrap(), [row]);
}
#[test]
fn outcomes_stand_in_the_order_of_the_page() {
    let (_home, mut store) = store();
    let b = bar("B.XNYS", "2024-01-02", "1", 0);
    let page = [b, bar("A.XNYS", "2024-01-02", "1", 1), b, bar("A.XNYS", "2024-01-03", "2", 1)];
    let zero = RowOutcome::Stored(RowFlags { zero_volume: true, jump: false });
    let jump = RowOutcome::Stored(RowFlags { zero_volume: false, jump: true });
    let mut one = run("file", Basis::Raw);
    assert_eq!(
        outcomes(&mut store, &mut one, &page),
        [zero, RowOutcome::Stored(PLAIN), RowOutcome::Duplicate, jump]
    );
}
