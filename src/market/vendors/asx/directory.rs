//! The list of everything that is listed: `ASX code,Company name,GICs industry group,Listing date,Market Cap`.
//!
//! Columns are found by name whatever their capitals and order; a title and a blank line may stand above them (the
//! older list). The market capitalisation may be a word or nothing and is not used. "Not Applic" is no sector.

use chrono::NaiveDate;

use super::super::{Listing, Page, Payload, Reply};
use crate::domain::id::Currency;
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, Exchange, QuarantineReason, Quarantined};

/// Whose sectors they are: industry groups of GICS, in the words of the exchange.
const SCHEME: &str = "GICS industry group";

/// Most lines in front of the column names.
const TITLE_LINES_MAX: usize = 5;
/// Most rows of one list, an order more than there are companies.
const ROWS_MAX: usize = 50_000;

/// Where the columns are.
struct Columns {
    code: usize,
    name: usize,
    sector: usize,
    listed: Option<usize>,
}

fn columns(record: &csv::StringRecord) -> Option<Columns> {
    let names: Vec<String> =
        record.iter().map(|n| n.trim_start_matches('\u{feff}').to_ascii_lowercase()).collect();
    let place = |wanted: &str| names.iter().position(|name| name.trim() == wanted);
    Some(Columns {
        code: place("asx code")?,
        name: place("company name")?,
        sector: place("gics industry group")?,
        listed: place("listing date"),
    })
}

fn listing(record: &csv::StringRecord, at: &Columns) -> Option<Listing> {
    let field = |place: usize| record.get(place).unwrap_or("").trim();
    let sector =
        Some(field(at.sector)).filter(|sector| !sector.to_ascii_lowercase().starts_with("not applic"));
    let listed = at.listed.map_or("", field);
    let forms = ["%Y-%m-%d", "%d/%m/%Y"];
    Some(Listing {
        symbol: field(at.code).parse().ok()?,
        exchange: Some(Exchange::Xasx),
        name: CleanText::new(field(at.name)),
        sector: CleanText::new(sector.unwrap_or("")),
        scheme: CleanText::new(if sector.is_some_and(|sector| !sector.is_empty()) { SCHEME } else { "" }),
        currency: "AUD".parse::<Currency>().ok(),
        listed: forms.iter().find_map(|form| NaiveDate::parse_from_str(listed, form).ok()),
        delisted: None,
        active: true,
    })
}

/// Reads the list.
pub(super) fn read(text: &str) -> Reply {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = rows.records();
    let header = rows.by_ref().take(TITLE_LINES_MAX).flatten().find_map(|record| columns(&record));
    let Some(at) = header else {
        return Reply::Malformed("asx: the list of companies has other columns than it had".into());
    };
    let (mut listings, mut rejected) = (Vec::new(), Vec::new());
    for row in rows.take(ROWS_MAX) {
        let Ok(row) = row else {
            return Reply::Malformed("asx: the list of companies is broken".into());
        };
        match listing(&row, &at) {
            Some(listing) => listings.push(listing),
            None => rejected.push(Quarantined {
                file: VendorId::Asx.as_str().into(),
                line: row.position().map_or(0, csv::Position::line),
                symbol: row.get(at.code).unwrap_or("").chars().take(40).collect::<String>().into(),
                raw: row.iter().collect::<Vec<_>>().join(",").chars().take(300).collect::<String>().into(),
                ..Quarantined::because(QuarantineReason::BadSymbol)
            }),
        }
    }
    if listings.is_empty() {
        return Reply::Malformed("asx: the list of companies has no rows".into());
    }
    Reply::Data(Box::new(Page { payload: Payload::Listings(listings), rejected, next: None }))
}
