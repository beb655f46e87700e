//! The gate: the only place that makes an [`Approved`] order.

use crate::domain::event::Refusal;
use crate::domain::{AccountKind, OrderSpec, RefusalCode, Seq};

use super::decision::{Decision, Verdict};

/// An order that may work, bound to what it was judged against. It cannot be copied or made elsewhere, and
/// whoever lets it work consumes it.
#[derive(Debug)]
pub struct Approved {
    order: OrderSpec,
    limits_version: u32,
    book_seq: Seq,
    kind: AccountKind,
}

impl Approved {
    /// The order.
    pub const fn order(&self) -> &OrderSpec {
        &self.order
    }

    /// Limits version it was judged against.
    pub const fn limits_version(&self) -> u32 {
        self.limits_version
    }

    /// Book it was judged against.
    pub const fn book_seq(&self) -> Seq {
        self.book_seq
    }

    /// Kind of its account: what a broker may do with it.
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// Uses it up.
    pub fn into_order(self) -> OrderSpec {
        self.order
    }
}

/// Turns an accepting decision about this very order into an approval; anything else is a refusal.
pub fn admit(order: OrderSpec, decision: Decision) -> Result<Approved, Refusal> {
    if order != decision.order {
        return Err(Refusal::plain(RefusalCode::StaleOrder));
    }
    match decision.verdict {
        Verdict::Accept => Ok(Approved {
            order,
            limits_version: decision.record.limits_version,
            book_seq: decision.record.book_seq,
            kind: decision.kind,
        }),
        Verdict::Hold(code) => Err(Refusal::plain(code)),
        Verdict::Refuse(refusal) => Err(refusal),
    }
}
