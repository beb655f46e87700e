//! A change of symbol: everything that stands under the old one stands under the new one from then on.
//!
//! Quantities, lots, costs, holds and orders are what they were; only the name differs. What is done keeps the name under
//! which it was done, and the old symbol stays known. Limits and halts are carried by events of their own.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::{Instrument, InstrumentId};

use super::super::engine::EngineError;
use super::Fold;

impl Fold<'_> {
    pub(super) fn change_symbol(
        &mut self,
        from: InstrumentId,
        to: InstrumentId,
        day: NaiveDate,
    ) -> Result<(), EngineError> {
        let seq = self.event.seq;
        for (name, account) in &mut self.state.accounts {
            let moved = account.change_symbol(from, to);
            let moved = moved.map_err(|source| EngineError::Number { seq, source })?;
            self.effects.movements.extend(moved.into_iter().map(|movement| (*name, movement)));
        }
        let state = &mut *self.state;
        state.orders.change_symbol(from, to, self.event.t);
        // Those that were there already may hold otherwise beside a larger position.
        self.effects.orders = state.orders.queue(to).iter().map(|working| working.key).collect();
        if let Some(known) = state.instruments.get(&from).cloned() {
            Arc::make_mut(&mut state.instruments).or_insert_with(to, || Instrument { id: to, ..known });
        }
        if state.halted.remove(&from) {
            state.halted.insert(to);
        }
        state.dividends.iter_mut().filter(|d| d.instrument == from).for_each(|d| d.instrument = to);
        let had: Vec<_> = state.applied.iter().filter(|(of, ..)| *of == from).copied().collect();
        state.applied.extend(had.into_iter().map(|(_, date, is_split)| (to, date, is_split)));
        for conduct in state.conduct.values_mut() {
            let recent = conduct.recent.iter_mut();
            recent.filter(|order| order.instrument == from).for_each(|order| order.instrument = to);
            conduct.day_trades.change_symbol(from, to);
            conduct.past.change_symbol(from, to);
        }
        state.rename_day_flow(from, to);
        state.rename_strategies(from, to);
        state.view.change_symbol(from, to);
        state.symbols.insert((from, to, day));
        state.sum_up();
        Ok(())
    }
}
