//! The quality of stored prices as people handle it: what was repaired, where sources disagree, which sessions are missing,
//! and what is to become of quarantined rows.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::market::{ActionKind, Basis, CorporateAction};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, QuarantineReason, Symbol, UnixNanos};
use crate::market::compare::{Told, compare};
use crate::market::import::{means, parse_symbol};
use crate::market::repair::{Change, Changed, Rule, told_twice};
use crate::market::validate;
use crate::store::market::{
    BarRun, Disagreement, MarketReader, QuarantineCase, QuarantineState, Quarantined, Series, SourceInfo,
    StoredRepair,
};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::import::{minutes, source_of};
use super::judged::{is_text, read_text};
use super::permit::{ManageData, Permit};

/// First and last day that a store can hold.
const ALL_DAYS: (NaiveDate, NaiveDate) = (NaiveDate::MIN, NaiveDate::MAX);

/// What a person wants done with a quarantined row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Store it as it is.
    Accept,
    /// Ask its source for the day again.
    Refetch,
    /// Leave it out and say no more about it.
    Ignore,
}

/// Most rows of a table of repairs, disagreements or quarantined rows.
const EXPORTED_MAX: u32 = 100_000;

/// One exported repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedRepair {
    /// Session as it was served.
    pub date: NaiveDate,
    /// Ticker.
    pub symbol: Symbol,
    /// Exchange.
    pub exchange: Exchange,
    /// Where it comes from.
    pub source: String,
    /// Name of the rule.
    pub rule: String,
    /// As it was served.
    pub before: String,
    /// As it was stored.
    pub after: String,
}

/// One exported disagreement, in prices restated for splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedDisagreement {
    /// Session.
    pub date: NaiveDate,
    /// Ticker.
    pub symbol: Symbol,
    /// Exchange.
    pub exchange: Exchange,
    /// Which price.
    pub field: String,
    /// One source.
    pub source: String,
    /// What it says.
    pub value: f64,
    /// The other source.
    pub other: String,
    /// What that says.
    pub other_value: f64,
}

/// One exported run of sessions without a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedGap {
    /// Ticker.
    pub symbol: Symbol,
    /// Exchange.
    pub exchange: Exchange,
    /// Source.
    pub source: String,
    /// First missing session.
    pub from: NaiveDate,
    /// Last missing session.
    pub to: NaiveDate,
}

/// One exported quarantined row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedCase {
    /// Its place.
    pub id: i64,
    /// What was decided: `open`, `accepted`, `refetch` or `ignored`.
    pub state: String,
    /// Symbol as given.
    pub symbol: String,
    /// Date as given.
    pub date: String,
    /// Reason code.
    pub reason: String,
    /// The column that says so; empty where it is the row as a whole.
    pub field: String,
    /// File or vendor.
    pub from: String,
    /// Line or row in it.
    pub line: u64,
    /// The row as given.
    pub raw: String,
}

/// What was changed before it was stored, as the store keeps it.
pub(super) fn repairs_of(
    instrument: InstrumentId,
    source: &CleanText,
    changes: &[Change],
    at: UnixNanos,
) -> Vec<StoredRepair> {
    let repair = |change: &Change| {
        let (before, after) = match &change.what {
            Changed::Bar { before, after } => (validate::line_of(before), validate::line_of(after)),
            Changed::Action { before, after } => {
                (dividend(before), after.as_ref().map_or_else(|| "none".to_owned(), dividend))
            }
            Changed::Adjusted { factor } => ("adjusted closes before".to_owned(), format!("times {factor}")),
        };
        StoredRepair {
            instrument,
            source: source.clone(),
            session: change.session,
            rule: CleanText::new(change.rule.as_str()),
            before: CleanText::new(&before),
            after: CleanText::new(&after),
            at,
        }
    };
    changes.iter().map(repair).collect()
}

fn dividend(action: &CorporateAction) -> String {
    match action.kind {
        ActionKind::Dividend { amount, .. } => format!("dividend {} {amount}", action.date),
        ActionKind::Split(ratio) => format!("split {} {}:{}", action.date, ratio.new, ratio.old),
    }
}

impl House {
    /// The newest repairs, of one instrument where it is named.
    pub fn repairs(
        &self,
        _: &Permit<ManageData>,
        of: Option<InstrumentId>,
        limit: u32,
    ) -> Result<Vec<StoredRepair>, ServiceError> {
        Ok(lock(self.market_store()).read().repairs(of, limit)?)
    }

    /// The newest repairs as a table.
    pub fn export_repairs(&self, permit: &Permit<ManageData>) -> Result<Vec<ExportedRepair>, ServiceError> {
        let repairs = self.repairs(permit, None, EXPORTED_MAX)?.into_iter();
        let row = |repair: StoredRepair| ExportedRepair {
            date: repair.session,
            symbol: repair.instrument.symbol,
            exchange: repair.instrument.exchange,
            source: repair.source.to_string(),
            rule: repair.rule.to_string(),
            before: repair.before.to_string(),
            after: repair.after.to_string(),
        };
        Ok(repairs.map(row).collect())
    }

    /// Disagreements of the newest sessions as a table.
    pub fn export_disagreements(
        &self,
        permit: &Permit<ManageData>,
    ) -> Result<Vec<ExportedDisagreement>, ServiceError> {
        let (found, _) = self.disagreements(permit, EXPORTED_MAX)?;
        let row = |one: Disagreement| {
            let ([source, other], [value, other_value]) = (one.sources, one.values);
            ExportedDisagreement {
                date: one.session,
                symbol: one.instrument.symbol,
                exchange: one.instrument.exchange,
                field: one.field.to_string(),
                source: source.to_string(),
                value,
                other: other.to_string(),
                other_value,
            }
        };
        Ok(found.into_iter().map(row).collect())
    }

    /// Missing sessions of all sources as a table.
    pub fn export_gaps(&self, _: &Permit<ManageData>) -> Result<Vec<ExportedGap>, ServiceError> {
        let sources = lock(self.market_store()).read().sources(None)?;
        let aside = self.set_aside_days()?;
        let mut rows = Vec::new();
        for SourceInfo { instrument, source, .. } in sources {
            let (symbol, exchange) = (instrument.symbol, instrument.exchange);
            let runs = self.gaps_but(instrument, source.as_str(), &aside)?.into_iter();
            rows.extend(runs.map(|(from, to)| ExportedGap {
                symbol,
                exchange,
                source: source.to_string(),
                from,
                to,
            }));
        }
        Ok(rows)
    }

    /// The newest quarantined rows as a table.
    pub fn export_quarantine(&self, permit: &Permit<ManageData>) -> Result<Vec<ExportedCase>, ServiceError> {
        let cases = self.quarantine_cases(permit, None, EXPORTED_MAX)?.into_iter();
        let row = |case: QuarantineCase| ExportedCase {
            id: case.id,
            state: case.state.as_str().to_owned(),
            symbol: case.row.symbol.to_string(),
            date: case.row.date.to_string(),
            reason: case.row.reason.to_string(),
            field: case.row.field.to_string(),
            from: case.row.file.to_string(),
            line: case.row.line,
            raw: case.row.raw.to_string(),
        };
        Ok(cases.map(row).collect())
    }

    /// Where sources disagree, newest sessions first, and how often in all.
    pub fn disagreements(
        &self,
        _: &Permit<ManageData>,
        limit: u32,
    ) -> Result<(Vec<Disagreement>, u64), ServiceError> {
        Ok(lock(self.market_store()).read().disagreements(limit)?)
    }

    /// Quarantined rows of one state, or all, newest first.
    pub fn quarantine_cases(
        &self,
        _: &Permit<ManageData>,
        state: Option<QuarantineState>,
        limit: u32,
    ) -> Result<Vec<QuarantineCase>, ServiceError> {
        Ok(lock(self.market_store()).read().quarantine_cases(state, limit)?)
    }

    /// Runs of sessions without a row between the first and the last of a source.
    pub fn gaps(
        &self,
        _: &Permit<ManageData>,
        instrument: InstrumentId,
        source: &str,
    ) -> Result<Vec<(NaiveDate, NaiveDate)>, ServiceError> {
        self.gaps_but(instrument, source, &self.set_aside_days()?)
    }

    /// Days of rows in quarantine that are not stored, with their symbols as they were written.
    fn set_aside_days(&self) -> Result<BTreeSet<(NaiveDate, String)>, ServiceError> {
        let cases = lock(self.market_store()).read().quarantine_cases(None, EXPORTED_MAX)?;
        let days = cases.into_iter().filter(|case| case.state != QuarantineState::Accepted);
        Ok(days.filter_map(|c| Some((c.row.date.as_str().parse().ok()?, c.row.symbol.to_string()))).collect())
    }

    /// Gaps; a day whose row is set aside is none.
    fn gaps_but(
        &self,
        instrument: InstrumentId,
        source: &str,
        aside: &BTreeSet<(NaiveDate, String)>,
    ) -> Result<Vec<(NaiveDate, NaiveDate)>, ServiceError> {
        let stored = lock(self.market_store()).read().sessions_of(instrument, source)?;
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(Vec::new()) };
        let stored: BTreeSet<&NaiveDate> = stored.iter().collect();
        let is_aside = |date: NaiveDate| {
            let rows = aside.range((date, String::new())..).take_while(|(on, _)| *on == date);
            rows.into_iter().any(|(_, symbol)| means(symbol, instrument))
        };
        let mut runs: Vec<(NaiveDate, NaiveDate)> = Vec::new();
        let mut open = false;
        for session in self.calendars().of(instrument.exchange).sessions_between(*first, *last) {
            let missing = !stored.contains(&session.date) && !is_aside(session.date);
            match runs.last_mut() {
                Some(run) if missing && open => run.1 = session.date,
                _ if missing => runs.push((session.date, session.date)),
                _ => {}
            }
            open = missing;
        }
        Ok(runs)
    }

    /// Does what a person decided about a quarantined row.
    pub fn decide_quarantined(
        &self,
        _: &Permit<ManageData>,
        id: i64,
        decision: Decision,
    ) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let mut market = lock(self.market_store());
        let Some(case) = market.read().quarantine_case(id)? else {
            return Err(ServiceError::Invalid(format!("row {id} is not in quarantine any more; look again")));
        };
        match decision {
            Decision::Ignore => {
                market.decide_quarantine(id, QuarantineState::Ignored, None, now)?;
            }
            Decision::Refetch => {
                let place = place_of(market.read(), &case)?;
                self.is_a_day(&case, &place)?;
                let calendar = self.calendars().of(place.instrument.exchange);
                let minute = case.row.date.as_str().parse().ok();
                let day = place.day.or_else(|| minute.map(|minute| calendar.date_at(minute)));
                if day.is_none() {
                    // Which day it is of cannot be read: all days are asked for again.
                    market.forget_coverage(place.instrument, place.source.as_str(), DataKind::ALL)?;
                }
                let wanted = day.map(|on| (place.instrument, place.source.as_str(), on));
                market.decide_quarantine(id, QuarantineState::Refetch, wanted, now)?;
            }
            Decision::Accept => {
                let place = place_of(market.read(), &case)?;
                self.is_a_day(&case, &place)?;
                let raw = case.row.raw.as_str();
                let calendar = self.calendars().of(place.instrument.exchange);
                if let Some(action) = read_text(raw, place.instrument) {
                    market.store_actions(&[action])?;
                } else if !minutes::accept(&mut market, calendar, (&case.row, place.instrument), now)? {
                    let bar = validate::read_line(raw, place.instrument);
                    let Some((bar, basis)) = bar.zip(place.basis) else {
                        return Err(ServiceError::Invalid(format!(
                            "row {id} ({}) has no prices that can be stored as they are; fetch it again or ignore it",
                            case.row.reason
                        )));
                    };
                    market.store_bars(&mut BarRun::new(place.source, basis, now), &[bar])?;
                }
                market.decide_quarantine(id, QuarantineState::Accepted, None, now)?;
            }
        }
        Ok(())
    }

    /// A row of a day on which nothing is traded can be neither stored nor asked for.
    fn is_a_day(&self, case: &QuarantineCase, place: &Place) -> Result<(), ServiceError> {
        let exchange = place.instrument.exchange;
        let is_session = |on| self.calendars().of(exchange).position_of(on).is_some();
        if !is_no_session(&case.row) || place.day.is_some_and(is_session) {
            return Ok(());
        }
        Err(ServiceError::Invalid(format!(
            "{} is no trading day of {exchange}: there is nothing to store or to ask for; ignore row {}, or correct the \
             date where it comes from",
            case.row.date, case.id
        )))
    }

    /// Looks over instruments whose prices have changed: splits told twice, sources that disagree, rows that were fetched
    /// again.
    pub(super) fn look_over(&self, touched: &BTreeSet<InstrumentId>) -> Result<(), ServiceError> {
        if touched.is_empty() {
            return Ok(());
        }
        self.drop_doubled_splits(touched)?;
        let disagreements = self.compare_sources(touched)?;
        let settled = lock(self.market_store()).settle_refetched()?;
        tracing::info!(instruments = touched.len(), disagreements, settled, "prices were looked over");
        Ok(())
    }

    /// Compares all sources of instruments with each other and keeps where they disagree. Returns how many such places
    /// there are.
    pub(super) fn compare_sources(&self, touched: &BTreeSet<InstrumentId>) -> Result<u64, ServiceError> {
        let sources = lock(self.market_store()).read().sources(None)?;
        let mut count = 0;
        for group in sources.chunk_by(|a, b| a.instrument == b.instrument) {
            let Some(instrument) = group.first().map(|info| info.instrument) else { continue };
            if group.len() < 2 || !touched.contains(&instrument) {
                continue;
            }
            for (index, a) in group.iter().enumerate() {
                for b in group.iter().skip(index + 1) {
                    count += self.compare_two(instrument, a, b)?;
                }
            }
        }
        Ok(count)
    }

    /// Takes out splits that are told twice where raw prices show only one of them, and keeps them as repairs. Returns
    /// how many went.
    pub(super) fn drop_doubled_splits(&self, touched: &BTreeSet<InstrumentId>) -> Result<u64, ServiceError> {
        let now = self.clock().now();
        let (from, to) = ALL_DAYS;
        let mut gone = 0;
        let exchanges: BTreeSet<Exchange> = touched.iter().map(|instrument| instrument.exchange).collect();
        for exchange in exchanges {
            let mut market = lock(self.market_store());
            let mut splits = market.read().actions_between(exchange, from, to)?;
            splits.retain(|a| matches!(a.kind, ActionKind::Split(_)) && touched.contains(&a.instrument));
            splits.sort_by_key(|a| (a.instrument, a.date));
            for group in splits.chunk_by(|a, b| a.instrument == b.instrument).filter(|group| group.len() > 1)
            {
                let Some(instrument) = group.first().map(|action| action.instrument) else { continue };
                let Some(raw) = market.read().bars(instrument, None, from, to)? else { continue };
                if raw.basis != Basis::Raw {
                    continue;
                }
                for twice in told_twice(&raw.bars, group) {
                    let what = Changed::Action { before: twice.clone(), after: None };
                    let change = Change { session: twice.date, rule: Rule::DoubledSplit, what };
                    market.remove_action(twice)?;
                    market.store_repairs(&repairs_of(instrument, &raw.source, &[change], now))?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }

    fn compare_two(
        &self,
        instrument: InstrumentId,
        a: &SourceInfo,
        b: &SourceInfo,
    ) -> Result<u64, ServiceError> {
        let now = self.clock().now();
        let mut market = lock(self.market_store());
        let (from, to) = ALL_DAYS;
        let bars = |source: &CleanText| market.read().bars(instrument, Some(source.as_str()), from, to);
        let (Some(told_a), Some(told_b)) = (bars(&a.source)?, bars(&b.source)?) else { return Ok(0) };
        let mut actions = market.read().actions_between(instrument.exchange, from, to)?;
        actions.retain(|action| action.instrument == instrument);
        let found = compare(told(&told_a), told(&told_b), &actions).differences;
        let kept: Vec<Disagreement> = found
            .iter()
            .map(|difference| Disagreement {
                instrument,
                session: difference.session,
                field: CleanText::new(difference.field),
                sources: [a.source.clone(), b.source.clone()],
                values: difference.values,
                at: now,
            })
            .collect();
        let names = [a.source.as_str(), b.source.as_str()];
        market.replace_disagreements(instrument, names, (from, to), &kept)?;
        Ok(kept.len() as u64)
    }
}

fn told(series: &Series) -> Told<'_> {
    Told { bars: &series.bars, basis: series.basis }
}

/// Whether a row has prices of a day on which nothing is traded. A split or dividend of such a day comes with the next
/// session.
pub(super) fn is_no_session(row: &Quarantined) -> bool {
    row.reason.as_str() == QuarantineReason::NotASession.code() && !is_text(row.raw.as_str())
}

/// Where a quarantined row belongs.
struct Place {
    instrument: InstrumentId,
    source: CleanText,
    /// `None` when nothing of the series is stored.
    basis: Option<Basis>,
    /// `None` when its day cannot be read.
    day: Option<NaiveDate>,
}

/// The series that a quarantined row is of: that of the source it was imported for or of the vendor which sent it, else the
/// one its file is called like, else the only one there is.
fn place_of(reader: &MarketReader, case: &QuarantineCase) -> Result<Place, ServiceError> {
    let row = &case.row;
    let day = row.date.as_str().parse().ok();
    let sources = reader.sources(None)?;
    // The row has its symbol as it was written: who is spelled so goes before whom it is read as.
    let written = row.symbol.as_str();
    let is_spelled = |info: &SourceInfo| info.instrument.symbol.as_str() == written;
    let is_exact = sources.iter().any(is_spelled);
    let of_symbol: Vec<&SourceInfo> = sources
        .iter()
        .filter(|info| if is_exact { is_spelled(info) } else { means(written, info.instrument) })
        .collect();
    let imported = source_of(&row.job);
    let is_sent = imported.is_some() || row.file.as_str().parse::<VendorId>().is_ok();
    let sender = imported.unwrap_or_else(|| row.file.clone());
    let of_sender: Vec<&SourceInfo> =
        of_symbol.iter().copied().filter(|info| info.source == sender).collect();
    let found = match (of_sender.as_slice(), of_symbol.as_slice()) {
        ([one], _) => Some(*one),
        ([], [one]) if !is_sent => Some(*one),
        _ => None,
    };
    if let Some(SourceInfo { instrument, source, basis, .. }) = found {
        return Ok(Place { instrument: *instrument, source: source.clone(), basis: Some(*basis), day });
    }
    // Nothing of this sender is stored: the instrument is known by having been asked for.
    let mut known = Vec::new();
    if is_sent && of_sender.is_empty() {
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let spelled = written.parse().ok();
            for symbol in spelled.into_iter().chain(parse_symbol(written, exchange)) {
                let id = InstrumentId::new(symbol, exchange);
                if reader.instrument(id)?.is_some() {
                    known.push(id);
                    break;
                }
            }
        }
    }
    match known.as_slice() {
        [instrument] => Ok(Place { instrument: *instrument, source: sender, basis: None, day }),
        _ => Err(ServiceError::Invalid(format!(
            "it is not clear which series row {} ({} {}) belongs to; import the symbol first, fetch it with \
             'qlib-pro sync SYMBOL --again', or ignore the row",
            case.id, row.symbol, row.date
        ))),
    }
}
