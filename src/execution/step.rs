//! One step of the engine: events are decided, applied at once through the fold, and collected into a batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::command::{Command, Given};
use crate::domain::event::{Event, EventBody, RiskAck};
use crate::domain::journal::Batch;
use crate::domain::limit::LimitName;
use crate::domain::market::MarketEvent;
use crate::domain::order::Start;
use crate::domain::posting::Posting;
use crate::domain::{AccountId, Exchange, OrderId, OrderSpec, Seq, Side, UnixNanos, UserName};
use crate::portfolio::post;
use crate::risk::OrderKey;

use super::engine::{Engine, EngineError};
use super::fold::Effects;
use super::state::{Announced, State};
use super::{fold, project};

/// Events of a step with a fill, for which there is room from the first on.
const EVENTS_USUAL: usize = 2;
/// Postings of such a step.
const POSTINGS_USUAL: usize = 10;
/// Rows of such a step.
const ROWS_USUAL: usize = 3;

/// A list that had sells filled or ended in this step.
pub(super) type ListKey = (AccountId, OrderId);

/// Adds the ledger lines of what an event changed.
pub(super) fn post_all(
    lines: &mut Vec<Posting>,
    state: &State,
    seq: Seq,
    effects: &Effects,
) -> Result<(), EngineError> {
    for (account, movement) in effects.movements.iter() {
        let currency = state.accounts.get(account).map(|a| a.spec().currency);
        if let Some(currency) = currency {
            post(lines, seq, *account, currency, movement)?;
        }
    }
    Ok(())
}

/// The step in progress.
pub(super) struct Step<'e> {
    pub(super) engine: &'e mut Engine,
    pub(super) now: UnixNanos,
    pub(super) wall: UnixNanos,
    pub(super) by: UserName,
    batch: Batch,
    touched: project::Touched,
    /// What the event that was decided last changed.
    effects: Effects,
    /// Lists whose held buys must be looked at again.
    pub(super) lists: BTreeSet<ListKey>,
    /// While a bar is matched, the moment of what happens: its beginning, or its end for all that came later.
    pub(super) moment: Option<UnixNanos>,
    /// When the last sells of accounts filled or ended in this step.
    pub(super) sold_at: BTreeMap<AccountId, UnixNanos>,
    /// Buys that this step released, and since when their list's sells had paid for them.
    pub(super) paid: BTreeMap<OrderKey, UnixNanos>,
    /// Orders of the list that is being given, where groups may go to a broker as a whole.
    pub(super) coming: Vec<OrderSpec>,
    /// Those among them that wait for a second person for the sake of their group, and the soft limit that asks.
    pub(super) asking: BTreeMap<OrderKey, LimitName>,
}

impl<'e> Step<'e> {
    pub(super) fn new(engine: &'e mut Engine, now: UnixNanos, wall: UnixNanos, by: UserName) -> Self {
        engine.state.view.wall = wall;
        Self {
            engine,
            now,
            wall,
            by,
            batch: Batch::default(),
            touched: project::Touched::default(),
            effects: Effects::default(),
            lists: BTreeSet::new(),
            moment: None,
            sold_at: BTreeMap::new(),
            paid: BTreeMap::new(),
            coming: Vec::new(),
            asking: BTreeMap::new(),
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.engine.state
    }

    /// Decides an event now.
    pub(super) fn emit(&mut self, body: EventBody) -> Result<(), EngineError> {
        self.emit_at(self.now, body)
    }

    /// Decides an event that belongs to an earlier moment, such as an order's end.
    pub(super) fn emit_at(&mut self, t: UnixNanos, mut body: EventBody) -> Result<(), EngineError> {
        if self.batch.events.is_empty() {
            self.batch = Batch {
                events: Vec::with_capacity(EVENTS_USUAL),
                postings: Vec::with_capacity(POSTINGS_USUAL),
                rows: Vec::with_capacity(ROWS_USUAL),
                texts: Vec::new(),
            };
        }
        self.value(&mut body);
        let seq = self.engine.state.seq.saturating_add(1);
        let Batch { events, postings, rows, texts: _ } = &mut self.batch;
        let event = events.push_mut(Event { seq, t, wall: self.wall, by: self.by, body });
        let effects = &mut self.effects;
        fold::apply(&mut self.engine.state, &self.engine.calendars, event, effects)?;
        post_all(postings, &self.engine.state, seq, effects)?;
        project::note(rows, &mut self.touched, event, effects);
        Ok(())
    }

    /// Whether an order was written down as on its way in this step: nobody can have sent it yet.
    pub(super) fn is_sent_now(&self, key: &OrderKey) -> bool {
        self.batch.events.iter().any(|event| match &event.body {
            EventBody::OrderSubmitted { order, .. } => (order.account, order.id) == *key,
            _ => false,
        })
    }

    /// Writes the price at which an order without one of its own holds money, or a sell that the market has touched already,
    /// into the event that lets it in.
    fn value(&self, body: &mut EventBody) {
        let (spec, valued_at) = match body {
            EventBody::OrderAccepted { order, valued_at, .. }
            | EventBody::OrderSubmitted { order, valued_at, .. }
            | EventBody::OrderAdopted { order, valued_at, .. }
            | EventBody::OrderHeld { order, valued_at, .. } => (&*order, valued_at),
            EventBody::OrderReleased { account, id, valued_at, .. } => {
                let Some(order) = self.state().orders.open().get(&(*account, *id)) else { return };
                (&order.spec, valued_at)
            }
            _ => return,
        };
        let touches = spec.side == Side::Sell && spec.order_type.start() == Start::Touch;
        if touches || spec.own_price().is_none() {
            let known = self.state().accounts.contains_key(&spec.account);
            let Some(seen) = self.state().view.seen.get(&spec.instrument).filter(|_| known) else { return };
            let market = || seen.last.or_else(|| seen.reference(spec.side)).map(|p| p.price);
            *valued_at = if touches { seen.touched(spec) } else { market() };
        }
    }

    /// What was decided, of a step that is only tried: no row is made and nothing is checked again.
    pub(super) fn into_events(self) -> Vec<Event> {
        self.batch.events
    }

    /// The batch with its projected rows. What waited for the last end of the step is given first.
    pub(super) fn finish(mut self) -> Result<Batch, EngineError> {
        if !self.batch.events.is_empty() {
            self.give_all_closes()?;
        }
        debug_assert!(
            self.batch.events.is_empty() || self.state().holds_agree_if_few(),
            "holds are not what orders need"
        );
        if !self.batch.events.is_empty() {
            project::rows(&mut self.batch.rows, &mut self.touched, &self.engine.state);
        }
        Ok(self.batch)
    }

    pub(super) fn command(&mut self, given: &Given) -> Result<(), EngineError> {
        self.turn_limits()?;
        self.expire_approvals()?;
        match &given.command {
            Command::OpenAccount(spec) => self.open_account(given.actor, spec),
            Command::DefineInstrument(instrument) => {
                self.emit(EventBody::InstrumentDefined(instrument.clone()))
            }
            Command::Configure(venue) => self.emit(EventBody::Configured(Box::new(*venue))),
            Command::Submit(order) => self.submit(order),
            Command::SubmitList(orders) => self.submit_list(orders),
            Command::Amend { account, id, quantity, limit_price, trigger_price } => {
                self.amend((*account, *id), *quantity, (*limit_price, *trigger_price))
            }
            Command::Cancel { account, id } => self.cancel((*account, *id)),
            Command::SetLimit(draft) => self.set_limit(given.actor, draft),
            Command::SetLimits(drafts) => self.set_limits(given.actor, drafts),
            Command::ApproveLimit { version } => self.approve_limit(given, *version),
            Command::ApproveLimits { set, seen } => self.approve_limits(given, *set, *seen),
            Command::RejectLimit { version, reason } => self.reject_limit(given.actor, *version, reason),
            Command::RejectLimits { set, reason } => self.reject_limits(given.actor, *set, reason),
            Command::ApproveOrder { account, id, seen } => self.approve_order(given, (*account, *id), *seen),
            Command::Halt { scope, mode, cancel, reason } => {
                self.halt(given.actor, *scope, *mode, *cancel, reason)
            }
            Command::Flatten { scope, reason } => self.flatten(given.actor, *scope, reason),
            Command::NoteDrill { scope, orders, micros } => self.emit(EventBody::HaltDrilled {
                scope: *scope,
                actor: given.actor,
                orders: *orders,
                micros: *micros,
            }),
            Command::AcknowledgeRisk { of, account, resolution } => {
                let (of, account, resolution) = (*of, *account, resolution.clone());
                self.emit(EventBody::RiskAcknowledged(RiskAck {
                    of,
                    account,
                    actor: given.actor,
                    resolution,
                }))
            }
            Command::Resume { scope } => self.resume(given, *scope),
            Command::VenueAnswer { account, id, answer } => self.venue_answer((*account, *id), answer),
            Command::VenueReport { account, report } => self.venue_report(*account, report),
            Command::VenueSettled { account, report } => self.venue_settled(*account, report),
            Command::Reconcile { account, breaks } => self.reconcile(*account, breaks.as_deref()),
            Command::FeedSilent { exchange, silent } => self.feed_silent(*exchange, *silent),
            Command::TakeOver { account, report, seen } => self.take_over(given, *account, report, *seen),
            Command::Session { exchange, state } => {
                self.emit(EventBody::Session { exchange: *exchange, state: *state })
            }
        }?;
        self.settle_lists(&mut [])
    }

    pub(super) fn market(&mut self, event: &MarketEvent) -> Result<(), EngineError> {
        match event {
            MarketEvent::Bars(bars) => self.bars(bars),
            MarketEvent::Day { bars, finer } => self.session_bars(bars, finer),
            MarketEvent::Quote(quote) => self.quote(*quote),
            MarketEvent::Trade(trade) => self.trade(*trade),
            MarketEvent::Split { instrument, ratio, ex_date, is_late, .. } => {
                self.split(*instrument, *ratio, (*ex_date, *is_late))
            }
            MarketEvent::Dividend { instrument, amount, ex_date, pay_date, held, .. } => {
                let (instrument, amount) = (*instrument, *amount);
                let known = Announced { instrument, amount, ex_date: *ex_date, pay_date: *pay_date };
                self.dividend(known, held.as_deref())
            }
            MarketEvent::SymbolChange { instrument, to, day, .. } => {
                self.change_symbol(*instrument, *to, *day)
            }
            MarketEvent::Status { instrument, halted, .. } => {
                self.begin(instrument.exchange)?;
                self.emit(EventBody::SymbolStatus { instrument: *instrument, halted: *halted })
            }
            MarketEvent::Session { exchange, state, .. } => {
                self.begin(*exchange)?;
                self.emit(EventBody::Session { exchange: *exchange, state: *state })
            }
            MarketEvent::Tick(_) => {
                let known: BTreeSet<Exchange> = self.state().instruments.keys().map(|i| i.exchange).collect();
                let known: Vec<Exchange> = known.into_iter().collect();
                self.expire(&known)?;
                known.into_iter().try_for_each(|exchange| self.begin(exchange))
            }
        }
    }
}
