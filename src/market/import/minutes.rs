//! Minute bars from a file: `ts,symbol,open,high,low,close,volume`, or bids and asks: `ts,symbol,open_bid,high_bid,
//! low_bid,close_bid,open_ask,high_ask,low_ask,close_ask`.
//!
//! A time without a zone is the exchange's, or UTC where the caller says that the market never closes; then days
//! without a session are good and every missing minute is a gap. On an exchange only minutes missing within a day are
//! gaps. A bid above its ask at the close is stored and flagged: it was quoted so. Memory: 24 bytes a row.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use chrono::{NaiveDateTime, NaiveTime, Timelike};

use super::page::{OpenFile, Pages, Shown, Verdict};
use super::record::{At, Column, Fault, Record, optional, required};
use super::tally::{SYMBOLS_MAX, check_prices, to_blame};
use super::{ImportError, Source, parse_scaled};
use crate::domain::calendar::Calendar;
use crate::domain::market::MinuteBar;
use crate::domain::{
    CleanText, ImportReport, InstrumentId, Price, QuarantineReason, Symbol, UnixNanos, Volume,
};
use crate::market::intraday::MINUTE_NANOS;

const COLUMNS: [Column; 15] = [
    required("ts"),
    required("symbol"),
    optional("open"),
    optional("high"),
    optional("low"),
    optional("close"),
    optional("volume"),
    optional("open_bid"),
    optional("high_bid"),
    optional("low_bid"),
    optional("close_bid"),
    optional("open_ask"),
    optional("high_ask"),
    optional("low_ask"),
    optional("close_ask"),
];
// Positions in COLUMNS.
const TS: usize = 0;
const SYMBOL: usize = 1;
const TRADES: usize = 2;
const VOLUME: usize = 6;
const BIDS: usize = 7;
const ASKS: usize = 11;

/// The bars of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinuteRow {
    /// Of trades.
    Trades(MinuteBar),
    /// Of bids and of asks.
    Sides(MinuteBar, MinuteBar),
}

impl MinuteRow {
    /// Whether the bid is above the ask at the end.
    pub fn is_crossed(&self) -> bool {
        matches!(self, MinuteRow::Sides(bid, ask) if bid.close > ask.close)
    }

    const fn from(&self) -> UnixNanos {
        match self {
            MinuteRow::Trades(bar) | MinuteRow::Sides(bar, _) => bar.from,
        }
    }
}

/// A file of minutes whose header is good.
pub struct MinuteFile {
    file: OpenFile,
    has_sides: bool,
}

impl MinuteFile {
    /// Opens a path (`-` is standard input) and reads its header.
    pub fn open_path(path: &Path) -> Result<Self, ImportError> {
        Self::open(Source::open(path)?)
    }

    /// Opens a source and reads its header; an error means that nothing of it may be stored.
    pub fn open(source: Source) -> Result<Self, ImportError> {
        let file = OpenFile::open(source, &COLUMNS, Shown { symbol: SYMBOL, date: Some(TS), source: None })?;
        let has = |columns: std::ops::Range<usize>| columns.into_iter().all(|column| file.header.has(column));
        let has_sides = has(BIDS..COLUMNS.len());
        if !has_sides && !has(TRADES..VOLUME + 1) {
            let missing = "open, high, low, close, volume, or the eight columns of bids and asks".to_owned();
            let found = "others".into();
            return Err(ImportError::MissingColumns { file: file.name.clone(), missing, found });
        }
        Ok(Self { file, has_sides })
    }

    /// Instruments that are spelled otherwise than symbols are read, and that its rows may name to the letter.
    #[must_use]
    pub fn among(mut self, odd: &Arc<BTreeSet<InstrumentId>>) -> Self {
        self.file.odd = Arc::clone(odd);
        self
    }

    /// File as named by the user.
    pub const fn name(&self) -> &CleanText {
        &self.file.name
    }
}

/// One import of minutes.
#[derive(Debug)]
pub struct MinuteRun {
    calendar: Calendar,
    never_closes: bool,
    /// A hash of the values of every minute read.
    seen: BTreeMap<Symbol, BTreeMap<i64, u64>>,
    ignored: Vec<CleanText>,
}

impl MinuteRun {
    /// A run on the exchange of `calendar`; with `never_closes`, times are UTC and every minute is expected.
    pub const fn new(calendar: Calendar, never_closes: bool) -> Self {
        Self { calendar, never_closes, seen: BTreeMap::new(), ignored: Vec::new() }
    }

    /// The pages of a file, checked against this run's earlier rows.
    pub fn pages(&mut self, file: MinuteFile) -> Pages<'_, (InstrumentId, MinuteRow)> {
        self.ignored.extend(file.file.header.ignored.iter().cloned());
        let has_sides = file.has_sides;
        Pages::new(file.file, Box::new(move |record| self.judge(record, has_sides)))
    }

    fn time(&self, text: &str) -> Option<UnixNanos> {
        if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
            return time.timestamp_nanos_opt().map(UnixNanos::from_nanos);
        }
        let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
        let wall = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
        if self.never_closes {
            return wall.and_utc().timestamp_nanos_opt().map(UnixNanos::from_nanos);
        }
        let time = NaiveTime::from_hms_opt(wall.hour(), wall.minute(), wall.second())?;
        self.calendar.at_local(wall.date(), time)
    }

    fn read(&self, record: &Record<'_>, has_sides: bool) -> Result<(InstrumentId, MinuteRow), Fault> {
        let symbol = record.symbol(SYMBOL, self.calendar.exchange())?;
        let from = self.time(record.field(TS)).ok_or(QuarantineReason::BadDate).at(TS)?;
        if from.nanos().rem_euclid(MINUTE_NANOS) != 0 {
            return Err(Fault::at(QuarantineReason::BadDate, TS));
        }
        if !self.never_closes && self.calendar.session_on(self.calendar.date_at(from)).is_none() {
            return Err(Fault::at(QuarantineReason::NotASession, TS));
        }
        let row = if has_sides {
            MinuteRow::Sides(bar(record, from, BIDS, Volume::ZERO)?, bar(record, from, ASKS, Volume::ZERO)?)
        } else {
            let volume = parse_scaled(record.field(VOLUME), 3).map(Volume::from_raw);
            let volume = volume.map_err(|fault| fault.reason(QuarantineReason::MissingVolume)).at(VOLUME)?;
            if volume.is_negative() {
                return Err(Fault::at(QuarantineReason::NegativeVolume, VOLUME));
            }
            MinuteRow::Trades(bar(record, from, TRADES, volume)?)
        };
        Ok((InstrumentId::new(symbol, self.calendar.exchange()), row))
    }

    fn judge(&mut self, record: &Record<'_>, has_sides: bool) -> Verdict<(InstrumentId, MinuteRow)> {
        let (instrument, row) = match self.read(record, has_sides) {
            Ok(read) => read,
            Err(fault) => return Verdict::Quarantine(fault),
        };
        if self.seen.len() >= SYMBOLS_MAX && !self.seen.contains_key(&instrument.symbol) {
            return Verdict::Quarantine(QuarantineReason::TooManySymbols.into());
        }
        let hash = hash_of(&row);
        let minutes = self.seen.entry(instrument.symbol).or_default();
        match minutes.insert(row.from().nanos() / MINUTE_NANOS, hash) {
            None => Verdict::Good((instrument, row)),
            Some(first) if first == hash => Verdict::Duplicate,
            Some(first) => {
                minutes.insert(row.from().nanos() / MINUTE_NANOS, first);
                Verdict::Quarantine(QuarantineReason::DuplicateKey.into())
            }
        }
    }

    /// Adds gaps and ignored columns to a report, once all pages are through.
    pub fn finish(self, report: &mut ImportReport) {
        let date = |minute: i64| self.calendar.date_at(UnixNanos::from_nanos(minute * MINUTE_NANOS));
        for minutes in self.seen.values() {
            for (before, after) in minutes.keys().zip(minutes.keys().skip(1)) {
                let missing = after - before - 1;
                if missing > 0 && (self.never_closes || date(*before) == date(*after)) {
                    report.gaps += missing.unsigned_abs();
                    report.gap_runs += 1;
                }
            }
        }
        report.ignored_columns = self.ignored;
    }
}

/// Reads one row of an instrument by itself, in the order of columns that `import minutes` names; `None` unless it is good.
pub fn read_minute(
    line: &str,
    instrument: InstrumentId,
    calendar: &Calendar,
    never_closes: bool,
) -> Option<(InstrumentId, MinuteRow)> {
    let (trades, sides) = COLUMNS.split_at(BIDS);
    let (key, _) = COLUMNS.split_at(TRADES);
    let sides: Vec<&str> = key.iter().chain(sides).map(|column| column.name).collect();
    let trades: Vec<&str> = trades.iter().map(|column| column.name).collect();
    let columns = line.split(',').count();
    let header = [trades, sides].into_iter().find(|header| header.len() == columns)?;
    let text = format!("{}\n{line}\n", header.join(","));
    let file = MinuteFile::open(Source::from_reader("row", Cursor::new(text.into_bytes()))).ok()?;
    let mut run = MinuteRun::new(calendar.clone(), never_closes);
    let file = file.among(&Arc::new([instrument].into()));
    let mut rows = run.pages(file).filter_map(Result::ok).flat_map(|page| page.rows);
    rows.next().map(|row| row.value).filter(|(of, _)| *of == instrument)
}

fn hash_of(row: &MinuteRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut add = |bar: &MinuteBar| (bar.open, bar.high, bar.low, bar.close, bar.volume).hash(&mut hasher);
    match row {
        MinuteRow::Trades(bar) => add(bar),
        MinuteRow::Sides(bid, ask) => {
            add(bid);
            add(ask);
        }
    }
    hasher.finish()
}

fn bar(record: &Record<'_>, from: UnixNanos, first: usize, volume: Volume) -> Result<MinuteBar, Fault> {
    let price = |column| {
        let raw = parse_scaled(record.field(column), 9);
        raw.map(Price::from_raw).map_err(|fault| fault.reason(QuarantineReason::MissingPrice)).at(column)
    };
    let [open, high, low, close] = [price(first)?, price(first + 1)?, price(first + 2)?, price(first + 3)?];
    let prices = check_prices(open, high, low, close);
    prices.map_err(|reason| Fault::at(reason, first + to_blame([open, high, low, close])))?;
    Ok(MinuteBar { from, open, high, low, close, volume, trades: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Exchange;
    use crate::domain::calendar::Calendars;
    use crate::market::testing::shared;

    struct Outcome {
        report: ImportReport,
        rows: Vec<MinuteRow>,
        reasons: Vec<QuarantineReason>,
    }

    fn import(file: MinuteFile, exchange: Exchange, never_closes: bool) -> Outcome {
        let mut run = MinuteRun::new(Calendars::bundled().unwrap().of(exchange).clone(), never_closes);
        let (mut report, mut rows, mut reasons) = (ImportReport::default(), Vec::new(), Vec::new());
        for page in run.pages(file) {
            let page = page.unwrap();
            page.count_into(&mut report);
            rows.extend(page.rows.iter().map(|row| row.value.1));
            reasons.extend(page.quarantine.iter().map(|row| row.reason));
        }
        run.finish(&mut report);
        Outcome { report, rows, reasons }
    }

    fn known(name: &str, exchange: Exchange, never_closes: bool) -> Option<Outcome> {
        let path = shared(&format!("market/intraday/{name}"))?;
        Some(import(MinuteFile::open_path(&path).unwrap(), exchange, never_closes))
    }

    #[test]
    fn the_known_files_have_exactly_their_known_defects() {
        let Some(yen) = known("usdjpy_1m_bidask_2013_02.csv.zst", Exchange::Xnys, true) else { return };
        assert_eq!((yen.report.read, yen.report.quarantined, yen.report.gap_runs), (28_761, 0, 38));
        assert_eq!(yen.rows.iter().filter(|row| row.is_crossed()).count(), 683);
        let Some(coin) = known("btc_perp_1m_2022_01.csv.zst", Exchange::Xnys, true) else { return };
        assert_eq!((coin.report.read, coin.report.quarantined, coin.report.gaps), (45_031, 0, 0));
        let Some(index) = known("spx_1m_2019_11_05_08.csv", Exchange::Xnys, false) else { return };
        assert_eq!((index.report.read, index.report.quarantined, index.report.gaps), (1_563, 0, 0));
        assert_eq!(index.rows[0].from().to_string(), "2019-11-05T14:30:00Z");
    }

    #[test]
    fn bad_minutes_are_set_aside_with_their_reasons() {
        let text = "ts,symbol,open,high,low,close,volume\n\
                    2024-03-08 09:30:00,A,1,2,1,2,5\n2024-03-08 09:30:00,A,1,2,1,2,5\n2024-03-08 09:30:00,A,1,3,1,2,5\n\
                    2024-03-08 09:33:30,A,1,2,1,2,5\n2024-03-09 09:33:00,A,1,2,1,2,5\n2024-03-08 09:33:00,A,0,2,0,2,5\n\
                    2024-03-08 09:34:00,A,1,2,1,2,\n2024-03-08 09:35:00,A,1,2,1,2,7\n2024-03-10 09:30:00,A,1,1,1,1,1\n";
        let file = MinuteFile::open(Source::from_reader("m.csv", text.as_bytes())).unwrap();
        let out = import(file, Exchange::Xnys, false);
        assert_eq!(
            (out.rows.len(), out.report.duplicates, out.report.gaps, out.report.gap_runs),
            (2, 1, 4, 1)
        );
        use QuarantineReason as Q;
        let wanted = [
            Q::DuplicateKey,
            Q::BadDate,
            Q::NotASession,
            Q::NonPositivePrice,
            Q::MissingVolume,
            Q::NotASession,
        ];
        assert_eq!(out.reasons, wanted);
        let other = MinuteFile::open(Source::from_reader("m.csv", "ts,symbol,open\n".as_bytes()));
        assert!(matches!(other.map(drop), Err(ImportError::MissingColumns { .. })));
    }
}
