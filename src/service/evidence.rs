//! Working the journal out anew: once through the engine's own fold, and once by a count that shares nothing with it
//! but the events: cash and shares from fills, actions, cash events and take-overs, and each mark's equity from those.

use std::collections::BTreeMap;

use crate::domain::calendar::Calendars;
use crate::domain::event::{CashKind, EquityMark, EventBody};
use crate::domain::posting::Posting;
use crate::domain::row::Row;
use crate::domain::{AccountId, Event, Exchange, InstrumentId, Money, Price, Quantity, Seq};
use crate::execution::{Engine, EngineError};
use crate::portfolio::{Account, split_quantity};
use crate::store::trades::Refold;

/// Most findings of the count.
const FINDINGS_MAX: usize = 100;

/// The fold and the count beside it.
#[derive(Debug)]
pub(super) struct Recount {
    engine: Engine,
    count: Count,
}

impl Recount {
    pub(super) fn new(calendars: &Calendars) -> Result<Self, EngineError> {
        Ok(Self { engine: Engine::new(calendars.clone())?, count: Count::default() })
    }

    /// What the count found, and where it and the fold differ at the end.
    pub(super) fn findings(mut self) -> Vec<String> {
        for (name, account) in self.engine.state().accounts() {
            let said = self.count.differs(*name, account);
            self.count.findings.extend(said);
        }
        self.count.findings
    }
}

impl Refold for Recount {
    fn event(&mut self, event: &Event) -> Result<(Vec<Posting>, Vec<Row>), String> {
        self.count.event(event);
        self.engine.refold(event).map_err(|error| error.to_string())
    }

    fn rows(&mut self) -> Vec<Row> {
        self.engine.standing_rows()
    }
}

/// Raw sums of one account.
#[derive(Debug, Default)]
struct Tally {
    cash: i128,
    deposits: i128,
    shares: BTreeMap<InstrumentId, Quantity>,
    owed: Vec<(InstrumentId, Money)>,
}

/// Sums by account, and the last marked prices.
#[derive(Debug, Default)]
struct Count {
    accounts: BTreeMap<AccountId, Tally>,
    prices: BTreeMap<InstrumentId, Price>,
    findings: Vec<String>,
}

impl Count {
    fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::AccountOpened(spec) => {
                let cash = i128::from(spec.cash.raw());
                self.accounts.insert(spec.account, Tally { cash, deposits: cash, ..Tally::default() });
            }
            EventBody::Fill(fill) => {
                let tally = self.accounts.entry(fill.account).or_default();
                let signed = fill.side.signed(fill.quantity);
                let value = fill.price.notional(signed).unwrap_or_default();
                tally.cash -= i128::from(value.raw()) + i128::from(fill.fee.raw());
                let held = tally.shares.entry(fill.instrument).or_default();
                *held = held.checked_add(signed).unwrap_or_default();
            }
            EventBody::CorporateAction { instrument, ratio, .. } => {
                for tally in self.accounts.values_mut() {
                    if let Some(held) = tally.shares.get_mut(instrument) {
                        *held = split_quantity(*held, *ratio).unwrap_or_default();
                    }
                }
            }
            EventBody::SymbolChanged { instrument, to, .. } => self.symbol_changed(*instrument, *to),
            EventBody::DividendDue { account, instrument, amount, .. } => {
                self.accounts.entry(*account).or_default().owed.push((*instrument, *amount));
            }
            EventBody::Cash { account, amount, kind, instrument } => {
                self.accounts.entry(*account).or_default().cash_event(*amount, *kind, *instrument);
            }
            EventBody::PositionTakenOver(claim) => {
                let tally = self.accounts.entry(claim.account).or_default();
                tally.deposits += i128::from(claim.cost.raw());
                let held = tally.shares.entry(claim.instrument).or_default();
                *held = held.checked_add(claim.quantity).unwrap_or_default();
            }
            EventBody::Marked { exchange, prices, accounts, .. } => {
                self.prices.extend(prices.iter().copied());
                for mark in accounts {
                    let said = self.equity_differs(event.seq, *exchange, mark);
                    self.found(said);
                }
            }
            // Everything else moves neither cash nor shares.
            _ => {}
        }
    }

    fn symbol_changed(&mut self, from: InstrumentId, to: InstrumentId) {
        for tally in self.accounts.values_mut() {
            if let Some(held) = tally.shares.remove(&from) {
                let shares = tally.shares.entry(to).or_default();
                *shares = shares.checked_add(held).unwrap_or_default();
            }
            tally.owed.iter_mut().filter(|(owes, _)| *owes == from).for_each(|(owes, _)| *owes = to);
        }
        if let Some(price) = self.prices.remove(&from) {
            self.prices.entry(to).or_insert(price);
        }
    }

    fn found(&mut self, said: Option<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.extend(said);
        }
    }

    /// Whether a mark's equity is not what the account holds at the marked prices. Holdings on other exchanges have
    /// prices of other moments, so such accounts are not judged.
    fn equity_differs(&self, seq: Seq, exchange: Exchange, mark: &EquityMark) -> Option<String> {
        let tally = self.accounts.get(&mark.account)?;
        let mut equity = tally.cash + tally.owed.iter().map(|(_, owed)| i128::from(owed.raw())).sum::<i128>();
        for (instrument, held) in tally.shares.iter().filter(|(_, held)| !held.is_zero()) {
            if instrument.exchange != exchange {
                return None;
            }
            equity += i128::from(self.prices.get(instrument)?.notional(*held).ok()?.raw());
        }
        let marked = i128::from(mark.equity.raw());
        let account = mark.account;
        (equity != marked).then(|| {
            format!("event {seq}: the marked equity of {account} is {marked} millionths, its holdings are worth {equity}")
        })
    }

    /// Where the fold's account differs from the count, or its profit from what it holds.
    fn differs(&self, name: AccountId, account: &Account) -> Vec<String> {
        let none = Tally::default();
        let tally = self.accounts.get(&name).unwrap_or(&none);
        let mut said = Vec::new();
        if i128::from(account.cash().raw()) != tally.cash {
            let counted = tally.cash;
            said.push(format!(
                "{name}: cash is {}, fills and cash events give {counted}",
                account.cash().raw()
            ));
        }
        let held =
            account.positions().iter().map(|(instrument, position)| (*instrument, position.quantity()));
        let counted = tally.shares.iter().filter(|(_, held)| !held.is_zero()).map(|(i, held)| (*i, *held));
        if !held.eq(counted) {
            said.push(format!("{name}: positions are not what fills and corporate actions give"));
        }
        let raw = |money: Money| i128::from(money.raw());
        let owed: i128 = account.receivables().iter().map(|r| raw(r.amount)).sum();
        let cost: i128 = account.positions().values().map(|p| raw(p.cost())).sum();
        let gained =
            raw(account.realized()) + raw(account.dividends()) - raw(account.fees()) - raw(account.borrow());
        if raw(account.cash()) + owed + cost - tally.deposits != gained {
            said.push(format!("{name}: what it holds is not its deposits and what it gained"));
        }
        said
    }
}

impl Tally {
    fn cash_event(&mut self, amount: Money, kind: CashKind, instrument: Option<InstrumentId>) {
        self.cash += i128::from(amount.raw());
        match kind {
            CashKind::Deposit => self.deposits += i128::from(amount.raw()),
            CashKind::Dividend => {
                let paid = self.owed.iter().position(|(i, owed)| Some(*i) == instrument && *owed == amount);
                if let Some(at) = paid {
                    self.owed.remove(at);
                }
            }
            CashKind::CashInLieu => {
                if let Some(held) = instrument.and_then(|i| self.shares.get_mut(&i)) {
                    let fraction = Quantity::from_raw(held.raw() % Quantity::ONE_RAW);
                    *held = held.checked_sub(fraction).unwrap_or_default();
                }
            }
            CashKind::Borrow => {}
        }
    }
}
