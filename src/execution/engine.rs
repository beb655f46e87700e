//! [`Engine`]: what the rest of the house sees of this room.

use std::sync::Arc;

use crate::domain::calendar::Calendars;
use crate::domain::command::Given;
use crate::domain::event::Event;
use crate::domain::facts::ExchangeFacts;
use crate::domain::id::IdError;
use crate::domain::journal::{Batch, JournalError};
use crate::domain::posting::Posting;
use crate::domain::row::Row;
use crate::domain::{
    Exchange, InstrumentId, MarketEvent, NumberError, OrderId, OrderStatus, OrderStep, Price, Seq, UnixNanos,
    UserName,
};
use crate::portfolio::Unbalanced;
use crate::risk::LimitError;

use super::fold::Effects;
use super::state::State;
use super::step::Step;
use super::{fold, project, step};

/// Why a step could not be taken. A refusal is never an error: it is an event. After an error the engine may hold
/// half a step and must be thrown away and recovered from the journal.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The market event is older than the exchange's market time.
    #[error(
        "market event at {found} is older than market time {market_time} of {exchange}: feed events in order"
    )]
    TimeGoesBack {
        /// Exchange.
        exchange: Exchange,
        /// Its market time.
        market_time: UnixNanos,
        /// The event's time.
        found: UnixNanos,
    },
    /// The journal has a gap.
    #[error("event {found} cannot follow event {after}: the journal has a gap")]
    Gap {
        /// Last event applied.
        after: Seq,
        /// Event found.
        found: Seq,
    },
    /// An event names an account or order that the journal never opened.
    #[error("event {seq} names {what}, which no earlier event made known: verify the journal")]
    Unknown {
        /// Event.
        seq: Seq,
        /// What it names.
        what: String,
    },
    /// The journal takes an order through a step that it cannot take.
    #[error("event {seq}: order {id} is {from:?} and cannot take the step {step:?}: verify the journal")]
    Illegal {
        /// Event.
        seq: Seq,
        /// Order.
        id: OrderId,
        /// Where it stood.
        from: OrderStatus,
        /// What was to happen.
        step: OrderStep,
    },
    /// A number does not fit.
    #[error("event {seq}: an amount {source}")]
    Number {
        /// Event.
        seq: Seq,
        /// Why.
        source: NumberError,
    },
    /// Postings do not balance.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// An event could not be encoded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A journaled limit cannot be read.
    #[error("event {seq}: {source}")]
    Limit {
        /// Event.
        seq: Seq,
        /// Why.
        source: LimitError,
    },
    /// The engine's own name is no user name.
    #[error("the engine's own name: {0}")]
    Name(#[from] IdError),
}

/// Under which name the engine itself acts in the journal.
pub const ENGINE_NAME: &str = "engine";

/// Orders, positions, cash and limits in force, and the paper exchange.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) calendars: Calendars,
    pub(super) state: State,
    pub(super) own_name: UserName,
}

impl Engine {
    /// An engine without history.
    pub fn new(calendars: Calendars) -> Result<Self, EngineError> {
        Ok(Self { calendars, state: State::default(), own_name: ENGINE_NAME.parse()? })
    }

    /// Rebuilds the state from a journal, from its first event on.
    pub fn recover<'e>(
        calendars: Calendars,
        events: impl IntoIterator<Item = &'e Event>,
    ) -> Result<Self, EngineError> {
        let mut engine = Self::new(calendars)?;
        for event in events {
            engine.apply(event)?;
        }
        Ok(engine)
    }

    /// The fold: takes one event into the state.
    pub fn apply(&mut self, event: &Event) -> Result<(), EngineError> {
        fold::apply(&mut self.state, &self.calendars, event, &mut Effects::default())
    }

    /// The same, with the postings and the rows that the event makes: what a store must hold beside it.
    pub fn refold(&mut self, event: &Event) -> Result<(Vec<Posting>, Vec<Row>), EngineError> {
        let mut effects = Effects::default();
        fold::apply(&mut self.state, &self.calendars, event, &mut effects)?;
        let (mut lines, mut rows, mut touched) = (Vec::new(), Vec::new(), project::Touched::default());
        project::note(&mut rows, &mut touched, event, &effects);
        step::post_all(&mut lines, &self.state, event.seq, &effects)?;
        Ok((lines, rows))
    }

    /// Rows of the tables that tell how things stand: every order, portfolio and limit version.
    pub fn standing_rows(&self) -> Vec<Row> {
        project::standing(&self.state)
    }

    /// The state as it stands; a clone is a snapshot.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The calendars it runs on.
    pub const fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// Sets a last price from stored bars after a restart. Moves no time, fills nothing, is not journaled.
    pub fn prime(&mut self, instrument: InstrumentId, price: Price, time: UnixNanos) {
        self.state.set_last(instrument, price, time);
    }

    /// Takes in facts of an exchange, as [`State::tell`] says.
    pub fn know(&mut self, exchange: Exchange, facts: &Arc<ExchangeFacts>) {
        self.state.tell(exchange, facts);
    }

    /// Answers a command given at market time `now` (and wall time `wall`, which is only recorded). The batch has no
    /// texts yet: who stores it makes them.
    pub fn command(&mut self, given: &Given, now: UnixNanos, wall: UnixNanos) -> Result<Batch, EngineError> {
        let by = given.actor;
        let mut step = Step::new(self, now, wall, by);
        step.command(given)?;
        step.finish()
    }

    /// Takes in what happened outside: moves market time, ends what is due, matches.
    pub fn market(&mut self, event: &MarketEvent, wall: UnixNanos) -> Result<Batch, EngineError> {
        let Some(time) = event.time() else { return Ok(Batch::default()) };
        let by = self.own_name;
        let mut step = Step::new(self, time, wall, by);
        step.market(event)?;
        step.finish()
    }

    /// Lets time pass on one exchange: ends orders that are due before `time`, owes and pays dividends.
    pub fn pass(
        &mut self,
        exchange: Exchange,
        time: UnixNanos,
        wall: UnixNanos,
    ) -> Result<Batch, EngineError> {
        let by = self.own_name;
        let mut step = Step::new(self, time, wall, by);
        step.begin(exchange)?;
        step.finish()
    }
}
