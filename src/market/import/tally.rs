//! What one import command has seen: duplicates and gaps over all its files.
//!
//! For each symbol it keeps one 64-bit word a session: nothing read, only quarantined rows read, or a hash of the first
//! good row's values. Words come in blocks of 32 sessions (256 bytes), so a dense file costs 8 bytes a row, a million
//! rows 8 MB, and the worst possible file 256 bytes a row. Two different rows of one key pass for equal with a
//! probability of 2^-63.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::NaiveDate;

use crate::domain::calendar::Calendar;
use crate::domain::market::DailyBar;
use crate::domain::{Price, QuarantineReason, Symbol};

/// Most symbols of one command; rows of further ones are quarantined.
pub const SYMBOLS_MAX: usize = 100_000;
/// Sessions in a block.
const BLOCK_SESSIONS: i64 = 32;
/// No row was read.
const UNREAD: u64 = 0;
/// Only quarantined rows were read.
const QUARANTINED: u64 = 1;

/// Whether prices are all above zero and stand in order: low ≤ open, close ≤ high.
pub fn check_prices(open: Price, high: Price, low: Price, close: Price) -> Result<(), QuarantineReason> {
    if [open, high, low, close].iter().any(|price| !price.is_positive()) {
        return Err(QuarantineReason::NonPositivePrice);
    }
    let broken = low > open.min(close) || high < open.max(close);
    if broken { Err(QuarantineReason::BrokenHighLow) } else { Ok(()) }
}

/// Which of open, high, low and close such prices are to blame on, by its place among them.
pub(super) fn to_blame(prices: [Price; 4]) -> usize {
    let [open, _, low, close] = prices;
    let is_low = usize::from(low > open.min(close));
    prices.iter().position(|price| !price.is_positive()).unwrap_or(1 + is_low)
}

/// One symbol's rows.
#[derive(Debug)]
struct Span {
    first: NaiveDate,
    last: NaiveDate,
    blocks: BTreeMap<i64, Box<[u64; BLOCK_SESSIONS as usize]>>,
}

impl Span {
    fn word(&mut self, position: i64) -> Option<&mut u64> {
        let block = self.blocks.entry(position.div_euclid(BLOCK_SESSIONS)).or_default();
        block.get_mut(usize::try_from(position.rem_euclid(BLOCK_SESSIONS)).ok()?)
    }

    fn is_unread(&self, position: i64) -> bool {
        let block = self.blocks.get(&position.div_euclid(BLOCK_SESSIONS));
        let place = usize::try_from(position.rem_euclid(BLOCK_SESSIONS)).ok();
        let word = block.zip(place).and_then(|(block, place)| block.get(place));
        word.is_none_or(|word| *word == UNREAD)
    }
}

/// What a good row is to the rows before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    Equal,
    Other,
}

/// All rows of a command.
#[derive(Debug)]
pub(super) struct Tally {
    calendar: Calendar,
    spans: HashMap<Symbol, Span>,
}

fn hash_of(bar: &DailyBar) -> u64 {
    let mut hasher = DefaultHasher::new();
    (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap).hash(&mut hasher);
    hasher.finish() | 2
}

impl Tally {
    pub(super) fn new(calendar: Calendar) -> Self {
        Self { calendar, spans: HashMap::new() }
    }

    pub(super) const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Notes a row whose symbol and date are known: a good bar, or the reason against it.
    pub(super) fn note<E: From<QuarantineReason>>(
        &mut self,
        symbol: Symbol,
        date: NaiveDate,
        row: Result<DailyBar, E>,
    ) -> Result<(DailyBar, Seen), E> {
        if !self.calendar.covers(date) {
            return Err(row.err().unwrap_or(QuarantineReason::NotASession.into()));
        }
        if self.spans.len() >= SYMBOLS_MAX && !self.spans.contains_key(&symbol) {
            return Err(QuarantineReason::TooManySymbols.into());
        }
        let empty = || Span { first: date, last: date, blocks: BTreeMap::new() };
        let span = self.spans.entry(symbol).or_insert_with(empty);
        (span.first, span.last) = (span.first.min(date), span.last.max(date));
        let place = self.calendar.position_of(date).and_then(|position| span.word(position));
        let Some(word) = place else {
            return Err(row.err().unwrap_or(QuarantineReason::NotASession.into()));
        };
        let bar = match row {
            Ok(bar) => bar,
            Err(reason) => {
                *word = (*word).max(QUARANTINED);
                return Err(reason);
            }
        };
        let hash = hash_of(&bar);
        let seen = match *word {
            UNREAD | QUARANTINED => Seen::New,
            first if first == hash => Seen::Equal,
            _ => Seen::Other,
        };
        if seen == Seen::New {
            *word = hash;
        }
        Ok((bar, seen))
    }

    /// Gaps and runs of gaps over all symbols.
    pub(super) fn gaps(&self) -> (u64, u64) {
        self.spans.values().map(|span| self.gaps_of(span)).fold((0, 0), |sum, g| (sum.0 + g.0, sum.1 + g.1))
    }

    fn gaps_of(&self, span: &Span) -> (u64, u64) {
        let (mut gaps, mut runs, mut in_run) = (0, 0, false);
        let Some(start) = self.calendar.position_on_or_after(span.first) else { return (0, 0) };
        let end = span.last.succ_opt().and_then(|after| self.calendar.position_on_or_after(after));
        // Without a day after the last covered one, that one bounds the span.
        let end = end.or_else(|| self.calendar.position_of(span.last)).unwrap_or(start);
        for position in start..end {
            let unread = span.is_unread(position);
            gaps += u64::from(unread);
            runs += u64::from(unread && !in_run);
            in_run = unread;
        }
        (gaps, runs)
    }
}
