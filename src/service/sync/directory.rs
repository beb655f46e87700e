//! What an exchange's directory tells: what is listed, and what no longer is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::domain::market::{Delisting, Listing as Listed};
use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId};
use crate::market::fetch::Why;
use crate::market::vendors::Listing;
use crate::store::market::SyncNote;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;

/// Days on which the vendors of prices did not know a name that its exchange's directory does not name either, until it
/// counts as no longer listed.
const UNKNOWN_DAYS: u64 = 3;

impl House {
    /// Stores what is listed; what no longer is waits until all is seen, as a symbol may be another company's by now.
    pub(super) fn store_directory(
        &self,
        listings: &[Listing],
        exchange: Exchange,
        seen: &mut Seen,
    ) -> Result<u64, ServiceError> {
        let mut market = lock(self.market_store());
        if seen.known.is_none() {
            let known = market.read().instruments(Some(exchange))?;
            seen.known = Some(known.into_iter().map(|i| (i.id, i)).collect());
        }
        let known = |id| seen.known.as_ref().and_then(|known| known.get(&id)).cloned();
        let today = self.clock().now().to_datetime().date_naive();
        let mut listed = Vec::new();
        for listing in listings.iter().filter(|listing| listing.exchange == Some(exchange)) {
            let id = InstrumentId::new(listing.symbol, exchange);
            if listing.active {
                seen.active.insert(id);
                listed.push(told(listing, known(id).unwrap_or(Instrument::with_defaults(id)), today));
            } else if let Some(day) = listing.delisted {
                let last = seen.gone.entry(id).or_insert(day);
                *last = day.max(*last);
            }
        }
        market.store_listings(&listed)?;
        Ok(listed.len() as u64)
    }

    /// Stores since when instruments are no longer listed, and that those listed now are listed again.
    pub(super) fn store_gone(&self, exchange: Exchange, seen: &Seen) -> Result<u64, ServiceError> {
        let gone = seen.gone.iter().filter(|(id, _)| !seen.active.contains(id));
        let gone =
            gone.map(|(id, day)| Delisting { instrument: *id, day: *day, reason: CleanText::default() });
        let mut gone: Vec<Delisting> = gone.collect();
        gone.extend(self.dropped(exchange, seen)?);
        if gone.is_empty() && seen.active.is_empty() {
            return Ok(0);
        }
        let active: Vec<InstrumentId> = seen.active.iter().copied().collect();
        let today = self.clock().now().to_datetime().date_naive();
        let mut market = lock(self.market_store());
        Ok(market.relist(&active, today)? + market.store_delistings(&gone)?)
    }
}

impl House {
    /// Instruments that a directory does not name any more and that their vendor of prices has not known for days. A missing
    /// answer alone is no proof, nor is the directory: it names companies, not funds and indices; nor is a vendor that
    /// never had it, as long as another gave its newest prices.
    fn dropped(&self, exchange: Exchange, seen: &Seen) -> Result<Vec<Delisting>, ServiceError> {
        if seen.active.is_empty() {
            return Ok(Vec::new());
        }
        let keepers = self.keepers(DataKind::Daily)?;
        let market = lock(self.market_store());
        let known: BTreeSet<InstrumentId> =
            market.read().delistings(exchange)?.into_iter().map(|d| d.instrument).collect();
        let named =
            |id: &InstrumentId| seen.active.contains(id) || seen.gone.contains_key(id) || known.contains(id);
        let notes = market.read().sync_notes()?.into_iter().filter(|note| {
            note.instrument.exchange == exchange
                && note.kind == DataKind::Daily
                && note.code.as_str() == Why::NotFound.code()
                && note.failures >= UNKNOWN_DAYS
                && !named(&note.instrument)
                && keepers.get(&note.instrument).is_none_or(|own| own.as_str() == note.source.as_str())
        });
        let calendar = self.calendars().of(exchange);
        let reason = CleanText::new("neither its exchange's directory nor a vendor of prices knows it");
        let of = |note: SyncNote| Delisting {
            instrument: note.instrument,
            day: calendar.date_at(note.at),
            reason: reason.clone(),
        };
        let by_name: BTreeMap<InstrumentId, Delisting> =
            notes.map(|note| (note.instrument, of(note))).collect();
        Ok(by_name.into_values().collect())
    }
}

/// What a directory has told so far, page by page.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The instruments of the exchange as they stood before the directory, once read.
    known: Option<BTreeMap<InstrumentId, Instrument>>,
    /// Listed now.
    active: BTreeSet<InstrumentId>,
    /// No longer listed under a symbol, and the last day.
    gone: BTreeMap<InstrumentId, NaiveDate>,
}

/// What is known of an instrument with what a vendor tells of it: name, sector and currency, nothing else.
fn told(listing: &Listing, known: Instrument, today: NaiveDate) -> Listed {
    let name = if listing.name.is_empty() { known.name } else { listing.name.clone() };
    let currency = listing.currency.unwrap_or(known.currency);
    let instrument = Instrument { name, sector: listing.sector.clone(), currency, ..known };
    Listed { scheme: listing.scheme.clone(), told_on: Some(today), ..Listed::of(instrument) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vendor::VendorId;
    use crate::domain::{Quantity, UnixNanos};
    use crate::store::market::Covered;

    fn of(symbol: &str, gone: Option<&str>) -> Listing {
        Listing {
            symbol: symbol.parse().unwrap(),
            exchange: Some(Exchange::Xnys),
            name: CleanText::new("New Name"),
            sector: CleanText::default(),
            scheme: CleanText::default(),
            currency: None,
            listed: None,
            delisted: gone.map(|day| day.parse().unwrap()),
            active: gone.is_none(),
        }
    }

    #[test]
    fn a_vendor_that_never_had_a_name_does_not_end_it() {
        let home = tempfile::tempdir().unwrap();
        let open = crate::service::tests::Home::open(home.path());
        let house = &open.house;
        let instrument: InstrumentId = "^GSPC.XNYS".parse().unwrap();
        let at = |date: &str| format!("{date}T21:00:00Z").parse::<UnixNanos>().unwrap();
        let [from, to] = ["2024-01-02", "2024-06-28"].map(|day| day.parse().unwrap());
        let (source, kind) = (CleanText::new("yahoo"), DataKind::Daily);
        let covered = Covered { instrument, source, kind, from, to, at: at("2024-06-28") };
        lock(house.market_store()).store_coverage(&[covered]).unwrap();
        let gone_after = |vendor: VendorId| {
            for date in ["2024-07-01", "2024-07-02", "2024-07-03"] {
                let error = crate::market::fetch::FetchError { vendor, why: Why::NotFound };
                house.note_failure(instrument, DataKind::Daily, at(date), &error).unwrap();
            }
            let mut seen = Seen::default();
            house.store_directory(&[of("AAA", None)], Exchange::Xnys, &mut seen).unwrap();
            house.store_gone(Exchange::Xnys, &seen).unwrap();
            lock(house.market_store()).read().delistings(Exchange::Xnys).unwrap().len()
        };
        assert_eq!(gone_after(VendorId::Polygon), 0, "its prices come from another");
        assert_eq!(gone_after(VendorId::Yahoo), 1);
    }

    #[test]
    fn a_directory_leaves_what_was_set_and_does_not_take_a_reused_symbol_for_gone() {
        let home = tempfile::tempdir().unwrap();
        let open = crate::service::tests::Home::open(home.path());
        let house = &open.house;
        let plain = Instrument::with_defaults("AAA.XNYS".parse().unwrap());
        let mine =
            Instrument { lot: Quantity::from_whole(100).unwrap(), shortable: !plain.shortable, ..plain };
        lock(house.market_store()).store_instruments(std::slice::from_ref(&mine)).unwrap();
        let mut seen = Seen::default();
        let put = |seen: &mut Seen, page: &[Listing]| {
            house.store_directory(page, Exchange::Xnys, seen).unwrap();
            house.store_gone(Exchange::Xnys, seen).unwrap();
            let gone = lock(house.market_store()).read().delistings(Exchange::Xnys).unwrap();
            gone.iter().map(|d| d.instrument.to_string()).collect::<Vec<_>>()
        };
        let page = [of("AAA", None), of("AAA", Some("2001-05-01")), of("BBB", Some("2002-05-01"))];
        assert_eq!(put(&mut seen, &page), ["BBB.XNYS"]);
        let stored = lock(house.market_store()).read().instrument(mine.id).unwrap().unwrap();
        assert_eq!(stored, Instrument { name: CleanText::new("New Name"), ..mine });
        assert!(put(&mut Seen::default(), &[of("BBB", None)]).is_empty(), "it is listed again");
    }
}
