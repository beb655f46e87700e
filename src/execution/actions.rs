//! Corporate actions: splits, and dividends from announcement to payment.

use chrono::NaiveDate;

use crate::domain::event::{CashKind, EndReason, EventBody};
use crate::domain::market::SplitRatio;
use crate::domain::{AccountId, Exchange, InstrumentId, Money, Price, Quantity};
use crate::portfolio::{Position, Receivable};

use super::engine::EngineError;
use super::state::Announced;
use super::step::Step;

impl Step<'_> {
    /// Splits positions, open orders and prices; fractions of a share are paid out at the adjusted last price.
    pub(super) fn split(&mut self, instrument: InstrumentId, ratio: SplitRatio) -> Result<(), EngineError> {
        self.begin(instrument.exchange)?;
        if !ratio.new.is_positive() || !ratio.old.is_positive() {
            return Ok(());
        }
        self.emit(EventBody::CorporateAction { instrument, ratio })?;
        let empty: Vec<_> = {
            let orders = self.state().orders();
            let keys = orders.queue(instrument).iter().map(|w| w.key);
            keys.filter(|key| orders.open().get(key).is_some_and(|o| !o.leaves().is_positive())).collect()
        };
        for key in empty {
            self.end(key, EndReason::CorporateAction)?;
        }
        let Some(last) = self.state().view.last(instrument) else { return Ok(()) };
        for (account, fraction) in self.holders(instrument, Position::fraction) {
            if let Ok(amount) = last.price.notional(fraction) {
                let instrument = Some(instrument);
                self.emit(EventBody::Cash { account, amount, kind: CashKind::CashInLieu, instrument })?;
            }
        }
        self.settle_lists(&mut [])?;
        self.judge_losses(instrument.exchange)
    }

    /// Notes a dividend; one whose ex-date is here already is owed at once.
    pub(super) fn dividend(
        &mut self,
        instrument: InstrumentId,
        amount: Price,
        ex_date: NaiveDate,
        pay_date: NaiveDate,
    ) -> Result<(), EngineError> {
        self.begin(instrument.exchange)?;
        self.emit(EventBody::DividendAnnounced { instrument, amount, ex_date, pay_date })?;
        let day = self.engine.calendars.of(instrument.exchange).date_at(self.now);
        self.ex_dates(instrument.exchange, day)?;
        self.pay_dates(instrument.exchange, day)
    }

    /// Owes every dividend whose ex-date has begun to those who hold now; a short owes it.
    pub(super) fn ex_dates(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        let due = self.state().dividends.iter();
        let due: Vec<Announced> =
            due.filter(|d| d.instrument.exchange == exchange && d.ex_date <= day).copied().collect();
        for Announced { instrument, amount, ex_date, pay_date } in due {
            self.emit(EventBody::ExDateReached { instrument, ex_date })?;
            for (account, quantity) in self.holders(instrument, Position::quantity) {
                if let Some(amount) = amount.notional(quantity).ok().filter(|a| !a.is_zero()) {
                    self.emit(EventBody::DividendDue { account, instrument, amount, pay_date })?;
                }
            }
        }
        Ok(())
    }

    /// Pays every dividend whose pay date has begun.
    pub(super) fn pay_dates(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        let due = |r: &&Receivable| r.instrument.exchange == exchange && r.pay_date <= day;
        let accounts = self.state().accounts().iter();
        let paid: Vec<(AccountId, InstrumentId, Money)> = accounts
            .flat_map(|(name, a)| a.receivables().iter().filter(due).map(|r| (*name, r.instrument, r.amount)))
            .collect();
        for (account, instrument, amount) in paid {
            let (kind, instrument) = (CashKind::Dividend, Some(instrument));
            self.emit(EventBody::Cash { account, amount, kind, instrument })?;
            self.judge_cash(account)?;
        }
        Ok(())
    }

    /// Accounts with some quantity (not zero) of an instrument.
    fn holders(
        &self,
        instrument: InstrumentId,
        quantity: impl Fn(&Position) -> Quantity,
    ) -> Vec<(AccountId, Quantity)> {
        let positions = self.state().accounts().iter();
        let held = positions.filter_map(|(name, a)| Some((*name, quantity(a.positions().get(&instrument)?))));
        held.filter(|(_, quantity)| !quantity.is_zero()).collect()
    }
}
