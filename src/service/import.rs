//! Files into the market store: bars and the tables beside them, page by page, with progress.
//!
//! `market::import` reads and judges; `store::market` alone decides what is stored, revised or unchanged. One page is one
//! transaction, so a command that is killed has stored whole pages and a second run finds them unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::NaiveDate;

use crate::domain::import::ImportReport;
use crate::domain::market::{Basis, DailyBar, Headline, Membership, MinuteBar};
use crate::domain::{CleanText, Exchange, InstrumentId, QuarantineReason, Quarantined};
use crate::factor::sentiment::Lexicon;
use crate::market::import::{
    self, BarFile, BarRun, MinuteFile, MinuteRow, MinuteRun, Page, Pages, TableFile, TableKind,
};
use crate::store::market as store;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ManageData, Permit};

/// Where prices come from unless told otherwise.
pub const DEFAULT_SOURCE: &str = "file";

/// A wish to import bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarImport {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Exchange of all rows.
    pub exchange: Exchange,
    /// In what terms the prices are stated.
    pub basis: Basis,
    /// Name of the source.
    pub source: CleanText,
}

/// A wish to import minute bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteImport {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Exchange of all rows.
    pub exchange: Exchange,
    /// Whether the market never closes: times are UTC, and every minute is expected.
    pub never_closes: bool,
    /// Name of the source.
    pub source: CleanText,
}

/// Tables that can be imported beside bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFileKind {
    /// Names, sectors, steps.
    Instruments,
    /// Splits and dividends.
    Actions,
    /// Figures with the day they became known.
    Fundamentals,
    /// Headlines.
    News,
    /// Members of universes.
    Universe,
    /// New symbols and names.
    Renames,
    /// Removals from the list.
    Delistings,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read so far.
    pub rows: u64,
    /// Bytes consumed of the present file.
    pub bytes: u64,
}

impl House {
    /// Imports bars. All files are opened before a row is stored: a wrong file stores nothing.
    pub fn import_bars(
        &self,
        _: &Permit<ManageData>,
        wish: &BarImport,
        mut progress: impl FnMut(Progress),
    ) -> Result<ImportReport, ServiceError> {
        let files = wish.files.iter().map(|f| BarFile::open_path(f)).collect::<Result<Vec<_>, _>>()?;
        let mut run = BarRun::new(self.calendars().of(wish.exchange).clone());
        let mut stored = store::BarRun::new(wish.source.clone(), wish.basis, self.clock().now());
        let mut report = ImportReport::default();
        let before = self.preferred_sources(wish.exchange)?;
        let mut touched = BTreeSet::new();
        for file in files {
            let name = file.name().clone();
            for page in run.pages(file) {
                let page = page?;
                page.count_into(&mut report);
                let rows: Vec<DailyBar> = page.rows.iter().map(|r| r.value).collect();
                touched.extend(rows.iter().map(|bar| bar.instrument));
                let outcome = lock(self.market_store()).store_bars(&mut stored, &rows)?;
                report.stored += outcome.stored;
                report.revised += outcome.revised;
                report.unchanged += outcome.unchanged;
                report.flagged += outcome.flagged;
                self.keep_quarantine("import bars", &name, &page.quarantine)?;
                progress(Progress { rows: report.read, bytes: page.bytes_read });
            }
        }
        run.finish(&mut report);
        lock(self.market_store()).follow_renames(wish.exchange)?;
        self.look_over(&touched)?;
        let after = self.preferred_sources(wish.exchange)?;
        let switched = after.iter().filter(|(id, now)| before.get(id).is_some_and(|was| was != *now));
        report.switched = switched.count() as u64;
        tracing::info!(
            read = report.read,
            stored = report.stored,
            quarantined = report.quarantined,
            "bars imported"
        );
        Ok(report)
    }

    /// Imports minute bars of trades, or of bids and asks. All files are opened before a row is stored.
    pub fn import_minutes(
        &self,
        _: &Permit<ManageData>,
        wish: &MinuteImport,
        mut progress: impl FnMut(Progress),
    ) -> Result<ImportReport, ServiceError> {
        let files = wish.files.iter().map(|f| MinuteFile::open_path(f)).collect::<Result<Vec<_>, _>>()?;
        let mut run = MinuteRun::new(self.calendars().of(wish.exchange).clone(), wish.never_closes);
        let mut report = ImportReport::default();
        for file in files {
            let name = file.name().clone();
            for page in run.pages(file) {
                let page = page?;
                page.count_into(&mut report);
                let rows: Vec<(InstrumentId, MinuteRow)> = page.rows.iter().map(|row| row.value).collect();
                report.flagged += rows.iter().filter(|(_, row)| row.is_crossed()).count() as u64;
                self.store_minute_rows(&wish.source, &rows, &mut report)?;
                self.keep_quarantine("import minutes", &name, &page.quarantine)?;
                progress(Progress { rows: report.read, bytes: page.bytes_read });
            }
        }
        run.finish(&mut report);
        tracing::info!(read = report.read, stored = report.stored, "minutes imported");
        Ok(report)
    }

    /// A row of bids and asks is two bars and counts once.
    fn store_minute_rows(
        &self,
        source: &CleanText,
        rows: &[(InstrumentId, MinuteRow)],
        report: &mut ImportReport,
    ) -> Result<(), ServiceError> {
        let side = |pick: fn(&MinuteRow) -> Option<MinuteBar>| -> Vec<(InstrumentId, MinuteBar)> {
            rows.iter().filter_map(|(id, row)| Some((*id, pick(row)?))).collect()
        };
        let trades = |row: &MinuteRow| if let MinuteRow::Trades(bar) = row { Some(*bar) } else { None };
        let bids = |row: &MinuteRow| if let MinuteRow::Sides(bid, _) = row { Some(*bid) } else { None };
        let asks = |row: &MinuteRow| if let MinuteRow::Sides(_, ask) = row { Some(*ask) } else { None };
        let (wall, mut market) = (self.clock().now(), lock(self.market_store()));
        let mut store = |side, bars: &[(InstrumentId, MinuteBar)]| {
            market.store_minutes(source.as_str(), side, bars, wall)
        };
        let trades = store(store::MinuteSide::Trade, &side(trades))?;
        let bids = store(store::MinuteSide::Bid, &side(bids))?;
        store(store::MinuteSide::Ask, &side(asks))?;
        report.stored += trades.stored + bids.stored;
        report.revised += trades.revised + bids.revised;
        report.unchanged += trades.unchanged + bids.unchanged;
        Ok(())
    }

    /// The source that each instrument's prices are read from: the one with the newest bar, ties by name.
    fn preferred_sources(
        &self,
        exchange: Exchange,
    ) -> Result<BTreeMap<InstrumentId, CleanText>, ServiceError> {
        let mut best: BTreeMap<InstrumentId, (NaiveDate, CleanText)> = BTreeMap::new();
        for info in lock(self.market_store()).read().sources(None)? {
            let Some(last) = info.last.filter(|_| info.instrument.exchange == exchange) else { continue };
            // In the order of names: of equally new ones the first stays.
            if best.get(&info.instrument).is_none_or(|(newest, _)| last > *newest) {
                best.insert(info.instrument, (last, info.source));
            }
        }
        Ok(best.into_iter().map(|(id, (_, source))| (id, source)).collect())
    }

    /// Imports a table. `exchange` is that of rows which name none.
    pub fn import_table(
        &self,
        _: &Permit<ManageData>,
        kind: TableFileKind,
        file: &std::path::Path,
        exchange: Exchange,
    ) -> Result<ImportReport, ServiceError> {
        match kind {
            TableFileKind::Instruments => self.pump(file, import::INSTRUMENTS, exchange, |h, rows| {
                Ok(lock(h.market_store()).store_listings(rows).map(|()| rows.len() as u64)?)
            }),
            TableFileKind::Actions => {
                let mut touched = BTreeSet::new();
                let report = self.pump(file, import::ACTIONS, exchange, |h, rows| {
                    touched.extend(rows.iter().map(|action| action.instrument));
                    Ok(lock(h.market_store()).store_actions(rows)?)
                })?;
                self.drop_doubled_splits(&touched)?;
                Ok(report)
            }
            TableFileKind::Fundamentals => self.pump(file, import::FUNDAMENTALS, exchange, |h, rows| {
                Ok(lock(h.market_store()).store_fundamentals(rows)?)
            }),
            TableFileKind::News => self.pump(file, import::NEWS, exchange, |h, rows| h.store_headlines(rows)),
            TableFileKind::Universe => {
                self.pump(file, import::UNIVERSE, exchange, |h, rows| h.store_members(rows))
            }
            TableFileKind::Renames => self.pump(file, import::RENAMES, exchange, House::store_renames),
            TableFileKind::Delistings => self.pump(file, import::DELISTINGS, exchange, |h, rows| {
                Ok(lock(h.market_store()).store_delistings(rows)?)
            }),
        }
    }

    fn pump<T: Clone + 'static>(
        &self,
        file: &std::path::Path,
        kind: TableKind<T>,
        exchange: Exchange,
        mut put: impl FnMut(&House, &[T]) -> Result<u64, ServiceError>,
    ) -> Result<ImportReport, ServiceError> {
        let file = TableFile::open_path(file, kind)?;
        let mut report =
            ImportReport { ignored_columns: file.ignored_columns().to_vec(), ..ImportReport::default() };
        let pages: Pages<'_, T> = file.pages(exchange);
        for page in pages {
            let page: Page<T> = page?;
            page.count_into(&mut report);
            let rows: Vec<T> = page.rows.iter().map(|r| r.value.clone()).collect();
            let new = put(self, &rows)?;
            report.stored += new;
            report.unchanged += (rows.len() as u64).saturating_sub(new);
        }
        Ok(report)
    }

    /// Stores headlines with the tone our lexicon gives them.
    pub(super) fn store_headlines(&self, rows: &[Headline]) -> Result<u64, ServiceError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let lexicon = self.lexicon()?;
        let toned: Vec<store::StoredHeadline> = rows
            .iter()
            .map(|h| store::StoredHeadline {
                headline: h.clone(),
                tone: tone_of(lexicon, h.headline.as_str()),
            })
            .collect();
        Ok(lock(self.market_store()).store_news(&toned)?)
    }

    fn store_members(&self, rows: &[Membership]) -> Result<u64, ServiceError> {
        let mut by_name: BTreeMap<&CleanText, Vec<_>> = BTreeMap::new();
        for row in rows {
            by_name.entry(&row.universe).or_default().push((row.instrument, row.from, row.to));
        }
        let mut market = lock(self.market_store());
        for (name, members) in by_name {
            market.store_universe(name.as_str(), &members)?;
        }
        Ok(rows.len() as u64)
    }

    pub(super) fn keep_quarantine(
        &self,
        job: &str,
        file: &CleanText,
        rows: &[Quarantined],
    ) -> Result<(), ServiceError> {
        let kept: Vec<store::Quarantined> = rows
            .iter()
            .map(|q| store::Quarantined {
                job: CleanText::new(job),
                file: file.clone(),
                line: q.line,
                symbol: q.symbol.clone(),
                date: q.date.clone(),
                reason: CleanText::new(QuarantineReason::code(q.reason)),
                raw: q.raw.clone(),
            })
            .collect();
        Ok(lock(self.market_store()).store_quarantine(&kept, self.clock().now())?)
    }
}

/// Tone of a headline; `None` when it says nothing either way.
fn tone_of(lexicon: &Lexicon, headline: &str) -> Option<f64> {
    let tone = lexicon.tone(headline);
    (tone != 0.0).then_some(tone)
}
