//! Splits, dividends and what is listed.
//!
//! A split of 1 to 20 is twenty new shares for one old. Every kind of cash dividend counts, special ones and capital
//! gains too; one in another currency than the share's is refused. What is listed includes what no longer is, with its
//! last day.

use chrono::NaiveDate;

use super::super::json::Json;
use super::super::{Call, Listing, Page, Payload, Reply, one_dividend_a_day};
use crate::domain::id::Currency;
use crate::domain::import::QUARANTINED_RAW_MAX;
use crate::domain::market::{ActionKind, CorporateAction, SplitRatio};
use crate::domain::vendor::VendorId;
use crate::domain::{
    CleanText, Exchange, InstrumentId, Price, Quantity, QuarantineReason, Quarantined, Symbol,
};
use crate::market::import::parse_scaled;

/// Whose sectors they are: Standard Industrial Classification of the United States, in its words.
const SCHEME: &str = "SIC description";

/// Market codes of the United States' exchanges: one consolidated market to us.
const UNITED_STATES: [&str; 12] =
    ["XNYS", "XNAS", "XASE", "ARCX", "BATS", "XBOS", "XPHL", "XCHI", "IEXG", "XCIS", "LTSE", "MEMX"];

type Span = (NaiveDate, NaiveDate);

fn rows<'a>(body: &'a Json<'a>) -> &'a [Json<'a>] {
    body.get("results").map_or(&[], Json::items)
}

fn refused(line: u64, symbol: &str, date: &str, reason: QuarantineReason, raw: &str) -> Quarantined {
    let short = |text: &str, max: usize| CleanText::from(text.chars().take(max).collect::<String>());
    Quarantined {
        file: VendorId::Polygon.as_str().into(),
        line,
        symbol: short(symbol, 40),
        date: short(date, 40),
        raw: short(raw, QUARANTINED_RAW_MAX),
        ..Quarantined::because(reason)
    }
}

/// The actions of an answer, of one instrument or of all; `read` gives the kind of a row.
fn actions(
    only: Option<InstrumentId>,
    (from, to): Span,
    body: &Json<'_>,
    next: Option<Call>,
    date_name: &str,
    read: impl Fn(&Json<'_>, NaiveDate) -> Result<ActionKind, QuarantineReason>,
) -> Reply {
    let (mut actions, mut rejected) = (Vec::new(), Vec::new());
    for (line, row) in (1..).zip(rows(body)) {
        let ticker = row.text_at("ticker").parse::<Symbol>();
        let named = ticker.map(|symbol| InstrumentId::new(symbol, Exchange::Xnys));
        // Of a whole market's, what we could not name is nothing of ours.
        let Some(instrument) = named.ok().filter(|id| only.is_none_or(|only| only == *id)) else { continue };
        let date = row.text_at(date_name).parse::<NaiveDate>().map_err(|_| QuarantineReason::BadDate);
        if date.is_ok_and(|date| date < from || to < date) {
            continue;
        }
        match date.and_then(|date| read(row, date).map(|kind| CorporateAction { instrument, date, kind })) {
            Ok(action) => actions.push(action),
            Err(reason) => {
                let raw = format!("{row:?}");
                rejected.push(refused(line, row.text_at("ticker"), row.text_at(date_name), reason, &raw));
            }
        }
    }
    let actions = one_dividend_a_day(actions);
    if actions.is_empty() && rejected.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::Actions(actions), rejected, next }))
}

fn quantity(row: &Json<'_>, name: &str) -> Result<Quantity, QuarantineReason> {
    let raw = parse_scaled(row.number_at(name), 9);
    let raw = raw.map_err(|fault| fault.reason(QuarantineReason::MissingField))?;
    Some(Quantity::from_raw(raw)).filter(|q| q.is_positive()).ok_or(QuarantineReason::BadNumber)
}

/// Splits of one instrument, or of all.
pub(super) fn splits(only: Option<InstrumentId>, span: Span, body: &Json<'_>, next: Option<Call>) -> Reply {
    actions(only, span, body, next, "execution_date", |row, _| {
        let ratio = SplitRatio { new: quantity(row, "split_to")?, old: quantity(row, "split_from")? };
        if ratio.new == ratio.old { Err(QuarantineReason::BadNumber) } else { Ok(ActionKind::Split(ratio)) }
    })
}

/// Cash dividends of one instrument, or of all.
pub(super) fn dividends(
    only: Option<InstrumentId>,
    span: Span,
    body: &Json<'_>,
    next: Option<Call>,
) -> Reply {
    actions(only, span, body, next, "ex_dividend_date", |row, date| {
        let currency = row.text_at("currency");
        if !currency.is_empty() && !currency.eq_ignore_ascii_case(Exchange::Xnys.currency().as_str()) {
            return Err(QuarantineReason::BadField);
        }
        let raw = parse_scaled(row.number_at("cash_amount"), 9);
        let amount =
            raw.map(Price::from_raw).map_err(|fault| fault.reason(QuarantineReason::MissingField))?;
        if !amount.is_positive() {
            return Err(QuarantineReason::BadNumber);
        }
        let pay_date = row.text_at("pay_date").parse().unwrap_or(date);
        Ok(ActionKind::Dividend { amount, pay_date })
    })
}

/// The day of a date or time as the vendor writes it.
fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

fn listing(row: &Json<'_>) -> Option<Listing> {
    let symbol = row.text_at("ticker").parse().ok()?;
    let exchange = UNITED_STATES.contains(&row.text_at("primary_exchange")).then_some(Exchange::Xnys);
    let currency = row.text_at("currency_name").to_ascii_uppercase();
    let currency: Option<Currency> = currency.parse().ok();
    let sector = CleanText::new(row.text_at("sic_description"));
    Some(Listing {
        symbol,
        exchange,
        name: CleanText::new(row.text_at("name")),
        scheme: CleanText::new(if sector.is_empty() { "" } else { SCHEME }),
        sector,
        currency,
        listed: day(row.text_at("list_date")),
        delisted: day(row.text_at("delisted_utc")),
        active: row.get("active") != Some(&Json::Bool(false)),
    })
}

/// Instruments, found or listed; `results` is one of them or a list.
pub(super) fn listings(body: &Json<'_>, next: Option<Call>) -> Reply {
    let found = body.get("results");
    let all: &[Json<'_>] = match found {
        Some(one @ Json::Map(_)) => std::slice::from_ref(one),
        Some(several) => several.items(),
        None => &[],
    };
    let (mut listings, mut rejected) = (Vec::with_capacity(all.len()), Vec::new());
    for (line, row) in (1..).zip(all) {
        match listing(row) {
            Some(listing) => listings.push(listing),
            None => {
                let name = row.text_at("name");
                rejected.push(refused(line, row.text_at("ticker"), "", QuarantineReason::BadSymbol, name));
            }
        }
    }
    if all.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::Listings(listings), rejected, next }))
}
