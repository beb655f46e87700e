//! The way out to a broker: routing says where an approved order goes and why, and what the venue lacks is watched
//! here and sent as a plain order once the market touches it. The gate is asked again before it is sent.

use std::sync::Arc;

use crate::domain::broker::SessionPart;
use crate::domain::event::{EventBody, Refusal};
use crate::domain::limit::DecisionRecord;
use crate::domain::order::Start;
use crate::domain::{BrokerId, InstrumentId, OrderSpec, Price, Quantity, RefusalCode, Side};
use crate::risk::{OrderKey, Verdict};

use super::engine::EngineError;
use super::native::Led;
use super::routing::{Route, choose};
use super::step::Step;
use super::submit::enter;
use super::venues::capabilities;

impl Step<'_> {
    /// Lets an approved order out: written down as on its way to a broker, under watch, or refused. Whoever sends it
    /// reads that from the journal.
    pub(super) fn send(
        &mut self,
        order: Arc<OrderSpec>,
        broker: BrokerId,
        decision: Option<Box<DecisionRecord>>,
        alone: bool,
    ) -> Result<(), EngineError> {
        let with = self.sent_lead(&order).filter(|_| order.parent.is_none());
        let led = if with.is_some() { Led::Nothing } else { self.led(&order, capabilities(broker)) };
        // As part of a whole group it is judged like an order of none, and so is the last of one.
        let is_part = with.is_some() || matches!(led, Led::Group(_));
        let is_last = self.is_left_of_pair(&order);
        let oco = order.oco.filter(|_| !is_part && !is_last);
        let asked = OrderSpec { oco, ..OrderSpec::clone(&order) };
        let Some(route) = self.route(&asked) else { return Ok(()) };
        let route = match led {
            Led::Unfit(code, why) => Route::Refuse { code, reason: format!("{broker}: {why}").into() },
            Led::Nothing | Led::Group(_) => route,
        };
        match route {
            Route::Send { broker, reason } => {
                let route = match (led, with) {
                    (Led::Group(class), _) => {
                        format!("{reason}; the whole {} group is sent and kept there", class.as_str()).into()
                    }
                    (_, Some(lead)) => format!("{reason}; one group with order {lead}").into(),
                    _ if is_last => format!("{reason}; the other one of its pair ended").into(),
                    _ => reason,
                };
                let key = (order.account, order.id);
                self.emit(EventBody::OrderSubmitted {
                    order,
                    broker,
                    route,
                    with,
                    decision,
                    valued_at: None,
                    alone,
                })?;
                self.join_all(key)
            }
            Route::Watch { .. } => {
                let instrument = order.instrument;
                self.emit(EventBody::OrderHeld {
                    order,
                    code: RefusalCode::WatchedHere,
                    decision,
                    valued_at: None,
                })?;
                self.watch(instrument)
            }
            Route::Refuse { code, reason } => {
                let key = (order.account, order.id);
                let refusal = Refusal { observed: Some(reason.to_string()), ..Refusal::plain(code) };
                self.emit(EventBody::OrderDenied { order, refusal, decision })?;
                self.follow(key, Quantity::ZERO)
            }
        }
    }

    /// Where an order of one of our accounts goes now.
    pub(super) fn route(&self, order: &OrderSpec) -> Option<Route> {
        let kind = self.state().accounts().get(&order.account)?.spec().kind;
        let open = self.in_session(order.instrument.exchange, self.now);
        let session = if open { SessionPart::Regular } else { SessionPart::Closed };
        Some(choose(order, kind, &self.state().candidates(order, session)))
    }

    /// Sends what is watched here on an instrument and has been touched.
    pub(super) fn watch(&mut self, instrument: InstrumentId) -> Result<(), EngineError> {
        let orders = self.state().orders();
        let mut keys = orders.watched(instrument);
        keys.retain(|key| orders.open().get(key).is_some_and(|order| self.is_touched(&order.spec)));
        keys.into_iter().try_for_each(|key| self.send_touched(key))
    }

    fn is_touched(&self, order: &OrderSpec) -> bool {
        let waits = self.state().is_reconciling(order.account);
        if waits || !self.in_session(order.instrument.exchange, self.now) {
            return false;
        }
        let Some(trigger) = order.trigger_price.filter(|_| order.order_type.start() == Start::Touch) else {
            return false;
        };
        let view = self.state().view();
        let quoted = view.quote(order.instrument).filter(|q| !q.is_crossed()).map(|q| match order.side {
            Side::Buy => q.ask,
            Side::Sell => q.bid,
        });
        let reaches = |price: Price| match order.side {
            Side::Buy => price.is_positive() && price <= trigger,
            Side::Sell => price >= trigger,
        };
        quoted.or_else(|| view.last(order.instrument).map(|p| p.price)).is_some_and(reaches)
    }

    fn send_touched(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let Some(order) = self.state().orders().open().get(&key).map(|o| o.spec.clone()) else {
            return Ok(());
        };
        let Some(broker) = self.remote_broker(&order) else { return Ok(()) };
        let Some(decision) = self.judge_again(&key, false, false) else { return Ok(()) };
        match decision.verdict() {
            Verdict::Refuse(refusal) => self.deny(&order, refusal.clone(), Some(decision)),
            Verdict::Hold(code) => {
                let (code, decision) = (*code, Some(decision.into_record()));
                self.emit(EventBody::OrderHeld { order, code, decision, valued_at: None })
            }
            Verdict::Accept => match enter(&order, decision, self.state().seq()) {
                Err(refusal) => self.deny(&order, refusal, None),
                Ok((order, record)) => {
                    let route = "the market touched its trigger: sent as a plain order".into();
                    self.emit(EventBody::OrderSubmitted {
                        order,
                        broker,
                        route,
                        with: None,
                        decision: Some(record),
                        valued_at: None,
                        alone: false,
                    })
                }
            },
        }
    }
}
