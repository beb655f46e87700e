//! What may be stored of a fetched series: rules that need more than one row.
//!
//! A vendor's parser has judged every row by itself. [`sift`] sees the series, what is stored before it, its splits and
//! dividends and the exchange's sessions. It repairs what [`super::repair`] can, holds back rows that are wrong in a way
//! nothing can put right, each with its reason, and names rows that are odd but may be true. Nothing is silently dropped,
//! and no row is made up.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::import::{check_prices, means, parse_scaled};
use super::repair::{Change, Suspect, is_other_unit, repair};
use crate::domain::calendar::Calendar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};
use crate::domain::{CleanText, InstrumentId, Price, QuarantineReason as Reason, Quarantined, Volume};

/// A jump is a close farther from the one before than this share of it.
const JUMP: f64 = 0.4;
/// A close that comes back within this share of where it was is a bad print.
const BACK: f64 = 0.1;
/// A jump of news trades this many times the usual volume; an action that was not applied does not.
const NEWS_VOLUME: f64 = 8.0;
/// At least this share of an unapplied action's step is there at the open.
const AT_OPEN: f64 = 0.75;
/// Rows that tell the usual volume and noise.
const USUAL_ROWS: usize = 20;
/// A raw series must step by a split's ratio on its day, give or take this share of its logarithm.
const SPLIT_SLACK: f64 = 0.5;

/// A row that is odd and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// A fall or rise over 40 % that volume does not explain: probably a split or distribution that nobody told.
    UnadjustedAction,
    /// The next row takes the move back.
    BadPrint,
    /// A jump over 40 % with the volume of news.
    Jump,
    /// Nothing was traded.
    ZeroVolume,
    /// A raw series does not show a split that is told for this day.
    SplitNotSeen,
}

impl Oddity {
    /// The word used in stores and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Oddity::UnadjustedAction => "unadjusted_action",
            Oddity::BadPrint => "bad_print",
            Oddity::Jump => "jump",
            Oddity::ZeroVolume => "zero_volume",
            Oddity::SplitNotSeen => "split_not_seen",
        }
    }
}

/// What may be stored of a series, and what not.
#[derive(Debug, Clone, PartialEq)]
pub struct Sifted {
    /// Rows to store, oldest first; those that were stored already are not among them.
    pub bars: Vec<DailyBar>,
    /// Splits and dividends to store, in raw terms.
    pub actions: Vec<CorporateAction>,
    /// What was repaired, with what it was before.
    pub changes: Vec<Change>,
    /// Rows that may not be stored.
    pub quarantined: Vec<(DailyBar, Reason)>,
    /// Second rows of a session with the values of the first.
    pub duplicates: u64,
    /// Rows that are odd and kept.
    pub odd: Vec<(NaiveDate, Oddity)>,
}

/// Sifts a fetched series. `stored` are the last stored rows of the same source before it (20 or so; none for a first
/// fetch or a refetch of everything), `suspect` is what was fetched: its `bars` in any order, its `known` not used.
pub fn sift(stored: &[DailyBar], suspect: &Suspect<'_>, calendar: &Calendar) -> Sifted {
    let mut quarantined = Vec::new();
    let mut good = Vec::with_capacity(suspect.bars.len());
    for bar in suspect.bars {
        match judge(bar) {
            Ok(()) => good.push(*bar),
            Err(reason) => quarantined.push((*bar, reason)),
        }
    }
    let duplicates = one_a_session(&mut good, &mut quarantined);
    let newest = stored.last().map(|bar| bar.session);
    // An overlap is compared with the store by who stores it; only what is new is judged against it.
    let known: Vec<DailyBar> = stored
        .iter()
        .filter(|bar| good.first().is_none_or(|first| bar.session < first.session))
        .copied()
        .collect();
    let all: Vec<DailyBar> = known.iter().chain(&good).copied().collect();
    let adjusted = adjusted_of(suspect, &all, known.len());
    let whole =
        Suspect { bars: &all, known: known.len(), adjusted: &adjusted, calendar: Some(calendar), ..*suspect };
    let repaired = repair(&whole);
    let mut sifted = Sifted {
        bars: Vec::with_capacity(good.len()),
        actions: repaired.actions,
        changes: repaired.changes,
        quarantined,
        duplicates,
        odd: Vec::new(),
    };
    let new = repaired.bars.into_iter().skip(known.len());
    let before = sifted.take(known, new, suspect.basis, calendar);
    let since = newest.filter(|_| !stored.is_empty());
    sifted.odd = oddities(&before, &sifted.actions, suspect.basis);
    sifted.odd.retain(|(session, _)| since.is_none_or(|since| *session > since));
    sifted
}

impl Sifted {
    /// Takes new rows after the known ones; all rows of the series come back.
    fn take(
        &mut self,
        known: Vec<DailyBar>,
        new: impl Iterator<Item = DailyBar>,
        basis: Basis,
        calendar: &Calendar,
    ) -> Vec<DailyBar> {
        let mut before = known;
        // So many stored rows are the level, whatever comes.
        let is_settled = before.len() >= USUAL_ROWS;
        // The last rows when all of them are in another unit.
        let mut other: Vec<DailyBar> = Vec::new();
        for bar in new {
            match in_series(&before, &bar, &self.actions, basis, calendar) {
                Ok(()) => {
                    other.clear();
                    self.bars.push(bar);
                    before.push(bar);
                }
                Err(reason) => {
                    self.quarantined.push((bar, reason));
                    if reason == Reason::Unit100x {
                        other.push(bar);
                    }
                }
            }
            if !is_settled && other.len() > before.len() {
                // Most rows are in it, so it is the truth.
                self.quarantined.retain(|(bar, reason)| *reason != Reason::Unit100x || !other.contains(bar));
                self.bars.extend(&other);
                before.append(&mut other);
            }
        }
        before
    }

    /// The rows that may not be stored, as they are kept.
    pub fn quarantine(&self, file: &CleanText) -> Vec<Quarantined> {
        quarantine(&self.quarantined, file)
    }
}

/// Rows that may not be stored, as they are kept: `file` is the vendor's name, the row is written as a file has it.
pub fn quarantine(rows: &[(DailyBar, Reason)], file: &CleanText) -> Vec<Quarantined> {
    let row = |(line, (bar, reason)): (u64, &(DailyBar, Reason))| Quarantined {
        file: file.clone(),
        line,
        symbol: CleanText::new(bar.instrument.symbol.as_str()),
        date: CleanText::new(&bar.session.to_string()),
        raw: CleanText::new(&line_of(bar)),
        ..Quarantined::because(*reason)
    };
    (1..).zip(rows).map(row).collect()
}

/// A bar as a line of a file: `date,symbol,open,high,low,close,volume`.
pub fn line_of(bar: &DailyBar) -> String {
    let DailyBar { session, open, high, low, close, volume, .. } = bar;
    format!("{session},{},{open},{high},{low},{close},{volume}", bar.instrument.symbol)
}

/// Reads such a line of an instrument; `None` unless it is a whole bar of it with prices in order.
pub fn read_line(line: &str, instrument: InstrumentId) -> Option<DailyBar> {
    let fields: Vec<&str> = line.split(',').collect();
    let [day, symbol, prices @ .., volume] = fields.as_slice() else { return None };
    let [open, high, low, close] = prices else { return None };
    let price = |text: &str| parse_scaled(text, 9).ok().map(Price::from_raw);
    let bar = DailyBar {
        instrument: Some(instrument).filter(|instrument| means(symbol, *instrument))?,
        session: day.parse().ok()?,
        open: price(open)?,
        high: price(high)?,
        low: price(low)?,
        close: price(close)?,
        volume: Volume::from_raw(parse_scaled(volume, 3).ok()?),
        vwap: None,
    };
    judge(&bar).is_ok().then_some(bar)
}

/// What one row says against itself.
fn judge(bar: &DailyBar) -> Result<(), Reason> {
    check_prices(bar.open, bar.high, bar.low, bar.close)?;
    if bar.volume.is_negative() { Err(Reason::NegativeVolume) } else { Ok(()) }
}

/// The vendor's adjusted closes of the rows that are judged: none of those that are stored already.
fn adjusted_of(suspect: &Suspect<'_>, all: &[DailyBar], known: usize) -> Vec<Option<f64>> {
    if suspect.adjusted.len() != suspect.bars.len() {
        return Vec::new();
    }
    let told: BTreeMap<NaiveDate, Option<f64>> =
        suspect.bars.iter().map(|bar| bar.session).zip(suspect.adjusted.iter().copied()).collect();
    let of = |(index, bar): (usize, &DailyBar)| {
        if index < known { None } else { told.get(&bar.session).copied().flatten() }
    };
    all.iter().enumerate().map(of).collect()
}

/// Sorts by session and keeps one row of each: of different ones the later, since a live row precedes the final one.
fn one_a_session(bars: &mut Vec<DailyBar>, quarantined: &mut Vec<(DailyBar, Reason)>) -> u64 {
    bars.sort_by_key(|bar| bar.session);
    let mut kept: Vec<DailyBar> = Vec::with_capacity(bars.len());
    let mut duplicates = 0;
    for bar in bars.drain(..) {
        match kept.last_mut() {
            Some(last) if *last == bar => duplicates += 1,
            Some(last) if last.session == bar.session => {
                quarantined.push((*last, Reason::DuplicateKey));
                *last = bar;
            }
            _ => kept.push(bar),
        }
    }
    *bars = kept;
    duplicates
}

/// What the rows before say against a row.
fn in_series(
    before: &[DailyBar],
    bar: &DailyBar,
    actions: &[CorporateAction],
    basis: Basis,
    calendar: &Calendar,
) -> Result<(), Reason> {
    if calendar.position_of(bar.session).is_none() {
        return Err(Reason::NotASession);
    }
    let Some(last) = before.last() else { return Ok(()) };
    let same = DailyBar { session: last.session, ..*bar } == *last;
    if same && !bar.volume.is_zero() {
        return Err(Reason::StaleRepeat);
    }
    let expected = if basis == Basis::Raw { splits_between(actions, last.session, bar.session) } else { 1.0 };
    let step = libm::log(bar.close.to_f64() * expected / last.close.to_f64());
    let recent = before.split_at(before.len().saturating_sub(USUAL_ROWS)).1;
    if is_other_unit(recent, step) { Err(Reason::Unit100x) } else { Ok(()) }
}

/// New shares for one old over the splits after one day, up to another.
fn splits_between(actions: &[CorporateAction], after: NaiveDate, upto: NaiveDate) -> f64 {
    let inside = actions.iter().filter(|action| action.date > after && action.date <= upto);
    inside.map(ratio_of).product()
}

fn ratio_of(action: &CorporateAction) -> f64 {
    match action.kind {
        ActionKind::Split(ratio) => ratio.new.to_f64() / ratio.old.to_f64(),
        ActionKind::Dividend { .. } => 1.0,
    }
}

/// Rows of a series, oldest first, that are odd: the reason to look, not to leave out.
pub fn oddities(bars: &[DailyBar], actions: &[CorporateAction], basis: Basis) -> Vec<(NaiveDate, Oddity)> {
    let mut odd = BTreeSet::new();
    for bar in bars.iter().filter(|bar| bar.volume.is_zero()) {
        odd.insert((bar.session, Oddity::ZeroVolume));
    }
    for (index, pair) in bars.windows(2).enumerate() {
        let [last, bar] = pair else { continue };
        let split =
            if basis == Basis::Raw { splits_between(actions, last.session, bar.session) } else { 1.0 };
        let step = bar.close.to_f64() * split / last.close.to_f64();
        let size = libm::log(split).abs();
        let unseen = libm::log(bar.close.to_f64() / last.close.to_f64()) + libm::log(split);
        if size > 0.0 && unseen.abs() > SPLIT_SLACK * size {
            odd.insert((bar.session, Oddity::SplitNotSeen));
        } else if (step - 1.0).abs() > JUMP {
            let (session, oddity) = explain(bars, index, step, split);
            odd.insert((session, oddity));
        }
    }
    odd.into_iter().collect()
}

/// What a jump from row `index` to the next probably is.
fn explain(bars: &[DailyBar], index: usize, step: f64, split: f64) -> (NaiveDate, Oddity) {
    let close = |at: Option<&DailyBar>| at.map(|bar| bar.close.to_f64());
    let (Some(last), Some(bar)) = (bars.get(index), bars.get(index + 1)) else {
        return (NaiveDate::MIN, Oddity::Jump);
    };
    let earlier = index.checked_sub(1).and_then(|before| close(bars.get(before)));
    let returns = |from: Option<f64>, to: Option<f64>| {
        from.zip(to).is_some_and(|(from, to)| (to / from - 1.0).abs() < BACK)
    };
    if returns(earlier, Some(bar.close.to_f64() * split)) {
        return (last.session, Oddity::BadPrint);
    }
    if returns(Some(last.close.to_f64()), close(bars.get(index + 2))) {
        return (bar.session, Oddity::BadPrint);
    }
    let mut volumes: Vec<f64> =
        bars.iter().take(index + 1).rev().take(USUAL_ROWS).map(|bar| bar.volume.to_f64()).collect();
    volumes.sort_by(f64::total_cmp);
    let usual = volumes.get(volumes.len() / 2).copied().unwrap_or(0.0);
    let at_open = libm::log(bar.open.to_f64() * split / last.close.to_f64()) / libm::log(step);
    let quiet = bar.volume.to_f64() < usual * if step < 1.0 { NEWS_VOLUME } else { 1.0 };
    let oddity = if quiet && at_open > AT_OPEN { Oddity::UnadjustedAction } else { Oddity::Jump };
    (bar.session, oddity)
}

#[cfg(test)]
mod tests;
