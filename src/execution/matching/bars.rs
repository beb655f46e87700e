//! What a bar does to an order.

use crate::domain::order::Start;
use crate::domain::venue::{LimitFill, VenueModel};
use crate::domain::{Bar, Order, OrderType, Price, Ratio, Side, UnixNanos, Volume};

use super::path::{Path, Point, Reach, Toward};

/// A bar as orders meet it.
#[derive(Debug, Clone, Copy)]
pub struct Meeting {
    /// The path its price took.
    pub path: Path,
    /// Whether it begins at the open of a session.
    pub opens: bool,
    /// Whether it ends at the close of a session.
    pub closes: bool,
    /// When it began.
    pub from: UnixNanos,
    /// What was traded in it.
    pub volume: Volume,
}

impl Meeting {
    /// A bar, and whether it holds a session's open and close.
    pub fn of(bar: &Bar, opens: bool, closes: bool) -> Self {
        Self { path: Path::of(bar), opens, closes, from: bar.from, volume: bar.volume }
    }
}

/// A price an order gets, and where on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Where on the path.
    pub reach: Reach,
    /// At this price, slippage included.
    pub price: Price,
    /// Market price it was made against.
    pub against: Price,
}

/// What becomes of an order on a bar, liquidity apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Where the trigger of an order with a limit is reached: it is triggered, then gets something or rests.
    pub triggered: Option<Reach>,
    /// What it gets.
    pub offer: Option<Offer>,
    /// Whether what it gets comes with its trigger: without liquidity the trigger stays.
    pub elects: bool,
    /// Where a trailing stop stands after the bar, when it was not reached.
    pub stop: Option<Price>,
}

/// What an order gets from a bar, from a point of its path on. Size is a matter of the bar's budget.
pub fn outcome(order: &Order, meeting: &Meeting, from: Point, tick: Price, venue: &VenueModel) -> Outcome {
    let (spec, path) = (&order.spec, &meeting.path);
    let start = if order.triggered { Start::AtOnce } else { spec.order_type.start() };
    match start {
        Start::AtOnce => Outcome { offer: works(order, meeting, from, tick, venue), ..Outcome::default() },
        Start::Stop | Start::Touch => {
            let (point, stop) = if spec.order_type == OrderType::TrailingStop {
                trail(order, path, from)
            } else {
                let way = if start == Start::Stop { against(spec.side) } else { toward(spec.side) };
                (spec.trigger_price.and_then(|level| path.reach(from, level, way)), None)
            };
            let Some(point) = point else { return Outcome { stop, ..Outcome::default() } };
            let offer = works(order, meeting, point, tick, venue);
            let rests = spec.order_type.has_limit();
            Outcome { triggered: rests.then_some(point.reach), offer, elects: !rests, stop: None }
        }
        Start::Open => auction(order, (meeting.opens && from.reach == Reach::OPEN).then_some(from)),
        Start::Close => auction(order, meeting.closes.then(|| path.end())),
    }
}

/// What a working order gets from a point of the path on.
fn works(order: &Order, meeting: &Meeting, from: Point, tick: Price, venue: &VenueModel) -> Option<Offer> {
    let (spec, path) = (&order.spec, &meeting.path);
    if spec.order_type.has_limit() {
        let rule = venue.limit_rule(spec, meeting.from);
        return limit(spec.side, spec.limit_price?, path, from, tick, rule);
    }
    // A touched order trades at its trigger; what slips is what runs after the market.
    let slips = order.triggered || spec.order_type.start() != Start::Touch;
    let price = if slips {
        let share = venue.slippage_of(order.working(), meeting.volume)?;
        slipped(from.price, spec.side, (share, venue.slippage_ticks), tick)?
    } else {
        from.price
    };
    Some(Offer { reach: from.reach, price, against: from.price })
}

/// The point itself, where the price there is already through the limit; else the limit, once the path goes through.
fn limit(side: Side, limit: Price, path: &Path, from: Point, tick: Price, fill: LimitFill) -> Option<Offer> {
    let point = path.reach(from, through(side, limit, tick, fill)?, toward(side))?;
    let price = if point.reach == from.reach { from.price } else { limit };
    Some(Offer { reach: point.reach, price, against: price })
}

/// The auction's price, when it is no worse than the order's limit.
fn auction(order: &Order, point: Option<Point>) -> Outcome {
    let spec = &order.spec;
    let within = |price: &Point| match spec.limit_price.filter(|_| spec.order_type.has_limit()) {
        Some(limit) => toward(spec.side).has_reached(price.price, limit),
        None => true,
    };
    let offer = point.filter(within).map(|p| Offer { reach: p.reach, price: p.price, against: p.price });
    Outcome { offer, ..Outcome::default() }
}

/// Follows the path with a trailing stop: on each leg the stop from before the leg is tested, then the leg's end
/// moves it. Returns where it was reached, or where it stands at the end.
fn trail(order: &Order, path: &Path, start: Point) -> (Option<Point>, Option<Price>) {
    let way = against(order.spec.side);
    if order.stop.is_some_and(|stop| way.has_reached(start.price, stop)) {
        return (Some(start), None);
    }
    let mut stop = ratchet(order, order.stop, start.price);
    for (leg, from, to) in path.legs().filter(|(leg, ..)| *leg > start.reach.leg) {
        if let Some(level) = stop.filter(|level| way.has_reached(to, *level)) {
            return (Some(Point { reach: Reach::on(leg, from, level), price: level }), None);
        }
        stop = ratchet(order, stop, to);
    }
    (None, stop)
}

/// Where a trailing stop stands after a price: it follows, and never goes back.
pub fn ratchet(order: &Order, stop: Option<Price>, price: Price) -> Option<Price> {
    let side = order.spec.side;
    let next = order.spec.trail.and_then(|trail| trail.stop(side, price)).filter(|p| p.is_positive());
    match (stop, next) {
        (Some(stop), Some(next)) => Some(match side {
            Side::Buy => stop.min(next),
            Side::Sell => stop.max(next),
        }),
        (stop, next) => stop.or(next),
    }
}

/// Which way the market must move for a limit order of a side to fill.
pub const fn toward(side: Side) -> Toward {
    match side {
        Side::Buy => Toward::Down,
        Side::Sell => Toward::Up,
    }
}

/// Which way the market must move for a stop of a side to be reached.
pub const fn against(side: Side) -> Toward {
    match side {
        Side::Buy => Toward::Up,
        Side::Sell => Toward::Down,
    }
}

/// The price the market must reach: one tick beyond the limit, or the limit itself.
pub fn through(side: Side, limit: Price, tick: Price, fill: LimitFill) -> Option<Price> {
    match (fill, side) {
        (LimitFill::Touch, _) => Some(limit),
        (LimitFill::Through | LimitFill::Chance, Side::Buy) => limit.checked_sub(tick),
        (LimitFill::Through | LimitFill::Chance, Side::Sell) => limit.checked_add(tick),
    }
}

/// One fill price in this many raw units: a price at 1e-6 keeps whole shares exact in money.
const FILL_PRICE_STEP_RAW: i64 = 1_000;

/// A price moved against the order by a share of it and by ticks, rounded to 1e-6. A sell gets a tick at least, or the
/// price itself where that is less: slippage leaves no order without a price.
pub fn slipped(price: Price, side: Side, (share, ticks): (Ratio, u32), tick: Price) -> Option<Price> {
    let ticks = tick.raw().checked_mul(i64::from(ticks)).map(Price::from_raw)?;
    let slip = price.scale(share).ok()?.checked_add(ticks)?;
    let moved = match side {
        Side::Buy => price.checked_add(slip)?,
        Side::Sell => price.checked_sub(slip)?,
    };
    if slip.is_zero() {
        return Some(moved);
    }
    let wide = i128::from(moved.raw());
    let steps = crate::domain::fixed::divide_half_even(wide, i128::from(FILL_PRICE_STEP_RAW))?;
    let stepped = Price::from_raw_wide(steps * i128::from(FILL_PRICE_STEP_RAW)).ok()?;
    Some(stepped.max(tick.min(price))).filter(|p| p.is_positive())
}
