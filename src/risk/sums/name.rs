//! One account's position and open orders in one instrument.

use serde::{Deserialize, Serialize};

use crate::domain::fixed::divide_half_even;
use crate::domain::venue::FeeModel;
use crate::domain::{AccountId, Money, Order, OrderId, OrderSpec, Price, Quantity, Side};
use crate::risk::exposure::waits_for_others;
use crate::risk::facts::Worth;

/// `price × quantity` at 1e-18 over money at 1e-6.
const PRICE_QUANTITY_TO_MONEY: i128 = 1_000_000_000_000;

/// Raw money of a quantity at a price.
pub(super) fn value(price: Price, quantity: Quantity) -> i128 {
    let wide = i128::from(price.raw()) * i128::from(quantity.raw());
    divide_half_even(wide, PRICE_QUANTITY_TO_MONEY).unwrap_or(0)
}

/// Prices for what has none of its own: the last one, else what a quote says for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    /// Last price.
    pub last: Option<Price>,
    /// For buys.
    pub buy: Option<Price>,
    /// For sells.
    pub sell: Option<Price>,
}

impl Prices {
    /// The same price for everything.
    pub const fn all(price: Option<Price>) -> Self {
        Self { last: price, buy: price, sell: price }
    }

    const fn of(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }
}

/// What an open order adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub account: AccountId,
    pub id: OrderId,
    pub side: Side,
    /// What may fill.
    pub quantity: Quantity,
    /// Its own price.
    pub price: Option<Price>,
    pub group: Option<OrderId>,
    pub reduces: bool,
    pub whole: Quantity,
    pub filled_notional: Money,
    pub fees: Money,
}

impl Part {
    /// `None` for an order that waits for others: it is judged again before it works.
    pub fn of(order: &Order) -> Option<Self> {
        (!waits_for_others(order)).then(|| Self {
            quantity: order.working(),
            reduces: order.spec.reduce_only,
            filled_notional: order.filled_notional,
            fees: order.fees,
            ..Self::of_draft((&order.spec, order.own_price()), Quantity::ZERO, None)
        })
    }

    /// A draft that is valued at `price` of its own, of which `quantity` would fill, in the place of `open`.
    pub fn of_draft(
        (draft, price): (&OrderSpec, Option<Price>),
        quantity: Quantity,
        open: Option<&Order>,
    ) -> Self {
        Self {
            account: draft.account,
            id: draft.id,
            side: draft.side,
            quantity,
            price,
            group: draft.oco,
            reduces: false,
            whole: draft.quantity,
            filled_notional: open.map_or(Money::ZERO, |o| o.filled_notional),
            fees: open.map_or(Money::ZERO, |o| o.fees),
        }
    }

    /// Whether it can be summed up: its figures never change by themselves.
    const fn is_plain(&self) -> bool {
        self.price.is_some() && self.group.is_none() && !self.reduces
    }

    fn quantity_beside(&self, position: Quantity) -> Quantity {
        if !self.reduces {
            return self.quantity;
        }
        let reducible = match self.side {
            Side::Sell => Some(position),
            Side::Buy => position.checked_neg(),
        };
        self.quantity.min(reducible.unwrap_or(Quantity::ZERO).max(Quantity::ZERO))
    }

    /// Raw quantity, value and cash beside a position.
    fn figures(&self, price: Price, position: Quantity, fee: &FeeModel) -> OneSide {
        let quantity = self.quantity_beside(position);
        let rest = value(price, quantity);
        let cash = match self.side {
            Side::Sell => 0,
            Side::Buy => {
                let all = Money::from_raw_wide(i128::from(self.filled_notional.raw()) + rest).ok();
                let due =
                    all.and_then(|all| fee.most(self.side, self.whole, all).ok()?.checked_sub(self.fees));
                rest + i128::from(due.map_or(0, |due| due.raw().max(0)))
            }
        };
        OneSide { quantity: i128::from(quantity.raw()), value: rest, cash }
    }
}

/// Open orders of one side, raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct OneSide {
    pub quantity: i128,
    pub value: i128,
    pub cash: i128,
}

impl OneSide {
    fn add(&mut self, other: &Self, sign: i128) {
        self.quantity += sign * other.quantity;
        self.value += sign * other.value;
        self.cash += sign * other.cash;
    }

    fn max(&self, other: &Self) -> Self {
        Self {
            quantity: self.quantity.max(other.quantity),
            value: self.value.max(other.value),
            cash: self.cash.max(other.cash),
        }
    }
}

/// A name's figures at given prices, raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    pub position: i128,
    pub buys: OneSide,
    pub sells: OneSide,
    pub cash: i128,
}

impl Figures {
    /// The same with one order more.
    pub fn with(mut self, side: Side, order: &OneSide) -> Self {
        self.side(side).add(order, 1);
        self.cash = self.buys.cash;
        self
    }

    fn side(&mut self, side: Side) -> &mut OneSide {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    /// What is held and ordered, less what was before.
    pub fn worth_since(&self, before: &Self) -> Worth {
        Worth {
            held: self.position - before.position,
            buys: self.buys.value - before.buys.value,
            sells: self.sells.value - before.sells.value,
        }
    }

    /// The larger of both sides, if all its orders filled.
    pub fn worst(&self) -> i128 {
        (self.position + self.buys.value).max(self.sells.value - self.position).max(0)
    }
}

/// A group's largest order of one side.
type Largest = (OrderId, Side, OneSide);

/// One account's position and open orders in one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Name {
    pub position: Quantity,
    buys: OneSide,
    sells: OneSide,
    /// Orders that are looked at one by one, by id.
    others: Vec<Part>,
}

impl Name {
    pub fn is_empty(&self) -> bool {
        self.position.is_zero()
            && self.others.is_empty()
            && self.buys.quantity == 0
            && self.sells.quantity == 0
    }

    /// Whether it cannot be valued without a price of the market.
    pub fn needs_price(&self) -> bool {
        !self.position.is_zero() || self.others.iter().any(|p| p.price.is_none())
    }

    /// Takes an order in (`sign` 1) or out (-1).
    pub fn count(&mut self, part: &Part, sign: i128, fee: &FeeModel) {
        if let Some(price) = part.price.filter(|_| part.is_plain()) {
            let figures = part.figures(price, self.position, fee);
            return match part.side {
                Side::Buy => self.buys.add(&figures, sign),
                Side::Sell => self.sells.add(&figures, sign),
            };
        }
        match (self.others.binary_search_by(|p| p.id.cmp(&part.id)), sign > 0) {
            (Err(at), true) => self.others.insert(at, *part),
            (Ok(at), false) => drop(self.others.remove(at)),
            (Ok(_), true) | (Err(_), false) => {}
        }
    }

    /// Its figures; `None` when a price is missing.
    pub fn figures(&self, prices: &Prices, fee: &FeeModel) -> Option<Figures> {
        self.figures_with(prices, fee, None, |_| true, None)
    }

    /// What one order beside those it has adds; `None` when a price is missing.
    pub fn figures_of(&self, part: &Part, prices: &Prices, fee: &FeeModel) -> Option<OneSide> {
        let price = part.price.or(prices.of(part.side))?;
        Some(part.figures(price, self.position, fee))
    }

    /// Its figures without the open order `out`, with only those others that `keep` lets through, and with `draft`.
    pub fn figures_with(
        &self,
        prices: &Prices,
        fee: &FeeModel,
        out: Option<&Part>,
        keep: impl Fn(&Part) -> bool,
        draft: Option<&Part>,
    ) -> Option<Figures> {
        let position = if self.position.is_zero() { 0 } else { value(prices.last?, self.position) };
        let mut sum = Figures { position, buys: self.buys, sells: self.sells, cash: 0 };
        if let Some((part, price)) = out.filter(|p| p.is_plain()).and_then(|p| Some((p, p.price?))) {
            sum.side(part.side).add(&part.figures(price, self.position, fee), -1);
        }
        let mut groups: Vec<Largest> = Vec::new();
        let others = self.others.iter().filter(|p| out.is_none_or(|out| out.id != p.id) && keep(p));
        for part in others.chain(draft) {
            let figures = self.figures_of(part, prices, fee)?;
            let Some(group) = part.group else {
                sum.side(part.side).add(&figures, 1);
                continue;
            };
            match groups.iter_mut().find(|(g, side, _)| *g == group && *side == part.side) {
                Some((_, _, largest)) => *largest = largest.max(&figures),
                None => groups.push((group, part.side, figures)),
            }
        }
        groups.iter().for_each(|(_, side, largest)| sum.side(*side).add(largest, 1));
        sum.cash = sum.buys.cash;
        Some(sum)
    }
}
