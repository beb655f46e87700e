//! Approval window: an order that waits too long for a second person ends; it is never refused by this.

use crate::domain::decision::Inputs;
use crate::domain::limit::{LimitName, LimitValue};
use crate::risk::limits::{LimitBook, Target};

use super::{Control, Finding, Phase, Rule};

/// The control.
#[derive(Debug)]
pub struct ApprovalWindow;

impl Control for ApprovalWindow {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::ApprovalWindow)
    }

    fn phase(&self) -> Phase {
        Phase::WhileHeld
    }

    fn judge<'i>(&self, _: &'i Inputs) -> Finding<'i> {
        let name = LimitName::ApprovalWindow;
        Finding::plain(name.as_str(), name.code(), false)
    }
}

/// The shortest window that binds an order, in seconds.
pub fn approval_window(limits: &LimitBook, target: &Target) -> Option<i64> {
    let own = limits.binding(target).filter(|(name, _, _)| *name == LimitName::ApprovalWindow);
    own.filter_map(|(_, _, value)| value.hard.as_ref().or(value.soft.as_ref()).and_then(LimitValue::raw))
        .min()
}
