//! Exposures of all paper accounts in one currency together, as multiples of their equity; what only reduces passes.

use crate::domain::decision::{FirmFigures, Inputs, Span};
use crate::domain::limit::{LimitName, LimitValue};
use crate::domain::{Money, Side};
use crate::risk::book::Book;
use crate::risk::sums::Whole;

use super::{Case, Control, Finding, Grain, Measure, Rule, bounded};

/// The control of gross exposure.
#[derive(Debug)]
pub struct MaxFirmGrossExposure;

impl Control for MaxFirmGrossExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxFirmGrossExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Firm
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        share(inputs, LimitName::MaxFirmGrossExposure, |firm| firm.gross)
    }
}

/// The control of net exposure.
#[derive(Debug)]
pub struct MaxFirmNetExposure;

impl Control for MaxFirmNetExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxFirmNetExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Firm
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        share(inputs, LimitName::MaxFirmNetExposure, |firm| firm.net)
    }
}

fn share(inputs: &Inputs, name: LimitName, pick: impl Fn(&FirmFigures) -> Span<Money>) -> Finding<'_> {
    let firm = inputs.beside.firm.as_ref();
    bounded(inputs, name, firm.map(|firm| Measure::share(pick(firm), firm.equity).unless(inputs.reduces)))
}

/// Sums over accounts.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    gross: Money,
    position: Money,
    buys: Money,
    sells: Money,
    equity: Money,
}

impl Sum {
    fn and(self, whole: &Whole, equity: Money) -> Option<Self> {
        Some(Self {
            gross: self.gross.checked_add(whole.gross)?,
            position: self.position.checked_add(whole.position)?,
            buys: self.buys.checked_add(whole.buys)?,
            sells: self.sells.checked_add(whole.sells)?,
            equity: self.equity.checked_add(equity)?,
        })
    }

    /// The peers of an account in its currency; `None` when a price of one is missing.
    fn of_peers(book: &Book<'_>) -> Option<Self> {
        book.peers_in_currency().try_fold(Self::default(), |sum, peer| {
            sum.and(&book.whole_of(peer.spec())?, book.equity_of(peer)?)
        })
    }
}

impl Case<'_> {
    /// All accounts of the firm before and with the order.
    pub(super) fn firm(&self, whole: Option<&Whole>) -> Option<FirmFigures> {
        let (peers, gross_of, net_of) =
            (Sum::of_peers(self.book)?, self.exposure.gross(whole)?, self.exposure.net_signed(whole)?);
        let open = match self.order.side {
            Side::Buy => peers.buys,
            Side::Sell => peers.sells.checked_neg()?,
        };
        let others = peers.position.checked_add(open)?;
        let net = |own: Money| others.checked_add(own)?.checked_abs();
        let gross = |own: Money| peers.gross.checked_add(own);
        Some(FirmFigures {
            gross: Span { now: gross(gross_of.now)?, with: gross(gross_of.with)? },
            net: Span { now: net(net_of.now)?, with: net(net_of.with)? },
            equity: peers.equity.checked_add(self.book.equity()?)?,
        })
    }
}

/// What the firm uses of its exposures without an order: of the net one the larger side.
pub fn firm_used(book: &Book<'_>, name: LimitName) -> Option<LimitValue> {
    let all = Sum::of_peers(book)?.and(&book.whole_of(book.account.spec())?, book.equity()?)?;
    let part = if name == LimitName::MaxFirmNetExposure {
        let long = all.position.checked_add(all.buys)?.checked_abs()?;
        long.max(all.position.checked_sub(all.sells)?.checked_abs()?)
    } else {
        all.gross
    };
    part.share_of(all.equity).map(LimitValue::Ratio)
}
