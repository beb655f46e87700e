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
use super::venue::Takes;

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
        let mut auctions = self.pools(told, Takes::Opening);
        self.now = open;
        self.begin(exchange)?;
        self.play(&mut auctions)?;
        // Of a bar given twice only the first was played.
        let mut left: ByInstrument<Quantity> =
            auctions.iter().rev().map(|pool| (pool.bar.instrument, pool.left)).collect();
        for (end, mut bars) in ends {
            bars.sort_by_key(|bar| bar.instrument);
            self.now = end;
            self.begin(exchange)?;
            self.play_within(&bars, &mut left)?;
        }
        self.now = close;
        self.begin(exchange)?;
        let wanted = days.iter().filter(|b| !self.state().orders.queue(b.instrument).is_empty());
        let mut pools = self.pools(wanted, Takes::All);
        for pool in &mut pools {
            // The first one of a name that finer bars told: a bar given twice is not played twice.
            if let Some(left) = left.remove(&pool.bar.instrument) {
                (pool.left, pool.takes) = (left, Takes::Closing);
            }
        }
        self.play(&mut pools)?;
        self.take_closes(days)?;
        self.judge_losses(exchange)?;
        self.mark(exchange, None)
    }

    /// Finer bars of one instant, each with its share of the participation and at most what is left of its day's.
    fn play_within(&mut self, bars: &[Bar], left: &mut ByInstrument<Quantity>) -> Result<(), EngineError> {
        let mut pools = self.pools(bars.iter(), Takes::Between);
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
