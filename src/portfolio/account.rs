//! An account's money and shares: the fold of what was booked to it.
//!
//! Every change returns a [`Movement`], from which [`super::ledger`] makes the postings. Nothing here knows orders
//! or limits, and nothing is ever estimated: prices come in as arguments.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::event::{CashKind, EquityMark, Fill};
use crate::domain::market::SplitRatio;
use crate::domain::posting::Ledger;
use crate::domain::row::Portfolio;
use crate::domain::{AccountSpec, Exchange, InstrumentId, Money, NumberError, Price, Quantity};

use super::ledger::Movement;
use super::position::Position;

/// A dividend that is owed and not yet paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receivable {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Money, signed: a short position owes.
    pub amount: Money,
    /// Day of payment, in the exchange's zone.
    pub pay_date: NaiveDate,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    spec: AccountSpec,
    cash: Money,
    positions: BTreeMap<InstrumentId, Position>,
    receivables: Vec<Receivable>,
    fees: Money,
    realized: Money,
    dividends: Money,
    day_open: Money,
    peak: Money,
}

impl Account {
    /// Opens an account with its opening cash.
    pub fn open(spec: AccountSpec) -> (Self, Movement) {
        let movement = Movement::money(Ledger::Deposit, spec.cash);
        let account = Self {
            cash: spec.cash,
            day_open: spec.cash,
            peak: spec.cash,
            spec,
            positions: BTreeMap::new(),
            receivables: Vec::new(),
            fees: Money::ZERO,
            realized: Money::ZERO,
            dividends: Money::ZERO,
        };
        (account, movement)
    }

    /// As it was opened.
    pub const fn spec(&self) -> &AccountSpec {
        &self.spec
    }

    /// Money at hand, proceeds not yet settled included.
    pub const fn cash(&self) -> Money {
        self.cash
    }

    /// Open positions by instrument; a flat one is not there.
    pub const fn positions(&self) -> &BTreeMap<InstrumentId, Position> {
        &self.positions
    }

    /// Signed quantity held of an instrument.
    pub fn quantity(&self, instrument: InstrumentId) -> Quantity {
        self.positions.get(&instrument).map_or(Quantity::ZERO, Position::quantity)
    }

    /// Dividends owed to (negative: by) the account.
    pub fn receivables(&self) -> &[Receivable] {
        &self.receivables
    }

    /// Fees paid so far.
    pub const fn fees(&self) -> Money {
        self.fees
    }

    /// Profit and loss realised so far, fees apart.
    pub const fn realized(&self) -> Money {
        self.realized
    }

    /// Dividends entitled to so far.
    pub const fn dividends(&self) -> Money {
        self.dividends
    }

    /// Equity at the start of the exchange's day, as last marked.
    pub const fn day_open(&self) -> Money {
        self.day_open
    }

    /// Highest equity, as last marked.
    pub const fn peak(&self) -> Money {
        self.peak
    }

    /// Whether the account trades on an exchange (in a replay: on any).
    pub fn trades_on(&self, exchange: Exchange) -> bool {
        self.spec.exchange.is_none_or(|own| own == exchange)
    }

    /// Cash, receivables and positions at the prices given; `None` when a price is missing or it does not fit.
    pub fn equity(&self, price: impl Fn(InstrumentId) -> Option<Price>) -> Option<Money> {
        let mut equity = self.cash;
        for receivable in &self.receivables {
            equity = equity.checked_add(receivable.amount)?;
        }
        for (instrument, position) in &self.positions {
            equity = equity.checked_add(position.value(price(*instrument)?).ok()?)?;
        }
        Some(equity)
    }

    /// Books a fill: shares, cost, cash and fee.
    pub fn fill(&mut self, fill: &Fill) -> Result<Movement, NumberError> {
        let signed = fill.price.notional(fill.side.signed(fill.quantity))?;
        let paid = signed.checked_add(fill.fee).and_then(Money::checked_neg).ok_or(NumberError::Overflow)?;
        let cash = self.cash.checked_add(paid).ok_or(NumberError::Overflow)?;
        let fees = self.fees.checked_add(fill.fee).ok_or(NumberError::Overflow)?;
        let mut position = self.positions.get(&fill.instrument).cloned().unwrap_or_default();
        let change = position.fill(fill.side, fill.quantity, fill.price)?;
        let realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        self.put(fill.instrument, position);
        (self.cash, self.fees, self.realized) = (cash, fees, realized);
        Ok(Movement {
            cash: paid,
            fee: fill.fee,
            cost: change.cost,
            realized: change.realized,
            shares: Some((fill.instrument, change.quantity, Ledger::Clearing)),
            ..Movement::default()
        })
    }

    /// Applies a split to what is held; `None` when nothing is.
    pub fn split(
        &mut self,
        instrument: InstrumentId,
        ratio: SplitRatio,
    ) -> Result<Option<Movement>, NumberError> {
        let Some(mut position) = self.positions.get(&instrument).cloned() else { return Ok(None) };
        let change = position.split(ratio)?;
        self.put(instrument, position);
        let shares = Some((instrument, change.quantity, Ledger::CorporateAction));
        Ok(Some(Movement { shares, ..Movement::default() }))
    }

    /// Notes a dividend that is owed.
    pub fn owe(&mut self, receivable: Receivable) -> Result<Movement, NumberError> {
        self.dividends = self.dividends.checked_add(receivable.amount).ok_or(NumberError::Overflow)?;
        self.receivables.push(receivable);
        let amount = receivable.amount;
        Ok(Movement { receivable: amount, counter: Some((Ledger::Dividend, amount)), ..Movement::default() })
    }

    /// Books cash that no fill carries.
    pub fn cash_event(
        &mut self,
        amount: Money,
        kind: CashKind,
        instrument: Option<InstrumentId>,
    ) -> Result<Movement, NumberError> {
        let cash = self.cash.checked_add(amount).ok_or(NumberError::Overflow)?;
        let movement = match kind {
            CashKind::Deposit => Movement::money(Ledger::Deposit, amount),
            CashKind::Dividend => self.pay_dividend(amount, instrument)?,
            CashKind::CashInLieu => self.pay_fraction(amount, instrument)?,
        };
        self.cash = cash;
        Ok(movement)
    }

    fn pay_dividend(
        &mut self,
        amount: Money,
        instrument: Option<InstrumentId>,
    ) -> Result<Movement, NumberError> {
        let owed =
            self.receivables.iter().position(|r| Some(r.instrument) == instrument && r.amount == amount);
        if let Some(index) = owed {
            self.receivables.remove(index);
            let receivable = amount.checked_neg().ok_or(NumberError::Overflow)?;
            return Ok(Movement { cash: amount, receivable, ..Movement::default() });
        }
        Ok(Movement::money(Ledger::Dividend, amount))
    }

    fn pay_fraction(
        &mut self,
        amount: Money,
        instrument: Option<InstrumentId>,
    ) -> Result<Movement, NumberError> {
        let held = instrument.and_then(|i| self.positions.get(&i).cloned().map(|p| (i, p)));
        let Some((instrument, mut position)) = held else {
            return Ok(Movement::money(Ledger::CorporateAction, amount));
        };
        let change = position.cash_in_lieu(amount)?;
        self.realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        self.put(instrument, position);
        Ok(Movement {
            cash: amount,
            cost: change.cost,
            realized: change.realized,
            shares: Some((instrument, change.quantity, Ledger::CorporateAction)),
            ..Movement::default()
        })
    }

    /// Takes over the figures of a mark.
    pub fn mark(&mut self, mark: &EquityMark) {
        self.day_open = mark.day_open;
        self.peak = mark.peak;
    }

    /// The row that people query.
    pub fn row(&self) -> Portfolio {
        let holdings = self.positions.iter().map(|(i, p)| (*i, p.quantity(), p.cost())).collect();
        Portfolio {
            account: self.spec.account,
            owner: self.spec.owner,
            kind: self.spec.kind,
            exchange: self.spec.exchange,
            currency: self.spec.currency,
            cash: self.cash,
            holdings,
        }
    }

    fn put(&mut self, instrument: InstrumentId, position: Position) {
        if position.quantity().is_zero() {
            self.positions.remove(&instrument);
        } else {
            self.positions.insert(instrument, position);
        }
    }
}
