//! Order lists: buys that wait for their list's sells are judged again in the step in which those fill or end.

use crate::domain::event::{EndReason, EventBody};
use crate::domain::{RefusalCode, UnixNanos};
use crate::risk::exposure::waits_for_sells;
use crate::risk::{OrderKey, Verdict};

use super::engine::EngineError;
use super::step::{ListKey, Step};
use super::venue::Pool;

impl Step<'_> {
    /// Releases what the lists touched in this step can now pay for. `bars` are the bars of this instant with what
    /// is left of their budgets: a buy that sells at their open paid for may fill at the open, another at the close.
    pub(super) fn settle_lists(&mut self, bars: &mut [Pool]) -> Result<(), EngineError> {
        while let Some(list) = self.lists.pop_first() {
            for key in self.waiting(list) {
                self.settle(list, key, bars)?;
            }
        }
        Ok(())
    }

    /// Buys of a list that wait, the earliest first.
    fn waiting(&self, (account, list): ListKey) -> Vec<OrderKey> {
        let orders = self.state().orders();
        let mut found = Vec::new();
        for instrument in orders.instruments() {
            for working in orders.queue(instrument).iter().filter(|w| w.key.0 == account) {
                let order = orders.open().get(&working.key);
                if order.is_some_and(|o| o.spec.list == Some(list) && waits_for_sells(o)) {
                    found.push((working.place, working.key));
                }
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, key)| key).collect()
    }

    /// Since when an order's list has paid for it: no sooner than the account's sells of this step did anything, since
    /// the gate counts all that they brought.
    fn paid_at(&self, key: &OrderKey) -> Option<UnixNanos> {
        let orders = self.state().orders();
        let spec = &orders.open().get(key).filter(|order| order.spec.parent.is_none())?.spec;
        let working = orders.working(spec.instrument, key)?;
        Some(self.sold_at.get(&key.0).copied().unwrap_or(UnixNanos::ZERO).max(working.active_at))
    }

    fn settle(
        &mut self,
        (account, list): ListKey,
        key: OrderKey,
        bars: &mut [Pool],
    ) -> Result<(), EngineError> {
        let Some(decision) = self.judge_again(&key, true, false) else { return Ok(()) };
        match decision.verdict() {
            Verdict::Hold(RefusalCode::WaitsForSells) if self.sells_open(account, list) => Ok(()),
            Verdict::Hold(RefusalCode::WaitsForSells) => self.end(key, EndReason::ListEnded),
            Verdict::Hold(code) => {
                let Some(order) = self.state().orders.open().get(&key).map(|o| o.spec.clone()) else {
                    return Ok(());
                };
                let (code, decision) = (*code, Some(decision.into_record()));
                self.emit(EventBody::OrderHeld { order, code, decision, valued_at: None })
            }
            Verdict::Refuse(refusal) => {
                let Some(order) = self.state().orders.open().get(&key).map(|o| o.spec.clone()) else {
                    return Ok(());
                };
                self.deny(&order, refusal.clone(), Some(decision))
            }
            Verdict::Accept => {
                let lead = self.state().orders().open().get(&key).map(|o| o.spec.clone());
                if let Some(lead) = lead
                    && self.refuse_legs(&lead)?
                {
                    return Ok(());
                }
                let Ok(record) = self.admit_held(&key, decision) else { return Ok(()) };
                self.paid.extend(self.paid_at(&key).map(|paid_at| (key, paid_at)));
                self.release(key, (None, false), Some(record))?;
                self.start_trail(key)?;
                for pool in bars.iter_mut() {
                    self.fill_on_bar(pool, Some(key))?;
                }
                self.take_quote(key)
            }
        }
    }
}
