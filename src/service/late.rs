//! Splits and dividends that became known after their day had begun: the book gets them when it hears of them, once.
//!
//! What the book has had is folded from the journal ([`State::has_applied`]). A late split is applied to names that nobody
//! traded since its day began: of what was bought or ordered in between, nobody can say in which terms it is, so
//! that is said and left to a person. A late dividend is owed to those who held when its day began.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveTime};

use crate::domain::market::{ActionKind, Basis, CorporateAction};
use crate::domain::row::Execution;
use crate::domain::{AccountId, Exchange, InstrumentId, MarketEvent, Quantity, UnixNanos};
use crate::execution::State;
use crate::store::MarketReader;
use crate::store::trades::{Accounts, Period};

use super::advance::per_share_of_today;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::trading::LISTING_MAX;

/// News that is later than this, in days, is stored and shown, and changes no book.
const LATE_DAYS: Days = Days::new(30);

impl House {
    /// What the book should have had up to and with `day`, which market time has come to, as events at `time`.
    pub(super) fn late_actions(
        &self,
        reader: &MarketReader,
        state: &State,
        exchange: Exchange,
        (day, time): (NaiveDate, UnixNanos),
    ) -> Result<Vec<MarketEvent>, ServiceError> {
        let concerned = concerned(state, exchange);
        if concerned.is_empty() {
            return Ok(Vec::new());
        }
        let from = day.checked_sub_days(LATE_DAYS).unwrap_or(day);
        let standing = reader.standing(exchange)?;
        let mut had = reader.actions_between(exchange, from, day)?;
        had.retain(|a| matches!(a.kind, ActionKind::Split(_)) && state.has_applied(a));
        let mut events = Vec::new();
        for mut action in self.event_actions(reader, exchange, from, day)? {
            // Shares that were split since are more than those that were paid for.
            let is_raw = standing.get(&action.instrument).is_none_or(|(basis, _)| *basis == Basis::Raw);
            if let Some(restated) = per_share_of_today(&action, &had, day).filter(|_| is_raw) {
                action = restated;
            }
            if concerned.contains(&action.instrument) && !state.has_applied(&action) {
                events.extend(self.late_event(state, &action, time)?);
            }
        }
        Ok(events)
    }

    fn late_event(
        &self,
        state: &State,
        action: &CorporateAction,
        time: UnixNanos,
    ) -> Result<Option<MarketEvent>, ServiceError> {
        let instrument = action.instrument;
        let calendar = self.calendars().of(instrument.exchange);
        let Some(began) = calendar.at_local(action.date, NaiveTime::MIN) else { return Ok(None) };
        let since = Period { from: began, to: UnixNanos::from_nanos(i64::MAX) };
        let mut fills = lock(self.ledger()).executions(Accounts::All, since, LISTING_MAX)?;
        fills.retain(|fill| fill.instrument == instrument);
        let held = held_before(state, instrument, &fills);
        match action.kind {
            ActionKind::Dividend { amount, pay_date } => {
                let ex_date = action.date;
                let held = (!held.is_empty()).then_some(held);
                Ok(held.map(|held| {
                    let held = Some(held);
                    MarketEvent::Dividend { instrument, time, amount, ex_date, pay_date, held }
                }))
            }
            ActionKind::Split(ratio) => {
                let ordered = state.orders().open().values().filter(|o| o.spec.instrument == instrument);
                let (before, after): (Vec<_>, Vec<_>) = ordered.partition(|order| order.given_at < began);
                if held.is_empty() && before.is_empty() {
                    return Ok(None);
                }
                if !fills.is_empty() || !after.is_empty() {
                    tracing::warn!(
                        %instrument, date = %action.date, ?ratio,
                        "a split became known after the name was traded in its new terms; it is not applied: \
                         check the position against the exchange's notice"
                    );
                    return Ok(None);
                }
                let ex_date = Some(action.date);
                Ok(Some(MarketEvent::Split { instrument, time, ratio, ex_date, is_late: true }))
            }
        }
    }
}

/// Names of an exchange that anybody holds or has ordered.
fn concerned(state: &State, exchange: Exchange) -> BTreeSet<InstrumentId> {
    let held = state.accounts().values().flat_map(|account| account.positions().keys().copied());
    held.chain(state.orders().instruments()).filter(|id| id.exchange == exchange).collect()
}

/// Who held how much before some fills: what is held now without them.
fn held_before(state: &State, instrument: InstrumentId, fills: &[Execution]) -> Vec<(AccountId, Quantity)> {
    let mut held: BTreeMap<AccountId, Quantity> =
        state.accounts().iter().map(|(name, account)| (*name, account.quantity(instrument))).collect();
    for fill in fills {
        if let Some(held) = held.get_mut(&fill.account) {
            *held = held.checked_sub(fill.side.signed(fill.quantity)).unwrap_or(Quantity::ZERO);
        }
    }
    held.into_iter().filter(|(_, quantity)| !quantity.is_zero()).collect()
}
