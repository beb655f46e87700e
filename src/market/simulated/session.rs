//! One session after history: its bars, its facts, and its ticks. Bars and ticks tell the same day.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::market::{CorporateAction, DailyBar, Fundamental, Headline};
use crate::domain::{Bar, InstrumentId, MarketEvent, UnixNanos};

use super::calendar::{CLOSE_SECONDS, OPEN_SECONDS, date_of, instant};
use super::facts::Facts;
use super::process::{ALPHA_A_YEAR, Day, SESSIONS_A_YEAR, State};
use super::ticks::{QUOTES_DEFAULT, Ticks};
use super::universe::Universe;

/// A generated session. Feed the engine its ticks or its bars, never both.
#[derive(Debug)]
pub struct Session {
    universe: Arc<Universe>,
    index: u32,
    days: Vec<Day>,
    facts: Facts,
}

impl Session {
    /// Steps `state` over its next session.
    pub(super) fn generate(universe: &Arc<Universe>, state: &mut State) -> Self {
        let index = state.next_index();
        let mut days = Vec::with_capacity(universe.instruments.len());
        state.step(universe, &mut days);
        let mut facts = Facts::default();
        facts.add_session(universe, index, &days);
        Self { universe: Arc::clone(universe), index, days, facts }
    }

    /// Its date.
    pub fn date(&self) -> NaiveDate {
        date_of(self.index)
    }

    /// When it opens.
    pub fn open(&self) -> UnixNanos {
        instant(self.date(), OPEN_SECONDS)
    }

    /// When it closes.
    pub fn close(&self) -> UnixNanos {
        instant(self.date(), CLOSE_SECONDS)
    }

    /// Daily bars in instrument order; known at the close.
    pub fn bars(&self) -> &[DailyBar] {
        &self.facts.bars
    }

    /// Splits and dividends with their ex-date on this session.
    pub fn actions(&self) -> &[CorporateAction] {
        &self.facts.actions
    }

    /// Figures that became known on this session, before the open.
    pub fn fundamentals(&self) -> &[Fundamental] {
        &self.facts.fundamentals
    }

    /// Headlines of the day by time; some are published after the close.
    pub fn headlines(&self) -> &[Headline] {
        &self.facts.headlines
    }

    /// The session's bars as the one event that ends it.
    pub fn bar_event(&self) -> MarketEvent {
        let (from, to) = (self.open(), self.close());
        let bars = self.facts.bars.iter().map(|b| Bar {
            instrument: b.instrument,
            from,
            to,
            open: b.open,
            high: b.high,
            low: b.low,
            close: b.close,
            volume: b.volume,
        });
        MarketEvent::Bars(bars.collect())
    }

    /// Splits and dividends as events at midnight UTC of the session, so that holders of the evening before
    /// get them. The session on which the clock starts has none.
    pub fn action_events(&self) -> Vec<MarketEvent> {
        let time = instant(self.date(), 0);
        self.facts.actions.iter().map(|action| MarketEvent::of_action(action, time)).collect()
    }

    /// The answer of the planted alpha at this session's close; see [`super::Simulation::planted_alpha`].
    pub fn planted_alpha(&self, instrument: InstrumentId) -> Option<f64> {
        let number = self.universe.instruments.binary_search_by_key(&instrument, |i| i.id).ok()?;
        self.days.get(number).map(|d| d.quality * ALPHA_A_YEAR / SESSIONS_A_YEAR)
    }

    /// All ticks of the session, about one quote a minute and name.
    pub fn ticks(&self) -> Ticks {
        self.ticks_with(QUOTES_DEFAULT, UnixNanos::ZERO)
    }

    /// The ticks later than `time`: the rest of a session that is under way.
    pub fn ticks_after(&self, time: UnixNanos) -> Ticks {
        self.ticks_with(QUOTES_DEFAULT, time)
    }

    /// The ticks later than `time` at `quotes` a name and session (held to the bounds in [`super::ticks`]).
    pub fn ticks_with(&self, quotes: usize, time: UnixNanos) -> Ticks {
        Ticks::new(&self.universe, self.index, &self.days, quotes, time)
    }
}
