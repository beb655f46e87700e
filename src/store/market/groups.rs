//! Which sector and industry an instrument belonged to, as it was known on each day.
//!
//! What is told with a day holds from that day on. What is told without one holds since ever when nothing was known
//! of the instrument, else from the newest stored session of its exchange on: the past keeps what was known then. What a
//! directory tells in one scheme changes nothing that is known in another.

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{clean, date, date_opt, day};
use super::super::error::StoreError;
use super::instruments::{id_at, instrument_at, number_of, upsert};
use super::prices::newest_session_of;
use super::revision::{What, bump};
use super::{MarketReader, MarketStore};
use crate::domain::market::Listing;
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId};

/// The day that stands for "always": 0001-01-01, in days since 1970-01-01.
const ALWAYS: i32 = -719_162;

/// What an instrument belonged to from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    /// Instrument.
    pub instrument: InstrumentId,
    /// First day.
    pub from: NaiveDate,
    /// Sector; empty when unknown.
    pub sector: CleanText,
    /// Industry; empty when unknown.
    pub industry: CleanText,
    /// In whose scheme they are named; empty when not told.
    pub scheme: CleanText,
    /// On which day they were told last; `None` when that was not noted.
    pub told_on: Option<NaiveDate>,
}

impl GroupChange {
    /// The first day; `None` where nobody said since when.
    pub fn since(&self) -> Option<NaiveDate> {
        Some(self.from).filter(|from| day(*from) > ALWAYS)
    }
}

/// Whether two schemes are told and differ.
fn is_other(told: &str, known: &str) -> bool {
    !told.is_empty() && !known.is_empty() && told != known
}

/// Notes the groups of an instrument; whether that changed anything.
fn note(conn: &Connection, number: i64, listing: &Listing) -> rusqlite::Result<bool> {
    let (sector, industry) = (listing.instrument.sector.as_str(), listing.industry.as_str());
    if sector.is_empty() && industry.is_empty() {
        return Ok(false);
    }
    let sql = "SELECT from_day, sector, industry, scheme FROM group_history WHERE instrument = ?1 \
               ORDER BY from_day DESC LIMIT 1";
    let known: Option<(i32, String, String, String)> = conn
        .prepare_cached(sql)?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let (from, sector, industry) = match (listing.from, known) {
        (Some(from), _) => (day(from), sector.to_owned(), industry.to_owned()),
        (None, None) => (ALWAYS, sector.to_owned(), industry.to_owned()),
        (None, Some((.., scheme))) if listing.gives_way && is_other(listing.scheme.as_str(), &scheme) => {
            return Ok(false);
        }
        (None, Some((since, known_sector, known_industry, _))) => {
            // An empty cell says nothing; another sector makes the old industry doubtful.
            let same_sector = sector.is_empty() || sector == known_sector;
            let industry =
                if industry.is_empty() && same_sector { &known_industry } else { industry }.to_owned();
            let sector = if sector.is_empty() { &known_sector } else { sector }.to_owned();
            if (&sector, &industry) == (&known_sector, &known_industry) {
                return confirm(conn, number, since, listing);
            }
            let newest = newest_session_of(conn, listing.instrument.id.exchange, i32::MAX)?.map(day);
            (newest.filter(|newest| *newest > since).unwrap_or(since), sector, industry)
        }
    };
    let sql = "INSERT INTO group_history (instrument, from_day, sector, industry, scheme) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT DO UPDATE SET sector = excluded.sector, industry = excluded.industry, \
               scheme = excluded.scheme WHERE (sector, industry, scheme) IS NOT \
               (excluded.sector, excluded.industry, excluded.scheme)";
    let row = params![number, from, sector, industry, listing.scheme.as_str()];
    let changed = conn.prepare_cached(sql)?.execute(row)? > 0;
    confirm(conn, number, from, listing)?;
    let sql = "UPDATE instruments SET sector = (SELECT sector FROM group_history WHERE instrument = ?1 \
               ORDER BY from_day DESC LIMIT 1) WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([number])?;
    Ok(changed)
}

/// Notes the day on which groups were told, and their scheme where it was not known. Whether the scheme is new.
fn confirm(conn: &Connection, number: i64, from: i32, listing: &Listing) -> rusqlite::Result<bool> {
    let sql = "UPDATE group_history SET told_on = max(ifnull(told_on, ?3), ?3) WHERE instrument = ?1 AND from_day = ?2 \
               AND ?3 IS NOT NULL AND told_on IS NOT ?3";
    conn.prepare_cached(sql)?.execute(params![number, from, listing.told_on.map(day)])?;
    let sql = "UPDATE group_history SET scheme = ?3 WHERE instrument = ?1 AND from_day = ?2 AND scheme = '' \
               AND ?3 <> ''";
    Ok(conn.prepare_cached(sql)?.execute(params![number, from, listing.scheme.as_str()])? > 0)
}

impl MarketReader {
    /// What the instruments of an exchange belonged to, by instrument and day.
    pub fn group_history(&self, exchange: Exchange) -> Result<Vec<GroupChange>, StoreError> {
        self.db.read("read sectors", |c| {
            let sql = "SELECT i.symbol, i.exchange, g.from_day, g.sector, g.industry, g.scheme, g.told_on FROM group_history g \
                       JOIN instruments i ON i.id = g.instrument WHERE i.exchange = ?1 \
                       ORDER BY i.symbol, g.from_day";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([exchange.code()], |row| {
                Ok(GroupChange {
                    instrument: id_at(row, 0)?,
                    from: date(row, 2)?,
                    sector: clean(row, 3)?,
                    industry: clean(row, 4)?,
                    scheme: clean(row, 5)?,
                    told_on: date_opt(row, 6)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Adds instruments or replaces what is known of them, in one transaction; an empty sector says nothing.
    pub fn store_instruments(&mut self, instruments: &[Instrument]) -> Result<(), StoreError> {
        let listing = |i: &Instrument| Listing::of(i.clone());
        self.store_listings(&instruments.iter().map(listing).collect::<Vec<_>>()).map(drop)
    }

    /// Like [`MarketStore::store_instruments`], with industries and the days from which groups hold.
    /// Returns how many of them say something new.
    pub fn store_listings(&mut self, listings: &[Listing]) -> Result<u64, StoreError> {
        self.db().write("store instruments", |tx| {
            let (mut new, mut regrouped) = (0, false);
            for listing in listings {
                let told = &listing.instrument;
                let mut is_new = match instrument_at(tx, told.id)?.filter(|_| !listing.tells_borrow) {
                    Some(Instrument { shortable, borrowable, borrow_rate, .. }) => {
                        upsert(tx, &Instrument { shortable, borrowable, borrow_rate, ..told.clone() })?
                    }
                    None => upsert(tx, told)?,
                };
                if let Some(number) = number_of(tx, listing.instrument.id)? {
                    let moved = note(tx, number, listing)?;
                    (is_new, regrouped) = (is_new | moved, regrouped | moved);
                }
                new += u64::from(is_new);
            }
            if regrouped {
                bump(tx, What::Facts)?;
            }
            Ok::<_, rusqlite::Error>(new)
        })
    }
}
