//! The gate: the only place that makes an [`Approved`] order.

use std::sync::Arc;

use crate::domain::decision::DecisionRecord;
use crate::domain::event::Refusal;
use crate::domain::{AccountKind, OrderSpec, RefusalCode, Seq};

use super::decision::{Decision, Verdict};

/// An order that may work, bound to what it was judged against. It cannot be copied or made elsewhere, and
/// whoever lets it work consumes it.
#[derive(Debug)]
pub struct Approved {
    order: Arc<OrderSpec>,
    record: Box<DecisionRecord>,
    kind: AccountKind,
}

impl Approved {
    /// The order.
    pub fn order(&self) -> &OrderSpec {
        &self.order
    }

    /// Limits version it was judged against.
    pub const fn limits_version(&self) -> u32 {
        self.record.limits_version
    }

    /// Book it was judged against.
    pub const fn book_seq(&self) -> Seq {
        self.record.book_seq
    }

    /// Kind of its account: what a broker may do with it.
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// Uses it up: the order, and what was seen when it was judged.
    pub fn into_order(self) -> (Arc<OrderSpec>, Box<DecisionRecord>) {
        (self.order, self.record)
    }
}

/// Turns an accepting decision about this very order into an approval; anything else is a refusal.
pub fn admit(order: &OrderSpec, decision: Decision) -> Result<Approved, Refusal> {
    let same = std::ptr::eq(order, decision.order.as_ref()) || *order == *decision.order;
    if !same {
        return Err(Refusal::plain(RefusalCode::StaleOrder));
    }
    match decision.verdict {
        Verdict::Accept => {
            Ok(Approved { order: decision.order, record: decision.record, kind: decision.kind })
        }
        Verdict::Hold(code) => Err(Refusal::plain(code)),
        Verdict::Refuse(refusal) => Err(refusal),
    }
}
