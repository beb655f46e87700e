//! What an account's book would have made on each past day, and its beta, kept as orders and prices move.
//!
//! Returns and betas are floats where they are measured; here they are whole numbers of 1e-12, so that the sums are
//! exact and do not depend on the order of changes. Days are counted back from each exchange's last
//! session. A day on which a name of the book has no return has no outcome; a book with a name without any has none.

use crate::domain::Money;
use crate::domain::facts::InstrumentFacts;
use crate::domain::fixed::divide_half_even;

/// Parts of one.
const ONE: i128 = 1_000_000_000_000;
/// A return or beta of which more parts would not do is none.
const MOST: f64 = 1e4;
/// Raw money of one whole unit, as a divisor of statistics.
const MONEY_ONE: f64 = Money::ONE_RAW as f64;

/// A measured share in whole parts; `None` where it is missing.
fn parts(measured: f64) -> Option<i64> {
    (measured.abs() < MOST).then(|| libm::rint(measured * ONE as f64) as i64)
}

/// A wide whole number as a float, by its two machine words: many times faster than at once.
fn float(wide: i128) -> f64 {
    const WORD: f64 = 18_446_744_073_709_551_616.0;
    (wide >> 64) as i64 as f64 * WORD + wide as u64 as f64
}

/// The past of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    beta: Option<i64>,
    /// Daily returns, the newest first, zero where one is missing.
    returns: Option<Box<[i64]>>,
    /// Days back without one.
    gaps: Vec<usize>,
}

impl History {
    /// From what was measured.
    pub fn of(facts: &InstrumentFacts) -> Self {
        let newest = || facts.returns.iter().flat_map(|r| r.iter().rev().map(|r| parts(*r)));
        let missing = newest().enumerate().filter(|(_, r)| r.is_none());
        Self {
            beta: facts.beta.and_then(parts),
            returns: facts.returns.as_ref().map(|_| newest().map(|r| r.unwrap_or(0)).collect()),
            gaps: missing.map(|(back, _)| back).collect(),
        }
    }

    /// Days that it reaches back.
    pub fn days(&self) -> usize {
        self.returns.as_ref().map_or(0, |returns| returns.len())
    }
}

/// Past figures of an account's book: of names whose worth is known, each taken in with that, in raw money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct BookHistory {
    /// Names without a beta.
    without_beta: u32,
    /// Names without returns.
    without_returns: u32,
    /// Worth times beta.
    beta: i128,
    /// Worth times return, the newest day first.
    days: Vec<i128>,
    /// Names without a return on each day.
    gaps: Vec<u32>,
}

impl BookHistory {
    /// A name is held or ordered from now on.
    pub fn enter(&mut self, history: Option<&History>, days: usize) {
        self.days.resize(days, 0);
        self.gaps.resize(days, 0);
        self.count(history, 1);
    }

    /// A name is not any more, and is worth nothing.
    pub fn leave(&mut self, history: Option<&History>) {
        self.count(history, -1);
    }

    fn count(&mut self, history: Option<&History>, sign: i32) {
        let count = |names: &mut u32| *names = names.saturating_add_signed(sign);
        if history.is_none_or(|h| h.beta.is_none()) {
            count(&mut self.without_beta);
        }
        let Some(history) = history.filter(|h| h.returns.is_some()) else {
            return count(&mut self.without_returns);
        };
        let days = self.gaps.len();
        for back in history.gaps.iter().copied().chain(history.days()..days) {
            self.gaps.get_mut(back).into_iter().for_each(count);
        }
    }

    /// A name's worth changed by so much.
    pub fn shift(&mut self, history: Option<&History>, worth: i128) {
        let Some(history) = history else { return };
        // What wraps comes back when it is taken out again, and is never read: such a book's worth does not fit money.
        let times = |parts: i64| worth.wrapping_mul(i128::from(parts));
        self.beta = self.beta.wrapping_add(history.beta.map_or(0, times));
        let Some(returns) = &history.returns else { return };
        let days = self.days.iter_mut().zip(returns);
        match i64::try_from(worth) {
            // One multiplication of machine words each.
            Ok(worth) => days.for_each(|(sum, r)| {
                *sum = sum.wrapping_add(i128::from(worth).wrapping_mul(i128::from(*r)));
            }),
            Err(_) => days.for_each(|(sum, r)| *sum = sum.wrapping_add(times(*r))),
        }
    }

    /// Worth times beta; `None` when a beta is missing.
    pub fn beta(&self) -> Option<Money> {
        let whole = divide_half_even(self.beta, ONE).filter(|_| self.without_beta == 0)?;
        Money::from_raw_wide(whole).ok()
    }

    /// What the book would have made on each day, the newest first, NaN where it is not known; `None` when a name has no
    /// history. An empty book made nothing on each of `days`.
    pub fn outcomes(&self, days: usize) -> Option<Vec<f64>> {
        let outcome = |(sum, gaps): (&i128, &u32)| {
            if *gaps == 0 { float(*sum) / (ONE as f64 * MONEY_ONE) } else { f64::NAN }
        };
        let own = || self.days.iter().zip(&self.gaps).map(outcome).collect();
        (self.without_returns == 0).then(|| if self.days.is_empty() { vec![0.0; days] } else { own() })
    }
}
