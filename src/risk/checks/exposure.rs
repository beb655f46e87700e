//! [`Exposure`]: what an account, or a strategy in it, holds and orders of one instrument around a draft, and what that
//! makes of its totals.

use crate::domain::decision::Span;
use crate::domain::{Money, Quantity, Side};
use crate::risk::exposure::Sides;
use crate::risk::sums::{Around, Whole};

/// One instrument around a draft.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exposure {
    side: Side,
    /// Value of what of the draft would still fill.
    notional: Option<Money>,
    /// Open orders and position, the draft's own order left out.
    pub before: Option<Sides>,
    /// The same with the draft.
    pub with: Option<Sides>,
    /// Everything as the totals hold it.
    counted: Option<Sides>,
}

impl Exposure {
    /// A value that does not fit is no value, whatever the sums can hold.
    pub fn new(side: Side, notional: Option<Money>, around: &Around) -> Self {
        let with = around.with.filter(|_| notional.is_some());
        Self { side, notional, before: around.before, with, counted: around.counted }
    }

    /// A value before and with the draft.
    pub fn span(&self, value: impl Fn(&Sides) -> Option<Money>) -> Option<Span<Money>> {
        Some(Span { now: value(self.before.as_ref()?)?, with: value(self.with.as_ref()?)? })
    }

    /// Worst-case value of the position on the draft's side.
    pub fn position(&self) -> Option<Span<Money>> {
        self.span(|sides| sides.side_value(self.side))
    }

    /// Worst-case quantity of the position on the draft's side.
    pub fn quantity(&self) -> Option<Span<Quantity>> {
        let side = self.side;
        Some(Span { now: self.before?.side_quantity(side)?, with: self.with?.side_quantity(side)? })
    }

    /// Whether so much of the draft only makes the position smaller.
    pub fn reduces(&self, quantity: Quantity) -> bool {
        self.before.is_some_and(|sides| sides.reduces(self.side, quantity))
    }

    /// Worst cases of everything, before and with the draft.
    pub fn gross(&self, whole: Option<&Whole>) -> Option<Span<Money>> {
        self.within(whole?.gross)
    }

    /// The same of so much of which the instrument is a part.
    pub fn within(&self, sum: Money) -> Option<Span<Money>> {
        let others = sum.checked_sub(self.counted?.worst()?)?;
        let now = others.checked_add(self.before?.worst()?)?;
        Some(Span { now, with: others.checked_add(self.with?.worst()?)? })
    }

    /// Longs less shorts if all open orders of the draft's side filled, without the sign.
    pub fn net(&self, whole: Option<&Whole>) -> Option<Span<Money>> {
        let Span { now, with } = self.net_signed(whole)?;
        Some(Span { now: now.checked_abs()?, with: with.checked_abs()? })
    }

    /// The same with it.
    pub fn net_signed(&self, whole: Option<&Whole>) -> Option<Span<Money>> {
        let whole = whole?;
        let (counted, before, with) = (self.counted?, self.before?, self.with?);
        let (open, own, now, then) = match self.side {
            Side::Buy => (whole.buys, counted.buy_value, before.buy_value, with.buy_value),
            Side::Sell => (whole.sells, counted.sell_value, before.sell_value, with.sell_value),
        };
        let net = |here: Money| {
            let open = open.checked_sub(own)?.checked_add(here)?;
            let signed = if self.side == Side::Buy { Some(open) } else { open.checked_neg() };
            whole.position.checked_add(signed?)
        };
        Some(Span { now: net(now)?, with: net(then)? })
    }

    /// Value of what is held if the draft alone filled.
    pub fn held(&self, whole: Option<&Whole>) -> Option<Span<Money>> {
        let (now, here) = (whole?.held, self.held_here()?);
        Some(Span { now, with: now.checked_sub(here.now)?.checked_add(here.with)? })
    }

    /// The same of the instrument alone.
    pub fn held_here(&self) -> Option<Span<Money>> {
        let (here, notional) = (self.before?.value, self.notional?);
        let after = match self.side {
            Side::Buy => here.checked_add(notional)?,
            Side::Sell => here.checked_sub(notional)?,
        };
        Some(Span { now: here.checked_abs()?, with: after.checked_abs()? })
    }
}
