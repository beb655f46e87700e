//! What vendors have beside prices: figures of companies, headlines, listings; and finding an instrument by name.
//!
//! Vendors are asked in the order of the settings until one answers. Figures keep the day on which they became known,
//! headlines the tone of our own lexicon, listings what the vendor says of name, sector and currency.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use crate::domain::market::{Delisting, Headline, Listing as Listed};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId};
use crate::market::fetch::{FetchError, Fetcher, Watch, Why};
use crate::market::vendors::{Ask, Listing, Page, Payload};
use crate::store::market::SyncNote;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit};
use super::{Control, SyncWish, turn};

/// How far back headlines are asked for, in days.
const NEWS_DAYS: i64 = 30;
/// Days on which the vendors of prices did not know a name that its exchange's directory does not name either, until it
/// counts as no longer listed.
const UNKNOWN_DAYS: u64 = 3;
/// Most finds of one search.
const FOUND_MAX: usize = 50;

/// What became of one thing that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BesideRow {
    /// Kind of data.
    pub kind: DataKind,
    /// Instrument, or exchange for listings.
    pub of: String,
    /// Who gave it; nobody when empty.
    pub vendor: Option<VendorId>,
    /// Rows that are new or changed.
    pub stored: u64,
    /// Rows that could not be taken.
    pub quarantined: u64,
    /// A stable code when nobody gave it.
    pub code: String,
    /// Why, in plain words.
    pub said: String,
}

/// An instrument that a vendor found by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundRow {
    /// Symbol in our spelling.
    pub symbol: crate::domain::Symbol,
    /// Exchange, when it is one of ours.
    pub exchange: Option<Exchange>,
    /// Name.
    pub name: CleanText,
    /// Currency, when it is one we know.
    pub currency: Option<crate::domain::Currency>,
    /// Who found it.
    pub vendor: VendorId,
}

impl House {
    /// Fetches one kind of data beside prices for the instruments of a wish, or for the exchanges they are on.
    pub fn sync_beside(
        &self,
        _: &Permit<ManageData>,
        kind: DataKind,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<Vec<BesideRow>, ServiceError> {
        let instruments = self.wished(wish)?;
        let asks: Vec<(String, Exchange, Ask)> = match kind {
            DataKind::Directory => self.exchanges_of(&instruments)?.into_iter().map(listings_of).collect(),
            DataKind::Fundamentals => instruments.iter().map(|id| figures_of(*id)).collect(),
            DataKind::News => instruments.iter().map(|id| self.news_of(*id)).collect(),
            other => return Err(ServiceError::Invalid(format!("{other} data is not fetched by itself"))),
        };
        let vendors = wish.vendor.map_or_else(|| self.vendor_order(kind), |vendor| vec![vendor]);
        let fetchers =
            vendors.into_iter().map(|v| self.fetcher(v, Arc::clone(&control.pace), control.limits));
        let mut fetchers: Vec<Fetcher> = fetchers.collect::<Result<_, _>>()?;
        fetchers.retain(|fetcher| !fetcher.lacks_key());
        let runtime = self.network()?;
        let rows = runtime.block_on(async {
            let mut left = Vec::new();
            let mut rows = Vec::with_capacity(asks.len());
            for (of, exchange, ask) in asks {
                if control.stop.is_set() {
                    break;
                }
                rows.push(
                    self.ask_in_turn((&fetchers, &mut left), kind, (of, exchange, ask), control).await?,
                );
            }
            Ok(rows)
        });
        runtime.shutdown_background();
        rows
    }

    /// Instruments that the vendors know by a name, best first, from the first vendor that answers.
    pub fn search_vendors(
        &self,
        _: &Permit<ManageData>,
        text: &CleanText,
        control: &Control<'_>,
    ) -> Result<Vec<FoundRow>, ServiceError> {
        let runtime = self.network()?;
        let found = runtime.block_on(async {
            let mut last = None;
            for vendor in self.vendor_order(DataKind::Search) {
                let fetcher = self.fetcher(vendor, Arc::clone(&control.pace), control.limits)?;
                let finds = Exchange::ALL.into_iter().any(|e| fetcher.vendor().has(DataKind::Search, e));
                if !finds || fetcher.lacks_key() {
                    continue;
                }
                let watch = Watch { stop: &control.stop, waiting: &|_| {} };
                match fetcher.page(Ask::Search(text.clone()), watch).await {
                    Ok(page) => return Ok(found_rows(vendor, page)),
                    Err(error) => last = Some(error),
                }
            }
            last.map_or(Ok(Vec::new()), |error| Err(ServiceError::Invalid(error.to_string())))
        });
        runtime.shutdown_background();
        found
    }

    fn exchanges_of(&self, instruments: &[InstrumentId]) -> Result<Vec<Exchange>, ServiceError> {
        let mut exchanges: Vec<Exchange> = instruments.iter().map(|id| id.exchange).collect();
        if exchanges.is_empty() {
            exchanges.push(self.main_exchange()?);
        }
        exchanges.sort();
        exchanges.dedup();
        Ok(exchanges)
    }

    fn news_of(&self, id: InstrumentId) -> (String, Exchange, Ask) {
        let since = self.clock().now().plus_millis(-NEWS_DAYS * 86_400_000);
        (id.to_string(), id.exchange, Ask::News { instruments: vec![id], since })
    }

    /// Asks one vendor after the other until one gives it. Who can give nothing more in this run is added to those left.
    async fn ask_in_turn(
        &self,
        (fetchers, left): (&[Fetcher], &mut Vec<FetchError>),
        kind: DataKind,
        (of, exchange, ask): (String, Exchange, Ask),
        control: &Control<'_>,
    ) -> Result<BesideRow, ServiceError> {
        let nobody = "no vendor that is switched on and has a key gives it";
        let (code, said) = (Why::HasNoSuchData.code().to_owned(), nobody.to_owned());
        let mut row = BesideRow { kind, of, vendor: None, stored: 0, quarantined: 0, code, said };
        let fail = |row: &mut BesideRow, error: &FetchError| {
            (row.code, row.said) = (error.why.code().to_owned(), error.to_string());
        };
        for fetcher in fetchers.iter().filter(|fetcher| fetcher.vendor().has(kind, exchange)) {
            if let Some(error) = left.iter().find(|error| error.vendor == fetcher.id()) {
                fail(&mut row, error);
                continue;
            }
            let Some(_turn) = turn::take(self, fetcher.id(), &control.stop).await? else { break };
            match self.take_pages(fetcher, ask.clone(), exchange, control, &mut row).await? {
                Ok(()) => {
                    row.vendor = Some(fetcher.id());
                    (row.code, row.said) = (String::new(), String::new());
                    return Ok(row);
                }
                Err(error) => {
                    fail(&mut row, &error);
                    if error.why.is_vendor_wide() {
                        left.push(error);
                    }
                }
            }
        }
        Ok(row)
    }

    /// Stores page by page; the outer error is ours, the inner one the vendor's.
    async fn take_pages(
        &self,
        fetcher: &Fetcher,
        ask: Ask,
        exchange: Exchange,
        control: &Control<'_>,
        row: &mut BesideRow,
    ) -> Result<Result<(), FetchError>, ServiceError> {
        let watch = Watch { stop: &control.stop, waiting: &|_| {} };
        let mut pages = match fetcher.pages(ask) {
            Ok(pages) => pages,
            Err(error) => return Ok(Err(error)),
        };
        let mut seen = Seen::default();
        loop {
            match pages.next(watch).await {
                Ok(None) => {
                    row.stored += self.store_gone(exchange, &seen)?;
                    return Ok(Ok(()));
                }
                Ok(Some(page)) => {
                    row.quarantined += page.rejected.len() as u64;
                    self.keep_quarantine("sync", &CleanText::new(fetcher.id().as_str()), &page.rejected)?;
                    row.stored += self.store_beside(page.payload, exchange, &mut seen)?;
                }
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn store_beside(
        &self,
        payload: Payload,
        exchange: Exchange,
        seen: &mut Seen,
    ) -> Result<u64, ServiceError> {
        match payload {
            Payload::Facts(figures) => Ok(lock(self.market_store()).store_fundamentals(&figures)?),
            Payload::News(news) => {
                let headlines: Vec<Headline> = news.into_iter().map(|scored| scored.headline).collect();
                self.store_headlines(&headlines)
            }
            Payload::Listings(listings) => self.store_directory(&listings, exchange, seen),
            Payload::Series(_)
            | Payload::Minutes(_)
            | Payload::Quotes(_)
            | Payload::Actions(_)
            | Payload::Session(_) => Ok(0),
        }
    }
}

impl House {
    /// Stores what is listed; what no longer is waits until all is seen, as a symbol may be another company's by now.
    fn store_directory(
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
        let mut listed = Vec::new();
        for listing in listings.iter().filter(|listing| listing.exchange == Some(exchange)) {
            let id = InstrumentId::new(listing.symbol, exchange);
            if listing.active {
                seen.active.insert(id);
                listed.push(told(listing, known(id).unwrap_or(Instrument::with_defaults(id))));
            } else if let Some(day) = listing.delisted {
                let last = seen.gone.entry(id).or_insert(day);
                *last = day.max(*last);
            }
        }
        market.store_listings(&listed)?;
        Ok(listed.len() as u64)
    }

    /// Stores since when instruments are no longer listed, and that those listed now are listed again.
    fn store_gone(&self, exchange: Exchange, seen: &Seen) -> Result<u64, ServiceError> {
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
    /// Instruments that a directory does not name any more and that no vendor of prices has known for days. A missing
    /// answer alone is no proof, nor is the directory: it names companies, not funds and indices.
    fn dropped(&self, exchange: Exchange, seen: &Seen) -> Result<Vec<Delisting>, ServiceError> {
        if seen.active.is_empty() {
            return Ok(Vec::new());
        }
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
struct Seen {
    /// The instruments of the exchange as they stood before the directory, once read.
    known: Option<BTreeMap<InstrumentId, Instrument>>,
    /// Listed now.
    active: BTreeSet<InstrumentId>,
    /// No longer listed under a symbol, and the last day.
    gone: BTreeMap<InstrumentId, NaiveDate>,
}

fn listings_of(exchange: Exchange) -> (String, Exchange, Ask) {
    (exchange.code().to_owned(), exchange, Ask::Directory { exchange, on: None })
}

fn figures_of(id: InstrumentId) -> (String, Exchange, Ask) {
    (id.to_string(), id.exchange, Ask::Fundamentals(id))
}

/// What is known of an instrument with what a vendor tells of it: name, sector and currency, nothing else.
fn told(listing: &Listing, known: Instrument) -> Listed {
    let name = if listing.name.is_empty() { known.name } else { listing.name.clone() };
    let currency = listing.currency.unwrap_or(known.currency);
    Listed::of(Instrument { name, sector: listing.sector.clone(), currency, ..known })
}

fn found_rows(vendor: VendorId, page: Option<Page>) -> Vec<FoundRow> {
    let Some(Payload::Listings(listings)) = page.map(|page| page.payload) else { return Vec::new() };
    let row = |l: Listing| {
        let Listing { symbol, exchange, name, currency, .. } = l;
        FoundRow { symbol, exchange, name, currency, vendor }
    };
    listings.into_iter().take(FOUND_MAX).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Quantity;

    #[test]
    fn a_directory_leaves_what_was_set_and_does_not_take_a_reused_symbol_for_gone() {
        let home = tempfile::tempdir().unwrap();
        let open = crate::service::tests::Home::open(home.path());
        let house = &open.house;
        let of = |symbol: &str, gone: Option<&str>| Listing {
            symbol: symbol.parse().unwrap(),
            exchange: Some(Exchange::Xnys),
            name: CleanText::new("New Name"),
            sector: CleanText::default(),
            currency: None,
            listed: None,
            delisted: gone.map(|day| day.parse().unwrap()),
            active: gone.is_none(),
        };
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
