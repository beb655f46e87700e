//! What a ticket asks for: its fields, which of them its kind of order needs, and the order they come to.

use crate::domain::order::Start;
use crate::domain::{OrderType, Price, Quantity, Ratio, Side, Symbol, TimeInForce, Trail, UnixNanos};
use crate::service::trading::{OrderWish, Size};
use crate::tui::field::Field;
use crate::tui::words;

use super::super::cycle;

/// Longest text of a number, in characters.
const NUMBER_MAX: usize = 20;
/// Longest text of a moment, in characters.
const MOMENT_MAX: usize = 24;

/// What may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketField {
    /// Buy or sell.
    Side,
    /// What is traded.
    Symbol,
    /// What the size is measured by.
    Measure,
    /// Kind of order.
    Type,
    /// How much.
    Quantity,
    /// How long it works.
    Tif,
    /// Where a position sized by risk would be given up.
    Stop,
    /// Worst acceptable price.
    Limit,
    /// The price that makes it work.
    Trigger,
    /// How far a trailing stop follows.
    Trail,
    /// When a GTD order ends.
    Until,
    /// Never beyond the position.
    Reduce,
    /// Never against a standing quote.
    Post,
    /// Whether exits come along.
    Exits,
    /// Exit with a profit.
    Profit,
    /// Exit with a loss.
    Loss,
    /// Stop beside a limit that closes a position.
    OrStop,
}

/// Fields in the order of Tab and of the screen, two a row.
const FIELDS: [TicketField; 17] = [
    TicketField::Side,
    TicketField::Symbol,
    TicketField::Measure,
    TicketField::Type,
    TicketField::Quantity,
    TicketField::Tif,
    TicketField::Limit,
    TicketField::Trigger,
    TicketField::Trail,
    TicketField::Until,
    TicketField::Stop,
    TicketField::Post,
    TicketField::Reduce,
    TicketField::Exits,
    TicketField::Profit,
    TicketField::Loss,
    TicketField::OrStop,
];

/// What else is given with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exits {
    /// Nothing.
    None,
    /// Exits that wait for its fills: a take profit, a stop loss, or both.
    Bracket,
    /// A stop beside a limit order that closes a position; of the two at most one is done.
    OrStop,
}

impl Exits {
    /// All of them, in the order of the screen.
    pub const ALL: [Exits; 3] = [Exits::None, Exits::Bracket, Exits::OrStop];

    /// The words on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Exits::None => "none",
            Exits::Bracket => "bracket",
            Exits::OrStop => "or stop",
        }
    }
}

/// What a size is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Shares.
    Shares,
    /// Share of the equity lost at the stop.
    Risk,
    /// Share of the equity it is worth.
    Weight,
    /// Share of the equity it swings by in a year.
    Volatility,
}

impl Measure {
    /// All of them, in the order of the screen.
    pub const ALL: [Measure; 4] = [Measure::Shares, Measure::Risk, Measure::Weight, Measure::Volatility];

    /// The word on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Measure::Shares => "shares",
            Measure::Risk => "risk",
            Measure::Weight => "weight",
            Measure::Volatility => "vol",
        }
    }
}

/// The fields of a ticket.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Buy or sell.
    pub side: Side,
    /// Ticker.
    pub symbol: Field,
    /// What the size is measured by.
    pub measure: Measure,
    /// Kind of order.
    pub order_type: OrderType,
    /// How much: shares, or per cent of the equity.
    pub quantity: Field,
    /// How long it works.
    pub tif: TimeInForce,
    /// Worst acceptable price.
    pub limit: Field,
    /// The price that makes it work.
    pub trigger: Field,
    /// How far a trailing stop follows.
    pub trail: Field,
    /// When a GTD order ends.
    pub until: Field,
    /// Where a position sized by risk would be given up.
    pub stop: Field,
    /// Never against a standing quote.
    pub post_only: bool,
    /// Never beyond the position.
    pub reduce_only: bool,
    /// What else is given with it.
    pub exits: Exits,
    /// Exit with a profit.
    pub profit: Field,
    /// Exit with a loss.
    pub loss: Field,
    /// Stop beside a limit that closes a position.
    pub or_stop: Field,
}

impl Entry {
    /// A limit order for the day, of which symbol and side are known.
    pub fn new(symbol: Symbol, side: Side) -> Self {
        let number = || Field::new(NUMBER_MAX);
        Self {
            side,
            symbol: Field::with(Symbol::MAX_LEN, symbol.as_str()),
            measure: Measure::Shares,
            order_type: OrderType::Limit,
            quantity: number(),
            tif: TimeInForce::Day,
            limit: number(),
            trigger: number(),
            trail: number(),
            until: Field::new(MOMENT_MAX),
            stop: number(),
            post_only: false,
            reduce_only: false,
            exits: Exits::None,
            profit: number(),
            loss: number(),
            or_stop: number(),
        }
    }

    /// Whether the order has a use for a field.
    pub fn needs(&self, field: TicketField) -> bool {
        match field {
            TicketField::Limit => self.order_type.has_limit(),
            TicketField::Trigger => self.order_type.has_trigger(),
            TicketField::Trail => self.order_type == OrderType::TrailingStop,
            TicketField::Until => self.tif == TimeInForce::Gtd,
            TicketField::Stop => self.measure == Measure::Risk,
            TicketField::Post => self.order_type.has_limit() && self.order_type.start() == Start::AtOnce,
            TicketField::Profit | TicketField::Loss => self.exits == Exits::Bracket,
            TicketField::OrStop => self.exits == Exits::OrStop,
            TicketField::Side
            | TicketField::Symbol
            | TicketField::Measure
            | TicketField::Type
            | TicketField::Quantity
            | TicketField::Tif
            | TicketField::Reduce
            | TicketField::Exits => true,
        }
    }

    /// The fields it has a use for, in the order of the screen.
    pub fn fields(&self) -> impl Iterator<Item = TicketField> + '_ {
        FIELDS.into_iter().filter(|f| self.needs(*f))
    }

    /// The text of a field that holds one.
    pub fn text(&self, field: TicketField) -> Option<&Field> {
        match field {
            TicketField::Symbol => Some(&self.symbol),
            TicketField::Quantity => Some(&self.quantity),
            TicketField::Limit => Some(&self.limit),
            TicketField::Trigger => Some(&self.trigger),
            TicketField::Trail => Some(&self.trail),
            TicketField::Until => Some(&self.until),
            TicketField::Stop => Some(&self.stop),
            TicketField::Profit => Some(&self.profit),
            TicketField::Loss => Some(&self.loss),
            TicketField::OrStop => Some(&self.or_stop),
            TicketField::Side
            | TicketField::Measure
            | TicketField::Type
            | TicketField::Tif
            | TicketField::Post
            | TicketField::Reduce
            | TicketField::Exits => None,
        }
    }

    /// The same, to be typed into.
    pub fn text_mut(&mut self, field: TicketField) -> Option<&mut Field> {
        match field {
            TicketField::Symbol => Some(&mut self.symbol),
            TicketField::Quantity => Some(&mut self.quantity),
            TicketField::Limit => Some(&mut self.limit),
            TicketField::Trigger => Some(&mut self.trigger),
            TicketField::Trail => Some(&mut self.trail),
            TicketField::Until => Some(&mut self.until),
            TicketField::Stop => Some(&mut self.stop),
            TicketField::Profit => Some(&mut self.profit),
            TicketField::Loss => Some(&mut self.loss),
            TicketField::OrStop => Some(&mut self.or_stop),
            TicketField::Side
            | TicketField::Measure
            | TicketField::Type
            | TicketField::Tif
            | TicketField::Post
            | TicketField::Reduce
            | TicketField::Exits => None,
        }
    }

    /// Whether a character belongs into a field.
    pub fn takes(field: TicketField, c: char) -> bool {
        match field {
            TicketField::Symbol => true,
            TicketField::Trail => c.is_ascii_digit() || matches!(c, '.' | '%'),
            TicketField::Until => c.is_ascii_digit() || matches!(c, '-' | ':' | ' ' | 'T' | 'Z'),
            _ => c.is_ascii_digit() || c == '.',
        }
    }

    /// Puts a price into the limit field, in whole hundredths where it is not tiny.
    pub fn set_limit(&mut self, price: Price) {
        let cent = Price::ONE_RAW / 100;
        let whole = if price.raw() >= Price::ONE_RAW { price.raw() / cent * cent } else { price.raw() };
        self.limit.set(&Price::from_raw(whole).to_string());
    }

    /// The next value of a field: a word of a choice, a share or a cent more or less.
    pub fn turn(&mut self, field: TicketField, by: i64) {
        let back = by < 0;
        match field {
            TicketField::Side => self.side = if self.side == Side::Buy { Side::Sell } else { Side::Buy },
            TicketField::Type => self.order_type = turned(OrderType::ALL, self.order_type, back),
            TicketField::Tif => self.tif = turned(TimeInForce::ALL, self.tif, back),
            TicketField::Measure => {
                self.measure = turned(&Measure::ALL, self.measure, back);
                self.quantity.set("");
            }
            TicketField::Post => self.post_only = !self.post_only,
            TicketField::Reduce => self.reduce_only = !self.reduce_only,
            TicketField::Exits => self.exits = turned(&Exits::ALL, self.exits, back),
            TicketField::Quantity if self.measure == Measure::Shares => {
                let now = self.quantity.text().parse().unwrap_or(Quantity::ZERO);
                let next = Quantity::from_raw(now.raw().saturating_add(by.saturating_mul(Quantity::ONE_RAW)));
                self.quantity.set(&if next.is_negative() { Quantity::ZERO } else { next }.to_string());
            }
            TicketField::Limit
            | TicketField::Trigger
            | TicketField::Stop
            | TicketField::Profit
            | TicketField::Loss
            | TicketField::OrStop => {
                let Some(text) = self.text_mut(field) else { return };
                let now = text.text().parse().unwrap_or(Price::ZERO);
                let next = Price::from_raw(now.raw().saturating_add(by.saturating_mul(Price::ONE_RAW / 100)));
                text.set(&if next.is_negative() { Price::ZERO } else { next }.to_string());
            }
            TicketField::Symbol | TicketField::Quantity | TicketField::Trail | TicketField::Until => {}
        }
    }

    /// The order of a symbol, or what is still missing.
    pub fn order(&self, symbol: Symbol) -> Result<OrderWish, String> {
        let size = self.size()?;
        let price = |field: TicketField, name: &str, missing: &str| {
            if self.needs(field) { self.price(field, name, Some(missing)) } else { Ok(None) }
        };
        let limit_price = price(TicketField::Limit, "limit", "type a limit price, or choose a market order")?;
        let trigger_price = price(TicketField::Trigger, "trigger", "type the price that makes it work")?;
        let or_stop = price(TicketField::OrStop, "stop", "type the price of the stop")?;
        let is_bracket = self.exits == Exits::Bracket;
        let exit = |field, name| if is_bracket { self.price(field, name, None) } else { Ok(None) };
        let (take_profit, stop_loss) =
            (exit(TicketField::Profit, "take profit")?, exit(TicketField::Loss, "stop loss")?);
        if is_bracket && take_profit.is_none() && stop_loss.is_none() {
            return Err("type a take profit, a stop loss, or both".to_owned());
        }
        let wish = OrderWish {
            order_type: self.order_type,
            size,
            trigger_price,
            trail: self.needs(TicketField::Trail).then(|| self.trail_distance()).transpose()?,
            tif: self.tif,
            expire_at: self.needs(TicketField::Until).then(|| self.end()).transpose()?,
            reduce_only: self.reduce_only,
            post_only: self.post_only && self.needs(TicketField::Post),
            take_profit,
            stop_loss,
            or_stop,
            ..OrderWish::plain(symbol, self.side, Quantity::ZERO, limit_price)
        };
        wish.problem().map_or(Ok(wish), Err)
    }

    fn size(&self) -> Result<Size, String> {
        let text = self.quantity.text().trim();
        if self.measure == Measure::Shares {
            if text.is_empty() {
                return Err("type a quantity".to_owned());
            }
            let shares: Quantity = text.parse().map_err(|e| format!("quantity '{text}' {e}"))?;
            return if shares.is_positive() {
                Ok(Size::Shares(shares))
            } else {
                Err("the quantity must be above zero".to_owned())
            };
        }
        if text.is_empty() {
            return Err("type how many per cent of the equity".to_owned());
        }
        let share: Ratio = match format!("{text}%").parse() {
            Ok(Trail::Percent(share)) if share.is_positive() => share,
            _ => return Err(format!("'{text}' is no percentage above zero")),
        };
        Ok(match self.measure {
            Measure::Risk => {
                let stop = self.price(TicketField::Stop, "stop", None)?;
                let has_stop =
                    stop.is_some() || (self.exits == Exits::Bracket && !self.loss.text().trim().is_empty());
                if !has_stop {
                    return Err("type the stop at which the position would be given up".to_owned());
                }
                Size::Risk { share, stop }
            }
            Measure::Weight | Measure::Shares => Size::Weight(share),
            Measure::Volatility => Size::Volatility(share),
        })
    }

    /// A price above zero; an empty field is an error only where it is needed.
    fn price(&self, field: TicketField, name: &str, missing: Option<&str>) -> Result<Option<Price>, String> {
        let text = self.text(field).map_or("", |f| f.text()).trim();
        match (text.is_empty(), missing) {
            (true, Some(missing)) => return Err(missing.to_owned()),
            (true, None) => return Ok(None),
            (false, _) => {}
        }
        let price: Price = text.parse().map_err(|e| format!("{name} '{text}' {e}"))?;
        if price.is_positive() { Ok(Some(price)) } else { Err(format!("the {name} must be above zero")) }
    }

    fn trail_distance(&self) -> Result<Trail, String> {
        let text = self.trail.text().trim();
        let trail: Trail = text.parse().map_err(|_| "type how far it follows: 0.50, or 2%".to_owned())?;
        if trail.is_valid() { Ok(trail) } else { Err("a trail is above zero and below the price".to_owned()) }
    }

    /// A moment in UTC: with the time, or the end of a day.
    fn end(&self) -> Result<UnixNanos, String> {
        let end = words::moment(self.until.text().trim(), None, true);
        end.ok_or_else(|| "type when it ends: 2026-12-31, or 2026-12-31 21:00 (UTC)".to_owned())
    }
}

/// The next of a list of values.
fn turned<T: Copy + PartialEq>(all: &[T], now: T, back: bool) -> T {
    let at = all.iter().position(|v| *v == now).unwrap_or(0);
    all.get(cycle(at, all.len(), back)).copied().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let mut entry = Entry::new("AAPL".parse().unwrap(), Side::Buy);
        entry.quantity.set("10");
        entry.limit.set("50");
        entry
    }

    fn wish(entry: &Entry) -> Result<OrderWish, String> {
        entry.order("AAPL".parse().unwrap())
    }

    #[test]
    fn fields_appear_where_the_kind_of_order_needs_them() {
        let mut entry = entry();
        let has = |e: &Entry, f| e.fields().any(|g| g == f);
        assert!(has(&entry, TicketField::Limit) && !has(&entry, TicketField::Trigger));
        entry.order_type = OrderType::StopLimit;
        assert!(has(&entry, TicketField::Limit) && has(&entry, TicketField::Trigger));
        assert!(!has(&entry, TicketField::Post), "a stop limit does not rest at once");
        entry.order_type = OrderType::TrailingStop;
        assert!(has(&entry, TicketField::Trail) && !has(&entry, TicketField::Limit));
        entry.tif = TimeInForce::Gtd;
        entry.measure = Measure::Risk;
        assert!(has(&entry, TicketField::Until) && has(&entry, TicketField::Stop));
    }

    #[test]
    fn every_kind_of_order_can_be_written() {
        for kind in OrderType::ALL {
            let mut entry = entry();
            entry.order_type = *kind;
            entry.trigger.set("51");
            entry.trail.set("2%");
            let order = wish(&entry).unwrap();
            assert_eq!((order.order_type, order.limit_price.is_some()), (*kind, kind.has_limit()));
            assert_eq!(order.trigger_price.is_some(), kind.has_trigger());
        }
    }

    #[test]
    fn a_size_by_risk_takes_its_stop_from_the_bracket() {
        let mut entry = entry();
        entry.measure = Measure::Risk;
        entry.quantity.set("0.5");
        assert!(wish(&entry).unwrap_err().contains("stop"));
        entry.exits = Exits::Bracket;
        entry.loss.set("48");
        let order = wish(&entry).unwrap();
        assert_eq!(order.size, Size::Risk { share: "0.005".parse().unwrap(), stop: None });
        assert_eq!(order.stop_loss, Some("48".parse().unwrap()));
        entry.profit.set("47");
        assert!(wish(&entry).unwrap_err().contains("beyond"));
    }

    #[test]
    fn an_exit_with_a_stop_beside_it_is_a_limit_order_on_the_other_side_of_its_stop() {
        let mut entry = entry();
        entry.side = Side::Sell;
        entry.turn(TicketField::Exits, -1);
        assert!(entry.fields().any(|f| f == TicketField::OrStop));
        assert!(!entry.fields().any(|f| matches!(f, TicketField::Profit | TicketField::Loss)));
        assert_eq!(wish(&entry).unwrap_err(), "type the price of the stop");
        entry.or_stop.set("51");
        assert!(wish(&entry).unwrap_err().contains("below the limit"), "{:?}", wish(&entry));
        entry.or_stop.set("45");
        let order = wish(&entry).unwrap();
        assert_eq!((order.or_stop, order.take_profit, order.stop_loss), ("45".parse().ok(), None, None));
        entry.order_type = OrderType::Market;
        assert!(wish(&entry).unwrap_err().contains("limit order"));
        (entry.order_type, entry.exits) = (OrderType::Limit, Exits::None);
        assert_eq!(wish(&entry).unwrap().or_stop, None);
    }

    #[test]
    fn a_day_or_a_minute_says_when_it_ends() {
        let mut entry = entry();
        entry.tif = TimeInForce::Gtd;
        assert!(wish(&entry).unwrap_err().contains("when it ends"));
        entry.until.set("2026-12-31");
        assert_eq!(wish(&entry).unwrap().expire_at.unwrap().to_string(), "2026-12-31T23:59:59Z");
        entry.until.set("2026-12-31 21:00");
        assert_eq!(wish(&entry).unwrap().expire_at.unwrap().to_string(), "2026-12-31T21:00:00Z");
    }
}
