//! What the engine was given, in its order, written down for tests that play a day again.

use std::sync::{Arc, Mutex};

use crate::domain::command::Given;
use crate::domain::facts::ExchangeFacts;
use crate::domain::journal::Batch;
use crate::domain::{Exchange, InstrumentId, MarketEvent, Price, UnixNanos};
use crate::execution::{Engine, EngineError};

use super::lock;

/// One thing that the engine was given, with its time and the wall's.
#[derive(Debug, Clone)]
pub enum Played {
    Command(Box<Given>, UnixNanos, UnixNanos),
    Market(MarketEvent, UnixNanos),
    Pass(Exchange, UnixNanos, UnixNanos),
    Prime(InstrumentId, Price, UnixNanos),
    Know(Exchange, Arc<ExchangeFacts>),
}

impl Played {
    /// Gives it to an engine.
    pub fn play(&self, engine: &mut Engine) -> Result<Batch, EngineError> {
        match self {
            Played::Command(given, now, wall) => engine.command(given, *now, *wall),
            Played::Market(event, wall) => engine.market(event, *wall),
            Played::Pass(exchange, time, wall) => engine.pass(*exchange, *time, *wall),
            Played::Prime(instrument, price, time) => {
                engine.prime(*instrument, *price, *time);
                Ok(Batch::default())
            }
            Played::Know(exchange, facts) => {
                engine.know(*exchange, facts);
                Ok(Batch::default())
            }
        }
    }
}

/// A whole life of an engine.
#[derive(Debug, Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<Played>>>);

impl Tape {
    pub fn note(&self, played: Played) {
        lock(&self.0).push(played);
    }

    pub fn played(&self) -> Vec<Played> {
        lock(&self.0).clone()
    }
}
