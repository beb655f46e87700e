//! One account's worker: a sweep over the book sends what waits and asks about what got no answer; the report stream
//! and reconciliations tell the engine what the broker says.
//!
//! Each wish is sent once. What got no answer is asked for by client order id; a new order that is not found after
//! [`TRIES`] tries and [`GIVE_UP_MS`] is rejected as unknown, never sent again. What certainly did not leave is tried
//! again until [`OFFLINE_MS`] have passed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, timeout};

use crate::broker::collect::{collect, introduce};
use crate::broker::{
    AmendOutcome, Amendment, Broker, BrokerError, CancelOutcome, Dispatch, OrderRef, SubmitOutcome,
};
use crate::domain::broker::{BrokerReport, VenueRefusal, VenueView};
use crate::domain::command::{Independence, VenueAnswer};
use crate::domain::{
    AccountId, CleanText, Clock, Command, Exchange, Order, OrderId, OrderStatus, Quantity, RefusalCode,
    UnixNanos, VenueOrderId,
};
use crate::execution::{State, reconcile};
use crate::store::fail;

use super::super::engine::{EngineHandle, Wish, time_of};
use super::super::error::ServiceError;

/// How often the worker looks round without being woken, in milliseconds.
const TICK_MS: u64 = 500;
/// How often a wish without answer is asked for before it is given up.
const TRIES: u32 = 5;
/// How long a new order may be unknown at least, in milliseconds.
const GIVE_UP_MS: i64 = 5_000;
/// Between two questions about the same wish, in milliseconds.
const ASK_AGAIN_MS: i64 = 1_000;
/// Between two tries of a comparison, in milliseconds.
const COMPARE_AGAIN_MS: i64 = 2_000;
/// How long an order may wait for a broker that cannot be reached, in milliseconds.
const OFFLINE_MS: i64 = 60_000;
/// How often it is looked at whether the account and its broker still agree, in milliseconds.
const LOOK_MS: i64 = 60_000;
/// Nanoseconds in a day.
const DAY_NANOS: i64 = 86_400_000_000_000;

/// What is wished of a broker for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Submit,
    Change(u32),
    Cancel,
}

/// What was done about a wish so far.
#[derive(Debug, Clone, Copy)]
struct Tried {
    since: UnixNanos,
    next: UnixNanos,
    is_sent: bool,
    asked: u32,
}

/// The worker of one account.
#[derive(Debug)]
pub(super) struct Worker {
    account: AccountId,
    broker: Arc<dyn Broker>,
    engine: EngineHandle,
    clock: Arc<dyn Clock>,
    first: Option<Sender<()>>,
    tried: BTreeMap<(OrderId, Wanted), Tried>,
    /// Wishes of an earlier run: they may have been sent.
    old: BTreeSet<(OrderId, Wanted)>,
    /// When the account is to be compared next; `None` while nothing asks for it.
    compare_at: Option<UnixNanos>,
    /// When it is looked at next whether the two still agree, without a word while they do.
    look_at: UnixNanos,
    /// Whether the comparison that runs found a difference and looks again before it is told.
    is_doubted: bool,
    day: i64,
}

impl Worker {
    pub(super) fn new(
        account: AccountId,
        broker: Arc<dyn Broker>,
        engine: EngineHandle,
        clock: Arc<dyn Clock>,
        first: Sender<()>,
    ) -> Result<Self, ServiceError> {
        let state = engine.snapshot()?;
        let old = at_broker(&state, account).into_iter().filter_map(|o| Some((o.spec.id, wanted(&o)?)));
        let day = clock.now().nanos().div_euclid(DAY_NANOS);
        let (old, compare_at) = (old.collect(), Some(clock.now()));
        let clock_next = clock.now().plus_millis(LOOK_MS);
        Ok(Self {
            account,
            broker,
            engine,
            clock,
            first: Some(first),
            tried: BTreeMap::new(),
            old,
            compare_at,
            look_at: clock_next,
            is_doubted: false,
            day,
        })
    }

    /// Works until it is stopped, then sends what still waits.
    pub(super) async fn run(
        mut self,
        mut wakes: mpsc::Receiver<()>,
        mut stopped: watch::Receiver<bool>,
        last: Duration,
    ) {
        let mut reports = self.broker.reports();
        let mut tick = interval(Duration::from_millis(TICK_MS));
        while !*stopped.borrow() {
            if let Err(error) = self.round().await {
                tracing::warn!(account = %self.account, %error, "the book could not be told what the broker says");
            }
            tokio::select! {
                biased;
                _ = stopped.changed() => break,
                woken = wakes.recv() => if woken.is_none() { break },
                report = reports.next() => if let Some(report) = report { self.note(&report) },
                _ = tick.tick() => {}
            }
        }
        if timeout(last, self.sweep()).await.is_err() {
            tracing::warn!(account = %self.account, "the last orders may not have been sent; the next start asks");
        }
    }

    async fn round(&mut self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let day = now.nanos().div_euclid(DAY_NANOS);
        if day != self.day {
            self.day = day;
            self.compare_at = Some(now);
        }
        if self.compare_at.is_some_and(|at| at <= now) {
            self.compare().await?;
        } else if self.compare_at.is_none() && self.look_at <= now {
            self.look().await?;
        }
        self.sweep().await
    }

    /// Whether the two still agree: what the broker says is taken in as ever, and only a difference that remains
    /// starts a comparison.
    async fn look(&mut self) -> Result<(), ServiceError> {
        self.look_at = self.clock.now().plus_millis(LOOK_MS);
        let Some(view) = self.view().await? else { return Ok(()) };
        let found = self.take_in(&view)?;
        let state = self.engine.snapshot()?;
        let told = state.breaks().get(&self.account);
        // What was told and stands is no reason to compare, and to take no new risk, again and again.
        if found.iter().any(|text| told.is_none_or(|told| !told.contains(text.as_str()))) {
            self.compare_at = Some(self.clock.now().plus_millis(ASK_AGAIN_MS));
        }
        Ok(())
    }

    /// All that the broker says of the account; `None` when it could not be asked.
    async fn view(&self) -> Result<Option<VenueView>, ServiceError> {
        let account = self.account;
        let state = self.engine.snapshot()?;
        let questions = reconcile::questions(&state, account, self.clock.now());
        let asked = async {
            let mut view = collect(self.broker.as_ref(), &questions).await?;
            let strangers = reconcile::strangers(&state, account, &view);
            introduce(self.broker.as_ref(), &strangers, &mut view).await?;
            Ok::<_, BrokerError>(view)
        };
        match asked.await {
            Ok(view) => Ok(Some(view)),
            Err(error) => {
                tracing::warn!(%account, %error, "the account could not be compared with its broker");
                Ok(None)
            }
        }
    }

    /// Tells the book what the broker says; what still differs.
    fn take_in(&self, view: &VenueView) -> Result<Vec<CleanText>, ServiceError> {
        // Orders of ours that are not found yet are asked for by the sweep, with patience.
        for command in reconcile::news(&*self.engine.snapshot()?, self.account, view, false) {
            self.give(command)?;
        }
        Ok(reconcile::breaks(&*self.engine.snapshot()?, self.account, view))
    }

    /// Takes in one report. A gap, and an end of which fills are missing, ask for a comparison.
    fn note(&mut self, report: &BrokerReport) {
        let now = self.clock.now();
        let told = match report {
            BrokerReport::Connected => {
                self.compare_at = Some(now);
                Ok(())
            }
            BrokerReport::Gap { reason } => {
                tracing::warn!(account = %self.account, %reason, "reports of the broker may be missing");
                self.compare_at = Some(now.plus_millis(ASK_AGAIN_MS));
                self.give(Command::Reconcile { account: self.account, breaks: None })
            }
            BrokerReport::Order(_)
            | BrokerReport::Fill(_)
            | BrokerReport::AmendRejected(_)
            | BrokerReport::CancelRejected(_) => self.tell(report.clone()),
        };
        let ends = matches!(report, BrokerReport::Order(o) if o.status.is_done() && self.is_open(o.id));
        let lacks = match report {
            BrokerReport::Order(o) => self.lacks(o.venue_id, o.filled),
            BrokerReport::Fill(f) => self.lacks(f.venue_id, f.cum),
            _ => false,
        };
        if (ends || lacks) && self.compare_at.is_none() {
            self.compare_at = Some(now.plus_millis(ASK_AGAIN_MS));
        }
        if let Err(error) = told {
            tracing::warn!(account = %self.account, %error, "a report could not be taken in; all is asked for again");
            self.compare_at = Some(now);
        }
    }

    /// Whether executions of an order that was given elsewhere are missing here.
    fn lacks(&self, venue_id: VenueOrderId, filled: Quantity) -> bool {
        let Ok(state) = self.engine.snapshot() else { return false };
        let Some(order) = state.orders().at_venue(self.account, venue_id) else {
            return filled.is_positive();
        };
        let known = order.remote.as_ref().map_or(Quantity::ZERO, |r| r.filled_under(venue_id));
        order.spec.is_external() && known < filled
    }

    fn is_open(&self, id: Option<OrderId>) -> bool {
        let order = id.and_then(|id| self.engine.order(self.account, id).ok().flatten());
        order.is_some_and(|order| {
            !order.status.is_done() && order.remote.as_ref().is_some_and(|r| r.asked.is_none())
        })
    }

    /// Compares the account with its broker; a failure is tried again, and until then no more risk is taken. What
    /// differs is looked at twice: an execution may be on its way.
    async fn compare(&mut self) -> Result<(), ServiceError> {
        let account = self.account;
        self.give(Command::Reconcile { account, breaks: None })?;
        let Some(view) = self.view().await? else {
            self.compare_at = Some(self.clock.now().plus_millis(COMPARE_AGAIN_MS));
            return Ok(());
        };
        let breaks = self.take_in(&view)?;
        self.is_doubted = !breaks.is_empty() && !self.is_doubted;
        if self.is_doubted {
            self.compare_at = Some(self.clock.now().plus_millis(ASK_AGAIN_MS));
            return Ok(());
        }
        self.compare_at = None;
        self.look_at = self.clock.now().plus_millis(LOOK_MS);
        self.give(Command::Reconcile { account, breaks: Some(breaks) })?;
        if let Some(first) = self.first.take() {
            // Whoever waited may have gone on.
            first.send(()).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends what waits and asks about what got no answer, in the order in which it was given.
    async fn sweep(&mut self) -> Result<(), ServiceError> {
        let orders = at_broker(&*self.engine.snapshot()?, self.account);
        let wishes: Vec<(Order, Wanted)> =
            orders.iter().filter_map(|o| wanted(o).map(|w| (o.clone(), w))).collect();
        let keys: BTreeSet<_> = wishes.iter().map(|(o, w)| (o.spec.id, *w)).collect();
        self.tried.retain(|key, _| keys.contains(key));
        self.old.retain(|key| keys.contains(key));
        for (order, wish) in wishes {
            let now = self.clock.now();
            if wish == Wanted::Submit && leads_away(&orders, &order) {
                continue;
            }
            let key = (order.spec.id, wish);
            let is_sent = self.old.contains(&key);
            let tried = *self.tried.entry(key).or_insert(Tried { since: now, next: now, is_sent, asked: 0 });
            if tried.next > now {
                continue;
            }
            // Noted before it is sent: whatever fails in between, it is asked for and not sent twice.
            if wish != Wanted::Cancel {
                self.tried.insert(key, self.sent(tried, ASK_AGAIN_MS));
            }
            let tried = match wish {
                Wanted::Submit => self.submit(&order, &orders, tried).await?,
                Wanted::Change(changes) => self.change(&order, changes, tried).await?,
                Wanted::Cancel => self.cancel(&order, tried).await?,
            };
            self.tried.insert(key, tried);
        }
        Ok(())
    }

    async fn submit(&mut self, order: &Order, orders: &[Order], tried: Tried) -> Result<Tried, ServiceError> {
        let id = order.spec.id;
        if let Some(lead) = order.sent_with() {
            return self.ask_for_leg(order, lead, tried).await;
        }
        if tried.is_sent {
            return self.ask_for(id, 0, tried, VenueAnswer::Refused).await;
        }
        let Some(dispatch) = Dispatch::with_legs(order, orders) else { return Ok(tried) };
        match passed(self.broker.submit(&dispatch)).await {
            SubmitOutcome::Acked(report) => self.tell(BrokerReport::Order(report))?,
            SubmitOutcome::Refused(refusal) => self.answer(id, VenueAnswer::Refused(refusal))?,
            SubmitOutcome::NotSent { until, reason } => {
                return self.not_sent(id, until, reason, tried, VenueAnswer::Refused);
            }
            SubmitOutcome::Unknown { reason } => {
                tracing::warn!(%id, %reason, "nobody knows whether an order arrived; it is asked for");
            }
        }
        Ok(self.sent(tried, ASK_AGAIN_MS))
    }

    async fn change(&mut self, order: &Order, changes: u32, tried: Tried) -> Result<Tried, ServiceError> {
        let id = order.spec.id;
        let Some(remote) = &order.remote else { return Ok(tried) };
        if tried.is_sent {
            return self.ask_for(id, changes, tried, VenueAnswer::AmendRefused).await;
        }
        let Some((quantity, limit_price, trigger_price)) = remote.asked else { return Ok(tried) };
        // A venue may take a quantity that stays for one that is asked for anew.
        let quantity = (quantity != order.spec.quantity).then_some(quantity);
        let change = Amendment { quantity, limit_price, trigger_price };
        let about = OrderRef { id, amend_seq: changes.saturating_sub(1), venue_id: remote.venue_id() };
        match passed(self.broker.amend(&about, &change)).await {
            AmendOutcome::InPlace(report) => self.answer(id, VenueAnswer::Amended(report.venue_id))?,
            // That the venue took the wish is not yet that the new order works: a report or a question says so.
            AmendOutcome::Replaced(_) => {}
            AmendOutcome::Refused(refusal) => self.answer(id, VenueAnswer::AmendRefused(refusal))?,
            AmendOutcome::NotSent { until, reason } => {
                return self.not_sent(id, until, reason, tried, VenueAnswer::AmendRefused);
            }
            AmendOutcome::Unknown { reason } => {
                tracing::warn!(%id, %reason, "nobody knows whether a change arrived; it is asked for");
            }
        }
        Ok(self.sent(tried, ASK_AGAIN_MS))
    }

    async fn cancel(&mut self, order: &Order, tried: Tried) -> Result<Tried, ServiceError> {
        let Some(remote) = &order.remote else { return Ok(tried) };
        if let Some(lead) = remote.with.filter(|_| remote.venue_ids.is_empty()) {
            return self.ask_for_leg(order, lead, tried).await;
        }
        let id = order.spec.id;
        let about = OrderRef { id, amend_seq: remote.changes, venue_id: remote.venue_id() };
        // Cancelling twice is cancelling once: what got no answer is sent again.
        match passed(self.broker.cancel(&about)).await {
            CancelOutcome::Requested => Ok(self.sent(tried, GIVE_UP_MS)),
            CancelOutcome::NotSent { until, .. } => Ok(Tried { next: until, ..tried }),
            CancelOutcome::TooLate(_) => {
                self.compare_at = Some(self.clock.now());
                Ok(self.sent(tried, GIVE_UP_MS))
            }
            CancelOutcome::Unknown { .. } => Ok(self.sent(tried, ASK_AGAIN_MS)),
            CancelOutcome::NotFound if tried.asked < TRIES => {
                Ok(Tried { asked: tried.asked.saturating_add(1), ..self.sent(tried, ASK_AGAIN_MS) })
            }
            CancelOutcome::NotFound => {
                self.compare_at = Some(self.clock.now());
                let refusal = VenueRefusal {
                    code: RefusalCode::UnknownOrder,
                    text: CleanText::new("the broker does not know the order"),
                };
                self.answer(id, VenueAnswer::CancelRefused(refusal))?;
                Ok(self.sent(tried, GIVE_UP_MS))
            }
        }
    }

    /// Asks for what may have arrived. Found, it is told; not found often and long enough, it is given up.
    async fn ask_for(
        &mut self,
        id: OrderId,
        changes: u32,
        tried: Tried,
        give_up: fn(VenueRefusal) -> VenueAnswer,
    ) -> Result<Tried, ServiceError> {
        match self.broker.order_by_client_id(id, changes).await {
            Ok(Some(report)) => {
                self.tell(BrokerReport::Order(report))?;
                Ok(self.sent(tried, ASK_AGAIN_MS))
            }
            Ok(None) => self.not_found(id, tried, give_up),
            // A question without answer says nothing about the order.
            Err(error) => {
                tracing::warn!(%id, %error, "an order could not be asked for");
                Ok(self.sent(tried, ASK_AGAIN_MS))
            }
        }
    }

    /// Asks the order that an exit was sent with: it tells the name of the exit at the venue.
    async fn ask_for_leg(&mut self, leg: &Order, lead: OrderId, tried: Tried) -> Result<Tried, ServiceError> {
        let leader = self.engine.order(self.account, lead)?.and_then(|o| o.remote);
        let (changes, name) = leader.map_or((0, None), |r| (r.changes, r.venue_id()));
        let told = match name {
            Some(name) => self.broker.order_by_venue_id(name).await,
            None => self.broker.order_by_client_id(lead, changes).await,
        };
        let id = leg.spec.id;
        match told {
            Ok(found) => {
                if let Some(report) = found {
                    self.tell(BrokerReport::Order(report))?;
                }
                let named = self.engine.order(self.account, id)?.and_then(|o| o.remote);
                if named.is_some_and(|remote| !remote.venue_ids.is_empty()) {
                    return Ok(Tried { next: self.clock.now(), ..tried });
                }
                let give_up = match leg.status {
                    OrderStatus::PendingCancel => VenueAnswer::CancelRefused,
                    _ => VenueAnswer::Refused,
                };
                self.not_found(id, tried, give_up)
            }
            Err(error) => {
                tracing::warn!(%id, %error, "an order of a group could not be asked for");
                Ok(self.sent(tried, ASK_AGAIN_MS))
            }
        }
    }

    /// Not found often and long enough, an order is given up.
    fn not_found(
        &self,
        id: OrderId,
        tried: Tried,
        give_up: fn(VenueRefusal) -> VenueAnswer,
    ) -> Result<Tried, ServiceError> {
        let asked = tried.asked.saturating_add(1);
        let patient = self.clock.now() >= tried.since.plus_millis(GIVE_UP_MS);
        if asked >= TRIES && patient {
            let code = RefusalCode::SubmitTimeoutUnknown;
            let text = CleanText::new("asked for again and again, never found");
            self.answer(id, give_up(VenueRefusal { code, text }))?;
        }
        Ok(Tried { asked, ..self.sent(tried, ASK_AGAIN_MS) })
    }

    fn not_sent(
        &mut self,
        id: OrderId,
        until: UnixNanos,
        reason: CleanText,
        tried: Tried,
        give_up: fn(VenueRefusal) -> VenueAnswer,
    ) -> Result<Tried, ServiceError> {
        if self.clock.now() >= tried.since.plus_millis(OFFLINE_MS) {
            let code = RefusalCode::BrokerOffline;
            self.answer(id, give_up(VenueRefusal { code, text: reason }))?;
        }
        Ok(Tried { next: until, ..tried })
    }

    fn sent(&self, tried: Tried, wait_ms: i64) -> Tried {
        Tried { is_sent: true, next: self.clock.now().plus_millis(wait_ms), ..tried }
    }

    fn tell(&self, report: BrokerReport) -> Result<(), ServiceError> {
        self.give(Command::VenueReport { account: self.account, report })
    }

    fn answer(&self, id: OrderId, answer: VenueAnswer) -> Result<(), ServiceError> {
        self.give(Command::VenueAnswer { account: self.account, id, answer })
    }

    fn give(&self, command: Command) -> Result<(), ServiceError> {
        let state = self.engine.snapshot()?;
        let exchange: Option<Exchange> = state.accounts().get(&self.account).and_then(|a| a.spec().exchange);
        let now = time_of(&state, exchange, self.clock.as_ref());
        let independent_of = Independence::Everyone;
        self.engine.command(Wish { actor: None, independent_of, now, command }).map(drop)
    }
}

/// Something sent to the broker, between the points at which a test ends the process.
async fn passed<T>(sending: impl Future<Output = T>) -> T {
    fail::point("broker.before_send");
    let outcome = sending.await;
    fail::point("broker.after_send");
    outcome
}

/// Whether an order goes out, or is asked for, with another that is on its way itself.
fn leads_away(orders: &[Order], order: &Order) -> bool {
    let lead = order.sent_with();
    orders.iter().any(|o| Some(o.spec.id) == lead && o.status == OrderStatus::Submitted)
}

/// What an order's state asks of its broker.
fn wanted(order: &Order) -> Option<Wanted> {
    let remote = order.remote.as_ref()?;
    match order.status {
        OrderStatus::Submitted => Some(Wanted::Submit),
        OrderStatus::PendingCancel => Some(Wanted::Cancel),
        _ if remote.asked.is_some() => Some(Wanted::Change(remote.changes)),
        _ => None,
    }
}

/// Open orders of an account at its broker, in the order in which they were given.
fn at_broker(state: &State, account: AccountId) -> Vec<Order> {
    let orders = state.orders();
    let open = orders.open().values().filter(|o| o.spec.account == account && o.is_at_broker());
    let place = |order: &Order| {
        let mut queue = orders.queue(order.spec.instrument).iter();
        queue.find(|w| w.key == (account, order.spec.id)).map(|w| w.place)
    };
    let mut placed: Vec<_> = open.map(|o| (place(o), o.clone())).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, order)| order).collect()
}
