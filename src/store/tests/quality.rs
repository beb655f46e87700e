//! Repairs, disagreements, decisions about quarantined rows, renames and delistings.

use crate::domain::market::{Basis, DailyBar, Delisting, Rename};
use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, Exchange, InstrumentId, Price, UnixNanos, Volume};
use crate::store::market::{
    BarRun, Covered, Disagreement, MarketStore, QuarantineState, Quarantined, StoredRepair,
};
use chrono::NaiveDate;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(nanos: i64) -> UnixNanos {
    UnixNanos::from_nanos(nanos)
}

fn id(text: &str) -> InstrumentId {
    text.parse().unwrap()
}

fn bar(instrument: &str, day: &str, close: i64) -> DailyBar {
    let close = Price::from_whole(close).unwrap();
    DailyBar {
        instrument: id(instrument),
        session: date(day),
        open: close,
        high: close,
        low: close,
        close,
        volume: Volume::from_whole(5).unwrap(),
        vwap: None,
    }
}

fn put(store: &mut MarketStore, bars: &[DailyBar]) {
    let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, at(1));
    store.store_bars(&mut run, bars).unwrap();
}

fn sessions(store: &MarketStore, instrument: &str) -> Vec<String> {
    let found = store.read().sessions_of(id(instrument), "file").unwrap();
    found.iter().map(ToString::to_string).collect()
}

fn rename(old: &str, new: &str, from: &str) -> Rename {
    let symbol = |text: &str| text.parse().unwrap();
    let (old, new, from) = (symbol(old), symbol(new), date(from));
    Rename { exchange: Exchange::Xasx, old, new, from, name: CleanText::new("New Name") }
}

#[test]
fn repairs_and_disagreements_are_kept_once() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let repair = StoredRepair {
        instrument: id("ABC.XNYS"),
        source: "yahoo".into(),
        session: date("2024-01-03"),
        rule: "unit_100x".into(),
        before: "a".into(),
        after: "b".into(),
        at: at(7),
    };
    store.store_repairs(&[repair.clone(), repair.clone()]).unwrap();
    store.store_repairs(std::slice::from_ref(&repair)).unwrap();
    assert_eq!(store.read().repairs(None, 10).unwrap(), std::slice::from_ref(&repair));
    assert_eq!(store.read().repairs(Some(id("ABC.XNYS")), 10).unwrap(), [repair]);
    assert!(store.read().repairs(Some(id("X.XNYS")), 10).unwrap().is_empty());
    let one = Disagreement {
        instrument: id("ABC.XNYS"),
        session: date("2024-01-03"),
        field: "close".into(),
        sources: ["polygon".into(), "yahoo".into()],
        values: [10.0, 10.5],
        at: at(8),
    };
    let span = (date("2024-01-01"), date("2024-01-31"));
    for found in [vec![one.clone()], vec![one.clone()], vec![]] {
        store.replace_disagreements(one.instrument, ["polygon", "yahoo"], span, &found).unwrap();
        assert_eq!(store.read().disagreements(10).unwrap(), (found.clone(), found.len() as u64));
    }
}

#[test]
fn a_decision_is_kept_and_a_refetched_row_closes_when_its_price_is_there() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let row = |day: &str| Quarantined {
        job: "sync".into(),
        file: "file".into(),
        line: 1,
        symbol: "ABC".into(),
        date: day.into(),
        reason: "UNIT_100X".into(),
        field: "".into(),
        raw: "x".into(),
    };
    store.store_quarantine(&[row("2024-01-02"), row("2024-01-03")], at(3)).unwrap();
    let cases = store.read().quarantine_cases(Some(QuarantineState::Open), 10).unwrap();
    assert_eq!(cases.len(), 2);
    assert!(store.decide_quarantine(cases[0].id, QuarantineState::Ignored, None, at(4)).unwrap());
    let again = Some((id("ABC.XNYS"), "file", date("2024-01-02")));
    assert!(store.decide_quarantine(cases[1].id, QuarantineState::Refetch, again, at(5)).unwrap());
    assert!(!store.decide_quarantine(99, QuarantineState::Ignored, None, at(5)).unwrap());
    assert_eq!(store.settle_refetched().unwrap(), 0);
    put(&mut store, &[bar("ABC.XNYS", "2024-01-02", 10)]);
    assert_eq!(store.settle_refetched().unwrap(), 1);
    let states: Vec<_> = store
        .read()
        .quarantine_cases(None, 10)
        .unwrap()
        .into_iter()
        .map(|c| (c.state, c.decided_at))
        .collect();
    assert_eq!(states, [(QuarantineState::Ignored, Some(at(4))), (QuarantineState::Accepted, Some(at(5)))]);
}

#[test]
fn the_history_of_a_renamed_instrument_is_read_under_its_new_symbol() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let days = ["2018-05-24", "2018-05-25", "2018-05-28", "2018-05-29"];
    put(&mut store, &[bar("MQA.XASX", days[0], 6), bar("MQA.XASX", days[1], 6)]);
    put(&mut store, &[bar("ALX.XASX", days[2], 6), bar("ALX.XASX", days[3], 6)]);
    let revision = store.read().revisions().unwrap();
    let outcome = store.store_renames(&[rename("MQA", "ALX", days[2])]).unwrap();
    assert_eq!((outcome.new, outcome.moved, outcome.taken), (1, 2, 0));
    assert_ne!(store.read().revisions().unwrap(), revision);
    assert_eq!(sessions(&store, "ALX.XASX"), days);
    assert!(sessions(&store, "MQA.XASX").is_empty());
    let gone = store.read().delistings(Exchange::Xasx).unwrap();
    assert_eq!((gone[0].instrument, gone[0].reason.as_str()), (id("MQA.XASX"), "renamed to ALX"));
    assert_eq!(store.read().instrument(id("ALX.XASX")).unwrap().unwrap().name.as_str(), "New Name");
    // Older rows that come later under the old symbol follow; later ones are somebody else's.
    put(&mut store, &[bar("MQA.XASX", "2018-05-23", 6), bar("MQA.XASX", "2019-02-01", 1)]);
    assert_eq!(store.follow_renames(Exchange::Xasx).unwrap().moved, 1);
    assert_eq!(sessions(&store, "ALX.XASX").len(), 5);
    assert_eq!(sessions(&store, "MQA.XASX"), ["2019-02-01"]);
    assert_eq!(store.store_renames(&[rename("MQA", "ALX", days[2])]).unwrap().new, 0);
}

#[test]
fn a_symbol_that_was_anothers_does_not_take_a_history_over() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    put(&mut store, &[bar("LAW.XASX", "2017-05-24", 6)]);
    put(&mut store, &[bar("JKL.XASX", "2018-05-24", 1)]);
    let outcome = store.store_renames(&[rename("JKL", "LAW", "2018-12-31")]).unwrap();
    assert_eq!((outcome.moved, outcome.taken), (0, 1));
    assert_eq!(sessions(&store, "JKL.XASX").len(), 1);
}

#[test]
fn a_delisting_is_kept_once() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let gone = Delisting { instrument: id("SRX.XASX"), day: date("2018-09-24"), reason: "taken over".into() };
    assert_eq!(store.store_delistings(std::slice::from_ref(&gone)).unwrap(), 1);
    assert_eq!(store.store_delistings(std::slice::from_ref(&gone)).unwrap(), 0);
    assert_eq!(store.read().delistings(Exchange::Xasx).unwrap(), [gone]);
}

#[test]
fn a_rename_leaves_the_old_symbol_what_was_answered_for_from_its_day_on() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    put(&mut store, &[bar("MQA.XASX", "2018-05-24", 6), bar("MQA.XASX", "2018-06-01", 1)]);
    let covered = Covered {
        instrument: id("MQA.XASX"),
        source: "yahoo".into(),
        kind: DataKind::Daily,
        from: date("2018-05-01"),
        to: date("2018-12-31"),
        at: UnixNanos::ZERO,
    };
    store.store_coverage(&[covered]).unwrap();
    store.store_renames(&[rename("MQA", "ALX", "2018-05-28")]).unwrap();
    let spans = store.read().coverage("yahoo", DataKind::Daily).unwrap();
    let span = |of: &str| spans[&id(of)].iter().map(|s| format!("{}..{}", s.from, s.to)).collect::<Vec<_>>();
    assert_eq!(span("ALX.XASX"), ["2018-05-01..2018-05-27"]);
    assert_eq!(span("MQA.XASX"), ["2018-05-28..2018-12-31"]);
}

#[test]
fn what_is_listed_on_a_later_day_is_no_longer_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let gone = Delisting { instrument: id("SRX.XASX"), day: date("2018-09-24"), reason: "taken over".into() };
    store.store_delistings(std::slice::from_ref(&gone)).unwrap();
    assert_eq!(store.relist(&[gone.instrument], gone.day).unwrap(), 0, "its last day");
    assert_eq!(store.relist(&[gone.instrument], date("2018-09-25")).unwrap(), 1);
    assert!(store.read().delistings(Exchange::Xasx).unwrap().is_empty());
}
