//! Sectors and industries by day, and revisions of what panels are made of.

use super::super::MarketStore;
use super::super::market::{BarRun, GroupChange};
use super::{at, bar, date, id};
use crate::domain::market::{Basis, Listing};
use crate::domain::{CleanText, Exchange, Instrument};

fn listing(sector: &str, industry: &str, from: Option<&str>) -> Listing {
    let mut instrument = Instrument::with_defaults(id("A.XNYS"));
    instrument.sector = sector.into();
    Listing {
        instrument,
        industry: industry.into(),
        from: from.map(date),
        scheme: "GICS 2018".into(),
        tells_borrow: false,
        gives_way: false,
        told_on: None,
    }
}

/// (first day, sector, industry) of each entry.
fn history(store: &MarketStore) -> Vec<(String, String, String)> {
    let all = store.read().group_history(Exchange::Xnys).unwrap();
    let entry = |g: GroupChange| (g.from.to_string(), g.sector.to_string(), g.industry.to_string());
    all.into_iter().map(entry).collect()
}

fn entry(from: &str, sector: &str, industry: &str) -> (String, String, String) {
    (from.into(), sector.into(), industry.into())
}

#[test]
fn the_first_sector_holds_since_ever_and_a_later_one_from_the_newest_session_on() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    store.store_listings(&[listing("Metals", "", None)]).unwrap();
    assert_eq!(history(&store), [entry("0001-01-01", "Metals", "")]);
    // Nothing is stored yet that the old sector could have been known for.
    store.store_listings(&[listing("Mining", "Gold", None)]).unwrap();
    assert_eq!(history(&store), [entry("0001-01-01", "Mining", "Gold")]);
    let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, at(0));
    store.store_bars(&mut run, &[bar("A.XNYS", "2024-03-04", "1", 1)]).unwrap();
    store.store_listings(&[listing("Mining", "", None), listing("", "", None)]).unwrap();
    assert_eq!(history(&store).len(), 1, "an empty cell says nothing");
    store.store_listings(&[listing("Energy", "", None)]).unwrap();
    let now = [entry("0001-01-01", "Mining", "Gold"), entry("2024-03-04", "Energy", "")];
    assert_eq!(history(&store), now);
    assert_eq!(store.read().instrument(id("A.XNYS")).unwrap().unwrap().sector.as_str(), "Energy");
}

#[test]
fn a_sector_told_with_its_day_holds_from_that_day_on() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let rows = [
        listing("Energy", "Oil", Some("2024-05-01")),
        listing("Metals", "Iron", Some("2020-01-01")),
        listing("Energy", "Gas", Some("2024-05-01")),
    ];
    store.store_listings(&rows).unwrap();
    assert_eq!(
        history(&store),
        [entry("2020-01-01", "Metals", "Iron"), entry("2024-05-01", "Energy", "Gas")]
    );
    let now = store.read().instrument(id("A.XNYS")).unwrap().unwrap();
    assert_eq!(now.sector.as_str(), "Energy", "the newest entry is today's");
}

#[test]
fn a_directory_changes_nothing_that_is_known_in_another_scheme() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    store.store_listings(&[listing("Metals", "Iron", None)]).unwrap();
    let directory = |scheme: &str| Listing {
        scheme: scheme.into(),
        gives_way: true,
        ..listing("Mining & Metals", "", None)
    };
    assert_eq!(store.store_listings(&[directory("SIC 1987")]).unwrap(), 0);
    assert_eq!(history(&store), [entry("0001-01-01", "Metals", "Iron")]);
    store.store_listings(&[directory("GICS 2018")]).unwrap();
    assert_eq!(history(&store), [entry("0001-01-01", "Mining & Metals", "")]);
    // A file is a person's word, whatever its scheme.
    store.store_listings(&[Listing { scheme: "SIC 1987".into(), ..listing("Ores", "", None) }]).unwrap();
    assert_eq!(history(&store), [entry("0001-01-01", "Ores", "")]);
}

#[test]
fn every_change_is_a_new_revision_and_nothing_new_is_none() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let start = store.read().revisions().unwrap();
    store.store_listings(&[listing("Metals", "", None)]).unwrap();
    let grouped = store.read().revisions().unwrap();
    assert_eq!(grouped.prices, start.prices);
    assert_ne!(grouped.facts, start.facts);
    store.store_listings(&[listing("Metals", "", None)]).unwrap();
    assert_eq!(store.read().revisions().unwrap(), grouped);
    let page = [bar("A.XNYS", "2024-03-04", "1", 1)];
    let mut put = || {
        let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, at(0));
        store.store_bars(&mut run, &page).unwrap();
        store.read().revisions().unwrap()
    };
    let priced = put();
    assert_eq!((priced.facts, priced.prices.number), (grouped.facts, start.prices.number + 1));
    assert_eq!(put(), priced);
}

#[test]
fn what_can_be_borrowed_is_kept_until_a_row_tells_it_anew() {
    let home = tempfile::tempdir().unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let told = |shortable, borrowable: Option<&str>, rate: Option<&str>| {
        let plain = listing("", "", None);
        let borrowable = borrowable.map(|text| text.parse().unwrap());
        let borrow_rate = rate.map(|text| text.parse().unwrap());
        Listing {
            instrument: Instrument { shortable, borrowable, borrow_rate, ..plain.instrument.clone() },
            tells_borrow: true,
            ..plain
        }
    };
    let mut known = |row: Listing| {
        store.store_listings(&[row]).unwrap();
        let known = store.read().instrument(id("A.XNYS")).unwrap().unwrap();
        let text = |told: Option<String>| told.unwrap_or_default();
        let shares = text(known.borrowable.map(|shares| shares.to_string()));
        (known.shortable, shares, text(known.borrow_rate.map(|rate| rate.to_string())))
    };
    let all = |shortable, shares: &str, rate: &str| (shortable, shares.to_owned(), rate.to_owned());
    assert_eq!(known(listing("", "", None)), all(true, "", ""));
    assert_eq!(known(told(false, Some("500"), Some("0.25"))), all(false, "500", "0.25"));
    assert_eq!(known(listing("Metals", "", None)), all(false, "500", "0.25"));
    assert_eq!(known(told(true, None, Some("1.5"))), all(true, "", "1.5"));
    assert_eq!(known(told(true, None, None)), all(true, "", ""));
}
