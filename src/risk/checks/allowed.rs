//! Allow list: only the symbols on it are traded; each list that binds an order must name its symbol.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::restricted::listed;
use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct AllowedSymbols;

impl Control for AllowedSymbols {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::AllowedSymbols)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        listed(inputs, LimitName::AllowedSymbols, |on_it| !on_it)
    }
}
