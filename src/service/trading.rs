//! Orders by hand and what came of them: submit, amend, cancel, what-if, portfolios, orders, history.
//!
//! Which account a person may trade follows from its kind: simulation accounts need [`Simulate`], the desk's need
//! [`TradeDesk`]. Queries take their accounts from the permit's scope, never from who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::broker::SessionPart;
use crate::domain::event::{EventBody, Refusal};
use crate::domain::limit::LimitName;
use crate::domain::row::RiskEventRow;
use crate::domain::{
    AccountId, AccountKind, CleanText, Command, Event, Exchange, InstrumentId, Order, OrderId, OrderSpec,
    Price, Quantity, RefusalCode, Symbol, UnixNanos,
};
use crate::execution::State;
use crate::risk::{self, Draft, OrderKey, Verdict};
use crate::store::trades::Accounts;
pub use crate::store::trades::Period;

use super::access::Session;
use super::book::{self, Labels};
use super::engine::lock;
use super::error::ServiceError;
use super::house::{DESK_ACCOUNT, House};
pub use super::ordering::{OrderWish, Size};
use super::permit::{Actor, Permit, Scope, Simulate, TradeDesk, ViewPortfolio};
use super::view;

/// Most orders or fills one listing returns.
pub const LISTING_MAX: u32 = 100_000;

/// A refusal as the ledger keeps it: a limit that is not named did not speak.
fn refusal_in(row: RiskEventRow) -> Refusal {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let (limit, observed, threshold) = (text(row.limit), text(row.observed), text(row.threshold));
    Refusal { limit, observed, threshold, ..Refusal::plain(row.code) }
}

/// Proof that a person may trade one account.
#[derive(Debug)]
#[must_use]
pub struct TradePermit {
    actor: Actor,
    scope: Scope,
    account: AccountId,
    exchange: Exchange,
}

impl TradePermit {
    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Where it trades.
    pub fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// Whether refusals must not name limits.
    pub fn hides_limits(&self) -> bool {
        self.scope.hides_limits()
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }
}

impl Session {
    /// The account a person means when they name none: the desk's, else the first of their own.
    pub fn default_account(&self) -> Result<AccountId, ServiceError> {
        let permit = self.permit::<ViewPortfolio>()?;
        let state = self.house().state()?;
        let desk: AccountId = DESK_ACCOUNT.parse()?;
        let own: Vec<AccountId> =
            book::accounts_in(&state, permit.scope()).map(|a| a.spec().account).collect();
        let desk = own.iter().find(|a| **a == desk);
        desk.or(own.first()).copied().ok_or(ServiceError::Unknown {
            kind: "account",
            name: CleanText::new("(default)"),
            remedy: "ask an administrator to open one with 'qlib-pro account open'",
        })
    }

    /// A permit to trade an account, by its kind.
    pub fn trade_permit(&self, account: Option<AccountId>) -> Result<TradePermit, ServiceError> {
        let account = match account {
            Some(account) => account,
            None => self.default_account()?,
        };
        let state = self.house().state()?;
        let spec = state.accounts().get(&account).map(|a| a.spec().clone());
        let kind = spec.as_ref().map_or(AccountKind::Paper, |s| s.kind);
        let (actor, scope) = match kind {
            AccountKind::Simulation => {
                let permit = self.permit::<Simulate>()?;
                let scope = permit.scope();
                (permit.into_actor(), scope)
            }
            AccountKind::Paper | AccountKind::Live => {
                let permit = self.permit::<TradeDesk>()?;
                let scope = permit.scope();
                (permit.into_actor(), scope)
            }
        };
        let spec = spec.filter(|s| scope.covers(s.kind, s.owner)).ok_or_else(|| unknown_account(account))?;
        Ok(TradePermit { actor, scope, account, exchange: spec.exchange.unwrap_or(Exchange::Xnys) })
    }
}

/// Holdings and totals in a state of every account in scope, or of one.
pub(super) fn portfolios_in(
    state: &State,
    scope: Scope,
    account: Option<AccountId>,
    labels: &Labels,
) -> Result<Vec<view::Portfolio>, ServiceError> {
    let chosen: Vec<_> = book::accounts_in(state, scope)
        .filter(|a| account.is_none_or(|wanted| a.spec().account == wanted))
        .map(|a| view::Portfolio {
            totals: book::totals(state, a),
            positions: book::positions(state, a, labels),
        })
        .collect();
    match account {
        Some(account) if chosen.is_empty() => Err(unknown_account(account)),
        Some(_) | None => Ok(chosen),
    }
}

/// Names of the accounts in scope, or the one asked for when it is among them.
pub(super) fn scoped_in(
    state: &State,
    scope: Scope,
    account: Option<AccountId>,
) -> Result<Vec<AccountId>, ServiceError> {
    let names: Vec<AccountId> = book::accounts_in(state, scope)
        .map(|a| a.spec().account)
        .filter(|a| account.is_none_or(|wanted| *a == wanted))
        .collect();
    match account {
        Some(account) if names.is_empty() => Err(unknown_account(account)),
        Some(_) | None => Ok(names),
    }
}

pub(super) fn unknown_account(account: AccountId) -> ServiceError {
    ServiceError::Unknown {
        kind: "account",
        name: CleanText::new(account.as_str()),
        remedy: "see 'qlib-pro account list'",
    }
}

impl House {
    /// Gives one order, without exits, and says what became of it, with everything on disk. A refusal is an answer, not an error.
    pub fn submit(&self, permit: &TradePermit, wish: &OrderWish) -> Result<view::OrderRow, ServiceError> {
        let order = self.order_of(permit, wish)?;
        self.know_instruments([order.instrument])?;
        let now = self.order_time(permit.exchange)?;
        let events = self.give(&permit.actor, now, Command::Submit(order.clone()))?;
        let mut row = self.answer(permit, order.account, order.id, &events)?;
        if row.code == Some(RefusalCode::Refused) {
            row.reason = self.with_largest(permit, wish, &row.reason)?;
        }
        let waits = row.code.is_none() && !row.status.is_done();
        if waits || row.code == Some(RefusalCode::StaleMarketData) {
            self.tell_feed_trouble(order.instrument.exchange, &mut row.reason);
        }
        Ok(row)
    }

    /// Adds to an order's reason that prices may be old, and why.
    fn tell_feed_trouble(&self, exchange: Exchange, reason: &mut String) {
        let Some(trouble) = self.feed_trouble(exchange) else { return };
        let waits = if reason.is_empty() { "it waits for fresh prices: " } else { "; " };
        reason.push_str(waits);
        reason.push_str(&trouble);
    }

    /// A refusal that hides its limit says at least what would have passed.
    fn with_largest(
        &self,
        permit: &TradePermit,
        wish: &OrderWish,
        reason: &str,
    ) -> Result<String, ServiceError> {
        let seen = self.what_if(permit, &OrderWish { id: None, ..wish.clone() })?;
        let largest = seen.largest.map_or("nothing".to_string(), |q| q.to_string());
        Ok(format!("{reason}; the largest allowed quantity is {largest}"))
    }

    /// Changes a working order.
    pub fn amend(
        &self,
        permit: &TradePermit,
        id: OrderId,
        quantity: Option<Quantity>,
        (limit_price, trigger_price): (Option<Price>, Option<Price>),
    ) -> Result<view::OrderRow, ServiceError> {
        let now = self.order_time(permit.exchange)?;
        let account = permit.account;
        let amend = Command::Amend { account, id, quantity, limit_price, trigger_price };
        let events = self.give(&permit.actor, now, amend)?;
        self.answer(permit, account, id, &events)
    }

    /// Ends a working order.
    pub fn cancel(&self, permit: &TradePermit, id: OrderId) -> Result<view::OrderRow, ServiceError> {
        let now = self.order_time(permit.exchange)?;
        let account = permit.account;
        let events = self.give(&permit.actor, now, Command::Cancel { account, id })?;
        self.answer(permit, account, id, &events)
    }

    /// Ends all working orders of the account, or those on one symbol. One that cannot be ended spares no other; its
    /// error comes after all have been tried.
    pub fn cancel_all(
        &self,
        permit: &TradePermit,
        symbol: Option<Symbol>,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        let state = self.state()?;
        let open: Vec<OrderId> = state
            .orders()
            .open()
            .values()
            .filter(|o| o.spec.account == permit.account)
            .filter(|o| symbol.is_none_or(|s| o.spec.instrument.symbol == s))
            .map(|o| o.spec.id)
            .collect();
        let mut rows = Vec::with_capacity(open.len());
        let mut failed = None;
        for id in open {
            // Ending one may have ended others: the rest of its bracket.
            let ended = self.engine()?.order(permit.account, id)?.filter(|o| o.status.is_done());
            match ended {
                Some(order) => rows.push(book::order_row(&order, None, permit.scope.hides_limits())),
                None => match self.cancel(permit, id) {
                    Ok(row) => rows.push(row),
                    Err(error) => failed = failed.or(Some(error)),
                },
            }
        }
        failed.map_or(Ok(rows), Err)
    }

    /// Tells the engine what the market store knows of instruments, where that is news.
    pub(super) fn know_instruments(
        &self,
        ids: impl IntoIterator<Item = InstrumentId>,
    ) -> Result<(), ServiceError> {
        let state = self.state()?;
        let mut news = Vec::new();
        {
            let market = lock(self.market_store());
            for id in ids {
                if let Some(stored) = market.read().instrument(id)?
                    && state.instruments().get(&id) != Some(&stored)
                {
                    news.push(Command::DefineInstrument(stored));
                }
            }
        }
        if news.is_empty() { Ok(()) } else { self.give_as_house(news).map(drop) }
    }

    pub(super) fn answer(
        &self,
        permit: &TradePermit,
        account: AccountId,
        id: OrderId,
        events: &[Event],
    ) -> Result<view::OrderRow, ServiceError> {
        let refusal = events.iter().find_map(|e| refusal_of(&e.body, id));
        let hides = permit.scope.hides_limits();
        if let Some(order) = self.engine()?.order(account, id)? {
            // A refused order stands as such; anything else refused (an amendment, a cancel, a used id) left the order
            // as it was, so its row is no answer.
            let stands = refusal.is_none_or(|r| order.status.is_done() && order.code == Some(r.code));
            if stands && refusal.is_some() {
                return Ok(book::order_row(&order, refusal, hides));
            }
            if stands {
                // Given before: the answer is the one it had then.
                let kept = self.refusals_of(std::slice::from_ref(&order))?;
                return Ok(book::order_row(&order, kept.get(&(account, id)), hides));
            }
        }
        let hidden = hides && refusal.is_some_and(|r| r.limit.is_some());
        let code =
            refusal.map_or(RefusalCode::UnknownOrder, |r| if hidden { RefusalCode::Refused } else { r.code });
        let text = format!("order {id} of {account}: {}", code.text());
        match code {
            RefusalCode::UnknownOrder | RefusalCode::TooLateToCancel => {
                Err(ServiceError::NotDone { code, text })
            }
            _ => Err(ServiceError::Refused { code, text }),
        }
    }

    /// What an order would do: the pre-trade check without the trade.
    pub fn what_if(&self, permit: &TradePermit, wish: &OrderWish) -> Result<view::WhatIf, ServiceError> {
        let order = self.order_of(permit, wish)?;
        self.know_instruments([order.instrument])?;
        let exchange = Some(order.instrument.exchange);
        let state = self.with_facts(self.state()?, &[order.account], exchange, &[]);
        let now = self.order_time(order.instrument.exchange)?;
        let day = self.calendars().of(order.instrument.exchange).date_at(now);
        what_if(&state, (&order, now, day), permit.scope.hides_limits())
            .ok_or_else(|| unknown_account(permit.account))
    }

    /// Holdings and totals of every account in scope, or of one.
    pub fn portfolios(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
    ) -> Result<Vec<view::Portfolio>, ServiceError> {
        let state = self.state()?;
        let labels = self.labels(&state)?;
        portfolios_in(&state, permit.scope(), account, &labels)
    }

    /// Open lots of every account in scope, or of one.
    pub fn open_lots(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
    ) -> Result<Vec<view::LotRow>, ServiceError> {
        let state = self.state()?;
        let chosen = scoped_in(&state, permit.scope(), account)?;
        Ok(chosen.iter().filter_map(|a| state.accounts().get(a)).flat_map(book::lots).collect())
    }

    /// Orders of every account in scope, or of one; newest first.
    pub fn orders(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        self.orders_that(permit, account, period, |_| true)
    }

    /// Those of them that are wanted.
    pub(super) fn orders_that(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
        wanted: impl Fn(&Order) -> bool,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        let accounts = self.scoped(permit.scope(), account)?;
        let mut orders = lock(self.ledger()).orders(Accounts::Only(&accounts), period, LISTING_MAX)?;
        orders.retain(wanted);
        self.order_rows(&orders, permit.scope())
    }

    /// Orders as a scope may see them, with what spoke against those that were refused.
    pub(super) fn order_rows(
        &self,
        orders: &[Order],
        scope: Scope,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        let refusals = self.refusals_of(orders)?;
        let refusal = |o: &Order| refusals.get(&(o.spec.account, o.spec.id));
        Ok(orders.iter().map(|o| book::order_row(o, refusal(o), scope.hides_limits())).collect())
    }

    /// What spoke against those of the orders that were refused, from the ledger.
    fn refusals_of(&self, orders: &[Order]) -> Result<BTreeMap<OrderKey, Refusal>, ServiceError> {
        let refused = || orders.iter().filter(|o| o.status.is_done() && o.code.is_some());
        let times = || refused().map(|o| o.changed_at);
        let Some((from, last)) = times().min().zip(times().max()) else { return Ok(BTreeMap::new()) };
        let ends: BTreeMap<OrderKey, (Option<RefusalCode>, UnixNanos)> =
            refused().map(|o| ((o.spec.account, o.spec.id), (o.code, o.changed_at))).collect();
        let accounts: Vec<AccountId> =
            refused().map(|o| o.spec.account).collect::<BTreeSet<_>>().into_iter().collect();
        let period = Period { from, to: last.plus_nanos(1) };
        let rows = lock(self.ledger()).risk_events(Accounts::Only(&accounts), period, LISTING_MAX)?;
        let mut spoke = BTreeMap::new();
        // Newest first: what ended an order came after what an amendment of it was refused for.
        for row in rows {
            let Some(key) = row.order.map(|order| (row.account, order)) else { continue };
            if ends.get(&key) == Some(&(Some(row.code), row.time)) {
                spoke.entry(key).or_insert_with(|| refusal_in(row));
            }
        }
        Ok(spoke)
    }

    /// Why an order is where it is: as written down when it went to a broker; else by the venues, with the session
    /// of the moment at which it was given.
    pub fn route(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: AccountId,
        id: OrderId,
    ) -> Result<CleanText, ServiceError> {
        self.scoped(permit.scope(), Some(account))?;
        let state = self.state()?;
        let Some(order) = state.orders().get(account, id) else { return Ok(CleanText::default()) };
        let calendar = self.calendars().of(order.spec.instrument.exchange);
        let session = match calendar.session_at(order.given_at) {
            Some(_) => SessionPart::Regular,
            None => SessionPart::Closed,
        };
        Ok(state.route_of(order, session))
    }

    /// Fills of every account in scope, or of one; newest first.
    pub fn history(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
        most: u32,
    ) -> Result<Vec<view::HistoryRow>, ServiceError> {
        let accounts = self.scoped(permit.scope(), account)?;
        let fills = lock(self.ledger()).executions(Accounts::Only(&accounts), period, most)?;
        Ok(fills.into_iter().map(view::HistoryRow::of).collect())
    }

    /// Refuses an account outside a scope as if it did not exist.
    pub(super) fn visible(&self, scope: Scope, account: Option<AccountId>) -> Result<(), ServiceError> {
        account.map_or(Ok(()), |a| self.scoped(scope, Some(a)).map(drop))
    }

    pub(super) fn scoped(
        &self,
        scope: Scope,
        account: Option<AccountId>,
    ) -> Result<Vec<AccountId>, ServiceError> {
        scoped_in(&*self.state()?, scope, account)
    }

    /// Names and sectors of what is held, and from when on its prices are fresh.
    pub(super) fn labels(&self, state: &State) -> Result<Labels, ServiceError> {
        let mut labels = Labels::default();
        let market = lock(self.market_store());
        for account in state.accounts().values() {
            for id in account.positions().keys() {
                if labels.names.contains_key(id) {
                    continue;
                }
                if let Some(found) = market.read().instrument(*id)? {
                    labels.names.insert(*id, (found.name.to_string(), found.sector.to_string()));
                }
            }
        }
        drop(market);
        for exchange in Exchange::ALL {
            let Some(now) = state.market_time(exchange) else { continue };
            let calendar = self.calendars().of(exchange);
            if let Some(before) = calendar.previous_session(calendar.date_at(now)) {
                labels.fresh_since.insert(exchange, before.close);
            }
        }
        Ok(labels)
    }
}

pub(super) fn refusal_of(body: &EventBody, id: OrderId) -> Option<&Refusal> {
    match body {
        EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal }
            if order.id == id =>
        {
            Some(refusal)
        }
        EventBody::AmendRejected { id: of, refusal, .. }
        | EventBody::CancelRejected { id: of, refusal, .. }
            if *of == id =>
        {
            Some(refusal)
        }
        _ => None,
    }
}

/// The same evaluation as the pre-trade check, as people see it.
fn what_if(
    state: &State,
    (order, now, day): (&OrderSpec, UnixNanos, NaiveDate),
    hides_limits: bool,
) -> Option<view::WhatIf> {
    let book = state.book(order.account, now)?;
    let order = &Arc::new(order.clone());
    let draft = Draft::new(order);
    let decision = risk::evaluate(&book, state.limits(), &draft);
    let refusal = match decision.verdict() {
        Verdict::Refuse(refusal) => Some(refusal),
        Verdict::Accept | Verdict::Hold(_) => None,
    };
    let largest = risk::largest_allowed(&book, state.limits(), &draft);
    let reference = book.reference(order.instrument, order.side).map(|r| (r.price, r.time));
    let price = order.limit_price.or(reference.map(|(p, _)| p));
    let notional = price.and_then(|p| p.notional(order.quantity).ok());
    let fee = notional.and_then(|n| state.fee_on(day, order, n));
    let cash_before = book.account.cash();
    let moved = price.and_then(|p| p.notional(order.side.signed(order.quantity)).ok());
    let cash_after =
        moved.zip(fee).and_then(|(m, f)| cash_before.checked_sub(m).and_then(|c| c.checked_sub(f)));
    let position_before = book.account.quantity(order.instrument);
    let hidden = hides_limits && refusal.is_some_and(|r| r.limit.is_some());
    let code = refusal.map(|r| if hidden { RefusalCode::Refused } else { r.code });
    let mut checks = decision.checks();
    checks.sort_by_key(|c| std::cmp::Reverse(severity(c)));
    if hides_limits {
        checks.clear();
    }
    Some(view::WhatIf {
        checks,
        code,
        reason: code.map(|c| c.text().to_string()).unwrap_or_default(),
        needs_approval: matches!(decision.verdict(), Verdict::Hold(RefusalCode::ApprovalRequired)),
        largest: largest.is_positive().then_some(largest),
        reference,
        notional,
        fee,
        cash_before,
        cash_after,
        quantity: order.quantity,
        position_before,
        position_after: position_before.checked_add(order.side.signed(order.quantity))?,
        currency: book.account.spec().currency,
        basis: (state.limits().version(), state.seq()),
    })
}

/// Sorts checks worst first: by outcome, then by how much of the threshold is used.
fn severity(check: &crate::domain::limit::CheckRecord) -> (u8, i64) {
    use crate::domain::limit::CheckOutcome;
    let rank = match check.outcome {
        CheckOutcome::Breach => 3,
        CheckOutcome::NotEvaluated => 2,
        CheckOutcome::SoftBreach => 1,
        CheckOutcome::Passed => 0,
    };
    // Only an order on screen: weights have more digits than money has, so neither type reads both.
    let number = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite());
    let used = number(&check.observed).zip(number(&check.threshold).filter(|t| *t > 0.0));
    (rank, used.map_or(-1, |(seen, allowed)| (seen / allowed * 1e9) as i64))
}

/// Whether a code is that of a limit with a name and threshold.
pub(super) fn is_limit_code(code: RefusalCode) -> bool {
    LimitName::ALL.iter().any(|n| n.code() == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::{CheckOutcome, CheckRecord};

    #[test]
    fn the_check_nearest_its_limit_comes_first_whatever_its_unit() {
        let check = |limit: &str, observed: &str, threshold: &str, outcome| CheckRecord {
            code: RefusalCode::QuantityZero,
            limit: limit.to_owned(),
            scope: crate::domain::limit::Scope::Firm,
            now: String::new(),
            observed: observed.to_owned(),
            threshold: threshold.to_owned(),
            outcome,
        };
        let mut checks = [
            check("shape", "", "", CheckOutcome::Passed),
            check("money", "207.00", "50000", CheckOutcome::Passed),
            check("gross", "0.930123456", "1", CheckOutcome::Passed),
            check("loss", "1", "20000", CheckOutcome::Breach),
        ];
        checks.sort_by_key(|c| std::cmp::Reverse(severity(c)));
        assert_eq!(checks.map(|c| c.limit), ["loss", "gross", "money", "shape"]);
    }
}
