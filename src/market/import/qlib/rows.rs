//! Daily bars of a Qlib folder, checked as rows of a file are.
//!
//! A calendar day on which a symbol has no price at all is a gap. Prices are taken as they stand: Qlib's are restated
//! for splits and dividends. What a message calls a line is the line of the day in `calendars/day.txt`.

use super::super::bars::BarRun;
use super::super::page::{Page, Row};
use super::super::tally::{Seen, check_prices};
use super::super::{ImportError, PAGE_LINES_MAX};
use super::{Feature, QlibFolder};
use crate::domain::market::DailyBar;
use crate::domain::{
    CleanText, InstrumentId, Price, QuarantineReason as Reason, Quarantined, Symbol, Volume,
};

/// Fields without which there is no bar.
const NEEDED: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// The features that make bars.
struct Sheet {
    needed: [Feature; 5],
    vwap: Option<Feature>,
}

impl Sheet {
    fn prices(&self, day: usize) -> [f32; 5] {
        [0, 1, 2, 3, 4].map(|at| self.needed.get(at).map_or(f32::NAN, |f| f.at(day)))
    }

    fn bar(
        &self,
        instrument: InstrumentId,
        session: chrono::NaiveDate,
        day: usize,
    ) -> Result<DailyBar, Reason> {
        let [open, high, low, close, volume] = self.prices(day);
        let [open, high, low, close] = [price(open)?, price(high)?, price(low)?, price(close)?];
        check_prices(open, high, low, close)?;
        if volume.is_nan() {
            return Err(Reason::MissingVolume);
        }
        if volume < 0.0 {
            return Err(Reason::NegativeVolume);
        }
        let finite = if volume.is_finite() { Ok(f64::from(volume)) } else { Err(Reason::NotFinite) };
        let volume = Volume::from_f64(finite?).ok_or(Reason::OutOfRange)?;
        let vwap = self.vwap.as_ref().map_or(f32::NAN, |f| f.at(day));
        let vwap = if vwap.is_nan() { None } else { Some(price(vwap)?) };
        if vwap.is_some_and(|vwap| !vwap.is_positive()) {
            return Err(Reason::NonPositivePrice);
        }
        Ok(DailyBar { instrument, session, open, high, low, close, volume, vwap })
    }
}

fn price(value: f32) -> Result<Price, Reason> {
    if value.is_nan() {
        return Err(Reason::MissingPrice);
    }
    if value.is_infinite() {
        return Err(Reason::NotFinite);
    }
    Price::from_f64(f64::from(value)).ok_or(Reason::OutOfRange)
}

impl BarRun {
    /// The bars of one symbol of a folder, in pages, checked against this run's earlier rows. A symbol that lacks a
    /// file it needs is one quarantined row.
    pub fn qlib_pages(
        &mut self,
        folder: &QlibFolder,
        symbol: Symbol,
    ) -> Result<Vec<Page<DailyBar>>, ImportError> {
        let name = folder.name_of(symbol);
        let quarantined = |line: usize, date: String, reason, raw: String| Quarantined {
            file: name.clone(),
            line: line as u64,
            symbol: symbol.as_str().into(),
            date: CleanText::new(&date),
            raw: CleanText::new(&raw),
            ..Quarantined::because(reason)
        };
        let Some(sheet) = read(folder, symbol)? else {
            let lacking: Vec<&str> = NEEDED.into_iter().filter(|f| !folder.has(symbol, f)).collect();
            let raw = format!("no {}.day.bin", lacking.join(", "));
            let row = quarantined(0, String::new(), Reason::MissingField, raw);
            return Ok(vec![Page { quarantine: vec![row], read: 1, ..empty() }]);
        };
        let instrument = InstrumentId::new(symbol, self.tally.calendar().exchange());
        let days = sheet.needed.iter().map(Feature::days);
        let days = days.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0);
        let mut pages = vec![empty()];
        for (at, session) in folder.calendar().iter().enumerate().take(days.end).skip(days.start) {
            let [open, high, low, close, volume] = sheet.prices(at);
            let priceless = [open, high, low, close].iter().all(|v| v.is_nan());
            // A suspended day has no price; some folders write a volume of 0 there.
            if priceless && (volume.is_nan() || volume == 0.0) {
                continue;
            }
            if pages.last().is_some_and(|page| page.read >= PAGE_LINES_MAX) {
                pages.push(empty());
            }
            let Some(page) = pages.last_mut() else { break };
            page.read += 1;
            match self.tally.note(symbol, *session, sheet.bar(instrument, *session, at)) {
                Ok((value, Seen::New)) => page.rows.push(Row { line: at as u64 + 1, value }),
                Ok((_, Seen::Equal)) => page.duplicates += 1,
                Ok((_, Seen::Other)) => {
                    page.quarantine.push(quarantined(
                        at + 1,
                        session.to_string(),
                        Reason::DuplicateKey,
                        String::new(),
                    ));
                }
                Err(reason) => {
                    let raw = format!("{open},{high},{low},{close},{volume}");
                    page.quarantine.push(quarantined(at + 1, session.to_string(), reason, raw));
                }
            }
        }
        Ok(pages)
    }

    /// Adds the fields of a folder that were not used to the report.
    pub fn ignore(&mut self, names: &[CleanText]) {
        for name in names {
            if !self.ignored.contains(name) {
                self.ignored.push(name.clone());
            }
        }
    }
}

fn empty() -> Page<DailyBar> {
    Page { rows: Vec::new(), quarantine: Vec::new(), read: 0, duplicates: 0, bytes_read: 0 }
}

/// The features of a symbol; `None` when one that is needed is not there.
fn read(folder: &QlibFolder, symbol: Symbol) -> Result<Option<Sheet>, ImportError> {
    let mut needed = Vec::with_capacity(NEEDED.len());
    for field in NEEDED {
        needed.extend(folder.feature(symbol, field)?);
    }
    let Ok(needed) = <[Feature; 5]>::try_from(needed) else { return Ok(None) };
    Ok(Some(Sheet { needed, vwap: folder.feature(symbol, "vwap")? }))
}
