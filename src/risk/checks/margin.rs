//! Margin call: a Reg-T account whose equity no longer covers what its positions require takes no more risk.
//!
//! A position requires a quarter of its value when it is long and three tenths when it is short, at last prices; the
//! engine judges that after each market event and fill. A call stands until the equity is out of the warning range,
//! so that a price on the edge does not end and begin it again and again. Nothing is ever sold by it.

use crate::domain::decision::Inputs;
use crate::domain::{Margin, Money, RefusalCode};
use crate::risk::book::Book;

use super::{Control, Finding, Phase, Rule};

/// What a long position requires, in percent of its value.
const LONG_PERCENT: i128 = 25;
/// What a short position requires, in percent of its value.
const SHORT_PERCENT: i128 = 30;
/// Below this share of equity beyond the requirement an account is warned, in percent.
const WARNING_PERCENT: i128 = 5;
/// From this share on the warning ends, in percent.
const EASY_PERCENT: i128 = 10;
/// Percent in a whole.
const WHOLE: i128 = 100;

/// The control.
#[derive(Debug)]
pub struct MarginCall;

impl Control for MarginCall {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "margin_call",
            doc: "A Reg-T account whose equity is below 25 % of its long and 30 % of its short positions takes no new risk.",
        }
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        Finding::plain(
            "margin_call",
            RefusalCode::MarginCall,
            inputs.margin_called && !inputs.reduces && !inputs.beside.flattens,
        )
    }
}

/// An account's equity beside what its positions require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginStanding {
    /// Equity at last prices.
    pub equity: Money,
    /// What positions require, rounded up.
    pub required: Money,
}

impl MarginStanding {
    /// How a Reg-T account stands; nothing for others, and none while a price is missing.
    pub fn of(book: &Book<'_>) -> Option<Self> {
        let spec = book.account.spec();
        if spec.margin != Margin::RegT {
            return None;
        }
        let equity = book.equity()?;
        let whole = book.sums.whole(spec.account, |instrument| book.prices(instrument))?;
        let (held, signed) = (i128::from(whole.held.raw()), i128::from(whole.position.raw()));
        // Long and short values are the half of sum and difference.
        let twice = (held + signed) * LONG_PERCENT + (held - signed) * SHORT_PERCENT;
        let required = Money::from_raw_wide((twice + 2 * WHOLE - 1).div_euclid(2 * WHOLE)).ok()?;
        Some(Self { equity, required })
    }

    /// Whether equity is below the requirement.
    pub fn is_called(&self) -> bool {
        self.equity < self.required
    }

    /// Whether equity is below it, or little above it.
    pub fn is_near(&self) -> bool {
        self.is_called() || self.excess_below(WARNING_PERCENT)
    }

    /// Whether equity is so far above it that a warning ends.
    pub fn is_easy(&self) -> bool {
        !self.is_called() && !self.excess_below(EASY_PERCENT)
    }

    fn excess_below(&self, percent: i128) -> bool {
        let (equity, required) = (i128::from(self.equity.raw()), i128::from(self.required.raw()));
        (equity - required) * WHOLE < equity * percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(equity: i64, required: i64) -> MarginStanding {
        let money = |whole| Money::from_whole(whole).unwrap();
        MarginStanding { equity: money(equity), required: money(required) }
    }

    #[test]
    fn a_call_is_below_the_requirement_and_a_warning_little_above() {
        let told = |equity, required| {
            let at = standing(equity, required);
            (at.is_called(), at.is_near(), at.is_easy())
        };
        assert_eq!(told(2_499, 2_500), (true, true, false));
        assert_eq!(told(2_500, 2_500), (false, true, false));
        assert_eq!(told(2_700, 2_565), (false, false, false), "five percent are left, ten are not");
        assert_eq!(told(3_000, 2_700), (false, false, true));
        assert_eq!(told(0, 0), (false, false, true), "nothing held, nothing required");
        assert_eq!(told(-1, 0), (true, true, false));
    }
}
