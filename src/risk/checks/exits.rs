//! Exits that a broker keeps: they go out with their entry, or with each other, and are judged no more, so what a soft
//! limit says of one holds for the others.

use crate::domain::RefusalCode;
use crate::domain::decision::{CheckOutcome, Inputs};

use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct Exits;

impl Control for Exits {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "exits",
            doc: "An entry whose exits go to a broker with it, and each of a pair of exits there, waits for a second person when a soft limit asks for one of them.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let code = inputs.beside.exits_ask.map_or(RefusalCode::ApprovalRequired, |limit| limit.code());
        let found = Finding::plain("exits", code, false);
        match inputs.beside.exits_ask {
            Some(_) => Finding { outcome: CheckOutcome::SoftBreach, ..found },
            None => found,
        }
    }
}
