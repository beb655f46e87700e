//! Daily bars from a file: `date,symbol,open,high,low,close,volume`, optionally `vwap,factor,change,source,basis`.
//!
//! `vwap` is kept; `factor` and `change` must be numbers when they are given and are not kept, since they follow from
//! prices and corporate actions.
//!
//! The form of end-of-day files, one a session and without a header, is taken too: `code,YYYYMMDD,open,high,low,close,
//! volume`. It is known by its first line, all seven fields of which must be what they should be.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::page::{OpenFile, Pages, Shown, Verdict};
use super::record::{At, Bare, Column, Fault, Record, optional, required};
use super::tally::{Seen, Tally, check_prices, to_blame};
use super::terms::{Book, FileBar, Wanted, Wrong};
use super::{ImportError, Source, parse_scaled, when};
use crate::domain::calendar::Calendar;
use crate::domain::market::DailyBar;
use crate::domain::{
    CleanText, Exchange, ImportReport, InstrumentId, Price, QuarantineReason, Symbol, Volume,
};

const COLUMNS: [Column; 12] = [
    required("date"),
    required("symbol"),
    required("open"),
    required("high"),
    required("low"),
    required("close"),
    required("volume"),
    optional("vwap"),
    optional("factor"),
    optional("change"),
    optional("source"),
    optional("basis"),
];
// Positions in COLUMNS.
const DATE: usize = 0;
const SYMBOL: usize = 1;
const OPEN: usize = 2;
const HIGH: usize = 3;
const LOW: usize = 4;
const CLOSE: usize = 5;
const VOLUME: usize = 6;
const VWAP: usize = 7;
const FACTOR: usize = 8;
const CHANGE: usize = 9;
pub(super) const SOURCE: usize = 10;
pub(super) const BASIS: usize = 11;

/// End-of-day files: seven fields, no header.
const END_OF_DAY: Bare = Bare {
    is_row: is_end_of_day,
    places: &[Some(1), Some(0), Some(2), Some(3), Some(4), Some(5), Some(6), None, None, None, None, None],
};

/// Whether a line can only be a row of an end-of-day file.
fn is_end_of_day(line: &str) -> bool {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [code, date, figures @ ..] = fields.as_slice() else { return false };
    figures.len() == 5
        && code.parse::<Symbol>().is_ok()
        && when::parse_compact_day(date).is_some()
        && figures.iter().all(|figure| parse_scaled(figure, 9).is_ok())
}

/// A file of daily bars whose header is good.
pub struct BarFile(OpenFile);

impl BarFile {
    /// Opens a source and reads its header; an error means that nothing of it may be stored.
    pub fn open(source: Source) -> Result<Self, ImportError> {
        let shown = Shown { symbol: SYMBOL, date: Some(DATE), source: Some(SOURCE) };
        OpenFile::open_either(source, &COLUMNS, Some(&END_OF_DAY), shown).map(Self)
    }

    /// Opens a path (`-` is standard input) and reads its header.
    pub fn open_path(path: &Path) -> Result<Self, ImportError> {
        Self::open(Source::open(path)?)
    }

    /// Instruments that are spelled otherwise than symbols are read, and that its rows may name to the letter.
    #[must_use]
    pub fn among(mut self, odd: &Arc<BTreeSet<InstrumentId>>) -> Self {
        self.0.odd = Arc::clone(odd);
        self
    }

    /// File as named by the user.
    pub const fn name(&self) -> &CleanText {
        &self.0.name
    }

    /// Columns that will not be used.
    pub fn ignored_columns(&self) -> &[CleanText] {
        &self.0.header.ignored
    }

    /// Whether its rows say whose they are, or in what terms: then a row may refuse the whole file.
    pub fn tells_terms(&self) -> bool {
        self.0.header.has(SOURCE) || self.0.header.has(BASIS)
    }
}

/// One import of bars: the rows of all its files for one exchange.
pub struct BarRun {
    pub(super) tally: Tally,
    book: Book,
    pub(super) ignored: Vec<CleanText>,
}

impl BarRun {
    /// A run on the exchange of `calendar`.
    pub fn new(calendar: Calendar) -> Self {
        Self { tally: Tally::new(calendar), book: Book::default(), ignored: Vec::new() }
    }

    /// The same of prices whose source or basis is asked for.
    #[must_use]
    pub fn wanting(mut self, wanted: Wanted) -> Self {
        self.book.wanted = wanted;
        self
    }

    /// The pages of a file, checked against this run's earlier rows.
    pub fn pages(&mut self, file: BarFile) -> Pages<'_, FileBar> {
        self.ignore(file.ignored_columns());
        let (tally, book) = (&mut self.tally, &mut self.book);
        let parse_day = if file.0.is_bare { when::parse_compact_day } else { when::parse_day };
        Pages::new(file.0, Box::new(move |record| judge(tally, book, record, parse_day)))
    }

    /// Adds gaps and ignored columns to a report, once all pages are through.
    pub fn finish(self, report: &mut ImportReport) {
        (report.gaps, report.gap_runs) = self.tally.gaps();
        report.ignored_columns = self.ignored;
    }
}

type ParseDay = fn(&str) -> Option<chrono::NaiveDate>;

fn judge(tally: &mut Tally, book: &mut Book, record: &Record<'_>, parse_day: ParseDay) -> Verdict<FileBar> {
    let (symbol, date) = match parse_key(record, tally.calendar().exchange(), parse_day) {
        Ok(key) => key,
        Err(fault) => return Verdict::Quarantine(fault),
    };
    let terms = match book.terms(record, symbol) {
        Ok(terms) => terms,
        Err(Wrong::Row(fault)) => return Verdict::Quarantine(fault),
        Err(Wrong::File(refusal)) => return Verdict::Refuse(refusal),
    };
    let instrument = InstrumentId::new(symbol, tally.calendar().exchange());
    match tally.note(symbol, date, parse_bar(record, instrument, date)) {
        Ok((bar, Seen::New)) => Verdict::Good(FileBar { bar, terms }),
        Ok((_, Seen::Equal)) => Verdict::Duplicate,
        Ok((_, Seen::Other)) => Verdict::Quarantine(QuarantineReason::DuplicateKey.into()),
        Err(fault) if fault.reason == QuarantineReason::NotASession => {
            Verdict::Quarantine(Fault::at(fault.reason, DATE))
        }
        Err(fault) => Verdict::Quarantine(fault),
    }
}

fn parse_key(
    record: &Record<'_>,
    exchange: Exchange,
    parse_day: ParseDay,
) -> Result<(Symbol, chrono::NaiveDate), Fault> {
    let symbol = record.symbol(SYMBOL, exchange)?;
    let date = parse_day(record.field(DATE)).ok_or(QuarantineReason::BadDate).at(DATE)?;
    Ok((symbol, date))
}

fn parse_bar(
    record: &Record<'_>,
    instrument: InstrumentId,
    session: chrono::NaiveDate,
) -> Result<DailyBar, Fault> {
    let price = |column| {
        let raw = parse_scaled(record.field(column), 9);
        raw.map(Price::from_raw).map_err(|fault| fault.reason(QuarantineReason::MissingPrice)).at(column)
    };
    let [open, high, low, close] = [price(OPEN)?, price(HIGH)?, price(LOW)?, price(CLOSE)?];
    let prices = check_prices(open, high, low, close);
    prices.map_err(|reason| Fault::at(reason, OPEN + to_blame([open, high, low, close])))?;
    let volume = parse_scaled(record.field(VOLUME), 3).map(Volume::from_raw);
    let volume = volume.map_err(|fault| fault.reason(QuarantineReason::MissingVolume)).at(VOLUME)?;
    if volume.is_negative() {
        return Err(Fault::at(QuarantineReason::NegativeVolume, VOLUME));
    }
    let vwap = if record.field(VWAP).is_empty() { None } else { Some(price(VWAP)?) };
    if vwap.is_some_and(|vwap| !vwap.is_positive()) {
        return Err(Fault::at(QuarantineReason::NonPositivePrice, VWAP));
    }
    for column in [FACTOR, CHANGE] {
        if !record.field(column).is_empty() {
            parse_scaled(record.field(column), 9)
                .map_err(|f| f.reason(QuarantineReason::MissingField))
                .at(column)?;
        }
    }
    Ok(DailyBar { instrument, session, open, high, low, close, volume, vwap })
}
