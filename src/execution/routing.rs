//! Where an order goes: chosen by what a venue can do, whether its session is open, and what it costs; always with a
//! reason for the journal. Pure: the same order and the same venues give the same answer.
//!
//! What a venue lacks is watched here where nothing false can come of it: a touched order, which here is a plain order
//! that is not sent before the market touches its trigger. What would need the venue's own bookkeeping to be safe
//! (reduce-only, post-only, an end at a date while this program may be closed, an order of a group sent alone) is
//! refused; a whole group goes to a venue that keeps it (`native`).

use crate::domain::broker::{Capabilities, OrderClass, SessionPart};
use crate::domain::order::Start;
use crate::domain::{
    AccountKind, BrokerId, CleanText, OrderSpec, OrderType, Quantity, Ratio, RefusalCode, TimeInForce,
};

/// A venue, as an order meets it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What it takes.
    pub capabilities: &'a Capabilities,
    /// Which part of its day it is.
    pub session: SessionPart,
    /// What this order costs there, as a share of its value.
    pub cost: Ratio,
    /// Whether what the account holds is there: nothing may be bought or sold beside it.
    pub is_home: bool,
}

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To this broker, as it is.
    Send {
        /// To whom.
        broker: BrokerId,
        /// Why there.
        reason: CleanText,
    },
    /// It is watched here, and goes to this broker as a plain order once it is touched.
    Watch {
        /// To whom.
        broker: BrokerId,
        /// Why so.
        reason: CleanText,
    },
    /// No venue of the account takes it.
    Refuse {
        /// Why, of the venue that came nearest.
        code: RefusalCode,
        /// In words.
        reason: CleanText,
    },
}

/// How an order suits a venue, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Native,
    Watched,
    No(u8, RefusalCode),
}

/// Chooses among the venues of an account of this kind.
pub fn choose(order: &OrderSpec, kind: AccountKind, candidates: &[Candidate<'_>]) -> Route {
    let mut judged: Vec<(Fit, &Candidate<'_>)> =
        candidates.iter().map(|c| (fit(order, kind, c), c)).collect();
    judged.sort_by_key(|(fit, c)| (!c.is_home, *fit, c.session, c.cost, c.capabilities.broker));
    let Some((best, venue)) = judged.first() else {
        let reason = CleanText::new("the account has no broker");
        return Route::Refuse { code: RefusalCode::NoBroker, reason };
    };
    let broker = venue.capabilities.broker;
    let what = format!("{} {}", order.order_type, order.tif);
    let others: Vec<String> =
        judged.iter().skip(1).map(|(fit, other)| beside(*fit, other, (*best, venue))).collect();
    let among = match others.as_slice() {
        [] => "the only venue".to_owned(),
        others => format!("not {}", others.join(", nor ")),
    };
    let session = match venue.session {
        SessionPart::Regular => "session open",
        SessionPart::Closed => "session closed, queued for the next",
    };
    let cost = venue.cost;
    match best {
        Fit::Native => {
            let reason = format!("{broker} takes {what}; {session}; cost {cost} of value; {among}");
            Route::Send { broker, reason: CleanText::from(reason) }
        }
        Fit::Watched => {
            let reason =
                format!("{broker} has no {what}: watched here, sent as a plain order when touched; {among}");
            Route::Watch { broker, reason: CleanText::from(reason) }
        }
        Fit::No(_, code) => {
            let reason = format!("{broker} does not take {what}: {}; {among}", code.text());
            Route::Refuse { code: *code, reason: CleanText::from(reason) }
        }
    }
}

/// Why a venue was not chosen beside the one that was.
fn beside(fit: Fit, venue: &Candidate<'_>, (best, chosen): (Fit, &Candidate<'_>)) -> String {
    let why = match fit {
        Fit::No(..) if !venue.is_home => "what the account holds is not there".to_owned(),
        Fit::No(_, code) => code.text().to_owned(),
        Fit::Watched if best == Fit::Native => "it would have to be watched here".to_owned(),
        _ if venue.session != chosen.session => "its session is closed".to_owned(),
        _ if venue.cost != chosen.cost => format!("it costs {} of value", venue.cost),
        _ => "nothing speaks for it".to_owned(),
    };
    format!("{}: {why}", venue.capabilities.broker)
}

/// What is sent of an order: itself, or the plain order that one watched here has become.
pub fn as_sent(order: &OrderSpec, broker: BrokerId) -> OrderSpec {
    let offers = super::venues::capabilities(broker).offers;
    let is_native = offers.iter().any(|o| o.order_type == order.order_type);
    if is_native { order.clone() } else { once_touched(order) }
}

fn once_touched(order: &OrderSpec) -> OrderSpec {
    let order_type = if order.order_type.has_limit() { OrderType::Limit } else { OrderType::Market };
    OrderSpec { order_type, trigger_price: None, trail: None, ..order.clone() }
}

fn fit(order: &OrderSpec, kind: AccountKind, venue: &Candidate<'_>) -> Fit {
    let takes = venue.capabilities;
    if !venue.is_home || !takes.kinds.contains(&kind) {
        return Fit::No(0, RefusalCode::NoBroker);
    }
    if !takes.exchanges.contains(&order.instrument.exchange) {
        return Fit::No(1, RefusalCode::InstrumentNotTradable);
    }
    let is_whole = order.quantity.raw() % Quantity::ONE_RAW == 0;
    if !takes.fractional && !is_whole {
        return Fit::No(2, RefusalCode::InvalidQuantityIncrement);
    }
    if order.oco.is_some() && (takes.groups_whole || !takes.classes.contains(&OrderClass::Oco)) {
        return Fit::No(3, RefusalCode::UnsupportedOrderClass);
    }
    if (order.reduce_only && !takes.reduce_only) || (order.post_only && !takes.post_only) {
        return Fit::No(4, RefusalCode::UnsupportedOrderType);
    }
    let mut offers = takes.offers.iter().filter(|o| o.order_type == order.order_type).peekable();
    if offers.peek().is_none() {
        return watched(order, takes);
    }
    let offered = |o: &&crate::domain::broker::Offer| o.tifs.contains(&order.tif);
    match offers.find(offered) {
        Some(offer) if offer.sessions.contains(&venue.session) => Fit::Native,
        Some(_) => Fit::No(6, RefusalCode::MarketClosed),
        None => Fit::No(5, RefusalCode::UnsupportedTimeInForce),
    }
}

fn watched(order: &OrderSpec, takes: &Capabilities) -> Fit {
    let plain = once_touched(order);
    let is_touch = order.order_type.start() == Start::Touch;
    let lasts = matches!(order.tif, TimeInForce::Day | TimeInForce::Gtc);
    let sendable =
        takes.offers.iter().any(|o| o.order_type == plain.order_type && o.tifs.contains(&plain.tif));
    match (is_touch, lasts && sendable) {
        (true, true) => Fit::Watched,
        (true, false) => Fit::No(5, RefusalCode::UnsupportedTimeInForce),
        (false, _) => Fit::No(4, RefusalCode::UnsupportedOrderType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Side;
    use crate::execution::venues::capabilities;

    fn order(order_type: OrderType, tif: TimeInForce) -> OrderSpec {
        let instrument = "AAPL.XNYS".parse().unwrap();
        let size = (Side::Buy, "10".parse().unwrap());
        let (account, id) = ("desk".parse().unwrap(), "q-1".parse().unwrap());
        OrderSpec { order_type, tif, ..OrderSpec::plain(account, id, instrument, size, None) }
    }

    fn at(broker: BrokerId, session: SessionPart) -> Candidate<'static> {
        Candidate { capabilities: capabilities(broker), session, cost: Ratio::ZERO, is_home: true }
    }

    fn to_alpaca(order: &OrderSpec) -> Route {
        choose(order, AccountKind::Paper, &[at(BrokerId::Alpaca, SessionPart::Regular)])
    }

    #[test]
    fn every_kind_of_order_is_sent_watched_or_refused_with_a_code_that_says_why() {
        for order_type in OrderType::ALL {
            for tif in TimeInForce::ALL {
                let route = to_alpaca(&order(*order_type, *tif));
                let touch = order_type.start() == Start::Touch;
                match (&route, touch) {
                    (Route::Send { broker, .. }, false) => assert_eq!(*broker, BrokerId::Alpaca),
                    (Route::Watch { .. }, true) => {
                        assert!(matches!(tif, TimeInForce::Day | TimeInForce::Gtc), "{order_type} {tif}");
                    }
                    (Route::Refuse { code, .. }, _) => assert_eq!(*code, RefusalCode::UnsupportedTimeInForce),
                    _ => panic!("{order_type} {tif}: {route:?}"),
                }
            }
        }
    }

    #[test]
    fn what_would_need_the_venues_own_bookkeeping_is_refused() {
        let plain = order(OrderType::Limit, TimeInForce::Day);
        let code = |order: &OrderSpec| match to_alpaca(order) {
            Route::Refuse { code, .. } => Some(code),
            Route::Send { .. } | Route::Watch { .. } => None,
        };
        let group = OrderSpec { oco: Some("g".parse().unwrap()), ..plain.clone() };
        assert_eq!(code(&group), Some(RefusalCode::UnsupportedOrderClass));
        let reducing = OrderSpec { reduce_only: true, ..plain.clone() };
        assert_eq!(code(&reducing), Some(RefusalCode::UnsupportedOrderType));
        let part = OrderSpec { quantity: "0.5".parse().unwrap(), ..plain.clone() };
        assert_eq!(code(&part), Some(RefusalCode::InvalidQuantityIncrement));
        let sydney = OrderSpec { instrument: "BHP.XASX".parse().unwrap(), ..plain.clone() };
        assert_eq!(code(&sydney), Some(RefusalCode::InstrumentNotTradable));
        assert_eq!(code(&plain), None);
    }

    #[test]
    fn capability_goes_before_session_and_session_before_cost() {
        let paper = |session| Candidate { cost: Ratio::from_raw(1_000_000), ..at(BrokerId::Paper, session) };
        let alpaca = at(BrokerId::Alpaca, SessionPart::Regular);
        let chosen =
            |order: &OrderSpec, venues: &[Candidate<'_>]| match choose(order, AccountKind::Paper, venues) {
                Route::Send { broker, reason } | Route::Watch { broker, reason } => {
                    (broker, reason.to_string())
                }
                Route::Refuse { code, .. } => panic!("{code}"),
            };
        let touch = order(OrderType::MarketIfTouched, TimeInForce::Day);
        let plain = order(OrderType::Limit, TimeInForce::Day);
        let (broker, reason) = chosen(&touch, &[alpaca, paper(SessionPart::Regular)]);
        assert_eq!(broker, BrokerId::Paper, "{reason}");
        assert!(reason.contains("not alpaca: it would have to be watched here"), "{reason}");
        let (_, reason) = chosen(&plain, &[alpaca, paper(SessionPart::Regular)]);
        assert!(reason.contains("not paper: it costs 0.001 of value"), "{reason}");
        let elsewhere = Candidate { is_home: false, ..at(BrokerId::Paper, SessionPart::Regular) };
        let (_, reason) = chosen(&plain, &[elsewhere, alpaca]);
        assert!(reason.contains("not paper: what the account holds is not there"), "{reason}");
        assert_eq!(chosen(&plain, &[paper(SessionPart::Regular), alpaca]).0, BrokerId::Alpaca);
        let asleep = at(BrokerId::Alpaca, SessionPart::Closed);
        assert_eq!(chosen(&plain, &[asleep, paper(SessionPart::Regular)]).0, BrokerId::Paper);
    }

    #[test]
    fn without_a_venue_of_its_kind_an_order_is_refused() {
        let plain = order(OrderType::Market, TimeInForce::Day);
        let alpaca = at(BrokerId::Alpaca, SessionPart::Regular);
        for route in
            [choose(&plain, AccountKind::Simulation, &[alpaca]), choose(&plain, AccountKind::Paper, &[])]
        {
            assert!(matches!(route, Route::Refuse { code: RefusalCode::NoBroker, .. }), "{route:?}");
        }
    }

    #[test]
    fn a_touched_order_is_sent_as_the_plain_order_it_has_become() {
        let limit = OrderSpec {
            limit_price: Some("99".parse().unwrap()),
            trigger_price: Some("100".parse().unwrap()),
            ..order(OrderType::LimitIfTouched, TimeInForce::Gtc)
        };
        let sent = once_touched(&limit);
        assert_eq!((sent.order_type, sent.limit_price), (OrderType::Limit, limit.limit_price));
        assert_eq!((sent.trigger_price, sent.id, sent.tif), (None, limit.id, TimeInForce::Gtc));
    }
}
