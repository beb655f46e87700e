//! Qlib data folders into the market store and out of it.
//!
//! Qlib's prices are restated for splits and dividends, so they are stored under their own source with basis `total`,
//! with the factor the folder gives. Lists of instruments become universes of the same name; a period that lasts to
//! the end of the folder's calendar lasts on. What is written is the panel of the stored data, so pyqlib reads the
//! same values that expressions are computed on here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Serialize;

use crate::domain::import::ImportReport;
use crate::domain::market::{Basis, DailyBar, is_watchlist};
use crate::domain::{CleanText, Exchange, InstrumentId, Symbol};
use crate::factor::panel::Panel;
use crate::market::import::{self, BarRun, Listed, QlibFolder, QlibOut, QlibSeries};
use crate::store::market as store;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::import::Progress;
use super::panel::Cut;
use super::permit::{ManageData, Permit, ViewMarket};

/// Name of the source of prices from a Qlib folder.
pub const QLIB_SOURCE: &str = "qlib";

/// A wish to write a Qlib folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QlibExport {
    /// Folder; it must be new or empty.
    pub folder: PathBuf,
    /// Exchange of the instruments.
    pub exchange: Exchange,
    /// Instruments; empty for all.
    pub instruments: Vec<InstrumentId>,
    /// First and last day.
    pub period: (NaiveDate, NaiveDate),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QlibExported {
    /// Days of the calendar.
    pub sessions: usize,
    /// Instruments with features.
    pub instruments: usize,
    /// Lists of instruments beside `all`.
    pub universes: usize,
    /// Universes whose names can be no file.
    pub omitted_universes: Vec<CleanText>,
}

impl House {
    /// Imports a Qlib folder. Calendar, instruments and the head of every file are checked before a row is stored.
    pub fn import_qlib(
        &self,
        _: &Permit<ManageData>,
        folder: &Path,
        exchange: Exchange,
        mut progress: impl FnMut(Progress),
    ) -> Result<ImportReport, ServiceError> {
        let folder = QlibFolder::open(folder)?;
        if let Some(name) = folder.universes().find(|name| is_watchlist(name)) {
            return Err(ServiceError::Wrong(format!(
                "instruments/{name}.txt has the name of each person's own watchlist; give the file another name"
            )));
        }
        let source = CleanText::new(QLIB_SOURCE);
        let mut run = BarRun::new(self.calendars().of(exchange).clone());
        let mut stored = store::BarRun::new(source.clone(), Basis::Total, self.clock().now());
        let mut report = ImportReport::default();
        run.ignore(folder.ignored());
        for symbol in folder.symbols() {
            let mut days: Vec<(usize, NaiveDate)> = Vec::new();
            for page in run.qlib_pages(&folder, symbol)? {
                page.count_into(&mut report);
                days.extend(page.rows.iter().map(|r| (r.line as usize - 1, r.value.session)));
                let rows: Vec<DailyBar> = page.rows.iter().map(|r| r.value).collect();
                let outcome = lock(self.market_store()).store_bars(&mut stored, &rows)?;
                report.stored += outcome.stored;
                report.revised += outcome.revised;
                report.unchanged += outcome.unchanged;
                report.flagged += outcome.flagged;
                self.keep_quarantine("import qlib", &folder.name_of(symbol), &page.quarantine)?;
                progress(Progress { rows: report.read, bytes: 0 });
            }
            let factors = factor_changes(&folder, symbol, &days)?;
            let id = InstrumentId::new(symbol, exchange);
            lock(self.market_store()).store_source_factors(id, &source, &factors)?;
        }
        run.finish(&mut report);
        self.store_lists(&folder, exchange)?;
        let (read, stored) = (report.read, report.stored);
        tracing::info!(read, stored, quarantined = report.quarantined, "qlib folder imported");
        Ok(report)
    }

    fn store_lists(&self, folder: &QlibFolder, exchange: Exchange) -> Result<(), ServiceError> {
        let end = folder.calendar().last().copied().unwrap_or(NaiveDate::MAX);
        for name in folder.universes() {
            let listed = folder.listed(name).unwrap_or(&[]);
            let period = |l: &Listed| {
                (InstrumentId::new(l.symbol, exchange), l.from, Some(l.to).filter(|to| *to < end))
            };
            let members: Vec<_> = listed.iter().map(period).collect();
            lock(self.market_store()).replace_universe(CleanText::new(name).as_str(), exchange, &members)?;
        }
        Ok(())
    }

    /// Writes stored prices as a Qlib folder that pyqlib reads back to the values of the panel.
    pub fn export_qlib(
        &self,
        _: &Permit<ViewMarket>,
        wish: &QlibExport,
    ) -> Result<QlibExported, ServiceError> {
        let cut = Cut { exchange: wish.exchange, last: NaiveDate::MAX, sessions: usize::MAX, fresh: false };
        let panel = self.load_panel(cut)?;
        if let Some(unknown) = wish.instruments.iter().find(|id| panel.index_of(**id).is_none()) {
            return Err(ServiceError::Unknown {
                kind: "symbol",
                name: unknown.to_string().into(),
                remedy: "no prices of it are stored; check --symbols and --exchange",
            });
        }
        let sessions = panel.sessions();
        let start = sessions.partition_point(|s| *s < wish.period.0);
        let end = sessions.partition_point(|s| *s <= wish.period.1).max(start);
        let calendar = sessions.get(start..end).unwrap_or(&[]);
        let (Some(first), Some(last)) = (calendar.first().copied(), calendar.last().copied()) else {
            return Err(ServiceError::Invalid("there is no stored session between --from and --to".into()));
        };
        let mut out = QlibOut::create(&wish.folder, calendar)?;
        let mut whole: BTreeMap<Symbol, Listed> = BTreeMap::new();
        for (at, id) in panel.symbols().iter().enumerate() {
            let wanted = wish.instruments.is_empty() || wish.instruments.contains(id);
            let span = panel.span(at);
            let rows = span.start.max(start)..span.end.min(end);
            let day = |row: usize| sessions.get(row).copied();
            let (Some(from), Some(to)) = (day(rows.start), rows.end.checked_sub(1).and_then(day)) else {
                continue;
            };
            if !wanted || rows.start >= rows.end {
                continue;
            }
            whole.insert(id.symbol, Listed { symbol: id.symbol, from, to });
            out.series(&series(&panel, at, id.symbol, rows, start))?;
        }
        self.finish_export(out, wish.exchange, &whole, (first, last), calendar.len())
    }

    fn finish_export(
        &self,
        out: QlibOut,
        exchange: Exchange,
        whole: &BTreeMap<Symbol, Listed>,
        period: (NaiveDate, NaiveDate),
        sessions: usize,
    ) -> Result<QlibExported, ServiceError> {
        let mut done =
            QlibExported { sessions, instruments: whole.len(), universes: 0, omitted_universes: Vec::new() };
        let mut all: Vec<Listed> = Vec::new();
        let names = lock(self.market_store()).read().universes()?;
        for (name, _) in names {
            let spans = lock(self.market_store()).read().universe_spans(name.as_str())?;
            let inside = |(id, from, to): (InstrumentId, NaiveDate, Option<NaiveDate>)| {
                let rows = whole.get(&id.symbol).filter(|_| id.exchange == exchange)?;
                let (least, most) = if name.as_str() == import::ALL { (rows.from, rows.to) } else { period };
                let listed =
                    Listed { symbol: id.symbol, from: from.max(least), to: to.map_or(most, |t| t.min(most)) };
                (listed.from <= listed.to).then_some(listed)
            };
            let listed: Vec<Listed> = spans.into_iter().filter_map(inside).collect();
            if name.as_str() == import::ALL {
                all = listed;
            } else if !listed.is_empty() && out.universe(name.as_str(), &listed)? {
                done.universes += 1;
            } else if !listed.is_empty() {
                done.omitted_universes.push(name);
            }
        }
        // Names that no list speaks of are listed over their rows.
        let spoken: BTreeSet<Symbol> = all.iter().map(|l| l.symbol).collect();
        all.extend(whole.values().filter(|l| !spoken.contains(&l.symbol)));
        all.sort_unstable();
        out.finish(&all)?;
        Ok(done)
    }
}

/// The days on which a symbol's factor changed, of those that have a stored bar.
fn factor_changes(
    folder: &QlibFolder,
    symbol: Symbol,
    days: &[(usize, NaiveDate)],
) -> Result<Vec<(NaiveDate, f64)>, ServiceError> {
    let Some(factor) = folder.feature(symbol, "factor")? else { return Ok(Vec::new()) };
    let mut changes: Vec<(NaiveDate, f64)> = Vec::new();
    for (at, day) in days {
        let value = f64::from(factor.at(*at));
        let usable = value.is_finite() && value > 0.0;
        if usable && changes.last().is_none_or(|(_, last)| *last != value) {
            changes.push((*day, value));
        }
    }
    Ok(changes)
}

/// The features of one instrument on rows of a panel; the calendar begins at row `calendar_start`.
fn series(panel: &Panel, at: usize, symbol: Symbol, rows: Range<usize>, calendar_start: usize) -> QlibSeries {
    let whole = |field: &str| panel.column(field).map(|c| c.series(at)).unwrap_or_default();
    let mut fields: Vec<(&'static str, Vec<f32>)> = Vec::new();
    for field in import::QLIB_FIELDS {
        fields.push((field, whole(field).get(rows.clone()).map(<[f32]>::to_vec).unwrap_or_default()));
    }
    QlibSeries { symbol, start: rows.start - calendar_start, fields }
}
