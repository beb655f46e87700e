//! A session that is told by its bars and, of some names, by finer ones as well.
//!
//! Orders of such a name match on the finer bars, in the order in which they ended over all names; the auctions, the
//! close and the mark are those of the session's bar. What our fills take of a name together stays within the
//! participation of its day's volume, so nothing is taken twice. A name without finer bars is played by its session's bar, at
//! the close. All of it is one step: no restart finds half a session.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Bar, ByInstrument, InstrumentId, Quantity, UnixNanos};

use super::engine::EngineError;
use super::step::Step;
use super::venue::{Pool, Takes};

impl Step<'_> {
    /// Plays a session: `days` are its bars, in instrument order, `finer` the bars inside it, which end no later.
    pub(super) fn session_bars(&mut self, days: &[Bar], finer: &[Bar]) -> Result<(), EngineError> {
        let Some((exchange, open)) = days.first().map(|bar| (bar.instrument.exchange, bar.from)) else {
            return Ok(());
        };
        let close = self.now;
        let mut ends: BTreeMap<UnixNanos, Vec<Bar>> = BTreeMap::new();
        for bar in finer {
            ends.entry(bar.to).or_default().push(*bar);
        }
        let named: BTreeSet<InstrumentId> = finer.iter().map(|bar| bar.instrument).collect();
        let told = days.iter().filter(|bar| named.contains(&bar.instrument));
        let mut auctions: Vec<Pool> = told.map(|bar| self.pool(bar, Takes::Opening)).collect();
        self.now = open;
        self.begin(exchange)?;
        self.play(&mut auctions)?;
        let mut left: ByInstrument<Quantity> =
            auctions.iter().map(|pool| (pool.bar.instrument, pool.left)).collect();
        for (end, mut bars) in ends {
            bars.sort_by_key(|bar| bar.instrument);
            self.now = end;
            self.begin(exchange)?;
            self.play_within(&bars, &mut left)?;
        }
        self.now = close;
        self.begin(exchange)?;
        let mut pools: Vec<Pool> = Vec::new();
        for bar in days.iter().filter(|b| !self.state().orders.queue(b.instrument).is_empty()) {
            pools.push(match left.get(&bar.instrument) {
                Some(left) => Pool { bar: *bar, left: *left, takes: Takes::Closing },
                None => self.pool(bar, Takes::All),
            });
        }
        self.play(&mut pools)?;
        self.take_closes(days)?;
        self.judge_losses(exchange)?;
        self.mark(exchange, None)
    }

    /// Finer bars of one instant, each with its share of the participation and at most what is left of its day's.
    fn play_within(&mut self, bars: &[Bar], left: &mut ByInstrument<Quantity>) -> Result<(), EngineError> {
        let mut pools: Vec<Pool> = bars.iter().map(|bar| self.pool(bar, Takes::Between)).collect();
        let mut given = Vec::with_capacity(pools.len());
        for pool in &mut pools {
            pool.left = pool.left.min(left.get(&pool.bar.instrument).copied().unwrap_or(Quantity::ZERO));
            given.push(pool.left);
        }
        self.play(&mut pools)?;
        for (pool, given) in pools.iter().zip(given) {
            if let Some(left) = left.get_mut(&pool.bar.instrument) {
                let taken = given.checked_sub(pool.left).unwrap_or(given);
                *left = left.checked_sub(taken).unwrap_or(Quantity::ZERO);
            }
        }
        self.take_closes(bars)
    }
}
