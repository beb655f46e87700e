//! Restricted list: symbols that may not be traded.

use crate::domain::decision::{CheckOutcome, Inputs};
use crate::domain::limit::{LimitName, LimitValue};
use crate::risk::limits::symbols;

use super::measure::{Seen, Threshold};
use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct RestrictedSymbols;

impl Control for RestrictedSymbols {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::RestrictedSymbols)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        listed(inputs, LimitName::RestrictedSymbols, |on_it| on_it)
    }
}

/// Holds a symbol against the lists of a limit; `speaks` says whether being on one, or not, is against it.
pub(super) fn listed(inputs: &Inputs, name: LimitName, speaks: impl Fn(bool) -> bool) -> Finding<'_> {
    let mut found = Finding { unit: name.unit(), ..Finding::plain(name.as_str(), name.code(), false) };
    found.observed = Some(Seen::Symbol(inputs.symbol));
    for bound in inputs.limits.iter().filter(|b| b.name == name) {
        let spoke = |v: &&LimitValue| symbols(v).is_some_and(|s| speaks(s.contains(&inputs.symbol)));
        let (hard, soft) = (bound.hard.as_ref().filter(spoke), bound.soft.as_ref().filter(spoke));
        let Some(list) = hard.or(soft) else { continue };
        (found.scope, found.threshold) = (Some(bound.scope), Threshold::Limit(list));
        found.outcome = if hard.is_some() { CheckOutcome::Breach } else { CheckOutcome::SoftBreach };
        if hard.is_some() {
            break;
        }
    }
    found
}
