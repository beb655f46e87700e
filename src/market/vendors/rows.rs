//! From the rows of an answer to bars: the same judgement for every vendor, and the same as for files.
//!
//! A vendor's parser only finds the texts of a row. [`DailyRows`] reads them exactly, refuses what may not be stored
//! with the reason codes of `import`, sorts, keeps one row a session and sets the bar of an unfinished session aside;
//! [`MinuteRows`] does so for minutes. Rows outside the wanted span are no part of the answer and left out. A reply
//! with more than [`REFUSED_MAX`] bad rows is no answer at all.

use chrono::NaiveDate;

use super::{Call, MinuteBar, Minutes, Page, Payload, Reply, Series};
use crate::domain::calendar::Calendar;
use crate::domain::import::QUARANTINED_RAW_MAX;
use crate::domain::market::{Basis, CorporateAction, DailyBar};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, InstrumentId, Price, QuarantineReason, Quarantined, UnixNanos, Volume};
use crate::market::import::{check_prices, parse_scaled};

/// A session's bar is final this long after the close: the closing auction and delayed feeds are through then.
pub const SETTLED_AFTER_SECONDS: i64 = 30 * 60;
/// Most bad rows of one reply that are listed; with more it is malformed.
pub const REFUSED_MAX: usize = 20_000;
/// Length of a minute.
const MINUTE_NANOS: i64 = 60 * NANOS_PER_SECOND;

/// The texts of one row as a vendor wrote them; an empty text is a missing one.
#[derive(Debug, Clone, Copy)]
pub struct RowText<'a> {
    /// Open, high, low and close.
    pub prices: [&'a str; 4],
    /// Volume.
    pub volume: &'a str,
    /// Volume-weighted average price; empty where the vendor has none.
    pub vwap: &'a str,
}

/// Prices and volume of a row that is good in itself.
struct Figures {
    prices: [Price; 4],
    volume: Volume,
    vwap: Option<Price>,
}

impl RowText<'_> {
    fn read(&self) -> Result<Figures, QuarantineReason> {
        let price = |text| {
            let raw = parse_scaled(text, 9).map(Price::from_raw);
            raw.map_err(|fault| fault.reason(QuarantineReason::MissingPrice))
        };
        let [open, high, low, close] = self.prices;
        let prices = [price(open)?, price(high)?, price(low)?, price(close)?];
        let [open, high, low, close] = prices;
        check_prices(open, high, low, close)?;
        let volume = parse_scaled(self.volume, 3).map(Volume::from_raw);
        let volume = volume.map_err(|fault| fault.reason(QuarantineReason::MissingVolume))?;
        if volume.is_negative() {
            return Err(QuarantineReason::NegativeVolume);
        }
        // A session without a trade has no average price; vendors then write 0.
        let vwap = parse_scaled(self.vwap, 9).ok().map(Price::from_raw).filter(|vwap| vwap.is_positive());
        Ok(Figures { prices, volume, vwap })
    }

    fn joined(&self) -> CleanText {
        let text = format!("{},{},{}", self.prices.join(","), self.volume, self.vwap);
        CleanText::from(text.chars().take(QUARANTINED_RAW_MAX).collect::<String>())
    }
}

/// The rows that may not be stored.
#[derive(Debug)]
struct Refused {
    vendor: VendorId,
    rows: Vec<Quarantined>,
    all: usize,
}

impl Refused {
    fn add(&mut self, line: u64, symbol: &str, date: &str, reason: QuarantineReason, raw: CleanText) {
        self.all += 1;
        if self.rows.len() < REFUSED_MAX {
            let short = |text: &str| CleanText::from(text.chars().take(40).collect::<String>());
            let (symbol, date) = (short(symbol), short(date));
            self.rows.push(Quarantined {
                file: self.vendor.as_str().into(),
                line,
                symbol,
                date,
                raw,
                ..Quarantined::because(reason)
            });
        }
    }

    fn listed(self) -> Result<Vec<Quarantined>, Reply> {
        if self.all > REFUSED_MAX {
            let said = format!("{} bad rows in one answer of {}", self.all, self.vendor);
            return Err(Reply::Malformed(said.into()));
        }
        Ok(self.rows)
    }
}

/// The daily rows of one answer.
#[derive(Debug)]
pub struct DailyRows<'a> {
    calendar: &'a Calendar,
    now: UnixNanos,
    today: NaiveDate,
    span: (NaiveDate, NaiveDate),
    good: Vec<Good>,
    gains: Vec<(NaiveDate, f64)>,
    refused: Refused,
}

/// A good row: its number, whether its session is over for good, and the bar.
#[derive(Debug, Clone, Copy)]
struct Good {
    line: u64,
    is_over: bool,
    bar: DailyBar,
    adjusted: Option<f64>,
}

impl Good {
    const fn key(&self) -> (NaiveDate, InstrumentId) {
        (self.bar.session, self.bar.instrument)
    }
}

impl<'a> DailyRows<'a> {
    /// For the rows of `span`, both dates included, that came at `now`.
    pub fn new(
        vendor: VendorId,
        calendar: &'a Calendar,
        now: UnixNanos,
        span: (NaiveDate, NaiveDate),
    ) -> Self {
        let refused = Refused { vendor, rows: Vec::new(), all: 0 };
        let (good, gains) = (Vec::new(), Vec::new());
        Self { calendar, now, today: calendar.date_at(now), span, good, gains, refused }
    }

    /// Capital gains in the same answer.
    pub fn set_gains(&mut self, gains: Vec<(NaiveDate, f64)>) {
        self.gains = gains;
    }

    /// Takes a row in; `line` counts the rows of the answer from 1.
    pub fn add(&mut self, line: u64, instrument: InstrumentId, session: NaiveDate, row: &RowText<'_>) {
        self.add_adjusted(line, instrument, session, row, "");
    }

    /// Takes a row in with the vendor's close adjusted for dividends; what is no price there is none.
    pub fn add_adjusted(
        &mut self,
        line: u64,
        instrument: InstrumentId,
        session: NaiveDate,
        row: &RowText<'_>,
        adjusted: &str,
    ) {
        if session <= self.today && (session < self.span.0 || self.span.1 < session) {
            return;
        }
        match self.judge(session, row) {
            Ok((Figures { prices: [open, high, low, close], volume, vwap }, closes)) => {
                let bar = DailyBar { instrument, session, open, high, low, close, volume, vwap };
                let final_from = closes.plus_nanos(SETTLED_AFTER_SECONDS * NANOS_PER_SECOND);
                let adjusted = adjusted.parse().ok().filter(|price: &f64| price.is_finite() && *price > 0.0);
                self.good.push(Good { line, is_over: final_from <= self.now, bar, adjusted });
            }
            Err(reason) => {
                let (symbol, date) = (instrument.symbol.as_str(), session.to_string());
                self.refused.add(line, symbol, &date, reason, row.joined());
            }
        }
    }

    /// Takes a row in whose date was read from `date`, or refuses it when there was none to read.
    pub fn take(
        &mut self,
        line: u64,
        instrument: InstrumentId,
        (session, date): (Option<NaiveDate>, &str),
        row: &RowText<'_>,
    ) {
        match session {
            Some(session) => self.add(line, instrument, session, row),
            None => self.refuse(line, instrument.symbol.as_str(), date, QuarantineReason::BadDate, row),
        }
    }

    /// The figures of a row and when its session closes.
    fn judge(&self, session: NaiveDate, row: &RowText<'_>) -> Result<(Figures, UnixNanos), QuarantineReason> {
        if session > self.today {
            return Err(QuarantineReason::FutureDate);
        }
        let figures = row.read()?;
        let known = self.calendar.session_on(session);
        known.map(|known| (figures, known.close)).ok_or(QuarantineReason::NotASession)
    }

    /// Refuses a row whose symbol or date is of no use.
    pub fn refuse(
        &mut self,
        line: u64,
        symbol: &str,
        date: &str,
        reason: QuarantineReason,
        row: &RowText<'_>,
    ) {
        self.refused.add(line, symbol, date, reason, row.joined());
    }

    /// The good rows in order, one a key, with the number of identical ones left out. Of two that differ the later
    /// one of the answer stays and the other is refused.
    fn sort(&mut self) -> (Vec<Good>, u64) {
        let mut rows = std::mem::take(&mut self.good);
        // Rows come in order, or all the other way round; equal keys keep their order of arrival.
        if rows.first().zip(rows.last()).is_some_and(|(first, last)| first.key() > last.key()) {
            rows.reverse();
        }
        rows.sort_by_key(|row| (row.bar.session, row.bar.instrument, row.line));
        let mut duplicates = 0;
        let refused = &mut self.refused;
        // Called with the later row and the kept one before it, which it may take the place of.
        rows.dedup_by(|later, kept| {
            if later.key() != kept.key() {
                return false;
            }
            if later.bar == kept.bar {
                duplicates += 1;
            } else {
                let DailyBar { open, high, low, close, volume, .. } = kept.bar;
                let (symbol, date) = (kept.bar.instrument.symbol, kept.bar.session.to_string());
                let raw = format!("{open},{high},{low},{close},{volume}").into();
                refused.add(kept.line, symbol.as_str(), &date, QuarantineReason::DuplicateKey, raw);
            }
            *kept = *later;
            true
        });
        (rows, duplicates)
    }

    /// The answer as a page of a series.
    pub fn into_reply(
        mut self,
        basis: Basis,
        actions: Vec<CorporateAction>,
        currency: Option<CleanText>,
        next: Option<Call>,
    ) -> Reply {
        let (rows, duplicates) = self.sort();
        let partial = rows.iter().rev().find(|row| !row.is_over).map(|row| row.bar);
        let over = || rows.iter().filter(|row| row.is_over);
        let bars: Vec<DailyBar> = over().map(|row| row.bar).collect();
        let mut adjusted: Vec<Option<f64>> = over().map(|row| row.adjusted).collect();
        if adjusted.iter().all(Option::is_none) {
            adjusted.clear();
        }
        let rejected = match self.refused.listed() {
            Ok(rows) => rows,
            Err(reply) => return reply,
        };
        let nothing = bars.is_empty() && partial.is_none() && rejected.is_empty() && actions.is_empty();
        if nothing && next.is_none() {
            return Reply::Empty;
        }
        let gains = self.gains;
        let series = Series { basis, bars, partial, actions, adjusted, gains, currency, duplicates };
        Reply::Data(Box::new(Page { payload: Payload::Series(series), rejected, next }))
    }
}

/// The minute rows of one answer, all of one instrument.
#[derive(Debug)]
pub struct MinuteRows<'a> {
    calendar: &'a Calendar,
    instrument: InstrumentId,
    now: UnixNanos,
    span: (NaiveDate, NaiveDate),
    good: Vec<(u64, MinuteBar)>,
    refused: Refused,
}

impl<'a> MinuteRows<'a> {
    /// For the rows of `span`, both dates included, that came at `now`.
    pub fn new(
        vendor: VendorId,
        calendar: &'a Calendar,
        instrument: InstrumentId,
        now: UnixNanos,
        span: (NaiveDate, NaiveDate),
    ) -> Self {
        let refused = Refused { vendor, rows: Vec::new(), all: 0 };
        Self { calendar, instrument, now, span, good: Vec::new(), refused }
    }

    /// Takes the row of the minute that begins at `from`; a minute that is not over is left out.
    pub fn add(&mut self, line: u64, from: UnixNanos, row: &RowText<'_>, trades: Option<u32>) {
        let session = self.calendar.date_at(from);
        let future = from > self.now;
        if !future
            && (session < self.span.0 || self.span.1 < session || from.plus_nanos(MINUTE_NANOS) > self.now)
        {
            return;
        }
        match self.judge(from, session, row) {
            Ok(Figures { prices: [open, high, low, close], volume, .. }) => {
                self.good.push((line, MinuteBar { from, open, high, low, close, volume, trades }));
            }
            Err(reason) => self.refuse(line, &from.to_string(), reason, row),
        }
    }

    fn judge(
        &self,
        from: UnixNanos,
        session: NaiveDate,
        row: &RowText<'_>,
    ) -> Result<Figures, QuarantineReason> {
        if from > self.now {
            return Err(QuarantineReason::FutureDate);
        }
        if from.nanos().rem_euclid(MINUTE_NANOS) != 0 {
            return Err(QuarantineReason::BadDate);
        }
        let figures = row.read()?;
        let known = self.calendar.session_on(session);
        known.map(|_| figures).ok_or(QuarantineReason::NotASession)
    }

    /// Refuses a row whose time is of no use.
    pub fn refuse(&mut self, line: u64, time: &str, reason: QuarantineReason, row: &RowText<'_>) {
        self.refused.add(line, self.instrument.symbol.as_str(), time, reason, row.joined());
    }

    /// The answer as a page of minutes.
    pub fn into_reply(mut self, basis: Basis, next: Option<Call>) -> Reply {
        self.good.sort_by_key(|(line, bar)| (bar.from, *line));
        let mut bars: Vec<MinuteBar> = Vec::with_capacity(self.good.len());
        let mut of_bars: u64 = 0;
        for (line, bar) in self.good {
            let Some(earlier) = bars.last_mut().filter(|kept| kept.from == bar.from) else {
                bars.push(bar);
                of_bars = line;
                continue;
            };
            if *earlier != bar {
                let MinuteBar { open, high, low, close, volume, .. } = *earlier;
                let raw = format!("{open},{high},{low},{close},{volume}").into();
                let (symbol, time) = (self.instrument.symbol.as_str(), bar.from.to_string());
                self.refused.add(of_bars, symbol, &time, QuarantineReason::DuplicateKey, raw);
            }
            *earlier = bar;
            of_bars = line;
        }
        let rejected = match self.refused.listed() {
            Ok(rows) => rows,
            Err(reply) => return reply,
        };
        if bars.is_empty() && rejected.is_empty() && next.is_none() {
            return Reply::Empty;
        }
        let minutes = Minutes { instrument: self.instrument, basis, bars };
        Reply::Data(Box::new(Page { payload: Payload::Minutes(minutes), rejected, next }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendars;

    fn row<'a>(prices: [&'a str; 4], volume: &'a str) -> RowText<'a> {
        RowText { prices, volume, vwap: "" }
    }

    fn good() -> RowText<'static> {
        row(["10", "11", "9.5", "10.5"], "100")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> UnixNanos {
        text.parse().unwrap()
    }

    fn page(reply: Reply) -> (Series, Vec<Quarantined>) {
        let Reply::Data(page) = reply else { panic!("{reply:?}") };
        let Payload::Series(series) = page.payload else { panic!("no series") };
        (series, page.rejected)
    }

    /// Rows of a week that ends in the middle of Friday 2024-03-08 in New York.
    fn judged(rows: &[(&str, RowText<'_>)]) -> Reply {
        let calendars = Calendars::bundled().unwrap();
        let span = (day("2024-03-04"), day("2024-03-08"));
        let now = time("2024-03-08T18:00:00Z");
        let mut all =
            DailyRows::new(VendorId::Polygon, calendars.of(crate::domain::Exchange::Xnys), now, span);
        for (index, (date, row)) in rows.iter().enumerate() {
            all.add(index as u64 + 1, "QVEX.XNYS".parse().unwrap(), day(date), row);
        }
        all.into_reply(Basis::Raw, Vec::new(), None, None)
    }

    #[test]
    fn bad_rows_are_refused_with_their_reasons_and_the_rest_stands_in_order() {
        let (series, rejected) = page(judged(&[
            ("2024-03-07", good()),
            ("2024-03-04", good()),
            ("2024-03-05", row(["", "11", "9.5", "10.5"], "100")),
            ("2024-03-06", row(["10", "NaN", "9.5", "10.5"], "100")),
            ("2024-03-05", row(["10", "11", "0", "10.5"], "100")),
            ("2024-03-05", row(["10", "10.2", "9.5", "10.5"], "100")),
            ("2024-03-05", row(["10", "11", "9.5", "10.5"], "-1")),
            ("2024-03-11", good()),
        ]));
        let dates: Vec<String> = series.bars.iter().map(|bar| bar.session.to_string()).collect();
        assert_eq!(dates, ["2024-03-04", "2024-03-07"]);
        let codes: Vec<(u64, &str)> = rejected.iter().map(|row| (row.line, row.reason.code())).collect();
        let wanted = [
            (3, "MISSING_PRICE"),
            (4, "NOT_FINITE"),
            (5, "NON_POSITIVE_PRICE"),
            (6, "BROKEN_HIGH_LOW"),
            (7, "NEGATIVE_VOLUME"),
            (8, "FUTURE_DATE"),
        ];
        assert_eq!(codes, wanted);
        assert_eq!((rejected[0].file.as_str(), rejected[0].raw.as_str()), ("polygon", ",11,9.5,10.5,100,"));
    }

    #[test]
    fn an_unfinished_session_is_partial_and_never_a_bar() {
        let live = row(["10", "12", "9", "11"], "50");
        let (series, rejected) = page(judged(&[("2024-03-07", good()), ("2024-03-08", live)]));
        assert_eq!(series.bars.len(), 1);
        assert_eq!(series.partial.unwrap().session, day("2024-03-08"));
        assert!(rejected.is_empty());
    }

    #[test]
    fn identical_rows_are_counted_and_of_different_ones_the_later_stays() {
        let other = row(["10", "11", "9.5", "10.75"], "100");
        let (series, rejected) = page(judged(&[
            ("2024-03-05", good()),
            ("2024-03-05", good()),
            ("2024-03-06", good()),
            ("2024-03-06", other),
        ]));
        assert_eq!((series.bars.len(), series.duplicates), (2, 1));
        assert_eq!(series.bars[1].close.to_string(), "10.75");
        assert_eq!((rejected[0].line, rejected[0].reason), (3, QuarantineReason::DuplicateKey));
    }

    #[test]
    fn rows_outside_the_span_and_days_without_a_session() {
        assert_eq!(judged(&[("2024-02-01", good())]), Reply::Empty);
        let calendars = Calendars::bundled().unwrap();
        let xasx = calendars.of(crate::domain::Exchange::Xasx);
        let span = (day("2024-03-25"), day("2024-04-05"));
        let mut rows = DailyRows::new(VendorId::Asx, xasx, time("2024-04-08T00:00:00Z"), span);
        rows.add(1, "BHP.XASX".parse().unwrap(), day("2024-03-29"), &good());
        let (series, rejected) = page(rows.into_reply(Basis::Raw, Vec::new(), None, None));
        assert!(series.bars.is_empty());
        assert_eq!(rejected[0].reason, QuarantineReason::NotASession);
    }

    #[test]
    fn a_reply_of_nothing_but_bad_rows_has_an_end() {
        let bad = row(["", "", "", ""], "");
        let rows = vec![("2024-03-05", bad); REFUSED_MAX + 1];
        assert!(matches!(judged(&rows), Reply::Malformed(_)));
    }

    #[test]
    fn minutes_are_sorted_and_the_running_one_is_left_out() {
        let calendars = Calendars::bundled().unwrap();
        let xnys = calendars.of(crate::domain::Exchange::Xnys);
        let span = (day("2024-03-08"), day("2024-03-08"));
        let now = time("2024-03-08T18:00:30Z");
        let qvex = "QVEX.XNYS".parse().unwrap();
        let mut rows = MinuteRows::new(VendorId::Polygon, xnys, qvex, now, span);
        let minutes = ["17:59:00", "17:58:00", "18:00:00", "17:58:00", "17:57:30", "18:02:00"];
        for (index, clock) in minutes.iter().enumerate() {
            rows.add(index as u64 + 1, time(&format!("2024-03-08T{clock}Z")), &good(), None);
        }
        let Reply::Data(page) = rows.into_reply(Basis::Raw, None) else { panic!() };
        let Payload::Minutes(minutes) = page.payload else { panic!() };
        let starts: Vec<String> = minutes.bars.iter().map(|bar| bar.from.to_string()).collect();
        assert_eq!(starts, ["2024-03-08T17:58:00Z", "2024-03-08T17:59:00Z"]);
        let reasons: Vec<&str> = page.rejected.iter().map(|row| row.reason.code()).collect();
        assert_eq!(reasons, ["BAD_DATE", "FUTURE_DATE"]);
    }
}
