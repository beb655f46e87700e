//! Fat fills: an execution far on the wrong side of the price that stood before it. It is told, and above the hard
//! value the limit's scope is halted; an order is never refused by it.

use crate::domain::decision::Inputs;
use crate::domain::limit::{LimitName, LimitValue, Scope};
use crate::domain::{Money, Price, Ratio, Side};
use crate::risk::limits::{LimitBook, Target};

use super::collar::beyond;
use super::{Control, Finding, Phase, Rule, share_above};

/// The control.
#[derive(Debug)]
pub struct MaxFillDistance;

impl Control for MaxFillDistance {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxFillDistance)
    }

    fn phase(&self) -> Phase {
        Phase::AfterFill
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, _: &'i Inputs) -> Finding<'i> {
        let name = LimitName::MaxFillDistance;
        Finding::plain(name.as_str(), name.code(), false)
    }
}

/// A fill that was too far away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatFill {
    /// How far, as a share of the reference price.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
    /// Scopes whose hard value it passed.
    pub halts: Vec<Scope>,
}

/// Holds a fill against the limits that bind its order.
pub fn fat_fill(
    limits: &LimitBook,
    target: &Target,
    (side, price): (Side, Price),
    reference: Price,
) -> Option<FatFill> {
    let (part, whole) = (Money::from_raw(beyond(side, price, reference)), Money::from_raw(reference.raw()));
    let passed = |value: Option<&LimitValue>| {
        value.and_then(LimitValue::raw).filter(|bound| share_above(part, whole, *bound))
    };
    let mut tightest: Option<i64> = None;
    let mut halts = Vec::new();
    let own = limits.binding(target).filter(|(name, _, _)| *name == LimitName::MaxFillDistance);
    for (_, scope, value) in own {
        let hard = passed(value.hard.as_ref());
        halts.extend(hard.map(|_| scope));
        tightest = tightest.into_iter().chain(hard).chain(passed(value.soft.as_ref())).min();
    }
    tightest.map(|bound| FatFill {
        observed: part.share_of(whole).map(|share| share.to_string()).unwrap_or_default(),
        threshold: Ratio::from_raw(bound).to_string(),
        halts,
    })
}
