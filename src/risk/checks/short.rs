//! Short selling: selling more than the position less what open sells already take, and more than can be borrowed.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitUnit;
use crate::domain::{RefusalCode, Side};

use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct ShortSelling;

impl Control for ShortSelling {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "short_selling",
            doc: "Only an account and an instrument that allow it are sold short, and only what can be borrowed.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let plain = |code, breached| Finding::plain("short_selling", code, breached);
        if inputs.side == Side::Buy || inputs.reduce_only {
            return plain(RefusalCode::ShortSaleRestricted, false);
        }
        let Some((held, all)) = inputs.selling else {
            return plain(RefusalCode::ShortSaleRestricted, false).unknown();
        };
        let (code, breached) = match inputs.short {
            (false, _) => (RefusalCode::ShortSaleRestricted, all > held),
            (true, false) if all > held => (RefusalCode::HardToBorrow, true),
            (true, _) => (RefusalCode::ShortSaleRestricted, false),
        };
        match inputs
            .beside
            .borrowed
            .filter(|(short, borrowable)| !breached && all > held && short > borrowable)
        {
            Some((short, borrowable)) => plain(RefusalCode::ExceedsShortableQuantity, true).seen(
                LimitUnit::Quantity,
                short.raw(),
                borrowable.raw(),
            ),
            None => plain(code, breached).seen(LimitUnit::Quantity, all.raw(), held.raw()),
        }
    }
}
