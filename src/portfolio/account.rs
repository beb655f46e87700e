//! An account's money and shares: the fold of what was booked to it.
//!
//! Every change returns a [`Movement`], from which [`super::ledger`] makes the postings. Nothing here knows orders
//! or limits, and nothing is ever estimated: prices come in as arguments.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::event::{CashKind, EquityMark, Fill};
use crate::domain::market::SplitRatio;
use crate::domain::posting::Ledger;
use crate::domain::row::Portfolio;
use crate::domain::{
    AccountSpec, ByInstrument, Exchange, InstrumentId, Margin, Money, NumberError, Price, Quantity, Seq, Side,
};

use super::ledger::Movement;
use super::position::{Lot, Pick, Planned, Position};

/// Raw figures below this leave room for sums of a dozen of their kind.
const ROOM: u64 = 1 << 58;
/// Bits by which a price times a quantity is at least larger than the money it makes.
const VALUE_BITS: u32 = 39;

/// A dividend that is owed and not yet paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receivable {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Money, signed: a short position owes.
    pub amount: Money,
    /// Day of payment, in the exchange's zone.
    pub pay_date: NaiveDate,
}

/// How a fill is booked, beside what it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Booking {
    /// The event that carries it: id of a lot that it opens.
    pub seq: Seq,
    /// The lot its order names.
    pub lot: Option<Seq>,
    /// Day on which the proceeds of a sale settle; `None` is at once.
    pub settles: Option<NaiveDate>,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    spec: AccountSpec,
    cash: Money,
    unsettled: BTreeMap<NaiveDate, Money>,
    held: Money,
    collateral: Money,
    positions: ByInstrument<Position>,
    receivables: Vec<Receivable>,
    fees: Money,
    realized: Money,
    dividends: Money,
    borrow: Money,
    day_open: Money,
    peak: Money,
    /// What was brought in since it was opened.
    brought_in: Money,
}

impl Account {
    /// Opens an account with its opening cash.
    pub fn open(spec: AccountSpec) -> (Self, Movement) {
        let movement = Movement::money(Ledger::Deposit, spec.cash);
        let account = Self {
            cash: spec.cash,
            unsettled: BTreeMap::new(),
            held: Money::ZERO,
            collateral: Money::ZERO,
            borrow: Money::ZERO,
            day_open: spec.cash,
            peak: spec.cash,
            brought_in: Money::ZERO,
            spec,
            positions: ByInstrument::default(),
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

    /// Capital that was put in: its opening cash, later deposits, and what positions were worth that it took over.
    pub fn capital(&self) -> Option<Money> {
        self.spec.cash.checked_add(self.brought_in)
    }

    /// Money at hand, proceeds not yet settled included.
    pub const fn cash(&self) -> Money {
        self.cash
    }

    /// The part of the cash that is not settled yet, by the day on which it will be.
    pub const fn unsettled(&self) -> &BTreeMap<NaiveDate, Money> {
        &self.unsettled
    }

    /// All proceeds that are not settled yet.
    pub fn unsettled_total(&self) -> Money {
        let raw = self.unsettled.values().fold(0, |sum: i64, amount| sum.saturating_add(amount.raw()));
        Money::from_raw(raw)
    }

    /// Money that open orders hold: the sum of their holds.
    pub const fn held(&self) -> Money {
        self.held
    }

    /// Money that short positions hold in a Reg-T account: their proceeds and half of that.
    pub const fn collateral(&self) -> Money {
        self.collateral
    }

    /// What open orders leave of the cash.
    pub fn free_cash(&self) -> Option<Money> {
        self.cash.checked_sub(self.held)
    }

    /// Open positions by instrument; a flat one is not there.
    pub const fn positions(&self) -> &ByInstrument<Position> {
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

    /// Paid for borrowed shares so far.
    pub const fn borrow(&self) -> Money {
        self.borrow
    }

    /// Equity at the start of the exchange's day, as last marked.
    pub const fn day_open(&self) -> Money {
        self.day_open
    }

    /// Profit since then at an equity: what screens show, and what the daily loss limit judges.
    pub fn day_profit(&self, equity: Money) -> Option<Money> {
        equity.checked_sub(self.day_open)
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
        let mut positions = Money::ZERO;
        for (instrument, position) in &self.positions {
            positions = positions.checked_add(position.value(price(*instrument)?).ok()?)?;
        }
        self.equity_with(positions)
    }

    /// Cash, receivables and positions that are worth so much together; `None` when it does not fit.
    pub fn equity_with(&self, positions: Money) -> Option<Money> {
        let owed = self.receivables.iter().try_fold(self.cash, |sum, r| sum.checked_add(r.amount));
        owed?.checked_add(positions)
    }

    /// Whether the books can hold a fill.
    pub fn fits(&self, fill: &Fill, booking: Booking) -> Result<(), NumberError> {
        if self.has_room(fill) { Ok(()) } else { self.booked(fill, booking).map(|_| ()) }
    }

    /// Whether all figures that a fill changes are so far from their bounds that any sum of a few of them fits: nearly
    /// always, and said without working the fill out.
    fn has_room(&self, fill: &Fill) -> bool {
        let position = self.positions.get(&fill.instrument);
        let held = position.map_or([0; 3], |p| [p.quantity().raw(), p.cost().raw(), p.realized().raw()]);
        let own = [self.cash, self.fees, self.realized, self.collateral, fill.fee].map(Money::raw);
        let is_small = |raw: &i64| raw.unsigned_abs() < ROOM;
        let value = i128::from(fill.price.raw()) * i128::from(fill.quantity.raw());
        // Prices and quantities have nine places each, money has six.
        is_small(&fill.quantity.raw())
            && value.unsigned_abs() < u128::from(ROOM) << VALUE_BITS
            && held.iter().chain(&own).all(is_small)
    }

    /// Books a fill: shares, cost, cash and fee.
    pub fn fill(&mut self, fill: &Fill, booking: Booking) -> Result<Movement, NumberError> {
        let Booked { paid, totals, planned, collateral } = self.booked(fill, booking)?;
        let pick = self.pick(booking);
        let position = self.positions.or_default(fill.instrument);
        let change = position.book(planned, pick)?;
        if position.quantity().is_zero() {
            self.positions.remove(&fill.instrument);
        }
        (self.cash, self.fees, self.realized, self.collateral) = totals;
        let waits = booking.settles.filter(|_| fill.side == Side::Sell && paid.is_positive());
        let (cash, unsettled) = match waits {
            Some(day) => {
                let due = self.unsettled.entry(day).or_default();
                *due = due.checked_add(paid).ok_or(NumberError::Overflow)?;
                (Money::ZERO, paid)
            }
            None => (paid, Money::ZERO),
        };
        Ok(Movement {
            cash,
            unsettled,
            fee: fill.fee,
            cost: change.cost,
            realized: change.realized,
            shares: Some((fill.instrument, change.quantity, Ledger::Clearing)),
            collateral,
            ..Movement::default()
        })
    }

    /// Books shares that stood elsewhere before, as one lot of that cost, worth so much now: money brought in, no
    /// profit. The day's opening equity and the peak rise with it.
    pub fn take_over(
        &mut self,
        instrument: InstrumentId,
        (quantity, cost): (Quantity, Money),
        worth: Money,
        seq: Seq,
    ) -> Result<Movement, NumberError> {
        let mut position = self.positions.get(&instrument).cloned().unwrap_or_default();
        let collateral = self.collateral_change(position.cost(), cost)?;
        position.add_lot(Lot { id: seq, quantity, cost }, self.spec.lots)?;
        let sums = self.collateral.checked_add(collateral).zip(self.day_open.checked_add(worth));
        let sums = sums.zip(self.peak.checked_add(worth)).zip(self.brought_in.checked_add(worth));
        let sums = sums.ok_or(NumberError::Overflow)?;
        (((self.collateral, self.day_open), self.peak), self.brought_in) = sums;
        self.put(instrument, position);
        Ok(Movement {
            cost,
            collateral,
            counter: Some((Ledger::Deposit, cost)),
            shares: Some((instrument, quantity, Ledger::Deposit)),
            ..Movement::default()
        })
    }

    /// Works a fill out without booking it.
    fn booked(&self, fill: &Fill, booking: Booking) -> Result<Booked, NumberError> {
        let signed = fill.price.notional(fill.side.signed(fill.quantity))?;
        let paid = signed.checked_add(fill.fee).and_then(Money::checked_neg).ok_or(NumberError::Overflow)?;
        let cash = self.cash.checked_add(paid).ok_or(NumberError::Overflow)?;
        let fees = self.fees.checked_add(fill.fee).ok_or(NumberError::Overflow)?;
        let flat = Position::default();
        let position = self.positions.get(&fill.instrument).unwrap_or(&flat);
        let planned = position.plan(fill.side, fill.quantity, fill.price, self.pick(booking))?;
        let change = planned.change;
        let realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        let collateral = self.collateral_change(position.cost(), change.cost)?;
        let held = self.collateral.checked_add(collateral).ok_or(NumberError::Overflow)?;
        Ok(Booked { paid, totals: (cash, fees, realized, held), planned, collateral })
    }

    const fn pick(&self, booking: Booking) -> Pick {
        Pick { method: self.spec.lots, lot: booking.lot, opens: booking.seq }
    }

    /// By how much the collateral changes when the cost of one position does.
    fn collateral_change(&self, cost: Money, change: Money) -> Result<Money, NumberError> {
        if self.spec.margin == Margin::Cash {
            return Ok(Money::ZERO);
        }
        let after = cost.checked_add(change).ok_or(NumberError::Overflow)?;
        let difference = short_collateral(after)?.checked_sub(short_collateral(cost)?);
        difference.ok_or(NumberError::Overflow)
    }

    /// Sets what an order holds from `before` to `after`; the change.
    pub fn hold(&mut self, before: Money, after: Money) -> Result<Money, NumberError> {
        let change = after.checked_sub(before).ok_or(NumberError::Overflow)?;
        self.held = self.held.checked_add(change).ok_or(NumberError::Overflow)?;
        Ok(change)
    }

    /// Proceeds due on or before a day that are not settled yet.
    pub fn settling(&self, day: NaiveDate) -> Option<Money> {
        let due = self.unsettled.range(..=day).map(|(_, amount)| *amount);
        due.reduce(|sum, amount| Money::from_raw(sum.raw().saturating_add(amount.raw())))
    }

    /// Settles what is due on or before a day.
    pub fn settle(&mut self, day: NaiveDate) -> Result<Movement, NumberError> {
        let amount = self.settling(day).unwrap_or(Money::ZERO);
        let unsettled = amount.checked_neg().ok_or(NumberError::Overflow)?;
        self.unsettled.retain(|due, _| *due > day);
        Ok(Movement { cash: amount, unsettled, ..Movement::default() })
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

    /// Whether a position can go on under another symbol: not beside one of the other direction.
    pub fn may_join(&self, from: InstrumentId, to: InstrumentId) -> bool {
        let both = self.positions.get(&from).zip(self.positions.get(&to));
        both.is_none_or(|(old, new)| matches!(old.joined(new), Some(Ok(_))))
    }

    /// Puts what is held and owed under another symbol, lots and costs as they are: the shares leave one name and come
    /// in under the other. No movement where nothing is held.
    pub fn change_symbol(
        &mut self,
        from: InstrumentId,
        to: InstrumentId,
    ) -> Result<Vec<Movement>, NumberError> {
        self.receivables
            .iter_mut()
            .filter(|owed| owed.instrument == from)
            .for_each(|owed| owed.instrument = to);
        let Some(old) = self.positions.get(&from).cloned() else { return Ok(Vec::new()) };
        let quantity = old.quantity();
        let less = quantity.checked_neg().ok_or(NumberError::Overflow)?;
        let (position, collateral) = match self.positions.get(&to) {
            None => (old, Money::ZERO),
            Some(new) => {
                let joined = old.joined(new).unwrap_or(Err(NumberError::Overflow))?;
                // The halves of two shorts may have been rounded up apart.
                let apart = self.collateral_change(Money::ZERO, old.cost())?;
                let more = self.collateral_change(new.cost(), old.cost())?;
                (joined, more.checked_sub(apart).ok_or(NumberError::Overflow)?)
            }
        };
        self.collateral = self.collateral.checked_add(collateral).ok_or(NumberError::Overflow)?;
        self.positions.remove(&from);
        self.put(to, position);
        let moved = |instrument, quantity, collateral| {
            let shares = Some((instrument, quantity, Ledger::CorporateAction));
            Movement { shares, collateral, ..Movement::default() }
        };
        Ok(vec![moved(from, less, Money::ZERO), moved(to, quantity, collateral)])
    }

    /// Notes a dividend that is owed. One of an earlier day is no profit of this one, which begins with it.
    pub fn owe(&mut self, receivable: Receivable, is_late: bool) -> Result<Movement, NumberError> {
        let amount = receivable.amount;
        let before = if is_late { amount } else { Money::ZERO };
        let sums = self.dividends.checked_add(amount).zip(self.day_open.checked_add(before));
        (self.dividends, self.day_open) = sums.ok_or(NumberError::Overflow)?;
        self.receivables.push(receivable);
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
            CashKind::Deposit => {
                self.brought_in = self.brought_in.checked_add(amount).ok_or(NumberError::Overflow)?;
                Movement::money(Ledger::Deposit, amount)
            }
            CashKind::Dividend => self.pay_dividend(amount, instrument)?,
            CashKind::CashInLieu => self.pay_fraction(amount, instrument)?,
            CashKind::Borrow => {
                self.borrow = self.borrow.checked_sub(amount).ok_or(NumberError::Overflow)?;
                Movement::money(Ledger::Borrow, amount)
            }
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
        let cost = position.cost();
        let change = position.cash_in_lieu(amount)?;
        let collateral = self.collateral_change(cost, change.cost)?;
        self.realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        self.collateral = self.collateral.checked_add(collateral).ok_or(NumberError::Overflow)?;
        self.put(instrument, position);
        Ok(Movement {
            cash: amount,
            cost: change.cost,
            collateral,
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

    /// The row that people query, with all holdings.
    pub fn row(&self) -> Portfolio {
        self.row_of(self.positions.keys().copied())
    }

    /// The same with these of its holdings; one that is flat is named without a quantity.
    pub fn row_of(&self, changed: impl IntoIterator<Item = InstrumentId>) -> Portfolio {
        let holding = |instrument: InstrumentId| {
            let position = self.positions.get(&instrument);
            let (quantity, cost) = position.map_or_else(Default::default, |p| (p.quantity(), p.cost()));
            (instrument, quantity, cost)
        };
        let holdings = changed.into_iter().map(holding).collect();
        Portfolio {
            account: self.spec.account,
            owner: self.spec.owner,
            kind: self.spec.kind,
            exchange: self.spec.exchange,
            currency: self.spec.currency,
            cash: self.cash,
            unsettled: self.unsettled_total(),
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

/// A fill worked out and not yet booked.
struct Booked {
    paid: Money,
    /// Cash, fees, realised profit and collateral after it.
    totals: (Money, Money, Money, Money),
    planned: Planned,
    collateral: Money,
}

/// What a short position of this (negative) cost holds: its proceeds and half of that, rounded up.
fn short_collateral(cost: Money) -> Result<Money, NumberError> {
    if !cost.is_negative() {
        return Ok(Money::ZERO);
    }
    let proceeds = cost.checked_neg().ok_or(NumberError::Overflow)?;
    let half = Money::from_raw(proceeds.raw() / 2 + proceeds.raw() % 2);
    proceeds.checked_add(half).ok_or(NumberError::Overflow)
}
