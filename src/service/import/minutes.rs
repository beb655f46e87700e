//! Imported minutes on their way to the store, and a row of them that was set aside when a person accepts it.

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit};
use super::{MinuteImport, Progress};
use crate::domain::calendar::Calendar;
use crate::domain::import::ImportReport;
use crate::domain::market::MinuteBar;
use crate::domain::{CleanText, InstrumentId, UnixNanos};
use crate::market::import::{MinuteFile, MinuteRow, MinuteRun, read_minute};
use crate::store::MarketStore;
use crate::store::market::{MinuteOutcome, MinuteSide, Quarantined};

/// The jobs under which rows are quarantined, before their source: times of an exchange, and of a market that never
/// closes.
const JOBS: [(&str, bool); 2] = [("import minutes:", false), ("import minutes round the clock:", true)];

/// What rows that an import sets aside are filed under.
fn job_of(wish: &MinuteImport) -> String {
    let job = JOBS.iter().find(|(_, never_closes)| *never_closes == wish.never_closes);
    format!("{}{}", job.map_or("", |(job, _)| job), wish.source)
}

/// The source of rows that such an import set aside, and whether their market never closes.
pub(super) fn source_of(job: &CleanText) -> Option<(CleanText, bool)> {
    let source = |(prefix, never_closes): &(&str, bool)| {
        Some((CleanText::new(job.as_str().strip_prefix(prefix)?), *never_closes))
    };
    JOBS.iter().find_map(source)
}

/// Stores a row that was set aside as it was read, where it is whole by itself; `false` where it is none of minutes.
pub(in crate::service) fn accept(
    market: &mut MarketStore,
    calendar: &Calendar,
    (row, instrument): (&Quarantined, InstrumentId),
    at: UnixNanos,
) -> Result<bool, ServiceError> {
    let Some((source, never_closes)) = source_of(&row.job) else { return Ok(false) };
    let Some(read) = read_minute(row.raw.as_str(), instrument, calendar, never_closes) else {
        return Ok(false);
    };
    store(market, &source, &[read], at)?;
    Ok(true)
}

/// A row of bids and asks is two bars and counts once.
fn store(
    market: &mut MarketStore,
    source: &CleanText,
    rows: &[(InstrumentId, MinuteRow)],
    at: UnixNanos,
) -> Result<[MinuteOutcome; 2], ServiceError> {
    let side = |pick: fn(&MinuteRow) -> Option<MinuteBar>| -> Vec<(InstrumentId, MinuteBar)> {
        rows.iter().filter_map(|(id, row)| Some((*id, pick(row)?))).collect()
    };
    let trades = |row: &MinuteRow| if let MinuteRow::Trades(bar) = row { Some(*bar) } else { None };
    let bids = |row: &MinuteRow| if let MinuteRow::Sides(bid, _) = row { Some(*bid) } else { None };
    let asks = |row: &MinuteRow| if let MinuteRow::Sides(_, ask) = row { Some(*ask) } else { None };
    let mut store =
        |side, bars: &[(InstrumentId, MinuteBar)]| market.store_minutes(source.as_str(), side, bars, at);
    let trades = store(MinuteSide::Trade, &side(trades))?;
    let bids = store(MinuteSide::Bid, &side(bids))?;
    store(MinuteSide::Ask, &side(asks))?;
    Ok([trades, bids])
}

impl House {
    /// Imports minute bars of trades, or of bids and asks. All files are opened before a row is stored.
    pub fn import_minutes(
        &self,
        _: &Permit<ManageData>,
        wish: &MinuteImport,
        mut progress: impl FnMut(Progress),
    ) -> Result<ImportReport, ServiceError> {
        let files = wish.files.iter().map(|f| MinuteFile::open_path(f)).collect::<Result<Vec<_>, _>>()?;
        let odd = self.odd_spellings()?;
        let mut run = MinuteRun::new(self.calendars().of(wish.exchange).clone(), wish.never_closes);
        let mut report = ImportReport::default();
        for file in files {
            let name = file.name().clone();
            for page in run.pages(file.among(&odd)) {
                let page = page?;
                page.count_into(&mut report);
                let rows: Vec<(InstrumentId, MinuteRow)> = page.rows.iter().map(|row| row.value).collect();
                report.flagged += rows.iter().filter(|(_, row)| row.is_crossed()).count() as u64;
                let wall = self.clock().now();
                for outcome in store(&mut lock(self.market_store()), &wish.source, &rows, wall)? {
                    report.stored += outcome.stored;
                    report.revised += outcome.revised;
                    report.unchanged += outcome.unchanged;
                }
                self.keep_quarantine(&job_of(wish), &name, &page.quarantine)?;
                progress(Progress { rows: report.read, bytes: page.bytes_read });
            }
        }
        run.finish(&mut report);
        tracing::info!(read = report.read, stored = report.stored, "minutes imported");
        Ok(report)
    }
}
