//! The state: a fold of the journal, plus the market as seen.
//!
//! Everything here but [`State::view`] is rebuilt exactly by [`super::Engine::recover`]. A clone is a snapshot: it
//! copies open orders and accounts and shares what only grows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::event::Claim;
use crate::domain::facts::{ExchangeFacts, MarketFacts};
use crate::domain::limit::{LimitName, Scope};
use crate::domain::market::{ActionKind, CorporateAction, SessionState};
use crate::domain::venue::VenueModel;
use crate::domain::{
    AccountId, AccountKind, ByInstrument, CleanText, Exchange, Instrument, InstrumentId, Money, OrderStatus,
    Price, RefusalCode, Seq, UnixNanos,
};
use crate::portfolio::Account;
use crate::risk::{
    Activity, Book, ByStrategy, DayTrades, Executions, Halt, LimitBook, OrderKey, Pace, Past, Recent, Sums,
};

use super::day::Days;
use super::few::Few;
use super::month::Month;
use super::orders::Orders;
use super::strategies::Strategies;
use super::view::View;

/// A dividend that is known and whose ex-date lies ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Money per share.
    pub amount: Price,
    /// First day without the right.
    pub ex_date: NaiveDate,
    /// Day of payment.
    pub pay_date: NaiveDate,
}

/// An account at a broker and its comparisons, in wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Since when it is kept here: what was executed before is not of its book.
    pub opened: UnixNanos,
    /// When it was last compared to the end.
    pub last: UnixNanos,
}

/// What an account did of late.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Conduct {
    /// Its orders of the last minute.
    pub recent: VecDeque<Recent>,
    /// Since its day began.
    pub activity: Activity,
    /// What it opened and closed on one day.
    pub day_trades: DayTrades,
    /// In its last minute and sessions.
    pub past: Past,
    /// What it filled in the month.
    pub month: Month,
}

/// Orders, accounts, limits, halts, instruments and the market as seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    pub(super) seq: Seq,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    #[serde(with = "crate::domain::serial::shared")]
    pub(super) instruments: Arc<ByInstrument<Instrument>>,
    pub(super) venue: VenueModel,
    pub(super) orders: Orders,
    pub(super) limits: LimitBook,
    pub(super) halts: BTreeMap<Scope, Halt>,
    /// Why, where somebody said so.
    #[serde(default)]
    pub(super) halt_reasons: BTreeMap<Scope, CleanText>,
    pub(super) halted: BTreeSet<InstrumentId>,
    /// What each account did of late.
    pub(super) conduct: BTreeMap<AccountId, Conduct>,
    pub(super) no_conduct: Conduct,
    /// Orders and changes of all paper accounts in the last minute.
    #[serde(default)]
    pub(super) firm_pace: Pace,
    /// What each holding did since its day began.
    #[serde(default)]
    pub(super) day_of: Days,
    /// What each strategy holds.
    #[serde(default)]
    pub(super) strategies: Strategies,
    /// Fills of each strategy since a person last looked.
    #[serde(with = "crate::domain::serial::pairs")]
    pub(super) executions: Executions,
    /// The highest level of use that was told, by account, limit and scope.
    #[serde(with = "crate::domain::serial::pairs")]
    pub(super) warned: BTreeMap<(AccountId, LimitName, Scope), u8>,
    pub(super) latched: BTreeSet<(AccountId, RefusalCode)>,
    /// Controls of a symbol or a strategy that spoke today, by account: they were told, and stop nothing else.
    #[serde(default)]
    pub(super) latched_scopes: BTreeSet<(AccountId, RefusalCode, Scope)>,
    pub(super) sessions: BTreeMap<Exchange, SessionState>,
    pub(super) clocks: BTreeMap<Exchange, UnixNanos>,
    pub(super) days: BTreeMap<Exchange, NaiveDate>,
    pub(super) dividends: Vec<Announced>,
    /// Splits (true) and dividends by ex-date that the book has had while it held or wanted the name.
    pub(super) applied: BTreeSet<(InstrumentId, NaiveDate, bool)>,
    pub(super) reconciling: BTreeSet<AccountId>,
    pub(super) breaks: BTreeMap<AccountId, BTreeSet<String>>,
    /// Since when each of them is told, comparison after comparison, on the wall.
    #[serde(default)]
    pub(super) broken_since: BTreeMap<AccountId, BTreeMap<String, UnixNanos>>,
    /// Changes of symbol that were followed: from, to, first day.
    #[serde(default)]
    pub(super) symbols: BTreeSet<(InstrumentId, InstrumentId, NaiveDate)>,
    #[serde(default)]
    pub(super) compared: BTreeMap<AccountId, Compared>,
    /// What somebody asked to take over from a broker, and since when on the wall.
    #[serde(default, with = "crate::domain::serial::pairs")]
    pub(super) claims: BTreeMap<(AccountId, InstrumentId), (Claim, UnixNanos)>,
    /// Wall time since which an order waits for a second person.
    #[serde(with = "crate::domain::serial::pairs")]
    pub(super) asked: BTreeMap<OrderKey, UnixNanos>,
    pub(super) view: View,
}

impl State {
    /// Sequence number of the last event.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Accounts by name.
    pub const fn accounts(&self) -> &BTreeMap<AccountId, Account> {
        &self.accounts
    }

    /// Known instruments.
    pub fn instruments(&self) -> &ByInstrument<Instrument> {
        &self.instruments
    }

    /// How the paper exchange fills.
    pub const fn venue(&self) -> &VenueModel {
        &self.venue
    }

    /// Every order there ever was.
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Limits and their versions.
    pub const fn limits(&self) -> &LimitBook {
        &self.limits
    }

    /// Halts in force by scope.
    pub const fn halts(&self) -> &BTreeMap<Scope, Halt> {
        &self.halts
    }

    /// Symbols whose market is halted.
    pub const fn halted(&self) -> &BTreeSet<InstrumentId> {
        &self.halted
    }

    /// Exchanges that were opened or closed by word.
    pub const fn sessions(&self) -> &BTreeMap<Exchange, SessionState> {
        &self.sessions
    }

    /// Controls that spoke and stay in force, by account.
    pub const fn latched(&self) -> &BTreeSet<(AccountId, RefusalCode)> {
        &self.latched
    }

    /// Whether an account is being compared with its broker.
    pub fn is_reconciling(&self, account: AccountId) -> bool {
        self.reconciling.contains(&account)
    }

    /// Why a scope is halted; empty where nobody said so.
    pub fn halt_reason(&self, scope: Scope) -> &str {
        self.halt_reasons.get(&scope).map_or("", CleanText::as_str)
    }

    /// Differences with brokers that were told since the last comparison began, by account.
    pub const fn breaks(&self) -> &BTreeMap<AccountId, BTreeSet<String>> {
        &self.breaks
    }

    /// Since when a difference is told, comparison after comparison, in wall time.
    pub fn broken_since(&self, account: AccountId, text: &str) -> Option<UnixNanos> {
        self.broken_since.get(&account)?.get(text).copied()
    }

    /// Since when an account is at its broker, and when the two were last compared.
    pub fn compared(&self, account: AccountId) -> Option<Compared> {
        self.compared.get(&account).copied()
    }

    /// What somebody asked to take over and nobody agreed to yet.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values().map(|(claim, _)| claim)
    }

    pub(super) fn has_break(&self, account: AccountId, text: &str) -> bool {
        self.breaks.get(&account).is_some_and(|told| told.contains(text))
    }

    /// What each strategy holds of what its account holds.
    pub const fn strategies(&self) -> &Strategies {
        &self.strategies
    }

    /// Dividends whose ex-date lies ahead.
    pub fn announced(&self) -> &[Announced] {
        &self.dividends
    }

    /// Changes of symbol that were followed: from, to, first day.
    pub const fn symbol_changes(&self) -> &BTreeSet<(InstrumentId, InstrumentId, NaiveDate)> {
        &self.symbols
    }

    /// Whether the book has had a split or dividend; of a name nobody held or wanted then it is not known.
    pub fn has_applied(&self, action: &CorporateAction) -> bool {
        let is_split = matches!(action.kind, ActionKind::Split(_));
        self.applied.contains(&(action.instrument, action.date, is_split))
    }

    /// The market as seen.
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Time of the newest market event of an exchange.
    pub fn market_time(&self, exchange: Exchange) -> Option<UnixNanos> {
        let seen = self.view.clocks.get(&exchange);
        seen.into_iter().chain(self.clocks.get(&exchange)).max().copied()
    }

    /// Trading day of the last mark of an exchange.
    pub fn day(&self, exchange: Exchange) -> Option<NaiveDate> {
        self.days.get(&exchange).copied()
    }

    /// An account's equity at last prices; `None` when one is missing.
    pub fn equity(&self, account: &Account) -> Option<Money> {
        account.equity_with(self.orders.sums().positions(account.spec().account)?)
    }

    /// Highest equity of an account, unmarked moves included.
    pub fn peak(&self, account: &Account) -> Money {
        let live = self.view.peaks.get(&account.spec().account).copied();
        live.map_or(account.peak(), |peak| peak.max(account.peak()))
    }

    /// Orders that no longer wait for a second person are no longer counted among those that do.
    pub(super) fn forget_asked(&mut self, keys: &Few<OrderKey>) {
        if self.asked.is_empty() {
            return;
        }
        for key in keys.iter() {
            let open = self.orders.open().get(key);
            if open.is_none_or(|order| order.status != OrderStatus::PendingApproval) {
                self.asked.remove(key);
            }
        }
    }

    /// Counts orders and changes that an account gave, and those that were refused; the firm's on the wall clock.
    pub(super) fn note_messages(&mut self, name: AccountId, t: UnixNanos, (given, refused): (u32, u32)) {
        let Some(account) = self.accounts.get(&name) else { return };
        if account.spec().kind != AccountKind::Simulation {
            self.firm_pace.note(self.view.wall, given, refused);
        }
        self.conduct(name).past.pace.note(t, given, refused);
    }

    /// What an account did of late, to be added to.
    pub(super) fn conduct(&mut self, account: AccountId) -> &mut Conduct {
        self.conduct.entry(account).or_default()
    }

    pub(super) fn set_last(&mut self, instrument: InstrumentId, price: Price, time: UnixNanos) {
        self.view.set_last(instrument, price, time);
        self.orders.set_last(instrument, price);
    }

    /// Takes an account's position in an instrument over into the sums.
    pub(super) fn note_position(&mut self, account: AccountId, instrument: InstrumentId) {
        let Some(held) = self.accounts.get(&account).map(|a| a.quantity(instrument)) else { return };
        self.orders.set_position(account, instrument, held);
    }

    /// The sums from scratch.
    pub fn summed_up(&self) -> Sums {
        let lasts = self.view.seen.iter().filter_map(|(i, seen)| Some((*i, seen.last?.price)));
        let accounts = self.accounts.iter();
        let held =
            accounts.flat_map(|(name, a)| a.positions().iter().map(|(i, p)| (*name, *i, p.quantity())));
        let open = self.orders.open().values();
        let mut sums = Sums::of(self.venue.fee, self.instruments.values(), lasts, held, open);
        sums.know(&self.view.facts);
        sums
    }

    /// Facts of the market that it was told.
    pub fn facts(&self) -> &MarketFacts {
        &self.view.facts
    }

    /// Whether these very facts of an exchange are the ones it was told last.
    pub fn knows(&self, exchange: Exchange, facts: &Arc<ExchangeFacts>) -> bool {
        self.view.facts.knows(exchange, facts)
    }

    /// Takes facts of an exchange in the place of those it had: what is judged from now on is judged by them, with the book
    /// as it stands then. They are not journaled.
    pub fn tell(&mut self, exchange: Exchange, facts: &Arc<ExchangeFacts>) {
        if self.view.facts.tell(exchange, facts) {
            self.orders.know(&self.view.facts);
        }
    }

    /// The sums of each strategy from scratch.
    pub fn summed_up_by_strategy(&self) -> ByStrategy {
        ByStrategy::of(self.orders.sums(), self.strategies.held(), self.orders.open().values())
    }

    pub(super) fn sum_up(&mut self) {
        self.orders.set_sums(self.summed_up());
        self.orders.set_by_strategy(self.summed_up_by_strategy());
    }

    /// The book as the risk checks see it.
    pub fn book(&self, account: AccountId, now: UnixNanos) -> Option<Book<'_>> {
        let account = self.accounts.get(&account)?;
        let conduct = self.conduct.get(&account.spec().account).unwrap_or(&self.no_conduct);
        Some(Book {
            seq: self.seq,
            now,
            account,
            peak: self.peak(account),
            orders: self.orders.open(),
            instruments: &self.instruments,
            seen: &self.view.seen,
            halted: &self.halted,
            halts: &self.halts,
            venue: &self.venue,
            recent: &conduct.recent,
            latched: &self.latched,
            reconciling: self.reconciling.contains(&account.spec().account),
            facts: &self.view.facts,
            sums: self.orders.sums(),
            by_strategy: self.orders.by_strategy(),
            queues: &self.orders,
            days: self,
            activity: conduct.activity,
            day_trades: conduct.day_trades.count(),
            past: &conduct.past,
            firm_pace: &self.firm_pace,
            wall: self.view.wall,
            executions: &self.executions,
            accounts: &self.accounts,
        })
    }
}
