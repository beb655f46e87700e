//! Instruments, corporate actions, fundamentals, headlines and universes from files.
//!
//! Each kind is a table of columns and a function from a row to a value; strictness and quarantine are those of bars. A
//! second row of the same key is a duplicate when all its fields are equal and quarantined when they are not.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use super::page::{OpenFile, Pages, Shown, Verdict};
use super::record::{At, Column, Fault, Record, optional, required};
use super::{ImportError, Source, parse_scaled, when};
use crate::domain::QuarantineReason as Reason;
use crate::domain::market::{
    ActionKind, CorporateAction, Delisting, Fundamental, Headline, Listing, Membership, Rename, SplitRatio,
    is_watchlist,
};
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId, Price, Quantity, Ratio};

/// Longest name of a figure, in bytes.
const FIELD_BYTES_MAX: usize = 64;

/// A kind of table: its columns, its key and how a row is read.
pub struct TableKind<T> {
    columns: &'static [Column],
    /// Columns that together name a row.
    key: &'static [usize],
    shown: Shown,
    parse: fn(&Record<'_>, Exchange) -> Result<T, Fault>,
}

/// `symbol,name,exchange,currency,sector,tick,lot,industry,from,scheme,shortable,borrowable,borrow_rate`; only `symbol` is
/// required.
/// `from` is the first day of sector and industry; a symbol may have several rows of different days. `shortable` is `yes`
/// (as when empty) or `no`; `borrowable` is how many shares can be borrowed, empty for as many as are wanted; `borrow_rate` is what they
/// cost a year as a share of their value, empty for what all cost.
pub const INSTRUMENTS: TableKind<Listing> = TableKind {
    columns: &[
        required("symbol"),
        optional("name"),
        optional("exchange"),
        optional("currency"),
        optional("sector"),
        optional("tick"),
        optional("lot"),
        optional("industry"),
        optional("from"),
        optional("scheme"),
        optional("shortable"),
        optional("borrowable"),
        optional("borrow_rate"),
    ],
    key: &[0, 2, 8],
    shown: Shown { symbol: 0, date: None, source: None },
    parse: parse_instrument,
};

/// `date,symbol,kind,amount,ratio`, optionally `pay_date`: `split` needs a ratio (`2:1`, `2/1` or `2`), `dividend` an
/// amount of money a share as it was paid.
pub const ACTIONS: TableKind<CorporateAction> = TableKind {
    columns: &[
        required("date"),
        required("symbol"),
        required("kind"),
        required("amount"),
        required("ratio"),
        optional("pay_date"),
    ],
    key: &[0, 1, 2],
    shown: Shown { symbol: 1, date: Some(0), source: None },
    parse: parse_action,
};

/// `known_at,period_end,symbol,field,value`.
pub const FUNDAMENTALS: TableKind<Fundamental> = TableKind {
    columns: &[
        required("known_at"),
        required("period_end"),
        required("symbol"),
        required("field"),
        required("value"),
    ],
    key: &[0, 1, 2, 3],
    shown: Shown { symbol: 2, date: Some(0), source: None },
    parse: parse_fundamental,
};

/// `time,symbol,headline,source`.
pub const NEWS: TableKind<Headline> = TableKind {
    columns: &[required("time"), required("symbol"), required("headline"), required("source")],
    key: &[0, 1, 2, 3],
    shown: Shown { symbol: 1, date: Some(0), source: None },
    parse: parse_headline,
};

/// `universe,symbol,from,to`; an empty `to` means still a member.
pub const UNIVERSE: TableKind<Membership> = TableKind {
    columns: &[required("universe"), required("symbol"), required("from"), required("to")],
    key: &[0, 1, 2],
    shown: Shown { symbol: 1, date: Some(2), source: None },
    parse: parse_membership,
};

/// `from,old,new`, optionally `exchange,name`: the first day of a new symbol. Where both symbols are equal only the name is
/// new.
pub const RENAMES: TableKind<Rename> = TableKind {
    columns: &[required("from"), required("old"), required("new"), optional("exchange"), optional("name")],
    key: &[0, 1, 3],
    shown: Shown { symbol: 1, date: Some(0), source: None },
    parse: parse_rename,
};

/// `date,symbol`, optionally `exchange,reason`: the day of removal from the list.
pub const DELISTINGS: TableKind<Delisting> = TableKind {
    columns: &[required("date"), required("symbol"), optional("exchange"), optional("reason")],
    key: &[0, 1, 2],
    shown: Shown { symbol: 1, date: Some(0), source: None },
    parse: parse_delisting,
};

/// A table file whose header is good.
pub struct TableFile<T> {
    file: OpenFile,
    kind: TableKind<T>,
}

impl<T: 'static> TableFile<T> {
    /// Opens a source and reads its header; an error means that nothing of it may be stored.
    pub fn open(source: Source, kind: TableKind<T>) -> Result<Self, ImportError> {
        Ok(Self { file: OpenFile::open(source, kind.columns, kind.shown)?, kind })
    }

    /// Opens a path (`-` is standard input) and reads its header.
    pub fn open_path(path: &Path, kind: TableKind<T>) -> Result<Self, ImportError> {
        Self::open(Source::open(path)?, kind)
    }

    /// Instruments that are spelled otherwise than symbols are read, and that its rows may name to the letter.
    #[must_use]
    pub fn among(mut self, odd: &Arc<BTreeSet<InstrumentId>>) -> Self {
        self.file.odd = Arc::clone(odd);
        self
    }

    /// Columns that will not be used.
    pub fn ignored_columns(&self) -> &[CleanText] {
        &self.file.header.ignored
    }

    /// The pages of the file; `exchange` is that of rows which name none. Keeps 16 bytes a row to tell duplicates.
    pub fn pages(self, exchange: Exchange) -> Pages<'static, T> {
        let TableKind { columns, key, parse, .. } = self.kind;
        let mut first_rows: HashMap<u64, u64> = HashMap::new();
        let judge = move |record: &Record<'_>| {
            let value = match parse(record, exchange) {
                Ok(value) => value,
                Err(fault) => return Verdict::Quarantine(fault),
            };
            let all = hash_of(record, 0..columns.len());
            match first_rows.insert(hash_of(record, key.iter().copied()), all) {
                None => Verdict::Good(value),
                Some(first) if first == all => Verdict::Duplicate,
                Some(first) => {
                    first_rows.insert(hash_of(record, key.iter().copied()), first);
                    Verdict::Quarantine(Reason::DuplicateKey.into())
                }
            }
        };
        Pages::new(self.file, Box::new(judge))
    }
}

fn hash_of(record: &Record<'_>, columns: impl Iterator<Item = usize>) -> u64 {
    let mut hasher = DefaultHasher::new();
    columns.for_each(|column| record.field(column).hash(&mut hasher));
    hasher.finish()
}

fn instrument(record: &Record<'_>, column: usize, exchange: Exchange) -> Result<InstrumentId, Fault> {
    Ok(InstrumentId::new(record.symbol(column, exchange)?, exchange))
}

fn day(record: &Record<'_>, column: usize) -> Result<chrono::NaiveDate, Fault> {
    when::parse_day(record.field(column)).ok_or(Reason::BadDate).at(column)
}

/// A text that must not be empty, at most 1,000 characters of it.
fn text(record: &Record<'_>, column: usize) -> Result<CleanText, Fault> {
    let field: String = record.field(column).chars().take(1_000).collect();
    let text = CleanText::new(&field);
    if text.is_empty() { Err(Fault::at(Reason::MissingField, column)) } else { Ok(text) }
}

/// A raw number at 1e-9 above zero.
fn positive(field: &str) -> Result<i64, Reason> {
    let raw = parse_scaled(field, 9).map_err(|fault| fault.reason(Reason::MissingField))?;
    if raw > 0 { Ok(raw) } else { Err(Reason::BadNumber) }
}

/// The exchange that a row names, or that of rows which name none.
fn exchange_at(record: &Record<'_>, column: usize, exchange: Exchange) -> Result<Exchange, Fault> {
    let field = record.field(column);
    if field.is_empty() {
        Ok(exchange)
    } else {
        field.parse().map_err(|_| Fault::at(Reason::BadField, column))
    }
}

fn parse_rename(record: &Record<'_>, exchange: Exchange) -> Result<Rename, Fault> {
    let exchange = exchange_at(record, 3, exchange)?;
    let (old, new) = (instrument(record, 1, exchange)?.symbol, instrument(record, 2, exchange)?.symbol);
    Ok(Rename { exchange, old, new, from: day(record, 0)?, name: text(record, 4).unwrap_or_default() })
}

fn parse_delisting(record: &Record<'_>, exchange: Exchange) -> Result<Delisting, Fault> {
    let instrument = instrument(record, 1, exchange_at(record, 2, exchange)?)?;
    Ok(Delisting { instrument, day: day(record, 0)?, reason: text(record, 3).unwrap_or_default() })
}

fn parse_instrument(record: &Record<'_>, exchange: Exchange) -> Result<Listing, Fault> {
    let given = |column: usize| Some(record.field(column)).filter(|field| !field.is_empty());
    let exchange = exchange_at(record, 2, exchange)?;
    let mut instrument = Instrument::with_defaults(instrument(record, 0, exchange)?);
    instrument.name = text(record, 1).unwrap_or_default();
    instrument.sector = text(record, 4).unwrap_or_default();
    if let Some(field) = given(3) {
        instrument.currency = field.parse().map_err(|_| Fault::at(Reason::BadField, 3))?;
        if instrument.currency != exchange.currency() {
            return Err(Fault::at(Reason::OtherCurrency, 3));
        }
    }
    if let Some(field) = given(5) {
        instrument.tick = positive(field).at(5).map(Price::from_raw)?;
    }
    if let Some(field) = given(6) {
        instrument.lot = positive(field).at(6).map(Quantity::from_raw)?;
    }
    if let Some(field) = given(10) {
        instrument.shortable = yes_or_no(field).at(10)?;
    }
    if let Some(field) = given(11) {
        let shares = parse_scaled(field, 9).map_err(|fault| fault.reason(Reason::MissingField)).at(11)?;
        let shares = Some(Quantity::from_raw(shares)).filter(|shares| !shares.is_negative());
        instrument.borrowable = Some(shares.ok_or(Reason::BadNumber).at(11)?);
    }
    if let Some(field) = given(12) {
        let rate = parse_scaled(field, 9).map_err(|fault| fault.reason(Reason::MissingField)).at(12)?;
        instrument.borrow_rate = Some(borrow_rate(Ratio::from_raw(rate)).at(12)?);
    }
    let industry = text(record, 7).unwrap_or_default();
    let from = given(8).map(|_| day(record, 8)).transpose()?;
    let tells_borrow = given(10).or(given(11)).or(given(12)).is_some();
    let scheme = text(record, 9).unwrap_or_default();
    Ok(Listing { instrument, industry, from, scheme, tells_borrow, gives_way: false, told_on: None })
}

/// A yearly rate from nothing to the largest that is believed.
fn borrow_rate(rate: Ratio) -> Result<Ratio, Reason> {
    match rate {
        _ if rate.is_negative() => Err(Reason::BadNumber),
        _ if rate > Instrument::BORROW_RATE_MAX => Err(Reason::OutOfRange),
        _ => Ok(rate),
    }
}

fn yes_or_no(field: &str) -> Result<bool, Reason> {
    let is = |words: [&str; 3]| words.iter().any(|word| field.eq_ignore_ascii_case(word));
    match (is(["yes", "true", "1"]), is(["no", "false", "0"])) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Reason::BadField),
    }
}

fn parse_action(record: &Record<'_>, exchange: Exchange) -> Result<CorporateAction, Fault> {
    let (date, instrument) = (day(record, 0)?, instrument(record, 1, exchange)?);
    let word = record.field(2);
    let kind = if word.eq_ignore_ascii_case("split") {
        ActionKind::Split(parse_ratio(record.field(4)).at(4)?)
    } else if word.eq_ignore_ascii_case("dividend") {
        let pay_date = if record.field(5).is_empty() { date } else { day(record, 5)? };
        if pay_date < date {
            return Err(Fault::at(Reason::BadDate, 5));
        }
        ActionKind::Dividend { amount: Price::from_raw(positive(record.field(3)).at(3)?), pay_date }
    } else if word.is_empty() {
        return Err(Fault::at(Reason::MissingField, 2));
    } else {
        return Err(Fault::at(Reason::BadField, 2));
    };
    Ok(CorporateAction { instrument, date, kind })
}

/// Most times that a split multiplies or divides shares; beyond it the ratio is a typing error.
const SPLIT_TIMES_MAX: i128 = 10_000;

/// `new:old`, `new/old`, or a plain number of new shares for one old.
fn parse_ratio(field: &str) -> Result<SplitRatio, Reason> {
    let (new, old) = field.split_once([':', '/']).unwrap_or((field, "1"));
    let ratio =
        SplitRatio { new: Quantity::from_raw(positive(new)?), old: Quantity::from_raw(positive(old)?) };
    let times = |a: Quantity, b: Quantity| i128::from(a.raw()) > i128::from(b.raw()) * SPLIT_TIMES_MAX;
    if times(ratio.new, ratio.old) || times(ratio.old, ratio.new) {
        return Err(Reason::OutOfRange);
    }
    Ok(ratio)
}

fn parse_fundamental(record: &Record<'_>, exchange: Exchange) -> Result<Fundamental, Fault> {
    let (known_at, period_end) = (day(record, 0)?, day(record, 1)?);
    if period_end > known_at {
        return Err(Fault::at(Reason::BadDate, 1));
    }
    let instrument = instrument(record, 2, exchange)?;
    let field = text(record, 3)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = field.as_str() == record.field(3)
        && field.as_str().len() <= FIELD_BYTES_MAX
        && field.as_str().chars().all(plain);
    if !is_name {
        return Err(Fault::at(Reason::BadName, 3));
    }
    let value: f64 = match record.field(4) {
        "" => return Err(Fault::at(Reason::MissingField, 4)),
        number => number.parse().map_err(|_| Fault::at(Reason::BadNumber, 4))?,
    };
    if !value.is_finite() {
        return Err(Fault::at(Reason::NotFinite, 4));
    }
    Ok(Fundamental { instrument, known_at, period_end, field, value })
}

fn parse_headline(record: &Record<'_>, exchange: Exchange) -> Result<Headline, Fault> {
    let time = when::parse_moment(record.field(0)).ok_or(Reason::BadDate).at(0)?;
    let instrument = instrument(record, 1, exchange)?;
    Ok(Headline { instrument, time, headline: text(record, 2)?, source: text(record, 3).unwrap_or_default() })
}

fn parse_membership(record: &Record<'_>, exchange: Exchange) -> Result<Membership, Fault> {
    let universe = text(record, 0)?;
    if is_watchlist(universe.as_str()) {
        return Err(Fault::at(Reason::ReservedName, 0));
    }
    let instrument = instrument(record, 1, exchange)?;
    let from = day(record, 2)?;
    let to = if record.field(3).is_empty() { None } else { Some(day(record, 3)?) };
    if to.is_some_and(|to| to < from) {
        return Err(Fault::at(Reason::BadDate, 3));
    }
    Ok(Membership { universe, instrument, from, to })
}
