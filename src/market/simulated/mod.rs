//! SIM: a deterministic simulated exchange.
//!
//! From a seed and a number of names it makes five years of history (raw daily bars, splits, dividends,
//! fundamentals with the day they became known, headlines) and every session after it, as a bar or as ticks. The
//! same seed gives the same bytes on every platform: own random numbers, `libm` for what IEEE 754 does not fix,
//! one order of operations. Its statistics are fitted to real daily data (the tests print and hold the table).
//!
//! It holds a *planted alpha*: a hidden quality of each name, half-life 126 sessions, of which one standard
//! deviation is worth 7 % a year. Momentum, value and sentiment factors see it dimly;
//! [`Simulation::planted_alpha`] is the answer they can be marked against.
//!
//! Everything is on [`Exchange::Sim`](crate::domain::Exchange::Sim), its tickers start with [`TICKER_PREFIX`],
//! and stored rows carry [`SOURCE`]. No file, clock or socket is touched.

mod calendar;
mod facts;
mod news;
mod process;
mod rng;
mod session;
pub mod ticks;
mod universe;

#[cfg(test)]
mod calibration;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::market::{CorporateAction, DailyBar, Fundamental, Headline};
use crate::domain::{Instrument, InstrumentId, UnixNanos};

use facts::Facts;
use process::State;

pub use calendar::{CLOSE_SECONDS, FUTURE_SESSIONS_MAX, HISTORY_SESSIONS, OPEN_SECONDS, START_SECONDS};
pub use news::NEWS_SOURCE;
pub use process::{ALPHA_A_YEAR, SESSIONS_A_YEAR};
pub use session::Session;
pub use ticks::Ticks;
pub use universe::{SECTORS, SYMBOLS_MAX, TICKER_PREFIX, Universe};

/// Source name under which SIM's prices are stored.
pub const SOURCE: &str = "SIMULATED";

/// The simulated exchange: its names, its history, and the way on.
#[derive(Debug)]
pub struct Simulation {
    universe: Arc<Universe>,
    history: Facts,
    quality: Vec<f64>,
    end: State,
}

impl Simulation {
    /// Generates the history of `symbols` names (held to 1..=[`SYMBOLS_MAX`]).
    pub fn new(seed: u64, symbols: usize) -> Self {
        let universe = Arc::new(Universe::invent(seed, symbols));
        let count = universe.instruments.len();
        let cells = count * HISTORY_SESSIONS as usize;
        let mut history = Facts::before_history(&universe);
        history.bars.reserve_exact(cells);
        let mut quality = Vec::with_capacity(cells);
        let mut state = State::start(&universe);
        let mut days = Vec::with_capacity(count);
        for index in 0..HISTORY_SESSIONS {
            days.clear();
            state.step(&universe, &mut days);
            history.add_session(&universe, index, &days);
            quality.extend(days.iter().map(|d| d.quality));
        }
        Self { universe, history, quality, end: state }
    }

    /// The seed it was made from.
    pub fn seed(&self) -> u64 {
        self.universe.seed
    }

    /// Its instruments in id order.
    pub fn instruments(&self) -> &[Instrument] {
        &self.universe.instruments
    }

    /// Raw daily bars of history by session, then instrument.
    pub fn bars(&self) -> &[DailyBar] {
        &self.history.bars
    }

    /// Splits and dividends of history by ex-date.
    pub fn actions(&self) -> &[CorporateAction] {
        &self.history.actions
    }

    /// Fundamentals of history: per share and over four quarters `eps`, `sales`, `cash_flow` and `dividend`; per
    /// share `book_value`; and `shares` outstanding. The first report of each name was known before the first
    /// session; on the day of a split the last report is restated in the new shares.
    pub fn fundamentals(&self) -> &[Fundamental] {
        &self.history.fundamentals
    }

    /// Headlines of history by time.
    pub fn headlines(&self) -> &[Headline] {
        &self.history.headlines
    }

    /// The answer to a factor test: the log return above the usual drift that the name's hidden quality adds,
    /// on average, to the session *after* `session`. `None` outside history (see [`Session::planted_alpha`]
    /// for later sessions). Not for strategies: no market tells this.
    pub fn planted_alpha(&self, instrument: InstrumentId, session: NaiveDate) -> Option<f64> {
        let number = self.universe.instruments.binary_search_by_key(&instrument, |i| i.id).ok()?;
        let index = calendar::index_of(session).filter(|i| *i < HISTORY_SESSIONS)?;
        let cell = index as usize * self.universe.instruments.len() + number;
        self.quality.get(cell).map(|q| q * ALPHA_A_YEAR / SESSIONS_A_YEAR)
    }

    /// First session of history.
    pub fn first_session(&self) -> NaiveDate {
        calendar::date_of(0)
    }

    /// Last session of history, the one before the clock starts.
    pub fn last_session(&self) -> NaiveDate {
        calendar::date_of(HISTORY_SESSIONS - 1)
    }

    /// When SIM's clock starts: in the middle of the first session after history.
    pub fn start_time(&self) -> UnixNanos {
        calendar::instant(calendar::date_of(HISTORY_SESSIONS), START_SECONDS)
    }

    /// A cursor before the first session after history.
    pub fn cursor(&self) -> Cursor {
        Cursor { universe: Arc::clone(&self.universe), state: self.end.clone() }
    }

    /// One session after history; `None` for dates of history, weekends, and dates beyond
    /// [`FUTURE_SESSIONS_MAX`]. Costs one step for every session between: use a [`Cursor`] to go on.
    pub fn session(&self, date: NaiveDate) -> Option<Session> {
        self.cursor().session(date)
    }
}

/// Walks forward over the sessions after history, one step each.
#[derive(Debug, Clone)]
pub struct Cursor {
    universe: Arc<Universe>,
    state: State,
}

impl Cursor {
    /// Date of the session that [`Cursor::advance`] makes.
    pub fn next_date(&self) -> NaiveDate {
        calendar::date_of(self.state.next_index())
    }

    /// The next session.
    pub fn advance(&mut self) -> Session {
        Session::generate(&self.universe, &mut self.state)
    }

    /// Walks to the session of `date` and over it; `None` (and no step) when it lies behind, is a weekend or is
    /// too far.
    pub fn session(&mut self, date: NaiveDate) -> Option<Session> {
        let index = calendar::index_of(date)?;
        if index < self.state.next_index() || index >= HISTORY_SESSIONS + FUTURE_SESSIONS_MAX {
            return None;
        }
        let mut days = Vec::with_capacity(self.universe.instruments.len());
        while self.state.next_index() < index {
            days.clear();
            self.state.step(&self.universe, &mut days);
        }
        Some(self.advance())
    }
}
