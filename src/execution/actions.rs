//! Corporate actions: splits, and dividends from announcement to payment; and what else a new day brings: borrowed
//! shares are charged for, proceeds settle.

use chrono::NaiveDate;

use crate::domain::event::{CashKind, EndReason, EventBody};
use crate::domain::fixed::divide_half_even;
use crate::domain::market::SplitRatio;
use crate::domain::{AccountId, Exchange, InstrumentId, Money, Quantity, Ratio};
use crate::portfolio::{Position, Receivable};

use super::engine::EngineError;
use super::state::{Announced, State};
use super::step::Step;

/// Days of a year for which borrowed shares are charged.
const BORROW_YEAR_DAYS: i128 = 360;

impl Step<'_> {
    /// Charges short positions of an exchange for every night since its last day, at their market value.
    pub(super) fn charge_borrow(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        let last = self.state().day(exchange);
        let nights = last.map_or(0, |last| day.signed_duration_since(last).num_days());
        if nights <= 0 {
            return Ok(());
        }
        let mut charges = Vec::new();
        for (name, account) in self.state().accounts() {
            let short = |p: &Position| p.quantity().is_negative();
            let positions = account.positions().iter();
            for (instrument, position) in positions.filter(|(i, p)| i.exchange == exchange && short(p)) {
                let rate = self.state().borrow_rate(*instrument);
                let last = self.state().view.last(*instrument).filter(|_| rate.is_positive());
                let value = last.and_then(|last| position.value(last.price).ok());
                let amount = value.and_then(|value| borrow_charge(value, rate, nights));
                charges.extend(amount.filter(|a| !a.is_zero()).map(|amount| (*name, *instrument, amount)));
            }
        }
        for (account, instrument, amount) in charges {
            let (kind, instrument) = (CashKind::Borrow, Some(instrument));
            self.emit(EventBody::Cash { account, amount, kind, instrument })?;
            self.judge_cash(account)?;
        }
        Ok(())
    }

    /// Settles the proceeds that are due on an exchange's new day.
    pub(super) fn settle_proceeds(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        let accounts = self.state().accounts().iter().filter(|(_, a)| a.trades_on(exchange));
        let due: Vec<(AccountId, Money)> =
            accounts.filter_map(|(name, a)| Some((*name, a.settling(day)?))).collect();
        for (account, amount) in due {
            self.emit(EventBody::Settled { account, amount, day })?;
        }
        Ok(())
    }

    /// Splits positions, open orders and prices; fractions of a share are paid out at the adjusted last price.
    /// One whose day had begun before it was known leaves prices alone.
    pub(super) fn split(
        &mut self,
        instrument: InstrumentId,
        ratio: SplitRatio,
        (ex_date, is_late): (Option<NaiveDate>, bool),
    ) -> Result<(), EngineError> {
        self.begin(instrument.exchange)?;
        if !ratio.new.is_positive() || !ratio.old.is_positive() {
            return Ok(());
        }
        self.emit(EventBody::CorporateAction { instrument, ratio, ex_date, is_late, to_tick: true })?;
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

    /// Notes a dividend; one whose ex-date is here already is owed at once, to those who `held` then.
    pub(super) fn dividend(
        &mut self,
        known: Announced,
        held: Option<&[(AccountId, Quantity)]>,
    ) -> Result<(), EngineError> {
        let Announced { instrument, amount, ex_date, pay_date } = known;
        self.begin(instrument.exchange)?;
        self.emit(EventBody::DividendAnnounced { instrument, amount, ex_date, pay_date })?;
        let day = self.engine.calendars.of(instrument.exchange).date_at(self.now);
        match held {
            Some(held) if ex_date <= day => self.owe_dividend(known, held)?,
            Some(_) | None => self.ex_dates(instrument.exchange, day)?,
        }
        self.pay_dates(instrument.exchange, day)
    }

    /// Owes every dividend whose ex-date has begun to those who hold now; a short owes it.
    pub(super) fn ex_dates(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        let due = self.state().dividends.iter();
        let due: Vec<Announced> =
            due.filter(|d| d.instrument.exchange == exchange && d.ex_date <= day).copied().collect();
        for known in due {
            let holders = self.holders(known.instrument, Position::quantity);
            self.owe_dividend(known, &holders)?;
        }
        Ok(())
    }

    fn owe_dividend(
        &mut self,
        known: Announced,
        holders: &[(AccountId, Quantity)],
    ) -> Result<(), EngineError> {
        let Announced { instrument, amount, ex_date, pay_date } = known;
        self.emit(EventBody::ExDateReached { instrument, ex_date })?;
        let is_late = self.state().day(instrument.exchange).is_some_and(|begun| ex_date < begun);
        for (account, quantity) in holders.iter().copied() {
            if let Some(amount) = amount.notional(quantity).ok().filter(|a| !a.is_zero()) {
                self.emit(EventBody::DividendDue { account, instrument, amount, pay_date, is_late })?;
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

impl State {
    /// What borrowed shares of an instrument cost a year, of their value: its own rate, else that for all.
    fn borrow_rate(&self, instrument: InstrumentId) -> Ratio {
        let own = self.instruments().get(&instrument).and_then(|known| known.borrow_rate);
        own.unwrap_or(self.venue.borrow_rate)
    }
}

/// `value × rate × nights / 360`, rounded half to even; negative like the value of a short.
fn borrow_charge(value: Money, rate: Ratio, nights: i64) -> Option<Money> {
    let yearly = i128::from(value.raw()).checked_mul(i128::from(rate.raw()))?;
    let whole = BORROW_YEAR_DAYS.checked_mul(i128::from(Ratio::ONE_RAW))?;
    let charge = divide_half_even(yearly.checked_mul(i128::from(nights))?, whole)?;
    Money::from_raw_wide(charge).ok()
}
