//! Files into the market store: bars and the tables beside them, page by page, with progress.
//!
//! `market::import` reads and judges; `store::market` alone decides what is stored, revised or unchanged. One page is one
//! transaction, so a command that is killed has stored whole pages and a second run finds them unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::import::ImportReport;
use crate::domain::market::{CorporateAction, Fundamental, Headline, Listing, Membership, Rename};
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, Exchange, InstrumentId, QuarantineReason, Quarantined, Symbol, UnixNanos};
use crate::factor::sentiment::Lexicon;
use crate::market::import::{self, BarFile, BarRun, ImportError, Page, Pages, TableFile, TableKind};
use crate::market::vendors::ScoredHeadline;
use crate::store::market as store;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::judged::text_of;
use super::permit::{ManageData, Permit};
use super::sync::stored_quarantine;
use series::Lot;

pub use crate::market::import::Wanted;

pub(super) mod minutes;
mod series;

/// A wish to import bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarImport {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Exchange of all rows.
    pub exchange: Exchange,
    /// Source and basis, as far as they are not to be read from the files.
    pub wanted: Wanted,
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

/// The source of rows that an import set aside; `None` when something else did.
pub(super) fn source_of(job: &CleanText) -> Option<CleanText> {
    series::source_of(job).or_else(|| minutes::source_of(job).map(|(source, _)| source))
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
        self.check_terms(wish, &files)?;
        let (mut run, odd) = (self.bar_run(wish), self.odd_spellings()?);
        let mut lot = Lot::new(self);
        let mut report = ImportReport::default();
        let before = self.preferred_sources(wish.exchange)?;
        for file in files {
            let name = file.name().clone();
            lot.begin(name.clone());
            for page in run.pages(file.among(&odd)) {
                let page = match page {
                    Ok(page) => page,
                    Err(refused @ ImportError::Refused { .. }) => return Err(refused.into()),
                    Err(error) => {
                        // What came before stands.
                        lot.store(&mut report)?;
                        return Err(error.into());
                    }
                };
                page.count_into(&mut report);
                lot.take(&page.rows, &mut report)?;
                for rows in page.quarantine.chunk_by(|a, b| a.source == b.source) {
                    let told = rows.first().map_or("", |row| row.source.as_str());
                    self.keep_quarantine(&series::job_of(wish.wanted.source_or(told)), &name, rows)?;
                }
                progress(Progress { rows: report.read, bytes: page.bytes_read });
            }
        }
        lot.store(&mut report)?;
        let touched = std::mem::take(&mut lot.touched);
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

    /// Stored instruments that are spelled otherwise than symbols are read: those of vendors, and of homes from before
    /// symbols were capitals.
    fn odd_spellings(&self) -> Result<Arc<BTreeSet<InstrumentId>>, ServiceError> {
        let known = lock(self.market_store()).read().instruments(None)?.into_iter().map(|known| known.id);
        let is_odd =
            |id: &InstrumentId| import::parse_symbol(id.symbol.as_str(), id.exchange) != Ok(id.symbol);
        Ok(Arc::new(known.filter(is_odd).collect()))
    }

    fn bar_run(&self, wish: &BarImport) -> BarRun {
        BarRun::new(self.calendars().of(wish.exchange).clone()).wanting(wish.wanted.clone())
    }

    /// Reads files once before a row is stored where a row may refuse them all. A pipe cannot be read twice: there the
    /// rows that wait are dropped.
    fn check_terms(&self, wish: &BarImport, files: &[BarFile]) -> Result<(), ServiceError> {
        let stays = |path: &PathBuf| path.is_file() && path.as_os_str() != "-";
        if !files.iter().any(BarFile::tells_terms) || !wish.files.iter().all(stays) {
            return Ok(());
        }
        let (mut run, odd) = (self.bar_run(wish), self.odd_spellings()?);
        for path in &wish.files {
            let refused = run.pages(BarFile::open_path(path)?.among(&odd)).find_map(|page| match page {
                Err(refused @ ImportError::Refused { .. }) => Some(refused),
                _ => None,
            });
            refused.map_or(Ok(()), Err)?;
        }
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
                let today = h.clock().now().to_datetime().date_naive();
                let told = |row: &Listing| Listing { told_on: Some(today), ..row.clone() };
                let rows: Vec<Listing> = rows.iter().map(told).collect();
                Ok(lock(h.market_store()).store_listings(&rows)?)
            }),
            TableFileKind::Actions => {
                let (mut touched, mut unjudged) = (BTreeSet::new(), 0);
                let judge = |h: &House, rows: &[CorporateAction]| {
                    let (reasons, unknown) = h.judged_rows(rows)?;
                    unjudged += unknown;
                    let held = reasons.into_iter().zip(rows);
                    Ok(held.map(|(reason, row)| reason.map(|reason| held_action(row, reason))).collect())
                };
                let mut report = self.pump_judged(file, import::ACTIONS, exchange, judge, |h, rows| {
                    touched.extend(rows.iter().map(|action| action.instrument));
                    Ok(lock(h.market_store()).store_actions(rows)?)
                })?;
                report.unjudged = unjudged;
                self.drop_doubled_splits(&touched)?;
                Ok(report)
            }
            TableFileKind::Fundamentals => self.import_figures(file, exchange),
            TableFileKind::News => self.import_headlines(file, exchange),
            TableFileKind::Universe => {
                self.pump(file, import::UNIVERSE, exchange, |h, rows| h.store_members(rows))
            }
            TableFileKind::Renames => {
                let mut known = Vec::new();
                for exchange in Exchange::ALL {
                    known.extend(lock(self.market_store()).read().renames(exchange)?);
                }
                let judge = |_: &House, rows: &[Rename]| Ok(judged_renames(&mut known, rows));
                self.pump_judged(file, import::RENAMES, exchange, judge, |house, rows| {
                    // Lists of exchanges name companies that keep their symbol under another name, too.
                    let changed: Vec<Rename> = rows.iter().filter(|r| r.old != r.new).cloned().collect();
                    house.store_renames(&changed)
                })
            }
            TableFileKind::Delistings => self.pump(file, import::DELISTINGS, exchange, |h, rows| {
                Ok(lock(h.market_store()).store_delistings(rows)?)
            }),
        }
    }

    /// Figures; those that would be known before their day are set aside.
    fn import_figures(
        &self,
        file: &std::path::Path,
        exchange: Exchange,
    ) -> Result<ImportReport, ServiceError> {
        let judge = |h: &House, rows: &[Fundamental]| {
            let told = rows.iter().map(|row| (h.is_to_come(row.instrument, row.known_at), row));
            Ok(told.map(|(to_come, row)| to_come.then(|| early_figure(row))).collect())
        };
        self.pump_judged(file, import::FUNDAMENTALS, exchange, judge, |h, rows| {
            Ok(lock(h.market_store()).store_fundamentals(rows)?)
        })
    }

    /// Headlines; those of a day that has not come are set aside.
    fn import_headlines(
        &self,
        file: &std::path::Path,
        exchange: Exchange,
    ) -> Result<ImportReport, ServiceError> {
        let judge = |h: &House, rows: &[Headline]| {
            // A day without a time stands for its last second in UTC.
            let date = |time: UnixNanos| time.to_datetime().date_naive();
            let today = date(h.clock().now());
            let is_to_come =
                |row: &Headline| date(row.time) > today && h.is_to_come(row.instrument, date(row.time));
            Ok(rows.iter().map(|row| is_to_come(row).then(|| early_headline(row))).collect())
        };
        self.pump_judged(file, import::NEWS, exchange, judge, |h, rows| h.store_headlines(rows))
    }

    fn pump<T: Clone + 'static>(
        &self,
        file: &std::path::Path,
        kind: TableKind<T>,
        exchange: Exchange,
        put: impl FnMut(&House, &[T]) -> Result<u64, ServiceError>,
    ) -> Result<ImportReport, ServiceError> {
        self.pump_judged(file, kind, exchange, |_, rows| Ok(vec![None; rows.len()]), put)
    }

    /// Stores what a judgement leaves: `judge` gives for each row nothing, or the row as it is to be set aside.
    fn pump_judged<T: Clone + 'static>(
        &self,
        file: &std::path::Path,
        kind: TableKind<T>,
        exchange: Exchange,
        mut judge: impl FnMut(&House, &[T]) -> Result<Vec<Option<Quarantined>>, ServiceError>,
        mut put: impl FnMut(&House, &[T]) -> Result<u64, ServiceError>,
    ) -> Result<ImportReport, ServiceError> {
        let name = CleanText::new(&file.display().to_string());
        let file = TableFile::open_path(file, kind)?.among(&self.odd_spellings()?);
        let mut report =
            ImportReport { ignored_columns: file.ignored_columns().to_vec(), ..ImportReport::default() };
        let pages: Pages<'_, T> = file.pages(exchange);
        for page in pages {
            let page: Page<T> = page?;
            page.count_into(&mut report);
            let rows: Vec<T> = page.rows.iter().map(|r| r.value.clone()).collect();
            let (mut good, mut held) = (Vec::with_capacity(rows.len()), Vec::new());
            for (verdict, row) in judge(self, &rows)?.into_iter().zip(&page.rows) {
                match verdict {
                    None => good.push(row.value.clone()),
                    Some(aside) => held.push(Quarantined { file: name.clone(), line: row.line, ..aside }),
                }
            }
            report.quarantined += held.len() as u64;
            report.list_quarantined(&held);
            held.extend(page.quarantine);
            self.keep_quarantine("import", &name, &held)?;
            let new = put(self, &good)?;
            report.stored += new;
            report.unchanged += (good.len() as u64).saturating_sub(new);
        }
        Ok(report)
    }

    /// Whether a day has not begun where an instrument trades. The simulated exchange has a time of its own.
    fn is_to_come(&self, instrument: InstrumentId, date: NaiveDate) -> bool {
        let exchange = instrument.exchange;
        exchange != Exchange::Sim && date > self.calendars().of(exchange).date_at(self.clock().now())
    }

    /// Stores headlines with the tone our lexicon gives them.
    pub(super) fn store_headlines(&self, rows: &[Headline]) -> Result<u64, ServiceError> {
        self.store_toned(rows.iter().map(|headline| (headline, None)))
    }

    /// The same beside the tone of the vendor that gave them.
    pub(super) fn store_told(&self, vendor: VendorId, rows: &[ScoredHeadline]) -> Result<u64, ServiceError> {
        let by = CleanText::new(vendor.as_str());
        self.store_toned(rows.iter().map(|row| (&row.headline, row.tone.map(|tone| (by.clone(), tone)))))
    }

    fn store_toned<'h>(
        &self,
        rows: impl Iterator<Item = (&'h Headline, Option<(CleanText, f64)>)>,
    ) -> Result<u64, ServiceError> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(0);
        }
        let lexicon = self.lexicon()?;
        let toned: Vec<store::StoredHeadline> = rows
            .map(|(headline, told)| store::StoredHeadline {
                tone: tone_of(lexicon, headline.headline.as_str()),
                headline: headline.clone(),
                told,
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
        let mut new = 0;
        for (name, members) in by_name {
            new += market.store_universe(name.as_str(), &members)?;
        }
        Ok(new)
    }

    pub(super) fn keep_quarantine(
        &self,
        job: &str,
        file: &CleanText,
        rows: &[Quarantined],
    ) -> Result<(), ServiceError> {
        let kept: Vec<store::Quarantined> = rows
            .iter()
            .map(|row| store::Quarantined { file: file.clone(), ..stored_quarantine(job, row) })
            .collect();
        Ok(lock(self.market_store()).store_quarantine(&kept, self.clock().now())?)
    }
}

/// A row of a table as it is set aside; file and line are added by who reads it.
fn aside(symbol: Symbol, date: &str, reason: QuarantineReason, raw: &str) -> Quarantined {
    Quarantined {
        symbol: CleanText::new(symbol.as_str()),
        date: CleanText::new(date),
        raw: CleanText::new(raw),
        ..Quarantined::because(reason)
    }
}

fn held_action(action: &CorporateAction, reason: QuarantineReason) -> Quarantined {
    aside(action.instrument.symbol, &action.date.to_string(), reason, &text_of(action))
}

/// A figure that would be known before its day.
fn early_figure(row: &Fundamental) -> Quarantined {
    let Fundamental { instrument, known_at, period_end, field, value } = row;
    let raw = format!("{known_at},{period_end},{},{field},{value}", instrument.symbol);
    let row = aside(instrument.symbol, &known_at.to_string(), QuarantineReason::FutureDate, &raw);
    Quarantined { field: "known_at".into(), ..row }
}

/// A headline of a day that has not come.
fn early_headline(row: &Headline) -> Quarantined {
    let raw = format!("{},{},{},{}", row.time, row.instrument.symbol, row.headline, row.source);
    let held = aside(row.instrument.symbol, &row.time.to_string(), QuarantineReason::FutureDate, &raw);
    Quarantined { field: "time".into(), ..held }
}

/// Holds back renames in a circle on one day, and to two symbols on one day. Good ones are added to `known`.
fn judged_renames(known: &mut Vec<Rename>, rows: &[Rename]) -> Vec<Option<Quarantined>> {
    let mut verdicts = Vec::with_capacity(rows.len());
    for row in rows {
        if row.old == row.new {
            verdicts.push(None);
            continue;
        }
        let same_day = |k: &&Rename| k.exchange == row.exchange && k.from == row.from;
        let target = |old| known.iter().filter(same_day).find(|k| k.old == old).map(|k| k.new);
        let is_split = target(row.old).is_some_and(|new| new != row.new);
        let mut at = Some(row.new);
        // No chain is longer than what is known.
        for _ in 0..=known.len() {
            at = at.filter(|symbol| *symbol != row.old).and_then(target).or(at.filter(|s| *s == row.old));
        }
        if is_split || at == Some(row.old) {
            let (from, reason) = (row.from.to_string(), QuarantineReason::BadRename);
            verdicts.push(Some(aside(row.old, &from, reason, &format!("{from},{},{}", row.old, row.new))));
        } else {
            known.push(row.clone());
            verdicts.push(None);
        }
    }
    verdicts
}

/// Tone of a headline; `None` when it says nothing either way.
fn tone_of(lexicon: &Lexicon, headline: &str) -> Option<f64> {
    let tone = lexicon.tone(headline);
    (tone != 0.0).then_some(tone)
}
