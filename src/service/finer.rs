//! Stored minutes in the place of a day's bar: which names of a session are played by them.
//!
//! Only names with open orders have anything to match. Their minutes are taken where they are in the terms of the day's bar and tell
//! its whole range ([`intraday::tells`]); else the day's bar is played, which loses nothing. Of several sources the
//! first by name that does is taken.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::calendar::Session;
use crate::domain::market::{ActionKind, Basis, CorporateAction, MinuteBar};
use crate::domain::{Bar, CleanText, Exchange, InstrumentId, Price};
use crate::market::intraday::{self, MINUTE_NANOS};
use crate::store::MarketReader;
use crate::store::market::MinuteSide;

use super::error::ServiceError;
use super::house::House;

/// What is stored of the names that could be played by minutes.
#[derive(Debug)]
pub(super) struct Finer {
    names: BTreeMap<InstrumentId, Known>,
}

#[derive(Debug)]
struct Known {
    sources: Vec<CleanText>,
    tick: Price,
    /// Before this day its daily prices are in other terms than they were traded in.
    restated_before: NaiveDate,
}

impl House {
    /// Names with open orders now, under the names they will have, of which there are minutes.
    pub(super) fn finer(
        &self,
        reader: &MarketReader,
        exchange: Exchange,
        named: impl Fn(InstrumentId) -> InstrumentId,
    ) -> Result<Finer, ServiceError> {
        let mut names = BTreeMap::new();
        let mut sources = reader.minute_sources(exchange)?;
        if sources.is_empty() {
            return Ok(Finer { names });
        }
        let state = self.state()?;
        let standing = reader.standing(exchange)?;
        let actions = reader.actions_between(exchange, NaiveDate::MIN, NaiveDate::MAX)?;
        for instrument in state.orders().instruments() {
            let name = named(instrument);
            let Some((sources, standing)) = sources.remove(&name).zip(standing.get(&name)) else { continue };
            let tick = state.instruments().get(&instrument).map_or(Price::ZERO, |known| known.tick);
            let restated_before = restated_before(name, *standing, &actions);
            names.insert(name, Known { sources, tick, restated_before });
        }
        Ok(Finer { names })
    }
}

/// The day from which on the daily prices of a name are as traded: that of the last action they were restated for.
fn restated_before(
    name: InstrumentId,
    (basis, last): (Basis, NaiveDate),
    actions: &[CorporateAction],
) -> NaiveDate {
    let restates = |action: &&CorporateAction| match (basis, &action.kind) {
        (Basis::Raw, _) | (Basis::Split, ActionKind::Dividend { .. }) => false,
        (Basis::Split, ActionKind::Split(_)) | (Basis::Total, _) => true,
    };
    let own = actions.iter().filter(|action| action.instrument == name && action.date <= last);
    own.filter(restates).map(|action| action.date).max().unwrap_or(NaiveDate::MIN)
}

impl Finer {
    /// The minutes that are played in the place of bars of a session, a name's in order.
    pub(super) fn of(
        &self,
        reader: &MarketReader,
        session: &Session,
        days: &[Bar],
    ) -> Result<Vec<Bar>, ServiceError> {
        let mut finer = Vec::new();
        for day in days {
            let known = self.names.get(&day.instrument).filter(|known| session.date >= known.restated_before);
            let Some(Known { sources, tick, .. }) = known else { continue };
            for source in sources {
                let span = (session.open, session.close.plus_nanos(1 - MINUTE_NANOS));
                let minutes = reader.minutes(day.instrument, source.as_str(), MinuteSide::Trade, span)?;
                if intraday::tells(day, &minutes, *tick) {
                    finer.extend(minutes.iter().map(|minute| bar_of(day.instrument, minute)));
                    break;
                }
            }
        }
        Ok(finer)
    }
}

/// A minute as a bar.
pub(super) fn bar_of(instrument: InstrumentId, minute: &MinuteBar) -> Bar {
    let MinuteBar { from, open, high, low, close, volume, .. } = *minute;
    Bar { instrument, from, to: from.plus_nanos(MINUTE_NANOS), open, high, low, close, volume }
}
