//! Double entry: turns a movement of an account into postings that sum to zero per asset.
//!
//! Recipes: a fill moves cash (or proceeds that are not settled yet), fee, cost and realised profit, and shares
//! against clearing; a settlement moves unsettled proceeds into cash; a dividend moves a receivable against dividend
//! income, then cash against the receivable; borrowed shares move cash against borrow; a split moves shares against
//! corporate action. What is held back moves `hold` (open orders) or `collateral` (shorts) against `available`:
//! pending when it grows, posted by the share a fill uses, void for the rest. Whatever money is left over would be a
//! defect, so it is returned as an error and never posted away.

use crate::domain::posting::{Asset, Ledger, Phase, Posting};
use crate::domain::{AccountId, Currency, InstrumentId, Money, Quantity, Seq};

/// What one event changed in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Movement {
    /// Change of settled cash.
    pub cash: Money,
    /// Change of proceeds that are not settled yet.
    pub unsettled: Money,
    /// Fee paid.
    pub fee: Money,
    /// Change of the cost of what is held.
    pub cost: Money,
    /// Profit realised.
    pub realized: Money,
    /// Change of what is owed to the account.
    pub receivable: Money,
    /// Another ledger account that takes this much off itself.
    pub counter: Option<(Ledger, Money)>,
    /// Change of shares and the ledger account on the other side.
    pub shares: Option<(InstrumentId, Quantity, Ledger)>,
    /// Change of what open orders hold, and what becomes of it where it shrinks.
    pub hold: Money,
    /// Whether what shrinks was used or is given back.
    pub used: bool,
    /// Change of what shorts hold.
    pub collateral: Money,
}

/// Postings that would not balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("postings of event {seq} for account {account} are out of balance by {difference} millionths")]
pub struct Unbalanced {
    /// Event.
    pub seq: Seq,
    /// Account.
    pub account: AccountId,
    /// Money left over, in 1e-6.
    pub difference: i128,
}

impl Movement {
    /// Cash in (or out), taken from another ledger account.
    pub fn money(counter: Ledger, amount: Money) -> Self {
        Self { cash: amount, counter: Some((counter, amount)), ..Self::default() }
    }

    /// A change of what an open order holds, without a fill.
    pub fn held(hold: Money) -> Self {
        Self { hold, ..Self::default() }
    }

    /// Whether nothing but holds changes: no cash, no shares.
    pub fn is_hold(&self) -> bool {
        *self == Self { hold: self.hold, used: self.used, ..Self::default() }
    }

    /// How final a change of a hold is.
    const fn phase(change: Money, used: bool) -> Phase {
        match (change.is_positive(), used) {
            (true, _) => Phase::Pending,
            (false, true) => Phase::Posted,
            (false, false) => Phase::Void,
        }
    }
}

/// Adds the postings of a movement to others.
pub fn post(
    postings: &mut Vec<Posting>,
    seq: Seq,
    account: AccountId,
    currency: Currency,
    movement: &Movement,
) -> Result<(), Unbalanced> {
    let money = Asset::Money(currency);
    let negated = |amount: Money| amount.raw().saturating_neg();
    let line = |ledger, asset, phase, amount| Posting { seq, account, ledger, asset, phase, amount };
    if !movement.is_hold() {
        let counter = movement.counter.map(|(ledger, amount)| (ledger, negated(amount)));
        let lines = [
            (Ledger::Cash, movement.cash.raw()),
            (Ledger::Unsettled, movement.unsettled.raw()),
            (Ledger::Receivable, movement.receivable.raw()),
            (Ledger::Cost, movement.cost.raw()),
            (Ledger::Fee, movement.fee.raw()),
            (Ledger::Realized, negated(movement.realized)),
            counter.unwrap_or((Ledger::Clearing, 0)),
        ];
        let difference: i128 = lines.iter().map(|(_, amount)| i128::from(*amount)).sum();
        if difference != 0 {
            return Err(Unbalanced { seq, account, difference });
        }
        let moved = lines.into_iter().filter(|(_, amount)| *amount != 0);
        postings.extend(moved.map(|(ledger, amount)| line(ledger, money, Phase::Posted, amount)));
        if let Some((instrument, quantity, ledger)) = movement.shares.filter(|(_, q, _)| !q.is_zero()) {
            let (asset, amount) = (Asset::Shares(instrument), quantity.raw());
            postings.push(line(Ledger::Position, asset, Phase::Posted, amount));
            postings.push(line(ledger, asset, Phase::Posted, amount.saturating_neg()));
        }
    }
    let held =
        [(Ledger::Hold, movement.hold, movement.used), (Ledger::Collateral, movement.collateral, false)];
    for (ledger, change, used) in held.into_iter().filter(|(_, change, _)| !change.is_zero()) {
        let phase = Movement::phase(change, used);
        postings.push(line(ledger, money, phase, change.raw()));
        postings.push(line(Ledger::Available, money, phase, negated(change)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::Fill;
    use crate::domain::{AccountKind, AccountSpec, Price, Side};
    use crate::portfolio::{Account, Booking};

    fn account() -> Account {
        let spec = AccountSpec {
            account: "A".parse().unwrap(),
            kind: AccountKind::Paper,
            owner: None,
            exchange: None,
            currency: Currency::USD,
            cash: "100000".parse().unwrap(),
            short: true,
            margin: crate::domain::Margin::Cash,
            broker: crate::domain::BrokerId::Paper,
            lots: crate::domain::LotMethod::Fifo,
            trigger: crate::domain::TriggerType::Last,
        };
        Account::open(spec).0
    }

    #[test]
    fn an_unbalanced_movement_is_an_error() {
        let movement = Movement { cash: Money::from_raw(1), ..Movement::default() };
        assert!(post(&mut Vec::new(), 1, "A".parse().unwrap(), Currency::USD, &movement).is_err());
    }

    proptest! {
        #[test]
        fn postings_of_random_fills_sum_to_zero_and_carry_the_account(
            fills in prop::collection::vec((any::<bool>(), 1_i64..500, 1_i64..50_000_000, 0_i64..2_000_000), 1..60)
        ) {
            let mut account = account();
            let instrument: InstrumentId = "XYZ.XNYS".parse().unwrap();
            let mut totals: BTreeMap<(Ledger, Asset), i128> = BTreeMap::new();
            for (n, (buys, shares, price, fee)) in fills.iter().enumerate() {
                let fill = Fill {
                    account: account.spec().account,
                    id: "O".parse().unwrap(),
                    instrument,
                    side: if *buys { Side::Buy } else { Side::Sell },
                    quantity: Quantity::from_whole(*shares).unwrap(),
                    // Prices at 1e-7 make the notional need rounding.
                    price: Price::from_raw(price * 100 + 7),
                    fee: Money::from_raw(*fee),
                    cum: Quantity::ZERO,
                    leaves: Quantity::ZERO,
                    against: (Price::ZERO, Quantity::ZERO),
                    venue: None,
                };
                let movement = account.fill(&fill, Booking { seq: n as u64, ..Booking::default() }).unwrap();
                let mut lines = Vec::new();
                post(&mut lines, n as u64, account.spec().account, Currency::USD, &movement).unwrap();
                let mut sums: BTreeMap<Asset, i128> = BTreeMap::new();
                for line in lines {
                    *sums.entry(line.asset).or_default() += i128::from(line.amount);
                    *totals.entry((line.ledger, line.asset)).or_default() += i128::from(line.amount);
                }
                prop_assert!(sums.values().all(|sum| *sum == 0), "{:?}", sums);
            }
            let total = |ledger, asset| totals.get(&(ledger, asset)).copied().unwrap_or(0);
            let money = Asset::Money(Currency::USD);
            let opening = 100_000_000_000_i128;
            prop_assert_eq!(i128::from(account.cash().raw()), opening + total(Ledger::Cash, money));
            let held = account.quantity(instrument);
            prop_assert_eq!(i128::from(held.raw()), total(Ledger::Position, Asset::Shares(instrument)));
            let cost = account.positions().get(&instrument).map_or(0, |p| i128::from(p.cost().raw()));
            prop_assert_eq!(cost, total(Ledger::Cost, money));
            let lots: i64 = account.positions().get(&instrument).map_or(0, |p| p.lots().map(|l| l.quantity.raw()).sum());
            prop_assert_eq!(lots, held.raw());
        }
    }
}
