//! Market halt: a halted symbol takes no new orders.

use crate::domain::RefusalCode;
use crate::domain::decision::Inputs;

use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct MarketHalt;

impl Control for MarketHalt {
    fn rule(&self) -> Rule {
        Rule::Always { name: "market_halt", doc: "A symbol that its exchange halted takes no new orders." }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        Finding::plain("market_halt", RefusalCode::MarketHalted, inputs.market_halted)
    }
}
