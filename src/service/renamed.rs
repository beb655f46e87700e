//! Changes of symbol reach the book: what is held and ordered under an old symbol goes on under the new one.
//!
//! The symbol master moves the prices; the engine's book follows by an event of its own before the next session that is
//! played or lived. A change is due once the prices have moved, or its first day is here, when something of the book
//! stands under the old symbol and all of that is older than the change: what came later belongs to whoever has the
//! symbol now. It is followed once.

use chrono::{NaiveDate, NaiveTime};

use crate::domain::limit::Scope;
use crate::domain::market::Rename;
use crate::domain::{Exchange, InstrumentId, MarketEvent, UnixNanos};
use crate::execution::State;
use crate::store::MarketReader;
use crate::store::trades::TradesReader;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

/// A change of symbol that the book has to follow.
#[derive(Debug, Clone)]
pub(super) struct Due {
    rename: Rename,
    before: Option<NaiveDate>,
}

impl House {
    /// Changes of symbol that the book has to follow up to a day, in their order, each with the day before whose bars it
    /// is: none where the prices have moved already.
    pub(super) fn due_symbols(
        &self,
        reader: &MarketReader,
        exchange: Exchange,
        to: NaiveDate,
    ) -> Result<Vec<Due>, ServiceError> {
        let mut due: Vec<Due> = Vec::new();
        let renames = reader.renames(exchange)?;
        if renames.is_empty() {
            return Ok(due);
        }
        let (moved, state) = (reader.moved_renames(exchange)?, self.state()?);
        let journal = TradesReader::open(self.home())?;
        for rename in renames {
            let before = (!moved.contains(&rename)).then_some(rename.from);
            if before.is_some_and(|day| day > to) {
                continue;
            }
            let follows = due.iter().any(|earlier| earlier.rename.new == rename.old);
            if follows || self.is_in_book(&journal, &state, &rename)? {
                due.push(Due { rename, before });
            }
        }
        Ok(due)
    }

    /// Says which of them the book has followed.
    pub(super) fn tell_symbols(&self, exchange: Exchange, due: &[Due]) -> Result<(), ServiceError> {
        let state = self.state()?;
        for Due { rename, .. } in due {
            let (old, new) = (rename.old, rename.new);
            if state.symbol_changes().contains(&key(rename)) {
                tracing::info!(%exchange, %old, %new, "the book follows a change of symbol");
            } else if state.accounts().values().any(|a| !a.may_join(key(rename).0, key(rename).1)) {
                tracing::warn!(
                    %exchange, %old, %new,
                    "a change of symbol waits: an account is long under one symbol and short under the other; close one"
                );
            }
        }
        Ok(())
    }

    /// Records changes of symbol; the watchlists follow those that were not known. Returns how many those are.
    pub(super) fn store_renames(&self, rows: &[Rename]) -> Result<u64, ServiceError> {
        let known =
            lock(self.market_store()).read().renames(rows.first().map_or(Exchange::Xnys, |r| r.exchange))?;
        let outcome = lock(self.market_store()).store_renames(rows)?;
        let today = self.clock().now();
        for rename in rows.iter().filter(|rename| rename.old != rename.new) {
            if known.iter().any(|k| key(k) == key(rename)) {
                continue;
            }
            let (old, new, from) = key(rename);
            let stays = self.calendars().of(rename.exchange).date_at(today) < from;
            lock(self.users()).follow_on_lists(old, new, stays)?;
        }
        Ok(outcome.new)
    }

    /// Whether something stands under the old symbol, all of it from before the change, which was not followed yet.
    fn is_in_book(
        &self,
        journal: &TradesReader,
        state: &State,
        rename: &Rename,
    ) -> Result<bool, ServiceError> {
        let old = InstrumentId::new(rename.old, rename.exchange);
        if rename.old == rename.new || state.symbol_changes().contains(&key(rename)) {
            return Ok(false);
        }
        let positions = state.accounts().values().filter_map(|account| account.positions().get(&old));
        let lots = positions.flat_map(|position| position.lots().map(|lot| lot.id));
        let orders = state.orders().queue(old).iter().map(|working| working.place);
        let stands: Vec<_> = lots.chain(orders).collect();
        let calendar = self.calendars().of(rename.exchange);
        let Some(begins) = calendar.at_local(rename.from, NaiveTime::MIN) else { return Ok(false) };
        let newest = journal.last_at(begins.plus_nanos(-1))?;
        if !stands.is_empty() {
            return Ok(stands.iter().all(|seq| *seq <= newest));
        }
        let limits = state.limits().naming(rename.old);
        let halt = state.halts().get(&Scope::Symbol(rename.old));
        let mut since = limits.iter().filter_map(|v| v.approved_at).chain(halt.map(|halt| halt.since));
        Ok(since.any(|at| at < begins))
    }
}

fn key(rename: &Rename) -> (InstrumentId, InstrumentId, NaiveDate) {
    let id = |symbol| InstrumentId::new(symbol, rename.exchange);
    (id(rename.old), id(rename.new), rename.from)
}

impl Due {
    /// Whether it comes before the bars of a day.
    pub(super) fn is_before(&self, day: NaiveDate) -> bool {
        self.before.is_none_or(|before| before <= day)
    }

    /// As the engine takes it.
    pub(super) fn event(&self, time: UnixNanos) -> MarketEvent {
        let (instrument, to, day) = key(&self.rename);
        MarketEvent::SymbolChange { instrument, time, to, day }
    }
}

/// Under which symbol an instrument's prices of a day are.
pub(super) fn named_on(due: &[Due], day: NaiveDate, instrument: InstrumentId) -> InstrumentId {
    let before = due.iter().filter(|due| due.is_before(day) && due.rename.exchange == instrument.exchange);
    let symbol =
        before.fold(
            instrument.symbol,
            |symbol, due| {
                if due.rename.old == symbol { due.rename.new } else { symbol }
            },
        );
    InstrumentId::new(symbol, instrument.exchange)
}
